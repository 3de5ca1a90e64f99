/* interrupt.c: asks SQLite by running a statement that does nothing.
**
** sqlite3_is_interrupted is younger (3.41) than what an extension may be built with, and says nothing
** of progress handlers. A statement inside of the running one ends with SQLITE_INTERRUPT for both:
** the flag of sqlite3_interrupt is only lowered when no statement runs. It reads no table: it takes
** no lock and ends no transaction. It is finalized at once, since applications may finalize whatever
** sqlite3_next_stmt gives them.
**
** A progress handler is called every N instructions of one statement, so this one is long now and then:
**
**   every 10 ms     1,600 instructions
**   every 100 ms   16,000
**   every second  160,000         in all about a hundredth of the time
*/
#include "interrupt.h"

#include <time.h>

#define PERIOD INT64_C(10000000)
#define LOOPS 100 /* of 16 instructions */

static int64_t now(void) {
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

void tarn_interrupt_init(struct tarn_interrupt *i, sqlite3 *db) {
    i->db = db;
    i->next = now() + PERIOD;
    i->asked = 0;
    i->stopped = 0;
}

static int ask(sqlite3 *db, int loops) {
    static const char sql[] = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                              "LIMIT ?1) SELECT count(*) FROM n";
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(db, sql, (int)sizeof sql, &stmt, NULL);

    if (rc == SQLITE_OK) rc = sqlite3_bind_int(stmt, 1, loops);
    if (rc == SQLITE_OK) rc = sqlite3_step(stmt);
    (void)sqlite3_finalize(stmt);
    return rc == SQLITE_INTERRUPT;
}

int tarn_interrupted(void *arg) {
    struct tarn_interrupt *i = arg;

    if (!i->stopped && now() >= i->next) {
        i->asked++;
        i->stopped = ask(i->db, i->asked % 100 == 0  ? 100 * LOOPS
                                : i->asked % 10 == 0 ? 10 * LOOPS
                                                     : LOOPS);
        i->next = now() + PERIOD;
    }
    return i->stopped;
}
