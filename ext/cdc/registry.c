/* registry.c: the table `_tarn_collections` of main, one row a tracked table, and what has become of
** those tables since: a new shape, another name, gone, made anew.
**
** Read inside the transaction of the first change after the schema cookie has moved, so what is noted
** then stands in the chain before the first change of the new shape. The row is written in xSync of the
** same transaction; whoever comes next finds it.
**
** A table is known by its name; if that is gone, by its first page, which RENAME keeps.
*/
#include <jansson.h>
#include <string.h>

#include "capture_impl.h"
#include "chain_entry.h"
#include "mem.h"
#include "payload.h"
#include "track_options.h"

int tarn_registry_exists(sqlite3 *db) {
    return sqlite3_table_column_metadata(db, "main", "_tarn_collections", "epoch", NULL, NULL, NULL,
                                         NULL, NULL) == SQLITE_OK;
}

static void release_one(struct tarn_collection *t) {
    size_t i;

    (void)sqlite3_finalize(t->read);
    for (i = 0; i < t->n_left_out; i++)
        tarn_free(t->left_out[i]);
    tarn_free(t->left_out);
    tarn_free(t->name);
    tarn_free(t->namespace_);
    tarn_free(t->collection);
    tarn_free(t->options);
    tarn_free(t->table);
    tarn_free(t->sql);
    tarn_free(t->gap);
    tarn_shape_release(&t->shape);
    tarn_buf_release(&t->definition);
    memset(t, 0, sizeof *t);
}

void tarn_registry_release(struct tarn_capture *c) {
    size_t i;

    for (i = 0; i < c->n_collections; i++)
        release_one(&c->collections[i]);
    tarn_free(c->collections);
    c->collections = NULL;
    c->n_collections = 0;
    c->near = NULL;
    tarn_free(c->far);
    c->far = NULL;
}

static char *column_text(sqlite3_stmt *row, int i) {
    const char *s = (const char *)sqlite3_column_text(row, i);

    return tarn_strdup(s ? s : "");
}

static int take_row(struct tarn_collection *t, sqlite3_stmt *row, struct tarn_err *err) {
    struct tarn_buf name = TARN_BUF_INIT(TARN_NAME_ROOT_MAX);
    struct tarn_track_options options;
    int rc;

    memset(t, 0, sizeof *t);
    tarn_buf_init(&t->definition, (size_t)16 << 20);
    t->id = sqlite3_column_int64(row, 0);
    t->table = column_text(row, 1);
    t->namespace_ = column_text(row, 2);
    t->collection = column_text(row, 3);
    t->options = column_text(row, 4);
    t->epoch = (uint64_t)sqlite3_column_int64(row, 5);
    t->sql = column_text(row, 6);
    t->root = sqlite3_column_int64(row, 7);
    if (sqlite3_column_type(row, 9) != SQLITE_NULL && !(t->gap = column_text(row, 9))) {
        return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    }
    t->dropped = strcmp((const char *)sqlite3_column_text(row, 8), "dropped") == 0;
    if (!t->table || !t->namespace_ || !t->collection || !t->options || !t->sql) {
        return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    }
    tarn_collection_name(&name, t->namespace_, t->collection);
    t->name = tarn_buf_steal(&name, NULL);
    if (!t->name) return tarn_err_set(err, TARN_EINVAL, "_tarn_collections: a name is too long");
    rc = tarn_track_options_read(&options, t->options, err);
    if (rc) return rc;
    t->track_previous = options.track_previous;
    t->left_out = options.left_out;
    t->n_left_out = options.n_left_out;
    options.left_out = NULL;
    options.n_left_out = 0;
    tarn_track_options_release(&options);
    return TARN_OK;
}

static int read_rows(struct tarn_capture *c, struct tarn_err *err) {
    sqlite3_stmt *stmt = NULL;
    int sq = SQLITE_DONE;
    int rc = TARN_OK;

    if (!tarn_registry_exists(c->conn->db)) return TARN_OK;
    sq = sqlite3_prepare_v2(
        c->conn->db,
        "SELECT id, \"table\", namespace, collection, options, epoch, sql, "
        "root, state, gap FROM main._tarn_collections WHERE state <> 'untracked' "
        "ORDER BY id",
        -1, &stmt, NULL);
    while (sq == SQLITE_OK || sq == SQLITE_ROW) {
        struct tarn_collection *grown;

        sq = sqlite3_step(stmt);
        if (sq != SQLITE_ROW) break;
        grown = tarn_reallocarray(c->collections, c->n_collections + 1, sizeof *grown);
        if (!grown) {
            rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
            break;
        }
        c->collections = grown;
        rc = take_row(&c->collections[c->n_collections++], stmt, err);
        if (rc) break;
    }
    if (rc == TARN_OK && sq != SQLITE_DONE) {
        rc = tarn_err_sqlite(err, c->conn->db, sq, "reading the tracked tables");
    }
    (void)sqlite3_finalize(stmt);
    return rc;
}

