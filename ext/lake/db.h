/* db.h: what the connections of this process share about one database file: the commits that wait
** for the lake, how far delivery has come, and the thread that delivers.
**
**   connection ─ xCommit ─► queue ─► flusher thread ─► flush log, objects ─► collected
**   outbox ─ refill (first use, overflow, other processes' commits) ─┘
**
** The queue holds copies of what the outbox holds durably, so that delivery needs no connection;
** a database without a file has the queue only. `mutex` guards every field; `flushing` is held by
** whoever delivers, and is taken first.
*/
#ifndef TARN_DB_H
#define TARN_DB_H

#include <pthread.h>

#include "lake.h"
#include "outbox.h"

#define TARN_QUEUE_BYTES ((size_t)16 << 20)

struct tarn_db {
    struct tarn_db *next; /* registry */
    int references;
    int pid;
    pthread_mutex_t mutex;
    pthread_mutex_t flushing;
    pthread_cond_t changed;
    char *path;  /* of the database file; NULL = none */
    char *spool; /* folder of spool files */
    char id[17];
    char name[128];
    int has_outbox; /* id and name are those of the file */

    struct tarn_position position;
    int forked; /* timeline is new: its entry 1, still to be written, names the parent */
    uint32_t parent;
    uint64_t parent_sequence;
    uint64_t limit; /* last sequence that still belongs to this timeline; UINT64_MAX = all */

    struct tarn_commit *first, *last; /* by sequence */
    size_t queue_bytes;
    uint64_t queue_events;
    int overflow;         /* the outbox holds commits that the queue doesn't */
    uint64_t memory_last; /* highest sequence of a database without a file */
    int64_t memory_time;
    uint8_t memory_digest[TARN_DIGEST];

    char *lake_uri; /* where to deliver; NULL = not known yet */
    int64_t count_threshold, time_threshold, max_buffer;
    int auto_flush;
    int64_t last_flush; /* monotonic ms */

    pthread_t thread;
    int running, stop;
    int failures;
    int64_t retry_at;
    struct tarn_err error; /* of the last delivery; code 0 = it went well */
    sqlite3 *reader;       /* the flusher's own connection: reads the outbox in WAL mode, syncs */
    uint64_t delivered;    /* events, since the process began */
};

/* The shared state of main of `db`, made at the first call; one reference more. */
int tarn_db_attach(struct tarn_db **out, sqlite3 *db, struct tarn_err *err);
/* With the last reference: the thread is stopped, a database without a file is flushed. */
void tarn_db_release(struct tarn_db *d);
int tarn_db_is_memory(const struct tarn_db *d);
/* True inside connections that Tarn opens for itself: the extension doesn't arm those. */
int tarn_db_internal(void);

/* Takes where to deliver and the thresholds. */
int tarn_db_configure(struct tarn_db *d, const char *lake_uri, int64_t count_threshold,
                      int64_t time_threshold, int64_t max_buffer, int auto_flush,
                      struct tarn_err *err);
/* Takes the identity of the file's outbox, once it is known. */
void tarn_db_identify(struct tarn_db *d, const struct tarn_outbox *view);
/* Takes over a commit (ownership too); starts the thread if it is wanted. */
void tarn_db_submit(struct tarn_db *d, struct tarn_commit *c);
/* Reads what the outbox holds and the queue doesn't, through `db`; `except` is a sequence that isn't
** committed yet (0 = none). Adopts the outbox's position where that is further. */
int tarn_db_refill(struct tarn_db *d, sqlite3 *db, uint64_t except, struct tarn_err *err);
void tarn_db_position(struct tarn_db *d, struct tarn_position *out);
/* Under `mutex`: forgets commits up to position.collected. */
void tarn_db_drop_collected(struct tarn_db *d);

#endif
