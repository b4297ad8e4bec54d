// The planted mistakes with a pool's memory are found. In whose name, rig/scenarios asks: there
// functions have names.
#include "services/defects/pool_defects.hpp"

#include <gtest/gtest.h>

#include <string>

#include "kernel/panic.hpp"
#include "port/host/test_machine.hpp"

namespace kyu::defects {
namespace pool_defects_test {

std::string reason_of(void (*mistake)()) {
    host::TestMachine machine;
    machine.thread("culprit", 10, [&](ThreadContext&) { mistake(); });
    EXPECT_EQ(machine.run(), host::Stop::crashed);
    EXPECT_EQ(machine.machine().crash().kind, PanicKind::check);
    return machine.machine().crash().reason;
}

TEST(PoolDefects, an_overrun_stops_the_machine) {
    const std::string reason = reason_of(overrun_pool_object);
    EXPECT_NE(reason.find("pool planted, object "), std::string::npos) << reason;
    EXPECT_NE(reason.find("written beyond its end, offset 48 at 0x"), std::string::npos) << reason;
}

TEST(PoolDefects, a_use_after_free_stops_the_machine) {
    const std::string reason = reason_of(use_after_free);
    EXPECT_NE(reason.find("written after it was freed, offset 8 at 0x"), std::string::npos)
        << reason;
}

}  // namespace pool_defects_test
}  // namespace kyu::defects