/* One value of a query with one parameter; *row = 0 when there is no row. Caller finalizes. */
static int lookup(sqlite3 *db, const char *sql, sqlite3_stmt **stmt, const char *text, int64_t n,
                  int *row, struct tarn_err *err) {
    int sq = sqlite3_prepare_v2(db, sql, -1, stmt, NULL);

    if (sq == SQLITE_OK && text) sq = sqlite3_bind_text(*stmt, 1, text, -1, SQLITE_STATIC);
    if (sq == SQLITE_OK && !text) sq = sqlite3_bind_int64(*stmt, 1, n);
    if (sq == SQLITE_OK) sq = sqlite3_step(*stmt);
    *row = sq == SQLITE_ROW;
    if (sq == SQLITE_ROW || sq == SQLITE_DONE) return TARN_OK;
    return tarn_err_sqlite(err, db, sq, "looking for a tracked table");
}

/* The name of the collection's table now; *name = NULL when it is gone. */
static int find_table(struct tarn_capture *c, struct tarn_collection *t, char **name,
                      struct tarn_err *err) {
    sqlite3 *db = c->conn->db;
    sqlite3_stmt *stmt = NULL;
    int row = 0;
    int rc =
        lookup(db,
               "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE "
               "NOCASE",
               &stmt, t->table, 0, &row, err);

    *name = NULL;
    if (rc == TARN_OK && !row && !t->dropped) {
        (void)sqlite3_finalize(stmt);
        stmt = NULL;
        rc =
            lookup(db,
                   "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND rootpage = ?1 AND "
                   "name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
                   &stmt, NULL, t->root, &row, err);
    }
    if (rc == TARN_OK && row) {
        *name = column_text(stmt, 0);
        if (!*name) rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
    }
    (void)sqlite3_finalize(stmt);
    return rc;
}

static int define(struct tarn_collection *t, struct tarn_err *err) {
    struct tarn_slice name = {(const uint8_t *)t->name, strlen(t->name)};
    size_t n = t->shape.n_columns;
    struct tarn_definition_column *columns = tarn_calloc(n + 1, sizeof *columns);
    size_t *key = tarn_calloc(n + 1, sizeof *key);
    struct tarn_definition d;
    int rc = TARN_OK;

    tarn_buf_clear(&t->definition);
    if (columns && key) {
        tarn_shape_define(&t->shape, name, t->epoch, columns, key, &d);
        if (!t->shape.table) { /* gone: what is left of it is its name */
            d.table = (struct tarn_slice){(const uint8_t *)t->table, strlen(t->table)};
        }
        tarn_definition_put(&t->definition, &d);
    }
    if (!columns || !key || t->definition.rc) rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
    tarn_free(columns);
    tarn_free(key);
    return rc;
}

/* The entry that says what the table is from here on. One that is empty now may have been dropped and
** made again, which no hook tells of: "empty" is true in any case, and ends the rows from before. */
static int note_schema(struct tarn_capture *c, struct tarn_collection *t, const char *was,
                       int empty, struct tarn_err *err) {
    json_t *o = json_pack("{s:s, s:I, s:s}", "entry", "schema", "epoch", (json_int_t)t->epoch,
                          "table", t->table);
    char *text = NULL;
    int rc;

    if (o && t->dropped) (void)json_object_set_new(o, "dropped", json_true());
    if (o && empty && !t->dropped) (void)json_object_set_new(o, "empty", json_true());
    if (o && !t->dropped) (void)json_object_set_new(o, "create", json_string(t->sql));
    if (o && was && strcmp(was, t->table) != 0) {
        (void)json_object_set_new(o, "renamedFrom", json_string(was));
    }
    text = tarn_chain_entry_text(o);
    if (!text) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    rc = tarn_capture_entry(c->conn, t->id, text, err);
    tarn_free(text);
    return rc;
}

int tarn_registry_gap(struct tarn_capture *c, struct tarn_collection *t, const char *reason,
                      struct tarn_err *err) {
    char text[160];

    if (t->gap || !c->joined) return TARN_OK;
    t->gap = tarn_strdup(reason);
    if (!t->gap) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    t->moved = 1;
    (void)sqlite3_snprintf((int)sizeof text, text, "{\"entry\":\"gap\",\"reason\":\"%s\"}", reason);
    return tarn_capture_entry(c->conn, t->id, text, err);
}

