/* test_delta_entries.c: deltas where entries of the flush log don't end as they began: copies of a
** database, entries that were aborted, other databases, processes that stop half way or run side by
** side, and a log that a stranger wrote.
*/
#include "delta_fixture.h"

#include "batch.h"
#include "manifest.h"

static void flush_now(struct app *a) {
    must(a->db, "SELECT tarn_flush()");
}

static void remove_key(struct app *a, unsigned timeline, unsigned n, const char *extension) {
    char key[512];

    log_key(a, timeline, n, extension, key);
    shell("rm %s/%s", a->lake, key);
}

static int64_t count_rows(struct app *a, const char *collection) {
    char glob[256];

    snprintf(glob, sizeof glob, "cdc/%s/deltas/*.parquet", collection);
    show(a, "shown", glob);
    return number(a->db, "SELECT count(*) FROM temp.shown");
}

/* Each id once. */
static void assert_ids(struct app *a, const char *collection, int64_t n) {
    assert_int_equal(count_rows(a, collection), n);
    assert_int_equal(number(a->db, "SELECT count(DISTINCT data) FROM temp.shown"), n);
    assert_int_equal(number(a->db, "SELECT count(*) FROM temp.shown WHERE bookmark IS NULL"), 0);
}

/* A copy of the database goes on by itself: both histories are there, what they share once. */
static void copies(void **state) {
    struct app a = app_open("one.db", "copies");
    struct app b;

    (void)state;
    (void)commit_insert(&a, "n/c", 1, "shared, delivered");
    (void)flush(&a);
    (void)commit_insert(&a, "n/c", 2, "shared, waiting");
    app_close(&a);
    shell("cp %s/one.db %s/two.db", folder, folder);
    a = app_open("one.db", "copies");
    b = app_open("two.db", "copies");
    (void)commit_insert(&b, "n/c", 30, "b");
    (void)commit_insert(&a, "n/c", 3, "a");
    flush_now(&a);
    flush_now(&b);
    (void)commit_insert(&b, "n/c", 40, "b again");
    flush_now(&b);
    assert_ids(&a, "n/c", 5);
    assert_non_null(strstr(files_in(&a, "cdc/n/c/deltas"), "-t00000001.parquet"));
    assert_int_equal(number(a.db, "SELECT count(*) FROM temp.shown WHERE bookmark LIKE "
                                  "'00000001-%'"),
                     2);
    assert_string_equal(manifest(&a, "n/c", "m ->> '$.counts.insert'"), "5");
    assert_string_equal(manifest(&a, "n/c", "m ->> '$.applied.00000001'"), "2");
    app_close(&a);
    app_close(&b);
}

/* An entry whose delta was put and which another copy aborts: its rows are gone, whoever delivers what
** both copies share takes the name, and nothing is lost or doubled. */
static void aborted(void **state) {
    struct app a = app_open("first.db", "aborted");
    struct tarn_log_entry old = {0};
    struct tarn_err err = {0};
    struct tarn_log log;
    struct app b;

    (void)state;
    (void)commit_insert(&a, "n/c", 1, "shared");
    (void)commit_insert(&a, "n/c", 2, "shared");
    app_close(&a);
    shell("cp %s/first.db %s/second.db", folder, folder);
    a = app_open("first.db", "aborted");
    (void)commit_insert(&a, "n/c", 3, "a");
    (void)commit_insert(&a, "n/only_a", 3, "a");
    app_close(&a);
    shell("cp %s/first.db %s/third.db", folder, folder);
    a = app_open("first.db", "aborted");
    flush_now(&a);
    remove_key(&a, 0, 1, ".end"); /* as if it had stopped before that */
    app_close(&a);
    b = app_open("second.db", "aborted");
    (void)commit_insert(&b, "n/c", 30, "b");
    assert_int_equal(number(b.db, "SELECT tarn_flush()"), 3);
    assert_ids(&b, "n/c", 3);
    assert_int_equal(count_rows(&b, "n/only_a"), 0);
    assert_string_equal(footer_of(&b, "cdc/n/only_a/deltas/004_", "tarn.aborted"), "1");
    /* somebody who comes late takes nothing away */
    log = (struct tarn_log){NULL, b.d->name, b.d->id, 0};
    assert_int_equal(tarn_store_open(&log.store, b.lake, NULL, NULL), 0);
    assert_int_equal(tarn_log_read(&log, 1, &old, &err), 0);
    assert_int_equal(old.n_objects, 2);
    assert_true(tarn_batch_makes(&log, &old, &old.objects[0]));
    tarn_batch_withdraw(&log, &old);
    tarn_log_entry_release(&old);
    assert_ids(&b, "n/c", 3);
    /* and the first one goes on where the second left it */
    a = app_open("third.db", "aborted");
    assert_int_equal(number(a.db, "SELECT tarn_flush()"), 2);
    assert_ids(&a, "n/c", 4);
    assert_int_equal(count_rows(&a, "n/only_a"), 1);
    tarn_store_free(log.store);
    app_close(&a);
    app_close(&b);
}

