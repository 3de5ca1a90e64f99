/* test_bad_input.c: values that no event may have, and databases from strangers: a clear error, no
** crash, and everything that was right stays.
*/
#include "fault_db.h"

#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static sqlite3 *db;

static int begin(void **state) {
    (void)state;
    db = fault_app("values.db");
    fault_must(db, "DELETE FROM app");
    return 0;
}

static int end(void **state) {
    (void)state;
    return fault_end(&db);
}

static int64_t events(void) {
    return fault_number(db, "SELECT count(*) FROM events");
}

/* Inserts one value, bound as bytes of text or a blob, into a column. */
static int insert_bytes(const char *column, const void *bytes, size_t n, int blob) {
    sqlite3_stmt *stmt = NULL;
    char sql[128];
    int rc;

    snprintf(sql, sizeof sql, "INSERT INTO events(%s%s) VALUES(?1%s)", column,
             strcmp(column, "type") == 0 ? "" : ", type",
             strcmp(column, "type") == 0 ? "" : ", 'x'");
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    rc = blob ? sqlite3_bind_blob64(stmt, 1, bytes, n, SQLITE_STATIC)
              : sqlite3_bind_text64(stmt, 1, bytes, n, SQLITE_STATIC, SQLITE_UTF8);
    assert_int_equal(rc, SQLITE_OK);
    (void)sqlite3_step(stmt);
    return sqlite3_finalize(stmt);
}

static void refused(const char *column, const char *bytes, size_t n, int blob, const char *word) {
    if (insert_bytes(column, bytes, n, blob) == SQLITE_OK) fail_msg("%s was taken", column);
    if (!strstr(sqlite3_errmsg(db), column) || !strstr(sqlite3_errmsg(db), word)) {
        fail_msg("no \"%s\" and \"%s\" in: %s", column, word, sqlite3_errmsg(db));
    }
    assert_int_equal(events(), 0);
}

static void invalid_text(void **state) {
    static const char *const columns[] = {"type",   "source",  "provider", "event_type",
                                          "method", "outcome", "url",      "script_name"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof columns / sizeof *columns; i++) {
        refused(columns[i],
                "a\xff"
                "b",
                3, 0, "not valid UTF-8");
        refused(columns[i], "a\xed\xa0\x80", 4, 0, "not valid UTF-8"); /* a surrogate */
        refused(columns[i], "a\xc0\x80", 3, 0, "not valid UTF-8");     /* overlong */
        refused(columns[i], "caf\xc3", 4, 0, "offset 3");              /* cut off */
        refused(columns[i], "a\0b", 3, 0, "NUL byte at offset 1");
        refused(columns[i], "abc", 3, 1, "CAST");
    }
    refused("payload", "{\"a\": \"\xff\"}", 10, 0, "not JSON at offset 7");
    refused("payload", "{\"a\"\0: 1}", 9, 0, "not JSON at offset 4");
    refused("payload", "{\"a\": 1", 7, 0, "offset 7 of 7");
    refused("payload", "", 0, 0, "where the text ends");
    refused("payload", "{}", 2, 1, "JSON text");
    refused("type", "", 0, 0, "empty");
    fault_fails(db, "INSERT INTO events(type) VALUES(NULL)", "type is required", NULL);
    fault_fails(db, "INSERT INTO events(payload) VALUES('{}')", "type is required", NULL);
    assert_int_equal(events(), 0);
}

/* One bad row of many: the statement is undone, the transaction goes on. */
static void bad_row_in_a_transaction(void **state) {
    (void)state;
    fault_must(db, "BEGIN; INSERT INTO app VALUES(1); "
                   "INSERT INTO events(type, status_code) VALUES('ok', 1)");
    fault_fails(db, "INSERT INTO events(type, status_code) VALUES('a', 7), ('b', 8), (NULL, 9)",
                "type is required", NULL);
    fault_fails(db, "INSERT INTO events(type, status_code) VALUES('a', 99999999999)", "status_code",
                "32 bits", "99999999999", NULL);
    fault_fails(db, "INSERT INTO events(type, duration_ms) VALUES('a', 9e999)", "duration_ms",
                "finite", NULL);
    fault_fails(db, "INSERT INTO events(type, verified) VALUES('a', 'maybe')", "verified", "maybe",
                NULL);
    fault_must(db, "INSERT INTO app VALUES(2); "
                   "INSERT OR IGNORE INTO events(type, status_code) VALUES('ok', 2), (NULL, 3); "
                   "COMMIT");
    fault_agree_flushed(db);
    assert_int_equal(events(), 2);
}

