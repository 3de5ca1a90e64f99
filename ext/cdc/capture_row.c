/* capture_row.c: one call of the preupdate hook as a record.
**
** Values are taken as the table stores them, whatever the hook of this SQLite says: a whole number in a
** column of REAL affinity is a REAL; a NULL of a column that has a default may be one that ALTER added
** after the row was written, so the row itself is asked; old values behind a VIRTUAL column are given
** with the affinity of another column (3.40), so there the row is asked always.
*/
#include <string.h>

#include "capture_impl.h"
#include "mem.h"
#include "payload.h"
#include "txn.h"

/* sqlite3_value_text would copy what has no NUL at its end, as values of the hook have none;
** sqlite3_value_blob gives the bytes as they are, NULL for none. */
static const void *text_bytes(sqlite3_value *v, int utf8) {
    const void *bytes = utf8 ? sqlite3_value_blob(v) : sqlite3_value_text(v);

    return bytes || !utf8 ? bytes : "";
}

void tarn_capture_put_value(struct tarn_buf *b, sqlite3_value *v, uint8_t affinity, int utf8) {
    struct tarn_value value = {0};

    switch (sqlite3_value_type(v)) {
    case SQLITE_INTEGER:
        value.integer = sqlite3_value_int64(v);
        value.type = affinity == 'E' ? TARN_VALUE_REAL : TARN_VALUE_INTEGER;
        if (affinity == 'E') value.real = (double)value.integer;
        break;
    case SQLITE_FLOAT:
        value.type = TARN_VALUE_REAL;
        value.real = sqlite3_value_double(v);
        break;
    case SQLITE_TEXT:
        value.type = TARN_VALUE_TEXT;
        value.bytes.data = text_bytes(v, utf8);
        value.bytes.len = (size_t)sqlite3_value_bytes(v);
        if (!value.bytes.data) b->rc = TARN_ENOMEM;
        break;
    case SQLITE_BLOB:
        value.type = TARN_VALUE_BLOB;
        value.bytes.data = sqlite3_value_blob(v);
        value.bytes.len = (size_t)sqlite3_value_bytes(v);
        break;
    default: value.type = TARN_VALUE_NULL; break;
    }
    tarn_value_put(b, &value);
}

void tarn_capture_put_column(struct tarn_buf *b, sqlite3_value *v,
                             const struct tarn_shape_column *column, int utf8, int *null_key) {
    if (column->key && sqlite3_value_type(v) == SQLITE_NULL) *null_key = 1;
    tarn_capture_put_value(b, v, column->affinity, utf8);
}

void tarn_capture_put_rowid(struct tarn_buf *b, size_t body, int64_t rowid) {
    struct tarn_value value = {.type = TARN_VALUE_INTEGER, .integer = rowid};

    if (b->rc) return;
    b->data[body + 1] |= TARN_PART_ROWID;
    tarn_value_put(b, &value);
}

static int hook_failed(struct tarn_collection *t, int sq, struct tarn_err *err) {
    return tarn_err_set(err, sq == SQLITE_NOMEM ? TARN_ENOMEM : TARN_EIO,
                        "table %.100s: SQLite does not give the values of a change (code %d)",
                        t->table, sq);
}

/* Column i of the row before, or after, the change. */
static int hook_value(struct tarn_capture *c, struct tarn_collection *t, int old, size_t i,
                      sqlite3_value **out, struct tarn_err *err) {
    const struct tarn_shape_column *column = &t->shape.columns[i];
    sqlite3 *db = c->conn->db;
    int sq;

    if (old && c->old_row) {
        *out = sqlite3_column_value(c->old_row, (int)i);
        return TARN_OK;
    }
    sq = old ? c->preupdate->old_value(db, column->old_at, out)
             : c->preupdate->new_value(db, column->new_at, out);
    return sq || !*out ? hook_failed(t, sq ? sq : SQLITE_NOMEM, err) : TARN_OK;
}

/* Must the old row be read from the table? */
static int is_doubtful(struct tarn_capture *c, struct tarn_collection *t, int *yes,
                       struct tarn_err *err) {
    sqlite3_value *v = NULL;
    size_t i;

    *yes = 0;
    if (c->old_row || !c->preupdate->old_lacks_defaults) return TARN_OK;
    for (i = 0; i < t->shape.n_columns && !*yes; i++) {
        if (!t->shape.columns[i].has_default) continue;
        if (hook_value(c, t, 1, i, &v, err)) return err->code;
        *yes = sqlite3_value_type(v) == SQLITE_NULL;
    }
    return TARN_OK;
}

