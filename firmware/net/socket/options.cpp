// SocketOptions: their ranges, and where each value takes effect.
//
// Lock      the network lock.
#include "net/socket/options.hpp"

#include "net/net.hpp"
#include "net/tcp/options_set.hpp"

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

void apply_options(LockedNet& net, Socket& socket) {
    tcp_apply_settings(net, socket, socket.options);
    net.wake(socket.writable);  // a larger buffer has room
}

}  // namespace kyu::net
