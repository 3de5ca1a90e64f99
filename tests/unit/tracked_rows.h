/* tracked_rows.h: what tests of tracked tables do alike: a database whose changes wait until they are
** flushed, and rows as text.
*/
#ifndef TARN_TRACKED_ROWS_H
#define TARN_TRACKED_ROWS_H

#include "outbox_fixture.h"

static inline int folder_begin(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/tarn-capture-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static inline int folder_end(void **state) {
    (void)state;
    shell("rm -rf %s", folder);
    return 0;
}

/* A connection whose changes stay in the outbox until tarn_flush(). */
static inline sqlite3 *writer(const char *name) {
    sqlite3 *db = connect(name);

    must(db, "SELECT tarn_config('autoFlush', 'off')");
    return db;
}

/* A connection that knows nothing of Tarn. */
static inline sqlite3 *stranger(const char *name) {
    char path[256];
    sqlite3 *db = NULL;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    (void)sqlite3_busy_timeout(db, 5000);
    return db;
}

/* Tracks it, with cdc_<table> to read its changes from. */
static inline void track(sqlite3 *db, const char *table, const char *options) {
    must(db, "SELECT tarn_track('%q', '%q')", table, options);
}

static inline void see(sqlite3 *db, const char *namespace_, const char *collection) {
    must(db, "CREATE VIRTUAL TABLE IF NOT EXISTS temp.\"cdc_%w\" USING tarn_cdc('%q', '%q')",
         collection, namespace_, collection);
}

/* All rows: columns joined by |, NULL is -, rows ended by ;. sqlite3_free it. */
static inline char *rows_text(sqlite3 *db, const char *sql) {
    sqlite3_str *out = sqlite3_str_new(NULL);
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
    int i;

    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        for (i = 0; i < sqlite3_column_count(stmt); i++) {
            const char *s = (const char *)sqlite3_column_text(stmt, i);

            sqlite3_str_appendf(out, "%s%s", i ? "|" : "", s ? s : "-");
        }
        sqlite3_str_appendall(out, ";");
        rc = SQLITE_OK;
    }
    if (rc != SQLITE_DONE) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(stmt);
    sqlite3_str_append(out, "", 0);
    return sqlite3_str_finish(out);
}

static inline void expect(sqlite3 *db, const char *sql, const char *want) {
    char *got = rows_text(db, sql);

    if (strcmp(got ? got : "", want) != 0) fail_msg("%s\n got  %s\n want %s", sql, got, want);
    sqlite3_free(got);
}

/* The statement must fail, its message holding `word`. */
static inline void fails(sqlite3 *db, const char *sql, const char *word) {
    if (try(db, "%s", sql) == SQLITE_OK) fail_msg("%s: no error", sql);
    if (!strstr(sqlite3_errmsg(db), word)) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
}

/* How often the word stands in the manifest of a collection. */
static inline int manifest_count(const char *db, const char *namespace_, const char *collection,
                                 const char *word) {
    char path[256];
    char *text = calloc(1, 1 << 16);
    const char *at = text;
    FILE *f;
    int n = 0;

    snprintf(path, sizeof path, "%s/%s-lake/cdc/%s/%s/manifest.json", folder, db, namespace_,
             collection);
    f = fopen(path, "rb");
    if (!f || !text) fail_msg("%s", path);
    (void)!fread(text, 1, (1 << 16) - 1, f);
    (void)fclose(f);
    for (; (at = strstr(at, word)); at++)
        n++;
    free(text);
    return n;
}

/* Commits of this connection have left the outbox. */
static inline void flush(sqlite3 *db) {
    must(db, "SELECT tarn_flush()");
}

#endif
