/* test_writer_peek.h: just enough of Thrift's compact protocol to look into what a writer wrote.
**
** peek(start, end, path, depth, out): path is field ids and list positions, e.g. {4, 0, 1, 2} =
** field 4, its element 0, that struct's field 1, its element 2. Test code: recursion is bounded by
** the metadata's own depth.
*/
#ifndef TEST_WRITER_PEEK_H
#define TEST_WRITER_PEEK_H

#include <stdlib.h>

#include "buf.h"

struct peek {
    int type;       /* compact type; 0 = not there */
    int64_t number; /* of booleans (0, 1) and integers; elements of a list; bytes of a binary */
    const uint8_t *bytes; /* of a binary; where a struct starts */
    const uint8_t *end;   /* just after a struct's last byte */
};

static inline void peek_value(struct tarn_cursor *c, int type, int in_list, const int *path,
                              int depth, struct peek *out);

static inline void peek_struct(struct tarn_cursor *c, const int *path, int depth,
                               struct peek *out) {
    int id = 0;

    for (;;) {
        uint8_t header = tarn_cursor_u8(c);
        int type = header & 15;

        if (type == 0 || c->rc) return;
        id = header >> 4 ? id + (header >> 4) : (int)tarn_cursor_zigzag(c);
        if (depth > 0 && path[0] == id)
            peek_value(c, type, 0, path + 1, depth - 1, out);
        else
            peek_value(c, type, 0, NULL, -1, NULL);
    }
}

/* depth 0: this is the value looked for; < 0: skip it. */
static inline void peek_value(struct tarn_cursor *c, int type, int in_list, const int *path,
                              int depth, struct peek *out) {
    struct peek p = {type, 0, c->p, NULL};

    if (type == 9) {
        uint8_t header = tarn_cursor_u8(c);
        uint64_t n = header >> 4 == 15 ? tarn_cursor_varint(c) : header >> 4;

        p.number = (int64_t)n;
        for (uint64_t i = 0; i < n && !c->rc; i++) {
            int here = depth > 0 && path[0] == (int)i;

            peek_value(c, header & 15, 1, here ? path + 1 : NULL, here ? depth - 1 : -1, out);
        }
    } else if (type == 12) {
        peek_struct(c, path, depth, out);
    } else if (type == 8) {
        p.number = (int64_t)tarn_cursor_varint(c);
        p.bytes = tarn_cursor_bytes(c, (size_t)p.number);
    } else if (type == 1 || type == 2) {
        p.number = in_list ? tarn_cursor_u8(c) == 1 : type == 1;
    } else if (type == 3) {
        p.number = (int8_t)tarn_cursor_u8(c);
    } else {
        p.number = tarn_cursor_zigzag(c);
    }
    p.end = c->p;
    if (depth == 0 && out) *out = p;
}

static inline struct peek peek(const uint8_t *start, const uint8_t *end, const int *path,
                               int depth) {
    struct tarn_cursor c = {start, end, TARN_OK};
    struct peek out = {0, 0, NULL, NULL};

    peek_struct(&c, path, depth, &out);
    if (c.rc) abort();
    return out;
}

/* Where the struct at `start` ends. */
static inline const uint8_t *peek_end(const uint8_t *start, const uint8_t *end) {
    struct tarn_cursor c = {start, end, TARN_OK};

    peek_struct(&c, NULL, -1, NULL);
    if (c.rc) abort();
    return c.p;
}

#define PEEK(start, end, ...)                        \
    peek((start), (end), (const int[]){__VA_ARGS__}, \
         (int)(sizeof((const int[]){__VA_ARGS__}) / sizeof(int)))

#endif
