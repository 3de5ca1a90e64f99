/* test_outbox.c: the outbox and the transaction buffer where they meet other connections, processes,
** journal modes, copies of the file, and things that fail half way.
*/
#include "outbox_fixture.h"

/* 20 MB are cut back by a savepoint; what is left is small, and lies in the file and in memory. */
static void small_rest_of_a_large_transaction(void **state) {
    sqlite3 *db = connect("rest.db");

    (void)state;
    must(db, "SELECT tarn_config('autoFlush', 'off'); BEGIN");
    insert(db, 1);
    must(db, "SAVEPOINT a");
    insert_many(db, 100, 60000);
    must(db, "ROLLBACK TO a");
    insert(db, 2);
    must(db, "COMMIT");
    assert_rows(db, 2);
    sqlite3_close(db);
}

/* INSERT of one row has no savepoint of its own: when it fails, nothing of it may stay. */
static void failed_insert_leaves_nothing(void **state) {
    sqlite3 *db = connect("failed.db");

    (void)state;
    must(db, "SELECT tarn_config('autoFlush', 'off')");
    insert(db, 1);
    must(db, "CREATE TEMP TRIGGER no BEFORE INSERT ON main._tarn_outbox BEGIN "
             "SELECT RAISE(ABORT, 'the outbox cannot grow'); END; BEGIN");
    insert(db, 2);
    assert_int_equal(try(db, "INSERT INTO events(type, status_code, payload) VALUES('a', 3, "
                             "json_object('pad', hex(zeroblob(40000))))"),
                     SQLITE_ERROR);
    assert_non_null(strstr(sqlite3_errmsg(db), "the outbox cannot grow"));
    insert(db, 4);
    must(db, "DROP TRIGGER no");
    assert_rows(db, 3);
    must(db, "COMMIT");
    assert_rows(db, 3);
    assert_int_equal(number(db, "SELECT count(*) FROM events WHERE status_code = 3"), 0);
    sqlite3_close(db);
}

static void query_only_before_commit(void **state) {
    sqlite3 *db = connect("queryonly.db");

    (void)state;
    must(db, "SELECT tarn_config('autoFlush', 'off'); CREATE TABLE t(x); BEGIN;"
             "INSERT INTO t VALUES(1)");
    insert(db, 1);
    must(db, "PRAGMA query_only = 1; COMMIT");
    assert_int_equal(number(db, "PRAGMA query_only"), 1);
    must(db, "PRAGMA query_only = 0; BEGIN; INSERT INTO t VALUES(2)");
    insert(db, 2);
    must(db, "PRAGMA query_only = 1; COMMIT");
    assert_rows(db, 2);
    assert_int_equal(number(db, "SELECT count(*) FROM t"), 2);
    assert_int_equal(try(db, "INSERT INTO events(type) VALUES('x')"), SQLITE_READONLY);
    sqlite3_close(db);
}

static void event_table_in_an_attached_database(void **state) {
    sqlite3 *db = connect("attached.db");

    (void)state;
    must(db,
         "SELECT tarn_config('autoFlush', 'off'); ATTACH '%s/other.db' AS other;"
         "CREATE VIRTUAL TABLE other.e USING events; CREATE TABLE other.t(x);"
         "CREATE VIRTUAL TABLE temp.e2 USING events",
         folder);
    must(db, "BEGIN; INSERT INTO other.e(type, status_code) VALUES('a', 1);"
             "INSERT INTO other.t VALUES(1); SAVEPOINT s;"
             "INSERT INTO temp.e2(type, status_code) VALUES('a', 2); ROLLBACK TO s; COMMIT");
    assert_rows(db, 1);
    must(db, "INSERT INTO temp.e2(type, status_code) VALUES('a', 3); SELECT tarn_flush()");
    assert_rows(db, 2);
    assert_int_equal(number(db, DELIVERED), 2);
    sqlite3_close(db);
}

