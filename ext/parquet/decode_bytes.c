/* decode_bytes.c: byte arrays whose lengths, and shared prefixes, are delta-encoded.
**
**   DELTA_LENGTH_BYTE_ARRAY:  lengths | bytes of all values
**   DELTA_BYTE_ARRAY:         prefix lengths | suffix lengths | bytes of all suffixes
**
** A value without prefix is a slice of the page. One with a prefix is put together in the arena;
** since prefixes can blow a few bytes up to gigabytes, a page may make 1 GiB at most, besides the
** arena's budget. The value before the next one is copied between calls: arenas die sooner.
*/
#include "decode_bytes.h"

#include <string.h>

#include "err.h"
#include "mem.h"

#define STEP 256
#define MADE_MAX ((uint64_t)1 << 30)

int tarn_bytes_init(struct tarn_values_decoder *d, struct tarn_slice body, const char **why) {
    struct tarn_bytes_state *s = &d->u.bytes;
    const uint8_t *p = body.data;
    memset(s, 0, sizeof *s);
    *why = "the lengths of a delta-encoded page of byte arrays are damaged";
    if (body.len == 0) return TARN_OK;
    if (d->encoding == TARN_DELTA_BYTE_ARRAY) {
        if (tarn_delta_init(&s->prefix, p, body.len)) return TARN_ECORRUPT;
        p = tarn_delta_end(&s->prefix);
        if (!p) return TARN_ECORRUPT;
    }
    if (tarn_delta_init(&s->length, p, (size_t)(d->end - p))) return TARN_ECORRUPT;
    p = tarn_delta_end(&s->length);
    if (!p) return TARN_ECORRUPT;
    if (d->encoding == TARN_DELTA_BYTE_ARRAY && s->prefix.total != s->length.total)
        return TARN_ECORRUPT;
    d->p = p;
    return TARN_OK;
}

/* The next k values without prefixes. */
static int read_lengths(struct tarn_values_decoder *d, struct tarn_slice *out, uint32_t k) {
    int32_t len[STEP];
    const uint8_t *p = d->p;
    if (tarn_delta_read32(&d->u.bytes.length, len, k)) return TARN_ECORRUPT;
    for (uint32_t i = 0; i < k; i++) {
        if (len[i] < 0 || (size_t)len[i] > (size_t)(d->end - p)) return TARN_ECORRUPT;
        out[i].data = p;
        out[i].len = (size_t)len[i];
        p += len[i];
    }
    d->p = p;
    return TARN_OK;
}

/* The next k values with prefixes. First a pass that checks and adds up, then one that copies. */
static int read_prefixed(struct tarn_values_decoder *d, struct tarn_slice *out, uint32_t k,
                         struct tarn_arena *arena) {
    struct tarn_bytes_state *s = &d->u.bytes;
    int32_t prefix[STEP], suffix[STEP];
    size_t before = s->last.len, make = 0;
    const uint8_t *p = d->p;
    uint8_t *to = NULL;
    if (tarn_delta_read32(&s->prefix, prefix, k) || tarn_delta_read32(&s->length, suffix, k))
        return TARN_ECORRUPT;
    for (uint32_t i = 0; i < k; i++) {
        if (prefix[i] < 0 || suffix[i] < 0 || (size_t)prefix[i] > before ||
            (size_t)suffix[i] > (size_t)(d->end - p))
            return TARN_ECORRUPT;
        p += suffix[i];
        before = (size_t)prefix[i] + (size_t)suffix[i];
        if (d->physical == TARN_FIXED && before != d->fixed_len) return TARN_ECORRUPT;
        if (prefix[i]) make += before;
        if (make > MADE_MAX - s->made) return TARN_ECORRUPT;
    }
    s->made += make;
    if (make) {
        to = tarn_arena_alloc(arena, make);
        if (!to) return arena->rc;
    }
    p = d->p;
    for (uint32_t i = 0; i < k; i++) {
        size_t np = (size_t)prefix[i], ns = (size_t)suffix[i];
        if (np == 0) {
            out[i].data = p;
        } else {
            memcpy(to, s->last.data, np);
            memcpy(to + np, p, ns);
            out[i].data = to;
            to += np + ns;
        }
        out[i].len = np + ns;
        s->last = out[i];
        p += ns;
    }
    d->p = p;
    return TARN_OK;
}

