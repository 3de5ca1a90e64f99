/* cdc_tracked.c: the tables cdc_<collection> of what the database tracks, or has tracked, for a connection
** that opens it: so that changes can be read without a word to Tarn first.
*/
#include <string.h>

#include "cdc_table.h"
#include "mem.h"

/* The names, first, as two texts each: making a table changes the schema that is being read. */
static int read_names(sqlite3 *db, struct tarn_buf *names, size_t *n, struct tarn_err *err) {
    sqlite3_stmt *row = NULL;
    int sq = sqlite3_prepare_v2(
        db, "SELECT namespace, collection FROM main._tarn_collections ORDER BY id", -1, &row, NULL);

    while (sq == SQLITE_OK && sqlite3_step(row) == SQLITE_ROW) {
        for (int i = 0; i < 2; i++) {
            const char *s = (const char *)sqlite3_column_text(row, i);

            tarn_buf_puts(names, s ? s : "");
            tarn_buf_u8(names, 0);
        }
        ++*n;
    }
    if (row) sq = sqlite3_finalize(row);
    if (names->rc) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    return tarn_err_sqlite(err, db, sq, "reading the tracked tables");
}

int tarn_cdc_tables_tracked(struct tarn_conn *c, struct tarn_err *err) {
    struct tarn_buf names = TARN_BUF_INIT((size_t)1 << 20);
    const char *at;
    size_t n = 0;
    int rc = TARN_OK;

    if (sqlite3_table_column_metadata(c->db, "main", "_tarn_collections", "epoch", NULL, NULL, NULL,
                                      NULL, NULL) != SQLITE_OK) {
        return TARN_OK;
    }
    rc = read_names(c->db, &names, &n, err);
    for (at = (const char *)names.data; n > 0 && rc == TARN_OK; n--) {
        const char *collection = at + strlen(at) + 1;
        struct tarn_err why = {0};

        if (*at && *collection) rc = tarn_cdc_table_make(c, at, collection, &why);
        if (rc == TARN_EEXIST) rc = TARN_OK; /* the application has a table of that name */
        if (rc) (void)tarn_err_set(err, rc, "%s", why.msg);
        at = collection + strlen(collection) + 1;
    }
    tarn_buf_release(&names);
    return rc;
}
