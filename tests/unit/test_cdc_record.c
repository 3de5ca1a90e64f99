/* test_cdc_record.c: definitions and changes as bytes and as rows of deltas: there and back, and what a
** stranger's bytes are refused for.
*/
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "cdc_random.h"
#include "mem.h"
#include "record.h"
#include "text.h"

#define COLUMNS 6

struct fixture {
    struct tarn_definition_column columns[COLUMNS];
    size_t key[COLUMNS];
    struct tarn_definition d;
    struct tarn_value rows[2][COLUMNS], keys[COLUMNS];
    struct tarn_change c;
};

static struct tarn_slice slice(const struct tarn_buf *b) {
    return (struct tarn_slice){b->data, b->len};
}

/* A random definition: by rowid, or with a key of one to three columns in any order. */
static void random_definition(struct cdc_random *r, struct fixture *f) {
    static const struct tarn_slice names[COLUMNS] = {CDC_SLICE("id"), CDC_SLICE("naïve \"x\""),
                                                     CDC_SLICE(""),   CDC_SLICE("$blob"),
                                                     CDC_SLICE("B"),  CDC_SLICE("last")};
    struct tarn_definition *d = &f->d;

    memset(f, 0, sizeof *f);
    d->name = CDC_SLICE("my%20app/users");
    d->table = CDC_SLICE("Users of é");
    d->epoch = cdc_rnd(r, 0) >> cdc_rnd(r, 64);
    d->n_columns = 3 + cdc_rnd(r, COLUMNS - 2);
    d->columns = f->columns;
    for (size_t i = 0; i < d->n_columns; i++)
        f->columns[i] =
            (struct tarn_definition_column){names[i], (uint8_t)('A' + cdc_rnd(r, 5)), 0, {NULL, 0}};
    d->rowid_key = cdc_rnd(r, 3) == 0;
    d->n_key = 1;
    if (d->rowid_key) return;
    d->n_key = 1 + cdc_rnd(r, 3);
    d->key = f->key;
    for (size_t k = 0; k < d->n_key; k++) {
        size_t column = cdc_rnd(r, d->n_columns);

        while (f->columns[column].key != 0)
            column = (column + 1) % d->n_columns;
        f->columns[column].key = (uint8_t)(k + 1);
        f->key[k] = column;
    }
}

static void random_change(struct cdc_random *r, struct fixture *f, struct tarn_arena *a) {
    struct tarn_change *c = &f->c;

    memset(c, 0, sizeof *c);
    c->op = 1 + (int)cdc_rnd(r, 4);
    for (size_t i = 0; i < f->d.n_columns; i++) {
        f->rows[0][i] = cdc_value(r, a);
        f->rows[1][i] = cdc_value(r, a);
    }
    for (size_t k = 0; !f->d.rowid_key && k < f->d.n_key; k++)
        f->rows[1][f->key[k]] = f->rows[0][f->key[k]];
    if (c->op != TARN_OP_DELETE) c->new_row = f->rows[0];
    if ((c->op == TARN_OP_DELETE || c->op == TARN_OP_UPDATE) && cdc_rnd(r, 2))
        c->old_row = f->rows[1];
    c->key = f->keys;
    c->rowid = (int64_t)cdc_rnd(r, 0);
    for (size_t k = 0; k < f->d.n_key; k++)
        f->keys[k] = f->d.rowid_key ? cdc_integer((int64_t)cdc_rnd(r, 0)) : f->rows[0][f->key[k]];
}

static void same_values(const struct tarn_value *a, const struct tarn_value *b, size_t n) {
    assert_int_equal(a == NULL, b == NULL);
    for (size_t i = 0; a != NULL && i < n; i++)
        assert_true(tarn_value_equal(&a[i], &b[i]));
}

static void same_slice(struct tarn_slice a, struct tarn_slice b) {
    assert_int_equal(a.len, b.len);
    if (a.len > 0) assert_memory_equal(a.data, b.data, a.len);
}

