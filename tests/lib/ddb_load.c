/* ddb_load PORT TABLE ITEMS [CONNECTIONS [PK [SK]]]: writes small items by BatchWriteItem of 25 as fast as the endpoint takes them, and prints
 * items a second: the yardstick that leat is measured against. Raw sockets, keep-alive, 16 connections; the signature is a fake, which
 * DynamoDB Local accepts. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 256, BATCH = 25, REQUEST_MAX = 65536, ANSWER_MAX = 1 << 20 };

struct connection {
    int fd;
    size_t sent, len; /* of the request */
    size_t got;       /* of the answer */
    unsigned items;   /* in flight; 0: idle */
    char request[REQUEST_MAX];
    char answer[ANSWER_MAX];
};

static struct connection *connections;
static const char *table, *pk, *sk;
static uint64_t wanted, begun, done, failed;

static double seconds(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static int open_connection(uint16_t port) {
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

static void fill_request(struct connection *c) {
    static char body[REQUEST_MAX / 2];
    size_t n = 0;
    n += (size_t)snprintf(body + n, sizeof(body) - n, "{\"RequestItems\":{\"%s\":[", table);
    c->items = 0;
    for (; c->items < BATCH && begun < wanted; c->items++, begun++) {
        n += (size_t)snprintf(body + n, sizeof(body) - n, "%s{\"PutRequest\":{\"Item\":{\"%s\":{\"S\":\"%llu\"}",
                              c->items ? "," : "", pk, (unsigned long long)begun);
        if (sk)
            n +=
                (size_t)snprintf(body + n, sizeof(body) - n, ",\"%s\":{\"S\":\"%llu\"}", sk, (unsigned long long)begun);
        n += (size_t)snprintf(
            body + n, sizeof(body) - n,
            ",\"name\":{\"S\":\"a small item\"},\"total\":{\"N\":\"12.5\"},\"status\":{\"S\":\"pending\"},"
            "\"created_at\":{\"S\":\"2026-11-21T10:15:00\"}}}}");
    }
    n += (size_t)snprintf(body + n, sizeof(body) - n, "]}}");
    c->len = (size_t)snprintf(
        c->request, sizeof(c->request),
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.0\r\n"
        "X-Amz-Target: DynamoDB_20120810.BatchWriteItem\r\nX-Amz-Date: 20260101T000000Z\r\nAuthorization: "
        "AWS4-HMAC-SHA256 "
        "Credential=leattests/20260101/us-west-2/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=0\r\n"
        "Content-Length: %zu\r\n\r\n%s",
        n, body);
    c->sent = c->got = 0;
}

/* True when the answer is whole. */
static bool answer_whole(struct connection *c) {
    c->answer[c->got] = 0;
    const char *end = strstr(c->answer, "\r\n\r\n"), *length = strcasestr(c->answer, "\ncontent-length:");
    if (!end)
        return false;
    if (length && length < end)
        return c->got >= (size_t)(end - c->answer) + 4 + strtoul(length + 16, NULL, 10);
    return c->got >= 5 && strcmp(c->answer + c->got - 5, "0\r\n\r\n") == 0; /* chunked */
}

static void move_on(struct connection *c, short events) {
    if (events & POLLOUT) {
        ssize_t n = send(c->fd, c->request + c->sent, c->len - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno != EAGAIN)
            fail("send");
        c->sent += n > 0 ? (size_t)n : 0;
    }
    if (!(events & (POLLIN | POLLHUP | POLLERR)))
        return;
    ssize_t n = recv(c->fd, c->answer + c->got, ANSWER_MAX - 1 - c->got, MSG_DONTWAIT);
    if (n <= 0 && !(n < 0 && errno == EAGAIN))
        fail("the connection ended");
    c->got += n > 0 ? (size_t)n : 0;
    if (!answer_whole(c))
        return;
    bool good = strncmp(c->answer, "HTTP/1.1 200", 12) == 0 && strstr(c->answer, "\"UnprocessedItems\":{}");
    if (!good && failed == 0)
        fprintf(stderr, "%.600s\n", c->answer);
    *(good ? &done : &failed) += c->items;
    c->items = 0;
}

int main(int argc, char **argv) {
    if (argc < 4) {
        fprintf(
            stderr,
            "usage: ddb_load PORT TABLE ITEMS [CONNECTIONS [PK [SK]]]   (default: 16 PK SK; an empty SK means none)\n");
        return 2;
    }
    uint16_t port = (uint16_t)strtoul(argv[1], NULL, 10);
    table = argv[2];
    wanted = strtoull(argv[3], NULL, 10);
    unsigned count = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 16;
    count = count < 1 ? 1 : count > CONNECTIONS ? CONNECTIONS : count;
    pk = argc > 5 ? argv[5] : "PK";
    sk = argc > 6 ? argv[6] : argc > 5 ? NULL : "SK";
    if (sk && !*sk)
        sk = NULL;
    connections = calloc(count, sizeof(*connections));
    if (!connections)
        fail("calloc");
    for (unsigned i = 0; i < count; i++)
        connections[i].fd = open_connection(port);
    double start = seconds();
    while (done + failed < wanted) {
        struct pollfd fds[CONNECTIONS];
        for (unsigned i = 0; i < count; i++) {
            struct connection *c = &connections[i];
            if (!c->items && begun < wanted)
                fill_request(c);
            fds[i] = (struct pollfd){c->items ? c->fd : -1, (short)(c->sent < c->len ? POLLIN | POLLOUT : POLLIN), 0};
        }
        if (poll(fds, count, 30000) == 0)
            fail("no answer for 30 s");
        for (unsigned i = 0; i < count; i++)
            if (fds[i].revents)
                move_on(&connections[i], fds[i].revents);
    }
    double took = seconds() - start;
    printf("{\"items\":%llu,\"failed\":%llu,\"seconds\":%.3f,\"items_per_second\":%.0f}\n", (unsigned long long)done,
           (unsigned long long)failed, took, (double)done / took);
    return failed != 0;
}
