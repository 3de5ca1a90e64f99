/* scan_lake.c: see scan_lake.h. Files are written with the real writer and store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem.h"
#include "scan_lake.h"
#include "time.h"
#include "writer.h"

static const char *const words[] = {"rpc.call", "rpc.error", "user.insert",       "",
                                    "a",        "zz",        "\xC3\xA9t\xC3\xA9", "user"};

void lake_init(struct lake_fixture *f, uint64_t seed) {
    struct tarn_err err = {0};

    memset(f, 0, sizeof *f);
    f->random = seed * 2 + 1;
    snprintf(f->folder, sizeof f->folder, "/tmp/tarn_scan_XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    if (tarn_lake_open(&f->lake, f->folder, 0, &err) != TARN_OK) fail_msg("%s", err.msg);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where) {
    (void)st;
    (void)kind;
    (void)where;
    return remove(path);
}

void lake_release(struct lake_fixture *f) {
    int i;

    tarn_lake_free(f->lake);
    nftw(f->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    for (i = 0; i < f->n_keys; i++)
        free(f->keys[i]);
    free(f->keys);
    free(f->rows);
}

uint32_t lake_random(struct lake_fixture *f, uint32_t n) {
    f->random = f->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(f->random >> 33) % n;
}

static int by_ts(const void *a, const void *b) {
    const struct lake_row *x = a, *y = b;

    return (x->ts > y->ts) - (x->ts < y->ts);
}

int lake_add_rows(struct lake_fixture *f, int n, int64_t lo, int64_t hi, int sorted) {
    int first = f->n_rows;
    int i, c;

    if (f->n_rows + n > f->cap_rows) {
        f->cap_rows = (f->n_rows + n) * 2;
        f->rows = realloc(f->rows, (size_t)f->cap_rows * sizeof *f->rows);
        assert_non_null(f->rows);
    }
    for (i = first; i < first + n; i++) {
        struct lake_row *r = &f->rows[i];

        memset(r, 0, sizeof *r);
        r->ts =
            lo + (int64_t)(((uint64_t)lake_random(f, UINT32_MAX) << 20) % (uint64_t)(hi - lo + 1));
        if (lake_random(f, 3) == 0) /* ties */
            r->ts = lo + (r->ts - lo) / 1000 * 1000;
        r->present = lake_random(f, 1u << 12) | lake_random(f, 1u << 12) | TARN_EV_BIT(TARN_EV_TS) |
                     TARN_EV_BIT(TARN_EV_TYPE) | TARN_EV_BIT(TARN_EV_PAYLOAD);
        for (c = 0; c < TARN_EV_COLUMNS; c++)
            snprintf(r->text[c], LAKE_TEXT, "%s", words[lake_random(f, 8)]);
        r->verified = (int)lake_random(f, 2);
        r->status = 200 + (int)lake_random(f, 5) * 100;
        r->duration = (double)lake_random(f, 1000);
    }
    f->n_rows += n;
    if (sorted) qsort(f->rows + first, (size_t)n, sizeof *f->rows, by_ts);
    for (i = first; i < f->n_rows; i++) {
        f->rows[i].id = i;
        snprintf(f->rows[i].text[TARN_EV_PAYLOAD], LAKE_TEXT, "{\"id\":%d}", i);
    }
    return first;
}

void lake_put_bytes(struct lake_fixture *f, const char *key, const void *data, size_t n) {
    struct tarn_err err = {0};

    if (tarn_store_put(tarn_lake_store(f->lake), key, data, n, NULL, NULL, &err) != TARN_OK)
        fail_msg("%s: %s", key, err.msg);
}

static int add_key(struct lake_fixture *f, const char *key) {
    f->keys = realloc(f->keys, ((size_t)f->n_keys + 1) * sizeof *f->keys);
    assert_non_null(f->keys);
    f->keys[f->n_keys] = strdup(key);
    return f->n_keys++;
}

