/* thrift_write.h: Thrift's compact protocol, as far as Parquet's metadata needs it.
**
** Appends to a tarn_buf; errors are the buffer's (sticky). Fields must be written in rising order
** of their ids, which the format's struct definitions already have.
**
**   tarn_tw_init(&t, &buf);
**   tarn_tw_i32(&t, 1, n);            field 1: i32
**   tarn_tw_struct(&t, 2);            field 2: a struct ...
**   tarn_tw_str(&t, 1, name);
**   tarn_tw_end(&t);                  ... ends
**   tarn_tw_list(&t, 3, TARN_TW_I64, 2);
**   tarn_tw_elem_i64(&t, a);          elements, by type
**   tarn_tw_elem_i64(&t, b);
**   tarn_tw_end(&t);                  the top-level struct ends too
*/
#ifndef TARN_THRIFT_WRITE_H
#define TARN_THRIFT_WRITE_H

#include "buf.h"

enum tarn_tw_type {
    TARN_TW_TRUE = 1, /* also the element type of lists of bool */
    TARN_TW_FALSE = 2,
    TARN_TW_I8 = 3,
    TARN_TW_I16 = 4,
    TARN_TW_I32 = 5,
    TARN_TW_I64 = 6,
    TARN_TW_BINARY = 8,
    TARN_TW_LIST = 9,
    TARN_TW_STRUCT = 12
};

#define TARN_TW_DEPTH 12 /* Parquet's metadata nests 7 deep */

struct tarn_tw {
    struct tarn_buf *b;
    int16_t last[TARN_TW_DEPTH]; /* id of the last field, per open struct */
    int depth;
};

void tarn_tw_init(struct tarn_tw *t, struct tarn_buf *b); /* opens the top-level struct */
void tarn_tw_bool(struct tarn_tw *t, int16_t id, int v);
void tarn_tw_i8(struct tarn_tw *t, int16_t id, int8_t v);
void tarn_tw_i16(struct tarn_tw *t, int16_t id, int16_t v);
void tarn_tw_i32(struct tarn_tw *t, int16_t id, int32_t v);
void tarn_tw_i64(struct tarn_tw *t, int16_t id, int64_t v);
void tarn_tw_bin(struct tarn_tw *t, int16_t id, const void *p, size_t n);
void tarn_tw_str(struct tarn_tw *t, int16_t id, const char *s);
void tarn_tw_struct(struct tarn_tw *t, int16_t id);
void tarn_tw_empty(struct tarn_tw *t, int16_t id); /* a struct without fields */
void tarn_tw_end(struct tarn_tw *t);
/* n elements must follow, by these: */
void tarn_tw_list(struct tarn_tw *t, int16_t id, enum tarn_tw_type elem, size_t n);
void tarn_tw_elem_bool(struct tarn_tw *t, int v);
void tarn_tw_elem_i32(struct tarn_tw *t, int32_t v);
void tarn_tw_elem_i64(struct tarn_tw *t, int64_t v);
void tarn_tw_elem_bin(struct tarn_tw *t, const void *p, size_t n);
void tarn_tw_elem_struct(struct tarn_tw *t); /* closed by tarn_tw_end */

#endif
