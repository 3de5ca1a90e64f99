/* pending_settle.c: which pending rows the lake has already: a walk along the flush log.
**
**   timeline t, entries n + 1, n + 2 …      ours: what the listing holds comes from there
**      `-- another history's, done          what it shares with ours is delivered; ours goes on in
**           `-- child timeline, entry 1 …   the child of t that begins with our commit, if there is one
**
** Why this gives each row once: an entry of the flush log is written before its objects, and its
** objects before the outbox rows count as collected. So whatever object the listing holds has an
** entry that is found here, and whatever it doesn't hold is still in the outbox. An object of an entry
** that is done, not listed and not there now was deleted since: its rows are gone with it.
*/
#include <stdio.h>
#include <string.h>

#include "conn.h"
#include "db.h"
#include "flush_log.h"
#include "keys.h"
#include "mem.h"
#include "pending_impl.h"
#include "spool.h"
#include "time.h"

/* Called for each entry; *stop = 1 ends the walk. `common`: the last of its commits that is ours. */
typedef int (*visitor)(struct tarn_pending *p, const struct tarn_log *log,
                       const struct tarn_log_entry *e, enum tarn_log_end end, uint64_t common,
                       void *arg, int *stop, struct tarn_err *err);

/* How far is entry e our history, as far as can be seen? *differs = 1 when another one follows. */
static uint64_t common_of(const struct tarn_pending *p, const struct tarn_log_entry *e,
                          int *differs) {
    const struct tarn_commit *c;
    uint64_t common = e->first - 1;

    *differs = 0;
    for (c = p->commits; c && c->sequence <= e->last && !*differs; c = c->next) {
        if (c->sequence < e->first) continue;
        *differs = memcmp(tarn_log_digest(e, c->sequence), c->digest, TARN_DIGEST) != 0;
        if (!*differs) common = c->sequence;
    }
    return common;
}

/* Does entry 1 of a child timeline begin with a commit of ours? */
static int begins_ours(const struct tarn_pending *p, const struct tarn_log_entry *e) {
    const struct tarn_commit *c = p->commits;

    while (c && c->sequence < e->first)
        c = c->next;
    return c && c->sequence == e->first &&
           memcmp(tarn_log_digest(e, e->first), c->digest, TARN_DIGEST) == 0;
}

static int find_child(const struct tarn_pending *p, struct tarn_log *log, int *found,
                      struct tarn_err *err) {
    struct tarn_log child = *log;
    uint32_t *timelines = NULL;
    size_t n = 0;
    size_t i;
    int rc = tarn_log_timelines(log, &timelines, &n, err);

    *found = 0;
    for (i = 0; i < n && rc == TARN_OK && !*found; i++) {
        struct tarn_err why = {0};
        struct tarn_log_entry e;

        child.timeline = timelines[i];
        if (timelines[i] <= log->timeline) continue;
        rc = tarn_log_read(&child, 1, &e, &why);
        if (rc == TARN_ENOTFOUND) {
            rc = TARN_OK;
            continue;
        }
        if (rc) {
            rc = tarn_err_set(err, rc, "%s", why.msg);
            break;
        }
        *found = e.has_parent && e.parent == log->timeline && begins_ours(p, &e);
        tarn_log_entry_release(&e);
    }
    if (*found) log->timeline = child.timeline;
    tarn_free(timelines);
    return rc;
}

static int walk(struct tarn_pending *p, visitor visit, void *arg, struct tarn_err *err) {
    struct tarn_log log = {tarn_lake_store(p->conn->lake), p->name, p->id, p->position.timeline};
    uint64_t n = p->position.entry;
    int forked = 0; /* entries that aren't ours were seen on this timeline */
    int stop = 0;
    int rc = TARN_OK;

    while (rc == TARN_OK && !stop) {
        enum tarn_log_end end = TARN_LOG_OPEN;
        struct tarn_err why = {0};
        struct tarn_log_entry e;
        uint64_t common;
        int differs = 0;

        rc = tarn_log_read(&log, ++n, &e, &why);
        if (rc == TARN_ENOTFOUND) {
            rc = TARN_OK;
            if (forked) rc = find_child(p, &log, &forked, err);
            stop = !forked;
            forked = 0;
            n = 0;
            continue;
        }
        if (rc) return tarn_err_set(err, rc, "%s", why.msg);
        common = common_of(p, &e, &differs);
        rc = tarn_log_end_read(&log, n, &end, err);
        if (rc == TARN_OK) rc = visit(p, &log, &e, end, common, arg, &stop, err);
        tarn_log_entry_release(&e);
        forked = forked || differs;
        if (rc == TARN_OK && !stop && differs && end == TARN_LOG_DONE) {
            rc = find_child(p, &log, &forked, err); /* what follows here is the other history's */
            stop = !forked;
            forked = 0;
            n = 0;
        }
    }
    return rc;
}

