/* test_delta.c: changes of rows from the outbox to the lake: what the files hold, in which order, under
** which names, and what the manifest says of them.
*/
#include "delta_fixture.h"

#include <sys/resource.h>

#include "sanitized.h"

#define ROW(id, name) "{\"id\":" #id ",\"name\":\"" name "\"}"

static int64_t clock_now;

static int64_t read_clock(void *arg) {
    (void)arg;
    return clock_now;
}

static void one_commit(void **state) {
    struct app a = app_open("one.db", "one");
    struct said s = say();
    uint32_t people = say_collection(&s, "one/people", 1);
    char name[128];

    (void)state;
    say_change(&s, people, TARN_OP_INSERT, 1, "Ann");
    say_change(&s, people, TARN_OP_INSERT, 2, "Bob");
    say_change_of(&s, people, TARN_OP_UPDATE, 1, "Anna", "Ann", 1);
    say_change(&s, people, TARN_OP_DELETE, 2, NULL);
    assert_int_equal(commit(&a, &s), 1);
    assert_int_equal(flush(&a), 4);
    assert_string_equal(rows_of(&a, "one/people"),
                        "insert 1 " ROW(1, "Ann") "; insert 2 " ROW(2, "Bob") "; update 1 " ROW(
                            1, "Anna") "; delete 2 -");
    assert_string_equal(text_of(a.db, "SELECT prev FROM temp.shown WHERE op = 'update'"),
                        ROW(1, "Ann"));
    assert_int_equal(number(a.db, "SELECT count(DISTINCT bookmark) FROM temp.shown"), 1);
    assert_string_equal(text_of(a.db, "SELECT substr(bookmark, 1, 26) FROM temp.shown"),
                        "00000000-0000000000000001-");
    assert_int_equal(number(a.db, "SELECT count(*) FROM temp.shown WHERE length(ts) = 24 AND "
                                  "ts LIKE '____-__-__T__:__:__.___Z'"),
                     4);
    /* the time in the name is the commit's, as is that of the rows */
    snprintf(
        name, sizeof name, "./deltas/001_%s",
        text_of(a.db, "SELECT replace(substr(ts, 1, 16), ':', '-') || '.parquet' FROM temp.shown"));
    assert_non_null(strstr(files_in(&a, "cdc/one/people"), name));
    assert_int_equal(flush(&a), 0);
    app_close(&a);
}

/* Commits with events, with changes of one or two collections, with both, in one entry. */
static void collections_and_commits(void **state) {
    struct app a = app_open("many.db", "many");
    struct said s = say();
    uint32_t x, y;

    (void)state;
    say_event(&s, "only an event");
    assert_int_equal(commit(&a, &s), 1);
    (void)commit_insert(&a, "many/x", 1, "first");
    s = say();
    say_event(&s, "with changes");
    y = say_collection(&s, "many/y", 1);
    x = say_collection(&s, "many/x", 1);
    say_change(&s, y, TARN_OP_INSERT, 7, "seven");
    say_change(&s, x, TARN_OP_INSERT, 2, "second");
    say_change(&s, y, TARN_OP_DELETE, 7, NULL);
    say_change(&s, x, TARN_OP_DELETE, 1, NULL);
    assert_int_equal(commit(&a, &s), 3);
    (void)commit_insert(&a, "many/x", 3, "third");
    assert_int_equal(flush(&a), 1 + 1 + 5 + 1);
    assert_string_equal(rows_of(&a, "many/x"),
                        "insert 1 " ROW(1, "first") "; insert 2 " ROW(
                            2, "second") "; delete 1 -; insert 3 " ROW(3, "third"));
    assert_string_equal(text_of(a.db, "SELECT group_concat(substr(bookmark, 25, 1), '') FROM "
                                      "(SELECT bookmark FROM temp.shown ORDER BY rowid)"),
                        "2334");
    assert_string_equal(rows_of(&a, "many/y"), "insert 7 " ROW(7, "seven") "; delete 7 -");
    assert_non_null(strstr(files_in(&a, "cdc/many"), "./x/deltas/002_"));
    assert_non_null(strstr(files_in(&a, "cdc/many"), "./y/deltas/003_"));
    assert_int_equal(number(a.db, "SELECT count(*) FROM events WHERE filename IS NOT NULL"), 2);
    /* bookmarks of the two collections are the same for the commit that changed both */
    show(&a, "x", "cdc/many/x/deltas/*.parquet");
    assert_int_equal(number(a.db, "SELECT count(DISTINCT s.bookmark) FROM temp.x AS x, temp.shown "
                                  "AS s WHERE x.bookmark = s.bookmark"),
                     1);
    (void)commit_insert(&a, "many/x", 4, "later");
    assert_int_equal(flush(&a), 1);
    assert_int_equal(number(a.db, "SELECT count(*) FROM temp.x"), 5);
    app_close(&a);
}

