/* on_commit.c: tarn_on_commit: what a transaction that has just been committed tells the program.
**
**   xCommit ─► txn.c ─► heard(): the commit's payload, counted by collection ─► the program's callback
**
** Changes in line are counted record by record; how many a file of changes has stands in its record.
** Entries of the chain, which are among them, are taken off again.
*/
#include <stdlib.h>
#include <string.h>

#include "api.h"
#include "arena.h"
#include "bookmark.h"
#include "capture.h"
#include "conns.h"
#include "db.h"
#include "mem.h"
#include "payload.h"
#include "tarn.h"
#include "txn_impl.h"
#include "waiting.h"

_Static_assert(TARN_BOOKMARK_SIZE == TARN_BOOKMARK + 1, "tarn.h says how long a bookmark is");

struct listener {
    void (*callback)(void *arg, const struct tarn_transaction *t);
    void *arg;
    void (*destroy)(void *arg);
    int running;
};

/* One transaction, counted. */
struct tally {
    struct tarn_arena names;
    struct tarn_transaction_collection *collections;
    size_t n, capacity;
    size_t *numbers; /* of the payload: which collection each is */
    size_t n_numbers, numbers_capacity;
};

static int grow(void **array, size_t *capacity, size_t n, size_t size) {
    size_t more = *capacity ? 2 * *capacity : 8;
    void *grown;

    if (n < *capacity) return TARN_OK;
    grown = tarn_reallocarray(*array, more, size);
    if (!grown) return TARN_ENOMEM;
    *array = grown;
    *capacity = more;
    return TARN_OK;
}

/* The collection of this name, begun if it is not there yet: *at is its place. */
static int of_name(struct tally *t, struct tarn_slice name, size_t *at) {
    struct tarn_transaction_collection *c;

    for (*at = 0; *at < t->n; ++*at) {
        const char *have = t->collections[*at].name;

        if (strlen(have) == name.len && memcmp(have, name.data, name.len) == 0) return TARN_OK;
    }
    if (grow((void **)&t->collections, &t->capacity, t->n, sizeof *c)) return TARN_ENOMEM;
    c = &t->collections[t->n];
    c->rows = 0;
    c->name = tarn_arena_strndup(&t->names, (const char *)name.data, name.len);
    if (!c->name) return TARN_ENOMEM;
    t->n++;
    return TARN_OK;
}

static int count_record(struct tally *t, struct tarn_record *r) {
    struct tarn_change_summary s = {0};
    size_t at = 0;
    int rc = TARN_OK;

    if (r->kind == 'T') {
        rc = tarn_payload_name(r->body, &s.name, NULL);
        if (rc == TARN_OK) rc = of_name(t, s.name, &at);
        if (rc == TARN_OK) {
            rc = grow((void **)&t->numbers, &t->numbers_capacity, t->n_numbers, sizeof *t->numbers);
        }
        if (rc == TARN_OK) t->numbers[t->n_numbers++] = at;
    } else if (r->kind == 'R') {
        if (r->number >= t->n_numbers) return TARN_ECORRUPT;
        t->collections[t->numbers[r->number]].rows++;
    } else if (r->kind == 'F') {
        for (; r->file.n_collections > 0 && rc == TARN_OK; r->file.n_collections--) {
            rc = tarn_payload_summary(&r->file.collections, &s, NULL);
            if (rc == TARN_OK) rc = of_name(t, s.name, &at);
            if (rc == TARN_OK) t->collections[at].rows += (sqlite3_int64)s.rows;
        }
    }
    return rc;
}

static int by_name(const void *a, const void *b) {
    const struct tarn_transaction_collection *x = a;
    const struct tarn_transaction_collection *y = b;

    return strcmp(x->name, y->name);
}

static int count(struct tally *t, struct tarn_conn *c, const struct tarn_commit *commit) {
    struct tarn_cursor cursor = {commit->payload, commit->payload + commit->len, TARN_OK};
    size_t i;

    while (cursor.p < cursor.end) {
        struct tarn_record r;

        if (tarn_payload_next(&cursor, &r, NULL) || count_record(t, &r)) return TARN_ENOMEM;
    }
    for (i = 0; i < t->n; i++) {
        struct tarn_slice name = {(const uint8_t *)t->collections[i].name,
                                  strlen(t->collections[i].name)};

        t->collections[i].rows -= (sqlite3_int64)tarn_capture_entries(c, name, 0);
    }
    if (t->n > 1) qsort(t->collections, t->n, sizeof *t->collections, by_name);
    return TARN_OK;
}

/* struct tarn_conn's on_commit. */
static void heard(void *arg, struct tarn_conn *c, const struct tarn_commit *commit) {
    struct tarn_slice none = {NULL, 0};
    struct listener *l = arg;
    struct tarn_transaction t = {0};
    struct tarn_position position;
    uint32_t timeline = 0;
    struct tally tally = {0};
    char bookmark[TARN_BOOKMARK_SIZE];

    tarn_arena_init(&tally.names, NULL);
    tarn_waiting_position(c, &position, &timeline);
    tarn_bookmark_text(bookmark, timeline, commit->sequence, commit->time, commit->digest);
    t.bookmark = bookmark;
    t.time = commit->time;
    t.events = commit->events;
    t.changes = (sqlite3_int64)(c->txn->n_changes - tarn_capture_entries(c, none, 1));
    if (count(&tally, c, commit) == TARN_OK) {
        t.n_collections = (int)tally.n;
        t.collections = tally.collections;
    }
    l->running = 1;
    l->callback(l->arg, &t);
    l->running = 0;
    tarn_free(tally.collections);
    tarn_free(tally.numbers);
    tarn_arena_release(&tally.names);
}

static void release(void *arg) {
    struct listener *l = arg;

    if (l->destroy) l->destroy(l->arg);
    tarn_free(l);
}

int tarn_api_in_callback(const sqlite3 *db) {
    const struct tarn_conn *c = tarn_conns_find(db);

    return c && c->on_commit == heard && ((const struct listener *)c->on_commit_arg)->running;
}

static int replace(struct tarn_conn *c, const struct listener *want) {
    struct listener *l = NULL;
    void (*free_last)(void *) = c->on_commit_free;
    void *last = c->on_commit_arg;

    if (tarn_api_in_callback(c->db)) return SQLITE_MISUSE;
    if (want->callback) {
        l = tarn_calloc(1, sizeof *l);
        if (!l) return SQLITE_NOMEM;
        *l = *want;
    }
    c->on_commit = l ? heard : NULL;
    c->on_commit_free = l ? release : NULL;
    c->on_commit_arg = l;
    if (free_last) free_last(last);
    return SQLITE_OK;
}

int tarn_on_commit(sqlite3 *db, void (*callback)(void *arg, const struct tarn_transaction *t),
                   void *arg, void (*destroy)(void *arg)) {
    const struct listener want = {callback, arg, destroy, 0};
    struct tarn_conn *c = TARN_API_READY && db ? tarn_conns_find(db) : NULL;
    int rc = SQLITE_MISUSE;

    if (c) {
        sqlite3_mutex_enter(sqlite3_db_mutex(db));
        rc = replace(c, &want);
        sqlite3_mutex_leave(sqlite3_db_mutex(db));
    }
    if (destroy && (rc || !callback)) destroy(arg);
    return rc;
}
