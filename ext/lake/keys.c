/* keys.c: builds the keys of event files and reads them back (DESIGN section 2).
**
**   ns/acme/events/2026/02/02/14/_compact_01JJ….parquet
**   |--- root ----|     |        |
**                 |-- time: each folder narrows [lo, hi] --|-- name: format, compacted or not
**
** A folder that isn't the number its place asks for (a foreign layout, month 13, 30 February) ends
** the narrowing: what the folders before it say stands. Whether folders may be believed is the
** catalog's question, not this file's.
*/
#include "keys.h"

#include <string.h>

#include "text.h"

#define NAME_MAX_BYTES 255
#define PREFIX_MAX_BYTES 64

static const char *const reserved_names[] = {"ns", "cdc", "dedup", "dead-letter", "_tarn"};

static int unreserved(unsigned char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

int tarn_name_check(const char *name, size_t n, const char *what, struct tarn_err *err) {
    size_t encoded = 0;
    if (n == 0) {
        return tarn_err_set(err, TARN_EINVAL, "%s is empty: give 1 to %d bytes", what,
                            NAME_MAX_BYTES);
    }
    if ((n == 1 && name[0] == '.') || (n == 2 && name[0] == '.' && name[1] == '.')) {
        return tarn_err_set(err, TARN_EINVAL, "%s can't be '%.*s', which means a folder", what,
                            (int)n, name);
    }
    if (memchr(name, 0, n)) {
        return tarn_err_set(err, TARN_EINVAL, "%s contains a NUL byte", what);
    }
    for (size_t i = 0; i < n && encoded <= NAME_MAX_BYTES; i++) {
        encoded += unreserved((unsigned char)name[i]) ? 1 : 3;
    }
    if (encoded > NAME_MAX_BYTES) {
        return tarn_err_set(err, TARN_EINVAL,
                            "%s '%.40s…' is too long: at most %d bytes, where a byte other than "
                            "A-Z a-z 0-9 . _ - counts as 3",
                            what, name, NAME_MAX_BYTES);
    }
    size_t bad = tarn_utf8_invalid((const uint8_t *)name, n);
    if (bad < n) {
        return tarn_err_set(err, TARN_EINVAL, "%s is not valid UTF-8 at byte %zu", what, bad);
    }
    return TARN_OK;
}

int tarn_key_reserved(const char *name, size_t n) {
    for (size_t i = 0; i < sizeof reserved_names / sizeof *reserved_names; i++) {
        if (strlen(reserved_names[i]) == n && memcmp(reserved_names[i], name, n) == 0) {
            return 1;
        }
    }
    return 0;
}

int tarn_prefix_check(const char *prefix, size_t n, struct tarn_err *err) {
    if (n == 0 || n > PREFIX_MAX_BYTES) {
        return tarn_err_set(err, TARN_EINVAL,
                            "prefix has %zu bytes: expected a word of 1 to %d of A-Z a-z 0-9 _ -, "
                            "such as events, webhooks or tail",
                            n, PREFIX_MAX_BYTES);
    }
    for (size_t i = 0; i < n; i++) {
        if (!unreserved((unsigned char)prefix[i]) || prefix[i] == '.') {
            return tarn_err_set(err, TARN_EINVAL,
                                "prefix '%.*s' has a character other than A-Z a-z 0-9 _ - at %zu",
                                (int)n, prefix, i);
        }
    }
    if (tarn_key_reserved(prefix, n)) {
        return tarn_err_set(err, TARN_EINVAL,
                            "prefix '%.*s' is a folder of the lake itself: events live in others, "
                            "such as events, webhooks or tail",
                            (int)n, prefix);
    }
    return TARN_OK;
}

void tarn_key_root(struct tarn_buf *b, const char *namespace_, const char *prefix) {
    if (namespace_ && *namespace_) {
        tarn_buf_puts(b, "ns/");
        tarn_percent_encode(b, namespace_, strlen(namespace_));
        tarn_buf_puts(b, "/");
    }
    tarn_buf_puts(b, prefix);
    tarn_buf_puts(b, "/");
}

void tarn_key_hour(struct tarn_buf *b, int64_t ms) {
    struct tarn_civil c;
    tarn_time_civil(ms, &c);
    tarn_buf_printf(b, "%04d/%02d/%02d/%02d/", c.year, c.month, c.day, c.hour);
}

size_t tarn_key_root_of(const char *key) {
    int folders = strncmp(key, "ns/", 3) == 0 ? 3 : 1;
    size_t root = 0;
    while (folders-- > 0) {
        const char *slash = strchr(key + root, '/');
        if (!slash) {
            break;
        }
        root = (size_t)(slash - key) + 1;
    }
    return root;
}

/* The number that all n characters are, or -1. */
static int digits(const char *s, size_t n) {
    int v = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') {
            return -1;
        }
        v = v * 10 + (s[i] - '0');
    }
    return v;
}

