/* parquet_bind.c: conditions become predicates on one file, column by column as it has them.
**
** A predicate may let rows through that SQLite then drops; it must never drop one that SQLite would
** keep. So each constant is taken only when the way SQLite compares it with this column is known:
**
**   numbers       what numeric affinity makes of it; halves are rounded as the operator needs
**   text          text; ranges in UTF-8 databases, and of digits only against constants (a right
**                 side with numeric affinity would make SQLite compare texts as numbers)
**   dates, times  text of their form, as a place among the numbers (parquet_bound.c)
**   decimals      constants, the same way, as integers or as bytes
**   UUID          text in its usual form
**   BLOB          blobs
**   GLOB, LIKE    the literal beginning; of LIKE only what has no letters
**
** NaN is NULL in SQL and no NULL in the file: IS NULL of numbers with a point stays above.
*/
#include "parquet_bind.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "byte_order.h"
#include "parquet_plan.h"

#define EXACT_REAL (INT64_C(1) << 53)

struct binding { /* one condition on one column of the open file */
    struct tarn_pqt_scan *s;
    const struct tarn_pqt_condition *c;
    const struct tarn_pq_column *col;
    enum tarn_pqt_kind kind;
    int leaf;
    int never; /* no row can match */
};

static struct tarn_const *add(struct binding *b, enum tarn_pred_op op, uint32_t n) {
    struct tarn_const *c = tarn_arena_calloc(&b->s->arena, n ? n : 1, sizeof *c);

    if (!c) return NULL;
    b->s->predicates[b->s->n_predicates++] = (struct tarn_predicate){b->leaf, op, c, n};
    return c;
}

static int add_null(struct binding *b, enum tarn_pred_op op) {
    return add(b, op, 0) ? TARN_OK : TARN_ENOMEM;
}

static int take_bytes(struct binding *b, struct tarn_const *c, const void *s, size_t n) {
    c->kind = TARN_CONST_BYTES;
    c->bytes.data = tarn_arena_memdup(&b->s->arena, n ? s : "", n + !n);
    c->bytes.len = n;
    return c->bytes.data ? TARN_OK : TARN_ENOMEM;
}

/* A number in the form that the column has it: as such, as a decimal in bytes, or as INT96. Decimals
** are as long as the column's, which its bloom filter needs, unless none of them is that large. */
static int take_number(struct binding *b, struct tarn_const *c, const struct tarn_pqt_number *v) {
    size_t n = sizeof v->bytes, len = b->col->fixed_len;
    uint8_t time[12];

    switch (tarn_byte_order(b->col)) {
    case TARN_BYTES_DECIMAL:
        if (b->col->physical != TARN_FIXED || !tarn_pqt_number_fits(v, len)) len = n;
        return take_bytes(b, c, v->bytes + n - len, len);
    case TARN_BYTES_INT96:
        tarn_int96_put(time, tarn_pqt_number_int(v));
        return take_bytes(b, c, time, sizeof time);
    default: c->i = tarn_pqt_number_int(v); return TARN_OK;
    }
}

static int add_number(struct binding *b, enum tarn_pred_op op, const struct tarn_pqt_number *v) {
    struct tarn_const *c = add(b, op, 1);

    return c ? take_number(b, c, v) : TARN_ENOMEM;
}

static int add_real(struct binding *b, enum tarn_pred_op op, double r) {
    struct tarn_const *c = add(b, op, 1);

    if (!c) return TARN_ENOMEM;
    c->kind = TARN_CONST_REAL;
    c->r = r;
    return TARN_OK;
}

static int add_bytes(struct binding *b, enum tarn_pred_op op, const void *s, size_t n) {
    struct tarn_const *c = add(b, op, 1);

    return c ? take_bytes(b, c, s, n) : TARN_ENOMEM;
}

