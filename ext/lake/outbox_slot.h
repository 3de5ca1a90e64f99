/* outbox_slot.h: the bytes of one slot of the outbox (drawn in outbox.h), written and checked. */
#ifndef TARN_OUTBOX_SLOT_H
#define TARN_OUTBOX_SLOT_H

#include "outbox.h"

#define TARN_SLOT_BYTES 1000
#define TARN_SLOT_HEAD 144
#define TARN_SLOT_PAYLOAD (TARN_SLOT_BYTES - TARN_SLOT_HEAD)
#define TARN_SLOT_INITIAL 64 /* slots of a new outbox: 64 KiB */

struct tarn_slot {
    uint64_t sequence; /* 0 = free */
    uint32_t part, parts, bytes, events;
    uint64_t total;
    int64_t time;
    struct tarn_position position;
    const uint8_t *previous, *digest, *payload; /* into the slot's bytes */
};

void tarn_slot_put64(uint8_t *p, uint64_t v);
/* Fills TARN_SLOT_BYTES with part `part` of `parts` of the commit. */
void tarn_slot_write(uint8_t *out, const struct tarn_commit *c, uint32_t part, uint32_t parts,
                     const struct tarn_position *position);
/* Reads one slot of n bytes at p (may be NULL); TARN_ECORRUPT, naming the row, when it is none. */
int tarn_slot_read(struct tarn_slot *out, const uint8_t *p, int n, int64_t rowid,
                   struct tarn_err *err);
/* Row 1: id and name of the database. */
void tarn_slot_write_head(uint8_t *out, const char *id, const char *name);
int tarn_slot_read_head(struct tarn_outbox *o, const uint8_t *p, int n, struct tarn_err *err);

#endif
