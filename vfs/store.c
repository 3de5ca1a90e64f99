/* store.c: what all stores share: schemes, the rules for keys, reference counts, listings.
**
**   tarn_store_* -> key rules, read-only -> struct tarn_store_ops -> store_local*.c | other stores
**
** Invariants: no implementation sees a key that breaks the rules of store.h; a listing's keys live
** in its own arena, so the arrays may move while it grows.
** Leaves to others: everything that touches a disk or a network.
*/
#include "store_ops.h"

#include <string.h>

#include "arena.h"
#include "mem.h"
#include "text.h"

struct scheme {
    const char *prefix;
    int (*open)(struct tarn_store **out, const char *uri, const struct tarn_store_options *options,
                struct tarn_err *err);
};

static const struct scheme schemes[] = {
    {"file:", tarn_store_local_open},
    {"/", tarn_store_local_open},
    {"./", tarn_store_local_open},
    {"../", tarn_store_local_open},
};

int tarn_store_open(struct tarn_store **out, const char *uri,
                    const struct tarn_store_options *options, struct tarn_err *err) {
    static const struct tarn_store_options defaults = {0, 0};

    *out = NULL;
    if (options == NULL) options = &defaults;
    if (strcmp(uri, ".") == 0 || strcmp(uri, "..") == 0)
        return tarn_store_local_open(out, uri, options, err);
    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (strncmp(uri, schemes[i].prefix, strlen(schemes[i].prefix)) == 0)
            return schemes[i].open(out, uri, options, err);
    }
    if (strstr(uri, "://") != NULL)
        return tarn_err_set(err, TARN_EUNSUPPORTED,
                            "this build has no store for %.120s: a local folder is /path, "
                            "./path or file:///path",
                            uri);
    return tarn_err_set(err, TARN_EINVAL,
                        "expected a lake as /path, ./path or file:///path, found '%.120s'", uri);
}

int tarn_store_setup(struct tarn_store *s, const struct tarn_store_ops *ops, const char *uri,
                     const char *path, const struct tarn_store_options *options,
                     struct tarn_err *err) {
    s->ops = ops;
    atomic_init(&s->refs, 1);
    s->readonly = options != NULL && options->readonly;
    s->uri = tarn_strdup(uri);
    s->path = path != NULL && s->uri != NULL ? tarn_strdup(path) : NULL;
    if (s->uri != NULL && (path == NULL || s->path != NULL)) return TARN_OK;
    tarn_store_cleanup(s);
    return tarn_err_set(err, TARN_ENOMEM, "out of memory while opening %s", uri);
}

void tarn_store_cleanup(struct tarn_store *s) {
    tarn_free(s->uri);
    tarn_free(s->path);
    s->uri = NULL;
    s->path = NULL;
}

