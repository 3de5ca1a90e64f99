/* settings.h: the settings of a connection: names and defaults of the specification, camelCase.
**
** One table (settings.c) holds name, type, default, unit, range, one line of help; tarn_settings,
** tarn_config, the README and error messages all come from it. Values live in the table
** `_tarn_settings(key, value)` of the main database, so that every connection of the application
** sees them; in a database that can't be written they last as long as the connection.
*/
#ifndef TARN_SETTINGS_H
#define TARN_SETTINGS_H

#include <stdint.h>

#include "sqlite.h"

enum tarn_setting {
    TARN_SET_LAKE,            /* URI; '' = the folder {database file}-lake */
    TARN_SET_NAMESPACE,       /* '' = none */
    TARN_SET_PREFIX,          /* events */
    TARN_SET_BATCH_SIZE,      /* 100 */
    TARN_SET_FLUSH_INTERVAL,  /* flushIntervalMs 1000 */
    TARN_SET_COUNT_THRESHOLD, /* 50 */
    TARN_SET_TIME_THRESHOLD,  /* timeThresholdMs 5000 */
    TARN_SET_MAX_BUFFER,      /* maxBufferSize 10000 */
    TARN_SET_AUTO_FLUSH,      /* autoFlush on|off */
    TARN_SET_DURABILITY,      /* buffer|commit: databases without a file */
    TARN_SET_PATH_SLACK,      /* pathSlack, ms, one day */
    TARN_SET_PUSHDOWN,        /* on|off */
    TARN_SET_ON_CORRUPT,      /* onCorrupt error|skip */
    TARN_SET_MEMORY_BUDGET,   /* memoryBudget, bytes, 256 MiB */
    TARN_SET_FOOTER_CACHE,    /* footerCacheBytes, 64 MiB */
    TARN_SET_CDC_NAMESPACE,   /* cdcNamespace; '' = namespace, else the file's stem */
    TARN_SET_CAPTURE_ERRORS,  /* captureErrors fail|warn */
    TARN_SET_COUNT
};

struct tarn_setting_info {
    const char *name;
    char type; /* 'i' integer, 's' text, 'e' one of `choices` */
    const char *initial;
    int64_t min, max;    /* for 'i' */
    const char *choices; /* for 'e': "error|skip" */
    const char *help;
};

struct tarn_settings {
    char *text[TARN_SET_COUNT]; /* owned; NULL = default */
    int64_t integer[TARN_SET_COUNT];
    const char *origin[TARN_SET_COUNT]; /* "default", "database", "connection", "environment" */
};

const struct tarn_setting_info *tarn_setting_info(int setting);
int tarn_setting_find(const char *name); /* -1 = none */

void tarn_settings_init(struct tarn_settings *s);
void tarn_settings_release(struct tarn_settings *s);
const char *tarn_settings_text(const struct tarn_settings *s, int setting); /* never NULL */
static inline int64_t tarn_settings_int(const struct tarn_settings *s, int setting) {
    return s->integer[setting];
}
/* Checks value against the table and takes it. NULL = back to the default. */
int tarn_settings_set(struct tarn_settings *s, int setting, const char *value, const char *origin,
                      struct tarn_err *err);
/* Reads _tarn_settings of main, if it is there. Unknown keys there are left alone. */
int tarn_settings_load(struct tarn_settings *s, sqlite3 *db, struct tarn_err *err);
/* Writes one into _tarn_settings (made if missing), in the caller's transaction. */
int tarn_settings_store(sqlite3 *db, int setting, const char *value, struct tarn_err *err);

#endif
