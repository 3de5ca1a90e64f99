/* filescan.c: a scan's life, and one block to one batch.
**
**   predicate columns -> vectors -> selection, narrowed predicate by predicate
**   output columns    -> only the selected rows of what is not decoded yet
**
** Per decoded slot, at[i] says where in its vector row i of the selection is: vectors decoded
** before a narrowing are gathered later, those decoded after it are smaller. Which blocks there
** are is filescan_prune.c's business.
*/
#include "filescan.h"

#include <string.h>

#include "filescan_impl.h"
#include "mem.h"

struct batch {
    struct tarn_pq_batch pub;
    struct tarn_pagelist pages;
};

struct decoded { /* per slot, during one read */
    int done;
    struct tarn_vector v;
    uint32_t *at;
};

struct reading {
    struct tarn_pq_scan *s;
    struct tarn_scan_context *c;
    const struct tarn_pq_block *block;
    struct batch *b;
    struct decoded *slots;
    uint32_t *sel; /* rows within the block */
    uint32_t n;
    struct tarn_err *err;
};

int tarn_scan_oom(const struct tarn_pq_scan *s, const struct tarn_arena *a, struct tarn_err *err) {
    if (a->rc == TARN_ELIMIT) return tarn_budget_fail(s->budget, err, "%s: a scan", s->src->name);
    return tarn_err_set(err, TARN_ENOMEM, "%s: no memory for a scan", s->src->name);
}

static int slot_of(struct tarn_pq_scan *s, int column) {
    for (int i = 0; i < s->n_slots; i++)
        if (s->slots[i].column == column) return i;
    s->slots[s->n_slots].column = column;
    return s->n_slots++;
}

static int bad_column(const struct tarn_pq_scan *s, int column, struct tarn_err *err) {
    if (column >= 0 && column < s->footer->n_columns) return TARN_OK;
    return tarn_err_set(err, TARN_EINVAL, "%s: there is no column %d, the file has %d",
                        s->src->name, column, s->footer->n_columns);
}

/* A copy of p that owns its constants. */
static int copy_predicate(struct tarn_pq_scan *s, const struct tarn_predicate *p,
                          struct tarn_predicate *to, struct tarn_err *err) {
    struct tarn_const *c = NULL;
    uint32_t n = p->op == TARN_OP_IN ? p->n : (uint32_t)(p->constants != NULL);
    *to = *p;
    to->n = n;
    to->constants = NULL;
    if (n == 0) return TARN_OK;
    c = tarn_arena_memdup(&s->arena, p->constants, n * sizeof *c);
    if (!c) return tarn_scan_oom(s, &s->arena, err);
    to->constants = c;
    for (uint32_t i = 0; i < n; i++) {
        if (c[i].kind != TARN_CONST_BYTES) continue;
        c[i].bytes.data = tarn_arena_memdup(&s->arena, c[i].bytes.data, c[i].bytes.len);
        if (!c[i].bytes.data) return tarn_scan_oom(s, &s->arena, err);
    }
    return TARN_OK;
}

/* Checks that the predicate makes sense: a condition on nothing would silently match nothing. */
static int check_predicate(struct tarn_pq_scan *s, const struct tarn_predicate *p,
                           struct tarn_err *err) {
    int rc = bad_column(s, p->column, err);
    if (rc) return rc;
    if (p->op == TARN_OP_IS_NULL || p->op == TARN_OP_NOT_NULL || p->op == TARN_OP_IN)
        return TARN_OK;
    if (!p->constants)
        return tarn_err_set(err, TARN_EINVAL, "%s: a predicate on column %.60s has no constant",
                            s->src->name, s->footer->columns[p->column].path);
    return TARN_OK;
}

