/* test_alloc.c: every allocation fails in turn: ours (mem.h), once or from then on, and SQLite's. Each run
** ends in SQLITE_NOMEM or in success, without a crash, a wrong answer, or a lost or doubled row;
** under AddressSanitizer without a leak too. LONG=1 fails each one; else a sample.
*/
#include "fault_case.h"

#include "mem.h"

enum kind { OURS_ONCE, OURS_ALL, SQLITE_ONCE };

struct plan {
    enum kind kind;
    unsigned long at;
};

static sqlite3_mem_methods original;
static unsigned long made;
static unsigned long fails_at; /* 0 = never */

static int refuse(void) {
    unsigned long n = __atomic_add_fetch(&made, 1, __ATOMIC_SEQ_CST);

    return n == __atomic_load_n(&fails_at, __ATOMIC_SEQ_CST);
}

static void *counted_malloc(int n) {
    return refuse() ? NULL : original.xMalloc(n);
}

static void *counted_realloc(void *p, int n) {
    return refuse() ? NULL : original.xRealloc(p, n);
}

static void arm(void *arg) {
    const struct plan *p = arg;

    if (p->kind == SQLITE_ONCE) {
        __atomic_store_n(&made, 0, __ATOMIC_SEQ_CST);
        __atomic_store_n(&fails_at, p->at, __ATOMIC_SEQ_CST);
    } else {
        (void)tarn_mem_fail_after(p->at, p->kind == OURS_ALL);
    }
}

static unsigned long count;

static void disarm(void *arg) {
    const struct plan *p = arg;
    unsigned long ours = tarn_mem_fail_after(0, 0);

    __atomic_store_n(&fails_at, 0, __ATOMIC_SEQ_CST);
    count = p->kind == SQLITE_ONCE ? made : ours;
}

static int is_nomem(int rc) {
    return rc == SQLITE_NOMEM || rc == SQLITE_IOERR_NOMEM;
}

static void fail_each(enum fault_what what, enum kind kind, unsigned sample) {
    struct plan plan = {kind, 0};
    const struct fault_switch s = {arm, disarm, &plan};
    const char *given = getenv("LONG");
    const char *why = NULL;
    unsigned long total, step, rounds = 0, failures = 0, others = 0;

    fault_case_begin(what);
    if (fault_case_round(what, &s, &why)) fail_msg("nothing failed, but: %s", why);
    total = count;
    step = given && *given ? 1 : total / sample + 1;
    for (plan.at = 1; plan.at <= total; plan.at += step) {
        int rc;

        if (++rounds % 25 == 0) fault_case_begin(what);
        rc = fault_case_round(what, &s, &why);
        failures += rc != SQLITE_OK;
        if (rc != SQLITE_OK && !is_nomem(rc) && others++ < 10)
            print_error("allocation %lu of %lu: error %d: %s\n", plan.at, total, rc, why);
    }
    fault_case_end(what);
    print_message("%lu allocations, %lu failed in turn, %lu rounds ended in an error\n", total,
                  rounds, failures);
    assert_int_equal(others, 0);
    assert_true(failures > rounds / 4);
}

static void write_ours(void **state) {
    (void)state;
    fail_each(FAULT_WRITE, OURS_ONCE, 300);
}

static void write_ours_all(void **state) {
    (void)state;
    fail_each(FAULT_WRITE, OURS_ALL, 100);
}

static void write_sqlite(void **state) {
    (void)state;
    fail_each(FAULT_WRITE, SQLITE_ONCE, 200);
}

static void query_ours(void **state) {
    (void)state;
    fail_each(FAULT_QUERY, OURS_ONCE, 300);
}

static void query_ours_all(void **state) {
    (void)state;
    fail_each(FAULT_QUERY, OURS_ALL, 60);
}

static void query_sqlite(void **state) {
    (void)state;
    fail_each(FAULT_QUERY, SQLITE_ONCE, 200);
}

static void spool_ours(void **state) {
    (void)state;
    fail_each(FAULT_SPOOL, OURS_ONCE, 150);
}

static void spool_ours_all(void **state) {
    (void)state;
    fail_each(FAULT_SPOOL, OURS_ALL, 40);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write_ours),     cmocka_unit_test(write_ours_all),
        cmocka_unit_test(write_sqlite),   cmocka_unit_test(query_ours),
        cmocka_unit_test(query_ours_all), cmocka_unit_test(query_sqlite),
        cmocka_unit_test(spool_ours),     cmocka_unit_test(spool_ours_all),
    };
    sqlite3_mem_methods counted;

    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &original)) return 1;
    counted = original;
    counted.xMalloc = counted_malloc;
    counted.xRealloc = counted_realloc;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &counted)) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
