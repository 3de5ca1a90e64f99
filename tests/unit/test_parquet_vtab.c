/* The table `parquet` against an ordinary table with the same rows: every query must give the same
** rows from both, and with pushdown on and off, in UTF-8 and UTF-16 databases. Queries are put
** together at random from a fixed seed; a failure prints the query. Two files differ in columns,
** types and units.
*/
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "byte_order.h"
#include "parquet_decimal.h"
#include "tarn.h"
#include "writer.h"

#define ROWS 1500
#define QUERIES 1000
#define ALL (TARN_COL_STATS | TARN_COL_DICT | TARN_COL_BLOOM)

static uint64_t seed;

static unsigned pick(unsigned n) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((seed >> 33) % n);
}

#define LOGICAL(k, u) \
    { .kind = (k), .unit = (u), .utc = 1 }

enum { B, I, U, F, D, S, Z, DAY, TIME, TS, UU, DEC, WIDE, WHOLE, N_COLUMNS };

static struct tarn_column_spec columns[N_COLUMNS] = {
    [B] = {"b", TARN_BOOLEAN, {0}, TARN_OPTIONAL, ALL, -1, 0},
    [I] = {"i", TARN_INT32, {0}, TARN_OPTIONAL, ALL, -1, 0},
    [U] = {"u", TARN_INT64, {.kind = TARN_LOGICAL_INTEGER, .bits = 64}, TARN_OPTIONAL, ALL, -1, 0},
    [F] = {"f", TARN_FLOAT, {0}, TARN_OPTIONAL, ALL, -1, 0},
    [D] = {"d", TARN_DOUBLE, {0}, TARN_OPTIONAL, ALL, -1, 0},
    [S] = {"s", TARN_BYTE_ARRAY, {.kind = TARN_LOGICAL_STRING}, TARN_OPTIONAL, ALL, -1, 0},
    [Z] = {"z", TARN_BYTE_ARRAY, {0}, TARN_OPTIONAL, ALL, -1, 0},
    [DAY] = {"day", TARN_INT32, {.kind = TARN_LOGICAL_DATE}, TARN_OPTIONAL, ALL, -1, 0},
    [TIME] = {"time", TARN_INT64, LOGICAL(TARN_LOGICAL_TIME, TARN_UNIT_US), TARN_OPTIONAL, ALL, -1,
              0},
    [TS] = {"ts", TARN_INT64, LOGICAL(TARN_LOGICAL_TIMESTAMP, TARN_UNIT_MS), TARN_OPTIONAL, ALL, -1,
            0},
    [UU] = {"uu", TARN_FIXED, {.kind = TARN_LOGICAL_UUID}, TARN_OPTIONAL, ALL, -1, 16},
    [DEC] = {"dec",
             TARN_INT64,
             {.kind = TARN_LOGICAL_DECIMAL, .precision = 10, .scale = 2},
             TARN_OPTIONAL,
             ALL,
             -1,
             0},
    [WIDE] = {"wide",
              TARN_FIXED,
              {.kind = TARN_LOGICAL_DECIMAL, .precision = 38, .scale = 2},
              TARN_OPTIONAL,
              ALL,
              -1,
              16},
    [WHOLE] = {"whole",
               TARN_FIXED,
               {.kind = TARN_LOGICAL_DECIMAL, .precision = 9},
               TARN_OPTIONAL,
               ALL,
               -1,
               5},
};

static const char *const texts[] = {"",
                                    "a",
                                    "A",
                                    "abc",
                                    "abd",
                                    "ABC",
                                    "10",
                                    "9",
                                    "1e1",
                                    "-3",
                                    "2024",
                                    "\xc3\xa4",
                                    "\xf0\x9f\x98\x80",
                                    "a%",
                                    "b_c"};
static const double reals[] = {0.0, -0.0, 0.5, -2.25, 1e9, 1e300, 3.0, 0.1, 9007199254740993.0};

