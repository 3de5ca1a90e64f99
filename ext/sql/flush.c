/* flush.c: tarn_flush(): deliver now, and wait for it. */
#include "capture.h"
#include "family.h"
#include "result.h"

static void flush_call(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    struct tarn_err err = {0};
    int64_t events = 0;

    (void)argc;
    (void)argv;
    if (tarn_conn_flush(tarn_function_conn(ctx), &events, &err) ||
        tarn_capture_check(tarn_function_conn(ctx), &err)) {
        tarn_result_err(ctx, &err);
        return;
    }
    sqlite3_result_int64(ctx, events);
}

static const struct tarn_function functions[] = {
    {.help = {"tarn_flush", "scalar", "()", "how many events and changes were delivered",
              "Writes every committed event and change of a tracked table that still waits to the "
              "lake, and returns when that is done. A background thread does the same on its own "
              "(setting autoFlush).",
              "SELECT tarn_flush()"},
     .writes_from = 0,
     .flags = SQLITE_DIRECTONLY,
     .call = flush_call},
};

const struct tarn_family tarn_family_flush = {functions, TARN_COUNT(functions), NULL, 0};