/* Does the query, which it frees, have a row? */
static int has_row(struct tarn_capture *c, char *sql, int *yes, struct tarn_err *err) {
    sqlite3_stmt *stmt = NULL;
    int sq = sql ? sqlite3_prepare_v2(c->conn->db, sql, -1, &stmt, NULL) : SQLITE_NOMEM;

    if (sq == SQLITE_OK) sq = sqlite3_step(stmt);
    *yes = sq == SQLITE_ROW;
    (void)sqlite3_finalize(stmt);
    sqlite3_free(sql);
    if (sq == SQLITE_ROW || sq == SQLITE_DONE) return TARN_OK;
    return tarn_err_sqlite(err, c->conn->db, sq, "looking into a tracked table");
}

static int has_rows(struct tarn_capture *c, const char *table, int *yes, struct tarn_err *err) {
    return has_row(c, sqlite3_mprintf("SELECT 1 FROM main.\"%w\" LIMIT 1", table), yes, err);
}

/* Compares the registry's row with the table as it is. `same`: the cookie has moved, the schema has not. */
static int bring_up_to_date(struct tarn_capture *c, struct tarn_collection *t, int same,
                            struct tarn_err *err) {
    const char *const *left_out = (const char *const *)t->left_out;
    struct tarn_err why = {0};
    char *name = NULL;
    char *was = NULL;
    int reborn = 0;
    int filled = 0;
    int rc = find_table(c, t, &name, err);

    if (rc) return rc;
    if (!name) {
        if (t->dropped) return TARN_OK;
        t->dropped = 1;
        t->moved = 1;
        t->epoch++;
        rc = define(t, err);
        return rc ? rc : note_schema(c, t, NULL, 1, err);
    }
    rc = tarn_shape_read(&t->shape, c->conn->db, name, left_out, t->n_left_out, &why);
    if (rc == TARN_EINVAL &&
        t->n_left_out) { /* a left-out column is gone: there is nothing to leave */
        tarn_err_clear(&why);
        rc = tarn_shape_read(&t->shape, c->conn->db, name, NULL, 0, &why);
    }
    tarn_free(name);
    if (rc) return tarn_err_set(err, rc, "%s", why.msg);
    reborn = t->dropped;
    if (!reborn && strcmp(t->sql, t->shape.sql) == 0 && strcmp(t->table, t->shape.table) == 0) {
        int moved = t->root != t->shape.root;

        if (moved) t->moved = c->joined;
        t->root = t->shape.root;
        rc = define(t, err);
        if (rc == TARN_OK && (moved || same)) rc = has_rows(c, t->table, &filled, err);
        if (rc || !(moved || same) || filled) return rc;
        return note_schema(c, t, t->table, 1, err);
    }
    was = t->table;
    tarn_free(t->sql);
    t->table = tarn_strdup(t->shape.table);
    t->sql = tarn_strdup(t->shape.sql);
    t->root = t->shape.root;
    t->dropped = 0;
    t->epoch++;
    t->moved = 1;
    if (!t->table || !t->sql) rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
    if (rc == TARN_OK) rc = define(t, err);
    if (rc == TARN_OK) rc = has_rows(c, t->table, &filled, err);
    if (rc == TARN_OK) rc = note_schema(c, t, reborn ? NULL : was, !filled, err);
    if (rc == TARN_OK && reborn && filled) {
        rc = tarn_registry_gap(c, t, "the table was dropped, and made again with rows", err);
    }
    tarn_free(was);
    return rc;
}

/* Does pk hold rowids that VACUUM may have given to other rows? It does where the rowid is the key, and
** in rows with a NULL in theirs. */
static int has_loose_rowids(struct tarn_capture *c, struct tarn_collection *t, int *yes,
                            struct tarn_err *err) {
    const struct tarn_shape *s = &t->shape;
    sqlite3_str *sql = NULL;
    const char *between = " WHERE ";
    size_t i;

    *yes = !t->dropped && s->n_key == 0;
    if (t->dropped || s->n_key == 0 || s->without_rowid) return TARN_OK;
    sql = sqlite3_str_new(NULL);
    sqlite3_str_appendf(sql, "SELECT 1 FROM main.\"%w\"", t->table);
    for (i = 0; i < s->n_columns; i++) {
        if (s->columns[i].key == 0) continue;
        sqlite3_str_appendf(sql, "%s\"%w\" IS NULL", between, s->columns[i].name);
        between = " OR ";
    }
    return has_row(c, sqlite3_str_finish(sql), yes, err);
}

