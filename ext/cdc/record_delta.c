/* record_delta.c: a change as the columns of a delta (op, pk, data, prev), and back to the body it was
** made of, so that the chain of digests can be computed again from the lake alone. Numbers and keys
** are compared as values, not as text.
*/
#include <string.h>

#include "record.h"
#include "text.h"

static const char *const words[] = {"?", "insert", "update", "delete", "base"};

const char *tarn_op_word(int op) {
    if (op == TARN_OP_ENTRY) return "entry";
    return op >= TARN_OP_INSERT && op <= TARN_OP_BASE ? words[op] : words[0];
}

int tarn_op_from_word(struct tarn_slice word) {
    for (int op = TARN_OP_INSERT; op <= TARN_OP_DELETE; op++) {
        if (word.len == strlen(words[op]) && memcmp(word.data, words[op], word.len) == 0) return op;
    }
    return 0;
}

static int text_key(const struct tarn_definition *d) {
    return !d->rowid_key && d->columns[d->key[0]].affinity == 'B';
}

void tarn_change_pk(struct tarn_buf *b, const struct tarn_definition *d,
                    const struct tarn_change *c) {
    if (!tarn_change_null_key(d, c)) {
        tarn_value_key(b, c->key, d->n_key, text_key(d));
        return;
    }
    tarn_buf_u8(b, '[');
    for (size_t i = 0; i < d->n_key; i++) {
        tarn_value_json(b, &c->key[i]);
        tarn_buf_u8(b, ',');
    }
    tarn_buf_printf(b, "%lld]", (long long)c->rowid);
}

void tarn_row_json(struct tarn_buf *b, const struct tarn_definition *d,
                   const struct tarn_value *row) {
    tarn_buf_u8(b, '{');
    for (size_t i = 0; i < d->n_columns; i++) {
        const struct tarn_definition_column *column = &d->columns[i];

        if (i > 0) tarn_buf_u8(b, ',');
        if (column->member.len > 0) {
            tarn_buf_put(b, column->member.data, column->member.len);
        } else {
            tarn_json_quote(b, (const char *)column->name.data, column->name.len);
            tarn_buf_u8(b, ':');
        }
        tarn_value_json(b, &row[i]);
    }
    tarn_buf_u8(b, '}');
}

/* The delta's column `column` of d's collection is not what it should be; code and why as found. */
static int bad_column(struct tarn_err *err, int code, const struct tarn_definition *d,
                      const char *column, const char *why) {
    return tarn_err_set(err, code, "a delta of the collection '%.*s', column %s: %s",
                        (int)(d->name.len < 80 ? d->name.len : 80),
                        d->name.len > 0 ? (const char *)d->name.data : "", column, why);
}

static int read_row(struct tarn_value **row, const struct tarn_definition *d, const char *column,
                    struct tarn_slice json, struct tarn_arena *arena, struct tarn_err *err) {
    struct tarn_err why = {0};
    struct tarn_slice *names = NULL;
    size_t n = 0;
    int rc = tarn_value_from_object(json.data, json.len, arena, &names, row, &n, &why);

    if (rc != TARN_OK) return bad_column(err, rc, d, column, why.msg);
    if (n != d->n_columns)
        return bad_column(err, TARN_ECORRUPT, d, column,
                          "not as many values as the table has columns");
    for (size_t i = 0; i < n; i++) {
        const struct tarn_slice name = d->columns[i].name;

        if (names[i].len != name.len ||
            (name.len > 0 && memcmp(names[i].data, name.data, name.len) != 0))
            return bad_column(err, TARN_ECORRUPT, d, column,
                              "the names are not the table's, in order");
    }
    return TARN_OK;
}

/* A pk of the key's values; or, a NULL being among them, of these and the rowid. */
static int split_key(struct tarn_change *c, const struct tarn_definition *d, struct tarn_slice pk,
                     struct tarn_arena *arena, struct tarn_err *err) {
    struct tarn_err longer = {0};
    const int rc = tarn_value_from_key(pk.data, pk.len, d->n_key, text_key(d), arena, c->key, err);

    if (rc == TARN_OK && tarn_change_null_key(d, c))
        return tarn_err_set(err, TARN_ECORRUPT, "a key with NULL, without its row's rowid");
    if (rc != TARN_ECORRUPT || d->rowid_key || pk.len == 0 || pk.data[0] != '[') return rc;
    if (tarn_value_from_key(pk.data, pk.len, d->n_key + 1, 0, arena, c->key, &longer) != TARN_OK ||
        c->key[d->n_key].type != TARN_VALUE_INTEGER || !tarn_change_null_key(d, c))
        return rc;
    c->rowid = c->key[d->n_key].integer;
    tarn_err_clear(err);
    return TARN_OK;
}

/* pk, which is the whole key or has to be the row's. */
static int read_key(struct tarn_change *c, const struct tarn_definition *d, struct tarn_slice pk,
                    struct tarn_arena *arena, struct tarn_err *err) {
    const struct tarn_value *row = c->new_row != NULL ? c->new_row : c->old_row;
    struct tarn_err why = {0};
    int rc = TARN_OK;

    c->key = tarn_arena_calloc(arena, d->n_key + 1, sizeof *c->key);
    if (c->key == NULL) return tarn_err_set(err, arena->rc, "no memory for a key");
    rc = split_key(c, d, pk, arena, &why);
    if (rc != TARN_OK) return bad_column(err, rc, d, "pk", why.msg);
    if (d->rowid_key) {
        if (c->key->type == TARN_VALUE_INTEGER) return TARN_OK;
        return bad_column(err, TARN_ECORRUPT, d, "pk", "the rowid is no INTEGER");
    }
    for (size_t i = 0; row != NULL && i < d->n_key; i++) {
        if (!tarn_value_equal(&c->key[i], &row[d->key[i]]))
            return bad_column(err, TARN_ECORRUPT, d, "pk", "not the key of the row");
    }
    return TARN_OK;
}

int tarn_change_from_delta(struct tarn_buf *body, const struct tarn_definition *d, int op,
                           struct tarn_slice pk, struct tarn_slice data, struct tarn_slice prev,
                           struct tarn_arena *arena, struct tarn_err *err) {
    struct tarn_change c;
    int rc = TARN_OK;

    memset(&c, 0, sizeof c);
    c.op = op;
    if (op < TARN_OP_INSERT || op > TARN_OP_DELETE)
        return bad_column(err, TARN_ECORRUPT, d, "op", "not insert, update or delete");
    if ((data.len == 0) != (op == TARN_OP_DELETE))
        return bad_column(err, TARN_ECORRUPT, d, "data",
                          op == TARN_OP_DELETE ? "a delete has none" : "it is NULL");
    if (prev.len > 0 && op == TARN_OP_INSERT)
        return bad_column(err, TARN_ECORRUPT, d, "prev", "an insert has none");
    if (data.len > 0) rc = read_row(&c.new_row, d, "data", data, arena, err);
    if (rc == TARN_OK && prev.len > 0) rc = read_row(&c.old_row, d, "prev", prev, arena, err);
    if (rc == TARN_OK) rc = read_key(&c, d, pk, arena, err);
    if (rc != TARN_OK) return rc;
    tarn_change_put(body, d, &c);
    return body->rc == TARN_OK ? TARN_OK : tarn_err_set(err, body->rc, "no memory for a change");
}
