/* footer_write.c: FileMetaData of parquet.thrift, field by field.
**
** ColumnChunk.file_offset is 0, as the format now asks; RowGroup.ordinal is left out where it
** doesn't fit its 16 bits.
*/
#include "footer_write.h"

#include "schema_write.h"
#include "version.h"

static void write_encodings(struct tarn_tw *t, const struct tarn_chunk_meta *m, int optional) {
    int plain = m->encoding == TARN_PLAIN || m->dictionary_offset != 0;
    int list[3], n = 0;

    list[n++] = (int)m->encoding;
    if (plain && m->encoding != TARN_PLAIN) list[n++] = TARN_PLAIN;
    if (optional) list[n++] = TARN_RLE;
    tarn_tw_list(t, 2, TARN_TW_I32, (size_t)n);
    for (int i = 0; i < n; i++)
        tarn_tw_elem_i32(t, list[i]);
}

static void write_encoding_stats(struct tarn_tw *t, int16_t id, const struct tarn_chunk_meta *m) {
    tarn_tw_list(t, id, TARN_TW_STRUCT, m->dictionary_offset ? 2 : 1);
    if (m->dictionary_offset) {
        tarn_tw_elem_struct(t);
        tarn_tw_i32(t, 1, TARN_DICTIONARY_PAGE);
        tarn_tw_i32(t, 2, TARN_PLAIN);
        tarn_tw_i32(t, 3, 1);
        tarn_tw_end(t);
    }
    tarn_tw_elem_struct(t);
    tarn_tw_i32(t, 1, TARN_DATA_PAGE);
    tarn_tw_i32(t, 2, (int32_t)m->encoding);
    tarn_tw_i32(t, 3, (int32_t)m->n_pages);
    tarn_tw_end(t);
}

static void write_chunk(struct tarn_tw *t, const struct tarn_footer_parts *f, int column,
                        const struct tarn_chunk_meta *m) {
    const struct tarn_column_spec *spec = &f->columns[column].spec;

    tarn_tw_elem_struct(t);
    tarn_tw_i64(t, 2, 0);
    tarn_tw_struct(t, 3);
    tarn_tw_i32(t, 1, (int32_t)spec->physical);
    write_encodings(t, m, spec->repetition == TARN_OPTIONAL);
    tarn_tw_list(t, 3, TARN_TW_BINARY, 1);
    tarn_tw_elem_bin(t, spec->name, strlen(spec->name));
    tarn_tw_i32(t, 4, (int32_t)m->codec);
    tarn_tw_i64(t, 5, m->n_values);
    tarn_tw_i64(t, 6, (int64_t)m->uncompressed);
    tarn_tw_i64(t, 7, (int64_t)m->compressed);
    tarn_tw_i64(t, 9, (int64_t)m->data_offset);
    if (m->dictionary_offset) tarn_tw_i64(t, 11, (int64_t)m->dictionary_offset);
    tarn_stats_write(t, 12, &m->stats);
    write_encoding_stats(t, 13, m);
    if (m->bloom_len) {
        tarn_tw_i64(t, 14, (int64_t)(f->blooms + m->bloom_at));
        tarn_tw_i32(t, 15, (int32_t)m->bloom_len);
    }
    tarn_tw_end(t);
    if (m->offset_index_len) {
        tarn_tw_i64(t, 4, (int64_t)(f->offset_indexes + m->offset_index_at));
        tarn_tw_i32(t, 5, (int32_t)m->offset_index_len);
    }
    if (m->column_index_len) {
        tarn_tw_i64(t, 6, (int64_t)(f->column_indexes + m->column_index_at));
        tarn_tw_i32(t, 7, (int32_t)m->column_index_len);
    }
    tarn_tw_end(t);
}

static void write_row_group(struct tarn_tw *t, const struct tarn_footer_parts *f, size_t i) {
    const struct tarn_row_group_meta *g = &f->groups[i];
    uint64_t compressed = 0, uncompressed = 0;

    for (int c = 0; c < f->n_columns; c++) {
        compressed += g->chunks[c].compressed;
        uncompressed += g->chunks[c].uncompressed;
    }
    tarn_tw_elem_struct(t);
    tarn_tw_list(t, 1, TARN_TW_STRUCT, (size_t)f->n_columns);
    for (int c = 0; c < f->n_columns; c++)
        write_chunk(t, f, c, &g->chunks[c]);
    tarn_tw_i64(t, 2, (int64_t)uncompressed);
    tarn_tw_i64(t, 3, (int64_t)g->rows);
    if (g->sorted) {
        tarn_tw_list(t, 4, TARN_TW_STRUCT, 1);
        tarn_tw_elem_struct(t);
        tarn_tw_i32(t, 1, f->sort_column);
        tarn_tw_bool(t, 2, f->sort_descending);
        tarn_tw_bool(t, 3, g->nulls_first);
        tarn_tw_end(t);
    }
    tarn_tw_i64(t, 5, (int64_t)g->offset);
    tarn_tw_i64(t, 6, (int64_t)compressed);
    if (i <= INT16_MAX) tarn_tw_i16(t, 7, (int16_t)i);
    tarn_tw_end(t);
}

void tarn_footer_write(struct tarn_buf *b, const struct tarn_footer_parts *f) {
    struct tarn_tw t;

    tarn_tw_init(&t, b);
    tarn_tw_i32(&t, 1, 1);
    tarn_schema_write(&t, 2, f->columns, f->n_columns);
    tarn_tw_i64(&t, 3, (int64_t)f->rows);
    tarn_tw_list(&t, 4, TARN_TW_STRUCT, f->n_groups);
    for (size_t i = 0; i < f->n_groups; i++)
        write_row_group(&t, f, i);
    if (f->n_kv) {
        tarn_tw_list(&t, 5, TARN_TW_STRUCT, f->n_kv);
        for (size_t i = 0; i < f->n_kv; i++) {
            tarn_tw_elem_struct(&t);
            tarn_tw_str(&t, 1, f->kv[i].key);
            if (f->kv[i].value) tarn_tw_str(&t, 2, f->kv[i].value);
            tarn_tw_end(&t);
        }
    }
    tarn_tw_str(&t, 6, TARN_CREATED_BY);
    tarn_tw_list(&t, 7, TARN_TW_STRUCT, (size_t)f->n_columns);
    for (int i = 0; i < f->n_columns; i++) {
        tarn_tw_elem_struct(&t);
        tarn_tw_empty(&t, 1); /* TYPE_ORDER */
        tarn_tw_end(&t);
    }
    tarn_tw_end(&t);
}
