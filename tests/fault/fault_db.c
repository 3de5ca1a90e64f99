/* fault_db.c: see fault_db.h. */
#include "fault_db.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];
static pid_t owner;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

void fault_remove(const char *path) {
    (void)nftw(path, remove_one, 32, FTW_DEPTH | FTW_PHYS);
}

static void remove_folder(void) {
    if (getpid() == owner) fault_remove(folder);
}

const char *fault_folder(void) {
    if (*folder) return folder;
    snprintf(folder, sizeof folder, "%s/tarn-fault-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chmod(folder, 0755), 0);
    owner = getpid();
    assert_int_equal(atexit(remove_folder), 0);
    return folder;
}

void fault_write_file(const char *path, const void *data, size_t n) {
    char dir[FAULT_PATH];
    FILE *out = NULL;
    char *slash;

    snprintf(dir, sizeof dir, "%s", path);
    for (slash = dir + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
        *slash = 0;
        (void)mkdir(dir, 0755);
        *slash = '/';
    }
    out = fopen(path, "wb");
    if (!out || fwrite(data, 1, n, out) != n || fclose(out)) fail_msg("cannot write %s", path);
}

uint8_t *fault_read_file(const char *path, size_t *n) {
    FILE *in = fopen(path, "rb");
    struct stat st;
    uint8_t *bytes = NULL;

    if (!in || fstat(fileno(in), &st)) fail_msg("cannot read %s", path);
    *n = (size_t)st.st_size;
    bytes = malloc(*n + 1);
    assert_non_null(bytes);
    if (fread(bytes, 1, *n, in) != *n) fail_msg("cannot read %s", path);
    (void)fclose(in);
    return bytes;
}

static struct {
    const char *from, *to, *end;
    char found[FAULT_PATH];
    int count;
} walk;

static int copy_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    char to[2 * FAULT_PATH];
    uint8_t *bytes = NULL;
    size_t n = 0;

    (void)st;
    (void)ftw;
    snprintf(to, sizeof to, "%s%s", walk.to, path + strlen(walk.from));
    if (type == FTW_D) return mkdir(to, 0755);
    bytes = fault_read_file(path, &n);
    fault_write_file(to, bytes, n);
    free(bytes);
    return 0;
}

void fault_copy(const char *from, const char *to) {
    walk.from = from;
    walk.to = to;
    if (nftw(from, copy_one, 32, FTW_PHYS)) fail_msg("cannot copy %s to %s", from, to);
}

static int look_at(const char *path, const struct stat *st, int type, struct FTW *ftw) {
    size_t n = strlen(path);
    size_t end = strlen(walk.end);

    (void)st;
    (void)ftw;
    if (type != FTW_F || n < end || strcmp(path + n - end, walk.end) != 0) return 0;
    walk.count++;
    if (!*walk.found || strcmp(path, walk.found) < 0)
        snprintf(walk.found, sizeof walk.found, "%s", path);
    return 0;
}

static int look_for(const char *where, const char *end) {
    walk.end = end;
    walk.count = 0;
    walk.found[0] = 0;
    (void)nftw(where, look_at, 32, FTW_PHYS);
    return walk.count;
}

int fault_find(const char *where, const char *end, char out[FAULT_PATH]) {
    int found = look_for(where, end) > 0;

    snprintf(out, FAULT_PATH, "%s", walk.found);
    return found;
}

int fault_count_files(const char *where, const char *end) {
    return look_for(where, end);
}

sqlite3 *fault_open(const char *name) {
    int as_is = *name == '/' || *name == ':';
    char path[FAULT_PATH];
    char *message = NULL;
    sqlite3 *db = NULL;

    snprintf(path, sizeof path, "%s%s%s", as_is ? "" : fault_folder(), as_is ? "" : "/", name);
    if (sqlite3_open(path, &db)) fail_msg("%s: %s", path, sqlite3_errmsg(db));
    if (tarn_register(db, &message)) fail_msg("%s: %s", path, message);
    (void)sqlite3_extended_result_codes(db, 1);
    (void)sqlite3_busy_timeout(db, 10000);
    (void)sqlite3_exec(db, "PRAGMA synchronous = OFF", NULL, NULL, NULL);
    return db;
}

sqlite3 *fault_app(const char *path) {
    sqlite3 *db = fault_open(path);

    fault_must(db, "SELECT tarn_config('autoFlush', 'off')");
    fault_must(db, "CREATE TABLE IF NOT EXISTS app(n INTEGER PRIMARY KEY)");
    return db;
}

