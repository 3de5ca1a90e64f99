/* store_local.c: a lake in a local folder: opening, reading, deleting.
**
**   {lake}/events/2026/...      objects: one regular file each, never changed in place
**   {lake}/_tarn/tmp/{ulid}     unfinished ones; never listed
**
** Everything goes through the descriptor of the lake's folder, so a lake that is moved while open
** stays the same lake. Links are followed: whoever can make one inside the lake owns it anyway.
** Lock order: the flock on the lake's folder is the only lock; nothing is synced while it is held.
** Leaves to others: writing (store_local_put.c) and listing (store_local_list.c).
*/
#include "store_local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "mem.h"
#include "text.h"

#define TMP_AGE_MAX 3600

static struct tarn_local *local(struct tarn_store *s) {
    return (struct tarn_local *)s;
}

static char *put_hex(char *out, uint64_t v) {
    char text[16];
    int n = 0;

    do {
        text[n++] = "0123456789abcdef"[v & 15];
        v >>= 4;
    } while (v != 0);
    while (n > 0)
        *out++ = text[--n];
    return out;
}

void tarn_local_etag(uint64_t inode, uint64_t size, int64_t mtime_ns, char out[TARN_ETAG_MAX]) {
    out = put_hex(out, inode);
    *out++ = '-';
    out = put_hex(out, size);
    *out++ = '-';
    out = put_hex(out, (uint64_t)mtime_ns);
    *out = '\0';
}

int64_t tarn_local_mtime_ns(const struct stat *st) {
    return (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
}

int tarn_local_is_tmp(const char *key) {
    const size_t n = sizeof TARN_LOCAL_TMP - 2; /* without its slash */

    return strncmp(key, TARN_LOCAL_TMP, n) == 0 && (key[n] == '/' || key[n] == '\0');
}

static int open_missing(const char *what, struct tarn_err *err) {
    return tarn_err_set(err, TARN_ENOTFOUND,
                        "there is no folder %.200s: make it, or check the path", what);
}

/* Syncs the folder that holds `path`, an absolute one. */
static int sync_parent(const char *path, struct tarn_err *err) {
    const char *slash = strrchr(path, '/');
    char *parent = tarn_strndup(path, slash > path ? (size_t)(slash - path) : 1);
    int fd = -1, rc = TARN_OK;

    if (parent == NULL)
        return tarn_err_set(err, TARN_ENOMEM, "out of memory while opening %.200s", path);
    fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL))
        rc = tarn_err_errno(err, errno, "cannot sync the folder %s", parent);
    if (fd >= 0) (void)close(fd);
    tarn_free(parent);
    return rc;
}

/* Makes the folder when asked to and opens it; *real becomes its absolute path. */
static int open_folder(const char *path, const struct tarn_store_options *options, int *out_fd,
                       char real[PATH_MAX], struct tarn_err *err) {
    int made = 0, refusal = 0, fd = -1;

    if (options->create && !options->readonly) {
        made = mkdir(path, 0777) == 0;
        refusal = made || errno == EEXIST ? 0 : errno;
        if (refusal == ENOENT)
            return tarn_err_set(err, TARN_ENOTFOUND,
                                "cannot make the folder %.120s: the folder that should hold it is "
                                "missing",
                                path);
    }
    fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && refusal != 0)
        return tarn_err_errno(err, refusal, "cannot make the folder %s", path);
    if (fd < 0 && errno == ENOENT) return open_missing(path, err);
    if (fd < 0 && errno == ENOTDIR)
        return tarn_err_set(err, TARN_EINVAL, "expected a folder as the lake, but %.160s is a file",
                            path);
    if (fd < 0) return tarn_err_errno(err, errno, "cannot open the folder %s", path);
    if (realpath(path, real) == NULL) {
        int e = errno;

        (void)close(fd);
        return tarn_err_errno(err, e, "cannot find the absolute path of %s", path);
    }
    if (made && sync_parent(real, err) != TARN_OK) {
        (void)close(fd);
        return TARN_EIO;
    }
    *out_fd = fd;
    return TARN_OK;
}

