/* changes_files.h: the delta files of one collection, in the order of their changes.
**
**   cdc/{namespace}/{collection}/deltas/{NNN}_{YYYY-MM-DD}T{HH-MM}[-t{timeline}].parquet
**   cdc/{namespace}/{collection}/processed/…                       archived: the same names
**
** A name says where a file's changes begin (first sequence, time to the minute); the next file of the
** same timeline, where they end. NNN compares as a number. A name in both folders is one file: it is
** being archived. Names of another form are nobody's deltas.
*/
#ifndef TARN_CDC_CHANGES_FILES_H
#define TARN_CDC_CHANGES_FILES_H

#include "lake.h"
#include "predicate.h"

enum tarn_changes_column { /* of cdc_<collection>, as declared */
                           TARN_CHANGES_OP,
                           TARN_CHANGES_PK,
                           TARN_CHANGES_TS,
                           TARN_CHANGES_DATA,
                           TARN_CHANGES_PREV,
                           TARN_CHANGES_BOOKMARK,
                           TARN_CHANGES_TEXTS, /* so many are texts, in files too */
                           TARN_CHANGES_FILENAME = TARN_CHANGES_TEXTS,
                           TARN_CHANGES_SEQ,
                           TARN_CHANGES_COLUMNS
};

struct tarn_changes_file {
    struct tarn_object obj;
    const char *name; /* the last segment of its key */
    uint32_t timeline;
    uint64_t first;     /* NNN */
    uint64_t end;       /* sequences are below this; UINT64_MAX = nothing is known */
    int64_t from, upto; /* bounds of its times, in ms */
    int aborted;        /* its entry of the flush log came to nothing: it is no part of the lake */
};

struct tarn_changes_list {
    struct tarn_changes_file *files; /* by timeline, NNN */
    size_t n;
    uint64_t listed;
    struct tarn_listing folders[2]; /* own the keys */
};

/* Reads a name (not a key). 0, or -1: not one of a delta. */
int tarn_changes_name(struct tarn_changes_file *out, const char *name);
/* `collection`: "namespace/collection", both percent-encoded. */
int tarn_changes_list(struct tarn_changes_list **out, struct tarn_store *store,
                      const char *collection, struct tarn_err *err);
void tarn_changes_list_free(struct tarn_changes_list *l); /* NULL is fine */
/* 1: no row of the file can satisfy p, from what its name says. Knows bookmarks and ts. */
int tarn_changes_excludes(const struct tarn_changes_file *f, const struct tarn_predicate *p);
/* Does a text satisfy p? NULL data: no. */
int tarn_changes_matches(const struct tarn_predicate *p, struct tarn_slice text);

/* Where a file's rows come from: its footer's tarn.ranges. */
struct tarn_changes_range {
    char database[17];
    uint32_t timeline;
    uint64_t entry, first, last;
};

/* The first range of database `id`; *found = 0 when there is none. TARN_ECORRUPT when tarn.ranges is not
** what it should be. */
int tarn_changes_range(struct tarn_changes_range *out, const struct tarn_pq_footer *footer,
                       const char *id, int *found, struct tarn_err *err);

/* Do the footer's tarn.definitions say that pk holds integers as digits: the key is the rowid, or one
** column of INTEGER affinity? */
int tarn_changes_integer_key(const struct tarn_pq_footer *footer);

#endif