static enum tarn_pred_op pred_op(char op) {
    switch (op) {
    case TARN_PQT_NE: return TARN_OP_NE;
    case TARN_PQT_LT: return TARN_OP_LT;
    case TARN_PQT_LE: return TARN_OP_LE;
    case TARN_PQT_GT: return TARN_OP_GT;
    case TARN_PQT_GE: return TARN_OP_GE;
    default: return TARN_OP_EQ;
    }
}

static int is_range(char op) {
    return op == TARN_PQT_LT || op == TARN_PQT_LE || op == TARN_PQT_GT || op == TARN_PQT_GE;
}

/* column op x, where `at` is the smallest number not below x. */
static int add_bound(struct binding *b, const struct tarn_pqt_number *at, int exact) {
    switch (b->c->op) {
    case TARN_PQT_LT: return add_number(b, TARN_OP_LT, at);
    case TARN_PQT_LE: return add_number(b, exact ? TARN_OP_LE : TARN_OP_LT, at);
    case TARN_PQT_GT: return add_number(b, exact ? TARN_OP_GT : TARN_OP_GE, at);
    case TARN_PQT_GE: return add_number(b, TARN_OP_GE, at);
    case TARN_PQT_NE: return exact ? add_number(b, TARN_OP_NE, at) : TARN_OK;
    default: break;
    }
    if (exact) return add_number(b, TARN_OP_EQ, at);
    b->never = 1;
    return TARN_OK;
}

static int is_integer(const struct tarn_pq_column *col) {
    return col->physical == TARN_BOOLEAN || col->physical == TARN_INT32 ||
           col->physical == TARN_INT64 || tarn_byte_order(col) == TARN_BYTES_DECIMAL;
}

/* Text as bytes; NULL: it is no text. */
static const char *text_of(sqlite3_value *v, size_t *n) {
    const char *s = NULL;

    if (sqlite3_value_type(v) != SQLITE_TEXT) return NULL;
    s = (const char *)sqlite3_value_text(v);
    *n = s ? (size_t)sqlite3_value_bytes(v) : 0;
    return s;
}

/* The type that numeric affinity gives the value, as far as it is plain: text of an integer is one,
** other text is left as it is. */
static int numeric(sqlite3_value *v, int64_t *out) {
    int type = sqlite3_value_type(v);
    const char *s = NULL;
    size_t n = 0, i = 0;

    *out = 0;
    if (type == SQLITE_INTEGER) *out = sqlite3_value_int64(v);
    if (type != SQLITE_TEXT || (s = text_of(v, &n)) == NULL) return type;
    i = n > 0 && s[0] == '-';
    if (n == i || n - i > 18) return type;
    for (; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') return type;
        *out = *out * 10 + (s[i] - '0');
    }
    if (s[0] == '-') *out = -*out;
    return SQLITE_INTEGER;
}

/* An integer column. Unsigned 64-bit numbers take constants that both readings of 64 bits share. */
static int bind_int(struct binding *b, sqlite3_value *v) {
    struct tarn_pqt_number at;
    int64_t i = 0;
    int type = numeric(v, &i);
    double r = 0, up = 0;

    if (!is_integer(b->col)) return TARN_OK;
    if (type == SQLITE_INTEGER) {
        if (b->kind == TARN_PQT_UINT && i < 0) return TARN_OK;
        tarn_pqt_number_set(&at, i);
        return add_number(b, pred_op(b->c->op), &at);
    }
    if (type != SQLITE_FLOAT || b->kind == TARN_PQT_UINT) return TARN_OK;
    r = sqlite3_value_double(v);
    up = ceil(r);
    if (!(up > -9.2e18 && up < 9.2e18)) return TARN_OK;
    tarn_pqt_number_set(&at, (int64_t)up);
    return add_bound(b, &at, up <= r);
}

static int real_constant(sqlite3_value *v, double *out) {
    int64_t i = 0;
    int type = numeric(v, &i);

    *out = type == SQLITE_INTEGER ? (double)i : sqlite3_value_double(v);
    return type == SQLITE_FLOAT || (type == SQLITE_INTEGER && i <= EXACT_REAL && i >= -EXACT_REAL);
}

