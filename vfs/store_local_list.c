/* store_local_list.c: listing a lake's folder in the byte order of its keys.
**
**   prefix "events/2026/02/0"        opens events/2026/02/ and nothing above or beside it
**   stack:  events/2026/02/ -> 01/ -> 14/       one frame per open level: its names, sorted, and
**                                               which one comes next
**
** A folder sorts as if its name ended in '/', since its keys go on with one: the file `a.b` comes
** before the folder `a`, whose keys begin with `a/`. Names that cannot matter (outside the prefix,
** not after start_after, against the key rules) are dropped when read; sizes are asked for only as
** many files as the page has room for. A folder stays open while its subfolders are read, which are
** opened by name from there (less for the kernel to look up): one descriptor a level, HELD at most.
**
** With a delimiter a folder is listed only when an object is in it somewhere, as on S3; with
** TARN_LIST_FOLDERS it is listed as it stands, without a look into it.
*/
#include "store_local.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "arena.h"
#include "mem.h"

#define PATH_SIZE (TARN_KEY_MAX + 2)
#define HELD 16                         /* levels; deeper ones are opened by their path */
#define ENTRIES_SIZE ((size_t)32 << 10) /* bytes of names that one call of the kernel gives */

struct item {
    const char *name;
    uint16_t len;
    uint8_t is_folder;
    uint8_t is_gone; /* deleted between reading its name and asking for its size */
    uint64_t size;
    uint64_t inode;
    int64_t mtime_ns;
};

struct frame {
    struct tarn_arena names;
    struct item *items;
    size_t n, cap, next;
    size_t path_len; /* of walk.path, with the '/' at its end */
    int fd;          /* -1 = not held */
};

/* An open folder, read without opendir, which costs three calls more and 32 KiB each time. */
struct dir {
    int fd; /* -1 = it is gone */
    size_t n, at;
    char *entries; /* the walk's */
};

struct walk {
    struct tarn_local *l;
    const char *prefix, *after, *until; /* until: NULL = none */
    size_t prefix_len, after_len;
    char delimiter;
    size_t max, found;
    struct tarn_listing *out; /* NULL: only count */
    struct tarn_err *err;
    struct frame *frames;
    size_t n_frames, cap_frames;
    const char *last; /* key last listed */
    char *entries;    /* ENTRIES_SIZE bytes, from the first folder on */
    char path[PATH_SIZE];
};

static int order(const void *a, const void *b) {
    const struct item *x = a, *y = b;
    const size_t n = x->len < y->len ? x->len : y->len;
    int c = memcmp(x->name, y->name, n);
    unsigned char cx, cy;

    if (c != 0) return c;
    cx = x->len > n ? (unsigned char)x->name[n] : x->is_folder ? '/' : 0;
    cy = y->len > n ? (unsigned char)y->name[n] : y->is_folder ? '/' : 0;
    return cx - cy;
}

static int compare(const char *a, size_t na, const char *b, size_t nb) {
    int c = memcmp(a, b, na < nb ? na : nb);

    return c != 0 ? c : (na > nb) - (na < nb);
}

static int begins_with(const char *s, size_t n, const char *prefix, size_t prefix_len) {
    return n >= prefix_len && memcmp(s, prefix, prefix_len) == 0;
}

/* Whether the key (or folder, which ends in '/') of n bytes at w->path can add to the listing. */
static int matters(const struct walk *w, size_t n, int is_folder) {
    if (!begins_with(w->path, n, w->prefix, w->prefix_len)) return 0;
    if (w->until && compare(w->path, n, w->until, strlen(w->until)) >= 0) return 0;
    if (w->after_len == 0 || compare(w->path, n, w->after, w->after_len) > 0) return 1;
    return is_folder && w->delimiter == 0 && begins_with(w->after, w->after_len, w->path, n);
}

/* Whether a link to a folder leads back to one that is being listed. */
static int is_loop(const struct walk *w, const struct stat *st) {
    char path[PATH_SIZE];
    struct stat above;

    for (size_t i = 0; i < w->n_frames; i++) {
        size_t n = w->frames[i].path_len;

        memcpy(path, w->path, n);
        path[n] = '\0';
        if (fstatat(w->l->fd, n > 0 ? path : ".", &above, 0) == 0 && above.st_dev == st->st_dev &&
            above.st_ino == st->st_ino)
            return 1;
    }
    return 0;
}

