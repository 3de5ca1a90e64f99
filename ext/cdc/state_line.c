/* state_line.c: the line of timelines that a state's history is: the bookmark's own, its parent up to
** where it forked off, that one's parent … Entry 1 of each in the flush log names the parent.
*/
#include <string.h>

#include "conn.h"
#include "db.h"
#include "flush_log.h"
#include "mem.h"
#include "state_impl.h"

static int add(struct tarn_state *s, uint32_t timeline, uint64_t upto, struct tarn_err *err) {
    struct tarn_state_era *grown = tarn_reallocarray(s->eras, s->n_eras + 1, sizeof *grown);

    if (!grown) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    s->eras = grown;
    s->eras[s->n_eras++] = (struct tarn_state_era){timeline, upto};
    return TARN_OK;
}

/* Where `timeline` forked off; *there = 0: nowhere. */
static int find_parent(struct tarn_conn *c, struct tarn_lake *lake, uint32_t timeline, int *there,
                       uint32_t *parent, uint64_t *upto, struct tarn_err *err) {
    struct tarn_db *d = c->shared;
    struct tarn_log_entry e;
    struct tarn_log log;
    struct tarn_err why = {0};
    char name[128];
    char id[17];
    int rc;

    (void)pthread_mutex_lock(&d->mutex);
    *there = d->forked && d->position.timeline == timeline;
    *parent = d->parent;
    *upto = d->parent_sequence;
    (void)pthread_mutex_unlock(&d->mutex);
    if (*there || !lake) return TARN_OK;
    tarn_db_identity(d, id, name);
    log = (struct tarn_log){tarn_lake_store(lake), name, id, timeline};
    rc = tarn_log_read(&log, 1, &e, &why);
    if (rc == TARN_ENOTFOUND) return TARN_OK;
    if (rc) return tarn_err_set(err, rc, "%s", why.msg);
    *there = e.has_parent;
    *parent = e.parent;
    *upto = e.parent_sequence;
    tarn_log_entry_release(&e);
    if (!*there || *parent < timeline) return TARN_OK;
    return tarn_err_set(err, TARN_ECORRUPT,
                        "the flush log of timeline %08x: its parent is a later one", timeline);
}

int tarn_state_trace(struct tarn_state *s, struct tarn_err *err) {
    struct tarn_conn *c = s->spec.conn;
    struct tarn_lake *lake = NULL;
    struct tarn_position now;
    uint64_t upto = s->spec.at ? s->spec.at->sequence : UINT64_MAX;
    uint32_t timeline;
    int there = 1;
    int rc = tarn_conn_attach(c, err);

    if (rc == TARN_OK) rc = tarn_conn_lake(c, 0, &lake, err);
    if (rc) return rc;
    tarn_db_position(c->shared, &now);
    timeline = s->spec.at ? s->spec.at->timeline : now.timeline;
    s->n_eras = 0;
    while (rc == TARN_OK && there) {
        uint64_t before = 0;

        rc = add(s, timeline, upto, err);
        if (rc || timeline == 0) break;
        rc = find_parent(c, lake, timeline, &there, &timeline, &before, err);
        if (before < upto) upto = before;
    }
    return rc;
}

int tarn_state_counts(const struct tarn_state *s, struct tarn_slice bookmark) {
    struct tarn_bookmark b;
    size_t i;

    if (tarn_bookmark_parse(&b, (const char *)bookmark.data, bookmark.len)) return 1;
    for (i = 0; i < s->n_eras; i++) {
        if (s->eras[i].timeline == b.timeline) return b.sequence <= s->eras[i].upto;
    }
    return 0;
}
