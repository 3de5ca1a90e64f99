/* raw_nested.h: Parquet files of any schema, put together by hand from levels and values: rows that
** go on over pages, BIT_PACKED levels, levels that lie. One row group, no compression.
*/
#ifndef RAW_NESTED_H
#define RAW_NESTED_H

#include "buf.h"
#include "format.h"
#include "raw_parquet.h"

#define RAW_VARIANT 16 /* raw_node.logical: members of the LogicalType union */

struct raw_node {
    const char *name;
    int type; /* physical type of a leaf; -1: a group */
    int repetition;
    int children;  /* of a group */
    int converted; /* ConvertedType + 1; 0 = none */
    int logical;   /* 0 = none */
    int fixed_len;
};

#define RAW_UTF8 1 /* raw_node.converted */
#define RAW_MAP 2
#define RAW_MAP_KEY_VALUE 3
#define RAW_LIST 4

enum raw_page_flags {
    RAW_V2 = 1,
    RAW_BIT_PACKED = 2, /* levels, version 1 */
    RAW_DICTIONARY = 4, /* a dictionary page */
    RAW_CODES = 8       /* values are dictionary codes */
};

struct raw_entries {       /* one page */
    const char *rep, *def; /* a digit per entry; NULL: the leaf has no such levels */
    const void *values;    /* PLAIN, or codes as they stand in the page */
    size_t n_values;       /* bytes */
    unsigned flags;
    uint32_t claimed; /* entries; 0 = as many as there are levels */
    uint64_t run;     /* levels are one run of this length of rep[0], def[0]; 0 = one by one */
};

struct raw_chunk {
    const struct raw_entries *pages;
    int n_pages;
    int64_t values;            /* claimed by the chunk; 0 = what the pages claim */
    const int64_t *first_rows; /* per data page: an OffsetIndex; NULL = none */
};

struct raw_hints { /* of a chunk; NULL = none */
    const struct raw_stats *stats;
    const struct raw_stats *pages; /* one per data page: a ColumnIndex, beside an OffsetIndex */
};

/* nodes[0] is the root; chunks follow the order of leaves. out: initialised here, released by the
** caller. */
void raw_nested(struct tarn_buf *out, const struct raw_node *nodes, int n_nodes,
                const struct raw_chunk *chunks, int64_t rows);
/* The same with statistics of each chunk. */
void raw_nested_hints(struct tarn_buf *out, const struct raw_node *nodes, int n_nodes,
                      const struct raw_chunk *chunks, const struct raw_hints *hints, int64_t rows);

#endif
