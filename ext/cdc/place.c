/* place.c: see place.h. What is there is known by its footer, which is as untrusted as the log. */
#include "place.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "bookmark.h"
#include "delta_file.h"
#include "footer.h"
#include "mem.h"

#define ATTEMPTS 100

/* An object that is there. */
struct found {
    struct tarn_object object;
    struct tarn_pq_footer *footer;
    int known; /* tarn.ranges says: */
    char database[64];
    uint32_t timeline;
    uint64_t entry;
};

void tarn_place_ranges(char out[TARN_RANGES_MAX], const struct tarn_log *log,
                       const struct tarn_log_entry *e) {
    snprintf(out, TARN_RANGES_MAX,
             "[{\"database\":\"%s\",\"timeline\":%" PRIu32 ",\"entry\":%" PRIu64
             ",\"first\":%" PRIu64 ",\"last\":%" PRIu64 "}]",
             log->id, log->timeline, e->n, e->first, e->last);
}

static void parse_ranges(struct found *f, const char *text) {
    json_t *root = text ? json_loads(text, 0, NULL) : NULL;
    const json_t *one = json_array_get(root, 0);
    const char *database = json_string_value(json_object_get(one, "database"));
    const json_t *timeline = json_object_get(one, "timeline");
    const json_t *entry = json_object_get(one, "entry");

    if (json_array_size(root) == 1 && database && strlen(database) < sizeof f->database &&
        json_is_integer(timeline) && json_is_integer(entry)) {
        f->known = 1;
        snprintf(f->database, sizeof f->database, "%s", database);
        f->timeline = (uint32_t)json_integer_value(timeline);
        f->entry = (uint64_t)json_integer_value(entry);
    }
    json_decref(root);
}

/* TARN_ENOTFOUND: there is none (any more). */
static int look(struct found *f, struct tarn_store *store, const char *key, struct tarn_err *err) {
    struct tarn_source src = {0};
    int rc;

    memset(f, 0, sizeof *f);
    rc = tarn_store_head(store, key, &f->object, err);
    if (rc == TARN_OK) rc = tarn_store_source(store, &f->object, &src, err);
    if (rc) return rc;
    rc = tarn_pq_footer_read(&f->footer, &src, err);
    tarn_source_close(&src);
    if (rc == TARN_OK) parse_ranges(f, tarn_pq_footer_kv(f->footer, "tarn.ranges"));
    return rc;
}

static void forget(struct found *f) {
    tarn_pq_footer_free(f->footer);
    f->footer = NULL;
}

static int is_ours(const struct found *f, const struct tarn_log *log) {
    return f->known && f->timeline == log->timeline && strcmp(f->database, log->id) == 0;
}

static int taken(const struct found *f, const char *key, const struct tarn_log *log,
                 const struct tarn_log_entry *e, struct tarn_err *err) {
    if (f->known && strcmp(f->database, log->id) != 0) {
        return tarn_err_set(err, TARN_EEXIST,
                            "%.100s is of the database %s, this one is %s: two databases cannot "
                            "write one collection, set another namespace",
                            key, f->database, log->id);
    }
    if (f->known) {
        return tarn_err_set(err, TARN_ECORRUPT,
                            "%.100s is of entry %" PRIu64 " of timeline %08" PRIx32
                            ", not of entry %" PRIu64 " of %08" PRIx32,
                            key, f->entry, f->timeline, e->n, log->timeline);
    }
    return tarn_err_set(err, TARN_EEXIST,
                        "%.120s is there already, and does not say which database's it is", key);
}

/* May this entry's object take the place of the one that is there? *replace = 1: yes. 0 and *replace = 0:
** it is this entry's already, or the entry is over. */
static int decide(const struct found *f, const char *key, const struct tarn_log *log,
                  const struct tarn_log_entry *e, int *replace, struct tarn_err *err) {
    enum tarn_log_end end = TARN_LOG_OPEN;
    int rc;

    *replace = 0;
    if (!is_ours(f, log)) return taken(f, key, log, e, err);
    if (f->entry == e->n) return TARN_OK;
    rc = tarn_log_end_read(log, f->entry, &end, err);
    if (rc) return rc;
    *replace = end == TARN_LOG_ABORT;
    if (*replace) return TARN_OK;
    rc = tarn_log_end_read(log, e->n, &end, err); /* ours may have been aborted meanwhile */
    if (rc || end == TARN_LOG_ABORT) return rc;
    return taken(f, key, log, e, err);
}

