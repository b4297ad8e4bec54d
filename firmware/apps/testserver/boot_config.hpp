// BootConfig: what the boot arguments ask for.
//
// Rules     Pure. A word that does not parse is reported and its default used: a typing error must
//           not leave a board mute. Unknown keys are somebody else's.
// Source    ip=A.B.C.D/N|dhcp  gw=A.B.C.D  mac=XX:XX:XX:XX:XX:XX  seed=N  hb=0|1  defect=NAME…
//           watchdog=off|SECONDS
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/text.hpp"
#include "net/ip_address.hpp"
#include "net/net.hpp"
#include "services/defects/defects.hpp"

namespace kyu::app {

/// All of them, or none: for whoever stops the board in a debugger.
struct WatchdogConfig {
    bool on{true};
    unsigned hardware_s{16};  ///< 1 to 16: the board is reset when nothing went on for so long
};

struct BootConfig {
    net::NetConfig net{};
    std::optional<net::MacAddress> mac{};
    std::optional<std::uint64_t> seed{};
    bool heartbeat{false};
    WatchdogConfig watchdog{};
    defects::Defect defect{};
    std::string_view defect_text{};  ///< as given; empty when there was none
};

/// Reads `args` (without the page's mark; empty: there was no page). Each complaint is a `warn`
/// frame in `complaints`.
[[nodiscard]] BootConfig read_boot_config(std::string_view args, TextSink& complaints);

/// "02:00:00:00:00:01"; a group or zero address is refused.
[[nodiscard]] std::optional<net::MacAddress> parse_mac(std::string_view text);

}  // namespace kyu::app
