/* seeds.c: what the fuzzers start from, written by Tarn's own writer.
**
**   seeds footer|filescan|nested|decode|index|outbox|lines|keys|json|cdc|cdc_json|delta FOLDER
**
** Each file is small, and each exercises something else: codecs, encodings, NULLs, several pages and
** row groups, blooms, no rows at all. Parts of files (chunks, page indexes, blooms) get in front of
** them the bytes that their fuzzer takes as parameters.
*/
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "buf.h"
#include "encode_bits.h"
#include "encode_delta.h"
#include "footer.h"
#include "outbox_slot.h"
#include "payload.h"
#include "seeds_cdc.h"
#include "seeds_nested.h"
#include "thrift_write.h"
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

static int write_shape(struct tarn_buf *file, const struct shape *shape) {
    struct tarn_column_spec columns[7];
    struct tarn_pq_writer_spec spec;
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
    tarn_sink_buf(&sink, file);
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
    if (rc != TARN_OK) fprintf(stderr, "%s: %s\n", shape->name, err.msg);
    return rc != TARN_OK;
}

static int parquet(const char *folder, const struct shape *shape) {
    struct tarn_buf file = TARN_BUF_INIT((size_t)1 << 20);
    int bad = write_shape(&file, shape);

    if (!bad) bad = save(folder, shape->name, file.data, file.len);
    tarn_buf_release(&file);
    return bad;
}

/* `head`, then parts of the file, as one seed. */
static int part(const char *folder, const char *name, int number, const struct tarn_buf *file,
                const uint8_t *head, size_t n_head, const uint64_t at[2], const uint64_t size[2]) {
    struct tarn_buf b = TARN_BUF_INIT((size_t)1 << 20);
    char full[64];
    int bad = 0;

    snprintf(full, sizeof full, "%s%d", name, number);
    tarn_buf_put(&b, head, n_head);
    for (int i = 0; i < 2; i++)
        if (size[i]) tarn_buf_put(&b, file->data + at[i], size[i]);
    bad = b.rc != TARN_OK || save(folder, full, b.data, b.len);
    tarn_buf_release(&b);
    return bad;
}

static int chunk_parts(const char *folder, const struct shape *shape, const struct tarn_buf *file,
                       const struct tarn_pq_column *col, const struct tarn_pq_chunk *c, int rows,
                       int index) {
    const uint64_t pages[2] = {c->offset, 0}, n_pages[2] = {c->size, 0};
    const uint64_t at[2] = {c->offset_index_offset, c->column_index_offset};
    const uint64_t n[2] = {c->offset_index_size, c->column_index_size};
    const uint64_t bloom[2] = {c->bloom_offset, 0}, n_bloom[2] = {c->bloom_size, 0};
    unsigned kind = (unsigned)col->physical + 8u * col->max_def;
    const uint8_t chunk_head[5] = {2, (uint8_t)kind,
                                   (uint8_t)((unsigned)c->codec + 8 * (col->fixed_len - 1) % 128),
                                   (uint8_t)(rows / 37), 0};
    const uint8_t index_head[6] = {
        0, (uint8_t)kind, (uint8_t)n[0], (uint8_t)(n[0] >> 8), (uint8_t)(rows - 1), 0};
    const uint8_t bloom_head[5] = {1, 'P', 'A', 'R', '1'};
    char name[48];
    int bad = 0;

    snprintf(name, sizeof name, "%s-", shape->name);
    if (!index) return part(folder, name, c->column, file, chunk_head, 5, pages, n_pages);
    if (n[0] && n[1]) bad |= part(folder, name, c->column, file, index_head, 6, at, n);
    snprintf(name, sizeof name, "%s-bloom", shape->name);
    if (n_bloom[0]) bad |= part(folder, name, c->column, file, bloom_head, 5, bloom, n_bloom);
    return bad;
}

