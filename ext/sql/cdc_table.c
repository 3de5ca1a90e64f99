/* cdc_table.c: the module `tarn_cdc`: the changes of one collection, as a read-only table in temp.
**
**   CREATE VIRTUAL TABLE temp."cdc_users" USING tarn_cdc('namespace', 'users')
**
** tarn_track and tarn_open make these (cdc_tables.c). One cursor holds one scan (changes_scan.h).
** Only in temp: a database that comes from a stranger must not choose whose changes are read.
*/
#include "cdc_table.h"

#include <string.h>

#include "family.h"
#include "interrupt.h"
#include "mem.h"
#include "module.h"
#include "result.h"
#include "scan.h"
#include "text.h"

#define DECLARATION                                                                    \
    "CREATE TABLE x(op TEXT, pk TEXT, ts TEXT COLLATE tarn_ts, data TEXT, prev TEXT, " \
    "bookmark TEXT, filename TEXT HIDDEN, seq INTEGER HIDDEN)"

struct cursor {
    sqlite3_vtab_cursor base;
    struct tarn_changes_scan *scan;
    int more;
    struct tarn_interrupt interrupt;
};

static int table_disconnect(sqlite3_vtab *vtab) {
    struct tarn_cdc_table *t = (struct tarn_cdc_table *)vtab;

    tarn_changes_known_release(&t->known);
    tarn_free(t->collection);
    tarn_conn_unref(t->conn);
    tarn_free(t);
    return SQLITE_OK;
}

static int encode(struct tarn_buf *b, const char *argument, const char *what,
                  struct tarn_err *err) {
    char *name = tarn_dequote(argument);
    int rc = TARN_OK;

    if (!name) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    if (!*name) rc = tarn_err_set(err, TARN_EINVAL, "tarn_cdc: the %s is empty", what);
    tarn_percent_encode(b, name, strlen(name));
    tarn_free(name);
    return rc;
}

static int parse_arguments(struct tarn_cdc_table *t, int argc, const char *const *argv,
                           struct tarn_err *err) {
    struct tarn_buf name = TARN_BUF_INIT(TARN_KEY_MAX);
    int rc = TARN_OK;

    if (argc != 5) {
        return tarn_err_set(err, TARN_EINVAL, "expected USING tarn_cdc('namespace', 'collection')");
    }
    if (strcmp(argv[1], "temp") != 0) {
        return tarn_err_set(err, TARN_EACCES, "tables of changes are temporary: temp.%.40s",
                            argv[2]);
    }
    rc = encode(&name, argv[3], "namespace", err);
    tarn_buf_u8(&name, '/');
    if (rc == TARN_OK) rc = encode(&name, argv[4], "collection", err);
    t->collection = rc ? NULL : tarn_buf_steal(&name, NULL);
    if (rc == TARN_OK && !t->collection) {
        rc = tarn_err_set(err, name.rc,
                          name.rc == TARN_ELIMIT ? "tarn_cdc: the name is too long"
                                                 : "out of memory");
    }
    tarn_buf_release(&name);
    return rc;
}

static int table_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                         sqlite3_vtab **out, char **message) {
    struct tarn_cdc_table *t = NULL;
    struct tarn_err err = {0};
    int rc = sqlite3_declare_vtab(db, DECLARATION);

    if (rc) return rc;
    t = tarn_calloc(1, sizeof *t);
    if (!t) return SQLITE_NOMEM;
    t->conn = aux;
    tarn_conn_ref(t->conn);
    t->utf8 = tarn_is_utf8(db);
    rc = parse_arguments(t, argc, argv, &err);
    if (rc) {
        *message = sqlite3_mprintf("%s", err.msg);
        (void)table_disconnect(&t->base);
        return rc == TARN_ENOMEM ? SQLITE_NOMEM : SQLITE_ERROR;
    }
    (void)sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
    *out = &t->base;
    return SQLITE_OK;
}

/* Not the same function as for connecting: then SQLite would take the module's name for a table. */
static int table_create(sqlite3 *db, void *aux, int argc, const char *const *argv,
                        sqlite3_vtab **out, char **message) {
    return table_connect(db, aux, argc, argv, out, message);
}

static int table_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out) {
    struct cursor *cur = tarn_calloc(1, sizeof *cur);

    (void)vtab;
    if (!cur) return SQLITE_NOMEM;
    *out = &cur->base;
    return SQLITE_OK;
}

/* For tarn_explain. */
static void report(const struct tarn_conn *conn, const struct tarn_changes_stats *s) {
    struct tarn_scan_stats out;

    memset(&out, 0, sizeof out);
    out.by_name = 1;
    out.listed = s->listed;
    out.pruned_path = s->pruned_name;
    out.masked = s->aborted;
    out.files = s->files;
    out.pruned_file = s->pruned_file;
    out.opened = s->opened;
    out.footer_hits = s->footer_hits;
    out.pending_rows = s->waiting_rows;
    out.skipped_corrupt = s->skipped_corrupt;
    out.parquet = s->parquet;
    out.first_skip = s->first_skip;
    conn->on_stats(conn->on_stats_arg, &out);
}

static void cursor_clear(struct cursor *cur) {
    struct tarn_conn *conn = ((struct tarn_cdc_table *)cur->base.pVtab)->conn;

    if (cur->scan && conn->on_stats) report(conn, tarn_changes_statistics(cur->scan));
    tarn_changes_free(cur->scan);
    cur->scan = NULL;
    cur->more = 0;
}

