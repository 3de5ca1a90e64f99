/* binding.c: makes the plan of one file, and reads its rows by it.
**
**   footer's leaves --names--> bound[13] --types--> how each is read
**                                  |
**   predicates ------------------> pushed (reader decides) | left (rows decide) | nothing matches
**
** A predicate is pushed when the leaf's own order is that of the event column, so that pruning by
** the file's statistics is right; where a conversion may turn a value into NULL, only what stays
** true of the raw value is pushed, and rows decide as well.
*/
#include "binding.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "mem.h"
#include "text.h"
#include "time.h"

struct tarn_bind_extra {
    int leaf;
    int column; /* the event column that it feeds when its value fits, or -1 */
    int slot;
    struct tarn_slice name; /* as a JSON string with its colon */
};

static int find_leaf(const struct tarn_pq_footer *f, const char *name, int any_case) {
    int i;

    for (i = 0; i < f->n_columns; i++) {
        const struct tarn_pq_column *c = &f->columns[i];

        if (c->flat && (any_case ? strcasecmp(c->path, name) : strcmp(c->path, name)) == 0)
            return i;
    }
    return -1;
}

static int find_column(const struct tarn_pq_footer *f, int column) {
    int leaf = find_leaf(f, tarn_event_names[column], 0);

    if (leaf < 0) leaf = find_leaf(f, tarn_event_names[column], 1);
    if (leaf < 0 && column == TARN_EV_DURATION_MS && (leaf = find_leaf(f, "durationMs", 0)) < 0)
        leaf = find_leaf(f, "durationMs", 1);
    return leaf;
}

static enum tarn_bind bind_time(struct tarn_binding *b, const struct tarn_pq_column *c) {
    const struct tarn_logical_type *t = &c->logical;

    b->mul = b->div = 1;
    if (c->physical == TARN_INT64 && t->kind == TARN_LOGICAL_TIMESTAMP) {
        b->div = t->unit == TARN_UNIT_NS ? 1000000 : t->unit == TARN_UNIT_US ? 1000 : 1;
        return TARN_BIND_TIME;
    }
    if (c->physical == TARN_INT64 &&
        (t->kind == TARN_LOGICAL_NONE || (t->kind == TARN_LOGICAL_INTEGER && t->is_signed)))
        return TARN_BIND_TIME;
    if (c->physical == TARN_INT32 && t->kind == TARN_LOGICAL_DATE) {
        b->mul = TARN_MS_PER_DAY;
        return TARN_BIND_TIME;
    }
    return TARN_BIND_CONVERT;
}

static enum tarn_bind bind_type(struct tarn_binding *b, int column,
                                const struct tarn_pq_column *c) {
    enum tarn_logical k = c->logical.kind;

    if (column == TARN_EV_TS) return bind_time(b, c);
    if (column == TARN_EV_VERIFIED)
        return c->physical == TARN_BOOLEAN ? TARN_BIND_BOOL : TARN_BIND_CONVERT;
    if (column == TARN_EV_STATUS_CODE)
        return c->physical == TARN_INT32 &&
                       (k == TARN_LOGICAL_NONE || (k == TARN_LOGICAL_INTEGER &&
                                                   (c->logical.is_signed || c->logical.bits < 32)))
                   ? TARN_BIND_INT32
                   : TARN_BIND_CONVERT;
    if (column == TARN_EV_DURATION_MS)
        return c->physical == TARN_DOUBLE ? TARN_BIND_DOUBLE : TARN_BIND_CONVERT;
    return c->physical == TARN_BYTE_ARRAY &&
                   (k == TARN_LOGICAL_STRING || k == TARN_LOGICAL_ENUM || k == TARN_LOGICAL_JSON)
               ? TARN_BIND_TEXT
               : TARN_BIND_CONVERT;
}

/* Can ts be told from this column at all? Values that can't are found row by row. */
static int can_be_time(const struct tarn_pq_column *c) {
    enum tarn_logical k = c->logical.kind;

    switch (c->physical) {
    case TARN_INT64:
        return k == TARN_LOGICAL_NONE || k == TARN_LOGICAL_INTEGER || k == TARN_LOGICAL_TIMESTAMP ||
               k == TARN_LOGICAL_UNKNOWN || (k == TARN_LOGICAL_DECIMAL && c->logical.scale == 0);
    case TARN_INT32: return k == TARN_LOGICAL_DATE;
    case TARN_INT96: return 1;
    case TARN_DOUBLE: return k == TARN_LOGICAL_NONE || k == TARN_LOGICAL_UNKNOWN;
    case TARN_BYTE_ARRAY:
        return k == TARN_LOGICAL_NONE || k == TARN_LOGICAL_STRING || k == TARN_LOGICAL_ENUM ||
               k == TARN_LOGICAL_UNKNOWN || k == TARN_LOGICAL_JSON;
    case TARN_BOOLEAN:
    case TARN_FLOAT:
    case TARN_FIXED: break;
    }
    return 0;
}