/* Chunks (or page indexes and blooms) of the first row group. */
static int parts(const char *folder, const struct shape *shape, int index) {
    struct tarn_buf file = TARN_BUF_INIT((size_t)1 << 20);
    struct tarn_memory_source memory;
    struct tarn_source src;
    struct tarn_pq_footer *f = NULL;
    int bad = write_shape(&file, shape);

    if (!bad) {
        memory = (struct tarn_memory_source){file.data, file.len, shape->name};
        tarn_source_memory(&src, &memory);
        bad = tarn_pq_footer_read(&f, &src, NULL) != TARN_OK;
    }
    for (int i = 0; !bad && f->n_row_groups > 0 && i < f->n_columns; i++)
        bad = chunk_parts(folder, shape, &file, &f->columns[i], &f->row_groups[0].chunks[i],
                          (int)f->row_groups[0].rows, index);
    tarn_pq_footer_free(f);
    tarn_buf_release(&file);
    return bad;
}

/* Bodies of pages, for the decoders alone. */
static int bodies(const char *folder) {
    struct tarn_buf b = TARN_BUF_INIT((size_t)1 << 20);
    struct tarn_buf lengths = TARN_BUF_INIT((size_t)1 << 20);
    int64_t numbers[100];
    uint32_t codes[100];
    uint8_t texts[100 * 6];
    int bad = 0;

    for (uint32_t i = 0; i < 100; i++) {
        uint32_t len = 2;
        numbers[i] = (int64_t)i * i * 1000 - 77;
        codes[i] = i / 20 % 2 ? i % 7 : 3;
        memcpy(texts + i * 6, &len, 4);
        memcpy(texts + i * 6 + 4, i % 10 ? "ab" : "zz", 2);
    }
    tarn_buf_put(&b, (const uint8_t[]){0, 2 + 8 * 5, 3, 8, 5}, 5);
    tarn_enc_delta64(&b, numbers, 100);
    bad |= save(folder, "delta", b.data, b.len);
    tarn_buf_clear(&b);
    tarn_buf_put(&b, (const uint8_t[]){0, 6 + 8 * 7, 3, 8, 5}, 5);
    tarn_enc_delta_bytes(&b, texts, 100, 0, &lengths);
    bad |= save(folder, "prefixes", b.data, b.len);
    tarn_buf_clear(&b);
    tarn_buf_put(&b, (const uint8_t[]){0, 2 + 8 * 8, 3, 8, 5, 3}, 6);
    tarn_enc_rle32(&b, codes, 100, 3);
    bad |= save(folder, "codes", b.data, b.len);
    tarn_buf_clear(&b);
    tarn_buf_put(&b, (const uint8_t[]){0, 5 + 8 * 9, 3, 8, 5}, 5);
    tarn_buf_put(&b, numbers, sizeof numbers);
    bad |= save(folder, "split", b.data, b.len);
    tarn_buf_clear(&b);
    tarn_buf_put(&b, (const uint8_t[]){1, 1, 8, 5, 9}, 5);
    for (uint32_t i = 0; i < 100; i++)
        codes[i] = i % 9 != 0;
    tarn_enc_rle32(&b, codes, 100, 1);
    bad |= save(folder, "levels", b.data, b.len) || b.rc || lengths.rc;
    tarn_buf_release(&b);
    tarn_buf_release(&lengths);
    return bad;
}

