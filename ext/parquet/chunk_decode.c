/* chunk_decode.c: rows of a chunk to one dense vector.
**
** A span is a stretch of rows inside one page. Its values are decoded densely, spread to their
** places when some rows are NULL (from the back, in place), and gathered when only some rows are
** selected; all by copying elements of 1, 4, 8 or 16 bytes in loops without calls.
** As long as all pages are dictionary-encoded the vector is codes; the first page that is not turns
** what there is into values, and what follows too. The reader's position is wrong after an error,
** so the page is dropped then.
*/
#include <string.h>

#include "chunk_read.h"
#include "gather.h"
#include "mem.h"

#define MAX_GAP 256 /* unselected rows that are decoded rather than skipped */

struct build {
    struct tarn_chunk_reader *r;
    struct tarn_arena *arena;
    uint32_t n;      /* rows of the vector */
    uint32_t filled; /* of them done */
    size_t size;     /* of an element of plain */
    uint8_t *valid;  /* NULL while no NULL was seen */
    uint32_t *codes; /* one of codes and plain is set once filled > 0 */
    uint8_t *plain;
    int pin;      /* the last span's values point into its page, or into the dictionary */
    int pin_dict; /* codes became values, which point into the dictionary */
};

struct span {
    const uint32_t *pick; /* rows within the span, minus `base`; NULL = all */
    uint32_t base, picked;
    uint32_t rows;
};

#define SPREAD(T)                                     \
    do {                                              \
        T *a = data;                                  \
        for (uint32_t i = n, k = present; i-- > 0;) { \
            if (valid[i])                             \
                a[i] = a[--k];                        \
            else                                      \
                memset(&a[i], 0, sizeof a[i]);        \
        }                                             \
    } while (0)

static void spread(void *data, size_t size, const uint8_t *valid, uint32_t n, uint32_t present) {
    switch (size) {
    case 1: SPREAD(uint8_t); break;
    case 4: SPREAD(uint32_t); break;
    case 8: SPREAD(uint64_t); break;
    default: SPREAD(struct tarn_slice);
    }
}

#define GATHER(T)                        \
    do {                                 \
        T *to = out;                     \
        const T *from = in;              \
        for (uint32_t i = 0; i < n; i++) \
            to[i] = from[at[i] - base];  \
    } while (0)

static void gather(void *out, const void *in, size_t size, const uint32_t *at, uint32_t base,
                   uint32_t n) {
    switch (size) {
    case 1: GATHER(uint8_t); break;
    case 4: tarn_gather32(out, in, at, base, n); break;
    case 8: GATHER(uint64_t); break;
    default: GATHER(struct tarn_slice);
    }
}

/* Scratch for a span: valid bytes | codes | elements, each 16-byte aligned. */
static int get_scratch(struct build *b, uint32_t rows, uint8_t **valid, uint32_t **codes,
                       uint8_t **elements, struct tarn_err *err) {
    struct tarn_chunk_reader *r = b->r;
    size_t nv = ((size_t)rows + 31) & ~(size_t)15, nc = nv * 4;
    size_t need = nv + nc + nv * b->size;
    if (need > r->scratch_cap) {
        tarn_free(r->scratch);
        r->scratch_cap = 0;
        r->scratch = tarn_malloc(need);
        if (!r->scratch)
            return tarn_err_set(err, TARN_ENOMEM, "%s: no memory for %zu bytes of rows",
                                r->src->name, need);
        r->scratch_cap = need;
    }
    *valid = r->scratch;
    *codes = (uint32_t *)(void *)(r->scratch + nv);
    *elements = r->scratch + nv + nc;
    return TARN_OK;
}

static int arena_fail(struct build *b, struct tarn_err *err) {
    const struct tarn_chunk_reader *r = b->r;
    if (b->arena->rc == TARN_ELIMIT)
        return tarn_budget_fail(b->arena->budget, err,
                                "%s: row group %d, column %.60s: a block of %u rows", r->src->name,
                                r->row_group, r->col->path, (unsigned)b->n);
    return tarn_err_set(err, b->arena->rc, "%s: row group %d, column %.60s: no memory for %u rows",
                        r->src->name, r->row_group, r->col->path, (unsigned)b->n);
}

