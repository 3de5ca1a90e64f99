/* visibility.c: the masking rules (DESIGN section 2; rules and footer keys in catalog.h).
**
**   present files, those with masks sorted by precedence, highest first
**      D  day, generation 4     sources: H, a, b, c    counts -> H, a, b, c are masked
**      H  hour, generation 2    sources: a, b          masked itself: its sources don't count
**      P  part of X             no parts list names it -> PART: X's last part isn't there yet
**
** One pass in that order decides: whoever is not masked by then counts, masks its sources, and
** admits its parts. A file that would mask itself doesn't. That every row counts once rests on
** sources being transitive, so that it doesn't matter which of the replaced files are still there.
*/
#include "visibility.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"

enum { SOURCES, PARTS, LISTS };

struct masks_impl {
    json_t *list[LISTS]; /* own the strings */
};

static int corrupt(struct tarn_err *err, const char *key, const char *name, const char *expected) {
    return tarn_err_set(err, TARN_ECORRUPT,
                        "%s: footer key %s should be %s; the file can't be trusted to say what it "
                        "replaces",
                        key, name, expected);
}

/* A footer key that is a JSON array of strings. */
static int read_list(struct masks_impl *impl, int which, const char *key, const char *name,
                     const char *text, const char ***out, size_t *n, struct tarn_err *err) {
    static const char expected[] = "a JSON array of object keys";
    json_t *list = text ? json_loads(text, 0, NULL) : NULL;
    if (!text) {
        return TARN_OK;
    }
    if (!list || !json_is_array(list)) {
        json_decref(list);
        return corrupt(err, key, name, expected);
    }
    impl->list[which] = list;
    *n = json_array_size(list);
    if ((*out = tarn_reallocarray(NULL, *n + 1, sizeof **out)) == NULL) {
        return tarn_err_set(err, TARN_ENOMEM, "%s: no memory for %zu keys of %s", key, *n, name);
    }
    for (size_t i = 0; i < *n; i++) {
        const char *s = json_string_value(json_array_get(list, i));
        if (!s || !*s) {
            return corrupt(err, key, name, expected);
        }
        (*out)[i] = s;
    }
    return TARN_OK;
}

/* A number, or a number in a JSON string. */
static int read_generation(struct tarn_masks *m, const char *key, const char *text,
                           struct tarn_err *err) {
    size_t n = text ? strlen(text) : 0;
    uint64_t v = 0;
    if (!text) {
        return TARN_OK;
    }
    if (n > 2 && text[0] == '"' && text[n - 1] == '"') {
        text++;
        n -= 2;
    }
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9') {
            n = 0;
        } else {
            v = v * 10 + (uint64_t)(text[i] - '0');
        }
    }
    if (n == 0 || n > 18) {
        return corrupt(err, key, "tarn.generation", "a number of at most 18 digits");
    }
    m->generation = v;
    return TARN_OK;
}

static int read_part_of(struct tarn_masks *m, const char *key, const char *text,
                        struct tarn_err *err) {
    size_t n = text ? strlen(text) : 0;
    if (!text) {
        return TARN_OK;
    }
    if (n > 2 && text[0] == '"' && text[n - 1] == '"') {
        text++;
        n -= 2;
    }
    if (n == 0 || n > 64 || strcspn(text, "\"{}[]:, ") < n) {
        return corrupt(err, key, "tarn.part_of", "the id of a compaction's output");
    }
    m->is_part = 1;
    return TARN_OK;
}

/* Parts are where their owner is: a file can't pull others in from elsewhere in the lake. */
static int check_parts(struct tarn_masks *m, const char *key, struct tarn_err *err) {
    const char *slash = strrchr(key, '/');
    size_t folder = slash ? (size_t)(slash - key) + 1 : 0;
    for (size_t i = 0; i < m->n_parts; i++) {
        if (strncmp(m->parts[i], key, folder) != 0 || strchr(m->parts[i] + folder, '/')) {
            return corrupt(err, key, "tarn.parts", "a list of files in its own folder");
        }
        m->owns_self |= strcmp(m->parts[i], key) == 0;
    }
    return TARN_OK;
}

/* The value of a footer key; NULL when the key is absent, "" when it has no value. */
static const char *value_of(const struct tarn_pq_footer *footer, const char *name) {
    for (int i = 0; i < footer->n_kv; i++) {
        if (strcmp(footer->kv[i].key, name) == 0) {
            return footer->kv[i].value ? footer->kv[i].value : "";
        }
    }
    return NULL;
}

