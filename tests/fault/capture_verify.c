/* capture_verify.c: replays the rows of cdc_<collection> and compares the outcome with what the live
** tables were when each bookmark was new.
*/
#include "capture_world.h"

#include <time.h>

struct delta {
    char op[8];
    char bookmark[64], ts[32];
    struct capture_bytes pk, data, prev; /* n == 0 and p == NULL: NULL */
    sqlite3_int64 seq;
};

struct deltas {
    struct delta *rows;
    size_t n, cap, at;
};

static void take(struct capture_bytes *out, sqlite3_stmt *stmt, int column) {
    const void *p = sqlite3_column_text(stmt, column);

    if (p) capture_add(out, p, (size_t)sqlite3_column_bytes(stmt, column));
    if (p && !out->p) capture_add(out, "", 1), out->n = 0;
}

static void free_deltas(struct deltas *d) {
    size_t i;

    for (i = 0; i < d->n; i++) {
        capture_free(&d->rows[i].pk);
        capture_free(&d->rows[i].data);
        capture_free(&d->rows[i].prev);
    }
    free(d->rows);
    memset(d, 0, sizeof *d);
}

static struct delta *add_delta(struct deltas *d) {
    if (d->n == d->cap) {
        d->cap = d->cap * 2 + 64;
        d->rows = realloc(d->rows, d->cap * sizeof *d->rows);
        if (!d->rows) abort();
    }
    memset(&d->rows[d->n], 0, sizeof *d->rows);
    return &d->rows[d->n++];
}

static void column(char *out, size_t size, sqlite3_stmt *stmt, int i) {
    const char *text = (const char *)sqlite3_column_text(stmt, i);

    snprintf(out, size, "%s", text ? text : "NULL");
}

/* The connection's tables cdc_<collection>, where they are missing. */
static void make_tables(struct capture_world *w, sqlite3 *db) {
    const char *stem = strrchr(w->path, '/') + 1;
    int t;

    for (t = 0; t < CAPTURE_TABLES; t++) {
        const char *collection = capture_tables[t].collection;

        if (!collection) continue;
        fault_must(db,
                   "CREATE VIRTUAL TABLE IF NOT EXISTS temp.cdc_%s USING tarn_cdc('%.*s', '%s')",
                   collection, (int)(strlen(stem) - 3), stem, collection);
    }
}

/* Rows of a collection behind a bookmark, in order. */
static void read_deltas(struct capture_world *w, sqlite3 *db, int t, const char *after,
                        struct deltas *out) {
    const char *collection = capture_tables[t].collection;
    sqlite3_stmt *stmt = NULL;
    char sql[256];
    int rc;

    snprintf(sql, sizeof sql,
             "SELECT op, pk, ts, data, prev, bookmark, seq FROM temp.cdc_%s WHERE bookmark > ?1 "
             "ORDER BY bookmark, seq",
             collection);
    rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    (void)sqlite3_bind_text(stmt, 1, after, -1, SQLITE_STATIC);
    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct delta *d = add_delta(out);
        const struct delta *before = out->n > 1 ? d - 1 : NULL;

        column(d->op, sizeof d->op, stmt, 0);
        take(&d->pk, stmt, 1);
        column(d->ts, sizeof d->ts, stmt, 2);
        take(&d->data, stmt, 3);
        take(&d->prev, stmt, 4);
        column(d->bookmark, sizeof d->bookmark, stmt, 5);
        d->seq = sqlite3_column_int64(stmt, 6);
        if (!d->pk.p) capture_fail(w, "cdc_%s: a row without pk", collection);
        if (before && (strcmp(before->bookmark, d->bookmark) > 0 ||
                       (strcmp(before->bookmark, d->bookmark) == 0 && before->seq >= d->seq))) {
            capture_fail(w, "cdc_%s: %s seq %lld follows %s seq %lld", collection, d->bookmark,
                         (long long)d->seq, before->bookmark, (long long)before->seq);
        }
        rc = SQLITE_OK;
    }
    if (rc != SQLITE_DONE) capture_fail(w, "%s: %s", sql, sqlite3_errmsg(db));
    (void)sqlite3_finalize(stmt);
}

