/* waiting_read.c: the records of one unit, from the copy or from its spool file. They are read in
** chunks; a record that a chunk cuts off is read again with the next one.
*/
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "waiting.h"

#define CHUNK ((size_t)256 << 10)

void tarn_waiting_reader_release(struct tarn_waiting_reader *r) {
    if (!r->waiting) return;
    tarn_spill_window_release(&r->window);
    tarn_buf_release(&r->bytes);
    tarn_buf_release(&r->numbers);
    memset(r, 0, sizeof *r);
}

int tarn_waiting_read(struct tarn_waiting_reader *r, const struct tarn_waiting *w, size_t unit,
                      struct tarn_err *err) {
    struct tarn_waiting_unit *u = &w->units[unit];
    char path[4096];

    tarn_waiting_reader_release(r);
    r->waiting = w;
    r->unit = u;
    r->at = u->from;
    r->end = u->to;
    r->want = CHUNK;
    tarn_spill_window_init(&r->window);
    tarn_buf_init(&r->bytes, (size_t)1 << 31);
    tarn_buf_init(&r->numbers, (size_t)1 << 24);
    if (!u->file[0] || u->fd >= 0) return TARN_OK;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", w->spool ? w->spool : "", u->file) <
        sizeof path) {
        u->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    }
    return u->fd >= 0 ? TARN_OK : tarn_err_errno(err, errno, "%s", path);
}

static int read_file(struct tarn_waiting_reader *r, size_t n, struct tarn_err *err) {
    size_t got = 0;

    tarn_buf_clear(&r->bytes);
    if (tarn_buf_reserve(&r->bytes, n)) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    while (got < n) {
        ssize_t more = pread(r->unit->fd, r->bytes.data + got, n - got, (off_t)(r->at + got));

        if (more < 0 && errno == EINTR) continue;
        if (more < 0) return tarn_err_errno(err, errno, "reading %s", r->unit->file);
        if (more == 0) {
            return tarn_err_set(err, TARN_ECORRUPT, "%s: ends after %llu of %llu bytes",
                                r->unit->file, (unsigned long long)(r->at + got),
                                (unsigned long long)r->end);
        }
        got += (size_t)more;
    }
    r->bytes.len = n;
    return TARN_OK;
}

/* The next chunk; *last = 1 when no record of it can be cut off. */
static int fill(struct tarn_waiting_reader *r, int *last, struct tarn_err *err) {
    uint64_t left = r->end - r->at;
    const uint8_t *p = NULL;
    size_t n;
    int rc;

    if (!r->unit->file[0]) {
        uint64_t piece = tarn_spill_piece(&r->waiting->bytes, r->at);

        if (piece < left) left = piece;
    }
    n = left < r->want ? (size_t)left : r->want;
    *last = n == left;
    if (r->unit->file[0]) {
        rc = read_file(r, n, err);
        p = r->bytes.data;
    } else {
        rc = tarn_spill_read(&r->waiting->bytes, &r->window, r->at, n, &p, err);
    }
    if (rc) return rc;
    r->chunk = (struct tarn_cursor){p, p + n, TARN_OK};
    return TARN_OK;
}

/* Is a record of a file the collection's? */
static int is_ours(struct tarn_waiting_reader *r, const struct tarn_record *record, int *ours,
                   struct tarn_err *err) {
    size_t want = strlen(r->waiting->collection);
    struct tarn_slice name;
    int rc;

    *ours = 1;
    if (!r->unit->file[0]) return TARN_OK;
    if (record->kind == 'T') {
        rc = tarn_payload_name(record->body, &name, err);
        if (rc) return rc;
        *ours = name.len == want && memcmp(name.data, r->waiting->collection, want) == 0;
        if (record->number == r->numbers.len) tarn_buf_u8(&r->numbers, (uint8_t)*ours);
        if (r->numbers.rc) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    } else {
        *ours = record->kind == 'R' && record->number < r->numbers.len &&
                r->numbers.data[record->number];
    }
    return TARN_OK;
}

int tarn_waiting_next(struct tarn_waiting_reader *r, struct tarn_record *record, int *more,
                      struct tarn_err *err) {
    int last = 0;
    int ours = 0;
    int rc = TARN_OK;

    for (;;) {
        const uint8_t *from = r->chunk.p;

        *more = 0;
        if (from < r->chunk.end && tarn_payload_next(&r->chunk, record, last ? err : NULL) == 0) {
            r->at += (uint64_t)(r->chunk.p - from);
            r->want = CHUNK;
            rc = is_ours(r, record, &ours, err);
            if (rc) return rc;
            if (!ours) continue;
            *more = 1;
            return TARN_OK;
        }
        if (from < r->chunk.end && last) {
            return tarn_err_set(err, TARN_ECORRUPT, "changes that wait: a record that is none");
        }
        if (r->at >= r->end) return TARN_OK;
        if (from < r->chunk.end && (size_t)(r->chunk.end - from) >= r->want) r->want *= 2;
        rc = fill(r, &last, err);
        if (rc) return rc;
    }
}
