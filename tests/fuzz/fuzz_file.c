/* Fuzzes the reader of binlog files: anything as a file, with the checksums of its events made right where there are any. */
#include "binlog/file.h"
#include "binlog/txn_buffer.h"
#include "tests/fuzz/events.h"

#include <libdeflate.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make_right(uint8_t *data, size_t size) {
    struct span events[EVENTS_MAX];
    size_t count = split(data, size, events);
    for (size_t i = 0; i < count; i++)
        if (events[i].len >= EVENT_HEADER_SIZE + CHECKSUM_SIZE)
            put_le32((char *)data + events[i].at + events[i].len - CHECKSUM_SIZE,
                     libdeflate_crc32(0, data + events[i].at, events[i].len - CHECKSUM_SIZE));
}

static void note(void *context, const char *text) {}

static void read_all(const char *path) {
    struct error error;
    const char *paths[] = {path, path};
    struct binlog_files_options options = {.paths = paths,
                                           .count = ARRAY_LEN(paths),
                                           .spill_dir = "/tmp",
                                           .txn_memory_bytes = 4096,
                                           .stop_fd = -1,
                                           .note = note};
    struct binlog_files *files = NULL;
    if (binlog_files_open(&files, &options, &error) != 0)
        return;
    for (int r = FILES_TXN; r == FILES_TXN;) {
        struct txn *t = NULL;
        r = binlog_files_next(files, &t, &error);
        txn_free(t);
        if (binlog_files_read(files) > binlog_files_size(files))
            abort();
    }
    binlog_files_close(files);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static int fd = -1;
    char path[64];
    if (fd < 0)
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    uint8_t *copy = xmalloc(size + 1);
    memcpy(copy, data, size);
    make_right(copy, size);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, copy, size, 0) != (ssize_t)size)
        abort();
    free(copy);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    read_all(path);
    return 0;
}