/* Makes room for what the page at hand yields: codes, or plain values (converting codes). */
static int prepare(struct build *b, int dictionary, struct tarn_err *err) {
    if (b->plain || (dictionary && b->codes)) return TARN_OK;
    if (dictionary) {
        b->codes = tarn_arena_alloc(b->arena, (size_t)b->n * sizeof *b->codes);
        return b->codes ? TARN_OK : arena_fail(b, err);
    }
    b->plain = tarn_arena_alloc(b->arena, (size_t)b->n * b->size);
    if (!b->plain) return arena_fail(b, err);
    if (b->codes && !b->r->dict) {
        memset(b->plain, 0, b->filled * b->size);
        b->codes = NULL;
    } else if (b->codes) {
        gather(b->plain, b->r->dict->data, b->size, b->codes, 0, b->filled);
        for (uint32_t i = 0; b->valid && i < b->filled; i++)
            if (!b->valid[i]) memset(b->plain + i * b->size, 0, b->size);
        b->codes = NULL;
        b->pin_dict = 1;
    }
    return TARN_OK;
}

/* The span's validity into the vector's; `all` when no row of the span is NULL. */
static int put_valid(struct build *b, const uint8_t *valid, int all, const struct span *s,
                     struct tarn_err *err) {
    if (all && !b->valid) return TARN_OK;
    if (!b->valid) {
        b->valid = tarn_arena_alloc(b->arena, b->n);
        if (!b->valid) return arena_fail(b, err);
        memset(b->valid, 1, b->filled);
    }
    if (all)
        memset(b->valid + b->filled, 1, s->picked);
    else if (s->pick)
        gather(b->valid + b->filled, valid, 1, s->pick, s->base, s->picked);
    else
        memcpy(b->valid + b->filled, valid, s->picked);
    return TARN_OK;
}

/* `present` values of the page into `to`: codes when to_codes, else elements. */
static int read_values(struct build *b, void *to, uint32_t *codes, int to_codes, uint32_t present,
                       struct tarn_err *err) {
    struct tarn_chunk_reader *r = b->r;
    int dictionary = r->values.encoding == TARN_RLE_DICTIONARY;
    const char *why = NULL;
    int rc = TARN_OK;
    if (to_codes) codes = to;
    rc = tarn_values_read(&r->values, dictionary ? codes : to, present, b->arena, &why);
    if (rc && b->arena->rc) return arena_fail(b, err);
    if (!rc && dictionary && !tarn_codes_below(codes, present, r->dict_n)) {
        why = "a dictionary code is beyond the dictionary";
        rc = TARN_ECORRUPT;
    }
    if (rc) return tarn_chunk_fail(r, rc, why, err);
    if (dictionary && !to_codes && present) gather(to, r->dict->data, b->size, codes, 0, present);
    return TARN_OK;
}

/* When few values of a page are wanted, their bytes are copied: a batch that holds on to the page
** for them costs memory, and the reader a new buffer for its next page. */
static int copy_few(struct build *b, const struct span *s, struct tarn_err *err) {
    struct tarn_slice *v = (struct tarn_slice *)(void *)b->plain + b->filled;
    size_t sum = 0;
    uint8_t *to = NULL;
    for (uint32_t i = 0; i < s->picked; i++)
        sum += v[i].len;
    if (sum > b->r->page.buf->cap / 4) return TARN_OK;
    to = tarn_arena_alloc(b->arena, sum);
    if (!to) return arena_fail(b, err);
    for (uint32_t i = 0; i < s->picked; i++) {
        if (v[i].len) memcpy(to, v[i].data, v[i].len);
        v[i].data = to;
        to += v[i].len;
    }
    b->pin = 0;
    return TARN_OK;
}

static int read_span(struct build *b, const struct span *s, struct tarn_err *err) {
    struct tarn_chunk_reader *r = b->r;
    uint8_t *valid = NULL, *elements = NULL;
    uint32_t *codes = NULL, present = s->rows;
    int dictionary = r->values.encoding == TARN_RLE_DICTIONARY, to_codes = 0;
    int rc = get_scratch(b, s->rows, &valid, &codes, &elements, err);
    void *to = NULL;
    size_t size = b->size;
    if (!rc) rc = prepare(b, dictionary, err);
    if (rc) return rc;
    to_codes = b->codes != NULL;
    if (to_codes) size = sizeof *b->codes;
    if (s->pick)
        to = elements;
    else
        to = to_codes ? (void *)(b->codes + b->filled) : (void *)(b->plain + b->filled * size);
    if (tarn_levels_read(&r->levels, valid, s->rows, &present))
        return tarn_chunk_fail(
            r, TARN_ECORRUPT,
            "the levels end before the page's last row, or are above the column's", err);
    rc = read_values(b, to, codes, to_codes, present, err);
    if (rc) return rc;
    r->pos += s->rows;
    if (present < s->rows) spread(to, size, valid, s->rows, present);
    if (s->pick)
        gather(to_codes ? (void *)(b->codes + b->filled) : (void *)(b->plain + b->filled * size),
               elements, size, s->pick, s->base, s->picked);
    rc = put_valid(b, valid, present == s->rows, s, err);
    b->pin = size == sizeof(struct tarn_slice);
    if (!rc && b->pin && s->pick && !dictionary) rc = copy_few(b, s, err);
    b->filled += s->picked;
    return rc;
}

