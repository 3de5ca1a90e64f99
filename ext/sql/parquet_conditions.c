/* parquet_conditions.c: a plan's text and the arguments of xFilter become a list of conditions.
**
** Values are copied: files are opened one after another, long after xFilter has returned.
*/
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "parquet_bind.h"
#include "parquet_plan.h"

static int no_memory(struct tarn_err *err) {
    return tarn_err_set(err, TARN_ENOMEM, "parquet: no memory for a query's conditions");
}

/* A copy of v at the end of the condition's values; NULL equals nothing and is left out of lists. */
static int add_value(struct tarn_pqt_condition *c, int *cap, sqlite3_value *v,
                     struct tarn_err *err) {
    if (c->n == *cap) {
        int more = *cap ? *cap * 2 : 8;
        sqlite3_value **values = tarn_reallocarray(c->values, (size_t)more, sizeof(*values));
        if (!values) return no_memory(err);
        c->values = values;
        *cap = more;
    }
    /* A copy belongs to no connection, and some conversions need one: they are done before. */
    if (sqlite3_value_type(v) == SQLITE_TEXT || sqlite3_value_type(v) == SQLITE_FLOAT)
        (void)sqlite3_value_text(v);
    c->values[c->n] = sqlite3_value_dup(v);
    if (!c->values[c->n]) return no_memory(err);
    c->n++;
    return TARN_OK;
}

static int read_list(struct tarn_pqt_condition *c, sqlite3_value *list, struct tarn_err *err) {
    sqlite3_value *v = NULL;
    int cap = 0, rc = SQLITE_OK;

    for (rc = sqlite3_vtab_in_first(list, &v); rc == SQLITE_OK && v;
         rc = sqlite3_vtab_in_next(list, &v)) {
        if (sqlite3_value_type(v) == SQLITE_NULL) continue;
        if (add_value(c, &cap, v, err)) return err ? err->code : TARN_ENOMEM;
    }
    return rc == SQLITE_OK || rc == SQLITE_DONE ? TARN_OK : no_memory(err);
}

static void read_rowid(struct tarn_pqt_conditions *c, sqlite3_value *v) {
    int type = sqlite3_value_numeric_type(v);

    if (type == SQLITE_NULL) c->none = 1;
    if (type != SQLITE_INTEGER) return; /* SQLite compares */
    c->rowid = sqlite3_value_int64(v);
    if (c->rowid < 0) c->none = 1;
}

/* Is it none that rows are compared with? */
static int read_other(struct tarn_pqt_conditions *c, char op, sqlite3_value *v) {
    int64_t n = sqlite3_value_int64(v);

    switch (op) {
    case TARN_PQT_ROWID: read_rowid(c, v); return 1;
    case TARN_PQT_LIMIT: c->limit = n < 0 ? -1 : n; return 1;
    case TARN_PQT_OFFSET: c->offset = n < 0 ? 0 : n; return 1;
    default: return 0;
    }
}

static int is_comparison(char op) {
    return op == TARN_PQT_EQ || op == TARN_PQT_NE || op == TARN_PQT_LT || op == TARN_PQT_LE ||
           op == TARN_PQT_GT || op == TARN_PQT_GE || op == TARN_PQT_GLOB || op == TARN_PQT_LIKE;
}

static int read_one(struct tarn_pqt_conditions *all, struct tarn_pqt_condition *c, sqlite3_value *v,
                    struct tarn_err *err) {
    int cap = 0, null = 0, rc = TARN_OK;

    if (c->op == TARN_PQT_IN) {
        rc = read_list(c, v, err);
        if (rc == TARN_OK && c->n == 0) all->none = 1;
        return rc;
    }
    null = sqlite3_value_type(v) == SQLITE_NULL;
    if (is_comparison(c->op) && null) all->none = 1;
    if (c->op == TARN_PQT_IS) c->op = null ? TARN_PQT_IS_NULL : TARN_PQT_EQ;
    return null ? TARN_OK : add_value(c, &cap, v, err);
}

int tarn_pqt_conditions_read(struct tarn_pqt_conditions *c, const char *plan, int argc,
                             sqlite3_value **argv, struct tarn_err *err) {
    char *at = NULL;
    int i, rc = TARN_OK;

    memset(c, 0, sizeof *c);
    c->rowid = c->limit = -1;
    c->used = strtoull(plan, &at, 16);
    c->items = tarn_calloc((size_t)argc + 1, sizeof *c->items);
    if (!c->items) return no_memory(err);
    for (i = 0; i < argc && rc == TARN_OK; i++) {
        struct tarn_pqt_condition *one = &c->items[c->n];
        one->column = (int)strtol(at + 1, &at, 10);
        one->op = *at++;
        one->constant = *at == 'c';
        at += one->constant;
        if (read_other(c, one->op, argv[i])) continue;
        c->n++;
        rc = read_one(c, one, argv[i], err);
    }
    return rc;
}

void tarn_pqt_conditions_release(struct tarn_pqt_conditions *c) {
    int i, k;

    for (i = 0; i < c->n; i++) {
        for (k = 0; k < c->items[i].n; k++)
            sqlite3_value_free(c->items[i].values[k]);
        tarn_free(c->items[i].values);
    }
    tarn_free(c->items);
    memset(c, 0, sizeof *c);
}
