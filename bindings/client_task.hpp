// ClientTask: a program of socket calls that runs as a thread of a simulated board.
//
// Context   run_steps() and run_big() on a firmware thread's fibre: no Python there, no exception
//           leaves. The driver reads the task while the world stands still.
// Ownership shared by Python's Task and the thread: either may go first.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "base/time.hpp"
#include "kernel/context.hpp"
#include "net/ip_address.hpp"
#include "net/net.hpp"

namespace kyu::bindings {

struct Step {
    enum class Kind : std::uint8_t {
        connect,
        listen,
        accept,
        send,
        recv,
        recv_all,
        shutdown,
        close,
        abort,
        sleep,
        join,
        panic,
    };
    Kind kind{};
    net::Endpoint remote{};  ///< connect; listen: the port; join: the group
    std::string data{};      ///< send; panic: the reason
    std::uint64_t number{};  ///< recv: bytes; sleep: µs
};

/// nullptr: there is no such step.
[[nodiscard]] const char* to_text(Step::Kind kind);

struct ClientTask {
    std::deque<Step> steps{};  ///< what lies before `step` is done; more may come while it is open
    bool open{false};          ///< when all steps are done it waits for more
    bool done{false};
    std::string error{};     ///< empty: none
    std::string received{};  ///< by recv and recv_all
    std::uint64_t step{0};   ///< which one is being done, from 0; their number when all are
    std::uint64_t transfers{0};
    std::uint64_t bytes{0};  ///< received
    Instant finished{};
};

/// Carries out the steps of `task` until the first that fails.
void run_steps(net::Net& net, ThreadContext& self, ClientTask& task);

/// Fetches `big` from `remote` `transfers` times, comparing every byte.
void run_big(net::Net& net, ThreadContext& self, ClientTask& task, const net::Endpoint& remote,
             std::uint64_t transfers);

}  // namespace kyu::bindings
