#include "services/defects/pool_defects.hpp"

#include <array>
#include <cstddef>

#include "base/pool.hpp"

namespace kyu::defects {
namespace {

struct Record {
    std::array<std::byte, 48> bytes{};
};

/// Not a plain Pool: the mistake is to be found in every build that has it.
using Records = GuardedPool<Record, 4>;

Records& records() {
    static Records pool{"planted"};
    return pool;
}

/// The bytes of `record` as somebody sees them who does not know where they end, or that they have.
volatile std::byte* bytes_of(Record& record) {
    std::byte* bytes = record.bytes.data();
    __asm__ volatile("" : "+r"(bytes));
    return bytes;
}

}  // namespace

void overrun_pool_object() {
    Record* record = records().allocate();
    if (record == nullptr) return;
    bytes_of(*record)[sizeof(Record)] = std::byte{0x41};
    records().release(*record);
}

void use_after_free() {
    Record* record = records().allocate();
    if (record == nullptr) return;
    records().release(*record);
    bytes_of(*record)[8] = std::byte{0x41};
    static_cast<void>(records().allocate());
}

}  // namespace kyu::defects
