/* cdc_fixture.c: see cdc_fixture.h. */
#include "cdc_fixture.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "bookmark.h"
#include "cdc_table.h"
#include "db.h"
#include "family.h"
#include "mem.h"
#include "payload.h"
#include "record.h"
#include "time.h"
#include "txn.h"
#include "txn_impl.h"
#include "writer.h"

/* ---- the table `change` */

#define NAMES 16

struct change_table {
    sqlite3_vtab base;
    struct tarn_conn *conn;
    struct {
        char name[64];
        uint64_t offset; /* where its 'T' is: undone when the buffer is shorter */
    } defined[NAMES];
    int n;
};

struct change_cursor {
    sqlite3_vtab_cursor base;
};

static struct tarn_slice slice(const char *s) {
    return (struct tarn_slice){(const uint8_t *)s, strlen(s)};
}

static struct tarn_definition definition_of(const char *name,
                                            struct tarn_definition_column columns[2]) {
    static size_t key[1] = {0};
    struct tarn_definition d;

    memset(&d, 0, sizeof d);
    memset(columns, 0, 2 * sizeof *columns);
    columns[0].name = slice("id");
    columns[0].affinity = 'D';
    columns[0].key = 1;
    columns[1].name = slice("name");
    columns[1].affinity = 'B';
    d.name = slice(name);
    d.table = slice("t");
    d.n_columns = 2;
    d.n_key = 1;
    d.columns = columns;
    d.key = key;
    return d;
}

static int change_connect(sqlite3 *db, void *aux, int argc, const char *const *argv,
                          sqlite3_vtab **out, char **message) {
    struct change_table *t = tarn_calloc(1, sizeof *t);

    (void)argc;
    (void)argv;
    (void)message;
    t->conn = aux;
    *out = &t->base;
    return sqlite3_declare_vtab(db, "CREATE TABLE x(collection, op, id INTEGER, name, was)");
}

static int change_disconnect(sqlite3_vtab *vtab) {
    tarn_free(vtab);
    return SQLITE_OK;
}

static int change_best(sqlite3_vtab *vtab, sqlite3_index_info *info) {
    (void)vtab;
    (void)info;
    return SQLITE_OK;
}

static int change_open(sqlite3_vtab *vtab, sqlite3_vtab_cursor **out) {
    struct change_cursor *c = tarn_calloc(1, sizeof *c);

    (void)vtab;
    *out = &c->base;
    return SQLITE_OK;
}

static int change_close(sqlite3_vtab_cursor *c) {
    tarn_free(c);
    return SQLITE_OK;
}

static int change_filter(sqlite3_vtab_cursor *c, int num, const char *plan, int argc,
                         sqlite3_value **argv) {
    (void)c;
    (void)num;
    (void)plan;
    (void)argc;
    (void)argv;
    return SQLITE_OK;
}

static int change_next(sqlite3_vtab_cursor *c) {
    (void)c;
    return SQLITE_OK;
}

static int change_eof(sqlite3_vtab_cursor *c) {
    (void)c;
    return 1;
}

static int change_column(sqlite3_vtab_cursor *c, sqlite3_context *ctx, int i) {
    (void)c;
    (void)ctx;
    (void)i;
    return SQLITE_OK;
}

static int change_rowid(sqlite3_vtab_cursor *c, sqlite3_int64 *out) {
    (void)c;
    *out = 0;
    return SQLITE_OK;
}

static int refuse(sqlite3_vtab *vtab, struct tarn_err *err) {
    vtab->zErrMsg = sqlite3_mprintf("%s", err->msg);
    return SQLITE_ERROR;
}

/* The number of the collection in this transaction; its 'T' goes to `out` if it has none yet. */
static uint32_t number_of(struct change_table *t, const char *name, struct tarn_buf *out) {
    uint64_t len = tarn_txn_changes_len(t->conn);
    struct tarn_definition_column columns[2];
    struct tarn_definition d = definition_of(name, columns);
    struct tarn_buf body = TARN_BUF_INIT(1 << 20);
    int i;

    while (t->n > 0 && t->defined[t->n - 1].offset >= len)
        t->n--;
    for (i = 0; i < t->n; i++) {
        if (strcmp(t->defined[i].name, name) == 0) return (uint32_t)i;
    }
    assert_true(t->n < NAMES);
    snprintf(t->defined[t->n].name, sizeof t->defined[t->n].name, "%s", name);
    t->defined[t->n].offset = len;
    tarn_definition_put(&body, &d);
    tarn_payload_frame(out, 'T', (uint32_t)t->n, body.data, body.len);
    tarn_buf_release(&body);
    return (uint32_t)t->n++;
}

