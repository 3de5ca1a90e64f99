/* catalog.c: the files of a time range: list, read what compacted files say, decide who counts.
**
**   walk (catalog_walk.c) -> sort by key -> footers of compacted files (catalog_read.c)
**        ^                                        -> visibility rules (visibility.c) -> catalog
**        '-- again, when a listed file is gone, or the listing came too early for a part
**
** Never a silent gap: what the rules need and doesn't show up after a few listings is an error.
** Files that are no compactions are not opened here.
*/
#include "catalog.h"

#include <stdlib.h>
#include <string.h>

#include "arena.h"
#include "catalog_read.h"
#include "catalog_walk.h"
#include "mem.h"
#include "text.h"
#include "visibility.h"

#define ATTEMPTS 5

struct impl {
    struct tarn_arena arena; /* keys, prefixes, namespaces */
    struct tarn_masks **masks;
    size_t n_masks;
    size_t cap;
    const struct tarn_catalog_request *req; /* while listing; NULL later */
    int64_t lo, hi, slack;
    size_t root_len;     /* of the root of the last key seen, */
    const char *root_of; /* that key, */
    const char *prefix;  /* and what it says */
    const char *namespace_;
};

static int64_t add_clamped(int64_t t, int64_t delta) {
    int64_t sum = 0;
    if (__builtin_add_overflow(t, delta, &sum)) {
        return delta < 0 ? TARN_TIME_MIN : TARN_TIME_MAX;
    }
    return sum < TARN_TIME_MIN ? TARN_TIME_MIN : sum > TARN_TIME_MAX ? TARN_TIME_MAX : sum;
}

/* Prefix and namespace of a key found by a pattern; neighbours mostly share them. */
static int read_root(struct impl *m, const char *key, struct tarn_err *err) {
    size_t root = tarn_key_root_of(key);
    size_t ns_end = 0;
    struct tarn_buf name = TARN_BUF_INIT(TARN_KEY_MAX);
    if (m->root_of && root == m->root_len && memcmp(key, m->root_of, root) == 0) {
        return TARN_OK;
    }
    m->root_len = root;
    m->root_of = key;
    m->namespace_ = m->prefix = "";
    if (strncmp(key, "ns/", 3) == 0) {
        const char *end = strchr(key + 3, '/');
        ns_end = end ? (size_t)(end - key) + 1 : 3;
    }
    if (ns_end > 3) {
        const char *text = key + 3;
        size_t n = ns_end - 4;
        if (tarn_percent_decode(&name, text, n) == 0 && !name.rc && name.len &&
            !memchr(name.data, 0, name.len)) {
            text = (const char *)name.data;
            n = name.len;
        }
        m->namespace_ = tarn_arena_strndup(&m->arena, text, n);
    }
    if (root > ns_end) {
        m->prefix = tarn_arena_strndup(&m->arena, key + ns_end, root - ns_end - 1);
    }
    tarn_buf_release(&name);
    if (!m->namespace_ || !m->prefix) {
        return tarn_err_set(err, m->arena.rc, "%s: no memory", key);
    }
    return TARN_OK;
}

static struct tarn_file *append(struct tarn_catalog *c, struct tarn_err *err) {
    struct impl *m = c->impl;
    if (c->n_files == m->cap) {
        size_t cap = m->cap ? m->cap * 2 : 64;
        struct tarn_file *grown = tarn_reallocarray(c->files, cap, sizeof *grown);
        if (!grown) {
            tarn_err_set(err, TARN_ENOMEM, "no memory for a listing of %zu files", cap);
            return NULL;
        }
        c->files = grown;
        m->cap = cap;
    }
    return memset(&c->files[c->n_files], 0, sizeof *c->files);
}

/* One object of the walk: kept when it is a data file that is asked for. */
static int visit(void *arg, const struct tarn_object *object, struct tarn_err *err) {
    struct tarn_catalog *c = arg;
    struct impl *m = c->impl;
    struct tarn_key_info info;
    struct tarn_file *f = NULL;
    const char *key = object->key;
    size_t root = m->req->glob ? tarn_key_root_of(key) : m->root_len;
    c->listed++;
    if ((m->req->glob && !tarn_glob_match(m->req->glob, key)) || tarn_key_parse(key, root, &info)) {
        return TARN_OK;
    }
    int64_t lo = add_clamped(info.lo, -m->slack);
    int64_t hi = add_clamped(info.hi, m->slack);
    int inside = lo <= m->hi && hi >= m->lo;
    c->pruned_path += !inside;
    if (!inside && !m->req->keep_pruned) {
        return TARN_OK;
    }
    if ((key = tarn_arena_strndup(&m->arena, key, strlen(key))) == NULL) {
        return tarn_err_set(err, m->arena.rc, "%s: no memory", object->key);
    }
    int rc = m->req->glob ? read_root(m, key, err) : TARN_OK;
    if (rc || (f = append(c, err)) == NULL) {
        return rc ? rc : TARN_ENOMEM;
    }
    f->obj = *object;
    f->obj.key = key;
    f->info = info;
    f->state = inside ? TARN_FILE_LIVE : TARN_FILE_PRUNED;
    f->lo = lo;
    f->hi = hi;
    f->prefix = m->prefix;
    f->namespace_ = m->namespace_;
    c->n_files++;
    return TARN_OK;
}

