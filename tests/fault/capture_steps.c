/* capture_steps.c: random work of an application: statements of all kinds on all tables, with values
** of all storage classes, transactions and savepoints that end in every way, readers that are in the
** way, schema changes, blob writes, flushes, connections that come and go.
**
** Domains of keys are small, so that rows meet: conflicts, cascades and rollbacks are frequent.
*/
#include "capture_world.h"

static const char *const plain_values[] = {"1",
                                           "2",
                                           "-7",
                                           "0",
                                           "9223372036854775807",
                                           "-9223372036854775808",
                                           "9007199254740993",
                                           "0.1",
                                           "1.0",
                                           "-0.0",
                                           "1e300",
                                           "9e999",
                                           "-9e999",
                                           "5e-324",
                                           "123456789.123456789",
                                           "''",
                                           "'text'",
                                           "'it''s \"quoted\"'",
                                           "'ünï😀'",
                                           "'a' || char(0) || 'b'",
                                           "char(0)",
                                           "'line' || char(10) || char(9) || '\\'",
                                           "'12'",
                                           "'1e2'",
                                           "'[1]'",
                                           "'{\"$blob\":\"00\"}'",
                                           "'null'",
                                           "CAST(x'ff6100' AS TEXT)",
                                           "x''",
                                           "x'00ff'",
                                           "zeroblob(20)",
                                           "NULL",
                                           "NULL",
                                           "replace(hex(zeroblob(600)), '0', 'é')",
                                           "'bad'"};
static const char *const real_keys[] = {"0", "1", "2", "3.0", "0.1", "-0.0", "1e18", "-2.5", "'4'"};
static const char *const text_keys[] = {
    "'a'",  "'b'", "''",    "'\"q'", "'[x'",     "'{'",      "'null'",
    "'12'", "7",   "x'61'", "'ü'",   "'child1'", "'child2'", "'a' || char(0)"};
static const char *const any_keys[] = {"1",   "1.0", "2",     "'1'", "x'31'", "0.5",
                                       "'k'", "''",  "x'00'", "-3",  "9e999", "-0.0"};
static const char *const y_values[] = {"''", "'y'", "'del'", "'z'", "5", "'\"'"};
static const char *const conflicts[] = {
    "", "", "OR FAIL", "OR IGNORE", "OR ABORT", "OR ROLLBACK", "OR REPLACE"};

#define PARENT 5 /* in capture_tables */
#define PICK(w, list) ((list)[capture_rnd(w, (uint32_t)(sizeof(list) / sizeof *(list)))])

static void add_key(struct capture_world *w, sqlite3_str *s, const struct capture_table *t) {
    switch (t->key_kind) {
    case 'f': sqlite3_str_appendall(s, PICK(w, real_keys)); break;
    case 't': sqlite3_str_appendall(s, PICK(w, text_keys)); break;
    case 'k':
    case 'p': sqlite3_str_appendall(s, PICK(w, any_keys)); break;
    default:
        if (capture_rnd(w, 40) == 0) {
            sqlite3_str_appendall(s, capture_rnd(w, 2) ? "-9223372036854775808" : "NULL");
        } else {
            sqlite3_str_appendf(s, "%d", (int)capture_rnd(w, 24) - 3);
        }
    }
}

