/* writer.c: the writer's handle: rows in, row groups and footer out.
**
**   PAR1 | row group 0: chunk per column | row group 1 | ... | blooms | ColumnIndexes |
**   OffsetIndexes | footer | le32 footer length | PAR1
**
** A row group ends when it is full by rows or by raw bytes, when the caller says so, or at finish.
** The error in `err` is sticky: while its code is set nothing more is taken or written. Values are
** collected by column_buffer.c and written by column_writer.c.
**
** In the background: a full group's columns change places with a second set, and a thread writes them.
** It alone uses `out`, `chunks` and `job` until it is joined, which the next full group does, or finish.
*/
#include "writer.h"

#include "footer_write.h"
#include "mem.h"
#include "schema_write.h"
#include "thread.h"

enum {
    DEFAULT_GROUP_ROWS = 122880,
    DEFAULT_PAGE_ROWS = 2048,
    MAX_GROUP_ROWS = 1 << 30,
    DEFAULT_GROUP_BYTES = 64 << 20,
    MAX_VALUE = 1 << 30
};

static const char magic[] = "PAR1";

struct job { /* a row group on its way to the file */
    struct tarn_colbuf *columns;
    uint32_t rows;
    uint64_t last_row; /* of the file: where it ends */
    struct tarn_row_group_meta meta;
    int rc;
    struct tarn_err err;
};

struct tarn_pq_writer {
    struct tarn_colbuf *columns;
    struct tarn_colbuf *spare; /* the second set; NULL = not in the background */
    int n_columns, n_spare;
    int running; /* `thread` is there, and to be joined */
    pthread_t thread;
    struct job job;
    size_t job_memory; /* about what it holds */
    uint64_t written;  /* bytes sent to the sink by joined jobs */
    int n_required;
    int required_put; /* REQUIRED columns put in the current row */
    int sort_column, sort_descending;
    uint32_t group_rows;
    uint64_t group_bytes;
    uint32_t row;       /* of the current row group */
    uint64_t raw_bytes; /* of the current row group */
    uint64_t rows;      /* ended */
    struct tarn_pq_out out;
    struct tarn_chunk_writer chunks;
    struct tarn_buf groups; /* struct tarn_row_group_meta */
    struct tarn_kv *kv;     /* owned, and its strings */
    size_t n_kv;
    int finished;
    struct tarn_err err;
};

static int check_spec(const struct tarn_pq_writer_spec *spec, struct tarn_err *err) {
    int rc = tarn_schema_check(spec->columns, spec->n_columns, err);

    for (int i = 0; i < spec->n_columns && !rc; i++) {
        int codec = spec->columns[i].codec;

        rc = tarn_compress_check(codec < 0 ? (int)spec->codec : codec, spec->codec_level, err);
    }
    if (!rc && spec->row_group_rows > MAX_GROUP_ROWS)
        rc = tarn_err_set(err, TARN_EINVAL, "row groups have at most %d rows, not %lu",
                          MAX_GROUP_ROWS, (unsigned long)spec->row_group_rows);
    if (!rc && spec->sort_column >= spec->n_columns)
        rc = tarn_err_set(err, TARN_EINVAL, "sort column %d: the file has %d columns",
                          spec->sort_column, spec->n_columns);
    return rc;
}

/* One set of column buffers, *n of them ready. */
static int make_columns(const struct tarn_pq_writer *w, const struct tarn_pq_writer_spec *spec,
                        struct tarn_colbuf **columns, int *n) {
    uint32_t page_rows = spec->page_rows ? spec->page_rows : DEFAULT_PAGE_ROWS;

    if (page_rows > w->group_rows) page_rows = w->group_rows;
    *columns = tarn_calloc((size_t)spec->n_columns, sizeof **columns);
    for (*n = 0; *columns && *n < spec->n_columns; ++*n) {
        struct tarn_column_spec c = spec->columns[*n];

        c.codec = c.codec < 0 ? (int)spec->codec : c.codec;
        c.name = tarn_strdup(c.name);
        if (!c.name) return TARN_ENOMEM;
        tarn_colbuf_init(&(*columns)[*n], &c, page_rows, w->group_rows, w->group_bytes);
    }
    return *columns ? TARN_OK : TARN_ENOMEM;
}

