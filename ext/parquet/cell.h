/* cell.h: one cell of a foreign Parquet column: as a number, a time, text, or JSON.
**
** A cell is the widest form of its kind. The conversions say 0 when the value fits the target
** exactly (integers and doubles into each other, numbers as the text they print as, and back), -1
** when it doesn't; nothing is rounded, except a time's fraction below a millisecond (floor) and a
** decimal that is asked for as a double (nearest).
**
** What a cell prints as, by logical type (by physical type where that can't carry the logical one):
**
**   DECIMAL      all digits, `scale` of them after the point; wider than 64 bytes: bytes
**   DATE         YYYY-MM-DD
**   TIMESTAMP    YYYY-MM-DD HH:MM:SS. and 3, 6 or 9 digits, as its unit has; INT96: 9 digits
**   TIME         HH:MM:SS. and 3, 6 or 9 digits; outside of a day: its number
**   INTERVAL     P{months}M{days}DT{seconds}S, parts that are 0 left out; P0D for none
**   UUID         8-4-4-4-12 hexadecimal digits
**   FLOAT16      a number, as FLOAT and DOUBLE: the shortest text that reads back the same
**   STRING, ENUM, JSON, bare BYTE_ARRAY   themselves, when they are UTF-8
**   BSON, GEOMETRY, GEOGRAPHY, bare FIXED, and what is not UTF-8   no text: bytes
**
** Years outside 0000 to 9999 have a sign and at least six digits, as ECMAScript writes ISO 8601's
** expanded years: -000044-03-15, +010000-01-01 (year 0 is 1 BC).
*/
#ifndef TARN_CELL_H
#define TARN_CELL_H

#include "buf.h"
#include "footer.h"
#include "vector.h"

#define TARN_CELL_TEXT 256 /* room for a converted value's text */

enum tarn_cell_kind {
    TARN_CELL_NULL,
    TARN_CELL_BOOL,
    TARN_CELL_INT,
    TARN_CELL_UINT, /* unsigned and above INT64_MAX; in i, as bits */
    TARN_CELL_REAL,
    TARN_CELL_BYTES
};

struct tarn_cell {
    enum tarn_cell_kind kind;
    int64_t i;  /* BOOL, INT, UINT */
    double r;   /* REAL */
    int narrow; /* REAL: from a FLOAT */
    struct tarn_slice bytes;
};

#define TARN_NS_PER_DAY INT64_C(86400000000000)

/* Division that rounds down; unit > 0. Safe for every v. */
static inline int64_t tarn_floor_div(int64_t v, int64_t unit) {
    return v / unit - (v % unit < 0);
}

/* Row i of a vector. */
void tarn_cell_read(const struct tarn_pq_column *col, const struct tarn_vector *v, uint32_t i,
                    struct tarn_cell *out);

/* Whether the column's bytes are text, where they are UTF-8. */
int tarn_cell_is_text(const struct tarn_pq_column *col);
/* Nanoseconds of the day and Julian day, as Impala and old Spark write timestamps: days since
** 1970-01-01 and 0 <= ns < a day. -1 when there are not 12 bytes. */
int tarn_cell_int96(const struct tarn_slice *s, int64_t *days, int64_t *ns);
/* Milliseconds: TIMESTAMP, DATE, INT96, plain 64-bit integers and doubles as ms, text as a time. */
int tarn_cell_ms(const struct tarn_pq_column *col, const struct tarn_cell *cell, int64_t *ms);
int tarn_cell_bool(const struct tarn_pq_column *col, const struct tarn_cell *cell, int *out);
int tarn_cell_int32(const struct tarn_pq_column *col, const struct tarn_cell *cell, int32_t *out);
int tarn_cell_double(const struct tarn_pq_column *col, const struct tarn_cell *cell, double *out);
/* Text: the bytes themselves when they are UTF-8, else what is printed into `scratch`. */
int tarn_cell_text(const struct tarn_pq_column *col, const struct tarn_cell *cell,
                   char scratch[TARN_CELL_TEXT], struct tarn_slice *out);

/* Appends the cell (not NULL) as JSON: numbers and booleans as they are, times as text, columns of
** JSON as JSON, NaN and infinities as strings, bytes that aren't text as {"$base64": "…"}. */
void tarn_cell_json(struct tarn_buf *b, const struct tarn_pq_column *col,
                    const struct tarn_cell *cell);

#endif
