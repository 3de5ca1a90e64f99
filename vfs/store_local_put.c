/* store_local_put.c: atomic, durable writes into a lake's folder.
**
**   _tarn/tmp/{ulid}  <- bytes (or a link to a finished file), fsync
**        |  IF_ABSENT: link(2), or renameat2(RENAME_NOREPLACE) where there are no links
**        |  otherwise: rename
**        v
**   events/...        <- folders made on the way; then fsync of each folder that changed
**
** Invariants: a key's file appears with all its bytes or not at all. IF_MATCH compares and renames
** under the exclusive lock, every other change takes the shared one, so nothing comes between.
** A put that finds a folder made by another thread, which may not have synced it yet, syncs all
** folders above its object itself. Puts set the mtime themselves: the kernel's own clock ticks only
** every few ms, too coarse for the etags of an inode that is reused at once.
*/
#include "store_local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "mem.h"
#include "ulid.h"

#define ATTEMPTS 100
#define COPY_CHUNK ((size_t)256 * 1024)
#define TMP_NAME_SIZE (sizeof TARN_LOCAL_TMP + TARN_ULID_LEN)

static int put_error(const struct tarn_local *l, const char *key, int e, struct tarn_err *err) {
    const char *path = l->base.path;

    switch (e) {
    case EEXIST:
        return tarn_err_set(err, TARN_EEXIST, "cannot put %.130s: it exists already in %.60s", key,
                            path);
    case EISDIR:
        return tarn_err_set(err, TARN_EINVAL,
                            "cannot put %.60s/%.110s: a folder stands where the object should be",
                            path, key);
    case ENOTDIR:
        return tarn_err_set(err, TARN_EINVAL,
                            "cannot put %.60s/%.110s: an object stands where its folder should be",
                            path, key);
    case ENAMETOOLONG:
        return tarn_err_set(err, TARN_EINVAL,
                            "cannot put %.60s/%.90s: the file system refuses so long a name", path,
                            key);
    default: return tarn_err_errno(err, e, "cannot put %s/%s", path, key);
    }
}

/* Makes the folders that `key` lacks. *shallowest = the length of the name of the folder that holds
** the topmost one made, if that is less than it was. 0 or an errno. */
static int make_folders(struct tarn_local *l, const char *key, size_t *shallowest) {
    char path[TARN_KEY_MAX + 1];
    size_t before = 0;

    for (size_t i = 0; key[i] != '\0'; i++) {
        if (key[i] == '/') {
            path[i] = '\0';
            if (mkdirat(l->fd, path, 0777) == 0) {
                if (before < *shallowest) *shallowest = before;
            } else if (errno != EEXIST) {
                return errno;
            }
            before = i;
        }
        path[i] = key[i];
    }
    return 0;
}

static int write_all(int fd, const uint8_t *p, size_t n) {
    while (n > 0) {
        ssize_t wrote = write(fd, p, n < ((size_t)1 << 30) ? n : (size_t)1 << 30);

        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return wrote < 0 ? errno : EIO;
        p += wrote;
        n -= (size_t)wrote;
    }
    return 0;
}

static int copy_all(int from, int to) {
    uint8_t *chunk = tarn_malloc(COPY_CHUNK);
    int e = chunk == NULL ? ENOMEM : 0;

    while (e == 0) {
        ssize_t got = read(from, chunk, COPY_CHUNK);

        if (got < 0 && errno == EINTR) continue;
        if (got < 0) e = errno;
        if (got <= 0) break;
        e = write_all(to, chunk, (size_t)got);
    }
    tarn_free(chunk);
    return e;
}

static int new_name(char tmp[TMP_NAME_SIZE], struct tarn_err *err) {
    struct timespec now = {0, 0};

    (void)clock_gettime(CLOCK_REALTIME, &now);
    memcpy(tmp, TARN_LOCAL_TMP, sizeof TARN_LOCAL_TMP);
    if (tarn_ulid_new((int64_t)now.tv_sec * 1000, tmp + sizeof TARN_LOCAL_TMP - 1) != TARN_OK)
        return tarn_err_set(err, TARN_EIO, "the system gives no random bytes");
    return TARN_OK;
}

/* Calls `make` until the folder of unfinished objects is there. 0 or an errno. */
static int in_tmp(struct tarn_local *l, const char *tmp, int (*make)(int, const char *, void *),
                  void *arg) {
    int e = make(l->fd, tmp, arg);

    for (int i = 0; e == ENOENT && i < ATTEMPTS; i++) {
        size_t upto = strlen(tmp);

        e = make_folders(l, tmp, &upto);
        if (e == 0 && tarn_local_sync_above(l, tmp, upto, NULL) != TARN_OK) e = EIO;
        if (e == 0) e = make(l->fd, tmp, arg);
    }
    return e;
}

