/* sqlite_err.c: between SQLite's error codes and ours, in both directions, in one place. */
#include <string.h>

#include "sqlite.h"

int tarn_sqlite_code(int code) {
    switch (code) {
    case TARN_OK: return SQLITE_OK;
    case TARN_ENOMEM: return SQLITE_NOMEM;
    case TARN_EIO: return SQLITE_IOERR;
    case TARN_EFULL: return SQLITE_FULL;
    case TARN_EACCES: return SQLITE_PERM;
    case TARN_EINTR: return SQLITE_INTERRUPT;
    case TARN_EBUSY: return SQLITE_BUSY;
    case TARN_ECORRUPT: return SQLITE_CORRUPT_VTAB;
    default: return SQLITE_ERROR;
    }
}

static int code_of(int rc) {
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE: return TARN_OK;
    case SQLITE_NOMEM: return TARN_ENOMEM;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN: return TARN_EIO;
    case SQLITE_FULL: return TARN_EFULL;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH: return TARN_EACCES;
    case SQLITE_INTERRUPT: return TARN_EINTR;
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return TARN_EBUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return TARN_ECORRUPT;
    case SQLITE_TOOBIG: return TARN_ELIMIT;
    default: return TARN_EINVAL;
    }
}

int tarn_err_sqlite(struct tarn_err *err, sqlite3 *db, int rc, const char *what) {
    int code = code_of(rc);

    if (code == TARN_OK) return TARN_OK;
    return tarn_err_set(err, code, "%s: %s", what, db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
}
