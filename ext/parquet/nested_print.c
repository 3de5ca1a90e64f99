/* nested_print.c: entries of leaves to JSON, for one row at a time.
**
**   value     nothing there (definition level too low)?  null, or [] for a list
**             a list: its elements, as long as the first leaf below repeats at the list's level
**   present   what is there: {} of children, a map's entry, a leaf's cell
**
** The first leaf below an item tells whether the item is there and whether a list goes on; the
** others must tell the same. Recursion goes as deep as the plan, which is limited.
*/
#include <string.h>

#include "cell.h"
#include "mem.h"
#include "nested_impl.h"
#include "text.h"

static const char disagree[] = "its levels contradict those of the columns beside it";

int tarn_nested_text_fail(const struct tarn_nested *p, struct tarn_err *err) {
    if (p->text.rc == TARN_ENOMEM)
        return tarn_err_set(err, TARN_ENOMEM, "%s: row group %d, row %u, column %.60s: no memory",
                            p->src->name, p->row_group, (unsigned)p->row, p->items[0].node->name);
    if (p->text.max < TARN_NESTED_MAX)
        return tarn_budget_fail(
            p->budget, err, "%s: row group %d, row %u, column %.60s: the text of its rows",
            p->src->name, p->row_group, (unsigned)p->row, p->items[0].node->name);
    return tarn_err_set(err, TARN_ELIMIT,
                        "%s: row group %d, row %u, column %.60s: the text of its rows exceeds %zu "
                        "bytes, the most that is read at once; read fewer rows",
                        p->src->name, p->row_group, (unsigned)p->row, p->items[0].node->name,
                        p->text.max);
}

int tarn_nested_entry(struct tarn_nested *p, int leaf, uint8_t *rep, uint8_t *def,
                      struct tarn_err *err) {
    struct tarn_leaf *l = &p->leaves[leaf];
    int rc = tarn_leaf_peek(l, err);
    if (rc) return rc;
    if (l->ended) return tarn_leaf_fail(l, disagree, err);
    *rep = l->rep[l->at];
    *def = l->def[l->at];
    return TARN_OK;
}

int tarn_nested_pass(struct tarn_nested *p, const struct tarn_item *it, uint8_t def,
                     struct tarn_err *err) {
    for (int i = it->leaf; i < it->leaf + it->n_leaves; i++) {
        uint8_t rep = 0, d = 0;
        int rc = tarn_nested_entry(p, i, &rep, &d, err);
        if (rc) return rc;
        if (d != def) return tarn_leaf_fail(&p->leaves[i], disagree, err);
        tarn_leaf_next(&p->leaves[i]);
    }
    return TARN_OK;
}

static int print_leaf(struct tarn_nested *p, const struct tarn_item *it) {
    struct tarn_leaf *l = &p->leaves[it->leaf];
    struct tarn_cell cell;
    tarn_cell_read(l->chunk.col, &l->values, l->value, &cell);
    tarn_cell_json(&p->text, l->chunk.col, &cell);
    tarn_leaf_next(l);
    return TARN_OK;
}

void tarn_nested_name(struct tarn_nested *p, const char *name) {
    size_t n = strlen(name);
    if (tarn_utf8_invalid((const uint8_t *)name, n) == n)
        tarn_json_quote(&p->text, name, n);
    else
        tarn_buf_puts(&p->text, "\"?\"");
    tarn_buf_u8(&p->text, ':');
}

static int print_struct(struct tarn_nested *p, const struct tarn_item *it, struct tarn_err *err) {
    int rc = TARN_OK;
    tarn_buf_u8(&p->text, '{');
    for (int c = it->child; c >= 0 && !rc; c = p->items[c].next) {
        if (c != it->child) tarn_buf_u8(&p->text, ',');
        tarn_nested_name(p, p->items[c].node->name);
        rc = tarn_nested_value(p, c, err);
    }
    tarn_buf_u8(&p->text, '}');
    return rc;
}

