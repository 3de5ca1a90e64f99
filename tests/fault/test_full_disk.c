/* test_full_disk.c: no room left, or no permission to write: in the lake, in the database's own file
** system, in TMPDIR. A transaction happens as a whole or not at all, and when there is room again
** everything is there once.
**
** The full disks are small tmpfs mounts in a mount namespace of this process, which ends with it.
** Where that isn't allowed the tests are skipped, and say so.
*/
#include "fault_db.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *why_not; /* NULL = mounts work */
static char small[FAULT_PATH];
static sqlite3 *db;

static int write_id_map(const char *path, unsigned id) {
    char text[64];
    int fd = open(path, O_WRONLY);
    int n = snprintf(text, sizeof text, "0 %u 1", id);
    int ok = fd >= 0 && write(fd, text, (size_t)n) == n;

    if (fd >= 0) (void)close(fd);
    return ok;
}

/* Mounts of our own: as root at once, else as root of a user namespace. */
static void enter_namespace(void) {
    unsigned uid = (unsigned)geteuid();
    unsigned gid = (unsigned)getegid();
    int fd;

    if (uid == 0 ? unshare(CLONE_NEWNS) : unshare(CLONE_NEWUSER | CLONE_NEWNS)) {
        why_not = "no mount namespace can be made here: full disks are NOT tested";
        return;
    }
    if (uid != 0) {
        fd = open("/proc/self/setgroups", O_WRONLY);
        if (fd >= 0) {
            (void)!write(fd, "deny", 4);
            (void)close(fd);
        }
        if (!write_id_map("/proc/self/uid_map", uid) || !write_id_map("/proc/self/gid_map", gid))
            why_not = "no user namespace can be made here: full disks are NOT tested";
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        why_not = "mounts are not allowed here: full disks are NOT tested";
}

static void mount_small(const char *name, const char *size) {
    char options[64];

    snprintf(small, sizeof small, "%s/%s", fault_folder(), name);
    assert_int_equal(mkdir(small, 0777), 0);
    snprintf(options, sizeof options, "size=%s", size);
    if (mount("tmpfs", small, "tmpfs", 0, options) != 0) {
        why_not = "tmpfs can't be mounted here: full disks are NOT tested";
        print_message("%s\n", why_not);
        skip();
    }
}

static void resize(const char *size) {
    char options[64];

    snprintf(options, sizeof options, "size=%s", size);
    assert_int_equal(mount("tmpfs", small, "tmpfs", MS_REMOUNT, options), 0);
}

static int begin(void **state) {
    (void)state;
    db = NULL;
    small[0] = 0;
    return 0;
}

static int end(void **state) {
    (void)state;
    if (db) {
        (void)fault_try(db, "ROLLBACK");
        (void)sqlite3_close(db);
        db = NULL;
    }
    if (*small) (void)umount2(small, MNT_DETACH);
    (void)unsetenv("TMPDIR");
    return fault_end(&db);
}

static void need_mounts(void) {
    if (!why_not) return;
    print_message("%s\n", why_not);
    skip();
}

static void open_lake(const char *name) {
    fault_must(db, "SELECT tarn_open('%q/%q')", small, name);
}

/* Fills what is left of a file system. */
static void fill(const char *path) {
    static char block[65536];
    size_t n = sizeof block;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    assert_true(fd >= 0);
    while (n > 0) {
        if (write(fd, block, n) <= 0) n /= 2;
    }
    (void)close(fd);
}

static void full_lake(void **state) {
    int64_t n = 1;
    int i;

    (void)state;
    need_mounts();
    mount_small("lake", "256k");
    db = fault_app("app.db");
    open_lake("l");
    for (i = 0; i < 100; i++, n += 10) {
        assert_int_equal(fault_insert(db, n, 10, 2000), SQLITE_OK); /* never in its way */
        if (fault_try(db, "SELECT tarn_flush()")) break;
    }
    assert_true(i > 0 && i < 100);
    fault_fails(db, "SELECT tarn_flush()", small, "No space left", NULL);
    assert_int_equal(sqlite3_errcode(db) & 0xff, SQLITE_FULL);
    fault_agree(db);
    assert_int_equal(fault_insert(db, n + 100, 400, 1000), SQLITE_OK); /* spooled */
    fault_fails(db, "SELECT tarn_flush()", "No space left", NULL);
    fault_agree(db);
    fault_close(db);
    db = fault_app("app.db");
    open_lake("l");
    fault_agree(db);
    resize("64m");
    fault_agree_flushed(db);
}

/* The background flusher meets the full lake, and comes back by itself. */
static void full_lake_in_the_background(void **state) {
    int64_t n = 1;
    int i;

    (void)state;
    need_mounts();
    mount_small("lake", "64k");
    db = fault_app("app.db");
    fault_must(db, "SELECT tarn_config('autoFlush', 'on'), tarn_config('timeThresholdMs', 10), "
                   "tarn_config('countThreshold', 1)");
    open_lake("l");
    for (i = 0; i < 30; i++, n += 10)
        assert_int_equal(fault_insert(db, n, 10, 1000), SQLITE_OK);
    (void)usleep(200000);
    fault_agree(db);
    assert_true(fault_number(db, "SELECT count(*) FROM events WHERE filename IS NULL") > 0);
    resize("64m");
    for (i = 0; i < 200; i++) {
        if (fault_number(db, "SELECT count(*) FROM events WHERE filename IS NULL") == 0) break;
        (void)usleep(50000);
    }
    assert_true(i < 200);
    fault_agree_flushed(db);
}

/* The database, its outbox and its spool files share a full file system. */
static void full_database(void **state) {
    char path[FAULT_PATH + 16], filler[FAULT_PATH + 32];
    int64_t n = 1;
    int i, failures = 0;

    (void)state;
    need_mounts();
    mount_small("data", "2m");
    snprintf(path, sizeof path, "%s/app.db", small);
    snprintf(filler, sizeof filler, "%s/filler", small);
    db = fault_app(path);
    fault_must(db, "SELECT tarn_open('%q/elsewhere')", fault_folder());
    assert_int_equal(fault_insert(db, n++, 1, 10), SQLITE_OK);
    fill(filler);
    for (i = 0; i < 60; i++, n += 40) {
        int rc = fault_insert(db, n, i % 5 == 4 ? 300 : 40, 1000);

        if (i % 5 == 4) n += 300;
        if (rc == SQLITE_OK) continue;
        failures++;
        if ((rc & 0xff) != SQLITE_FULL && (rc & 0xff) != SQLITE_IOERR)
            fail_msg("error %d: %s", rc, sqlite3_errmsg(db));
    }
    assert_true(failures > 30);
    assert_int_equal(unlink(filler), 0);
    fault_agree(db);
    assert_int_equal(fault_insert(db, n, 40, 1000), SQLITE_OK);
    fault_agree(db);
    fault_close(db);
    db = fault_app(path);
    fault_must(db, "SELECT tarn_open('%q/elsewhere')", fault_folder());
    fault_agree_flushed(db);
    snprintf(filler, sizeof filler, "%s-spool", path);
    assert_int_equal(fault_count_files(filler, ".parquet"), 0);
}

/* A large transaction, whose spool files don't fit: COMMIT fails, and can be tried again. */
static void full_spool(void **state) {
    char path[FAULT_PATH + 16], filler[FAULT_PATH + 32];
    int rc;

    (void)state;
    need_mounts();
    mount_small("data", "6m");
    snprintf(path, sizeof path, "%s/app.db", small);
    snprintf(filler, sizeof filler, "%s-spool", path);
    db = fault_app(path);
    fault_must(db, "SELECT tarn_open('%q/elsewhere')", fault_folder());
    assert_int_equal(fault_insert(db, 1, 10, 10), SQLITE_OK);
    /* as fault_insert, in two steps: 30,000 rows are written by two threads */
    fault_must(db, "BEGIN; WITH RECURSIVE s(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM s WHERE "
                   "i < 30099) INSERT INTO app SELECT i FROM s; WITH RECURSIVE s(i) AS (SELECT 100 "
                   "UNION ALL SELECT i + 1 FROM s WHERE i < 30099) INSERT INTO events(ts, type, "
                   "status_code, payload) SELECT 1770000000000 + i * 1000, 'x', i, "
                   "json_quote(hex(randomblob(200))) FROM s");
    rc = fault_try(db, "COMMIT");
    if (rc == SQLITE_OK || !strstr(sqlite3_errmsg(db), "No space left"))
        fail_msg("error %d: %s", rc, sqlite3_errmsg(db));
    assert_int_equal(fault_count_files(filler, ".parquet"), 0);
    if (!sqlite3_get_autocommit(db)) {
        resize("64m");
        fault_must(db, "COMMIT"); /* the transaction is still there: with room it goes through */
        assert_int_equal(fault_number(db, "SELECT count(*) FROM app"), 30010);
    }
    resize("64m");
    fault_agree(db);
    assert_int_equal(fault_insert(db, 50000, 25000, 100), SQLITE_OK);
    fault_agree_flushed(db);
    assert_int_equal(fault_count_files(filler, ".parquet"), 0);
}

/* What is too large for memory goes to TMPDIR. */
static void full_tmpdir(void **state) {
    int rc;

    (void)state;
    need_mounts();
    mount_small("tmp", "20m");
    assert_int_equal(setenv("TMPDIR", small, 1), 0);
    db = fault_app("app.db");
    assert_int_equal(fault_insert(db, 1, 10, 10), SQLITE_OK);
    fault_must(db, "BEGIN; INSERT INTO app VALUES(50); "
                   "INSERT INTO events(type, status_code) VALUES('kept', 50)");
    rc = fault_try(db, "WITH RECURSIVE s(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM s WHERE i < "
                       "2099) INSERT INTO events(type, status_code, payload) SELECT 'x', i, "
                       "json_quote(hex(randomblob(20000))) FROM s");
    if ((rc & 0xff) != SQLITE_FULL || !strstr(sqlite3_errmsg(db), "TMPDIR"))
        fail_msg("error %d: %s", rc, sqlite3_errmsg(db));
    if (!sqlite3_get_autocommit(db)) fault_must(db, "COMMIT");
    fault_agree(db);
    assert_int_equal(fault_number(db, "SELECT count(*) FROM app"), 11);
    resize("200m");
    assert_int_equal(fault_insert(db, 100, 2000, 20000), SQLITE_OK);
    fault_agree_flushed(db);
}

static void read_only_lake(void **state) {
    (void)state;
    need_mounts();
    mount_small("lake", "64m");
    db = fault_app("app.db");
    open_lake("l");
    assert_int_equal(fault_insert(db, 1, 10, 10), SQLITE_OK);
    fault_must(db, "SELECT tarn_flush()");
    assert_int_equal(mount("tmpfs", small, "tmpfs", MS_REMOUNT | MS_RDONLY, "size=64m"), 0);
    assert_int_equal(fault_insert(db, 11, 10, 10), SQLITE_OK);
    fault_agree(db); /* reading needs no write */
    fault_fails(db, "SELECT tarn_flush()", small, "Read-only file system", NULL);
    fault_close(db);
    db = fault_app("app.db");
    open_lake("l");
    fault_agree(db);
    assert_int_equal(fault_insert(db, 21, 400, 1000), SQLITE_OK);
    fault_agree(db);
    resize("64m");
    fault_agree_flushed(db);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(full_lake, begin, end),
        cmocka_unit_test_setup_teardown(full_lake_in_the_background, begin, end),
        cmocka_unit_test_setup_teardown(full_database, begin, end),
        cmocka_unit_test_setup_teardown(full_spool, begin, end),
        cmocka_unit_test_setup_teardown(full_tmpdir, begin, end),
        cmocka_unit_test_setup_teardown(read_only_lake, begin, end),
    };

    enter_namespace();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