/* Two databases that write one collection: an error that names both, before anything is put. */
static void other_database(void **state) {
    struct app a = app_open("mine.db", "shared");
    struct app b = app_open("yours.db", "shared");
    struct said s = say();
    struct tarn_store *store = NULL;
    struct tarn_err err = {0};

    (void)state;
    (void)commit_insert(&a, "n/c", 1, "a");
    (void)flush(&a);
    say_event(&s, "of b");
    say_change(&s, say_collection(&s, "n/c", 1), TARN_OP_INSERT, 2, "b");
    (void)commit(&b, &s);
    flush_fails(&b, a.d->id, b.d->id);
    flush_fails(&b, "cdc/n/c/manifest.json", "set another namespace");
    assert_string_equal(files_in(&b, "events"), "");
    assert_int_equal(count_rows(&b, "n/c"), 1);
    assert_int_equal(tarn_store_open(&store, a.lake, NULL, NULL), 0);
    assert_int_equal(tarn_manifest_check(store, slice("n/c"), a.d->id, &err), 0);
    assert_int_equal(tarn_manifest_check(store, slice("n/free"), b.d->id, &err), 0);
    assert_int_not_equal(tarn_manifest_check(store, slice("n/c"), b.d->id, &err), 0);
    assert_non_null(strstr(err.msg, a.d->id));
    tarn_store_free(store);
    /* the other one's files are moved away: now there is room */
    shell("mv %s/cdc/n %s/cdc/other", b.lake, b.lake);
    assert_int_equal(flush(&b), 2);
    assert_int_equal(count_rows(&b, "n/c"), 1);
    app_close(&a);
    app_close(&b);
}

/* Without a manifest the files themselves say whose they are. */
static void name_is_taken(void **state) {
    struct app a = app_open("left.db", "taken");
    struct app b = app_open("right.db", "taken");
    struct said s = say();

    (void)state;
    (void)commit_insert(&b, "n/c", 1, "b");
    (void)flush(&b);
    shell("mv %s/cdc/n/c/manifest.json %s/manifest.b", a.lake, folder);
    (void)commit_insert(&a, "n/c", 1, "a");
    (void)commit_insert(&a, "n/c", 2, "a");
    shell("cd %s/cdc/n/c/deltas && mv * x && mv x "
          "$(date -u -d @%lld +001_%%Y-%%m-%%dT%%H-%%M.parquet)",
          a.lake, (long long)(a.d->first->time / 1000));
    flush_fails(&a, a.d->id, b.d->id);
    flush_fails(&a, "/deltas/001_", "set another namespace");
    shell("cd %s/cdc/n/c/deltas && for f in *; do echo not Parquet > $f; done", a.lake);
    flush_fails(&a, "/deltas/001_", "");
    shell("rm -r %s/cdc/n/c/deltas", a.lake);
    assert_int_equal(flush(&a), 2);
    assert_ids(&a, "n/c", 2);
    /* a data.parquet of somebody who doesn't say which state it is */
    shell("cp %s/cdc/n/c/deltas/*.parquet %s/cdc/n/c/data.parquet", a.lake, a.lake);
    say_entry(&s, say_collection(&s, "n/c", 1), "{\"entry\":\"track\"}");
    say_base(&a, &s, "n/c", 2);
    (void)commit(&a, &s);
    flush_fails(&a, "cdc/n/c/data.parquet", "which bookmark");
    shell("rm %s/cdc/n/c/data.parquet", a.lake);
    assert_int_equal(flush(&a), 1);
    shell("echo '[]' > %s/cdc/n/c/manifest.json", a.lake);
    (void)commit_insert(&a, "n/c", 3, "a");
    flush_fails(&a, "cdc/n/c/manifest.json", "no JSON object");
    app_close(&a);
    app_close(&b);
}

