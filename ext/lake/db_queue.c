/* db_queue.c: the commits of one database that wait for the lake, and how far delivery has come.
**
** Invariants: the queue is sorted by sequence, each sequence once, none at or below
** position.collected after a flush; commits are freed only by whoever holds `flushing`
** (tarn_db_drop_collected), so the flusher reads them without `mutex`. `position` only moves on.
*/
#include <stdio.h>
#include <string.h>

#include "db.h"
#include "flusher.h"
#include "mem.h"
#include "spool.h"
#include "time.h"

#define MEMORY_QUEUE ((size_t)64 << 20) /* bound of a database without a file */

static int waits(const struct tarn_db *d) {
    return d->first != NULL || tarn_db_behind(d);
}

static int other_lake(const struct tarn_db *d, struct tarn_err *err) {
    return tarn_err_set(
        err, TARN_EBUSY,
        "%llu events or changes still wait for the lake %.100s: run SELECT tarn_flush() before "
        "another lake is used",
        (unsigned long long)d->queue_events, d->lake_uri);
}

int tarn_db_configure(struct tarn_db *d, const char *lake_uri, const struct tarn_db_settings *s,
                      struct tarn_err *err) {
    int rc = TARN_OK;

    (void)pthread_mutex_lock(&d->mutex);
    if (lake_uri && (!d->lake_uri || strcmp(d->lake_uri, lake_uri) != 0)) {
        char *copy = NULL;

        if (d->lake_uri && waits(d)) {
            rc = other_lake(d, err);
        } else if (!(copy = tarn_strdup(lake_uri))) {
            rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
        } else {
            tarn_free(d->lake_uri);
            d->lake_uri = copy;
            d->retry_at = 0;
        }
    }
    d->count_threshold = s->count_threshold;
    d->time_threshold = s->time_threshold;
    d->max_buffer = s->max_buffer;
    d->auto_flush = s->auto_flush;
    tarn_flusher_wake(d);
    (void)pthread_mutex_unlock(&d->mutex);
    return rc;
}

int tarn_db_lake(struct tarn_db *d, char **out, struct tarn_err *err) {
    int known;

    (void)pthread_mutex_lock(&d->mutex);
    known = d->lake_uri != NULL;
    *out = known ? tarn_strdup(d->lake_uri) : NULL;
    (void)pthread_mutex_unlock(&d->mutex);
    return known && !*out ? tarn_err_set(err, TARN_ENOMEM, "out of memory") : TARN_OK;
}

int tarn_db_open_lake(struct tarn_db *d, const char *uri, int create, struct tarn_lake **out,
                      struct tarn_err *err) {
    struct tarn_err why = {0};
    struct tarn_position position;
    int delivered;
    int rc;

    tarn_db_settled(d, &position);
    delivered = position.entry > 0 || position.timeline > 0;
    rc = tarn_lake_open(out, uri, create && !delivered, &why);
    if (rc == TARN_ENOTFOUND && delivered) {
        return tarn_err_set(
            err, TARN_EIO,
            "the lake %.120s is gone: events of this database were delivered to it; "
            "put it back, or begin a new one with SELECT tarn_open('...')",
            uri);
    }
    return rc ? tarn_err_set(err, rc, "%s", why.msg) : TARN_OK;
}

int tarn_db_waiting(struct tarn_db *d, uint64_t *events) {
    int yes;

    (void)pthread_mutex_lock(&d->mutex);
    yes = waits(d);
    if (events) *events = d->queue_events;
    (void)pthread_mutex_unlock(&d->mutex);
    return yes;
}

int tarn_db_room(struct tarn_db *d, struct tarn_err *err) {
    int rc = TARN_OK;

    if (!tarn_db_is_memory(d)) return TARN_OK;
    (void)pthread_mutex_lock(&d->mutex);
    if (d->queue_bytes > MEMORY_QUEUE) {
        rc = tarn_err_set(
            err, TARN_EFULL, "%zu MiB of events of a database without a file wait in memory: %s",
            d->queue_bytes >> 20,
            d->error.code   ? d->error.msg
            : d->auto_flush ? "they are written to the lake more slowly than they come"
                            : "autoFlush is off, run SELECT tarn_flush()");
    }
    (void)pthread_mutex_unlock(&d->mutex);
    return rc;
}

/* Puts c in its place by sequence, looking from *from on; frees one that is there already, or is
** delivered. Returns where to look for its successor. */
static struct tarn_commit **insert(struct tarn_db *d, struct tarn_commit **from,
                                   struct tarn_commit *c) {
    struct tarn_commit **p = from;

    if (d->last && d->last->sequence < c->sequence) p = &d->last->next;
    while (*p && (*p)->sequence < c->sequence)
        p = &(*p)->next;
    if (c->sequence <= d->position.collected || (*p && (*p)->sequence == c->sequence)) {
        tarn_commit_free(c);
        return p;
    }
    c->next = *p;
    *p = c;
    if (!c->next) d->last = c;
    c->queued = tarn_time_monotonic();
    d->queue_bytes += c->len;
    d->queue_events += tarn_commit_rows(c);
    return &c->next;
}

void tarn_db_submit(struct tarn_db *d, struct tarn_commit *c) {
    (void)pthread_mutex_lock(&d->mutex);
    if (c->sequence > d->newest) d->newest = c->sequence;
    if (d->path && d->first && d->queue_bytes + c->len > TARN_QUEUE_BYTES) {
        tarn_commit_free(c); /* the outbox has it */
    } else {
        (void)insert(d, &d->first, c);
    }
    tarn_flusher_wake(d);
    (void)pthread_mutex_unlock(&d->mutex);
}

void tarn_db_position(struct tarn_db *d, struct tarn_position *out) {
    (void)pthread_mutex_lock(&d->mutex);
    *out = d->position;
    (void)pthread_mutex_unlock(&d->mutex);
}

