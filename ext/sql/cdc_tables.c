/* cdc_tables.c: makes the tables cdc_<collection> in temp.
**
** What is made is looked up first, so that nothing changes in the schema of temp when it is there
** already. A table or view of that name, in whatever database of the connection, is the user's: ours
** would hide it.
*/
#include <string.h>

#include "cdc_table.h"
#include "mem.h"
#include "text.h"

static int out_of_memory(struct tarn_err *err) {
    return tarn_err_set(err, TARN_ENOMEM, "out of memory");
}

static char *statement(const char *namespace_, const char *collection) {
    return sqlite3_mprintf("CREATE VIRTUAL TABLE temp.\"cdc_%w\" USING tarn_cdc('%q', '%q')",
                           collection, namespace_, collection);
}

/* The words behind CREATE, as SQLite keeps them: "VIRTUAL TABLE "cdc_x" USING …", without temp. */
static const char *using_part(const char *sql) {
    const char *at = sql ? strstr(sql, " USING tarn_cdc(") : NULL;

    return at;
}

enum found { NONE, OURS, NEARLY /* but for the case of letters */, ANOTHERS };

/* Looks for the name in one schema. */
static int look_in(sqlite3 *db, const char *schema, const char *collection, const char *want,
                   enum found *state, struct tarn_err *err) {
    char *sql = sqlite3_mprintf(
        "SELECT sql FROM \"%w\".%s WHERE lower(name) = lower('cdc_%q') AND type IN "
        "('table', 'view')",
        schema, strcmp(schema, "temp") == 0 ? "sqlite_temp_schema" : "sqlite_schema", collection);
    sqlite3_stmt *stmt = NULL;
    int rc = sql ? sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) : SQLITE_NOMEM;

    *state = NONE;
    if (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        const char *have = using_part((const char *)sqlite3_column_text(stmt, 0));

        *state = ANOTHERS;
        if (have && strcmp(schema, "temp") == 0) {
            const char *part = using_part(want);

            if (sqlite3_stricmp(have, part) == 0) *state = strcmp(have, part) == 0 ? OURS : NEARLY;
        }
    }
    if (stmt) rc = sqlite3_finalize(stmt);
    sqlite3_free(sql);
    return rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE
               ? TARN_OK
               : tarn_err_sqlite(err, db, rc, "looking for a table of changes");
}

/* Over all databases of the connection. */
static int look(sqlite3 *db, const char *collection, const char *want, enum found *state,
                struct tarn_err *err) {
    sqlite3_stmt *stmt = NULL;
    int sq = sqlite3_prepare_v2(db, "PRAGMA database_list", -1, &stmt, NULL);
    int rc = TARN_OK;

    rc = look_in(db, "temp", collection, want, state, err);
    while (rc == TARN_OK && sq == SQLITE_OK && *state == NONE && sqlite3_step(stmt) == SQLITE_ROW) {
        const char *schema = (const char *)sqlite3_column_text(stmt, 1);

        if (schema && strcmp(schema, "temp") != 0) {
            rc = look_in(db, schema, collection, want, state, err);
        }
    }
    (void)sqlite3_finalize(stmt);
    if (rc == TARN_OK && sq) rc = tarn_err_sqlite(err, db, sq, "PRAGMA database_list");
    return rc;
}

static int taken(const char *namespace_, const char *collection, struct tarn_err *err) {
    return tarn_err_set(err, TARN_EEXIST,
                        "there is a table cdc_%.60s already, which is not of the changes of "
                        "%.60s/%.60s: track under another name, {\"collection\":\"...\"}",
                        collection, namespace_, collection);
}

int tarn_cdc_table_check(struct tarn_conn *c, const char *namespace_, const char *collection,
                         struct tarn_err *err) {
    char *sql = statement(namespace_, collection);
    enum found state = NONE;
    int rc;

    if (!sql) return out_of_memory(err);
    rc = look(c->db, collection, sql, &state, err);
    sqlite3_free(sql);
    return rc == TARN_OK && state == ANOTHERS ? taken(namespace_, collection, err) : rc;
}

int tarn_cdc_table_make(struct tarn_conn *c, const char *namespace_, const char *collection,
                        struct tarn_err *err) {
    char *sql = statement(namespace_, collection);
    enum found state = NONE;
    int rc;

    if (!sql) return out_of_memory(err);
    rc = look(c->db, collection, sql, &state, err);
    if (rc == TARN_OK && state >= NEARLY) rc = taken(namespace_, collection, err);
    if (rc == TARN_OK && state == NONE) {
        int sq = sqlite3_exec(c->db, sql, NULL, NULL, NULL);

        if (sq) rc = tarn_err_sqlite(err, c->db, sq, "making a table of changes");
    }
    sqlite3_free(sql);
    return rc;
}

