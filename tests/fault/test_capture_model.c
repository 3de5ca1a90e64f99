/* test_capture_model.c: random transactions on tracked tables, replayed from their deltas.
**
** What an application does is done twice: on a database with Tarn and on a twin without. Both must
** answer the same; at every bookmark the replayed deltas must be the live tables; the net change of
** every commit must be what SQLite's session extension says (capture_world.h has the picture).
**
** TARN_SEED replays a run, TARN_STEPS says how many transactions a database sees (default 5,000),
** LONG=1 makes 50 databases of each kind instead of one; TARN_TRACE=1 prints every statement.
*/
#include "capture_world.h"

#include <sys/stat.h>

static uint64_t first_seed(void) {
    const char *given = getenv("TARN_SEED");

    return given && *given ? strtoull(given, NULL, 10) : 20261122;
}

static long steps(void) {
    const char *given = getenv("TARN_STEPS");

    return given && *given ? strtol(given, NULL, 10) : 5000;
}

static int databases(void) {
    const char *given = getenv("LONG");

    return given && *given ? 50 : 1;
}

static void one_database(const char *variant, const char *setup, int connections, int background,
                         uint64_t seed) {
    static struct capture_world world;
    struct capture_world *w = &world;
    long at = 0;

    memset(w, 0, sizeof *w);
    w->variant = variant;
    w->setup = setup;
    w->seed = seed;
    w->n_connections = connections;
    w->in_background = background;
    snprintf(w->path, sizeof w->path, "%s/%s.db", fault_folder(), variant);
    snprintf(w->twin_path, sizeof w->twin_path, "%s/%s.twin", fault_folder(), variant);
    capture_begin(w);
    while (w->transactions < steps()) {
        capture_step(w);
        if (w->transactions >= at + 100) {
            int i = (int)capture_rnd(w, (uint32_t)connections);

            if (!sqlite3_get_autocommit(w->c[i].real) || w->c[i].real_reader) continue;
            at = w->transactions;
            capture_verify(w, i);
        }
    }
    capture_end(w);
    print_message("%s, seed %llu: %ld steps, %ld transactions, %ld changes\n", variant,
                  (unsigned long long)seed, w->step, w->transactions, w->deltas);
}

static void model(const char *variant, const char *setup, int connections, int background) {
    int i, n = databases();

    for (i = 0; i < n; i++) {
        one_database(variant, setup, connections, background, first_seed() + (uint64_t)i);
        fault_remove(fault_folder());
        assert_int_equal(mkdir(fault_folder(), 0755), 0);
    }
}

static void wal(void **state) {
    (void)state;
    model("wal", "PRAGMA journal_mode = WAL", 3, 0);
}

static void wal_in_the_background(void **state) {
    (void)state;
    model("background", "PRAGMA journal_mode = WAL", 1, 1);
}

static void delete_journal(void **state) {
    (void)state;
    model("delete", "PRAGMA journal_mode = DELETE", 3, 0);
}

static void utf16(void **state) {
    (void)state;
    model("utf16",
          "PRAGMA encoding = 'UTF-16'; PRAGMA journal_mode = TRUNCATE; "
          "PRAGMA recursive_triggers = ON",
          2, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wal),
        cmocka_unit_test(wal_in_the_background),
        cmocka_unit_test(delete_journal),
        cmocka_unit_test(utf16),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
