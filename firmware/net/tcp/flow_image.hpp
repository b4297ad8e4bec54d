// FlowImage: what stands before TCP's sequence number in the segments of one connection.
//
// Rules     Remembered of a frame that was looked at in full. A frame that differs from it in
//           nothing but IP's length, id and checksum needs no look at all of it again: its fields
//           were found good, and its checksum follows from the sum of the words that are the same.
// Ownership part of TcpState, which forgets it with the connection; the interface's addresses do
//           not change while one of its connections lives.
// Context   any. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace kyu::net {

class FlowImage {
    // Ethernet 0-13, IP 14-33, ports 34-37; IP's length at 16, id at 18, checksum at 24. Words as
    // they lie in memory, so that a frame is compared by a few loads.
    static constexpr std::size_t kChecksumAt = 24;
    std::uint32_t ether_[3];      // 0-11
    std::uint32_t version_;       // 12-15: type, version, TOS
    std::uint32_t flags_;         // 20-23: flags, offset, TTL, protocol
    std::uint32_t addresses_[2];  // 28-35: but for the source's upper half
    std::uint16_t source_;        // 26-27
    std::uint16_t port_;          // 36-37
    std::uint32_t rest_sum_{0};   // of IP's header without length, id and checksum

    template <typename T>
    [[nodiscard, gnu::always_inline]] static T load(const std::byte* at) {
        T value;
        std::memcpy(&value, at, sizeof value);
        return value;
    }

public:
    static constexpr std::size_t kBytes = 38;

    FlowImage() : ether_{}, version_{0}, flags_{0}, addresses_{}, source_{0}, port_{0} {}

    /// `frame` has kBytes bytes and more, and its IP header is good.
    void remember(const std::byte* frame) {
        for (std::size_t i = 0; i < 3; ++i) ether_[i] = load<std::uint32_t>(frame + 4 * i);
        version_ = load<std::uint32_t>(frame + 12);
        flags_ = load<std::uint32_t>(frame + 20);
        source_ = load<std::uint16_t>(frame + 26);
        addresses_[0] = load<std::uint32_t>(frame + 28);
        addresses_[1] = load<std::uint32_t>(frame + 32);
        port_ = load<std::uint16_t>(frame + 36);
        // All words of the header sum to 0xFFFF: so do the rest and the three that change.
        const std::uint32_t changing = load<std::uint16_t>(frame + 16) +
                                       load<std::uint16_t>(frame + 18) +
                                       load<std::uint16_t>(frame + kChecksumAt);
        rest_sum_ = 0xFFFFU - fold(changing);
    }
    /// `frame` has kBytes bytes and more. True: it is as the one remembered, and so is its IP
    /// header's checksum right.
    [[nodiscard, gnu::always_inline]] bool matches(const std::byte* frame) const {
        const std::uint32_t differs =
            (load<std::uint32_t>(frame) ^ ether_[0]) |
            (load<std::uint32_t>(frame + 4) ^ ether_[1]) |
            (load<std::uint32_t>(frame + 8) ^ ether_[2]) |
            (load<std::uint32_t>(frame + 12) ^ version_) |
            (load<std::uint32_t>(frame + 20) ^ flags_) |
            (load<std::uint32_t>(frame + 28) ^ addresses_[0]) |
            (load<std::uint32_t>(frame + 32) ^ addresses_[1]) |
            static_cast<std::uint32_t>(load<std::uint16_t>(frame + 26) ^ source_) |
            static_cast<std::uint32_t>(load<std::uint16_t>(frame + 36) ^ port_);
        if (differs != 0) return false;
        const std::uint32_t sum = rest_sum_ + load<std::uint16_t>(frame + 16) +
                                  load<std::uint16_t>(frame + 18) +
                                  load<std::uint16_t>(frame + kChecksumAt);
        return fold(sum) == 0xFFFFU;
    }

private:
    [[nodiscard]] static std::uint32_t fold(std::uint32_t sum) {
        sum = (sum & 0xFFFFU) + (sum >> 16U);
        return (sum & 0xFFFFU) + (sum >> 16U);
    }
};

}  // namespace kyu::net
