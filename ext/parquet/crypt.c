/* crypt.c: modules through OpenSSL's EVP. Ciphers are fetched once a process, and kept.
**
** GCM gives plain bytes before it knows whether they are genuine: they are wiped again when the tag
** proves wrong, so that nothing unproven leaves here. Failures of OpenSSL other than a wrong tag are
** those of memory.
*/
#include "crypt.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define LENGTH 4
#define SUFFIX_MAX 7
#define STEP ((size_t)4096)

static pthread_once_t once = PTHREAD_ONCE_INIT;
static EVP_CIPHER *ciphers[2][3]; /* GCM, CTR; 128, 192, 256 bits. NULL = there was no memory */

static void look_up(void) {
    static const char *const names[2][3] = {{"AES-128-GCM", "AES-192-GCM", "AES-256-GCM"},
                                            {"AES-128-CTR", "AES-192-CTR", "AES-256-CTR"}};
    for (int mode = 0; mode < 2; mode++)
        for (int bits = 0; bits < 3; bits++)
            ciphers[mode][bits] = EVP_CIPHER_fetch(NULL, names[mode][bits], NULL);
}

/* A context with the cipher and the key in it; NULL when out of memory. */
static EVP_CIPHER_CTX *new_context(int ctr, struct tarn_slice key, int encrypt) {
    EVP_CIPHER_CTX *ctx = NULL;
    EVP_CIPHER *cipher = NULL;
    (void)pthread_once(&once, look_up);
    if (key.len != 16 && key.len != 24 && key.len != 32) return NULL;
    cipher = ciphers[ctr][key.len / 8 - 2];
    ctx = cipher ? EVP_CIPHER_CTX_new() : NULL;
    if (ctx && EVP_CipherInit_ex(ctx, cipher, NULL, key.data, NULL, encrypt) == 1) return ctx;
    EVP_CIPHER_CTX_free(ctx);
    return NULL;
}

void tarn_decryptor_release(struct tarn_decryptor *d) {
    EVP_CIPHER_CTX_free(d->gcm);
    EVP_CIPHER_CTX_free(d->ctr);
    d->gcm = d->ctr = NULL;
}

static void put16(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

/* What follows prefix and file id in the AAD; its length. `c` is not looked at for the footer. */
static int suffix(enum tarn_module module, const struct tarn_chunk_crypt *c, uint32_t page,
                  uint8_t out[SUFFIX_MAX]) {
    out[0] = (uint8_t)module;
    if (module == TARN_MODULE_FOOTER) return 1;
    put16(out + 1, c->row_group);
    put16(out + 3, c->column);
    if (module != TARN_MODULE_DATA_PAGE && module != TARN_MODULE_DATA_HEADER) return 5;
    put16(out + 5, page);
    return 7;
}

/* Nonce and AAD into a context that has its key: 1 when that went well. */
static int begin(EVP_CIPHER_CTX *ctx, const uint8_t *nonce, struct tarn_slice aad,
                 const uint8_t *end, int n_end) {
    int n = 0;
    if (!ctx || aad.len > INT_MAX) return 0;
    return EVP_CipherInit_ex(ctx, NULL, NULL, NULL, nonce, -1) == 1 &&
           (aad.len == 0 || EVP_CipherUpdate(ctx, NULL, &n, aad.data, (int)aad.len) == 1) &&
           EVP_CipherUpdate(ctx, NULL, &n, end, n_end) == 1;
}

static int open_gcm(EVP_CIPHER_CTX *ctx, struct tarn_slice aad, const uint8_t *end, int n_end,
                    const uint8_t *p, size_t n, uint8_t *out, size_t *out_len, const char **why) {
    size_t text = n - TARN_CRYPT_NONCE - TARN_CRYPT_TAG;
    uint8_t tag[TARN_CRYPT_TAG];
    int m = 0;
    memcpy(tag, p + n - TARN_CRYPT_TAG, TARN_CRYPT_TAG);
    *why = "no memory to decrypt it";
    if (!begin(ctx, p, aad, end, n_end) ||
        (text && EVP_CipherUpdate(ctx, out, &m, p + TARN_CRYPT_NONCE, (int)text) != 1) ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TARN_CRYPT_TAG, tag) != 1)
        return TARN_ENOMEM;
    *why = "authentication failed";
    if (EVP_CipherFinal_ex(ctx, tag, &m) != 1) {
        OPENSSL_cleanse(out, text);
        return TARN_ECORRUPT;
    }
    *out_len = text;
    return TARN_OK;
}

