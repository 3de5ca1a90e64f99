/* nested_plan.c: what each node of the schema prints as.
**
**   optional group a (LIST)      PASS      rules of LogicalTypes.md, "Lists" and "Maps": the inner
**     repeated group list        PASS      group of a list is the element itself when it has several
**       optional int32 element   LEAF      fields, or a repeated one, or the name `array` or
**   optional group m (MAP)       PASS      `<list>_tuple`; else its only field is
**     repeated group key_value   ENTRY
**       required binary key      LEAF
**       optional int32 value     LEAF
**
** A LIST or MAP group that is not built like one is a plain struct. When one leaf is wanted, only
** the nodes on the way to it become items, and all but the leaf pass on what is below them.
*/
#include <string.h>

#include "nested_impl.h"

static int only_child(const struct tarn_pq_footer *f, int node) {
    return f->nodes[node].n_children == 1 && f->nodes[node].end > node + 1 ? node + 1 : -1;
}

/* Is `r`, the repeated group in `list`, the element itself? */
static int is_element(const struct tarn_pq_footer *f, int list, int r) {
    const char *name = f->nodes[r].name, *outer = f->nodes[list].name;
    size_t n = strlen(outer);
    int child = only_child(f, r);
    if (child < 0 || f->nodes[child].repetition == TARN_REPEATED) return 1;
    if (strcmp(name, "array") == 0) return 1;
    return strncmp(name, outer, n) == 0 && strcmp(name + n, "_tuple") == 0;
}

/* The repeated group of a well-built list or map; -1 when `node` is none. */
static int list_of(const struct tarn_pq_footer *f, int node) {
    int r = only_child(f, node);
    return r >= 0 && f->nodes[r].repetition == TARN_REPEATED ? r : -1;
}

static int map_of(const struct tarn_pq_footer *f, int node) {
    int r = list_of(f, node);
    if (r < 0 || f->nodes[r].column >= 0) return -1;
    return f->nodes[r].n_children == 1 || f->nodes[r].n_children == 2 ? r : -1;
}

static int child_named(const struct tarn_pq_footer *f, int node, const char *name) {
    for (int c = node + 1; c < f->nodes[node].end; c = f->nodes[c].end)
        if (strcmp(f->nodes[c].name, name) == 0) return c;
    return -1;
}

static int is_variant(const struct tarn_pq_footer *f, int node) {
    int m = child_named(f, node, "metadata");
    return m >= 0 && f->nodes[m].column >= 0 &&
           f->columns[f->nodes[m].column].physical == TARN_BYTE_ARRAY &&
           (child_named(f, node, "value") >= 0 || child_named(f, node, "typed_value") >= 0);
}

/* As what `node` prints; `parent` (-1 = none) is its item. */
static enum tarn_item_kind kind_of(const struct tarn_nested *p, int node, int parent) {
    const struct tarn_pq_footer *f = p->footer;
    const struct tarn_pq_node *n = &f->nodes[node];
    if (n->column >= 0) return TARN_ITEM_LEAF;
    if (parent >= 0 && p->items[parent].kind == TARN_ITEM_PASS) {
        const struct tarn_pq_node *outer = p->items[parent].node;
        int o = (int)(outer - f->nodes);
        if (n->repetition == TARN_REPEATED && outer->logical.kind == TARN_LOGICAL_MAP)
            return TARN_ITEM_ENTRY;
        if (n->repetition == TARN_REPEATED && !is_element(f, o, node)) return TARN_ITEM_PASS;
    }
    if (n->logical.kind == TARN_LOGICAL_LIST && list_of(f, node) >= 0) return TARN_ITEM_PASS;
    if (n->logical.kind == TARN_LOGICAL_MAP && map_of(f, node) >= 0) return TARN_ITEM_PASS;
    if (n->logical.kind == TARN_LOGICAL_VARIANT && is_variant(f, node)) return TARN_ITEM_VARIANT;
    return TARN_ITEM_STRUCT;
}

static int too_deep(const struct tarn_nested *p, struct tarn_err *err) {
    return tarn_err_set(err, TARN_ELIMIT, "%s: the schema is nested deeper than %d levels",
                        p->src->name, TARN_NESTED_DEPTH);
}

/* Ends the items that `node` is not below: parent[*depth - 1] is its parent's then. */
static void close_items(struct tarn_nested *p, int node, const int *parent, int *depth) {
    while (*depth > 0) {
        struct tarn_item *it = &p->items[parent[*depth - 1]];
        if (it->node->end > node) return;
        it->n_leaves = p->n_leaves - it->leaf;
        (*depth)--;
    }
}

static int plan_variants(struct tarn_nested *p, struct tarn_err *err) {
    int rc = TARN_OK;
    for (int i = 0, end = 0; i < p->n_items && !rc; i++) {
        int node = (int)(p->items[i].node - p->footer->nodes);
        if (node < end || p->items[i].kind != TARN_ITEM_VARIANT) continue;
        rc = tarn_nested_variant_plan(p, i, err);
        end = p->items[i].node->end;
    }
    return rc;
}

int tarn_nested_plan(struct tarn_nested *p, int node, int leaf, struct tarn_err *err) {
    const struct tarn_pq_node *nodes = p->footer->nodes;
    int parent[TARN_NESTED_DEPTH], last[TARN_NESTED_DEPTH + 1], depth = 0;
    int target = leaf < 0 ? -1 : node;
    p->items = tarn_arena_calloc(&p->arena, (size_t)(nodes[node].end - node), sizeof *p->items);
    if (!p->items) return tarn_err_set(err, p->arena.rc, "%s: no memory", p->src->name);
    while (target >= 0 && nodes[target].column != leaf)
        target++;
    last[0] = -1;
    for (int i = node; i < nodes[node].end; i++) {
        struct tarn_item *it = &p->items[p->n_items];
        if (target >= 0 && (i > target || nodes[i].end <= target)) continue;
        close_items(p, i, parent, &depth);
        if (depth == TARN_NESTED_DEPTH) return too_deep(p, err);
        it->node = &nodes[i];
        it->kind = kind_of(p, i, depth ? parent[depth - 1] : -1);
        if (target >= 0 && it->kind != TARN_ITEM_LEAF) it->kind = TARN_ITEM_PASS;
        it->leaf = p->n_leaves;
        it->child = it->next = it->metadata = it->value = it->typed = -1;
        if (last[depth] >= 0 && depth > 0) p->items[last[depth]].next = p->n_items;
        if (last[depth] < 0 && depth > 0) p->items[parent[depth - 1]].child = p->n_items;
        last[depth] = p->n_items;
        last[depth + 1] = -1;
        if (it->kind == TARN_ITEM_LEAF) {
            it->n_leaves = 1;
            p->n_leaves++;
        }
        parent[depth++] = p->n_items++;
    }
    close_items(p, nodes[node].end, parent, &depth);
    return plan_variants(p, err);
}
