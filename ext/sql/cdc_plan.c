/* cdc_plan.c: which conditions on cdc_<collection> go down to the scan, and with which values.
**
**   bookmark   = IN < <= > >=   by names of files, statistics and pages
**   ts         = < <= > >=      the same; the constant is read as a time, as its collation does
**   pk         = IN             by statistics and bloom filter
**   op         = IN             by statistics and dictionary
**
** All only narrow: SQLite checks each row again. A constant goes down when it is text, or an integer
** against pk: SQLite compares a number in one of two ways, which the table can't see. ORDER BY bookmark, and then
** seq, needs no sorting; ORDER BY bookmark DESC neither, unless seq is asked for.
**
** Rows have no number that two scans agree on, so a scan is never the cheaper for being one of two:
** see events_plan.c.
*/
#include <stdlib.h>
#include <string.h>

#include "cdc_table.h"
#include "time.h"

#define SCAN_COST 1e18
#define SCAN_ROWS 100000.0
#define PLAN_COLUMNS 4

static int collation_is(sqlite3_index_info *info, int i, const char *want) {
    const char *have = sqlite3_vtab_collation(info, i);

    return have && sqlite3_stricmp(have, want) == 0;
}

/* The plan's letter for constraint i, or 0 when it stays with SQLite. */
static int letter_of(sqlite3_index_info *info, int i) {
    int column = info->aConstraint[i].iColumn;
    int op = info->aConstraint[i].op;
    int ranges = column == TARN_CHANGES_BOOKMARK || column == TARN_CHANGES_TS;

    if (column != TARN_CHANGES_OP && column != TARN_CHANGES_PK && !ranges) return 0;
    if (!collation_is(info, i, column == TARN_CHANGES_TS ? "tarn_ts" : "BINARY")) return 0;
    if (op == SQLITE_INDEX_CONSTRAINT_EQ || op == SQLITE_INDEX_CONSTRAINT_IS) return TARN_CDC_EQ;
    if (!ranges) return 0;
    switch (op) {
    case SQLITE_INDEX_CONSTRAINT_LT: return TARN_CDC_LT;
    case SQLITE_INDEX_CONSTRAINT_LE: return TARN_CDC_LE;
    case SQLITE_INDEX_CONSTRAINT_GT: return TARN_CDC_GT;
    case SQLITE_INDEX_CONSTRAINT_GE: return TARN_CDC_GE;
    default: return 0;
    }
}

struct plan {
    sqlite3_index_info *info;
    sqlite3_str *text;
    int n_args;
    double rows;
};

static void take(struct plan *p, int i, int letter) {
    int column = p->info->aConstraint[i].iColumn;

    if (p->info->aConstraint[i].op == SQLITE_INDEX_CONSTRAINT_EQ && column != TARN_CHANGES_TS &&
        sqlite3_vtab_in(p->info, i, -1)) {
        (void)sqlite3_vtab_in(p->info, i, 1);
        letter = TARN_CDC_IN;
    }
    p->info->aConstraintUsage[i].argvIndex = ++p->n_args;
    sqlite3_str_appendf(p->text, "%c%c", 'A' + column, letter);
    if (column == TARN_CHANGES_OP) {
        p->rows /= 2;
    } else {
        p->rows /= letter == TARN_CDC_EQ ? 1000 : letter == TARN_CDC_IN ? 100 : 4;
    }
}

/* ORDER BY bookmark [, seq], or bookmark DESC. The scan has them so. */
static void take_order(sqlite3_index_info *info) {
    int n = info->nOrderBy;
    int seq = (info->colUsed >> TARN_CHANGES_SEQ & 1) != 0;

    if (n < 1 || n > 2 || info->aOrderBy[0].iColumn != TARN_CHANGES_BOOKMARK) return;
    if (info->aOrderBy[0].desc
            ? n == 2 || seq
            : n == 2 && (info->aOrderBy[1].iColumn != TARN_CHANGES_SEQ || info->aOrderBy[1].desc)) {
        return;
    }
    info->orderByConsumed = 1;
    info->idxNum = info->aOrderBy[0].desc ? 2 : 1;
}

