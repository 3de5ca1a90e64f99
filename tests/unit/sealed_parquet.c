/* sealed_parquet.c: see sealed_parquet.h. Encrypts as Encryption.md says, sharing no code with the
** reader. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>

#include "format.h"
#include "sealed_parquet.h"
#include "thrift_write.h"

#define CAP ((size_t)1 << 22)

const uint8_t sealed_key[16] = "sixteen bytes :)";
static const char prefix[] = "table/7";
static const char unique[] = "unique!!";

struct name { /* of a module */
    int type, column, page;
};

static void put16(uint8_t *p, int v) {
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static EVP_CIPHER_CTX *start(int ctr, const uint8_t nonce[12], const struct name *m) {
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    uint8_t iv[16] = {0}, suffix[7] = {(uint8_t)m->type, 0, 0, 0, 0, 0, 0};
    int len = 0, n = m->type == 0 ? 1 : m->type == 2 || m->type == 4 ? 7 : 5;
    memcpy(iv, nonce, 12);
    iv[15] = 1;
    put16(suffix + 3, m->column);
    put16(suffix + 5, m->page);
    EVP_EncryptInit_ex(c, ctr ? EVP_aes_128_ctr() : EVP_aes_128_gcm(), NULL, sealed_key, iv);
    if (ctr) return c;
    EVP_EncryptUpdate(c, NULL, &len, (const uint8_t *)prefix, (int)strlen(prefix));
    EVP_EncryptUpdate(c, NULL, &len, (const uint8_t *)unique, (int)strlen(unique));
    EVP_EncryptUpdate(c, NULL, &len, suffix, n);
    return c;
}

/* Appends the module; with `only_tag` nonce and tag alone, as a signature. */
static void seal(struct tarn_buf *out, const struct tarn_buf *plain, int type, int column, int page,
                 int ctr, int only_tag) {
    static uint32_t count;
    struct name m = {type, column, page};
    uint8_t nonce[12] = {0}, tag[16];
    struct tarn_buf text = TARN_BUF_INIT(CAP);
    EVP_CIPHER_CTX *c = NULL;
    int n = 0;
    count++;
    memcpy(nonce, &count, 4);
    c = start(ctr, nonce, &m);
    tarn_buf_put(&text, plain->data, plain->len);
    if (plain->len) EVP_EncryptUpdate(c, text.data, &n, plain->data, (int)plain->len);
    EVP_EncryptFinal_ex(c, tag, &n);
    if (!ctr) EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_AEAD_GET_TAG, 16, tag);
    EVP_CIPHER_CTX_free(c);
    if (!only_tag) tarn_buf_le32(out, (uint32_t)(12 + plain->len + (ctr ? 0 : 16)));
    tarn_buf_put(out, nonce, 12);
    if (!only_tag) tarn_buf_put(out, text.data, text.len);
    if (!ctr) tarn_buf_put(out, tag, 16);
    tarn_buf_release(&text);
}

/* A run of the RLE hybrid per level: repetition 0, 1, 0, 1 ... or one value throughout. */
static void levels(struct tarn_buf *b, uint32_t n, int alternate) {
    if (!alternate) {
        tarn_buf_varint(b, (uint64_t)n << 1);
        tarn_buf_u8(b, 1);
        return;
    }
    tarn_buf_varint(b, (uint64_t)((n + 7) / 8) << 1 | 1);
    for (uint32_t i = 0; i < (n + 7) / 8; i++)
        tarn_buf_u8(b, 0xaa);
}

static void page_header(struct tarn_buf *out, const struct sealed_spec *s, uint32_t values,
                        uint32_t rows, size_t size, size_t raw, size_t rep, size_t def,
                        int encoding) {
    struct tarn_tw t;
    int v2 = s->form != SEALED_V1;
    tarn_tw_init(&t, out);
    tarn_tw_i32(&t, 1, v2 ? TARN_DATA_PAGE_V2 : TARN_DATA_PAGE);
    tarn_tw_i32(&t, 2, (int32_t)raw);
    tarn_tw_i32(&t, 3, (int32_t)size);
    tarn_tw_struct(&t, v2 ? 8 : 5);
    tarn_tw_i32(&t, 1, (int32_t)values);
    tarn_tw_i32(&t, 2, v2 ? 0 : encoding);
    tarn_tw_i32(&t, 3, v2 ? (int32_t)rows : TARN_RLE);
    tarn_tw_i32(&t, 4, v2 ? encoding : TARN_RLE);
    if (v2) tarn_tw_i32(&t, 5, (int32_t)def);
    if (v2) tarn_tw_i32(&t, 6, (int32_t)rep);
    tarn_tw_end(&t);
    tarn_tw_end(&t);
}