static int outbox(const char *folder) {
    struct tarn_buf b = TARN_BUF_INIT((size_t)1 << 20);
    struct tarn_event ev;
    struct tarn_spool_file spool;
    struct tarn_commit commit;
    struct tarn_position position = {3, 2, 1};
    uint8_t slot[1 + TARN_SLOT_BYTES] = {2};
    int bad = 0;

    memset(&ev, 0, sizeof ev);
    memset(&spool, 0, sizeof spool);
    memset(&commit, 0, sizeof commit);
    ev.ts = INT64_C(1770040800000);
    ev.present = (1u << TARN_EV_COLUMNS) - 1;
    for (int c = 0; c < TARN_EV_COLUMNS; c++)
        ev.text[c] = (struct tarn_slice){(const uint8_t *)"r\xc3\xa9sum\xc3\xa9", 8};
    tarn_buf_u8(&b, 1);
    tarn_event_encode(&b, &ev);
    ev.present = TARN_EV_BIT(TARN_EV_TYPE);
    ev.prefix = ev.namespace_ = (struct tarn_slice){(const uint8_t *)"tail", 4};
    tarn_event_encode(&b, &ev);
    snprintf(spool.name, sizeof spool.name, "01KAF7M5Z8Q4X2V6T0N3R9B1CD.parquet");
    spool.root = (struct tarn_slice){(const uint8_t *)"ns/a/tail/", 10};
    spool.hour = spool.min_ts = spool.max_ts = ev.ts;
    spool.rows = 5;
    tarn_payload_spool(&b, &spool);
    bad |= b.rc != TARN_OK || save(folder, "records", b.data, b.len);
    commit.sequence = 4;
    commit.time = ev.ts;
    commit.events = 2;
    commit.payload = b.data + 1;
    commit.len = b.len - 1;
    tarn_slot_write(slot + 1, &commit, 0, 1, &position);
    bad |= save(folder, "slot", slot, sizeof slot);
    tarn_slot_write_head(slot + 1, "0123456789abcdef", "my database");
    bad |= save(folder, "head", slot, sizeof slot);
    tarn_buf_release(&b);
    return bad;
}

struct text {
    const char *bytes;
    size_t n;
};

#define TEXT(s) \
    { s, sizeof(s) - 1 }

static int texts(const char *folder, const struct text *t, size_t n) {
    char name[16];
    int bad = 0;

    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "text%zu", i);
        bad |= save(folder, name, t[i].bytes, t[i].n);
    }
    return bad;
}

static int lines(const char *folder) {
    static const struct text t[] = {
        TEXT("{\"ts\":1770040800000,\"type\":\"a\"}\n\r\n{\"timestamp\":\"2026-02-02T14:00:00Z\","
             "\"statusCode\":200,\"verified\":true,\"durationMs\":1.5}\nnot json\n"),
        TEXT("\xef\xbb\xbf{\"time\":99999999999999999999,\"x\":[{},null]}"),
        TEXT("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x4b\xe4\x02\x00\x07\xa1\xea\xdd\x02"
             "\x00\x00\x00"),
    };
    return texts(folder, t, sizeof t / sizeof *t);
}