static void mix(uint64_t *h, const void *p, size_t n) {
    const uint64_t prime = 1099511628211u;
    const uint8_t *s = p;
    size_t i;

    *h = (*h ^ n) * prime;
    for (i = 0; i < n; i++)
        *h = (*h ^ s[i]) * prime;
}

static void mix_delta(uint64_t *h, const struct delta *d) {
    mix(h, d->op, strlen(d->op));
    mix(h, d->bookmark, strlen(d->bookmark));
    mix(h, d->pk.p, d->pk.n);
    mix(h, d->data.p ? d->data.p : (const uint8_t *)"", d->data.n);
    mix(h, d->prev.p ? d->prev.p : (const uint8_t *)"", d->prev.n);
}

static void bad(struct capture_world *w, int t, const struct delta *d, const char *what) {
    capture_fail(
        w, "cdc_%s, bookmark %s seq %lld: %s\n  op %s pk %.*s ts %s\n  data %.*s\n  prev %.*s",
        capture_tables[t].collection, d->bookmark, (long long)d->seq, what, d->op, (int)d->pk.n,
        d->pk.p ? (char *)d->pk.p : "", d->ts, (int)d->data.n,
        d->data.p ? (char *)d->data.p : "NULL", (int)d->prev.n,
        d->prev.p ? (char *)d->prev.p : "NULL");
}

/* The values of data or prev; what is replayed takes on its columns. */
static void parse(struct capture_world *w, int t, struct capture_state *s, const struct delta *d,
                  const struct capture_bytes *json, struct capture_bytes *values) {
    struct capture_bytes names = {0};

    if (capture_from_data(&names, values, (const char *)json->p, json->n))
        bad(w, t, d, "not of the documented form");
    capture_project(s, &names);
    capture_free(&names);
}

/* The time part of a bookmark, as ts must be. */
static void check_time(struct capture_world *w, int t, const struct delta *d) {
    long long ms = strtoll(d->bookmark + 26, NULL, 16);
    time_t seconds = (time_t)(ms / 1000);
    char text[32];
    size_t n = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", gmtime(&seconds));

    snprintf(text + n, sizeof text - n, ".%03dZ", (int)(ms % 1000));
    if (strcmp(text, d->ts) != 0) bad(w, t, d, "ts is not the bookmark's time");
}

/* The key of a row is also where it says: in the columns that are the key. */
static void apply(struct capture_world *w, int t, struct capture_state *s, const struct delta *d) {
    const struct capture_table *table = &capture_tables[t];
    struct capture_bytes key = {0}, values = {0}, prev = {0};
    struct capture_row *row = NULL;
    int insert = strcmp(d->op, "insert") == 0, update = strcmp(d->op, "update") == 0;

    if (!insert && !update && strcmp(d->op, "delete") != 0) bad(w, t, d, "what op is this?");
    check_time(w, t, d);
    if (capture_from_pk(&key, table->n_key, table->text_key, (const char *)d->pk.p, d->pk.n))
        bad(w, t, d, "pk is not of the documented form");
    if ((insert || update) != (d->data.p != NULL)) bad(w, t, d, "data");
    if ((!insert && table->previous) != (d->prev.p != NULL)) bad(w, t, d, "prev");
    if (d->prev.p) parse(w, t, s, d, &d->prev, &prev);
    if (d->data.p) parse(w, t, s, d, &d->data, &values);
    row = capture_state_find(s, &key);
    if (insert && row) bad(w, t, d, "an insert of a key that is there");
    if (!insert && !row) bad(w, t, d, "a change of a key that is not there");
    if (d->prev.p && !capture_same(&prev, &row->values)) {
        (void)fprintf(stderr, "  replayed:");
        capture_print_values(stderr, &row->values);
        (void)fprintf(stderr, "\n  prev:");
        capture_print_values(stderr, &prev);
        (void)fprintf(stderr, "\n");
        bad(w, t, d, "prev is not the row as it was replayed so far");
    }
    if (insert) {
        capture_state_add(s, &key, &values);
    } else if (update) {
        capture_free(&row->values);
        row->values = values;
        memset(&values, 0, sizeof values);
    } else {
        capture_state_remove(s, row);
    }
    capture_free(&key);
    capture_free(&values);
    capture_free(&prev);
}

