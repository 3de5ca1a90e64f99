/* state.c: the table of a state, filled and read. See state.h.
**
** First the base, then the changes from it on, one after the other, so that the last one of a pk stays.
** A compaction may replace data.parquet, and remove deltas, meanwhile: then it begins again.
*/
#include "state.h"

#include <string.h>

#include "conn.h"
#include "db.h"
#include "mem.h"
#include "state_impl.h"

#define TRIES 5

static const char schema[] =
    "PRAGMA journal_mode = off; PRAGMA synchronous = off; PRAGMA cache_size = -8192; BEGIN;"
    "CREATE TABLE state(pk BLOB PRIMARY KEY, ts TEXT, data TEXT, bookmark TEXT) WITHOUT ROWID";

static int fault(struct tarn_state *s, int sq, struct tarn_err *err) {
    return tarn_err_sqlite(err, s->db, sq, "the temporary database of a state");
}

static int make_table(struct tarn_state *s, struct tarn_err *err) {
    int sq = tarn_db_open_temporary(&s->db);

    if (sq == SQLITE_OK) sq = sqlite3_exec(s->db, schema, NULL, NULL, NULL);
    if (sq == SQLITE_OK) {
        sq = sqlite3_prepare_v3(s->db, "INSERT OR REPLACE INTO state VALUES(?1, ?2, ?3, ?4)", -1,
                                SQLITE_PREPARE_PERSISTENT, &s->put, NULL);
    }
    if (sq == SQLITE_OK) {
        sq = sqlite3_prepare_v3(s->db, "DELETE FROM state WHERE pk = ?1", -1,
                                SQLITE_PREPARE_PERSISTENT, &s->drop, NULL);
    }
    return fault(s, sq, err);
}

static int bind(sqlite3_stmt *stmt, int i, struct tarn_slice text, int blob) {
    const void *p = text.data ? text.data : (const void *)"";

    if (blob) return sqlite3_bind_blob64(stmt, i, p, text.len, SQLITE_STATIC);
    if (!text.data) return sqlite3_bind_null(stmt, i);
    return sqlite3_bind_text64(stmt, i, p, text.len, SQLITE_STATIC, SQLITE_UTF8);
}

int tarn_state_put(struct tarn_state *s, const struct tarn_state_row *row, struct tarn_err *err) {
    int sq = bind(s->put, 1, row->pk, 1);

    if (sq == SQLITE_OK) sq = bind(s->put, 2, row->ts, 0);
    if (sq == SQLITE_OK) sq = bind(s->put, 3, row->data, 0);
    if (sq == SQLITE_OK) sq = bind(s->put, 4, row->bookmark, 0);
    if (sq == SQLITE_OK) {
        (void)sqlite3_step(s->put);
        sq = sqlite3_reset(s->put);
    }
    return fault(s, sq, err);
}

static int drop(struct tarn_state *s, struct tarn_slice pk, struct tarn_err *err) {
    int sq = bind(s->drop, 1, pk, 1);

    if (sq == SQLITE_OK) {
        (void)sqlite3_step(s->drop);
        sq = sqlite3_reset(s->drop);
    }
    return fault(s, sq, err);
}

static int is_before(struct tarn_slice bookmark, const char *base) {
    return *base && bookmark.len == TARN_BOOKMARK && memcmp(bookmark.data, base, TARN_BOOKMARK) < 0;
}

static int apply(struct tarn_state *s, struct tarn_changes_scan *scan, struct tarn_err *err) {
    struct tarn_state_row row;
    struct tarn_slice op;
    int rc = tarn_changes_text(scan, TARN_CHANGES_BOOKMARK, &row.bookmark, err);

    if (rc) return rc;
    if (row.bookmark.data &&
        (!tarn_state_counts(s, row.bookmark) || is_before(row.bookmark, s->base))) {
        return TARN_OK;
    }
    rc = tarn_changes_text(scan, TARN_CHANGES_OP, &op, err);
    if (rc == TARN_OK) rc = tarn_changes_text(scan, TARN_CHANGES_PK, &row.pk, err);
    if (rc) return rc;
    if (tarn_op_from_word(op) == TARN_OP_DELETE) return drop(s, row.pk, err);
    rc = tarn_changes_text(scan, TARN_CHANGES_TS, &row.ts, err);
    if (rc == TARN_OK) rc = tarn_changes_text(scan, TARN_CHANGES_DATA, &row.data, err);
    return rc ? rc : tarn_state_put(s, &row, err);
}

/* The changes since s->base as it is now known; a base that waits may be a later one. */
static int open_scan(struct tarn_state *s, struct tarn_changes_scan **scan, struct tarn_err *err) {
    struct tarn_const base = {.kind = TARN_CONST_BYTES,
                              .bytes = {(const uint8_t *)s->base, strlen(s->base)}};
    struct tarn_predicate since = {TARN_CHANGES_BOOKMARK, TARN_OP_GE, &base, 1};
    struct tarn_changes_spec spec = {
        .conn = s->spec.conn,
        .collection = s->spec.collection,
        .columns = 1u << TARN_CHANGES_OP | 1u << TARN_CHANGES_PK | 1u << TARN_CHANGES_TS |
                   1u << TARN_CHANGES_DATA | 1u << TARN_CHANGES_BOOKMARK,
        .predicates = &since,
        .n_predicates = *s->base ? 1 : 0,
        .limit = -1,
        .pushdown = 1,
        .own = !s->spec.at,
        .memory_budget = s->spec.memory_budget,
        .interrupted = s->spec.interrupted,
        .interrupted_arg = s->spec.interrupted_arg,
    };

    return tarn_changes_open(scan, &spec, err);
}