static void far_times(void **state) {
    (void)state;
    fault_must(db, "INSERT INTO events(ts, type) VALUES('0000-01-01', 'first'), "
                   "('0000-01-01 00:00:00.000', 'first'), ('9999-12-31 23:59:59.999', 'last'), "
                   "('1969-12-31T23:59:59.999Z', 'before'), (-1, 'before'), (0, 'epoch')");
    fault_fails(db, "INSERT INTO events(ts, type) VALUES('10000-01-01', 'x')", "events.ts", NULL);
    fault_fails(db, "INSERT INTO events(ts, type) VALUES('-0001-12-31', 'x')", "events.ts", NULL);
    fault_fails(db, "INSERT INTO events(ts, type) VALUES('2026-02-30', 'x')", "events.ts", NULL);
    fault_fails(db, "INSERT INTO events(ts, type) VALUES('2026-02-02 24:00', 'x')", "events.ts",
                NULL);
    fault_fails(db, "INSERT INTO events(ts, type) VALUES(253402300800000, 'x')", "9999", NULL);
    fault_fails(db, "INSERT INTO events(ts, type) VALUES(-62167219200001, 'x')", "0000", NULL);
    fault_fails(db, "INSERT INTO events(ts, type) VALUES(9223372036854775807, 'x')", "9999", NULL);
    fault_fails(db, "INSERT INTO events(ts, type) VALUES(-9223372036854775808, 'x')", "0000", NULL);
    fault_fails(db, "INSERT INTO events(ts, type) VALUES(1e300, 'x')", "9999", NULL);
    fault_fails(db, "INSERT INTO events(ts, type) VALUES('1770000000000', 'x')", "without quotes",
                NULL);
    fault_fails(db, "INSERT INTO events(ts, type) VALUES(x'00', 'x')", "expected a time", NULL);
    assert_int_equal(events(), 6);
    fault_must(db, "SELECT tarn_flush()");
    assert_int_equal(events(), 6);
    assert_int_equal(fault_number(db, "SELECT count(*) FROM events WHERE ts < '1970-01-01'"), 4);
    assert_int_equal(fault_number(db, "SELECT count(*) FROM events WHERE ts >= '9999-12-31'"), 1);
    assert_string_equal(fault_text(db, "SELECT ts FROM events ORDER BY ts LIMIT 1"),
                        "0000-01-01 00:00:00.000");
    assert_string_equal(fault_text(db, "SELECT max(ts) FROM events"), "9999-12-31 23:59:59.999");
}

static char *payload_of(size_t n) {
    char *text = malloc(n);

    assert_non_null(text);
    memset(text, 'x', n);
    memcpy(text, "{\"a\":\"", 6);
    memcpy(text + n - 2, "\"}", 2);
    return text;
}

static void large_payloads(void **state) {
    const size_t fine = (size_t)50 << 20;
    const size_t over = (size_t)256 << 20;
    char *text = payload_of(fine);

    (void)state;
    assert_int_equal(insert_bytes("payload", text, fine, 0), SQLITE_OK);
    free(text);
    assert_int_equal(fault_number(db, "SELECT length(payload) FROM events"), fine);
    fault_must(db, "SELECT tarn_flush()");
    assert_int_equal(fault_number(db, "SELECT length(payload) FROM events"), fine);
    assert_int_equal(fault_number(db, "SELECT count(*) FROM events WHERE filename IS NULL"), 0);
    text = payload_of(over);
    assert_int_equal(insert_bytes("payload", text, over, 0), SQLITE_CONSTRAINT);
    free(text);
    assert_non_null(strstr(sqlite3_errmsg(db), "keep large data elsewhere"));
    assert_int_equal(events(), 1);
}

/* A payload may be nested as deep as anything SQLite reads; deeper is refused, not recursed into. */
static void deep_payload(void **state) {
    const size_t n = (size_t)4 << 20;
    char *text = malloc(n);

    (void)state;
    assert_non_null(text);
    memset(text, '[', n / 2);
    memset(text + n / 2, ']', n / 2);
    if (insert_bytes("payload", text, n, 0) == SQLITE_OK) {
        fault_must(db, "SELECT tarn_flush()");
        assert_int_equal(fault_number(db, "SELECT count(*) FROM events WHERE id = 'x'"), 0);
        assert_int_equal(fault_number(db, "SELECT length(payload) FROM events"), (int64_t)n);
    } else {
        assert_non_null(strstr(sqlite3_errmsg(db), "events.payload"));
    }
    free(text);
}

