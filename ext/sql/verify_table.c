/* verify_table.c: tarn_verify(what[, namespace]): one row per entry of the flush logs that was checked. */
#include <stdio.h>
#include <string.h>

#include "family.h"
#include "interrupt.h"
#include "keys.h"
#include "mem.h"
#include "result.h"
#include "text.h"
#include "verify.h"

enum column {
    COL_DATABASE,
    COL_ID,
    COL_TIMELINE,
    COL_ENTRY,
    COL_STATE,
    COL_FIRST,
    COL_LAST,
    COL_CHANGES,
    COL_OK,
    COL_FAULT,
    COL_FILE,
    COL_ROW,
    COL_BOOKMARK
};

struct verify_rows {
    struct tarn_verify *verify; /* NULL: there is no lake */
    struct tarn_lake *lake;     /* owned reference */
    struct tarn_buf namespace_;
    struct tarn_interrupt interrupt;
    const struct tarn_verify_result *result;
};

static void verify_close(void *handle) {
    struct verify_rows *h = handle;

    tarn_verify_free(h->verify);
    tarn_lake_free(h->lake);
    tarn_buf_release(&h->namespace_);
    tarn_free(h);
}

static int take_namespace(struct verify_rows *h, sqlite3_value *v, struct tarn_err *err) {
    const char *s = NULL;

    if (tarn_value_text(v, "tarn_verify: namespace", &s, err)) return err->code;
    if (!s) return TARN_OK;
    if (tarn_name_check(s, strlen(s), "namespace", err)) return err->code;
    tarn_percent_encode(&h->namespace_, s, strlen(s));
    tarn_buf_u8(&h->namespace_, 0);
    return h->namespace_.rc ? tarn_err_set(err, TARN_ENOMEM, "out of memory") : TARN_OK;
}

static int verify_open(void **handle, struct tarn_conn *conn, sqlite3_value **args,
                       struct tarn_err *err) {
    struct tarn_verify_spec spec;
    struct tarn_lake *lake = NULL;
    struct verify_rows *h = NULL;
    const char *what = NULL;
    int rc;

    if (tarn_value_text(args[0], "tarn_verify: what", &what, err)) return err->code;
    if (!what || strcmp(what, "cdc") != 0) {
        return tarn_err_set(err, TARN_EINVAL,
                            "tarn_verify(what[, namespace]): what is 'cdc', the changes of tracked "
                            "tables");
    }
    if (tarn_conn_refresh(conn, err) || tarn_conn_lake(conn, 0, &lake, err)) return err->code;
    h = tarn_calloc(1, sizeof *h);
    if (!h) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    tarn_buf_init(&h->namespace_, TARN_KEY_MAX);
    rc = take_namespace(h, args[1], err);
    if (rc == TARN_OK && lake) {
        h->lake = tarn_lake_ref(lake);
        tarn_interrupt_init(&h->interrupt, conn->db);
        memset(&spec, 0, sizeof spec);
        spec.lake = lake;
        spec.namespace_ = (const char *)h->namespace_.data;
        spec.memory_budget = (size_t)tarn_settings_int(&conn->settings, TARN_SET_MEMORY_BUDGET);
        spec.interrupted = tarn_interrupted;
        spec.interrupted_arg = &h->interrupt;
        rc = tarn_verify_open(&h->verify, &spec, err);
    }
    if (rc) {
        verify_close(h);
        return rc;
    }
    *handle = h;
    return TARN_OK;
}

static int verify_next(void *handle, int *more, struct tarn_err *err) {
    struct verify_rows *h = handle;

    *more = 0;
    return h->verify ? tarn_verify_next(h->verify, &h->result, more, err) : TARN_OK;
}

static void result_number(sqlite3_context *ctx, uint64_t n) {
    if (n) sqlite3_result_int64(ctx, (sqlite3_int64)n);
}

static void result_name(sqlite3_context *ctx, const char *s) {
    if (*s) tarn_result_text(ctx, s);
}

static int verify_column(void *handle, int column, sqlite3_context *ctx, struct tarn_err *err) {
    static const char *const states[] = {"open", "done", "aborted"};
    const struct tarn_verify_result *r = ((struct verify_rows *)handle)->result;

    (void)err;
    switch (column) {
    case COL_DATABASE: tarn_result_text(ctx, r->name); break;
    case COL_ID: tarn_result_text(ctx, r->id); break;
    case COL_TIMELINE: sqlite3_result_int64(ctx, r->timeline); break;
    case COL_ENTRY: result_number(ctx, r->entry); break;
    case COL_STATE: tarn_result_text(ctx, states[r->end]); break;
    case COL_FIRST: result_number(ctx, r->first); break;
    case COL_LAST: result_number(ctx, r->last); break;
    case COL_CHANGES: sqlite3_result_int64(ctx, (sqlite3_int64)r->changes); break;
    case COL_OK: sqlite3_result_int(ctx, r->fault.code == 0); break;
    case COL_FAULT: result_name(ctx, r->fault.code ? r->fault.msg : ""); break;
    case COL_FILE: result_name(ctx, r->file); break;
    case COL_ROW: result_number(ctx, r->row); break;
    default: result_name(ctx, r->bookmark); break;
    }
    return TARN_OK;
}

static const struct tarn_rows verify_rows = {
    .name = "tarn_verify",
    .columns =
        "\"database\" TEXT, id TEXT, timeline INTEGER, entry INTEGER, state TEXT, first INTEGER, "
        "last INTEGER, changes INTEGER, ok INTEGER, fault TEXT, file TEXT, \"row\" INTEGER, "
        "bookmark TEXT",
    .arguments = "what, of_namespace",
    .n_columns = 13,
    .n_arguments = 2,
    .required = 1,
    .open = verify_open,
    .next = verify_next,
    .column = verify_column,
    .close = verify_close,
};

static const struct tarn_table tables[] = {
    {.help =
         {"tarn_verify", "table function", "(what[, namespace])",
          "one row per delivery: database, id, timeline, entry, state, first, last, changes, ok, "
          "fault, file, row, bookmark",
          "what = 'cdc': computes the chain of digests again from the lake: each delivery "
          "continues the one before, each commit's digest follows from what it changed, and the "
          "deltas (and data.parquet, where it is still the first state) hold just that. Where ok "
          "is 0, fault says what is wrong first, and file, row and bookmark where.",
          "SELECT entry, fault, file, \"row\" FROM tarn_verify('cdc') WHERE NOT ok"},
     .rows = &verify_rows},
};

const struct tarn_family tarn_family_verify = {NULL, 0, tables, TARN_COUNT(tables)};
