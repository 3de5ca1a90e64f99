/* shape.c: see shape.h. Asks SQLite's own pragmas; only the rule that makes an affinity of a type's name
** is written here again, as SQLite's documentation gives it ("Datatypes In SQLite", 3.1).
*/
#include "shape.h"

#include <string.h>

#include "mem.h"
#include "preupdate.h"
#include "text.h"

static int has(const char *type, const char *part) {
    size_t n = strlen(part);

    for (; *type; type++) {
        if (sqlite3_strnicmp(type, part, (int)n) == 0) return 1;
    }
    return 0;
}

static uint8_t affinity_of(const char *type, int strict) {
    if (!type || !*type) return 'A';
    if (strict && sqlite3_stricmp(type, "ANY") == 0) return 'A';
    if (has(type, "INT")) return 'D';
    if (has(type, "CHAR") || has(type, "CLOB") || has(type, "TEXT")) return 'B';
    if (has(type, "BLOB")) return 'A';
    if (has(type, "REAL") || has(type, "FLOA") || has(type, "DOUB")) return 'E';
    return 'C';
}

/* One row of a query with one text parameter; *stmt is finalized by the caller. */
static int ask(sqlite3 *db, const char *sql, const char *table, sqlite3_stmt **stmt, int *row,
               struct tarn_err *err) {
    int sq = sqlite3_prepare_v2(db, sql, -1, stmt, NULL);

    if (sq == SQLITE_OK) sq = sqlite3_bind_text(*stmt, 1, table, -1, SQLITE_STATIC);
    if (sq == SQLITE_OK) sq = sqlite3_step(*stmt);
    *row = sq == SQLITE_ROW;
    return sq == SQLITE_ROW || sq == SQLITE_DONE
               ? TARN_OK
               : tarn_err_sqlite(err, db, sq, "reading the schema of a tracked table");
}

static int no_room(struct tarn_err *err) {
    return tarn_err_set(err, TARN_ENOMEM, "out of memory");
}

static int read_table(struct tarn_shape *s, sqlite3 *db, const char *table, int *strict,
                      struct tarn_err *err) {
    sqlite3_stmt *stmt = NULL;
    int row = 0;
    int rc = ask(db,
                 "SELECT l.name, l.type, l.wr, l.strict, m.sql, m.rootpage FROM "
                 "pragma_table_list(?1) AS l JOIN main.sqlite_schema AS m ON m.name = l.name AND "
                 "m.type IN ('table', 'view') WHERE l.schema = 'main'",
                 table, &stmt, &row, err);

    if (rc == TARN_OK && !row) {
        rc = tarn_err_set(err, TARN_ENOTFOUND, "no table %.100s in the main database", table);
    } else if (rc == TARN_OK && strcmp((const char *)sqlite3_column_text(stmt, 1), "table") != 0) {
        rc =
            tarn_err_set(err, TARN_EINVAL,
                         "%.100s is a %s: only ordinary tables of the main database can be tracked",
                         table, (const char *)sqlite3_column_text(stmt, 1));
    } else if (rc == TARN_OK) {
        s->table = tarn_strdup((const char *)sqlite3_column_text(stmt, 0));
        s->without_rowid = sqlite3_column_int(stmt, 2);
        *strict = sqlite3_column_int(stmt, 3);
        s->sql = tarn_strdup((const char *)sqlite3_column_text(stmt, 4));
        s->root = sqlite3_column_int64(stmt, 5);
        if (!s->table || !s->sql) rc = no_room(err);
    }
    (void)sqlite3_finalize(stmt);
    return rc;
}

/* A single key column of a rowid table is the rowid when no index stands for the key. */
static int key_is_rowid(sqlite3 *db, const char *table, int *yes, struct tarn_err *err) {
    sqlite3_stmt *stmt = NULL;
    int row = 0;
    int rc = ask(db, "SELECT 1 FROM pragma_index_list(?1, 'main') WHERE origin = 'pk'", table,
                 &stmt, &row, err);

    *yes = !row;
    (void)sqlite3_finalize(stmt);
    return rc;
}

static int is_left_out(const char *name, const char *const *left_out, size_t n, uint8_t *seen) {
    size_t i;

    for (i = 0; i < n; i++) {
        if (sqlite3_stricmp(left_out[i], name) != 0) continue;
        seen[i] = 1;
        return 1;
    }
    return 0;
}

static int add_column(struct tarn_shape *s, sqlite3_stmt *row, int strict, int stored_at,
                      struct tarn_err *err) {
    const struct tarn_preupdate *hook = tarn_preupdate_find();
    const char *initial = (const char *)sqlite3_column_text(row, 3);
    int cid = sqlite3_column_int(row, 0);
    struct tarn_shape_column *c;

    if ((s->n_columns & (s->n_columns - 1)) == 0) { /* full at each power of two */
        size_t more = s->n_columns ? 2 * s->n_columns : 1;
        struct tarn_shape_column *grown = tarn_reallocarray(s->columns, more, sizeof *grown);

        if (!grown) return no_room(err);
        s->columns = grown;
    }
    c = &s->columns[s->n_columns];
    memset(c, 0, sizeof *c);
    c->name = tarn_strdup((const char *)sqlite3_column_text(row, 1));
    if (!c->name) return no_room(err);
    c->affinity = affinity_of((const char *)sqlite3_column_text(row, 2), strict);
    c->key = (uint8_t)sqlite3_column_int(row, 4);
    c->has_default = initial && sqlite3_stricmp(initial, "NULL") != 0;
    c->old_at = hook && hook->old_skips_virtual ? stored_at : cid;
    if (c->old_at != cid) s->shifted = 1;
    c->new_at = hook && hook->new_skips_virtual ? stored_at : cid;
    s->n_columns++;
    return TARN_OK;
}

