/* events.c: the virtual table `events` (and its twin `tarn_events`): reading, and the module.
**
**   events                                   the connection's lake, the settings' namespace and prefix
**   events('events/2026/02/02/14/' || '*')   only keys that match
**   CREATE VIRTUAL TABLE x USING events('uri', namespace=n, prefix=p)
**
** One cursor holds one scan of the lake. What goes down to it is decided in events_plan.c and
** events_filter.c; values of hidden columns over the payload are extracted here, when asked for.
** Writing is events_insert.c; transactions belong to the connection's one buffer (txn.h).
*/
#include "events.h"

#include <string.h>

#include "family.h"
#include "interrupt.h"
#include "json_member.h"
#include "keys.h"
#include "mem.h"
#include "module.h"
#include "result.h"
#include "time.h"
#include "trust.h"
#include "txn.h"

#define DECLARATION                                                                                \
    "CREATE TABLE x(ts TIMESTAMP_MS TEXT COLLATE tarn_ts, type TEXT, source TEXT, provider TEXT, " \
    "event_type TEXT, verified BOOLEAN, script_name TEXT, outcome TEXT, method TEXT, url TEXT, "   \
    "status_code INTEGER, duration_ms REAL, payload TEXT, glob TEXT HIDDEN, id HIDDEN, "           \
    "prefix TEXT HIDDEN, filename TEXT HIDDEN, ts_ms INTEGER HIDDEN, extra TEXT HIDDEN, "          \
    "class HIDDEN, do_id HIDDEN, colo HIDDEN, durationMs REAL HIDDEN, success HIDDEN, "            \
    "ts_hour TEXT HIDDEN, ts_day TEXT HIDDEN)"

struct cursor {
    sqlite3_vtab_cursor base;
    struct tarn_scan *scan;
    struct tarn_interrupt interrupt;
    char *glob; /* owned: the argument, as given */
    int more;
    struct tarn_time_memo time; /* ts, as last written */
};

static char **option_slot(struct tarn_events_table *t, const char *name, size_t n) {
    if (n == 3 && sqlite3_strnicmp(name, "uri", 3) == 0) return &t->uri;
    if (n == 9 && sqlite3_strnicmp(name, "namespace", 9) == 0) return &t->namespace_;
    if (n == 6 && sqlite3_strnicmp(name, "prefix", 6) == 0) return &t->prefix;
    return NULL;
}

/* One argument of CREATE VIRTUAL TABLE: name = value, or the lake's URI. */
static int parse_option(struct tarn_events_table *t, const char *arg, struct tarn_err *err) {
    size_t space = strspn(arg, " \t\n");
    const char *name = arg + space;
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_");
    size_t gap = strspn(name + n, " \t\n");
    const char *value = name;
    char **slot = &t->uri;
    char shown[TARN_SHOWN];

    if (*name == 0) return TARN_OK;
    if (n > 0 && name[n + gap] == '=') {
        slot = option_slot(t, name, n);
        value = name + n + gap + 1;
        value += strspn(value, " \t\n");
        if (!slot) {
            return tarn_err_set(err, TARN_EINVAL,
                                "events: option %s is unknown; known are uri, namespace, prefix",
                                tarn_show_text(name, n, shown));
        }
    }
    if (*slot) {
        return tarn_err_set(err, TARN_EINVAL, "events: %s is given twice",
                            slot == &t->uri      ? "the lake's URI"
                            : slot == &t->prefix ? "prefix"
                                                 : "namespace");
    }
    *slot = tarn_dequote(value);
    return *slot ? TARN_OK : tarn_err_set(err, TARN_ENOMEM, "out of memory");
}

static int parse_options(struct tarn_events_table *t, int argc, const char *const *argv,
                         struct tarn_err *err) {
    int rc = TARN_OK;
    int i;

    for (i = 3; i < argc && rc == TARN_OK; i++)
        rc = parse_option(t, argv[i], err);
    if (rc == TARN_OK && t->prefix) rc = tarn_prefix_check(t->prefix, strlen(t->prefix), err);
    if (rc == TARN_OK && t->namespace_ && *t->namespace_) {
        rc = tarn_name_check(t->namespace_, strlen(t->namespace_), "namespace", err);
    }
    return rc;
}