static void put_change(struct change_table *t, sqlite3_value **v, struct tarn_buf *out) {
    const char *name = (const char *)sqlite3_value_text(v[0]);
    const char *word = (const char *)sqlite3_value_text(v[1]);
    struct tarn_definition_column columns[2];
    struct tarn_definition d = definition_of(name, columns);
    struct tarn_value now[2], was[2];
    struct tarn_buf body = TARN_BUF_INIT(1 << 24);
    struct tarn_change c;
    uint32_t number = number_of(t, name, out);

    memset(&c, 0, sizeof c);
    memset(now, 0, sizeof now);
    now[0].type = TARN_VALUE_INTEGER;
    now[0].integer = sqlite3_value_int64(v[2]);
    now[1].type = sqlite3_value_type(v[3]) == SQLITE_NULL ? TARN_VALUE_NULL : TARN_VALUE_TEXT;
    now[1].bytes = (struct tarn_slice){sqlite3_value_text(v[3]), (size_t)sqlite3_value_bytes(v[3])};
    memcpy(was, now, sizeof was);
    was[1].type = TARN_VALUE_TEXT;
    was[1].bytes = (struct tarn_slice){sqlite3_value_text(v[4]), (size_t)sqlite3_value_bytes(v[4])};
    c.op = strcmp(word, "entry") == 0 ? TARN_OP_ENTRY : tarn_op_from_word(slice(word));
    if (c.op == TARN_OP_ENTRY) c.entry = slice("{\"entry\":\"gap\"}");
    if (c.op == TARN_OP_INSERT || c.op == TARN_OP_UPDATE) c.new_row = now;
    if ((c.op == TARN_OP_UPDATE || c.op == TARN_OP_DELETE) &&
        sqlite3_value_type(v[4]) != SQLITE_NULL) {
        c.old_row = was;
    }
    c.key = now;
    tarn_change_put(&body, &d, &c);
    assert_int_equal(body.rc, 0);
    tarn_payload_frame(out, 'R', number, body.data, body.len);
    tarn_buf_release(&body);
}

static int change_update(sqlite3_vtab *vtab, int argc, sqlite3_value **argv, sqlite3_int64 *rowid) {
    struct change_table *t = (struct change_table *)vtab;
    struct tarn_buf out = TARN_BUF_INIT(1 << 24);
    struct tarn_err err = {0};

    (void)rowid;
    assert_int_equal(argc, 7);
    put_change(t, argv + 2, &out);
    (void)tarn_txn_change(t->conn, out.data, out.len, 1, &err);
    tarn_buf_release(&out);
    return err.code ? refuse(vtab, &err) : SQLITE_OK;
}

static int change_begin(sqlite3_vtab *vtab) {
    struct change_table *t = (struct change_table *)vtab;
    struct tarn_err err = {0};

    t->n = 0;
    if (tarn_conn_refresh(t->conn, &err) || tarn_txn_begin(t->conn, vtab, &err)) {
        return refuse(vtab, &err);
    }
    return SQLITE_OK;
}

static int change_sync(sqlite3_vtab *vtab) {
    struct tarn_err err = {0};

    return tarn_txn_sync(((struct change_table *)vtab)->conn, &err) ? refuse(vtab, &err)
                                                                    : SQLITE_OK;
}

static int change_commit(sqlite3_vtab *vtab) {
    tarn_txn_commit(((struct change_table *)vtab)->conn);
    return SQLITE_OK;
}

static int change_rollback(sqlite3_vtab *vtab) {
    tarn_txn_rollback(((struct change_table *)vtab)->conn);
    return SQLITE_OK;
}

static int change_savepoint(sqlite3_vtab *vtab, int n) {
    struct tarn_err err = {0};

    return tarn_txn_savepoint(((struct change_table *)vtab)->conn, vtab, n, &err)
               ? refuse(vtab, &err)
               : SQLITE_OK;
}

static int change_release(sqlite3_vtab *vtab, int n) {
    tarn_txn_release(((struct change_table *)vtab)->conn, n);
    return SQLITE_OK;
}

static int change_rollback_to(sqlite3_vtab *vtab, int n) {
    struct tarn_err err = {0};

    return tarn_txn_rollback_to(((struct change_table *)vtab)->conn, n, &err) ? refuse(vtab, &err)
                                                                              : SQLITE_OK;
}