static void one_commit(struct capture_world *w, const struct capture_commit *commit,
                       struct deltas d[CAPTURE_TABLES]) {
    int t;

    for (t = 0; t < CAPTURE_TABLES; t++) {
        const struct capture_table *table = &capture_tables[t];
        struct capture_state *s = &w->replayed[t];
        struct capture_state before = {0};
        struct deltas *rows = &d[t];

        if (!table->collection) continue;
        if (commit->compare && table->session) {
            capture_state_copy(&before, s);
            capture_project(&before, &commit->live[t].names);
        }
        for (; rows->at < rows->n; rows->at++) {
            int order = strcmp(rows->rows[rows->at].bookmark, commit->bookmark);

            if (order > 0) break;
            if (order < 0)
                bad(w, t, &rows->rows[rows->at],
                    "no commit that changed anything has this bookmark");
            apply(w, t, s, &rows->rows[rows->at]);
            mix_delta(&w->delta_digest[t], &rows->rows[rows->at]);
            w->deltas++;
        }
        capture_project(s, &commit->live[t].names);
        if (!capture_state_same(s, &commit->live[t])) {
            capture_state_diff(stderr, "replayed", s, "live", &commit->live[t]);
            capture_fail(w, "%s: not the live table at bookmark %s", table->collection,
                         commit->bookmark);
        }
        if (commit->compare && table->session) capture_session_compare(w, commit, t, &before, s);
        capture_state_free(&before);
    }
}

static void forget_commits(struct capture_world *w) {
    size_t i;
    int t;

    for (i = 0; i < w->n_commits; i++) {
        for (t = 0; t < CAPTURE_TABLES; t++)
            capture_state_free(&w->commits[i].live[t]);
        capture_free(&w->commits[i].changes);
    }
    w->n_commits = 0;
}

/* The tables of the twin are the same: nothing that Tarn does has changed what a statement does. */
void capture_compare_twins(struct capture_world *w, int connection) {
    struct capture_connection *c = &w->c[connection];
    int t;

    if (capture_look(w, connection, 1)) return;
    for (t = 0; t < CAPTURE_TABLES; t++) {
        const struct capture_table *table = &capture_tables[t];
        const struct capture_view *v = &c->views[t];
        struct capture_state real = {0}, twin = {0};
        sqlite3_stmt *stmt = NULL;

        if (capture_dump_prepare(&stmt, c->twin, v->name, table->key_sql, v->tracked) ||
            capture_dump(&twin, stmt, table->n_key, v->tracked) ||
            capture_dump(&real, v->dump, table->n_key, v->tracked))
            capture_fail(w, "%s: %s", v->name, sqlite3_errmsg(c->twin));
        (void)sqlite3_finalize(stmt);
        if (!capture_state_same(&real, &twin)) {
            capture_state_diff(stderr, "with Tarn", &real, "without", &twin);
            capture_fail(w, "%s holds something else with Tarn than without", table->name);
        }
        capture_state_free(&real);
        capture_state_free(&twin);
    }
}

void capture_verify(struct capture_world *w, int connection) {
    sqlite3 *db = w->c[connection].real;
    struct deltas d[CAPTURE_TABLES];
    size_t i;
    int t;

    capture_compare_twins(w, connection);
    make_tables(w, db);
    memset(d, 0, sizeof d);
    for (t = 0; t < CAPTURE_TABLES; t++) {
        if (capture_tables[t].collection) read_deltas(w, db, t, w->verified, &d[t]);
    }
    for (i = 0; i < w->n_commits; i++) {
        w->at = w->commits[i].bookmark;
        one_commit(w, &w->commits[i], d);
    }
    w->at = NULL;
    for (t = 0; t < CAPTURE_TABLES; t++) {
        if (d[t].at < d[t].n)
            bad(w, t, &d[t].rows[d[t].at], "no commit that changed anything has this bookmark");
        free_deltas(&d[t]);
    }
    snprintf(w->verified, sizeof w->verified, "%s", w->bookmark);
    forget_commits(w);
}

