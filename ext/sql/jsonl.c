/* jsonl.c: jsonl(path): the lines of text files, each with what is wrong with it as JSON.
**
** `line` is always the text, so lines that are no JSON can be loaded too:
**   INSERT INTO events(type, ts, payload)
**     SELECT line ->> 'type', line ->> 'ts', line FROM jsonl('old.jsonl') WHERE error IS NULL
** Reading and unpacking is lines.c; it skips blank lines, which still count in lineno.
*/
#include <stdio.h>
#include <string.h>

#include "family.h"
#include "mem.h"
#include "paths.h"
#include "result.h"
#include "scan.h"
#include "text.h"

struct jsonl_rows {
    struct tarn_paths paths;
    size_t file; /* the next to open */
    struct tarn_source source;
    struct tarn_lines *lines;
    struct tarn_slice line;
    uint64_t number;
};

static void close_file(struct jsonl_rows *h) {
    tarn_lines_free(h->lines);
    h->lines = NULL;
    tarn_source_close(&h->source);
}

static void jsonl_close(void *handle) {
    struct jsonl_rows *h = handle;

    close_file(h);
    tarn_paths_release(&h->paths);
    tarn_free(h);
}

static int jsonl_open(void **handle, struct tarn_conn *conn, sqlite3_value **args,
                      struct tarn_err *err) {
    struct jsonl_rows *h = NULL;
    const char *path = NULL;

    (void)conn;
    if (tarn_value_text(args[0], "jsonl: path", &path, err)) return err->code;
    if (!path || !*path) return tarn_err_set(err, TARN_EINVAL, "jsonl(path) needs a path");
    h = tarn_calloc(1, sizeof *h);
    if (!h) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    if (tarn_paths_open(&h->paths, path, "jsonl", err)) {
        jsonl_close(h);
        return err->code;
    }
    *handle = h;
    return TARN_OK;
}

static int jsonl_next(void *handle, int *more, struct tarn_err *err) {
    struct jsonl_rows *h = handle;
    int rc = TARN_OK;

    *more = 0;
    while (rc == TARN_OK && !*more) {
        if (!h->lines) {
            if (h->file == h->paths.n) return TARN_OK;
            rc = tarn_paths_source(&h->paths, h->file++, &h->source, err);
            if (rc == TARN_OK) rc = tarn_lines_open(&h->lines, &h->source, err);
            if (rc) return rc;
        }
        rc = tarn_lines_next(h->lines, &h->line, &h->number, more, err);
        if (rc == TARN_OK && !*more) close_file(h);
    }
    return rc;
}

static void result_fault(sqlite3_context *ctx, struct tarn_slice line) {
    char message[80];
    size_t at = 0;

    if (tarn_json_check(line.data, line.len, &at) == 0) return;
    (void)snprintf(
        message, sizeof message,
        at >= line.len ? "not JSON: the text ends at offset %zu" : "not JSON at offset %zu", at);
    sqlite3_result_text(ctx, message, -1, SQLITE_TRANSIENT);
}

static int jsonl_column(void *handle, int column, sqlite3_context *ctx, struct tarn_err *err) {
    struct jsonl_rows *h = handle;
    char *name = NULL;

    (void)err;
    switch (column) {
    case 0:
        sqlite3_result_text64(ctx, (const char *)h->line.data, h->line.len, SQLITE_TRANSIENT,
                              SQLITE_UTF8);
        break;
    case 1: sqlite3_result_int64(ctx, (sqlite3_int64)h->number); break;
    case 2: result_fault(ctx, h->line); break;
    default:
        name = sqlite3_mprintf("%s%s", h->paths.folder, h->paths.objects[h->file - 1].key);
        sqlite3_result_text(ctx, name, -1, sqlite3_free);
        break;
    }
    return TARN_OK;
}

static const struct tarn_rows jsonl_rows = {
    .name = "jsonl",
    .columns = "line TEXT, lineno INTEGER, error TEXT, filename TEXT",
    .arguments = "path",
    .n_columns = 4,
    .n_arguments = 1,
    .required = 1,
    .flags = TARN_ROWS_DIRECTONLY,
    .open = jsonl_open,
    .next = jsonl_next,
    .column = jsonl_column,
    .close = jsonl_close,
};

static const struct tarn_table tables[] = {
    {.help =
         {"jsonl", "table function", "(path)", "one row per line: line, lineno, error, filename",
          "The lines of text files (gzip too); path may be a pattern. error says what keeps the "
          "line from being JSON, NULL if nothing does.",
          "SELECT name, arguments FROM tarn_help WHERE name = 'jsonl'"},
     .rows = &jsonl_rows},
};

const struct tarn_family tarn_family_jsonl = {NULL, 0, tables, TARN_COUNT(tables)};
