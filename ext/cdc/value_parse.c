/* value_parse.c: values, rows and keys read back from their JSON (value.h).
**
** A reader of its own and no library: an integer keeps all its bits, text its NULs, and a text that
** has no escapes is pointed to where it stands. A value holds no other values but the one word of
** {"$blob":"…"}, so nothing here nests. The text may be anybody's: every fault is an error with its
** offset, and memory is taken for what is there, not for what is claimed.
*/
#include <math.h>
#include <string.h>

#include "cell_number.h"
#include "names.h"
#include "text.h"
#include "value.h"

struct reader {
    const uint8_t *s;
    size_t n, at;
    struct tarn_arena *arena;
    struct tarn_err *err;
};

static int bad(struct reader *r, size_t at, const char *why) {
    return tarn_err_set(r->err, TARN_ECORRUPT, "JSON at offset %zu: %s", at, why);
}

static int no_memory(struct reader *r) {
    return tarn_err_set(r->err, r->arena->rc, "no memory for a value of %zu bytes of JSON", r->n);
}

static void space(struct reader *r) {
    const uint8_t *s = r->s;

    while (r->at < r->n &&
           (s[r->at] == ' ' || s[r->at] == '\t' || s[r->at] == '\r' || s[r->at] == '\n'))
        r->at++;
}

/* Passes over c, with white space before it: 1, or 0 when something else is there. */
static int take(struct reader *r, char c) {
    space(r);
    if (r->at == r->n || r->s[r->at] != (uint8_t)c) return 0;
    r->at++;
    return 1;
}

static unsigned hex_digit(uint8_t c) {
    return c <= '9' ? (unsigned)c - '0' : (c | 0x20u) - 'a' + 10u;
}

static uint32_t hex4(const uint8_t *p) {
    return hex_digit(p[0]) << 12 | hex_digit(p[1]) << 8 | hex_digit(p[2]) << 4 | hex_digit(p[3]);
}

static uint8_t *put_character(uint8_t *to, uint32_t c) {
    if (c < 0x80) {
        *to++ = (uint8_t)c;
        return to;
    }
    if (c < 0x800) {
        *to++ = (uint8_t)(0xC0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *to++ = (uint8_t)(0xE0 | c >> 12);
        } else {
            *to++ = (uint8_t)(0xF0 | c >> 18);
            *to++ = (uint8_t)(0x80 | (c >> 12 & 0x3F));
        }
        *to++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
    }
    *to++ = (uint8_t)(0x80 | (c & 0x3F));
    return to;
}

/* The character of the well-formed escape behind the backslash at p; *len = bytes of the escape, the
** backslash included. UINT32_MAX: half of a surrogate pair. */
static uint32_t escape(const uint8_t *p, const uint8_t *end, size_t *len) {
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    uint32_t c = 0, low = 0;

    *len = 2;
    if (p[1] != 'u') return (uint8_t)to[strchr(from, p[1]) - from];
    *len = 6;
    c = hex4(p + 2);
    if (c < 0xD800 || c > 0xDFFF) return c;
    if (c > 0xDBFF || end - p < 12 || p[6] != '\\' || p[7] != 'u') return UINT32_MAX;
    low = hex4(p + 8);
    if (low < 0xDC00 || low > 0xDFFF) return UINT32_MAX;
    *len = 12;
    return 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
}

static int unescape(struct reader *r, struct tarn_slice raw, struct tarn_slice *out) {
    const uint8_t *p = raw.data, *end = p + raw.len;
    uint8_t *to = tarn_arena_alloc(r->arena, raw.len);

    if (to == NULL) return no_memory(r);
    out->data = to;
    while (p < end) {
        const uint8_t *stop = memchr(p, '\\', (size_t)(end - p));
        size_t len = (size_t)((stop != NULL ? stop : end) - p);
        uint32_t c = 0;

        memcpy(to, p, len);
        to += len;
        p += len;
        if (p == end) break;
        c = escape(p, end, &len);
        if (c == UINT32_MAX) return bad(r, (size_t)(p - r->s), "half of a surrogate pair");
        to = put_character(to, c);
        p += len;
    }
    out->len = (size_t)(to - out->data);
    return TARN_OK;
}