static int table_close(sqlite3_vtab_cursor *base) {
    struct cursor *cur = (struct cursor *)base;

    cursor_clear(cur);
    tarn_free(cur);
    return SQLITE_OK;
}

static int table_next(sqlite3_vtab_cursor *base) {
    struct cursor *cur = (struct cursor *)base;
    struct tarn_err err;

    tarn_err_clear(&err); /* once per row: the message's bytes stay as they are */
    if (tarn_changes_next(cur->scan, &cur->more, &err)) {
        cur->more = 0;
        return tarn_vtab_err(base->pVtab, &err);
    }
    return SQLITE_OK;
}

static int start_scan(struct cursor *cur, struct tarn_cdc_table *t, const struct tarn_cdc_bound *b,
                      int order, struct tarn_err *err) {
    const struct tarn_settings *set = &t->conn->settings;
    struct tarn_changes_spec spec;
    int rc;

    memset(&spec, 0, sizeof spec);
    spec.conn = t->conn;
    spec.collection = t->collection;
    spec.known = &t->known;
    spec.columns = b->columns;
    spec.predicates = b->predicates;
    spec.n_predicates = b->n_predicates;
    spec.ordered = order != 0;
    spec.descending = order == 2;
    spec.pushdown = strcmp(tarn_settings_text(set, TARN_SET_PUSHDOWN), "off") != 0;
    spec.limit = spec.pushdown ? b->limit : -1;
    spec.skip_corrupt = strcmp(tarn_settings_text(set, TARN_SET_ON_CORRUPT), "skip") == 0;
    spec.memory_budget = (size_t)tarn_settings_int(set, TARN_SET_MEMORY_BUDGET);
    tarn_interrupt_init(&cur->interrupt, t->conn->db);
    spec.interrupted = tarn_interrupted;
    spec.interrupted_arg = &cur->interrupt;
    rc = tarn_changes_open(&cur->scan, &spec, err);
    if (rc == TARN_OK) rc = tarn_changes_next(cur->scan, &cur->more, err);
    return rc;
}

static int table_filter(sqlite3_vtab_cursor *base, int num, const char *plan, int argc,
                        sqlite3_value **argv) {
    struct cursor *cur = (struct cursor *)base;
    struct tarn_cdc_table *t = (struct tarn_cdc_table *)base->pVtab;
    struct tarn_cdc_bound bound;
    struct tarn_err err = {0};
    int rc;

    cursor_clear(cur);
    rc = tarn_cdc_bind(&bound, t, plan, argc, argv, &err);
    if (rc == TARN_OK) rc = tarn_conn_refresh(t->conn, &err);
    if (rc == TARN_OK && !bound.none) rc = start_scan(cur, t, &bound, num, &err);
    tarn_cdc_bound_release(&bound);
    if (rc) cur->more = 0;
    return rc ? tarn_vtab_err(base->pVtab, &err) : SQLITE_OK;
}

static int table_eof(sqlite3_vtab_cursor *base) {
    return !((struct cursor *)base)->more;
}

static int table_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column) {
    struct cursor *cur = (struct cursor *)base;
    struct tarn_slice text;
    struct tarn_err err;

    tarn_err_clear(&err);
    if (column == TARN_CHANGES_SEQ) {
        sqlite3_result_int64(ctx, (sqlite3_int64)tarn_changes_seq(cur->scan));
    } else if (column == TARN_CHANGES_FILENAME) {
        tarn_result_text(ctx, tarn_changes_filename(cur->scan));
    } else if (tarn_changes_text(cur->scan, column, &text, &err)) {
        tarn_result_err(ctx, &err);
    } else if (text.data) {
        sqlite3_result_text64(ctx, (const char *)text.data, text.len, SQLITE_TRANSIENT,
                              SQLITE_UTF8);
    }
    return SQLITE_OK;
}

/* Unique within the connection, and of no other use: rows have no number that stays theirs. */
static int table_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out) {
    *out = ++((struct tarn_cdc_table *)base->pVtab)->rowids;
    return SQLITE_OK;
}

static const sqlite3_module cdc_module = {
    .xCreate = table_create,
    .xConnect = table_connect,
    .xBestIndex = tarn_cdc_best_index,
    .xDisconnect = table_disconnect,
    .xDestroy = table_disconnect,
    .xOpen = table_open,
    .xClose = table_close,
    .xFilter = table_filter,
    .xNext = table_next,
    .xEof = table_eof,
    .xColumn = table_column,
    .xRowid = table_rowid,
};

static const struct tarn_table tables[] = {
    {.help = {"tarn_cdc", "table", "USING tarn_cdc('namespace', 'collection')",
              "op, pk, ts, data, prev, bookmark; hidden: filename, seq",
              "The changes of a tracked table, in their order: those in the lake, those committed "
              "and not yet delivered, and this transaction's own (without ts and bookmark). "
              "tarn_track and tarn_open make these tables, as cdc_<collection> in temp. data and "
              "prev are the row after and before, as JSON; seq counts the changes of a bookmark.",
              "SELECT name FROM pragma_module_list WHERE name = 'tarn_cdc'"},
     .module = &cdc_module},
};

const struct tarn_family tarn_family_cdc = {NULL, 0, tables, TARN_COUNT(tables)};
