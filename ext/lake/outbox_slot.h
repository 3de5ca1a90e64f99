/* outbox_slot.h: the bytes of one slot of the outbox (drawn in outbox.h), written and checked. */
#ifndef TARN_OUTBOX_SLOT_H
#define TARN_OUTBOX_SLOT_H

#include "outbox.h"

#define TARN_SLOT_BYTES 1000
#define TARN_SLOT_HEAD 144
#define TARN_SLOT_PAYLOAD (TARN_SLOT_BYTES - TARN_SLOT_HEAD)
#define TARN_SLOT_INITIAL 64 /* slots of a new outbox: 64 KiB */
#define TARN_SLOT_LIMIT (1u << 30)
#define TARN_ENTRY_LIMIT UINT64_C(1000000000000) /* entries of the flush log have 12 digits */

struct tarn_slot {
    uint64_t sequence; /* 0 = free */
    uint32_t part, parts, bytes, events, changes;
    int files;
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
/* Slot number `index` of main, read into `bytes`. *blob is opened at the first call, kept for the
** next, and closed by the caller. */
int tarn_outbox_slot(sqlite3 *db, sqlite3_blob **blob, uint32_t index,
                     uint8_t bytes[TARN_SLOT_BYTES], struct tarn_slot *slot, struct tarn_err *err);
/* Room for n slots in o->slots. */
int tarn_outbox_room(struct tarn_outbox *o, uint32_t n);

#endif
