/* outbox.c: writing to the outbox, in the application's transaction. The layout is in outbox.h;
** a connection's view of it is outbox_load.c, reading commits back is outbox_read.c.
**
** Invariants: called only while the application's transaction holds the write lock (xSync, or the
** insert that precedes it), so what is read here can't change under us; the slot of a commit above
** `collected` is never overwritten by another commit; a failed statement's code is returned as it
** is, so that the application's COMMIT fails with it.
*/
#include "outbox.h"

#include <stdio.h>
#include <string.h>

#include "content.h"
#include "mem.h"
#include "outbox_slot.h"
#include "sha256.h"
#include "time.h"

#define GROW_LEAST 128u /* slots: 32 pages */

void tarn_commit_free(struct tarn_commit *c) {
    if (!c) return;
    tarn_free(c->payload);
    tarn_free(c);
}

void tarn_commit_free_list(struct tarn_commit *first) {
    while (first) {
        struct tarn_commit *next = first->next;

        tarn_commit_free(first);
        first = next;
    }
}

int tarn_commit_digest(struct tarn_commit *c) {
    uint8_t text[TARN_DIGEST + 8 + 8 + TARN_DIGEST];
    int rc;

    memcpy(text, c->previous, TARN_DIGEST);
    tarn_slot_put64(text + TARN_DIGEST, c->sequence);
    tarn_slot_put64(text + TARN_DIGEST + 8, (uint64_t)c->time);
    rc = c->changes ? tarn_content_digest(c->payload, c->len, text + TARN_DIGEST + 16)
                    : tarn_sha256(c->payload, c->len, text + TARN_DIGEST + 16);
    return rc ? rc : tarn_sha256(text, sizeof text, c->digest);
}

void tarn_outbox_init(struct tarn_outbox *o) {
    memset(o, 0, sizeof *o);
}

void tarn_outbox_release(struct tarn_outbox *o) {
    tarn_free(o->slots);
    tarn_free(o->taken);
    tarn_outbox_init(o);
}

int tarn_outbox_exists(sqlite3 *db) {
    return sqlite3_table_column_metadata(db, "main", "_tarn_outbox", "data", NULL, NULL, NULL, NULL,
                                         NULL) == SQLITE_OK;
}

static uint32_t slots_for(size_t bytes) {
    return bytes ? (uint32_t)((bytes + TARN_SLOT_PAYLOAD - 1) / TARN_SLOT_PAYLOAD) : 0;
}

/* In steps of a sixteenth: pages that are made now are still in SQLite's cache, and not checkpointed yet,
** when they are filled; and other connections, which read all slots again after each step, do so a
** number of times that grows as the logarithm only. */
static uint32_t step_of(const struct tarn_outbox *o, uint32_t need) {
    uint32_t more = o->n_slots / 16 > GROW_LEAST ? o->n_slots / 16 : GROW_LEAST;

    if (more < need) more = need;
    return more > TARN_SLOT_LIMIT - o->n_slots ? TARN_SLOT_LIMIT - o->n_slots : more;
}

static int add_rows(sqlite3 *db, uint32_t n) {
    sqlite3_stmt *stmt = NULL;
    char sql[80];
    int sq;

    snprintf(sql, sizeof sql, "INSERT INTO main._tarn_outbox VALUES(zeroblob(%d))",
             TARN_SLOT_BYTES);
    sq = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    while (sq == SQLITE_OK && n-- > 0) {
        (void)sqlite3_step(stmt);
        sq = sqlite3_reset(stmt);
    }
    (void)sqlite3_finalize(stmt);
    return sq;
}

static int grow(struct tarn_outbox *o, sqlite3 *db, uint32_t need, struct tarn_err *err) {
    int64_t rowid = sqlite3_last_insert_rowid(db);
    uint32_t more = step_of(o, need);
    int sq;

    if (more == 0) {
        return tarn_err_set(err, TARN_EFULL,
                            "the outbox has %u slots and no more can be made: run SELECT "
                            "tarn_flush(), so that those that were delivered are free again",
                            o->n_slots);
    }
    o->touched = 1;
    sq = add_rows(db, more);
    sqlite3_set_last_insert_rowid(db, rowid);
    if (sq) {
        o->known = 0;
        return tarn_err_sqlite(err, db, sq, "growing the table _tarn_outbox");
    }
    if (tarn_outbox_room(o, o->n_slots + more)) {
        o->known = 0;
        return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    }
    memset(o->slots + o->n_slots, 0, more * sizeof *o->slots);
    o->n_slots += more;
    return TARN_OK;
}

