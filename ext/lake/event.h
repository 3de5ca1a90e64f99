/* event.h: one event: the 13 columns of the specification, and its compact binary form.
**
** The binary form is what the transaction buffer and the outbox carry (all numbers little-endian,
** varints ULEB128):
**
**   u8 kind = 'E' | varint length of what follows | u16 flags (bit c: column c is present;
**   bit 13: verified is true; bit 14: has a prefix and namespace) | i64 ts
**   | for each present text column, in order: varint length, bytes
**   | i32 status_code if present | f64 duration_ms if present
**   | if bit 14: varint length, prefix; varint length, namespace
*/
#ifndef TARN_EVENT_H
#define TARN_EVENT_H

#include "buf.h"
#include "format.h"

enum tarn_event_column {
    TARN_EV_TS = 0,
    TARN_EV_TYPE,
    TARN_EV_SOURCE,
    TARN_EV_PROVIDER,
    TARN_EV_EVENT_TYPE,
    TARN_EV_VERIFIED,
    TARN_EV_SCRIPT_NAME,
    TARN_EV_OUTCOME,
    TARN_EV_METHOD,
    TARN_EV_URL,
    TARN_EV_STATUS_CODE,
    TARN_EV_DURATION_MS,
    TARN_EV_PAYLOAD,
    TARN_EV_COLUMNS,                /* 13 */
    TARN_EV_EXTRA = TARN_EV_COLUMNS /* scans only: other columns of foreign files, as JSON */
};

#define TARN_EV_BIT(c) (1u << (c))
#define TARN_EVENT_MAX (256u << 20) /* bytes of one encoded event; larger is refused */

extern const char *const tarn_event_names[TARN_EV_COLUMNS];

struct tarn_event {
    uint32_t present; /* TARN_EV_BIT(column) of what is not NULL; ts and type always are */
    int64_t ts;       /* ms */
    int verified;
    int32_t status_code;
    double duration_ms;
    struct tarn_slice text[TARN_EV_COLUMNS]; /* text columns by number; borrowed */
    struct tarn_slice prefix;                /* "events" when empty */
    struct tarn_slice namespace_;            /* none when empty */
};

/* Is column c text (type, source … payload)? */
static inline int tarn_event_is_text(int c) {
    return c != TARN_EV_TS && c != TARN_EV_VERIFIED && c != TARN_EV_STATUS_CODE &&
           c != TARN_EV_DURATION_MS;
}

void tarn_event_encode(struct tarn_buf *b, const struct tarn_event *ev);
/* Decodes one record at c (kind byte included); slices point into c's bytes. TARN_ECORRUPT when
** the bytes are not one. */
int tarn_event_decode(struct tarn_cursor *c, struct tarn_event *ev, struct tarn_err *err);
/* As tarn_event_decode, of a record that this process encoded itself: lengths are checked, text is
** not looked at. */
int tarn_event_decode_own(struct tarn_cursor *c, struct tarn_event *ev, struct tarn_err *err);
/* The beginning of a record: its whole length, ts, and whether it names a prefix or namespace. Needs
** TARN_EVENT_PEEK bytes, or the record's, if those are fewer. */
#define TARN_EVENT_PEEK 24
int tarn_event_peek(const uint8_t *p, size_t n, size_t *len, int64_t *ts, int *routed,
                    struct tarn_err *err);

#endif
