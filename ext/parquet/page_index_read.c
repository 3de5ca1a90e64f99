/* page_index_read.c: parses and cross-checks ColumnIndex and OffsetIndex.
**
** What a ColumnIndex must agree with: the number of pages and their rows (a page has no more NULLs
** than rows; a null page only NULLs), its boundary_order, the chunk's null count and bounds. A
** single bound that is malformed costs that page its bounds; a contradiction costs the whole index.
*/
#include "page_index_read.h"

#include <string.h>

#include "err.h"
#include "stats_read.h"
#include "thrift_read.h"

static void read_location(struct tarn_thrift *t, int64_t *offset, int64_t *size, int64_t *first) {
    struct tarn_thrift_field f = {0, 0};
    *offset = *size = *first = -1;
    while (tarn_thrift_next(t, &f)) {
        switch (f.id) {
        case 1: *offset = tarn_thrift_i64(t, &f); break;
        case 2: *size = tarn_thrift_i64(t, &f); break;
        case 3: *first = tarn_thrift_i64(t, &f); break;
        default: tarn_thrift_skip(t, f.type);
        }
    }
}

/* 1 when page i follows the pages before it, inside the chunk and the row group. */
static int location_ok(const struct tarn_pq_chunk *c, const struct tarn_page_index *x, uint32_t i,
                       int64_t offset, int64_t size, int64_t first) {
    uint64_t min = c->offset, end = c->offset + c->size;
    if (i > 0) min = x->loc[i - 1].offset + x->loc[i - 1].size;
    if (offset < 0 || size <= 0 || size > INT32_MAX || first < 0) return 0;
    if ((uint64_t)offset < min || (uint64_t)offset > end || (uint64_t)size > end - (uint64_t)offset)
        return 0;
    return first < x->rows && (i == 0 ? first == 0 : first > x->loc[i - 1].first);
}

static int read_locations(struct tarn_thrift *t, const struct tarn_thrift_field *at,
                          const struct tarn_pq_chunk *c, struct tarn_arena *arena,
                          struct tarn_page_index *x) {
    uint32_t n = tarn_thrift_list(t, at, TARN_THRIFT_STRUCT, 7);
    if (t->rc || n == 0 || n > x->rows || x->loc) return 0;
    x->loc = tarn_arena_alloc(arena, (size_t)n * sizeof *x->loc);
    if (!x->loc) return -1;
    for (uint32_t i = 0; i < n; i++) {
        int64_t offset = 0, size = 0, first = 0;
        read_location(t, &offset, &size, &first);
        if (t->rc || !location_ok(c, x, i, offset, size, first)) return 0;
        x->loc[i].offset = (uint64_t)offset;
        x->loc[i].size = (uint32_t)size;
        x->loc[i].first = (uint32_t)first;
    }
    x->n = n;
    return 1;
}

int tarn_offset_index_parse(const uint8_t *p, size_t n, const struct tarn_pq_chunk *chunk,
                            uint32_t rows, struct tarn_arena *arena, struct tarn_page_index *out) {
    struct tarn_thrift t;
    struct tarn_thrift_field f = {0, 0};
    int ok = 0;
    memset(out, 0, sizeof *out);
    out->rows = rows;
    tarn_thrift_init(&t, p, n);
    while (tarn_thrift_next(&t, &f)) {
        if (f.id == 1)
            ok = read_locations(&t, &f, chunk, arena, out);
        else
            tarn_thrift_skip(&t, f.type);
        if (ok < 0) return -1;
        if (ok == 0 && f.id == 1) break;
    }
    if (t.rc || !ok) out->n = 0;
    return out->n > 0;
}

struct column_index { /* raw, per page; NULL = absent */
    uint8_t *null_page;
    struct tarn_slice *min, *max;
    int64_t *nulls;
    int32_t order;
};

static uint8_t *read_bools(struct tarn_thrift *t, const struct tarn_thrift_field *f, uint32_t n,
                           struct tarn_arena *arena) {
    uint8_t *out = NULL;
    if (tarn_thrift_list(t, f, TARN_THRIFT_TRUE, 1) != n) t->rc = TARN_ECORRUPT;
    if (!t->rc) out = tarn_arena_alloc(arena, n);
    for (uint32_t i = 0; out && i < n; i++)
        out[i] = (uint8_t)tarn_thrift_elem_bool(t);
    return out;
}

static struct tarn_slice *read_slices(struct tarn_thrift *t, const struct tarn_thrift_field *f,
                                      uint32_t n, struct tarn_arena *arena) {
    struct tarn_slice *out = NULL;
    if (tarn_thrift_list(t, f, TARN_THRIFT_BINARY, 1) != n) t->rc = TARN_ECORRUPT;
    if (!t->rc) out = tarn_arena_alloc(arena, n * sizeof *out);
    for (uint32_t i = 0; out && i < n; i++)
        out[i] = tarn_thrift_elem_binary(t);
    return out;
}

