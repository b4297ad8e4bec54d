// Adapter: time, waiting, settings.
//
// Context   host threads; `mutex_` is held in everything but let_others_run()'s middle.
#include "port/packetdrill/adapter.hpp"

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "net/socket/options.hpp"
#include "port/packetdrill/layout.hpp"

namespace kyu::packetdrill {
namespace {

/// packetdrill sleeps until so shortly before its next event, and spends the rest asking for the
/// time.
constexpr Duration kSpin = Duration::from_us(20);
/// From so many questions in a row on, the main thread is taken to wait.
constexpr unsigned kAskedPatience = 8;
/// A stack that sends nothing for so long will not do what the script waits for.
constexpr Duration kSilence = Duration::from_s(1000);

[[noreturn]] void stop(std::string_view what, std::string_view about) {
    std::fprintf(stderr, "kyu: %.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
                 static_cast<int>(about.size()), about.data());
    std::exit(EXIT_FAILURE);
}

/// Whether a thread of this process sleeps; one that is gone does.
bool sleeps(int thread) {
    std::ifstream stat{"/proc/self/task/" + std::to_string(thread) + "/stat"};
    std::string line;
    if (!std::getline(stat, line)) return true;
    const std::size_t name_end = line.rfind(')');
    if (name_end == std::string::npos || name_end + 2 >= line.size()) return true;
    return line[name_end + 2] == 'S';
}

template <typename Number>
Number number_of(std::string_view text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) stop("not a number", text);
    return number;
}

std::string_view first_word(std::string_view& text) {
    const std::size_t begin = std::min(text.find_first_not_of(' '), text.size());
    text.remove_prefix(begin);
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    text.remove_prefix(end);
    return word;
}

}  // namespace

Flags parse_flags(std::string_view text) {
    Flags flags;
    for (std::string_view word = first_word(text); !word.empty(); word = first_word(text)) {
        const std::size_t is = std::min(word.find('='), word.size());
        const std::string_view name = word.substr(0, is);
        const std::string_view value = word.substr(std::min(is + 1, word.size()));
        if (name == "system" && (value == "freebsd" || value == "linux")) {
            flags.system = value == "linux" ? System::linux : System::freebsd;
        } else if (name == "seed") {
            flags.seed = number_of<std::uint64_t>(value);
        } else if (name == "mtu") {
            flags.mtu = number_of<std::uint16_t>(value);
        } else if (name == "control") {
            flags.control = value;
        } else if (name == "states") {
            flags.states = value;
        } else {
            stop("unknown flag", word);
        }
    }
    return flags;
}

Adapter::Adapter(const Flags& flags)
    : flags_(flags),
      settings_(flags.system),
      board_({.seed = flags.seed, .mtu = flags.mtu}),
      sockets_(BoardConfig{}.address),
      main_thread_(gettid()) {}

bool Adapter::on_main() const { return gettid() == main_thread_; }

void Adapter::know_thread() {
    const int me = gettid();
    if (std::ranges::find(threads_, me) == threads_.end()) threads_.push_back(me);
}

Adapter::Lock Adapter::lock() {
    Lock held{mutex_};
    know_thread();
    asked_ = 0;
    read_control();
    return held;
}

void Adapter::read_control() {
    if (flags_.control.empty()) return;
    struct stat now{};
    if (::stat(flags_.control.c_str(), &now) != 0 || now.st_size <= control_read_) return;
    std::ifstream file{flags_.control};
    file.seekg(control_read_);
    for (std::string line; std::getline(file, line);) obey(line);
    control_read_ = now.st_size;
}

/// "set NAME=VALUE", or "drop TIME_WAIT".
void Adapter::obey(std::string_view line) {
    const std::string_view verb = first_word(line);
    if (verb == "drop") {
        board_.call([](net::NetGuard& guard) {
            guard->tcp.time_wait.remove_all_of(guard->interface.address);
        });
        return tell();
    }
    if (verb != "set") stop("not an order", line);
    line.remove_prefix(std::min<std::size_t>(1, line.size()));
    const std::size_t is = std::min(line.find('='), line.size());
    const std::string_view name = line.substr(0, is);
    const std::string_view value = line.substr(std::min(is + 1, line.size()));
    const Answer answer = apply(settings_, name, value);
    if (answer == Answer::offered) return;
    std::fprintf(stderr, "kyu: %s: %.*s=%.*s\n",
                 answer == Answer::unknown ? "unknown setting" : "setting not offered",
                 static_cast<int>(name.size()), name.data(), static_cast<int>(value.size()),
                 value.data());
}

