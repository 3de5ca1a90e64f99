/* nested_fixture.c: see nested_fixture.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "mem.h"
#include "nested_fixture.h"
#include "text.h"

#define BUDGET ((size_t)64 << 20)

static const char *data_folder(char *out, size_t n) {
    const char *real = getenv("TARN_REAL_DATA"), *top = getenv("TOP");

    if (real && real[0])
        snprintf(out, n, "%s/..", real);
    else
        snprintf(out, n, "%s/../shared/data", top ? top : ".");
    return out;
}

static int read_file(struct tarn_buf *out, const char *path) {
    FILE *file = fopen(path, "rb");
    uint8_t part[8192];
    size_t n;

    if (!file) return -1;
    while ((n = fread(part, 1, sizeof part, file)) > 0)
        tarn_buf_put(out, part, n);
    fclose(file);
    return out->rc;
}

int nested_open_bytes(struct nested_file *f, const void *p, size_t n, struct tarn_err *err) {
    f->memory.data = p;
    f->memory.size = n;
    f->memory.name = f->name[0] ? f->name : "x.parquet";
    f->budget.limit = BUDGET;
    f->budget.used = 0;
    f->footer = NULL;
    tarn_source_memory(&f->src, &f->memory);
    return tarn_pq_footer_read(&f->footer, &f->src, err);
}

int nested_read_data(struct nested_file *f, const char *path) {
    char folder[512], full[1024];

    memset(f, 0, sizeof *f);
    tarn_buf_init(&f->bytes, (size_t)1 << 28);
    snprintf(full, sizeof full, "%s/%s", data_folder(folder, sizeof folder), path);
    return read_file(&f->bytes, full) == 0;
}

int nested_open_data(struct nested_file *f, const char *path) {
    char folder[512];
    struct tarn_err err = {0};

    if (access(data_folder(folder, sizeof folder), R_OK) != 0) return 0;
    if (!nested_read_data(f, path)) fail_msg("%s can't be read", path);
    snprintf(f->name, sizeof f->name, "%s", path);
    if (nested_open_bytes(f, f->bytes.data, f->bytes.len, &err)) fail_msg("%s", err.msg);
    return 1;
}

void nested_close(struct nested_file *f) {
    tarn_pq_footer_free(f->footer);
    tarn_buf_release(&f->bytes);
    f->footer = NULL;
}

int nested_node(const struct nested_file *f, const char *name) {
    const struct tarn_pq_node *nodes = f->footer->nodes;

    for (int i = 1; i < f->footer->n_nodes; i = nodes[i].end)
        if (strcmp(nodes[i].name, name) == 0) return i;
    return -1;
}

static void put_rows(struct tarn_buf *out, const struct tarn_vector *v) {
    for (uint32_t i = 0; i < v->n; i++) {
        const struct tarn_slice *s = &v->values.bytes[i];
        size_t where = 0;
        if (tarn_vector_null(v, i)) {
            tarn_buf_puts(out, "NULL\n");
            continue;
        }
        if (tarn_json_check(s->data, s->len, &where))
            fail_msg("not JSON at %zu: %.*s", where, (int)(s->len < 300 ? s->len : 300),
                     (const char *)s->data);
        tarn_buf_put(out, s->data, s->len);
        tarn_buf_u8(out, '\n');
    }
}

static struct tarn_nested_spec spec_of(struct nested_file *f, int group, int node, int leaf) {
    struct tarn_nested_spec spec = {f->footer, &f->src, group, node, leaf, &f->budget, NULL};

    return spec;
}

static int group_text(struct nested_file *f, int group, int node, int leaf, uint32_t step,
                      struct tarn_buf *out, struct tarn_err *err) {
    struct tarn_nested_spec spec = spec_of(f, group, node, leaf);
    struct tarn_nested *p = NULL;
    uint32_t rows[256], total = (uint32_t)f->footer->row_groups[group].rows;
    int rc = tarn_nested_open(&p, &spec, err);

    for (uint32_t at = 0; at < total && !rc;) {
        struct tarn_arena arena;
        struct tarn_vector v;
        uint32_t n = 0;
        while (n < step && n < 256 && at < total)
            rows[n++] = at++;
        tarn_arena_init(&arena, &f->budget);
        rc = tarn_nested_read(p, rows, n, &arena, &v, err);
        if (!rc) assert_int_equal(v.n, n);
        if (!rc) put_rows(out, &v);
        tarn_arena_release(&arena);
        if (out->len > (size_t)8 << 20) break; /* a damaged file may hold very many rows */
    }
    tarn_nested_free(p);
    assert_int_equal(f->budget.used, 0);
    return rc;
}

