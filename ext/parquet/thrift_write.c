/* thrift_write.c: the compact protocol.
**
**   field    = header value                header = delta:4 type:4            (delta 1..15)
**                                                 | 0:4 type:4 zigzag(id)     (otherwise)
**   bool     = in the header's type        i16, i32, i64 = zigzag varint      i8 = one byte
**   binary   = varint(length) bytes        struct = field* 00
**   list     = n:4 type:4 | F:4 type:4 varint(n), then the elements
*/
#include "thrift_write.h"

#include <string.h>

void tarn_tw_init(struct tarn_tw *t, struct tarn_buf *b) {
    t->b = b;
    t->depth = 0;
    t->last[0] = 0;
}

static void header(struct tarn_tw *t, int16_t id, int type) {
    int delta = id - t->last[t->depth];

    if (delta > 0 && delta <= 15) {
        tarn_buf_u8(t->b, (uint8_t)(delta << 4 | type));
    } else {
        tarn_buf_u8(t->b, (uint8_t)type);
        tarn_buf_zigzag(t->b, id);
    }
    t->last[t->depth] = id;
}

static void push(struct tarn_tw *t) {
    if (t->depth + 1 >= TARN_TW_DEPTH) {
        t->b->rc = t->b->rc ? t->b->rc : TARN_ELIMIT;
        return;
    }
    t->last[++t->depth] = 0;
}

void tarn_tw_bool(struct tarn_tw *t, int16_t id, int v) {
    header(t, id, v ? TARN_TW_TRUE : TARN_TW_FALSE);
}

void tarn_tw_i8(struct tarn_tw *t, int16_t id, int8_t v) {
    header(t, id, TARN_TW_I8);
    tarn_buf_u8(t->b, (uint8_t)v);
}

void tarn_tw_i16(struct tarn_tw *t, int16_t id, int16_t v) {
    header(t, id, TARN_TW_I16);
    tarn_buf_zigzag(t->b, v);
}

void tarn_tw_i32(struct tarn_tw *t, int16_t id, int32_t v) {
    header(t, id, TARN_TW_I32);
    tarn_buf_zigzag(t->b, v);
}

void tarn_tw_i64(struct tarn_tw *t, int16_t id, int64_t v) {
    header(t, id, TARN_TW_I64);
    tarn_buf_zigzag(t->b, v);
}

void tarn_tw_bin(struct tarn_tw *t, int16_t id, const void *p, size_t n) {
    header(t, id, TARN_TW_BINARY);
    tarn_tw_elem_bin(t, p, n);
}

void tarn_tw_str(struct tarn_tw *t, int16_t id, const char *s) {
    tarn_tw_bin(t, id, s, strlen(s));
}

void tarn_tw_struct(struct tarn_tw *t, int16_t id) {
    header(t, id, TARN_TW_STRUCT);
    push(t);
}

void tarn_tw_empty(struct tarn_tw *t, int16_t id) {
    header(t, id, TARN_TW_STRUCT);
    tarn_buf_u8(t->b, 0);
}

void tarn_tw_end(struct tarn_tw *t) {
    tarn_buf_u8(t->b, 0);
    if (t->depth > 0) t->depth--;
}

void tarn_tw_list(struct tarn_tw *t, int16_t id, enum tarn_tw_type elem, size_t n) {
    header(t, id, TARN_TW_LIST);
    if (n < 15) {
        tarn_buf_u8(t->b, (uint8_t)(n << 4 | (unsigned)elem));
    } else {
        tarn_buf_u8(t->b, (uint8_t)(0xf0 | elem));
        tarn_buf_varint(t->b, n);
    }
}

void tarn_tw_elem_bool(struct tarn_tw *t, int v) {
    tarn_buf_u8(t->b, v ? TARN_TW_TRUE : TARN_TW_FALSE);
}

void tarn_tw_elem_i32(struct tarn_tw *t, int32_t v) {
    tarn_buf_zigzag(t->b, v);
}

void tarn_tw_elem_i64(struct tarn_tw *t, int64_t v) {
    tarn_buf_zigzag(t->b, v);
}

void tarn_tw_elem_bin(struct tarn_tw *t, const void *p, size_t n) {
    tarn_buf_varint(t->b, n);
    tarn_buf_put(t->b, p, n);
}

void tarn_tw_elem_struct(struct tarn_tw *t) {
    push(t);
}
