/* verify_entry.c: the commits of one entry of the flush log, and the files it has put.
**
** Each collection of the entry is read once: its delta from beginning to end, commit by commit, with
** the entries of the chain, which the log keeps, at their places between the rows.
*/
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "mem.h"
#include "time.h"
#include "verify_impl.h"

static int out_of_memory(struct tarn_err *err) {
    return tarn_err_set(err, TARN_ENOMEM, "out of memory");
}

struct at { /* a commit of the entry */
    const struct tarn_log_entry *e;
    const struct tarn_log_commit *c;
    char bookmark[TARN_BOOKMARK + 1];
    char ts[TARN_TIME_LEN + 2];
};

static void set_commit(struct at *at, uint32_t timeline, const struct tarn_log_commit *c) {
    at->c = c;
    tarn_bookmark_text(at->bookmark, timeline, c->sequence, c->time,
                       tarn_log_digest(at->e, c->sequence));
    tarn_time_iso(c->time, at->ts);
}

/* digest of a commit from the one before: outbox.h, content.h. */
static int check_digest(struct tarn_verify_work *w, const struct at *at, struct tarn_err *err) {
    struct tarn_buf b = TARN_BUF_INIT((size_t)64 << 20);
    uint8_t digest[TARN_SHA256];
    size_t i;
    int rc;

    tarn_buf_u8(&b, 'C');
    tarn_buf_put(&b, at->c->events, TARN_SHA256); /* zero when there are none */
    for (i = 0; i < at->c->n_collections; i++) {
        const struct tarn_log_collection *k = &at->c->collections[i];

        tarn_buf_varint(&b, k->name.len);
        tarn_buf_put(&b, k->name.data, k->name.len);
        tarn_buf_le64(&b, k->rows);
        tarn_buf_put(&b, k->digest, TARN_SHA256);
    }
    rc = b.rc ? b.rc : tarn_sha256(b.data, b.len, digest);
    tarn_buf_clear(&b);
    tarn_buf_put(&b, tarn_log_digest(at->e, at->c->sequence - 1), TARN_DIGEST);
    tarn_buf_le64(&b, at->c->sequence);
    tarn_buf_le64(&b, (uint64_t)at->c->time);
    tarn_buf_put(&b, digest, sizeof digest);
    if (rc == TARN_OK) rc = b.rc ? b.rc : tarn_sha256(b.data, b.len, digest);
    tarn_buf_release(&b);
    if (rc) return out_of_memory(err);
    if (memcmp(digest, tarn_log_digest(at->e, at->c->sequence), TARN_DIGEST) != 0) {
        tarn_verify_fault(
            w, NULL, 0, at->bookmark,
            "the digest of the commit does not follow from the one before it and what "
            "the log says that it changed");
    }
    return TARN_OK;
}

static const struct tarn_log_collection *find(const struct tarn_log_commit *c,
                                              struct tarn_slice name) {
    size_t i;

    for (i = 0; i < c->n_collections; i++) {
        if (c->collections[i].name.len == name.len &&
            memcmp(c->collections[i].name.data, name.data, name.len) == 0) {
            return &c->collections[i];
        }
    }
    return NULL;
}

static int add(struct tarn_sha256_state *s, const uint8_t *body, size_t n) {
    struct tarn_buf frame = TARN_BUF_INIT(16);
    int rc;

    tarn_buf_varint(&frame, n);
    rc = frame.rc ? frame.rc : tarn_sha256_more(s, frame.data, frame.len);
    tarn_buf_release(&frame);
    return rc ? rc : tarn_sha256_more(s, body, n);
}

static int add_item(struct tarn_sha256_state *s, const struct tarn_log_item *item) {
    struct tarn_buf body = TARN_BUF_INIT((size_t)64 << 20);
    int rc;

    tarn_buf_u8(&body, TARN_OP_ENTRY);
    tarn_buf_u8(&body, 0);
    tarn_buf_put(&body, item->text.data, item->text.len);
    rc = body.rc ? body.rc : add(s, body.data, body.len);
    tarn_buf_release(&body);
    return rc;
}

static void no_rows(struct tarn_verify_work *w, const struct at *at,
                    const struct tarn_log_collection *k, const struct tarn_verify_file *f) {
    if (f->scan) {
        tarn_verify_fault(w, f->file.obj.key, f->rows + 1, at->bookmark,
                          "the file ends before the changes of this commit do");
    } else {
        tarn_verify_fault(w, NULL, 0, at->bookmark,
                          "the entry has changes of %.*s and no file that holds them",
                          (int)(k->name.len < 100 ? k->name.len : 100), (const char *)k->name.data);
    }
}

