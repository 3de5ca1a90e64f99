/* footer_cache.c: a hash table of chains, threaded by a list in order of use.
**
**   buckets[hash % n] -> entry -> entry        head (newest use) <-> … <-> tail (dropped first)
**
** Everything is behind `cache.mutex`; footers are freed after it is released. The name of an entry
** is "lake NUL key NUL etag", beside size and hash, so that a replaced object is another entry and
** the old one ages out.
*/
#include "footer_cache.h"

#include <pthread.h>
#include <string.h>

#include "mem.h"
#include "xxh64.h"

#define DEFAULT_LIMIT ((size_t)64 << 20)
#define FIRST_BUCKETS 256

struct entry {
    struct entry *chain;
    struct entry *newer, *older;
    struct tarn_pq_footer *footer;
    uint64_t hash;
    uint64_t size;
    size_t cost;
    size_t name_len;
    char name[];
};

static struct {
    pthread_mutex_t mutex;
    struct entry **buckets;
    size_t n_buckets;
    struct entry *newest, *oldest;
    size_t entries, bytes, limit;
} cache = {.mutex = PTHREAD_MUTEX_INITIALIZER, .limit = DEFAULT_LIMIT};

struct name {
    const char *part[3];
    size_t len[3];
    uint64_t size, hash;
};

static struct name name_of(const char *lake, const struct tarn_object *obj) {
    struct name n = {{lake, obj->key, obj->etag}, {0, 0, 0}, obj->size, 0};
    for (int i = 0; i < 3; i++) {
        n.len[i] = strlen(n.part[i]) + 1;
        n.hash = n.hash * UINT64_C(0x9E3779B97F4A7C15) + tarn_xxh64(n.part[i], n.len[i]);
    }
    return n;
}

static int is_named(const struct entry *e, const struct name *n) {
    const char *at = e->name;
    if (e->hash != n->hash || e->size != n->size ||
        e->name_len != n->len[0] + n->len[1] + n->len[2]) {
        return 0;
    }
    for (int i = 0; i < 3; at += n->len[i], i++) {
        if (memcmp(at, n->part[i], n->len[i]) != 0) {
            return 0;
        }
    }
    return 1;
}

static struct entry *find(const struct name *n) {
    struct entry *e = cache.n_buckets ? cache.buckets[n->hash % cache.n_buckets] : NULL;
    while (e && !is_named(e, n)) {
        e = e->chain;
    }
    return e;
}

static void unlink_use(struct entry *e) {
    *(e->newer ? &e->newer->older : &cache.newest) = e->older;
    *(e->older ? &e->older->newer : &cache.oldest) = e->newer;
}

static void link_newest(struct entry *e) {
    e->newer = NULL;
    e->older = cache.newest;
    *(cache.newest ? &cache.newest->newer : &cache.oldest) = e;
    cache.newest = e;
}

/* Out of the table and the list, onto `dead`, which is freed outside of the mutex. */
static void take_out(struct entry *e, struct entry **dead) {
    struct entry **at = &cache.buckets[e->hash % cache.n_buckets];
    while (*at != e) {
        at = &(*at)->chain;
    }
    *at = e->chain;
    unlink_use(e);
    cache.entries--;
    cache.bytes -= e->cost;
    e->chain = *dead;
    *dead = e;
}

static void shrink(struct entry **dead) {
    while (cache.oldest && cache.bytes > cache.limit) {
        take_out(cache.oldest, dead);
    }
}

static void bury(struct entry *dead) {
    while (dead) {
        struct entry *next = dead->chain;
        tarn_pq_footer_free(dead->footer);
        tarn_free(dead);
        dead = next;
    }
}

/* Doubles the table when chains average more than one; without memory they just get longer. */
static void grow(void) {
    size_t n = cache.n_buckets ? cache.n_buckets * 2 : FIRST_BUCKETS;
    struct entry **buckets = NULL;
    if (cache.entries < cache.n_buckets || !(buckets = tarn_calloc(n, sizeof *buckets))) {
        return;
    }
    for (struct entry *e = cache.newest; e; e = e->older) {
        e->chain = buckets[e->hash % n];
        buckets[e->hash % n] = e;
    }
    tarn_free(cache.buckets);
    cache.buckets = buckets;
    cache.n_buckets = n;
}

struct tarn_pq_footer *tarn_footer_cache_get(const char *lake, const struct tarn_object *obj) {
    struct name n = name_of(lake, obj);
    struct tarn_pq_footer *f = NULL;
    struct entry *e = NULL;
    pthread_mutex_lock(&cache.mutex);
    if ((e = find(&n)) != NULL) {
        unlink_use(e);
        link_newest(e);
        f = tarn_pq_footer_ref(e->footer);
    }
    pthread_mutex_unlock(&cache.mutex);
    return f;
}

void tarn_footer_cache_put(const char *lake, const struct tarn_object *obj,
                           struct tarn_pq_footer *footer) {
    struct name n = name_of(lake, obj);
    size_t name_len = n.len[0] + n.len[1] + n.len[2];
    struct entry *e = tarn_malloc(sizeof *e + name_len);
    struct entry *dead = NULL;
    if (!e) {
        return;
    }
    e->chain = NULL;
    e->hash = n.hash;
    e->size = n.size;
    e->name_len = name_len;
    e->cost = sizeof *e + name_len + footer->memory;
    e->footer = tarn_pq_footer_ref(footer);
    char *at = e->name;
    for (int i = 0; i < 3; at += n.len[i], i++) {
        memcpy(at, n.part[i], n.len[i]);
    }
    pthread_mutex_lock(&cache.mutex);
    grow();
    if (e->cost > cache.limit || !cache.n_buckets || find(&n)) {
        dead = e;
    } else {
        e->chain = cache.buckets[e->hash % cache.n_buckets];
        cache.buckets[e->hash % cache.n_buckets] = e;
        link_newest(e);
        cache.entries++;
        cache.bytes += e->cost;
        shrink(&dead);
    }
    pthread_mutex_unlock(&cache.mutex);
    bury(dead);
}

void tarn_footer_cache_limit(size_t bytes) {
    struct entry *dead = NULL;
    pthread_mutex_lock(&cache.mutex);
    cache.limit = bytes;
    shrink(&dead);
    pthread_mutex_unlock(&cache.mutex);
    bury(dead);
}

void tarn_footer_cache_usage(size_t *entries, size_t *bytes) {
    pthread_mutex_lock(&cache.mutex);
    if (entries) {
        *entries = cache.entries;
    }
    if (bytes) {
        *bytes = cache.bytes;
    }
    pthread_mutex_unlock(&cache.mutex);
}