/* Picks `n` free slots, in the order of a ring that begins at the hint. Returns how many. */
static uint32_t pick(const struct tarn_outbox *o, uint64_t collected, uint32_t n, uint32_t *out) {
    uint32_t slot = o->hint < o->n_slots ? o->hint : 0;
    uint32_t found = 0;
    uint32_t i;

    if (o->position.collected > collected) collected = o->position.collected;
    for (i = 0; i < o->n_slots && found < n; i++) {
        if (o->slots[slot] <= collected) {
            if (out) out[found] = slot;
            found++;
        }
        if (++slot == o->n_slots) slot = 0;
    }
    return found;
}

int tarn_outbox_reserve(struct tarn_outbox *o, sqlite3 *db, size_t bytes, uint64_t collected,
                        struct tarn_err *err) {
    uint32_t need = slots_for(bytes) + 1;
    int rc = tarn_outbox_load(o, db, err);

    if (rc || !o->known) return rc;
    if (pick(o, collected, need, NULL) >= need) return TARN_OK;
    return grow(o, db, need, err);
}

static int blob_write(sqlite3 *db, sqlite3_blob **blob, uint32_t slot, const uint8_t *data, int n,
                      struct tarn_err *err) {
    int sq;

    if (*blob) {
        sq = sqlite3_blob_reopen(*blob, (int64_t)slot + 1);
    } else {
        sq = sqlite3_blob_open(db, "main", "_tarn_outbox", "data", (int64_t)slot + 1, 1, blob);
    }
    if (sq == SQLITE_OK) sq = sqlite3_blob_write(*blob, data, n, 0);
    return tarn_err_sqlite(err, db, sq, "writing _tarn_outbox");
}

/* Tables are made by CREATE TABLE … AS, which inserts without being counted as a change. */
static int create(struct tarn_outbox *o, sqlite3 *db, const char *id, const char *name,
                  uint32_t slots, struct tarn_err *err) {
    uint8_t head[TARN_SLOT_BYTES];
    sqlite3_blob *blob = NULL;
    char sql[256];
    int rc = TARN_OK;
    int sq;

    snprintf(sql, sizeof sql,
             "CREATE TABLE main._tarn_outbox AS WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL "
             "SELECT i + 1 FROM s WHERE i < %u) SELECT zeroblob(%d) AS data FROM s",
             (slots < TARN_SLOT_INITIAL ? TARN_SLOT_INITIAL : slots) + 1, TARN_SLOT_BYTES);
    o->touched = 1;
    o->known = 0;
    sq = sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (sq) return tarn_err_sqlite(err, db, sq, "making the table _tarn_outbox");
    tarn_slot_write_head(head, id, name);
    rc = blob_write(db, &blob, 0, head, (int)sizeof head, err);
    if (blob) (void)sqlite3_blob_close(blob);
    return rc;
}

static int write_parts(struct tarn_outbox *o, sqlite3 *db, const struct tarn_position *position,
                       const struct tarn_commit *c, struct tarn_err *err) {
    uint8_t bytes[TARN_SLOT_BYTES];
    sqlite3_blob *blob = NULL;
    uint32_t i;
    int rc = TARN_OK;

    for (i = 0; i < o->n_taken && rc == TARN_OK; i++) {
        tarn_slot_write(bytes, c, i, o->n_taken, position);
        rc = blob_write(db, &blob, o->taken[i], bytes, (int)sizeof bytes, err);
    }
    if (blob) (void)sqlite3_blob_close(blob);
    return rc;
}

/* A commit that was answered BUSY and went on: what it had written is free again. */
static int erase_written(struct tarn_outbox *o, sqlite3 *db, struct tarn_err *err) {
    static const uint8_t zero[TARN_SLOT_BYTES];
    sqlite3_blob *blob = NULL;
    uint32_t i;
    int rc = TARN_OK;

    for (i = 1; i < o->n_slots && rc == TARN_OK; i++) {
        if (o->slots[i] != o->written) continue;
        rc = blob_write(db, &blob, i, zero, (int)sizeof zero, err);
    }
    if (blob) (void)sqlite3_blob_close(blob);
    o->known = 0;
    if (rc == TARN_OK) o->written = 0;
    return rc;
}

