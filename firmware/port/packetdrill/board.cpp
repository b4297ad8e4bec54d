// Board: threads, time, and Ethernet around IP packets.
//
// Context   one host thread at a time.
#include "port/packetdrill/board.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "net/stopped_net.hpp"
#include "net/wire/arp.hpp"
#include "net/wire/ethernet.hpp"
#include "port/host/fates.hpp"

namespace kyu::packetdrill {
namespace {

constexpr Priority kNetPriority{8};
constexpr Priority kCallerPriority{16};
constexpr net::MacAddress kOwnMac{{0x02, 'K', 'y', 'u', 0, 1}};
constexpr net::MacAddress kNeighbourMac{{0x02, 'K', 'y', 'u', 0, 2}};
constexpr std::uint16_t kTypeIp = 0x0800;
constexpr std::uint16_t kTypeArp = 0x0806;
constexpr std::size_t kEthernetBytes = 14;

net::RandomKey key_of(std::uint64_t seed) {
    host::SplitMix random{seed};
    net::RandomKey key;
    for (std::byte& b : key.bytes) b = static_cast<std::byte>(random.next_u32());
    return key;
}

std::vector<std::byte> framed(std::uint16_t type, std::span<const std::byte> inside) {
    std::vector<std::byte> frame;
    frame.reserve(kEthernetBytes + inside.size());
    for (const std::uint8_t b : kOwnMac.bytes) frame.push_back(std::byte{b});
    for (const std::uint8_t b : kNeighbourMac.bytes) frame.push_back(std::byte{b});
    frame.push_back(static_cast<std::byte>(type >> 8U));
    frame.push_back(static_cast<std::byte>(type & 0xFFU));
    frame.insert(frame.end(), inside.begin(), inside.end());
    return frame;
}

std::uint16_t type_of(std::span<const std::byte> frame) {
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(frame[12]) << 8U |
                                      std::to_integer<unsigned>(frame[13]));
}

/// RFC 826: who was asked for is here, whoever that is. Nothing when it was no question, or one
/// about the board's own address.
std::vector<std::byte> arp_answer(std::span<const std::byte> question, net::Ipv4 own) {
    constexpr std::size_t kBytes = 28;
    if (question.size() < kBytes || question[7] != std::byte{1}) return {};
    std::vector<std::byte> answer(question.begin(), question.begin() + kBytes);
    const auto word = [&](std::size_t at) {
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            value = value << 8U | std::to_integer<std::uint32_t>(question[at + i]);
        }
        return value;
    };
    if (word(24) == own.host || word(14) == 0) return {};
    answer[7] = std::byte{2};
    std::copy_n(question.begin() + 8, 10, answer.begin() + 18);  // the asker is the target
    std::copy_n(question.begin() + 24, 4, answer.begin() + 14);  // who was asked for answers
    for (std::size_t i = 0; i < 6; ++i) answer[8 + i] = std::byte{kNeighbourMac.bytes[i]};
    return answer;
}

}  // namespace

Board::Board(const BoardConfig& config)
    : config_(config),
      memory_(std::make_unique_for_overwrite<Memory>()),
      pool_(memory_->packets),
      link_(kOwnMac, config.mtu, [this](std::span<const std::byte> frame) { left(frame); }),
      net_(pool_, link_, key_of(config.seed)),
      net_thread_(
          "net", kNetPriority, net_stack_.span(),
          [](ThreadContext& self, void* board) { me(board).net_.run(self); }, this),
      caller_thread_(
          "packetdrill", kCallerPriority, caller_stack_.span(),
          [](ThreadContext& self, void* board) { me(board).serve(self); }, this),
      machine_({.seed = config.seed, .step = {}}) {
    caller_thread_.start_at_boot(machine_.kernel());
    run_until(now());
}

Board::~Board() { machine_.switch_off(); }

void Board::serve(ThreadContext& self) {
    net_thread_.start(self);
    net::NetConfig config;
    config.source = net::NetConfig::Source::fixed;
    config.claim = false;  // a script counts every packet
    config.address = config_.address;
    config.prefix_bits = config_.prefix_bits;
    config.gateway = config_.gateway;
    net_.configure(self, config);
    for (;;) {
        wanted_.wait(self, Instant::never());
        net::NetGuard guard{net_, self};
        (*operation_)(guard);
        operation_ = nullptr;
    }
}

void Board::stop_if_crashed() const {
    if (!machine_.crashed()) return;
    std::fputs(machine_.console_text().c_str(), stderr);
    std::exit(EXIT_FAILURE);
}

void Board::run_until(Instant when) {
    static_cast<void>(machine_.run_until(when));
    stop_if_crashed();
}

void Board::call(const Operation& operation) {
    operation_ = &operation;
    machine_.raise([this](IrqContext& irq) { wanted_.signal(irq); });
    run_until(now());
    CHECK(operation_ == nullptr);
}

void Board::arrive(std::vector<std::byte> frame) {
    link_.put(std::move(frame));
    machine_.raise([this](IrqContext& irq) { net_.post(irq); });
}

void Board::receive(std::span<const std::byte> packet) {
    arrive(framed(kTypeIp, packet));
    run_until(now());
}

void Board::left(std::span<const std::byte> frame) {
    if (frame.size() < kEthernetBytes) return;
    const auto inside = frame.subspan(kEthernetBytes);
    if (type_of(frame) == kTypeIp) {
        // A short frame is padded; packetdrill wants what IP says.
        const std::size_t total =
            std::to_integer<std::size_t>(inside[2]) << 8U | std::to_integer<std::size_t>(inside[3]);
        const auto packet = inside.first(std::min(total, inside.size()));
        sent_.push_back({now(), std::vector<std::byte>(packet.begin(), packet.end())});
    } else if (type_of(frame) == kTypeArp) {
        const auto answer = arp_answer(inside, config_.address);
        if (!answer.empty()) arrive(framed(kTypeArp, answer));
    }
}

const net::LockedNet& Board::look() const { return net::StoppedNet::of(net_); }

}  // namespace kyu::packetdrill
