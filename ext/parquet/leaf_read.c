/* leaf_read.c: pages of a repeated leaf to steps of levels and values.
**
**   seek:  index? -> the page that holds the row, which must begin with rep 0 and hold the rows
**                    that the index says; else the index is dropped
**          then entries are dropped until the row begins; values of dropped steps are only skipped
**   fill:  the next step of the page, or of the next page that has entries
**
** Pages are walked one behind the other; version 1 pages may end inside a row, so only repetition
** levels tell where rows begin. The chunk ends when its last row has begun and as many entries were
** seen as the chunk claims.
*/
#include "leaf_read.h"

#include <string.h>

#include "mem.h"

#define STEP 256u

int tarn_leaf_fail(const struct tarn_leaf *l, const char *why, struct tarn_err *err) {
    return tarn_chunk_fail(&l->chunk, TARN_ECORRUPT, why, err);
}

static int no_memory(const struct tarn_leaf *l, const struct tarn_arena *a, const char *what,
                     struct tarn_err *err) {
    const struct tarn_chunk_reader *r = &l->chunk;
    if (a->rc == TARN_ELIMIT)
        return tarn_budget_fail(a->budget, err, "%s: row group %d, column %.60s: %s", r->src->name,
                                r->row_group, r->col->path, what);
    return tarn_err_set(err, a->rc, "%s: row group %d, column %.60s: no memory for %s",
                        r->src->name, r->row_group, r->col->path, what);
}

int tarn_leaf_open(struct tarn_leaf *l, const struct tarn_chunk_spec *spec, struct tarn_err *err) {
    struct tarn_chunk_spec plain = *spec;
    size_t size = 0;
    int rc = TARN_OK;
    memset(l, 0, sizeof *l);
    plain.index = NULL;
    tarn_arena_init(&l->index_arena, spec->budget);
    tarn_arena_init(&l->values_arena, spec->budget);
    rc = tarn_chunk_open_leaf(&l->chunk, &plain, err);
    if (rc) return rc;
    size = tarn_physical_size(l->chunk.col->physical);
    l->fresh = 1;
    l->stop = l->chunk.win.end;
    rc = tarn_pagebuf_new(&l->step, STEP * (2 + sizeof(uint32_t) + size), spec->budget,
                          "a step of a column", spec->src->name, err);
    if (rc) return rc;
    l->rep = l->step->data;
    l->def = l->rep + STEP;
    l->values.physical = l->chunk.col->physical;
    return TARN_OK;
}

void tarn_leaf_release(struct tarn_leaf *l) {
    tarn_chunk_release(&l->chunk);
    tarn_pagebuf_free(l->step);
    tarn_arena_release(&l->index_arena);
    tarn_arena_release(&l->values_arena);
    l->step = NULL;
}

static unsigned bits_for(uint8_t max) {
    unsigned w = 0;
    while (max >> w)
        w++;
    return w;
}

/* Takes the levels off the front of a version 1 page's body. */
static int cut_levels(const struct tarn_leaf *l, struct tarn_slice *body, int encoding, uint8_t max,
                      struct tarn_slice *out, struct tarn_err *err) {
    const struct tarn_chunk_reader *r = &l->chunk;
    uint64_t n = 0;
    memset(out, 0, sizeof *out);
    if (max == 0) return TARN_OK;
    if (encoding == TARN_BIT_PACKED) {
        n = ((uint64_t)r->head.values * bits_for(max) + 7) / 8;
    } else {
        uint32_t len = 0;
        if (encoding != TARN_RLE)
            return tarn_chunk_fail(r, TARN_EUNSUPPORTED, "unknown encoding of levels", err);
        if (body->len < 4) return tarn_leaf_fail(l, "a page without levels", err);
        memcpy(&len, body->data, 4);
        body->data += 4;
        body->len -= 4;
        n = len;
    }
    if (n > body->len) return tarn_leaf_fail(l, "a page's levels are longer than the page", err);
    *out = (struct tarn_slice){body->data, (size_t)n};
    body->data += n;
    body->len -= (size_t)n;
    return TARN_OK;
}

