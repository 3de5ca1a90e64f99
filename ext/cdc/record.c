/* record.c: definitions and changes as the bytes drawn in record.h.
**
** What is read may come from a stranger's database. A count is believed as far as there are bytes
** for it, and an array is taken only then. A change has one body: which of its parts are there
** follows from its op and the definition, so that a digest can be computed again from a delta.
*/
#include "record.h"

#include <string.h>

#include "keys.h"
#include "names.h"
#include "text.h"

#define FLAG_ROWID 1u
#define COLUMN_MIN 3 /* bytes of a column: an empty name's length, its affinity, its place */

static void put_text(struct tarn_buf *b, struct tarn_slice s) {
    tarn_buf_varint(b, s.len);
    tarn_buf_put(b, s.data, s.len);
}

void tarn_definition_put(struct tarn_buf *b, const struct tarn_definition *d) {
    put_text(b, d->name);
    tarn_buf_varint(b, d->epoch);
    tarn_buf_u8(b, d->rowid_key ? FLAG_ROWID : 0);
    put_text(b, d->table);
    tarn_buf_varint(b, d->n_columns);
    for (size_t i = 0; i < d->n_columns; i++) {
        put_text(b, d->columns[i].name);
        tarn_buf_u8(b, d->columns[i].affinity);
        tarn_buf_u8(b, d->columns[i].key);
    }
}

static int bad_definition(struct tarn_err *err, const struct tarn_definition *d, const char *why) {
    return tarn_err_set(err, TARN_ECORRUPT, "definition of the collection '%.*s': %s",
                        (int)(d->name.len < 80 ? d->name.len : 80),
                        d->name.len > 0 ? (const char *)d->name.data : "", why);
}

static struct tarn_slice take_text(struct tarn_cursor *c) {
    const uint64_t n = tarn_cursor_varint(c);
    struct tarn_slice s = {NULL, 0};

    if (c->rc == TARN_OK && n > (uint64_t)(c->end - c->p)) c->rc = TARN_ECORRUPT;
    if (c->rc == TARN_OK) s = (struct tarn_slice){c->p, (size_t)n};
    c->p += s.len;
    return s;
}

/* UTF-8 without NUL. */
static int is_name(struct tarn_slice s) {
    return s.len == 0 ||
           (memchr(s.data, 0, s.len) == NULL && tarn_utf8_invalid(s.data, s.len) == s.len);
}

/* Is this one segment of an object key, as tarn_percent_encode writes it? 0, TARN_ECORRUPT or
** TARN_ENOMEM. */
static int check_segment(const uint8_t *p, size_t n) {
    struct tarn_buf name = TARN_BUF_INIT(256), again = TARN_BUF_INIT(768);
    int rc = tarn_percent_decode(&name, (const char *)p, n) == 0 ? TARN_OK : TARN_ECORRUPT;

    if (rc == TARN_OK && name.rc == TARN_OK &&
        tarn_name_check((const char *)name.data, name.len, "name", NULL) != TARN_OK)
        rc = TARN_ECORRUPT;
    if (rc == TARN_OK && name.rc == TARN_OK)
        tarn_percent_encode(&again, (const char *)name.data, name.len);
    if (name.rc == TARN_ENOMEM || again.rc == TARN_ENOMEM)
        rc = TARN_ENOMEM;
    else if (name.rc != TARN_OK || again.rc != TARN_OK || again.len != n ||
             (n > 0 && memcmp(again.data, p, n) != 0))
        rc = TARN_ECORRUPT;
    tarn_buf_release(&name);
    tarn_buf_release(&again);
    return rc;
}

/* "namespace/collection" */
static int check_collection(struct tarn_slice s, struct tarn_err *err) {
    const uint8_t *slash = s.len > 0 ? memchr(s.data, '/', s.len) : NULL;
    int rc = slash != NULL ? check_segment(s.data, (size_t)(slash - s.data)) : TARN_ECORRUPT;

    if (rc == TARN_OK) rc = check_segment(slash + 1, (size_t)(s.data + s.len - slash - 1));
    if (rc == TARN_ENOMEM) return tarn_err_set(err, rc, "no memory for a definition");
    return rc == TARN_OK ? rc
                         : tarn_err_set(err, rc,
                                        "definition of a collection: its name is not "
                                        "{namespace}/{collection}");
}

