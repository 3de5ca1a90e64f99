/* txn.c: the transaction buffer. See txn.h for its life.
**
** marks[n] is the state at savepoint n; a savepoint opened before anything was written was never
** announced, and its mark is the empty state. xRollbackTo(-1) means everything. A table that joins
** late is told of the savepoint it joins in (again): that must not move a mark that another table
** set earlier.
*/
#include "txn.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "db.h"
#include "flusher.h"
#include "mem.h"
#include "spool.h"
#include "time.h"
#include "txn_impl.h"

#define PLACES_KEPT ((size_t)4096)

int tarn_txn_new(struct tarn_txn **out) {
    struct tarn_txn *t = tarn_calloc(1, sizeof *t);

    *out = t;
    if (!t) return TARN_ENOMEM;
    tarn_spill_init(&t->rows);
    tarn_spill_init(&t->changes);
    tarn_txn_watch(t);
    tarn_buf_init(&t->bases, (size_t)1 << 20);
    tarn_buf_init(&t->record, TARN_EVENT_MAX);
    tarn_outbox_init(&t->outbox);
    return TARN_OK;
}

static void forget_commit(struct tarn_conn *c, int remove_files) {
    struct tarn_txn *t = c->txn;

    if (t->commit && remove_files && t->commit->files) {
        tarn_spool_remove_events(c->shared->spool, t->commit->payload, t->commit->len);
    }
    tarn_commit_free(t->commit);
    t->commit = NULL;
    t->synced = 0;
}

static void end(struct tarn_txn *t) {
    tarn_spill_clear(&t->rows);
    tarn_spill_clear(&t->changes);
    tarn_txn_unwatch(t);
    tarn_buf_clear(&t->bases);
    t->n_changes = 0;
    t->changes_stored = 0;
    if (t->record.cap > (1u << 20)) tarn_buf_release(&t->record);
    t->record.max = TARN_EVENT_MAX;
    t->events = 0;
    t->n_places = 0;
    if (t->places_capacity > PLACES_KEPT) {
        tarn_free(t->places);
        t->places = NULL;
        t->places_capacity = 0;
    }
    t->reserved = 0;
    t->n_marks = 0;
    t->n_owners = 0;
    t->active = 0;
}

void tarn_txn_free(struct tarn_txn *t) {
    if (!t) return;
    end(t);
    tarn_spill_release(&t->rows);
    tarn_spill_release(&t->changes);
    tarn_buf_release(&t->bases);
    tarn_commit_free(t->commit);
    tarn_outbox_release(&t->outbox);
    tarn_buf_release(&t->record);
    tarn_free(t->places);
    tarn_free(t->marks);
    tarn_free(t);
}

/* The first table of the transaction: settings and shared state are in force from here on. */
static int begin(struct tarn_conn *c, int capture, struct tarn_err *err) {
    struct tarn_txn *t = c->txn;
    struct tarn_err why = {0};
    int rc = tarn_conn_prepare_write(c, &why);

    if (rc && capture && c->shared) {
        c->last = why;
        rc = TARN_OK;
    }
    if (rc) return tarn_err_set(err, rc, "%s", why.msg);

    if (rc == TARN_OK) rc = tarn_db_room(c->shared, err);
    if (rc == TARN_OK && sqlite3_txn_state(c->db, "main") == SQLITE_TXN_WRITE) {
        rc = tarn_db_sweep(c->shared, c->db, &t->outbox, err);
    }
    if (rc) return rc;
    t->changes.folder = c->shared->spool;
    t->active = 1;
    return TARN_OK;
}

static int join(struct tarn_conn *c, void *owner, int capture, struct tarn_err *err) {
    struct tarn_txn *t = c->txn;
    int i;

    if (!t->active) {
        int rc = begin(c, capture, err);

        if (rc) return rc;
    }
    for (i = 0; i < t->n_owners; i++) {
        if (t->owners[i].table == owner) break;
    }
    if (i == TARN_TXN_OWNERS) {
        return tarn_err_set(err, TARN_ELIMIT, "more than %d event tables in one transaction",
                            TARN_TXN_OWNERS);
    }
    if (i == t->n_owners) t->n_owners++;
    t->owners[i].table = owner;
    t->owners[i].joined = 1;
    return TARN_OK;
}

int tarn_txn_begin(struct tarn_conn *c, void *owner, struct tarn_err *err) {
    return join(c, owner, 0, err);
}

int tarn_txn_begin_capture(struct tarn_conn *c, void *owner, struct tarn_err *err) {
    return join(c, owner, 1, err);
}

