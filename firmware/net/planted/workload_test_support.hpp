// For tests only: the loads under which the planted bugs show, on two stacks and one wire.
//
// Rules     Board "b" serves and may have a bug, board "a" never has. Everything is a function of
//           the seed. A hook spends time at scheduling points, as code does on a real processor:
//           frames arrive meanwhile, and what is more urgent runs.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "base/mission_bug.hpp"
#include "net/socket/pair_test_support.hpp"

namespace kyu::net::test {

struct Load {
    unsigned clients{1};    ///< at a time, each with a server thread of its own
    unsigned transfers{1};  ///< by each client, one after the other
    std::size_t bytes{200'000};
    std::size_t chunk{2000};
    /// A scheduling point in so many takes time, up to `time`; 0: none.
    unsigned every{0};
    Duration time{Duration::from_us(1000)};
    std::uint32_t seed{1};
    Duration limit{Duration::from_s(600)};  ///< virtual
};

/// A board that is busy in between: every tenth kernel call takes up to a millisecond.
inline constexpr Load kBusyLoad{.transfers = 4, .every = 10};
/// A slow one, for a long time.
inline constexpr Load kSlowLoad{.transfers = 1000, .every = 10, .time = Duration::from_ms(3)};
/// Pieces of odd sizes.
inline constexpr Load kOddLoad{.chunk = 2047};
/// Connections that come and go.
inline constexpr Load kManySmallLoad{.clients = 4, .transfers = 120, .bytes = 2000};

/// What the clients and the board's counters saw.
struct Seen {
    host::Stop stop{};
    std::string panic;  ///< the reason; empty when there was none
    std::string trace;  ///< the whole crash record
    unsigned good{0};
    unsigned wrong{0};               ///< streams with a wrong byte
    unsigned refused{0};             ///< connections that could not be had, or died
    unsigned empty_sleepers{0};      ///< threads that wait for room in an empty send buffer
    unsigned bad_checksums{0};       ///< segments that the client's stack dropped
    PoolStats sockets{};             ///< of the board, as they were when they first ran out
    std::uint32_t connections{0};    ///< at the same time
    std::vector<std::string> waits;  ///< "THREAD: KIND NAME" of every thread at the end
    [[nodiscard]] bool waiting(std::string_view what) const {
        return std::any_of(waits.begin(), waits.end(),
                           [&](const std::string& w) { return w == what; });
    }
    [[nodiscard]] bool clean() const {
        return stop == host::Stop::asked && wrong == 0 && refused == 0 && bad_checksums == 0;
    }
};

class LoadedPair {
    Load load_;
    Seen seen_;
    std::vector<std::byte> bytes_;  // not on a thread's stack, which is dropped, not unwound
    TestPair pair_{};
    std::mt19937 random_;
    TcpSocket* listener_{nullptr};  // on its thread's stack, for ever
    static constexpr std::uint16_t kPort = 114;

    void serve(ThreadContext& self) {
        while (listener_ == nullptr) self.sleep_for(Duration::from_ms(1));
        for (;;) {
            auto s = listener_->accept(self, Instant::never());
            if (!s) {
                self.sleep_for(Duration::from_ms(10));
                continue;
            }
            for (std::size_t at = 0; at < bytes_.size(); at += load_.chunk) {
                const auto part =
                    std::span{bytes_}.subspan(at, std::min(load_.chunk, bytes_.size() - at));
                if (!s->send(self, part, Instant::never()).status) break;
            }
            s->close(self);
        }
    }
    void fetch(ThreadContext& self) {
        const Instant deadline = self.now() + Duration::from_s(30);
        auto s = TcpSocket::connect(*pair_.a.net, self, {pair_.b.address, kPort}, deadline);
        if (!s) {
            ++seen_.refused;
            return;
        }
        std::array<std::byte, 4096> buffer;
        std::size_t got = 0;
        bool right = true;
        bool died = false;
        for (;;) {
            const auto n = s->recv(self, buffer, Instant::never());
            died = !n;
            if (!n || *n == 0) break;
            for (std::size_t i = 0; i < *n; ++i) right = right && buffer[i] == pattern_at(got + i);
            got += *n;
        }
        s->close(self);
        if (!right) {
            ++seen_.wrong;
        } else if (died || got != load_.bytes) {
            ++seen_.refused;
        } else {
            ++seen_.good;
        }
    }
    void note_threads() {
        for (Thread& thread : pair_.machine.kernel().threads()) {
            const WaitQueue* queue = thread.waits_in();
            if (queue == nullptr) continue;
            seen_.waits.push_back(std::string(thread.name()) + ": " + queue->kind() + " " +
                                  queue->name());
        }
    }
    void look(ThreadContext& self) {
        {
            NetGuard guard{*pair_.b.net, self};
            if (seen_.sockets.failed == 0) {  // as it was when they first ran out
                seen_.sockets = guard->tcp.sockets.stats();
                seen_.connections = guard->tcp.connections.stats().used;
            }
            seen_.empty_sleepers = guard->tcp.sockets.senders_asleep_on_empty();
        }
        NetGuard guard{*pair_.a.net, self};
        seen_.bad_checksums = static_cast<unsigned>(guard->tcp.stats[TcpCount::drop_checksum]);
    }

public:
    LoadedPair(MissionBug bug, const Load& load)
        : load_(load), bytes_(pattern_bytes(load.bytes)), random_(load.seed) {
        NetConfig config;
        config.bug = PlantedBug{bug};
        pair_.machine.daemon("plant", 5, [this, config](ThreadContext& self) {
            NetConfig mine = config;
            mine.source = NetConfig::Source::fixed;
            mine.address = pair_.b.address;
            pair_.b.net->configure(self, mine);
            auto listener = TcpSocket::listen(*pair_.b.net, self, kPort, 8);
            listener_ = &*listener;
            self.sleep_until(Instant::never());
        });
        for (unsigned i = 0; i < load.clients; ++i) {
            pair_.machine.daemon("server", 20, [this](ThreadContext& self) { serve(self); });
            pair_.machine.thread("client", 20, [this](ThreadContext& self) {
                self.sleep_for(Duration::from_ms(10));
                for (unsigned n = 0; n < load_.transfers; ++n) fetch(self);
            });
        }
        // The last word, in time before run() gives up: a stack whose lock is lost stays silent.
        pair_.machine.daemon("observer", 3, [this](ThreadContext& self) {
            for (;;) {
                self.sleep_for(Duration::from_ms(100));
                look(self);
            }
        });
        if (load.every == 0) return;
        pair_.machine.machine().on_scheduling_point([this](host::Machine& m) {
            if (random_() % load_.every != 0) return;
            const auto most = static_cast<std::uint32_t>(load_.time.us());
            m.spend(Duration::from_us(1 + random_() % most));
        });
    }
    Seen run() {
        seen_.stop = pair_.machine.run(Instant{} + load_.limit);
        note_threads();
        if (seen_.stop == host::Stop::crashed) {
            seen_.panic = pair_.machine.machine().crash().reason;
            seen_.trace = pair_.machine.machine().crash().text;
        } else {
            pair_.machine.machine().run_for(Duration::from_s(2));  // the observer looks again
        }
        return seen_;
    }
};

inline Seen run_load(MissionBug bug, const Load& load) { return LoadedPair{bug, load}.run(); }

}  // namespace kyu::net::test