/* Zero has two forms that are equal: a range finds both, a dictionary or bloom filter may not. */
static int bind_real(struct binding *b, sqlite3_value *v) {
    enum tarn_pred_op op = pred_op(b->c->op);
    double r = 0;
    int rc = TARN_OK;

    if ((b->col->physical != TARN_FLOAT && b->col->physical != TARN_DOUBLE) ||
        !real_constant(v, &r)) {
        return TARN_OK;
    }
    if (op != TARN_OP_EQ || r < 0 || r > 0) return add_real(b, op, r);
    rc = add_real(b, TARN_OP_GE, 0.0);
    return rc ? rc : add_real(b, TARN_OP_LE, 0.0);
}

static int bind_text(struct binding *b, sqlite3_value *v) {
    size_t n = 0;
    const char *s = text_of(v, &n);

    if (!s) return TARN_OK;
    if (is_range(b->c->op)) {
        if (!b->s->t->utf8 || (!b->c->constant && (n == 0 || s[0] <= '9'))) return TARN_OK;
        /* Bytes that are no text are a BLOB, which is above all text. */
        if (b->kind == TARN_PQT_BINARY_TEXT && (b->c->op == TARN_PQT_GT || b->c->op == TARN_PQT_GE))
            return TARN_OK;
    }
    return add_bytes(b, pred_op(b->c->op), s, n);
}

/* 16 bytes from the form that a UUID is printed in; -1 when it is another. */
static int parse_uuid(const char *s, size_t n, uint8_t out[16]) {
    static const char hex[] = "0123456789abcdef";
    size_t i;
    int k = 0;

    if (n != 36) return -1;
    memset(out, 0, 16);
    for (i = 0; i < n; i++) {
        const char *digit = memchr(hex, s[i], 16);
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (s[i] != '-') return -1;
            continue;
        }
        if (!digit) return -1;
        out[k / 2] = (uint8_t)(out[k / 2] << 4 | (digit - hex));
        k++;
    }
    return 0;
}

static int bind_uuid(struct binding *b, sqlite3_value *v) {
    uint8_t bytes[16];
    size_t n = 0;
    const char *s = text_of(v, &n);

    if (!s || (is_range(b->c->op) && !b->s->t->utf8) || parse_uuid(s, n, bytes)) return TARN_OK;
    return add_bytes(b, pred_op(b->c->op), bytes, sizeof bytes);
}

static int bind_time(struct binding *b, sqlite3_value *v) {
    size_t n = 0;
    const char *s = text_of(v, &n);
    struct tarn_pqt_number at;
    int exact = 0;

    if (!s || tarn_pqt_bound(b->col, b->kind, s, n, &at, &exact) != 0) return TARN_OK;
    if (!b->c->constant && n < 7) return TARN_OK;
    if (is_range(b->c->op) &&
        (!b->s->t->utf8 || !tarn_pqt_all_printed(b->s->footer, b->leaf, b->kind))) {
        return TARN_OK;
    }
    return add_bound(b, &at, exact);
}

static int bind_decimal(struct binding *b, sqlite3_value *v) {
    const char *s = NULL;
    char digits[32];
    size_t n = 0;
    struct tarn_pqt_number at;
    int exact = 0;

    if (!is_integer(b->col) || !b->c->constant || sqlite3_value_type(v) == SQLITE_BLOB)
        return TARN_OK;
    if (sqlite3_value_type(v) == SQLITE_INTEGER) {
        n = (size_t)snprintf(digits, sizeof digits, "%lld", (long long)sqlite3_value_int64(v));
        s = digits;
    } else {
        s = (const char *)sqlite3_value_text(v); /* a REAL has its text already */
        n = s ? (size_t)sqlite3_value_bytes(v) : 0;
    }
    if (!s) return TARN_ENOMEM;
    if (tarn_pqt_bound(b->col, b->kind, s, n, &at, &exact) != 0) return TARN_OK;
    return add_bound(b, &at, exact);
}

