/* family.h: what a file of this folder offers: functions and tables, each with its own help.
**
** A family is a table of constants. register.c lists the families; registration and tarn_help both
** walk that list, so nothing can be registered without documentation. To add a function: one entry
** in its file's array. To add a file: one line in register.c.
*/
#ifndef TARN_FAMILY_H
#define TARN_FAMILY_H

#include "conn.h"
#include "rows.h"

struct tarn_help {
    const char *name;
    const char *kind;      /* "scalar", "aggregate", "table", "table function" */
    const char *arguments; /* as one would write them: "(key[, value])" */
    const char *returns;
    const char *description; /* one or two sentences */
    const char *example;     /* a statement that runs */
};

typedef void (*tarn_sql_function)(sqlite3_context *, int, sqlite3_value **);

struct tarn_function {
    struct tarn_help help;
    int min_args, max_args; /* registered once per number of arguments */
    int flags;              /* SQLITE_DETERMINISTIC, SQLITE_INNOCUOUS, SQLITE_DIRECTONLY … */
    int writes_from;        /* with this many arguments or more it is DIRECTONLY; 0 = never */
    tarn_sql_function call; /* scalars */
    tarn_sql_function step; /* aggregates */
    void (*final)(sqlite3_context *);
};

struct tarn_table {
    struct tarn_help help;
    const struct tarn_rows *rows; /* a small table of rows.h, or … */
    const sqlite3_module *module; /* … a module of its own; its aux is the struct tarn_conn */
};

struct tarn_family {
    const struct tarn_function *functions;
    int n_functions;
    const struct tarn_table *tables;
    int n_tables;
};

/* Tables of a family's that have a file of their own. */
extern const struct tarn_rows tarn_resync_rows;

#define TARN_COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

/* The families, NULL-terminated. */
extern const struct tarn_family *const tarn_families[];

/* Registers everything with c->db; each module and function holds a reference to c. */
int tarn_sql_register(struct tarn_conn *c, struct tarn_err *err);

/* The connection that a function was registered with. */
static inline struct tarn_conn *tarn_function_conn(sqlite3_context *ctx) {
    return sqlite3_user_data(ctx);
}

extern const struct tarn_family tarn_family_bookmark, tarn_family_cdc, tarn_family_config,
    tarn_family_events, tarn_family_explain, tarn_family_export, tarn_family_files,
    tarn_family_flush, tarn_family_help, tarn_family_jsonl, tarn_family_parquet,
    tarn_family_parquet_inspect, tarn_family_parquet_keys, tarn_family_quantile,
    tarn_family_row_groups, tarn_family_time, tarn_family_track, tarn_family_verify,
    tarn_family_version;

#endif
