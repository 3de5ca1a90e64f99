/* capture_rows.c: see capture_rows.h. */
#include "capture_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void capture_add(struct capture_bytes *b, const void *p, size_t n) {
    if (b->n + n > b->cap) {
        b->cap = (b->n + n) * 2 + 32;
        b->p = realloc(b->p, b->cap);
        if (!b->p) abort();
    }
    if (n) memcpy(b->p + b->n, p, n);
    b->n += n;
}

void capture_free(struct capture_bytes *b) {
    free(b->p);
    memset(b, 0, sizeof *b);
}

int capture_same(const struct capture_bytes *a, const struct capture_bytes *b) {
    return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
}

static void add_long(struct capture_bytes *b, char tag, const void *p, size_t n) {
    uint32_t len = (uint32_t)n;

    capture_add(b, &tag, 1);
    capture_add(b, &len, sizeof len);
    capture_add(b, p, n);
}

static void add_integer(struct capture_bytes *b, int64_t v) {
    capture_add(b, "I", 1);
    capture_add(b, &v, sizeof v);
}

static void add_real(struct capture_bytes *b, double v) {
    capture_add(b, "R", 1);
    capture_add(b, &v, sizeof v);
}

void capture_column(struct capture_bytes *b, sqlite3_stmt *stmt, int column) {
    const void *p = NULL;

    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_INTEGER: add_integer(b, sqlite3_column_int64(stmt, column)); break;
    case SQLITE_FLOAT: add_real(b, sqlite3_column_double(stmt, column)); break;
    case SQLITE_TEXT:
        p = sqlite3_column_text(stmt, column);
        add_long(b, 'T', p, (size_t)sqlite3_column_bytes(stmt, column));
        break;
    case SQLITE_BLOB:
        p = sqlite3_column_blob(stmt, column);
        add_long(b, 'B', p, (size_t)sqlite3_column_bytes(stmt, column));
        break;
    default: capture_add(b, "N", 1);
    }
}

void capture_value(struct capture_bytes *b, sqlite3_value *v) {
    const void *p = NULL;

    switch (v ? sqlite3_value_type(v) : SQLITE_NULL) {
    case SQLITE_INTEGER: add_integer(b, sqlite3_value_int64(v)); break;
    case SQLITE_FLOAT: add_real(b, sqlite3_value_double(v)); break;
    case SQLITE_TEXT:
        p = sqlite3_value_text(v);
        add_long(b, 'T', p, (size_t)sqlite3_value_bytes(v));
        break;
    case SQLITE_BLOB:
        p = sqlite3_value_blob(v);
        add_long(b, 'B', p, (size_t)sqlite3_value_bytes(v));
        break;
    default: capture_add(b, "N", 1);
    }
}

size_t capture_value_size(const uint8_t *p) {
    uint32_t len = 0;

    if (*p == 'N') return 1;
    if (*p == 'I' || *p == 'R') return 9;
    memcpy(&len, p + 1, sizeof len);
    return 5 + (size_t)len;
}

static int same_number(const uint8_t *integer, const uint8_t *real) {
    int64_t i = 0;
    double r = 0;

    memcpy(&i, integer + 1, sizeof i);
    memcpy(&r, real + 1, sizeof r);
    return r >= -9223372036854775808.0 && r < 9223372036854775808.0 && (int64_t)r == i &&
           (double)i == r;
}

int capture_value_loose(const uint8_t *a, const uint8_t *b) {
    double x = 0, y = 0;

    if (*a == 'I' && *b == 'R') return same_number(a, b);
    if (*a == 'R' && *b == 'I') return same_number(b, a);
    if (*a == 'R' && *b == 'R') {
        memcpy(&x, a + 1, sizeof x);
        memcpy(&y, b + 1, sizeof y);
        return x == y;
    }
    return capture_value_size(a) == capture_value_size(b) &&
           memcmp(a, b, capture_value_size(a)) == 0;
}

/* A reader of the JSON that the extension documents, and of nothing else. */
struct json {
    const char *p, *end;
    int bad;
};

