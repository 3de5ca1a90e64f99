/* flusher.c: the delivery protocol: one entry of the flush log after the other. The thread that
** calls it is flusher_thread.c; what happens when histories part, flusher_fork.c.
**
** Invariants: d->flushing is held throughout; commits in the queue are freed by nobody else, so
** their payloads are read without d->mutex; before an entry is written or completed the database is
** synced; position moves only after the entry's end was read or written; spool files go only after
** `done`; a new timeline stays with this process until its first entry names the parent.
*/
#include "flusher.h"

#include <inttypes.h>
#include <string.h>

#include "change_reader.h"
#include "db_sync.h"
#include "flusher_impl.h"
#include "mem.h"
#include "outbox_slot.h"
#include "spool.h"
#include "time.h"

#define ENTRY_COMMITS 4096
#define ENTRY_BYTES ((size_t)32 << 20)

enum outcome {
    STEP_PROGRESS, /* call again */
    STEP_IDLE,     /* nothing left here */
    STEP_GAP       /* the outbox must be read before delivery can go on */
};

/* Looks at the queue: the run of commits that can be delivered now. */
static enum outcome look(struct tarn_delivery *v) {
    struct tarn_db *d = v->d;
    struct tarn_commit *c;
    enum outcome outcome = STEP_PROGRESS;

    (void)pthread_mutex_lock(&d->mutex);
    tarn_db_drop_collected(d);
    v->at = d->position;
    v->log.timeline = v->at.timeline;
    v->limit = d->limit;
    v->forked = d->forked;
    v->parent = d->parent;
    v->parent_sequence = d->parent_sequence;
    v->first = d->first;
    v->near = NULL;
    c = d->first;
    if (d->stop && d->running) {
        outcome = STEP_IDLE; /* closing: what is left is for the next open */
    } else if (!c) {
        outcome = tarn_db_behind(d) ? STEP_GAP : STEP_IDLE;
    } else if (c->sequence != v->at.collected + 1) {
        outcome = STEP_GAP;
    } else {
        while (c->next && c->next->sequence == c->sequence + 1)
            c = c->next;
        v->last = c->sequence;
    }
    (void)pthread_mutex_unlock(&d->mutex);
    return outcome;
}

static void remove_spools(struct tarn_delivery *v, uint64_t last) {
    const struct tarn_commit *c = v->first;

    while (c && c->sequence <= last) {
        v->events += (int64_t)tarn_commit_rows(c);
        if (c->files) tarn_spool_remove(v->d->spool, c->payload, c->len);
        if (c->sequence == last) break;
        c = c->next;
    }
}

static struct tarn_deliver_run run_to(const struct tarn_delivery *v, uint64_t last) {
    return (struct tarn_deliver_run){v->first, last, v->d->spool};
}

/* A file of the entry's commits is gone. That is as it should be when somebody has ended the entry. */
static int settle_missing(struct tarn_delivery *v, uint64_t n, const struct tarn_err *why,
                          struct tarn_err *err) {
    enum tarn_log_end end = TARN_LOG_OPEN;
    int rc = tarn_log_end_read(&v->log, n, &end, err);

    if (rc || end != TARN_LOG_OPEN) return rc; /* the next step follows it */
    return tarn_err_set(err, TARN_ENOTFOUND, "%s", why->msg);
}

static int put_entry(struct tarn_delivery *v, const struct tarn_log_entry *e,
                     const struct tarn_batch *batch, enum tarn_log_end *end, struct tarn_err *err) {
    int rc = tarn_batch_put(batch, &v->log, e, v->d->spool, err);

    *end = TARN_LOG_DONE;
    if (rc == TARN_OK) rc = tarn_log_end_write(&v->log, e->n, end, err);
    if (rc == TARN_OK && *end == TARN_LOG_DONE) rc = tarn_batch_finish(batch, &v->log, e, err);
    return rc;
}

