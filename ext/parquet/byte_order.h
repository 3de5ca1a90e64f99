/* byte_order.h: how values that are stored as bytes compare.
**
** Most compare byte by byte. DECIMAL is big-endian two's complement of any length, and compares as
** the number it is; what is no number that is printed (no bytes, or more than TARN_DECIMAL_BYTES
** without the sign's repetition) is above all numbers, as a BLOB is above text. INT96 is a time; one
** outside of the years 0000 to 9999 is below all others, as its text is, which begins with a sign.
*/
#ifndef TARN_BYTE_ORDER_H
#define TARN_BYTE_ORDER_H

#include "footer.h"

enum tarn_byte_order { TARN_BYTES_PLAIN, TARN_BYTES_DECIMAL, TARN_BYTES_INT96 };

/* Of a BYTE_ARRAY, FIXED or INT96 column; PLAIN for all others. */
enum tarn_byte_order tarn_byte_order(const struct tarn_pq_column *col);
/* For qsort and bsearch of struct tarn_slice. */
typedef int (*tarn_byte_compare)(const void *, const void *);
tarn_byte_compare tarn_byte_comparison(enum tarn_byte_order order);
/* Is it a decimal that is printed? */
int tarn_decimal_is_number(struct tarn_slice s);
/* Big-endian two's complement of v in n >= 8 bytes. */
void tarn_decimal_put(uint8_t *out, size_t n, int64_t v);
/* INT96 of nanoseconds since 1970. */
void tarn_int96_put(uint8_t out[12], int64_t ns);

#endif
