/* module.c: arguments and surroundings of CREATE VIRTUAL TABLE. */
#include "module.h"

#include <string.h>

#include "mem.h"

char *tarn_dequote(const char *s) {
    size_t n = strlen(s);
    char *out = NULL;
    char quote = 0;
    size_t i, len = 0;

    for (; *s == ' ' || *s == '\n' || *s == '\t'; n--)
        s++;
    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\n' || s[n - 1] == '\t'))
        n--;
    if (n >= 2 && (s[0] == '\'' || s[0] == '"') && s[n - 1] == s[0]) quote = s[0];
    out = tarn_strndup(s, n);
    if (!out || !quote) return out;
    for (i = 1; i + 1 < n; i++) {
        out[len++] = s[i];
        if (s[i] == quote && i + 2 < n && s[i + 1] == quote) i++;
    }
    out[len] = 0;
    return out;
}

int tarn_is_utf8(sqlite3 *db) {
    sqlite3_stmt *stmt = NULL;
    int yes = 0;

    if (sqlite3_prepare_v2(db, "PRAGMA encoding", -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW) {
        const char *s = (const char *)sqlite3_column_text(stmt, 0);
        yes = s && strcmp(s, "UTF-8") == 0;
    }
    (void)sqlite3_finalize(stmt);
    return yes;
}