/* A hint for how much to read at once; rows are never left out for it. */
static void take_limit(struct plan *p) {
    sqlite3_index_info *info = p->info;
    int i;

    if (info->nOrderBy > 0 && !info->orderByConsumed) return;
    for (i = 0; i < info->nConstraint; i++) {
        int op = info->aConstraint[i].op;

        if (!info->aConstraint[i].usable ||
            (op != SQLITE_INDEX_CONSTRAINT_LIMIT && op != SQLITE_INDEX_CONSTRAINT_OFFSET)) {
            continue;
        }
        info->aConstraintUsage[i].argvIndex = ++p->n_args;
        sqlite3_str_appendf(p->text, "$%c", op == SQLITE_INDEX_CONSTRAINT_LIMIT ? 'l' : 'o');
    }
}

int tarn_cdc_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info) {
    struct plan p = {info, sqlite3_str_new(NULL), 0, SCAN_ROWS};
    uint32_t columns = (uint32_t)(info->colUsed & ((1u << TARN_CHANGES_COLUMNS) - 1));
    int i;

    (void)vtab;
    info->idxNum = 0;
    sqlite3_str_appendf(p.text, "%04x", columns);
    for (i = 0; i < info->nConstraint; i++) {
        int letter = info->aConstraint[i].usable ? letter_of(info, i) : 0;

        if (letter) take(&p, i, letter);
    }
    take_order(info);
    take_limit(&p);
    info->idxStr = sqlite3_str_finish(p.text);
    if (!info->idxStr) return SQLITE_NOMEM;
    info->needToFreeIdxStr = 1;
    if (p.rows < 1) p.rows = 1;
    info->estimatedRows = (sqlite3_int64)p.rows;
    info->estimatedCost = SCAN_COST * (0.75 + 0.25 * p.rows / SCAN_ROWS);
    return SQLITE_OK;
}

static enum tarn_pred_op pred_op(int letter) {
    switch (letter) {
    case TARN_CDC_LT: return TARN_OP_LT;
    case TARN_CDC_LE: return TARN_OP_LE;
    case TARN_CDC_GT: return TARN_OP_GT;
    case TARN_CDC_GE: return TARN_OP_GE;
    default: return TARN_OP_EQ;
    }
}

static int add(struct tarn_cdc_bound *b, int column, enum tarn_pred_op op, const void *s,
               size_t n) {
    struct tarn_const *c = tarn_arena_calloc(&b->arena, 1, sizeof *c);

    if (!c) return TARN_ENOMEM;
    c->kind = TARN_CONST_BYTES;
    c->bytes.len = n;
    c->bytes.data = tarn_arena_memdup(&b->arena, n ? s : "", n + !n);
    b->predicates[b->n_predicates++] = (struct tarn_predicate){column, op, c, 1};
    return c->bytes.data ? TARN_OK : TARN_ENOMEM;
}

/* An integer on the right of pk may be compared as a number or as text. Where keys are integers that is
** the same. */
static int add_integer(struct tarn_cdc_bound *b, int64_t i) {
    struct tarn_const *c = tarn_arena_calloc(&b->arena, 1, sizeof *c);

    if (!c) return TARN_ENOMEM;
    c->kind = TARN_CONST_INT;
    c->i = i;
    b->predicates[b->n_predicates++] = (struct tarn_predicate){TARN_CHANGES_PK, TARN_OP_EQ, c, 1};
    return TARN_OK;
}

/* A text that is no time sorts behind all times. */
static int bind_time(struct tarn_cdc_bound *b, enum tarn_pred_op op, const char *s, size_t n) {
    char iso[TARN_TIME_LEN + 2];
    int64_t ms = 0;

    if (tarn_time_parse_start(s, n, &ms) != 0) {
        b->none = op == TARN_OP_EQ || op == TARN_OP_GT || op == TARN_OP_GE;
        return TARN_OK;
    }
    if (ms < TARN_TIME_MIN || ms > TARN_TIME_MAX) return TARN_OK;
    tarn_time_iso(ms, iso);
    return add(b, TARN_CHANGES_TS, op, iso, strlen(iso));
}

static int compare(const void *a, const void *b) {
    const struct tarn_const *x = a;
    const struct tarn_const *y = b;
    size_t n = x->bytes.len < y->bytes.len ? x->bytes.len : y->bytes.len;
    int order = n ? memcmp(x->bytes.data, y->bytes.data, n) : 0;

    return order ? order : (x->bytes.len > y->bytes.len) - (x->bytes.len < y->bytes.len);
}