/* The form of a collection's rows changes in the middle of an entry, and within a commit. */
static void epochs(void **state) {
    struct app a = app_open("epochs.db", "epochs");
    struct said s = say();
    const char *text;

    (void)state;
    (void)commit_insert(&a, "n/c", 1, "old");
    say_change_of(&s, say_collection(&s, "n/c", 2), TARN_OP_INSERT, 2, "new", NULL, 2);
    (void)commit(&a, &s);
    s = say();
    say_change_of(&s, say_collection(&s, "n/c", 2), TARN_OP_INSERT, 3, "new", NULL, 2);
    (void)commit(&a, &s);
    assert_int_equal(flush(&a), 3);
    assert_string_equal(
        rows_of(&a, "n/c"),
        "insert 1 " ROW(1, "old") "; insert 2 "
                                  "{\"id\":2,\"name\":\"new\",\"extra\":1.5}; insert 3 "
                                  "{\"id\":3,\"name\":\"new\",\"extra\":1.5}");
    text = footer_of(&a, "cdc/n/c/deltas/001_", "tarn.definitions");
    assert_non_null(strstr(text, "[{\"epoch\":1,\"bookmark\":\"00000000-0000000000000001-"));
    assert_non_null(strstr(text,
                           "\"table\":\"people\",\"rowid\":false,\"key\":[\"id\"],\"columns\":"
                           "[{\"name\":\"id\",\"affinity\":\"INTEGER\"},{\"name\":\"name\","
                           "\"affinity\":\"TEXT\"}]},{\"epoch\":2,\"bookmark\":\"00000000-"
                           "0000000000000002-"));
    assert_non_null(strstr(text, "{\"name\":\"extra\",\"affinity\":\"REAL\"}]}]"));
    assert_string_equal(footer_of(&a, "cdc/n/c/deltas/001_", "tarn.collection"), "n/c");
    text = footer_of(&a, "cdc/n/c/deltas/001_", "tarn.ranges");
    assert_non_null(strstr(text, a.d->id));
    assert_non_null(strstr(text, ",\"timeline\":0,\"entry\":1,\"first\":1,\"last\":3}]"));
    assert_string_equal(manifest(&a, "n/c", "json_array_length(m, '$.schemas')"), "2");
    assert_string_equal(manifest(&a, "n/c", "m ->> '$.columns[2].name'"), "extra");
    (void)commit_insert(&a, "n/c", 1, "old");
    (void)flush(&a);
    assert_string_equal(manifest(&a, "n/c", "json_array_length(m, '$.schemas')"), "3");
    app_close(&a);
}

