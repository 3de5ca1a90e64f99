/* column_writer.h: turns one collected column into a column chunk: pages, statistics, indexes.
**
** One chunk writer serves all columns of a file in turn; its buffers are scratch space.
*/
#ifndef TARN_COLUMN_WRITER_H
#define TARN_COLUMN_WRITER_H

#include "column_buffer.h"
#include "compress.h"
#include "page_index_write.h"

/* The file so far: counts bytes and hands them on in larger pieces. */
struct tarn_pq_out {
    struct tarn_sink sink;
    uint64_t offset;         /* bytes put */
    struct tarn_buf pending; /* not yet handed to the sink */
};

void tarn_pq_out_init(struct tarn_pq_out *o, const struct tarn_sink *sink);
void tarn_pq_out_release(struct tarn_pq_out *o); /* drops what is pending */
int tarn_pq_out_put(struct tarn_pq_out *o, const void *p, size_t n, struct tarn_err *err);
int tarn_pq_out_flush(struct tarn_pq_out *o, struct tarn_err *err);

/* What the footer says of a chunk. */
struct tarn_chunk_meta {
    enum tarn_encoding encoding; /* of the data pages */
    enum tarn_codec codec;
    int64_t n_values;                  /* with NULLs */
    uint64_t uncompressed, compressed; /* with page headers */
    uint64_t dictionary_offset;        /* 0 = none */
    uint64_t data_offset;
    uint32_t n_pages; /* data pages */
    struct tarn_stats stats;
    /* Where in the three buffers below; 0 bytes = none. */
    uint64_t bloom_at, column_index_at, offset_index_at;
    uint32_t bloom_len, column_index_len, offset_index_len;
};

struct tarn_chunk_writer {
    struct tarn_pq_out *out; /* borrowed */
    int level;               /* of codecs that have levels */
    struct tarn_compressor compressor;
    struct tarn_page_index index;
    struct tarn_buf page, packed, header, lengths, stamps; /* scratch */
    /* Kept for the end of the file. */
    struct tarn_buf blooms, column_indexes, offset_indexes;
};

void tarn_chunk_writer_init(struct tarn_chunk_writer *cw, struct tarn_pq_out *out, int level);
void tarn_chunk_writer_release(struct tarn_chunk_writer *cw);
size_t tarn_chunk_writer_memory(const struct tarn_chunk_writer *cw);
/* Writes a closed column of at least one row. May expand it. */
int tarn_chunk_write(struct tarn_chunk_writer *cw, struct tarn_colbuf *c,
                     struct tarn_chunk_meta *out, struct tarn_err *err);

#endif
