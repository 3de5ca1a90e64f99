/* encode.c: see encode.h. Footer keys: tarn.ranges (place.h), tarn.collection ("namespace/collection"),
** tarn.definitions (an array of tarn_encode_definition's objects, by epoch), and of a base
** tarn.bookmark.
*/
#include "encode.h"

#include <inttypes.h>
#include <string.h>

#include "bookmark.h"
#include "change_reader.h"
#include "content.h"
#include "delta_file.h"
#include "mem.h"
#include "place.h"
#include "sha256.h"
#include "text.h"
#include "time.h"

#define META_MAX ((size_t)64 << 20)

struct encoding {
    struct tarn_delta_file *file;
    struct tarn_output output;
    struct tarn_arena names; /* definitions of the commit that is read */
    struct tarn_arena row;
    struct tarn_definition **numbered; /* the collection's, by number; NULL = another one's */
    size_t n;
    struct tarn_slice name;
    char ts[TARN_TIME_LEN + 2];
    char bookmark[TARN_BOOKMARK + 1];
};

static int no_memory(struct tarn_err *err) {
    return tarn_err_set(err, TARN_ENOMEM, "out of memory");
}

void tarn_encode_definition(struct tarn_buf *b, const struct tarn_definition *d,
                            const char *bookmark) {
    static const char *const affinities[] = {"BLOB", "TEXT", "NUMERIC", "INTEGER", "REAL"};
    size_t i;

    tarn_buf_printf(b, "{\"epoch\":%" PRIu64 ",\"bookmark\":\"%s\",\"table\":", d->epoch, bookmark);
    tarn_json_quote(b, (const char *)d->table.data, d->table.len);
    tarn_buf_puts(b, d->rowid_key ? ",\"rowid\":true,\"key\":[" : ",\"rowid\":false,\"key\":[");
    for (i = 0; !d->rowid_key && i < d->n_key; i++) {
        struct tarn_slice name = d->columns[d->key[i]].name;

        if (i) tarn_buf_u8(b, ',');
        tarn_json_quote(b, (const char *)name.data, name.len);
    }
    tarn_buf_puts(b, "],\"columns\":[");
    for (i = 0; i < d->n_columns; i++) {
        const struct tarn_definition_column *column = &d->columns[i];

        tarn_buf_puts(b, i ? ",{\"name\":" : "{\"name\":");
        tarn_json_quote(b, (const char *)column->name.data, column->name.len);
        tarn_buf_printf(b, ",\"affinity\":\"%s\"}", affinities[column->affinity - 'A']);
    }
    tarn_buf_puts(b, "]}");
}

static int begin(struct encoding *x, enum tarn_delta_kind kind, const struct tarn_deliver_plan *p,
                 uint64_t bytes, struct tarn_slice name, struct tarn_err *err) {
    int rc;

    memset(x, 0, sizeof *x);
    tarn_arena_init(&x->names, NULL);
    tarn_arena_init(&x->row, NULL);
    x->name = name;
    rc = tarn_output_open(&x->output, p->run.spool, bytes, err);
    return rc ? rc : tarn_delta_file_open(&x->file, kind, &x->output.sink, err);
}

static void end(struct encoding *x) {
    tarn_delta_file_free(x->file);
    tarn_output_release(&x->output);
    tarn_arena_release(&x->names);
    tarn_arena_release(&x->row);
    tarn_free(x->numbered);
}

static void set_commit(struct encoding *x, const struct tarn_log *log,
                       const struct tarn_commit *c) {
    tarn_time_iso(c->time, x->ts);
    tarn_bookmark_text(x->bookmark, log->timeline, c->sequence, c->time, c->digest);
    tarn_arena_clear(&x->names);
    x->n = 0;
}

static int meta(struct encoding *x, const struct tarn_log *log, const struct tarn_log_entry *e,
                const struct tarn_buf *definitions, struct tarn_err *err) {
    struct tarn_buf name = TARN_BUF_INIT(4096);
    char ranges[TARN_RANGES_MAX];
    int rc;

    tarn_buf_put(&name, x->name.data, x->name.len);
    tarn_buf_u8(&name, 0);
    rc = name.rc ? name.rc : definitions->rc;
    if (rc == TARN_OK) {
        tarn_place_ranges(ranges, log, e);
        tarn_delta_file_meta(x->file, "tarn.ranges", ranges);
        tarn_delta_file_meta(x->file, "tarn.collection", (char *)name.data);
        tarn_delta_file_meta(x->file, "tarn.definitions", (char *)definitions->data);
    }
    tarn_buf_release(&name);
    return rc ? tarn_err_set(err, rc, "no memory for the metadata of a delta") : TARN_OK;
}

