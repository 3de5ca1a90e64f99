/* bookmark_find.c: see bookmark_find.h.
**
**   outbox       all that waits, in order: the last one that is not after the time
**   flush log    entry n of our timeline with the greatest n whose first commit is not after it, found
**                by halving; before entry 1 comes what the parent has, up to where we left it
**   deltas       of each collection the last row that is not after it
*/
#include "bookmark_find.h"

#include <string.h>

#include "changes_scan.h"
#include "db.h"
#include "flush_log.h"
#include "mem.h"
#include "text.h"
#include "time.h"
#include "txn_impl.h"
#include "waiting.h"

#define READ_AT_ONCE ((size_t)8 << 20)
#define PARENTS 10000 /* more than that is no chain but a circle */

/* What the connection sees of its outbox. *known = 0: it has none. */
static int look(struct tarn_conn *c, int *known, struct tarn_err *err) {
    int rc = tarn_conn_attach(c, err);

    *known = 0;
    if (rc || tarn_db_is_memory(c->shared)) return rc;
    rc = tarn_outbox_load(&c->txn->outbox, c->db, err);
    *known = rc == TARN_OK && c->txn->outbox.known;
    if (*known) tarn_db_identify(c->shared, &c->txn->outbox);
    return rc;
}

int tarn_bookmark_last(struct tarn_conn *c, char out[TARN_BOOKMARK + 1], struct tarn_err *err) {
    const struct tarn_outbox *view = &c->txn->outbox;
    struct tarn_position position;
    uint32_t timeline = 0;
    int known = 0;
    int rc = look(c, &known, err);

    out[0] = 0;
    if (rc) return rc;
    if (tarn_db_is_memory(c->shared)) {
        struct tarn_db *d = c->shared;

        (void)pthread_mutex_lock(&d->mutex);
        if (d->memory_last) {
            tarn_bookmark_text(out, d->position.timeline, d->memory_last, d->memory_time,
                               d->memory_digest);
        }
        (void)pthread_mutex_unlock(&d->mutex);
        return TARN_OK;
    }
    if (!known || view->last == 0) return TARN_OK;
    tarn_waiting_position(c, &position, &timeline);
    tarn_bookmark_text(out, timeline, view->last, view->last_time, view->last_digest);
    return TARN_OK;
}

static void note(char out[TARN_BOOKMARK + 1], uint32_t timeline, const struct tarn_commit *commit,
                 int64_t ms) {
    if (commit->time > ms) return;
    tarn_bookmark_text(out, timeline, commit->sequence, commit->time, commit->digest);
}

static int in_queue(struct tarn_db *d, int64_t ms, char out[TARN_BOOKMARK + 1]) {
    const struct tarn_commit *commit;

    (void)pthread_mutex_lock(&d->mutex);
    for (commit = d->first; commit; commit = commit->next)
        note(out, d->position.timeline, commit, ms);
    (void)pthread_mutex_unlock(&d->mutex);
    return TARN_OK;
}

static int in_outbox(struct tarn_conn *c, const struct tarn_position *position, uint32_t timeline,
                     int64_t ms, char out[TARN_BOOKMARK + 1], struct tarn_err *err) {
    const struct tarn_outbox *view = &c->txn->outbox;
    uint64_t after = position->collected;
    int more = 1;
    int rc = TARN_OK;

    while (more && rc == TARN_OK && view->last > after) {
        struct tarn_commit *first = NULL;
        const struct tarn_commit *commit;

        rc = tarn_outbox_read(view, c->db, after, 0, READ_AT_ONCE, &first, &more, err);
        for (commit = first; commit; commit = commit->next) {
            after = commit->sequence;
            note(out, timeline, commit, ms);
        }
        tarn_commit_free_list(first);
    }
    return rc;
}

struct search {
    struct tarn_log log;
    int64_t ms;
    uint64_t bound; /* sequences beyond it are another history's */
    char *out;
};