/* A value that fits the column's role, mostly. */
static void add_value(struct capture_world *w, sqlite3_str *s, const struct capture_table *t,
                      const char *column) {
    int strict = strcmp(t->name, "tight") == 0;

    if (strcmp(column, "id") == 0 || strcmp(column, "k") == 0 || strcmp(column, "x") == 0) {
        add_key(w, s, t);
    } else if (strcmp(column, "y") == 0) {
        sqlite3_str_appendall(s, PICK(w, y_values));
    } else if (strcmp(column, "u") == 0) {
        if (capture_rnd(w, 3)) {
            sqlite3_str_appendf(s, "%d", (int)capture_rnd(w, 12));
        } else {
            sqlite3_str_appendall(s, "NULL");
        }
    } else if (strcmp(column, "code") == 0 || strcmp(column, "pc") == 0) {
        sqlite3_str_appendf(s, capture_rnd(w, 4) ? "'c%d'" : "NULL", (int)capture_rnd(w, 8));
    } else if (strcmp(column, "p") == 0) {
        sqlite3_str_appendf(s, "(SELECT id FROM %s ORDER BY id LIMIT 1 OFFSET %d)", "parent_now",
                            (int)capture_rnd(w, 6));
    } else if (strcmp(t->name, "log") == 0 && *column == 'b' && capture_rnd(w, 12) == 0) {
        static const char *const raise[] = {"'fail'", "'ignore'", "'abort'", "'rollback'"};

        sqlite3_str_appendall(s, PICK(w, raise));
    } else if (strict && *column == 'i') {
        sqlite3_str_appendf(s, "%d", (int)capture_rnd(w, 1000) - 500);
    } else if (strict && (*column == 't' || *column == 'x')) {
        sqlite3_str_appendf(s, "'%d'", (int)capture_rnd(w, 1000));
    } else if (strict && strcmp(column, "bl") == 0) {
        sqlite3_str_appendf(s, "x'%04x'", (int)capture_rnd(w, 65536));
    } else if (strict && *column == 'r') {
        sqlite3_str_appendf(s, "%d.%d", (int)capture_rnd(w, 50), (int)capture_rnd(w, 2) * 5);
    } else if (capture_rnd(w, 3) == 0) {
        sqlite3_str_appendf(s, "%d", (int)capture_rnd(w, 100));
    } else {
        const char *v = PICK(w, plain_values);

        sqlite3_str_appendall(s, strcmp(v, "'bad'") == 0 && capture_rnd(w, 3) ? "4" : v);
    }
}

/* A table as this connection sees it. */
struct target {
    const struct capture_table *t;
    char name[64];
    char columns[1024];
    const char *column[24]; /* that can be written; in `columns` */
    int n;
};

static int find_target(struct capture_world *w, int i, struct target *out, int which) {
    char *p = out->columns, *stop = NULL;

    memset(out, 0, sizeof *out);
    out->t = &capture_tables[which];
    if (capture_look(w, i, 1)) return 0;
    memcpy(out->name, w->c[i].views[which].name, sizeof out->name);
    memcpy(out->columns, w->c[i].views[which].columns, sizeof out->columns);
    for (; (stop = strchr(p, '\n')) != NULL && out->n < 24; p = stop + 1) {
        *stop = 0;
        out->column[out->n++] = p;
    }
    return 1;
}

static int is_key(const struct target *t, const char *column) {
    size_t n = strlen(column);
    const char *at = strstr(t->t->key_sql, column);

    return at && (at[n] == 0 || at[n] == ',') && (at == t->t->key_sql || at[-1] == ' ');
}

static void run(struct capture_world *w, int i, sqlite3_str *s) {
    char *sql = sqlite3_str_finish(s);
    char *at = strstr(sql, "parent_now");

    if (at) { /* the table's name of today, of the same length or longer */
        sqlite3_str *again = sqlite3_str_new(NULL);
        char *p = sql;

        for (; (at = strstr(p, "parent_now")) != NULL; p = at + 10)
            sqlite3_str_appendf(again, "%.*s\"%w\"", (int)(at - p), p, w->c[i].views[PARENT].name);
        sqlite3_str_appendall(again, p);
        sqlite3_free(sql);
        sql = sqlite3_str_finish(again);
    }
    (void)capture_run(w, i, sql);
    sqlite3_free(sql);
}

/* The key columns stand in it always, a lone INTEGER PRIMARY KEY mostly. */
static void choose_columns(struct capture_world *w, const struct target *t, int use[24]) {
    int k;

    for (k = 0; k < t->n; k++) {
        use[k] = capture_rnd(w, 4) != 0;
        if (is_key(t, t->column[k])) use[k] = t->t->key_kind != 'i' || capture_rnd(w, 4) != 0;
    }
    use[t->t->key_kind == 'r' ? 0 : 1] = 1;
}

