/* `leat run`: the program around the pipeline. Signals, control socket, HTTP; and what to do when a pipeline ends: park, and try again. */
#include "src/app/command.h"
#include "src/app/control.h"
#include "src/app/http.h"
#include "src/app/pipeline.h"
#include "src/base/log.h"
#include "src/base/sys.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    RETRY_FIRST_MS = 500,
    RETRY_MAX_MS = 10000,
    HEALTHY_MS = 30000,
    STOP_LIMIT_MS = 19000,
    SECOND_SIGNAL_EXIT = 143
};

struct program {
    struct config config;
    struct status status;
    struct pipeline_control control;
    struct position until;
    bool on_terminal; /* SIGHUP says that it was closed */
    int signal_fd;
    int signal_end_fd; /* ends the signal thread */
    pthread_t signal_thread;
};

/* Draining has its own end (15 s). What may last longer is a call that waits for a host which does not answer: nothing is lost
 * by not waiting for it, because the store is always at a checkpoint. */
static void end_in_time(int64_t asked_ms) {
    if (!asked_ms || sys_monotonic_ms() - asked_ms < STOP_LIMIT_MS)
        return;
    log_warning("ended without waiting for a host that does not answer");
    _exit(0);
}

static void *signal_run(void *context) {
    struct program *p = context;
    int64_t asked_ms = 0;
    for (;;) {
        struct pollfd fds[2] = {{.fd = p->signal_fd, .events = POLLIN}, {.fd = p->signal_end_fd, .events = POLLIN}};
        poll(fds, ARRAY_LEN(fds), asked_ms ? STOP_LIMIT_MS / 20 : -1);
        end_in_time(asked_ms);
        struct signalfd_siginfo info;
        if (fds[1].revents)
            return NULL;
        if (!fds[0].revents || read(p->signal_fd, &info, sizeof(info)) != sizeof(info))
            continue;
        if (info.ssi_signo == SIGHUP && !p->on_terminal) {
            log_warning("the configuration is read at the start only: restart to apply what changed");
            continue;
        }
        if (asked_ms)
            _exit(SECOND_SIGNAL_EXIT); /* the store is at its last checkpoint, as after any crash */
        asked_ms = sys_monotonic_ms();
        log_info("asked to stop; draining", {"signal", log_u(info.ssi_signo)});
        p->control.stop = true;
        uint64_t one = 1;
        ssize_t n = write(p->control.wake_fd, &one, sizeof(one));
        (void)n;
    }
}

static int start_signals(struct program *p, struct error *error) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &set, NULL); /* before any other thread exists: they all inherit it */
    signal(SIGPIPE, SIG_IGN);
    p->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
    p->signal_end_fd = eventfd(0, EFD_CLOEXEC);
    p->control.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->signal_fd < 0 || p->signal_end_fd < 0 || p->control.wake_fd < 0 ||
        pthread_create(&p->signal_thread, NULL, signal_run, p) != 0)
        return error_set(error, ERR_BUG, "cannot prepare for signals: %s", strerror(errno));
    return 0;
}

static void stop_signals(struct program *p) {
    uint64_t one = 1;
    ssize_t n = write(p->signal_end_fd, &one, sizeof(one));
    (void)n;
    pthread_join(p->signal_thread, NULL);
    close(p->signal_fd);
    close(p->signal_end_fd);
    close(p->control.wake_fd);
}

static void wait_to_retry(struct program *p, int64_t ms) {
    struct pollfd fd = {.fd = p->control.wake_fd, .events = POLLIN};
    int64_t deadline = sys_monotonic_ms() + ms;
    while (!p->control.stop && sys_monotonic_ms() < deadline) {
        poll(&fd, 1, (int)(deadline - sys_monotonic_ms()));
        uint64_t count;
        ssize_t n = read(p->control.wake_fd, &count, sizeof(count));
        (void)n;
    }
}

/* Which faults end the program when they are met at its start (docs/operations.md): later they park. */
static bool ends_program(int code) {
    return code == ERR_CONFIG || code == ERR_STORE || code == ERR_LEASE || code == ERR_USAGE || code == ERR_BUG;
}

static void park(struct program *p, int code, const char *reason) {
    status_lock(&p->status);
    status_park(&p->status, code, reason);
    status_hold_park(&p->status);
    status_unlock(&p->status);
}

static int run_pipelines(struct program *p, struct error *error) {
    int64_t delay_ms = RETRY_FIRST_MS;
    bool was_up = false, up = false;
    for (;;) {
        int64_t since_ms = sys_monotonic_ms();
        int r = pipeline_run(&p->config, &p->control, &up, error);
        was_up = was_up || up;
        if (p->control.stop && r < 0) /* what was not drained or checkpointed is read again by the next run */
            log_warning("stopped in the middle of a fault", {"class", log_s(error_class(r))},
                        {"reason", log_s(error->text)});
        if (r == 0 || p->control.stop)
            return 0;
        if (!was_up && ends_program(r))
            return r;
        if (up && sys_monotonic_ms() - since_ms > HEALTHY_MS)
            delay_ms = RETRY_FIRST_MS; /* it worked for a while */
        park(p, r, error->text);
        wait_to_retry(p, delay_ms);
        if (p->control.stop)
            return 0;
        delay_ms = MIN(delay_ms * 2, RETRY_MAX_MS);
    }
}

static int parse_until(struct program *p, const char *until, struct error *error) {
    if (!until)
        return 0;
    if (strcmp(until, "now") == 0) {
        p->control.until_now = true;
        return 0;
    }
    p->control.until = &p->until;
    int r = position_parse(&p->until, slice_of(until), error);
    return r < 0 ? error_wrap(error, r, "--until") : 0;
}

static int serve_and_run(struct program *p, struct error *error) {
    struct control_server *control = NULL;
    struct http_server *http = NULL;
    int r = control_serve(&control, &p->config, &p->control, error);
    if (r == 0 && p->config.http_listen)
        r = http_serve(&http, p->config.http_listen, &p->status, error);
    if (r == 0 && http)
        log_info("http", {"listen", log_s(p->config.http_listen)}, {"port", log_u(http_port(http))});
    if (r == 0)
        r = run_pipelines(p, error);
    http_stop(http);
    control_stop(control);
    log_info("ended", {"code", log_i(r)});
    return r;
}

int command_run(const struct command_line *line, struct error *error) {
    struct program p = {.on_terminal = isatty(STDERR_FILENO), .signal_fd = -1};
    int r = config_load(&p.config, line->config_path, error);
    if (r < 0)
        return r;
    prctl(PR_SET_DUMPABLE, 0); /* secrets stay out of core dumps */
    log_setup((enum log_format)p.config.log_format, (enum log_level)p.config.log_level, p.config.log_redact_keys);
    status_init(&p.status, p.config.stream, p.config.mysql.heartbeat_s * 1000000, p.config.http_ready_lag_s * 1000000);
    p.control.status = &p.status;
    p.control.prune = line->prune;
    r = parse_until(&p, line->until, error);
    if (r == 0)
        r = start_signals(&p, error);
    if (r == 0) {
        log_info("leat", {"version", log_s(LEAT_VERSION)}, {"stream", log_s(p.config.stream)},
                 {"state_dir", log_s(p.config.state_dir)});
        r = serve_and_run(&p, error);
        stop_signals(&p);
    }
    position_deinit(&p.until);
    position_deinit(&p.control.now);
    free(p.control.warnings);
    status_deinit(&p.status);
    config_deinit(&p.config);
    return r;
}
