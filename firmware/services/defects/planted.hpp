// Planted: the armed defect of this image, if it has one.
//
// Rules     In a release image this is an empty object whose due() is a constant false, so the
//           compiler drops every trace of it.
// Context   arm() once at boot, from a thread; due() and act() from the thread of a transfer.
// Ownership owns the helper thread and everything else that a failure needs (props.hpp).
#pragma once

#include "base/mission_bug.hpp"
#include "services/defects/defects.hpp"

#if defined(KYU_DEFECTS)
#include <array>

#include "kernel/thread.hpp"
#include "services/defects/props.hpp"
#include "services/wangdoodle/pattern.hpp"
#endif

namespace kyu::defects {

#if defined(KYU_DEFECTS)

class Planted {
    static constexpr std::size_t kHelperStack = 8192;
    Defect defect_{};
    BoardTricks tricks_;
    Props props_;
    ThreadStack<kHelperStack> stack_;
    Thread helper_;
    PlantedBug bug_;
    std::array<std::byte, wangdoodle::kChunkBytes> shared_chunk_{};

    static void help(ThreadContext& self, void* planted);

public:
    explicit Planted(const BoardTricks& tricks = {});
    /// Arms `defect` and starts the helper thread.
    void arm(ThreadContext& self, const Defect& defect);
    /// Whether transfer number `nth` (from 1) is to fail.
    [[nodiscard]] bool due(std::uint64_t nth) const {
        return defect_.kind != Kind::none && nth >= defect_.nth;
    }
    /// Does what was planted instead of sending `stream`. The caller closes the connection after.
    void act(ThreadContext& self, net::TcpSocket& client, std::span<const std::byte> stream);
    [[nodiscard]] const Defect& defect() const { return defect_; }

    /// The services have `bug` from now on.
    void plant(PlantedBug bug) { bug_ = bug; }
    [[nodiscard]] PlantedBug bug() const { return bug_; }
    /// `big` with the bug shared-buffer. False when the connection is of no more use.
    bool send_big_from_shared_buffer(ThreadContext& self, net::TcpSocket& client);
};

#else

class Planted {
public:
    explicit Planted(const BoardTricks& /*tricks*/ = {}) {}
    void arm(ThreadContext& /*self*/, const Defect& /*defect*/) {}
    [[nodiscard]] constexpr bool due(std::uint64_t /*nth*/) const { return false; }
    void act(ThreadContext& /*self*/, net::TcpSocket& /*client*/,
             std::span<const std::byte> /*stream*/) {}
    void plant(PlantedBug /*bug*/) {}
    [[nodiscard]] constexpr PlantedBug bug() const { return {}; }
    // Not defined here: only called in builds with KYU_DEFECTS.
    bool send_big_from_shared_buffer(ThreadContext& self, net::TcpSocket& client);
};

#endif

}  // namespace kyu::defects