int tarn_pq_writer_open(struct tarn_pq_writer **out, const struct tarn_pq_writer_spec *spec,
                        const struct tarn_sink *sink, struct tarn_err *err) {
    struct tarn_pq_writer *w = NULL;
    int rc = check_spec(spec, err);

    *out = NULL;
    if (rc) return rc;
    w = tarn_calloc(1, sizeof *w);
    if (!w) goto no_memory;
    tarn_pq_out_init(&w->out, sink);
    tarn_chunk_writer_init(&w->chunks, &w->out, spec->codec_level);
    tarn_buf_init(&w->groups, SIZE_MAX / 2);
    w->sort_column = spec->sort_column < 0 ? -1 : spec->sort_column;
    w->sort_descending = spec->sort_descending;
    w->group_rows = spec->row_group_rows ? spec->row_group_rows : DEFAULT_GROUP_ROWS;
    w->group_bytes = spec->row_group_bytes ? spec->row_group_bytes : DEFAULT_GROUP_BYTES;
    if (make_columns(w, spec, &w->columns, &w->n_columns)) goto no_memory;
    if (spec->background && make_columns(w, spec, &w->spare, &w->n_spare)) goto no_memory;
    for (int i = 0; i < w->n_columns; i++)
        w->n_required += spec->columns[i].repetition == TARN_REQUIRED;
    *out = w;
    return TARN_OK;
no_memory:
    tarn_pq_writer_free(w);
    return tarn_err_set(err, TARN_ENOMEM, "out of memory for a Parquet writer of %d columns",
                        spec->n_columns);
}

static struct tarn_row_group_meta *groups(const struct tarn_pq_writer *w, size_t *n) {
    *n = w->groups.len / sizeof(struct tarn_row_group_meta);
    return (struct tarn_row_group_meta *)(void *)w->groups.data;
}

static int put_magic(struct tarn_pq_writer *w, struct tarn_err *err) {
    return w->out.offset ? TARN_OK : tarn_pq_out_put(&w->out, magic, 4, err);
}

/* Writes the chunks of the job's columns; its meta gets what the footer needs. */
static int write_group(struct tarn_pq_writer *w, struct job *job) {
    struct tarn_row_group_meta *g = &job->meta;
    int rc = put_magic(w, &job->err);

    g->rows = job->rows;
    g->offset = w->out.offset;
    g->chunks = tarn_calloc((size_t)w->n_columns, sizeof *g->chunks);
    if (!g->chunks)
        return tarn_err_set(&job->err, TARN_ENOMEM,
                            "out of memory for the metadata of a row group");
    for (int i = 0; i < w->n_columns && !rc; i++) {
        struct tarn_colbuf *c = &job->columns[i];

        tarn_colbuf_close(c, job->rows);
        if (c->rc)
            return tarn_err_set(&job->err, c->rc, "column \"%s\": no memory for %u rows",
                                c->spec.name, job->rows);
        if (i == w->sort_column)
            g->sorted = tarn_colbuf_sorted(c, w->sort_descending, &g->nulls_first);
        rc = tarn_chunk_write(&w->chunks, c, &g->chunks[i], &job->err);
        tarn_colbuf_clear(c);
    }
    return rc ? rc : tarn_pq_out_flush(&w->out, &job->err);
}

static void *run_job(void *writer) {
    struct tarn_pq_writer *w = writer;

    w->job.rc = write_group(w, &w->job);
    tarn_compressor_release(&w->chunks.compressor);
    return NULL;
}

