/* event_file.c: the event schema as Parquet columns, and the metadata that readers of the lake
** expect. The writer does the bytes; this file only says which column is what.
*/
#include "event_file.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "mem.h"
#include "time.h"

#define MAX_TYPES 64
#define SHORT_TEXT (TARN_COL_STATS | TARN_COL_PAGE_STATS | TARN_COL_DICT)

struct tarn_event_file {
    struct tarn_pq_writer *writer;
    struct tarn_event_file_stats stats;
    clock_t cpu;
    char *types[MAX_TYPES];
    int n_types;
    int more_types;
    struct tarn_slice last_type; /* points into types[]: runs of one type are common */
    int rc;
};

#define TEXT(name_, rep, flags_)                                                                \
    {                                                                                           \
        .name = (name_), .physical = TARN_BYTE_ARRAY, .logical = {.kind = TARN_LOGICAL_STRING}, \
        .repetition = (rep), .flags = (flags_), .codec = -1                                     \
    }

static const struct tarn_column_spec schema[TARN_EV_COLUMNS] = {
    {.name = "ts",
     .physical = TARN_INT64,
     .logical = {.kind = TARN_LOGICAL_TIMESTAMP, .unit = TARN_UNIT_MS, .utc = 1},
     .repetition = TARN_REQUIRED,
     .flags = TARN_COL_STATS | TARN_COL_PAGE_STATS | TARN_COL_DELTA,
     .codec = -1},
    TEXT("type", TARN_REQUIRED, SHORT_TEXT),
    TEXT("source", TARN_OPTIONAL, SHORT_TEXT),
    TEXT("provider", TARN_OPTIONAL, SHORT_TEXT),
    TEXT("event_type", TARN_OPTIONAL, SHORT_TEXT),
    {.name = "verified",
     .physical = TARN_BOOLEAN,
     .repetition = TARN_OPTIONAL,
     .flags = TARN_COL_STATS | TARN_COL_PAGE_STATS,
     .codec = -1},
    TEXT("script_name", TARN_OPTIONAL, SHORT_TEXT),
    TEXT("outcome", TARN_OPTIONAL, SHORT_TEXT),
    TEXT("method", TARN_OPTIONAL, SHORT_TEXT),
    TEXT("url", TARN_OPTIONAL, SHORT_TEXT),
    {.name = "status_code",
     .physical = TARN_INT32,
     .repetition = TARN_OPTIONAL,
     .flags = TARN_COL_STATS | TARN_COL_PAGE_STATS | TARN_COL_DICT,
     .codec = -1},
    {.name = "duration_ms",
     .physical = TARN_DOUBLE,
     .repetition = TARN_OPTIONAL,
     .flags = TARN_COL_STATS | TARN_COL_PAGE_STATS,
     .codec = -1},
    TEXT("payload", TARN_OPTIONAL, 0),
};

int tarn_event_file_open(struct tarn_event_file **out, enum tarn_event_file_kind kind,
                         const struct tarn_sink *sink, struct tarn_err *err) {
    struct tarn_column_spec columns[TARN_EV_COLUMNS];
    struct tarn_pq_writer_spec spec = {.columns = columns, .n_columns = TARN_EV_COLUMNS};
    struct tarn_event_file *f = tarn_calloc(1, sizeof *f);
    int rc = TARN_OK;
    int i;

    *out = NULL;
    if (!f) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    memcpy(columns, schema, sizeof schema);
    for (i = 0; kind == TARN_EVENT_FILE_COMPACTED && i < TARN_EV_COLUMNS; i++) {
        if (schema[i].flags & TARN_COL_DICT) columns[i].codec = TARN_UNCOMPRESSED;
    }
    spec.codec = kind == TARN_EVENT_FILE_COMPACTED ? TARN_ZSTD : TARN_SNAPPY;
    spec.sort_column = TARN_EV_TS;
    f->cpu = clock();
    rc = tarn_pq_writer_open(&f->writer, &spec, sink, err);
    if (rc) {
        tarn_free(f);
        return rc;
    }
    *out = f;
    return TARN_OK;
}