/* The next span: from sel[*i] (or row *i) on, within rows [page_row, stop) of the block. */
static void next_span(const uint32_t *sel, uint32_t n_sel, uint32_t i, uint32_t row, uint32_t stop,
                      struct span *s) {
    uint32_t k = 1;
    memset(s, 0, sizeof *s);
    if (!sel) {
        s->rows = s->picked = stop - row;
        return;
    }
    while (i + k < n_sel && sel[i + k] < stop && sel[i + k] - sel[i + k - 1] <= MAX_GAP)
        k++;
    s->base = row;
    s->picked = k;
    s->rows = sel[i + k - 1] - row + 1;
    if (k < s->rows) s->pick = sel + i;
}

/* How far reading ahead is of use: to the last page needed, or on when rows are read in order. */
static void plan_reads(struct tarn_chunk_reader *r, uint32_t first, uint32_t last) {
    const struct tarn_page_loc *loc = NULL;
    r->win.want_end = r->win.end;
    if (!r->index || first == r->read_on) return;
    loc = &r->index->loc[tarn_page_index_find(r->index, last)];
    r->win.want_end = loc->offset + loc->size;
}

static int finish(struct build *b, struct tarn_pagelist *pages, struct tarn_vector *out,
                  struct tarn_err *err) {
    out->n = b->n;
    out->valid = b->valid;
    out->codes = b->codes;
    out->values.any = b->plain;
    if (!b->codes) return b->pin_dict ? tarn_pagelist_add(pages, b->r->dict, err) : TARN_OK;
    out->values.any = b->r->dict ? b->r->dict->data : NULL;
    out->dict_n = b->r->dict_n ? b->r->dict_n : 1;
    return tarn_pagelist_add(pages, b->r->dict, err);
}

/* NULLs under a dictionary encoding with no dictionary at all: plain zeros. */
static int without_dictionary(struct build *b, struct tarn_err *err) {
    if (!b->codes || b->r->dict) return TARN_OK;
    b->codes = NULL;
    b->plain = tarn_arena_calloc(b->arena, b->n, b->size);
    return b->plain ? TARN_OK : arena_fail(b, err);
}

int tarn_chunk_read(struct tarn_chunk_reader *r, uint32_t first, uint32_t n, const uint32_t *sel,
                    uint32_t n_sel, struct tarn_arena *arena, struct tarn_pagelist *pages,
                    struct tarn_vector *out, struct tarn_err *err) {
    struct build b;
    uint32_t row = 0;
    int rc = TARN_OK;
    memset(&b, 0, sizeof b);
    b.r = r;
    b.arena = arena;
    b.n = sel ? n_sel : n;
    b.size = tarn_physical_size(r->col->physical);
    memset(out, 0, sizeof *out);
    out->physical = r->col->physical;
    if (b.n == 0) return TARN_OK;
    plan_reads(r, first, first + (sel ? sel[n_sel - 1] : n - 1));
    while (!rc && b.filled < b.n) {
        struct span s;
        uint32_t stop = n;
        if (sel) row = sel[b.filled];
        rc = tarn_chunk_goto(r, first + row, err);
        if (!rc) rc = tarn_chunk_load(r, err);
        if (!rc) rc = tarn_chunk_seek_in_page(r, first + row, err);
        if (rc) break;
        if (r->head.values - (first + row - r->page_first) < n - row)
            stop = r->page_first + r->head.values - first;
        next_span(sel, n_sel, b.filled, row, stop, &s);
        rc = read_span(&b, &s, err);
        if (!rc && b.pin)
            rc = tarn_pagelist_add(
                pages, r->values.encoding == TARN_RLE_DICTIONARY ? r->dict : r->page.buf, err);
        row += s.rows;
    }
    if (!rc) rc = without_dictionary(&b, err);
    if (!rc) rc = finish(&b, pages, out, err);
    if (rc)
        r->have_page = r->loaded = 0;
    else
        r->read_on = first + n;
    return rc;
}
