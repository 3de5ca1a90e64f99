/* Page indexes of the test data against what another reader says they hold: golden JSON, one value
** per row group, column and page. Bounds are compared as cells, since the JSON has them converted
** by logical type. Where the reader drops bounds on purpose, that is in the list below. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "cell.h"
#include "mem.h"
#include "nested_fixture.h"
#include "page_index_read.h"

#define FOLDER "hyparquet/test/files"

/* Columns whose bounds the reader does not take, each because its writer gave no column_orders: what
** text and unsigned numbers are sorted by is not known then. Each must be met, nothing else may be
** dropped. */
static struct {
    const char *file, *column;
    int met;
} dropped[] = {
    {"page_index", "word", 0},
    {"page_index", "category", 0},
    {"duckdb5533", "item_id", 0},
    {"duckdb5533", "mf", 0},
};

static uint32_t pages, bounds, files;

static void expect_dropped(const char *file, const struct tarn_pq_column *c) {
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++) {
        if (strcmp(dropped[i].file, file) == 0 && strcmp(dropped[i].column, c->path) == 0) {
            assert_true(c->order_unknown);
            dropped[i].met = 1;
            return;
        }
    }
    fail_msg("%s: column %s: bounds are dropped", file, c->path);
}

/* The golden file of a kind; NULL when there is none. */
static json_t *golden(const char *file, const char *kind) {
    struct nested_file f;
    json_t *j = NULL;
    char path[512];

    snprintf(path, sizeof path, FOLDER "/%s.%s.json", file, kind);
    if (nested_read_data(&f, path)) {
        j = json_loadb((const char *)f.bytes.data, f.bytes.len, JSON_DECODE_ANY, NULL);
        if (!json_is_array(j)) fail_msg("%s is no JSON array", path);
    }
    tarn_buf_release(&f.bytes);
    return j;
}

static int64_t member(const json_t *j, const char *name, size_t i) {
    const json_t *v = json_object_get(j, name);

    if (json_is_array(v)) v = json_array_get(v, i);
    if (json_is_boolean(v)) return json_is_true(v);
    assert_true(json_is_integer(v));
    return json_integer_value(v);
}

/* A bound as stored (PLAIN) as a vector of one row. */
static void cell_of(const struct tarn_pq_column *c, const struct tarn_slice *s,
                    struct tarn_cell *out) {
    struct tarn_vector v = {c->physical, 1, NULL, NULL, {NULL}, 0};
    uint64_t aligned = 0;

    if (c->physical == TARN_BYTE_ARRAY || c->physical == TARN_FIXED || c->physical == TARN_INT96) {
        v.values.bytes = s;
    } else {
        assert_true(s->len <= sizeof aligned);
        memcpy(&aligned, s->data, s->len);
        v.values.any = &aligned;
    }
    tarn_cell_read(c, &v, 0, out);
}

/* Text as the golden file has it: ISO 8601 times are printed here with a space and without zone. */
static int same_text(const struct tarn_pq_column *c, struct tarn_slice text, const char *want) {
    char copy[TARN_CELL_TEXT];
    size_t n = strlen(want);

    if (c->logical.kind == TARN_LOGICAL_TIMESTAMP && n > 11 && n < sizeof copy && want[10] == 'T' &&
        want[n - 1] == 'Z') {
        memcpy(copy, want, n);
        copy[10] = ' ';
        n--;
        want = copy;
    }
    return text.len == n && memcmp(text.data, want, n) == 0;
}

static int same_bytes(const struct tarn_slice *s, const json_t *want) {
    if (json_array_size(want) != s->len) return 0;
    for (size_t i = 0; i < s->len; i++)
        if (json_integer_value(json_array_get(want, i)) != s->data[i]) return 0;
    return 1;
}

static int same_value(const struct tarn_pq_column *c, const struct tarn_slice *s,
                      const json_t *want) {
    struct tarn_cell cell;
    struct tarn_slice text;
    char scratch[TARN_CELL_TEXT];
    double real = 0;
    int yes = 0;

    cell_of(c, s, &cell);
    if (json_is_boolean(want))
        return tarn_cell_bool(c, &cell, &yes) == 0 && yes == json_is_true(want);
    if (json_is_number(want))
        return tarn_cell_double(c, &cell, &real) == 0 && real == json_number_value(want);
    if (json_is_array(want)) return same_bytes(s, want);
    return tarn_cell_text(c, &cell, scratch, &text) == 0 &&
           same_text(c, text, json_string_value(want));
}

static void check_offsets(const struct tarn_page_index *x, const json_t *want, const char *where) {
    const json_t *list = json_object_get(want, "page_locations");

    if (x->n != json_array_size(list))
        fail_msg("%s: %u pages of %zu", where, x->n, json_array_size(list));
    for (uint32_t i = 0; i < x->n; i++) {
        const json_t *page = json_array_get(list, i);
        if ((int64_t)x->loc[i].offset != member(page, "offset", 0) ||
            (int64_t)x->loc[i].size != member(page, "compressed_page_size", 0) ||
            (int64_t)x->loc[i].first != member(page, "first_row_index", 0))
            fail_msg("%s: page %u is elsewhere", where, i);
        pages++;
    }
}

static void check_page(const struct tarn_pq_column *c, const struct tarn_pq_stats *s,
                       const json_t *want, uint32_t i, const char *where) {
    const json_t *min = json_array_get(json_object_get(want, "min_values"), i);
    const json_t *max = json_array_get(json_object_get(want, "max_values"), i);
    int nulls_only = member(want, "null_pages", i) != 0;

    assert_true(s->has_nulls);
    if (s->nulls != member(want, "null_counts", i)) fail_msg("%s: page %u: NULLs", where, i);
    if (s->has_min == nulls_only || s->has_max == nulls_only)
        fail_msg("%s: page %u: bounds are here or there", where, i);
    if (nulls_only) return;
    if (!same_value(c, &s->min, min)) fail_msg("%s: page %u: another minimum", where, i);
    if (!same_value(c, &s->max, max)) fail_msg("%s: page %u: another maximum", where, i);
    bounds++;
}

