/* variant.c: objects, arrays and names of binary variants, and their JSON; scalars are
** variant_scalar.c's.
**
** A stack of open objects and arrays takes the place of recursion. Each knows how many bytes its
** members took so far: members that overlap, so that a few bytes would unfold to gigabytes, are
** refused.
*/
#include "variant.h"

#include <string.h>

#include "text.h"
#include "variant_scalar.h"

static const char outside[] = "a variant's offsets lead outside its bytes";

static uint32_t read_le(const uint8_t *p, unsigned size) {
    uint32_t v = 0;
    for (unsigned i = 0; i < size; i++)
        v |= (uint32_t)p[i] << (8 * i);
    return v;
}

int tarn_variant_names(struct tarn_variant_names *names, struct tarn_slice metadata,
                       const char **why) {
    const uint8_t *p = metadata.data;
    size_t left = metadata.len, end = 0;
    memset(names, 0, sizeof *names);
    *why = "a variant's metadata is empty";
    if (left == 0) return TARN_ECORRUPT;
    *why = "a variant's metadata is of a version that this build doesn't know";
    if ((p[0] & 15) != 1) return TARN_EUNSUPPORTED;
    *why = "a variant's metadata ends too early";
    names->size = (uint8_t)((p[0] >> 6) + 1);
    if (left - 1 < names->size) return TARN_ECORRUPT;
    names->n = read_le(p + 1, names->size);
    left -= 1u + names->size;
    if ((uint64_t)names->n + 1 > left / names->size) return TARN_ECORRUPT;
    names->offsets = p + 1 + names->size;
    names->bytes = names->offsets + ((size_t)names->n + 1) * names->size;
    names->n_bytes = left - ((size_t)names->n + 1) * names->size;
    end = read_le(names->offsets + (size_t)names->n * names->size, names->size);
    *why = "a variant's names lead outside its metadata";
    if (end > names->n_bytes) return TARN_ECORRUPT;
    names->n_bytes = end;
    names->length = (size_t)(names->bytes - p) + end;
    return TARN_OK;
}

int tarn_variant_name(const struct tarn_variant_names *names, uint32_t id, struct tarn_slice *name,
                      const char **why) {
    uint32_t from = 0, to = 0;
    *why = "a variant's field has no name in the metadata";
    if (id >= names->n) return TARN_ECORRUPT;
    from = read_le(names->offsets + (size_t)id * names->size, names->size);
    to = read_le(names->offsets + ((size_t)id + 1) * names->size, names->size);
    *why = "a variant's names lead outside its metadata";
    if (from > to || to > names->n_bytes) return TARN_ECORRUPT;
    *name = (struct tarn_slice){names->bytes + from, to - from};
    *why = "a variant's field name is not UTF-8";
    return tarn_utf8_invalid(name->data, name->len) == name->len ? TARN_OK : TARN_ECORRUPT;
}

/* The object or array at the beginning of `s`; *used = how many bytes it takes. */
static int open_group(struct tarn_variant_group *g, struct tarn_slice s, size_t *used,
                      const char **why) {
    unsigned header = s.data[0] >> 2;
    int large = 0;
    size_t at = 1, count = 1;
    memset(g, 0, sizeof *g);
    g->is_object = (s.data[0] & 3) == TARN_VARIANT_OBJECT;
    g->offset_size = (uint8_t)((header & 3) + 1);
    g->id_size = g->is_object ? (uint8_t)((header >> 2 & 3) + 1) : 0;
    large = (header >> (g->is_object ? 4 : 2)) & 1;
    if (large) count = 4;
    *why = outside;
    if (s.len - at < count) return TARN_ECORRUPT;
    g->n = read_le(s.data + at, (unsigned)count);
    at += count;
    if ((s.len - at) / ((size_t)g->id_size + g->offset_size) < g->n) return TARN_ECORRUPT;
    g->ids = s.data + at;
    at += (size_t)g->n * g->id_size;
    g->offsets = s.data + at;
    if ((s.len - at) / g->offset_size < (size_t)g->n + 1) return TARN_ECORRUPT;
    at += ((size_t)g->n + 1) * g->offset_size;
    g->values = s.data + at;
    g->n_values = read_le(g->offsets + (size_t)g->n * g->offset_size, g->offset_size);
    if (g->n_values > s.len - at) return TARN_ECORRUPT;
    *used = at + g->n_values;
    return TARN_OK;
}

