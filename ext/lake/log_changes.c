/* log_changes.c: see log_changes.h. */
#include "log_changes.h"

#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "mem.h"
#include "text.h"

#define DIGEST 32

void tarn_log_hex(struct tarn_buf *b, const uint8_t *digest) {
    int i;

    tarn_buf_u8(b, '"');
    for (i = 0; i < DIGEST; i++)
        tarn_buf_printf(b, "%02x", digest[i]);
    tarn_buf_u8(b, '"');
}

int tarn_log_unhex(const char *s, uint8_t *out) {
    int i;

    if (!s || strlen(s) != 2 * DIGEST || strspn(s, "0123456789abcdef") != 2 * DIGEST) return -1;
    for (i = 0; i < DIGEST; i++) {
        const char *digits = "0123456789abcdef";

        out[i] = (uint8_t)((strchr(digits, s[2 * i]) - digits) << 4 |
                           (strchr(digits, s[2 * i + 1]) - digits));
    }
    return 0;
}

void tarn_log_changes_release(struct tarn_log_changes *c) {
    tarn_free(c->commits);
    tarn_arena_release(&c->arena);
    memset(c, 0, sizeof *c);
}

struct tarn_log_commit *tarn_log_changes_add(struct tarn_log_changes *c) {
    if (c->n == c->capacity) {
        size_t more = c->capacity ? 2 * c->capacity : 16;
        struct tarn_log_commit *grown = tarn_reallocarray(c->commits, more, sizeof *grown);

        if (!grown) return NULL;
        c->commits = grown;
        c->capacity = more;
    }
    memset(&c->commits[c->n], 0, sizeof *c->commits);
    return &c->commits[c->n++];
}

const struct tarn_log_commit *tarn_log_changes_find(const struct tarn_log_changes *c,
                                                    uint64_t sequence) {
    size_t from = 0;
    size_t to = c->n;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (c->commits[middle].sequence < sequence) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from < c->n && c->commits[from].sequence == sequence ? &c->commits[from] : NULL;
}

static int copy_slice(struct tarn_arena *a, struct tarn_slice *s) {
    s->data = tarn_arena_memdup(a, s->data, s->len);
    return s->data ? 0 : -1;
}

static int copy_collections(struct tarn_arena *a, struct tarn_log_commit *c) {
    size_t i, k;

    c->collections =
        tarn_arena_memdup(a, c->collections, c->n_collections * sizeof *c->collections);
    for (i = 0; c->collections && i < c->n_collections; i++) {
        struct tarn_log_collection *one = &c->collections[i];

        if (copy_slice(a, &one->name)) return -1;
        if (one->n_items == 0) continue;
        one->items = tarn_arena_memdup(a, one->items, one->n_items * sizeof *one->items);
        for (k = 0; one->items && k < one->n_items; k++)
            (void)copy_slice(a, &one->items[k].text);
    }
    return a->rc;
}

int tarn_log_changes_copy(struct tarn_log_changes *out, const struct tarn_log_changes *from,
                          struct tarn_err *err) {
    size_t i;

    for (i = 0; i < from->n; i++) {
        struct tarn_log_commit *to = tarn_log_changes_add(out);

        if (to) *to = from->commits[i];
        if (!to || copy_collections(&out->arena, to)) {
            return tarn_err_set(err, TARN_ENOMEM, "out of memory");
        }
    }
    return TARN_OK;
}

static void put_collection(struct tarn_buf *b, const struct tarn_log_collection *c) {
    size_t i;

    tarn_buf_puts(b, "{\"name\":");
    tarn_json_quote(b, (const char *)c->name.data, c->name.len);
    tarn_buf_printf(b, ",\"rows\":%" PRIu64 ",\"digest\":", c->rows);
    tarn_log_hex(b, c->digest);
    for (i = 0; i < c->n_items; i++) {
        tarn_buf_printf(b, "%s[%" PRIu64 ",", i ? "," : ",\"entries\":[", c->items[i].position);
        tarn_json_quote(b, (const char *)c->items[i].text.data, c->items[i].text.len);
        tarn_buf_u8(b, ']');
    }
    tarn_buf_puts(b, c->n_items ? "]}" : "}");
}

void tarn_log_changes_put(struct tarn_buf *b, const struct tarn_log_changes *c) {
    size_t i, k;

    tarn_buf_u8(b, '[');
    for (i = 0; i < c->n; i++) {
        const struct tarn_log_commit *one = &c->commits[i];

        tarn_buf_printf(b, "%s{\"sequence\":%" PRIu64 ",\"time\":%" PRId64, i ? "," : "",
                        one->sequence, one->time);
        if (one->has_events) {
            tarn_buf_puts(b, ",\"events\":");
            tarn_log_hex(b, one->events);
        }
        tarn_buf_puts(b, ",\"collections\":[");
        for (k = 0; k < one->n_collections; k++) {
            if (k) tarn_buf_u8(b, ',');
            put_collection(b, &one->collections[k]);
        }
        tarn_buf_puts(b, "]}");
    }
    tarn_buf_u8(b, ']');
}

