/* flusher.c: the delivery protocol: one entry of the flush log after the other. The thread that
** calls it is flusher_thread.c.
**
** Invariants: d->flushing is held throughout; commits in the queue are freed by nobody else, so
** their payloads are read without d->mutex; position moves only after the entry's end was read or
** written; spool files go only after `done`.
*/
#include "flusher.h"

#include <inttypes.h>
#include <string.h>

#include "batch.h"
#include "db_sync.h"
#include "mem.h"
#include "spool.h"
#include "time.h"

#define ENTRY_COMMITS 4096
#define ENTRY_BYTES ((size_t)32 << 20)

enum outcome {
    STEP_PROGRESS, /* call again */
    STEP_IDLE,     /* nothing left here */
    STEP_GAP       /* the outbox must be read before delivery can go on */
};

struct delivery {
    struct tarn_db *d;
    struct tarn_lake *lake;
    struct tarn_log log;
    struct tarn_position at;
    struct tarn_commit *first; /* contiguous from at.collected + 1 */
    uint64_t last;             /* of that run */
    int64_t events;
    uint64_t asked;  /* entry for whose commits the outbox has to be read again, */
    uint64_t reread; /* and the one for which it was */
};

static struct tarn_commit *commit_at(const struct delivery *v, uint64_t sequence) {
    struct tarn_commit *c = v->first;

    if (!c || sequence < c->sequence || sequence > v->last) return NULL;
    while (c->sequence < sequence)
        c = c->next;
    return c;
}

/* Digest of a sequence in this database's history; NULL when it isn't known here. */
static const uint8_t *our_digest(const struct delivery *v, uint64_t sequence) {
    const struct tarn_commit *c = commit_at(v, sequence);

    if (c) return c->digest;
    c = commit_at(v, sequence + 1);
    return c ? c->previous : NULL;
}

static int same_digest(const struct delivery *v, const struct tarn_log_entry *e, uint64_t s) {
    const uint8_t *ours = our_digest(v, s);
    const uint8_t *theirs = tarn_log_digest(e, s);

    return ours && theirs && memcmp(ours, theirs, TARN_DIGEST) == 0;
}

/* Looks at the queue: the run of commits that can be delivered now. */
static enum outcome look(struct delivery *v) {
    struct tarn_db *d = v->d;
    struct tarn_commit *c;
    enum outcome outcome = STEP_PROGRESS;

