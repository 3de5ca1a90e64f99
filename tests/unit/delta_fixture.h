/* delta_fixture.h: commits with changes, built by hand and written to the outbox as a transaction would
** write them; what the lake then holds is read back with SQL.
*/
#ifndef TARN_DELTA_FIXTURE_H
#define TARN_DELTA_FIXTURE_H

#include "outbox_fixture.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "bookmark.h"
#include "content.h"
#include "footer.h"
#include "record.h"
#include "sha256.h"
#include "store.h"
#include "ulid.h"

/* One database that is written and flushed. */
struct app {
    sqlite3 *db;
    struct tarn_db *d;
    struct tarn_outbox view;
    char lake[128];
};

static inline struct app app_open(const char *name, const char *lake) {
    struct app a = {.db = connect(name)};

    snprintf(a.lake, sizeof a.lake, "%s/%s", folder, lake);
    must(a.db, "SELECT tarn_config('autoFlush', 'off'), tarn_open('%s')", a.lake);
    assert_int_equal(tarn_db_attach(&a.d, a.db, NULL), 0);
    tarn_outbox_init(&a.view);
    return a;
}

static inline void app_close(struct app *a) {
    tarn_outbox_release(&a->view);
    tarn_db_release(a->d);
    assert_int_equal(sqlite3_close(a->db), SQLITE_OK);
}

/* What a transaction has to say. */
struct said {
    struct tarn_buf records;
    uint32_t changes, events;
    uint32_t collections;
    int files;
};

static inline struct said say(void) {
    struct said s = {.records = TARN_BUF_INIT((size_t)1 << 30)};

    return s;
}

static inline struct tarn_slice slice(const char *s) {
    return (struct tarn_slice){(const uint8_t *)s, strlen(s)};
}

/* A table (id INTEGER PRIMARY KEY, name TEXT), from epoch 2 on with `extra`. */
static inline void definition_of(struct tarn_definition *d, struct tarn_definition_column c[3],
                                 const char *name, uint64_t epoch) {
    static size_t key[1];

    memset(d, 0, sizeof *d);
    memset(c, 0, 3 * sizeof *c);
    d->name = slice(name);
    d->table = slice("people");
    d->epoch = epoch;
    d->n_columns = epoch > 1 ? 3 : 2;
    d->n_key = 1;
    d->columns = c;
    d->key = key;
    c[0].name = slice("id");
    c[0].affinity = 'D';
    c[0].key = 1;
    c[1].name = slice("name");
    c[1].affinity = 'B';
    c[2].name = slice("extra");
    c[2].affinity = 'E';
}

/* A 'T'; the number of the collection is returned. */
static inline uint32_t say_collection(struct said *s, const char *name, uint64_t epoch) {
    struct tarn_buf body = TARN_BUF_INIT(1 << 20);
    struct tarn_definition_column columns[3];
    struct tarn_definition d;

    definition_of(&d, columns, name, epoch);
    tarn_definition_put(&body, &d);
    tarn_payload_frame(&s->records, 'T', s->collections, body.data, body.len);
    tarn_buf_release(&body);
    return s->collections++;
}

static inline void put_change(struct tarn_buf *body, int op, int64_t id, const char *name,
                              const char *before, uint64_t epoch) {
    struct tarn_value new_row[3] = {{.type = TARN_VALUE_INTEGER, .integer = id},
                                    {.type = TARN_VALUE_TEXT},
                                    {.type = TARN_VALUE_REAL, .real = 1.5}};
    struct tarn_value old_row[3];
    struct tarn_definition_column columns[3];
    struct tarn_definition d;
    struct tarn_change c = {.op = op};

    memcpy(old_row, new_row, sizeof old_row);
    definition_of(&d, columns, "n/c", epoch);
    if (name) new_row[1].bytes = slice(name);
    if (before) old_row[1].bytes = slice(before);
    c.key = new_row;
    c.new_row = name ? new_row : NULL;
    c.old_row = before ? old_row : NULL;
    tarn_change_put(body, &d, &c);
}