static int set_up(struct tarn_pq_scan *s, const struct tarn_pq_scan_spec *spec,
                  struct tarn_err *err) {
    size_t n = (size_t)spec->n_columns + (size_t)spec->n_predicates + 1;
    int rc = TARN_OK;
    s->slots = tarn_arena_calloc(&s->arena, n, sizeof *s->slots);
    s->predicates = tarn_arena_calloc(&s->arena, n, sizeof *s->predicates);
    s->predicate_slot = tarn_arena_calloc(&s->arena, n, sizeof *s->predicate_slot);
    s->output_slot = tarn_arena_calloc(&s->arena, n, sizeof *s->output_slot);
    s->counted = tarn_arena_calloc(&s->arena, (size_t)s->footer->n_row_groups + 1, 1);
    if (s->arena.rc) return tarn_scan_oom(s, &s->arena, err);
    for (int i = 0; i < spec->n_predicates && !rc; i++) {
        rc = check_predicate(s, &spec->predicates[i], err);
        if (!rc) rc = copy_predicate(s, &spec->predicates[i], &s->predicates[i], err);
        if (rc) break;
        s->predicate_slot[i] = slot_of(s, spec->predicates[i].column);
        s->slots[s->predicate_slot[i]].has_predicate = 1;
    }
    s->n_predicates = spec->n_predicates;
    for (int i = 0; i < spec->n_columns && !rc; i++) {
        rc = bad_column(s, spec->columns[i], err);
        if (rc) break;
        s->output_slot[i] = slot_of(s, spec->columns[i]);
        s->slots[s->output_slot[i]].is_output = 1;
    }
    s->n_outputs = spec->n_columns;
    s->order_slot = -1;
    if (rc || spec->order_column < 0) return rc;
    rc = bad_column(s, spec->order_column, err);
    if (rc) return rc;
    s->order_slot = slot_of(s, spec->order_column);
    s->slots[s->order_slot].is_order = 1;
    return TARN_OK;
}

int tarn_pq_scan_open(struct tarn_pq_scan **out, const struct tarn_pq_footer *footer,
                      const struct tarn_source *src, const struct tarn_pq_scan_spec *spec,
                      struct tarn_err *err) {
    struct tarn_pq_scan *s = tarn_calloc(1, sizeof *s);
    int rc = TARN_OK;
    *out = NULL;
    if (!s) return tarn_err_set(err, TARN_ENOMEM, "%s: no memory for a scan", src->name);
    s->footer = footer;
    s->src = src;
    s->budget = spec->budget;
    s->counters = spec->counters ? spec->counters : &s->own_counters;
    s->pushdown = spec->pushdown;
    tarn_arena_init(&s->arena, spec->budget);
    tarn_arena_init(&s->scratch, spec->budget);
    for (int i = 0; i < TARN_SCAN_CONTEXTS; i++) {
        s->contexts[i].row_group = -1;
        tarn_arena_init(&s->contexts[i].arena, spec->budget);
    }
    rc = set_up(s, spec, err);
    if (rc)
        tarn_pq_scan_free(s);
    else
        *out = s;
    return rc;
}

void tarn_pq_scan_free(struct tarn_pq_scan *s) {
    if (!s) return;
    for (int i = 0; i < TARN_SCAN_CONTEXTS; i++)
        tarn_scan_context_clear(s, &s->contexts[i]);
    tarn_pagelist_release(&s->scratch_pages);
    tarn_arena_release(&s->scratch);
    tarn_arena_release(&s->arena);
    tarn_decompressor_release(&s->codec);
    tarn_free(s);
}

void tarn_pq_batch_release(struct tarn_pq_batch *pub) {
    struct batch *b = (struct batch *)pub;
    if (!b) return;
    tarn_pagelist_release(&b->pages);
    tarn_arena_release(&b->pub.arena);
    tarn_free(b);
}

