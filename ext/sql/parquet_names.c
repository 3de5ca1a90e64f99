/* parquet_names.c: conditions on what a file's path says: its name, its key=value folders. */
#include <stdio.h>
#include <string.h>

#include "parquet_bind.h"
#include "parquet_plan.h"

/* The constant as the text SQLite compares with; 0 when it may compare in another way. */
static int text_of(const struct tarn_pqt_condition *c, sqlite3_value *v, char number[32],
                   struct tarn_slice *out) {
    if (sqlite3_value_type(v) == SQLITE_INTEGER && c->constant) {
        out->len = (size_t)snprintf(number, 32, "%lld", (long long)sqlite3_value_int64(v));
        out->data = (const uint8_t *)number;
        return 1;
    }
    if (sqlite3_value_type(v) != SQLITE_TEXT) return 0;
    out->data = sqlite3_value_text(v);
    out->len = (size_t)sqlite3_value_bytes(v);
    return out->data != NULL;
}

static int compare(const struct tarn_slice *a, const struct tarn_slice *b) {
    size_t n = a->len < b->len ? a->len : b->len;
    int cmp = n ? memcmp(a->data, b->data, n) : 0;

    return cmp ? cmp : (a->len > b->len) - (a->len < b->len);
}

/* 1 when the text can't satisfy the condition. */
static int excludes(const struct tarn_pqt_scan *s, const struct tarn_pqt_condition *c,
                    const struct tarn_slice *text) {
    struct tarn_slice other = {NULL, 0};
    char number[32];
    int i, cmp = 0;

    if (c->op == TARN_PQT_IS_NULL) return 1;
    if (c->op == TARN_PQT_EQ || c->op == TARN_PQT_IN) {
        for (i = 0; i < c->n; i++) {
            if (!text_of(c, c->values[i], number, &other) || compare(text, &other) == 0) return 0;
        }
        return 1;
    }
    if (!s->t->utf8 || !c->constant || c->n == 0 || !text_of(c, c->values[0], number, &other))
        return 0;
    cmp = compare(text, &other);
    switch (c->op) {
    case TARN_PQT_LT: return cmp >= 0;
    case TARN_PQT_LE: return cmp > 0;
    case TARN_PQT_GT: return cmp <= 0;
    case TARN_PQT_GE: return cmp < 0;
    default: return 0;
    }
}

static int check(const struct tarn_pqt_scan *s, size_t file, const struct tarn_pqt_condition *c,
                 int *skip, struct tarn_err *err) {
    const struct tarn_pqt_column *column = &s->t->schema.columns[c->column];
    struct tarn_buf value = TARN_BUF_INIT(TARN_KEY_MAX);
    struct tarn_slice text = {NULL, 0};
    char *name = NULL;
    int found = 1, rc = TARN_OK;

    if (column->place == TARN_PQT_FILENAME) {
        name = tarn_pqt_filename(&s->paths, file);
        if (!name) return tarn_err_set(err, TARN_ENOMEM, "parquet: no memory for a file's name");
        text.data = (const uint8_t *)name;
        text.len = strlen(name);
    } else {
        rc = tarn_pqt_folder_value(&s->paths, file, column->source, &value, &found, err);
        text.data = value.data;
        text.len = value.len;
    }
    if (rc == TARN_OK) *skip = found ? excludes(s, c, &text) : c->op != TARN_PQT_IS_NULL;
    tarn_buf_release(&value);
    sqlite3_free(name);
    return rc;
}

int tarn_pqt_bind_names(struct tarn_pqt_scan *s, size_t file, int *skip, struct tarn_err *err) {
    int i, rc = TARN_OK;

    *skip = 0;
    for (i = 0; s->pushdown && i < s->conditions->n && rc == TARN_OK && !*skip; i++) {
        const struct tarn_pqt_condition *c = &s->conditions->items[i];
        enum tarn_pqt_place place = s->t->schema.columns[c->column].place;
        if (place == TARN_PQT_FILENAME || place == TARN_PQT_FOLDER)
            rc = check(s, file, c, skip, err);
    }
    return rc;
}
