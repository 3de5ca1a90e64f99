/* capture_blob.c: rows that sqlite3_blob_write changes. The hook comes before the write and doesn't say
** what is written: the row is noted with its old values, and its new ones are taken when they are known,
** from the old values of its next change, or from the table before a savepoint or the commit. (Rows
** noted since a savepoint are forgotten when it is rolled back.)
*/
#include <string.h>

#include "capture_impl.h"
#include "mem.h"

void tarn_capture_forget_dirty(struct tarn_capture *c) {
    size_t i;

    for (i = 0; i < c->n_dirty; i++)
        tarn_free(c->dirty[i].before);
    c->n_dirty = 0;
}

static char *read_sql(const struct tarn_shape *s) {
    sqlite3_str *sql = sqlite3_str_new(NULL);
    const char *between = "SELECT ";
    size_t place, i;

    for (i = 0; i < s->n_columns; i++) {
        sqlite3_str_appendf(sql, "%s\"%w\"", between, s->columns[i].name);
        between = ", ";
    }
    if (s->n_columns == 0) sqlite3_str_appendall(sql, "SELECT 1");
    sqlite3_str_appendf(sql, " FROM main.\"%w\" WHERE ", s->table);
    if (!s->without_rowid) {
        for (i = 0; i < s->n_columns; i++) {
            if (s->columns[i].is_rowid) break;
        }
        if (i < s->n_columns) {
            sqlite3_str_appendf(sql, "\"%w\" = ?1", s->columns[i].name);
        } else {
            sqlite3_str_appendf(sql, "%s = ?1", s->rowid_name);
        }
        return sqlite3_str_finish(sql);
    }
    between = "";
    for (place = 1; place <= s->n_key; place++) {
        for (i = 0; s->columns[i].key != place; i++) {
        }
        sqlite3_str_appendf(sql, "%s\"%w\" = ?%d", between, s->columns[i].name, (int)place);
        between = " AND ";
    }
    return sqlite3_str_finish(sql);
}

int tarn_capture_read(struct tarn_capture *c, struct tarn_collection *t, int64_t rowid, int *row,
                      struct tarn_err *err) {
    sqlite3 *db = c->conn->db;
    int sq = SQLITE_OK;
    size_t i;

    *row = 0;
    if (!t->read) {
        char *sql = read_sql(&t->shape);

        if (!sql) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
        sq = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &t->read, NULL);
        sqlite3_free(sql);
    }
    if (sq == SQLITE_OK && !t->shape.without_rowid) sq = sqlite3_bind_int64(t->read, 1, rowid);
    for (i = 0; sq == SQLITE_OK && t->shape.without_rowid && i < t->shape.n_columns; i++) {
        const struct tarn_shape_column *column = &t->shape.columns[i];
        sqlite3_value *v = NULL;

        if (!column->key) continue;
        sq = c->preupdate->old_value(db, column->old_at, &v);
        if (sq == SQLITE_OK) sq = sqlite3_bind_value(t->read, column->key, v);
    }
    c->busy++;
    if (sq == SQLITE_OK) sq = sqlite3_step(t->read);
    c->busy--;
    *row = sq == SQLITE_ROW;
    if (sq == SQLITE_ROW || sq == SQLITE_DONE) return TARN_OK;
    return tarn_err_sqlite(err, db, sq, "reading a row of a tracked table");
}

/* The row as the hook has it (from_hook), or as the table has it now. */
static int put_row(struct tarn_capture *c, struct tarn_collection *t, int64_t rowid, int from_hook,
                   struct tarn_buf *b, int *there, int *null_key, struct tarn_err *err) {
    size_t i;
    int rc = TARN_OK;

    *there = 1;
    if (!from_hook) rc = tarn_capture_read(c, t, rowid, there, err);
    for (i = 0; i < t->shape.n_columns && rc == TARN_OK && *there; i++) {
        sqlite3_value *v = NULL;

        if (!from_hook) {
            v = sqlite3_column_value(t->read, (int)i);
        } else if (c->preupdate->old_value(c->conn->db, t->shape.columns[i].old_at, &v) || !v) {
            rc = tarn_err_set(err, TARN_EIO, "table %.100s: no values of a change", t->table);
            break;
        }
        tarn_capture_put_column(b, v, &t->shape.columns[i], c->utf8, null_key);
    }
    if (!from_hook) (void)sqlite3_reset(t->read);
    if (rc == TARN_OK && b->rc) rc = tarn_err_set(err, b->rc, "out of memory");
    return rc;
}