/* Levels (v1: each with its length) and values of one page. */
static void page_body(const struct sealed_spec *s, int list, uint32_t page, struct tarn_buf *rep,
                      struct tarn_buf *def, struct tarn_buf *values) {
    uint32_t n = s->page_rows * (list ? 2 : 1);
    if (list) levels(rep, n, 1);
    if (list) levels(def, n, 0);
    if (!list && s->dictionary) { /* codes of 16 bits: the row number */
        tarn_buf_u8(values, 16);
        tarn_buf_varint(values, (uint64_t)((n + 7) / 8) << 1 | 1);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (list || !s->dictionary) {
            tarn_buf_le32(values, page * n + i);
            continue;
        }
        tarn_buf_u8(values, (uint8_t)(page * n + i));
        tarn_buf_u8(values, (uint8_t)((page * n + i) >> 8));
    }
}

static void put_page(struct sealed_file *f, const struct sealed_spec *s, int list, uint32_t page,
                     struct sealed_page *at) {
    struct tarn_buf rep = TARN_BUF_INIT(CAP), def = TARN_BUF_INIT(CAP), body = TARN_BUF_INIT(CAP);
    struct tarn_buf plain = TARN_BUF_INIT(CAP), header = TARN_BUF_INIT(CAP);
    struct tarn_buf sealed = TARN_BUF_INIT(CAP);
    int encoding = !list && s->dictionary ? TARN_RLE_DICTIONARY : TARN_PLAIN;
    size_t raw = 0;
    page_body(s, list, page, &rep, &def, &body);
    if (s->form == SEALED_V1 && list) tarn_buf_le32(&plain, (uint32_t)rep.len);
    tarn_buf_put(&plain, rep.data, rep.len);
    if (s->form == SEALED_V1 && list) tarn_buf_le32(&plain, (uint32_t)def.len);
    tarn_buf_put(&plain, def.data, def.len);
    raw = plain.len + body.len;
    if (s->form == SEALED_V2_PLAIN_LEVELS) {
        tarn_buf_put(&sealed, plain.data, plain.len);
        plain.len = 0;
    }
    tarn_buf_put(&plain, body.data, body.len);
    seal(&sealed, &plain, 2, list, (int)page, s->ctr, 0);
    page_header(&header, s, s->page_rows * (list ? 2 : 1), s->page_rows, sealed.len, raw, rep.len,
                def.len, encoding);
    at->offset = f->bytes.len;
    seal(&f->bytes, &header, 4, list, (int)page, 0, 0);
    at->header = f->bytes.len - at->offset;
    tarn_buf_put(&f->bytes, sealed.data, sealed.len);
    at->size = f->bytes.len - at->offset;
    tarn_buf_release(&rep);
    tarn_buf_release(&def);
    tarn_buf_release(&body);
    tarn_buf_release(&plain);
    tarn_buf_release(&header);
    tarn_buf_release(&sealed);
}

static void put_dictionary(struct sealed_file *f, const struct sealed_spec *s) {
    struct tarn_buf plain = TARN_BUF_INIT(CAP), header = TARN_BUF_INIT(CAP);
    struct tarn_buf sealed = TARN_BUF_INIT(CAP);
    uint32_t n = s->pages * s->page_rows;
    struct tarn_tw t;
    for (uint32_t i = 0; i < n; i++)
        tarn_buf_le32(&plain, i);
    seal(&sealed, &plain, 3, 0, 0, s->ctr, 0);
    tarn_tw_init(&t, &header);
    tarn_tw_i32(&t, 1, TARN_DICTIONARY_PAGE);
    tarn_tw_i32(&t, 2, (int32_t)plain.len);
    tarn_tw_i32(&t, 3, (int32_t)sealed.len);
    tarn_tw_struct(&t, 7);
    tarn_tw_i32(&t, 1, (int32_t)n);
    tarn_tw_i32(&t, 2, TARN_PLAIN);
    tarn_tw_end(&t);
    tarn_tw_end(&t);
    seal(&f->bytes, &header, 5, 0, 0, 0, 0);
    tarn_buf_put(&f->bytes, sealed.data, sealed.len);
    tarn_buf_release(&plain);
    tarn_buf_release(&header);
    tarn_buf_release(&sealed);
}