static int next_is(struct json *j, char c) {
    if (j->bad || j->p >= j->end || *j->p != c) return 0;
    j->p++;
    return 1;
}

static void expect(struct json *j, char c) {
    if (!next_is(j, c)) j->bad = 1;
}

static unsigned hex_digits(struct json *j, int n) {
    unsigned v = 0;

    for (; n > 0; n--) {
        const char *digits = "0123456789abcdef";
        const char *at = NULL;

        if (j->p >= j->end || !*j->p) {
            j->bad = 1;
            return 0;
        }
        at = strchr(digits, *j->p >= 'A' && *j->p <= 'F' ? *j->p + 32 : *j->p);
        if (!at) {
            j->bad = 1;
            return 0;
        }
        v = v * 16 + (unsigned)(at - digits);
        j->p++;
    }
    return v;
}

static void add_utf8(struct capture_bytes *out, unsigned c) {
    uint8_t u[4];
    size_t n = 0;

    if (c < 0x80) {
        u[n++] = (uint8_t)c;
    } else if (c < 0x800) {
        u[n++] = (uint8_t)(0xc0 | c >> 6);
        u[n++] = (uint8_t)(0x80 | (c & 63));
    } else if (c < 0x10000) {
        u[n++] = (uint8_t)(0xe0 | c >> 12);
        u[n++] = (uint8_t)(0x80 | (c >> 6 & 63));
        u[n++] = (uint8_t)(0x80 | (c & 63));
    } else {
        u[n++] = (uint8_t)(0xf0 | c >> 18);
        u[n++] = (uint8_t)(0x80 | (c >> 12 & 63));
        u[n++] = (uint8_t)(0x80 | (c >> 6 & 63));
        u[n++] = (uint8_t)(0x80 | (c & 63));
    }
    capture_add(out, u, n);
}

static void escape(struct json *j, struct capture_bytes *out) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *at = NULL;
    unsigned c = 0;

    if (j->p >= j->end || !*j->p) {
        j->bad = 1;
        return;
    }
    at = strchr(from, *j->p);
    if (at) {
        capture_add(out, to + (at - from), 1);
        j->p++;
        return;
    }
    expect(j, 'u');
    c = hex_digits(j, 4);
    if (c >= 0xd800 && c < 0xdc00) {
        expect(j, '\\');
        expect(j, 'u');
        c = 0x10000 + ((c - 0xd800) << 10) + (hex_digits(j, 4) - 0xdc00);
    }
    if (!j->bad) add_utf8(out, c);
}

static void string(struct json *j, struct capture_bytes *out) {
    expect(j, '"');
    while (!j->bad && !next_is(j, '"')) {
        if (j->p >= j->end || (uint8_t)*j->p < 0x20) {
            j->bad = 1;
        } else if (next_is(j, '\\')) {
            escape(j, out);
        } else {
            capture_add(out, j->p, 1);
            j->p++;
        }
    }
}

static void number(struct json *j, struct capture_bytes *out) {
    char text[64];
    size_t n = 0;
    int real = 0;
    char *end = NULL;

    while (j->p < j->end && n + 1 < sizeof text && strchr("0123456789+-.eE", *j->p) && *j->p) {
        real |= strchr(".eE", *j->p) != NULL;
        text[n++] = *j->p++;
    }
    text[n] = 0;
    if (real) {
        add_real(out, strtod(text, &end));
    } else {
        add_integer(out, strtoll(text, &end, 10));
    }
    if (n == 0 || *end) j->bad = 1;
}