static int fill(struct tarn_state *s, struct tarn_lake *lake, struct tarn_err *err) {
    struct tarn_object object = {0};
    struct tarn_changes_scan *scan = NULL;
    int found = 0;
    int waits = 0;
    int more = 1;
    int rc = lake ? tarn_state_find_base(s, lake, &found, &object, err) : TARN_OK;

    if (rc == TARN_OK) rc = open_scan(s, &scan, err);
    if (rc == TARN_OK) rc = tarn_state_read_waiting(s, scan, &waits, err);
    if (rc == TARN_OK && found && !waits) rc = tarn_state_read_base(s, scan, &object, err);
    while (rc == TARN_OK) {
        rc = tarn_changes_next(scan, &more, err);
        if (rc || !more) break;
        rc = apply(s, scan, err);
    }
    tarn_changes_free(scan);
    tarn_free((char *)object.key);
    return rc;
}

static int gather(struct tarn_state *s, struct tarn_err *err) {
    struct tarn_lake *lake = NULL;
    int tries;
    int rc = tarn_state_trace(s, err);

    if (rc == TARN_OK) rc = tarn_conn_lake(s->spec.conn, 0, &lake, err);
    for (tries = 1; rc == TARN_OK; tries++) {
        struct tarn_err why = {0};
        int stands = 1;

        s->base[0] = 0;
        rc = fill(s, lake, &why);
        if (lake && (rc == TARN_OK || rc == TARN_ENOTFOUND)) {
            int again = tarn_state_base_stands(s, lake, &stands, err);

            if (again) return again;
        }
        if (rc == TARN_ENOTFOUND && tries == 1)
            stands = 0; /* what waited may have been delivered */
        if (stands || tries == TRIES) return rc ? tarn_err_set(err, rc, "%s", why.msg) : rc;
        rc = fault(s, sqlite3_exec(s->db, "DELETE FROM state", NULL, NULL, NULL), err);
    }
    return rc;
}

int tarn_state_open(struct tarn_state **out, const struct tarn_state_spec *spec,
                    struct tarn_err *err) {
    struct tarn_state *s = tarn_calloc(1, sizeof *s);
    int rc;

    *out = NULL;
    if (!s) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    s->spec = *spec;
    rc = make_table(s, err);
    if (rc == TARN_OK) rc = gather(s, err);
    if (rc == TARN_OK) {
        rc = fault(s,
                   sqlite3_prepare_v2(s->db, "SELECT pk, ts, data, bookmark FROM state ORDER BY pk",
                                      -1, &s->rows, NULL),
                   err);
    }
    if (rc) {
        tarn_state_free(s);
        return rc;
    }
    *out = s;
    return TARN_OK;
}

static struct tarn_slice column(sqlite3_stmt *row, int i) {
    struct tarn_slice s;

    s.data = sqlite3_column_blob(row, i);
    s.len = (size_t)sqlite3_column_bytes(row, i);
    if (!s.data) s.data = (const uint8_t *)"";
    return s;
}

int tarn_state_next(struct tarn_state *s, struct tarn_state_row *out, int *more,
                    struct tarn_err *err) {
    int sq = sqlite3_step(s->rows);

    *more = sq == SQLITE_ROW;
    if (sq == SQLITE_DONE) return TARN_OK;
    if (sq != SQLITE_ROW) return fault(s, sq, err);
    out->pk = column(s->rows, 0);
    out->ts = column(s->rows, 1);
    out->data = column(s->rows, 2);
    out->bookmark = column(s->rows, 3);
    return TARN_OK;
}

sqlite3 *tarn_state_db(struct tarn_state *s) {
    return s->db;
}

const char *tarn_state_base(const struct tarn_state *s) {
    return s->base;
}

void tarn_state_free(struct tarn_state *s) {
    if (!s) return;
    (void)sqlite3_finalize(s->put);
    (void)sqlite3_finalize(s->drop);
    (void)sqlite3_finalize(s->rows);
    (void)sqlite3_close(s->db);
    tarn_free(s->eras);
    tarn_free(s);
}

int tarn_state_values(struct tarn_value **out, const struct tarn_definition *d,
                      const struct tarn_value *absent, struct tarn_slice data,
                      struct tarn_arena *arena, struct tarn_err *err) {
    struct tarn_slice *names = NULL;
    struct tarn_value *values = NULL;
    size_t n = 0;
    size_t i, k;
    int rc = tarn_value_from_object(data.data, data.len, arena, &names, &values, &n, err);

    *out = NULL;
    if (rc) return rc;
    *out = tarn_arena_alloc(arena, (d->n_columns + 1) * sizeof **out);
    if (!*out) return tarn_err_set(err, arena->rc, "no memory for a row");
    for (i = 0; i < d->n_columns; i++) {
        const struct tarn_slice name = d->columns[i].name;
        size_t at = i; /* as a rule, in order */

        for (k = 0; k < n; k++, at++) {
            const struct tarn_slice *have = &names[at % n];

            if (have->len == name.len && memcmp(have->data, name.data, name.len) == 0) break;
        }
        (*out)[i] = k < n ? values[at % n] : absent[i];
    }
    return TARN_OK;
}
