/* changes_file.c: the rows of one delta file, in their order or from the last one back.
**
** Columns are found by name; one that is missing is NULL. Blocks are read in parts of a few MiB, the
** first of them no larger than the query's LIMIT.
*/
#include <string.h>

#include "changes_impl.h"
#include "mem.h"

#define PART_BYTES ((uint64_t)4 << 20)
#define PART_MAX UINT64_C(16384)
#define PART_MIN UINT64_C(16)

static const char *const names[TARN_CHANGES_TEXTS] = {"op", "pk", "ts", "data", "prev", "bookmark"};

static void close_blocks(struct tarn_changes_reader *r) {
    tarn_pq_batch_release(r->batch);
    r->batch = NULL;
    tarn_free(r->blocks);
    r->blocks = NULL;
    r->n_blocks = r->block = 0;
}

void tarn_changes_reader_close(struct tarn_changes_reader *r) {
    close_blocks(r);
    tarn_pq_scan_free(r->pq);
    tarn_pq_footer_free(r->footer);
    if (r->file) tarn_source_close(&r->source);
    memset(r, 0, sizeof *r);
}

static int find_columns(struct tarn_changes_reader *r, struct tarn_err *err) {
    int i;

    for (i = 0; i < TARN_CHANGES_TEXTS; i++) {
        const struct tarn_pq_column *c;

        r->leaves[i] = tarn_pq_footer_column(r->footer, names[i]);
        if (r->leaves[i] < 0) continue;
        c = &r->footer->columns[r->leaves[i]];
        if (c->flat && c->physical == TARN_BYTE_ARRAY) continue;
        return tarn_err_set(err, TARN_EUNSUPPORTED, "%s: column %s: expected text",
                            r->file->obj.key, names[i]);
    }
    return TARN_OK;
}

int tarn_changes_reader_footer(struct tarn_changes_reader *r, struct tarn_changes_scan *s,
                               struct tarn_changes_file *f, struct tarn_err *err) {
    struct tarn_store *store = tarn_lake_store(s->lake);
    int cached = 0;
    int rc;

    memset(r, 0, sizeof *r);
    rc = tarn_store_source(store, &f->obj, &r->source, err);
    if (rc) return rc;
    r->file = f;
    rc = tarn_lake_footer(s->lake, &f->obj, &r->footer, &cached, err);
    if (rc == TARN_OK) rc = find_columns(r, err);
    if (rc == TARN_OK) s->stats.footer_hits += cached != 0;
    return rc;
}

int tarn_changes_reader_start(struct tarn_changes_reader *r, struct tarn_changes_scan *s,
                              uint32_t columns, const struct tarn_predicate *predicates, int n,
                              struct tarn_err *err) {
    struct tarn_predicate *bound = tarn_calloc((size_t)n + 1, sizeof *bound);
    struct tarn_pq_scan_spec spec;
    int leaves[TARN_CHANGES_TEXTS];
    int i;
    int rc;

    if (!bound) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    memset(&spec, 0, sizeof spec);
    for (i = 0; i < TARN_CHANGES_TEXTS; i++) {
        r->slots[i] = -1;
        if (!(columns & 1u << i) || r->leaves[i] < 0) continue;
        r->slots[i] = spec.n_columns;
        leaves[spec.n_columns++] = r->leaves[i];
    }
    for (i = 0; i < n; i++) {
        if (r->leaves[predicates[i].column] < 0) continue;
        bound[spec.n_predicates] = predicates[i];
        bound[spec.n_predicates++].column = r->leaves[predicates[i].column];
    }
    spec.columns = leaves;
    spec.predicates = bound;
    spec.order_column = -1;
    spec.pushdown = s->spec.pushdown;
    spec.budget = &s->budget;
    spec.counters = &s->stats.parquet;
    rc = tarn_pq_scan_open(&r->pq, r->footer, &r->source, &spec, err);
    tarn_free(bound);
    r->group = s->spec.descending ? r->footer->n_row_groups : -1;
    return rc;
}

/* Rows to read at once: as many as a LIMIT wants, and then twice as many each time. */
static uint32_t part_rows(struct tarn_changes_reader *r, const struct tarn_changes_scan *s) {
    const struct tarn_pq_row_group *g = &r->footer->row_groups[r->group];
    uint64_t width = g->rows > 0 ? g->bytes / (uint64_t)g->rows + 1 : 1;
    uint64_t most = s->budget.limit / 16;
    uint64_t rows = (most && most < PART_BYTES ? most : PART_BYTES) / width;

    if (rows > PART_MAX) rows = PART_MAX;
    if (r->at_once == 0) r->at_once = s->spec.limit > 0 ? (uint64_t)s->spec.limit : PART_MAX;
    if (r->at_once < PART_MIN) r->at_once = PART_MIN;
    if (r->at_once < rows) {
        rows = r->at_once;
        r->at_once *= 2;
    }
    return (uint32_t)(rows < PART_MIN ? PART_MIN : rows);
}

/* The next part of the blocks: from their beginning, or from their end. */
static struct tarn_pq_block next_part(struct tarn_changes_reader *r,
                                      const struct tarn_changes_scan *s) {
    struct tarn_pq_block *b =
        s->spec.descending ? &r->blocks[r->n_blocks - 1] : &r->blocks[r->block];
    struct tarn_pq_block part = *b;
    uint32_t most = part_rows(r, s);

    if (part.rows > most) part.rows = most;
    if (s->spec.descending) {
        part.first = b->first + b->rows - part.rows;
    } else {
        b->first += part.rows;
    }
    b->rows -= part.rows;
    if (b->rows == 0 && s->spec.descending) r->n_blocks--;
    if (b->rows == 0 && !s->spec.descending) r->block++;
    return part;
}

int tarn_changes_reader_next(struct tarn_changes_reader *r, struct tarn_changes_scan *s, int *more,
                             struct tarn_err *err) {
    int step = s->spec.descending ? -1 : 1;
    int rc;

    *more = 0;
    for (;;) {
        if (r->batch) {
            r->row += step;
            if (r->row >= 0 && r->row < (int64_t)r->batch->n) break;
            tarn_pq_batch_release(r->batch);
            r->batch = NULL;
        }
        rc = tarn_changes_poll(s, err);
        if (rc) return rc;
        if (r->block < r->n_blocks) {
            struct tarn_pq_block part = next_part(r, s);

            rc = tarn_pq_scan_read(r->pq, &part, &r->batch, err);
            if (rc) return rc;
            r->row = s->spec.descending ? (int64_t)r->batch->n : -1;
            continue;
        }
        close_blocks(r);
        r->group += step;
        if (r->group < 0 || r->group >= r->footer->n_row_groups) return TARN_OK;
        rc = tarn_pq_scan_blocks(r->pq, r->group, &r->blocks, &r->n_blocks, err);
        if (rc) return rc;
    }
    r->returned++;
    *more = 1;
    return TARN_OK;
}

void tarn_changes_reader_text(const struct tarn_changes_reader *r, int column,
                              struct tarn_slice *out) {
    const struct tarn_vector *v;

    out->data = NULL;
    out->len = 0;
    if (r->slots[column] < 0) return;
    v = &r->batch->columns[r->slots[column]];
    if (tarn_vector_null(v, (uint32_t)r->row)) return;
    *out = v->values.bytes[tarn_vector_at(v, (uint32_t)r->row)];
    if (!out->data) out->data = (const uint8_t *)"";
}