static int read_string(struct reader *r, struct tarn_slice *out) {
    struct tarn_slice raw;
    size_t where = 0, len = 0;

    space(r);
    if (r->at == r->n || r->s[r->at] != '"') return bad(r, r->at, "expected a string");
    len = tarn_json_string(r->s + r->at, r->n - r->at, &where);
    if (len == 0) {
        return bad(r, r->at + where,
                   r->at + where == r->n ? "the string has no end"
                                         : "a byte or escape that no JSON string may hold");
    }
    raw = (struct tarn_slice){r->s + r->at + 1, len - 2};
    r->at += len;
    if (memchr(raw.data, '\\', raw.len) != NULL) return unescape(r, raw, out);
    *out = raw;
    return TARN_OK;
}

static size_t digits(const struct reader *r, size_t at) {
    while (at < r->n && (uint8_t)(r->s[at] - '0') <= 9)
        at++;
    return at;
}

static int read_integer(struct reader *r, size_t at, size_t end, struct tarn_value *out) {
    const int negative = r->s[at] == '-';
    const uint64_t most = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    uint64_t v = 0;

    for (size_t i = at + (negative ? 1 : 0); i < end; i++) {
        const uint64_t digit = (uint64_t)(r->s[i] - '0');

        if (v > (most - digit) / 10) return bad(r, at, "an integer beyond 64 bits");
        v = v * 10 + digit;
    }
    out->type = TARN_VALUE_INTEGER;
    out->integer = (int64_t)(negative ? 0 - v : v);
    r->at = end;
    return TARN_OK;
}

static int read_real(struct reader *r, size_t at, size_t end, struct tarn_value *out) {
    char text[TARN_CELL_TEXT];

    if (end - at >= sizeof text) return bad(r, at, "a number of more than 255 characters");
    memcpy(text, r->s + at, end - at);
    text[end - at] = '\0';
    out->type = TARN_VALUE_REAL;
    out->real = tarn_parse_double(text);
    if (isinf(out->real)) return bad(r, at, "a number that is too large for a REAL");
    r->at = end;
    return TARN_OK;
}

static int read_number(struct reader *r, struct tarn_value *out) {
    const size_t at = r->at, from = at + (r->s[at] == '-' ? 1 : 0);
    size_t end = digits(r, from), part = 0;
    int real = 0;

    if (end == from) return bad(r, end, "expected a value");
    if (r->s[from] == '0' && end > from + 1) return bad(r, from + 1, "a digit behind a leading 0");
    if (end < r->n && r->s[end] == '.') {
        real = 1;
        part = end + 1;
        end = digits(r, part);
        if (end == part) return bad(r, end, "expected a digit");
    }
    if (end < r->n && (r->s[end] | 0x20) == 'e') {
        real = 1;
        part = end + 1;
        if (part < r->n && (r->s[part] == '+' || r->s[part] == '-')) part++;
        end = digits(r, part);
        if (end == part) return bad(r, end, "expected a digit");
    }
    return real ? read_real(r, at, end, out) : read_integer(r, at, end, out);
}

/* The bytes of lowercase hex digits, which stand in the string at `at`. */
static int read_hex(struct reader *r, size_t at, struct tarn_slice hex, struct tarn_slice *out) {
    uint8_t *to = NULL;

    if (hex.len % 2 != 0) return bad(r, at, "an odd number of hex digits");
    for (size_t i = 0; i < hex.len; i++) {
        if ((uint8_t)(hex.data[i] - '0') > 9 && (uint8_t)(hex.data[i] - 'a') > 5)
            return bad(r, at, "expected lowercase hex digits");
    }
    out->data = hex.data;
    out->len = hex.len / 2;
    if (hex.len == 0) return TARN_OK;
    to = tarn_arena_alloc(r->arena, out->len);
    if (to == NULL) return no_memory(r);
    for (size_t i = 0; i < out->len; i++)
        to[i] = (uint8_t)(hex_digit(hex.data[2 * i]) << 4 | hex_digit(hex.data[2 * i + 1]));
    out->data = to;
    return TARN_OK;
}

