// Many WebSocket clients, as cheap as can be: they subscribe, count what arrives, and tell how late each change was at the last of
// them.
//
//   listeners PORT COUNT PATH SUBPROTOCOL SUBSCRIBE SECONDS
//
// Prints "ready" once all have connected, and had an answer if there is something to SUBSCRIBE. After a line of standard input it
// takes what has come meanwhile, prints "begin", listens for SECONDS and prints the numbers as JSON. A change is known by the
// time of day in its last_movement_at, and is at a client when it is at its socket, which the kernel notes.
//
// Every tenth client is timed, by a thread that has little else to do. Of messages that are read at once the kernel tells when the
// last of them came, so a client that is read late would tell of delays that are its own; and who reads a thousand is late, since
// it shares its processor with the database. The timed ones stand among the others, one behind nine, so the last of them is told
// within a hundredth of a round of the last of all.
//
//   listeners --publish PORT PATH MESSAGE RATE SECONDS
//
// Posts MESSAGE with the time put in for @, RATE times a second, at moments as random as those of pgbench.
//
//   listeners --loop COUNT MESSAGE RATE
//
// Is the least that a server can do which tells each client of the newest change in a message of its own: it prints "port N", waits
// for COUNT clients, and sends them MESSAGE in their turns, with the time of the newest of RATE changes a second put in for @. They
// come as randomly.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 18, DAY = 86400, TIMED_EVERY = 10 };

// When a change was made and when it was at the socket; microseconds of the day, UTC.
typedef struct { int64_t stamp, arrived; } Event;

typedef struct {
  int socket;
  // Of a frame that has not arrived whole.
  char *kept;
  size_t keptCount;
  // Of one that is timed.
  Event *events;
  size_t eventCount, eventCapacity;
} Client;

// The clients that one thread reads, and what it has read of them.
typedef struct {
  Client *clients;
  int poll;
  char *buffer;
  // Until when to read, and whether to count.
  int64_t end;
  int counts;
  uint64_t messages, bytes;
} Group;

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static int64_t of_day(struct timespec time) {
  return (int64_t)(time.tv_sec % DAY) * 1000000 + time.tv_nsec / 1000;
}

static int64_t now(void) {
  struct timespec time;
  clock_gettime(CLOCK_REALTIME, &time);
  return of_day(time);
}

static int open_socket(int port, int number) {
  int one = 1, socketNumber = socket(AF_INET, SOCK_STREAM, 0);
  if (socketNumber < 0) fail("socket");
  // Spread over addresses, as a server may bound the connections of one.
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7F000001 + number % 64)};
  setsockopt(socketNumber, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  if (bind(socketNumber, (struct sockaddr *)&own, sizeof own) < 0) fail("bind");
  struct sockaddr_in server = {
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x7F000001)};
  if (connect(socketNumber, (struct sockaddr *)&server, sizeof server) < 0) fail("connect");
  setsockopt(socketNumber, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  return socketNumber;
}

static void send_all(int socket, const char *bytes, size_t count) {
  while (count > 0) {
    ssize_t sent = send(socket, bytes, count, MSG_NOSIGNAL);
    if (sent < 0) fail("send");
    bytes += sent;
    count -= sent;
  }
}

static void send_text(int socket, const char *text) {
  size_t count = strlen(text), head = 0;
  unsigned char frame[70000];
  frame[head++] = 0x81;
  if (count < 126) {
    frame[head++] = 0x80 | count;
  } else {
    frame[head++] = 0x80 | 126;
    frame[head++] = count >> 8;
    frame[head++] = count & 255;
  }
  // A mask of zeros leaves the text as it is.
  memset(frame + head, 0, 4);
  memcpy(frame + head + 4, text, count);
  send_all(socket, (char *)frame, head + 4 + count);
}

static void upgrade(Client *client, int port, const char *path, const char *subprotocol) {
  char request[1024], answer[4096];
  int count = snprintf(
      request, sizeof request,
      "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s%s%s\r\n",
      path, port, *subprotocol ? "Sec-WebSocket-Protocol: " : "", subprotocol,
      *subprotocol ? "\r\n" : "");
  send_all(client->socket, request, count);
  size_t got = 0;
  char *end = NULL;
  while (!end) {
    ssize_t part = recv(client->socket, answer + got, sizeof answer - 1 - got, 0);
    if (part <= 0) fail("handshake");
    got += part;
    answer[got] = 0;
    end = strstr(answer, "\r\n\r\n");
  }
  if (strncmp(answer, "HTTP/1.1 101", 12) != 0) {
    fprintf(stderr, "%s\n", answer);
    exit(1);
  }
  client->keptCount = got - (end + 4 - answer);
  client->kept = malloc(client->keptCount + 1);
  memcpy(client->kept, end + 4, client->keptCount);
}

