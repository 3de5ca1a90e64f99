/* nested_impl.h: shared by nested.c (opening, rows), nested_plan.c (what each node prints as),
** nested_print.c (entries to text) and nested_variant.c (shredded variants).
**
** The plan is a tree of items, one per schema node that is read, in the schema's order, so that the
** leaves below an item are neighbours too.
*/
#ifndef TARN_NESTED_IMPL_H
#define TARN_NESTED_IMPL_H

#include "buf.h"
#include "leaf_read.h"
#include "nested.h"
#include "variant.h"

#define TARN_NESTED_DEPTH 33 /* of items; the schema has no more */

enum tarn_item_kind {
    TARN_ITEM_LEAF,
    TARN_ITEM_STRUCT, /* {} of its children */
    TARN_ITEM_PASS,   /* prints as its only child: LIST and MAP groups, and lists' inner groups */
    TARN_ITEM_ENTRY,  /* of a map: its children are the key and, maybe, the value */
    TARN_ITEM_VARIANT /* prints as one value; and the groups below that make it up */
};

struct tarn_item {
    const struct tarn_pq_node *node;
    enum tarn_item_kind kind;
    int leaf, n_leaves;         /* in tarn_nested.leaves: those below this item */
    int child, next;            /* items; -1 = none */
    int metadata, value, typed; /* items: children of a VARIANT by name; -1 = none */
};

struct tarn_nested {
    const struct tarn_pq_footer *footer;
    const struct tarn_source *src;
    int row_group;
    struct tarn_budget *budget;
    struct tarn_pq_counters *counters, own_counters;
    struct tarn_decompressor codec;
    struct tarn_arena arena; /* items, leaves */
    struct tarn_item *items;
    int n_items;
    struct tarn_leaf *leaves;
    int n_leaves;
    struct tarn_buf text;
    size_t charged;   /* bytes of `text` that the budget knows of */
    size_t row_start; /* of the current row in `text` */
    uint32_t row;
    int is_null; /* the current row is */
};

/* Fills items; p->n_leaves is how many leaves they need, which are not opened. */
int tarn_nested_plan(struct tarn_nested *p, int node, int leaf, struct tarn_err *err);
/* The item, wherever it stands: its parent is there. Every leaf below it moves on. */
int tarn_nested_value(struct tarn_nested *p, int item, struct tarn_err *err);
/* All leaves below the item past one entry of definition level `def`: there is nothing there. */
int tarn_nested_pass(struct tarn_nested *p, const struct tarn_item *it, uint8_t def,
                     struct tarn_err *err);
/* The current entry of a leaf: TARN_ECORRUPT when there is none. */
int tarn_nested_entry(struct tarn_nested *p, int leaf, uint8_t *rep, uint8_t *def,
                      struct tarn_err *err);
/* A field's name and a colon. */
void tarn_nested_name(struct tarn_nested *p, const char *name);
/* Does the list of the repeated item go on? All leaves below it must say the same. */
int tarn_nested_goes_on(struct tarn_nested *p, const struct tarn_item *it, int *more,
                        struct tarn_err *err);
/* Checks the groups of a VARIANT item, and notes their children. */
int tarn_nested_variant_plan(struct tarn_nested *p, int item, struct tarn_err *err);
/* Prints a VARIANT that is there. */
int tarn_nested_variant(struct tarn_nested *p, const struct tarn_item *it, struct tarn_err *err);
/* Reports what went wrong with p->text. */
int tarn_nested_text_fail(const struct tarn_nested *p, struct tarn_err *err);

#endif