int tarn_capture_blob(struct tarn_capture *c, struct tarn_collection *t, int64_t rowid,
                      struct tarn_err *err) {
    struct tarn_buf before = TARN_BUF_INIT((size_t)1 << 31);
    struct tarn_dirty_row *d = NULL;
    int null_key = 0;
    int there = 0;
    size_t i;
    int rc;

    for (i = 0; i < c->n_dirty; i++) {
        if (c->dirty[i].collection == t->id && c->dirty[i].rowid == rowid) return TARN_OK;
    }
    if (c->n_dirty == c->dirty_capacity) {
        size_t more = c->dirty_capacity ? 2 * c->dirty_capacity : 8;

        d = tarn_reallocarray(c->dirty, more, sizeof *d);
        if (!d) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
        c->dirty = d;
        c->dirty_capacity = more;
    }
    rc = put_row(c, t, rowid, 0, &before, &there, &null_key, err); /* as it is before the write */
    if (rc || !there) {
        tarn_buf_release(&before);
        return rc;
    }
    d = &c->dirty[c->n_dirty++];
    d->collection = t->id;
    d->rowid = rowid;
    d->before = (uint8_t *)tarn_buf_steal(&before, &d->len);
    return d->before ? TARN_OK : tarn_err_set(err, TARN_ENOMEM, "out of memory");
}

static int settle_one(struct tarn_capture *c, struct tarn_collection *t, struct tarn_dirty_row *d,
                      int from_hook, struct tarn_err *err) {
    struct tarn_value key = {.type = TARN_VALUE_INTEGER, .integer = d->rowid};
    struct tarn_buf *b = &c->scratch;
    int rowid_key = t->shape.n_key == 0;
    int null_key = 0;
    int there = 0;
    size_t row;
    int rc;

    tarn_buf_clear(b);
    if (tarn_buf_reserve(b, 512)) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    b->len = TARN_CAPTURE_HEAD;
    tarn_buf_u8(b, TARN_OP_UPDATE);
    tarn_buf_u8(b, (uint8_t)(TARN_PART_NEW | (t->track_previous ? TARN_PART_OLD : 0) |
                             (rowid_key ? TARN_PART_KEY : 0)));
    if (rowid_key) tarn_value_put(b, &key);
    row = b->len;
    rc = put_row(c, t, d->rowid, from_hook, b, &there, &null_key, err);
    if (rc || !there) return rc;
    if (b->len - row == d->len && memcmp(b->data + row, d->before, d->len) == 0) return TARN_OK;
    if (t->track_previous) tarn_buf_put(b, d->before, d->len);
    if (null_key) tarn_capture_put_rowid(b, TARN_CAPTURE_HEAD, d->rowid);
    return tarn_capture_add(c, t, err);
}

int tarn_capture_settle(struct tarn_capture *c, struct tarn_collection *t, int64_t rowid,
                        struct tarn_err *err) {
    size_t i, n;
    int rc = TARN_OK;

    for (i = 0; i < c->n_dirty && rc == TARN_OK; i++) {
        struct tarn_dirty_row *d = &c->dirty[i];
        struct tarn_collection *of = t;

        if (t && (d->collection != t->id || d->rowid != rowid)) continue;
        for (n = 0; !t && n < c->n_collections; n++) {
            if (c->collections[n].id == d->collection) of = &c->collections[n];
        }
        if (of) rc = settle_one(c, of, d, t != NULL, err);
        tarn_free(d->before);
        *d = c->dirty[--c->n_dirty];
        i--;
    }
    return rc;
}
