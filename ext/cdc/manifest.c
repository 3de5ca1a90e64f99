/* manifest.c: see manifest.h. Every change is a read, a change and a put if nothing came between. */
#include "manifest.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "bookmark.h"
#include "encode.h"
#include "mem.h"
#include "text.h"

#define MANIFEST_MAX ((size_t)64 << 20)
#define ATTEMPTS 100
#define ENTRIES 1000 /* the newest are kept */

struct manifest {
    struct tarn_store *store;
    char key[TARN_KEY_MAX + 1];
    char etag[TARN_ETAG_MAX]; /* "" = it isn't there yet */
    json_t *root;             /* owned; NULL without one */
};

static int no_memory(struct tarn_err *err) {
    return tarn_err_set(err, TARN_ENOMEM, "out of memory");
}

static void release(struct manifest *m) {
    json_decref(m->root);
    m->root = NULL;
}

/* TARN_EEXIST: it was replaced while it was read. */
static int load_once(struct manifest *m, struct tarn_store *store, struct tarn_slice name,
                     struct tarn_err *err) {
    struct tarn_object object;
    struct tarn_err why = {0};
    json_error_t fault;
    char *text = NULL;
    int rc;

    memset(m, 0, sizeof *m);
    m->store = store;
    if ((size_t)snprintf(m->key, sizeof m->key, "cdc/%.*s/manifest.json", (int)name.len,
                         (const char *)name.data) >= sizeof m->key) {
        return tarn_err_set(err, TARN_EINVAL, "the name of a collection is too long");
    }
    rc = tarn_store_head(store, m->key, &object, &why);
    if (rc == TARN_ENOTFOUND) return TARN_OK;
    if (rc) return tarn_err_set(err, rc, "%s", why.msg);
    if (object.size > MANIFEST_MAX) {
        return tarn_err_set(err, TARN_ELIMIT, "%.200s is too large", m->key);
    }
    text = tarn_malloc((size_t)object.size + 1);
    if (!text) return no_memory(err);
    rc = tarn_store_get(store, m->key, object.etag, 0, (size_t)object.size, text, &why);
    if (rc == TARN_OK) {
        memcpy(m->etag, object.etag, sizeof m->etag);
        m->root = json_loadb(text, (size_t)object.size, JSON_ALLOW_NUL, &fault);
    }
    tarn_free(text);
    if (rc) return tarn_err_set(err, rc == TARN_ENOTFOUND ? TARN_EEXIST : rc, "%s", why.msg);
    if (json_is_object(m->root)) return TARN_OK;
    release(m);
    return tarn_err_set(
        err, TARN_ECORRUPT,
        "%.120s is no JSON object (%.60s): remove it, the next flush makes a new one", m->key,
        fault.text);
}

static int load(struct manifest *m, struct tarn_store *store, struct tarn_slice name,
                struct tarn_err *err) {
    struct tarn_err why = {0};
    int rc = TARN_EEXIST;
    int i;

    for (i = 0; i < ATTEMPTS && rc == TARN_EEXIST; i++) {
        tarn_err_clear(&why);
        rc = load_once(m, store, name, &why);
    }
    return rc ? tarn_err_set(err, rc, "%s", why.msg) : TARN_OK;
}

static int check(const struct manifest *m, const char *database, struct tarn_err *err) {
    const char *other = json_string_value(json_object_get(m->root, "database"));

    if (!m->root || (other && strcmp(other, database) == 0)) return TARN_OK;
    return tarn_err_set(
        err, TARN_EEXIST,
        "%.100s is of %s %.40s, this database is %s: two databases cannot write one "
        "collection, set another namespace; or move that folder away, if its database is gone",
        m->key, other ? "the database" : "no known database", other ? other : "", database);
}

int tarn_manifest_check(struct tarn_store *store, struct tarn_slice name, const char *database,
                        struct tarn_err *err) {
    struct manifest m;
    int rc = load(&m, store, name, err);

    if (rc == TARN_OK) rc = check(&m, database, err);
    release(&m);
    return rc;
}

