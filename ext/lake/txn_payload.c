/* txn_payload.c: what a transaction hands to the outbox: its records in line, or, where there are too
** many of them, the names of files that hold them. Files are on the disk before the outbox names them.
*/
#include <string.h>
#include <unistd.h>

#include "content.h"
#include "db.h"
#include "mem.h"
#include "spool.h"
#include "txn_impl.h"

#define READ_AHEAD ((size_t)1 << 20)

/* All of it. After a savepoint has cut it back it may lie in more than one piece. */
static int in_line(const struct tarn_spill *rows, struct tarn_buf *out, struct tarn_err *err) {
    uint64_t len = tarn_spill_len(rows);
    struct tarn_spill_window window;
    uint64_t at = 0;
    int rc = TARN_OK;

    tarn_spill_window_init(&window);
    while (at < len && rc == TARN_OK) {
        size_t n = (size_t)tarn_spill_piece(rows, at);
        const uint8_t *p = NULL;

        rc = tarn_spill_read(rows, &window, at, n, &p, err);
        if (rc == TARN_OK) tarn_buf_put(out, p, n);
        at += n;
    }
    tarn_spill_window_release(&window);
    return rc;
}

static int events_in_files(struct tarn_conn *c, const char *id, struct tarn_buf *out,
                           struct tarn_err *err) {
    struct tarn_txn *t = c->txn;
    struct tarn_spool_rows rows = {&t->rows, t->places, t->n_places};
    struct tarn_spool_origin origin = {id, c->shared->memory_last + 1};

    if (!tarn_db_is_memory(c->shared)) {
        int rc = tarn_outbox_load(&t->outbox, c->db, err);

        if (rc) return rc;
        if (t->outbox.known) origin.database = t->outbox.id;
        origin.sequence = t->outbox.written ? t->outbox.written : t->outbox.last + 1;
    }
    return tarn_spool_write(c->shared->spool, &rows, &origin, out, err);
}

/* Takes in the records from `at` on that lie whole in n bytes at p; *taken = how many bytes those are. */
static int take_records(struct tarn_content *content, struct tarn_arena *names, const uint8_t *p,
                        size_t n, int last, size_t *taken, struct tarn_err *err) {
    struct tarn_cursor c = {p, p + n, TARN_OK};
    int rc = TARN_OK;

    *taken = 0;
    while (c.p < c.end && rc == TARN_OK) {
        struct tarn_record r;

        if (tarn_payload_next(&c, &r, last ? err : NULL)) return last ? TARN_ECORRUPT : TARN_OK;
        if (r.kind == 'T') { /* the window moves on, its name stays */
            r.body.data = tarn_arena_memdup(names, r.body.data, r.body.len);
            if (!r.body.data) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
        }
        rc = tarn_content_add(content, &r, err);
        *taken = (size_t)(c.p - p);
    }
    return rc;
}

static int summarize(const struct tarn_spill *s, struct tarn_content *content,
                     struct tarn_arena *names, struct tarn_err *err) {
    struct tarn_spill_window window;
    uint64_t at = 0;
    size_t want = READ_AHEAD;
    int rc = TARN_OK;

    tarn_spill_window_init(&window);
    while (rc == TARN_OK && at < tarn_spill_len(s)) {
        uint64_t piece = tarn_spill_piece(s, at);
        size_t n = piece < want ? (size_t)piece : want;
        const uint8_t *p = NULL;
        size_t taken = 0;

        rc = tarn_spill_read(s, &window, at, n, &p, err);
        if (rc == TARN_OK) rc = take_records(content, names, p, n, n == piece, &taken, err);
        want = taken ? READ_AHEAD : 2 * want; /* a record longer than what was read */
        at += taken;
    }
    tarn_spill_window_release(&window);
    return rc;
}

/* While the file is written, by the thread that writes it: so the digest is there when the transaction
** ends. */
static int watch_changes(void *txn, const uint8_t *p, size_t n) {
    struct tarn_txn *t = txn;
    size_t taken = 0;

    t->watcher = (int)getpid();
    return take_records(&t->content, &t->names, p, n, 1, &taken, NULL);
}

void tarn_txn_watch(struct tarn_txn *t) {
    tarn_content_init(&t->content);
    tarn_arena_init(&t->names, NULL);
    t->changes.watch = watch_changes;
    t->changes.watch_ctx = t;
}

/* In a fork what was seen may be half written: the thread was copied at any place of it. */
void tarn_txn_unwatch(struct tarn_txn *t) {
    if (t->watcher && t->watcher != (int)getpid()) tarn_txn_watch(t);
    t->watcher = 0;
    tarn_content_release(&t->content);
    tarn_arena_release(&t->names);
}

static int changes_in_file(struct tarn_txn *t, struct tarn_buf *out, struct tarn_err *err) {
    const struct tarn_change_summary *summaries = NULL;
    size_t n = 0;
    int rc;

    rc = tarn_spill_store(&t->changes, err);
    if (rc == TARN_OK && !tarn_spill_watched(&t->changes)) {
        tarn_txn_unwatch(t);
        rc = summarize(&t->changes, &t->content, &t->names, err);
    }
    if (rc == TARN_OK) rc = tarn_content_summaries(&t->content, &summaries, &n, err);
    if (rc == TARN_OK) {
        tarn_payload_change_file(out, tarn_spill_name(&t->changes), tarn_spill_len(&t->changes),
                                 summaries, n);
    }
    tarn_txn_unwatch(t);
    return rc;
}

int tarn_txn_payload(struct tarn_conn *c, const char *id, struct tarn_commit *commit,
                     struct tarn_err *err) {
    struct tarn_txn *t = c->txn;
    struct tarn_buf b = TARN_BUF_INIT((size_t)128 << 20);
    int many_events = tarn_spill_len(&t->rows) > TARN_SPOOL_MIN;
    int many_changes =
        tarn_spill_len(&t->changes) > TARN_SPOOL_MIN && !tarn_db_is_memory(c->shared);
    size_t events = 0;
    int rc = TARN_OK;

    t->changes_stored = many_changes && t->n_changes > 0;
    commit->events = (uint32_t)t->events;
    commit->changes = t->n_changes < UINT32_MAX >> 1 ? (uint32_t)t->n_changes : UINT32_MAX >> 1;
    commit->files = many_events || many_changes || t->bases.len > 0;
    if (t->events) {
        rc = many_events ? events_in_files(c, id, &b, err) : in_line(&t->rows, &b, err);
        events = b.len;
    }
    if (rc == TARN_OK && t->n_changes) {
        rc = many_changes ? changes_in_file(t, &b, err) : in_line(&t->changes, &b, err);
    }
    tarn_buf_put(&b, t->bases.data, t->bases.len);
    if (rc == TARN_OK && b.rc) {
        rc = tarn_err_set(err, b.rc, "a transaction has too much to deliver, or out of memory");
    }
    if (rc == TARN_OK && b.len) {
        commit->len = b.len;
        commit->payload = (uint8_t *)tarn_buf_steal(&b, NULL);
        if (!commit->payload) rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
    }
    if (rc) commit->len = 0;
    if (rc && many_events && events) tarn_spool_remove_events(c->shared->spool, b.data, events);
    tarn_buf_release(&b);
    return rc;
}
