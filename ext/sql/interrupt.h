/* interrupt.h: does the user want the running statement to end?
**
** SQLite asks for that between its own instructions: sqlite3_interrupt, and the progress handler of
** an application, which is how many of them limit the time of a query. While a table reads pages,
** nothing of SQLite's runs, so the table has to ask by itself.
*/
#ifndef TARN_INTERRUPT_H
#define TARN_INTERRUPT_H

#include <stdint.h>

#include "sqlite.h"

struct tarn_interrupt {
    sqlite3 *db;
    int64_t next; /* when to ask again, in nanoseconds of a clock that never goes back */
    unsigned asked;
    int stopped;
};

void tarn_interrupt_init(struct tarn_interrupt *i, sqlite3 *db);
/* 1: yes, and from then on always. Cheap enough for every page. `arg` is a struct tarn_interrupt.
** To be called while a statement of the connection runs, from its thread. */
int tarn_interrupted(void *arg);

#endif
