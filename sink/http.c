/* HTTP through libcurl's multi interface, driven by an epoll of our own.
 *
 * 1. http_post() fills a lane's easy handle and gives it to curl, which asks for a timer at once;
 * 2. http_turn() waits on the epoll: curl's sockets, one timerfd (the earlier of curl's timer and the caller's), one eventfd;
 * 3. what became ready goes to curl_multi_socket_action(); finished lanes are taken from curl and reported.
 *
 * Ways to fail: a connection that cannot be made (nothing sent: certain), and everything after the request was begun (its end is
 * unknown). Which of the two it was, and whether curl sent it twice, tells CURLOPT_PREREQFUNCTION: curl calls it each time that it is about to send. */
#include "sink/http.h"

#include "sink/crc32.h"
#include "src/base/sys.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    ANSWER_MAX = 17 << 20,  /* UnprocessedItems may give a whole request back */
    KEEP_BYTES = 256 << 10, /* a lane's buffer that grew beyond is freed after its answer */
    EVENTS = 64,
};

struct lane {
    struct http *http;
    unsigned number;
    CURL *easy;
    struct curl_slist headers[HTTP_HEADERS_MAX]; /* nodes of our own: nothing is allocated */
    struct buf header_text[HTTP_HEADERS_MAX];
    struct buf body;
    bool busy, crc_given, too_large;
    uint32_t crc;
    unsigned sendings;
    int64_t begun_us;
    struct http_answer answer;
    char curl_error[CURL_ERROR_SIZE];
};

struct http {
    CURLM *multi;
    int epoll, timer, wake;
    int64_t curl_due_us;  /* monotonic; INT64_MAX: none */
    int64_t timer_due_us; /* what the timerfd is set to */
    http_done done;
    void *context;
    char *url, *host;
    unsigned lane_count;
    struct lane *lanes;
};

static void global_init(void) {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
}

/* ---- what curl calls */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *known) {
    struct http *h = context;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        epoll_ctl(h->epoll, EPOLL_CTL_DEL, fd, NULL); /* may be closed already */
        curl_multi_assign(h->multi, fd, NULL);
        return 0;
    }
    struct epoll_event event = {
        .events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0u) | (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0u),
        .data.fd = fd,
    };
    if (epoll_ctl(h->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
        if (epoll_ctl(h->epoll, errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) != 0)
            return -1;
    curl_multi_assign(h->multi, fd, h);
    return 0;
}

static int on_timer(CURLM *multi, long timeout_ms, void *context) {
    struct http *h = context;
    (void)multi;
    h->curl_due_us = timeout_ms < 0 ? INT64_MAX : sys_monotonic_us() + (int64_t)timeout_ms * 1000;
    return 0;
}

static int on_sending(void *context, char *remote_ip, char *local_ip, int remote_port, int local_port) {
    (void)remote_ip, (void)local_ip, (void)remote_port, (void)local_port;
    struct lane *lane = context;
    lane->sendings++;
    return CURL_PREREQFUNC_OK;
}

static size_t on_body(char *data, size_t size, size_t count, void *context) {
    struct lane *lane = context;
    buf_put(&lane->body, data, size * count);
    lane->too_large = lane->body.full;
    return lane->too_large ? 0 : size * count;
}

/* The header's value when `line` is that header; {NULL, 0} otherwise. */
static struct slice header_value(struct slice line, const char *name) {
    size_t n = strlen(name);
    if (line.len <= n || line.data[n] != ':' || strncasecmp(line.data, name, n) != 0)
        return (struct slice){0};
    struct slice value = {line.data + n + 1, line.len - n - 1};
    while (value.len && (*value.data == ' ' || *value.data == '\t'))
        value.data++, value.len--;
    while (value.len && (unsigned char)value.data[value.len - 1] <= ' ')
        value.len--;
    return value;
}

static void copy_text(char *to, size_t size, struct slice text) {
    size_t n = MIN(size - 1, text.len);
    memcpy(to, text.data, n);
    to[n] = 0;
}

static size_t on_header(char *data, size_t size, size_t count, void *context) {
    struct lane *lane = context;
    struct slice line = {data, size * count}, value;
    if ((value = header_value(line, "x-amz-crc32")).data) {
        lane->crc_given = true;
        lane->crc = 0;
        for (size_t i = 0; i < value.len && value.data[i] >= '0' && value.data[i] <= '9'; i++)
            lane->crc = lane->crc * 10 + (uint32_t)(value.data[i] - '0');
    } else if ((value = header_value(line, "x-amzn-requestid")).data) {
        copy_text(lane->answer.request_id, sizeof(lane->answer.request_id), value);
    } else if ((value = header_value(line, "date")).data) {
        char text[64];
        copy_text(text, sizeof(text), value);
        time_t at = curl_getdate(text, NULL);
        lane->answer.date_us = at > 0 ? (int64_t)at * 1000000 : 0;
    }
    return line.len;
}

/* ---- opening */

static bool is_loopback(const char *host) {
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "[::1]") == 0;
}

