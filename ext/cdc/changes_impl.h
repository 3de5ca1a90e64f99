/* changes_impl.h: what the parts of the scan of changes share: changes_scan.c (open, order of units,
** restart), changes_file.c (rows of one file), changes_unit.c (rows of one commit that waits),
** changes_settle.c (what the lake has of those).
*/
#ifndef TARN_CDC_CHANGES_IMPL_H
#define TARN_CDC_CHANGES_IMPL_H

#include "arena.h"
#include "bookmark.h"
#include "changes_scan.h"
#include "record.h"
#include "time.h"
#include "waiting.h"

struct tarn_changes_unit { /* a file, or a commit that waits */
    int waits;
    size_t index;
    uint32_t timeline;
    uint64_t place; /* NNN, or the commit's sequence; UINT64_MAX: the open transaction */
};

struct tarn_changes_reader { /* one file */
    struct tarn_changes_file *file;
    struct tarn_source source;
    struct tarn_pq_footer *footer;
    struct tarn_pq_scan *pq;
    int leaves[TARN_CHANGES_TEXTS]; /* -1: the file hasn't got it */
    int slots[TARN_CHANGES_TEXTS];  /* in a batch; -1 = not read */
    int group;
    struct tarn_pq_block *blocks;
    size_t n_blocks, block; /* blocks not read: [block, n_blocks) */
    struct tarn_pq_batch *batch;
    int64_t row; /* of the batch */
    uint64_t returned;
    uint64_t at_once; /* rows, of the next part */
};

struct tarn_changes_definition {
    uint32_t number;
    struct tarn_definition d;
};

struct tarn_changes_pending { /* one commit that waits */
    struct tarn_waiting_reader reader;
    int open;
    struct tarn_arena lasting; /* definitions */
    struct tarn_changes_definition *definitions;
    size_t n_definitions;
    struct tarn_arena row;
    const struct tarn_definition *definition; /* of the current row */
    struct tarn_change change;
    struct tarn_buf texts[TARN_CHANGES_TEXTS];
    unsigned made; /* bits: which of them are made */
    char ts[TARN_TIME_LEN + 2];
    char bookmark[TARN_BOOKMARK + 1]; /* "" = none yet */
};

struct tarn_changes_scan {
    struct tarn_changes_spec spec; /* its texts lie in `plan` */
    struct tarn_arena plan;
    struct tarn_budget budget;
    struct tarn_changes_stats stats;
    struct tarn_waiting *waiting;
    uint32_t *timelines;    /* per unit of `waiting`: the one its bookmark has */
    uint8_t *delivered;     /* per unit of `waiting`: the lake has it */
    struct tarn_lake *lake; /* owned reference; NULL = none yet */
    struct tarn_changes_list *list;
    struct tarn_changes_unit *units;
    size_t n_units, unit; /* the next one */
    int on;               /* 0 between units, 1 in a file, 2 in a commit that waits */
    struct tarn_changes_reader reader;
    struct tarn_changes_pending pending;
    uint64_t rows; /* returned */
    int restarts;
    unsigned ticks;
    uint64_t seq;
    int has_last;
    struct tarn_buf last; /* bookmark of the row before */
};

int tarn_changes_poll(struct tarn_changes_scan *s, struct tarn_err *err);

/* changes_file.c. Opens a file up to its footer, and a scan of it with these predicates (column = enum
** tarn_changes_column) for these columns. */
int tarn_changes_reader_footer(struct tarn_changes_reader *r, struct tarn_changes_scan *s,
                               struct tarn_changes_file *f, struct tarn_err *err);
int tarn_changes_reader_start(struct tarn_changes_reader *r, struct tarn_changes_scan *s,
                              uint32_t columns, const struct tarn_predicate *predicates, int n,
                              struct tarn_err *err);
int tarn_changes_reader_next(struct tarn_changes_reader *r, struct tarn_changes_scan *s, int *more,
                             struct tarn_err *err);
void tarn_changes_reader_text(const struct tarn_changes_reader *r, int column,
                              struct tarn_slice *out);
void tarn_changes_reader_close(struct tarn_changes_reader *r); /* a zeroed one is fine */

/* changes_unit.c */
int tarn_changes_pending_open(struct tarn_changes_pending *p, struct tarn_changes_scan *s,
                              size_t unit, struct tarn_err *err);
int tarn_changes_pending_next(struct tarn_changes_pending *p, int *more, struct tarn_err *err);
int tarn_changes_pending_text(struct tarn_changes_pending *p, int column, struct tarn_slice *out,
                              struct tarn_err *err);
void tarn_changes_pending_close(struct tarn_changes_pending *p);

/* changes_settle.c: fills `delivered` and `timelines`. */
int tarn_changes_settle(struct tarn_changes_scan *s, struct tarn_err *err);
/* Is the file of an entry of this database's log that was aborted? Known for entries that are not
** collected. Sets f->aborted. */
int tarn_changes_check_entry(struct tarn_changes_scan *s, struct tarn_changes_file *f,
                             const struct tarn_pq_footer *footer, struct tarn_err *err);

#endif
