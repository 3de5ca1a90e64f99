/* Encrypted files of other writers (C++ and Java; AES of 128 and 256 bits; GCM and CTR; encrypted and
** signed footers): their values with the right keys, and what a wrong key, a missing one or a changed
** byte gives. The files are used in place; without them the tests say so and are skipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "filescan.h"
#include "mem.h"
#include "nested.h"

#define KEYS 9
#define COLUMNS 8
#define ROWS 50

static const char *const ids[KEYS] = {"kf", "kc1", "kc2", "kc3", "kc4", "kc5", "kc6", "kc7", "kc8"};
static const char *const columns[COLUMNS] = {"boolean_field", "int32_field", "int64_field",
                                             "int96_field",   "float_field", "double_field",
                                             "ba_field",      "flba_field"};

struct file {
    uint8_t *bytes;
    size_t n;
    struct tarn_memory_source memory;
    struct tarn_source src;
};

static int load(struct file *f, const char *name) {
    const char *real = getenv("TARN_REAL_DATA"), *top = getenv("TOP");
    char path[1024];
    FILE *in = NULL;
    snprintf(path, sizeof path, "%s%s/parquet-testing/data/%s",
             real && real[0] ? real : (top ? top : "."),
             real && real[0] ? "/.." : "/../shared/data", name);
    in = fopen(path, "rb");
    if (!in) {
        printf("skip: %s is not here\n", path);
        skip();
    }
    f->bytes = tarn_malloc((size_t)1 << 17);
    f->n = fread(f->bytes, 1, (size_t)1 << 17, in);
    fclose(in);
    f->memory = (struct tarn_memory_source){f->bytes, f->n, name};
    tarn_source_memory(&f->src, &f->memory);
    return 1;
}

/* Key i of the test data's README: digits, counted from 0 (footer) or 1. */
static void make_key(int i, size_t n, uint8_t out[32]) {
    for (size_t k = 0; k < n; k++)
        out[k] = (uint8_t)('0' + (k + (i > 0)) % 10);
    if (i > 0) out[n - 1] = (uint8_t)('0' + (n == 16 ? i - 1 : i + 1));
}

struct given { /* bit i: key i by its id; `prefix` NULL = none */
    unsigned keys;
    size_t size;
    const char *prefix;
    int wrong;     /* this key has one bit changed; -1 = none */
    int as_footer; /* key 0 is given as the footer's, whatever its id */
};

static struct tarn_pq_keys *ring(const struct given *g) {
    struct tarn_key k[KEYS + 1];
    uint8_t bytes[KEYS][32];
    struct tarn_pq_keys *out = NULL;
    size_t n = 0;
    memset(k, 0, sizeof k);
    for (int i = 0; i < KEYS; i++) {
        make_key(i, g->size, bytes[i]);
        if (i == g->wrong) bytes[i][3] ^= 4;
        if (!(g->keys >> i & 1)) continue;
        k[n].kind = i == 0 && g->as_footer ? TARN_KEY_FOOTER : TARN_KEY_ID;
        k[n].name = (struct tarn_slice){(const uint8_t *)ids[i], strlen(ids[i])};
        k[n++].bytes = (struct tarn_slice){bytes[i], g->size};
    }
    if (g->prefix) {
        k[n].kind = TARN_KEY_AAD_PREFIX;
        k[n++].bytes = (struct tarn_slice){(const uint8_t *)g->prefix, strlen(g->prefix)};
    }
    assert_int_equal(tarn_pq_keys_new(&out, k, n, NULL), TARN_OK);
    return out;
}

static int open_file(const struct file *f, const struct given *g, struct tarn_pq_footer **out,
                     struct tarn_err *err) {
    struct tarn_pq_keys *k = ring(g);
    int rc = 0;
    memset(err, 0, sizeof *err);
    rc = tarn_pq_footer_read_keys(out, &f->src, k, err);
    tarn_pq_keys_free(k); /* the footer holds its own reference */
    if (rc) assert_null(*out);
    return rc;
}

