/* output.c: see output.h. Temporary files are {ULID}.delta: the sweep of spool files, which another
** process may be at, passes over them; what a crash has left is removed when it is a day old.
*/
#include "output.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"
#include "time.h"
#include "ulid.h"

#define EXTENSION ".delta"
#define NAME (TARN_ULID_LEN + sizeof EXTENSION - 1)
#define MEMORY_MAX ((size_t)1 << 32)

static void sweep(const char *folder) {
    DIR *dir = opendir(folder);
    const struct dirent *entry;

    while (dir && (entry = readdir(dir)) != NULL) {
        int64_t made;

        if (strlen(entry->d_name) != NAME ||
            strcmp(entry->d_name + TARN_ULID_LEN, EXTENSION) != 0) {
            continue;
        }
        made = tarn_ulid_time(entry->d_name);
        if (made < 0 || made > tarn_time_now() - TARN_MS_PER_DAY) continue;
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    if (dir) (void)closedir(dir);
}

int tarn_output_open(struct tarn_output *o, const char *folder, uint64_t expected,
                     struct tarn_err *err) {
    char id[TARN_ULID_LEN + 1];

    memset(o, 0, sizeof *o);
    o->fd = -1;
    tarn_buf_init(&o->memory, MEMORY_MAX);
    if (expected <= TARN_OUTPUT_MEMORY) {
        tarn_sink_buf(&o->sink, &o->memory);
        return TARN_OK;
    }
    if (mkdir(folder, 0755) != 0 && errno != EEXIST) {
        return tarn_err_errno(err, errno, "cannot make the spool folder %s", folder);
    }
    sweep(folder);
    if (tarn_ulid_new(tarn_time_now(), id)) return tarn_err_set(err, TARN_EIO, "no randomness");
    if ((size_t)snprintf(o->path, sizeof o->path, "%s/%s" EXTENSION, folder, id) >=
        sizeof o->path) {
        return tarn_err_set(err, TARN_EINVAL, "path too long: %.100s…", folder);
    }
    o->fd = open(o->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (o->fd < 0) return tarn_err_errno(err, errno, "cannot make the file %s", o->path);
    tarn_sink_fd(&o->sink, o->fd, o->path);
    return TARN_OK;
}

int tarn_output_put(struct tarn_output *o, struct tarn_store *store, const char *key,
                    const struct tarn_put *put, struct tarn_err *err) {
    if (o->fd >= 0) return tarn_store_put_file(store, key, o->path, put, err);
    return tarn_store_put(store, key, o->memory.data, o->memory.len, put, NULL, err);
}

void tarn_output_release(struct tarn_output *o) {
    if (o->fd >= 0) {
        (void)close(o->fd);
        (void)unlink(o->path);
    }
    o->fd = -1;
    tarn_buf_release(&o->memory);
}
