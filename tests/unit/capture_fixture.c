/* capture_fixture.c: see capture_fixture.h. */
#include "capture_fixture.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONNECTIONS 8

static char folder[64];
static sqlite3 *open_ones[CONNECTIONS];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

int trap_begin(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "%s/tarn-trap-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(folder) ? 0 : -1;
}

int trap_end(void **state) {
    int i, failed = 0;

    (void)state;
    for (i = 0; i < CONNECTIONS; i++) {
        if (open_ones[i] && sqlite3_close(open_ones[i]) != SQLITE_OK) {
            print_error("sqlite3_close: %s\n", sqlite3_errmsg(open_ones[i]));
            (void)sqlite3_close_v2(open_ones[i]);
            failed = -1;
        }
        open_ones[i] = NULL;
    }
    (void)nftw(folder, remove_one, 32, FTW_DEPTH | FTW_PHYS);
    return failed;
}

const char *trap_path(const char *name) {
    static char path[TRAP_PATH];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

sqlite3 *trap_plain(const char *name) {
    sqlite3 *db = NULL;

    if (sqlite3_open(trap_path(name), &db)) fail_msg("%s: %s", name, sqlite3_errmsg(db));
    trap_must(db, "PRAGMA synchronous = OFF");
    return db;
}

sqlite3 *trap_open(const char *name) {
    sqlite3 *db = trap_plain(name);
    char *message = NULL;
    int i;

    for (i = 0; i < CONNECTIONS && open_ones[i]; i++)
        continue;
    assert_true(i < CONNECTIONS);
    open_ones[i] = db;
    if (tarn_register(db, &message)) fail_msg("tarn_register: %s", message);
    trap_must(db, "SELECT tarn_config('autoFlush', 'off')");
    return db;
}

void trap_see(sqlite3 *db) {
    char *sql =
        trap_rows(db, "SELECT printf('CREATE VIRTUAL TABLE IF NOT EXISTS temp.\"cdc_%%w\" USING "
                      "tarn_cdc(%%Q, %%Q);', collection, namespace, collection) FROM "
                      "tarn_collections");

    trap_must(db, "%s", sql);
    sqlite3_free(sql);
}

void trap_close(sqlite3 *db) {
    int i;

    for (i = 0; i < CONNECTIONS; i++) {
        if (open_ones[i] == db) open_ones[i] = NULL;
    }
    if (sqlite3_close(db)) {
        print_error("sqlite3_close: %s\n", sqlite3_errmsg(db));
        (void)sqlite3_close_v2(db);
        fail();
    }
}

static char *format(const char *fmt, va_list ap) {
    char *sql = sqlite3_vmprintf(fmt, ap);

    assert_non_null(sql);
    return sql;
}

int trap_try(sqlite3 *db, const char *fmt, ...) {
    va_list ap;
    char *sql;
    int rc;

    va_start(ap, fmt);
    sql = format(fmt, ap);
    va_end(ap);
    rc = sqlite3_exec(db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    return rc;
}

void trap_must(sqlite3 *db, const char *fmt, ...) {
    va_list ap;
    char *sql;

    va_start(ap, fmt);
    sql = format(fmt, ap);
    va_end(ap);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL)) fail_msg("%.400s: %s", sql, sqlite3_errmsg(db));
    sqlite3_free(sql);
}

void trap_fails(sqlite3 *db, const char *sql, const char *word) {
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
        fail_msg("%s: succeeded, and should not", sql);
    if (!strstr(sqlite3_errmsg(db), word))
        fail_msg("%s: no \"%s\" in: %s", sql, word, sqlite3_errmsg(db));
}

static char *all_rows(sqlite3 *db, const char *sql) {
    sqlite3_str *out = sqlite3_str_new(NULL);
    sqlite3_stmt *stmt = NULL;
    char *text;
    int i, rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (sqlite3_str_length(out)) sqlite3_str_appendchar(out, 1, '\n');
        for (i = 0; i < sqlite3_column_count(stmt); i++) {
            const char *cell = (const char *)sqlite3_column_text(stmt, i);

            sqlite3_str_appendf(out, "%s%s", i ? " " : "", cell ? cell : "-");
        }
        rc = SQLITE_OK;
    }
    if (rc != SQLITE_DONE) sqlite3_str_appendf(out, "error %d: %s", rc, sqlite3_errmsg(db));
    (void)sqlite3_finalize(stmt);
    text = sqlite3_str_finish(out);
    return text ? text : sqlite3_mprintf("");
}

char *trap_rows(sqlite3 *db, const char *fmt, ...) {
    va_list ap;
    char *sql, *text;

    va_start(ap, fmt);
    sql = format(fmt, ap);
    va_end(ap);
    text = all_rows(db, sql);
    sqlite3_free(sql);
    return text;
}

static void compare(const char *what, const char *want, const char *got) {
    if (strcmp(want, got) == 0) return;
    print_error("%s\n--- expected\n%.900s\n", what, want);
    print_error("--- found\n%.900s\n", got);
    fail();
}

void trap_expect(sqlite3 *db, const char *want, const char *fmt, ...) {
    va_list ap;
    char *sql, *got;

    va_start(ap, fmt);
    sql = format(fmt, ap);
    va_end(ap);
    got = all_rows(db, sql);
    compare(sql, want, got);
    sqlite3_free(got);
    sqlite3_free(sql);
}

void trap_changes(sqlite3 *db, const char *collection, const char *want) {
    char *sql = sqlite3_mprintf(
        "SELECT op, pk, data, prev FROM temp.\"cdc_%w\" ORDER BY bookmark, seq", collection);
    char *got = all_rows(db, sql);

    compare(collection, want, got);
    sqlite3_free(got);
    if (sqlite3_get_autocommit(db)) {
        trap_must(db, "SELECT tarn_flush()");
        got = all_rows(db, sql);
        compare("from the lake", want, got);
        sqlite3_free(got);
        trap_expect(db, "0", "SELECT count(*) FROM temp.\"cdc_%w\" WHERE filename IS NULL",
                    collection);
    }
    sqlite3_free(sql);
}

void trap_replays(sqlite3 *db, const char *collection, const char *live) {
    char *want = trap_rows(db, "%s ORDER BY 1", live);
    char *got = trap_rows(
        db,
        "SELECT pk, data FROM (SELECT op, pk, data, row_number() OVER (PARTITION BY pk ORDER BY "
        "bookmark DESC, seq DESC) AS n FROM temp.\"cdc_%w\") WHERE n = 1 AND op <> 'delete' "
        "ORDER BY 1",
        collection);

    compare(collection, want, got);
    sqlite3_free(want);
    sqlite3_free(got);
}
