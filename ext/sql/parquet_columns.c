/* parquet_columns.c: the columns of a table `parquet`, from the footers of its files.
**
**   fields of the root, in order of first appearance | folders | filename, file_row_number | leaves
**
** Columns of several files are one when their names are equal, byte for byte (the n-th of equal
** names with the n-th). Their kinds merge into one that holds both; each file's values are still
** read by its own kind. Names that SQL can't tell apart get _1, _2 …, later ones first of all.
*/
#include <stdlib.h>
#include <string.h>

#include "interrupt.h"
#include "mem.h"
#include "parquet_keys.h"
#include "parquet_table.h"
#include "result.h"

struct list {
    struct tarn_pqt_column *items;
    int n, cap;
};

struct building {
    struct tarn_pqt_schema *schema;
    const struct tarn_pqt_options *options;
    struct list fields, folders, leaves;
    struct tarn_err *err;
};

static int no_memory(struct tarn_err *err) {
    return tarn_err_set(err, TARN_ENOMEM, "parquet: no memory for the table's columns");
}

static enum tarn_pqt_kind bytes_kind(const struct tarn_pq_column *col,
                                     const struct tarn_pqt_options *o) {
    return col->physical == TARN_BYTE_ARRAY && o->binary_as_text ? TARN_PQT_BINARY_TEXT
                                                                 : TARN_PQT_BLOB;
}

static enum tarn_pqt_kind physical_kind(const struct tarn_pq_column *col,
                                        const struct tarn_pqt_options *o) {
    switch (col->physical) {
    case TARN_BOOLEAN: return TARN_PQT_BOOL;
    case TARN_INT32:
    case TARN_INT64: return TARN_PQT_INT;
    case TARN_FLOAT:
    case TARN_DOUBLE: return TARN_PQT_REAL;
    case TARN_INT96: return TARN_PQT_INT96;
    default: return bytes_kind(col, o);
    }
}

/* Unscaled values of at most 18 digits in numbers: the value itself is one. */
static int is_whole(const struct tarn_pq_column *col) {
    const struct tarn_logical_type *l = &col->logical;

    if (l->scale != 0 || l->precision > 18) return 0;
    return col->physical == TARN_INT32 || col->physical == TARN_INT64 ||
           (col->physical == TARN_FIXED && col->fixed_len <= 8);
}

enum tarn_pqt_kind tarn_pqt_leaf_kind(const struct tarn_pq_column *col,
                                      const struct tarn_pqt_options *o) {
    switch (col->logical.kind) {
    case TARN_LOGICAL_STRING:
    case TARN_LOGICAL_ENUM:
    case TARN_LOGICAL_JSON: return TARN_PQT_TEXT;
    case TARN_LOGICAL_BSON:
    case TARN_LOGICAL_GEOMETRY:
    case TARN_LOGICAL_GEOGRAPHY:
        return col->physical == TARN_BYTE_ARRAY || col->physical == TARN_FIXED
                   ? TARN_PQT_BLOB
                   : physical_kind(col, o);
    case TARN_LOGICAL_UUID: return TARN_PQT_UUID;
    case TARN_LOGICAL_DECIMAL: return is_whole(col) ? TARN_PQT_INT : TARN_PQT_DECIMAL;
    case TARN_LOGICAL_DATE: return TARN_PQT_DATE;
    case TARN_LOGICAL_TIME: return TARN_PQT_TIME;
    case TARN_LOGICAL_TIMESTAMP: return TARN_PQT_TIMESTAMP;
    case TARN_LOGICAL_INTERVAL: return TARN_PQT_INTERVAL;
    case TARN_LOGICAL_FLOAT16: return TARN_PQT_HALF;
    case TARN_LOGICAL_NULL: return TARN_PQT_NULL;
    case TARN_LOGICAL_INTEGER:
        return col->physical == TARN_INT64 && !col->logical.is_signed ? TARN_PQT_UINT
                                                                      : TARN_PQT_INT;
    default: return physical_kind(col, o);
    }
}

