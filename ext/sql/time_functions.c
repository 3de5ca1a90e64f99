/* time_functions.c: date_trunc(unit, ts).
**
** Units and their meaning are DuckDB's: a week begins on Monday; a century is the year rounded down
** to hundreds (2000, not 2001). The result is text as the column ts has it.
*/
#include <string.h>

#include "family.h"
#include "result.h"
#include "time.h"

enum unit {
    UNIT_MS,
    UNIT_SECOND,
    UNIT_MINUTE,
    UNIT_HOUR,
    UNIT_DAY,
    UNIT_WEEK,
    UNIT_MONTH,
    UNIT_QUARTER,
    UNIT_YEAR,
    UNIT_DECADE,
    UNIT_CENTURY,
    UNIT_MILLENNIUM
};

static const struct {
    const char *name;
    enum unit unit;
} names[] = {
    {"microsecond", UNIT_MS},
    {"microseconds", UNIT_MS},
    {"us", UNIT_MS},
    {"millisecond", UNIT_MS},
    {"milliseconds", UNIT_MS},
    {"ms", UNIT_MS},
    {"second", UNIT_SECOND},
    {"seconds", UNIT_SECOND},
    {"s", UNIT_SECOND},
    {"sec", UNIT_SECOND},
    {"minute", UNIT_MINUTE},
    {"minutes", UNIT_MINUTE},
    {"min", UNIT_MINUTE},
    {"m", UNIT_MINUTE},
    {"hour", UNIT_HOUR},
    {"hours", UNIT_HOUR},
    {"h", UNIT_HOUR},
    {"day", UNIT_DAY},
    {"days", UNIT_DAY},
    {"d", UNIT_DAY},
    {"week", UNIT_WEEK},
    {"weeks", UNIT_WEEK},
    {"w", UNIT_WEEK},
    {"month", UNIT_MONTH},
    {"months", UNIT_MONTH},
    {"mon", UNIT_MONTH},
    {"quarter", UNIT_QUARTER},
    {"quarters", UNIT_QUARTER},
    {"year", UNIT_YEAR},
    {"years", UNIT_YEAR},
    {"y", UNIT_YEAR},
    {"decade", UNIT_DECADE},
    {"decades", UNIT_DECADE},
    {"century", UNIT_CENTURY},
    {"centuries", UNIT_CENTURY},
    {"millennium", UNIT_MILLENNIUM},
    {"millennia", UNIT_MILLENNIUM},
    {"millenniums", UNIT_MILLENNIUM},
};

/* What is kept between the calls of one place in a statement, whose unit is a constant: rows mostly
** come by time, so most of them lie in the hour or day of the row before. */
struct memo {
    enum unit unit;
    int64_t lo, hi; /* times that truncate to `text`, inclusive; lo > hi = none yet */
    char text[TARN_TIME_LEN + 1];
};

static int find_unit(const char *name, enum unit *out, struct tarn_err *err) {
    char shown[TARN_SHOWN];
    size_t i;

    for (i = 0; i < sizeof names / sizeof *names; i++) {
        if (sqlite3_stricmp(name, names[i].name) == 0) {
            *out = names[i].unit;
            return TARN_OK;
        }
    }
    return tarn_err_set(err, TARN_EINVAL,
                        "date_trunc: unit %s is unknown; known are microseconds, milliseconds, "
                        "second, minute, hour, day, week, month, quarter, year, decade, century, "
                        "millennium",
                        tarn_show_text(name, strlen(name), shown));
}

static int64_t truncate_calendar(int64_t ms, enum unit unit) {
    struct tarn_civil c;
    int years = unit == UNIT_DECADE ? 10 : unit == UNIT_CENTURY ? 100 : 1000;

    tarn_time_civil(ms, &c);
    c.day = 1;
    c.hour = c.minute = c.second = c.ms = 0;
    if (unit == UNIT_QUARTER) c.month -= (c.month - 1) % 3;
    if (unit >= UNIT_YEAR) c.month = 1;
    if (unit > UNIT_YEAR) c.year -= c.year % years;
    return tarn_time_from_civil(&c);
}

