/* export_type.c: which Parquet type a column of an export gets.
**
**   named       options.types says it
**   declared    the statement knows the column's declaration: the words below, then SQLite's rules
**               of affinity; NUMERIC and no declaration say nothing
**   by values   of the first rows: integers INT64; reals, also with integers that a double holds
**               exactly, DOUBLE; text TEXT; blobs BLOB; only NULLs TEXT. Other mixtures are refused.
*/
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "export.h"

enum { MAX_PRECISION = 38 };

static const char *const names[] = {
    [TARN_EXPORT_OPEN] = "?",
    [TARN_EXPORT_INT64] = "INT64",
    [TARN_EXPORT_DOUBLE] = "DOUBLE",
    [TARN_EXPORT_TEXT] = "TEXT",
    [TARN_EXPORT_BLOB] = "BLOB",
    [TARN_EXPORT_BOOLEAN] = "BOOLEAN",
    [TARN_EXPORT_DATE] = "DATE",
    [TARN_EXPORT_TIMESTAMP_MS] = "TIMESTAMP_MS",
    [TARN_EXPORT_TIMESTAMP_US] = "TIMESTAMP_US",
    [TARN_EXPORT_JSON] = "JSON",
    [TARN_EXPORT_UUID] = "UUID",
    [TARN_EXPORT_DECIMAL] = "DECIMAL",
};

/* The numbers in "(p)" or "(p,s)"; how many there are, or -1 when it is something else. */
static int arguments(const char *s, long out[2]) {
    char *end = NULL;
    int n = 0;

    s += strspn(s, " ");
    if (*s == 0) return 0;
    if (*s++ != '(') return -1;
    for (;;) {
        s += strspn(s, " ");
        if (n == 2 || *s < '0' || *s > '9') return -1;
        out[n++] = strtol(s, &end, 10);
        s = end + strspn(end, " ");
        if (*s == ')') return s[1 + strspn(s + 1, " ")] ? -1 : n;
        if (*s++ != ',') return -1;
    }
}

static int take_decimal(struct tarn_export_column *c, const char *rest) {
    long a[2] = {0, 0};
    int n = arguments(rest, a);

    if (n < 1 || a[0] < 1 || a[0] > MAX_PRECISION || a[1] > a[0]) return -1;
    c->kind = TARN_EXPORT_DECIMAL;
    c->precision = (int)a[0];
    c->scale = (int)a[1];
    return 0;
}

int tarn_export_type_parse(struct tarn_export_column *c, const char *text) {
    enum tarn_export_kind k;

    for (k = TARN_EXPORT_INT64; k < TARN_EXPORT_DECIMAL; k++) {
        if (sqlite3_stricmp(names[k], text) == 0) {
            c->kind = k;
            return 0;
        }
    }
    return sqlite3_strnicmp(text, "DECIMAL", 7) == 0 ? take_decimal(c, text + 7) : -1;
}

/* Does the declaration contain the word, in any case? */
static int has(const char *declared, const char *word) {
    size_t n = strlen(word);

    for (; *declared; declared++) {
        if (sqlite3_strnicmp(declared, word, (int)n) == 0) return 1;
    }
    return 0;
}

/* TIMESTAMP, TIMESTAMP(3), TIMESTAMP_MS, DATETIME2(7), TIMESTAMP WITH TIME ZONE … */
static enum tarn_export_kind timestamp(const char *declared) {
    const char *digits = strchr(declared, '(');

    if (has(declared, "_NS") || has(declared, "(9)")) return TARN_EXPORT_OPEN;
    if (has(declared, "_MS") || (digits && digits[1] >= '0' && digits[1] <= '3'))
        return TARN_EXPORT_TIMESTAMP_MS;
    return TARN_EXPORT_TIMESTAMP_US;
}

static enum tarn_export_kind by_first_word(const char *declared, size_t n) {
    static const struct {
        const char *word;
        enum tarn_export_kind kind;
    } words[] = {{"BOOLEAN", TARN_EXPORT_BOOLEAN}, {"BOOL", TARN_EXPORT_BOOLEAN},
                 {"DATE", TARN_EXPORT_DATE},       {"UUID", TARN_EXPORT_UUID},
                 {"GUID", TARN_EXPORT_UUID},       {"JSON", TARN_EXPORT_JSON}};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strlen(words[i].word) == n && sqlite3_strnicmp(words[i].word, declared, (int)n) == 0)
            return words[i].kind;
    }
    if (sqlite3_strnicmp(declared, "TIMESTAMP", 9) == 0 ||
        sqlite3_strnicmp(declared, "DATETIME", 8) == 0)
        return timestamp(declared);
    return TARN_EXPORT_OPEN;
}

/* SQLite's rules, in its order. */
static enum tarn_export_kind by_affinity(const char *declared) {
    if (has(declared, "INT")) return TARN_EXPORT_INT64;
    if (has(declared, "CHAR") || has(declared, "CLOB") || has(declared, "TEXT"))
        return TARN_EXPORT_TEXT;
    if (has(declared, "BLOB")) return TARN_EXPORT_BLOB;
    if (has(declared, "REAL") || has(declared, "FLOA") || has(declared, "DOUB"))
        return TARN_EXPORT_DOUBLE;
    return TARN_EXPORT_OPEN;
}