static void put_row(struct tarn_pq_writer *w, int second, int sorted) {
    uint8_t uuid[16] = {0};
    int k = (int)pick(200);

    if (pick(8)) tarn_pq_put_bool(w, B, (int)pick(2));
    if (second)
        tarn_pq_put_i64(w, I, sorted - 700);
    else if (pick(8))
        tarn_pq_put_i32(w, I, sorted / 3 - 100);
    if (pick(8))
        tarn_pq_put_i64(w, U, pick(2) ? (int64_t)pick(50) : (int64_t)(UINT64_MAX - pick(5)));
    if (pick(8)) tarn_pq_put_f32(w, F, pick(12) ? (float)reals[pick(5)] : NAN);
    if (pick(8)) tarn_pq_put_f64(w, D, reals[pick(9)]);
    if (pick(8)) tarn_pq_put_bytes(w, S, texts[k % 15], strlen(texts[k % 15]));
    if (pick(8)) tarn_pq_put_bytes(w, Z, k % 5 ? texts[k % 13] : "\xff\x01", k % 5 ? 1 : 2);
    if (pick(8)) tarn_pq_put_i32(w, DAY, 19700 + sorted / 10);
    if (pick(8)) tarn_pq_put_i64(w, TIME, (int64_t)pick(86400) * 1000000 + (k < 50 ? k : 0));
    if (pick(8)) {
        int64_t ms = INT64_C(1704067200000) + (int64_t)sorted * 60001;
        tarn_pq_put_i64(w, TS, second ? ms * 1000 + k % 3 : ms);
    }
    memset(uuid, k % 4 * 85, 8);
    uuid[15] = (uint8_t)(k % 16);
    if (pick(8)) tarn_pq_put_bytes(w, UU, uuid, 16);
    if (pick(8)) tarn_pq_put_i64(w, DEC, (int64_t)k * 25 - 2000);
    tarn_decimal_put(uuid, 16, (int64_t)sorted * 7 - 2000 + k % 7);
    if (pick(8)) tarn_pq_put_bytes(w, WIDE, uuid, 16);
    tarn_decimal_put(uuid, 16, sorted / 3 - 100);
    if (pick(8)) tarn_pq_put_bytes(w, WHOLE, uuid + 11, 5);
    assert_int_equal(tarn_pq_end_row(w), 0);
}

/* The second file has `i` wider, `ts` finer, and another name for `s`. */
static void write_file(const char *path, int second) {
    struct tarn_column_spec own[N_COLUMNS];
    struct tarn_pq_writer_spec spec = {.columns = own,
                                       .n_columns = N_COLUMNS,
                                       .codec = TARN_SNAPPY,
                                       .row_group_rows = 400,
                                       .page_rows = 64,
                                       .sort_column = -1};
    struct tarn_pq_writer *w = NULL;
    struct tarn_sink sink;
    struct tarn_err err = {0};
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    int i;

    assert_true(fd >= 0);
    memcpy(own, columns, sizeof own);
    if (second) {
        own[I].physical = TARN_INT64;
        own[TS].logical.unit = TARN_UNIT_US;
        own[S].name = "s2";
    }
    tarn_sink_fd(&sink, fd, path);
    assert_int_equal(tarn_pq_writer_open(&w, &spec, &sink, &err), TARN_OK);
    for (i = 0; i < ROWS; i++)
        put_row(w, second, i);
    if (tarn_pq_writer_finish(w, &err)) fail_msg("%s", err.msg);
    tarn_pq_writer_free(w);
    (void)close(fd);
}

struct fixture {
    char dir[64];
    sqlite3 *db;
};

static void exec(sqlite3 *db, const char *sql) {
    char *message = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &message)) fail_msg("%s\n%s", sql, message);
}

#define REFERENCE                                                                             \
    "CREATE TABLE ref(b BOOLEAN, i INTEGER, u INTEGER COLLATE tarn_decimal, f REAL, d REAL, " \
    "s TEXT, z TEXT, day TEXT, time TEXT, ts TEXT, uu TEXT, dec TEXT COLLATE tarn_decimal, "  \
    "wide TEXT COLLATE tarn_decimal, whole INTEGER, s2 TEXT, filename TEXT, file_row_number " \
    "INTEGER)"

