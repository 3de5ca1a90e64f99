/* flush_log.c: entries of the flush log as JSON objects in the store. They come from the lake, so
** they are untrusted: types, ranges and lengths are checked, and an entry that breaks them is an
** error naming its key, never skipped.
*/
#include "flush_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "buf.h"
#include "mem.h"
#include "text.h"

#define ENTRY_MAX ((size_t)64 << 20)
#define KEY_BYTES 512

static const char *const kinds[] = {"events", "delta", "base"};

static int log_key(const struct tarn_log *log, uint64_t n, const char *extension,
                   char out[KEY_BYTES], struct tarn_err *err) {
    struct tarn_buf b = TARN_BUF_INIT(KEY_BYTES);
    int rc;

    tarn_buf_puts(&b, "_tarn/db/");
    tarn_percent_encode(&b, log->name, strlen(log->name));
    tarn_buf_printf(&b, "/%s/log/", log->id);
    if (extension) {
        tarn_buf_printf(&b, "%08" PRIx32 "/%012" PRIu64 "%s", log->timeline, n, extension);
    }
    tarn_buf_u8(&b, 0);
    rc = b.rc;
    if (rc == TARN_OK) memcpy(out, b.data, b.len);
    tarn_buf_release(&b);
    return rc ? tarn_err_set(err, rc, "the key of a flush log entry: %s",
                             rc == TARN_ENOMEM ? "out of memory"
                                               : "the database's name is too long")
              : TARN_OK;
}

void tarn_log_entry_release(struct tarn_log_entry *e) {
    size_t i;

    for (i = 0; i < e->n_objects; i++) {
        tarn_free(e->objects[i].key);
        tarn_free(e->objects[i].spool);
    }
    tarn_free(e->objects);
    tarn_free(e->commits);
    tarn_log_changes_release(&e->changes);
    memset(e, 0, sizeof *e);
}

int tarn_log_entry_object(struct tarn_log_entry *e, enum tarn_log_kind kind, const char *key,
                          uint64_t rows, const char *spool, struct tarn_err *err) {
    struct tarn_log_object *o;

    if ((e->n_objects & (e->n_objects - 1)) == 0) { /* full at each power of two */
        size_t more = e->n_objects ? 2 * e->n_objects : 1;
        struct tarn_log_object *grown = tarn_reallocarray(e->objects, more, sizeof *grown);

        if (!grown) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
        e->objects = grown;
    }
    o = &e->objects[e->n_objects];
    o->kind = kind;
    o->rows = rows;
    o->key = tarn_strdup(key);
    o->spool = spool ? tarn_strdup(spool) : NULL;
    e->n_objects++;
    if (!o->key || (spool && !o->spool)) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    return TARN_OK;
}

const uint8_t *tarn_log_digest(const struct tarn_log_entry *e, uint64_t sequence) {
    if (sequence + 1 == e->first) return e->previous;
    if (sequence < e->first || sequence > e->last) return NULL;
    return e->commits + (sequence - e->first) * TARN_DIGEST;
}

static void put_object(struct tarn_buf *b, const struct tarn_log_object *o) {
    tarn_buf_puts(b, "{\"key\":");
    tarn_json_quote(b, o->key, strlen(o->key));
    tarn_buf_printf(b, ",\"rows\":%" PRIu64, o->rows);
    if (o->spool) tarn_buf_printf(b, ",\"spool\":\"%s\"", o->spool);
    if (o->kind != TARN_LOG_EVENTS) tarn_buf_printf(b, ",\"kind\":\"%s\"", kinds[o->kind]);
    tarn_buf_u8(b, '}');
}

