/* buf.h: a growable byte buffer with a mandatory maximum and a sticky error.
**
** Appends never report: the first one that fails (no memory, maximum exceeded) sets `rc`, and every
** later one is a no-op. Callers check `rc` once, at the end. Owns `data`.
*/
#ifndef TARN_BUF_H
#define TARN_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

struct tarn_buf {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t max; /* appends beyond it set rc = TARN_ELIMIT */
    int rc;     /* TARN_OK, TARN_ENOMEM or TARN_ELIMIT */
};

#define TARN_BUF_INIT(maximum) \
    { NULL, 0, 0, (maximum), TARN_OK }

void tarn_buf_init(struct tarn_buf *b, size_t max);
void tarn_buf_release(struct tarn_buf *b); /* frees; the buffer is as after init */
void tarn_buf_clear(struct tarn_buf *b);   /* empties, keeps the memory, resets rc */
int tarn_buf_reserve(struct tarn_buf *b,
                     size_t extra); /* room for `extra` more bytes; returns rc */
void tarn_buf_put(struct tarn_buf *b, const void *p, size_t n);
void tarn_buf_puts(struct tarn_buf *b, const char *s);
void tarn_buf_u8(struct tarn_buf *b, uint8_t v);
void tarn_buf_le32(struct tarn_buf *b, uint32_t v);
void tarn_buf_le64(struct tarn_buf *b, uint64_t v);
void tarn_buf_varint(struct tarn_buf *b, uint64_t v); /* ULEB128 */
void tarn_buf_zigzag(struct tarn_buf *b, int64_t v);  /* zigzag ULEB128 */
void tarn_buf_printf(struct tarn_buf *b, const char *fmt, ...) TARN_PRINTF(2, 3);
void tarn_buf_vprintf(struct tarn_buf *b, const char *fmt, va_list ap);
/* Gives the bytes away (caller frees with tarn_free), NUL-terminated beyond len; NULL if rc. */
char *tarn_buf_steal(struct tarn_buf *b, size_t *len);

/* Bounded reading of untrusted bytes: a cursor with a sticky error. Reads past `end` set rc to
** TARN_ECORRUPT, leave p at end and return zero. */
struct tarn_cursor {
    const uint8_t *p;
    const uint8_t *end;
    int rc;
};

uint8_t tarn_cursor_u8(struct tarn_cursor *c);
uint32_t tarn_cursor_le32(struct tarn_cursor *c);
uint64_t tarn_cursor_le64(struct tarn_cursor *c);
uint64_t tarn_cursor_varint(struct tarn_cursor *c); /* more than 10 bytes is an error */
int64_t tarn_cursor_zigzag(struct tarn_cursor *c);
const uint8_t *tarn_cursor_bytes(struct tarn_cursor *c, size_t n); /* NULL past the end */

#endif
