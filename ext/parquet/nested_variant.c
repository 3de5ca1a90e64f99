/* nested_variant.c: VARIANT groups to JSON, shredded or not (VariantShredding.md).
**
**   group v (VARIANT)                 value alone        print it
**     binary metadata                 typed_value alone  scalar, or [] or {} of the groups below
**     binary value                    both               an object in two parts: print both
**     T typed_value                   neither            missing: no member of the object; else null
**       group field                   (and so on)
**         binary value, T typed_value
**
** Accessed by name, in any order. What the format forbids is an error: other types of typed_value,
** both where it is no object, a field in both parts. Groups of fields must be required; since there
** are writers that make them optional, one that is not there is a missing value.
*/
#include <string.h>

#include "cell.h"
#include "nested_impl.h"
#include "text.h"

static int plan_fail(const struct tarn_nested *p, const struct tarn_item *it, const char *why,
                     struct tarn_err *err) {
    return tarn_err_set(err, TARN_EUNSUPPORTED,
                        "%s: column %.60s: variant group %.60s %s; the file is damaged, or of a "
                        "version that this build doesn't know",
                        p->src->name, p->items[0].node->name, it->node->name, why);
}

/* May a typed_value be of this type? */
static int scalar_ok(const struct tarn_pq_column *c) {
    const struct tarn_logical_type *l = &c->logical;
    int none = l->kind == TARN_LOGICAL_NONE, decimal = l->kind == TARN_LOGICAL_DECIMAL;
    int integer = l->kind == TARN_LOGICAL_INTEGER && l->is_signed;
    switch (c->physical) {
    case TARN_BOOLEAN:
    case TARN_FLOAT:
    case TARN_DOUBLE: return none;
    case TARN_INT32: return none || decimal || integer || l->kind == TARN_LOGICAL_DATE;
    case TARN_INT64:
        if (l->kind == TARN_LOGICAL_TIME) return l->unit == TARN_UNIT_US && !l->utc;
        if (l->kind == TARN_LOGICAL_TIMESTAMP) return l->unit != TARN_UNIT_MS;
        return none || decimal || integer;
    case TARN_BYTE_ARRAY: return none || decimal || l->kind == TARN_LOGICAL_STRING;
    case TARN_FIXED: return decimal || l->kind == TARN_LOGICAL_UUID;
    default: return 0;
    }
}

static int is_binary(const struct tarn_nested *p, const struct tarn_item *it) {
    return it->kind == TARN_ITEM_LEAF &&
           p->footer->columns[it->node->column].physical == TARN_BYTE_ARRAY &&
           it->node->repetition != TARN_REPEATED;
}

/* Sets value and typed of the group; `top`: it has metadata too. */
static int plan_group(struct tarn_nested *p, struct tarn_item *it, int top, struct tarn_err *err) {
    it->kind = TARN_ITEM_VARIANT;
    it->metadata = it->value = it->typed = -1;
    if (!top && it->node->repetition == TARN_REPEATED) return plan_fail(p, it, "is repeated", err);
    for (int c = it->child; c >= 0; c = p->items[c].next) {
        const char *name = p->items[c].node->name;
        int *slot = NULL;
        if (top && strcmp(name, "metadata") == 0) slot = &it->metadata;
        if (strcmp(name, "value") == 0) slot = &it->value;
        if (strcmp(name, "typed_value") == 0) slot = &it->typed;
        if (!slot || *slot >= 0) return plan_fail(p, it, "has other fields than it may have", err);
        *slot = c;
        if (slot != &it->typed && !is_binary(p, &p->items[c]))
            return plan_fail(p, it, "has a value or metadata that is no binary column", err);
        if (slot == &it->typed && p->items[c].node->repetition != TARN_OPTIONAL)
            return plan_fail(p, it, "has a typed_value that is not optional", err);
    }
    if (it->value < 0 && it->typed < 0) return plan_fail(p, it, "has no value", err);
    if (top && (it->metadata < 0 || p->items[it->metadata].node->repetition != TARN_REQUIRED))
        return plan_fail(p, it, "has no required metadata", err);
    return TARN_OK;
}

