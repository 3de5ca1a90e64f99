/* output.h: an object of the lake while it is made: in memory when it is small, else in a temporary file
** of the spool folder, which the local store links instead of copying it.
*/
#ifndef TARN_CDC_OUTPUT_H
#define TARN_CDC_OUTPUT_H

#include "buf.h"
#include "source.h"
#include "store.h"

#define TARN_OUTPUT_MEMORY ((uint64_t)8 << 20)

struct tarn_output {
    struct tarn_buf memory;
    int fd; /* -1 = in memory */
    char path[4096];
    struct tarn_sink sink;
};

/* `expected`: about how many bytes will come. */
int tarn_output_open(struct tarn_output *o, const char *folder, uint64_t expected,
                     struct tarn_err *err);
/* Puts what was written; may be called again, with another condition. */
int tarn_output_put(struct tarn_output *o, struct tarn_store *store, const char *key,
                    const struct tarn_put *put, struct tarn_err *err);
void tarn_output_release(struct tarn_output *o); /* removes the file */

#endif
