/* thrift_read.h: reading Thrift's compact protocol from untrusted bytes.
**
** Source: apache/thrift doc/specs/thrift-compact-protocol.md. A reader has a sticky error: the
** first read past the end, over-long number, wrong type or impossible list size sets rc to
** TARN_ECORRUPT, and everything after yields zero. Loops of the form
**
**   struct tarn_thrift_field f = {0, 0};
**   while (tarn_thrift_next(t, &f))
**       if (f.id == 1)
**           x = tarn_thrift_i64(t, &f);
**       else
**           tarn_thrift_skip(t, f.type);
**
** therefore end by themselves; rc is looked at once, afterwards. Nothing is allocated: binaries
** are slices of the input.
*/
#ifndef TARN_THRIFT_READ_H
#define TARN_THRIFT_READ_H

#include "format.h"

enum tarn_thrift_type {
    TARN_THRIFT_STOP = 0,
    TARN_THRIFT_TRUE = 1,
    TARN_THRIFT_FALSE = 2,
    TARN_THRIFT_I8 = 3,
    TARN_THRIFT_I16 = 4,
    TARN_THRIFT_I32 = 5,
    TARN_THRIFT_I64 = 6,
    TARN_THRIFT_DOUBLE = 7,
    TARN_THRIFT_BINARY = 8,
    TARN_THRIFT_LIST = 9,
    TARN_THRIFT_SET = 10,
    TARN_THRIFT_MAP = 11,
    TARN_THRIFT_STRUCT = 12,
    TARN_THRIFT_UUID = 13
};

struct tarn_thrift {
    const uint8_t *p;
    const uint8_t *end;
    int rc;         /* TARN_OK or TARN_ECORRUPT */
    uint8_t at_end; /* the fault was too few bytes: more of them might parse */
};

struct tarn_thrift_field {
    int16_t id;   /* of this field; 0 before the first */
    uint8_t type; /* enum tarn_thrift_type */
};

void tarn_thrift_init(struct tarn_thrift *t, const uint8_t *data, size_t n);
/* Steps to the next field of a struct: 1, or 0 at its end (or after an error). */
int tarn_thrift_next(struct tarn_thrift *t, struct tarn_thrift_field *f);
/* Passes over a value of that type, however nested (at most 32 levels), without recursion. */
void tarn_thrift_skip(struct tarn_thrift *t, uint8_t type);

/* The value of the field just announced; a field of another type is an error. */
int64_t tarn_thrift_i64(struct tarn_thrift *t, const struct tarn_thrift_field *f);
int32_t tarn_thrift_i32(struct tarn_thrift *t, const struct tarn_thrift_field *f);
int tarn_thrift_bool(struct tarn_thrift *t, const struct tarn_thrift_field *f);
struct tarn_slice tarn_thrift_binary(struct tarn_thrift *t, const struct tarn_thrift_field *f);
/* 1 when the field is a struct, whose fields come next. */
int tarn_thrift_struct(struct tarn_thrift *t, const struct tarn_thrift_field *f);
/* Number of elements, never more than the bytes left / `min_bytes`, of type `elem` (for lists of
** booleans either of the two boolean types counts). */
uint32_t tarn_thrift_list(struct tarn_thrift *t, const struct tarn_thrift_field *f, uint8_t elem,
                          uint32_t min_bytes);

/* Elements of a list. */
int64_t tarn_thrift_elem_int(struct tarn_thrift *t);
int tarn_thrift_elem_bool(struct tarn_thrift *t);
struct tarn_slice tarn_thrift_elem_binary(struct tarn_thrift *t);

#endif
