/* payload.c: see payload.h. Bytes may come from a stranger's database: names and roots are checked
** so that nothing they name leaves the spool folder or the lake's root.
*/
#include "payload.h"

#include <stdio.h>
#include <string.h>

#include "keys.h"
#include "sha256.h"
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

void tarn_payload_frame(struct tarn_buf *b, char kind, uint32_t number, const uint8_t *body,
                        size_t n) {
    tarn_buf_u8(b, (uint8_t)kind);
    tarn_buf_varint(b, number);
    tarn_buf_varint(b, n);
    tarn_buf_put(b, body, n);
}

static void put_summary(struct tarn_buf *b, const struct tarn_change_summary *s) {
    tarn_buf_varint(b, s->name.len);
    tarn_buf_put(b, s->name.data, s->name.len);
    tarn_buf_varint(b, s->rows);
    tarn_buf_put(b, s->digest, TARN_SHA256);
}

static void put_body(struct tarn_buf *b, char kind, struct tarn_buf *body) {
    tarn_buf_u8(b, (uint8_t)kind);
    tarn_buf_varint(b, body->len);
    tarn_buf_put(b, body->data, body->len);
    if (body->rc && b->rc == TARN_OK) b->rc = body->rc;
    tarn_buf_release(body);
}

void tarn_payload_change_file(struct tarn_buf *b, const char *name, uint64_t bytes,
                              const struct tarn_change_summary *collections, size_t n) {
    struct tarn_buf body = TARN_BUF_INIT(16u << 20);
    size_t i;

    tarn_buf_put(&body, name, TARN_SPOOL_NAME);
    tarn_buf_varint(&body, bytes);
    tarn_buf_varint(&body, n);
    for (i = 0; i < n; i++)
        put_summary(&body, &collections[i]);
    put_body(b, 'F', &body);
}

void tarn_payload_base(struct tarn_buf *b, const char *name, uint64_t bytes,
                       const struct tarn_change_summary *base) {
    struct tarn_buf body = TARN_BUF_INIT(64u << 10);

    tarn_buf_put(&body, name, TARN_SPOOL_NAME);
    tarn_buf_varint(&body, bytes);
    tarn_buf_varint(&body, base->rows);
    tarn_buf_varint(&body, base->name.len);
    tarn_buf_put(&body, base->name.data, base->name.len);
    tarn_buf_put(&body, base->digest, TARN_SHA256);
    put_body(b, 'B', &body);
}

/* "namespace/collection": two segments of what tarn_percent_encode leaves. */
static int collection_ok(struct tarn_slice name) {
    size_t slash = 0;
    size_t slashes = 0;
    size_t i;

    for (i = 0; i < name.len; i++) {
        uint8_t ch = name.data[i];

        if (ch < 0x21 || ch > 0x7e || ch == '\\') return 0;
        if (ch == '/') {
            slash = i;
            slashes++;
        }
    }
    return slashes == 1 && slash > 0 && slash + 1 < name.len && name.len < TARN_NAME_ROOT_MAX &&
           name.data[0] != '.' && name.data[slash + 1] != '.';
}

static int take_name(struct tarn_cursor *c, struct tarn_slice *name) {
    uint64_t n = tarn_cursor_varint(c);

    name->data = n <= (uint64_t)(c->end - c->p) ? tarn_cursor_bytes(c, (size_t)n) : NULL;
    name->len = (size_t)n;
    return name->data && collection_ok(*name) ? 0 : -1;
}

int tarn_payload_name(struct tarn_slice body, struct tarn_slice *name, struct tarn_err *err) {
    struct tarn_cursor c = {body.data, body.data + body.len, TARN_OK};

    if (take_name(&c, name) == 0) return TARN_OK;
    return tarn_err_set(err, TARN_ECORRUPT, "a definition of a collection has no name");
}

int tarn_payload_summary(struct tarn_cursor *c, struct tarn_change_summary *out,
                         struct tarn_err *err) {
    int bad = take_name(c, &out->name);

    out->rows = tarn_cursor_varint(c);
    out->digest = tarn_cursor_bytes(c, TARN_SHA256);
    if (!bad && out->digest && c->rc == TARN_OK) return TARN_OK;
    return tarn_err_set(err, TARN_ECORRUPT, "a file of changes says wrongly what it holds");
}

static int change_file_next(struct tarn_cursor *c, char kind, struct tarn_change_file *f) {
    uint64_t n = tarn_cursor_varint(c);
    const uint8_t *p = n <= (uint64_t)(c->end - c->p) ? tarn_cursor_bytes(c, (size_t)n) : NULL;
    struct tarn_cursor body = {p, p ? p + n : NULL, TARN_OK};
    struct tarn_change_summary skipped;
    uint64_t i;

    memset(f, 0, sizeof *f);
    p = p ? tarn_cursor_bytes(&body, TARN_SPOOL_NAME) : NULL;
    if (!p || tarn_ulid_time((const char *)p) < 0 ||
        memcmp(p + TARN_ULID_LEN, ".changes", 8) != 0) {
        return -1;
    }
    memcpy(f->name, p, TARN_SPOOL_NAME);
    f->bytes = tarn_cursor_varint(&body);
    if (kind == 'B') {
        f->base.rows = tarn_cursor_varint(&body);
        if (take_name(&body, &f->base.name)) return -1;
        f->base.digest = tarn_cursor_bytes(&body, TARN_SHA256);
    } else {
        f->n_collections = tarn_cursor_varint(&body);
        f->collections = body;
        for (i = 0; i < f->n_collections && body.rc == TARN_OK; i++) {
            if (tarn_payload_summary(&body, &skipped, NULL)) return -1;
        }
    }
    return body.rc || body.p != body.end ? -1 : 0;
}

static int change_next(struct tarn_cursor *c, struct tarn_record *out) {
    uint64_t number = tarn_cursor_varint(c);
    const uint8_t *frame = c->p;
    uint64_t n = tarn_cursor_varint(c);

    if (c->rc || number > UINT32_MAX || n > (uint64_t)(c->end - c->p)) return -1;
    out->number = (uint32_t)number;
    out->body.data = c->p;
    out->body.len = (size_t)n;
    c->p += n;
    out->frame.data = frame;
    out->frame.len = (size_t)(c->p - frame);
    return out->body.len ? 0 : -1;
}

const char *tarn_payload_file(const struct tarn_record *r) {
    if (r->kind == 'S') return r->spool.name;
    return r->kind == 'F' || r->kind == 'B' ? r->file.name : NULL;
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
    } else if (c->p < c->end && (*c->p == 'T' || *c->p == 'R')) {
        out->kind = (char)*c->p++;
        if (change_next(c, out) == 0) return TARN_OK;
    } else if (c->p < c->end && (*c->p == 'F' || *c->p == 'B')) {
        out->kind = (char)*c->p++;
        if (change_file_next(c, out->kind, &out->file) == 0) return TARN_OK;
    }
    return tarn_err_set(err, TARN_ECORRUPT,
                        "table _tarn_outbox: a commit holds a record that is not one");
}
