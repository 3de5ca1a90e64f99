/* outbox.h: the transactional outbox: committed work that is not in the lake yet, in the
** application's own database.
**
** Table `_tarn_outbox(data)` of main. Row 1 names the database; the others are preallocated slots
** of 1,000 bytes, written with sqlite3_blob_write, which leaves changes(), total_changes(),
** last_insert_rowid() and the update hook alone. A commit takes as many slots as it needs; a slot
** is free again once its sequence is at or below `collected`. Nothing is ever deleted: collecting
** is only knowing that number, and each slot carries it for whoever opens the database next.
**
**   row 1   "TARNOBX1" | 16 hex digits: database id | u8 length, name
**   slot    u32 magic "TOB1" | u32 CRC-32 of all that follows in the slot | u64 sequence
**           | u32 part | u32 parts | u32 bytes here | u32 events in the commit | u64 bytes in all
**           | i64 time, ms | u64 collected | u64 log entry | u32 timeline
**           | u32 rows changed; the highest bit: the payload names files
**           | 32 bytes digest of the commit before | 32 bytes digest of this one | bytes
**           (all zero: free)
**
** Order of use: a ring. A commit takes the first free slots behind the last part of the commit before
** it, where free means: not above the highest `collected` that any slot or the writer knows. So who
** has seen commit L finds L + 1 by reading on from there: a slot that was free at L and is still as it
** was is the end of what has been committed.
**
** digest = SHA-256(digest before | u64 sequence | i64 time | content), little-endian; content is what
** content.h makes of the payload, a run of records (payload.h).
*/
#ifndef TARN_OUTBOX_H
#define TARN_OUTBOX_H

#include <stddef.h>
#include <stdint.h>

#include "sqlite.h"

#define TARN_DIGEST 32

/* One committed transaction. */
struct tarn_commit {
    struct tarn_commit *next;
    uint64_t sequence;
    int64_t time; /* ms; never before its predecessor's */
    uint32_t events;
    uint32_t changes; /* rows changed in tracked tables; UINT32_MAX = that or more */
    int files;        /* the payload names spool files */
    int64_t queued;   /* tarn_time_monotonic when it reached this process */
    uint8_t previous[TARN_DIGEST];
    uint8_t digest[TARN_DIGEST];
    uint8_t *payload; /* owned */
    size_t len;
};

/* What it counts for: events, and rows changed. */
static inline uint64_t tarn_commit_rows(const struct tarn_commit *c) {
    return (uint64_t)c->events + c->changes;
}
void tarn_commit_free(struct tarn_commit *c); /* this one only; NULL is fine */
void tarn_commit_free_list(struct tarn_commit *first);
/* From previous, sequence, time and payload. 0, TARN_ENOMEM, or TARN_ECORRUPT for a payload that is
** none. */
int tarn_commit_digest(struct tarn_commit *c);

/* How far delivery has come. */
struct tarn_position {
    uint64_t collected; /* all sequences up to here are in the lake */
    uint64_t entry;     /* last finished entry of the flush log */
    uint32_t timeline;
};

/* One connection's view of the outbox. */
struct tarn_outbox {
    int known;        /* what follows was read, */
    unsigned version; /* at this SQLITE_FCNTL_DATA_VERSION */
    int touched;      /* the open transaction has grown it or written to it */
    char id[17];      /* "" = no outbox yet */
    char name[128];
    struct tarn_position position; /* the best that any slot says */
    uint64_t last;                 /* highest sequence */
    int64_t last_time;
    uint8_t last_digest[TARN_DIGEST];
    uint64_t *slots; /* sequence in each slot; index 0 = row 1, never free */
    uint32_t n_slots;
    uint32_t capacity; /* of `slots` */
    uint32_t
        hint; /* behind the last part of the last commit: free slots are looked for from there */
    uint64_t written;           /* sequence written by the open transaction, 0 = none */
    struct tarn_position wrote; /* with this position */
    uint32_t *taken;            /* its slots */
    uint32_t n_taken;
};

void tarn_outbox_init(struct tarn_outbox *o);
void tarn_outbox_release(struct tarn_outbox *o);
/* 1 when main has an outbox. Cheap: looks at the schema only, which may be out of date unless a
** statement runs. */
int tarn_outbox_exists(sqlite3 *db);
/* Brings the view up to date: nothing to do when nobody has committed, a few rows to read when
** somebody has, all of them the first time. No outbox: id is "". */
int tarn_outbox_load(struct tarn_outbox *o, sqlite3 *db, struct tarn_err *err);
/* Makes sure that `bytes` of payload fit without growing; grows by an INSERT if they don't. */
int tarn_outbox_reserve(struct tarn_outbox *o, sqlite3 *db, size_t bytes, uint64_t collected,
                        struct tarn_err *err);
/* In xSync: writes c, in the application's transaction, and fills its sequence, time, previous and
** digest. Called again in the same transaction it replaces what it wrote; with c->len == 0 it
** removes it. Makes the outbox when it isn't there (`id` and `name` are taken then). */
int tarn_outbox_write(struct tarn_outbox *o, sqlite3 *db, const char *id, const char *name,
                      const struct tarn_position *position, struct tarn_commit *c,
                      struct tarn_err *err);
void tarn_outbox_committed(struct tarn_outbox *o, const struct tarn_commit *c);
void tarn_outbox_rolled_back(struct tarn_outbox *o);
/* After ROLLBACK TO: what this transaction did to the outbox may have been undone. */
void tarn_outbox_set_back(struct tarn_outbox *o);
/* Reads commits with `after` < sequence, in order: until `max_bytes` of payload and sequence `upto`
** are both there (at least one commit). Leaves out what the view says is collected, and what the
** open transaction wrote. *more = 1 when there are others. The view is loaded, in the same read
** transaction. */
int tarn_outbox_read(const struct tarn_outbox *o, sqlite3 *db, uint64_t after, uint64_t upto,
                     size_t max_bytes, struct tarn_commit **first, int *more, struct tarn_err *err);

#endif