/* Calls of rows that object o of entry e holds: counted, or dropped too. */
static size_t rows_of(struct tarn_pending *p, const struct tarn_log_entry *e, uint64_t common,
                      const struct tarn_log_object *o, int drop) {
    size_t root = strlen(p->root);
    struct tarn_key_info info;
    size_t n = 0;
    size_t i;

    for (i = 0; o->spool && i < p->n_spools; i++) {
        if (p->spools[i].sequence == 0 || strcmp(p->spools[i].file.name, o->spool) != 0) continue;
        if (drop) p->spools[i].sequence = 0;
        n++;
    }
    if (o->spool || strncmp(o->key, p->root, root) != 0 || tarn_key_parse(o->key, root, &info) ||
        info.hi - info.lo != TARN_MS_PER_HOUR - 1) {
        return n;
    }
    for (i = 0; i < p->n_items; i++) {
        struct tarn_pending_item *item = &p->items[i];

        if (item->dropped || item->sequence < e->first || item->sequence > common ||
            item->ts < info.lo || item->ts > info.hi) {
            continue;
        }
        if (drop) item->dropped = 1;
        n++;
    }
    return n;
}

static int settle_entry(struct tarn_pending *p, const struct tarn_log *log,
                        const struct tarn_log_entry *e, enum tarn_log_end end, uint64_t common,
                        void *arg, int *stop, struct tarn_err *err) {
    struct tarn_catalog *c = arg;
    size_t i;

    (void)stop;
    for (i = 0; i < e->n_objects; i++) {
        const struct tarn_log_object *o = &e->objects[i];
        struct tarn_file *file = tarn_catalog_find(c, o->key);
        struct tarn_object present;
        struct tarn_err why = {0};
        int rc = TARN_OK;

        if (end == TARN_LOG_ABORT) {
            if (file) file->state = TARN_FILE_PENDING;
            continue;
        }
        if (rows_of(p, e, common, o, 0) == 0) continue;
        if (!file && !tarn_catalog_replaced_by(c, o->key)) {
            if (end != TARN_LOG_DONE) continue;
            rc = tarn_store_head(log->store, o->key, &present, &why);
            if (rc == TARN_OK) continue; /* it came after the listing */
            if (rc != TARN_ENOTFOUND) return tarn_err_set(err, rc, "%s", why.msg);
        }
        (void)rows_of(p, e, common, o, 1);
    }
    return TARN_OK;
}

/* Spool files left over are read where they lie, under the key that they will have. */
static int add_spools(struct tarn_pending *p, struct tarn_catalog *c, struct tarn_err *err) {
    size_t i;
    int rc = TARN_OK;

    for (i = 0; i < p->n_spools && rc == TARN_OK; i++) {
        const struct tarn_spool_file *f = &p->spools[i].file;
        struct tarn_buf key = TARN_BUF_INIT(TARN_KEY_MAX);
        char path[4096];

        if (p->spools[i].sequence == 0) continue;
        snprintf(path, sizeof path, "%s/%s", p->conn->shared->spool, f->name);
        tarn_buf_put(&key, f->root.data, f->root.len);
        tarn_key_hour(&key, f->hour);
        tarn_buf_puts(&key, f->name);
        tarn_buf_u8(&key, 0);
        rc = key.rc ? tarn_err_set(err, key.rc, "out of memory")
                    : tarn_catalog_add_spool(c, (char *)key.data, path, f->bytes, f->min_ts,
                                             f->max_ts, err);
        tarn_buf_release(&key);
    }
    return rc;
}

int tarn_pending_settle(struct tarn_pending *p, struct tarn_catalog *c, struct tarn_err *err) {
    int rc = TARN_OK;

    if (!p) return TARN_OK;
    if (p->conn->lake && p->commits) rc = walk(p, settle_entry, c, err);
    return rc ? rc : add_spools(p, c, err);
}

struct delivered {
    const char *name;
    struct tarn_source *out;
    int found;
};

static int look_for_spool(struct tarn_pending *p, const struct tarn_log *log,
                          const struct tarn_log_entry *e, enum tarn_log_end end, uint64_t common,
                          void *arg, int *stop, struct tarn_err *err) {
    struct delivered *want = arg;
    struct tarn_object object;
    size_t i;
    int rc;

    (void)p;
    (void)common;
    for (i = 0; i < e->n_objects && end == TARN_LOG_DONE; i++) {
        const struct tarn_log_object *o = &e->objects[i];

        if (!o->spool || strcmp(o->spool, want->name) != 0) continue;
        *stop = want->found = 1;
        rc = tarn_store_head(log->store, o->key, &object, err);
        return rc ? rc : tarn_store_source(log->store, &object, want->out, err);
    }
    return TARN_OK;
}

int tarn_pending_source(struct tarn_pending *p, const struct tarn_file *f, struct tarn_source *out,
                        struct tarn_err *err) {
    struct delivered want = {strrchr(f->spool, '/') + 1, out, 0};
    struct tarn_err why = {0};
    int rc = tarn_spool_source(f->spool, out, &why);

    if (rc == TARN_ENOTFOUND && p->conn->lake) { /* delivered since: the log says where to */
        int walked = walk(p, look_for_spool, &want, err);

        if (want.found || walked) return walked;
    }
    return rc ? tarn_err_set(err, rc, "%s", why.msg) : TARN_OK;
}