static void set_up(struct fixture *f, const char *encoding) {
    char path[128], sql[1024];
    char *why = NULL;

    (void)snprintf(f->dir, sizeof f->dir, "pqt-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(path, sizeof path, "%s/1.parquet", f->dir);
    write_file(path, 0);
    (void)snprintf(path, sizeof path, "%s/2.parquet", f->dir);
    write_file(path, 1);
    assert_int_equal(sqlite3_open(":memory:", &f->db), SQLITE_OK);
    exec(f->db, encoding);
    if (tarn_register(f->db, &why)) fail_msg("%s", why);
    (void)snprintf(sql, sizeof sql,
                   "CREATE VIRTUAL TABLE pq USING parquet('%s/*.parquet', "
                   "'{\"binaryAsText\":true}')",
                   f->dir);
    exec(f->db, sql);
    exec(f->db, REFERENCE);
    exec(f->db, "SELECT tarn_config('pushdown', 'off');"
                "INSERT INTO ref SELECT *, filename, file_row_number FROM pq;"
                "CREATE TABLE c(n NUMERIC, t TEXT, x);"
                "INSERT INTO c VALUES(3, '3', 3), ('10', '10', '10'), (0.5, 'abc', 'abc'),"
                "('zz', '2024-01-01 00:10:00.010', x'61'), (NULL, NULL, NULL), (9, '9', 9.0)");
}

static void tear_down(struct fixture *f) {
    char command[128];

    assert_int_equal(sqlite3_close(f->db), SQLITE_OK);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    assert_int_equal(system(command), 0);
}

static const char *constant(char out[80]) {
    static const char *const any[] = {"NULL",
                                      "0",
                                      "1",
                                      "3",
                                      "-3",
                                      "3.5",
                                      "-0.5",
                                      "0.0",
                                      "'3'",
                                      "'10'",
                                      "'abc'",
                                      "'abd'",
                                      "''",
                                      "'a'",
                                      "x'61'",
                                      "x''",
                                      "1e300",
                                      "1e9",
                                      "-1e30",
                                      "9e18",
                                      "'2024-02'",
                                      "2024",
                                      "'2024'",
                                      "'zz'",
                                      "9223372036854775807",
                                      "-9223372036854775808",
                                      "'18446744073709551614'",
                                      "18446744073709551614.0",
                                      "9007199254740993",
                                      "0.1",
                                      "'12.50'",
                                      "12.5",
                                      "12.505",
                                      "-7.25",
                                      "'1e1'",
                                      "' 3'",
                                      "'12:00'",
                                      "'2023-12-31'",
                                      "'2024-01-01'",
                                      "'2024-01-01 00:10:00.010'",
                                      "'2024-01-01 00:10:00'",
                                      "'2024-01-01 12:00:00.010012'",
                                      "'2024-02-30'",
                                      "'2024-01-01T10:00:00'",
                                      "'55555555-5555-5555-0000-000000000003'",
                                      "'AAAAAAAA-aaaa-aaaa-0000-000000000003'",
                                      "'aaaaaaaa-aaaa-aaaa-0000-000000000007'",
                                      "x'ff01'",
                                      "'13:13:13.000013'",
                                      "'a' || 'bc'"};
    unsigned k = pick(sizeof any / sizeof any[0] + 8);

    if (k < sizeof any / sizeof any[0]) return any[k];
    switch (k % 4) {
    case 0: (void)snprintf(out, 80, "%d", (int)pick(1600) - 700); break;
    case 1:
        (void)snprintf(out, 80, "'2024-01-01 %02u:%02u:00.%03u'", pick(24), pick(60), pick(60));
        break;
    case 2: (void)snprintf(out, 80, "date('2023-12-01', '+%u days')", pick(150)); break;
    default: (void)snprintf(out, 80, "'%d.%02d'", (int)pick(40) - 20, (int)pick(4) * 25); break;
    }
    return out;
}

static void condition(char *out, size_t room, int *uses_u) {
    static const char *const names[] = {"b",    "i",    "u",  "f",  "d",   "s",  "z",
                                        "day",  "time", "ts", "uu", "dec", "s2", "file_row_number",
                                        "wide", "whole"};
    static const char *const ops[] = {"=", "<>", "<", "<=", ">", ">=", "IS", "IS NOT"};
    static const char *const patterns[] = {"'a*'",   "'ab%'", "'1%'", "'2024-01*'",
                                           "'[a]*'", "'-%'",  "'ä*'"};
    char a[80], b[80], c[80];
    const char *x = constant(a), *y = constant(b), *z = constant(c);
    unsigned k = pick(16);

    *uses_u |= k == 2;
    switch (pick(12)) {
    case 0: (void)snprintf(out, room, "%s IS NULL", names[k]); break;
    case 1: (void)snprintf(out, room, "%s IS NOT NULL", names[k]); break;
    case 2: (void)snprintf(out, room, "%s IN (%s, %s, %s)", names[k], x, y, z); break;
    case 3: (void)snprintf(out, room, "%s BETWEEN %s AND %s", names[k], x, y); break;
    case 4:
        (void)snprintf(out, room, "%s %s %s", names[k], pick(2) ? "GLOB" : "LIKE",
                       patterns[pick(7)]);
        break;
    case 5:
        (void)snprintf(out, room, "%s %s (SELECT %s FROM c WHERE rowid = %u)", names[k],
                       ops[pick(8)], (const char *[]){"n", "t", "x"}[pick(3)], 1 + pick(6));
        break;
    case 6:
        (void)snprintf(out, room, "%s IN (SELECT %s FROM c)", names[k],
                       (const char *[]){"n", "t", "x"}[pick(3)]);
        break;
    case 7: (void)snprintf(out, room, "%s %s %s COLLATE NOCASE", names[k], ops[pick(8)], x); break;
    default: (void)snprintf(out, room, "%s %s %s", names[k], ops[pick(8)], x); break;
    }
}

/* Everything a query gives, as one text; sqlite3_free. */
static char *answer(sqlite3 *db, const char *sql) {
    sqlite3_str *s = sqlite3_str_new(db);
    sqlite3_stmt *stmt = NULL;
    int i, rc;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL)) fail_msg("%s\n%s", sql, sqlite3_errmsg(db));
    if (sqlite3_bind_parameter_count(stmt) > 0) (void)sqlite3_bind_int(stmt, 1, 33);
    if (sqlite3_bind_parameter_count(stmt) > 1) (void)sqlite3_bind_int(stmt, 2, 1777);
    while ((rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        for (i = 0; i < sqlite3_column_count(stmt); i++) {
            const char *text = (const char *)sqlite3_column_text(stmt, i);
            sqlite3_str_appendf(s, "%d:%s|", sqlite3_column_type(stmt, i), text ? text : "NULL");
        }
        sqlite3_str_appendall(s, "\n");
    }
    if (rc != SQLITE_DONE) fail_msg("%s\n%s", sql, sqlite3_errmsg(db));
    (void)sqlite3_finalize(stmt);
    return sqlite3_str_finish(s);
}

