/* encode_dict.c: open addressing with linear probing over (hash, code) pairs of 8 bytes.
**
** Half of the slots stay free. The hash multiplies 16-byte stretches to 128 bits and folds them; it
** is fast, not secret, so a chain of more than CHAIN slots ends the dictionary instead of making
** inserts quadratic.
*/
#include "encode_dict.h"

#include "mem.h"

enum { FIRST_SLOTS = 64, CHAIN = 256 };

static uint64_t mix(uint64_t a, uint64_t b) {
    unsigned __int128 m = (unsigned __int128)a * b;

    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint64_t load64(const uint8_t *p) {
    uint64_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static uint64_t load32(const uint8_t *p) {
    uint32_t v;

    memcpy(&v, p, sizeof v);
    return v;
}

static uint32_t hash_bytes(const uint8_t *p, size_t n) {
    const uint64_t k0 = UINT64_C(0xa0761d6478bd642f), k1 = UINT64_C(0xe7037ed1a0b428db);
    uint64_t a = 0, b = 0, seed = k0 ^ n;

    if (n > 16) {
        const uint8_t *last = p + n - 16;

        for (; p < last; p += 16)
            seed = mix(load64(p) ^ k1, load64(p + 8) ^ seed);
        a = load64(last);
        b = load64(last + 8);
    } else if (n >= 8) {
        a = load64(p);
        b = load64(p + n - 8);
    } else if (n >= 4) {
        a = load32(p);
        b = load32(p + n - 4);
    } else if (n > 0) {
        a = (uint64_t)p[0] << 16 | (uint64_t)p[n / 2] << 8 | p[n - 1];
    }
    return (uint32_t)(mix(mix(a ^ k1, b ^ seed), k0) >> 16);
}

void tarn_dict_init(struct tarn_dict *d, uint32_t fixed, uint32_t max_entries) {
    memset(d, 0, sizeof *d);
    /* The last entry may start below the limit and has its own limit from the caller. */
    tarn_buf_init(&d->plain, 2 * TARN_DICT_BYTES);
    tarn_buf_init(&d->offsets, 8 * TARN_DICT_BYTES);
    d->fixed = fixed;
    d->max_entries = max_entries;
}

void tarn_dict_release(struct tarn_dict *d) {
    tarn_buf_release(&d->plain);
    tarn_buf_release(&d->offsets);
    tarn_free(d->slots);
    d->slots = NULL;
    d->n_slots = d->n = 0;
}

void tarn_dict_clear(struct tarn_dict *d) {
    tarn_buf_clear(&d->plain);
    tarn_buf_clear(&d->offsets);
    if (d->n) memset(d->slots, 0, d->n_slots * sizeof *d->slots);
    d->n = d->last = 0;
}

size_t tarn_dict_memory(const struct tarn_dict *d) {
    return d->plain.cap + d->offsets.cap + d->n_slots * sizeof *d->slots;
}

static int grow(struct tarn_dict *d) {
    uint32_t n = d->n_slots ? d->n_slots * 2 : FIRST_SLOTS;
    struct tarn_dict_slot *slots = tarn_calloc(n, sizeof *slots);

    if (!slots) return d->plain.rc = TARN_ENOMEM;
    for (uint32_t i = 0; i < d->n_slots; i++) {
        uint32_t at = d->slots[i].hash & (n - 1);

        if (!d->slots[i].code) continue;
        while (slots[at].code)
            at = (at + 1) & (n - 1);
        slots[at] = d->slots[i];
    }
    tarn_free(d->slots);
    d->slots = slots;
    d->n_slots = n;
    return TARN_OK;
}

static uint32_t add_entry(struct tarn_dict *d, struct tarn_dict_slot *slot, uint32_t hash,
                          const void *p, size_t n) {
    size_t need = n + (d->fixed ? 0 : 4);

    if (d->n >= d->max_entries || need > TARN_DICT_BYTES || d->plain.len > TARN_DICT_BYTES - need)
        return TARN_DICT_FULL;
    if (!d->fixed) tarn_buf_le32(&d->plain, (uint32_t)n);
    tarn_buf_le32(&d->offsets, (uint32_t)d->plain.len);
    if (n) tarn_buf_put(&d->plain, p, n);
    if (d->plain.rc || d->offsets.rc) {
        d->plain.rc = d->plain.rc ? d->plain.rc : d->offsets.rc;
        return TARN_DICT_FULL;
    }
    slot->hash = hash;
    slot->code = ++d->n;
    d->last = d->n - 1;
    return d->last;
}

uint32_t tarn_dict_find_or_add(struct tarn_dict *d, const void *p, size_t n) {
    uint32_t hash = hash_bytes(p, n), at;

    if (d->n * 2 >= d->n_slots && grow(d)) return TARN_DICT_FULL;
    at = hash & (d->n_slots - 1);
    for (int i = 0; i < CHAIN; i++, at = (at + 1) & (d->n_slots - 1)) {
        struct tarn_dict_slot *slot = &d->slots[at];
        size_t len;
        const uint8_t *v;

        if (!slot->code) return add_entry(d, slot, hash, p, n);
        if (slot->hash != hash) continue;
        v = tarn_dict_entry(d, slot->code - 1, &len);
        if (len == n && tarn_dict_equal(v, p, n)) return d->last = slot->code - 1;
    }
    return TARN_DICT_FULL;
}
