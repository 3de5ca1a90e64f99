/* capture_world.c: see capture_world.h. */
#include "capture_world.h"

#include <unistd.h>

/* Key kinds: 'i' INTEGER PRIMARY KEY id, 'r' rowid, 'k' of any class, 't' text, 'f' REAL, 'p' two columns. */
const struct capture_table capture_tables[CAPTURE_TABLES] = {
    {"item",
     "CREATE TABLE item(id INTEGER PRIMARY KEY, a CHECK(a IS NOT 'bad'), b TEXT, r REAL, n "
     "NUMERIC, "
     "u UNIQUE, \"we\"\"ird é\" BLOB)",
     NULL, "", "item", NULL, "id", 1, 'i', 0, 1, 1},
    {"log", "CREATE TABLE log(a CHECK(a IS NOT 'bad'), b TEXT, r REAL)", NULL,
     "{\"collection\":\"journal\"}", "journal", NULL, "rowid", 1, 'r', 0, 1, 0},
    {"pair",
     "CREATE TABLE pair(a CHECK(a IS NOT 'bad'), x, y TEXT, r REAL, u UNIQUE, PRIMARY KEY(y, x)) "
     "WITHOUT ROWID",
     NULL, "", "pair", NULL, "y, x", 2, 'p', 0, 1, 1},
    {"tight",
     "CREATE TABLE tight(id INTEGER PRIMARY KEY, i INT, t TEXT, r REAL, bl BLOB, a ANY CHECK(a IS "
     "NOT 'bad'), u INT UNIQUE) STRICT",
     NULL, "", "tight", NULL, "id", 1, 'i', 0, 1, 1},
    {"made",
     "CREATE TABLE made(id INTEGER PRIMARY KEY, a CHECK(a IS NOT 'bad'), g1 AS (typeof(a)), b "
     "TEXT, "
     "g2 AS (b || 'x') STORED, r REAL)",
     "CREATE TABLE made(id INTEGER PRIMARY KEY, a CHECK(a IS NOT 'bad'), b TEXT, r REAL)", "",
     "made", NULL, "id", 1, 'i', 0, 1, 1},
    {"parent",
     "CREATE TABLE parent(id INTEGER PRIMARY KEY, code TEXT UNIQUE, a CHECK(a IS NOT 'bad'))", NULL,
     "", "parent", NULL, "id", 1, 'i', 0, 1, 1},
    {"child",
     "CREATE TABLE child(id INTEGER PRIMARY KEY, p INT REFERENCES parent(id) ON DELETE CASCADE ON "
     "UPDATE CASCADE, pc TEXT REFERENCES parent(code) ON UPDATE CASCADE ON DELETE SET NULL, a)",
     NULL, "", "child", NULL, "id", 1, 'i', 0, 1, 1},
    {"secret", "CREATE TABLE secret(k TEXT PRIMARY KEY NOT NULL, a, hidden, b TEXT)", NULL,
     "{\"columns\":[\"hidden\"]}", "secret", "hidden", "k", 1, 't', 1, 1, 1},
    {"quiet", "CREATE TABLE quiet(id INTEGER PRIMARY KEY, a CHECK(a IS NOT 'bad'), b TEXT)", NULL,
     "{\"trackPrevious\":false}", "quiet", NULL, "id", 1, 'i', 0, 0, 1},
    {"mixed", "CREATE TABLE mixed(b TEXT, k PRIMARY KEY NOT NULL, a, r REAL)", NULL, "", "mixed",
     NULL, "k", 1, 'k', 0, 1, 1},
    {"round", "CREATE TABLE round(k REAL PRIMARY KEY, a, b TEXT) WITHOUT ROWID", NULL, "", "round",
     NULL, "k", 1, 'f', 0, 1, 0}, /* sessions take 1 and 1.0 for two keys */
    {"free", "CREATE TABLE free(id INTEGER PRIMARY KEY, a, b TEXT)", NULL, NULL, NULL, NULL, "id",
     1, 'i', 0, 0, 1},
};