static int take_columns(struct tarn_definition *d, struct tarn_cursor *c, struct tarn_arena *arena,
                        struct tarn_err *err) {
    const uint64_t n = tarn_cursor_varint(c);

    if (c->rc != TARN_OK) return bad_definition(err, d, "it is cut short");
    if (n > TARN_COLUMNS_MAX || n > (uint64_t)(c->end - c->p) / COLUMN_MIN)
        return bad_definition(err, d, "more columns than its bytes can hold");
    d->n_columns = (size_t)n;
    d->columns = tarn_arena_calloc(arena, n > 0 ? (size_t)n : 1, sizeof *d->columns);
    if (d->columns == NULL) return tarn_err_set(err, arena->rc, "no memory for a definition");
    for (size_t i = 0; i < d->n_columns; i++) {
        struct tarn_definition_column *column = &d->columns[i];

        column->name = take_text(c);
        column->affinity = tarn_cursor_u8(c);
        column->key = tarn_cursor_u8(c);
        if (c->rc != TARN_OK) return bad_definition(err, d, "it is cut short");
        if (!is_name(column->name))
            return bad_definition(err, d, "a column's name is not UTF-8 without NUL");
        if (column->affinity < 'A' || column->affinity > 'E')
            return bad_definition(err, d, "a column's affinity is none");
        if (column->key != 0) d->n_key++;
    }
    return c->p == c->end ? TARN_OK : bad_definition(err, d, "bytes behind its end");
}

/* Columns by their place in the key: each of 1 to n_key once. */
static int order_key(struct tarn_definition *d, struct tarn_arena *arena, struct tarn_err *err) {
    if (d->rowid_key) {
        if (d->n_key > 0)
            return bad_definition(err, d, "a column is in the key, which is the rowid");
        d->n_key = 1;
        return TARN_OK;
    }
    if (d->n_key == 0) return bad_definition(err, d, "it has no key");
    d->key = tarn_arena_alloc(arena, d->n_key * sizeof *d->key);
    if (d->key == NULL) return tarn_err_set(err, arena->rc, "no memory for a definition");
    for (size_t i = 0; i < d->n_key; i++)
        d->key[i] = SIZE_MAX;
    for (size_t i = 0; i < d->n_columns; i++) {
        const size_t place = d->columns[i].key;

        if (place == 0) continue;
        if (place > d->n_key) return bad_definition(err, d, "a place in the key is left out");
        if (d->key[place - 1] != SIZE_MAX)
            return bad_definition(err, d, "two columns have one place in the key");
        d->key[place - 1] = i;
    }
    return TARN_OK;
}

static int check_names(const struct tarn_definition *d, struct tarn_arena *arena,
                       struct tarn_err *err) {
    struct tarn_slice *names =
        tarn_arena_alloc(arena, (d->n_columns > 0 ? d->n_columns : 1) * sizeof *names);
    const struct tarn_slice *twice = NULL;

    if (names == NULL) return tarn_err_set(err, arena->rc, "no memory for a definition");
    for (size_t i = 0; i < d->n_columns; i++)
        names[i] = d->columns[i].name;
    if (tarn_names_twice(names, d->n_columns, 1, arena, &twice) != TARN_OK)
        return tarn_err_set(err, arena->rc, "no memory for a definition");
    return twice == NULL ? TARN_OK : bad_definition(err, d, "two columns have one name");
}

/* The columns' names as they begin the members of a row's JSON, all in one piece of memory. */
static int quote_names(struct tarn_definition *d, struct tarn_arena *arena, struct tarn_err *err) {
    struct tarn_buf b = TARN_BUF_INIT(SIZE_MAX / 2);
    uint8_t *bytes = NULL;
    int rc = TARN_OK;

    for (size_t i = 0; i < d->n_columns; i++) {
        const struct tarn_slice name = d->columns[i].name;
        const size_t from = b.len;

        tarn_json_quote(&b, (const char *)name.data, name.len);
        tarn_buf_u8(&b, ':');
        d->columns[i].member.len = b.len - from;
    }
    if (b.rc != TARN_OK) {
        rc = tarn_err_set(err, b.rc, "no memory for a definition");
    } else if (b.len > 0) {
        bytes = tarn_arena_memdup(arena, b.data, b.len);
        if (bytes == NULL) rc = tarn_err_set(err, arena->rc, "no memory for a definition");
    }
    for (size_t i = 0; rc == TARN_OK && i < d->n_columns; i++) {
        d->columns[i].member.data = bytes;
        bytes += d->columns[i].member.len;
    }
    tarn_buf_release(&b);
    return rc;
}

