/* verify.c: every database, timeline and entry of a lake's flush logs, one entry a step. See verify.h.
**
**   _tarn/db/{name}/{id}/log/{timeline}/{n}.json      databases in the order of their keys, timelines
**                                                     and entries by number: parents come first
**
** What an entry has to continue is the last one of its timeline that was not aborted; in a child's first
** one, the parent's commit that it names.
*/
#include "verify.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "text.h"
#include "verify_impl.h"

#define ROOT "_tarn/db/"

struct place { /* an entry of a database's log */
    uint32_t timeline;
    uint64_t n;
};

struct done { /* an entry that others can come from */
    uint32_t timeline;
    uint64_t n, first, last;
};

struct tarn_verify {
    struct tarn_verify_spec spec;
    struct tarn_verify_work work;
    struct tarn_verify_result result;
    struct tarn_listing names; /* folders of databases' names */
    size_t name;               /* the next one */
    struct tarn_listing ids;
    size_t id;
    struct place *places; /* of one database */
    size_t n_places, place;
    struct done *done;
    size_t n_done;
    int anchored; /* what the next entry of this timeline has to continue: */
    uint64_t last;
    uint8_t digest[TARN_DIGEST];
};

void tarn_verify_fault(struct tarn_verify_work *w, const char *file, uint64_t row,
                       const char *bookmark, const char *fmt, ...) {
    struct tarn_verify_result *r = w->result;
    char message[256];
    va_list ap;

    if (r->fault.code) return;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    (void)tarn_err_set(&r->fault, TARN_ECORRUPT, "%s", message);
    snprintf(r->file, sizeof r->file, "%s", file ? file : "");
    snprintf(r->bookmark, sizeof r->bookmark, "%s", bookmark ? bookmark : "");
    r->row = row;
}

static int out_of_memory(struct tarn_err *err) {
    return tarn_err_set(err, TARN_ENOMEM, "out of memory");
}

void tarn_verify_free(struct tarn_verify *v) {
    if (!v) return;
    tarn_listing_release(&v->names);
    tarn_listing_release(&v->ids);
    tarn_free(v->places);
    tarn_free(v->done);
    tarn_free(v);
}

int tarn_verify_open(struct tarn_verify **out, const struct tarn_verify_spec *spec,
                     struct tarn_err *err) {
    struct tarn_verify *v = tarn_calloc(1, sizeof *v);
    int rc;

    *out = NULL;
    if (!v) return out_of_memory(err);
    v->spec = *spec;
    v->work.result = &v->result;
    v->work.namespace_ = spec->namespace_;
    v->work.scan.lake = spec->lake;
    v->work.scan.budget.limit = spec->memory_budget;
    v->work.scan.spec.limit = -1;
    v->work.scan.spec.interrupted = spec->interrupted;
    v->work.scan.spec.interrupted_arg = spec->interrupted_arg;
    rc = tarn_store_list(tarn_lake_store(spec->lake), ROOT, '/', NULL, 0, &v->names, err);
    if (rc) {
        tarn_verify_free(v);
        return rc;
    }
    *out = v;
    return TARN_OK;
}

static int by_place(const void *a, const void *b) {
    const struct place *x = a;
    const struct place *y = b;

    if (x->timeline != y->timeline) return x->timeline < y->timeline ? -1 : 1;
    return x->n < y->n ? -1 : x->n > y->n;
}

/* "00000000/000000000001.json", below the folder of a log; -1: something else. */
static int parse_place(const char *s, struct place *out) {
    if (strspn(s, "0123456789abcdef") != 8 || s[8] != '/') return -1;
    if (strspn(s + 9, "0123456789") != 12 || strcmp(s + 21, ".json") != 0) return -1;
    out->timeline = (uint32_t)strtoul(s, NULL, 16);
    out->n = strtoull(s + 9, NULL, 10);
    return 0;
}