/* The lake's base files hold what was there when tracking began. */
static void check_base(struct capture_world *w, sqlite3 *db, int t) {
    const struct capture_table *table = &capture_tables[t];
    struct capture_state found = {0};
    sqlite3_stmt *stmt = NULL;
    const char *stem = strrchr(w->path, '/') + 1;
    static const char sql[] = "SELECT pk, data FROM temp.base";
    int rc;

    if (w->base[t].n == 0) return;
    fault_must(db,
               "CREATE VIRTUAL TABLE temp.base USING parquet('%s-lake/cdc/%.*s/%s/data.parquet')",
               w->path, (int)(strlen(stem) - 3), stem, table->collection);
    rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        struct capture_bytes key = {0}, values = {0};

        found.names.n = 0;
        if (capture_from_pk(&key, table->n_key, table->text_key,
                            (const char *)sqlite3_column_text(stmt, 0),
                            (size_t)sqlite3_column_bytes(stmt, 0)) ||
            capture_from_data(&found.names, &values, (const char *)sqlite3_column_text(stmt, 1),
                              (size_t)sqlite3_column_bytes(stmt, 1))) {
            capture_fail(w, "%s: a row not of the documented form", sql);
        }
        capture_state_add(&found, &key, &values);
        rc = SQLITE_OK;
    }
    if (rc != SQLITE_DONE) capture_fail(w, "%s: %s", sql, sqlite3_errmsg(db));
    (void)sqlite3_finalize(stmt);
    fault_must(db, "DROP TABLE temp.base");
    if (!capture_state_same(&found, &w->base[t])) {
        capture_state_diff(stderr, "data.parquet", &found, "when tracked", &w->base[t]);
        capture_fail(w, "%s: the base is not what was there", table->collection);
    }
    capture_state_free(&found);
}

/* Once more from the lake alone: the same rows, each once. */
static void check_lake(struct capture_world *w, sqlite3 *db, int t) {
    struct deltas d = {0};
    uint64_t digest = 0;
    size_t i;

    if (fault_number(db, "SELECT count(*) FROM temp.cdc_%s WHERE filename IS NULL",
                     capture_tables[t].collection) != 0)
        capture_fail(w, "%s: rows still wait", capture_tables[t].collection);
    read_deltas(w, db, t, "", &d);
    for (i = 0; i < d.n; i++)
        mix_delta(&digest, &d.rows[i]);
    if (digest != w->delta_digest[t]) {
        capture_fail(w, "%s: the lake's %zu rows are not those that were read one by one",
                     capture_tables[t].collection, d.n);
    }
    free_deltas(&d);
}

void capture_end(struct capture_world *w) {
    sqlite3 *db;
    int i, t;

    for (i = 0; i < w->n_connections; i++) {
        if (!sqlite3_get_autocommit(w->c[i].real)) (void)capture_run(w, i, "ROLLBACK");
        capture_disconnect(w, i);
    }
    capture_connect(w, 0);
    capture_settle(w, 0);
    capture_verify(w, 0);
    capture_disconnect(w, 0);
    capture_connect(w, 0);
    db = w->c[0].real;
    if (fault_try(db, "SELECT tarn_flush()")) capture_fail(w, "flush: %s", sqlite3_errmsg(db));
    capture_settle(w, 0);
    make_tables(w, db);
    for (t = 0; t < CAPTURE_TABLES; t++) {
        if (!capture_tables[t].collection) continue;
        check_lake(w, db, t);
        check_base(w, db, t);
    }
    if (fault_number(db, "SELECT count(*) FROM tarn_verify('cdc') WHERE fault IS NOT NULL") != 0) {
        capture_fail(
            w, "tarn_verify: %s",
            fault_text(db, "SELECT fault FROM tarn_verify('cdc') WHERE fault IS NOT NULL"));
    }
    capture_disconnect(w, 0);
    forget_commits(w);
    free(w->commits);
    for (t = 0; t < CAPTURE_TABLES; t++) {
        capture_state_free(&w->live[t]);
        capture_state_free(&w->replayed[t]);
        capture_state_free(&w->base[t]);
    }
    for (i = 0; i < CAPTURE_LOG; i++)
        free(w->log[i]);
}
