/* store.h: an object store: keys to bytes. The local folder now; S3 and R2 behind the same face.
**
** Keys are relative, `/`-separated, UTF-8, 1 to 1,024 bytes, no empty, `.` or `..` segment, no
** NUL or backslash: anything else is TARN_EINVAL before the store is touched. Keys list in byte
** order. Every put is atomic (a reader sees the old object, the new one, or none) and durable when
** it returns. All calls are thread-safe.
**
** Local store: put = temporary file in `_tarn/tmp/` + fsync + link(2) for IF_ABSENT (rename would
** overwrite) or rename for replace + fsync of each directory that changed; etag from inode, size
** and mtime in ns. Local stores have no user metadata: `meta` is accepted and dropped (Parquet
** keeps it in its footer). Temporary files are never listed, and swept when older than an hour.
*/
#ifndef TARN_STORE_H
#define TARN_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "source.h"

struct tarn_store;

#define TARN_ETAG_MAX 72
#define TARN_KEY_MAX 1024

struct tarn_object {
    const char *key; /* owned by the listing; by the caller's call for head */
    uint64_t size;
    int64_t mtime; /* ms */
    char etag[TARN_ETAG_MAX];
};

/* One page of a listing, in byte order of the keys. With a delimiter, `prefixes` holds the common
** prefixes (ending in the delimiter), also in order. Release with tarn_listing_release. */
struct tarn_listing {
    struct tarn_object *objects;
    size_t n_objects;
    char **prefixes;
    size_t n_prefixes;
    int truncated;    /* more follow: call again with start_after = next */
    const char *next; /* owned by the listing */
    void *impl;       /* memory of all of the above */
};

enum tarn_put_if { TARN_PUT_ANY, TARN_PUT_IF_ABSENT, TARN_PUT_IF_MATCH };

struct tarn_meta {
    const char *name;
    const char *value;
};

struct tarn_put {
    enum tarn_put_if cond;
    const char *etag; /* for IF_MATCH */
    const struct tarn_meta *meta;
    size_t n_meta;
};

struct tarn_store_options {
    int create;   /* make the folder if it is missing (its parent must exist) */
    int readonly; /* every put and delete is TARN_EACCES */
};

/* Opens `/path`, `file:///path` or `./relative` (made absolute). `options` may be NULL.
** A folder that is missing and not to be made: TARN_ENOTFOUND, naming it. */
int tarn_store_open(struct tarn_store **out, const char *uri,
                    const struct tarn_store_options *options, struct tarn_err *err);
struct tarn_store *tarn_store_ref(struct tarn_store *s);
void tarn_store_free(struct tarn_store *s);              /* drops one reference; NULL is fine */
const char *tarn_store_uri(const struct tarn_store *s);  /* canonical; borrowed */
const char *tarn_store_path(const struct tarn_store *s); /* local folder, or NULL; borrowed */

/* 0 when `key` keeps the rules above, else TARN_EINVAL with the reason. */
int tarn_key_check(const char *key, struct tarn_err *err);

/* Reads [offset, offset + n) of the object into out. etag NULL or "" = whatever is there; else
** TARN_ENOTFOUND when the object is another one now. Short objects: TARN_ECORRUPT. */
int tarn_store_get(struct tarn_store *s, const char *key, const char *etag, uint64_t offset,
                   size_t n, void *out, struct tarn_err *err);
/* The whole object, at most `max` bytes, into an owned buffer (tarn_free), NUL-terminated. */
int tarn_store_get_all(struct tarn_store *s, const char *key, size_t max, char **out, size_t *n,
                       struct tarn_err *err);
/* TARN_ENOTFOUND when absent. out->key is the caller's `key`. */
int tarn_store_head(struct tarn_store *s, const char *key, struct tarn_object *out,
                    struct tarn_err *err);
/* A delimiter: one level as with '/', but a folder may be listed that no object is in. */
#define TARN_LIST_FOLDERS '\1'

/* Objects whose key begins with `prefix` (which may end inside a segment), after `start_after`
** (NULL = from the start); delimiter 0 = recursive, '/' = one level. max 0 = no page limit.
** A prefix that matches nothing gives an empty listing. A folder whose name ends in `.parquet` is
** a folder. Names that break the key rules are skipped. */
int tarn_store_list(struct tarn_store *s, const char *prefix, char delimiter,
                    const char *start_after, size_t max, struct tarn_listing *out,
                    struct tarn_err *err);
void tarn_listing_release(struct tarn_listing *l);

/* TARN_EEXIST when the condition fails. `put` may be NULL (= ANY). etag_out may be NULL. */
int tarn_store_put(struct tarn_store *s, const char *key, const void *data, size_t n,
                   const struct tarn_put *put, char etag_out[TARN_ETAG_MAX], struct tarn_err *err);
/* As put, from a finished local file. On the same file system the local store links it instead of
** copying (the file must not be written again); the file itself stays. */
int tarn_store_put_file(struct tarn_store *s, const char *key, const char *path,
                        const struct tarn_put *put, struct tarn_err *err);
/* Absent is fine. Empty folders that remain are removed up to the root. */
int tarn_store_delete(struct tarn_store *s, const char *key, struct tarn_err *err);

/* Opens an object for random reads, pinned to obj->etag. Close with tarn_source_close. Keeps a
** reference to the store. Local: one open file descriptor, pread. */
int tarn_store_source(struct tarn_store *s, const struct tarn_object *obj, struct tarn_source *out,
                      struct tarn_err *err);

#endif
