/* scan_walk.c: the scan without an order: files in key order, their row groups and blocks as they
** stand, then the pending rows. One file is open and one batch decoded at any time.
**
**   file ──► row group ──► block ──► batch ──► row
**   file (JSONL) ───────────────────► line ──► row
**
** The batch of the current row is let go by the step after it, so values stay valid in between.
*/
#include "mem.h"
#include "scan_impl.h"

static void drop_file(struct tarn_scan *s) {
    struct tarn_scan_walk *w = &s->walk;

    tarn_pq_batch_release(w->batch);
    tarn_free(w->blocks);
    tarn_scan_file_free(w->file);
    w->batch = NULL;
    w->blocks = NULL;
    w->file = NULL;
    w->n_blocks = w->next_block = 0;
}

void tarn_scan_walk_release(struct tarn_scan *s) {
    drop_file(s);
    s->walk.next_file = 0;
    s->walk.group = 0;
}

/* How many of the batch's next rows can be stepped over to without a look at them, up to the next
** time that the user is asked. */
static void ready_rows(struct tarn_scan *s) {
    const struct tarn_scan_walk *w = &s->walk;
    uint32_t left = w->batch->n - w->next_row;

    if (left > TARN_SCAN_ROWS_PER_POLL) left = TARN_SCAN_ROWS_PER_POLL;
    s->ready = w->file->binding->n_left ? 0 : left;
    s->ticks += s->ready;
}

/* Rows that are left in the batch. */
static int next_in_batch(struct tarn_scan *s, int *found, struct tarn_err *err) {
    struct tarn_scan_walk *w = &s->walk;
    int rc;

    *found = 0;
    while (w->next_row < w->batch->n) {
        uint32_t row = w->next_row++;

        if ((rc = tarn_scan_tick(s, err)) != TARN_OK) return rc;
        if (w->file->binding->n_left && !tarn_binding_matches(w->file->binding, w->batch, row))
            continue;
        s->file = w->file;
        s->batch = w->batch;
        s->row = row;
        ready_rows(s);
        *found = 1;
        return TARN_OK;
    }
    tarn_pq_batch_release(w->batch);
    w->batch = NULL;
    return TARN_OK;
}

/* One step inside the open Parquet file: the next block, or the next row group's blocks. */
static int advance(struct tarn_scan *s, int *end, struct tarn_err *err) {
    struct tarn_scan_walk *w = &s->walk;
    int g;

    *end = 0;
    if (w->next_block < w->n_blocks) {
        w->next_row = 0;
        s->batches++;
        return tarn_scan_file_batch(w->file, &w->blocks[w->next_block++], &w->batch, err);
    }
    tarn_free(w->blocks);
    w->blocks = NULL;
    w->n_blocks = w->next_block = 0;
    if (w->group == w->file->footer->n_row_groups) {
        *end = 1;
        return TARN_OK;
    }
    g = w->group++;
    return tarn_pq_scan_blocks(w->file->pq, g, &w->blocks, &w->n_blocks, err);
}

static int next_in_file(struct tarn_scan *s, int *found, int *end, struct tarn_err *err) {
    struct tarn_scan_walk *w = &s->walk;
    int rc;

    *end = *found = 0;
    if (w->file->lines) {
        rc = tarn_scan_file_event(w->file, &s->event, found, err);
        s->file = w->file;
        *end = !*found;
        return rc;
    }
    if (w->batch) return next_in_batch(s, found, err);
    return advance(s, end, err);
}

/* A fault of one file ends the scan, or only that file. */
static int pass_over(struct tarn_scan *s, int rc, struct tarn_err *found, struct tarn_err *err) {
    if (!tarn_scan_skips(s, rc, found, err)) return rc;
    drop_file(s);
    tarn_err_clear(found);
    return TARN_OK;
}

int tarn_scan_walk_files(struct tarn_scan *s, int *more, struct tarn_err *err) {
    struct tarn_scan_walk *w = &s->walk;
    size_t n = s->catalog ? s->catalog->n_files : 0;
    struct tarn_err fault;
    int end = 0;
    int rc;

    *more = 0;
    tarn_err_clear(&fault);
    for (;;) {
        if (w->file) {
            rc = next_in_file(s, more, &end, &fault);
            if (rc != TARN_OK && (rc = pass_over(s, rc, &fault, err)) != TARN_OK) return rc;
            if (*more) return TARN_OK;
            if (end) drop_file(s);
        } else if (w->next_file < n) {
            const struct tarn_file *entry = &s->catalog->files[w->next_file++];

            w->group = 0;
            if (!tarn_scan_wants(s, entry)) continue;
            rc = tarn_scan_file_open(&w->file, s, entry, &fault);
            if (rc != TARN_OK && (rc = pass_over(s, rc, &fault, err)) != TARN_OK) return rc;
        } else {
            s->file = NULL;
            return TARN_OK;
        }
    }
}

int tarn_scan_walk_next(struct tarn_scan *s, int *more, struct tarn_err *err) {
    int rc = tarn_scan_walk_files(s, more, err);

    return rc == TARN_OK && !*more ? tarn_scan_pending_next(s, &s->event, more, err) : rc;
}