void tarn_export_type_declared(struct tarn_export_column *c) {
    size_t n = c->declared ? strcspn(c->declared, " (") : 0;

    if (n == 0) return;
    if ((n == 7 && (sqlite3_strnicmp(c->declared, "DECIMAL", 7) == 0 ||
                    sqlite3_strnicmp(c->declared, "NUMERIC", 7) == 0))) {
        (void)take_decimal(c, c->declared + 7);
    } else {
        c->kind = by_first_word(c->declared, n);
        if (c->kind == TARN_EXPORT_OPEN) c->kind = by_affinity(c->declared);
    }
    if (c->kind != TARN_EXPORT_OPEN) c->origin = TARN_EXPORT_DECLARED;
}

void tarn_export_type_see(struct tarn_export_column *c, const struct tarn_export_value *v,
                          uint64_t row) {
    struct tarn_export_column real = {.kind = TARN_EXPORT_DOUBLE};
    struct tarn_export_cell cell;

    if (!(c->seen & 1u << v->type)) c->first[v->type] = row;
    c->seen |= 1u << v->type;
    if (v->type == SQLITE_INTEGER && tarn_export_convert(&real, v, &cell)) c->inexact = 1;
}

static int mixture(const struct tarn_export_column *c, struct tarn_err *err) {
    static const char *const kinds[] = {[SQLITE_INTEGER] = "INTEGER",
                                        [SQLITE_FLOAT] = "REAL",
                                        [SQLITE_TEXT] = "TEXT",
                                        [SQLITE_BLOB] = "BLOB"};
    char list[128] = "";
    int type;

    for (type = SQLITE_INTEGER; type <= SQLITE_BLOB; type++) {
        size_t n = strlen(list);

        if (c->seen & 1u << type)
            (void)snprintf(list + n, sizeof list - n, "%s%s (row %llu)", n ? ", " : "", kinds[type],
                           (unsigned long long)c->first[type]);
    }
    return tarn_err_set(err, TARN_EINVAL,
                        "tarn_export: column \"%.40s\" holds %s: say what they become with the "
                        "option {\"types\": {\"%.40s\": \"%s\"}}, or CAST them in the query",
                        c->name, list, c->name, c->seen & 1u << SQLITE_BLOB ? "BLOB" : "TEXT");
}

int tarn_export_type_decide(struct tarn_export_column *c, struct tarn_err *err) {
    unsigned numbers = 1u << SQLITE_INTEGER | 1u << SQLITE_FLOAT;
    unsigned seen = c->seen & ~(1u << SQLITE_NULL);

    if (seen == 1u << SQLITE_INTEGER) {
        c->kind = TARN_EXPORT_INT64;
    } else if (seen == 1u << SQLITE_FLOAT || (seen == numbers && !c->inexact)) {
        c->kind = TARN_EXPORT_DOUBLE;
    } else if (seen == 1u << SQLITE_BLOB) {
        c->kind = TARN_EXPORT_BLOB;
    } else if (seen == 0 || seen == 1u << SQLITE_TEXT) {
        c->kind = TARN_EXPORT_TEXT;
    } else {
        return mixture(c, err);
    }
    return TARN_OK;
}

const char *tarn_export_type_name(const struct tarn_export_column *c, char out[32]) {
    if (c->kind != TARN_EXPORT_DECIMAL) return names[c->kind];
    (void)snprintf(out, 32, "DECIMAL(%d,%d)", c->precision, c->scale);
    return out;
}

static void set_decimal(const struct tarn_export_column *c, struct tarn_column_spec *s) {
    s->logical.kind = TARN_LOGICAL_DECIMAL;
    s->logical.precision = c->precision;
    s->logical.scale = c->scale;
    s->physical = c->precision <= 9 ? TARN_INT32 : c->precision <= 18 ? TARN_INT64 : TARN_FIXED;
    s->fixed_len = c->precision > 18 ? 16 : 0;
}

void tarn_export_type_spec(const struct tarn_export_column *c, struct tarn_column_spec *s) {
    memset(s, 0, sizeof *s);
    s->name = c->name;
    s->repetition = TARN_OPTIONAL;
    s->flags = c->flags;
    s->codec = -1;
    s->physical = TARN_BYTE_ARRAY;
    switch (c->kind) {
    case TARN_EXPORT_INT64: s->physical = TARN_INT64; break;
    case TARN_EXPORT_DOUBLE: s->physical = TARN_DOUBLE; break;
    case TARN_EXPORT_BLOB: break;
    case TARN_EXPORT_BOOLEAN: s->physical = TARN_BOOLEAN; break;
    case TARN_EXPORT_DATE:
        s->physical = TARN_INT32;
        s->logical.kind = TARN_LOGICAL_DATE;
        break;
    case TARN_EXPORT_TIMESTAMP_MS:
    case TARN_EXPORT_TIMESTAMP_US:
        s->physical = TARN_INT64;
        s->logical.kind = TARN_LOGICAL_TIMESTAMP;
        s->logical.unit = c->kind == TARN_EXPORT_TIMESTAMP_MS ? TARN_UNIT_MS : TARN_UNIT_US;
        s->logical.utc = 1;
        break;
    case TARN_EXPORT_JSON: s->logical.kind = TARN_LOGICAL_JSON; break;
    case TARN_EXPORT_UUID:
        s->physical = TARN_FIXED;
        s->fixed_len = 16;
        s->logical.kind = TARN_LOGICAL_UUID;
        break;
    case TARN_EXPORT_DECIMAL: set_decimal(c, s); break;
    default: s->logical.kind = TARN_LOGICAL_STRING; break;
    }
    if (s->physical == TARN_INT64 || s->physical == TARN_INT32) s->flags |= TARN_COL_DELTA;
}