static int is_whole_number(enum tarn_pqt_kind k) {
    return k == TARN_PQT_BOOL || k == TARN_PQT_INT || k == TARN_PQT_UINT;
}

static int is_number(enum tarn_pqt_kind k) {
    return is_whole_number(k) || k == TARN_PQT_REAL || k == TARN_PQT_HALF;
}

static int is_day(enum tarn_pqt_kind k) {
    return k == TARN_PQT_DATE || k == TARN_PQT_TIMESTAMP || k == TARN_PQT_INT96;
}

/* The kind whose declared type does for values of both. */
static enum tarn_pqt_kind wider(enum tarn_pqt_kind a, enum tarn_pqt_kind b) {
    if (a == b || b == TARN_PQT_NULL) return a;
    if (a == TARN_PQT_NULL) return b;
    if (a == TARN_PQT_JSON || b == TARN_PQT_JSON) return TARN_PQT_JSON;
    if (a == TARN_PQT_BLOB || b == TARN_PQT_BLOB) return TARN_PQT_BLOB;
    if (is_whole_number(a) && is_whole_number(b)) {
        return a == TARN_PQT_UINT || b == TARN_PQT_UINT ? TARN_PQT_UINT : TARN_PQT_INT;
    }
    if (is_number(a) && is_number(b)) return TARN_PQT_REAL;
    if ((a == TARN_PQT_DECIMAL && is_whole_number(b)) ||
        (b == TARN_PQT_DECIMAL && is_whole_number(a))) {
        return TARN_PQT_DECIMAL;
    }
    if (is_day(a) && is_day(b)) return TARN_PQT_TIMESTAMP;
    return TARN_PQT_TEXT;
}

static void merge(struct tarn_pqt_column *to, enum tarn_pqt_kind kind,
                  const struct tarn_pq_column *col) {
    to->kind = wider(to->kind, kind);
    if (!col || kind != TARN_PQT_DECIMAL) return;
    if (to->precision < col->logical.precision) to->precision = col->logical.precision;
    if (to->scale < col->logical.scale) to->scale = col->logical.scale;
}

/* The first column of this source that this file hasn't named yet. `guess` is tried first: files
** mostly have the same columns in the same order. */
static int find(const struct tarn_pqt_column *columns, int n, const char *source, int guess,
                const uint8_t *seen) {
    int i;

    if (guess < n && columns[guess].nth == 0 && !seen[guess] &&
        strcmp(columns[guess].source, source) == 0) {
        return guess;
    }
    for (i = 0; i < n; i++) {
        if (!seen[i] && strcmp(columns[i].source, source) == 0) return i;
    }
    return -1;
}

static struct tarn_pqt_column *add(struct building *b, struct list *l, const char *source,
                                   enum tarn_pqt_place place) {
    struct tarn_pqt_column *c = NULL;
    int i;

    if (l->n == l->cap) {
        int cap = l->cap ? l->cap * 2 : 64;
        struct tarn_pqt_column *items = tarn_reallocarray(l->items, (size_t)cap, sizeof *items);
        if (!items) return NULL;
        l->items = items;
        l->cap = cap;
    }
    c = &l->items[l->n];
    memset(c, 0, sizeof *c);
    c->source = tarn_arena_strndup(&b->schema->arena, source, strlen(source));
    if (!c->source) return NULL;
    c->place = place;
    for (i = 0; i < l->n; i++)
        c->nth += strcmp(l->items[i].source, source) == 0;
    l->n++;
    return c;
}

static enum tarn_pqt_kind node_kind(const struct tarn_pq_footer *f, int node,
                                    const struct tarn_pqt_options *o) {
    int leaf = f->nodes[node].column;

    return leaf >= 0 && f->columns[leaf].flat ? tarn_pqt_leaf_kind(&f->columns[leaf], o)
                                              : TARN_PQT_JSON;
}

/* Is the leaf of this node a column of its own: below a group, which is a column too? */
static int is_inner_leaf(const struct tarn_pq_footer *f, int node) {
    return f->nodes[node].parent > 0 && f->nodes[node].column >= 0;
}

