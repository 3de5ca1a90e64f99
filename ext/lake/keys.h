/* keys.h: the layout of the lake (DESIGN section 2): building keys and reading them back.
**
**   [ns/{namespace}/]{prefix}/{YYYY}/{MM}/{DD}/{HH}/{ulid}.parquet   raw
**   …/{HH}/_compact_{ulid}.parquet  hourly    …/{DD}/_compact_{ulid}.parquet  daily
**   …/{HH}/{uuid}.jsonl             legacy
*/
#ifndef TARN_KEYS_H
#define TARN_KEYS_H

#include "buf.h"
#include "err.h"
#include "time.h"

enum tarn_level { TARN_LEVEL_RAW = 0, TARN_LEVEL_HOUR = 1, TARN_LEVEL_DAY = 2 };
enum tarn_file_format { TARN_FILE_PARQUET = 0, TARN_FILE_JSONL = 1 };

struct tarn_key_info {
    enum tarn_level level;
    enum tarn_file_format format;
    int compacted;  /* the name begins with _compact_ */
    int64_t lo, hi; /* what the folders say: first and last ms; TARN_TIME_MIN/MAX when nothing */
};

/* Checks a namespace, collection or event id of a user: 1 to 255 bytes of UTF-8 after
** percent-encoding, not `.` or `..`. `what` names it in the message ("namespace"). */
int tarn_name_check(const char *name, size_t n, const char *what, struct tarn_err *err);
/* A prefix is events, webhooks or tail, or another [A-Za-z0-9_-]{1,64} word that isn't one of the
** lake's own folders (ns, cdc, dedup, dead-letter, _tarn). */
int tarn_prefix_check(const char *prefix, size_t n, struct tarn_err *err);

/* Appends `ns/{namespace}/{prefix}/` or `{prefix}/` (namespace NULL or empty = none). */
void tarn_key_root(struct tarn_buf *b, const char *namespace_, const char *prefix);
/* Appends `YYYY/MM/DD/HH/` of the hour that holds ms. */
void tarn_key_hour(struct tarn_buf *b, int64_t ms);
/* What a key below a root (as appended by tarn_key_root) says. 0, or -1: not a data file (other
** extension, a name that begins with `.`, a hidden folder). Folders that are not numbers in range
** end the time's narrowing. */
int tarn_key_parse(const char *key, size_t root_len, struct tarn_key_info *out);

/* The same, one folder at a time: begin with tarn_key_time_init, then give each folder's name below
** the root, in order. */
struct tarn_key_time {
    int depth; /* 0 nothing known, 1 year, 2 month, 3 day, 4 hour; -1 narrowing has ended */
    int known; /* the deepest of the above that was reached */
    struct tarn_civil civil;
    int64_t lo, hi; /* first and last ms */
};
void tarn_key_time_init(struct tarn_key_time *t);
/* Returns 1 when the folder narrowed the time. */
int tarn_key_time_enter(struct tarn_key_time *t, const char *folder, size_t n);
/* Folders below a root that no reader looks into: names that begin with `.`, or with `_` unless
** they are `_column=value` (the rule of Hadoop and Spark, whose unfinished files lie in such). Keys
** in them are not data files. */
int tarn_key_hidden(const char *folder, size_t n);

/* Where the root of a key ends: behind `ns/{namespace}/{prefix}/` or `{prefix}/`, or as far as the
** key has such folders. */
size_t tarn_key_root_of(const char *key);
/* Is this name one of the lake's own top folders (ns, cdc, dedup, dead-letter, _tarn)? */
int tarn_key_reserved(const char *name, size_t n);

#define TARN_GLOB_MAX 4096 /* bytes of a pattern; a longer one matches nothing */

/* GLOB over whole keys: `*` and `?` stop at `/`, `**` doesn't, [...] as in SQLite (but never `/`);
** where `**` is a whole folder it also stands for none. At worst in time proportional to the length
** of the pattern times that of the key. */
int tarn_glob_match(const char *pattern, const char *key);
/* Length of the pattern's part before its first special character. */
size_t tarn_glob_literal(const char *pattern);

#endif
