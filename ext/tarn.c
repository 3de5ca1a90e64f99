/* tarn.c: the entry points: what `.load`, sqlite3_auto_extension and embedding programs call.
**
**   tarn.so       sqlite3_tarn_init; SQLite is reached through the table it is handed
**   libtarn.a     built with -DSQLITE_CORE: also tarn_register
**
** The other functions of tarn.h are in api.c and on_commit.c.
**
** The shared library stays in the process once loaded: threads and caches outlive a connection.
*/
#include <sqlite3ext.h>

SQLITE_EXTENSION_INIT1

#include "capture.h"
#include "cdc_table.h"
#include "conn.h"
#include "db.h"
#include "deliver_changes.h"
#include "family.h"
#include "tarn.h"
#include "version.h"

#define SQLITE_MINIMUM 3038000 /* sqlite3_vtab_in, sqlite3_vtab_rhs_value */

const char *tarn_version(void) {
    return TARN_VERSION;
}

/* Is Tarn on this connection already? A second copy would replace modules that are in use. */
static int present(sqlite3 *db) {
    sqlite3_stmt *stmt = NULL;
    int yes = sqlite3_prepare_v2(db, "SELECT tarn_version()", -1, &stmt, NULL) == SQLITE_OK;

    (void)sqlite3_finalize(stmt);
    return yes;
}

static int give(sqlite3 *db, char **message) {
    struct tarn_conn *conn = NULL;
    struct tarn_err err = {0};
    int rc = SQLITE_OK;

    if (sqlite3_libversion_number() < SQLITE_MINIMUM) {
        if (message) {
            *message = sqlite3_mprintf("Tarn needs SQLite 3.38 or later; this program has %s",
                                       sqlite3_libversion());
        }
        return SQLITE_ERROR;
    }
    /* A connection that Tarn opened for itself, and present() by way of sqlite3_auto_extension. */
    if (tarn_db_internal() || present(db)) return SQLITE_OK;
    tarn_deliver_changes_register();
    if (tarn_conn_new(&conn, db)) return SQLITE_NOMEM;
    rc = tarn_sqlite_code(tarn_sql_register(conn, &err));
    if (rc == SQLITE_OK) rc = tarn_sqlite_code(tarn_capture_new(conn, &err));
    if (rc == SQLITE_OK) tarn_cdc_tables_tracked(conn);
    if (rc == SQLITE_OK) tarn_conn_arm(conn);
    tarn_conn_unref(conn); /* what was registered holds references of its own */
    if (rc && message) *message = sqlite3_mprintf("%s", err.msg);
    return rc;
}

int sqlite3_tarn_init(sqlite3 *db, char **err, const struct sqlite3_api_routines *api) {
    SQLITE_EXTENSION_INIT2(api);
    int rc = give(db, err);
#ifdef SQLITE_CORE
    return rc;
#else
    return rc ? rc : SQLITE_OK_LOAD_PERMANENTLY;
#endif
}

#ifdef SQLITE_CORE
int tarn_register(sqlite3 *db, char **err) {
    if (err) *err = NULL;
    return db ? give(db, err) : SQLITE_MISUSE;
}
#endif
