/* match.c: predicates over event columns.
**
** Comparisons here and in the reader's vectors agree: integers as signed, doubles without NaN,
** bytes by memcmp. IN lists are sorted once and searched by halves.
*/
#include "match.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum tarn_const_kind kind_of(int column) {
    if (tarn_event_is_text(column)) return TARN_CONST_BYTES;
    return column == TARN_EV_DURATION_MS ? TARN_CONST_REAL : TARN_CONST_INT;
}

static int compare(const struct tarn_const *a, const struct tarn_const *b) {
    size_t n;
    int c;

    if (a->kind == TARN_CONST_INT) return (a->i > b->i) - (a->i < b->i);
    if (a->kind == TARN_CONST_REAL) return (a->r > b->r) - (a->r < b->r);
    n = a->bytes.len < b->bytes.len ? a->bytes.len : b->bytes.len;
    c = n ? memcmp(a->bytes.data, b->bytes.data, n) : 0;
    return c ? c : (a->bytes.len > b->bytes.len) - (a->bytes.len < b->bytes.len);
}

static int compare_void(const void *a, const void *b) {
    return compare(a, b);
}

static uint32_t constants_of(const struct tarn_predicate *p) {
    if (p->op == TARN_OP_IS_NULL || p->op == TARN_OP_NOT_NULL) return 0;
    return p->op == TARN_OP_IN ? p->n : 1;
}

static int check(const struct tarn_predicate *p, struct tarn_err *err) {
    uint32_t n = 0, i;

    if (p->column < 0 || p->column >= TARN_EV_COLUMNS)
        return tarn_err_set(err, TARN_EINVAL, "scan: predicate on column %d; there are %d",
                            p->column, (int)TARN_EV_COLUMNS);
    n = constants_of(p);
    if (n && !p->constants)
        return tarn_err_set(err, TARN_EINVAL, "scan: predicate on %s without a constant",
                            tarn_event_names[p->column]);
    for (i = 0; i < n; i++) {
        if (p->constants[i].kind != kind_of(p->column) ||
            (p->op == TARN_OP_PREFIX && p->constants[i].kind != TARN_CONST_BYTES))
            return tarn_err_set(err, TARN_EINVAL,
                                "scan: predicate on %s has a constant of another kind",
                                tarn_event_names[p->column]);
    }
    return TARN_OK;
}

static int copy(struct tarn_predicate *out, const struct tarn_predicate *p, struct tarn_arena *a) {
    struct tarn_const *list;
    uint32_t i;

    *out = *p;
    out->n = constants_of(p);
    out->constants = NULL;
    if (out->n == 0) return TARN_OK;
    if ((list = tarn_arena_memdup(a, p->constants, out->n * sizeof *list)) == NULL) return a->rc;
    for (i = 0; i < out->n; i++) {
        if (list[i].kind == TARN_CONST_BYTES && list[i].bytes.len) {
            list[i].bytes.data = tarn_arena_memdup(a, list[i].bytes.data, list[i].bytes.len);
            if (!list[i].bytes.data) return a->rc;
        }
    }
    if (p->op == TARN_OP_IN) qsort(list, out->n, sizeof *list, compare_void);
    out->constants = list;
    return TARN_OK;
}

static void narrow(struct tarn_match *m, int64_t lo, int64_t hi) {
    if (lo > m->lo) m->lo = lo;
    if (hi < m->hi) m->hi = hi;
}

static void narrow_by(struct tarn_match *m, const struct tarn_predicate *p) {
    int64_t c = p->n ? p->constants[0].i : 0;

    switch (p->op) {
    case TARN_OP_EQ: narrow(m, c, c); break;
    case TARN_OP_IN: narrow(m, c, p->constants[p->n - 1].i); break;
    case TARN_OP_LE: narrow(m, INT64_MIN, c); break;
    case TARN_OP_GE: narrow(m, c, INT64_MAX); break;
    case TARN_OP_LT:
        m->nothing |= c == INT64_MIN;
        narrow(m, INT64_MIN, c == INT64_MIN ? c : c - 1);
        break;
    case TARN_OP_GT:
        m->nothing |= c == INT64_MAX;
        narrow(m, c == INT64_MAX ? c : c + 1, INT64_MAX);
        break;
    case TARN_OP_IS_NULL: m->nothing = 1; break;
    case TARN_OP_NE:
    case TARN_OP_NOT_NULL:
    case TARN_OP_PREFIX: break;
    }
}

int tarn_match_in_range(const struct tarn_predicate *p) {
    return p->op != TARN_OP_NE && (p->op != TARN_OP_IN || p->n == 1);
}

int tarn_match_init(struct tarn_match *m, const struct tarn_predicate *predicates, int n,
                    struct tarn_arena *a, struct tarn_err *err) {
    struct tarn_predicate *list;
    int i, rc;

    memset(m, 0, sizeof *m);
    m->lo = INT64_MIN;
    m->hi = INT64_MAX;
    if (n <= 0) return TARN_OK;
    if ((list = tarn_arena_calloc(a, (size_t)n, sizeof *list)) == NULL)
        return tarn_err_set(err, a->rc, "scan: out of memory for %d predicates", n);
    m->predicates = list;
    m->n = n;
    for (i = 0; i < n; i++) {
        if ((rc = check(&predicates[i], err)) != TARN_OK) return rc;
        if ((rc = copy(&list[i], &predicates[i], a)) != TARN_OK)
            return tarn_err_set(err, rc, "scan: out of memory for a predicate's constants");
        if (list[i].op == TARN_OP_IN && list[i].n == 0)
            m->nothing = 1;
        else if (list[i].column == TARN_EV_TS)
            narrow_by(m, &list[i]);
    }
    m->nothing |= m->lo > m->hi;
    return TARN_OK;
}

static int starts_with(const struct tarn_slice *s, const struct tarn_slice *prefix) {
    return s->len >= prefix->len &&
           (prefix->len == 0 || memcmp(s->data, prefix->data, prefix->len) == 0);
}

int tarn_match_value(const struct tarn_predicate *p, const struct tarn_scanned *v) {
    struct tarn_const c;
    int order;

    if (v->kind == TARN_SCANNED_NULL || (v->kind == TARN_SCANNED_REAL && isnan(v->r)))
        return p->op == TARN_OP_IS_NULL;
    if (p->op == TARN_OP_IS_NULL || p->op == TARN_OP_NOT_NULL) return p->op == TARN_OP_NOT_NULL;
    memset(&c, 0, sizeof c);
    c.kind = kind_of(p->column);
    c.i = v->i;
    c.r = v->r;
    c.bytes = v->text;
    if (p->op == TARN_OP_IN)
        return p->n && bsearch(&c, p->constants, p->n, sizeof c, compare_void) != NULL;
    if (p->op == TARN_OP_PREFIX) return starts_with(&c.bytes, &p->constants[0].bytes);
    if (c.kind == TARN_CONST_REAL && isnan(p->constants[0].r)) return 0;
    order = compare(&c, &p->constants[0]);
    switch (p->op) {
    case TARN_OP_EQ: return order == 0;
    case TARN_OP_NE: return order != 0;
    case TARN_OP_LT: return order < 0;
    case TARN_OP_LE: return order <= 0;
    case TARN_OP_GT: return order > 0;
    case TARN_OP_GE: return order >= 0;
    case TARN_OP_IN:
    case TARN_OP_IS_NULL:
    case TARN_OP_NOT_NULL:
    case TARN_OP_PREFIX: break;
    }
    return 0;
}
