/* variant.h: binary variants (VariantEncoding.md) as JSON.
**
**   metadata:  header | n | n + 1 offsets | names
**   value:     header | bytes of a scalar | n | field ids (objects) | n + 1 offsets | values
**
** Numbers, booleans, null and strings are themselves; dates, times and UUIDs are text as
** tarn_cell_json writes them; decimals are numbers with all their digits; binary is a base64
** string. No offset is trusted: all lead into the bytes at hand, values in one object or array are
** together no longer than it, nesting ends at TARN_VARIANT_DEPTH. No recursion, no allocation but
** the text's.
*/
#ifndef TARN_VARIANT_H
#define TARN_VARIANT_H

#include "buf.h"
#include "format.h"

#define TARN_VARIANT_DEPTH 128

struct tarn_variant_names { /* the names that a value's objects refer to */
    const uint8_t *offsets, *bytes;
    size_t n_bytes;
    uint32_t n;
    uint8_t size;  /* bytes per offset */
    size_t length; /* of the metadata */
};

struct tarn_variant_group { /* an object or an array */
    const uint8_t *ids, *offsets, *values;
    size_t n_values; /* bytes of the values together */
    uint32_t n;
    uint8_t id_size, offset_size;
    uint8_t is_object;
};

/* All return 0, TARN_ECORRUPT or TARN_EUNSUPPORTED with *why set to static text. Slices are of the
** bytes given. */
int tarn_variant_names(struct tarn_variant_names *names, struct tarn_slice metadata,
                       const char **why);
int tarn_variant_name(const struct tarn_variant_names *names, uint32_t id, struct tarn_slice *name,
                      const char **why);
/* TARN_ECORRUPT too when the value is no object. */
int tarn_variant_object(struct tarn_variant_group *g, struct tarn_slice value, const char **why);
/* Member i < n; *value goes to the object's end. `name` may be NULL. */
int tarn_variant_member(const struct tarn_variant_group *g, uint32_t i,
                        const struct tarn_variant_names *names, struct tarn_slice *name,
                        struct tarn_slice *value, const char **why);
/* Appends. What b->rc says is for the caller to look at. */
int tarn_variant_json(struct tarn_buf *b, const struct tarn_variant_names *names,
                      struct tarn_slice value, const char **why);
/* Appends an unscaled big-endian number of 1 to 16 bytes, with its point. */
void tarn_variant_decimal(struct tarn_buf *b, struct tarn_slice unscaled, int scale);
void tarn_variant_base64(struct tarn_buf *b, struct tarn_slice bytes);

#endif
