/* leat-answer PORT [--delay-ms N] [--tables FOLDER] [--times FILE]: answers DynamoDB requests as fast as it can and keeps nothing, so that what is measured is leat.
 *
 * Speaks HTTP/1.1 with keep-alive on loopback. BatchWriteItem and TransactWriteItems are always good; DescribeTable says ACTIVE
 * with the keys PK and SK, or what stands in FOLDER/TABLE.json; everything else gets {}. --times writes when each write request was whole, as
 * 64-bit microseconds of the monotonic clock. SIGTERM prints requests, items and bytes as one line of JSON. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 1024, REQUEST_MAX = 17 << 20, ANSWER_MAX = 32768 };

struct client {
    int fd; /* 0: free */
    size_t len, cap, need;
    char *data;
    int64_t due_us; /* a delayed answer; 0: none */
    size_t answer_len;
    char answer[ANSWER_MAX];
};

static struct client clients[CLIENTS];
static uint64_t requests, items, bytes;
static int64_t delay_us;
static int epoll_fd, timer_fd, times_fd = -1;
static const char *tables_folder;

static int64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static void end_client(struct client *c) {
    close(c->fd);
    free(c->data);
    *c = (struct client){0};
}

static size_t count_items(const char *body, size_t len) {
    size_t n = 0;
    static const char *const marks[] = {"\"PutRequest\":", "\"DeleteRequest\":", "{\"Put\":", "{\"Delete\":"};
    for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
        for (const char *at = body; (at = memmem(at, len - (size_t)(at - body), marks[i], strlen(marks[i]))); at++)
            n++;
    return n;
}

/* A write request is whole: the moment that a latency is measured to. */
static void note_time(void) {
    int64_t t = now_us();
    if (times_fd >= 0)
        (void)!write(times_fd, &t, sizeof(t));
}

/* A table's description as a real DynamoDB gave it; false when there is none. */
static bool read_description(const char *name, char *out, size_t size) {
    char path[1024];
    snprintf(path, sizeof(path), "%s/%s.json", tables_folder, name);
    int fd = tables_folder ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t n = fd < 0 ? -1 : read(fd, out, size - 1);
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return false;
    out[n] = 0;
    return true;
}

static void make_answer(struct client *c, const char *head, size_t head_len, const char *body, size_t len) {
    const char *text = "{}";
    char table[ANSWER_MAX - 512], name[256] = "";
    if (memmem(head, head_len, ".BatchWriteItem", 15)) {
        text = "{\"UnprocessedItems\":{}}";
        items += count_items(body, len);
        note_time();
    } else if (memmem(head, head_len, ".TransactWriteItems", 19)) {
        items += count_items(body, len);
        note_time();
    } else if (memmem(head, head_len, ".DescribeTable", 14)) {
        const char *at = memmem(body, len, "\"TableName\":\"", 13);
        if (at)
            for (size_t i = 0; i + 1 < sizeof(name) && at + 13 + i < body + len && at[13 + i] != '"'; i++)
                name[i] = at[13 + i];
        if (!read_description(name, table, sizeof(table)))
            snprintf(table, sizeof(table),
                     "{\"Table\":{\"TableName\":\"%s\",\"TableStatus\":\"ACTIVE\",\"KeySchema\":[{\"AttributeName\":"
                     "\"PK\",\"KeyType\":"
                     "\"HASH\"},{\"AttributeName\":\"SK\",\"KeyType\":\"RANGE\"}],\"AttributeDefinitions\":[]}}",
                     name);
        text = table;
    } else if (memmem(head, head_len, ".Scan", 5) || memmem(head, head_len, ".Query", 6)) {
        text = "{\"Count\":0,\"Items\":[],\"ScannedCount\":0}";
    }
    requests++;
    bytes += len;
    c->answer_len = (size_t)snprintf(c->answer, sizeof(c->answer),
                                     "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\n"
                                     "Content-Length: %zu\r\n\r\n%s",
                                     strlen(text), text);
}

static void send_answer(struct client *c) {
    c->due_us = 0;
    if (send(c->fd, c->answer, c->answer_len, MSG_NOSIGNAL) != (ssize_t)c->answer_len)
        end_client(c);
}

