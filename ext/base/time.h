/* time.h: the clock, and times as text. All times are UTC, in milliseconds since 1970-01-01.
**
** The text of Tarn is `YYYY-MM-DD HH:MM:SS.SSS` (23 characters), as SQLite's date functions write
** it with the 'subsec' modifier. Years 0000 to 9999 only: MIN and MAX below.
*/
/* With -Iext/base this file stands before the system's <time.h>, which pthread.h and others ask for
** by the same name: hand it on. */
#ifdef __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Winclude-next-absolute-path"
#endif
#include_next <time.h>
#ifdef __clang__
#pragma clang diagnostic pop
#endif

#ifndef TARN_TIME_H
#define TARN_TIME_H

#include <stddef.h>
#include <stdint.h>

#define TARN_TIME_MIN INT64_C(-62167219200000) /* 0000-01-01 00:00:00.000 */
#define TARN_TIME_MAX INT64_C(253402300799999) /* 9999-12-31 23:59:59.999 */
#define TARN_TIME_LEN 23                       /* length of the text, without NUL */
#define TARN_MS_PER_HOUR INT64_C(3600000)
#define TARN_MS_PER_DAY INT64_C(86400000)

struct tarn_civil {
    int year, month, day, hour, minute, second, ms; /* month and day from 1 */
};

int64_t tarn_time_now(void);       /* wall clock, ms; what tarn_time_set_clock says, if set */
int64_t tarn_time_monotonic(void); /* ms that never go back; the set clock too, if set */
/* Tests: replaces both clocks; NULL restores them. */
void tarn_time_set_clock(int64_t (*clock)(void *arg), void *arg);
int tarn_time_clock_is_set(void); /* 1 while a test's clock is in force */

void tarn_time_civil(int64_t ms, struct tarn_civil *out); /* floor semantics before 1970 */
int64_t tarn_time_from_civil(const struct tarn_civil *c); /* fields must be in range */
int64_t tarn_time_floor(int64_t ms, int64_t unit);        /* floor to a multiple of unit */

/* Writes `YYYY-MM-DD HH:MM:SS.SSS` and a NUL (24 bytes); ms is clamped to MIN..MAX. */
void tarn_time_text(int64_t ms, char out[TARN_TIME_LEN + 1]);
/* Writes `YYYY-MM-DDTHH:MM:SS.SSSZ` and a NUL (25 bytes). */
void tarn_time_iso(int64_t ms, char out[TARN_TIME_LEN + 2]);

/* As tarn_time_text, for many times in a row: as long as they stay within one minute, only seconds
** are written again. A zeroed memo is a fresh one. The text is valid until the next call. */
struct tarn_time_memo {
    int64_t minute; /* of `text`, while text[0] != 0 */
    char text[TARN_TIME_LEN + 1];
};
const char *tarn_time_memo(struct tarn_time_memo *m, int64_t ms);

/* Parses what people and SQLite write: `YYYY-MM-DD`, with ` ` or `T` then `HH:MM`, `HH:MM:SS` and
** a fraction of 1 to 9+ digits (truncated to ms), then nothing, `Z` (or `z`), or `+HH:MM`, `-HH:MM`, `+HHMM`.
** No surrounding spaces. Field ranges are checked (month, day of the month, hour <= 23, minute,
** second <= 59; a leap second :60 is taken as :59.999). 0 and *ms, or -1 when it is none of these.
** Never reads s[n]. */
int tarn_time_parse(const char *s, size_t n, int64_t *ms);

/* As tarn_time_parse, and also `YYYY` and `YYYY-MM`, as the first ms of that year or month: what a
** comparison with ts may say. */
int tarn_time_parse_start(const char *s, size_t n, int64_t *ms);

/* The collation of `ts`: both texts that parse (tarn_time_parse_start) compare as times; otherwise bytes compare
** as BINARY does, and a text that is a time sorts before one that is not. Returns <0, 0, >0. A
** total order. */
int tarn_time_collate(const char *a, size_t na, const char *b, size_t nb);

#endif
