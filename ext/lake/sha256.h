/* sha256.h: SHA-256 of a run of bytes. Why not SHA256() of libcrypto: that looks the algorithm up in its
** providers at each call, which costs more than a small commit's digest. */
#ifndef TARN_SHA256_H
#define TARN_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define TARN_SHA256 32

/* 0, or TARN_ENOMEM; then out is all zero. */
int tarn_sha256(const void *data, size_t n, uint8_t out[TARN_SHA256]);

/* The same, bit by bit. NULL: out of memory; the others take NULL and fail. */
struct tarn_sha256_state;
struct tarn_sha256_state *tarn_sha256_begin(void);
int tarn_sha256_more(struct tarn_sha256_state *s, const void *data, size_t n);
/* Of all that was given; frees the state (also without `out`). */
int tarn_sha256_end(struct tarn_sha256_state *s, uint8_t *out);

#endif
