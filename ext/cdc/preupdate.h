/* preupdate.h: SQLite's preupdate hook, where this SQLite has one. It is not part of the extension
** API's table, so it is looked for in the library that the table's functions come from; and what it
** reports depends on the version, so that is tried out once on a database in memory.
*/
#ifndef TARN_CDC_PREUPDATE_H
#define TARN_CDC_PREUPDATE_H

#include "sqlite.h"

typedef void (*tarn_preupdate_callback)(void *ctx, sqlite3 *db, int op, const char *database,
                                        const char *table, sqlite3_int64 old_rowid,
                                        sqlite3_int64 new_rowid);

struct tarn_preupdate {
    void *(*hook)(sqlite3 *, tarn_preupdate_callback, void *);
    int (*old_value)(sqlite3 *, int, sqlite3_value **);
    int (*new_value)(sqlite3 *, int, sqlite3_value **);
    int (*count)(sqlite3 *);
    int (*blobwrite)(sqlite3 *); /* NULL: this version doesn't say */
    int old_skips_virtual;       /* its columns are numbered without virtual ones */
    int new_skips_virtual;
    int old_lacks_defaults; /* a column that ALTER added is NULL in rows from before */
};

/* NULL: there is no preupdate hook here. */
const struct tarn_preupdate *tarn_preupdate_find(void);

#endif
