/* tarn_run.c: runs one SQL statement in SQLite with Tarn loaded, and measures it.
**
**   tarn_run [-n REPEATS] [-p] [-x EXTENSION] [-d DATABASE] [-s SETUP]... SQL
**
** An ordinary host application: libsqlite3, sqlite3_load_extension, prepare and step. -s is SQL
** that runs first and is not timed. SQL may hold several statements: they are timed as one, and the
** rows of all are fetched. Output: measure.h.
*/
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "measure.h"

static int fail(sqlite3 *db, const char *what) {
    fprintf(stderr, "tarn_run: %s: %s\n", what, sqlite3_errmsg(db));
    return 1;
}

static void print_row(sqlite3_stmt *stmt) {
    int n = sqlite3_column_count(stmt);
    for (int i = 0; i < n; i++) {
        if (i > 0) putchar('\t');
        switch (sqlite3_column_type(stmt, i)) {
        case SQLITE_NULL: fputs("NULL", stdout); break;
        case SQLITE_FLOAT: printf("%.17g", sqlite3_column_double(stmt, i)); break;
        default: fputs((const char *)sqlite3_column_text(stmt, i), stdout);
        }
    }
    putchar('\n');
}

/* Reads every value, as an application would. */
static size_t touch_row(sqlite3_stmt *stmt) {
    int n = sqlite3_column_count(stmt);
    size_t sum = 0;
    for (int i = 0; i < n; i++)
        if (sqlite3_column_type(stmt, i) == SQLITE_TEXT && sqlite3_column_text(stmt, i) != NULL)
            sum += (size_t)sqlite3_column_bytes(stmt, i);
    return sum;
}

static int run(sqlite3 *db, const char *sql, int print, uint64_t *rows) {
    while (sql != NULL && *sql != '\0') {
        sqlite3_stmt *stmt = NULL;
        int rc = sqlite3_prepare_v2(db, sql, -1, &stmt, &sql);
        if (rc != SQLITE_OK) return fail(db, "prepare");
        while (stmt != NULL && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
            ++*rows;
            if (print)
                print_row(stmt);
            else
                (void)touch_row(stmt);
        }
        if (sqlite3_finalize(stmt) != SQLITE_OK) return fail(db, "step");
    }
    return 0;
}

int main(int argc, char **argv) {
    struct measure m = {.repeats = 1};
    const char *extension = "build/tarn.so";
    const char *database = ":memory:";
    const char *setup[8] = {NULL};
    int n_setup = 0;
    sqlite3 *db = NULL;
    char *message = NULL;
    uint64_t ignored = 0;
    int failed = 0;

    for (int opt; (opt = getopt(argc, argv, "n:px:d:s:")) != -1;) {
        switch (opt) {
        case 'n': m.repeats = measure_repeats(optarg); break;
        case 'p': m.print = 1; break;
        case 'x': extension = optarg; break;
        case 'd': database = optarg; break;
        case 's':
            if (n_setup < 8) setup[n_setup++] = optarg;
            break;
        default: return 2;
        }
    }
    if (optind != argc - 1) {
        fprintf(stderr, "usage: tarn_run [-n REPEATS] [-p] [-x EXTENSION] [-d DATABASE] "
                        "[-s SETUP] SQL\n");
        return 2;
    }
    if (sqlite3_open(database, &db) != SQLITE_OK) return fail(db, database);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL);
    if (sqlite3_load_extension(db, extension, NULL, &message) != SQLITE_OK) {
        fprintf(stderr, "tarn_run: %s: %s\n", extension, message);
        return 1;
    }
    for (int i = 0; i < n_setup && !failed; i++)
        failed = run(db, setup[i], 0, &ignored);
    while (!failed && measure_next(&m)) {
        failed = run(db, argv[optind], measure_printing(&m), &m.rows);
        measure_done(&m);
    }
    if (sqlite3_close(db) != SQLITE_OK) failed = fail(db, "close");
    if (!failed) measure_report(&m);
    return failed;
}
