/* spool_write.h: the inside of spool.c: one worker that turns a range of sorted rows into files. */
#ifndef TARN_SPOOL_WRITE_H
#define TARN_SPOOL_WRITE_H

#include "spool.h"

struct tarn_spool_row {
    int64_t ts;
    uint64_t offset; /* in the spilled bytes */
    uint32_t len;
    uint32_t root;
};

/* What all workers read. */
struct tarn_spool_job {
    const char *folder;
    const struct tarn_spill *rows;
    const struct tarn_spool_origin *origin;
    const struct tarn_spool_row *sorted; /* by root, ts, offset */
    char *const *roots;
};

struct tarn_spool_worker {
    const struct tarn_spool_job *job;
    size_t from, to;
    struct tarn_spill_window window;
    struct tarn_buf records; /* 'S' records of the files that are finished */
    struct tarn_event_file *file;
    int fd;
    uint64_t written, started; /* bytes of it; those that are on their way to the disk */
    char path[4096];
    struct tarn_spool_file info;
    int rc;
    struct tarn_err err;
};

void tarn_spool_worker_init(struct tarn_spool_worker *s, const struct tarn_spool_job *job,
                            size_t from, size_t to);
void tarn_spool_worker_release(struct tarn_spool_worker *s);
/* In the form of a thread's function. The result is in rc, err and records. */
void *tarn_spool_worker_run(void *worker);

#endif