static void journal_modes(void **state) {
    static const char *const modes[] = {"delete", "truncate", "persist", "memory", "wal"};
    static const char *const more[] = {"PRAGMA locking_mode = exclusive",
                                       "PRAGMA temp_store = memory", "PRAGMA secure_delete = 1",
                                       "PRAGMA auto_vacuum = full", "PRAGMA cache_size = 2"};
    char name[64];
    size_t i, j;

    (void)state;
    for (i = 0; i < sizeof modes / sizeof *modes; i++) {
        for (j = 0; j < sizeof more / sizeof *more; j++) {
            sqlite3 *db;

            snprintf(name, sizeof name, "mode%d%d.db", (int)i, (int)j);
            db = connect(name);
            must(db, "%s; PRAGMA journal_mode = %s; PRAGMA synchronous = OFF", more[j], modes[i]);
            insert(db, 1);
            must(db, "BEGIN");
            insert_many(db, 100, 2000);
            must(db, "ROLLBACK; BEGIN");
            insert_many(db, 5000, 1200);
            must(db, "COMMIT; VACUUM");
            insert(db, 2);
            assert_rows(db, 1202);
            must(db, "SELECT tarn_flush()");
            insert(db, 3);
            must(db, "VACUUM");
            assert_rows(db, 1203);
            sqlite3_close(db);
            db = connect(name);
            assert_rows(db, 1203);
            must(db, "SELECT tarn_flush()");
            assert_int_equal(number(db, DELIVERED), 1203);
            sqlite3_close(db);
        }
    }
}

/* Two connections of one cache take turns, and so do two that have a cache each. */
static void connections_in_turn(void **state) {
    static const int flags[] = {SQLITE_OPEN_SHAREDCACHE, SQLITE_OPEN_PRIVATECACHE};
    static const char *const names[] = {"cache.db", "caches.db"};
    size_t i;
    int n;

    (void)state;
    for (i = 0; i < 2; i++) {
        sqlite3 *db[3];
        int k;

        for (k = 0; k < 3; k++)
            db[k] = open_at(names[i], flags[i]);
        must(db[0], "PRAGMA journal_mode = wal; PRAGMA synchronous = off;"
                    "SELECT tarn_config('autoFlush', 'off')");
        for (n = 0; n < 300; n++) {
            insert(db[n % 3], n);
            if (n % 50 == 49) must(db[n % 2], "SELECT tarn_flush()");
            if (n % 7 == 0)
                must(db[n % 3], "BEGIN; INSERT INTO events(type) VALUES('no'); ROLLBACK");
        }
        for (k = 0; k < 3; k++)
            assert_rows(db[k], 300);
        for (k = 0; k < 3; k++)
            sqlite3_close(db[k]);
    }
}

/* --- the file --- */

/* The file is moved away while a connection is open; another database takes its name. */
static void moved_file(void **state) {
    sqlite3 *old = connect("moved.db");
    sqlite3 *now;

    (void)state;
    must(old, "SELECT tarn_config('autoFlush', 'off')");
    insert(old, 1);
    insert(old, 2);
    insert(old, 3);
    shell("mv %s/moved.db %s/kept.db", folder, folder);
    now = connect("moved.db");
    must(now, "SELECT tarn_config('autoFlush', 'off')");
    insert(now, 11);
    assert_rows(now, 1);
    assert_int_equal(number(now, "SELECT tarn_flush()"), 1);
    assert_rows(now, 1);
    insert(now, 12);
    assert_int_equal(number(now, "SELECT tarn_flush()"), 1);
    assert_rows(now, 2);
    sqlite3_close(old);
    sqlite3_close(now);
    now = connect("kept.db");
    assert_rows(now, 3);
    assert_int_equal(number(now, "SELECT tarn_flush()"), 3);
    sqlite3_close(now);
}

/* A named database in memory has a path, and no file: nothing is made at that path. */
static void memory_with_a_name(void **state) {
    sqlite3 *db = open_at("file:/tarn-named?vfs=memdb", 0);

    (void)state;
    assert_int_not_equal(try(db, "INSERT INTO events(type) VALUES('a')"), SQLITE_OK);
    assert_non_null(strstr(sqlite3_errmsg(db), "tarn_open"));
    must(db, "SELECT tarn_open('%s/named')", folder);
    insert_many(db, 1, 2000);
    assert_rows(db, 2000);
    sqlite3_close(db);
    assert_int_equal(access("/tarn-named-lake", F_OK), -1);
    assert_int_equal(access("/tarn-named-spool", F_OK), -1);
    db = open_at(":memory:", 0);
    must(db, "SELECT tarn_open('%s/named')", folder);
    assert_int_equal(number(db, DELIVERED), 2000);
    sqlite3_close(db);
}

