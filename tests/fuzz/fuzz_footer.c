/* fuzz_footer.c: any bytes as a Parquet file's metadata, without keys and with some.
**
** A footer that was accepted keeps its header's promises: every chunk lies inside the file, every
** text is terminated, every row group has one chunk per column; a chunk that is encrypted says how.
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
    assert(!c->encrypted || (c->crypt && c->crypt->lock != TARN_LOCK_OPEN));
    if (c->crypt) bytes(&c->crypt->key_metadata);
    if (c->crypt) bytes(&c->crypt->file->aad);
    assert(c->offset <= f->file_size && c->size <= f->file_size - c->offset);
    if (c->stats.has_min) bytes(&c->stats.min);
    if (c->stats.has_max) bytes(&c->stats.max);
    for (int i = 0; i < c->n_kv; i++) {
        text(c->kv[i].key);
        text(c->kv[i].value);
    }
}

static void read(const uint8_t *data, size_t size, struct tarn_pq_keys *keys) {
    struct tarn_memory_source memory = {data, size, "input.parquet"};
    struct tarn_source src;
    struct tarn_pq_footer *f = NULL;
    struct tarn_err err = {0};

    tarn_source_memory(&src, &memory);
    if (tarn_pq_footer_read_keys(&f, &src, keys, &err) != TARN_OK) {
        assert(f == NULL && err.code != TARN_OK && err.msg[0] != '\0');
        tarn_source_close(&src);
        return;
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
}

/* Keys by path and id, of columns only or of the footer too. */
static void read_with_keys(const uint8_t *data, size_t size, int footer) {
    static const uint8_t text[] = "0123456789abcdef";
    struct tarn_key k[] = {{TARN_KEY_COLUMN, {text + 10, 1}, {text, 16}},
                           {TARN_KEY_ID, {text + 11, 1}, {text, 16}},
                           {TARN_KEY_PLAIN_FILES, {NULL, 0}, {NULL, 0}},
                           {TARN_KEY_FOOTER, {NULL, 0}, {text, 16}},
                           {TARN_KEY_AAD_PREFIX, {NULL, 0}, {text, 1}}};
    struct tarn_pq_keys *keys = NULL;

    if (tarn_pq_keys_new(&keys, k, footer ? 5 : 3, NULL)) return;
    read(data, size, keys);
    tarn_pq_keys_free(keys);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    read(data, size, NULL);
    read_with_keys(data, size, 0);
    read_with_keys(data, size, 1);
    return 0;
}
