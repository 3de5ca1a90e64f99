/* decode_run.c: one column of a Parquet file, decoded from beginning to end, without SQL.
**
**   decode_run -w FILE ROWS                write the file: invented events, as compaction writes them
**   decode_run [-n REPEATS] FILE COLUMN    every value is decoded and looked at once; output: measure.h
*/
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "event_file.h"
#include "event_mix.h"
#include "filescan.h"
#include "measure.h"

#define START_MS INT64_C(1769904000000) /* 2026-02-01 00:00:00 */

static int fail(const char *file, const struct tarn_err *err) {
    fprintf(stderr, "decode_run: %s: %s\n", file, err->msg);
    return 1;
}

static int write_file(const char *path, long rows) {
    struct tarn_event_file *f = NULL;
    struct tarn_event_file_stats stats;
    struct tarn_err err = {0};
    struct tarn_sink sink;
    struct tarn_event ev;
    struct mix mix;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    int rc;

    if (fd < 0) {
        perror(path);
        return 1;
    }
    mix_init(&mix, 1);
    tarn_sink_fd(&sink, fd, path);
    rc = tarn_event_file_open(&f, TARN_EVENT_FILE_COMPACTED, &sink, &err);
    for (long i = 0; rc == TARN_OK && i < rows; i++) {
        mix_event(&mix, &ev, START_MS + 3 * i + (int64_t)(mix_random(&mix) % 3));
        rc = tarn_event_file_add(f, &ev);
    }
    if (f) rc = tarn_event_file_finish(f, &stats, &err);
    tarn_event_file_free(f);
    if (close(fd) != 0 && rc == TARN_OK) rc = tarn_err_errno(&err, 5, "%s", path);
    return rc ? fail(path, &err) : 0;
}

/* Something that depends on every value, so that none is left undecoded. */
static uint64_t look_at(const struct tarn_vector *v) {
    uint64_t sum = 0;

    for (uint32_t i = 0; i < v->n; i++) {
        uint32_t k = tarn_vector_at(v, i);

        if (tarn_vector_null(v, i)) continue;
        switch (v->physical) {
        case TARN_BOOLEAN: sum += v->values.u8[k]; break;
        case TARN_INT32: sum += (uint64_t)v->values.i32[k]; break;
        case TARN_INT64: sum += (uint64_t)v->values.i64[k]; break;
        case TARN_FLOAT: sum += v->values.f32[k] > 0; break;
        case TARN_DOUBLE: sum += v->values.f64[k] > 0; break;
        default: sum += v->values.bytes[k].len; break;
        }
    }
    return sum;
}

static int decode(const struct tarn_pq_footer *f, const struct tarn_source *src, int column,
                  uint64_t *rows, uint64_t *sum, struct tarn_err *err) {
    struct tarn_pq_scan_spec spec = {.columns = &column, .n_columns = 1, .order_column = -1};
    struct tarn_pq_scan *s = NULL;
    int rc = tarn_pq_scan_open(&s, f, src, &spec, err);

    for (int g = 0; rc == TARN_OK && g < f->n_row_groups; g++) {
        struct tarn_pq_block *blocks = NULL;
        size_t n = 0;

        rc = tarn_pq_scan_blocks(s, g, &blocks, &n, err);
        for (size_t i = 0; rc == TARN_OK && i < n; i++) {
            struct tarn_pq_batch *batch = NULL;

            rc = tarn_pq_scan_read(s, &blocks[i], &batch, err);
            if (rc) break;
            *sum += look_at(&batch->columns[0]);
            *rows += batch->n;
            tarn_pq_batch_release(batch);
        }
        free(blocks);
    }
    tarn_pq_scan_free(s);
    return rc;
}

static int read_file(void *ctx, uint64_t offset, void *out, size_t n, struct tarn_err *err) {
    const int *fd = ctx;

    if (pread(*fd, out, n, (off_t)offset) == (ssize_t)n) return TARN_OK;
    return tarn_err_set(err, TARN_EIO, "short read");
}

static int measure_file(const char *path, const char *name, struct measure *m) {
    struct tarn_err err = {0};
    struct tarn_pq_footer *f = NULL;
    struct tarn_source src;
    uint64_t sum = 0;
    int column = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc;

    if (fd < 0) {
        perror(path);
        return 1;
    }
    src = (struct tarn_source){
        .ctx = &fd, .size = (uint64_t)lseek(fd, 0, SEEK_END), .name = path, .read = read_file};
    rc = tarn_pq_footer_read(&f, &src, &err);
    if (rc == TARN_OK) column = tarn_pq_footer_column(f, name);
    if (rc == TARN_OK && column < 0) rc = tarn_err_set(&err, TARN_EINVAL, "no column %s", name);
    while (rc == TARN_OK && measure_next(m)) {
        rc = decode(f, &src, column, &m->rows, &sum, &err);
        measure_done(m);
    }
    if (rc == TARN_OK) measure_report(m);
    tarn_pq_footer_free(f);
    (void)close(fd);
    return rc ? fail(path, &err) : sum == 1; /* the sum is used */
}

int main(int argc, char **argv) {
    struct measure m = {.repeats = 1};
    int at = 1;

    if (argc == 4 && strcmp(argv[1], "-w") == 0) {
        return write_file(argv[2], strtol(argv[3], NULL, 10));
    }
    if (argc == 5 && strcmp(argv[1], "-n") == 0) {
        m.repeats = measure_repeats(argv[2]);
        at = 3;
    }
    if (argc != at + 2) {
        fprintf(stderr, "usage: decode_run -w FILE ROWS | [-n REPEATS] FILE COLUMN\n");
        return 2;
    }
    return measure_file(argv[at], argv[at + 1], &m);
}
