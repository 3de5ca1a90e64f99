/* export.h: tarn_export(sql, path[, options]), split by concern:
**
**   export.c           the function: one statement, its rows, the steps in order
**   export_options.c   the JSON object of options
**   export_type.c      a column's type: by option, by declaration, from its first values
**   export_value.c     a value in its column's type, exactly or not at all
**   export_window.c    the first rows, kept while types are found from them
**   export_file.c      the file that appears whole, or not at all
*/
#ifndef TARN_EXPORT_H
#define TARN_EXPORT_H

#include "buf.h"
#include "sqlite.h"
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

static inline void tarn_export_value_read(sqlite3_value *v, struct tarn_export_value *out) {
    out->type = sqlite3_value_type(v);
    switch (out->type) {
    case SQLITE_INTEGER: out->i = sqlite3_value_int64(v); break;
    case SQLITE_FLOAT: out->r = sqlite3_value_double(v); break;
    case SQLITE_TEXT:
        out->p = sqlite3_value_text(v);
        out->n = (size_t)sqlite3_value_bytes(v);
        break;
    case SQLITE_BLOB:
        out->p = sqlite3_value_blob(v);
        out->n = (size_t)sqlite3_value_bytes(v);
        break;
    default: break;
    }
}
/* 0, or -1 when the column's type can't hold exactly this value. `v` is not NULL. */
int tarn_export_convert(struct tarn_export_column *c, const struct tarn_export_value *v,
                        struct tarn_export_cell *out);
/* The error of a value that does not fit. */
int tarn_export_misfit(const struct tarn_export_column *c, const struct tarn_export_value *v,
                       uint64_t row, struct tarn_err *err);

/* Rows put one after another into a buffer. */
void tarn_export_window_put(struct tarn_buf *b, const struct tarn_export_value *v);
/* The next value: 1, or 0 at the end. Its bytes stay valid as long as the buffer. */
int tarn_export_window_next(const struct tarn_buf *b, size_t *at, struct tarn_export_value *out);

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
