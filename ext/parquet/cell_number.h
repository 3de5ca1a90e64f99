/* cell_number.h: numbers as decimal text and back, exactly, whatever the process's locale is.
*/
#ifndef TARN_CELL_NUMBER_H
#define TARN_CELL_NUMBER_H

#include "cell.h"

#define TARN_DECIMAL_BYTES 64 /* widest decimal that is printed, sign extension not counted */
#define TARN_DECIMAL_SCALE 200

/* Each writes text and a NUL, and gives the text's length. Integers take 21 bytes at most. */
size_t tarn_print_int(char *out, int64_t v);
size_t tarn_print_uint(char *out, uint64_t v);
/* Shortest: the first of the usual precisions that reads back as the same number, with ".0" when it
** is whole, as in SQLite. `NaN`, `Infinity`, `-Infinity`. `narrow`: a FLOAT's precision. */
size_t tarn_print_double(char out[TARN_CELL_TEXT], double r, int narrow);
/* The same text by printf and strtod alone: what the former takes for numbers of unusual size. */
size_t tarn_print_double_plain(char out[TARN_CELL_TEXT], double r, int narrow);
/* v * 10^-scale, with exactly `scale` digits after the point; `5e3` or `5e-201` when the scale is
** negative or above TARN_DECIMAL_SCALE. */
size_t tarn_print_decimal(char out[TARN_CELL_TEXT], int64_t v, int scale);
/* The same of a big-endian two's complement number; 0 when it has no bytes, or more than
** TARN_DECIMAL_BYTES. */
size_t tarn_print_decimal_bytes(char out[TARN_CELL_TEXT], const struct tarn_slice *s, int scale);

/* strtod of text that is shorter than TARN_CELL_TEXT. */
double tarn_parse_double(const char *s);

#endif
