/* fuzz_outbox.c: any bytes as what an outbox holds: slots, and the records of a commit.
**
** A database may come from a stranger. A slot's CRC is put right now and then, so that what is
** behind it is reached. An event that was accepted survives being encoded and read once more.
*/
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "mem.h"
#include "outbox_slot.h"
#include "payload.h"
#include "text.h"

static size_t touched;

static void slot(const uint8_t *data, size_t n, int mend) {
    uint8_t bytes[TARN_SLOT_BYTES] = {0};
    struct tarn_slot s;
    struct tarn_outbox o;
    struct tarn_err err = {0};
    uint32_t sum = 0;

    memset(&o, 0, sizeof o);
    memcpy(bytes, data, n < sizeof bytes ? n : sizeof bytes);
    if (mend) {
        sum = (uint32_t)crc32(0, bytes + 8, sizeof bytes - 8);
        for (int i = 0; i < 4; i++)
            bytes[4 + i] = (uint8_t)(sum >> (8 * i));
    }
    if (tarn_slot_read(&s, bytes, (int)sizeof bytes, 7, &err) != TARN_OK) {
        assert(err.msg[0]);
    } else if (s.sequence) {
        assert(s.part < s.parts && s.bytes <= TARN_SLOT_PAYLOAD);
        for (uint32_t i = 0; i < s.bytes; i++)
            touched += s.payload[i];
        touched += (size_t)s.digest[TARN_DIGEST - 1] + s.previous[0];
    }
    assert(tarn_slot_read(&s, data, (int)n, 7, NULL) != TARN_OK || n == TARN_SLOT_BYTES);
    if (tarn_slot_read_head(&o, bytes, (int)sizeof bytes, NULL) == TARN_OK)
        assert(strlen(o.id) == 16 && strlen(o.name) > 0 && !strchr(o.name, '/'));
}

static int same(const struct tarn_slice *a, const struct tarn_slice *b) {
    return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

static void event(const struct tarn_event *ev) {
    struct tarn_buf b = TARN_BUF_INIT((size_t)1 << 24);
    struct tarn_cursor c = {NULL, NULL, TARN_OK};
    struct tarn_event again;

    for (int i = 0; i < TARN_EV_COLUMNS; i++)
        assert(!ev->text[i].len ||
               tarn_utf8_invalid(ev->text[i].data, ev->text[i].len) == ev->text[i].len);
    tarn_event_encode(&b, ev);
    assert(b.rc == TARN_OK);
    c.p = b.data;
    c.end = b.data + b.len;
    assert(tarn_event_decode(&c, &again, NULL) == TARN_OK && c.p == c.end);
    assert(again.present == ev->present && again.ts == ev->ts && again.verified == ev->verified);
    assert(again.status_code == ev->status_code);
    assert(memcmp(&again.duration_ms, &ev->duration_ms, sizeof ev->duration_ms) == 0);
    for (int i = 0; i < TARN_EV_COLUMNS; i++)
        assert(same(&again.text[i], &ev->text[i]));
    assert(same(&again.prefix, &ev->prefix) && same(&again.namespace_, &ev->namespace_));
    tarn_buf_release(&b);
}

/* A record of a change to a row, or of a file of them. */
static void change(const struct tarn_record *r) {
    const char *file = tarn_payload_file(r);
    struct tarn_change_summary s;
    struct tarn_cursor c;
    struct tarn_slice name = {NULL, 0};

    if (!file) {
        assert(r->kind == 'T' || r->kind == 'R');
        assert(r->body.len > 0 && r->frame.len > r->body.len);
        assert(r->frame.data + r->frame.len == r->body.data + r->body.len);
        if (tarn_payload_name(r->body, &name, NULL) == TARN_OK)
            assert(name.len > 0 && name.len <= r->body.len);
        return;
    }
    assert(strlen(file) == TARN_SPOOL_NAME && !strchr(file, '/'));
    if (r->kind == 'B') {
        assert(r->file.base.name.len > 0 && r->file.base.digest);
        return;
    }
    c = r->file.collections;
    for (uint64_t i = 0; i < r->file.n_collections; i++)
        assert(tarn_payload_summary(&c, &s, NULL) == TARN_OK && s.name.len > 0 && s.digest);
    assert(c.p == c.end);
}

static void records(const uint8_t *data, size_t n) {
    struct tarn_cursor c = {data, data + n, TARN_OK};
    struct tarn_record r;
    struct tarn_err err = {0};
    size_t len = 0;
    int64_t ts = 0;
    int routed = 0;

    while (c.p < c.end) {
        const uint8_t *before = c.p;
        if (tarn_payload_next(&c, &r, &err) != TARN_OK) {
            assert(err.msg[0]);
            break;
        }
        assert(c.p > before && c.p <= c.end);
        if (r.kind == 'E') {
            event(&r.event);
            assert(tarn_event_peek(before, (size_t)(c.end - before), &len, &ts, &routed, NULL) ==
                   TARN_OK);
            assert(before + len == c.p && ts == r.event.ts);
        } else if (r.kind != 'S') {
            change(&r);
        } else {
            assert(strlen(r.spool.name) == TARN_SPOOL_NAME && !strchr(r.spool.name, '/'));
            assert(r.spool.root.len < TARN_NAME_ROOT_MAX && r.spool.min_ts <= r.spool.max_ts);
            assert(r.spool.root.data[0] != '.' && r.spool.root.data[0] != '/');
            assert(memmem(r.spool.root.data, r.spool.root.len, "/.", 2) == NULL);
        }
    }
    c.p = data;
    c.rc = TARN_OK;
    (void)tarn_event_decode_own(&c, &r.event, NULL);
    (void)tarn_event_peek(data, n, &len, &ts, &routed, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    uint8_t *exact = NULL;

    if (size < 2) return 0;
    exact = tarn_memdup(data + 1, size - 1);
    assert(exact);
    if (data[0] & 1)
        records(exact, size - 1);
    else
        slot(exact, size - 1, data[0] & 2);
    tarn_free(exact);
    return 0;
}
