/* parquet_nested.c: JSON of nested columns as SQL values.
**
** Groups and what repeats stay JSON text. A leaf of a group that doesn't repeat has a value of its
** own, which the scan reads as that of any column; only bytes come here, for {"$base64": ...}.
*/
#include "parquet_nested.h"

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

/* Bytes: an object, or text if they are any. */
static void result_leaf(sqlite3_context *ctx, struct tarn_slice s) {
    if (!is_word(s, "null")) tarn_json_result(ctx, s);
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
        result_leaf(ctx, s);
    else
        result_raw(ctx, s);
    return TARN_OK;
}

void tarn_pqt_nested_release(struct tarn_pqt_nested *n) {
    tarn_nested_free(n->reader);
    memset(n, 0, sizeof *n);
}
