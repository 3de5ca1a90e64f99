/* tarn.h: Tarn for programs that embed SQLite: a lakehouse behind SQL.
**
** Nearly everything Tarn does is done in SQL, on a connection that has it. This header is how a C
** program gives a connection Tarn without loading a shared library, and the calls that are handier
** in C than in SQL, or can't be had in SQL. `SELECT * FROM tarn_help` lists all tables and functions.
**
**     #include <sqlite3.h>
**     #include <tarn.h>
**
**     static void committed(void *arg, const struct tarn_transaction *t) {
**         printf("%s: %lld changes\n", t->bookmark, t->changes);
**     }
**
**     sqlite3 *db;
**     char *why = NULL;
**     sqlite3_open("app.db", &db);
**     if (tarn_register(db, &why) || tarn_track(db, "users", NULL, NULL, &why)) {
**         fprintf(stderr, "%s\n", why);
**         sqlite3_free(why);
**     }
**     tarn_on_commit(db, committed, NULL, NULL);
**     sqlite3_exec(db, "INSERT INTO users(name) VALUES('Ada')", NULL, NULL, NULL);
**     sqlite3_exec(db, "INSERT INTO events(type, payload) VALUES('app.start', '{\"pid\": 7}')",
**                  NULL, NULL, NULL);
**     tarn_flush(db, NULL, NULL);
**     sqlite3_close(db);
**
** Link with libtarn.a and what `pkg-config --libs tarn` names. To give Tarn to every connection
** that the program opens from now on, before the first is opened:
**
**     sqlite3_auto_extension((void (*)(void))sqlite3_tarn_init);
**
** The shared library has the same functions except tarn_register: dlsym() finds them once a
** connection has loaded it (.load, sqlite3_load_extension); before that they return SQLITE_MISUSE.
**
** Threads: Tarn's state of a connection is used under the connection's own mutex; the rules of
** SQLite's threading modes are all there is to keep. A background thread per database file writes
** to the lake (setting `autoFlush`); closing the connection stops it. After fork(2) a child opens
** connections of its own, as SQLite asks anyway.
**
** Strings are UTF-8. Result codes are SQLite's. Where a function has `char **err`, that may be NULL;
** else *err is NULL after success, and after an error a message to free with sqlite3_free (NULL only
** when memory is short). A NULL where something is needed is SQLITE_MISUSE.
*/
#ifndef TARN_H
#define TARN_H

#include <sqlite3.h>

#ifdef __cplusplus
extern "C" {
#endif

#define TARN_VERSION "0.1.0"

#if defined(_WIN32)
#define TARN_API
#else
#define TARN_API __attribute__((visibility("default")))
#endif

/* Gives `db` the tables and functions of Tarn. The lake is looked for when it is
** first used; only what an earlier process committed and did not deliver is read now, and its
** delivery begins in the background. A second call on the same connection is a no-op.
** SQLITE_OK, or an error; then *err (when err is not NULL) is a message to free with sqlite3_free.
** SQLite 3.38 or later. */
TARN_API int tarn_register(sqlite3 *db, char **err);

/* Captures every change of main's `table` from now on, in the transactions that make it (of all
** connections that have Tarn), and delivers it to the lake. The rows that are there are read once, as
** the collection's base. As `SELECT tarn_track(table, options)`: `options` is NULL or a JSON object
** (trackPrevious, columns, collection, namespace). Remembered in the database: nothing happens
** when the table is tracked so already; with other options it is a new beginning. *name (`name` may be NULL) = "namespace/collection", to free with sqlite3_free. */
TARN_API int tarn_track(sqlite3 *db, const char *table, const char *options, char **name,
                        char **err);

/* Ends that; what was captured stays in the lake. SQLITE_ERROR when the table is not tracked. */
TARN_API int tarn_untrack(sqlite3 *db, const char *table, char **err);

/* A bookmark names one committed transaction. Bookmarks compare with strcmp in the order of commits. */
#define TARN_BOOKMARK_SIZE 56 /* with the NUL */

/* The bookmark of the last transaction of the database that changed tracked tables or inserted events,
** whoever made it, as this connection sees it: inside a read transaction, that of the state it reads.
** "" when there is none yet.
** As `SELECT tarn_bookmark()`. */
TARN_API int tarn_bookmark(sqlite3 *db, char out[TARN_BOOKMARK_SIZE], char **err);

/* What a transaction has done to one collection. */
struct tarn_transaction_collection {
    const char *name;   /* "namespace/collection", as tarn_track gives it */
    sqlite3_int64 rows; /* inserted, updated and deleted */
};

/* A committed transaction. */
struct tarn_transaction {
    const char *bookmark;
    sqlite3_int64 time; /* of the commit, in milliseconds since 1970; never before the last one's */
    sqlite3_int64 changes; /* rows changed in tracked tables */
    sqlite3_int64 events;  /* inserted into `events` */
    int n_collections;
    const struct tarn_transaction_collection *collections; /* by name; NULL when memory was short */
};

/* From now on calls callback(arg, t) after the commit of each captured transaction of this connection:
** one that changed rows of tracked tables, or that began or ended their tracking or changed their
** shape (which are no rows: `changes` may be 0). Never for what was rolled back, and not for
** transactions of other connections. *t and what it points to are there during the call only.
**
** The transaction is committed: others see it, and the callback can't refuse it. But it runs inside
** the statement that commits, with the connection's mutex held: no call with this connection is
** allowed in it (tarn_* calls are refused with SQLITE_MISUSE, SQLite's own are not), and what takes
** long keeps the application waiting. Counting, logging, waking another thread, and reading through
** another connection are fine.
**
** There is one callback a connection; another call replaces it, with NULL none is left. destroy(arg),
** unless NULL, is called when the callback is replaced, when the connection is closed, and when this
** call fails. */
TARN_API int tarn_on_commit(sqlite3 *db,
                            void (*callback)(void *arg, const struct tarn_transaction *t),
                            void *arg, void (*destroy)(void *arg));

/* What went wrong with no call to return it: the last capture or background error of this connection
** (each is told once), else the reason why committed work of its database can't be delivered now
** (told as long as that is so; it is tried again). NULL = nothing. Valid until the next call with
** `db`. It leaves sqlite3_errmsg(db) alone. */
TARN_API const char *tarn_errmsg(sqlite3 *db);

/* Delivers everything committed, events and changes, to the database's lake, now, and waits until that
** is done. *events (may be NULL) = how many events and changes went out (the beginning or end of a
** table's tracking is one), this call's and those of a flush that was under way. As `SELECT
** tarn_flush()`. Refused inside a transaction that has events of
** its own to deliver. */
TARN_API int tarn_flush(sqlite3 *db, sqlite3_int64 *events, char **err);

/* "0.1.0". Never NULL, never freed. */
TARN_API const char *tarn_version(void);

/* The entry point in the form of SQLite's extensions: what `.load` and sqlite3_auto_extension call.
** In libtarn.a the last argument is not used and may be NULL. */
struct sqlite3_api_routines;
TARN_API int sqlite3_tarn_init(sqlite3 *db, char **err, const struct sqlite3_api_routines *api);

#ifdef __cplusplus
}
#endif

#endif
