/* leaf_read.h: a cursor over one column chunk of any leaf, in lists or not: level by level.
**
** A chunk is a run of entries. An entry has a repetition level (0: a row begins here; n: the list
** of depth n goes on), a definition level, and a value if the latter is the leaf's largest:
**
**   rows      {a: [1, 2]}   {a: []}   {a: [3, null]}         max_rep 1, max_def 3
**   rep, def   0,3  1,3      0,1       0,3  1,2
**   values      1    2                  3
**
** Entries are decoded a few hundred at a time, so that a page claiming billions of them costs what
** is read of it. Checked: levels against the leaf's, rep 0 at the beginning, rows against the row
** group's, values against the pages' bytes. What can be skipped by an OffsetIndex is not read; one
** that a page contradicts is dropped. Going back is allowed and starts again from a page's, or the
** chunk's, beginning.
*/
#ifndef TARN_LEAF_READ_H
#define TARN_LEAF_READ_H

#include "chunk_read.h"

struct tarn_leaf_levels { /* one kind of level of a page */
    struct tarn_rle rle;
    uint64_t bit;
    uint8_t max;
    uint8_t msb; /* the deprecated BIT_PACKED order; then `bit` of rle.p is next */
};

struct tarn_leaf {
    struct tarn_chunk_reader chunk;
    struct tarn_arena index_arena, values_arena;
    struct tarn_page_index index;
    uint8_t index_sought;
    uint8_t fresh; /* the next entry must begin a row */
    uint8_t ended;
    uint8_t jumped;     /* `seen` does not count the pages before */
    uint32_t page;      /* entries of the page that are not in the step yet */
    uint64_t seen;      /* values of all pages begun so far */
    uint64_t stop;      /* file offset where the pages end */
    uint32_t begun;     /* rows that began before entry `at` */
    uint32_t n, at;     /* entries of the step; the current one */
    uint32_t value;     /* index in `values` of the next present entry's value */
    uint8_t *rep, *def; /* of the step */
    struct tarn_vector values;
    struct tarn_leaf_levels rep_levels, def_levels;
    struct tarn_pagebuf *step; /* rep | def | codes or elements */
};

/* No I/O. Errors as tarn_chunk_open's. The spec's index is not used: it is read when needed. */
int tarn_leaf_open(struct tarn_leaf *l, const struct tarn_chunk_spec *spec, struct tarn_err *err);
void tarn_leaf_release(struct tarn_leaf *l);
/* To the first entry of `row` (below the row group's rows). */
int tarn_leaf_seek(struct tarn_leaf *l, uint32_t row, struct tarn_err *err);
/* To where the leaf stood when it was opened; also after an error. */
void tarn_leaf_rewind(struct tarn_leaf *l);
/* After this entry `at` of the step is current, or l->ended is set. Values and levels of the
** entries before it are gone. */
int tarn_leaf_fill(struct tarn_leaf *l, uint32_t row, struct tarn_err *err);
int tarn_leaf_fail(const struct tarn_leaf *l, const char *why, struct tarn_err *err);

static inline int tarn_leaf_peek(struct tarn_leaf *l, struct tarn_err *err) {
    return l->at < l->n || l->ended ? 0 : tarn_leaf_fill(l, 0, err);
}

/* Past the current entry. */
static inline void tarn_leaf_next(struct tarn_leaf *l) {
    l->begun += l->rep[l->at] == 0;
    l->value += l->def[l->at] == l->chunk.col->max_def;
    l->at++;
}

#endif
