/* fuzz_cdc_json.c: any bytes as the JSON of values, rows and keys.
**
** What was accepted is JSON (tarn_json_check is the second opinion), and written again it is read as the
** same. A key that was accepted as one of TEXT affinity and holds no number has one text only.
*/
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "mem.h"
#include "text.h"
#include "value.h"

#define MAX ((size_t)1 << 26)

static void one_value(const uint8_t *s, size_t n, struct tarn_arena *a) {
    struct tarn_buf b = TARN_BUF_INIT(MAX);
    struct tarn_value v, back;
    struct tarn_err err = {0};
    size_t at = 0, where = 0;

    if (tarn_value_from_json(s, n, &at, a, &v, &err) != TARN_OK) {
        assert(err.msg[0] && at == 0);
        return;
    }
    assert(at > 0 && at <= n);
    assert(tarn_json_check(s, at, &where) == 0);
    tarn_value_json(&b, &v);
    at = 0;
    assert(tarn_value_from_json(b.data, b.len, &at, a, &back, NULL) == TARN_OK && at == b.len);
    assert(tarn_value_equal(&v, &back));
    tarn_buf_release(&b);
}

static void object(const uint8_t *s, size_t n, struct tarn_arena *a) {
    struct tarn_buf b = TARN_BUF_INIT(MAX);
    struct tarn_slice *names = NULL, *names_back = NULL;
    struct tarn_value *values = NULL, *back = NULL;
    struct tarn_err err = {0};
    size_t count = 0, count_back = 0, where = 0;

    if (tarn_value_from_object(s, n, a, &names, &values, &count, &err) != TARN_OK) {
        assert(err.msg[0]);
        return;
    }
    assert(tarn_json_check(s, n, &where) == 0);
    tarn_value_object(&b, names, values, count);
    assert(tarn_value_from_object(b.data, b.len, a, &names_back, &back, &count_back, NULL) ==
           TARN_OK);
    assert(count == count_back);
    for (size_t i = 0; i < count; i++) {
        assert(tarn_value_equal(&values[i], &back[i]));
        assert(names[i].len == names_back[i].len);
        assert(names[i].len == 0 || memcmp(names[i].data, names_back[i].data, names[i].len) == 0);
    }
    tarn_buf_release(&b);
}

static void key(const uint8_t *s, size_t n, size_t count, int affinity, struct tarn_arena *a) {
    struct tarn_buf b = TARN_BUF_INIT(MAX);
    struct tarn_value v[3], back[3];
    struct tarn_err err = {0};

    if (tarn_value_from_key(s, n, count, affinity, a, v, &err) != TARN_OK) {
        assert(err.msg[0]);
        return;
    }
    tarn_value_key(&b, v, count, affinity);
    assert(tarn_value_from_key(b.data, b.len, count, affinity, a, back, NULL) == TARN_OK);
    for (size_t i = 0; i < count; i++)
        assert(tarn_value_equal(&v[i], &back[i]));
    if (count == 1 && affinity && v->type == TARN_VALUE_TEXT && s[0] != '"' && s[0] != '{')
        assert(b.len == n && memcmp(b.data, s, n) == 0);
    tarn_buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tarn_budget budget = {MAX, 0};
    struct tarn_arena a;
    uint8_t *s = NULL;

    if (size < 1) return 0;
    s = tarn_malloc(size - 1); /* as long as it is: a sanitizer sees a read past its end */
    assert(s);
    memcpy(s, data + 1, size - 1);
    tarn_arena_init(&a, &budget);
    one_value(s, size - 1, &a);
    object(s, size - 1, &a);
    key(s, size - 1, 1 + data[0] % 3, data[0] / 3 % 2, &a);
    tarn_arena_release(&a);
    tarn_free(s);
    return 0;
}
