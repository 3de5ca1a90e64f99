/* seeds.c: what the fuzzers start from, written by Tarn's own writer.
**
**   seeds footer|filescan|json FOLDER
**
** Each file is small, and each exercises something else: codecs, encodings, NULLs, several pages and
** row groups, blooms, no rows at all.
*/
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "writer.h"

static int save(const char *folder, const char *name, const void *p, size_t n) {
    char path[512];
    FILE *file = NULL;
    int bad = 0;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    file = fopen(path, "wb");
    if (!file) {
        perror(path);
        return 1;
    }
    bad = fwrite(p, 1, n, file) != n;
    bad |= fclose(file) != 0;
    if (bad) perror(path);
    return bad;
}

struct shape {
    const char *name;
    enum tarn_codec codec;
    unsigned flags; /* of every column */
    uint32_t rows;
    uint32_t row_group_rows;
    uint32_t page_rows;
};

static const struct shape shapes[] = {
    {"empty", TARN_SNAPPY, TARN_COL_STATS, 0, 0, 0},
    {"one", TARN_UNCOMPRESSED, TARN_COL_STATS, 1, 0, 0},
    {"plain", TARN_UNCOMPRESSED, 0, 40, 0, 16},
    {"dictionary", TARN_SNAPPY, TARN_COL_STATS | TARN_COL_DICT, 60, 0, 16},
    {"delta", TARN_ZSTD, TARN_COL_STATS | TARN_COL_DELTA, 60, 0, 32},
    {"pages", TARN_GZIP, TARN_COL_STATS | TARN_COL_PAGE_STATS, 60, 32, 8},
    {"bloom", TARN_LZ4_RAW, TARN_COL_STATS | TARN_COL_BLOOM | TARN_COL_DICT, 30, 0, 16},
    {"groups", TARN_UNCOMPRESSED, TARN_COL_STATS | TARN_COL_BLOOM | TARN_COL_DELTA, 64, 16, 4},
};

static void put_row(struct tarn_pq_writer *w, uint32_t i) {
    char text[32];
    int n = snprintf(text, sizeof text, "needle %u", i % 9);

    tarn_pq_put_i64(w, 0, INT64_C(1770000000000) + (int64_t)i * 250);
    tarn_pq_put_bytes(w, 1, text, (size_t)n);
    if (i % 3) tarn_pq_put_bool(w, 2, i % 2 == 0);
    if (i % 4) tarn_pq_put_i32(w, 3, (int32_t)i * 7 - 100);
    if (i % 5) tarn_pq_put_f64(w, 4, i / 7.0);
    if (i % 6) tarn_pq_put_f32(w, 5, (float)i);
    if (i % 7) tarn_pq_put_bytes(w, 6, "12345678", 8);
}

static int parquet(const char *folder, const struct shape *shape) {
    struct tarn_column_spec columns[7];
    struct tarn_pq_writer_spec spec;
    struct tarn_buf file = TARN_BUF_INIT((size_t)1 << 20);
    struct tarn_sink sink;
    struct tarn_pq_writer *w = NULL;
    struct tarn_err err = {0};
    static const enum tarn_physical physical[7] = {
        TARN_INT64, TARN_BYTE_ARRAY, TARN_BOOLEAN, TARN_INT32, TARN_DOUBLE, TARN_FLOAT, TARN_FIXED};
    static const char *const names[7] = {"ts", "type", "flag", "small", "real", "single", "fixed"};
    int rc = 0;

    memset(columns, 0, sizeof columns);
    for (int i = 0; i < 7; i++) {
        columns[i].name = names[i];
        columns[i].physical = physical[i];
        columns[i].repetition = i < 2 ? TARN_REQUIRED : TARN_OPTIONAL;
        columns[i].flags = shape->flags;
        columns[i].codec = -1;
        columns[i].fixed_len = physical[i] == TARN_FIXED ? 8 : 0;
    }
    memset(&spec, 0, sizeof spec);
    spec.columns = columns;
    spec.n_columns = 7;
    spec.codec = shape->codec;
    spec.row_group_rows = shape->row_group_rows;
    spec.page_rows = shape->page_rows;
    tarn_sink_buf(&sink, &file);
    rc = tarn_pq_writer_open(&w, &spec, &sink, &err);
    if (rc == TARN_OK) {
        for (uint32_t i = 0; i < shape->rows; i++) {
            put_row(w, i);
            tarn_pq_end_row(w);
        }
        tarn_pq_writer_meta(w, "events", shape->name);
        rc = tarn_pq_writer_finish(w, &err);
    }
    tarn_pq_writer_free(w);
    if (rc != TARN_OK)
        fprintf(stderr, "%s: %s\n", shape->name, err.msg);
    else
        rc = save(folder, shape->name, file.data, file.len);
    tarn_buf_release(&file);
    return rc != 0;
}

static int json(const char *folder) {
    static const char *const texts[] = {
        "{\"id\":\"e1\",\"n\":-12.5e+3,\"ok\":true,\"none\":null,\"list\":[1,2,[]]}",
        " [ \"\\u00e9\\ud83d\\ude00\\n\\\"\", false, 0, 1E9 ] ",
        "\"\xc3\xa9\xe6\x9d\xb1\xf0\x9f\x8f\x94 plain letters, long enough for whole words\"",
        "[[[[[[[[[[{\"a\":{\"b\":{}}}]]]]]]]]]]",
        "{\"broken\":[1,2,",
        "%41%2f%",
    };
    char name[16];
    int bad = 0;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        snprintf(name, sizeof name, "json%zu", i);
        bad |= save(folder, name, texts[i], strlen(texts[i]));
    }
    return bad;
}

int main(int argc, char **argv) {
    int bad = 0;

    if (argc != 3) {
        fprintf(stderr, "usage: seeds footer|filescan|json FOLDER\n");
        return 2;
    }
    if (strcmp(argv[1], "json") == 0) return json(argv[2]);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        bad |= parquet(argv[2], &shapes[i]);
    return bad;
}