static const char *first_difference(const char *a, const char *b) {
    while (a && b && *a && *a == *b)
        a++, b++;
    return a ? a : "nothing";
}

static void compare(sqlite3 *db, const char *where, const char *what, int use_ref) {
    char sql[3][1024];
    char *on = NULL, *off = NULL, *ref = NULL;
    int i;

    for (i = 0; i < 2; i++) {
        (void)snprintf(sql[i], sizeof sql[i],
                       "SELECT %s, file_row_number FROM %s AS q%s ORDER BY filename, "
                       "file_row_number",
                       what, i ? "ref" : "pq", where);
    }
    exec(db, "SELECT tarn_config('pushdown', 'on')");
    on = answer(db, sql[0]);
    exec(db, "SELECT tarn_config('pushdown', 'off')");
    off = answer(db, sql[0]);
    if (use_ref) ref = answer(db, sql[1]);
    if (!on != !off || (on && strcmp(on, off) != 0))
        fail_msg("pushdown makes a difference: %s\n%.200s", sql[0], first_difference(on, off));
    if (use_ref && (!on != !ref || (on && strcmp(on, ref) != 0)))
        fail_msg("the table makes a difference: %s\n%.200s", sql[0], first_difference(on, ref));
    sqlite3_free(on);
    sqlite3_free(off);
    sqlite3_free(ref);
}