int tarn_variant_object(struct tarn_variant_group *g, struct tarn_slice value, const char **why) {
    size_t used = 0;
    *why = "a variant's value is not an object, where shredded fields stand beside it";
    if (value.len == 0 || (value.data[0] & 3) != TARN_VARIANT_OBJECT) return TARN_ECORRUPT;
    return open_group(g, value, &used, why);
}

int tarn_variant_member(const struct tarn_variant_group *g, uint32_t i,
                        const struct tarn_variant_names *names, struct tarn_slice *name,
                        struct tarn_slice *value, const char **why) {
    size_t from = read_le(g->offsets + (size_t)i * g->offset_size, g->offset_size);
    *why = outside;
    if (from >= g->n_values) return TARN_ECORRUPT;
    *value = (struct tarn_slice){g->values + from, g->n_values - from};
    if (!name) return TARN_OK;
    return tarn_variant_name(names, read_le(g->ids + (size_t)i * g->id_size, g->id_size), name,
                             why);
}

struct open { /* an object or array whose members are being printed */
    struct tarn_variant_group g;
    uint32_t i;  /* the next member */
    size_t used; /* bytes of the members so far */
};

/* Closes what is complete; then *value is the next member, its name printed. *depth 0: the end. */
static int next_member(struct tarn_buf *b, const struct tarn_variant_names *names,
                       struct open *stack, unsigned *depth, struct tarn_slice *value,
                       const char **why) {
    while (*depth > 0) {
        struct open *o = &stack[*depth - 1];
        struct tarn_slice name;
        int rc = TARN_OK;
        if (o->i == o->g.n) {
            tarn_buf_u8(b, o->g.is_object ? '}' : ']');
            --*depth;
            continue;
        }
        rc = tarn_variant_member(&o->g, o->i, names, o->g.is_object ? &name : NULL, value, why);
        if (rc) return rc;
        if (o->i++ > 0) tarn_buf_u8(b, ',');
        if (o->g.is_object) {
            tarn_json_quote(b, (const char *)name.data, name.len);
            tarn_buf_u8(b, ':');
        }
        return TARN_OK;
    }
    return TARN_OK;
}

int tarn_variant_json(struct tarn_buf *b, const struct tarn_variant_names *names,
                      struct tarn_slice value, const char **why) {
    struct open stack[TARN_VARIANT_DEPTH];
    unsigned depth = 0, parent = 0;
    do {
        size_t used = 0;
        int rc = TARN_OK;
        *why = "a variant's value is empty";
        if (value.len == 0) return TARN_ECORRUPT;
        parent = depth;
        if ((value.data[0] & 3) >= TARN_VARIANT_OBJECT) {
            *why = "a variant is nested deeper than 128 levels";
            if (depth == TARN_VARIANT_DEPTH) return TARN_EUNSUPPORTED;
            rc = open_group(&stack[depth].g, value, &used, why);
            if (rc) return rc;
            stack[depth].i = 0;
            stack[depth].used = 0;
            tarn_buf_u8(b, stack[depth].g.is_object ? '{' : '[');
            depth++;
        } else {
            rc = tarn_variant_scalar(b, value, &used, why);
            if (rc) return rc;
        }
        if (parent > 0) {
            struct open *o = &stack[parent - 1];
            *why = "members of a variant overlap";
            if (used > o->g.n_values - o->used) return TARN_ECORRUPT;
            o->used += used;
        }
        rc = next_member(b, names, stack, &depth, &value, why);
        if (rc) return rc;
    } while (depth > 0 && !b->rc);
    return TARN_OK;
}
