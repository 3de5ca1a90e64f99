/* version.c: tarn_version(). */
#include "version.h"

#include "family.h"

static void version_call(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    (void)argc;
    (void)argv;
    sqlite3_result_text(ctx, TARN_VERSION, -1, SQLITE_STATIC);
}

static const struct tarn_function functions[] = {
    {.help = {"tarn_version", "scalar", "()", "text like '0.1.0'", "The version of Tarn.",
              "SELECT tarn_version()"},
     .flags = SQLITE_INNOCUOUS | SQLITE_DETERMINISTIC,
     .call = version_call},
};

const struct tarn_family tarn_family_version = {functions, TARN_COUNT(functions), NULL, 0};
