/* changes_scan.h: the changes of one collection as rows: delta files of the lake, commits that wait,
** the open transaction. What cdc_<collection> reads.
**
**   waiting commits (waiting.h) ─► lake: deltas/, processed/ ─► settle ─► units, in order ─► rows
**
** Rows come in the order of bookmarks, and within one in change order: files by timeline and NNN,
** each commit that waits in its place, the open transaction (which has no bookmark yet) last. Each
** row once: a commit that waits is left out where a listed file holds it with the same digest; a
** file whose log entry was aborted is left out. A file that is gone when it is read: the lake is
** listed again, which finds it archived, or, while no row has come, begins anew.
*/
#ifndef TARN_CDC_CHANGES_SCAN_H
#define TARN_CDC_CHANGES_SCAN_H

#include "changes_files.h"
#include "filescan.h"

struct tarn_conn;

/* Entries of this database's log that are known to be done: an end stays what it is. A zeroed one is
** empty; for one lake at a time. */
struct tarn_changes_known {
    char *lake; /* owned; its URI */
    struct tarn_changes_done {
        uint32_t timeline;
        uint64_t entry;
    } * done; /* owned; in order */
    size_t n, capacity;
};
void tarn_changes_known_release(struct tarn_changes_known *k);

struct tarn_changes_spec {
    struct tarn_conn *conn;
    struct tarn_changes_known *known;        /* outlives the scan; NULL = none */
    const char *collection;                  /* "namespace/collection", percent-encoded; copied */
    uint32_t columns;                        /* bits: 1 << enum tarn_changes_column */
    const struct tarn_predicate *predicates; /* column = enum tarn_changes_column; copied. BYTES; or
                                             ** pk = INT, for files whose keys are integers */
    int n_predicates;
    int ordered;      /* rows must be in the order of bookmarks: a file that isn't is an error; the
                      ** open transaction's come first (NULL sorts before all) */
    int descending;   /* the other way round; not with TARN_CHANGES_SEQ */
    int64_t limit;    /* rows wanted at most, a hint for laziness; -1 = all */
    int pushdown;     /* 0: predicates do nothing; the caller checks rows anyway */
    int own;          /* the open transaction's rows come, whatever predicates say */
    int skip_corrupt; /* a broken file is left out, and counted */
    size_t memory_budget;
    int (*interrupted)(void *); /* may be NULL */
    void *interrupted_arg;
};

struct tarn_changes_stats {
    uint64_t listed, pruned_name, aborted, files, pruned_file, opened, footer_hits;
    uint64_t waiting_rows, skipped_corrupt;
    struct tarn_pq_counters parquet;
    struct tarn_err first_skip;
};

struct tarn_changes_scan;

/* *out is set even on failure where there is something to free. */
int tarn_changes_open(struct tarn_changes_scan **out, const struct tarn_changes_spec *spec,
                      struct tarn_err *err);
int tarn_changes_next(struct tarn_changes_scan *s, int *more, struct tarn_err *err);
/* A text of the current row; data NULL = NULL. Valid until the next step. */
int tarn_changes_text(struct tarn_changes_scan *s, int column, struct tarn_slice *out,
                      struct tarn_err *err);
/* Position within bookmark and collection; only if spec.columns has it. */
uint64_t tarn_changes_seq(const struct tarn_changes_scan *s);
/* The file's key; NULL: not in a file yet. */
const char *tarn_changes_filename(const struct tarn_changes_scan *s);
const struct tarn_changes_stats *tarn_changes_statistics(const struct tarn_changes_scan *s);
void tarn_changes_free(struct tarn_changes_scan *s); /* NULL is fine */

#endif