/* An 'R': name NULL = no new row, before NULL = no row before. */
static inline void say_change_of(struct said *s, uint32_t number, int op, int64_t id,
                                 const char *name, const char *before, uint64_t epoch) {
    struct tarn_buf body = TARN_BUF_INIT(1 << 28);

    put_change(&body, op, id, name, before, epoch);
    assert_int_equal(body.rc, 0);
    tarn_payload_frame(&s->records, 'R', number, body.data, body.len);
    s->changes++;
    tarn_buf_release(&body);
}

static inline void say_change(struct said *s, uint32_t number, int op, int64_t id,
                              const char *name) {
    say_change_of(s, number, op, id, name, NULL, 1);
}

static inline void say_entry(struct said *s, uint32_t number, const char *json) {
    struct tarn_buf body = TARN_BUF_INIT(1 << 20);

    tarn_buf_u8(&body, TARN_OP_ENTRY);
    tarn_buf_u8(&body, 0);
    tarn_buf_puts(&body, json);
    tarn_payload_frame(&s->records, 'R', number, body.data, body.len);
    s->changes++;
    tarn_buf_release(&body);
}

/* Before all changes. */
static inline void say_event(struct said *s, const char *type) {
    struct tarn_event ev = {.present = TARN_EV_BIT(TARN_EV_TS) | TARN_EV_BIT(TARN_EV_TYPE),
                            .ts = tarn_time_now()};

    ev.text[TARN_EV_TYPE] = slice(type);
    tarn_event_encode(&s->records, &ev);
    s->events++;
}

/* Writes bytes as a spool file of changes; its name. */
static inline void store_changes(struct app *a, const struct tarn_buf *bytes,
                                 char name[TARN_SPOOL_NAME + 1]) {
    char id[TARN_ULID_LEN + 1], path[512];
    FILE *f;

    (void)mkdir(a->d->spool, 0755);
    assert_int_equal(tarn_ulid_new(tarn_time_now(), id), 0);
    snprintf(name, TARN_SPOOL_NAME + 1, "%s.changes", id);
    snprintf(path, sizeof path, "%s/%s", a->d->spool, name);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes->data, 1, bytes->len, f), bytes->len);
    assert_int_equal(fclose(f), 0);
}

/* All that was said goes to a file, which an 'F' names. */
static inline void say_in_file(struct app *a, struct said *s) {
    const struct tarn_change_summary *summaries = NULL;
    struct tarn_cursor c = {s->records.data, s->records.data + s->records.len, TARN_OK};
    struct tarn_buf record = TARN_BUF_INIT(1 << 20);
    struct tarn_content content;
    char name[TARN_SPOOL_NAME + 1];
    size_t n = 0;

    tarn_content_init(&content);
    while (c.p < c.end) {
        struct tarn_record r;

        assert_int_equal(tarn_payload_next(&c, &r, NULL), 0);
        assert_int_equal(tarn_content_add(&content, &r, NULL), 0);
    }
    assert_int_equal(tarn_content_summaries(&content, &summaries, &n, NULL), 0);
    store_changes(a, &s->records, name);
    tarn_payload_change_file(&record, name, s->records.len, summaries, n);
    tarn_content_release(&content);
    tarn_buf_release(&s->records);
    s->records = record;
    s->files = 1;
}