static void run(const char *encoding, int queries) {
    static const char *const lists[] = {
        "i, s",      "*",       "ts, dec, uu, wide, whole", "count(*) OVER ()", "d, f, z",
        "day, time", "b, u, s2"};
    struct fixture f;
    int i, k;

    set_up(&f, encoding);
    for (i = 0; i < queries; i++) {
        char where[800] = " WHERE ", one[240];
        int n = 1 + (int)pick(3), uses_u = 0;
        unsigned list = pick(7);
        for (k = 0; k < n; k++) {
            condition(one, sizeof one, &uses_u);
            size_t at = strlen(where);
            (void)snprintf(where + at, sizeof where - at, "%s%s%s",
                           !k        ? ""
                           : pick(4) ? " AND "
                                     : " OR ",
                           pick(8) ? "" : "NOT ", one);
        }
        if (list == 1 || list == 6) uses_u = 1;
        compare(f.db, where, lists[list], !uses_u);
    }
    compare(f.db, " JOIN c ON q.s = c.t", "c.t, q.s, q.i", 1);
    compare(f.db, " JOIN c ON q.i = c.n", "c.n, q.s, q.i", 1);
    compare(f.db, " JOIN c ON q.ts > c.x", "c.x, q.ts", 1);
    compare(f.db, " LEFT JOIN c ON q.dec = c.n", "c.n, q.dec", 1);
    tear_down(&f);
}

static void random_queries(void **state) {
    (void)state;
    seed = 11;
    run("PRAGMA encoding = 'UTF-8'", QUERIES);
}

static void random_queries_utf16(void **state) {
    (void)state;
    seed = 12;
    run("PRAGMA encoding = 'UTF-16le'", QUERIES / 5);
}

/* Rows can be joined with themselves by rowid, and a rowid finds its row alone. */
static void rowids(void **state) {
    struct fixture f;
    char *a = NULL;

    (void)state;
    seed = 13;
    set_up(&f, "PRAGMA encoding = 'UTF-8'");
    exec(f.db, "SELECT tarn_config('pushdown', 'on')");
    a = answer(f.db, "WITH x AS MATERIALIZED (SELECT rowid AS r, i, ts, filename AS f FROM pq "
                     "WHERE abs(random()) % 100 = 0) SELECT count(*) > 0, "
                     "sum(q.i IS x.i AND q.ts IS x.ts AND q.filename IS x.f) = count(*) "
                     "FROM x JOIN pq AS q ON q.rowid = x.r");
    assert_string_equal(a, "1:1|1:1|\n");
    sqlite3_free(a);
    a = answer(f.db, "SELECT count(*), (SELECT count(*) FROM pq WHERE rowid = -5), "
                     "(SELECT count(*) FROM pq WHERE rowid = 1500), "
                     "(SELECT count(*) FROM pq WHERE rowid = 1499), "
                     "(SELECT count(*) FROM pq WHERE rowid = (1 << 40) + 7), "
                     "(SELECT i FROM pq WHERE rowid = (1 << 40) + 7), "
                     "(SELECT count(*) FROM pq WHERE rowid = 'x') FROM pq");
    assert_string_equal(a, "1:3000|1:0|1:0|1:1|1:1|1:-693|1:0|\n");
    sqlite3_free(a);
    tear_down(&f);
}

#define WIDE 130

