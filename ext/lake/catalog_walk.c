/* catalog_walk.c: path pruning. From a range to the listings that cover it.
**
**   range = 2026-02-02 14:10 … 14:50
**     events/             one level: own files, folders of other layouts, 2026/
**     events/2026/        one level: … 02/
**     events/2026/02/     one level: … 02/
**     events/2026/02/02/  its hours in the range, each with all below it: 14/
**                         then one level: own files (daily compactions), other folders
**
** A folder that lies in the range as a whole is listed with all below it in one go; one that
** is no time folder too, since nothing is known of what it holds. Own files of years and months
** are data like others, whatever put them there.
** Order matters within a day only: a compaction of the day removes files of the hours, so a reader
** that looks into the hours first finds rows either there or, later, in the day's file. In one
** listing of the whole day `_compact_…` sorts behind the hours' digits, which comes to the same.
** A pattern's literal beginning goes straight down to the folder it names.
*/
#include "catalog_walk.h"

#include <string.h>

#include "arena.h"
#include "mem.h"

/* Up to so many hours of a day are listed one by one, more by listing the day. */
#define HOURS_ONE_BY_ONE 4

enum kind {
    LAKE,    /* "" */
    TENANTS, /* ns/ */
    TENANT,  /* ns/{namespace}/ */
    EVENTS   /* a root, and all below it: `time` says how deep */
};

struct folder {
    const char *path; /* in the arena; ends in `/` unless empty */
    size_t len;
    enum kind kind;
    struct tarn_key_time time;
};

struct walk {
    const struct tarn_walk_plan *plan;
    int (*visit)(void *arg, const struct tarn_object *object, struct tarn_err *err);
    void *arg;
    const char *literal; /* the pattern's beginning, n_literal bytes of it */
    size_t n_literal;
    struct tarn_arena arena;
    struct folder *stack; /* folders still to visit, the next one last */
    size_t n, cap;
};

static int overlaps(const struct walk *w, const struct tarn_key_time *t) {
    return t->lo <= w->plan->hi && t->hi >= w->plan->lo;
}

/* Can keys below `path` begin with the pattern's literal? */
static int may_match(const struct walk *w, const char *path, size_t len) {
    return memcmp(path, w->literal, len < w->n_literal ? len : w->n_literal) == 0;
}

/* Makes the folder `path` (its name is what follows the parent's path) one to visit, unless it can
** hold nothing that is asked for. */
static int enter(struct walk *w, const struct folder *parent, const char *path, size_t len,
                 struct tarn_err *err) {
    const char *name = path + parent->len;
    size_t n = len - parent->len - 1;
    struct folder f = {.len = len, .kind = EVENTS, .time = parent->time};
    if (!may_match(w, path, len)) {
        return TARN_OK;
    }
    switch (parent->kind) {
    case LAKE:
        if (tarn_key_reserved(name, n)) {
            if (w->n_literal < len) {
                return TARN_OK;
            }
            if (strncmp(path, "ns/", 3) == 0) {
                f.kind = TENANTS;
            } else {
                f.time.depth = -1;
            }
        }
        break;
    case TENANTS: f.kind = TENANT; break;
    case TENANT: break;
    case EVENTS:
        if (tarn_key_hidden(name, n)) {
            return TARN_OK;
        }
        tarn_key_time_enter(&f.time, name, n);
        if (!overlaps(w, &f.time)) {
            return TARN_OK;
        }
        break;
    }
    if (w->n == w->cap) {
        size_t cap = w->cap ? w->cap * 2 : 32;
        struct folder *grown = tarn_reallocarray(w->stack, cap, sizeof *grown);
        if (!grown) {
            return tarn_err_set(err, TARN_ENOMEM, "no memory to list %s", path);
        }
        w->stack = grown;
        w->cap = cap;
    }
    if ((f.path = tarn_arena_strndup(&w->arena, path, len)) == NULL) {
        return tarn_err_set(err, w->arena.rc, "no memory to list %s", path);
    }
    w->stack[w->n++] = f;
    return TARN_OK;
}

