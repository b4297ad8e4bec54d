// The rows of the menu i that need no device: sort, random, pools, wait, traceback, memory, and
// the two that stop the board when somebody says yes.
//
// Context   the shell's thread (services/selftest/selftest.hpp).
#include <algorithm>
#include <array>
#include <bit>

#include "base/pool.hpp"
#include "kernel/inspect.hpp"
#include "kernel/kernel.hpp"
#include "services/selftest/selftest.hpp"

namespace kyu::selftest {
namespace {

using namespace time_literals;

void test_sort(ThreadContext& self, Run& run) {
    static std::array<std::uint32_t, 1000> numbers;
    std::uint32_t sum = 0;
    for (std::uint32_t& each : numbers) {
        each = static_cast<std::uint32_t>(port::entropy());
        sum += each;
    }
    std::make_heap(numbers.begin(), numbers.end());
    std::sort_heap(numbers.begin(), numbers.end());
    for (const std::uint32_t each : numbers) sum -= each;
    run.expect(std::is_sorted(numbers.begin(), numbers.end()), "a thousand numbers are in order");
    run.expect(sum == 0, "and are the same numbers");
    run.say(self, "  smallest {:08x}, largest {:08x}\n", numbers.front(), numbers.back());
}

void test_random(ThreadContext& self, Run& run) {
    constexpr int kDraws = 1000;
    unsigned ones = 0;
    unsigned repeats = 0;
    std::uint64_t last = port::entropy();
    for (int i = 0; i < kDraws; ++i) {
        const std::uint64_t next = port::entropy();
        if (next == last) ++repeats;
        ones += static_cast<unsigned>(std::popcount(next));
        last = next;
    }
    run.say(self, "  {} of 64000 bits are ones\n", ones);
    run.expect(repeats == 0, "no number comes twice in a row");
    // Eight standard deviations (126 bits each): never by chance, always by a stuck bit.
    run.expect(ones > 32'000 - 1012 && ones < 32'000 + 1012, "ones and zeros are in balance");
}

void test_pools(ThreadContext& self, Run& run) {
    struct Block {
        std::array<std::uint32_t, 16> words;
    };
    Pool<Block, 8> pool;
    std::array<Block*, 8> lent{};
    for (std::size_t i = 0; i < lent.size(); ++i) {
        lent[i] = pool.allocate();
        if (lent[i] == nullptr) return run.fail("block {} of {} is not there", i, lent.size());
        lent[i]->words.fill(static_cast<std::uint32_t>(i));
    }
    run.expect(pool.allocate() == nullptr && pool.stats().failed == 1, "an empty pool refuses");
    for (std::size_t i = 0; i < lent.size(); ++i) {
        for (const std::uint32_t word : lent[i]->words) {
            run.expect(word == i, "no block lies over another");
        }
        pool.release(*lent[i]);
    }
    run.expect(pool.stats().used == 0 && pool.stats().high == 8, "all come back and are counted");
    for (const PoolEntry& each : self.kernel().pools()) {
        run.say(self, "  {}: {} of {} in use\n", each.name, each.stats->used, each.stats->total);
        run.expect(each.stats->used <= each.stats->total && each.stats->high >= each.stats->used,
                   "the board's pools are consistent");
    }
}

void test_wait(ThreadContext& self, Run& run) {
    const Instant start = self.now();
    for (int tenth = 1; tenth <= 10; ++tenth) {
        self.sleep_until(start + Duration::from_ms(100 * tenth));
        run.expect(self.now() >= start + Duration::from_ms(100 * tenth), "each tenth is whole");
    }
    run.say(self, "  one second took {} us\n", (self.now() - start).us());
}

[[gnu::noinline]] std::size_t walk_from_here(ThreadContext& self, std::span<std::uintptr_t> pcs) {
    const IrqsOff off{self};
    Registers here;
    port::capture_registers(here);
    return port::walk_stack(here, self.thread().stack(), pcs);
}

void test_traceback(ThreadContext& self, Run& run) {
    std::array<std::uintptr_t, 24> pcs{};
    const std::size_t count = walk_from_here(self, pcs);
    run.expect(count >= 3, "the walk finds this function and its callers");
    ConsoleSink sink{run.console(), self};
    print_frames(sink, std::span(pcs).first(count));
    run.expect(count < pcs.size(), "and ends where the thread began");
}

void test_fault(ThreadContext& self, Run& run) {
    run.say(self, "  writing to address 0\n");
    self.sleep_for(100_ms);  // let the line out
    volatile std::uint32_t* nowhere = nullptr;
    __asm__("" : "+r"(nowhere));
    *nowhere = 0x1234'5678;
    run.fail("address 0 can be written");
}

void test_divide(ThreadContext& self, Run& run) {
    volatile std::uint64_t nothing = 0;
    run.say(self, "  dividing 64 bits by zero\n");
    self.sleep_for(100_ms);
    const std::uint64_t quotient = std::uint64_t{1} / nothing;
    run.fail("1 / 0 is {}", quotient);
}

/// Every word of `memory` holds f(index) after it was written so.
template <typename F>
bool holds(std::span<volatile std::uint32_t> memory, F&& f) {
    for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = f(i);
    for (std::size_t i = 0; i < memory.size(); ++i) {
        if (memory[i] != f(i)) return false;
    }
    return true;
}

void test_ram(ThreadContext& self, Run& run) {
    const std::span<std::byte> stack = run.bench().spare_stack();
    const std::span<volatile std::uint32_t> words{
        reinterpret_cast<volatile std::uint32_t*>(stack.data()),
        Bench::kStackBytes / sizeof(std::uint32_t)};
    for (unsigned bit = 0; bit < 32; ++bit) {
        run.expect(holds(words, [bit](std::size_t i) { return 1U << ((i + bit) % 32); }),
                   "a one walks through every word");
        run.expect(holds(words, [bit](std::size_t i) { return ~(1U << ((i + bit) % 32)); }),
                   "and so does a zero");
    }
    run.expect(holds(words, [](std::size_t i) { return static_cast<std::uint32_t>(i * 0x9E37); }),
               "every address is a place of its own");
    run.say(self, "  {} bytes at {:08x}\n", words.size_bytes(),
            reinterpret_cast<std::uintptr_t>(words.data()));
}

}  // namespace

std::span<const Test> portable_tests() {
    static constexpr std::array<Test, 8> kTests{{
        {"sort", "a thousand numbers", test_sort},
        {"random", "bits in balance, nothing twice", test_random},
        {"pools", "lend, refuse, take back", test_pools},
        {"wait", "one second in ten parts", test_wait},
        {"traceback", "from this test to the shell's first line", test_traceback},
        {"ram", "patterns in 8 KiB", test_ram},
        {"fault", "write to address 0: stops the board with a record", test_fault, true},
        {"zero-divide", "1 / 0: stops the board with a record", test_divide, true},
    }};
    return kTests;
}

}  // namespace kyu::selftest
