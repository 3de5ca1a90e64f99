/* db.c: the registry of databases in use by this process. What waits in each is db_queue.c.
**
** A database is a path and the inode behind it, so that a file that was moved away, deleted or
** replaced while a connection is open never shares its numbering with the one that took its name.
** The registry is the one mutable global of the lake besides the footer cache. After fork() the
** child finds an empty registry: its connections make their own state and their own flusher. While
** fork() runs the flushers of the parent stand still, so no lock of theirs is copied in use.
*/
#include "db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "flusher.h"
#include "mem.h"
#include "time.h"
#include "ulid.h"

static pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct tarn_db *registry;
static pthread_once_t registry_once = PTHREAD_ONCE_INIT;

static void before_fork(void) {
    tarn_flusher_before_fork();
    (void)pthread_mutex_lock(&registry_mutex);
}

static void after_fork_parent(void) {
    (void)pthread_mutex_unlock(&registry_mutex);
    tarn_flusher_after_fork(0);
}

static void after_fork_child(void) {
    registry = NULL; /* the parent's: its threads don't exist here */
    (void)pthread_mutex_unlock(&registry_mutex);
    tarn_flusher_after_fork(1);
}

static void register_fork(void) {
    (void)pthread_atfork(before_fork, after_fork_parent, after_fork_child);
}

int tarn_db_is_memory(const struct tarn_db *d) {
    return d->path == NULL;
}

static void name_of(const char *path, char *out, size_t n) {
    const char *slash = path ? strrchr(path, '/') : NULL;
    const char *base = path ? (slash ? slash + 1 : path) : "memory";
    size_t len = strlen(base);
    const char *dot = strrchr(base, '.');
    int cut;
    size_t i;

    if (dot && dot > base) len = (size_t)(dot - base);
    cut = len >= n;
    if (cut) len = n - 1;
    for (i = 0; i < len; i++)
        out[i] = (uint8_t)base[i] < 0x20 || base[i] == '\\' ? '_' : base[i];
    out[len] = 0;
    while (cut && len > 0 && (out[len - 1] & 0x80))
        out[--len] = 0; /* never a cut character */
    if (len == 0) snprintf(out, n, "database");
}

static void free_db(struct tarn_db *d) {
    tarn_commit_free_list(d->first);
    if (d->syncer) (void)sqlite3_close(d->syncer);
    (void)pthread_mutex_destroy(&d->mutex);
    (void)pthread_mutex_destroy(&d->flushing);
    (void)pthread_cond_destroy(&d->changed);
    tarn_free(d->path);
    tarn_writes_close(&d->writes);
    tarn_free(d->spool);
    tarn_free(d->lake_uri);
    tarn_free(d);
}

static int spool_folder(struct tarn_db *d) {
    const char *tmp = getenv("TMPDIR");
    size_t n = d->path ? strlen(d->path) + 8 : strlen(tmp && *tmp ? tmp : "/var/tmp") + 40;

    d->spool = tarn_malloc(n);
    if (!d->spool) return TARN_ENOMEM;
    if (d->path) {
        snprintf(d->spool, n, "%s-spool", d->path);
    } else {
        snprintf(d->spool, n, "%s/tarn-spool-%s", tmp && *tmp ? tmp : "/var/tmp", d->id);
    }
    return TARN_OK;
}

static int new_db(struct tarn_db **out, const char *path, struct tarn_err *err) {
    struct tarn_db *d = tarn_calloc(1, sizeof *d);
    pthread_condattr_t attr;
    uint8_t random[8];
    int i;

    if (!d) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    (void)pthread_mutex_init(&d->mutex, NULL);
    (void)pthread_mutex_init(&d->flushing, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&d->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
    d->references = 1;
    d->pid = (int)getpid();
    d->limit = UINT64_MAX;
    d->auto_flush = 1;
    d->last_flush = tarn_time_monotonic() - TARN_MS_PER_DAY;
    if (tarn_random(random, sizeof random)) {
        free_db(d);
        return tarn_err_set(err, TARN_EIO, "the system gives no random bytes");
    }
    for (i = 0; i < 8; i++)
        snprintf(d->id + 2 * i, 3, "%02x", random[i]);
    name_of(path, d->name, sizeof d->name);
    if ((path && !(d->path = tarn_strdup(path))) || spool_folder(d)) {
        free_db(d);
        return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    }
    *out = d;
    return TARN_OK;
}

static const char *file_of(sqlite3 *db, struct stat *st) {
    const char *path = sqlite3_db_filename(db, "main");

    return path && *path && stat(path, st) == 0 && S_ISREG(st->st_mode) ? path : NULL;
}

const char *tarn_db_file(sqlite3 *db) {
    struct stat st;

    return file_of(db, &st);
}

int tarn_db_attach(struct tarn_db **out, sqlite3 *db, struct tarn_err *err) {
    struct tarn_db *d = NULL;
    struct stat st;
    const char *path = file_of(db, &st);
    int moved = 0;
    int rc = TARN_OK;

    (void)pthread_once(&registry_once, register_fork);
    if (!path) return new_db(out, NULL, err);
    (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    (void)pthread_mutex_lock(&registry_mutex);
    for (d = registry; d && !moved; d = d->next) {
        if (d->device == st.st_dev && d->inode == st.st_ino && strcmp(d->path, path) == 0) break;
    }
    if (d && !moved) {
        d->references++;
    } else if ((rc = new_db(&d, path, err)) == TARN_OK) {
        d->device = moved ? 0 : st.st_dev;
        d->inode = moved ? 0 : st.st_ino;
        d->next = registry;
        registry = d;
    }
    (void)pthread_mutex_unlock(&registry_mutex);
    *out = d;
    return rc;
}

/* A database without a file is delivered now or never. */
static void last_flush(struct tarn_db *d) {
    struct tarn_err err = {0};

    if (d->first && tarn_flusher_drain(d, NULL, &err)) {
        sqlite3_log(SQLITE_WARNING,
                    "tarn: %llu events or changes of a database without a file are lost: "
                    "%s",
                    (unsigned long long)d->queue_events, err.msg);
    }
    (void)rmdir(d->spool);
}

void tarn_db_release(struct tarn_db *d) {
    struct tarn_db **p;

    if (!d || d->pid != (int)getpid()) return; /* a fork's copy of the parent's: left alone */
    (void)pthread_mutex_lock(&registry_mutex);
    if (--d->references > 0) {
        (void)pthread_mutex_unlock(&registry_mutex);
        return;
    }
    for (p = &registry; *p; p = &(*p)->next) {
        if (*p == d) {
            *p = d->next;
            break;
        }
    }
    (void)pthread_mutex_unlock(&registry_mutex);
    tarn_flusher_stop(d);
    if (tarn_db_is_memory(d)) last_flush(d);
    free_db(d);
}