/* A 'B' of rows 1 … n. */
static inline void say_base(struct app *a, struct said *s, const char *collection, int n) {
    struct said rows = say();
    struct tarn_change_summary base = {slice(collection), (uint64_t)n, NULL};
    const struct tarn_change_summary *summaries = NULL;
    struct tarn_content content;
    struct tarn_cursor c;
    char name[TARN_SPOOL_NAME + 1];
    uint8_t nothing[TARN_SHA256];
    size_t one = 0;
    int i;

    (void)say_collection(&rows, collection, 1);
    for (i = 0; i < n; i++) {
        char text[32];

        snprintf(text, sizeof text, "base %d", 1000 + i);
        say_change(&rows, 0, TARN_OP_BASE, 1000 + i, text);
    }
    store_changes(a, &rows.records, name);
    tarn_content_init(&content);
    c = (struct tarn_cursor){rows.records.data, rows.records.data + rows.records.len, TARN_OK};
    while (c.p < c.end) {
        struct tarn_record r;

        assert_int_equal(tarn_payload_next(&c, &r, NULL), 0);
        assert_int_equal(tarn_content_add(&content, &r, NULL), 0);
    }
    assert_int_equal(tarn_content_summaries(&content, &summaries, &one, NULL), 0);
    assert_int_equal(one, n > 0);
    assert_int_equal(tarn_sha256("", 0, nothing), 0);
    base.digest = n ? summaries[0].digest : nothing;
    tarn_payload_base(&s->records, name, rows.records.len, &base);
    tarn_content_release(&content);
    tarn_buf_release(&rows.records);
    s->files = 1;
}

/* Commits it, in the database's file; its sequence. `submit` 0: this process's flusher isn't told. */
static inline uint64_t commit_as(struct app *a, struct said *s, int submit) {
    struct tarn_commit *c = tarn_calloc(1, sizeof *c);
    struct tarn_position position;
    struct tarn_err err = {0};
    uint64_t sequence;

    assert_non_null(c);
    assert_int_equal(s->records.rc, 0);
    c->events = s->events;
    c->changes = s->changes;
    c->files = s->files;
    c->len = s->records.len;
    c->payload = (uint8_t *)tarn_buf_steal(&s->records, NULL);
    must(a->db, "BEGIN IMMEDIATE");
    assert_int_equal(tarn_outbox_load(&a->view, a->db, NULL), 0);
    tarn_db_settled(a->d, &position);
    if (tarn_outbox_write(&a->view, a->db, a->d->id, a->d->name, &position, c, &err)) {
        fail_msg("%s", err.msg);
    }
    must(a->db, "COMMIT");
    tarn_outbox_committed(&a->view, c);
    tarn_db_identify(a->d, &a->view);
    sequence = c->sequence;
    if (submit) {
        tarn_db_submit(a->d, c);
    } else {
        tarn_commit_free(c);
    }
    return sequence;
}

static inline uint64_t commit(struct app *a, struct said *s) {
    return commit_as(a, s, 1);
}

/* One insert into a collection, committed. */
static inline uint64_t commit_insert(struct app *a, const char *collection, int64_t id,
                                     const char *name) {
    struct said s = say();

    say_change(&s, say_collection(&s, collection, 1), TARN_OP_INSERT, id, name);
    return commit(a, &s);
}

static inline int64_t flush(struct app *a) {
    struct tarn_err err = {0};
    int64_t n = 0;

    if (tarn_flusher_drain(a->d, &n, &err)) fail_msg("%s", err.msg);
    return n;
}

/* It must fail, and say each of these words. */
static inline void flush_fails(struct app *a, const char *word, const char *other) {
    struct tarn_err err = {0};

    assert_int_not_equal(tarn_flusher_drain(a->d, NULL, &err), 0);
    if (!strstr(err.msg, word) || !strstr(err.msg, other)) fail_msg("%s", err.msg);
}

/* The first column of the first row as text; good until the next call. */
static inline const char *text_of(sqlite3 *db, const char *fmt, ...) {
    static char out[8192];
    sqlite3_stmt *stmt = NULL;
    va_list ap;
    char *sql;

    va_start(ap, fmt);
    sql = sqlite3_vmprintf(fmt, ap);
    va_end(ap);
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) || sqlite3_step(stmt) != SQLITE_ROW) {
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    }
    snprintf(out, sizeof out, "%s",
             sqlite3_column_text(stmt, 0) ? (const char *)sqlite3_column_text(stmt, 0) : "NULL");
    sqlite3_finalize(stmt);
    sqlite3_free(sql);
    return out;
}