static int events_disconnect(sqlite3_vtab *vtab) {
    struct tarn_events_table *t = (struct tarn_events_table *)vtab;

    tarn_lake_free(t->lake);
    tarn_free(t->name);
    tarn_free(t->uri);
    tarn_free(t->namespace_);
    tarn_free(t->prefix);
    tarn_conn_unref(t->conn);
    tarn_free(t);
    return SQLITE_OK;
}

static int events_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                          sqlite3_vtab **out, char **message) {
    struct tarn_events_table *t = NULL;
    struct tarn_err err = {0};
    int rc = sqlite3_declare_vtab(db, DECLARATION);

    if (rc) return rc;
    t = tarn_calloc(1, sizeof *t);
    if (!t) return SQLITE_NOMEM;
    t->conn = aux;
    tarn_conn_ref(t->conn);
    t->utf8 = tarn_is_utf8(db);
    t->name = tarn_strdup(argv[2]);
    if (!t->name) {
        (void)tarn_err_set(&err, TARN_ENOMEM, "out of memory");
    } else {
        (void)parse_options(t, argc, argv, &err);
    }
    if (!err.code && t->uri && tarn_trust_creating(db, t->name))
        (void)tarn_trust_named(t->uri, &err);
    if (err.code) {
        *message = sqlite3_mprintf("%s", err.msg);
        (void)events_disconnect(&t->base);
        return err.code == TARN_ENOMEM ? SQLITE_NOMEM : SQLITE_ERROR;
    }
    (void)sqlite3_vtab_config(db, SQLITE_VTAB_INNOCUOUS);
    (void)sqlite3_vtab_config(db, SQLITE_VTAB_CONSTRAINT_SUPPORT, 1);
    *out = &t->base;
    return SQLITE_OK;
}

int tarn_events_lake(struct tarn_events_table *t, struct tarn_lake **out, int *own,
                     struct tarn_err *err) {
    struct tarn_lake *mine = NULL;
    int rc = tarn_conn_lake(t->conn, 0, &mine, err);

    *out = mine;
    *own = 1;
    if (rc || !t->uri) return rc;
    if (!t->lake) {
        rc = tarn_trust_check(t->name, t->uri, err);
        if (rc == TARN_OK) rc = tarn_lake_open(&t->lake, t->uri, 0, err);
    }
    if (rc) return rc;
    *out = t->lake;
    *own = mine && strcmp(tarn_lake_uri(mine), tarn_lake_uri(t->lake)) == 0;
    return TARN_OK;
}

static int events_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out) {
    struct cursor *cur = tarn_calloc(1, sizeof *cur);

    (void)vtab;
    if (!cur) return SQLITE_NOMEM;
    *out = &cur->base;
    return SQLITE_OK;
}

static void cursor_clear(struct cursor *cur) {
    struct tarn_conn *conn = ((struct tarn_events_table *)cur->base.pVtab)->conn;

    if (cur->scan && conn->on_stats) conn->on_stats(conn->on_stats_arg, tarn_scan_stats(cur->scan));
    tarn_scan_free(cur->scan);
    tarn_free(cur->glob);
    cur->scan = NULL;
    cur->glob = NULL;
    cur->more = 0;
}

static int events_close(sqlite3_vtab_cursor *base) {
    struct cursor *cur = (struct cursor *)base;

    cursor_clear(cur);
    tarn_free(cur);
    return SQLITE_OK;
}

static int events_next(sqlite3_vtab_cursor *base) {
    struct cursor *cur = (struct cursor *)base;
    struct tarn_err err;

    tarn_err_clear(&err); /* once per row: the message's bytes stay as they are */
    if (tarn_scan_next(cur->scan, &cur->more, &err)) {
        cur->more = 0;
        return tarn_vtab_err(base->pVtab, &err);
    }
    return SQLITE_OK;
}

/* Users paste whole URIs: a glob that begins with the lake's own is one below its root. */
static const char *below_root(const char *glob, struct tarn_lake *lake) {
    const char *uri = lake ? tarn_lake_uri(lake) : "";
    size_t n = strcspn(uri, "?");

    if (glob && n > 0 && strncmp(glob, uri, n) == 0 && glob[n] == '/') return glob + n + 1;
    return glob;
}

