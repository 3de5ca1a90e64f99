/* state_impl.h: what the parts of a state share: state.c (the table), state_base.c (where it begins),
** state_line.c (which history counts).
*/
#ifndef TARN_CDC_STATE_IMPL_H
#define TARN_CDC_STATE_IMPL_H

#include "changes_impl.h"
#include "state.h"

struct tarn_state_era { /* of a timeline, sequences up to `upto` belong to the history */
    uint32_t timeline;
    uint64_t upto;
};

struct tarn_state {
    struct tarn_state_spec spec;
    sqlite3 *db;
    sqlite3_stmt *put, *drop, *rows;
    struct tarn_state_era *eras; /* from the bookmark's timeline back to the first one */
    size_t n_eras;
    char base[TARN_BOOKMARK + 1];
    char etag[TARN_ETAG_MAX]; /* of data.parquet when it was looked at; "" = there is none */
};

int tarn_state_put(struct tarn_state *s, const struct tarn_state_row *row, struct tarn_err *err);

/* state_line.c */
int tarn_state_trace(struct tarn_state *s, struct tarn_err *err);
/* Is the bookmark of the history? A text that is none of ours is. */
int tarn_state_counts(const struct tarn_state *s, struct tarn_slice bookmark);

/* state_base.c */
/* The base to begin with in the lake: *found, *object (its key is the caller's to free with tarn_free), and
** s->base. */
int tarn_state_find_base(struct tarn_state *s, struct tarn_lake *lake, int *found,
                         struct tarn_object *object, struct tarn_err *err);
/* Is data.parquet still the one that find_base saw? */
int tarn_state_base_stands(struct tarn_state *s, struct tarn_lake *lake, int *yes,
                           struct tarn_err *err);
int tarn_state_read_base(struct tarn_state *s, struct tarn_changes_scan *scan,
                         struct tarn_object *object, struct tarn_err *err);
/* Of a commit that waits, if that is a later one than s->base: read, and s->base set. */
int tarn_state_read_waiting(struct tarn_state *s, struct tarn_changes_scan *scan, int *read,
                            struct tarn_err *err);

#endif
