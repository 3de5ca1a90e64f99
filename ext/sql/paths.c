/* paths.c: resolves a path or pattern through the local store. */
#include "paths.h"

#include <string.h>
#include <sys/stat.h>

#include "buf.h"
#include "keys.h"
#include "mem.h"

/* Length of the folder part of s[0..n): up to and with the last slash. */
static size_t folder_length(const char *s, size_t n) {
    while (n > 0 && s[n - 1] != '/')
        n--;
    return n;
}

/* A store's URI begins with `/`, `./` or `file://`; users leave `./` out. */
static int open_folder(struct tarn_paths *p, const char *pattern, size_t n, struct tarn_err *err) {
    const struct tarn_store_options options = {.create = 0, .readonly = 1};
    struct tarn_buf uri = TARN_BUF_INIT(8192);
    int rc = TARN_OK;

    p->folder = tarn_strndup(pattern, n);
    if (!p->folder) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    if (*pattern != '/' && strncmp(p->folder, "file://", 7) != 0) tarn_buf_puts(&uri, "./");
    tarn_buf_put(&uri, pattern, n);
    tarn_buf_u8(&uri, 0);
    rc = uri.rc ? tarn_err_set(err, uri.rc, "the path is too long")
                : tarn_store_open(&p->store, (const char *)uri.data, &options, err);
    tarn_buf_release(&uri);
    return rc;
}

/* A name that is no file: what to do about it. */
static int no_file(const struct tarn_paths *p, const char *name, struct tarn_err *err) {
    const char *root = tarn_store_path(p->store);
    struct tarn_buf path = TARN_BUF_INIT(8192);
    struct stat st;
    int folder = 0;

    tarn_buf_printf(&path, "%s/%s", root ? root : "", name);
    tarn_buf_u8(&path, 0);
    if (root && path.rc == TARN_OK && stat((char *)path.data, &st) == 0)
        folder = S_ISDIR(st.st_mode);
    tarn_buf_release(&path);
    if (!folder) return tarn_err_set(err, TARN_ENOTFOUND, "no such file");
    return tarn_err_set(err, TARN_ENOTFOUND,
                        "this is a folder; expected a file, or a pattern like '%.60s/*'", name);
}

static int take_exact(struct tarn_paths *p, const char *name, struct tarn_err *err) {
    struct tarn_err why = {0};
    int rc = TARN_OK;

    p->objects = tarn_calloc(1, sizeof *p->objects);
    p->key = tarn_strdup(name);
    if (!p->objects || !p->key) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    rc = tarn_store_head(p->store, p->key, p->objects, &why);
    if (rc == TARN_OK) p->n = 1;
    if (rc == TARN_ENOTFOUND) return no_file(p, name, err);
    return rc ? tarn_err_set(err, rc, "%s", why.msg) : TARN_OK;
}

/* Keeps the listing's objects that match. */
static int take_matching(struct tarn_paths *p, const char *pattern, struct tarn_err *err) {
    int deep = strchr(pattern, '/') || strstr(pattern, "**");
    char *prefix = tarn_strndup(pattern, tarn_glob_literal(pattern));
    int rc = TARN_OK;
    size_t i;

    if (!prefix) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    rc = tarn_store_list(p->store, prefix, deep ? 0 : '/', NULL, 0, &p->listing, err);
    tarn_free(prefix);
    if (rc) return rc;
    p->objects = tarn_calloc(p->listing.n_objects + 1, sizeof *p->objects);
    if (!p->objects) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    for (i = 0; i < p->listing.n_objects; i++) {
        if (tarn_glob_match(pattern, p->listing.objects[i].key)) {
            p->objects[p->n++] = p->listing.objects[i];
        }
    }
    return TARN_OK;
}

int tarn_paths_open(struct tarn_paths *p, const char *pattern, const char *what,
                    struct tarn_err *err) {
    size_t len = strlen(pattern);
    size_t literal = tarn_glob_literal(pattern);
    size_t folder = folder_length(pattern, literal);
    struct tarn_err why = {0};
    int rc = TARN_OK;

    memset(p, 0, sizeof *p);
    rc = open_folder(p, pattern, folder, &why);
    if (rc == TARN_OK && literal == len) {
        rc = folder == len ? tarn_err_set(&why, TARN_EINVAL, "a folder is no file")
                           : take_exact(p, pattern + folder, &why);
    } else if (rc == TARN_OK) {
        rc = take_matching(p, pattern + folder, &why);
        if (rc == TARN_OK && p->n == 0) {
            rc = tarn_err_set(&why, TARN_ENOTFOUND, "no file matches");
        }
    }
    if (rc) {
        tarn_paths_release(p);
        return tarn_err_set(err, rc, "%s: %.100s: %s", what, pattern, why.msg);
    }
    return TARN_OK;
}

void tarn_paths_release(struct tarn_paths *p) {
    tarn_listing_release(&p->listing);
    tarn_free(p->key);
    tarn_free(p->objects);
    tarn_free(p->folder);
    tarn_store_free(p->store);
    memset(p, 0, sizeof *p);
}
