/* conn.c: one connection: settings, which lake, and the shared state of its database.
**
** Which lake, in this order: tarn_open in this connection; TARN_LAKE; what the database remembers,
** if it is trusted (DESIGN section 9: a database may come from a stranger, so a stored place that
** lies elsewhere counts only when the user named it too); {database file}-lake.
*/
#include "conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conns.h"
#include "db.h"
#include "flusher.h"
#include "keyring.h"
#include "mem.h"
#include "txn_impl.h"

int tarn_conn_new(struct tarn_conn **out, sqlite3 *db) {
    struct tarn_conn *c = tarn_calloc(1, sizeof *c);

    *out = NULL;
    if (!c) return TARN_ENOMEM;
    c->db = db;
    c->references = 1;
    tarn_settings_init(&c->settings);
    if (tarn_txn_new(&c->txn)) {
        tarn_free(c);
        return TARN_ENOMEM;
    }
    tarn_conns_add(c);
    *out = c;
    return TARN_OK;
}

void tarn_conn_ref(struct tarn_conn *c) {
    c->references++;
}

void tarn_conn_unref(void *conn) {
    struct tarn_conn *c = conn;

    if (!c || --c->references > 0) return;
    tarn_conns_remove(c);
    if (c->on_commit_free) c->on_commit_free(c->on_commit_arg);
    tarn_db_release(c->shared);
    tarn_lake_free(c->lake);
    tarn_txn_free(c->txn);
    tarn_settings_release(&c->settings);
    tarn_pq_keys_free(c->parquet_keys);
    tarn_free(c->lake_from);
    tarn_free(c->opened);
    tarn_free(c);
}

/* Outside of a transaction SQLite only knows of other connections' commits, and of their changes of the
** schema, what the last one saw: a statement looks again. */
static int look_at_file(struct tarn_conn *c, struct tarn_err *err) {
    sqlite3_stmt *stmt = NULL;
    int sq;

    if (sqlite3_txn_state(c->db, "main") != SQLITE_TXN_NONE) return TARN_OK;
    sq = sqlite3_prepare_v2(c->db, "SELECT 1 FROM main.sqlite_schema LIMIT 1", -1, &stmt, NULL);
    if (sq == SQLITE_OK) (void)sqlite3_step(stmt);
    if (stmt) sq = sqlite3_finalize(stmt);
    return tarn_err_sqlite(err, c->db, sq, "reading the settings");
}

/* What a transaction has set isn't cached until it has ended: a ROLLBACK leaves no trace in the version. */
int tarn_conn_refresh(struct tarn_conn *c, struct tarn_err *err) {
    unsigned version = 0;
    int rc = look_at_file(c, err);

    if (rc) return rc;
    (void)sqlite3_file_control(c->db, "main", SQLITE_FCNTL_DATA_VERSION, &version);
    if (c->loaded && !c->unsettled && version == c->settings_version) return TARN_OK;
    rc = tarn_settings_load(&c->settings, c->db, err);
    if (rc) return rc;
    tarn_lake_footer_limit((size_t)tarn_settings_int(&c->settings, TARN_SET_FOOTER_CACHE));
    if (sqlite3_get_autocommit(c->db) || sqlite3_txn_state(c->db, "main") != SQLITE_TXN_WRITE) {
        c->unsettled = 0; /* whatever has set them has ended */
    }
    c->loaded = 1;
    c->settings_version = version;
    if (c->shared && c->shared->pid == (int)getpid()) (void)tarn_conn_configure(c, NULL, NULL);
    return TARN_OK;
}

static int is_memory(struct tarn_conn *c) {
    return c->shared ? tarn_db_is_memory(c->shared) : tarn_db_file(c->db) == NULL;
}

/* Is the value in the database already? Then nothing is written: an application that says the same at
** every start takes no write lock for it. */
static int is_stored(const struct tarn_conn *c, int setting, const char *value) {
    const char *origin = c->settings.origin[setting];

    if (!c->loaded || c->unsettled) return 0;
    if (!value) return strcmp(origin, "default") == 0;
    return strcmp(origin, "database") == 0 &&
           strcmp(tarn_settings_text(&c->settings, setting), value) == 0;
}