static int open_ctr(EVP_CIPHER_CTX *ctx, const uint8_t *p, size_t n, uint8_t *out, size_t *out_len,
                    const char **why) {
    uint8_t iv[16] = {0};
    int m = 0;
    memcpy(iv, p, TARN_CRYPT_NONCE);
    iv[15] = 1;
    *why = "no memory to decrypt it";
    *out_len = n - TARN_CRYPT_NONCE;
    if (!ctx || EVP_CipherInit_ex(ctx, NULL, NULL, NULL, iv, -1) != 1 ||
        (*out_len && EVP_CipherUpdate(ctx, out, &m, p + TARN_CRYPT_NONCE, (int)*out_len) != 1))
        return TARN_ENOMEM;
    return TARN_OK;
}

/* The length before a module: 0 when the module can't be so long. */
static size_t module_length(const uint8_t *p, size_t n, size_t least) {
    size_t len = 0;
    if (n < LENGTH + least) return 0;
    len = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
    return len < least || len > n - LENGTH || len > INT_MAX ? 0 : len;
}

int tarn_crypt_open(struct tarn_decryptor *d, const struct tarn_chunk_crypt *c,
                    enum tarn_module module, uint32_t page, const uint8_t *p, size_t n,
                    uint8_t *out, size_t *out_len, size_t *used, const char **why) {
    int ctr =
        c->file->ctr && (module == TARN_MODULE_DATA_PAGE || module == TARN_MODULE_DICTIONARY_PAGE);
    size_t len = module_length(p, n, TARN_CRYPT_NONCE + (ctr ? 0 : TARN_CRYPT_TAG));
    uint8_t end[SUFFIX_MAX];
    *why = "an encrypted part has an impossible length";
    if (len == 0) return TARN_ECORRUPT;
    *why = "an encrypted column chunk has more pages than the format can number";
    if (page >= TARN_CRYPT_ORDINALS) return TARN_ECORRUPT;
    *used = LENGTH + len;
    if (ctr) {
        if (!d->ctr) d->ctr = new_context(1, c->key, 0);
        return open_ctr(d->ctr, p + LENGTH, len, out, out_len, why);
    }
    if (!d->gcm) d->gcm = new_context(0, c->key, 0);
    return open_gcm(d->gcm, c->file->aad, end, suffix(module, c, page, end), p + LENGTH, len, out,
                    out_len, why);
}

int tarn_crypt_open_arena(const struct tarn_chunk_crypt *c, enum tarn_module module,
                          struct tarn_slice in, struct tarn_arena *arena, struct tarn_slice *out,
                          const char **why) {
    struct tarn_decryptor d = {NULL, NULL};
    uint8_t *to = tarn_arena_alloc(arena, in.len + 1);
    size_t used = 0;
    int rc = arena->rc;
    *why = NULL;
    *out = (struct tarn_slice){to, 0};
    if (!to) return rc ? rc : TARN_ENOMEM;
    rc = tarn_crypt_open(&d, c, module, 0, in.data, in.len, to, &out->len, &used, why);
    tarn_decryptor_release(&d);
    return rc;
}