static void url_free(CURLU **url) {
    curl_url_cleanup(*url);
}

static void text_free(char **text) {
    curl_free(*text);
}

static int parse_endpoint(struct http *h, const struct http_options *options, struct error *error) {
    defer(url_free) CURLU *url = curl_url();
    defer(text_free) char *scheme = NULL, *host = NULL, *port = NULL, *user = NULL, *path = NULL, *query = NULL;
    if (curl_url_set(url, CURLUPART_URL, options->endpoint, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK ||
        curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK)
        return error_set(error, ERR_CONFIG, "endpoint \"%s\" is no URL: write it as https://HOST[:PORT]",
                         options->endpoint);
    bool tls = strcmp(scheme, "https") == 0;
    if (!tls && strcmp(scheme, "http") != 0)
        return error_set(error, ERR_CONFIG, "endpoint \"%s\": only https (and http to loopback) is spoken",
                         options->endpoint);
    if (!tls && !is_loopback(host) && !options->allow_insecure)
        return error_set(error, ERR_CONFIG,
                         "endpoint \"%s\" would carry items in clear text: use https, or say "
                         "\"allow_insecure_endpoint\": true",
                         options->endpoint);
    curl_url_get(url, CURLUPART_USER, &user, 0);
    curl_url_get(url, CURLUPART_PATH, &path, 0);
    curl_url_get(url, CURLUPART_QUERY, &query, 0);
    if (user || query || (path && strcmp(path, "/") != 0))
        return error_set(error, ERR_CONFIG, "endpoint \"%s\": only scheme, host and port may stand there",
                         options->endpoint);
    bool given = curl_url_get(url, CURLUPART_PORT, &port, CURLU_NO_DEFAULT_PORT) == CURLUE_OK;
    struct buf text = BUF_INIT(4096);
    buf_printf(&text, "%s%s%s", host, given ? ":" : "", given ? port : "");
    h->host = xstrdup(buf_text(&text));
    buf_clear(&text);
    buf_printf(&text, "%s://%s/", scheme, h->host);
    h->url = xstrdup(buf_text(&text));
    buf_deinit(&text);
    return 0;
}

static void lane_init(struct http *h, unsigned number, const struct http_options *options) {
    struct lane *lane = &h->lanes[number];
    lane->http = h;
    lane->number = number;
    lane->body.max = ANSWER_MAX;
    for (size_t i = 0; i < HTTP_HEADERS_MAX; i++)
        lane->header_text[i].max = 16384;
    CURL *e = lane->easy = curl_easy_init();
    if (!e)
        abort();
    long timeout = options->timeout_ms ? (long)options->timeout_ms : 10000;
    curl_easy_setopt(e, CURLOPT_PRIVATE, lane);
    curl_easy_setopt(e, CURLOPT_URL, h->url);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, strncmp(h->url, "https:", 6) == 0 ? "https" : "http");
    curl_easy_setopt(e, CURLOPT_POST, 1L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_PROXY, ""); /* and so no proxy variables */
    curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (options->ca_file)
        curl_easy_setopt(e, CURLOPT_CAINFO, options->ca_file);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, 131072L);
    curl_easy_setopt(e, CURLOPT_USERAGENT, "leat/" LEAT_VERSION);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, timeout);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, MIN(timeout, 5000L));
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 16L); /* bytes a second */
    curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, MAX(timeout / 1500, 1L));
    curl_easy_setopt(e, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)ANSWER_MAX);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, lane->curl_error);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, lane);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, lane);
    curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_sending);
    curl_easy_setopt(e, CURLOPT_PREREQDATA, lane);
}

