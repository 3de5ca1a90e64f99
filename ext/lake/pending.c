/* pending.c: see pending.h. Rows in line are kept as pointers into copied payloads; spool files
** become files of the catalog, so that they are pruned and ordered as all others are.
**
** Why this gives each row once: an entry of the flush log is written before its objects, and its
** objects before the outbox rows count as collected. So whatever object the listing holds has an
** entry that is found here, and whatever it doesn't hold is still in the outbox.
*/
#include "pending.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "arena.h"
#include "conn.h"
#include "db.h"
#include "flush_log.h"
#include "keys.h"
#include "mem.h"
#include "payload.h"
#include "spool.h"
#include "time.h"
#include "txn_impl.h"

#define READ_MAX ((size_t)256 << 20)

struct item {
    const uint8_t *record;
    uint32_t len;
    uint32_t dropped;
    uint64_t sequence; /* 0 = this connection's open transaction */
    int64_t ts;
};

struct spool_item {
    struct tarn_spool_file file;
    uint64_t sequence;
};

struct tarn_pending {
    struct tarn_conn *conn;
    struct tarn_commit *commits;
    struct tarn_arena arena; /* copies of rows that were spilled to disk */
    struct item *items;
    size_t n_items, capacity, at;
    struct spool_item *spools;
    size_t n_spools;
    char root[TARN_NAME_ROOT_MAX];
    int64_t lo, hi;
    struct tarn_position position;
};

void tarn_pending_free(struct tarn_pending *p) {
    if (!p) return;
    tarn_commit_free_list(p->commits);
    tarn_arena_release(&p->arena);
    tarn_free(p->items);
    tarn_free(p->spools);
    tarn_free(p);
}

static int root_matches(const struct tarn_pending *p, const struct tarn_event *ev) {
    struct tarn_buf b = TARN_BUF_INIT(TARN_NAME_ROOT_MAX);
    int same;

    if (ev->prefix.len == 0 && ev->namespace_.len == 0) return strcmp(p->root, "events/") == 0;
    tarn_payload_root(&b, ev);
    same = b.rc == TARN_OK && b.len == strlen(p->root) && memcmp(b.data, p->root, b.len) == 0;
    tarn_buf_release(&b);
    return same;
}

static int add_item(struct tarn_pending *p, const struct tarn_event *ev, const uint8_t *record,
                    size_t len, uint64_t sequence, struct tarn_err *err) {
    if (ev->ts < p->lo || ev->ts > p->hi || !root_matches(p, ev)) return TARN_OK;
    if (p->n_items == p->capacity) {
        size_t more = p->capacity ? 2 * p->capacity : 256;
        struct item *grown = tarn_reallocarray(p->items, more, sizeof *grown);

        if (!grown) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
        p->items = grown;
        p->capacity = more;
    }
    p->items[p->n_items++] = (struct item){record, (uint32_t)len, 0, sequence, ev->ts};
    return TARN_OK;
}

static int add_spool(struct tarn_pending *p, const struct tarn_spool_file *f, uint64_t sequence,
                     struct tarn_err *err) {
    struct spool_item *grown;

    if (f->max_ts < p->lo || f->min_ts > p->hi || strlen(p->root) != f->root.len ||
        memcmp(p->root, f->root.data, f->root.len) != 0) {
        return TARN_OK;
    }
    grown = tarn_reallocarray(p->spools, p->n_spools + 1, sizeof *grown);
    if (!grown) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    p->spools = grown;
    p->spools[p->n_spools].file = *f;
    p->spools[p->n_spools++].sequence = sequence;
    return TARN_OK;
}

static int add_commit(struct tarn_pending *p, const struct tarn_commit *c, struct tarn_err *err) {
    struct tarn_cursor at = {c->payload, c->payload + c->len, TARN_OK};
    int rc = TARN_OK;

    while (at.p < at.end && rc == TARN_OK) {
        const uint8_t *record = at.p;
        struct tarn_record r;

        rc = tarn_payload_next(&at, &r, err);
        if (rc) break;
        rc = r.kind == 'E'
                 ? add_item(p, &r.event, record, (size_t)(at.p - record), c->sequence, err)
                 : add_spool(p, &r.spool, c->sequence, err);
    }
    return rc;
}

