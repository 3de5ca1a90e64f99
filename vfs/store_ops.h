/* store_ops.h: what a kind of store implements. For the files of vfs/ only.
**
** store.c owns the rules that all kinds share (keys, read-only, NULL options, reference count) and
** hands the rest on: an implementation gets checked keys, a `put` that is never NULL, and an
** IF_MATCH that has an etag. It opens with one function named in store.c's table of schemes, puts a
** struct tarn_store first in its own, and fills it with tarn_store_setup.
**
** Common rule for pages of a listing: an object is listed when its key is greater than start_after,
** a common prefix when the prefix itself is. So `next` = the last thing listed, of either sort.
*/
#ifndef TARN_STORE_OPS_H
#define TARN_STORE_OPS_H

#include <stdatomic.h>

#include "store.h"

struct tarn_store_ops {
    int (*get)(struct tarn_store *s, const char *key, const char *etag, uint64_t offset, size_t n,
               void *out, struct tarn_err *err);
    int (*get_all)(struct tarn_store *s, const char *key, size_t max, char **out, size_t *n,
                   struct tarn_err *err);
    int (*head)(struct tarn_store *s, const char *key, struct tarn_object *out,
                struct tarn_err *err);
    int (*list)(struct tarn_store *s, const char *prefix, char delimiter, const char *start_after,
                size_t max, struct tarn_listing *out, struct tarn_err *err);
    int (*put)(struct tarn_store *s, const char *key, const void *data, size_t n,
               const struct tarn_put *put, char etag_out[TARN_ETAG_MAX], struct tarn_err *err);
    int (*put_file)(struct tarn_store *s, const char *key, const char *path,
                    const struct tarn_put *put, struct tarn_err *err);
    int (*del)(struct tarn_store *s, const char *key, struct tarn_err *err);
    int (*source)(struct tarn_store *s, const struct tarn_object *obj, struct tarn_source *out,
                  struct tarn_err *err);
    void (*free)(struct tarn_store *s); /* its own parts and the struct, after tarn_store_cleanup */
};

struct tarn_store {
    const struct tarn_store_ops *ops;
    atomic_uint refs;
    int readonly;
    char *uri;  /* owned */
    char *path; /* owned; NULL when the store is no local folder */
};

/* One reference, copies of uri and path (which may be NULL). On failure nothing is owned. */
int tarn_store_setup(struct tarn_store *s, const struct tarn_store_ops *ops, const char *uri,
                     const char *path, const struct tarn_store_options *options,
                     struct tarn_err *err);
void tarn_store_cleanup(struct tarn_store *s);

/* The memory of a listing while it is being filled. Keys are copied; `n` without a NUL.
** Adding gives NULL or -1 and an error when there is no memory. */
int tarn_listing_init(struct tarn_listing *l, struct tarn_err *err);
struct tarn_object *tarn_listing_object(struct tarn_listing *l, const char *key, size_t n,
                                        struct tarn_err *err);
int tarn_listing_prefix(struct tarn_listing *l, const char *prefix, size_t n, struct tarn_err *err);
/* Marks the page as cut and sets `next` to a copy of `key`. */
int tarn_listing_cut(struct tarn_listing *l, const char *key, struct tarn_err *err);

/* One segment of a key: 1 when it is not empty, `.` or `..`, and is UTF-8 without `/`, backslash
** and NUL. */
int tarn_key_segment_ok(const char *s, size_t n);

/* Openers, one per kind. `uri` still has its scheme. */
int tarn_store_local_open(struct tarn_store **out, const char *uri,
                          const struct tarn_store_options *options, struct tarn_err *err);

#endif
