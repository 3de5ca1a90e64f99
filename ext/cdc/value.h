/* value.h: one value of a row with its storage class, in the two forms in which changes travel: a
** compact binary one (transaction buffer, outbox, digests) and JSON (the columns data and prev of
** deltas). Each form can be made of the other without loss, to the last bit.
**
** Binary: a tag byte, then
**   0 NULL      nothing
**   1 INTEGER   zigzag varint
**   2 REAL      8 bytes, the IEEE 754 bits, little-endian
**   3 TEXT      varint length, bytes
**   4 BLOB      varint length, bytes
** Each value has one binary form: a varint that is longer than need be is refused, as is a NaN.
** JSON:
**   NULL        null
**   INTEGER     its digits: 42, -9223372036854775808
**   REAL        the first of 15, 16 and 17 digits that reads back the same, without trailing zeros,
**               always with . or e: 1.0, -0.0, 1e+300; infinities {"$real":"Infinity"} and
**               {"$real":"-Infinity"} (SQLite stores no NaN: written, it is a NULL, as there)
**   TEXT        a string; NUL is \u0000; text that is not valid UTF-8 is {"$text":"hex digits"}
**   BLOB        {"$blob":"hex digits"}, lowercase
** What is none of these (true, [], a number beyond 64 bits, {"$text":…} of valid text) is refused.
** The column pk of a row, different for different keys:
**   one key column of TEXT affinity: text as it is, unless it is empty or begins with one of " [ { (or
**   is not valid UTF-8): those, and blobs, are their JSON; NULL and numbers, which would look like
**   text, a JSON array of one: [null]
**   one key column of another affinity: the value's JSON
**   several key columns: a JSON array of their values, in the order of the key
*/
#ifndef TARN_CDC_VALUE_H
#define TARN_CDC_VALUE_H

#include "arena.h"
#include "buf.h"
#include "format.h"

enum tarn_value_type {
    TARN_VALUE_NULL = 0,
    TARN_VALUE_INTEGER = 1,
    TARN_VALUE_REAL = 2,
    TARN_VALUE_TEXT = 3,
    TARN_VALUE_BLOB = 4
};

struct tarn_value {
    uint8_t type;
    int64_t integer;
    double real;
    struct tarn_slice bytes; /* TEXT and BLOB; borrowed */
};

/* Same class and same bits (-0.0 is not 0.0; every NaN is NULL). */
int tarn_value_equal(const struct tarn_value *a, const struct tarn_value *b);

/* The whole value, or (b->rc) nothing of it. */
void tarn_value_put(struct tarn_buf *b, const struct tarn_value *v);
/* n of them, back to back: quicker for a row than one by one. */
void tarn_value_put_row(struct tarn_buf *b, const struct tarn_value *v, size_t n);
/* The next value of c; its bytes point into c's. Sets c->rc on bytes that are none (v is NULL then). */
void tarn_value_take(struct tarn_cursor *c, struct tarn_value *v);
/* Passes over one. */
void tarn_value_skip(struct tarn_cursor *c);

void tarn_value_json(struct tarn_buf *b, const struct tarn_value *v);
/* Reads one JSON value (white space around it is passed over) at *at of s; text that had escapes and
** decoded blobs are kept in `arena`, other text points into s. TARN_ECORRUPT with where and why; *at is
** moved on success only. What else stands behind the value is the caller's to look at. */
int tarn_value_from_json(const uint8_t *s, size_t n, size_t *at, struct tarn_arena *arena,
                         struct tarn_value *out, struct tarn_err *err);

/* An object of names and values, in order: {"id":1,"name":"x"}; each name is a JSON string, so names
** must be UTF-8. */
void tarn_value_object(struct tarn_buf *b, const struct tarn_slice *names,
                       const struct tarn_value *values, size_t n);
/* Reads such an object, which is all of s. *names and *values have *n elements, in the arena. No name
** comes twice. */
int tarn_value_from_object(const uint8_t *s, size_t len, struct tarn_arena *arena,
                           struct tarn_slice **names, struct tarn_value **values, size_t *n,
                           struct tarn_err *err);

/* The column pk. text_affinity is of the key column, where there is one only. */
void tarn_value_key(struct tarn_buf *b, const struct tarn_value *values, size_t n,
                    int text_affinity);
/* The reverse, into values[n]. */
int tarn_value_from_key(const uint8_t *s, size_t len, size_t n, int text_affinity,
                        struct tarn_arena *arena, struct tarn_value *values, struct tarn_err *err);

#endif