/* What one commit has of a collection, row by row. f->scan is NULL when it has no delta. */
static int check_changes(struct tarn_verify_work *w, const struct at *at,
                         const struct tarn_log_collection *k, struct tarn_verify_file *f,
                         struct tarn_err *err) {
    struct tarn_sha256_state *state = tarn_sha256_begin();
    uint8_t digest[TARN_SHA256];
    uint64_t i;
    size_t item = 0;
    int rc = state ? TARN_OK : out_of_memory(err);

    for (i = 0; i < k->rows && rc == TARN_OK && w->result->fault.code == 0; i++) {
        int more = 0;

        if (item < k->n_items && k->items[item].position == i) {
            if (add_item(state, &k->items[item++])) rc = out_of_memory(err);
            continue;
        }
        if (f->scan) rc = tarn_verify_file_next(f, w, at->bookmark, at->ts, &more, err);
        if (rc == TARN_OK && !more && w->result->fault.code == 0) no_rows(w, at, k, f);
        if (rc == TARN_OK && more && add(state, f->body.data, f->body.len)) rc = out_of_memory(err);
    }
    if (tarn_sha256_end(state, digest) && rc == TARN_OK) rc = out_of_memory(err);
    if (rc || w->result->fault.code) return rc;
    w->result->changes += k->rows;
    if (memcmp(digest, k->digest, TARN_SHA256) == 0) return TARN_OK;
    tarn_verify_fault(w, f->scan ? f->file.obj.key : NULL, f->rows, at->bookmark,
                      "the changes of %.*s up to this row are not those that were committed",
                      (int)(k->name.len < 100 ? k->name.len : 100), (const char *)k->name.data);
    return TARN_OK;
}

/* {"entry":"track","base":{"rows":1,"sha256":"hex"}}; 0 when it is another entry. */
static int track_of(const struct tarn_log_item *item, uint64_t *rows, uint8_t digest[TARN_SHA256]) {
    json_t *root = json_loadb((const char *)item->text.data, item->text.len, 0, NULL);
    const json_t *base = json_object_get(root, "base");
    const char *hex = json_string_value(json_object_get(base, "sha256"));
    int yes = hex && strlen(hex) == 2 * TARN_SHA256 && tarn_log_unhex(hex, digest) == 0;

    *rows = (uint64_t)json_integer_value(json_object_get(base, "rows"));
    json_decref(root);
    return yes;
}

/* Is data.parquet still the base that was taken at this commit? Then it holds what the entry says. */
static int check_base(struct tarn_verify_work *w, const struct at *at,
                      const struct tarn_log_collection *k, uint64_t rows, const uint8_t *want,
                      struct tarn_err *err) {
    struct tarn_sha256_state *state = NULL;
    struct tarn_verify_file f;
    uint8_t digest[TARN_SHA256];
    char key[TARN_KEY_MAX];
    const char *bookmark;
    int there = 0;
    int more = 1;
    int rc;

    snprintf(key, sizeof key, "cdc/%.*s/data.parquet", (int)k->name.len,
             (const char *)k->name.data);
    rc = tarn_verify_file_open(&f, w, key, 1, &there, err);
    if (rc || !there || !f.scan) return rc;
    bookmark = tarn_pq_footer_kv(f.reader.footer, "tarn.bookmark");
    if (!bookmark || strcmp(bookmark, at->bookmark) != 0) { /* a later state: not this one's */
        tarn_verify_file_close(&f);
        return TARN_OK;
    }
    state = tarn_sha256_begin();
    if (!state) rc = out_of_memory(err);
    while (rc == TARN_OK && more) {
        rc = tarn_verify_file_next(&f, w, at->bookmark, at->ts, &more, err);
        if (rc == TARN_OK && more && add(state, f.body.data, f.body.len)) rc = out_of_memory(err);
    }
    if (tarn_sha256_end(state, digest) && rc == TARN_OK) rc = out_of_memory(err);
    if (rc == TARN_OK && (f.rows != rows || memcmp(digest, want, sizeof digest) != 0)) {
        tarn_verify_fault(w, key, 0, at->bookmark,
                          "the rows are not those of the table when it was tracked");
    }
    tarn_verify_file_close(&f);
    return rc;
}

static int check_bases(struct tarn_verify_work *w, const struct at *at,
                       const struct tarn_log_collection *k, struct tarn_err *err) {
    uint8_t digest[TARN_SHA256];
    uint64_t rows = 0;
    int rc = TARN_OK;
    size_t i;

    for (i = 0; i < k->n_items && rc == TARN_OK && w->result->fault.code == 0; i++) {
        if (track_of(&k->items[i], &rows, digest)) rc = check_base(w, at, k, rows, digest, err);
    }
    return rc;
}