static void note_type(struct tarn_event_file *f, struct tarn_slice t) {
    int i;

    if (f->last_type.data && f->last_type.len == t.len &&
        memcmp(f->last_type.data, t.data, t.len) == 0) {
        return;
    }
    if (f->more_types) return;
    for (i = 0; i < f->n_types; i++) {
        if (strlen(f->types[i]) == t.len && memcmp(f->types[i], t.data, t.len) == 0) break;
    }
    if (i == MAX_TYPES) {
        f->more_types = 1;
        return;
    }
    if (i == f->n_types) {
        f->types[i] = tarn_strndup((const char *)t.data, t.len);
        if (!f->types[i]) {
            f->rc = TARN_ENOMEM;
            return;
        }
        f->n_types++;
    }
    f->last_type = (struct tarn_slice){(const uint8_t *)f->types[i], t.len};
}

int tarn_event_file_add(struct tarn_event_file *f, const struct tarn_event *ev) {
    struct tarn_pq_writer *w = f->writer;
    int c;

    if (f->rc) return f->rc;
    tarn_pq_put_i64(w, TARN_EV_TS, ev->ts);
    for (c = TARN_EV_TYPE; c < TARN_EV_COLUMNS; c++) {
        if (!(ev->present & TARN_EV_BIT(c))) continue;
        if (c == TARN_EV_VERIFIED) {
            tarn_pq_put_bool(w, c, ev->verified);
        } else if (c == TARN_EV_STATUS_CODE) {
            tarn_pq_put_i32(w, c, ev->status_code);
        } else if (c == TARN_EV_DURATION_MS) {
            tarn_pq_put_f64(w, c, ev->duration_ms);
        } else {
            tarn_pq_put_bytes(w, c, ev->text[c].data, ev->text[c].len);
        }
    }
    note_type(f, ev->text[TARN_EV_TYPE]);
    if (f->stats.events == 0 || ev->ts < f->stats.min_ts) f->stats.min_ts = ev->ts;
    if (f->stats.events == 0 || ev->ts > f->stats.max_ts) f->stats.max_ts = ev->ts;
    f->stats.events++;
    return tarn_pq_end_row(w);
}

void tarn_event_file_meta(struct tarn_event_file *f, const char *key, const char *value) {
    tarn_pq_writer_meta(f->writer, key, value);
}

static void meta_i64(struct tarn_event_file *f, const char *key, int64_t v) {
    char text[32];

    snprintf(text, sizeof text, "%" PRId64, v);
    tarn_pq_writer_meta(f->writer, key, text);
}

static int meta_types(struct tarn_event_file *f) {
    struct tarn_buf b = TARN_BUF_INIT(1 << 20);
    int i;
    int rc;

    for (i = 0; i < f->n_types; i++) {
        if (i) tarn_buf_u8(&b, ',');
        tarn_buf_puts(&b, f->types[i]);
    }
    if (f->more_types) tarn_buf_puts(&b, ",...");
    tarn_buf_u8(&b, 0);
    rc = b.rc == TARN_ELIMIT ? TARN_OK : b.rc;
    if (b.rc == TARN_OK) tarn_pq_writer_meta(f->writer, "types", (const char *)b.data);
    tarn_buf_release(&b);
    return rc;
}

int tarn_event_file_finish(struct tarn_event_file *f, struct tarn_event_file_stats *stats,
                           struct tarn_err *err) {
    char ms[32];
    int64_t bytes;
    int rc = f->rc;

    if (rc == TARN_OK) (void)tarn_pq_writer_flush(f->writer);
    if (rc == TARN_OK) rc = meta_types(f);
    if (rc) return tarn_err_set(err, rc, "out of memory");
    bytes = (int64_t)tarn_pq_writer_bytes(f->writer);
    meta_i64(f, "events", (int64_t)f->stats.events);
    meta_i64(f, "bytes", bytes);
    meta_i64(f, "bytesPerEvent", f->stats.events ? bytes / (int64_t)f->stats.events : 0);
    snprintf(ms, sizeof ms, "%.2f", (double)(clock() - f->cpu) * 1000.0 / CLOCKS_PER_SEC);
    tarn_pq_writer_meta(f->writer, "cpuMs", ms);
    meta_i64(f, "minTs", f->stats.min_ts);
    meta_i64(f, "maxTs", f->stats.max_ts);
    tarn_pq_writer_meta(f->writer, "format", "parquet-v1");
    if (stats) *stats = f->stats;
    return tarn_pq_writer_finish(f->writer, err);
}

size_t tarn_event_file_memory(const struct tarn_event_file *f) {
    return tarn_pq_writer_buffered(f->writer);
}

void tarn_event_file_free(struct tarn_event_file *f) {
    int i;

    if (!f) return;
    for (i = 0; i < f->n_types; i++)
        tarn_free(f->types[i]);
    tarn_pq_writer_free(f->writer);
    tarn_free(f);
}
