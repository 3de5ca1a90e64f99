/* buf.c: the growable buffer, and the cursor that reads untrusted bytes.
**
**   data  [ len bytes used | free up to cap | 1 byte for a NUL ]      len <= cap <= max
**
** Invariants: memory is always one byte larger than cap, so that printf and steal can end in NUL;
** an append that fails changes nothing but rc; a cursor never moves past its end.
*/
#include "buf.h"

#include <stdio.h>
#include <string.h>

#include "mem.h"

#define SMALLEST 64

void tarn_buf_init(struct tarn_buf *b, size_t max) {
    *b = (struct tarn_buf)TARN_BUF_INIT(max);
}

void tarn_buf_release(struct tarn_buf *b) {
    tarn_free(b->data);
    tarn_buf_init(b, b->max);
}

void tarn_buf_clear(struct tarn_buf *b) {
    b->len = 0;
    b->rc = TARN_OK;
}

static int grow(struct tarn_buf *b, size_t extra) {
    size_t cap = 0;
    uint8_t *data = NULL;

    if (extra > b->max - b->len || b->len + extra == SIZE_MAX) return b->rc = TARN_ELIMIT;
    cap = b->cap > b->max / 2 ? b->max : b->cap * 2;
    if (cap < SMALLEST) cap = b->max < SMALLEST ? b->max : SMALLEST;
    if (cap < b->len + extra || cap == SIZE_MAX) cap = b->len + extra;
    data = tarn_realloc(b->data, cap + 1);
    if (data == NULL) return b->rc = TARN_ENOMEM;
    b->data = data;
    b->cap = cap;
    return TARN_OK;
}

int tarn_buf_reserve(struct tarn_buf *b, size_t extra) {
    if (b->rc != TARN_OK) return b->rc;
    if (b->data != NULL && extra <= b->cap - b->len) return TARN_OK;
    return grow(b, extra);
}

void tarn_buf_put(struct tarn_buf *b, const void *p, size_t n) {
    if (n == 0 || tarn_buf_reserve(b, n) != TARN_OK) return;
    memcpy(b->data + b->len, p, n);
    b->len += n;
}

void tarn_buf_puts(struct tarn_buf *b, const char *s) {
    tarn_buf_put(b, s, strlen(s));
}

void tarn_buf_u8(struct tarn_buf *b, uint8_t v) {
    if (tarn_buf_reserve(b, 1) == TARN_OK) b->data[b->len++] = v;
}

void tarn_buf_le32(struct tarn_buf *b, uint32_t v) {
    const uint8_t bytes[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16),
                              (uint8_t)(v >> 24)};

    tarn_buf_put(b, bytes, sizeof bytes);
}

void tarn_buf_le64(struct tarn_buf *b, uint64_t v) {
    uint8_t bytes[8];

    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(v >> (8 * i));
    tarn_buf_put(b, bytes, sizeof bytes);
}

void tarn_buf_varint(struct tarn_buf *b, uint64_t v) {
    uint8_t bytes[10];
    size_t n = 0;

    while (v >= 0x80) {
        bytes[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    bytes[n++] = (uint8_t)v;
    tarn_buf_put(b, bytes, n);
}

void tarn_buf_zigzag(struct tarn_buf *b, int64_t v) {
    tarn_buf_varint(b, ((uint64_t)v << 1) ^ (v < 0 ? UINT64_MAX : 0));
}

void tarn_buf_printf(struct tarn_buf *b, const char *fmt, ...) {
    va_list ap;

    va_start(ap, fmt);
    tarn_buf_vprintf(b, fmt, ap);
    va_end(ap);
}

void tarn_buf_vprintf(struct tarn_buf *b, const char *fmt, va_list ap) {
    va_list again;
    int n = 0;

    if (tarn_buf_reserve(b, 0) != TARN_OK) return;
    va_copy(again, ap);
    n = vsnprintf((char *)b->data + b->len, b->cap - b->len + 1, fmt, ap);
    if (n < 0)
        b->rc = TARN_ELIMIT;
    else if ((size_t)n > b->cap - b->len && grow(b, (size_t)n) == TARN_OK)
        (void)vsnprintf((char *)b->data + b->len, b->cap - b->len + 1, fmt, again);
    if (b->rc == TARN_OK) b->len += (size_t)n;
    va_end(again);
}

char *tarn_buf_steal(struct tarn_buf *b, size_t *len) {
    char *bytes = NULL;

    if (len != NULL) *len = 0;
    if (tarn_buf_reserve(b, 0) != TARN_OK) return NULL;
    bytes = (char *)b->data;
    bytes[b->len] = '\0';
    if (len != NULL) *len = b->len;
    tarn_buf_init(b, b->max);
    return bytes;
}

static void fail(struct tarn_cursor *c) {
    c->rc = TARN_ECORRUPT;
    c->p = c->end;
}

const uint8_t *tarn_cursor_bytes(struct tarn_cursor *c, size_t n) {
    const uint8_t *p = c->p;

    if (c->rc != TARN_OK || n > (size_t)(c->end - p)) {
        fail(c);
        return NULL;
    }
    c->p = p + n;
    return p;
}

uint8_t tarn_cursor_u8(struct tarn_cursor *c) {
    const uint8_t *p = tarn_cursor_bytes(c, 1);

    return p != NULL ? *p : 0;
}

uint32_t tarn_cursor_le32(struct tarn_cursor *c) {
    const uint8_t *p = tarn_cursor_bytes(c, 4);

    if (p == NULL) return 0;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint64_t tarn_cursor_le64(struct tarn_cursor *c) {
    const uint8_t *p = tarn_cursor_bytes(c, 8);
    uint64_t v = 0;

    if (p == NULL) return 0;
    for (unsigned i = 0; i < 8; i++)
        v |= (uint64_t)p[i] << (8 * i);
    return v;
}

uint64_t tarn_cursor_varint(struct tarn_cursor *c) {
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 70 && c->rc == TARN_OK && c->p < c->end; shift += 7) {
        uint8_t byte = *c->p++;

        if (shift == 63 && byte > 1) break;
        v |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) return v;
    }
    fail(c);
    return 0;
}

int64_t tarn_cursor_zigzag(struct tarn_cursor *c) {
    uint64_t v = tarn_cursor_varint(c);

    return (int64_t)((v >> 1) ^ (~(v & 1) + 1));
}
