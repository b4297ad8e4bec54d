#include "apps/simserver/sim_board.hpp"

#include <algorithm>
#include <utility>

#include "net/counters.hpp"
#include "net/stopped_net.hpp"
#include "port/host/fates.hpp"

namespace kyu::app {
namespace {

constexpr Priority kNetPriority{8};
constexpr Priority kShellPriority{12};

// Unicast, locally administered, and different for each address.
net::MacAddress mac_of(net::Ipv4 address) {
    const auto byte = [&](unsigned shift) {
        return static_cast<std::uint8_t>(address.host >> shift);
    };
    return {{0x02, 'K', byte(24), byte(16), byte(8), byte(0)}};
}

net::RandomKey key_of(std::uint64_t seed) {
    host::SplitMix random{seed};
    net::RandomKey key;
    for (std::byte& b : key.bytes) b = static_cast<std::byte>(random.next_u32());
    return key;
}

}  // namespace

struct SimBoard::Spawned {
    std::string name;
    Body body;
    ThreadStack<16384> stack;
    Thread thread;

    Spawned(std::string name_in, Body body_in)
        : name(std::move(name_in)),
          body(std::move(body_in)),
          thread(
              name.c_str(), kServicePriority, stack.span(),
              [](ThreadContext& self, void* it) { static_cast<Spawned*>(it)->body(self); }, this) {}
};

SimBoard::SimBoard(SimBoardConfig config)
    : Host(config.name),
      config_(std::move(config)),
      memory_(std::make_unique_for_overwrite<Memory>()),
      pool_(memory_->packets),
      link_(
          mac_of(config_.address), [this](std::span<const std::byte> frame) { transmit(frame); },
          config_.bug),
      net_(pool_, link_, key_of(config_.seed)),
      services_(net_, memory_->services, planted_, config_.seed),
      net_thread_(
          "net", kNetPriority, net_stack_.span(),
          [](ThreadContext& self, void* board) { me(board).net_.run(self); }, this),
      shell_thread_(
          "shell", kShellPriority, shell_stack_.span(),
          [](ThreadContext& self, void* board) {
              me(board).start_up(self);
              me(board).shell_.run(self);
          },
          this),
      heartbeat_thread_(
          "heartbeat", kServicePriority, heartbeat_stack_.span(),
          [](ThreadContext& self, void* board) { me(board).heartbeat_.run(self); }, this),
      announcer_thread_(
          "announcer", kServicePriority, announcer_stack_.span(),
          [](ThreadContext& self, void* board) {
              me(board).announcer_.run(
                  self,
                  [](ThreadContext& announcer, void* it) {
                      me(it).ready_ = true;
                      if (me(it).config_.heartbeat) me(it).heartbeat_thread_.start(announcer);
                  },
                  board);
          },
          this),
      spawner_thread_(
          "spawner", kShellPriority, spawner_stack_.span(),
          [](ThreadContext& self, void* board) { me(board).start_spawned(self); }, this),
      machine_({.seed = config_.seed, .step = config_.step}),
      announcer_(console_, net_, services_.servers()),
      heartbeat_(
          console_, net_,
          [](const void* wang) {
              return static_cast<const wangdoodle::Wangdoodle*>(wang)->transfers();
          },
          &services_.wang()),
      shell_(console_, net_, heartbeat_, shell_board_, {}, services_.view()) {
    planted_.plant(config_.bug);
    uart_.attach(console_);
    machine_.kernel().pools().add(segments_entry_);
    machine_.kernel().pools().add(clusters_entry_);
    heartbeat_.enable(config_.heartbeat);
    shell_thread_.start_at_boot(machine_.kernel());
    spawner_thread_.start_at_boot(machine_.kernel());
}

// Console and services die before the machine does, and threads wait in them.
SimBoard::~SimBoard() { machine_.switch_off(); }

void SimBoard::start_up(ThreadContext& self) {
    net_thread_.start(self);
    net::NetConfig net;
    net.source = net::NetConfig::Source::fixed;
    net.claim = false;  // a world gives no address twice, and fates name frames by their number
    net.address = config_.address;
    net.prefix_bits = config_.prefix_bits;
    net.gateway = config_.gateway;
    net.bug = config_.bug;
    net_.configure(self, net);
    services_.start(self, [&](const char* name, const char* why) {
        console_.print(self, "{}: {}\n", name, why);
    });
    announcer_thread_.start(self);
}

void SimBoard::start_spawned(ThreadContext& self) {
    for (;;) {
        spawn_wanted_.wait(self, Instant::never());
        for (std::size_t i = 0; i < spawned_.size(); ++i) {
            Thread& thread = spawned_[i]->thread;
            if (thread.state() == ThreadState::created) thread.start(self);
        }
    }
}

void SimBoard::receive(Instant now, std::span<const std::byte> frame) {
    if (!link_.arrive(frame) || interrupt_raised_) return;
    // One line to the processor, as a device has: it stays up until the interrupt is taken.
    interrupt_raised_ = true;
    machine_.at(now, [this](IrqContext& irq) {
        interrupt_raised_ = false;
        net_.post(irq);
    });
}

void SimBoard::run_until(Instant now) {
    const bool was_crashed = machine_.crashed();
    static_cast<void>(machine_.run_until(now));
    if (machine_.crashed() && !was_crashed) crashed_at_ = machine_.now();
}

void SimBoard::remove_finished() {
    std::erase_if(spawned_,
                  [](const auto& each) { return each->thread.state() == ThreadState::finished; });
}

void SimBoard::spawn(const std::string& name, Body body) {
    remove_finished();
    spawned_.push_back(std::make_unique<Spawned>(name, std::move(body)));
    machine_.at(machine_.now(), [this](IrqContext& irq) { spawn_wanted_.signal(irq); });
}

void SimBoard::counters(const std::function<void(std::string_view, std::uint64_t)>& f) {
    const net::LockedNet& net = net::StoppedNet::of(net_);
    net::for_each_link_counter(net, f);
    net::for_each_stack_counter(net, f);
    net::for_each_drop(net, f);
    net::for_each_tcp_counter(net, [&](std::string_view name, std::uint64_t value) {
        f("tcp_" + std::string(name), value);
    });
    for (const PoolStats* pool : {&pool_.segment_stats(), &pool_.cluster_stats()}) {
        const bool segments = pool == &pool_.segment_stats();
        f(segments ? "mbufs_used" : "clusters_used", pool->used);
        f(segments ? "mbufs_failed" : "clusters_failed", pool->failed);
    }
    f("sockets_used", net.tcp.sockets.stats().used);
    f("sockets_total", net.tcp.sockets.stats().total);
    f("sockets_failed", net.tcp.sockets.stats().failed);
    f("connections_used", net.tcp.connections.stats().used);
    f("time_waits_used", net.tcp.time_wait.stats().used);
    f("syn_records_used", net.tcp.syn_cache.stats().used);
    f("pieces_used", net.tcp.reassembly.stats().used);
    f("datagrams_used", net.reassembly.datagrams());
    const auto& neighbours = net.arp.entries();
    f("neighbours_used",
      static_cast<std::uint64_t>(std::ranges::count_if(neighbours, [](const net::ArpEntry& entry) {
          return entry.state != net::ArpEntry::State::unused;
      })));
    f("senders_asleep_on_empty", net.tcp.sockets.senders_asleep_on_empty());
    f("transfers", services_.transfers());
    f("doney_bytes", services_.doney_bytes());
}

}  // namespace kyu::app