static void add_columns(sqlite3_str *s, const struct target *t, const int use[24]) {
    int k, first = 1;

    for (k = 0; k < t->n; k++) {
        if (!use[k]) continue;
        sqlite3_str_appendf(s, "%s\"%w\"", first ? "" : ", ", t->column[k]);
        first = 0;
    }
}

static void add_where(struct capture_world *w, sqlite3_str *s, const struct target *t) {
    const char *key = t->t->key_kind == 'r'   ? "rowid"
                      : t->t->key_kind == 'p' ? "x"
                      : t->t->key_kind == 'i' ? "id"
                                              : "k";

    switch (capture_rnd(w, 6)) {
    case 0: sqlite3_str_appendf(s, " WHERE %s > ", key); break;
    case 1: sqlite3_str_appendf(s, " WHERE %s < ", key); break;
    case 2:
        if (t->t->key_kind == 'i' || t->t->key_kind == 'r') {
            sqlite3_str_appendf(s, " WHERE %s %% 3 = %d", key, (int)capture_rnd(w, 3));
        } else {
            sqlite3_str_appendf(s, " WHERE length(hex(%s)) %% 3 = %d", key, (int)capture_rnd(w, 3));
        }
        return;
    default: sqlite3_str_appendf(s, " WHERE %s = ", key);
    }
    if (t->t->key_kind == 'r') {
        sqlite3_str_appendf(s, "%d", (int)capture_rnd(w, 12));
    } else {
        add_key(w, s, t->t);
    }
}

static void add_sets(struct capture_world *w, sqlite3_str *s, const struct target *t) {
    int n = 1 + (int)capture_rnd(w, 2), k;

    for (k = 0; k < n; k++) {
        const char *column = t->column[capture_rnd(w, (uint32_t)t->n)];

        sqlite3_str_appendf(s, "%s\"%w\" = ", k ? ", " : "", column);
        if (strcmp(column, "id") == 0) {
            sqlite3_str_appendf(s, "id + %d", (int)capture_rnd(w, 5) - 2);
        } else if (capture_rnd(w, 6) == 0) {
            sqlite3_str_appendf(s, "\"%w\"", column);
        } else {
            add_value(w, s, t->t, column);
        }
    }
}

static void add_upsert(struct capture_world *w, sqlite3_str *s, const struct target *t) {
    int by_u = (strcmp(t->t->name, "item") == 0 || strcmp(t->t->name, "tight") == 0) &&
               capture_rnd(w, 2) == 0;

    if (t->t->key_kind == 'r') return;
    sqlite3_str_appendf(s, " ON CONFLICT(%s) DO ", by_u ? "u" : t->t->key_sql);
    if (capture_rnd(w, 4) == 0) {
        sqlite3_str_appendall(s, "NOTHING");
    } else {
        sqlite3_str_appendall(s, "UPDATE SET ");
        add_sets(w, s, t);
    }
}

/* Not OR REPLACE in a STRICT table: there SQLite (3.40) deletes the row in the way before it looks at the
** types of the new one, and when they don't fit it leaves an index without its row. */
static const char *conflict(struct capture_world *w, const struct target *t) {
    const char *clause = PICK(w, conflicts);

    return strcmp(t->t->name, "tight") == 0 && strstr(clause, "REPLACE") ? "OR ABORT" : clause;
}

static void insert(struct capture_world *w, int i, const struct target *t) {
    sqlite3_str *s = sqlite3_str_new(NULL);
    int rows = 1 + (int)capture_rnd(w, 4), upsert = capture_rnd(w, 4) == 0;
    int use[24] = {0};
    int r, k;

    choose_columns(w, t, use);
    sqlite3_str_appendf(s, "INSERT %s INTO \"%w\"(", upsert ? "" : conflict(w, t), t->name);
    add_columns(s, t, use);
    sqlite3_str_appendall(s, ") VALUES ");
    for (r = 0; r < rows; r++) {
        const char *comma = r ? ", (" : "(";

        for (k = 0; k < t->n; k++) {
            if (!use[k]) continue;
            sqlite3_str_appendall(s, comma);
            add_value(w, s, t->t, t->column[k]);
            comma = ", ";
        }
        sqlite3_str_appendall(s, ")");
    }
    if (upsert) add_upsert(w, s, t);
    run(w, i, s);
}

