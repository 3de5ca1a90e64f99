/* parquet_files.c: files and footers behind a table `parquet`; values in the names of folders. */
#include <string.h>

#include "footer_cache.h"
#include "parquet_table.h"
#include "text.h"

#define HIVE_NULL "__HIVE_DEFAULT_PARTITION__"

int tarn_pqt_open_file(const struct tarn_paths *paths, size_t i, struct tarn_pq_keys *keys,
                       struct tarn_source *source, struct tarn_pq_footer **footer,
                       struct tarn_err *err) {
    const struct tarn_object *obj = &paths->objects[i];
    const char *store = tarn_store_uri(paths->store);
    struct tarn_source own = {0};
    int rc = TARN_OK;

    *footer = keys ? NULL : tarn_footer_cache_get(store, obj);
    if (source || !*footer) rc = tarn_paths_source(paths, i, &own, err);
    if (rc == TARN_OK && !*footer) {
        rc = tarn_pq_footer_read_keys(footer, &own, keys, err);
        if (rc == TARN_OK && !keys) tarn_footer_cache_put(store, obj, *footer);
    }
    if (rc == TARN_OK && source) {
        *source = own;
        return TARN_OK;
    }
    tarn_source_close(&own);
    if (rc == TARN_OK) return TARN_OK;
    tarn_pq_footer_free(*footer);
    *footer = NULL;
    return rc;
}

char *tarn_pqt_filename(const struct tarn_paths *paths, size_t i) {
    return sqlite3_mprintf("%s%s", paths->folder, paths->objects[i].key);
}

/* The text behind `name=` in a path, up to the next slash; 0 when there is none. */
static int find_folder(const char *path, const char *name, struct tarn_slice *out) {
    size_t n = strlen(name);
    const char *end = NULL;

    for (; (end = strchr(path, '/')) != NULL; path = end + 1) {
        if (strncmp(path, name, n) != 0 || path[n] != '=') continue;
        out->data = (const uint8_t *)path + n + 1;
        out->len = (size_t)(end - path) - n - 1;
        return 1;
    }
    return 0;
}

int tarn_pqt_folder_value(const struct tarn_paths *paths, size_t i, const char *name,
                          struct tarn_buf *out, int *found, struct tarn_err *err) {
    struct tarn_slice raw = {NULL, 0};

    tarn_buf_clear(out);
    *found =
        find_folder(paths->objects[i].key, name, &raw) || find_folder(paths->folder, name, &raw);
    if (!*found) return TARN_OK;
    if (raw.len == strlen(HIVE_NULL) && memcmp(raw.data, HIVE_NULL, raw.len) == 0) {
        *found = 0;
        return TARN_OK;
    }
    if (tarn_percent_decode(out, (const char *)raw.data, raw.len) != 0 ||
        tarn_utf8_invalid(out->data, out->len) != out->len) {
        tarn_buf_clear(out);
        tarn_buf_put(out, raw.data, raw.len);
    }
    return out->rc ? tarn_err_set(err, out->rc, "parquet: no memory for a folder's value")
                   : TARN_OK;
}
