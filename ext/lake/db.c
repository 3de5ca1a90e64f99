/* db.c: the registry of databases in use by this process, and the queue of each.
**
** The registry is the one mutable global of the lake besides the footer cache. After fork() the
** child finds an empty registry: its connections make their own state and their own flusher.
*/
#include "db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "flusher.h"
#include "mem.h"
#include "payload.h"
#include "spool.h"
#include "time.h"
#include "ulid.h"

static pthread_mutex_t registry_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct tarn_db *registry;
static pthread_once_t registry_once = PTHREAD_ONCE_INIT;

static void before_fork(void) {
    (void)pthread_mutex_lock(&registry_mutex);
}
static void after_fork_parent(void) {
    (void)pthread_mutex_unlock(&registry_mutex);
}
static void after_fork_child(void) {
    registry = NULL; /* the parent's: its threads don't exist here */
    (void)pthread_mutex_unlock(&registry_mutex);
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
    size_t i;

    if (dot && dot > base) len = (size_t)(dot - base);
    if (len >= n) len = n - 1;
    for (i = 0; i < len; i++)
        out[i] = (uint8_t)base[i] < 0x20 || base[i] == '\\' ? '_' : base[i];
    out[len] = 0;
    while (len > 0 && (out[len - 1] & 0x80))
        out[--len] = 0; /* never a cut character */
    if (len == 0) snprintf(out, n, "database");
}

