// For tests only: datagrams in fragments, as a peer sends them and as it puts them together.
#pragma once

#include <map>

#include "net/frames_test_support.hpp"

namespace kyu::net::test {

inline constexpr unsigned kMore = 0x2000;

struct Cut {
    std::size_t first;
    std::size_t end;
    bool more;
};

/// One fragment of `payload`; the bytes beyond its end are zeros.
inline Bytes fragment_packet(const Bytes& payload, const Cut& cut, unsigned id = 7,
                             IpFields fields = {}) {
    fields.flags_offset = static_cast<unsigned>(cut.first / 8) | (cut.more ? kMore : 0U);
    Bytes piece = slice(payload, cut.first, cut.end - cut.first);
    piece.resize(cut.end - cut.first);
    Bytes packet = ip_packet(fields, piece);
    put16(packet, 4, id);
    fix_ip(packet);
    return packet;
}

inline Bytes fragment_frame(const Bytes& payload, const Cut& cut, unsigned id = 7,
                            const IpFields& fields = {}) {
    return ether_frame(kBoardMac, kPeerMac, 0x0800, fragment_packet(payload, cut, id, fields));
}

/// `payload` cut every `step` bytes; a multiple of 8.
inline std::vector<Cut> cuts_of(std::size_t size, std::size_t step) {
    std::vector<Cut> cuts;
    for (std::size_t at = 0; at == 0 || at < size; at += step) {
        cuts.push_back({at, std::min(size, at + step), at + step < size});
    }
    return cuts;
}

inline std::vector<Bytes> fragment_frames(const Bytes& payload, unsigned id = 7,
                                          const IpFields& fields = {}, std::size_t step = 1480) {
    std::vector<Bytes> frames;
    for (const Cut& cut : cuts_of(payload.size(), step)) {
        frames.push_back(fragment_frame(payload, cut, id, fields));
    }
    return frames;
}

/// The payload of the one datagram that these frames carry, and nothing when a byte is missing,
/// comes twice, or a header is wrong.
inline Bytes joined_payload(const std::vector<Bytes>& frames) {
    std::map<std::size_t, Bytes> pieces;
    std::size_t total = 0;
    for (const Bytes& f : frames) {
        if (get16(f, 12) != 0x0800 || slow_checksum(slice(f, kEther, kIp)) != 0) return {};
        if (get16(f, kEther + 4) != get16(frames[0], kEther + 4)) return {};
        if (f.size() > kEther + 1500 || get16(f, kEther + 2) != f.size() - kEther) return {};
        const std::size_t at = (get16(f, kEther + 6) & 0x1FFFU) * std::size_t{8};
        if ((get16(f, kEther + 6) & kMore) == 0) total = at + f.size() - kEther - kIp;
        pieces[at] = slice(f, kEther + kIp);
    }
    Bytes whole;
    for (const auto& [at, piece] : pieces) {
        if (at != whole.size()) return {};
        whole = joined(std::move(whole), piece);
    }
    return pieces.size() == frames.size() && whole.size() == total ? whole : Bytes{};
}

}  // namespace kyu::net::test
