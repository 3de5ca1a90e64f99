/* thrift_read.c: the compact protocol, as far as Parquet's metadata uses it, and skipping the rest.
**
**   field header   dddd tttt   d: id minus the previous one, 0 = a zigzag id follows; t: type
**   list header    nnnn tttt   n: elements, 15 = a varint follows
**   booleans       in a struct the type is the value; in a list one byte each
**
** Every element of every type takes at least one byte, so a list can't claim more elements than
** bytes are left. Depth of known structs is fixed by the code that parses them; only skip() meets
** depth that the input chooses, and keeps its own stack of 32 levels.
*/
#include "thrift_read.h"

#include <string.h>

#include "err.h"

#define MAX_DEPTH 32

void tarn_thrift_init(struct tarn_thrift *t, const uint8_t *data, size_t n) {
    t->p = data;
    t->end = data + n;
    t->rc = TARN_OK;
    t->at_end = 0;
}

static void fail(struct tarn_thrift *t) {
    t->rc = TARN_ECORRUPT;
    t->p = t->end;
}

static void ran_out(struct tarn_thrift *t) {
    if (!t->rc) t->at_end = 1;
    fail(t);
}

static uint8_t take(struct tarn_thrift *t) {
    if (t->p == t->end) {
        ran_out(t);
        return 0;
    }
    return *t->p++;
}

static uint64_t varint(struct tarn_thrift *t) {
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t b = take(t);
        if (shift == 63 && b > 1) break;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80)) return t->rc ? 0 : v;
    }
    fail(t);
    return 0;
}

static int64_t zigzag(struct tarn_thrift *t) {
    uint64_t v = varint(t);
    return (int64_t)((v >> 1) ^ (0 - (v & 1)));
}

static struct tarn_slice binary(struct tarn_thrift *t) {
    struct tarn_slice s = {NULL, 0};
    uint64_t n = varint(t);
    if (t->rc) return s;
    if (n > (uint64_t)(t->end - t->p)) {
        ran_out(t);
        return s;
    }
    s.data = t->p;
    s.len = (size_t)n;
    t->p += n;
    return s;
}

int tarn_thrift_next(struct tarn_thrift *t, struct tarn_thrift_field *f) {
    uint8_t b = take(t);
    int64_t id = 0;
    if (t->rc || b == TARN_THRIFT_STOP) return 0;
    f->type = b & 15;
    id = (b >> 4) ? f->id + (b >> 4) : zigzag(t);
    if (t->rc) return 0;
    if (id < INT16_MIN || id > INT16_MAX || f->type == 0 || f->type > TARN_THRIFT_UUID) {
        fail(t);
        return 0;
    }
    f->id = (int16_t)id;
    return 1;
}

static uint32_t list_header(struct tarn_thrift *t, uint8_t *elem) {
    uint8_t b = take(t);
    uint64_t n = b >> 4;
    *elem = b & 15;
    if (n == 15) n = varint(t);
    if (t->rc) return 0;
    if (n > (uint64_t)(t->end - t->p)) {
        ran_out(t);
        return 0;
    }
    if (n > UINT32_MAX) {
        fail(t);
        return 0;
    }
    return (uint32_t)n;
}

static void advance(struct tarn_thrift *t, size_t n) {
    if (n > (size_t)(t->end - t->p))
        ran_out(t);
    else
        t->p += n;
}

/* Passes over a value that holds no others; 0 when it does. */
static int skip_scalar(struct tarn_thrift *t, uint8_t type, int in_struct) {
    switch (type) {
    case TARN_THRIFT_TRUE:
    case TARN_THRIFT_FALSE:
        if (!in_struct) advance(t, 1);
        return 1;
    case TARN_THRIFT_I8: advance(t, 1); return 1;
    case TARN_THRIFT_I16:
    case TARN_THRIFT_I32:
    case TARN_THRIFT_I64: varint(t); return 1;
    case TARN_THRIFT_DOUBLE: advance(t, 8); return 1;
    case TARN_THRIFT_BINARY: binary(t); return 1;
    case TARN_THRIFT_UUID: advance(t, 16); return 1;
    case TARN_THRIFT_LIST:
    case TARN_THRIFT_SET:
    case TARN_THRIFT_MAP:
    case TARN_THRIFT_STRUCT: return 0;
    default: fail(t); return 1;
    }
}

