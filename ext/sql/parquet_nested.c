/* parquet_nested.c: JSON of nested columns as SQL values.
**
** Groups and what repeats stay JSON text. A leaf of a group that doesn't repeat has a value of its
** own: text without quotes, numbers as numbers, except those that SQLite's numbers can't hold
** exactly (decimals, unsigned ones above INT64_MAX), which stay text as in other columns.
*/
#include "parquet_nested.h"

#include <math.h>
#include <string.h>

#include "json_member.h"

static int open_reader(struct tarn_pqt_nested *n, const struct tarn_nested_spec *spec,
                       struct tarn_err *err) {
    if (n->reader && n->group == spec->row_group) return TARN_OK;
    tarn_nested_free(n->reader);
    n->reader = NULL;
    n->group = spec->row_group;
    return tarn_nested_open(&n->reader, spec, err);
}

static int is_word(struct tarn_slice s, const char *word) {
    return s.len == strlen(word) && memcmp(s.data, word, s.len) == 0;
}

static void result_raw(sqlite3_context *ctx, struct tarn_slice s) {
    sqlite3_result_text64(ctx, s.len ? (const char *)s.data : "", s.len, SQLITE_TRANSIENT,
                          SQLITE_UTF8);
}

static void result_leaf(sqlite3_context *ctx, enum tarn_pqt_kind kind, struct tarn_slice s) {
    int is_number = s.len > 0 && (s.data[0] == '-' || (s.data[0] >= '0' && s.data[0] <= '9'));

    if (is_word(s, "null")) return;
    if (kind == TARN_PQT_REAL || kind == TARN_PQT_HALF) {
        if (is_word(s, "\"NaN\"")) return;
        if (is_word(s, "\"Infinity\"") || is_word(s, "\"-Infinity\"")) {
            sqlite3_result_double(ctx, s.data[1] == '-' ? -(double)INFINITY : (double)INFINITY);
            return;
        }
    }
    /* An unsigned number of 19 digits is above INT64_MAX when its digits are. */
    if (is_number &&
        (kind == TARN_PQT_DECIMAL ||
         (kind == TARN_PQT_UINT &&
          (s.len > 19 || (s.len == 19 && memcmp(s.data, "9223372036854775807", 19) > 0))))) {
        result_raw(ctx, s);
        return;
    }
    tarn_json_result(ctx, s);
}

int tarn_pqt_nested_result(struct tarn_pqt_nested *n, const struct tarn_nested_spec *spec,
                           const struct tarn_pqt_binding *binding,
                           const struct tarn_pq_batch *batch, uint32_t row,
                           struct tarn_arena *arena, sqlite3_context *ctx, struct tarn_err *err) {
    struct tarn_slice s = {NULL, 0};
    int rc = TARN_OK;

    if (!n->read) {
        rc = open_reader(n, spec, err);
        if (rc == TARN_OK)
            rc = tarn_nested_read(n->reader, batch->row, batch->n, arena, &n->vector, err);
        if (rc) return rc;
        n->read = 1;
    }
    if (tarn_vector_null(&n->vector, row)) return TARN_OK;
    s = n->vector.values.bytes[tarn_vector_at(&n->vector, row)];
    if (binding->scalar)
        result_leaf(ctx, binding->kind, s);
    else
        result_raw(ctx, s);
    return TARN_OK;
}

void tarn_pqt_nested_release(struct tarn_pqt_nested *n) {
    tarn_nested_free(n->reader);
    memset(n, 0, sizeof *n);
}
