/* nested.h: nested columns of one row group as JSON text: structs, lists, maps, variants.
**
** A reader is of one node of the schema with all that is below it, or of one leaf. Rows are asked
** for by number and come as a vector of BYTES: JSON per row, NULL where the column is.
**
**   group                   {"field": ..., ...}   fields in the schema's order, null where absent
**   LIST, repeated field    [...]                 the rules of LogicalTypes.md for old lists apply
**   MAP                     {"key": value, ...}   entries in the file's order; a key that occurs
**                                                 twice stands there twice; keys that are no text
**                                                 are printed as JSON and quoted
**   VARIANT                 what it holds         shredded or not
**   leaf                    as tarn_cell_json prints it
**
** Of one leaf (`leaf` >= 0) there is its value, in as many arrays as the lists it is in, and null
** where a list is: NULL for the row if that is the outermost.
** An empty list is [], a NULL one is null. Everything allocated counts against the budget.
*/
#ifndef TARN_NESTED_H
#define TARN_NESTED_H

#include "filescan.h"

#define TARN_NESTED_MAX ((size_t)1 << 30) /* bytes of text that one read may make */

struct tarn_nested_spec {
    const struct tarn_pq_footer *footer; /* borrowed, as src, until free */
    const struct tarn_source *src;
    int row_group;
    int node;                          /* in footer->nodes; not the root */
    int leaf;                          /* column number, below node; -1: the whole node */
    struct tarn_budget *budget;        /* may be NULL */
    struct tarn_pq_counters *counters; /* may be NULL */
};

struct tarn_nested;

/* No I/O. TARN_EUNSUPPORTED when a column below the node can't be read (see chunk_read.h). */
int tarn_nested_open(struct tarn_nested **out, const struct tarn_nested_spec *spec,
                     struct tarn_err *err);
/* `n` increasing row numbers within the row group. Going back to a row before the last one read is
** allowed, and slower. Memory of the vector comes from the arena. */
int tarn_nested_read(struct tarn_nested *p, const uint32_t *rows, uint32_t n,
                     struct tarn_arena *arena, struct tarn_vector *out, struct tarn_err *err);
void tarn_nested_free(struct tarn_nested *p); /* NULL is fine */

#endif