int tarn_place_delta(struct tarn_output *o, const char *key, const struct tarn_log *log,
                     const struct tarn_log_entry *e, struct tarn_err *err) {
    struct tarn_put put = {.cond = TARN_PUT_IF_ABSENT};
    struct tarn_err why = {0};
    struct found f = {0};
    int replace = 0;
    int rc, i;

    for (i = 0; i < ATTEMPTS; i++) {
        tarn_err_clear(&why);
        rc = tarn_output_put(o, log->store, key, &put, &why);
        if (rc != TARN_EEXIST) break;
        forget(&f);
        tarn_err_clear(&why);
        rc = look(&f, log->store, key, &why);
        put.cond = TARN_PUT_IF_ABSENT;
        if (rc == TARN_ENOTFOUND) continue;
        if (rc == TARN_OK) rc = decide(&f, key, log, e, &replace, &why);
        if (rc || !replace) break;
        put.cond = TARN_PUT_IF_MATCH;
        put.etag = f.object.etag;
    }
    forget(&f);
    return rc ? tarn_err_set(err, rc, "%s", why.msg) : TARN_OK;
}

int tarn_place_base(struct tarn_output *o, const char *key, const struct tarn_log *log,
                    const char *bookmark, struct tarn_err *err) {
    struct tarn_put put = {.cond = TARN_PUT_IF_ABSENT};
    struct tarn_err why = {0};
    struct found f = {0};
    int rc, i;

    for (i = 0; i < ATTEMPTS; i++) {
        struct tarn_bookmark parsed;
        const char *there;

        tarn_err_clear(&why);
        rc = tarn_output_put(o, log->store, key, &put, &why);
        if (rc != TARN_EEXIST) break;
        forget(&f);
        tarn_err_clear(&why);
        rc = look(&f, log->store, key, &why);
        put.cond = TARN_PUT_IF_ABSENT;
        if (rc == TARN_ENOTFOUND) continue;
        if (rc) break;
        there = tarn_pq_footer_kv(f.footer, "tarn.bookmark");
        if (!there || tarn_bookmark_parse(&parsed, there, strlen(there))) {
            rc = tarn_err_set(&why, TARN_EEXIST,
                              "%.120s is there already, and does not say which bookmark's state it "
                              "is",
                              key);
            break;
        }
        if (strcmp(there, bookmark) >= 0) break;
        put.cond = TARN_PUT_IF_MATCH;
        put.etag = f.object.etag;
    }
    forget(&f);
    return rc ? tarn_err_set(err, rc, "%s", why.msg) : TARN_OK;
}

/* A delta without rows, otherwise as f. */
static int make_empty(struct tarn_output *o, const struct found *f, const struct tarn_log *log,
                      const struct tarn_log_entry *e, struct tarn_err *err) {
    const char *collection = tarn_pq_footer_kv(f->footer, "tarn.collection");
    struct tarn_delta_file *file = NULL;
    char ranges[TARN_RANGES_MAX];
    int rc = tarn_output_open(o, "", 0, err);

    if (rc == TARN_OK) rc = tarn_delta_file_open(&file, TARN_DELTA_CHANGES, &o->sink, err);
    if (rc) return rc;
    tarn_place_ranges(ranges, log, e);
    tarn_delta_file_meta(file, "tarn.ranges", ranges);
    if (collection) tarn_delta_file_meta(file, "tarn.collection", collection);
    tarn_delta_file_meta(file, "tarn.aborted", "1");
    rc = tarn_delta_file_finish(file, err);
    tarn_delta_file_free(file);
    return rc;
}

int tarn_place_withdraw(const char *key, const struct tarn_log *log, const struct tarn_log_entry *e,
                        struct tarn_err *err) {
    struct tarn_put put = {.cond = TARN_PUT_IF_MATCH};
    struct tarn_output o = {.fd = -1};
    struct tarn_err why = {0};
    struct found f;
    int rc = look(&f, log->store, key, &why);

    if (rc == TARN_OK && is_ours(&f, log) && f.entry == e->n && f.footer->rows > 0) {
        rc = make_empty(&o, &f, log, e, &why);
        put.etag = f.object.etag;
        if (rc == TARN_OK) rc = tarn_output_put(&o, log->store, key, &put, &why);
    }
    forget(&f);
    tarn_output_release(&o);
    if (rc == TARN_ENOTFOUND || rc == TARN_EEXIST) return TARN_OK; /* gone, or another one */
    return rc ? tarn_err_set(err, rc, "%s", why.msg) : TARN_OK;
}
