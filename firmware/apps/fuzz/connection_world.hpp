// ConnectionWorld: a board, up to four hostile peers, and users who hold sockets.
//
// Rules     byte SEQ of every stream, in either direction, is stream_byte(SEQ): whatever a peer
//           repeats, overlaps or makes up, what a user reads is known, and so is what the board
//           sends. Each is compared as it comes.
#pragma once

#include <array>

#include "apps/fuzz/fuzz_board.hpp"

namespace kyu::fuzz {

inline std::uint8_t stream_byte(std::uint32_t seq) {
    return static_cast<std::uint8_t>((seq * 2654435761U) >> 13U);
}
inline Bytes stream_bytes(std::uint32_t seq, std::size_t count) {
    Bytes bytes(count);
    for (std::size_t i = 0; i < count; ++i) {
        bytes[i] = stream_byte(seq + static_cast<std::uint32_t>(i));
    }
    return bytes;
}

/// What a peer knows of its connection: the last that had its port.
struct FuzzPeer {
    std::uint16_t port{};
    std::uint16_t board_port{114};
    std::uint32_t seq{};         ///< what it says next
    std::uint32_t ack{};         ///< everything before it has come from the board
    std::uint32_t seen_first{};  ///< the last piece beyond that: what SACK tells
    std::uint32_t seen_end{};
    std::uint32_t stamp{5'000'000};
    std::uint32_t echo{0};
    bool stamps{false};
};

/// A segment of a peer's, before its lengths and checksums.
struct FuzzSegment {
    std::uint8_t flags{};
    std::uint32_t seq{};
    std::uint32_t ack{};
    std::uint16_t window{};
    std::uint16_t urgent{};
    Bytes options{};
    std::size_t data_bytes{};
};

/// A socket that a user holds, and how far its streams have come.
struct FuzzUser {
    net::SocketId id{};
    bool known{false};  ///< where the streams begin: once there is a connection
    bool deaf{false};   ///< shut down for receiving: nothing is to be read any more
    std::uint32_t next_read{};
    std::uint32_t next_write{};
};

class ConnectionWorld : public FuzzBoard {
public:
    static constexpr std::uint16_t kPort = 114;
    static constexpr std::uint16_t kRemotePort = 80;  ///< of peers that the board connects to

    std::array<FuzzPeer, 4> peers{};
    std::array<FuzzUser, 4> users{};
    net::SocketId listener{};

    ConnectionWorld(Instant now, std::uint8_t seed, std::uint32_t peer_iss);

    void send(FuzzPeer& peer, const FuzzSegment& segment, std::uint8_t tos = 0);
    void icmp(const FuzzPeer& peer, unsigned type, unsigned code, unsigned mtu);
    /// Looks at what the board has sent.
    void watch();

    // The users' calls.
    void listen(unsigned backlog);
    void accept(FuzzUser& user);
    void connect(FuzzUser& user, unsigned peer);
    void write(FuzzUser& user, std::size_t count, bool more);
    void read(FuzzUser& user, std::size_t most);
    enum class Ending : std::uint8_t { shutdown, shutdown_receive, close, abort };
    void end(FuzzUser& user, Ending how);
    void set_options(FuzzUser& user, unsigned which);

private:
    void watch_segment(const Bytes& ip);
    void hold(FuzzUser& user, net::SocketId id);
    net::Socket* socket_of(FuzzUser& user);
};

}  // namespace kyu::fuzz
