/* spool.c: writes spool files. Memory: 24 bytes a row for at most SORT_ROWS rows at a time, and one
** row group a worker; a transaction with more rows gives several files per partition.
**
**   spilled bytes -> look (ts, partition) -> sort -> two workers, cut at a partition's border
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

#include "mem.h"
#include "spool_write.h"
#include "thread.h"
#include "time.h"
#include "ulid.h"

#define SORT_ROWS ((size_t)2 << 20)
#define MAX_ROOTS 64
#define PARALLEL_ROWS 20000 /* fewer are not worth a thread */

struct spooler {
    const char *folder;
    const struct tarn_spool_rows *rows;
    size_t seen; /* of them, in the order of the bytes */
    const struct tarn_spool_origin *origin;
    struct tarn_buf *records;
    struct tarn_spill_window window;
    struct tarn_spool_row *sorted;
    size_t n, capacity;
    char *roots[MAX_ROOTS];
    uint32_t n_roots;
};

static int root_number(struct spooler *s, const struct tarn_event *ev, uint32_t *out,
                       struct tarn_err *err) {
    struct tarn_buf b = TARN_BUF_INIT(TARN_NAME_ROOT_MAX);
    uint32_t i;

    tarn_payload_root(&b, ev);
    tarn_buf_u8(&b, 0);
    if (b.rc) {
        int rc = b.rc;

        tarn_buf_release(&b);
        return rc == TARN_ENOMEM ? tarn_err_set(err, rc, "out of memory")
                                 : tarn_err_set(err, TARN_EINVAL, "namespace too long");
    }
    for (i = 0; i < s->n_roots; i++) {
        if (strcmp(s->roots[i], (char *)b.data) == 0) break;
    }
    if (i == s->n_roots && i < MAX_ROOTS) {
        s->roots[i] = tarn_buf_steal(&b, NULL);
        if (s->roots[i]) s->n_roots++;
    }
    tarn_buf_release(&b);
    if (i < MAX_ROOTS && i >= s->n_roots) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    if (i >= s->n_roots) {
        return tarn_err_set(err, TARN_ELIMIT,
                            "one large transaction wrote to more than %d prefixes", MAX_ROOTS);
    }
    *out = i;
    return TARN_OK;
}

static int plain_root(struct spooler *s, uint32_t *out, struct tarn_err *err) {
    struct tarn_event ev = {0};

    *out = 0;
    if (s->n_roots && strcmp(s->roots[0], "events/") == 0) return TARN_OK;
    return root_number(s, &ev, out, err);
}

/* Reads one record's place and ts. Only one that names a prefix or namespace is decoded. */
static int look(struct spooler *s, uint64_t offset, struct tarn_spool_row *out,
                struct tarn_err *err) {
    const struct tarn_spill *bytes = s->rows->bytes;
    uint64_t piece = tarn_spill_piece(bytes, offset);
    size_t n = piece < TARN_EVENT_PEEK ? (size_t)piece : TARN_EVENT_PEEK;
    struct tarn_event ev = {0};
    struct tarn_cursor c;
    const uint8_t *p = NULL;
    int routed = 0;
    int rc = tarn_spill_read(bytes, &s->window, offset, n, &p, err);

    if (rc == TARN_OK) rc = tarn_event_peek(p, n, &n, &out->ts, &routed, err);
    if (rc) return rc;
    out->offset = offset;
    out->len = (uint32_t)n;
    if (!routed) return plain_root(s, &out->root, err);
    rc = tarn_spill_read(bytes, &s->window, offset, n, &p, err);
    if (rc) return rc;
    c = (struct tarn_cursor){p, p + n, TARN_OK};
    rc = tarn_event_decode_own(&c, &ev, err);
    return rc ? rc : root_number(s, &ev, &out->root, err);
}

/* As look, of a row whose place is known. */
static int take_place(struct spooler *s, struct tarn_spool_row *out, struct tarn_err *err) {
    const struct tarn_spool_place *place = &s->rows->places[s->seen];
    uint64_t end = s->seen + 1 < s->rows->n_places ? place[1].offset : 0;

    if (!end) return look(s, place->offset, out, err);
    out->ts = place->ts;
    out->offset = place->offset;
    out->len = (uint32_t)(end - place->offset);
    return plain_root(s, &out->root, err);
}