/* A table is altered in the middle of a transaction: its collection has two numbers in it. */
static void two_numbers(void **state) {
    int in_file;

    (void)state;
    for (in_file = 0; in_file < 2; in_file++) {
        struct app a = app_open(in_file ? "two-b.db" : "two-a.db", in_file ? "two-b" : "two-a");
        struct said s = say();
        uint32_t other = say_collection(&s, "n/a", 1);
        uint32_t before = say_collection(&s, "n/c", 1);
        uint32_t behind;

        say_change(&s, before, TARN_OP_INSERT, 1, "x");
        say_change(&s, other, TARN_OP_INSERT, 7, "o");
        behind = say_collection(&s, "n/c", 2);
        say_entry(&s, behind, "{\"entry\":\"schema\",\"create\":\"CREATE TABLE two\"}");
        say_change_of(&s, behind, TARN_OP_INSERT, 2, "y", NULL, 2);
        if (in_file) say_in_file(&a, &s);
        (void)commit(&a, &s);
        assert_int_equal(flush(&a), 4);
        assert_string_equal(rows_of(&a, "n/c"),
                            "insert 1 " ROW(1, "x") "; insert 2 "
                                                    "{\"id\":2,\"name\":\"y\",\"extra\":1.5}");
        assert_string_equal(log_entry(&a, 0, 1,
                                      "(SELECT group_concat(value ->> 'name' || ' ' || "
                                      "(value ->> 'rows') || coalesce(value ->> 'entries', "
                                      "'')) FROM json_each(m, '$.changes[0].collections'))"),
                            "n/a 1,n/c 3[[1,\"{\\\"entry\\\":\\\"schema\\\",\\\"create\\\":"
                            "\\\"CREATE TABLE two\\\"}\"]]");
        assert_string_equal(manifest(&a, "n/c", "json_array_length(m, '$.schemas')"), "2");
        app_close(&a);
    }
}

/* A collection begins: entry of the chain, base, rows. And what is said of it afterwards. */
static void base_and_manifest(void **state) {
    struct app a = app_open("base.db", "base");
    struct said s = say();
    uint32_t c = say_collection(&s, "my%20ns/c", 1);
    char first[TARN_BOOKMARK + 1];

    (void)state;
    say_entry(&s, c,
              "{\"entry\":\"track\",\"create\":\"CREATE TABLE people(id, name)\",\"options\":"
              "{\"trackPrevious\":true}}");
    say_base(&a, &s, "my%20ns/c", 500);
    (void)commit(&a, &s);
    assert_int_equal(flush(&a), 1);
    assert_string_equal(files_in(&a, "cdc/my%20ns/c"), "./data.parquet ./manifest.json ");
    show(&a, "base", "cdc/my%20ns/c/data.parquet");
    assert_int_equal(number(a.db, "SELECT count(*) FROM temp.base"), 500);
    assert_string_equal(text_of(a.db, "SELECT pk || data FROM temp.base WHERE pk = '1499'"),
                        "1499" ROW(1499, "base 1499"));
    assert_int_equal(number(a.db, "SELECT sum(pk <= before) FROM (SELECT pk, lag(pk) OVER (ORDER "
                                  "BY rowid) AS before FROM temp.base)"),
                     0);
    assert_int_equal(number(a.db, "SELECT count(*) FROM pragma_table_info('base')"), 4);
    snprintf(first, sizeof first, "%s", text_of(a.db, "SELECT DISTINCT bookmark FROM temp.base"));
    assert_string_equal(footer_of(&a, "cdc/my%20ns/c/data.parquet", "tarn.bookmark"), first);
    assert_string_equal(manifest(&a, "my%20ns/c", "m ->> '$.namespace'"), "my ns");
    assert_string_equal(manifest(&a, "my%20ns/c", "m ->> '$.collection'"), "c");
    assert_string_equal(manifest(&a, "my%20ns/c", "m ->> '$.database'"), a.d->id);
    assert_string_equal(manifest(&a, "my%20ns/c", "m ->> '$.options'"), "{\"trackPrevious\":true}");
    assert_string_equal(manifest(&a, "my%20ns/c", "m ->> '$.schemas[0].create'"),
                        "CREATE TABLE people(id, name)");
    assert_string_equal(manifest(&a, "my%20ns/c", "m ->> '$.firstBookmark'"), first);
    assert_string_equal(manifest(&a, "my%20ns/c", "m ->> '$.entries[0].entry'"), "track");
    assert_string_equal(manifest(&a, "my%20ns/c", "m ->> '$.key'"), "[\"id\"]");
    (void)commit_insert(&a, "my%20ns/c", 1, "x");
    s = say();
    c = say_collection(&s, "my%20ns/c", 1);
    say_change(&s, c, TARN_OP_DELETE, 1, NULL);
    say_entry(&s, c, "{\"entry\":\"gap\"}");
    say_change(&s, c, TARN_OP_UPDATE, 1001, "y");
    (void)commit(&a, &s);
    assert_int_equal(flush(&a), 4);
    assert_string_equal(rows_of(&a, "my%20ns/c"),
                        "insert 1 " ROW(1, "x") "; delete 1 -; update 1001 " ROW(1001, "y"));
    assert_string_equal(manifest(&a, "my%20ns/c", "m ->> '$.counts'"),
                        "{\"insert\":1,\"update\":1,\"delete\":1,\"files\":1}");
    assert_string_equal(manifest(&a, "my%20ns/c", "m ->> '$.entries[1].entry'"), "gap");
    assert_string_equal(manifest(&a, "my%20ns/c", "m ->> '$.firstBookmark'"), first);
    assert_string_equal(manifest(&a, "my%20ns/c", "substr(m ->> '$.lastBookmark', 25, 1)"), "3");
    assert_string_equal(manifest(&a, "my%20ns/c", "m ->> '$.applied'"), "{\"00000000\":2}");
    /* the log says where the entry stood among the collection's records */
    assert_string_equal(log_entry(&a, 0, 2, "m ->> '$.changes[1].collections[0].entries'"),
                        "[[1,\"{\\\"entry\\\":\\\"gap\\\"}\"]]");
    assert_string_equal(log_entry(&a, 0, 2, "m ->> '$.changes[1].collections[0].rows'"), "3");
    assert_string_equal(log_entry(&a, 0, 1, "m ->> '$.objects[0].kind'"), "base");
    assert_int_equal(count_spools(&a), 0);
    app_close(&a);
}

