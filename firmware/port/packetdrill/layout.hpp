// The options of a SYN, laid out as another system would.
//
// Rules     packetdrill compares options in their order, padding included, and the order is
//           everybody's own choice (RFC 9293 §3.1: options may begin on any octet and come in any
//           order). What is said stays the same: nothing is added, left out or changed. Only SYNs
//           differ; the options of other segments are laid out alike everywhere.
// Context   any. Pure.
#pragma once

#include <cstddef>
#include <vector>

#include "port/packetdrill/settings.hpp"

namespace kyu::packetdrill {

/// `packet` is a whole IPv4 packet that the stack has built.
void lay_out(std::vector<std::byte>& packet, System system);

}  // namespace kyu::packetdrill
