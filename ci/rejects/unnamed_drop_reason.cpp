// expect: (is not a member of|no member named|not a member)
// A packet is dropped for a reason that has a name and a row in netstat.
#include "net/stats.hpp"

namespace kyu::net {

void drop(Stats& stats) {
#ifdef KYU_REJECT
    stats.count(Drop::somehow);
#else
    stats.count(Drop::ip_checksum);
#endif
}

}  // namespace kyu::net