int tarn_log_write(const struct tarn_log *log, const struct tarn_log_entry *e,
                   struct tarn_err *err) {
    struct tarn_buf b = TARN_BUF_INIT(ENTRY_MAX);
    struct tarn_put put = {.cond = TARN_PUT_IF_ABSENT};
    char key[KEY_BYTES];
    uint64_t s;
    size_t i;
    int rc;

    rc = log_key(log, e->n, ".json", key, err);
    if (rc) return rc;
    tarn_buf_printf(
        &b,
        "{\"first\":%" PRIu64 ",\"last\":%" PRIu64 ",\"time\":%" PRId64 ",\"previous\":", e->first,
        e->last, e->time);
    tarn_log_hex(&b, e->previous);
    tarn_buf_puts(&b, ",\"commits\":[");
    for (s = e->first; s <= e->last; s++) {
        if (s > e->first) tarn_buf_u8(&b, ',');
        tarn_log_hex(&b, tarn_log_digest(e, s));
    }
    tarn_buf_puts(&b, "],\"objects\":[");
    for (i = 0; i < e->n_objects; i++) {
        if (i) tarn_buf_u8(&b, ',');
        put_object(&b, &e->objects[i]);
    }
    tarn_buf_u8(&b, ']');
    if (e->changes.n) {
        tarn_buf_puts(&b, ",\"changes\":");
        tarn_log_changes_put(&b, &e->changes);
    }
    if (e->has_parent) {
        tarn_buf_printf(&b, ",\"parent\":\"%08" PRIx32 "\",\"parentSequence\":%" PRIu64, e->parent,
                        e->parent_sequence);
    }
    tarn_buf_puts(&b, "}\n");
    rc = b.rc ? tarn_err_set(err, b.rc, "a flush log entry is too large")
              : tarn_store_put(log->store, key, b.data, b.len, &put, NULL, err);
    tarn_buf_release(&b);
    return rc;
}

static int take_kind(const json_t *word, enum tarn_log_kind *out) {
    const char *s = json_string_value(word);

    for (int i = 0; s && i < 3; i++) {
        if (strcmp(s, kinds[i]) != 0) continue;
        *out = (enum tarn_log_kind)i;
        return 0;
    }
    return -1;
}

static int parse_objects(struct tarn_log_entry *e, const json_t *objects, struct tarn_err *err) {
    size_t i;

    for (i = 0; i < json_array_size(objects); i++) {
        const json_t *o = json_array_get(objects, i);
        const char *key = json_string_value(json_object_get(o, "key"));
        const char *spool = json_string_value(json_object_get(o, "spool"));
        const json_t *word = json_object_get(o, "kind");
        json_int_t rows = json_integer_value(json_object_get(o, "rows"));
        enum tarn_log_kind kind = TARN_LOG_EVENTS;
        int rc;

        if (word && take_kind(word, &kind)) {
            return tarn_err_set(err, TARN_ECORRUPT, "objects[%zu] is of an unknown kind", i);
        }
        if (!key || rows < (kind != TARN_LOG_BASE) || tarn_key_check(key, NULL) ||
            (spool && (kind != TARN_LOG_EVENTS || strchr(spool, '/')))) {
            return tarn_err_set(err, TARN_ECORRUPT, "objects[%zu] is malformed", i);
        }
        rc = tarn_log_entry_object(e, kind, key, (uint64_t)rows, spool, err);
        if (rc) return rc;
    }
    return TARN_OK;
}

static int parse_entry(struct tarn_log_entry *e, const json_t *root, struct tarn_err *err) {
    const json_t *commits = json_object_get(root, "commits");
    const char *parent = json_string_value(json_object_get(root, "parent"));
    json_int_t first = json_integer_value(json_object_get(root, "first"));
    json_int_t last = json_integer_value(json_object_get(root, "last"));
    size_t n = json_array_size(commits);
    size_t i;
    int rc;

    if (first <= 0 || last < first || n != (size_t)(last - first) + 1 ||
        !json_is_array(json_object_get(root, "objects")) ||
        tarn_log_unhex(json_string_value(json_object_get(root, "previous")), e->previous)) {
        return tarn_err_set(err, TARN_ECORRUPT, "first, last, previous, commits don't agree");
    }
    e->first = (uint64_t)first;
    e->last = (uint64_t)last;
    e->time = (int64_t)json_integer_value(json_object_get(root, "time"));
    e->commits = tarn_reallocarray(NULL, n, TARN_DIGEST);
    if (!e->commits) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    for (i = 0; i < n; i++) {
        if (tarn_log_unhex(json_string_value(json_array_get(commits, i)),
                           e->commits + i * TARN_DIGEST)) {
            return tarn_err_set(err, TARN_ECORRUPT, "commits[%zu] is not a digest", i);
        }
    }
    if (parent) {
        e->has_parent = 1;
        e->parent = (uint32_t)strtoul(parent, NULL, 16);
        e->parent_sequence = (uint64_t)json_integer_value(json_object_get(root, "parentSequence"));
    }
    rc = tarn_log_changes_take(&e->changes, json_object_get(root, "changes"), e->first, e->last,
                               err);
    return rc ? rc : parse_objects(e, json_object_get(root, "objects"), err);
}

