/* tarn.h: Tarn for programs that embed SQLite: a lakehouse behind SQL.
**
** Nearly everything Tarn does is done in SQL, on a connection that has it. This header is how a C
** program gives a connection Tarn without loading a shared library, and the two calls that are
** handier in C than in SQL. `SELECT * FROM tarn_help` lists all tables and functions.
**
**     #include <sqlite3.h>
**     #include <tarn.h>
**
**     sqlite3 *db;
**     char *why = NULL;
**     sqlite3_open("app.db", &db);
**     if (tarn_register(db, &why) != SQLITE_OK) {
**         fprintf(stderr, "%s\n", why);
**         sqlite3_free(why);
**     }
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
** Threads: Tarn's state of a connection is used under the connection's own mutex; the rules of
** SQLite's threading modes are all there is to keep. A background thread per database file writes
** to the lake (setting `autoFlush`); closing the connection stops it. After fork(2) a child opens
** connections of its own, as SQLite asks anyway.
**
** Strings are UTF-8. Result codes are SQLite's.
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

/* Delivers every committed event of the database to its lake, now, and waits until that is done.
** *events (may be NULL) = how many went out, this call's and those of a flush that was under way.
** As `SELECT tarn_flush()`. Refused inside a transaction that has events of its own to deliver. */
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