const char capture_triggers[] =
    "CREATE TRIGGER item_ai AFTER INSERT ON item WHEN typeof(new.a) = 'integer' BEGIN "
    "INSERT INTO log(a, b) VALUES(new.a, 'ins'); END;"
    "CREATE TRIGGER item_au AFTER UPDATE OF a ON item BEGIN "
    "UPDATE quiet SET a = new.a WHERE id = new.id % 7; "
    "UPDATE OR IGNORE pair SET a = new.a WHERE x = old.id; END;"
    "CREATE TRIGGER item_bd BEFORE DELETE ON item WHEN old.id % 3 = 0 BEGIN "
    "INSERT OR REPLACE INTO pair(x, y, a) VALUES(old.id, 'del', old.a); END;"
    "CREATE TRIGGER log_bi BEFORE INSERT ON log BEGIN "
    "SELECT CASE new.b WHEN 'fail' THEN RAISE(FAIL, 'f') WHEN 'ignore' THEN RAISE(IGNORE) "
    "WHEN 'abort' THEN RAISE(ABORT, 'a') WHEN 'rollback' THEN RAISE(ROLLBACK, 'r') END; END;"
    "CREATE TRIGGER child_ad AFTER DELETE ON child BEGIN "
    "INSERT INTO free(a) VALUES(old.a); "
    "INSERT INTO secret(k, a) VALUES('child' || old.id % 4, old.a) "
    "ON CONFLICT(k) DO UPDATE SET a = excluded.a, hidden = 'h'; END;"
    "CREATE VIEW v_quiet AS SELECT a, b FROM quiet;"
    "CREATE TRIGGER v_quiet_ii INSTEAD OF INSERT ON v_quiet BEGIN "
    "INSERT INTO quiet(a, b) VALUES(new.a, new.b); INSERT INTO log(a, b) VALUES(new.b, new.a); "
    "END;";

uint32_t capture_rnd(struct capture_world *w, uint32_t n) {
    w->seed = w->seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)((w->seed >> 33) % n);
}

void capture_note(struct capture_world *w, int connection, int rc, const char *text) {
    char **slot = &w->log[w->logged++ % CAPTURE_LOG];

    free(*slot);
    *slot = NULL;
    if (asprintf(slot, "%ld c%d %4d %s", w->step, connection, rc, text) < 0) abort();
    if (getenv("TARN_TRACE")) (void)fprintf(stderr, "%s\n", *slot);
}

void capture_fail(struct capture_world *w, const char *fmt, ...) {
    unsigned long i, end = w->logged;
    va_list ap;

    for (i = w->logged; w->at && i > 0 && i + CAPTURE_LOG > w->logged; i--) {
        if (strstr(w->log[(i - 1) % CAPTURE_LOG], w->at)) end = i;
    }
    (void)fprintf(stderr, "--- what was done (step, connection, result, statement):\n");
    for (i = end > 80 ? end - 80 : 0; i < end; i++) {
        if (i + CAPTURE_LOG >= w->logged)
            (void)fprintf(stderr, "%.600s\n", w->log[i % CAPTURE_LOG]);
    }
    (void)fprintf(stderr, "--- %s, TARN_SEED=%llu, step %ld, transaction %ld:\n", w->variant,
                  (unsigned long long)w->start, w->step, w->transactions);
    va_start(ap, fmt);
    (void)vfprintf(stderr, fmt, ap);
    va_end(ap);
    (void)fprintf(stderr, "\n");
    fail();
    abort();
}

static void told(void *hook, int op, const char *db, const char *table, sqlite3_int64 rowid) {
    const uint64_t prime = 1099511628211u;
    uint64_t *h = &((struct capture_hook *)hook)->digest;

    (void)db;
    if (strncmp(table, "_tarn_", 6) == 0) {
        ((struct capture_hook *)hook)->own++;
        return;
    }
    *h = (*h ^ (uint64_t)op) * prime;
    *h = (*h ^ (uint64_t)rowid) * prime;
    for (; *table; table++)
        *h = (*h ^ (uint64_t)(unsigned char)*table) * prime;
}

static void must(struct capture_world *w, sqlite3 *db, const char *sql) {
    if (sqlite3_exec(db, sql, NULL, NULL, NULL))
        capture_fail(w, "%.300s: %s", sql, sqlite3_errmsg(db));
}

