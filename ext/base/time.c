/* time.c: the clock, the calendar, and times as text.
**
** Calendar: the proleptic Gregorian one, computed on years that begin in March, so that the leap
** day is a year's last and months follow one line: day of the year = (153 * month + 2) / 5.
**
** The text of Tarn has one shape, checked 8 bytes at a time in three overlapping words:
**
**     2 0 2 6 - 1 1 - 2 2   1 4 : 3 0 : 0 5 . 1 2 3
**     [     0..7      |     8..15     ]
**                                   [    15..22     ]
**
** xor with a pattern leaves 0..9 where a digit belongs and 0 elsewhere; adding 6 (or 15) carries
** into the upper nibble of every byte that is something else. All other forms go the slow way.
*/
#include "time.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define DAYS_PER_ERA 146097  /* 400 years */
#define DAYS_TO_EPOCH 719468 /* from 0000-03-01 to 1970-01-01 */

/* The clock of tests, behind its mutex; `set` spares everyone else the lock. */
static struct {
    pthread_mutex_t mutex;
    atomic_int set;
    int64_t (*clock)(void *arg);
    void *arg;
} test_clock = {PTHREAD_MUTEX_INITIALIZER, 0, NULL, NULL};

void tarn_time_set_clock(int64_t (*clock)(void *arg), void *arg) {
    pthread_mutex_lock(&test_clock.mutex);
    test_clock.clock = clock;
    test_clock.arg = arg;
    atomic_store(&test_clock.set, clock != NULL);
    pthread_mutex_unlock(&test_clock.mutex);
}

int tarn_time_clock_is_set(void) {
    return atomic_load(&test_clock.set);
}

