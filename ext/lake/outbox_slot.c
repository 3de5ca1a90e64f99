/* outbox_slot.c: one slot of the outbox as bytes. A database may come from a stranger: everything
** read here is checked (magic, CRC, lengths against the slot) before it is believed.
*/
#include "outbox_slot.h"

#include <string.h>
#include <zlib.h>

#include "buf.h"
#include "time.h"

#define MAGIC 0x31424f54u /* "TOB1" */
#define FILES 0x80000000u
static const char head_magic[8] = {'T', 'A', 'R', 'N', 'O', 'B', 'X', '1'};

static void put32(uint8_t *p, uint32_t v) {
    int i;

    for (i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

void tarn_slot_put64(uint8_t *p, uint64_t v) {
    int i;

    for (i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t crc(const uint8_t *slot) {
    return (uint32_t)crc32(0, slot + 8, TARN_SLOT_BYTES - 8);
}

void tarn_slot_write(uint8_t *out, const struct tarn_commit *c, uint32_t part, uint32_t parts,
                     const struct tarn_position *position) {
    size_t from = (size_t)part * TARN_SLOT_PAYLOAD;
    size_t n = c->len - from < TARN_SLOT_PAYLOAD ? c->len - from : TARN_SLOT_PAYLOAD;

    memset(out, 0, TARN_SLOT_BYTES);
    put32(out, MAGIC);
    tarn_slot_put64(out + 8, c->sequence);
    put32(out + 16, part);
    put32(out + 20, parts);
    put32(out + 24, (uint32_t)n);
    put32(out + 28, c->events);
    tarn_slot_put64(out + 32, c->len);
    tarn_slot_put64(out + 40, (uint64_t)c->time);
    tarn_slot_put64(out + 48, position->collected);
    tarn_slot_put64(out + 56, position->entry);
    put32(out + 64, position->timeline);
    put32(out + 68, (c->changes < FILES ? c->changes : FILES - 1) | (c->files ? FILES : 0));
    memcpy(out + 72, c->previous, TARN_DIGEST);
    memcpy(out + 104, c->digest, TARN_DIGEST);
    memcpy(out + TARN_SLOT_HEAD, c->payload + from, n);
    put32(out + 4, crc(out));
}

int tarn_slot_read(struct tarn_slot *out, const uint8_t *p, int n, int64_t rowid,
                   struct tarn_err *err) {
    struct tarn_cursor c = {p, p + (p ? n : 0), TARN_OK};
    uint32_t sum;

    memset(out, 0, sizeof *out);
    if (n == TARN_SLOT_BYTES && p && tarn_cursor_le32(&c) == 0) return TARN_OK; /* free */
    if (n != TARN_SLOT_BYTES || !p || memcmp(p, "TOB1", 4) != 0) goto bad;
    sum = tarn_cursor_le32(&c);
    out->sequence = tarn_cursor_le64(&c);
    out->part = tarn_cursor_le32(&c);
    out->parts = tarn_cursor_le32(&c);
    out->bytes = tarn_cursor_le32(&c);
    out->events = tarn_cursor_le32(&c);
    out->total = tarn_cursor_le64(&c);
    out->time = (int64_t)tarn_cursor_le64(&c);
    out->position.collected = tarn_cursor_le64(&c);
    out->position.entry = tarn_cursor_le64(&c);
    out->position.timeline = tarn_cursor_le32(&c);
    out->changes = tarn_cursor_le32(&c);
    out->files = (out->changes & FILES) != 0;
    out->changes &= FILES - 1;
    out->previous = p + 72;
    out->digest = p + 104;
    out->payload = p + TARN_SLOT_HEAD;
    if (sum != crc(p) || out->sequence == 0 || out->bytes > TARN_SLOT_PAYLOAD ||
        out->part >= out->parts || out->sequence > INT64_MAX || out->time < 0 ||
        out->time > TARN_TIME_MAX || out->position.collected >= out->sequence ||
        out->position.entry >= TARN_ENTRY_LIMIT) {
        goto bad;
    }
    return TARN_OK;
bad:
    return tarn_err_set(err, TARN_ECORRUPT,
                        "table _tarn_outbox, row %lld: not a slot of the outbox, or damaged; run "
                        "PRAGMA integrity_check, and restore the database from a copy",
                        (long long)rowid);
}

void tarn_slot_write_head(uint8_t *out, const char *id, const char *name) {
    size_t n = strlen(name);

    memset(out, 0, TARN_SLOT_BYTES);
    memcpy(out, head_magic, sizeof head_magic);
    memcpy(out + 8, id, 16);
    out[24] = (uint8_t)n;
    memcpy(out + 25, name, n);
}

int tarn_slot_read_head(struct tarn_outbox *o, const uint8_t *p, int n, struct tarn_err *err) {
    int i;

    if (!p || n != TARN_SLOT_BYTES || memcmp(p, head_magic, sizeof head_magic) != 0 || p[24] == 0 ||
        p[24] >= sizeof o->name) {
        goto bad;
    }
    for (i = 0; i < 16; i++) {
        if (!strchr("0123456789abcdef", p[8 + i]) || !p[8 + i]) goto bad;
    }
    for (i = 0; i < p[24]; i++) {
        if (p[25 + i] < 0x20 || p[25 + i] == '/' || p[25 + i] == '\\') goto bad;
    }
    memcpy(o->id, p + 8, 16);
    o->id[16] = 0;
    memcpy(o->name, p + 25, p[24]);
    o->name[p[24]] = 0;
    return TARN_OK;
bad:
    return tarn_err_set(err, TARN_ECORRUPT,
                        "table _tarn_outbox, row 1: does not name a database; the table is not "
                        "Tarn's, or damaged");
}