static void read_only(void **state) {
    char path[128];
    sqlite3 *db = connect("ro.db");

    (void)state;
    must(db, "SELECT tarn_config('autoFlush', 'off')");
    insert(db, 1);
    sqlite3_close(db);
    snprintf(path, sizeof path, "file:%s/ro.db?mode=ro", folder);
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL),
                     SQLITE_OK);
    assert_int_equal(tarn_register(db, NULL), SQLITE_OK);
    assert_rows(db, 1);
    assert_int_equal(try(db, "INSERT INTO events(type) VALUES('a')"), SQLITE_READONLY);
    must(db, "SELECT tarn_config('countThreshold', 5)");
    assert_int_equal(number(db, "SELECT tarn_flush()"), 1);
    assert_rows(db, 1);
    sqlite3_close(db);
}

static void spool_files_left_over(void **state) {
    sqlite3 *db = connect("spooled.db");
    char stray[160], counting[200];

    (void)state;
    must(db, "SELECT tarn_config('autoFlush', 'off')");
    insert_many(db, 1, 3000);
    sqlite3_close(db);
    snprintf(stray, sizeof stray, "%s/spooled.db-spool/01KAEXAMPLE0000000000000AA.parquet", folder);
    snprintf(counting, sizeof counting, "test $(ls %s/spooled.db-spool | wc -l) = 1", folder);
    shell("echo x > %s && echo y > %s/spooled.db-spool/mine.txt && rm %s/spooled.db-spool/mine.txt",
          stray, folder, folder);
    db = connect("spooled.db");
    assert_rows(db, 3000);
    assert_int_equal(access(stray, F_OK), 0); /* reading removes nothing */
    insert(db, 1000000);
    assert_int_equal(access(stray, F_OK), -1);
    shell("%s", counting);
    assert_rows(db, 3001);
    insert_many(db, 5000, 2000);
    must(db, "SELECT tarn_flush()");
    assert_int_equal(number(db, DELIVERED), 5001);
    sqlite3_close(db);
}

/* --- other processes --- */

static void child_inserts(sqlite3 *db) {
    must(db,
         "INSERT INTO events(type, status_code) VALUES('c', abs(random() %% 1000000000) + 1000)");
}

static void child_makes_rows(sqlite3 *db) {
    must(db, "SELECT tarn_config('autoFlush', 'off')");
    child_inserts(db);
}

/* This connection has read a schema without an outbox; tarn_flush() must see the one that is there. */
static void flush_finds_a_new_outbox(void **state) {
    sqlite3 *db = connect("new.db");

    (void)state;
    must(db, "CREATE TABLE t(x); SELECT * FROM t");
    in_child("new.db", child_makes_rows);
    assert_int_equal(number(db, "SELECT tarn_flush()"), 1);
    sqlite3_close(db);
}

/* The flusher's own reader must not keep the last connection from cleaning up the WAL. */
static void last_close_removes_the_wal(void **state) {
    char path[128];
    sqlite3 *db = connect("clean.db");

    (void)state;
    must(db, "PRAGMA journal_mode = wal; SELECT tarn_config('timeThresholdMs', 20)");
    insert(db, 1);
    in_child("clean.db", child_inserts);
    insert(db, 2);
    assert_true(wait_until(db, DELIVERED, 3));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    snprintf(path, sizeof path, "%s/clean.db-wal", folder);
    assert_int_equal(access(path, F_OK), -1);
    db = connect("clean.db");
    assert_rows(db, 3);
    sqlite3_close(db);
}

/* Without a WAL the thread can't read what others have committed: the next use of a connection does. */
static void commits_of_others_without_a_wal(void **state) {
    sqlite3 *db = connect("gap.db");

    (void)state;
    must(db, "SELECT tarn_config('autoFlush', 'off')");
    insert(db, 1);
    in_child("gap.db", child_inserts);
    insert(db, 2);
    must(db, "SELECT tarn_config('timeThresholdMs', 10), tarn_config('autoFlush', 'on')");
    (void)usleep(300000);
    insert(db, 3);
    assert_true(wait_until(db, DELIVERED, 4));
    assert_rows(db, 4);
    sqlite3_close(db);
}

