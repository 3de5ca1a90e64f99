/* sha256.h: SHA-256 of a run of bytes. Why not SHA256() of libcrypto: that looks the algorithm up in its
** providers at each call, which costs more than a small commit's digest. */
#ifndef TARN_SHA256_H
#define TARN_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define TARN_SHA256 32

/* 0, or TARN_ENOMEM; then out is all zero. */
int tarn_sha256(const void *data, size_t n, uint8_t out[TARN_SHA256]);

#endif