/* A stranger's database: the copy of one of ours whose outbox has been worked on. */
static void use_stranger(const char *name, int round) {
    static const char *const statements[] = {
        "SELECT count(*), sum(length(payload)) FROM events",
        "SELECT status_code FROM events ORDER BY ts LIMIT 3",
        "INSERT INTO events(type) VALUES('mine')",
        "SELECT tarn_flush()",
        "SELECT count(*) FROM events",
        ("BEGIN; INSERT INTO events(type) VALUES('mine'); SAVEPOINT a; INSERT INTO events(type) "
         "VALUES('mine'); ROLLBACK TO a; COMMIT"),
    };
    sqlite3 *other = fault_open(name);
    size_t i;

    for (i = 0; i < sizeof statements / sizeof *statements; i++) {
        int rc = fault_try(other, statements[i]);
        const char *why = sqlite3_errmsg(other);

        if (rc && (!*why || strcmp(why, "not an error") == 0))
            fail_msg("round %d: %s: error %d without a message", round, statements[i], rc);
        if (!sqlite3_get_autocommit(other)) (void)fault_try(other, "ROLLBACK");
    }
    fault_close(other);
}

static void make_ours(const char *name) {
    sqlite3 *ours = fault_app(name);

    assert_int_equal(fault_insert(ours, 1, 3, 10), SQLITE_OK);
    fault_must(ours, "SELECT tarn_flush()");
    assert_int_equal(fault_insert(ours, 4, 40, 40), SQLITE_OK);
    assert_int_equal(fault_insert(ours, 100, 2500, 100), SQLITE_OK); /* a spool file */
    fault_must(ours, "PRAGMA wal_checkpoint");
    fault_close(ours);
}

static uint32_t random_below(uint32_t n) {
    return (uint32_t)rand() % n;
}

/* One edit of a slot; with a right checksum in most rounds, so that it gets past that. */
static void damage(uint8_t *slot, int round) {
    uint32_t at = random_below(3) ? 8 + random_below(190) : random_below(1000);
    uint32_t sum;
    int i;

    switch (random_below(5)) {
    case 0: slot[at] ^= (uint8_t)(1u << random_below(8)); break;
    case 1: slot[at] = 0xff; break;
    case 2: memset(slot + at, 0xff, at + 8 <= 1000 ? 8 : 1000 - at); break;
    case 3: memset(slot + at, 0, at + 8 <= 1000 ? 8 : 1000 - at); break;
    default:
        for (i = 144; i < 1000; i++)
            slot[i] = (uint8_t)rand();
    }
    if (round % 8 == 0) return;
    sum = (uint32_t)crc32(0, slot + 8, 992);
    for (i = 0; i < 4; i++)
        slot[4 + i] = (uint8_t)(sum >> (8 * i));
}

static void edit_slots(const char *name, int round) {
    sqlite3 *plain = NULL;
    sqlite3_blob *blob = NULL;
    uint8_t slot[1000];
    char path[FAULT_PATH];
    int edits = 1 + (int)random_below(3);
    int64_t rows;

    snprintf(path, sizeof path, "%s/%s", fault_folder(), name);
    assert_int_equal(sqlite3_open(path, &plain), SQLITE_OK);
    rows = fault_number(plain, "SELECT max(rowid) FROM _tarn_outbox WHERE data <> zeroblob(1000)");
    while (edits-- > 0) {
        int64_t row = 1 + (int64_t)random_below((uint32_t)rows);

        assert_int_equal(sqlite3_blob_open(plain, "main", "_tarn_outbox", "data", row, 1, &blob),
                         SQLITE_OK);
        assert_int_equal(sqlite3_blob_read(blob, slot, 1000, 0), SQLITE_OK);
        damage(slot, round);
        assert_int_equal(sqlite3_blob_write(blob, slot, 1000, 0), SQLITE_OK);
        assert_int_equal(sqlite3_blob_close(blob), SQLITE_OK);
    }
    assert_int_equal(sqlite3_close(plain), SQLITE_OK);
}

static void copy_ours(char to[32], int round) {
    static const char *const parts[] = {"", "-lake", "-spool"};
    char from[FAULT_PATH], path[FAULT_PATH];
    size_t i;

    snprintf(to, 32, "s%d.db", round);
    for (i = 0; i < 3; i++) {
        snprintf(from, sizeof from, "%s/ours.db%s", fault_folder(), parts[i]);
        snprintf(path, sizeof path, "%s/%s%s", fault_folder(), to, parts[i]);
        fault_copy(from, path);
    }
}

static void remove_copy(const char *name) {
    static const char *const parts[] = {"", "-lake", "-spool", "-wal", "-shm", "-journal"};
    char path[FAULT_PATH];
    size_t i;

    for (i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(path, sizeof path, "%s/%s%s", fault_folder(), name, parts[i]);
        fault_remove(path);
    }
}

static void damaged_outbox_rows(void **state) {
    const char *given = getenv("LONG");
    int rounds = given && *given ? 3000 : 150;
    char name[32];
    int i;

    (void)state;
    make_ours("ours.db");
    srand(20261122);
    for (i = 0; i < rounds; i++) {
        copy_ours(name, i);
        edit_slots(name, i);
        use_stranger(name, i);
        remove_copy(name);
    }
}

