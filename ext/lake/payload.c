/* payload.c: see payload.h. Bytes may come from a stranger's database: names and roots are checked
** so that nothing they name leaves the spool folder or the lake's root.
*/
#include "payload.h"

#include <stdio.h>
#include <string.h>

#include "keys.h"
#include "time.h"
#include "ulid.h"

void tarn_payload_root(struct tarn_buf *b, const struct tarn_event *ev) {
    char namespace_[256];
    char prefix[80];

    snprintf(namespace_, sizeof namespace_, "%.*s", (int)ev->namespace_.len,
             ev->namespace_.len ? (const char *)ev->namespace_.data : "");
    snprintf(prefix, sizeof prefix, "%.*s", ev->prefix.len ? (int)ev->prefix.len : 6,
             ev->prefix.len ? (const char *)ev->prefix.data : "events");
    tarn_key_root(b, namespace_, prefix);
}

void tarn_payload_spool(struct tarn_buf *b, const struct tarn_spool_file *f) {
    struct tarn_buf body = TARN_BUF_INIT(64 << 10);

    tarn_buf_varint(&body, strlen(f->name));
    tarn_buf_puts(&body, f->name);
    tarn_buf_varint(&body, f->root.len);
    tarn_buf_put(&body, f->root.data, f->root.len);
    tarn_buf_le64(&body, (uint64_t)f->hour);
    tarn_buf_varint(&body, f->rows);
    tarn_buf_le64(&body, (uint64_t)f->min_ts);
    tarn_buf_le64(&body, (uint64_t)f->max_ts);
    tarn_buf_varint(&body, f->bytes);
    tarn_buf_u8(b, 'S');
    tarn_buf_varint(b, body.len);
    tarn_buf_put(b, body.data, body.len);
    if (body.rc && b->rc == TARN_OK) b->rc = body.rc;
    tarn_buf_release(&body);
}

static int root_ok(struct tarn_slice root) {
    char text[TARN_NAME_ROOT_MAX];
    size_t i;

    if (root.len < 2 || root.len >= sizeof text || root.data[root.len - 1] != '/') return 0;
    for (i = 0; i < root.len; i++) {
        uint8_t ch = root.data[i];

        if (ch < 0x21 || ch > 0x7e || ch == '\\') return 0;
        if (ch == '/' && (i == 0 || root.data[i - 1] == '/')) return 0;
        if (ch == '.' && (i == 0 || root.data[i - 1] == '/')) return 0;
    }
    return root.data[0] != '_';
}

static int spool_next(struct tarn_cursor *c, struct tarn_spool_file *f) {
    struct tarn_cursor body = {NULL, NULL, TARN_OK};
    uint64_t n = tarn_cursor_varint(c);
    const uint8_t *p = n <= (uint64_t)(c->end - c->p) ? tarn_cursor_bytes(c, (size_t)n) : NULL;

    memset(f, 0, sizeof *f);
    if (!p) return -1;
    body.p = p;
    body.end = p + n;
    n = tarn_cursor_varint(&body);
    p = n == TARN_SPOOL_NAME ? tarn_cursor_bytes(&body, TARN_SPOOL_NAME) : NULL;
    if (!p || tarn_ulid_time((const char *)p) < 0 ||
        memcmp(p + TARN_ULID_LEN, ".parquet", 8) != 0) {
        return -1;
    }
    memcpy(f->name, p, TARN_SPOOL_NAME);
    f->root.len = (size_t)tarn_cursor_varint(&body);
    f->root.data = f->root.len < TARN_NAME_ROOT_MAX ? tarn_cursor_bytes(&body, f->root.len) : NULL;
    if (!f->root.data || !root_ok(f->root)) return -1;
    f->hour = (int64_t)tarn_cursor_le64(&body);
    f->rows = tarn_cursor_varint(&body);
    f->min_ts = (int64_t)tarn_cursor_le64(&body);
    f->max_ts = (int64_t)tarn_cursor_le64(&body);
    f->bytes = tarn_cursor_varint(&body);
    if (body.rc || f->min_ts < TARN_TIME_MIN || f->max_ts > TARN_TIME_MAX ||
        f->min_ts > f->max_ts || f->hour != tarn_time_floor(f->min_ts, TARN_MS_PER_HOUR)) {
        return -1;
    }
    return 0;
}

int tarn_payload_next(struct tarn_cursor *c, struct tarn_record *out, struct tarn_err *err) {
    if (c->p < c->end && *c->p == 'E') {
        out->kind = 'E';
        return tarn_event_decode(c, &out->event, err);
    }
    if (c->p < c->end && *c->p == 'S') {
        out->kind = 'S';
        c->p++;
        if (spool_next(c, &out->spool) == 0) return TARN_OK;
    }
    return tarn_err_set(err, TARN_ECORRUPT,
                        "table _tarn_outbox: a commit holds a record that is not one");
}
