/* Keys of encrypted files in SQL: where they may stand, how they are written, and that none of them
** gets into a message or a database file. The files are made by sealed_parquet.c. */
#include "outbox_fixture.h"
#include "sealed_parquet.h"

#define HEX "hex:7369787465656E206279746573203A29"
#define RAW "sixteen bytes :)"

static void write_file(const char *name, const uint8_t *p, size_t n) {
    char path[128];
    FILE *f = NULL;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void make_files(void) {
    struct sealed_spec spec = {SEALED_V1, 0, 1, 1, 1, 9, 64};
    struct sealed_file f;

    sealed_parquet(&f, &spec);
    write_file("sealed.parquet", f.bytes.data, f.bytes.len);
    tarn_buf_release(&f.bytes);
    spec.sealed_footer = 0;
    sealed_parquet(&f, &spec);
    write_file("signed.parquet", f.bytes.data, f.bytes.len);
    tarn_buf_release(&f.bytes);
}

/* CREATE VIRTUAL TABLE of a file with this second argument (NULL = none). */
static int create(sqlite3 *db, const char *table, const char *file, const char *options) {
    if (!options)
        return try(db, "CREATE VIRTUAL TABLE %s USING parquet('%s/%s')", table, folder, file);
    return try(db, "CREATE VIRTUAL TABLE %s USING parquet('%s/%s', %Q)", table, folder, file,
               options);
}

static void says(sqlite3 *db, const char *words) {
    if (!strstr(sqlite3_errmsg(db), words)) print_error("%s\n", sqlite3_errmsg(db));
    assert_non_null(strstr(sqlite3_errmsg(db), words));
    assert_null(strstr(sqlite3_errmsg(db), "sixteen"));
    assert_null(strstr(sqlite3_errmsg(db), "73697874"));
}

static void check_rows(sqlite3 *db, const char *table) {
    char sql[128];

    snprintf(sql, sizeof sql, "SELECT sum(a) FROM %s", table);
    assert_int_equal(number(db, sql), 575 * 576 / 2);
    snprintf(sql, sizeof sql, "SELECT a FROM %s WHERE a = 500", table);
    assert_int_equal(number(db, sql), 500);
    snprintf(sql, sizeof sql, "SELECT l ->> 1 FROM %s WHERE a = 500", table);
    assert_int_equal(number(db, sql), 1001);
}

static void notations(void **state) {
    static const char *const good[] = {
        "{\"keys\":{\"footer\":\"" RAW "\"}}",
        "{\"keys\":{\"footer\":\"" HEX "\"}}",
        "{\"keys\":{\"footer\":\"base64:c2l4dGVlbiBieXRlcyA6KQ==\"}}",
        "{\"keys\":{\"footer\":\"base64:c2l4dGVlbiBieXRlcyA6KQ\"}}",
        "{\"keys\":{\"ids\":{\"the key\":\"" RAW "\"}}}",
        "{\"keys\":{\"ids\":{\"hex:746865206b6579\":\"" RAW "\"}}}",
        "{\"keys\":{\"footer\":\"" RAW "\",\"aadPrefix\":\"table/7\"}}",
        "{\"keys\":{\"footer\":\"" RAW "\",\"plainFiles\":true}}",
    };
    static const struct {
        const char *keys, *words;
    } bad[] = {
        {"{\"footer\":\"sixteen bytes\"}", "the footer key has 13 bytes"},
        {"{\"footer\":\"hex:7369787\"}", "the value of 'footer' is not the hex:"},
        {"{\"footer\":\"hex:7369787z\"}", "the value of 'footer' is not the hex:"},
        {"{\"footer\":\"base64:c2l4dGVl*\"}", "is not the hex: or base64:"},
        {"{\"footer\":\"base64:c2l4dGVlb\"}", "is not the hex: or base64:"},
        {"{\"footer\":16}", "expected a text for 'footer'"},
        {"{\"columns\":\"a\"}", "expected an object for columns"},
        {"{\"columns\":{\"a\":\"sixteen\"}}", "the key of column a has 7 bytes"},
        {"{\"ids\":{\"kf\":\"sixteen\"}}", "the key with id kf has 7 bytes"},
        {"{\"fotter\":\"sixteen\"}", "member 'fotter' is unknown"},
        {"{\"plainFiles\":1}", "expected true or false for plainFiles"},
        {"[]", "keys must be a JSON object"},
        {"{\"footer\":\"" RAW "\",\"aadPrefix\":\"table/8\"}", "it is another file"},
        {"{\"footer\":\"wrong 16 bytes:)\"}", "does not fit: authentication failed"},
        {"{}", "Key id: the key"},
    };
    sqlite3 *db = connect("notations.db");
    char options[256];

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        if (create(db, "temp.t", "sealed.parquet", good[i])) fail_msg("%s", sqlite3_errmsg(db));
        check_rows(db, "t");
        must(db, "DROP TABLE t");
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(options, sizeof options, "{\"keys\":%s}", bad[i].keys);
        assert_int_not_equal(create(db, "temp.t", "sealed.parquet", options), SQLITE_OK);
        says(db, bad[i].words);
    }
    assert_int_not_equal(create(db, "temp.t", "sealed.parquet", NULL), SQLITE_OK);
    says(db, "the file is encrypted; give its footer key");
    sqlite3_close(db);
}

