/* scan_impl.h: what the parts of the scan share: scan.c (open, restart, values), scan_file.c (one
** file), scan_walk.c (files in key order), scan_order.c (rows in the order of ts). */
#ifndef TARN_SCAN_IMPL_H
#define TARN_SCAN_IMPL_H

#include "binding.h"
#include "jsonl_read.h"
#include "pending.h"

#define TARN_SCAN_OPEN_FILES 64 /* file descriptors or connections that one scan holds at once */
#define TARN_SCAN_ROWS_PER_POLL 1000

/* One file of a scan, from its first look at the footer to its last row. Counted by everything
** that may still need it: blocks to read, batches, the current row. */
struct tarn_scan_file {
    struct tarn_scan *scan;
    const struct tarn_file *entry;
    struct tarn_source source; /* over the object; opened at the first read, closed when idle */
    struct tarn_source real;
    int is_open;
    uint64_t used; /* the scan's clock at the last read */
    uint32_t references;
    uint32_t unread;               /* ordered scans: row groups and blocks still to be read */
    int dropped;                   /* corrupt and skipped: its units are let go unread */
    struct tarn_pq_footer *footer; /* Parquet */
    struct tarn_binding *binding;
    struct tarn_pq_scan *pq;
    struct tarn_lines *lines; /* JSONL */
    struct tarn_jsonl_reader reader;
};

struct tarn_scan_walk {
    size_t next_file;
    struct tarn_scan_file *file;
    int group;
    struct tarn_pq_block *blocks;
    size_t n_blocks, next_block;
    struct tarn_pq_batch *batch;
    uint32_t next_row;
};

struct tarn_scan_order; /* scan_order.c */
struct tarn_scan_group; /* scan_group.c */

struct tarn_scan {
    struct tarn_scan_spec spec; /* its texts live in `plan` */
    struct tarn_match match;
    struct tarn_arena plan;
    struct tarn_budget budget;
    struct tarn_scan_stats stats;
    struct tarn_pending *pending; /* NULL = none */
    struct tarn_catalog *catalog; /* NULL = no lake */
    struct tarn_scan_file *open_files[TARN_SCAN_OPEN_FILES];
    size_t n_open;
    uint64_t clock;
    unsigned ticks;
    struct tarn_scan_walk walk;
    struct tarn_scan_order *order;
    struct tarn_scan_group *group;
    uint64_t batches; /* that the walk has read */
    /* the current row: of a batch, or an event */
    struct tarn_scan_file *file; /* NULL = pending; borrowed */
    const struct tarn_pq_batch *batch;
    uint32_t row;
    uint32_t ready; /* rows of the walk's batch behind the current one that need no look */
    struct tarn_event event;
    int has_row;
    uint64_t returned;
    int restarts;
    int ended;
    struct tarn_err failed; /* what an earlier step said */
    char scratch[TARN_EV_COLUMNS][TARN_CELL_TEXT];
    struct tarn_buf extra;
};

/* scan.c. poll asks the user at once, tick once in 1,000 calls: TARN_EINTR or 0. */
int tarn_scan_poll(struct tarn_scan *s, struct tarn_err *err);
int tarn_scan_tick(struct tarn_scan *s, struct tarn_err *err);
/* Do all predicates hold for an event (of a JSONL file, or pending)? */
int tarn_scan_event_matches(const struct tarn_scan *s, const struct tarn_event *ev);
/* Columns that events must carry: asked for, or needed by a predicate. */
uint32_t tarn_scan_event_columns(const struct tarn_scan *s);
/* The next pending row that matches, into *ev. */
int tarn_scan_pending_next(struct tarn_scan *s, struct tarn_event *ev, int *more,
                           struct tarn_err *err);
/* Is a fault of a file to be passed over (counted, first message kept)? Else *err gets it. */
int tarn_scan_skips(struct tarn_scan *s, int rc, const struct tarn_err *found,
                    struct tarn_err *err);
/* Does the scan read this file of the catalog? */
int tarn_scan_wants(const struct tarn_scan *s, const struct tarn_file *f);

/* scan_file.c. Opens a file (one reference): Parquet up to its footer and binding, JSONL up to its
** first line. *out = NULL when no row of it can match. */
int tarn_scan_file_open(struct tarn_scan_file **out, struct tarn_scan *s,
                        const struct tarn_file *entry, struct tarn_err *err);
void tarn_scan_file_ref(struct tarn_scan_file *f);
void tarn_scan_file_free(struct tarn_scan_file *f); /* drops a reference; NULL is fine */
void tarn_scan_file_idle(struct tarn_scan_file *f); /* closes its source until the next read */
/* The next line that matches, as an event valid until the next call. */
int tarn_scan_file_event(struct tarn_scan_file *f, struct tarn_event *ev, int *more,
                         struct tarn_err *err);
/* One block. TARN_ECORRUPT when a row has no readable ts. */
int tarn_scan_file_batch(struct tarn_scan_file *f, const struct tarn_pq_block *block,
                         struct tarn_pq_batch **out, struct tarn_err *err);

void tarn_scan_event_value(const struct tarn_event *ev, int column, struct tarn_scanned *out);

/* scan_walk.c: files in key order, then pending rows. */
int tarn_scan_walk_files(struct tarn_scan *s, int *more, struct tarn_err *err); /* files only */
int tarn_scan_walk_next(struct tarn_scan *s, int *more, struct tarn_err *err);
void tarn_scan_walk_release(struct tarn_scan *s);

/* scan_run.c: rows that are in memory, in the order of the scan. */
struct tarn_run {
    struct tarn_scan_file *file;    /* one reference; NULL = pending rows */
    struct tarn_pq_batch *batch;    /* owned; NULL = events */
    const int64_t *ts;              /* by row */
    const uint32_t *index;          /* rows in order, or NULL = as they stand */
    struct tarn_run_event **events; /* by row */
    uint32_t n, position;
    int reverse; /* the order is from the last to the first */
    struct tarn_arena memory;
};

/* All three: *out = NULL when there are no rows. The first takes over `batch`, also when it
** fails. */
int tarn_run_of_batch(struct tarn_run **out, struct tarn_scan_file *f, struct tarn_pq_batch *batch,
                      struct tarn_err *err);
int tarn_run_of_lines(struct tarn_run **out, struct tarn_scan_file *f, struct tarn_err *err);
int tarn_run_of_pending(struct tarn_run **out, struct tarn_scan *s, struct tarn_err *err);
void tarn_run_free(struct tarn_run *r);

static inline uint32_t tarn_run_row(const struct tarn_run *r) {
    uint32_t i = r->reverse ? r->n - 1 - r->position : r->position;

    return r->index ? r->index[i] : i;
}
/* The event of a run of events, at its position. */
int tarn_run_event(const struct tarn_run *r, struct tarn_event *ev, struct tarn_err *err);

/* scan_order.c: rows by ts. */
int tarn_scan_order_next(struct tarn_scan *s, int *more, struct tarn_err *err);
void tarn_scan_order_release(struct tarn_scan *s);

/* scan_group.c: rows by the columns of spec.group. */
int tarn_scan_group_next(struct tarn_scan *s, int *more, struct tarn_err *err);
int tarn_scan_group_value(struct tarn_scan *s, int column, struct tarn_scanned *out,
                          struct tarn_err *err);
void tarn_scan_group_release(struct tarn_scan *s);

#endif