/* The slot's vector for the rows of the selection; into the batch when it is an output. */
static int decode_slot(struct reading *r, int slot) {
    struct tarn_pq_scan *s = r->s;
    struct decoded *d = &r->slots[slot];
    struct tarn_chunk_reader *reader = NULL;
    int keep = s->slots[slot].is_output;
    const uint32_t *sel = r->n == r->block->rows ? NULL : r->sel;
    int rc = tarn_scan_reader(s, r->c, slot, &reader, r->err);
    if (rc) return rc;
    rc = tarn_chunk_read(reader, r->block->first, r->block->rows, sel, r->n,
                         keep ? &r->b->pub.arena : &s->scratch,
                         keep ? &r->b->pages : &s->scratch_pages, &d->v, r->err);
    if (rc) return rc;
    d->done = 1;
    return TARN_OK;
}

/* Identity positions for a slot whose vector is as long as the selection. */
static int identity(struct reading *r, uint32_t **at) {
    *at = tarn_arena_alloc(&r->s->scratch, (size_t)r->n * sizeof **at + 1);
    if (!*at) return tarn_scan_oom(r->s, &r->s->scratch, r->err);
    for (uint32_t i = 0; i < r->n; i++)
        (*at)[i] = i;
    return TARN_OK;
}

/* kept[0..m) is a subsequence of at[0..r->n): keeps those rows, in every vector decoded so far. */
static int narrow(struct reading *r, const uint32_t *at, const uint32_t *kept, uint32_t m) {
    uint32_t *index = tarn_arena_alloc(&r->s->scratch, (size_t)m * sizeof *index + 1);
    if (!index) return tarn_scan_oom(r->s, &r->s->scratch, r->err);
    for (uint32_t i = 0, j = 0; j < m; i++)
        if (at[i] == kept[j]) index[j++] = i;
    for (int k = 0; k < r->s->n_slots; k++) {
        uint32_t *a = r->slots[k].at;
        for (uint32_t j = 0; a && j < m; j++)
            a[j] = a[index[j]];
    }
    for (uint32_t j = 0; j < m; j++)
        r->sel[j] = r->sel[index[j]];
    r->n = m;
    return TARN_OK;
}

static int apply_predicate(struct reading *r, int p) {
    struct tarn_pq_scan *s = r->s;
    int slot = s->predicate_slot[p], rc = TARN_OK;
    struct decoded *d = &r->slots[slot];
    const struct tarn_predicate *pred = &s->predicates[p];
    const struct tarn_pq_column *col = &s->footer->columns[pred->column];
    const uint8_t *match = NULL;
    uint32_t *kept = NULL, m = 0;
    if (!d->done) {
        rc = decode_slot(r, slot);
        if (!rc) rc = identity(r, &d->at);
        if (rc) return rc;
    }
    kept = tarn_arena_memdup(&s->scratch, d->at, (size_t)r->n * sizeof *kept);
    if (!kept) return tarn_scan_oom(s, &s->scratch, r->err);
    if (d->v.codes && pred->op != TARN_OP_IS_NULL && pred->op != TARN_OP_NOT_NULL)
        match = tarn_scan_match(s, r->c, p, &d->v);
    m = match ? tarn_pred_filter_match(match, &d->v, kept, r->n)
              : tarn_pred_filter(pred, col, &d->v, kept, r->n);
    return m == r->n ? TARN_OK : narrow(r, d->at, kept, m);
}

/* Picks rows at[0..n) of v's array of elements into the batch. */
static const void *pick(struct reading *r, const void *from, size_t size, const uint32_t *at) {
    uint8_t *to = tarn_arena_alloc(&r->b->pub.arena, r->n * size);
    if (!to || !from) return to;
    switch (size) {
    case 1:
        for (uint32_t i = 0; i < r->n; i++)
            to[i] = ((const uint8_t *)from)[at[i]];
        break;
    case 4:
        for (uint32_t i = 0; i < r->n; i++)
            memcpy(to + (size_t)i * 4, (const uint8_t *)from + (size_t)at[i] * 4, 4);
        break;
    case 8:
        for (uint32_t i = 0; i < r->n; i++)
            memcpy(to + (size_t)i * 8, (const uint8_t *)from + (size_t)at[i] * 8, 8);
        break;
    default:
        for (uint32_t i = 0; i < r->n; i++)
            memcpy(to + i * size, (const uint8_t *)from + at[i] * size, size);
    }
    return to;
}

