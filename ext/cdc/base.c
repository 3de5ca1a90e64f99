/* base.c: what a table holds when its tracking begins, as a spool file: one definition, then one record
** a row, sorted by the bytes of pk. SQLite does the sorting, and spills where it must.
*/
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "capture_impl.h"
#include "db.h"
#include "mem.h"
#include "payload.h"
#include "sha256.h"
#include "spill.h"
#include "tracking.h"

static char *select_sql(const struct tarn_shape *s) {
    sqlite3_str *sql = sqlite3_str_new(NULL);
    const char *rowid = s->rowid_name ? s->rowid_name : "NULL";
    size_t i;

    sqlite3_str_appendall(sql, "SELECT ");
    for (i = 0; i < s->n_columns; i++)
        sqlite3_str_appendf(sql, "\"%w\", ", s->columns[i].name);
    sqlite3_str_appendf(sql, "%s, _tarn_pk(%s", rowid, rowid);
    if (s->n_key == 0) sqlite3_str_appendf(sql, ", 'A', %s", rowid);
    for (size_t place = 1; place <= s->n_key; place++) {
        for (i = 0; s->columns[i].key != place; i++) {
        }
        sqlite3_str_appendf(sql, ", '%c', \"%w\"", s->columns[i].affinity, s->columns[i].name);
    }
    sqlite3_str_appendf(sql, ") FROM main.\"%w\" ORDER BY %d", s->table, (int)s->n_columns + 2);
    return sqlite3_str_finish(sql);
}

/* _tarn_pk(rowid, affinity, value, …): the column pk of a row with this rowid and these key values, as a
** blob, so that it is compared by its bytes. */
static void pk_call(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    struct tarn_buf encoded = TARN_BUF_INIT((size_t)1 << 30);
    struct tarn_buf pk = TARN_BUF_INIT((size_t)1 << 30);
    int n = (argc - 1) / 2;
    int text = 0;
    int null_key = 0;
    struct tarn_value *values = tarn_calloc((size_t)n + 2, sizeof *values);
    struct tarn_cursor c;
    int i;

    for (i = 0; i < n; i++) {
        const unsigned char *affinity = sqlite3_value_text(argv[1 + 2 * i]);

        tarn_capture_put_value(&encoded, argv[2 + 2 * i], affinity ? affinity[0] : 'A', 0);
        if (i == 0) text = affinity && affinity[0] == 'B';
        if (sqlite3_value_type(argv[2 + 2 * i]) == SQLITE_NULL) null_key = 1;
    }
    if (null_key) tarn_capture_put_value(&encoded, argv[0], 'D', 0);
    n += null_key;
    c = (struct tarn_cursor){encoded.data, encoded.data + encoded.len, TARN_OK};
    for (i = 0; values && i < n; i++)
        tarn_value_take(&c, &values[i]);
    if (values) tarn_value_key(&pk, values, (size_t)n, n == 1 && text);
    if (!values || encoded.rc || pk.rc) {
        sqlite3_result_error_nomem(ctx);
    } else {
        sqlite3_result_blob64(ctx, pk.data ? (void *)pk.data : "", pk.len, SQLITE_TRANSIENT);
    }
    tarn_free(values);
    tarn_buf_release(&encoded);
    tarn_buf_release(&pk);
}

int tarn_base_select(struct tarn_conn *c, const struct tarn_shape *s, sqlite3_stmt **out,
                     struct tarn_err *err) {
    char *sql = select_sql(s);
    int sq = sql ? sqlite3_prepare_v2(c->db, sql, -1, out, NULL) : SQLITE_NOMEM;

    sqlite3_free(sql);
    return tarn_err_sqlite(err, c->db, sq, "reading the rows of the table");
}

void tarn_base_row(struct tarn_buf *b, const struct tarn_shape *s, sqlite3_stmt *row) {
    struct tarn_value key = {.type = TARN_VALUE_INTEGER};
    int null_key = 0;
    size_t i;

    tarn_buf_clear(b);
    tarn_buf_u8(b, TARN_OP_BASE);
    tarn_buf_u8(b, (uint8_t)(TARN_PART_NEW | (s->n_key ? 0 : TARN_PART_KEY)));
    if (s->n_key == 0) {
        key.integer = sqlite3_column_int64(row, (int)s->n_columns);
        tarn_value_put(b, &key);
    }
    for (i = 0; i < s->n_columns; i++)
        tarn_capture_put_column(b, sqlite3_column_value(row, (int)i), &s->columns[i], 0, &null_key);
    if (null_key) {
        tarn_capture_put_rowid(b, 0, sqlite3_column_int64(row, (int)s->n_columns));
    }
}