static int64_t truncate_time(int64_t ms, enum unit unit) {
    switch (unit) {
    case UNIT_MS: return ms;
    case UNIT_SECOND: return tarn_time_floor(ms, 1000);
    case UNIT_MINUTE: return tarn_time_floor(ms, 60000);
    case UNIT_HOUR: return tarn_time_floor(ms, TARN_MS_PER_HOUR);
    case UNIT_DAY: return tarn_time_floor(ms, TARN_MS_PER_DAY);
    case UNIT_WEEK: /* 1970-01-01 was a Thursday, three days after a Monday */
        return tarn_time_floor(ms + 3 * TARN_MS_PER_DAY, 7 * TARN_MS_PER_DAY) - 3 * TARN_MS_PER_DAY;
    default: return truncate_calendar(ms, unit);
    }
}

static int time_of(sqlite3_value *v, int64_t *ms, struct tarn_err *err) {
    char shown[TARN_SHOWN];
    const char *s = NULL;

    if (sqlite3_value_type(v) == SQLITE_INTEGER) {
        *ms = sqlite3_value_int64(v);
        if (*ms >= TARN_TIME_MIN && *ms <= TARN_TIME_MAX) return TARN_OK;
    }
    if (sqlite3_value_type(v) == SQLITE_TEXT) {
        s = (const char *)sqlite3_value_text(v);
        if (!s) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
        if (tarn_time_parse(s, (size_t)sqlite3_value_bytes(v), ms) == 0) return TARN_OK;
    }
    return tarn_err_set(err, TARN_EINVAL,
                        "date_trunc: %s is no time; expected text like '2026-02-02 14:30:00' or "
                        "epoch milliseconds of the years 0000 to 9999",
                        tarn_show_value(v, shown));
}

static const int64_t widths[] = {
    [UNIT_MS] = 1, [UNIT_SECOND] = 1000, [UNIT_MINUTE] = 60000, [UNIT_HOUR] = TARN_MS_PER_HOUR};

static void result_truncated(sqlite3_context *ctx, struct memo *m, int64_t ms) {
    if (ms < m->lo || ms > m->hi) {
        int64_t width = m->unit < UNIT_DAY ? widths[m->unit] : TARN_MS_PER_DAY;
        m->lo = tarn_time_floor(ms, width);
        m->hi = m->lo + (width - 1);
        tarn_time_text(truncate_time(ms, m->unit), m->text);
    }
    sqlite3_result_text(ctx, m->text, TARN_TIME_LEN, SQLITE_TRANSIENT);
}

/* A call with a constant unit that SQLite keeps the memo of. Not found: a fresh one, which may be
** `local`, for this call only. NULL: the unit is NULL or, in *err, no unit. */
static struct memo *memo_of(sqlite3_context *ctx, sqlite3_value *unit, struct memo *local,
                            struct tarn_err *err) {
    struct memo *m = sqlite3_get_auxdata(ctx, 0);
    const char *name = NULL;

    if (m) return m;
    *local = (struct memo){.lo = 1, .hi = 0};
    if (tarn_value_text(unit, "date_trunc: unit", &name, err) != TARN_OK || !name ||
        find_unit(name, &local->unit, err) != TARN_OK) {
        return NULL;
    }
    if ((m = sqlite3_malloc64(sizeof *m)) == NULL) return local;
    *m = *local;
    sqlite3_set_auxdata(ctx, 0, m, sqlite3_free);
    m = sqlite3_get_auxdata(ctx, 0); /* SQLite may have freed it at once */
    return m ? m : local;
}

static void date_trunc(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    struct tarn_err err;
    struct memo local;
    struct memo *m = NULL;
    int64_t ms = 0;

    (void)argc;
    tarn_err_clear(&err);
    m = memo_of(ctx, argv[0], &local, &err);
    if (m && sqlite3_value_type(argv[1]) != SQLITE_NULL && time_of(argv[1], &ms, &err) == TARN_OK)
        result_truncated(ctx, m, ms);
    if (err.code) tarn_result_err(ctx, &err);
}

static const struct tarn_function functions[] = {
    {.help =
         {"date_trunc", "scalar", "(unit, ts)", "text as ts has it",
          "The beginning of the hour, day, week (Monday), month, quarter, year … that holds ts. "
          "ts is a time as text or epoch milliseconds; NULL gives NULL.",
          "SELECT date_trunc('day', ts) AS day, count(*) FROM events GROUP BY day"},
     .min_args = 2,
     .max_args = 2,
     .flags = SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS,
     .call = date_trunc},
};

const struct tarn_family tarn_family_time = {functions, TARN_COUNT(functions), NULL, 0};
