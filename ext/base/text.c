/* text.c: UTF-8 and JSON checks at memory speed, and writing of quoted and escaped text.
**
** Both checks stand in the insert path of every event. Bytes that need no thought (ASCII; inside a
** JSON string: neither a quote, a backslash nor a control character) are passed 16 at a time where
** SSE2 is there (most names and values end within the first step), else 8 at a time: a word in which the test bits of all 8 bytes are clear holds none of the others. The lowest set test bit
** is exact; higher ones may be an artefact of the subtraction's borrow and are not looked at.
**
** The JSON check is a state machine with one bit per open bracket ({ or [), so its depth is bounded
** by that bit set and not by the stack. Lone \uD800-\uDFFF escapes pass: RFC 8259 lets them.
*/
#include "text.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define DEPTH_MAX 1000

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
#define HIGH EACH(0x80)

static inline uint64_t load8(const uint8_t *p) {
    uint64_t w;

    memcpy(&w, p, sizeof w);
    return w;
}

/* How many bytes at the front of a word are free of set test bits. */
static inline unsigned clean_bytes(uint64_t bits) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (unsigned)__builtin_ctzll(bits) / 8;
#else
    (void)bits; /* the borrow runs the other way: the caller goes byte by byte */
    return 0;
#endif
}

/* Sets the test bit of each byte that is < 0x20, `"` or `\`. */
static inline uint64_t string_bits(uint64_t w) {
    uint64_t quote = w ^ EACH('"'), backslash = w ^ EACH('\\');

    return (((w - EACH(0x20)) & ~w) | ((quote - EACH(1)) & ~quote) |
            ((backslash - EACH(1)) & ~backslash)) &
           HIGH;
}

static inline int is_tail(uint8_t c) {
    return (c & 0xC0) == 0x80;
}

/* Length of the multi-byte character at p (whose first byte is >= 0x80); 0 when it is none. */
static inline size_t utf8_length(const uint8_t *p, const uint8_t *end) {
    const size_t left = (size_t)(end - p);
    const uint8_t c = p[0];

    if (c < 0xE0) return c >= 0xC2 && left >= 2 && is_tail(p[1]) ? 2 : 0;
    if (c < 0xF0) {
        if (left < 3 || !is_tail(p[1]) || !is_tail(p[2])) return 0;
        return (c == 0xE0 && p[1] < 0xA0) || (c == 0xED && p[1] > 0x9F) ? 0 : 3;
    }
    if (c > 0xF4 || left < 4 || !is_tail(p[1]) || !is_tail(p[2]) || !is_tail(p[3])) return 0;
    return (c == 0xF0 && p[1] < 0x90) || (c == 0xF4 && p[1] > 0x8F) ? 0 : 4;
}

/* Sets the test bit of each byte that is NUL or not ASCII. */
static inline uint64_t odd_bits(uint64_t w) {
    return ((w - EACH(1)) | w) & HIGH;
}

int tarn_text_plain(const uint8_t *s, size_t n) {
    uint64_t bits = 0;
    size_t i;

    if (n < 8) {
        for (i = 0; i < n; i++)
            bits |= s[i] == 0 || s[i] >= 0x80;
        return bits == 0;
    }
    for (i = 0; i + 8 <= n; i += 8)
        bits |= odd_bits(load8(s + i));
    return (bits | odd_bits(load8(s + n - 8))) == 0;
}

size_t tarn_utf8_invalid(const uint8_t *s, size_t n) {
    size_t i = 0;

    while (i < n) {
        size_t len = 0;

        while (n - i >= 32 &&
               ((load8(s + i) | load8(s + i + 8) | load8(s + i + 16) | load8(s + i + 24)) & HIGH) ==
                   0)
            i += 32;
        while (n - i >= 8 && (load8(s + i) & HIGH) == 0)
            i += 8;
        while (i < n && s[i] < 0x80)
            i++;
        while (i < n && s[i] >= 0x80) {
            len = utf8_length(s + i, s + n);
            if (len == 0) return i;
            i += len;
        }
    }
    return n;
}

/* The parts of JSON below advance *pp past what they take and return 1, or leave *pp at the fault
** and return 0. */

