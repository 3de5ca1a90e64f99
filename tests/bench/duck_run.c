/* duck_run.c: runs one SQL statement in DuckDB, through its C API, and measures it.
**
**   duck_run [-n REPEATS] [-p] [-t THREADS] [-s SETUP]... SQL
**
** The library comes with the npm package that the interop tests use, without a header: what is
** called is declared here. An in-memory database, time zone UTC, no extension is ever downloaded.
** -s is SQL that runs first and is not timed. Output: measure.h.
*/
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "measure.h"

typedef void *handle;
struct duck_result {
    uint64_t counts[3];
    void *columns;
    char *message;
    void *internal;
};
struct duck_string { /* up to 12 bytes stand in the struct, longer ones behind the pointer */
    uint32_t length;
    char start[4];
    union {
        const char *data;
        char rest[8];
    } u;
};

int duckdb_open(const char *path, handle *db);
int duckdb_connect(handle db, handle *connection);
void duckdb_disconnect(handle *connection);
void duckdb_close(handle *db);
int duckdb_query(handle connection, const char *sql, struct duck_result *result);
const char *duckdb_result_error(struct duck_result *result);
void duckdb_destroy_result(struct duck_result *result);
handle duckdb_fetch_chunk(struct duck_result result);
void duckdb_destroy_data_chunk(handle *chunk);
uint64_t duckdb_data_chunk_get_size(handle chunk);
uint64_t duckdb_data_chunk_get_column_count(handle chunk);
handle duckdb_data_chunk_get_vector(handle chunk, uint64_t column);
handle duckdb_vector_get_column_type(handle vector);
void *duckdb_vector_get_data(handle vector);
uint64_t *duckdb_vector_get_validity(handle vector);
int duckdb_get_type_id(handle type);
void duckdb_destroy_logical_type(handle *type);

enum duck_type {
    DUCK_BOOLEAN = 1,
    DUCK_INTEGER = 4,
    DUCK_BIGINT = 5,
    DUCK_DOUBLE = 11,
    DUCK_TIMESTAMP = 12,
    DUCK_VARCHAR = 17,
    DUCK_TIMESTAMP_MS = 21,
    DUCK_TIMESTAMP_TZ = 31
};

static void print_time(int64_t ms) {
    struct tm t;
    time_t seconds = (time_t)(ms / 1000 - (ms % 1000 < 0));
    char text[32];
    gmtime_r(&seconds, &t);
    strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &t);
    printf("%s.%03d", text, (int)(ms - (int64_t)seconds * 1000));
}

static int print_value(const void *data, int type, uint64_t row) {
    switch (type) {
    case DUCK_BOOLEAN: printf("%d", ((const uint8_t *)data)[row] != 0); break;
    case DUCK_INTEGER: printf("%" PRId32, ((const int32_t *)data)[row]); break;
    case DUCK_BIGINT: printf("%" PRId64, ((const int64_t *)data)[row]); break;
    case DUCK_DOUBLE: printf("%.17g", ((const double *)data)[row]); break;
    case DUCK_TIMESTAMP_MS: print_time(((const int64_t *)data)[row]); break;
    case DUCK_TIMESTAMP:
    case DUCK_TIMESTAMP_TZ: print_time(((const int64_t *)data)[row] / 1000); break;
    case DUCK_VARCHAR: {
        const struct duck_string *s = (const struct duck_string *)data + row;
        fwrite(s->length <= 12 ? s->start : s->u.data, 1, s->length, stdout);
        break;
    }
    default: return 1;
    }
    return 0;
}

static int print_chunk(handle chunk) {
    uint64_t rows = duckdb_data_chunk_get_size(chunk);
    uint64_t columns = duckdb_data_chunk_get_column_count(chunk);
    for (uint64_t r = 0; r < rows; r++) {
        for (uint64_t c = 0; c < columns; c++) {
            handle vector = duckdb_data_chunk_get_vector(chunk, c);
            handle type = duckdb_vector_get_column_type(vector);
            int id = duckdb_get_type_id(type);
            const uint64_t *valid = duckdb_vector_get_validity(vector);
            duckdb_destroy_logical_type(&type);
            if (c > 0) putchar('\t');
            if (valid != NULL && (valid[r / 64] >> (r % 64) & 1) == 0)
                fputs("NULL", stdout);
            else if (print_value(duckdb_vector_get_data(vector), id, r) != 0) {
                fprintf(stderr,
                        "duck_run: column %d has DuckDB type %d, which this program can't "
                        "print: CAST it in the query\n",
                        (int)c + 1, id);
                return 1;
            }
        }
        putchar('\n');
    }
    return 0;
}

static int run(handle connection, const char *sql, int print, uint64_t *rows) {
    struct duck_result result;
    handle chunk = NULL;
    int failed = duckdb_query(connection, sql, &result);
    if (failed) fprintf(stderr, "duck_run: %s\n", duckdb_result_error(&result));
    while (!failed && (chunk = duckdb_fetch_chunk(result)) != NULL) {
        *rows += duckdb_data_chunk_get_size(chunk);
        if (print) failed = print_chunk(chunk);
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
    return failed;
}

static int prepare(handle connection, const char *threads, char *const *setup, int n) {
    char sql[64];
    uint64_t ignored = 0;
    snprintf(sql, sizeof sql, "SET threads = %s", threads);
    int failed = run(connection, sql, 0, &ignored) ||
                 run(connection, "SET autoinstall_known_extensions = false", 0, &ignored) ||
                 run(connection, "SET TimeZone = 'UTC'", 0, &ignored);
    for (int i = 0; i < n && !failed; i++)
        failed = run(connection, setup[i], 0, &ignored);
    return failed;
}

int main(int argc, char **argv) {
    struct measure m = {.repeats = 1};
    const char *threads = "2";
    char *setup[8] = {NULL};
    int n_setup = 0;
    handle db = NULL;
    handle connection = NULL;

    for (int opt; (opt = getopt(argc, argv, "n:pt:s:")) != -1;) {
        switch (opt) {
        case 'n': m.repeats = measure_repeats(optarg); break;
        case 'p': m.print = 1; break;
        case 't': threads = optarg; break;
        case 's':
            if (n_setup < 8) setup[n_setup++] = optarg;
            break;
        default: return 2;
        }
    }
    if (optind != argc - 1) {
        fprintf(stderr, "usage: duck_run [-n REPEATS] [-p] [-t THREADS] [-s SETUP] SQL\n");
        return 2;
    }
    if (duckdb_open(NULL, &db) || duckdb_connect(db, &connection)) {
        fprintf(stderr, "duck_run: DuckDB does not open an in-memory database\n");
        return 1;
    }
    int failed = prepare(connection, threads, setup, n_setup);
    while (!failed && measure_next(&m)) {
        failed = run(connection, argv[optind], measure_printing(&m), &m.rows);
        measure_done(&m);
    }
    duckdb_disconnect(&connection);
    duckdb_close(&db);
    if (!failed) measure_report(&m);
    return failed;
}