/* Makes s->last, whose first `keep` bytes matter, a part of `own` with room for n bytes. */
static int own_last(struct tarn_bytes_state *s, size_t keep, size_t n) {
    if (s->own_cap < n) {
        uint8_t *own = tarn_malloc(n * 2);
        if (!own) return TARN_ENOMEM;
        if (keep) memcpy(own, s->last.data, keep);
        tarn_free(s->own);
        s->own = own;
        s->own_cap = n * 2;
    } else if (keep && s->last.data != s->own) {
        memcpy(s->own, s->last.data, keep);
    }
    s->last.data = s->own;
    return TARN_OK;
}

/* Copies the last value: the arena it may lie in dies sooner than the decoder. */
static int keep_last(struct tarn_values_decoder *d, const char **why) {
    struct tarn_bytes_state *s = &d->u.bytes;
    if (s->last.len == 0 || s->last.data == s->own) return TARN_OK;
    *why = "no memory for a value";
    return own_last(s, s->last.len, s->last.len);
}

int tarn_bytes_read(struct tarn_values_decoder *d, struct tarn_slice *out, uint32_t n,
                    struct tarn_arena *arena, const char **why) {
    int rc = TARN_OK;
    *why = "the lengths of a delta-encoded page of byte arrays don't fit its bytes";
    while (n > 0 && !rc) {
        uint32_t k = n < STEP ? n : STEP;
        rc = d->encoding == TARN_DELTA_BYTE_ARRAY ? read_prefixed(d, out, k, arena)
                                                  : read_lengths(d, out, k);
        out += k;
        n -= k;
    }
    if (!rc && d->encoding == TARN_DELTA_BYTE_ARRAY) rc = keep_last(d, why);
    return rc;
}

/* The next k values with prefixes, of which only the last is put together: a prefix of what is in
** `own` stays where it is. */
static int skip_prefixed(struct tarn_values_decoder *d, uint32_t k, const char **why) {
    struct tarn_bytes_state *s = &d->u.bytes;
    int32_t prefix[STEP], suffix[STEP];
    if (tarn_delta_read32(&s->prefix, prefix, k) || tarn_delta_read32(&s->length, suffix, k))
        return TARN_ECORRUPT;
    for (uint32_t i = 0; i < k; i++) {
        size_t np = (size_t)prefix[i], ns = (size_t)suffix[i];
        if (prefix[i] < 0 || suffix[i] < 0 || np > s->last.len || ns > (size_t)(d->end - d->p) ||
            (d->physical == TARN_FIXED && np + ns != d->fixed_len))
            return TARN_ECORRUPT;
        if (np == 0) {
            s->last.data = d->p;
        } else if (own_last(s, np, np + ns)) {
            *why = "no memory for a value";
            return TARN_ENOMEM;
        } else {
            memcpy(s->own + np, d->p, ns);
        }
        s->last.len = np + ns;
        d->p += ns;
    }
    return TARN_OK;
}

int tarn_bytes_skip(struct tarn_values_decoder *d, uint32_t n, const char **why) {
    struct tarn_slice out[STEP];
    int rc = TARN_OK;
    *why = "the lengths of a delta-encoded page of byte arrays don't fit its bytes";
    while (n > 0 && !rc) {
        uint32_t k = n < STEP ? n : STEP;
        rc = d->encoding == TARN_DELTA_BYTE_ARRAY ? skip_prefixed(d, k, why)
                                                  : read_lengths(d, out, k);
        n -= k;
    }
    return rc;
}

void tarn_bytes_release(struct tarn_values_decoder *d) {
    tarn_free(d->u.bytes.own);
    d->u.bytes.own = NULL;
}
