// World: hosts and wires under one clock.
//
//     World world;
//     world.join(a); world.join(b);
//     world.wire(a, b, Fates::from_seed(plan, 1), Fates::from_seed(plan, 2));
//     world.run_for(Duration::from_s(10));
//
// Context   the driver; one thread.
// Ownership refers to its hosts; they outlive it. Owns wires and the frames under way.
// Time      jumps to the next event of any host or wire. Whenever the driver has control, the clock
//           of every host that has not crashed shows the world's time.
// Order     events of the same instant happen in the order in which they were made, then the hosts
//           run in the order of their ids: a run is a function of hosts, wires and seeds alone.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <span>
#include <vector>

#include "base/time.hpp"
#include "port/host/event_hash.hpp"
#include "port/host/fates.hpp"
#include "port/host/host.hpp"

namespace kyu::host {

/// Why World::run_until() came back.
enum class WorldStop : std::uint8_t {
    limit,    ///< the clock has reached it
    idle,     ///< nothing will ever happen by itself
    crashed,  ///< a board has panicked meanwhile; the others may go on
    asked,    ///< the predicate was true
};

/// A frame that has arrived, or that a wire has lost.
struct Passage {
    Instant at{};
    const Host* from{};
    const Host* to{};
    std::uint32_t number{};  ///< of the frames towards `to`, counted from 0 like their fates
    bool lost{false};
    bool spoiled{false};  ///< the wire has changed its bytes
    std::span<const std::byte> frame{};
};

/// What a wire has delivered with other bytes than were sent.
struct Spoiled {
    std::uint64_t frames{0};
    std::uint64_t arp{0};  ///< of these; ARP has no checksum that would tell
};

class World {
public:
    using Until = std::function<bool()>;
    using Watch = std::function<void(const Passage&)>;

    World() = default;
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    void join(Host& host);
    /// A wire between two hosts, with the fates of either direction. A host hangs on one wire.
    void wire(Host& a, Host& b, Fates a_to_b, Fates b_to_a);
    /// All of `hosts` hear each other; fates_to[i] are those of frames towards hosts[i].
    void hub(std::span<Host* const> hosts, std::vector<Fates> fates_to);

    [[nodiscard]] Instant now() const { return now_; }
    /// When something will next happen; never() when nothing will by itself.
    [[nodiscard]] Instant next_event() const;
    /// Goes to the next event and through it. False: there is none.
    bool step();
    /// Steps until the clock shows `limit`, a board panics, or `until` says so (asked after each
    /// step).
    WorldStop run_until(Instant limit, const Until& until = {});
    WorldStop run_for(Duration duration, const Until& until = {}) {
        return run_until(now_ + duration, until);
    }

    /// Over every frame sent, lost and delivered, with its time, and over crashes.
    [[nodiscard]] std::uint64_t hash() const { return hash_.value(); }
    [[nodiscard]] std::uint64_t events() const { return hash_.events(); }
    [[nodiscard]] std::span<Host* const> hosts() const { return hosts_; }
    /// The fates of frames towards `host`; nullptr while it hangs on no wire.
    [[nodiscard]] Fates* fates_to(const Host& host);
    /// All wires do no more harm from now on.
    void calm();
    /// Of the frames that have arrived at `host`.
    [[nodiscard]] Spoiled spoiled(const Host& host) const;
    /// `watch` is told of every frame that arrives or is lost; it changes nothing.
    void watch(Watch watch) { watch_ = std::move(watch); }

private:
    /// One host's end of a wire.
    struct Port {
        Host* host{};
        std::vector<Port*> others{};
        Fates fates_in;
        Instant busy_until{};     ///< of the direction towards this host: rate_bytes_per_s
        std::uint32_t frames{0};  ///< sent towards this host
        Spoiled spoiled{};
        Port(Host& host_in, Fates fates) : host(&host_in), fates_in(std::move(fates)) {}
    };
    struct Delivery {
        Instant at{};
        std::uint64_t sequence{};
        const Host* from{};
        Port* to{};
        std::uint32_t number{};
        bool spoiled{false};
        Bytes frame{};
        FrameDigest digest;
    };
    struct Later {
        bool operator()(const Delivery& a, const Delivery& b) const {
            return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
        }
    };

    Instant now_{};
    std::vector<Host*> hosts_;
    std::size_t crashes_{0};
    std::vector<std::unique_ptr<Port>> ports_;
    std::vector<Delivery> under_way_;  // a heap by Later
    std::vector<Bytes> spare_;         // buffers to use again
    std::uint64_t sequence_{0};
    EventHash hash_;
    Watch watch_;

    Port& plug(Host& host, Fates fates);
    void send(Port& from, std::span<const std::byte> frame);
    void send_one(const Host& from, Port& to, std::span<const std::byte> frame, FrameDigest digest);
    [[nodiscard]] Bytes copy_of(std::span<const std::byte> frame);
    static void spoil(Delivery& delivery, const Fate& fate);
    void arrive(const Delivery& delivery);
    void put_under_way(Delivery delivery);
    void deliver_due();
    void run(Host& host);
    void run_hosts();
    void go_to(Instant when);
    void set_clocks();
};

}  // namespace kyu::host
