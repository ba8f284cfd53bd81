/* The control socket: server and client. Each client is served by a thread of its own, because `wait` waits. */
#include "src/app/control.h"

#include "src/base/log.h"
#include "src/base/sys.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
    CLIENTS_MAX = 32,
    LINE_MAX_BYTES = 4 * 1024 * 1024,
    REQUEST_MAX = 1024 * 1024, /* GTID sets of old fleets are long */
    PATIENCE_MS = 5000,        /* for a whole request */
    PROGRESS_MS = 500,
    SLICE_MS = 200,
    WAIT_MAX_MS = 1000000000,
    LOOK_MS = 100, /* how often a replay that runs is looked at */
};

struct control_server {
    const struct config *config;
    struct pipeline_control *control;
    char path[108]; /* sun_path's size */
    int fd;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    struct client *clients; /* a list; guarded by the lock */
    unsigned client_count;
    atomic_bool stopping;
};

struct client {
    struct control_server *server;
    int fd;
    struct client *next;
};

static int socket_path(const struct config *config, char *out, size_t size, struct error *error) {
    int n = snprintf(out, size, "%s/control.sock", config->state_dir);
    if (n < 0 || (size_t)n >= size)
        return error_set(error, ERR_CONFIG, "state_dir is too long for a control socket: %s", config->state_dir);
    return 0;
}

