/* source.c: sources over memory, sinks into a buffer or a file descriptor.
**
** A sink is a plain value that callers copy, so the one over a file descriptor keeps the descriptor
** itself in ctx, and points at nothing. What it calls the file in a message is what the system
** calls it (/proc/self/fd): that is the path at the time of the failure.
** Leaves to others: sources over objects (vfs/).
*/
#include "source.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"

#define WRITE_MOST ((size_t)1 << 30)

static int memory_read(void *ctx, uint64_t offset, void *out, size_t n, struct tarn_err *err) {
    const struct tarn_memory_source *m = ctx;

    if (offset > m->size || n > m->size - offset)
        return tarn_err_set(err, TARN_ECORRUPT,
                            "%s: expected %zu bytes at offset %" PRIu64 ", but it has %zu in all",
                            m->name != NULL ? m->name : "memory", n, offset, m->size);
    if (n > 0) memcpy(out, m->data + offset, n);
    return TARN_OK;
}

void tarn_source_memory(struct tarn_source *out, struct tarn_memory_source *m) {
    *out = (struct tarn_source){
        .ctx = m,
        .size = m->size,
        .name = m->name != NULL ? m->name : "memory",
        .read = memory_read,
    };
}

void tarn_source_close(struct tarn_source *s) {
    if (s == NULL) return;
    if (s->close != NULL) s->close(s->ctx);
    memset(s, 0, sizeof *s);
}

static int buf_write(void *ctx, const void *data, size_t n, struct tarn_err *err) {
    struct tarn_buf *b = ctx;

    tarn_buf_put(b, data, n);
    if (b->rc == TARN_ELIMIT)
        return tarn_err_set(err, TARN_ELIMIT,
                            "%zu more bytes would exceed the buffer's limit of %zu", n, b->max);
    if (b->rc != TARN_OK)
        return tarn_err_set(err, b->rc, "out of memory for a buffer of %zu bytes", b->len + n);
    return TARN_OK;
}

void tarn_sink_buf(struct tarn_sink *out, struct tarn_buf *b) {
    out->ctx = b;
    out->write = buf_write;
}

static int fd_error(int fd, int e, struct tarn_err *err) {
    char link[40], path[200];
    ssize_t n = 0;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    if (n <= 0) return tarn_err_errno(err, e, "cannot write to file descriptor %d", fd);
    path[n] = '\0';
    return tarn_err_errno(err, e, "cannot write to %s", path);
}

static int fd_write(void *ctx, const void *data, size_t n, struct tarn_err *err) {
    const int fd = (int)(intptr_t)ctx;
    const uint8_t *p = data;

    while (n > 0) {
        ssize_t wrote = write(fd, p, n < WRITE_MOST ? n : WRITE_MOST);

        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return fd_error(fd, wrote < 0 ? errno : EIO, err);
        p += wrote;
        n -= (size_t)wrote;
    }
    return TARN_OK;
}

void tarn_sink_fd(struct tarn_sink *out, int fd, const char *name) {
    (void)name;
    out->ctx = (void *)(intptr_t)fd;
    out->write = fd_write;
}
