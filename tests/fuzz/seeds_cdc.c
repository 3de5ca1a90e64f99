/* seeds_cdc.c: see seeds_cdc.h. */
#include "seeds_cdc.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "payload.h"
#include "record.h"

#define SLICE(s) ((struct tarn_slice){(const uint8_t *)(s), sizeof(s) - 1})
#define BYTES(type, s)                          \
    {                                           \
        (type), 0, 0, {                         \
            (const uint8_t *)(s), sizeof(s) - 1 \
        }                                       \
    }
#define COLUMNS 5

static const struct tarn_value row[COLUMNS] = {
    {TARN_VALUE_INTEGER, -70000, 0, {NULL, 0}}, BYTES(TARN_VALUE_TEXT, "u-1 \"\xc3\xa9\""),
    {TARN_VALUE_REAL, 0, 0.1, {NULL, 0}},       BYTES(TARN_VALUE_BLOB, "\x00\xff"),
    {TARN_VALUE_NULL, 0, 0, {NULL, 0}},
};

static int values(seeds_save save, const char *folder) {
    struct tarn_buf b = TARN_BUF_INIT(1 << 16);
    const struct tarn_value more[] = {
        {TARN_VALUE_REAL, 0, -INFINITY, {NULL, 0}},
        {TARN_VALUE_REAL, 0, -0.0, {NULL, 0}},
        BYTES(TARN_VALUE_TEXT, "a\0\xff"),
        {TARN_VALUE_INTEGER, INT64_MIN, 0, {NULL, 0}},
    };
    int bad = 0;

    tarn_buf_u8(&b, 0);
    for (size_t i = 0; i < COLUMNS; i++)
        tarn_value_put(&b, &row[i]);
    for (size_t i = 0; i < sizeof more / sizeof *more; i++)
        tarn_value_put(&b, &more[i]);
    bad = b.rc != TARN_OK || save(folder, "values", b.data, b.len);
    tarn_buf_release(&b);
    return bad;
}

static int change(seeds_save save, const char *folder, const char *name,
                  const struct tarn_definition *d, const struct tarn_change *c) {
    struct tarn_buf b = TARN_BUF_INIT(1 << 16), def = TARN_BUF_INIT(1 << 16);
    int bad = 0;

    tarn_definition_put(&def, d);
    tarn_buf_u8(&b, 1);
    tarn_buf_u8(&b, (uint8_t)def.len);
    tarn_buf_u8(&b, (uint8_t)(def.len >> 8));
    tarn_buf_put(&b, def.data, def.len);
    tarn_change_put(&b, d, c);
    bad = b.rc != TARN_OK || save(folder, name, b.data, b.len);
    tarn_buf_release(&b);
    tarn_buf_release(&def);
    return bad;
}

int seeds_cdc(seeds_save save, const char *folder) {
    static const struct tarn_slice names[COLUMNS] = {SLICE("id"), SLICE("name"), SLICE("real"),
                                                     SLICE("data"), SLICE("")};
    struct tarn_definition_column columns[COLUMNS];
    struct tarn_definition d = {SLICE("my%20app/users"), SLICE("users"), 3, 0, COLUMNS, 2, columns,
                                (size_t[]){1, 0}};
    struct tarn_value rows[2][COLUMNS];
    struct tarn_change c;
    char name[32];
    int bad = values(save, folder);

    memset(columns, 0, sizeof columns);
    memcpy(rows[0], row, sizeof row);
    memcpy(rows[1], row, sizeof row);
    rows[1][2].real = 1e300;
    for (size_t i = 0; i < COLUMNS; i++) {
        columns[i].name = names[i];
        columns[i].affinity = (uint8_t)('A' + i);
        columns[i].key = (uint8_t)(i == 0 ? 2 : i == 1);
    }
    for (int i = 0; i < 12; i++) {
        memset(&c, 0, sizeof c);
        c.op = 1 + i % 6;
        c.key = rows[0];
        if (c.op > TARN_OP_BASE) c.op = c.op == 5 ? TARN_OP_ENTRY : TARN_OP_DELETE;
        c.entry = SLICE("{\"entry\":\"track\"}");
        if (c.op != TARN_OP_DELETE) c.new_row = rows[0];
        if (c.op == TARN_OP_UPDATE || i % 6 == 2) c.old_row = rows[1];
        if (i == 6) { /* the other half: by rowid */
            d.rowid_key = 1;
            d.n_key = 1;
            columns[0].key = columns[1].key = 0;
        }
        snprintf(name, sizeof name, "change%d", i);
        bad |= change(save, folder, name, &d, &c);
    }
    return bad;
}

