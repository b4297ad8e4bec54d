// The record is read back here the way a program reads it: line by line, each checksum checked.
#include "kernel/crash_record.hpp"

#include <array>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "base/pool.hpp"
#include "kernel/console.hpp"
#include "kernel/frame_line.hpp"
#include "kernel/panic.hpp"
#include "kernel/semaphore.hpp"
#include "port/host/console_port.hpp"
#include "port/host/test_machine.hpp"

namespace kyu {
namespace crash_record_test {

using host::Stop;
using host::TestMachine;
using namespace time_literals;

struct Frame {
    std::string kind;
    std::map<std::string, std::string> fields;
};

std::string take_quoted(const std::string& line, std::size_t& at) {
    std::string value;
    for (++at; at < line.size() && line[at] != '"'; ++at) {
        if (line[at] == '\\') ++at;
        value += line[at];
    }
    ++at;
    return value;
}

Frame parse_frame(const std::string& line) {
    const std::size_t star = line.rfind(" *");
    EXPECT_NE(star, std::string::npos) << line;
    EXPECT_EQ(crc16(line.substr(0, star)), std::strtoul(line.substr(star + 2).c_str(), nullptr, 16))
        << line;
    Frame frame;
    std::size_t at = line.find(' ', 5);
    frame.kind = line.substr(5, at - 5);
    while (at < star) {
        const std::size_t equals = line.find('=', ++at);
        const std::string key = line.substr(at, equals - at);
        at = equals + 1;
        if (line[at] == '"') {
            frame.fields[key] = take_quoted(line, at);
        } else {
            const std::size_t end = line.find(' ', at);
            frame.fields[key] = line.substr(at, end - at);
            at = end;
        }
    }
    return frame;
}

std::vector<Frame> frames_of(const std::string& text) {
    std::vector<Frame> frames;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = text.find("\r\n", at);
        if (end == std::string::npos) break;
        const std::string line = text.substr(at, end - at);
        if (line.rfind("@kyu ", 0) == 0) frames.push_back(parse_frame(line));
        at = end + 2;
    }
    return frames;
}

std::vector<Frame> of_kind(const std::vector<Frame>& frames, const std::string& kind) {
    std::vector<Frame> found;
    for (const Frame& frame : frames) {
        if (frame.kind == kind) found.push_back(frame);
    }
    return found;
}

TEST(CrashRecord, tells_threads_locks_pools_and_events) {
    Pool<int, 4> pool;
    PoolEntry entry{"numbers", pool.stats()};
    Mutex net{"net", HolderSleeps::may};
    TestMachine machine;
    machine.kernel().pools().add(entry);
    machine.thread("owner", 10, [&](ThreadContext& self) {
        static_cast<void>(pool.allocate(7));
        MutexGuard guard{net, self};
        self.sleep_for(5_ms);
        self.kernel().trace("doom", 0x1234, 7);
        panic("m_copym: \"no\" data\n");
    });
    machine.thread("waiter", 20, [&](ThreadContext& self) { MutexGuard guard{net, self}; });
    EXPECT_EQ(machine.run(), Stop::crashed);

    EXPECT_NE(machine.text().find("Current thread is owner\r\n SP = "), std::string::npos);
    EXPECT_NE(machine.text().find("PANIC: m_copym: \"no\" data?\r\n@kyu crash-begin v=1 build="),
              std::string::npos);
    const std::vector<Frame> frames = frames_of(machine.text());
    ASSERT_GT(frames.size(), 8U);
    EXPECT_EQ(frames.front().kind, "crash-begin");
    EXPECT_EQ(frames.front().fields.at("kind"), "panic");
    EXPECT_EQ(frames.front().fields.at("up_ms"), "5");
    EXPECT_EQ(frames.front().fields.at("thread"), "owner");
    EXPECT_EQ(frames.back().kind, "crash-end");
    EXPECT_EQ(frames.back().fields.at("lines"), std::to_string(frames.size() - 1));

    const auto threads = of_kind(frames, "crash-thread");
    ASSERT_EQ(threads.size(), 3U);
    EXPECT_EQ(threads[0].fields.at("state"), "running");
    EXPECT_EQ(threads[0].fields.at("prio"), "10");
    EXPECT_EQ(threads[1].fields.at("waits"), "mutex net");
    EXPECT_EQ(threads[2].fields.at("name"), "idle");
    for (const Frame& thread : threads) EXPECT_NE(thread.fields.at("used"), "0");

    const auto locks = of_kind(frames, "crash-lock");
    ASSERT_EQ(locks.size(), 1U);
    EXPECT_EQ(locks[0].fields.at("name"), "net");
    EXPECT_EQ(locks[0].fields.at("owner"), "owner");
    EXPECT_EQ(locks[0].fields.at("waiters"), "waiter");
    EXPECT_NE(locks[0].fields.at("taken"), "0x00000000");

    const auto pools = of_kind(frames, "crash-pool");
    ASSERT_EQ(pools.size(), 1U);
    EXPECT_EQ(pools[0].fields.at("used"), "1");
    EXPECT_EQ(pools[0].fields.at("total"), "4");

    const auto last_event = of_kind(frames, "crash-event").back();
    EXPECT_EQ(last_event.fields.at("what"), "doom");
    EXPECT_EQ(last_event.fields.at("a"), "0x00001234");
}

TEST(CrashRecord, says_once_where_each_ring_lies) {
    const std::array<std::uint32_t, 4> ring{};
    TestMachine machine;
    for (int i = 0; i < 3; ++i) machine.kernel().note_ring({"frames", &ring, sizeof ring});
    machine.thread("culprit", 10, [](ThreadContext&) { panic("by hand"); });
    EXPECT_EQ(machine.run(), Stop::crashed);
    const auto rings = of_kind(frames_of(machine.text()), "crash-ring");
    ASSERT_EQ(rings.size(), 1U);
    EXPECT_EQ(rings[0].fields.at("name"), "frames");
    EXPECT_EQ(rings[0].fields.at("bytes"), "16");
    EXPECT_EQ(std::stoull(rings[0].fields.at("at"), nullptr, 16),
              reinterpret_cast<std::uintptr_t>(&ring));
}

TEST(CrashRecord, is_handed_to_whoever_runs_the_machine) {
    TestMachine machine;
    machine.thread("culprit", 10, [](ThreadContext&) { panic("enough"); });
    EXPECT_EQ(machine.run(), Stop::crashed);
    const host::CrashInfo& crash = machine.machine().crash();
    EXPECT_EQ(crash.kind, PanicKind::panic);
    EXPECT_EQ(crash.reason, "enough");
    EXPECT_EQ(crash.thread, "culprit");
    EXPECT_EQ(crash.text, machine.text());
    EXPECT_EQ(machine.run(), Stop::crashed) << "a crashed machine stays so";
}

TEST(CrashRecord, has_frames_of_every_thread) {
    Semaphore never{"never", 0};
    TestMachine machine;
    machine.daemon("blocked", 5, [&](ThreadContext& self) { never.wait(self, Instant::never()); });
    machine.thread("culprit", 10, [&](ThreadContext&) { panic("enough"); });
    EXPECT_EQ(machine.run(), Stop::crashed);
    const auto all = of_kind(frames_of(machine.text()), "crash-frame");
    std::map<std::string, int> per_thread;
    for (const Frame& frame : all) {
        const int n = per_thread[frame.fields.at("thread")]++;
        EXPECT_EQ(frame.fields.at("n"), std::to_string(n)) << "innermost first, none missing";
    }
    // The idle thread never ran: its only frame is where it would have begun.
    EXPECT_GE(per_thread["1"], 3);
    EXPECT_GE(per_thread["2"], 3);
}

TEST(CrashRecord, threads_that_wait_in_the_same_place_show_their_frames_once) {
    Semaphore never{"never", 0};
    const auto idle_worker = [&](ThreadContext& self) { never.wait(self, Instant::never()); };
    TestMachine machine;
    machine.daemon("worker-0", 5, idle_worker);
    machine.daemon("worker-1", 5, idle_worker);
    machine.daemon("worker-2", 5, idle_worker);
    machine.thread("culprit", 10, [&](ThreadContext&) { panic("enough"); });
    EXPECT_EQ(machine.run(), Stop::crashed);
    const auto frames = frames_of(machine.text());
    std::map<std::string, std::string> like;
    std::string first_id;
    for (const Frame& thread : of_kind(frames, "crash-thread")) {
        if (thread.fields.at("name") == "worker-0") first_id = thread.fields.at("id");
        if (thread.fields.count("like") != 0) {
            like[thread.fields.at("name")] = thread.fields.at("like");
        }
    }
    EXPECT_EQ(like,
              (std::map<std::string, std::string>{{"worker-1", first_id}, {"worker-2", first_id}}));
}

TEST(CrashRecord, a_fault_brings_its_registers_and_what_the_processor_said) {
    TestMachine machine;
    machine.thread("culprit", 10, [&](ThreadContext&) {
        FaultRecord fault{.type = "data-abort", .address = 0x10, .status = 0x805};
        port::capture_registers(fault.registers);
        fault.registers.r[15] = 0x4002'ceac;
        panic_fault(fault);
    });
    EXPECT_EQ(machine.run(), Stop::crashed);
    EXPECT_NE(
        machine.text().find("FAULT: data abort at 4002ceac, address 00000010, status 00000805\r\n"),
        std::string::npos);
    const auto frames = frames_of(machine.text());
    EXPECT_EQ(frames.front().fields.at("kind"), "fault");
    const auto faults = of_kind(frames, "crash-fault");
    ASSERT_EQ(faults.size(), 1U);
    EXPECT_EQ(faults[0].fields.at("type"), "data-abort");
    EXPECT_EQ(faults[0].fields.at("addr"), "0x00000010");
    EXPECT_EQ(faults[0].fields.at("status"), "0x00000805");
    EXPECT_EQ(of_kind(frames, "crash-regs")[0].fields.at("pc"), "0x4002ceac");
    EXPECT_EQ(of_kind(frames, "crash-frame")[0].fields.at("pc"), "0x4002ceac");
}

TEST(CrashRecord, a_failed_check_names_the_condition_and_the_line) {
    TestMachine machine;
    machine.thread("culprit", 10, [&](ThreadContext&) { CHECK(1 + 1 == 3); });
    EXPECT_EQ(machine.run(), Stop::crashed);
    const auto frames = frames_of(machine.text());
    EXPECT_EQ(frames.front().fields.at("kind"), "check");
    EXPECT_EQ(
        frames.front().fields.at("reason").rfind("CHECK(1 + 1 == 3) crash_record_test.cpp:", 0),
        0U);
}

TEST(CrashRecord, comes_after_what_the_console_had_queued) {
    TestMachine machine;
    host::HostConsolePort uart{machine.machine(), 11};
    Console console{uart};
    uart.attach(console);
    machine.thread("culprit", 10, [&](ThreadContext& self) {
        console.print(self, "said {} before\n", "just");
        panic("enough");
    });
    EXPECT_EQ(machine.run(), Stop::crashed);
    EXPECT_EQ(machine.text().rfind("said just before\r\n\r\nCurrent thread is culprit\r\n", 0), 0U);
}

TEST(CrashRecord, a_panic_in_an_interrupt_says_so) {
    TestMachine machine;
    machine.machine().at(Instant::from_us(1000), [](IrqContext&) { panic("bad frame"); });
    machine.thread("bystander", 10, [&](ThreadContext& self) { self.sleep_for(5_ms); });
    EXPECT_EQ(machine.run(), Stop::crashed);
    const auto frames = frames_of(machine.text());
    EXPECT_EQ(frames.front().fields.at("thread"), "idle");
    EXPECT_EQ(frames.front().fields.at("irq"), "1");
}

TEST(CrashRecord, a_panic_inside_the_report_stops_with_both_reasons) {
    TestMachine machine;
    machine.thread("culprit", 10, [&](ThreadContext& self) {
        ++self.kernel().crash().depth;
        print(self.kernel().crash().reason, "the first");
        panic("the second");
    });
    EXPECT_EQ(machine.run(), Stop::crashed);
    EXPECT_EQ(machine.text(), "\r\nPANIC: the second\r\nPANIC: while reporting: the first\r\n");
}

TEST(CrashRecord, a_reason_without_end_is_cut_and_the_line_stays_whole) {
    TestMachine machine;
    const std::string endless(5000, 'x');
    machine.thread("culprit", 10,
                   [&](ThreadContext&) { panic(PanicKind::panic, "{}", endless.c_str()); });
    EXPECT_EQ(machine.run(), Stop::crashed);
    EXPECT_EQ(frames_of(machine.text()).front().fields.at("reason"),
              std::string(kCrashReasonMax, 'x'));
}

TEST(CrashRecordDeathTest, outside_of_a_machine_a_panic_ends_the_process_loudly) {
    EXPECT_DEATH(panic("no machine"), "PANIC: no machine");
}

}  // namespace crash_record_test
}  // namespace kyu