/* The path that `uri` means, decoded, into an empty buffer. */
static int path_of_uri(const char *uri, struct tarn_buf *path, struct tarn_err *err) {
    const char *p = uri;

    if (strncmp(uri, "file:", 5) != 0) {
        tarn_buf_puts(path, uri);
    } else {
        p += 5;
        if (strncmp(p, "//localhost/", 12) == 0)
            p += 11;
        else if (strncmp(p, "///", 3) == 0)
            p += 2;
        if (p[0] != '/' || p[1] == '/' || strpbrk(p, "?#") != NULL ||
            tarn_percent_decode(path, p, strlen(p)) != 0)
            return tarn_err_set(err, TARN_EINVAL,
                                "expected file:///absolute/path without parameters, found %.120s",
                                uri);
    }
    if (path->rc != TARN_OK || memchr(path->data, 0, path->len) != NULL)
        return tarn_err_set(err, path->rc == TARN_ENOMEM ? TARN_ENOMEM : TARN_EINVAL,
                            "cannot use %.120s as a path of at most %d bytes", uri, PATH_MAX - 1);
    tarn_buf_u8(path, 0);
    return path->rc;
}

static void canonical_uri(const char *path, struct tarn_buf *uri) {
    tarn_buf_puts(uri, "file://");
    while (*path != '\0') {
        size_t n = strcspn(path, "/");

        tarn_percent_encode(uri, path, n);
        path += n;
        if (*path == '/') {
            tarn_buf_u8(uri, '/');
            path++;
        }
    }
    tarn_buf_u8(uri, 0);
}

static const struct tarn_store_ops local_ops;

int tarn_store_local_open(struct tarn_store **out, const char *uri,
                          const struct tarn_store_options *options, struct tarn_err *err) {
    struct tarn_buf path = TARN_BUF_INIT(PATH_MAX), canonical = TARN_BUF_INIT(3 * PATH_MAX + 16);
    struct tarn_local *l = NULL;
    char real[PATH_MAX];
    int fd = -1;
    int rc = path_of_uri(uri, &path, err);

    if (rc == TARN_OK) rc = open_folder((const char *)path.data, options, &fd, real, err);
    if (rc != TARN_OK) goto out;
    canonical_uri(real, &canonical);
    l = tarn_calloc(1, sizeof *l);
    if (l == NULL || canonical.rc != TARN_OK) {
        rc = tarn_err_set(err, TARN_ENOMEM, "out of memory while opening %.160s", real);
        goto out;
    }
    rc = tarn_store_setup(&l->base, &local_ops, (const char *)canonical.data, real, options, err);
    if (rc != TARN_OK) goto out;
    l->fd = fd;
    fd = -1;
    atomic_init(&l->making, 0);
    atomic_init(&l->swept, 0);
    if (!options->readonly) tarn_local_sweep(l);
    *out = &l->base;
    l = NULL;
out:
    if (fd >= 0) (void)close(fd);
    tarn_free(l);
    tarn_buf_release(&path);
    tarn_buf_release(&canonical);
    return rc;
}

static void local_free(struct tarn_store *s) {
    (void)close(local(s)->fd);
    tarn_store_cleanup(s);
    tarn_free(s);
}

int tarn_local_lock(struct tarn_local *l, int operation, int must, int *fd, struct tarn_err *err) {
    struct stat st;

    if (fstat(l->fd, &st) == 0 && st.st_nlink == 0) return open_missing(l->base.path, err);
    *fd = openat(l->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0) return tarn_err_errno(err, errno, "cannot open the folder %s", l->base.path);
    while (flock(*fd, operation) != 0) {
        int e = errno;

        if (e == EINTR) continue;
        if (!must) break;
        (void)close(*fd);
        return tarn_err_errno(err, e, "cannot lock the folder %s, which a conditional put needs",
                              l->base.path);
    }
    return TARN_OK;
}

int tarn_local_sync_above(struct tarn_local *l, const char *key, size_t upto,
                          struct tarn_err *err) {
    char folder[TARN_KEY_MAX + 1];
    size_t n = strlen(key);

    memcpy(folder, key, n + 1);
    for (;;) {
        int fd = -1, e = 0;

        while (n > 0 && folder[n - 1] != '/')
            n--;
        if (n > 0) n--;
        folder[n] = '\0';
        fd = openat(l->fd, n > 0 ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 && n > 0 && (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG))
            continue;
        if (fd < 0)
            return tarn_err_errno(err, errno, "cannot open the folder %s/%s", l->base.path, folder);
        e = fsync(fd) != 0 ? errno : 0;
        (void)close(fd);
        if (e != 0 && e != EINVAL && e != ENOTSUP)
            return tarn_err_errno(err, e, "cannot sync the folder %s/%s", l->base.path, folder);
        if (n <= upto) return TARN_OK;
    }
}

