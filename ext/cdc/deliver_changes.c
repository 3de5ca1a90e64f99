/* deliver_changes.c: see deliver_changes.h. One file is written at a time. All that goes into names and
** bytes follows from the entry and its commits, so whoever completes the entry writes the same.
*/
#include "deliver_changes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "encode.h"
#include "manifest.h"
#include "place.h"
#include "plan.h"
#include "time.h"

static int delta_key(struct tarn_buf *b, struct tarn_slice name, uint64_t sequence, int64_t time,
                     uint32_t timeline) {
    struct tarn_civil c;

    tarn_time_civil(time, &c);
    tarn_buf_clear(b);
    tarn_buf_puts(b, "cdc/");
    tarn_buf_put(b, name.data, name.len);
    tarn_buf_printf(b, "/deltas/%03" PRIu64 "_%04d-%02d-%02dT%02d-%02d", sequence, c.year, c.month,
                    c.day, c.hour, c.minute);
    if (timeline) tarn_buf_printf(b, "-t%08" PRIx32, timeline);
    tarn_buf_puts(b, ".parquet");
    tarn_buf_u8(b, 0);
    return b->rc;
}

static int base_key(struct tarn_buf *b, struct tarn_slice name) {
    tarn_buf_clear(b);
    tarn_buf_puts(b, "cdc/");
    tarn_buf_put(b, name.data, name.len);
    tarn_buf_puts(b, "/data.parquet");
    tarn_buf_u8(b, 0);
    return b->rc;
}

/* A collection that began more than once in the entry: the last beginning counts. */
static const struct tarn_plan_base *base_of(const struct tarn_plan_collection *c) {
    return c->n_bases ? &c->bases[c->n_bases - 1] : NULL;
}

/* Deltas, then bases; each by name. */
static int list(const struct tarn_deliver_plan *p, const struct tarn_log *log,
                struct tarn_log_entry *e, struct tarn_err *err) {
    struct tarn_buf key = TARN_BUF_INIT(TARN_KEY_MAX);
    int rc = tarn_log_changes_copy(&e->changes, &p->changes, err);
    size_t i;

    for (i = 0; i < p->n && rc == TARN_OK; i++) {
        const struct tarn_plan_collection *c = p->collections[i];

        if (c->rows == 0) continue;
        if (delta_key(&key, c->name, c->first->sequence, c->first->time, log->timeline)) break;
        rc = tarn_log_entry_object(e, TARN_LOG_DELTA, (char *)key.data, c->rows, NULL, err);
    }
    for (i = 0; i < p->n && rc == TARN_OK && key.rc == TARN_OK; i++) {
        const struct tarn_plan_base *base = base_of(p->collections[i]);

        if (!base) continue;
        if (base_key(&key, p->collections[i]->name)) break;
        rc = tarn_log_entry_object(e, TARN_LOG_BASE, (char *)key.data, base->file.base.rows, NULL,
                                   err);
    }
    if (rc == TARN_OK && key.rc) rc = tarn_err_set(err, key.rc, "no memory for the key of a delta");
    tarn_buf_release(&key);
    return rc;
}

static int put(const struct tarn_deliver_plan *p, const struct tarn_log *log,
               const struct tarn_log_entry *e, const struct tarn_log_object *objects, size_t n,
               struct tarn_err *err) {
    size_t at = 0;
    size_t i;
    int rc = TARN_OK;

    for (i = 0; i < p->n && at < n && rc == TARN_OK; i++) {
        if (p->collections[i]->rows == 0) continue;
        rc = tarn_encode_delta(p, p->collections[i], log, e, objects[at++].key, err);
    }
    for (i = 0; i < p->n && at < n && rc == TARN_OK; i++) {
        const struct tarn_plan_base *base = base_of(p->collections[i]);

        if (base) rc = tarn_encode_base(p, base, log, e, objects[at++].key, err);
    }
    return rc;
}

static int names(const struct tarn_log_commit *c, struct tarn_slice name) {
    size_t i;

    for (i = 0; i < c->n_collections; i++) {
        struct tarn_slice s = c->collections[i].name;

        if (s.len == name.len && memcmp(s.data, name.data, name.len) == 0) return 1;
    }
    return 0;
}

/* The key must be the one that a commit of the entry gives the collection which the key names. */
static int makes(const struct tarn_log *log, const struct tarn_log_entry *e,
                 const struct tarn_log_object *o) {
    struct tarn_buf key = TARN_BUF_INIT(TARN_KEY_MAX);
    const char *deltas = strstr(o->key, "/deltas/");
    struct tarn_slice name = {(const uint8_t *)o->key + 4, 0};
    int same = 0;
    size_t i;

    if (o->kind != TARN_LOG_DELTA || strncmp(o->key, "cdc/", 4) != 0 || !deltas ||
        deltas <= o->key + 4) {
        return 0;
    }
    name.len = (size_t)(deltas - o->key) - 4;
    for (i = 0; i < e->changes.n && !same; i++) {
        const struct tarn_log_commit *c = &e->changes.commits[i];

        if (!names(c, name)) continue;
        same = delta_key(&key, name, c->sequence, c->time, log->timeline) == TARN_OK &&
               strcmp((char *)key.data, o->key) == 0;
    }
    tarn_buf_release(&key);
    return same;
}

static int withdraw(const struct tarn_log *log, const struct tarn_log_entry *e,
                    const struct tarn_log_object *o, struct tarn_err *err) {
    return tarn_place_withdraw(o->key, log, e, err);
}

static const struct tarn_deliver changes = {
    .plan = tarn_plan_make,
    .list = list,
    .claim = tarn_manifest_claim,
    .put = put,
    .finished = tarn_manifest_finished,
    .finish = tarn_manifest_finish,
    .release = tarn_plan_free,
    .makes = makes,
    .withdraw = withdraw,
};

void tarn_deliver_changes_register(void) {
    tarn_deliver_register(&changes);
}