/* A commit of two collections, one of them altered, with an entry of the chain; in line and as a file. */
int seeds_delta(seeds_save save, const char *folder) {
    static const char json[] = "\2[{\"sequence\":5,\"time\":7,\"events\":\""
                               "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\","
                               "\"collections\":[{\"name\":\"n/a\",\"rows\":3,\"digest\":\""
                               "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\","
                               "\"entries\":[[0,\"{}\"],[2,\"{\\\"entry\\\":\\\"gap\\\"}\"]]}]}]";
    struct tarn_definition_column columns[2] = {{.name = SLICE("id"), .affinity = 'D', .key = 1},
                                                {.name = SLICE("v"), .affinity = 'B'}};
    struct tarn_definition d = {SLICE("n/a"), SLICE("a"), 1, 0, 2, 1, columns, (size_t[]){0}};
    struct tarn_value values_[2] = {{.type = TARN_VALUE_INTEGER, .integer = 7},
                                    BYTES(TARN_VALUE_TEXT, "text")};
    struct tarn_buf b = TARN_BUF_INIT(1 << 16), body = TARN_BUF_INIT(1 << 16);
    int bad = 0;

    for (int file = 0; file < 2; file++) {
        tarn_buf_clear(&b);
        tarn_buf_u8(&b, (uint8_t)file);
        for (uint32_t i = 0; i < 3; i++) { /* n/a, n/b, n/a again */
            d.name = i == 1 ? SLICE("n/b") : SLICE("n/a");
            d.epoch = i + 1;
            tarn_buf_clear(&body);
            tarn_definition_put(&body, &d);
            tarn_payload_frame(&b, 'T', i, body.data, body.len);
            for (int op = 0; op < 4; op++) {
                struct tarn_change c = {.op = op ? op : TARN_OP_ENTRY, .key = values_};

                c.entry = SLICE("{\"entry\":\"gap\"}");
                if (op == TARN_OP_INSERT || op == TARN_OP_UPDATE) c.new_row = values_;
                if (op == TARN_OP_UPDATE) c.old_row = values_;
                tarn_buf_clear(&body);
                tarn_change_put(&body, &d, &c);
                tarn_payload_frame(&b, 'R', i, body.data, body.len);
            }
        }
        bad |= b.rc != TARN_OK || body.rc != TARN_OK ||
               save(folder, file ? "file" : "line", b.data, b.len);
    }
    bad |= save(folder, "log", json, sizeof json - 1);
    tarn_buf_release(&b);
    tarn_buf_release(&body);
    return bad;
}

#define TEXT(s) \
    { s, sizeof(s) - 1 }

int seeds_cdc_json(seeds_save save, const char *folder) {
    static const struct {
        const char *bytes;
        size_t n;
    } texts[] = {
        TEXT("\0-9223372036854775808"),
        TEXT("\0 12.5e-3 "),
        TEXT("\0\"\\u0000\\ud83d\\ude00\\n\\\"\xc3\xa9\""),
        TEXT("\0{\"$blob\":\"00ff\"}"),
        TEXT("\3{\"$text\":\"61ff\"}"),
        TEXT("\3[{\"$real\":\"-Infinity\"}]"),
        TEXT("\3u-1 \xe6\x9d\xb1"),
        TEXT("\3\"[\""),
        TEXT("\1[\"a\",null]"),
        TEXT("\2[1,2.0,{\"$blob\":\"\"}]"),
        TEXT("\0{\"id\":1,\"name\":\"x\",\"\\u0062\":{\"$blob\":\"00\"},\"n\":null,\"r\":1e+300}"),
        TEXT("\0{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9,\"j\":0,"
             "\"k\":1,\"l\":2,\"m\":3,\"n\":4,\"o\":5,\"p\":6,\"q\":7,\"r\":8}"),
    };
    char name[16];
    int bad = 0;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        snprintf(name, sizeof name, "json%zu", i);
        bad |= save(folder, name, texts[i].bytes, texts[i].n);
    }
    return bad;
}
