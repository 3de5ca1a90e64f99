/* settings.c: the table of settings, their checks, and their place in the database.
**
** Adding a setting is one line in `table` and one name in settings.h; everything that lists, checks
** or explains settings reads the table.
*/
#include "settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keys.h"
#include "mem.h"

#define DAY_MS INT64_C(86400000)

static const struct tarn_setting_info table[TARN_SET_COUNT] = {
    [TARN_SET_LAKE] = {"lake", 's', "", 0, 0, NULL,
                       "folder of the lake; empty: {database file}-lake (set it with tarn_open)"},
    [TARN_SET_NAMESPACE] = {"namespace", 's', "", 0, 0, NULL,
                            "tenant whose events are read and written, under ns/; empty: none"},
    [TARN_SET_PREFIX] = {"prefix", 's', "events", 0, 0, NULL,
                         "event prefix that is read and written: events, webhooks, tail"},
    [TARN_SET_BATCH_SIZE] =
        {"batchSize", 'i', "100", 1, 1000000, NULL,
         "events per delivery to an HTTP endpoint; files of the lake don't depend on it"},
    [TARN_SET_FLUSH_INTERVAL] = {"flushIntervalMs", 'i', "1000", 1, DAY_MS, NULL,
                                 "longest wait before a delivery to an HTTP endpoint, ms"},
    [TARN_SET_COUNT_THRESHOLD] = {"countThreshold", 'i', "50", 1, 100000000, NULL,
                                  "flush once this many events wait, though not more often than "
                                  "every timeThresholdMs"},
    [TARN_SET_TIME_THRESHOLD] = {"timeThresholdMs", 'i', "5000", 1, DAY_MS, NULL,
                                 "flush once the oldest waiting event is this old, ms"},
    [TARN_SET_MAX_BUFFER] = {"maxBufferSize", 'i', "10000", 1, 100000000, NULL,
                             "flush at once when this many events wait"},
    [TARN_SET_AUTO_FLUSH] = {"autoFlush", 'e', "on", 0, 0, "on|off",
                             "off: only tarn_flush() writes to the lake"},
    [TARN_SET_DURABILITY] = {"durability", 'e', "buffer", 0, 0, "buffer|commit",
                             "databases without a file: commit writes to the lake at every commit"},
    [TARN_SET_PATH_SLACK] = {"pathSlack", 'i', "86400000", 0, 3660 * DAY_MS, NULL,
                             "how far, in ms, an event may lie from its folder's hour in lakes of "
                             "other writers"},
    [TARN_SET_PUSHDOWN] = {"pushdown", 'e', "on", 0, 0, "on|off",
                           "off: read every file and row (for comparing results)"},
    [TARN_SET_ON_CORRUPT] = {"onCorrupt", 'e', "error", 0, 0, "error|skip",
                             "skip: leave a file that can't be read out, and report it"},
    [TARN_SET_MEMORY_BUDGET] = {"memoryBudget", 'i', "268435456", 1 << 20, INT64_C(1) << 40, NULL,
                                "bytes that one query may hold"},
    [TARN_SET_FOOTER_CACHE] = {"footerCacheBytes", 'i', "67108864", 0, INT64_C(1) << 40, NULL,
                               "bytes of file footers kept in memory by this process"},
    [TARN_SET_CDC_NAMESPACE] = {"cdcNamespace", 's', "", 0, 0, NULL,
                                "folder of tracked tables under cdc/; empty: namespace, else the "
                                "name of the database file"},
    [TARN_SET_CAPTURE_ERRORS] = {"captureErrors", 'e', "fail", 0, 0, "fail|warn",
                                 "a change of a tracked table that can't be recorded: fail its "
                                 "transaction, or commit it and note a gap"},
};

const struct tarn_setting_info *tarn_setting_info(int setting) {
    return setting >= 0 && setting < TARN_SET_COUNT ? &table[setting] : NULL;
}

int tarn_setting_find(const char *name) {
    int i;

    for (i = 0; i < TARN_SET_COUNT; i++) {
        if (strcmp(name, table[i].name) == 0) return i;
    }
    return -1;
}

static int parse_integer(const char *s, int64_t *out) {
    char *end = NULL;
    long long v = 0;

    errno = 0;
    v = strtoll(s, &end, 10);
    if (errno || end == s || *end) return -1;
    *out = v;
    return 0;
}

void tarn_settings_init(struct tarn_settings *s) {
    int i;

    memset(s, 0, sizeof *s);
    for (i = 0; i < TARN_SET_COUNT; i++) {
        s->origin[i] = "default";
        if (table[i].type == 'i') (void)parse_integer(table[i].initial, &s->integer[i]);
    }
}

void tarn_settings_release(struct tarn_settings *s) {
    int i;

    for (i = 0; i < TARN_SET_COUNT; i++)
        tarn_free(s->text[i]);
    tarn_settings_init(s);
}

const char *tarn_settings_text(const struct tarn_settings *s, int setting) {
    return s->text[setting] ? s->text[setting] : table[setting].initial;
}

