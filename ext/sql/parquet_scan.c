/* parquet_scan.c: walks files, row groups, blocks and rows of a table `parquet`. */
#include "parquet_scan.h"

#include <string.h>

#include "mem.h"
#include "parquet_bind.h"
#include "parquet_keys.h"
#include "result.h"

#define MAX_PART 16384
#define MIN_SEARCH 1024 /* rows at once, where conditions choose */

static int no_memory(const struct tarn_pqt_scan *s, struct tarn_err *err) {
    if (s->arena.rc == TARN_ELIMIT)
        return tarn_budget_fail(&s->budget, err, "parquet: %.100s: a query", s->t->pattern);
    return tarn_err_set(err, TARN_ENOMEM, "parquet: %.100s: out of memory", s->t->pattern);
}

static void close_blocks(struct tarn_pqt_scan *s) {
    int i;

    tarn_pq_batch_release(s->batch);
    s->batch = NULL;
    s->row = s->n_rows = 0;
    tarn_arena_clear(&s->batch_arena);
    for (i = 0; s->nested && i < s->t->schema.n; i++)
        s->nested[i].read = 0;
}

static void close_file(struct tarn_pqt_scan *s) {
    int i;

    close_blocks(s);
    for (i = 0; s->nested && i < s->t->schema.n; i++)
        tarn_pqt_nested_release(&s->nested[i]);
    s->nested = NULL;
    tarn_free(s->blocks);
    s->blocks = NULL;
    s->n_blocks = s->block = 0;
    tarn_pq_scan_free(s->pq);
    s->pq = NULL;
    tarn_pq_footer_free(s->footer);
    s->footer = NULL;
    tarn_source_close(&s->source);
    tarn_arena_clear(&s->arena);
}

void tarn_pqt_scan_close(struct tarn_pqt_scan *s) {
    close_file(s);
    tarn_arena_release(&s->arena);
    tarn_arena_release(&s->batch_arena);
    tarn_paths_release(&s->paths);
    tarn_free(s->wanted);
    memset(s, 0, sizeof *s);
}

int tarn_pqt_scan_open(struct tarn_pqt_scan *s, const struct tarn_parquet_table *t,
                       const struct tarn_pqt_conditions *conditions, struct tarn_err *err) {
    const struct tarn_settings *set = &t->conn->settings;
    int i;

    s->t = t;
    tarn_interrupt_init(&s->interrupt, t->conn->db);
    s->conditions = conditions;
    s->pushdown = strcmp(tarn_settings_text(set, TARN_SET_PUSHDOWN), "off") != 0;
    s->budget.limit = (size_t)tarn_settings_int(set, TARN_SET_MEMORY_BUDGET);
    tarn_arena_init(&s->arena, &s->budget);
    tarn_arena_init(&s->batch_arena, &s->budget);
    s->wanted = tarn_calloc((size_t)t->schema.n, 1);
    if (!s->wanted) return no_memory(s, err);
    for (i = 0; i < t->schema.n && i < 63; i++)
        s->wanted[i] = (conditions->used >> i & 1) != 0;
    s->skip = conditions->offset;
    if (conditions->limit > 0)
        s->at_once = (uint32_t)(conditions->limit < MAX_PART ? conditions->limit : MAX_PART);
    if (s->at_once && conditions->n && s->at_once < MIN_SEARCH) s->at_once = MIN_SEARCH;
    s->unsure = t->schema.n > 63 && conditions->used >> 63;
    return tarn_paths_open(&s->paths, t->pattern, "parquet", err);
}

/* The scan of the open file, with what is wanted by now. */
static int open_scan(struct tarn_pqt_scan *s, struct tarn_err *err) {
    struct tarn_pq_scan_spec spec;
    int *columns = tarn_arena_alloc(&s->arena, (size_t)s->t->schema.n * sizeof *columns);
    int i;

    if (!columns) return no_memory(s, err);
    memset(&spec, 0, sizeof spec);
    for (i = 0; i < s->t->schema.n; i++) {
        s->slots[i] = -1;
        if (!s->wanted[i] || s->bindings[i].leaf < 0) continue;
        s->slots[i] = spec.n_columns;
        columns[spec.n_columns++] = s->bindings[i].leaf;
    }
    spec.columns = columns;
    spec.predicates = s->predicates;
    spec.n_predicates = s->n_predicates;
    spec.order_column = -1;
    spec.pushdown = s->pushdown;
    spec.budget = &s->budget;
    spec.counters = &s->counters;
    tarn_pq_scan_free(s->pq);
    s->pq = NULL;
    return tarn_pq_scan_open(&s->pq, s->footer, &s->source, &spec, err);
}

/* Does a row take more than counting? */
static int needs_pages(const struct tarn_pqt_scan *s) {
    int i;

    if (s->unsure || s->n_predicates) return 1;
    for (i = 0; i < s->t->schema.n; i++) {
        if (s->wanted[i] && s->bindings[i].node >= 0) return 1;
    }
    return 0;
}

