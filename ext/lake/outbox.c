/* outbox.c: writing to the outbox, in the application's transaction. The layout is in outbox.h;
** reading commits back is outbox_read.c.
**
** Invariants: called only while the application's transaction holds the write lock (xSync, or the
** insert that precedes it), so what is read here can't change under us; the slot of a commit above
** `collected` is never overwritten by another commit; a failed statement's code is returned as it
** is, so that the application's COMMIT fails with it.
*/
#include "outbox.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include <openssl/sha.h>

#include "buf.h"
#include "mem.h"
#include "outbox_slot.h"
#include "time.h"

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

void tarn_commit_digest(struct tarn_commit *c) {
    uint8_t text[TARN_DIGEST + 8 + 8 + TARN_DIGEST];

    memcpy(text, c->previous, TARN_DIGEST);
    tarn_slot_put64(text + TARN_DIGEST, c->sequence);
    tarn_slot_put64(text + TARN_DIGEST + 8, (uint64_t)c->time);
    SHA256(c->payload ? c->payload : (const uint8_t *)"", c->len, text + TARN_DIGEST + 16);
    SHA256(text, sizeof text, c->digest);
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

static unsigned data_version(sqlite3 *db) {
    unsigned v = 0;

    (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_DATA_VERSION, &v);
    return v;
}

static int room_for(struct tarn_outbox *o, uint32_t n) {
    uint32_t capacity = o->capacity ? o->capacity : 128;
    uint64_t *grown;

    if (n <= o->capacity) return TARN_OK;
    while (capacity < n)
        capacity *= 2;
    grown = tarn_reallocarray(o->slots, capacity, sizeof *grown);
    if (!grown) return TARN_ENOMEM;
    o->slots = grown;
    o->capacity = capacity;
    return TARN_OK;
}

static int load_slot(struct tarn_outbox *o, sqlite3_stmt *stmt, struct tarn_err *err) {
    int64_t rowid = sqlite3_column_int64(stmt, 0);
    struct tarn_slot slot;
    int rc = TARN_OK;

    if (rowid != (int64_t)o->n_slots + 1) {
        return tarn_err_set(err, TARN_ECORRUPT,
                            "table _tarn_outbox: row %lld where %u was expected; rows of it were "
                            "deleted or added by hand",
                            (long long)rowid, o->n_slots + 1);
    }
    if (room_for(o, o->n_slots + 1)) {
        return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    }
    if (rowid == 1) {
        o->slots[o->n_slots++] = UINT64_MAX;
        return tarn_slot_read_head(o, sqlite3_column_blob(stmt, 1), sqlite3_column_bytes(stmt, 1),
                                   err);
    }
    rc = tarn_slot_read(&slot, sqlite3_column_blob(stmt, 1), sqlite3_column_bytes(stmt, 1), rowid,
                        err);
    if (rc) return rc;
    o->slots[o->n_slots++] = slot.sequence;
    if (slot.sequence > o->last) {
        o->last = slot.sequence;
        o->last_time = slot.time;
        o->hint = o->n_slots;
        memcpy(o->last_digest, slot.digest, TARN_DIGEST);
        if (slot.position.collected >= o->position.collected) o->position = slot.position;
    }
    return TARN_OK;
}

int tarn_outbox_load(struct tarn_outbox *o, sqlite3 *db, struct tarn_err *err) {
    sqlite3_stmt *stmt = NULL;
    uint64_t written = o->written;
    int rc = TARN_OK;
    int sq;

    if (o->known && o->version == data_version(db)) return TARN_OK;
    tarn_outbox_release(o);
    o->written = written;
    if (!tarn_outbox_exists(db)) return TARN_OK;
    sq = sqlite3_prepare_v2(db, "SELECT rowid, data FROM main._tarn_outbox ORDER BY rowid", -1,
                            &stmt, NULL);
    while (sq == SQLITE_OK && rc == TARN_OK && (sq = sqlite3_step(stmt)) == SQLITE_ROW) {
        sq = SQLITE_OK;
        rc = load_slot(o, stmt, err);
    }
    sq = stmt ? sqlite3_finalize(stmt) : sq;
    if (rc == TARN_OK && sq) rc = tarn_err_sqlite(err, db, sq, "reading _tarn_outbox");
    if (rc == TARN_OK && o->n_slots == 0) {
        rc = tarn_err_set(err, TARN_ECORRUPT, "table _tarn_outbox has lost its first row");
    }
    if (rc) {
        tarn_outbox_release(o);
        return rc;
    }
    o->version = data_version(db);
    o->known = 1;
    return TARN_OK;
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
    sq = sqlite3_exec(db, sql, NULL, NULL, NULL);
    if (sq) return tarn_err_sqlite(err, db, sq, "making the table _tarn_outbox");
    tarn_slot_write_head(head, id, name);
    rc = blob_write(db, &blob, 0, head, (int)sizeof head, err);
    if (blob) (void)sqlite3_blob_close(blob);
    o->known = 0;
    return rc;
}

static int grow(struct tarn_outbox *o, sqlite3 *db, uint32_t more, struct tarn_err *err) {
    int64_t rowid = sqlite3_last_insert_rowid(db);
    char sql[256];
    int sq;

    if (more < o->n_slots) more = o->n_slots;
    snprintf(sql, sizeof sql,
             "WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < %u) "
             "INSERT INTO main._tarn_outbox SELECT zeroblob(%d) FROM s",
             more, TARN_SLOT_BYTES);
    sq = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_set_last_insert_rowid(db, rowid);
    if (sq) return tarn_err_sqlite(err, db, sq, "growing the table _tarn_outbox");
    if (room_for(o, o->n_slots + more)) {
        o->known = 0;
        return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    }
    memset(o->slots + o->n_slots, 0, more * sizeof *o->slots);
    o->n_slots += more;
    return TARN_OK;
}

static int is_free(const struct tarn_outbox *o, uint32_t slot, uint64_t collected) {
    return o->slots[slot] <= collected || o->slots[slot] == o->written;
}

/* Picks `n` free slots, in the order of a ring that begins at the hint. Returns how many. */
static uint32_t pick(const struct tarn_outbox *o, uint64_t collected, uint32_t n, uint32_t *out) {
    uint32_t found = 0;
    uint32_t i;

    for (i = 0; i < o->n_slots && found < n; i++) {
        uint32_t slot = (uint32_t)(((uint64_t)o->hint + i) % o->n_slots);

        if (slot != 0 && is_free(o, slot, collected)) {
            if (out) out[found] = slot;
            found++;
        }
    }
    return found;
}

static uint32_t slots_for(size_t bytes) {
    return bytes ? (uint32_t)((bytes + TARN_SLOT_PAYLOAD - 1) / TARN_SLOT_PAYLOAD) : 0;
}

int tarn_outbox_reserve(struct tarn_outbox *o, sqlite3 *db, size_t bytes, uint64_t collected,
                        struct tarn_err *err) {
    uint32_t need = slots_for(bytes) + 1;
    int rc = tarn_outbox_load(o, db, err);

    if (rc || !o->known) return rc;
    if (pick(o, collected, need, NULL) >= need) return TARN_OK;
    return grow(o, db, need, err);
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
        o->slots[i] = 0;
    }
    if (blob) (void)sqlite3_blob_close(blob);
    o->written = 0;
    o->known = 0;
    return rc;
}