static inline int is_hex(uint8_t c) {
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* *pp is at the backslash. */
static int json_escape(const uint8_t **pp, const uint8_t *end) {
    const uint8_t *p = *pp + 1;
    int ok = 0;

    if (p == end) goto out;
    switch (*p) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        p++;
        ok = 1;
        break;
    case 'u':
        p++;
        for (int i = 0; i < 4; i++, p++) {
            if (p == end || !is_hex(*p)) goto out;
        }
        ok = 1;
        break;
    default: break;
    }
out:
    *pp = p;
    return ok;
}

/* The first byte from p on that a JSON string has to look at (a quote, a backslash, a control or a
** non-ASCII byte), or one of the last few before `end`. */
static inline const uint8_t *skip_plain(const uint8_t *p, const uint8_t *end) {
#ifdef __SSE2__
    while (end - p >= 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
        __m128i odd = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20)); /* signed: 0x80 and up are odd too */
        unsigned bits;

        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
        odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
        bits = (unsigned)_mm_movemask_epi8(odd);
        if (bits != 0) return p + __builtin_ctz(bits);
        p += 16;
    }
#endif
    while (end - p >= 8) {
        uint64_t w = load8(p), bits = string_bits(w) | (w & HIGH);

        if (bits != 0) return p + clean_bytes(bits);
        p += 8;
    }
    return p;
}

/* *pp is behind the opening quote. */
static inline int json_string(const uint8_t **pp, const uint8_t *end) {
    const uint8_t *p = *pp;
    int ok = 0;

    for (;;) {
        p = skip_plain(p, end);
        if (p == end) goto out;
        if (*p == '"') {
            p++;
            ok = 1;
            goto out;
        }
        if (*p == '\\') {
            if (!json_escape(&p, end)) goto out;
        } else if (*p < 0x20) {
            goto out;
        } else if (*p < 0x80) {
            p++;
        } else {
            do {
                size_t len = utf8_length(p, end);

                if (len == 0) goto out;
                p += len;
            } while (p < end && *p >= 0x80);
        }
    }
out:
    *pp = p;
    return ok;
}

size_t tarn_json_string(const uint8_t *s, size_t n, size_t *where) {
    const uint8_t *p = s + 1;
    const int ok = json_string(&p, s + n);

    if (!ok) *where = (size_t)(p - s);
    return ok ? (size_t)(p - s) : 0;
}

static inline int json_digits(const uint8_t **pp, const uint8_t *end) {
    const uint8_t *p = *pp;

    while (p < end && (uint8_t)(*p - '0') <= 9)
        p++;
    if (p == *pp) return 0;
    *pp = p;
    return 1;
}

static int json_number(const uint8_t **pp, const uint8_t *end) {
    if (**pp == '-') ++*pp;
    if (*pp < end && **pp == '0')
        ++*pp;
    else if (!json_digits(pp, end))
        return 0;
    if (*pp < end && **pp == '.') {
        ++*pp;
        if (!json_digits(pp, end)) return 0;
    }
    if (*pp < end && (**pp | 0x20) == 'e') {
        ++*pp;
        if (*pp < end && (**pp == '+' || **pp == '-')) ++*pp;
        return json_digits(pp, end);
    }
    return 1;
}

static int json_word(const uint8_t **pp, const uint8_t *end, const char *word) {
    while (*word != '\0') {
        if (*pp == end || **pp != (uint8_t)*word) return 0;
        ++*pp;
        word++;
    }
    return 1;
}