/* One value of a list: 1 = taken, 0 = equals no row, -1 = it can't be said, -2 = no memory. */
static int list_value(struct tarn_cdc_bound *b, sqlite3_value *v, struct tarn_const *c) {
    const unsigned char *s;

    if (sqlite3_value_type(v) == SQLITE_NULL) return 0;
    if (sqlite3_value_type(v) != SQLITE_TEXT) return -1;
    s = sqlite3_value_text(v);
    if (!s) return -2;
    c->kind = TARN_CONST_BYTES;
    c->bytes.len = (size_t)sqlite3_value_bytes(v);
    c->bytes.data = tarn_arena_memdup(&b->arena, s, c->bytes.len + 1);
    return c->bytes.data ? 1 : -2;
}

static int bind_in(struct tarn_cdc_bound *b, int column, sqlite3_value *list) {
    struct tarn_const *all = NULL;
    sqlite3_value *v = NULL;
    uint32_t n = 0, cap = 0, kept = 0, i;
    int rc;

    for (rc = sqlite3_vtab_in_first(list, &v); rc == SQLITE_OK && v;
         rc = sqlite3_vtab_in_next(list, &v)) {
        int taken;

        if (n == cap) { /* doubling in an arena wastes as much again: fine for a list */
            struct tarn_const *more =
                tarn_arena_calloc(&b->arena, cap ? 2 * cap : 16, sizeof *more);

            if (!more) return TARN_ENOMEM;
            if (n) memcpy(more, all, n * sizeof *more);
            all = more;
            cap = cap ? 2 * cap : 16;
        }
        taken = list_value(b, v, &all[n]);
        if (taken == -2) return TARN_ENOMEM;
        if (taken < 0) return TARN_OK;
        n += (uint32_t)taken;
    }
    if (rc != SQLITE_OK && rc != SQLITE_DONE) return TARN_ENOMEM;
    b->none = b->none || n == 0;
    if (n == 0) return TARN_OK;
    qsort(all, n, sizeof *all, compare);
    for (i = 0; i < n; i++) {
        if (kept == 0 || compare(&all[kept - 1], &all[i]) != 0) all[kept++] = all[i];
    }
    b->predicates[b->n_predicates++] = (struct tarn_predicate){column, TARN_OP_IN, all, kept};
    return TARN_OK;
}

static int bind_one(struct tarn_cdc_bound *b, const struct tarn_cdc_table *t, int column,
                    int letter, sqlite3_value *v) {
    enum tarn_pred_op op = pred_op(letter);
    const char *s;
    size_t n;

    if (letter == TARN_CDC_IN) return bind_in(b, column, v);
    if (column == TARN_CHANGES_PK && sqlite3_value_type(v) == SQLITE_INTEGER) {
        return add_integer(b, sqlite3_value_int64(v));
    }
    if (sqlite3_value_type(v) != SQLITE_TEXT || (op != TARN_OP_EQ && !t->utf8)) return TARN_OK;
    s = (const char *)sqlite3_value_text(v);
    if (!s) return TARN_ENOMEM;
    n = (size_t)sqlite3_value_bytes(v);
    return column == TARN_CHANGES_TS ? bind_time(b, op, s, n) : add(b, column, op, s, n);
}

int tarn_cdc_bind(struct tarn_cdc_bound *b, const struct tarn_cdc_table *t, const char *plan,
                  int argc, sqlite3_value **argv, struct tarn_err *err) {
    int64_t limit = -1, offset = 0;
    int rc = TARN_OK;
    int i;

    memset(b, 0, sizeof *b);
    tarn_arena_init(&b->arena, NULL);
    b->columns = (uint32_t)strtoul((char[5]){plan[0], plan[1], plan[2], plan[3], 0}, NULL, 16);
    b->predicates = tarn_arena_calloc(&b->arena, (size_t)argc + 1, sizeof *b->predicates);
    if (!b->predicates) rc = TARN_ENOMEM;
    for (i = 0; i < argc && rc == TARN_OK; i++) {
        const char *pair = plan + PLAN_COLUMNS + 2 * i;

        if (pair[0] != '$') {
            rc = bind_one(b, t, pair[0] - 'A', pair[1], argv[i]);
        } else if (pair[1] == 'l') {
            limit = sqlite3_value_int64(argv[i]);
        } else {
            offset = sqlite3_value_int64(argv[i]);
        }
    }
    if (offset < 0) offset = 0;
    b->limit = limit < 0 || offset > INT64_MAX - limit ? -1 : limit + offset;
    return rc ? tarn_err_set(err, rc, "out of memory") : TARN_OK;
}

void tarn_cdc_bound_release(struct tarn_cdc_bound *b) {
    tarn_arena_release(&b->arena);
}