/* The JSON from `at` on becomes a string, if it is none. */
static int quote_key(struct tarn_nested *p, size_t at, struct tarn_err *err) {
    struct tarn_buf *b = &p->text;
    char *copy = NULL;
    size_t n = b->len - at;
    if (b->rc || n == 0 || b->data[at] == '"') return TARN_OK;
    copy = tarn_memdup(b->data + at, n);
    if (!copy) return tarn_err_set(err, TARN_ENOMEM, "%s: no memory", p->src->name);
    b->len = at;
    tarn_json_quote(b, copy, n);
    tarn_free(copy);
    return TARN_OK;
}

static int print_entry(struct tarn_nested *p, const struct tarn_item *it, struct tarn_err *err) {
    size_t at = p->text.len;
    int value = p->items[it->child].next;
    int rc = tarn_nested_value(p, it->child, err);
    if (!rc) rc = quote_key(p, at, err);
    tarn_buf_u8(&p->text, ':');
    if (!rc && value >= 0) rc = tarn_nested_value(p, value, err);
    if (value < 0) tarn_buf_puts(&p->text, "null");
    return rc;
}

static int print_present(struct tarn_nested *p, const struct tarn_item *it, struct tarn_err *err) {
    switch (it->kind) {
    case TARN_ITEM_LEAF: return print_leaf(p, it);
    case TARN_ITEM_PASS: return tarn_nested_value(p, it->child, err);
    case TARN_ITEM_ENTRY: return print_entry(p, it, err);
    case TARN_ITEM_VARIANT: return tarn_nested_variant(p, it, err);
    case TARN_ITEM_STRUCT: break;
    }
    return print_struct(p, it, err);
}

int tarn_nested_goes_on(struct tarn_nested *p, const struct tarn_item *it, int *more,
                        struct tarn_err *err) {
    uint8_t level = it->node->max_rep;
    for (int i = it->leaf; i < it->leaf + it->n_leaves; i++) {
        struct tarn_leaf *l = &p->leaves[i];
        int rc = tarn_leaf_peek(l, err), again = 0;
        if (rc) return rc;
        again = !l->ended && l->rep[l->at] == level;
        if (i == it->leaf) *more = again;
        if (again != *more || (!l->ended && l->rep[l->at] > level) ||
            (again && l->def[l->at] < it->node->max_def))
            return tarn_leaf_fail(l, disagree, err);
    }
    return TARN_OK;
}

static int print_list(struct tarn_nested *p, const struct tarn_item *it, struct tarn_err *err) {
    int map = it->kind == TARN_ITEM_ENTRY, more = 1, rc = TARN_OK;
    tarn_buf_u8(&p->text, map ? '{' : '[');
    while (more) {
        rc = print_present(p, it, err);
        if (!rc) rc = tarn_nested_goes_on(p, it, &more, err);
        if (!rc && p->text.rc) rc = tarn_nested_text_fail(p, err);
        if (rc) return rc;
        if (more) tarn_buf_u8(&p->text, ',');
    }
    tarn_buf_u8(&p->text, map ? '}' : ']');
    return TARN_OK;
}

int tarn_nested_value(struct tarn_nested *p, int item, struct tarn_err *err) {
    const struct tarn_item *it = &p->items[item];
    const struct tarn_pq_node *node = it->node;
    int repeated = node->repetition == TARN_REPEATED, rc = TARN_OK;
    uint8_t rep = 0, def = 0;
    if (it->n_leaves == 0) {
        tarn_buf_puts(&p->text, repeated ? "[]" : "{}");
        return TARN_OK;
    }
    rc = tarn_nested_entry(p, it->leaf, &rep, &def, err);
    if (rc) return rc;
    if (def >= node->max_def) return repeated ? print_list(p, it, err) : print_present(p, it, err);
    if (def + 1 < node->max_def || node->repetition == TARN_REQUIRED)
        return tarn_leaf_fail(&p->leaves[it->leaf], disagree, err);
    if (repeated) {
        tarn_buf_puts(&p->text, it->kind == TARN_ITEM_ENTRY ? "{}" : "[]");
    } else {
        if (p->text.len == p->row_start) p->is_null = 1;
        tarn_buf_puts(&p->text, "null");
    }
    return tarn_nested_pass(p, it, def, err);
}
