/* fuzz_lines.c: any bytes as a file of JSON lines, plain or gzip.
**
** Read as they are; then packed by zlib in two members, which must give the same lines again.
*/
#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <zlib.h>

#include "jsonl_read.h"
#include "mem.h"
#include "scan.h"

struct seen {
    uint64_t lines, bytes, hash, last;
    int rc;
};

static void look(struct tarn_slice line) {
    struct tarn_jsonl_reader r = TARN_JSONL_READER_INIT;
    struct tarn_event ev;
    struct tarn_err err = {0};

    if (tarn_jsonl_read(&r, line, UINT32_MAX, &ev, &err) == TARN_OK) {
        assert(ev.present & TARN_EV_BIT(TARN_EV_TS));
        for (int c = 0; c < TARN_EV_COLUMNS; c++)
            assert(ev.text[c].len == 0 || ev.text[c].data);
    } else {
        assert(err.msg[0]);
    }
    tarn_jsonl_reader_release(&r);
}

static struct seen read_all(const void *data, size_t n, int parse) {
    struct tarn_memory_source memory = {data, n, "input.jsonl"};
    struct tarn_source src;
    struct tarn_lines *l = NULL;
    struct tarn_slice line = {NULL, 0};
    struct tarn_err err = {0};
    struct seen s = {0, 0, 0, 0, 0};
    uint64_t number = 0;
    int more = 0;

    tarn_source_memory(&src, &memory);
    s.rc = tarn_lines_open(&l, &src, &err);
    while (s.rc == TARN_OK) {
        s.rc = tarn_lines_next(l, &line, &number, &more, &err);
        if (s.rc != TARN_OK || !more) break;
        assert(number > s.last && line.len > 0);
        s.last = number;
        s.lines++;
        s.bytes += line.len;
        s.hash = s.hash * 31 + crc32(0, line.data, (uInt)line.len);
        if (parse && s.lines < 200) look(line);
    }
    assert(s.rc == TARN_OK || err.msg[0]);
    tarn_lines_free(l);
    return s;
}

static size_t pack(uint8_t *out, size_t room, const uint8_t *in, size_t n) {
    z_stream z;

    memset(&z, 0, sizeof z);
    assert(deflateInit2(&z, 1, Z_DEFLATED, 16 + 15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    z.next_in = (Bytef *)(uintptr_t)in;
    z.avail_in = (uInt)n;
    z.next_out = out;
    z.avail_out = (uInt)room;
    assert(deflate(&z, Z_FINISH) == Z_STREAM_END);
    deflateEnd(&z);
    return room - z.avail_out;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct seen plain = read_all(data, size, 1), packed;
    size_t room = 2 * size + 1024, half = size / 2, n = 0;
    uint8_t *out = NULL;

    if (size >= 2 && data[0] == 0x1f && data[1] == 0x8b) return 0;
    assert(plain.rc == TARN_OK);
    out = tarn_malloc(room);
    assert(out);
    n = pack(out, room, data, half);
    n += pack(out + n, room - n, data + half, size - half);
    packed = read_all(out, n, 0);
    assert(packed.rc == TARN_OK && packed.lines == plain.lines && packed.bytes == plain.bytes);
    assert(packed.hash == plain.hash && packed.last == plain.last);
    tarn_free(out);
    return 0;
}