void tarn_local_sweep(struct tarn_local *l) {
    const time_t now = time(NULL);
    long long before = atomic_load(&l->swept);
    DIR *dir = NULL;
    int fd = -1;

    if (now - before < TMP_AGE_MAX || !atomic_compare_exchange_strong(&l->swept, &before, now))
        return;
    fd = openat(l->fd, TARN_LOCAL_TMP, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) return;
    dir = fdopendir(fd);
    if (dir == NULL) {
        (void)close(fd);
        return;
    }
    for (const struct dirent *de = readdir(dir); de != NULL; de = readdir(dir)) {
        struct stat st;

        /* The inode's change time: a linked file may be older than its link. */
        if (fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
            now - st.st_ctim.tv_sec > TMP_AGE_MAX)
            (void)unlinkat(fd, de->d_name, 0);
    }
    (void)closedir(dir);
}

static int not_found(const struct tarn_local *l, const char *key, struct tarn_err *err) {
    return tarn_err_set(err, TARN_ENOTFOUND, "there is no object %.130s in %.80s", key,
                        l->base.path);
}

/* Opens an object for reading. Errors that mean "there can be no such object" are ENOTFOUND. */
static int open_object(struct tarn_local *l, const char *key, const char *etag, int *out_fd,
                       struct stat *st, struct tarn_err *err) {
    char found[TARN_ETAG_MAX];
    int fd = -1, rc = TARN_OK;

    if (tarn_local_is_tmp(key)) return not_found(l, key, err);
    fd = openat(l->fd, key, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG || errno == ENXIO)
            return not_found(l, key, err);
        return tarn_err_errno(err, errno, "cannot open %s/%s", l->base.path, key);
    }
    if (fstat(fd, st) != 0) {
        rc = tarn_err_errno(err, errno, "cannot stat %s/%s", l->base.path, key);
    } else if (!S_ISREG(st->st_mode)) {
        rc = not_found(l, key, err);
    } else if (etag != NULL && etag[0] != '\0') {
        tarn_local_etag(st->st_ino, (uint64_t)st->st_size, tarn_local_mtime_ns(st), found);
        if (strcmp(found, etag) != 0)
            rc = tarn_err_set(err, TARN_ENOTFOUND,
                              "%.130s is another object now (etag %.40s, expected %.40s)", key,
                              found, etag);
    }
    if (rc != TARN_OK)
        (void)close(fd);
    else
        *out_fd = fd;
    return rc;
}

/* Exactly n bytes from `offset` on. */
static int read_at(int fd, const char *name, uint64_t offset, size_t n, void *out,
                   struct tarn_err *err) {
    uint8_t *p = out;
    size_t done = 0;

    if (offset > INT64_MAX || n > INT64_MAX - offset)
        return tarn_err_set(err, TARN_EINVAL, "%.160s: cannot read %zu bytes at offset %" PRIu64,
                            name, n, offset);
    while (done < n) {
        ssize_t got = pread(fd, p + done, n - done, (off_t)(offset + done));

        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return tarn_err_errno(err, errno, "cannot read %s", name);
        if (got == 0)
            return tarn_err_set(err, TARN_ECORRUPT,
                                "%.130s: expected %zu bytes at offset %" PRIu64
                                ", but it ends after %zu of them",
                                name, n, offset, done);
        done += (size_t)got;
    }
    return TARN_OK;
}

static int local_get(struct tarn_store *s, const char *key, const char *etag, uint64_t offset,
                     size_t n, void *out, struct tarn_err *err) {
    struct stat st;
    int fd = -1, rc = open_object(local(s), key, etag, &fd, &st, err);

    if (rc != TARN_OK) return rc;
    rc = read_at(fd, key, offset, n, out, err);
    (void)close(fd);
    return rc;
}

static int local_get_all(struct tarn_store *s, const char *key, size_t max, char **out, size_t *n,
                         struct tarn_err *err) {
    struct stat st;
    char *data = NULL;
    size_t size = 0;
    int fd = -1, rc = open_object(local(s), key, NULL, &fd, &st, err);

    if (rc != TARN_OK) return rc;
    if ((uint64_t)st.st_size > max || (uint64_t)st.st_size >= SIZE_MAX) {
        rc = tarn_err_set(err, TARN_ELIMIT,
                          "%.130s has %" PRIu64 " bytes; at most %zu were expected", key,
                          (uint64_t)st.st_size, max);
        goto out;
    }
    size = (size_t)st.st_size;
    data = tarn_malloc(size + 1);
    if (data == NULL) {
        rc = tarn_err_set(err, TARN_ENOMEM, "out of memory for the %zu bytes of %.160s", size, key);
        goto out;
    }
    rc = read_at(fd, key, 0, size, data, err);
    if (rc != TARN_OK) goto out;
    data[size] = '\0';
    *out = data;
    *n = size;
    data = NULL;
out:
    tarn_free(data);
    (void)close(fd);
    return rc;
}