static int make_file(int dir, const char *tmp, void *arg) {
    int *fd = arg;

    *fd = openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    return *fd < 0 ? errno : 0;
}

static int make_link(int dir, const char *tmp, void *arg) {
    const char *path = arg;

    if (linkat(AT_FDCWD, path, dir, tmp, AT_SYMLINK_FOLLOW) == 0) return 0;
    /* ENOENT may mean the source: then the folder is not what is missing. */
    return errno == ENOENT && access(path, F_OK) != 0 ? EXDEV : errno;
}

/* A temporary file, complete and synced: from memory, or when `from` >= 0 from that descriptor. */
static int write_tmp(struct tarn_local *l, const char *key, const char *tmp, const void *data,
                     size_t n, int from, struct stat *st, struct tarn_err *err) {
    struct timespec times[2] = {{0, UTIME_OMIT}, {0, 0}};
    int fd = -1, e = in_tmp(l, tmp, make_file, &fd);

    if (e != 0) return put_error(l, key, e, err);
    e = from >= 0 ? copy_all(from, fd) : write_all(fd, data, n);
    (void)clock_gettime(CLOCK_REALTIME, &times[1]);
    if (e == 0 && futimens(fd, times) != 0) e = errno;
    if (e == 0 && (fsync(fd) != 0 || fstat(fd, st) != 0)) e = errno;
    if (close(fd) != 0 && e == 0 && errno != EINTR) e = errno;
    if (e == 0) return TARN_OK;
    (void)unlinkat(l->fd, tmp, 0);
    return put_error(l, key, e, err);
}

/* 0, or the errno that says why the condition of `put` fails now. */
static int check_condition(const struct tarn_local *l, const char *key,
                           const struct tarn_put *put) {
    struct stat st;
    char etag[TARN_ETAG_MAX];

    if (put->cond == TARN_PUT_ANY) return 0;
    if (fstatat(l->fd, key, &st, 0) != 0) {
        if (put->cond == TARN_PUT_IF_ABSENT) return 0;
        return errno == ENOENT ? EEXIST : errno;
    }
    if (!S_ISREG(st.st_mode)) return S_ISDIR(st.st_mode) ? EISDIR : EEXIST;
    if (put->cond == TARN_PUT_IF_ABSENT) return EEXIST;
    tarn_local_etag(st.st_ino, (uint64_t)st.st_size, tarn_local_mtime_ns(&st), etag);
    return strcmp(etag, put->etag) == 0 ? 0 : EEXIST;
}

static int condition_error(const struct tarn_local *l, const char *key, const struct tarn_put *put,
                           int e, struct tarn_err *err) {
    if (e == EEXIST && put->cond == TARN_PUT_IF_MATCH)
        return tarn_err_set(err, TARN_EEXIST,
                            "cannot put %.110s: it is not the object with etag %.72s any more", key,
                            put->etag);
    return put_error(l, key, e, err);
}

static int move_absent(const struct tarn_local *l, const char *tmp, const char *key) {
    if (linkat(l->fd, tmp, l->fd, key, 0) == 0) return 0;
    if (errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS && errno != EMLINK) return errno;
    if (renameat2(l->fd, tmp, l->fd, key, RENAME_NOREPLACE) == 0) return 0;
    return errno;
}

/* Moves the temporary file to its key; the lock is held. *making = 1 when it counted itself among
** those who make folders. 0 or an errno. */
static int move(struct tarn_local *l, const char *tmp, const char *key, const struct tarn_put *put,
                size_t *shallowest, int *making) {
    struct stat st;
    int e = ENOENT;

    for (int i = 0; i < ATTEMPTS && e == ENOENT; i++) {
        e = put->cond == TARN_PUT_IF_MATCH ? check_condition(l, key, put) : 0;
        if (e == 0 && put->cond == TARN_PUT_IF_ABSENT)
            e = move_absent(l, tmp, key);
        else if (e == 0)
            e = renameat(l->fd, tmp, l->fd, key) == 0 ? 0 : errno;
        if (e == EEXIST && fstatat(l->fd, key, &st, 0) == 0 && S_ISDIR(st.st_mode)) e = EISDIR;
        if (e != ENOENT) break;
        if (fstatat(l->fd, tmp, &st, 0) != 0) {
            e = errno;
            break;
        }
        /* A delete may remove a folder between its making and the move: then once more. */
        if (!*making) atomic_fetch_add(&l->making, 1);
        *making = 1;
        e = make_folders(l, key, shallowest);
        if (e == 0) e = ENOENT;
    }
    return e;
}