static int bind_columns(struct tarn_binding *b, const char *name, struct tarn_err *err) {
    const struct tarn_pq_column *c;
    int i;

    for (i = 0; i < TARN_EV_COLUMNS; i++) {
        struct tarn_bound *bound = &b->bound[i];

        bound->leaf = find_column(b->footer, i);
        bound->slot = -1;
        bound->how =
            bound->leaf < 0 ? TARN_BIND_NONE : bind_type(b, i, &b->footer->columns[bound->leaf]);
    }
    if (b->bound[TARN_EV_TS].leaf < 0)
        return tarn_err_set(err, TARN_EUNSUPPORTED,
                            "%s: expected a column ts, found none; this is no file of events",
                            name);
    c = &b->footer->columns[b->bound[TARN_EV_TS].leaf];
    if (!can_be_time(c))
        return tarn_err_set(err, TARN_EUNSUPPORTED,
                            "%s: column ts: expected a TIMESTAMP, an INT64 or text, found %s (%s)",
                            name, tarn_physical_name((int)c->physical),
                            tarn_logical_name((int)c->logical.kind));
    if (b->bound[TARN_EV_TS].how == TARN_BIND_TIME) b->order_column = b->bound[TARN_EV_TS].leaf;
    return TARN_OK;
}

/* Scales a ms bound to the column's unit. 0, or the side that it overflowed to. */
static int to_raw(const struct tarn_binding *b, int64_t ms, int upper, int64_t *raw) {
    int64_t v;

    if (b->mul > 1) { /* days: first midnight at or after the lower bound, last at or before */
        v = tarn_floor_div(ms, b->mul);
        if (!upper && ms % b->mul) v++;
        *raw = v;
        return v < INT32_MIN ? -1 : v > INT32_MAX ? 1 : 0;
    }
    if (__builtin_mul_overflow(ms, b->div, &v) ||
        (upper && __builtin_add_overflow(v, b->div - 1, &v)))
        return ms < 0 ? -1 : 1;
    *raw = v;
    return 0;
}

static void push(struct tarn_binding *b, int leaf, enum tarn_pred_op op,
                 const struct tarn_const *constants, uint32_t n) {
    struct tarn_predicate *p = &b->pushed[b->n_pushed++];

    p->column = leaf;
    p->op = op;
    p->constants = constants;
    p->n = n;
}

static void push_range(struct tarn_binding *b, const struct tarn_match *m) {
    int leaf = b->bound[TARN_EV_TS].leaf;
    int side;

    if (m->lo != INT64_MIN) {
        side = to_raw(b, m->lo, 0, &b->range[0].i);
        b->nothing |= side > 0;
        if (side == 0) push(b, leaf, TARN_OP_GE, &b->range[0], 1);
    }
    if (m->hi != INT64_MAX) {
        side = to_raw(b, m->hi, 1, &b->range[1].i);
        b->nothing |= side < 0;
        if (side == 0) push(b, leaf, TARN_OP_LE, &b->range[1], 1);
    }
}

static int any_negative(const struct tarn_predicate *p) {
    uint32_t i;

    for (i = 0; i < p->n; i++) {
        if (p->constants[i].i < 0) return 1;
    }
    return 0;
}

/* Pushes p if the reader can use it; 1 when it then decides p exactly, 0 when rows have to. */
static int push_predicate(struct tarn_binding *b, const struct tarn_predicate *p) {
    const struct tarn_bound *bound = &b->bound[p->column];
    const struct tarn_pq_column *c = &b->footer->columns[bound->leaf];
    int exact = 1;

    switch (bound->how) {
    case TARN_BIND_TEXT:
    case TARN_BIND_BOOL: break;
    case TARN_BIND_INT32:
        if (c->logical.kind == TARN_LOGICAL_INTEGER && !c->logical.is_signed && any_negative(p))
            return 0;
        break;
    case TARN_BIND_DOUBLE: /* NaN is NULL here, and not to the reader */
        exact = p->op != TARN_OP_NOT_NULL;
        if (p->op == TARN_OP_IS_NULL) return 0;
        break;
    case TARN_BIND_CONVERT: /* bytes that prove to be text compare as they are */
        exact = 0;
        if (p->op == TARN_OP_NOT_NULL) break;
        if (p->op == TARN_OP_IS_NULL || !tarn_event_is_text(p->column) ||
            c->physical != TARN_BYTE_ARRAY || c->logical.kind != TARN_LOGICAL_NONE)
            return 0;
        break;
    case TARN_BIND_NONE:
    case TARN_BIND_TIME: return 0;
    }
    push(b, bound->leaf, p->op, p->constants, p->n);
    return exact;
}

