/* footer_parse.c: FileMetaData: row groups, column chunks, key/value metadata; then the checks.
**
** First everything is collected; statistics stay raw, since column_orders, which say what min and
** max mean, come after the row groups. Then offsets are checked against the file. What describes
** pages is refused when it can't be true; what only helps (statistics, indexes, blooms, sorting)
** is dropped.
*/
#include "footer_parse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "footer_crypt.h"

#define MAX_INDEX ((int64_t)64 << 20)

int tarn_footer_fail(struct tarn_footer_parse *p, const char *fmt, ...) {
    char what[160];
    va_list ap;
    int code = p->arena->rc ? p->arena->rc : p->scratch->rc;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    if (code == TARN_ENOMEM) return tarn_err_set(p->err, code, "%s: footer: no memory", p->name);
    if (code == TARN_ELIMIT)
        return tarn_err_set(p->err, code,
                            "%s: the footer's %zu bytes describe more than a footer of that size "
                            "can hold: the file is damaged",
                            p->name, p->n_bytes);
    return tarn_err_set(p->err, TARN_ECORRUPT, "%s: footer at offset %llu: %s: the file is damaged",
                        p->name, (unsigned long long)p->limit, what);
}

const char *tarn_footer_text(struct tarn_footer_parse *p, struct tarn_slice s) {
    return tarn_arena_strndup(p->arena, s.data ? (const char *)s.data : "", s.len);
}

static void read_kv(struct tarn_footer_parse *p, const struct tarn_thrift_field *at,
                    const struct tarn_kv **out, int *n_out) {
    struct tarn_thrift *t = &p->t;
    uint32_t n = tarn_thrift_list(t, at, TARN_THRIFT_STRUCT, 2);
    struct tarn_kv *kv = n ? tarn_arena_calloc(p->arena, n, sizeof *kv) : NULL;
    if (!kv || n > INT32_MAX) return;
    for (uint32_t i = 0; i < n && !t->rc; i++) {
        struct tarn_thrift_field f = {0, 0};
        kv[i].key = "";
        while (tarn_thrift_next(t, &f)) {
            if (f.id == 1)
                kv[i].key = tarn_footer_text(p, tarn_thrift_binary(t, &f));
            else if (f.id == 2)
                kv[i].value = tarn_footer_text(p, tarn_thrift_binary(t, &f));
            else
                tarn_thrift_skip(t, f.type);
        }
        if (p->arena->rc) return;
    }
    *out = kv;
    *n_out = (int)n;
}

static int is_dictionary(int32_t encoding) {
    return encoding == TARN_PLAIN_DICTIONARY || encoding == TARN_RLE_DICTIONARY;
}

/* PageEncodingStats: 1 when there are data pages and all of them are dictionary-encoded. */
static int read_encoding_stats(struct tarn_thrift *t, const struct tarn_thrift_field *at) {
    uint32_t n = tarn_thrift_list(t, at, TARN_THRIFT_STRUCT, 1);
    int dictionary = 0, other = 0;
    for (uint32_t i = 0; i < n && !t->rc; i++) {
        struct tarn_thrift_field f = {0, 0};
        int32_t page = -1, encoding = -1, count = 0;
        while (tarn_thrift_next(t, &f)) {
            switch (f.id) {
            case 1: page = tarn_thrift_i32(t, &f); break;
            case 2: encoding = tarn_thrift_i32(t, &f); break;
            case 3: count = tarn_thrift_i32(t, &f); break;
            default: tarn_thrift_skip(t, f.type);
            }
        }
        if (page == TARN_DICTIONARY_PAGE || page == TARN_INDEX_PAGE || count == 0) continue;
        if (is_dictionary(encoding))
            dictionary = 1;
        else
            other = 1;
    }
    return dictionary && !other;
}

/* An integer that only helps: a writer that uses the field for something else has none. */
static int64_t optional_int(struct tarn_thrift *t, const struct tarn_thrift_field *f) {
    if (f->type >= TARN_THRIFT_I8 && f->type <= TARN_THRIFT_I64) return tarn_thrift_i64(t, f);
    tarn_thrift_skip(t, f->type);
    return 0;
}

