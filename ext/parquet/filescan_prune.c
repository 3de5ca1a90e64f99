/* filescan_prune.c: a row group to the blocks that may hold matching rows.
**
**   statistics -> dictionary -> bloom filter    exclude the row group
**   ColumnIndex of each predicate's column      leaves ranges of rows, which are intersected
**   cut                                         at page borders, to blocks
**
** All page indexes that a scan needs in a row group lie together in most files: they are fetched
** with one read then.
*/
#include <string.h>

#include "bloom_read.h"
#include "byte_order.h"
#include "cell_number.h"
#include "filescan_impl.h"
#include "mem.h"
#include "predicate_eval.h"

#define DICTIONARY_MAX ((uint64_t)1 << 20)
#define ONE_READ ((uint64_t)1 << 20)
#define BLOCK_ROWS 8192
#define BLOCK_ROWS_ORDERED 2048
#define SPLIT_ROWS 16384
#define SPLIT_ROWS_ORDERED 262144
#define MAX_BLOCKS ((uint64_t)1 << 18)
#define SPLIT_BYTES ((uint64_t)32 << 20)
#define MATCH_MAX 65536

struct ranges { /* rows [first, end), increasing, apart */
    struct range {
        uint32_t first, end;
    } * items;
    uint32_t n;
};

void tarn_scan_context_clear(struct tarn_pq_scan *s, struct tarn_scan_context *c) {
    for (int i = 0; c->open && i < s->n_slots; i++)
        if (c->open[i]) tarn_chunk_release(&c->reader[i]);
    for (int i = 0; c->match && i < s->n_predicates; i++)
        tarn_free(c->match[i]);
    tarn_arena_release(&c->arena);
    c->row_group = -1;
    c->indexed = 0;
    c->index = NULL;
    c->reader = NULL;
    c->open = NULL;
    c->match = NULL;
}

int tarn_scan_context(struct tarn_pq_scan *s, int row_group, struct tarn_scan_context **out,
                      struct tarn_err *err) {
    struct tarn_scan_context *c = &s->contexts[0];
    size_t slots = (size_t)s->n_slots, preds = (size_t)s->n_predicates;
    for (int i = 0; i < TARN_SCAN_CONTEXTS; i++) {
        if (s->contexts[i].row_group == row_group) c = &s->contexts[i];
        if (c->row_group == row_group) break;
        if (s->contexts[i].used < c->used) c = &s->contexts[i];
    }
    c->used = ++s->clock;
    *out = c;
    if (c->row_group == row_group) return TARN_OK;
    tarn_scan_context_clear(s, c);
    c->index = tarn_arena_calloc(&c->arena, slots, sizeof *c->index);
    c->reader = tarn_arena_calloc(&c->arena, slots, sizeof *c->reader);
    c->open = tarn_arena_calloc(&c->arena, slots, 1);
    c->match = tarn_arena_calloc(&c->arena, preds, sizeof *c->match);
    c->match_of = tarn_arena_calloc(&c->arena, preds, sizeof *c->match_of);
    if (c->arena.rc) {
        int rc = tarn_scan_oom(s, &c->arena, err);
        c->open = NULL;
        c->match = NULL;
        tarn_scan_context_clear(s, c);
        return rc;
    }
    c->row_group = row_group;
    return TARN_OK;
}

struct place { /* of one index in the file */
    uint64_t offset;
    uint32_t size;
    const uint8_t *data;
};

/* Reads the places that have a size: together if they are close, else one by one. */
static int read_places(struct tarn_pq_scan *s, struct tarn_scan_context *c, struct place *p,
                       size_t n, struct tarn_err *err) {
    uint64_t lo = UINT64_MAX, hi = 0, sum = 0;
    uint8_t *all = NULL;
    for (size_t i = 0; i < n; i++) {
        if (p[i].size == 0) continue;
        if (p[i].offset < lo) lo = p[i].offset;
        if (p[i].offset + p[i].size > hi) hi = p[i].offset + p[i].size;
        sum += p[i].size;
    }
    if (sum == 0) return TARN_OK;
    if (hi - lo <= ONE_READ && hi - lo <= 4 * sum + 65536) {
        int rc = TARN_OK;
        all = tarn_arena_alloc(&c->arena, (size_t)(hi - lo));
        if (!all) return tarn_scan_oom(s, &c->arena, err);
        rc = s->src->read(s->src->ctx, lo, all, (size_t)(hi - lo), err);
        if (rc) return rc;
        s->counters->bytes_read += hi - lo;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t *one = NULL;
        int rc = TARN_OK;
        if (p[i].size == 0) continue;
        if (all) {
            p[i].data = all + (p[i].offset - lo);
            continue;
        }
        one = tarn_arena_alloc(&c->arena, p[i].size);
        if (!one) return tarn_scan_oom(s, &c->arena, err);
        rc = s->src->read(s->src->ctx, p[i].offset, one, p[i].size, err);
        if (rc) return rc;
        s->counters->bytes_read += p[i].size;
        p[i].data = one;
    }
    return TARN_OK;
}

