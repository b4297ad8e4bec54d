#include <gtest/gtest.h>

#include "services/defects/defects.hpp"

namespace kyu::defects {
namespace parse_test {

TEST(Defect, ANameAloneActsOnTheFirstTransfer) {
    const Defect defect = parse("spin-irq-off");
    EXPECT_EQ(defect.kind, Kind::spin_irq_off);
    EXPECT_EQ(defect.nth, 1U);
}

TEST(Defect, AnOffsetAndATransferMayBeNamed) {
    const Defect defect = parse("wrong-byte:123456@7");
    EXPECT_EQ(defect.kind, Kind::wrong_byte);
    EXPECT_EQ(defect.argument, 123456U);
    EXPECT_EQ(defect.nth, 7U);
}

TEST(Defect, PanicCountsTheGoodTransfersBeforeIt) {
    EXPECT_EQ(parse("panic:3").nth, 4U);
    EXPECT_EQ(parse("panic").nth, 1U);
}

TEST(Defect, WhatIsNotOneOfOursIsNone) {
    for (const char* text : {"", "panics", "cut", "cut:", "cut:x", "stall:-1", "reset:5", "abba@0",
                             "abba@", ":", "@", "wrong-byte:99999999999999999999"}) {
        EXPECT_EQ(parse(text).kind, Kind::none) << text;
    }
}

}  // namespace parse_test
}  // namespace kyu::defects