static void init_levels(struct tarn_leaf_levels *v, struct tarn_slice s, uint8_t max, int msb) {
    tarn_rle_init(&v->rle, s.data, s.len, bits_for(max));
    v->max = max;
    v->msb = (uint8_t)msb;
    v->bit = 0;
}

static int read_levels(struct tarn_leaf_levels *v, uint8_t *out, uint32_t n) {
    uint32_t level[STEP], above = 0;
    if (v->max == 0) {
        memset(out, 0, n);
        return 0;
    }
    if (v->msb) {
        uint64_t bits = (uint64_t)(v->rle.end - v->rle.p) * 8;
        if ((uint64_t)n * v->rle.width > bits - v->bit) return -1;
        for (uint32_t i = 0; i < n; i++) {
            level[i] = 0;
            for (unsigned b = 0; b < v->rle.width; b++, v->bit++)
                level[i] = level[i] << 1 | (uint32_t)(v->rle.p[v->bit / 8] >> (7 - v->bit % 8) & 1);
        }
    } else if (tarn_rle_read(&v->rle, level, n)) {
        return -1;
    }
    for (uint32_t i = 0; i < n; i++) {
        above |= level[i] > v->max;
        out[i] = (uint8_t)level[i];
    }
    return above ? -1 : 0;
}

/* Loads the page of chunk.head and sets up its levels and values. */
static int load_page(struct tarn_leaf *l, struct tarn_err *err) {
    struct tarn_chunk_reader *r = &l->chunk;
    struct tarn_slice rep, def, body;
    const char *why = NULL;
    int v1 = r->head.type == TARN_DATA_PAGE;
    int rc = tarn_chunk_body(r, err);
    if (rc) return rc;
    rep = r->page.rep;
    def = r->page.def;
    body = r->page.body;
    if (v1) {
        rc = cut_levels(l, &body, r->head.rep_encoding, r->col->max_rep, &rep, err);
        if (!rc) rc = cut_levels(l, &body, r->head.def_encoding, r->col->max_def, &def, err);
        if (rc) return rc;
    }
    init_levels(&l->rep_levels, rep, r->col->max_rep,
                v1 && r->head.rep_encoding == TARN_BIT_PACKED);
    init_levels(&l->def_levels, def, r->col->max_def,
                v1 && r->head.def_encoding == TARN_BIT_PACKED);
    rc = tarn_values_init(&r->values, r->col->physical, r->col->fixed_len, r->head.encoding, body,
                          &why);
    if (rc) return tarn_chunk_fail(r, rc, why, err);
    l->page = r->head.values;
    return TARN_OK;
}

/* Are all entries there? 1: yes; 0: more must come; -1: no, and they can't come. */
static int all_seen(const struct tarn_leaf *l, uint64_t at) {
    const struct tarn_chunk_reader *r = &l->chunk;
    int over = at >= r->chunk->offset + r->chunk->size;
    if (l->begun < r->rows) return at >= l->stop ? -1 : 0;
    if (l->jumped || r->col->max_rep == 0) return r->col->max_rep == 0 || at >= l->stop;
    if (l->seen > (uint64_t)r->chunk->n_values) return -1;
    return l->seen == (uint64_t)r->chunk->n_values ? 1 : over ? -1 : 0;
}

