/* parquet_keys.h: keys of encrypted Parquet files, as SQL gives them.
**
**   {"footer": "KEY", "columns": {"a.b": "KEY"}, "ids": {"kf": "KEY"},
**    "aadPrefix": "TEXT", "plainFiles": true}
**
** A KEY is "hex:00ff...", "base64:...", or else the 16, 24 or 32 bytes of the text itself; an id and
** the prefix are written the same way, with any length. They come from three places:
**   - the option `keys` of a table in temp: a stored table would keep them in the database file
**   - the option `keysFrom`: the name of an environment variable that holds the object
**   - tarn_parquet_keys(json): for all tables of the connection that have neither
** With a table's own keys a file that is not encrypted is refused, unless plainFiles says otherwise;
** with the connection's it is read, unless plainFiles is false.
** No message ever contains a key; copies made here are wiped.
*/
#ifndef TARN_PARQUET_KEYS_H
#define TARN_PARQUET_KEYS_H

#include "parquet_table.h"

struct json_t;

/* `what` begins the messages; `plain_files` is what holds without that member. */
int tarn_pqt_keys_from_json(struct tarn_pq_keys **out, const struct json_t *json, int plain_files,
                            const char *what, struct tarn_err *err);
int tarn_pqt_keys_from_env(struct tarn_pq_keys **out, const char *name, struct tarn_err *err);
/* The ring that the table's files are opened with; NULL = none. Borrowed. */
struct tarn_pq_keys *tarn_pqt_keys(const struct tarn_parquet_table *t);

#endif