static void column_index(struct tarn_buf *b, const struct sealed_spec *s) {
    struct tarn_tw t;
    tarn_tw_init(&t, b);
    tarn_tw_list(&t, 1, TARN_TW_TRUE, s->pages);
    for (uint32_t i = 0; i < s->pages; i++)
        tarn_buf_u8(b, 2);
    for (int bound = 0; bound < 2; bound++) {
        tarn_tw_list(&t, (int16_t)(2 + bound), TARN_TW_BINARY, s->pages);
        for (uint32_t i = 0; i < s->pages; i++) {
            uint32_t v = (i + (bound ? 1u : 0u)) * s->page_rows - (bound ? 1u : 0u);
            tarn_tw_elem_bin(&t, &v, 4);
        }
    }
    tarn_tw_i32(&t, 4, 1);
    tarn_tw_end(&t);
}

static void offset_index(struct tarn_buf *b, const struct sealed_spec *s,
                         const struct sealed_page *pages) {
    struct tarn_tw t;
    tarn_tw_init(&t, b);
    tarn_tw_list(&t, 1, TARN_TW_STRUCT, s->pages);
    for (uint32_t i = 0; i < s->pages; i++) {
        tarn_tw_elem_struct(&t);
        tarn_tw_i64(&t, 1, (int64_t)pages[i].offset);
        tarn_tw_i32(&t, 2, (int32_t)pages[i].size);
        tarn_tw_i64(&t, 3, (int64_t)i * s->page_rows);
        tarn_tw_end(&t);
    }
    tarn_tw_end(&t);
}

struct place {
    size_t at, n;
};

static struct place put_sealed(struct sealed_file *f, const struct tarn_buf *plain, int type,
                               int column) {
    struct place p = {f->bytes.len, 0};
    seal(&f->bytes, plain, type, column, 0, 0, 0);
    p.n = f->bytes.len - p.at;
    return p;
}

static void element(struct tarn_tw *t, const char *name, int repetition, int children) {
    tarn_tw_elem_struct(t);
    if (!children) tarn_tw_i32(t, 1, TARN_INT32);
    if (repetition >= 0) tarn_tw_i32(t, 3, repetition);
    tarn_tw_str(t, 4, name);
    if (children) tarn_tw_i32(t, 5, children);
    tarn_tw_end(t);
}

struct layout {
    struct place chunk[2], oi[2], ci[2];
    size_t data[2];
};

static void put_chunk(struct tarn_tw *t, const struct sealed_spec *s, const struct layout *l,
                      int c) {
    tarn_tw_elem_struct(t);
    tarn_tw_i64(t, 2, 0);
    tarn_tw_struct(t, 3);
    tarn_tw_i32(t, 1, TARN_INT32);
    tarn_tw_list(t, 2, TARN_TW_I32, 1);
    tarn_tw_elem_i32(t, TARN_PLAIN);
    tarn_tw_list(t, 3, TARN_TW_BINARY, 1);
    tarn_tw_elem_bin(t, c ? "l" : "a", 1);
    tarn_tw_i32(t, 4, TARN_UNCOMPRESSED);
    tarn_tw_i64(t, 5, (int64_t)s->pages * s->page_rows * (c ? 2 : 1));
    tarn_tw_i64(t, 6, (int64_t)l->chunk[c].n);
    tarn_tw_i64(t, 7, (int64_t)l->chunk[c].n);
    tarn_tw_i64(t, 9, (int64_t)l->data[c]);
    if (c == 0 && s->dictionary) tarn_tw_i64(t, 11, (int64_t)l->chunk[c].at);
    tarn_tw_end(t);
    if (s->indexes) {
        tarn_tw_i64(t, 4, (int64_t)l->oi[c].at);
        tarn_tw_i32(t, 5, (int32_t)l->oi[c].n);
        if (c == 0) tarn_tw_i64(t, 6, (int64_t)l->ci[c].at);
        if (c == 0) tarn_tw_i32(t, 7, (int32_t)l->ci[c].n);
    }
    tarn_tw_struct(t, 8);
    tarn_tw_empty(t, 1);
    tarn_tw_end(t);
    tarn_tw_end(t);
}

