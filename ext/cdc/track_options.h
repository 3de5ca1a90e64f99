/* track_options.h: the options of tarn_track, a JSON object, and the names made of them. */
#ifndef TARN_CDC_TRACK_OPTIONS_H
#define TARN_CDC_TRACK_OPTIONS_H

#include "buf.h"

struct tarn_track_options {
    int track_previous; /* trackPrevious, true */
    char **left_out;    /* columns */
    size_t n_left_out;
    char *collection, *namespace_; /* NULL = not given */
};

/* `text` may be NULL or empty. An unknown key is an error that lists the known ones. */
int tarn_track_options_read(struct tarn_track_options *out, const char *text, struct tarn_err *err);
void tarn_track_options_release(struct tarn_track_options *o);
/* "namespace/collection", each percent-encoded. */
void tarn_collection_name(struct tarn_buf *b, const char *namespace_, const char *collection);
/* Can it be a folder's name? Not empty, not '.' or '..' (nor anything that begins so), at most 128 bytes,
** UTF-8 without NUL. `what` names it in the error. */
int tarn_collection_check(const char *s, const char *what, struct tarn_err *err);

#endif