static int bind_blob(struct binding *b, sqlite3_value *v) {
    if (sqlite3_value_type(v) != SQLITE_BLOB) return TARN_OK;
    return add_bytes(b, pred_op(b->c->op), sqlite3_value_blob(v), (size_t)sqlite3_value_bytes(v));
}

/* The beginning that all matches share. Not ASCII, not sure: SQLite reads broken UTF-8 its way. */
static int bind_pattern(struct binding *b, sqlite3_value *v) {
    size_t n = 0, i = 0;
    const char *s = text_of(v, &n);
    int like = b->c->op == TARN_PQT_LIKE;

    if (!s || (b->kind != TARN_PQT_TEXT && b->kind != TARN_PQT_BINARY_TEXT)) return TARN_OK;
    for (; i < n && s[i] > 0; i++) {
        if (like ? s[i] == '%' || s[i] == '_' || ((s[i] | 32) >= 'a' && (s[i] | 32) <= 'z')
                 : s[i] == '*' || s[i] == '?' || s[i] == '[') {
            break;
        }
    }
    return i ? add_bytes(b, TARN_OP_PREFIX, s, i) : TARN_OK;
}

/* One value of a list: 1 = taken, 0 = no row equals it, -1 = it can't be said, -2 = no memory. */
static int list_value(struct binding *b, sqlite3_value *v, struct tarn_const *c) {
    uint8_t uuid[16];
    struct tarn_pqt_number at;
    int64_t i = 0;
    int exact = 0;
    size_t n = 0;
    const char *s = NULL;

    switch (b->kind) {
    case TARN_PQT_BOOL:
    case TARN_PQT_INT:
        if (numeric(v, &i) != SQLITE_INTEGER || !is_integer(b->col)) return -1;
        tarn_pqt_number_set(&at, i);
        return take_number(b, c, &at) ? -2 : 1;
    case TARN_PQT_REAL:
        if ((b->col->physical != TARN_FLOAT && b->col->physical != TARN_DOUBLE) ||
            !real_constant(v, &c->r) || fabs(c->r) <= 0) {
            return -1;
        }
        c->kind = TARN_CONST_REAL;
        return 1;
    default: break;
    }
    s = text_of(v, &n);
    if (!s) return -1;
    switch (b->kind) {
    case TARN_PQT_TEXT:
    case TARN_PQT_BINARY_TEXT: return take_bytes(b, c, s, n) ? -2 : 1;
    case TARN_PQT_UUID:
        if (parse_uuid(s, n, uuid)) return -1;
        return take_bytes(b, c, uuid, sizeof uuid) ? -2 : 1;
    case TARN_PQT_DATE:
    case TARN_PQT_TIME:
    case TARN_PQT_TIMESTAMP:
    case TARN_PQT_INT96:
        if (tarn_pqt_bound(b->col, b->kind, s, n, &at, &exact) != 0) return -1;
        if (!exact) return 0;
        return take_number(b, c, &at) ? -2 : 1;
    default: return -1;
    }
}

static int compare(const struct tarn_const *x, const struct tarn_const *y) {
    size_t n = x->bytes.len < y->bytes.len ? x->bytes.len : y->bytes.len;
    int c = 0;

    if (x->kind == TARN_CONST_INT) return (x->i > y->i) - (x->i < y->i);
    if (x->kind == TARN_CONST_REAL) return (x->r > y->r) - (x->r < y->r);
    c = n ? memcmp(x->bytes.data, y->bytes.data, n) : 0;
    return c ? c : (x->bytes.len > y->bytes.len) - (x->bytes.len < y->bytes.len);
}

static int compare_constants(const void *a, const void *b) {
    return compare(a, b);
}

