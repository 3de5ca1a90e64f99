/* flusher_fork.c: a delivery where histories part: whose commits an entry of the log holds, and which
** timeline this database goes on with.
*/
#include <string.h>

#include "flusher_impl.h"
#include "mem.h"

/* The commit of a sequence, if the run has it. */
static struct tarn_commit *commit_at(struct tarn_delivery *v, uint64_t sequence) {
    struct tarn_commit *c = v->near && v->near->sequence <= sequence ? v->near : v->first;

    if (!c || sequence < c->sequence || sequence > v->last) return NULL;
    while (c->sequence < sequence)
        c = c->next;
    v->near = c;
    return c;
}

const uint8_t *tarn_delivery_digest(struct tarn_delivery *v, uint64_t sequence) {
    const struct tarn_commit *c = commit_at(v, sequence);

    if (c) return c->digest;
    return v->first && v->first->sequence == sequence + 1 ? v->first->previous : NULL;
}

int tarn_delivery_shares(struct tarn_delivery *v, const struct tarn_log_entry *e, uint64_t s) {
    const uint8_t *ours = tarn_delivery_digest(v, s);
    const uint8_t *theirs = tarn_log_digest(e, s);

    return ours && theirs && memcmp(ours, theirs, TARN_DIGEST) == 0;
}

int tarn_position_equal(const struct tarn_position *a, const struct tarn_position *b) {
    return a->timeline == b->timeline && a->entry == b->entry && a->collected == b->collected;
}

/* A connection may have adopted another process's position meanwhile: on the same timeline the further
** one of each number holds, on another one that position does. */
void tarn_delivery_move(struct tarn_delivery *v, uint64_t collected, uint64_t entry) {
    struct tarn_db *d = v->d;

    (void)pthread_mutex_lock(&d->mutex);
    if (d->position.timeline == v->at.timeline) {
        if (collected > d->position.collected) d->position.collected = collected;
        if (entry > d->position.entry) d->position.entry = entry;
        d->forked = 0;
    }
    tarn_db_drop_collected(d);
    (void)pthread_mutex_unlock(&d->mutex);
}

static void set_timeline(struct tarn_delivery *v, uint32_t timeline, int forked, uint32_t parent,
                         uint64_t at) {
    struct tarn_db *d = v->d;

    (void)pthread_mutex_lock(&d->mutex);
    if (tarn_position_equal(&d->position, &v->at)) {
        if (!d->forked) d->settled = d->position;
        d->position.timeline = timeline;
        d->position.entry = 0;
        if (at > d->position.collected) d->position.collected = at;
        d->forked = forked;
        d->parent = parent;
        d->parent_sequence = at;
        d->limit = UINT64_MAX;
        tarn_db_drop_collected(d);
    }
    (void)pthread_mutex_unlock(&d->mutex);
}

int tarn_delivery_fork(struct tarn_delivery *v, uint32_t parent, uint64_t at,
                       struct tarn_err *err) {
    struct tarn_log log = v->log;
    uint32_t *timelines = NULL;
    uint32_t newest = parent;
    uint32_t join = 0;
    size_t n = 0;
    size_t i;
    int found = 0;
    int rc = tarn_log_timelines(&log, &timelines, &n, err);

    for (i = 0; i < n && rc == TARN_OK && !found; i++) {
        struct tarn_err why = {0};
        struct tarn_log_entry e;

        if (timelines[i] > newest) newest = timelines[i];
        log.timeline = timelines[i];
        if (timelines[i] <= parent) continue;
        rc = tarn_log_read(&log, 1, &e, &why);
        if (rc == TARN_ENOTFOUND)
            rc = TARN_OK;
        else if (rc)
            (void)tarn_err_set(err, rc, "%s", why.msg);
        else {
            found = e.has_parent && e.parent == parent && e.parent_sequence == at &&
                    tarn_delivery_shares(v, &e, e.first);
            if (found) join = timelines[i];
            tarn_log_entry_release(&e);
        }
    }
    tarn_free(timelines);
    if (rc) return rc;
    if (newest == UINT32_MAX) return tarn_err_set(err, TARN_ELIMIT, "too many timelines");
    set_timeline(v, found ? join : newest + 1, !found, parent, at);
    return TARN_OK;
}

/* Another history stands in entry e. What it shares with ours ends at `common`. */
int tarn_delivery_diverge(struct tarn_delivery *v, const struct tarn_log_entry *e,
                          enum tarn_log_end end, struct tarn_err *err) {
    struct tarn_db *d = v->d;
    uint64_t common = v->at.collected; /* delivered, so shared */
    uint64_t s = e->first - 1 > common ? e->first - 1 : common;
    int rc = TARN_OK;

    if (e->n == 1 && v->forked) { /* another copy took the number */
        return tarn_delivery_fork(v, v->parent, v->parent_sequence, err);
    }
    for (; s <= e->last && tarn_delivery_shares(v, e, s); s++)
        common = s;
    if (end == TARN_LOG_OPEN) {
        end = TARN_LOG_ABORT;
        rc = tarn_log_end_write(&v->log, e->n, &end, err);
        if (rc) return rc;
    }
    if (end == TARN_LOG_DONE) return tarn_delivery_fork(v, v->at.timeline, common, err);
    tarn_batch_withdraw(&v->log, e);
    (void)pthread_mutex_lock(&d->mutex);
    if (d->position.timeline == v->at.timeline && common < d->limit) d->limit = common;
    (void)pthread_mutex_unlock(&d->mutex);
    tarn_delivery_move(v, 0, e->n);
    return TARN_OK;
}