static int is_choice(const char *choices, const char *value) {
    size_t n = strlen(value);
    const char *p = choices;

    while (p) {
        if (strncmp(p, value, n) == 0 && (p[n] == '|' || p[n] == 0)) return n > 0;
        p = strchr(p, '|');
        if (p) p++;
    }
    return 0;
}

static int check(int setting, const char *value, int64_t *number, struct tarn_err *err) {
    const struct tarn_setting_info *info = &table[setting];

    if (info->type == 'e' && !is_choice(info->choices, value)) {
        return tarn_err_set(err, TARN_EINVAL, "setting %s: '%.40s' is not one of %s", info->name,
                            value, info->choices);
    }
    if (info->type == 'i' &&
        (parse_integer(value, number) || *number < info->min || *number > info->max)) {
        return tarn_err_set(err, TARN_EINVAL,
                            "setting %s: '%.40s' is not an integer from %lld to %lld", info->name,
                            value, (long long)info->min, (long long)info->max);
    }
    if (setting == TARN_SET_PREFIX) return tarn_prefix_check(value, strlen(value), err);
    if (setting == TARN_SET_NAMESPACE && *value) {
        return tarn_name_check(value, strlen(value), "namespace", err);
    }
    return TARN_OK;
}

int tarn_settings_set(struct tarn_settings *s, int setting, const char *value, const char *origin,
                      struct tarn_err *err) {
    char *copy = NULL;
    int64_t number = 0;
    int rc = TARN_OK;

    if (!value) origin = "default";
    rc = check(setting, value ? value : table[setting].initial, &number, err);
    if (rc) return rc;
    if (value && !(copy = tarn_strdup(value)))
        return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    tarn_free(s->text[setting]);
    s->text[setting] = copy;
    s->integer[setting] = number;
    s->origin[setting] = origin;
    return TARN_OK;
}

static int has_table(sqlite3 *db) {
    return sqlite3_table_column_metadata(db, "main", "_tarn_settings", "value", NULL, NULL, NULL,
                                         NULL, NULL) == SQLITE_OK;
}

/* Values of the database come below those of the connection and above the defaults. */
static int load_row(struct tarn_settings *s, const char *key, const char *value, uint8_t *seen,
                    struct tarn_err *err) {
    int i = key && value ? tarn_setting_find(key) : -1;

    if (i < 0) return TARN_OK;
    seen[i] = 1;
    if (strcmp(s->origin[i], "connection") == 0 || strcmp(s->origin[i], "environment") == 0) {
        return TARN_OK;
    }
    if (s->text[i] && strcmp(s->text[i], value) == 0) return TARN_OK;
    return tarn_settings_set(s, i, value, "database", err);
}

int tarn_settings_load(struct tarn_settings *s, sqlite3 *db, struct tarn_err *err) {
    sqlite3_stmt *stmt = NULL;
    uint8_t seen[TARN_SET_COUNT] = {0};
    int rc = TARN_OK;
    int sq = SQLITE_OK;
    int i;

    if (has_table(db)) {
        sq = sqlite3_prepare_v2(db, "SELECT key, value FROM main._tarn_settings", -1, &stmt, NULL);
        while (sq == SQLITE_OK && rc == TARN_OK && sqlite3_step(stmt) == SQLITE_ROW) {
            rc = load_row(s, (const char *)sqlite3_column_text(stmt, 0),
                          (const char *)sqlite3_column_text(stmt, 1), seen, err);
        }
        sq = stmt ? sqlite3_finalize(stmt) : sq;
        if (rc == TARN_OK && sq) rc = tarn_err_sqlite(err, db, sq, "reading _tarn_settings");
    }
    for (i = 0; i < TARN_SET_COUNT && rc == TARN_OK; i++) {
        if (!seen[i] && strcmp(s->origin[i], "database") == 0) {
            rc = tarn_settings_set(s, i, NULL, "default", err);
        }
    }
    return rc;
}

int tarn_settings_store(sqlite3 *db, int setting, const char *value, struct tarn_err *err) {
    sqlite3_stmt *stmt = NULL;
    int sq = SQLITE_OK;

    if (!has_table(db)) {
        if (!value) return TARN_OK;
        sq = sqlite3_exec(db,
                          "CREATE TABLE IF NOT EXISTS main._tarn_settings("
                          "key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID",
                          NULL, NULL, NULL);
        if (sq) return tarn_err_sqlite(err, db, sq, "making the table _tarn_settings");
    }
    sq = sqlite3_prepare_v2(db,
                            value ? "INSERT OR REPLACE INTO main._tarn_settings VALUES(?1, ?2)"
                                  : "DELETE FROM main._tarn_settings WHERE key = ?1",
                            -1, &stmt, NULL);
    if (sq == SQLITE_OK) sq = sqlite3_bind_text(stmt, 1, table[setting].name, -1, SQLITE_STATIC);
    if (sq == SQLITE_OK && value) sq = sqlite3_bind_text(stmt, 2, value, -1, SQLITE_STATIC);
    if (sq == SQLITE_OK) (void)sqlite3_step(stmt);
    if (stmt) sq = sqlite3_finalize(stmt);
    return tarn_err_sqlite(err, db, sq, "writing _tarn_settings");
}
