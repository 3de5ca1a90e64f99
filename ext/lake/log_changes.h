/* log_changes.h: what an entry of the flush log says of the changes of rows in its commits, so that
** the chain of digests can be computed again from the lake alone (content.h says how):
**
**   "changes":[{"sequence":5,"time":ms,"events":"hex",          events: absent when there are none
**     "collections":[{"name":"ns/coll","rows":3,"digest":"hex",
**       "entries":[[0,"{\"entry\":\"track\"…}"]]}]}]
**
** Only commits with changes are there. "entries" are the records that are no rows of a delta: where
** each stood among its collection's records of the commit, and its JSON text.
*/
#ifndef TARN_LOG_CHANGES_H
#define TARN_LOG_CHANGES_H

#include "arena.h"
#include "buf.h"
#include "format.h"

struct tarn_log_item {
    uint64_t position;
    struct tarn_slice text;
};

struct tarn_log_collection {
    struct tarn_slice name;
    uint64_t rows;
    uint8_t digest[32];
    struct tarn_log_item *items;
    size_t n_items;
};

struct tarn_log_commit {
    uint64_t sequence;
    int64_t time;
    int has_events;
    uint8_t events[32];
    struct tarn_log_collection *collections; /* by name */
    size_t n_collections;
};

struct tarn_log_changes { /* everything lies in the arena */
    struct tarn_log_commit *commits;
    size_t n, capacity;
    struct tarn_arena arena;
};

void tarn_log_changes_release(struct tarn_log_changes *c); /* as zeroed */
/* Room for one commit more, zeroed; NULL without memory. Valid until the next call. */
struct tarn_log_commit *tarn_log_changes_add(struct tarn_log_changes *c);
/* The commit of a sequence, or NULL. */
const struct tarn_log_commit *tarn_log_changes_find(const struct tarn_log_changes *c,
                                                    uint64_t sequence);
/* `out` is empty; it borrows nothing. */
int tarn_log_changes_copy(struct tarn_log_changes *out, const struct tarn_log_changes *from,
                          struct tarn_err *err);
/* Appends the JSON array. */
void tarn_log_changes_put(struct tarn_buf *b, const struct tarn_log_changes *c);
/* Takes a parsed array (json_t, of Jansson), of commits within [first, last], in order; everything is
** checked and copied. NULL is an empty one. */
int tarn_log_changes_take(struct tarn_log_changes *out, const void *array, uint64_t first,
                          uint64_t last, struct tarn_err *err);
/* 32 bytes as a JSON string of hex digits, and back (0, or -1). */
void tarn_log_hex(struct tarn_buf *b, const uint8_t *digest);
int tarn_log_unhex(const char *s, uint8_t *out);

#endif
