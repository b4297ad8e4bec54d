// Segment arrives (RFC 9293 §3.10.7): the steps, as functions.
//
// Rules     A function that returns Next::done has finished with the segment: whatever had to be
//           sent has been sent, and the control block may be gone. After Next::step it is alive.
// Lock      the network lock.
#pragma once

#include "net/packet/mbuf.hpp"
#include "net/tcp/segment.hpp"
#include "net/tcp/syn_cache.hpp"
#include "net/tcp/tcpcb.hpp"
#include "net/tcp/time_wait.hpp"

namespace kyu::net {

class LockedNet;
class Socket;

void arrives_nowhere(LockedNet& net, const TcpSegment& seg);  // §3.10.7.1
/// `floor`, when not nullptr: our sequence numbers must begin above it (a TIME-WAIT was reused).
void arrives_in_listen(LockedNet& net, Socket& listener, const TcpSegment& seg,
                       const SeqNum* floor = nullptr);                             // §3.10.7.2
void arrives_in_syn_sent(LockedNet& net, Tcpcb& tp, TcpSegment seg, Mbuf&& data);  // §3.10.7.3
void arrives(LockedNet& net, Tcpcb& tp, TcpSegment seg, Mbuf&& data);              // §3.10.7.4
void arrives_for_syn_record(LockedNet& net, SynRecord& record, const TcpSegment& seg, Mbuf&& data);
/// True: the ACK completed a handshake of which only a cookie was kept, and is dealt with.
bool arrives_with_cookie(LockedNet& net, Socket& listener, const TcpSegment& seg, Mbuf& data);
/// accept() has taken one out of the listener's queue: the next in line comes in.
void queue_has_room(LockedNet& net, Socket& listener);
void arrives_in_time_wait(LockedNet& net, TimeWaitRecord& record, const TcpSegment& seg);

/// True: the segment, which begins at its header and whose checksum is right, was the one that was
/// expected, and is taken. False: nothing has happened.
[[nodiscard]] bool arrives_predicted(LockedNet& net, Tcpcb& tp, Mbuf& segment);

/// SND.UNA moves to `ack`, which acknowledges something new; `echo` is the segment's TSecr, 0 for
/// none. Returns bytes that the peer has now and was not known to have.
std::uint32_t take_new_ack(LockedNet& net, Tcpcb& tp, SeqNum ack, std::uint32_t echo);
/// `data` begins at rcv_nxt and fits the window.
void append_in_order(LockedNet& net, Tcpcb& tp, Mbuf&& data);

// The steps of §3.10.7.4; the third (security) is not ours and the sixth (URG) has no effect: the
// urgent pointer is ignored, urgent data are delivered in line (RFC 6093 §5).
Next check_sequence(LockedNet& net, Tcpcb& tp, TcpSegment& seg, Mbuf& data);    // first
Next check_reset(LockedNet& net, Tcpcb& tp, const TcpSegment& seg);             // second
Next check_syn(LockedNet& net, Tcpcb& tp, const TcpSegment& seg);               // fourth
Next check_ack(LockedNet& net, Tcpcb& tp, const TcpSegment& seg);               // fifth
Next take_text(LockedNet& net, Tcpcb& tp, const TcpSegment& seg, Mbuf&& data);  // seventh
Next check_fin(LockedNet& net, Tcpcb& tp);                                      // eighth

}  // namespace kyu::net
