/* events_filter.c: a plan of events_plan.c and the values of one run become predicates.
**
** For each condition there are three outcomes: a predicate, nothing (always true, or SQLite checks
** it anyway), or "no row at all". Only ts and ts_ms must be exact here; elsewhere a doubt means
** nothing is pushed down.
**
**   ts against text      as the collation tarn_ts: a time as a time; other text sorts after all times
**   ts against a number  epoch milliseconds; halves are rounded the way the comparison needs
**   number columns       the value as numeric affinity makes it; text that is no number: nothing
**   text columns         text only; see text_range for why not always
*/
#include "events.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "result.h"
#include "time.h"

static int out_of_memory(struct tarn_err *err) {
    return tarn_err_set(err, TARN_ENOMEM, "out of memory");
}

static struct tarn_const *add(struct tarn_events_bound *b, int column, enum tarn_pred_op op,
                              uint32_t n) {
    struct tarn_const *c = tarn_arena_calloc(&b->arena, n ? n : 1, sizeof *c);
    struct tarn_predicate *p = &b->predicates[b->n_predicates];

    if (!c) return NULL;
    p->column = column;
    p->op = op;
    p->constants = c;
    p->n = n;
    b->n_predicates++;
    return c;
}

static int add_int(struct tarn_events_bound *b, int column, enum tarn_pred_op op, int64_t i) {
    struct tarn_const *c = add(b, column, op, 1);

    if (c) c->i = i;
    return c ? TARN_OK : TARN_ENOMEM;
}

static int add_bytes(struct tarn_events_bound *b, int column, enum tarn_pred_op op, const char *s,
                     size_t n) {
    struct tarn_const *c = add(b, column, op, 1);

    if (!c) return TARN_ENOMEM;
    c->kind = TARN_CONST_BYTES;
    c->bytes.data = tarn_arena_memdup(&b->arena, s, n ? n : 1);
    c->bytes.len = n;
    return c->bytes.data ? TARN_OK : TARN_ENOMEM;
}

static enum tarn_pred_op pred_op(int letter) {
    switch (letter) {
    case TARN_PLAN_NE:
    case TARN_PLAN_ISNOT: return TARN_OP_NE;
    case TARN_PLAN_LT: return TARN_OP_LT;
    case TARN_PLAN_LE: return TARN_OP_LE;
    case TARN_PLAN_GT: return TARN_OP_GT;
    case TARN_PLAN_GE: return TARN_OP_GE;
    default: return TARN_OP_EQ;
    }
}

/* The column is below the constant, whatever it is (numbers below text, times below other text). */
static int below(struct tarn_events_bound *b, enum tarn_pred_op op) {
    if (op == TARN_OP_EQ || op == TARN_OP_GT || op == TARN_OP_GE) b->none = 1;
    return TARN_OK;
}

static int above(struct tarn_events_bound *b, enum tarn_pred_op op) {
    if (op == TARN_OP_EQ || op == TARN_OP_LT || op == TARN_OP_LE) b->none = 1;
    return TARN_OK;
}

/* An integer column against a REAL. The column may be NULL, so "always true" still means NOT NULL,
** which SQLite (or the column's being required) sees to. */
static int int_against_real(struct tarn_events_bound *b, int column, enum tarn_pred_op op,
                            double r) {
    double whole = floor(r);

    if (r >= 9.2e18) return below(b, op);
    if (r <= -9.2e18) return above(b, op);
    if (r == whole) return add_int(b, column, op, (int64_t)r);
    switch (op) {
    case TARN_OP_LT:
    case TARN_OP_LE: return add_int(b, column, TARN_OP_LE, (int64_t)whole);
    case TARN_OP_GT:
    case TARN_OP_GE: return add_int(b, column, TARN_OP_GE, (int64_t)whole + 1);
    case TARN_OP_EQ: b->none = 1; return TARN_OK;
    default: return TARN_OK;
    }
}

