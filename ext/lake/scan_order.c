/* scan_order.c: the scan in the order of ts, either way, opening as little as it can.
**
**   heap, best first           when it comes to the top
**   file    hours of its key   footer is read      -> its row groups   (JSONL: sorted -> run)
**   group   statistics of ts   page index is read  -> its blocks
**   block   page index         decoded             -> run
**   run     ts of its head     the head is the next row
**
** A unit's key is the best ts that it can still hold, so a run's head at the top is the next row
** of all: whatever is unopened can only hold rows that come later. Equal keys: runs first, then by
** key of the file, row group and row, so a scan of the same lake gives the same sequence.
** A row that is better than one already given out proves its folder or its statistics wrong; that
** is an error, never a row out of order.
*/
#include <string.h>

#include "mem.h"
#include "scan_impl.h"
#include "time.h"

enum unit_kind { UNIT_RUN, UNIT_BLOCK, UNIT_GROUP, UNIT_FILE };

struct unit {
    int64_t key; /* smaller is better: ts, or its complement when descending */
    enum unit_kind kind;
    int group;
    size_t entry;                /* number in the catalog; past its end for pending rows */
    struct tarn_scan_file *file; /* one reference; NULL for files and pending rows */
    int64_t lo, hi;              /* of a group: for blocks that know nothing better */
    struct tarn_pq_block block;
    struct tarn_run *run; /* owned */
};

struct tarn_scan_order {
    struct unit *heap;
    size_t n, cap;
    int64_t last; /* key of the last row */
    int taken;    /* the top is a run whose head was the last row */
};

static int before(const struct unit *a, const struct unit *b) {
    if (a->key != b->key) return a->key < b->key;
    if (a->kind != b->kind) return a->kind < b->kind;
    if (a->entry != b->entry) return a->entry < b->entry;
    if (a->group != b->group) return a->group < b->group;
    return a->block.first < b->block.first;
}

static void sift_down(struct tarn_scan_order *o) {
    struct unit moving = o->heap[0];
    size_t i = 0, child;

    while ((child = 2 * i + 1) < o->n) {
        if (child + 1 < o->n && before(&o->heap[child + 1], &o->heap[child])) child++;
        if (!before(&o->heap[child], &moving)) break;
        o->heap[i] = o->heap[child];
        i = child;
    }
    o->heap[i] = moving;
}

static void release_unit(struct unit *u) {
    if (u->file && (u->kind == UNIT_BLOCK || u->kind == UNIT_GROUP) && --u->file->unread == 0)
        tarn_scan_file_idle(u->file);
    tarn_run_free(u->run);
    tarn_scan_file_free(u->file);
}

/* Takes over the unit's run, and a reference of its own to the file. */
static int push(struct tarn_scan *s, struct unit *u, struct tarn_err *err) {
    struct tarn_scan_order *o = s->order;
    struct unit *heap = o->heap;
    size_t cap = o->cap, i;

    if (u->file) {
        tarn_scan_file_ref(u->file);
        u->file->unread += u->kind != UNIT_RUN;
    }
    if (o->n == cap) {
        cap = cap ? cap * 2 : 64;
        if ((heap = tarn_reallocarray(heap, cap, sizeof *heap)) == NULL) {
            release_unit(u);
            return tarn_err_set(err, TARN_ENOMEM, "scan: out of memory for %llu units",
                                (unsigned long long)cap);
        }
        o->heap = heap;
        o->cap = cap;
    }
    for (i = o->n++; i > 0 && before(u, &heap[(i - 1) / 2]); i = (i - 1) / 2)
        heap[i] = heap[(i - 1) / 2];
    heap[i] = *u;
    return TARN_OK;
}

static struct unit pop(struct tarn_scan_order *o) {
    struct unit top = o->heap[0];

    o->heap[0] = o->heap[--o->n];
    if (o->n > 1) sift_down(o);
    return top;
}

/* The key of something that holds ts from lo to hi, of which only the asked range matters. */
static int64_t key_of(const struct tarn_scan *s, int64_t lo, int64_t hi) {
    if (s->spec.order > 0) return lo > s->match.lo ? lo : s->match.lo;
    return ~(hi < s->match.hi ? hi : s->match.hi);
}

