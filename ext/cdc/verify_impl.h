/* verify_impl.h: the inside of verification: verify.c (databases, timelines, entries: what follows on
** what), verify_entry.c (the commits of one entry), verify_file.c (rows of one file, as records).
*/
#ifndef TARN_CDC_VERIFY_IMPL_H
#define TARN_CDC_VERIFY_IMPL_H

#include "changes_impl.h"
#include "sha256.h"
#include "verify.h"

struct tarn_verify_form { /* a definition, and from which commit on it holds */
    struct tarn_definition definition;
    char bookmark[TARN_BOOKMARK + 1];
};

struct tarn_verify_file { /* a delta, or a data.parquet */
    struct tarn_changes_scan *scan;
    struct tarn_changes_file file;
    struct tarn_changes_reader reader;
    struct tarn_arena forms_arena, row;
    struct tarn_verify_form *forms;
    size_t n_forms;
    struct tarn_buf body;
    uint64_t rows; /* read so far */
    int is_base;
};

/* A fault of the lake is noted in `result`, and is no error of ours: that are others. */
struct tarn_verify_work {
    struct tarn_changes_scan scan; /* for the reader: lake, budget, counters */
    struct tarn_verify_result *result;
    const char *namespace_;
};

/* Notes the first fault. */
void tarn_verify_fault(struct tarn_verify_work *w, const char *file, uint64_t row,
                       const char *bookmark, const char *fmt, ...) TARN_PRINTF(5, 6);

/* verify_entry.c: commits and files of e, whose place in the chain is checked. */
int tarn_verify_entry(struct tarn_verify_work *w, const struct tarn_log_entry *e,
                      struct tarn_err *err);

/* verify_file.c. *there = 0: no such object. Faults of the file are noted; then f->scan is NULL. */
int tarn_verify_file_open(struct tarn_verify_file *f, struct tarn_verify_work *w, const char *key,
                          int is_base, int *there, struct tarn_err *err);
/* The next row as a record in f->body, at `bookmark` and `ts`; *more = 0 at the end. Faults are noted,
** and end the file. */
int tarn_verify_file_next(struct tarn_verify_file *f, struct tarn_verify_work *w,
                          const char *bookmark, const char *ts, int *more, struct tarn_err *err);
void tarn_verify_file_close(struct tarn_verify_file *f); /* a zeroed one is fine */

#endif
