// FrameRing: the rare case of a frame in odd memory.
//
// Lock      the network lock.
#include "net/frame_ring.hpp"

namespace kyu::net {

void FrameRing::copy_slowly(Slot& slot, std::span<const std::byte> front) {
    slot.skip = 0;
    const std::size_t count = std::min(front.size(), slot.bytes.size());
    std::memcpy(slot.bytes.data(), front.data(), count);
    std::memset(slot.bytes.data() + count, 0, slot.bytes.size() - count);
}

}  // namespace kyu::net
