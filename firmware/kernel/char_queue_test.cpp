#include "kernel/char_queue.hpp"

#include <string>

#include "port/host/test_machine.hpp"

namespace kyu {
namespace char_queue_test {

using host::run_as_thread;
using host::Stop;
using host::TestMachine;
using namespace time_literals;

constexpr Instant at_ms(std::int64_t n) { return Instant::from_us(n * 1000); }

TEST(CharQueue, what_an_interrupt_puts_in_comes_out_in_order) {
    CharQueue<16> queue{"keys"};
    std::string read;
    TestMachine machine;
    machine.machine().at(at_ms(5), [&](IrqContext& irq) {
        for (const char c : std::string{"one"}) EXPECT_TRUE(queue.put(irq, c));
    });
    machine.machine().at(at_ms(9), [&](IrqContext& irq) { EXPECT_TRUE(queue.put(irq, '!')); });
    machine.thread("reader", 10, [&](ThreadContext& self) {
        for (char c = 0; c != '!';) {
            EXPECT_TRUE(queue.get(self, c, Instant::never()));
            read += c;
        }
        EXPECT_EQ(self.now(), at_ms(9));
    });
    EXPECT_EQ(machine.run(), Stop::asked) << machine.text();
    EXPECT_EQ(read, "one!");
}

TEST(CharQueue, a_full_one_drops_and_counts_what_comes_and_keeps_what_it_has) {
    CharQueue<4> queue{"keys"};
    run_as_thread([&](ThreadContext& self) {
        for (const char c : std::string{"abcdef"}) static_cast<void>(queue.put(self, c));
        EXPECT_EQ(queue.dropped(), 2U);
        EXPECT_EQ(queue.high(), 4U);
        std::array<char, 8> text{};
        EXPECT_EQ(queue.read(self, text, Instant::never()), 4U);
        EXPECT_EQ((std::string_view{text.data(), 4}), "abcd");
        EXPECT_TRUE(queue.put(self, 'g'));
    });
}

TEST(CharQueue, waits_until_its_deadline_when_nothing_comes) {
    CharQueue<4> queue{"keys"};
    run_as_thread([&](ThreadContext& self) {
        char c = 0;
        EXPECT_FALSE(queue.get(self, c, at_ms(10)));
        EXPECT_EQ(self.now(), at_ms(10));
        EXPECT_EQ(queue.read(self, {&c, 1}, at_ms(20)), 0U);
        EXPECT_EQ(queue.read(self, {}, Instant::never()), 0U);
    });
}

}  // namespace char_queue_test
}  // namespace kyu