int nested_text(struct nested_file *f, int node, int leaf, uint32_t step, struct tarn_buf *out,
                struct tarn_err *err) {
    int rc = TARN_OK;

    for (int g = 0; g < f->footer->n_row_groups && !rc; g++)
        rc = group_text(f, g, node, leaf, step, out, err);
    return rc;
}

static uint64_t seed = 11;

uint32_t nested_random(uint32_t below) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 33) % (below ? below : 1));
}

/* The line that begins at byte `at`, without its end. */
static struct tarn_slice line_at(const struct tarn_buf *all, size_t at) {
    const uint8_t *p = all->data + at;
    const uint8_t *end = memchr(p, '\n', all->len - at);
    struct tarn_slice s = {p, 0};

    assert_non_null(end);
    s.len = (size_t)(end - p);
    return s;
}

/* Some rows, increasing, with small and large gaps. */
static uint32_t pick_rows(uint32_t *rows, uint32_t max, uint32_t from, uint32_t total) {
    uint32_t n = 0;

    for (uint32_t at = from + nested_random(3); n < max && at < total; n++) {
        rows[n] = at;
        at += 1 + (nested_random(4) ? nested_random(3) : nested_random(total / 3 + 1));
    }
    return n;
}

static void check_group(struct nested_file *f, int group, int node, int leaf,
                        const struct tarn_buf *all, const size_t *start) {
    struct tarn_nested_spec spec = spec_of(f, group, node, leaf);
    struct tarn_nested *p = NULL;
    struct tarn_err err = {0};
    uint32_t total = (uint32_t)f->footer->row_groups[group].rows, from = 0, rows[16];

    assert_int_equal(tarn_nested_open(&p, &spec, &err), TARN_OK);
    for (int round = 0; round < 12; round++) {
        struct tarn_arena arena;
        struct tarn_vector v;
        uint32_t n = pick_rows(rows, 16, from, total);
        if (n == 0 || nested_random(4) == 0) from = nested_random(total);
        if (n == 0) continue;
        tarn_arena_init(&arena, &f->budget);
        if (tarn_nested_read(p, rows, n, &arena, &v, &err)) fail_msg("%s", err.msg);
        for (uint32_t i = 0; i < n; i++) {
            struct tarn_slice want = line_at(all, start[rows[i]]);
            if (tarn_vector_null(&v, i)) {
                assert_int_equal(want.len, 4);
                assert_memory_equal(want.data, "NULL", 4);
            } else {
                assert_int_equal(want.len, v.values.bytes[i].len);
                assert_memory_equal(want.data, v.values.bytes[i].data, want.len);
            }
        }
        from = rows[n - 1] + 1;
        tarn_arena_release(&arena);
    }
    tarn_nested_free(p);
    assert_int_equal(f->budget.used, 0);
}

void nested_check_random(struct nested_file *f, int node, int leaf, const struct tarn_buf *all) {
    size_t at = 0;

    for (int g = 0; g < f->footer->n_row_groups; g++) {
        uint32_t total = (uint32_t)f->footer->row_groups[g].rows;
        size_t *start = tarn_malloc((total + 1) * sizeof *start);
        assert_non_null(start);
        for (uint32_t i = 0; i < total; i++) {
            start[i] = at;
            at += line_at(all, at).len + 1;
        }
        if (total) check_group(f, g, node, leaf, all, start);
        tarn_free(start);
    }
    assert_int_equal(at, all->len);
}