static void leave(struct tarn_binding *b, const struct tarn_predicate *p, uint32_t *need) {
    b->left[b->n_left++] = p;
    *need |= TARN_EV_BIT(p->column);
}

static void plan_predicates(struct tarn_binding *b, const struct tarn_binding_request *req,
                            uint32_t *need) {
    const struct tarn_match *m = req->match;
    int by_range = req->pushdown && b->bound[TARN_EV_TS].how == TARN_BIND_TIME;
    int i;

    if (by_range) push_range(b, m);
    for (i = 0; i < m->n; i++) {
        const struct tarn_predicate *p = &m->predicates[i];

        if (p->column == TARN_EV_TS) {
            if (!by_range || !tarn_match_in_range(p)) leave(b, p, need);
        } else if (!req->pushdown) {
            leave(b, p, need);
        } else if (b->bound[p->column].leaf < 0) {
            b->nothing |= p->op != TARN_OP_IS_NULL;
        } else if (!push_predicate(b, p)) {
            leave(b, p, need);
        }
    }
}

static int slot_of(struct tarn_binding *b, int leaf) {
    int i;

    for (i = 0; i < b->n_columns; i++) {
        if (b->columns[i] == leaf) return i;
    }
    b->columns[b->n_columns] = leaf;
    return b->n_columns++;
}

/* The event column that leaf feeds without fail (-2), may feed (its number), or none (-1). */
static int feeds(const struct tarn_binding *b, int leaf) {
    int i;

    for (i = 0; i < TARN_EV_COLUMNS; i++) {
        enum tarn_bind how = b->bound[i].how;

        if (b->bound[i].leaf == leaf)
            return how == TARN_BIND_CONVERT || how == TARN_BIND_DOUBLE ? i : -2;
    }
    return -1;
}

static int quoted_name(struct tarn_binding *b, const char *path, struct tarn_slice *out) {
    struct tarn_buf name;
    size_t n = strlen(path);
    int rc;

    tarn_buf_init(&name, 16u << 20);
    if (tarn_utf8_invalid((const uint8_t *)path, n) == n) {
        tarn_json_quote(&name, path, n);
    } else {
        tarn_buf_u8(&name, '"');
        tarn_percent_encode(&name, path, n);
        tarn_buf_u8(&name, '"');
    }
    tarn_buf_u8(&name, ':');
    rc = name.rc;
    if (rc == TARN_OK) {
        out->len = name.len;
        out->data = tarn_arena_memdup(&b->memory, name.data, name.len);
        rc = b->memory.rc;
    }
    tarn_buf_release(&name);
    return rc;
}

static int plan_extra(struct tarn_binding *b) {
    int i, rc;

    b->extra = tarn_arena_calloc(&b->memory, (size_t)b->footer->n_columns + 1, sizeof *b->extra);
    if (!b->extra) return b->memory.rc;
    for (i = 0; i < b->footer->n_columns; i++) {
        int column = feeds(b, i);
        struct tarn_bind_extra *e = &b->extra[b->n_extra];

        if (!b->footer->columns[i].flat || column == -2 || column == TARN_EV_TS) continue;
        e->leaf = i;
        e->column = column;
        if (column >= 0) {
            e->slot = b->bound[column].slot = slot_of(b, i);
        } else {
            e->slot = b->n_columns;
            b->columns[b->n_columns++] = i;
        }
        if ((rc = quoted_name(b, b->footer->columns[i].path, &e->name)) != TARN_OK) return rc;
        b->n_extra++;
    }
    return TARN_OK;
}

/* May a row have no ts? Statistics that say "no NULLs" in every row group are believed. */
static int ts_may_be_missing(const struct tarn_binding *b) {
    int leaf = b->bound[TARN_EV_TS].leaf;
    int i;

    if (b->bound[TARN_EV_TS].how != TARN_BIND_TIME) return 1;
    if (b->footer->columns[leaf].max_def == 0) return 0;
    for (i = 0; i < b->footer->n_row_groups; i++) {
        const struct tarn_pq_stats *s = &b->footer->row_groups[i].chunks[leaf].stats;

        if (!s->has_nulls || s->nulls) return 1;
    }
    return 0;
}