/* A collection begins again: the later base replaces the earlier one, never the other way round. */
static void second_base(void **state) {
    struct app a = app_open("again.db", "again");
    struct said s = say();

    (void)state;
    say_entry(&s, say_collection(&s, "again/c", 1), "{\"entry\":\"track\"}");
    say_base(&a, &s, "again/c", 3);
    (void)commit(&a, &s);
    (void)flush(&a);
    s = say();
    say_entry(&s, say_collection(&s, "again/c", 1), "{\"entry\":\"track\"}");
    say_base(&a, &s, "again/c", 0);
    (void)commit(&a, &s);
    (void)flush(&a);
    show(&a, "base", "cdc/again/c/data.parquet");
    assert_int_equal(number(a.db, "SELECT count(*) FROM temp.base"), 0);
    assert_non_null(strstr(footer_of(&a, "cdc/again/c/data.parquet", "tarn.bookmark"),
                           "00000000-0000000000000002-"));
    app_close(&a);
}

/* Numbers of more than three digits, and sequences beyond 32 bits. */
static void long_numbers(void **state) {
    struct app a = app_open("numbers.db", "numbers");
    struct said s = say();
    uint64_t big = (UINT64_C(1) << 32) + 5;
    struct tarn_commit *c;
    int i;

    (void)state;
    for (i = 0; i < 1000; i++) {
        s = say();
        say_event(&s, "e");
        (void)commit_as(&a, &s, i >= 997);
        if (i < 997) a.d->position.collected = (uint64_t)i + 1;
    }
    (void)commit_insert(&a, "numbers/c", 1, "one");
    assert_int_equal(flush(&a), 4);
    assert_non_null(strstr(files_in(&a, "cdc/numbers/c/deltas"), "./1001_"));
    a.d->position.collected = big - 1;
    c = tarn_calloc(1, sizeof *c);
    s = say();
    say_change(&s, say_collection(&s, "numbers/c", 1), TARN_OP_INSERT, 2, "two");
    c->sequence = big;
    c->time = 1770000000123;
    c->changes = 1;
    c->len = s.records.len;
    c->payload = (uint8_t *)tarn_buf_steal(&s.records, NULL);
    assert_int_equal(tarn_commit_digest(c), 0);
    tarn_db_submit(a.d, c);
    assert_int_equal(flush(&a), 1);
    assert_non_null(
        strstr(files_in(&a, "cdc/numbers/c/deltas"), "./4294967301_2026-02-02T02-40.parquet"));
    show(&a, "shown", "cdc/numbers/c/deltas/4294967301_*.parquet");
    assert_non_null(
        strstr(text_of(a.db, "SELECT bookmark FROM temp.shown"), "00000000-0000000100000005-"));
    assert_string_equal(text_of(a.db, "SELECT ts FROM temp.shown"), "2026-02-02T02:40:00.123Z");
    app_close(&a);
}

