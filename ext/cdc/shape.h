/* shape.h: what a table looks like: its columns, its key, and where the preupdate hook reports them. */
#ifndef TARN_CDC_SHAPE_H
#define TARN_CDC_SHAPE_H

#include "record.h"
#include "sqlite.h"

struct tarn_shape_column {
    char *name;
    uint8_t affinity;    /* 'A' to 'E' (record.h) */
    uint8_t key;         /* 1, 2 … */
    uint8_t is_rowid;    /* INTEGER PRIMARY KEY */
    uint8_t has_default; /* other than NULL */
    int old_at, new_at;  /* its number for the hook */
};

struct tarn_shape {
    char *table;
    char *sql;    /* the CREATE statement */
    int64_t root; /* its first page: says who is who after a RENAME */
    int without_rowid;
    /* How SQL names the rowid where no column is it: "rowid", "_rowid_" or "oid", whichever is no column
    ** (left-out and generated ones count). NULL: WITHOUT ROWID, or all are columns. */
    const char *rowid_name;
    int hook_columns; /* how many the hook reports */
    int shifted;      /* a column stands behind a virtual one, which the hook's old values skip */
    size_t n_columns; /* those that are captured: neither generated nor left out */
    struct tarn_shape_column *columns;
    size_t n_key; /* key columns; 0 = the rowid */
};

/* Reads the shape of main's table. `left_out`: names, each with a NUL, `n_left_out` of them; they are not
** captured. TARN_ENOTFOUND: no such table. TARN_EINVAL: not one whose rows can be captured (a view, a
** virtual table …), or a left-out column that isn't there or is part of the key. */
int tarn_shape_read(struct tarn_shape *out, sqlite3 *db, const char *table,
                    const char *const *left_out, size_t n_left_out, struct tarn_err *err);
void tarn_shape_release(struct tarn_shape *s);
/* As a definition, which borrows from s; `columns` and `key` have room for n_columns each. */
void tarn_shape_define(const struct tarn_shape *s, struct tarn_slice name, uint64_t epoch,
                       struct tarn_definition_column *columns, size_t *key,
                       struct tarn_definition *out);

#endif