struct level {
    uint8_t kind;    /* LIST (also sets and maps) or STRUCT */
    uint8_t elem[2]; /* types of the elements, which alternate in a map */
    uint8_t turn;
    uint64_t left;
    struct tarn_thrift_field field;
};

static void enter(struct tarn_thrift *t, struct level *l, uint8_t type) {
    memset(l, 0, sizeof *l);
    l->kind = type == TARN_THRIFT_STRUCT ? TARN_THRIFT_STRUCT : TARN_THRIFT_LIST;
    if (type == TARN_THRIFT_MAP) {
        uint64_t n = varint(t);
        uint8_t kv = n ? take(t) : 0;
        if (n > (uint64_t)(t->end - t->p)) ran_out(t);
        l->elem[0] = kv >> 4;
        l->elem[1] = kv & 15;
        l->left = t->rc ? 0 : 2 * n;
    } else if (type != TARN_THRIFT_STRUCT) {
        l->left = list_header(t, &l->elem[0]);
        l->elem[1] = l->elem[0];
    }
}

void tarn_thrift_skip(struct tarn_thrift *t, uint8_t type) {
    struct level stack[MAX_DEPTH];
    int depth = 0, in_struct = 1;
    for (;;) {
        if (t->rc) return;
        if (!skip_scalar(t, type, in_struct)) {
            if (depth == MAX_DEPTH) {
                fail(t);
                return;
            }
            enter(t, &stack[depth++], type);
        }
        for (;;) {
            struct level *l = NULL;
            if (depth == 0 || t->rc) return;
            l = &stack[depth - 1];
            if (l->kind == TARN_THRIFT_STRUCT) {
                if (tarn_thrift_next(t, &l->field)) {
                    type = l->field.type;
                    in_struct = 1;
                    break;
                }
            } else if (l->left) {
                type = l->elem[l->turn];
                l->turn ^= 1;
                l->left--;
                in_struct = 0;
                break;
            }
            depth--;
        }
    }
}

int64_t tarn_thrift_i64(struct tarn_thrift *t, const struct tarn_thrift_field *f) {
    if (f->type == TARN_THRIFT_I8) return (int8_t)take(t);
    if (f->type == TARN_THRIFT_I16 || f->type == TARN_THRIFT_I32 || f->type == TARN_THRIFT_I64)
        return zigzag(t);
    fail(t);
    return 0;
}

int32_t tarn_thrift_i32(struct tarn_thrift *t, const struct tarn_thrift_field *f) {
    int64_t v = tarn_thrift_i64(t, f);
    if (v < INT32_MIN || v > INT32_MAX) {
        fail(t);
        return 0;
    }
    return (int32_t)v;
}

int tarn_thrift_bool(struct tarn_thrift *t, const struct tarn_thrift_field *f) {
    if (f->type != TARN_THRIFT_TRUE && f->type != TARN_THRIFT_FALSE) fail(t);
    return f->type == TARN_THRIFT_TRUE;
}

struct tarn_slice tarn_thrift_binary(struct tarn_thrift *t, const struct tarn_thrift_field *f) {
    if (f->type != TARN_THRIFT_BINARY) fail(t);
    return binary(t);
}

int tarn_thrift_struct(struct tarn_thrift *t, const struct tarn_thrift_field *f) {
    if (f->type != TARN_THRIFT_STRUCT) fail(t);
    return !t->rc;
}

static int is_bool(uint8_t type) {
    return type == TARN_THRIFT_TRUE || type == TARN_THRIFT_FALSE;
}

uint32_t tarn_thrift_list(struct tarn_thrift *t, const struct tarn_thrift_field *f, uint8_t elem,
                          uint32_t min_bytes) {
    uint8_t found = 0;
    uint32_t n = 0;
    if (f->type != TARN_THRIFT_LIST) {
        fail(t);
        return 0;
    }
    n = list_header(t, &found);
    if (t->rc || n == 0) return 0;
    if (found != elem && !(is_bool(found) && is_bool(elem))) {
        fail(t);
        return 0;
    }
    if ((uint64_t)n * min_bytes > (uint64_t)(t->end - t->p)) {
        ran_out(t);
        return 0;
    }
    return n;
}

int64_t tarn_thrift_elem_int(struct tarn_thrift *t) {
    return zigzag(t);
}

int tarn_thrift_elem_bool(struct tarn_thrift *t) {
    return take(t) == 1;
}

struct tarn_slice tarn_thrift_elem_binary(struct tarn_thrift *t) {
    return binary(t);
}
