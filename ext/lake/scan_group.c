/* scan_group.c: the scan in the order of a few columns with few values, for GROUP BY and DISTINCT.
**
**   files, in any order -> count of each distinct row -> those in order, each as often as counted
**
** So SQLite sorts nothing, and what is held are distinct rows, not rows. Should even these be too
** many for the budget, a pass counts only rows that are at most `hi`, and the next pass those above.
** Rows that are in no file are fetched once and counted in every pass.
**
** ts is no such column, but a condition on it makes SQLite name it among those that it may read,
** and mostly it never does. So rows are counted without; the first time that one is asked for its
** ts after all, the files are read again for the times of a window of rows, from this one on. Rows
** of the same columns are told apart by how they follow each other in the files, both times.
*/
#include <string.h>

#include "mem.h"
#include "scan_impl.h"
#include "scan_tuples.h"
#include "time.h"

#define UNKNOWN UINT32_MAX
#define LEAST_BUDGET ((size_t)1 << 20)

struct column {
    int column;
    uint32_t null;     /* numbers of values: of NULL, */
    uint32_t *of_code; /* of the batch's dictionary, */
    size_t cap;
    int64_t lo, hi; /* and of the hour or day of these times */
    uint32_t of_time;
};

struct bound { /* a tuple; owns its texts */
    int set;
    struct tarn_scanned v[TARN_TUPLE_WIDTH];
};

struct tarn_scan_group {
    struct tarn_tuples tuples;
    struct column columns[TARN_TUPLE_WIDTH];
    signed char sign[TARN_TUPLE_WIDTH];
    int width;
    struct tarn_run *pending;
    uint64_t mapped; /* the batch that of_code is for */
    size_t limit;    /* bytes of tuples; also of times */
    struct bound lo, hi;
    int counted;     /* the pass is done: */
    uint32_t *order; /* its tuples in order, */
    uint32_t at;     /* the current one, */
    uint64_t before; /* rows of those before it, */
    uint64_t row;    /* its rows given out up to this chunk, and with it */
    uint64_t next;
    int64_t *times; /* of `n_times` rows from `first` on, counted over the pass */
    uint64_t first, n_times;
};

static int no_memory(struct tarn_err *err) {
    return tarn_err_set(err, TARN_ENOMEM, "scan: out of memory for distinct rows");
}

static void bound_release(struct bound *b) {
    int c;

    for (c = 0; c < TARN_TUPLE_WIDTH; c++)
        tarn_free((void *)(uintptr_t)b->v[c].text.data);
    memset(b, 0, sizeof *b);
}

static int bound_set(struct bound *b, const struct tarn_tuples *t, uint32_t tuple) {
    const uint32_t *ids = t->ids + tuple * (size_t)t->width;
    int c;

    bound_release(b);
    b->set = 1;
    for (c = 0; c < t->width; c++) {
        const struct tarn_scanned *v = &t->columns[c].values[ids[c]];
        uint8_t *text = NULL;

        if (v->kind == TARN_SCANNED_TEXT && (text = tarn_malloc(v->text.len + 1)) == NULL)
            return TARN_ENOMEM;
        if (text && v->text.len) memcpy(text, v->text.data, v->text.len);
        b->v[c] = *v;
        b->v[c].text.data = text;
    }
    return TARN_OK;
}

/* Forgets the numbers of values: they are those of one batch, or of one pass. */
static int forget(struct tarn_scan *s) {
    struct tarn_scan_group *g = s->group;
    int c;

    g->mapped = s->batches;
    for (c = 0; c < g->width; c++) {
        struct column *col = &g->columns[c];
        int slot = s->batch && col->column < TARN_EV_COLUMNS
                       ? s->file->binding->bound[col->column].slot
                       : -1;
        size_t n = slot >= 0 && s->batch->columns[slot].codes ? s->batch->columns[slot].dict_n : 0;

        if (n > col->cap) {
            tarn_free(col->of_code);
            col->cap = 0;
            if ((col->of_code = tarn_reallocarray(NULL, n, sizeof *col->of_code)) == NULL)
                return TARN_ENOMEM;
            col->cap = n;
        }
        if (n) memset(col->of_code, 0xff, n * sizeof *col->of_code);
    }
    return TARN_OK;
}