int tarn_masks_read(struct tarn_masks *out, const char *key, const struct tarn_pq_footer *footer,
                    struct tarn_err *err) {
    struct masks_impl *impl = tarn_calloc(1, sizeof *impl);
    int rc = TARN_OK;
    memset(out, 0, sizeof *out);
    out->impl = impl;
    if (!impl) {
        return tarn_err_set(err, TARN_ENOMEM, "%s: no memory", key);
    }
    rc = read_list(impl, SOURCES, key, "tarn.sources", value_of(footer, "tarn.sources"),
                   &out->sources, &out->n_sources, err);
    if (!rc) {
        rc = read_list(impl, PARTS, key, "tarn.parts", value_of(footer, "tarn.parts"), &out->parts,
                       &out->n_parts, err);
    }
    if (!rc) {
        rc = check_parts(out, key, err);
    }
    if (!rc) {
        rc = read_generation(out, key, value_of(footer, "tarn.generation"), err);
    }
    if (!rc) {
        rc = read_part_of(out, key, value_of(footer, "tarn.part_of"), err);
    }
    if (rc) {
        tarn_masks_release(out);
    }
    return rc;
}

void tarn_masks_release(struct tarn_masks *m) {
    struct masks_impl *impl = m->impl;
    if (impl) {
        json_decref(impl->list[SOURCES]);
        json_decref(impl->list[PARTS]);
    }
    tarn_free(m->sources);
    tarn_free(m->parts);
    tarn_free(impl);
    memset(m, 0, sizeof *m);
}

ptrdiff_t tarn_files_find(const struct tarn_file *files, size_t n, const char *key) {
    size_t lo = 0;
    size_t hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(files[mid].obj.key, key);
        if (c == 0) {
            return (ptrdiff_t)mid;
        }
        if (c < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return -1;
}

struct rank {
    size_t file;
    enum tarn_level level;
    uint64_t generation;
};

/* Highest precedence first; the later key first among equals. */
static int by_precedence(const void *a, const void *b) {
    const struct rank *x = a;
    const struct rank *y = b;
    if (x->level != y->level) {
        return x->level > y->level ? -1 : 1;
    }
    if (x->generation != y->generation) {
        return x->generation > y->generation ? -1 : 1;
    }
    return x->file > y->file ? -1 : x->file < y->file;
}

static int decidable(const struct tarn_file *f) {
    return f->state == TARN_FILE_LIVE || f->state == TARN_FILE_MASKED || f->state == TARN_FILE_PART;
}

/* `f` counts: what it replaces doesn't. */
static void mask_sources(struct tarn_file *files, size_t n, const struct tarn_file *f,
                         const struct tarn_masks *m) {
    for (size_t i = 0; i < m->n_sources; i++) {
        ptrdiff_t at = tarn_files_find(files, n, m->sources[i]);
        if (at >= 0 && &files[at] != f && decidable(&files[at])) {
            files[at].state = TARN_FILE_MASKED;
            if (!files[at].masked_by) {
                files[at].masked_by = f->obj.key;
            }
        }
    }
}

/* Settles the parts of one file, once it is known whether the file counts. */
static void settle_parts(struct tarn_file *files, size_t n, size_t owner,
                         const struct tarn_masks *m, const char **missing, size_t *missing_of) {
    const struct tarn_file *f = &files[owner];
    for (size_t i = 0; i < m->n_parts; i++) {
        ptrdiff_t at = tarn_files_find(files, n, m->parts[i]);
        if (at < 0) {
            if (f->state == TARN_FILE_LIVE && missing && !*missing) {
                *missing = m->parts[i];
                *missing_of = owner;
            }
        } else if (files[at].state == TARN_FILE_PART) {
            files[at].state = f->state;
            files[at].masked_by = f->masked_by;
        }
    }
}

int tarn_visibility_apply(struct tarn_file *files, size_t n, struct tarn_masks *const *masks,
                          const char **missing, size_t *owner, struct tarn_err *err) {
    struct rank *ranks = NULL;
    size_t n_ranks = 0;
    for (size_t i = 0; i < n; i++) {
        if (decidable(&files[i])) {
            n_ranks += masks[i] != NULL;
            files[i].state = masks[i] && masks[i]->is_part && !masks[i]->owns_self ? TARN_FILE_PART
                                                                                   : TARN_FILE_LIVE;
            files[i].masked_by = NULL;
        }
    }
    if (missing) {
        *missing = NULL;
    }
    if (n_ranks == 0) {
        return TARN_OK;
    }
    if ((ranks = tarn_reallocarray(NULL, n_ranks, sizeof *ranks)) == NULL) {
        return tarn_err_set(err, TARN_ENOMEM, "no memory for %zu compacted files", n_ranks);
    }
    n_ranks = 0;
    for (size_t i = 0; i < n; i++) {
        if (masks[i] && files[i].state == TARN_FILE_LIVE) {
            ranks[n_ranks++] = (struct rank){i, files[i].info.level, masks[i]->generation};
        }
    }
    qsort(ranks, n_ranks, sizeof *ranks, by_precedence);
    for (size_t i = 0; i < n_ranks; i++) {
        struct tarn_file *f = &files[ranks[i].file];
        if (f->state == TARN_FILE_LIVE) {
            mask_sources(files, n, f, masks[ranks[i].file]);
        }
    }
    for (size_t i = 0; i < n_ranks; i++) {
        settle_parts(files, n, ranks[i].file, masks[ranks[i].file], missing, owner);
    }
    tarn_free(ranks);
    return TARN_OK;
}
