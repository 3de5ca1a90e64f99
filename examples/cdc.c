/* cdc.c: change capture from a C program, step by step.
**
**   make && build/examples/cdc            (in an empty folder: makes shop.db and shop.db-lake)
**
** In a program of your own: cc app.c -o app $(pkg-config --cflags --libs tarn)
** examples/cdc.py is the same in Python.
*/
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

#include "tarn.h"

static void stop(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why ? why : "out of memory");
    exit(1);
}

static void run(sqlite3 *db, const char *sql) {
    char *why = NULL;

    printf("> %s\n", sql);
    if (sqlite3_exec(db, sql, NULL, NULL, &why)) stop(sql, why);
}

/* Prints what a query finds, one line a row. */
static void show(sqlite3 *db, const char *sql, const char *parameter) {
    sqlite3_stmt *row = NULL;
    int i;

    if (sqlite3_prepare_v2(db, sql, -1, &row, NULL)) stop(sql, sqlite3_errmsg(db));
    if (parameter) (void)sqlite3_bind_text(row, 1, parameter, -1, SQLITE_STATIC);
    while (sqlite3_step(row) == SQLITE_ROW) {
        for (i = 0; i < sqlite3_column_count(row); i++) {
            const char *text = (const char *)sqlite3_column_text(row, i);

            printf("%s%s", i ? " | " : "  ", text ? text : "");
        }
        printf("\n");
    }
    if (sqlite3_finalize(row)) stop(sql, sqlite3_errmsg(db));
}

/* Called after each commit that changed a tracked table. It runs inside the COMMIT: it may count, print
** or wake a thread, but not use the connection that commits. */
static void committed(void *arg, const struct tarn_transaction *t) {
    int i;

    (void)arg;
    for (i = 0; i < t->n_collections; i++) {
        printf("  committed %s: %lld rows of %s\n", t->bookmark, t->collections[i].rows,
               t->collections[i].name);
    }
}

/* A database with a table, as any application has them. */
static sqlite3 *open_shop(void) {
    sqlite3 *db = NULL;
    char *why = NULL;

    if (access("shop.db", F_OK) == 0) stop("shop.db", "is there already: use an empty folder");
    if (sqlite3_open("shop.db", &db)) stop("shop.db", sqlite3_errmsg(db));
    if (tarn_register(db, &why)) stop("tarn_register", why);
    run(db, "CREATE TABLE items(id INTEGER PRIMARY KEY, name TEXT, price REAL)");
    run(db, "INSERT INTO items VALUES (1, 'tea', 3), (2, 'jam', 4.5)");
    return db;
}

static void track_items(sqlite3 *db) {
    char *collection = NULL;
    char *why = NULL;

    if (tarn_track(db, "items", NULL, &collection, &why)) stop("tarn_track", why);
    printf("items is tracked as %s\n", collection);
    sqlite3_free(collection);
    if (tarn_on_commit(db, committed, NULL, NULL)) stop("tarn_on_commit", "refused");
}

static void bookmark_now(sqlite3 *db, char out[TARN_BOOKMARK_SIZE]) {
    char *why = NULL;

    if (tarn_bookmark(db, out, &why)) stop("tarn_bookmark", why);
}

static void sell(sqlite3 *db) {
    run(db, "BEGIN");
    run(db, "INSERT INTO items(name, price) VALUES ('salt', 1)");
    run(db, "UPDATE items SET price = price + 0.5 WHERE id < 3");
    run(db, "COMMIT");

    run(db, "BEGIN");
    run(db, "DELETE FROM items");
    run(db, "ROLLBACK"); /* never happened: nobody is told, nothing is delivered */

    run(db, "DELETE FROM items WHERE id = 2");
}

static void deliver(sqlite3 *db) {
    char *why = NULL;

    if (tarn_flush(db, NULL, &why)) stop("tarn_flush", why);
    printf("delivered to shop.db-lake\n");
}

int main(void) {
    char before[TARN_BOOKMARK_SIZE];
    const char *why;
    sqlite3 *db = open_shop();

    track_items(db);
    run(db, "INSERT INTO events(type, payload) VALUES ('shop.open', '{\"till\": 7}')");
    bookmark_now(db, before); /* events and changes stand in one order: bookmarks name both */
    sell(db);

    printf("changes after %s:\n", before);
    show(db,
         "SELECT bookmark, op, pk, data, prev FROM cdc_items WHERE bookmark > ?1 ORDER BY bookmark",
         before);

    /* Changes can be read at once. The lake gets them from a background thread, or now: */
    deliver(db);

    /* In the lake they are plain Parquet files: the rows that were there when tracking began, and the
    ** changes since. cdc_items reads the second kind; any reader of Parquet reads both. */
    run(db,
        "CREATE VIRTUAL TABLE temp.base USING parquet('shop.db-lake/cdc/shop/items/data.parquet')");
    show(db, "SELECT pk, data FROM base", NULL);
    run(db,
        "CREATE VIRTUAL TABLE temp.deltas USING parquet('shop.db-lake/cdc/shop/items/deltas/*')");
    show(db, "SELECT op, pk, data FROM deltas", NULL);

    why = tarn_errmsg(db); /* what no call could tell: a background thread's error, for one */
    if (why) stop("Tarn", why);
    return sqlite3_close(db);
}
