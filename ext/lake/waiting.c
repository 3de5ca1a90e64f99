/* waiting.c: gathers the changes of one collection that wait. See waiting.h; reading them back is
** waiting_read.c.
*/
#include "waiting.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conn.h"
#include "db.h"
#include "mem.h"
#include "txn_impl.h"

#define READ_AT_ONCE ((size_t)8 << 20)
#define READ_AHEAD ((size_t)1 << 20)
#define FILES_OPEN 64 /* descriptors held at most; others are opened when they are read */

/* Copies the records of the collection out of a run of records. */
struct gather {
    struct tarn_waiting *w;
    struct tarn_buf numbers; /* one byte per 'T' so far: is it the collection's? */
    uint64_t changes;
};

static int no_memory(struct tarn_err *err) {
    return tarn_err_set(err, TARN_ENOMEM, "out of memory");
}

static void gather_init(struct gather *g, struct tarn_waiting *w) {
    g->w = w;
    g->changes = 0;
    tarn_buf_init(&g->numbers, (size_t)1 << 24);
}

static void gather_release(struct gather *g) {
    tarn_buf_release(&g->numbers);
}

static int define(struct gather *g, const struct tarn_record *r, struct tarn_err *err) {
    size_t want = strlen(g->w->collection);
    struct tarn_slice name;
    int rc = tarn_payload_name(r->body, &name, err);

    if (rc) return rc;
    if (r->number != g->numbers.len) {
        return tarn_err_set(err, TARN_ECORRUPT, "a definition of a collection is out of order");
    }
    tarn_buf_u8(&g->numbers, name.len == want && memcmp(name.data, g->w->collection, want) == 0);
    return g->numbers.rc ? no_memory(err) : TARN_OK;
}

/* One 'T' or 'R', framed. */
static int take(struct gather *g, const struct tarn_record *r, struct tarn_slice frame,
                struct tarn_err *err) {
    int rc = r->kind == 'T' ? define(g, r, err) : TARN_OK;

    if (rc) return rc;
    if (r->number >= g->numbers.len) {
        return tarn_err_set(err, TARN_ECORRUPT, "a change of no collection");
    }
    if (!g->numbers.data[r->number]) return TARN_OK;
    g->changes += r->kind == 'R';
    return tarn_spill_append(&g->w->bytes, frame.data, frame.len, err);
}

static struct tarn_waiting_unit *add_unit(struct tarn_waiting *w, struct tarn_err *err) {
    struct tarn_waiting_unit *u;

    if (w->n == w->capacity) {
        size_t more = w->capacity ? 2 * w->capacity : 16;
        struct tarn_waiting_unit *grown = tarn_reallocarray(w->units, more, sizeof *grown);

        if (!grown) {
            (void)no_memory(err);
            return NULL;
        }
        w->units = grown;
        w->capacity = more;
    }
    u = &w->units[w->n++];
    memset(u, 0, sizeof *u);
    u->fd = -1;
    return u;
}

/* Files are held open as far as that goes: whoever delivers one removes it. */
static int open_file(struct tarn_waiting *w, const char *name) {
    char path[4096];
    int fd;

    if (w->n_open == FILES_OPEN ||
        (size_t)snprintf(path, sizeof path, "%s/%s", w->spool ? w->spool : "", name) >=
            sizeof path) {
        return -1;
    }
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    w->n_open += fd >= 0;
    return fd;
}

static int add_file(struct tarn_waiting *w, const struct tarn_commit *c,
                    const struct tarn_change_file *f, struct tarn_err *err) {
    struct tarn_cursor collections = f->collections;
    size_t want = strlen(w->collection);
    uint64_t i;

    for (i = 0; i < f->n_collections; i++) {
        struct tarn_change_summary s;
        struct tarn_waiting_unit *u;
        int rc = tarn_payload_summary(&collections, &s, err);

        if (rc) return rc;
        if (s.name.len != want || memcmp(s.name.data, w->collection, want) != 0) continue;
        if (!(u = add_unit(w, err))) return TARN_ENOMEM;
        u->sequence = c->sequence;
        u->time = c->time;
        memcpy(u->digest, c->digest, TARN_DIGEST);
        memcpy(u->file, f->name, sizeof u->file);
        u->to = f->bytes;
        u->fd = open_file(w, u->file);
        return TARN_OK;
    }
    return TARN_OK;
}

