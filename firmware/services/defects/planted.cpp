#include "services/defects/planted.hpp"

#include <algorithm>
#include <array>

#include "net/socket/api.hpp"
#include "services/defects/acts.hpp"

namespace kyu::defects {
namespace {

constexpr Priority kUrgent{1};  // above everything that does the image's work

void send(ThreadContext& self, net::TcpSocket& client, std::span<const std::byte> bytes) {
    const net::SendOutcome outcome = client.send(self, bytes, Instant::never());
    static_cast<void>(outcome);  // the defect fails the transfer anyway
}

void send_with_wrong_byte(ThreadContext& self, net::TcpSocket& client,
                          std::span<const std::byte> stream, std::size_t offset) {
    send(self, client, stream.first(offset));
    if (offset == stream.size()) return;
    const std::array<std::byte, 1> wrong{~stream[offset]};
    send(self, client, wrong);
    send(self, client, stream.subspan(offset + 1));
}

}  // namespace

Planted::Planted(const BoardTricks& tricks)
    : tricks_(tricks), helper_("defect", kUrgent, stack_.span(), help, this) {}

void Planted::arm(ThreadContext& self, const Defect& defect) {
    defect_ = defect;
    if (defect.kind != Kind::none) helper_.start(self);
}

void Planted::help(ThreadContext& self, void* planted) {
    auto& me = *static_cast<Planted*>(planted);
    if (!me.props_.start_helper.wait(self, Instant::never())) return;
    act_as_helper(self, me.defect_.kind, me.props_, me.tricks_);
}

void Planted::act(ThreadContext& self, net::TcpSocket& client, std::span<const std::byte> stream) {
    const auto offset =
        static_cast<std::size_t>(std::min<std::uint64_t>(defect_.argument, stream.size()));
    switch (defect_.kind) {
        case Kind::wrong_byte: return send_with_wrong_byte(self, client, stream, offset);
        case Kind::cut: return send(self, client, stream.first(offset));
        case Kind::stall:
            send(self, client, stream.first(offset));
            return self.sleep_until(Instant::never());
        case Kind::reset:
            send(self, client, stream.first(stream.size() / 2));
            return client.abort(self);
        case Kind::leak:
            if (tricks_.keep_buffer != nullptr) tricks_.keep_buffer(self);
            return send(self, client, stream);
        default: break;
    }
    const std::size_t half = stream.size() / 2;
    send(self, client, stream.first(half));
    if (act_in_transfer(self, defect_.kind, props_, tricks_))
        send(self, client, stream.subspan(half));
}

}  // namespace kyu::defects
