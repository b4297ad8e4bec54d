// The steps of a program, and the loop that fetches `big`.
//
// Context   a firmware thread's fibre. Nothing here may throw.
#include "bindings/client_task.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/panic.hpp"
#include "kernel/port.hpp"
#include "net/socket/api.hpp"
#include "net/udp_socket.hpp"
#include "services/wangdoodle/pattern.hpp"

namespace kyu::bindings {
namespace {

using net::SocketError;
using net::TcpSocket;

constexpr std::size_t kPieceBytes = 16384;
constexpr unsigned kBacklog = 8;

// How often an open program that has nothing to do looks for more: at first soon, after a while
// rarely, so that days of silence are few events.
constexpr Duration kNapMin = Duration::from_ms(1);
constexpr Duration kNapMax = Duration::from_ms(1000);

std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

// The sockets of one program, and what it has done so far.
struct Program {
    net::Net& net;
    ThreadContext& self;
    ClientTask& task;
    TcpSocket listener{};
    TcpSocket socket{};
    net::UdpSocket group{};
    std::vector<std::byte> piece = std::vector<std::byte>(kPieceBytes);

    Status<SocketError> connect(const net::Endpoint& remote) {
        hang_up();
        auto made = TcpSocket::connect(net, self, remote, Instant::never());
        if (!made) return made.error();
        socket = std::move(*made);
        return ok;
    }
    Status<SocketError> listen(std::uint16_t port) {
        if (listener.open()) listener.close(self);
        auto made = TcpSocket::listen(net, self, port, kBacklog);
        if (!made) return made.error();
        listener = std::move(*made);
        return ok;
    }
    Status<SocketError> accept() {
        hang_up();
        if (!listener.open()) return SocketError::invalid;
        auto made = listener.accept(self, Instant::never());
        if (!made) return made.error();
        socket = std::move(*made);
        return ok;
    }
    // Reads until `count` bytes have come, or the peer has sent everything. Keeps them.
    Status<SocketError> receive(std::uint64_t count) {
        while (count > 0) {
            const std::size_t want = std::min<std::uint64_t>(count, piece.size());
            auto got = socket.recv(self, std::span(piece).first(want), Instant::never());
            if (!got) return got.error();
            if (*got == 0) break;
            task.received.append(reinterpret_cast<const char*>(piece.data()), *got);
            task.bytes += *got;
            count -= *got;
        }
        return ok;
    }
    // Belongs to a multicast group until the program ends.
    Status<SocketError> join(net::Ipv4 address) {
        if (!group.is_open()) {
            auto made = net::UdpSocket::open(net, self, 0);
            if (!made) return SocketError::no_memory;
            group = std::move(*made);
        }
        if (!group.join(self, address)) return SocketError::no_memory;
        return ok;
    }
    void hang_up() {
        if (socket.open()) socket.close(self);
    }
    Status<SocketError> carry_out(const Step& step) {
        using enum Step::Kind;
        if (step.kind == connect) return this->connect(step.remote);
        if (step.kind == listen) return this->listen(step.remote.port);
        if (step.kind == accept) return this->accept();
        if (step.kind == sleep) {
            self.sleep_for(Duration::from_us(static_cast<std::int64_t>(step.number)));
            return ok;
        }
        if (step.kind == Step::Kind::join) return this->join(step.remote.address);
        if (step.kind == panic) kyu::panic(step.data.c_str());
        if (!socket.open()) return SocketError::not_connected;
        switch (step.kind) {
            case send: return socket.send(self, bytes_of(step.data), Instant::never()).status;
            case recv: return receive(step.number);
            case recv_all: return receive(UINT64_MAX);
            case shutdown: return socket.shutdown_send(self);
            case abort: socket.abort(self); return ok;
            default: socket.close(self); return ok;
        }
    }
};

void finish(ClientTask& task) {
    task.done = true;
    task.finished = port::now();
}

}  // namespace

const char* to_text(Step::Kind kind) {
    switch (kind) {
        case Step::Kind::connect: return "connect";
        case Step::Kind::listen: return "listen";
        case Step::Kind::accept: return "accept";
        case Step::Kind::send: return "send";
        case Step::Kind::recv: return "recv";
        case Step::Kind::recv_all: return "recv_all";
        case Step::Kind::shutdown: return "shutdown";
        case Step::Kind::close: return "close";
        case Step::Kind::abort: return "abort";
        case Step::Kind::sleep: return "sleep";
        case Step::Kind::join: return "join";
        case Step::Kind::panic: return "panic";
    }
    return nullptr;
}

void run_steps(net::Net& net, ThreadContext& self, ClientTask& task) {
    Program program{net, self, task};
    Duration nap = kNapMin;
    while (task.step < task.steps.size() || task.open) {
        if (task.step == task.steps.size()) {
            self.sleep_for(nap);
            nap = std::min(nap + nap, kNapMax);
            continue;
        }
        const Step& step = task.steps[task.step];
        if (const auto did = program.carry_out(step); !did) {
            task.error = std::string{to_text(step.kind)} + ": " + net::to_text(did.error());
            break;
        }
        ++task.step;
        nap = kNapMin;
    }
    program.hang_up();
    if (program.listener.open()) program.listener.close(self);
    if (program.group.is_open()) program.group.close(self);
    finish(task);
}

namespace {

const std::vector<std::byte>& big() {
    static const std::vector<std::byte> bytes = [] {
        std::vector<std::byte> made(wangdoodle::kBigBytes);
        wangdoodle::fill_big(std::span(made).first<wangdoodle::kBigBytes>());
        return made;
    }();
    return bytes;
}

std::string text_of(const char* what, SocketError error, std::uint64_t offset) {
    return std::string{what} + ": " + net::to_text(error) + " after " + std::to_string(offset) +
           " bytes";
}

// One transfer; what was wrong with it, or an empty text.
std::string fetch_once(ThreadContext& self, ClientTask& task, TcpSocket& socket,
                       std::span<std::byte> piece) {
    const auto asked = socket.send(self, bytes_of("big\n"), Instant::never());
    if (!asked.status) return text_of("send", asked.status.error(), 0);
    std::uint64_t offset = 0;
    for (;;) {
        auto got = socket.recv(self, piece, Instant::never());
        if (!got) return text_of("recv", got.error(), offset);
        if (*got == 0) break;
        task.bytes += *got;
        if (offset + *got > big().size()) return "more than 200000 bytes came";
        const auto* right = big().data() + offset;
        if (std::memcmp(piece.data(), right, *got) != 0) {
            const auto* wrong = std::mismatch(right, right + *got, piece.data()).first;
            return "wrong byte at offset " +
                   std::to_string(offset + static_cast<std::uint64_t>(wrong - right));
        }
        offset += *got;
    }
    if (offset != big().size())
        return "cut: the end came after " + std::to_string(offset) + " bytes";
    return {};
}

}  // namespace

void run_big(net::Net& net, ThreadContext& self, ClientTask& task, const net::Endpoint& remote,
             std::uint64_t transfers) {
    std::vector<std::byte> piece(65536);
    while (task.transfers < transfers && task.error.empty()) {
        auto made = TcpSocket::connect(net, self, remote, Instant::never());
        if (!made) {
            task.error = text_of("connect", made.error(), 0);
            break;
        }
        TcpSocket socket = std::move(*made);
        task.error = fetch_once(self, task, socket, piece);
        if (!task.error.empty()) {
            socket.abort(self);
            break;
        }
        socket.close(self);
        ++task.transfers;
    }
    finish(task);
}

}  // namespace kyu::bindings
