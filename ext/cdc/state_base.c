/* state_base.c: the rows that a state begins with.
**
** data.parquet is the newest base, as a rule; where it is later than the bookmark, or of another
** history, the newest snapshot that isn't. A file without tarn.bookmark in its footer (another writer's)
** comes before all changes.
*/
#include <stdio.h>
#include <string.h>

#include "change_reader.h"
#include "conn.h"
#include "db.h"
#include "mem.h"
#include "state_impl.h"

static int no_memory(struct tarn_err *err) {
    return tarn_err_set(err, TARN_ENOMEM, "out of memory");
}

/* The footer's bookmark, if the base is of the history and later than the best one so far. */
static int consider(struct tarn_state *s, struct tarn_lake *lake, const struct tarn_object *o,
                    int *better, struct tarn_err *err) {
    struct tarn_pq_footer *footer = NULL;
    const char *bookmark;
    int cached = 0;
    int rc = tarn_lake_footer(lake, o, &footer, &cached, err);

    *better = 0;
    if (rc) return rc;
    bookmark = tarn_pq_footer_kv(footer, "tarn.bookmark");
    if (!bookmark || strlen(bookmark) != TARN_BOOKMARK) bookmark = "";
    if (tarn_state_counts(s, (struct tarn_slice){(const uint8_t *)bookmark, strlen(bookmark)}) &&
        strcmp(bookmark, s->base) >= 0) {
        (void)snprintf(s->base, sizeof s->base, "%s", bookmark);
        *better = 1;
    }
    tarn_pq_footer_free(footer);
    return TARN_OK;
}

static int keep(struct tarn_object *out, const struct tarn_object *o, struct tarn_err *err) {
    char *key = tarn_strdup(o->key);

    if (!key) return no_memory(err);
    tarn_free((char *)out->key);
    *out = *o;
    out->key = key;
    return TARN_OK;
}

static int try_snapshots(struct tarn_state *s, struct tarn_lake *lake, int *found,
                         struct tarn_object *object, struct tarn_err *err) {
    char *prefix = sqlite3_mprintf("cdc/%s/snapshots/", s->spec.collection);
    struct tarn_listing l = {0};
    size_t i;
    int rc = prefix ? tarn_store_list(tarn_lake_store(lake), prefix, '/', NULL, 0, &l, err)
                    : no_memory(err);

    for (i = 0; i < l.n_objects && rc == TARN_OK; i++) {
        size_t n = strlen(l.objects[i].key);
        int better = 0;

        if (n < 8 || strcmp(l.objects[i].key + n - 8, ".parquet") != 0) continue;
        rc = consider(s, lake, &l.objects[i], &better, err);
        if (rc || !better) continue;
        *found = 1;
        rc = keep(object, &l.objects[i], err);
    }
    tarn_listing_release(&l);
    sqlite3_free(prefix);
    return rc;
}

static int head(struct tarn_state *s, struct tarn_lake *lake, struct tarn_object *o, char **key,
                int *there, struct tarn_err *err) {
    struct tarn_err why = {0};
    int rc;

    *there = 0;
    *key = sqlite3_mprintf("cdc/%s/data.parquet", s->spec.collection);
    if (!*key) return no_memory(err);
    rc = tarn_store_head(tarn_lake_store(lake), *key, o, &why);
    *there = rc == TARN_OK;
    if (*there) o->key = *key;
    return rc == TARN_OK || rc == TARN_ENOTFOUND ? TARN_OK : tarn_err_set(err, rc, "%s", why.msg);
}

int tarn_state_find_base(struct tarn_state *s, struct tarn_lake *lake, int *found,
                         struct tarn_object *object, struct tarn_err *err) {
    struct tarn_object o;
    char *key = NULL;
    int there = 0;
    int rc = head(s, lake, &o, &key, &there, err);

    *found = 0;
    s->base[0] = 0;
    s->etag[0] = 0;
    if (rc == TARN_OK && there) {
        memcpy(s->etag, o.etag, sizeof s->etag);
        rc = consider(s, lake, &o, found, err);
        if (rc == TARN_OK && *found) rc = keep(object, &o, err);
    }
    if (rc == TARN_OK && there && !*found) {
        rc = try_snapshots(s, lake, found, object, err);
        if (rc == TARN_OK && !*found) {
            rc = tarn_err_set(err, TARN_ENOTFOUND,
                              "collection %.100s: the lake holds no state that is as old",
                              s->spec.collection);
        }
    }
    sqlite3_free(key);
    return rc;
}

int tarn_state_base_stands(struct tarn_state *s, struct tarn_lake *lake, int *yes,
                           struct tarn_err *err) {
    struct tarn_object o;
    char *key = NULL;
    int there = 0;
    int rc = head(s, lake, &o, &key, &there, err);

    *yes = rc == TARN_OK && (there ? strcmp(o.etag, s->etag) == 0 : !s->etag[0]);
    sqlite3_free(key);
    return rc;
}

