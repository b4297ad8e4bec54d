// Fetch: one transfer from a board, from the connect to the close, each byte compared.
//
// Rules     Uses the host's own TCP and knows nothing of Python. A go() ends by itself: when the
//           transfer has ended, when it took what it may, or when it has been there for `quiet_s`,
//           whatever comes: the caller may want to stop.
// Context   one thread at a time; a thread's buffer is shared by its fetches.
// Ownership a Fetch owns its socket; what is compared is the firmware's own stream (pattern.hpp).
// Time      wall time of the host, and only to wake up: the caller counts patience.
#pragma once

#include <netinet/in.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace kyu::client {

/// Why go() came back. The first four: it may be called again.
enum class Step : std::uint8_t {
    kConnecting,  ///< no answer to the SYN yet
    kWaiting,     ///< nothing came, or not all of it
    kClosing,     ///< every byte has come, the close has not
    kPaused,      ///< as many bytes as one go() may take
    kDone,        ///< every byte and the close; of one that goes away: every byte
    kEarly,       ///< closed before the last byte
    kWrong,       ///< a byte that must be another one: `at`, `found`
    kExtra,       ///< bytes behind the last one: `found`
    kUnreached,   ///< no connection: `error`
    kBroken,      ///< the connection failed: `error`
};

/// What is asked for. `seed`: the stream of `gen`; without one, the pattern of `big`.
struct Wish {
    sockaddr_in board{};
    std::string command;
    std::optional<std::uint64_t> seed;
    std::uint64_t size{0};   ///< bytes until the close, or until the client goes away
    int window{0};           ///< bytes of receive buffer; 0: what the host likes
    bool half_close{false};  ///< close our half once the command is out
    bool until_close{true};  ///< false: who goes away does not wait for the end
    double quiet_s{0.25};    ///< longest wait of a go(), which so stays for twice that at most
};

class Fetch {
    using Clock = std::chrono::steady_clock;
    enum class Stage : std::uint8_t { kFresh, kConnect, kAsk, kStream, kEnd, kOver };

    Wish wish_;
    int socket_{-1};
    Stage stage_{Stage::kFresh};
    std::size_t asked_{0};
    std::uint64_t received_{0};
    std::uint64_t at_{0};
    std::string found_;
    int error_{0};
    Clock::time_point looks_up_;  ///< when this go() has been there long enough

    // Each does its stage's next thing: nothing to tell, or the Step that go() comes back with.
    std::optional<Step> advance(std::uint64_t until);
    std::optional<Step> open();
    std::optional<Step> connecting();
    std::optional<Step> ask();
    std::optional<Step> stream(std::uint64_t until);
    std::optional<Step> end();
    Step over(Step how, int error = 0);
    std::optional<Step> connected(int error);
    std::optional<Step> compare(std::span<const std::byte> came);
    void show(std::span<const std::byte> came);

public:
    explicit Fetch(Wish wish) : wish_(std::move(wish)) {}
    Fetch(const Fetch&) = delete;
    Fetch& operator=(const Fetch&) = delete;
    ~Fetch() { close(false); }

    /// Goes on until there is something to say. `most`: bytes that it may take, at least one.
    Step go(std::uint64_t most);
    /// `reset`: by a RST. Once is enough; more does nothing.
    void close(bool reset);

    [[nodiscard]] std::uint64_t received() const { return received_; }
    /// kWrong: the offset of the first wrong byte.
    [[nodiscard]] std::uint64_t at() const { return at_; }
    /// kWrong: the bytes from `at` on; kExtra: those behind the last; at most 16.
    [[nodiscard]] const std::string& found() const { return found_; }
    /// errno of kUnreached and kBroken.
    [[nodiscard]] int error() const { return error_; }
    /// This host's end, by which a capture knows the connection; 0: there is none.
    [[nodiscard]] std::uint16_t port() const;
};

}  // namespace kyu::client
