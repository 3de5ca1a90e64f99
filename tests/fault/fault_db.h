/* fault_db.h: what the fault tests share: a folder that goes away, statements that must work or must
** fail with certain words, and the one check behind all of them: the application's table and the
** events agree.
**
** Applications here have a table app(n INTEGER PRIMARY KEY), and write the event with status_code
** = n in the transaction that inserts n. Whatever fails, afterwards the two hold the same numbers,
** each once.
*/
#ifndef FAULT_DB_H
#define FAULT_DB_H

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

#define FAULT_PATH 512

/* A fresh folder for this program, in memory where that is possible (fsync costs nothing there);
** removed with all that is in it when the program ends. */
const char *fault_folder(void);
/* Removes a file or a folder with all that is in it. */
void fault_remove(const char *path);
/* Copies a folder with all that is in it. */
void fault_copy(const char *from, const char *to);
void fault_write_file(const char *path, const void *data, size_t n); /* makes its folders too */
/* The whole file; free() it. */
uint8_t *fault_read_file(const char *path, size_t *n);
/* The first file below `folder` whose name ends in `end`, by name; 0 when there is none. */
int fault_find(const char *folder, const char *end, char out[FAULT_PATH]);
/* How many there are. */
int fault_count_files(const char *folder, const char *end);

/* A connection with Tarn to `path`, which may be relative to the folder; fails the test. */
sqlite3 *fault_open(const char *path);
/* The same with autoFlush off, and the table app. */
sqlite3 *fault_app(const char *path);
void fault_close(sqlite3 *db);
/* For teardowns: closes *db whatever a failed test left open, and empties the folder. */
int fault_end(sqlite3 **db);
int fault_try(sqlite3 *db, const char *sql); /* SQLite's result code */
void fault_must(sqlite3 *db, const char *fmt, ...);
int64_t fault_number(sqlite3 *db, const char *fmt, ...);
/* The first column of the first row as text ("" for NULL), or the message after "error: ". Good
** until the next call. */
const char *fault_text(sqlite3 *db, const char *sql);
/* The statement must fail, and its message hold each of the words (NULL ends them). Returns the
** extended result code. */
int fault_fails(sqlite3 *db, const char *sql, ...);
/* Numbers first ... first + n - 1 into app and events, in one transaction, which is rolled back when
** anything in it fails. */
int fault_insert(sqlite3 *db, int64_t first, int n, int pad);
/* Do app and events agree? */
void fault_agree(sqlite3 *db);
/* The same, after everything was delivered. */
void fault_agree_flushed(sqlite3 *db);

#endif