/* A database without a file: the queue is all there is; the flusher may free it meanwhile. */
static int copy_queue(struct tarn_pending *p, struct tarn_db *d, struct tarn_err *err) {
    struct tarn_commit **tail = &p->commits;
    const struct tarn_commit *c;
    int rc = TARN_OK;

    (void)pthread_mutex_lock(&d->mutex);
    p->position = d->position;
    for (c = d->first; c && rc == TARN_OK; c = c->next) {
        struct tarn_commit *copy = tarn_memdup(c, sizeof *c);

        if (copy) {
            copy->next = NULL;
            copy->payload = tarn_memdup(c->payload, c->len);
        }
        if (!copy || !copy->payload) {
            tarn_free(copy);
            rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
            break;
        }
        *tail = copy;
        tail = &copy->next;
    }
    (void)pthread_mutex_unlock(&d->mutex);
    return rc;
}

static int read_outbox(struct tarn_pending *p, struct tarn_conn *c, struct tarn_err *err) {
    struct tarn_outbox *view = &c->txn->outbox;
    int more = 0;
    int rc = tarn_outbox_load(view, c->db, err);

    if (rc || !view->known) return rc;
    tarn_db_identify(c->shared, view);
    tarn_db_position(c->shared, &p->position);
    if (view->position.collected > p->position.collected) p->position = view->position;
    if (view->last <= p->position.collected) return TARN_OK;
    rc = tarn_outbox_read(c->db, p->position.collected, view->written, READ_MAX, &p->commits, &more,
                          err);
    if (rc == TARN_OK && more) {
        rc = tarn_err_set(err, TARN_ELIMIT,
                          "more than %zu MiB of events wait for the lake: run SELECT tarn_flush() "
                          "first",
                          READ_MAX >> 20);
    }
    return rc;
}

/* Rows of the open transaction, copied: the same statement may add more while it reads. */
static int add_own(struct tarn_pending *p, struct tarn_txn *t, struct tarn_err *err) {
    uint64_t total = tarn_spill_len(&t->rows);
    struct tarn_spill_window window;
    uint64_t offset = 0;
    int rc = TARN_OK;

    tarn_spill_window_init(&window);
    while (offset < total && rc == TARN_OK) {
        uint64_t piece = tarn_spill_piece(&t->rows, offset);
        size_t n = piece < TARN_EVENT_PEEK ? (size_t)piece : TARN_EVENT_PEEK;
        const uint8_t *record = NULL;
        struct tarn_cursor at;
        struct tarn_event ev;
        int64_t ts = 0;
        int routed = 0;

        rc = tarn_spill_read(&t->rows, &window, offset, n, &record, err);
        if (rc == TARN_OK) rc = tarn_event_peek(record, n, &n, &ts, &routed, err);
        if (rc) break;
        if (ts >= p->lo && ts <= p->hi) {
            rc = tarn_spill_read(&t->rows, &window, offset, n, &record, err);
            if (rc) break;
            record = tarn_arena_memdup(&p->arena, record, n);
            if (!record) {
                rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
                break;
            }
            at = (struct tarn_cursor){record, record + n, TARN_OK};
            rc = tarn_event_decode_own(&at, &ev, err);
            if (rc == TARN_OK) rc = add_item(p, &ev, record, n, 0, err);
        }
        offset += n;
    }
    tarn_spill_window_release(&window);
    return rc;
}

