/* event.c: names of the event columns, and the binary form that event.h draws.
**
** The encoder computes the length first, so a record is written in one pass and its reader can
** skip it. The decoder believes nothing: every length is checked against the bytes that are left,
** text must be UTF-8, unknown flags and bytes left over are faults.
*/
#include "event.h"

#include <string.h>

#include "text.h"

#define FLAG_COLUMNS 0x1fffu
#define FLAG_VERIFIED 0x2000u
#define FLAG_ROUTE 0x4000u /* has a prefix and a namespace */

const char *const tarn_event_names[TARN_EV_COLUMNS] = {
    "ts",      "type",   "source", "provider",    "event_type",  "verified", "script_name",
    "outcome", "method", "url",    "status_code", "duration_ms", "payload"};

static uint64_t varint_size(uint64_t v) {
    uint64_t n = 1;

    while (v >= 0x80) {
        v >>= 7;
        n++;
    }
    return n;
}

static uint64_t slice_size(const struct tarn_slice *s) {
    return varint_size(s->len) + s->len;
}

static uint32_t event_flags(const struct tarn_event *ev) {
    uint32_t flags = (ev->present & FLAG_COLUMNS) | TARN_EV_BIT(TARN_EV_TS);

    if ((flags & TARN_EV_BIT(TARN_EV_VERIFIED)) && ev->verified) flags |= FLAG_VERIFIED;
    if (ev->prefix.len || ev->namespace_.len) flags |= FLAG_ROUTE;
    return flags;
}

static uint64_t event_size(const struct tarn_event *ev, uint32_t flags) {
    uint64_t n = 2 + 8;
    int c;

    for (c = 0; c < TARN_EV_COLUMNS; c++) {
        if (tarn_event_is_text(c) && (flags & TARN_EV_BIT(c))) n += slice_size(&ev->text[c]);
    }
    if (flags & TARN_EV_BIT(TARN_EV_STATUS_CODE)) n += 4;
    if (flags & TARN_EV_BIT(TARN_EV_DURATION_MS)) n += 8;
    if (flags & FLAG_ROUTE) n += slice_size(&ev->prefix) + slice_size(&ev->namespace_);
    return n;
}

/* The writers below have room: event_size() is exact. Each returns the place behind what it wrote. */

static uint8_t *put_varint(uint8_t *p, uint64_t v) {
    for (; v >= 0x80; v >>= 7)
        *p++ = (uint8_t)(v | 0x80);
    *p++ = (uint8_t)v;
    return p;
}

static uint8_t *put_le(uint8_t *p, uint64_t v, int n) {
    int i;

    for (i = 0; i < n; i++)
        *p++ = (uint8_t)(v >> (8 * i));
    return p;
}

static uint8_t *put_slice(uint8_t *p, const struct tarn_slice *s) {
    p = put_varint(p, s->len);
    if (s->len) memcpy(p, s->data, s->len);
    return p + s->len;
}

static uint8_t *put_body(uint8_t *p, const struct tarn_event *ev, uint32_t flags) {
    uint64_t bits = 0;
    int c;

    p = put_le(p, flags, 2);
    p = put_le(p, (uint64_t)ev->ts, 8);
    for (c = 0; c < TARN_EV_COLUMNS; c++) {
        if (tarn_event_is_text(c) && (flags & TARN_EV_BIT(c))) p = put_slice(p, &ev->text[c]);
    }
    if (flags & TARN_EV_BIT(TARN_EV_STATUS_CODE)) p = put_le(p, (uint32_t)ev->status_code, 4);
    if (flags & TARN_EV_BIT(TARN_EV_DURATION_MS)) {
        memcpy(&bits, &ev->duration_ms, sizeof bits);
        p = put_le(p, bits, 8);
    }
    if (flags & FLAG_ROUTE) {
        p = put_slice(p, &ev->prefix);
        p = put_slice(p, &ev->namespace_);
    }
    return p;
}

void tarn_event_encode(struct tarn_buf *b, const struct tarn_event *ev) {
    uint32_t flags = event_flags(ev);
    uint64_t size = event_size(ev, flags);
    uint8_t *p;

    if (size > TARN_EVENT_MAX) {
        if (b->rc == TARN_OK) b->rc = TARN_ELIMIT;
        return;
    }
    if (tarn_buf_reserve(b, 1 + (size_t)(varint_size(size) + size))) return;
    p = b->data + b->len;
    *p++ = 'E';
    p = put_varint(p, size);
    b->len = (size_t)(put_body(p, ev, flags) - b->data);
}