static void free_db(struct tarn_db *d) {
    tarn_commit_free_list(d->first);
    if (d->reader) (void)sqlite3_close(d->reader);
    (void)pthread_mutex_destroy(&d->mutex);
    (void)pthread_mutex_destroy(&d->flushing);
    (void)pthread_cond_destroy(&d->changed);
    tarn_free(d->path);
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

int tarn_db_attach(struct tarn_db **out, sqlite3 *db, struct tarn_err *err) {
    const char *path = sqlite3_db_filename(db, "main");
    struct tarn_db *d = NULL;
    int rc = TARN_OK;

    (void)pthread_once(&registry_once, register_fork);
    if (!path || !*path) return new_db(out, NULL, err);
    (void)pthread_mutex_lock(&registry_mutex);
    for (d = registry; d; d = d->next) {
        if (strcmp(d->path, path) == 0) break;
    }
    if (d) {
        d->references++;
    } else if ((rc = new_db(&d, path, err)) == TARN_OK) {
        d->next = registry;
        registry = d;
    }
    (void)pthread_mutex_unlock(&registry_mutex);
    *out = d;
    return rc;
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
    if (tarn_db_is_memory(d) && d->first) {
        (void)tarn_flusher_drain(d, NULL, NULL);
        if (!d->first) (void)rmdir(d->spool);
    }
    free_db(d);
}

int tarn_db_configure(struct tarn_db *d, const char *lake_uri, int64_t count_threshold,
                      int64_t time_threshold, int64_t max_buffer, int auto_flush,
                      struct tarn_err *err) {
    char *copy = NULL;

    (void)pthread_mutex_lock(&d->mutex);
    if (!d->lake_uri || strcmp(d->lake_uri, lake_uri) != 0) copy = tarn_strdup(lake_uri);
    if (copy) {
        tarn_free(d->lake_uri);
        d->lake_uri = copy;
        d->retry_at = 0;
    }
    d->count_threshold = count_threshold;
    d->time_threshold = time_threshold;
    d->max_buffer = max_buffer;
    d->auto_flush = auto_flush;
    (void)pthread_mutex_unlock(&d->mutex);
    return d->lake_uri ? TARN_OK : tarn_err_set(err, TARN_ENOMEM, "out of memory");
}

/* In its place by sequence; a commit that is there already, or delivered, is freed. */
static void insert(struct tarn_db *d, struct tarn_commit *c) {
    struct tarn_commit **p = &d->first;

    if (d->last && d->last->sequence < c->sequence) p = &d->last->next;
    while (*p && (*p)->sequence < c->sequence)
        p = &(*p)->next;
    if (c->sequence <= d->position.collected || (*p && (*p)->sequence == c->sequence)) {
        tarn_commit_free(c);
        return;
    }
    c->next = *p;
    *p = c;
    if (!c->next) d->last = c;
    c->queued = tarn_time_monotonic();
    d->queue_bytes += c->len;
    d->queue_events += c->events;
}

void tarn_db_submit(struct tarn_db *d, struct tarn_commit *c) {
    (void)pthread_mutex_lock(&d->mutex);
    if (d->path && d->first && d->queue_bytes + c->len > TARN_QUEUE_BYTES) {
        d->overflow = 1; /* the outbox has it */
        tarn_commit_free(c);
    } else {
        insert(d, c);
    }
    tarn_flusher_wake(d);
    (void)pthread_mutex_unlock(&d->mutex);
}

void tarn_db_position(struct tarn_db *d, struct tarn_position *out) {
    (void)pthread_mutex_lock(&d->mutex);
    *out = d->position;
    (void)pthread_mutex_unlock(&d->mutex);
}

void tarn_db_drop_collected(struct tarn_db *d) {
    while (d->first && d->first->sequence <= d->position.collected) {
        struct tarn_commit *c = d->first;

        d->first = c->next;
        d->queue_bytes -= c->len;
        d->queue_events -= c->events;
        tarn_commit_free(c);
    }
    if (!d->first) d->last = NULL;
}

/* Spool files that no commit names, found while nobody else can be writing one. */
static void sweep(struct tarn_db *d, const struct tarn_commit *commits) {
    struct tarn_buf named = TARN_BUF_INIT((size_t)1 << 30);

    for (; commits; commits = commits->next) {
        if (commits->len && commits->payload[0] == 'S') {
            tarn_buf_put(&named, commits->payload, commits->len);
        }
    }
    if (named.rc == TARN_OK) tarn_spool_sweep(d->spool, named.data, named.len);
    tarn_buf_release(&named);
}

void tarn_db_identify(struct tarn_db *d, const struct tarn_outbox *view) {
    (void)pthread_mutex_lock(&d->mutex);
    if (!d->has_outbox && view->known) {
        memcpy(d->id, view->id, sizeof d->id);
        memcpy(d->name, view->name, sizeof d->name);
        d->has_outbox = 1;
    }
    (void)pthread_mutex_unlock(&d->mutex);
}

int tarn_db_refill(struct tarn_db *d, sqlite3 *db, uint64_t except, struct tarn_err *err) {
    struct tarn_outbox view;
    struct tarn_commit *list = NULL;
    uint64_t after;
    int more = 0;
    int rc;

    tarn_outbox_init(&view);
    rc = tarn_outbox_load(&view, db, err);
    if (rc || !view.known) goto out;
    tarn_db_identify(d, &view);
    (void)pthread_mutex_lock(&d->mutex);
    if (view.position.collected > d->position.collected) {
        d->position = view.position;
        d->forked = 0;
        d->limit = UINT64_MAX;
        tarn_db_drop_collected(d);
    }
    after = d->position.collected;
    (void)pthread_mutex_unlock(&d->mutex);
    rc = tarn_outbox_read(db, after, except, TARN_QUEUE_BYTES, &list, &more, err);
    if (rc) goto out;
    if (!more && except == 0 && sqlite3_txn_state(db, "main") == SQLITE_TXN_WRITE) sweep(d, list);
    (void)pthread_mutex_lock(&d->mutex);
    d->overflow = more;
    while (list) {
        struct tarn_commit *next = list->next;

        list->next = NULL;
        insert(d, list);
        list = next;
    }
    tarn_flusher_wake(d);
    (void)pthread_mutex_unlock(&d->mutex);
out:
    tarn_outbox_release(&view);
    return rc;
}
