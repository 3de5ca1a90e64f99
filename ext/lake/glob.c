/* glob.c: GLOB over object keys.
**
** The pattern is run as a small automaton: a state is an offset into the pattern, all states that
** the characters read so far can lead to are held as a bit set, and each character of the key moves
** the whole set on. So no pattern makes it back up: the work is at most pattern length times key
** length, and with ordinary patterns two or three states are alive.
**
**   state at `*`  : stays on any character but `/`; also stands at what follows
**   state at `**` : stays on any character; also stands at what follows; and, when it is a whole
**                   folder, behind the `/` that follows, as long as it has read nothing
*/
#include <string.h>

#include "keys.h"

struct states {
    uint64_t bits[TARN_GLOB_MAX / 64 + 1];
    size_t words; /* in use */
};

/* One UTF-8 character at s; broken bytes count as characters of their own, above all others. */
static uint32_t character(const char *s, size_t *n) {
    const unsigned char *p = (const unsigned char *)s;
    uint32_t c = p[0];
    size_t more = c < 0xC0 ? 0 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : c < 0xF8 ? 3 : 0;
    *n = 1;
    if (c < 0x80) {
        return c;
    }
    uint32_t v = more ? c & (0x3Fu >> more) : 0;
    for (size_t i = 1; i <= more; i++) {
        if ((p[i] & 0xC0) != 0x80) {
            return 0x110000u + c;
        }
        v = v << 6 | (p[i] & 0x3Fu);
    }
    if (!more) {
        return 0x110000u + c;
    }
    *n = more + 1;
    return v;
}

/* [...] at p: does it hold c? *len = its length, 0 when it isn't closed. As SQLite has it: `^` first
** negates, `]` first is itself, `-` between two characters is a range. */
static int class_holds(const char *p, uint32_t c, size_t *len) {
    size_t i = 1;
    size_t n = 0;
    int negated = 0;
    int seen = 0;
    uint32_t previous = 0;
    int has_previous = 0;
    if (p[i] == '^') {
        negated = 1;
        i++;
    }
    if (p[i] == ']') {
        seen = c == ']';
        i++;
    }
    while (p[i] && p[i] != ']') {
        if (p[i] == '-' && has_previous && p[i + 1] && p[i + 1] != ']') {
            uint32_t upper = character(p + i + 1, &n);
            seen |= c >= previous && c <= upper;
            has_previous = 0;
            i += n + 1;
        } else {
            previous = character(p + i, &n);
            has_previous = 1;
            seen |= c == previous;
            i += n;
        }
    }
    *len = p[i] ? i + 1 : 0;
    return *len && seen != negated && c != '/';
}

/* Where the run of stars at `at` ends. */
static size_t stars_end(const char *pattern, size_t at) {
    while (pattern[at] == '*') {
        at++;
    }
    return at;
}

static void set(struct states *s, size_t at) {
    s->bits[at / 64] |= UINT64_C(1) << (at % 64);
}

/* Adds a state and all that can be reached from it without reading anything. */
static void add(struct states *s, const char *pattern, size_t at) {
    set(s, at);
    while (pattern[at] == '*') {
        size_t end = stars_end(pattern, at);
        int folder = end - at > 1 && pattern[end] == '/' && (at == 0 || pattern[at - 1] == '/');
        set(s, end);
        at = folder ? end + 1 : end;
        set(s, at);
    }
}

/* What state `at` becomes by reading character c of n bytes at `text`. */
static void step(struct states *next, const char *pattern, size_t at, uint32_t c, const char *text,
                 size_t n) {
    size_t len = 0;
    switch (pattern[at]) {
    case '*':
        if (c != '/' || pattern[at + 1] == '*') {
            set(next, at);
            set(next, stars_end(pattern, at));
        }
        break;
    case '?':
        if (c != '/') {
            add(next, pattern, at + 1);
        }
        break;
    case '[':
        if (class_holds(pattern + at, c, &len)) {
            add(next, pattern, at + len);
        }
        break;
    default:
        if (strncmp(pattern + at, text, n) == 0) {
            add(next, pattern, at + n);
        }
        break;
    }
}

int tarn_glob_match(const char *pattern, const char *key) {
    struct states now, next;
    size_t literal = tarn_glob_literal(pattern);
    size_t length = literal + strlen(pattern + literal);
    size_t n = 0;
    if (length > TARN_GLOB_MAX || strncmp(pattern, key, literal) != 0) {
        return 0;
    }
    now.words = next.words = length / 64 + 1;
    memset(now.bits, 0, now.words * sizeof *now.bits);
    add(&now, pattern, literal);
    for (const char *p = key + literal; *p; p += n) {
        uint32_t c = character(p, &n);
        uint64_t alive = 0;
        memset(next.bits, 0, next.words * sizeof *next.bits);
        for (size_t w = 0; w < now.words; w++) {
            for (uint64_t bits = now.bits[w]; bits; bits &= bits - 1) {
                size_t at = w * 64 + (size_t)__builtin_ctzll(bits);
                if (at < length) {
                    step(&next, pattern, at, c, p, n);
                }
            }
        }
        for (size_t w = 0; w < now.words; w++) {
            now.bits[w] = next.bits[w];
            alive |= next.bits[w];
        }
        if (!alive) {
            return 0;
        }
    }
    return (int)(now.bits[length / 64] >> (length % 64) & 1);
}

size_t tarn_glob_literal(const char *pattern) {
    return strcspn(pattern, "*?[");
}