/* The job's row group is one of the file's, or its error is the writer's. */
static int take_job(struct tarn_pq_writer *w) {
    struct job *job = &w->job;
    int rc = job->rc;

    w->written = w->out.offset - w->out.pending.len;
    w->job_memory = 0;
    if (!rc) {
        tarn_buf_put(&w->groups, &job->meta, sizeof job->meta);
        rc = w->groups.rc;
    }
    if (!rc) return TARN_OK;
    tarn_free(job->meta.chunks);
    if (job->err.code) return tarn_err_set(&w->err, rc, "%s", job->err.msg);
    return tarn_err_set(&w->err, rc, "the row group that ends at row %llu was not written",
                        (unsigned long long)job->last_row);
}

/* Waits for the row group in the background, if there is one. */
static int join_job(struct tarn_pq_writer *w) {
    if (!w->running) return w->err.code;
    (void)pthread_join(w->thread, NULL);
    w->running = 0;
    return take_job(w);
}

void tarn_pq_writer_free(struct tarn_pq_writer *w) {
    struct tarn_row_group_meta *g;
    size_t n;

    if (!w) return;
    (void)join_job(w);
    g = groups(w, &n);
    for (size_t i = 0; i < n; i++)
        tarn_free(g[i].chunks);
    for (size_t i = 0; i < w->n_kv; i++) {
        tarn_free((void *)(uintptr_t)w->kv[i].key);
        tarn_free((void *)(uintptr_t)w->kv[i].value);
    }
    for (int i = 0; i < w->n_columns; i++)
        tarn_colbuf_release(&w->columns[i]);
    for (int i = 0; i < w->n_spare; i++)
        tarn_colbuf_release(&w->spare[i]);
    tarn_free(w->spare);
    tarn_free(w->kv);
    tarn_free(w->columns);
    tarn_buf_release(&w->groups);
    tarn_chunk_writer_release(&w->chunks);
    tarn_pq_out_release(&w->out);
    tarn_free(w);
}

/* The column, when a value of that type may be put into it now; else sets the sticky error. */
static inline struct tarn_colbuf *column_for(struct tarn_pq_writer *w, int column,
                                             enum tarn_physical physical) {
    struct tarn_colbuf *c;

    if (w->err.code) return NULL;
    if (column < 0 || column >= w->n_columns || w->finished) {
        tarn_err_set(&w->err, TARN_EINVAL,
                     w->finished ? "value for column %d after the file was finished (%d columns)"
                                 : "no column %d: the file has %d columns",
                     column, w->n_columns);
        return NULL;
    }
    c = &w->columns[column];
    if (c->spec.physical != physical) {
        tarn_err_set(&w->err, TARN_EINVAL, "column \"%s\" takes %s, not %s", c->spec.name,
                     tarn_physical_name((int)c->spec.physical), tarn_physical_name((int)physical));
        return NULL;
    }
    if (c->rows > w->row) {
        tarn_err_set(&w->err, TARN_EINVAL, "column \"%s\" was put twice in row %llu", c->spec.name,
                     (unsigned long long)w->rows);
        return NULL;
    }
    return c;
}

static inline __attribute__((always_inline)) void put(struct tarn_pq_writer *w,
                                                      struct tarn_colbuf *c, const void *p,
                                                      size_t n) {
    tarn_colbuf_put(c, w->row, p, n);
    w->raw_bytes += n + 4;
    w->required_put += c->spec.repetition == TARN_REQUIRED;
    if (c->rc)
        tarn_err_set(&w->err, c->rc, "column \"%s\": no memory for row %llu", c->spec.name,
                     (unsigned long long)w->rows);
}

void tarn_pq_put_bool(struct tarn_pq_writer *w, int column, int v) {
    struct tarn_colbuf *c = column_for(w, column, TARN_BOOLEAN);
    uint8_t byte = v != 0;

    if (c) put(w, c, &byte, sizeof byte);
}

void tarn_pq_put_i32(struct tarn_pq_writer *w, int column, int32_t v) {
    struct tarn_colbuf *c = column_for(w, column, TARN_INT32);

    if (c) put(w, c, &v, sizeof v);
}

void tarn_pq_put_i64(struct tarn_pq_writer *w, int column, int64_t v) {
    struct tarn_colbuf *c = column_for(w, column, TARN_INT64);

    if (c) put(w, c, &v, sizeof v);
}