/* A leaf inside groups has values of its own unless something above it repeats. Bytes come as JSON
** there, {"$base64": ...}. */
static enum tarn_pqt_kind inner_kind(const struct tarn_pq_column *col,
                                     const struct tarn_pqt_options *o) {
    enum tarn_pqt_kind kind = tarn_pqt_leaf_kind(col, o);

    if (col->max_rep) return TARN_PQT_JSON;
    return kind == TARN_PQT_BLOB || kind == TARN_PQT_BINARY_TEXT ? TARN_PQT_JSON : kind;
}

static int take_node(struct building *b, const struct tarn_pq_footer *f, int node, struct list *l,
                     int *guess, uint8_t *seen) {
    int inner = is_inner_leaf(f, node);
    int leaf = f->nodes[node].column;
    const struct tarn_pq_column *col = leaf >= 0 ? &f->columns[leaf] : NULL;
    const char *source = inner ? col->path : f->nodes[node].name;
    int i = find(l->items, l->n, source, (*guess)++, seen);
    enum tarn_pqt_kind kind = inner ? inner_kind(col, b->options) : node_kind(f, node, b->options);

    if (i < 0) {
        struct tarn_pqt_column *c = add(b, l, source, inner ? TARN_PQT_LEAF : TARN_PQT_FIELD);
        if (!c) return no_memory(b->err);
        i = l->n - 1;
        c->kind = kind;
    }
    seen[i] = 1;
    merge(&l->items[i], kind, col);
    return TARN_OK;
}

static int take_footer(struct building *b, const struct tarn_pq_footer *f) {
    size_t most = (size_t)b->fields.n + (size_t)b->leaves.n + (size_t)f->n_nodes;
    uint8_t *seen = tarn_calloc(2, most + 1);
    int field = 0, leaf = 0, node, rc = TARN_OK;

    if (!seen) return no_memory(b->err);
    for (node = 1; node < f->n_nodes && rc == TARN_OK; node++) {
        if (f->nodes[node].parent == 0)
            rc = take_node(b, f, node, &b->fields, &field, seen);
        else if (is_inner_leaf(f, node))
            rc = take_node(b, f, node, &b->leaves, &leaf, seen + most);
    }
    tarn_free(seen);
    return rc;
}

/* Every `name=` among the folders of a path. */
static int take_folders(struct building *b, const char *path) {
    const char *end = NULL;

    for (; (end = strchr(path, '/')) != NULL; path = end + 1) {
        size_t n = strcspn(path, "=/");
        char name[256];
        int i = 0;
        if (path[n] != '=' || n == 0 || n >= sizeof name) continue;
        memcpy(name, path, n);
        name[n] = 0;
        while (i < b->folders.n && strcmp(b->folders.items[i].source, name) != 0)
            i++;
        if (i < b->folders.n) continue;
        struct tarn_pqt_column *c = add(b, &b->folders, name, TARN_PQT_FOLDER);
        if (!c) return no_memory(b->err);
        c->kind = TARN_PQT_TEXT;
    }
    return TARN_OK;
}

static int is_taken(const struct tarn_pqt_schema *s, const char *name) {
    int i;

    for (i = 0; i < s->n; i++) {
        if (sqlite3_stricmp(s->columns[i].name, name) == 0) return 1;
    }
    return 0;
}

/* Gives the column a name that no earlier one has, and appends it. */
static int append(struct tarn_pqt_schema *s, const struct tarn_pqt_column *c,
                  struct tarn_err *err) {
    char *name = sqlite3_mprintf("%s", c->source);
    int k;

    for (k = 1; name && is_taken(s, name); k++) {
        sqlite3_free(name);
        name = sqlite3_mprintf("%s_%d", c->source, k);
    }
    s->columns[s->n] = *c;
    s->columns[s->n].name = name ? tarn_arena_strndup(&s->arena, name, strlen(name)) : NULL;
    sqlite3_free(name);
    if (!s->columns[s->n].name) return no_memory(err);
    s->n++;
    return TARN_OK;
}

