/* export_file.c: the file that an export writes: whole, synced and under its name, or not there.
**
**   O_TMPFILE, a file without a name   (else .tarn-{ulid}.tmp beside the target)
**      | rows, fsync
**      |-- target must be new:  link(2), which fails if it exists
**      `-- overwrite:           a temporary name, then rename(2) over the target
**   fsync of the folder
**
** A file without a name goes away by itself when the process dies. The target is looked at before
** the query runs, too, so that nobody waits for an error. Pages of the file are sent to the disk
** while later rows are still being read, so the fsync at the end is short.
*/
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "export.h"
#include "mem.h"
#include "ulid.h"

#define WRITE_MOST ((size_t)1 << 30)
#define START_AT ((uint64_t)8 << 20) /* bytes after which writing back begins */

/* A scheme, as in "s3://": letters, digits, `+-.` before "://". */
static int has_scheme(const char *path) {
    size_t n = strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

    return n > 0 && strncmp(path + n, "://", 3) == 0;
}

static int check_target(struct tarn_export_file *f, struct tarn_err *err) {
    struct stat st;

    if (fstatat(f->folder, f->base, &st, 0)) {
        return errno == ENOENT
                   ? TARN_OK
                   : tarn_err_errno(err, errno, "tarn_export: cannot look at %.150s", f->path);
    }
    if (!S_ISREG(st.st_mode)) {
        return tarn_err_set(err, TARN_EINVAL, "tarn_export: %.150s is %s, not a file", f->path,
                            S_ISDIR(st.st_mode) ? "a folder" : "a device");
    }
    if (f->overwrite) return TARN_OK;
    return tarn_err_set(err, TARN_EEXIST,
                        "tarn_export: %.130s exists already; the option {\"overwrite\": true} "
                        "replaces it",
                        f->path);
}

static int new_name(struct tarn_export_file *f, struct tarn_err *err) {
    char ulid[TARN_ULID_LEN + 1];

    if (tarn_ulid_new(tarn_time_now(), ulid))
        return tarn_err_set(err, TARN_EIO, "the system gives no random bytes");
    (void)snprintf(f->temporary, sizeof f->temporary, ".tarn-%s.tmp", ulid);
    return TARN_OK;
}

