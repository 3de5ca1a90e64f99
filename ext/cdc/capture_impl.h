/* capture_impl.h: the inside of the capture, for the files capture*.c and registry.c. */
#ifndef TARN_CDC_CAPTURE_IMPL_H
#define TARN_CDC_CAPTURE_IMPL_H

#include "capture.h"
#include "preupdate.h"

/* A row that sqlite3_blob_write has changed: its new value is read before it can matter. */
struct tarn_dirty_row {
    int64_t collection; /* id */
    int64_t rowid;
    uint8_t *before; /* the old row, encoded */
    size_t len;
};

/* An entry of the chain in the open transaction. */
struct tarn_capture_entry {
    uint64_t at; /* in the changes */
    char *name;  /* of its collection */
};

/* What a connection knows of who has committed (gap.c). */
struct tarn_gap_sight {
    int known;
    unsigned version;  /* SQLITE_FCNTL_DATA_VERSION: moved by every commit */
    int64_t foreign;   /* PRAGMA data_version: by those of others */
    uint64_t sequence; /* the newest of the outbox */
    uint64_t writes;   /* writes.h */
    int64_t cookie;
    uint64_t others; /* a sum over what ANALYZE and pragmas write */
};

struct tarn_capture {
    /* The session extension takes the context of whoever had the hook before for a list of its own,
    ** and reads it; it finds nothing. */
    uint8_t zeros[1024];
    struct tarn_conn *conn;
    const struct tarn_preupdate *preupdate; /* NULL until armed */
    struct tarn_collection *collections;
    size_t n_collections;
    struct tarn_collection *near; /* the one that was found last */
    char *far;                    /* a table that is not tracked, found last */
    int joined;                   /* the open transaction knows of us */
    int busy;                     /* inside our own statements */
    int look;                     /* at the schema, before the next change */
    int looked;                   /* in this transaction the registry was read */
    int conflict; /* somebody had the hook when it was taken: he is told at each chance */
    const char
        *missed; /* why changes were made that nobody recorded: the next transaction notes a gap */
    struct tarn_gap_sight seen, found; /* at the last commit; in the open transaction */
    int64_t schema;        /* the schema cookie that the registry was read at; -1 = none */
    uint64_t sum;          /* of the whole schema, then */
    int64_t total;         /* sqlite3_total_changes at the last change */
    uint64_t *definitions; /* where the open transaction's 'T' records are, by number */
    uint32_t n_definitions, definitions_capacity;
    struct tarn_capture_entry *entries;
    size_t n_entries;
    int utf8;              /* main's encoding is UTF-8 */
    sqlite3_stmt *old_row; /* the row before this change, read; NULL = the hook's values hold */
    struct tarn_buf scratch, key;
    struct tarn_err failed; /* a change that could not be recorded, */
    uint64_t failed_at;     /* at this offset of the changes */
    struct tarn_dirty_row *dirty;
    size_t n_dirty, dirty_capacity;
    sqlite3_stmt *join, *cookie, *foreign;
};

/* registry.c: reads `_tarn_collections` and the shapes of its tables, notes what has changed about them
** as entries of the chain. */
int tarn_registry_load(struct tarn_capture *c, struct tarn_err *err);
/* In xSync: writes the rows of collections that have moved. */
int tarn_registry_save(struct tarn_capture *c, struct tarn_err *err);
/* The entry {"entry":"gap","reason":…}, unless there is one that no resync has ended yet. */
int tarn_registry_gap(struct tarn_capture *c, struct tarn_collection *t, const char *reason,
                      struct tarn_err *err);
void tarn_registry_release(struct tarn_capture *c);
int tarn_registry_exists(sqlite3 *db);

/* capture_row.c */
/* Records one call of the hook. */
void tarn_capture_row(struct tarn_capture *c, struct tarn_collection *t, int op, int64_t old_rowid,
                      int64_t new_rowid, struct tarn_err *err);
/* Adds the record in c->scratch, whose body begins at TARN_CAPTURE_HEAD; its definition first. */
#define TARN_CAPTURE_HEAD 16
int tarn_capture_add(struct tarn_capture *c, struct tarn_collection *t, struct tarn_err *err);
/* capture_blob.c */
int tarn_capture_blob(struct tarn_capture *c, struct tarn_collection *t, int64_t rowid,
                      struct tarn_err *err);
/* Records what happened to dirty rows: to all, or (t not NULL) to that one, whose old values the hook
** holds right now. */
int tarn_capture_settle(struct tarn_capture *c, struct tarn_collection *t, int64_t rowid,
                        struct tarn_err *err);
void tarn_capture_forget_dirty(struct tarn_capture *c);
/* The row with this rowid (rowid tables) or the key that the hook's old values hold: *row = 0 when there is
** none. Reset t->read afterwards. */
int tarn_capture_read(struct tarn_capture *c, struct tarn_collection *t, int64_t rowid, int *row,
                      struct tarn_err *err);
/* utf8: the database's encoding is that, and not UTF-16. */
void tarn_capture_put_value(struct tarn_buf *b, sqlite3_value *v, uint8_t affinity, int utf8);
/* The value of a column; sets *null_key where it is a NULL of the key. */
void tarn_capture_put_column(struct tarn_buf *b, sqlite3_value *v,
                             const struct tarn_shape_column *column, int utf8, int *null_key);
/* Ends the body that begins at offset `body`, a value of whose key is NULL. */
void tarn_capture_put_rowid(struct tarn_buf *b, size_t body, int64_t rowid);

/* base.c: the table's rows by the bytes of pk: columns, the rowid (or NULL), pk as a blob. */
int tarn_base_select(struct tarn_conn *c, const struct tarn_shape *s, sqlite3_stmt **out,
                     struct tarn_err *err);
/* Such a row as the body of a TARN_OP_BASE. */
void tarn_base_row(struct tarn_buf *b, const struct tarn_shape *s, sqlite3_stmt *row);

/* gap.c. When the connection is armed, inside a read transaction: */
int tarn_gap_begin(struct tarn_capture *c, int64_t cookie, struct tarn_err *err);
/* At a transaction's first look at the schema; sets c->missed. */
int tarn_gap_look(struct tarn_capture *c, int64_t cookie, struct tarn_err *err);
void tarn_gap_sync(struct tarn_capture *c);
void tarn_gap_end(struct tarn_capture *c, int committed);
/* This connection writes what is not captured. */
void tarn_gap_note(struct tarn_capture *c);

/* capture_entries.c */
int tarn_capture_note_entry(struct tarn_capture *c, const char *name, uint64_t at,
                            struct tarn_err *err);
/* Forgets those at or beyond `len`. */
void tarn_capture_cut_entries(struct tarn_capture *c, uint64_t len);

/* capture_tx.c: the modules _tarn_tx and _tarn_end. */
int tarn_capture_modules(struct tarn_capture *c, struct tarn_err *err);
void tarn_capture_finalize(struct tarn_capture *c);

#endif