static int days_in_month(int year, int month) {
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && leap);
}

void tarn_key_time_init(struct tarn_key_time *t) {
    memset(t, 0, sizeof *t);
    t->civil.month = 1;
    t->civil.day = 1;
    t->lo = TARN_TIME_MIN;
    t->hi = TARN_TIME_MAX;
}

int tarn_key_time_enter(struct tarn_key_time *t, const char *folder, size_t n) {
    int v = (t->depth >= 0 && t->depth < 4 && n == (t->depth ? 2 : 4)) ? digits(folder, n) : -1;
    struct tarn_civil last;
    if (v < 0 || (t->depth == 1 && (v < 1 || v > 12)) ||
        (t->depth == 2 && (v < 1 || v > days_in_month(t->civil.year, t->civil.month))) ||
        (t->depth == 3 && v > 23)) {
        t->depth = -1;
        return 0;
    }
    switch (t->depth) {
    case 0: t->civil.year = v; break;
    case 1: t->civil.month = v; break;
    case 2: t->civil.day = v; break;
    default: t->civil.hour = v; break;
    }
    t->known = ++t->depth;
    last = t->civil;
    if (t->depth < 2) {
        last.month = 12;
    }
    if (t->depth < 3) {
        last.day = days_in_month(last.year, last.month);
    }
    if (t->depth < 4) {
        last.hour = 23;
    }
    last.minute = 59;
    last.second = 59;
    last.ms = 999;
    t->lo = tarn_time_from_civil(&t->civil);
    t->hi = tarn_time_from_civil(&last);
    return 1;
}

int tarn_key_hidden(const char *folder, size_t n) {
    return n > 0 && (folder[0] == '.' || (folder[0] == '_' && !memchr(folder, '=', n)));
}

static int has_suffix(const char *s, size_t n, const char *suffix) {
    size_t k = strlen(suffix);
    return n > k && memcmp(s + n - k, suffix, k) == 0;
}

int tarn_key_parse(const char *key, size_t root_len, struct tarn_key_info *out) {
    static const char compact[] = "_compact_";
    struct tarn_key_time t;
    const char *name = key + root_len;
    const char *slash = NULL;
    tarn_key_time_init(&t);
    while ((slash = strchr(name, '/')) != NULL) {
        size_t n = (size_t)(slash - name);
        if (tarn_key_hidden(name, n)) {
            return -1;
        }
        if (t.depth >= 0) {
            tarn_key_time_enter(&t, name, n);
        }
        name = slash + 1;
    }
    size_t n = strlen(name);
    memset(out, 0, sizeof *out);
    if (name[0] == '.') {
        return -1;
    }
    if (has_suffix(name, n, ".parquet")) {
        out->format = TARN_FILE_PARQUET;
        out->compacted = n >= sizeof compact - 1 && memcmp(name, compact, sizeof compact - 1) == 0;
    } else if (has_suffix(name, n, ".jsonl")) {
        out->format = TARN_FILE_JSONL;
    } else {
        return -1;
    }
    if (out->compacted) {
        out->level = t.known == 4 ? TARN_LEVEL_HOUR : TARN_LEVEL_DAY;
    }
    out->lo = t.lo;
    out->hi = t.hi;
    return 0;
}
