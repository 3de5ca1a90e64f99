/* decode_values.h: the values of one data page, in steps, whatever their encoding.
**
** A decoder yields the values that are there, densely (NULLs have none), in the types of vector.h:
** u8, i32, i64, f32, f64 or slices; for the dictionary encodings uint32_t codes. Slices point into
** the page or into the arena. A call handles thousands of values; nothing is called per value.
*/
#ifndef TARN_DECODE_VALUES_H
#define TARN_DECODE_VALUES_H

#include "arena.h"
#include "decode_delta.h"
#include "decode_rle.h"
#include "format.h"

struct tarn_bytes_state {     /* the DELTA_* encodings of byte arrays */
    struct tarn_delta prefix; /* DELTA_BYTE_ARRAY only */
    struct tarn_delta length; /* of suffixes, or of whole values */
    struct tarn_slice last;   /* value before the next one: in the page, or in `own` */
    uint8_t *own;
    size_t own_cap;
    uint64_t made; /* bytes materialised, against the cap */
};

struct tarn_values_decoder {
    enum tarn_physical physical;
    uint32_t fixed_len;
    enum tarn_encoding encoding; /* RLE_DICTIONARY for both dictionary encodings */
    const uint8_t *p;            /* next byte (PLAIN, DELTA_* byte arrays); first one (split) */
    const uint8_t *end;
    uint64_t at; /* bits (PLAIN booleans) or values (split) passed so far */
    uint64_t n;  /* values in all (split) */
    struct tarn_rle rle;
    union {
        struct tarn_delta delta;
        struct tarn_bytes_state bytes;
    } u;
};

size_t tarn_physical_size(enum tarn_physical t); /* of one element in a vector's array */

/* Zero *d before the first init; init may follow init. 0, TARN_ECORRUPT, or TARN_EUNSUPPORTED for
** an encoding that the type can't have or this build doesn't know; *why is static text. */
int tarn_values_init(struct tarn_values_decoder *d, enum tarn_physical physical, uint32_t fixed_len,
                     int encoding, struct tarn_slice body, const char **why);
/* Exactly n more values into `out`: 0, TARN_ECORRUPT when there are fewer, or the arena's error. */
int tarn_values_read(struct tarn_values_decoder *d, void *out, uint32_t n, struct tarn_arena *arena,
                     const char **why);
int tarn_values_skip(struct tarn_values_decoder *d, uint32_t n, const char **why);
void tarn_values_release(struct tarn_values_decoder *d);

#endif
