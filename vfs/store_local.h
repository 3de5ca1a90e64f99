/* store_local.h: what the files of the local store share. Private to vfs/store_local*.c. */
#ifndef TARN_STORE_LOCAL_H
#define TARN_STORE_LOCAL_H

#include <stdatomic.h>
#include <sys/stat.h>

#include "store_ops.h"

#define TARN_LOCAL_TMP "_tarn/tmp/" /* the folder of unfinished objects */

struct tarn_local {
    struct tarn_store base; /* first: a tarn_store * is a tarn_local * */
    int fd;                 /* the folder of the lake */
    atomic_int making;      /* puts that made folders and have not synced them yet */
    atomic_llong swept;     /* when old temporary files were last removed, s */
};

/* etag of what `st` describes, from inode, size and mtime in ns. */
void tarn_local_etag(uint64_t inode, uint64_t size, int64_t mtime_ns, char out[TARN_ETAG_MAX]);
int64_t tarn_local_mtime_ns(const struct stat *st);

/* 1 when the key is, or lies in, the folder of unfinished objects. */
int tarn_local_is_tmp(const char *key);

/* Locks the lake's folder against IF_MATCH puts and removal of folders (LOCK_SH), or against every
** change (LOCK_EX), across processes: a descriptor to close. Where the file system has no locks it
** gives one all the same, unless `must`. */
int tarn_local_lock(struct tarn_local *l, int operation, int must, int *fd, struct tarn_err *err);

/* Syncs the folder that holds `key` and the ones above it down to a length of `upto` (0 = the
** lake's own folder). Of folders that are gone by now, the next one above counts. */
int tarn_local_sync_above(struct tarn_local *l, const char *key, size_t upto, struct tarn_err *err);

/* Removes temporary files that nobody has touched for an hour; at most once an hour. */
void tarn_local_sweep(struct tarn_local *l);

/* As tarn_store_list, only keys below `until`, unless that is NULL. */
int tarn_local_list_until(struct tarn_local *l, const char *prefix, char delimiter,
                          const char *start_after, const char *until, size_t max,
                          struct tarn_listing *out, struct tarn_err *err);

/* The operations that live in files of their own (store_local_put.c, store_local_halves.c). */
int tarn_local_put(struct tarn_store *s, const char *key, const void *data, size_t n,
                   const struct tarn_put *put, char etag_out[TARN_ETAG_MAX], struct tarn_err *err);
int tarn_local_put_file(struct tarn_store *s, const char *key, const char *path,
                        const struct tarn_put *put, struct tarn_err *err);
int tarn_local_list(struct tarn_store *s, const char *prefix, char delimiter,
                    const char *start_after, size_t max, struct tarn_listing *out,
                    struct tarn_err *err);

#endif