/* What a ColumnMetaData says, before it is checked. */
struct meta {
    int seen; /* a ColumnMetaData was there */
    int has_encoding_stats;
    int32_t type, codec;
    int64_t values, uncompressed, compressed, data, dictionary, bloom, bloom_size;
};

static void read_meta(struct tarn_footer_parse *p, struct meta *m, struct tarn_pq_chunk *c,
                      struct tarn_raw_stats *raw) {
    struct tarn_thrift *t = &p->t;
    struct tarn_thrift_field f = {0, 0};
    m->seen = 1;
    m->type = m->codec = -1;
    m->values = m->compressed = m->data = -1;
    while (tarn_thrift_next(t, &f)) {
        switch (f.id) {
        case 1: m->type = tarn_thrift_i32(t, &f); break;
        case 2: {
            uint32_t n = tarn_thrift_list(t, &f, TARN_THRIFT_I32, 1);
            for (uint32_t i = 0; i < n && !t->rc; i++) {
                int64_t e = tarn_thrift_elem_int(t);
                c->encodings |= e >= 0 && e < 32 ? UINT32_C(1) << e : UINT32_C(1) << 31;
            }
            break;
        }
        case 4: m->codec = tarn_thrift_i32(t, &f); break;
        case 5: m->values = tarn_thrift_i64(t, &f); break;
        case 6: m->uncompressed = tarn_thrift_i64(t, &f); break;
        case 7: m->compressed = tarn_thrift_i64(t, &f); break;
        case 8: read_kv(p, &f, &c->kv, &c->n_kv); break;
        case 9: m->data = tarn_thrift_i64(t, &f); break;
        case 11: m->dictionary = optional_int(t, &f); break;
        case 12:
            if (f.type == TARN_THRIFT_STRUCT)
                tarn_raw_stats_read(t, raw);
            else
                tarn_thrift_skip(t, f.type);
            break;
        case 13:
            c->all_dictionary = (uint8_t)read_encoding_stats(t, &f);
            m->has_encoding_stats = 1;
            break;
        case 14: m->bloom = optional_int(t, &f); break;
        case 15: m->bloom_size = optional_int(t, &f); break;
        default: tarn_thrift_skip(t, f.type);
        }
    }
}

/* Keeps the place of a hint only when it lies between the pages' mark and the footer. */
static void hint(const struct tarn_footer_parse *p, int64_t offset, int64_t size, int needs_size,
                 uint64_t *out, uint32_t *out_size) {
    *out = 0;
    *out_size = 0;
    if (offset < 4 || (uint64_t)offset >= p->limit || size < 0 || size > INT32_MAX) return;
    if ((needs_size && (size == 0 || size > MAX_INDEX)) ||
        (uint64_t)size > p->limit - (uint64_t)offset)
        return;
    *out = (uint64_t)offset;
    *out_size = (uint32_t)size;
}

static int check_meta(struct tarn_footer_parse *p, const struct meta *m, int64_t rows, int rg,
                      struct tarn_pq_chunk *c) {
    const struct tarn_pq_column *col = &p->f->columns[c->column];
    const uint32_t dictionary = UINT32_C(1) << TARN_PLAIN_DICTIONARY | UINT32_C(1)
                                                                           << TARN_RLE_DICTIONARY;
    const uint32_t levels = UINT32_C(1) << TARN_RLE | UINT32_C(1) << TARN_BIT_PACKED;
    int64_t first = m->data, size = m->compressed;
    if (m->type != (int32_t)col->physical)
        return tarn_footer_fail(p,
                                "row group %d, column %.60s: physical type %d, the schema says %d",
                                rg, col->path, (int)m->type, (int)col->physical);
    if (m->values < 0 || m->compressed < 0 || m->data < 0 || m->codec < 0 || m->uncompressed < 0)
        return tarn_footer_fail(p, "row group %d, column %.60s lacks a size, a count or an offset",
                                rg, col->path);
    if (m->dictionary > 0 && m->dictionary < m->data) first = m->dictionary;
    if (rows == 0) first = size = 0;
    if ((size > 0 && first < 4) || (uint64_t)first > p->limit ||
        (uint64_t)size > p->limit - (uint64_t)first)
        return tarn_footer_fail(p,
                                "row group %d, column %.60s: %lld bytes of pages at %lld are not "
                                "inside the file",
                                rg, col->path, (long long)size, (long long)first);
    c->codec = (enum tarn_codec)m->codec;
    c->n_values = m->values;
    c->offset = (uint64_t)first;
    c->size = (uint64_t)size;
    c->uncompressed = (uint64_t)m->uncompressed;
    c->data_offset = (uint64_t)m->data;
    c->dictionary_offset = first < m->data ? (uint64_t)first : 0;
    if (!m->has_encoding_stats)
        c->all_dictionary = (c->encodings & dictionary) &&
                            !(c->encodings & ~(dictionary | levels)) &&
                            col->physical != TARN_BOOLEAN; /* RLE may be of its values */
    hint(p, m->bloom, m->bloom_size, 0, &c->bloom_offset, &c->bloom_size);
    return TARN_OK;
}

