/* capture_run.c: what writes cost with their changes recorded, or not.
**
**   capture_run -m DATABASE -n ROWS             makes a database: `source` with ROWS rows, `users` empty
**   capture_run -M DATABASE -n ROWS             the same with `users` full
**   capture_run -v VARIANT -c CASE -n ROWS [-x EXTENSION] DATABASE
**
** Variants: none; triggers, which write JSON of the old and new row to a table, as one would without
** Tarn; capture, without the flusher; flush, with it; hook, which reads every value of a change and drops
** it: the least that any use of SQLite's preupdate hook costs.
** Cases: insert1, update1: a transaction a row; insert1000, update1000: a transaction of 1,000 statements
** of one row each; bulk-insert, bulk-update: all rows in one statement. Inserts go to an empty table, in
** the order of its key; updates to rows all over a full one.
** Prints `milliseconds peak_rss_kb cpu_milliseconds`, of the statements alone; cpu is of all threads. WAL, synchronous = NORMAL. What was recorded
** is counted.
*/
#define SQLITE_ENABLE_PREUPDATE_HOOK
#include <sqlite3.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "measure.h"

#define COLUMNS "(id INTEGER PRIMARY KEY, name TEXT, email TEXT, score REAL, status INT, body TEXT)"
#define JSON(row)                                                                               \
    "json_object('id', " row ".id, 'name', " row ".name, 'email', " row ".email, 'score', " row \
    ".score, 'status', " row ".status, 'body', " row ".body)"
#define BODY                                                                                       \
    "The order was packed on time, the parcel left the house, and the customer was told where it " \
    "is "

static const char triggers[] =
    "CREATE TABLE outbox(seq INTEGER PRIMARY KEY, at REAL DEFAULT (julianday('now')), op TEXT, "
    "pk INT, data TEXT, prev TEXT);"
    "CREATE TRIGGER users_i AFTER INSERT ON users BEGIN INSERT INTO outbox(op, pk, data) "
    "VALUES('insert', NEW.id, " JSON(
        "NEW") "); END;"
               "CREATE TRIGGER users_u AFTER UPDATE ON users BEGIN INSERT INTO outbox(op, pk, "
               "data, prev) "
               "VALUES('update', NEW.id, " JSON("NEW") ", " JSON(
                   "OLD") "); END;"
                          "CREATE TRIGGER users_d AFTER DELETE ON users BEGIN INSERT INTO "
                          "outbox(op, pk, prev) "
                          "VALUES('delete', OLD.id, " JSON("OLD") "); END;";

static const char fill[] =
    "INSERT INTO %s WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %lld) "
    "SELECT i, 'Customer ' || i, 'customer' || i || '@example.com', i / 2.0 + 0.25, i %% 5, "
    "'" BODY "' || i FROM n";

struct job {
    sqlite3 *db;
    const char *variant, *work;
    long long rows;
    long long table; /* rows that it has, where they are updated */
    long long seen;  /* by the variant hook */
};

static void die(sqlite3 *db, const char *what) {
    fprintf(stderr, "capture_run: %s: %s\n", what, db ? sqlite3_errmsg(db) : "");
    exit(1);
}

static void run(sqlite3 *db, const char *sql) {
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK) die(db, sql);
}

static void make(const char *path, int full, long long rows) {
    sqlite3 *db = NULL;
    char *sql = sqlite3_mprintf(fill, "source", rows);

    if (sqlite3_open(path, &db) != SQLITE_OK) die(db, path);
    run(db, "PRAGMA journal_mode = WAL; CREATE TABLE users" COLUMNS ";"
            "CREATE TABLE source" COLUMNS);
    if (!full) run(db, sql);
    sqlite3_free(sql);
    sql = sqlite3_mprintf(fill, "users", rows);
    if (full) run(db, sql);
    sqlite3_free(sql);
    if (sqlite3_close(db) != SQLITE_OK) die(db, "close");
}