/* All entries of the database whose folder is `folder`. */
static int list_places(struct tarn_verify *v, const char *folder, struct tarn_err *err) {
    struct tarn_listing list = {0};
    char prefix[TARN_KEY_MAX];
    size_t n = (size_t)snprintf(prefix, sizeof prefix, "%slog/", folder);
    size_t i;
    int rc;

    v->n_places = v->place = v->n_done = 0;
    v->anchored = 0;
    if (n >= sizeof prefix) return TARN_OK;
    rc = tarn_store_list(tarn_lake_store(v->spec.lake), prefix, 0, NULL, 0, &list, err);
    if (rc) return rc;
    tarn_free(v->places);
    tarn_free(v->done);
    v->places = tarn_reallocarray(NULL, list.n_objects + 1, sizeof *v->places);
    v->done = tarn_reallocarray(NULL, list.n_objects + 1, sizeof *v->done);
    if (!v->places || !v->done) rc = out_of_memory(err);
    for (i = 0; rc == TARN_OK && i < list.n_objects; i++) {
        if (parse_place(list.objects[i].key + n, &v->places[v->n_places]) == 0) v->n_places++;
    }
    if (rc == TARN_OK && v->n_places) {
        qsort(v->places, v->n_places, sizeof *v->places, by_place);
    }
    tarn_listing_release(&list);
    return rc;
}

/* "…/{name}/{id}/": what the log of a database is called. *ours = 0: none of ours. */
static int name_database(struct tarn_verify *v, const char *folder, int *ours,
                         struct tarn_err *err) {
    struct tarn_buf name = TARN_BUF_INIT(sizeof v->result.name - 1);
    const char *s = folder + strlen(ROOT);
    size_t n = strcspn(s, "/");
    int bad = tarn_percent_decode(&name, s, n);
    int rc = name.rc;

    *ours = !bad && rc == TARN_OK && strlen(s + n + 1) == 17;
    if (*ours) {
        snprintf(v->result.name, sizeof v->result.name, "%.*s", (int)name.len,
                 (const char *)name.data);
        snprintf(v->result.id, sizeof v->result.id, "%.16s", s + n + 1);
    }
    tarn_buf_release(&name);
    return rc == TARN_ENOMEM ? out_of_memory(err) : TARN_OK;
}

/* The next database that has entries; *more = 0: none is left. */
static int next_database(struct tarn_verify *v, int *more, struct tarn_err *err) {
    int ours = 0;
    int rc = TARN_OK;

    *more = 1;
    while (rc == TARN_OK && v->place == v->n_places) {
        if (v->id < v->ids.n_prefixes) {
            const char *folder = v->ids.prefixes[v->id++];

            rc = name_database(v, folder, &ours, err);
            if (rc == TARN_OK && ours) rc = list_places(v, folder, err);
        } else if (v->name < v->names.n_prefixes) {
            tarn_listing_release(&v->ids);
            memset(&v->ids, 0, sizeof v->ids);
            v->id = 0;
            rc = tarn_store_list(tarn_lake_store(v->spec.lake), v->names.prefixes[v->name++], '/',
                                 NULL, 0, &v->ids, err);
        } else {
            *more = 0;
            break;
        }
    }
    return rc;
}

static struct tarn_log log_of(struct tarn_verify *v, uint32_t timeline) {
    return (struct tarn_log){tarn_lake_store(v->spec.lake), v->result.name, v->result.id, timeline};
}

/* What the parent of a child's first entry says that it has to continue; *found = 0: that entry is no
** longer there. */
static int read_parent(struct tarn_verify *v, const struct tarn_log_entry *e,
                       uint8_t digest[TARN_DIGEST], int *found, struct tarn_err *err) {
    struct tarn_log log = log_of(v, e->parent);
    struct tarn_log_entry parent;
    size_t i;
    int rc = TARN_OK;

    *found = 0;
    for (i = 0; i < v->n_done; i++) {
        const struct done *d = &v->done[i];

        if (d->timeline == e->parent && e->parent_sequence + 1 >= d->first &&
            e->parent_sequence <= d->last) {
            break;
        }
    }
    if (i == v->n_done) return TARN_OK;
    rc = tarn_log_read(&log, v->done[i].n, &parent, err);
    if (rc) return rc;
    *found = tarn_log_digest(&parent, e->parent_sequence) != NULL;
    if (*found) memcpy(digest, tarn_log_digest(&parent, e->parent_sequence), TARN_DIGEST);
    tarn_log_entry_release(&parent);
    return TARN_OK;
}