/* The plain bytes of an index that is encrypted. */
static int open_place(struct tarn_pq_scan *s, struct tarn_scan_context *c,
                      const struct tarn_pq_chunk *k, enum tarn_module module, struct place *p,
                      struct tarn_err *err) {
    struct tarn_slice in = {p->data, p->size}, plain;
    const char *why = NULL;
    int rc = TARN_OK;
    if (!p->data || !k->crypt) return TARN_OK;
    rc = tarn_crypt_open_arena(k->crypt, module, in, &c->arena, &plain, &why);
    p->data = plain.data;
    p->size = (uint32_t)plain.len;
    if (!rc) return TARN_OK;
    if (!why) return tarn_scan_oom(s, &c->arena, err);
    return tarn_err_set(err, rc, "%s: row group %d, column %.60s: its %s: %s", s->src->name,
                        c->row_group, s->footer->columns[k->column].path,
                        module == TARN_MODULE_OFFSET_INDEX ? "OffsetIndex" : "ColumnIndex", why);
}

static int load_indexes(struct tarn_pq_scan *s, struct tarn_scan_context *c, struct tarn_err *err) {
    const struct tarn_pq_row_group *g = &s->footer->row_groups[c->row_group];
    size_t n = (size_t)s->n_slots;
    struct place *p = NULL;
    int rc = TARN_OK;
    if (c->indexed || !s->pushdown) return TARN_OK;
    p = tarn_arena_calloc(&c->arena, 2 * n, sizeof *p);
    if (!p) return tarn_scan_oom(s, &c->arena, err);
    for (size_t i = 0; i < n; i++) {
        const struct tarn_pq_chunk *k = &g->chunks[s->slots[i].column];
        if (k->offset_index_offset == 0 || s->footer->columns[k->column].max_rep > 0 ||
            k->encrypted)
            continue;
        p[2 * i].offset = k->offset_index_offset;
        p[2 * i].size = k->offset_index_size;
        if (k->column_index_offset == 0 || !(s->slots[i].has_predicate || s->slots[i].is_order))
            continue;
        p[2 * i + 1].offset = k->column_index_offset;
        p[2 * i + 1].size = k->column_index_size;
    }
    rc = read_places(s, c, p, 2 * n, err);
    for (size_t i = 0; i < n && !rc; i++) {
        int column = s->slots[i].column, ok = 0;
        rc = open_place(s, c, &g->chunks[column], TARN_MODULE_OFFSET_INDEX, &p[2 * i], err);
        if (!rc)
            rc = open_place(s, c, &g->chunks[column], TARN_MODULE_COLUMN_INDEX, &p[2 * i + 1], err);
        if (rc) break;
        if (p[2 * i].data)
            ok = tarn_offset_index_parse(p[2 * i].data, p[2 * i].size, &g->chunks[column],
                                         (uint32_t)g->rows, &c->arena, &c->index[i]);
        if (ok > 0 && p[2 * i + 1].data)
            ok = tarn_column_index_parse(p[2 * i + 1].data, p[2 * i + 1].size,
                                         &s->footer->columns[column], &g->chunks[column], &c->arena,
                                         &c->index[i]);
        if (ok < 0) rc = tarn_scan_oom(s, &c->arena, err);
    }
    c->indexed = !rc;
    return rc;
}

