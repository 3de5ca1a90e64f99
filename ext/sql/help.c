/* help.c: the table tarn_help. It walks the same lists that registration walks (register.c), so a
** function without help can't exist.
*/
#include "family.h"
#include "mem.h"
#include "result.h"

struct help_rows {
    const struct tarn_family *const *family;
    int at; /* over the functions, then the tables */
};

static const struct tarn_help *current(const struct help_rows *h) {
    const struct tarn_family *f = *h->family;

    return h->at < f->n_functions ? &f->functions[h->at].help
                                  : &f->tables[h->at - f->n_functions].help;
}

static int help_open(void **handle, struct tarn_conn *conn, sqlite3_value **args,
                     struct tarn_err *err) {
    struct help_rows *h = tarn_malloc(sizeof *h);

    (void)conn;
    (void)args;
    if (!h) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    h->family = tarn_families;
    h->at = -1;
    *handle = h;
    return TARN_OK;
}

static int help_next(void *handle, int *more, struct tarn_err *err) {
    struct help_rows *h = handle;

    (void)err;
    h->at++;
    while (*h->family && h->at >= (*h->family)->n_functions + (*h->family)->n_tables) {
        h->family++;
        h->at = 0;
    }
    *more = *h->family != NULL;
    return TARN_OK;
}

static int help_column(void *handle, int column, sqlite3_context *ctx, struct tarn_err *err) {
    const struct tarn_help *help = current(handle);
    const char *const columns[] = {help->name,    help->kind,        help->arguments,
                                   help->returns, help->description, help->example};

    (void)err;
    tarn_result_text(ctx, columns[column]);
    return TARN_OK;
}

static const struct tarn_rows help_rows = {
    .name = "tarn_help",
    .columns = "name TEXT, kind TEXT, arguments TEXT, returns TEXT, description TEXT, example TEXT",
    .n_columns = 6,
    .flags = TARN_ROWS_INNOCUOUS,
    .open = help_open,
    .next = help_next,
    .column = help_column,
    .close = tarn_free,
};

static const struct tarn_table tables[] = {
    {.help = {"tarn_help", "table", "", "one row per table and function",
              "What Tarn adds to SQLite: every table and function, with an example that runs.",
              "SELECT name, arguments, description FROM tarn_help ORDER BY name"},
     .rows = &help_rows},
};

const struct tarn_family tarn_family_help = {NULL, 0, tables, TARN_COUNT(tables)};
