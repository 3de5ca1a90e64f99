/* footer_facts.c: reads metadata and statistics of footers for tarn_files and tarn_row_groups. */
#include "footer_facts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "result.h"
#include "text.h"
#include "time.h"

static int kv_time(const struct tarn_pq_footer *f, const char *key, int64_t *out) {
    const char *s = tarn_pq_footer_kv(f, key);
    char *end = NULL;

    if (!s || !*s) return 0;
    errno = 0;
    *out = strtoll(s, &end, 10);
    return !errno && *end == 0;
}

static int64_t le64(const uint8_t *p) {
    uint64_t v = 0;
    int i;

    for (i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return (int64_t)v;
}

static int32_t le32(const uint8_t *p) {
    return (int32_t)((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
                     (uint32_t)p[3] << 24);
}

static int64_t floor_div(int64_t v, int64_t by) {
    int64_t q = v / by;

    return q - (v % by < 0);
}

/* A timestamp of the file in ms. */
static int64_t to_ms(const struct tarn_pq_column *col, int64_t v) {
    if (col->logical.kind == TARN_LOGICAL_TIMESTAMP && col->logical.unit == TARN_UNIT_US) {
        return floor_div(v, 1000);
    }
    if (col->logical.kind == TARN_LOGICAL_TIMESTAMP && col->logical.unit == TARN_UNIT_NS) {
        return floor_div(v, 1000000);
    }
    return v;
}

static int stat_times(const struct tarn_pq_footer *f, int64_t *lo, int64_t *hi) {
    int c = tarn_pq_footer_column(f, "ts");
    int i;

    if (c < 0 || f->columns[c].physical != TARN_INT64) return 0;
    for (i = 0; i < f->n_row_groups; i++) {
        const struct tarn_pq_stats *s = &f->row_groups[i].chunks[c].stats;
        if (!s->has_min || !s->has_max || s->min.len != 8 || s->max.len != 8) return 0;
        int64_t min = to_ms(&f->columns[c], le64(s->min.data));
        int64_t max = to_ms(&f->columns[c], le64(s->max.data));
        if (i == 0 || min < *lo) *lo = min;
        if (i == 0 || max > *hi) *hi = max;
    }
    return f->n_row_groups > 0;
}

int tarn_footer_times(const struct tarn_pq_footer *f, int64_t *lo, int64_t *hi) {
    if (kv_time(f, "minTs", lo) && kv_time(f, "maxTs", hi)) return 1;
    return stat_times(f, lo, hi);
}

static void result_bytes(sqlite3_context *ctx, struct tarn_slice v) {
    if (tarn_utf8_invalid(v.data, v.len) == v.len && !(v.len && memchr(v.data, 0, v.len))) {
        sqlite3_result_text64(ctx, v.len ? (const char *)v.data : "", v.len, SQLITE_TRANSIENT,
                              SQLITE_UTF8);
    } else {
        sqlite3_result_blob64(ctx, v.data, v.len, SQLITE_TRANSIENT);
    }
}

static void result_int(sqlite3_context *ctx, const struct tarn_pq_column *col, int64_t v) {
    char text[TARN_TIME_LEN + 1];

    if (col->logical.kind == TARN_LOGICAL_TIMESTAMP) {
        tarn_result_time(ctx, to_ms(col, v));
    } else if (col->logical.kind == TARN_LOGICAL_DATE) {
        tarn_time_text(v * TARN_MS_PER_DAY, text);
        sqlite3_result_text(ctx, text, 10, SQLITE_TRANSIENT);
    } else {
        sqlite3_result_int64(ctx, v);
    }
}

void tarn_result_stat(sqlite3_context *ctx, const struct tarn_pq_column *col,
                      struct tarn_slice value) {
    double d = 0;
    float f = 0;
    int64_t bits = 0;
    int32_t bits32 = 0;

    switch (col->physical) {
    case TARN_BOOLEAN:
        if (value.len == 1) sqlite3_result_int(ctx, value.data[0] & 1);
        break;
    case TARN_INT32:
        if (value.len != 4) break;
        if (col->logical.kind == TARN_LOGICAL_INTEGER && !col->logical.is_signed) {
            result_int(ctx, col, (uint32_t)le32(value.data));
        } else {
            result_int(ctx, col, le32(value.data));
        }
        break;
    case TARN_INT64:
        if (value.len == 8) result_int(ctx, col, le64(value.data));
        break;
    case TARN_FLOAT:
        if (value.len != 4) break;
        bits32 = le32(value.data);
        memcpy(&f, &bits32, sizeof f);
        sqlite3_result_double(ctx, (double)f);
        break;
    case TARN_DOUBLE:
        if (value.len != 8) break;
        bits = le64(value.data);
        memcpy(&d, &bits, sizeof d);
        sqlite3_result_double(ctx, d);
        break;
    default:
        if (value.data || value.len == 0) result_bytes(ctx, value);
        break;
    }
}