/* Table `name` of all files of the lake that the glob matches; rows in the order of the files. */
static inline void show(struct app *a, const char *name, const char *glob) {
    must(a->db, "DROP TABLE IF EXISTS temp.%s; CREATE VIRTUAL TABLE temp.%s USING parquet('%s/%s')",
         name, name, a->lake, glob);
}

/* The rows of all deltas of a collection, as text. */
static inline const char *rows_of(struct app *a, const char *collection) {
    char glob[256];

    snprintf(glob, sizeof glob, "cdc/%s/deltas/*.parquet", collection);
    show(a, "shown", glob);
    return text_of(a->db,
                   "SELECT group_concat(op || ' ' || pk || ' ' || coalesce(data, '-'), '; ') "
                   "FROM (SELECT * FROM temp.shown ORDER BY rowid)");
}

/* Names of the files below a folder of the lake, sorted; good until the next call. */
static inline const char *files_in(struct app *a, const char *below) {
    static char out[8192];
    char command[512];
    size_t n;
    FILE *f;

    snprintf(command, sizeof command,
             "cd %s/%s 2>/dev/null && find . -type f | sort | tr '\\n' ' '", a->lake, below);
    f = popen(command, "r");
    assert_non_null(f);
    n = fread(out, 1, sizeof out - 1, f);
    out[n] = 0;
    (void)pclose(f);
    return out;
}

/* A footer key of the one object whose key begins with `key`; good until the next call. */
static inline const char *footer_of(struct app *a, const char *key, const char *name) {
    static char out[8192];
    struct tarn_store *store = NULL;
    struct tarn_listing found = {0};
    struct tarn_source src = {0};
    struct tarn_pq_footer *footer = NULL;
    const char *value;

    assert_int_equal(tarn_store_open(&store, a->lake, NULL, NULL), 0);
    assert_int_equal(tarn_store_list(store, key, 0, NULL, 0, &found, NULL), 0);
    assert_int_equal(found.n_objects, 1);
    assert_int_equal(tarn_store_source(store, &found.objects[0], &src, NULL), 0);
    assert_int_equal(tarn_pq_footer_read(&footer, &src, NULL), 0);
    value = tarn_pq_footer_kv(footer, name);
    snprintf(out, sizeof out, "%s", value ? value : "(none)");
    tarn_pq_footer_free(footer);
    tarn_source_close(&src);
    tarn_listing_release(&found);
    tarn_store_free(store);
    return out;
}

/* SQL over the JSON `m` of an object; good until the next call. */
static inline const char *json_of(struct app *a, const char *key, const char *sql) {
    struct tarn_store *store = NULL;
    const char *out;
    char *text = NULL;
    size_t n = 0;

    assert_int_equal(tarn_store_open(&store, a->lake, NULL, NULL), 0);
    if (tarn_store_get_all(store, key, 1 << 26, &text, &n, NULL)) fail_msg("%s is not there", key);
    out = text_of(a->db, "SELECT %s FROM (SELECT %Q AS m)", sql, text);
    tarn_free(text);
    tarn_store_free(store);
    return out;
}

static inline const char *manifest(struct app *a, const char *collection, const char *sql) {
    char key[512];

    snprintf(key, sizeof key, "cdc/%s/manifest.json", collection);
    return json_of(a, key, sql);
}

static inline void log_key(struct app *a, unsigned timeline, unsigned n, const char *extension,
                           char out[512]) {
    snprintf(out, 512, "_tarn/db/%s/%s/log/%08x/%012u%s", a->d->name, a->d->id, timeline, n,
             extension);
}

static inline const char *log_entry(struct app *a, unsigned timeline, unsigned n, const char *sql) {
    char key[512];

    log_key(a, timeline, n, ".json", key);
    return json_of(a, key, sql);
}

/* Files left in the -spool folder. */
static inline int count_spools(struct app *a) {
    char command[512];
    int n = -1;
    FILE *f;

    snprintf(command, sizeof command, "ls %s 2>/dev/null | wc -l", a->d->spool);
    f = popen(command, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &n), 1);
    (void)pclose(f);
    return n;
}

#endif