/* SQLite tells of the first 63 columns only whether they are used. */
static void wide_tables(void **state) {
    struct tarn_column_spec wide[WIDE];
    struct tarn_pq_writer_spec spec = {.columns = wide, .n_columns = WIDE, .row_group_rows = 50};
    char names[WIDE][8], path[128], sql[512];
    struct tarn_pq_writer *w = NULL;
    struct tarn_sink sink;
    struct fixture f;
    char *a = NULL;
    int i, k, fd;

    (void)state;
    seed = 14;
    set_up(&f, "PRAGMA encoding = 'UTF-8'");
    exec(f.db, "SELECT tarn_config('pushdown', 'on')");
    (void)snprintf(path, sizeof path, "%s/wide.parquet", f.dir);
    memset(wide, 0, sizeof wide);
    for (i = 0; i < WIDE; i++) {
        (void)snprintf(names[i], sizeof names[i], "c%d", i);
        wide[i] = columns[I];
        wide[i].name = names[i];
    }
    spec.sort_column = -1;
    fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
    assert_true(fd >= 0);
    tarn_sink_fd(&sink, fd, path);
    assert_int_equal(tarn_pq_writer_open(&w, &spec, &sink, NULL), 0);
    for (k = 0; k < 120; k++) {
        for (i = 0; i < WIDE; i++)
            tarn_pq_put_i32(w, i, k * 1000 + i);
        assert_int_equal(tarn_pq_end_row(w), 0);
    }
    assert_int_equal(tarn_pq_writer_finish(w, NULL), 0);
    tarn_pq_writer_free(w);
    (void)close(fd);
    (void)snprintf(sql, sizeof sql, "CREATE VIRTUAL TABLE wide USING parquet('%s')", path);
    exec(f.db, sql);
    a = answer(f.db, "SELECT sum(c2), sum(c62), sum(c63), sum(c64), sum(c129) FROM wide");
    assert_string_equal(a, "1:7140240|1:7147440|1:7147560|1:7147680|1:7155480|\n");
    sqlite3_free(a);
    a = answer(f.db, "SELECT CASE WHEN c0 > 60000 THEN c100 ELSE c1 END, c129, file_row_number "
                     "FROM wide WHERE c77 IN (59077, 61077) AND c80 > 5 ORDER BY c90");
    assert_string_equal(a, "1:59001|1:59129|1:59|\n1:61100|1:61129|1:61|\n");
    sqlite3_free(a);
    a = answer(f.db, "SELECT count(*) FROM wide");
    assert_string_equal(a, "1:120|\n");
    sqlite3_free(a);
    a = answer(f.db, "SELECT c99 FROM wide WHERE rowid = 101");
    assert_string_equal(a, "1:101099|\n");
    sqlite3_free(a);
    tear_down(&f);
}

/* One form of query with LIMIT and OFFSET; the order of rows is the table's own. */
static void limited(char *out, size_t room, const char *t) {
    static const char *const sizes[] = {
        "0",    "1",    "7",    "63",   "64",       "65",          "399",    "400",       "401",
        "1499", "1500", "1501", "2999", "3000",     "3001",        "-1",     "-7",        "2 + 3",
        "1e2",  "'12'", "?1",   "?2",   "abs(-20)", "99999999999", "?1 * 3", "(SELECT 9)"};
    static const char *const lists[] = {
        "b, i, s, z, d, ts", "i",          "s, dec, uu", "1",
        "file_row_number",   "rowid, day", "ts",         "count(*) OVER ()"};
    static const char *const wheres[] = {"i > 100",     "s = 'abc' OR i % 2 = 1", "abs(i) % 7 = 3",
                                         "s LIKE 'a%'", "i IN (1, 5, 300)",       "d IS NULL"};
    const char *n = sizes[pick(26)], *o = sizes[pick(26)], *list = lists[pick(8)];

    switch (pick(9)) {
    case 0: (void)snprintf(out, room, "SELECT %s FROM %s LIMIT %s", list, t, n); break;
    case 1:
        (void)snprintf(out, room, "SELECT %s FROM %s WHERE %s LIMIT %s OFFSET %s", list, t,
                       wheres[pick(6)], n, o);
        break;
    case 2:
        (void)snprintf(out, room,
                       "SELECT i, s FROM %s UNION ALL SELECT i, z FROM %s LIMIT %s OFFSET %s", t, t,
                       n, o);
        break;
    case 3:
        (void)snprintf(out, room,
                       "SELECT * FROM (SELECT i, s FROM %s UNION ALL SELECT n, t FROM c UNION ALL "
                       "SELECT i, d FROM %s) LIMIT %s OFFSET %s",
                       t, t, n, o);
        break;
    case 4:
        (void)snprintf(out, room,
                       "SELECT count(i), sum(d) FROM (SELECT * FROM %s LIMIT %s OFFSET %s)", t, n,
                       o);
        break;
    case 5:
        (void)snprintf(out, room,
                       "SELECT c.rowid, q.i FROM c CROSS JOIN %s AS q LIMIT %s OFFSET %s", t, n, o);
        break;
    case 6:
        (void)snprintf(out, room,
                       "SELECT rowid, (SELECT i FROM %s AS q WHERE q.i > c.n LIMIT 1 OFFSET %s), "
                       "EXISTS (SELECT 1 FROM %s LIMIT 5 OFFSET %s) FROM c",
                       t, o, t, n);
        break;
    case 7:
        (void)snprintf(out, room,
                       "SELECT i, file_row_number FROM %s ORDER BY i, filename, file_row_number "
                       "LIMIT %s OFFSET %s",
                       t, n, o);
        break;
    default:
        (void)snprintf(out, room, "SELECT %s FROM %s LIMIT %s OFFSET %s", list, t, n, o);
        break;
    }
}