static int by_key(const void *a, const void *b) {
    return strcmp(((const struct tarn_file *)a)->obj.key, ((const struct tarn_file *)b)->obj.key);
}

static void sort_files(struct tarn_catalog *c) {
    for (size_t i = 1; i < c->n_files; i++) {
        if (by_key(&c->files[i - 1], &c->files[i]) > 0) {
            qsort(c->files, c->n_files, sizeof *c->files, by_key);
            return;
        }
    }
}

static int list_files(struct tarn_catalog *c, struct tarn_lake *lake, struct tarn_err *err) {
    struct impl *m = c->impl;
    const struct tarn_catalog_request *req = m->req;
    const char *prefix = req->prefix ? req->prefix : "events";
    struct tarn_buf root = TARN_BUF_INIT(TARN_KEY_MAX);
    struct tarn_walk_plan plan = {.store = tarn_lake_store(lake),
                                  .glob = req->glob,
                                  .lo = add_clamped(m->lo, -m->slack),
                                  .hi = add_clamped(m->hi, m->slack)};
    int rc = TARN_OK;
    if (!req->glob) {
        tarn_key_root(&root, req->namespace_, prefix);
        m->root_len = root.len;
        tarn_buf_u8(&root, 0);
        plan.root = (const char *)root.data;
        m->prefix = tarn_arena_strndup(&m->arena, prefix, strlen(prefix));
        m->namespace_ = req->namespace_ ? req->namespace_ : "";
        m->namespace_ = tarn_arena_strndup(&m->arena, m->namespace_, strlen(m->namespace_));
        if (root.rc || m->arena.rc) {
            rc = tarn_err_set(err, TARN_ENOMEM, "no memory to list %s", prefix);
        }
    }
    if (!rc && req->lo <= req->hi) {
        rc = tarn_walk(&plan, visit, c, err);
    }
    if (!rc) {
        sort_files(c);
    }
    tarn_buf_release(&root);
    return rc;
}

/* Decides who counts. *again = 1 when that takes a newer listing. On the last attempt a file whose
** part is missing is what is wrong. */
static int decide(struct tarn_catalog *c, int last_attempt, int *again, struct tarn_err *err) {
    struct impl *m = c->impl;
    for (;;) {
        const char *missing = NULL;
        size_t owner = 0;
        struct tarn_err why = {0};
        int rc = tarn_visibility_apply(c->files, c->n_files, m->masks, &missing, &owner, err);
        if (rc || !missing || (m->req->glob && !tarn_glob_match(m->req->glob, missing))) {
            return rc;
        }
        if (!last_attempt) {
            *again = 1;
            return TARN_OK;
        }
        tarn_err_set(&why, TARN_ECORRUPT,
                     "%s: its part %s is missing; restore it, or delete the file to go back to "
                     "what it replaced",
                     c->files[owner].obj.key, missing);
        if (!m->req->skip_corrupt) {
            return tarn_err_set(err, why.code, "%s", why.msg);
        }
        tarn_catalog_skip(c, m->masks, owner, &why);
    }
}

static int attempt(struct tarn_catalog **out, struct tarn_lake *lake,
                   const struct tarn_catalog_request *req, int64_t slack, int last_attempt,
                   int *again, struct tarn_err *err) {
    struct tarn_catalog *c = tarn_calloc(1, sizeof *c);
    struct impl *m = tarn_calloc(1, sizeof *m);
    struct tarn_err mine = {0};
    int rc = TARN_OK;
    *again = 0;
    if (!c || !m) {
        tarn_free(c);
        tarn_free(m);
        return tarn_err_set(err, TARN_ENOMEM, "no memory for a catalog");
    }
    c->impl = m;
    m->req = req;
    m->slack = slack;
    m->lo = add_clamped(req->lo, 0);
    m->hi = add_clamped(req->hi, 0);
    tarn_arena_init(&m->arena, NULL);
    rc = list_files(c, lake, &mine);
    if (!rc) {
        m->n_masks = c->n_files;
        if ((m->masks = tarn_calloc(c->n_files + 1, sizeof(*m->masks))) == NULL) {
            rc = tarn_err_set(&mine, TARN_ENOMEM, "no memory for a catalog");
        }
    }
    if (!rc) {
        rc = tarn_catalog_read(c, lake, m->masks, req->skip_corrupt, &mine);
        *again = rc == TARN_ENOTFOUND && !last_attempt;
    }
    if (!rc) {
        rc = decide(c, last_attempt, again, &mine);
    }
    m->req = NULL;
    if (rc || *again) {
        tarn_catalog_free(c);
        return *again ? TARN_OK : tarn_err_set(err, rc, "%s", mine.msg);
    }
    *out = c;
    return TARN_OK;
}