int tarn_scan_reader(struct tarn_pq_scan *s, struct tarn_scan_context *c, int slot,
                     struct tarn_chunk_reader **out, struct tarn_err *err) {
    struct tarn_chunk_spec spec = {s->footer, s->src,    c->row_group, s->slots[slot].column,
                                   NULL,      &s->codec, s->budget,    s->counters};
    int rc = TARN_OK;
    *out = &c->reader[slot];
    if (c->open[slot]) return TARN_OK;
    rc = load_indexes(s, c, err);
    spec.index = &c->index[slot];
    if (!rc) rc = tarn_chunk_open(*out, &spec, err);
    c->open[slot] = !rc;
    return rc;
}

const uint8_t *tarn_scan_match(struct tarn_pq_scan *s, struct tarn_scan_context *c, int p,
                               const struct tarn_vector *v) {
    const struct tarn_predicate *pred = &s->predicates[p];
    uint32_t n = v->codes ? v->dict_n : v->n;
    if (c->match[p] && c->match_of[p] == v->values.any) return c->match[p];
    if (n > MATCH_MAX) return NULL;
    tarn_free(c->match[p]);
    c->match[p] = tarn_malloc(n);
    if (!c->match[p]) return NULL;
    c->match_of[p] = v->values.any;
    tarn_pred_match(pred, &s->footer->columns[pred->column], v, c->match[p]);
    return c->match[p];
}

int tarn_pq_scan_excludes(struct tarn_pq_scan *s, int row_group) {
    const struct tarn_pq_row_group *g = NULL;
    if (!s->pushdown || row_group < 0 || row_group >= s->footer->n_row_groups) return 0;
    g = &s->footer->row_groups[row_group];
    for (int p = 0; p < s->n_predicates; p++) {
        int column = s->predicates[p].column;
        if (!tarn_pred_excludes(&s->predicates[p], &s->footer->columns[column],
                                &g->chunks[column].stats, g->rows) ||
            s->footer->columns[column].max_rep > 0)
            continue;
        if (!s->counted[row_group]) {
            s->counters->row_groups++;
            s->counters->row_groups_stats++;
            s->counted[row_group] = 1;
        }
        return 1;
    }
    return 0;
}

/* *excluded = 1 when no entry of a small dictionary that all pages use satisfies predicate p. */
static int try_dictionary(struct tarn_pq_scan *s, struct tarn_scan_context *c, int p, int *excluded,
                          struct tarn_err *err) {
    const struct tarn_predicate *pred = &s->predicates[p];
    const struct tarn_pq_chunk *k = &s->footer->row_groups[c->row_group].chunks[pred->column];
    struct tarn_chunk_reader *r = NULL;
    struct tarn_vector v;
    const uint8_t *match = NULL;
    int rc = TARN_OK;
    if (!k->all_dictionary || k->dictionary_offset == 0 || k->encrypted ||
        k->data_offset - k->dictionary_offset > DICTIONARY_MAX || pred->op == TARN_OP_IS_NULL ||
        pred->op == TARN_OP_NOT_NULL)
        return TARN_OK;
    rc = tarn_scan_reader(s, c, s->predicate_slot[p], &r, err);
    if (!rc) rc = tarn_chunk_dictionary(r, &v, err);
    if (rc || v.n == 0) return rc;
    match = tarn_scan_match(s, c, p, &v);
    if (match) *excluded = memchr(match, 1, v.n) == NULL;
    return TARN_OK;
}

/* The PLAIN bytes of a constant, as the column's filter hashes them: 0 when no value equals it. */
static int plain_bytes(const struct tarn_pq_column *col, const struct tarn_const *c, uint8_t *tmp,
                       struct tarn_slice *out) {
    int32_t i = (int32_t)(uint32_t)(uint64_t)c->i;
    float f = (float)c->r;
    out->data = tmp;
    switch (col->physical) {
    case TARN_INT32:
        memcpy(tmp, &i, 4);
        out->len = 4;
        return tarn_pred_unsigned(col) ? (int64_t)(uint32_t)i == c->i : i == c->i;
    case TARN_INT64:
        memcpy(tmp, &c->i, 8);
        out->len = 8;
        return 1;
    case TARN_FLOAT:
        memcpy(tmp, &f, 4);
        out->len = 4;
        return !((double)f < c->r || (double)f > c->r);
    case TARN_DOUBLE:
        memcpy(tmp, &c->r, 8);
        out->len = 8;
        return 1;
    default: *out = c->bytes; return col->physical != TARN_FIXED || out->len == col->fixed_len;
    }
}