/* A child that is forked while the parent delivers has its own flusher, and no lock of the parent's. */
static void fork_while_flushing(void **state) {
    sqlite3 *db = connect("fork.db");
    int i;

    (void)state;
    must(db, "PRAGMA journal_mode = wal; PRAGMA synchronous = off;"
             "SELECT tarn_config('timeThresholdMs', 1), tarn_config('countThreshold', 1)");
    for (i = 0; i < 40; i++) {
        int status = 0;
        pid_t child;

        insert(db, i);
        insert_many(db, 10000 + i * 1000, 900);
        (void)usleep((unsigned)(i % 10) * 300);
        child = fork();
        if (child == 0) {
            sqlite3 *mine;

            (void)alarm(30);
            mine = connect("fork.db");
            insert(mine, 5000 + i);
            must(mine, "SELECT tarn_flush()");
            sqlite3_close(mine);
            _exit(0);
        }
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    must(db, "SELECT tarn_flush()");
    assert_rows(db, 40 * 902);
    assert_int_equal(number(db, DELIVERED), 40 * 902);
    sqlite3_close(db);
}

/* --- copies --- */

/* A flush that never ended is aborted by a copy with another history: its objects go. */
static void aborted_objects_go(void **state) {
    char lake[128];
    sqlite3 *a, *b;

    (void)state;
    snprintf(lake, sizeof lake, "%s/aborted", folder);
    a = connect("a1.db");
    must(a, "SELECT tarn_config('autoFlush', 'off'), tarn_open('%s')", lake);
    insert(a, 1);
    sqlite3_close(a);
    shell("cp %s/a1.db %s/a2.db", folder, folder);
    a = connect("a1.db");
    must(a, "SELECT tarn_open('%s')", lake);
    insert(a, 2);
    assert_int_equal(number(a, "SELECT tarn_flush()"), 2);
    sqlite3_close(a);
    shell("find %s -name '*.end' -delete", lake); /* as if it had been killed before the end */
    b = connect("a2.db");
    must(b, "SELECT tarn_open('%s')", lake);
    insert(b, 3);
    assert_rows(b, 3); /* 1 and 2 are in the lake, until they are taken back */
    assert_int_equal(number(b, "SELECT tarn_flush()"), 2);
    assert_rows(b, 2);
    assert_int_equal(number(b, DELIVERED), 2);
    sqlite3_close(b);
    a = connect("a1.db");
    must(a, "SELECT tarn_open('%s')", lake);
    assert_rows(a, 3);
    must(a, "SELECT tarn_flush()");
    assert_rows(a, 3);
    assert_int_equal(number(a, DELIVERED), 3);
    sqlite3_close(a);
}

/* What a copy has delivered on its own timeline is found there by whoever opens it next. */
static void copy_is_read_once(void **state) {
    char lake[128];
    sqlite3 *a, *b;
    int i;

    (void)state;
    snprintf(lake, sizeof lake, "%s/onetwo", folder);
    a = connect("b1.db");
    must(a, "SELECT tarn_config('autoFlush', 'off'), tarn_open('%s')", lake);
    insert(a, 1);
    sqlite3_close(a);
    shell("cp %s/b1.db %s/b2.db", folder, folder);
    a = connect("b1.db");
    must(a, "SELECT tarn_open('%s')", lake);
    insert(a, 2);
    must(a, "SELECT tarn_flush()");
    sqlite3_close(a);
    for (i = 0; i < 3; i++) {
        b = connect("b2.db");
        must(b, "SELECT tarn_open('%s')", lake);
        insert(b, 10 + i);
        assert_rows(b, 3 + i);
        must(b, "SELECT tarn_flush()");
        assert_rows(b, 3 + i);
        sqlite3_close(b);
        b = connect("b2.db");
        must(b, "SELECT tarn_open('%s')", lake);
        assert_rows(b, 3 + i);
        sqlite3_close(b);
    }
}

/* Until its first entry names the parent, nobody else could tell whose a timeline is. */
static void new_timeline_stays_here(void **state) {
    struct tarn_db *d = NULL;
    struct tarn_outbox view;
    sqlite3 *db = connect("born.db");

    (void)state;
    must(db, "SELECT tarn_config('autoFlush', 'off')");
    insert(db, 1);
    assert_int_equal(tarn_db_attach(&d, db, NULL), 0);
    d->settled = d->position;
    d->forked = 1;
    d->position.timeline = 1;
    insert(db, 2);
    tarn_outbox_init(&view);
    assert_int_equal(tarn_outbox_load(&view, db, NULL), 0);
    assert_int_equal(view.last, 2);
    assert_int_equal(view.position.timeline, 0);
    tarn_outbox_release(&view);
    d->position = d->settled;
    d->forked = 0;
    tarn_db_release(d);
    sqlite3_close(db);
}

/* --- the view --- */

#define VIEWS 4
static uint64_t seed = 20261122;

static uint32_t rnd(uint32_t n) {
    seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)((seed >> 33) % n);
}