enum kind { KIND_NONE, KIND_FILE, KIND_FOLDER };

static enum kind kind_of(const struct walk *w, int fd, const struct dirent64 *de) {
    struct stat st;

    if (de->d_type == DT_REG) return KIND_FILE;
    if (de->d_type == DT_DIR) return KIND_FOLDER;
    if ((de->d_type != DT_LNK && de->d_type != DT_UNKNOWN) || fstatat(fd, de->d_name, &st, 0) != 0)
        return KIND_NONE;
    if (S_ISREG(st.st_mode)) return KIND_FILE;
    return S_ISDIR(st.st_mode) && !is_loop(w, &st) ? KIND_FOLDER : KIND_NONE;
}

/* What a name in the folder of n bytes at w->path stands for; w->path becomes its key. */
static enum kind classify(struct walk *w, size_t n, int fd, const struct dirent64 *de,
                          size_t *len) {
    enum kind kind = KIND_NONE;

    *len = strlen(de->d_name);
    if (*len > NAME_MAX || n + *len > TARN_KEY_MAX || !tarn_key_segment_ok(de->d_name, *len))
        return KIND_NONE;
    kind = kind_of(w, fd, de);
    memcpy(w->path + n, de->d_name, *len + 1);
    if (kind != KIND_FOLDER) return kind;
    memcpy(w->path + n + *len, "/", 2);
    return n + *len + 2 > TARN_KEY_MAX || tarn_local_is_tmp(w->path) ? KIND_NONE : KIND_FOLDER;
}

static int no_memory(struct walk *w) {
    return tarn_err_set(w->err, TARN_ENOMEM, "out of memory while listing %.200s", w->l->base.path);
}

static int list_error(struct walk *w, int e, size_t n) {
    return tarn_err_errno(w->err, e, "cannot list the folder %s/%.*s", w->l->base.path, (int)n,
                          w->path);
}

static int add_item(struct walk *w, struct frame *f, const char *name, size_t len, int is_folder) {
    struct item *it = NULL;

    if (f->n == f->cap) {
        size_t cap = f->cap > 0 ? f->cap * 2 : 32;

        it = tarn_reallocarray(f->items, cap, sizeof *it);
        if (it == NULL) return no_memory(w);
        f->items = it;
        f->cap = cap;
    }
    it = &f->items[f->n++];
    memset(it, 0, sizeof *it);
    it->name = tarn_arena_memdup(&f->names, name, len);
    it->len = (uint16_t)len;
    it->is_folder = is_folder != 0;
    return it->name == NULL ? no_memory(w) : TARN_OK;
}

/* Asks for size and time of the files that the page can still take. */
static int stat_items(struct walk *w, struct frame *f, int fd) {
    size_t room = w->max > 0 ? w->max + 1 - w->found : SIZE_MAX;
    char name[NAME_MAX + 1];
    struct stat st;

    for (size_t i = 0; i < f->n && room > 0; i++) {
        struct item *it = &f->items[i];

        if (it->is_folder) continue;
        memcpy(name, it->name, it->len);
        name[it->len] = '\0';
        if (fstatat(fd, name, &st, 0) != 0) {
            if (errno != ENOENT) return list_error(w, errno, f->path_len);
            it->is_gone = 1;
            continue;
        }
        it->size = (uint64_t)st.st_size;
        it->inode = st.st_ino;
        it->mtime_ns = tarn_local_mtime_ns(&st);
        room--;
    }
    return TARN_OK;
}

/* Opens the folder of n bytes at w->path, which is in the folder of frame `above`, if that is given.
** fd -1 with TARN_OK when it is gone. */
static int open_dir(struct walk *w, const struct frame *above, size_t n, struct dir *out) {
    size_t from = above && above->fd >= 0 ? above->path_len : 0;
    struct stat st;
    int fd = -1;

    *out = (struct dir){.fd = -1};
    if (w->entries == NULL && (w->entries = tarn_malloc(ENTRIES_SIZE)) == NULL) return no_memory(w);
    w->path[n] = '\0';
    fd = openat(from > 0 ? above->fd : w->l->fd, n > from ? w->path + from : ".",
                O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG && errno != ELOOP)
        return list_error(w, errno, n);
    if ((fd < 0 || n == 0) && fstat(w->l->fd, &st) == 0 && st.st_nlink == 0) {
        if (fd >= 0) (void)close(fd);
        return tarn_err_set(w->err, TARN_ENOTFOUND, "the folder %.200s was removed",
                            w->l->base.path);
    }
    out->fd = fd;
    out->entries = w->entries;
    return TARN_OK;
}

