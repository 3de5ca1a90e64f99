/* footer_crypt.c: which key opens what, as the footer says; encrypted and signed footers.
**
**   PARE:  FileCryptoMetaData | length, nonce, encrypted FileMetaData, tag
**   PAR1:  FileMetaData, with encryption_algorithm | nonce, tag        (a signature, 28 bytes)
**
** In a plain footer the algorithm stands behind the row groups which need it: the first encrypted
** column lets it be looked up. The number of a row group in the AAD is its place in the footer, not
** what RowGroup.ordinal claims.
** A plain footer whose key is not there proves nothing: it may say that a column is plain which was
** encrypted. A column for which a key was given must be encrypted then.
*/
#include "footer_crypt.h"

#include <string.h>

#include "mem.h"

enum { AES_GCM_V1 = 1, AES_GCM_CTR_V1 = 2 };

struct algorithm {
    int id; /* member of the union; 0 = absent */
    int supply_prefix;
    struct tarn_slice prefix, unique;
};

static void read_algorithm(struct tarn_thrift *t, const struct tarn_thrift_field *at,
                           struct algorithm *a) {
    struct tarn_thrift_field u = {0, 0};
    if (!tarn_thrift_struct(t, at)) return;
    while (tarn_thrift_next(t, &u)) {
        struct tarn_thrift_field f = {0, 0};
        a->id = u.id;
        if (u.type != TARN_THRIFT_STRUCT) {
            tarn_thrift_skip(t, u.type);
            continue;
        }
        while (tarn_thrift_next(t, &f)) {
            switch (f.id) {
            case 1: a->prefix = tarn_thrift_binary(t, &f); break;
            case 2: a->unique = tarn_thrift_binary(t, &f); break;
            case 3: a->supply_prefix = tarn_thrift_bool(t, &f); break;
            default: tarn_thrift_skip(t, f.type);
            }
        }
    }
}

static int out_of_memory(const struct tarn_footer_parse *p) {
    return tarn_err_set(p->err, TARN_ENOMEM, "%s: no memory to decrypt the footer", p->name);
}

static int refuse(const struct tarn_footer_parse *p, const char *why) {
    return tarn_err_set(p->err, TARN_EACCES, "%s: %s", p->name, why);
}

/* The prefix that this file's modules were made with. */
static int choose_prefix(const struct tarn_footer_parse *p, const struct algorithm *a,
                         struct tarn_slice *prefix) {
    struct tarn_slice none = {NULL, 0};
    struct tarn_slice given = tarn_pq_keys_find(p->keys, TARN_KEY_AAD_PREFIX, none);
    int is_given = tarn_pq_keys_has(p->keys, TARN_KEY_AAD_PREFIX);
    *prefix = a->supply_prefix ? given : a->prefix;
    if (!p->keys) return TARN_OK;
    if (a->supply_prefix && !is_given)
        return refuse(p, "encrypted with an AAD prefix that is not in the file: give it in the "
                         "option `keys`, as `aadPrefix`");
    if (!a->supply_prefix && is_given && a->prefix.len == 0)
        return refuse(p, "an AAD prefix was given, but the file was encrypted without one: it may "
                         "be another file");
    if (!a->supply_prefix && is_given &&
        (given.len != a->prefix.len || memcmp(given.data, a->prefix.data, given.len) != 0))
        return refuse(p, "the file's AAD prefix is not the one that was given: it is another file");
    return TARN_OK;
}

/* Sets p->crypt; the key may be missing. */
static int set_up(struct tarn_footer_parse *p, const struct algorithm *a,
                  struct tarn_slice key_metadata) {
    struct tarn_file_crypt *c = tarn_arena_calloc(p->arena, 1, sizeof *c);
    struct tarn_slice prefix = {NULL, 0};
    uint8_t *aad = NULL;
    int rc = TARN_OK;
    if (a->id != AES_GCM_V1 && a->id != AES_GCM_CTR_V1)
        return tarn_err_set(p->err, TARN_EUNSUPPORTED,
                            "%s: encrypted with algorithm %d; read are 1 (AES_GCM_V1) and 2 "
                            "(AES_GCM_CTR_V1)",
                            p->name, a->id);
    rc = choose_prefix(p, a, &prefix);
    if (rc) return rc;
    aad = tarn_arena_alloc(p->arena, prefix.len + a->unique.len + 1);
    if (!c || !aad) return out_of_memory(p);
    if (prefix.len) memcpy(aad, prefix.data, prefix.len);
    if (a->unique.len) memcpy(aad + prefix.len, a->unique.data, a->unique.len);
    c->ctr = a->id == AES_GCM_CTR_V1;
    c->aad = (struct tarn_slice){aad, prefix.len + a->unique.len};
    c->key_metadata = (struct tarn_slice){
        tarn_arena_memdup(p->arena, key_metadata.data, key_metadata.len), key_metadata.len};
    if (!c->key_metadata.data) return out_of_memory(p);
    c->key = tarn_pq_keys_find(p->keys, TARN_KEY_FOOTER, key_metadata);
    if (c->key.len == 0) c->key = tarn_pq_keys_find(p->keys, TARN_KEY_ID, key_metadata);
    p->crypt = c;
    return TARN_OK;
}