static int is_name(struct tarn_slice a, struct tarn_slice b) {
    return a.len == b.len && memcmp(a.data, b.data, a.len) == 0;
}

/* A 'T': its definition is kept when it is of our collection. */
static int define(struct encoding *x, const struct tarn_record *r, struct tarn_err *err) {
    struct tarn_definition *d = NULL;
    struct tarn_slice name = {NULL, 0};
    int rc = tarn_payload_name(r->body, &name, err);

    if (rc == TARN_OK && is_name(name, x->name)) {
        struct tarn_slice body = {tarn_arena_memdup(&x->names, r->body.data, r->body.len),
                                  r->body.len};

        d = tarn_arena_calloc(&x->names, 1, sizeof *d);
        if (!d || !body.data) return no_memory(err);
        rc = tarn_definition_take(d, body, &x->names, err);
    }
    if (rc) return rc;
    if ((x->n & (x->n - 1)) == 0) { /* full at each power of two */
        struct tarn_definition **grown =
            tarn_reallocarray(x->numbered, x->n ? 2 * x->n : 1, sizeof *grown);

        if (!grown) return no_memory(err);
        x->numbered = grown;
    }
    x->numbered[x->n++] = d;
    return TARN_OK;
}

static int add_row(struct encoding *x, const struct tarn_record *r, struct tarn_err *err) {
    const struct tarn_definition *d = r->number < x->n ? x->numbered[r->number] : NULL;
    struct tarn_change change;
    int rc;

    if (!d || r->body.data[0] == TARN_OP_ENTRY) return TARN_OK;
    tarn_arena_clear(&x->row);
    rc = tarn_change_take(&change, d, r->body, &x->row, err);
    if (rc == TARN_OK && tarn_delta_file_add(x->file, d, &change, x->ts, x->bookmark)) {
        rc = tarn_delta_file_finish(x->file, err); /* says why */
    }
    return rc;
}

static int add_commit(struct encoding *x, const struct tarn_deliver_plan *p,
                      const struct tarn_commit *c, struct tarn_err *err) {
    struct tarn_change_reader reader;
    int rc = TARN_OK;

    tarn_change_reader_open(&reader, p->run.spool, c);
    while (rc == TARN_OK) {
        struct tarn_record r;
        int more = 0;

        rc = tarn_change_reader_next(&reader, &r, &more, err);
        if (rc || !more) break;
        rc = r.kind == 'T' ? define(x, &r, err) : add_row(x, &r, err);
    }
    tarn_change_reader_close(&reader);
    return rc;
}

static void put_definitions(struct tarn_buf *b, const struct tarn_plan_collection *c,
                            const struct tarn_log *log) {
    char bookmark[TARN_BOOKMARK + 1];
    size_t i;

    tarn_buf_u8(b, '[');
    for (i = 0; i < c->n_epochs; i++) {
        const struct tarn_plan_epoch *epoch = &c->epochs[i];

        tarn_bookmark_text(bookmark, log->timeline, epoch->commit->sequence, epoch->commit->time,
                           epoch->commit->digest);
        if (i) tarn_buf_u8(b, ',');
        tarn_encode_definition(b, &epoch->definition, bookmark);
    }
    tarn_buf_u8(b, ']');
    tarn_buf_u8(b, 0);
}

