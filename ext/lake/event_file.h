/* event_file.h: events into one Parquet file of the lake: schema, encodings and metadata of
** DESIGN section 3, in one place for raw files, spool files and compaction.
*/
#ifndef TARN_EVENT_FILE_H
#define TARN_EVENT_FILE_H

#include "event.h"
#include "source.h"
#include "writer.h"

enum tarn_event_file_kind {
    TARN_EVENT_FILE_RAW,      /* SNAPPY throughout */
    TARN_EVENT_FILE_COMPACTED /* dictionary columns UNCOMPRESSED, the others ZSTD */
};

struct tarn_event_file; /* handle: open, add …, finish, free */

struct tarn_event_file_stats {
    uint64_t events;
    int64_t min_ts, max_ts;
};

int tarn_event_file_open(struct tarn_event_file **out, enum tarn_event_file_kind kind,
                         const struct tarn_sink *sink, struct tarn_err *err);
/* Sticky errors. Rows are expected in the order of ts (which is then claimed and checked). */
int tarn_event_file_add(struct tarn_event_file *f, const struct tarn_event *ev);
/* Adds a footer key, e.g. tarn.ranges. */
void tarn_event_file_meta(struct tarn_event_file *f, const char *key, const char *value);
/* Writes the metadata (events, bytes, bytesPerEvent, cpuMs, minTs, maxTs, types, format) and the
** footer. `bytes` counts what precedes the footer; `types` lists at most 64 types, by first sight. */
int tarn_event_file_finish(struct tarn_event_file *f, struct tarn_event_file_stats *stats,
                           struct tarn_err *err);
void tarn_event_file_free(struct tarn_event_file *f);
/* Memory held, roughly: what a writer of many files watches. */
size_t tarn_event_file_memory(const struct tarn_event_file *f);

#endif
