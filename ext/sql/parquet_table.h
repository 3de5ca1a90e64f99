/* parquet_table.h: what the files of the virtual table `parquet` share.
**
**   parquet_table.c    the module and its cursor
**   parquet_options.c  the second argument of CREATE VIRTUAL TABLE
**   parquet_keys.c     keys of encrypted files
**   parquet_files.c    the files behind a path or pattern, their footers, values in folder names
**   parquet_columns.c  footers become the table's columns; where they are in one file
**   parquet_value.c    a cell becomes an SQL value
**   parquet_nested.c   so does the JSON of a nested column
**   parquet_scan.c     the rows, file by file
**   parquet_conditions.c, parquet_names.c, parquet_bound.c   conditions on rows and on files
**   parquet_plan.c     xBestIndex: which conditions go down
**   parquet_bind.c     a condition and its value become a predicate on one file
*/
#ifndef TARN_PARQUET_TABLE_H
#define TARN_PARQUET_TABLE_H

#include "arena.h"
#include "buf.h"
#include "conn.h"
#include "footer.h"
#include "paths.h"

struct tarn_pqt_options {
    int binary_as_text;        /* BYTE_ARRAY without a logical type is TEXT where it is UTF-8 */
    int hive;                  /* key=value folders are columns */
    int first_only;            /* the schema is the first file's */
    struct tarn_pq_keys *keys; /* owned reference; NULL = none of its own */
    int keys_inline;           /* they stand in the statement */
};

/* What SQL makes of a column. The order is that of no meaning; see tarn_pqt_declared. */
enum tarn_pqt_kind {
    TARN_PQT_NULL, /* nothing but NULLs */
    TARN_PQT_BOOL,
    TARN_PQT_INT,
    TARN_PQT_UINT, /* 64 bits, unsigned: TEXT above INT64_MAX */
    TARN_PQT_REAL,
    TARN_PQT_HALF,    /* FLOAT16 */
    TARN_PQT_DECIMAL, /* TEXT, compared by the collation tarn_decimal */
    TARN_PQT_DATE,
    TARN_PQT_TIME,
    TARN_PQT_TIMESTAMP,
    TARN_PQT_INT96,
    TARN_PQT_UUID,
    TARN_PQT_INTERVAL,
    TARN_PQT_TEXT,
    TARN_PQT_BINARY_TEXT, /* TEXT where the bytes are UTF-8, else a BLOB */
    TARN_PQT_BLOB,
    TARN_PQT_JSON, /* groups and repeated fields */
};

enum tarn_pqt_place {
    TARN_PQT_FIELD,    /* a field of the root */
    TARN_PQT_LEAF,     /* a leaf inside a group: hidden */
    TARN_PQT_FOLDER,   /* from the names of folders */
    TARN_PQT_FILENAME, /* hidden */
    TARN_PQT_FILE_ROW  /* hidden: the row's number within its file */
};

struct tarn_pqt_column {
    const char *name;   /* as SQL knows it: unique */
    const char *source; /* the field's name, the leaf's path, the folder's key */
    int nth;            /* which one of those with this source */
    enum tarn_pqt_place place;
    enum tarn_pqt_kind kind;
    int precision, scale; /* DECIMAL */
};

struct tarn_pqt_schema {
    struct tarn_pqt_column *columns;
    int n;
    int filename, file_row; /* column numbers */
    struct tarn_arena arena;
};

/* Where a column is in one file. */
struct tarn_pqt_binding {
    int node;   /* of a field or leaf; -1 = the file hasn't got it */
    int leaf;   /* that a scan reads, and that conditions narrow; -1 = read as JSON */
    int top;    /* the root's field that the node is in */
    int inner;  /* the leaf's number, of a leaf inside groups; -1 */
    int scalar; /* a leaf inside groups that doesn't repeat */
    enum tarn_pqt_kind kind;
};

struct tarn_parquet_table {
    sqlite3_vtab base;
    struct tarn_conn *conn; /* a reference */
    char *pattern;
    struct tarn_pqt_options options;
    struct tarn_pqt_schema schema;
    int utf8;     /* the database's encoding */
    int64_t rows; /* of all files, as they were when the table was connected */
    int64_t n_files;
};

/* parquet_options.c */
int tarn_pqt_options_parse(struct tarn_pqt_options *o, const char *json, struct tarn_err *err);
void tarn_pqt_options_release(struct tarn_pqt_options *o);

/* parquet_files.c: file i of the listing. The source is opened if it is asked for (may be NULL) or
** if the footer isn't cached, as one is that was read with keys; an owned reference to the footer.
** Errors name the file. */
int tarn_pqt_open_file(const struct tarn_paths *paths, size_t i, struct tarn_pq_keys *keys,
                       struct tarn_source *source, struct tarn_pq_footer **footer,
                       struct tarn_err *err);
/* The file's path as the user would write it, of sqlite3_malloc; NULL = no memory. */
char *tarn_pqt_filename(const struct tarn_paths *paths, size_t i);
/* The value of `name=value` among the folders of the file's path, decoded; *found = 0 when there is
** none, or when it is the word that Hive writes for NULL. */
int tarn_pqt_folder_value(const struct tarn_paths *paths, size_t i, const char *name,
                          struct tarn_buf *out, int *found, struct tarn_err *err);

/* parquet_columns.c */
int tarn_pqt_schema_build(struct tarn_parquet_table *t, const struct tarn_paths *paths,
                          struct tarn_err *err);
void tarn_pqt_schema_release(struct tarn_pqt_schema *s);
/* The statement for sqlite3_declare_vtab, of sqlite3_malloc; NULL = no memory. */
char *tarn_pqt_declaration(const struct tarn_pqt_schema *s);
/* Finds every column in a file: an array of s->n in the arena. NULL = no memory. */
struct tarn_pqt_binding *tarn_pqt_bind_file(const struct tarn_parquet_table *t,
                                            const struct tarn_pq_footer *f,
                                            struct tarn_arena *arena);
enum tarn_pqt_kind tarn_pqt_leaf_kind(const struct tarn_pq_column *col,
                                      const struct tarn_pqt_options *o);

/* parquet_value.c */
struct tarn_vector;
void tarn_pqt_result(sqlite3_context *ctx, enum tarn_pqt_kind kind,
                     const struct tarn_pq_column *col, const struct tarn_vector *v, uint32_t row);

#endif
