/* variant_scalar.c: primitive values of variants as JSON.
**
**   header byte: type << 2 | 0, then its bytes, little-endian; or length << 2 | 1, then a string
**
** What a Parquet column can hold as well is printed by cell.c, as a cell of such a column.
*/
#include "variant_scalar.h"

#include <string.h>

#include "cell.h"
#include "text.h"

enum primitive {
    V_NULL = 0,
    V_TRUE = 1,
    V_FALSE = 2,
    V_INT8 = 3,
    V_INT16 = 4,
    V_INT32 = 5,
    V_INT64 = 6,
    V_DOUBLE = 7,
    V_DECIMAL4 = 8,
    V_DECIMAL8 = 9,
    V_DECIMAL16 = 10,
    V_DATE = 11,
    V_TIMESTAMP = 12,
    V_TIMESTAMP_NTZ = 13,
    V_FLOAT = 14,
    V_BINARY = 15,
    V_STRING = 16,
    V_TIME = 17,
    V_TIMESTAMP_NS = 18,
    V_TIMESTAMP_NTZ_NS = 19,
    V_UUID = 20
};

/* Bytes after the header; -1: a length stands before them. */
static const int8_t sizes[] = {0, 0, 0, 1, 2, 4, 8, 8, 5, 9, 17, 4, 8, 8, 4, -1, -1, 8, 8, 8, 16};

void tarn_variant_base64(struct tarn_buf *b, struct tarn_slice s) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    tarn_buf_u8(b, '"');
    for (size_t i = 0; i < s.len; i += 3) {
        size_t n = s.len - i < 3 ? s.len - i : 3;
        uint32_t v = (uint32_t)s.data[i] << 16;
        char out[4];
        if (n > 1) v |= (uint32_t)s.data[i + 1] << 8;
        if (n > 2) v |= s.data[i + 2];
        out[0] = digits[v >> 18];
        out[1] = digits[v >> 12 & 63];
        out[2] = n > 1 ? digits[v >> 6 & 63] : '=';
        out[3] = n > 2 ? digits[v & 63] : '=';
        tarn_buf_put(b, out, 4);
    }
    tarn_buf_u8(b, '"');
}

/* Divides the big-endian magnitude by ten, in place; returns the remainder. */
static unsigned divide_by_ten(uint8_t m[16]) {
    unsigned rest = 0;
    for (int i = 0; i < 16; i++) {
        unsigned v = rest << 8 | m[i];
        m[i] = (uint8_t)(v / 10);
        rest = v % 10;
    }
    return rest;
}

void tarn_variant_decimal(struct tarn_buf *b, struct tarn_slice unscaled, int scale) {
    static const uint8_t zero[16];
    uint8_t m[16];
    char digits[48];
    int negative = unscaled.len > 0 && (unscaled.data[0] & 0x80) != 0, n = 0;
    memset(m, negative ? 0xff : 0, sizeof m);
    memcpy(m + 16 - unscaled.len, unscaled.data, unscaled.len);
    for (int i = 15, carry = negative; negative && i >= 0; i--) {
        int v = (uint8_t)~m[i] + carry;
        m[i] = (uint8_t)v;
        carry = v >> 8;
    }
    while (memcmp(m, zero, 16) != 0 || n <= scale)
        digits[n++] = (char)('0' + divide_by_ten(m));
    if (negative) tarn_buf_u8(b, '-');
    while (n > 0) {
        if (n == scale) tarn_buf_u8(b, '.');
        tarn_buf_u8(b, (uint8_t)digits[--n]);
    }
}

/* A variant's decimal: scale, then the number little-endian. */
static int put_decimal(struct tarn_buf *b, const uint8_t *p, size_t n, const char **why) {
    uint8_t big[16];
    *why = "a variant's decimal has a scale above 38";
    if (p[0] > 38) return TARN_ECORRUPT;
    for (size_t i = 0; i < n; i++)
        big[i] = p[n - i];
    tarn_variant_decimal(b, (struct tarn_slice){big, n}, p[0]);
    return TARN_OK;
}