static void update(struct capture_world *w, int i, const struct target *t) {
    sqlite3_str *s = sqlite3_str_new(NULL);

    sqlite3_str_appendf(s, "UPDATE %s \"%w\" SET ", conflict(w, t), t->name);
    add_sets(w, s, t);
    if (capture_rnd(w, 6)) add_where(w, s, t);
    if (capture_rnd(w, 8) == 0) sqlite3_str_appendall(s, " RETURNING *");
    run(w, i, s);
}

static void remove_rows(struct capture_world *w, int i, const struct target *t) {
    sqlite3_str *s = sqlite3_str_new(NULL);

    sqlite3_str_appendf(s, "DELETE FROM \"%w\"", t->name);
    if (capture_rnd(w, 8)) add_where(w, s, t);
    run(w, i, s);
}

/* From the table itself, into it or another. */
static void insert_select(struct capture_world *w, int i, const struct target *t) {
    sqlite3_str *s = sqlite3_str_new(NULL);

    if (t->t->key_kind == 'p') {
        sqlite3_str_appendf(s,
                            "INSERT %s INTO \"%w\"(x, y, a) SELECT x, y || 'q', a FROM \"%w\" "
                            "ORDER BY y, x LIMIT 3",
                            conflict(w, t), t->name, t->name);
    } else if (t->t->key_kind == 'r' || t->t->key_kind == 'i') {
        sqlite3_str_appendf(s,
                            "INSERT %s INTO \"%w\"(rowid, a) SELECT rowid + %d, a FROM \"%w\" "
                            "ORDER BY rowid LIMIT 3",
                            conflict(w, t), t->name, 1 + (int)capture_rnd(w, 9), t->name);
    } else {
        sqlite3_str_appendf(s,
                            "REPLACE INTO \"%w\"(k, a) SELECT k, b FROM \"%w\" ORDER BY k LIMIT "
                            "2",
                            t->name, t->name);
    }
    run(w, i, s);
}

/* sqlite3_blob_write into a value of some row, on both. Behind a VIRTUAL column SQLite writes into the
** next column's value; such tables have another twin, where that is not so. */
static void blob_write(struct capture_world *w, int i, const struct target *t) {
    static const char bytes[] = "written by sqlite3_blob_write";
    const char *column = t->column[capture_rnd(w, (uint32_t)t->n)];
    struct capture_connection *c = &w->c[i];
    sqlite3_stmt *stmt = NULL;
    sqlite3_int64 rowid = 0;
    int rc, n = 0, k;
    char *sql = sqlite3_mprintf("SELECT rowid, length(CAST(\"%w\" AS BLOB)) FROM \"%w\" WHERE "
                                "typeof(\"%w\") IN ('blob', 'text') ORDER BY rowid %% 5, rowid",
                                column, t->name, column);

    for (k = 0; k < 2; k++) {
        if (sqlite3_prepare_v2(k ? c->twin : c->real, sql, -1, &stmt, NULL) == SQLITE_OK &&
            sqlite3_step(stmt) == SQLITE_ROW) {
            rowid = sqlite3_column_int64(stmt, 0);
            n = sqlite3_column_int(stmt, 1);
        }
        (void)sqlite3_finalize(stmt);
        stmt = NULL;
    }
    sqlite3_free(sql);
    if (n == 0) return;
    n = 1 + (int)capture_rnd(w, (uint32_t)(n < 28 ? n : 28));
    for (k = 0, rc = 0; k < 2; k++) {
        sqlite3 *db = k ? c->twin : c->real;
        sqlite3_blob *blob = NULL;
        int got = sqlite3_blob_open(db, "main", t->name, column, rowid, 1, &blob);

        if (got == SQLITE_OK) got = sqlite3_blob_write(blob, bytes, n, 0);
        if (got == SQLITE_OK && n > 4) got = sqlite3_blob_write(blob, bytes + 3, 2, 1);
        if (blob) {
            int closed = sqlite3_blob_close(blob);

            if (got == SQLITE_OK) got = closed;
        }
        if (k == 0) rc = got;
        if (k == 1 && rc != got) {
            capture_fail(w, "blob_write to %s.%s of row %lld: with Tarn %d (%s), without %d",
                         t->name, column, (long long)rowid, rc, sqlite3_errmsg(c->real), got);
        }
    }
    c->wrote = 1;
    c->forgiven = 1; /* it may set changes() to 0: the README's limits */
    sql = sqlite3_mprintf("-- blob_write %s.%s row %lld, %d bytes", t->name, column, rowid, n);
    capture_note(w, i, rc, sql);
    sqlite3_free(sql);
}

