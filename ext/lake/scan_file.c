/* scan_file.c: one file of a scan.
**
** The reader of a file keeps a source that opens the object when bytes are first asked for, so a
** scan over thousands of overlapping files holds TARN_SCAN_OPEN_FILES of them at most: the one
** that was read longest ago is closed for the next, and opens again (pinned to its etag) if needed.
** Files count their users; the last one closes everything.
*/
#include <string.h>

#include "mem.h"
#include "scan_impl.h"

static void close_real(struct tarn_scan_file *f) {
    struct tarn_scan *s = f->scan;
    size_t i;

    if (!f->is_open) return;
    tarn_source_close(&f->real);
    f->is_open = 0;
    for (i = 0; i < s->n_open; i++) {
        if (s->open_files[i] == f) {
            s->open_files[i] = s->open_files[--s->n_open];
            return;
        }
    }
}

static void close_oldest(struct tarn_scan *s) {
    size_t oldest = 0, i;

    for (i = 1; i < s->n_open; i++) {
        if (s->open_files[i]->used < s->open_files[oldest]->used) oldest = i;
    }
    close_real(s->open_files[oldest]);
}

static int open_real(struct tarn_scan_file *f, struct tarn_err *err) {
    struct tarn_scan *s = f->scan;
    int rc;

    if (f->is_open) return TARN_OK;
    if (s->n_open == TARN_SCAN_OPEN_FILES) close_oldest(s);
    rc = f->entry->spool
             ? tarn_pending_source(s->pending, f->entry, &f->real, err)
             : tarn_store_source(tarn_lake_store(s->spec.lake), &f->entry->obj, &f->real, err);
    if (rc == TARN_OK) {
        f->is_open = 1;
        s->open_files[s->n_open++] = f;
    }
    return rc;
}

static int read_source(void *ctx, uint64_t offset, void *out, size_t n, struct tarn_err *err) {
    struct tarn_scan_file *f = ctx;
    int rc = open_real(f, err);

    if (rc != TARN_OK) return rc;
    f->used = ++f->scan->clock;
    return f->real.read(f->real.ctx, offset, out, n, err);
}

static int open_parquet(struct tarn_scan_file *f, struct tarn_err *err) {
    struct tarn_scan *s = f->scan;
    struct tarn_binding_request want = {s->spec.columns, &s->match, s->spec.order,
                                        s->spec.pushdown};
    struct tarn_pq_scan_spec spec;
    int cached = 0;
    int rc;

    if (f->entry->footer) {
        f->footer = tarn_pq_footer_ref(f->entry->footer);
    } else {
        rc = f->entry->spool
                 ? tarn_pq_footer_read(&f->footer, &f->source, err)
                 : tarn_lake_footer(s->spec.lake, &f->entry->obj, &f->footer, &cached, err);
        if (rc != TARN_OK) return rc;
    }
    s->stats.opened++;
    s->stats.footer_hits += cached != 0;
    rc = tarn_binding_new(&f->binding, f->footer, &want, f->source.name, err);
    if (rc != TARN_OK || f->binding->nothing) return rc;
    memset(&spec, 0, sizeof spec);
    spec.columns = f->binding->columns;
    spec.n_columns = f->binding->n_columns;
    spec.predicates = f->binding->pushed;
    spec.n_predicates = f->binding->n_pushed;
    spec.order_column = s->spec.order ? f->binding->order_column : -1;
    spec.pushdown = s->spec.pushdown;
    spec.budget = &s->budget;
    spec.counters = &s->stats.parquet;
    return tarn_pq_scan_open(&f->pq, f->footer, &f->source, &spec, err);
}

/* Can a row group be left over? */
static int may_match(const struct tarn_scan_file *f) {
    int g;

    if (f->binding->nothing) return 0;
    for (g = 0; g < f->footer->n_row_groups; g++) {
        if (!f->scan->spec.pushdown || !tarn_pq_scan_excludes(f->pq, g)) return 1;
    }
    return 0;
}

