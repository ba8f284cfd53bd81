/* A fuzz target without a fuzzer: runs every file of the folders that are named, once. */
#include "src/base/buf.h"
#include "src/base/sys.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay(const char *path) {
    struct error error;
    char *data = NULL;
    size_t len = 0;
    if (sys_read_file(path, 1 << 24, &data, &len, &error) != 0) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    char *exact = xmalloc(len + 1); /* sys_read_file() has room behind the content */
    exact = xrealloc(memcpy(exact, data, len), MAX(len, 1));
    free(data);
    LLVMFuzzerTestOneInput((const uint8_t *)exact, len);
    free(exact);
    return 0;
}

static size_t replay_folder(const char *folder) {
    size_t count = 0;
    DIR *dir = opendir(folder);
    for (const struct dirent *e; dir && (e = readdir(dir));) {
        char path[4096];
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.')
            count += replay(path) == 0;
    }
    if (dir)
        closedir(dir);
    return count;
}

int main(int argc, char **argv) {
    size_t count = 0;
    for (int i = 1; i < argc; i++)
        count += replay_folder(argv[i]);
    printf("%zu seeds\n", count);
    return count ? 0 : 1;
}