void fault_close(sqlite3 *db) {
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int fault_end(sqlite3 **db) {
    sqlite3_stmt *stmt = NULL;

    while (*db && (stmt = sqlite3_next_stmt(*db, NULL)) != NULL)
        (void)sqlite3_finalize(stmt);
    (void)sqlite3_close(*db);
    *db = NULL;
    fault_remove(fault_folder());
    return mkdir(fault_folder(), 0755);
}

int fault_try(sqlite3 *db, const char *sql) {
    return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

static char *format(const char *fmt, va_list ap) {
    char *sql = sqlite3_vmprintf(fmt, ap);

    assert_non_null(sql);
    return sql;
}

void fault_must(sqlite3 *db, const char *fmt, ...) {
    va_list ap;
    char *sql;

    va_start(ap, fmt);
    sql = format(fmt, ap);
    va_end(ap);
    if (fault_try(db, sql)) fail_msg("%.300s: %s", sql, sqlite3_errmsg(db));
    sqlite3_free(sql);
}

int64_t fault_number(sqlite3 *db, const char *fmt, ...) {
    sqlite3_stmt *stmt = NULL;
    int64_t v = -1;
    va_list ap;
    char *sql;

    va_start(ap, fmt);
    sql = format(fmt, ap);
    va_end(ap);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) || sqlite3_step(stmt) != SQLITE_ROW) {
        fail_msg("%.300s: %s", sql, sqlite3_errmsg(db));
    }
    v = sqlite3_column_int64(stmt, 0);
    assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
    sqlite3_free(sql);
    return v;
}

const char *fault_text(sqlite3 *db, const char *sql) {
    static char text[4096];
    sqlite3_stmt *stmt = NULL;
    const unsigned char *s = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    text[0] = 0;
    if (rc == SQLITE_OK) rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW && (s = sqlite3_column_text(stmt, 0)) != NULL)
        snprintf(text, sizeof text, "%s", (const char *)s);
    while (rc == SQLITE_ROW)
        rc = sqlite3_step(stmt);
    if (rc != SQLITE_DONE) snprintf(text, sizeof text, "error: %s", sqlite3_errmsg(db));
    (void)sqlite3_finalize(stmt);
    return text;
}

int fault_fails(sqlite3 *db, const char *sql, ...) {
    char message[1024];
    const char *word;
    int rc = fault_try(db, sql);
    va_list ap;

    snprintf(message, sizeof message, "%s", sqlite3_errmsg(db));
    if (rc == SQLITE_OK) fail_msg("%.300s: succeeded, and should not", sql);
    va_start(ap, sql);
    while ((word = va_arg(ap, const char *)) != NULL) {
        if (!strstr(message, word)) fail_msg("%.300s: no \"%s\" in: %s", sql, word, message);
    }
    va_end(ap);
    return sqlite3_extended_errcode(db);
}

int fault_insert(sqlite3 *db, int64_t first, int n, int pad) {
    char sql[1024];
    int rc = fault_try(db, "BEGIN");

    snprintf(sql, sizeof sql,
             "WITH RECURSIVE s(i) AS (SELECT %lld UNION ALL SELECT i + 1 FROM s WHERE i < %lld) "
             "INSERT INTO app SELECT i FROM s",
             (long long)first, (long long)(first + n - 1));
    if (rc == SQLITE_OK) rc = fault_try(db, sql);
    snprintf(
        sql, sizeof sql,
        "WITH RECURSIVE s(i) AS (SELECT %lld UNION ALL SELECT i + 1 FROM s WHERE i < %lld) "
        "INSERT INTO events(ts, type, status_code, payload) SELECT 1770000000000 + i * 60000, "
        "'fault.' || (i %% 3), i, json_object('id', 'e' || i, 'pad', hex(randomblob(%d))) FROM s",
        (long long)first, (long long)(first + n - 1), pad);
    if (rc == SQLITE_OK) rc = fault_try(db, sql);
    if (rc == SQLITE_OK) rc = fault_try(db, "COMMIT");
    if (!sqlite3_get_autocommit(db)) (void)fault_try(db, "ROLLBACK");
    return rc;
}

void fault_agree(sqlite3 *db) {
    int64_t app = fault_number(db, "SELECT count(*) FROM app");
    int64_t events = fault_number(db, "SELECT count(*) FROM events");
    int64_t different = fault_number(db, "SELECT count(DISTINCT status_code) FROM events");
    int64_t lost = fault_number(
        db, "SELECT count(*) FROM (SELECT n FROM app EXCEPT SELECT status_code FROM events)");

    if (app == events && events == different && lost == 0) return;
    fail_msg("app has %lld rows; events %lld, %lld different ones; %lld of app's are missing",
             (long long)app, (long long)events, (long long)different, (long long)lost);
}

void fault_agree_flushed(sqlite3 *db) {
    fault_agree(db);
    fault_must(db, "SELECT tarn_flush()");
    fault_agree(db);
    assert_int_equal(fault_number(db, "SELECT count(*) FROM events WHERE filename IS NULL"), 0);
}
