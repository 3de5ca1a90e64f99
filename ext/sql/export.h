/* export.h: tarn_export(sql, path[, options]), split by concern:
**
**   export.c           the function: the steps in order, from the first row to the file
**   export_query.c     the statement: its rows, one value after another into batches
**   export_pipe.c      batches on their way from SQLite's thread to a second one
**   export_rows.c      a batch's values to the writer: their types, the order, the budget
**   export_options.c   the JSON object of options
**   export_type.c      a column's type: by option, by declaration, from its first values
**   export_value.c     a value in its column's type, exactly or not at all
**   export_file.c      the file that appears whole, or not at all
*/
#ifndef TARN_EXPORT_H
#define TARN_EXPORT_H

#include <pthread.h>
#include <string.h>

#include "buf.h"
#include "sqlite.h"
#include "stats_write.h"
#include "time.h"
#include "writer.h"

enum tarn_export_kind {
    TARN_EXPORT_OPEN, /* not known yet: found from values */
    TARN_EXPORT_INT64,
    TARN_EXPORT_DOUBLE,
    TARN_EXPORT_TEXT,
    TARN_EXPORT_BLOB,
    TARN_EXPORT_BOOLEAN,
    TARN_EXPORT_DATE,
    TARN_EXPORT_TIMESTAMP_MS,
    TARN_EXPORT_TIMESTAMP_US,
    TARN_EXPORT_JSON,
    TARN_EXPORT_UUID,
    TARN_EXPORT_DECIMAL
};

/* How a column came by its type. */
enum tarn_export_origin { TARN_EXPORT_BY_VALUES, TARN_EXPORT_DECLARED, TARN_EXPORT_NAMED };

struct tarn_export_column {
    char *name;     /* owned */
    char *declared; /* owned; NULL = the statement says nothing */
    enum tarn_export_kind kind;
    enum tarn_export_origin origin;
    int precision, scale; /* DECIMAL */
    unsigned flags;       /* enum tarn_column_flags */
    int sorted;           /* options.sortedBy names it */
    unsigned seen;        /* while open: 1 << SQLITE_* of the values so far */
    uint64_t first[6];    /* while open: row of the first value of each SQLITE_* */
    int inexact;          /* while open: an integer that no double equals */
    int64_t minute;       /* TIMESTAMP: µs of `prefix`, the last minute read */
    char prefix[16];      /* "YYYY-MM-DD HH:MM", if prefix[0] */
};

/* A value as SQLite gives it. Bytes are borrowed. */
struct tarn_export_value {
    int type; /* SQLITE_INTEGER … SQLITE_NULL */
    int64_t i;
    double r;
    const uint8_t *p;
    size_t n;
};

/* A value as the file holds it. */
struct tarn_export_cell {
    int64_t i;        /* BOOLEAN, INT32, INT64 */
    double r;         /* DOUBLE */
    const uint8_t *p; /* BYTE_ARRAY, FIXED; of the value, or `scratch` */
    size_t n;
    uint8_t scratch[32];
};

struct tarn_export_options {
    void *json; /* the parsed object, for what names columns */
    enum tarn_codec codec;
    int level;
    uint32_t group_rows, page_rows; /* 0 = the default */
    uint64_t group_bytes;           /* 0 = the default */
    int overwrite;
    int sort_column; /* -1 = none; known after tarn_export_options_columns */
    int sort_descending;
};

/* `text` may be NULL. Refuses unknown keys and values of the wrong kind. */
int tarn_export_options_read(struct tarn_export_options *o, const char *text, struct tarn_err *err);
/* What names columns: types, sortedBy, bloom, dictionary, statistics. */
int tarn_export_options_columns(struct tarn_export_options *o, struct tarn_export_column *columns,
                                int n, struct tarn_err *err);
void tarn_export_options_metadata(const struct tarn_export_options *o, struct tarn_pq_writer *w);
void tarn_export_options_release(struct tarn_export_options *o);