int tarn_pending_open(struct tarn_pending **out, struct tarn_conn *conn, const char *namespace_,
                      const char *prefix, int64_t lo, int64_t hi, struct tarn_err *err) {
    struct tarn_buf root = TARN_BUF_INIT(TARN_NAME_ROOT_MAX - 1);
    struct tarn_pending *p = tarn_calloc(1, sizeof *p);
    const struct tarn_commit *c;
    int rc;

    *out = NULL;
    if (!p) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    p->conn = conn;
    p->lo = lo;
    p->hi = hi;
    tarn_arena_init(&p->arena, NULL);
    tarn_key_root(&root, namespace_, prefix ? prefix : "events");
    snprintf(p->root, sizeof p->root, "%.*s", (int)root.len, (const char *)root.data);
    rc = root.rc ? tarn_err_set(err, TARN_EINVAL, "namespace or prefix too long") : TARN_OK;
    tarn_buf_release(&root);
    if (rc == TARN_OK) rc = tarn_conn_attach(conn, err);
    if (rc == TARN_OK) {
        rc = tarn_db_is_memory(conn->shared) ? copy_queue(p, conn->shared, err)
                                             : read_outbox(p, conn, err);
    }
    for (c = p->commits; c && rc == TARN_OK; c = c->next)
        rc = add_commit(p, c, err);
    if (rc == TARN_OK && conn->txn->events) rc = add_own(p, conn->txn, err);
    if (rc || (!p->commits && p->n_items == 0)) {
        tarn_pending_free(p);
        return rc;
    }
    *out = p;
    return TARN_OK;
}

/* Is entry e of our history, as far as can be seen? */
static int is_ours(const struct tarn_pending *p, const struct tarn_log_entry *e) {
    const struct tarn_commit *c;

    for (c = p->commits; c && c->sequence <= e->last; c = c->next) {
        const uint8_t *digest = tarn_log_digest(e, c->sequence);

        if (digest && c->sequence >= e->first && memcmp(digest, c->digest, TARN_DIGEST) != 0) {
            return 0;
        }
    }
    return 1;
}

/* The lake has this object: its rows don't come from the outbox. */
static void drop(struct tarn_pending *p, const struct tarn_log_entry *e,
                 const struct tarn_log_object *o) {
    struct tarn_buf folder = TARN_BUF_INIT(TARN_KEY_MAX);
    size_t i;

    for (i = 0; o->spool && i < p->n_spools; i++) {
        if (strcmp(p->spools[i].file.name, o->spool) == 0) p->spools[i].sequence = 0;
    }
    for (i = 0; !o->spool && i < p->n_items; i++) {
        struct item *item = &p->items[i];

        if (item->sequence < e->first || item->sequence > e->last) continue;
        tarn_buf_clear(&folder);
        tarn_buf_puts(&folder, p->root);
        tarn_key_hour(&folder, item->ts);
        if (folder.rc == TARN_OK && strlen(o->key) > folder.len &&
            memcmp(o->key, folder.data, folder.len) == 0 && !strchr(o->key + folder.len, '/')) {
            item->dropped = 1;
        }
    }
    tarn_buf_release(&folder);
}

static int settle_entry(struct tarn_pending *p, const struct tarn_log *log,
                        const struct tarn_log_entry *e, struct tarn_catalog *c,
                        struct tarn_err *err) {
    enum tarn_log_end end = TARN_LOG_OPEN;
    size_t i;
    int rc = tarn_log_end_read(log, e->n, &end, err);

    for (i = 0; i < e->n_objects && rc == TARN_OK; i++) {
        struct tarn_file *file = tarn_catalog_find(c, e->objects[i].key);

        if (end == TARN_LOG_ABORT) {
            if (file) file->state = TARN_FILE_PENDING;
        } else if (file || tarn_catalog_replaced_by(c, e->objects[i].key)) {
            drop(p, e, &e->objects[i]);
        }
    }
    return rc;
}