struct tarn_store *tarn_store_ref(struct tarn_store *s) {
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void tarn_store_free(struct tarn_store *s) {
    if (s != NULL && atomic_fetch_sub(&s->refs, 1) == 1) s->ops->free(s);
}

const char *tarn_store_uri(const struct tarn_store *s) {
    return s->uri;
}

const char *tarn_store_path(const struct tarn_store *s) {
    return s->path;
}

int tarn_key_segment_ok(const char *s, size_t n) {
    if (n == 0 || (n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.')) return 0;
    return memchr(s, '/', n) == NULL && memchr(s, '\\', n) == NULL && memchr(s, '\0', n) == NULL &&
           tarn_utf8_invalid((const uint8_t *)s, n) == n;
}

/* Why the key is refused; NULL when it is not. */
static const char *key_fault(const char *key) {
    size_t n = 0;

    if (key == NULL || key[0] == '\0') return "it is empty";
    n = strlen(key);
    if (n > TARN_KEY_MAX) return "it is longer than 1024 bytes";
    if (strchr(key, '\\') != NULL) return "it holds a backslash";
    if (tarn_utf8_invalid((const uint8_t *)key, n) != n) return "it is not UTF-8";
    if (key[0] == '/') return "it begins with '/': keys are relative to the lake";
    for (const char *at = key, *slash = NULL; at != NULL; at = slash != NULL ? slash + 1 : NULL) {
        slash = strchr(at, '/');
        if (!tarn_key_segment_ok(at, slash != NULL ? (size_t)(slash - at) : strlen(at)))
            return "it has an empty, '.' or '..' segment";
    }
    return NULL;
}

int tarn_key_check(const char *key, struct tarn_err *err) {
    const char *fault = key_fault(key);

    if (fault == NULL) return TARN_OK;
    return tarn_err_set(err, TARN_EINVAL, "cannot use the key '%.160s': %s", key != NULL ? key : "",
                        fault);
}

static int check_write(const struct tarn_store *s, const char *verb, const char *key,
                       struct tarn_err *err) {
    if (tarn_key_check(key, err) != TARN_OK) return TARN_EINVAL;
    if (s->readonly)
        return tarn_err_set(err, TARN_EACCES, "cannot %s %.120s: the lake %.80s is open read-only",
                            verb, key, s->uri);
    return TARN_OK;
}

static int check_put(const struct tarn_store *s, const char *key, const struct tarn_put **put,
                     struct tarn_err *err) {
    static const struct tarn_put any = {TARN_PUT_ANY, NULL, NULL, 0};
    int rc = check_write(s, "put", key, err);

    if (rc != TARN_OK) return rc;
    if (*put == NULL) *put = &any;
    if ((*put)->cond == TARN_PUT_IF_MATCH && ((*put)->etag == NULL || (*put)->etag[0] == '\0'))
        return tarn_err_set(err, TARN_EINVAL, "cannot put %.160s if it matches: no etag was given",
                            key);
    return TARN_OK;
}

int tarn_store_get(struct tarn_store *s, const char *key, const char *etag, uint64_t offset,
                   size_t n, void *out, struct tarn_err *err) {
    int rc = tarn_key_check(key, err);

    return rc != TARN_OK ? rc : s->ops->get(s, key, etag, offset, n, out, err);
}

int tarn_store_get_all(struct tarn_store *s, const char *key, size_t max, char **out, size_t *n,
                       struct tarn_err *err) {
    int rc = tarn_key_check(key, err);

    *out = NULL;
    *n = 0;
    return rc != TARN_OK ? rc : s->ops->get_all(s, key, max, out, n, err);
}

int tarn_store_head(struct tarn_store *s, const char *key, struct tarn_object *out,
                    struct tarn_err *err) {
    int rc = tarn_key_check(key, err);

    memset(out, 0, sizeof *out);
    out->key = key;
    return rc != TARN_OK ? rc : s->ops->head(s, key, out, err);
}

int tarn_store_list(struct tarn_store *s, const char *prefix, char delimiter,
                    const char *start_after, size_t max, struct tarn_listing *out,
                    struct tarn_err *err) {
    int rc = TARN_OK;

    memset(out, 0, sizeof *out);
    if (delimiter == TARN_LIST_FOLDERS && s->path == NULL) delimiter = '/';
    if (delimiter != 0 && delimiter != '/' && delimiter != TARN_LIST_FOLDERS)
        return tarn_err_set(err, TARN_EINVAL,
                            "expected '/' or none as a listing's delimiter, found '%c'", delimiter);
    rc = tarn_listing_init(out, err);
    if (rc == TARN_OK)
        rc = s->ops->list(s, prefix != NULL ? prefix : "", delimiter,
                          start_after != NULL ? start_after : "", max, out, err);
    if (rc != TARN_OK) tarn_listing_release(out);
    return rc;
}

int tarn_store_put(struct tarn_store *s, const char *key, const void *data, size_t n,
                   const struct tarn_put *put, char etag_out[TARN_ETAG_MAX], struct tarn_err *err) {
    int rc = check_put(s, key, &put, err);

    if (etag_out != NULL) etag_out[0] = '\0';
    return rc != TARN_OK ? rc : s->ops->put(s, key, data, n, put, etag_out, err);
}

int tarn_store_put_file(struct tarn_store *s, const char *key, const char *path,
                        const struct tarn_put *put, struct tarn_err *err) {
    int rc = check_put(s, key, &put, err);

    return rc != TARN_OK ? rc : s->ops->put_file(s, key, path, put, err);
}

int tarn_store_delete(struct tarn_store *s, const char *key, struct tarn_err *err) {
    int rc = check_write(s, "delete", key, err);

    return rc != TARN_OK ? rc : s->ops->del(s, key, err);
}

int tarn_store_source(struct tarn_store *s, const struct tarn_object *obj, struct tarn_source *out,
                      struct tarn_err *err) {
    int rc = tarn_key_check(obj->key, err);

    memset(out, 0, sizeof *out);
    return rc != TARN_OK ? rc : s->ops->source(s, obj, out, err);
}

/* Behind tarn_listing.impl. */
struct listing_memory {
    struct tarn_arena keys;
    size_t object_cap;
    size_t prefix_cap;
};

int tarn_listing_init(struct tarn_listing *l, struct tarn_err *err) {
    struct listing_memory *m = tarn_malloc(sizeof *m);

    memset(l, 0, sizeof *l);
    if (m == NULL) return tarn_err_set(err, TARN_ENOMEM, "out of memory for a listing");
    tarn_arena_init(&m->keys, NULL);
    m->object_cap = 0;
    m->prefix_cap = 0;
    l->impl = m;
    return TARN_OK;
}

void tarn_listing_release(struct tarn_listing *l) {
    struct listing_memory *m = l->impl;

    if (m != NULL) tarn_arena_release(&m->keys);
    tarn_free(m);
    tarn_free(l->objects);
    tarn_free(l->prefixes);
    memset(l, 0, sizeof *l);
}

/* Room for one more in an array of `n` things; NULL when there is no memory. */
static void *grown(void *array, size_t n, size_t *cap, size_t size) {
    size_t wanted = *cap > 0 ? *cap * 2 : 64;

    if (n < *cap) return array;
    array = tarn_reallocarray(array, wanted, size);
    if (array != NULL) *cap = wanted;
    return array;
}

static char *copy_key(struct tarn_listing *l, const char *key, size_t n) {
    struct listing_memory *m = l->impl;

    return tarn_arena_strndup(&m->keys, key, n);
}

struct tarn_object *tarn_listing_object(struct tarn_listing *l, const char *key, size_t n,
                                        struct tarn_err *err) {
    struct listing_memory *m = l->impl;
    char *copy = copy_key(l, key, n);
    struct tarn_object *objects = grown(l->objects, l->n_objects, &m->object_cap, sizeof *objects);

    if (objects != NULL) l->objects = objects;
    if (objects == NULL || copy == NULL) {
        (void)tarn_err_set(err, TARN_ENOMEM, "out of memory for a listing of %zu objects",
                           l->n_objects + 1);
        return NULL;
    }
    objects += l->n_objects++;
    memset(objects, 0, sizeof *objects);
    objects->key = copy;
    return objects;
}

int tarn_listing_prefix(struct tarn_listing *l, const char *prefix, size_t n,
                        struct tarn_err *err) {
    struct listing_memory *m = l->impl;
    char *copy = copy_key(l, prefix, n);
    char **prefixes = grown(l->prefixes, l->n_prefixes, &m->prefix_cap, sizeof *prefixes);

    if (prefixes != NULL) l->prefixes = prefixes;
    if (prefixes == NULL || copy == NULL)
        return tarn_err_set(err, TARN_ENOMEM, "out of memory for a listing of %zu folders",
                            l->n_prefixes + 1);
    prefixes[l->n_prefixes++] = copy;
    return TARN_OK;
}

int tarn_listing_cut(struct tarn_listing *l, const char *key, struct tarn_err *err) {
    l->next = copy_key(l, key, strlen(key));
    if (l->next == NULL) return tarn_err_set(err, TARN_ENOMEM, "out of memory for a listing");
    l->truncated = 1;
    return TARN_OK;
}