/* Columns of the file: the 13 events columns less the missing ones, then `note`. */
static int make_columns(const struct lake_style *style, struct tarn_column_spec *out,
                        char names[][LAKE_TEXT], int *event_column) {
    int n = 0, c;
    size_t i;

    for (c = 0; c <= TARN_EV_COLUMNS; c++) {
        struct tarn_column_spec *s = &out[n];
        const char *name = c < TARN_EV_COLUMNS ? tarn_event_names[c] : "note";

        if (c < TARN_EV_COLUMNS ? (style->missing & TARN_EV_BIT(c)) != 0 : !style->with_extra)
            continue;
        memset(s, 0, sizeof *s);
        if (c == TARN_EV_DURATION_MS && style->duration == LAKE_DURATION_CAMEL) name = "durationMs";
        snprintf(names[n], LAKE_TEXT, "%s", name);
        for (i = 0; style->upper_names && names[n][i]; i++)
            names[n][i] = (char)toupper(names[n][i]);
        s->name = names[n];
        s->repetition = TARN_OPTIONAL;
        s->codec = -1;
        s->flags = TARN_COL_STATS | (c % 2 ? TARN_COL_DICT : 0u) |
                   (c == TARN_EV_URL ? TARN_COL_BLOOM : 0u);
        s->physical = TARN_BYTE_ARRAY;
        s->logical.kind = style->bare_text ? TARN_LOGICAL_NONE : TARN_LOGICAL_STRING;
        event_column[n++] = c;
    }
    return n;
}

static void set_types(const struct lake_style *style, struct tarn_column_spec *s, int c) {
    if (c == TARN_EV_TS) {
        s->repetition = style->optional_ts ? TARN_OPTIONAL : TARN_REQUIRED;
        if (style->ts == LAKE_TS_TEXT) return;
        s->physical = TARN_INT64;
        memset(&s->logical, 0, sizeof s->logical);
        if (style->ts == LAKE_TS_PLAIN) return;
        s->logical.kind = TARN_LOGICAL_TIMESTAMP;
        s->logical.utc = 1;
        s->logical.unit = style->ts == LAKE_TS_US   ? TARN_UNIT_US
                          : style->ts == LAKE_TS_NS ? TARN_UNIT_NS
                                                    : TARN_UNIT_MS;
    } else if (c == TARN_EV_VERIFIED) {
        s->physical = style->int_verified ? TARN_INT32 : TARN_BOOLEAN;
        s->logical.kind = TARN_LOGICAL_NONE;
    } else if (c == TARN_EV_STATUS_CODE && style->status != LAKE_STATUS_TEXT) {
        s->physical = style->status == LAKE_STATUS_INT32   ? TARN_INT32
                      : style->status == LAKE_STATUS_INT64 ? TARN_INT64
                                                           : TARN_DOUBLE;
        s->logical.kind = TARN_LOGICAL_NONE;
    } else if (c == TARN_EV_DURATION_MS) {
        s->physical = style->duration == LAKE_DURATION_FLOAT   ? TARN_FLOAT
                      : style->duration == LAKE_DURATION_INT64 ? TARN_INT64
                                                               : TARN_DOUBLE;
        s->logical.kind = TARN_LOGICAL_NONE;
    }
}

static void put_ts(struct tarn_pq_writer *w, int i, const struct lake_style *style,
                   const struct lake_row *r) {
    char text[TARN_TIME_LEN + 1];

    if (style->ts == LAKE_TS_TEXT) {
        tarn_time_text(r->ts, text);
        tarn_pq_put_bytes(w, i, text, TARN_TIME_LEN);
    } else {
        /* the rest of a millisecond must be floored away */
        tarn_pq_put_i64(w, i,
                        style->ts == LAKE_TS_US   ? r->ts * 1000 + r->id % 1000
                        : style->ts == LAKE_TS_NS ? r->ts * 1000000 + r->id % 1000000
                                                  : r->ts);
    }
}