static int64_t head_key(const struct tarn_scan *s, const struct tarn_run *r) {
    int64_t ts = r->ts[tarn_run_row(r)];

    return s->spec.order > 0 ? ts : ~ts;
}

static void file_bounds(const struct tarn_scan *s, size_t entry, int64_t *lo, int64_t *hi) {
    const struct tarn_file *f = &s->catalog->files[entry];

    *lo = !s->spec.pushdown || f->lo <= TARN_TIME_MIN ? INT64_MIN : f->lo;
    *hi = !s->spec.pushdown || f->hi >= TARN_TIME_MAX ? INT64_MAX : f->hi;
}

static int push_run(struct tarn_scan *s, struct tarn_run *r, struct tarn_scan_file *f,
                    const struct unit *from, struct tarn_err *err) {
    struct unit u;

    if (!r) return TARN_OK;
    u = *from;
    u.kind = UNIT_RUN;
    u.file = f;
    u.run = r;
    u.key = head_key(s, r);
    return push(s, &u, err);
}

static int start(struct tarn_scan *s, struct tarn_err *err) {
    size_t n = s->catalog ? s->catalog->n_files : 0;
    struct tarn_run *run = NULL;
    struct unit u;
    int64_t lo, hi;
    size_t i;
    int rc;

    if ((s->order = tarn_calloc(1, sizeof *s->order)) == NULL)
        return tarn_err_set(err, TARN_ENOMEM, "scan: out of memory");
    s->order->last = INT64_MIN;
    memset(&u, 0, sizeof u);
    for (i = 0; i < n; i++) {
        if (!tarn_scan_wants(s, &s->catalog->files[i])) continue;
        file_bounds(s, i, &lo, &hi);
        u.kind = UNIT_FILE;
        u.entry = i;
        u.key = key_of(s, lo, hi);
        if ((rc = push(s, &u, err)) != TARN_OK) return rc;
    }
    if ((rc = tarn_run_of_pending(&run, s, err)) != TARN_OK) return rc;
    u.entry = n;
    return push_run(s, run, NULL, &u, err);
}

static int open_groups(struct tarn_scan *s, struct tarn_scan_file *f, const struct unit *from,
                       struct tarn_err *err) {
    struct unit u = *from;
    int rc = TARN_OK;
    int g;

    u.kind = UNIT_GROUP;
    u.file = f;
    for (g = 0; g < f->footer->n_row_groups && rc == TARN_OK; g++) {
        if (s->spec.pushdown && tarn_pq_scan_excludes(f->pq, g)) continue;
        u.group = g;
        if (!tarn_binding_group(f->binding, g, &u.lo, &u.hi)) file_bounds(s, u.entry, &u.lo, &u.hi);
        u.key = key_of(s, u.lo, u.hi);
        rc = push(s, &u, err);
    }
    return rc;
}

static int open_file(struct tarn_scan *s, struct unit *u, struct tarn_err *err) {
    struct tarn_scan_file *f = NULL;
    struct tarn_run *run = NULL;
    int rc = tarn_scan_file_open(&f, s, &s->catalog->files[u->entry], err);

    if (rc != TARN_OK || !f) return rc;
    if (f->lines) {
        rc = tarn_run_of_lines(&run, f, err);
        tarn_lines_free(f->lines);
        f->lines = NULL;
        tarn_jsonl_reader_release(&f->reader);
        tarn_scan_file_idle(f);
        if (rc == TARN_OK) rc = push_run(s, run, f, u, err);
    } else {
        rc = open_groups(s, f, u, err);
    }
    tarn_scan_file_free(f);
    return rc;
}

static int open_group(struct tarn_scan *s, struct unit *from, struct tarn_err *err) {
    const struct tarn_binding *b = from->file->binding;
    struct tarn_pq_block *blocks = NULL;
    struct unit u = *from;
    size_t n = 0, i;
    int rc = tarn_pq_scan_blocks(from->file->pq, from->group, &blocks, &n, err);

    u.kind = UNIT_BLOCK;
    for (i = 0; i < n && rc == TARN_OK; i++) {
        int64_t lo = tarn_binding_ms(b, blocks[i].lo), hi = tarn_binding_ms(b, blocks[i].hi);

        if (b->order_column < 0 || lo == INT64_MIN) lo = from->lo;
        if (b->order_column < 0 || hi == INT64_MAX) hi = from->hi;
        u.block = blocks[i];
        u.key = key_of(s, lo, hi);
        rc = push(s, &u, err);
    }
    tarn_free(blocks);
    return rc;
}

