#include "apps/testserver/boot_config.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kyu::app {
namespace boot_config_test {

using Source = net::NetConfig::Source;

struct Read {
    TextBuffer<1024> complaints;
    BootConfig config;
    explicit Read(std::string_view args) : config(read_boot_config(args, complaints)) {}
};

TEST(BootConfig, WithoutArgumentsDhcpComesFirstAndNothingBeats) {
    const Read read{""};
    EXPECT_EQ(read.config.net.source, Source::dhcp_then_fixed);
    EXPECT_EQ(read.config.net.address, (net::Ipv4{192, 168, 0, 73}));
    EXPECT_FALSE(read.config.heartbeat);
    EXPECT_EQ(read.complaints.view(), "");
}

TEST(BootConfig, AFixedAddressBringsItsOwnGateway) {
    const Read read{"ip=10.0.2.15/16 gw=10.0.2.2 seed=42 hb=0 mac=52:54:00:12:34:56"};
    EXPECT_EQ(read.config.net.source, Source::fixed);
    EXPECT_EQ(read.config.net.address, (net::Ipv4{10, 0, 2, 15}));
    EXPECT_EQ(read.config.net.prefix_bits, 16);
    EXPECT_EQ(read.config.net.gateway, (net::Ipv4{10, 0, 2, 2}));
    EXPECT_TRUE(read.config.net.name_server.is_any());
    EXPECT_EQ(Read{"dns=10.0.2.3"}.config.net.name_server, (net::Ipv4{10, 0, 2, 3}));
    EXPECT_EQ(read.config.seed, 42U);
    EXPECT_FALSE(read.config.heartbeat);
    ASSERT_TRUE(read.config.mac);
    EXPECT_EQ(read.config.mac->bytes[5], 0x56);
    EXPECT_EQ(read.complaints.view(), "");
}

TEST(BootConfig, WhatDoesNotParseIsReportedAndTheDefaultStands) {
    for (const char* args :
         {"ip=1.2.3", "ip=1.2.3.4", "ip=1.2.3.4/33", "ip=1.2.3.256/8", "ip=1.2.3.4.5/8",
          "ip=0.0.0.0/8", "ip=224.0.0.1/8", "ip=01.2.3.4/8", "ip=1..3.4/8", "gw=x", "dns=y",
          "seed=-1", "seed=18446744073709551616", "mac=52:54:00", "mac=01:00:00:00:00:00",
          "mac=00:00:00:00:00:00", "mac=52:54:00:12:34:567", "defect=nonsense"}) {
        const Read read{args};
        EXPECT_EQ(read.config.net.address, (net::Ipv4{192, 168, 0, 73})) << args;
        EXPECT_EQ(read.config.defect.kind, defects::Kind::none) << args;
        EXPECT_FALSE(read.config.seed) << args;
        EXPECT_FALSE(read.config.mac) << args;
        EXPECT_NE(read.complaints.view(), "") << args;
    }
}

TEST(BootConfig, AComplaintIsAWarningThatTheRigUnderstands) {
    const Read seed{"seed=x"};
    EXPECT_TRUE(seed.complaints.view().starts_with(
        "@kyu warn what=boot-argument text=\"seed=x: a number below 2^64 is wanted; using the "
        "default\" *"));
    const std::string longest = "gw=" + std::string(400, '"');
    const Read read{longest};
    const std::string_view said = read.complaints.view();
    EXPECT_LT(said.size(), 400U) << "it is cut, not dropped";
    EXPECT_TRUE(said.ends_with("\n"));
}

TEST(BootConfig, TheWatchdogsAreOnUnlessSomebodySaysOtherwise) {
    EXPECT_TRUE(Read{""}.config.watchdog.on);
    EXPECT_EQ(Read{""}.config.watchdog.hardware_s, 16U);
    EXPECT_EQ(Read{"watchdog=5"}.config.watchdog.hardware_s, 5U);
    EXPECT_FALSE(Read{"watchdog=off"}.config.watchdog.on);
    for (const char* args : {"watchdog=0", "watchdog=17", "watchdog=no", "watchdog=-1"}) {
        const Read read{args};
        EXPECT_TRUE(read.config.watchdog.on) << args;
        EXPECT_EQ(read.config.watchdog.hardware_s, 16U) << args;
        EXPECT_NE(read.complaints.view(), "") << args;
    }
}

TEST(BootConfig, ADefectIsKeptAsItWasGiven) {
    const Read read{"defect=cut:5000@2 ip=dhcp"};
    EXPECT_EQ(read.config.net.source, Source::dhcp);
    EXPECT_EQ(read.config.defect.kind, defects::Kind::cut);
    EXPECT_EQ(read.config.defect_text, "cut:5000@2");
}

TEST(BootConfig, TheStorysBugsAreDefectsToo) {
    const Read read{"defect=lost-wakeup"};
    EXPECT_EQ(read.complaints.view(), "");
    EXPECT_EQ(read.config.net.bug.is(MissionBug::lost_wakeup), kMissionBugs);
    EXPECT_EQ(read.config.defect.kind, defects::Kind::none);
}

}  // namespace boot_config_test
}  // namespace kyu::app
