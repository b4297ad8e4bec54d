// The functions of packetdrill's table, and what is put before packetdrill's own library calls.
//
// Context   packetdrill's threads.
// Rules     The interface has no getsockopt for the assertions on tcp_info that scripts make in
//           Python: packetdrill asks the system then, with a descriptor of ours. When this object
//           is also preloaded (LD_PRELOAD), such questions come here; and packetdrill is spared
//           what it does for the sake of real time: priority, locked memory, waiting for the
//           clock's tick.
#include <arpa/inet.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/times.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "port/packetdrill/adapter.hpp"

namespace kyu::packetdrill {
namespace {

/// There is one in a process: packetdrill runs one script. A process that exits in the middle
/// leaves it as it is, threads that wait in it included.
Adapter* the_adapter = nullptr;

constexpr long long kEpochUs = 1'700'000'000LL * 1'000'000;  ///< what time it is at boot

Adapter& at(void* user) { return *static_cast<Adapter*>(user); }

template <typename T>
T fail(int error) {
    errno = error;
    return T{-1};
}

std::span<std::byte> bytes_at(void* data, std::size_t count) {
    return {static_cast<std::byte*>(data), count};
}
std::span<const std::byte> bytes_at(const void* data, std::size_t count) {
    return {static_cast<const std::byte*>(data), count};
}

/// As long as the descriptor lets a call wait.
Instant patience(const Descriptor& d, int flags = 0) {
    return d.nonblocking || (flags & MSG_DONTWAIT) != 0 ? Instant{} : Instant::never();
}

void free_all(void* user) {
    the_adapter = nullptr;
    delete &at(user);
}

int open_socket(void* user, int domain, int type, int protocol) {
    Adapter& a = at(user);
    const auto held = a.lock();
    const Outcome o = a.sockets().open(domain, type, protocol, a.settings());
    return o.value < 0 ? fail<int>(o.error) : static_cast<int>(o.value);
}

int bind_socket(void* user, int fd, const sockaddr* address, socklen_t bytes) {
    Adapter& a = at(user);
    const auto held = a.lock();
    Descriptor* d = a.sockets().find(fd);
    if (d == nullptr) return fail<int>(EBADF);
    const Outcome o = a.sockets().bind(*d, address, bytes);
    return o.value < 0 ? fail<int>(o.error) : 0;
}

/// One try of `call(Descriptor&, NetGuard&)`.
template <typename Call>
long one_try(void* user, int fd, Call call) {
    Adapter& a = at(user);
    const auto held = a.lock();
    Descriptor* d = a.sockets().find(fd);
    if (d == nullptr) return fail<long>(EBADF);
    return a.once([&](net::NetGuard& guard) { return call(*d, guard); });
}

/// The same, for calls that may block. The descriptor is looked up anew for each try.
template <typename Call>
long tries(void* user, int fd, int flags, Call call) {
    Adapter& a = at(user);
    auto held = a.lock();
    const Descriptor* first = a.sockets().find(fd);
    if (first == nullptr) return fail<long>(EBADF);
    return a.until_done(held, patience(*first, flags), [&](net::NetGuard& guard) {
        Descriptor* d = a.sockets().find(fd);
        return d != nullptr ? call(*d, guard) : Outcome::fail(EBADF);
    });
}

int listen_socket(void* user, int fd, int backlog) {
    Adapter& a = at(user);
    return static_cast<int>(one_try(user, fd, [&](Descriptor& d, net::NetGuard& guard) {
        return a.sockets().listen(guard, d, backlog, a.settings());
    }));
}

int accept_socket(void* user, int fd, sockaddr* address, socklen_t* bytes) {
    Adapter& a = at(user);
    return static_cast<int>(tries(user, fd, 0, [&](Descriptor& d, net::NetGuard& guard) {
        return a.sockets().accept(guard, d, address, bytes);
    }));
}

int connect_socket(void* user, int fd, const sockaddr* address, socklen_t bytes) {
    Adapter& a = at(user);
    return static_cast<int>(tries(user, fd, 0, [&](Descriptor& d, net::NetGuard& guard) {
        return a.sockets().connect(guard, d, address, bytes, a.settings().connect_patience);
    }));
}

ssize_t recv_some(void* user, int fd, void* into, size_t count, int flags) {
    Adapter& a = at(user);
    return tries(user, fd, flags, [&](Descriptor& d, net::NetGuard& guard) {
        return a.sockets().receive(guard, d, bytes_at(into, count), flags);
    });
}

ssize_t send_some(void* user, int fd, const void* data, size_t count, int flags) {
    Adapter& a = at(user);
    std::size_t done = 0;
    const ssize_t result = tries(user, fd, flags, [&](Descriptor& d, net::NetGuard& guard) {
        Outcome o = a.sockets().send(guard, d, bytes_at(data, count), done);
        const bool blocks = !d.nonblocking && (flags & MSG_DONTWAIT) == 0;
        if (o.wait && !blocks && done > 0) o = Outcome::of(static_cast<long>(done));
        return o;
    });
    return result;
}

ssize_t read_some(void* user, int fd, void* into, size_t count) {
    return recv_some(user, fd, into, count, 0);
}

ssize_t write_some(void* user, int fd, const void* data, size_t count) {
    return send_some(user, fd, data, count, 0);
}

ssize_t recv_parts(void* user, int fd, const iovec* parts, std::size_t count, int flags) {
    std::size_t room = 0;
    for (std::size_t i = 0; i < count; ++i) room += parts[i].iov_len;
    std::vector<std::byte> all(room);
    const ssize_t got = recv_some(user, fd, all.data(), room, flags);
    std::size_t at_byte = 0;
    for (std::size_t i = 0; i < count && got > 0; ++i) {
        const std::size_t n = std::min(parts[i].iov_len, static_cast<std::size_t>(got) - at_byte);
        std::memcpy(parts[i].iov_base, all.data() + at_byte, n);
        at_byte += n;
    }
    return got;
}

ssize_t send_parts(void* user, int fd, const iovec* parts, std::size_t count, int flags) {
    std::vector<std::byte> all;
    for (std::size_t i = 0; i < count; ++i) {
        const auto part = bytes_at(const_cast<const void*>(parts[i].iov_base), parts[i].iov_len);
        all.insert(all.end(), part.begin(), part.end());
    }
    return send_some(user, fd, all.data(), all.size(), flags);
}

ssize_t readv_some(void* user, int fd, const iovec* parts, int count) {
    return recv_parts(user, fd, parts, static_cast<std::size_t>(std::max(count, 0)), 0);
}

ssize_t writev_some(void* user, int fd, const iovec* parts, int count) {
    return send_parts(user, fd, parts, static_cast<std::size_t>(std::max(count, 0)), 0);
}

ssize_t recvfrom_some(void* user, int fd, void* into, size_t count, int flags, sockaddr* /*from*/,
                      socklen_t* bytes) {
    if (bytes != nullptr) *bytes = 0;  // a connected socket's peer is known
    return recv_some(user, fd, into, count, flags);
}

ssize_t recvmsg_some(void* user, int fd, msghdr* message, int flags) {
    message->msg_namelen = 0;
    message->msg_controllen = 0;
    message->msg_flags = 0;
    return recv_parts(user, fd, message->msg_iov, message->msg_iovlen, flags);
}

ssize_t sendto_some(void* user, int fd, const void* data, size_t count, int flags,
                    const sockaddr* /*to*/, socklen_t /*bytes*/) {
    return send_some(user, fd, data, count, flags);
}

ssize_t sendmsg_some(void* user, int fd, const msghdr* message, int flags) {
    return send_parts(user, fd, message->msg_iov, message->msg_iovlen, flags);
}

int control(void* user, int fd, int command, ...) {
    va_list arguments;
    va_start(arguments, command);
    const int value = command == F_SETFL ? va_arg(arguments, int) : 0;
    va_end(arguments);
    Adapter& a = at(user);
    const auto held = a.lock();
    Descriptor* d = a.sockets().find(fd);
    if (d == nullptr) return fail<int>(EBADF);
    switch (command) {
        case F_GETFL: return O_RDWR | (d->nonblocking ? O_NONBLOCK : 0);
        case F_SETFL: d->nonblocking = (value & O_NONBLOCK) != 0; return 0;
        case F_GETFD:
        case F_SETFD: return 0;
        default: return fail<int>(EINVAL);
    }
}

int request(void* user, int fd, unsigned long what, ...) {
    va_list arguments;
    va_start(arguments, what);
    int* value = va_arg(arguments, int*);
    va_end(arguments);
    Adapter& a = at(user);
    return static_cast<int>(one_try(user, fd, [&](Descriptor& d, net::NetGuard& guard) {
        return a.sockets().queued(guard, d, what, value);
    }));
}

int close_socket(void* user, int fd) {
    Adapter& a = at(user);
    return static_cast<int>(one_try(user, fd, [&](Descriptor& /*d*/, net::NetGuard& guard) {
        return a.sockets().close(guard, fd);
    }));
}

int shut_down_socket(void* user, int fd, int how) {
    Adapter& a = at(user);
    return static_cast<int>(one_try(user, fd, [&](Descriptor& d, net::NetGuard& guard) {
        return a.sockets().shut_down(guard, d, how);
    }));
}

int get_option(void* user, int fd, int level, int name, void* value, socklen_t* bytes) {
    Adapter& a = at(user);
    return static_cast<int>(one_try(user, fd, [&](Descriptor& d, net::NetGuard& guard) {
        return a.sockets().get_option(guard, d, level, name, bytes_at(value, *bytes), bytes,
                                      a.settings());
    }));
}

int set_option(void* user, int fd, int level, int name, const void* value, socklen_t bytes) {
    Adapter& a = at(user);
    int number = 0;
    if (value != nullptr) std::memcpy(&number, value, std::min<std::size_t>(bytes, sizeof number));
    return static_cast<int>(one_try(user, fd, [&](Descriptor& d, net::NetGuard& guard) {
        return a.sockets().set_option(guard, d, level, name, number, bytes_at(value, bytes));
    }));
}

int poll_sockets(void* user, pollfd* fds, nfds_t count, int timeout_ms) {
    Adapter& a = at(user);
    auto held = a.lock();
    const Instant deadline =
        timeout_ms < 0 ? Instant::never() : a.now() + Duration::from_ms(timeout_ms);
    const long found = a.until_done(held, deadline, [&](net::NetGuard& guard) {
        long ready = 0;
        for (nfds_t i = 0; i < count; ++i) {
            const Descriptor* d = a.sockets().find(fds[i].fd);
            fds[i].revents =
                d != nullptr ? a.sockets().poll(guard, *d, fds[i].events) : short{POLLNVAL};
            if (fds[i].revents != 0) ++ready;
        }
        return ready > 0 ? Outcome::of(ready) : Outcome{.value = 0, .error = 0, .wait = true};
    });
    return static_cast<int>(found);
}

int send_packet(void* user, const void* packet, size_t bytes) {
    Adapter& a = at(user);
    auto held = a.lock();
    a.inject(held, bytes_at(packet, bytes));
    return 0;
}

int next_packet(void* user, void* packet, size_t* size, long long* time_us) {
    Adapter& a = at(user);
    auto held = a.lock();
    Sent sent = a.next_packet(held);
    if (sent.bytes.empty()) {
        std::fputs("kyu: the stack has nothing to send, and the script waits for a packet\n",
                   stderr);
        std::exit(EXIT_FAILURE);
    }
    const std::size_t count = std::min(*size, sent.bytes.size());
    std::memcpy(packet, sent.bytes.data(), count);
    *size = count;
    *time_us = kEpochUs + sent.at.us();
    return 0;
}

int sleep_us(void* user, useconds_t us) {
    Adapter& a = at(user);
    auto held = a.lock();
    a.sleep(held, Duration::from_us(us));
    return 0;
}

int time_of_day(void* user, timeval* now, struct timezone* /*zone*/) {
    const long long us = kEpochUs + at(user).ask_time().us();
    now->tv_sec = us / 1'000'000;
    now->tv_usec = us % 1'000'000;
    return 0;
}

int no_epoll_create(void* /*user*/, int /*size*/) { return fail<int>(ENOSYS); }
int no_epoll_ctl(void* /*user*/, int /*epoll*/, int /*op*/, int /*fd*/, epoll_event* /*event*/) {
    return fail<int>(ENOSYS);
}
int no_epoll_wait(void* /*user*/, int /*epoll*/, epoll_event* /*events*/, int /*max*/,
                  int /*timeout_ms*/) {
    return fail<int>(ENOSYS);
}
int no_pipe(void* /*user*/, int* /*ends*/) { return fail<int>(ENOSYS); }
int no_splice(void* /*user*/, int /*in*/, loff_t* /*in_at*/, int /*out*/, loff_t* /*out_at*/,
              size_t /*count*/, unsigned /*flags*/) {
    return fail<int>(ENOSYS);
}

}  // namespace
}  // namespace kyu::packetdrill

