/* resync.c: see resync.h. The differences are found first and kept beside the state, in its temporary
** database: the entry counts them, and stands before them.
**
** A column that the state's row hasn't got (ALTER TABLE added it since) has its default there.
*/
#include "resync.h"

#include <string.h>

#include "capture_impl.h"
#include "mem.h"
#include "state.h"

struct tarn_resync {
    struct tarn_conn *conn;
    struct tarn_collection *t; /* while the transaction is open */
    struct tarn_state *state;
    struct tarn_arena lasting, row;
    struct tarn_definition d;
    struct tarn_value *absent; /* the columns' defaults */
    struct tarn_buf body, json, change, defaults;
    sqlite3_stmt *table, *keep, *missing;
    uint64_t counts[4]; /* by op */
};

static int no_memory(struct tarn_err *err) {
    return tarn_err_set(err, TARN_ENOMEM, "out of memory");
}

static int beside(struct tarn_resync *r, int sq, struct tarn_err *err) {
    return tarn_err_sqlite(err, tarn_state_db(r->state), sq, "the temporary database of a resync");
}

/* CREATE TABLE absent(column type DEFAULT (…), …), of those that have one. */
static char *defaults_sql(struct tarn_resync *r, struct tarn_err *err) {
    const struct tarn_shape *s = &r->t->shape;
    sqlite3_str *sql = sqlite3_str_new(NULL);
    sqlite3_stmt *stmt = NULL;
    const char *between = "CREATE TABLE absent(";
    int sq = sqlite3_prepare_v2(
        r->conn->db,
        "SELECT name, type, dflt_value FROM pragma_table_xinfo(?1, 'main') WHERE hidden = 0", -1,
        &stmt, NULL);
    size_t i;

    if (sq == SQLITE_OK) sq = sqlite3_bind_text(stmt, 1, s->table, -1, SQLITE_STATIC);
    while (sq == SQLITE_OK && (sq = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(stmt, 0);
        const char *type = (const char *)sqlite3_column_text(stmt, 1);
        const char *initial = (const char *)sqlite3_column_text(stmt, 2);

        sq = SQLITE_OK;
        for (i = 0; name && i < s->n_columns && strcmp(s->columns[i].name, name) != 0; i++) {
        }
        if (!name || i == s->n_columns) continue;
        sqlite3_str_appendf(sql, "%s\"%w\" \"%w\" DEFAULT (%s)", between, name, type ? type : "",
                            initial ? initial : "NULL");
        between = ", ";
    }
    sqlite3_str_appendall(sql, "); INSERT INTO absent DEFAULT VALUES");
    (void)sqlite3_finalize(stmt);
    if (sq != SQLITE_DONE) (void)tarn_err_sqlite(err, r->conn->db, sq, "reading a table's columns");
    return sqlite3_str_finish(sql);
}

/* A default that can't be had here is taken as NULL: at worst, a row is said again. */
static int read_defaults(struct tarn_resync *r, struct tarn_err *err) {
    const struct tarn_shape *s = &r->t->shape;
    char *sql = defaults_sql(r, err);
    sqlite3 *db = tarn_state_db(r->state);
    sqlite3_stmt *stmt = NULL;
    struct tarn_cursor c;
    size_t i;

    r->absent = tarn_arena_calloc(&r->lasting, s->n_columns + 1, sizeof *r->absent);
    if (!err->code && (!sql || !r->absent)) (void)no_memory(err);
    if (!err->code && s->n_columns && sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, "SELECT * FROM absent", -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        for (i = 0; i < s->n_columns; i++) {
            tarn_capture_put_value(&r->defaults, sqlite3_column_value(stmt, (int)i),
                                   s->columns[i].affinity, 0);
        }
        c = (struct tarn_cursor){r->defaults.data, r->defaults.data + r->defaults.len, TARN_OK};
        for (i = 0; i < s->n_columns; i++)
            tarn_value_take(&c, &r->absent[i]);
    }
    (void)sqlite3_finalize(stmt);
    sqlite3_free(sql);
    if (!err->code && r->defaults.rc) (void)no_memory(err);
    return err->code;
}

static int keep(struct tarn_resync *r, int op, struct tarn_slice pk, const struct tarn_buf *body,
                struct tarn_err *err) {
    int sq;

    if (body->rc) return tarn_err_set(err, body->rc, "a row is too large, or no memory for it");
    sq = sqlite3_bind_int(r->keep, 1, op);
    if (sq == SQLITE_OK) sq = sqlite3_bind_blob64(r->keep, 2, pk.data, pk.len, SQLITE_STATIC);
    if (sq == SQLITE_OK) {
        sq = sqlite3_bind_blob64(r->keep, 3, body->data, body->len, SQLITE_STATIC);
    }
    if (sq == SQLITE_OK) (void)sqlite3_step(r->keep);
    if (sq == SQLITE_OK) sq = sqlite3_reset(r->keep);
    r->counts[op]++;
    return beside(r, sq, err);
}

/* In the table only. Its row is a body already, but for the op. */
static int inserted(struct tarn_resync *r, struct tarn_slice pk, struct tarn_err *err) {
    r->body.data[0] = TARN_OP_INSERT;
    return keep(r, TARN_OP_INSERT, pk, &r->body, err);
}

/* In the state only. */
static int deleted(struct tarn_resync *r, const struct tarn_state_row *was, struct tarn_err *err) {
    struct tarn_slice none = {NULL, 0};
    struct tarn_slice prev = r->t->track_previous ? was->data : none;
    struct tarn_err why = {0};
    struct tarn_value *old = NULL;
    int rc = TARN_OK;

    tarn_buf_clear(&r->json);
    tarn_buf_clear(&r->change);
    if (prev.len) {
        rc = tarn_state_values(&old, &r->d, r->absent, prev, &r->row, err);
        if (rc) return rc;
        tarn_row_json(&r->json, &r->d, old);
        if (r->json.rc) return no_memory(err);
        prev = (struct tarn_slice){r->json.data, r->json.len};
    }
    rc = tarn_change_from_delta(&r->change, &r->d, TARN_OP_DELETE, was->pk, none, prev, &r->row,
                                &why);
    if (rc == TARN_ECORRUPT && prev.len) { /* a row of another shape: its key will do */
        tarn_err_clear(&why);
        tarn_buf_clear(&r->change);
        rc = tarn_change_from_delta(&r->change, &r->d, TARN_OP_DELETE, was->pk, none, none, &r->row,
                                    &why);
    }
    if (rc == TARN_ECORRUPT) {
        return tarn_err_set(err, TARN_EINVAL,
                            "table %.100s has another key now than the rows of its collection: "
                            "SELECT tarn_untrack and tarn_track begin it anew",
                            r->t->table);
    }
    return rc ? tarn_err_set(err, rc, "%s", why.msg)
              : keep(r, TARN_OP_DELETE, was->pk, &r->change, err);
}

/* In both. */
static int compared(struct tarn_resync *r, const struct tarn_state_row *was, struct tarn_err *err) {
    struct tarn_slice body = {r->body.data, r->body.len};
    struct tarn_value *old = NULL;
    struct tarn_change c;
    size_t i;
    int rc = tarn_change_take(&c, &r->d, body, &r->row, err);

    if (rc) return rc;
    tarn_buf_clear(&r->json);
    tarn_row_json(&r->json, &r->d, c.new_row);
    if (r->json.rc) return no_memory(err);
    if (r->json.len == was->data.len && memcmp(r->json.data, was->data.data, r->json.len) == 0) {
        return TARN_OK;
    }
    rc = tarn_state_values(&old, &r->d, r->absent, was->data, &r->row, err);
    if (rc) return rc;
    for (i = 0; i < r->d.n_columns && tarn_value_equal(&c.new_row[i], &old[i]); i++) {
    }
    if (i == r->d.n_columns) return TARN_OK;
    c.op = TARN_OP_UPDATE;
    c.old_row = r->t->track_previous ? old : NULL;
    tarn_buf_clear(&r->change);
    tarn_change_put(&r->change, &r->d, &c);
    return keep(r, TARN_OP_UPDATE, was->pk, &r->change, err);
}

static int next_in_table(struct tarn_resync *r, int *more, struct tarn_slice *pk,
                         struct tarn_err *err) {
    int at = (int)r->t->shape.n_columns + 1;
    int sq = sqlite3_step(r->table);

    *more = sq == SQLITE_ROW;
    if (sq == SQLITE_DONE) return TARN_OK;
    if (sq != SQLITE_ROW) {
        return tarn_err_sqlite(err, r->conn->db, sq, "reading the rows of the table");
    }
    tarn_base_row(&r->body, &r->t->shape, r->table);
    pk->data = sqlite3_column_blob(r->table, at);
    pk->len = (size_t)sqlite3_column_bytes(r->table, at);
    if (!pk->data) pk->data = (const uint8_t *)"";
    return r->body.rc ? tarn_err_set(err, r->body.rc, "a row is too large, or no memory") : TARN_OK;
}

static int order(struct tarn_slice a, struct tarn_slice b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.data, b.data, n) : 0;

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare(struct tarn_resync *r, struct tarn_err *err) {
    struct tarn_state_row was;
    struct tarn_slice pk = {NULL, 0};
    int here = 0;
    int there = 0;
    int rc = next_in_table(r, &here, &pk, err);

    if (rc == TARN_OK) rc = tarn_state_next(r->state, &was, &there, err);
    while (rc == TARN_OK && (here || there)) {
        int which = !there ? -1 : !here ? 1 : order(pk, was.pk);

        tarn_arena_clear(&r->row);
        rc = which < 0   ? inserted(r, pk, err)
             : which > 0 ? deleted(r, &was, err)
                         : compared(r, &was, err);
        if (rc == TARN_OK && which <= 0) rc = next_in_table(r, &here, &pk, err);
        if (rc == TARN_OK && which >= 0) rc = tarn_state_next(r->state, &was, &there, err);
    }
    return rc;
}

static int prepare(struct tarn_resync *r, struct tarn_err *err) {
    sqlite3 *db = tarn_state_db(r->state);
    struct tarn_slice body = {r->t->definition.data, r->t->definition.len};
    int sq =
        sqlite3_exec(db, "CREATE TABLE missing(op INTEGER, pk BLOB, body BLOB)", NULL, NULL, NULL);
    int rc;

    if (sq == SQLITE_OK) {
        sq = sqlite3_prepare_v2(db, "INSERT INTO missing VALUES(?1, ?2, ?3)", -1, &r->keep, NULL);
    }
    if (sq == SQLITE_OK) {
        sq = sqlite3_prepare_v2(db, "SELECT op, pk, body FROM missing ORDER BY rowid", -1,
                                &r->missing, NULL);
    }
    rc = beside(r, sq, err);
    if (rc) return rc;
    body.data = tarn_arena_memdup(&r->lasting, body.data, body.len);
    if (!body.data) return no_memory(err);
    rc = tarn_definition_take(&r->d, body, &r->lasting, err);
    if (rc == TARN_OK) rc = read_defaults(r, err);
    return rc ? rc : tarn_base_select(r->conn, &r->t->shape, &r->table, err);
}

/* The entry, and what it counts. */
static int emit(struct tarn_resync *r, struct tarn_err *err) {
    struct tarn_capture *c = r->conn->capture;
    char text[160];
    int sq = SQLITE_OK;
    int rc;

    (void)sqlite3_snprintf((int)sizeof text, text,
                           "{\"entry\":\"resync\",\"inserted\":%llu,\"updated\":%llu,"
                           "\"deleted\":%llu}",
                           (unsigned long long)r->counts[TARN_OP_INSERT],
                           (unsigned long long)r->counts[TARN_OP_UPDATE],
                           (unsigned long long)r->counts[TARN_OP_DELETE]);
    rc = tarn_capture_entry(r->conn, r->t->id, text, err);
    if (r->t->gap) r->t->moved = 1;
    tarn_free(r->t->gap);
    r->t->gap = NULL;
    while (rc == TARN_OK && (sq = sqlite3_step(r->missing)) == SQLITE_ROW) {
        struct tarn_buf *b = &c->scratch;

        tarn_buf_clear(b);
        if (tarn_buf_reserve(b, 512)) return no_memory(err);
        b->len = TARN_CAPTURE_HEAD;
        tarn_buf_put(b, sqlite3_column_blob(r->missing, 2),
                     (size_t)sqlite3_column_bytes(r->missing, 2));
        rc = tarn_capture_add(c, r->t, err);
    }
    if (rc == TARN_OK && sq != SQLITE_DONE) rc = beside(r, sq, err);
    (void)sqlite3_reset(r->missing);
    return rc;
}

static int inside(struct tarn_resync *r, const char *table, struct tarn_state_spec *spec,
                  struct tarn_err *err) {
    int rc = tarn_capture_join(r->conn, err);

    if (rc) return rc;
    r->t = tarn_capture_find(r->conn, table);
    if (!r->t) {
        return tarn_err_set(err, TARN_ENOTFOUND,
                            "table %.100s is not tracked: tarn_collections lists those that are",
                            table);
    }
    spec->collection = r->t->name;
    rc = tarn_state_open(&r->state, spec, err);
    if (rc == TARN_OK) rc = prepare(r, err);
    if (rc == TARN_OK) rc = compare(r, err);
    (void)sqlite3_finalize(r->table);
    (void)sqlite3_finalize(r->keep);
    r->table = r->keep = NULL;
    return rc ? rc : emit(r, err);
}

static int run(struct tarn_resync *r, const char *sql, struct tarn_err *err) {
    int sq = sqlite3_exec(r->conn->db, sql, NULL, NULL, NULL);

    return tarn_err_sqlite(err, r->conn->db, sq, "the transaction of a resync");
}

int tarn_resync_open(struct tarn_resync **out, struct tarn_conn *c, const char *table,
                     int (*interrupted)(void *), void *interrupted_arg, struct tarn_err *err) {
    struct tarn_state_spec spec = {
        .conn = c, .interrupted = interrupted, .interrupted_arg = interrupted_arg};
    struct tarn_resync *r = NULL;
    int rc = tarn_conn_refresh(c, err);

    *out = NULL;
    if (rc) return rc;
    if (!sqlite3_get_autocommit(c->db)) {
        return tarn_err_set(err, TARN_EINVAL,
                            "tarn_resync needs a transaction of its own: COMMIT or ROLLBACK first");
    }
    if (!tarn_registry_exists(c->db)) {
        return tarn_err_set(err, TARN_ENOTFOUND, "table %.100s is not tracked: no table is", table);
    }
    rc = tarn_capture_arm(c, err);
    if (rc) return rc;
    r = tarn_calloc(1, sizeof *r);
    if (!r) return no_memory(err);
    r->conn = c;
    tarn_arena_init(&r->lasting, NULL);
    tarn_arena_init(&r->row, NULL);
    tarn_buf_init(&r->body, (size_t)1 << 30);
    tarn_buf_init(&r->json, (size_t)1 << 31);
    tarn_buf_init(&r->change, (size_t)1 << 31);
    tarn_buf_init(&r->defaults, (size_t)1 << 30);
    spec.memory_budget = (size_t)tarn_settings_int(&c->settings, TARN_SET_MEMORY_BUDGET);
    rc = run(r, "BEGIN IMMEDIATE", err);
    if (rc == TARN_OK) {
        rc = inside(r, table, &spec, err);
        r->t = NULL;
        if (rc == TARN_OK) rc = run(r, "COMMIT", err);
        if (rc && !sqlite3_get_autocommit(c->db)) (void)run(r, "ROLLBACK", NULL);
    }
    if (rc) {
        tarn_resync_free(r);
        return rc;
    }
    *out = r;
    return TARN_OK;
}

int tarn_resync_next(struct tarn_resync *r, int *op, struct tarn_slice *pk, int *more,
                     struct tarn_err *err) {
    int sq = sqlite3_step(r->missing);

    *more = sq == SQLITE_ROW;
    if (sq == SQLITE_DONE) return TARN_OK;
    if (sq != SQLITE_ROW) return beside(r, sq, err);
    *op = sqlite3_column_int(r->missing, 0);
    pk->data = sqlite3_column_blob(r->missing, 1);
    pk->len = (size_t)sqlite3_column_bytes(r->missing, 1);
    return TARN_OK;
}

void tarn_resync_free(struct tarn_resync *r) {
    if (!r) return;
    (void)sqlite3_finalize(r->table);
    (void)sqlite3_finalize(r->keep);
    (void)sqlite3_finalize(r->missing);
    tarn_state_free(r->state);
    tarn_arena_release(&r->lasting);
    tarn_arena_release(&r->row);
    tarn_buf_release(&r->body);
    tarn_buf_release(&r->json);
    tarn_buf_release(&r->change);
    tarn_buf_release(&r->defaults);
    tarn_free(r);
}