static int check_request(const struct tarn_catalog_request *req, struct tarn_err *err) {
    int rc = TARN_OK;
    if (req->glob) {
        if (strlen(req->glob) > TARN_GLOB_MAX || tarn_glob_literal(req->glob) > TARN_KEY_MAX) {
            rc = tarn_err_set(err, TARN_EINVAL,
                              "the pattern %.40s… is too long: at most %d bytes, %d of them before "
                              "the first of * ? [",
                              req->glob, TARN_GLOB_MAX, TARN_KEY_MAX);
        }
        return rc;
    }
    if (req->prefix) {
        rc = tarn_prefix_check(req->prefix, strlen(req->prefix), err);
    }
    if (!rc && req->namespace_ && *req->namespace_) {
        rc = tarn_name_check(req->namespace_, strlen(req->namespace_), "namespace", err);
    }
    return rc;
}

int tarn_catalog_list(struct tarn_catalog **out, struct tarn_lake *lake,
                      const struct tarn_catalog_request *req, struct tarn_err *err) {
    int partitioned = 0;
    int again = 1;
    int rc = check_request(req, err);
    *out = NULL;
    if (!rc) {
        rc = tarn_lake_partitioned(lake, &partitioned, err);
    }
    for (int i = 1; i <= ATTEMPTS && again && !rc; i++) {
        int64_t slack = partitioned || req->path_slack < 0 ? 0 : req->path_slack;
        rc = attempt(out, lake, req, slack, i == ATTEMPTS, &again, err);
    }
    return rc;
}

void tarn_catalog_free(struct tarn_catalog *c) {
    if (!c) {
        return;
    }
    struct impl *m = c->impl;
    for (size_t i = 0; i < c->n_files; i++) {
        tarn_pq_footer_free(c->files[i].footer);
    }
    for (size_t i = 0; m->masks && i < m->n_masks; i++) {
        if (m->masks[i]) {
            tarn_masks_release(m->masks[i]);
            tarn_free(m->masks[i]);
        }
    }
    tarn_free(m->masks);
    tarn_arena_release(&m->arena);
    tarn_free(m);
    tarn_free(c->files);
    tarn_free(c);
}

struct tarn_file *tarn_catalog_find(struct tarn_catalog *c, const char *key) {
    ptrdiff_t at = tarn_files_find(c->files, c->n_files, key);
    return at < 0 ? NULL : &c->files[at];
}

const char *tarn_catalog_replaced_by(const struct tarn_catalog *c, const char *key) {
    const struct impl *m = c->impl;
    for (size_t i = 0; i < m->n_masks; i++) {
        const struct tarn_masks *k = m->masks[i];
        for (size_t j = 0; k && c->files[i].state == TARN_FILE_LIVE && j < k->n_sources; j++) {
            if (strcmp(k->sources[j], key) == 0) {
                return c->files[i].obj.key;
            }
        }
    }
    return NULL;
}

int tarn_catalog_add_spool(struct tarn_catalog *c, const char *key, const char *spool,
                           uint64_t size, int64_t lo, int64_t hi, struct tarn_err *err) {
    struct impl *m = c->impl;
    struct tarn_file *f = NULL;
    if (!m) {
        return tarn_err_set(err, TARN_ENOTFOUND, "%s: the lake's folder is not there", spool);
    }
    if ((f = append(c, err)) == NULL) {
        return TARN_ENOMEM;
    }
    f->obj.key = tarn_arena_strndup(&m->arena, key, strlen(key));
    f->spool = tarn_arena_strndup(&m->arena, spool, strlen(spool));
    f->prefix = f->namespace_ = "";
    if (!f->obj.key || !f->spool) {
        return tarn_err_set(err, m->arena.rc, "%s: no memory", key);
    }
    f->obj.size = size;
    f->info = (struct tarn_key_info){.format = TARN_FILE_PARQUET, .lo = lo, .hi = hi};
    f->lo = lo;
    f->hi = hi;
    c->n_files++;
    return TARN_OK;
}
