// SocketOptions: their ranges, and where each value takes effect.
//
// Lock      the network lock.
#include "net/socket/options.hpp"

#include "net/net.hpp"
#include "net/tcp/usrreq.hpp"

namespace kyu::net {

namespace {

bool buffer_in_range(std::uint32_t bytes) {
    return bytes >= kSockBufBytesMin && bytes <= kSockBufBytes;
}

bool positive(Duration d) { return Duration{} < d; }

}  // namespace

bool valid(const SocketOptions& o) {
    return buffer_in_range(o.send_bytes) && buffer_in_range(o.receive_bytes) && o.keep_count > 0 &&
           positive(o.keep_idle) && positive(o.keep_interval) && !(o.user_timeout < Duration{}) &&
           (!o.linger || (!(*o.linger < Duration{}) && !(kLingerMax < *o.linger)));
}

void apply_options(LockedNet& net, Socket& socket) {
    const SocketOptions& options = socket.options;
    socket.send.set_limit(options.send_bytes);
    socket.receive.set_limit(options.receive_bytes);
    if (socket.pcb == nullptr) return;
    const bool at_once = options.no_delay && !socket.pcb->no_delay;
    socket.pcb->no_delay = options.no_delay;
    if (at_once) tcp_usr_send(net, socket, socket.pcb->more_to_come);
    net.wake(socket.writable);  // a larger buffer has room
}

}  // namespace kyu::net
