/* payload.h: what a commit carries, record after record: events in line, or spool files that hold
** the events of a large transaction.
**
**   'E' …                                   an event (event.h)
**   'S' | varint length of what follows | varint, file name | varint, root ("events/", "ns/x/tail/")
**       | i64 hour (its first ms) | varint rows | i64 first ts | i64 last ts | varint bytes
*/
#ifndef TARN_PAYLOAD_H
#define TARN_PAYLOAD_H

#include "event.h"

#define TARN_SPOOL_NAME 34     /* 26 letters and ".parquet" */
#define TARN_NAME_ROOT_MAX 400 /* bytes of a root, NUL included */

struct tarn_spool_file { /* a finished Parquet file of one partition, beside the database */
    char name[TARN_SPOOL_NAME + 1];
    struct tarn_slice root;
    int64_t hour;
    uint64_t rows;
    int64_t min_ts, max_ts;
    uint64_t bytes;
};

struct tarn_record {
    char kind; /* 'E' or 'S' */
    struct tarn_event event;
    struct tarn_spool_file spool;
};

void tarn_payload_spool(struct tarn_buf *b, const struct tarn_spool_file *f);
/* The next record of c; 0, or TARN_ECORRUPT. The caller stops at c->p == c->end. */
int tarn_payload_next(struct tarn_cursor *c, struct tarn_record *out, struct tarn_err *err);
/* Appends the root of an event's partition: `events/`, `ns/x/tail/`. */
void tarn_payload_root(struct tarn_buf *b, const struct tarn_event *ev);

#endif