void tarn_pq_put_f32(struct tarn_pq_writer *w, int column, float v) {
    struct tarn_colbuf *c = column_for(w, column, TARN_FLOAT);

    if (c) put(w, c, &v, sizeof v);
}

void tarn_pq_put_f64(struct tarn_pq_writer *w, int column, double v) {
    struct tarn_colbuf *c = column_for(w, column, TARN_DOUBLE);

    if (c) put(w, c, &v, sizeof v);
}

void tarn_pq_put_bytes(struct tarn_pq_writer *w, int column, const void *p, size_t n) {
    int fixed =
        column >= 0 && column < w->n_columns && w->columns[column].spec.physical == TARN_FIXED;
    struct tarn_colbuf *c = column_for(w, column, fixed ? TARN_FIXED : TARN_BYTE_ARRAY);

    if (!c) return;
    if (n > MAX_VALUE || (fixed && n != c->fixed)) {
        tarn_err_set(&w->err, fixed ? TARN_EINVAL : TARN_ELIMIT,
                     "column \"%s\": a value of %zu bytes, but it takes %s %lu", c->spec.name, n,
                     fixed ? "exactly" : "at most",
                     fixed ? (unsigned long)c->fixed : (unsigned long)MAX_VALUE);
        return;
    }
    put(w, c, n ? p : "", n);
}

static int missing_required(struct tarn_pq_writer *w) {
    for (int i = 0; i < w->n_columns; i++) {
        const struct tarn_colbuf *c = &w->columns[i];

        if (c->spec.repetition == TARN_REQUIRED && c->rows <= w->row)
            return tarn_err_set(&w->err, TARN_EINVAL,
                                "REQUIRED column \"%s\" has no value in row %llu", c->spec.name,
                                (unsigned long long)w->rows);
    }
    return TARN_OK;
}

int tarn_pq_end_row(struct tarn_pq_writer *w) {
    if (w->err.code) return w->err.code;
    if (w->finished) return tarn_err_set(&w->err, TARN_EINVAL, "a row after the file was finished");
    if (w->required_put != w->n_required) return missing_required(w);
    w->required_put = 0;
    w->row++;
    w->rows++;
    if (w->row >= w->group_rows || w->raw_bytes >= w->group_bytes) return tarn_pq_writer_flush(w);
    return TARN_OK;
}

uint64_t tarn_pq_writer_rows(const struct tarn_pq_writer *w) {
    return w->rows;
}

uint64_t tarn_pq_writer_bytes(const struct tarn_pq_writer *w) {
    return w->running ? w->written : w->out.offset - w->out.pending.len;
}

size_t tarn_pq_writer_buffered(const struct tarn_pq_writer *w) {
    size_t n_groups, total = sizeof *w + w->groups.cap;

    groups(w, &n_groups);
    total += n_groups * (size_t)w->n_columns * sizeof(struct tarn_chunk_meta);
    if (w->running)
        total += w->job_memory;
    else
        total += w->out.pending.cap + tarn_chunk_writer_memory(&w->chunks);
    for (int i = 0; i < w->n_columns; i++)
        total += sizeof w->columns[i] + tarn_colbuf_memory(&w->columns[i]);
    for (int i = 0; i < w->n_spare && !w->running; i++)
        total += sizeof w->spare[i] + tarn_colbuf_memory(&w->spare[i]);
    return total;
}