/* A sum over the whole schema: VACUUM moves the cookie and leaves it as it is. */
static int schema_sum(sqlite3 *db, uint64_t *out, struct tarn_err *err) {
    sqlite3_stmt *stmt = NULL;
    uint64_t sum = UINT64_C(14695981039346656037);
    int sq =
        sqlite3_prepare_v2(db, "SELECT type, name, sql FROM main.sqlite_schema", -1, &stmt, NULL);

    while (sq == SQLITE_OK || sq == SQLITE_ROW) {
        int i;

        sq = sqlite3_step(stmt);
        for (i = 0; sq == SQLITE_ROW && i < 3; i++) {
            const char *s = (const char *)sqlite3_column_text(stmt, i);

            for (; s && *s; s++)
                sum = (sum ^ (uint8_t)*s) * UINT64_C(1099511628211);
            sum = (sum ^ 0xff) * UINT64_C(1099511628211);
        }
        if (sq != SQLITE_ROW) break;
    }
    (void)sqlite3_finalize(stmt);
    *out = sum;
    return sq == SQLITE_DONE ? TARN_OK : tarn_err_sqlite(err, db, sq, "reading the schema");
}

/* It does not change once there are tables. Where an authorizer hides it, text is asked for as UTF-8. */
static void read_encoding(struct tarn_capture *c) {
    sqlite3_stmt *stmt = NULL;

    c->utf8 =
        sqlite3_prepare_v2(c->conn->db, "PRAGMA main.encoding", -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW &&
        strcmp((const char *)sqlite3_column_text(stmt, 0), "UTF-8") == 0;
    (void)sqlite3_finalize(stmt);
}

int tarn_registry_load(struct tarn_capture *c, struct tarn_err *err) {
    uint64_t before = c->sum;
    int known = c->schema >= 0;
    size_t i;
    int rc;

    c->busy++;
    tarn_registry_release(c);
    rc = read_rows(c, err);
    if (rc == TARN_OK && c->n_collections) rc = schema_sum(c->conn->db, &c->sum, err);
    if (rc == TARN_OK && c->n_collections) read_encoding(c);
    for (i = 0; i < c->n_collections && rc == TARN_OK; i++) {
        struct tarn_collection *t = &c->collections[i];

        int same = known && c->joined && c->sum == before;
        int loose = 0;

        rc = bring_up_to_date(c, t, same, err);
        if (rc == TARN_OK && same) rc = has_loose_rowids(c, t, &loose, err);
        if (rc == TARN_OK && loose) {
            rc = tarn_registry_gap(c, t, "VACUUM may have given the rows other rowids", err);
        }
        if (rc == TARN_OK && c->missed) rc = tarn_registry_gap(c, t, c->missed, err);
    }
    c->busy--;
    return rc;
}

int tarn_registry_save(struct tarn_capture *c, struct tarn_err *err) {
    sqlite3_stmt *stmt = NULL;
    int sq = SQLITE_OK;
    size_t i;

    for (i = 0; i < c->n_collections && sq == SQLITE_OK; i++) {
        struct tarn_collection *t = &c->collections[i];

        if (!t->moved) continue;
        if (!stmt) {
            sq = sqlite3_prepare_v2(
                c->conn->db,
                "UPDATE main._tarn_collections SET \"table\" = ?2, epoch = ?3, "
                "sql = ?4, root = ?5, state = ?6, gap = ?7, gapSince = CASE WHEN ?7 IS NULL "
                "THEN NULL ELSE coalesce(gapSince, strftime('%Y-%m-%d %H:%M:%f', "
                "'now')) END WHERE id = ?1",
                -1, &stmt, NULL);
            if (sq) break;
        }
        (void)sqlite3_bind_int64(stmt, 1, t->id);
        (void)sqlite3_bind_text(stmt, 2, t->table, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(stmt, 3, (sqlite3_int64)t->epoch);
        (void)sqlite3_bind_text(stmt, 4, t->sql, -1, SQLITE_STATIC);
        (void)sqlite3_bind_int64(stmt, 5, t->root);
        (void)sqlite3_bind_text(stmt, 7, t->gap, -1, SQLITE_STATIC);
        (void)sqlite3_bind_text(stmt, 6, t->dropped ? "dropped" : "tracked", -1, SQLITE_STATIC);
        (void)sqlite3_step(stmt);
        sq = sqlite3_reset(stmt);
        if (sq == SQLITE_OK) t->moved = 0;
    }
    (void)sqlite3_finalize(stmt);
    return sq ? tarn_err_sqlite(err, c->conn->db, sq, "writing the tracked tables") : TARN_OK;
}
