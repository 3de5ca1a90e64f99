/* capture_rows.h: what a collection holds, by the test's own reading of it: from deltas (JSON) and
** from the live table (SQL). Shares no code with the extension, so that a mistake there is none here.
**
** A value in its canonical form is a tag and what follows: 'N' | 'I' 8 bytes | 'R' 8 bytes, the IEEE
** bits | 'T' u32 length, bytes | 'B' u32 length, bytes. A row is its key's values and its columns'.
*/
#ifndef CAPTURE_ROWS_H
#define CAPTURE_ROWS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <sqlite3.h>

struct capture_bytes { /* grows; all zero is empty */
    uint8_t *p;
    size_t n, cap;
};

void capture_add(struct capture_bytes *b, const void *p, size_t n);
void capture_free(struct capture_bytes *b);
int capture_same(const struct capture_bytes *a, const struct capture_bytes *b);

/* Appends a value in its canonical form. */
void capture_column(struct capture_bytes *b, sqlite3_stmt *stmt, int column);
void capture_value(struct capture_bytes *b, sqlite3_value *v); /* NULL pointer: NULL */
/* Bytes of the canonical value at p. */
size_t capture_value_size(const uint8_t *p);
/* Equal, numbers by value only: 2 and 2.0, 0.0 and -0.0. */
int capture_value_loose(const uint8_t *a, const uint8_t *b);

/* data and prev: appends the names, each with a newline, and the values. 0, or -1: not of the
** documented form. */
int capture_from_data(struct capture_bytes *names, struct capture_bytes *values, const char *s,
                      size_t n);
/* pk, of n_key columns: appends the values. 0, or -1. */
int capture_from_pk(struct capture_bytes *key, int n_key, int text_affinity, const char *s,
                    size_t n);

struct capture_row {
    struct capture_bytes key, values;
};

struct capture_state {          /* of one collection */
    struct capture_bytes names; /* of the columns, each with a newline; empty: not known yet */
    struct capture_row *rows;
    size_t n, cap;
};

void capture_state_free(struct capture_state *s);
void capture_state_copy(struct capture_state *to, const struct capture_state *from);
/* NULL when there is none. */
struct capture_row *capture_state_find(const struct capture_state *s,
                                       const struct capture_bytes *key);
/* Takes what key and values hold; key must not be there yet. */
void capture_state_add(struct capture_state *s, struct capture_bytes *key,
                       struct capture_bytes *values);
void capture_state_remove(struct capture_state *s, struct capture_row *row);
int capture_state_same(const struct capture_state *a, const struct capture_state *b);
/* Prints what a has that b hasn't, and the reverse. */
void capture_state_diff(FILE *out, const char *a_name, const struct capture_state *a,
                        const char *b_name, const struct capture_state *b);
void capture_print_values(FILE *out, const struct capture_bytes *values);

/* A schema change: the columns are now `names`. A column x{number}, whatever follows an underscore,
** is the same column before and after a rename; capture_default makes the value of one that was
** added. Values of columns that are gone go. */
void capture_project(struct capture_state *s, const struct capture_bytes *names);
/* What a column x{number} is declared as, and, in canonical form, what rows have that are older. */
const char *capture_default(long number, struct capture_bytes *value);

/* A SELECT of all rows of a table: `key_sql` lists the expressions of the key, `names` the columns,
** each with a newline. And its rows. 0, or SQLite's code. */
int capture_dump_prepare(sqlite3_stmt **stmt, sqlite3 *db, const char *table, const char *key_sql,
                         const char *names);
int capture_dump(struct capture_state *out, sqlite3_stmt *stmt, int n_key, const char *names);

#endif
