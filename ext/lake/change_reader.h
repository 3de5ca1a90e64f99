/* change_reader.h: the changes that a commit carries, record after record, wherever they lie: in line,
** or in a file of the spool folder, of which a window is held at a time.
*/
#ifndef TARN_CHANGE_READER_H
#define TARN_CHANGE_READER_H

#include "outbox.h"
#include "payload.h"

struct tarn_change_reader {
    const char *folder;      /* borrowed */
    struct tarn_cursor line; /* what is left of the payload */
    int fd;                  /* of a file; -1 = none */
    uint64_t left;           /* bytes of it that are still to be read into the window */
    struct tarn_buf window;
    size_t at; /* in the window */
    char path[4096];
};

/* Of a commit's 'T' and 'R' records. The payload is borrowed until close. */
void tarn_change_reader_open(struct tarn_change_reader *r, const char *folder,
                             const struct tarn_commit *c);
/* Of one file. TARN_ENOTFOUND when it is gone. */
int tarn_change_reader_file(struct tarn_change_reader *r, const char *folder,
                            const struct tarn_change_file *f, struct tarn_err *err);
/* The next 'T' or 'R'; *more = 0 at the end. Its bytes are valid until the next call, those in line as
** long as the payload. TARN_ENOTFOUND when a file is gone. */
int tarn_change_reader_next(struct tarn_change_reader *r, struct tarn_record *out, int *more,
                            struct tarn_err *err);
void tarn_change_reader_close(struct tarn_change_reader *r);
/* The next 'F' or 'B' of a payload; returns 0 at its end. c begins as the whole payload. */
int tarn_change_reader_files(struct tarn_cursor *c, struct tarn_record *out, struct tarn_err *err,
                             int *rc);

#endif
