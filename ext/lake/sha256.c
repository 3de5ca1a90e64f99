/* sha256.c: see sha256.h. The algorithm is looked up once a process, and kept; so are a few contexts,
** since making one costs more than a short digest does. The places they are kept in are taken and given
** back atomically: no lock that a fork() could copy.
*/
#include "sha256.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <openssl/evp.h>

#include "err.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static _Atomic(EVP_MD_CTX *) spare[4];
static EVP_MD *algorithm; /* NULL when there was no memory for it: looked up at each call then */

static void look_up(void) {
    algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
}

static EVP_MD_CTX *take(void) {
    EVP_MD_CTX *ctx = NULL;
    size_t i;

    for (i = 0; i < sizeof spare / sizeof *spare && !ctx; i++)
        ctx = atomic_exchange(&spare[i], NULL);
    return ctx ? ctx : EVP_MD_CTX_new();
}

static void give_back(EVP_MD_CTX *ctx) {
    size_t i;

    for (i = 0; i < sizeof spare / sizeof *spare && ctx; i++)
        ctx = atomic_exchange(&spare[i], ctx); /* what was there goes one place on */
    EVP_MD_CTX_free(ctx);
}

struct tarn_sha256_state *tarn_sha256_begin(void) {
    EVP_MD_CTX *ctx = NULL;

    (void)pthread_once(&once, look_up);
    ctx = take();
    if (ctx && EVP_DigestInit_ex(ctx, algorithm ? algorithm : EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(ctx);
        ctx = NULL;
    }
    return (struct tarn_sha256_state *)ctx;
}

int tarn_sha256_more(struct tarn_sha256_state *s, const void *data, size_t n) {
    EVP_MD_CTX *ctx = (EVP_MD_CTX *)s;

    return ctx && (n == 0 || EVP_DigestUpdate(ctx, data, n) == 1) ? TARN_OK : TARN_ENOMEM;
}

int tarn_sha256_end(struct tarn_sha256_state *s, uint8_t *out) {
    EVP_MD_CTX *ctx = (EVP_MD_CTX *)s;
    int ok = ctx && (!out || EVP_DigestFinal_ex(ctx, out, NULL) == 1);

    give_back(ctx);
    return ok ? TARN_OK : TARN_ENOMEM;
}

int tarn_sha256(const void *data, size_t n, uint8_t out[TARN_SHA256]) {
    struct tarn_sha256_state *s = tarn_sha256_begin();
    int rc = tarn_sha256_more(s, data, n);

    if (tarn_sha256_end(s, rc ? NULL : out)) rc = TARN_ENOMEM;
    if (rc) memset(out, 0, TARN_SHA256);
    return rc;
}