/* Growing inside the insert that needs it keeps changes() right: the statement sets it at its end. */
static int reserve(struct tarn_conn *c, struct tarn_err *err) {
    struct tarn_txn *t = c->txn;
    uint64_t len = tarn_spill_len(&t->rows);
    struct tarn_position position;
    int rc;

    if (tarn_db_is_memory(c->shared) || len <= t->reserved || len > TARN_SPOOL_MIN) {
        return TARN_OK;
    }
    tarn_db_settled(c->shared, &position);
    rc = tarn_outbox_reserve(&t->outbox, c->db, (size_t)(2 * len), position.collected, err);
    if (rc == TARN_OK) t->reserved = 2 * len;
    return rc;
}

/* Notes where an event begins, so that the commit needn't read all bytes again to sort them. What is
** noted is always the beginning of the transaction: it ends at the first event that can't be noted
** (one with its own prefix or namespace, no memory, too many), which costs time and nothing else. */
static void note_place(struct tarn_txn *t, const struct tarn_event *ev, uint64_t offset) {
    if (t->n_places != t->events || ev->prefix.len || ev->namespace_.len) return;
    if (t->n_places == t->places_capacity) {
        size_t more = t->places_capacity ? 2 * t->places_capacity : PLACES_KEPT;
        struct tarn_spool_place *grown = NULL;

        if (more <= TARN_TXN_PLACES) grown = tarn_reallocarray(t->places, more, sizeof *grown);
        if (!grown) return;
        t->places = grown;
        t->places_capacity = more;
    }
    t->places[t->n_places++] = (struct tarn_spool_place){ev->ts, offset};
}

/* A statement that fails may have no savepoint of its own: nothing of the event may stay. */
int tarn_txn_event(struct tarn_conn *c, const struct tarn_event *ev, struct tarn_err *err) {
    struct tarn_txn *t = c->txn;
    uint64_t before = tarn_spill_len(&t->rows);
    int rc;

    tarn_buf_clear(&t->record);
    tarn_event_encode(&t->record, ev);
    if (t->record.rc == TARN_ENOMEM) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    if (t->record.rc) {
        return tarn_err_set(err, t->record.rc,
                            "an event of more than %u MiB: keep large data elsewhere and its "
                            "address in the event",
                            TARN_EVENT_MAX >> 20);
    }
    if (t->events == UINT32_MAX) {
        return tarn_err_set(err, TARN_ELIMIT, "more than %u events in one transaction", UINT32_MAX);
    }
    rc = tarn_spill_append(&t->rows, t->record.data, t->record.len, err);
    if (rc) return rc;
    rc = reserve(c, err);
    if (rc) {
        (void)tarn_spill_truncate(&t->rows, before, NULL);
        return rc;
    }
    note_place(t, ev, before);
    t->events++;
    t->synced = 0;
    return TARN_OK;
}

int tarn_txn_change(struct tarn_conn *c, const uint8_t *records, size_t n, unsigned changes,
                    struct tarn_err *err) {
    struct tarn_txn *t = c->txn;
    int rc = tarn_spill_append(&t->changes, records, n, err);

    if (rc) return rc;
    t->n_changes += changes;
    t->synced = 0;
    return TARN_OK;
}

int tarn_txn_base(struct tarn_conn *c, const uint8_t *record, size_t n, struct tarn_err *err) {
    struct tarn_txn *t = c->txn;

    tarn_buf_put(&t->bases, record, n);
    if (t->bases.rc) {
        t->bases.rc = TARN_OK;
        return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    }
    t->synced = 0;
    return TARN_OK;
}

int tarn_txn_drop_changes(struct tarn_conn *c, struct tarn_err *err) {
    c->txn->n_changes = 0;
    c->txn->synced = 0;
    return tarn_spill_truncate(&c->txn->changes, 0, err);
}

uint64_t tarn_txn_changes_len(const struct tarn_conn *c) {
    return tarn_spill_len(&c->txn->changes);
}

int tarn_txn_sync(struct tarn_conn *c, struct tarn_err *err) {
    struct tarn_txn *t = c->txn;
    struct tarn_position position;
    char id[17], name[128];
    int rc = TARN_OK;

    if (!t->active || t->synced) return TARN_OK;
    forget_commit(c, 1);
    if (t->events == 0 && t->n_changes == 0 && t->bases.len == 0 && !t->outbox.written) {
        return TARN_OK;
    }
    t->commit = tarn_calloc(1, sizeof *t->commit);
    if (!t->commit) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    tarn_db_identity(c->shared, id, name);
    rc = tarn_txn_payload(c, id, t->commit, err);
    if (rc == TARN_OK && !tarn_db_is_memory(c->shared)) {
        tarn_db_settled(c->shared, &position);
        rc = tarn_outbox_write(&t->outbox, c->db, id, name, &position, t->commit, err);
        if (rc == TARN_OK) tarn_db_identify(c->shared, &t->outbox);
    }
    if (rc) {
        forget_commit(c, 1);
        return rc;
    }
    t->synced = 1;
    return TARN_OK;
}

