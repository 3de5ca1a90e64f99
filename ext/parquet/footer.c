/* footer.c: finds the footer at the end of a file and owns what was parsed from it.
**
**   ... pages, indexes ... | footer (thrift) | its length, 4 bytes | PAR1
**   PARE ... encrypted ... | how to decrypt it, the encrypted footer | length | PARE
**
** One read of the last 64 KiB gets it nearly always. The bytes of the footer are kept (statistics
** point into them), the rest of the read is not. A footer never changes after the parse; threads
** share it by an atomic count.
*/
#include "footer.h"

#include <stdatomic.h>
#include <string.h>

#include "arena.h"
#include "footer_crypt.h"
#include "mem.h"

#define TAIL_READ ((size_t)65536)
#define MAX_FOOTER ((size_t)256 << 20)
#define MEMORY_PER_BYTE 64 /* parsed structures may take this many times the footer's bytes */

struct footer {
    struct tarn_pq_footer pub;
    atomic_int refs;
    struct tarn_budget budget;
    struct tarn_arena arena;
    uint8_t *bytes;
    struct tarn_pq_keys *keys; /* chunks point into them; may be NULL */
};

static uint32_t le32(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* What begins as a Parquet file but doesn't end as one was cut off, or is still being written. */
static int no_mark(const struct tarn_source *src, const uint8_t *last4, struct tarn_err *err) {
    uint8_t first[4] = {0};
    int cut = src->read(src->ctx, 0, first, 4, NULL) == TARN_OK && memcmp(first, "PAR1", 4) == 0;
    return tarn_err_set(err, TARN_ECORRUPT,
                        "%s: expected the Parquet mark PAR1 in the last 4 bytes, found "
                        "%02x%02x%02x%02x: %s",
                        src->name, last4[0], last4[1], last4[2], last4[3],
                        cut ? "the file is truncated, or still being written"
                            : "not a Parquet file");
}

/* The length that the last 8 bytes give, once they prove to be Parquet's. */
static int footer_length(const struct tarn_source *src, const uint8_t *last8, size_t *len,
                         struct tarn_err *err) {
    if (memcmp(last8 + 4, "PAR1", 4) != 0 && memcmp(last8 + 4, "PARE", 4) != 0)
        return no_mark(src, last8 + 4, err);
    *len = le32(last8);
    if (*len < 2 || *len > src->size - 12)
        return tarn_err_set(err, TARN_ECORRUPT,
                            "%s: the footer claims %zu bytes, the file has %llu in all", src->name,
                            *len, (unsigned long long)src->size);
    if (*len > MAX_FOOTER)
        return tarn_err_set(err, TARN_ELIMIT, "%s: the footer has %zu bytes, the limit is %zu",
                            src->name, *len, MAX_FOOTER);
    return TARN_OK;
}

/* Reads the footer's bytes into an owned buffer; *sealed = 1 when they are encrypted. */
static int read_bytes(const struct tarn_source *src, uint8_t **out, size_t *len, int *sealed,
                      struct tarn_err *err) {
    uint8_t *tail = NULL, *bytes = NULL;
    size_t n = src->size < TAIL_READ ? (size_t)src->size : TAIL_READ, have = 0;
    int rc = TARN_OK;
    *out = NULL;
    *len = 0;
    if (src->size < 12) {
        return tarn_err_set(err, TARN_ECORRUPT,
                            "%s: %llu bytes are too few for a Parquet file (12 at least)",
                            src->name, (unsigned long long)src->size);
    }
    tail = tarn_malloc(n);
    if (!tail) return tarn_err_set(err, TARN_ENOMEM, "%s: no memory for the footer", src->name);
    rc = src->read(src->ctx, src->size - n, tail, n, err);
    if (!rc) rc = footer_length(src, tail + n - 8, len, err);
    if (!rc && n == src->size && memcmp(tail, tail + n - 4, 4) != 0)
        rc = tarn_err_set(err, TARN_ECORRUPT, "%s: the file does not begin with %.4s, as it ends",
                          src->name, (const char *)tail + n - 4);
    if (rc) goto out;
    *sealed = tail[n - 1] == 'E';
    bytes = tarn_malloc(*len);
    if (!bytes) {
        rc = tarn_err_set(err, TARN_ENOMEM, "%s: no memory for a footer of %zu bytes", src->name,
                          *len);
        goto out;
    }
    have = *len < n - 8 ? *len : n - 8;
    memcpy(bytes + *len - have, tail + n - 8 - have, have);
    if (have < *len) rc = src->read(src->ctx, src->size - 8 - *len, bytes, *len - have, err);
out:
    tarn_free(tail);
    if (rc)
        tarn_free(bytes);
    else
        *out = bytes;
    return rc;
}

/* The encrypted footer in w->bytes is replaced by the plain one. */
static int unseal(struct footer *w, struct tarn_footer_parse *p) {
    uint8_t *plain = NULL;
    size_t n = 0;
    int rc = tarn_footer_unseal(p, &plain, &n);
    if (rc) {
        tarn_free(plain);
        return rc;
    }
    tarn_free(w->bytes);
    w->bytes = plain;
    p->bytes = plain;
    p->n_bytes = n;
    return TARN_OK;
}

int tarn_pq_footer_read(struct tarn_pq_footer **out, const struct tarn_source *src,
                        struct tarn_err *err) {
    return tarn_pq_footer_read_keys(out, src, NULL, err);
}

int tarn_pq_footer_read_keys(struct tarn_pq_footer **out, const struct tarn_source *src,
                             struct tarn_pq_keys *keys, struct tarn_err *err) {
    struct footer *w = tarn_calloc(1, sizeof *w);
    struct tarn_arena scratch;
    struct tarn_footer_parse p;
    size_t len = 0;
    int rc = TARN_OK, sealed = 0;
    *out = NULL;
    memset(&p, 0, sizeof p);
    if (!w) return tarn_err_set(err, TARN_ENOMEM, "%s: no memory for the footer", src->name);
    atomic_init(&w->refs, 1);
    w->pub.impl = w;
    w->keys = tarn_pq_keys_ref(keys);
    tarn_arena_init(&w->arena, &w->budget);
    tarn_arena_init(&scratch, &w->budget);
    rc = read_bytes(src, &w->bytes, &len, &sealed, err);
    if (rc) goto out;
    w->budget.limit = len * MEMORY_PER_BYTE + 65536;
    w->pub.file_size = src->size;
    p.arena = &w->arena;
    p.scratch = &scratch;
    p.f = &w->pub;
    p.name = src->name;
    p.limit = src->size - 8 - len;
    p.bytes = w->bytes;
    p.n_bytes = len;
    p.keys = keys;
    p.err = err;
    if (sealed) rc = unseal(w, &p);
    if (!rc) rc = tarn_footer_parse(&p);
    if (!rc) rc = tarn_footer_crypt_check(&p);
out:
    tarn_arena_release(&scratch);
    w->pub.memory = sizeof *w + len + w->budget.used;
    if (rc)
        tarn_pq_footer_free(&w->pub);
    else
        *out = &w->pub;
    return rc;
}

struct tarn_pq_footer *tarn_pq_footer_ref(struct tarn_pq_footer *f) {
    struct footer *w = f->impl;
    atomic_fetch_add_explicit(&w->refs, 1, memory_order_relaxed);
    return f;
}

void tarn_pq_footer_free(struct tarn_pq_footer *f) {
    struct footer *w = f ? f->impl : NULL;
    if (!w || atomic_fetch_sub_explicit(&w->refs, 1, memory_order_acq_rel) != 1) return;
    tarn_arena_release(&w->arena);
    tarn_free(w->bytes);
    tarn_pq_keys_free(w->keys);
    tarn_free(w);
}

int tarn_pq_footer_column(const struct tarn_pq_footer *f, const char *path) {
    for (int i = 0; i < f->n_columns; i++)
        if (strcmp(f->columns[i].path, path) == 0) return i;
    return -1;
}

const char *tarn_pq_footer_kv(const struct tarn_pq_footer *f, const char *key) {
    for (int i = 0; i < f->n_kv; i++)
        if (strcmp(f->kv[i].key, key) == 0) return f->kv[i].value;
    return NULL;
}