int tarn_conn_set(struct tarn_conn *c, int setting, const char *value, struct tarn_err *err) {
    int stored = !is_memory(c) && sqlite3_db_readonly(c->db, "main") == 0;
    struct tarn_err why = {0};
    int rc = tarn_conn_refresh(c, &why);

    if (rc == TARN_EINVAL) { /* a stored value is bad: maybe the one that is set right now */
        c->loaded = 0;
        rc = TARN_OK;
    }
    if (rc) return tarn_err_set(err, rc, "%s", why.msg);
    if (stored && is_stored(c, setting, value)) return TARN_OK;
    rc = tarn_settings_set(&c->settings, setting, value, stored ? "database" : "connection", err);
    if (rc == TARN_OK && stored) rc = tarn_settings_store(c->db, setting, value, err);
    c->loaded = 0;
    c->unsettled = stored;
    if (rc == TARN_OK && c->shared) rc = tarn_conn_configure(c, NULL, err);
    return rc;
}

int tarn_conn_configure(struct tarn_conn *c, const char *uri, struct tarn_err *err) {
    const struct tarn_settings *s = &c->settings;
    struct tarn_db_settings flush = {
        tarn_settings_int(s, TARN_SET_COUNT_THRESHOLD),
        tarn_settings_int(s, TARN_SET_TIME_THRESHOLD),
        tarn_settings_int(s, TARN_SET_MAX_BUFFER),
        strcmp(tarn_settings_text(s, TARN_SET_AUTO_FLUSH), "on") == 0,
    };

    return tarn_db_configure(c->shared, uri, &flush, err);
}

static char *default_uri(struct tarn_conn *c) {
    const char *path = sqlite3_db_filename(c->db, "main");
    size_t n = path ? strlen(path) + 6 : 0;
    char *uri = n ? tarn_malloc(n) : NULL;

    if (uri) snprintf(uri, n, "%s-lake", path);
    return uri;
}

/* One URI a line in ~/.config/tarn/trusted. */
int tarn_conn_listed(const char *uri) {
    const char *home = getenv("HOME");
    char path[4096];
    char line[4096];
    FILE *f = NULL;
    int found = 0;

    if (!home ||
        (size_t)snprintf(path, sizeof path, "%s/.config/tarn/trusted", home) >= sizeof path) {
        return 0;
    }
    f = fopen(path, "re");
    while (f && !found && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\r\n")] = 0;
        found = strcmp(line, uri) == 0;
    }
    if (f) (void)fclose(f);
    return found;
}

/* The URI in force, owned. c->shared is there. */
static int lake_uri(struct tarn_conn *c, char **out, struct tarn_err *err) {
    const char *environment = getenv("TARN_LAKE");
    const char *stored = tarn_settings_text(&c->settings, TARN_SET_LAKE);
    char *beside = NULL;
    char *shared = NULL;
    int rc = TARN_OK;

    *out = NULL;
    if (c->opened || (environment && *environment)) {
        *out = tarn_strdup(c->opened ? c->opened : environment);
        return *out ? TARN_OK : tarn_err_set(err, TARN_ENOMEM, "out of memory");
    }
    if (is_memory(c)) {
        return tarn_err_set(err, TARN_EINVAL,
                            "a database without a file has no lake of its own: name one with "
                            "SELECT tarn_open('/path/of/a/folder')");
    }
    beside = default_uri(c);
    if (!beside) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    if (!*stored || strcmp(stored, beside) == 0) {
        *out = beside;
        return TARN_OK;
    }
    tarn_free(beside);
    rc = tarn_db_lake(c->shared, &shared, err);
    if (rc) return rc;
    if ((shared && strcmp(stored, shared) == 0) || tarn_conn_listed(stored)) {
        *out = tarn_strdup(stored); /* named in this process, or by the user */
        if (!*out) rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
    } else {
        rc = tarn_err_set(err, TARN_EACCES,
                          "this database names the lake %.120s: confirm it with SELECT "
                          "tarn_open('...'), TARN_LAKE, or a line in ~/.config/tarn/trusted",
                          stored);
    }
    tarn_free(shared);
    return rc;
}

