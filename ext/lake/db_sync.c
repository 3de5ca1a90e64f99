/* db_sync.c: see db_sync.h. */
#include "db_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static _Thread_local int internal;

int tarn_db_internal(void) {
    return internal;
}

static sqlite3 *open_own(const struct tarn_db *d, int flags) {
    sqlite3 *db = NULL;
    int sq;

    internal = 1;
    sq = sqlite3_open_v2(d->path, &db, flags | SQLITE_OPEN_FULLMUTEX | SQLITE_OPEN_PRIVATECACHE,
                         NULL);
    internal = 0;
    if (sq) {
        (void)sqlite3_close(db);
        return NULL;
    }
    return db;
}

int tarn_db_open_temporary(sqlite3 **out) {
    int sq;

    *out = NULL;
    internal = 1;
    sq = sqlite3_open_v2(
        "", out, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_PRIVATECACHE, NULL);
    internal = 0;
    return sq;
}

static int wal_path(const struct tarn_db *d, char *out, size_t n) {
    struct stat st;

    return (size_t)snprintf(out, n, "%s-wal", d->path) < n && stat(out, &st) == 0;
}

/* No lock is ever held on a -wal file: opening and closing it is safe. */
static int sync_wal(const char *path, struct tarn_err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = TARN_OK;

    if (fd < 0)
        return errno == ENOENT ? TARN_OK : tarn_err_errno(err, errno, "cannot open %s", path);
    if (fsync(fd) != 0) rc = tarn_err_errno(err, errno, "fsync of %s", path);
    (void)close(fd);
    return rc;
}

int tarn_db_sync(struct tarn_db *d, struct tarn_err *err) {
    sqlite3_file *file = NULL;
    char path[4096];
    int sq;

    if (!d->path) return TARN_OK;
    if (wal_path(d, path, sizeof path)) {
        int rc = sync_wal(path, err);

        if (rc) return rc;
    }
    if (!d->syncer) d->syncer = open_own(d, SQLITE_OPEN_READONLY);
    if (!d->syncer) return TARN_OK; /* the file is gone or unreadable: its commits are here */
    sq = sqlite3_file_control(d->syncer, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (sq || !file || !file->pMethods) return TARN_OK;
    sq = file->pMethods->xSync(file, SQLITE_SYNC_NORMAL);
    if (sq) return tarn_err_set(err, TARN_EIO, "fsync of %s failed", d->path);
    return TARN_OK;
}

/* Able to write, so that it cleans up the -wal file if it happens to be the last one to close. */
sqlite3 *tarn_db_reader(const struct tarn_db *d) {
    char path[4096];
    sqlite3 *db = NULL;

    if (!d->path || !wal_path(d, path, sizeof path)) return NULL;
    db = open_own(d, SQLITE_OPEN_READWRITE);
    if (db) (void)sqlite3_busy_timeout(db, 1000);
    return db;
}