/* A column of the current row. */
static void value_of(struct tarn_scan *s, int column, struct tarn_scanned *v) {
    int64_t unit = column == TARN_SCAN_HOUR ? TARN_MS_PER_HOUR : TARN_MS_PER_DAY;

    v->kind = TARN_SCANNED_NULL;
    if (column >= TARN_SCAN_HOUR) {
        v->kind = TARN_SCANNED_INT;
        v->i = s->event.ts;
        if (s->batch && tarn_binding_ts(s->file->binding, s->batch, s->row, &v->i) != 0)
            v->kind = TARN_SCANNED_NULL;
        v->i = tarn_time_floor(v->i, unit);
    } else if (s->batch) {
        tarn_binding_value(s->file->binding, s->batch, s->row, column, s->scratch[column], v);
    } else {
        tarn_scan_event_value(&s->event, column, v);
    }
}

/* The number of the hour or day of the current row. */
static int time_number(struct tarn_scan *s, int c, uint32_t *id) {
    struct column *col = &s->group->columns[c];
    struct tarn_scanned v;
    int64_t ms = s->event.ts;
    int rc = TARN_OK;

    if (s->batch && tarn_binding_ts(s->file->binding, s->batch, s->row, &ms) != 0) {
        value_of(s, col->column, &v);
        return tarn_tuples_value(&s->group->tuples, c, &v, id);
    }
    if (ms < col->lo || ms > col->hi || col->of_time == UNKNOWN) {
        value_of(s, col->column, &v);
        col->lo = v.i;
        col->hi = v.i + (col->column == TARN_SCAN_HOUR ? TARN_MS_PER_HOUR : TARN_MS_PER_DAY) - 1;
        rc = tarn_tuples_value(&s->group->tuples, c, &v, &col->of_time);
    }
    *id = col->of_time;
    return rc;
}

static int column_number(struct tarn_scan *s, int c, uint32_t *id) {
    struct column *col = &s->group->columns[c];
    const struct tarn_vector *vector = NULL;
    struct tarn_scanned v;
    uint32_t *known = NULL;
    int rc;

    if (col->column >= TARN_SCAN_HOUR) return time_number(s, c, id);
    if (s->batch) {
        int slot = s->file->binding->bound[col->column].slot;

        if (slot >= 0) vector = &s->batch->columns[slot];
        if (!vector || tarn_vector_null(vector, s->row))
            known = &col->null;
        else if (vector->codes)
            known = &col->of_code[vector->codes[s->row]];
        if (known && *known != UNKNOWN) {
            *id = *known;
            return TARN_OK;
        }
    }
    value_of(s, col->column, &v);
    if ((rc = tarn_tuples_value(&s->group->tuples, c, &v, id)) == TARN_OK && known) *known = *id;
    return rc;
}

/* Compares one more column of the row with a bound that it equals so far: 0 = still so. */
static int compare_bound(const struct tarn_scan_group *g, struct bound *b, int c,
                         const struct tarn_scanned *v) {
    return tarn_value_compare(v, &b->v[c]) * g->sign[c];
}

/* Is the current row none of this pass? Without touching the tables: they are to stay small. */
static int is_outside(struct tarn_scan *s) {
    struct tarn_scan_group *g = s->group;
    int above_lo = !g->lo.set, below_hi = !g->hi.set;
    struct tarn_scanned v;
    int c, order;

    for (c = 0; c < g->width && !(above_lo && below_hi); c++) {
        value_of(s, g->columns[c].column, &v);
        if (!below_hi) {
            order = compare_bound(g, &g->hi, c, &v);
            if (order > 0) return 1;
            below_hi = order < 0;
        }
        if (!above_lo) {
            order = compare_bound(g, &g->lo, c, &v);
            if (order < 0) return 1;
            above_lo = order > 0;
        }
    }
    return !above_lo;
}

