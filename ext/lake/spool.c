/* spool.c: writes spool files. Memory: 24 bytes a row for at most SORT_ROWS rows at a time, and one
** row group; a transaction with more rows gives several files per partition.
*/
#include "spool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "event_file.h"
#include "mem.h"
#include "time.h"
#include "ulid.h"

#define SORT_ROWS ((size_t)2 << 20)
#define MAX_ROOTS 64
#define WRITEBACK ((uint64_t)8 << 20) /* start writing to disk every so many bytes */

struct row {
    int64_t ts;
    uint64_t offset;
    uint32_t len;
    uint32_t root;
};

struct spooler {
    const char *folder;
    struct tarn_spill *rows;
    const struct tarn_spool_origin *origin;
    struct tarn_buf *records;
    struct row *sorted;
    size_t n;
    char *roots[MAX_ROOTS];
    uint32_t n_roots;
    struct tarn_event_file *file; /* the one being written */
    int fd;
    uint64_t written, started;
    char path[4096];
    struct tarn_spool_file info;
};

static int sink_write(void *ctx, const void *data, size_t n, struct tarn_err *err) {
    struct spooler *s = ctx;
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

static int begin_file(struct spooler *s, const struct row *r, struct tarn_err *err) {
    struct tarn_sink sink = {s, sink_write};
    char ranges[128];
    char id[TARN_ULID_LEN + 1];

    if (tarn_ulid_new(tarn_time_now(), id)) return tarn_err_set(err, TARN_EIO, "no randomness");
    memset(&s->info, 0, sizeof s->info);
    snprintf(s->info.name, sizeof s->info.name, "%s.parquet", id);
    s->info.root.data = (const uint8_t *)s->roots[r->root];
    s->info.root.len = strlen(s->roots[r->root]);
    s->info.hour = tarn_time_floor(r->ts, TARN_MS_PER_HOUR);
    if ((size_t)snprintf(s->path, sizeof s->path, "%s/%s", s->folder, s->info.name) >=
        sizeof s->path) {
        return tarn_err_set(err, TARN_EINVAL, "path too long: %.100s…", s->folder);
    }
    s->fd = open(s->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (s->fd < 0) return tarn_err_errno(err, errno, "cannot make the spool file %s", s->path);
    s->written = s->started = 0;
    snprintf(ranges, sizeof ranges, "[{\"database\":\"%s\",\"first\":%llu,\"last\":%llu}]",
             s->origin->database, (unsigned long long)s->origin->sequence,
             (unsigned long long)s->origin->sequence);
    if (tarn_event_file_open(&s->file, TARN_EVENT_FILE_RAW, &sink, err)) {
        return err ? err->code : TARN_ENOMEM;
    }
    tarn_event_file_meta(s->file, "tarn.ranges", ranges);
    return TARN_OK;
}

static void abandon_file(struct spooler *s) {
    tarn_event_file_free(s->file);
    s->file = NULL;
    if (s->fd >= 0) {
        (void)close(s->fd);
        (void)unlink(s->path);
    }
    s->fd = -1;
}

static int end_file(struct spooler *s, struct tarn_err *err) {
    struct tarn_event_file_stats stats = {0};
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
    tarn_payload_spool(s->records, &s->info);
    if (s->records->rc) return tarn_err_set(err, s->records->rc, "out of memory");
    return TARN_OK;
}

static int root_number(struct spooler *s, const struct tarn_event *ev, uint32_t *out,
                       struct tarn_err *err) {
    struct tarn_buf b = TARN_BUF_INIT(TARN_NAME_ROOT_MAX);
    uint32_t i;

    tarn_payload_root(&b, ev);
    tarn_buf_u8(&b, 0);
    if (b.rc) {
        tarn_buf_release(&b);
        return tarn_err_set(err, TARN_EINVAL, "namespace too long");
    }
    for (i = 0; i < s->n_roots; i++) {
        if (strcmp(s->roots[i], (char *)b.data) == 0) break;
    }
    if (i == s->n_roots && i < MAX_ROOTS) {
        s->roots[i] = tarn_buf_steal(&b, NULL);
        if (s->roots[i]) s->n_roots++;
    }
    tarn_buf_release(&b);
    if (i >= s->n_roots) {
        return tarn_err_set(err, TARN_ELIMIT,
                            "one large transaction wrote to more than %d prefixes", MAX_ROOTS);
    }
    *out = i;
    return TARN_OK;
}

/* Reads one record's place and ts without decoding the rest; the default root needs no look-up. */
static int look(struct spooler *s, uint64_t offset, struct row *out, struct tarn_err *err) {
    uint64_t total = tarn_spill_len(s->rows);
    uint64_t left = (offset < s->rows->spilled ? s->rows->spilled : total) - offset;
    struct tarn_cursor c = {NULL, NULL, TARN_OK};
    struct tarn_event ev;
    const uint8_t *p = NULL;
    uint64_t body;
    int rc = tarn_spill_read(s->rows, offset, left < 24 ? (size_t)left : 24, &p, err);

    if (rc) return rc;
    c.p = p + 1;
    c.end = p + (left < 24 ? left : 24);
    body = tarn_cursor_varint(&c);
    out->offset = offset;
    out->len = (uint32_t)((uint64_t)(c.p - p) + body);
    out->root = 0;
    if (c.rc || *p != 'E' || body > TARN_EVENT_MAX) {
        return tarn_err_set(err, TARN_ECORRUPT, "a transaction's buffer is damaged");
    }
    rc = tarn_spill_read(s->rows, offset, out->len, &p, err);
    if (rc) return rc;
    c = (struct tarn_cursor){p, p + out->len, TARN_OK};
    rc = tarn_event_decode(&c, &ev, err);
    if (rc) return rc;
    out->ts = ev.ts;
    if (s->n_roots == 1 && ev.prefix.len == 0 && ev.namespace_.len == 0 &&
        strcmp(s->roots[0], "events/") == 0) {
        return TARN_OK;
    }
    return root_number(s, &ev, &out->root, err);
}

static int by_partition(const void *a, const void *b) {
    const struct row *x = a;
    const struct row *y = b;

    if (x->root != y->root) return x->root < y->root ? -1 : 1;
    if (x->ts != y->ts) return x->ts < y->ts ? -1 : 1;
    return x->offset < y->offset ? -1 : x->offset > y->offset;
}

static void sort_rows(struct spooler *s) {
    size_t i;

    for (i = 1; i < s->n; i++) {
        if (by_partition(&s->sorted[i - 1], &s->sorted[i]) > 0) {
            qsort(s->sorted, s->n, sizeof *s->sorted, by_partition);
            return;
        }
    }
}

static int write_rows(struct spooler *s, struct tarn_err *err) {
    size_t i;
    int rc = TARN_OK;

    for (i = 0; i < s->n && rc == TARN_OK; i++) {
        const struct row *r = &s->sorted[i];
        const uint8_t *p = NULL;
        struct tarn_cursor c;
        struct tarn_event ev;

        if (s->file && (i == 0 || r->root != s->sorted[i - 1].root ||
                        r->ts - s->info.hour >= TARN_MS_PER_HOUR)) {
            rc = end_file(s, err);
            if (rc) break;
        }
        if (!s->file) rc = begin_file(s, r, err);
        if (rc == TARN_OK) rc = tarn_spill_read(s->rows, r->offset, r->len, &p, err);
        if (rc) break;
        c = (struct tarn_cursor){p, p + r->len, TARN_OK};
        rc = tarn_event_decode(&c, &ev, err);
        if (rc == TARN_OK && tarn_event_file_add(s->file, &ev)) break; /* end_file reports it */
    }
    return rc ? rc : end_file(s, err);
}

static int make_folder(const char *folder, struct tarn_err *err) {
    if (mkdir(folder, 0755) == 0 || errno == EEXIST) return TARN_OK;
    return tarn_err_errno(err, errno, "cannot make the spool folder %s", folder);
}

static int sync_folder(const char *folder, struct tarn_err *err) {
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = TARN_OK;

    if (fd < 0) return tarn_err_errno(err, errno, "cannot open the spool folder %s", folder);
    if (fsync(fd) != 0) rc = tarn_err_errno(err, errno, "fsync of the spool folder %s", folder);
    (void)close(fd);
    return rc;
}

int tarn_spool_write(const char *folder, struct tarn_spill *rows,
                     const struct tarn_spool_origin *origin, struct tarn_buf *records,
                     struct tarn_err *err) {
    struct spooler s = {.folder = folder, .rows = rows, .origin = origin, .records = records,
                        .fd = -1};
    struct tarn_err local = {0};
    size_t before = records->len;
    uint64_t offset = 0;
    uint32_t i;
    int rc = make_folder(folder, err);

    if (!err) err = &local;
    s.sorted = tarn_reallocarray(NULL, 4096, sizeof *s.sorted);
    if (rc == TARN_OK && !s.sorted) rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
    while (rc == TARN_OK && offset < tarn_spill_len(rows)) {
        size_t capacity = 4096;

        for (s.n = 0; rc == TARN_OK && s.n < SORT_ROWS && offset < tarn_spill_len(rows); s.n++) {
            if (s.n >= capacity || s.n == 0) {
                struct row *grown;

                capacity = s.n ? 2 * capacity : capacity;
                grown = tarn_reallocarray(s.sorted, capacity, sizeof *grown);
                if (!grown) {
                    rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
                    break;
                }
                s.sorted = grown;
            }
            rc = look(&s, offset, &s.sorted[s.n], err);
            offset += rc ? 0 : s.sorted[s.n].len;
        }
        if (rc == TARN_OK) {
            sort_rows(&s);
            rc = write_rows(&s, err);
        }
    }
    if (rc == TARN_OK) rc = sync_folder(folder, err);
    if (rc) {
        abandon_file(&s);
        if (records->len > before) {
            tarn_spool_remove(folder, records->data + before, records->len - before);
        }
        records->len = before;
    }
    for (i = 0; i < s.n_roots; i++) tarn_free(s.roots[i]);
    tarn_free(s.sorted);
    return rc;
}

void tarn_spool_remove(const char *folder, const uint8_t *payload, size_t n) {
    struct tarn_cursor c = {payload, payload + n, TARN_OK};
    struct tarn_record r;
    char path[4096];

    while (c.p < c.end && tarn_payload_next(&c, &r, NULL) == TARN_OK) {
        if (r.kind != 'S') continue;
        snprintf(path, sizeof path, "%s/%s", folder, r.spool.name);
        (void)unlink(path);
    }
}

static int is_named(const char *name, const uint8_t *named, size_t n) {
    struct tarn_cursor c = {named, named + n, TARN_OK};
    struct tarn_record r;

    while (c.p < c.end) {
        if (tarn_payload_next(&c, &r, NULL)) return 1; /* damaged: keep everything */
        if (r.kind == 'S' && strcmp(r.spool.name, name) == 0) return 1;
    }
    return 0;
}

void tarn_spool_sweep(const char *folder, const uint8_t *named, size_t n) {
    DIR *dir = opendir(folder);
    struct dirent *entry;
    int64_t now = tarn_time_now();

    if (!dir) return;
    while ((entry = readdir(dir)) != NULL) {
        if (strlen(entry->d_name) != TARN_SPOOL_NAME || tarn_ulid_time(entry->d_name) < 0 ||
            now - tarn_ulid_time(entry->d_name) < 60000 || is_named(entry->d_name, named, n)) {
            continue;
        }
        (void)unlinkat(dirfd(dir), entry->d_name, 0);
    }
    (void)closedir(dir);
}
