/* content.c: see content.h. */
#include "content.h"

#include <stdlib.h>
#include <string.h>

#include "mem.h"

void tarn_content_init(struct tarn_content *c) {
    memset(c, 0, sizeof *c);
    c->collections = &c->first_collection;
    c->numbers = &c->first_number;
    c->summaries = &c->first_summary;
    c->capacity = c->numbers_capacity = 1;
}

void tarn_content_release(struct tarn_content *c) {
    size_t i;

    for (i = 0; i < c->n; i++)
        (void)tarn_sha256_end(c->collections[i].state, NULL);
    if (c->collections != &c->first_collection) tarn_free(c->collections);
    if (c->numbers != &c->first_number) tarn_free(c->numbers);
    if (c->summaries != &c->first_summary) tarn_free(c->summaries);
    tarn_content_init(c);
}

/* Room for twice as many; the list may still be at `first`. NULL: out of memory. */
static void *grow(void *list, const void *first, size_t *capacity, size_t size) {
    size_t more = 2 * *capacity;
    void *grown = tarn_reallocarray(list == first ? NULL : list, more, size);

    if (!grown) return NULL;
    if (list == first) memcpy(grown, first, *capacity * size);
    *capacity = more;
    return grown;
}

static int add_collection(struct tarn_content *c, struct tarn_slice name, struct tarn_err *err) {
    struct tarn_content_collection *at;

    if (c->n == c->capacity) {
        at = grow(c->collections, &c->first_collection, &c->capacity, sizeof *at);
        if (!at) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
        c->collections = at;
    }
    at = &c->collections[c->n];
    at->name = name;
    at->rows = 0;
    at->state = tarn_sha256_begin();
    if (!at->state) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    c->n++;
    return TARN_OK;
}

static int define(struct tarn_content *c, const struct tarn_record *r, struct tarn_err *err) {
    struct tarn_slice name;
    size_t i;

    if (tarn_payload_name(r->body, &name, err)) return err ? err->code : TARN_ECORRUPT;
    if (r->number != c->n_numbers) {
        return tarn_err_set(err, TARN_ECORRUPT, "collections are not numbered in their order");
    }
    if (c->n_numbers == c->numbers_capacity) {
        uint32_t *grown =
            grow(c->numbers, &c->first_number, &c->numbers_capacity, sizeof *c->numbers);

        if (!grown) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
        c->numbers = grown;
    }
    for (i = 0; i < c->n; i++) {
        if (c->collections[i].name.len == name.len &&
            memcmp(c->collections[i].name.data, name.data, name.len) == 0) {
            break;
        }
    }
    if (i == c->n && add_collection(c, name, err)) return err ? err->code : TARN_ENOMEM;
    c->numbers[c->n_numbers++] = (uint32_t)i;
    return TARN_OK;
}

int tarn_content_add(struct tarn_content *c, const struct tarn_record *r, struct tarn_err *err) {
    struct tarn_content_collection *at;

    if (r->kind == 'T') return define(c, r, err);
    if (r->kind != 'R') return TARN_OK;
    if (r->number >= c->n_numbers) {
        return tarn_err_set(err, TARN_ECORRUPT, "a change of no collection");
    }
    at = &c->collections[c->numbers[r->number]];
    at->rows++;
    if (tarn_sha256_more(at->state, r->frame.data, r->frame.len)) {
        return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    }
    return TARN_OK;
}

static int by_name(const void *a, const void *b) {
    const struct tarn_change_summary *x = a;
    const struct tarn_change_summary *y = b;
    size_t n = x->name.len < y->name.len ? x->name.len : y->name.len;
    int order = memcmp(x->name.data, y->name.data, n);

    if (order) return order;
    return x->name.len < y->name.len ? -1 : x->name.len > y->name.len;
}

