/* footer.h: the metadata of one file as read: what is where, and what is known of it.
**
** A footer is parsed once, checked (every offset inside the file, counts plausible against the
** bytes that carry them), is immutable afterwards and shared by reference count between threads.
** What is malformed but only a hint (statistics, indexes, blooms) is dropped, not refused. Reads:
** the last 64 KiB in one go, more only if the footer is longer.
*/
#ifndef TARN_FOOTER_H
#define TARN_FOOTER_H

#include "crypt.h"
#include "err.h"
#include "format.h"
#include "keyring.h"
#include "source.h"

struct tarn_pq_column { /* one leaf */
    const char *path;   /* dotted; for flat schemas the name */
    enum tarn_physical physical;
    struct tarn_logical_type logical;
    uint32_t fixed_len;
    uint8_t max_def;
    uint8_t max_rep;
    uint8_t flat; /* a direct child of the root, not repeated */
    uint8_t
        null_parents; /* something above it can be NULL: writers may not count that as its NULL */
    uint8_t order_unknown; /* nothing says what min_value and max_value are sorted by */
};

/* The schema as a tree, flattened: nodes[0] is the root, a group's children follow it (and theirs
** them), up to nodes[end). */
struct tarn_pq_node {
    const char *name;                 /* of this element alone; NUL-terminated */
    int parent;                       /* -1 for the root */
    int end;                          /* first node that is not below this one */
    int n_children;                   /* 0 for a leaf, and for a group that holds nothing */
    int column;                       /* leaf number, or -1 for a group */
    int32_t converted;                /* ConvertedType as the file has it; -1 = none */
    int32_t field_id;                 /* -1 = none */
    uint8_t repetition;               /* enum tarn_repetition */
    uint8_t max_def, max_rep;         /* this node's own share included */
    struct tarn_logical_type logical; /* LIST, MAP, VARIANT ...; of a leaf as in its column */
};

struct tarn_pq_stats {
    uint8_t has_min, has_max;     /* usable for pruning: order defined, well-formed */
    uint8_t min_exact, max_exact; /* known to be exact */
    uint8_t has_nulls;
    uint8_t has_distinct;
    int64_t nulls;
    int64_t distinct;
    struct tarn_slice min,
        max; /* PLAIN-encoded, little-endian numbers, bare bytes for BYTE_ARRAY */
};

struct tarn_pq_chunk {
    int column;
    enum tarn_codec codec;
    uint32_t encodings;     /* bit set of enum tarn_encoding */
    uint8_t all_dictionary; /* encoding_stats prove that every data page is dictionary-encoded */
    int64_t n_values;
    uint64_t offset; /* of its first page (dictionary page included) */
    uint64_t size;   /* compressed bytes from offset on */
    uint64_t uncompressed;
    uint64_t data_offset;
    uint64_t dictionary_offset;                                      /* 0 = none known */
    uint64_t bloom_offset, column_index_offset, offset_index_offset; /* 0 = none */
    uint32_t bloom_size, column_index_size, offset_index_size;
    struct tarn_pq_stats stats;
    const struct tarn_kv *kv; /* column key/value metadata */
    int n_kv;
    const struct tarn_chunk_crypt *crypt; /* NULL = plain; else how its modules are opened */
    uint8_t encrypted; /* and no key opens it (crypt says why): not readable here */
    uint8_t elsewhere; /* its pages are in another file (file_path): not readable here */
};

struct tarn_pq_row_group {
    int64_t rows;
    uint64_t bytes;               /* total_byte_size as claimed */
    uint64_t first_row;           /* in the file */
    struct tarn_pq_chunk *chunks; /* one per column, in schema order */
    int sort_column;              /* first of sorting_columns, -1 = none */
    int sort_descending;
};

enum tarn_footer_crypt {
    TARN_FOOTER_PLAIN = 0,  /* a file without encryption */
    TARN_FOOTER_UNVERIFIED, /* plain and signed, but there was no key to verify it with */
    TARN_FOOTER_VERIFIED,   /* plain, its signature is right */
    TARN_FOOTER_ENCRYPTED   /* was opened with its key */
};

struct tarn_pq_footer {
    int32_t version;
    int64_t rows;
    const char *created_by; /* may be NULL */
    struct tarn_pq_column *columns;
    int n_columns; /* leaves */
    struct tarn_pq_node *nodes;
    int n_nodes;
    struct tarn_pq_row_group *row_groups;
    int n_row_groups;
    const struct tarn_kv *kv;
    int n_kv;
    enum tarn_footer_crypt crypt;
    uint64_t file_size;
    size_t memory; /* bytes this structure holds, for caches */
    void *impl;    /* arena, reference count */
};

int tarn_pq_footer_read(struct tarn_pq_footer **out, const struct tarn_source *src,
                        struct tarn_err *err);
/* The same for files that may be encrypted; `keys` may be NULL, and is kept as long as the footer.
** TARN_EACCES when a key or the AAD prefix is missing or does not fit, when the signature of a plain
** footer is wrong, and for a file without encryption though keys were given (unless they say that
** such files may be read). A column without its key is no error until it is read. */
int tarn_pq_footer_read_keys(struct tarn_pq_footer **out, const struct tarn_source *src,
                             struct tarn_pq_keys *keys, struct tarn_err *err);
struct tarn_pq_footer *tarn_pq_footer_ref(struct tarn_pq_footer *f);
void tarn_pq_footer_free(struct tarn_pq_footer *f); /* drops a reference; NULL is fine */
int tarn_pq_footer_column(const struct tarn_pq_footer *f, const char *path);    /* -1 = none */
const char *tarn_pq_footer_kv(const struct tarn_pq_footer *f, const char *key); /* NULL = none */

#endif