int tarn_footer_unseal(struct tarn_footer_parse *p, uint8_t **out, size_t *n) {
    struct algorithm a = {0, 0, {NULL, 0}, {NULL, 0}};
    struct tarn_slice key_metadata = {NULL, 0};
    struct tarn_thrift_field f = {0, 0};
    const char *why = NULL;
    size_t head = 0;
    char id[72];
    int rc = TARN_OK;
    tarn_thrift_init(&p->t, p->bytes, p->n_bytes);
    while (tarn_thrift_next(&p->t, &f)) {
        if (f.id == 1)
            read_algorithm(&p->t, &f, &a);
        else if (f.id == 2)
            key_metadata = tarn_thrift_binary(&p->t, &f);
        else
            tarn_thrift_skip(&p->t, f.type);
    }
    if (p->t.rc || a.id == 0) return tarn_footer_fail(p, "its FileCryptoMetaData is broken");
    tarn_crypt_id_text(key_metadata, id, sizeof id);
    rc = set_up(p, &a, key_metadata);
    if (rc) return rc;
    if (p->crypt->key.len == 0)
        return tarn_err_set(p->err, TARN_EACCES,
                            "%s: the file is encrypted; give its footer key in the option `keys`, "
                            "as `footer` or in `ids`. Key id: %s",
                            p->name, key_metadata.len ? id : "(not named)");
    head = (size_t)(p->t.p - p->bytes);
    *out = tarn_malloc(p->n_bytes);
    if (!*out) return out_of_memory(p);
    rc = tarn_crypt_open_footer(p->crypt, p->bytes + head, p->n_bytes - head, *out, n, &why);
    if (rc == TARN_ECORRUPT) return tarn_footer_fail(p, "it is encrypted, with %s", why);
    if (rc == TARN_ENOMEM) return out_of_memory(p);
    if (rc)
        return tarn_err_set(p->err, rc,
                            "%s: the footer key (key id %s) does not fit: authentication failed "
                            "(wrong key or AAD prefix, or the file was changed)",
                            p->name, key_metadata.len ? id : "not named");
    p->f->crypt = TARN_FOOTER_ENCRYPTED;
    return TARN_OK;
}

int tarn_footer_signed(struct tarn_footer_parse *p) {
    struct algorithm a = {0, 0, {NULL, 0}, {NULL, 0}};
    struct tarn_slice key_metadata = {NULL, 0};
    struct tarn_thrift_field f = {0, 0};
    struct tarn_thrift t;
    size_t end = 0;
    int rc = TARN_OK;
    if (p->crypt) return TARN_OK;
    tarn_thrift_init(&t, p->bytes, p->n_bytes);
    while (tarn_thrift_next(&t, &f)) {
        if (f.id == 8)
            read_algorithm(&t, &f, &a);
        else if (f.id == 9)
            key_metadata = tarn_thrift_binary(&t, &f);
        else
            tarn_thrift_skip(&t, f.type);
    }
    if (t.rc || a.id == 0)
        return tarn_footer_fail(p, "it has encrypted columns, but names no algorithm");
    end = (size_t)(t.p - p->bytes);
    rc = set_up(p, &a, key_metadata);
    if (rc) return rc;
    p->f->crypt = TARN_FOOTER_UNVERIFIED;
    if (p->crypt->key.len == 0) return TARN_OK;
    if (p->n_bytes - end != TARN_CRYPT_SIGNATURE)
        return tarn_footer_fail(p, "no signature follows it");
    rc = tarn_crypt_verify(p->crypt, p->bytes, end, p->bytes + end);
    if (rc == TARN_ENOMEM) return out_of_memory(p);
    if (rc)
        return refuse(p, "the footer's signature does not fit: authentication failed (wrong "
                         "footer key or AAD prefix, or the footer was changed)");
    p->f->crypt = TARN_FOOTER_VERIFIED;
    return TARN_OK;
}

