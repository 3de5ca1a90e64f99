/* ulid.h: sortable ids: 48 bits of time in ms, 80 bits of anything, as 26 Crockford base32 letters. */
#ifndef TARN_ULID_H
#define TARN_ULID_H

#include <stdint.h>

#define TARN_ULID_LEN 26

/* Encodes; the same input gives the same text. ms < 0 counts as 0. NUL-terminated. */
void tarn_ulid_encode(int64_t ms, const uint8_t tail[10], char out[TARN_ULID_LEN + 1]);
/* A fresh one: time `ms`, tail from the system's random source; within one process ids made in the
** same ms increase. 0 or TARN_EIO when there is no randomness. */
int tarn_ulid_new(int64_t ms, char out[TARN_ULID_LEN + 1]);
/* The time of a ULID text; -1 if `s` (26 characters) is none. */
int64_t tarn_ulid_time(const char *s);
/* n bytes from the system's random source; 0 or TARN_EIO. */
int tarn_random(void *out, unsigned n);

#endif