static void note_base(struct tarn_waiting *w, const struct tarn_commit *c,
                      const struct tarn_change_file *f) {
    size_t want = strlen(w->collection);

    if (f->base.name.len != want || memcmp(f->base.name.data, w->collection, want) != 0) return;
    w->base.sequence = c->sequence;
    w->base.time = c->time;
    memcpy(w->base.digest, c->digest, TARN_DIGEST);
    memcpy(w->base.file, f->name, sizeof w->base.file);
    w->base.to = f->bytes;
}

static int end_unit(struct gather *g, const struct tarn_commit *c, uint64_t from,
                    struct tarn_err *err) {
    struct tarn_waiting_unit *u;

    if (g->changes == 0) return TARN_OK;
    if (!(u = add_unit(g->w, err))) return TARN_ENOMEM;
    u->from = from;
    u->to = tarn_spill_len(&g->w->bytes);
    if (!c) return TARN_OK;
    u->sequence = c->sequence;
    u->time = c->time;
    memcpy(u->digest, c->digest, TARN_DIGEST);
    return TARN_OK;
}

static int add_commit(struct tarn_waiting *w, const struct tarn_commit *c, struct tarn_err *err) {
    struct tarn_cursor at = {c->payload, c->payload + c->len, TARN_OK};
    uint64_t from = tarn_spill_len(&w->bytes);
    struct gather g;
    int rc = TARN_OK;

    if (c->changes == 0) return TARN_OK;
    gather_init(&g, w);
    while (at.p < at.end && rc == TARN_OK) {
        struct tarn_slice frame = {at.p, 0};
        struct tarn_record r;

        rc = tarn_payload_next(&at, &r, err);
        if (rc) break;
        frame.len = (size_t)(at.p - frame.data);
        if (r.kind == 'T' || r.kind == 'R') {
            rc = take(&g, &r, frame, err);
        } else if (r.kind == 'F') {
            rc = add_file(w, c, &r.file, err);
        } else if (r.kind == 'B') {
            note_base(w, c, &r.file);
        }
    }
    if (rc == TARN_OK) rc = end_unit(&g, c, from, err);
    gather_release(&g);
    return rc;
}

/* A database without a file: the queue is all there is. Its commits are copied first, since nothing
** may be written while the flusher waits for the mutex. */
static int copy_queue(struct tarn_waiting *w, struct tarn_db *d, struct tarn_err *err) {
    struct tarn_commit *first = NULL;
    struct tarn_commit **tail = &first;
    const struct tarn_commit *c;
    int rc = TARN_OK;

    (void)pthread_mutex_lock(&d->mutex);
    w->position = d->forked ? d->settled : d->position;
    w->timeline = d->position.timeline;
    for (c = d->first; c && rc == TARN_OK; c = c->next) {
        struct tarn_commit *copy = c->changes ? tarn_memdup(c, sizeof *c) : NULL;

        if (c->changes == 0) continue;
        if (copy) {
            copy->next = NULL;
            copy->payload = tarn_memdup(c->payload, c->len);
        }
        if (!copy || !copy->payload) {
            tarn_free(copy);
            rc = no_memory(err);
            break;
        }
        *tail = copy;
        tail = &copy->next;
    }
    (void)pthread_mutex_unlock(&d->mutex);
    for (c = first; c && rc == TARN_OK; c = c->next)
        rc = add_commit(w, c, err);
    tarn_commit_free_list(first);
    return rc;
}

void tarn_waiting_position(struct tarn_conn *c, struct tarn_position *out, uint32_t *timeline) {
    const struct tarn_outbox *view = &c->txn->outbox;
    struct tarn_position now;

    tarn_db_settled(c->shared, out);
    tarn_db_position(c->shared, &now);
    if (view->known && view->position.collected > out->collected) *out = view->position;
    *timeline = now.timeline > out->timeline ? now.timeline : out->timeline;
}

