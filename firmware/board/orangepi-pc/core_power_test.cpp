#include "board/orangepi-pc/core_power.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kyu::board {
namespace core_power_test {

/// Two register files that write down, in one list, what is written to them.
struct Model {
    std::vector<std::string> log;
    std::uint32_t value{~0U};
};
struct Script {
    Model* model;
    const char* name;
    [[nodiscard]] std::uint32_t read(std::uint32_t /*offset*/) const { return model->value; }
    void write(std::uint32_t offset, std::uint32_t value) const {
        char text[64];
        std::snprintf(text, sizeof text, "%s+%x=%x", name, offset, value);
        model->log.emplace_back(text);
    }
};

TEST(CorePower, a_core_is_held_fed_and_let_go_in_this_order) {
    Model model;
    release_core(Script{&model, "cpucfg"}, Script{&model, "prcm"}, 2, 0x4000'9000,
                 [&](int us) { model.log.push_back("wait " + std::to_string(us)); });
    EXPECT_EQ(model.log,
              (std::vector<std::string>{"cpucfg+1a4=40009000", "cpucfg+c0=0", "cpucfg+184=fffffffb",
                                        "prcm+100=fffffffb", "wait 2000", "cpucfg+c0=3"}));
}

}  // namespace core_power_test
}  // namespace kyu::board
