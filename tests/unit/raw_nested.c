/* raw_nested.c: see raw_nested.h.
**
**   PAR1 | pages of each leaf | OffsetIndexes | footer | its length | PAR1
*/
#include "raw_nested.h"

#include <stdlib.h>
#include <string.h>

#include "thrift_write.h"

#define MAX_LEAVES 16
#define MAX_PAGES 16

struct leaf {
    const struct raw_node *node;
    char path[8][32];
    int depth;
    int max_rep, max_def;
    uint64_t start, data, end, index, n_index, columns, n_columns;
    struct raw_hints hints;
    uint64_t page_at[MAX_PAGES];
    uint32_t page_size[MAX_PAGES];
    int n_data;
    int64_t values;
};

static unsigned bits_for(int max) {
    unsigned w = 0;
    while (max >> w)
        w++;
    return w;
}

static void put_levels(struct tarn_buf *b, const char *digits, int max,
                       const struct raw_entries *e) {
    unsigned width = bits_for(max);
    size_t n = digits ? strlen(digits) : 0;

    if (max == 0 || !digits) return;
    if (e->flags & RAW_BIT_PACKED) {
        unsigned bits = 0, have = 0;
        for (size_t i = 0; i < n; i++) {
            bits = bits << width | (unsigned)(digits[i] - '0');
            for (have += width; have >= 8; have -= 8)
                tarn_buf_u8(b, (uint8_t)(bits >> (have - 8)));
        }
        if (have) tarn_buf_u8(b, (uint8_t)(bits << (8 - have)));
        return;
    }
    if (e->run) {
        raw_run(b, e->run, width, (uint32_t)(digits[0] - '0'));
        return;
    }
    for (size_t i = 0; i < n; i++)
        raw_run(b, 1, width, (uint32_t)(digits[i] - '0'));
}

static uint32_t count(const struct raw_entries *e) {
    if (e->claimed) return e->claimed;
    return (uint32_t)(e->def ? strlen(e->def) : e->rep ? strlen(e->rep) : 0);
}

static uint32_t count_rows(const struct raw_entries *e) {
    uint32_t rows = 0;

    if (!e->rep) return count(e);
    for (const char *p = e->rep; *p; p++)
        rows += *p == '0';
    return rows;
}

static void put_header(struct tarn_buf *out, const struct raw_entries *e, size_t body, size_t rep,
                       size_t def) {
    int encoding = e->flags & RAW_CODES ? TARN_RLE_DICTIONARY : TARN_PLAIN;
    int levels = e->flags & RAW_BIT_PACKED ? TARN_BIT_PACKED : TARN_RLE;
    struct tarn_tw t;

    tarn_tw_init(&t, out);
    tarn_tw_i32(&t, 1,
                e->flags & RAW_DICTIONARY ? TARN_DICTIONARY_PAGE
                : e->flags & RAW_V2       ? TARN_DATA_PAGE_V2
                                          : TARN_DATA_PAGE);
    tarn_tw_i32(&t, 2, (int32_t)body);
    tarn_tw_i32(&t, 3, (int32_t)body);
    tarn_tw_struct(&t, e->flags & RAW_DICTIONARY ? 7 : e->flags & RAW_V2 ? 8 : 5);
    tarn_tw_i32(&t, 1, (int32_t)count(e));
    if (e->flags & RAW_V2) {
        tarn_tw_i32(&t, 2, 0);
        tarn_tw_i32(&t, 3, (int32_t)count_rows(e));
        tarn_tw_i32(&t, 4, encoding);
        tarn_tw_i32(&t, 5, (int32_t)def);
        tarn_tw_i32(&t, 6, (int32_t)rep);
        tarn_tw_bool(&t, 7, 0);
    } else {
        tarn_tw_i32(&t, 2, encoding);
        if (!(e->flags & RAW_DICTIONARY)) {
            tarn_tw_i32(&t, 3, levels);
            tarn_tw_i32(&t, 4, levels);
        }
    }
    tarn_tw_end(&t);
    tarn_tw_end(&t);
}