static int complete(struct tarn_delivery *v, const struct tarn_log_entry *e, struct tarn_err *err) {
    struct tarn_deliver_run run = run_to(v, e->last);
    enum tarn_log_end end = TARN_LOG_OPEN;
    struct tarn_err why = {0};
    struct tarn_batch batch;
    int rc = tarn_batch_make(&batch, &run, &why);

    if (rc == TARN_OK) {
        rc = put_entry(v, e, &batch, &end, &why);
        tarn_batch_release(&batch);
    }
    if (rc == TARN_ENOTFOUND) return settle_missing(v, e->n, &why, err);
    if (rc) return tarn_err_set(err, rc, "%s", why.msg);
    if (end == TARN_LOG_ABORT) {
        tarn_batch_withdraw(&v->log, e);
        tarn_delivery_move(v, 0, e->n);
        return TARN_OK;
    }
    remove_spools(v, e->last);
    tarn_delivery_move(v, e->last, e->n);
    return TARN_OK;
}

/* What delivering the commit costs, in bytes. */
static uint64_t weight(const struct tarn_commit *c) {
    struct tarn_cursor at = {c->payload, c->payload + c->len, TARN_OK};
    uint64_t bytes = c->len;
    struct tarn_record r;
    int rc;

    while (c->files && tarn_change_reader_files(&at, &r, NULL, &rc))
        if (r.kind == 'F' && r.file.bytes < UINT64_MAX - bytes) bytes += r.file.bytes;
    return bytes;
}

/* As much of the run as one entry takes. */
static uint64_t end_of_entry(const struct tarn_delivery *v) {
    const struct tarn_commit *c = v->first;
    uint64_t bytes = weight(c);
    uint64_t count = 1;

    while (c->sequence < v->last && c->sequence < v->limit && count < ENTRY_COMMITS &&
           bytes < ENTRY_BYTES) {
        uint64_t more = weight(c->next);

        if (more > ENTRY_BYTES) break; /* that one goes alone */
        c = c->next;
        bytes += more;
        count++;
    }
    return c->sequence;
}

static int make_entry(struct tarn_delivery *v, uint64_t n, uint64_t last, struct tarn_log_entry *e,
                      struct tarn_err *err) {
    struct tarn_deliver_run run = run_to(v, last);
    const struct tarn_commit *c = v->first;
    struct tarn_batch batch;
    uint64_t count = 0;
    int rc;

    memset(e, 0, sizeof *e);
    e->n = n;
    e->first = c->sequence;
    e->last = last;
    e->time = c->time;
    e->has_parent = n == 1 && v->forked;
    e->parent = v->parent;
    e->parent_sequence = v->parent_sequence;
    memcpy(e->previous, c->previous, TARN_DIGEST);
    e->commits = tarn_reallocarray(NULL, (size_t)(last - e->first) + 1, TARN_DIGEST);
    if (!e->commits) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    for (;; c = c->next, count++) {
        memcpy(e->commits + count * TARN_DIGEST, c->digest, TARN_DIGEST);
        if (c->sequence == last) break;
    }
    rc = tarn_batch_make(&batch, &run, err);
    if (rc == TARN_OK) {
        rc = tarn_batch_objects(&batch, &v->log, e, err);
        tarn_batch_release(&batch);
    }
    return rc;
}

/* Writes entry n. TARN_EEXIST: somebody else did. One that is too large takes fewer commits. */
static int begin_entry(struct tarn_delivery *v, uint64_t n, struct tarn_log_entry *e,
                       struct tarn_err *err) {
    uint64_t last = end_of_entry(v);
    int rc = tarn_db_sync(v->d, err);

    memset(e, 0, sizeof *e);
    while (rc == TARN_OK) {
        struct tarn_err why = {0};

        rc = make_entry(v, n, last, e, &why);
        if (rc == TARN_OK) rc = tarn_log_write(&v->log, e, &why);
        if (rc == TARN_OK) break;
        tarn_log_entry_release(e);
        if (rc != TARN_ELIMIT || last == v->first->sequence) {
            return tarn_err_set(err, rc, "%s", why.msg);
        }
        last = v->first->sequence + (last - v->first->sequence) / 2;
        rc = TARN_OK;
    }
    return rc;
}

