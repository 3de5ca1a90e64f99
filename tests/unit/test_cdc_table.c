/* test_cdc_table.c: cdc_<collection>: each change once, in order, wherever it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cdc_fixture.h"

/* op, pk and number of each row, in the table's order. */
#define SHORT                                                                               \
    "SELECT group_concat(substr(op, 1, 1) || pk || '.' || seq || "                          \
    "CASE WHEN bookmark IS NULL THEN '?' WHEN filename IS NULL THEN '!' ELSE '' END, ' ') " \
    "FROM (SELECT *, filename, seq FROM cdc_users%s)"

static void three_commits(struct cdc_fixture *f) {
    fx_change(f, "app/users", "insert", 1, "a", NULL);
    fx_must(f->db, "BEGIN; INSERT INTO change VALUES('app/users', 'insert', 2, 'b', NULL);"
                   "INSERT INTO change VALUES('app/users', 'update', 1, 'c', 'a');"
                   "INSERT INTO change VALUES('app/other', 'insert', 9, 'o', NULL);"
                   "INSERT INTO change VALUES('app/users', 'delete', 2, NULL, 'b'); COMMIT");
    fx_change(f, "app/users", "insert", 3, "d", NULL);
}

static void waiting_rows(void **state) {
    struct cdc_fixture f;

    (void)state;
    fx_open(&f, "a.db");
    fx_table(&f, "app", "users");
    fx_expect(f.db, "NULL", SHORT, "");
    three_commits(&f);
    fx_expect(f.db, "i1.0! i2.0! u1.1! d2.2! i3.0!", SHORT, "");
    fx_expect(f.db,
              "insert|1|{\"id\":1,\"name\":\"a\"}|- insert|2|{\"id\":2,\"name\":\"b\"}|- "
              "update|1|{\"id\":1,\"name\":\"c\"}|{\"id\":1,\"name\":\"a\"} "
              "delete|2|-|{\"id\":2,\"name\":\"b\"} insert|3|{\"id\":3,\"name\":\"d\"}|-",
              "SELECT group_concat(op || '|' || pk || '|' || ifnull(data, '-') || '|' || "
              "ifnull(prev, '-'), ' ') FROM cdc_users");
    fx_expect(f.db, "3", "SELECT count(DISTINCT bookmark) FROM cdc_users");
    fx_expect(f.db, "1",
              "SELECT max(bookmark) GLOB '00000000-0000000000000003-*' AND "
              "min(length(bookmark)) = 55 FROM cdc_users");
    fx_close(&f);
}

static void own_transaction(void **state) {
    struct cdc_fixture f;

    (void)state;
    fx_open(&f, "a.db");
    fx_table(&f, "app", "users");
    fx_change(&f, "app/users", "insert", 1, "a", NULL);
    fx_must(f.db, "BEGIN; INSERT INTO change VALUES('app/users', 'insert', 2, 'b', NULL);"
                  "SAVEPOINT s; INSERT INTO change VALUES('app/users', 'insert', 3, 'c', NULL)");
    fx_expect(f.db, "i1.0! i2.0? i3.1?", SHORT, "");
    fx_expect(f.db, "2", "SELECT count(*) FROM cdc_users WHERE ts IS NULL");
    /* NULL comes first in an order, last in a descending one */
    fx_expect(f.db, "i2.0? i3.1? i1.0!", SHORT, " ORDER BY bookmark, seq");
    fx_expect(f.db, "2 3 1",
              "SELECT group_concat(pk, ' ') FROM (SELECT pk FROM cdc_users "
              "ORDER BY bookmark)");
    fx_must(f.db, "ROLLBACK TO s");
    fx_expect(f.db, "1 2",
              "SELECT group_concat(pk, ' ') FROM (SELECT pk FROM cdc_users "
              "ORDER BY bookmark DESC)");
    fx_must(f.db, "ROLLBACK");
    fx_expect(f.db, "i1.0!", SHORT, "");
    fx_close(&f);
}

/* Rows that a statement adds while it reads are not read by it. */
static void reads_while_it_writes(void **state) {
    struct cdc_fixture f;

    (void)state;
    fx_open(&f, "a.db");
    fx_table(&f, "app", "users");
    fx_must(f.db, "BEGIN; INSERT INTO change VALUES('app/users', 'insert', 2, 'b', NULL);"
                  "INSERT INTO change SELECT 'app/users', 'insert', pk + 1, 'x', NULL "
                  "FROM cdc_users; COMMIT");
    fx_expect(f.db, "i2.0! i3.1!", SHORT, "");
    fx_close(&f);
}

static void delivered_once(void **state) {
    struct cdc_fixture f;

    (void)state;
    fx_open(&f, "a.db");
    fx_table(&f, "app", "users");
    three_commits(&f);
    fx_deliver(&f, "app/users", 0, 1, 1, 2);
    fx_expect(f.db, "i1.0 i2.0 u1.1 d2.2 i3.0!", SHORT, "");
    fx_expect(f.db, "i1.0 i2.0 u1.1 d2.2 i3.0!", SHORT, " ORDER BY bookmark, seq");
    fx_expect(f.db, "3 2 1 2 1",
              "SELECT group_concat(pk, ' ') FROM (SELECT pk FROM cdc_users "
              "ORDER BY bookmark DESC)");
    fx_deliver(&f, "app/users", 0, 2, 3, 3);
    fx_expect(f.db, "i1.0 i2.0 u1.1 d2.2 i3.0", SHORT, "");
    /* an aborted entry's file is nobody's */
    fx_end(&f, 0, 2, "abort");
    fx_expect(f.db, "i1.0 i2.0 u1.1 d2.2 i3.0!", SHORT, "");
    fx_close(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting_rows),
        cmocka_unit_test(own_transaction),
        cmocka_unit_test(reads_while_it_writes),
        cmocka_unit_test(delivered_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
