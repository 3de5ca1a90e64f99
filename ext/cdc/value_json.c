/* value_json.c: values written as JSON, rows as objects, keys as the column pk (value.h). */
#include <math.h>

#include "cell_number.h"
#include "text.h"
#include "value.h"

static const char HEX[] = "0123456789abcdef";

/* {"name":"hex digits"} */
static void put_hex(struct tarn_buf *b, const char *name, struct tarn_slice bytes) {
    uint8_t *p = NULL;

    tarn_buf_puts(b, name);
    if (bytes.len > SIZE_MAX / 2 - 1) {
        if (b->rc == TARN_OK) b->rc = TARN_ELIMIT;
        return;
    }
    if (tarn_buf_reserve(b, 2 * bytes.len) != TARN_OK) return;
    p = b->data + b->len;
    for (size_t i = 0; i < bytes.len; i++) {
        *p++ = (uint8_t)HEX[bytes.data[i] >> 4];
        *p++ = (uint8_t)HEX[bytes.data[i] & 15];
    }
    b->len += 2 * bytes.len;
    tarn_buf_puts(b, "\"}");
}

static int is_utf8(struct tarn_slice s) {
    return tarn_utf8_invalid(s.data, s.len) == s.len;
}

void tarn_value_json(struct tarn_buf *b, const struct tarn_value *v) {
    char number[TARN_CELL_TEXT];

    switch (v->type) {
    case TARN_VALUE_INTEGER: tarn_buf_put(b, number, tarn_print_int(number, v->integer)); return;
    case TARN_VALUE_REAL:
        if (isnan(v->real)) break;
        if (isinf(v->real))
            tarn_buf_puts(b,
                          v->real > 0 ? "{\"$real\":\"Infinity\"}" : "{\"$real\":\"-Infinity\"}");
        else
            tarn_buf_put(b, number, tarn_print_double(number, v->real, 0));
        return;
    case TARN_VALUE_TEXT:
        if (is_utf8(v->bytes))
            tarn_json_quote(b, (const char *)v->bytes.data, v->bytes.len);
        else
            put_hex(b, "{\"$text\":\"", v->bytes);
        return;
    case TARN_VALUE_BLOB: put_hex(b, "{\"$blob\":\"", v->bytes); return;
    default: break;
    }
    tarn_buf_put(b, "null", 4);
}

void tarn_value_object(struct tarn_buf *b, const struct tarn_slice *names,
                       const struct tarn_value *values, size_t n) {
    tarn_buf_u8(b, '{');
    for (size_t i = 0; i < n; i++) {
        if (i > 0) tarn_buf_u8(b, ',');
        tarn_json_quote(b, (const char *)names[i].data, names[i].len);
        tarn_buf_u8(b, ':');
        tarn_value_json(b, &values[i]);
    }
    tarn_buf_u8(b, '}');
}

static void put_array(struct tarn_buf *b, const struct tarn_value *values, size_t n) {
    tarn_buf_u8(b, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0) tarn_buf_u8(b, ',');
        tarn_value_json(b, &values[i]);
    }
    tarn_buf_u8(b, ']');
}

void tarn_value_key(struct tarn_buf *b, const struct tarn_value *values, size_t n,
                    int text_affinity) {
    const struct tarn_slice s = n == 1 ? values->bytes : (struct tarn_slice){NULL, 0};

    if (n != 1 || (text_affinity && values->type < TARN_VALUE_TEXT))
        put_array(b, values, n);
    else if (text_affinity && values->type == TARN_VALUE_TEXT && s.len > 0 && s.data[0] != '"' &&
             s.data[0] != '[' && s.data[0] != '{' && is_utf8(s))
        tarn_buf_put(b, s.data, s.len);
    else
        tarn_value_json(b, values);
}