/* The columns to group by, as the scan numbers them. */
static void group_by(struct tarn_scan_spec *spec, const struct tarn_events_bound *b) {
    const char *at = b->group;

    for (; at && *at && spec->n_group < TARN_SCAN_GROUP_MAX; at++) {
        int column = *at >= 'a' ? *at - 'a' : *at - 'A';

        spec->group[spec->n_group] = (unsigned char)(column == TARN_COL_TS_HOUR  ? TARN_SCAN_HOUR
                                                     : column == TARN_COL_TS_DAY ? TARN_SCAN_DAY
                                                                                 : column);
        spec->group_sign[spec->n_group++] = *at >= 'a' ? -1 : 1;
    }
    spec->distinct = b->distinct;
}

/* When there was no lake yet, a flush may have made it, and moved all rows there, before the scan
** looked for rows that wait. So the lake has the last word: should there be one now, once more. */
static int open_scan(struct cursor *cur, struct tarn_events_table *t, struct tarn_scan_spec *spec,
                     struct tarn_err *err) {
    int had_lake = spec->lake != NULL;
    int own = 0;
    int rc = tarn_scan_open(&cur->scan, spec, err);

    if (rc || had_lake) return rc;
    rc = tarn_events_lake(t, &spec->lake, &own, err);
    if (rc || !spec->lake) return rc;
    tarn_scan_free(cur->scan);
    cur->scan = NULL;
    return tarn_scan_open(&cur->scan, spec, err);
}

static int start_scan(struct cursor *cur, struct tarn_events_table *t,
                      const struct tarn_events_bound *b, struct tarn_err *err) {
    const struct tarn_settings *set = &t->conn->settings;
    struct tarn_scan_spec spec;
    int own = 0;
    int rc = TARN_OK;

    memset(&spec, 0, sizeof spec);
    rc = tarn_events_lake(t, &spec.lake, &own, err);
    if (rc) return rc;
    spec.conn = own ? t->conn : NULL;
    spec.namespace_ = t->namespace_ ? t->namespace_ : tarn_settings_text(set, TARN_SET_NAMESPACE);
    spec.prefix = b->prefix   ? b->prefix
                  : t->prefix ? t->prefix
                              : tarn_settings_text(set, TARN_SET_PREFIX);
    spec.glob = below_root(b->glob, spec.lake);
    spec.filename = b->filename;
    spec.columns = b->columns;
    spec.predicates = b->predicates;
    spec.n_predicates = b->n_predicates;
    spec.order = b->order;
    group_by(&spec, b);
    spec.pushdown = strcmp(tarn_settings_text(set, TARN_SET_PUSHDOWN), "off") != 0;
    spec.limit = spec.pushdown ? b->limit : -1;
    spec.skip_corrupt = strcmp(tarn_settings_text(set, TARN_SET_ON_CORRUPT), "skip") == 0;
    spec.path_slack = tarn_settings_int(set, TARN_SET_PATH_SLACK);
    spec.memory_budget = (size_t)tarn_settings_int(set, TARN_SET_MEMORY_BUDGET);
    tarn_interrupt_init(&cur->interrupt, t->conn->db);
    spec.interrupted = tarn_interrupted;
    spec.interrupted_arg = &cur->interrupt;
    if (b->prefix) rc = tarn_prefix_check(b->prefix, strlen(b->prefix), err);
    if (rc == TARN_OK) rc = open_scan(cur, t, &spec, err);
    if (rc == TARN_OK) rc = tarn_scan_next(cur->scan, &cur->more, err);
    return rc;
}

static int events_filter(sqlite3_vtab_cursor *base, int num, const char *plan, int argc,
                         sqlite3_value **argv) {
    struct cursor *cur = (struct cursor *)base;
    struct tarn_events_table *t = (struct tarn_events_table *)base->pVtab;
    struct tarn_events_bound bound;
    struct tarn_err err = {0};
    int rc = TARN_OK;

    cursor_clear(cur);
    rc = tarn_events_bind(&bound, t, num, plan, argc, argv, &err);
    if (rc == TARN_OK && bound.glob) {
        cur->glob = tarn_strdup(bound.glob);
        if (!cur->glob) rc = tarn_err_set(&err, TARN_ENOMEM, "out of memory");
    }
    if (rc == TARN_OK && !bound.none) rc = tarn_conn_refresh(t->conn, &err);
    if (rc == TARN_OK && !bound.none) rc = start_scan(cur, t, &bound, &err);
    tarn_events_bound_release(&bound);
    if (rc) cur->more = 0;
    return rc ? tarn_vtab_err(base->pVtab, &err) : SQLITE_OK;
}