int tarn_log_read(const struct tarn_log *log, uint64_t n, struct tarn_log_entry *out,
                  struct tarn_err *err) {
    struct tarn_err why = {0};
    json_error_t fault;
    json_t *root = NULL;
    char key[KEY_BYTES];
    char *text = NULL;
    size_t len = 0;
    int rc;

    memset(out, 0, sizeof *out);
    rc = log_key(log, n, ".json", key, err);
    if (rc) return rc;
    rc = tarn_store_get_all(log->store, key, ENTRY_MAX, &text, &len, err);
    if (rc) return rc;
    root = json_loadb(text, len, 0, &fault);
    out->n = n;
    rc = json_is_object(root) ? parse_entry(out, root, &why) : TARN_ECORRUPT;
    if (rc == TARN_ECORRUPT) {
        rc = tarn_err_set(err, TARN_ECORRUPT, "%s: not a flush log entry: %s", key,
                          root ? why.msg : fault.text);
    } else if (rc) {
        rc = tarn_err_set(err, rc, "%s: %s", key, why.msg);
    }
    if (rc) tarn_log_entry_release(out);
    json_decref(root);
    tarn_free(text);
    return rc;
}

int tarn_log_end_read(const struct tarn_log *log, uint64_t n, enum tarn_log_end *out,
                      struct tarn_err *err) {
    struct tarn_err why = {0};
    char key[KEY_BYTES];
    char *text = NULL;
    size_t len = 0;
    int rc;

    *out = TARN_LOG_OPEN;
    rc = log_key(log, n, ".end", key, err);
    if (rc) return rc;
    rc = tarn_store_get_all(log->store, key, 4096, &text, &len, &why);
    if (rc == TARN_ENOTFOUND) return TARN_OK;
    if (rc) return tarn_err_set(err, rc, "%s", why.msg);
    if (strstr(text, "\"done\"")) {
        *out = TARN_LOG_DONE;
    } else if (strstr(text, "\"abort\"")) {
        *out = TARN_LOG_ABORT;
    } else {
        rc = tarn_err_set(err, TARN_ECORRUPT, "%s: neither done nor abort", key);
    }
    tarn_free(text);
    return rc;
}

int tarn_log_end_write(const struct tarn_log *log, uint64_t n, enum tarn_log_end *end,
                       struct tarn_err *err) {
    const char *text = *end == TARN_LOG_DONE ? "{\"end\":\"done\"}\n" : "{\"end\":\"abort\"}\n";
    struct tarn_put put = {.cond = TARN_PUT_IF_ABSENT};
    struct tarn_err why = {0};
    char key[KEY_BYTES];
    int rc;

    rc = log_key(log, n, ".end", key, err);
    if (rc) return rc;
    rc = tarn_store_put(log->store, key, text, strlen(text), &put, NULL, &why);
    if (rc == TARN_EEXIST) return tarn_log_end_read(log, n, end, err);
    return rc ? tarn_err_set(err, rc, "%s", why.msg) : TARN_OK;
}

int tarn_log_timelines(const struct tarn_log *log, uint32_t **out, size_t *n,
                       struct tarn_err *err) {
    struct tarn_listing list = {0};
    char prefix[KEY_BYTES];
    size_t i;
    int rc;

    *out = NULL;
    *n = 0;
    rc = log_key(log, 0, NULL, prefix, err);
    if (rc) return rc;
    rc = tarn_store_list(log->store, prefix, '/', NULL, 0, &list, err);
    if (rc) return rc;
    *out = tarn_reallocarray(NULL, list.n_prefixes + 1, sizeof **out);
    if (!*out) rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
    for (i = 0; rc == TARN_OK && i < list.n_prefixes; i++) {
        const char *name = list.prefixes[i] + strlen(prefix);

        if (strlen(name) == 9 && strspn(name, "0123456789abcdef") == 8) {
            (*out)[(*n)++] = (uint32_t)strtoul(name, NULL, 16);
        }
    }
    tarn_listing_release(&list);
    return rc;
}
