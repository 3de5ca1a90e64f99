/* spill.c: see spill.h. Temporary files without a folder are made in TMPDIR, or /var/tmp (a disk, where /tmp may be
** memory).
*/
#include "spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"
#include "thread.h"
#include "time.h"
#include "ulid.h"

#define WINDOW ((size_t)1 << 20)
#define KEEP ((size_t)64 << 10)
#define LOST UINT64_MAX

void tarn_spill_init(struct tarn_spill *s) {
    memset(s, 0, sizeof *s);
    tarn_buf_init(&s->memory, (size_t)1 << 40);
    tarn_buf_init(&s->leaving, (size_t)1 << 40);
    s->fd = -1;
}

/* 0, or errno. */
static int write_leaving(const struct tarn_spill *s) {
    size_t done = 0;

    while (done < s->leaving.len) {
        ssize_t n = pwrite(s->fd, s->leaving.data + done, s->leaving.len - done,
                           (off_t)(s->spilled + done));

        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return n < 0 ? errno : ENOSPC;
        done += (size_t)n;
    }
    return 0;
}

static void show_leaving(struct tarn_spill *s) {
    if (!s->watch || s->watched != s->spilled) return;
    s->watched += s->leaving.len;
    if (s->watch(s->watch_ctx, s->leaving.data, s->leaving.len)) s->watched = LOST;
}

static void *run_writer(void *spill) {
    struct tarn_spill *s = spill;

    s->written = write_leaving(s) == 0;
    if (!s->written) return NULL;
    if (s->path) { /* on its way to the disk before the fsync asks for it */
        (void)sync_file_range(s->fd, (off_t)s->spilled, (off_t)s->leaving.len,
                              SYNC_FILE_RANGE_WRITE);
    }
    show_leaving(s);
    return NULL;
}

/* Waits for the thread. What it could not write stays in `leaving`. */
static void join_writer(struct tarn_spill *s) {
    int here = s->writing == (int)getpid();

    if (here) (void)pthread_join(s->writer, NULL);
    if (s->writing && !here) s->watched = LOST; /* a fork: the watcher may be half way */
    s->writing = 0;
    if (!here || !s->written) return;
    s->spilled += s->leaving.len;
    tarn_buf_clear(&s->leaving);
}

void tarn_spill_release(struct tarn_spill *s) {
    struct tarn_spill before = *s;
    int here = !s->path || s->owner == (int)getpid();

    join_writer(s);
    tarn_buf_release(&s->memory);
    tarn_buf_release(&s->leaving);
    if (s->fd >= 0) (void)close(s->fd);
    if (s->path && here) (void)unlink(s->path);
    tarn_free(s->path);
    tarn_spill_init(s);
    s->folder = before.folder;
    s->watch = before.watch;
    s->watch_ctx = before.watch_ctx;
}

void tarn_spill_clear(struct tarn_spill *s) {
    if (s->fd >= 0 || s->memory.cap > KEEP) {
        tarn_spill_release(s);
    } else {
        tarn_buf_clear(&s->memory);
    }
}

uint64_t tarn_spill_len(const struct tarn_spill *s) {
    return s->spilled + s->leaving.len + s->memory.len;
}

