/* events_plan.c: xBestIndex of `events`: which conditions go down to the scan.
**
** What goes down and how exact it is:
**   ts, ts_ms          every comparison, exactly: SQLite need not check again (omit)
**   glob, prefix       = only; they name what is read, so a plan that can't supply them is refused
**   filename           = narrows; checked again
**   ts_hour, ts_day    = < <= > >= narrow ts; checked again
**   other columns      = IN < <= > >= <> IS, IS NULL, GLOB, LIKE narrow; checked again
** Text compares bytewise in the files, so a condition under any other collation stays above.
**
** Cost. SQLite may answer `WHERE a OR b` by two scans whose rows it tells apart by rowid. A lake has
** no row number that is the same in both (files may be flushed or compacted in between), so such a
** plan must never be the cheaper one: every scan costs between 3/4 and all of a number that dwarfs
** anything local, two of them more than one whatever they narrow. That is also true to life: a scan
** of a bucket is dear, and in a join the lake belongs outermost.
*/

#include "events.h"

#define SCAN_COST 1e18
#define SCAN_ROWS 100000.0

struct plan {
    sqlite3_index_info *info;
    sqlite3_str *text;
    int n_args;
    int inexact;         /* a condition stays for SQLite to check */
    int ts_low, ts_high; /* ts is bounded from below, above */
    double rows;
};

static int is_period(int column) {
    return column == TARN_COL_TS_HOUR || column == TARN_COL_TS_DAY;
}

static int is_event_text(int column) {
    return column < TARN_EV_COLUMNS && tarn_event_is_text(column);
}

/* The column whose stored values decide: durationMs is duration_ms. -1: nothing to push down. */
static int target(int column) {
    if (column >= 0 && column < TARN_EV_COLUMNS) return column;
    if (column == TARN_COL_DURATION) return TARN_EV_DURATION_MS;
    if (column == TARN_COL_TS_MS || column == TARN_COL_GLOB || column == TARN_COL_PREFIX ||
        column == TARN_COL_FILENAME || is_period(column)) {
        return column;
    }
    return -1;
}

static int collation_fits(const struct plan *p, int i, int column) {
    const char *want = column == TARN_EV_TS ? "tarn_ts" : "BINARY";
    const char *have = NULL;

    if (column != TARN_EV_TS && !is_period(column) && !is_event_text(column) &&
        column != TARN_COL_PREFIX && column != TARN_COL_FILENAME && column != TARN_COL_GLOB) {
        return 1;
    }
    have = sqlite3_vtab_collation(p->info, i);
    return have && sqlite3_stricmp(have, want) == 0;
}

/* The plan's letter for constraint i, or 0 when it stays with SQLite. */
static int letter_of(const struct plan *p, int i, int column) {
    int op = p->info->aConstraint[i].op;
    int hidden =
        column == TARN_COL_GLOB || column == TARN_COL_PREFIX || column == TARN_COL_FILENAME;

    if (op == SQLITE_INDEX_CONSTRAINT_GLOB) return is_event_text(column) ? TARN_PLAN_GLOB : 0;
    if (op == SQLITE_INDEX_CONSTRAINT_LIKE) return is_event_text(column) ? TARN_PLAN_LIKE : 0;
    if (op == SQLITE_INDEX_CONSTRAINT_ISNULL) {
        /* NaN in a file is NULL in SQL, and no file knows it as NULL. */
        return hidden || is_period(column) || column == TARN_EV_DURATION_MS ? 0 : TARN_PLAN_ISNULL;
    }
    if (op == SQLITE_INDEX_CONSTRAINT_ISNOTNULL)
        return hidden || is_period(column) ? 0 : TARN_PLAN_NOTNULL;
    if (!collation_fits(p, i, column)) return 0;
    if (is_period(column) &&
        (op == SQLITE_INDEX_CONSTRAINT_NE || op == SQLITE_INDEX_CONSTRAINT_IS ||
         op == SQLITE_INDEX_CONSTRAINT_ISNOT)) {
        return 0;
    }
    switch (op) {
    case SQLITE_INDEX_CONSTRAINT_EQ: return TARN_PLAN_EQ;
    case SQLITE_INDEX_CONSTRAINT_IS: return column == TARN_EV_DURATION_MS ? 0 : TARN_PLAN_IS;
    default: break;
    }
    if (hidden) return 0;
    switch (op) {
    case SQLITE_INDEX_CONSTRAINT_NE: return TARN_PLAN_NE;
    case SQLITE_INDEX_CONSTRAINT_ISNOT: return TARN_PLAN_ISNOT;
    case SQLITE_INDEX_CONSTRAINT_LT: return TARN_PLAN_LT;
    case SQLITE_INDEX_CONSTRAINT_LE: return TARN_PLAN_LE;
    case SQLITE_INDEX_CONSTRAINT_GT: return TARN_PLAN_GT;
    case SQLITE_INDEX_CONSTRAINT_GE: return TARN_PLAN_GE;
    default: return 0;
    }
}