static int64_t *read_ints(struct tarn_thrift *t, const struct tarn_thrift_field *f, uint32_t n,
                          struct tarn_arena *arena) {
    int64_t *out = NULL;
    if (tarn_thrift_list(t, f, TARN_THRIFT_I64, 1) != n) t->rc = TARN_ECORRUPT;
    if (!t->rc) out = tarn_arena_alloc(arena, n * sizeof *out);
    for (uint32_t i = 0; out && i < n; i++)
        out[i] = tarn_thrift_elem_int(t);
    return out;
}

/* The nulls of page i, as far as known; 0 when they contradict its rows. */
static int page_nulls(const struct column_index *ci, const struct tarn_page_index *x, uint32_t i,
                      struct tarn_pq_stats *s) {
    int64_t rows = (int64_t)tarn_page_index_end(x, i) - x->loc[i].first;
    memset(s, 0, sizeof *s);
    if (ci->nulls) {
        s->nulls = ci->nulls[i];
        s->has_nulls = 1;
        if (s->nulls < 0 || s->nulls > rows) return 0;
        if ((s->nulls == rows) != (ci->null_page[i] != 0)) return 0;
    } else if (ci->null_page[i]) {
        s->nulls = rows;
        s->has_nulls = 1;
    }
    return 1;
}

/* 1 unless the pages' bounds break the order that the index claims. */
static int in_order(const struct tarn_pq_column *col, const struct column_index *ci,
                    const struct tarn_pq_stats *s, uint32_t n) {
    const struct tarn_pq_stats *before = NULL;
    if (ci->order != 1 && ci->order != 2) return 1;
    for (uint32_t i = 0; i < n; i++) {
        const struct tarn_pq_stats *a = before, *b = &s[i];
        if (!b->has_min || !b->has_max) continue;
        before = b;
        if (!a) continue;
        if (ci->order == 2) {
            const struct tarn_pq_stats *swap = a;
            a = b;
            b = swap;
        }
        if (tarn_stats_compare(col, a->min, b->min) > 0 ||
            tarn_stats_compare(col, a->max, b->max) > 0)
            return 0;
    }
    return 1;
}

/* 1 unless pages contradict the statistics of their chunk. */
static int agrees(const struct tarn_pq_column *col, const struct tarn_pq_chunk *c,
                  const struct column_index *ci, const struct tarn_pq_stats *s, uint32_t n) {
    int64_t nulls = 0;
    for (uint32_t i = 0; i < n; i++) {
        nulls += s[i].has_nulls ? s[i].nulls : 0;
        if (c->stats.has_min && s[i].has_max && tarn_stats_compare(col, s[i].max, c->stats.min) < 0)
            return 0;
        if (c->stats.has_max && s[i].has_min && tarn_stats_compare(col, s[i].min, c->stats.max) > 0)
            return 0;
    }
    return !ci->nulls || !c->stats.has_nulls || nulls == c->stats.nulls;
}

static int build_stats(const struct tarn_pq_column *col, const struct tarn_pq_chunk *chunk,
                       const struct column_index *ci, struct tarn_arena *arena,
                       struct tarn_page_index *x) {
    struct tarn_pq_stats *s = tarn_arena_alloc(arena, x->n * sizeof *s);
    if (!s) return -1;
    for (uint32_t i = 0; i < x->n; i++) {
        if (!page_nulls(ci, x, i, &s[i])) return 0;
        if (!ci->null_page[i] && !col->order_unknown)
            tarn_stats_bounds(col, ci->min[i], ci->max[i], 1, &s[i]);
    }
    if (!in_order(col, ci, s, x->n) || !agrees(col, chunk, ci, s, x->n)) return 0;
    x->stats = s;
    return 1;
}

int tarn_column_index_parse(const uint8_t *p, size_t n, const struct tarn_pq_column *column,
                            const struct tarn_pq_chunk *chunk, struct tarn_arena *arena,
                            struct tarn_page_index *out) {
    struct column_index ci = {NULL, NULL, NULL, NULL, 0};
    struct tarn_thrift t;
    struct tarn_thrift_field f = {0, 0};
    uint32_t pages = out->n;
    if (pages == 0) return 0;
    tarn_thrift_init(&t, p, n);
    while (tarn_thrift_next(&t, &f)) {
        switch (f.id) {
        case 1: ci.null_page = read_bools(&t, &f, pages, arena); break;
        case 2: ci.min = read_slices(&t, &f, pages, arena); break;
        case 3: ci.max = read_slices(&t, &f, pages, arena); break;
        case 4: ci.order = tarn_thrift_i32(&t, &f); break;
        case 5: ci.nulls = read_ints(&t, &f, pages, arena); break;
        default: tarn_thrift_skip(&t, f.type);
        }
        if (arena->rc) return -1;
    }
    if (t.rc || !ci.null_page || !ci.min || !ci.max) return 0;
    return build_stats(column, chunk, &ci, arena, out);
}

uint32_t tarn_page_index_find(const struct tarn_page_index *x, uint32_t row) {
    uint32_t lo = 0, hi = x->n;
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (x->loc[mid].first <= row)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

uint32_t tarn_page_index_end(const struct tarn_page_index *x, uint32_t page) {
    return page + 1 < x->n ? x->loc[page + 1].first : x->rows;
}