int tarn_definition_take(struct tarn_definition *out, struct tarn_slice body,
                         struct tarn_arena *arena, struct tarn_err *err) {
    struct tarn_cursor c = {body.data, body.len > 0 ? body.data + body.len : body.data, TARN_OK};
    uint8_t flags = 0;
    int rc = TARN_OK;

    memset(out, 0, sizeof *out);
    out->name = take_text(&c);
    rc = check_collection(out->name, err);
    if (rc != TARN_OK) return rc;
    out->epoch = tarn_cursor_varint(&c);
    flags = tarn_cursor_u8(&c);
    out->table = take_text(&c);
    if (c.rc != TARN_OK) return bad_definition(err, out, "it is cut short");
    if (flags & ~FLAG_ROWID) return bad_definition(err, out, "a flag that is none");
    if (!is_name(out->table)) return bad_definition(err, out, "the table's name is not UTF-8");
    out->rowid_key = (flags & FLAG_ROWID) != 0;
    rc = take_columns(out, &c, arena, err);
    if (rc == TARN_OK) rc = order_key(out, arena, err);
    if (rc == TARN_OK) rc = check_names(out, arena, err);
    if (rc == TARN_OK) rc = quote_names(out, arena, err);
    return rc;
}

int tarn_change_null_key(const struct tarn_definition *d, const struct tarn_change *c) {
    for (size_t i = 0; !d->rowid_key && i < d->n_key; i++) {
        if (c->key[i].type == TARN_VALUE_NULL) return 1;
    }
    return 0;
}

void tarn_change_put(struct tarn_buf *b, const struct tarn_definition *d,
                     const struct tarn_change *c) {
    const struct tarn_value rowid = {TARN_VALUE_INTEGER, c->rowid, 0, {NULL, 0}};
    const int key = d->rowid_key || (c->new_row == NULL && c->old_row == NULL);
    unsigned parts = 0;

    tarn_buf_u8(b, (uint8_t)c->op);
    if (c->op == TARN_OP_ENTRY) {
        tarn_buf_u8(b, 0);
        tarn_buf_put(b, c->entry.data, c->entry.len);
        return;
    }
    parts = (key ? TARN_PART_KEY : 0) | (c->new_row != NULL ? TARN_PART_NEW : 0) |
            (c->old_row != NULL ? TARN_PART_OLD : 0) |
            (tarn_change_null_key(d, c) ? TARN_PART_ROWID : 0);
    tarn_buf_u8(b, (uint8_t)parts);
    if (key) tarn_value_put_row(b, c->key, d->n_key);
    if (c->new_row != NULL) tarn_value_put_row(b, c->new_row, d->n_columns);
    if (c->old_row != NULL) tarn_value_put_row(b, c->old_row, d->n_columns);
    if (parts & TARN_PART_ROWID) tarn_value_put(b, &rowid);
}

static int bad_change(struct tarn_err *err, const struct tarn_definition *d,
                      const struct tarn_change *c, const char *why) {
    return tarn_err_set(err, TARN_ECORRUPT, "a change of the collection '%.*s' (op %d): %s",
                        (int)(d->name.len < 80 ? d->name.len : 80),
                        d->name.len > 0 ? (const char *)d->name.data : "", c->op, why);
}

/* The parts that a body of this op has, its rows being what they are. */
static int parts_fit(const struct tarn_change *c, const struct tarn_definition *d) {
    const unsigned rows = c->parts & (TARN_PART_NEW | TARN_PART_OLD);
    const unsigned key = d->rowid_key || rows == 0 ? TARN_PART_KEY : 0;

    if ((c->parts & ~TARN_PART_ROWID) != (rows | key)) return 0;
    switch (c->op) {
    case TARN_OP_INSERT:
    case TARN_OP_BASE: return rows == TARN_PART_NEW;
    case TARN_OP_UPDATE: return (rows & TARN_PART_NEW) != 0;
    default: return (rows & TARN_PART_NEW) == 0;
    }
}

