// Names of the counters.
//
// Context   any. Pure.
#include "net/stats.hpp"

namespace kyu::net {

namespace {

constexpr std::array<std::string_view, kDropReasons> kDropNames{
#define KYU_DROP_TEXT(name) #name,
    KYU_DROPS(KYU_DROP_TEXT)
#undef KYU_DROP_TEXT
};

}  // namespace

std::string_view to_text(Drop reason) { return kDropNames[static_cast<std::size_t>(reason)]; }

std::uint64_t Stats::drops_in_all() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t n : drops_) sum += n;
    return sum;
}

}  // namespace kyu::net
