/* decode_bytes.h: DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY; called by decode_values.c only. */
#ifndef TARN_DECODE_BYTES_H
#define TARN_DECODE_BYTES_H

#include "decode_values.h"

int tarn_bytes_init(struct tarn_values_decoder *d, struct tarn_slice body, const char **why);
int tarn_bytes_read(struct tarn_values_decoder *d, struct tarn_slice *out, uint32_t n,
                    struct tarn_arena *arena, const char **why);
int tarn_bytes_skip(struct tarn_values_decoder *d, uint32_t n, const char **why);
void tarn_bytes_release(struct tarn_values_decoder *d);

#endif