static void limits(void **state) {
    struct fixture f;
    char sql[2][512];
    int i, k;

    (void)state;
    seed = 17;
    set_up(&f, "PRAGMA encoding = 'UTF-8'");
    /* The copy numbers its rows as the table does. */
    exec(f.db, "UPDATE ref SET rowid = -rowid;"
               "UPDATE ref SET rowid = file_row_number + (CASE WHEN filename LIKE '%2.parquet' "
               "THEN 1 << 40 ELSE 0 END)");
    for (i = 0; i < QUERIES; i++) {
        uint64_t at = seed;
        char *a = NULL, *b = NULL;
        limited(sql[0], sizeof sql[0], "ref");
        for (k = 0; k < 2; k++) {
            seed = at;
            limited(sql[1], sizeof sql[1], "pq");
            exec(f.db, k ? "SELECT tarn_config('pushdown', 'off')"
                         : "SELECT tarn_config('pushdown', 'on')");
            a = answer(f.db, sql[0]);
            b = answer(f.db, sql[1]);
            if (!a != !b || (a && strcmp(a, b) != 0))
                fail_msg("%s\n%.200s", sql[1], first_difference(b, a));
            sqlite3_free(a);
            sqlite3_free(b);
        }
    }
    tear_down(&f);
}

/* What a query may not do fails, with words, and leaves the table as it was. */
static void failures(void **state) {
    struct fixture f;
    char path[128], sql[256];
    char *a = NULL;

    (void)state;
    seed = 15;
    set_up(&f, "PRAGMA encoding = 'UTF-8'");
    (void)snprintf(sql, sizeof sql,
                   "SELECT tarn_export('SELECT hex(zeroblob(2000000)) AS s', '%s/big')", f.dir);
    exec(f.db, sql);
    (void)snprintf(sql, sizeof sql, "CREATE VIRTUAL TABLE big USING parquet('%s/big')", f.dir);
    exec(f.db, sql);
    exec(f.db, "SELECT tarn_config('memoryBudget', 1048576)");
    assert_int_not_equal(sqlite3_exec(f.db, "SELECT s FROM big", NULL, NULL, NULL), SQLITE_OK);
    (void)snprintf(path, sizeof path, "%s/big: ", f.dir);
    assert_non_null(strstr(sqlite3_errmsg(f.db), path));
    assert_non_null(strstr(sqlite3_errmsg(f.db),
                           " exceeds the setting memoryBudget, 1048576 bytes: raise it, or read "
                           "fewer columns or rows"));
    exec(f.db, "SELECT tarn_config('memoryBudget', 268435456)");
    a = answer(f.db, "SELECT length(s) FROM big");
    assert_string_equal(a, "1:4000000|\n");
    sqlite3_free(a);
    a = answer(f.db, "SELECT count(*), count(ts) > 0 FROM pq");
    assert_string_equal(a, "1:3000|1:1|\n");
    sqlite3_free(a);
    /* A file that breaks after the table was connected. */
    (void)snprintf(path, sizeof path, "%s/2.parquet", f.dir);
    assert_int_equal(truncate(path, 1000), 0);
    assert_int_not_equal(sqlite3_exec(f.db, "SELECT sum(i) FROM pq", NULL, NULL, NULL), SQLITE_OK);
    assert_non_null(strstr(sqlite3_errmsg(f.db), "2.parquet"));
    assert_int_equal(unlink(path), 0);
    a = answer(f.db, "SELECT count(*), count(i) > 0 FROM pq");
    assert_string_equal(a, "1:1500|1:1|\n");
    sqlite3_free(a);
    tear_down(&f);
}