static json_t *decoded(const char *s, size_t n) {
    struct tarn_buf b = TARN_BUF_INIT(4096);
    json_t *v = NULL;

    if (tarn_percent_decode(&b, s, n) == 0 && b.rc == TARN_OK) {
        v = json_stringn((const char *)b.data, b.len);
    }
    tarn_buf_release(&b);
    return v;
}

/* What is known before anything was delivered. */
static json_t *begin(struct tarn_slice name, const char *database) {
    const char *text = (const char *)name.data;
    const char *slash = memchr(text, '/', name.len);
    size_t n = slash ? (size_t)(slash - text) : name.len;
    json_t *root =
        json_pack("{s:s,s:i,s:s}", "format", "tarn-cdc", "version", 1, "database", database);

    if (!root) return NULL;
    (void)json_object_set_new(root, "namespace", decoded(text, n));
    if (slash) (void)json_object_set_new(root, "collection", decoded(slash + 1, name.len - n - 1));
    return root;
}

static int append(const char *text, size_t n, void *buf) {
    tarn_buf_put(buf, text, n);
    return 0;
}

/* TARN_EEXIST: another one has come between. */
static int store(struct manifest *m, struct tarn_err *err) {
    struct tarn_put put = {.cond = m->etag[0] ? TARN_PUT_IF_MATCH : TARN_PUT_IF_ABSENT,
                           .etag = m->etag};
    struct tarn_buf b = TARN_BUF_INIT(MANIFEST_MAX);
    int rc;

    if (json_dump_callback(m->root, append, &b, JSON_INDENT(2))) b.rc = TARN_ENOMEM;
    tarn_buf_u8(&b, '\n');
    rc = b.rc ? tarn_err_set(err, b.rc, "no memory for %.200s", m->key)
              : tarn_store_put(m->store, m->key, b.data, b.len, &put, NULL, err);
    tarn_buf_release(&b);
    return rc;
}

typedef int (*changer)(struct manifest *m, void *arg, int *changed, struct tarn_err *err);

/* Loads, changes, stores; again when another one has come between. */
static int update(const struct tarn_log *log, struct tarn_slice name, changer change, void *arg,
                  struct tarn_err *err) {
    int rc = TARN_EEXIST;
    int i;

    for (i = 0; i < ATTEMPTS && rc == TARN_EEXIST; i++) {
        struct tarn_err why = {0};
        struct manifest m;
        int changed = 0;
        int foreign = 0;

        rc = load(&m, log->store, name, &why);
        if (rc == TARN_OK) foreign = rc = check(&m, log->id, &why);
        if (rc == TARN_OK && !m.root) {
            m.root = begin(name, log->id);
            changed = 1;
            if (!m.root) rc = no_memory(&why);
        }
        if (rc == TARN_OK) rc = change(&m, arg, &changed, &why);
        if (rc == TARN_OK && changed) rc = store(&m, &why);
        release(&m);
        if (rc && (foreign || rc != TARN_EEXIST || i + 1 == ATTEMPTS)) {
            return tarn_err_set(err, rc, "%s", why.msg);
        }
    }
    return rc;
}

static int nothing(struct manifest *m, void *arg, int *changed, struct tarn_err *err) {
    (void)m;
    (void)arg;
    (void)changed;
    (void)err;
    return TARN_OK;
}

int tarn_manifest_claim(const struct tarn_deliver_plan *p, const struct tarn_log *log,
                        struct tarn_err *err) {
    size_t i;
    int rc = TARN_OK;

    for (i = 0; i < p->n && rc == TARN_OK; i++)
        rc = update(log, p->collections[i]->name, nothing, NULL, err);
    return rc;
}

