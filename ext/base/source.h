/* source.h: random-access bytes with a known size: what the Parquet reader reads from.
**
** The store (vfs/) makes them; tests make them over memory. `read` fills exactly n bytes or fails:
** a short file is TARN_ECORRUPT, a changed or missing one TARN_ENOTFOUND. Thread-safe for reads.
*/
#ifndef TARN_SOURCE_H
#define TARN_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct tarn_source {
    void *ctx;
    uint64_t size;
    const char *name; /* for messages; borrowed, lives as long as ctx */
    int (*read)(void *ctx, uint64_t offset, void *out, size_t n, struct tarn_err *err);
    void (*close)(void *ctx); /* may be NULL */
    /* May be NULL. Asked by readers in what may take long: non-zero ends it with TARN_EINTR. */
    int (*stop)(void *stop_arg);
    void *stop_arg;
};

static inline int tarn_source_poll(const struct tarn_source *s, struct tarn_err *err) {
    if (s->stop == NULL || s->stop(s->stop_arg) == 0) return TARN_OK;
    return tarn_err_set(err, TARN_EINTR, "interrupted");
}

/* A source over borrowed memory. */
struct tarn_memory_source {
    const uint8_t *data;
    size_t size;
    const char *name;
};
void tarn_source_memory(struct tarn_source *out, struct tarn_memory_source *m);
void tarn_source_close(struct tarn_source *s); /* idempotent */

/* Where a writer's bytes go: append-only. `write` takes all n bytes or fails. */
struct tarn_sink {
    void *ctx;
    int (*write)(void *ctx, const void *data, size_t n, struct tarn_err *err);
};
struct tarn_buf;
void tarn_sink_buf(struct tarn_sink *out, struct tarn_buf *b); /* appends to b */
void tarn_sink_fd(struct tarn_sink *out, int fd,
                  const char *name); /* write(2); fd and name borrowed */

#endif