/* {"$blob":"…"}, {"$text":"…"}, {"$real":"…"} */
static void wrapped(struct json *j, struct capture_bytes *out) {
    struct capture_bytes name = {0}, text = {0}, raw = {0};
    struct json hex = {0};

    expect(j, '{');
    string(j, &name);
    expect(j, ':');
    string(j, &text);
    expect(j, '}');
    capture_add(&name, "", 1);
    capture_add(&text, "", 1);
    if (!j->bad && strcmp((char *)name.p, "$real") == 0) {
        if (strcmp((char *)text.p, "Infinity") != 0 && strcmp((char *)text.p, "-Infinity") != 0)
            j->bad = 1;
        add_real(out, text.p[0] == '-' ? -HUGE_VAL : HUGE_VAL);
    } else if (!j->bad) {
        int blob = strcmp((char *)name.p, "$blob") == 0;

        if (!blob && strcmp((char *)name.p, "$text") != 0) j->bad = 1;
        hex.p = (char *)text.p;
        hex.end = (char *)text.p + text.n - 1;
        while (!hex.bad && hex.p < hex.end) {
            uint8_t c = (uint8_t)hex_digits(&hex, 2);

            capture_add(&raw, &c, 1);
        }
        j->bad |= hex.bad;
        add_long(out, blob ? 'B' : 'T', raw.p, raw.n);
    }
    capture_free(&name);
    capture_free(&text);
    capture_free(&raw);
}

static void value(struct json *j, struct capture_bytes *out) {
    if (j->bad || j->p >= j->end) {
        j->bad = 1;
    } else if (*j->p == '"') {
        struct capture_bytes text = {0};

        string(j, &text);
        add_long(out, 'T', text.p, text.n);
        capture_free(&text);
    } else if (*j->p == '{') {
        wrapped(j, out);
    } else if (j->end - j->p >= 4 && memcmp(j->p, "null", 4) == 0) {
        capture_add(out, "N", 1);
        j->p += 4;
    } else {
        number(j, out);
    }
}

int capture_from_data(struct capture_bytes *names, struct capture_bytes *values, const char *s,
                      size_t n) {
    struct json j = {s, s + n, 0};

    expect(&j, '{');
    if (!next_is(&j, '}')) {
        do {
            string(&j, names);
            capture_add(names, "\n", 1);
            expect(&j, ':');
            value(&j, values);
        } while (next_is(&j, ','));
        expect(&j, '}');
    }
    return j.bad || j.p != j.end ? -1 : 0;
}

int capture_from_pk(struct capture_bytes *key, int n_key, int text_affinity, const char *s,
                    size_t n) {
    struct json j = {s, s + n, 0};
    int i;

    if (n_key == 1) {
        if (text_affinity && n > 0 && !memchr("\"[{", *s, 3)) {
            add_long(key, 'T', s, n);
            return 0;
        }
        value(&j, key);
        return j.bad || j.p != j.end ? -1 : 0;
    }
    expect(&j, '[');
    for (i = 0; i < n_key; i++) {
        if (i) expect(&j, ',');
        value(&j, key);
    }
    expect(&j, ']');
    return j.bad || j.p != j.end ? -1 : 0;
}

void capture_state_free(struct capture_state *s) {
    size_t i;

    for (i = 0; i < s->n; i++) {
        capture_free(&s->rows[i].key);
        capture_free(&s->rows[i].values);
    }
    free(s->rows);
    capture_free(&s->names);
    memset(s, 0, sizeof *s);
}

void capture_state_copy(struct capture_state *to, const struct capture_state *from) {
    size_t i;

    memset(to, 0, sizeof *to);
    capture_add(&to->names, from->names.p, from->names.n);
    for (i = 0; i < from->n; i++) {
        struct capture_bytes key = {0}, values = {0};

        capture_add(&key, from->rows[i].key.p, from->rows[i].key.n);
        capture_add(&values, from->rows[i].values.p, from->rows[i].values.n);
        capture_state_add(to, &key, &values);
    }
}

struct capture_row *capture_state_find(const struct capture_state *s,
                                       const struct capture_bytes *key) {
    size_t i;

    for (i = 0; i < s->n; i++) {
        if (capture_same(&s->rows[i].key, key)) return &s->rows[i];
    }
    return NULL;
}

