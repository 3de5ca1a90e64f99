/* spool_source.c: a spool file as a source for the Parquet reader. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"
#include "spool.h"

struct spool_source {
    int fd;
    char path[4096];
};

static int source_read(void *ctx, uint64_t offset, void *out, size_t n, struct tarn_err *err) {
    struct spool_source *s = ctx;
    uint8_t *p = out;

    while (n > 0) {
        ssize_t got = pread(s->fd, p, n, (off_t)offset);

        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return tarn_err_errno(err, errno, "reading the spool file %s", s->path);
        if (got == 0) {
            return tarn_err_set(err, TARN_ECORRUPT, "the spool file %s is cut short", s->path);
        }
        p += got;
        n -= (size_t)got;
        offset += (uint64_t)got;
    }
    return TARN_OK;
}

static void source_close(void *ctx) {
    struct spool_source *s = ctx;

    (void)close(s->fd);
    tarn_free(s);
}

int tarn_spool_source(const char *path, struct tarn_source *out, struct tarn_err *err) {
    struct spool_source *s = tarn_calloc(1, sizeof *s);
    struct stat st;

    if (!s) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    snprintf(s->path, sizeof s->path, "%s", path);
    s->fd = open(s->path, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0 || fstat(s->fd, &st) != 0) {
        int rc = tarn_err_errno(err, errno,
                                "a committed transaction's events lie in %s, which cannot be read "
                                "(a copy of a database needs a copy of its -spool folder)",
                                s->path);

        if (s->fd >= 0) (void)close(s->fd);
        tarn_free(s);
        return rc;
    }
    *out = (struct tarn_source){.ctx = s,
                                .size = (uint64_t)st.st_size,
                                .name = s->path,
                                .read = source_read,
                                .close = source_close};
    return TARN_OK;
}
