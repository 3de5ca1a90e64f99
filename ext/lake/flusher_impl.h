/* flusher_impl.h: the inside of a delivery, for flusher.c and flusher_fork.c. */
#ifndef TARN_FLUSHER_IMPL_H
#define TARN_FLUSHER_IMPL_H

#include "batch.h"
#include "db.h"

/* What is copied from the shared state holds for one step. */
struct tarn_delivery {
    struct tarn_db *d;
    struct tarn_lake *lake;
    struct tarn_log log;
    char name[128], id[17];
    struct tarn_position at;
    uint64_t limit;
    int forked;
    uint32_t parent;
    uint64_t parent_sequence;
    struct tarn_commit *first; /* contiguous from at.collected + 1 */
    struct tarn_commit *near;  /* the one that was looked for last */
    uint64_t last;             /* of that run */
    int64_t events;
    uint64_t asked;  /* entry for whose commits the outbox has to be read again, */
    uint64_t upto;   /* up to this sequence, */
    uint64_t reread; /* and the one for which it was */
};

/* Digest of a sequence in this database's history; NULL when it isn't known here. */
const uint8_t *tarn_delivery_digest(struct tarn_delivery *v, uint64_t sequence);
/* Has entry e our digest of sequence s? */
int tarn_delivery_shares(struct tarn_delivery *v, const struct tarn_log_entry *e, uint64_t s);
int tarn_position_equal(const struct tarn_position *a, const struct tarn_position *b);
/* Moves the shared position on. */
void tarn_delivery_move(struct tarn_delivery *v, uint64_t collected, uint64_t entry);
/* Leaves the timeline behind sequence `at`: joins the child that has our history, or opens one. */
int tarn_delivery_fork(struct tarn_delivery *v, uint32_t parent, uint64_t at, struct tarn_err *err);
/* Another history stands in entry e: it is aborted, or left to itself. */
int tarn_delivery_diverge(struct tarn_delivery *v, const struct tarn_log_entry *e,
                          enum tarn_log_end end, struct tarn_err *err);

#endif