// The length of the frame's head, or 0 where it is not whole; its body's length in `body`.
static size_t frame_head(const unsigned char *bytes, size_t count, size_t *body) {
  if (count < 2) return 0;
  size_t length = bytes[1] & 127, head = 2;
  if (length == 126) {
    if (count < 4) return 0;
    length = (size_t)bytes[2] << 8 | bytes[3];
    head = 4;
  } else if (length == 127) {
    if (count < 10) return 0;
    length = 0;
    for (int index = 2; index < 10; index++) length = length << 8 | bytes[index];
    head = 10;
  }
  *body = length;
  return head;
}

static const char MARK[] = "\"last_movement_at\":\"";

// The time of day behind the last mark in a message; -1 for none.
static int64_t stamp_of(const char *body, size_t count) {
  const char *found = memmem(body, count, MARK, sizeof MARK - 1);
  if (!found) return -1;
  // 2026-11-21T17:17:29.673072
  const char *time = found + sizeof MARK - 1 + 11, *end = body + count;
  if (end - time < 8) return -1;
  int64_t stamp = ((time[0] - '0') * 10 + time[1] - '0') * 3600;
  stamp += ((time[3] - '0') * 10 + time[4] - '0') * 60 + (time[6] - '0') * 10 + time[7] - '0';
  stamp *= 1000000;
  if (time[8] != '.') return stamp;
  int64_t unit = 100000;
  for (const char *digit = time + 9; digit < end && *digit >= '0' && *digit <= '9'; digit++, unit /= 10)
    stamp += (*digit - '0') * unit;
  return stamp;
}

// Memory for what is measured is there before: to get it takes long, and all clients would need it at the same moment.
static void time_client(Client *client, double seconds) {
  int one = 1;
  if (setsockopt(client->socket, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one) < 0) fail("timestamps");
  client->eventCapacity = 1024 + 200 * (size_t)seconds;
  client->events = malloc(client->eventCapacity * sizeof(Event));
  if (!client->events) fail("memory");
  memset(client->events, 1, client->eventCapacity * sizeof(Event));
}

static void note(Client *client, int64_t stamp, int64_t arrived) {
  if (client->eventCount == client->eventCapacity) {
    client->eventCapacity *= 2;
    client->events = realloc(client->events, client->eventCapacity * sizeof(Event));
    if (!client->events) fail("memory");
  }
  client->events[client->eventCount++] = (Event){stamp, arrived};
}

// As recv(2); `arrived` is when the last of the bytes came, where the kernel was asked to note it.
static ssize_t receive(int socket, char *bytes, size_t count, int64_t *arrived) {
  struct iovec part = {bytes, count};
  char control[CMSG_SPACE(sizeof(struct timespec))];
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  ssize_t got = recvmsg(socket, &message, MSG_DONTWAIT);
  struct cmsghdr *told = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
  if (told && told->cmsg_level == SOL_SOCKET && told->cmsg_type == SCM_TIMESTAMPNS) {
    struct timespec time;
    memcpy(&time, CMSG_DATA(told), sizeof time);
    *arrived = of_day(time);
  }
  return got;
}

// Takes what has arrived; false at the end of the connection.
static int take(Group *group, Client *client) {
  char *buffer = group->buffer;
  memcpy(buffer, client->kept, client->keptCount);
  int64_t arrived = 0;
  ssize_t got = receive(client->socket, buffer + client->keptCount, BUFFER - client->keptCount, &arrived);
  if (got == 0) return 0;
  if (got < 0) return errno == EAGAIN || errno == EINTR;
  size_t count = client->keptCount + got, from = 0, body;
  while (1) {
    size_t head = frame_head((unsigned char *)buffer + from, count - from, &body);
    if (!head || count - from < head + body) break;
    if (group->counts) {
      group->messages++;
      group->bytes += head + body;
      int64_t stamp = client->events ? stamp_of(buffer + from + head, body) : -1;
      if (stamp >= 0) note(client, stamp, arrived);
    }
    from += head + body;
  }
  if (count - from > client->keptCount) client->kept = realloc(client->kept, count - from);
  client->keptCount = count - from;
  memcpy(client->kept, buffer + from, client->keptCount);
  return 1;
}