/* Where the first entry of a timeline begins. */
static int check_first(struct tarn_verify *v, const struct tarn_log_entry *e,
                       struct tarn_err *err) {
    static const uint8_t zero[TARN_DIGEST];
    uint8_t digest[TARN_DIGEST];
    int found = 0;
    int rc;

    if (e->n != 1) return TARN_OK; /* the oldest one that was kept: the anchor */
    if (!e->has_parent) {
        if (e->first != 1 || memcmp(e->previous, zero, sizeof zero) != 0) {
            tarn_verify_fault(&v->work, NULL, 0, NULL,
                              "the first entry begins with commit %" PRIu64
                              " and names no timeline that it comes from",
                              e->first);
        }
        return TARN_OK;
    }
    if (e->first != e->parent_sequence + 1) {
        tarn_verify_fault(&v->work, NULL, 0, NULL,
                          "it begins with commit %" PRIu64 " and leaves its parent behind commit "
                          "%" PRIu64,
                          e->first, e->parent_sequence);
    }
    rc = read_parent(v, e, digest, &found, err);
    if (rc == TARN_OK && found && memcmp(e->previous, digest, sizeof digest) != 0) {
        tarn_verify_fault(&v->work, NULL, 0, NULL,
                          "it does not continue commit %" PRIu64 " of timeline %08" PRIx32,
                          e->parent_sequence, e->parent);
    }
    return rc;
}

static int check_chain(struct tarn_verify *v, const struct tarn_log_entry *e,
                       struct tarn_err *err) {
    const struct place *p = &v->places[v->place];
    const struct place *before = v->place && p[-1].timeline == p->timeline ? p - 1 : NULL;
    int last = v->place + 1 == v->n_places || p[1].timeline != p->timeline;

    if (before && before->n + 1 != p->n) {
        tarn_verify_fault(&v->work, NULL, 0, NULL, "entry %" PRIu64 " is missing", p->n - 1);
    }
    if (v->result.end == TARN_LOG_OPEN && !last) {
        tarn_verify_fault(&v->work, NULL, 0, NULL,
                          "it has not ended, and there are entries behind it");
    }
    if (v->result.end == TARN_LOG_ABORT) return TARN_OK;
    if (!v->anchored) return before ? TARN_OK : check_first(v, e, err);
    if (e->first != v->last + 1) {
        tarn_verify_fault(&v->work, NULL, 0, NULL,
                          "it begins with commit %" PRIu64 "; the one before it ends with %" PRIu64,
                          e->first, v->last);
    }
    if (memcmp(e->previous, v->digest, TARN_DIGEST) != 0) {
        tarn_verify_fault(&v->work, NULL, 0, NULL,
                          "it does not continue the digest of commit %" PRIu64 " before it",
                          v->last);
    }
    return TARN_OK;
}

static void anchor(struct tarn_verify *v, const struct tarn_log_entry *e) {
    if (v->result.end == TARN_LOG_ABORT) return;
    v->anchored = 1;
    v->last = e->last;
    memcpy(v->digest, tarn_log_digest(e, e->last), TARN_DIGEST);
    v->done[v->n_done++] = (struct done){v->result.timeline, e->n, e->first, e->last};
}

static int check(struct tarn_verify *v, const struct tarn_log *log, struct tarn_err *err) {
    struct tarn_verify_result *r = &v->result;
    struct tarn_err why = {0};
    struct tarn_log_entry e;
    int rc = tarn_log_end_read(log, r->entry, &r->end, &why);

    if (rc == TARN_OK) rc = tarn_log_read(log, r->entry, &e, &why);
    if (rc == TARN_ECORRUPT || rc == TARN_ENOTFOUND) {
        tarn_verify_fault(&v->work, NULL, 0, NULL, "%s", why.msg);
        v->anchored = 0;
        return TARN_OK;
    }
    if (rc) return tarn_err_set(err, rc, "%s", why.msg);
    r->first = e.first;
    r->last = e.last;
    rc = check_chain(v, &e, err);
    if (rc == TARN_OK && r->end != TARN_LOG_ABORT && r->fault.code == 0) {
        rc = tarn_verify_entry(&v->work, &e, err);
    }
    anchor(v, &e);
    tarn_log_entry_release(&e);
    return rc;
}

int tarn_verify_next(struct tarn_verify *v, const struct tarn_verify_result **out, int *more,
                     struct tarn_err *err) {
    struct tarn_verify_result *r = &v->result;
    const struct place *p;
    struct tarn_log log;
    int rc = next_database(v, more, err);

    if (rc || !*more) return rc;
    rc = tarn_changes_poll(&v->work.scan, err);
    if (rc) return rc;
    p = &v->places[v->place];
    if (v->place == 0 || p[-1].timeline != p->timeline) v->anchored = 0;
    r->timeline = p->timeline;
    r->entry = p->n;
    r->first = r->last = r->changes = r->row = 0;
    r->end = TARN_LOG_OPEN;
    r->file[0] = r->bookmark[0] = 0;
    tarn_err_clear(&r->fault);
    log = log_of(v, p->timeline);
    rc = check(v, &log, err);
    v->place++;
    *out = r;
    return rc;
}