/* A name that is a column's is the rowid's no more. */
static void note_name(struct tarn_shape *s, const char *name, unsigned *taken) {
    static const char *const names[] = {"rowid", "_rowid_", "oid"};
    unsigned i;

    s->rowid_name = NULL;
    for (i = 3; i-- > 0;) {
        if (sqlite3_stricmp(name, names[i]) == 0) *taken |= 1u << i;
        if (!(*taken & 1u << i)) s->rowid_name = names[i];
    }
}

/* What a definition can't hold is refused here, where the user can be told. */
static int check_name(const char *table, const char *name, struct tarn_err *err) {
    size_t n = strlen(name);

    if (tarn_utf8_invalid((const uint8_t *)name, n) == n) return TARN_OK;
    return tarn_err_set(err, TARN_EINVAL, "a name in table %.100s is not valid UTF-8", table);
}

static int read_columns(struct tarn_shape *s, sqlite3 *db, int strict, const char *const *left_out,
                        size_t n_left_out, uint8_t *seen, struct tarn_err *err) {
    sqlite3_stmt *stmt = NULL;
    unsigned taken = 0;
    int stored = 0;
    int row = 0;
    int rc = ask(db,
                 "SELECT cid, name, type, dflt_value, pk, hidden FROM "
                 "pragma_table_xinfo(?1, 'main') ORDER BY cid",
                 s->table, &stmt, &row, err);

    while (rc == TARN_OK && row) {
        int hidden = sqlite3_column_int(stmt, 5);
        const char *name = (const char *)sqlite3_column_text(stmt, 1);

        s->hook_columns++;
        if (name) note_name(s, name, &taken);
        if (sqlite3_column_int(stmt, 4) > 255) {
            rc = tarn_err_set(err, TARN_EINVAL, "%.100s: a key of more than 255 columns", s->table);
        } else if (!name) {
            rc = no_room(err);
        } else if (is_left_out(name, left_out, n_left_out, seen)) {
            if (sqlite3_column_int(stmt, 4) > 0) {
                rc =
                    tarn_err_set(err, TARN_EINVAL,
                                 "column %.100s of %.100s is part of its key: it can't be left out",
                                 name, s->table);
            }
        } else if (hidden == 0) {
            rc = check_name(s->table, name, err);
            if (rc == TARN_OK) rc = add_column(s, stmt, strict, stored, err);
            if (rc == TARN_OK && s->columns[s->n_columns - 1].key) s->n_key++;
        }
        stored += hidden != 2;
        row = sqlite3_step(stmt) == SQLITE_ROW;
    }
    (void)sqlite3_finalize(stmt);
    return rc;
}

/* Rows of a table with a rowid are read again by it, so it needs a name. */
static int find_rowid(struct tarn_shape *s, sqlite3 *db, struct tarn_err *err) {
    int yes = 0;
    size_t i;
    int rc = TARN_OK;

    if (s->without_rowid) {
        s->rowid_name = NULL;
        return TARN_OK;
    }
    if (s->n_key == 1) rc = key_is_rowid(db, s->table, &yes, err);
    for (i = 0; yes && i < s->n_columns; i++) {
        s->columns[i].is_rowid = s->columns[i].key == 1;
    }
    if (rc || yes || s->rowid_name) return rc;
    return tarn_err_set(err, TARN_EINVAL,
                        "%.100s has columns of all three names of the rowid (rowid, _rowid_, oid): "
                        "its rows can't be told apart",
                        s->table);
}

int tarn_shape_read(struct tarn_shape *out, sqlite3 *db, const char *table,
                    const char *const *left_out, size_t n_left_out, struct tarn_err *err) {
    uint8_t *seen = tarn_calloc(n_left_out + 1, 1);
    int strict = 0;
    size_t i;
    int rc;

    memset(out, 0, sizeof *out);
    if (!seen) return no_room(err);
    rc = read_table(out, db, table, &strict, err);
    if (rc == TARN_OK) rc = read_columns(out, db, strict, left_out, n_left_out, seen, err);
    for (i = 0; rc == TARN_OK && i < n_left_out; i++) {
        if (seen[i]) continue;
        rc = tarn_err_set(err, TARN_EINVAL, "%.100s has no column %.100s to leave out", table,
                          left_out[i]);
    }
    if (rc == TARN_OK) rc = find_rowid(out, db, err);
    tarn_free(seen);
    if (rc) tarn_shape_release(out);
    return rc;
}

void tarn_shape_release(struct tarn_shape *s) {
    size_t i;

    for (i = 0; i < s->n_columns; i++)
        tarn_free(s->columns[i].name);
    tarn_free(s->columns);
    tarn_free(s->table);
    tarn_free(s->sql);
    memset(s, 0, sizeof *s);
}

static struct tarn_slice slice(const char *s) {
    return (struct tarn_slice){(const uint8_t *)s, s ? strlen(s) : 0};
}

void tarn_shape_define(const struct tarn_shape *s, struct tarn_slice name, uint64_t epoch,
                       struct tarn_definition_column *columns, size_t *key,
                       struct tarn_definition *out) {
    size_t i;

    memset(out, 0, sizeof *out);
    out->name = name;
    out->table = slice(s->table);
    out->epoch = epoch;
    out->rowid_key = s->n_key == 0;
    out->n_columns = s->n_columns;
    out->n_key = s->n_key ? s->n_key : 1;
    out->columns = columns;
    out->key = s->n_key ? key : NULL;
    for (i = 0; i < s->n_columns; i++) {
        const struct tarn_shape_column *c = &s->columns[i];

        columns[i] = (struct tarn_definition_column){
            .name = slice(c->name), .affinity = c->affinity, .key = c->key};
        if (c->key) key[c->key - 1] = i;
    }
}
