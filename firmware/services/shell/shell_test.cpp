// The shell as a person at the serial line meets it: a line in, an answer, and always a prompt.
#include "services/shell/shell.hpp"

#include <map>
#include <string>

#include "net/host_test_support.hpp"
#include "port/host/console_port.hpp"

namespace kyu {
namespace shell_test {

using namespace time_literals;

/// A board with a few words of memory, one device, and two functions that share a name.
class FakeBoard final : public ShellBoard {
    host::Machine& machine_;

public:
    std::map<std::uintptr_t, std::uint32_t> ram;
    std::vector<std::uint32_t> called_with;
    bool restarted{false};

    explicit FakeBoard(host::Machine& machine) : machine_(machine) {
        for (std::uint32_t i = 0; i < 8; ++i) ram[0x4000'8000 + 4 * i] = 0x4443'4241 + i;
        ram[0xFFFF'FFFC] = 7;
    }
    void restart() override { restarted = true; }
    void spend(Duration duration) override { machine_.spend(duration); }
    [[nodiscard]] Memory memory_at(std::uintptr_t address) const override {
        if (address % 4 != 0) ADD_FAILURE() << "asked about the middle of a word";
        if (address >= 0x01C2'0000 && address < 0x01C2'0010) return Memory::registers;
        if (address == 0x01C2'8000) return Memory::delicate;
        return ram.contains(address) ? Memory::ram : Memory::none;
    }
    [[nodiscard]] std::uint32_t read_word(std::uintptr_t address) const override {
        const Memory kind = memory_at(address);
        if (kind != Memory::ram && kind != Memory::registers) ADD_FAILURE() << address;
        return kind == Memory::ram ? ram.at(address) : 0xC10C'0000;
    }
    [[nodiscard]] Function find_function(std::string_view name) const override {
        if (name == "add") return {1, 0x4000'8008};
        if (name == "send") return {2, 0x4000'8000};
        return {};
    }
    std::uint32_t call(std::uintptr_t function, const std::uint32_t (&a)[4]) override {
        EXPECT_EQ(function, 0x4000'8008U);
        called_with.assign(std::begin(a), std::end(a));
        return a[0] + a[1] + a[2] + a[3];
    }
    [[nodiscard]] std::uint32_t irq_count(unsigned id) const override { return id == 27 ? 9 : 0; }
    [[nodiscard]] unsigned irq_ids() const override { return 160; }
    [[nodiscard]] const char* irq_name(unsigned /*id*/) const override { return "timer"; }
};

void own_test(ThreadContext& /*self*/, selftest::Run& run) { run.not_answered(); }
void bad_test(ThreadContext& /*self*/, selftest::Run& run) { run.expect(1 > 2, "one is \"big\""); }
// A thread that neither ends nor listens.
void stubborn_test(ThreadContext& self, selftest::Run& run) {
    static Semaphore never{"stubborn", 0};
    auto body = [](ThreadContext& me) { never.wait(me, Instant::never()); };
    selftest::Threads threads{self, run};
    threads.start("stubborn", selftest::kUrgent, body);
}
constexpr std::array<selftest::Test, 3> kBoardTests{
    {{"device", "a device", own_test},
     {"bad", "fails", bad_test},
     {"stubborn", "leaves a thread behind", stubborn_test}}};

class ShellTest : public testing::Test {
protected:
    net::test::HostNet host;
    host::Machine& machine{host.machine.machine()};
    host::HostConsolePort uart{machine};
    Console console{uart};
    Heartbeat heartbeat{console, host.net, [](const void*) { return 0U; }, nullptr};
    FakeBoard board{machine};
    std::unique_ptr<Shell> shell{
        std::make_unique<Shell>(console, host.net, heartbeat, board, kBoardTests)};
    Semaphore never{"never", 0};
    Mutex lock{"lock", HolderSleeps::may};

    ShellTest() {
        uart.attach(console);
        host.machine.daemon("shell", 12, [this](ThreadContext& self) { shell->run(self); });
        host.machine.daemon("deaf", 20, [this](ThreadContext& self) {
            MutexGuard guard{lock, self};
            never.wait(self, Instant::never());
        });
        host.machine.daemon("worker", 20,
                            [this](ThreadContext& self) { never.wait(self, Instant::never()); });
        host.machine.daemon("killable", 20, [this](ThreadContext& self) {
            self.accept_kill();
            while (!self.should_end()) never.wait(self, Instant::never());
        });
        say("");
    }
    // Threads wait in the console and in this object: they must be harmless before it dies.
    ~ShellTest() override { machine.switch_off(); }

    /// Types a line and returns what comes back before the next prompt.
    std::string say(const std::string& line) {
        const std::size_t start = host.machine.text().size();
        uart.type(line + "\r");
        host.machine.run(machine.now() + 100_s);
        std::string answer = host.machine.text().substr(start);
        EXPECT_TRUE(answer.ends_with(kPrompt)) << "no prompt after " << line << ":\n" << answer;
        const std::string echo = line + "\r\n";
        if (answer.starts_with(echo)) answer.erase(0, echo.size());
        if (answer.ends_with(kPrompt)) answer = answer.substr(0, answer.size() - kPrompt.size());
        std::erase(answer, '\r');
        return answer;
    }
};

TEST_F(ShellTest, answers_each_mistake_with_one_line_and_a_prompt) {
    for (const char* line : {"frobnicate",
                             "u",
                             "u nobody",
                             "u a b",
                             "v",
                             "v nobody",
                             "block",
                             "unblock nobody",
                             "d",
                             "d zz",
                             "d 40008000 0",
                             "d 40008000 4097",
                             "dw 40008000 1025",
                             "d 40008000 1 2",
                             "x",
                             "x nothing",
                             "x send",
                             "x add 1 2 3 4 5",
                             "x add one",
                             "x add 0x100000000",
                             "x add --1",
                             "top 0",
                             "top 61",
                             "top x",
                             "k 19",
                             "k nothing",
                             "k 1 0",
                             "k 1 x",
                             "k 1 2 3",
                             "i 99",
                             "hb maybe",
                             "a b c d e f g h i"}) {
        const std::string answer = say(line);
        EXPECT_EQ(std::count(answer.begin(), answer.end(), '\n'), 1) << line << ": " << answer;
    }
}

TEST_F(ShellTest, survives_junk_and_a_line_without_end) {
    for (int piece = 0; piece < 10; ++piece) {
        uart.type(std::string(500, 'x'));
        host.machine.run(machine.now() + 1_s);
    }
    EXPECT_NE(say("x").find("no such command"), std::string::npos);
    std::string junk;
    for (int c = 0; c < 256; ++c) {
        if (c != '\r' && c != '\n') junk += static_cast<char>(c);
    }
    say(junk + "\x03");
    say("\x1b[A\x1b[1;5C\x15");
    EXPECT_NE(say("up").find("threads"), std::string::npos);
}

TEST_F(ShellTest, help_names_every_command) {
    const std::string help = say("h");
    for (const char* name :
         {"threads", "thread", "kill", "block", "unblock", "top", "dump", "call", "net", "if",
          "arp", "tcp", "pools", "irqs", "up", "hb", "reboot", "kernel", "io"}) {
        EXPECT_NE(help.find(name), std::string::npos) << name;
    }
}

TEST_F(ShellTest, shows_a_thread_with_what_it_holds_and_where_it_stands) {
    const std::string answer = say("u deaf");
    EXPECT_NE(answer.find("deaf (id "), std::string::npos) << answer;
    EXPECT_NE(answer.find("waits for semaphore never"), std::string::npos) << answer;
    EXPECT_NE(answer.find("holds mutex lock"), std::string::npos) << answer;
    EXPECT_NE(answer.find("Called from"), std::string::npos) << answer;
    EXPECT_NE(say("u shell").find("running"), std::string::npos);
    EXPECT_NE(say("u idle").find("Called from"), std::string::npos);
}

TEST_F(ShellTest, kills_who_listens_and_blocks_who_does_not) {
    EXPECT_EQ(say("v killable"), "killable: ended\n");
    EXPECT_EQ(say("v killable"), "killable: no such thread; l lists them\n");
    EXPECT_NE(say("v worker").find("worker: blocked"), std::string::npos);
    EXPECT_NE(say("l").find("blocked"), std::string::npos);
    EXPECT_EQ(say("unblock worker"), "worker: goes on\n");
    EXPECT_EQ(say("unblock worker"), "worker: was not blocked\n");
    EXPECT_NE(say("block deaf").find("as it gives the last one back"), std::string::npos);
    EXPECT_EQ(say("v shell"), "shell is this shell: it stays\n");
    EXPECT_NE(say("block idle").find("cannot be blocked"), std::string::npos);
}

TEST_F(ShellTest, dumps_bytes_words_and_instructions) {
    EXPECT_EQ(say("d 40008000 6"),
              "40008000  41 42 43 44 42 42                                ABCDBB\n");
    EXPECT_EQ(say("db 0x40008003 2"),
              "40008003  44 42                                            DB\n");
    EXPECT_EQ(say("dw 40008000 5"),
              "40008000  44434241 44434242 44434243 44434244\n40008010  44434245\n");
    EXPECT_EQ(say("di add 2"), "40008008  44434243\n4000800c  44434244\n") << "a function's name";
}

TEST_F(ShellTest, a_dump_reads_nothing_that_is_not_there) {
    EXPECT_EQ(say("d 0"), "00000000: not mapped\n");
    EXPECT_EQ(say("dw 40008018 4"), "40008018  44434247 44434248\n40008020: not mapped\n");
    EXPECT_EQ(say("d 4000801e 4"),
              "4000801e  43 44                                            CD\n"
              "40008020: not mapped\n");
    EXPECT_EQ(say("d ffffffff 2"),
              "ffffffff  00                                               .\n"
              "00000000: behind the last address\n");
    EXPECT_EQ(say("dw fffffffc 2"), "fffffffc  00000007\n00000000: behind the last address\n");
    EXPECT_EQ(say("d 01c20000"), "01c20000: registers are read by words: dw\n");
    EXPECT_EQ(say("dw 01c20000 2"), "01c20000  c10c0000 c10c0000\n");
    EXPECT_EQ(say("dw 01c28000"), "01c28000: a device that may change when it is read\n");
}

TEST_F(ShellTest, calls_a_function_by_name) {
    EXPECT_EQ(say("x add 1 0x10 -3"), "add returned 0x0000000e (14)\n");
    EXPECT_EQ(board.called_with, (std::vector<std::uint32_t>{1, 16, 0xFFFF'FFFD, 0}));
    EXPECT_EQ(say("x add -1"), "add returned 0xffffffff (-1)\n");
    EXPECT_NE(say("x send").find("2 functions have that name"), std::string::npos);
}

TEST_F(ShellTest, top_shares_out_the_interval) {
    const std::string answer = say("top 2");
    EXPECT_NE(answer.find("2000 ms: idle 100 %"), std::string::npos) << answer;
    EXPECT_NE(answer.find("idle             100.0 %"), std::string::npos) << answer;
}

TEST_F(ShellTest, every_kernel_test_passes_again_and_again) {
    const std::string answer = say("k 0 3");
    EXPECT_NE(answer.find("54 tests: 54 ok, 0 failed, 0 skipped\n"), std::string::npos) << answer;
    EXPECT_NE(answer.find("@kyu test name=k-cancel result=ok ms="), std::string::npos) << answer;
}

TEST_F(ShellTest, a_test_is_run_by_number_or_by_name) {
    EXPECT_NE(say("k 2").find("k timer: ok\n"), std::string::npos);
    EXPECT_NE(say("k sem-fifo 2").find("2 tests: 2 ok"), std::string::npos);
    EXPECT_NE(say("k").find(" 18 cancel"), std::string::npos);
}

TEST_F(ShellTest, the_io_menu_asks_before_it_stops_the_board) {
    const std::string answer = say("i 0");
    EXPECT_NE(answer.find("11 tests: 6 ok, 2 failed, 3 skipped\n"), std::string::npos) << answer;
    EXPECT_NE(answer.find("i fault: skipped: stops the board: add yes to run it\n"),
              std::string::npos);
    EXPECT_NE(answer.find("i device: skipped: not answered by this board\n"), std::string::npos);
    EXPECT_NE(answer.find("i bad: FAILED one is \"big\"\n@kyu test name=i-bad result=failed ms=0 "
                          "why=\"one is \\\"big\\\"\" *"),
              std::string::npos)
        << answer;
}

TEST_F(ShellTest, a_thread_that_a_test_leaves_behind_never_runs_again) {
    EXPECT_NE(say("i stubborn").find("FAILED thread stubborn does not end"), std::string::npos);
    EXPECT_NE(say("u stubborn").find("blocked"), std::string::npos);
    EXPECT_NE(say("k basic").find("skipped: an earlier test left a thread behind"),
              std::string::npos);
}

TEST_F(ShellTest, a_long_run_ends_at_ctrl_c) {
    uart.type("k delay 1000000\r");
    host.machine.run(machine.now() + 1_s);
    uart.type("\x03");
    EXPECT_NE(say("up").find("interrupted\n"), std::string::npos);
}

TEST_F(ShellTest, reboot_asks_the_board) {
    EXPECT_NE(say("R").find("no way to restart"), std::string::npos);
    EXPECT_TRUE(board.restarted);
}

}  // namespace shell_test
}  // namespace kyu