static int append_list(struct tarn_pqt_schema *s, const struct list *l, int n,
                       struct tarn_err *err) {
    int i, rc = TARN_OK;

    for (i = 0; i < n && rc == TARN_OK; i++)
        rc = append(s, &l->items[i], err);
    return rc;
}

/* The lists become one array. SQLite limits the columns of a table: hidden leaves give way. */
static int assemble(struct building *b, int limit) {
    static const struct tarn_pqt_column filename = {
        .source = "filename", .place = TARN_PQT_FILENAME, .kind = TARN_PQT_TEXT};
    static const struct tarn_pqt_column file_row = {
        .source = "file_row_number", .place = TARN_PQT_FILE_ROW, .kind = TARN_PQT_INT};
    struct tarn_pqt_schema *s = b->schema;
    int visible = b->fields.n + b->folders.n;
    int leaves = b->leaves.n < limit - visible - 2 ? b->leaves.n : limit - visible - 2;
    int rc = TARN_OK;

    if (visible == 0) return tarn_err_set(b->err, TARN_EINVAL, "the files have no columns");
    if (leaves < 0) {
        return tarn_err_set(b->err, TARN_ELIMIT, "%d columns; SQLite's limit leaves room for %d",
                            visible, limit - 2);
    }
    s->columns = tarn_arena_calloc(&s->arena, (size_t)(visible + 2 + leaves), sizeof *s->columns);
    if (!s->columns) return no_memory(b->err);
    rc = append_list(s, &b->fields, b->fields.n, b->err);
    if (rc == TARN_OK) rc = append_list(s, &b->folders, b->folders.n, b->err);
    s->filename = s->n;
    if (rc == TARN_OK) rc = append(s, &filename, b->err);
    s->file_row = s->n;
    if (rc == TARN_OK) rc = append(s, &file_row, b->err);
    if (rc == TARN_OK) rc = append_list(s, &b->leaves, leaves, b->err);
    return rc;
}

int tarn_pqt_schema_build(struct tarn_parquet_table *t, const struct tarn_paths *paths,
                          struct tarn_err *err) {
    struct building b = {&t->schema, &t->options, {NULL, 0, 0}, {NULL, 0, 0}, {NULL, 0, 0}, err};
    struct tarn_interrupt interrupt;
    int rc = TARN_OK;
    size_t i;

    tarn_interrupt_init(&interrupt, t->conn->db);
    tarn_arena_init(&t->schema.arena, NULL);
    t->n_files = (int64_t)paths->n;
    if (t->options.hive) rc = take_folders(&b, paths->folder);
    for (i = 0; i < paths->n && rc == TARN_OK; i++) {
        struct tarn_pq_footer *f = NULL;
        if (t->options.hive) rc = take_folders(&b, paths->objects[i].key);
        if (rc == TARN_OK && (i == 0 || !t->options.first_only)) {
            if (tarn_interrupted(&interrupt))
                rc = tarn_err_set(err, TARN_EINTR, "interrupted");
            else
                rc = tarn_pqt_open_file(paths, i, tarn_pqt_keys(t), NULL, &f, err);
            if (rc == TARN_OK) rc = take_footer(&b, f);
            if (rc == TARN_OK) t->rows += f->rows;
            tarn_pq_footer_free(f);
        }
    }
    if (t->options.first_only) t->rows *= t->n_files;
    if (rc == TARN_OK) rc = assemble(&b, sqlite3_limit(t->conn->db, SQLITE_LIMIT_COLUMN, -1));
    tarn_free(b.fields.items);
    tarn_free(b.folders.items);
    tarn_free(b.leaves.items);
    return rc;
}

void tarn_pqt_schema_release(struct tarn_pqt_schema *s) {
    tarn_arena_release(&s->arena);
    memset(s, 0, sizeof *s);
}