/* The delta of a collection in the entry: *f is left closed when the entry has none. */
static int open_delta(struct tarn_verify_file *f, struct tarn_verify_work *w,
                      const struct tarn_log_entry *e, struct tarn_slice name,
                      struct tarn_err *err) {
    struct tarn_changes_range range;
    char prefix[TARN_KEY_MAX], key[TARN_KEY_MAX];
    int there = 0, ours = 0;
    size_t n, i;
    int rc;

    memset(f, 0, sizeof *f);
    n = (size_t)snprintf(prefix, sizeof prefix, "cdc/%.*s/deltas/", (int)name.len,
                         (const char *)name.data);
    for (i = 0; i < e->n_objects; i++) {
        if (e->objects[i].kind == TARN_LOG_DELTA && n < sizeof prefix &&
            strncmp(e->objects[i].key, prefix, n) == 0) {
            break;
        }
    }
    if (i == e->n_objects) return TARN_OK;
    rc = tarn_verify_file_open(f, w, e->objects[i].key, 0, &there, err);
    if (rc == TARN_OK && !there) { /* archived? */
        snprintf(key, sizeof key, "cdc/%.*s/processed/%s", (int)name.len, (const char *)name.data,
                 e->objects[i].key + n);
        rc = tarn_verify_file_open(f, w, key, 0, &there, err);
        if (rc == TARN_OK && !there && w->result->end == TARN_LOG_DONE) {
            tarn_verify_fault(w, e->objects[i].key, 0, NULL, "the file is not there");
        }
    }
    if (rc || !f->scan) return rc;
    rc = tarn_changes_range(&range, f->reader.footer, w->result->id, &ours, NULL);
    if (rc || !ours || range.timeline != w->result->timeline || range.entry != e->n) {
        tarn_verify_fault(w, f->file.obj.key, 0, NULL,
                          "its tarn.ranges names another delivery than this entry's");
        tarn_verify_file_close(f);
    }
    return TARN_OK;
}

/* One collection, from the first commit of the entry that has it. */
static int check_collection(struct tarn_verify_work *w, const struct tarn_log_entry *e, size_t from,
                            struct tarn_slice name, struct tarn_err *err) {
    struct at at = {e, NULL, "", ""};
    struct tarn_verify_file f;
    size_t i;
    int more = 0;
    int rc = open_delta(&f, w, e, name, err);

    /* an entry that has not ended: its files may be on their way */
    if (rc == TARN_OK && !f.scan && w->result->end != TARN_LOG_DONE) return TARN_OK;
    for (i = from; i < e->changes.n && rc == TARN_OK && w->result->fault.code == 0; i++) {
        const struct tarn_log_collection *k = find(&e->changes.commits[i], name);

        if (!k) continue;
        set_commit(&at, w->result->timeline, &e->changes.commits[i]);
        rc = check_changes(w, &at, k, &f, err);
        if (rc == TARN_OK && w->result->fault.code == 0) rc = check_bases(w, &at, k, err);
    }
    if (rc == TARN_OK && f.scan && w->result->fault.code == 0) {
        rc = tarn_changes_reader_next(&f.reader, &w->scan, &more, err);
        if (rc == TARN_OK && more) {
            tarn_verify_fault(w, f.file.obj.key, f.rows + 1, NULL,
                              "a row that no commit of the entry has made");
        }
    }
    tarn_verify_file_close(&f);
    return rc;
}

static int wanted(const struct tarn_verify_work *w, struct tarn_slice name) {
    size_t n = w->namespace_ ? strlen(w->namespace_) : 0;

    return !w->namespace_ ||
           (name.len > n && name.data[n] == '/' && memcmp(name.data, w->namespace_, n) == 0);
}

static int seen_before(const struct tarn_log_entry *e, size_t commit, struct tarn_slice name) {
    while (commit-- > 0) {
        if (find(&e->changes.commits[commit], name)) return 1;
    }
    return 0;
}

int tarn_verify_entry(struct tarn_verify_work *w, const struct tarn_log_entry *e,
                      struct tarn_err *err) {
    struct at at = {e, NULL, "", ""};
    int64_t time = e->time;
    size_t i, k;
    int rc = TARN_OK;

    for (i = 0; i < e->changes.n && rc == TARN_OK && w->result->fault.code == 0; i++) {
        set_commit(&at, w->result->timeline, &e->changes.commits[i]);
        if (at.c->time < time) {
            tarn_verify_fault(w, NULL, 0, at.bookmark,
                              "its time is before that of a commit before it");
        }
        time = at.c->time;
        rc = check_digest(w, &at, err);
    }
    for (i = 0; i < e->changes.n && rc == TARN_OK; i++) {
        const struct tarn_log_commit *c = &e->changes.commits[i];

        for (k = 0; k < c->n_collections && rc == TARN_OK && w->result->fault.code == 0; k++) {
            struct tarn_slice name = c->collections[k].name;

            if (wanted(w, name) && !seen_before(e, i, name)) {
                rc = check_collection(w, e, i, name, err);
            }
        }
    }
    return rc;
}
