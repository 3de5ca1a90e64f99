/* config.c: tarn_config, tarn_open, and the table of settings. What a setting means, its range and
** its place in the database are the business of settings.c and conn.c.
*/
#include <string.h>

#include "cdc_table.h"
#include "family.h"
#include "mem.h"
#include "result.h"
#include "tracking.h"
#include "trust.h"

/* "unknown setting 'x'; known are lake, namespace, …" */
static int unknown(const char *key, struct tarn_err *err) {
    char shown[TARN_SHOWN];
    char list[512];
    size_t n = 0;
    int i;

    for (i = 0; i < TARN_SET_COUNT && n < sizeof list; i++) {
        (void)sqlite3_snprintf((int)(sizeof list - n), list + n, "%s%s", i ? ", " : "",
                               tarn_setting_info(i)->name);
        n += strlen(list + n);
    }
    return tarn_err_set(err, TARN_EINVAL, "no setting %s; known are %s",
                        tarn_show_text(key, strlen(key), shown), list);
}

static int config(struct tarn_conn *c, int argc, sqlite3_value **argv, int *setting,
                  struct tarn_err *err) {
    const char *key = NULL;
    const char *value = NULL;

    if (tarn_value_text(argv[0], "tarn_config: key", &key, err)) return err->code;
    if (!key) return tarn_err_set(err, TARN_EINVAL, "tarn_config(key[, value]) needs a key");
    *setting = tarn_setting_find(key);
    if (*setting < 0) return unknown(key, err);
    if (argc < 2) return tarn_conn_refresh(c, err);
    if (tarn_value_text(argv[1], "tarn_config: value", &value, err)) return err->code;
    if (*setting == TARN_SET_LAKE && value && *value) return tarn_conn_open(c, value, err);
    return tarn_conn_set(c, *setting, value, err);
}

static void result_setting(sqlite3_context *ctx, struct tarn_conn *c, int setting) {
    if (tarn_setting_info(setting)->type == 'i') {
        sqlite3_result_int64(ctx, tarn_settings_int(&c->settings, setting));
    } else {
        tarn_result_text(ctx, tarn_settings_text(&c->settings, setting));
    }
}

static void config_call(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    struct tarn_conn *c = tarn_function_conn(ctx);
    struct tarn_err err = {0};
    int setting = -1;

    if (config(c, argc, argv, &setting, &err)) {
        tarn_result_err(ctx, &err);
        return;
    }
    result_setting(ctx, c, setting);
}

static int open_lake(struct tarn_conn *c, sqlite3_value *v, struct tarn_lake **lake,
                     struct tarn_err *err) {
    const char *uri = NULL;
    char *namespace_ = NULL;

    if (tarn_value_text(v, "tarn_open: uri", &uri, err)) return err->code;
    if (!uri || !*uri) {
        return tarn_err_set(err, TARN_EINVAL,
                            "tarn_open(uri) needs the lake: a folder, file:///folder, or a bucket");
    }
    if (tarn_conn_open(c, uri, err) || tarn_trust_named(uri, err)) return err->code;
    if (tarn_conn_lake(c, 1, lake, err) || tarn_cdc_namespace(c, &namespace_, err))
        return err->code;
    (void)tarn_cdc_tables_open(c, namespace_, err);
    tarn_free(namespace_);
    return err->code;
}

static void open_call(sqlite3_context *ctx, int argc, sqlite3_value **argv) {
    struct tarn_lake *lake = NULL;
    struct tarn_err err = {0};

    (void)argc;
    if (open_lake(tarn_function_conn(ctx), argv[0], &lake, &err)) {
        tarn_result_err(ctx, &err);
        return;
    }
    tarn_result_text(ctx, tarn_lake_uri(lake));
}

struct settings_rows {
    struct tarn_conn *conn;
    int at;
};

static int settings_open(void **handle, struct tarn_conn *conn, sqlite3_value **args,
                         struct tarn_err *err) {
    struct settings_rows *h = NULL;

    (void)args;
    if (tarn_conn_refresh(conn, err)) return err->code;
    h = tarn_malloc(sizeof *h);
    if (!h) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    h->conn = conn;
    h->at = -1;
    *handle = h;
    return TARN_OK;
}

static int settings_next(void *handle, int *more, struct tarn_err *err) {
    struct settings_rows *h = handle;

    (void)err;
    *more = ++h->at < TARN_SET_COUNT;
    return TARN_OK;
}

static int settings_column(void *handle, int column, sqlite3_context *ctx, struct tarn_err *err) {
    struct settings_rows *h = handle;
    const struct tarn_setting_info *info = tarn_setting_info(h->at);
    char *range = NULL;

    (void)err;
    switch (column) {
    case 0: tarn_result_text(ctx, info->name); break;
    case 1: result_setting(ctx, h->conn, h->at); break;
    case 2: tarn_result_text(ctx, info->initial); break;
    case 3:
        if (info->type == 'i') {
            range =
                sqlite3_mprintf("integer %lld..%lld", (long long)info->min, (long long)info->max);
            sqlite3_result_text(ctx, range, -1, sqlite3_free);
        } else {
            tarn_result_text(ctx, info->type == 'e' ? info->choices : "text");
        }
        break;
    case 4: tarn_result_text(ctx, h->conn->settings.origin[h->at]); break;
    default: tarn_result_text(ctx, info->help); break;
    }
    return TARN_OK;
}

static const struct tarn_rows settings_rows = {
    .name = "tarn_settings",
    .columns = "name TEXT, value, \"default\" TEXT, type TEXT, origin TEXT, description TEXT",
    .n_columns = 6,
    .flags = TARN_ROWS_INNOCUOUS,
    .open = settings_open,
    .next = settings_next,
    .column = settings_column,
    .close = tarn_free,
};

static const struct tarn_function functions[] = {
    {.help = {"tarn_config", "scalar", "(key[, value])", "the setting's value",
              "Reads a setting; with a value, sets it for every connection of this database. NULL "
              "brings the default back. tarn_settings lists them.",
              "SELECT tarn_config('countThreshold', 500)"},
     .min_args = 1,
     .max_args = 2,
     .writes_from = 2,
     .call = config_call},
    {.help = {"tarn_open", "scalar", "(uri)", "the lake's canonical URI",
              "Opens a lake (a folder, which is made if it is missing) as this database's and "
              "remembers it. Makes cdc_<collection> for each collection of the namespace there.",
              "SELECT tarn_open('./lake')"},
     .min_args = 1,
     .max_args = 1,
     .writes_from = 1,
     .call = open_call},
};

static const struct tarn_table tables[] = {
    {.help = {"tarn_settings", "table", "", "one row per setting",
              "The settings: value, default, what they take, and where the value comes from "
              "(default, database, connection, environment).",
              "SELECT name, value, origin FROM tarn_settings"},
     .rows = &settings_rows},
};

const struct tarn_family tarn_family_config = {functions, TARN_COUNT(functions), tables,
                                               TARN_COUNT(tables)};