/* A slot that is free may say so in two ways: zero, or a sequence that is collected. */
static void compare_views(const struct tarn_outbox *a, const struct tarn_outbox *b) {
    uint32_t i;

    assert_int_equal(a->known, b->known);
    assert_int_equal(a->last, b->last);
    assert_int_equal(a->n_slots, b->n_slots);
    assert_int_equal(a->hint, b->hint);
    assert_int_equal(a->position.collected, b->position.collected);
    assert_memory_equal(a->last_digest, b->last_digest, TARN_DIGEST);
    for (i = 0; i < a->n_slots; i++) {
        if (a->slots[i] <= a->position.collected && b->slots[i] <= a->position.collected) continue;
        assert_int_equal(a->slots[i], b->slots[i]);
    }
}

static void write_one(sqlite3 *db, struct tarn_outbox *view, uint64_t collected) {
    struct tarn_position position = {collected, collected, 0};
    struct tarn_commit c;
    uint8_t payload[12000];

    memset(&c, 0, sizeof c);
    memset(payload, (int)rnd(256), sizeof payload);
    c.payload = payload;
    c.len = rnd(4) ? 1 + rnd(700) : 1 + rnd(sizeof payload);
    must(db, "BEGIN IMMEDIATE");
    if (rnd(8) == 0) { /* it may grow for what is not written then */
        size_t bytes = rnd(40) || view->n_slots > 1000 ? rnd(20000) : view->n_slots * 860u;

        assert_int_equal(tarn_outbox_load(view, db, NULL), 0);
        assert_int_equal(tarn_outbox_reserve(view, db, bytes, collected, NULL), 0);
        if (rnd(3) == 0) {
            must(db, "COMMIT");
            tarn_outbox_rolled_back(view);
            return;
        }
    }
    assert_int_equal(tarn_outbox_write(view, db, "0123456789abcdef", "v", &position, &c, NULL), 0);
    if (rnd(6) == 0) { /* as after a COMMIT that was answered BUSY */
        c.len = rnd(2) ? 0 : 1 + rnd(5000);
        assert_int_equal(tarn_outbox_write(view, db, "0123456789abcdef", "v", &position, &c, NULL),
                         0);
    }
    if (rnd(5) == 0) {
        must(db, "ROLLBACK");
        tarn_outbox_rolled_back(view);
    } else {
        must(db, "COMMIT");
        if (c.len) {
            tarn_outbox_committed(view, &c);
        } else {
            tarn_outbox_rolled_back(view);
        }
    }
}

/* Views that read on say what a view that reads everything says; payloads come back as they were. */
static void views_read_on(void **state) {
    struct tarn_outbox view[VIEWS];
    sqlite3 *db[VIEWS];
    uint64_t known[VIEWS] = {0};
    int i, step;

    (void)state;
    for (i = 0; i < VIEWS; i++) {
        char path[128];

        snprintf(path, sizeof path, "%s/views.db", folder);
        assert_int_equal(sqlite3_open(path, &db[i]), SQLITE_OK);
        must(db[i], "PRAGMA journal_mode = %s; PRAGMA synchronous = off", i ? "wal" : "wal");
        tarn_outbox_init(&view[i]);
    }
    for (step = 0; step < 4000; step++) {
        struct tarn_commit *list = NULL;
        struct tarn_outbox whole;
        const struct tarn_commit *c;
        uint64_t after;
        int more = 0;

        i = (int)rnd(VIEWS);
        tarn_outbox_init(&whole);
        must(db[i], "BEGIN; SELECT 1 FROM sqlite_schema");
        assert_int_equal(tarn_outbox_load(&view[i], db[i], NULL), 0);
        assert_int_equal(tarn_outbox_load(&whole, db[i], NULL), 0);
        compare_views(&view[i], &whole);
        after = known[i] > view[i].position.collected ? known[i] : view[i].position.collected;
        assert_int_equal(
            tarn_outbox_read(&view[i], db[i], known[i], 0, SIZE_MAX, &list, &more, NULL), 0);
        for (c = list; c; c = c->next)
            assert_int_equal(c->sequence, ++after);
        assert_true(view[i].last == 0 || after == view[i].last || known[i] > view[i].last);
        tarn_commit_free_list(list);
        must(db[i], "COMMIT");
        tarn_outbox_release(&whole);
        /* delivered up to somewhere; others don't know of it before this one's next commit */
        if (rnd(3) == 0 && view[i].last > known[i]) {
            known[i] += rnd((uint32_t)(view[i].last - known[i]) + 1);
        }
        if (rnd(60) == 0) known[i] = view[i].last;
        write_one(db[i], &view[i], known[i]);
    }
    for (i = 0; i < VIEWS; i++) {
        tarn_outbox_release(&view[i]);
        sqlite3_close(db[i]);
    }
}