/* An output column that predicates needed: its vector, narrowed to the selection. */
static int take_decoded(struct reading *r, const struct decoded *d, struct tarn_vector *out) {
    *out = d->v;
    if (d->v.n == r->n) return TARN_OK;
    out->n = r->n;
    if (d->v.valid) out->valid = pick(r, d->v.valid, 1, d->at);
    if (d->v.codes)
        out->codes = pick(r, d->v.codes, sizeof *d->v.codes, d->at);
    else
        out->values.any = pick(r, d->v.values.any, tarn_physical_size(d->v.physical), d->at);
    return r->b->pub.arena.rc ? tarn_scan_oom(r->s, &r->b->pub.arena, r->err) : TARN_OK;
}

static int fill_batch(struct reading *r) {
    struct tarn_pq_scan *s = r->s;
    struct tarn_pq_batch *b = &r->b->pub;
    uint32_t *row = tarn_arena_alloc(&b->arena, (size_t)r->n * sizeof *row);
    int rc = TARN_OK;
    b->columns = tarn_arena_calloc(&b->arena, (size_t)s->n_outputs, sizeof *b->columns);
    if (!row || !b->columns) return tarn_scan_oom(s, &b->arena, r->err);
    for (uint32_t i = 0; i < r->n; i++)
        row[i] = r->block->first + r->sel[i];
    b->row = row;
    b->n = r->n;
    for (int i = 0; i < s->n_outputs && !rc; i++) {
        int slot = s->output_slot[i];
        b->columns[i].physical = s->footer->columns[s->slots[slot].column].physical;
        if (r->n == 0) continue;
        if (!r->slots[slot].done) rc = decode_slot(r, slot);
        if (!rc) rc = take_decoded(r, &r->slots[slot], &b->columns[i]);
    }
    return rc;
}

int tarn_pq_scan_read(struct tarn_pq_scan *s, const struct tarn_pq_block *block,
                      struct tarn_pq_batch **out, struct tarn_err *err) {
    struct reading r = {s, NULL, block, NULL, NULL, NULL, block->rows, err};
    int rc = TARN_OK;
    *out = NULL;
    if (block->row_group < 0 || block->row_group >= s->footer->n_row_groups ||
        (uint64_t)block->first + block->rows >
            (uint64_t)s->footer->row_groups[block->row_group].rows)
        return tarn_err_set(err, TARN_EINVAL, "%s: a block outside of its row group", s->src->name);
    r.b = tarn_calloc(1, sizeof *r.b);
    if (!r.b) return tarn_err_set(err, TARN_ENOMEM, "%s: no memory for a batch", s->src->name);
    tarn_arena_init(&r.b->pub.arena, s->budget);
    r.b->pub.pages = &r.b->pages;
    rc = tarn_scan_context(s, block->row_group, &r.c, err);
    if (rc) goto out;
    r.slots = tarn_arena_calloc(&s->scratch, (size_t)s->n_slots, sizeof *r.slots);
    r.sel = tarn_arena_alloc(&s->scratch, (size_t)r.n * sizeof *r.sel);
    if (!r.slots || !r.sel) {
        rc = tarn_scan_oom(s, &s->scratch, err);
        goto out;
    }
    for (uint32_t i = 0; i < r.n; i++)
        r.sel[i] = i;
    for (int p = 0; p < s->n_predicates && r.n > 0 && !rc; p++)
        rc = apply_predicate(&r, p);
    if (!rc) rc = fill_batch(&r);
    s->counters->rows_decoded += block->rows;
    s->counters->rows_out += rc ? 0 : r.n;
out:
    tarn_pagelist_clear(&s->scratch_pages);
    tarn_arena_clear(&s->scratch);
    if (rc)
        tarn_pq_batch_release(&r.b->pub);
    else
        *out = &r.b->pub;
    return rc;
}