int tarn_crypt_open_footer(const struct tarn_file_crypt *f, const uint8_t *p, size_t n,
                           uint8_t *out, size_t *out_len, const char **why) {
    size_t len = module_length(p, n, TARN_CRYPT_NONCE + TARN_CRYPT_TAG);
    EVP_CIPHER_CTX *ctx = NULL;
    uint8_t end[SUFFIX_MAX];
    int rc = TARN_OK;
    *why = "a length that is not its own";
    if (len == 0 || len != n - LENGTH) return TARN_ECORRUPT;
    ctx = new_context(0, f->key, 0);
    rc = open_gcm(ctx, f->aad, end, suffix(TARN_MODULE_FOOTER, NULL, 0, end), p + LENGTH, len, out,
                  out_len, why);
    EVP_CIPHER_CTX_free(ctx);
    return rc == TARN_ECORRUPT ? TARN_EACCES : rc;
}

int tarn_crypt_verify(const struct tarn_file_crypt *f, const uint8_t *p, size_t n,
                      const uint8_t signature[TARN_CRYPT_SIGNATURE]) {
    EVP_CIPHER_CTX *ctx = new_context(0, f->key, 1);
    uint8_t end[SUFFIX_MAX], tag[TARN_CRYPT_TAG], sink[STEP + 16];
    int m = 0, rc = TARN_ENOMEM;
    int ok = begin(ctx, signature, f->aad, end, suffix(TARN_MODULE_FOOTER, NULL, 0, end));
    for (size_t at = 0; ok && at < n; at += STEP)
        ok = EVP_CipherUpdate(ctx, sink, &m, p + at, (int)(n - at < STEP ? n - at : STEP)) == 1;
    ok = ok && EVP_CipherFinal_ex(ctx, sink, &m) == 1 &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TARN_CRYPT_TAG, tag) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (ok)
        rc = CRYPTO_memcmp(tag, signature + TARN_CRYPT_NONCE, TARN_CRYPT_TAG) == 0 ? TARN_OK
                                                                                   : TARN_ECORRUPT;
    return rc;
}

const char *tarn_crypt_id_text(struct tarn_slice id, char *buf, size_t size) {
    size_t room = size - 4, shown = 0;
    int text = 1;
    for (size_t i = 0; i < id.len; i++)
        text &= id.data[i] >= 0x20 && id.data[i] < 0x7f;
    if (text) {
        shown = id.len < room ? id.len : room;
        snprintf(buf, size, "%.*s%s", (int)shown, id.len ? (const char *)id.data : "",
                 shown < id.len ? "..." : "");
        return buf;
    }
    shown = id.len < (room - 2) / 2 ? id.len : (room - 2) / 2;
    memcpy(buf, "0x", 3);
    for (size_t i = 0; i < shown; i++)
        snprintf(buf + 2 + 2 * i, 3, "%02x", id.data[i]);
    if (shown < id.len) memcpy(buf + 2 + 2 * shown, "...", 4);
    return buf;
}

int tarn_crypt_locked(const struct tarn_chunk_crypt *c, const char *file, const char *column,
                      struct tarn_err *err) {
    char id[72];
    const char *name =
        c->key_metadata.len ? tarn_crypt_id_text(c->key_metadata, id, sizeof id) : "(not named)";
    if (c->lock == TARN_LOCK_ORDINAL)
        return tarn_err_set(err, TARN_EUNSUPPORTED,
                            "%s: column %.60s is encrypted in row group %u as column %u: the "
                            "format can't number more than %d of either",
                            file, column, (unsigned)c->row_group, (unsigned)c->column,
                            TARN_CRYPT_ORDINALS);
    if (c->lock == TARN_LOCK_MISFIT)
        return tarn_err_set(err, TARN_EACCES,
                            "%s: the key given for column %.60s (key id %s) does not fit: "
                            "authentication failed",
                            file, column, name);
    return tarn_err_set(err, TARN_EACCES,
                        "%s: column %.60s is encrypted; its key is missing: give it in the option "
                        "`keys`, as %s. Key id: %s",
                        file, column,
                        c->own_key ? "`columns` (by path) or `ids` (by key id)"
                                   : "`footer`, or `ids` (by key id)",
                        name);
}
