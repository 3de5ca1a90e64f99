/* store_local_halves.c: a listing of many folders, by two threads.
**
** Listing thousands of small folders is system calls and little else, and they run side by side. So
** when a listing has no end and no delimiter, a folder is looked for that divides it in two:
**
**   events/ -> 2026/ 2027/ -> 01/ … 12/ -> 365 days      level by level, until one has ENOUGH folders
**                                      |
**          keys below the middle one   |   keys from there on        put together in this order
**
** The levels above are read twice, which is little beside what lies below them.
*/
#include <string.h>

#include "mem.h"
#include "store_local.h"
#include "thread.h"

#define ENOUGH 32
#define LEVELS 6

struct half {
    struct tarn_local *l;
    const char *prefix, *after;
    struct tarn_listing out;
    struct tarn_err err;
    int rc;
};

/* The folders one level below those of `above` (NULL: of `prefix`), in order. */
static int level(struct tarn_local *l, const char *prefix, const struct tarn_listing *above,
                 struct tarn_listing *out, struct tarn_err *err) {
    size_t n = above ? above->n_prefixes : 1;
    int rc = tarn_listing_init(out, err);

    for (size_t i = 0; rc == TARN_OK && i < n; i++) {
        rc = tarn_local_list_until(l, above ? above->prefixes[i] : prefix, TARN_LIST_FOLDERS, "",
                                   NULL, 0, out, err);
    }
    return rc;
}

/* A folder in the middle of the listing, to free with tarn_free; *out stays NULL when there are too
** few. */
static int find_middle(struct tarn_local *l, const char *prefix, char **out, struct tarn_err *err) {
    struct tarn_listing levels[2] = {0};
    int rc = level(l, prefix, NULL, &levels[0], err);

    for (int i = 1; rc == TARN_OK && i < LEVELS && levels[0].n_prefixes; i++) {
        if (levels[0].n_prefixes >= ENOUGH) {
            *out = tarn_strdup(levels[0].prefixes[levels[0].n_prefixes / 2]);
            if (!*out) rc = tarn_err_set(err, TARN_ENOMEM, "out of memory for a listing");
            break;
        }
        rc = level(l, prefix, &levels[0], &levels[1], err);
        tarn_listing_release(&levels[0]);
        levels[0] = levels[1];
        memset(&levels[1], 0, sizeof levels[1]);
    }
    tarn_listing_release(&levels[0]);
    return rc;
}

static void *list_half(void *arg) {
    struct half *h = arg;

    h->rc = tarn_listing_init(&h->out, &h->err);
    if (h->rc == TARN_OK) {
        h->rc = tarn_local_list_until(h->l, h->prefix, 0, h->after, NULL, 0, &h->out, &h->err);
    }
    return NULL;
}

static int append(struct tarn_listing *out, const struct tarn_listing *more, struct tarn_err *err) {
    for (size_t i = 0; i < more->n_objects; i++) {
        const struct tarn_object *from = &more->objects[i];
        struct tarn_object *o = tarn_listing_object(out, from->key, strlen(from->key), err);
        const char *key = o ? o->key : NULL;

        if (!o) return TARN_ENOMEM;
        *o = *from;
        o->key = key;
    }
    return TARN_OK;
}

int tarn_local_list(struct tarn_store *s, const char *prefix, char delimiter,
                    const char *start_after, size_t max, struct tarn_listing *out,
                    struct tarn_err *err) {
    struct tarn_local *l = (struct tarn_local *)s;
    struct half second = {.l = l, .prefix = prefix};
    pthread_t thread;
    char *middle = NULL;
    int rc = TARN_OK;

    if (delimiter == 0 && (max == 0 || max == SIZE_MAX) && !*start_after)
        rc = find_middle(l, prefix, &middle, err);
    second.after = middle;
    if (rc == TARN_OK && middle && !tarn_thread_start(&thread, list_half, &second)) {
        tarn_free(middle);
        middle = NULL;
    }
    if (rc == TARN_OK) {
        rc = tarn_local_list_until(l, prefix, delimiter, start_after, middle, max, out, err);
        if (middle) (void)pthread_join(thread, NULL);
    }
    if (rc == TARN_OK && middle) {
        rc = second.rc ? tarn_err_set(err, second.rc, "%s", second.err.msg)
                       : append(out, &second.out, err);
    }
    tarn_listing_release(&second.out);
    tarn_free(middle);
    return rc;
}