int tarn_outbox_write(struct tarn_outbox *o, sqlite3 *db, const char *id, const char *name,
                      const struct tarn_position *position, struct tarn_commit *c,
                      struct tarn_err *err) {
    uint32_t need = slots_for(c->len);
    uint32_t *taken = NULL;
    int64_t now = tarn_time_now();
    int rc = TARN_OK;

    if (o->written) o->known = 0; /* a savepoint may have undone what was written: look again */
    rc = tarn_outbox_load(o, db, err);
    if (rc == TARN_OK && o->written && o->known) {
        rc = erase_written(o, db, err);
        if (rc == TARN_OK) rc = tarn_outbox_load(o, db, err);
    }
    if (rc || need == 0) return rc;
    if (!o->known) {
        rc = create(o, db, id, name, need, err);
        if (rc == TARN_OK) rc = tarn_outbox_load(o, db, err);
        if (rc) return rc;
    }
    if (pick(o, position->collected, need, NULL) < need) {
        rc = grow(o, db, need, err);
        if (rc) return rc;
    }
    taken = tarn_reallocarray(o->taken, need, sizeof *taken);
    if (!taken) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    o->taken = taken;
    o->n_taken = pick(o, position->collected, need, taken);
    c->sequence = o->last + 1;
    c->time = now > o->last_time ? now : o->last_time;
    memcpy(c->previous, o->last_digest, TARN_DIGEST);
    tarn_commit_digest(c);
    o->written = c->sequence;
    return write_parts(o, db, position, c, err);
}

void tarn_outbox_committed(struct tarn_outbox *o, sqlite3 *db, const struct tarn_commit *c) {
    uint32_t i;

    if (!o->written || !o->known) {
        tarn_outbox_rolled_back(o);
        return;
    }
    for (i = 0; i < o->n_taken; i++)
        o->slots[o->taken[i]] = c->sequence;
    if (o->n_taken) o->hint = o->taken[o->n_taken - 1] + 1;
    o->last = c->sequence;
    o->last_time = c->time;
    memcpy(o->last_digest, c->digest, TARN_DIGEST);
    o->written = 0;
    o->n_taken = 0;
    o->version = data_version(db);
}

void tarn_outbox_rolled_back(struct tarn_outbox *o) {
    o->known = 0;
    o->written = 0;
    o->n_taken = 0;
}
