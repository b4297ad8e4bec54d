// A fuzz target: a function that takes any bytes, and CHECKs what must hold whatever they are.
//
// Rules     One function a target, a row in the table of main.cpp. A target makes everything anew:
//           the same input does the same every time. What is wrong is a failed CHECK, a finding of
//           a sanitizer, or an input that takes longer than the time limit.
#pragma once

#include <cstdint>
#include <span>

#include "base/check.hpp"
#include "base/mission_bug.hpp"

namespace kyu::fuzz {

struct Target {
    const char* name;
    const char* what;
    void (*run)(std::span<const std::uint8_t> bytes);
};

// Parsers.
void wire(std::span<const std::uint8_t> bytes);
void segment(std::span<const std::uint8_t> bytes);
void dhcp(std::span<const std::uint8_t> bytes);
void dns(std::span<const std::uint8_t> bytes);
void tftp(std::span<const std::uint8_t> bytes);
void bootargs(std::span<const std::uint8_t> bytes);
void line(std::span<const std::uint8_t> bytes);
// A whole board.
void frames(std::span<const std::uint8_t> bytes);
void fragments(std::span<const std::uint8_t> bytes);
void connection(std::span<const std::uint8_t> bytes);
void lease(std::span<const std::uint8_t> bytes);
void clients(std::span<const std::uint8_t> bytes);
void shell(std::span<const std::uint8_t> bytes);
// A parser that is wrong on purpose: what a fuzzer that finds nothing is measured with.
void broken(std::span<const std::uint8_t> bytes);

/// The bug that stacks of this process have (--plant=NAME); none otherwise.
[[nodiscard]] PlantedBug planted_bug();

}  // namespace kyu::fuzz
