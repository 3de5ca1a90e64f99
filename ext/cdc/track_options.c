/* track_options.c: see track_options.h. */
#include "track_options.h"

#include <jansson.h>
#include <string.h>

#include "mem.h"
#include "text.h"

#define NAME_MAX_BYTES 128

static int expected(struct tarn_err *err, const char *key, const char *what) {
    return tarn_err_set(err, TARN_EINVAL, "tarn_track: option %s: expected %s", key, what);
}

static int read_text(char **out, const char *key, const json_t *v, struct tarn_err *err) {
    if (!json_is_string(v)) return expected(err, key, "a text");
    if (tarn_collection_check(json_string_value(v), key, err)) return err->code;
    tarn_free(*out);
    *out = tarn_strdup(json_string_value(v));
    return *out ? TARN_OK : tarn_err_set(err, TARN_ENOMEM, "out of memory");
}

static int read_columns(struct tarn_track_options *o, const json_t *v, struct tarn_err *err) {
    size_t n = json_array_size(v);
    size_t i;

    if (!json_is_array(v)) return expected(err, "columns", "an array of names to leave out");
    o->left_out = tarn_calloc(n + 1, sizeof *o->left_out);
    if (!o->left_out) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    for (i = 0; i < n; i++) {
        const json_t *name = json_array_get(v, i);

        if (!json_is_string(name)) {
            return expected(err, "columns", "an array of names to leave out");
        }
        o->left_out[i] = tarn_strdup(json_string_value(name));
        if (!o->left_out[i]) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
        o->n_left_out++;
    }
    return TARN_OK;
}

static int read_one(struct tarn_track_options *o, const char *key, const json_t *v,
                    struct tarn_err *err) {
    if (strcmp(key, "trackPrevious") == 0) {
        o->track_previous = json_is_true(v);
        return json_is_boolean(v) ? TARN_OK : expected(err, key, "true or false");
    }
    if (strcmp(key, "columns") == 0) return read_columns(o, v, err);
    if (strcmp(key, "collection") == 0) return read_text(&o->collection, key, v, err);
    if (strcmp(key, "namespace") == 0) return read_text(&o->namespace_, key, v, err);
    return tarn_err_set(
        err, TARN_EINVAL,
        "tarn_track: no option %.60s; known are trackPrevious, columns, collection, "
        "namespace",
        key);
}

int tarn_track_options_read(struct tarn_track_options *out, const char *text,
                            struct tarn_err *err) {
    json_error_t fault;
    json_t *o = NULL;
    const char *key = NULL;
    json_t *value = NULL;
    int rc = TARN_OK;

    memset(out, 0, sizeof *out);
    out->track_previous = 1;
    if (!text || !*text) return TARN_OK;
    o = json_loads(text, JSON_REJECT_DUPLICATES, &fault);
    if (!json_is_object(o)) {
        rc = tarn_err_set(err, TARN_EINVAL, "tarn_track: options are a JSON object: %s",
                          o ? "this is another value" : fault.text);
        json_decref(o);
        return rc;
    }
    json_object_foreach(o, key, value) {
        rc = read_one(out, key, value, err);
        if (rc) break;
    }
    json_decref(o);
    if (rc) tarn_track_options_release(out);
    return rc;
}

void tarn_track_options_release(struct tarn_track_options *o) {
    size_t i;

    for (i = 0; i < o->n_left_out; i++)
        tarn_free(o->left_out[i]);
    tarn_free(o->left_out);
    tarn_free(o->collection);
    tarn_free(o->namespace_);
    memset(o, 0, sizeof *o);
}

void tarn_collection_name(struct tarn_buf *b, const char *namespace_, const char *collection) {
    tarn_percent_encode(b, namespace_, strlen(namespace_));
    tarn_buf_u8(b, '/');
    tarn_percent_encode(b, collection, strlen(collection));
    tarn_buf_u8(b, 0);
}

int tarn_collection_check(const char *s, const char *what, struct tarn_err *err) {
    size_t n = strlen(s);

    if (n == 0) return tarn_err_set(err, TARN_EINVAL, "%s is empty", what);
    if (n > NAME_MAX_BYTES) {
        return tarn_err_set(err, TARN_EINVAL, "%s: %.40s… has more than %d bytes", what, s,
                            NAME_MAX_BYTES);
    }
    if (s[0] == '.' || tarn_utf8_invalid((const uint8_t *)s, n) != n) {
        return tarn_err_set(err, TARN_EINVAL,
                            "%s: %.100s can't be the name of a folder: it begins with a dot, or is "
                            "not UTF-8",
                            what, s);
    }
    return TARN_OK;
}
