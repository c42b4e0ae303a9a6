#ifndef ONHAND_CLINUX_H
#define ONHAND_CLINUX_H

// What Linux has and Swift's Glibc module does not show: epoll, GNU extensions, and constants behind macros.

#include <fcntl.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>

/// One readiness report: the bits of `epoll_event.events` and the token the descriptor was added with.
struct clinux_event {
    uint32_t ready;
    uint64_t token;
};

enum {
    CLINUX_READABLE = EPOLLIN,
    CLINUX_WRITABLE = EPOLLOUT,
    CLINUX_PEER_CLOSED = EPOLLRDHUP,
    CLINUX_HANGUP = EPOLLHUP,
    CLINUX_FAILED = EPOLLERR,
};

enum {
    /// O_PATH: a place in the file system that is not opened, so that not even a device notices.
    CLINUX_PLACE_ONLY = 010000000,
};

/// Descriptors made here are closed on exec. All functions return what the call behind them does, with `errno`.
int clinux_epoll_create(void);
int clinux_epoll_add(int epoll, int descriptor, uint32_t interest, uint64_t token);
int clinux_epoll_modify(int epoll, int descriptor, uint32_t interest, uint64_t token);
int clinux_epoll_remove(int epoll, int descriptor);

/// Fills `events` with at most `count` reports, waiting that long for the first.
int clinux_epoll_wait(int epoll, struct clinux_event *events, int count, int milliseconds);

/// eventfd(2): readable from a ring on until it is silenced.
int clinux_bell_create(void);
void clinux_bell_ring(int bell);
void clinux_bell_silence(int bell);

/// accept4(2), non-blocking and closed on exec.
int clinux_accept(int listener, struct sockaddr_storage *peer);

/// socket(2) for a stream, non-blocking and closed on exec.
int clinux_stream_socket(int family);

/// setsockopt(2) with an int.
int clinux_set_option(int descriptor, int level, int name, int value);

/// Makes the next close(2) reset the connection and drop what is unsent.
int clinux_reset_on_close(int descriptor);

/// send(2) that neither blocks nor raises SIGPIPE.
ptrdiff_t clinux_send(int descriptor, const void *bytes, size_t count);

/// recv(2) that does not block.
ptrdiff_t clinux_receive(int descriptor, void *bytes, size_t count);

/// Has the kernel put large regions of memory into huge pages, as far as it will within the time: a fork then copies a few hundred times
/// fewer entries. What is in such pages already takes no time; a process that is small is left as it is.
void clinux_gather_pages(int milliseconds);

/// fork(2). The child has nothing open but `kept`, yields to everybody, and is what the kernel kills first when memory is short.
///
/// It has one thread and this process's memory: it must take no lock that another thread may have held, and end with `_exit`. After `seconds`
/// SIGALRM ends it, also when nobody is left who looks after it.
pid_t clinux_fork(int kept, unsigned seconds);

#endif