/* Columns that were added are called x{number}, later x{number}_{number}. */
static int pick_added(struct capture_world *w, const struct target *t) {
    int k, start = (int)capture_rnd(w, (uint32_t)t->n);

    for (k = 0; k < t->n; k++) {
        const char *column = t->column[(start + k) % t->n];

        if (column[0] == 'x' && column[1] >= '0' && column[1] <= '9') return (start + k) % t->n;
    }
    return -1;
}

static void alter(struct capture_world *w, int i, const struct target *t) {
    sqlite3_str *s = sqlite3_str_new(NULL);
    struct capture_bytes unused = {0};
    int added = pick_added(w, t);

    w->c[i].altered = 1;
    w->c[i].looked = 0;
    /* ALTER believes the schema that the connection has read, however old it is */
    (void)sqlite3_exec(w->c[i].real, "SELECT 1 FROM sqlite_schema LIMIT 1", NULL, NULL, NULL);
    (void)sqlite3_exec(w->c[i].twin, "SELECT 1 FROM sqlite_schema LIMIT 1", NULL, NULL, NULL);
    sqlite3_str_appendf(s, "ALTER TABLE \"%w\" ", t->name);
    switch (capture_rnd(w, 4)) {
    case 0: sqlite3_str_appendf(s, "RENAME TO %s_r%d", t->t->name, (int)w->next_rename++); break;
    case 1:
        if (added >= 0) {
            sqlite3_str_appendf(s, "RENAME COLUMN \"%w\" TO x%ld_%d", t->column[added],
                                strtol(t->column[added] + 1, NULL, 10), (int)w->next_rename++);
            break;
        }
        /* fall through */
    case 2:
        if (added >= 0 && t->n > 8) {
            sqlite3_str_appendf(s, "DROP COLUMN \"%w\"", t->column[added]);
            break;
        }
        /* fall through */
    default:
        sqlite3_str_appendf(s, "ADD COLUMN x%ld %s", w->next_column,
                            capture_default(w->next_column, &unused));
        w->next_column++;
    }
    capture_free(&unused);
    run(w, i, s);
}

static void statement(struct capture_world *w, int i) {
    struct target t;

    if (!find_target(w, i, &t, (int)capture_rnd(w, CAPTURE_TABLES))) {
        (void)capture_run(w, i, "PRAGMA user_version"); /* it can't be read: neither can its twin */
        return;
    }
    switch (capture_rnd(w, 20)) {
    case 0:
        if (capture_rnd(w, 6) == 0) alter(w, i, &t);
        break;
    case 1:
        if (!t.t->twin_create) blob_write(w, i, &t);
        break;
    case 2: insert_select(w, i, &t); break;
    case 3: (void)capture_run(w, i, "INSERT INTO v_quiet VALUES(3, 'ignore'), (x'01', 4)"); break;
    case 4:
    case 5:
    case 6:
    case 7:
    case 8: update(w, i, &t); break;
    case 9:
    case 10:
    case 11: remove_rows(w, i, &t); break;
    default: insert(w, i, &t);
    }
}

