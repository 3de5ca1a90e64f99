/* nested.c: opening a nested column of a row group, and reading rows of it.
**
** The text of all rows of a read is put together in one buffer, which is kept, and then copied to
** the caller's arena in one piece. After an error the leaves begin anew.
*/
#include "nested.h"

#include <string.h>

#include "mem.h"
#include "nested_impl.h"

static int open_leaves(struct tarn_nested *p, struct tarn_err *err) {
    int at = 0, want = p->n_leaves, rc = TARN_OK;
    p->n_leaves = 0;
    p->leaves = tarn_arena_calloc(&p->arena, want ? (size_t)want : 1, sizeof *p->leaves);
    if (!p->leaves)
        return tarn_err_set(err, p->arena.rc, "%s: %d columns exceed the memory there is",
                            p->src->name, want);
    for (; at < p->n_items && !rc; at++) {
        struct tarn_chunk_spec spec = {
            p->footer, p->src,    p->row_group, p->items[at].node->column,
            NULL,      &p->codec, p->budget,    p->counters};
        if (p->items[at].kind != TARN_ITEM_LEAF) continue;
        rc = tarn_leaf_open(&p->leaves[p->n_leaves++], &spec, err);
    }
    return rc;
}

int tarn_nested_open(struct tarn_nested **out, const struct tarn_nested_spec *spec,
                     struct tarn_err *err) {
    struct tarn_nested *p = tarn_calloc(1, sizeof *p);
    int rc = TARN_OK;
    *out = NULL;
    if (!p) return tarn_err_set(err, TARN_ENOMEM, "%s: no memory", spec->src->name);
    p->footer = spec->footer;
    p->src = spec->src;
    p->row_group = spec->row_group;
    p->budget = spec->budget;
    p->counters = spec->counters ? spec->counters : &p->own_counters;
    tarn_arena_init(&p->arena, spec->budget);
    tarn_buf_init(&p->text, TARN_NESTED_MAX);
    rc = tarn_nested_plan(p, spec->node, spec->leaf, err);
    if (!rc) rc = open_leaves(p, err);
    if (rc)
        tarn_nested_free(p);
    else
        *out = p;
    return rc;
}

void tarn_nested_free(struct tarn_nested *p) {
    if (!p) return;
    for (int i = 0; p->leaves && i < p->n_leaves; i++)
        tarn_leaf_release(&p->leaves[i]);
    tarn_buf_release(&p->text);
    if (p->budget) p->budget->used -= p->charged;
    tarn_decompressor_release(&p->codec);
    tarn_arena_release(&p->arena);
    tarn_free(p);
}

/* What the text may grow to, given what others use of the budget. */
static void limit_text(struct tarn_nested *p) {
    size_t limit = p->budget ? p->budget->limit : 0, others = 0;
    tarn_buf_clear(&p->text);
    p->text.max = TARN_NESTED_MAX;
    if (!limit) return;
    others = p->budget->used - p->charged;
    limit = others < limit ? (limit - others) / 2 : 0; /* it is copied at the end */
    if (limit < p->text.max) p->text.max = limit;
}

static void charge_text(struct tarn_nested *p) {
    if (!p->budget) return;
    p->budget->used += p->text.cap - p->charged;
    p->charged = p->text.cap;
}

static int read_row(struct tarn_nested *p, uint32_t row, struct tarn_err *err) {
    int rc = TARN_OK;
    p->row = row;
    p->row_start = p->text.len;
    p->is_null = 0;
    for (int i = 0; i < p->n_leaves && !rc; i++)
        rc = tarn_leaf_seek(&p->leaves[i], row, err);
    if (!rc) rc = tarn_nested_value(p, 0, err);
    if (!rc && p->text.rc) rc = tarn_nested_text_fail(p, err);
    for (int i = 0; i < p->n_leaves && !rc; i++) {
        struct tarn_leaf *l = &p->leaves[i];
        if (l->chunk.col->max_rep == 0) continue;
        rc = tarn_leaf_peek(l, err);
        if (!rc && !l->ended && l->rep[l->at] != 0)
            rc = tarn_leaf_fail(l, "its levels contradict those of the columns beside it", err);
    }
    charge_text(p);
    return rc;
}

static int read_rows(struct tarn_nested *p, const uint32_t *rows, uint32_t n, uint8_t *valid,
                     struct tarn_slice *values, int *nulls, struct tarn_err *err) {
    for (uint32_t i = 0; i < n; i++) {
        int rc = read_row(p, rows[i], err);
        if (rc) return rc;
        valid[i] = !p->is_null;
        if (p->is_null) {
            p->text.len = p->row_start;
            *nulls = 1;
        }
        values[i].len = p->text.len - p->row_start;
    }
    return TARN_OK;
}

static int arena_fail(const struct tarn_nested *p, const struct tarn_arena *arena, uint32_t n,
                      struct tarn_err *err) {
    if (arena->rc == TARN_ELIMIT)
        return tarn_budget_fail(arena->budget, err,
                                "%s: row group %d, column %.60s: the text of %u rows", p->src->name,
                                p->row_group, p->items[0].node->name, (unsigned)n);
    return tarn_err_set(err, arena->rc, "%s: row group %d, column %.60s: no memory for %u rows",
                        p->src->name, p->row_group, p->items[0].node->name, (unsigned)n);
}

int tarn_nested_read(struct tarn_nested *p, const uint32_t *rows, uint32_t n,
                     struct tarn_arena *arena, struct tarn_vector *out, struct tarn_err *err) {
    struct tarn_slice *values = tarn_arena_calloc(arena, n, sizeof *values);
    uint8_t *valid = tarn_arena_alloc(arena, n), *text = NULL;
    int nulls = 0, rc = TARN_OK;
    memset(out, 0, sizeof *out);
    if (!values || !valid) return arena_fail(p, arena, n, err);
    limit_text(p);
    rc = read_rows(p, rows, n, valid, values, &nulls, err);
    if (!rc) {
        text = tarn_arena_memdup(arena, p->text.data, p->text.len);
        if (!text) rc = arena_fail(p, arena, n, err);
    }
    if (rc) {
        for (int i = 0; i < p->n_leaves; i++)
            tarn_leaf_rewind(&p->leaves[i]);
        return rc;
    }
    for (uint32_t i = 0; i < n; i++) {
        values[i].data = text;
        text += values[i].len;
    }
    out->physical = TARN_BYTE_ARRAY;
    out->n = n;
    out->valid = nulls ? valid : NULL;
    out->values.bytes = values;
    return TARN_OK;
}
