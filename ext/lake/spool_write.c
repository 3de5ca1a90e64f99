/* spool_write.c: sorted rows of a transaction into spool files: one worker's share.
**
** A worker has a range of rows that begins and ends at a partition's border, its own window into
** the spilled bytes, and one file open at a time; so several workers share nothing that changes.
*/
#include "spool_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "event_file.h"
#include "mem.h"
#include "time.h"
#include "ulid.h"

#define WRITEBACK ((uint64_t)8 << 20) /* start writing to disk every so many bytes */

static int sink_write(void *ctx, const void *data, size_t n, struct tarn_err *err) {
    struct tarn_spool_worker *s = ctx;
    struct tarn_sink sink;
    int rc;

    tarn_sink_fd(&sink, s->fd, s->path);
    rc = sink.write(sink.ctx, data, n, err);
    s->written += n;
    if (rc == TARN_OK && s->written - s->started >= WRITEBACK) {
        (void)sync_file_range(s->fd, (off_t)s->started, (off_t)(s->written - s->started),
                              SYNC_FILE_RANGE_WRITE);
        s->started = s->written;
    }
    return rc;
}

static int begin_file(struct tarn_spool_worker *s, const struct tarn_spool_row *r,
                      struct tarn_err *err) {
    struct tarn_sink sink = {s, sink_write};
    char ranges[128];
    char id[TARN_ULID_LEN + 1];

    if (tarn_ulid_new(tarn_time_now(), id)) return tarn_err_set(err, TARN_EIO, "no randomness");
    memset(&s->info, 0, sizeof s->info);
    snprintf(s->info.name, sizeof s->info.name, "%s.parquet", id);
    s->info.root.data = (const uint8_t *)s->job->roots[r->root];
    s->info.root.len = strlen(s->job->roots[r->root]);
    s->info.hour = tarn_time_floor(r->ts, TARN_MS_PER_HOUR);
    if ((size_t)snprintf(s->path, sizeof s->path, "%s/%s", s->job->folder, s->info.name) >=
        sizeof s->path) {
        return tarn_err_set(err, TARN_EINVAL, "path too long: %.100s…", s->job->folder);
    }
    s->fd = open(s->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (s->fd < 0) return tarn_err_errno(err, errno, "cannot make the spool file %s", s->path);
    s->written = s->started = 0;
    snprintf(ranges, sizeof ranges, "[{\"database\":\"%s\",\"first\":%llu,\"last\":%llu}]",
             s->job->origin->database, (unsigned long long)s->job->origin->sequence,
             (unsigned long long)s->job->origin->sequence);
    if (tarn_event_file_open(&s->file, TARN_EVENT_FILE_RAW, &sink, err)) {
        return err ? err->code : TARN_ENOMEM;
    }
    tarn_event_file_meta(s->file, "tarn.ranges", ranges);
    return TARN_OK;
}

static void abandon_file(struct tarn_spool_worker *s) {
    tarn_event_file_free(s->file);
    s->file = NULL;
    if (s->fd >= 0) {
        (void)close(s->fd);
        (void)unlink(s->path);
    }
    s->fd = -1;
}

static int end_file(struct tarn_spool_worker *s, struct tarn_err *err) {
    struct tarn_event_file_stats stats = {0};
    size_t before = s->records.len;
    int rc = TARN_OK;

    if (!s->file) return TARN_OK;
    rc = tarn_event_file_finish(s->file, &stats, err);
    if (rc == TARN_OK && fsync(s->fd) != 0) {
        rc = tarn_err_errno(err, errno, "fsync of the spool file %s", s->path);
    }
    if (rc) {
        abandon_file(s);
        return rc;
    }
    tarn_event_file_free(s->file);
    s->file = NULL;
    (void)close(s->fd);
    s->fd = -1;
    s->info.rows = stats.events;
    s->info.min_ts = stats.min_ts;
    s->info.max_ts = stats.max_ts;
    s->info.bytes = s->written;
    tarn_payload_spool(&s->records, &s->info);
    if (s->records.rc) { /* nothing names it, so nothing would remove it */
        s->records.len = before;
        (void)unlink(s->path);
        return tarn_err_set(err, s->records.rc, "out of memory");
    }
    return TARN_OK;
}

static int write_rows(struct tarn_spool_worker *s, struct tarn_err *err) {
    size_t i;
    int rc = TARN_OK;

    for (i = s->from; i < s->to && rc == TARN_OK; i++) {
        const struct tarn_spool_row *r = &s->job->sorted[i];
        const uint8_t *p = NULL;
        struct tarn_cursor c;
        struct tarn_event ev;

        if (s->file && (i == s->from || r->root != s->job->sorted[i - 1].root ||
                        r->ts - s->info.hour >= TARN_MS_PER_HOUR)) {
            rc = end_file(s, err);
            if (rc) break;
        }
        if (!s->file) rc = begin_file(s, r, err);
        if (rc == TARN_OK)
            rc = tarn_spill_read(s->job->rows, &s->window, r->offset, r->len, &p, err);
        if (rc) break;
        c = (struct tarn_cursor){p, p + r->len, TARN_OK};
        rc = tarn_event_decode_own(&c, &ev, err);
        if (rc == TARN_OK && tarn_event_file_add(s->file, &ev)) break; /* end_file reports it */
    }
    return rc ? rc : end_file(s, err);
}

void tarn_spool_worker_init(struct tarn_spool_worker *s, const struct tarn_spool_job *job,
                            size_t from, size_t to) {
    memset(s, 0, sizeof *s);
    s->job = job;
    s->from = from;
    s->to = to;
    s->fd = -1;
    tarn_spill_window_init(&s->window);
    tarn_buf_init(&s->records, (size_t)64 << 20);
}

void tarn_spool_worker_release(struct tarn_spool_worker *s) {
    tarn_spill_window_release(&s->window);
    tarn_buf_release(&s->records);
}

void *tarn_spool_worker_run(void *worker) {
    struct tarn_spool_worker *s = worker;

    s->rc = write_rows(s, &s->err);
    if (s->rc) abandon_file(s);
    return NULL;
}