/* "INT64", "DECIMAL(10,2)" …: 0, or -1 when it is no type's name. */
int tarn_export_type_parse(struct tarn_export_column *c, const char *text);
#define TARN_EXPORT_TYPES                                                                \
    "INT64, DOUBLE, TEXT, BLOB, BOOLEAN, DATE, TIMESTAMP_MS, TIMESTAMP_US, JSON, UUID, " \
    "DECIMAL(p,s)"
/* The type that the declaration gives, if it gives one. */
void tarn_export_type_declared(struct tarn_export_column *c);
/* A value of an open column; row counts from 1. */
void tarn_export_type_see(struct tarn_export_column *c, const struct tarn_export_value *v,
                          uint64_t row);
/* Decides an open column. */
int tarn_export_type_decide(struct tarn_export_column *c, struct tarn_err *err);
const char *tarn_export_type_name(const struct tarn_export_column *c, char out[32]);
/* The column as the writer takes it; the name is borrowed. */
void tarn_export_type_spec(const struct tarn_export_column *c, struct tarn_column_spec *spec);

/* 0, or -1 when the column's type can't hold exactly this value. `v` is not NULL. */
int tarn_export_convert(struct tarn_export_column *c, const struct tarn_export_value *v,
                        struct tarn_export_cell *out);
/* The error of a value that does not fit. */
int tarn_export_misfit(const struct tarn_export_column *c, const struct tarn_export_value *v,
                       uint64_t row, struct tarn_err *err);

/* What turns raw values into the file's. One thread at a time uses it. */
struct tarn_export_rows {
    struct tarn_export_column *columns; /* borrowed */
    int n_columns;
    int sort_column, sort_descending;
    enum tarn_physical *physical;  /* of each column; borrowed */
    struct tarn_pq_writer *writer; /* borrowed */
    size_t budget, held;           /* memoryBudget; what batches take of it */
    int column;                    /* of the next value */
    int stop;                      /* the writer has an error, which its finish tells */
    uint64_t rows;                 /* whole ones */
    enum tarn_order order;         /* of the sort column */
    struct tarn_buf last;          /* its last value */
    int nulls;                     /* NULLs in it: 1 first, 2 after a value */
    int values;                    /* it had one */
};

/* A batch begins and ends with any value of a row. */
int tarn_export_rows_take(struct tarn_export_rows *r, const struct tarn_buf *batch,
                          struct tarn_err *err);

/* Values one after another: type u8 | integer, real: 8 bytes | text, blob: u32 length, bytes. */
static inline void tarn_export_batch_put(struct tarn_buf *b, const struct tarn_export_value *v) {
    int bytes = v->type == SQLITE_TEXT || v->type == SQLITE_BLOB;
    size_t need = 1 + 8 + (bytes ? v->n : 0);
    uint32_t n = (uint32_t)v->n;
    uint8_t *p = NULL;

    if (b->rc || (b->cap - b->len < need && tarn_buf_reserve(b, need))) return;
    p = b->data + b->len;
    *p++ = (uint8_t)v->type;
    if (bytes) {
        memcpy(p, &n, sizeof n);
        if (n) memcpy(p + sizeof n, v->p, n);
        p += sizeof n + n;
    } else if (v->type == SQLITE_INTEGER) {
        memcpy(p, &v->i, sizeof v->i);
        p += sizeof v->i;
    } else if (v->type == SQLITE_FLOAT) {
        memcpy(p, &v->r, sizeof v->r);
        p += sizeof v->r;
    }
    b->len = (size_t)(p - b->data);
}

/* The next value: 1, or 0 at the end. Its bytes stay valid as long as the buffer. */
static inline int tarn_export_batch_next(const struct tarn_buf *b, size_t *at,
                                         struct tarn_export_value *out) {
    const uint8_t *p = b->data + *at;
    uint32_t n = 0;

    if (*at >= b->len) return 0;
    out->type = *p++;
    switch (out->type) {
    case SQLITE_INTEGER:
        memcpy(&out->i, p, sizeof out->i);
        p += sizeof out->i;
        break;
    case SQLITE_FLOAT:
        memcpy(&out->r, p, sizeof out->r);
        p += sizeof out->r;
        break;
    case SQLITE_NULL: break;
    default:
        memcpy(&n, p, sizeof n);
        out->p = p + sizeof n;
        out->n = n;
        p += sizeof n + n;
        break;
    }
    *at = (size_t)(p - b->data);
    return 1;
}