/* Opens file number s->file; *skip = 1 when none of its rows can match. */
static int open_file(struct tarn_pqt_scan *s, int *skip, struct tarn_err *err) {
    size_t i = s->file++;
    int rc = TARN_OK;

    close_file(s);
    *skip = s->conditions->rowid >= 0 &&
            s->conditions->rowid >> TARN_PQT_FILE_SHIFT != (sqlite3_int64)i;
    if (!*skip) rc = tarn_pqt_bind_names(s, i, skip, err);
    if (rc || *skip) return rc;
    rc = tarn_pqt_open_file(&s->paths, i, tarn_pqt_keys(s->t), &s->source, &s->footer, err);
    if (rc) return rc;
    s->source.stop = tarn_interrupted;
    s->source.stop_arg = &s->interrupt;
    s->group = -1;
    s->bindings = tarn_pqt_bind_file(s->t, s->footer, &s->arena);
    s->slots = tarn_arena_calloc(&s->arena, (size_t)s->t->schema.n, sizeof *s->slots);
    s->nested = tarn_arena_calloc(&s->arena, (size_t)s->t->schema.n, sizeof *s->nested);
    if (!s->bindings || !s->slots || !s->nested) return no_memory(s, err);
    rc = tarn_pqt_bind_conditions(s, skip, err);
    if (rc || *skip || !needs_pages(s)) return rc;
    return open_scan(s, err);
}

/* The one block that holds the row a query names by its rowid; none when there is no such row. */
static int rowid_block(struct tarn_pqt_scan *s, struct tarn_err *err) {
    uint64_t row = (uint64_t)s->conditions->rowid & ((UINT64_C(1) << TARN_PQT_FILE_SHIFT) - 1);
    const struct tarn_pq_row_group *g = &s->footer->row_groups[s->group];

    if (row < g->first_row || row - g->first_row >= (uint64_t)g->rows ||
        row - g->first_row > UINT32_MAX) {
        return TARN_OK;
    }
    s->blocks = tarn_calloc(1, sizeof *s->blocks);
    if (!s->blocks) return no_memory(s, err);
    s->blocks->row_group = s->group;
    s->blocks->first = (uint32_t)(row - g->first_row);
    s->blocks->rows = 1;
    s->n_blocks = 1;
    return TARN_OK;
}

/* Leaves out what an OFFSET takes of the row group's rows, which nothing else has chosen from. */
static void skip_rows(struct tarn_pqt_scan *s) {
    for (; s->block < s->n_blocks && s->skip > 0; s->block++) {
        struct tarn_pq_block *b = &s->blocks[s->block];
        if (s->skip < b->rows) {
            b->first += (uint32_t)s->skip;
            b->rows -= (uint32_t)s->skip;
            s->skip = 0;
            return;
        }
        s->skip -= b->rows;
    }
}

static int open_group(struct tarn_pqt_scan *s, struct tarn_err *err) {
    int64_t rows = 0;
    int rc = TARN_OK;

    tarn_free(s->blocks);
    s->blocks = NULL;
    s->n_blocks = s->block = 0;
    s->group++;
    if (s->group >= s->footer->n_row_groups) return TARN_OK;
    if (s->conditions->rowid >= 0) return rowid_block(s, err);
    rows = s->footer->row_groups[s->group].rows;
    if (s->skip >= rows) {
        s->skip -= rows;
        return TARN_OK;
    }
    if (s->pq) {
        rc = tarn_pq_scan_blocks(s->pq, s->group, &s->blocks, &s->n_blocks, err);
        if (rc == TARN_OK) skip_rows(s);
        return rc;
    }
    s->n_rows = rows;
    s->row = s->skip;
    s->skip = 0;
    return TARN_OK;
}

static int interrupted(struct tarn_pqt_scan *s, struct tarn_err *err) {
    return tarn_interrupted(&s->interrupt) ? tarn_err_set(err, TARN_EINTR, "interrupted") : TARN_OK;
}

/* Reads the next block, or as much of it as is good to read at once, from its row `from` on. */
static int read_block(struct tarn_pqt_scan *s, uint32_t from, struct tarn_err *err) {
    struct tarn_pq_block *b = &s->blocks[s->block];
    int rc = TARN_OK;

    s->part = *b;
    s->part.first += from;
    s->part.rows -= from;
    if (s->at_once && s->at_once < s->part.rows) s->part.rows = s->at_once;
    if (s->at_once && s->at_once < MAX_PART) s->at_once *= 2;
    rc = tarn_pq_scan_read(s->pq, &s->part, &s->batch, err);
    if (rc) return rc;
    b->rows = b->first + b->rows - s->part.first - s->part.rows;
    b->first = s->part.first + s->part.rows;
    if (b->rows == 0) s->block++;
    s->row = 0;
    s->n_rows = s->batch->n;
    return TARN_OK;
}

/* The next block, to be read when a column is asked for; at once if conditions choose rows of it. */
static int open_block(struct tarn_pqt_scan *s, struct tarn_err *err) {
    if (s->n_predicates) return read_block(s, 0, err);
    s->part = s->blocks[s->block++];
    s->row = 0;
    s->n_rows = s->part.rows;
    return TARN_OK;
}

