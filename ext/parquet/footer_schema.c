/* footer_schema.c: the flattened schema tree to nodes, and to a list of leaves with dotted paths and
** levels.
**
**   schema (3) -> a, list (1) -> element, b      becomes      a | list.element | b
**
** The tree arrives depth first, each group with its number of children; a stack of at most 32
** groups gives every leaf its path and its largest definition and repetition levels.
*/
#include <string.h>

#include "footer_parse.h"

#define MAX_DEPTH 32

struct element {
    struct tarn_slice name;
    int32_t type, length, repetition, children, converted, scale, precision, field_id;
    struct tarn_logical_type logical; /* kind NONE when there is no LogicalType */
};

struct group {
    int node;
    int32_t left; /* children still to come */
    size_t path;  /* bytes of the path up to and including this group's dot */
    uint8_t def, rep;
};

static enum tarn_time_unit read_unit(struct tarn_thrift *t, const struct tarn_thrift_field *at) {
    struct tarn_thrift_field f = {0, 0};
    enum tarn_time_unit unit = TARN_UNIT_MS;
    if (!tarn_thrift_struct(t, at)) return unit;
    while (tarn_thrift_next(t, &f)) {
        if (f.id == 2) unit = TARN_UNIT_US;
        if (f.id == 3) unit = TARN_UNIT_NS;
        tarn_thrift_skip(t, f.type);
    }
    return unit;
}

/* The member of the LogicalType union that field `at` announces, with its parameters. */
static void read_member(struct tarn_thrift *t, const struct tarn_thrift_field *at,
                        struct tarn_logical_type *out) {
    struct tarn_thrift_field f = {0, 0};
    if (!tarn_thrift_struct(t, at)) return;
    while (tarn_thrift_next(t, &f)) {
        if (out->kind == TARN_LOGICAL_DECIMAL && f.id == 1)
            out->scale = tarn_thrift_i32(t, &f);
        else if (out->kind == TARN_LOGICAL_DECIMAL && f.id == 2)
            out->precision = tarn_thrift_i32(t, &f);
        else if (out->kind == TARN_LOGICAL_INTEGER && f.id == 1)
            out->bits = tarn_thrift_i32(t, &f);
        else if (out->kind == TARN_LOGICAL_INTEGER && f.id == 2)
            out->is_signed = tarn_thrift_bool(t, &f);
        else if ((out->kind == TARN_LOGICAL_TIME || out->kind == TARN_LOGICAL_TIMESTAMP) &&
                 f.id == 1)
            out->utc = tarn_thrift_bool(t, &f);
        else if ((out->kind == TARN_LOGICAL_TIME || out->kind == TARN_LOGICAL_TIMESTAMP) &&
                 f.id == 2)
            out->unit = read_unit(t, &f);
        else
            tarn_thrift_skip(t, f.type);
    }
}

static void read_logical(struct tarn_thrift *t, const struct tarn_thrift_field *at,
                         struct tarn_logical_type *out) {
    static const uint8_t kinds[] = {
        TARN_LOGICAL_UNKNOWN,   TARN_LOGICAL_STRING,   TARN_LOGICAL_MAP,      TARN_LOGICAL_LIST,
        TARN_LOGICAL_ENUM,      TARN_LOGICAL_DECIMAL,  TARN_LOGICAL_DATE,     TARN_LOGICAL_TIME,
        TARN_LOGICAL_TIMESTAMP, TARN_LOGICAL_UNKNOWN,  TARN_LOGICAL_INTEGER,  TARN_LOGICAL_NULL,
        TARN_LOGICAL_JSON,      TARN_LOGICAL_BSON,     TARN_LOGICAL_UUID,     TARN_LOGICAL_FLOAT16,
        TARN_LOGICAL_VARIANT,   TARN_LOGICAL_GEOMETRY, TARN_LOGICAL_GEOGRAPHY};
    struct tarn_thrift_field f = {0, 0};
    if (!tarn_thrift_struct(t, at)) return;
    out->kind = TARN_LOGICAL_UNKNOWN;
    while (tarn_thrift_next(t, &f)) {
        if (f.id > 0 && (size_t)f.id < sizeof kinds) out->kind = (enum tarn_logical)kinds[f.id];
        read_member(t, &f, out);
    }
}