static void take_slice(struct tarn_cursor *c, struct tarn_slice *out, int own) {
    uint64_t n = tarn_cursor_varint(c);

    if (c->rc == TARN_OK && n > (uint64_t)(c->end - c->p)) c->rc = TARN_ECORRUPT;
    if (c->rc != TARN_OK) return;
    out->len = (size_t)n;
    out->data = tarn_cursor_bytes(c, out->len);
    if (!own && out->len && tarn_utf8_invalid(out->data, out->len) != out->len)
        c->rc = TARN_ECORRUPT;
}

static void take_body(struct tarn_cursor *in, struct tarn_event *ev, int own) {
    uint32_t flags = tarn_cursor_u8(in);
    uint64_t bits;
    int c;

    flags |= (uint32_t)tarn_cursor_u8(in) << 8;
    if ((flags & ~(FLAG_COLUMNS | FLAG_VERIFIED | FLAG_ROUTE)) ||
        !(flags & TARN_EV_BIT(TARN_EV_TS)) || !(flags & TARN_EV_BIT(TARN_EV_TYPE)) ||
        ((flags & FLAG_VERIFIED) && !(flags & TARN_EV_BIT(TARN_EV_VERIFIED)))) {
        in->rc = TARN_ECORRUPT;
        return;
    }
    ev->present = flags & FLAG_COLUMNS;
    ev->verified = (flags & FLAG_VERIFIED) != 0;
    ev->ts = (int64_t)tarn_cursor_le64(in);
    for (c = 0; c < TARN_EV_COLUMNS; c++) {
        if (tarn_event_is_text(c) && (flags & TARN_EV_BIT(c))) take_slice(in, &ev->text[c], own);
    }
    if (flags & TARN_EV_BIT(TARN_EV_STATUS_CODE)) ev->status_code = (int32_t)tarn_cursor_le32(in);
    if (flags & TARN_EV_BIT(TARN_EV_DURATION_MS)) {
        bits = tarn_cursor_le64(in);
        memcpy(&ev->duration_ms, &bits, sizeof bits);
    }
    if (flags & FLAG_ROUTE) {
        take_slice(in, &ev->prefix, own);
        take_slice(in, &ev->namespace_, own);
    }
}

static int decode(struct tarn_cursor *c, struct tarn_event *ev, int own, struct tarn_err *err) {
    struct tarn_cursor body;
    uint8_t kind;
    uint64_t size;

    memset(ev, 0, sizeof *ev);
    kind = tarn_cursor_u8(c);
    size = tarn_cursor_varint(c);
    if (c->rc != TARN_OK || kind != 'E')
        return tarn_err_set(err, TARN_ECORRUPT,
                            "event record: expected 'E' and a length, found "
                            "byte 0x%02x",
                            kind);
    if (size > TARN_EVENT_MAX || size > (uint64_t)(c->end - c->p))
        return tarn_err_set(err, TARN_ECORRUPT,
                            "event record: expected %llu bytes, found only %llu",
                            (unsigned long long)size, (unsigned long long)(c->end - c->p));
    body.p = c->p;
    body.end = c->p + size;
    body.rc = TARN_OK;
    take_body(&body, ev, own);
    if (body.rc == TARN_OK && body.p != body.end) body.rc = TARN_ECORRUPT;
    if (body.rc != TARN_OK)
        return tarn_err_set(err, TARN_ECORRUPT,
                            "event record of %llu bytes: its fields do not "
                            "add up (damaged, or not written by Tarn)",
                            (unsigned long long)size);
    c->p = body.end;
    return TARN_OK;
}

int tarn_event_decode(struct tarn_cursor *c, struct tarn_event *ev, struct tarn_err *err) {
    return decode(c, ev, 0, err);
}

int tarn_event_decode_own(struct tarn_cursor *c, struct tarn_event *ev, struct tarn_err *err) {
    return decode(c, ev, 1, err);
}

int tarn_event_peek(const uint8_t *p, size_t n, size_t *len, int64_t *ts, int *routed,
                    struct tarn_err *err) {
    struct tarn_cursor c = {p, p + n, TARN_OK};
    uint8_t kind = tarn_cursor_u8(&c);
    uint64_t size = tarn_cursor_varint(&c);
    uint32_t flags;

    *len = (size_t)(c.p - p) + (size_t)size;
    flags = tarn_cursor_u8(&c);
    flags |= (uint32_t)tarn_cursor_u8(&c) << 8;
    *ts = (int64_t)tarn_cursor_le64(&c);
    *routed = (flags & FLAG_ROUTE) != 0;
    if (c.rc != TARN_OK || kind != 'E' || size < 10 || size > TARN_EVENT_MAX)
        return tarn_err_set(err, TARN_ECORRUPT,
                            "event record: its first bytes are not those of one");
    return TARN_OK;
}