static int any_bounds(const struct tarn_page_index *x) {
    for (uint32_t i = 0; i < x->n; i++)
        if (x->stats[i].has_min || x->stats[i].has_max) return 1;
    return 0;
}

static int any_values(const json_t *want, uint32_t n) {
    for (uint32_t i = 0; i < n; i++)
        if (!member(want, "null_pages", i)) return 1;
    return 0;
}

/* A dropped index is read once more as if the order were known: it must hold the golden values. */
static void check_bounds(struct nested_file *f, const char *file, const struct tarn_pq_chunk *k,
                         struct tarn_page_index *x, const json_t *want, const char *where) {
    const uint8_t *p = f->bytes.data + k->column_index_offset;
    struct tarn_pq_column c = f->footer->columns[k->column];
    struct tarn_arena arena;

    tarn_arena_init(&arena, &f->budget);
    if (tarn_column_index_parse(p, k->column_index_size, &c, k, &arena, x) != 1)
        fail_msg("%s: no ColumnIndex", where);
    if (any_values(want, x->n) && !any_bounds(x)) {
        expect_dropped(file, &c);
        c.order_unknown = 0;
        x->stats = NULL;
        assert_int_equal(tarn_column_index_parse(p, k->column_index_size, &c, k, &arena, x), 1);
    }
    if (json_array_size(json_object_get(want, "min_values")) != x->n)
        fail_msg("%s: another number of bounds", where);
    for (uint32_t i = 0; i < x->n; i++)
        check_page(&c, &x->stats[i], want, i, where);
    tarn_arena_release(&arena);
}

static void check_chunk(struct nested_file *f, const char *file, int group, int column,
                        const json_t *offsets, const json_t *values) {
    const struct tarn_pq_row_group *g = &f->footer->row_groups[group];
    const struct tarn_pq_chunk *k = &g->chunks[column];
    const uint8_t *p = f->bytes.data + k->offset_index_offset;
    struct tarn_page_index x = {0, 0, NULL, NULL};
    struct tarn_arena arena;
    char where[512];

    snprintf(where, sizeof where, "%s: row group %d, column %s", file, group,
             f->footer->columns[column].path);
    if (json_is_object(offsets) != (k->offset_index_size > 0))
        fail_msg("%s: OffsetIndex here or there", where);
    if (values && json_is_object(values) != (k->column_index_size > 0))
        fail_msg("%s: ColumnIndex here or there", where);
    if (!json_is_object(offsets)) return;
    tarn_arena_init(&arena, &f->budget);
    if (tarn_offset_index_parse(p, k->offset_index_size, k, (uint32_t)g->rows, &arena, &x) != 1)
        fail_msg("%s: no OffsetIndex", where);
    check_offsets(&x, offsets, where);
    if (json_is_object(values)) check_bounds(f, file, k, &x, values, where);
    tarn_arena_release(&arena);
}

static void check_file(const char *file) {
    json_t *offsets = golden(file, "offset_indexes"), *values = golden(file, "column_indexes");
    struct nested_file f;
    char path[512];

    snprintf(path, sizeof path, FOLDER "/%s.parquet", file);
    assert_true(nested_open_data(&f, path));
    assert_non_null(offsets);
    assert_int_equal(json_array_size(offsets), f.footer->n_row_groups);
    for (int g = 0; g < f.footer->n_row_groups; g++) {
        const json_t *o = json_array_get(offsets, (size_t)g);
        const json_t *v = json_array_get(values, (size_t)g);
        assert_int_equal(json_array_size(o), f.footer->n_columns);
        if (values) assert_int_equal(json_array_size(v), f.footer->n_columns);
        for (int c = 0; c < f.footer->n_columns; c++)
            check_chunk(&f, file, g, c, json_array_get(o, (size_t)c), json_array_get(v, (size_t)c));
    }
    assert_int_equal(f.budget.used, 0);
    json_decref(offsets);
    json_decref(values);
    nested_close(&f);
    files++;
}

static void golden_indexes(void **state) {
    const char *real = getenv("TARN_REAL_DATA"), *top = getenv("TOP");
    const char *end = ".offset_indexes.json";
    char folder[512];
    struct dirent *e = NULL;
    DIR *dir = NULL;

    (void)state;
    snprintf(folder, sizeof folder, "%s%s/" FOLDER, real && *real ? real : (top ? top : "."),
             real && *real ? "/.." : "/../shared/data");
    dir = opendir(folder);
    if (!dir) {
        print_message("SKIPPED: %s is not here; TARN_REAL_DATA names a folder of test data\n",
                      folder);
        skip();
    }
    while ((e = readdir(dir)) != NULL) {
        char file[256];
        size_t n = strlen(e->d_name);
        if (n <= strlen(end) || strcmp(e->d_name + n - strlen(end), end) != 0) continue;
        snprintf(file, sizeof file, "%.*s", (int)(n - strlen(end)), e->d_name);
        check_file(file);
    }
    closedir(dir);
    print_message("%u files, %u pages, bounds of %u\n", files, pages, bounds);
    assert_true(files >= 10 && pages >= 260 && bounds >= 83);
    for (size_t i = 0; i < sizeof dropped / sizeof *dropped; i++)
        if (!dropped[i].met)
            fail_msg("%s: column %s is not dropped", dropped[i].file, dropped[i].column);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_indexes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
