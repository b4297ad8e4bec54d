#include "kernel/last_crash.hpp"

#include <algorithm>
#include <cstring>

#include "kernel/frame_line.hpp"

namespace kyu {

LastCrash::Header LastCrash::read() const {
    Header header{};
    if (usable()) std::memcpy(&header, memory_.data(), sizeof header);
    return header;
}

void LastCrash::write(const Header& header) { std::memcpy(memory_.data(), &header, sizeof header); }

void LastCrash::begin() {
    if (usable()) write({.magic = kMagic, .size = 0, .cut = 0, .crc = crc16({}), .told = 0});
}

void LastCrash::append(std::string_view text) {
    Header header = read();
    if (header.magic != kMagic || header.size > room()) return;
    const std::string_view kept = text.substr(0, room() - header.size);
    std::memcpy(memory_.data() + sizeof header + header.size, kept.data(), kept.size());
    header.size += static_cast<std::uint32_t>(kept.size());
    header.cut += static_cast<std::uint32_t>(text.size() - kept.size());
    header.crc = crc16(kept, static_cast<std::uint16_t>(header.crc));
    write(header);
}

bool LastCrash::untold(Kept& kept) const {
    const Header header = read();
    if (header.magic != kMagic || header.told != 0 || header.size > room()) return false;
    kept.text = {reinterpret_cast<const char*>(memory_.data() + sizeof header), header.size};
    kept.cut = header.cut > 0;
    kept.damaged = crc16(kept.text) != header.crc;
    return true;
}

void LastCrash::set_told() {
    Header header = read();
    header.told = 1;
    if (header.magic == kMagic) write(header);
}

namespace {

void print_line(TextSink& sink, std::string_view line) {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    sink.put("last crash: ");
    for (const char c : line) {
        const char shown = c >= 0x20 && c <= 0x7E ? c : '?';
        sink.put({&shown, 1});
    }
    sink.put("\r\n");
}

}  // namespace

void print_last_crash(TextSink& sink, LastCrash& last) {
    LastCrash::Kept kept{};
    if (!last.untold(kept)) return;
    std::string_view rest = kept.text;
    const auto ends = static_cast<unsigned>(std::count(rest.begin(), rest.end(), '\n'));
    const bool torn = !rest.empty() && rest.back() != '\n';
    FrameLine{sink, "last-crash"}
        .number("v", 1)
        .number("lines", ends + (torn ? 1U : 0U))
        .number("cut", kept.cut ? 1 : 0)
        .number("damaged", kept.damaged ? 1 : 0);
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        print_line(sink, rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    last.set_told();
}

}  // namespace kyu