static int open_named(struct tarn_spill *s, struct tarn_err *err) {
    size_t size = strlen(s->folder) + TARN_ULID_LEN + 16;
    char id[TARN_ULID_LEN + 1];

    if (mkdir(s->folder, 0755) != 0 && errno != EEXIST) {
        return tarn_err_errno(err, errno, "cannot make the spool folder %s", s->folder);
    }
    if (tarn_ulid_new(tarn_time_now(), id)) return tarn_err_set(err, TARN_EIO, "no randomness");
    s->path = tarn_malloc(size);
    if (!s->path) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    snprintf(s->path, size, "%s/%s.changes", s->folder, id);
    s->owner = (int)getpid();
    s->fd = open(s->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (s->fd >= 0) return TARN_OK;
    (void)tarn_err_errno(err, errno, "cannot make the spool file %s", s->path);
    tarn_free(s->path);
    s->path = NULL;
    return err ? err->code : TARN_EIO;
}

static int open_temporary(struct tarn_spill *s, struct tarn_err *err) {
    const char *folder = getenv("TMPDIR");
    char path[4096];

    if (s->folder) return open_named(s, err);
    if (!folder || !*folder) folder = "/var/tmp";
    s->fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (s->fd >= 0) return TARN_OK;
    snprintf(path, sizeof path, "%s/tarn-XXXXXX", folder);
    s->fd = mkostemp(path, O_CLOEXEC);
    if (s->fd < 0) {
        return tarn_err_errno(
            err, errno, "no temporary file for a large transaction in %s (set TMPDIR)", folder);
    }
    (void)unlink(path);
    return TARN_OK;
}

/* Makes room in memory. */
static int write_out(struct tarn_spill *s, struct tarn_err *err) {
    struct tarn_buf full = s->memory;
    int code;

    if (s->fd < 0 && open_temporary(s, err)) return err ? err->code : TARN_EIO;
    join_writer(s);
    code = write_leaving(s);
    if (code) {
        return tarn_err_errno(err, code,
                              "writing a large transaction to a temporary file (set TMPDIR to a "
                              "folder with more room)");
    }
    if (s->leaving.len) show_leaving(s);
    s->spilled += s->leaving.len;
    s->memory = s->leaving;
    s->leaving = full;
    tarn_buf_clear(&s->memory);
    s->written = 0;
    /* without a thread the next call writes it */
    if (tarn_thread_start(&s->writer, run_writer, s)) s->writing = (int)getpid();
    return TARN_OK;
}

int tarn_spill_store(struct tarn_spill *s, struct tarn_err *err) {
    struct tarn_err local = {0};
    char *slash;
    int folder;
    int rc = TARN_OK;

    if (!err) err = &local;
    if (s->memory.len) rc = write_out(s, err);
    join_writer(s);
    if (rc == TARN_OK && s->leaving.len) { /* the thread couldn't */
        int code = write_leaving(s);

        if (code) return tarn_err_errno(err, code, "writing %s", s->path);
        show_leaving(s);
        s->spilled += s->leaving.len;
        tarn_buf_clear(&s->leaving);
    }
    if (rc) return rc;
    if (fsync(s->fd) != 0) return tarn_err_errno(err, errno, "fsync of %s", s->path);
    slash = strrchr(s->path, '/');
    *slash = 0;
    folder = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *slash = '/';
    if (folder < 0 || fsync(folder) != 0) {
        rc = tarn_err_errno(err, errno, "fsync of the folder of %s", s->path);
    }
    if (folder >= 0) (void)close(folder);
    return rc;
}

int tarn_spill_watched(struct tarn_spill *s) {
    int all = s->watch && s->watched == tarn_spill_len(s);

    s->watched = LOST;
    return all;
}

const char *tarn_spill_name(const struct tarn_spill *s) {
    return s->path ? strrchr(s->path, '/') + 1 : NULL;
}

void tarn_spill_keep(struct tarn_spill *s) {
    tarn_free(s->path);
    s->path = NULL;
}

int tarn_spill_append(struct tarn_spill *s, const void *p, size_t n, struct tarn_err *err) {
    int rc = TARN_OK;

    if (s->memory.len + n > TARN_SPILL_MEMORY && s->memory.len > 0) {
        struct tarn_err local = {0};

        rc = write_out(s, err ? err : &local);
        if (rc) return rc;
    }
    tarn_buf_put(&s->memory, p, n);
    if (s->memory.rc) {
        s->memory.rc = TARN_OK;
        return tarn_err_set(err, TARN_ENOMEM, "out of memory in a transaction of %llu bytes",
                            (unsigned long long)tarn_spill_len(s));
    }
    return TARN_OK;
}

int tarn_spill_truncate(struct tarn_spill *s, uint64_t len, struct tarn_err *err) {
    uint64_t keep;

    join_writer(s);
    if (len < s->watched) s->watched = s->watched ? LOST : 0;
    if (len >= s->spilled + s->leaving.len) {
        keep = len - s->spilled - s->leaving.len;
        if (keep < s->memory.len) s->memory.len = (size_t)keep;
        return TARN_OK;
    }
    tarn_buf_clear(&s->memory);
    if (len >= s->spilled) {
        s->leaving.len = (size_t)(len - s->spilled);
        return TARN_OK;
    }
    tarn_buf_clear(&s->leaving);
    s->spilled = len;
    if (ftruncate(s->fd, (off_t)len) != 0) {
        return tarn_err_errno(err, errno, "cutting a temporary file back to a savepoint");
    }
    return TARN_OK;
}

void tarn_spill_window_init(struct tarn_spill_window *w) {
    memset(w, 0, sizeof *w);
    tarn_buf_init(&w->bytes, (size_t)1 << 40);
}

void tarn_spill_window_release(struct tarn_spill_window *w) {
    tarn_buf_release(&w->bytes);
    tarn_spill_window_init(w);
}

uint64_t tarn_spill_piece(const struct tarn_spill *s, uint64_t offset) {
    uint64_t end = s->spilled;

    if (offset >= end) end += s->leaving.len;
    if (offset >= end) end += s->memory.len;
    return end - offset;
}

/* Reads ahead while the offsets come in order. */
static int fill(const struct tarn_spill *s, struct tarn_spill_window *w, uint64_t offset, size_t n,
                struct tarn_err *err) {
    int next = offset >= w->at && offset <= w->at + w->bytes.len + WINDOW;
    size_t want = next && n < WINDOW ? WINDOW : n;
    size_t got = 0;

    if (want > s->spilled - offset) want = (size_t)(s->spilled - offset);
    tarn_buf_clear(&w->bytes);
    if (tarn_buf_reserve(&w->bytes, want)) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    while (got < want) {
        ssize_t r = pread(s->fd, w->bytes.data + got, want - got, (off_t)(offset + got));

        if (r < 0 && errno == EINTR) continue;
        if (r <= 0) return tarn_err_errno(err, r < 0 ? errno : EIO, "reading a temporary file");
        got += (size_t)r;
    }
    w->bytes.len = got;
    w->at = offset;
    return TARN_OK;
}

int tarn_spill_read(const struct tarn_spill *s, struct tarn_spill_window *w, uint64_t offset,
                    size_t n, const uint8_t **out, struct tarn_err *err) {
    int rc = TARN_OK;

    *out = NULL;
    if (offset > tarn_spill_len(s) || n > tarn_spill_piece(s, offset)) {
        return tarn_err_set(err, TARN_ECORRUPT, "a transaction's buffer ends before byte %llu",
                            (unsigned long long)(offset + n));
    }
    if (offset >= s->spilled + s->leaving.len) {
        *out = s->memory.data + (offset - s->spilled - s->leaving.len);
        return TARN_OK;
    }
    if (offset >= s->spilled) {
        *out = s->leaving.data + (offset - s->spilled);
        return TARN_OK;
    }
    if (offset < w->at || offset + n > w->at + w->bytes.len) rc = fill(s, w, offset, n, err);
    if (rc == TARN_OK) *out = w->bytes.data + (offset - w->at);
    return rc;
}
