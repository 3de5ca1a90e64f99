/* bloom_read.c: header and blocks of a split-block bloom filter.
**
** A small filter is fetched with its header in one read; of a large one only the 32-byte block that
** a value belongs to. An encrypted filter is two modules, header and bits, and opens only as a whole.
*/
#include "bloom_read.h"

#include <string.h>

#include "mem.h"
#include "thrift_read.h"
#include "xxh64.h"

#define WHOLE ((size_t)64 << 10)
#define HEADER_MAX ((size_t)128)
#define FILTER_MAX (128 << 20)
#define ENCRYPTED_MAX ((size_t)4 << 20) /* larger ones are not read: they would be kept whole */

/* A union whose only known member is field 1, an empty struct. */
static int read_choice(struct tarn_thrift *t, const struct tarn_thrift_field *at) {
    struct tarn_thrift_field f = {0, 0};
    int ok = 0;
    if (!tarn_thrift_struct(t, at)) return 0;
    while (tarn_thrift_next(t, &f)) {
        ok = f.id == 1;
        tarn_thrift_skip(t, f.type);
    }
    return ok;
}

/* Bytes of the filter, or 0 when it is of a kind that is not understood. */
static uint32_t read_header(struct tarn_thrift *t) {
    struct tarn_thrift_field f = {0, 0};
    int32_t size = 0;
    int known = 0;
    while (tarn_thrift_next(t, &f)) {
        if (f.id == 1)
            size = tarn_thrift_i32(t, &f);
        else if (f.id >= 2 && f.id <= 4)
            known += read_choice(t, &f);
        else
            tarn_thrift_skip(t, f.type);
    }
    if (t->rc || known != 3 || size <= 0 || size > FILTER_MAX || size % TARN_SBBF_BLOCK) return 0;
    return (uint32_t)size;
}

/* The modules of an encrypted filter, n bytes at p. */
static int open_modules(struct tarn_bloom *b, const struct tarn_chunk_crypt *crypt,
                        const uint8_t *p, size_t n, uint8_t *plain, const char **why) {
    struct tarn_decryptor d = {NULL, NULL};
    struct tarn_thrift t;
    size_t len = 0, used = 0, head = 0;
    uint32_t size = 0;
    int rc = tarn_crypt_open(&d, crypt, TARN_MODULE_BLOOM_HEADER, 0, p, n, plain, &len, &head, why);
    if (!rc) {
        tarn_thrift_init(&t, plain, len);
        size = read_header(&t);
    }
    if (size > 0)
        rc = tarn_crypt_open(&d, crypt, TARN_MODULE_BLOOM_BITS, 0, p + head, n - head, plain, &len,
                             &used, why);
    if (!rc && size > 0 && len == size) b->n_blocks = size / TARN_SBBF_BLOCK;
    tarn_decryptor_release(&d);
    return rc;
}

/* Reads an encrypted filter. Newer writers say its size; else as much is read as one may have. */
static int open_encrypted(struct tarn_bloom *b, const struct tarn_source *src,
                          const struct tarn_pq_chunk *chunk, uint64_t *bytes_read,
                          struct tarn_err *err) {
    uint64_t left = src->size - chunk->bloom_offset;
    size_t n = chunk->bloom_size ? chunk->bloom_size : ENCRYPTED_MAX;
    const char *why = NULL;
    uint8_t *buf = NULL, *plain = NULL;
    int rc = TARN_OK;
    if (n > ENCRYPTED_MAX) return TARN_OK;
    if (n > left) n = (size_t)left;
    buf = tarn_malloc(n);
    plain = tarn_malloc(n);
    if (!buf || !plain)
        rc = tarn_err_set(err, TARN_ENOMEM, "%s: no memory for a bloom filter", src->name);
    if (!rc) rc = src->read(src->ctx, chunk->bloom_offset, buf, n, err);
    if (!rc) {
        *bytes_read += n;
        rc = open_modules(b, chunk->crypt, buf, n, plain, &why);
        if (rc == TARN_ENOMEM) tarn_err_set(err, rc, "%s: %s", src->name, why);
    }
    if (!rc && b->n_blocks) {
        b->bits = plain;
        plain = NULL;
    }
    tarn_free(buf);
    tarn_free(plain);
    return rc;
}

int tarn_bloom_open(struct tarn_bloom *b, const struct tarn_source *src,
                    const struct tarn_pq_chunk *chunk, uint64_t *bytes_read, struct tarn_err *err) {
    uint64_t left = src->size - chunk->bloom_offset;
    size_t n = HEADER_MAX, head = 0;
    uint32_t size = 0;
    struct tarn_thrift t;
    uint8_t *buf = NULL;
    int rc = TARN_OK;
    memset(b, 0, sizeof *b);
    if (chunk->bloom_offset == 0 || chunk->bloom_offset >= src->size) return TARN_OK;
    if (chunk->crypt) return open_encrypted(b, src, chunk, bytes_read, err);
    if (chunk->bloom_size > 0 && chunk->bloom_size <= WHOLE + HEADER_MAX) n = chunk->bloom_size;
    if (n > left) n = (size_t)left;
    buf = tarn_malloc(n);
    if (!buf) return tarn_err_set(err, TARN_ENOMEM, "%s: no memory for a bloom filter", src->name);
    rc = src->read(src->ctx, chunk->bloom_offset, buf, n, err);
    if (rc) goto out;
    *bytes_read += n;
    tarn_thrift_init(&t, buf, n);
    size = read_header(&t);
    head = (size_t)(t.p - buf);
    if (size == 0 || size > left - head) goto out;
    b->offset = chunk->bloom_offset + head;
    b->n_blocks = size / TARN_SBBF_BLOCK;
    if (n - head >= size) {
        memmove(buf, buf + head, size);
        b->bits = buf;
        buf = NULL;
    }
out:
    tarn_free(buf);
    return rc;
}

int tarn_bloom_check(struct tarn_bloom *b, const struct tarn_source *src, struct tarn_slice value,
                     uint64_t *bytes_read, int *maybe, struct tarn_err *err) {
    uint8_t block[TARN_SBBF_BLOCK];
    uint64_t hash = 0;
    int rc = TARN_OK;
    *maybe = 1;
    if (b->n_blocks == 0) return TARN_OK;
    hash = tarn_xxh64(value.data, value.len);
    if (b->bits) {
        *maybe = tarn_sbbf_check(b->bits, b->n_blocks, hash);
        return TARN_OK;
    }
    rc = src->read(src->ctx,
                   b->offset + (uint64_t)tarn_sbbf_block(b->n_blocks, hash) * TARN_SBBF_BLOCK,
                   block, sizeof block, err);
    if (rc) return rc;
    *bytes_read += sizeof block;
    *maybe = tarn_sbbf_block_check(block, hash);
    return TARN_OK;
}

void tarn_bloom_release(struct tarn_bloom *b) {
    tarn_free(b->bits);
    b->bits = NULL;
}