static int is_applied(const struct manifest *m, const struct tarn_log *log, uint64_t n) {
    char timeline[16];

    snprintf(timeline, sizeof timeline, "%08" PRIx32, log->timeline);
    return (uint64_t)json_integer_value(
               json_object_get(json_object_get(m->root, "applied"), timeline)) >= n;
}

int tarn_manifest_finished(const struct tarn_log *log, const struct tarn_log_entry *e, int *yes,
                           struct tarn_err *err) {
    size_t i, k;

    *yes = 1;
    for (i = 0; i < e->changes.n && *yes; i++) {
        const struct tarn_log_commit *c = &e->changes.commits[i];

        for (k = 0; k < c->n_collections && *yes; k++) {
            struct manifest m;
            int rc = load(&m, log->store, c->collections[k].name, err);

            if (rc) return rc;
            *yes = is_applied(&m, log, e->n);
            release(&m);
        }
    }
    return TARN_OK;
}

struct finishing {
    const struct tarn_plan_collection *collection;
    const struct tarn_log *log;
    const struct tarn_log_entry *entry;
};

static json_t *member(json_t *object, const char *name, json_t *fresh) {
    json_t *v = json_object_get(object, name);

    if (v && json_typeof(v) == json_typeof(fresh)) {
        json_decref(fresh);
        return v;
    }
    (void)json_object_set_new(object, name, fresh);
    return json_object_get(object, name);
}

static void count(json_t *counts, const char *name, uint64_t more) {
    json_int_t before = json_integer_value(json_object_get(counts, name));

    (void)json_object_set_new(counts, name, json_integer(before + (json_int_t)more));
}

/* The CREATE statement that an entry of the same commit gives. */
static json_t *create_of(const struct tarn_plan_collection *c, const struct tarn_commit *commit) {
    json_t *create = NULL;
    size_t i;

    for (i = 0; i < c->n_entries && !create; i++) {
        struct tarn_slice text = c->entries[i].text;
        json_t *entry;

        if (c->entries[i].commit != commit) continue;
        entry = json_loadb((const char *)text.data, text.len, JSON_ALLOW_NUL, NULL);
        if (json_is_string(json_object_get(entry, "create"))) {
            create = json_incref(json_object_get(entry, "create"));
        }
        json_decref(entry);
    }
    return create;
}

/* The same form, whenever it began? */
static int same_schema(const json_t *a, const json_t *b) {
    static const char *const members[] = {"epoch", "table", "rowid", "key", "columns"};
    size_t i;

    for (i = 0; i < sizeof members / sizeof *members; i++) {
        if (!json_equal(json_object_get(a, members[i]), json_object_get(b, members[i]))) return 0;
    }
    return 1;
}

/* The schemas that begin in the entry; what the last of them says also stands at the top. */
static int add_schemas(json_t *root, const struct finishing *f) {
    static const char *const top[] = {"table", "rowid", "key", "columns"};
    json_t *schemas = member(root, "schemas", json_array());
    char bookmark[TARN_BOOKMARK + 1];
    size_t i, k;

    for (i = 0; i < f->collection->n_epochs; i++) {
        const struct tarn_plan_epoch *epoch = &f->collection->epochs[i];
        const struct tarn_commit *c = epoch->commit;
        struct tarn_buf b = TARN_BUF_INIT(MANIFEST_MAX);
        json_t *schema = NULL;
        json_t *create;

        tarn_bookmark_text(bookmark, f->log->timeline, c->sequence, c->time, c->digest);
        tarn_encode_definition(&b, &epoch->definition, bookmark);
        if (b.rc == TARN_OK) schema = json_loadb((char *)b.data, b.len, JSON_ALLOW_NUL, NULL);
        tarn_buf_release(&b);
        if (!schema) return TARN_ENOMEM;
        for (k = 0; k < sizeof top / sizeof *top; k++)
            (void)json_object_set(root, top[k], json_object_get(schema, top[k]));
        if (same_schema(schema, json_array_get(schemas, json_array_size(schemas) - 1))) {
            json_decref(schema);
            continue;
        }
        create = create_of(f->collection, c);
        if (create) (void)json_object_set_new(schema, "create", create);
        if (json_array_append_new(schemas, schema)) return TARN_ENOMEM;
    }
    return TARN_OK;
}