void capture_connect(struct capture_world *w, int i) {
    static const char both[] = "PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON;";
    struct capture_connection *c = &w->c[i];
    char *message = NULL;

    memset(c, 0, sizeof *c);
    if (sqlite3_open(w->path, &c->real) || sqlite3_open(w->twin_path, &c->twin))
        capture_fail(w, "sqlite3_open: %s", sqlite3_errmsg(c->real));
    (void)sqlite3_exec(c->real, w->setup, NULL, NULL, NULL); /* may be BUSY when it is no news */
    (void)sqlite3_exec(c->twin, w->setup, NULL, NULL, NULL);
    if (tarn_register(c->real, &message)) capture_fail(w, "tarn_register: %s", message);
    (void)sqlite3_extended_result_codes(c->real, 1);
    (void)sqlite3_extended_result_codes(c->twin, 1);
    must(w, c->real, both);
    must(w, c->twin, both);
    (void)sqlite3_update_hook(c->real, told, &c->real_hook);
    (void)sqlite3_update_hook(c->twin, told, &c->twin_hook);
    capture_session_begin(c);
    c->real_total = sqlite3_total_changes(c->real);
    c->twin_total = sqlite3_total_changes(c->twin);
    capture_note(w, i, 0, "-- open");
}

/* What an application can see of its statement must be the same. */
static void same_counters(struct capture_world *w, int i) {
    struct capture_connection *c = &w->c[i];

    if (c->real_hook.own != c->own_seen) {
        c->real_total += c->real_hook.own - c->own_seen;
        c->own_seen = c->real_hook.own;
        c->forgiven = 1;
    }
    if (sqlite3_changes(c->real) == sqlite3_changes(c->twin)) {
        c->forgiven = 0;
    } else if (!c->forgiven) {
        capture_fail(w, "changes(): %d with Tarn, %d without", sqlite3_changes(c->real),
                     sqlite3_changes(c->twin));
    }
    if (sqlite3_total_changes(c->real) - c->real_total !=
        sqlite3_total_changes(c->twin) - c->twin_total) {
        capture_fail(w, "total_changes(): %d with Tarn, %d without",
                     sqlite3_total_changes(c->real) - c->real_total,
                     sqlite3_total_changes(c->twin) - c->twin_total);
    }
    if (sqlite3_last_insert_rowid(c->real) != sqlite3_last_insert_rowid(c->twin)) {
        capture_fail(w, "last_insert_rowid(): %lld with Tarn, %lld without",
                     (long long)sqlite3_last_insert_rowid(c->real),
                     (long long)sqlite3_last_insert_rowid(c->twin));
    }
    if (c->real_hook.digest != c->twin_hook.digest)
        capture_fail(w, "the update hook was told something else with Tarn");
    if (sqlite3_get_autocommit(c->real) != sqlite3_get_autocommit(c->twin)) {
        capture_fail(w, "autocommit: %d with Tarn, %d without", sqlite3_get_autocommit(c->real),
                     sqlite3_get_autocommit(c->twin));
    }
}

/* A commit of updates that change nothing writes nothing without Tarn, whose outbox has them. So it can
** be BUSY with Tarn alone: then both go on from before it. */
static void forgive(struct capture_world *w, int i) {
    struct capture_connection *c = &w->c[i];

    if (!sqlite3_get_autocommit(c->real)) must(w, c->real, "ROLLBACK");
    capture_note(w, i, 0, "-- a commit of nothing; with Tarn: ROLLBACK");
    capture_compare_twins(w, i);
    c->real_total = sqlite3_total_changes(c->real);
    c->twin_total = sqlite3_total_changes(c->twin);
    c->real_hook.digest = c->twin_hook.digest = 0;
    c->forgiven = 1;
}

int capture_run(struct capture_world *w, int i, const char *sql) {
    struct capture_connection *c = &w->c[i];
    int rc, twin_rc;

    if (sqlite3_txn_state(c->real, "main") == SQLITE_TXN_NONE) c->stale = 0;
    rc = sqlite3_exec(c->real, sql, NULL, NULL, NULL);
    capture_note(w, i, rc, sql);
    if (rc == SQLITE_BUSY_SNAPSHOT && c->stale) return rc; /* the twin's snapshot is not old */
    twin_rc = sqlite3_exec(c->twin, sql, NULL, NULL, NULL);
    if (rc == SQLITE_BUSY && twin_rc == SQLITE_OK && sqlite3_get_autocommit(c->twin) &&
        w->n_connections > 1) {
        forgive(w, i);
        return rc;
    }
    if (rc != twin_rc) {
        capture_fail(w, "with Tarn %d (%s), without %d (%s): %s", rc, sqlite3_errmsg(c->real),
                     twin_rc, sqlite3_errmsg(c->twin), sql);
    }
    same_counters(w, i);
    if (sqlite3_txn_state(c->real, "main") != sqlite3_txn_state(c->twin, "main")) {
        capture_fail(w, "sqlite3_txn_state: %d with Tarn, %d without",
                     sqlite3_txn_state(c->real, "main"), sqlite3_txn_state(c->twin, "main"));
    }
    return rc;
}

