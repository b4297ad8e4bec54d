// SimWorld: a world, everything that it refers to, and who may use it.
//
// Context   the interpreter's lock is held, except inside step() and run_until().
// Ownership Python's World owns it; Board and Endpoint refer to it and keep the World alive.
// Rules     one Python thread at a time: a second one gets RuntimeError, not a data race.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/simserver/sim_board.hpp"
#include "bindings/client_task.hpp"
#include "port/host/fates.hpp"
#include "port/host/world.hpp"

namespace kyu::bindings {

/// What Python holds of a host. The firmware has no run-time types, so its own classes cannot be
/// bound as they are.
struct Board {
    std::shared_ptr<app::SimBoard> host;
};
struct Endpoint {
    std::shared_ptr<host::ScriptedPeer> host;
};

/// What a world keeps of one; `board` is nullptr for an endpoint.
struct Member {
    std::shared_ptr<host::Host> host;
    app::SimBoard* board;
};

/// A frame that has arrived or was lost, as long as Python wants to know.
struct Seen {
    std::int64_t at_us;
    std::string from;
    std::string to;
    std::uint32_t number;
    bool lost;
    bool spoiled;
    host::Bytes frame;
};

class SimWorld {
    std::uint64_t seed_;
    host::SplitMix seeds_;
    std::vector<Member> members_;
    std::size_t joined_{0};
    std::vector<const host::Host*> wired_;
    host::Choices* choices_{nullptr};
    std::vector<Seen> seen_;
    host::World world_;  // last: it refers to the hosts
    bool running_{false};

    void join_new();
    void check_free_end(const host::Host& host);

public:
    /// Throws while somebody else runs the world.
    class Turn {
        SimWorld& world_;

    public:
        explicit Turn(SimWorld& world);
        ~Turn();
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;
    };

    explicit SimWorld(std::uint64_t seed) : seed_(seed), seeds_(seed) {}

    [[nodiscard]] std::uint64_t seed() const { return seed_; }
    [[nodiscard]] host::World& world() { return world_; }
    [[nodiscard]] const std::vector<Member>& members() const { return members_; }
    [[nodiscard]] std::uint64_t next_seed() { return seeds_.next_u64(); }

    /// invalid_argument: a host of that name is there already.
    void add(Member member);
    void wire(host::Host& a, host::Host& b, host::Fates a_to_b, host::Fates b_to_a);
    void hub(const std::vector<host::Host*>& hosts, const host::FatePlan& plan);
    void explore(host::Choices* choices);
    /// Keeps every frame from now on, until taken.
    void watch(bool on);
    [[nodiscard]] std::vector<Seen> take_seen() { return std::exchange(seen_, {}); }
    [[nodiscard]] std::optional<std::int64_t> next_event_us();
    bool step();
    /// Returns frames sent: all of them `times` times, unless a board crashes.
    std::uint64_t inject_many(host::ScriptedPeer& end, const std::vector<host::Bytes>& frames,
                              std::uint64_t times, Duration gap);
    /// Why it stopped: "limit", "frame", "done" or "crashed".
    const char* run_until(Instant limit, const std::vector<host::ScriptedPeer*>& endpoints,
                          const ClientTask* task);
};

}  // namespace kyu::bindings