/* The next name of the folder; NULL at its end, or with errno set. */
static const struct dirent64 *next_entry(struct dir *d) {
    const struct dirent64 *de = NULL;
    ssize_t n = 0;

    errno = 0;
    if (d->at == d->n) {
        n = getdents64(d->fd, d->entries, ENTRIES_SIZE);
        if (n <= 0) {
            if (n < 0 && errno == ENOENT) errno = 0; /* removed while it was read */
            return NULL;
        }
        d->n = (size_t)n;
        d->at = 0;
    }
    de = (const void *)(d->entries + d->at);
    d->at += de->d_reclen;
    return de;
}

static int read_names(struct walk *w, struct frame *f, struct dir *dir) {
    const struct dirent64 *de = NULL;
    int rc = TARN_OK;

    while (rc == TARN_OK && (de = next_entry(dir)) != NULL) {
        size_t len = 0;
        enum kind kind = classify(w, f->path_len, dir->fd, de, &len);

        if (kind == KIND_NONE ||
            !matters(w, f->path_len + len + (kind == KIND_FOLDER), kind == KIND_FOLDER))
            continue;
        rc = add_item(w, f, de->d_name, len, kind == KIND_FOLDER);
    }
    if (rc == TARN_OK && de == NULL && errno != 0) rc = list_error(w, errno, f->path_len);
    return rc;
}

static int has_folder(const struct frame *f) {
    for (size_t i = 0; i < f->n; i++) {
        if (f->items[i].is_folder) return 1;
    }
    return 0;
}

/* Reads the folder of n bytes at w->path into a new frame. */
static int push(struct walk *w, size_t n) {
    struct frame *f = NULL;
    struct dir dir;
    int rc = open_dir(w, w->n_frames > 0 ? &w->frames[w->n_frames - 1] : NULL, n, &dir);

    if (rc != TARN_OK || dir.fd < 0) return rc;
    if (w->n_frames == w->cap_frames) {
        size_t cap = w->cap_frames > 0 ? w->cap_frames * 2 : 8;

        f = tarn_reallocarray(w->frames, cap, sizeof *f);
        if (f == NULL) {
            rc = no_memory(w);
            goto out;
        }
        w->frames = f;
        w->cap_frames = cap;
    }
    f = &w->frames[w->n_frames++];
    memset(f, 0, sizeof *f);
    tarn_arena_init(&f->names, NULL);
    f->path_len = n;
    f->fd = -1;
    rc = read_names(w, f, &dir);
    if (rc == TARN_OK && f->n > 1) qsort(f->items, f->n, sizeof *f->items, order);
    if (rc == TARN_OK && w->out != NULL) rc = stat_items(w, f, dir.fd);
    if (w->n_frames <= HELD && has_folder(f)) {
        f->fd = dir.fd;
        return rc;
    }
out:
    (void)close(dir.fd);
    return rc;
}

static void pop(struct walk *w) {
    struct frame *f = &w->frames[--w->n_frames];

    if (f->fd >= 0) (void)close(f->fd);
    tarn_arena_release(&f->names);
    tarn_free(f->items);
}

static void walk_release(struct walk *w) {
    while (w->n_frames > 0)
        pop(w);
    tarn_free(w->frames);
    tarn_free(w->entries);
}

/* Lists what is at w->path (n bytes); *full = 1 instead when the page has no room for it. */
static int list_one(struct walk *w, size_t n, const struct item *it, int *full) {
    struct tarn_listing *l = w->out;
    struct tarn_object *o = NULL;

    if (w->max > 0 && w->found == w->max) {
        *full = 1;
        return l != NULL ? tarn_listing_cut(l, w->last, w->err) : TARN_OK;
    }
    w->found++;
    if (l == NULL) return TARN_OK;
    if (it->is_folder) {
        if (tarn_listing_prefix(l, w->path, n, w->err) != TARN_OK) return TARN_ENOMEM;
        w->last = l->prefixes[l->n_prefixes - 1];
        return TARN_OK;
    }
    o = tarn_listing_object(l, w->path, n, w->err);
    if (o == NULL) return TARN_ENOMEM;
    o->size = it->size;
    o->mtime = it->mtime_ns / 1000000 - (it->mtime_ns % 1000000 < 0);
    tarn_local_etag(it->inode, it->size, it->mtime_ns, o->etag);
    w->last = o->key;
    return TARN_OK;
}