int tarn_conn_attach(struct tarn_conn *c, struct tarn_err *err) {
    int rc = TARN_OK;

    if (c->shared && c->shared->pid != (int)getpid()) {
        c->shared = NULL; /* made before fork(): the parent's */
        c->lake = NULL;
        c->lake_from = NULL;
    }
    if (!c->shared) {
        rc = tarn_db_attach(&c->shared, c->db, err);
        if (rc == TARN_OK && !tarn_db_is_memory(c->shared) && tarn_outbox_exists(c->db)) {
            rc = tarn_db_refill(c->shared, c->db, &c->txn->outbox, 0, err);
        }
    } else if (tarn_db_unread(c->shared)) {
        (void)tarn_db_refill(c->shared, c->db, &c->txn->outbox, 0, NULL);
    }
    return rc;
}

/* Two ways to write the same lake's URI? */
static int same_lake(struct tarn_conn *c, const char *uri) {
    struct tarn_lake *lake = NULL;
    struct tarn_lake *other = NULL;
    char *shared = NULL;
    int same = tarn_db_lake(c->shared, &shared, NULL) == TARN_OK && shared &&
               tarn_lake_open(&lake, uri, 0, NULL) == TARN_OK &&
               tarn_lake_open(&other, shared, 0, NULL) == TARN_OK &&
               strcmp(tarn_lake_uri(lake), tarn_lake_uri(other)) == 0;

    tarn_lake_free(lake);
    tarn_lake_free(other);
    tarn_free(shared);
    return same;
}

/* tarn_conn_configure; another way to write the lake's URI is no other lake. */
static int configure_lake(struct tarn_conn *c, const char *uri, struct tarn_err *err) {
    struct tarn_err why = {0};
    int rc = tarn_conn_configure(c, uri, &why);

    if (rc == TARN_EBUSY && same_lake(c, uri)) return tarn_conn_configure(c, NULL, err);
    return rc ? tarn_err_set(err, rc, "%s", why.msg) : TARN_OK;
}

/* Settings, shared state, the lake's URI. *other = 1 when rows wait for another lake: then that stays
** in force. */
static int prepare(struct tarn_conn *c, int *other, struct tarn_err *err) {
    char *uri = NULL;
    int rc = tarn_conn_refresh(c, err);

    *other = 0;
    if (rc == TARN_OK) rc = tarn_conn_attach(c, err);
    if (rc == TARN_OK) rc = lake_uri(c, &uri, err);
    if (rc) return rc;
    rc = configure_lake(c, uri, err);
    *other = rc == TARN_EBUSY;
    tarn_free(uri);
    return rc;
}

int tarn_conn_prepare_write(struct tarn_conn *c, struct tarn_err *err) {
    int other = 0;

    return prepare(c, &other, err);
}

void tarn_conn_arm(struct tarn_conn *c) {
    if (tarn_db_internal() || is_memory(c) || !tarn_outbox_exists(c->db)) return;
    (void)tarn_conn_prepare_write(c, &c->last);
}

static const char *resolve_binding(const char *uri, struct tarn_err *err) {
    static const char *const bindings[] = {"EVENTS_BUCKET", "PIPELINE_BUCKET", "BENCHMARK_BUCKET"};
    size_t i;

    for (i = 0; i < sizeof bindings / sizeof *bindings; i++) {
        if (strcmp(uri, bindings[i]) != 0) continue;
        uri = getenv(bindings[i]);
        if (uri && *uri) return uri;
        (void)tarn_err_set(err, TARN_EINVAL,
                           "tarn_open('%s'): the environment variable %s is not set", bindings[i],
                           bindings[i]);
        return NULL;
    }
    return uri;
}