/* The tuple of the current row; UNKNOWN when it is none of this pass. */
static int tuple_of(struct tarn_scan *s, int add, uint32_t *at) {
    struct tarn_scan_group *g = s->group;
    uint32_t ids[TARN_TUPLE_WIDTH];
    int c;

    *at = UNKNOWN;
    if ((g->lo.set || g->hi.set) && is_outside(s)) return TARN_OK;
    if (g->mapped != s->batches && forget(s) != TARN_OK) return TARN_ENOMEM;
    for (c = 0; c < g->width; c++) {
        if (column_number(s, c, &ids[c]) != TARN_OK) return TARN_ENOMEM;
    }
    return tarn_tuples_find(&g->tuples, ids, add, at);
}

/* What is done with each row of a walk: counted, or its ts kept. */
struct pass {
    uint64_t *places; /* NULL = count; else by tuple, where its next row stands in the pass */
    uint64_t found;
};

static int64_t row_time(const struct tarn_scan *s) {
    int64_t ms = s->event.ts;

    if (s->batch) (void)tarn_binding_ts(s->file->binding, s->batch, s->row, &ms);
    return ms;
}

static int take_row(struct tarn_scan *s, struct pass *p) {
    struct tarn_scan_group *g = s->group;
    uint32_t tuple = 0;
    uint64_t place;

    if (tuple_of(s, p->places == NULL, &tuple) != TARN_OK) return TARN_ENOMEM;
    if (tuple == UNKNOWN) return TARN_OK;
    if (!p->places) {
        g->tuples.counts[tuple]++;
        return TARN_OK;
    }
    place = p->places[tuple]++;
    if (place >= g->first && place - g->first < g->n_times) {
        g->times[place - g->first] = row_time(s);
        p->found++;
    }
    return TARN_OK;
}

/* Starts a pass over: nothing is counted, and no number known. */
static void clear_counts(struct tarn_scan *s) {
    struct tarn_scan_group *g = s->group;
    int c;

    tarn_scan_walk_release(s);
    tarn_tuples_release(&g->tuples);
    tarn_free(g->order);
    tarn_free(g->times);
    g->order = NULL;
    g->times = NULL;
    g->n_times = g->before = g->row = g->next = 0;
    g->at = 0;
    g->counted = 0;
    g->mapped = UINT64_MAX;
    for (c = 0; c < g->width; c++)
        g->columns[c].null = g->columns[c].of_time = UNKNOWN;
}

/* Too many distinct rows: halves the pass. */
static int narrow(struct tarn_scan *s, struct tarn_err *err) {
    struct tarn_scan_group *g = s->group;
    uint32_t *order = NULL;
    int rc = TARN_OK;

    if (g->tuples.n < 2)
        return tarn_err_set(err, TARN_ELIMIT,
                            "events: one group needs more than half of the %llu bytes that the "
                            "setting memoryBudget allows; raise it",
                            (unsigned long long)s->budget.limit);
    if ((order = tarn_tuples_order(&g->tuples, g->sign)) == NULL) return no_memory(err);
    rc = bound_set(&g->hi, &g->tuples, order[(g->tuples.n - 1) / 2]);
    tarn_free(order);
    clear_counts(s);
    return rc == TARN_OK ? rc : no_memory(err);
}

