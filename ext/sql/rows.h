/* rows.h: read-only tables whose rows come from a C handle, one step at a time.
**
**   SELECT … FROM name(arg, …)   open(args) ─► next ─► column, column … ─► next … ─► close
**
** The module is eponymous: it needs no CREATE. Arguments are hidden columns, so they may also be
** written `WHERE arg = …`, and come from other tables of a join. Rows appear while the work goes on:
** whatever `next` did is done, and LIMIT, sqlite3_interrupt or a closed statement stops between
** rows. A handle whose work must not stop half-way does all of it in `open`.
*/
#ifndef TARN_ROWS_H
#define TARN_ROWS_H

#include "conn.h"

#define TARN_ROWS_ARGS_MAX 8

enum tarn_rows_flags {
    TARN_ROWS_DIRECTONLY = 1, /* not from views and triggers: side effects, or reads named files */
    TARN_ROWS_INNOCUOUS = 2
};

struct tarn_rows {
    const char *name;
    const char
        *columns; /* of CREATE TABLE: "a TEXT, b INTEGER"; then the arguments as hidden ones */
    const char *arguments; /* "path, options" or NULL; names only */
    int n_columns;
    int n_arguments;
    int required; /* how many of the arguments must be given */
    int flags;
    /* args[i] is NULL when argument i was not given; values stay valid until close. */
    int (*open)(void **handle, struct tarn_conn *conn, sqlite3_value **args, struct tarn_err *err);
    int (*next)(void *handle, int *more, struct tarn_err *err);
    /* Sets the result of column 0..n_columns-1 (nothing set = NULL). */
    int (*column)(void *handle, int column, sqlite3_context *ctx, struct tarn_err *err);
    void (*close)(void *handle); /* NULL handle never comes */
};

int tarn_rows_register(struct tarn_conn *c, const struct tarn_rows *rows, struct tarn_err *err);

#endif