int tarn_encode_delta(const struct tarn_deliver_plan *p, const struct tarn_plan_collection *c,
                      const struct tarn_log *log, const struct tarn_log_entry *e, const char *key,
                      struct tarn_err *err) {
    struct tarn_buf definitions = TARN_BUF_INIT(META_MAX);
    const struct tarn_commit *commit;
    struct encoding x;
    int rc = begin(&x, TARN_DELTA_CHANGES, p, c->bytes, c->name, err);

    put_definitions(&definitions, c, log);
    for (commit = c->first; rc == TARN_OK; commit = commit->next) {
        if (tarn_plan_has(p, commit, c->name)) {
            set_commit(&x, log, commit);
            rc = add_commit(&x, p, commit, err);
        }
        if (commit == c->last) break;
    }
    if (rc == TARN_OK && tarn_delta_file_rows(x.file) != c->rows) {
        rc = tarn_err_set(
            err, TARN_ECORRUPT,
            "the changes of %.*s are %" PRIu64 ", and were %" PRIu64 " when they were counted",
            (int)c->name.len, (const char *)c->name.data, tarn_delta_file_rows(x.file), c->rows);
    }
    if (rc == TARN_OK) rc = meta(&x, log, e, &definitions, err);
    if (rc == TARN_OK) rc = tarn_delta_file_finish(x.file, err);
    if (rc == TARN_OK) rc = tarn_place_delta(&x.output, key, log, e, err);
    end(&x);
    tarn_buf_release(&definitions);
    return rc;
}

/* Rows of a base come in the order of pk, each once. */
static int add_base_row(struct encoding *x, const struct tarn_record *r,
                        const struct tarn_change_file *f, struct tarn_err *err) {
    int rc;

    if (r->body.data[0] != TARN_OP_BASE) {
        return tarn_err_set(err, TARN_ECORRUPT, "the base %s holds a change that is none of its",
                            f->name);
    }
    rc = add_row(x, r, err);
    if (rc || tarn_delta_file_order(x->file) > 0) return rc;
    return tarn_err_set(err, TARN_ECORRUPT, "the rows of the base %s are not sorted by pk",
                        f->name);
}

static int add_base(struct encoding *x, const struct tarn_deliver_plan *p,
                    const struct tarn_change_file *f, struct tarn_err *err) {
    struct tarn_sha256_state *digest = tarn_sha256_begin();
    struct tarn_change_reader reader;
    uint8_t found[TARN_SHA256];
    int rc = digest ? TARN_OK : no_memory(err);

    if (rc) return rc;
    rc = tarn_change_reader_file(&reader, p->run.spool, f, err);
    while (rc == TARN_OK) {
        struct tarn_record r;
        int more = 0;

        rc = tarn_change_reader_next(&reader, &r, &more, err);
        if (rc || !more) break;
        if (r.kind == 'T') {
            rc = define(x, &r, err);
        } else {
            rc = add_base_row(x, &r, f, err);
            if (rc == TARN_OK && tarn_sha256_more(digest, r.frame.data, r.frame.len))
                rc = no_memory(err);
        }
    }
    tarn_change_reader_close(&reader);
    if (tarn_sha256_end(digest, found) && rc == TARN_OK) rc = no_memory(err);
    if (rc == TARN_OK && (tarn_delta_file_rows(x->file) != f->base.rows || x->n != 1 ||
                          !x->numbered[0] || memcmp(found, f->base.digest, TARN_SHA256) != 0)) {
        rc = tarn_err_set(err, TARN_ECORRUPT,
                          "the base %s of the -spool folder is not what its commit says", f->name);
    }
    return rc;
}

int tarn_encode_base(const struct tarn_deliver_plan *p, const struct tarn_plan_base *base,
                     const struct tarn_log *log, const struct tarn_log_entry *e, const char *key,
                     struct tarn_err *err) {
    struct tarn_buf definitions = TARN_BUF_INIT(META_MAX);
    struct encoding x;
    int rc = begin(&x, TARN_DELTA_BASE, p, base->file.bytes, base->file.base.name, err);

    if (rc == TARN_OK) {
        set_commit(&x, log, base->commit);
        rc = add_base(&x, p, &base->file, err);
    }
    if (rc == TARN_OK) {
        tarn_buf_u8(&definitions, '[');
        tarn_encode_definition(&definitions, x.numbered[0], x.bookmark);
        tarn_buf_u8(&definitions, ']');
        tarn_buf_u8(&definitions, 0);
        rc = meta(&x, log, e, &definitions, err);
    }
    if (rc == TARN_OK) {
        tarn_delta_file_meta(x.file, "tarn.bookmark", x.bookmark);
        rc = tarn_delta_file_finish(x.file, err);
    }
    if (rc == TARN_OK) rc = tarn_place_base(&x.output, key, log, x.bookmark, err);
    end(&x);
    tarn_buf_release(&definitions);
    return rc;
}
