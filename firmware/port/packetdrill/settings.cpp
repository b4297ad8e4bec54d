// Settings: the table of what is known.
//
// Context   any.
#include "port/packetdrill/settings.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>

#include "net/tcp/negotiated.hpp"

namespace kyu::packetdrill {
namespace {

using Numbers = std::array<std::uint64_t, 3>;

/// Up to three numbers between blanks; nothing when there is anything else.
std::optional<Numbers> numbers_of(std::string_view text) {
    Numbers numbers{};
    std::size_t count = 0;
    while (!text.empty()) {
        const std::size_t blank = text.find_first_not_of(" \t");
        if (blank == std::string_view::npos) break;
        text.remove_prefix(blank);
        if (count == numbers.size()) return std::nullopt;
        std::uint64_t& to = numbers[count];
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
        if (error != std::errc{}) return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        ++count;
    }
    if (count == 0) return std::nullopt;
    for (std::size_t i = count; i < numbers.size(); ++i) numbers[i] = numbers[count - 1];
    return numbers;
}

/// The shift at which the widest window reaches `bytes`, as a system with buffers that grow picks
/// it.
std::uint8_t shift_to_reach(std::uint64_t bytes) {
    std::uint8_t shift = 0;
    while (shift < 14 && (std::uint64_t{UINT16_MAX} << shift) < bytes) ++shift;
    return shift;
}

bool take_buffer(std::uint32_t& to, std::uint64_t bytes) {
    if (bytes < net::kSockBufBytesMin || bytes > net::kSockBufBytesMax) return false;
    to = static_cast<std::uint32_t>(bytes);
    return true;
}

bool take_flag(bool& to, std::uint64_t value) {
    to = value != 0;
    return value <= 1;
}

bool take_ms(Duration& to, std::uint64_t ms) {
    to = Duration::from_ms(static_cast<std::int64_t>(std::min<std::uint64_t>(ms, UINT32_MAX)));
    return ms > 0;
}

/// FreeBSD and Linux count alike: 0 never, 1 ask and grant, 2 grant.
bool take_ecn(Settings& s, const Numbers& n) {
    if (n[0] > 2) return false;
    s.ecn = static_cast<EcnMode>(n[0]);
    return true;
}

/// A setting that has an effect here. False: not to this value.
struct Knob {
    std::string_view name;
    bool (*set)(Settings& s, const Numbers& value);
};

constexpr auto kKnobs = std::to_array<Knob>({
    {"net.inet.tcp.recvspace",
     [](Settings& s, const Numbers& n) { return take_buffer(s.receive_bytes, n[0]); }},
    {"net.inet.tcp.sendspace",
     [](Settings& s, const Numbers& n) { return take_buffer(s.send_bytes, n[0]); }},
    {"kern.ipc.maxsockbuf",
     [](Settings& s, const Numbers& n) {
         s.window_scale = shift_to_reach(n[0]);
         return true;
     }},
    {"net.inet.tcp.sack.enable",
     [](Settings& s, const Numbers& n) { return take_flag(s.sack, n[0]); }},
    {"net.inet.tcp.rfc1323",
     [](Settings& s, const Numbers& n) {
         return take_flag(s.timestamps, n[0]) && take_flag(s.scaling, n[0]);
     }},
    {"net.inet.tcp.ecn.enable", take_ecn},
    {"net.inet.tcp.keepinit",
     [](Settings& s, const Numbers& n) { return take_ms(s.connect_patience, n[0]); }},
    {"net.inet.tcp.keepidle",
     [](Settings& s, const Numbers& n) { return take_ms(s.defaults.keep_idle, n[0]); }},
    {"net.inet.tcp.keepintvl",
     [](Settings& s, const Numbers& n) { return take_ms(s.defaults.keep_interval, n[0]); }},
    {"net.inet.tcp.keepcnt",
     [](Settings& s, const Numbers& n) {
         s.defaults.keep_count =
             static_cast<std::uint8_t>(std::min<std::uint64_t>(n[0], UINT8_MAX));
         return n[0] > 0 && n[0] <= UINT8_MAX;
     }},
    {"net.ipv4.tcp_rmem",
     [](Settings& s, const Numbers& n) {
         // The last is as far as a buffer grows: it sets the scale as Linux does, which wants the
         // window to fit into the field.
         s.window_scale =
             net::scale_for(static_cast<std::uint32_t>(std::min<std::uint64_t>(n[2], UINT32_MAX)));
         return take_buffer(s.receive_bytes, n[1]);
     }},
    {"net.ipv4.tcp_wmem",
     [](Settings& s, const Numbers& n) { return take_buffer(s.send_bytes, n[1]); }},
    {"net.ipv4.tcp_sack", [](Settings& s, const Numbers& n) { return take_flag(s.sack, n[0]); }},
    {"net.ipv4.tcp_timestamps",
     [](Settings& s, const Numbers& n) { return take_flag(s.timestamps, n[0]); }},
    {"net.ipv4.tcp_window_scaling",
     [](Settings& s, const Numbers& n) { return take_flag(s.scaling, n[0]); }},
    {"net.ipv4.tcp_ecn", take_ecn},
});

/// A setting that the stack always has at this value, and why that is so.
struct Fixed {
    std::string_view name;
    std::uint64_t value;
};

constexpr auto kFixed = std::to_array<Fixed>({
    {"net.inet.tcp.hostcache.purgenow", 1},  // nothing is kept between connections
    {"net.inet.tcp.blackhole", 0},           // a closed port answers with a reset
    {"net.inet.tcp.insecure_rst", 0},        // RFC 5961 §3
    {"net.inet.tcp.insecure_syn", 0},        // RFC 5961 §4
    {"net.inet.tcp.drop_synfin", 1},         // SYN with FIN opens nothing
    {"net.inet.tcp.icmp_may_rst", 1},        // RFC 5927 §4.2, while connecting
    {"net.inet.tcp.syncookies", 1},          // when no record is free
    {"net.inet.tcp.syncookies_only", 0},
    {"net.inet.tcp.rexmit_drop_options", 0},  // a SYN that is sent again offers the same
    {"net.inet.tcp.rexmit_initial", 1000},    // kRtoInitial, ms
    {"net.inet.tcp.rexmit_slop", 200},        // kRtoMin, ms
    {"net.inet.tcp.delacktime", 40},          // kDelayedAck, ms
    {"net.inet.tcp.mssdflt", 536},            // kMssDefault
    {"net.inet.tcp.tolerate_missing_ts", 0},  // RFC 7323 §3.2
    {"net.inet.tcp.path_mtu_discovery", 1},
    {"net.inet.tcp.ecn.maxretries", 0},  // RFC 3168 §6.1.1.1: sent again without
    {"net.inet.tcp.fastopen.client_enable", 0},
    {"net.inet.tcp.fastopen.server_enable", 0},
    {"net.inet.tcp.udp_tunneling_port", 0},
    {"net.ipv4.tcp_dsack", 1},  // RFC 2883
    {"net.ipv4.tcp_fack", 0},
    {"net.ipv4.tcp_reordering", 3},             // the threshold of RFC 6675, as RACK begins with
    {"net.ipv4.tcp_early_retrans", 4},          // tail loss probes, RFC 8985 §7
    {"net.ipv4.tcp_recovery", 1},               // RACK
    {"net.ipv4.tcp_slow_start_after_idle", 1},  // RFC 5681 §4.1
    {"net.ipv4.tcp_syncookies", 1},
    {"net.ipv4.tcp_fastopen", 0},
    {"net.ipv4.tcp_no_metrics_save", 1},
    {"net.ipv4.tcp_mtu_probing", 0},
    {"net.ipv4.tcp_synack_retries", net::kSynAckRetriesMax},
    {"net.ipv4.tcp_syn_retries", net::kSynRetriesMax},
});

}  // namespace

Settings::Settings(System whose) : system(whose) {
    if (whose == System::freebsd) return;
    receive_bytes = 131072;
    send_bytes = 16384;
    window_scale = 7;
    connect_patience = {};  // as long as the SYN is sent again
}

net::TcpSettings Settings::of_socket(bool listener) const {
    net::TcpSettings s = defaults;
    s.receive_bytes = receive_bytes;
    s.send_bytes = send_bytes;
    s.scale_at_least = window_scale;
    s.offer_sack = sack;
    s.offer_timestamps = timestamps;
    s.offer_scaling = scaling;
    s.ecn = ecn == EcnMode::ask || (listener && ecn == EcnMode::grant_only);
    return s;
}

Answer apply(Settings& settings, std::string_view name, std::string_view value) {
    if (name == "net.ipv4.tcp_congestion_control") {
        if (value != "cubic" && value != "reno") return Answer::refused;
        settings.defaults.congestion =
            value == "cubic" ? net::CongestionAlgorithm::cubic : net::CongestionAlgorithm::newreno;
        return Answer::offered;
    }
    const auto numbers = numbers_of(value);
    for (const Knob& knob : kKnobs) {
        if (knob.name != name) continue;
        return numbers && knob.set(settings, *numbers) ? Answer::offered : Answer::refused;
    }
    for (const Fixed& fixed : kFixed) {
        if (fixed.name != name) continue;
        return numbers && (*numbers)[0] == fixed.value ? Answer::offered : Answer::refused;
    }
    return Answer::unknown;
}

std::uint32_t in_whole_segments(std::uint32_t bytes, std::uint32_t mss) {
    return mss == 0 || bytes <= mss ? bytes : (bytes + mss - 1) / mss * mss;
}

}  // namespace kyu::packetdrill