/* The group of a list's elements; -1 when the list is not built like one. */
static int element_of(const struct tarn_nested *p, const struct tarn_item *list) {
    const struct tarn_item *r = &p->items[list->child];
    if (r->kind != TARN_ITEM_PASS || r->node->repetition != TARN_REPEATED) return -1;
    return r->child;
}

static int plan_typed(struct tarn_nested *p, struct tarn_item *it, struct tarn_err *err);

static int plan_below(struct tarn_nested *p, int item, struct tarn_err *err) {
    int rc = plan_group(p, &p->items[item], 0, err);
    return rc ? rc : plan_typed(p, &p->items[item], err);
}

static int plan_typed(struct tarn_nested *p, struct tarn_item *it, struct tarn_err *err) {
    struct tarn_item *typed = it->typed < 0 ? NULL : &p->items[it->typed];
    int rc = TARN_OK;
    if (!typed) return TARN_OK;
    if (typed->kind == TARN_ITEM_LEAF)
        return scalar_ok(&p->footer->columns[typed->node->column])
                   ? TARN_OK
                   : plan_fail(p, it, "has a typed_value of a type that it can't have", err);
    if (typed->kind == TARN_ITEM_PASS && typed->node->logical.kind == TARN_LOGICAL_LIST) {
        int element = element_of(p, typed);
        if (element < 0 || p->items[element].kind == TARN_ITEM_LEAF)
            return plan_fail(p, it, "has a list that is not one of groups", err);
        return plan_below(p, element, err);
    }
    if (typed->node->logical.kind != TARN_LOGICAL_NONE || typed->n_leaves == 0)
        return plan_fail(p, it, "has a typed_value of a type that it can't have", err);
    for (int c = typed->child; c >= 0 && !rc; c = p->items[c].next) {
        if (p->items[c].kind == TARN_ITEM_LEAF)
            rc = plan_fail(p, it, "has a shredded field that is no group", err);
        if (!rc) rc = plan_below(p, c, err);
    }
    return rc;
}

int tarn_nested_variant_plan(struct tarn_nested *p, int item, struct tarn_err *err) {
    int rc = plan_group(p, &p->items[item], 1, err);
    return rc ? rc : plan_typed(p, &p->items[item], err);
}

struct member { /* where in an object a variant is to be printed; NULL name = not in one */
    const char *name;
    int n; /* members before it */
};

struct shred { /* one group, at its current entries */
    struct tarn_nested *p;
    const struct tarn_item *it;
    const struct tarn_variant_names *names;
    int has_value, has_typed;
    uint8_t typed_def;       /* when there is no typed_value */
    struct tarn_slice value; /* until its leaf moves on */
};

static int corrupt(const struct tarn_nested *p, int leaf, int code, const char *why,
                   struct tarn_err *err) {
    return tarn_chunk_fail(&p->leaves[leaf].chunk, code, why, err);
}

static struct tarn_slice bytes_at(const struct tarn_leaf *l) {
    return l->values.values.bytes[tarn_vector_at(&l->values, l->value)];
}

/* Is a child of the group there? Its parent is. */
static int is_there(struct tarn_nested *p, const struct tarn_item *it, int *there, uint8_t *def,
                    struct tarn_err *err) {
    uint8_t rep = 0;
    int rc = tarn_nested_entry(p, it->leaf, &rep, def, err);
    if (rc) return rc;
    *there = *def >= it->node->max_def;
    if (!*there && (*def + 1 < it->node->max_def || it->node->repetition == TARN_REQUIRED))
        return corrupt(p, it->leaf, TARN_ECORRUPT,
                       "its levels contradict those of the columns beside it", err);
    return TARN_OK;
}

