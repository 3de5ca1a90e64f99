/* bookmark_functions.c: tarn_bookmark() and tarn_bookmark_at(time). */
#include "bookmark_find.h"
#include "family.h"
#include "mem.h"
#include "result.h"
#include "time.h"
#include "tracking.h"

static void give(sqlite3_context *ctx, const char *bookmark, const struct tarn_err *err) {
    if (err->code) {
        tarn_result_err(ctx, err);
    } else if (*bookmark) {
        tarn_result_text(ctx, bookmark);
    }
}

static void bookmark_call(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    struct tarn_conn *c = tarn_function_conn(ctx);
    char out[TARN_BOOKMARK + 1] = "";
    struct tarn_err err = {0};

    (void)argc;
    (void)argv;
    if (tarn_conn_refresh(c, &err) == TARN_OK) (void)tarn_bookmark_last(c, out, &err);
    give(ctx, out, &err);
}

/* Text as people write times, or milliseconds. */
static int time_of(sqlite3_value *v, int64_t *ms, struct tarn_err *err) {
    char shown[TARN_SHOWN];

    if (sqlite3_value_type(v) == SQLITE_INTEGER) {
        *ms = sqlite3_value_int64(v);
        return TARN_OK;
    }
    if (sqlite3_value_type(v) == SQLITE_TEXT) {
        const char *s = (const char *)sqlite3_value_text(v);

        if (s && tarn_time_parse_start(s, (size_t)sqlite3_value_bytes(v), ms) == 0) return TARN_OK;
    }
    return tarn_err_set(err, TARN_EINVAL,
                        "tarn_bookmark_at(time): %s is no time: give text such as '2026-02-02 "
                        "14:00:00', or milliseconds since 1970",
                        tarn_show_value(v, shown));
}

static void bookmark_at_call(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    struct tarn_conn *c = tarn_function_conn(ctx);
    char out[TARN_BOOKMARK + 1] = "";
    struct tarn_err err = {0};
    char *namespace_ = NULL;
    int64_t ms = 0;

    (void)argc;
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL) return;
    (void)time_of(argv[0], &ms, &err);
    if (!err.code) (void)tarn_conn_refresh(c, &err);
    if (!err.code) (void)tarn_cdc_namespace(c, &namespace_, &err);
    if (!err.code) (void)tarn_bookmark_at(c, namespace_, ms, out, &err);
    tarn_free(namespace_);
    give(ctx, out, &err);
}

static const struct tarn_function functions[] = {
    {.help =
         {"tarn_bookmark", "scalar", "()", "the bookmark, or NULL when there is none yet",
          "The name of the last committed transaction of this database that this connection can "
          "see: timeline, sequence, time, digest. Bookmarks sort as text in the order of "
          "commits.",
          "SELECT tarn_bookmark()"},
     .call = bookmark_call},
    {.help = {"tarn_bookmark_at", "scalar", "(time)", "the bookmark, or NULL before the first one",
              "The newest bookmark at or before a time, given as text or as milliseconds since "
              "1970.",
              "SELECT tarn_bookmark_at('2026-02-02 14:00:00')"},
     .min_args = 1,
     .max_args = 1,
     .call = bookmark_at_call},
};

const struct tarn_family tarn_family_bookmark = {functions, TARN_COUNT(functions), NULL, 0};
