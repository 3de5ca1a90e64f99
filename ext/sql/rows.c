/* rows.c: the one virtual-table module behind every small read-only table.
**
**   xBestIndex   takes `argument = value` for each hidden column; idxNum = bit set of those given
**   xFilter      copies the values (SQLite's are gone after the call), calls open, then next
**   xNext        next
**
** An argument that another table of the join must supply first is refused here until that table
** comes earlier in the plan (SQLITE_CONSTRAINT), so a function never runs without it.
*/
#include "rows.h"

#include <string.h>

#include "mem.h"
#include "result.h"

struct rows_aux { /* of the module: the definition and the connection */
    const struct tarn_rows *def;
    struct tarn_conn *conn;
};

struct rows_table {
    sqlite3_vtab base;
    const struct tarn_rows *def;
    struct tarn_conn *conn;
};

struct rows_cursor {
    sqlite3_vtab_cursor base;
    void *handle;
    int more;
    sqlite3_int64 rowid;
    sqlite3_value *args[TARN_ROWS_ARGS_MAX];
};

static void aux_free(void *p) {
    struct rows_aux *aux = p;

    if (!aux) return;
    tarn_conn_unref(aux->conn);
    tarn_free(aux);
}

static int rows_connect(sqlite3 *db, void *p, int argc, const char *const *argv, sqlite3_vtab **out,
                        char **message) {
    const struct rows_aux *aux = p;
    const struct tarn_rows *def = aux->def;
    struct rows_table *table = NULL;
    char *sql = NULL;
    int rc = SQLITE_NOMEM;

    (void)argc;
    (void)argv;
    (void)message;
    /* "a, b" becomes "a HIDDEN, b HIDDEN": one pass of replace() would need SQL; the names have no
    ** commas of their own. */
    sqlite3_str *s = sqlite3_str_new(db);
    sqlite3_str_appendf(s, "CREATE TABLE x(%s", def->columns);
    for (const char *a = def->arguments; a && *a;) {
        size_t n = strcspn(a, ",");
        sqlite3_str_appendf(s, ", %.*s HIDDEN", (int)n, a);
        a += n + (a[n] == ',');
    }
    sqlite3_str_appendall(s, ")");
    sql = sqlite3_str_finish(s);
    if (!sql) return SQLITE_NOMEM;
    rc = sqlite3_declare_vtab(db, sql);
    sqlite3_free(sql);
    if (rc) return rc;
    if (def->flags & TARN_ROWS_DIRECTONLY) (void)sqlite3_vtab_config(db, SQLITE_VTAB_DIRECTONLY);
    if (def->flags & TARN_ROWS_INNOCUOUS) (void)sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
    table = tarn_calloc(1, sizeof *table);
    if (!table) return SQLITE_NOMEM;
    table->def = def;
    table->conn = aux->conn;
    tarn_conn_ref(table->conn);
    *out = &table->base;
    return SQLITE_OK;
}

static int rows_disconnect(sqlite3_vtab *vtab) {
    struct rows_table *table = (struct rows_table *)vtab;

    tarn_conn_unref(table->conn);
    tarn_free(table);
    return SQLITE_OK;
}

static int rows_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info) {
    const struct tarn_rows *def = ((struct rows_table *)vtab)->def;
    int at[TARN_ROWS_ARGS_MAX];
    unsigned given = 0;
    int n = 0;
    int i;

    for (i = 0; i < info->nConstraint; i++) {
        const struct sqlite3_index_constraint *con = &info->aConstraint[i];
        int arg = con->iColumn - def->n_columns;
        if (arg < 0 || arg >= def->n_arguments || con->op != SQLITE_INDEX_CONSTRAINT_EQ) continue;
        if (!con->usable) return SQLITE_CONSTRAINT;
        if (given & (1u << arg)) continue; /* a second one is checked by SQLite */
        given |= 1u << arg;
        at[arg] = i;
    }
    for (i = 0; i < def->n_arguments; i++) {
        if (!(given & (1u << i))) continue;
        info->aConstraintUsage[at[i]].argvIndex = ++n;
        info->aConstraintUsage[at[i]].omit = 1;
    }
    info->idxNum = (int)given;
    info->estimatedCost = 1e6;
    info->estimatedRows = 1000;
    return SQLITE_OK;
}

static int rows_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out) {
    struct rows_cursor *cur = tarn_calloc(1, sizeof *cur);

    (void)vtab;
    if (!cur) return SQLITE_NOMEM;
    *out = &cur->base;
    return SQLITE_OK;
}

