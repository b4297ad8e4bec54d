// What packetdrill's --so_filename expects of a shared object: one function that fills a table.
//
// Rules     Order and types are the interface's, the names are ours. Every function gets `user`
//           back first; results and errno are those of the system call of that name.
//           send_packet: an IP packet towards the stack. next_packet: waits for the stack's next
//           one; `size` is the room and then the length, `time_us` when it left. sleep and
//           time_of_day move and tell the clock that the script is timed by.
#pragma once

#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>

namespace kyu::packetdrill {

struct Abi {
    void* user;
    void (*free)(void* user);
    int (*socket)(void* user, int domain, int type, int protocol);
    int (*bind)(void* user, int fd, const sockaddr* address, socklen_t bytes);
    int (*listen)(void* user, int fd, int backlog);
    int (*accept)(void* user, int fd, sockaddr* address, socklen_t* bytes);
    int (*connect)(void* user, int fd, const sockaddr* address, socklen_t bytes);
    ssize_t (*read)(void* user, int fd, void* into, size_t count);
    ssize_t (*readv)(void* user, int fd, const iovec* parts, int count);
    ssize_t (*recv)(void* user, int fd, void* into, size_t count, int flags);
    ssize_t (*recvfrom)(void* user, int fd, void* into, size_t count, int flags, sockaddr* from,
                        socklen_t* bytes);
    ssize_t (*recvmsg)(void* user, int fd, msghdr* message, int flags);
    ssize_t (*write)(void* user, int fd, const void* data, size_t count);
    ssize_t (*writev)(void* user, int fd, const iovec* parts, int count);
    ssize_t (*send)(void* user, int fd, const void* data, size_t count, int flags);
    ssize_t (*sendto)(void* user, int fd, const void* data, size_t count, int flags,
                      const sockaddr* to, socklen_t bytes);
    ssize_t (*sendmsg)(void* user, int fd, const msghdr* message, int flags);
    int (*fcntl)(void* user, int fd, int command, ...);
    int (*ioctl)(void* user, int fd, unsigned long request, ...);
    int (*close)(void* user, int fd);
    int (*shutdown)(void* user, int fd, int how);
    int (*getsockopt)(void* user, int fd, int level, int name, void* value, socklen_t* bytes);
    int (*setsockopt)(void* user, int fd, int level, int name, const void* value, socklen_t bytes);
    int (*poll)(void* user, pollfd* fds, nfds_t count, int timeout_ms);
    int (*send_packet)(void* user, const void* packet, size_t bytes);
    int (*next_packet)(void* user, void* packet, size_t* size, long long* time_us);
    int (*sleep)(void* user, useconds_t us);
    int (*time_of_day)(void* user, timeval* now, struct timezone* zone);
    int (*epoll_create)(void* user, int size);
    int (*epoll_ctl)(void* user, int epoll, int op, int fd, epoll_event* event);
    int (*epoll_wait)(void* user, int epoll, epoll_event* events, int max, int timeout_ms);
    int (*pipe)(void* user, int ends[2]);
    int (*splice)(void* user, int in, loff_t* in_at, int out, loff_t* out_at, size_t count,
                  unsigned flags);
};
/// Older packetdrills end with time_of_day; what comes after it is written all the same, so only
/// one whose table is this long may load us.
static_assert(sizeof(Abi) == 33 * sizeof(void*));

}  // namespace kyu::packetdrill

extern "C" {
/// `flags`: what --so_flags says (settings.hpp).
void packetdrill_interface_init(const char* flags, kyu::packetdrill::Abi* abi);
/// Whether a script may set `name` to `value`: 0 no such setting is known, 1 it is offered (or what
/// the stack does anyway), 2 known, but not to this value.
int kyu_packetdrill_setting(const char* name, const char* value);
}
