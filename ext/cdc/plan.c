/* plan.c: see plan.h. One pass over the records of each commit, in line or in its file, which also
** computes their digests: for the log, and to see that a file is what its commit says.
*/
#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "change_reader.h"
#include "content.h"
#include "mem.h"

/* What the commit that is being read says of a collection. */
struct told {
    struct tarn_plan_collection *collection;
    uint64_t rows;
    struct tarn_log_item *items;
    size_t n_items;
};

/* A number in it: a collection in one form. One that is altered meanwhile has two. */
struct numbered {
    struct tarn_definition definition;
    size_t told;
};

struct reading {
    struct tarn_deliver_plan *plan;
    const struct tarn_commit *commit;
    struct tarn_arena scratch; /* of this commit */
    struct tarn_content content;
    struct numbered *numbered;
    size_t n;
    struct told *told;
    size_t n_told;
};

static int no_memory(struct tarn_err *err) {
    return tarn_err_set(err, TARN_ENOMEM, "out of memory");
}

/* One more element of an array that is full at each power of two. */
static void *grow(void *array, size_t n, size_t size) {
    if (n & (n - 1)) return array;
    return tarn_reallocarray(array, n ? 2 * n : 1, size);
}

static int same(struct tarn_slice a, struct tarn_slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

static struct tarn_plan_collection *collection_of(struct tarn_deliver_plan *p,
                                                  struct tarn_slice name) {
    struct tarn_plan_collection **grown;
    struct tarn_plan_collection *c;
    size_t i;

    for (i = 0; i < p->n; i++) {
        if (same(p->collections[i]->name, name)) return p->collections[i];
    }
    grown = grow(p->collections, p->n, sizeof *grown);
    if (!grown) return NULL;
    p->collections = grown;
    c = tarn_arena_calloc(&p->arena, 1, sizeof *c);
    if (!c) return NULL;
    c->name.data = tarn_arena_memdup(&p->arena, name.data, name.len);
    c->name.len = name.len;
    if (!c->name.data) return NULL;
    p->collections[p->n++] = c;
    return c;
}

static void touch(struct tarn_plan_collection *c, const struct tarn_commit *commit) {
    if (!c->touched) c->touched = commit;
    c->latest = commit;
}

static int add_epoch(struct reading *r, struct tarn_plan_collection *c, struct tarn_slice body,
                     struct tarn_err *err) {
    struct tarn_arena *arena = &r->plan->arena;
    struct tarn_plan_epoch *grown;
    struct tarn_plan_epoch *e;

    if (c->n_epochs && same(c->epochs[c->n_epochs - 1].body, body)) return TARN_OK;
    grown = grow(c->epochs, c->n_epochs, sizeof *grown);
    if (!grown) return no_memory(err);
    c->epochs = grown;
    e = &c->epochs[c->n_epochs];
    e->commit = r->commit;
    e->body.data = tarn_arena_memdup(arena, body.data, body.len);
    e->body.len = body.len;
    if (!e->body.data) return no_memory(err);
    c->n_epochs++;
    return tarn_definition_take(&e->definition, e->body, arena, err);
}

static int tell(struct reading *r, struct tarn_plan_collection *c, size_t *out,
                struct tarn_err *err) {
    struct told *grown;

    for (*out = 0; *out < r->n_told; (*out)++) {
        if (r->told[*out].collection == c) return TARN_OK;
    }
    grown = grow(r->told, r->n_told, sizeof *grown);
    if (!grown) return no_memory(err);
    r->told = grown;
    r->told[r->n_told++] = (struct told){.collection = c};
    touch(c, r->commit);
    return TARN_OK;
}

/* record: its body lies in the scratch arena. */
static int define(struct reading *r, const struct tarn_record *record, struct tarn_err *err) {
    struct numbered *grown = grow(r->numbered, r->n, sizeof *grown);
    struct tarn_plan_collection *c;
    struct numbered *at;
    int rc;

    if (!grown) return no_memory(err);
    r->numbered = grown;
    at = &r->numbered[r->n];
    memset(at, 0, sizeof *at);
    rc = tarn_definition_take(&at->definition, record->body, &r->scratch, err);
    if (rc) return rc;
    c = collection_of(r->plan, at->definition.name);
    if (!c) return no_memory(err);
    rc = tell(r, c, &at->told, err);
    if (rc) return rc;
    r->n++;
    return add_epoch(r, c, record->body, err);
}

static int add_entry(struct reading *r, const struct tarn_definition *d, struct told *at,
                     struct tarn_slice body, struct tarn_err *err) {
    struct tarn_plan_collection *c = at->collection;
    struct tarn_plan_entry *entries;
    struct tarn_log_item *items;
    struct tarn_change change;
    struct tarn_slice text;
    int rc = tarn_change_take(&change, d, body, &r->scratch, err);

    if (rc) return rc;
    text.data = tarn_arena_memdup(&r->plan->arena, change.entry.data, change.entry.len);
    text.len = change.entry.len;
    entries = grow(c->entries, c->n_entries, sizeof *entries);
    if (entries) c->entries = entries;
    items = grow(at->items, at->n_items, sizeof *items);
    if (items) at->items = items;
    if (!text.data || !entries || !items) return no_memory(err);
    c->entries[c->n_entries++] = (struct tarn_plan_entry){text, r->commit};
    at->items[at->n_items++] = (struct tarn_log_item){at->rows, text};
    return TARN_OK;
}

static int add_change(struct reading *r, const struct tarn_record *record, struct tarn_err *err) {
    const struct numbered *number;
    struct tarn_plan_collection *c;
    struct told *at;
    int op = record->body.data[0];
    int rc = TARN_OK;

    if (record->number >= r->n) {
        return tarn_err_set(err, TARN_ECORRUPT, "a commit holds a change of no collection");
    }
    number = &r->numbered[record->number];
    at = &r->told[number->told];
    c = at->collection;
    if (op == TARN_OP_ENTRY) {
        rc = add_entry(r, &number->definition, at, record->body, err);
    } else if (op == TARN_OP_INSERT || op == TARN_OP_UPDATE || op == TARN_OP_DELETE) {
        if (!c->first) c->first = r->commit;
        c->last = r->commit;
        c->rows++;
        c->bytes += record->body.len;
        c->ops[op]++;
    } else {
        rc = tarn_err_set(err, TARN_ECORRUPT, "a commit holds a change of an unknown kind, %d", op);
    }
    at->rows++;
    return rc;
}

static int read_changes(struct reading *r, struct tarn_err *err) {
    struct tarn_change_reader reader;
    int more = 1;
    int rc = TARN_OK;

    tarn_change_reader_open(&reader, r->plan->run.spool, r->commit);
    while (rc == TARN_OK) {
        struct tarn_record record;

        rc = tarn_change_reader_next(&reader, &record, &more, err);
        if (rc || !more) break;
        if (record.kind == 'T') { /* a window moves on, the name stays */
            record.body.data = tarn_arena_memdup(&r->scratch, record.body.data, record.body.len);
            if (!record.body.data) rc = no_memory(err);
            if (rc == TARN_OK) rc = define(r, &record, err);
        } else {
            rc = add_change(r, &record, err);
        }
        if (rc == TARN_OK) rc = tarn_content_add(&r->content, &record, err);
    }
    tarn_change_reader_close(&reader);
    return rc;
}

/* A file of changes must be what its commit says. */
static int check_file(const struct tarn_change_file *f, const struct tarn_change_summary *found,
                      size_t n, struct tarn_err *err) {
    struct tarn_cursor claimed = f->collections;
    int bad = f->n_collections != n;
    size_t i;

    for (i = 0; i < n && !bad; i++) {
        struct tarn_change_summary s;

        bad = tarn_payload_summary(&claimed, &s, NULL) || s.rows != found[i].rows ||
              !same(s.name, found[i].name) || memcmp(s.digest, found[i].digest, 32) != 0;
    }
    if (!bad) return TARN_OK;
    return tarn_err_set(err, TARN_ECORRUPT,
                        "the file of changes %s of the -spool folder is not what its commit says",
                        f->name);
}

static int add_base(struct reading *r, const struct tarn_change_file *f, struct tarn_err *err) {
    struct tarn_plan_collection *c = collection_of(r->plan, f->base.name);
    struct tarn_plan_base *grown = c ? grow(c->bases, c->n_bases, sizeof *grown) : NULL;

    if (!grown) return no_memory(err);
    touch(c, r->commit);
    c->bases = grown;
    c->bases[c->n_bases++] = (struct tarn_plan_base){*f, r->commit};
    return TARN_OK;
}

static int read_files(struct reading *r, const struct tarn_change_summary *found, size_t n,
                      struct tarn_err *err) {
    struct tarn_cursor at = {r->commit->payload, r->commit->payload + r->commit->len, TARN_OK};
    struct tarn_record record;
    int rc = TARN_OK;

    while (tarn_change_reader_files(&at, &record, err, &rc)) {
        rc = record.kind == 'F' ? check_file(&record.file, found, n, err)
                                : add_base(r, &record.file, err);
        if (rc) return rc;
    }
    return rc;
}

static const struct told *told_of(const struct reading *r, const struct tarn_change_summary *s) {
    size_t i;

    for (i = 0; i < r->n_told; i++) {
        if (same(r->told[i].collection->name, s->name)) break;
    }
    return i < r->n_told && r->told[i].rows == s->rows ? &r->told[i] : NULL;
}

/* What the log says of the commit. */
static int note(struct reading *r, const struct tarn_change_summary *found, size_t n,
                struct tarn_err *err) {
    struct tarn_log_changes *changes = &r->plan->changes;
    struct tarn_log_commit *to = n ? tarn_log_changes_add(changes) : NULL;
    size_t i;

    if (n == 0) return TARN_OK;
    if (to) to->collections = tarn_arena_calloc(&changes->arena, n, sizeof *to->collections);
    if (!to || !to->collections) return no_memory(err);
    to->sequence = r->commit->sequence;
    to->time = r->commit->time;
    to->n_collections = n;
    for (i = 0; i < n; i++) {
        const struct told *at = told_of(r, &found[i]);
        struct tarn_log_collection *c = &to->collections[i];

        if (!at) return tarn_err_set(err, TARN_ECORRUPT, "a commit's collections don't add up");
        c->rows = found[i].rows;
        memcpy(c->digest, found[i].digest, sizeof c->digest);
        c->name = at->collection->name;
        c->n_items = at->n_items;
        if (!at->n_items) continue;
        c->items = tarn_arena_memdup(&changes->arena, at->items, at->n_items * sizeof *c->items);
        if (!c->items) return no_memory(err);
    }
    if (tarn_content_events(r->commit->payload, r->commit->len, &to->has_events, to->events)) {
        return no_memory(err);
    }
    return TARN_OK;
}

static int read_commit(struct tarn_deliver_plan *p, const struct tarn_commit *c,
                       struct tarn_err *err) {
    struct reading r = {.plan = p, .commit = c};
    const struct tarn_change_summary *found = NULL;
    size_t n = 0;
    size_t i;
    int rc;

    tarn_arena_init(&r.scratch, NULL);
    tarn_content_init(&r.content);
    rc = read_changes(&r, err);
    if (rc == TARN_OK) rc = tarn_content_summaries(&r.content, &found, &n, err);
    if (rc == TARN_OK) rc = read_files(&r, found, n, err);
    if (rc == TARN_OK) rc = note(&r, found, n, err);
    for (i = 0; i < r.n_told; i++)
        tarn_free(r.told[i].items);
    tarn_free(r.told);
    tarn_free(r.numbered);
    tarn_content_release(&r.content);
    tarn_arena_release(&r.scratch);
    return rc;
}

static int by_name(const void *a, const void *b) {
    struct tarn_slice x = (*(struct tarn_plan_collection *const *)a)->name;
    struct tarn_slice y = (*(struct tarn_plan_collection *const *)b)->name;
    int order = memcmp(x.data, y.data, x.len < y.len ? x.len : y.len);

    if (order) return order;
    return x.len < y.len ? -1 : x.len > y.len;
}

int tarn_plan_make(struct tarn_deliver_plan **out, const struct tarn_deliver_run *run,
                   struct tarn_err *err) {
    struct tarn_deliver_plan *p = tarn_calloc(1, sizeof *p);
    const struct tarn_commit *c;
    int rc = TARN_OK;

    *out = NULL;
    if (!p) return no_memory(err);
    p->run = *run;
    tarn_arena_init(&p->arena, NULL);
    for (c = run->first; c && c->sequence <= run->last && rc == TARN_OK;
         c = c->sequence < run->last ? c->next : NULL) {
        rc = read_commit(p, c, err);
    }
    if (rc) {
        tarn_plan_free(p);
        return rc;
    }
    if (p->n) qsort(p->collections, p->n, sizeof *p->collections, by_name);
    *out = p;
    return TARN_OK;
}

void tarn_plan_free(struct tarn_deliver_plan *p) {
    size_t i;

    if (!p) return;
    for (i = 0; i < p->n; i++) {
        tarn_free(p->collections[i]->epochs);
        tarn_free(p->collections[i]->bases);
        tarn_free(p->collections[i]->entries);
    }
    tarn_free(p->collections);
    tarn_log_changes_release(&p->changes);
    tarn_arena_release(&p->arena);
    tarn_free(p);
}

int tarn_plan_has(const struct tarn_deliver_plan *p, const struct tarn_commit *c,
                  struct tarn_slice name) {
    const struct tarn_log_commit *noted = tarn_log_changes_find(&p->changes, c->sequence);
    size_t i;

    for (i = 0; noted && i < noted->n_collections; i++) {
        if (same(noted->collections[i].name, name)) return 1;
    }
    return 0;
}