static void cursor_clear(struct rows_cursor *cur) {
    const struct tarn_rows *def = ((struct rows_table *)cur->base.pVtab)->def;
    int i;

    if (cur->handle) def->close(cur->handle);
    cur->handle = NULL;
    for (i = 0; i < TARN_ROWS_ARGS_MAX; i++) {
        sqlite3_value_free(cur->args[i]);
        cur->args[i] = NULL;
    }
    cur->more = 0;
    cur->rowid = 0;
}

static int rows_close(sqlite3_vtab_cursor *base) {
    struct rows_cursor *cur = (struct rows_cursor *)base;

    cursor_clear(cur);
    tarn_free(cur);
    return SQLITE_OK;
}

static int rows_next(sqlite3_vtab_cursor *base) {
    struct rows_cursor *cur = (struct rows_cursor *)base;
    const struct tarn_rows *def = ((struct rows_table *)base->pVtab)->def;
    struct tarn_err err = {0};
    int more = 0;

    if (def->next(cur->handle, &more, &err)) return tarn_vtab_err(base->pVtab, &err);
    cur->more = more;
    cur->rowid++;
    return SQLITE_OK;
}

/* Which required argument is missing, by its name in the list. */
static int missing(const struct tarn_rows *def, int arg, struct tarn_err *err) {
    const char *a = def->arguments;

    for (; arg > 0; arg--)
        a += strcspn(a, ",") + 1;
    a += strspn(a, " ");
    return tarn_err_set(err, TARN_EINVAL, "%s(%s) needs %.*s", def->name, def->arguments,
                        (int)strcspn(a, ", "), a);
}

static int rows_filter(sqlite3_vtab_cursor *base, int given, const char *text, int argc,
                       sqlite3_value **argv) {
    struct rows_cursor *cur = (struct rows_cursor *)base;
    struct rows_table *table = (struct rows_table *)base->pVtab;
    const struct tarn_rows *def = table->def;
    struct tarn_err err = {0};
    int n = 0;
    int i;

    (void)text;
    cursor_clear(cur);
    for (i = 0; i < def->n_arguments; i++) {
        if (!(given & (1 << i)) || n >= argc) continue;
        cur->args[i] = sqlite3_value_dup(argv[n++]);
        if (!cur->args[i]) return SQLITE_NOMEM;
    }
    for (i = 0; i < def->required; i++) {
        if (!cur->args[i] && missing(def, i, &err)) return tarn_vtab_err(base->pVtab, &err);
    }
    if (def->open(&cur->handle, table->conn, cur->args, &err)) {
        return tarn_vtab_err(base->pVtab, &err);
    }
    if (!cur->handle) return SQLITE_OK; /* nothing to show */
    return rows_next(base);
}

static int rows_eof(sqlite3_vtab_cursor *base) {
    return !((struct rows_cursor *)base)->more;
}

static int rows_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column) {
    struct rows_cursor *cur = (struct rows_cursor *)base;
    const struct tarn_rows *def = ((struct rows_table *)base->pVtab)->def;
    struct tarn_err err = {0};

    if (column >= def->n_columns) {
        sqlite3_value *v = cur->args[column - def->n_columns];
        if (v) sqlite3_result_value(ctx, v);
        return SQLITE_OK;
    }
    if (def->column(cur->handle, column, ctx, &err)) return tarn_vtab_err(base->pVtab, &err);
    return SQLITE_OK;
}

static int rows_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out) {
    *out = ((struct rows_cursor *)base)->rowid;
    return SQLITE_OK;
}

/* No xCreate: eponymous only. */
static const sqlite3_module rows_module = {
    .xConnect = rows_connect,
    .xBestIndex = rows_best_index,
    .xDisconnect = rows_disconnect,
    .xOpen = rows_open,
    .xClose = rows_close,
    .xFilter = rows_filter,
    .xNext = rows_next,
    .xEof = rows_eof,
    .xColumn = rows_column,
    .xRowid = rows_rowid,
};

int tarn_rows_register(struct tarn_conn *c, const struct tarn_rows *rows, struct tarn_err *err) {
    struct rows_aux *aux = tarn_malloc(sizeof *aux);
    int rc = SQLITE_OK;

    if (!aux) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    aux->def = rows;
    aux->conn = c;
    tarn_conn_ref(c);
    /* On failure SQLite calls the destructor itself. */
    rc = sqlite3_create_module_v2(c->db, rows->name, &rows_module, aux, aux_free);
    return rc ? tarn_err_sqlite(err, c->db, rc, rows->name) : TARN_OK;
}
