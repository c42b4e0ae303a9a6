#define _GNU_SOURCE
#include "CLinux.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS_MAX = 256 };

int clinux_epoll_create(void) {
    return epoll_create1(EPOLL_CLOEXEC);
}

static int control(int epoll, int operation, int descriptor, uint32_t interest, uint64_t token) {
    struct epoll_event event = {.events = interest, .data = {.u64 = token}};
    return epoll_ctl(epoll, operation, descriptor, &event);
}

int clinux_epoll_add(int epoll, int descriptor, uint32_t interest, uint64_t token) {
    return control(epoll, EPOLL_CTL_ADD, descriptor, interest, token);
}

int clinux_epoll_modify(int epoll, int descriptor, uint32_t interest, uint64_t token) {
    return control(epoll, EPOLL_CTL_MOD, descriptor, interest, token);
}

int clinux_epoll_remove(int epoll, int descriptor) {
    return control(epoll, EPOLL_CTL_DEL, descriptor, 0, 0);
}

// `struct epoll_event` is packed on x86-64, which Swift cannot address: the reports are copied out.
int clinux_epoll_wait(int epoll, struct clinux_event *events, int count, int milliseconds) {
    struct epoll_event reports[EVENTS_MAX];
    int room = count < EVENTS_MAX ? count : EVENTS_MAX;
    int ready = epoll_wait(epoll, reports, room, milliseconds);
    for (int i = 0; i < ready; i++) {
        events[i].ready = reports[i].events;
        events[i].token = reports[i].data.u64;
    }
    return ready;
}

int clinux_bell_create(void) {
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

void clinux_bell_ring(int bell) {
    eventfd_write(bell, 1);
}

void clinux_bell_silence(int bell) {
    eventfd_t rings;
    eventfd_read(bell, &rings);
}

int clinux_accept(int listener, struct sockaddr_storage *peer) {
    socklen_t length = sizeof *peer;
    return accept4(listener, (struct sockaddr *)peer, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

int clinux_stream_socket(int family) {
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

int clinux_set_option(int descriptor, int level, int name, int value) {
    return setsockopt(descriptor, level, name, &value, sizeof value);
}

int clinux_reset_on_close(int descriptor) {
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    return setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
}

ptrdiff_t clinux_send(int descriptor, const void *bytes, size_t count) {
    return send(descriptor, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);
}

ptrdiff_t clinux_receive(int descriptor, void *bytes, size_t count) {
    return recv(descriptor, bytes, count, MSG_DONTWAIT);
}

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25 // Linux 6.1
#endif

static long milliseconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/// proc(5): the second number of statm.
static long resident_bytes(void) {
    long total = 0, resident = 0;
    FILE *statm = fopen("/proc/self/statm", "re");
    if (statm == NULL) return 0;
    if (fscanf(statm, "%ld %ld", &total, &resident) != 2) resident = 0;
    fclose(statm);
    return resident * sysconf(_SC_PAGESIZE);
}

void clinux_gather_pages(int milliseconds) {
    const uintptr_t page = 2 << 20;
    const uintptr_t at_once = 8 * page;
    if (resident_bytes() < (256L << 20)) return;
    long deadline = milliseconds_now() + milliseconds;
    FILE *maps = fopen("/proc/self/maps", "re");
    if (maps == NULL) return;
    char line[512];
    while (fgets(line, sizeof line, maps)) {
        uintptr_t start, end;
        unsigned long inode;
        char mode[5];
        if (sscanf(line, "%lx-%lx %4s %*s %*s %lu", &start, &end, mode, &inode) != 4) continue;
        if (inode != 0 || strncmp(mode, "rw-p", 4) != 0 || strstr(line, "[stack") != NULL) continue;
        start = (start + page - 1) & ~(page - 1);
        end &= ~(page - 1);
        if (end < start + 2 * page) continue;
        madvise((void *)start, end - start, MADV_HUGEPAGE);
        for (uintptr_t at = start; at < end && milliseconds_now() < deadline; at += at_once) {
            madvise((void *)at, end - at < at_once ? end - at : at_once, MADV_COLLAPSE);
        }
    }
    fclose(maps);
}

static void close_all_but(int kept) {
    if (close_range((unsigned)kept + 1, ~0U, 0) == 0) {
        if (kept > 0) close_range(0, (unsigned)kept - 1, 0);
        return;
    }
    // Before Linux 5.9, or forbidden.
    long count = sysconf(_SC_OPEN_MAX);
    for (int descriptor = 0; descriptor < (count > 0 ? count : 65536); descriptor++) {
        if (descriptor != kept) close(descriptor);
    }
}

pid_t clinux_fork(int kept, unsigned seconds) {
    pid_t child = fork();
    if (child != 0) return child;
    // Threads of a pool block signals, and the child is one of them.
    sigset_t alarms;
    sigemptyset(&alarms);
    sigaddset(&alarms, SIGALRM);
    signal(SIGALRM, SIG_DFL);
    sigprocmask(SIG_UNBLOCK, &alarms, NULL);
    alarm(seconds);
    close_all_but(kept);
    int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (score >= 0) {
        ssize_t written = write(score, "900", 3);
        (void)written;
        close(score);
    }
    setpriority(PRIO_PROCESS, 0, 10);
    return 0;
}
