/* json_member.c: finds a member in JSON text and hands it to SQLite.
**
** Nested values are skipped by counting brackets outside strings, so depth costs nothing. Payloads
** were checked when they were inserted; files of other writers may hold anything, and then this
** finds nothing or something harmless, within the bytes given.
*/
#include "json_member.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

struct span {
    const uint8_t *p, *end;
};

static void skip_space(struct span *s) {
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

/* From an opening quote to behind the closing one. 0 when it never closes. */
static int skip_string(struct span *s) {
    for (s->p++; s->p < s->end; s->p++) {
        if (*s->p == '"') {
            s->p++;
            return 1;
        }
        if (*s->p == '\\') s->p++;
    }
    return 0;
}

static int skip_value(struct span *s) {
    size_t depth = 0;

    if (s->p >= s->end) return 0;
    if (*s->p == '"') return skip_string(s);
    while (s->p < s->end) {
        uint8_t c = *s->p;
        if (c == '"') {
            if (!skip_string(s)) return 0;
            continue;
        }
        if (depth == 0 && (c == ',' || c == ']' || c == '}' || c <= ' ')) return 1;
        if (c == '{' || c == '[') depth++;
        s->p++;
        if ((c == '}' || c == ']') && --depth == 0) return 1;
    }
    return depth == 0;
}

static int find_member(struct tarn_slice json, const char *key, struct tarn_slice *value) {
    struct span s = {json.data, json.data + json.len};
    size_t key_len = strlen(key);

    if (!json.data) return 0;
    skip_space(&s);
    if (s.p >= s.end || *s.p != '{') return 0;
    s.p++;
    for (;;) {
        const uint8_t *name = NULL;
        size_t name_len = 0;

        skip_space(&s);
        if (s.p >= s.end || *s.p != '"') return 0;
        name = s.p + 1;
        if (!skip_string(&s)) return 0;
        name_len = (size_t)(s.p - name) - 1;
        skip_space(&s);
        if (s.p >= s.end || *s.p != ':') return 0;
        s.p++;
        skip_space(&s);
        value->data = s.p;
        if (!skip_value(&s)) return 0;
        value->len = (size_t)(s.p - value->data);
        if (name_len == key_len && memcmp(name, key, key_len) == 0) return value->len > 0;
        skip_space(&s);
        if (s.p >= s.end || *s.p != ',') return 0;
        s.p++;
    }
}

int tarn_json_member(struct tarn_slice json, const char *outer, const char *inner,
                     struct tarn_slice *value) {
    struct tarn_slice object;

    if (!inner) return find_member(json, outer, value);
    return find_member(json, outer, &object) && find_member(object, inner, value);
}

/* Four hex digits at p, or -1. */
static int hex4(const uint8_t *p, const uint8_t *end) {
    int v = 0;
    int i;

    if (end - p < 4) return -1;
    for (i = 0; i < 4; i++) {
        int c = p[i];
        int digit = c >= '0' && c <= '9'                 ? c - '0'
                    : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                         : -1;
        if (digit < 0) return -1;
        v = v * 16 + digit;
    }
    return v;
}

static size_t put_utf8(uint8_t *out, int c) {
    if (c < 0x80) {
        out[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (uint8_t)(0xC0 | (c >> 6));
        out[1] = (uint8_t)(0x80 | (c & 63));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (uint8_t)(0xE0 | (c >> 12));
        out[1] = (uint8_t)(0x80 | ((c >> 6) & 63));
        out[2] = (uint8_t)(0x80 | (c & 63));
        return 3;
    }
    out[0] = (uint8_t)(0xF0 | (c >> 18));
    out[1] = (uint8_t)(0x80 | ((c >> 12) & 63));
    out[2] = (uint8_t)(0x80 | ((c >> 6) & 63));
    out[3] = (uint8_t)(0x80 | (c & 63));
    return 4;
}

/* \uXXXX at p (behind the u), with its low surrogate if it has one. */
static size_t put_escape(uint8_t *out, const uint8_t **p, const uint8_t *end) {
    int c = hex4(*p, end);
    int low = -1;

    if (c < 0) return 0;
    *p += 4;
    if (c >= 0xD800 && c < 0xDC00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
        low = hex4(*p + 2, end);
        if (low >= 0xDC00 && low < 0xE000) {
            *p += 6;
            c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        }
    }
    if (c >= 0xD800 && c < 0xE000) c = 0xFFFD;
    return put_utf8(out, c);
}

/* Unescaped text is never longer than its JSON form. */
static void result_string(sqlite3_context *ctx, const uint8_t *p, const uint8_t *end) {
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    uint8_t *out = NULL;
    size_t n = 0;

    if (!memchr(p, '\\', (size_t)(end - p))) {
        sqlite3_result_text64(ctx, (const char *)p, (sqlite3_uint64)(end - p), SQLITE_TRANSIENT,
                              SQLITE_UTF8);
        return;
    }
    out = sqlite3_malloc64((sqlite3_uint64)(end - p));
    if (!out) {
        sqlite3_result_error_nomem(ctx);
        return;
    }
    while (p < end) {
        const char *at = NULL;
        if (*p != '\\' || p + 1 >= end) {
            out[n++] = *p++;
            continue;
        }
        p++;
        if (*p == 'u') {
            p++;
            n += put_escape(out + n, &p, end);
            continue;
        }
        at = memchr(from, *p, sizeof from - 1);
        out[n++] = at ? (uint8_t)to[at - from] : *p;
        p++;
    }
    sqlite3_result_text64(ctx, (const char *)out, n, sqlite3_free, SQLITE_UTF8);
}

static void result_minified(sqlite3_context *ctx, struct tarn_slice value) {
    struct span s = {value.data, value.data + value.len};
    char *out = sqlite3_malloc64(value.len);
    size_t n = 0;

    if (!out) {
        sqlite3_result_error_nomem(ctx);
        return;
    }
    while (s.p < s.end) {
        const uint8_t *from = s.p;
        if (*s.p == '"') {
            (void)skip_string(&s);
            if (s.p > s.end) s.p = s.end;
        } else {
            s.p++;
            if (*from <= ' ') continue;
        }
        memcpy(out + n, from, (size_t)(s.p - from));
        n += (size_t)(s.p - from);
    }
    sqlite3_result_text64(ctx, out, n, sqlite3_free, SQLITE_UTF8);
}

static void result_number(sqlite3_context *ctx, struct tarn_slice value) {
    char text[32];
    char *end = NULL;
    json_t *number = NULL;
    long long i = 0;

    if (value.len < sizeof text) {
        memcpy(text, value.data, value.len);
        text[value.len] = 0;
        errno = 0;
        i = strtoll(text, &end, 10);
        if (!errno && *end == 0 && end != text) {
            sqlite3_result_int64(ctx, i);
            return;
        }
    }
    /* Jansson, because strtod follows the host's locale. It takes "-1" but not 20-digit integers. */
    number = json_loadb((const char *)value.data, value.len,
                        JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL, NULL);
    if (json_is_real(number)) sqlite3_result_double(ctx, json_real_value(number));
    json_decref(number);
}

void tarn_json_result(sqlite3_context *ctx, struct tarn_slice value) {
    if (value.len == 0) return;
    switch (value.data[0]) {
    case '"':
        if (value.len >= 2) result_string(ctx, value.data + 1, value.data + value.len - 1);
        break;
    case '{':
    case '[': result_minified(ctx, value); break;
    case 't':
    case 'f': sqlite3_result_int(ctx, value.data[0] == 't'); break;
    case 'n': break;
    default: result_number(ctx, value); break;
    }
}