/* Visits the objects of one listing, all of its pages. With a parent, one level, and the folders
** found in it are entered; without, all below the prefix. */
static int list(struct walk *w, const char *prefix, const struct folder *parent,
                struct tarn_err *err) {
    char after[TARN_KEY_MAX + 2] = "";
    size_t mark = w->n;
    int rc = TARN_OK;
    int more = 1;
    while (more && !rc) {
        struct tarn_listing page;
        rc = tarn_store_list(w->plan->store, prefix, parent ? TARN_LIST_FOLDERS : 0,
                             *after ? after : NULL, 0, &page, err);
        if (rc) {
            return rc;
        }
        for (size_t i = 0; i < page.n_objects && !rc; i++) {
            rc = w->visit(w->arg, &page.objects[i], err);
        }
        for (size_t i = 0; parent && i < page.n_prefixes && !rc; i++) {
            rc = enter(w, parent, page.prefixes[i], strlen(page.prefixes[i]), err);
        }
        more = page.truncated;
        if (more && !rc) {
            size_t n = strlen(page.next);
            if (n >= sizeof after) {
                rc = tarn_err_set(err, TARN_ECORRUPT, "listing %s: a key of %zu bytes", prefix, n);
            } else {
                memcpy(after, page.next, n + 1);
            }
        }
        tarn_listing_release(&page);
    }
    for (size_t i = mark, j = w->n; i + 1 < j; i++) { /* first folder on top */
        struct folder f = w->stack[i];
        w->stack[i] = w->stack[--j];
        w->stack[j] = f;
    }
    return rc;
}

/* A day that the range covers in part. */
static int visit_day(struct walk *w, const struct folder *day, const char *prefix,
                     struct tarn_err *err) {
    int64_t lo = w->plan->lo > day->time.lo ? w->plan->lo : day->time.lo;
    int64_t hi = w->plan->hi < day->time.hi ? w->plan->hi : day->time.hi;
    int64_t first = (lo - day->time.lo) / TARN_MS_PER_HOUR;
    int64_t last = (hi - day->time.lo) / TARN_MS_PER_HOUR;
    size_t mark = w->n;
    size_t kept = mark;
    int rc = TARN_OK;
    if (last - first >= HOURS_ONE_BY_ONE) {
        return list(w, prefix, NULL, err);
    }
    for (int64_t hour = first; hour <= last && !rc; hour++) {
        struct tarn_buf path = TARN_BUF_INIT(TARN_KEY_MAX * 4);
        tarn_buf_printf(&path, "%s%02d/", day->path, (int)hour);
        tarn_buf_u8(&path, 0);
        if (path.rc) {
            rc = tarn_err_set(err, path.rc, "no memory to list %s", day->path);
        } else if (may_match(w, (char *)path.data, path.len - 1)) {
            rc = list(w, (char *)path.data, NULL, err);
        }
        tarn_buf_release(&path);
    }
    if (!rc) {
        rc = list(w, prefix, day, err);
    }
    for (size_t i = mark; i < w->n; i++) { /* the hours are done */
        if (w->stack[i].time.depth != 4) {
            w->stack[kept++] = w->stack[i];
        }
    }
    w->n = kept;
    return rc;
}

static int visit_folder(struct walk *w, const struct folder *f, struct tarn_err *err) {
    const struct tarn_key_time *t = &f->time;
    const char *prefix = f->path;
    if (w->n_literal > f->len) {
        const char *slash = memchr(w->literal + f->len, '/', w->n_literal - f->len);
        if (slash) {
            return enter(w, f, w->literal, (size_t)(slash - w->literal) + 1, err);
        }
        prefix = w->literal;
        if (prefix[w->n_literal] &&
            (prefix = tarn_arena_strndup(&w->arena, w->literal, w->n_literal)) == NULL) {
            return tarn_err_set(err, w->arena.rc, "no memory to list %s", f->path);
        }
    }
    if (f->kind == EVENTS &&
        (t->depth < 0 || t->depth == 4 || (w->plan->lo <= t->lo && w->plan->hi >= t->hi))) {
        return list(w, prefix, NULL, err);
    }
    return f->kind == EVENTS && t->depth == 3 ? visit_day(w, f, prefix, err)
                                              : list(w, prefix, f, err);
}

int tarn_walk(const struct tarn_walk_plan *plan,
              int (*visit)(void *arg, const struct tarn_object *object, struct tarn_err *err),
              void *arg, struct tarn_err *err) {
    struct walk w = {.plan = plan, .visit = visit, .arg = arg, .literal = ""};
    struct folder f = {.path = plan->root ? plan->root : "", .kind = plan->root ? EVENTS : LAKE};
    int rc = TARN_OK;
    tarn_arena_init(&w.arena, NULL);
    tarn_key_time_init(&f.time);
    f.len = strlen(f.path);
    if (plan->glob) {
        w.literal = plan->glob;
        w.n_literal = tarn_glob_literal(plan->glob);
    }
    rc = overlaps(&w, &f.time) ? visit_folder(&w, &f, err) : TARN_OK;
    while (!rc && w.n > 0) {
        f = w.stack[--w.n];
        rc = visit_folder(&w, &f, err);
    }
    tarn_free(w.stack);
    tarn_arena_release(&w.arena);
    return rc;
}
