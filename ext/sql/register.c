/* register.c: the list of families, and giving them all to a connection.
**
** The collations are registered here too, first: a table that declares one can't be prepared
** without it. `tarn_ts` is that of the column ts, `tarn_decimal` that of decimals in Parquet files.
*/
#include "family.h"
#include "parquet_decimal.h"
#include "time.h"

const struct tarn_family *const tarn_families[] = {
    &tarn_family_bookmark,     &tarn_family_cdc,
    &tarn_family_config,       &tarn_family_events,
    &tarn_family_explain,      &tarn_family_export,
    &tarn_family_files,        &tarn_family_flush,
    &tarn_family_help,         &tarn_family_jsonl,
    &tarn_family_parquet,      &tarn_family_parquet_inspect,
    &tarn_family_parquet_keys, &tarn_family_quantile,
    &tarn_family_row_groups,   &tarn_family_time,
    &tarn_family_track,        &tarn_family_verify,
    &tarn_family_version,      NULL,
};

static int collate(void *arg, int na, const void *a, int nb, const void *b) {
    (void)arg;
    return tarn_time_collate(a, (size_t)na, b, (size_t)nb);
}

static int collate_decimal(void *arg, int na, const void *a, int nb, const void *b) {
    (void)arg;
    return tarn_decimal_compare(a, (size_t)na, b, (size_t)nb);
}

static int register_function(struct tarn_conn *c, const struct tarn_function *f,
                             struct tarn_err *err) {
    int rc = SQLITE_OK;
    int n;

    for (n = f->min_args; n <= f->max_args && rc == SQLITE_OK; n++) {
        int flags = SQLITE_UTF8 | f->flags;
        if (f->writes_from && n >= f->writes_from) flags |= SQLITE_DIRECTONLY;
        tarn_conn_ref(c); /* dropped by the destructor, which SQLite calls on failure too */
        rc = sqlite3_create_function_v2(c->db, f->help.name, n, flags, c, f->call, f->step,
                                        f->final, tarn_conn_unref);
    }
    return rc ? tarn_err_sqlite(err, c->db, rc, f->help.name) : TARN_OK;
}

static int register_table(struct tarn_conn *c, const struct tarn_table *t, struct tarn_err *err) {
    int rc = SQLITE_OK;

    if (t->rows) return tarn_rows_register(c, t->rows, err);
    tarn_conn_ref(c);
    rc = sqlite3_create_module_v2(c->db, t->help.name, t->module, c, tarn_conn_unref);
    return rc ? tarn_err_sqlite(err, c->db, rc, t->help.name) : TARN_OK;
}

int tarn_sql_register(struct tarn_conn *c, struct tarn_err *err) {
    const struct tarn_family *const *f;
    int rc = TARN_OK;
    int i;

    rc = sqlite3_create_collation_v2(c->db, "tarn_ts", SQLITE_UTF8, NULL, collate, NULL);
    if (rc) return tarn_err_sqlite(err, c->db, rc, "tarn_ts");
    rc = sqlite3_create_collation_v2(c->db, "tarn_decimal", SQLITE_UTF8, NULL, collate_decimal,
                                     NULL);
    if (rc) return tarn_err_sqlite(err, c->db, rc, "tarn_decimal");
    for (f = tarn_families; *f && rc == TARN_OK; f++) {
        for (i = 0; i < (*f)->n_functions && rc == TARN_OK; i++) {
            rc = register_function(c, &(*f)->functions[i], err);
        }
        for (i = 0; i < (*f)->n_tables && rc == TARN_OK; i++) {
            rc = register_table(c, &(*f)->tables[i], err);
        }
    }
    return rc;
}