static int look(struct shred *s, struct tarn_err *err) {
    struct tarn_nested *p = s->p;
    uint8_t def = 0;
    int rc = TARN_OK;
    s->has_value = s->has_typed = 0;
    if (s->it->value >= 0) {
        const struct tarn_item *v = &p->items[s->it->value];
        rc = is_there(p, v, &s->has_value, &def, err);
        if (!rc && s->has_value) s->value = bytes_at(&p->leaves[v->leaf]);
    }
    if (!rc && s->it->typed >= 0)
        rc = is_there(p, &p->items[s->it->typed], &s->has_typed, &s->typed_def, err);
    return rc;
}

/* value and typed_value past what is not there. */
static int pass_absent(struct shred *s, struct tarn_err *err) {
    struct tarn_nested *p = s->p;
    int rc = TARN_OK;
    if (s->it->typed >= 0 && !s->has_typed)
        rc = tarn_nested_pass(p, &p->items[s->it->typed], s->typed_def, err);
    if (!rc && s->it->value >= 0) tarn_leaf_next(&p->leaves[p->items[s->it->value].leaf]);
    return rc;
}

static void print_scalar(struct tarn_nested *p, const struct tarn_item *it) {
    struct tarn_leaf *l = &p->leaves[it->leaf];
    const struct tarn_pq_column *col = l->chunk.col;
    int bytes = col->physical == TARN_BYTE_ARRAY || col->physical == TARN_FIXED;
    struct tarn_cell cell;
    if (bytes && col->logical.kind == TARN_LOGICAL_NONE) {
        tarn_variant_base64(&p->text, bytes_at(l));
    } else if (bytes && col->logical.kind == TARN_LOGICAL_DECIMAL && bytes_at(l).len > 0 &&
               bytes_at(l).len <= 16 && col->logical.scale >= 0 && col->logical.scale <= 38) {
        tarn_variant_decimal(&p->text, bytes_at(l), col->logical.scale);
    } else {
        tarn_cell_read(col, &l->values, l->value, &cell);
        tarn_cell_json(&p->text, col, &cell);
    }
    tarn_leaf_next(l);
}

static int print_group(struct tarn_nested *p, const struct tarn_item *it,
                       const struct tarn_variant_names *names, struct member *m,
                       struct tarn_err *err);

static int print_array(struct shred *s, const struct tarn_item *typed, struct tarn_err *err) {
    struct tarn_nested *p = s->p;
    const struct tarn_item *list = &p->items[typed->child], *element = &p->items[list->child];
    uint8_t rep = 0, def = 0;
    int more = 1, rc = tarn_nested_entry(p, list->leaf, &rep, &def, err);
    if (rc) return rc;
    tarn_buf_u8(&p->text, '[');
    if (def < list->node->max_def) {
        more = 0;
        rc = tarn_nested_pass(p, list, def, err);
    }
    while (more && !rc) {
        rc = print_group(p, element, s->names, NULL, err);
        if (!rc) rc = tarn_nested_goes_on(p, list, &more, err);
        if (!rc && more) tarn_buf_u8(&p->text, ',');
        if (!rc && p->text.rc) rc = tarn_nested_text_fail(p, err);
    }
    tarn_buf_u8(&p->text, ']');
    return rc;
}

/* The members of `value`, none of which may be a field of `typed`. */
static int print_rest(struct shred *s, const struct tarn_item *typed, struct member *m,
                      struct tarn_err *err) {
    struct tarn_nested *p = s->p;
    struct tarn_variant_group g;
    int leaf = p->items[s->it->value].leaf;
    const char *why = NULL;
    int rc = tarn_variant_object(&g, s->value, &why);
    for (uint32_t i = 0; i < g.n && !rc; i++) {
        struct tarn_slice name, value;
        rc = tarn_variant_member(&g, i, s->names, &name, &value, &why);
        for (int c = typed->child; c >= 0 && !rc; c = p->items[c].next) {
            const char *field = p->items[c].node->name;
            why = "a field of a variant stands in value and in typed_value";
            if (strlen(field) == name.len && memcmp(field, name.data, name.len) == 0)
                rc = TARN_ECORRUPT;
        }
        if (rc) break;
        if (m->n++ > 0) tarn_buf_u8(&p->text, ',');
        tarn_json_quote(&p->text, (const char *)name.data, name.len);
        tarn_buf_u8(&p->text, ':');
        rc = tarn_variant_json(&p->text, s->names, value, &why);
        if (!rc && p->text.rc) return tarn_nested_text_fail(p, err);
    }
    return rc ? corrupt(p, leaf, rc, why, err) : TARN_OK;
}

