/* page_index_write.c: what lets a reader go from a predicate to the pages it needs.
**
** ColumnIndex: per page, is it all NULL, min, max, number of NULLs; and whether the mins and maxes
** rise or fall from page to page (NULL pages left out of that comparison). OffsetIndex: per page,
** where it is and its first row. The bounds here are those of the pages' statistics, cut alike.
*/
#include "page_index_write.h"

enum { UNORDERED = 0, ASCENDING = 1, DESCENDING = 2 };

void tarn_page_index_init(struct tarn_page_index *x) {
    tarn_buf_init(&x->entries, SIZE_MAX / 2);
    x->n = 0;
}

void tarn_page_index_release(struct tarn_page_index *x) {
    tarn_buf_release(&x->entries);
    x->n = 0;
}

void tarn_page_index_clear(struct tarn_page_index *x) {
    tarn_buf_clear(&x->entries);
    x->n = 0;
}

void tarn_page_index_add(struct tarn_page_index *x, const struct tarn_page_entry *e) {
    tarn_buf_put(&x->entries, e, sizeof *e);
    x->n++;
}

static const struct tarn_page_entry *entries(const struct tarn_page_index *x) {
    return (const struct tarn_page_entry *)(const void *)x->entries.data;
}

static int all_null(const struct tarn_page_entry *e) {
    return e->stats.nulls == (int64_t)e->values;
}

static int boundary_order(const struct tarn_page_index *x, enum tarn_order order) {
    const struct tarn_page_entry *e = entries(x), *prev = NULL;
    int up = 1, down = 1;

    for (size_t i = 0; i < x->n; i++) {
        int lo, hi;

        if (all_null(&e[i])) continue;
        if (prev) {
            lo = tarn_order_compare(order, prev->stats.min, prev->stats.min_len, e[i].stats.min,
                                    e[i].stats.min_len);
            hi = tarn_order_compare(order, prev->stats.max, prev->stats.max_len, e[i].stats.max,
                                    e[i].stats.max_len);
            up &= lo <= 0 && hi <= 0;
            down &= lo >= 0 && hi >= 0;
        }
        prev = &e[i];
    }
    return up ? ASCENDING : down ? DESCENDING : UNORDERED;
}

size_t tarn_page_index_columns(const struct tarn_page_index *x, enum tarn_order order,
                               struct tarn_buf *out) {
    const struct tarn_page_entry *e = entries(x);
    size_t start = out->len;
    struct tarn_tw t;

    if (x->entries.rc) {
        out->rc = out->rc ? out->rc : x->entries.rc;
        return 0;
    }
    for (size_t i = 0; i < x->n; i++)
        if (!all_null(&e[i]) && !(e[i].stats.has_min && e[i].stats.has_max)) return 0;
    tarn_tw_init(&t, out);
    tarn_tw_list(&t, 1, TARN_TW_TRUE, x->n);
    for (size_t i = 0; i < x->n; i++)
        tarn_tw_elem_bool(&t, all_null(&e[i]));
    tarn_tw_list(&t, 2, TARN_TW_BINARY, x->n);
    for (size_t i = 0; i < x->n; i++)
        tarn_tw_elem_bin(&t, e[i].stats.min, e[i].stats.min_len);
    tarn_tw_list(&t, 3, TARN_TW_BINARY, x->n);
    for (size_t i = 0; i < x->n; i++)
        tarn_tw_elem_bin(&t, e[i].stats.max, e[i].stats.max_len);
    tarn_tw_i32(&t, 4, boundary_order(x, order));
    tarn_tw_list(&t, 5, TARN_TW_I64, x->n);
    for (size_t i = 0; i < x->n; i++)
        tarn_tw_elem_i64(&t, e[i].stats.nulls);
    tarn_tw_end(&t);
    return out->rc ? 0 : out->len - start;
}

size_t tarn_page_index_offsets(const struct tarn_page_index *x, struct tarn_buf *out) {
    const struct tarn_page_entry *e = entries(x);
    size_t start = out->len;
    struct tarn_tw t;

    if (x->entries.rc) {
        out->rc = out->rc ? out->rc : x->entries.rc;
        return 0;
    }
    tarn_tw_init(&t, out);
    tarn_tw_list(&t, 1, TARN_TW_STRUCT, x->n);
    for (size_t i = 0; i < x->n; i++) {
        tarn_tw_elem_struct(&t);
        tarn_tw_i64(&t, 1, (int64_t)e[i].offset);
        tarn_tw_i32(&t, 2, (int32_t)e[i].size);
        tarn_tw_i64(&t, 3, (int64_t)e[i].first_row);
        tarn_tw_end(&t);
    }
    tarn_tw_end(&t);
    return out->rc ? 0 : out->len - start;
}