/* To the next page with entries, loaded; or sets ended. Pages of a leaf that is not repeated have
** as many rows as entries, and are passed unread while `row` comes later. */
static int next_page(struct tarn_leaf *l, uint32_t row, struct tarn_err *err) {
    struct tarn_chunk_reader *r = &l->chunk;
    for (;;) {
        uint64_t at = r->chunk->offset;
        int rc = TARN_OK, done = 0;
        if (r->have_page) at = r->page_at + r->head.size + r->head.compressed;
        done = all_seen(l, at);
        if (done < 0)
            return tarn_leaf_fail(
                l, "the pages hold other numbers of rows or values than the chunk claims", err);
        if (done) {
            l->ended = 1;
            return TARN_OK;
        }
        rc = tarn_chunk_header(r, at, &r->head, err);
        if (rc) return rc;
        r->have_page = 1;
        if (r->head.type != TARN_DATA_PAGE && r->head.type != TARN_DATA_PAGE_V2) continue;
        l->seen += r->head.values;
        if (r->head.values == 0) continue;
        if (r->col->max_rep == 0 && r->head.values <= r->rows - l->begun &&
            l->begun + r->head.values <= row) {
            l->begun += r->head.values;
            continue;
        }
        return load_page(l, err);
    }
}

/* Passes entries of the step as long as `row` has not begun; *skip = how many had values. */
static void pass(struct tarn_leaf *l, uint32_t row, uint32_t *skip) {
    uint8_t max = l->chunk.col->max_def;
    *skip = 0;
    while (l->at < l->n) {
        uint32_t begun = l->begun + (l->rep[l->at] == 0);
        if (begun > row) return;
        l->begun = begun;
        *skip += l->def[l->at] == max;
        l->at++;
    }
}

/* `n` values of the page: codes that the dictionary has, or elements. */
static int read_values(struct tarn_leaf *l, uint32_t n, struct tarn_err *err) {
    struct tarn_chunk_reader *r = &l->chunk;
    uint32_t *codes = (uint32_t *)(void *)(l->step->data + 2 * STEP);
    int dictionary = r->values.encoding == TARN_RLE_DICTIONARY, rc = TARN_OK;
    const char *why = NULL;
    l->value = 0;
    l->values.n = n;
    l->values.codes = NULL;
    l->values.values.any = codes + STEP;
    tarn_arena_clear(&l->values_arena);
    if (n == 0) return TARN_OK;
    rc = tarn_values_read(&r->values, dictionary ? (void *)codes : (void *)(codes + STEP), n,
                          &l->values_arena, &why);
    if (rc && l->values_arena.rc) return no_memory(l, &l->values_arena, "values", err);
    if (rc) return tarn_chunk_fail(r, rc, why, err);
    if (!dictionary) return TARN_OK;
    for (uint32_t i = 0; i < n; i++)
        if (codes[i] >= r->dict_n)
            return tarn_leaf_fail(l, "a dictionary code is beyond the dictionary", err);
    l->values.codes = codes;
    l->values.values.any = r->dict->data;
    l->values.dict_n = r->dict_n;
    return TARN_OK;
}

/* How often the next level comes again, as far as that is known without decoding; *value = it. */
static uint32_t run_left(const struct tarn_leaf_levels *v, uint32_t *value) {
    *value = v->max ? v->rle.value : 0;
    if (v->max == 0) return UINT32_MAX;
    return v->msb || v->rle.packed || v->rle.tmp_at < v->rle.tmp_n ? 0 : v->rle.left;
}

static void pass_run(struct tarn_leaf_levels *v, uint32_t n) {
    if (v->max) v->rle.left -= n;
}

/* Entries before `row` that are runs of both levels, at the price of one: a page may claim
** thousands of millions of them. */
static int skip_run(struct tarn_leaf *l, uint32_t row, struct tarn_err *err) {
    struct tarn_chunk_reader *r = &l->chunk;
    uint32_t rep = 0, def = 0, n = l->page, k = run_left(&l->rep_levels, &rep);
    const char *why = NULL;
    int rc = TARN_OK;
    if (n > k) n = k;
    k = run_left(&l->def_levels, &def);
    if (n > k) n = k;
    if (rep == 0 && n > row - l->begun) n = row - l->begun;
    if (n == 0 || rep > r->col->max_rep || def > r->col->max_def) return TARN_OK;
    pass_run(&l->rep_levels, n);
    pass_run(&l->def_levels, n);
    l->page -= n;
    if (rep == 0) l->begun += n;
    if (def == r->col->max_def) rc = tarn_values_skip(&r->values, n, &why);
    return rc ? tarn_chunk_fail(r, rc, why, err) : TARN_OK;
}