static int is(struct tarn_slice s, const char *word) {
    return s.len == strlen(word) && memcmp(s.data, word, s.len) == 0;
}

/* {"$real":…}, {"$text":…} or {"$blob":…}, behind its brace. */
static int read_wrapped(struct reader *r, struct tarn_value *out) {
    struct tarn_slice name, word;
    const size_t at = r->at;
    size_t word_at = 0;
    int rc = read_string(r, &name);

    if (rc == TARN_OK && !take(r, ':')) rc = bad(r, r->at, "expected a colon");
    if (rc != TARN_OK) return rc;
    space(r);
    word_at = r->at;
    rc = read_string(r, &word);
    if (rc == TARN_OK && !take(r, '}')) rc = bad(r, r->at, "expected the end of an object");
    if (rc != TARN_OK) return rc;
    if (is(name, "$real")) {
        out->type = TARN_VALUE_REAL;
        out->real = is(word, "Infinity") ? INFINITY : -INFINITY;
        return is(word, "Infinity") || is(word, "-Infinity")
                   ? TARN_OK
                   : bad(r, word_at, "expected \"Infinity\" or \"-Infinity\"");
    }
    if (!is(name, "$blob") && !is(name, "$text"))
        return bad(r, at, "expected \"$real\", \"$text\" or \"$blob\": no other object is a value");
    out->type = is(name, "$blob") ? TARN_VALUE_BLOB : TARN_VALUE_TEXT;
    rc = read_hex(r, word_at, word, &out->bytes);
    if (rc == TARN_OK && out->type == TARN_VALUE_TEXT &&
        tarn_utf8_invalid(out->bytes.data, out->bytes.len) == out->bytes.len)
        rc = bad(r, word_at, "text that is valid UTF-8 is written as a string");
    return rc;
}

static int read_value(struct reader *r, struct tarn_value *out) {
    *out = (struct tarn_value){TARN_VALUE_NULL, 0, 0, {NULL, 0}};
    space(r);
    if (r->at == r->n) return bad(r, r->at, "expected a value");
    switch (r->s[r->at]) {
    case '"': out->type = TARN_VALUE_TEXT; return read_string(r, &out->bytes);
    case '{': r->at++; return read_wrapped(r, out);
    case 'n':
        if (r->n - r->at < 4 || memcmp(r->s + r->at, "null", 4) != 0) break;
        r->at += 4;
        return TARN_OK;
    case 't':
    case 'f': return bad(r, r->at, "true and false are no values: SQLite stores 1 and 0");
    case '[': return bad(r, r->at, "an array is no value");
    default: return read_number(r, out);
    }
    return bad(r, r->at, "expected a value");
}

int tarn_value_from_json(const uint8_t *s, size_t n, size_t *at, struct tarn_arena *arena,
                         struct tarn_value *out, struct tarn_err *err) {
    struct reader r = {s, n, *at, arena, err};
    const int rc = read_value(&r, out);

    if (rc != TARN_OK) return rc;
    space(&r);
    *at = r.at;
    return TARN_OK;
}

static int at_end(struct reader *r) {
    space(r);
    return r->at == r->n ? TARN_OK : bad(r, r->at, "expected the end of the text");
}

/* An object's members as they come; the arrays double. */
struct members {
    struct tarn_slice *names;
    struct tarn_value *values;
    size_t n, room;
};

static int more_room(struct reader *r, struct members *m) {
    const size_t room = m->room > 0 ? 2 * m->room : 16;
    struct tarn_slice *names = tarn_arena_calloc(r->arena, room, sizeof *names);
    struct tarn_value *values =
        names != NULL ? tarn_arena_calloc(r->arena, room, sizeof *values) : NULL;

    if (values == NULL) return no_memory(r);
    if (m->n > 0) {
        memcpy(names, m->names, m->n * sizeof *names);
        memcpy(values, m->values, m->n * sizeof *values);
    }
    m->names = names;
    m->values = values;
    m->room = room;
    return TARN_OK;
}