/* Spool files left over are read where they lie, under the key that they will have. */
static int add_spools(struct tarn_pending *p, struct tarn_catalog *c, struct tarn_err *err) {
    size_t i;
    int rc = TARN_OK;

    for (i = 0; i < p->n_spools && rc == TARN_OK; i++) {
        const struct tarn_spool_file *f = &p->spools[i].file;
        struct tarn_buf key = TARN_BUF_INIT(TARN_KEY_MAX);
        char path[4096];

        if (p->spools[i].sequence == 0) continue;
        snprintf(path, sizeof path, "%s/%s", p->conn->shared->spool, f->name);
        tarn_buf_put(&key, f->root.data, f->root.len);
        tarn_key_hour(&key, f->hour);
        tarn_buf_puts(&key, f->name);
        tarn_buf_u8(&key, 0);
        rc = key.rc ? tarn_err_set(err, key.rc, "out of memory")
                    : tarn_catalog_add_spool(c, (char *)key.data, path, f->bytes, f->min_ts,
                                             f->max_ts, err);
        tarn_buf_release(&key);
    }
    return rc;
}

static void log_of(const struct tarn_pending *p, struct tarn_log *log) {
    log->store = tarn_lake_store(p->conn->lake);
    log->name = p->conn->shared->name;
    log->id = p->conn->shared->id;
    log->timeline = p->position.timeline;
}

int tarn_pending_source(struct tarn_pending *p, const struct tarn_file *f, struct tarn_source *out,
                        struct tarn_err *err) {
    const char *name = strrchr(f->spool, '/') + 1;
    struct tarn_err why = {0};
    struct tarn_object object;
    struct tarn_log log;
    uint64_t n;
    size_t i;
    int rc = tarn_spool_source(f->spool, out, &why);
    int found = 0;

    if (rc != TARN_ENOTFOUND) return rc ? tarn_err_set(err, rc, "%s", why.msg) : TARN_OK;
    log_of(p, &log); /* delivered since: the log says where to */
    for (n = p->position.entry + 1; !found; n++) {
        struct tarn_log_entry e;

        if (tarn_log_read(&log, n, &e, NULL)) break;
        for (i = 0; i < e.n_objects && !found; i++) {
            found = e.objects[i].spool && strcmp(e.objects[i].spool, name) == 0;
            if (!found) continue;
            rc = tarn_store_head(log.store, e.objects[i].key, &object, err);
            if (rc == TARN_OK) rc = tarn_store_source(log.store, &object, out, err);
        }
        tarn_log_entry_release(&e);
    }
    return found ? rc : tarn_err_set(err, rc, "%s", why.msg);
}

int tarn_pending_settle(struct tarn_pending *p, struct tarn_catalog *c, struct tarn_err *err) {
    struct tarn_log log;
    uint64_t n;
    int rc = TARN_OK;

    if (!p) return TARN_OK;
    if (!p->conn->lake || !p->commits) return add_spools(p, c, err);
    log_of(p, &log);
    for (n = p->position.entry + 1; rc == TARN_OK; n++) {
        struct tarn_err why = {0};
        struct tarn_log_entry e;

        rc = tarn_log_read(&log, n, &e, &why);
        if (rc == TARN_ENOTFOUND) {
            rc = TARN_OK;
            break;
        }
        if (rc) return tarn_err_set(err, rc, "%s", why.msg);
        if (!is_ours(p, &e)) {
            tarn_log_entry_release(&e);
            break;
        }
        rc = settle_entry(p, &log, &e, c, err);
        tarn_log_entry_release(&e);
    }
    return rc ? rc : add_spools(p, c, err);
}

int tarn_pending_next(struct tarn_pending *p, struct tarn_event *ev, int *more,
                      struct tarn_err *err) {
    struct tarn_cursor at;

    *more = 0;
    if (!p) return TARN_OK;
    while (p->at < p->n_items && p->items[p->at].dropped)
        p->at++;
    if (p->at == p->n_items) return TARN_OK;
    at = (struct tarn_cursor){p->items[p->at].record, p->items[p->at].record + p->items[p->at].len,
                              TARN_OK};
    p->at++;
    *more = 1;
    return tarn_event_decode(&at, ev, err);
}