static void read_element(struct tarn_thrift *t, struct element *e) {
    struct tarn_thrift_field f = {0, 0};
    memset(e, 0, sizeof *e);
    e->type = e->converted = e->repetition = e->field_id = -1;
    while (tarn_thrift_next(t, &f)) {
        switch (f.id) {
        case 1: e->type = tarn_thrift_i32(t, &f); break;
        case 2: e->length = tarn_thrift_i32(t, &f); break;
        case 3: e->repetition = tarn_thrift_i32(t, &f); break;
        case 4: e->name = tarn_thrift_binary(t, &f); break;
        case 5: e->children = tarn_thrift_i32(t, &f); break;
        case 6: e->converted = tarn_thrift_i32(t, &f); break;
        case 7: e->scale = tarn_thrift_i32(t, &f); break;
        case 8: e->precision = tarn_thrift_i32(t, &f); break;
        case 9: e->field_id = tarn_thrift_i32(t, &f); break;
        case 10: read_logical(t, &f, &e->logical); break;
        default: tarn_thrift_skip(t, f.type);
        }
    }
}

static void set_integer(struct tarn_logical_type *l, int bits, int is_signed) {
    l->kind = TARN_LOGICAL_INTEGER;
    l->bits = bits;
    l->is_signed = is_signed;
}

static void set_time(struct tarn_logical_type *l, enum tarn_logical kind, enum tarn_time_unit u) {
    l->kind = kind;
    l->unit = u;
    l->utc = 1;
}

/* ConvertedType, the older list, in terms of the newer one. */
static struct tarn_logical_type from_converted(const struct element *e) {
    struct tarn_logical_type l;
    memset(&l, 0, sizeof l);
    switch (e->converted) {
    case 0: l.kind = TARN_LOGICAL_STRING; break;
    case 1:
    case 2: l.kind = TARN_LOGICAL_MAP; break;
    case 3: l.kind = TARN_LOGICAL_LIST; break;
    case 4: l.kind = TARN_LOGICAL_ENUM; break;
    case 5:
        l.kind = TARN_LOGICAL_DECIMAL;
        l.precision = e->precision;
        l.scale = e->scale;
        break;
    case 6: l.kind = TARN_LOGICAL_DATE; break;
    case 7: set_time(&l, TARN_LOGICAL_TIME, TARN_UNIT_MS); break;
    case 8: set_time(&l, TARN_LOGICAL_TIME, TARN_UNIT_US); break;
    case 9: set_time(&l, TARN_LOGICAL_TIMESTAMP, TARN_UNIT_MS); break;
    case 10: set_time(&l, TARN_LOGICAL_TIMESTAMP, TARN_UNIT_US); break;
    case 11: set_integer(&l, 8, 0); break;
    case 12: set_integer(&l, 16, 0); break;
    case 13: set_integer(&l, 32, 0); break;
    case 14: set_integer(&l, 64, 0); break;
    case 15: set_integer(&l, 8, 1); break;
    case 16: set_integer(&l, 16, 1); break;
    case 17: set_integer(&l, 32, 1); break;
    case 18: set_integer(&l, 64, 1); break;
    case 19: l.kind = TARN_LOGICAL_JSON; break;
    case 20: l.kind = TARN_LOGICAL_BSON; break;
    case 21: l.kind = TARN_LOGICAL_INTERVAL; break;
    default: l.kind = e->converted < 0 ? TARN_LOGICAL_NONE : TARN_LOGICAL_UNKNOWN;
    }
    return l;
}

static int is_bytes(int32_t type) {
    return type == TARN_BYTE_ARRAY || type == TARN_FIXED;
}

