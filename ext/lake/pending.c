/* pending.c: see pending.h. Rows in line are kept as pointers into copied payloads; spool files
** become files of the catalog, so that they are pruned and ordered as all others are. Which of them
** the lake has already is pending_settle.c.
*/
#include "pending.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "conn.h"
#include "db.h"
#include "keys.h"
#include "mem.h"
#include "pending_impl.h"
#include "txn_impl.h"

#define READ_AT_ONCE ((size_t)8 << 20)
#define KEEP_MAX ((size_t)256 << 20)

void tarn_pending_free(struct tarn_pending *p) {
    if (!p) return;
    tarn_commit_free_list(p->commits);
    tarn_arena_release(&p->arena);
    tarn_free(p->items);
    tarn_free(p->spools);
    tarn_free(p);
}

static int same_slice(struct tarn_slice a, struct tarn_slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Rows of one root come in runs: only where it changes is it made and compared. The slices kept lie in
** payloads that may be freed, so each commit begins anew. */
static int root_matches(struct tarn_pending *p, const struct tarn_event *ev, int *matches,
                        struct tarn_err *err) {
    struct tarn_buf b = TARN_BUF_INIT(TARN_NAME_ROOT_MAX);
    int rc = TARN_OK;

    if (p->seen && same_slice(p->seen_prefix, ev->prefix) &&
        same_slice(p->seen_namespace, ev->namespace_)) {
        *matches = p->seen_matches;
        return TARN_OK;
    }
    tarn_payload_root(&b, ev);
    if (b.rc == TARN_ENOMEM) rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
    *matches = p->seen_matches =
        b.rc == TARN_OK && b.len == strlen(p->root) && memcmp(b.data, p->root, b.len) == 0;
    tarn_buf_release(&b);
    p->seen_prefix = ev->prefix;
    p->seen_namespace = ev->namespace_;
    p->seen = rc == TARN_OK;
    return rc;
}

static int add_item(struct tarn_pending *p, const struct tarn_event *ev, const uint8_t *record,
                    size_t len, uint64_t sequence, struct tarn_err *err) {
    int wanted = ev->ts >= p->lo && ev->ts <= p->hi;
    int rc = wanted ? root_matches(p, ev, &wanted, err) : TARN_OK;

    if (rc || !wanted) return rc;
    if (p->n_items == p->capacity) {
        size_t more = p->capacity ? 2 * p->capacity : 256;
        struct tarn_pending_item *grown = tarn_reallocarray(p->items, more, sizeof *grown);

        if (!grown) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
        p->items = grown;
        p->capacity = more;
    }
    p->items[p->n_items++] = (struct tarn_pending_item){record, (uint32_t)len, 0, sequence, ev->ts};
    return TARN_OK;
}

static int add_spool(struct tarn_pending *p, const struct tarn_spool_file *f, uint64_t sequence,
                     struct tarn_err *err) {
    if (f->max_ts < p->lo || f->min_ts > p->hi || strlen(p->root) != f->root.len ||
        memcmp(p->root, f->root.data, f->root.len) != 0) {
        return TARN_OK;
    }
    if ((p->n_spools & (p->n_spools - 1)) == 0) { /* full at each power of two */
        size_t more = p->n_spools ? 2 * p->n_spools : 1;
        struct tarn_pending_spool *grown = tarn_reallocarray(p->spools, more, sizeof *grown);

        if (!grown) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
        p->spools = grown;
    }
    p->spools[p->n_spools].file = *f;
    p->spools[p->n_spools++].sequence = sequence;
    return TARN_OK;
}

/* A commit of which nothing is wanted keeps its digest only. */
static int add_commit(struct tarn_pending *p, struct tarn_commit *c, struct tarn_err *err) {
    struct tarn_cursor at = {c->payload, c->payload + c->len, TARN_OK};
    size_t items = p->n_items;
    size_t spools = p->n_spools;
    int rc = TARN_OK;

    p->seen = 0;
    while (at.p < at.end && rc == TARN_OK) {
        const uint8_t *record = at.p;
        struct tarn_record r;

        if (*record != 'E' && *record != 'S') break; /* events come first */
        rc = tarn_payload_next(&at, &r, err);
        if (rc) break;
        if (r.kind == 'E') {
            rc = add_item(p, &r.event, record, (size_t)(at.p - record), c->sequence, err);
        } else if (r.kind == 'S') {
            rc = add_spool(p, &r.spool, c->sequence, err);
        }
    }
    p->seen = 0;
    if (items == p->n_items && spools == p->n_spools) {
        tarn_free(c->payload);
        c->payload = NULL;
        c->len = 0;
    }
    p->kept += c->len;
    if (rc == TARN_OK && p->kept > KEEP_MAX) {
        rc = tarn_err_set(err, TARN_ELIMIT,
                          "more than %zu MiB of events wait for the lake: run SELECT tarn_flush() "
                          "first",
                          KEEP_MAX >> 20);
    }
    return rc;
}

/* A database without a file: the queue is all there is; the flusher may free it meanwhile. */
static int copy_queue(struct tarn_pending *p, struct tarn_db *d, struct tarn_err *err) {
    struct tarn_commit **tail = &p->commits;
    struct tarn_commit *c;
    int rc = TARN_OK;

    (void)pthread_mutex_lock(&d->mutex);
    p->position = d->forked ? d->settled : d->position;
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
    for (c = p->commits; c && rc == TARN_OK; c = c->next)
        rc = add_commit(p, c, err);
    return rc;
}

static int read_outbox(struct tarn_pending *p, struct tarn_conn *c, struct tarn_err *err) {
    struct tarn_outbox *view = &c->txn->outbox;
    struct tarn_commit **tail = &p->commits;
    uint64_t after = 0;
    int more = 1;
    int rc = tarn_outbox_load(view, c->db, err);

    if (rc || !view->known) return rc;
    tarn_db_identify(c->shared, view);
    tarn_db_settled(c->shared, &p->position);
    if (view->position.collected > p->position.collected) p->position = view->position;
    after = p->position.collected;
    while (more && rc == TARN_OK && view->last > after) {
        rc = tarn_outbox_read(view, c->db, after, 0, READ_AT_ONCE, tail, &more, err);
        for (; rc == TARN_OK && *tail; tail = &(*tail)->next) {
            after = (*tail)->sequence;
            rc = add_commit(p, *tail, err);
        }
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
    int rc;

    *out = NULL;
    if (!p) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    p->conn = conn;
    p->lo = lo;
    p->hi = hi;
    tarn_arena_init(&p->arena, NULL);
    tarn_key_root(&root, namespace_, prefix ? prefix : "events");
    snprintf(p->root, sizeof p->root, "%.*s", (int)root.len, (const char *)root.data);
    if (root.rc == TARN_ENOMEM) {
        rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
    } else {
        rc = root.rc ? tarn_err_set(err, TARN_EINVAL, "namespace or prefix too long") : TARN_OK;
    }
    tarn_buf_release(&root);
    if (rc == TARN_OK) rc = tarn_conn_attach(conn, err);
    if (rc == TARN_OK) {
        rc = tarn_db_is_memory(conn->shared) ? copy_queue(p, conn->shared, err)
                                             : read_outbox(p, conn, err);
    }
    if (rc == TARN_OK && conn->txn->events) rc = add_own(p, conn->txn, err);
    if (rc || (!p->commits && p->n_items == 0)) {
        tarn_pending_free(p);
        return rc;
    }
    tarn_db_identity(conn->shared, p->id, p->name);
    *out = p;
    return TARN_OK;
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
    return tarn_event_decode_own(&at, ev, err); /* checked when it was taken in */
}