/* Is a value always the same bytes? A filter knows no others. */
static int one_form(const struct tarn_pq_column *col) {
    if (tarn_byte_order(col) == TARN_BYTES_DECIMAL)
        return col->physical == TARN_FIXED && col->fixed_len <= TARN_DECIMAL_BYTES;
    return col->physical != TARN_BOOLEAN && col->physical != TARN_INT96;
}

static int try_bloom(struct tarn_pq_scan *s, int row_group, int p, int *excluded,
                     struct tarn_err *err) {
    const struct tarn_predicate *pred = &s->predicates[p];
    const struct tarn_pq_column *col = &s->footer->columns[pred->column];
    const struct tarn_pq_chunk *k = &s->footer->row_groups[row_group].chunks[pred->column];
    struct tarn_bloom b;
    int rc = TARN_OK, maybe = 0;
    if (k->bloom_offset == 0 || k->encrypted || !one_form(col) ||
        (pred->op != TARN_OP_EQ && pred->op != TARN_OP_IN))
        return TARN_OK;
    rc = tarn_bloom_open(&b, s->src, k, &s->counters->bytes_read, err);
    if (rc == TARN_ECORRUPT)
        tarn_err_set(err, rc,
                     "%s: row group %d, column %.60s: its bloom filter: authentication failed",
                     s->src->name, row_group, col->path);
    maybe = rc != 0 || b.n_blocks == 0;
    for (uint32_t i = 0; i < pred->n && !maybe && !rc; i++) {
        const struct tarn_const *c = &pred->constants[i];
        struct tarn_slice v;
        uint8_t tmp[8];
        maybe = c->kind != tarn_pred_kind(col) || (c->kind == TARN_CONST_REAL && c->r == 0);
        if (!maybe && plain_bytes(col, c, tmp, &v))
            rc = tarn_bloom_check(&b, s->src, v, &s->counters->bytes_read, &maybe, err);
    }
    tarn_bloom_release(&b);
    *excluded = !rc && !maybe;
    return rc;
}

/* Keeps of `in` what lies in pages whose bounds don't exclude the predicate. */
static int prune_pages(const struct tarn_predicate *p, const struct tarn_pq_column *col,
                       const struct tarn_page_index *x, struct tarn_arena *arena,
                       struct ranges *io) {
    struct ranges out = {NULL, 0};
    uint32_t at = 0;
    out.items = tarn_arena_alloc(arena, ((size_t)io->n + x->n) * sizeof *out.items);
    if (!out.items) return -1;
    for (uint32_t i = 0; i < x->n; i++) {
        uint32_t first = x->loc[i].first, end = tarn_page_index_end(x, i);
        if (tarn_pred_excludes(p, col, &x->stats[i], (int64_t)end - first)) continue;
        while (at < io->n && io->items[at].end <= first)
            at++;
        for (uint32_t k = at; k < io->n && io->items[k].first < end; k++) {
            uint32_t a = io->items[k].first > first ? io->items[k].first : first;
            uint32_t b = io->items[k].end < end ? io->items[k].end : end;
            if (out.n && out.items[out.n - 1].end == a)
                out.items[out.n - 1].end = b;
            else
                out.items[out.n++] = (struct range){a, b};
        }
    }
    *io = out;
    return 0;
}

static void count_pages(struct tarn_pq_scan *s, const struct tarn_scan_context *c,
                        const struct ranges *r) {
    for (int i = 0; i < s->n_slots; i++) {
        const struct tarn_page_index *x = &c->index[i];
        uint32_t at = 0;
        if (!s->slots[i].has_predicate && !s->slots[i].is_output) continue;
        s->counters->pages += x->n;
        for (uint32_t k = 0; k < x->n; k++) {
            while (at < r->n && r->items[at].end <= x->loc[k].first)
                at++;
            if (at == r->n || r->items[at].first >= tarn_page_index_end(x, k))
                s->counters->pages_pruned++;
        }
    }
}