/* 1 when the cell is what row i of the test data has in that column. */
static int cell_right(int column, uint32_t i, const struct tarn_vector *v) {
    uint32_t at = tarn_vector_at(v, i);
    uint8_t flba[10];
    int32_t int96[3] = {(int32_t)i, (int32_t)i + 1, (int32_t)i + 2};
    char text[16];
    if (tarn_vector_null(v, i)) return column == 6 && i % 2 == 1;
    switch (column) {
    case 0: return v->values.u8[at] == (i % 2 == 0);
    case 1: return v->values.i32[at] == (int32_t)i;
    case 3: return v->values.bytes[at].len == 12 && !memcmp(v->values.bytes[at].data, int96, 12);
    case 4: {
        float x = (float)i * 1.1f - v->values.f32[at];
        return x < 1e-5f && x > -1e-5f;
    }
    case 5: {
        double x = (double)i * 1.1111111 - v->values.f64[at];
        return x < 1e-12 && x > -1e-12;
    }
    case 6:
        snprintf(text, sizeof text, "parquet%03u", (unsigned)i);
        return v->values.bytes[at].len == 10 && !memcmp(v->values.bytes[at].data, text, 10);
    default:
        memset(flba, (int)i, sizeof flba);
        return v->values.bytes[at].len == 10 && !memcmp(v->values.bytes[at].data, flba, 10);
    }
}

/* Reads a whole column with a condition that every value satisfies, so that its indexes are read
** too. *right = all 50 rows (25 of the one with NULLs) have their values. */
static int read_column(const struct file *f, struct tarn_pq_footer *footer, int column, int *right,
                       struct tarn_err *err) {
    struct tarn_predicate p = {column, TARN_OP_NOT_NULL, NULL, 0};
    struct tarn_pq_scan_spec spec = {&column, 1, &p, 1, -1, 1, NULL, NULL};
    struct tarn_pq_block *blocks = NULL;
    struct tarn_pq_scan *s = NULL;
    uint32_t rows = 0;
    size_t n = 0;
    int rc = tarn_pq_scan_open(&s, footer, &f->src, &spec, err);
    *right = 1;
    if (!rc) rc = tarn_pq_scan_blocks(s, 0, &blocks, &n, err);
    for (size_t k = 0; k < n && !rc; k++) {
        struct tarn_pq_batch *b = NULL;
        rc = tarn_pq_scan_read(s, &blocks[k], &b, err);
        for (uint32_t i = 0; !rc && i < b->n; i++) {
            struct tarn_vector v = b->columns[0];
            uint32_t row = b->row[i];
            if (column != 6) *right &= row == i && cell_right(column, i, &v);
            if (column == 6)
                *right &= row == 2 * i && v.values.bytes[tarn_vector_at(&v, i)].len == 10;
        }
        rows += rc ? 0 : b->n;
        tarn_pq_batch_release(b);
    }
    *right &= rows == (column == 6 ? ROWS / 2 : ROWS);
    tarn_free(blocks);
    tarn_pq_scan_free(s);
    return rc;
}

/* Row i of the list holds 2i and 2i + 1 times a million million. */
static void check_list(const struct file *f, struct tarn_pq_footer *footer, int column) {
    struct tarn_nested_spec spec = {footer, &f->src, 0, 0, column, NULL, NULL};
    struct tarn_nested *p = NULL;
    struct tarn_err err = {0};
    while (strcmp(footer->nodes[spec.node].name, columns[column]) != 0)
        spec.node++;
    assert_int_equal(tarn_nested_open(&p, &spec, &err), TARN_OK);
    for (uint32_t i = 0; i < ROWS; i++) {
        uint32_t row = i < 45 ? i : ROWS - 1 - i;
        struct tarn_arena arena;
        struct tarn_vector v;
        char want[64];
        int rc = 0;
        tarn_arena_init(&arena, NULL);
        rc = tarn_nested_read(p, &row, 1, &arena, &v, &err);
        if (rc) print_error("%s\n", err.msg);
        assert_int_equal(rc, TARN_OK);
        snprintf(want, sizeof want, "[%lld,%lld]", row * 2000000000000LL,
                 row * 2000000000000LL + 1000000000000LL);
        assert_int_equal(v.values.bytes[0].len, strlen(want));
        assert_memory_equal(v.values.bytes[0].data, want, strlen(want));
        tarn_arena_release(&arena);
    }
    tarn_nested_free(p);
}

