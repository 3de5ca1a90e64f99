/* capture_fixture.h: a database in a folder of its own, connections to it, and what the tables
** cdc_<collection> say, as text.
*/
#ifndef CAPTURE_FIXTURE_H
#define CAPTURE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "tarn.h"

#define TRAP_PATH 256

/* cmocka's setup and teardown: a fresh folder; all connections of trap_open are closed, which must
** work, and the folder goes. */
int trap_begin(void **state);
int trap_end(void **state);
const char *trap_path(const char *name); /* in the folder; good until the next call */

sqlite3 *trap_plain(const char *name); /* without Tarn; the test closes it */
sqlite3 *trap_open(const char *name);  /* with Tarn, autoFlush off, synchronous off */
void trap_see(sqlite3 *db);   /* makes the tables cdc_<collection>, where they are missing */
void trap_close(sqlite3 *db); /* must work */

int trap_try(sqlite3 *db, const char *fmt, ...);
void trap_must(sqlite3 *db, const char *fmt, ...);
/* The statement must fail, and its message hold the word. */
void trap_fails(sqlite3 *db, const char *sql, const char *word);
/* All rows: columns joined by a space (NULL is -), rows by a newline. sqlite3_free it. */
char *trap_rows(sqlite3 *db, const char *fmt, ...);
void trap_expect(sqlite3 *db, const char *want, const char *fmt, ...);
/* The changes of a collection, one a line: op pk data prev. Checked as they wait, and again from the
** lake (in a transaction only as they wait). */
void trap_changes(sqlite3 *db, const char *collection, const char *want);
/* What the changes make of nothing must be what the table holds now: `live` selects pk and data. */
void trap_replays(sqlite3 *db, const char *collection, const char *live);

#endif