static int has_object(const struct walk *w, size_t n, int *has);

static int walk_run(struct walk *w, size_t start) {
    int full = 0, rc = push(w, start);

    while (rc == TARN_OK && w->n_frames > 0 && !full) {
        struct frame *f = &w->frames[w->n_frames - 1];
        const struct item *it = NULL;
        size_t n = f->path_len;
        int has = 1;

        if (f->next == f->n) {
            pop(w);
            continue;
        }
        it = &f->items[f->next++];
        if (it->is_gone) continue;
        memcpy(w->path + n, it->name, it->len);
        n += it->len;
        if (it->is_folder) w->path[n++] = '/';
        w->path[n] = '\0';
        if (it->is_folder && w->delimiter == 0) {
            rc = push(w, n);
            continue;
        }
        if (it->is_folder && w->delimiter != TARN_LIST_FOLDERS) rc = has_object(w, n, &has);
        if (rc == TARN_OK && has) rc = list_one(w, n, it, &full);
        if (w->out == NULL && w->found > 0) full = 1;
    }
    return rc;
}

/* Looks for a file in the folder of n bytes at w->path, else into its first subfolder, and so on
** down. *has = 1 when there is one; 0 is no proof. */
static int glance(struct walk *w, size_t n, int *has) {
    char first[NAME_MAX + 1];
    int rc = TARN_OK;

    for (first[0] = '/'; rc == TARN_OK && !*has && first[0] != '\0';) {
        const struct dirent64 *de = NULL;
        struct dir dir;
        size_t len = 0;

        first[0] = '\0';
        rc = open_dir(w, NULL, n, &dir);
        if (rc != TARN_OK || dir.fd < 0) return rc;
        while (!*has && (de = next_entry(&dir)) != NULL) {
            enum kind kind = classify(w, n, dir.fd, de, &len);

            *has = kind == KIND_FILE;
            if (kind == KIND_FOLDER && first[0] == '\0') memcpy(first, de->d_name, len + 1);
        }
        (void)close(dir.fd);
        len = strlen(first);
        memcpy(w->path + n, first, len);
        n += len;
        w->path[n++] = '/';
        w->path[n] = '\0';
    }
    return rc;
}

static int has_object(const struct walk *w, size_t n, int *has) {
    struct walk inner = {.l = w->l, .prefix = "", .after = "", .err = w->err};
    int rc = TARN_OK;

    *has = 0;
    memcpy(inner.path, w->path, n + 1);
    rc = glance(&inner, n, has);
    if (rc == TARN_OK && !*has) {
        memcpy(inner.path, w->path, n + 1);
        rc = walk_run(&inner, n);
        *has = inner.found > 0;
    }
    walk_release(&inner);
    return rc;
}

/* Length of the part of `prefix` that is a folder; -1 when no key can begin with `prefix`. */
static long folder_part(const char *prefix) {
    const char *at = prefix;

    if (strlen(prefix) > TARN_KEY_MAX) return -1;
    for (const char *slash = strchr(at, '/'); slash != NULL; slash = strchr(at, '/')) {
        if (!tarn_key_segment_ok(at, (size_t)(slash - at))) return -1;
        at = slash + 1;
    }
    if (strncmp(prefix, TARN_LOCAL_TMP, sizeof TARN_LOCAL_TMP - 1) == 0) return -1;
    return (long)(at - prefix);
}

int tarn_local_list_until(struct tarn_local *l, const char *prefix, char delimiter,
                          const char *start_after, const char *until, size_t max,
                          struct tarn_listing *out, struct tarn_err *err) {
    struct walk w = {
        .l = l,
        .prefix = prefix,
        .prefix_len = strlen(prefix),
        .after = start_after,
        .after_len = strlen(start_after),
        .until = until,
        .delimiter = delimiter,
        .max = max == SIZE_MAX ? 0 : max,
        .out = out,
        .err = err,
    };
    long start = folder_part(prefix);
    int rc = TARN_OK;

    if (start < 0) return TARN_OK;
    memcpy(w.path, prefix, (size_t)start);
    rc = walk_run(&w, (size_t)start);
    walk_release(&w);
    return rc;
}