static void check_all(const struct file *f, const struct given *g, enum tarn_footer_crypt kind) {
    struct tarn_pq_footer *footer = NULL;
    struct tarn_err err;
    int rc = open_file(f, g, &footer, &err), right = 0;
    if (rc) print_error("%s\n", err.msg);
    assert_int_equal(rc, TARN_OK);
    assert_int_equal(footer->crypt, kind);
    assert_int_equal(footer->n_columns, COLUMNS);
    for (int c = 0; c < COLUMNS; c++) {
        assert_int_equal(strncmp(footer->columns[c].path, columns[c], strlen(columns[c])), 0);
        if (footer->columns[c].max_rep) {
            check_list(f, footer, c);
            continue;
        }
        rc = read_column(f, footer, c, &right, &err);
        if (rc) print_error("%s\n", err.msg);
        assert_int_equal(rc, TARN_OK);
        assert_int_equal(right, 1);
    }
    tarn_pq_footer_free(footer);
}

static const struct known {
    const char *name;
    size_t key;
    const char *prefix;
    enum tarn_footer_crypt kind;
} known[] = {
    {"encrypt_columns_and_footer.parquet.encrypted", 16, NULL, TARN_FOOTER_ENCRYPTED},
    {"encrypt_columns_and_footer_aad.parquet.encrypted", 16, NULL, TARN_FOOTER_ENCRYPTED},
    {"encrypt_columns_and_footer_aad.parquet.encrypted", 16, "tester", TARN_FOOTER_ENCRYPTED},
    {"encrypt_columns_and_footer_ctr.parquet.encrypted", 16, NULL, TARN_FOOTER_ENCRYPTED},
    {"encrypt_columns_and_footer_disable_aad_storage.parquet.encrypted", 16, "tester",
     TARN_FOOTER_ENCRYPTED},
    {"encrypt_columns_plaintext_footer.parquet.encrypted", 16, NULL, TARN_FOOTER_VERIFIED},
    {"uniform_encryption.parquet.encrypted", 16, NULL, TARN_FOOTER_ENCRYPTED},
    {"aes256/encrypt_columns_and_footer.parquet.encrypted", 32, NULL, TARN_FOOTER_ENCRYPTED},
    {"aes256/encrypt_columns_and_footer_ctr.parquet.encrypted", 32, NULL, TARN_FOOTER_ENCRYPTED},
    {"aes256/encrypt_columns_and_footer_disable_aad_storage.parquet.encrypted", 32, "tester",
     TARN_FOOTER_ENCRYPTED},
    {"aes256/encrypt_columns_plaintext_footer.parquet.encrypted", 32, NULL, TARN_FOOTER_VERIFIED},
    {"aes256/uniform_encryption.parquet.encrypted", 32, NULL, TARN_FOOTER_ENCRYPTED},
};

static void test_values(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct given g = {0x1ff, known[i].key, known[i].prefix, -1, 0};
        struct file f;
        load(&f, known[i].name);
        check_all(&f, &g, known[i].kind);
        tarn_free(f.bytes);
    }
}

static void refused(const char *name, struct given g, int code, const char *words) {
    struct tarn_pq_footer *footer = NULL;
    struct tarn_err err;
    struct file f;
    load(&f, name);
    assert_int_equal(open_file(&f, &g, &footer, &err), code);
    if (!strstr(err.msg, words)) print_error("%s\n", err.msg);
    assert_non_null(strstr(err.msg, words));
    assert_null(strstr(err.msg, "01234567")); /* no key is ever printed */
    tarn_free(f.bytes);
}

static void test_footers_without_their_key(void **state) {
    struct given none = {0, 16, NULL, -1, 0}, wrong = {0x1ff, 16, NULL, 0, 0};
    struct given other = {0x1ff, 16, "someone", -1, 0}, right = {0x1ff, 16, NULL, -1, 0};
    struct given tester = {0x1ff, 16, "tester", -1, 0};
    (void)state;
    refused(known[0].name, none, TARN_EACCES, "Key id: kf");
    refused(known[0].name, wrong, TARN_EACCES, "(key id kf) does not fit: authentication failed");
    refused(known[5].name, wrong, TARN_EACCES, "signature does not fit: authentication failed");
    refused(known[0].name, tester, TARN_EACCES, "encrypted without one");
    refused(known[1].name, other, TARN_EACCES, "another file");
    refused(known[4].name, right, TARN_EACCES, "`aadPrefix`");
    refused(known[4].name, other, TARN_EACCES, "does not fit: authentication failed");
    refused("alltypes_plain.parquet", right, TARN_EACCES, "not encrypted");
    refused("external_key_material_java.parquet.encrypted", right, TARN_EACCES,
            "Key id: {\"keyMaterialType\":\"PKMT1\"");
}