/* An encrypted chunk: its own metadata, once opened, replace what the plain ones say of it. What is
** said of a column that stays closed is not used to prune. */
static int read_encrypted(struct tarn_footer_parse *p, int rg,
                          const struct tarn_column_crypto *crypto, struct tarn_pq_chunk *c,
                          struct meta *m, struct tarn_raw_stats *raw) {
    struct tarn_slice sealed = {NULL, 0};
    struct tarn_thrift outer = p->t;
    int rc = tarn_footer_crypt_column(p, rg, crypto, c, &sealed);
    if (rc) return rc;
    if (sealed.data || c->encrypted) {
        memset(raw, 0, sizeof *raw);
        raw->nulls = raw->distinct = -1;
    }
    if (!sealed.data) return TARN_OK;
    memset(m, 0, sizeof *m);
    c->encodings = 0;
    c->all_dictionary = 0;
    c->kv = NULL;
    c->n_kv = 0;
    tarn_thrift_init(&p->t, sealed.data, sealed.len);
    read_meta(p, m, c, raw);
    rc = p->t.rc;
    p->t = outer;
    if (rc) return tarn_footer_fail(p, "row group %d, column %d is broken", rg, c->column);
    return TARN_OK;
}

static int read_chunk(struct tarn_footer_parse *p, int rg, int column, struct tarn_pq_chunk *c,
                      struct meta *m, struct tarn_raw_stats *raw) {
    struct tarn_thrift *t = &p->t;
    struct tarn_thrift_field f = {0, 0};
    struct tarn_column_crypto crypto = {0, 0, {NULL, 0}, {NULL, 0}};
    int64_t oi = 0, ci = 0, oi_size = 0, ci_size = 0;
    int rc = TARN_OK;
    memset(m, 0, sizeof *m);
    raw->nulls = raw->distinct = -1;
    c->column = column;
    while (tarn_thrift_next(t, &f)) {
        switch (f.id) {
        case 1: c->elsewhere = tarn_thrift_binary(t, &f).len > 0; break;
        case 3:
            if (tarn_thrift_struct(t, &f)) read_meta(p, m, c, raw);
            break;
        case 4: oi = optional_int(t, &f); break;
        case 5: oi_size = optional_int(t, &f); break;
        case 6: ci = optional_int(t, &f); break;
        case 7: ci_size = optional_int(t, &f); break;
        case 8: tarn_column_crypto_read(t, &f, &crypto); break;
        case 9: crypto.sealed_meta = tarn_thrift_binary(t, &f); break;
        default: tarn_thrift_skip(t, f.type);
        }
    }
    if (t->rc) return tarn_footer_fail(p, "row group %d, column %d is broken", rg, column);
    if (crypto.seen) rc = read_encrypted(p, rg, &crypto, c, m, raw);
    if (rc) return rc;
    if (!m->seen && !c->encrypted)
        return tarn_footer_fail(p, "row group %d, column %d has no metadata", rg, column);
    hint(p, oi, oi_size, 1, &c->offset_index_offset, &c->offset_index_size);
    hint(p, ci, ci_size, 1, &c->column_index_offset, &c->column_index_size);
    return TARN_OK;
}

