// TestMachine: a test of firmware code in one line.
//
//     TEST(Semaphore, is_taken_in_order) {
//         Semaphore free{"free", 1};
//         TestMachine machine;                    // after the objects that its threads use
//         machine.thread("one", 5, [&](ThreadContext& self) { … });
//         EXPECT_EQ(machine.run(), Stop::asked);  // asked: every thread has ended
//     }
//     run_as_thread([&](ThreadContext& self) { … });   // one thread, must end by itself
//
// Rules     EXPECT_ works inside threads; ASSERT_ leaves the lambda only.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernel/thread.hpp"
#include "port/host/machine.hpp"

namespace kyu::host {

class TestMachine {
public:
    using Body = std::function<void(ThreadContext&)>;

private:
    struct Slot {
        TestMachine& owner;
        std::string name;
        Body body;
        bool counted;
        ThreadStack<16384> stack;
        Thread thread;
        Slot(TestMachine& owner_in, const char* name_in, unsigned priority, Body body_in,
             bool counted_in)
            : owner(owner_in),
              name(name_in),
              body(std::move(body_in)),
              counted(counted_in),
              thread(name.c_str(), Priority{priority}, stack, &Slot::main, this) {}
        static void main(ThreadContext& self, void* slot) {
            auto& me = *static_cast<Slot*>(slot);
            me.body(self);
            if (me.counted && --me.owner.running_ == 0) me.owner.machine_.request_stop();
        }
    };
    std::vector<std::unique_ptr<Slot>> slots_;
    std::size_t running_{0};
    Machine machine_;

    Thread& add(const char* name, unsigned priority, Body body, bool counted) {
        slots_.push_back(std::make_unique<Slot>(*this, name, priority, std::move(body), counted));
        slots_.back()->thread.start_at_boot(machine_.kernel());
        if (counted) ++running_;
        return slots_.back()->thread;
    }

public:
    explicit TestMachine(const MachineConfig& config = {}) : machine_(config) {}

    /// A thread that must end before run() returns Stop::asked. Before the first run() only.
    Thread& thread(const char* name, unsigned priority, Body body) {
        return add(name, priority, std::move(body), true);
    }
    /// A thread that may go on for ever.
    Thread& daemon(const char* name, unsigned priority, Body body) {
        return add(name, priority, std::move(body), false);
    }
    /// Runs until every thread() has ended (asked), or `limit` is reached (deadline), or nothing
    /// can happen any more (idle: a thread waits for ever), or a panic (crashed).
    Stop run(Instant limit = Instant::from_us(3'600'000'000)) { return machine_.run_until(limit); }

    [[nodiscard]] Machine& machine() { return machine_; }
    [[nodiscard]] Kernel& kernel() { return machine_.kernel(); }
    [[nodiscard]] Instant now() const { return machine_.now(); }
    /// Console output so far, crash record included.
    [[nodiscard]] const std::string& text() const { return machine_.console_text(); }
};

/// Runs `body` as a thread of a fresh machine and expects it to end within an hour of virtual time.
inline void run_as_thread(TestMachine::Body body, unsigned priority = 16) {
    TestMachine machine;
    machine.thread("test", priority, std::move(body));
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
}

}  // namespace kyu::host
