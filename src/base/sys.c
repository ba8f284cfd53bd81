/* The seam to time, randomness, sleeping and files. */
#include "src/base/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int64_t clock_us(clockid_t id) {
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int64_t real_monotonic_us(void) {
    return clock_us(CLOCK_MONOTONIC);
}

static int64_t real_wall_us(void) {
    return clock_us(CLOCK_REALTIME);
}

static uint64_t real_random(void) {
    uint64_t v = 0;
    while (getrandom(&v, sizeof(v), 0) != sizeof(v))
        ;
    return v;
}

static void real_sleep_ms(int64_t ms) {
    if (ms <= 0)
        return;
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

const struct sys sys_real = {
    .monotonic_us = real_monotonic_us,
    .wall_us = real_wall_us,
    .random = real_random,
    .sleep_ms = real_sleep_ms,
    .write = write,
    .fdatasync = fdatasync,
};

struct sys sys = {
    .monotonic_us = real_monotonic_us,
    .wall_us = real_wall_us,
    .random = real_random,
    .sleep_ms = real_sleep_ms,
    .write = write,
    .fdatasync = fdatasync,
};

int sys_write_all(int fd, const void *data, size_t len, const char *path, struct error *error) {
    const char *p = data;
    while (len > 0) {
        ssize_t n = sys.write(fd, p, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_set(error, ERR_STORE, "cannot write %s: %s", path,
                             n < 0 ? strerror(errno) : "nothing written");
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

int sys_sync(int fd, const char *path, struct error *error) {
    if (sys.fdatasync(fd) < 0)
        return error_set(error, ERR_STORE, "cannot make %s durable: %s", path, strerror(errno));
    return 0;
}

int sys_read_file(const char *path, size_t max, char **ret_data, size_t *ret_len, struct error *error) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return error_set(error, ERR_CONFIG, "cannot open %s: %s", path, strerror(errno));
    size_t len = 0, cap = 8192;
    char *data = xmalloc(cap + 1);
    for (;;) {
        ssize_t n = read(fd, data + len, cap - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || len + (size_t)n > max) {
            int r = n < 0 ? error_set(error, ERR_CONFIG, "cannot read %s: %s", path, strerror(errno))
                          : error_set(error, ERR_CONFIG, "%s is larger than %zu bytes", path, max);
            close(fd);
            free(data);
            return r;
        }
        if (n == 0)
            break;
        len += (size_t)n;
        if (len == cap) {
            cap *= 2;
            data = xrealloc(data, cap + 1);
        }
    }
    close(fd);
    data[len] = 0;
    *ret_data = data;
    *ret_len = len;
    return 0;
}

void sys_format_time(int64_t wall_us, char *out, size_t size) {
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    size_t n = strftime(out, size, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out + n, size - n, ".%03dZ", (int)(wall_us / 1000 % 1000));
}

void sys_cond_init(pthread_cond_t *cond) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct timespec sys_deadline(int64_t ms_from_now) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    int64_t ns = t.tv_nsec + ms_from_now % 1000 * 1000000;
    return (struct timespec){.tv_sec = t.tv_sec + (time_t)(ms_from_now / 1000 + ns / 1000000000),
                             .tv_nsec = (long)(ns % 1000000000)};
}