static void same_definition(const struct tarn_definition *a, const struct tarn_definition *b) {
    same_slice(a->name, b->name);
    same_slice(a->table, b->table);
    assert_true(a->epoch == b->epoch);
    assert_int_equal(a->rowid_key, b->rowid_key);
    assert_int_equal(a->n_columns, b->n_columns);
    assert_int_equal(a->n_key, b->n_key);
    for (size_t i = 0; i < a->n_columns; i++) {
        same_slice(a->columns[i].name, b->columns[i].name);
        assert_int_equal(a->columns[i].affinity, b->columns[i].affinity);
        assert_int_equal(a->columns[i].key, b->columns[i].key);
    }
    for (size_t i = 0; !a->rowid_key && i < a->n_key; i++)
        assert_int_equal(a->key[i], b->key[i]);
}

/* A change as a delta's row, and that as the body again. */
static void by_way_of_a_delta(const struct tarn_definition *d, const struct tarn_change *c,
                              struct tarn_slice body, struct tarn_arena *a) {
    struct tarn_buf pk = TARN_BUF_INIT(1 << 20), data = TARN_BUF_INIT(1 << 20);
    struct tarn_buf prev = TARN_BUF_INIT(1 << 20), again = TARN_BUF_INIT(1 << 20);
    struct tarn_err err = {0};
    size_t where = 0;
    int op = 0;

    tarn_change_pk(&pk, d, c);
    if (c->new_row) tarn_row_json(&data, d, c->new_row);
    if (c->old_row) tarn_row_json(&prev, d, c->old_row);
    assert_int_equal(data.len ? tarn_json_check(data.data, data.len, &where) : 0, 0);
    op = tarn_op_from_word(
        (struct tarn_slice){(const uint8_t *)tarn_op_word(c->op), strlen(tarn_op_word(c->op))});
    assert_int_equal(op, c->op);
    if (tarn_change_from_delta(&again, d, op, slice(&pk), slice(&data), slice(&prev), a, &err) !=
        TARN_OK)
        fail_msg("%s", err.msg);
    same_slice(slice(&again), body);
    tarn_buf_release(&pk);
    tarn_buf_release(&data);
    tarn_buf_release(&prev);
    tarn_buf_release(&again);
}

static void test_there_and_back(void **state) {
    struct cdc_random r = {21};
    struct tarn_buf b = TARN_BUF_INIT(1 << 20);
    struct fixture f;
    struct tarn_definition d;
    struct tarn_change c;
    struct tarn_arena a;
    struct tarn_err err = {0};
    int nulls = 0;

    (void)state;
    tarn_arena_init(&a, NULL);
    for (int i = 0; i < 10000; i++) {
        struct tarn_buf def = TARN_BUF_INIT(1 << 16);

        random_definition(&r, &f);
        tarn_definition_put(&def, &f.d);
        if (tarn_definition_take(&d, slice(&def), &a, &err) != TARN_OK) fail_msg("%s", err.msg);
        same_definition(&d, &f.d);
        random_change(&r, &f, &a);
        tarn_buf_clear(&b);
        tarn_change_put(&b, &f.d, &f.c);
        if (tarn_change_take(&c, &d, slice(&b), &a, &err) != TARN_OK) fail_msg("%s", err.msg);
        assert_int_equal(c.op, f.c.op);
        same_values(c.key, f.c.key, d.n_key);
        nulls += tarn_change_null_key(&d, &c);
        if (tarn_change_null_key(&d, &c)) assert_true(c.rowid == f.c.rowid);
        same_values(c.new_row, f.c.new_row, d.n_columns);
        same_values(c.old_row, f.c.old_row, d.n_columns);
        if (c.op != TARN_OP_BASE) by_way_of_a_delta(&d, &c, slice(&b), &a);
        if (c.op != TARN_OP_BASE) by_way_of_a_delta(&f.d, &f.c, slice(&b), &a);
        tarn_buf_release(&def);
        tarn_arena_clear(&a);
    }
    assert_true(nulls > 100);
    tarn_arena_release(&a);
    tarn_buf_release(&b);
}

