/* seeds_nested.c: see seeds_nested.h. */
#include <stddef.h>

#include "../unit/raw_nested.h"
#include "seeds_nested.h"

#define TEXT(s) s, sizeof(s) - 1

static const char numbers[] = "\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5\0\0\0\6\0\0";

static const struct raw_node list_schema[] = {
    {"root", -1, 0, 1, 0, 0, 0},
    {"a", -1, TARN_OPTIONAL, 1, RAW_LIST, 0, 0},
    {"list", -1, TARN_REPEATED, 1, 0, 0, 0},
    {"element", TARN_INT32, TARN_OPTIONAL, 0, 0, 0, 0},
};

static const struct raw_node map_schema[] = {
    {"root", -1, 0, 2, 0, 0, 0},
    {"m", -1, TARN_OPTIONAL, 1, RAW_MAP, 0, 0},
    {"key_value", -1, TARN_REPEATED, 2, 0, 0, 0},
    {"key", TARN_BYTE_ARRAY, TARN_REQUIRED, 0, RAW_UTF8, 0, 0},
    {"value", -1, TARN_OPTIONAL, 1, RAW_LIST, 0, 0},
    {"array", TARN_INT32, TARN_REPEATED, 0, 0, 0, 0},
    {"s", -1, TARN_REPEATED, 2, 0, 0, 0},
    {"x", TARN_BOOLEAN, TARN_REQUIRED, 0, 0, 0, 0},
    {"y", TARN_DOUBLE, TARN_OPTIONAL, 0, 0, 0, 0},
};

static const struct raw_node variant_schema[] = {
    {"root", -1, 0, 1, 0, 0, 0},
    {"v", -1, TARN_OPTIONAL, 3, 0, RAW_VARIANT, 0},
    {"metadata", TARN_BYTE_ARRAY, TARN_REQUIRED, 0, 0, 0, 0},
    {"value", TARN_BYTE_ARRAY, TARN_OPTIONAL, 0, 0, 0, 0},
    {"typed_value", -1, TARN_OPTIONAL, 2, 0, 0, 0},
    {"a", -1, TARN_REQUIRED, 2, 0, 0, 0},
    {"value", TARN_BYTE_ARRAY, TARN_OPTIONAL, 0, 0, 0, 0},
    {"typed_value", TARN_INT32, TARN_OPTIONAL, 0, 0, 0, 0},
    {"b", -1, TARN_REQUIRED, 1, 0, 0, 0},
    {"typed_value", -1, TARN_OPTIONAL, 1, RAW_LIST, 0, 0},
    {"list", -1, TARN_REPEATED, 1, 0, 0, 0},
    {"element", -1, TARN_REQUIRED, 1, 0, 0, 0},
    {"value", TARN_BYTE_ARRAY, TARN_OPTIONAL, 0, 0, 0, 0},
};

typedef int saver(const char *folder, const char *name, const void *p, size_t n);

static int put(saver *save, const char *folder, const char *name, const struct raw_node *nodes,
               int n_nodes, const struct raw_chunk *chunks, int64_t rows) {
    struct tarn_buf file;
    int bad;

    raw_nested(&file, nodes, n_nodes, chunks, rows);
    bad = save(folder, name, file.data, file.len);
    tarn_buf_release(&file);
    return bad;
}

/* [1,2] [] [3,null,4] NULL [5] in pages of all kinds, and rows that go on. */
static int lists(saver *save, const char *folder) {
    static const int64_t first_rows[] = {0, 2};
    struct raw_entries one = {"01001100", "33132303", numbers, 20, 0, 0, 0};
    static const struct raw_entries many[] = {
        {NULL, NULL, numbers, 8, RAW_DICTIONARY, 2, 0},
        {"01", "33", numbers, 8, 0, 0, 0},
        {"1", "2", NULL, 0, 0, 0, 0},
        {"101", "333", TEXT("\2\2\0\4\1"), RAW_CODES, 0, 0},
    };
    static const struct raw_entries two[] = {{"001", "333", numbers, 12, RAW_V2, 0, 0},
                                             {"0111", "3233", numbers + 12, 12, RAW_V2, 0, 0}};
    struct raw_chunk chunk = {&one, 1, 0, NULL}, continued = {many, 4, 0, NULL},
                     indexed = {two, 2, 0, first_rows};
    int bad = put(save, folder, "list", list_schema, 4, &chunk, 5);

    one.flags = RAW_V2;
    bad |= put(save, folder, "list_v2", list_schema, 4, &chunk, 5);
    one.flags = RAW_BIT_PACKED;
    bad |= put(save, folder, "list_packed", list_schema, 4, &chunk, 5);
    bad |= put(save, folder, "list_continued", list_schema, 4, &continued, 2);
    bad |= put(save, folder, "list_indexed", list_schema, 4, &indexed, 3);
    return bad;
}

/* {"a":[1,2],"b":null} {} NULL beside [{true,0.0},{false,null}] [] [{true,1.0}] */
static int maps(saver *save, const char *folder) {
    static const struct raw_entries key = {"0100", "2210", TEXT("\1\0\0\0a\1\0\0\0b"), 0, 0, 0},
                                    value = {"02100", "44210", numbers, 8, 0, 0, 0},
                                    x = {"0100", "1101", TEXT("\5"), 0, 0, 0},
                                    y = {
                                        "0100", "2102", TEXT("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\360\77"),
                                        RAW_V2, 0,      0};
    struct raw_chunk chunks[] = {
        {&key, 1, 0, NULL}, {&value, 1, 0, NULL}, {&x, 1, 0, NULL}, {&y, 1, 0, NULL}};

    return put(save, folder, "map", map_schema, 9, chunks, 3);
}

/* {"a":1,"b":[true],"c":null} "x" NULL */
static int variants(saver *save, const char *folder) {
    static const struct raw_entries meta = {NULL,
                                            "110",
                                            TEXT("\11\0\0\0\21\3\0\1\2\3"
                                                 "abc\3\0\0\0\1\0\0"),
                                            0,
                                            0,
                                            0};
    static const struct raw_entries value = {NULL, "220", TEXT("\6\0\0\0\2\1\2\0\1\0\2\0\0\0\5x"),
                                             0,    0,     0};
    static const struct raw_entries a_value = {NULL, "210", NULL, 0, 0, 0, 0};
    static const struct raw_entries a_typed = {NULL, "310", numbers, 4, 0, 0, 0};
    static const struct raw_entries b = {"000", "510", TEXT("\1\0\0\0\4"), 0, 0, 0};
    struct raw_chunk chunks[] = {{&meta, 1, 0, NULL},
                                 {&value, 1, 0, NULL},
                                 {&a_value, 1, 0, NULL},
                                 {&a_typed, 1, 0, NULL},
                                 {&b, 1, 0, NULL}};

    return put(save, folder, "variant", variant_schema, 13, chunks, 3);
}

int seeds_nested(saver *save, const char *folder) {
    return lists(save, folder) | maps(save, folder) | variants(save, folder);
}