static int is_null_op(int letter) {
    return letter == TARN_PLAN_ISNULL || letter == TARN_PLAN_NOTNULL;
}

/* NULL on the right: of comparisons nothing is left; IS and IS NOT ask for NULLs. */
static int against_null(struct tarn_events_bound *b, int column, int letter, int required) {
    int wants_null = letter == TARN_PLAN_IS || letter == TARN_PLAN_ISNULL;

    if (!wants_null && letter != TARN_PLAN_ISNOT && letter != TARN_PLAN_NOTNULL) b->none = 1;
    if (required) {
        if (wants_null) b->none = 1;
        return TARN_OK;
    }
    if (b->none) return TARN_OK;
    return add(b, column, wants_null ? TARN_OP_IS_NULL : TARN_OP_NOT_NULL, 0) ? TARN_OK
                                                                              : TARN_ENOMEM;
}

/* All digits: how SQLite hands an integer of an IN list over when the column is TEXT. */
static int digits_only(const char *s, size_t n) {
    size_t i = n > 0 && s[0] == '-';

    if (n == i || n - i > 18) return 0;
    for (; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return 0;
    }
    return 1;
}

/* One comparison of ts (or ts_ms) with one value. */
static int bind_time(struct tarn_events_bound *b, int is_text_column, int letter,
                     sqlite3_value *v) {
    enum tarn_pred_op op = pred_op(letter);
    int type = is_text_column ? sqlite3_value_type(v) : sqlite3_value_numeric_type(v);
    int64_t ms = 0;

    if (type == SQLITE_NULL || is_null_op(letter)) return against_null(b, TARN_EV_TS, letter, 1);
    if (type == SQLITE_INTEGER) return add_int(b, TARN_EV_TS, op, sqlite3_value_int64(v));
    if (type == SQLITE_FLOAT) return int_against_real(b, TARN_EV_TS, op, sqlite3_value_double(v));
    if (type == SQLITE_TEXT && is_text_column) {
        const char *s = (const char *)sqlite3_value_text(v);
        if (!s) return TARN_ENOMEM;
        if (tarn_time_parse_start(s, (size_t)sqlite3_value_bytes(v), &ms) == 0) {
            return add_int(b, TARN_EV_TS, op, ms);
        }
    }
    return below(b, op);
}

/* ts_hour or ts_day against text of their own form: what follows for ts; SQLite checks the rest.
** Text of other forms compares as bytes, from which nothing follows. */
static int bind_period(struct tarn_events_bound *b, int column, int letter, sqlite3_value *v) {
    int64_t last = (column == TARN_COL_TS_HOUR ? TARN_MS_PER_HOUR : TARN_MS_PER_DAY) - 1;
    enum tarn_pred_op op = pred_op(letter);
    const char *s = NULL;
    int64_t ms = 0;
    size_t n = 0;
    int rc = TARN_OK;

    if (sqlite3_value_type(v) != SQLITE_TEXT) return TARN_OK;
    if ((s = (const char *)sqlite3_value_text(v)) == NULL) return TARN_ENOMEM;
    n = (size_t)sqlite3_value_bytes(v);
    if ((n != TARN_DAY_LEN && (n != TARN_HOUR_LEN || s[TARN_DAY_LEN] != ' ')) ||
        tarn_time_parse(s, n, &ms) != 0) {
        return TARN_OK;
    }
    if (op != TARN_OP_LT && op != TARN_OP_LE) rc = add_int(b, TARN_EV_TS, TARN_OP_GE, ms);
    if (rc == TARN_OK && op != TARN_OP_GT && op != TARN_OP_GE)
        rc = add_int(b, TARN_EV_TS, TARN_OP_LE, ms + last);
    return rc;
}

static int compare_int(const void *a, const void *b) {
    const struct tarn_const *x = a, *y = b;

    return (x->i > y->i) - (x->i < y->i);
}

static int compare_real(const void *a, const void *b) {
    const struct tarn_const *x = a, *y = b;

    return (x->r > y->r) - (x->r < y->r);
}

