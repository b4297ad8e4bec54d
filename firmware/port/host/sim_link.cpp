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

net::Mbuf SimLink::receive(net::MbufPool& pool) {
    const bool shown = std::exchange(shown_now_, false);
    while (!ring_.empty()) {
        std::vector<std::byte> buffer = std::move(ring_.front());
        ring_.pop_front();
        net::Mbuf mbuf;
        // Small frames fit into a segment, so that an ACK pins little and needs no cluster.
        if (buffer.size() <= net::Segment::kInside - net::kHeaderRoom) {
            mbuf = pool.allocate(buffer.size(), net::Reserve::use);
        } else if (buffer.size() <= net::kClusterBytes) {
            mbuf = pool.allocate_cluster();
        }
        if (mbuf) {
            mbuf.trim_back(mbuf.size() - buffer.size());
            if (!buffer.empty()) {
                std::memcpy(mbuf.writable_front().data(), buffer.data(), buffer.size());
            }
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
    if (ring_.empty() || ring_.front().size() > shown_.size()) return {};
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