/* Bounds of an INT32 or INT64 column from statistics; 0 when there are none. */
static int int_bounds(const struct tarn_pq_column *col, const struct tarn_pq_stats *s, int64_t *lo,
                      int64_t *hi) {
    int32_t a = 0, b = 0;
    if (!s->has_min || !s->has_max) return 0;
    if (col->physical == TARN_INT64 && !tarn_pred_unsigned(col)) {
        memcpy(lo, s->min.data, 8);
        memcpy(hi, s->max.data, 8);
        return 1;
    }
    if (col->physical != TARN_INT32) return 0;
    memcpy(&a, s->min.data, 4);
    memcpy(&b, s->max.data, 4);
    *lo = tarn_pred_unsigned(col) ? (int64_t)(uint32_t)a : a;
    *hi = tarn_pred_unsigned(col) ? (int64_t)(uint32_t)b : b;
    return 1;
}

static void set_bounds(const struct tarn_pq_scan *s, const struct tarn_scan_context *c,
                       struct tarn_pq_block *b) {
    const struct tarn_pq_column *col = NULL;
    const struct tarn_page_index *x = NULL;
    int64_t lo = INT64_MAX, hi = INT64_MIN;
    b->lo = INT64_MIN;
    b->hi = INT64_MAX;
    if (s->order_slot < 0 || !s->pushdown) return;
    col = &s->footer->columns[s->slots[s->order_slot].column];
    int_bounds(col,
               &s->footer->row_groups[b->row_group].chunks[s->slots[s->order_slot].column].stats,
               &b->lo, &b->hi);
    x = &c->index[s->order_slot];
    if (!x->stats) return;
    for (uint32_t i = tarn_page_index_find(x, b->first);
         i < x->n && x->loc[i].first < b->first + b->rows; i++) {
        int64_t page_lo = 0, page_hi = 0;
        if (!int_bounds(col, &x->stats[i], &page_lo, &page_hi)) return;
        if (page_lo < lo) lo = page_lo;
        if (page_hi > hi) hi = page_hi;
    }
    if (lo > b->lo) b->lo = lo;
    if (hi < b->hi) b->hi = hi;
}

/* The index whose page borders blocks are cut at: the order column's, a predicate's, or any. */
static const struct tarn_page_index *borders(const struct tarn_pq_scan *s,
                                             const struct tarn_scan_context *c) {
    const struct tarn_page_index *best = NULL;
    if (s->order_slot >= 0 && c->index[s->order_slot].n > 0) return &c->index[s->order_slot];
    for (int i = 0; i < s->n_slots; i++) {
        if (c->index[i].n == 0) continue;
        if (s->slots[i].has_predicate) return &c->index[i];
        if (!best) best = &c->index[i];
    }
    return best;
}

/* Rows of a block that is cut by rows alone: as the columns' claimed sizes suggest. */
static uint32_t split_rows(const struct tarn_pq_scan *s, int row_group) {
    const struct tarn_pq_row_group *g = &s->footer->row_groups[row_group];
    uint64_t bytes = 1, most = s->order_slot >= 0 ? SPLIT_ROWS_ORDERED : SPLIT_ROWS, rows = 0;
    for (int i = 0; i < s->n_slots; i++) {
        uint64_t b = g->chunks[s->slots[i].column].uncompressed;
        bytes += b < ((uint64_t)1 << 50) ? b : (uint64_t)1 << 50;
    }
    rows = (uint64_t)g->rows / (bytes / SPLIT_BYTES + 1);
    if (rows > most) rows = most;
    if (rows < 1024) rows = 1024;
    /* A claim of many bytes must not make blocks by the million. */
    return rows < (uint64_t)g->rows / MAX_BLOCKS ? (uint32_t)((uint64_t)g->rows / MAX_BLOCKS)
                                                 : (uint32_t)rows;
}

struct blocks {
    struct tarn_pq_block *items;
    size_t n, cap;
};

static int add_block(struct tarn_pq_scan *s, const struct tarn_scan_context *c, struct blocks *b,
                     uint32_t first, uint32_t end, struct tarn_err *err) {
    struct tarn_pq_block *k = NULL;
    if (b->n == b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 16;
        struct tarn_pq_block *items = tarn_reallocarray(b->items, cap, sizeof *items);
        if (!items) return tarn_err_set(err, TARN_ENOMEM, "%s: no memory for blocks", s->src->name);
        b->items = items;
        b->cap = cap;
    }
    k = &b->items[b->n++];
    k->row_group = c->row_group;
    k->first = first;
    k->rows = end - first;
    set_bounds(s, c, k);
    return TARN_OK;
}