/* Makes sure that the row at hand is in a batch. */
static int need_batch(struct tarn_pqt_scan *s, struct tarn_err *err) {
    if (s->batch) return TARN_OK;
    s->block--;
    return read_block(s, (uint32_t)s->row, err);
}

int tarn_pqt_scan_next(struct tarn_pqt_scan *s, int *more, struct tarn_err *err) {
    int rc = TARN_OK, skip = 0;

    *more = 1;
    if (++s->row < s->n_rows) return TARN_OK;
    for (;;) {
        close_blocks(s);
        rc = interrupted(s, err);
        if (rc == TARN_OK && s->footer && s->block < s->n_blocks && s->pq) {
            rc = open_block(s, err);
        } else if (rc == TARN_OK && s->footer && s->group < s->footer->n_row_groups) {
            rc = open_group(s, err);
            if (rc == TARN_OK && !s->pq && s->n_blocks) s->n_rows = 1;
        } else if (rc == TARN_OK) {
            *more = s->file < s->paths.n;
            if (!*more) return TARN_OK;
            rc = open_file(s, &skip, err);
            if (rc == TARN_OK && skip) close_file(s);
        }
        if (rc) {
            *more = 0;
            return rc;
        }
        if (s->n_rows > 0) return TARN_OK;
    }
}

/* The row's number in its row group. */
static int64_t group_row(const struct tarn_pqt_scan *s) {
    if (s->batch) return s->batch->row[s->row];
    if (s->pq) return s->part.first + s->row;
    return s->conditions->rowid >= 0 ? s->blocks->first : s->row;
}

static int64_t file_row(const struct tarn_pqt_scan *s) {
    return (int64_t)s->footer->row_groups[s->group].first_row + group_row(s);
}

sqlite3_int64 tarn_pqt_scan_rowid(const struct tarn_pqt_scan *s) {
    return (sqlite3_int64)(s->file - 1) << TARN_PQT_FILE_SHIFT | file_row(s);
}

/* A column that nobody had announced: it is read from now on, the current rows once more. */
static int want(struct tarn_pqt_scan *s, int column, struct tarn_err *err) {
    int rc = TARN_OK;

    s->wanted[column] = 1;
    if (s->slots[column] >= 0) return TARN_OK;
    rc = open_scan(s, err);
    if (rc || !s->batch) return rc;
    tarn_pq_batch_release(s->batch);
    s->batch = NULL;
    return tarn_pq_scan_read(s->pq, &s->part, &s->batch, err);
}

static int result_folder(struct tarn_pqt_scan *s, const char *name, sqlite3_context *ctx,
                         struct tarn_err *err) {
    struct tarn_buf value = TARN_BUF_INIT(TARN_KEY_MAX);
    int found = 0;
    int rc = tarn_pqt_folder_value(&s->paths, s->file - 1, name, &value, &found, err);

    if (rc == TARN_OK && found) {
        sqlite3_result_text(ctx, value.len ? (const char *)value.data : "", (int)value.len,
                            SQLITE_TRANSIENT);
    }
    tarn_buf_release(&value);
    return rc;
}

static int result_nested(struct tarn_pqt_scan *s, int column, sqlite3_context *ctx,
                         struct tarn_err *err) {
    const struct tarn_pqt_binding *b = &s->bindings[column];
    struct tarn_nested_spec spec;

    memset(&spec, 0, sizeof spec);
    spec.footer = s->footer;
    spec.src = &s->source;
    spec.row_group = s->group;
    spec.node = b->top;
    spec.leaf = b->inner;
    spec.budget = &s->budget;
    spec.counters = &s->counters;
    return tarn_pqt_nested_result(&s->nested[column], &spec, b, s->batch, (uint32_t)s->row,
                                  &s->batch_arena, ctx, err);
}

int tarn_pqt_scan_column(struct tarn_pqt_scan *s, int column, sqlite3_context *ctx,
                         struct tarn_err *err) {
    const struct tarn_pqt_column *c = &s->t->schema.columns[column];
    const struct tarn_pqt_binding *b = &s->bindings[column];
    char *name = NULL;
    int rc = TARN_OK;

    switch (c->place) {
    case TARN_PQT_FILENAME:
        name = tarn_pqt_filename(&s->paths, s->file - 1);
        if (!name) return no_memory(s, err);
        sqlite3_result_text(ctx, name, -1, sqlite3_free);
        return TARN_OK;
    case TARN_PQT_FILE_ROW: sqlite3_result_int64(ctx, file_row(s)); return TARN_OK;
    case TARN_PQT_FOLDER: return result_folder(s, c->source, ctx, err);
    default: break;
    }
    if (b->node < 0 || b->kind == TARN_PQT_NULL) return TARN_OK;
    if (b->leaf >= 0 && s->slots[column] < 0) rc = want(s, column, err);
    if (rc == TARN_OK) rc = need_batch(s, err);
    if (rc) return rc;
    if (b->leaf < 0) return result_nested(s, column, ctx, err);
    tarn_pqt_result(ctx, b->kind, &s->footer->columns[b->leaf],
                    &s->batch->columns[s->slots[column]], (uint32_t)s->row);
    return TARN_OK;
}