static int local_head(struct tarn_store *s, const char *key, struct tarn_object *out,
                      struct tarn_err *err) {
    struct tarn_local *l = local(s);
    struct stat st;
    int64_t ns = 0;

    if (tarn_local_is_tmp(key)) return not_found(l, key, err);
    if (fstatat(l->fd, key, &st, 0) != 0) {
        if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG)
            return not_found(l, key, err);
        return tarn_err_errno(err, errno, "cannot stat %s/%s", s->path, key);
    }
    if (!S_ISREG(st.st_mode)) return not_found(l, key, err);
    ns = tarn_local_mtime_ns(&st);
    out->size = (uint64_t)st.st_size;
    out->mtime = ns / 1000000 - (ns % 1000000 < 0);
    tarn_local_etag(st.st_ino, out->size, ns, out->etag);
    return TARN_OK;
}

/* Removes the object and then the folders above it that are empty. *top = length of the part of
** `key` that names the topmost folder removed, or of the whole key. */
static int remove_object(struct tarn_local *l, const char *key, size_t *top, struct tarn_err *err) {
    char path[TARN_KEY_MAX + 1];
    size_t n = strlen(key);

    *top = n;
    memcpy(path, key, n + 1);
    if (unlinkat(l->fd, key, 0) != 0 && errno != ENOENT && errno != ENOTDIR && errno != EISDIR &&
        errno != ENAMETOOLONG) {
        int e = errno;
        struct stat st;

        /* POSIX lets unlink of a folder answer EPERM; a folder is no object. */
        if (e != EPERM || fstatat(l->fd, key, &st, 0) != 0 || !S_ISDIR(st.st_mode))
            return tarn_err_errno(err, e, "cannot delete %s/%s", l->base.path, key);
    }
    for (;;) {
        while (n > 0 && path[n - 1] != '/')
            n--;
        if (n == 0) return TARN_OK;
        path[--n] = '\0';
        if (unlinkat(l->fd, path, AT_REMOVEDIR) == 0)
            *top = n;
        else if (errno != ENOENT)
            return TARN_OK;
    }
}

static int local_delete(struct tarn_store *s, const char *key, struct tarn_err *err) {
    struct tarn_local *l = local(s);
    char path[TARN_KEY_MAX + 1];
    size_t top = 0;
    int lock = -1, rc = TARN_OK;

    if (tarn_local_is_tmp(key)) return TARN_OK;
    rc = tarn_local_lock(l, LOCK_EX, 0, &lock, err);
    if (rc != TARN_OK) return rc;
    rc = remove_object(l, key, &top, err);
    (void)close(lock);
    if (rc != TARN_OK) return rc;
    memcpy(path, key, top);
    path[top] = '\0';
    return tarn_local_sync_above(l, path, top, err);
}

/* What a source over an object holds: the open file and the store. */
struct local_source {
    struct tarn_store *store;
    int fd;
    char key[];
};

static int source_read(void *ctx, uint64_t offset, void *out, size_t n, struct tarn_err *err) {
    const struct local_source *f = ctx;

    return read_at(f->fd, f->key, offset, n, out, err);
}

static void source_close(void *ctx) {
    struct local_source *f = ctx;

    (void)close(f->fd);
    tarn_store_free(f->store);
    tarn_free(f);
}

static int local_source(struct tarn_store *s, const struct tarn_object *obj,
                        struct tarn_source *out, struct tarn_err *err) {
    const size_t n = strlen(obj->key);
    struct local_source *f = NULL;
    struct stat st;
    int fd = -1, rc = open_object(local(s), obj->key, obj->etag, &fd, &st, err);

    if (rc != TARN_OK) return rc;
    f = tarn_malloc(sizeof *f + n + 1);
    if (f == NULL) {
        (void)close(fd);
        return tarn_err_set(err, TARN_ENOMEM, "out of memory while opening %.160s", obj->key);
    }
    f->store = tarn_store_ref(s);
    f->fd = fd;
    memcpy(f->key, obj->key, n + 1);
    *out = (struct tarn_source){.ctx = f,
                                .size = (uint64_t)st.st_size,
                                .name = f->key,
                                .read = source_read,
                                .close = source_close};
    return TARN_OK;
}

static const struct tarn_store_ops local_ops = {
    .get = local_get,
    .get_all = local_get_all,
    .head = local_head,
    .list = tarn_local_list,
    .put = tarn_local_put,
    .put_file = tarn_local_put_file,
    .del = local_delete,
    .source = local_source,
    .free = local_free,
};
