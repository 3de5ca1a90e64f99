/* lake.c: open lakes, one per URI in the process, and `_tarn/lake.json`.
**
** `registry` lists the open ones; its mutex guards the list and the reference counts. A lake's own
** mutex guards what is known of its lake.json, which is read once it exists and then for good: the
** file never changes.
** Left to others: which files hold events (catalog.c), who may open what (a connection's settings).
*/
#include "lake.h"

#include <jansson.h>
#include <pthread.h>
#include <string.h>

#include "footer_cache.h"
#include "keys.h"
#include "mem.h"
#include "version.h"

#define LAKE_JSON "_tarn/lake.json"
#define LAKE_JSON_MAX ((size_t)64 << 10)
#define LAKE_VERSION 1

struct tarn_lake {
    struct tarn_lake *next;
    unsigned refs;
    struct tarn_store *store;
    pthread_mutex_t mutex;
    int known;       /* lake.json was read */
    int partitioned; /* it says "ts" */
};

static struct {
    pthread_mutex_t mutex;
    struct tarn_lake *first;
} registry = {.mutex = PTHREAD_MUTEX_INITIALIZER};

int tarn_lake_open(struct tarn_lake **out, const char *uri, int create, struct tarn_err *err) {
    struct tarn_store_options options = {.create = create};
    struct tarn_store *store = NULL;
    struct tarn_lake *l = NULL;
    int rc = tarn_store_open(&store, uri, &options, err);
    *out = NULL;
    if (rc) {
        return rc;
    }
    pthread_mutex_lock(&registry.mutex);
    for (l = registry.first; l; l = l->next) {
        if (strcmp(tarn_store_uri(l->store), tarn_store_uri(store)) == 0) {
            l->refs++;
            break;
        }
    }
    if (!l) {
        if ((l = tarn_calloc(1, sizeof *l)) == NULL) {
            rc = tarn_err_set(err, TARN_ENOMEM, "no memory for a lake");
        } else {
            pthread_mutex_init(&l->mutex, NULL);
            l->refs = 1;
            l->store = store;
            l->next = registry.first;
            registry.first = l;
            store = NULL;
        }
    }
    pthread_mutex_unlock(&registry.mutex);
    tarn_store_free(store);
    *out = l;
    return rc;
}

struct tarn_lake *tarn_lake_ref(struct tarn_lake *l) {
    pthread_mutex_lock(&registry.mutex);
    l->refs++;
    pthread_mutex_unlock(&registry.mutex);
    return l;
}

void tarn_lake_free(struct tarn_lake *l) {
    if (!l) {
        return;
    }
    pthread_mutex_lock(&registry.mutex);
    int last = --l->refs == 0;
    if (last) {
        struct tarn_lake **at = &registry.first;
        while (*at != l) {
            at = &(*at)->next;
        }
        *at = l->next;
    }
    pthread_mutex_unlock(&registry.mutex);
    if (last) {
        tarn_store_free(l->store);
        pthread_mutex_destroy(&l->mutex);
        tarn_free(l);
    }
}

struct tarn_store *tarn_lake_store(struct tarn_lake *l) {
    return l->store;
}

const char *tarn_lake_uri(const struct tarn_lake *l) {
    return tarn_store_uri(l->store);
}

static int parse_lake_json(const struct tarn_lake *l, const char *text, size_t n, int *partitioned,
                           struct tarn_err *err) {
    const char *uri = tarn_lake_uri(l);
    json_error_t fault;
    json_t *root = json_loadb(text, n, JSON_REJECT_DUPLICATES, &fault);
    json_t *version = json_object_get(root, "version");
    const char *format = json_string_value(json_object_get(root, "format"));
    const char *by = json_string_value(json_object_get(root, "partitionedBy"));
    int rc = TARN_OK;
    if (!root) {
        rc = tarn_err_set(err, TARN_ECORRUPT,
                          LAKE_JSON " of %s is not JSON (line %d: %.60s): restore it, or delete it "
                                    "and the lake counts as one of unknown origin",
                          uri, fault.line, fault.text);
    } else if (!format || strcmp(format, "tarn") != 0) {
        rc = tarn_err_set(err, TARN_ECORRUPT,
                          LAKE_JSON " of %s: expected \"format\":\"tarn\", found %.20s%s", uri,
                          format ? format : "none", format ? "" : " of type string");
    } else if (!json_is_integer(version) || json_integer_value(version) < 1) {
        rc = tarn_err_set(err, TARN_ECORRUPT,
                          LAKE_JSON " of %s: expected a \"version\" of 1 or more", uri);
    } else if (json_integer_value(version) > LAKE_VERSION) {
        rc = tarn_err_set(err, TARN_EUNSUPPORTED,
                          "the lake %s has format version %" JSON_INTEGER_FORMAT
                          ", this is Tarn " TARN_VERSION
                          ", which knows version %d: use a newer Tarn for it",
                          uri, json_integer_value(version), LAKE_VERSION);
    } else {
        *partitioned = by && strcmp(by, "ts") == 0;
    }
    json_decref(root);
    return rc;
}