static int bind_list(struct binding *b) {
    struct tarn_const *list = tarn_arena_calloc(&b->s->arena, (size_t)b->c->n + 1, sizeof *list);
    uint32_t n = 0, kept = 0, k;
    int i;

    if (!list) return TARN_ENOMEM;
    for (i = 0; i < b->c->n; i++) {
        int taken = list_value(b, b->c->values[i], &list[n]);
        if (taken == -2) return TARN_ENOMEM;
        if (taken < 0) return TARN_OK;
        n += (uint32_t)taken;
    }
    b->never = n == 0;
    if (b->never) return TARN_OK;
    qsort(list, n, sizeof *list, compare_constants);
    for (k = 0; k < n; k++) {
        if (k == 0 || compare(&list[kept - 1], &list[k]) != 0) list[kept++] = list[k];
    }
    b->s->predicates[b->s->n_predicates++] =
        (struct tarn_predicate){b->leaf, TARN_OP_IN, list, kept};
    return TARN_OK;
}

/* Does SQLite compare a column that was declared as one kind as it would one of the other? */
static int same_affinity(enum tarn_pqt_kind declared, enum tarn_pqt_kind kind) {
    return declared == kind || (tarn_pqt_is_number(declared) && tarn_pqt_is_number(kind)) ||
           (tarn_pqt_is_text(declared) && tarn_pqt_is_text(kind));
}

static int bind_one(struct binding *b) {
    sqlite3_value *v = b->c->n ? b->c->values[0] : NULL;

    if (b->c->op == TARN_PQT_NOT_NULL) return add_null(b, TARN_OP_NOT_NULL);
    if (b->c->op == TARN_PQT_IS_NULL) {
        return b->kind == TARN_PQT_REAL || b->kind == TARN_PQT_HALF ? TARN_OK
                                                                    : add_null(b, TARN_OP_IS_NULL);
    }
    if (!v || !same_affinity(b->s->t->schema.columns[b->c->column].kind, b->kind)) return TARN_OK;
    if (b->c->op == TARN_PQT_IN) return bind_list(b);
    if (b->c->op == TARN_PQT_GLOB || b->c->op == TARN_PQT_LIKE) return bind_pattern(b, v);
    switch (b->kind) {
    case TARN_PQT_BOOL:
    case TARN_PQT_INT:
    case TARN_PQT_UINT: return bind_int(b, v);
    case TARN_PQT_REAL: return bind_real(b, v);
    case TARN_PQT_TEXT:
    case TARN_PQT_BINARY_TEXT: return bind_text(b, v);
    case TARN_PQT_UUID: return bind_uuid(b, v);
    case TARN_PQT_DATE:
    case TARN_PQT_TIME:
    case TARN_PQT_TIMESTAMP:
    case TARN_PQT_INT96: return bind_time(b, v);
    case TARN_PQT_DECIMAL: return bind_decimal(b, v);
    case TARN_PQT_BLOB: return bind_blob(b, v);
    default: return TARN_OK;
    }
}

int tarn_pqt_bind_conditions(struct tarn_pqt_scan *s, int *skip, struct tarn_err *err) {
    int i, rc = TARN_OK;

    *skip = 0;
    s->n_predicates = 0;
    if (!s->pushdown || s->conditions->n == 0) return TARN_OK;
    /* two for each condition at most */
    s->predicates =
        tarn_arena_calloc(&s->arena, 2 * (size_t)s->conditions->n, sizeof *s->predicates);
    for (i = 0; s->predicates && i < s->conditions->n && rc == TARN_OK && !*skip; i++) {
        const struct tarn_pqt_condition *c = &s->conditions->items[i];
        const struct tarn_pqt_binding *at = &s->bindings[c->column];
        struct binding b = {s, c, NULL, at->kind, at->leaf, 0};
        if (s->t->schema.columns[c->column].place > TARN_PQT_LEAF) continue;
        if (at->node < 0 || at->kind == TARN_PQT_NULL) {
            *skip = c->op != TARN_PQT_IS_NULL; /* nothing but NULLs */
            continue;
        }
        if (at->leaf < 0) continue;
        b.col = &s->footer->columns[at->leaf];
        rc = bind_one(&b);
        *skip = b.never;
    }
    if (s->predicates && rc == TARN_OK) return TARN_OK;
    return tarn_err_set(err, TARN_ENOMEM, "parquet: no memory for a query's conditions");
}
