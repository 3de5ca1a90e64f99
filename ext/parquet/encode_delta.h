/* encode_delta.h: DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY, DELTA_BYTE_ARRAY (Encodings.md).
**
** Appends to a tarn_buf; errors are the buffer's (sticky). Values are one data page's.
*/
#ifndef TARN_ENCODE_DELTA_H
#define TARN_ENCODE_DELTA_H

#include "buf.h"

void tarn_enc_delta32(struct tarn_buf *b, const int32_t *v, size_t n);
void tarn_enc_delta64(struct tarn_buf *b, const int64_t *v, size_t n);

/* `plain` holds n values as PLAIN encodes them: each a le32 length and its bytes; with `fixed` > 0
** bare bytes of that length. The writer made these bytes: they are not checked. `lengths` is
** scratch space, cleared first. */
void tarn_enc_delta_length(struct tarn_buf *b, const uint8_t *plain, size_t n, uint32_t fixed,
                           struct tarn_buf *lengths);
void tarn_enc_delta_bytes(struct tarn_buf *b, const uint8_t *plain, size_t n, uint32_t fixed,
                          struct tarn_buf *lengths);

#endif