static int compare_bytes(const void *a, const void *b) {
    const struct tarn_const *x = a, *y = b;
    size_t n = x->bytes.len < y->bytes.len ? x->bytes.len : y->bytes.len;
    int c = n ? memcmp(x->bytes.data, y->bytes.data, n) : 0;

    return c ? c : (x->bytes.len > y->bytes.len) - (x->bytes.len < y->bytes.len);
}

/* One value of an IN list: 1 = taken into *c, 0 = can't be equal to any row, -1 = unknown: nothing
** may be pushed down, -2 = no memory. */
static int in_value(struct tarn_events_bound *b, int column, sqlite3_value *v,
                    struct tarn_const *c) {
    int type = sqlite3_value_type(v);

    if (type == SQLITE_NULL) return 0;
    if (column == TARN_EV_TS && type == SQLITE_TEXT) {
        const char *s = (const char *)sqlite3_value_text(v);
        size_t n = s ? (size_t)sqlite3_value_bytes(v) : 0;
        if (!s) return -2;
        c->i = digits_only(s, n) ? sqlite3_value_int64(v) : 0;
        return digits_only(s, n) || tarn_time_parse_start(s, n, &c->i) == 0;
    }
    if (column < TARN_EV_COLUMNS && tarn_event_is_text(column)) {
        const unsigned char *s = type == SQLITE_TEXT ? sqlite3_value_text(v) : NULL;
        if (type != SQLITE_TEXT) return -1;
        if (!s) return -2;
        c->kind = TARN_CONST_BYTES;
        c->bytes.len = (size_t)sqlite3_value_bytes(v);
        c->bytes.data = tarn_arena_memdup(&b->arena, s, c->bytes.len + 1);
        return c->bytes.data ? 1 : -2;
    }
    type = sqlite3_value_numeric_type(v);
    if (type != SQLITE_INTEGER && type != SQLITE_FLOAT) return 0; /* numbers equal no text */
    if (column == TARN_EV_DURATION_MS) {
        c->kind = TARN_CONST_REAL;
        c->r = sqlite3_value_double(v);
        return type == SQLITE_FLOAT || llabs(sqlite3_value_int64(v)) <= INT64_C(1) << 53 ? 1 : -1;
    }
    if (type == SQLITE_FLOAT) {
        double r = sqlite3_value_double(v);
        if (r != floor(r) || fabs(r) >= 9.2e18) return 0;
        c->i = (int64_t)r;
        return 1;
    }
    c->i = sqlite3_value_int64(v);
    return 1;
}

static uint32_t distinct(struct tarn_const *list, uint32_t n) {
    int (*compare)(const void *, const void *) = list[0].kind == TARN_CONST_BYTES  ? compare_bytes
                                                 : list[0].kind == TARN_CONST_REAL ? compare_real
                                                                                   : compare_int;
    uint32_t kept = 1;
    uint32_t i;

    qsort(list, n, sizeof *list, compare);
    for (i = 1; i < n; i++) {
        if (compare(&list[kept - 1], &list[i]) != 0) list[kept++] = list[i];
    }
    return kept;
}

static int bind_in(struct tarn_events_bound *b, int column, sqlite3_value *list) {
    struct tarn_const *constants = NULL;
    sqlite3_value *v = NULL;
    uint32_t n = 0, cap = 0;
    int rc = SQLITE_OK;

    for (rc = sqlite3_vtab_in_first(list, &v); rc == SQLITE_OK && v;
         rc = sqlite3_vtab_in_next(list, &v)) {
        int taken = 0;
        if (n == cap) { /* doubling in an arena wastes as much again: fine for a list */
            struct tarn_const *more = NULL;
            cap = cap ? cap * 2 : 16;
            more = tarn_arena_calloc(&b->arena, cap, sizeof *more);
            if (!more) return TARN_ENOMEM;
            if (n) memcpy(more, constants, n * sizeof *more);
            constants = more;
        }
        taken = in_value(b, column, v, &constants[n]);
        if (taken == -2) return TARN_ENOMEM;
        if (taken < 0) return TARN_OK;
        n += (uint32_t)taken;
    }
    if (rc != SQLITE_OK && rc != SQLITE_DONE) return TARN_ENOMEM;
    if (n == 0) {
        b->none = 1;
        return TARN_OK;
    }
    b->predicates[b->n_predicates++] =
        (struct tarn_predicate){column, TARN_OP_IN, constants, distinct(constants, n)};
    return TARN_OK;
}

