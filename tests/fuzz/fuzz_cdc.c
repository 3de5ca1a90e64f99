/* fuzz_cdc.c: any bytes as changes: values, definitions, bodies.
**
** The first byte says what follows: even: values back to back; odd: u16 length, definition, body of a
** change. What was accepted is written again to the same bytes, and a change goes by way of a delta's
** columns to the same body.
*/
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "mem.h"
#include "record.h"
#include "text.h"

#define MAX ((size_t)1 << 26)

static void same_bytes(const struct tarn_buf *b, const uint8_t *p, size_t n) {
    assert(b->rc == TARN_OK && b->len == n && (n == 0 || memcmp(b->data, p, n) == 0));
}

static void values(const uint8_t *data, size_t n) {
    struct tarn_cursor c = {data, data + n, TARN_OK};
    struct tarn_buf b = TARN_BUF_INIT(MAX);
    struct tarn_arena a;

    tarn_arena_init(&a, NULL);
    while (c.p < c.end) {
        const uint8_t *from = c.p;
        struct tarn_cursor skipped = c;
        struct tarn_value v, back;
        size_t at = 0;

        tarn_value_take(&c, &v);
        tarn_value_skip(&skipped);
        assert(skipped.rc == c.rc && skipped.p == c.p);
        if (c.rc != TARN_OK) break;
        tarn_buf_clear(&b);
        tarn_value_put(&b, &v);
        same_bytes(&b, from, (size_t)(c.p - from));
        tarn_buf_clear(&b);
        tarn_value_json(&b, &v);
        assert(tarn_json_check(b.data, b.len, &at) == 0);
        at = 0;
        assert(tarn_value_from_json(b.data, b.len, &at, &a, &back, NULL) == TARN_OK);
        assert(at == b.len && tarn_value_equal(&v, &back));
        tarn_arena_clear(&a);
    }
    tarn_arena_release(&a);
    tarn_buf_release(&b);
}

static struct tarn_slice slice(const struct tarn_buf *b) {
    return (struct tarn_slice){b->data, b->len};
}

/* An update may have its key changed by hostile bytes; pk is the new row's then. */
static void by_way_of_a_delta(const struct tarn_definition *d, const struct tarn_change *c,
                              struct tarn_slice body, struct tarn_arena *a) {
    struct tarn_buf pk = TARN_BUF_INIT(MAX), data = TARN_BUF_INIT(MAX);
    struct tarn_buf prev = TARN_BUF_INIT(MAX), again = TARN_BUF_INIT(MAX);

    tarn_change_pk(&pk, d, c);
    if (c->new_row) tarn_row_json(&data, d, c->new_row);
    if (c->old_row) tarn_row_json(&prev, d, c->old_row);
    assert(tarn_change_from_delta(&again, d, c->op, slice(&pk), slice(&data), slice(&prev), a,
                                  NULL) == TARN_OK);
    same_bytes(&again, body.data, body.len);
    tarn_buf_release(&pk);
    tarn_buf_release(&data);
    tarn_buf_release(&prev);
    tarn_buf_release(&again);
}

static void change(const struct tarn_definition *d, struct tarn_slice body, struct tarn_arena *a) {
    struct tarn_buf b = TARN_BUF_INIT(MAX);
    struct tarn_change c;
    struct tarn_err err = {0};

    if (tarn_change_take(&c, d, body, a, &err) != TARN_OK) {
        assert(err.msg[0]);
        return;
    }
    tarn_change_put(&b, d, &c);
    same_bytes(&b, body.data, body.len);
    if (c.op <= TARN_OP_DELETE) by_way_of_a_delta(d, &c, body, a);
    tarn_buf_release(&b);
}

static void definition(struct tarn_slice def, struct tarn_slice body) {
    struct tarn_buf b = TARN_BUF_INIT(MAX);
    struct tarn_budget budget = {MAX, 0};
    struct tarn_definition d, again;
    struct tarn_arena a;
    struct tarn_err err = {0};

    tarn_arena_init(&a, &budget);
    if (tarn_definition_take(&d, def, &a, &err) != TARN_OK) {
        assert(err.msg[0]);
    } else {
        assert(memchr(d.name.data, '/', d.name.len) && !memmem(d.name.data, d.name.len, "/.", 3));
        assert(d.n_key > 0 && (d.rowid_key || d.n_key <= d.n_columns));
        tarn_definition_put(&b, &d);
        assert(tarn_definition_take(&again, slice(&b), &a, NULL) == TARN_OK);
        assert(again.n_columns == d.n_columns && again.n_key == d.n_key && again.epoch == d.epoch);
        change(&d, body, &a);
    }
    tarn_arena_release(&a);
    tarn_buf_release(&b);
}

/* As long as it is, so that a sanitizer sees a read past its end. */
static uint8_t *exact(const uint8_t *p, size_t n) {
    uint8_t *copy = tarn_malloc(n);

    assert(copy);
    memcpy(copy, p, n);
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *def = NULL, *body = NULL;
    size_t n = 0;

    if (size < 3) return 0;
    if (data[0] % 2 == 0) {
        values(data + 1, size - 1);
        return 0;
    }
    n = data[1] | (size_t)data[2] << 8;
    data += 3;
    size -= 3;
    if (n > size) n = size;
    def = exact(data, n);
    body = exact(data + n, size - n);
    definition((struct tarn_slice){def, n}, (struct tarn_slice){body, size - n});
    tarn_free(def);
    tarn_free(body);
    return 0;
}