/// FreeBSD makes a receive buffer whole segments once it knows how large they are, and lets it be
/// larger than a window that cannot be scaled.
void Adapter::tidy() {
    if (settings_.system != System::freebsd) return;
    board_.call([this](net::NetGuard& guard) {
        guard->tcp.sockets.for_each([this](net::Socket& so) {
            if (so.pcb == nullptr || so.pcb->state == net::ConnectionState::syn_sent) return;
            if (so.options.receive_bytes != settings_.receive_bytes) return;
            const std::uint32_t mss = so.pcb->mss + so.pcb->agreed.option_bytes();
            const std::uint32_t bytes = in_whole_segments(so.options.receive_bytes, mss);
            if (so.receive.limit() != bytes) so.receive.set_limit(bytes);
        });
    });
}

void Adapter::tell() {
    if (flags_.states.empty()) return;
    std::string states = tell_states(board_.look(), sockets_);
    if (states == states_told_) return;
    states_told_ = std::move(states);
    std::ofstream{flags_.states} << states_told_;
}

Outcome Adapter::attempt_once(const Try& attempt) {
    Outcome outcome;
    board_.call([&](net::NetGuard& guard) { outcome = attempt(guard); });
    tidy();
    tell();
    return outcome;
}

long Adapter::once(const Try& attempt) {
    const Outcome outcome = attempt_once(attempt);
    if (outcome.value < 0) errno = outcome.error;
    return outcome.value;
}

long Adapter::until_done(Lock& held, Instant deadline, const Try& attempt) {
    for (;;) {
        const Outcome outcome = attempt_once(attempt);
        const bool late = !(board_.now() < deadline);
        if (!outcome.wait || late) {
            if (outcome.value < 0) errno = outcome.error;
            return outcome.value;
        }
        if (!on_main()) {
            ++waiting_;
            changed_.wait(held);
            --waiting_;
            continue;
        }
        // Nobody else moves the time.
        if (board_.next_event() == Instant::never() && deadline == Instant::never()) {
            stop("a call that would never return", "no event is to come");
        }
        step(held, deadline);
    }
}

void Adapter::inject(Lock& held, std::span<const std::byte> packet) {
    board_.receive(packet);
    tidy();
    tell();
    let_others_run(held);
}

void Adapter::let_others_run(Lock& held) {
    std::vector<int> others = threads_;
    std::erase(others, gettid());
    if (others.empty()) return;
    changed_.notify_all();
    held.unlock();
    for (unsigned quiet = 0; quiet < 2;) {
        sched_yield();
        const bool all = std::ranges::all_of(others, sleeps);
        quiet = all ? quiet + 1 : 0;
    }
    held.lock();
}

void Adapter::step(Lock& held, Instant limit) {
    const Instant give_up = sockets_.next_give_up();
    board_.run_until(std::min({board_.next_event(), limit, give_up}));
    if (!(board_.now() < give_up)) {
        board_.call([this](net::NetGuard& guard) { sockets_.give_up(guard); });
    }
    tidy();
    tell();
    let_others_run(held);
}

Sent Adapter::next_packet(Lock& held) {
    let_others_run(held);
    const Instant limit = board_.now() + kSilence;
    while (board_.sent().empty()) {
        if (std::min(board_.next_event(), sockets_.next_give_up()) > limit) return {};
        step(held, limit);
    }
    Sent sent = std::move(board_.sent().front());
    board_.sent().pop_front();
    lay_out(sent.bytes, settings_.system);
    return sent;
}

void Adapter::sleep(Lock& held, Duration duration) {
    let_others_run(held);
    const Instant until = board_.now() + duration + kSpin;
    while (board_.now() < until) step(held, until);
}

Instant Adapter::ask_time() {
    const Lock held{mutex_};
    know_thread();
    if (++asked_ > kAskedPatience) {
        board_.run_until(board_.now() + Duration::from_us(1));
        tell();
    }
    return board_.now();
}

}  // namespace kyu::packetdrill
