/* test_capture_file.c: what the outbox says of a file of changes, beside the file itself: its digest is made
** while the file is written, or from the file when a savepoint has cut it back behind what was seen.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "capture_fixture.h"
#include "content.h"
#include "outbox_slot.h"

#define ROWS "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000) "

/* The 'F' record of the newest commit; `slot` holds its bytes. */
static void newest_file(sqlite3 *db, uint8_t slot[TARN_SLOT_BYTES], struct tarn_change_file *out) {
    sqlite3_stmt *stmt = NULL;
    uint64_t newest = 0;

    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT data FROM _tarn_outbox WHERE rowid > 1", -1, &stmt, NULL),
        SQLITE_OK);
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const uint8_t *p = sqlite3_column_blob(stmt, 0);
        struct tarn_slot s;
        struct tarn_record r;
        struct tarn_cursor c;

        assert_int_equal(tarn_slot_read(&s, p, sqlite3_column_bytes(stmt, 0), 2, NULL), 0);
        if (s.sequence <= newest) continue;
        newest = s.sequence;
        memcpy(slot, p, TARN_SLOT_BYTES);
        c = (struct tarn_cursor){slot + TARN_SLOT_HEAD, slot + TARN_SLOT_HEAD + s.bytes, TARN_OK};
        assert_int_equal(tarn_payload_next(&c, &r, NULL), 0);
        if (r.kind == 'F') *out = r.file;
    }
    sqlite3_finalize(stmt);
    assert_true(newest > 0);
}

static uint8_t *contents_of(const char *database, const struct tarn_change_file *file) {
    char path[1024];
    uint8_t *bytes = malloc(file->bytes);
    FILE *f;

    snprintf(path, sizeof path, "%s-spool/%s", database, file->name);
    f = fopen(path, "rb");
    assert_non_null(bytes);
    assert_non_null(f);
    assert_int_equal(fread(bytes, 1, file->bytes, f), file->bytes);
    assert_int_equal(fgetc(f), EOF);
    fclose(f);
    return bytes;
}

static void check_newest(sqlite3 *db, uint64_t rows) {
    const struct tarn_change_summary *found = NULL;
    struct tarn_change_summary claimed;
    struct tarn_change_file file = {0};
    struct tarn_content content;
    struct tarn_cursor c;
    uint8_t slot[TARN_SLOT_BYTES];
    uint8_t *bytes;
    size_t n = 0;

    newest_file(db, slot, &file);
    assert_true(file.bytes > (uint64_t)32 << 20); /* in several steps, then */
    assert_int_equal(file.n_collections, 1);
    assert_int_equal(tarn_payload_summary(&file.collections, &claimed, NULL), 0);
    bytes = contents_of(sqlite3_db_filename(db, "main"), &file);
    c = (struct tarn_cursor){bytes, bytes + file.bytes, TARN_OK};
    tarn_content_init(&content);
    while (c.p < c.end) {
        struct tarn_record r;

        assert_int_equal(tarn_payload_next(&c, &r, NULL), 0);
        assert_int_equal(tarn_content_add(&content, &r, NULL), 0);
    }
    assert_int_equal(tarn_content_summaries(&content, &found, &n, NULL), 0);
    assert_int_equal(n, 1);
    assert_int_equal(found->rows, rows);
    assert_int_equal(claimed.rows, rows);
    assert_memory_equal(claimed.digest, found->digest, 32);
    tarn_content_release(&content);
    free(bytes);
}

static void digest_of_a_file(void **state) {
    sqlite3 *db = trap_open("file.db");

    (void)state;
    trap_must(db, "SELECT tarn_config('autoFlush', 'off');"
                  "CREATE TABLE t(id INTEGER PRIMARY KEY, v); SELECT tarn_track('t')");
    trap_must(db, "INSERT INTO t " ROWS "SELECT i, hex(zeroblob(150)) || i FROM n");
    check_newest(db, 150000);
    trap_must(db, "BEGIN; UPDATE t SET v = v || 'a'; SAVEPOINT s; UPDATE t SET v = v || 'b';"
                  "ROLLBACK TO s; UPDATE t SET v = v || 'c' WHERE id > 100000; COMMIT");
    check_newest(db, 200000);
    trap_must(db, "UPDATE t SET v = v || 'd'");
    check_newest(db, 150000);
    trap_close(db);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(digest_of_a_file, trap_begin, trap_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
