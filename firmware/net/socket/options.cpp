// SocketOptions: their ranges. tcp/options_set.cpp makes a live socket obey them.
//
// Context   any. Pure.
#include "net/socket/options.hpp"

namespace kyu::net {

namespace {

bool buffer_in_range(std::uint32_t bytes) {
    return bytes >= kSockBufBytesMin && bytes <= kSockBufBytesMax;
}

bool positive(Duration d) { return Duration{} < d; }

}  // namespace

bool valid(const SocketOptions& o) {
    return buffer_in_range(o.send_bytes) && buffer_in_range(o.receive_bytes) && o.keep_count > 0 &&
           positive(o.keep_idle) && positive(o.keep_interval) && !(o.user_timeout < Duration{}) &&
           (!o.linger || (!(*o.linger < Duration{}) && !(kLingerMax < *o.linger)));
}

}  // namespace kyu::net
