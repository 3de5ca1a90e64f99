/* outbox_read.c: commits read back from the outbox, in order, whole or not at all.
**
** Slots come in any order; each is placed in its commit by sequence and part. A commit with a part
** missing is damage: its slots are only reused once it is collected.
*/
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "outbox_slot.h"

struct reader {
    struct tarn_commit **commits;
    uint32_t *parts_seen;
    size_t n;
};

static int by_sequence(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

/* The sequences to read: in order, as many as fit into max_bytes. */
static int choose(sqlite3 *db, uint64_t after, uint64_t except, uint64_t **out, size_t *n,
                  struct tarn_err *err) {
    sqlite3_stmt *stmt = NULL;
    uint64_t *all = NULL;
    uint64_t collected = after;
    size_t count = 0;
    size_t capacity = 0;
    size_t i;
    int rc = TARN_OK;
    int sq = sqlite3_prepare_v2(db, "SELECT rowid, data FROM main._tarn_outbox WHERE rowid > 1", -1,
                                &stmt, NULL);

    while (sq == SQLITE_OK && rc == TARN_OK && (sq = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct tarn_slot slot;

        sq = SQLITE_OK;
        rc = tarn_slot_read(&slot, sqlite3_column_blob(stmt, 1), sqlite3_column_bytes(stmt, 1),
                            sqlite3_column_int64(stmt, 0), err);
        if (rc == TARN_OK && slot.position.collected > collected) {
            collected = slot.position.collected;
        }
        if (rc || slot.sequence <= after || slot.sequence == except || slot.part != 0) continue;
        if (count + 2 > capacity) {
            uint64_t *grown = NULL;

            capacity = capacity ? 2 * capacity : 256;
            grown = tarn_reallocarray(all, capacity, sizeof *grown);
            if (!grown) {
                rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
                continue;
            }
            all = grown;
        }
        all[count++] = slot.sequence;
        all[count++] = slot.total;
    }
    sq = stmt ? sqlite3_finalize(stmt) : sq;
    if (rc == TARN_OK && sq) rc = tarn_err_sqlite(err, db, sq, "reading _tarn_outbox");
    if (rc) {
        tarn_free(all);
        return rc;
    }
    for (i = 0, *n = 0; i < count; i += 2) {
        if (all[i] <= collected) continue; /* another process delivered it; slots may be reused */
        all[2 * *n] = all[i];
        all[2 * *n + 1] = all[i + 1];
        *n += 1;
    }
    if (*n) qsort(all, *n, 2 * sizeof *all, by_sequence);
    *out = all;
    return TARN_OK;
}

static struct tarn_commit *find(struct reader *r, uint64_t sequence, size_t *index) {
    size_t lo = 0;
    size_t hi = r->n;

    while (lo < hi) {
        size_t mid = (lo + hi) / 2;

        if (r->commits[mid]->sequence < sequence) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    *index = lo;
    return lo < r->n && r->commits[lo]->sequence == sequence ? r->commits[lo] : NULL;
}

static int place(struct reader *r, const struct tarn_slot *slot) {
    size_t index = 0;
    struct tarn_commit *c = find(r, slot->sequence, &index);
    uint64_t at = (uint64_t)slot->part * TARN_SLOT_PAYLOAD;

    if (!c) return 0;
    if (at + slot->bytes > c->len || slot->total != c->len ||
        slot->parts != (c->len + TARN_SLOT_PAYLOAD - 1) / TARN_SLOT_PAYLOAD) {
        return -1;
    }
    memcpy(c->payload + at, slot->payload, slot->bytes);
    r->parts_seen[index] += 1;
    if (slot->part == 0) {
        c->time = slot->time;
        c->events = slot->events;
        memcpy(c->previous, slot->previous, TARN_DIGEST);
        memcpy(c->digest, slot->digest, TARN_DIGEST);
    }
    return 0;
}

static int make_commits(struct reader *r, const uint64_t *chosen, size_t n, size_t max_bytes,
                        int64_t slots, struct tarn_err *err) {
    size_t bytes = 0;
    size_t i;

    r->commits = tarn_calloc(n, sizeof *r->commits);
    r->parts_seen = tarn_calloc(n, sizeof *r->parts_seen);
    if (!r->commits || !r->parts_seen) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    for (i = 0; i < n; i++) {
        uint64_t total = chosen[2 * i + 1];
        struct tarn_commit *c;

        if (total == 0 || total > (uint64_t)slots * TARN_SLOT_PAYLOAD ||
            (i && chosen[2 * i] == chosen[2 * i - 2])) {
            return tarn_err_set(err, TARN_ECORRUPT,
                                "table _tarn_outbox: sequence %llu claims %llu bytes in %lld slots",
                                (unsigned long long)chosen[2 * i], (unsigned long long)total,
                                (long long)slots);
        }
        if (i && bytes + total > max_bytes) break;
        bytes += total;
        c = r->commits[i] = tarn_calloc(1, sizeof *c);
        if (!c) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
        r->n++;
        c->sequence = chosen[2 * i];
        c->len = (size_t)total;
        c->payload = tarn_calloc(1, c->len);
        if (!c->payload) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    }
    return TARN_OK;
}

static int fill(struct reader *r, sqlite3 *db, struct tarn_err *err) {
    sqlite3_stmt *stmt = NULL;
    int rc = TARN_OK;
    int sq = sqlite3_prepare_v2(db, "SELECT rowid, data FROM main._tarn_outbox WHERE rowid > 1", -1,
                                &stmt, NULL);

    while (sq == SQLITE_OK && rc == TARN_OK && (sq = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct tarn_slot slot;

        sq = SQLITE_OK;
        rc = tarn_slot_read(&slot, sqlite3_column_blob(stmt, 1), sqlite3_column_bytes(stmt, 1),
                            sqlite3_column_int64(stmt, 0), err);
        if (rc == TARN_OK && slot.sequence && place(r, &slot)) {
            rc = tarn_err_set(err, TARN_ECORRUPT,
                              "table _tarn_outbox, row %lld: part %u of sequence %llu does not fit",
                              (long long)sqlite3_column_int64(stmt, 0), slot.part,
                              (unsigned long long)slot.sequence);
        }
    }
    sq = stmt ? sqlite3_finalize(stmt) : sq;
    if (rc == TARN_OK && sq) rc = tarn_err_sqlite(err, db, sq, "reading _tarn_outbox");
    return rc;
}

static int check(const struct reader *r, struct tarn_err *err) {
    size_t i;

    for (i = 0; i < r->n; i++) {
        const struct tarn_commit *c = r->commits[i];
        struct tarn_commit copy = *c;

        tarn_commit_digest(&copy);
        if (r->parts_seen[i] != (c->len + TARN_SLOT_PAYLOAD - 1) / TARN_SLOT_PAYLOAD ||
            memcmp(copy.digest, c->digest, TARN_DIGEST) != 0) {
            return tarn_err_set(err, TARN_ECORRUPT,
                                "table _tarn_outbox: sequence %llu is damaged (its digest does not "
                                "match)",
                                (unsigned long long)c->sequence);
        }
    }
    return TARN_OK;
}

static int64_t count_slots(sqlite3 *db) {
    sqlite3_stmt *stmt = NULL;
    int64_t n = 0;

    if (sqlite3_prepare_v2(db, "SELECT max(rowid) FROM main._tarn_outbox", -1, &stmt, NULL) ==
            SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        n = sqlite3_column_int64(stmt, 0);
    }
    (void)sqlite3_finalize(stmt);
    return n;
}

int tarn_outbox_read(sqlite3 *db, uint64_t after, uint64_t except, size_t max_bytes,
                     struct tarn_commit **first, int *more, struct tarn_err *err) {
    struct reader r = {NULL, NULL, 0};
    uint64_t *chosen = NULL;
    size_t n = 0;
    size_t i;
    int rc = TARN_OK;

    *first = NULL;
    *more = 0;
    if (!tarn_outbox_exists(db)) return TARN_OK;
    rc = choose(db, after, except, &chosen, &n, err);
    if (rc || n == 0) goto out;
    rc = make_commits(&r, chosen, n, max_bytes, count_slots(db), err);
    if (rc == TARN_OK) rc = fill(&r, db, err);
    if (rc == TARN_OK) rc = check(&r, err);
    if (rc) goto out;
    *more = r.n < n;
    for (i = r.n; i-- > 0;) {
        r.commits[i]->next = *first;
        *first = r.commits[i];
        r.commits[i] = NULL;
    }
out:
    for (i = 0; r.commits && i < n; i++)
        tarn_commit_free(r.commits[i]);
    tarn_free(r.commits);
    tarn_free(r.parts_seen);
    tarn_free(chosen);
    return rc;
}