/* Rows on their way to another lake must get there first. */
static int check_pending(struct tarn_conn *c, const char *uri, struct tarn_err *err) {
    char *shared = NULL;
    uint64_t events = 0;
    int rc = tarn_db_lake(c->shared, &shared, err);

    if (shared && strcmp(shared, uri) != 0 && !same_lake(c, uri)) {
        if (!tarn_db_is_memory(c->shared) && tarn_outbox_exists(c->db)) {
            rc = tarn_db_refill(c->shared, c->db, &c->txn->outbox, 0, err);
        }
        if (rc == TARN_OK && (tarn_db_waiting(c->shared, &events) || c->txn->events)) {
            rc = tarn_err_set(
                err, TARN_EBUSY,
                "%llu events or changes still wait for the lake %.100s: run SELECT tarn_flush() "
                "first",
                (unsigned long long)(events + c->txn->events), shared);
        }
    }
    tarn_free(shared);
    return rc;
}

int tarn_conn_open(struct tarn_conn *c, const char *uri, struct tarn_err *err) {
    struct tarn_lake *lake = NULL;
    char *copy = NULL;
    int rc = tarn_conn_refresh(c, err);

    uri = resolve_binding(uri, err);
    if (!uri) return TARN_EINVAL;
    if (rc == TARN_OK) rc = tarn_conn_attach(c, err);
    if (rc == TARN_OK) rc = tarn_lake_open(&lake, uri, 1, err);
    if (rc) return rc;
    rc = check_pending(c, tarn_lake_uri(lake), err);
    if (rc == TARN_OK && !(copy = tarn_strdup(tarn_lake_uri(lake)))) {
        rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
    }
    if (rc == TARN_OK) rc = tarn_conn_set(c, TARN_SET_LAKE, copy, err);
    if (rc == TARN_OK) rc = configure_lake(c, copy, err);
    if (rc) {
        tarn_lake_free(lake);
        tarn_free(copy);
        return rc;
    }
    tarn_free(c->opened);
    c->opened = copy;
    tarn_lake_free(lake); /* tarn_conn_lake opens it again where it is needed */
    return TARN_OK;
}

/* Does the outbox hold rows, or this transaction? Those of spool files are read through the lake's
** catalog, so the lake has to be there. */
static int rows_wait(struct tarn_conn *c) {
    struct tarn_outbox *view = &c->txn->outbox;
    struct tarn_position position;

    if (tarn_db_waiting(c->shared, NULL)) return 1;
    if (tarn_db_is_memory(c->shared) || tarn_outbox_load(view, c->db, NULL)) return 0;
    tarn_db_position(c->shared, &position);
    return view->known && view->last > position.collected;
}

int tarn_conn_lake(struct tarn_conn *c, int create, struct tarn_lake **out, struct tarn_err *err) {
    struct tarn_err why = {0};
    struct tarn_lake *lake = NULL;
    char *uri = NULL;
    int rc = tarn_conn_refresh(c, err);

    *out = NULL;
    if (rc == TARN_OK) rc = tarn_conn_attach(c, err);
    if (rc == TARN_OK) rc = lake_uri(c, &uri, err);
    if (rc) return rc;
    if (!c->lake || strcmp(c->lake_from, uri) != 0) {
        rc = tarn_db_open_lake(c->shared, uri, create, &lake, &why);
        if (rc == TARN_ENOTFOUND && !create && rows_wait(c)) {
            tarn_err_clear(&why);
            rc = tarn_db_open_lake(c->shared, uri, 1, &lake, &why);
        }
        if (rc == TARN_OK) {
            tarn_lake_free(c->lake);
            tarn_free(c->lake_from);
            c->lake = lake;
            c->lake_from = uri;
            uri = NULL;
        }
    }
    tarn_free(uri);
    if (rc == TARN_ENOTFOUND && !create && !c->opened) return TARN_OK; /* nothing written yet */
    if (rc) return tarn_err_set(err, rc, "%s", why.msg);
    *out = c->lake;
    return TARN_OK;
}

int tarn_conn_flush(struct tarn_conn *c, int64_t *events, struct tarn_err *err) {
    struct tarn_err why = {0};
    sqlite3 *source = NULL;
    int other = 0;
    int rc = prepare(c, &other, &why);

    if (events) *events = 0;
    if (rc && !other) return tarn_err_set(err, rc, "%s", why.msg);
    if (!tarn_db_is_memory(c->shared) && tarn_outbox_exists(c->db)) source = c->db;
    return tarn_flusher_run(c->shared, source, source ? &c->txn->outbox : NULL, events, err);
}