int tarn_binding_new(struct tarn_binding **out, const struct tarn_pq_footer *footer,
                     const struct tarn_binding_request *req, const char *name,
                     struct tarn_err *err) {
    struct tarn_binding *b = tarn_calloc(1, sizeof *b);
    uint32_t need = req->columns;
    int c, rc;

    *out = NULL;
    if (!b) return tarn_err_set(err, TARN_ENOMEM, "%s: out of memory", name);
    tarn_arena_init(&b->memory, NULL);
    b->footer = footer;
    b->order_column = -1;
    b->columns = tarn_arena_calloc(&b->memory, (size_t)footer->n_columns + 1, sizeof *b->columns);
    b->pushed = tarn_arena_calloc(&b->memory, (size_t)req->match->n + 2, sizeof *b->pushed);
    b->left = tarn_arena_calloc(&b->memory, (size_t)req->match->n + 1, sizeof *b->left);
    if ((rc = b->memory.rc) != TARN_OK) goto out;
    if ((rc = bind_columns(b, name, err)) != TARN_OK) goto out;
    plan_predicates(b, req, &need);
    b->check_ts = ts_may_be_missing(b);
    if (req->ordered || b->check_ts) need |= TARN_EV_BIT(TARN_EV_TS);
    for (c = 0; c < TARN_EV_COLUMNS; c++) {
        if ((need & TARN_EV_BIT(c)) && b->bound[c].leaf >= 0)
            b->bound[c].slot = slot_of(b, b->bound[c].leaf);
    }
    if (need & TARN_EV_BIT(TARN_EV_EXTRA)) rc = plan_extra(b);
out:
    if (rc != TARN_OK) {
        rc = tarn_err_set(err, rc, "%s: out of memory", name);
        tarn_binding_free(b);
        b = NULL;
    }
    *out = b;
    return rc;
}

void tarn_binding_free(struct tarn_binding *b) {
    if (!b) return;
    tarn_arena_release(&b->memory);
    tarn_free(b);
}

static int64_t raw_to_ms(const struct tarn_binding *b, int64_t raw) {
    if (b->mul > 1) return raw * b->mul; /* days of 32 bits */
    return b->div > 1 ? tarn_floor_div(raw, b->div) : raw;
}

int64_t tarn_binding_ms(const struct tarn_binding *b, int64_t raw) {
    if (b->mul > 1 && (raw < INT32_MIN || raw > INT32_MAX)) return raw < 0 ? INT64_MIN : INT64_MAX;
    return raw == INT64_MIN || raw == INT64_MAX ? raw : raw_to_ms(b, raw);
}

static int stat_number(enum tarn_physical physical, const struct tarn_slice *s, int64_t *out) {
    struct tarn_cursor c = {s->data, s->data + s->len, TARN_OK};

    if (physical == TARN_INT64 && s->len == 8)
        *out = (int64_t)tarn_cursor_le64(&c);
    else if (physical == TARN_INT32 && s->len == 4)
        *out = (int32_t)tarn_cursor_le32(&c);
    else
        return -1;
    return 0;
}

int tarn_binding_group(const struct tarn_binding *b, int row_group, int64_t *lo, int64_t *hi) {
    const struct tarn_pq_stats *s;
    enum tarn_physical physical;
    int64_t min, max;

    if (b->order_column < 0) return 0;
    s = &b->footer->row_groups[row_group].chunks[b->order_column].stats;
    physical = b->footer->columns[b->order_column].physical;
    if (!s->has_min || !s->has_max || stat_number(physical, &s->min, &min) != 0 ||
        stat_number(physical, &s->max, &max) != 0 || min > max)
        return 0;
    *lo = raw_to_ms(b, min);
    *hi = raw_to_ms(b, max);
    return 1;
}

int tarn_binding_ts(const struct tarn_binding *b, const struct tarn_pq_batch *batch, uint32_t i,
                    int64_t *ms) {
    const struct tarn_bound *bound = &b->bound[TARN_EV_TS];
    const struct tarn_vector *v = &batch->columns[bound->slot];
    struct tarn_cell cell;

    if (bound->how == TARN_BIND_TIME) {
        uint32_t k = tarn_vector_at(v, i);

        if (tarn_vector_null(v, i)) return -1;
        *ms = raw_to_ms(b, v->physical == TARN_INT32 ? v->values.i32[k] : v->values.i64[k]);
        return 0;
    }
    tarn_cell_read(&b->footer->columns[bound->leaf], v, i, &cell);
    return tarn_cell_ms(&b->footer->columns[bound->leaf], &cell, ms);
}