int tarn_cdc_table_drop(struct tarn_conn *c, const char *namespace_, const char *collection,
                        struct tarn_err *err) {
    char *sql = statement(namespace_, collection);
    enum found state = NONE;
    int rc;

    if (!sql) return out_of_memory(err);
    rc = look_in(c->db, "temp", collection, sql, &state, err);
    sqlite3_free(sql);
    if (rc || state != OURS) return rc;
    sql = sqlite3_mprintf("DROP TABLE temp.\"cdc_%w\"", collection);
    if (!sql) return out_of_memory(err);
    rc = sqlite3_exec(c->db, sql, NULL, NULL, NULL);
    sqlite3_free(sql);
    return rc ? tarn_err_sqlite(err, c->db, rc, "dropping a table of changes") : TARN_OK;
}

/* A segment of a name, decoded; NULL and no error: not one that an encoder wrote. */
static char *decode(const char *segment, size_t n, struct tarn_err *err) {
    struct tarn_buf name = TARN_BUF_INIT(TARN_KEY_MAX);
    char *out = NULL;

    if (tarn_percent_decode(&name, segment, n) == 0 && name.rc == TARN_OK && name.len > 0 &&
        !memchr(name.data, 0, name.len)) {
        out = tarn_buf_steal(&name, NULL);
    }
    if (name.rc == TARN_ENOMEM) (void)out_of_memory(err);
    tarn_buf_release(&name);
    return out;
}

int tarn_cdc_table_make_named(struct tarn_conn *c, const char *name, struct tarn_err *err) {
    size_t n = strcspn(name, "/");
    struct tarn_err why = {0};
    char *namespace_ = decode(name, n, &why);
    char *collection = name[n] ? decode(name + n + 1, strlen(name + n + 1), &why) : NULL;
    int rc = TARN_OK;

    if (namespace_ && collection) {
        rc = tarn_cdc_table_make(c, namespace_, collection, err);
    } else {
        rc = why.code ? out_of_memory(err)
                      : tarn_err_set(err, TARN_EINVAL, "%.100s: not a collection's name", name);
    }
    tarn_free(namespace_);
    tarn_free(collection);
    return rc;
}

/* One folder of the namespace. Names that are taken are passed over, as are folders of no collection. */
static int make_of_folder(struct tarn_conn *c, const char *namespace_, const char *folder,
                          struct tarn_err *err) {
    struct tarn_err why = {0};
    char *collection = decode(folder, strcspn(folder, "/"), &why);
    int rc = why.code;

    if (collection) rc = tarn_cdc_table_make(c, namespace_, collection, &why);
    tarn_free(collection);
    return rc == TARN_OK || rc == TARN_EEXIST ? TARN_OK : tarn_err_set(err, rc, "%s", why.msg);
}

void tarn_cdc_tables_tracked(struct tarn_conn *c) {
    sqlite3_stmt *stmt = NULL;

    if (sqlite3_table_column_metadata(c->db, "main", "_tarn_collections", "epoch", NULL, NULL, NULL,
                                      NULL, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(
            c->db,
            "SELECT namespace, collection FROM main._tarn_collections WHERE state <> "
            "'untracked'",
            -1, &stmt, NULL) != SQLITE_OK) {
        return;
    }
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        struct tarn_err why = {0};
        const char *namespace_ = (const char *)sqlite3_column_text(stmt, 0);
        const char *collection = (const char *)sqlite3_column_text(stmt, 1);

        if (namespace_ && collection && tarn_cdc_table_make(c, namespace_, collection, &why)) {
            c->last = why;
        }
    }
    (void)sqlite3_finalize(stmt);
}

int tarn_cdc_tables_open(struct tarn_conn *c, const char *namespace_, struct tarn_err *err) {
    struct tarn_buf prefix = TARN_BUF_INIT(TARN_KEY_MAX);
    struct tarn_listing folders = {0};
    struct tarn_lake *lake = NULL;
    size_t i;
    int rc = tarn_conn_lake(c, 0, &lake, err);

    if (rc || !lake) return rc;
    tarn_buf_puts(&prefix, "cdc/");
    tarn_percent_encode(&prefix, namespace_, strlen(namespace_));
    tarn_buf_puts(&prefix, "/");
    tarn_buf_u8(&prefix, 0);
    rc = prefix.rc ? tarn_err_set(err, prefix.rc, "the namespace's name is too long")
                   : tarn_store_list(tarn_lake_store(lake), (const char *)prefix.data, '/', NULL, 0,
                                     &folders, err);
    for (i = 0; rc == TARN_OK && i < folders.n_prefixes; i++) {
        rc = make_of_folder(c, namespace_, folders.prefixes[i] + prefix.len - 1, err);
    }
    tarn_listing_release(&folders);
    tarn_buf_release(&prefix);
    return rc;
}