enum { TARN_EXPORT_BATCHES = 4 };

/* Batches from the thread that fills them to the one that takes them. */
struct tarn_export_pipe {
    struct tarn_export_rows *rows; /* borrowed */
    struct tarn_buf *fill;         /* the batch being filled */
    size_t batch;                  /* bytes at which it is handed over; SIZE_MAX = not yet */
    size_t size;                   /* what `batch` is once it may be; the caller sets it */
    int background;                /* a thread may take them */
    int running;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned put, taken; /* batches; under the lock while running, like all below but `ring` */
    int ended;           /* no batch will follow */
    int stopped;         /* no batch is wanted */
    int rc;              /* of tarn_export_rows_take, sticky */
    struct tarn_err err;
    struct tarn_buf ring[TARN_EXPORT_BATCHES];
};

void tarn_export_pipe_init(struct tarn_export_pipe *p, struct tarn_export_rows *rows);
/* From now on batches are handed over: to a thread, or by this one. */
void tarn_export_pipe_open(struct tarn_export_pipe *p, int background);
/* The batch is full: the next. 1: no more is wanted, because of an error. */
int tarn_export_pipe_next(struct tarn_export_pipe *p);
/* Takes what is left, and ends the thread. The error is that of the first row that has one. */
int tarn_export_pipe_end(struct tarn_export_pipe *p, struct tarn_err *err);
void tarn_export_pipe_release(struct tarn_export_pipe *p);

/* The statement whose rows are exported. `arrived` is called after each row. */
struct tarn_export_query {
    sqlite3 *db;
    const char *sql;    /* borrowed */
    sqlite3_stmt *stmt; /* the query as it was given */
    sqlite3_stmt *fast; /* it inside another, which hands the rows over; or NULL */
    struct tarn_export_pipe *pipe;
    size_t most;  /* bytes of a value */
    size_t large; /* the size of the one that had more, in column `column` */
    int column;
    uint64_t rows; /* read */
    int stopped;   /* the pipe wants no more; its end, or the writer's finish, tells why */
    int (*arrived)(void *ctx, struct tarn_err *err);
    void *ctx;
    int rc;               /* of the run */
    struct tarn_err *err; /* while it runs */
};

int tarn_export_query_prepare(struct tarn_export_query *q, const char *sql, struct tarn_err *err);
/* The statement to ask for names and declarations, once rows have been read. */
int tarn_export_query_shape(struct tarn_export_query *q, sqlite3_stmt **out, struct tarn_err *err);
/* All rows, until the end or the first error. Where `large` or `stopped` is set it has no message. */
int tarn_export_query_run(struct tarn_export_query *q, struct tarn_err *err);
void tarn_export_query_release(struct tarn_export_query *q);
void tarn_export_row_step(sqlite3_context *ctx, int argc, sqlite3_value **argv);
void tarn_export_row_final(sqlite3_context *ctx);

struct tarn_export_file {
    int fd;     /* -1 = none */
    int folder; /* of the target */
    int named;  /* the temporary file has a name: `temporary` */
    int overwrite;
    uint64_t written, started; /* bytes; those whose way to the disk began */
    char *path;                /* owned, as the user wrote it */
    const char *base;          /* its last part */
    char temporary[40];
};

/* Refuses what is no local path, and a target that exists unless `overwrite`. */
int tarn_export_file_open(struct tarn_export_file *f, const char *path, int overwrite,
                          struct tarn_err *err);
void tarn_export_file_sink(struct tarn_export_file *f, struct tarn_sink *out);
/* The target appears, durably. */
int tarn_export_file_commit(struct tarn_export_file *f, struct tarn_err *err);
/* Without a commit nothing is left. */
void tarn_export_file_release(struct tarn_export_file *f);

#endif
