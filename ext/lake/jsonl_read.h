/* jsonl_read.h: one line of a legacy JSONL file as an event.
**
** The line itself is the payload. ts comes from `ts`, else `timestamp`, `time` or `createdAt`: an
** ISO or SQLite time, or a number of milliseconds. The other columns come from members of their
** own name (also eventType, scriptName, statusCode, durationMs) when the JSON type fits; what
** doesn't fit is NULL, and still in the payload.
*/
#ifndef TARN_JSONL_READ_H
#define TARN_JSONL_READ_H

#include "err.h"
#include "event.h"

struct tarn_jsonl_reader {
    void *root; /* the parsed line; the event's text points into it */
};

#define TARN_JSONL_READER_INIT \
    { NULL }

/* Reads one line. `columns` (TARN_EV_BIT) says what is looked up; ts always is. The event's slices
** are valid until the next call, payload as long as `line`. TARN_ECORRUPT: not a JSON object, or
** without a readable time; the message doesn't name the file or line, the caller does. */
int tarn_jsonl_read(struct tarn_jsonl_reader *r, struct tarn_slice line, uint32_t columns,
                    struct tarn_event *ev, struct tarn_err *err);
void tarn_jsonl_reader_release(struct tarn_jsonl_reader *r);

#endif