static int take_entry(struct tarn_change *c, const struct tarn_definition *d,
                      struct tarn_slice rest, struct tarn_err *err) {
    size_t where = 0;

    c->entry = rest;
    if (c->parts != 0) return bad_change(err, d, c, "an entry of the chain has no parts");
    if (rest.len == 0 || rest.data[0] != '{' || tarn_json_check(rest.data, rest.len, &where) != 0)
        return bad_change(err, d, c, "expected a JSON object");
    return TARN_OK;
}

static void take_values(struct tarn_cursor *c, struct tarn_value *v, size_t n) {
    for (size_t i = 0; i < n; i++)
        tarn_value_take(c, &v[i]);
}

/* The key's values where the rows hold them, and the rowid behind, once all else was taken. */
static int take_key(struct tarn_cursor *c, struct tarn_change *out, const struct tarn_definition *d,
                    struct tarn_err *err) {
    const struct tarn_value *row = out->new_row != NULL ? out->new_row : out->old_row;
    struct tarn_value rowid = {TARN_VALUE_NULL, 0, 0, {NULL, 0}};

    if (out->parts & TARN_PART_ROWID) tarn_value_take(c, &rowid);
    if (c->rc != TARN_OK) return bad_change(err, d, out, "a value is none, or cut short");
    if (c->p != c->end) return bad_change(err, d, out, "bytes behind its values");
    if (d->rowid_key && out->key->type != TARN_VALUE_INTEGER)
        return bad_change(err, d, out, "the rowid is no INTEGER");
    for (size_t i = 0; !(out->parts & TARN_PART_KEY) && i < d->n_key; i++)
        out->key[i] = row[d->key[i]];
    if (tarn_change_null_key(d, out) != (rowid.type == TARN_VALUE_INTEGER))
        return bad_change(err, d, out, "a rowid stands behind a key with NULL, and only there");
    out->rowid = rowid.integer;
    return TARN_OK;
}

int tarn_change_take(struct tarn_change *out, const struct tarn_definition *d,
                     struct tarn_slice body, struct tarn_arena *arena, struct tarn_err *err) {
    struct tarn_cursor c = {body.data, body.len > 0 ? body.data + body.len : body.data, TARN_OK};
    struct tarn_value *v = NULL;
    size_t values = 0;

    memset(out, 0, sizeof *out);
    out->op = tarn_cursor_u8(&c);
    out->parts = tarn_cursor_u8(&c);
    if (c.rc != TARN_OK) return bad_change(err, d, out, "it is cut short");
    if (out->op == TARN_OP_ENTRY)
        return take_entry(out, d, (struct tarn_slice){c.p, (size_t)(c.end - c.p)}, err);
    if (out->op < TARN_OP_INSERT || out->op > TARN_OP_BASE)
        return bad_change(err, d, out, "no such op");
    if (!parts_fit(out, d))
        return bad_change(err, d, out, "its parts don't fit the op and the key");
    values = (out->parts & TARN_PART_NEW ? d->n_columns : 0) +
             (out->parts & TARN_PART_OLD ? d->n_columns : 0);
    if (values + (out->parts & TARN_PART_KEY ? d->n_key : 0) > (size_t)(c.end - c.p))
        return bad_change(err, d, out, "fewer bytes than values");
    v = tarn_arena_alloc(arena, (d->n_key + values) * sizeof *v);
    if (v == NULL)
        return tarn_err_set(err, arena->rc, "no memory for a change of %zu bytes", body.len);
    out->key = v;
    v += d->n_key;
    if (out->parts & TARN_PART_NEW) {
        out->new_row = v;
        v += d->n_columns;
    }
    if (out->parts & TARN_PART_OLD) out->old_row = v;
    if (out->parts & TARN_PART_KEY) take_values(&c, out->key, d->n_key);
    if (out->new_row != NULL) take_values(&c, out->new_row, d->n_columns);
    if (out->old_row != NULL) take_values(&c, out->old_row, d->n_columns);
    return take_key(&c, out, d, err);
}