static int open_block(struct tarn_scan *s, struct unit *u, struct tarn_err *err) {
    struct tarn_pq_batch *batch = NULL;
    struct tarn_run *run = NULL;
    int rc = tarn_scan_file_batch(u->file, &u->block, &batch, err);

    if (rc == TARN_OK) rc = tarn_run_of_batch(&run, u->file, batch, err);
    return rc == TARN_OK ? push_run(s, run, u->file, u, err) : rc;
}

/* Takes the top, which is no run, and puts what it holds in its place. */
static int expand(struct tarn_scan *s, struct tarn_err *err) {
    struct unit u = pop(s->order);
    struct tarn_err found;
    int rc = TARN_OK;

    tarn_err_clear(&found);
    if (u.kind == UNIT_FILE)
        rc = open_file(s, &u, &found);
    else if (!u.file->dropped)
        rc = u.kind == UNIT_GROUP ? open_group(s, &u, &found) : open_block(s, &u, &found);
    if (rc != TARN_OK && tarn_scan_skips(s, rc, &found, err)) {
        if (u.file) u.file->dropped = 1;
        rc = TARN_OK;
    }
    release_unit(&u);
    return rc;
}

/* Moves the top, a run, past its head. */
static void pass_head(struct tarn_scan *s) {
    struct tarn_scan_order *o = s->order;
    struct unit *top = &o->heap[0];
    struct unit done;

    if (++top->run->position < top->run->n && !(top->file && top->file->dropped)) {
        top->key = head_key(s, top->run);
        if (o->n > 1) sift_down(o);
    } else {
        done = pop(o);
        release_unit(&done);
    }
}

static int too_late(const struct tarn_run *r, struct tarn_err *err) {
    char text[TARN_TIME_LEN + 1];

    tarn_time_text(r->ts[tarn_run_row(r)], text);
    return tarn_err_set(err, TARN_ECORRUPT,
                        "%s: its row of %s lies outside the hours of its folder (or outside its "
                        "statistics), so the order by ts can't be kept; set pathSlack higher, or "
                        "pushdown to off",
                        r->file ? r->file->source.name : "events not in the lake yet", text);
}

/* Makes the head of the top run the current row; *found = 0 when rows' predicates leave it out. */
static int take_head(struct tarn_scan *s, int *found, struct tarn_err *err) {
    struct tarn_scan_order *o = s->order;
    struct unit *top = &o->heap[0];
    struct tarn_run *r = top->run;
    int rc = tarn_scan_tick(s, err);

    *found = 0;
    if (rc != TARN_OK || (r->file && r->file->dropped)) return rc;
    s->row = tarn_run_row(r);
    if (r->batch && r->file->binding->n_left &&
        !tarn_binding_matches(r->file->binding, r->batch, s->row))
        return TARN_OK;
    if (top->key < o->last) return too_late(r, err);
    if (!r->batch && (rc = tarn_run_event(r, &s->event, err)) != TARN_OK) return rc;
    s->file = r->file;
    s->batch = r->batch;
    o->last = top->key;
    *found = 1;
    return TARN_OK;
}

int tarn_scan_order_next(struct tarn_scan *s, int *more, struct tarn_err *err) {
    struct tarn_scan_order *o;
    int rc = TARN_OK;

    *more = 0;
    if (!s->order && (rc = start(s, err)) != TARN_OK) return rc;
    o = s->order;
    if (o->taken) pass_head(s);
    o->taken = 0;
    while (o->n) {
        if (o->heap[0].kind != UNIT_RUN) {
            if ((rc = expand(s, err)) != TARN_OK) return rc;
            continue;
        }
        if ((rc = take_head(s, more, err)) != TARN_OK) return rc;
        if (*more) {
            o->taken = 1;
            return TARN_OK;
        }
        pass_head(s);
    }
    return TARN_OK;
}

void tarn_scan_order_release(struct tarn_scan *s) {
    struct tarn_scan_order *o = s->order;
    size_t i;

    if (!o) return;
    for (i = 0; i < o->n; i++)
        release_unit(&o->heap[i]);
    tarn_free(o->heap);
    tarn_free(o);
    s->order = NULL;
}