void tarn_column_crypto_read(struct tarn_thrift *t, const struct tarn_thrift_field *at,
                             struct tarn_column_crypto *c) {
    struct tarn_thrift_field u = {0, 0};
    c->seen = 1;
    if (!tarn_thrift_struct(t, at)) return;
    while (tarn_thrift_next(t, &u)) {
        struct tarn_thrift_field f = {0, 0};
        if (u.id != 2 || u.type != TARN_THRIFT_STRUCT) {
            tarn_thrift_skip(t, u.type);
            continue;
        }
        c->own_key = 1;
        while (tarn_thrift_next(t, &f)) {
            if (f.id == 2)
                c->key_metadata = tarn_thrift_binary(t, &f);
            else
                tarn_thrift_skip(t, f.type);
        }
    }
}

static struct tarn_slice column_key(const struct tarn_footer_parse *p,
                                    const struct tarn_column_crypto *c, const char *path) {
    struct tarn_slice name = {(const uint8_t *)path, strlen(path)};
    struct tarn_slice key = p->crypt->key;
    if (!c->own_key) return key;
    key = tarn_pq_keys_find(p->keys, TARN_KEY_COLUMN, name);
    return key.len ? key : tarn_pq_keys_find(p->keys, TARN_KEY_ID, c->key_metadata);
}

int tarn_footer_crypt_column(struct tarn_footer_parse *p, int rg,
                             const struct tarn_column_crypto *c, struct tarn_pq_chunk *chunk,
                             struct tarn_slice *meta) {
    struct tarn_chunk_crypt *k = NULL;
    struct tarn_slice id = c->key_metadata;
    const char *why = NULL;
    int rc = tarn_footer_signed(p);
    *meta = (struct tarn_slice){NULL, 0};
    if (rc) return rc;
    k = tarn_arena_calloc(p->arena, 1, sizeof *k);
    if (!k) return tarn_footer_fail(p, "no memory");
    if (!c->own_key) id = p->crypt->key_metadata;
    k->file = p->crypt;
    k->own_key = (uint8_t)c->own_key;
    k->row_group = (uint32_t)rg;
    k->column = (uint32_t)chunk->column;
    k->key = column_key(p, c, p->f->columns[chunk->column].path);
    k->key_metadata = (struct tarn_slice){tarn_arena_memdup(p->arena, id.data, id.len), id.len};
    chunk->crypt = k;
    if (k->key.len == 0) k->lock = TARN_LOCK_NO_KEY;
    if (k->row_group >= TARN_CRYPT_ORDINALS || k->column >= TARN_CRYPT_ORDINALS)
        k->lock = TARN_LOCK_ORDINAL;
    if (!k->lock && c->sealed_meta.len)
        rc =
            tarn_crypt_open_arena(k, TARN_MODULE_COLUMN_META, c->sealed_meta, p->arena, meta, &why);
    if (rc == TARN_ECORRUPT) k->lock = TARN_LOCK_MISFIT;
    chunk->encrypted = k->lock != TARN_LOCK_OPEN;
    if (chunk->encrypted) *meta = (struct tarn_slice){NULL, 0};
    return rc && rc != TARN_ECORRUPT ? tarn_footer_fail(p, "no memory") : TARN_OK;
}

int tarn_footer_crypt_check(const struct tarn_footer_parse *p) {
    const struct tarn_pq_footer *f = p->f;
    if (!p->keys) return TARN_OK;
    if (f->crypt == TARN_FOOTER_PLAIN && !tarn_pq_keys_has(p->keys, TARN_KEY_PLAIN_FILES))
        return refuse(p, "keys were given, but the file is not encrypted: it may have been "
                         "replaced; `plainFiles` in the option `keys` lets it be read");
    if (f->crypt != TARN_FOOTER_UNVERIFIED) return TARN_OK;
    for (int c = 0; c < f->n_columns; c++) {
        const char *path = f->columns[c].path;
        struct tarn_slice name = {(const uint8_t *)path, strlen(path)};
        if (tarn_pq_keys_find(p->keys, TARN_KEY_COLUMN, name).len == 0) continue;
        for (int g = 0; g < f->n_row_groups; g++)
            if (!f->row_groups[g].chunks[c].crypt)
                return tarn_err_set(p->err, TARN_EACCES,
                                    "%s: a key was given for column %.60s, which is plain in row "
                                    "group %d: give the footer key too, so that this is verified",
                                    p->name, path, g);
    }
    return TARN_OK;
}