/* What a body of every length but its own gives. */
static void test_cut_short(void **state) {
    struct cdc_random r = {22};
    struct fixture f;
    struct tarn_definition d;
    struct tarn_change c;
    struct tarn_arena a;

    (void)state;
    tarn_arena_init(&a, NULL);
    for (int i = 0; i < 200; i++) {
        struct tarn_buf def = TARN_BUF_INIT(1 << 16), b = TARN_BUF_INIT(1 << 20);

        random_definition(&r, &f);
        tarn_definition_put(&def, &f.d);
        random_change(&r, &f, &a);
        tarn_change_put(&b, &f.d, &f.c);
        for (size_t n = 0; n <= def.len; n++) {
            struct tarn_err err = {0};
            uint8_t *exact = tarn_memdup(def.data, n + 1);
            const size_t len = n < def.len ? n : n + 1; /* the last: one byte too many */

            assert_int_equal(tarn_definition_take(&d, (struct tarn_slice){exact, len}, &a, &err),
                             TARN_ECORRUPT);
            assert_int_equal(strncmp(err.msg, "definition of ", 14), 0);
            tarn_free(exact);
        }
        for (size_t n = 0; n <= b.len; n++) {
            struct tarn_err err = {0};
            uint8_t *exact = tarn_memdup(b.data, n + 1);
            const size_t len = n < b.len ? n : n + 1;

            assert_int_equal(tarn_change_take(&c, &f.d, (struct tarn_slice){exact, len}, &a, &err),
                             TARN_ECORRUPT);
            assert_non_null(strstr(err.msg, "a change of the collection 'my%20app/users'"));
            tarn_free(exact);
        }
        tarn_buf_release(&def);
        tarn_buf_release(&b);
        tarn_arena_clear(&a);
    }
    tarn_arena_release(&a);
}

/* name "a/b", epoch 0, flags, table "t", then columns. */
static void refuse_columns(int flags, const char *columns, size_t n, const char *why) {
    struct tarn_buf b = TARN_BUF_INIT(1 << 20);
    struct tarn_budget budget = {64 << 10, 0};
    struct tarn_definition d;
    struct tarn_arena a;
    struct tarn_err err = {0};

    tarn_arena_init(&a, &budget);
    tarn_buf_put(&b, "\3a/b\0", 5);
    tarn_buf_u8(&b, (uint8_t)flags);
    tarn_buf_put(&b, "\1t", 2);
    tarn_buf_put(&b, columns, n);
    if (tarn_definition_take(&d, slice(&b), &a, &err) != TARN_ECORRUPT)
        fail_msg("not refused: %s; %s", why, err.msg);
    if (strstr(err.msg, why) == NULL) fail_msg("'%s', not '%s'", err.msg, why);
    tarn_arena_release(&a);
    tarn_buf_release(&b);
}

#define REFUSE(flags, columns, why) refuse_columns(flags, columns, sizeof(columns) - 1, why)

