#include "services/wangdoodle/command.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "services/wangdoodle/line.hpp"

namespace kyu::wangdoodle {
namespace command_test {

// What a client's bytes become, however they are cut into segments.
std::vector<std::string> lines_of(std::string_view bytes) {
    LineAssembler assembler;
    std::vector<std::string> lines;
    const auto keep = [&](LineAssembler::Event event) {
        if (event == LineAssembler::Event::line) lines.emplace_back(assembler.line());
        if (event == LineAssembler::Event::too_long) lines.emplace_back("<too long>");
    };
    for (const char c : bytes) keep(assembler.push(c));
    if (assembler.partial()) keep(assembler.end());
    return lines;
}

TEST(LineAssembler, SeveralCommandsInOneSegmentAreSeveralLines) {
    EXPECT_EQ(lines_of("stat\r\nrand\n\nuni\n"),
              (std::vector<std::string>{"stat", "rand", "", "uni"}));
}

TEST(LineAssembler, ALastLineWithoutItsEndStillCounts) {
    EXPECT_EQ(lines_of("stat\nbig"), (std::vector<std::string>{"stat", "big"}));
}

TEST(LineAssembler, ALineOfExactlyTheLimitIsKeptAndOneMoreIsRefusedOnce) {
    const std::string full(kLineMax, 'x');
    EXPECT_EQ(lines_of(full + "\n"), std::vector<std::string>{full});
    EXPECT_EQ(lines_of(full + "x\nstat\n"), (std::vector<std::string>{"<too long>", "stat"}));
    std::string endless(100'000, 'y');
    endless.push_back('\n');
    EXPECT_EQ(lines_of(endless).size(), 1U);
}

TEST(Command, TheOriginalsVerbs) {
    EXPECT_EQ(parse_command("stat").verb, Verb::stat);
    EXPECT_EQ(parse_command("rand").verb, Verb::rand);
    EXPECT_EQ(parse_command("uni").verb, Verb::uni);
    EXPECT_EQ(parse_command("big").verb, Verb::big);
    EXPECT_EQ(parse_command("quit").verb, Verb::quit);
    EXPECT_EQ(parse_command("q").verb, Verb::quit);
    EXPECT_EQ(parse_command("").verb, Verb::nothing);
    EXPECT_EQ(parse_command("  \t").verb, Verb::nothing);
}

TEST(Command, GenTakesASeedALengthAndAChunk) {
    const Command gen = parse_command("gen 18446744073709551615 1000000 6500");
    EXPECT_EQ(gen.verb, Verb::gen);
    EXPECT_EQ(gen.seed, UINT64_MAX);
    EXPECT_EQ(gen.bytes, 1'000'000U);
    EXPECT_EQ(gen.chunk_bytes, 6500U);
    EXPECT_EQ(parse_command("gen 1 2").chunk_bytes, kChunkDefault);
}

TEST(Command, WhatDoesNotParseIsUnknown) {
    for (const char* line :
         {"bigg", "BIG", "big 1", "lots x", "lots -1", "lots 1 2", "lots 99999999999999999999",
          "gen", "gen 1", "gen 1 2 0", "gen 1 2 1048577", "gen 1 2 3 4", "sink 1", "sink 1 2 3",
          "stat stat", "\x01\xff", "st at", "lots 12x"}) {
        EXPECT_EQ(parse_command(line).verb, Verb::unknown) << line;
    }
}

}  // namespace command_test
}  // namespace kyu::wangdoodle
