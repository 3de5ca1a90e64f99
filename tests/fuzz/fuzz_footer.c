/* fuzz_footer.c: any bytes as a Parquet file's metadata.
**
** A footer that was accepted keeps its header's promises: every chunk lies inside the file, every
** text is terminated, every row group has one chunk per column.
*/
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "footer.h"
#include "source.h"

static size_t touched;

static void text(const char *s) {
    if (s) touched += strlen(s);
}

static void bytes(const struct tarn_slice *s) {
    for (size_t i = 0; i < s->len; i++)
        touched += s->data[i];
}

static void chunk(const struct tarn_pq_footer *f, const struct tarn_pq_chunk *c, int column) {
    assert(c->column == column);
    assert(c->offset <= f->file_size && c->size <= f->file_size - c->offset);
    if (c->stats.has_min) bytes(&c->stats.min);
    if (c->stats.has_max) bytes(&c->stats.max);
    for (int i = 0; i < c->n_kv; i++) {
        text(c->kv[i].key);
        text(c->kv[i].value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct tarn_memory_source memory = {data, size, "input.parquet"};
    struct tarn_source src;
    struct tarn_pq_footer *f = NULL;
    struct tarn_err err = {0};

    tarn_source_memory(&src, &memory);
    if (tarn_pq_footer_read(&f, &src, &err) != TARN_OK) {
        assert(f == NULL && err.code != TARN_OK && err.msg[0] != '\0');
        tarn_source_close(&src);
        return 0;
    }
    text(f->created_by);
    for (int i = 0; i < f->n_kv; i++) {
        text(f->kv[i].key);
        text(f->kv[i].value);
    }
    for (int i = 0; i < f->n_columns; i++) {
        text(f->columns[i].path);
        assert(tarn_pq_footer_column(f, f->columns[i].path) >= 0);
    }
    for (int g = 0; g < f->n_row_groups; g++) {
        assert(f->row_groups[g].rows >= 0 && f->row_groups[g].sort_column < f->n_columns);
        for (int i = 0; i < f->n_columns; i++)
            chunk(f, &f->row_groups[g].chunks[i], i);
    }
    tarn_pq_footer_free(tarn_pq_footer_ref(f));
    tarn_pq_footer_free(f);
    tarn_source_close(&src);
    return 0;
}