static inline const uint8_t *json_space(const uint8_t *p, const uint8_t *end) {
    while (p < end && *p <= 0x20 && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
        p++;
    return p;
}

/* A value that holds no others. */
static inline int json_scalar(const uint8_t **pp, const uint8_t *end) {
    switch (**pp) {
    case '"': ++*pp; return json_string(pp, end);
    case 't': return json_word(pp, end, "true");
    case 'f': return json_word(pp, end, "false");
    case 'n': return json_word(pp, end, "null");
    default: return json_number(pp, end);
    }
}

/* Expects `"name" :`. */
static inline int json_name(const uint8_t **pp, const uint8_t *end) {
    *pp = json_space(*pp, end);
    if (*pp == end || **pp != '"') return 0;
    ++*pp;
    if (!json_string(pp, end)) return 0;
    *pp = json_space(*pp, end);
    if (*pp == end || **pp != ':') return 0;
    ++*pp;
    return 1;
}

int tarn_json_check(const uint8_t *s, size_t n, size_t *where) {
    uint64_t objects[DEPTH_MAX / 64 + 1] = {0}; /* bit d: the bracket at depth d is a { */
    const uint8_t *p = s, *end = n > 0 ? s + n : s;
    unsigned depth = 0;
    int in_object = 0;
    int ok = 0;

    for (;;) {
        p = json_space(p, end);
        if (p == end) goto out;
        if (*p == '{' || *p == '[') {
            if (depth == DEPTH_MAX) goto out;
            in_object = *p == '{';
            depth++;
            objects[depth / 64] &= ~(UINT64_C(1) << depth % 64);
            objects[depth / 64] |= (uint64_t)in_object << depth % 64;
            p = json_space(p + 1, end);
            if (p == end) goto out;
            if (*p != (in_object ? '}' : ']')) {
                if (in_object && !json_name(&p, end)) goto out;
                continue;
            }
        } else if (!json_scalar(&p, end)) {
            goto out;
        } else {
            p = json_space(p, end);
        }
        while (depth > 0 && p < end && *p == (in_object ? '}' : ']')) {
            depth--;
            in_object = (int)(objects[depth / 64] >> depth % 64 & 1);
            p = json_space(p + 1, end);
        }
        if (depth == 0) {
            ok = p == end;
            goto out;
        }
        if (p == end || *p != ',') goto out;
        p++;
        if (in_object && !json_name(&p, end)) goto out;
    }
out:
    if (!ok && where != NULL) *where = (size_t)(p - s);
    return ok ? 0 : -1;
}

static const char HEX_LOWER[] = "0123456789abcdef";
static const char HEX_UPPER[] = "0123456789ABCDEF";

static void quote_special(struct tarn_buf *b, uint8_t c) {
    static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
    const char *at = c != 0 ? strchr(from, c) : NULL;
    char text[6] = {'\\', 'u', '0', '0', HEX_LOWER[c >> 4], HEX_LOWER[c & 15]};

    if (at != NULL) {
        text[1] = to[at - from];
        tarn_buf_put(b, text, 2);
    } else {
        tarn_buf_put(b, text, 6);
    }
}

void tarn_json_quote(struct tarn_buf *b, const char *s, size_t n) {
    const uint8_t *p = (const uint8_t *)s, *end = n > 0 ? p + n : p, *run = p;

    tarn_buf_u8(b, '"');
    while (p < end) {
        while (end - p >= 8) {
            uint64_t bits = string_bits(load8(p));

            if (bits != 0) {
                p += clean_bytes(bits);
                break;
            }
            p += 8;
        }
        while (p < end && *p >= 0x20 && *p != '"' && *p != '\\')
            p++;
        tarn_buf_put(b, run, (size_t)(p - run));
        if (p < end) quote_special(b, *p++);
        run = p;
    }
    tarn_buf_u8(b, '"');
}

static inline int is_unreserved(uint8_t c) {
    return (uint8_t)((c | 0x20) - 'a') < 26 || (uint8_t)(c - '0') < 10 || c == '.' || c == '_' ||
           c == '-';
}

void tarn_percent_encode(struct tarn_buf *b, const char *s, size_t n) {
    const uint8_t *p = (const uint8_t *)s;

    for (size_t i = 0, run = 0; i <= n; i++) {
        if (i < n && is_unreserved(p[i])) continue;
        tarn_buf_put(b, p + run, i - run);
        if (i < n) {
            const char text[3] = {'%', HEX_UPPER[p[i] >> 4], HEX_UPPER[p[i] & 15]};

            tarn_buf_put(b, text, sizeof text);
        }
        run = i + 1;
    }
}

static inline uint8_t hex_value(uint8_t c) {
    return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

int tarn_percent_decode(struct tarn_buf *b, const char *s, size_t n) {
    const uint8_t *p = (const uint8_t *)s, *end = n > 0 ? p + n : p;

    while (p < end) {
        const uint8_t *escape = memchr(p, '%', (size_t)(end - p));

        if (escape == NULL) escape = end;
        tarn_buf_put(b, p, (size_t)(escape - p));
        if (escape == end) break;
        if (end - escape < 3 || !is_hex(escape[1]) || !is_hex(escape[2])) return -1;
        tarn_buf_u8(b, (uint8_t)(hex_value(escape[1]) << 4 | hex_value(escape[2])));
        p = escape + 3;
    }
    return 0;
}