void tarn_db_settled(struct tarn_db *d, struct tarn_position *out) {
    (void)pthread_mutex_lock(&d->mutex);
    *out = d->forked ? d->settled : d->position;
    (void)pthread_mutex_unlock(&d->mutex);
}

void tarn_db_drop_collected(struct tarn_db *d) {
    while (d->first && d->first->sequence <= d->position.collected) {
        struct tarn_commit *c = d->first;

        d->first = c->next;
        d->queue_bytes -= c->len;
        d->queue_events -= tarn_commit_rows(c);
        tarn_commit_free(c);
    }
    if (!d->first) d->last = NULL;
}

static void adopt(struct tarn_db *d, const struct tarn_position *position) {
    if (position->collected <= d->position.collected) return;
    if (position->timeline != d->position.timeline) d->limit = UINT64_MAX;
    d->position = *position;
    d->forked = 0;
}

void tarn_db_adopt(struct tarn_db *d, const struct tarn_position *position) {
    (void)pthread_mutex_lock(&d->mutex);
    adopt(d, position);
    (void)pthread_mutex_unlock(&d->mutex);
}

int tarn_db_unread(struct tarn_db *d) {
    int yes;

    (void)pthread_mutex_lock(&d->mutex);
    yes = d->unread && d->path;
    (void)pthread_mutex_unlock(&d->mutex);
    return yes;
}

void tarn_db_identity(struct tarn_db *d, char id[17], char name[128]) {
    (void)pthread_mutex_lock(&d->mutex);
    memcpy(id, d->id, sizeof d->id);
    memcpy(name, d->name, sizeof d->name);
    (void)pthread_mutex_unlock(&d->mutex);
}

void tarn_db_identify(struct tarn_db *d, const struct tarn_outbox *view) {
    (void)pthread_mutex_lock(&d->mutex);
    if (!d->has_outbox && view->known) {
        memcpy(d->id, view->id, sizeof d->id);
        memcpy(d->name, view->name, sizeof d->name);
        d->has_outbox = 1;
    }
    (void)pthread_mutex_unlock(&d->mutex);
}

/* A statement that stays open keeps the read transaction open, so that all that is read before it ends is
** of one state. It also makes SQLite look whether the schema has changed. */
static int hold(sqlite3 *db, sqlite3_stmt **out, struct tarn_err *err) {
    int sq = sqlite3_prepare_v2(db, "SELECT 1 FROM main.sqlite_schema LIMIT 1", -1, out, NULL);

    if (sq == SQLITE_OK) sq = sqlite3_step(*out);
    if (sq == SQLITE_ROW || sq == SQLITE_DONE) return TARN_OK;
    return tarn_err_sqlite(err, db, sq, "reading the outbox");
}

int tarn_db_refill(struct tarn_db *d, sqlite3 *db, struct tarn_outbox *view, uint64_t upto,
                   struct tarn_err *err) {
    struct tarn_commit *list = NULL;
    struct tarn_commit **at;
    struct tarn_position now;
    sqlite3_stmt *held = NULL;
    uint64_t newest = 0;
    int more = 0;
    int rc = hold(db, &held, err);

    if (rc == TARN_OK) rc = tarn_outbox_load(view, db, err);
    if (rc == TARN_OK && view->known) {
        tarn_db_identify(d, view);
        tarn_db_adopt(d, &view->position);
        tarn_db_position(d, &now);
        newest = view->last - (view->last != 0 && view->last == view->written);
        rc = tarn_outbox_read(view, db, now.collected, upto, TARN_QUEUE_BYTES, &list, &more, err);
    }
    (void)sqlite3_finalize(held);
    (void)pthread_mutex_lock(&d->mutex);
    d->unread = rc != TARN_OK;
    if (newest > d->newest) d->newest = newest;
    for (at = &d->first; list;) {
        struct tarn_commit *next = list->next;

        list->next = NULL;
        at = insert(d, at, list);
        list = next;
    }
    tarn_flusher_wake(d);
    (void)pthread_mutex_unlock(&d->mutex);
    return rc;
}

/* The 'S' records of everything that is not collected. */
static int named_files(sqlite3 *db, const struct tarn_outbox *view, struct tarn_buf *named,
                       struct tarn_err *err) {
    uint64_t after = 0;
    int more = 1;
    int rc = TARN_OK;

    while (more && rc == TARN_OK) {
        struct tarn_commit *list = NULL;
        struct tarn_commit *c;

        rc = tarn_outbox_read(view, db, after, 0, TARN_QUEUE_BYTES, &list, &more, err);
        for (c = list; c; c = c->next) {
            if (c->files) tarn_buf_put(named, c->payload, c->len);
            after = c->sequence;
        }
        tarn_commit_free_list(list);
    }
    if (rc == TARN_OK && named->rc) rc = tarn_err_set(err, named->rc, "out of memory");
    return rc;
}

int tarn_db_sweep(struct tarn_db *d, sqlite3 *db, struct tarn_outbox *view, struct tarn_err *err) {
    struct tarn_buf named = TARN_BUF_INIT((size_t)1 << 30);
    int wanted;
    int rc = TARN_OK;

    (void)pthread_mutex_lock(&d->mutex);
    wanted = !d->swept && d->path;
    d->swept = 1;
    (void)pthread_mutex_unlock(&d->mutex);
    if (!wanted || !tarn_spool_any(d->spool)) return TARN_OK;
    rc = tarn_outbox_load(view, db, err);
    if (rc == TARN_OK) rc = named_files(db, view, &named, err);
    if (rc == TARN_OK) tarn_spool_sweep(d->spool, named.data, named.len);
    tarn_buf_release(&named);
    return rc;
}