static void *take_all(void *argument) {
  Group *group = argument;
  struct epoll_event events[512];
  while (now() < group->end) {
    int ready = epoll_wait(group->poll, events, 512, 10);
    for (int index = 0; index < ready; index++)
      if (!take(group, &group->clients[events[index].data.u32])) {
        fprintf(stderr, "a connection was closed\n");
        exit(1);
      }
  }
  return NULL;
}

enum { UNTIMED, TIMED, GROUPS };

// Reads what comes within so many seconds.
static void take_for(Group *groups, double seconds, int counts) {
  for (int index = 0; index < GROUPS; index++) {
    groups[index].end = now() + (int64_t)(seconds * 1000000);
    groups[index].counts = counts;
  }
  pthread_t untimed;
  if (pthread_create(&untimed, NULL, take_all, &groups[UNTIMED]) != 0) fail("thread");
  take_all(&groups[TIMED]);
  pthread_join(untimed, NULL);
}

static int ascending(const void *left, const void *right) {
  int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
  return a < b ? -1 : a > b;
}

// Fills `last` with how long after each change the last timed client had it, or a later one, in ascending order; returns how many
// changes all of them had.
static size_t lateness(Client *clients, int count, const int64_t *stamps, size_t distinct, int64_t *last) {
  memset(last, 0, distinct * sizeof *last);
  size_t known = distinct;
  for (int index = 0; index < count; index++) {
    if (!clients[index].events) continue;
    size_t next = 0;
    for (size_t event = 0; event < clients[index].eventCount; event++)
      for (; next < distinct && stamps[next] <= clients[index].events[event].stamp; next++)
        if (clients[index].events[event].arrived > last[next]) last[next] = clients[index].events[event].arrived;
    if (next < known) known = next;
  }
  for (size_t index = 0; index < known; index++) last[index] -= stamps[index];
  qsort(last, known, sizeof *last, ascending);
  return known;
}

// Prints what came, and how late it was.
static void report(Client *clients, int count, const Group *groups, double seconds) {
  size_t total = 0, kinds = 0;
  for (int index = 0; index < count; index++) total += clients[index].eventCount;
  int64_t *stamps = malloc((total + 1) * sizeof *stamps);
  for (int index = 0; index < count; index++)
    for (size_t event = 0; event < clients[index].eventCount; event++)
      stamps[kinds++] = clients[index].events[event].stamp;
  qsort(stamps, kinds, sizeof *stamps, ascending);
  size_t distinct = 0;
  for (size_t index = 0; index < kinds; index++)
    if (!distinct || stamps[distinct - 1] != stamps[index]) stamps[distinct++] = stamps[index];
  int64_t *last = malloc((distinct + 1) * sizeof *last);
  size_t known = lateness(clients, count, stamps, distinct, last);
  printf("{\"messages\":%lu,\"bytes\":%lu,\"seconds\":%.3f,\"last_us\":[%ld,%ld]}\n",
         groups[UNTIMED].messages + groups[TIMED].messages, groups[UNTIMED].bytes + groups[TIMED].bytes, seconds,
         known ? (long)last[known / 2] : 0, known ? (long)last[known * 99 / 100] : 0);
}

static void listen_to(int port, int count, const char *path, const char *subprotocol,
                      const char *subscribe, double seconds) {
  // Of more clients nothing is asked but that they are there.
  int measured = count <= 2000;
  struct rlimit limit = {count + 100, count + 100};
  setrlimit(RLIMIT_NOFILE, &limit);
  Client *clients = calloc(count, sizeof *clients);
  Group groups[GROUPS];
  for (int index = 0; index < GROUPS; index++)
    groups[index] = (Group){.clients = clients, .poll = epoll_create1(0), .buffer = malloc(BUFFER)};
  for (int index = 0; index < count; index++) {
    Client *client = &clients[index];
    client->socket = open_socket(port, index);
    upgrade(client, port, path, subprotocol);
    if (*subscribe) {
      send_text(client->socket, subscribe);
      // The first answer; it stays where it is.
      char first;
      if (client->keptCount == 0 && recv(client->socket, &first, 1, MSG_PEEK) != 1) fail("subscribe");
    }
    int isTimed = measured && index % TIMED_EVERY == TIMED_EVERY - 1;
    if (isTimed) time_client(client, seconds);
    Group *group = &groups[isTimed ? TIMED : UNTIMED];
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    if (epoll_ctl(group->poll, EPOLL_CTL_ADD, client->socket, &event) < 0) fail("epoll");
    take(group, client);
  }
  puts("ready");
  fflush(stdout);
  if (getchar() == EOF) exit(1);
  // What came while nobody read.
  take_for(groups, 1, 0);
  puts("begin");
  fflush(stdout);
  int64_t start = now();
  take_for(groups, seconds, 1);
  report(clients, count, groups, (now() - start) / 1e6);
}