/* A logical type on a physical one that can't carry it says nothing: UNKNOWN. */
static void check_logical(const struct element *e, struct tarn_logical_type *l) {
    int ok = 1;
    switch (l->kind) {
    case TARN_LOGICAL_STRING:
    case TARN_LOGICAL_ENUM:
    case TARN_LOGICAL_JSON:
    case TARN_LOGICAL_BSON: ok = is_bytes(e->type); break;
    case TARN_LOGICAL_UUID: ok = e->type == TARN_FIXED && e->length == 16; break;
    case TARN_LOGICAL_FLOAT16: ok = e->type == TARN_FIXED && e->length == 2; break;
    case TARN_LOGICAL_INTERVAL: ok = e->type == TARN_FIXED && e->length == 12; break;
    case TARN_LOGICAL_DATE: ok = e->type == TARN_INT32; break;
    case TARN_LOGICAL_TIME:
        ok = e->type == (l->unit == TARN_UNIT_MS ? TARN_INT32 : TARN_INT64);
        break;
    case TARN_LOGICAL_TIMESTAMP: ok = e->type == TARN_INT64; break;
    case TARN_LOGICAL_INTEGER: ok = e->type == (l->bits == 64 ? TARN_INT64 : TARN_INT32); break;
    case TARN_LOGICAL_DECIMAL:
        ok = is_bytes(e->type) || e->type == TARN_INT32 || e->type == TARN_INT64;
        break;
    case TARN_LOGICAL_GEOMETRY:
    case TARN_LOGICAL_GEOGRAPHY: ok = e->type == TARN_BYTE_ARRAY; break;
    case TARN_LOGICAL_LIST: /* of groups only */
    case TARN_LOGICAL_MAP:
    case TARN_LOGICAL_VARIANT: ok = 0; break;
    default: break;
    }
    if (!ok) l->kind = TARN_LOGICAL_UNKNOWN;
}

static int add_leaf(struct tarn_footer_parse *p, const struct element *e,
                    const struct tarn_buf *path, const struct group *parent, int depth,
                    struct tarn_pq_column *c) {
    memset(c, 0, sizeof *c);
    if (e->type < TARN_BOOLEAN || e->type > TARN_FIXED)
        return tarn_footer_fail(p, "column %.*s has physical type %d, expected 0 to 7",
                                (int)(path->len < 80 ? path->len : 80), (const char *)path->data,
                                (int)e->type);
    if (e->type == TARN_FIXED && e->length <= 0)
        return tarn_footer_fail(p, "column %.*s has fixed length %d, expected 1 or more",
                                (int)(path->len < 80 ? path->len : 80), (const char *)path->data,
                                (int)e->length);
    c->path = tarn_arena_strndup(p->arena, (const char *)path->data, path->len);
    if (!c->path) return tarn_footer_fail(p, "no memory");
    c->physical = (enum tarn_physical)e->type;
    c->fixed_len = e->type == TARN_FIXED ? (uint32_t)e->length : 0;
    c->logical = e->logical.kind != TARN_LOGICAL_NONE ? e->logical : from_converted(e);
    check_logical(e, &c->logical);
    c->max_def = (uint8_t)(parent->def + (e->repetition > TARN_REQUIRED));
    c->max_rep = (uint8_t)(parent->rep + (e->repetition == TARN_REPEATED));
    c->null_parents = parent->def > 0;
    c->flat = depth == 1 && e->repetition != TARN_REPEATED;
    return TARN_OK;
}

static int path_fail(struct tarn_footer_parse *p, const struct tarn_buf *path) {
    if (path->rc == TARN_ENOMEM) return tarn_err_set(p->err, TARN_ENOMEM, "%s: no memory", p->name);
    return tarn_footer_fail(p, "a column's path is longer than %zu bytes", path->max);
}

/* Appends the element to the tree. NULL when out of memory. */
static struct tarn_pq_node *add_node(struct tarn_footer_parse *p, const struct element *e,
                                     const struct group *parent) {
    struct tarn_pq_node *node = &p->f->nodes[p->f->n_nodes];
    memset(node, 0, sizeof *node);
    node->name = tarn_arena_strndup(p->arena, (const char *)e->name.data, e->name.len);
    if (!node->name) return NULL;
    node->parent = parent ? parent->node : -1;
    node->end = ++p->f->n_nodes;
    node->n_children = e->children;
    node->column = -1;
    node->converted = e->converted;
    node->field_id = e->field_id;
    node->repetition = (uint8_t)(e->repetition < 0 ? TARN_REQUIRED : e->repetition);
    node->max_def = (uint8_t)((parent ? parent->def : 0) + (node->repetition > TARN_REQUIRED));
    node->max_rep = (uint8_t)((parent ? parent->rep : 0) + (node->repetition == TARN_REPEATED));
    node->logical = e->logical.kind != TARN_LOGICAL_NONE ? e->logical : from_converted(e);
    return node;
}