static void put_page(struct tarn_buf *out, const struct leaf *l, const struct raw_entries *e) {
    struct tarn_buf rep = TARN_BUF_INIT(1 << 20), def = TARN_BUF_INIT(1 << 20),
                    body = TARN_BUF_INIT(1 << 20);
    int prefixed = !(e->flags & (RAW_V2 | RAW_BIT_PACKED));

    if (!(e->flags & RAW_DICTIONARY)) {
        put_levels(&rep, e->rep, l->max_rep, e);
        put_levels(&def, e->def, l->max_def, e);
        if (prefixed && l->max_rep) tarn_buf_le32(&body, (uint32_t)rep.len);
        tarn_buf_put(&body, rep.data, rep.len);
        if (prefixed && l->max_def) tarn_buf_le32(&body, (uint32_t)def.len);
        tarn_buf_put(&body, def.data, def.len);
    }
    tarn_buf_put(&body, e->values, e->n_values);
    put_header(out, e, body.len, rep.len, def.len);
    tarn_buf_put(out, body.data, body.len);
    tarn_buf_release(&rep);
    tarn_buf_release(&def);
    tarn_buf_release(&body);
}

static void put_chunk(struct tarn_buf *out, struct leaf *l, const struct raw_chunk *c) {
    l->start = l->data = out->len;
    for (int i = 0; i < c->n_pages; i++) {
        uint64_t at = out->len;
        put_page(out, l, &c->pages[i]);
        if (c->pages[i].flags & RAW_DICTIONARY) {
            l->data = out->len;
            continue;
        }
        l->page_at[l->n_data] = at;
        l->page_size[l->n_data++] = (uint32_t)(out->len - at);
        l->values += count(&c->pages[i]);
    }
    l->end = out->len;
    if (c->values) l->values = c->values;
}

static void put_column_index(struct tarn_buf *out, struct leaf *l, const struct raw_stats *s) {
    size_t n = (size_t)l->n_data, i;
    struct tarn_tw t;

    l->columns = out->len;
    tarn_tw_init(&t, out);
    tarn_tw_list(&t, 1, TARN_TW_TRUE, n);
    for (i = 0; i < n; i++)
        tarn_tw_elem_bool(&t, s[i].n == 0);
    tarn_tw_list(&t, 2, TARN_TW_BINARY, n);
    for (i = 0; i < n; i++)
        tarn_tw_elem_bin(&t, s[i].min, s[i].n);
    tarn_tw_list(&t, 3, TARN_TW_BINARY, n);
    for (i = 0; i < n; i++)
        tarn_tw_elem_bin(&t, s[i].max, s[i].n);
    tarn_tw_i32(&t, 4, 0);
    tarn_tw_end(&t);
    l->n_columns = out->len - l->columns;
}

static void put_index(struct tarn_buf *out, struct leaf *l, const struct raw_chunk *c) {
    struct tarn_tw t;

    if (!c->first_rows) return;
    l->index = out->len;
    tarn_tw_init(&t, out);
    tarn_tw_list(&t, 1, TARN_TW_STRUCT, (size_t)l->n_data);
    for (int i = 0; i < l->n_data; i++) {
        tarn_tw_elem_struct(&t);
        tarn_tw_i64(&t, 1, (int64_t)l->page_at[i]);
        tarn_tw_i32(&t, 2, (int32_t)l->page_size[i]);
        tarn_tw_i64(&t, 3, c->first_rows[i]);
        tarn_tw_end(&t);
    }
    tarn_tw_end(&t);
    l->n_index = out->len - l->index;
    if (l->hints.pages) put_column_index(out, l, l->hints.pages);
}

static void put_schema(struct tarn_tw *t, const struct raw_node *nodes, int n) {
    tarn_tw_list(t, 2, TARN_TW_STRUCT, (size_t)n);
    for (int i = 0; i < n; i++) {
        tarn_tw_elem_struct(t);
        if (nodes[i].type >= 0) tarn_tw_i32(t, 1, nodes[i].type);
        if (nodes[i].fixed_len) tarn_tw_i32(t, 2, nodes[i].fixed_len);
        if (i > 0) tarn_tw_i32(t, 3, nodes[i].repetition);
        tarn_tw_str(t, 4, nodes[i].name);
        if (nodes[i].children) tarn_tw_i32(t, 5, nodes[i].children);
        if (nodes[i].converted) tarn_tw_i32(t, 6, nodes[i].converted - 1);
        if (nodes[i].logical) {
            tarn_tw_struct(t, 10);
            tarn_tw_empty(t, (int16_t)nodes[i].logical);
            tarn_tw_end(t);
        }
        tarn_tw_end(t);
    }
}

