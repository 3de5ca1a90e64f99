/* outbox_load.c: a connection's view of the outbox, brought up to date.
**
**   nobody has committed since    the view holds as it is
**   others have                   read on from the last commit that the view knows, slot by slot
**   anything else                 all rows are read
**
** Reading on relies on the order of the ring (outbox.h). It starts only when the last commit known is
** still where it was, and whatever it meets that it doesn't expect (a table that has grown, a
** sequence too high, a commit cut short) makes it read all rows instead.
*/
#include <string.h>

#include "mem.h"
#include "outbox_slot.h"

static unsigned data_version(sqlite3 *db) {
    unsigned v = 0;

    (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_DATA_VERSION, &v);
    return v;
}

int tarn_outbox_room(struct tarn_outbox *o, uint32_t n) {
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

int tarn_outbox_slot(sqlite3 *db, sqlite3_blob **blob, uint32_t index,
                     uint8_t bytes[TARN_SLOT_BYTES], struct tarn_slot *slot, struct tarn_err *err) {
    int64_t rowid = (int64_t)index + 1;
    int sq;

    if (*blob) {
        sq = sqlite3_blob_reopen(*blob, rowid);
    } else {
        sq = sqlite3_blob_open(db, "main", "_tarn_outbox", "data", rowid, 0, blob);
    }
    if (sq == SQLITE_OK && sqlite3_blob_bytes(*blob) != TARN_SLOT_BYTES) {
        return tarn_slot_read(slot, NULL, 0, rowid, err);
    }
    if (sq == SQLITE_OK) sq = sqlite3_blob_read(*blob, bytes, TARN_SLOT_BYTES, 0);
    if (sq) return tarn_err_sqlite(err, db, sq, "reading _tarn_outbox");
    return tarn_slot_read(slot, bytes, TARN_SLOT_BYTES, rowid, err);
}

/* Slot number `index` holds the newest commit so far, or a part of it. */
static void take_newest(struct tarn_outbox *o, uint32_t index, const struct tarn_slot *slot) {
    if (slot->part + 1 == slot->parts) o->hint = index + 1;
    if (slot->sequence == o->last) return;
    o->last = slot->sequence;
    o->last_time = slot->time;
    memcpy(o->last_digest, slot->digest, TARN_DIGEST);
}

static int load_row(struct tarn_outbox *o, sqlite3_stmt *stmt, struct tarn_err *err) {
    int64_t rowid = sqlite3_column_int64(stmt, 0);
    struct tarn_slot slot;
    int rc = TARN_OK;

    if (rowid != (int64_t)o->n_slots + 1 || rowid > TARN_SLOT_LIMIT) {
        return tarn_err_set(err, TARN_ECORRUPT,
                            "table _tarn_outbox: row %lld where %u was expected; rows of it were "
                            "deleted or added by hand: restore the database from a copy",
                            (long long)rowid, o->n_slots + 1);
    }
    if (tarn_outbox_room(o, o->n_slots + 1)) {
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
    if (slot.sequence && slot.sequence >= o->last) take_newest(o, o->n_slots - 1, &slot);
    if (slot.position.collected > o->position.collected) o->position = slot.position;
    return TARN_OK;
}

/* The table, or what stands under its name. */
static int find(sqlite3 *db, int *there, struct tarn_err *err) {
    sqlite3_stmt *stmt = NULL;
    int sq = sqlite3_prepare_v2(db,
                                "SELECT count(*) FROM main.sqlite_schema WHERE name = "
                                "'_tarn_outbox' COLLATE NOCASE",
                                -1, &stmt, NULL);

    *there = 0;
    if (sq == SQLITE_OK && (sq = sqlite3_step(stmt)) == SQLITE_ROW) {
        *there = sqlite3_column_int(stmt, 0) > 0;
        sq = SQLITE_OK;
    }
    (void)sqlite3_finalize(stmt);
    return sq ? tarn_err_sqlite(err, db, sq, "looking for the table _tarn_outbox") : TARN_OK;
}

static int load_all(struct tarn_outbox *o, sqlite3 *db, struct tarn_err *err) {
    sqlite3_stmt *stmt = NULL;
    int there = 0;
    int rc = find(db, &there, err);
    int sq;

    if (rc || !there) return rc;
    sq = sqlite3_prepare_v2(db, "SELECT rowid, data FROM main._tarn_outbox ORDER BY rowid", -1,
                            &stmt, NULL);
    while (sq == SQLITE_OK && rc == TARN_OK && (sq = sqlite3_step(stmt)) == SQLITE_ROW) {
        sq = SQLITE_OK;
        rc = load_row(o, stmt, err);
    }
    if (sq == SQLITE_DONE) sq = SQLITE_OK;
    if (rc == TARN_OK && sq) rc = tarn_err_sqlite(err, db, sq, "reading _tarn_outbox");
    (void)sqlite3_finalize(stmt);
    if (rc == TARN_OK && o->n_slots == 0) {
        rc = tarn_err_set(err, TARN_ECORRUPT,
                          "table _tarn_outbox has lost its first row: restore the database from a "
                          "copy");
    }
    o->known = rc == TARN_OK;
    return rc;
}

/* Is the last commit that the view knows still the one that is there? */
static int still_there(const struct tarn_outbox *o, sqlite3 *db, sqlite3_blob **blob,
                       uint8_t bytes[TARN_SLOT_BYTES]) {
    struct tarn_slot slot;

    return o->last && o->hint > 1 && o->hint <= o->n_slots &&
           tarn_outbox_slot(db, blob, o->hint - 1, bytes, &slot, NULL) == TARN_OK &&
           slot.sequence == o->last && slot.part + 1 == slot.parts &&
           memcmp(slot.digest, o->last_digest, TARN_DIGEST) == 0;
}

static uint32_t count_rows(sqlite3 *db) {
    sqlite3_stmt *stmt = NULL;
    int64_t n = 0;

    if (sqlite3_prepare_v2(db, "SELECT max(rowid) FROM main._tarn_outbox", -1, &stmt, NULL) ==
            SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        n = sqlite3_column_int64(stmt, 0);
    }
    (void)sqlite3_finalize(stmt);
    return n > 0 && n <= TARN_SLOT_LIMIT ? (uint32_t)n : 0;
}

/* 1 when the view holds again. */
static int read_on(struct tarn_outbox *o, sqlite3 *db) {
    uint8_t bytes[TARN_SLOT_BYTES];
    sqlite3_blob *blob = NULL;
    uint32_t index = o->hint;
    uint32_t steps = 0;
    uint32_t part = 0; /* next one of commit o->last + (part == 0) */
    int done = 0;
    int good = count_rows(db) == o->n_slots && still_there(o, db, &blob, bytes);

    while (good && !done && steps++ < o->n_slots) {
        struct tarn_slot slot;

        if (index >= o->n_slots) index = 1;
        if (tarn_outbox_slot(db, &blob, index, bytes, &slot, NULL)) {
            good = 0;
        } else if (slot.sequence == o->last + (part == 0) && slot.sequence) {
            good = slot.part == part;
            o->slots[index] = slot.sequence;
            take_newest(o, index, &slot);
            if (slot.position.collected > o->position.collected) o->position = slot.position;
            part = slot.part + 1 == slot.parts ? 0 : part + 1;
            steps = part == 0 ? 0 : steps;
        } else if (slot.sequence > o->last) {
            good = 0;
        } else if (slot.sequence <= o->position.collected) {
            done = 1;
        }
        index++;
    }
    if (blob) (void)sqlite3_blob_close(blob);
    return good && part == 0;
}

int tarn_outbox_load(struct tarn_outbox *o, sqlite3 *db, struct tarn_err *err) {
    unsigned version = data_version(db);
    uint64_t written = o->written;
    int touched = o->touched;
    int rc = TARN_OK;

    if (o->known && o->version == version) return TARN_OK;
    if (!o->known || o->touched || !read_on(o, db)) {
        tarn_outbox_release(o);
        rc = load_all(o, db, err);
        if (rc) tarn_outbox_release(o);
    }
    o->written = written;
    o->touched = touched;
    o->version = data_version(db);
    return rc;
}