static int find_name(sqlite3 *db, const struct capture_table *t, char *out, size_t size) {
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db,
                                "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND "
                                "(name = ?1 OR name GLOB ?1 || '_r[0-9]*')",
                                -1, &stmt, NULL);

    *out = 0;
    (void)sqlite3_bind_text(stmt, 1, t->name, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        snprintf(out, size, "%s", (const char *)sqlite3_column_text(stmt, 0));
        rc = SQLITE_OK;
    }
    (void)sqlite3_finalize(stmt);
    return *out ? SQLITE_OK : rc ? rc : SQLITE_ERROR;
}

static int find_columns(sqlite3 *db, const struct capture_table *t, struct capture_view *v) {
    sqlite3_stmt *stmt = NULL;
    size_t n = 0, tracked = 0;
    int rc = sqlite3_prepare_v2(db, "SELECT name FROM main.pragma_table_xinfo(?1) WHERE hidden = 0",
                                -1, &stmt, NULL);

    (void)sqlite3_bind_text(stmt, 1, v->name, -1, SQLITE_STATIC);
    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *column = (const char *)sqlite3_column_text(stmt, 0);

        n += (size_t)snprintf(v->columns + n, sizeof v->columns - n, "%s\n", column);
        if (!t->left_out || strcmp(column, t->left_out) != 0)
            tracked +=
                (size_t)snprintf(v->tracked + tracked, sizeof v->tracked - tracked, "%s\n", column);
        rc = SQLITE_OK;
    }
    (void)sqlite3_finalize(stmt);
    return rc == SQLITE_DONE && n ? SQLITE_OK : rc;
}

/* The version is a number that a rollback takes back and somebody else may use again: who has
** altered the schema forgets what he has seen when the transaction is over. */
static void forget_views(struct capture_connection *c) {
    int t;

    for (t = 0; t < CAPTURE_TABLES; t++) {
        (void)sqlite3_finalize(c->views[t].dump);
        memset(&c->views[t], 0, sizeof c->views[t]);
    }
    c->looked = 0;
}

static int read_version(sqlite3_stmt *stmt, int *version) {
    int rc = sqlite3_step(stmt);

    if (rc == SQLITE_ROW) *version = sqlite3_column_int(stmt, 0);
    return sqlite3_reset(stmt);
}

void capture_disconnect(struct capture_world *w, int i) {
    struct capture_connection *c = &w->c[i];

    if (!c->real) return;
    (void)sqlite3_finalize(c->real_reader);
    (void)sqlite3_finalize(c->twin_reader);
    (void)sqlite3_finalize(c->real_version);
    (void)sqlite3_finalize(c->twin_version);
    (void)sqlite3_finalize(c->bookmark);
    (void)sqlite3_finalize(c->hold);
    forget_views(c);
    capture_session_end(c);
    if (sqlite3_close(c->real)) capture_fail(w, "sqlite3_close: %s", sqlite3_errmsg(c->real));
    (void)sqlite3_close(c->twin);
    memset(c, 0, sizeof *c);
    capture_note(w, i, 0, "-- close");
}

int capture_look(struct capture_world *w, int i, int both) {
    struct capture_connection *c = &w->c[i];
    int rc, t, version = 0;

    if (!c->real_version &&
        (sqlite3_prepare_v2(c->real, "PRAGMA schema_version", -1, &c->real_version, NULL) ||
         sqlite3_prepare_v2(c->twin, "PRAGMA schema_version", -1, &c->twin_version, NULL))) {
        (void)sqlite3_finalize(c->real_version);
        (void)sqlite3_finalize(c->twin_version);
        c->real_version = c->twin_version = NULL;
        return SQLITE_BUSY;
    }
    if (both) (void)read_version(c->twin_version, &version);
    rc = read_version(c->real_version, &version);
    if (rc || (c->looked && c->version == version)) return rc;
    forget_views(c);
    for (t = 0; t < CAPTURE_TABLES && rc == SQLITE_OK; t++) {
        const struct capture_table *table = &capture_tables[t];
        struct capture_view *v = &c->views[t];

        rc = find_name(c->real, table, v->name, sizeof v->name);
        if (rc == SQLITE_OK) rc = find_columns(c->real, table, v);
        if (rc == SQLITE_OK)
            rc = capture_dump_prepare(&v->dump, c->real, v->name, table->key_sql, v->tracked);
    }
    c->looked = rc == SQLITE_OK;
    c->version = version;
    return rc;
}

