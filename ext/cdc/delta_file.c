/* delta_file.c: see delta_file.h. The writer does the bytes; this file says which column is what. */
#include "delta_file.h"

#include <string.h>

#include "mem.h"
#include "writer.h"

#define ROW_GROUP_BYTES ((uint64_t)32 << 20) /* data and prev may be long */
#define VALUE_MAX ((size_t)INT32_MAX)
#define FOUND (TARN_COL_STATS | TARN_COL_PAGE_STATS)

enum { OP, PK, TS, DATA, PREV, BOOKMARK, COLUMNS };

struct tarn_delta_file {
    struct tarn_pq_writer *writer;
    enum tarn_delta_kind kind;
    int at[COLUMNS];           /* column numbers; -1 = the file has none */
    struct tarn_buf pk, value; /* of the row added last; scratch */
    struct tarn_buf before;    /* pk of the row before it */
    int order;
    int rc;
};

#define TEXT(name_, rep, flags_)                                                                \
    {                                                                                           \
        .name = (name_), .physical = TARN_BYTE_ARRAY, .logical = {.kind = TARN_LOGICAL_STRING}, \
        .repetition = (rep), .flags = (flags_), .codec = -1                                     \
    }

static const struct tarn_column_spec schema[COLUMNS] = {
    TEXT("op", TARN_REQUIRED, FOUND | TARN_COL_DICT),
    TEXT("pk", TARN_REQUIRED, FOUND | TARN_COL_DICT | TARN_COL_BLOOM),
    TEXT("ts", TARN_REQUIRED, FOUND | TARN_COL_DICT | TARN_COL_DELTA),
    TEXT("data", TARN_OPTIONAL, 0),
    TEXT("prev", TARN_OPTIONAL, 0),
    TEXT("bookmark", TARN_REQUIRED, FOUND | TARN_COL_DICT | TARN_COL_DELTA),
};

int tarn_delta_file_open(struct tarn_delta_file **out, enum tarn_delta_kind kind,
                         const struct tarn_sink *sink, struct tarn_err *err) {
    struct tarn_column_spec columns[COLUMNS];
    struct tarn_pq_writer_spec spec = {.columns = columns,
                                       .codec = TARN_ZSTD,
                                       .row_group_bytes = ROW_GROUP_BYTES,
                                       .sort_column = -1};
    struct tarn_delta_file *f = tarn_calloc(1, sizeof *f);
    int rc, i;

    *out = NULL;
    if (!f) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    for (i = 0; i < COLUMNS; i++) {
        f->at[i] = kind == TARN_DELTA_BASE && (i == OP || i == PREV) ? -1 : spec.n_columns;
        if (f->at[i] >= 0) columns[spec.n_columns++] = schema[i];
    }
    if (kind == TARN_DELTA_BASE) spec.sort_column = f->at[PK];
    f->kind = kind;
    tarn_buf_init(&f->pk, VALUE_MAX);
    tarn_buf_init(&f->value, VALUE_MAX);
    tarn_buf_init(&f->before, VALUE_MAX);
    rc = tarn_pq_writer_open(&f->writer, &spec, sink, err);
    if (rc) {
        tarn_delta_file_free(f);
        return rc;
    }
    *out = f;
    return TARN_OK;
}

static int compare(const struct tarn_buf *a, const struct tarn_buf *b) {
    size_t n = a->len < b->len ? a->len : b->len;
    int order = n ? memcmp(a->data, b->data, n) : 0;

    if (order) return order < 0 ? -1 : 1;
    return a->len < b->len ? -1 : a->len > b->len;
}

static void put_row(struct tarn_delta_file *f, int column, const struct tarn_definition *d,
                    const struct tarn_value *row) {
    if (!row || f->at[column] < 0) return;
    tarn_buf_clear(&f->value);
    tarn_row_json(&f->value, d, row);
    if (f->value.rc) {
        f->rc = f->value.rc;
    } else {
        tarn_pq_put_bytes(f->writer, f->at[column], f->value.data, f->value.len);
    }
}

int tarn_delta_file_add(struct tarn_delta_file *f, const struct tarn_definition *d,
                        const struct tarn_change *c, const char *ts, const char *bookmark) {
    struct tarn_pq_writer *w = f->writer;
    const char *word = tarn_op_word(c->op);

    if (f->rc) return f->rc;
    if (f->kind == TARN_DELTA_BASE) {
        struct tarn_buf last = f->before;

        f->before = f->pk;
        f->pk = last;
    }
    tarn_buf_clear(&f->pk);
    tarn_change_pk(&f->pk, d, c);
    if (f->pk.rc) return f->rc = f->pk.rc;
    f->order = tarn_pq_writer_rows(w) ? compare(&f->pk, &f->before) : 1;
    if (f->at[OP] >= 0) tarn_pq_put_bytes(w, f->at[OP], word, strlen(word));
    tarn_pq_put_bytes(w, f->at[PK], f->pk.data, f->pk.len);
    tarn_pq_put_bytes(w, f->at[TS], ts, strlen(ts));
    put_row(f, DATA, d, c->new_row);
    put_row(f, PREV, d, c->old_row);
    tarn_pq_put_bytes(w, f->at[BOOKMARK], bookmark, strlen(bookmark));
    return f->rc ? f->rc : tarn_pq_end_row(w);
}

int tarn_delta_file_order(const struct tarn_delta_file *f) {
    return f->order;
}

void tarn_delta_file_meta(struct tarn_delta_file *f, const char *key, const char *value) {
    tarn_pq_writer_meta(f->writer, key, value);
}

uint64_t tarn_delta_file_rows(const struct tarn_delta_file *f) {
    return tarn_pq_writer_rows(f->writer);
}

int tarn_delta_file_finish(struct tarn_delta_file *f, struct tarn_err *err) {
    if (f->rc == TARN_ENOMEM) return tarn_err_set(err, f->rc, "out of memory");
    if (f->rc)
        return tarn_err_set(err, f->rc, "a changed row is longer than %zu bytes as JSON",
                            VALUE_MAX);
    return tarn_pq_writer_finish(f->writer, err);
}

void tarn_delta_file_free(struct tarn_delta_file *f) {
    if (!f) return;
    tarn_pq_writer_free(f->writer);
    tarn_buf_release(&f->pk);
    tarn_buf_release(&f->value);
    tarn_buf_release(&f->before);
    tarn_free(f);
}