static int cut(struct tarn_pq_scan *s, const struct tarn_scan_context *c, const struct ranges *r,
               struct blocks *b, struct tarn_err *err) {
    const struct tarn_page_index *x = borders(s, c);
    uint32_t split = split_rows(s, c->row_group);
    uint32_t most = s->order_slot >= 0 ? BLOCK_ROWS_ORDERED : BLOCK_ROWS;
    int rc = TARN_OK;
    if (!x) most = split;
    for (uint32_t i = 0; i < r->n; i++) {
        uint32_t at = r->items[i].first, end = r->items[i].end;
        while (at < end && !rc) {
            uint32_t stop = end - at > most ? at + most : end;
            if (x) {
                uint32_t p = tarn_page_index_find(x, at);
                stop = tarn_page_index_end(x, p);
                while (stop < end && tarn_page_index_end(x, p + 1) - at <= most)
                    stop = tarn_page_index_end(x, ++p);
                if (stop > end) stop = end;
                if (stop - at > split) stop = at + split;
            }
            rc = add_block(s, c, b, at, stop, err);
            at = stop;
        }
    }
    return rc;
}

/* Statistics, dictionaries and blooms: *excluded = 1 when one of them rules the row group out. */
static int exclude_row_group(struct tarn_pq_scan *s, struct tarn_scan_context *c, int *excluded,
                             struct tarn_err *err) {
    int rc = TARN_OK;
    for (int p = 0; p < s->n_predicates && !rc && !*excluded; p++) {
        if (s->footer->columns[s->predicates[p].column].max_rep > 0) continue;
        rc = try_dictionary(s, c, p, excluded, err);
        if (*excluded) s->counters->row_groups_dictionary++;
        if (rc || *excluded) break;
        rc = try_bloom(s, c->row_group, p, excluded, err);
        if (*excluded) s->counters->row_groups_bloom++;
    }
    return rc;
}

int tarn_pq_scan_blocks(struct tarn_pq_scan *s, int row_group, struct tarn_pq_block **blocks,
                        size_t *n, struct tarn_err *err) {
    struct tarn_scan_context *c = NULL;
    const struct tarn_pq_row_group *g = NULL;
    struct blocks b = {NULL, 0, 0};
    struct range all = {0, 0};
    struct ranges r = {&all, 1};
    int rc = TARN_OK, excluded = 0;
    *blocks = NULL;
    *n = 0;
    if (row_group < 0 || row_group >= s->footer->n_row_groups)
        return tarn_err_set(err, TARN_EINVAL, "%s: there is no row group %d", s->src->name,
                            row_group);
    g = &s->footer->row_groups[row_group];
    if (g->rows > INT32_MAX)
        return tarn_err_set(err, TARN_EUNSUPPORTED,
                            "%s: row group %d claims %lld rows, at most 2147483647 are read",
                            s->src->name, row_group, (long long)g->rows);
    if (tarn_pq_scan_excludes(s, row_group)) return TARN_OK;
    if (!s->counted[row_group]) s->counters->row_groups++;
    s->counted[row_group] = 1;
    if (g->rows == 0) return TARN_OK;
    all.end = (uint32_t)g->rows;
    rc = tarn_scan_context(s, row_group, &c, err);
    if (!rc && s->pushdown) rc = exclude_row_group(s, c, &excluded, err);
    if (rc || excluded) return rc;
    rc = load_indexes(s, c, err);
    for (int p = 0; p < s->n_predicates && !rc; p++) {
        const struct tarn_page_index *x = &c->index[s->predicate_slot[p]];
        if (!x->stats) continue;
        if (prune_pages(&s->predicates[p], &s->footer->columns[s->predicates[p].column], x,
                        &s->scratch, &r))
            rc = tarn_scan_oom(s, &s->scratch, err);
    }
    if (!rc) count_pages(s, c, &r);
    if (!rc) rc = cut(s, c, &r, &b, err);
    tarn_arena_clear(&s->scratch);
    if (rc) {
        tarn_free(b.items);
        return rc;
    }
    *blocks = b.items;
    *n = b.n;
    return TARN_OK;
}