/* Opens with some keys; the columns in `closed` can't be read, with `words`, and the others can. */
static void partly(const char *name, struct given g, unsigned closed, const char *words,
                   enum tarn_footer_crypt kind) {
    struct tarn_pq_footer *footer = NULL;
    struct tarn_err err;
    struct file f;
    load(&f, name);
    assert_int_equal(open_file(&f, &g, &footer, &err), TARN_OK);
    assert_int_equal(footer->crypt, kind);
    for (int c = 0; c < COLUMNS; c++) {
        int right = 0, rc = 0;
        if (footer->columns[c].max_rep) continue;
        memset(&err, 0, sizeof err);
        rc = read_column(&f, footer, c, &right, &err);
        assert_int_equal(rc, closed >> c & 1 ? TARN_EACCES : TARN_OK);
        assert_int_equal(footer->row_groups[0].chunks[c].encrypted, closed >> c & 1);
        if (!rc) assert_int_equal(right, 1);
        if (!rc) continue;
        assert_non_null(strstr(err.msg, words));
        assert_non_null(strstr(err.msg, columns[c]));
    }
    tarn_pq_footer_free(footer);
    tarn_free(f.bytes);
}

static void test_columns_without_their_key(void **state) {
    struct given no_double = {0x1ff & ~2u, 16, NULL, -1, 0}, footer_only = {1, 16, NULL, -1, 0};
    struct given no_footer = {2, 16, NULL, -1, 0}, wrong = {0x1ff, 16, NULL, 2, 0};
    (void)state;
    partly(known[0].name, no_double, 1u << 5, "Key id: kc1", TARN_FOOTER_ENCRYPTED);
    partly(known[0].name, no_double, 1u << 5, "`columns` (by path) or `ids`",
           TARN_FOOTER_ENCRYPTED);
    partly(known[0].name, footer_only, 3u << 4, "its key is missing", TARN_FOOTER_ENCRYPTED);
    partly(known[0].name, wrong, 1u << 4, "(key id kc2) does not fit: authentication failed",
           TARN_FOOTER_ENCRYPTED);
    partly(known[5].name, no_footer, 1u << 4, "Key id: kc2", TARN_FOOTER_UNVERIFIED);
}

static void test_no_keys_at_all(void **state) {
    struct tarn_pq_footer *footer = NULL;
    struct tarn_err err = {0};
    struct file f;
    int right = 0;
    (void)state;
    load(&f, known[5].name);
    assert_int_equal(tarn_pq_footer_read(&footer, &f.src, &err), TARN_OK);
    assert_int_equal(footer->crypt, TARN_FOOTER_UNVERIFIED);
    assert_int_equal(read_column(&f, footer, 1, &right, &err), TARN_OK);
    assert_int_equal(right, 1);
    assert_int_equal(read_column(&f, footer, 5, &right, &err), TARN_EACCES);
    tarn_pq_footer_free(footer);
    tarn_free(f.bytes);
    load(&f, known[0].name);
    memset(&err, 0, sizeof err);
    assert_int_equal(tarn_pq_footer_read(&footer, &f.src, &err), TARN_EACCES);
    assert_non_null(strstr(err.msg, "Key id: kf"));
    tarn_free(f.bytes);
}

static void ring_of(const struct tarn_key *k, size_t n, int code, const char *words) {
    struct tarn_pq_keys *out = NULL;
    struct tarn_err err = {0};
    assert_int_equal(tarn_pq_keys_new(&out, k, n, &err), code);
    if (code) assert_non_null(strstr(err.msg, words));
    if (code) assert_null(strstr(err.msg, "01234567"));
    tarn_pq_keys_free(out);
}

static void test_rings(void **state) {
    static const uint8_t bytes[] = "01234567890123456789012345678901";
    const struct tarn_slice a = {(const uint8_t *)"a", 1}, none = {NULL, 0};
    struct tarn_key k[2] = {{TARN_KEY_COLUMN, a, {bytes, 16}}, {TARN_KEY_COLUMN, a, {bytes, 24}}};
    (void)state;
    ring_of(NULL, 0, TARN_OK, "");
    ring_of(k, 2, TARN_EINVAL, "the key of column a is given twice");
    k[1].kind = TARN_KEY_ID;
    ring_of(k, 2, TARN_OK, "");
    for (size_t n = 0; n <= 32; n++) {
        k[1].bytes.len = n;
        ring_of(k, 2, n == 16 || n == 24 || n == 32 ? TARN_OK : TARN_EINVAL, "16, 24 or 32");
    }
    k[0].name = none;
    ring_of(k, 2, TARN_EINVAL, "without the column's name");
    assert_int_equal(tarn_pq_keys_find(NULL, TARN_KEY_FOOTER, none).len, 0);
}

