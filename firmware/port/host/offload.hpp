// What a network device does to a frame on its way out: it completes the checksums.
//
// Rules     As the H3's EMAC in full mode (manual §8.10, TX descriptor CIC = 3): IPv4's header, and
//           TCP and UDP of packets that are not fragments. What stands in a checksum's place
//           before counts for nothing. Anything else passes as it is.
// Context   any. Pure.
#pragma once

#include <cstddef>
#include <span>

namespace kyu::host {

void complete_checksums(std::span<std::byte> frame);

}  // namespace kyu::host
