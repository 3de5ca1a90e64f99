/* result.c: errors, text and values on their way to SQLite. The codes are mapped in sqlite_err.c. */
#include "result.h"

#include <stdio.h>
#include <string.h>

#include "text.h"
#include "time.h"

#define SHOWN_TEXT 40 /* bytes of a value that a message repeats */

void tarn_result_err(sqlite3_context *ctx, const struct tarn_err *err) {
    if (err->code == TARN_ENOMEM) {
        sqlite3_result_error_nomem(ctx);
        return;
    }
    sqlite3_result_error(ctx, err->msg[0] ? err->msg : tarn_code_name(err->code), -1);
    sqlite3_result_error_code(ctx, tarn_sqlite_code(err->code));
}

int tarn_vtab_err(sqlite3_vtab *vtab, const struct tarn_err *err) {
    if (err->code == TARN_OK) return SQLITE_OK;
    if (err->code == TARN_ENOMEM) return SQLITE_NOMEM;
    sqlite3_free(vtab->zErrMsg);
    vtab->zErrMsg = sqlite3_mprintf("%s", err->msg[0] ? err->msg : tarn_code_name(err->code));
    return vtab->zErrMsg ? tarn_sqlite_code(err->code) : SQLITE_NOMEM;
}

void tarn_result_text(sqlite3_context *ctx, const char *s) {
    if (s) sqlite3_result_text(ctx, s, -1, SQLITE_TRANSIENT);
}

void tarn_result_time(sqlite3_context *ctx, int64_t ms) {
    char text[TARN_TIME_LEN + 1];

    tarn_time_text(ms, text);
    sqlite3_result_text(ctx, text, TARN_TIME_LEN, SQLITE_TRANSIENT);
}

const char *tarn_show_text(const char *s, size_t n, char out[TARN_SHOWN]) {
    size_t cut = n;
    size_t nul = 0;

    if (cut > SHOWN_TEXT) {
        cut = SHOWN_TEXT;
        while (cut > 0 && ((unsigned char)s[cut] & 0xC0) == 0x80)
            cut--;
    }
    /* A message is a C string, and an invalid byte in it would spoil the whole of it. */
    nul = tarn_utf8_invalid((const uint8_t *)s, cut);
    if (memchr(s, 0, nul)) nul = (size_t)((const char *)memchr(s, 0, nul) - s);
    (void)snprintf(out, TARN_SHOWN, "'%.*s'%s", (int)nul, s, nul < n ? "..." : "");
    return out;
}

const char *tarn_show_value(sqlite3_value *v, char out[TARN_SHOWN]) {
    static const char hex[] = "0123456789abcdef";
    const unsigned char *blob = NULL;
    int n = 0;
    int i;

    switch (sqlite3_value_type(v)) {
    case SQLITE_INTEGER:
        (void)snprintf(out, TARN_SHOWN, "%lld", (long long)sqlite3_value_int64(v));
        break;
    case SQLITE_FLOAT: (void)snprintf(out, TARN_SHOWN, "%.15g", sqlite3_value_double(v)); break;
    case SQLITE_TEXT:
        n = sqlite3_value_bytes(v);
        return tarn_show_text((const char *)sqlite3_value_text(v), (size_t)n, out);
    case SQLITE_BLOB:
        blob = sqlite3_value_blob(v);
        n = sqlite3_value_bytes(v);
        (void)snprintf(out, TARN_SHOWN, "a BLOB of %d bytes: x'", n);
        for (i = 0; i < n && i < 8; i++) {
            char pair[3] = {hex[blob[i] >> 4], hex[blob[i] & 15], 0};
            size_t len = strlen(out);
            (void)snprintf(out + len, TARN_SHOWN - len, "%s", pair);
        }
        (void)snprintf(out + strlen(out), TARN_SHOWN - strlen(out), "%s'", n > 8 ? "..." : "");
        break;
    default: (void)snprintf(out, TARN_SHOWN, "NULL"); break;
    }
    return out;
}

int tarn_value_text(sqlite3_value *v, const char *what, const char **out, struct tarn_err *err) {
    char shown[TARN_SHOWN];
    const char *s = NULL;
    size_t n = 0;

    *out = NULL;
    if (!v || sqlite3_value_type(v) == SQLITE_NULL) return TARN_OK;
    if (sqlite3_value_type(v) == SQLITE_BLOB) {
        return tarn_err_set(err, TARN_EINVAL, "%s: expected text, found %s", what,
                            tarn_show_value(v, shown));
    }
    s = (const char *)sqlite3_value_text(v);
    if (!s) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    n = (size_t)sqlite3_value_bytes(v);
    if (memchr(s, 0, n) || tarn_utf8_invalid((const uint8_t *)s, n) != n) {
        return tarn_err_set(err, TARN_EINVAL, "%s: %s is not UTF-8 text without NUL bytes", what,
                            tarn_show_text(s, n, shown));
    }
    *out = s;
    return TARN_OK;
}