/* Keys by path: of the column, and of the footer as such; a column that claims to be plain. */
static void test_keys_by_path(void **state) {
    uint8_t footer_key[32], key[32];
    const struct tarn_slice path = {(const uint8_t *)"double_field", 12}, none = {NULL, 0};
    const struct tarn_slice plain = {(const uint8_t *)"int32_field", 11};
    struct tarn_key k[2] = {{TARN_KEY_FOOTER, none, {footer_key, 16}},
                            {TARN_KEY_COLUMN, path, {key, 16}}};
    struct tarn_pq_footer *footer = NULL;
    struct tarn_pq_keys *keys = NULL;
    struct tarn_err err = {0};
    struct file f;
    int right = 0;
    (void)state;
    make_key(0, 16, footer_key);
    make_key(1, 16, key);
    for (int i = 0; i < 2; i++) {
        load(&f, known[i ? 5 : 0].name);
        assert_int_equal(tarn_pq_keys_new(&keys, k, 2, &err), TARN_OK);
        assert_int_equal(tarn_pq_footer_read_keys(&footer, &f.src, keys, &err), TARN_OK);
        tarn_pq_keys_free(keys);
        assert_int_equal(read_column(&f, footer, 5, &right, &err), TARN_OK);
        assert_int_equal(right, 1);
        tarn_pq_footer_free(footer);
        tarn_free(f.bytes);
    }
    load(&f, known[5].name);
    k[1].name = plain;
    assert_int_equal(tarn_pq_keys_new(&keys, k + 1, 1, &err), TARN_OK);
    assert_int_equal(tarn_pq_footer_read_keys(&footer, &f.src, keys, &err), TARN_EACCES);
    assert_non_null(strstr(err.msg, "int32_field, which is plain"));
    tarn_pq_keys_free(keys);
    tarn_free(f.bytes);
}

static void test_plain_files_when_allowed(void **state) {
    struct tarn_key k = {TARN_KEY_PLAIN_FILES, {NULL, 0}, {NULL, 0}};
    struct tarn_pq_footer *footer = NULL;
    struct tarn_pq_keys *keys = NULL;
    struct file f;
    (void)state;
    load(&f, "alltypes_plain.parquet");
    assert_int_equal(tarn_pq_keys_new(&keys, &k, 1, NULL), TARN_OK);
    assert_int_equal(tarn_pq_footer_read_keys(&footer, &f.src, keys, NULL), TARN_OK);
    assert_int_equal(footer->crypt, TARN_FOOTER_PLAIN);
    tarn_pq_footer_free(footer);
    tarn_pq_keys_free(keys);
    tarn_free(f.bytes);
}

/* Every byte of `n` at `at`, changed: reading the column fails. */
static void all_flips_fail(struct file *f, struct tarn_pq_footer *footer, int column, uint64_t at,
                           uint64_t n) {
    assert_true(n > 0 && at + n <= f->n);
    for (uint64_t i = at; i < at + n; i++) {
        struct tarn_err err = {0};
        int right = 0;
        f->bytes[i] ^= (uint8_t)(1u << i % 8);
        assert_int_equal(read_column(f, footer, column, &right, &err), TARN_ECORRUPT);
        if (!strstr(err.msg, "authentication failed")) assert_non_null(strstr(err.msg, "length"));
        f->bytes[i] ^= (uint8_t)(1u << i % 8);
    }
}

/* Dictionary and data pages, their headers, ColumnIndex and OffsetIndex. */
static void test_every_byte_of_a_column_is_authentic(void **state) {
    struct given g = {0x1ff, 16, NULL, -1, 0};
    struct tarn_pq_footer *footer = NULL;
    struct tarn_err err;
    struct file f;
    (void)state;
    load(&f, known[0].name);
    assert_int_equal(open_file(&f, &g, &footer, &err), TARN_OK);
    for (int c = 4; c <= 5; c++) {
        const struct tarn_pq_chunk *k = &footer->row_groups[0].chunks[c];
        assert_true(k->dictionary_offset > 0);
        all_flips_fail(&f, footer, c, k->offset, k->size);
        all_flips_fail(&f, footer, c, k->offset_index_offset, k->offset_index_size);
        all_flips_fail(&f, footer, c, k->column_index_offset, k->column_index_size);
    }
    tarn_pq_footer_free(footer);
    tarn_free(f.bytes);
}