void capture_state_add(struct capture_state *s, struct capture_bytes *key,
                       struct capture_bytes *values) {
    if (s->n == s->cap) {
        s->cap = s->cap * 2 + 16;
        s->rows = realloc(s->rows, s->cap * sizeof *s->rows);
        if (!s->rows) abort();
    }
    s->rows[s->n].key = *key;
    s->rows[s->n].values = *values;
    s->n++;
    memset(key, 0, sizeof *key);
    memset(values, 0, sizeof *values);
}

void capture_state_remove(struct capture_state *s, struct capture_row *row) {
    capture_free(&row->key);
    capture_free(&row->values);
    *row = s->rows[--s->n];
}

/* The row of `b` with r's key holds r's values. Rows mostly stand in the same places. */
static int has(const struct capture_state *b, size_t at, const struct capture_row *r) {
    const struct capture_row *other = at < b->n && capture_same(&b->rows[at].key, &r->key)
                                          ? &b->rows[at]
                                          : capture_state_find(b, &r->key);

    return other && capture_same(&other->values, &r->values);
}

int capture_state_same(const struct capture_state *a, const struct capture_state *b) {
    size_t i;

    if (a->n != b->n || !capture_same(&a->names, &b->names)) return 0;
    for (i = 0; i < a->n; i++) {
        if (!has(b, i, &a->rows[i])) return 0;
    }
    return 1;
}

void capture_print_values(FILE *out, const struct capture_bytes *values) {
    size_t at, k, n;

    for (at = 0; at < values->n; at += n) {
        const uint8_t *p = values->p + at;
        double real = 0;
        int64_t integer = 0;

        n = capture_value_size(p);
        if (*p == 'I') {
            memcpy(&integer, p + 1, sizeof integer);
            (void)fprintf(out, " %lld", (long long)integer);
        } else if (*p == 'R') {
            memcpy(&real, p + 1, sizeof real);
            (void)fprintf(out, " %.17g(real)", real);
        } else if (*p == 'N') {
            (void)fprintf(out, " NULL");
        } else {
            (void)fprintf(out, *p == 'T' ? " '" : " x'");
            for (k = 5; k < n && k < 45; k++) {
                if (*p == 'T' && p[k] >= 32 && p[k] < 127) {
                    (void)fputc(p[k], out);
                } else {
                    (void)fprintf(out, *p == 'T' ? "\\x%02x" : "%02x", p[k]);
                }
            }
            (void)fprintf(out, k < n ? "'… of %zu bytes" : "'", n - 5);
        }
    }
}

static void only_in(FILE *out, const char *name, const struct capture_state *a,
                    const struct capture_state *b) {
    size_t i;

    for (i = 0; i < a->n; i++) {
        if (has(b, i, &a->rows[i])) continue;
        (void)fprintf(out, "  %s only: key", name);
        capture_print_values(out, &a->rows[i].key);
        (void)fprintf(out, " row");
        capture_print_values(out, &a->rows[i].values);
        (void)fprintf(out, "\n");
    }
}

void capture_state_diff(FILE *out, const char *a_name, const struct capture_state *a,
                        const char *b_name, const struct capture_state *b) {
    if (!capture_same(&a->names, &b->names)) {
        (void)fprintf(out, "  columns of %s:\n%.*s  columns of %s:\n%.*s", a_name, (int)a->names.n,
                      a->names.n ? (char *)a->names.p : "", b_name, (int)b->names.n,
                      b->names.n ? (char *)b->names.p : "");
    }
    (void)fprintf(out, "  %s has %zu rows, %s has %zu\n", a_name, a->n, b_name, b->n);
    only_in(out, a_name, a, b);
    only_in(out, b_name, b, a);
}

const char *capture_default(long number_of_column, struct capture_bytes *out) {
    static const char *const declared[] = {"ANY",
                                           "INT DEFAULT 5",
                                           "TEXT DEFAULT 'dflt'",
                                           "REAL DEFAULT -0.5",
                                           "INT NOT NULL DEFAULT 7",
                                           "REAL DEFAULT 3",
                                           "TEXT DEFAULT 12",
                                           "BLOB DEFAULT x'00ff'"};
    long which = number_of_column % 8;

    switch (which) {
    case 0: capture_add(out, "N", 1); break;
    case 1: add_integer(out, 5); break;
    case 2: add_long(out, 'T', "dflt", 4); break;
    case 3: add_real(out, -0.5); break;
    case 4: add_integer(out, 7); break;
    case 5: add_real(out, 3); break;
    case 6: add_long(out, 'T', "12", 2); break;
    default: add_long(out, 'B', "\x00\xff", 2);
    }
    return declared[which];
}