static const sqlite3_module change_module = {
    .iVersion = 2,
    .xConnect = change_connect,
    .xBestIndex = change_best,
    .xDisconnect = change_disconnect,
    .xOpen = change_open,
    .xClose = change_close,
    .xFilter = change_filter,
    .xNext = change_next,
    .xEof = change_eof,
    .xColumn = change_column,
    .xRowid = change_rowid,
    .xUpdate = change_update,
    .xBegin = change_begin,
    .xSync = change_sync,
    .xCommit = change_commit,
    .xRollback = change_rollback,
    .xSavepoint = change_savepoint,
    .xRelease = change_release,
    .xRollbackTo = change_rollback_to,
};

/* ---- statements */

void fx_must(sqlite3 *db, const char *fmt, ...) {
    va_list ap;
    char *sql;

    va_start(ap, fmt);
    sql = sqlite3_vmprintf(fmt, ap);
    va_end(ap);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL)) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_free(sql);
}

static char *first_text(sqlite3 *db, const char *sql) {
    sqlite3_stmt *stmt = NULL;
    char *out = NULL;
    int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);

    if (rc == SQLITE_OK) rc = sqlite3_step(stmt);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    if (rc == SQLITE_ROW) {
        const char *s = (const char *)sqlite3_column_text(stmt, 0);

        out = sqlite3_mprintf("%s", s ? s : "NULL");
    }
    sqlite3_finalize(stmt);
    return out ? out : sqlite3_mprintf("");
}

char *fx_text(sqlite3 *db, const char *fmt, ...) {
    va_list ap;
    char *sql;
    char *out;

    va_start(ap, fmt);
    sql = sqlite3_vmprintf(fmt, ap);
    va_end(ap);
    out = first_text(db, sql);
    sqlite3_free(sql);
    return out;
}

void fx_expect(sqlite3 *db, const char *want, const char *fmt, ...) {
    va_list ap;
    char *sql;
    char *out;

    va_start(ap, fmt);
    sql = sqlite3_vmprintf(fmt, ap);
    va_end(ap);
    out = first_text(db, sql);
    if (strcmp(out, want) != 0) fail_msg("%s\nwant %s\ngot  %s", sql, want, out);
    sqlite3_free(sql);
    sqlite3_free(out);
}

void fx_fails(sqlite3 *db, const char *pattern, const char *fmt, ...) {
    va_list ap;
    char *sql;

    va_start(ap, fmt);
    sql = sqlite3_vmprintf(fmt, ap);
    va_end(ap);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK) fail_msg("%s: no error", sql);
    if (sqlite3_strglob(pattern, sqlite3_errmsg(db)) != 0) {
        fail_msg("%s\nwant %s\ngot  %s", sql, pattern, sqlite3_errmsg(db));
    }
    sqlite3_free(sql);
}

/* ---- the database and its lake */

sqlite3 *fx_connect(struct cdc_fixture *f, const char *name, struct tarn_conn **conn) {
    struct tarn_err err = {0};
    char path[256];
    sqlite3 *db = NULL;

    snprintf(path, sizeof path, "%s%s%s", *name == ':' ? "" : f->folder, *name == ':' ? "" : "/",
             name);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(tarn_conn_new(conn, db), 0);
    if (tarn_sql_register(*conn, &err)) fail_msg("%s", err.msg);
    assert_int_equal(sqlite3_create_module(db, "change", &change_module, *conn), SQLITE_OK);
    fx_must(db, "SELECT tarn_open('%q/lake'); SELECT tarn_config('autoFlush', 'off')", f->folder);
    return db;
}

