/* state.h: what a collection held at a bookmark, or holds now: the newest base at or before it, and the
** changes since, of each pk the last one.
**
**   base (data.parquet, a snapshot, or the file of a commit that waits) ─┐
**   deltas, commits that wait, the open transaction (only now) ──────────┴─► a table by pk ─► rows
**
** The table is a temporary database of its own, on disk where it must be, so memory is bounded. Only
** the history that the bookmark is of counts: its timeline, and what its ancestors had before it.
** Changes of the base's own bookmark are applied again: each carries its row as a whole, so that the
** last one of a pk wins whatever the base had of it already.
*/
#ifndef TARN_CDC_STATE_H
#define TARN_CDC_STATE_H

#include "bookmark.h"
#include "record.h"

struct tarn_conn;
struct tarn_state;

struct tarn_state_spec {
    struct tarn_conn *conn;
    const char *collection;         /* "namespace/collection", percent-encoded */
    const struct tarn_bookmark *at; /* NULL = now */
    size_t memory_budget;
    int (*interrupted)(void *); /* may be NULL */
    void *interrupted_arg;
};

struct tarn_state_row {
    struct tarn_slice pk, ts, data, bookmark; /* ts, bookmark: empty = none yet */
};

/* Gathers it. TARN_ENOTFOUND when the lake holds bases of the collection, but none as old as `at`. */
int tarn_state_open(struct tarn_state **out, const struct tarn_state_spec *spec,
                    struct tarn_err *err);
/* The next row by the bytes of pk, valid until the next call. *more = 0 at the end. */
int tarn_state_next(struct tarn_state *s, struct tarn_state_row *out, int *more,
                    struct tarn_err *err);
/* Its temporary database, for tables of the caller's own (names that don't begin with "state"). */
sqlite3 *tarn_state_db(struct tarn_state *s);
/* Bookmark of the base that it began with; "" = none. */
const char *tarn_state_base(const struct tarn_state *s);
void tarn_state_free(struct tarn_state *s); /* NULL is fine */

/* A row's JSON as the values of d's columns, found by name; those it hasn't got are `absent`'s (the
** columns' defaults). Arrays lie in the arena, bytes there or in `data`. */
int tarn_state_values(struct tarn_value **out, const struct tarn_definition *d,
                      const struct tarn_value *absent, struct tarn_slice data,
                      struct tarn_arena *arena, struct tarn_err *err);

#endif
