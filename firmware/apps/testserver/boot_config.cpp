#include "apps/testserver/boot_config.hpp"

#include <charconv>

#include "board/orangepi-pc/boot_args.hpp"
#include "kernel/frame_line.hpp"

namespace kyu::app {
namespace {

using board::boot_arg;

constexpr unsigned kHardwareWatchdogMaxS = 16;

template <typename T>
std::optional<T> parse_number(std::string_view text, int base = 10) {
    T value{};
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value, base);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return value;
}

// Takes the part up to `mark` off the front of `text`; all of it when the mark is not there.
std::string_view take_until(std::string_view& text, char mark) {
    const std::size_t at = text.find(mark);
    const std::string_view part = text.substr(0, at);
    text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
    return part;
}

void complain(TextSink& sink, std::string_view key, std::string_view value,
              std::string_view wanted) {
    TextBuffer<160> text;
    print(text, "{}={}: {} is wanted; using the default", key, value, wanted);
    FrameLine(sink, "warn").word("what", "boot-argument").text("text", text.view());
}

void read_address(std::string_view args, net::NetConfig& net, TextSink& complaints) {
    const std::string_view text = boot_arg(args, "ip");
    if (text.empty()) return;
    if (text == "dhcp") {
        net.source = net::NetConfig::Source::dhcp;
        return;
    }
    std::string_view rest = text;
    const auto address = net::parse_ipv4(take_until(rest, '/'));
    const auto bits = parse_number<std::uint8_t>(rest);
    if (!address || !bits || *bits > 32 || address->is_any() || address->is_multicast()) {
        return complain(complaints, "ip", text, "ADDRESS/BITS or dhcp");
    }
    net.source = net::NetConfig::Source::fixed;
    net.address = *address;
    net.prefix_bits = *bits;
    net.gateway = net::Ipv4{};  // a gateway of the default network would be wrong in another
}

/// A key whose value is one address; `into` stays as it is without one.
void read_host(std::string_view args, std::string_view key, net::Ipv4& into, TextSink& complaints) {
    const std::string_view text = boot_arg(args, key);
    if (text.empty()) return;
    const auto address = net::parse_ipv4(text);
    if (!address) return complain(complaints, key, text, "an address");
    into = *address;
}

void read_watchdog(std::string_view args, WatchdogConfig& watchdog, TextSink& complaints) {
    const std::string_view text = boot_arg(args, "watchdog");
    if (text.empty()) return;
    if (text == "off") {
        watchdog.on = false;
        return;
    }
    const auto seconds = parse_number<unsigned>(text);
    if (!seconds || *seconds < 1 || *seconds > kHardwareWatchdogMaxS) {
        return complain(complaints, "watchdog", text, "off or 1 to 16 seconds");
    }
    watchdog.hardware_s = *seconds;
}

// A planted failure of the services, or one of the story's bugs.
void read_defect(std::string_view args, BootConfig& config, TextSink& complaints) {
    config.defect_text = boot_arg(args, "defect");
    if (config.defect_text.empty()) return;
    config.defect = defects::parse(config.defect_text);
    const MissionBug bug = mission_bug_named(config.defect_text);
    config.net.bug = PlantedBug{bug};
    if (config.defect.kind == defects::Kind::none && bug == MissionBug::none) {
        complain(complaints, "defect", config.defect_text, "NAME[:ARG][@NTH]");
    }
}

}  // namespace

std::optional<net::MacAddress> parse_mac(std::string_view text) {
    net::MacAddress mac;
    for (std::size_t i = 0; i < mac.bytes.size(); ++i) {
        const std::string_view part = i + 1 < mac.bytes.size() ? take_until(text, ':') : text;
        const auto byte = parse_number<std::uint8_t>(part, 16);
        if (part.size() != 2 || !byte) return std::nullopt;
        mac.bytes[i] = *byte;
    }
    if (mac.is_group() || mac == net::MacAddress{}) return std::nullopt;
    return mac;
}

BootConfig read_boot_config(std::string_view args, TextSink& complaints) {
    BootConfig config;
    config.heartbeat = !args.empty() && boot_arg(args, "hb") != "0";
    read_address(args, config.net, complaints);
    read_host(args, "gw", config.net.gateway, complaints);
    read_host(args, "dns", config.net.name_server, complaints);
    if (const auto text = boot_arg(args, "mac"); !text.empty()) {
        config.mac = parse_mac(text);
        if (!config.mac) complain(complaints, "mac", text, "XX:XX:XX:XX:XX:XX of one station");
    }
    if (const auto text = boot_arg(args, "seed"); !text.empty()) {
        config.seed = parse_number<std::uint64_t>(text);
        if (!config.seed) complain(complaints, "seed", text, "a number below 2^64");
    }
    read_watchdog(args, config.watchdog, complaints);
    read_defect(args, config, complaints);
    return config;
}

}  // namespace kyu::app