static int keys(const char *folder) {
    static const struct text t[] = {
        TEXT("\x00\x10\x20\x30\x1c\x01\x00\x00"
             "events/2026/*/0[1-9]/**/?*.parquet\0events/2026/02/02/14/01KAF7M5Z8.parquet"),
        TEXT("\x01\x10\x20\x30\x1c\x02\x00\x00"
             "ns/a%20b/tail/**\0ns/a%20b/tail/2026/02/30/_compact_x.parquet"),
        TEXT("\x01\x10\x20\x30\x1c\x02\x00\x00[^]a-\xc3\xa9]*[!\0\xc3\xa9/_x=1/.y/a.jsonl"),
        TEXT("\x01\x10\x20\x30\x1c\x02\x00\x00*a*a*a*a*a*a*a*b\0aaaaaaaaaaaaaaaaaaaaaaaaaa"),
        TEXT("\x01\x10\x20\x30\x1c\x02\x00\x00my namespace \xe6\x9d\xb1"),
    };
    return texts(folder, t, sizeof t / sizeof *t);
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

static void algorithm(struct tarn_tw *t, int16_t field, int ctr) {
    tarn_tw_struct(t, field);
    tarn_tw_struct(t, ctr ? 2 : 1);
    if (!ctr) tarn_tw_str(t, 1, "0");
    tarn_tw_str(t, 2, "unique");
    if (ctr) tarn_tw_bool(t, 3, 1);
    tarn_tw_end(t);
    tarn_tw_end(t);
}

/* FileMetaData of one column `a` with its own key, whose metadata are there plain and sealed. */
static void encrypted_meta(struct tarn_tw *t, int ctr) {
    static const char sealed[60] = "\x38";
    tarn_tw_i32(t, 1, 1);
    tarn_tw_list(t, 2, TARN_TW_STRUCT, 2);
    for (int i = 0; i < 2; i++) {
        tarn_tw_elem_struct(t);
        if (i) tarn_tw_i32(t, 1, TARN_INT32);
        if (i) tarn_tw_i32(t, 3, TARN_REQUIRED);
        tarn_tw_str(t, 4, "a");
        if (!i) tarn_tw_i32(t, 5, 1);
        tarn_tw_end(t);
    }
    tarn_tw_list(t, 4, TARN_TW_STRUCT, 1);
    tarn_tw_elem_struct(t);
    tarn_tw_list(t, 1, TARN_TW_STRUCT, 1);
    tarn_tw_elem_struct(t);
    tarn_tw_struct(t, 3);
    tarn_tw_i32(t, 1, TARN_INT32);
    tarn_tw_i32(t, 4, TARN_UNCOMPRESSED);
    for (int16_t i = 5; i <= 9; i++)
        if (i != 8) tarn_tw_i64(t, i, 4);
    tarn_tw_end(t);
    tarn_tw_struct(t, 8);
    tarn_tw_struct(t, 2);
    tarn_tw_list(t, 1, TARN_TW_BINARY, 1);
    tarn_tw_elem_bin(t, "a", 1);
    tarn_tw_str(t, 2, "b");
    tarn_tw_end(t);
    tarn_tw_end(t);
    tarn_tw_bin(t, 9, sealed, sizeof sealed);
    tarn_tw_end(t);
    tarn_tw_i64(t, 3, 1);
    tarn_tw_end(t);
    algorithm(t, 8, ctr);
    tarn_tw_str(t, 9, "b");
    tarn_tw_end(t);
}

/* Files with an encrypted footer (nothing opens it) and with a signed one. */
static int encrypted(const char *folder) {
    int bad = 0;

    for (int i = 0; i < 4; i++) {
        struct tarn_buf b = TARN_BUF_INIT(1 << 16);
        struct tarn_tw t;
        char name[32];
        size_t at = 0;
        tarn_buf_puts(&b, i & 1 ? "PAR1pages" : "PAREpages");
        at = b.len;
        tarn_tw_init(&t, &b);
        if (i & 1) {
            encrypted_meta(&t, i >> 1);
        } else {
            algorithm(&t, 1, i >> 1);
            tarn_tw_str(&t, 2, "b");
            tarn_tw_end(&t);
            tarn_buf_le32(&b, 28);
        }
        tarn_buf_put(&b, "a nonce, a text, and its tag", 28);
        tarn_buf_le32(&b, (uint32_t)(b.len - at));
        tarn_buf_puts(&b, i & 1 ? "PAR1" : "PARE");
        snprintf(name, sizeof name, "encrypted%d", i);
        bad |= save(folder, name, b.data, b.len);
        tarn_buf_release(&b);
    }
    return bad;
}

int main(int argc, char **argv) {
    int bad = 0;

    if (argc != 3) {
        fprintf(stderr, "usage: seeds "
                        "footer|filescan|nested|decode|index|outbox|lines|keys|json|cdc|cdc_json|"
                        "delta FOLDER\n");
        return 2;
    }
    if (strcmp(argv[1], "json") == 0) return json(argv[2]);
    if (strcmp(argv[1], "cdc") == 0) return seeds_cdc(save, argv[2]);
    if (strcmp(argv[1], "delta") == 0) return seeds_delta(save, argv[2]);
    if (strcmp(argv[1], "cdc_json") == 0) return seeds_cdc_json(save, argv[2]);
    if (strcmp(argv[1], "nested") == 0) return seeds_nested(save, argv[2]);
    if (strcmp(argv[1], "outbox") == 0) return outbox(argv[2]);
    if (strcmp(argv[1], "lines") == 0) return lines(argv[2]);
    if (strcmp(argv[1], "keys") == 0) return keys(argv[2]);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        if (strcmp(argv[1], "decode") == 0)
            bad |= parts(argv[2], &shapes[i], 0);
        else if (strcmp(argv[1], "index") == 0)
            bad |= parts(argv[2], &shapes[i], 1);
        else
            bad |= parquet(argv[2], &shapes[i]);
    }
    if (strcmp(argv[1], "decode") == 0) bad |= bodies(argv[2]);
    if (strcmp(argv[1], "footer") == 0) bad |= encrypted(argv[2]);
    return bad;
}
