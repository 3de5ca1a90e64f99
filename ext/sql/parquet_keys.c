/* parquet_keys.c: see parquet_keys.h. Decoded keys live in one pool, which is wiped. */
#include "parquet_keys.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "family.h"
#include "mem.h"
#include "result.h"

#define KNOWN "footer, columns, ids, aadPrefix, plainFiles"

struct collected {
    struct tarn_key *keys;
    size_t n;
    uint8_t *pool;
    size_t used, cap;
    const char *what;
    struct tarn_err *err;
};

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static int base64_digit(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+' || c == '-') return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

/* Decodes to `out`, which is no smaller than the text: the number of bytes, or -1. */
static long decode_hex(const char *s, size_t n, uint8_t *out) {
    if (n % 2) return -1;
    for (size_t i = 0; i < n; i += 2) {
        int a = hex_digit(s[i]), b = hex_digit(s[i + 1]);
        if (a < 0 || b < 0) return -1;
        out[i / 2] = (uint8_t)(a << 4 | b);
    }
    return (long)(n / 2);
}

static long decode_base64(const char *s, size_t n, uint8_t *out) {
    uint32_t bits = 0;
    unsigned have = 0;
    long m = 0;
    for (int pad = 0; pad < 2 && n > 0 && s[n - 1] == '='; pad++)
        n--;
    if (n % 4 == 1) return -1;
    for (size_t i = 0; i < n; i++) {
        int d = base64_digit(s[i]);
        if (d < 0) return -1;
        bits = bits << 6 | (uint32_t)d;
        have += 6;
        if (have < 8) continue;
        have -= 8;
        out[m++] = (uint8_t)(bits >> have);
    }
    return bits & ((1u << have) - 1) ? -1 : m;
}

/* The bytes that a text stands for; `name` is said when it can't be read. */
static int take_bytes(struct collected *c, const char *name, const char *s, size_t n,
                      struct tarn_slice *out) {
    uint8_t *to = c->pool + c->used;
    char shown[TARN_SHOWN];
    long m = (long)n;
    if (n >= 4 && memcmp(s, "hex:", 4) == 0)
        m = decode_hex(s + 4, n - 4, to);
    else if (n >= 7 && memcmp(s, "base64:", 7) == 0)
        m = decode_base64(s + 7, n - 7, to);
    else if (n)
        memcpy(to, s, n);
    if (m < 0)
        return tarn_err_set(c->err, TARN_EINVAL,
                            "%s: keys: the value of %s is not the hex: or base64: that it begins "
                            "with",
                            c->what, tarn_show_text(name, strlen(name), shown));
    *out = (struct tarn_slice){to, (size_t)m};
    c->used += (size_t)m;
    return TARN_OK;
}

static int take_string(struct collected *c, enum tarn_key_kind kind, struct tarn_slice key_name,
                       const char *name, const json_t *value) {
    struct tarn_key *k = &c->keys[c->n];
    char shown[TARN_SHOWN];
    if (!json_is_string(value))
        return tarn_err_set(c->err, TARN_EINVAL, "%s: keys: expected a text for %s", c->what,
                            tarn_show_text(name, strlen(name), shown));
    k->kind = kind;
    k->name = key_name;
    c->n++;
    return take_bytes(c, name, json_string_value(value), json_string_length(value), &k->bytes);
}

static int take_object(struct collected *c, enum tarn_key_kind kind, const char *member,
                       const json_t *value) {
    const char *name = NULL;
    json_t *key = NULL;
    int rc = TARN_OK;
    if (!json_is_object(value))
        return tarn_err_set(c->err, TARN_EINVAL,
                            "%s: keys: expected an object for %s, such as {\"name\": \"KEY\"}",
                            c->what, member);
    json_object_foreach((json_t *)(uintptr_t)value, name, key) {
        struct tarn_slice s = {(const uint8_t *)name, strlen(name)};
        if (kind == TARN_KEY_ID) rc = take_bytes(c, name, name, strlen(name), &s);
        if (rc == TARN_OK) rc = take_string(c, kind, s, name, key);
        if (rc) break;
    }
    return rc;
}

static int take_member(struct collected *c, const char *name, const json_t *value, int *plain) {
    const struct tarn_slice none = {NULL, 0};
    char shown[TARN_SHOWN];
    if (strcmp(name, "footer") == 0) return take_string(c, TARN_KEY_FOOTER, none, name, value);
    if (strcmp(name, "columns") == 0) return take_object(c, TARN_KEY_COLUMN, name, value);
    if (strcmp(name, "ids") == 0) return take_object(c, TARN_KEY_ID, name, value);
    if (strcmp(name, "aadPrefix") == 0)
        return take_string(c, TARN_KEY_AAD_PREFIX, none, name, value);
    if (strcmp(name, "plainFiles") == 0 && json_is_boolean(value)) {
        *plain = json_is_true(value);
        return TARN_OK;
    }
    if (strcmp(name, "plainFiles") == 0)
        return tarn_err_set(c->err, TARN_EINVAL, "%s: keys: expected true or false for plainFiles",
                            c->what);
    return tarn_err_set(c->err, TARN_EINVAL, "%s: keys: member %s is unknown; known are %s",
                        c->what, tarn_show_text(name, strlen(name), shown), KNOWN);
}

/* Counts the entries and the bytes of names and texts; with `wipe` the texts are blanked instead. */
static void measure(const json_t *v, size_t *entries, size_t *bytes, int wipe) {
    const char *name = NULL;
    json_t *inner = NULL;
    json_object_foreach((json_t *)(uintptr_t)v, name, inner) {
        const char *name2 = NULL;
        json_t *text = NULL;
        *entries += 1;
        *bytes += strlen(name) + json_string_length(inner);
        if (wipe && json_is_string(inner))
            OPENSSL_cleanse((void *)(uintptr_t)json_string_value(inner), json_string_length(inner));
        json_object_foreach(inner, name2, text) {
            *entries += 1;
            *bytes += strlen(name2) + json_string_length(text);
            if (wipe && json_is_string(text))
                OPENSSL_cleanse((void *)(uintptr_t)json_string_value(text),
                                json_string_length(text));
        }
    }
}

int tarn_pqt_keys_from_json(struct tarn_pq_keys **out, const json_t *json, int plain_files,
                            const char *what, struct tarn_err *err) {
    struct collected c = {NULL, 0, NULL, 0, 1, what, err};
    size_t entries = 1;
    const char *name = NULL;
    json_t *value = NULL;
    struct tarn_err why = {0};
    int rc = TARN_OK;
    *out = NULL;
    if (!json_is_object(json))
        return tarn_err_set(err, TARN_EINVAL,
                            "%s: keys must be a JSON object such as {\"footer\": \"hex:...\"}; "
                            "known are " KNOWN,
                            what);
    measure(json, &entries, &c.cap, 0);
    c.keys = tarn_calloc(entries, sizeof *c.keys);
    c.pool = tarn_malloc(c.cap);
    if (!c.keys || !c.pool) rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
    json_object_foreach((json_t *)(uintptr_t)json, name, value) {
        if (rc == TARN_OK) rc = take_member(&c, name, value, &plain_files);
    }
    if (rc == TARN_OK && plain_files) c.keys[c.n++].kind = TARN_KEY_PLAIN_FILES;
    if (rc == TARN_OK) rc = tarn_pq_keys_new(out, c.keys, c.n, &why);
    if (rc) tarn_err_set(err, rc, "%s: keys: %s", what, why.msg);
    if (c.pool) OPENSSL_cleanse(c.pool, c.cap);
    tarn_free(c.pool);
    tarn_free(c.keys);
    measure(json, &entries, &c.cap, 1);
    return rc;
}

static int from_text(struct tarn_pq_keys **out, const char *text, int plain_files, const char *what,
                     struct tarn_err *err) {
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    int rc = tarn_pqt_keys_from_json(out, root, plain_files, what, err);
    json_decref(root);
    return rc;
}

int tarn_pqt_keys_from_env(struct tarn_pq_keys **out, const char *name, struct tarn_err *err) {
    const char *text = getenv(name);
    char shown[TARN_SHOWN];
    if (!text)
        return tarn_err_set(err, TARN_EACCES,
                            "parquet: option keysFrom: the environment variable %s, which should "
                            "hold the keys, is not set",
                            tarn_show_text(name, strlen(name), shown));
    return from_text(out, text, 0, "parquet: option keysFrom", err);
}

struct tarn_pq_keys *tarn_pqt_keys(const struct tarn_parquet_table *t) {
    return t->options.keys ? t->options.keys : t->conn->parquet_keys;
}

static void keys_call(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    struct tarn_conn *conn = tarn_function_conn(ctx);
    struct tarn_pq_keys *keys = NULL;
    const char *text = NULL;
    struct tarn_err err = {0};
    (void)argc;
    if (tarn_value_text(argv[0], "tarn_parquet_keys: keys", &text, &err) ||
        (text && from_text(&keys, text, 1, "tarn_parquet_keys", &err))) {
        tarn_result_err(ctx, &err);
        return;
    }
    tarn_pq_keys_free(conn->parquet_keys);
    conn->parquet_keys = keys;
    sqlite3_result_int(ctx, keys != NULL);
}

static const struct tarn_function functions[] = {
    {.help = {"tarn_parquet_keys", "scalar", "(keys)", "1, or 0 when there are none now",
              "The keys of encrypted Parquet files, for this connection's tables `parquet`; NULL "
              "forgets them. Nothing is stored. A JSON object: footer, columns (by path), ids (by "
              "key id), aadPrefix, plainFiles; a key is \"hex:...\", \"base64:...\" or its plain "
              "16, 24 or 32 bytes.",
              "SELECT tarn_parquet_keys('{\"ids\":{\"kf\":\"0123456789012345\"}}')"},
     .min_args = 1,
     .max_args = 1,
     .writes_from = 1,
     .call = keys_call},
};

const struct tarn_family tarn_family_parquet_keys = {functions, TARN_COUNT(functions), NULL, 0};