/* The view as it is without what this transaction has written before. */
static int look_again(struct tarn_outbox *o, sqlite3 *db, struct tarn_err *err) {
    int rc;

    if (o->written) o->known = 0; /* a savepoint may have undone what was written */
    rc = tarn_outbox_load(o, db, err);
    if (rc == TARN_OK && o->written && o->known) {
        rc = erase_written(o, db, err);
        if (rc == TARN_OK) rc = tarn_outbox_load(o, db, err);
    }
    return rc;
}

static int take_slots(struct tarn_outbox *o, sqlite3 *db, uint64_t collected, uint32_t need,
                      struct tarn_err *err) {
    uint32_t *taken = tarn_reallocarray(o->taken, need, sizeof *taken);

    if (!taken) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    o->taken = taken;
    o->n_taken = pick(o, collected, need, taken);
    while (o->n_taken < need) { /* all of them anew: the ring is another one now */
        int rc = grow(o, db, need, err);

        if (rc) return rc;
        o->n_taken = pick(o, collected, need, taken);
    }
    return TARN_OK;
}

static int write_commit(struct tarn_outbox *o, sqlite3 *db, const char *id, const char *name,
                        const struct tarn_position *position, struct tarn_commit *c,
                        struct tarn_err *err) {
    uint32_t need = slots_for(c->len);
    int64_t now = tarn_time_now();
    int rc = look_again(o, db, err);

    if (rc || need == 0) return rc;
    if (c->len > (size_t)(TARN_SLOT_LIMIT - 1) * TARN_SLOT_PAYLOAD) {
        return tarn_err_set(err, TARN_ELIMIT, "a transaction's outbox row of %zu bytes", c->len);
    }
    if (!o->known) {
        rc = create(o, db, id, name, need, err);
        if (rc == TARN_OK) rc = tarn_outbox_load(o, db, err);
        if (rc) return rc;
    }
    o->wrote = o->position.collected > position->collected ? o->position : *position;
    rc = take_slots(o, db, o->wrote.collected, need, err);
    if (rc) return rc;
    c->sequence = o->last + 1;
    c->time = now > o->last_time ? now : o->last_time;
    memcpy(c->previous, o->last_digest, TARN_DIGEST);
    if (tarn_commit_digest(c)) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    o->written = c->sequence;
    o->touched = 1;
    return write_parts(o, db, &o->wrote, c, err);
}

static int query_only(sqlite3 *db) {
    sqlite3_stmt *stmt = NULL;
    int yes = sqlite3_prepare_v2(db, "PRAGMA query_only", -1, &stmt, NULL) == SQLITE_OK &&
              sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int(stmt, 0) != 0;

    (void)sqlite3_finalize(stmt);
    return yes;
}

int tarn_outbox_write(struct tarn_outbox *o, sqlite3 *db, const char *id, const char *name,
                      const struct tarn_position *position, struct tarn_commit *c,
                      struct tarn_err *err) {
    struct tarn_err why = {0};
    int rc = write_commit(o, db, id, name, position, c, &why);

    if (rc == TARN_EACCES && query_only(db)) { /* switched on after the rows were inserted */
        tarn_err_clear(&why);
        (void)sqlite3_exec(db, "PRAGMA query_only = 0", NULL, NULL, NULL);
        rc = write_commit(o, db, id, name, position, c, &why);
        (void)sqlite3_exec(db, "PRAGMA query_only = 1", NULL, NULL, NULL);
    }
    return rc ? tarn_err_set(err, rc, "%s", why.msg) : TARN_OK;
}

/* Our commit moves the data version by one; if it has moved further, somebody else's followed, and the
** next load reads on. */
void tarn_outbox_committed(struct tarn_outbox *o, const struct tarn_commit *c) {
    uint32_t i;

    if (!o->written || !o->known || o->n_taken == 0) {
        tarn_outbox_rolled_back(o);
        return;
    }
    for (i = 0; i < o->n_taken; i++)
        o->slots[o->taken[i]] = c->sequence;
    o->hint = o->taken[o->n_taken - 1] + 1;
    o->last = c->sequence;
    o->last_time = c->time;
    memcpy(o->last_digest, c->digest, TARN_DIGEST);
    o->position = o->wrote;
    o->written = 0;
    o->n_taken = 0;
    o->touched = 0;
    o->version++;
}

void tarn_outbox_set_back(struct tarn_outbox *o) {
    if (o->touched) o->known = 0;
}

void tarn_outbox_rolled_back(struct tarn_outbox *o) {
    tarn_outbox_set_back(o);
    o->touched = 0;
    o->written = 0;
    o->n_taken = 0;
}