static void put_meta(struct tarn_tw *t, const struct leaf *l) {
    tarn_tw_elem_struct(t);
    tarn_tw_i64(t, 2, 0);
    tarn_tw_struct(t, 3);
    tarn_tw_i32(t, 1, l->node->type);
    tarn_tw_list(t, 2, TARN_TW_I32, 1);
    tarn_tw_elem_i32(t, TARN_PLAIN);
    tarn_tw_list(t, 3, TARN_TW_BINARY, (size_t)l->depth);
    for (int i = 0; i < l->depth; i++)
        tarn_tw_elem_bin(t, l->path[i], strlen(l->path[i]));
    tarn_tw_i32(t, 4, TARN_UNCOMPRESSED);
    tarn_tw_i64(t, 5, l->values);
    tarn_tw_i64(t, 6, (int64_t)(l->end - l->start));
    tarn_tw_i64(t, 7, (int64_t)(l->end - l->start));
    tarn_tw_i64(t, 9, (int64_t)l->data);
    if (l->data > l->start) tarn_tw_i64(t, 11, (int64_t)l->start);
    if (l->hints.stats) raw_statistics(t, l->hints.stats);
    tarn_tw_end(t);
    if (l->n_index) {
        tarn_tw_i64(t, 4, (int64_t)l->index);
        tarn_tw_i32(t, 5, (int32_t)l->n_index);
    }
    if (l->n_columns) {
        tarn_tw_i64(t, 6, (int64_t)l->columns);
        tarn_tw_i32(t, 7, (int32_t)l->n_columns);
    }
    tarn_tw_end(t);
}

/* Leaves below node *i, which is passed with all that is below it. */
static int find_leaves(const struct raw_node *nodes, int *i, struct leaf *above, struct leaf *out) {
    const struct raw_node *node = &nodes[(*i)++];
    struct leaf l = *above;
    int n = 0;

    if (node != nodes) {
        strncpy(l.path[l.depth++], node->name, 31);
        l.max_rep += node->repetition == TARN_REPEATED;
        l.max_def += node->repetition != TARN_REQUIRED;
    }
    if (node->type >= 0) {
        l.node = node;
        out[0] = l;
        return 1;
    }
    for (int c = 0; c < node->children; c++)
        n += find_leaves(nodes, i, &l, out + n);
    return n;
}

void raw_nested(struct tarn_buf *out, const struct raw_node *nodes, int n_nodes,
                const struct raw_chunk *chunks, int64_t rows) {
    raw_nested_hints(out, nodes, n_nodes, chunks, NULL, rows);
}

void raw_nested_hints(struct tarn_buf *out, const struct raw_node *nodes, int n_nodes,
                      const struct raw_chunk *chunks, const struct raw_hints *hints, int64_t rows) {
    struct leaf leaves[MAX_LEAVES], none;
    struct tarn_tw t;
    int i = 0, n;
    size_t start;

    memset(&none, 0, sizeof none);
    n = find_leaves(nodes, &i, &none, leaves);
    if (i != n_nodes) abort();
    tarn_buf_init(out, (size_t)16 << 20);
    tarn_buf_puts(out, "PAR1");
    for (i = 0; i < n && hints; i++)
        leaves[i].hints = hints[i];
    for (i = 0; i < n; i++)
        put_chunk(out, &leaves[i], &chunks[i]);
    for (i = 0; i < n; i++)
        put_index(out, &leaves[i], &chunks[i]);
    start = out->len;
    tarn_tw_init(&t, out);
    tarn_tw_i32(&t, 1, 1);
    put_schema(&t, nodes, n_nodes);
    tarn_tw_i64(&t, 3, rows);
    tarn_tw_list(&t, 4, TARN_TW_STRUCT, 1);
    tarn_tw_elem_struct(&t);
    tarn_tw_list(&t, 1, TARN_TW_STRUCT, (size_t)n);
    for (i = 0; i < n; i++)
        put_meta(&t, &leaves[i]);
    tarn_tw_i64(&t, 2, 1);
    tarn_tw_i64(&t, 3, rows);
    tarn_tw_end(&t);
    tarn_tw_end(&t);
    tarn_buf_le32(out, (uint32_t)(out->len - start));
    tarn_buf_puts(out, "PAR1");
    if (out->rc) abort();
}