#define KYU_EXPORT [[gnu::visibility("default"), gnu::used]]

extern "C" {

KYU_EXPORT void packetdrill_interface_init(const char* flags, kyu::packetdrill::Abi* abi) {
    using namespace kyu::packetdrill;  // NOLINT(google-build-using-namespace): the table's names
    unsetenv("LD_PRELOAD");            // the commands of a script are to run as ever
    the_adapter = new Adapter(parse_flags(flags != nullptr ? flags : ""));
    *abi = Abi{.user = the_adapter,
               .free = free_all,
               .socket = open_socket,
               .bind = bind_socket,
               .listen = listen_socket,
               .accept = accept_socket,
               .connect = connect_socket,
               .read = read_some,
               .readv = readv_some,
               .recv = recv_some,
               .recvfrom = recvfrom_some,
               .recvmsg = recvmsg_some,
               .write = write_some,
               .writev = writev_some,
               .send = send_some,
               .sendto = sendto_some,
               .sendmsg = sendmsg_some,
               .fcntl = control,
               .ioctl = request,
               .close = close_socket,
               .shutdown = shut_down_socket,
               .getsockopt = get_option,
               .setsockopt = set_option,
               .poll = poll_sockets,
               .send_packet = send_packet,
               .next_packet = next_packet,
               .sleep = sleep_us,
               .time_of_day = time_of_day,
               .epoll_create = no_epoll_create,
               .epoll_ctl = no_epoll_ctl,
               .epoll_wait = no_epoll_wait,
               .pipe = no_pipe,
               .splice = no_splice};
}

KYU_EXPORT int kyu_packetdrill_setting(const char* name, const char* value) {
    using namespace kyu::packetdrill;  // NOLINT(google-build-using-namespace): as above
    Settings settings{System::freebsd};
    return static_cast<int>(apply(settings, name, value));
}

// ---- Preloaded ---------------------------------------------------------------------------------

// The library's headers name their parameters with reserved names.
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name)
KYU_EXPORT int getsockopt(int fd, int level, int name, void* value, socklen_t* bytes) noexcept {
    using namespace kyu::packetdrill;  // NOLINT(google-build-using-namespace): as above
    if (the_adapter != nullptr) {
        bool ours = false;
        {
            const auto held = the_adapter->lock();
            ours = the_adapter->sockets().find(fd) != nullptr;
        }
        if (ours) return get_option(the_adapter, fd, level, name, value, bytes);
    }
    using Call = int(int, int, int, void*, socklen_t*);
    static auto* const next = reinterpret_cast<Call*>(dlsym(RTLD_NEXT, "getsockopt"));
    return next != nullptr ? next(fd, level, name, value, bytes) : -1;
}

// Virtual time has no use for a priority, nor for pages that stay, and its clock ticks when asked.
KYU_EXPORT int sched_setscheduler(pid_t /*process*/, int /*policy*/,
                                  const sched_param* /*how*/) noexcept {
    return 0;
}
KYU_EXPORT int mlockall(int /*flags*/) noexcept { return 0; }
KYU_EXPORT clock_t times(tms* spent) noexcept {
    static clock_t ticks = 0;
    if (spent != nullptr) *spent = {};
    return ++ticks;
}
// NOLINTEND(readability-inconsistent-declaration-parameter-name)

}  // extern "C"