int tarn_scan_file_open(struct tarn_scan_file **out, struct tarn_scan *s,
                        const struct tarn_file *entry, struct tarn_err *err) {
    struct tarn_scan_file *f = tarn_calloc(1, sizeof *f);
    int keep = 1;
    int rc;

    *out = NULL;
    if (!f) return tarn_err_set(err, TARN_ENOMEM, "%s: out of memory", entry->obj.key);
    f->scan = s;
    f->entry = entry;
    f->references = 1;
    f->source.ctx = f;
    f->source.size = entry->obj.size;
    f->source.name = entry->obj.key;
    f->source.read = read_source;
    f->source.stop = s->spec.interrupted;
    f->source.stop_arg = s->spec.interrupted_arg;
    if ((rc = tarn_scan_poll(s, err)) != TARN_OK) goto out;
    if (entry->info.format == TARN_FILE_JSONL) {
        s->stats.jsonl_files++;
        rc = tarn_lines_open(&f->lines, &f->source, err);
    } else if ((rc = open_parquet(f, err)) == TARN_OK) {
        keep = may_match(f);
        s->stats.pruned_file += !keep && s->spec.pushdown;
    }
out:
    if (rc != TARN_OK || !keep) {
        tarn_scan_file_free(f);
        f = NULL;
    }
    *out = f;
    return rc;
}

void tarn_scan_file_ref(struct tarn_scan_file *f) {
    f->references++;
}

void tarn_scan_file_free(struct tarn_scan_file *f) {
    if (!f || --f->references) return;
    tarn_lines_free(f->lines);
    tarn_jsonl_reader_release(&f->reader);
    tarn_pq_scan_free(f->pq);
    tarn_binding_free(f->binding);
    tarn_pq_footer_free(f->footer);
    close_real(f);
    tarn_free(f);
}

void tarn_scan_file_idle(struct tarn_scan_file *f) {
    close_real(f);
}

int tarn_scan_file_event(struct tarn_scan_file *f, struct tarn_event *ev, int *more,
                         struct tarn_err *err) {
    struct tarn_scan *s = f->scan;
    uint32_t columns = tarn_scan_event_columns(s);
    struct tarn_slice line = {NULL, 0};
    uint64_t number = 0;
    struct tarn_err found;
    int rc;

    *more = 0;
    for (;;) {
        if ((rc = tarn_scan_tick(s, err)) != TARN_OK) return rc;
        rc = tarn_lines_next(f->lines, &line, &number, more, err);
        if (rc != TARN_OK || !*more) return rc;
        s->stats.jsonl_lines++;
        tarn_err_clear(&found);
        rc = tarn_jsonl_read(&f->reader, line, columns, ev, &found);
        if (rc == TARN_ECORRUPT && s->spec.skip_corrupt) {
            s->stats.jsonl_bad++;
            continue;
        }
        if (rc != TARN_OK) {
            *more = 0;
            return tarn_err_set(err, rc, "%s: line %llu: %s", f->source.name,
                                (unsigned long long)number, found.msg);
        }
        if (tarn_scan_event_matches(s, ev)) return TARN_OK;
    }
}

static int check_times(const struct tarn_scan_file *f, const struct tarn_pq_batch *batch,
                       const struct tarn_pq_block *block, struct tarn_err *err) {
    const struct tarn_binding *b = f->binding;
    int64_t ms;
    uint32_t i;

    for (i = 0; i < batch->n; i++) {
        if (tarn_binding_ts(b, batch, i, &ms) != 0)
            return tarn_err_set(err, TARN_ECORRUPT,
                                "%s: column %s: expected a time in every row, found none in row "
                                "%u of row group %d",
                                f->source.name, b->footer->columns[b->bound[TARN_EV_TS].leaf].path,
                                batch->row[i], block->row_group);
    }
    return TARN_OK;
}

int tarn_scan_file_batch(struct tarn_scan_file *f, const struct tarn_pq_block *block,
                         struct tarn_pq_batch **out, struct tarn_err *err) {
    int rc = tarn_scan_poll(f->scan, err);

    *out = NULL;
    if (rc == TARN_OK) rc = tarn_pq_scan_read(f->pq, block, out, err);
    if (rc == TARN_OK && f->binding->check_ts) rc = check_times(f, *out, block, err);
    if (rc != TARN_OK) {
        tarn_pq_batch_release(*out);
        *out = NULL;
    }
    return rc;
}
