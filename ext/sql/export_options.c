/* export_options.c: the options of an export, a JSON object.
**
** Read in two steps: what concerns the file before the query runs, what names columns once they are
** known. A misspelt key, option or column is an error that lists what there is.
*/
#include <jansson.h>
#include <string.h>

#include "export.h"
#include "mem.h"
#include "result.h"

#define KNOWN                                                                            \
    "codec, level, rowGroupSize, rowGroupBytes, pageRows, sortedBy, bloom, dictionary, " \
    "statistics, metadata, overwrite, types"

static int expected(struct tarn_err *err, const char *key, const char *what, const json_t *v) {
    char shown[TARN_SHOWN];
    char text[256]; /* longer values are shown by their beginning */
    size_t n = json_dumpb(v, text, sizeof text, JSON_ENCODE_ANY | JSON_COMPACT);

    if (n > sizeof text) n = sizeof text;
    return tarn_err_set(err, TARN_EINVAL, "tarn_export: option %s: expected %s, found %s", key,
                        what, n ? tarn_show_text(text, n, shown) : "another value");
}

static int read_codec(struct tarn_export_options *o, const json_t *v, struct tarn_err *err) {
    static const struct {
        const char *name;
        enum tarn_codec codec;
    } codecs[] = {{"zstd", TARN_ZSTD},
                  {"snappy", TARN_SNAPPY},
                  {"gzip", TARN_GZIP},
                  {"lz4_raw", TARN_LZ4_RAW},
                  {"uncompressed", TARN_UNCOMPRESSED}};

    for (size_t i = 0; json_is_string(v) && i < sizeof codecs / sizeof *codecs; i++) {
        if (sqlite3_stricmp(codecs[i].name, json_string_value(v)) == 0) {
            o->codec = codecs[i].codec;
            return TARN_OK;
        }
    }
    return expected(err, "codec", "zstd, snappy, gzip, lz4_raw or uncompressed", v);
}

static int read_integer(const char *key, const json_t *v, int64_t min, int64_t max, int64_t *out,
                        struct tarn_err *err) {
    char range[64];

    *out = json_integer_value(v);
    if (json_is_integer(v) && *out >= min && *out <= max) return TARN_OK;
    (void)sqlite3_snprintf((int)sizeof range, range, "a number from %lld to %lld", (long long)min,
                           (long long)max);
    return expected(err, key, range, v);
}

static int check_metadata(json_t *v, struct tarn_err *err) {
    const char *key = NULL;
    json_t *value = NULL;

    if (!json_is_object(v)) return expected(err, "metadata", "an object of texts", v);
    json_object_foreach(v, key, value) {
        if (!json_is_string(value)) return expected(err, "metadata", "an object of texts", value);
    }
    return TARN_OK;
}

static int read_one(struct tarn_export_options *o, const char *key, json_t *v,
                    struct tarn_err *err) {
    static const char *const later[] = {"sortedBy", "bloom", "dictionary", "statistics", "types"};
    int64_t n = 0;
    int rc = TARN_OK;

    if (strcmp(key, "codec") == 0) return read_codec(o, v, err);
    if (strcmp(key, "metadata") == 0) return check_metadata(v, err);
    if (strcmp(key, "overwrite") == 0) {
        o->overwrite = json_is_true(v);
        return json_is_boolean(v) ? TARN_OK : expected(err, key, "true or false", v);
    }
    if (strcmp(key, "level") == 0) {
        rc = read_integer(key, v, 1, 22, &n, err);
        o->level = (int)n;
        return rc;
    }
    if (strcmp(key, "rowGroupSize") == 0) {
        rc = read_integer(key, v, 1, 1 << 30, &n, err);
        o->group_rows = (uint32_t)n;
        return rc;
    }
    if (strcmp(key, "rowGroupBytes") == 0) {
        rc = read_integer(key, v, 1, INT64_C(1) << 40, &n, err);
        o->group_bytes = (uint64_t)n;
        return rc;
    }
    if (strcmp(key, "pageRows") == 0) {
        rc = read_integer(key, v, 1, 1 << 24, &n, err);
        o->page_rows = (uint32_t)n;
        return rc;
    }
    for (size_t i = 0; i < sizeof later / sizeof *later; i++) {
        if (strcmp(key, later[i]) == 0) return TARN_OK;
    }
    return tarn_err_set(err, TARN_EINVAL, "tarn_export: no option %.60s; known are " KNOWN, key);
}

int tarn_export_options_read(struct tarn_export_options *o, const char *text,
                             struct tarn_err *err) {
    json_error_t fault;
    const char *key = NULL;
    json_t *value = NULL;
    int rc = TARN_OK;

    memset(o, 0, sizeof *o);
    o->codec = TARN_ZSTD;
    o->sort_column = -1;
    if (!text) return TARN_OK;
    o->json = json_loads(text, JSON_REJECT_DUPLICATES, &fault);
    if (!json_is_object((json_t *)o->json)) {
        return tarn_err_set(err, TARN_EINVAL, "tarn_export: options are a JSON object: %s",
                            o->json ? "this is another value" : fault.text);
    }
    json_object_foreach(o->json, key, value) {
        rc = read_one(o, key, value, err);
        if (rc) return rc;
    }
    return TARN_OK;
}