static int64_t read_clock(clockid_t id) {
    int64_t (*clock)(void *arg) = NULL;
    void *arg = NULL;
    struct timespec ts = {0, 0};

    if (atomic_load_explicit(&test_clock.set, memory_order_relaxed)) {
        pthread_mutex_lock(&test_clock.mutex);
        clock = test_clock.clock;
        arg = test_clock.arg;
        pthread_mutex_unlock(&test_clock.mutex);
        if (clock != NULL) return clock(arg);
    }
    (void)clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t tarn_time_now(void) {
    return read_clock(CLOCK_REALTIME);
}

int64_t tarn_time_monotonic(void) {
    return read_clock(CLOCK_MONOTONIC);
}

int64_t tarn_time_floor(int64_t ms, int64_t unit) {
    int64_t rest = ms % unit;

    if (rest < 0) rest += unit;
    return ms < INT64_MIN + rest ? INT64_MIN : ms - rest;
}

void tarn_time_civil(int64_t ms, struct tarn_civil *out) {
    int64_t days = ms / TARN_MS_PER_DAY, rest = ms % TARN_MS_PER_DAY, era = 0;
    uint32_t of_day = 0, day = 0, year = 0, month = 0;

    if (rest < 0) {
        rest += TARN_MS_PER_DAY;
        days--;
    }
    days += DAYS_TO_EPOCH;
    era = days / DAYS_PER_ERA;
    if (days % DAYS_PER_ERA < 0) era--;
    day = (uint32_t)(days - era * DAYS_PER_ERA);
    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153;
    day -= (153 * month + 2) / 5;
    out->year = (int)(era * 400 + year + (month >= 10));
    out->month = (int)(month < 10 ? month + 3 : month - 9);
    out->day = (int)day + 1;
    of_day = (uint32_t)rest;
    out->hour = (int)(of_day / 3600000);
    out->minute = (int)(of_day / 60000 % 60);
    out->second = (int)(of_day / 1000 % 60);
    out->ms = (int)(of_day % 1000);
}

int64_t tarn_time_from_civil(const struct tarn_civil *c) {
    int64_t year = (int64_t)c->year - (c->month <= 2), era = 0, days = 0;
    uint32_t month = (uint32_t)(c->month > 2 ? c->month - 3 : c->month + 9), of_era = 0;

    era = (year >= 0 ? year : year - 399) / 400;
    of_era = (uint32_t)(year - era * 400);
    days = era * DAYS_PER_ERA + of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 +
           (uint32_t)c->day - 1 - DAYS_TO_EPOCH;
    return days * TARN_MS_PER_DAY + (((int64_t)c->hour * 60 + c->minute) * 60 + c->second) * 1000 +
           c->ms;
}

static inline void two(char *out, int v) {
    static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930"
                                "31323334353637383940414243444546474849505152535455565758596061"
                                "62636465666768697071727374757677787980818283848586878889909192"
                                "93949596979899";

    memcpy(out, pairs + 2 * v, 2);
}

static void write_text(int64_t ms, char separator, char *out) {
    struct tarn_civil c;

    if (ms < TARN_TIME_MIN) ms = TARN_TIME_MIN;
    if (ms > TARN_TIME_MAX) ms = TARN_TIME_MAX;
    tarn_time_civil(ms, &c);
    two(out, c.year / 100);
    two(out + 2, c.year % 100);
    out[4] = '-';
    two(out + 5, c.month);
    out[7] = '-';
    two(out + 8, c.day);
    out[10] = separator;
    two(out + 11, c.hour);
    out[13] = ':';
    two(out + 14, c.minute);
    out[16] = ':';
    two(out + 17, c.second);
    out[19] = '.';
    out[20] = (char)('0' + c.ms / 100);
    two(out + 21, c.ms % 100);
}

void tarn_time_text(int64_t ms, char out[TARN_TIME_LEN + 1]) {
    write_text(ms, ' ', out);
    out[23] = '\0';
}

const char *tarn_time_memo(struct tarn_time_memo *m, int64_t ms) {
    uint64_t rest = 0;
    uint32_t second = 0, part = 0;

    if (ms < TARN_TIME_MIN) ms = TARN_TIME_MIN;
    if (ms > TARN_TIME_MAX) ms = TARN_TIME_MAX;
    rest = (uint64_t)ms - (uint64_t)m->minute;
    if (m->text[0] == '\0' || rest >= 60000) {
        tarn_time_text(ms, m->text);
        m->minute = tarn_time_floor(ms, 60000);
        return m->text;
    }
    second = (uint32_t)rest / 1000;
    part = (uint32_t)rest % 1000;
    two(m->text + 17, (int)second);
    m->text[20] = (char)('0' + part / 100);
    two(m->text + 21, (int)(part % 100));
    return m->text;
}

void tarn_time_iso(int64_t ms, char out[TARN_TIME_LEN + 2]) {
    write_text(ms, 'T', out);
    out[23] = 'Z';
    out[24] = '\0';
}

static inline int word_fits(const char *s, const char pattern[8], const char carry[8]) {
    uint64_t w, p, c;

    memcpy(&w, s, 8);
    memcpy(&p, pattern, 8);
    memcpy(&c, carry, 8);
    w ^= p;
    return (((w + c) | w) & UINT64_C(0xF0F0F0F0F0F0F0F0)) == 0;
}

/* Whether the 23 bytes at s have the shape of Tarn's text, with ` ` or `T` in the middle. */
static inline int canonical_shape(const char *s) {
    const char middle[9] = {'0', '0', s[10], '0', '0', ':', '0', '0', '\0'};

    return (s[10] == ' ' || s[10] == 'T') &&
           word_fits(s, "0000-00-", "\6\6\6\6\17\6\6\17") &
               word_fits(s + 8, middle, "\6\6\17\6\6\17\6\6") &
               word_fits(s + 15, "0:00.000", "\6\17\6\6\17\6\6\6");
}

static inline int number2(const char *s) {
    return (s[0] - '0') * 10 + (s[1] - '0');
}

static inline int days_in_month(int year, int month) {
    static const signed char days[] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)) return 29;
    return days[month];
}

/* Field ranges; a leap second becomes the last millisecond of its minute. */
static inline int settle(struct tarn_civil *c) {
    if (c->month < 1 || c->month > 12 || c->day < 1 || c->hour > 23 || c->minute > 59 ||
        c->second > 60 || (c->day > 28 && c->day > days_in_month(c->year, c->month)))
        return 0;
    if (c->second == 60) {
        c->second = 59;
        c->ms = 999;
    }
    return 1;
}

static inline void canonical_fields(const char *s, struct tarn_civil *c) {
    c->year = number2(s) * 100 + number2(s + 2);
    c->month = number2(s + 5);
    c->day = number2(s + 8);
    c->hour = number2(s + 11);
    c->minute = number2(s + 14);
    c->second = number2(s + 17);
    c->ms = (s[20] - '0') * 100 + number2(s + 21);
}

static inline int is_digit(char c) {
    return c >= '0' && c <= '9';
}

/* Two digits behind `before` (0 = nothing) at *i; advances. */
static int take2(const char *s, size_t n, size_t *i, char before, int *out) {
    size_t at = *i + (before != 0);

    if (n < 2 || at > n - 2 || (before != 0 && s[*i] != before) || !is_digit(s[at]) ||
        !is_digit(s[at + 1]))
        return 0;
    *out = number2(s + at);
    *i = at + 2;
    return 1;
}