/* Reads lake.json if that is still to be done. *there = 0: there is none. With l->mutex held. */
static int look(struct tarn_lake *l, int *there, struct tarn_err *err) {
    struct tarn_err mine = {0};
    char *text = NULL;
    size_t n = 0;
    int rc = TARN_OK;
    *there = 1;
    if (l->known) {
        return TARN_OK;
    }
    rc = tarn_store_get_all(l->store, LAKE_JSON, LAKE_JSON_MAX, &text, &n, &mine);
    if (rc == TARN_ENOTFOUND) {
        *there = 0;
        return TARN_OK;
    }
    if (rc) {
        return tarn_err_set(err, rc, "%s", mine.msg);
    }
    rc = parse_lake_json(l, text, n, &l->partitioned, err);
    l->known = rc == TARN_OK;
    tarn_free(text);
    return rc;
}

int tarn_lake_partitioned(struct tarn_lake *l, int *yes, struct tarn_err *err) {
    int there = 0;
    pthread_mutex_lock(&l->mutex);
    int rc = look(l, &there, err);
    *yes = !rc && there && l->partitioned;
    pthread_mutex_unlock(&l->mutex);
    return rc;
}

/* Does a data file lie below `prefix`? Stops at the first. */
static int has_data(struct tarn_lake *l, const char *prefix, int *yes, struct tarn_err *err) {
    char after[TARN_KEY_MAX + 2] = "";
    struct tarn_key_info info;
    int rc = TARN_OK;
    int more = 1;
    while (more && !*yes) {
        struct tarn_listing page;
        rc = tarn_store_list(l->store, prefix, 0, *after ? after : NULL, 1000, &page, err);
        if (rc) {
            return rc;
        }
        for (size_t i = 0; i < page.n_objects && !*yes; i++) {
            const char *key = page.objects[i].key;
            *yes = tarn_key_parse(key, tarn_key_root_of(key), &info) == 0;
        }
        more = page.truncated && strlen(page.next) < sizeof after;
        if (more) {
            memcpy(after, page.next, strlen(page.next) + 1);
        }
        tarn_listing_release(&page);
    }
    return TARN_OK;
}

/* Do event files lie in the lake already (somebody else's, since lake.json is missing)? */
static int has_events(struct tarn_lake *l, int *yes, struct tarn_err *err) {
    struct tarn_listing top;
    int rc = tarn_store_list(l->store, "", '/', NULL, 0, &top, err);
    *yes = 0;
    if (rc) {
        return rc;
    }
    for (size_t i = 0; i < top.n_prefixes && !*yes && !rc; i++) {
        size_t n = strlen(top.prefixes[i]) - 1;
        if (!tarn_key_reserved(top.prefixes[i], n) || strcmp(top.prefixes[i], "ns/") == 0) {
            rc = has_data(l, top.prefixes[i], yes, err);
        }
    }
    tarn_listing_release(&top);
    return rc;
}

static int make_lake_json(struct tarn_lake *l, struct tarn_err *err) {
    struct tarn_put put = {.cond = TARN_PUT_IF_ABSENT};
    struct tarn_buf b = TARN_BUF_INIT(LAKE_JSON_MAX);
    char now[TARN_TIME_LEN + 2];
    struct tarn_err mine = {0};
    int events = 0;
    int rc = has_events(l, &events, err);
    if (rc) {
        return rc;
    }
    tarn_time_iso(tarn_time_now(), now);
    tarn_buf_printf(&b,
                    "{\"format\":\"tarn\",\"version\":%d,\"createdBy\":\"tarn " TARN_VERSION
                    "\",\"createdAt\":\"%s\",\"partitionedBy\":\"%s\"}\n",
                    LAKE_VERSION, now, events ? "unknown" : "ts");
    if (b.rc) {
        rc = tarn_err_set(err, b.rc, "no memory for " LAKE_JSON);
    } else {
        rc = tarn_store_put(l->store, LAKE_JSON, b.data, b.len, &put, NULL, &mine);
        /* EEXIST: another process was first, and what it wrote is read next. */
        rc = rc && rc != TARN_EEXIST ? tarn_err_set(err, rc, "%s", mine.msg) : TARN_OK;
    }
    tarn_buf_release(&b);
    return rc;
}

int tarn_lake_prepare_write(struct tarn_lake *l, struct tarn_err *err) {
    int there = 0;
    pthread_mutex_lock(&l->mutex);
    int rc = look(l, &there, err);
    if (!rc && !there) {
        rc = make_lake_json(l, err);
        if (!rc) {
            rc = look(l, &there, err);
        }
    }
    pthread_mutex_unlock(&l->mutex);
    return rc;
}

int tarn_lake_footer(struct tarn_lake *l, const struct tarn_object *obj,
                     struct tarn_pq_footer **out, int *cached, struct tarn_err *err) {
    struct tarn_source src = {0};
    struct tarn_err mine = {0};
    int rc = TARN_OK;
    *out = tarn_footer_cache_get(tarn_lake_uri(l), obj);
    if (cached) {
        *cached = *out != NULL;
    }
    if (*out) {
        return TARN_OK;
    }
    rc = tarn_store_source(l->store, obj, &src, &mine);
    if (!rc) {
        rc = tarn_pq_footer_read(out, &src, &mine);
        tarn_source_close(&src);
    }
    if (!rc) {
        tarn_footer_cache_put(tarn_lake_uri(l), obj, *out);
    } else if (strstr(mine.msg, obj->key)) {
        tarn_err_set(err, rc, "%s", mine.msg);
    } else {
        tarn_err_set(err, rc, "%s: %s", obj->key, mine.msg);
    }
    return rc;
}

void tarn_lake_footer_limit(size_t bytes) {
    tarn_footer_cache_limit(bytes);
}