static void put_status(struct tarn_pq_writer *w, int i, const struct lake_style *style,
                       struct lake_row *r) {
    char text[32];

    if (style->status != LAKE_STATUS_INT32 && r->id % 11 == 0) { /* doesn't fit: goes to extra */
        r->status = INT64_C(3000000000);
        r->present &= ~TARN_EV_BIT(TARN_EV_STATUS_CODE);
        snprintf(r->extra, sizeof r->extra,
                 style->status == LAKE_STATUS_TEXT     ? "{\"%s\":\"3000000000\"}"
                 : style->status == LAKE_STATUS_DOUBLE ? "{\"%s\":3000000000.0}"
                                                       : "{\"%s\":3000000000}",
                 style->upper_names ? "STATUS_CODE" : "status_code");
    }
    snprintf(text, sizeof text, "%lld", (long long)r->status);
    if (style->status == LAKE_STATUS_TEXT)
        tarn_pq_put_bytes(w, i, text, strlen(text));
    else if (style->status == LAKE_STATUS_DOUBLE)
        tarn_pq_put_f64(w, i, (double)r->status);
    else if (style->status == LAKE_STATUS_INT64)
        tarn_pq_put_i64(w, i, r->status);
    else
        tarn_pq_put_i32(w, i, (int32_t)r->status);
}

static void put_note(struct tarn_pq_writer *w, int i, const struct lake_style *style,
                     struct lake_row *r) {
    char note[32];
    size_t n = strlen(r->extra);

    if (r->id % 3 == 0) return;
    snprintf(note, sizeof note, "n\"%d", r->id);
    tarn_pq_put_bytes(w, i, note, strlen(note));
    if (n) r->extra[n - 1] = '\0';
    snprintf(r->extra + (n ? n - 1 : 0), sizeof r->extra - n, "%s\"%s\":\"n\\\"%d\"}",
             n ? "," : "{", style->upper_names ? "NOTE" : "note", r->id);
}

static void put_row(struct tarn_pq_writer *w, const struct lake_style *style,
                    const int *event_column, int n_columns, struct lake_row *r) {
    int i, c;

    r->present &= ~style->missing;
    r->extra[0] = '\0';
    for (i = 0; i < n_columns; i++) {
        c = event_column[i];
        if (c == TARN_EV_COLUMNS)
            put_note(w, i, style, r);
        else if (!(r->present & TARN_EV_BIT(c)))
            continue;
        else if (c == TARN_EV_TS)
            put_ts(w, i, style, r);
        else if (c == TARN_EV_VERIFIED && style->int_verified)
            tarn_pq_put_i32(w, i, r->verified);
        else if (c == TARN_EV_VERIFIED)
            tarn_pq_put_bool(w, i, r->verified);
        else if (c == TARN_EV_STATUS_CODE)
            put_status(w, i, style, r);
        else if (c == TARN_EV_DURATION_MS && style->duration == LAKE_DURATION_FLOAT)
            tarn_pq_put_f32(w, i, (float)r->duration);
        else if (c == TARN_EV_DURATION_MS && style->duration == LAKE_DURATION_INT64)
            tarn_pq_put_i64(w, i, (int64_t)r->duration);
        else if (c == TARN_EV_DURATION_MS)
            tarn_pq_put_f64(w, i, r->duration);
        else
            tarn_pq_put_bytes(w, i, r->text[c], strlen(r->text[c]));
    }
    assert_int_equal(tarn_pq_end_row(w), TARN_OK);
}