int tarn_content_summaries(struct tarn_content *c, const struct tarn_change_summary **out,
                           size_t *n, struct tarn_err *err) {
    size_t i;

    *out = NULL;
    *n = 0;
    if (c->n == 0) return TARN_OK;
    if (c->n > 1) {
        c->summaries = tarn_reallocarray(NULL, c->n, sizeof *c->summaries);
        if (!c->summaries) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    }
    for (i = 0; i < c->n; i++) {
        struct tarn_content_collection *from = &c->collections[i];
        int rc = tarn_sha256_end(from->state, from->digest);

        from->state = NULL;
        if (rc) return tarn_err_set(err, rc, "out of memory");
        if (from->rows == 0) continue;
        c->summaries[(*n)++] = (struct tarn_change_summary){from->name, from->rows, from->digest};
    }
    if (*n > 1) qsort(c->summaries, *n, sizeof *c->summaries, by_name);
    *out = c->summaries;
    return TARN_OK;
}

/* Where the records of events end: they come first. */
static int end_of_events(const uint8_t *payload, size_t n, size_t *end) {
    struct tarn_cursor c = {payload, payload + n, TARN_OK};

    while (c.p < c.end && (*c.p == 'E' || *c.p == 'S')) {
        uint64_t len;

        c.p++;
        len = tarn_cursor_varint(&c);
        if (c.rc || len > (uint64_t)(c.end - c.p)) return TARN_ECORRUPT;
        c.p += len;
    }
    *end = (size_t)(c.p - payload);
    return TARN_OK;
}

int tarn_content_events(const uint8_t *payload, size_t n, int *any, uint8_t out[32]) {
    size_t end = 0;
    int rc = end_of_events(payload, n, &end);

    *any = end > 0;
    memset(out, 0, TARN_SHA256);
    return rc || end == 0 ? rc : tarn_sha256(payload, end, out);
}

static int put_summaries(struct tarn_buf *b, const struct tarn_change_summary *s, size_t n) {
    size_t i;

    for (i = 0; i < n; i++) {
        tarn_buf_varint(b, s[i].name.len);
        tarn_buf_put(b, s[i].name.data, s[i].name.len);
        tarn_buf_le64(b, s[i].rows);
        tarn_buf_put(b, s[i].digest, TARN_SHA256);
    }
    return b->rc;
}

int tarn_content_digest(const uint8_t *payload, size_t n, uint8_t out[32]) {
    struct tarn_buf b = TARN_BUF_INIT((size_t)64 << 20);
    const struct tarn_change_summary *summaries = NULL;
    struct tarn_cursor c = {payload, payload + n, TARN_OK};
    struct tarn_content content;
    size_t count = 0;
    size_t end = 0;
    int any = 0;
    uint8_t events[TARN_SHA256];
    int rc = tarn_content_events(payload, n, &any, events);

    tarn_content_init(&content);
    (void)tarn_buf_reserve(&b, 256);
    tarn_buf_u8(&b, 'C');
    tarn_buf_put(&b, events, sizeof events);
    if (rc == TARN_OK) rc = end_of_events(payload, n, &end);
    c.p += end;
    while (rc == TARN_OK && c.p < c.end) {
        struct tarn_change_summary one;
        struct tarn_record r;
        uint64_t i;

        rc = tarn_payload_next(&c, &r, NULL);
        if (rc == TARN_OK) rc = tarn_content_add(&content, &r, NULL);
        for (i = 0; rc == TARN_OK && r.kind == 'F' && i < r.file.n_collections; i++) {
            rc = tarn_payload_summary(&r.file.collections, &one, NULL);
            if (rc == TARN_OK) rc = put_summaries(&b, &one, 1); /* by name, as they were written */
        }
    }
    if (rc == TARN_OK) rc = tarn_content_summaries(&content, &summaries, &count, NULL);
    if (rc == TARN_OK) rc = put_summaries(&b, summaries, count);
    if (rc == TARN_OK) rc = tarn_sha256(b.data, b.len, out);
    tarn_content_release(&content);
    tarn_buf_release(&b);
    return rc;
}