static int read_outbox(struct tarn_waiting *w, struct tarn_conn *c, struct tarn_err *err) {
    struct tarn_outbox *view = &c->txn->outbox;
    uint64_t after = 0;
    int more = 1;
    int rc = tarn_outbox_load(view, c->db, err);

    if (rc || !view->known) return rc;
    tarn_db_identify(c->shared, view);
    tarn_waiting_position(c, &w->position, &w->timeline);
    after = w->position.collected;
    while (more && rc == TARN_OK && view->last > after) {
        struct tarn_commit *first = NULL;
        const struct tarn_commit *commit;

        rc = tarn_outbox_read(view, c->db, after, 0, READ_AT_ONCE, &first, &more, err);
        for (commit = first; commit && rc == TARN_OK; commit = commit->next) {
            after = commit->sequence;
            rc = add_commit(w, commit, err);
        }
        tarn_commit_free_list(first);
    }
    return rc;
}

/* Records that lie whole in n bytes at p; *taken = how many bytes those are. */
static int take_records(struct gather *g, const uint8_t *p, size_t n, int last, size_t *taken,
                        struct tarn_err *err) {
    struct tarn_cursor c = {p, p + n, TARN_OK};
    int rc = TARN_OK;

    *taken = 0;
    while (c.p < c.end && rc == TARN_OK) {
        struct tarn_slice frame = {c.p, 0};
        struct tarn_record r;

        if (tarn_payload_next(&c, &r, last ? err : NULL)) return last ? TARN_ECORRUPT : TARN_OK;
        frame.len = (size_t)(c.p - frame.data);
        rc = take(g, &r, frame, err);
        *taken = (size_t)(c.p - p);
    }
    return rc;
}

/* The open transaction's, copied: the statement that reads may add more while it does. */
static int add_own(struct tarn_waiting *w, const struct tarn_spill *s, struct tarn_err *err) {
    uint64_t from = tarn_spill_len(&w->bytes);
    struct tarn_spill_window window;
    size_t want = READ_AHEAD;
    struct gather g;
    uint64_t at = 0;
    int rc = TARN_OK;

    gather_init(&g, w);
    tarn_spill_window_init(&window);
    while (rc == TARN_OK && at < tarn_spill_len(s)) {
        uint64_t piece = tarn_spill_piece(s, at);
        size_t n = piece < want ? (size_t)piece : want;
        const uint8_t *p = NULL;
        size_t taken = 0;

        rc = tarn_spill_read(s, &window, at, n, &p, err);
        if (rc == TARN_OK) rc = take_records(&g, p, n, n == piece, &taken, err);
        want = taken ? READ_AHEAD : 2 * want; /* a record longer than what was read */
        at += taken;
    }
    if (rc == TARN_OK) rc = end_unit(&g, NULL, from, err);
    tarn_spill_window_release(&window);
    gather_release(&g);
    return rc;
}

void tarn_waiting_free(struct tarn_waiting *w) {
    size_t i;

    if (!w) return;
    for (i = 0; i < w->n; i++) {
        if (w->units[i].fd >= 0) (void)close(w->units[i].fd);
    }
    tarn_free(w->units);
    tarn_spill_release(&w->bytes);
    tarn_free(w->spool);
    tarn_free(w->collection);
    tarn_free(w);
}

int tarn_waiting_open(struct tarn_waiting **out, struct tarn_conn *conn, const char *collection,
                      struct tarn_err *err) {
    struct tarn_waiting *w = tarn_calloc(1, sizeof *w);
    int rc = TARN_OK;

    *out = NULL;
    if (!w) return no_memory(err);
    tarn_spill_init(&w->bytes);
    w->collection = tarn_strdup(collection);
    if (!w->collection) rc = no_memory(err);
    if (rc == TARN_OK) rc = tarn_conn_attach(conn, err);
    if (rc == TARN_OK && conn->shared->spool && !(w->spool = tarn_strdup(conn->shared->spool))) {
        rc = no_memory(err);
    }
    if (rc == TARN_OK) {
        rc = tarn_db_is_memory(conn->shared) ? copy_queue(w, conn->shared, err)
                                             : read_outbox(w, conn, err);
    }
    if (rc == TARN_OK && conn->txn->n_changes) rc = add_own(w, &conn->txn->changes, err);
    if (rc) {
        tarn_waiting_free(w);
        return rc;
    }
    tarn_db_identity(conn->shared, w->id, w->name);
    *out = w;
    return TARN_OK;
}