void lake_encode(struct lake_fixture *f, const struct lake_style *style, int first, int n,
                 struct tarn_buf *out) {
    struct tarn_column_spec columns[TARN_EV_COLUMNS + 1];
    char names[TARN_EV_COLUMNS + 1][LAKE_TEXT];
    int event_column[TARN_EV_COLUMNS + 1];
    struct tarn_pq_writer_spec spec;
    struct tarn_pq_writer *w = NULL;
    struct tarn_err err = {0};
    struct tarn_sink sink;
    int i, n_columns;

    memset(&spec, 0, sizeof spec);
    n_columns = make_columns(style, columns, names, event_column);
    for (i = 0; i < n_columns; i++)
        set_types(style, &columns[i], event_column[i]);
    spec.columns = columns;
    spec.n_columns = n_columns;
    spec.codec = TARN_SNAPPY;
    spec.row_group_rows = style->row_group_rows;
    spec.page_rows = style->page_rows;
    spec.sort_column = -1;
    tarn_sink_buf(&sink, out);
    if (tarn_pq_writer_open(&w, &spec, &sink, &err) != TARN_OK) fail_msg("%s", err.msg);
    for (i = first; i < first + n; i++)
        put_row(w, style, event_column, n_columns, &f->rows[i]);
    if (tarn_pq_writer_finish(w, &err) != TARN_OK) fail_msg("%s", err.msg);
    tarn_pq_writer_free(w);
}

void lake_put_parquet(struct lake_fixture *f, const char *key, const struct lake_style *style,
                      int first, int n) {
    struct tarn_buf out = TARN_BUF_INIT((size_t)256 << 20);
    int number = add_key(f, key), i;

    lake_encode(f, style, first, n, &out);
    for (i = first; i < first + n; i++)
        f->rows[i].file = number;
    lake_put_bytes(f, key, out.data, out.len);
    tarn_buf_release(&out);
}

/* The line is the payload, so the id stands in it; the row's payload text is replaced by nothing:
** lake_check_row reads the id from either. */
void lake_put_jsonl(struct lake_fixture *f, const char *key, int first, int n) {
    struct tarn_buf out = TARN_BUF_INIT((size_t)64 << 20);
    int number = add_key(f, key), i, c;

    for (i = first; i < first + n; i++) {
        struct lake_row *r = &f->rows[i];

        r->file = number;
        r->extra[0] = '\0';
        tarn_buf_printf(&out, "{\"id\":%d,\"%s\":%lld", r->id, r->id % 2 ? "ts" : "timestamp",
                        (long long)r->ts);
        for (c = TARN_EV_TYPE; c < TARN_EV_PAYLOAD; c++) {
            if (!(r->present & TARN_EV_BIT(c))) continue;
            tarn_buf_printf(&out, ",\"%s\":", tarn_event_names[c]);
            if (c == TARN_EV_VERIFIED)
                tarn_buf_puts(&out, r->verified ? "true" : "false");
            else if (c == TARN_EV_STATUS_CODE)
                tarn_buf_printf(&out, "%lld", (long long)r->status);
            else if (c == TARN_EV_DURATION_MS)
                tarn_buf_printf(&out, "%.1f", r->duration);
            else
                tarn_buf_printf(&out, "\"%s\"", r->text[c]);
        }
        tarn_buf_puts(&out, "}\n");
    }
    assert_int_equal(out.rc, TARN_OK);
    lake_put_bytes(f, key, out.data, out.len);
    tarn_buf_release(&out);
}

static void check_column(const struct lake_row *r, int c, const struct tarn_scanned *v) {
    if (!(r->present & TARN_EV_BIT(c))) {
        assert_int_equal(v->kind, TARN_SCANNED_NULL);
    } else if (c == TARN_EV_TS || c == TARN_EV_VERIFIED || c == TARN_EV_STATUS_CODE) {
        assert_int_equal(v->kind, TARN_SCANNED_INT);
        assert_true(v->i == (c == TARN_EV_TS         ? r->ts
                             : c == TARN_EV_VERIFIED ? r->verified
                                                     : r->status));
    } else if (c == TARN_EV_DURATION_MS) {
        assert_int_equal(v->kind, TARN_SCANNED_REAL);
        assert_true(v->r >= r->duration && v->r <= r->duration);
    } else {
        assert_int_equal(v->kind, TARN_SCANNED_TEXT);
        assert_int_equal(v->text.len, strlen(r->text[c]));
        assert_memory_equal(v->text.data, r->text[c], v->text.len);
    }
}

