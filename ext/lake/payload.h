/* payload.h: what a commit carries, record after record: events and changes of rows in line, or spool
** files that hold those of a large transaction. Events come first.
**
**   'E' …                                   an event (event.h)
**   'S' | varint length of what follows | varint, file name | varint, root ("events/", "ns/x/tail/")
**       | i64 hour (its first ms) | varint rows | i64 first ts | i64 last ts | varint bytes
**   'T' | varint number | varint length | body          a collection, before its first change here; its
**                                                       number counts from 0 in this payload
**   'R' | varint number | varint length | body          a change in it
**   'F' | varint length of what follows | file name | varint bytes | varint collections
**       | per collection: varint, name | varint changes | 32 bytes digest
**       a file of 'T' and 'R' records, when there are too many to be in line
**   'B' | varint length of what follows | file name | varint bytes | varint rows
**       | varint, collection's name | 32 bytes digest
**       a file of one 'T' and 'R' records: what a collection held when it began
**
** A collection's name is "{namespace}/{collection}", each percent-encoded; a body of a 'T' begins with
** varint, name. What else bodies hold is ext/cdc's (record.h). A digest of changes is the SHA-256 of
** their "varint length | body", one after the other.
*/
#ifndef TARN_PAYLOAD_H
#define TARN_PAYLOAD_H

#include "event.h"

#define TARN_SPOOL_NAME 34     /* 26 letters and ".parquet" or ".changes" */
#define TARN_NAME_ROOT_MAX 400 /* bytes of a root, NUL included */

struct tarn_spool_file { /* a finished Parquet file of one partition, beside the database */
    char name[TARN_SPOOL_NAME + 1];
    struct tarn_slice root;
    int64_t hour;
    uint64_t rows;
    int64_t min_ts, max_ts;
    uint64_t bytes;
};

/* What one collection has in a commit. */
struct tarn_change_summary {
    struct tarn_slice name;
    uint64_t rows;
    const uint8_t *digest; /* 32 bytes */
};

struct tarn_change_file { /* 'F' and 'B' */
    char name[TARN_SPOOL_NAME + 1];
    uint64_t bytes;
    struct tarn_change_summary base; /* of a 'B' */
    uint64_t n_collections;          /* of an 'F': tarn_payload_summary reads them one by one */
    struct tarn_cursor collections;
};

struct tarn_record {
    char kind; /* 'E', 'S', 'T', 'R', 'F' or 'B' */
    struct tarn_event event;
    struct tarn_spool_file spool;
    uint32_t number;         /* 'T', 'R' */
    struct tarn_slice body;  /* 'T', 'R' */
    struct tarn_slice frame; /* 'R': "varint length | body", what a digest is of */
    struct tarn_change_file file;
};

void tarn_payload_spool(struct tarn_buf *b, const struct tarn_spool_file *f);
/* The name of the file, if the record has one; else NULL. */
const char *tarn_payload_file(const struct tarn_record *r);
/* The name that begins the body of a 'T'; TARN_ECORRUPT when it isn't one. */
int tarn_payload_name(struct tarn_slice body, struct tarn_slice *name, struct tarn_err *err);
/* The next collection of an 'F'. */
int tarn_payload_summary(struct tarn_cursor *collections, struct tarn_change_summary *out,
                         struct tarn_err *err);
void tarn_payload_frame(struct tarn_buf *b, char kind, uint32_t number, const uint8_t *body,
                        size_t n);
void tarn_payload_change_file(struct tarn_buf *b, const char *name, uint64_t bytes,
                              const struct tarn_change_summary *collections, size_t n);
void tarn_payload_base(struct tarn_buf *b, const char *name, uint64_t bytes,
                       const struct tarn_change_summary *base);
/* The next record of c; 0, or TARN_ECORRUPT. The caller stops at c->p == c->end. */
int tarn_payload_next(struct tarn_cursor *c, struct tarn_record *out, struct tarn_err *err);
/* Appends the root of an event's partition: `events/`, `ns/x/tail/`. */
void tarn_payload_root(struct tarn_buf *b, const struct tarn_event *ev);

#endif
