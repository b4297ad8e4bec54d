#include "port/host/sim_link.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "port/host/offload.hpp"

namespace kyu::host {

bool SimLink::arrive(std::span<const std::byte> frame) {
    if (!up_) return false;
    if (waiting_.size() >= kWaitingMax) {
        ++stats_.rx_errors;
        return false;
    }
    std::vector<std::byte> buffer;
    if (!spare_.empty()) {
        buffer = std::move(spare_.back());
        spare_.pop_back();
    }
    buffer.assign(frame.begin(), frame.end());
    waiting_.push_back(std::move(buffer));
    refill();
    return !stopped_ || !ring_.empty();
}

void SimLink::refill() {
    while (!stopped_ && !waiting_.empty()) {
        ring_.push_back(std::move(waiting_.front()));
        waiting_.pop_front();
        if (ring_.size() < kSlots) continue;
        stopped_ = true;
        ++stats_.rx_exhausted;
    }
}

bool SimLink::transmit(net::Mbuf&& frame) {
    if (!up_) return false;
    ++stats_.tx_frames;
    stats_.tx_bytes += frame.size();
    outgoing_.resize(frame.size());
    frame.copy_out(0, outgoing_);
    if (transmit_checksums()) complete_checksums(outgoing_);
    send_(outgoing_);
    return true;
}

net::Mbuf SimLink::fill(net::MbufPool& pool, std::span<const std::byte> bytes) const {
    net::Mbuf mbuf;
    // Small frames fit into a segment, so that an ACK pins little and needs no cluster.
    if (bytes.size() <= net::Segment::kInside - net::kHeaderRoom) {
        mbuf = pool.allocate(bytes.size(), net::Reserve::use);
    } else if (bytes.size() <= net::kClusterBytes) {
        mbuf = pool.allocate_cluster();
    }
    if (!mbuf) return mbuf;
    mbuf.trim_back(mbuf.size() - bytes.size());
    if (!bytes.empty()) std::memcpy(mbuf.writable_front().data(), bytes.data(), bytes.size());
    return mbuf;
}

net::Mbuf SimLink::fill_in_pieces(net::MbufPool& pool, std::span<const std::byte> bytes) const {
    const std::size_t piece = cut_at_ == kEveryByte ? 1 : cut_at_;
    net::Mbuf mbuf = fill(pool, bytes.first(std::min(piece, bytes.size())));
    for (std::size_t at = piece; mbuf && at < bytes.size();) {
        const std::size_t left = bytes.size() - at;
        const std::size_t count = cut_at_ == kEveryByte ? 1 : left;
        net::Mbuf next = fill(pool, bytes.subspan(at, count));
        if (!next) return {};
        mbuf.append(std::move(next));
        at += count;
    }
    return mbuf;
}

net::Mbuf SimLink::receive(net::MbufPool& pool) {
    const bool shown = std::exchange(shown_now_, false);
    while (!ring_.empty()) {
        std::vector<std::byte> buffer = std::move(ring_.front());
        ring_.pop_front();
        net::Mbuf mbuf = cut_at_ == 0 ? fill(pool, buffer) : fill_in_pieces(pool, buffer);
        if (mbuf) {
            ++stats_.rx_frames;
            stats_.rx_bytes += buffer.size();
        } else {
            ++stats_.rx_no_buffer;
        }
        spare_.push_back(std::move(buffer));
        if (mbuf || shown) return mbuf;
    }
    return {};
}

std::span<const std::byte> SimLink::peek() {
    // What is to be cut is not shown in one piece.
    if (cut_at_ != 0 || ring_.empty() || ring_.front().size() > shown_.size()) return {};
    const std::vector<std::byte>& frame = ring_.front();
    shown_now_ = true;
    std::copy(frame.begin(), frame.end(), shown_.begin());
    return std::span{shown_}.first(frame.size());
}

void SimLink::discard() {
    shown_now_ = false;
    ++stats_.rx_frames;
    stats_.rx_bytes += ring_.front().size();
    spare_.push_back(std::move(ring_.front()));
    ring_.pop_front();
}

bool SimLink::receive_done() {
    if constexpr (kMissionBugs) {
        if (bug_.is(MissionBug::deaf_receiver)) return false;
    }
    stopped_ = false;
    refill();
    return !ring_.empty();
}

}  // namespace kyu::host