/* Every group ends where its last descendant does. */
static void close_nodes(struct tarn_pq_footer *f) {
    for (int i = f->n_nodes - 1; i > 0; i--) {
        struct tarn_pq_node *parent = &f->nodes[f->nodes[i].parent];
        if (parent->end < f->nodes[i].end) parent->end = f->nodes[i].end;
    }
}

/* One element after the root; `stack[0..*depth)` are the groups it is in. */
static int walk(struct tarn_footer_parse *p, const struct element *e, struct group *stack,
                int *depth, struct tarn_buf *path) {
    struct group *parent = NULL;
    struct tarn_pq_node *node = NULL;
    while (*depth > 0 && stack[*depth - 1].left == 0)
        (*depth)--;
    if (*depth == 0)
        return tarn_footer_fail(p, "the schema has more elements than its groups hold");
    parent = &stack[*depth - 1];
    parent->left--;
    if (e->repetition < -1 || e->repetition > TARN_REPEATED)
        return tarn_footer_fail(p, "a schema element has repetition %d, expected 0 to 2",
                                (int)e->repetition);
    if (e->children < 0)
        return tarn_footer_fail(p, "a schema group has %d children", (int)e->children);
    path->len = parent->path;
    tarn_buf_put(path, e->name.data, e->name.len);
    if (path->rc) return path_fail(p, path);
    node = add_node(p, e, parent);
    if (!node) return tarn_footer_fail(p, "no memory");
    if (e->children == 0 && e->type >= 0) {
        struct tarn_pq_column *c = &p->f->columns[p->f->n_columns];
        int rc = add_leaf(p, e, path, parent, *depth, c);
        if (!rc) node->logical = c->logical;
        if (!rc) node->column = p->f->n_columns++;
        return rc;
    }
    if (e->children > 0 && *depth == MAX_DEPTH)
        return tarn_footer_fail(p, "the schema is nested deeper than %d levels", MAX_DEPTH);
    if (e->children == 0 && e->type != -1)
        return tarn_footer_fail(p, "a column has physical type %d", (int)e->type);
    if (e->children == 0) return TARN_OK;
    tarn_buf_u8(path, '.');
    stack[*depth].node = p->f->n_nodes - 1;
    stack[*depth].left = e->children;
    stack[*depth].path = path->len;
    stack[*depth].def = (uint8_t)(parent->def + (e->repetition > TARN_REQUIRED));
    stack[*depth].rep = (uint8_t)(parent->rep + (e->repetition == TARN_REPEATED));
    (*depth)++;
    return path->rc ? path_fail(p, path) : TARN_OK;
}

int tarn_footer_schema(struct tarn_footer_parse *p, const struct tarn_thrift_field *f) {
    struct group stack[MAX_DEPTH + 1];
    struct tarn_buf path = TARN_BUF_INIT(65536);
    struct element e;
    uint32_t n = tarn_thrift_list(&p->t, f, TARN_THRIFT_STRUCT, 3);
    int depth = 1, rc = TARN_OK;
    if (p->t.rc) return tarn_footer_fail(p, "the schema list is broken");
    if (n == 0 || p->f->columns) return tarn_footer_fail(p, "expected one schema with a root");
    read_element(&p->t, &e);
    if (p->t.rc || e.children < 0) return tarn_footer_fail(p, "the schema's root is broken");
    memset(stack, 0, sizeof stack);
    stack[0].left = e.children;
    p->f->columns = tarn_arena_alloc(p->arena, (size_t)n * sizeof *p->f->columns);
    p->f->nodes = tarn_arena_alloc(p->arena, (size_t)n * sizeof *p->f->nodes);
    if (!p->f->columns || !p->f->nodes || !add_node(p, &e, NULL))
        return tarn_footer_fail(p, "no memory");
    for (uint32_t i = 1; i < n && !rc; i++) {
        read_element(&p->t, &e);
        if (p->t.rc)
            rc = tarn_footer_fail(p, "schema element %u is broken", (unsigned)i);
        else if (!e.name.data)
            rc = tarn_footer_fail(p, "schema element %u has no name", (unsigned)i);
        else
            rc = walk(p, &e, stack, &depth, &path);
    }
    while (!rc && depth > 0)
        if (stack[--depth].left) rc = tarn_footer_fail(p, "the schema ends inside a group");
    if (!rc) close_nodes(p->f);
    tarn_buf_release(&path);
    return rc;
}
