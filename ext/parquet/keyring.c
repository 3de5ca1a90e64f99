/* keyring.c: see keyring.h. One block of memory holds the entries and all their bytes, so that one
** wipe forgets everything.
**
**   struct tarn_pq_keys | entry * n | names and keys
**
** A lookup walks the entries: there are as many as a user writes down.
*/
#include "keyring.h"

#include <stdatomic.h>
#include <string.h>

#include <openssl/crypto.h>

#include "mem.h"

#define MAX_ENTRIES 65536
#define MAX_BYTES ((size_t)16 << 20)

struct tarn_pq_keys {
    atomic_int refs;
    size_t size; /* of this block */
    size_t n;
    struct tarn_key entries[]; /* slices of the bytes behind them */
};

static int same(struct tarn_slice a, struct tarn_slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static const char *kind_name(enum tarn_key_kind kind) {
    switch (kind) {
    case TARN_KEY_FOOTER: return "the footer key";
    case TARN_KEY_COLUMN: return "the key of column";
    case TARN_KEY_ID: return "the key with id";
    case TARN_KEY_AAD_PREFIX: return "the AAD prefix";
    default: return "plain files";
    }
}

static int check(const struct tarn_key *keys, size_t i, struct tarn_err *err) {
    const struct tarn_key *k = &keys[i];
    int named = k->kind == TARN_KEY_COLUMN || k->kind == TARN_KEY_ID;
    int is_key = named || k->kind == TARN_KEY_FOOTER;
    int shown = k->name.len < 60 ? (int)k->name.len : 60;
    const char *text = named && k->name.len ? (const char *)k->name.data : "";
    if (is_key && k->bytes.len != 16 && k->bytes.len != 24 && k->bytes.len != 32)
        return tarn_err_set(err, TARN_EINVAL, "%s%s%.*s has %zu bytes; an AES key has 16, 24 or 32",
                            kind_name(k->kind), named ? " " : "", named ? shown : 0, text,
                            k->bytes.len);
    if (k->kind == TARN_KEY_COLUMN && k->name.len == 0)
        return tarn_err_set(err, TARN_EINVAL, "a column key without the column's name");
    for (size_t j = 0; j < i; j++)
        if (keys[j].kind == k->kind && (!named || same(keys[j].name, k->name)))
            return tarn_err_set(err, TARN_EINVAL, "%s%s%.*s is given twice", kind_name(k->kind),
                                named ? " " : "", named ? shown : 0, text);
    return TARN_OK;
}

static struct tarn_slice keep(uint8_t **at, struct tarn_slice s) {
    struct tarn_slice out = {*at, s.len};
    if (s.len) memcpy(*at, s.data, s.len);
    *at += s.len;
    return out;
}

int tarn_pq_keys_new(struct tarn_pq_keys **out, const struct tarn_key *keys, size_t n,
                     struct tarn_err *err) {
    struct tarn_pq_keys *k = NULL;
    size_t size = sizeof *k + n * sizeof *keys, bytes = 0;
    uint8_t *at = NULL;
    *out = NULL;
    if (n > MAX_ENTRIES)
        return tarn_err_set(err, TARN_ELIMIT, "%zu keys; the limit is %d", n, MAX_ENTRIES);
    for (size_t i = 0; i < n; i++) {
        int rc = check(keys, i, err);
        if (rc) return rc;
        if (keys[i].name.len > MAX_BYTES || keys[i].bytes.len > MAX_BYTES)
            return tarn_err_set(err, TARN_ELIMIT, "a name or prefix of more than %zu bytes",
                                MAX_BYTES);
        bytes += keys[i].name.len + keys[i].bytes.len;
    }
    size += bytes;
    k = tarn_calloc(1, size);
    if (!k) return tarn_err_set(err, TARN_ENOMEM, "no memory for %zu keys", n);
    atomic_init(&k->refs, 1);
    k->size = size;
    k->n = n;
    at = (uint8_t *)(k->entries + n);
    for (size_t i = 0; i < n; i++) {
        k->entries[i].kind = keys[i].kind;
        k->entries[i].name = keep(&at, keys[i].name);
        k->entries[i].bytes = keep(&at, keys[i].bytes);
    }
    *out = k;
    return TARN_OK;
}

struct tarn_pq_keys *tarn_pq_keys_ref(struct tarn_pq_keys *k) {
    if (k) atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
    return k;
}

void tarn_pq_keys_free(struct tarn_pq_keys *k) {
    if (!k || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1) return;
    OPENSSL_cleanse(k, k->size);
    tarn_free(k);
}

static const struct tarn_key *find(const struct tarn_pq_keys *k, enum tarn_key_kind kind,
                                   const struct tarn_slice *name) {
    for (size_t i = 0; k && i < k->n; i++)
        if (k->entries[i].kind == kind && (!name || same(k->entries[i].name, *name)))
            return &k->entries[i];
    return NULL;
}

struct tarn_slice tarn_pq_keys_find(const struct tarn_pq_keys *k, enum tarn_key_kind kind,
                                    struct tarn_slice name) {
    const struct tarn_key *e =
        find(k, kind, kind == TARN_KEY_COLUMN || kind == TARN_KEY_ID ? &name : NULL);
    return e ? e->bytes : (struct tarn_slice){NULL, 0};
}

int tarn_pq_keys_has(const struct tarn_pq_keys *k, enum tarn_key_kind kind) {
    return find(k, kind, NULL) != NULL;
}