static void in_transaction(struct capture_world *w, int i) {
    char sql[32];

    switch (capture_rnd(w, 14)) {
    case 0:
    case 1: (void)capture_run(w, i, "COMMIT"); break;
    case 2:
        if (capture_rnd(w, 3) == 0) (void)capture_run(w, i, "ROLLBACK");
        break;
    case 3:
        snprintf(sql, sizeof sql, "SAVEPOINT s%u", capture_rnd(w, 4));
        (void)capture_run(w, i, sql);
        break;
    case 4:
        snprintf(sql, sizeof sql, "RELEASE s%u", capture_rnd(w, 4));
        (void)capture_run(w, i, sql);
        break;
    case 5:
        snprintf(sql, sizeof sql, "ROLLBACK TO s%u", capture_rnd(w, 4));
        (void)capture_run(w, i, sql);
        break;
    default: statement(w, i);
    }
}

/* Opens a SELECT on both and leaves it there, or ends it. */
static void reader(struct capture_world *w, int i) {
    static const char sql[] = "SELECT * FROM free UNION ALL SELECT 1, 2, 3";
    struct capture_connection *c = &w->c[i];
    int rc, twin_rc;

    if (c->real_reader) {
        (void)sqlite3_finalize(c->real_reader);
        (void)sqlite3_finalize(c->twin_reader);
        c->real_reader = c->twin_reader = NULL;
        capture_note(w, i, 0, "-- reader ends");
        return;
    }
    rc = sqlite3_prepare_v2(c->real, sql, -1, &c->real_reader, NULL);
    twin_rc = sqlite3_prepare_v2(c->twin, sql, -1, &c->twin_reader, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_step(c->real_reader);
    if (twin_rc == SQLITE_OK) twin_rc = sqlite3_step(c->twin_reader);
    capture_note(w, i, rc, "-- reader begins");
    if (rc != twin_rc) capture_fail(w, "a SELECT: with Tarn %d, without %d", rc, twin_rc);
    if (rc == SQLITE_ROW) return;
    (void)sqlite3_finalize(c->real_reader);
    (void)sqlite3_finalize(c->twin_reader);
    c->real_reader = c->twin_reader = NULL;
}

/* A flush may have to wait for another connection's transaction; nothing else may stop it. */
static void flush(struct capture_world *w, int i) {
    int rc, k, alone = 1;

    for (k = 0; k < w->n_connections; k++)
        alone &= sqlite3_get_autocommit(w->c[k].real) && !w->c[k].real_reader;
    if (!sqlite3_get_autocommit(w->c[i].real)) return;
    rc = sqlite3_exec(w->c[i].real, "SELECT tarn_flush()", NULL, NULL, NULL);
    capture_note(w, i, rc, "SELECT tarn_flush()");
    if (rc && (alone || ((rc & 0xff) != SQLITE_BUSY && (rc & 0xff) != SQLITE_LOCKED)))
        capture_fail(w, "flush: %s", sqlite3_errmsg(w->c[i].real));
}

/* Without a WAL a connection can't even read the schema while another commits. */
static void reopen(struct capture_world *w, int i) {
    int k;

    for (k = 0; k < w->n_connections; k++) {
        if (k != i && strstr(w->setup, "WAL")) continue;
        if (!sqlite3_get_autocommit(w->c[k].real) || w->c[k].real_reader) return;
    }
    capture_disconnect(w, i);
    capture_connect(w, i);
}

void capture_step(struct capture_world *w) {
    int i = (int)capture_rnd(w, (uint32_t)w->n_connections), k;
    struct capture_connection *c;

    for (k = 0; k < w->n_connections && capture_rnd(w, 8);
         k++) { /* mostly go on with what is open */
        if (!sqlite3_get_autocommit(w->c[k].real)) i = k;
    }
    c = &w->c[i];
    w->step++;
    if (!sqlite3_get_autocommit(c->real)) {
        in_transaction(w, i);
    } else {
        static const char *const begin[] = {"BEGIN", "BEGIN", "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE",
                                            "SAVEPOINT s0"};

        switch (capture_rnd(w, 10)) {
        case 0:
        case 1:
        case 2: (void)capture_run(w, i, PICK(w, begin)); break;
        default: statement(w, i);
        }
    }
    if (capture_rnd(w, c->real_reader ? 6 : 60) == 0) reader(w, i);
    capture_settle(w, i);
    if (capture_rnd(w, 400) == 0) flush(w, i);
    if (capture_rnd(w, 500) == 0) reopen(w, i);
}