/* A stored table names no key: it gets them from the environment or from the connection. */
static void stored_tables(void **state) {
    sqlite3 *db = connect("stored.db");

    (void)state;
    assert_int_not_equal(create(db, "t", "sealed.parquet", "{\"keys\":{\"footer\":\"" RAW "\"}}"),
                         SQLITE_OK);
    says(db, "would be stored in the database file: create the table as temp.t");
    assert_int_not_equal(create(db, "t", "sealed.parquet", "{\"keysFrom\":\"TARN_TEST_KEYS\"}"),
                         SQLITE_OK);
    says(db, "TARN_TEST_KEYS");
    (void)setenv("TARN_TEST_KEYS", "{\"footer\":\"" RAW "\"}", 1);
    assert_int_not_equal(
        create(db, "t", "sealed.parquet", "{\"keysFrom\":\"TARN_TEST_KEYS\",\"keys\":{}}"),
        SQLITE_OK);
    says(db, "not both");
    assert_int_equal(create(db, "t", "sealed.parquet", "{\"keysFrom\":\"TARN_TEST_KEYS\"}"),
                     SQLITE_OK);
    check_rows(db, "t");
    (void)setenv("TARN_TEST_KEYS", RAW, 1);
    assert_int_not_equal(create(db, "u", "sealed.parquet", "{\"keysFrom\":\"TARN_TEST_KEYS\"}"),
                         SQLITE_OK);
    says(db, "keysFrom: keys must be a JSON object");
    must(db, "SELECT tarn_parquet_keys('{\"ids\":{\"the key\":\"" HEX "\"}}')");
    assert_int_equal(create(db, "v", "sealed.parquet", NULL), SQLITE_OK);
    check_rows(db, "v");
    sqlite3_close(db);

    db = connect("stored.db"); /* the table is there, its keys are not */
    assert_int_not_equal(try(db, "SELECT * FROM v"), SQLITE_OK);
    says(db, "the file is encrypted");
    must(db, "SELECT tarn_parquet_keys('{\"footer\":\"" RAW "\"}')");
    check_rows(db, "v");
    sqlite3_close(db);
    shell("! grep -aq -e 'sixteen bytes' -e 7369787465656 %s/stored.db", folder);
}

/* Files without encryption, with keys at hand. */
static void plain_files(void **state) {
    sqlite3 *db = connect("plain.db");

    (void)state;
    must(db, "SELECT tarn_export('SELECT 1 AS a', '%s/plain.parquet')", folder);
    must(db, "SELECT tarn_parquet_keys('{\"footer\":\"" RAW "\"}')");
    assert_int_equal(create(db, "temp.p", "plain.parquet", NULL), SQLITE_OK);
    assert_int_equal(number(db, "SELECT a FROM p"), 1);
    assert_int_not_equal(
        create(db, "temp.q", "plain.parquet", "{\"keys\":{\"footer\":\"" RAW "\"}}"), SQLITE_OK);
    says(db, "not encrypted");
    assert_int_equal(create(db, "temp.q", "plain.parquet",
                            "{\"keys\":{\"footer\":\"" RAW "\",\"plainFiles\":true}}"),
                     SQLITE_OK);
    must(db, "SELECT tarn_parquet_keys('{\"plainFiles\":false}')");
    assert_int_not_equal(create(db, "temp.r", "plain.parquet", NULL), SQLITE_OK);
    says(db, "not encrypted");
    assert_int_equal(number(db, "SELECT tarn_parquet_keys(NULL)"), 0);
    assert_int_equal(create(db, "temp.r", "plain.parquet", NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* A footer read without keys is cached by the process; one read with keys is nobody else's. */
static void cached_footers(void **state) {
    sqlite3 *a = connect("a.db"), *b = connect("b.db");
    char sql[256];

    (void)state;
    assert_int_equal(create(a, "temp.t", "signed.parquet", NULL), SQLITE_OK);
    assert_int_equal(number(a, "SELECT count(*) FROM t"), 576);
    assert_int_not_equal(try(a, "SELECT sum(a) FROM t"), SQLITE_OK);
    says(a, "column a is encrypted; its key is missing");
    must(b, "SELECT tarn_parquet_keys('{\"footer\":\"" RAW "\"}')");
    assert_int_equal(create(b, "temp.t", "signed.parquet", NULL), SQLITE_OK);
    check_rows(b, "t");
    assert_int_not_equal(try(a, "SELECT sum(a) FROM t"), SQLITE_OK);
    snprintf(sql, sizeof sql, "SELECT sum(encrypted) FROM parquet_metadata('%s/sealed.parquet')",
             folder);
    assert_int_equal(number(b, sql), 2);
    assert_int_not_equal(try(a, sql), SQLITE_OK);
    says(a, "the file is encrypted");
    must(b, "SELECT tarn_parquet_keys(NULL)");
    assert_int_not_equal(try(b, "SELECT sum(a) FROM t"), SQLITE_OK);
    sqlite3_close(a);
    sqlite3_close(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(notations),
        cmocka_unit_test(stored_tables),
        cmocka_unit_test(plain_files),
        cmocka_unit_test(cached_footers),
    };
    int rc;

    make_folder();
    make_files();
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    shell("rm -rf %s", folder);
    return rc;
}