/* A string of the JSON as a slice in the arena; len 0 when it is none. */
static struct tarn_slice take_text(struct tarn_arena *a, const json_t *v) {
    struct tarn_slice s = {NULL, 0};

    if (!json_is_string(v) || json_string_length(v) == 0) return s;
    s.data = tarn_arena_memdup(a, json_string_value(v), json_string_length(v));
    if (s.data) s.len = json_string_length(v);
    return s;
}

/* "namespace/collection" in the letters that percent-encoding leaves. */
static int is_name(struct tarn_slice s) {
    size_t slashes = 0;
    size_t i;

    for (i = 0; i < s.len; i++) {
        uint8_t c = s.data[i];
        int letter = (uint8_t)((c | 0x20) - 'a') < 26 || (uint8_t)(c - '0') < 10;

        slashes += c == '/';
        if (!letter && c != '/' && c != '.' && c != '_' && c != '-' && c != '%') return 0;
    }
    return slashes == 1 && s.data[0] != '/' && s.data[s.len - 1] != '/';
}

static int take_items(struct tarn_log_collection *out, struct tarn_arena *a, const json_t *items) {
    size_t n = json_array_size(items);
    size_t i;

    if (items && !json_is_array(items)) return -1;
    if (n == 0) return 0;
    out->items = tarn_arena_calloc(a, n, sizeof *out->items);
    for (i = 0; out->items && i < n; i++) {
        const json_t *item = json_array_get(items, i);
        const json_t *at = json_array_get(item, 0);
        json_int_t position = json_integer_value(at);

        if (json_array_size(item) != 2 || !json_is_integer(at) || position < 0 ||
            (uint64_t)position >= out->rows) {
            return -1;
        }
        out->items[i].position = (uint64_t)position;
        out->items[i].text = take_text(a, json_array_get(item, 1));
        if (out->items[i].text.len == 0) return -1;
        if (i && out->items[i].position <= out->items[i - 1].position) return -1;
        out->n_items++;
    }
    return 0;
}

static int take_commit(struct tarn_log_commit *out, struct tarn_arena *a, const json_t *v) {
    const json_t *collections = json_object_get(v, "collections");
    const json_t *events = json_object_get(v, "events");
    json_int_t sequence = json_integer_value(json_object_get(v, "sequence"));
    size_t n = json_array_size(collections);
    size_t i;

    if (sequence <= 0 || n == 0 || !json_is_integer(json_object_get(v, "time"))) return -1;
    out->sequence = (uint64_t)sequence;
    out->time = (int64_t)json_integer_value(json_object_get(v, "time"));
    out->has_events = events != NULL;
    if (events && tarn_log_unhex(json_string_value(events), out->events)) return -1;
    out->collections = tarn_arena_calloc(a, n, sizeof *out->collections);
    for (i = 0; out->collections && i < n; i++) {
        struct tarn_log_collection *to = &out->collections[i];
        const json_t *from = json_array_get(collections, i);
        json_int_t rows = json_integer_value(json_object_get(from, "rows"));

        to->name = take_text(a, json_object_get(from, "name"));
        to->rows = (uint64_t)rows;
        if (to->name.len == 0 || !is_name(to->name) || rows <= 0 ||
            tarn_log_unhex(json_string_value(json_object_get(from, "digest")), to->digest) ||
            take_items(to, a, json_object_get(from, "entries"))) {
            return -1;
        }
        out->n_collections++;
    }
    return 0;
}

int tarn_log_changes_take(struct tarn_log_changes *out, const void *array, uint64_t first,
                          uint64_t last, struct tarn_err *err) {
    const json_t *list = array;
    uint64_t before = first - 1;
    size_t i;

    if (list && !json_is_array(list)) {
        return tarn_err_set(err, TARN_ECORRUPT, "changes is not an array");
    }
    for (i = 0; i < json_array_size(list); i++) {
        struct tarn_log_commit *one = tarn_log_changes_add(out);
        int bad = 0;

        if (one) bad = take_commit(one, &out->arena, json_array_get(list, i));
        if (!one || out->arena.rc) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
        if (bad || one->sequence <= before || one->sequence > last) {
            return tarn_err_set(err, TARN_ECORRUPT, "changes[%zu] is malformed", i);
        }
        before = one->sequence;
    }
    return TARN_OK;
}