static int read_members(struct reader *r, struct members *m) {
    int rc = TARN_OK;

    if (take(r, '}')) return TARN_OK;
    for (;;) {
        if (m->n == m->room) rc = more_room(r, m);
        if (rc == TARN_OK) rc = read_string(r, &m->names[m->n]);
        if (rc == TARN_OK && !take(r, ':')) rc = bad(r, r->at, "expected a colon");
        if (rc == TARN_OK) rc = read_value(r, &m->values[m->n]);
        if (rc != TARN_OK) return rc;
        m->n++;
        if (take(r, '}')) return TARN_OK;
        if (!take(r, ',')) return bad(r, r->at, "expected a comma or the end of the object");
    }
}

int tarn_value_from_object(const uint8_t *s, size_t len, struct tarn_arena *arena,
                           struct tarn_slice **names, struct tarn_value **values, size_t *n,
                           struct tarn_err *err) {
    struct reader r = {s, len, 0, arena, err};
    struct members m = {NULL, NULL, 0, 0};
    const struct tarn_slice *twice = NULL;
    int rc = TARN_OK;

    *names = NULL;
    *values = NULL;
    *n = 0;
    if (!take(&r, '{')) return bad(&r, r.at, "expected an object");
    rc = more_room(&r, &m); /* so that an object without members has arrays too */
    if (rc == TARN_OK) rc = read_members(&r, &m);
    if (rc == TARN_OK) rc = at_end(&r);
    if (rc == TARN_OK && tarn_names_twice(m.names, m.n, 0, arena, &twice) != TARN_OK)
        rc = no_memory(&r);
    if (rc != TARN_OK) return rc;
    if (twice != NULL) {
        return tarn_err_set(err, TARN_ECORRUPT, "JSON: the name '%.*s' comes twice in an object",
                            (int)(twice->len < 64 ? twice->len : 64), (const char *)twice->data);
    }
    *names = m.names;
    *values = m.values;
    *n = m.n;
    return TARN_OK;
}

static int read_array(struct reader *r, size_t n, struct tarn_value *values) {
    int rc = TARN_OK;

    if (!take(r, '[')) return bad(r, r->at, "expected an array of the key's values");
    for (size_t i = 0; i < n && rc == TARN_OK; i++) {
        if (i > 0 && !take(r, ',')) return bad(r, r->at, "expected another value of the key");
        rc = read_value(r, &values[i]);
    }
    if (rc == TARN_OK && !take(r, ']'))
        rc = bad(r, r->at, "expected the end of the key, which has no more columns");
    return rc == TARN_OK ? at_end(r) : rc;
}

/* Does text that begins with this stand as JSON in pk? */
static int looks_like_json(int first) {
    return first == '"' || first == '[' || first == '{';
}

int tarn_value_from_key(const uint8_t *s, size_t len, size_t n, int text_affinity,
                        struct tarn_arena *arena, struct tarn_value *values, struct tarn_err *err) {
    struct reader r = {s, len, 0, arena, err};
    const int first = len > 0 ? s[0] : 0;
    int rc = TARN_OK;

    if (n != 1) return read_array(&r, n, values);
    if (text_affinity && len > 0 && !looks_like_json(first)) {
        *values = (struct tarn_value){TARN_VALUE_TEXT, 0, 0, {s, len}};
        r.at = tarn_utf8_invalid(s, len);
        return r.at == len ? TARN_OK : bad(&r, r.at, "text that is not valid UTF-8");
    }
    if (text_affinity && first == '[') {
        rc = read_array(&r, 1, values);
        if (rc == TARN_OK && values->type >= TARN_VALUE_TEXT)
            rc = bad(&r, 0, "a key of text is not written as an array");
        return rc;
    }
    rc = read_value(&r, values);
    if (rc == TARN_OK) rc = at_end(&r);
    if (rc != TARN_OK || !text_affinity) return rc;
    if (values->type == TARN_VALUE_REAL) return bad(&r, 0, "a number as a key is [a number]");
    if (first == '"' && values->bytes.len > 0 && !looks_like_json(values->bytes.data[0]))
        return bad(&r, 0, "a key of text stands without quotes");
    return TARN_OK;
}
