/* bookmark.h: the name of one committed transaction, as text that sorts in the order of commits:
**
**   tttttttt-ssssssssssssssss-mmmmmmmmmmmm-dddddddddddddddd
**
** lowercase hex of fixed width: timeline, commit sequence, commit time in ms (never before the
** previous one's), the first 8 bytes of the commit's digest (outbox.h).
*/
#ifndef TARN_CDC_BOOKMARK_H
#define TARN_CDC_BOOKMARK_H

#include "outbox.h"

#define TARN_BOOKMARK 55 /* characters, without a NUL */

struct tarn_bookmark {
    uint32_t timeline;
    uint64_t sequence;
    int64_t time;
    uint8_t digest[8];
};

/* Writes TARN_BOOKMARK characters and a NUL. The first 8 bytes of `digest` are used. A time before 1970
** is written as 0, one that 12 digits can't hold as the last that they can. */
void tarn_bookmark_text(char out[TARN_BOOKMARK + 1], uint32_t timeline, uint64_t sequence,
                        int64_t time, const uint8_t *digest);
/* 0, or -1: not one. */
int tarn_bookmark_parse(struct tarn_bookmark *out, const char *s, size_t n);

#endif
