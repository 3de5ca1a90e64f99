/* sealed_parquet.h: encrypted Parquet files put together by hand, for what the test data has not:
** many pages, page indexes, both forms of version 2 pages.
**
** Two columns under the footer's key: `a`, INT32, row i holds i; `l`, a repeated INT32, row i holds
** 2i and 2i + 1. One row group; uncompressed pages of equal size; indexes of both.
*/
#ifndef SEALED_PARQUET_H
#define SEALED_PARQUET_H

#include "buf.h"

enum { SEALED_V1, SEALED_V2, SEALED_V2_PLAIN_LEVELS };

struct sealed_spec {
    int form;
    int ctr;
    int sealed_footer; /* PARE; else plain and signed */
    int indexes;
    int dictionary; /* `a` is dictionary-encoded */
    uint32_t pages, page_rows;
};

struct sealed_page {
    size_t offset, header, size; /* header's and whole bytes */
};

struct sealed_file {
    struct tarn_buf bytes;
    struct sealed_page a[64], l[64]; /* data pages; `pages` of each */
};

extern const uint8_t sealed_key[16];
void sealed_parquet(struct sealed_file *out, const struct sealed_spec *spec);

#endif