void tarn_pq_writer_meta(struct tarn_pq_writer *w, const char *key, const char *value) {
    char *copy = value ? tarn_strdup(value) : NULL;
    struct tarn_kv *kv = NULL;
    char *name = NULL;

    if (w->err.code || (value && !copy)) goto out;
    for (size_t i = 0; i < w->n_kv && !kv; i++)
        if (strcmp(w->kv[i].key, key) == 0) kv = &w->kv[i];
    if (!kv) {
        struct tarn_kv *more = tarn_reallocarray(w->kv, w->n_kv + 1, sizeof *more);

        if (!more) goto out;
        w->kv = more;
        name = tarn_strdup(key);
        if (!name) goto out;
        kv = &w->kv[w->n_kv++];
        kv->key = name;
        kv->value = NULL;
    }
    tarn_free((void *)(uintptr_t)kv->value);
    kv->value = copy;
    return;
out:
    tarn_free(copy);
    if (!w->err.code)
        tarn_err_set(&w->err, TARN_ENOMEM, "out of memory for the metadata key \"%s\"", key);
}

/* Ends the row group; `go_on`: more rows will come, so a thread is worth it. */
static int flush_group(struct tarn_pq_writer *w, int go_on) {
    if (w->err.code) return w->err.code;
    for (int i = 0; i < w->n_columns; i++)
        if (w->columns[i].rows > w->row)
            return tarn_err_set(&w->err, TARN_EINVAL,
                                "column \"%s\" has a value in row %llu, which was not ended",
                                w->columns[i].spec.name, (unsigned long long)w->rows);
    if (w->row == 0) return TARN_OK;
    if (join_job(w)) return w->err.code;
    w->job = (struct job){.columns = w->columns, .rows = w->row, .last_row = w->rows};
    w->row = 0;
    w->raw_bytes = 0;
    if (w->spare && go_on) {
        w->job_memory = tarn_pq_writer_buffered(w);
        w->running = tarn_thread_start(&w->thread, run_job, w);
    }
    if (w->running) {
        w->columns = w->spare;
        w->spare = w->job.columns;
        return TARN_OK;
    }
    (void)run_job(w);
    return take_job(w);
}

int tarn_pq_writer_flush(struct tarn_pq_writer *w) {
    return flush_group(w, 1);
}

/* All that stands after the row groups. */
static int write_tail(struct tarn_pq_writer *w) {
    const struct tarn_buf *areas[] = {&w->chunks.blooms, &w->chunks.column_indexes,
                                      &w->chunks.offset_indexes};
    uint64_t starts[3];
    struct tarn_footer_parts f = {0};
    struct tarn_buf b;
    int rc = put_magic(w, &w->err);

    for (int i = 0; i < 3 && !rc; i++) {
        starts[i] = w->out.offset;
        if (areas[i]->len) rc = tarn_pq_out_put(&w->out, areas[i]->data, areas[i]->len, &w->err);
    }
    if (rc) return rc;
    f.columns = w->columns;
    f.n_columns = w->n_columns;
    f.groups = groups(w, &f.n_groups);
    f.kv = w->kv;
    f.n_kv = w->n_kv;
    f.rows = w->rows;
    f.sort_column = w->sort_column;
    f.sort_descending = w->sort_descending;
    f.blooms = starts[0];
    f.column_indexes = starts[1];
    f.offset_indexes = starts[2];
    tarn_buf_init(&b, INT32_MAX);
    tarn_footer_write(&b, &f);
    tarn_buf_le32(&b, (uint32_t)b.len);
    tarn_buf_put(&b, magic, 4);
    rc = b.rc ? tarn_err_set(&w->err, b.rc, "the footer of %zu row groups can't be built",
                             f.n_groups)
              : tarn_pq_out_put(&w->out, b.data, b.len, &w->err);
    tarn_buf_release(&b);
    return rc ? rc : tarn_pq_out_flush(&w->out, &w->err);
}

int tarn_pq_writer_finish(struct tarn_pq_writer *w, struct tarn_err *err) {
    int rc = w->err.code;

    if (!rc && w->finished) rc = tarn_err_set(&w->err, TARN_EINVAL, "the file is already finished");
    if (!rc) rc = flush_group(w, 0);
    if (!rc) rc = join_job(w);
    if (!rc) rc = write_tail(w);
    if (rc) tarn_err_set(&w->err, rc, "the end of the file was not written");
    w->finished = 1;
    return rc ? tarn_err_set(err, rc, "%s", w->err.msg) : TARN_OK;
}