static void estimate(struct plan *p, int column, int letter) {
    int equal = letter == TARN_PLAN_EQ || letter == TARN_PLAN_IS;
    int is_ts = column == TARN_EV_TS || column == TARN_COL_TS_MS;

    if (is_ts && equal) p->rows /= 10000;
    if (is_ts && letter == TARN_PLAN_IN) p->rows /= 1000;
    if (is_ts && (letter == TARN_PLAN_GT || letter == TARN_PLAN_GE)) p->ts_low = 1;
    if (is_ts && (letter == TARN_PLAN_LT || letter == TARN_PLAN_LE)) p->ts_high = 1;
    if (!is_ts) p->rows /= equal ? 8 : letter == TARN_PLAN_NOTNULL ? 1.2 : 3;
}

static void take(struct plan *p, int i, int column, int letter) {
    struct sqlite3_index_constraint_usage *use = &p->info->aConstraintUsage[i];
    int exact = column == TARN_EV_TS || column == TARN_COL_TS_MS || column == TARN_COL_GLOB ||
                column == TARN_COL_PREFIX;

    if (letter == TARN_PLAN_EQ && column != TARN_COL_GLOB && column != TARN_COL_PREFIX &&
        column != TARN_COL_FILENAME && !is_period(column) && sqlite3_vtab_in(p->info, i, -1)) {
        (void)sqlite3_vtab_in(p->info, i, 1);
        letter = TARN_PLAN_IN;
    }
    use->argvIndex = ++p->n_args;
    use->omit = exact ? 1 : 0;
    if (!exact) p->inexact = 1;
    sqlite3_str_appendf(p->text, "%c%c", 'A' + column, letter);
    estimate(p, column, letter);
}

/* Conditions on ts come first: SQLite honours omit for the first 16 arguments only. */
static int take_all(struct plan *p, int first_pass) {
    int i;

    for (i = 0; i < p->info->nConstraint; i++) {
        const struct sqlite3_index_constraint *con = &p->info->aConstraint[i];
        int column = target(con->iColumn);
        int letter = 0;
        int early = column == TARN_EV_TS || column == TARN_COL_TS_MS || column == TARN_COL_GLOB ||
                    column == TARN_COL_PREFIX;

        if (con->op == SQLITE_INDEX_CONSTRAINT_LIMIT || con->op == SQLITE_INDEX_CONSTRAINT_OFFSET ||
            early != first_pass) {
            continue;
        }
        letter = column < 0 ? 0 : letter_of(p, i, column);
        if (letter && !con->usable && (column == TARN_COL_GLOB || column == TARN_COL_PREFIX)) {
            return SQLITE_CONSTRAINT;
        }
        if (letter && con->usable) {
            take(p, i, column, letter);
        } else {
            p->inexact = 1;
        }
    }
    return SQLITE_OK;
}

/* ORDER BY ts, ascending or descending, comes out of the scan as it is. */
static void take_order(struct plan *p) {
    sqlite3_index_info *info = p->info;
    int column = info->nOrderBy == 1 ? info->aOrderBy[0].iColumn : -1;

    if (column != TARN_EV_TS && column != TARN_COL_TS_MS) return;
    info->orderByConsumed = 1;
    info->idxNum |= info->aOrderBy[0].desc ? 2 : 1;
}

#define BIT(column) (UINT64_C(1) << (column))

/* Columns with values that mostly come again: rows of these alone are counted, not kept. */
static const sqlite3_uint64 countable =
    BIT(TARN_EV_TYPE) | BIT(TARN_EV_SOURCE) | BIT(TARN_EV_PROVIDER) | BIT(TARN_EV_EVENT_TYPE) |
    BIT(TARN_EV_VERIFIED) | BIT(TARN_EV_SCRIPT_NAME) | BIT(TARN_EV_OUTCOME) | BIT(TARN_EV_METHOD) |
    BIT(TARN_EV_URL) | BIT(TARN_EV_STATUS_CODE) | BIT(TARN_COL_TS_HOUR) | BIT(TARN_COL_TS_DAY);