static void put_type(sqlite3_str *s, const struct tarn_pqt_column *c) {
    static const char *const types[] = {
        [TARN_PQT_NULL] = "",
        [TARN_PQT_BOOL] = " BOOLEAN",
        [TARN_PQT_INT] = " INTEGER",
        [TARN_PQT_UINT] = " INTEGER",
        [TARN_PQT_REAL] = " REAL",
        [TARN_PQT_HALF] = " REAL",
        [TARN_PQT_DECIMAL] = " TEXT DECIMAL",
        [TARN_PQT_DATE] = " TEXT",
        [TARN_PQT_TIME] = " TEXT",
        [TARN_PQT_TIMESTAMP] = " TEXT",
        [TARN_PQT_INT96] = " TEXT",
        [TARN_PQT_UUID] = " TEXT",
        [TARN_PQT_INTERVAL] = " TEXT",
        [TARN_PQT_TEXT] = " TEXT",
        [TARN_PQT_BINARY_TEXT] = " TEXT",
        [TARN_PQT_BLOB] = " BLOB",
        [TARN_PQT_JSON] = " JSON",
    };

    if (c->place >= TARN_PQT_FILENAME || c->place == TARN_PQT_LEAF)
        sqlite3_str_appendall(s, " HIDDEN");
    sqlite3_str_appendall(s, types[c->kind]);
    if (c->kind == TARN_PQT_DECIMAL) sqlite3_str_appendf(s, "(%d,%d)", c->precision, c->scale);
    if (c->kind == TARN_PQT_DECIMAL || c->kind == TARN_PQT_UINT)
        sqlite3_str_appendall(s, " COLLATE tarn_decimal");
}

char *tarn_pqt_declaration(const struct tarn_pqt_schema *s) {
    sqlite3_str *sql = sqlite3_str_new(NULL);
    int i;

    sqlite3_str_appendall(sql, "CREATE TABLE x(");
    for (i = 0; i < s->n; i++) {
        sqlite3_str_appendf(sql, "%s\"%w\"", i ? ", " : "", s->columns[i].name);
        put_type(sql, &s->columns[i]);
    }
    sqlite3_str_appendall(sql, ")");
    return sqlite3_str_finish(sql);
}

struct tarn_pqt_binding *tarn_pqt_bind_file(const struct tarn_parquet_table *t,
                                            const struct tarn_pq_footer *f,
                                            struct tarn_arena *arena) {
    const struct tarn_pqt_schema *s = &t->schema;
    struct tarn_pqt_binding *found = tarn_arena_calloc(arena, (size_t)s->n, sizeof *found);
    uint8_t *seen = tarn_calloc((size_t)s->n, 1);
    int first_leaf = s->file_row + 1;
    int field = 0, leaf = 0, top = 0, node, i;

    for (i = 0; found && i < s->n; i++)
        found[i].node = found[i].leaf = -1;
    for (node = 1; found && seen && node < f->n_nodes; node++) {
        int c = f->nodes[node].column;
        if (f->nodes[node].parent == 0) {
            top = node;
            i = find(s->columns, s->filename, f->nodes[node].name, field++, seen);
        } else if (is_inner_leaf(f, node)) {
            i = find(s->columns + first_leaf, s->n - first_leaf, f->columns[c].path, leaf++,
                     seen + first_leaf);
            if (i >= 0) i += first_leaf;
        } else {
            continue;
        }
        if (i < 0 || s->columns[i].place == TARN_PQT_FOLDER) continue;
        seen[i] = 1;
        found[i].node = node;
        found[i].top = top;
        found[i].inner = node == top ? -1 : c;
        found[i].kind =
            node == top ? node_kind(f, node, &t->options) : inner_kind(&f->columns[c], &t->options);
        found[i].scalar = node != top && f->columns[c].max_rep == 0;
        found[i].leaf =
            c >= 0 && f->columns[c].max_rep == 0 && found[i].kind != TARN_PQT_JSON ? c : -1;
    }
    if (!seen) found = NULL;
    tarn_free(seen);
    return found;
}
