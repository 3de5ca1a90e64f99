/* paths.c: resolves a path or pattern through the local store.
**
** Messages name files as the user did: the store only knows what is below the folder that it was
** opened for, so its sources are wrapped. Of a very long path the end is shown, to leave room for
** what is wrong.
*/
#include "paths.h"

#include <string.h>
#include <sys/stat.h>

#include "buf.h"
#include "keys.h"
#include "mem.h"

#define SHOWN 140 /* bytes of a path in a message */

struct named {
    struct tarn_source real;
    char shown[SHOWN + 1];
};

static void show(const char *path, char out[SHOWN + 1]) {
    size_t n = strlen(path), from = 0;

    if (n > SHOWN) {
        from = n - (SHOWN - 3);
        while (((unsigned char)path[from] & 0xC0) == 0x80)
            from++;
        memcpy(out, "...", 3);
    }
    memcpy(out + (from ? 3 : 0), path + from, n - from + 1);
}

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

static int is_folder(const char *pattern, struct tarn_err *err) {
    size_t n = strlen(pattern);

    if (n > SHOWN / 2)
        return tarn_err_set(err, TARN_ENOTFOUND,
                            "this is a folder; expected a file, or a pattern: its name and /*");
    while (n > 0 && pattern[n - 1] == '/')
        n--;
    return tarn_err_set(err, TARN_ENOTFOUND,
                        "this is a folder; expected a file, or a pattern like '%.*s/*'", (int)n,
                        pattern);
}

/* A name that is no file: what to do about it. */
static int no_file(const struct tarn_paths *p, const char *name, const char *pattern,
                   struct tarn_err *err) {
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
    return is_folder(pattern, err);
}

static int take_exact(struct tarn_paths *p, const char *name, const char *pattern,
                      struct tarn_err *err) {
    struct tarn_err why = {0};
    int rc = TARN_OK;

    p->objects = tarn_calloc(1, sizeof *p->objects);
    p->key = tarn_strdup(name);
    if (!p->objects || !p->key) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    rc = tarn_store_head(p->store, p->key, p->objects, &why);
    if (rc == TARN_OK) p->n = 1;
    if (rc == TARN_ENOTFOUND) return no_file(p, name, pattern, err);
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
    char shown[SHOWN + 1];
    int rc = TARN_OK;

    memset(p, 0, sizeof *p);
    rc = open_folder(p, pattern, folder, &why);
    if (rc == TARN_OK && literal == len) {
        rc = folder == len ? is_folder(pattern, &why)
                           : take_exact(p, pattern + folder, pattern, &why);
    } else if (rc == TARN_OK) {
        rc = take_matching(p, pattern + folder, &why);
        if (rc == TARN_OK && p->n == 0) {
            rc = tarn_err_set(&why, TARN_ENOTFOUND, "no file matches");
        }
    }
    if (rc) {
        tarn_paths_release(p);
        show(pattern, shown);
        return tarn_err_set(err, rc, "%s: %s: %s", what, shown, why.msg);
    }
    return TARN_OK;
}

char *tarn_paths_name(const struct tarn_paths *p, size_t i) {
    size_t n = strlen(p->folder), k = strlen(p->objects[i].key) + 1;
    char *name = tarn_malloc(n + k);

    if (!name) return NULL;
    memcpy(name, p->folder, n);
    memcpy(name + n, p->objects[i].key, k);
    return name;
}

static int name_fault(const char *shown, const struct tarn_err *why, struct tarn_err *err) {
    if (strstr(why->msg, shown)) return tarn_err_set(err, why->code, "%s", why->msg);
    return tarn_err_set(err, why->code, "%s: %s", shown, why->msg);
}

static int named_read(void *ctx, uint64_t offset, void *out, size_t n, struct tarn_err *err) {
    struct named *s = ctx;
    struct tarn_err why;

    tarn_err_clear(&why);
    if (s->real.read(s->real.ctx, offset, out, n, &why)) return name_fault(s->shown, &why, err);
    return TARN_OK;
}

static void named_close(void *ctx) {
    struct named *s = ctx;

    tarn_source_close(&s->real);
    tarn_free(s);
}

int tarn_paths_source(const struct tarn_paths *p, size_t i, struct tarn_source *out,
                      struct tarn_err *err) {
    struct named *s = tarn_calloc(1, sizeof *s);
    char *name = tarn_paths_name(p, i);
    struct tarn_err why = {0};
    int rc = TARN_OK;

    memset(out, 0, sizeof *out);
    if (!s || !name) {
        rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
    } else {
        show(name, s->shown);
        if (tarn_store_source(p->store, &p->objects[i], &s->real, &why))
            rc = name_fault(s->shown, &why, err);
    }
    tarn_free(name);
    if (rc) {
        tarn_free(s);
        return rc;
    }
    out->ctx = s;
    out->size = s->real.size;
    out->name = s->shown;
    out->read = named_read;
    out->close = named_close;
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