/* Of a change: every value, its type and its bytes. */
static void look(void *ctx, sqlite3 *db, int op, const char *database, const char *table,
                 sqlite3_int64 old_rowid, sqlite3_int64 new_rowid) {
    struct job *j = ctx;
    sqlite3_value *v = NULL;

    (void)database;
    (void)table;
    (void)old_rowid;
    (void)new_rowid;
    for (int i = 0; op != SQLITE_DELETE && i < sqlite3_preupdate_count(db); i++) {
        if (sqlite3_preupdate_new(db, i, &v) != SQLITE_OK) die(db, "hook");
        if (sqlite3_value_type(v) == SQLITE_TEXT && !sqlite3_value_blob(v)) die(db, "hook");
    }
    j->seen++;
}

static void prepare(struct job *j, const char *extension) {
    char *message = NULL;

    run(j->db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
    if (strcmp(j->variant, "triggers") == 0) run(j->db, triggers);
    if (strcmp(j->variant, "hook") == 0) sqlite3_preupdate_hook(j->db, look, j);
    if (strcmp(j->variant, "capture") != 0 && strcmp(j->variant, "flush") != 0) return;
    sqlite3_db_config(j->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL);
    if (sqlite3_load_extension(j->db, extension, NULL, &message) != SQLITE_OK) {
        fprintf(stderr, "capture_run: %s: %s\n", extension, message);
        exit(1);
    }
    if (strcmp(j->variant, "capture") == 0) run(j->db, "SELECT tarn_config('autoFlush', 'off')");
    run(j->db, "SELECT tarn_track('users')");
    if (strcmp(j->variant, "flush") == 0) run(j->db, "SELECT tarn_flush()");
}

static long long rows_in(sqlite3 *db) {
    sqlite3_stmt *stmt = NULL;
    long long n = 0;

    if (sqlite3_prepare_v2(db, "SELECT max(id) FROM users", -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_step(stmt) != SQLITE_ROW) {
        die(db, "count");
    }
    n = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return n > 0 ? n : 1;
}

static void write_row(struct job *j, sqlite3_stmt *stmt, long long id) {
    char name[64], email[64], body[256];

    snprintf(name, sizeof name, "Customer %lld", id);
    snprintf(email, sizeof email, "customer%lld@example.com", id);
    snprintf(body, sizeof body, BODY "%lld", id);
    sqlite3_bind_int64(stmt, 1, id);
    sqlite3_bind_text(stmt, 2, name, -1, SQLITE_STATIC);
    sqlite3_bind_text(stmt, 3, email, -1, SQLITE_STATIC);
    sqlite3_bind_double(stmt, 4, (double)id / 2 + 0.25);
    sqlite3_bind_int(stmt, 5, (int)(id % 5));
    sqlite3_bind_text(stmt, 6, body, -1, SQLITE_STATIC);
    if (sqlite3_step(stmt) != SQLITE_DONE) die(j->db, "row");
    sqlite3_reset(stmt);
}

static void write_rows(struct job *j) {
    int update = strncmp(j->work, "update", 6) == 0;
    long long each = strstr(j->work, "1000") ? 1000 : 1;
    sqlite3_stmt *stmt = NULL, *begin = NULL, *commit = NULL;

    if (sqlite3_prepare_v2(j->db,
                           update ? "UPDATE users SET name = ?2, email = ?3, score = ?4 + 1, "
                                    "status = ?5 + 5, body = ?6 || '!' WHERE id = ?1"
                                  : "INSERT INTO users VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
                           -1, &stmt, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(j->db, "BEGIN", -1, &begin, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(j->db, "COMMIT", -1, &commit, NULL) != SQLITE_OK) {
        die(j->db, "prepare");
    }
    for (long long i = 0; i < j->rows; i++) {
        if (each > 1 && i % each == 0 && sqlite3_step(begin) != SQLITE_DONE) die(j->db, "begin");
        (void)sqlite3_reset(begin);
        write_row(j, stmt, update ? (i * 7919 + 13) % j->table + 1 : i + 1);
        if (each == 1 || (i % each < each - 1 && i < j->rows - 1)) continue;
        if (sqlite3_step(commit) != SQLITE_DONE) die(j->db, "commit");
        (void)sqlite3_reset(commit);
    }
    sqlite3_finalize(stmt);
    sqlite3_finalize(begin);
    sqlite3_finalize(commit);
}

static void work(struct job *j) {
    if (strcmp(j->work, "bulk-insert") == 0) {
        run(j->db, "INSERT INTO users SELECT * FROM source WHERE id > 0");
    } else if (strcmp(j->work, "bulk-update") == 0) {
        run(j->db, "UPDATE users SET score = score + 1.5, status = status + 1");
    } else {
        write_rows(j);
    }
}

static uint32_t le32(const uint8_t *p) {
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* What the variant has recorded of the work. */
static long long recorded(struct job *j) {
    int captured = strcmp(j->variant, "capture") == 0;
    sqlite3_stmt *stmt = NULL;
    long long n = captured ? -1 : 0; /* the entry that tracking made */

    if (!captured && strcmp(j->variant, "triggers") != 0) return j->seen;
    if (sqlite3_prepare_v2(
            j->db, captured ? "SELECT data FROM _tarn_outbox" : "SELECT count(*) FROM outbox", -1,
            &stmt, NULL) != SQLITE_OK) {
        die(j->db, "count");
    }
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const uint8_t *slot = captured ? sqlite3_column_blob(stmt, 0) : NULL;

        if (!captured) n = sqlite3_column_int64(stmt, 0);
        if (slot && memcmp(slot, "TOB1", 4) == 0 && le32(slot + 16) == 0) {
            n += le32(slot + 68) & 0x7fffffff;
        }
    }
    sqlite3_finalize(stmt);
    return n;
}

static double cpu_ms(void) {
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1000.0 + (double)t.tv_nsec / 1e6;
}

static long peak_kb(void) {
    FILE *f = fopen("/proc/self/status", "r");
    char line[256];
    long kb = 0;

    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %ld", &kb) == 1) break;
    if (f) fclose(f);
    return kb;
}

static void reset_peak(void) {
    FILE *f = fopen("/proc/self/clear_refs", "w");

    if (f) {
        fputs("5", f);
        fclose(f);
    }
}

int main(int argc, char **argv) {
    struct job j = {.variant = "none", .work = "insert1", .rows = 1000};
    const char *extension = "build/tarn.so";
    int makes = 0;
    double began, ms, cpu;
    long kb;

    for (int opt; (opt = getopt(argc, argv, "mMv:c:n:x:")) != -1;) {
        switch (opt) {
        case 'm': makes = 1; break;
        case 'M': makes = 2; break;
        case 'v': j.variant = optarg; break;
        case 'c': j.work = optarg; break;
        case 'n': j.rows = atoll(optarg); break;
        case 'x': extension = optarg; break;
        default: return 2;
        }
    }
    if (optind != argc - 1) {
        fprintf(stderr,
                "usage: capture_run [-m|-M] [-v VARIANT] [-c CASE] [-n ROWS] [-x EXTENSION] "
                "DATABASE\n");
        return 2;
    }
    if (makes) {
        make(argv[optind], makes == 2, j.rows);
        return 0;
    }
    if (sqlite3_open(argv[optind], &j.db) != SQLITE_OK) die(j.db, argv[optind]);
    prepare(&j, extension);
    j.table = rows_in(j.db);
    sync();
    reset_peak();
    cpu = cpu_ms();
    began = measure_now();
    work(&j);
    ms = measure_now() - began;
    cpu = cpu_ms() - cpu;
    kb = peak_kb();
    if (strcmp(j.variant, "none") != 0 && strcmp(j.variant, "flush") != 0 &&
        recorded(&j) != j.rows) {
        fprintf(stderr, "capture_run: %s, %s: %lld changes recorded, expected %lld\n", j.work,
                j.variant, recorded(&j), j.rows);
        return 1;
    }
    if (strcmp(j.variant, "flush") == 0) run(j.db, "SELECT tarn_flush()");
    if (sqlite3_close(j.db) != SQLITE_OK) die(j.db, "close");
    printf("%.2f %ld %.2f\n", ms, kb, cpu);
    return 0;
}
