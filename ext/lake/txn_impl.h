/* txn_impl.h: the inside of the transaction buffer, for txn.c, conn.c and pending.c. */
#ifndef TARN_TXN_IMPL_H
#define TARN_TXN_IMPL_H

#include "arena.h"
#include "content.h"
#include "outbox.h"
#include "spool.h"
#include "txn.h"

#define TARN_TXN_OWNERS 32
#define TARN_SPOOL_MIN ((uint64_t)256 << 10) /* more than this of either goes to spool files */
#define TARN_TXN_PLACES ((size_t)1 << 21)

struct tarn_txn_mark {
    uint64_t len;
    uint64_t events;
    uint64_t changes_len, changes;
    size_t bases_len;
};

struct tarn_txn {
    int active;
    struct tarn_spill rows; /* 'E' records */
    uint64_t events;
    struct tarn_spool_place *places; /* of the first events; see note_place() */
    size_t n_places, places_capacity;
    struct tarn_spill changes;   /* 'T' and 'R' records; its file is a spool file */
    uint64_t n_changes;          /* 'R' records */
    int changes_stored;          /* what xSync wrote names that file */
    struct tarn_content content; /* of that file, as far as it is written; */
    struct tarn_arena names;     /* what it borrows, */
    int watcher;                 /* and the process whose thread did that; 0 = none */
    struct tarn_buf bases;       /* 'B' records */
    struct tarn_txn_mark *marks;
    int n_marks, capacity;
    struct {
        void *table;
        int joined; /* since its xBegin no xSavepoint has come */
    } owners[TARN_TXN_OWNERS];
    int n_owners;
    uint64_t reserved;          /* bytes that the outbox has room for */
    struct tarn_outbox outbox;  /* this connection's view */
    struct tarn_commit *commit; /* what xSync wrote */
    int synced;                 /* commit is what the buffer says */
    struct tarn_buf record;     /* scratch */
};

/* What the outbox carries of the transaction: c->payload, events, changes, files (txn_payload.c). */
int tarn_txn_payload(struct tarn_conn *c, const char *id, struct tarn_commit *commit,
                     struct tarn_err *err);
/* The digest of changes that go to a file is made while they are written. */
void tarn_txn_watch(struct tarn_txn *t);
/* Forgets what was seen; the spill's thread is not running. */
void tarn_txn_unwatch(struct tarn_txn *t);
int tarn_txn_new(struct tarn_txn **out);
void tarn_txn_free(struct tarn_txn *t);

#endif