/* CTR: headers are authentic, bodies are not. */
static void test_ctr_bodies_are_not_authentic(void **state) {
    struct given g = {0x1ff, 32, NULL, -1, 0};
    struct tarn_pq_footer *footer = NULL;
    const struct tarn_pq_chunk *k = NULL;
    struct tarn_err err;
    struct file f;
    uint64_t header = 0;
    int right = 1;
    (void)state;
    load(&f, known[8].name);
    assert_int_equal(open_file(&f, &g, &footer, &err), TARN_OK);
    k = &footer->row_groups[0].chunks[5];
    header = 4 + f.bytes[k->offset];
    all_flips_fail(&f, footer, 5, k->offset, header);
    f.bytes[k->offset + k->size - 1] ^= 1;
    assert_int_equal(read_column(&f, footer, 5, &right, &err), TARN_OK);
    assert_int_equal(right, 0);
    tarn_pq_footer_free(footer);
    tarn_free(f.bytes);
}

/* A plain footer: with its key no byte of it can change; without, the metadata of encrypted columns
** are still authentic. */
static void test_tampered_plain_footer(void **state) {
    struct given all = {0x1ff, 16, NULL, -1, 1}, by_id = {0x1ff, 16, NULL, -1, 0};
    struct tarn_pq_footer *footer = NULL;
    struct tarn_err err;
    struct file f;
    size_t len = 0;
    uint8_t *id = NULL;
    (void)state;
    load(&f, known[5].name);
    memcpy(&len, f.bytes + f.n - 8, 4);
    for (size_t i = f.n - 8 - len; i < f.n - 8; i++) {
        f.bytes[i] ^= (uint8_t)(1u << i % 8);
        assert_int_not_equal(open_file(&f, &all, &footer, &err), TARN_OK);
        f.bytes[i] ^= (uint8_t)(1u << i % 8);
    }
    f.bytes[f.n - 9] ^= 1; /* the signature's last byte: nothing else is wrong */
    assert_int_equal(open_file(&f, &all, &footer, &err), TARN_EACCES);
    assert_non_null(strstr(err.msg, "signature"));
    f.bytes[f.n - 9] ^= 1;
    for (size_t i = f.n - 8 - len; i < f.n - 8;
         i++) /* the last "kf" is the id of the footer's key */
        if (memcmp(f.bytes + i, "kf", 2) == 0) id = f.bytes + i;
    assert_non_null(id);
    *id ^= 1;
    assert_int_equal(open_file(&f, &by_id, &footer, &err), TARN_OK);
    assert_int_equal(footer->crypt, TARN_FOOTER_UNVERIFIED);
    tarn_pq_footer_free(footer);
    tarn_free(f.bytes);
}

/* A file encrypted throughout: whatever byte changes, there is an error or nothing has changed. */
static void test_no_flip_gives_wrong_rows(void **state) {
    struct given g = {1, 16, NULL, -1, 0};
    struct file f;
    size_t failed = 0;
    (void)state;
    load(&f, known[6].name);
    for (size_t i = 0; i < f.n; i++) {
        struct tarn_pq_footer *footer = NULL;
        struct tarn_err err;
        int rc = 0, bad = 0;
        f.bytes[i] ^= (uint8_t)(1u << i % 8);
        rc = open_file(&f, &g, &footer, &err);
        for (int c = 0; c < COLUMNS && !rc; c++) {
            int right = 1;
            if (footer->columns[c].max_rep) continue;
            rc = read_column(&f, footer, c, &right, &err);
            bad |= !rc && !right;
        }
        assert_int_equal(bad, 0);
        failed += rc != 0;
        tarn_pq_footer_free(footer);
        f.bytes[i] ^= (uint8_t)(1u << i % 8);
    }
    assert_true(failed > f.n / 2); /* but for what was not read: a list, its indexes */
    tarn_free(f.bytes);
}