static int read_chunks(struct tarn_footer_parse *p, const struct tarn_thrift_field *at, int rg,
                       struct meta **meta) {
    struct tarn_pq_row_group *g = &p->f->row_groups[rg];
    uint32_t n = tarn_thrift_list(&p->t, at, TARN_THRIFT_STRUCT, 3);
    int rc = TARN_OK;
    if (p->t.rc || n != (uint32_t)p->f->n_columns || g->chunks)
        return tarn_footer_fail(p, "row group %d has %u column chunks, the schema has %d columns",
                                rg, (unsigned)n, p->f->n_columns);
    g->chunks = tarn_arena_calloc(p->arena, n, sizeof *g->chunks);
    p->raw[rg] = tarn_arena_calloc(p->scratch, n, sizeof **p->raw);
    *meta = tarn_arena_calloc(p->scratch, n, sizeof **meta);
    if (!g->chunks || !p->raw[rg] || !*meta) return tarn_footer_fail(p, "no memory");
    for (uint32_t i = 0; i < n && !rc; i++)
        rc = read_chunk(p, rg, (int)i, &g->chunks[i], &(*meta)[i], &p->raw[rg][i]);
    return rc;
}

/* The first of sorting_columns, into the row group. */
static void read_sorting(struct tarn_footer_parse *p, const struct tarn_thrift_field *at,
                         struct tarn_pq_row_group *g) {
    struct tarn_thrift *t = &p->t;
    uint32_t n = tarn_thrift_list(t, at, TARN_THRIFT_STRUCT, 1);
    for (uint32_t i = 0; i < n && !t->rc; i++) {
        struct tarn_thrift_field f = {0, 0};
        int32_t column = -1;
        int descending = 0;
        while (tarn_thrift_next(t, &f)) {
            if (f.id == 1)
                column = tarn_thrift_i32(t, &f);
            else if (f.id == 2)
                descending = tarn_thrift_bool(t, &f);
            else
                tarn_thrift_skip(t, f.type);
        }
        if (i || column < 0 || column >= p->f->n_columns) continue;
        g->sort_column = column;
        g->sort_descending = descending;
    }
}

static int read_row_group(struct tarn_footer_parse *p, int rg) {
    struct tarn_pq_row_group *g = &p->f->row_groups[rg];
    struct tarn_thrift *t = &p->t;
    struct tarn_thrift_field f = {0, 0};
    struct meta *meta = NULL;
    int64_t bytes = 0;
    int rc = TARN_OK;
    g->rows = -1;
    g->sort_column = -1;
    while (!rc && tarn_thrift_next(t, &f)) {
        switch (f.id) {
        case 1: rc = read_chunks(p, &f, rg, &meta); break;
        case 2: bytes = tarn_thrift_i64(t, &f); break;
        case 3: g->rows = tarn_thrift_i64(t, &f); break;
        case 4: read_sorting(p, &f, g); break;
        default: tarn_thrift_skip(t, f.type);
        }
    }
    if (rc) return rc;
    if (t->rc || g->rows < 0 || (!g->chunks && p->f->n_columns > 0))
        return tarn_footer_fail(p, "row group %d is broken, or lacks its rows or columns", rg);
    g->bytes = bytes > 0 ? (uint64_t)bytes : 0;
    for (int i = 0; i < p->f->n_columns && !rc; i++)
        if (meta[i].seen) rc = check_meta(p, &meta[i], g->rows, rg, &g->chunks[i]);
    return rc;
}