static void algorithm(struct tarn_tw *t, int16_t field, const struct sealed_spec *s) {
    tarn_tw_struct(t, field);
    tarn_tw_struct(t, s->ctr ? 2 : 1);
    tarn_tw_str(t, 1, prefix);
    tarn_tw_str(t, 2, unique);
    tarn_tw_end(t);
    tarn_tw_end(t);
}

static void footer(struct tarn_buf *b, const struct sealed_spec *s, const struct layout *l) {
    struct tarn_tw t;
    tarn_tw_init(&t, b);
    tarn_tw_i32(&t, 1, 1);
    tarn_tw_list(&t, 2, TARN_TW_STRUCT, 3);
    element(&t, "root", -1, 2);
    element(&t, "a", TARN_REQUIRED, 0);
    element(&t, "l", TARN_REPEATED, 0);
    tarn_tw_i64(&t, 3, (int64_t)s->pages * s->page_rows);
    tarn_tw_list(&t, 4, TARN_TW_STRUCT, 1);
    tarn_tw_elem_struct(&t);
    tarn_tw_list(&t, 1, TARN_TW_STRUCT, 2);
    put_chunk(&t, s, l, 0);
    put_chunk(&t, s, l, 1);
    tarn_tw_i64(&t, 2, 0);
    tarn_tw_i64(&t, 3, (int64_t)s->pages * s->page_rows);
    tarn_tw_end(&t);
    if (!s->sealed_footer) algorithm(&t, 8, s);
    if (!s->sealed_footer) tarn_tw_str(&t, 9, "the key");
    tarn_tw_end(&t);
}

static void put_footer(struct sealed_file *f, const struct sealed_spec *s, const struct layout *l) {
    struct tarn_buf plain = TARN_BUF_INIT(CAP);
    size_t at = f->bytes.len;
    footer(&plain, s, l);
    if (s->sealed_footer) {
        struct tarn_tw t;
        tarn_tw_init(&t, &f->bytes);
        algorithm(&t, 1, s);
        tarn_tw_str(&t, 2, "the key");
        tarn_tw_end(&t);
        seal(&f->bytes, &plain, 0, 0, 0, 0, 0);
    } else {
        tarn_buf_put(&f->bytes, plain.data, plain.len);
        seal(&f->bytes, &plain, 0, 0, 0, 0, 1);
    }
    tarn_buf_le32(&f->bytes, (uint32_t)(f->bytes.len - at));
    tarn_buf_puts(&f->bytes, s->sealed_footer ? "PARE" : "PAR1");
    tarn_buf_release(&plain);
}

void sealed_parquet(struct sealed_file *f, const struct sealed_spec *s) {
    struct layout l;
    memset(&l, 0, sizeof l);
    memset(f, 0, sizeof *f);
    tarn_buf_init(&f->bytes, CAP);
    tarn_buf_puts(&f->bytes, s->sealed_footer ? "PARE" : "PAR1");
    for (int c = 0; c < 2; c++) {
        l.chunk[c].at = f->bytes.len;
        if (c == 0 && s->dictionary) put_dictionary(f, s);
        l.data[c] = f->bytes.len;
        for (uint32_t i = 0; i < s->pages; i++)
            put_page(f, s, c, i, c ? &f->l[i] : &f->a[i]);
        l.chunk[c].n = f->bytes.len - l.chunk[c].at;
    }
    for (int c = 0; c < 2 && s->indexes; c++) {
        struct tarn_buf b = TARN_BUF_INIT(CAP);
        offset_index(&b, s, c ? f->l : f->a);
        l.oi[c] = put_sealed(f, &b, 7, c);
        b.len = 0;
        if (c == 0) column_index(&b, s);
        if (c == 0) l.ci[c] = put_sealed(f, &b, 6, c);
        tarn_buf_release(&b);
    }
    put_footer(f, s, &l);
    assert_int_equal(f->bytes.rc, 0);
}
