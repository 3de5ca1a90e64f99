/* scan.h: reads events: Parquet and JSONL files of the lake, and pending rows, as one table.
**
** Prunes in the order of DESIGN section 4 (path, file statistics, row group, dictionary, bloom,
** page, rows). Unordered scans go file by file in key order, pending rows last; scans ordered by
** ts open files lazily, best first: a heap of files, row groups, blocks and decoded runs keyed by
** the newest (or oldest) ts each can hold; a row comes out when nothing unopened can precede it.
**
** Files of other writers: columns are bound by name (ASCII case-insensitive; durationMs is
** duration_ms). ts may be TIMESTAMP of any unit, INT64 ms, or text; others are converted when the
** value fits exactly (integers <-> doubles, text <-> numbers that print the same), else NULL and
** the value goes to `extra`. Missing columns are NULL. All other columns make up `extra`, a JSON
** object (NULL when there are none); columns that are nested come once the reader does them.
** A corrupt file is an error naming it; with skip_corrupt it is left out, counted, and reported by
** tarn_explain and tarn_files.
** A file that is gone between listing and opening: the scan lists again if no row was returned
** yet, else fails with TARN_ENOTFOUND saying so; never a silent skip.
*/
#ifndef TARN_SCAN_H
#define TARN_SCAN_H

#include "catalog.h"
#include "event.h"
#include "filescan.h"

struct tarn_conn;

/* Columns of a scan that no file has: the hour and the day of ts, in ms. */
enum { TARN_SCAN_HOUR = TARN_EV_EXTRA + 1, TARN_SCAN_DAY };

#define TARN_SCAN_GROUP_MAX 16

struct tarn_scan_spec {
    struct tarn_lake *lake; /* NULL: there is no lake yet (folder missing): pending rows only */
    struct tarn_conn *conn; /* for pending rows; NULL = none */
    const char *namespace_, *prefix, *glob; /* as in tarn_catalog_request */
    const char *filename;                   /* NULL, or only this key */
    uint32_t columns; /* TARN_EV_BIT of what is needed (incl. TARN_EV_EXTRA) */
    const struct tarn_predicate *predicates; /* column = enum tarn_event_column; ts constants in
                                                ms, INT for verified and status_code, REAL for
                                                duration_ms, BYTES for text; copied */
    int n_predicates;
    int order; /* 0 none, 1 ts ascending, -1 ts descending */
    /* Rows in the order of these columns (text, verified, status_code, hour, day), which brings
    ** equal ones together; `order` is 0 then, and `columns` are such ones, or ts. Rows are counted,
    ** not kept: what is held are the distinct ones. */
    unsigned char group[TARN_SCAN_GROUP_MAX];
    signed char group_sign[TARN_SCAN_GROUP_MAX]; /* -1 = descending */
    int n_group;                                 /* 0 = not so */
    int distinct;  /* grouped: rows that are equal in all of `columns` may come once only */
    int64_t limit; /* rows wanted at most, a hint for laziness; -1 = all */
    int pushdown;  /* 0: read every file and row; predicates on ts still decide rows */
    int skip_corrupt;
    int64_t path_slack;
    size_t memory_budget;       /* bytes; 0 = none */
    int (*interrupted)(void *); /* may be NULL; asked now and then; non-zero = TARN_EINTR */
    void *interrupted_arg;
};

enum tarn_scanned_kind {
    TARN_SCANNED_NULL,
    TARN_SCANNED_INT,
    TARN_SCANNED_REAL,
    TARN_SCANNED_TEXT
};

struct tarn_scanned {
    enum tarn_scanned_kind kind;
    int64_t i;
    double r;
    struct tarn_slice text; /* valid until the next tarn_scan_next */
};

struct tarn_scan_stats { /* what tarn_explain prints */
    int by_name;         /* files were pruned by their names: deltas, of ext/cdc */
    uint64_t listed, pruned_path, masked, files, pruned_file, opened, footer_hits;
    uint64_t jsonl_files, jsonl_lines, jsonl_bad;
    uint64_t pending_rows;
    uint64_t skipped_corrupt;
    struct tarn_pq_counters parquet;
    struct tarn_err first_skip;
};

struct tarn_scan;

int tarn_scan_open(struct tarn_scan **out, const struct tarn_scan_spec *spec, struct tarn_err *err);
/* Steps to the next row; *more = 0 at the end. Rows satisfy the predicates on ts exactly; other
** predicates narrow, and are exact for Parquet columns of the expected type (callers check again). */
int tarn_scan_next(struct tarn_scan *s, int *more, struct tarn_err *err);
/* A column of the current row (only those asked for). ts: INT ms; verified: INT 0/1. */
int tarn_scan_value(struct tarn_scan *s, int column, struct tarn_scanned *out,
                    struct tarn_err *err);
/* The current row's file: key, or NULL for a pending row. Valid until the next step. */
const char *tarn_scan_filename(const struct tarn_scan *s);
const char *tarn_scan_prefix(const struct tarn_scan *s);
const struct tarn_scan_stats *tarn_scan_stats(const struct tarn_scan *s);
void tarn_scan_free(struct tarn_scan *s);

/* JSON lines (also gzip), used by the scan and by jsonl(): text of one line after another. Lines
** end in \n or \r\n; blank ones are skipped; a line above 64 MiB is an error. */
struct tarn_lines;
int tarn_lines_open(struct tarn_lines **out, const struct tarn_source *src, struct tarn_err *err);
int tarn_lines_next(struct tarn_lines *l, struct tarn_slice *line, uint64_t *number, int *more,
                    struct tarn_err *err);
void tarn_lines_free(struct tarn_lines *l); /* does not close the source */

#endif