/* Reads entry n; *there = 0: the log ends before it. */
static int read_entry(const struct search *s, uint64_t n, struct tarn_log_entry *e, int *there,
                      struct tarn_err *err) {
    struct tarn_err why = {0};
    int rc = tarn_log_read(&s->log, n, e, &why);

    *there = rc == TARN_OK;
    if (rc == TARN_OK || rc == TARN_ENOTFOUND) return TARN_OK;
    return tarn_err_set(err, rc, "%s", why.msg);
}

/* Is entry n there, and does it begin at or before the time? */
static int begins(const struct search *s, uint64_t n, int *yes, struct tarn_err *err) {
    struct tarn_log_entry e;
    int rc = read_entry(s, n, &e, yes, err);

    if (rc || !*yes) return rc;
    *yes = e.time <= s->ms && e.first <= s->bound;
    tarn_log_entry_release(&e);
    return TARN_OK;
}

/* The greatest n that begins(); 0 = none. Entries begin one after the other. */
static int last_entry(const struct search *s, uint64_t *n, struct tarn_err *err) {
    uint64_t low = 0, high = 1;
    int yes = 1;
    int rc = TARN_OK;

    while (rc == TARN_OK && high < UINT64_MAX / 2) {
        rc = begins(s, high, &yes, err);
        if (rc || !yes) break;
        low = high;
        high *= 2;
    }
    while (rc == TARN_OK && high - low > 1) {
        uint64_t middle = low + (high - low) / 2;

        rc = begins(s, middle, &yes, err);
        *(yes ? &low : &high) = middle;
    }
    *n = low;
    return rc;
}

static void from_entry(const struct search *s, const struct tarn_log_entry *e) {
    uint64_t sequence = e->first;
    int64_t time = e->time;
    size_t i;

    for (i = 0; i < e->changes.n; i++) {
        const struct tarn_log_commit *c = &e->changes.commits[i];

        if (c->time > s->ms || c->sequence > s->bound) break;
        sequence = c->sequence;
        time = c->time;
    }
    tarn_bookmark_text(s->out, s->log.timeline, sequence, time, tarn_log_digest(e, sequence));
}

/* In one timeline. *parent = 1: go on in the one that it comes from. */
static int in_timeline(struct search *s, int *parent, struct tarn_err *err) {
    struct tarn_log_entry e;
    uint64_t n = 0;
    int there = 0;
    int rc = last_entry(s, &n, err);

    *parent = 0;
    for (; rc == TARN_OK && n > 0 && !s->out[0]; n--) {
        enum tarn_log_end end = TARN_LOG_OPEN;

        rc = tarn_log_end_read(&s->log, n, &end, err);
        if (rc || end == TARN_LOG_ABORT) continue;
        rc = read_entry(s, n, &e, &there, err);
        if (rc || !there) continue;
        from_entry(s, &e);
        tarn_log_entry_release(&e);
    }
    if (rc || s->out[0]) return rc;
    rc = read_entry(s, 1, &e, &there, err);
    if (rc || !there) return rc;
    if (e.has_parent && e.parent < s->log.timeline) {
        *parent = 1;
        s->log.timeline = e.parent;
        s->bound = e.parent_sequence;
    }
    tarn_log_entry_release(&e);
    return TARN_OK;
}

static int in_log(struct tarn_conn *c, struct tarn_lake *lake, uint32_t timeline, int64_t ms,
                  char out[TARN_BOOKMARK + 1], struct tarn_err *err) {
    char id[17], name[128];
    struct search s = {{tarn_lake_store(lake), name, id, timeline}, ms, UINT64_MAX, out};
    int parent = 1;
    int steps = 0;
    int rc = TARN_OK;

    tarn_db_identity(c->shared, id, name);
    while (parent && rc == TARN_OK && steps++ < PARENTS)
        rc = in_timeline(&s, &parent, err);
    return rc;
}