/* Tables that have our names and not our shape. */
static void damaged_outbox_table(void **state) {
    static const char *const edits[] = {
        "DELETE FROM _tarn_outbox",
        "DELETE FROM _tarn_outbox WHERE rowid = 1",
        "DELETE FROM _tarn_outbox WHERE rowid = 3",
        "UPDATE _tarn_outbox SET rowid = 9223372036854775807 WHERE rowid = 5",
        "UPDATE _tarn_outbox SET rowid = -5 WHERE rowid = 5",
        "UPDATE _tarn_outbox SET data = NULL WHERE rowid = 2",
        "UPDATE _tarn_outbox SET data = 7 WHERE rowid = 2",
        "UPDATE _tarn_outbox SET data = x'544f4231' WHERE rowid = 2",
        "UPDATE _tarn_outbox SET data = zeroblob(2000) WHERE rowid = 2",
        "UPDATE _tarn_outbox SET data = (SELECT data FROM _tarn_outbox WHERE rowid = 2) "
        "WHERE rowid > 2",
        "UPDATE _tarn_outbox SET data = zeroblob(1000)",
        "DROP TABLE _tarn_outbox; CREATE VIEW _tarn_outbox AS SELECT x'00' AS data",
        "DROP TABLE _tarn_outbox; CREATE TABLE _tarn_outbox(data PRIMARY KEY) WITHOUT ROWID",
        "DROP TABLE _tarn_outbox; CREATE TABLE _tarn_outbox(other)",
        "DROP TABLE _tarn_outbox; CREATE TABLE _tarn_outbox(data GENERATED ALWAYS AS (x'00'), b)",
        "CREATE TRIGGER t AFTER INSERT ON _tarn_outbox BEGIN SELECT RAISE(ABORT, 'no'); END",
        "UPDATE _tarn_settings SET value = 'nonsense'",
        "UPDATE _tarn_settings SET value = x'00ff', key = x'ff'",
        "UPDATE _tarn_settings SET value = NULL",
        "DROP TABLE _tarn_settings; CREATE TABLE _tarn_settings(key, value, more); "
        "INSERT INTO _tarn_settings VALUES('namespace', '../../etc', 1), ('prefix', '..', 1), "
        "('lake', '/etc', 1), ('countThreshold', '-1', 1)",
        "DROP TABLE _tarn_settings; CREATE VIEW _tarn_settings AS SELECT 'lake' AS key, '/' AS "
        "value",
    };
    char path[FAULT_PATH];
    char name[32];
    size_t i;

    (void)state;
    make_ours("ours.db");
    for (i = 0; i < sizeof edits / sizeof *edits; i++) {
        sqlite3 *plain = NULL;

        copy_ours(name, (int)i);
        snprintf(path, sizeof path, "%s/%s", fault_folder(), name);
        assert_int_equal(sqlite3_open(path, &plain), SQLITE_OK);
        fault_must(plain, "%s", edits[i]);
        assert_int_equal(sqlite3_close(plain), SQLITE_OK);
        use_stranger(name, (int)i);
        remove_copy(name);
    }
    assert_int_equal(access("/etc/_tarn", F_OK), -1);
}

/* The file of the database itself, damaged anywhere: SQLite's errors, or ours, and no crash. */
static void damaged_database_file(void **state) {
    char path[FAULT_PATH];
    char name[32];
    int i;

    (void)state;
    make_ours("ours.db");
    srand(7);
    for (i = 0; i < 40; i++) {
        size_t n = 0;
        uint8_t *bytes;
        int edits = 20;
        sqlite3 *other = NULL;

        copy_ours(name, i);
        snprintf(path, sizeof path, "%s/%s", fault_folder(), name);
        bytes = fault_read_file(path, &n);
        while (edits-- > 0)
            bytes[100 + (size_t)rand() % (n - 100)] ^= (uint8_t)(1 + rand() % 255);
        fault_write_file(path, bytes, n);
        free(bytes);
        assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
        if (tarn_register(other, NULL) == SQLITE_OK) {
            (void)fault_try(other, "SELECT * FROM events");
            (void)fault_try(other, "INSERT INTO events(type) VALUES('x')");
            (void)fault_try(other, "SELECT tarn_flush()");
        }
        assert_int_equal(sqlite3_close(other), SQLITE_OK);
        remove_copy(name);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(invalid_text, begin, end),
        cmocka_unit_test_setup_teardown(bad_row_in_a_transaction, begin, end),
        cmocka_unit_test_setup_teardown(far_times, begin, end),
        cmocka_unit_test_setup_teardown(large_payloads, begin, end),
        cmocka_unit_test_setup_teardown(deep_payload, begin, end),
        cmocka_unit_test_setup_teardown(damaged_outbox_rows, begin, end),
        cmocka_unit_test_setup_teardown(damaged_outbox_table, begin, end),
        cmocka_unit_test_setup_teardown(damaged_database_file, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