/* 10,000 commits that wait: reading them is one pass, and adding to them doesn't look at them. */
static void many_commits_wait(void **state) {
    sqlite3 *db = connect("waiting.db");
    sqlite3_stmt *stmt = NULL;
    int64_t start, reading, writing;
    int i;

    (void)state;
    must(db, "PRAGMA journal_mode = wal; PRAGMA synchronous = off;"
             "SELECT tarn_config('autoFlush', 'off')");
    assert_int_equal(sqlite3_prepare_v2(db, "INSERT INTO events(type, status_code) VALUES('w', ?1)",
                                        -1, &stmt, NULL),
                     SQLITE_OK);
    for (i = 0; i < 10000; i++) {
        sqlite3_bind_int(stmt, 1, i);
        assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
        sqlite3_reset(stmt);
    }
    start = tarn_time_monotonic();
    assert_int_equal(number(db, "SELECT count(*) FROM events"), 10000);
    reading = tarn_time_monotonic() - start;
    start = tarn_time_monotonic();
    for (i = 0; i < 1000; i++) {
        sqlite3_bind_int(stmt, 1, 10000 + i);
        assert_int_equal(sqlite3_step(stmt), SQLITE_DONE);
        sqlite3_reset(stmt);
    }
    writing = tarn_time_monotonic() - start;
    sqlite3_finalize(stmt);
    print_message("10,000 commits wait: count in %d ms, 1,000 more in %d ms\n", (int)reading,
                  (int)writing);
    assert_rows(db, 11000);
    assert_true(reading < 2000 && writing < 2000); /* far above; a scan per commit takes 10 s */
    must(db, "SELECT tarn_flush()");
    assert_int_equal(number(db, DELIVERED), 11000);
    sqlite3_close(db);
}

/* More than the queue holds, through the outbox, with and without a WAL. */
static void more_than_the_queue(void **state) {
    static const char *const modes[] = {"wal", "delete"};
    int i, j;

    (void)state;
    for (j = 0; j < 2; j++) {
        char name[32];
        sqlite3 *db;

        snprintf(name, sizeof name, "burst-%s.db", modes[j]);
        db = connect(name);
        must(db,
             "PRAGMA journal_mode = %s; PRAGMA synchronous = off;"
             "SELECT tarn_config('autoFlush', 'off'), tarn_config('timeThresholdMs', 10)",
             modes[j]);
        for (i = 0; i < 150; i++)
            must(db,
                 "INSERT INTO events(type, status_code, payload) VALUES('b', %d, "
                 "json_object('pad', hex(zeroblob(100000))))",
                 i);
        assert_rows(db, 150);
        must(db, "SELECT tarn_config('autoFlush', 'on')");
        for (i = 150; i < 160; i++) {
            insert(db, i);
            (void)usleep(20000);
        }
        assert_true(wait_until(db, DELIVERED, 160));
        assert_rows(db, 160);
        sqlite3_close(db);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_rest_of_a_large_transaction),
        cmocka_unit_test(failed_insert_leaves_nothing),
        cmocka_unit_test(query_only_before_commit),
        cmocka_unit_test(event_table_in_an_attached_database),
        cmocka_unit_test(journal_modes),
        cmocka_unit_test(connections_in_turn),
        cmocka_unit_test(moved_file),
        cmocka_unit_test(memory_with_a_name),
        cmocka_unit_test(read_only),
        cmocka_unit_test(spool_files_left_over),
        cmocka_unit_test(flush_finds_a_new_outbox),
        cmocka_unit_test(last_close_removes_the_wal),
        cmocka_unit_test(commits_of_others_without_a_wal),
        cmocka_unit_test(fork_while_flushing),
        cmocka_unit_test(aborted_objects_go),
        cmocka_unit_test(copy_is_read_once),
        cmocka_unit_test(new_timeline_stays_here),
        cmocka_unit_test(views_read_on),
        cmocka_unit_test(many_commits_wait),
        cmocka_unit_test(more_than_the_queue),
    };
    int rc;

    make_folder();
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    shell("rm -rf %s", folder);
    return rc;
}
