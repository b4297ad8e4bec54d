// Host: whoever hangs on a wire of a World: a simulated board, or a script.
//
// Context   the driver. The world calls receive(), then run_until(); in between the host stands
//           still.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/time.hpp"

namespace kyu::host {

using Bytes = std::vector<std::byte>;

/// Puts an Ethernet frame (without FCS) on the host's wire.
using Transmit = std::function<void(std::span<const std::byte> frame)>;

class Host {
    std::string name_;
    std::uint32_t id_{0};
    Transmit transmit_;
    friend class World;

protected:
    explicit Host(std::string name) : name_(std::move(name)) {}
    /// To the wire; nowhere while there is none.
    void transmit(std::span<const std::byte> frame) {
        if (transmit_) transmit_(frame);
    }

public:
    virtual ~Host() = default;
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;

    /// A frame has arrived, at `now`.
    virtual void receive(Instant now, std::span<const std::byte> frame) = 0;
    /// Does everything that is due until `now`.
    virtual void run_until(Instant now) = 0;
    /// When it will next do something by itself; never() when it waits for a frame.
    [[nodiscard]] virtual Instant next_event() const = 0;
    /// Its firmware has panicked.
    [[nodiscard]] virtual bool crashed() const { return false; }
    /// Calls f(name, value) for every counter.
    virtual void counters(const std::function<void(std::string_view, std::uint64_t)>& f) = 0;

    [[nodiscard]] const std::string& name() const { return name_; }
    /// Its number in the world, from 0 in the order of joining.
    [[nodiscard]] std::uint32_t id() const { return id_; }
};

/// A host without a stack: frames in and out as bytes.
class ScriptedPeer final : public Host {
public:
    struct Arrival {
        Instant at{};
        Bytes frame{};
    };

private:
    std::deque<Arrival> inbox_;
    std::uint64_t sent_{0};
    std::uint64_t received_{0};

public:
    explicit ScriptedPeer(std::string name) : Host(std::move(name)) {}
    void send(std::span<const std::byte> frame) {
        ++sent_;
        transmit(frame);
    }
    /// What has arrived and was not taken yet, oldest first.
    [[nodiscard]] std::deque<Arrival>& inbox() { return inbox_; }

    void receive(Instant now, std::span<const std::byte> frame) override {
        ++received_;
        inbox_.push_back({now, Bytes(frame.begin(), frame.end())});
    }
    void run_until(Instant /*now*/) override {}
    [[nodiscard]] Instant next_event() const override { return Instant::never(); }
    void counters(const std::function<void(std::string_view, std::uint64_t)>& f) override {
        f("frames_sent", sent_);
        f("frames_received", received_);
    }
};

}  // namespace kyu::host