/* The last row of a collection that is not after the time. */
static int in_collection(struct tarn_conn *c, const char *collection, int64_t ms,
                         char out[TARN_BOOKMARK + 1], struct tarn_err *err) {
    struct tarn_changes_spec spec;
    struct tarn_changes_scan *scan = NULL;
    struct tarn_const bound;
    struct tarn_predicate p = {TARN_CHANGES_TS, TARN_OP_LE, &bound, 1};
    char iso[TARN_TIME_LEN + 2];
    int more = 1;
    int rc;

    memset(&spec, 0, sizeof spec);
    memset(&bound, 0, sizeof bound);
    tarn_time_iso(ms, iso);
    bound.kind = TARN_CONST_BYTES;
    bound.bytes = (struct tarn_slice){(const uint8_t *)iso, strlen(iso)};
    spec.conn = c;
    spec.collection = collection;
    spec.columns = 1u << TARN_CHANGES_BOOKMARK | 1u << TARN_CHANGES_TS;
    spec.predicates = &p;
    spec.n_predicates = 1;
    spec.descending = 1;
    spec.limit = 1;
    spec.pushdown = 1;
    spec.memory_budget = (size_t)tarn_settings_int(&c->settings, TARN_SET_MEMORY_BUDGET);
    rc = tarn_changes_open(&scan, &spec, err);
    while (rc == TARN_OK && more) {
        struct tarn_slice text, ts;

        rc = tarn_changes_next(scan, &more, err);
        if (rc || !more) break;
        rc = tarn_changes_text(scan, TARN_CHANGES_BOOKMARK, &text, err);
        if (rc == TARN_OK) rc = tarn_changes_text(scan, TARN_CHANGES_TS, &ts, err);
        if (rc || text.len != TARN_BOOKMARK || !tarn_changes_matches(&p, ts)) continue;
        if (memcmp(text.data, out, TARN_BOOKMARK) > 0) memcpy(out, text.data, TARN_BOOKMARK);
        break;
    }
    tarn_changes_free(scan);
    return rc;
}

static int in_deltas(struct tarn_conn *c, struct tarn_lake *lake, const char *namespace_,
                     int64_t ms, char out[TARN_BOOKMARK + 1], struct tarn_err *err) {
    struct tarn_buf prefix = TARN_BUF_INIT(TARN_KEY_MAX);
    struct tarn_listing folders = {0};
    size_t i;
    int rc;

    tarn_buf_puts(&prefix, "cdc/");
    tarn_percent_encode(&prefix, namespace_, strlen(namespace_));
    tarn_buf_put(&prefix, "/", 2);
    rc = prefix.rc ? tarn_err_set(err, prefix.rc, "the namespace's name is too long")
                   : tarn_store_list(tarn_lake_store(lake), (const char *)prefix.data, '/', NULL, 0,
                                     &folders, err);
    for (i = 0; rc == TARN_OK && i < folders.n_prefixes; i++) {
        char *name = tarn_strdup(folders.prefixes[i] + 4);

        if (!name) {
            rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
            break;
        }
        name[strlen(name) - 1] = 0;
        rc = in_collection(c, name, ms, out, err);
        tarn_free(name);
    }
    tarn_listing_release(&folders);
    tarn_buf_release(&prefix);
    return rc;
}

int tarn_bookmark_at(struct tarn_conn *c, const char *namespace_, int64_t ms,
                     char out[TARN_BOOKMARK + 1], struct tarn_err *err) {
    struct tarn_position position = {0};
    struct tarn_lake *lake = NULL;
    uint32_t timeline = 0;
    int known = 0;
    int rc = look(c, &known, err);

    memset(out, 0, TARN_BOOKMARK + 1);
    if (rc) return rc;
    tarn_waiting_position(c, &position, &timeline);
    if (tarn_db_is_memory(c->shared)) {
        rc = in_queue(c->shared, ms, out);
    } else if (known) {
        rc = in_outbox(c, &position, timeline, ms, out, err);
    }
    if (rc == TARN_OK && !out[0]) rc = tarn_conn_lake(c, 0, &lake, err);
    if (rc || out[0] || !lake) return rc;
    if (known || c->shared->memory_last) return in_log(c, lake, timeline, ms, out, err);
    return in_deltas(c, lake, namespace_, ms, out, err);
}