static int events_eof(sqlite3_vtab_cursor *base) {
    return !((struct cursor *)base)->more;
}

/* An event's own column. */
static int result_column(struct cursor *cur, sqlite3_context *ctx, int column,
                         struct tarn_err *err) {
    struct tarn_scanned v;
    int rc = tarn_scan_value(cur->scan, column, &v, err);

    if (rc) return rc;
    switch (v.kind) {
    case TARN_SCANNED_INT:
        if (column == TARN_EV_TS || column >= TARN_SCAN_HOUR) {
            sqlite3_result_text(ctx, tarn_time_memo(&cur->time, v.i),
                                column == TARN_EV_TS       ? TARN_TIME_LEN
                                : column == TARN_SCAN_HOUR ? TARN_HOUR_LEN
                                                           : TARN_DAY_LEN,
                                SQLITE_TRANSIENT);
        } else {
            sqlite3_result_int64(ctx, v.i);
        }
        break;
    case TARN_SCANNED_REAL: sqlite3_result_double(ctx, v.r); break;
    case TARN_SCANNED_TEXT:
        sqlite3_result_text64(ctx, v.text.len ? (const char *)v.text.data : "", v.text.len,
                              SQLITE_TRANSIENT, SQLITE_UTF8);
        break;
    default: break;
    }
    return TARN_OK;
}

/* A value of the payload: $.outer.inner, else $.fallback. */
static int result_member(struct cursor *cur, sqlite3_context *ctx, const char *outer,
                         const char *inner, const char *fallback, struct tarn_err *err) {
    struct tarn_scanned v = {TARN_SCANNED_NULL, 0, 0, {NULL, 0}};
    struct tarn_slice found;
    int rc = tarn_scan_value(cur->scan, TARN_EV_PAYLOAD, &v, err);

    if (rc || v.kind != TARN_SCANNED_TEXT) return rc;
    if (tarn_json_member(v.text, outer, inner, &found) ||
        (fallback && tarn_json_member(v.text, fallback, NULL, &found))) {
        tarn_json_result(ctx, found);
    }
    return TARN_OK;
}

static int result_hidden(struct cursor *cur, sqlite3_context *ctx, int column,
                         struct tarn_err *err) {
    struct tarn_scanned v = {TARN_SCANNED_NULL, 0, 0, {NULL, 0}};
    int rc = TARN_OK;

    switch (column) {
    case TARN_COL_GLOB: tarn_result_text(ctx, cur->glob); break;
    case TARN_COL_PREFIX: tarn_result_text(ctx, tarn_scan_prefix(cur->scan)); break;
    case TARN_COL_FILENAME: tarn_result_text(ctx, tarn_scan_filename(cur->scan)); break;
    case TARN_COL_TS_MS:
        rc = tarn_scan_value(cur->scan, TARN_EV_TS, &v, err);
        if (rc == TARN_OK && v.kind == TARN_SCANNED_INT) sqlite3_result_int64(ctx, v.i);
        break;
    case TARN_COL_EXTRA: return result_column(cur, ctx, TARN_EV_EXTRA, err);
    case TARN_COL_DURATION: return result_column(cur, ctx, TARN_EV_DURATION_MS, err);
    case TARN_COL_TS_HOUR: return result_column(cur, ctx, TARN_SCAN_HOUR, err);
    case TARN_COL_TS_DAY: return result_column(cur, ctx, TARN_SCAN_DAY, err);
    case TARN_COL_ID: return result_member(cur, ctx, "id", NULL, NULL, err);
    case TARN_COL_CLASS: return result_member(cur, ctx, "do", "class", "class", err);
    case TARN_COL_DO_ID: return result_member(cur, ctx, "do", "id", NULL, err);
    case TARN_COL_COLO: return result_member(cur, ctx, "do", "colo", "colo", err);
    case TARN_COL_SUCCESS: return result_member(cur, ctx, "success", NULL, NULL, err);
    default: break;
    }
    return rc;
}