static void test_hostile_definitions(void **state) {
    struct tarn_buf many = TARN_BUF_INIT(1 << 20);
    char name[16];

    (void)state;
    REFUSE(0, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\1xD\1", "more columns");
    REFUSE(0, "\2\1xD\1", "more columns");
    REFUSE(0, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\1", "cut short");
    REFUSE(0, "\2\1xD\1\1yD", "cut short");
    REFUSE(0, "\2\1xD\1\5yD\2", "cut short");
    REFUSE(0, "\1\1xD\1z", "behind its end");
    REFUSE(0, "\1\1x@\1", "affinity");
    REFUSE(0, "\1\1xF\1", "affinity");
    REFUSE(0, "\1\1\xff\x44\1", "name is not UTF-8");
    REFUSE(0, "\1\1\0D\1", "name is not UTF-8");
    REFUSE(0, "\2\1xD\1\1xA\0", "one name");
    REFUSE(0, "\2\1xD\1\1XA\0", "one name");
    REFUSE(0, "\1\1xD\0", "no key");
    REFUSE(0, "\0", "no key");
    REFUSE(0, "\1\1xD\2", "left out");
    REFUSE(0, "\2\1xD\1\1yD\3", "left out");
    REFUSE(0, "\2\1xD\1\1yD\xff", "left out");
    REFUSE(0, "\2\1xD\1\1yD\1", "one place");
    REFUSE(1, "\1\1xD\1", "which is the rowid");
    REFUSE(2, "\1\1xD\1", "a flag");
    tarn_buf_varint(&many, 100);
    for (int i = 0; i < 100; i++) {
        const int n = snprintf(name, sizeof name, "c%d", i == 99 ? 7 : i);

        tarn_buf_u8(&many, (uint8_t)n);
        tarn_buf_put(&many, i == 99 ? "C7" : name, (size_t)n);
        tarn_buf_put(&many, "A", 2);
    }
    refuse_columns(1, (const char *)many.data, many.len, "one name");
    tarn_buf_clear(&many);
    tarn_buf_varint(&many, TARN_COLUMNS_MAX + 1);
    for (int i = 0; i <= TARN_COLUMNS_MAX;
         i++) /* all without a name: the count is looked at first */
        tarn_buf_put(&many, "\0A", 3);
    refuse_columns(1, (const char *)many.data, many.len, "more columns");
    tarn_buf_release(&many);
}

static int take_named(const char *name) {
    struct tarn_buf b = TARN_BUF_INIT(1 << 16);
    struct tarn_definition d;
    struct tarn_arena a;
    int rc = 0;

    tarn_arena_init(&a, NULL);
    tarn_buf_varint(&b, strlen(name));
    tarn_buf_puts(&b, name);
    tarn_buf_put(&b, "\0\1\0\0", 4);
    rc = tarn_definition_take(&d, slice(&b), &a, NULL);
    tarn_arena_release(&a);
    tarn_buf_release(&b);
    return rc;
}

static void test_names_stay_in_the_lake(void **state) {
    static const char *const bad[] = {"",       "a",     "/",        "a/",      "/b",      "a/b/c",
                                      "../b",   "a/..",  "./b",      "a/.",     "a b/c",   "a/%zz",
                                      "a/%2",   "a/%00", "a/%41",    "a/%2f%2", "a/%2f",   "a/b?",
                                      "a/\xe9", "a/%E9", "a/%2e%2e", "%2E/b",   "a/%2E%2E"};
    char longest[600];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (take_named(bad[i]) != TARN_ECORRUPT) fail_msg("accepted: %s", bad[i]);
    }
    assert_int_equal(take_named("a/b"), TARN_OK);
    assert_int_equal(take_named("my%20app/%C3%A9.x_-"), TARN_OK);
    assert_int_equal(take_named("a/%2F"),
                     TARN_OK); /* a slash of the user's: encoded it is a name */
    memset(longest, 'x', sizeof longest);
    longest[1] = '/';
    longest[2 + 255] = '\0';
    assert_int_equal(take_named(longest), TARN_OK);
    longest[2 + 255] = 'x';
    longest[2 + 256] = '\0';
    assert_int_equal(take_named(longest), TARN_ECORRUPT);
}

/* Two columns, `id` (the key, if it is not the rowid) and `v`. */
static void two_columns(struct fixture *f, int rowid) {
    memset(f, 0, sizeof *f);
    f->columns[0] = (struct tarn_definition_column){CDC_SLICE("id"), 'D', !rowid, {NULL, 0}};
    f->columns[1] = (struct tarn_definition_column){CDC_SLICE("v"), 'B', 0, {NULL, 0}};
    f->d = (struct tarn_definition){.name = CDC_SLICE("a/b"),
                                    .table = CDC_SLICE("t"),
                                    .rowid_key = rowid,
                                    .n_columns = 2,
                                    .n_key = 1,
                                    .columns = f->columns,
                                    .key = rowid ? NULL : f->key};
}

static int take_body(int rowid, const char *body, size_t n, struct tarn_err *err) {
    uint8_t *exact = tarn_memdup(body, n ? n : 1);
    struct fixture f;
    struct tarn_arena a;
    int rc = 0;

    two_columns(&f, rowid);
    tarn_arena_init(&a, NULL);
    rc = tarn_change_take(&f.c, &f.d, (struct tarn_slice){exact, n}, &a, err);
    tarn_arena_release(&a);
    tarn_free(exact);
    return rc;
}

static void refuse_body(int rowid, const char *body, size_t n, const char *why) {
    struct tarn_err err = {0};

    if (take_body(rowid, body, n, &err) != TARN_ECORRUPT) fail_msg("not refused: %s", why);
    if (strstr(err.msg, why) == NULL) fail_msg("'%s', not '%s'", err.msg, why);
}

#define REFUSE_BODY(rowid, body, why) refuse_body(rowid, body, sizeof(body) - 1, why)
#define ACCEPT_BODY(rowid, body) \
    assert_int_equal(take_body(rowid, body, sizeof(body) - 1, NULL), TARN_OK)

/* A row is \1\2\0: id 1, v NULL. */
static void test_hostile_changes(void **state) {
    (void)state;
    ACCEPT_BODY(0, "\1\1\1\2\0");
    ACCEPT_BODY(0, "\2\1\1\2\0");
    ACCEPT_BODY(0, "\2\3\1\2\0\1\2\0");
    ACCEPT_BODY(0, "\3\2\1\2\0");
    ACCEPT_BODY(0, "\3\4\1\2");
    ACCEPT_BODY(0, "\4\1\1\2\0");
    ACCEPT_BODY(1, "\1\5\1\4\1\2\0");
    ACCEPT_BODY(1, "\3\4\1\4");
    REFUSE_BODY(0, "", "cut short");
    REFUSE_BODY(0, "\1", "cut short");
    REFUSE_BODY(0, "\0\1\1\2\0", "no such op");
    REFUSE_BODY(0, "\5\1\1\2\0", "no such op");
    REFUSE_BODY(0, "\xff\1\1\2\0", "no such op");
    REFUSE_BODY(0, "\1\2\1\2\0", "parts"); /* an insert of an old row */
    REFUSE_BODY(0, "\1\3\1\2\0\1\2\0", "parts");
    REFUSE_BODY(0, "\1\4\1\2", "parts");
    REFUSE_BODY(0, "\2\2\1\2\0", "parts"); /* an update without the new one */
    REFUSE_BODY(0, "\2\4\1\2", "parts");
    REFUSE_BODY(0, "\3\1\1\2\0", "parts"); /* a delete with a new one */
    REFUSE_BODY(0, "\3\3\1\2\0\1\2\0", "parts");
    REFUSE_BODY(0, "\4\3\1\2\0\1\2\0", "parts");
    REFUSE_BODY(0, "\1\5\1\2\1\2\0", "parts"); /* a key beside a row that has it */
    REFUSE_BODY(0, "\3\0", "parts");           /* neither row nor key */
    REFUSE_BODY(0, "\1\21\1\2\0", "parts");    /* a part that is none */
    REFUSE_BODY(1, "\1\1\1\2\0", "parts");     /* no rowid */
    REFUSE_BODY(1, "\1\5\3\1a\1\2\0", "rowid is no INTEGER");
    REFUSE_BODY(1, "\3\4\0", "rowid is no INTEGER");
    REFUSE_BODY(0, "\1\1\1", "fewer bytes");
    REFUSE_BODY(0, "\2\3\1\2\0", "fewer bytes");
    REFUSE_BODY(0, "\2\3\1\2\0\1\2", "cut short");
    REFUSE_BODY(0, "\1\1\1\2\5", "a value is none");
    REFUSE_BODY(0, "\1\1\1\2\0\0", "behind its values");
    ACCEPT_BODY(0, "\1\11\0\0\1\4"); /* a NULL key, and the rowid behind */
    ACCEPT_BODY(0, "\3\14\0\1\4");
    REFUSE_BODY(0, "\1\1\0\0", "behind a key with NULL");
    REFUSE_BODY(0, "\1\11\1\2\0\1\4", "behind a key with NULL");
    REFUSE_BODY(0, "\1\11\0\0\0", "behind a key with NULL");
    REFUSE_BODY(0, "\1\11\0\0", "a value is none");
    REFUSE_BODY(1, "\1\15\1\4\1\2\0\1\4", "behind a key with NULL");
}

static void test_entries(void **state) {
    static const char track[] = "\20\0{\"entry\":\"track\"}";
    struct tarn_buf b = TARN_BUF_INIT(1 << 16);
    struct fixture f;
    struct tarn_arena a;

    (void)state;
    two_columns(&f, 0);
    tarn_arena_init(&a, NULL);
    f.c.op = TARN_OP_ENTRY;
    f.c.entry = CDC_SLICE("{\"entry\":\"track\"}");
    tarn_change_put(&b, &f.d, &f.c);
    assert_int_equal(b.len, sizeof track - 1);
    assert_memory_equal(b.data, track, b.len);
    memset(&f.c, 0xFF, sizeof f.c);
    assert_int_equal(tarn_change_take(&f.c, &f.d, slice(&b), &a, NULL), TARN_OK);
    assert_int_equal(f.c.op, TARN_OP_ENTRY);
    assert_null(f.c.key);
    assert_null(f.c.new_row);
    same_slice(f.c.entry, CDC_SLICE("{\"entry\":\"track\"}"));
    REFUSE_BODY(0, "\20\0", "JSON object");
    REFUSE_BODY(0, "\20\0[]", "JSON object");
    REFUSE_BODY(0, "\20\0{\"entry\":", "JSON object");
    REFUSE_BODY(0, "\20\0{}x", "JSON object");
    REFUSE_BODY(0, "\20\1{}", "no parts");
    tarn_arena_release(&a);
    tarn_buf_release(&b);
}

static void refuse_delta(int rowid, int op, const char *pk, const char *data, const char *prev,
                         const char *column) {
    struct tarn_buf body = TARN_BUF_INIT(1 << 16);
    struct tarn_err err = {0};
    struct fixture f;
    struct tarn_arena a;
    char want[32];

    two_columns(&f, rowid);
    tarn_arena_init(&a, NULL);
    if (tarn_change_from_delta(
            &body, &f.d, op, (struct tarn_slice){(const uint8_t *)pk, strlen(pk)},
            (struct tarn_slice){(const uint8_t *)data, strlen(data)},
            (struct tarn_slice){(const uint8_t *)prev, strlen(prev)}, &a, &err) != TARN_ECORRUPT)
        fail_msg("accepted: %d %s %s %s: %s", op, pk, data, prev, err.msg);
    snprintf(want, sizeof want, ", column %s: ", column);
    if (strstr(err.msg, want) == NULL) fail_msg("'%s', not '%s'", err.msg, want);
    assert_int_equal(body.len, 0);
    tarn_arena_release(&a);
    tarn_buf_release(&body);
}

static void test_deltas_refused(void **state) {
    static const char row[] = "{\"id\":1,\"v\":null}";

    (void)state;
    refuse_delta(0, 0, "1", row, "", "op");
    refuse_delta(0, TARN_OP_BASE, "1", row, "", "op");
    refuse_delta(0, TARN_OP_ENTRY, "1", row, "", "op");
    refuse_delta(0, TARN_OP_INSERT, "1", "", "", "data");
    refuse_delta(0, TARN_OP_UPDATE, "1", "", row, "data");
    refuse_delta(0, TARN_OP_DELETE, "1", row, "", "data");
    refuse_delta(0, TARN_OP_INSERT, "1", row, row, "prev");
    refuse_delta(0, TARN_OP_INSERT, "2", row, "", "pk");
    refuse_delta(0, TARN_OP_INSERT, "1.0", row, "", "pk");
    refuse_delta(0, TARN_OP_INSERT, "", row, "", "pk");
    refuse_delta(0, TARN_OP_INSERT, "[1]", row, "", "pk");
    refuse_delta(0, TARN_OP_DELETE, "2", "", row, "pk");
    refuse_delta(0, TARN_OP_DELETE, "x", "", "", "pk");
    refuse_delta(0, TARN_OP_DELETE, "null", "", "", "pk");
    refuse_delta(0, TARN_OP_DELETE, "[null,1.0]", "", "", "pk");
    refuse_delta(0, TARN_OP_DELETE, "[1,2]", "", "", "pk");
    refuse_delta(0, TARN_OP_INSERT, "[null,1]", row, "", "pk");
    refuse_delta(1, TARN_OP_DELETE, "1.0", "", "", "pk");
    refuse_delta(1, TARN_OP_INSERT, "\"1\"", row, "", "pk");
    refuse_delta(0, TARN_OP_INSERT, "1", "{\"id\":1}", "", "data");
    refuse_delta(0, TARN_OP_INSERT, "1", "{\"id\":1,\"v\":null,\"w\":1}", "", "data");
    refuse_delta(0, TARN_OP_INSERT, "1", "{\"v\":null,\"id\":1}", "", "data");
    refuse_delta(0, TARN_OP_INSERT, "1", "{\"id\":1,\"V\":null}", "", "data");
    refuse_delta(0, TARN_OP_INSERT, "1", "{\"id\":1,\"v\":true}", "", "data");
    refuse_delta(0, TARN_OP_UPDATE, "1", row, "{\"id\":1}", "prev");
    refuse_delta(0, TARN_OP_UPDATE, "1", row, "null", "prev");
}

static void test_delta_texts(void **state) {
    struct tarn_buf b = TARN_BUF_INIT(1 << 16);
    struct tarn_value row[2] = {cdc_integer(7), CDC_TEXT("x")};
    struct fixture f;

    (void)state;
    two_columns(&f, 0);
    f.c.key = row;
    tarn_row_json(&b, &f.d, row);
    same_slice(slice(&b), CDC_SLICE("{\"id\":7,\"v\":\"x\"}"));
    tarn_buf_clear(&b);
    tarn_change_pk(&b, &f.d, &f.c);
    same_slice(slice(&b), CDC_SLICE("7"));
    tarn_buf_clear(&b);
    f.d.key[0] = 1; /* the column of TEXT affinity */
    f.c.key = row + 1;
    tarn_change_pk(&b, &f.d, &f.c);
    same_slice(slice(&b), CDC_SLICE("x"));
    tarn_buf_release(&b);
    assert_string_equal(tarn_op_word(TARN_OP_INSERT), "insert");
    assert_string_equal(tarn_op_word(TARN_OP_UPDATE), "update");
    assert_string_equal(tarn_op_word(TARN_OP_DELETE), "delete");
    assert_string_equal(tarn_op_word(TARN_OP_BASE), "base");
    assert_string_equal(tarn_op_word(TARN_OP_ENTRY), "entry");
    assert_string_equal(tarn_op_word(0), "?");
    assert_string_equal(tarn_op_word(5), "?");
    assert_int_equal(tarn_op_from_word(CDC_SLICE("base")), 0);
    assert_int_equal(tarn_op_from_word(CDC_SLICE("inser")), 0);
    assert_int_equal(tarn_op_from_word(CDC_SLICE("")), 0);
}

/* Each allocation fails in turn: the error is that, and never that the bytes are wrong. */
static void test_failing_allocations(void **state) {
    static const char data[] = "{\"id\":1,\"v\":{\"$blob\":\"00\"}}";
    static const char prev[] = "{\"id\":1,\"v\":\"\\n\"}";
    unsigned long failed = 0;
    int rc = TARN_ENOMEM;

    (void)state;
    for (unsigned long n = 1; rc == TARN_ENOMEM; n++) {
        struct tarn_buf def = TARN_BUF_INIT(1 << 16), body = TARN_BUF_INIT(1 << 16);
        struct fixture f;
        struct tarn_definition d;
        struct tarn_arena a;
        struct tarn_err err = {0};

        two_columns(&f, 0);
        tarn_definition_put(&def, &f.d);
        tarn_arena_init(&a, NULL);
        tarn_mem_fail_after(n, 0);
        rc = tarn_definition_take(&d, slice(&def), &a, &err);
        tarn_arena_release(&a);
        if (rc == TARN_OK)
            rc = tarn_change_from_delta(&body, &f.d, TARN_OP_UPDATE, CDC_SLICE("1"),
                                        CDC_SLICE(data), CDC_SLICE(prev), &a, &err);
        tarn_arena_release(&a);
        if (rc == TARN_OK) rc = tarn_change_take(&f.c, &f.d, slice(&body), &a, &err);
        tarn_mem_fail_after(0, 0);
        if (rc != TARN_OK) {
            failed++;
            assert_int_equal(rc, TARN_ENOMEM);
            assert_non_null(strstr(err.msg, "no memory"));
        }
        tarn_arena_release(&a);
        tarn_buf_release(&def);
        tarn_buf_release(&body);
    }
    assert_int_equal(rc, TARN_OK);
    assert_true(failed >= 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),      cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_hostile_definitions), cmocka_unit_test(test_names_stay_in_the_lake),
        cmocka_unit_test(test_hostile_changes),     cmocka_unit_test(test_entries),
        cmocka_unit_test(test_failing_allocations), cmocka_unit_test(test_deltas_refused),
        cmocka_unit_test(test_delta_texts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