/* A file with plain columns, damaged anywhere: anything but a crash, with all keys and with few. */
static void test_flips_of_mixed_files(void **state) {
    static const int which[] = {3, 5};
    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct file f;
        load(&f, known[which[k]].name);
        for (size_t i = 0; i < f.n; i++) {
            struct given g = {i % 2 ? 0x1ff : 4, 16, NULL, -1, 0};
            struct tarn_pq_footer *footer = NULL;
            struct tarn_err err;
            int right = 0;
            f.bytes[i] ^= (uint8_t)(1u << i % 8);
            if (open_file(&f, &g, &footer, &err) == TARN_OK) {
                for (int c = 0; c < footer->n_columns; c++)
                    if (!footer->columns[c].max_rep && footer->n_row_groups > 0)
                        (void)read_column(&f, footer, c, &right, NULL);
                tarn_pq_footer_free(footer);
            }
            f.bytes[i] ^= (uint8_t)(1u << i % 8);
        }
        tarn_free(f.bytes);
    }
}

/* Reads double_field = x of the file with bloom filters. */
static int bloom_read(const struct file *f, struct tarn_pq_footer *footer, double x,
                      struct tarn_pq_counters *n, struct tarn_err *err) {
    int column = 0;
    struct tarn_const c = {TARN_CONST_REAL, 0, x, {NULL, 0}};
    struct tarn_predicate p = {0, TARN_OP_EQ, &c, 1};
    struct tarn_pq_scan_spec spec = {&column, 1, &p, 1, -1, 1, NULL, n};
    struct tarn_pq_block *blocks = NULL;
    struct tarn_pq_scan *s = NULL;
    size_t n_blocks = 0;
    int rc = tarn_pq_scan_open(&s, footer, &f->src, &spec, err);
    if (!rc) rc = tarn_pq_scan_blocks(s, 0, &blocks, &n_blocks, err);
    for (size_t k = 0; k < n_blocks && !rc; k++) {
        struct tarn_pq_batch *b = NULL;
        rc = tarn_pq_scan_read(s, &blocks[k], &b, err);
        tarn_pq_batch_release(b);
    }
    tarn_free(blocks);
    tarn_pq_scan_free(s);
    return rc;
}

static void test_bloom_filters(void **state) {
    struct given g = {0x1ff, 16, NULL, -1, 0};
    struct tarn_pq_counters n = {0};
    struct tarn_pq_footer *footer = NULL;
    const struct tarn_pq_chunk *k = NULL;
    struct tarn_err err;
    struct file f;
    (void)state;
    load(&f, "encrypt_columns_and_footer_bloom_filter.parquet.encrypted");
    assert_int_equal(open_file(&f, &g, &footer, &err), TARN_OK);
    assert_int_equal(bloom_read(&f, footer, 0.75, &n, &err), TARN_OK);
    assert_int_equal(n.row_groups_bloom, 1);
    assert_int_equal(bloom_read(&f, footer, 1500.5, &n, &err), TARN_OK);
    assert_int_equal(n.row_groups_bloom, 1);
    assert_int_equal(n.rows_out, 1);
    k = &footer->row_groups[0].chunks[0];
    assert_true(k->bloom_size > 0);
    for (uint32_t i = 0; i < k->bloom_size; i += i < 80 ? 1 : 13) {
        uint8_t *at = f.bytes + k->bloom_offset + i;
        memset(&err, 0, sizeof err);
        *at ^= 8;
        assert_int_equal(bloom_read(&f, footer, 0.75, &n, &err), TARN_ECORRUPT);
        assert_non_null(strstr(err.msg, "bloom filter: authentication failed"));
        *at ^= 8;
    }
    tarn_pq_footer_free(footer);
    tarn_free(f.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rings),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_footers_without_their_key),
        cmocka_unit_test(test_columns_without_their_key),
        cmocka_unit_test(test_no_keys_at_all),
        cmocka_unit_test(test_keys_by_path),
        cmocka_unit_test(test_plain_files_when_allowed),
        cmocka_unit_test(test_every_byte_of_a_column_is_authentic),
        cmocka_unit_test(test_ctr_bodies_are_not_authentic),
        cmocka_unit_test(test_tampered_plain_footer),
        cmocka_unit_test(test_no_flip_gives_wrong_rows),
        cmocka_unit_test(test_flips_of_mixed_files),
        cmocka_unit_test(test_bloom_filters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