static void set_int(struct tarn_scanned *out, int64_t v) {
    out->kind = TARN_SCANNED_INT;
    out->i = v;
}

static void convert_value(const struct tarn_pq_column *col, const struct tarn_vector *v, uint32_t i,
                          int column, char scratch[TARN_CELL_TEXT], struct tarn_scanned *out) {
    struct tarn_cell cell;
    int32_t status = 0;
    int truth = 0;

    tarn_cell_read(col, v, i, &cell);
    if (cell.kind == TARN_CELL_NULL) return;
    if (column == TARN_EV_TS) {
        if (tarn_cell_ms(col, &cell, &out->i) == 0) out->kind = TARN_SCANNED_INT;
    } else if (column == TARN_EV_VERIFIED) {
        if (tarn_cell_bool(col, &cell, &truth) == 0) set_int(out, truth);
    } else if (column == TARN_EV_STATUS_CODE) {
        if (tarn_cell_int32(col, &cell, &status) == 0) set_int(out, status);
    } else if (column == TARN_EV_DURATION_MS) {
        if (tarn_cell_double(col, &cell, &out->r) == 0) out->kind = TARN_SCANNED_REAL;
    } else if (tarn_cell_text(col, &cell, scratch, &out->text) == 0) {
        out->kind = TARN_SCANNED_TEXT;
    }
}

void tarn_binding_value(const struct tarn_binding *b, const struct tarn_pq_batch *batch, uint32_t i,
                        int column, char scratch[TARN_CELL_TEXT], struct tarn_scanned *out) {
    const struct tarn_bound *bound = &b->bound[column];
    const struct tarn_vector *v;
    uint32_t k;

    out->kind = TARN_SCANNED_NULL;
    if (bound->slot < 0) return;
    v = &batch->columns[bound->slot];
    if (tarn_vector_null(v, i)) return;
    k = tarn_vector_at(v, i);
    switch (bound->how) {
    case TARN_BIND_TEXT:
        out->kind = TARN_SCANNED_TEXT;
        out->text = v->values.bytes[k];
        break;
    case TARN_BIND_TIME:
        set_int(out, raw_to_ms(b, v->physical == TARN_INT32 ? v->values.i32[k] : v->values.i64[k]));
        break;
    case TARN_BIND_BOOL: set_int(out, v->values.u8[k] != 0); break;
    case TARN_BIND_INT32: set_int(out, v->values.i32[k]); break;
    case TARN_BIND_DOUBLE:
        out->r = v->values.f64[k];
        out->kind = isnan(out->r) ? TARN_SCANNED_NULL : TARN_SCANNED_REAL;
        break;
    case TARN_BIND_CONVERT:
        convert_value(&b->footer->columns[bound->leaf], v, i, column, scratch, out);
        break;
    case TARN_BIND_NONE: break;
    }
}

void tarn_binding_extra(const struct tarn_binding *b, const struct tarn_pq_batch *batch, uint32_t i,
                        struct tarn_buf *out) {
    char scratch[TARN_CELL_TEXT];
    struct tarn_scanned fits;
    struct tarn_cell cell;
    int e;

    tarn_buf_clear(out);
    for (e = 0; e < b->n_extra; e++) {
        const struct tarn_bind_extra *x = &b->extra[e];
        const struct tarn_pq_column *col = &b->footer->columns[x->leaf];

        if (tarn_vector_null(&batch->columns[x->slot], i)) continue;
        if (x->column >= 0) {
            tarn_binding_value(b, batch, i, x->column, scratch, &fits);
            if (fits.kind != TARN_SCANNED_NULL) continue;
        }
        tarn_cell_read(col, &batch->columns[x->slot], i, &cell);
        tarn_buf_u8(out, out->len ? ',' : '{');
        tarn_buf_put(out, x->name.data, x->name.len);
        tarn_cell_json(out, col, &cell);
    }
    if (out->len) tarn_buf_u8(out, '}');
}

int tarn_binding_matches(const struct tarn_binding *b, const struct tarn_pq_batch *batch,
                         uint32_t i) {
    char scratch[TARN_CELL_TEXT];
    struct tarn_scanned v;
    int p;

    for (p = 0; p < b->n_left; p++) {
        tarn_binding_value(b, batch, i, b->left[p]->column, scratch, &v);
        if (!tarn_match_value(b->left[p], &v)) return 0;
    }
    return 1;
}
