/* change_reader.c: see change_reader.h. Records of events are passed over by their length. */
#include "change_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mem.h"

#define WINDOW ((size_t)1 << 20)
#define RECORD_MAX ((size_t)1 << 32)

static int damaged(struct tarn_err *err) {
    return tarn_err_set(err, TARN_ECORRUPT,
                        "table _tarn_outbox: a commit holds a record that is not one");
}

/* Passes over records of `kinds`, which begin with their length. */
static int pass(struct tarn_cursor *c, const char *kinds, struct tarn_err *err) {
    while (c->p < c->end && *c->p && strchr(kinds, *c->p)) {
        struct tarn_cursor at = {c->p + 1, c->end, TARN_OK};
        uint64_t n;

        if (*c->p == 'T' || *c->p == 'R') (void)tarn_cursor_varint(&at);
        n = tarn_cursor_varint(&at);
        if (at.rc || n > (uint64_t)(at.end - at.p)) return damaged(err);
        c->p = at.p + n;
    }
    return TARN_OK;
}

void tarn_change_reader_open(struct tarn_change_reader *r, const char *folder,
                             const struct tarn_commit *c) {
    memset(r, 0, sizeof *r);
    r->folder = folder;
    r->fd = -1;
    r->line = (struct tarn_cursor){c->payload, c->payload + c->len, TARN_OK};
    tarn_buf_init(&r->window, RECORD_MAX);
}

static int begin_file(struct tarn_change_reader *r, const struct tarn_change_file *f,
                      struct tarn_err *err) {
    struct stat st;
    int rc = TARN_OK;

    snprintf(r->path, sizeof r->path, "%s/%s", r->folder, f->name);
    r->fd = open(r->path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0 && errno == ENOENT) {
        return tarn_err_set(err, TARN_ENOTFOUND,
                            "a committed transaction's changes lie in %s, which is gone: a copy of "
                            "a database needs a copy of its -spool folder; put the file back, then "
                            "run SELECT tarn_flush()",
                            r->path);
    }
    if (r->fd < 0 || fstat(r->fd, &st) != 0) {
        rc = tarn_err_errno(err, errno, "a committed transaction's changes lie in %s", r->path);
    } else if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size < f->bytes) {
        rc = tarn_err_set(err, TARN_ECORRUPT, "the file of changes %s is cut short", r->path);
    }
    r->left = f->bytes;
    r->at = 0;
    tarn_buf_clear(&r->window);
    return rc;
}

int tarn_change_reader_file(struct tarn_change_reader *r, const char *folder,
                            const struct tarn_change_file *f, struct tarn_err *err) {
    memset(r, 0, sizeof *r);
    r->folder = folder;
    r->fd = -1;
    tarn_buf_init(&r->window, RECORD_MAX);
    return begin_file(r, f, err);
}

static void end_file(struct tarn_change_reader *r) {
    if (r->fd >= 0) (void)close(r->fd);
    r->fd = -1;
}

void tarn_change_reader_close(struct tarn_change_reader *r) {
    end_file(r);
    tarn_buf_release(&r->window);
}

/* Moves what is left of the window to its beginning, and reads on: `more` bytes, or what there is. */
static int fill(struct tarn_change_reader *r, size_t more, struct tarn_err *err) {
    size_t kept = r->window.len - r->at;

    if (more > r->left) more = (size_t)r->left;
    if (kept) memmove(r->window.data, r->window.data + r->at, kept);
    r->at = 0;
    r->window.len = kept;
    if (tarn_buf_reserve(&r->window, more)) {
        return tarn_err_set(err, r->window.rc, "no memory for the changes in %s", r->path);
    }
    while (more > 0) {
        ssize_t got = read(r->fd, r->window.data + r->window.len, more);

        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return tarn_err_errno(err, errno, "reading %s", r->path);
        if (got == 0) {
            return tarn_err_set(err, TARN_ECORRUPT, "the file of changes %s is cut short", r->path);
        }
        r->window.len += (size_t)got;
        r->left -= (uint64_t)got;
        more -= (size_t)got;
    }
    return TARN_OK;
}

/* How long is the record that begins here; 0: its beginning does not lie in the window whole. */
static uint64_t record_length(const struct tarn_change_reader *r) {
    const uint8_t *p = r->window.data + r->at;
    struct tarn_cursor c = {p, r->window.data + r->window.len, TARN_OK};
    uint64_t n;

    (void)tarn_cursor_u8(&c);
    (void)tarn_cursor_varint(&c);
    n = tarn_cursor_varint(&c);
    return c.rc || n > RECORD_MAX ? 0 : (uint64_t)(c.p - p) + n;
}

static int next_in_file(struct tarn_change_reader *r, struct tarn_record *out, int *more,
                        struct tarn_err *err) {
    struct tarn_cursor c;
    uint64_t n;
    size_t have = r->window.len - r->at;
    int rc;

    *more = 0;
    if (have == 0 && r->left == 0) {
        end_file(r);
        return TARN_OK;
    }
    n = have ? record_length(r) : 0;
    if (n == 0 || n > have) {
        uint64_t want = n > have ? n - have : 0;

        rc = fill(r, want > WINDOW ? (size_t)want : WINDOW, err);
        if (rc) return rc;
        have = r->window.len;
        n = record_length(r);
        if (n > have && n - have <= r->left) {
            rc = fill(r, (size_t)(n - have), err);
            if (rc) return rc;
            have = r->window.len;
        }
    }
    c = (struct tarn_cursor){r->window.data + r->at, r->window.data + r->window.len, TARN_OK};
    if (n == 0 || n > have || (*c.p != 'T' && *c.p != 'R') || tarn_payload_next(&c, out, NULL)) {
        return tarn_err_set(err, TARN_ECORRUPT,
                            "the file of changes %s holds a record that is not one", r->path);
    }
    r->at += (size_t)n;
    *more = 1;
    return TARN_OK;
}

int tarn_change_reader_next(struct tarn_change_reader *r, struct tarn_record *out, int *more,
                            struct tarn_err *err) {
    int rc = TARN_OK;

    *more = 0;
    for (;;) {
        if (r->fd >= 0) {
            rc = next_in_file(r, out, more, err);
            if (rc || *more) return rc;
        }
        rc = pass(&r->line, "ESB", err);
        if (rc || r->line.p == r->line.end) return rc;
        rc = tarn_payload_next(&r->line, out, err);
        if (rc) return rc;
        if (out->kind != 'F') break;
        rc = begin_file(r, &out->file, err);
        if (rc) return rc;
    }
    *more = 1;
    return TARN_OK;
}

int tarn_change_reader_files(struct tarn_cursor *c, struct tarn_record *out, struct tarn_err *err,
                             int *rc) {
    *rc = pass(c, "ESTR", err);
    if (*rc || c->p == c->end) return 0;
    *rc = tarn_payload_next(c, out, err);
    return *rc == TARN_OK;
}
