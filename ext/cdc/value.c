/* value.c: a value of a row in its binary form (value.h). Both ways stand where each changed row
** passes, several times over: what is short goes straight into the buffer, and out of the bytes,
** without a call.
**
** Bytes that are read may come from a stranger's database. Each value has one form only, so that a
** digest over bodies can be computed again from values: overlong varints and NaNs are no values.
*/
#include "value.h"

#include <string.h>

#define HEAD_MAX 11 /* a tag and the longest varint */

static inline uint64_t real_bits(double r) {
    uint64_t bits = 0;

    memcpy(&bits, &r, sizeof bits);
    return bits;
}

static inline int bits_are_nan(uint64_t bits) {
    return (bits & ~(UINT64_C(1) << 63)) > UINT64_C(0x7FF0000000000000);
}

/* The class that v is stored with. */
static inline int class_of(const struct tarn_value *v) {
    if (v->type == TARN_VALUE_REAL && bits_are_nan(real_bits(v->real))) return TARN_VALUE_NULL;
    return v->type;
}

int tarn_value_equal(const struct tarn_value *a, const struct tarn_value *b) {
    const int type = class_of(a);

    if (type != class_of(b)) return 0;
    switch (type) {
    case TARN_VALUE_INTEGER: return a->integer == b->integer;
    case TARN_VALUE_REAL: return real_bits(a->real) == real_bits(b->real);
    case TARN_VALUE_TEXT:
    case TARN_VALUE_BLOB:
        return a->bytes.len == b->bytes.len &&
               (a->bytes.len == 0 || memcmp(a->bytes.data, b->bytes.data, a->bytes.len) == 0);
    default: return 1;
    }
}

static inline uint8_t *write_varint(uint8_t *p, uint64_t v) {
    while (v >= 0x80) {
        *p++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *p++ = (uint8_t)v;
    return p;
}

/* Everything but the bytes of text and blobs; where it ends. */
static inline uint8_t *write_head(uint8_t *p, const struct tarn_value *v) {
    uint64_t bits = 0;

    switch (v->type) {
    case TARN_VALUE_INTEGER:
        *p++ = TARN_VALUE_INTEGER;
        return write_varint(p, ((uint64_t)v->integer << 1) ^ (v->integer < 0 ? UINT64_MAX : 0));
    case TARN_VALUE_REAL:
        bits = real_bits(v->real);
        if (bits_are_nan(bits)) break;
        *p++ = TARN_VALUE_REAL;
        for (unsigned i = 0; i < 8; i++)
            p[i] = (uint8_t)(bits >> (8 * i));
        return p + 8;
    case TARN_VALUE_TEXT:
    case TARN_VALUE_BLOB: *p++ = v->type; return write_varint(p, v->bytes.len);
    default: break;
    }
    *p++ = TARN_VALUE_NULL;
    return p;
}

static inline size_t byte_count(const struct tarn_value *v) {
    return v->type == TARN_VALUE_TEXT || v->type == TARN_VALUE_BLOB ? v->bytes.len : 0;
}

/* Room behind what b holds. */
static inline size_t room_in(const struct tarn_buf *b) {
    return b->data != NULL && b->rc == TARN_OK ? b->cap - b->len : 0;
}

/* Where there is room for HEAD_MAX bytes and the value's own. */
static inline uint8_t *write_value(uint8_t *p, const struct tarn_value *v) {
    const size_t n = byte_count(v);

    p = write_head(p, v);
    if (n > 0) memcpy(p, v->bytes.data, n);
    return p + n;
}

/* Without room to spare: exactly what is needed. */
static void put_slowly(struct tarn_buf *b, const struct tarn_value *v) {
    const size_t n = byte_count(v);
    uint8_t head[HEAD_MAX];
    const size_t len = (size_t)(write_head(head, v) - head);

    if (b->rc != TARN_OK) return;
    if (n > SIZE_MAX - HEAD_MAX) {
        b->rc = TARN_ELIMIT;
    } else if (tarn_buf_reserve(b, len + n) == TARN_OK) {
        tarn_buf_put(b, head, len);
        tarn_buf_put(b, v->bytes.data, n);
    }
}

void tarn_value_put(struct tarn_buf *b, const struct tarn_value *v) {
    const size_t room = room_in(b), n = byte_count(v);

    if (room >= HEAD_MAX && n <= room - HEAD_MAX)
        b->len = (size_t)(write_value(b->data + b->len, v) - b->data);
    else
        put_slowly(b, v);
}

void tarn_value_put_row(struct tarn_buf *b, const struct tarn_value *v, size_t n) {
    size_t i = 0;

    while (i < n) {
        uint8_t *p = b->data != NULL ? b->data + b->len : NULL;
        const uint8_t *end = p != NULL ? p + room_in(b) : NULL;

        for (; i < n; i++) {
            const size_t room = (size_t)(end - p);

            if (room < HEAD_MAX || byte_count(&v[i]) > room - HEAD_MAX) break;
            p = write_value(p, &v[i]);
        }
        if (p != NULL) b->len = (size_t)(p - b->data);
        if (i < n) put_slowly(b, &v[i++]);
    }
}

static void refuse(struct tarn_cursor *c) {
    c->rc = TARN_ECORRUPT;
    c->p = c->end;
}

static inline uint64_t take_varint(struct tarn_cursor *c) {
    uint64_t v = 0;

    if (c->p < c->end && *c->p < 0x80) return *c->p++;
    v = tarn_cursor_varint(c);
    if (c->rc == TARN_OK && c->p[-1] == 0) refuse(c); /* longer than need be */
    return v;
}

void tarn_value_take(struct tarn_cursor *c, struct tarn_value *v) {
    uint64_t n = 0;

    *v = (struct tarn_value){TARN_VALUE_NULL, 0, 0, {NULL, 0}};
    if (c->rc != TARN_OK || c->p == c->end) {
        refuse(c);
        return;
    }
    switch (*c->p++) {
    case TARN_VALUE_NULL: return;
    case TARN_VALUE_INTEGER:
        n = take_varint(c);
        v->integer = (int64_t)((n >> 1) ^ (~(n & 1) + 1));
        v->type = TARN_VALUE_INTEGER;
        break;
    case TARN_VALUE_REAL:
        n = tarn_cursor_le64(c);
        if (bits_are_nan(n)) refuse(c);
        memcpy(&v->real, &n, sizeof n);
        v->type = TARN_VALUE_REAL;
        break;
    case TARN_VALUE_TEXT:
    case TARN_VALUE_BLOB:
        v->type = c->p[-1];
        n = take_varint(c);
        if (n > (uint64_t)(c->end - c->p)) {
            refuse(c);
            break;
        }
        v->bytes = (struct tarn_slice){c->p, (size_t)n};
        c->p += n;
        break;
    default: refuse(c);
    }
    if (c->rc != TARN_OK) *v = (struct tarn_value){TARN_VALUE_NULL, 0, 0, {NULL, 0}};
}

void tarn_value_skip(struct tarn_cursor *c) {
    struct tarn_value v;

    tarn_value_take(c, &v);
}
