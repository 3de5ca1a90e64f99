/* resync_rows.c: tarn_resync(table). All of its work is done before the first row. */
#include "capture.h"
#include "family.h"
#include "interrupt.h"
#include "mem.h"
#include "record.h"
#include "result.h"
#include "resync.h"

struct resync_rows {
    struct tarn_resync *resync;
    int op;
    struct tarn_slice pk;
};

static void resync_close(void *handle) {
    struct resync_rows *h = handle;

    tarn_resync_free(h->resync);
    tarn_free(h);
}

static int resync_open(void **handle, struct tarn_conn *conn, sqlite3_value **args,
                       struct tarn_err *err) {
    struct resync_rows *h = tarn_calloc(1, sizeof *h);
    struct tarn_interrupt interrupt;
    const char *table = NULL;
    int rc;

    if (!h) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    rc = tarn_value_text(args[0], "tarn_resync: table", &table, err);
    if (rc == TARN_OK && !table) {
        rc = tarn_err_set(err, TARN_EINVAL, "tarn_resync(table) needs a table's name");
    }
    tarn_interrupt_init(&interrupt, conn->db);
    if (rc == TARN_OK) {
        rc = tarn_resync_open(&h->resync, conn, table, tarn_interrupted, &interrupt, err);
    }
    if (rc) {
        tarn_free(h);
        return rc;
    }
    *handle = h;
    return TARN_OK;
}

static int resync_next(void *handle, int *more, struct tarn_err *err) {
    struct resync_rows *h = handle;

    return tarn_resync_next(h->resync, &h->op, &h->pk, more, err);
}

static int resync_column(void *handle, int column, sqlite3_context *ctx, struct tarn_err *err) {
    struct resync_rows *h = handle;

    (void)err;
    if (column == 0) {
        sqlite3_result_text(ctx, tarn_op_word(h->op), -1, SQLITE_STATIC);
    } else {
        sqlite3_result_text64(ctx, (const char *)h->pk.data, h->pk.len, SQLITE_TRANSIENT,
                              SQLITE_UTF8);
    }
    return TARN_OK;
}

const struct tarn_rows tarn_resync_rows = {
    .name = "tarn_resync",
    .columns = "op TEXT, pk TEXT",
    .arguments = "\"table\"",
    .n_columns = 2,
    .n_arguments = 1,
    .required = 1,
    .flags = TARN_ROWS_DIRECTONLY,
    .open = resync_open,
    .next = resync_next,
    .column = resync_column,
    .close = resync_close,
};
