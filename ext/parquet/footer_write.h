/* footer_write.h: FileMetaData, from what was kept of every row group.
*/
#ifndef TARN_FOOTER_WRITE_H
#define TARN_FOOTER_WRITE_H

#include "column_writer.h"

struct tarn_row_group_meta {
    uint64_t rows;
    uint64_t offset; /* of its first page */
    int sorted;      /* the claim of the spec holds */
    int nulls_first;
    struct tarn_chunk_meta *chunks; /* one per column; owned */
};

struct tarn_footer_parts {
    const struct tarn_colbuf *columns;
    int n_columns;
    const struct tarn_row_group_meta *groups;
    size_t n_groups;
    const struct tarn_kv *kv;
    size_t n_kv;
    uint64_t rows;
    int sort_column, sort_descending;
    /* Where the three areas after the row groups start in the file. */
    uint64_t blooms, column_indexes, offset_indexes;
};

/* Appends the struct, without the length and the magic after it. Errors are the buffer's. */
void tarn_footer_write(struct tarn_buf *b, const struct tarn_footer_parts *f);

#endif