/* Whoever ended the entry stopped before the manifest was written: the next one writes it, once. */
static void manifest_is_caught_up(void **state) {
    struct app a = app_open("late.db", "late");

    (void)state;
    (void)commit_insert(&a, "n/c", 1, "x");
    (void)commit_insert(&a, "n/c", 2, "y");
    app_close(&a);
    shell("cp %s/late.db %s/late.copy", folder, folder);
    a = app_open("late.db", "late");
    flush_now(&a);
    shell("echo '{\"format\":\"tarn-cdc\",\"database\":\"%s\"}' > %s/cdc/n/c/manifest.json",
          a.d->id, a.lake);
    app_close(&a);
    shell("cp %s/late.copy %s/late.db", folder, folder);
    a = app_open("late.db", "late");
    assert_int_equal(number(a.db, "SELECT tarn_flush()"), 0);
    assert_string_equal(manifest(&a, "n/c", "m ->> '$.counts.insert'"), "2");
    app_close(&a);
    shell("cp %s/late.copy %s/late.db", folder, folder);
    a = app_open("late.db", "late");
    flush_now(&a);
    assert_string_equal(manifest(&a, "n/c", "m ->> '$.counts.insert'"), "2");
    assert_ids(&a, "n/c", 2);
    app_close(&a);
}

static void write_and_flush(const char *name, int who) {
    struct app a = app_open(name, "side");
    int i;

    for (i = 0; i < 60; i++) {
        struct said s = say();
        char text[32];

        snprintf(text, sizeof text, "%d", who * 1000 + i);
        say_change(&s, say_collection(&s, "n/c", 1), TARN_OP_INSERT, who * 1000 + i, text);
        if (i % 7 == who) say_in_file(&a, &s);
        (void)commit(&a, &s);
        if (i % 5 == who) flush_now(&a);
    }
    app_close(&a);
    exit(0);
}