/* GLOB 'abc*' is a prefix; LIKE only as far as it has no letters (it ignores their case). */
static int bind_pattern(struct tarn_events_bound *b, int column, int letter, const char *s,
                        size_t n) {
    size_t i = 0;

    if (letter == TARN_PLAN_GLOB) {
        while (i < n && s[i] != '*' && s[i] != '?' && s[i] != '[')
            i++;
    } else {
        while (i < n && s[i] != '%' && s[i] != '_' && (unsigned char)s[i] < 0x80 &&
               !((s[i] | 32) >= 'a' && (s[i] | 32) <= 'z')) {
            i++;
        }
    }
    return i ? add_bytes(b, column, TARN_OP_PREFIX, s, i) : TARN_OK;
}

static int bind_text(struct tarn_events_bound *b, const struct tarn_events_table *t, int column,
                     int letter, sqlite3_value *v) {
    enum tarn_pred_op op = pred_op(letter);
    const char *s = NULL;
    size_t n = 0;

    if (sqlite3_value_type(v) == SQLITE_NULL || is_null_op(letter)) {
        return against_null(b, column, letter, 0);
    }
    if (sqlite3_value_type(v) != SQLITE_TEXT || letter == TARN_PLAN_ISNOT) return TARN_OK;
    s = (const char *)sqlite3_value_text(v);
    if (!s) return TARN_ENOMEM;
    n = (size_t)sqlite3_value_bytes(v);
    if (letter == TARN_PLAN_GLOB || letter == TARN_PLAN_LIKE) {
        return bind_pattern(b, column, letter, s, n);
    }
    /* Ranges: not in a UTF-16 database, whose BINARY orders other bytes; and not below the digits,
    ** where a right side that has numeric affinity (a column of a joined table) would make SQLite
    ** compare texts that look like numbers as numbers. */
    if (op != TARN_OP_EQ && op != TARN_OP_NE && (!t->utf8 || n == 0 || s[0] <= '9')) return TARN_OK;
    return add_bytes(b, column, op, s, n);
}

static int bind_number(struct tarn_events_bound *b, int column, int letter, sqlite3_value *v) {
    enum tarn_pred_op op = pred_op(letter);
    struct tarn_const *c = NULL;
    int type = SQLITE_NULL;

    if (is_null_op(letter)) return against_null(b, column, letter, 0);
    type = sqlite3_value_numeric_type(v);
    if (type == SQLITE_NULL) return against_null(b, column, letter, 0);
    if ((type != SQLITE_INTEGER && type != SQLITE_FLOAT) || letter == TARN_PLAN_ISNOT) {
        return TARN_OK;
    }
    if (column != TARN_EV_DURATION_MS) {
        return type == SQLITE_INTEGER ? add_int(b, column, op, sqlite3_value_int64(v))
                                      : int_against_real(b, column, op, sqlite3_value_double(v));
    }
    if (type == SQLITE_INTEGER && (sqlite3_value_int64(v) > INT64_C(1) << 53 ||
                                   sqlite3_value_int64(v) < -(INT64_C(1) << 53))) {
        return TARN_OK;
    }
    c = add(b, column, op, 1);
    if (!c) return TARN_ENOMEM;
    c->kind = TARN_CONST_REAL;
    c->r = sqlite3_value_double(v);
    return TARN_OK;
}

