/* cdc_fixture.h: a database with changes of rows in its outbox, and delta files in its lake, without a
** flusher: a table `change` takes what the capture would, and fx_deliver writes what the flusher would.
**
**   INSERT INTO change(collection, op, id, name, was) VALUES('app/users', 'insert', 1, 'x', NULL)
**
** Collections have the columns id INTEGER (the key) and name TEXT; `was` is the name before.
*/
#ifndef TARN_CDC_FIXTURE_H
#define TARN_CDC_FIXTURE_H

#include <sqlite3.h>

#include "conn.h"
#include "store.h"

struct cdc_fixture {
    char folder[64];
    sqlite3 *db;
    struct tarn_conn *conn; /* a reference */
    struct tarn_store *store;
};

struct cdc_row {
    const char *op, *pk, *ts, *data, *prev, *bookmark; /* NULL = NULL */
};

struct cdc_file {
    const char *ranges, *definitions; /* of the footer; NULL = none */
    uint32_t row_group_rows, page_rows;
};

void fx_open(struct cdc_fixture *f, const char *name); /* "a.db", ":memory:" */
/* Another connection, or the same database under another name. */
sqlite3 *fx_connect(struct cdc_fixture *f, const char *name, struct tarn_conn **conn);
void fx_close(struct cdc_fixture *f);
void fx_must(sqlite3 *db, const char *fmt, ...);
/* The first column of the first row; sqlite3_free. */
char *fx_text(sqlite3 *db, const char *fmt, ...);
/* ... must be `want`. */
void fx_expect(sqlite3 *db, const char *want, const char *fmt, ...);
/* Is the message of the error that a statement ends with like this (GLOB)? */
void fx_fails(sqlite3 *db, const char *pattern, const char *fmt, ...);
/* Runs one change in a transaction of its own. */
void fx_change(struct cdc_fixture *f, const char *collection, const char *op, int id,
               const char *name, const char *was);
/* Puts the waiting commits' [first, last] rows of the collection as entry's delta file. */
void fx_deliver(struct cdc_fixture *f, const char *collection, uint32_t timeline, uint64_t entry,
                uint64_t first, uint64_t last);
void fx_put(struct cdc_fixture *f, const char *key, const struct cdc_row *rows, int n,
            const struct cdc_file *how);
void fx_put_text(struct cdc_fixture *f, const char *key, const char *text);
/* Ends the entry of the database's log: "done" or "abort". */
void fx_end(struct cdc_fixture *f, uint32_t timeline, uint64_t entry, const char *end);
void fx_move(struct cdc_fixture *f, const char *from, const char *to);
void fx_table(struct cdc_fixture *f, const char *namespace_, const char *collection);
/* The id of the database; 17 bytes. */
void fx_id(struct cdc_fixture *f, char id[17]);

#endif