    (void)pthread_mutex_lock(&d->mutex);
    tarn_db_drop_collected(d);
    v->at = d->position;
    v->log.timeline = v->at.timeline;
    v->first = d->first;
    c = d->first;
    if (!c) {
        outcome = d->overflow ? STEP_GAP : STEP_IDLE;
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

static void move_to(struct delivery *v, uint64_t collected, uint64_t entry) {
    struct tarn_db *d = v->d;

    (void)pthread_mutex_lock(&d->mutex);
    if (collected > d->position.collected) d->position.collected = collected;
    d->position.entry = entry;
    if (entry > 0) d->forked = 0;
    tarn_db_drop_collected(d);
    (void)pthread_mutex_unlock(&d->mutex);
}

/* Leaves the timeline behind sequence `at`: joins the child that has our history, or opens one. */
static int fork_timeline(struct delivery *v, uint32_t parent, uint64_t at, struct tarn_err *err) {
    struct tarn_db *d = v->d;
    struct tarn_log log = v->log;
    uint32_t *timelines = NULL;
    uint32_t newest = parent;
    uint32_t join = 0;
    size_t n = 0;
    size_t i;
    int found = 0;
    int rc = tarn_log_timelines(&log, &timelines, &n, err);

    for (i = 0; i < n && rc == TARN_OK && !found; i++) {
        struct tarn_log_entry e;

        if (timelines[i] > newest) newest = timelines[i];
        log.timeline = timelines[i];
        if (timelines[i] <= parent || tarn_log_read(&log, 1, &e, NULL)) continue;
        found = e.has_parent && e.parent == parent && e.parent_sequence == at &&
                same_digest(v, &e, e.first);
        if (found) join = timelines[i];
        tarn_log_entry_release(&e);
    }
    tarn_free(timelines);
    if (rc) return rc;
    (void)pthread_mutex_lock(&d->mutex);
    d->position.timeline = found ? join : newest + 1;
    d->position.entry = 0;
    if (at > d->position.collected) d->position.collected = at;
    d->forked = !found;
    d->parent = parent;
    d->parent_sequence = at;
    d->limit = UINT64_MAX;
    tarn_db_drop_collected(d);
    (void)pthread_mutex_unlock(&d->mutex);
    return TARN_OK;
}

/* Another history stands in entry e. */
static int diverge(struct delivery *v, const struct tarn_log_entry *e, enum tarn_log_end end,
                   struct tarn_err *err) {
    struct tarn_db *d = v->d;
    uint64_t common = e->first - 1;
    uint64_t s;
    int rc = TARN_OK;

    if (e->n == 1 && d->forked) { /* another copy took the number */
        return fork_timeline(v, d->parent, d->parent_sequence, err);
    }
    for (s = e->first; s <= e->last && same_digest(v, e, s); s++)
        common = s;
    if (end == TARN_LOG_OPEN) {
        end = TARN_LOG_ABORT;
        rc = tarn_log_end_write(&v->log, e->n, &end, err);
        if (rc) return rc;
    }
    if (end == TARN_LOG_DONE) return fork_timeline(v, v->at.timeline, common, err);
    if (common < d->limit) d->limit = common;
    move_to(v, 0, e->n);
    return TARN_OK;
}

/* Objects of an aborted entry are nobody's. */
static void remove_aborted(const struct delivery *v, const struct tarn_log_entry *e) {
    size_t i;

    for (i = 0; i < e->n_objects; i++) {
        (void)tarn_store_delete(v->log.store, e->objects[i].key, NULL);
    }
}

static void remove_spools(struct delivery *v, uint64_t last) {
    const struct tarn_commit *c = v->first;

    while (c && c->sequence <= last) {
        v->events += c->events;
        if (c->len && c->payload[0] == 'S') tarn_spool_remove(v->d->spool, c->payload, c->len);
        if (c->sequence == last) break;
        c = c->next;
    }
}

static int complete(struct delivery *v, const struct tarn_log_entry *e, struct tarn_err *err) {
    enum tarn_log_end end = TARN_LOG_DONE;
    struct tarn_batch batch;
    int rc = tarn_batch_make(&batch, v->first, e->last, err);

    if (rc) return rc;
    rc = tarn_batch_put(&batch, &v->log, e, v->d->spool, err);
    tarn_batch_release(&batch);
    if (rc == TARN_OK) rc = tarn_log_end_write(&v->log, e->n, &end, err);
    if (rc) return rc;
    if (end == TARN_LOG_ABORT) {
        remove_aborted(v, e);
        move_to(v, 0, e->n);
        return TARN_OK;
    }
    remove_spools(v, e->last);
    move_to(v, e->last, e->n);
    return TARN_OK;
}

/* Writes entry n for as much of the run as one entry takes. TARN_EEXIST: somebody else did. */
static int begin_entry(struct delivery *v, uint64_t n, struct tarn_log_entry *e,
                       struct tarn_err *err) {
    const struct tarn_commit *c = v->first;
    struct tarn_batch batch;
    size_t bytes = 0;
    uint64_t count = 0;
    int rc;

    memset(e, 0, sizeof *e);
    e->n = n;
    e->first = e->last = c->sequence;
    e->time = c->time;
    e->has_parent = n == 1 && v->d->forked;
    e->parent = v->d->parent;
    e->parent_sequence = v->d->parent_sequence;
    memcpy(e->previous, c->previous, TARN_DIGEST);
    for (;; c = c->next) {
        bytes += c->len;
        e->last = c->sequence;
        count++;
        if (c->sequence >= v->last || c->sequence >= v->d->limit || count >= ENTRY_COMMITS ||
            bytes >= ENTRY_BYTES) {
            break;
        }
    }
    e->commits = tarn_reallocarray(NULL, (size_t)count, TARN_DIGEST);
    if (!e->commits) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    for (c = v->first, count = 0;; c = c->next, count++) {
        memcpy(e->commits + count * TARN_DIGEST, c->digest, TARN_DIGEST);
        if (c->sequence == e->last) break;
    }
    rc = tarn_batch_make(&batch, v->first, e->last, err);
    if (rc == TARN_OK) {
        rc = tarn_batch_objects(&batch, &v->log, e, err);
        tarn_batch_release(&batch);
    }
    if (rc == TARN_OK) rc = tarn_log_write(&v->log, e, err);
    if (rc) tarn_log_entry_release(e);
    return rc;
}

/* Entry e stands in the log: follow it. */
static int follow(struct delivery *v, const struct tarn_log_entry *e, enum outcome *outcome,
                  struct tarn_err *err) {
    enum tarn_log_end end = TARN_LOG_OPEN;
    uint64_t s = e->first - 1;
    int rc = tarn_log_end_read(&v->log, e->n, &end, err);

    if (rc) return rc;
    while (s < v->at.collected && !our_digest(v, s))
        s++; /* collected: no longer known here */
    while (s <= e->last && same_digest(v, e, s))
        s++;
    if (s <= e->last) {
        if (!our_digest(v, s) && v->reread != e->n) {
            v->asked = e->n; /* maybe committed by another process: read the outbox first */
            *outcome = STEP_GAP;
            return TARN_OK;
        }
        return diverge(v, e, end, err);
    }
    if (end == TARN_LOG_ABORT) {
        remove_aborted(v, e);
        move_to(v, 0, e->n);
        return TARN_OK;
    }
    if (end == TARN_LOG_DONE) {
        remove_spools(v, e->last);
        v->events = 0;
        move_to(v, e->last, e->n);
        return TARN_OK;
    }
    return complete(v, e, err);
}

static int step(struct delivery *v, enum outcome *outcome, struct tarn_err *err) {
    struct tarn_err why = {0};
    struct tarn_log_entry e;
    uint64_t n;
    int rc;

    *outcome = look(v);
    if (*outcome != STEP_PROGRESS) return TARN_OK;
    if (v->first->sequence > v->d->limit) {
        return fork_timeline(v, v->at.timeline, v->d->limit, err);
    }
    n = v->at.entry + 1;
    rc = tarn_log_read(&v->log, n, &e, &why);
    if (rc == TARN_OK) {
        rc = follow(v, &e, outcome, err);
        tarn_log_entry_release(&e);
        return rc;
    }
    if (rc != TARN_ENOTFOUND) return tarn_err_set(err, rc, "%s", why.msg);
    tarn_err_clear(&why);
    rc = begin_entry(v, n, &e, &why);
    if (rc == TARN_EEXIST) return TARN_OK; /* the next step reads it */
    if (rc) return tarn_err_set(err, rc, "%s", why.msg);
    rc = complete(v, &e, err);
    tarn_log_entry_release(&e);
    return rc;
}

static int open_delivery(struct delivery *v, struct tarn_db *d, struct tarn_err *err) {
    char *uri = NULL;
    int rc;

    memset(v, 0, sizeof *v);
    v->d = d;
    (void)pthread_mutex_lock(&d->mutex);
    uri = d->lake_uri ? tarn_strdup(d->lake_uri) : NULL;
    (void)pthread_mutex_unlock(&d->mutex);
    if (!uri) return tarn_err_set(err, TARN_EINVAL, "no lake is open: call tarn_open(uri) first");
    rc = tarn_lake_open(&v->lake, uri, 1, err);
    tarn_free(uri);
    if (rc == TARN_OK) rc = tarn_lake_prepare_write(v->lake, err);
    if (rc == TARN_OK) rc = tarn_db_sync(d, err);
    if (rc) {
        tarn_lake_free(v->lake);
        return rc;
    }
    v->log.store = tarn_lake_store(v->lake);
    v->log.name = d->name;
    v->log.id = d->id;
    return TARN_OK;
}

static int has_work(struct tarn_db *d) {
    int yes;

    (void)pthread_mutex_lock(&d->mutex);
    yes = d->first != NULL || d->overflow;
    (void)pthread_mutex_unlock(&d->mutex);
    return yes;
}

static int deliver_all(struct tarn_db *d, sqlite3 *source, uint64_t except, int64_t *events,
                       struct tarn_err *err) {
    enum outcome outcome = STEP_PROGRESS;
    struct delivery v;
    int gaps = 0;
    int rc = open_delivery(&v, d, err);

    if (rc) return rc;
    while (rc == TARN_OK) {
        v.events = 0;
        rc = step(&v, &outcome, err);
        *events += v.events;
        if (v.events) gaps = 0;
        if (outcome == STEP_IDLE) break;
        if (outcome == STEP_GAP) {
            sqlite3 *reader = tarn_db_reader(d);

            /* a reader inside an older transaction can't see what others have committed since */
            if (!reader && source && sqlite3_txn_state(source, "main") != SQLITE_TXN_READ) {
                reader = source;
            }
            if (!reader || ++gaps > 3) break; /* the next use of a connection reads the outbox */
            rc = tarn_db_refill(d, reader, reader == source ? except : 0, err);
            v.reread = v.asked;
        }
    }
    tarn_lake_free(v.lake);
    return rc;
}

int tarn_flusher_run(struct tarn_db *d, sqlite3 *source, uint64_t except, int64_t *events,
                     struct tarn_err *err) {
    struct tarn_err why = {0};
    int64_t count = 0;
    int rc = TARN_OK;

    (void)pthread_mutex_lock(&d->flushing);
    if (source) rc = tarn_db_refill(d, source, except, &why);
    if (rc == TARN_OK && has_work(d)) rc = deliver_all(d, source, except, &count, &why);
    (void)pthread_mutex_lock(&d->mutex);
    d->error = why;
    d->delivered += (uint64_t)count;
    d->last_flush = tarn_time_monotonic();
    (void)pthread_mutex_unlock(&d->mutex);
    (void)pthread_mutex_unlock(&d->flushing);
    if (events) *events = count;
    return rc ? tarn_err_set(err, rc, "%s", why.msg) : TARN_OK;
}

int tarn_flusher_drain(struct tarn_db *d, int64_t *events, struct tarn_err *err) {
    return tarn_flusher_run(d, NULL, 0, events, err);
}