int tarn_state_read_base(struct tarn_state *s, struct tarn_changes_scan *scan,
                         struct tarn_object *object, struct tarn_err *err) {
    const uint32_t columns = 1u << TARN_CHANGES_PK | 1u << TARN_CHANGES_TS |
                             1u << TARN_CHANGES_DATA | 1u << TARN_CHANGES_BOOKMARK;
    struct tarn_changes_file file = {.obj = *object, .name = object->key};
    struct tarn_changes_reader r;
    int more = 1;
    int rc = tarn_changes_reader_footer(&r, scan, &file, err);

    if (rc == TARN_OK) rc = tarn_changes_reader_start(&r, scan, columns, NULL, 0, err);
    while (rc == TARN_OK) {
        struct tarn_state_row row;

        rc = tarn_changes_reader_next(&r, scan, &more, err);
        if (rc || !more) break;
        tarn_changes_reader_text(&r, TARN_CHANGES_PK, &row.pk);
        tarn_changes_reader_text(&r, TARN_CHANGES_TS, &row.ts);
        tarn_changes_reader_text(&r, TARN_CHANGES_DATA, &row.data);
        tarn_changes_reader_text(&r, TARN_CHANGES_BOOKMARK, &row.bookmark);
        rc = tarn_state_put(s, &row, err);
    }
    tarn_changes_reader_close(&r);
    return rc;
}

struct base_reader {
    struct tarn_arena lasting, row;
    struct tarn_definition d;
    struct tarn_buf pk, data;
};

/* One record of the file: its definition, or a row. */
static int take(struct tarn_state *s, struct base_reader *b, const struct tarn_record *r,
                struct tarn_slice ts, struct tarn_err *err) {
    struct tarn_state_row row = {.ts = ts, .bookmark = {(const uint8_t *)s->base, TARN_BOOKMARK}};
    struct tarn_slice body = r->body;
    struct tarn_change c;
    int rc;

    if (r->kind == 'T') {
        body.data = tarn_arena_memdup(&b->lasting, body.data, body.len);
        return body.data ? tarn_definition_take(&b->d, body, &b->lasting, err) : no_memory(err);
    }
    if (!b->d.columns) return tarn_err_set(err, TARN_ECORRUPT, "a base: a row of no definition");
    tarn_arena_clear(&b->row);
    rc = tarn_change_take(&c, &b->d, body, &b->row, err);
    if (rc) return rc;
    if (!c.new_row) return tarn_err_set(err, TARN_ECORRUPT, "a base: a record that is no row");
    tarn_buf_clear(&b->pk);
    tarn_buf_clear(&b->data);
    tarn_change_pk(&b->pk, &b->d, &c);
    tarn_row_json(&b->data, &b->d, c.new_row);
    if (b->pk.rc || b->data.rc) return no_memory(err);
    row.pk = (struct tarn_slice){b->pk.data, b->pk.len};
    row.data = (struct tarn_slice){b->data.data, b->data.len};
    return tarn_state_put(s, &row, err);
}

static int read_file(struct tarn_state *s, const struct tarn_waiting *w, struct tarn_err *err) {
    struct tarn_change_file f = {.bytes = w->base.to};
    struct tarn_change_reader reader;
    struct base_reader b;
    struct tarn_record record;
    char ts[TARN_TIME_LEN + 2];
    int more = 1;
    int rc;

    memset(&b, 0, sizeof b);
    tarn_arena_init(&b.lasting, NULL);
    tarn_arena_init(&b.row, NULL);
    tarn_buf_init(&b.pk, (size_t)1 << 31);
    tarn_buf_init(&b.data, (size_t)1 << 31);
    tarn_time_iso(w->base.time, ts);
    memcpy(f.name, w->base.file, sizeof f.name);
    rc = tarn_change_reader_file(&reader, w->spool ? w->spool : "", &f, err);
    while (rc == TARN_OK) {
        rc = tarn_change_reader_next(&reader, &record, &more, err);
        if (rc || !more) break;
        rc = take(s, &b, &record, (struct tarn_slice){(const uint8_t *)ts, strlen(ts)}, err);
    }
    tarn_change_reader_close(&reader);
    tarn_arena_release(&b.lasting);
    tarn_arena_release(&b.row);
    tarn_buf_release(&b.pk);
    tarn_buf_release(&b.data);
    return rc;
}

int tarn_state_read_waiting(struct tarn_state *s, struct tarn_changes_scan *scan, int *read,
                            struct tarn_err *err) {
    const struct tarn_waiting *w = scan->waiting;
    char bookmark[TARN_BOOKMARK + 1];
    uint32_t timeline = w->timeline;
    size_t i;

    *read = 0;
    if (!w->base.sequence) return TARN_OK;
    for (i = 0; i < w->n; i++) {
        if (w->units[i].sequence == w->base.sequence) timeline = scan->timelines[i];
    }
    tarn_bookmark_text(bookmark, timeline, w->base.sequence, w->base.time, w->base.digest);
    if (strcmp(bookmark, s->base) <= 0 ||
        !tarn_state_counts(s, (struct tarn_slice){(const uint8_t *)bookmark, TARN_BOOKMARK})) {
        return TARN_OK;
    }
    memcpy(s->base, bookmark, sizeof s->base);
    *read = 1;
    return read_file(s, w, err);
}