static int put_string(struct tarn_buf *b, const uint8_t *p, size_t n, const char **why) {
    *why = "a variant's string is not UTF-8";
    if (tarn_utf8_invalid(p, n) != n) return TARN_ECORRUPT;
    tarn_json_quote(b, (const char *)p, n);
    return TARN_OK;
}

static int64_t read_int(const uint8_t *p, int n) {
    uint64_t v = (p[n - 1] & 0x80) ? UINT64_MAX : 0;
    for (int i = n; i-- > 0;)
        v = v << 8 | p[i];
    return (int64_t)v;
}

/* As a cell of a column of that kind. */
static void put_cell(struct tarn_buf *b, enum primitive type, const uint8_t *p) {
    struct tarn_pq_column col;
    struct tarn_cell cell;
    memset(&col, 0, sizeof col);
    memset(&cell, 0, sizeof cell);
    col.path = "";
    col.physical = sizes[type] == 8 ? TARN_INT64 : TARN_INT32;
    cell.kind = TARN_CELL_INT;
    if (sizes[type] > 0 && sizes[type] <= 8) cell.i = read_int(p, sizes[type]);
    if (type == V_DATE) {
        col.logical.kind = TARN_LOGICAL_DATE;
    } else if (type == V_TIME) {
        col.logical.kind = TARN_LOGICAL_TIME;
        col.logical.unit = TARN_UNIT_US;
    } else if (type == V_UUID) {
        col.physical = TARN_FIXED;
        col.fixed_len = 16;
        col.logical.kind = TARN_LOGICAL_UUID;
        cell.kind = TARN_CELL_BYTES;
        cell.bytes = (struct tarn_slice){p, 16};
    } else if (type == V_DOUBLE) {
        col.physical = TARN_DOUBLE;
        cell.kind = TARN_CELL_REAL;
        memcpy(&cell.r, p, 8);
    } else if (type == V_FLOAT) {
        float f = 0;
        memcpy(&f, p, 4);
        col.physical = TARN_FLOAT;
        cell.kind = TARN_CELL_REAL;
        cell.r = (double)f;
        cell.narrow = 1;
    } else if (type >= V_TIMESTAMP) {
        col.logical.kind = TARN_LOGICAL_TIMESTAMP;
        col.logical.unit = type >= V_TIMESTAMP_NS ? TARN_UNIT_NS : TARN_UNIT_US;
        col.logical.utc = type == V_TIMESTAMP || type == V_TIMESTAMP_NS;
    }
    tarn_cell_json(b, &col, &cell);
}

int tarn_variant_scalar(struct tarn_buf *b, struct tarn_slice s, size_t *used, const char **why) {
    unsigned type = s.data[0] >> 2;
    const uint8_t *p = s.data + 1;
    size_t left = s.len - 1, n = type;
    *why = "a variant's value ends too early";
    if ((s.data[0] & 3) == TARN_VARIANT_SHORT_STRING) {
        if (n > left) return TARN_ECORRUPT;
        *used = 1 + n;
        return put_string(b, p, n, why);
    }
    *why = "a variant holds a value of a type that this build doesn't know";
    if (type >= sizeof sizes) return TARN_EUNSUPPORTED;
    *why = "a variant's value ends too early";
    if (sizes[type] < 0) {
        if (left < 4) return TARN_ECORRUPT;
        n = (size_t)p[0] | (size_t)p[1] << 8 | (size_t)p[2] << 16 | (size_t)p[3] << 24;
        p += 4;
        left -= 4;
    } else {
        n = (size_t)sizes[type];
    }
    if (n > left) return TARN_ECORRUPT;
    *used = (size_t)(p - s.data) + n;
    switch ((enum primitive)type) {
    case V_NULL: tarn_buf_puts(b, "null"); break;
    case V_TRUE: tarn_buf_puts(b, "true"); break;
    case V_FALSE: tarn_buf_puts(b, "false"); break;
    case V_DECIMAL4:
    case V_DECIMAL8:
    case V_DECIMAL16: return put_decimal(b, p, n - 1, why);
    case V_BINARY: tarn_variant_base64(b, (struct tarn_slice){p, n}); break;
    case V_STRING: return put_string(b, p, n, why);
    default: put_cell(b, (enum primitive)type, p); break;
    }
    return TARN_OK;
}