static int print_object(struct shred *s, const struct tarn_item *typed, struct tarn_err *err) {
    struct tarn_nested *p = s->p;
    struct member m = {NULL, 0};
    int rc = TARN_OK;
    tarn_buf_u8(&p->text, '{');
    for (int c = typed->child; c >= 0 && !rc; c = p->items[c].next) {
        m.name = p->items[c].node->name;
        rc = print_group(p, &p->items[c], s->names, &m, err);
    }
    if (!rc && s->has_value) rc = print_rest(s, typed, &m, err);
    tarn_buf_u8(&p->text, '}');
    return rc;
}

static int print_typed(struct shred *s, struct tarn_err *err) {
    struct tarn_nested *p = s->p;
    const struct tarn_item *typed = &p->items[s->it->typed];
    int object = typed->kind == TARN_ITEM_STRUCT;
    if (s->has_value && !object)
        return corrupt(p, p->items[s->it->value].leaf, TARN_ECORRUPT,
                       "a variant has both a value and a typed_value", err);
    if (object) return print_object(s, typed, err);
    if (typed->kind == TARN_ITEM_PASS) return print_array(s, typed, err);
    print_scalar(p, typed);
    return TARN_OK;
}

/* One group of value and typed_value. In an object (m != NULL) a missing one prints nothing. */
static int print_group(struct tarn_nested *p, const struct tarn_item *it,
                       const struct tarn_variant_names *names, struct member *m,
                       struct tarn_err *err) {
    struct shred s = {p, it, names, 0, 0, 0, {NULL, 0}};
    const char *why = NULL;
    uint8_t def = 0;
    int there = 1, rc = is_there(p, it, &there, &def, err);
    if (!rc && !there && !m) tarn_buf_puts(&p->text, "null");
    if (!rc && !there) rc = tarn_nested_pass(p, it, def, err);
    if (!rc && there) rc = look(&s, err);
    if (rc || !there) return rc;
    if (m && (s.has_value || s.has_typed)) {
        if (m->n++ > 0) tarn_buf_u8(&p->text, ',');
        tarn_nested_name(p, m->name);
    }
    if (s.has_typed) {
        rc = print_typed(&s, err);
    } else if (s.has_value) {
        rc = tarn_variant_json(&p->text, names, s.value, &why);
        if (rc) return corrupt(p, p->items[it->value].leaf, rc, why, err);
    } else if (!m) {
        tarn_buf_puts(&p->text, "null");
    }
    if (!rc) rc = pass_absent(&s, err);
    if (!rc && p->text.rc) rc = tarn_nested_text_fail(p, err);
    return rc;
}

int tarn_nested_variant(struct tarn_nested *p, const struct tarn_item *it, struct tarn_err *err) {
    const struct tarn_item *m = &p->items[it->metadata];
    struct tarn_variant_names names;
    const char *why = NULL;
    uint8_t def = 0;
    int there = 0, rc = is_there(p, m, &there, &def, err);
    if (rc) return rc;
    rc = tarn_variant_names(&names, bytes_at(&p->leaves[m->leaf]), &why);
    if (rc) return corrupt(p, m->leaf, rc, why, err);
    rc = print_group(p, it, &names, NULL, err);
    tarn_leaf_next(&p->leaves[m->leaf]);
    return rc;
}