// Puts the time in for the @ of a message; returns how long it is then.
static int message_at(char *text, size_t size, const char *message, int64_t time) {
  const char *mark = strchr(message, '@');
  int length = snprintf(text, size, "%.*s2026-01-01T%02ld:%02ld:%02ld.%06ld+00:00%s", (int)(mark - message), message,
                        time / 3600000000, time / 60000000 % 60, time / 1000000 % 60, time % 1000000, mark + 1);
  if ((size_t)length >= size) fail("the message is too long");
  return length;
}

// Microseconds until the next of RATE changes a second that come independently of each other.
static int64_t pause_at(double rate) {
  return (int64_t)(-log(1 - drand48()) * 1e6 / rate);
}

static void publish(int port, const char *path, const char *message, double rate, double seconds) {
  int socket = open_socket(port, 0);
  char body[65536], request[70000], answer[65536];
  int64_t due = now(), end = due + (int64_t)(seconds * 1000000);
  for (; due < end; due += pause_at(rate)) {
    int64_t at = now();
    if (due > at) usleep(due - at);
    int length = message_at(body, sizeof body, message, now());
    int count = snprintf(request, sizeof request,
                         "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", path, length, body);
    send_all(socket, request, count);
    if (recv(socket, answer, sizeof answer, 0) <= 0) fail("publish");
  }
}

// A WebSocket's frame around a text; returns its length.
static int frame_at(char *frame, size_t size, const char *message, int64_t time) {
  int length = message_at(frame + 4, size - 4, message, time);
  if (length < 126 || length > 65535) fail("the message is too short or too long");
  frame[0] = (char)0x81;
  frame[1] = 126;
  frame[2] = length >> 8;
  frame[3] = length & 255;
  return 4 + length;
}

static void take_upgrade(int socket) {
  static const char answer[] =
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n";
  char request[2048];
  size_t got = 0;
  while (got < 4 || memcmp(request + got - 4, "\r\n\r\n", 4) != 0) {
    ssize_t part = recv(socket, request + got, sizeof request - got, 0);
    if (part <= 0) fail("handshake");
    got += part;
  }
  send_all(socket, answer, sizeof answer - 1);
}

static void loop(int count, const char *message, double rate) {
  int one = 1, listening = socket(AF_INET, SOCK_STREAM, 0), *sockets = malloc(count * sizeof *sockets);
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof own;
  if (bind(listening, (struct sockaddr *)&own, sizeof own) < 0 || listen(listening, 128) < 0 ||
      getsockname(listening, (struct sockaddr *)&own, &length) < 0)
    fail("listen");
  printf("port %d\n", ntohs(own.sin_port));
  fflush(stdout);
  for (int index = 0; index < count; index++) {
    if ((sockets[index] = accept(listening, NULL, NULL)) < 0) fail("accept");
    setsockopt(sockets[index], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    take_upgrade(sockets[index]);
  }
  char frame[65536];
  int frameLength = 0, untold = 0, turn = 0;
  for (int64_t due = now();;) {
    int64_t at = now();
    if (due <= at) {
      frameLength = frame_at(frame, sizeof frame, message, due);
      untold = count;
      due += pause_at(rate);
    } else if (untold > 0) {
      send_all(sockets[turn], frame, frameLength);
      turn = (turn + 1) % count;
      untold--;
    } else {
      usleep(due - at);
    }
  }
}

int main(int count, char **words) {
  if (count == 7 && strcmp(words[1], "--publish") == 0) {
    publish(atoi(words[2]), words[3], words[4], atof(words[5]), atof(words[6]));
  } else if (count == 5 && strcmp(words[1], "--loop") == 0) {
    loop(atoi(words[2]), words[3], atof(words[4]));
  } else if (count == 7) {
    listen_to(atoi(words[1]), atoi(words[2]), words[3], words[4], words[5], atof(words[6]));
  } else {
    fprintf(stderr, "see the head of listeners.c\n");
    return 2;
  }
}