/* The next step of the page, whose entries before `row` are passed. */
static int next_step(struct tarn_leaf *l, uint32_t row, struct tarn_err *err) {
    struct tarn_chunk_reader *r = &l->chunk;
    uint32_t k = l->page < STEP ? l->page : STEP, rows = 0, skip = 0, present = 0;
    const char *why = NULL;
    int rc = TARN_OK;
    if (read_levels(&l->rep_levels, l->rep, k) || read_levels(&l->def_levels, l->def, k))
        return tarn_leaf_fail(
            l, "the levels end before the page's last value, or are above the column's", err);
    for (uint32_t i = 0; i < k; i++) {
        rows += l->rep[i] == 0;
        present += l->def[i] == r->col->max_def;
    }
    if (l->fresh && l->rep[0] != 0)
        return tarn_leaf_fail(l, "the first value does not begin a row", err);
    if (rows > r->rows - l->begun)
        return tarn_leaf_fail(l, "the pages hold more rows than the row group", err);
    l->fresh = 0;
    l->page -= k;
    l->n = k;
    l->at = 0;
    pass(l, row, &skip);
    if (skip) rc = tarn_values_skip(&r->values, skip, &why);
    if (rc) return tarn_chunk_fail(r, rc, why, err);
    if (l->at == k) return skip_run(l, row, err);
    return read_values(l, present - skip, err);
}

int tarn_leaf_fill(struct tarn_leaf *l, uint32_t row, struct tarn_err *err) {
    int rc = TARN_OK;
    while (!rc && l->at == l->n && !l->ended) {
        rc = tarn_source_poll(l->chunk.src, err);
        if (rc) return rc;
        if (l->page == 0) rc = next_page(l, row, err);
        if (!rc && l->page > 0) rc = next_step(l, row, err);
    }
    return rc;
}

void tarn_leaf_rewind(struct tarn_leaf *l) {
    l->chunk.have_page = 0;
    l->page = l->n = l->at = 0;
    l->begun = 0;
    l->seen = 0;
    l->ended = l->jumped = 0;
    l->fresh = 1;
    l->stop = l->chunk.win.end;
    l->chunk.win.want_end = l->chunk.win.end;
}

static int need_index(struct tarn_leaf *l, struct tarn_err *err) {
    struct tarn_chunk_reader *r = &l->chunk;
    const struct tarn_pq_chunk *c = r->chunk;
    struct tarn_pagebuf *b = NULL;
    struct tarn_slice plain;
    const char *why = NULL;
    int rc = TARN_OK;
    if (l->index_sought) return TARN_OK;
    l->index_sought = 1;
    if (!c->offset_index_offset || !c->offset_index_size) return TARN_OK;
    rc = tarn_pagebuf_new(&b, c->offset_index_size, r->win.budget, "an index", r->src->name, err);
    if (!rc) rc = r->src->read(r->src->ctx, c->offset_index_offset, b->data, b->cap, err);
    if (!rc) r->counters->bytes_read += b->cap;
    if (!rc) plain = (struct tarn_slice){b->data, b->cap};
    if (!rc && c->crypt)
        rc = tarn_crypt_open_arena(c->crypt, TARN_MODULE_OFFSET_INDEX, plain, &l->index_arena,
                                   &plain, &why);
    if (rc && l->index_arena.rc)
        no_memory(l, &l->index_arena, "the page index", err);
    else if (rc)
        tarn_chunk_fail(r, rc, why, err);
    if (!rc &&
        tarn_offset_index_parse(plain.data, plain.len, c, r->rows, &l->index_arena, &l->index) < 0)
        rc = no_memory(l, &l->index_arena, "the page index", err);
    tarn_pagebuf_free(b);
    return rc;
}

