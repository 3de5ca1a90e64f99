/* scan_run.c: runs: rows in memory, ordered by ts, for scans that have an order.
**
** A decoded batch becomes a run as it stands: nearly all files are sorted by ts, which one pass
** over the times finds out; only a batch that is not gets an index of its rows. A JSONL file and
** the pending rows are one run each. JSONL rows are kept in the binary form of event.h, with only
** the columns that the scan needs; pending rows stay where they are.
** All memory counts against the scan's budget.
*/
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "scan_impl.h"

struct tarn_run_event {
    struct tarn_run_event *next;
    const struct tarn_event *event; /* pending; else the bytes below */
    int64_t ts;
    size_t len;
    int has_type; /* the binary form always has a type */
    uint8_t bytes[];
};

struct sort_key {
    int64_t key; /* ts, inverted when descending */
    uint32_t row;
};

static int by_key(const void *a, const void *b) {
    const struct sort_key *x = a, *y = b;

    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

static int sort_rows(struct tarn_run *r, int order) {
    struct tarn_arena work;
    struct sort_key *keys;
    uint32_t *index;
    uint32_t i;

    tarn_arena_init(&work, r->memory.budget);
    keys = tarn_arena_alloc(&work, r->n * sizeof *keys);
    index = tarn_arena_alloc(&r->memory, r->n * sizeof *index);
    if (keys && index) {
        for (i = 0; i < r->n; i++) {
            keys[i].key = order > 0 ? r->ts[i] : ~r->ts[i];
            keys[i].row = i;
        }
        qsort(keys, r->n, sizeof *keys, by_key);
        for (i = 0; i < r->n; i++)
            index[i] = keys[i].row;
        r->index = index;
    }
    i = (uint32_t)work.rc;
    tarn_arena_release(&work);
    return r->memory.rc ? r->memory.rc : (int)i;
}

static int put_in_order(struct tarn_run *r, int order) {
    int ascending = 1, descending = 1;
    uint32_t i;

    for (i = 1; i < r->n && (ascending || descending); i++) {
        ascending &= r->ts[i] >= r->ts[i - 1];
        descending &= r->ts[i] <= r->ts[i - 1];
    }
    if (ascending || descending) {
        r->reverse = order > 0 ? !ascending : ascending;
        return TARN_OK;
    }
    return sort_rows(r, order);
}

static struct tarn_run *new_run(struct tarn_scan *s, struct tarn_scan_file *f) {
    struct tarn_run *r = tarn_calloc(1, sizeof *r);

    if (!r) return NULL;
    tarn_arena_init(&r->memory, &s->budget);
    if (f) tarn_scan_file_ref(f);
    r->file = f;
    return r;
}

void tarn_run_free(struct tarn_run *r) {
    if (!r) return;
    tarn_pq_batch_release(r->batch);
    tarn_arena_release(&r->memory);
    tarn_scan_file_free(r->file);
    tarn_free(r);
}

/* What could not be had: memory, or more of the budget. */
static int no_room(struct tarn_scan *s, int rc, const char *name, struct tarn_err *err) {
    if (rc == TARN_ELIMIT)
        return tarn_err_set(err, rc,
                            "%s: its rows need more than the %llu bytes that the setting "
                            "memoryBudget allows to put rows in order; raise it, or ask for less "
                            "time",
                            name, (unsigned long long)s->budget.limit);
    return tarn_err_set(err, rc, "%s: out of memory", name);
}

/* The times of a batch: the decoded array itself when it is plain milliseconds. */
static int read_times(struct tarn_run *r, const struct tarn_binding *b) {
    const struct tarn_bound *bound = &b->bound[TARN_EV_TS];
    const struct tarn_vector *v = &r->batch->columns[bound->slot];
    int64_t *ts;
    uint32_t i;

    if (bound->how == TARN_BIND_TIME && v->physical == TARN_INT64 && b->div == 1 && !v->codes &&
        !v->valid) {
        r->ts = v->values.i64;
        return TARN_OK;
    }
    if ((ts = tarn_arena_alloc(&r->memory, r->n * sizeof *ts)) == NULL) return r->memory.rc;
    for (i = 0; i < r->n; i++) {
        if (tarn_binding_ts(b, r->batch, i, &ts[i]) != 0) return TARN_ECORRUPT;
    }
    r->ts = ts;
    return TARN_OK;
}

int tarn_run_of_batch(struct tarn_run **out, struct tarn_scan_file *f, struct tarn_pq_batch *batch,
                      struct tarn_err *err) {
    struct tarn_scan *s = f->scan;
    struct tarn_run *r = NULL;
    int rc = TARN_OK;

    *out = NULL;
    if (batch->n == 0) {
        tarn_pq_batch_release(batch);
        return TARN_OK;
    }
    if ((r = new_run(s, f)) == NULL) {
        tarn_pq_batch_release(batch);
        return no_room(s, TARN_ENOMEM, f->source.name, err);
    }
    r->batch = batch;
    r->n = batch->n;
    if ((rc = read_times(r, f->binding)) == TARN_OK) rc = put_in_order(r, s->spec.order);
    if (rc == TARN_OK)
        *out = r;
    else
        tarn_run_free(r);
    if (rc == TARN_ECORRUPT)
        return tarn_err_set(err, rc, "%s: column ts: expected a time in every row, found none",
                            f->source.name);
    return rc == TARN_OK ? rc : no_room(s, rc, f->source.name, err);
}

/* Turns a list (newest first) into arrays, in order. */
static int finish_events(struct tarn_run *r, struct tarn_run_event *list, int order) {
    int64_t *ts = tarn_arena_alloc(&r->memory, r->n * sizeof *ts);
    uint32_t i;

    r->events = tarn_arena_alloc(&r->memory, r->n * sizeof *r->events);
    if (r->memory.rc != TARN_OK) return r->memory.rc;
    for (i = r->n; i > 0; i--, list = list->next) {
        r->events[i - 1] = list;
        ts[i - 1] = list->ts;
    }
    r->ts = ts;
    return put_in_order(r, order);
}

/* Adds one event; text of columns that nobody asked for stays out. */
static int keep_event(struct tarn_run *r, struct tarn_event *ev, struct tarn_buf *b,
                      struct tarn_run_event **list) {
    struct tarn_run_event *e;
    int has_type = (ev->present & TARN_EV_BIT(TARN_EV_TYPE)) != 0;

    if (r->n == UINT32_MAX) return TARN_ELIMIT;
    if (!has_type) memset(&ev->text[TARN_EV_TYPE], 0, sizeof ev->text[0]);
    ev->present |= TARN_EV_BIT(TARN_EV_TYPE);
    tarn_buf_clear(b);
    tarn_event_encode(b, ev);
    if (b->rc != TARN_OK) return b->rc;
    if ((e = tarn_arena_alloc(&r->memory, sizeof *e + b->len)) == NULL) return r->memory.rc;
    e->next = *list;
    e->event = NULL;
    e->ts = ev->ts;
    e->len = b->len;
    e->has_type = has_type;
    memcpy(e->bytes, b->data, b->len);
    *list = e;
    r->n++;
    return TARN_OK;
}

int tarn_run_of_lines(struct tarn_run **out, struct tarn_scan_file *f, struct tarn_err *err) {
    struct tarn_scan *s = f->scan;
    uint32_t columns = s->spec.columns | TARN_EV_BIT(TARN_EV_TS);
    struct tarn_run *r = new_run(s, f);
    struct tarn_run_event *list = NULL;
    struct tarn_event ev;
    struct tarn_buf b;
    int more = 0;
    int rc = r ? TARN_OK : TARN_ENOMEM;

    *out = NULL;
    tarn_buf_init(&b, TARN_EVENT_MAX + 16);
    while (rc == TARN_OK) {
        rc = tarn_scan_file_event(f, &ev, &more, err);
        if (rc != TARN_OK || !more) break;
        ev.present &= columns;
        if ((rc = keep_event(r, &ev, &b, &list)) != TARN_OK) no_room(s, rc, f->source.name, err);
    }
    if (rc == TARN_OK && r->n && (rc = finish_events(r, list, s->spec.order)) == TARN_OK) {
        *out = r;
        r = NULL;
    }
    tarn_buf_release(&b);
    tarn_run_free(r);
    return rc == TARN_OK ? rc : no_room(s, rc, f->source.name, err);
}

int tarn_run_of_pending(struct tarn_run **out, struct tarn_scan *s, struct tarn_err *err) {
    struct tarn_run *r = new_run(s, NULL);
    struct tarn_run_event *list = NULL, *e;
    struct tarn_event ev;
    int more = 0;
    int rc = r ? TARN_OK : TARN_ENOMEM;

    *out = NULL;
    while (rc == TARN_OK) {
        rc = tarn_scan_pending_next(s, &ev, &more, err);
        if (rc != TARN_OK || !more) break;
        e = r->n < UINT32_MAX ? tarn_arena_calloc(&r->memory, 1, sizeof *e) : NULL;
        if (!e || (e->event = tarn_arena_memdup(&r->memory, &ev, sizeof ev)) == NULL) {
            rc = r->memory.rc ? r->memory.rc : TARN_ELIMIT;
            break;
        }
        e->ts = ev.ts;
        e->next = list;
        list = e;
        r->n++;
    }
    if (rc == TARN_OK && r->n && (rc = finish_events(r, list, s->spec.order)) == TARN_OK) {
        *out = r;
        r = NULL;
    }
    tarn_run_free(r);
    return rc == TARN_OK ? rc : no_room(s, rc, "events not in the lake yet", err);
}

int tarn_run_event(const struct tarn_run *r, struct tarn_event *ev, struct tarn_err *err) {
    const struct tarn_run_event *e = r->events[tarn_run_row(r)];
    struct tarn_cursor c;
    int rc;

    if (e->event) {
        *ev = *e->event;
        return TARN_OK;
    }
    c.p = e->bytes;
    c.end = e->bytes + e->len;
    c.rc = TARN_OK;
    rc = tarn_event_decode(&c, ev, err);
    if (rc == TARN_OK && !e->has_type) ev->present &= ~TARN_EV_BIT(TARN_EV_TYPE);
    return rc;
}
