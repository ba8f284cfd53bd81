/* The one seam to time, randomness, sleeping and files, so that tests can pin, fail and replay them.
 *
 * Everything goes through `sys`, a table of functions; the program never changes it, the simulator does. */
#pragma once

#include "src/base/error.h"

#include <pthread.h>
#include <sys/types.h>
#include <time.h>

struct sys {
    int64_t (*monotonic_us)(void); /* for intervals and timers */
    int64_t (*wall_us)(void);      /* microseconds since 1970, UTC; may jump */
    uint64_t (*random)(void);      /* 64 random bits; not for secrets */
    void (*sleep_ms)(int64_t ms);
    ssize_t (*write)(int fd, const void *data, size_t len);
    int (*fdatasync)(int fd);
};

extern struct sys sys;
extern const struct sys sys_real;

static inline int64_t sys_monotonic_us(void) {
    return sys.monotonic_us();
}
static inline int64_t sys_monotonic_ms(void) {
    return sys.monotonic_us() / 1000;
}
static inline int64_t sys_wall_us(void) {
    return sys.wall_us();
}
static inline uint64_t sys_random(void) {
    return sys.random();
}
/* A number in [0, bound). */
static inline uint64_t sys_random_below(uint64_t bound) {
    return bound ? sys.random() % bound : 0;
}

/* Writes all bytes, or fails with ERR_STORE and the reason (a full disk by name). */
int sys_write_all(int fd, const void *data, size_t len, const char *path, struct error *error) must_check;
int sys_sync(int fd, const char *path, struct error *error) must_check;

/* The whole file, at most `max` bytes; allocated with one zero byte behind, the caller frees. ERR_CONFIG on failure. */
int sys_read_file(const char *path, size_t max, char **ret_data, size_t *ret_len, struct error *error) must_check;

/* "2026-11-21T10:15:00.123Z" of a wall time; `out` holds at least 32 bytes. */
void sys_format_time(int64_t wall_us, char *out, size_t size);

/* A condition whose timed waits go by the monotonic clock, and the time that pthread_cond_timedwait() wants for it. */
void sys_cond_init(pthread_cond_t *cond);
struct timespec sys_deadline(int64_t ms_from_now);
