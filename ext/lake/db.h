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
#include <sys/types.h>

#include "lake.h"
#include "outbox.h"
#include "writes.h"

#define TARN_QUEUE_BYTES ((size_t)16 << 20)

struct tarn_db {
    struct tarn_db *next; /* registry */
    int references;
    int pid;
    pthread_mutex_t mutex;
    pthread_mutex_t flushing;
    pthread_cond_t changed;
    char *path; /* of the database file; NULL = none */
    dev_t device;
    ino_t inode; /* of that file: another one under the same path is another database */
    char *spool; /* folder of spool files */
    char id[17];
    char name[128];
    int has_outbox; /* id and name are those of the file */
    int swept;      /* spool files left behind by a crash were removed */

    struct tarn_position position;
    int forked; /* timeline is new: its entry 1, still to be written, names the parent */
    uint32_t parent;
    uint64_t parent_sequence;
    struct tarn_position settled; /* while forked: the last position that others can go on from */
    uint64_t limit; /* last sequence that still belongs to this timeline; UINT64_MAX = all */

    struct tarn_commit *first, *last; /* by sequence */
    size_t queue_bytes;
    uint64_t queue_events; /* and rows changed */
    uint64_t newest;       /* highest sequence that is known to be committed, queued or not */
    int unread;           /* the flusher can't read the outbox: the next use of a connection does */
    uint64_t memory_last; /* highest sequence of a database without a file */
    int64_t memory_time;
    uint8_t memory_digest[TARN_DIGEST];

    char *lake_uri; /* where to deliver; NULL = not known yet */
    int64_t count_threshold, time_threshold, max_buffer;
    int auto_flush;
    int64_t last_flush; /* monotonic ms */

    pthread_t thread;
    int running, stop;
    int64_t wakes_at; /* when the thread looks by itself; INT64_MAX = not before it is woken */
    int failures;
    int64_t retry_at;
    struct tarn_err error; /* of the last delivery; code 0 = it went well */
    sqlite3 *syncer;       /* the flusher's own connection, which never reads (db_sync.h) */
    uint64_t delivered;    /* events and changes, since the process began */
    struct tarn_writes writes;
};

/* The shared state of main of `db`, made at the first call; one reference more. */
int tarn_db_attach(struct tarn_db **out, sqlite3 *db, struct tarn_err *err);
/* With the last reference: the thread is stopped, a database without a file is flushed. */
void tarn_db_release(struct tarn_db *d);
int tarn_db_is_memory(const struct tarn_db *d);
/* The path of main's file; NULL when it has none on disk (in memory, temporary, deserialized). */
const char *tarn_db_file(sqlite3 *db);
/* True inside connections that Tarn opens for itself: the extension doesn't arm those. */
int tarn_db_internal(void);
/* Opens a database of Tarn's own that goes with the connection; an SQLite code. Close it in any case. */
int tarn_db_open_temporary(sqlite3 **out);

struct tarn_db_settings {
    int64_t count_threshold, time_threshold, max_buffer;
    int auto_flush;
};

/* Takes where to deliver (NULL: as it is) and the thresholds. TARN_EBUSY when commits wait for another
** lake. */
int tarn_db_configure(struct tarn_db *d, const char *lake_uri, const struct tarn_db_settings *s,
                      struct tarn_err *err);
/* Where it delivers: owned copy, NULL while that isn't known. */
int tarn_db_lake(struct tarn_db *d, char **out, struct tarn_err *err);
/* tarn_lake_open, but a lake that has been delivered to and is gone is never made anew: what it held
** would seem not to be there. */
int tarn_db_open_lake(struct tarn_db *d, const char *uri, int create, struct tarn_lake **out,
                      struct tarn_err *err);
/* Does anything wait for delivery, as far as is known without reading the outbox? *events may be NULL. */
int tarn_db_waiting(struct tarn_db *d, uint64_t *events);
/* TARN_EFULL when a database without a file can't take more. */
int tarn_db_room(struct tarn_db *d, struct tarn_err *err);
/* Must the next connection that is used read the outbox? */
int tarn_db_unread(struct tarn_db *d);
/* A copy of id and name. */
void tarn_db_identity(struct tarn_db *d, char id[17], char name[128]);
/* Takes the identity of the file's outbox, once it is known. */
void tarn_db_identify(struct tarn_db *d, const struct tarn_outbox *view);
/* Under `mutex`: does the outbox hold commits behind those of the queue? */
static inline int tarn_db_behind(const struct tarn_db *d) {
    uint64_t last = d->last ? d->last->sequence : d->position.collected;

    return d->newest > last && d->newest > d->position.collected;
}
/* Takes over a commit (ownership too); starts the thread if it is wanted. */
void tarn_db_submit(struct tarn_db *d, struct tarn_commit *c);
/* Reads what the outbox holds and the queue doesn't, through `db` and its view: 16 MiB, and at least
** up to sequence `upto`. Adopts the outbox's position where that is further. */
int tarn_db_refill(struct tarn_db *d, sqlite3 *db, struct tarn_outbox *view, uint64_t upto,
                   struct tarn_err *err);
/* Takes a position that another process has written, if it is further. */
void tarn_db_adopt(struct tarn_db *d, const struct tarn_position *position);
void tarn_db_position(struct tarn_db *d, struct tarn_position *out);
/* The position that a commit carries: of a timeline that others can find in the log. */
void tarn_db_settled(struct tarn_db *d, struct tarn_position *out);
/* Under `mutex` and with `flushing` held: forgets commits up to position.collected. */
void tarn_db_drop_collected(struct tarn_db *d);
/* Once a process, while main's write lock is held through `db`: removes spool files that no commit
** names. */
int tarn_db_sweep(struct tarn_db *d, sqlite3 *db, struct tarn_outbox *view, struct tarn_err *err);

#endif