static int add_entries(json_t *root, const struct finishing *f) {
    json_t *entries = member(root, "entries", json_array());
    char bookmark[TARN_BOOKMARK + 1];
    size_t i;

    for (i = 0; i < f->collection->n_entries; i++) {
        const struct tarn_plan_entry *from = &f->collection->entries[i];
        const struct tarn_commit *c = from->commit;
        json_t *said =
            json_loadb((const char *)from->text.data, from->text.len, JSON_ALLOW_NUL, NULL);
        const char *word = json_string_value(json_object_get(said, "entry"));
        json_t *entry;

        tarn_bookmark_text(bookmark, f->log->timeline, c->sequence, c->time, c->digest);
        entry = json_pack("{s:s}", "bookmark", bookmark);
        if (json_is_object(said)) (void)json_object_update(entry, said);
        if (word && strcmp(word, "track") == 0 && json_object_get(said, "options")) {
            (void)json_object_set(root, "options", json_object_get(said, "options"));
        }
        json_decref(said);
        if (!entry || json_array_append_new(entries, entry)) return TARN_ENOMEM;
    }
    while (json_array_size(entries) > ENTRIES)
        (void)json_array_remove(entries, 0);
    return TARN_OK;
}

static void add_bookmarks(json_t *root, const struct finishing *f) {
    const struct tarn_commit *first = f->collection->touched;
    const struct tarn_commit *last = f->collection->latest;
    const char *before = json_string_value(json_object_get(root, "lastBookmark"));
    char bookmark[TARN_BOOKMARK + 1];

    tarn_bookmark_text(bookmark, f->log->timeline, first->sequence, first->time, first->digest);
    if (!json_is_string(json_object_get(root, "firstBookmark"))) {
        (void)json_object_set_new(root, "firstBookmark", json_string(bookmark));
    }
    tarn_bookmark_text(bookmark, f->log->timeline, last->sequence, last->time, last->digest);
    if (!before || strcmp(before, bookmark) < 0) {
        (void)json_object_set_new(root, "lastBookmark", json_string(bookmark));
    }
}

static int apply(struct manifest *m, void *arg, int *changed, struct tarn_err *err) {
    const struct finishing *f = arg;
    const struct tarn_plan_collection *c = f->collection;
    char timeline[16];
    json_t *counts;
    int rc;

    if (is_applied(m, f->log, f->entry->n)) return TARN_OK;
    *changed = 1;
    rc = add_schemas(m->root, f);
    counts = member(m->root, "counts", json_object());
    count(counts, "insert", c->ops[TARN_OP_INSERT]);
    count(counts, "update", c->ops[TARN_OP_UPDATE]);
    count(counts, "delete", c->ops[TARN_OP_DELETE]);
    count(counts, "files", c->rows > 0);
    add_bookmarks(m->root, f);
    if (rc == TARN_OK) rc = add_entries(m->root, f);
    snprintf(timeline, sizeof timeline, "%08" PRIx32, f->log->timeline);
    (void)json_object_set_new(member(m->root, "applied", json_object()), timeline,
                              json_integer((json_int_t)f->entry->n));
    if (rc == TARN_OK && !is_applied(m, f->log, f->entry->n)) rc = TARN_ENOMEM;
    return rc ? no_memory(err) : TARN_OK;
}

int tarn_manifest_finish(const struct tarn_deliver_plan *p, const struct tarn_log *log,
                         const struct tarn_log_entry *e, struct tarn_err *err) {
    size_t i;
    int rc = TARN_OK;

    for (i = 0; i < p->n && rc == TARN_OK; i++) {
        struct finishing f = {p->collections[i], log, e};

        rc = update(log, p->collections[i]->name, apply, &f, err);
    }
    return rc;
}
