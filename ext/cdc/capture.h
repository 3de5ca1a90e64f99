/* capture.h: the changes that a connection makes to tracked tables, on their way into the transaction
** buffer.
**
**   row changes ─► preupdate hook ─► (first of a transaction: _tarn_tx joins it) ─► 'T' and 'R' records
**   savepoints, xSync, xCommit, xRollback ─► _tarn_tx ─► txn.h
**
** One per connection, made when the extension is loaded, armed when its database tracks a table.
*/
#ifndef TARN_CDC_CAPTURE_H
#define TARN_CDC_CAPTURE_H

#include "conn.h"
#include "shape.h"

struct tarn_capture;

/* Gives the connection its capture (c->capture) and the two modules behind it; arms it when the
** database tracks tables. */
int tarn_capture_new(struct tarn_conn *c, struct tarn_err *err);
/* Sets the hook and reads the registry, if that is not done; TARN_EINVAL when this SQLite has no preupdate
** hook, TARN_EBUSY when somebody else uses it. */
int tarn_capture_arm(struct tarn_conn *c, struct tarn_err *err);
/* The same for the other connections of this process to the database. */
void tarn_capture_arm_others(struct tarn_conn *c);
/* Is the hook still ours? TARN_EBUSY: another user (the session extension) took it. */
int tarn_capture_check(struct tarn_conn *c, struct tarn_err *err);
/* Joins the open transaction, as a change would; the registry is read again. */
int tarn_capture_join(struct tarn_conn *c, struct tarn_err *err);
/* Adds an entry of the chain to a tracked collection: a JSON object. Inside a transaction that has been
** joined. */
int tarn_capture_entry(struct tarn_conn *c, int64_t id, const char *json, struct tarn_err *err);

/* Entries of the chain that the open transaction has so far: of all collections, or of that of this name
** ("namespace/collection"). */
uint64_t tarn_capture_entries(const struct tarn_conn *c, struct tarn_slice name, int all);

/* A collection of the registry, as this connection knows it. */
struct tarn_collection {
    int64_t id;
    char *name; /* "namespace/collection", percent-encoded */
    char *namespace_, *collection, *options;
    char *table, *sql; /* as the registry has them */
    int64_t root;
    uint64_t epoch;
    int dropped;
    int track_previous;
    char **left_out;
    size_t n_left_out;
    struct tarn_shape shape;    /* empty when dropped */
    struct tarn_buf definition; /* body of its 'T' */
    uint32_t number;            /* in the open transaction, */
    int defined;                /* once that is so */
    char *gap;                  /* why changes are missing; NULL = none are */
    int moved;                  /* the registry's row has to be written */
    sqlite3_stmt *read;         /* one row, by its rowid or key */
};

/* The collection of a table (as its name is now); NULL. Valid until the registry is read again. */
struct tarn_collection *tarn_capture_find(struct tarn_conn *c, const char *table);

#endif