/* Entry e stands in the log: follow it. */
static int follow(struct tarn_delivery *v, const struct tarn_log_entry *e, enum outcome *outcome,
                  struct tarn_err *err) {
    enum tarn_log_end end = TARN_LOG_OPEN;
    uint64_t s = e->first - 1;
    int rc = tarn_log_end_read(&v->log, e->n, &end, err);

    if (rc) return rc;
    while (s < v->at.collected && !tarn_delivery_digest(v, s))
        s++; /* collected: no longer known here */
    while (s <= e->last && tarn_delivery_shares(v, e, s))
        s++;
    if (s <= e->last) {
        if (!tarn_delivery_digest(v, s) && v->reread != e->n) {
            v->asked = e->n; /* maybe committed by another process: read the outbox first */
            v->upto = e->last;
            *outcome = STEP_GAP;
            return TARN_OK;
        }
        return tarn_delivery_diverge(v, e, end, err);
    }
    if (end == TARN_LOG_ABORT) {
        tarn_batch_withdraw(&v->log, e);
        tarn_delivery_move(v, 0, e->n);
        return TARN_OK;
    }
    if (end == TARN_LOG_DONE) {
        struct tarn_deliver_run run = run_to(v, e->last);

        rc = tarn_batch_catch_up(&run, &v->log, e, err);
        if (rc) return rc;
        remove_spools(v, e->last);
        v->events = 0;
        tarn_delivery_move(v, e->last, e->n);
        return TARN_OK;
    }
    rc = tarn_db_sync(v->d, err);
    return rc ? rc : complete(v, e, err);
}

static int step(struct tarn_delivery *v, enum outcome *outcome, struct tarn_err *err) {
    struct tarn_err why = {0};
    struct tarn_log_entry e;
    uint64_t n;
    int rc;

    *outcome = look(v);
    if (*outcome != STEP_PROGRESS) return TARN_OK;
    if (v->first->sequence > v->limit) {
        return tarn_delivery_fork(v, v->at.timeline, v->limit, err);
    }
    n = v->at.entry + 1;
    if (n >= TARN_ENTRY_LIMIT) {
        return tarn_err_set(err, TARN_ELIMIT, "the flush log is full: no entry after %" PRIu64, n);
    }
    rc = tarn_log_read(&v->log, n, &e, &why);
    if (rc == TARN_OK) {
        rc = follow(v, &e, outcome, err);
        tarn_log_entry_release(&e);
        return rc;
    }
    if (rc != TARN_ENOTFOUND) return tarn_err_set(err, rc, "%s", why.msg);
    tarn_err_clear(&why);
    rc = begin_entry(v, n, &e, &why);
    if (rc == TARN_ENOTFOUND && tarn_log_read(&v->log, n, &e, NULL) == TARN_OK) {
        tarn_log_entry_release(&e);
        rc = TARN_EEXIST; /* and has delivered it: that is where the file went */
    }
    if (rc == TARN_EEXIST) return TARN_OK; /* the next step reads it */
    if (rc) return tarn_err_set(err, rc, "%s", why.msg);
    rc = complete(v, &e, err);
    tarn_log_entry_release(&e);
    return rc;
}

static int open_delivery(struct tarn_delivery *v, struct tarn_db *d, struct tarn_err *err) {
    char *uri = NULL;
    int rc = tarn_db_lake(d, &uri, err);

    memset(v, 0, sizeof *v);
    v->d = d;
    tarn_db_identity(d, v->id, v->name);
    if (rc) return rc;
    if (!uri) return tarn_err_set(err, TARN_EINVAL, "no lake is open: call tarn_open(uri) first");
    rc = tarn_db_open_lake(d, uri, 1, &v->lake, err);
    tarn_free(uri);
    if (rc == TARN_OK) rc = tarn_lake_prepare_write(v->lake, err);
    if (rc) {
        tarn_lake_free(v->lake);
        return rc;
    }
    v->log.store = tarn_lake_store(v->lake);
    v->log.name = v->name;
    v->log.id = v->id;
    return TARN_OK;
}