/* Can a file without a name get one later? That needs /proc. */
static int open_nameless(struct tarn_export_file *f) {
    char link[40];

    f->fd = openat(f->folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
    if (f->fd < 0) return -1;
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", f->fd);
    if (access(link, F_OK) == 0) return 0;
    (void)close(f->fd);
    f->fd = -1;
    return -1;
}

static int open_temporary(struct tarn_export_file *f, struct tarn_err *err) {
    if (open_nameless(f) == 0) return TARN_OK;
    if (new_name(f, err)) return TARN_EIO;
    f->fd = openat(f->folder, f->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (f->fd < 0)
        return tarn_err_errno(err, errno, "tarn_export: cannot write beside %.150s", f->path);
    f->named = 1;
    return TARN_OK;
}

int tarn_export_file_open(struct tarn_export_file *f, const char *path, int overwrite,
                          struct tarn_err *err) {
    char *folder = NULL;
    const char *slash = NULL;
    int rc = TARN_OK;

    memset(f, 0, sizeof *f);
    f->fd = f->folder = -1;
    f->overwrite = overwrite;
    if (strncmp(path, "file://", 7) == 0) path += 7;
    if (has_scheme(path)) {
        return tarn_err_set(err, TARN_EINVAL,
                            "tarn_export: %.120s: expected a local path; export to one, and copy "
                            "the file from there",
                            path);
    }
    slash = strrchr(path, '/');
    folder = slash ? tarn_strndup(path, (size_t)(slash - path) + 1) : tarn_strdup("./");
    f->path = tarn_strdup(path);
    if (!folder || !f->path) {
        rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
        goto out;
    }
    f->base = slash ? f->path + (slash - path) + 1 : f->path;
    if (!*f->base) {
        rc = tarn_err_set(err, TARN_EINVAL, "tarn_export: %.150s: expected the path of a file",
                          *path ? path : "''");
        goto out;
    }
    f->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (f->folder < 0)
        rc = tarn_err_errno(err, errno, "tarn_export: cannot open the folder %.150s", folder);
    if (rc == TARN_OK) rc = check_target(f, err);
    if (rc == TARN_OK) rc = open_temporary(f, err);
out:
    tarn_free(folder);
    return rc;
}

static int sink_write(void *ctx, const void *data, size_t n, struct tarn_err *err) {
    struct tarn_export_file *f = ctx;
    const uint8_t *p = data;

    while (n > 0) {
        ssize_t wrote = write(f->fd, p, n < WRITE_MOST ? n : WRITE_MOST);

        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0)
            return tarn_err_errno(err, wrote < 0 ? errno : EIO, "tarn_export: cannot write %.150s",
                                  f->path);
        p += wrote;
        n -= (size_t)wrote;
        f->written += (uint64_t)wrote;
    }
    if (f->written - f->started >= START_AT) {
        (void)sync_file_range(f->fd, (off64_t)f->started, (off64_t)(f->written - f->started),
                              SYNC_FILE_RANGE_WRITE);
        f->started = f->written;
    }
    return TARN_OK;
}

void tarn_export_file_sink(struct tarn_export_file *f, struct tarn_sink *out) {
    out->ctx = f;
    out->write = sink_write;
}

/* Gives the file the name `name`. 0 or an errno. */
static int link_as(const struct tarn_export_file *f, const char *name) {
    char link[40];
    int rc = 0;

    if (f->named) {
        rc = linkat(f->folder, f->temporary, f->folder, name, 0);
    } else {
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", f->fd);
        rc = linkat(AT_FDCWD, link, f->folder, name, AT_SYMLINK_FOLLOW);
    }
    return rc ? errno : 0;
}

/* 0 or an errno. */
static int put_new(struct tarn_export_file *f) {
    int e = link_as(f, f->base);

    if (e == 0 || e == EEXIST || !f->named) return e;
    /* A file system without hard links. */
    if (renameat2(f->folder, f->temporary, f->folder, f->base, RENAME_NOREPLACE)) return errno;
    f->named = 0;
    return 0;
}

static int replace(struct tarn_export_file *f, struct tarn_err *err) {
    if (!f->named) {
        int e = 0;

        if (new_name(f, err)) return TARN_EIO;
        e = link_as(f, f->temporary);
        if (e) return tarn_err_errno(err, e, "tarn_export: cannot write beside %.150s", f->path);
        f->named = 1;
    }
    if (renameat(f->folder, f->temporary, f->folder, f->base))
        return tarn_err_errno(err, errno, "tarn_export: cannot replace %.150s", f->path);
    f->named = 0;
    return TARN_OK;
}

int tarn_export_file_commit(struct tarn_export_file *f, struct tarn_err *err) {
    int e = 0;
    int rc = TARN_OK;

    if (fsync(f->fd)) return tarn_err_errno(err, errno, "tarn_export: cannot sync %.150s", f->path);
    if (f->overwrite) {
        rc = replace(f, err);
    } else if ((e = put_new(f)) == EEXIST) {
        rc = check_target(f, err);
        if (rc == TARN_OK) rc = tarn_err_set(err, TARN_EBUSY, "tarn_export: another writer");
    } else if (e) {
        rc = tarn_err_errno(err, e, "tarn_export: cannot create %.150s", f->path);
    }
    if (rc) return rc;
    if (f->named) (void)unlinkat(f->folder, f->temporary, 0);
    f->named = 0;
    if (fsync(f->folder))
        return tarn_err_errno(err, errno, "tarn_export: cannot sync the folder of %.150s", f->path);
    return TARN_OK;
}

void tarn_export_file_release(struct tarn_export_file *f) {
    if (f->named) (void)unlinkat(f->folder, f->temporary, 0);
    if (f->fd >= 0) (void)close(f->fd);
    if (f->folder >= 0) (void)close(f->folder);
    tarn_free(f->path);
    f->path = NULL;
    f->named = 0;
    f->fd = f->folder = -1;
}
