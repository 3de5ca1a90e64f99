/* format.h: the vocabulary of Parquet, shared by reader and writer (which don't know each other).
**
** Source: apache/parquet-format (parquet.thrift, Encodings.md, LogicalTypes.md). Numbers are those
** of the thrift file; a value outside these lists is an unknown one and must be survived.
*/
#ifndef TARN_FORMAT_H
#define TARN_FORMAT_H

#include <stddef.h>
#include <stdint.h>

enum tarn_physical {
    TARN_BOOLEAN = 0,
    TARN_INT32 = 1,
    TARN_INT64 = 2,
    TARN_INT96 = 3,
    TARN_FLOAT = 4,
    TARN_DOUBLE = 5,
    TARN_BYTE_ARRAY = 6,
    TARN_FIXED = 7 /* FIXED_LEN_BYTE_ARRAY */
};

enum tarn_repetition { TARN_REQUIRED = 0, TARN_OPTIONAL = 1, TARN_REPEATED = 2 };

enum tarn_encoding {
    TARN_PLAIN = 0,
    TARN_PLAIN_DICTIONARY = 2,
    TARN_RLE = 3,
    TARN_BIT_PACKED = 4,
    TARN_DELTA_BINARY_PACKED = 5,
    TARN_DELTA_LENGTH_BYTE_ARRAY = 6,
    TARN_DELTA_BYTE_ARRAY = 7,
    TARN_RLE_DICTIONARY = 8,
    TARN_BYTE_STREAM_SPLIT = 9
};

enum tarn_codec {
    TARN_UNCOMPRESSED = 0,
    TARN_SNAPPY = 1,
    TARN_GZIP = 2,
    TARN_LZO = 3,
    TARN_BROTLI = 4,
    TARN_LZ4 = 5, /* Hadoop's framing, deprecated */
    TARN_ZSTD = 6,
    TARN_LZ4_RAW = 7
};

enum tarn_page_type {
    TARN_DATA_PAGE = 0,
    TARN_INDEX_PAGE = 1,
    TARN_DICTIONARY_PAGE = 2,
    TARN_DATA_PAGE_V2 = 3
};

/* What the bytes mean. One list for LogicalType and the ConvertedTypes that precede it. */
enum tarn_logical {
    TARN_LOGICAL_NONE = 0,
    TARN_LOGICAL_STRING, /* UTF8 */
    TARN_LOGICAL_ENUM,
    TARN_LOGICAL_JSON,
    TARN_LOGICAL_BSON,
    TARN_LOGICAL_UUID,
    TARN_LOGICAL_DECIMAL, /* precision, scale */
    TARN_LOGICAL_DATE,
    TARN_LOGICAL_TIME,      /* unit, utc */
    TARN_LOGICAL_TIMESTAMP, /* unit, utc */
    TARN_LOGICAL_INTEGER,   /* bits, is_signed */
    TARN_LOGICAL_INTERVAL,
    TARN_LOGICAL_FLOAT16,
    TARN_LOGICAL_LIST,
    TARN_LOGICAL_MAP,
    TARN_LOGICAL_VARIANT,
    TARN_LOGICAL_GEOMETRY,
    TARN_LOGICAL_GEOGRAPHY,
    TARN_LOGICAL_NULL,
    TARN_LOGICAL_UNKNOWN /* a number this build doesn't know: read by physical type */
};

enum tarn_time_unit { TARN_UNIT_MS = 0, TARN_UNIT_US = 1, TARN_UNIT_NS = 2 };

struct tarn_logical_type {
    enum tarn_logical kind;
    enum tarn_time_unit unit;
    int utc;       /* isAdjustedToUTC */
    int bits;      /* INTEGER: 8, 16, 32, 64 */
    int is_signed; /* INTEGER */
    int precision; /* DECIMAL */
    int scale;
};

/* Bytes that someone else owns. */
struct tarn_slice {
    const uint8_t *data;
    size_t len;
};

struct tarn_kv {
    const char *key;   /* NUL-terminated */
    const char *value; /* NUL-terminated; NULL when absent */
};

const char *tarn_physical_name(int t); /* "INT64" ...; "?" for unknown numbers */
const char *tarn_encoding_name(int e);
const char *tarn_codec_name(int c); /* "SNAPPY" ... */
const char *tarn_converted_name(int c);
const char *tarn_logical_name(int l);

#endif