static int open_descriptors(struct http *h, struct error *error) {
    h->epoll = epoll_create1(EPOLL_CLOEXEC);
    h->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    h->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (h->epoll < 0 || h->timer < 0 || h->wake < 0)
        return error_set(error, ERR_TARGET, "cannot open epoll, timerfd or eventfd: %s (raise the limit of open files)",
                         strerror(errno));
    struct epoll_event timer = {.events = EPOLLIN, .data.fd = h->timer}, wake = {.events = EPOLLIN, .data.fd = h->wake};
    if (epoll_ctl(h->epoll, EPOLL_CTL_ADD, h->timer, &timer) != 0 ||
        epoll_ctl(h->epoll, EPOLL_CTL_ADD, h->wake, &wake) != 0)
        return error_set(error, ERR_TARGET, "cannot watch a descriptor: %s", strerror(errno));
    return 0;
}

int http_open(struct http **ret, const struct http_options *options, http_done done, void *context,
              struct error *error) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, global_init);
    struct http *h = xcalloc(1, sizeof(*h));
    h->epoll = h->timer = h->wake = -1;
    h->done = done;
    h->context = context;
    h->curl_due_us = h->timer_due_us = INT64_MAX;
    int r = parse_endpoint(h, options, error);
    if (r == 0)
        r = open_descriptors(h, error);
    if (r < 0) {
        http_close(h);
        return r;
    }
    h->multi = curl_multi_init();
    if (!h->multi)
        abort();
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
    curl_multi_setopt(h->multi, CURLMOPT_MAXCONNECTS, (long)options->lanes + 1);
    h->lanes = xcalloc(options->lanes, sizeof(*h->lanes));
    h->lane_count = options->lanes;
    for (unsigned i = 0; i < options->lanes; i++)
        lane_init(h, i, options);
    *ret = h;
    return 0;
}