static int by_partition(const void *a, const void *b) {
    const struct tarn_spool_row *x = a;
    const struct tarn_spool_row *y = b;

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

static int same_partition(const struct tarn_spool_row *a, const struct tarn_spool_row *b) {
    return a->root == b->root &&
           tarn_time_floor(a->ts, TARN_MS_PER_HOUR) == tarn_time_floor(b->ts, TARN_MS_PER_HOUR);
}

/* Both halves' records are kept, whatever failed, so that the caller can remove the files. */
static int write_sorted(struct spooler *s, struct tarn_err *err) {
    struct tarn_spool_job job = {s->folder, s->rows->bytes, s->origin, s->sorted, s->roots};
    struct tarn_spool_worker *w = tarn_calloc(2, sizeof *w);
    pthread_t thread;
    size_t half = s->n < PARALLEL_ROWS ? s->n : s->n / 2;
    int running = 0;
    int rc = TARN_OK;
    int i;

    if (!w) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    while (half > 0 && half < s->n && same_partition(&s->sorted[half - 1], &s->sorted[half]))
        half++;
    tarn_spool_worker_init(&w[0], &job, 0, half);
    tarn_spool_worker_init(&w[1], &job, half, s->n);
    if (half < s->n) running = tarn_thread_start(&thread, tarn_spool_worker_run, &w[1]);
    (void)tarn_spool_worker_run(&w[0]);
    if (running) (void)pthread_join(thread, NULL);
    if (half < s->n && !running) (void)tarn_spool_worker_run(&w[1]);
    for (i = 0; i < 2; i++) {
        size_t before = s->records->len;

        tarn_buf_put(s->records, w[i].records.data, w[i].records.len);
        if (s->records->rc) { /* these go at once, the caller doesn't learn of them */
            s->records->len = before;
            tarn_spool_remove(s->folder, w[i].records.data, w[i].records.len);
        }
        if (w[i].rc && rc == TARN_OK) rc = tarn_err_set(err, w[i].rc, "%s", w[i].err.msg);
        tarn_spool_worker_release(&w[i]);
    }
    tarn_free(w);
    if (rc == TARN_OK && s->records->rc) rc = tarn_err_set(err, s->records->rc, "out of memory");
    return rc;
}

static int add_row(struct spooler *s, uint64_t offset, struct tarn_err *err) {
    int rc;

    if (s->n == s->capacity) {
        size_t more = s->capacity ? 2 * s->capacity : 4096;
        struct tarn_spool_row *grown = tarn_reallocarray(s->sorted, more, sizeof *grown);

        if (!grown) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
        s->sorted = grown;
        s->capacity = more;
    }
    rc = s->seen < s->rows->n_places ? take_place(s, &s->sorted[s->n], err)
                                     : look(s, offset, &s->sorted[s->n], err);
    if (rc == TARN_OK) {
        s->n++;
        s->seen++;
    }
    return rc;
}

int tarn_spool_write(const char *folder, const struct tarn_spool_rows *rows,
                     const struct tarn_spool_origin *origin, struct tarn_buf *records,
                     struct tarn_err *err) {
    struct spooler s = {.folder = folder, .rows = rows, .origin = origin, .records = records};
    size_t before = records->len;
    uint64_t total = tarn_spill_len(rows->bytes);
    uint64_t offset = 0;
    uint32_t i;
    int rc = make_folder(folder, err);

    tarn_spill_window_init(&s.window);
    while (rc == TARN_OK && offset < total) {
        for (s.n = 0; rc == TARN_OK && s.n < SORT_ROWS && offset < total;) {
            rc = add_row(&s, offset, err);
            if (rc == TARN_OK) offset += s.sorted[s.n - 1].len;
        }
        if (rc == TARN_OK) {
            sort_rows(&s);
            rc = write_sorted(&s, err);
        }
    }
    if (rc == TARN_OK) rc = sync_folder(folder, err);
    if (rc && records->len > before) {
        tarn_spool_remove(folder, records->data + before, records->len - before);
        records->len = before;
    }
    for (i = 0; i < s.n_roots; i++)
        tarn_free(s.roots[i]);
    tarn_free(s.sorted);
    tarn_spill_window_release(&s.window);
    return rc;
}

static void remove_files(const char *folder, const uint8_t *payload, size_t n, int events) {
    struct tarn_cursor c = {payload, payload + n, TARN_OK};
    struct tarn_record r;
    char path[4096];

    while (c.p < c.end && tarn_payload_next(&c, &r, NULL) == TARN_OK) {
        const char *name = tarn_payload_file(&r);

        if (!name || (events && r.kind != 'S')) continue;
        snprintf(path, sizeof path, "%s/%s", folder, name);
        (void)unlink(path);
    }
}

void tarn_spool_remove(const char *folder, const uint8_t *payload, size_t n) {
    remove_files(folder, payload, n, 0);
}

void tarn_spool_remove_events(const char *folder, const uint8_t *payload, size_t n) {
    remove_files(folder, payload, n, 1);
}

static int is_spool_file(const char *name) {
    return strlen(name) == TARN_SPOOL_NAME && tarn_ulid_time(name) >= 0 &&
           (strcmp(name + TARN_ULID_LEN, ".parquet") == 0 ||
            strcmp(name + TARN_ULID_LEN, ".changes") == 0);
}

int tarn_spool_any(const char *folder) {
    DIR *dir = opendir(folder);
    const struct dirent *entry;
    int any = 0;

    while (dir && !any && (entry = readdir(dir)) != NULL)
        any = is_spool_file(entry->d_name);
    if (dir) (void)closedir(dir);
    return any;
}

static int by_name(const void *a, const void *b) {
    return memcmp(a, b, TARN_SPOOL_NAME);
}

/* The names in `named`, sorted, without NUL. -1: damaged, or no memory: keep everything. */
static int sorted_names(const uint8_t *named, size_t n, struct tarn_buf *out) {
    struct tarn_cursor c = {named, named + n, TARN_OK};
    struct tarn_record r;

    while (c.p < c.end) {
        if (tarn_payload_next(&c, &r, NULL)) return -1;
        if (tarn_payload_file(&r)) tarn_buf_put(out, tarn_payload_file(&r), TARN_SPOOL_NAME);
    }
    if (out->rc) return -1;
    if (out->len) qsort(out->data, out->len / TARN_SPOOL_NAME, TARN_SPOOL_NAME, by_name);
    return 0;
}

void tarn_spool_sweep(const char *folder, const uint8_t *named, size_t n) {
    struct tarn_buf names = TARN_BUF_INIT((size_t)1 << 30);
    DIR *dir = opendir(folder);
    const struct dirent *entry;

    if (dir && sorted_names(named, n, &names) == 0) {
        while ((entry = readdir(dir)) != NULL) {
            if (!is_spool_file(entry->d_name)) continue;
            if (names.len && bsearch(entry->d_name, names.data, names.len / TARN_SPOOL_NAME,
                                     TARN_SPOOL_NAME, by_name)) {
                continue;
            }
            (void)unlinkat(dirfd(dir), entry->d_name, 0);
        }
    }
    if (dir) (void)closedir(dir);
    tarn_buf_release(&names);
}