/* All tables as this connection sees them. 0, or SQLite's code. */
static int dump_all(struct capture_world *w, int i, struct capture_state live[CAPTURE_TABLES]) {
    struct capture_connection *c = &w->c[i];
    int rc = capture_look(w, i, 0);
    int t;

    memset(live, 0, CAPTURE_TABLES * sizeof *live);
    for (t = 0; t < CAPTURE_TABLES && rc == SQLITE_OK; t++) {
        const struct capture_table *table = &capture_tables[t];

        if (table->collection)
            rc = capture_dump(&live[t], c->views[t].dump, table->n_key, c->views[t].tracked);
    }
    return rc;
}

static void free_all(struct capture_state live[CAPTURE_TABLES]) {
    int t;

    for (t = 0; t < CAPTURE_TABLES; t++)
        capture_state_free(&live[t]);
}

static int get_bookmark(struct capture_world *w, struct capture_connection *c, char out[64]) {
    int rc = SQLITE_OK;

    out[0] = 0;
    if (!c->bookmark)
        rc = sqlite3_prepare_v2(c->real, "SELECT tarn_bookmark()", -1, &c->bookmark, NULL);
    if (rc == SQLITE_OK) rc = sqlite3_step(c->bookmark);
    if (rc == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(c->bookmark, 0);

        snprintf(out, 64, "%s", text ? text : "");
    } else if ((rc & 0xff) != SQLITE_BUSY && (rc & 0xff) != SQLITE_LOCKED) {
        capture_fail(w, "tarn_bookmark(): %s", sqlite3_errmsg(c->real));
    }
    (void)sqlite3_reset(c->bookmark);
    return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static void check_unchanged(struct capture_world *w, const struct capture_state *live) {
    int t;

    for (t = 0; t < CAPTURE_TABLES; t++) {
        /* a schema change alone may be recorded later */
        if (!capture_same(&live[t].names, &w->live[t].names)) continue;
        if (capture_state_same(&live[t], &w->live[t])) continue;
        capture_state_diff(stderr, "before", &w->live[t], "after", &live[t]);
        capture_fail(w, "%s has changed, and the bookmark is still %s", capture_tables[t].name,
                     w->bookmark);
    }
}

/* Others that read now may not write any more, without Tarn they may, if nothing has changed. */
static void note_stale(struct capture_world *w, int i, const struct capture_state *live) {
    int k, t;

    for (t = 0; t < CAPTURE_TABLES; t++) {
        capture_project(&w->live[t], &live[t].names);
        if (!capture_state_same(&live[t], &w->live[t])) return;
    }
    for (k = 0; k < w->n_connections; k++) {
        if (k != i && sqlite3_txn_state(w->c[k].real, "main") == SQLITE_TXN_READ) w->c[k].stale = 1;
    }
}

static void remember(struct capture_world *w, struct capture_connection *c, const char *bookmark,
                     struct capture_state *live) {
    struct capture_commit *commit;
    int t;

    if (w->n_commits == w->cap_commits) {
        w->cap_commits = w->cap_commits * 2 + 16;
        w->commits = realloc(w->commits, w->cap_commits * sizeof *w->commits);
        if (!w->commits) abort();
    }
    commit = &w->commits[w->n_commits++];
    memset(commit, 0, sizeof *commit);
    snprintf(commit->bookmark, sizeof commit->bookmark, "%s", bookmark);
    memcpy(commit->live, live, sizeof commit->live);
    commit->compare = !c->altered && !w->unsure;
    w->unsure = 0;
    if (commit->compare) capture_session_take(w, c, &commit->changes);
    free_all(w->live);
    for (t = 0; t < CAPTURE_TABLES; t++)
        capture_state_copy(&w->live[t], &live[t]);
    snprintf(w->bookmark, sizeof w->bookmark, "%s", bookmark);
    w->transactions++;
}

void capture_settle(struct capture_world *w, int i) {
    struct capture_connection *c = &w->c[i];
    struct capture_state live[CAPTURE_TABLES];
    char bookmark[64];
    int order, blind;

    if (!sqlite3_get_autocommit(c->real)) return;
    if (w->step % 4 && !c->altered && !c->wrote && c->settled == sqlite3_total_changes(c->real)) {
        if (capture_session_used(c)) capture_session_begin(c); /* by what failed */
        return;
    }
    c->settled = sqlite3_total_changes(c->real);
    c->wrote = 0;
    /* one read transaction for what follows */
    if (!c->hold) (void)sqlite3_prepare_v2(c->real, "PRAGMA schema_version", -1, &c->hold, NULL);
    if (sqlite3_step(c->hold) != SQLITE_ROW ||
        get_bookmark(w, c, bookmark)) { /* somebody else holds the file */
        (void)sqlite3_reset(c->hold);
        w->unsure |= capture_session_used(c);
        capture_session_begin(c);
        if (c->altered) forget_views(c);
        c->altered = 0;
        return;
    }
    order = strcmp(bookmark, w->bookmark);
    blind = c->real_reader && order <= 0; /* it may see an older state */
    if (order < 0 && !blind) capture_fail(w, "bookmark %s after %s", bookmark, w->bookmark);
    if (!blind && dump_all(w, i, live)) {
        free_all(live);
        capture_fail(w, "bookmark %s, and the tables can't be read", bookmark);
    }
    if (!blind && order == 0) {
        check_unchanged(w, live);
        free_all(live);
    } else if (!blind) {
        capture_note(w, i, 0, bookmark);
        note_stale(w, i, live);
        remember(w, c, bookmark, live);
    }
    (void)sqlite3_reset(c->hold);
    if (capture_session_used(c) || c->altered) capture_session_begin(c);
    if (c->altered) forget_views(c);
    c->altered = 0;
}

/* Keys of all kinds for what is there before tracking begins. */
static const char filling[] =
    "INSERT INTO item(id, a, b, r, u) VALUES(1, 1, 'one', 1.0, 'u1'), (-5, NULL, 'minus', 2.5, 7);"
    "INSERT INTO log(a, b) VALUES(x'00', 'blob'), (9e999, char(0) || 'nul');"
    "INSERT INTO pair(x, y, a, r) VALUES(1.5, '', 3, -0.0), ('x', 'y', x'', 4);"
    "INSERT INTO secret(k, a, hidden) VALUES('\"quoted', 1, 'not seen'), ('', 2, 3);"
    "INSERT INTO round(k, a) VALUES(1, 'whole'), (0.1, -0.0);";

void capture_begin(struct capture_world *w) {
    sqlite3 *db;
    char *sql;
    int i, t;

    w->start = w->seed;
    w->next_column = 1;
    w->next_rename = 1;
    capture_connect(w, 0);
    db = w->c[0].real;
    for (t = 0; t < CAPTURE_TABLES; t++) {
        const struct capture_table *table = &capture_tables[t];

        must(w, db, table->create);
        must(w, w->c[0].twin, table->twin_create ? table->twin_create : table->create);
    }
    if (capture_run(w, 0, capture_triggers) || capture_run(w, 0, filling))
        capture_fail(w, "set-up: %s", sqlite3_errmsg(db));
    sql = sqlite3_mprintf("SELECT tarn_config('autoFlush', '%s'), tarn_config('timeThresholdMs', 5)"
                          ", tarn_config('countThreshold', 7)",
                          w->in_background ? "on" : "off");
    must(w, db, sql);
    sqlite3_free(sql);
    for (t = 0; t < CAPTURE_TABLES; t++) {
        const struct capture_table *table = &capture_tables[t];

        if (!table->collection) continue;
        sql = *table->options
                  ? sqlite3_mprintf("SELECT tarn_track(%Q, %Q)", table->name, table->options)
                  : sqlite3_mprintf("SELECT tarn_track(%Q)", table->name);
        must(w, db, sql);
        sqlite3_free(sql);
    }
    if (get_bookmark(w, &w->c[0], w->bookmark) || !*w->bookmark)
        capture_fail(w, "no bookmark after tracking");
    if (dump_all(w, 0, w->live)) capture_fail(w, "dump: %s", sqlite3_errmsg(db));
    for (t = 0; t < CAPTURE_TABLES; t++) {
        capture_state_copy(&w->replayed[t], &w->live[t]);
        capture_state_copy(&w->base[t], &w->live[t]);
    }
    snprintf(w->verified, sizeof w->verified, "%s", w->bookmark);
    for (i = 0; i < w->n_connections; i++) {
        capture_disconnect(w, i);
        capture_connect(w, i);
    }
}
