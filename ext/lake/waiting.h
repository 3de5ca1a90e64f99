/* waiting.h: read your writes of one collection: its changes in commits that may not be in the lake
** yet, and in this connection's open transaction.
**
**   outbox (or queue) ─ commit ─ 'T' 'R' of the collection ─► copied ─┐
**                        `────── 'F' file: opened ────────────────────┼─► unit after unit, in order
**   open transaction ─ 'T' 'R' of the collection ─► copied ───────────┘
**
** What is copied goes to a spill, so memory is bounded, and stays as it is whatever the connection
** does while it is read. Which units the lake has already is for the caller to find out, who opens
** this first and lists the lake then (pending.h says why).
*/
#ifndef TARN_WAITING_H
#define TARN_WAITING_H

#include "outbox.h"
#include "payload.h"
#include "spill.h"

struct tarn_conn;

struct tarn_waiting_unit { /* one commit that has changes of the collection */
    uint64_t sequence;     /* 0 = the open transaction, which comes last */
    int64_t time;
    uint8_t digest[TARN_DIGEST];
    uint64_t from, to;              /* of the copy, */
    char file[TARN_SPOOL_NAME + 1]; /* or "" and the spool file that holds it */
    int fd;                         /* of that file, if it was opened; -1 */
};

struct tarn_waiting {
    struct tarn_waiting_unit *units; /* by sequence */
    size_t n, capacity;
    int n_open; /* files */
    struct tarn_spill bytes;
    struct tarn_waiting_unit
        base; /* the newest base that waits: file, bytes in `to`; sequence 0 = none */
    struct tarn_position position; /* what the commits follow */
    uint32_t timeline;             /* that they will be delivered on, as far as is known */
    char id[17], name[128];        /* of the database */
    char *spool;                   /* owned; the folder of spool files */
    char *collection;              /* owned */
};

/* `collection` as definitions name it. Always makes one; w->n == 0 when nothing waits. */
int tarn_waiting_open(struct tarn_waiting **out, struct tarn_conn *conn, const char *collection,
                      struct tarn_err *err);
void tarn_waiting_free(struct tarn_waiting *w); /* NULL is fine */

/* How far delivery has come, as c and the process know, and the timeline that commits behind it will be
** delivered on. c is attached, its view of the outbox loaded. */
void tarn_waiting_position(struct tarn_conn *c, struct tarn_position *out, uint32_t *timeline);

/* Reads one unit: its 'T' and 'R' records of the collection; the number of an 'R' is that of its 'T'. */
struct tarn_waiting_reader {
    const struct tarn_waiting *waiting;
    const struct tarn_waiting_unit *unit;
    uint64_t at; /* where `chunk` goes on */
    uint64_t end;
    size_t want;
    struct tarn_cursor chunk;
    struct tarn_spill_window window;
    struct tarn_buf bytes;   /* of a file */
    struct tarn_buf numbers; /* one byte per 'T' of a file: is it the collection's? */
};

/* TARN_ENOTFOUND: the spool file is gone, so the commit has been delivered. */
int tarn_waiting_read(struct tarn_waiting_reader *r, const struct tarn_waiting *w, size_t unit,
                      struct tarn_err *err);
/* *more = 0 at the end. The record is valid until the next call. */
int tarn_waiting_next(struct tarn_waiting_reader *r, struct tarn_record *record, int *more,
                      struct tarn_err *err);
void tarn_waiting_reader_release(struct tarn_waiting_reader *r); /* a zeroed one is fine */

#endif
