/* match.h: a scan's predicates: copied, checked, summed up as a range of ts, and decided row by
** row where a file's own columns can't decide them. */
#ifndef TARN_MATCH_H
#define TARN_MATCH_H

#include "arena.h"
#include "scan.h"

struct tarn_match {
    const struct tarn_predicate *predicates; /* column = enum tarn_event_column; IN lists sorted */
    int n;
    int64_t lo, hi; /* what the predicates on ts leave over, inclusive; INT64_MIN/MAX = open */
    int nothing;    /* no row can satisfy them */
};

/* Copies into `a`. TARN_EINVAL when a predicate doesn't suit its column. */
int tarn_match_init(struct tarn_match *m, const struct tarn_predicate *predicates, int n,
                    struct tarn_arena *a, struct tarn_err *err);
/* Does value v of p's column satisfy p? NULL satisfies IS_NULL only. */
int tarn_match_value(const struct tarn_predicate *p, const struct tarn_scanned *v);
/* Is p (on ts) fully told by lo and hi? */
int tarn_match_in_range(const struct tarn_predicate *p);

#endif