int tarn_base_register(sqlite3 *db) {
    return sqlite3_create_function(db, "_tarn_pk", -1,
                                   SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
                                   pk_call, NULL, NULL);
}

struct writer {
    struct tarn_spill spill;
    struct tarn_buf body, frame;
    struct tarn_sha256_state *digest;
    uint64_t rows;
};

static int add_frame(struct writer *w, char kind, const uint8_t *body, size_t n,
                     struct tarn_err *err) {
    tarn_buf_clear(&w->frame);
    tarn_payload_frame(&w->frame, kind, 0, body, n);
    if (w->frame.rc)
        return tarn_err_set(err, w->frame.rc, "a row of more than 1 GiB, or no memory");
    /* behind 'R' and the number 0: "varint length | body" */
    if (kind == 'R' && tarn_sha256_more(w->digest, w->frame.data + 2, w->frame.len - 2)) {
        return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    }
    return tarn_spill_append(&w->spill, w->frame.data, w->frame.len, err);
}

static int write_rows(struct tarn_conn *c, struct tarn_collection *t, struct writer *w,
                      struct tarn_err *err) {
    sqlite3_stmt *stmt = NULL;
    int sq = SQLITE_OK;
    int rc = tarn_base_select(c, &t->shape, &stmt, err);

    while (rc == TARN_OK && (sq == SQLITE_OK || sq == SQLITE_ROW)) {
        sq = sqlite3_step(stmt);
        if (sq != SQLITE_ROW) break;
        tarn_base_row(&w->body, &t->shape, stmt);
        rc = w->body.rc ? tarn_err_set(err, w->body.rc, "out of memory")
                        : add_frame(w, 'R', w->body.data, w->body.len, err);
        w->rows++;
    }
    if (rc == TARN_OK && sq != SQLITE_DONE) {
        rc = tarn_err_sqlite(err, c->db, sq, "reading the rows of the table");
    }
    (void)sqlite3_finalize(stmt);
    return rc;
}

static void hex(const uint8_t *bytes, char out[65]) {
    static const char digits[] = "0123456789abcdef";
    int i;

    for (i = 0; i < 32; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[64] = 0;
}

int tarn_base_write(struct tarn_conn *c, struct tarn_collection *t, struct tarn_buf *record,
                    char digest[65], uint64_t *rows, struct tarn_err *err) {
    struct tarn_change_summary base = {{(const uint8_t *)t->name, strlen(t->name)}, 0, NULL};
    uint8_t sum[TARN_SHA256];
    struct writer w;
    int rc;

    memset(&w, 0, sizeof w);
    tarn_spill_init(&w.spill);
    w.spill.folder = c->shared->spool;
    tarn_buf_init(&w.body, (size_t)1 << 30);
    tarn_buf_init(&w.frame, (size_t)1 << 31);
    w.digest = tarn_sha256_begin();
    rc = w.digest ? add_frame(&w, 'T', t->definition.data, t->definition.len, err)
                  : tarn_err_set(err, TARN_ENOMEM, "out of memory");
    if (rc == TARN_OK) rc = write_rows(c, t, &w, err);
    if (rc == TARN_OK && tarn_sha256_end(w.digest, sum)) {
        rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
    } else if (rc) {
        (void)tarn_sha256_end(w.digest, NULL);
    }
    if (rc == TARN_OK) rc = tarn_spill_store(&w.spill, err);
    if (rc == TARN_OK) {
        base.rows = *rows = w.rows;
        base.digest = sum;
        hex(sum, digest);
        tarn_payload_base(record, tarn_spill_name(&w.spill), tarn_spill_len(&w.spill), &base);
        if (record->rc) rc = tarn_err_set(err, record->rc, "out of memory");
    }
    if (rc == TARN_OK) tarn_spill_keep(&w.spill);
    tarn_spill_release(&w.spill);
    tarn_buf_release(&w.body);
    tarn_buf_release(&w.frame);
    return rc;
}
