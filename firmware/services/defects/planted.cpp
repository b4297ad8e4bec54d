#include "services/defects/planted.hpp"

#include <algorithm>
#include <array>

#include "kernel/panic.hpp"
#include "net/socket/api.hpp"

namespace kyu::defects {
namespace {

using namespace time_literals;

constexpr Priority kUrgent{1};  // above everything that does the image's work

void send(ThreadContext& self, net::TcpSocket& client, std::span<const std::byte> bytes) {
    const net::SendOutcome outcome = client.send(self, bytes, Instant::never());
    static_cast<void>(outcome);  // the defect fails the transfer anyway
}

[[gnu::noinline]] void spin_with_interrupts_on() {
    for (;;) asm volatile("");
}

[[gnu::noinline]] void spin_with_interrupts_off(ThreadContext& self) {
    const IrqsOff off(self);
    for (;;) asm volatile("");
}

[[gnu::noinline]] void planted_panic() { panic("planted panic"); }

void send_with_wrong_byte(ThreadContext& self, net::TcpSocket& client,
                          std::span<const std::byte> stream, std::size_t offset) {
    send(self, client, stream.first(offset));
    if (offset == stream.size()) return;
    const std::array<std::byte, 1> wrong{~stream[offset]};
    send(self, client, wrong);
    send(self, client, stream.subspan(offset + 1));
}

}  // namespace

Planted::Planted() : helper_("defect", kUrgent, stack_.span(), helper_entry, this) {}

void Planted::arm(ThreadContext& self, const Defect& defect) {
    defect_ = defect;
    if (defect.kind != Kind::none) helper_.start(self);
}

void Planted::helper_entry(ThreadContext& self, void* planted) {
    static_cast<Planted*>(planted)->help(self);
}

void Planted::help(ThreadContext& self) {
    if (!start_helper_.wait(self, Instant::never())) return;
    switch (defect_.kind) {
        case Kind::spin_irq_on: return spin_with_interrupts_on();
        case Kind::spin_irq_off: return spin_with_interrupts_off(self);
        case Kind::abba: return take_both(self, second_, first_);
        default: return;
    }
}

void Planted::take_both(ThreadContext& self, Mutex& mine, Mutex& other) {
    mine.lock(self);
    // Long enough for both threads to hold their first lock before either asks for its second.
    self.sleep_for(50_ms);
    other.lock(self);
    other.unlock(self);
    mine.unlock(self);
}

void Planted::act(ThreadContext& self, net::TcpSocket& client, std::span<const std::byte> stream) {
    const auto offset =
        static_cast<std::size_t>(std::min<std::uint64_t>(defect_.argument, stream.size()));
    const auto half = stream.first(stream.size() / 2);
    switch (defect_.kind) {
        case Kind::none: return;
        case Kind::panic: send(self, client, half); return planted_panic();
        case Kind::spin_irq_on:
        case Kind::spin_irq_off: send(self, client, half); return start_helper_.signal(self);
        case Kind::abba:
            send(self, client, half);
            start_helper_.signal(self);
            return take_both(self, first_, second_);
        case Kind::wrong_byte: return send_with_wrong_byte(self, client, stream, offset);
        case Kind::cut: return send(self, client, stream.first(offset));
        case Kind::stall:
            send(self, client, stream.first(offset));
            return self.sleep_until(Instant::never());
        case Kind::reset: send(self, client, half); return client.abort(self);
    }
}

}  // namespace kyu::defects
