/* fuzz_cell.c: any bytes as a cell of any type: as JSON, as text, and as what an event column holds.
**
** Bytes 0 to 7 pick the type, the rest is the value. JSON is one value; text is UTF-8 and, where the
** JSON is a string of its own making, the same.
*/
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "cell.h"
#include "mem.h"
#include "text.h"

static void column_of(struct tarn_pq_column *c, const uint8_t *p) {
    memset(c, 0, sizeof *c);
    c->path = "c";
    c->physical = (enum tarn_physical)(p[0] % 8);
    c->logical.kind = (enum tarn_logical)(p[1] % (TARN_LOGICAL_UNKNOWN + 1));
    c->logical.unit = (enum tarn_time_unit)(p[2] % 3);
    c->logical.utc = p[2] >> 7;
    c->logical.bits = 8 << p[3] % 4;
    c->logical.is_signed = p[3] >> 7;
    c->logical.scale = (int8_t)p[4] * (p[5] % 4 ? 1 : 10000000);
    c->logical.precision = p[5];
}

static void conversions(const struct tarn_pq_column *c, const struct tarn_cell *cell) {
    char scratch[TARN_CELL_TEXT];
    struct tarn_slice text;
    int64_t ms = 0;
    int32_t i = 0;
    double r = 0;
    int b = 0;

    (void)tarn_cell_ms(c, cell, &ms);
    if (tarn_cell_bool(c, cell, &b) == 0) assert(b == 0 || b == 1);
    if (tarn_cell_int32(c, cell, &i) == 0 && cell->kind == TARN_CELL_INT) assert(i == cell->i);
    if (tarn_cell_double(c, cell, &r) == 0) assert(!(r < 0) || r < 0);
    if (tarn_cell_text(c, cell, scratch, &text) == 0) {
        assert(text.data != (const uint8_t *)scratch || text.len < TARN_CELL_TEXT);
        assert(tarn_utf8_invalid(text.data, text.len) == text.len);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tarn_buf json = TARN_BUF_INIT((size_t)1 << 24);
    struct tarn_pq_column c;
    struct tarn_vector v;
    struct tarn_cell cell;
    struct tarn_slice slice;
    uint64_t number = 0;
    size_t where = 0;
    uint8_t *exact = NULL;

    if (size < 8) return 0;
    exact = tarn_memdup(data + 8, size - 8);
    assert(exact);
    column_of(&c, data);
    memset(&v, 0, sizeof v);
    v.physical = c.physical;
    v.n = 1;
    slice = (struct tarn_slice){exact, size - 8};
    memcpy(&number, exact, slice.len < 8 ? slice.len : 8);
    v.values.any = c.physical == TARN_INT96 || c.physical >= TARN_BYTE_ARRAY ? (void *)&slice
                                                                             : (void *)&number;
    tarn_cell_read(&c, &v, 0, &cell);
    conversions(&c, &cell);
    tarn_cell_json(&json, &c, &cell);
    assert(json.rc == TARN_OK && tarn_json_check(json.data, json.len, &where) == 0);
    tarn_buf_release(&json);
    tarn_free(exact);
    return 0;
}