#define MANY 300000

static void write_large_file(sqlite3 *db) {
    struct app a = app_open("large.db", "large");
    struct said s = say();
    uint32_t x = say_collection(&s, "large/x", 1);
    uint32_t y = say_collection(&s, "large/y", 1);
    char text[512];
    int i;

    (void)db;
    memset(text, 'x', sizeof text);
    for (i = 0; i < MANY; i++) {
        snprintf(text + 400, 32, "%lld", (long long)i * 7919 % 1000003);
        say_change(&s, i % 3 ? x : y, TARN_OP_INSERT, i, text);
    }
    say_in_file(&a, &s);
    (void)commit_as(&a, &s, 0);
    app_close(&a);
}

/* Many changes of two collections in a file, written by another process: memory stays bounded, the
** order is kept. */
static void large_file(void **state) {
    struct app a;
    struct rusage before, after;

    (void)state;
    in_child("large.db", write_large_file);
    a = app_open("large.db", "large");
    getrusage(RUSAGE_SELF, &before);
    assert_int_equal(number(a.db, "SELECT tarn_flush()"), MANY);
    getrusage(RUSAGE_SELF, &after);
    print_message("%d changes of 400 bytes: %ld MB more\n", MANY,
                  (after.ru_maxrss - before.ru_maxrss) / 1024);
    assert_true(SANITIZED || after.ru_maxrss - before.ru_maxrss < 100 * 1024);
    show(&a, "x", "cdc/large/x/deltas/*.parquet");
    show(&a, "y", "cdc/large/y/deltas/*.parquet");
    assert_int_equal(number(a.db, "SELECT count(*) FROM temp.x"), 200000);
    assert_int_equal(number(a.db, "SELECT count(*) FROM temp.y"), 100000);
    assert_int_equal(number(a.db, "SELECT count(*) FROM (SELECT pk + 0 AS pk, lag(pk + 0) OVER "
                                  "(ORDER BY rowid) AS before FROM temp.x) WHERE pk <= before"),
                     0);
    assert_int_equal(number(a.db, "SELECT count(DISTINCT bookmark) FROM temp.y"), 1);
    assert_int_equal(count_spools(&a), 0);
    app_close(&a);
}

/* A large file goes alone: its neighbours are in other entries. */
static void file_alone(void **state) {
    struct app a = app_open("alone.db", "alone");
    struct said s = say();
    uint32_t c;
    char text[4096];
    int i;

    (void)state;
    memset(text, 'y', sizeof text - 1);
    text[sizeof text - 1] = 0;
    (void)commit_insert(&a, "alone/c", -1, "before");
    c = say_collection(&s, "alone/c", 1);
    for (i = 0; i < 9000; i++)
        say_change(&s, c, TARN_OP_INSERT, i, text);
    say_in_file(&a, &s);
    (void)commit(&a, &s);
    (void)commit_insert(&a, "alone/c", -2, "behind");
    assert_int_equal(flush(&a), 9002);
    assert_non_null(strstr(files_in(&a, "cdc/alone/c/deltas"), "./001_"));
    assert_non_null(strstr(files_in(&a, "cdc/alone/c/deltas"), "./002_"));
    assert_non_null(strstr(files_in(&a, "cdc/alone/c/deltas"), "./003_"));
    assert_int_equal(count_spools(&a), 0);
    app_close(&a);
}