/* Takes all rows of the files, then the others. *full = 1 when that stops for want of memory. */
static int take_rows(struct tarn_scan *s, struct pass *p, int *full, struct tarn_err *err) {
    struct tarn_scan_group *g = s->group;
    struct tarn_run *r = g->pending;
    int more = 1;
    int rc = TARN_OK;

    *full = 0;
    s->ready = 0;
    while ((rc = tarn_scan_walk_files(s, &more, err)) == TARN_OK && more) {
        uint32_t n = s->ready;

        s->ready = 0;
        if (s->file->lines) s->batch = NULL;
        if (take_row(s, p) != TARN_OK) return no_memory(err);
        for (; n > 0; n--) {
            s->row++;
            s->walk.next_row++;
            if (take_row(s, p) != TARN_OK) return no_memory(err);
        }
        *full = !p->places && g->limit && g->tuples.bytes > g->limit;
        if (*full) return TARN_OK;
    }
    s->batch = NULL;
    s->file = NULL;
    for (g->mapped = UINT64_MAX; rc == TARN_OK && r && r->position < r->n; r->position++) {
        if ((rc = tarn_run_event(r, &s->event, err)) == TARN_OK && take_row(s, p) != TARN_OK)
            rc = no_memory(err);
    }
    if (r) r->position = 0;
    tarn_scan_walk_release(s);
    return rc;
}

static int count(struct tarn_scan *s, struct tarn_err *err) {
    struct tarn_scan_group *g = s->group;
    struct pass p = {NULL, 0};
    int full = 1;
    int rc = TARN_OK;

    while (full && rc == TARN_OK) {
        rc = take_rows(s, &p, &full, err);
        if (rc == TARN_OK && full) rc = narrow(s, err);
    }
    if (rc != TARN_OK) return rc;
    if ((g->order = tarn_tuples_order(&g->tuples, g->sign)) == NULL) return no_memory(err);
    g->counted = 1;
    return TARN_OK;
}

/* Of the event columns that can be tuples, those which are asked for and not in the order anyway
** come behind it. */
static void choose_columns(struct tarn_scan *s, struct tarn_scan_group *g) {
    uint32_t rest = s->spec.columns & ~TARN_EV_BIT(TARN_EV_TS);
    int c;

    for (c = 0; c < s->spec.n_group && g->width < TARN_TUPLE_WIDTH; c++) {
        if (c > 0 && !(rest & TARN_EV_BIT(s->spec.group[c]))) continue;
        g->columns[g->width].column = s->spec.group[c];
        g->sign[g->width++] = s->spec.group_sign[c] < 0 ? -1 : 1;
        rest &= ~TARN_EV_BIT(s->spec.group[c]);
    }
    for (c = 0; c <= TARN_SCAN_DAY && g->width < TARN_TUPLE_WIDTH; c++) {
        if (!(rest & TARN_EV_BIT(c))) continue;
        g->columns[g->width].column = c;
        g->sign[g->width++] = 1;
    }
}

static int start(struct tarn_scan *s, struct tarn_err *err) {
    struct tarn_scan_group *g = tarn_calloc(1, sizeof *g);
    int c;

    if (!g) return no_memory(err);
    s->group = g;
    choose_columns(s, g);
    if (s->spec.columns & TARN_EV_BIT(TARN_EV_TS)) s->spec.distinct = 0; /* ts tells them apart */
    if (s->budget.limit)
        g->limit = s->budget.limit / 2 > LEAST_BUDGET ? s->budget.limit / 2 : LEAST_BUDGET;
    tarn_tuples_init(&g->tuples, g->width);
    s->spec.columns &= ~TARN_EV_BIT(TARN_EV_TS);
    for (c = 0; c < g->width; c++) {
        if (g->columns[c].column >= TARN_SCAN_HOUR) s->spec.columns |= TARN_EV_BIT(TARN_EV_TS);
    }
    clear_counts(s);
    return tarn_run_of_pending(&g->pending, s, err);
}

/* Steps to the next tuple that has a row left; 0 at the end of the pass. */
static int next_tuple(const struct tarn_scan *s) {
    struct tarn_scan_group *g = s->group;

    for (; g->at < g->tuples.n; g->at++) {
        uint64_t count = g->tuples.counts[g->order[g->at]];

        g->row = g->next;
        if (g->next < (s->spec.distinct ? count > 0 : count)) return 1;
        g->before += count;
        g->next = 0;
    }
    return 0;
}