static int place(struct tarn_local *l, const char *tmp, const char *key, const struct tarn_put *put,
                 struct tarn_err *err) {
    const int exclusive = put->cond == TARN_PUT_IF_MATCH;
    size_t upto = strlen(key);
    int lock = -1, making = 0, e = 0;
    int rc = tarn_local_lock(l, exclusive ? LOCK_EX : LOCK_SH, exclusive, &lock, err);

    if (rc != TARN_OK) {
        (void)unlinkat(l->fd, tmp, 0);
        return rc;
    }
    e = move(l, tmp, key, put, &upto, &making);
    /* Also after a rename: one onto another link of the same file leaves both names. */
    (void)unlinkat(l->fd, tmp, 0);
    (void)close(lock);
    if (e != 0) rc = condition_error(l, key, put, e, err);
    if (rc == TARN_OK && atomic_load(&l->making) > making) upto = 0;
    if (rc == TARN_OK) rc = tarn_local_sync_above(l, key, upto, err);
    if (rc == TARN_OK) rc = tarn_local_sync_above(l, tmp, strlen(tmp), err);
    if (making) atomic_fetch_sub(&l->making, 1);
    return rc;
}

/* What can be said before a byte is written. */
static int begin(struct tarn_local *l, const char *key, const struct tarn_put *put,
                 char tmp[TMP_NAME_SIZE], struct tarn_err *err) {
    int e = 0;

    if (tarn_local_is_tmp(key))
        return tarn_err_set(err, TARN_EINVAL, "cannot put %.160s: %s is for unfinished objects",
                            key, TARN_LOCAL_TMP);
    tarn_local_sweep(l);
    e = check_condition(l, key, put);
    if (e != 0) return condition_error(l, key, put, e, err);
    return new_name(tmp, err);
}

int tarn_local_put(struct tarn_store *s, const char *key, const void *data, size_t n,
                   const struct tarn_put *put, char etag_out[TARN_ETAG_MAX], struct tarn_err *err) {
    struct tarn_local *l = (struct tarn_local *)s;
    struct stat st;
    char tmp[TMP_NAME_SIZE];
    int rc = begin(l, key, put, tmp, err);

    if (rc == TARN_OK) rc = write_tmp(l, key, tmp, data, n, -1, &st, err);
    if (rc != TARN_OK) return rc;
    rc = place(l, tmp, key, put, err);
    if (rc == TARN_OK && etag_out != NULL)
        tarn_local_etag(st.st_ino, (uint64_t)st.st_size, tarn_local_mtime_ns(&st), etag_out);
    return rc;
}

/* A temporary name for the file at `path`, synced: a link to it. 0, an errno, or EXDEV when it has
** to be copied instead. */
static int link_tmp(struct tarn_local *l, const char *tmp, const char *path) {
    struct stat st;
    int fd = -1, e = in_tmp(l, tmp, make_link, (void *)(uintptr_t)path);

    if (e == ENOSPC || e == EDQUOT || e == EROFS) return e;
    if (e != 0) return EXDEV;
    fd = openat(l->fd, tmp, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) != 0)
        e = errno;
    else if (!S_ISREG(st.st_mode))
        e = EXDEV;
    else if (fsync(fd) != 0)
        e = errno;
    if (fd >= 0) (void)close(fd);
    if (e != 0) (void)unlinkat(l->fd, tmp, 0);
    return e;
}

static int copy_tmp(struct tarn_local *l, const char *key, const char *tmp, const char *path,
                    struct tarn_err *err) {
    struct stat st;
    int rc = TARN_OK, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) return tarn_err_errno(err, errno, "cannot open the file to put, %s", path);
    if (fstat(fd, &st) != 0)
        rc = tarn_err_errno(err, errno, "cannot stat the file to put, %s", path);
    else if (!S_ISREG(st.st_mode))
        rc = tarn_err_set(err, TARN_EINVAL, "cannot put %.180s: it is no regular file", path);
    else
        rc = write_tmp(l, key, tmp, NULL, 0, fd, &st, err);
    (void)close(fd);
    return rc;
}

int tarn_local_put_file(struct tarn_store *s, const char *key, const char *path,
                        const struct tarn_put *put, struct tarn_err *err) {
    struct tarn_local *l = (struct tarn_local *)s;
    char tmp[TMP_NAME_SIZE];
    int e = 0, rc = begin(l, key, put, tmp, err);

    if (rc != TARN_OK) return rc;
    e = link_tmp(l, tmp, path);
    if (e == EXDEV)
        rc = copy_tmp(l, key, tmp, path, err);
    else if (e != 0)
        rc = put_error(l, key, e, err);
    return rc != TARN_OK ? rc : place(l, tmp, key, put, err);
}