static int events_column(sqlite3_vtab_cursor *base, sqlite3_context *ctx, int column) {
    struct cursor *cur = (struct cursor *)base;
    struct tarn_err err;
    int rc;

    tarn_err_clear(&err);
    rc = column < TARN_EV_COLUMNS ? result_column(cur, ctx, column, &err)
                                  : result_hidden(cur, ctx, column, &err);
    return rc ? tarn_vtab_err(base->pVtab, &err) : SQLITE_OK;
}

/* Events have no stable row number (events_plan.c says what depends on that). A fresh one each
** time at least never makes two rows one. */
static int events_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *out) {
    *out = ++((struct tarn_events_table *)base->pVtab)->rowids;
    return SQLITE_OK;
}

static int events_begin(sqlite3_vtab *vtab) {
    struct tarn_conn *conn = ((struct tarn_events_table *)vtab)->conn;
    struct tarn_err err = {0};

    if (tarn_conn_refresh(conn, &err) == TARN_OK) (void)tarn_txn_begin(conn, vtab, &err);
    return tarn_vtab_err(vtab, &err);
}

static int events_sync(sqlite3_vtab *vtab) {
    struct tarn_err err = {0};

    (void)tarn_txn_sync(((struct tarn_events_table *)vtab)->conn, &err);
    return tarn_vtab_err(vtab, &err);
}

static int events_commit(sqlite3_vtab *vtab) {
    tarn_txn_commit(((struct tarn_events_table *)vtab)->conn);
    return SQLITE_OK;
}

static int events_rollback(sqlite3_vtab *vtab) {
    tarn_txn_rollback(((struct tarn_events_table *)vtab)->conn);
    return SQLITE_OK;
}

static int events_savepoint(sqlite3_vtab *vtab, int n) {
    struct tarn_err err = {0};

    (void)tarn_txn_savepoint(((struct tarn_events_table *)vtab)->conn, vtab, n, &err);
    return tarn_vtab_err(vtab, &err);
}

static int events_release(sqlite3_vtab *vtab, int n) {
    tarn_txn_release(((struct tarn_events_table *)vtab)->conn, n);
    return SQLITE_OK;
}

static int events_rollback_to(sqlite3_vtab *vtab, int n) {
    struct tarn_err err = {0};

    (void)tarn_txn_rollback_to(((struct tarn_events_table *)vtab)->conn, n, &err);
    return tarn_vtab_err(vtab, &err);
}

static int events_rename(sqlite3_vtab *vtab, const char *name) {
    struct tarn_events_table *t = (struct tarn_events_table *)vtab;
    char *copy = tarn_strdup(name);

    if (!copy) return SQLITE_NOMEM;
    tarn_free(t->name);
    t->name = copy;
    return SQLITE_OK;
}

/* xCreate = xConnect makes the table eponymous and creatable at once: dropping one drops nothing. */
static const sqlite3_module events_module = {
    .iVersion = 2,
    .xCreate = events_connect,
    .xConnect = events_connect,
    .xBestIndex = tarn_events_best_index,
    .xDisconnect = events_disconnect,
    .xDestroy = events_disconnect,
    .xOpen = events_open,
    .xClose = events_close,
    .xFilter = events_filter,
    .xNext = events_next,
    .xEof = events_eof,
    .xColumn = events_column,
    .xRowid = events_rowid,
    .xUpdate = tarn_events_update,
    .xBegin = events_begin,
    .xSync = events_sync,
    .xCommit = events_commit,
    .xRollback = events_rollback,
    .xRename = events_rename,
    .xSavepoint = events_savepoint,
    .xRelease = events_release,
    .xRollbackTo = events_rollback_to,
};

static const struct tarn_table tables[] = {
    {.help =
         {"events", "table", "([glob])", "one row per event",
          "The events of the lake: those in files, those committed and not yet delivered, and "
          "this transaction's own. INSERT adds; events are never changed. Hidden columns: glob, "
          "id, prefix, filename, ts_ms, extra, class, do_id, colo, durationMs, success, ts_hour, "
          "ts_day (to group by).",
          "SELECT ts, type FROM events WHERE ts >= datetime('now', '-1 hour') ORDER BY ts DESC"},
     .module = &events_module},
    {.help =
         {"tarn_events", "table", "([glob])", "one row per event",
          "The same as events, under a name of its own for databases that have an events table.",
          "SELECT count(*) FROM tarn_events"},
     .module = &events_module},
};

const struct tarn_family tarn_family_events = {NULL, 0, tables, TARN_COUNT(tables)};