void fx_open(struct cdc_fixture *f, const char *name) {
    struct tarn_store_options options = {.create = 1};
    struct tarn_err err = {0};
    char path[128];

    memset(f, 0, sizeof *f);
    snprintf(f->folder, sizeof f->folder, "%s/tarn-cdc-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    assert_non_null(mkdtemp(f->folder));
    setenv("HOME", f->folder, 1);
    snprintf(path, sizeof path, "%s/lake", f->folder);
    if (tarn_store_open(&f->store, path, &options, &err)) fail_msg("%s", err.msg);
    f->db = fx_connect(f, name, &f->conn);
}

void fx_close(struct cdc_fixture *f) {
    char command[128];

    assert_int_equal(sqlite3_close(f->db), SQLITE_OK);
    tarn_conn_unref(f->conn);
    tarn_store_free(f->store);
    snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
    assert_int_equal(system(command), 0);
}

void fx_id(struct cdc_fixture *f, char id[17]) {
    char name[128];

    tarn_db_identity(f->conn->shared, id, name);
}

void fx_change(struct cdc_fixture *f, const char *collection, const char *op, int id,
               const char *name, const char *was) {
    fx_must(f->db, "INSERT INTO change VALUES(%Q, %Q, %d, %Q, %Q)", collection, op, id, name, was);
}

static void put_bytes(struct cdc_fixture *f, const char *key, const void *p, size_t n) {
    struct tarn_err err = {0};

    if (tarn_store_put(f->store, key, p, n, NULL, NULL, &err)) fail_msg("%s", err.msg);
}

void fx_put_text(struct cdc_fixture *f, const char *key, const char *text) {
    put_bytes(f, key, text, strlen(text));
}

void fx_put(struct cdc_fixture *f, const char *key, const struct cdc_row *rows, int n,
            const struct cdc_file *how) {
    static const char *const names[] = {"op", "pk", "ts", "data", "prev", "bookmark"};
    struct tarn_column_spec columns[6];
    struct tarn_pq_writer_spec spec = {
        .columns = columns, .n_columns = 6, .codec = TARN_ZSTD, .sort_column = -1};
    struct tarn_buf b = TARN_BUF_INIT((size_t)1 << 30);
    struct tarn_pq_writer *w = NULL;
    struct tarn_err err = {0};
    struct tarn_sink sink;
    int i, k;

    memset(columns, 0, sizeof columns);
    for (i = 0; i < 6; i++) {
        columns[i].name = names[i];
        columns[i].physical = TARN_BYTE_ARRAY;
        columns[i].logical.kind = TARN_LOGICAL_STRING;
        columns[i].repetition = i == 3 || i == 4 ? TARN_OPTIONAL : TARN_REQUIRED;
        columns[i].codec = -1;
        columns[i].flags = TARN_COL_DICT;
        if (i == 1 || i == 2 || i == 5) columns[i].flags |= TARN_COL_STATS | TARN_COL_PAGE_STATS;
        if (i == 1) columns[i].flags |= TARN_COL_BLOOM;
    }
    spec.row_group_rows = how->row_group_rows;
    spec.page_rows = how->page_rows;
    tarn_sink_buf(&sink, &b);
    if (tarn_pq_writer_open(&w, &spec, &sink, &err)) fail_msg("%s", err.msg);
    for (i = 0; i < n; i++) {
        const char *const *cells = &rows[i].op;

        for (k = 0; k < 6; k++) {
            if (cells[k]) tarn_pq_put_bytes(w, k, cells[k], strlen(cells[k]));
        }
        tarn_pq_end_row(w);
    }
    if (how->ranges) tarn_pq_writer_meta(w, "tarn.ranges", how->ranges);
    if (how->definitions) tarn_pq_writer_meta(w, "tarn.definitions", how->definitions);
    if (tarn_pq_writer_finish(w, &err)) fail_msg("%s", err.msg);
    tarn_pq_writer_free(w);
    put_bytes(f, key, b.data, b.len);
    tarn_buf_release(&b);
}

void fx_move(struct cdc_fixture *f, const char *from, const char *to) {
    struct tarn_err err = {0};
    char *text = NULL;
    size_t n = 0;

    if (tarn_store_get_all(f->store, from, (size_t)1 << 30, &text, &n, &err)) {
        fail_msg("%s", err.msg);
    }
    if (to) put_bytes(f, to, text, n);
    tarn_free(text);
    if (tarn_store_delete(f->store, from, &err)) fail_msg("%s", err.msg);
}

void fx_end(struct cdc_fixture *f, uint32_t timeline, uint64_t entry, const char *end) {
    char id[17], name[128], key[512], text[64];

    tarn_db_identity(f->conn->shared, id, name);
    snprintf(key, sizeof key, "_tarn/db/%s/%s/log/%08" PRIx32 "/%012" PRIu64 ".end", name, id,
             timeline, entry);
    snprintf(text, sizeof text, "{\"end\":\"%s\"}\n", end);
    fx_put_text(f, key, text);
}

/* ---- what the flusher would write */

struct rows {
    struct cdc_row *rows;
    int n;
};

static char *copy(const struct tarn_buf *b) {
    char *s = tarn_malloc(b->len + 1);

    memcpy(s, b->data ? (const char *)b->data : "", b->len);
    s[b->len] = 0;
    return s;
}

static void add_row(struct rows *out, const struct tarn_commit *c, uint32_t timeline,
                    const struct tarn_definition *d, struct tarn_slice body) {
    struct tarn_buf b = TARN_BUF_INIT(1 << 24);
    char text[TARN_BOOKMARK + 1];
    char ts[TARN_TIME_LEN + 2];
    struct tarn_arena arena;
    struct tarn_change change;
    struct cdc_row *r;

    tarn_arena_init(&arena, NULL);
    assert_int_equal(tarn_change_take(&change, d, body, &arena, NULL), 0);
    if (change.op != TARN_OP_ENTRY) {
        out->rows = tarn_reallocarray(out->rows, (size_t)out->n + 1, sizeof *out->rows);
        r = &out->rows[out->n++];
        memset(r, 0, sizeof *r);
        r->op = tarn_op_word(change.op);
        tarn_change_pk(&b, d, &change);
        r->pk = copy(&b);
        tarn_buf_clear(&b);
        if (change.new_row) {
            tarn_row_json(&b, d, change.new_row);
            r->data = copy(&b);
        }
        tarn_buf_clear(&b);
        if (change.old_row) {
            tarn_row_json(&b, d, change.old_row);
            r->prev = copy(&b);
        }
        tarn_time_iso(c->time, ts);
        r->ts = tarn_strdup(ts);
        tarn_bookmark_text(text, timeline, c->sequence, c->time, c->digest);
        r->bookmark = tarn_strdup(text);
    }
    tarn_buf_release(&b);
    tarn_arena_release(&arena);
}

static int add_commit(struct rows *out, const struct tarn_commit *c, uint32_t timeline,
                      const char *collection) {
    struct tarn_cursor at = {c->payload, c->payload + c->len, TARN_OK};
    struct tarn_definition_column columns[2];
    struct tarn_definition d = definition_of(collection, columns);
    int before = out->n;
    int number = -1;

    while (at.p < at.end) {
        struct tarn_record r;
        struct tarn_slice name;

        assert_int_equal(tarn_payload_next(&at, &r, NULL), 0);
        assert_int_not_equal(r.kind, 'F');
        if (r.kind == 'T') {
            assert_int_equal(tarn_payload_name(r.body, &name, NULL), 0);
            if (name.len == strlen(collection) && memcmp(name.data, collection, name.len) == 0) {
                number = (int)r.number;
            }
        }
        if (r.kind == 'R' && (int)r.number == number) add_row(out, c, timeline, &d, r.body);
    }
    return out->n > before;
}

void fx_deliver(struct cdc_fixture *f, const char *collection, uint32_t timeline, uint64_t entry,
                uint64_t first, uint64_t last) {
    struct tarn_commit *commits = NULL;
    const struct tarn_commit *c;
    struct tarn_outbox view;
    struct tarn_err err = {0};
    struct cdc_file how = {0};
    struct rows rows = {NULL, 0};
    uint64_t number = 0;
    char key[256] = "", ranges[200], id[17], minute[TARN_TIME_LEN + 2];
    int more = 0;
    int i;

    tarn_outbox_init(&view);
    if (tarn_outbox_load(&view, f->db, &err) ||
        tarn_outbox_read(&view, f->db, first - 1, last, 1, &commits, &more, &err)) {
        fail_msg("%s", err.msg);
    }
    for (c = commits; c; c = c->next) {
        if (c->sequence > last || !add_commit(&rows, c, timeline, collection) || number) continue;
        number = c->sequence;
        tarn_time_iso(c->time, minute);
        minute[13] = '-';
        minute[16] = 0;
    }
    if (number == 0) fail_msg("nothing of %s between %d and %d", collection, (int)first, (int)last);
    snprintf(key, sizeof key, "cdc/%s/deltas/%03" PRIu64 "_%s", collection, number, minute);
    if (timeline) {
        snprintf(key + strlen(key), sizeof key - strlen(key), "-t%08" PRIx32, timeline);
    }
    snprintf(key + strlen(key), sizeof key - strlen(key), ".parquet");
    fx_id(f, id);
    snprintf(ranges, sizeof ranges,
             "[{\"database\":\"%s\",\"timeline\":%" PRIu32 ",\"entry\":%" PRIu64
             ",\"first\":%" PRIu64 ",\"last\":%" PRIu64 "}]",
             id, timeline, entry, first, last);
    how.ranges = ranges;
    fx_put(f, key, rows.rows, rows.n, &how);
    for (i = 0; i < rows.n; i++) {
        tarn_free((void *)(uintptr_t)rows.rows[i].pk);
        tarn_free((void *)(uintptr_t)rows.rows[i].ts);
        tarn_free((void *)(uintptr_t)rows.rows[i].data);
        tarn_free((void *)(uintptr_t)rows.rows[i].prev);
        tarn_free((void *)(uintptr_t)rows.rows[i].bookmark);
    }
    tarn_free(rows.rows);
    tarn_commit_free_list(commits);
    tarn_outbox_release(&view);
}

void fx_table(struct cdc_fixture *f, const char *namespace_, const char *collection) {
    struct tarn_err err = {0};

    if (tarn_cdc_table_make(f->conn, namespace_, collection, &err)) fail_msg("%s", err.msg);
}