/* 1 when the loaded page begins a row and holds as many rows as page i of the index. */
static int agrees(struct tarn_leaf *l, uint32_t i) {
    struct tarn_leaf_levels levels = l->rep_levels;
    uint32_t want = tarn_page_index_end(&l->index, i) - l->index.loc[i].first;
    uint32_t left = l->page, value = 0;
    uint64_t rows = 0;
    uint8_t rep[STEP];
    if (l->chunk.col->max_rep == 0) return left == want;
    for (int first = 1; left > 0; first = 0) {
        uint32_t k = left < STEP ? left : STEP;
        if (read_levels(&levels, rep, k) || (first && rep[0] != 0)) return 0;
        for (uint32_t e = 0; e < k; e++)
            rows += rep[e] == 0;
        left -= k;
        k = run_left(&levels, &value);
        if (k > left) k = left;
        pass_run(&levels, k);
        if (value == 0) rows += k;
        left -= k;
    }
    return rows == want;
}

/* Stands at the beginning of page i of the index; drops the index when the page contradicts it. */
static int jump(struct tarn_leaf *l, uint32_t i, struct tarn_err *err) {
    const struct tarn_page_loc *loc = &l->index.loc[i], *last = &l->index.loc[l->index.n - 1];
    struct tarn_chunk_reader *r = &l->chunk;
    const uint8_t *bytes = NULL;
    const char *why = NULL;
    int rc = TARN_OK;
    tarn_leaf_rewind(l);
    r->win.want_end = loc->offset + loc->size;
    rc = tarn_window_need(&r->win, loc->offset, loc->size, &bytes, err);
    tarn_window_seek(&r->win, loc->offset, i);
    if (!rc) rc = tarn_page_header_read(&r->win, loc->offset, &r->head, &why, err);
    if (rc && !why) return rc;
    r->win.want_end = r->win.end;
    if (!rc && (r->head.type == TARN_DATA_PAGE || r->head.type == TARN_DATA_PAGE_V2) &&
        r->head.size + (uint64_t)r->head.compressed == loc->size && r->head.values > 0) {
        r->page_at = loc->offset;
        rc = load_page(l, err);
        if (rc) return rc;
        if (agrees(l, i)) {
            r->have_page = l->jumped = 1;
            l->begun = loc->first;
            l->stop = last->offset + last->size;
            return TARN_OK;
        }
    }
    l->index.n = 0;
    tarn_leaf_rewind(l);
    return TARN_OK;
}

/* Jumps when the index knows a later page that holds the row, or going back is called for. */
static int seek_page(struct tarn_leaf *l, uint32_t row, struct tarn_err *err) {
    int back = l->begun > row || l->ended, rc = TARN_OK;
    uint32_t i = 0;
    if (back || row - l->begun >= STEP) rc = need_index(l, err);
    if (rc) return rc;
    if (l->index.n > 0) {
        i = tarn_page_index_find(&l->index, row);
        if (i > 0 && (back || !l->chunk.have_page || l->index.loc[i].offset > l->chunk.page_at))
            return jump(l, i, err);
    }
    if (back) tarn_leaf_rewind(l);
    return TARN_OK;
}

int tarn_leaf_seek(struct tarn_leaf *l, uint32_t row, struct tarn_err *err) {
    uint32_t skip = 0;
    int rc = TARN_OK;
    if (l->begun <= row && !l->ended) {
        pass(l, row, &skip);
        l->value += skip;
        if (l->at < l->n) return TARN_OK;
    }
    rc = seek_page(l, row, err);
    if (!rc) rc = tarn_leaf_fill(l, row, err);
    if (!rc && (l->at == l->n || l->begun != row || l->rep[l->at] != 0))
        rc = tarn_leaf_fail(l, "the pages end before the row group's last row", err);
    return rc;
}