static int bind_name(struct tarn_events_bound *b, const char **out, sqlite3_value *v,
                     const char *what, struct tarn_err *err) {
    const char *s = NULL;

    if (tarn_value_text(v, what, &s, err)) return err->code;
    if (!s) {
        b->none = 1;
        return TARN_OK;
    }
    *out = tarn_arena_strndup(&b->arena, s, strlen(s));
    return *out ? TARN_OK : TARN_ENOMEM;
}

static void bind_limit(struct tarn_events_bound *b, int letter, int64_t v) {
    if (letter == 'o') {
        if (v > 0 && b->limit >= 0) b->limit = v > INT64_MAX - b->limit ? -1 : b->limit + v;
        return;
    }
    b->limit = v < 0 ? -1 : v;
}

static int bind_one(struct tarn_events_bound *b, const struct tarn_events_table *t, int column,
                    int letter, sqlite3_value *v, struct tarn_err *err) {
    switch (column) {
    case TARN_COL_GLOB: return bind_name(b, &b->glob, v, "events: glob", err);
    case TARN_COL_PREFIX: return bind_name(b, &b->prefix, v, "events: prefix", err);
    case TARN_COL_FILENAME:
        if (sqlite3_value_type(v) != SQLITE_TEXT) return TARN_OK;
        return bind_name(b, &b->filename, v, "events: filename", err);
    case TARN_COL_TS_HOUR:
    case TARN_COL_TS_DAY: return bind_period(b, column, letter, v);
    default: break;
    }
    if (letter == TARN_PLAN_IN)
        return bind_in(b, column == TARN_COL_TS_MS ? TARN_EV_TS : column, v);
    if (column == TARN_EV_TS || column == TARN_COL_TS_MS) {
        return bind_time(b, column == TARN_EV_TS, letter, v);
    }
    return tarn_event_is_text(column) ? bind_text(b, t, column, letter, v)
                                      : bind_number(b, column, letter, v);
}

int tarn_events_bind(struct tarn_events_bound *b, const struct tarn_events_table *t, int num,
                     const char *plan, int argc, sqlite3_value **argv, struct tarn_err *err) {
    int64_t offset = 0;
    int rc = TARN_OK;
    int i;

    memset(b, 0, sizeof *b);
    tarn_arena_init(&b->arena, NULL);
    b->limit = -1;
    b->order = (num & TARN_PLAN_ORDER) == 1 ? 1 : (num & TARN_PLAN_ORDER) == 2 ? -1 : 0;
    b->columns = (uint32_t)strtoul(
        (char[9]){plan[0], plan[1], plan[2], plan[3], plan[4], plan[5], plan[6], plan[7], 0}, NULL,
        16);
    /* two at most for each argument (an hour is one) */
    b->predicates = tarn_arena_calloc(&b->arena, 2 * (size_t)argc + 1, sizeof *b->predicates);
    if (!b->predicates) return out_of_memory(err);
    for (i = 0; i < argc && rc == TARN_OK; i++) {
        const char *pair = plan + TARN_PLAN_COLUMNS + 2 * i;
        if (pair[0] != '$') {
            rc = bind_one(b, t, pair[0] - 'A', pair[1], argv[i], err);
        } else if (pair[1] == 'l') {
            bind_limit(b, 'l', sqlite3_value_int64(argv[i]));
        } else {
            offset = sqlite3_value_int64(argv[i]);
        }
    }
    bind_limit(b, 'o', offset);
    if (num & TARN_PLAN_GROUP)
        b->group = tarn_arena_strndup(&b->arena, plan + TARN_PLAN_COLUMNS + 2 * argc + 1,
                                      TARN_SCAN_GROUP_MAX);
    if ((num & TARN_PLAN_GROUP) && !b->group) rc = TARN_ENOMEM;
    b->distinct = (num & TARN_PLAN_DISTINCT) != 0;
    return rc == TARN_ENOMEM ? out_of_memory(err) : rc;
}

void tarn_events_bound_release(struct tarn_events_bound *b) {
    tarn_arena_release(&b->arena);
}
