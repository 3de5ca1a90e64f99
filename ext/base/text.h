/* text.h: checks and writing of text that came from outside. */
#ifndef TARN_TEXT_H
#define TARN_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/* Offset of the first byte that is not valid UTF-8 (surrogates and > U+10FFFF are invalid), or n. */
size_t tarn_utf8_invalid(const uint8_t *s, size_t n);

/* Is every byte ASCII and none NUL? A quick yes for most text; a no says nothing about the fault. */
int tarn_text_plain(const uint8_t *s, size_t n);

/* RFC 8259, strict: 0 when `s` is one JSON value with optional white space around it, else -1 and
** *where = offset of the fault (n when the text ends too early). Nesting deeper than 1,000 is a
** fault. Iterative: no recursion, no allocation. Also checks UTF-8. Runs at memory speed over
** long strings (8 bytes at a time): it stands in the insert path of every event. */
int tarn_json_check(const uint8_t *s, size_t n, size_t *where);

/* The length, quotes included, of the JSON string literal that s begins with (its quote is there);
** 0 when it is none, and *where = offset of the fault. Checks escapes and UTF-8 as tarn_json_check. */
size_t tarn_json_string(const uint8_t *s, size_t n, size_t *where);

/* Appends a JSON string literal with its quotes; input must be UTF-8. */
void tarn_json_quote(struct tarn_buf *b, const char *s, size_t n);

/* Appends s with every byte that is not [A-Za-z0-9._-] as %XX: one segment of an object key. */
void tarn_percent_encode(struct tarn_buf *b, const char *s, size_t n);
/* The reverse; 0, or -1 on a broken escape. */
int tarn_percent_decode(struct tarn_buf *b, const char *s, size_t n);

#endif