static bool write_line(int fd, struct buf *text) {
    buf_put_char(text, '\n');
    for (size_t at = 0; at < text->len;) {
        ssize_t n = send(fd, text->data + at, text->len - at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += (size_t)n;
    }
    return true;
}

/* Reads up to a newline; false at the end, on a fault, when it is too long, or when it takes too long (0: any time). */
static bool read_line(int fd, struct buf *line, struct buf *rest, int64_t patience_ms) {
    int64_t deadline_ms = sys_monotonic_ms() + patience_ms;
    buf_clear(line);
    while (!patience_ms || sys_monotonic_ms() < deadline_ms) {
        char *end = rest->len ? memchr(rest->data, '\n', rest->len) : NULL;
        if (end) {
            size_t len = (size_t)(end - rest->data);
            buf_put(line, rest->data, len);
            memmove(rest->data, end + 1, rest->len - len - 1);
            rest->len -= len + 1;
            return true;
        }
        char *to = buf_reserve(rest, 4096);
        ssize_t n = to ? read(fd, to, 4096) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        rest->len += (size_t)n;
    }
    return false;
}

/* Each single read and write. */
static void set_patience(int fd, int64_t ms) {
    struct timeval t = {.tv_sec = (time_t)(ms / 1000), .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

/* ---- answers */

static void answer_error(struct json_out *out, int code, const char *text) {
    json_open(out, '{');
    json_key(out, "done");
    json_put_bool(out, true);
    json_key(out, "code");
    json_put_int(out, code);
    json_key(out, "error");
    json_put_text(out, text);
    json_close(out, '}');
}

static int request_position(const struct json *request, const char *key, struct position *ret, struct error *error) {
    const struct json *v = json_get(request, key);
    if (!v || json_type(v) == JSON_NULL)
        return 0;
    if (json_type(v) != JSON_STRING)
        return error_set(error, ERR_USAGE, "%s is a position in text", key);
    return position_parse(ret, json_string(v), error);
}

static void command_status(struct client *c, const struct json *request, struct json_out *out) {
    (void)request;
    struct status *s = c->server->control->status;
    json_open(out, '{');
    json_key(out, "done");
    json_put_bool(out, true);
    json_key(out, "status");
    status_lock(s);
    status_json(s, out);
    status_unlock(s);
    json_close(out, '}');
}

/* What the store is made for. */
static void command_catalog(struct client *c, const struct json *request, struct json_out *out) {
    (void)request;
    struct status *s = c->server->control->status;
    status_lock(s);
    if (s->catalog) {
        json_open(out, '{');
        json_key(out, "done");
        json_put_bool(out, true);
        json_key(out, "catalog");
        json_put_text(out, s->catalog);
        json_close(out, '}');
    } else {
        answer_error(out, ERR_STORE, "the replicator has not opened its store yet");
    }
    status_unlock(s);
}

static int source_end(const struct config *config, struct position *ret, struct error *error) {
    struct source_options source = config_source(config);
    struct connection *connection = NULL;
    int r = connection_open(&connection, &source, error);
    if (r == 0)
        r = source_position_end(connection, ret, error);
    connection_close(connection);
    return r;
}

static bool hung_up(const struct client *c) {
    struct pollfd p = {.fd = c->fd}; /* POLLHUP needs not be asked for */
    return poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR);
}

static void command_wait(struct client *c, const struct json *request, struct json_out *out) {
    struct position target = {0};
    struct error error;
    int64_t timeout_ms = 60000;
    if (json_get(request, "timeout_ms"))
        json_int(json_get(request, "timeout_ms"), &timeout_ms);
    int r = request_position(request, "position", &target, &error);
    if (r == 0 && !position_known(&target))
        r = source_end(c->server->config, &target, &error);
    if (r < 0) {
        answer_error(out, r, error.text);
    } else {
        int64_t deadline = sys_monotonic_ms() + MAX(MIN(timeout_ms, WAIT_MAX_MS), 0);
        int late;
        do { /* in slices, so that a replicator that stops is not held up */
            int64_t left = deadline - sys_monotonic_ms();
            late = status_wait(c->server->control->status, &target, MAX(MIN(left, SLICE_MS), 0));
        } while (late && sys_monotonic_ms() < deadline && !c->server->stopping && !hung_up(c));
        json_open(out, '{');
        json_key(out, "done");
        json_put_bool(out, true);
        json_key(out, "reached");
        json_put_bool(out, !late);
        json_close(out, '}');
    }
    position_deinit(&target);
}

static void put_replay(struct json_out *out, const struct replay_request *r, bool done) {
    json_open(out, '{');
    json_key(out, "done");
    json_put_bool(out, done);
    json_key(out, "transactions");
    json_put_uint(out, r->transactions);
    json_key(out, "row_changes");
    json_put_uint(out, r->row_changes);
    json_close(out, '}');
}

/* Waits for the replay, with a line of progress now and then. A client that goes away does not stop it. */
static void follow_replay(struct client *c, struct replay_request *r, struct json_out *out) {
    struct pipeline_control *control = c->server->control;
    struct status *s = control->status;
    uint64_t one = 1;
    ssize_t n = write(control->wake_fd, &one, sizeof(one));
    (void)n;
    pthread_mutex_lock(&s->lock);
    int64_t next = sys_monotonic_ms() + PROGRESS_MS;
    while (!r->done) {
        struct timespec t = sys_deadline(LOOK_MS);
        pthread_cond_timedwait(&s->changed, &s->lock, &t);
        if (!r->done && !r->taken && c->server->stopping) {
            control->replay = NULL;
            r->done = true;
            r->code = error_set(&r->error, ERR_STOPPED, "the replicator stopped before the replay began");
        }
        if (!r->done && sys_monotonic_ms() >= next) {
            next = sys_monotonic_ms() + PROGRESS_MS;
            struct buf line = BUF_INIT(4096);
            put_replay(&JSON_OUT(&line), r, false);
            pthread_mutex_unlock(&s->lock);
            write_line(c->fd, &line);
            buf_deinit(&line);
            pthread_mutex_lock(&s->lock);
        }
    }
    pthread_mutex_unlock(&s->lock);
    if (r->code < 0)
        answer_error(out, r->code, r->error.text);
    else
        put_replay(out, r, true);
}

static void command_replay(struct client *c, const struct json *request, struct json_out *out) {
    struct pipeline_control *control = c->server->control;
    struct replay_request r = {0};
    struct error error = {.text = ""};
    int code = request_position(request, "from", &r.from, &error);
    if (code == 0)
        code = request_position(request, "to", &r.to, &error);
    if (code == 0 && !position_known(&r.from))
        code = error_set(&error, ERR_USAGE, "replay needs --from POSITION");
    if (code == 0) {
        status_lock(control->status);
        if (control->replay)
            code = error_set(&error, ERR_USAGE, "another replay is at work: wait until it is over");
        else if (control->status->state != RUN_STREAMING)
            code = error_set(&error, ERR_USAGE, "the replicator is %s: a replay begins when it streams",
                             run_state_name(control->status->state));
        else
            control->replay = &r;
        status_unlock(control->status);
    }
    if (code == 0)
        follow_replay(c, &r, out);
    else
        answer_error(out, code, error.text);
    position_deinit(&r.from);
    position_deinit(&r.to);
}

static const struct {
    const char *name;
    void (*run)(struct client *c, const struct json *request, struct json_out *out);
} commands[] = {
    {"status", command_status},
    {"catalog", command_catalog},
    {"wait", command_wait},
    {"replay", command_replay},
};

static void serve(struct client *c, struct slice text, struct buf *answer) {
    struct json_doc *doc = NULL;
    struct error error;
    struct json_out out = JSON_OUT(answer);
    if (json_parse(&doc, "request", text, &error) != 0) {
        answer_error(&out, ERR_USAGE, error.text);
        return;
    }
    const char *name = json_text(json_get(json_root(doc), "command"));
    size_t i = 0;
    while (i < ARRAY_LEN(commands) && (!name || strcmp(commands[i].name, name) != 0))
        i++;
    if (i < ARRAY_LEN(commands))
        commands[i].run(c, json_root(doc), &out);
    else
        answer_error(&out, ERR_USAGE, "unknown command");
    json_free(doc);
}

static void *client_run(void *context) {
    struct client *c = context;
    struct control_server *server = c->server;
    struct buf line = BUF_INIT(REQUEST_MAX), rest = BUF_INIT(REQUEST_MAX), answer = BUF_INIT(LINE_MAX_BYTES);
    set_patience(c->fd, PATIENCE_MS);
    if (read_line(c->fd, &line, &rest, PATIENCE_MS)) {
        serve(c, buf_slice(&line), &answer);
        write_line(c->fd, &answer);
    }
    buf_deinit(&line);
    buf_deinit(&rest);
    buf_deinit(&answer);
    pthread_mutex_lock(&server->lock);
    struct client **at = &server->clients;
    while (*at != c)
        at = &(*at)->next;
    *at = c->next;
    server->client_count--;
    pthread_cond_signal(&server->idle);
    close(c->fd); /* with the lock held, so that control_stop() never shuts down somebody else's descriptor */
    pthread_mutex_unlock(&server->lock);
    free(c);
    return NULL;
}

static void turn_away(int fd) {
    struct buf answer = BUF_INIT(4096);
    answer_error(&JSON_OUT(&answer), ERR_USAGE, "too many clients ask at once: try again");
    set_patience(fd, SLICE_MS);
    write_line(fd, &answer);
    buf_deinit(&answer);
    close(fd);
}

static void admit(struct control_server *server, int fd) {
    struct client *c = xcalloc(1, sizeof(*c));
    pthread_t thread;
    pthread_mutex_lock(&server->lock);
    *c = (struct client){server, fd, server->clients};
    bool served = server->client_count < CLIENTS_MAX && pthread_create(&thread, NULL, client_run, c) == 0;
    if (served) {
        pthread_detach(thread);
        server->clients = c;
        server->client_count++;
    }
    pthread_mutex_unlock(&server->lock);
    if (!served) {
        turn_away(fd);
        free(c);
    }
}

static void *accept_run(void *context) {
    struct control_server *server = context;
    while (!server->stopping) {
        struct pollfd p = {.fd = server->fd, .events = POLLIN};
        if (poll(&p, 1, SLICE_MS) <= 0)
            continue;
        int fd = accept4(server->fd, NULL, NULL, SOCK_CLOEXEC);
        if (fd >= 0)
            admit(server, fd);
        else
            sys.sleep_ms(SLICE_MS); /* no descriptors left, say */
    }
    return NULL;
}

static int connect_to(const struct config *config, int *ret_fd, struct error *error);

/* Another replicator that lives must keep its socket; one that was killed leaves a dead file. */
static int refuse_second(const struct config *config, struct error *error) {
    int fd = -1;
    struct error nobody;
    if (connect_to(config, &fd, &nobody) < 0)
        return 0;
    close(fd);
    return error_set(error, ERR_STORE, "another replicator runs with state_dir %s: stop it, or use another state_dir",
                     config->state_dir);
}

int control_serve(struct control_server **ret, const struct config *config, struct pipeline_control *control,
                  struct error *error) {
    struct control_server *server = xcalloc(1, sizeof(*server));
    server->config = config;
    server->control = control;
    int r = socket_path(config, server->path, sizeof(server->path), error);
    if (r == 0)
        r = refuse_second(config, error);
    if (r < 0) {
        free(server);
        return r;
    }
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, server->path, sizeof(server->path));
    if (mkdir(config->state_dir, 0700) < 0 && errno != EEXIST)
        r = error_set(error, ERR_STORE, "cannot make state_dir %s: %s", config->state_dir, strerror(errno));
    server->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    unlink(server->path);
    mode_t mask = umask(0177);
    if (r == 0 && (server->fd < 0 || bind(server->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
                   listen(server->fd, CLIENTS_MAX) < 0))
        r = error_set(error, ERR_STORE, "cannot listen on %s: %s", server->path, strerror(errno));
    umask(mask);
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->idle, NULL);
    if (r == 0 && pthread_create(&server->thread, NULL, accept_run, server) != 0)
        r = error_set(error, ERR_BUG, "cannot start the control socket: %s", strerror(errno));
    if (r < 0) {
        if (server->fd >= 0)
            close(server->fd);
        pthread_cond_destroy(&server->idle);
        pthread_mutex_destroy(&server->lock);
        free(server);
        return r;
    }
    *ret = server;
    return 0;
}

void control_stop(struct control_server *server) {
    if (!server)
        return;
    server->stopping = true;
    pthread_join(server->thread, NULL);
    close(server->fd);
    unlink(server->path);
    pthread_mutex_lock(&server->lock);
    for (struct client *c = server->clients; c; c = c->next)
        shutdown(c->fd, SHUT_RD); /* who has not asked yet never will; answers still go out */
    while (server->client_count > 0)
        pthread_cond_wait(&server->idle, &server->lock);
    pthread_mutex_unlock(&server->lock);
    pthread_cond_destroy(&server->idle);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

/* ---- the client's side */

static int connect_to(const struct config *config, int *ret_fd, struct error *error) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int r = socket_path(config, address.sun_path, sizeof(address.sun_path), error);
    if (r < 0)
        return r;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        r = error_set(error, ERR_STORE, "no replicator runs with state_dir %s (%s): start it with `leat run`",
                      config->state_dir, strerror(errno));
        if (fd >= 0)
            close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

int control_ask(const struct config *config, struct slice request, int64_t patience_ms,
                void (*line)(void *context, const struct json *answer), void *context, struct json_doc **ret_last,
                struct error *error) {
    int fd = -1;
    int r = connect_to(config, &fd, error);
    if (r < 0)
        return r;
    defer(buf_deinit) struct buf out = BUF_INIT(REQUEST_MAX), text = BUF_INIT(LINE_MAX_BYTES),
                                 rest = BUF_INIT(LINE_MAX_BYTES);
    buf_put_slice(&out, request);
    set_patience(fd, patience_ms);
    bool finished = false;
    (void)write_line(fd, &out); /* who is turned away before the request is out has the reason to read */
    while (r == 0 && !finished) {
        struct json_doc *doc = NULL;
        errno = 0;
        if (!read_line(fd, &text, &rest, 0))
            r = error_set(error, ERR_STORE,
                          errno == EAGAIN ? "the replicator does not answer: is its process stopped?"
                                          : "the replicator went away without an answer: look at its log");
        else
            r = json_parse(&doc, "answer", buf_slice(&text), error);
        if (r < 0)
            break;
        const struct json *root = json_root(doc);
        finished = json_get(root, "done") && json_bool(json_get(root, "done"));
        int64_t code = 0;
        if (json_get(root, "error") && json_int(json_get(root, "code"), &code) && code < 0) {
            r = error_set(error, (int)code, "%s", json_text(json_get(root, "error")));
            json_free(doc);
        } else {
            if (line)
                line(context, root);
            if (finished)
                *ret_last = doc;
            else
                json_free(doc);
        }
    }
    close(fd);
    return r;
}
