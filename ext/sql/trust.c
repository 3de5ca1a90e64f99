/* trust.c: the URIs this process named, and the file of those the user trusts.
**
** SQLite calls one method both when a table is created and when it is connected from a stored
** schema. What tells them apart is the statement: creating runs inside CREATE VIRTUAL TABLE.
*/
#include "trust.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

struct named {
    struct named *next;
    char uri[];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER; /* guards `list` */
static struct named *list;

static int is_named(const char *uri) {
    const struct named *n = NULL;
    int found = 0;

    (void)pthread_mutex_lock(&mutex);
    for (n = list; n && !found; n = n->next)
        found = strcmp(n->uri, uri) == 0;
    (void)pthread_mutex_unlock(&mutex);
    return found;
}

int tarn_trust_named(const char *uri, struct tarn_err *err) {
    struct named *n = NULL;
    size_t len = strlen(uri) + 1;

    if (is_named(uri)) return TARN_OK;
    n = tarn_malloc(sizeof *n + len);
    if (!n) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    memcpy(n->uri, uri, len);
    (void)pthread_mutex_lock(&mutex);
    n->next = list;
    list = n;
    (void)pthread_mutex_unlock(&mutex);
    return TARN_OK;
}

/* Behind white space and comments. */
static const char *skip_comments(const char *s) {
    const char *end = NULL;

    for (;;) {
        s += strspn(s, " \t\r\n\f;");
        if (strncmp(s, "--", 2) == 0) {
            s += strcspn(s, "\n");
        } else if (strncmp(s, "/*", 2) == 0) {
            end = strstr(s + 2, "*/");
            if (!end) return "";
            s = end + 2;
        } else {
            return s;
        }
    }
}

int tarn_trust_creating(sqlite3 *db, const char *table) {
    sqlite3_stmt *stmt = NULL;

    while ((stmt = sqlite3_next_stmt(db, stmt)) != NULL) {
        const char *s = sqlite3_stmt_busy(stmt) ? sqlite3_sql(stmt) : NULL;
        if (!s || sqlite3_strnicmp(s = skip_comments(s), "CREATE", 6) != 0) continue;
        s = skip_comments(s + 6);
        if (sqlite3_strnicmp(s, "VIRTUAL", 7) == 0 && strstr(s, table)) return 1;
    }
    return 0;
}

int tarn_trust_check(const char *table, const char *uri, struct tarn_err *err) {
    const char *lake = getenv("TARN_LAKE");

    if (is_named(uri) || (lake && strcmp(lake, uri) == 0) || tarn_conn_listed(uri)) return TARN_OK;
    return tarn_err_set(
        err, TARN_EACCES,
        "%.60s shows the lake %.100s, which only the database file names: confirm it "
        "with a line in ~/.config/tarn/trusted or in TARN_LAKE, or create the table "
        "again",
        table, uri);
}