void http_close(struct http *h) {
    if (!h)
        return;
    for (unsigned i = 0; i < h->lane_count; i++) {
        struct lane *lane = &h->lanes[i];
        if (lane->busy)
            curl_multi_remove_handle(h->multi, lane->easy);
        curl_easy_cleanup(lane->easy);
        for (size_t n = 0; n < HTTP_HEADERS_MAX; n++)
            buf_deinit(&lane->header_text[n]);
        buf_deinit(&lane->body);
    }
    if (h->multi)
        curl_multi_cleanup(h->multi);
    int fds[] = {h->epoll, h->timer, h->wake};
    for (size_t i = 0; i < ARRAY_LEN(fds); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    free(h->lanes);
    free(h->url);
    free(h->host);
    free(h);
}

const char *http_host(const struct http *h) {
    return h->host;
}

/* ---- requests */

void http_post(struct http *h, unsigned number, const struct slice *headers, size_t count, struct slice body) {
    struct lane *lane = &h->lanes[number];
    for (size_t i = 0; i < count && i < HTTP_HEADERS_MAX; i++) {
        buf_clear(&lane->header_text[i]);
        buf_put_slice(&lane->header_text[i], headers[i]);
        buf_put_char(&lane->header_text[i], 0);
        lane->headers[i] = (struct curl_slist){lane->header_text[i].data, i + 1 < count ? &lane->headers[i + 1] : NULL};
    }
    buf_clear(&lane->body);
    lane->busy = true;
    lane->crc_given = lane->too_large = false;
    lane->sendings = 0;
    lane->curl_error[0] = 0;
    lane->answer = (struct http_answer){0};
    lane->begun_us = sys_monotonic_us();
    curl_easy_setopt(lane->easy, CURLOPT_HTTPHEADER, lane->headers);
    curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    curl_easy_setopt(lane->easy, CURLOPT_POSTFIELDS, body.data);
    if (curl_multi_add_handle(h->multi, lane->easy) != CURLM_OK)
        abort();
}

static void judge(struct lane *lane, CURLcode code) {
    struct http_answer *a = &lane->answer;
    long status = 0;
    curl_easy_getinfo(lane->easy, CURLINFO_RESPONSE_CODE, &status);
    a->status = (int)status;
    a->sent = lane->sendings > 0;
    a->resent = lane->sendings > 1;
    a->seconds = (double)(sys_monotonic_us() - lane->begun_us) / 1e6;
    a->body = buf_slice(&lane->body);
    if (code != CURLE_OK)
        snprintf(a->failure, sizeof(a->failure), "%s",
                 lane->too_large       ? "the answer is too large"
                 : lane->curl_error[0] ? lane->curl_error
                                       : curl_easy_strerror(code));
    else if (lane->crc_given && crc32_of(a->body) != lane->crc)
        snprintf(a->failure, sizeof(a->failure), "the answer's x-amz-crc32 is wrong");
    else
        a->whole = true;
}

static void take_finished(struct http *h) {
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(h->multi, &left));) {
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode code = m->data.result;
        struct lane *lane = NULL;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&lane);
        judge(lane, code);
        curl_multi_remove_handle(h->multi, lane->easy);
        lane->busy = false;
        struct buf body = lane->body; /* the callback may use the lane again */
        struct http_answer answer = lane->answer;
        lane->body = BUF_INIT(ANSWER_MAX);
        h->done(h->context, lane->number, &answer);
        buf_clear(&body);
        if (body.cap > KEEP_BYTES)
            buf_deinit(&body);
        lane->body = body;
    }
}

static void set_timer(struct http *h, int64_t due_us) {
    if (due_us == h->timer_due_us)
        return;
    struct itimerspec t = {0};
    if (due_us != INT64_MAX) {
        int64_t at = MAX(due_us, 1);
        t.it_value.tv_sec = at / 1000000;
        t.it_value.tv_nsec = at % 1000000 * 1000;
    }
    timerfd_settime(h->timer, TFD_TIMER_ABSTIME, &t, NULL);
    h->timer_due_us = due_us;
}

static void drain(int fd) {
    uint64_t ignored;
    if (read(fd, &ignored, sizeof(ignored)) < 0)
        return; /* nothing there: fine */
}

void http_turn(struct http *h, int64_t until_us) {
    struct epoll_event events[EVENTS];
    int running, n;
    int64_t due = MIN(h->curl_due_us, until_us);
    bool wait = due > sys_monotonic_us();
    if (wait)
        set_timer(h, due);
    do
        n = epoll_wait(h->epoll, events, EVENTS, wait ? -1 : 0);
    while (n < 0 && errno == EINTR);
    for (int i = 0; i < n; i++) {
        int fd = events[i].data.fd;
        if (fd == h->wake) {
            drain(fd);
        } else if (fd == h->timer) {
            drain(fd);
            h->timer_due_us = INT64_MAX;
        } else {
            int what = (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                       (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                       (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
            curl_multi_socket_action(h->multi, fd, what, &running);
        }
    }
    if (h->curl_due_us <= sys_monotonic_us()) {
        h->curl_due_us = INT64_MAX;
        curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    take_finished(h);
}

void http_wake(struct http *h) {
    uint64_t one = 1;
    if (write(h->wake, &one, sizeof(one)) < 0)
        return; /* the counter is full: awake anyway */
}