/* A database without a file has no outbox to number its commits. */
static void number_commit(struct tarn_db *d, struct tarn_commit *commit) {
    int64_t now = tarn_time_now();

    (void)pthread_mutex_lock(&d->mutex);
    commit->sequence = ++d->memory_last;
    commit->time = now > d->memory_time ? now : d->memory_time;
    d->memory_time = commit->time;
    memcpy(commit->previous, d->memory_digest, TARN_DIGEST);
    (void)tarn_commit_digest(commit); /* zero without memory: the chain is this process's own */
    memcpy(d->memory_digest, commit->digest, TARN_DIGEST);
    (void)pthread_mutex_unlock(&d->mutex);
}

/* What the transaction has set is read again; else our own commit, which moves the data version by one,
** is no reason to. */
static void settle_settings(struct tarn_conn *c, int wrote_main) {
    if (c->unsettled) {
        c->unsettled = 0;
        c->loaded = 0;
    } else if (wrote_main) {
        c->settings_version++;
    }
}

void tarn_txn_commit(struct tarn_conn *c) {
    struct tarn_txn *t = c->txn;
    struct tarn_commit *commit = t->commit;

    if (!t->active) return;
    settle_settings(c, commit && commit->len && !tarn_db_is_memory(c->shared));
    t->commit = NULL;
    t->synced = 0;
    if (commit && t->changes_stored) tarn_spill_keep(&t->changes);
    tarn_buf_clear(&t->bases);
    if (commit && commit->len) {
        int memory = tarn_db_is_memory(c->shared);

        if (memory) {
            number_commit(c->shared, commit);
        } else {
            tarn_outbox_committed(&t->outbox, commit);
            tarn_db_adopt(c->shared, &t->outbox.position);
        }
        if (c->on_commit && t->n_changes) c->on_commit(c->on_commit_arg, c, commit);
        tarn_db_submit(c->shared, commit);
        if (memory &&
            strcmp(tarn_settings_text(&c->settings, TARN_SET_DURABILITY), "commit") == 0) {
            (void)tarn_flusher_drain(c->shared, NULL, &c->last);
        }
    } else {
        tarn_commit_free(commit);
        tarn_outbox_rolled_back(&t->outbox);
    }
    end(t);
}

/* The files of bases that the transaction no longer has. */
static void remove_bases(struct tarn_conn *c, size_t from) {
    struct tarn_buf *b = &c->txn->bases;

    if (b->len <= from) return;
    tarn_spool_remove(c->shared->spool, b->data + from, b->len - from);
    b->len = from;
}

void tarn_txn_rollback(struct tarn_conn *c) {
    struct tarn_txn *t = c->txn;

    if (!t->active) return;
    settle_settings(c, 0);
    forget_commit(c, 1);
    remove_bases(c, 0);
    tarn_outbox_rolled_back(&t->outbox);
    end(t);
}

int tarn_txn_savepoint(struct tarn_conn *c, void *owner, int n, struct tarn_err *err) {
    struct tarn_txn *t = c->txn;
    int joined = 0;
    int i;

    for (i = 0; i < t->n_owners; i++) {
        if (t->owners[i].table != owner) continue;
        joined = t->owners[i].joined;
        t->owners[i].joined = 0;
    }
    if (n < 0 || (joined && n < t->n_marks)) return TARN_OK;
    if (n >= t->capacity) {
        int more = n + 16;
        struct tarn_txn_mark *grown = tarn_reallocarray(t->marks, (size_t)more, sizeof *grown);

        if (!grown) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
        t->marks = grown;
        t->capacity = more;
    }
    while (t->n_marks < n)
        t->marks[t->n_marks++] = (struct tarn_txn_mark){0, 0, 0, 0, 0};
    t->marks[n] = (struct tarn_txn_mark){tarn_spill_len(&t->rows), t->events,
                                         tarn_spill_len(&t->changes), t->n_changes, t->bases.len};
    t->n_marks = n + 1;
    return TARN_OK;
}

void tarn_txn_release(struct tarn_conn *c, int n) {
    if (n < 0) n = 0;
    if (n < c->txn->n_marks) c->txn->n_marks = n;
}

int tarn_txn_rollback_to(struct tarn_conn *c, int n, struct tarn_err *err) {
    struct tarn_txn *t = c->txn;
    struct tarn_txn_mark mark = {0, 0, 0, 0, 0};
    int rc;

    if (n >= 0 && n < t->n_marks) mark = t->marks[n];
    if (n + 1 < t->n_marks) t->n_marks = n < 0 ? 0 : n + 1;
    t->events = mark.events;
    if (t->n_places > t->events) t->n_places = (size_t)t->events;
    t->reserved = 0;
    t->synced = 0;
    tarn_outbox_set_back(&t->outbox);
    t->n_changes = mark.changes;
    remove_bases(c, mark.bases_len);
    rc = tarn_spill_truncate(&t->rows, mark.len, err);
    return rc ? rc : tarn_spill_truncate(&t->changes, mark.changes_len, err);
}
