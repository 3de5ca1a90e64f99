/* fault_case.h: short programs that something fails in: a failing allocation (test_alloc.c) or a
** failing system call (test_io.c). Each opens the database, works, and closes it. What it answers
** while things fail is an error or the whole truth; what is there afterwards is every committed row
** once.
**
**   prepare (nothing fails) ─► arm ─► run ─► disarm ─► check: reopen, agree, flush, agree
*/
#ifndef FAULT_CASE_H
#define FAULT_CASE_H

#include "fault_db.h"

enum fault_what {
    FAULT_WRITE, /* open, insert, commit, flush, close */
    FAULT_QUERY, /* open, scans of all kinds over the lake and rows that wait, close */
    FAULT_SPOOL, /* as WRITE, with a transaction that goes through spool files */
    FAULT_CASES
};

struct fault_switch {
    void (*arm)(void *arg);
    void (*disarm)(void *arg);
    void *arg;
};

/* Makes (or makes again) the database of a case. */
void fault_case_begin(enum fault_what what);
/* One round. Returns the first result that wasn't SQLITE_OK, or SQLITE_OK; *message is its text,
** good until the next round. Fails the test when an answer is wrong, or rows are lost or doubled. */
int fault_case_round(enum fault_what what, const struct fault_switch *s, const char **message);
void fault_case_end(enum fault_what what);

#endif