/* Three processes write and flush one database: each change arrives once, and is counted once. */
static void side_by_side(void **state) {
    pid_t children[3];
    struct app a;
    int i, status;

    (void)state;
    a = app_open("side.db", "side");
    must(a.db, "PRAGMA journal_mode = WAL");
    (void)commit_insert(&a, "n/c", 9999, "9999");
    app_close(&a);
    for (i = 0; i < 3; i++) {
        children[i] = fork();
        if (children[i] == 0) write_and_flush("side.db", i + 1);
    }
    for (i = 0; i < 3; i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    a = app_open("side.db", "side");
    flush_now(&a);
    assert_ids(&a, "n/c", 181);
    assert_int_equal(number(a.db, "SELECT count(DISTINCT bookmark) FROM temp.shown"), 181);
    assert_string_equal(manifest(&a, "n/c", "m ->> '$.counts.insert'"), "181");
    assert_int_equal(number(a.db, "SELECT count(*) FROM (SELECT substr(bookmark, 10, 16) AS s, "
                                  "lag(substr(bookmark, 10, 16)) OVER (PARTITION BY filename ORDER "
                                  "BY rowid) AS before FROM temp.shown) WHERE s <= before"),
                     0);
    assert_int_equal(count_spools(&a), 0);
    app_close(&a);
}

static void write_log(struct app *a, const char *json, const char *end) {
    char key[512];

    log_key(a, 0, 1, ".json", key);
    shell("mkdir -p $(dirname %s/%s)", a->lake, key);
    snprintf(key, sizeof key, "%s/_tarn/db/%s/%s/log/00000000/000000000001.json", a->lake,
             a->d->name, a->d->id);
    FILE *f = fopen(key, "w");

    assert_non_null(f);
    assert_true(fputs(json, f) >= 0);
    assert_int_equal(fclose(f), 0);
    if (end) {
        log_key(a, 0, 1, ".end", key);
        shell("echo '{\"end\":\"%s\"}' > %s/%s", end, a->lake, key);
    }
}

#define HEX "0000000000000000000000000000000000000000000000000000000000000000"
#define ENTRY(objects, changes)                                                              \
    "{\"first\":1,\"last\":1,\"time\":1,\"previous\":\"" HEX "\",\"commits\":[\"" HEX "\"]," \
    "\"objects\":[" objects "],\"changes\":" changes "}"
#define COLLECTION(more) "{\"name\":\"n/c\",\"rows\":1,\"digest\":\"" HEX "\"" more "}"
#define CHANGES(collections) "[{\"sequence\":1,\"time\":1,\"collections\":[" collections "]}]"

/* The log comes from the lake: what is malformed is an error, what is well-formed touches nothing that
** the entry's commits can't make. */
static void hostile_log(void **state) {
    static const char *const broken[] = {
        ENTRY("{\"key\":\"cdc/n/c/x\",\"rows\":1,\"kind\":\"other\"}", "[]"),
        ENTRY("{\"key\":\"cdc/n/c/x\",\"rows\":1,\"kind\":7}", "[]"),
        ENTRY("{\"key\":\"cdc/n/c/x\",\"rows\":0,\"kind\":\"delta\"}", "[]"),
        ENTRY("{\"key\":\"cdc/n/c/x\",\"rows\":-1,\"kind\":\"base\"}", "[]"),
        ENTRY("{\"key\":\"cdc/../x\",\"rows\":1,\"kind\":\"delta\"}", "[]"),
        ENTRY("{\"key\":\"cdc/n/x\",\"rows\":1,\"kind\":\"delta\",\"spool\":\"x\"}", "[]"),
        ENTRY("", "{}"),
        ENTRY("", "[7]"),
        ENTRY("", CHANGES("")),
        ENTRY("", CHANGES("7")),
        ENTRY("", CHANGES("{\"name\":\"n/c\",\"rows\":0,\"digest\":\"" HEX "\"}")),
        ENTRY("", CHANGES("{\"name\":\"c\",\"rows\":1,\"digest\":\"" HEX "\"}")),
        ENTRY("", CHANGES("{\"name\":\"../../c\",\"rows\":1,\"digest\":\"" HEX "\"}")),
        ENTRY("", CHANGES("{\"name\":\"n/c\",\"rows\":1,\"digest\":\"" HEX "00\"}")),
        ENTRY("", CHANGES(COLLECTION(",\"entries\":7"))),
        ENTRY("", CHANGES(COLLECTION(",\"entries\":[[1,\"{}\"]]"))),
        ENTRY("", CHANGES(COLLECTION(",\"entries\":[[0,7]]"))),
        ENTRY("", CHANGES(COLLECTION(",\"entries\":[[0,\"{}\"],[0,\"{}\"]]"))),
        ENTRY("", "[{\"sequence\":2,\"time\":1,\"collections\":[" COLLECTION("") "]}]"),
        ENTRY("", "[{\"sequence\":1,\"time\":\"1\",\"collections\":[" COLLECTION("") "]}]"),
        ENTRY("", "[{\"sequence\":1,\"time\":1,\"events\":\"zz\",\"collections\":[" COLLECTION(
                      "") "]}]"),
    };
    struct app b = app_open("victim.db", "hostile");
    struct app a = app_open("hostile.db", "hostile");
    size_t i;

    (void)state;
    (void)commit_insert(&b, "victim/c", 1, "b");
    (void)flush(&b);
    shell("cd %s/cdc/victim/c/deltas && cp 001_* 001_1970-01-01T00-00.parquet", a.lake);
    (void)commit_insert(&a, "n/c", 1, "a");
    for (i = 0; i < sizeof broken / sizeof *broken; i++) {
        struct tarn_err err = {0};

        write_log(&a, broken[i], NULL);
        if (!tarn_flusher_drain(a.d, NULL, &err)) fail_msg("%s", broken[i]);
        if (!strstr(err.msg, "not a flush log entry")) fail_msg("%s: %s", broken[i], err.msg);
    }
    write_log(
        &a,
        ENTRY("{\"key\":\"cdc/victim/c/manifest.json\",\"rows\":1,\"kind\":\"base\"},"
              "{\"key\":\"cdc/victim/c/deltas/001_1970-01-01T00-00.parquet\",\"rows\":1,"
              "\"kind\":\"delta\"},{\"key\":\"cdc/victim/c/manifest.json\",\"rows\":1,"
              "\"kind\":\"delta\"}",
              "[{\"sequence\":1,\"time\":1,\"collections\":[{\"name\":\"victim/c\",\"rows\":1,"
              "\"digest\":\"" HEX "\"}]}]"),
        "abort");
    assert_int_equal(flush(&a), 1);
    assert_int_equal(count_rows(&a, "victim/c"), 2);
    assert_non_null(strstr(files_in(&a, "cdc"), "./victim/c/manifest.json"));
    assert_int_equal(count_rows(&a, "n/c"), 1);
    app_close(&a);
    app_close(&b);
}

static struct tarn_slice column(sqlite3_stmt *stmt, int i) {
    return (struct tarn_slice){sqlite3_column_text(stmt, i), (size_t)sqlite3_column_bytes(stmt, i)};
}

/* A record's share of its collection's digest. */
static void add_body(struct tarn_buf *all, const uint8_t *body, size_t n) {
    tarn_buf_varint(all, n);
    tarn_buf_put(all, body, n);
}

/* The digest of a collection's records in a commit: rows from its delta, entries from the log. */
static void digest_of(struct app *a, const struct tarn_log_commit *c,
                      const struct tarn_log_collection *of, uint8_t out[32]) {
    struct tarn_buf all = TARN_BUF_INIT(1 << 24);
    struct tarn_definition_column columns[3];
    struct tarn_definition d;
    struct tarn_arena arena;
    sqlite3_stmt *stmt = NULL;
    char sql[256];
    size_t item = 0;
    uint64_t i;

    tarn_arena_init(&arena, NULL);
    definition_of(&d, columns, "n/c", 1);
    snprintf(sql, sizeof sql, "cdc/%.*s/deltas/*.parquet", (int)of->name.len,
             (const char *)of->name.data);
    show(a, "shown", sql);
    snprintf(sql, sizeof sql,
             "SELECT op, pk, data, prev FROM temp.shown WHERE substr(bookmark, 10, 16) = "
             "printf('%%016x', %llu) ORDER BY rowid",
             (unsigned long long)c->sequence);
    assert_int_equal(sqlite3_prepare_v2(a->db, sql, -1, &stmt, NULL), SQLITE_OK);
    for (i = 0; i < of->rows; i++) {
        struct tarn_buf body = TARN_BUF_INIT(1 << 20);

        if (item < of->n_items && of->items[item].position == i) {
            tarn_buf_u8(&body, TARN_OP_ENTRY);
            tarn_buf_u8(&body, 0);
            tarn_buf_put(&body, of->items[item].text.data, of->items[item].text.len);
            item++;
        } else {
            assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
            assert_int_equal(tarn_change_from_delta(&body, &d, tarn_op_from_word(column(stmt, 0)),
                                                    column(stmt, 1), column(stmt, 2),
                                                    column(stmt, 3), &arena, NULL),
                             0);
        }
        add_body(&all, body.data, body.len);
        tarn_buf_release(&body);
    }
    assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
    sqlite3_finalize(stmt);
    assert_int_equal(tarn_sha256(all.data, all.len, out), 0);
    tarn_buf_release(&all);
    tarn_arena_release(&arena);
}

/* The digest of a commit, from the log and the deltas alone. */
static void verify(struct app *a, const struct tarn_log_entry *e, const struct tarn_log_commit *c) {
    static const uint8_t none[32];
    struct tarn_buf content = TARN_BUF_INIT(1 << 20);
    struct tarn_buf link = TARN_BUF_INIT(1 << 20);
    uint8_t digest[32];
    size_t i;

    tarn_buf_u8(&content, 'C');
    tarn_buf_put(&content, c->has_events ? c->events : none, 32);
    for (i = 0; i < c->n_collections; i++) {
        const struct tarn_log_collection *of = &c->collections[i];

        digest_of(a, c, of, digest);
        assert_memory_equal(digest, of->digest, 32);
        tarn_buf_varint(&content, of->name.len);
        tarn_buf_put(&content, of->name.data, of->name.len);
        tarn_buf_le64(&content, of->rows);
        tarn_buf_put(&content, digest, 32);
    }
    assert_int_equal(tarn_sha256(content.data, content.len, digest), 0);
    tarn_buf_put(&link, tarn_log_digest(e, c->sequence - 1), 32);
    tarn_buf_le64(&link, c->sequence);
    tarn_buf_le64(&link, (uint64_t)c->time);
    tarn_buf_put(&link, digest, 32);
    assert_int_equal(tarn_sha256(link.data, link.len, digest), 0);
    assert_memory_equal(digest, tarn_log_digest(e, c->sequence), 32);
    tarn_buf_release(&content);
    tarn_buf_release(&link);
}

/* What the lake holds is enough to compute the chain of digests again. */
static void chain_from_the_lake(void **state) {
    struct app a = app_open("chain.db", "chain");
    struct tarn_log_entry e = {0};
    struct said s = say();
    struct tarn_log log;
    uint32_t x, y;
    size_t i;

    (void)state;
    y = say_collection(&s, "n/y", 1);
    say_entry(&s, y, "{\"entry\":\"track\",\"create\":\"CREATE TABLE \\\"\xc3\xa9\\u0000\\\"\"}");
    (void)commit(&a, &s);
    s = say();
    say_event(&s, "e");
    x = say_collection(&s, "n/x", 1);
    y = say_collection(&s, "n/y", 1);
    say_change(&s, x, TARN_OP_INSERT, 1, "\"quoted\"\n");
    say_entry(&s, x, "{\"entry\":\"gap\"}");
    say_change_of(&s, y, TARN_OP_UPDATE, 1, "new", "old", 1);
    say_change(&s, x, TARN_OP_DELETE, -9, NULL);
    say_change_of(&s, x, TARN_OP_DELETE, 1, NULL, "was", 1);
    say_entry(&s, x, "{\"entry\":\"gap\"}");
    (void)commit(&a, &s);
    s = say();
    say_change(&s, say_collection(&s, "n/x", 1), TARN_OP_INSERT, 5, "in a file");
    say_in_file(&a, &s);
    (void)commit(&a, &s);
    (void)flush(&a);
    log = (struct tarn_log){NULL, a.d->name, a.d->id, 0};
    assert_int_equal(tarn_store_open(&log.store, a.lake, NULL, NULL), 0);
    assert_int_equal(tarn_log_read(&log, 1, &e, NULL), 0);
    assert_int_equal(e.changes.n, 3);
    for (i = 0; i < e.changes.n; i++)
        verify(&a, &e, &e.changes.commits[i]);
    tarn_log_entry_release(&e);
    tarn_store_free(log.store);
    app_close(&a);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies),
        cmocka_unit_test(aborted),
        cmocka_unit_test(other_database),
        cmocka_unit_test(name_is_taken),
        cmocka_unit_test(manifest_is_caught_up),
        cmocka_unit_test(side_by_side),
        cmocka_unit_test(hostile_log),
        cmocka_unit_test(chain_from_the_lake),
    };
    int rc;

    make_folder();
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    shell("rm -rf %s", folder);
    return rc;
}
