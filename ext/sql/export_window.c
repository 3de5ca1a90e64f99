/* export_window.c: the first rows of an export, kept until every column has a type.
**
**   type u8 | integer, real: 8 bytes | text, blob: u32 length, bytes | NULL: nothing
*/
#include <string.h>

#include "export.h"

void tarn_export_window_put(struct tarn_buf *b, const struct tarn_export_value *v) {
    tarn_buf_u8(b, (uint8_t)v->type);
    switch (v->type) {
    case SQLITE_INTEGER: tarn_buf_put(b, &v->i, sizeof v->i); break;
    case SQLITE_FLOAT: tarn_buf_put(b, &v->r, sizeof v->r); break;
    case SQLITE_NULL: break;
    default:
        tarn_buf_le32(b, (uint32_t)v->n);
        if (v->n) tarn_buf_put(b, v->p, v->n);
        break;
    }
}

int tarn_export_window_next(const struct tarn_buf *b, size_t *at, struct tarn_export_value *out) {
    const uint8_t *p = b->data + *at;
    uint32_t n = 0;

    if (*at >= b->len) return 0;
    out->type = *p++;
    switch (out->type) {
    case SQLITE_INTEGER:
        memcpy(&out->i, p, sizeof out->i);
        p += sizeof out->i;
        break;
    case SQLITE_FLOAT:
        memcpy(&out->r, p, sizeof out->r);
        p += sizeof out->r;
        break;
    case SQLITE_NULL: break;
    default:
        memcpy(&n, p, sizeof n);
        out->p = p + sizeof n;
        out->n = n;
        p += sizeof n + n;
        break;
    }
    *at = (size_t)(p - b->data);
    return 1;
}