static int put_old_row(struct tarn_capture *c, struct tarn_collection *t, struct tarn_buf *b,
                       int64_t rowid, int *null_key, struct tarn_err *err) {
    sqlite3_value *v = NULL;
    int doubtful = 0;
    int row = 0;
    size_t i;
    int rc = is_doubtful(c, t, &doubtful, err);

    if (rc == TARN_OK && doubtful) rc = tarn_capture_read(c, t, rowid, &row, err);
    for (i = 0; i < t->shape.n_columns && rc == TARN_OK; i++) {
        if (row) {
            v = sqlite3_column_value(t->read, (int)i);
        } else {
            rc = hook_value(c, t, 1, i, &v, err);
        }
        if (rc == TARN_OK) tarn_capture_put_column(b, v, &t->shape.columns[i], c->utf8, null_key);
    }
    if (doubtful) (void)sqlite3_reset(t->read);
    return rc;
}

static int put_new_row(struct tarn_capture *c, struct tarn_collection *t, struct tarn_buf *b,
                       int *null_key, struct tarn_err *err) {
    sqlite3_value *v = NULL;
    size_t i;

    for (i = 0; i < t->shape.n_columns; i++) {
        if (hook_value(c, t, 0, i, &v, err)) return err->code;
        tarn_capture_put_column(b, v, &t->shape.columns[i], c->utf8, null_key);
    }
    return TARN_OK;
}

/* The key columns' values in the order of the key, or the rowid. */
static int put_key(struct tarn_capture *c, struct tarn_collection *t, struct tarn_buf *b, int old,
                   int64_t rowid, int *null_key, struct tarn_err *err) {
    struct tarn_value value = {.type = TARN_VALUE_INTEGER, .integer = rowid};
    sqlite3_value *v = NULL;
    size_t place, i;

    if (t->shape.n_key == 0) tarn_value_put(b, &value);
    for (place = 1; place <= t->shape.n_key; place++) {
        for (i = 0; t->shape.columns[i].key != place; i++) {
        }
        if (hook_value(c, t, old, i, &v, err)) return err->code;
        tarn_capture_put_column(b, v, &t->shape.columns[i], c->utf8, null_key);
    }
    return TARN_OK;
}

static int key_changed(struct tarn_capture *c, struct tarn_collection *t, int64_t old_rowid,
                       int64_t new_rowid, int *yes, struct tarn_err *err) {
    int null_key = 0;
    size_t half;
    size_t i;

    *yes = 0;
    if (t->shape.n_key == 0) {
        *yes = old_rowid != new_rowid;
        return TARN_OK;
    }
    for (i = 0; t->shape.n_key == 1 && i < t->shape.n_columns; i++) {
        if (!t->shape.columns[i].is_rowid) continue;
        *yes = old_rowid != new_rowid;
        return TARN_OK;
    }
    tarn_buf_clear(&c->key);
    if (put_key(c, t, &c->key, 1, 0, &null_key, err)) return err->code;
    half = c->key.len;
    if (put_key(c, t, &c->key, 0, 0, &null_key, err)) return err->code;
    if (c->key.rc) return tarn_err_set(err, c->key.rc, "out of memory");
    *yes = c->key.len != 2 * half || memcmp(c->key.data, c->key.data + half, half) != 0 ||
           (null_key && old_rowid != new_rowid);
    return TARN_OK;
}

static int put_definition(struct tarn_capture *c, struct tarn_collection *t, struct tarn_err *err) {
    struct tarn_buf frame = TARN_BUF_INIT((size_t)16 << 20);
    int rc;

    if (c->n_definitions == c->definitions_capacity) {
        uint32_t more = c->definitions_capacity ? 2 * c->definitions_capacity : 8;
        uint64_t *grown = tarn_reallocarray(c->definitions, more, sizeof *grown);

        if (!grown) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
        c->definitions = grown;
        c->definitions_capacity = more;
    }
    t->number = c->n_definitions;
    tarn_payload_frame(&frame, 'T', t->number, t->definition.data, t->definition.len);
    if (frame.rc) {
        rc = tarn_err_set(err, frame.rc, "out of memory");
    } else {
        c->definitions[t->number] = tarn_txn_changes_len(c->conn);
        rc = tarn_txn_change(c->conn, frame.data, frame.len, 0, err);
    }
    if (rc == TARN_OK) {
        t->defined = 1;
        c->n_definitions++;
    }
    tarn_buf_release(&frame);
    return rc;
}

