/* fuzz_keys.c: any bytes as a GLOB and a key, as names, and as a time in a key.
**
** What a pattern matches, the pattern and `**` matches with anything behind it; a key without
** special characters matches itself. Keys that were built are read back to the hour they are of.
*/
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "keys.h"
#include "mem.h"
#include "text.h"

static size_t touched;

/* `a` and `b`, NUL-terminated; the caller frees. */
static char *join(const char *a, const char *b) {
    size_t n = strlen(a), k = strlen(b);
    char *out = tarn_malloc(n + k + 1);

    assert(out);
    memcpy(out, a, n);
    memcpy(out + n, b, k + 1);
    return out;
}

static void globs(const char *pattern, const char *key) {
    char *wider = join(pattern, "**"), *longer = join(key, "/x.parquet");

    if (tarn_glob_match(pattern, key) && strlen(wider) <= TARN_GLOB_MAX) {
        assert(tarn_glob_match(wider, key));
        assert(tarn_glob_match(wider, longer));
        assert(strncmp(pattern, key, tarn_glob_literal(pattern)) == 0);
    }
    if (key[tarn_glob_literal(key)] == '\0' && strlen(key) <= TARN_GLOB_MAX)
        assert(tarn_glob_match(key, key));
    assert(tarn_glob_match("**", key));
    tarn_free(wider);
    tarn_free(longer);
}

static void parse(const char *key) {
    struct tarn_key_info info;
    size_t root = tarn_key_root_of(key);

    assert(root <= strlen(key));
    for (size_t at = 0; at <= root; at += root ? root : 1)
        if (tarn_key_parse(key, at, &info) == 0)
            assert(info.lo <= info.hi && info.lo >= TARN_TIME_MIN && info.hi <= TARN_TIME_MAX);
}

static void names(const char *name, int64_t ms) {
    struct tarn_buf b = TARN_BUF_INIT((size_t)1 << 20);
    struct tarn_buf plain = TARN_BUF_INIT((size_t)1 << 20);
    struct tarn_key_info info;
    struct tarn_err err = {0};
    size_t n = strlen(name), root = 0;
    int prefix = tarn_prefix_check(name, n, NULL) == TARN_OK;

    if (tarn_name_check(name, n, "namespace", &err) != TARN_OK) {
        assert(err.msg[0]);
    } else {
        tarn_key_root(&b, name, prefix ? name : "events");
        root = b.len;
        tarn_key_hour(&b, ms);
        tarn_buf_puts(&b, "_compact_01KAF7M5Z8Q4X2V6T0N3R9B1CD.parquet");
        tarn_buf_u8(&b, 0);
        assert(b.rc == TARN_OK && tarn_key_root_of((const char *)b.data) == root);
        assert(tarn_key_parse((const char *)b.data, root, &info) == 0);
        assert(info.lo <= ms && ms <= info.hi && info.hi - info.lo == 3600000 - 1);
        assert(info.compacted && info.level == TARN_LEVEL_HOUR);
        b.data[3 + strcspn((const char *)b.data + 3, "/")] = '\0';
        assert(tarn_percent_decode(&plain, (const char *)b.data + 3, strlen((char *)b.data + 3)) ==
               0);
        assert(plain.len == n && memcmp(plain.data, name, n) == 0);
    }
    tarn_buf_release(&plain);
    tarn_buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int64_t ms = 0;
    char *text = NULL;
    size_t n = 0;

    if (size < 8) return 0;
    memcpy(&ms, data, sizeof ms);
    ms = (int64_t)((uint64_t)ms % (uint64_t)TARN_TIME_MAX);
    text = tarn_strndup((const char *)data + 8, size - 8);
    assert(text);
    n = strlen(text);
    if (8 + n < size) {
        char *key = tarn_strndup((const char *)data + 8 + n + 1, size - 8 - n - 1);
        assert(key);
        globs(text, key);
        parse(key);
        tarn_free(key);
    }
    parse(text);
    names(text, ms);
    touched += tarn_glob_literal(text);
    tarn_free(text);
    return 0;
}
