// SimWorld: who joins when, and why a run stops.
//
// Context   run_until() and step() without the interpreter's lock: no Python object is touched.
#include "bindings/sim_world.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace kyu::bindings {

SimWorld::Turn::Turn(SimWorld& world) : world_(world) {
    if (world.running_) throw std::runtime_error("another thread is running this world");
    world.running_ = true;
}

SimWorld::Turn::~Turn() { world_.running_ = false; }

void SimWorld::add(Member member) {
    for (const Member& other : members_) {
        if (other.host->name() == member.host->name()) {
            throw std::invalid_argument("there is a host of this name already: " +
                                        member.host->name());
        }
    }
    members_.push_back(std::move(member));
}

// A board boots when it joins: not before it has its wire and the world begins to run.
void SimWorld::join_new() {
    for (; joined_ < members_.size(); ++joined_) {
        const Member& member = members_[joined_];
        if (member.board != nullptr) {
            member.board->machine().explore(choices_, static_cast<unsigned>(joined_));
        }
        world_.join(*member.host);
    }
}

void SimWorld::check_free_end(const host::Host& host) {
    if (std::ranges::find(wired_, &host) != wired_.end()) {
        throw std::invalid_argument(host.name() + " hangs on a wire already");
    }
    wired_.push_back(&host);
}

void SimWorld::wire(host::Host& a, host::Host& b, host::Fates a_to_b, host::Fates b_to_a) {
    if (&a == &b) throw std::invalid_argument("a wire from " + a.name() + " to itself");
    check_free_end(a);
    check_free_end(b);
    world_.wire(a, b, std::move(a_to_b), std::move(b_to_a));
}

void SimWorld::hub(const std::vector<host::Host*>& hosts, const host::FatePlan& plan) {
    std::vector<host::Fates> fates;
    for (const host::Host* host : hosts) {
        check_free_end(*host);
        fates.push_back(host::Fates::from_seed(plan, next_seed()));
    }
    world_.hub(hosts, std::move(fates));
}

void SimWorld::explore(host::Choices* choices) {
    choices_ = choices;
    for (std::size_t i = 0; i < joined_; ++i) {
        if (app::SimBoard* board = members_[i].board; board != nullptr) {
            board->machine().explore(choices, static_cast<unsigned>(i));
        }
    }
}

void SimWorld::watch(bool on) {
    if (!on) return world_.watch({});
    world_.watch([this](const host::Passage& p) {
        seen_.push_back({p.at.us(), p.from->name(), p.to->name(), p.number, p.lost, p.spoiled,
                         host::Bytes(p.frame.begin(), p.frame.end())});
    });
}

std::optional<std::int64_t> SimWorld::next_event_us() {
    join_new();
    const Instant next = world_.next_event();
    if (next == Instant::never()) return std::nullopt;
    return next.us();
}

bool SimWorld::step() {
    join_new();
    return world_.step();
}

std::uint64_t SimWorld::inject_many(host::ScriptedPeer& end, const std::vector<host::Bytes>& frames,
                                    std::uint64_t times, Duration gap) {
    join_new();
    std::uint64_t sent = 0;
    for (std::uint64_t round = 0; round < times; ++round) {
        for (const host::Bytes& frame : frames) {
            end.send(frame);
            ++sent;
            if (world_.run_for(gap) == host::WorldStop::crashed) return sent;
        }
    }
    return sent;
}

const char* SimWorld::run_until(Instant limit, const std::vector<host::ScriptedPeer*>& endpoints,
                                const ClientTask* task) {
    join_new();
    const auto frame_waits = [&] {
        return std::ranges::any_of(endpoints, [](auto* end) { return !end->inbox().empty(); });
    };
    const auto done = [&] { return task != nullptr && task->done; };
    const host::WorldStop why = world_.run_until(limit, [&] { return done() || frame_waits(); });
    if (why == host::WorldStop::crashed) return "crashed";
    if (done()) return "done";
    return frame_waits() ? "frame" : "limit";
}

}  // namespace kyu::bindings
