// FrameRing: the rare case of a frame in odd memory.
//
// Lock      the network lock.
#include "net/frame_ring.hpp"

namespace kyu::net {

void FrameRing::copy_slowly(Slot& slot, std::span<const std::byte> front) {
    const std::size_t count = std::min(front.size(), slot.bytes_.size());
    std::memcpy(slot.bytes_.data(), front.data(), count);
    std::memset(slot.bytes_.data() + count, 0, slot.bytes_.size() - count);
}

}  // namespace kyu::net