static int read_row_groups(struct tarn_footer_parse *p, const struct tarn_thrift_field *at) {
    struct tarn_pq_footer *f = p->f;
    uint32_t n = tarn_thrift_list(&p->t, at, TARN_THRIFT_STRUCT, 5);
    int rc = TARN_OK;
    if (p->t.rc || n > INT32_MAX || f->row_groups)
        return tarn_footer_fail(p, "the list of row groups is broken");
    if (!f->columns) return tarn_footer_fail(p, "the schema does not come before the row groups");
    f->row_groups = tarn_arena_calloc(p->arena, n, sizeof *f->row_groups);
    p->raw = tarn_arena_calloc(p->scratch, n, sizeof *p->raw);
    if (!f->row_groups || !p->raw) return tarn_footer_fail(p, "no memory");
    f->n_row_groups = (int)n;
    for (int i = 0; i < f->n_row_groups && !rc; i++)
        rc = read_row_group(p, i);
    return rc;
}

/* column_orders: which leaves have an order that is understood. */
static void read_orders(struct tarn_footer_parse *p, const struct tarn_thrift_field *at) {
    struct tarn_thrift *t = &p->t;
    uint32_t n = tarn_thrift_list(t, at, TARN_THRIFT_STRUCT, 1);
    uint8_t *known = tarn_arena_calloc(p->scratch, (size_t)p->f->n_columns, 1);
    if (!p->f->columns) t->rc = TARN_ECORRUPT;
    for (uint32_t i = 0; i < n && !t->rc; i++) {
        struct tarn_thrift_field f = {0, 0};
        while (tarn_thrift_next(t, &f)) {
            int mine = known && i < (uint32_t)p->f->n_columns;
            if (mine && f.id == 1) known[i] = 1;
            if (mine && f.id == 2) {
                enum tarn_physical type = p->f->columns[i].physical;
                known[i] = type == TARN_FLOAT || type == TARN_DOUBLE;
            }
            tarn_thrift_skip(t, f.type);
        }
    }
    if (n == (uint32_t)p->f->n_columns) p->orders = known;
}

/* Statistics get their meaning; rows are counted (the file's own count, which some writers leave at
** 0, is not believed). */
static int finish(struct tarn_footer_parse *p) {
    struct tarn_pq_footer *f = p->f;
    uint64_t first = 0;
    for (int c = 0; c < f->n_columns; c++) {
        int known = p->orders ? p->orders[c] : tarn_stats_one_order(&f->columns[c]);
        f->columns[c].order_unknown =
            !known || !tarn_stats_decimal_order(&f->columns[c], f->created_by);
    }
    for (int g = 0; g < f->n_row_groups; g++) {
        struct tarn_pq_row_group *rg = &f->row_groups[g];
        rg->first_row = first;
        first += (uint64_t)rg->rows;
        if (first > INT64_MAX) return tarn_footer_fail(p, "the row counts overflow");
        for (int c = 0; c < f->n_columns; c++)
            tarn_stats_from_raw(&f->columns[c], &p->raw[g][c], !f->columns[c].order_unknown,
                                rg->chunks[c].n_values, &rg->chunks[c].stats);
    }
    f->rows = (int64_t)first;
    return TARN_OK;
}

int tarn_footer_parse(struct tarn_footer_parse *p) {
    struct tarn_pq_footer *out = p->f;
    struct tarn_thrift_field f = {0, 0};
    int rc = TARN_OK;
    tarn_thrift_init(&p->t, p->bytes, p->n_bytes);
    while (!rc && tarn_thrift_next(&p->t, &f)) {
        switch (f.id) {
        case 1: out->version = tarn_thrift_i32(&p->t, &f); break;
        case 2: rc = tarn_footer_schema(p, &f); break;
        case 4: rc = read_row_groups(p, &f); break;
        case 5: read_kv(p, &f, &out->kv, &out->n_kv); break;
        case 6: out->created_by = tarn_footer_text(p, tarn_thrift_binary(&p->t, &f)); break;
        case 7: read_orders(p, &f); break;
        case 8:
            rc = tarn_footer_signed(p);
            tarn_thrift_skip(&p->t, f.type);
            break;
        default: tarn_thrift_skip(&p->t, f.type);
        }
        if (!rc && (p->arena->rc || p->scratch->rc)) rc = tarn_footer_fail(p, "no memory");
    }
    if (rc) return rc;
    if (p->t.rc) return tarn_footer_fail(p, "the metadata is broken");
    if (!out->columns) return tarn_footer_fail(p, "there is no schema");
    return finish(p);
}