/* `.` and digits at *i, if they are there; 0 when a point stands alone. */
static int take_fraction(const char *s, size_t n, size_t *i, int *ms) {
    int scale = 100;
    size_t first = *i + 1;

    if (*i == n || s[*i] != '.') return 1;
    for (*i = first; *i < n && is_digit(s[*i]); ++*i) {
        *ms += (s[*i] - '0') * scale;
        scale /= 10;
    }
    return *i > first;
}

/* Nothing, `Z` or an offset, up to the end of the text. */
static int take_zone(const char *s, size_t n, size_t i, int64_t *offset) {
    int hour = 0, minute = 0, west = 0;

    *offset = 0;
    if (i == n || (i + 1 == n && (s[i] == 'Z' || s[i] == 'z'))) return 1;
    if (s[i] != '+' && s[i] != '-') return 0;
    west = s[i++] == '-';
    if (!take2(s, n, &i, 0, &hour) || i == n || !take2(s, n, &i, s[i] == ':' ? ':' : 0, &minute) ||
        i != n || hour > 23 || minute > 59)
        return 0;
    *offset = (int64_t)(west ? -1 : 1) * (hour * 60 + minute) * 60000;
    return 1;
}

static int parse_other(const char *s, size_t n, int64_t *ms) {
    struct tarn_civil c = {0, 0, 0, 0, 0, 0, 0};
    size_t i = 0;
    int century = 0, year = 0;
    int64_t offset = 0, t = 0;

    if (!take2(s, n, &i, 0, &century) || !take2(s, n, &i, 0, &year) ||
        !take2(s, n, &i, '-', &c.month) || !take2(s, n, &i, '-', &c.day))
        return -1;
    c.year = century * 100 + year;
    if (i < n) {
        if ((s[i] != ' ' && s[i] != 'T') || !take2(s, n, &i, s[i], &c.hour) ||
            !take2(s, n, &i, ':', &c.minute))
            return -1;
        if (i < n && s[i] == ':' &&
            (!take2(s, n, &i, ':', &c.second) || !take_fraction(s, n, &i, &c.ms)))
            return -1;
        if (!take_zone(s, n, i, &offset)) return -1;
    }
    if (!settle(&c)) return -1;
    t = tarn_time_from_civil(&c) - offset;
    if (t < TARN_TIME_MIN || t > TARN_TIME_MAX) return -1;
    *ms = t;
    return 0;
}

int tarn_time_parse(const char *s, size_t n, int64_t *ms) {
    struct tarn_civil c;

    if ((n == TARN_TIME_LEN || (n == TARN_TIME_LEN + 1 && (s[23] == 'Z' || s[23] == 'z'))) &&
        canonical_shape(s)) {
        canonical_fields(s, &c);
        if (!settle(&c)) return -1;
        *ms = tarn_time_from_civil(&c);
        return 0;
    }
    return parse_other(s, n, ms);
}

int tarn_time_parse_start(const char *s, size_t n, int64_t *ms) {
    char whole[] = "0000-01-01";

    if (n != 4 && n != 7) return tarn_time_parse(s, n, ms);
    memcpy(whole, s, n);
    return tarn_time_parse(whole, sizeof whole - 1, ms);
}

/* A text of Tarn's shape with a ` `, whose fields are in range as they stand: such texts compare
** as bytes. (A leap second does not: it is settled.) */
static inline int compares_as_bytes(const char *s) {
    struct tarn_civil c;

    if (s[10] != ' ' || !canonical_shape(s)) return 0;
    canonical_fields(s, &c);
    return c.second < 60 && settle(&c);
}

int tarn_time_collate(const char *a, size_t na, const char *b, size_t nb) {
    int64_t ta = 0, tb = 0;
    int a_is, b_is, order;

    if (na == TARN_TIME_LEN && nb == TARN_TIME_LEN && compares_as_bytes(a) && compares_as_bytes(b))
        return memcmp(a, b, TARN_TIME_LEN);
    a_is = tarn_time_parse_start(a, na, &ta) == 0;
    b_is = tarn_time_parse_start(b, nb, &tb) == 0;
    if (a_is && b_is) return (ta > tb) - (ta < tb);
    if (a_is != b_is) return a_is ? -1 : 1;
    order = na == 0 || nb == 0 ? 0 : memcmp(a, b, na < nb ? na : nb);
    return order != 0 ? order : (na > nb) - (na < nb);
}
