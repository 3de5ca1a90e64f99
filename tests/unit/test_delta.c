/* test_delta.c: changes of rows from the outbox to the lake: what the files hold, in which order, under
** which names, and what the manifest says of them.
*/
#include "delta_fixture.h"

#define ROW(id, name) "{\"id\":" #id ",\"name\":\"" name "\"}"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_commit),
    };
    int rc;

    make_folder();
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    shell("rm -rf %s", folder);
    return rc;
}