/* Of the line at p: its length with the newline, and how much of it names the column for good. */
static size_t line(const uint8_t *p, const uint8_t *end, size_t *identity) {
    const uint8_t *stop = memchr(p, '\n', (size_t)(end - p));
    const uint8_t *cut = NULL;
    size_t n = stop ? (size_t)(stop - p) : (size_t)(end - p);

    *identity = n;
    if (n > 1 && p[0] == 'x' && p[1] >= '0' && p[1] <= '9') {
        cut = memchr(p, '_', n);
        if (cut) *identity = (size_t)(cut - p);
    }
    return n + 1;
}

/* Where the column named at p (identity n) is among `names`; -1: nowhere. */
static int place_of(const struct capture_bytes *names, const uint8_t *p, size_t n) {
    size_t at = 0, identity = 0;
    int i;

    for (i = 0; at < names->n; i++) {
        size_t len = line(names->p + at, names->p + names->n, &identity);

        if (identity == n && memcmp(names->p + at, p, n) == 0) return i;
        at += len;
    }
    return -1;
}

static void project_row(struct capture_row *row, const struct capture_bytes *from,
                        const struct capture_bytes *to) {
    struct capture_bytes out = {0};
    size_t at = 0, identity = 0;

    while (at < to->n) {
        size_t len = line(to->p + at, to->p + to->n, &identity);
        int place = place_of(from, to->p + at, identity);
        const uint8_t *p = row->values.p;

        if (place < 0) {
            (void)capture_default(strtol((const char *)to->p + at + 1, NULL, 10), &out);
        } else {
            for (; place > 0; place--)
                p += capture_value_size(p);
            capture_add(&out, p, capture_value_size(p));
        }
        at += len;
    }
    capture_free(&row->values);
    row->values = out;
}

void capture_project(struct capture_state *s, const struct capture_bytes *names) {
    size_t i;

    if (capture_same(&s->names, names)) return;
    for (i = 0; i < s->n; i++)
        project_row(&s->rows[i], &s->names, names);
    s->names.n = 0;
    capture_add(&s->names, names->p, names->n);
}

int capture_dump_prepare(sqlite3_stmt **stmt, sqlite3 *db, const char *table, const char *key_sql,
                         const char *names) {
    sqlite3_str *sql = sqlite3_str_new(NULL);
    const char *p = names, *stop = NULL;
    char *text = NULL;
    int rc;

    sqlite3_str_appendf(sql, "SELECT %s", key_sql);
    for (; (stop = strchr(p, '\n')) != NULL; p = stop + 1) {
        sqlite3_str_appendall(sql, ", \"");
        for (; p < stop; p++)
            sqlite3_str_append(sql, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
        sqlite3_str_appendchar(sql, 1, '"');
    }
    sqlite3_str_appendf(sql, " FROM main.\"%w\"", table);
    text = sqlite3_str_finish(sql);
    rc = sqlite3_prepare_v2(db, text, -1, stmt, NULL);
    sqlite3_free(text);
    return rc;
}

int capture_dump(struct capture_state *out, sqlite3_stmt *stmt, int n_key, const char *names) {
    int i;

    memset(out, 0, sizeof *out);
    capture_add(&out->names, names, strlen(names));
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        struct capture_bytes key = {0}, values = {0};

        for (i = 0; i < n_key; i++)
            capture_column(&key, stmt, i);
        for (; i < sqlite3_column_count(stmt); i++)
            capture_column(&values, stmt, i);
        capture_state_add(out, &key, &values);
    }
    return sqlite3_reset(stmt);
}