/* Reads the outbox: with a connection of our own where that disturbs nobody, else with the
** application's, if there is one here. *done = 0: neither can. */
static int read_outbox(struct tarn_delivery *v, sqlite3 *source, struct tarn_outbox *view,
                       int *done, struct tarn_err *err) {
    sqlite3 *reader = tarn_db_reader(v->d);
    int rc = TARN_OK;

    *done = 1;
    if (reader) {
        struct tarn_outbox fresh;

        tarn_outbox_init(&fresh);
        rc = tarn_db_refill(v->d, reader, &fresh, v->upto, err);
        tarn_outbox_release(&fresh);
        (void)sqlite3_close(reader);
    } else if (source && sqlite3_txn_state(source, "main") != SQLITE_TXN_READ) {
        /* inside an older transaction it couldn't see what others have committed since */
        rc = tarn_db_refill(v->d, source, view, v->upto, err);
    } else {
        *done = 0;
    }
    if (rc == TARN_OK && *done) v->reread = v->asked;
    return rc;
}

/* Commits are missing that nobody here can read. A connection will, at its next use. */
static int leave_unread(struct tarn_db *d, sqlite3 *source, struct tarn_err *err) {
    (void)pthread_mutex_lock(&d->mutex);
    d->unread = 1;
    (void)pthread_mutex_unlock(&d->mutex);
    if (!source) return TARN_OK;
    return tarn_err_set(
        err, TARN_EBUSY,
        "some events were committed after this connection's transaction began, or "
        "are on their way: end the transaction, then run SELECT tarn_flush() again");
}

static int deliver_all(struct tarn_db *d, sqlite3 *source, struct tarn_outbox *view,
                       int64_t *events, struct tarn_err *err) {
    enum outcome outcome = STEP_PROGRESS;
    struct tarn_position before = {0, 0, 0};
    struct tarn_delivery v;
    int gaps = 0;
    int rc = open_delivery(&v, d, err);

    if (rc) return rc;
    while (rc == TARN_OK) {
        v.events = 0;
        rc = step(&v, &outcome, err);
        *events += v.events;
        if (outcome == STEP_IDLE) break;
        if (rc == TARN_OK && outcome == STEP_GAP) {
            int done = 0;

            if (!tarn_position_equal(&before, &v.at)) gaps = 0;
            before = v.at;
            if (++gaps <= 3) rc = read_outbox(&v, source, view, &done, err);
            if (rc == TARN_OK && !done) {
                rc = leave_unread(d, source, err);
                break;
            }
        }
    }
    tarn_lake_free(v.lake);
    return rc;
}

int tarn_flusher_run(struct tarn_db *d, sqlite3 *source, struct tarn_outbox *view, int64_t *events,
                     struct tarn_err *err) {
    struct tarn_err why = {0};
    int64_t count = 0;
    int rc = TARN_OK;

    (void)pthread_mutex_lock(&d->flushing);
    if (source) rc = tarn_db_refill(d, source, view, 0, &why);
    if (rc == TARN_OK && tarn_db_waiting(d, NULL)) {
        rc = deliver_all(d, source, view, &count, &why);
    }
    (void)pthread_mutex_lock(&d->mutex);
    d->error = why;
    d->delivered += (uint64_t)count;
    d->last_flush = tarn_time_monotonic();
    if (rc == TARN_OK) d->failures = 0;
    if (rc == TARN_OK) d->retry_at = 0;
    (void)pthread_mutex_unlock(&d->mutex);
    (void)pthread_mutex_unlock(&d->flushing);
    if (events) *events = count;
    return rc ? tarn_err_set(err, rc, "%s", why.msg) : TARN_OK;
}

int tarn_flusher_drain(struct tarn_db *d, int64_t *events, struct tarn_err *err) {
    return tarn_flusher_run(d, NULL, NULL, events, err);
}