void tarn_export_options_release(struct tarn_export_options *o) {
    json_decref(o->json);
    o->json = NULL;
}

/* "no column "x"; the query has a, b, c" */
static int no_column(const char *option, const char *name, const struct tarn_export_column *columns,
                     int n, struct tarn_err *err) {
    char list[160] = "";
    size_t used = 0;

    for (int i = 0; i < n && used < sizeof list - 1; i++) {
        (void)sqlite3_snprintf((int)(sizeof list - used), list + used, "%s%s", i ? ", " : "",
                               columns[i].name);
        used += strlen(list + used);
    }
    return tarn_err_set(err, TARN_EINVAL,
                        "tarn_export: option %s: no column \"%.40s\"; the query has %s", option,
                        name, list);
}

static int find(const char *name, size_t len, const struct tarn_export_column *columns, int n) {
    for (int i = 0; i < n; i++) {
        if (strlen(columns[i].name) == len && memcmp(columns[i].name, name, len) == 0) return i;
    }
    return -1;
}

/* A flag that is true, false, or a list of the columns that have it. */
static int read_flag(const json_t *v, const char *key, unsigned flag,
                     struct tarn_export_column *columns, int n, struct tarn_err *err) {
    size_t i = 0;
    json_t *name = NULL;

    if (!v) return TARN_OK;
    if (!json_is_boolean(v) && !json_is_array(v))
        return expected(err, key, "true, false or a list of columns", v);
    for (int k = 0; k < n; k++)
        columns[k].flags = json_is_true(v) ? columns[k].flags | flag : columns[k].flags & ~flag;
    json_array_foreach(v, i, name) {
        const char *s = json_string_value(name);
        int at = s ? find(s, strlen(s), columns, n) : -1;

        if (!s) return expected(err, key, "the name of a column", name);
        if (at < 0) return no_column(key, s, columns, n, err);
        columns[at].flags |= flag;
    }
    return TARN_OK;
}

static int read_types(json_t *v, struct tarn_export_column *columns, int n, struct tarn_err *err) {
    const char *key = NULL;
    json_t *value = NULL;

    if (!v) return TARN_OK;
    if (!json_is_object(v)) return expected(err, "types", "an object of columns and types", v);
    json_object_foreach(v, key, value) {
        int at = find(key, strlen(key), columns, n);

        if (at < 0) return no_column("types", key, columns, n, err);
        if (!json_is_string(value) ||
            tarn_export_type_parse(&columns[at], json_string_value(value)))
            return expected(err, "types", "one of " TARN_EXPORT_TYPES, value);
        columns[at].origin = TARN_EXPORT_NAMED;
    }
    return TARN_OK;
}

/* "column", "column asc" or "column desc". */
static int read_sort(struct tarn_export_options *o, const json_t *v,
                     struct tarn_export_column *columns, int n, struct tarn_err *err) {
    const char *s = json_string_value(v);
    size_t len = s ? strlen(s) : 0;

    if (!v) return TARN_OK;
    if (!s) return expected(err, "sortedBy", "\"column\" or \"column desc\"", v);
    o->sort_column = find(s, len, columns, n);
    if (o->sort_column < 0 && len > 5 && sqlite3_stricmp(s + len - 5, " desc") == 0) {
        o->sort_column = find(s, len - 5, columns, n);
        o->sort_descending = 1;
    } else if (o->sort_column < 0 && len > 4 && sqlite3_stricmp(s + len - 4, " asc") == 0) {
        o->sort_column = find(s, len - 4, columns, n);
    }
    if (o->sort_column < 0) return no_column("sortedBy", s, columns, n, err);
    columns[o->sort_column].sorted = 1;
    return TARN_OK;
}

int tarn_export_options_columns(struct tarn_export_options *o, struct tarn_export_column *columns,
                                int n, struct tarn_err *err) {
    json_t *json = o->json;
    int rc = read_types(json_object_get(json, "types"), columns, n, err);

    if (rc == TARN_OK) rc = read_sort(o, json_object_get(json, "sortedBy"), columns, n, err);
    if (rc == TARN_OK)
        rc = read_flag(json_object_get(json, "bloom"), "bloom", TARN_COL_BLOOM, columns, n, err);
    if (rc == TARN_OK)
        rc = read_flag(json_object_get(json, "dictionary"), "dictionary", TARN_COL_DICT, columns, n,
                       err);
    if (rc == TARN_OK)
        rc = read_flag(json_object_get(json, "statistics"), "statistics", TARN_COL_STATS, columns,
                       n, err);
    return rc;
}

void tarn_export_options_metadata(const struct tarn_export_options *o, struct tarn_pq_writer *w) {
    const char *key = NULL;
    json_t *value = NULL;

    json_object_foreach(json_object_get(o->json, "metadata"), key, value) {
        tarn_pq_writer_meta(w, key, json_string_value(value));
    }
}