/* GROUP BY, DISTINCT, ORDER BY: the scan gives rows in their order, so that SQLite need not sort,
** when nothing but such columns is read; and ts, which a condition on it also counts as. */
static void take_group(struct plan *p, int utf8) {
    sqlite3_index_info *info = p->info;
    sqlite3_uint64 others = info->colUsed & ~(countable | BIT(TARN_EV_TS) | BIT(TARN_COL_TS_MS));
    int kind = sqlite3_vtab_distinct(info);
    int i;

    /* With a glob, which prefix a row has depends on its file. */
    if (others & BIT(TARN_COL_GLOB))
        others &= ~BIT(TARN_COL_GLOB);
    else
        others &= ~BIT(TARN_COL_PREFIX);
    if (info->orderByConsumed || info->nOrderBy == 0 || info->nOrderBy > TARN_SCAN_GROUP_MAX ||
        others || !utf8) {
        return;
    }
    for (i = 0; i < info->nOrderBy; i++) {
        int column = info->aOrderBy[i].iColumn;
        if (column < 0 || !(countable & BIT(column))) return;
    }
    sqlite3_str_appendchar(p->text, 1, '/');
    for (i = 0; i < info->nOrderBy; i++) {
        sqlite3_str_appendchar(
            p->text, 1, (char)((info->aOrderBy[i].desc ? 'a' : 'A') + info->aOrderBy[i].iColumn));
    }
    info->orderByConsumed = 1;
    info->idxNum |= TARN_PLAN_GROUP | (kind >= 2 ? TARN_PLAN_DISTINCT : 0);
}

static void take_bound(struct plan *p, int i, char letter) {
    p->info->aConstraintUsage[i].argvIndex = ++p->n_args;
    sqlite3_str_appendf(p->text, "$%c", letter);
    p->info->idxNum |= TARN_PLAN_LIMIT;
}

/* LIMIT as a hint, only when each row that the scan gives is a row of the result. */
static void take_limit(struct plan *p) {
    const sqlite3_index_info *info = p->info;
    int limit = -1, offset = -1;
    int i;

    if (p->inexact || (info->nOrderBy > 0 && !info->orderByConsumed)) {
        return;
    }
    for (i = 0; i < info->nConstraint; i++) {
        int op = info->aConstraint[i].op;
        if (op != SQLITE_INDEX_CONSTRAINT_LIMIT && op != SQLITE_INDEX_CONSTRAINT_OFFSET) {
            continue;
        }
        if (!info->aConstraint[i].usable) {
            return;
        }
        *(op == SQLITE_INDEX_CONSTRAINT_LIMIT ? &limit : &offset) = i;
    }
    if (limit < 0) {
        return;
    }
    take_bound(p, limit, 'l');
    if (offset >= 0) {
        take_bound(p, offset, 'o');
    }
}

static uint32_t columns_of(sqlite3_uint64 used) {
    static const uint32_t payload = TARN_EV_BIT(TARN_EV_PAYLOAD);
    uint32_t columns = (uint32_t)(used & ((1u << TARN_EV_COLUMNS) - 1));

    if (used & (UINT64_C(1) << TARN_COL_ID | UINT64_C(1) << TARN_COL_CLASS |
                UINT64_C(1) << TARN_COL_DO_ID | UINT64_C(1) << TARN_COL_COLO |
                UINT64_C(1) << TARN_COL_SUCCESS)) {
        columns |= payload;
    }
    if (used & UINT64_C(1) << TARN_COL_TS_MS) columns |= TARN_EV_BIT(TARN_EV_TS);
    if (used & UINT64_C(1) << TARN_COL_TS_HOUR) columns |= TARN_EV_BIT(TARN_SCAN_HOUR);
    if (used & UINT64_C(1) << TARN_COL_TS_DAY) columns |= TARN_EV_BIT(TARN_SCAN_DAY);
    if (used & UINT64_C(1) << TARN_COL_DURATION) columns |= TARN_EV_BIT(TARN_EV_DURATION_MS);
    if (used & UINT64_C(1) << TARN_COL_EXTRA) columns |= TARN_EV_BIT(TARN_EV_EXTRA);
    return columns;
}

int tarn_events_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info) {
    struct plan p = {info, NULL, 0, 0, 0, 0, SCAN_ROWS};
    int rc = SQLITE_OK;

    p.text = sqlite3_str_new(NULL);
    info->idxNum = 0;
    sqlite3_str_appendf(p.text, "%08x", columns_of(info->colUsed));
    rc = take_all(&p, 1);
    if (rc == SQLITE_OK) rc = take_all(&p, 0);
    if (rc == SQLITE_OK) {
        take_order(&p);
        take_limit(&p);
        take_group(&p, ((struct tarn_events_table *)vtab)->utf8);
    }
    info->idxStr = sqlite3_str_finish(p.text);
    if (!info->idxStr) return SQLITE_NOMEM;
    info->needToFreeIdxStr = 1;
    if (p.ts_low && p.ts_high) p.rows /= 50;
    if (p.ts_low != p.ts_high) p.rows /= 5;
    if (p.rows < 1) p.rows = 1;
    info->estimatedRows = (sqlite3_int64)p.rows;
    info->estimatedCost = SCAN_COST * (0.75 + 0.25 * p.rows / SCAN_ROWS);
    return rc;
}