static size_t varint(uint8_t *p, uint64_t v) {
    size_t n = 0;

    for (; v >= 0x80; v >>= 7)
        p[n++] = (uint8_t)(v | 0x80);
    p[n++] = (uint8_t)v;
    return n;
}

int tarn_capture_add(struct tarn_capture *c, struct tarn_collection *t, struct tarn_err *err) {
    uint8_t head[TARN_CAPTURE_HEAD];
    size_t n = 1;

    if (c->scratch.rc) {
        return tarn_err_set(err, c->scratch.rc, "table %.100s: a change of more than %zu MiB",
                            t->table, c->scratch.max >> 20);
    }
    if (!t->defined && put_definition(c, t, err)) return err->code;
    head[0] = 'R';
    n += varint(head + n, t->number);
    n += varint(head + n, c->scratch.len - TARN_CAPTURE_HEAD);
    memcpy(c->scratch.data + TARN_CAPTURE_HEAD - n, head, n);
    return tarn_txn_change(c->conn, c->scratch.data + TARN_CAPTURE_HEAD - n,
                           c->scratch.len - TARN_CAPTURE_HEAD + n, 1, err);
}

static struct tarn_buf *begin_body(struct tarn_capture *c, int op, unsigned parts) {
    struct tarn_buf *b = &c->scratch;

    tarn_buf_clear(b);
    if (tarn_buf_reserve(b, 512)) return b;
    b->len = TARN_CAPTURE_HEAD;
    b->data[b->len++] = (uint8_t)op;
    b->data[b->len++] = (uint8_t)parts;
    return b;
}

static int record(struct tarn_capture *c, struct tarn_collection *t, int op, int64_t old_rowid,
                  int64_t new_rowid, struct tarn_err *err) {
    int old = op != TARN_OP_INSERT && t->track_previous;
    int fresh = op != TARN_OP_DELETE;
    int key = t->shape.n_key == 0 || (!old && !fresh);
    int64_t rowid = fresh ? new_rowid : old_rowid;
    int null_key = 0;
    struct tarn_buf *b = begin_body(
        c, op, (fresh ? TARN_PART_NEW : 0) | (old ? TARN_PART_OLD : 0) | (key ? TARN_PART_KEY : 0));

    if (key && put_key(c, t, b, !fresh, rowid, &null_key, err)) return err->code;
    if (fresh && put_new_row(c, t, b, &null_key, err)) return err->code;
    if (old && put_old_row(c, t, b, old_rowid, &null_key, err)) return err->code;
    if (null_key) tarn_capture_put_rowid(b, TARN_CAPTURE_HEAD, rowid);
    return tarn_capture_add(c, t, err);
}

static void record_all(struct tarn_capture *c, struct tarn_collection *t, int op, int64_t old_rowid,
                       int64_t new_rowid, struct tarn_err *err) {
    int moved = 0;

    if (op == SQLITE_INSERT) {
        (void)record(c, t, TARN_OP_INSERT, old_rowid, new_rowid, err);
    } else if (op == SQLITE_DELETE) {
        (void)record(c, t, TARN_OP_DELETE, old_rowid, new_rowid, err);
    } else if (key_changed(c, t, old_rowid, new_rowid, &moved, err) == TARN_OK) {
        if (!moved) {
            (void)record(c, t, TARN_OP_UPDATE, old_rowid, new_rowid, err);
        } else if (record(c, t, TARN_OP_DELETE, old_rowid, new_rowid, err) == TARN_OK) {
            (void)record(c, t, TARN_OP_INSERT, old_rowid, new_rowid, err);
        }
    }
}

void tarn_capture_row(struct tarn_capture *c, struct tarn_collection *t, int op, int64_t old_rowid,
                      int64_t new_rowid, struct tarn_err *err) {
    int row = 0;

    if (op == SQLITE_INSERT || !t->shape.shifted) {
        record_all(c, t, op, old_rowid, new_rowid, err);
        return;
    }
    if (tarn_capture_read(c, t, old_rowid, &row, err) == TARN_OK) {
        if (row) c->old_row = t->read;
        record_all(c, t, op, old_rowid, new_rowid, err);
        c->old_row = NULL;
    }
    (void)sqlite3_reset(t->read);
}