int tarn_scan_group_next(struct tarn_scan *s, int *more, struct tarn_err *err) {
    struct tarn_scan_group *g;
    uint64_t left;
    int rc = TARN_OK;

    *more = 0;
    if (!s->group && (rc = start(s, err)) != TARN_OK) return rc;
    g = s->group;
    for (;;) {
        if (!g->counted && (rc = count(s, err)) != TARN_OK) return rc;
        if (next_tuple(s)) break;
        if (!g->hi.set) return TARN_OK;
        bound_release(&g->lo);
        g->lo = g->hi;
        memset(&g->hi, 0, sizeof g->hi);
        clear_counts(s);
    }
    left = s->spec.distinct ? 1 : g->tuples.counts[g->order[g->at]] - g->row;
    if (left > TARN_SCAN_ROWS_PER_POLL) left = TARN_SCAN_ROWS_PER_POLL;
    g->next = g->row + left;
    s->file = NULL;
    s->batch = NULL;
    s->row = 0;
    s->ready = (uint32_t)left - 1;
    s->ticks += s->ready;
    *more = 1;
    return tarn_scan_tick(s, err);
}

/* Reads the files again for the times of as many rows from `place` on as there is room for. */
static int read_times(struct tarn_scan *s, uint64_t place, struct tarn_err *err) {
    struct tarn_scan_group *g = s->group;
    size_t room = (g->limit ? g->limit : (size_t)64 << 20) / sizeof *g->times;
    struct pass p = {tarn_reallocarray(NULL, (size_t)g->tuples.n + 1, sizeof *p.places), 0};
    uint32_t ready = s->ready, row = s->row, columns = s->spec.columns, i;
    uint64_t all = 0;
    int full = 0;
    int rc;

    if (!p.places) return no_memory(err);
    for (i = 0; i < g->tuples.n; i++) {
        p.places[g->order[i]] = all;
        all += g->tuples.counts[g->order[i]];
    }
    tarn_free(g->times);
    g->first = place;
    g->n_times = all - place < room ? all - place : room;
    g->times = tarn_reallocarray(NULL, (size_t)g->n_times, sizeof *g->times);
    s->spec.columns |= TARN_EV_BIT(TARN_EV_TS);
    rc = g->times ? take_rows(s, &p, &full, err) : no_memory(err);
    s->spec.columns = columns;
    if (rc == TARN_OK && p.found != g->n_times)
        rc = tarn_err_set(err, TARN_EBUSY,
                          "events: files were changed while they were read: expected %llu rows, "
                          "found %llu; run the statement again",
                          (unsigned long long)g->n_times, (unsigned long long)p.found);
    if (rc != TARN_OK) g->n_times = 0;
    tarn_free(p.places);
    tarn_scan_walk_release(s);
    s->file = NULL;
    s->batch = NULL;
    s->ready = ready;
    s->row = row;
    return rc;
}

int tarn_scan_group_value(struct tarn_scan *s, int column, struct tarn_scanned *out,
                          struct tarn_err *err) {
    struct tarn_scan_group *g = s->group;
    uint64_t place = g->before + g->row + s->row;
    uint32_t tuple = g->order[g->at];
    int c, rc;

    for (c = 0; c < g->width; c++) {
        if (g->columns[c].column == column) {
            *out = g->tuples.columns[c].values[g->tuples.ids[tuple * (size_t)g->width + (size_t)c]];
            return TARN_OK;
        }
    }
    if (column != TARN_EV_TS) return TARN_OK;
    if ((place < g->first || place - g->first >= g->n_times) &&
        (rc = read_times(s, place, err)) != TARN_OK)
        return rc;
    out->kind = TARN_SCANNED_INT;
    out->i = g->times[place - g->first];
    return TARN_OK;
}

void tarn_scan_group_release(struct tarn_scan *s) {
    struct tarn_scan_group *g = s->group;
    int c;

    if (!g) return;
    clear_counts(s);
    for (c = 0; c < g->width; c++)
        tarn_free(g->columns[c].of_code);
    bound_release(&g->lo);
    bound_release(&g->hi);
    tarn_run_free(g->pending);
    tarn_free(g);
    s->group = NULL;
}
