/* conn.h: what Tarn knows of one SQLite connection.
**
** One per connection, made when the extension is loaded into it, destroyed by SQLite with the
** connection's modules. Everything here is used under the connection's own mutex; what several
** connections of a process share about one database file is `struct tarn_db` (db.h).
*/
#ifndef TARN_CONN_H
#define TARN_CONN_H

#include "event.h"
#include "lake.h"
#include "settings.h"

struct tarn_txn;
struct tarn_db;
struct tarn_pq_keys;
struct tarn_scan_stats;
struct tarn_commit;

struct tarn_conn {
    struct tarn_conn *next; /* conns.h */
    sqlite3 *db;
    struct tarn_settings settings; /* current: call tarn_conn_refresh first */
    struct tarn_txn *txn;          /* what the open transaction has to deliver */
    struct tarn_db *shared;        /* owned reference; NULL until the first use */
    struct tarn_lake *lake;        /* owned reference; NULL until resolved */
    char *lake_from;               /* owned; the URI that `lake` was opened with */
    char *opened;              /* owned; the URI given to tarn_open in this connection, or NULL */
    int loaded;                /* settings were read, */
    unsigned settings_version; /* at this data version; */
    int unsettled;             /* the open transaction, or the last one, has changed them */
    struct tarn_err last;      /* the last background error that a user should see, */
    struct tarn_err told;      /* as tarn_errmsg has told it */
    int references;            /* modules and functions that hold it */
    void (*on_stats)(void *arg, const struct tarn_scan_stats *stats); /* tarn_explain listens */
    void *on_stats_arg;
    struct tarn_pq_keys *parquet_keys; /* owned reference: tarn_parquet_keys's; NULL = none */
    struct tarn_capture *capture;      /* of changes of tracked tables (ext/cdc), which frees it */
    /* Listens to commits that have changes, when they are made; their buffer (txn) is still there. */
    void (*on_commit)(void *arg, struct tarn_conn *c, const struct tarn_commit *commit);
    void *on_commit_arg;
    void (*on_commit_free)(void *arg);
    int exporting; /* tarn_export is running: it does not nest */
};

/* Makes it (one reference). Nothing on disk is touched. */
int tarn_conn_new(struct tarn_conn **out, sqlite3 *db);
void tarn_conn_ref(struct tarn_conn *c);
/* Drops one reference; with the last one: the flusher of this connection's database stops, databases without a
** file are flushed, all is freed. The form is that of SQLite's destructors. */
void tarn_conn_unref(void *conn);

/* Called when the extension is loaded: if the database has undelivered commits of an earlier
** process, their delivery begins. Never fails; what goes wrong is in c->last. */
void tarn_conn_arm(struct tarn_conn *c);
/* Makes c->shared, and reads the outbox into it once. */
int tarn_conn_attach(struct tarn_conn *c, struct tarn_err *err);
/* Before a write: settings, shared state and the lake's URI are in force. No I/O in the lake. */
int tarn_conn_prepare_write(struct tarn_conn *c, struct tarn_err *err);
/* Hands `uri` (NULL: as it is) and the flush settings to the shared state. TARN_EBUSY when rows wait
** for another lake. */
int tarn_conn_configure(struct tarn_conn *c, const char *uri, struct tarn_err *err);

/* Reads the settings again if another connection may have changed them. */
int tarn_conn_refresh(struct tarn_conn *c, struct tarn_err *err);
/* Sets a setting: checks, takes it, stores it in the database unless that is read-only. */
int tarn_conn_set(struct tarn_conn *c, int setting, const char *value, struct tarn_err *err);
/* Opens `uri` as this connection's lake (makes a missing folder) and remembers it in the database.
** EVENTS_BUCKET, PIPELINE_BUCKET, BENCHMARK_BUCKET stand for what those variables say. Refused while
** rows for another lake are pending. */
int tarn_conn_open(struct tarn_conn *c, const char *uri, struct tarn_err *err);
/* The lake: tarn_open's, TARN_LAKE's, the database's stored one (if trusted, DESIGN section 9), or
** {database file}-lake. Borrowed. With create = 0, *out = NULL when the folder is not there yet. */
int tarn_conn_lake(struct tarn_conn *c, int create, struct tarn_lake **out, struct tarn_err *err);
/* Does ~/.config/tarn/trusted list this URI? */
int tarn_conn_listed(const char *uri);
/* Delivers everything that was committed; *events = how many events went out (may be NULL). */
int tarn_conn_flush(struct tarn_conn *c, int64_t *events, struct tarn_err *err);

#endif
