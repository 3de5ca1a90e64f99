/* batch.c: see batch.h. Holds one partition's file in memory at a time. */
#include "batch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_file.h"
#include "keys.h"
#include "mem.h"
#include "outbox_slot.h"
#include "sha256.h"
#include "time.h"
#include "ulid.h"

#define FILE_MAX_BYTES ((size_t)1 << 32)
#define OBJECT_BELOW_ROOT (sizeof "YYYY/MM/DD/HH/" - 1 + TARN_SPOOL_NAME)

static int add_root(struct tarn_batch *b, const uint8_t *data, size_t n, uint32_t *number) {
    char **grown;
    size_t i;

    for (i = 0; i < b->n_roots; i++) {
        if (strlen(b->roots[i]) == n && memcmp(b->roots[i], data, n) == 0) break;
    }
    *number = (uint32_t)i;
    if (i < b->n_roots) return TARN_OK;
    grown = tarn_reallocarray(b->roots, b->n_roots + 1, sizeof *grown);
    if (!grown) return TARN_ENOMEM;
    b->roots = grown;
    b->roots[i] = tarn_strndup((const char *)data, n);
    if (!b->roots[i]) return TARN_ENOMEM;
    b->n_roots++;
    return TARN_OK;
}

static int same_slice(struct tarn_slice a, struct tarn_slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Events of one partition come in runs: the root is made only where it changes. */
static int root_of(struct tarn_batch *b, const struct tarn_event *ev, uint32_t *number) {
    struct tarn_buf root = TARN_BUF_INIT(TARN_NAME_ROOT_MAX);
    int rc;

    if (b->n_rows && same_slice(b->prefix, ev->prefix) &&
        same_slice(b->namespace_, ev->namespace_)) {
        *number = b->rows[b->n_rows - 1].root;
        return TARN_OK;
    }
    tarn_payload_root(&root, ev);
    rc = root.rc ? root.rc : add_root(b, root.data, root.len, number);
    tarn_buf_release(&root);
    b->prefix = ev->prefix;
    b->namespace_ = ev->namespace_;
    return rc;
}

static int add_event(struct tarn_batch *b, size_t *capacity, const struct tarn_event *ev,
                     const uint8_t *record, size_t len) {
    struct tarn_batch_row *row;
    uint32_t root = 0;
    int rc;

    if (b->n_rows == *capacity) {
        size_t more = *capacity ? 2 * *capacity : 256;
        struct tarn_batch_row *grown = tarn_reallocarray(b->rows, more, sizeof *grown);

        if (!grown) return TARN_ENOMEM;
        b->rows = grown;
        *capacity = more;
    }
    rc = root_of(b, ev, &root);
    if (rc) return rc;
    row = &b->rows[b->n_rows];
    *row = (struct tarn_batch_row){ev->ts, root, (uint32_t)b->n_rows, record, (uint32_t)len};
    b->n_rows++;
    return TARN_OK;
}

static int add_spool(struct tarn_batch *b, const struct tarn_spool_file *f) {
    if ((b->n_spools & (b->n_spools - 1)) == 0) { /* full at each power of two */
        size_t more = b->n_spools ? 2 * b->n_spools : 1;
        struct tarn_spool_file *grown = tarn_reallocarray(b->spools, more, sizeof *grown);

        if (!grown) return TARN_ENOMEM;
        b->spools = grown;
    }
    b->spools[b->n_spools++] = *f;
    return TARN_OK;
}

static int by_partition(const void *a, const void *b) {
    const struct tarn_batch_row *x = a;
    const struct tarn_batch_row *y = b;

    if (x->root != y->root) return x->root < y->root ? -1 : 1;
    if (x->ts != y->ts) return x->ts < y->ts ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static void sort_rows(struct tarn_batch *b) {
    size_t i;

    for (i = 1; i < b->n_rows; i++) {
        if (by_partition(&b->rows[i - 1], &b->rows[i]) < 0) continue;
        qsort(b->rows, b->n_rows, sizeof *b->rows, by_partition);
        return;
    }
}

/* The events of a commit. They come first: what follows is changes. */
static int add_commit(struct tarn_batch *b, const struct tarn_commit *c, size_t *capacity,
                      int *changes, struct tarn_err *err) {
    struct tarn_cursor at = {c->payload, c->payload + c->len, TARN_OK};
    int rc = TARN_OK;

    while (at.p < at.end && rc == TARN_OK) {
        const uint8_t *record = at.p;
        struct tarn_record r;

        if (*record != 'E' && *record != 'S') {
            *changes = 1;
            break;
        }
        rc = tarn_payload_next(&at, &r, err);
        if (rc) break;
        rc = r.kind == 'E' ? add_event(b, capacity, &r.event, record, (size_t)(at.p - record))
                           : add_spool(b, &r.spool);
        if (rc) (void)tarn_err_set(err, rc, "out of memory");
    }
    return rc;
}

static int plan_changes(struct tarn_deliver_plan **out, const struct tarn_deliver_run *run,
                        struct tarn_err *err) {
    const struct tarn_deliver *d = tarn_deliver_changes();

    if (!d) {
        return tarn_err_set(err, TARN_EUNSUPPORTED,
                            "commits hold changes of rows, which this build cannot deliver");
    }
    return d->plan(out, run, err);
}

int tarn_batch_make(struct tarn_batch *out, const struct tarn_deliver_run *run,
                    struct tarn_err *err) {
    const struct tarn_commit *c;
    size_t capacity = 0;
    int changes = 0;
    int rc = TARN_OK;

    memset(out, 0, sizeof *out);
    /* the last one's `next` isn't looked at: behind it commits may be added meanwhile */
    for (c = run->first; c && c->sequence <= run->last && rc == TARN_OK;
         c = c->sequence < run->last ? c->next : NULL) {
        rc = add_commit(out, c, &capacity, &changes, err);
    }
    if (rc == TARN_OK && changes) rc = plan_changes(&out->changes, run, err);
    if (rc) {
        tarn_batch_release(out);
        return rc;
    }
    sort_rows(out);
    return TARN_OK;
}

void tarn_batch_release(struct tarn_batch *b) {
    size_t i;

    for (i = 0; i < b->n_roots; i++)
        tarn_free(b->roots[i]);
    tarn_free(b->roots);
    tarn_free(b->rows);
    tarn_free(b->spools);
    if (b->changes) tarn_deliver_changes()->release(b->changes);
    memset(b, 0, sizeof *b);
}

size_t tarn_batch_partition(const struct tarn_batch *b, size_t i) {
    int64_t hour = tarn_time_floor(b->rows[i].ts, TARN_MS_PER_HOUR);
    uint32_t root = b->rows[i].root;

    while (i < b->n_rows && b->rows[i].root == root && b->rows[i].ts - hour < TARN_MS_PER_HOUR)
        i++;
    return i;
}

/* root + hour + ULID(time of the entry, hash of database, timeline, entry, partition). */
static int object_key(const struct tarn_log *log, const struct tarn_log_entry *e, const char *root,
                      size_t root_len, int64_t hour, const char *spool, struct tarn_buf *out) {
    struct tarn_buf seed = TARN_BUF_INIT(4096);
    uint8_t digest[TARN_SHA256];
    char id[TARN_ULID_LEN + 1];
    int rc;

    tarn_buf_printf(&seed, "%s/%08" PRIx32 "/%" PRIu64 "/%.*s/%" PRId64 "/%s", log->id,
                    log->timeline, e->n, (int)root_len, root, hour, spool ? spool : "");
    rc = seed.rc;
    if (rc == TARN_OK) rc = tarn_sha256(seed.data, seed.len, digest);
    tarn_buf_release(&seed);
    if (rc) return rc;
    tarn_ulid_encode(e->time, digest, id);
    tarn_buf_clear(out);
    tarn_buf_put(out, root, root_len);
    tarn_key_hour(out, hour);
    tarn_buf_puts(out, id);
    tarn_buf_puts(out, ".parquet");
    tarn_buf_u8(out, 0);
    return out->rc;
}

int tarn_batch_makes(const struct tarn_log *log, const struct tarn_log_entry *e,
                     const struct tarn_log_object *o) {
    struct tarn_buf key = TARN_BUF_INIT(TARN_KEY_MAX);
    struct tarn_key_info info;
    size_t n = strlen(o->key);
    int same = 0;

    if (o->kind != TARN_LOG_EVENTS) {
        return tarn_deliver_changes() && tarn_deliver_changes()->makes(log, e, o);
    }
    if (n > OBJECT_BELOW_ROOT && tarn_key_parse(o->key, n - OBJECT_BELOW_ROOT, &info) == 0 &&
        object_key(log, e, o->key, n - OBJECT_BELOW_ROOT, info.lo, o->spool, &key) == TARN_OK) {
        same = strcmp((char *)key.data, o->key) == 0;
    }
    tarn_buf_release(&key);
    return same;
}

int tarn_batch_objects(const struct tarn_batch *b, const struct tarn_log *log,
                       struct tarn_log_entry *e, struct tarn_err *err) {
    struct tarn_buf key = TARN_BUF_INIT(TARN_KEY_MAX);
    size_t i = 0;
    int rc = TARN_OK;

    while (i < b->n_rows && rc == TARN_OK) {
        size_t end = tarn_batch_partition(b, i);
        const char *root = b->roots[b->rows[i].root];

        rc = object_key(log, e, root, strlen(root),
                        tarn_time_floor(b->rows[i].ts, TARN_MS_PER_HOUR), NULL, &key);
        if (rc == TARN_OK) {
            rc = tarn_log_entry_object(e, TARN_LOG_EVENTS, (char *)key.data, end - i, NULL, err);
        }
        i = end;
    }
    for (i = 0; i < b->n_spools && rc == TARN_OK; i++) {
        const struct tarn_spool_file *f = &b->spools[i];

        rc = object_key(log, e, (const char *)f->root.data, f->root.len, f->hour, f->name, &key);
        if (rc == TARN_OK) {
            rc = tarn_log_entry_object(e, TARN_LOG_EVENTS, (char *)key.data, f->rows, f->name, err);
        }
    }
    tarn_buf_release(&key);
    if (rc) return tarn_err_set(err, rc, "out of memory");
    return b->changes ? tarn_deliver_changes()->list(b->changes, log, e, err) : TARN_OK;
}

static int put_rows(const struct tarn_batch *b, size_t from, size_t to, const struct tarn_log *log,
                    const struct tarn_log_entry *e, const char *key, struct tarn_err *err) {
    struct tarn_put put = {.cond = TARN_PUT_IF_ABSENT};
    struct tarn_buf bytes = TARN_BUF_INIT(FILE_MAX_BYTES);
    struct tarn_event_file *file = NULL;
    struct tarn_sink sink;
    struct tarn_err why = {0};
    char ranges[160];
    size_t i;
    int rc;

    tarn_sink_buf(&sink, &bytes);
    rc = tarn_event_file_open(&file, TARN_EVENT_FILE_RAW, &sink, err);
    if (rc) goto out;
    snprintf(ranges, sizeof ranges,
             "[{\"database\":\"%s\",\"first\":%" PRIu64 ",\"last\":%" PRIu64 "}]", log->id,
             e->first, e->last);
    tarn_event_file_meta(file, "tarn.ranges", ranges);
    for (i = from; i < to; i++) {
        struct tarn_cursor c = {b->rows[i].record, b->rows[i].record + b->rows[i].len, TARN_OK};
        struct tarn_event ev;

        rc = tarn_event_decode_own(&c, &ev, err); /* tarn_batch_make has checked it */
        if (rc) goto out;
        if (tarn_event_file_add(file, &ev)) break; /* finish says why */
    }
    rc = tarn_event_file_finish(file, NULL, err);
    if (rc) goto out;
    rc = tarn_store_put(log->store, key, bytes.data, bytes.len, &put, NULL, &why);
    if (rc == TARN_EEXIST) {
        rc = TARN_OK; /* whoever began this entry had come that far */
    } else if (rc) {
        rc = tarn_err_set(err, rc, "%s", why.msg);
    }
out:
    tarn_event_file_free(file);
    tarn_buf_release(&bytes);
    return rc;
}

static int put_spool(const struct tarn_log *log, const char *key, const char *folder,
                     const char *name, struct tarn_err *err) {
    struct tarn_put put = {.cond = TARN_PUT_IF_ABSENT};
    struct tarn_err why = {0};
    struct tarn_object present;
    char path[4096];
    int rc;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    rc = tarn_store_put_file(log->store, key, path, &put, &why);
    if (rc == TARN_EEXIST) return TARN_OK;
    if (rc == TARN_ENOTFOUND && tarn_store_head(log->store, key, &present, NULL) == TARN_OK) {
        return TARN_OK; /* delivered, and the spool file removed, by another process */
    }
    if (rc == TARN_ENOTFOUND) {
        return tarn_err_set(err, rc,
                            "a committed transaction's events lie in %s, which is gone: a copy of "
                            "a database needs a copy of its -spool folder; put the file back, then "
                            "run SELECT tarn_flush()",
                            path);
    }
    return rc ? tarn_err_set(err, rc, "%s", why.msg) : TARN_OK;
}

static int mismatch(const struct tarn_log_entry *e, struct tarn_err *err) {
    return tarn_err_set(err, TARN_ECORRUPT,
                        "flush log entry %" PRIu64 " names other objects than its commits %" PRIu64
                        " to %" PRIu64 " make",
                        e->n, e->first, e->last);
}

static int same_objects(const struct tarn_log_entry *a, const struct tarn_log_entry *b) {
    size_t i;

    if (a->n_objects != b->n_objects) return 0;
    for (i = 0; i < a->n_objects; i++) {
        if (a->objects[i].kind != b->objects[i].kind ||
            strcmp(a->objects[i].key, b->objects[i].key) != 0) {
            return 0;
        }
    }
    return 1;
}

int tarn_batch_put(const struct tarn_batch *b, const struct tarn_log *log,
                   const struct tarn_log_entry *e, const char *spool_folder, struct tarn_err *err) {
    struct tarn_log_entry mine = {.n = e->n, .first = e->first, .last = e->last, .time = e->time};
    const struct tarn_deliver *d = tarn_deliver_changes();
    size_t object = 0;
    size_t i = 0;
    int rc = tarn_batch_objects(b, log, &mine, err);

    if (rc == TARN_OK && !same_objects(&mine, e)) rc = mismatch(e, err);
    if (rc == TARN_OK && b->changes) rc = d->claim(b->changes, log, err);
    while (i < b->n_rows && rc == TARN_OK) {
        size_t end = tarn_batch_partition(b, i);

        rc = put_rows(b, i, end, log, e, mine.objects[object++].key, err);
        i = end;
    }
    for (i = 0; i < b->n_spools && rc == TARN_OK; i++, object++) {
        rc = put_spool(log, mine.objects[object].key, spool_folder, b->spools[i].name, err);
    }
    if (rc == TARN_OK && b->changes) {
        rc = d->put(b->changes, log, e, mine.objects + object, mine.n_objects - object, err);
    }
    tarn_log_entry_release(&mine);
    return rc;
}

int tarn_batch_finish(const struct tarn_batch *b, const struct tarn_log *log,
                      const struct tarn_log_entry *e, struct tarn_err *err) {
    return b->changes ? tarn_deliver_changes()->finish(b->changes, log, e, err) : TARN_OK;
}

int tarn_batch_catch_up(const struct tarn_deliver_run *run, const struct tarn_log *log,
                        const struct tarn_log_entry *e, struct tarn_err *err) {
    const struct tarn_deliver *d = tarn_deliver_changes();
    struct tarn_deliver_plan *plan = NULL;
    struct tarn_err why = {0};
    int yes = 1;
    int rc = e->changes.n && d ? d->finished(log, e, &yes, err) : TARN_OK;

    if (rc || yes) return rc;
    rc = d->plan(&plan, run, &why);
    if (rc == TARN_ENOTFOUND)
        return TARN_OK; /* its rows are delivered: the rest is for readers' ease */
    if (rc) return tarn_err_set(err, rc, "%s", why.msg);
    rc = d->finish(plan, log, e, err);
    d->release(plan);
    return rc;
}

void tarn_batch_withdraw(const struct tarn_log *log, const struct tarn_log_entry *e) {
    size_t i;

    for (i = 0; i < e->n_objects; i++) {
        const struct tarn_log_object *o = &e->objects[i];

        if (!tarn_batch_makes(log, e, o)) continue;
        if (o->kind == TARN_LOG_EVENTS) {
            (void)tarn_store_delete(log->store, o->key, NULL);
        } else {
            (void)tarn_deliver_changes()->withdraw(log, e, o, NULL);
        }
    }
}
