/* parquet_options.c: the options of a table `parquet`, a JSON object. */
#include <jansson.h>
#include <string.h>

#include "parquet_keys.h"
#include "parquet_table.h"
#include "result.h"

static int take_flag(const char *name, const json_t *value, int *out, struct tarn_err *err) {
    if (!json_is_boolean(value)) {
        return tarn_err_set(err, TARN_EINVAL, "parquet: option %s: expected true or false", name);
    }
    *out = json_is_true(value);
    return TARN_OK;
}

static int take_keys(struct tarn_pqt_options *o, const char *name, const json_t *value,
                     struct tarn_err *err) {
    if (o->keys) {
        return tarn_err_set(err, TARN_EINVAL,
                            "parquet: expected one of the options keys and keysFrom, not both");
    }
    if (strcmp(name, "keys") == 0) {
        o->keys_inline = 1;
        return tarn_pqt_keys_from_json(&o->keys, value, 0, "parquet: option keys", err);
    }
    if (!json_is_string(value)) {
        return tarn_err_set(err, TARN_EINVAL,
                            "parquet: option keysFrom: expected the name of an environment "
                            "variable");
    }
    return tarn_pqt_keys_from_env(&o->keys, json_string_value(value), err);
}

static int take(struct tarn_pqt_options *o, const char *name, const json_t *value,
                struct tarn_err *err) {
    char shown[TARN_SHOWN];
    const char *s = json_string_value(value);

    if (strcmp(name, "binaryAsText") == 0) return take_flag(name, value, &o->binary_as_text, err);
    if (strcmp(name, "hivePartitioning") == 0) return take_flag(name, value, &o->hive, err);
    if (strcmp(name, "schemaFrom") == 0) {
        if (!s || (strcmp(s, "first") != 0 && strcmp(s, "all") != 0)) {
            return tarn_err_set(err, TARN_EINVAL,
                                "parquet: option schemaFrom: expected \"first\" or \"all\"");
        }
        o->first_only = strcmp(s, "first") == 0;
        return TARN_OK;
    }
    if (strcmp(name, "keys") == 0 || strcmp(name, "keysFrom") == 0) {
        return take_keys(o, name, value, err);
    }
    return tarn_err_set(err, TARN_EINVAL,
                        "parquet: option %s is unknown; known are binaryAsText, hivePartitioning, "
                        "keys, keysFrom, schemaFrom",
                        tarn_show_text(name, strlen(name), shown));
}

int tarn_pqt_options_parse(struct tarn_pqt_options *o, const char *json, struct tarn_err *err) {
    json_error_t fault;
    json_t *root = json_loads(json, JSON_REJECT_DUPLICATES, &fault);
    const char *name = NULL;
    json_t *value = NULL;
    int rc = TARN_OK;

    if (!json_is_object(root)) {
        rc = tarn_err_set(err, TARN_EINVAL,
                          "parquet: the options must be a JSON object such as "
                          "'{\"binaryAsText\":true}'%s%s",
                          root ? "" : ": ", root ? "" : fault.text);
    } else {
        json_object_foreach(root, name, value) {
            rc = take(o, name, value, err);
            if (rc) break;
        }
    }
    json_decref(root);
    return rc;
}

void tarn_pqt_options_release(struct tarn_pqt_options *o) {
    tarn_pq_keys_free(o->keys);
    o->keys = NULL;
}