static void missing_and_damaged_files(void **state) {
    struct app a = app_open("missing.db", "missing");
    struct said s = say();
    char aside[256];

    (void)state;
    say_change(&s, say_collection(&s, "missing/c", 1), TARN_OP_INSERT, 1, "in a file");
    say_in_file(&a, &s);
    (void)commit(&a, &s);
    snprintf(aside, sizeof aside, "%s.aside", a.d->spool);
    shell("mv %s %s", a.d->spool, aside);
    flush_fails(&a, ".changes, which is gone", "-spool folder");
    assert_string_equal(files_in(&a, "cdc"), "");
    shell("cp -r %s %s && truncate -s 3 %s/*.changes", aside, a.d->spool, a.d->spool);
    flush_fails(&a, ".changes", "cut short");
    shell("cd %s && printf X | dd of=$(ls) bs=1 seek=1 conv=notrunc 2>/dev/null", aside);
    shell("rm -r %s && cp -r %s %s", a.d->spool, aside, a.d->spool);
    flush_fails(&a, "collection", "");
    shell("cd %s && printf '\\000' | dd of=$(ls) bs=1 seek=1 conv=notrunc 2>/dev/null", aside);
    shell("cd %s && sed -i 's/in a file/in a FILE/' *", aside);
    shell("rm -r %s && cp -r %s %s", a.d->spool, aside, a.d->spool);
    flush_fails(&a, "is not what its commit says", ".changes");
    shell("cd %s && sed -i 's/in a FILE/in a file/' *", aside);
    shell("rm -r %s && cp -r %s %s", a.d->spool, aside, a.d->spool);
    assert_int_equal(flush(&a), 1);
    assert_string_equal(rows_of(&a, "missing/c"), "insert 1 " ROW(1, "in a file"));
    app_close(&a);
}

/* Changes alone reach the thresholds, and no event reads them. */
static void thresholds(void **state) {
    struct app a = app_open("due.db", "due");
    int i;

    (void)state;
    clock_now = 1770000000000;
    tarn_time_set_clock(read_clock, NULL);
    must(a.db, "SELECT tarn_config('autoFlush', 'on'), tarn_config('countThreshold', 50)");
    assert_int_equal(number(a.db, "SELECT count(*) FROM events"), 0);
    for (i = 0; i < 49; i++)
        (void)commit_insert(&a, "due/c", i, "x");
    assert_int_equal(tarn_flusher_step(a.d), 0);
    (void)commit_insert(&a, "due/c", 49, "x");
    assert_int_equal(number(a.db, "SELECT count(*) FROM events"), 0);
    assert_int_equal(tarn_flusher_step(a.d), 1);
    assert_null(a.d->first);
    assert_int_equal(a.d->delivered, 50);
    (void)commit_insert(&a, "due/c", 50, "x");
    clock_now += 4999;
    assert_int_equal(tarn_flusher_step(a.d), 0);
    clock_now += 1;
    assert_int_equal(tarn_flusher_step(a.d), 1);
    show(&a, "shown", "cdc/due/c/deltas/*.parquet");
    assert_int_equal(number(a.db, "SELECT count(*) FROM temp.shown"), 51);
    tarn_time_set_clock(NULL, NULL);
    app_close(&a);
}

/* The thread is woken by a commit that holds nothing but changes. */
static void background(void **state) {
    struct app a = app_open("thread.db", "thread");
    int i;

    (void)state;
    must(a.db, "SELECT tarn_config('autoFlush', 'on'), tarn_config('timeThresholdMs', 1), "
               "tarn_config('countThreshold', 1)");
    assert_int_equal(number(a.db, "SELECT count(*) FROM events"), 0);
    (void)commit_insert(&a, "thread/c", 1, "x");
    for (i = 0; i < 200 && !strstr(files_in(&a, "cdc/thread/c"), "001_"); i++)
        (void)usleep(20000);
    assert_true(i < 200);
    app_close(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_file),
        cmocka_unit_test(one_commit),
        cmocka_unit_test(collections_and_commits),
        cmocka_unit_test(epochs),
        cmocka_unit_test(two_numbers),
        cmocka_unit_test(base_and_manifest),
        cmocka_unit_test(second_base),
        cmocka_unit_test(long_numbers),
        cmocka_unit_test(file_alone),
        cmocka_unit_test(missing_and_damaged_files),
        cmocka_unit_test(thresholds),
        cmocka_unit_test(background),
    };
    int rc;

    make_folder();
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    shell("rm -rf %s", folder);
    return rc;
}