/* Texts of decimals compare as the numbers they are. */
static void decimals(void **state) {
    static const char *const rising[] = {"-1e3",
                                         "-999.9999999999999999999999999999",
                                         "-2",
                                         "-1.50",
                                         "-0.001",
                                         "0",
                                         "0.001",
                                         "1e-2",
                                         ".5",
                                         "1.49999",
                                         "1.5",
                                         "12345678901234567890.12",
                                         "12345678901234567890.13",
                                         "1e20",
                                         "",
                                         "1.2.3",
                                         "abc",
                                         "e5"};
    static const char *const equal[] = {"1.5", "1.50", "+01.500", "15e-1", "0.15e1"};
    const int n = (int)(sizeof rising / sizeof rising[0]);
    int i, k;

    (void)state;
    for (i = 0; i < n; i++) {
        for (k = 0; k < n; k++) {
            int cmp =
                tarn_decimal_compare(rising[i], strlen(rising[i]), rising[k], strlen(rising[k]));
            if ((cmp > 0) - (cmp < 0) != (i > k) - (i < k))
                fail_msg("%s and %s: %d", rising[i], rising[k], cmp);
        }
    }
    for (i = 0; i < 5; i++)
        assert_int_equal(tarn_decimal_compare(equal[0], 3, equal[i], strlen(equal[i])), 0);
    assert_int_equal(tarn_decimal_compare("0", 1, "-0.00", 5), 0);
}

/* Nested columns, as the test data has them. */
static void nested_columns(void **state) {
    const char *top = getenv("TOP"), *real = getenv("TARN_REAL_DATA");
    char path[512], sql[1024];
    struct fixture f;
    char *a = NULL;

    (void)state;
    seed = 16;
    (void)snprintf(path, sizeof path, "%s%s/parquet-testing/data/nullable.impala.parquet",
                   real && *real ? real
                   : top         ? top
                                 : ".",
                   real && *real ? "/.." : "/../shared/data");
    if (access(path, R_OK) != 0) {
        print_message("no test data at %s\n", path);
        skip();
    }
    set_up(&f, "PRAGMA encoding = 'UTF-8'");
    (void)snprintf(sql, sizeof sql, "CREATE VIRTUAL TABLE n USING parquet('%s')", path);
    exec(f.db, sql);
    a = answer(f.db, "SELECT int_array, int_Map_Array, nested_struct ->> '$.b[0]', "
                     "\"nested_struct.A\", \"int_map.map.key\" FROM n WHERE id <= 2");
    assert_string_equal(a, "3:[1,2,3]|3:[{\"k1\":1}]|1:1|1:1|3:[\"k1\",\"k2\"]|\n"
                           "3:[null,1,2,null,3,null]|3:[{\"k3\":null,\"k1\":1},null,{}]|5:NULL|"
                           "5:NULL|3:[\"k1\",\"k2\"]|\n");
    sqlite3_free(a);
    a = answer(f.db, "SELECT id FROM n WHERE \"nested_struct.A\" = 7 AND int_array IS NULL");
    assert_string_equal(a, "1:7|\n");
    sqlite3_free(a);
    (void)snprintf(strrchr(path, '/'), 32, "/byte_array_decimal.parquet");
    (void)snprintf(sql, sizeof sql,
                   "SELECT name, converted_type, field_id FROM parquet_schema('%s')", path);
    a = answer(f.db, sql);
    assert_non_null(strstr(a, "3:value|3:DECIMAL|1:6|\n"));
    sqlite3_free(a);
    tear_down(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_queries), cmocka_unit_test(random_queries_utf16),
        cmocka_unit_test(rowids),         cmocka_unit_test(wide_tables),
        cmocka_unit_test(failures),       cmocka_unit_test(decimals),
        cmocka_unit_test(nested_columns), cmocka_unit_test(limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
