// broken: a walker over TCP options that trusts their lengths, as walkers have done.
//
// Why       a fuzzer that finds nothing proves nothing until it has found this: the check of the
//           length against what is left is missing, and reached only behind a timestamp option.
#include "apps/fuzz/input.hpp"
#include "apps/fuzz/target.hpp"

namespace kyu::fuzz {

void broken(std::span<const std::uint8_t> bytes) {
    const Exact exact{bytes.first(std::min<std::size_t>(bytes.size(), 40))};
    const auto area = exact.bytes();
    bool stamped = false;
    for (std::size_t at = 0; at + 1 < area.size();) {
        const auto kind = static_cast<unsigned>(area[at]);
        if (kind == 0) return;
        if (kind == 1) {
            ++at;
            continue;
        }
        const auto length = static_cast<std::size_t>(area[at + 1]);
        if (length < 2 || (!stamped && at + length > area.size())) return;
        touch(std::span{area.data() + at, length});
        stamped = stamped || (kind == 8 && length == 10);
        at += length;
    }
}

}  // namespace kyu::fuzz
