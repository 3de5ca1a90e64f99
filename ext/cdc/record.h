/* record.h: changes of rows as bytes: what the transaction buffer collects, the outbox carries and
** the delta writer reads. The frames are payload.h's; the bodies are drawn here.
**
** Body of a definition ('T'), once in each commit before the first change of its collection:
**   varint, name: "{namespace}/{collection}", percent-encoded | varint epoch | u8 flags (1: the key is
**   the rowid, which is no column) | varint, table | varint columns
**   | per column: varint, name | u8 affinity ('A' BLOB 'B' TEXT 'C' NUMERIC 'D' INTEGER 'E' REAL, as
**     SQLite letters them) | u8 place in the key (1, 2 …; 0 = not part of it)
**   Names of columns and the table are UTF-8 without NUL; no two columns have the same name (A and a are
**   the same). A rowid key has no places, another key has places 1, 2 … without a gap.
** Body of a change ('R'):
**   u8 op | u8 parts | if parts & 4: the key (one INTEGER for a rowid, else the key columns' values in
**   the order of the key) | if parts & 1: the new row | if parts & 2: the row before | if parts & 8:
**   the rowid, an INTEGER
**   A row is the values of the definition's columns, in their order. The key is given when it is the
**   rowid, or when neither row is, and only then. The rowid stands behind when a value of the key is
**   NULL (SQLite allows that in the key of a rowid table, in any number of rows), and only then: it
**   tells such rows apart, and pk is the array of the key's values and the rowid: [null,17].
** Ops: 1 insert (the new row), 2 update (the new row, and the one before if it is kept), 3 delete (the
** row before, if it is kept); 4 a row of a base (new row only). 16: an entry of the chain that is no
** change: parts is 0, and the rest of the body is a JSON object with "entry": "track", "untrack",
** "schema", "gap", "resync", and what belongs to it.
*/
#ifndef TARN_CDC_RECORD_H
#define TARN_CDC_RECORD_H

#include "arena.h"
#include "value.h"

#define TARN_COLUMNS_MAX 32767 /* SQLite's own */

enum tarn_op {
    TARN_OP_INSERT = 1,
    TARN_OP_UPDATE = 2,
    TARN_OP_DELETE = 3,
    TARN_OP_BASE = 4,
    TARN_OP_ENTRY = 16
};

#define TARN_PART_NEW 1u
#define TARN_PART_OLD 2u
#define TARN_PART_KEY 4u
#define TARN_PART_ROWID 8u

struct tarn_definition_column {
    struct tarn_slice name;
    uint8_t affinity; /* 'A' to 'E' */
    uint8_t key;      /* 1, 2 … */
    /* The name as it begins a member of a row's JSON, `"name":`; tarn_definition_take fills it, to
    ** save that work for each row. Empty: the name is quoted each time. */
    struct tarn_slice member;
};

struct tarn_definition {
    struct tarn_slice name; /* "namespace/collection" */
    struct tarn_slice table;
    uint64_t epoch;
    int rowid_key;
    size_t n_columns, n_key; /* n_key: 1 for a rowid; at most 255 */
    struct tarn_definition_column *columns;
    size_t *key; /* n_key column numbers, in the order of the key; NULL for a rowid */
};

struct tarn_change {
    int op;
    unsigned parts;
    /* n_key values, whatever `parts` says: taken from a row (the new one, if there) if need be. NULL
    ** for TARN_OP_ENTRY. */
    struct tarn_value *key;
    int64_t rowid;                        /* where a value of the key is NULL */
    struct tarn_value *new_row, *old_row; /* n_columns values, or NULL */
    struct tarn_slice entry;              /* of TARN_OP_ENTRY: the JSON text */
};

void tarn_definition_put(struct tarn_buf *b, const struct tarn_definition *d);
/* Everything is checked; slices point into `body`, arrays lie in the arena. */
int tarn_definition_take(struct tarn_definition *out, struct tarn_slice body,
                         struct tarn_arena *arena, struct tarn_err *err);
/* The body of c: `parts` is not looked at, it follows from which rows there are. */
void tarn_change_put(struct tarn_buf *b, const struct tarn_definition *d,
                     const struct tarn_change *c);
/* c's arrays lie in the arena, its bytes in `body`. What was taken, put again, is the same body. */
int tarn_change_take(struct tarn_change *out, const struct tarn_definition *d,
                     struct tarn_slice body, struct tarn_arena *arena, struct tarn_err *err);
/* What the columns of a delta hold: op's word, pk, data, prev. The word of what is no row of a delta is
** "base", "entry" or "?". */
const char *tarn_op_word(int op);
/* 1, 2 or 3; 0: not the word of a delta's row. */
int tarn_op_from_word(struct tarn_slice word);
void tarn_change_pk(struct tarn_buf *b, const struct tarn_definition *d,
                    const struct tarn_change *c);
/* Is a value of the key NULL? */
int tarn_change_null_key(const struct tarn_definition *d, const struct tarn_change *c);
void tarn_row_json(struct tarn_buf *b, const struct tarn_definition *d,
                   const struct tarn_value *row);
/* The reverse: a delta's row as the body it was made of, appended. op is insert, update or delete;
** data, prev: empty when NULL. For verification: the columns must be the definition's, in order, and pk
** the key of the row. */
int tarn_change_from_delta(struct tarn_buf *body, const struct tarn_definition *d, int op,
                           struct tarn_slice pk, struct tarn_slice data, struct tarn_slice prev,
                           struct tarn_arena *arena, struct tarn_err *err);

#endif