int lake_check_row(struct lake_fixture *f, struct tarn_scan *s, uint32_t columns) {
    struct tarn_err err = {0};
    struct tarn_scanned v;
    struct lake_row *r;
    char payload[512];
    int id = -1, c;

    assert_int_equal(tarn_scan_value(s, TARN_EV_PAYLOAD, &v, &err), TARN_OK);
    assert_int_equal(v.kind, TARN_SCANNED_TEXT);
    assert_true(v.text.len < sizeof payload);
    memcpy(payload, v.text.data, v.text.len);
    payload[v.text.len] = '\0';
    assert_int_equal(sscanf(payload, "{\"id\":%d", &id), 1);
    assert_in_range(id, 0, f->n_rows - 1);
    r = &f->rows[id];
    for (c = 0; c < TARN_EV_PAYLOAD; c++) {
        if (!(columns & TARN_EV_BIT(c))) continue;
        assert_int_equal(tarn_scan_value(s, c, &v, &err), TARN_OK);
        check_column(r, c, &v);
    }
    if (columns & TARN_EV_BIT(TARN_EV_EXTRA)) {
        assert_int_equal(tarn_scan_value(s, TARN_EV_EXTRA, &v, &err), TARN_OK);
        assert_int_equal(v.kind, r->extra[0] ? TARN_SCANNED_TEXT : TARN_SCANNED_NULL);
        if (v.kind == TARN_SCANNED_TEXT) {
            assert_int_equal(v.text.len, strlen(r->extra));
            assert_memory_equal(v.text.data, r->extra, v.text.len);
        }
    }
    assert_string_equal(tarn_scan_filename(s), f->keys[r->file]);
    assert_string_equal(tarn_scan_prefix(s), "events");
    return id;
}

/* <0, 0, >0: the row's value against a constant. */
static int against(const struct lake_row *r, int c, const struct tarn_const *k) {
    char text[64];
    int64_t i;

    if (c == TARN_EV_DURATION_MS) return r->duration < k->r ? -1 : r->duration > k->r;
    if (c == TARN_EV_TS || c == TARN_EV_VERIFIED || c == TARN_EV_STATUS_CODE) {
        i = c == TARN_EV_TS ? r->ts : c == TARN_EV_VERIFIED ? r->verified : r->status;
        return i < k->i ? -1 : i > k->i;
    }
    assert_true(k->bytes.len < sizeof text);
    snprintf(text, sizeof text, "%.*s", (int)k->bytes.len, (const char *)k->bytes.data);
    return strcmp(r->text[c], text);
}

int lake_matches(const struct lake_row *r, const struct tarn_predicate *p) {
    const struct tarn_const *k = p->constants;
    int c = p->column;
    uint32_t i;

    if (!(r->present & TARN_EV_BIT(c))) return p->op == TARN_OP_IS_NULL;
    switch (p->op) {
    case TARN_OP_EQ: return against(r, c, k) == 0;
    case TARN_OP_NE: return against(r, c, k) != 0;
    case TARN_OP_LT: return against(r, c, k) < 0;
    case TARN_OP_LE: return against(r, c, k) <= 0;
    case TARN_OP_GT: return against(r, c, k) > 0;
    case TARN_OP_GE: return against(r, c, k) >= 0;
    case TARN_OP_PREFIX: return strncmp(r->text[c], (const char *)k->bytes.data, k->bytes.len) == 0;
    case TARN_OP_IN:
        for (i = 0; i < p->n; i++) {
            if (against(r, c, &k[i]) == 0) return 1;
        }
        return 0;
    case TARN_OP_IS_NULL: return 0;
    case TARN_OP_NOT_NULL: return 1;
    }
    return 0;
}

void lake_spec(const struct lake_fixture *f, struct tarn_scan_spec *spec) {
    memset(spec, 0, sizeof *spec);
    spec->lake = f->lake;
    spec->columns = TARN_EV_BIT(TARN_EV_COLUMNS + 1) - 1;
    spec->limit = -1;
    spec->pushdown = 1;
    spec->path_slack = TARN_MS_PER_DAY;
    spec->memory_budget = (size_t)256 << 20;
}
