/* format.c: names of Parquet's numbers, for messages and for the metadata tables of SQL.
**
** Every function takes any int: numbers come from files.
*/
#include "format.h"

#define NAME(table, i) \
    ((i) >= 0 && (size_t)(i) < sizeof(table) / sizeof *(table) && (table)[i] ? (table)[i] : "?")

const char *tarn_physical_name(int t) {
    static const char *const names[] = {
        [TARN_BOOLEAN] = "BOOLEAN",       [TARN_INT32] = "INT32",
        [TARN_INT64] = "INT64",           [TARN_INT96] = "INT96",
        [TARN_FLOAT] = "FLOAT",           [TARN_DOUBLE] = "DOUBLE",
        [TARN_BYTE_ARRAY] = "BYTE_ARRAY", [TARN_FIXED] = "FIXED_LEN_BYTE_ARRAY"};

    return NAME(names, t);
}

const char *tarn_encoding_name(int e) {
    static const char *const names[] = {[TARN_PLAIN] = "PLAIN",
                                        [TARN_PLAIN_DICTIONARY] = "PLAIN_DICTIONARY",
                                        [TARN_RLE] = "RLE",
                                        [TARN_BIT_PACKED] = "BIT_PACKED",
                                        [TARN_DELTA_BINARY_PACKED] = "DELTA_BINARY_PACKED",
                                        [TARN_DELTA_LENGTH_BYTE_ARRAY] = "DELTA_LENGTH_BYTE_ARRAY",
                                        [TARN_DELTA_BYTE_ARRAY] = "DELTA_BYTE_ARRAY",
                                        [TARN_RLE_DICTIONARY] = "RLE_DICTIONARY",
                                        [TARN_BYTE_STREAM_SPLIT] = "BYTE_STREAM_SPLIT"};

    return NAME(names, e);
}

const char *tarn_codec_name(int c) {
    static const char *const names[] = {[TARN_UNCOMPRESSED] = "UNCOMPRESSED",
                                        [TARN_SNAPPY] = "SNAPPY",
                                        [TARN_GZIP] = "GZIP",
                                        [TARN_LZO] = "LZO",
                                        [TARN_BROTLI] = "BROTLI",
                                        [TARN_LZ4] = "LZ4",
                                        [TARN_ZSTD] = "ZSTD",
                                        [TARN_LZ4_RAW] = "LZ4_RAW"};

    return NAME(names, c);
}

const char *tarn_converted_name(int c) {
    static const char *const names[] = {"UTF8",
                                        "MAP",
                                        "MAP_KEY_VALUE",
                                        "LIST",
                                        "ENUM",
                                        "DECIMAL",
                                        "DATE",
                                        "TIME_MILLIS",
                                        "TIME_MICROS",
                                        "TIMESTAMP_MILLIS",
                                        "TIMESTAMP_MICROS",
                                        "UINT_8",
                                        "UINT_16",
                                        "UINT_32",
                                        "UINT_64",
                                        "INT_8",
                                        "INT_16",
                                        "INT_32",
                                        "INT_64",
                                        "JSON",
                                        "BSON",
                                        "INTERVAL"};

    return NAME(names, c);
}

const char *tarn_logical_name(int l) {
    static const char *const names[] = {
        [TARN_LOGICAL_NONE] = "NONE",         [TARN_LOGICAL_STRING] = "STRING",
        [TARN_LOGICAL_ENUM] = "ENUM",         [TARN_LOGICAL_JSON] = "JSON",
        [TARN_LOGICAL_BSON] = "BSON",         [TARN_LOGICAL_UUID] = "UUID",
        [TARN_LOGICAL_DECIMAL] = "DECIMAL",   [TARN_LOGICAL_DATE] = "DATE",
        [TARN_LOGICAL_TIME] = "TIME",         [TARN_LOGICAL_TIMESTAMP] = "TIMESTAMP",
        [TARN_LOGICAL_INTEGER] = "INTEGER",   [TARN_LOGICAL_INTERVAL] = "INTERVAL",
        [TARN_LOGICAL_FLOAT16] = "FLOAT16",   [TARN_LOGICAL_LIST] = "LIST",
        [TARN_LOGICAL_MAP] = "MAP",           [TARN_LOGICAL_VARIANT] = "VARIANT",
        [TARN_LOGICAL_GEOMETRY] = "GEOMETRY", [TARN_LOGICAL_GEOGRAPHY] = "GEOGRAPHY",
        [TARN_LOGICAL_NULL] = "NULL",         [TARN_LOGICAL_UNKNOWN] = "UNKNOWN"};

    return NAME(names, l);
}
