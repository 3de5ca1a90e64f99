/* lines.c: the lines of a text file, plain or gzip (told by its first two bytes).
**
**   source --256 KiB--> [inflate] --> window: | handed out | line … \n line … | free |
**                                                          start            end
**
** A line is handed out in place; the window moves its unfinished rest to the front before it reads
** on, and grows (doubling, up to one line of 64 MiB) only when a line doesn't fit. Gzip files may
** have several members, as log shippers append them. What a line means is left to the caller.
*/
#include <string.h>
#include <zlib.h>

#include "mem.h"
#include "scan.h"

#define CHUNK ((size_t)256 << 10)
#define LINE_MAX_BYTES ((size_t)64 << 20)

struct tarn_lines {
    const struct tarn_source *src;
    uint64_t offset; /* of the next byte to read from src */
    uint8_t *window;
    size_t cap, start, end, searched; /* no newline in [start, searched) */
    uint8_t *packed;                  /* gzip only */
    z_stream z;
    int gzip, in_member, at_end;
    uint64_t number;
};

static int read_raw(struct tarn_lines *l, uint8_t *out, size_t room, size_t *got,
                    struct tarn_err *err) {
    uint64_t left = l->src->size - l->offset;
    size_t n = left < room ? (size_t)left : room;
    int rc = n ? l->src->read(l->src->ctx, l->offset, out, n, err) : TARN_OK;

    if (rc == TARN_OK) {
        l->offset += n;
        *got = n;
    }
    return rc;
}

static int read_gzip(struct tarn_lines *l, uint8_t *out, size_t room, size_t *got,
                     struct tarn_err *err) {
    size_t n = 0;
    int rc = TARN_OK;
    int z;

    l->z.next_out = out;
    l->z.avail_out = (uInt)room;
    while (l->z.avail_out == room) {
        if (l->z.avail_in == 0) {
            if ((rc = read_raw(l, l->packed, CHUNK, &n, err)) != TARN_OK) return rc;
            l->z.next_in = l->packed;
            l->z.avail_in = (uInt)n;
            if (n == 0 && l->in_member)
                return tarn_err_set(err, TARN_ECORRUPT,
                                    "%s: gzip data ends in the middle of a member (at byte %llu)",
                                    l->src->name, (unsigned long long)l->offset);
            if (n == 0) break;
        }
        if (!l->in_member) inflateReset(&l->z);
        l->in_member = 1;
        z = inflate(&l->z, Z_NO_FLUSH);
        if (z == Z_STREAM_END)
            l->in_member = 0;
        else if (z == Z_MEM_ERROR)
            return tarn_err_set(err, TARN_ENOMEM, "%s: out of memory", l->src->name);
        else if (z != Z_OK && z != Z_BUF_ERROR)
            return tarn_err_set(err, TARN_ECORRUPT, "%s: not valid gzip data before byte %llu: %s",
                                l->src->name, (unsigned long long)(l->offset - l->z.avail_in),
                                l->z.msg ? l->z.msg : "unexpected data");
    }
    *got = room - l->z.avail_out;
    return TARN_OK;
}

/* Makes room and reads more; at_end is set when the file has no more. */
static int fill(struct tarn_lines *l, struct tarn_err *err) {
    size_t got = 0, room, cap;
    uint8_t *p;
    int rc;

    if (l->start) {
        memmove(l->window, l->window + l->start, l->end - l->start);
        l->end -= l->start;
        l->searched -= l->start;
        l->start = 0;
    }
    if (l->cap - l->end < CHUNK) {
        if (l->end > LINE_MAX_BYTES)
            return tarn_err_set(err, TARN_ELIMIT, "%s: line %llu is longer than 64 MiB",
                                l->src->name, (unsigned long long)(l->number + 1));
        cap = l->cap * 2;
        if ((p = tarn_realloc(l->window, cap)) == NULL)
            return tarn_err_set(err, TARN_ENOMEM, "%s: out of memory", l->src->name);
        l->window = p;
        l->cap = cap;
    }
    room = l->cap - l->end;
    if (room > CHUNK) room = CHUNK;
    rc = l->gzip ? read_gzip(l, l->window + l->end, room, &got, err)
                 : read_raw(l, l->window + l->end, room, &got, err);
    if (rc == TARN_OK) {
        l->end += got;
        l->at_end = got == 0;
    }
    return rc;
}

int tarn_lines_open(struct tarn_lines **out, const struct tarn_source *src, struct tarn_err *err) {
    struct tarn_lines *l = tarn_calloc(1, sizeof *l);
    uint8_t magic[2] = {0, 0};
    int rc = TARN_OK;

    *out = NULL;
    if (!l) return tarn_err_set(err, TARN_ENOMEM, "%s: out of memory", src->name);
    l->src = src;
    l->cap = 2 * CHUNK;
    if ((l->window = tarn_malloc(l->cap)) == NULL) {
        rc = tarn_err_set(err, TARN_ENOMEM, "%s: out of memory", src->name);
        goto out;
    }
    if (src->size >= 2 && (rc = src->read(src->ctx, 0, magic, 2, err)) != TARN_OK) goto out;
    if (magic[0] == 0x1f && magic[1] == 0x8b) {
        if ((l->packed = tarn_malloc(CHUNK)) == NULL || inflateInit2(&l->z, 16 + 15) != Z_OK) {
            rc = tarn_err_set(err, TARN_ENOMEM, "%s: out of memory", src->name);
            goto out;
        }
        l->gzip = 1;
    }
    while (l->end < 3 && !l->at_end) { /* a byte order mark may come in pieces */
        if ((rc = fill(l, err)) != TARN_OK) goto out;
    }
    if (l->end >= 3 && memcmp(l->window, "\xef\xbb\xbf", 3) == 0) l->start = l->searched = 3;
out:
    if (rc != TARN_OK) {
        tarn_lines_free(l);
        l = NULL;
    }
    *out = l;
    return rc;
}

static int blank(const uint8_t *p, size_t n) {
    size_t i;

    for (i = 0; i < n; i++) {
        if (p[i] != ' ' && p[i] != '\t' && p[i] != '\r') return 0;
    }
    return 1;
}

int tarn_lines_next(struct tarn_lines *l, struct tarn_slice *line, uint64_t *number, int *more,
                    struct tarn_err *err) {
    const uint8_t *nl;
    size_t n;
    int rc;

    *more = 0;
    for (;;) {
        nl = l->end > l->searched ? memchr(l->window + l->searched, '\n', l->end - l->searched)
                                  : NULL;
        if (!nl && !l->at_end) {
            l->searched = l->end;
            if ((rc = fill(l, err)) != TARN_OK) return rc;
            continue;
        }
        if (!nl && l->start == l->end) return TARN_OK;
        line->data = l->window + l->start;
        n = nl ? (size_t)(nl - line->data) : l->end - l->start;
        l->start = l->searched = nl ? l->start + n + 1 : l->end;
        l->number++;
        if (n > LINE_MAX_BYTES)
            return tarn_err_set(err, TARN_ELIMIT, "%s: line %llu is longer than 64 MiB",
                                l->src->name, (unsigned long long)l->number);
        if (n && line->data[n - 1] == '\r') n--;
        if (blank(line->data, n)) continue;
        line->len = n;
        if (number) *number = l->number;
        *more = 1;
        return TARN_OK;
    }
}

void tarn_lines_free(struct tarn_lines *l) {
    if (!l) return;
    if (l->gzip) inflateEnd(&l->z);
    tarn_free(l->packed);
    tarn_free(l->window);
    tarn_free(l);
}