/* Answers the request at the beginning of the client's data, if it is whole; true when one was. */
static bool take_request(struct client *c) {
    if (c->len < c->need || c->due_us)
        return false;
    const char *end = memmem(c->data, c->len, "\r\n\r\n", 4);
    if (!end)
        return false;
    size_t head = (size_t)(end - c->data) + 4, length = 0;
    for (const char *line = c->data; line < end; line++)
        if (*line == '\n' && strncasecmp(line + 1, "content-length:", 15) == 0)
            length = strtoul(line + 16, NULL, 10);
    if (length > REQUEST_MAX) {
        end_client(c);
        return false;
    }
    if (c->len < head + length) {
        c->need = head + length;
        return false;
    }
    make_answer(c, c->data, head, c->data + head, length);
    memmove(c->data, c->data + head + length, c->len - head - length);
    c->len -= head + length;
    c->need = 0;
    if (delay_us)
        c->due_us = now_us() + delay_us;
    else
        send_answer(c);
    return c->fd != 0;
}

static void read_client(struct client *c) {
    for (;;) {
        if (c->cap - c->len < 65536) {
            c->cap = c->need > c->cap ? c->need + 65536 : c->cap * 2 + 65536;
            c->data = realloc(c->data, c->cap);
            if (!c->data)
                fail("realloc");
        }
        ssize_t n = recv(c->fd, c->data + c->len, c->cap - c->len, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0 || c->len + (size_t)n > 2 * REQUEST_MAX) {
            end_client(c);
            return;
        }
        c->len += (size_t)n;
        while (c->fd && take_request(c))
            ;
        if (!c->fd || c->len < c->cap)
            return; /* level-triggered: what is left comes again */
    }
}

static void accept_client(int listener) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    for (size_t i = 0; i < CLIENTS; i++)
        if (!clients[i].fd) {
            clients[i] = (struct client){.fd = fd};
            struct epoll_event event = {.events = EPOLLIN, .data.ptr = &clients[i]};
            if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
                end_client(&clients[i]);
            return;
        }
    close(fd);
}

/* Sends what is due and sets the timer to the next. */
static void delayed_answers(void) {
    int64_t now = now_us(), next = INT64_MAX;
    for (size_t i = 0; i < CLIENTS; i++) {
        struct client *c = &clients[i];
        if (c->fd && c->due_us && c->due_us <= now) {
            send_answer(c);
            while (c->fd && take_request(c))
                ;
        }
        if (c->fd && c->due_us && c->due_us < next)
            next = c->due_us;
    }
    struct itimerspec t = {0};
    if (next != INT64_MAX)
        t.it_value = (struct timespec){next / 1000000, next % 1000000 * 1000};
    timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &t, NULL);
}

static int listen_on(uint16_t port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 256) != 0)
        fail("listen");
    socklen_t len = sizeof(address);
    getsockname(fd, (struct sockaddr *)&address, &len);
    printf("listening on %u\n", (unsigned)ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

int main(int argc, char **argv) {
    bool good = argc >= 2 && argc % 2 == 0;
    for (int i = 2; good && i < argc; i += 2) {
        if (strcmp(argv[i], "--delay-ms") == 0)
            delay_us = (int64_t)(strtod(argv[i + 1], NULL) * 1000);
        else if (strcmp(argv[i], "--tables") == 0)
            tables_folder = argv[i + 1];
        else if (strcmp(argv[i], "--times") == 0)
            good = (times_fd = open(argv[i + 1], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644)) >= 0;
        else
            good = false;
    }
    if (!good) {
        fprintf(stderr, "usage: leat-answer PORT [--delay-ms N] [--tables FOLDER] [--times FILE]\n");
        return 2;
    }
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int end = signalfd(-1, &signals, SFD_CLOEXEC), listener = listen_on((uint16_t)strtoul(argv[1], NULL, 10));
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    int *own[] = {&end, &listener, &timer_fd};
    for (size_t i = 0; i < 3; i++)
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, *own[i], &(struct epoll_event){.events = EPOLLIN, .data.ptr = own[i]});
    for (bool run = true; run;) {
        struct epoll_event events[256];
        int n = epoll_wait(epoll_fd, events, 256, -1);
        for (int i = 0; i < n; i++) {
            void *who = events[i].data.ptr;
            uint64_t ignored;
            if (who == &end)
                run = false;
            else if (who == &listener)
                accept_client(listener);
            else if (who == &timer_fd)
                (void)!read(timer_fd, &ignored, sizeof(ignored));
            else if (((struct client *)who)->fd)
                read_client(who);
        }
        if (delay_us)
            delayed_answers();
    }
    printf("{\"requests\":%llu,\"items\":%llu,\"bytes\":%llu}\n", (unsigned long long)requests,
           (unsigned long long)items, (unsigned long long)bytes);
    return 0;
}
