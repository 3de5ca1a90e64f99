/* tracking.c: see tracking.h. Everything happens inside one savepoint: it is there as a whole, or not. */
#include "tracking.h"

#include <jansson.h>
#include <string.h>

#include "capture_impl.h"
#include "chain_entry.h"
#include "db.h"
#include "manifest.h"
#include "mem.h"
#include "payload.h"
#include "track_options.h"
#include "txn_impl.h"

#define OUTBOX_ROOM ((size_t)1 << 20)

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS main._tarn_collections("
    "id INTEGER PRIMARY KEY, \"table\" TEXT NOT NULL, namespace TEXT NOT NULL, "
    "collection TEXT NOT NULL, options TEXT NOT NULL, epoch INTEGER NOT NULL, sql TEXT NOT NULL, "
    "root INTEGER NOT NULL, state TEXT NOT NULL, gap TEXT, gapSince TEXT)";

static int run(struct tarn_conn *c, const char *sql, struct tarn_err *err) {
    int sq = sqlite3_exec(c->db, sql, NULL, NULL, NULL);

    return tarn_err_sqlite(err, c->db, sq, "tracking a table");
}

/* The file's name without its folder and its last extension. */
static char *stem(const char *path) {
    const char *slash = path ? strrchr(path, '/') : NULL;
    const char *name = slash ? slash + 1 : path;
    const char *dot = name ? strrchr(name, '.') : NULL;

    if (!name || !*name) return tarn_strdup("main");
    return tarn_strndup(name, dot && dot > name ? (size_t)(dot - name) : strlen(name));
}

int tarn_cdc_namespace(struct tarn_conn *c, char **out, struct tarn_err *err) {
    const char *set = tarn_settings_text(&c->settings, TARN_SET_CDC_NAMESPACE);

    *out = NULL;
    if (!*set) set = tarn_settings_text(&c->settings, TARN_SET_NAMESPACE);
    *out = *set ? tarn_strdup(set) : stem(tarn_db_file(c->db));
    if (!*out) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    return tarn_collection_check(*out, "cdcNamespace", err);
}

struct place {
    char *namespace_, *collection;
};

static void release_place(struct place *p) {
    tarn_free(p->namespace_);
    tarn_free(p->collection);
}

static int find_place(struct tarn_conn *c, const struct tarn_shape *s,
                      const struct tarn_track_options *o, struct place *out, struct tarn_err *err) {
    int rc = TARN_OK;

    memset(out, 0, sizeof *out);
    if (o->namespace_) {
        out->namespace_ = tarn_strdup(o->namespace_);
    } else {
        rc = tarn_cdc_namespace(c, &out->namespace_, err);
    }
    out->collection = tarn_strdup(o->collection ? o->collection : s->table);
    if (rc == TARN_OK && (!out->namespace_ || !out->collection)) {
        rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
    }
    if (rc == TARN_OK) {
        rc = tarn_collection_check(out->collection,
                                   "the table's name, which a collection gets (option "
                                   "collection gives another one)",
                                   err);
    }
    if (rc) release_place(out);
    return rc;
}

/* Another table may have the name already. */
static int check_place(struct tarn_conn *c, const struct place *p, const char *table,
                       struct tarn_err *err) {
    sqlite3_stmt *stmt = NULL;
    int sq =
        sqlite3_prepare_v2(c->db,
                           "SELECT \"table\" FROM main._tarn_collections WHERE namespace = ?1 "
                           "AND collection = ?2 AND \"table\" <> ?3 COLLATE NOCASE AND state <> "
                           "'untracked'",
                           -1, &stmt, NULL);
    int rc = TARN_OK;

    if (sq == SQLITE_OK) sq = sqlite3_bind_text(stmt, 1, p->namespace_, -1, SQLITE_STATIC);
    if (sq == SQLITE_OK) sq = sqlite3_bind_text(stmt, 2, p->collection, -1, SQLITE_STATIC);
    if (sq == SQLITE_OK) sq = sqlite3_bind_text(stmt, 3, table, -1, SQLITE_STATIC);
    if (sq == SQLITE_OK) sq = sqlite3_step(stmt);
    if (sq == SQLITE_ROW) {
        rc = tarn_err_set(
            err, TARN_EEXIST,
            "the collection %.60s/%.100s is that of table %.100s: option collection gives "
            "this table another one",
            p->namespace_, p->collection, (const char *)sqlite3_column_text(stmt, 0));
    } else if (sq != SQLITE_DONE) {
        rc = tarn_err_sqlite(err, c->db, sq, "reading the tracked tables");
    }
    (void)sqlite3_finalize(stmt);
    return rc;
}

static json_t *options_object(const char *text) {
    json_error_t fault;

    return text && *text ? json_loads(text, 0, &fault) : json_object();
}

/* Is it tracked as it is asked for? An application that says so at every start begins nothing anew. */
static int is_tracked(struct tarn_conn *c, const struct tarn_shape *s, const struct place *p,
                      const char *options, int *yes, struct tarn_err *err) {
    sqlite3_stmt *stmt = NULL;
    int sq = sqlite3_prepare_v2(c->db,
                                "SELECT options FROM main._tarn_collections WHERE \"table\" = ?1 "
                                "COLLATE NOCASE AND namespace = ?2 AND collection = ?3 AND state = "
                                "'tracked'",
                                -1, &stmt, NULL);

    *yes = 0;
    if (sq == SQLITE_OK) sq = sqlite3_bind_text(stmt, 1, s->table, -1, SQLITE_STATIC);
    if (sq == SQLITE_OK) sq = sqlite3_bind_text(stmt, 2, p->namespace_, -1, SQLITE_STATIC);
    if (sq == SQLITE_OK) sq = sqlite3_bind_text(stmt, 3, p->collection, -1, SQLITE_STATIC);
    if (sq == SQLITE_OK && sqlite3_step(stmt) == SQLITE_ROW) {
        json_t *have = options_object((const char *)sqlite3_column_text(stmt, 0));
        json_t *want = options_object(options);

        *yes = have && want && json_equal(have, want);
        json_decref(have);
        json_decref(want);
    }
    if (stmt) sq = sqlite3_finalize(stmt);
    return tarn_err_sqlite(err, c->db, sq, "reading the tracked tables");
}

/* The row of the registry, new or again; *id is its number. An earlier one of the same place goes on with
** the next epoch. */
static int store_row(struct tarn_conn *c, const struct tarn_shape *s, const struct place *p,
                     const char *options, int64_t *id, struct tarn_err *err) {
    static const char *const sql[] = {
        "INSERT INTO main._tarn_collections(\"table\", namespace, collection, options, epoch, sql, "
        "root, state) SELECT ?1, ?2, ?3, ?4, coalesce(max(epoch), 0) + 1, ?5, ?6, 'tracked' FROM "
        "main._tarn_collections WHERE namespace = ?2 AND collection = ?3",
        "DELETE FROM main._tarn_collections WHERE (namespace = ?2 AND collection = ?3 OR \"table\" "
        "= ?1 "
        "COLLATE NOCASE) AND id <> (SELECT max(id) FROM main._tarn_collections)"};
    int sq = SQLITE_OK;
    size_t i;

    for (i = 0; i < 2 && sq == SQLITE_OK; i++) {
        sqlite3_stmt *stmt = NULL;

        sq = sqlite3_prepare_v2(c->db, sql[i], -1, &stmt, NULL);
        if (sq == SQLITE_OK) sq = sqlite3_bind_text(stmt, 1, s->table, -1, SQLITE_STATIC);
        if (sq == SQLITE_OK) sq = sqlite3_bind_text(stmt, 2, p->namespace_, -1, SQLITE_STATIC);
        if (sq == SQLITE_OK) sq = sqlite3_bind_text(stmt, 3, p->collection, -1, SQLITE_STATIC);
        if (i == 0) {
            (void)sqlite3_bind_text(stmt, 4, options ? options : "", -1, SQLITE_STATIC);
            (void)sqlite3_bind_text(stmt, 5, s->sql, -1, SQLITE_STATIC);
            (void)sqlite3_bind_int64(stmt, 6, s->root);
        }
        if (sq == SQLITE_OK) (void)sqlite3_step(stmt);
        sq = stmt ? sqlite3_finalize(stmt) : sq;
        if (i == 0) *id = sqlite3_last_insert_rowid(c->db);
    }
    return tarn_err_sqlite(err, c->db, sq, "writing the tracked tables");
}

/* Moves the schema cookie, so that every other connection looks at the registry. */
static int tell_others(struct tarn_conn *c, struct tarn_err *err) {
    return run(c,
               "CREATE TABLE main._tarn_moved(x);"
               "DROP TABLE main._tarn_moved",
               err);
}

static char *track_entry(const struct tarn_collection *t, const char *digest, uint64_t rows) {
    json_t *o = json_pack("{s:s, s:I, s:s, s:s, s:{s:I, s:s}}", "entry", "track", "epoch",
                          (json_int_t)t->epoch, "table", t->table, "create", t->shape.sql, "base",
                          "rows", (json_int_t)rows, "sha256", digest);
    json_error_t fault;
    json_t *options = *t->options ? json_loads(t->options, 0, &fault) : NULL;

    if (o && options) (void)json_object_set(o, "options", options);
    json_decref(options);
    return tarn_chain_entry_text(o);
}

static int begin_tracking(struct tarn_conn *c, int64_t id, struct tarn_err *err) {
    struct tarn_buf record = TARN_BUF_INIT((size_t)64 << 10);
    struct tarn_collection *t = NULL;
    char digest[65];
    char *entry = NULL;
    uint64_t rows = 0;
    size_t i;
    int rc = tarn_capture_join(c, err);

    for (i = 0; rc == TARN_OK && i < c->capture->n_collections; i++) {
        if (c->capture->collections[i].id == id) t = &c->capture->collections[i];
    }
    if (rc == TARN_OK && !t) rc = tarn_err_set(err, TARN_EIO, "the table can't be tracked");
    if (rc == TARN_OK) rc = tarn_base_write(c, t, &record, digest, &rows, err);
    if (rc == TARN_OK && record.len) rc = tarn_txn_base(c, record.data, record.len, err);
    if (rc == TARN_OK) {
        entry = track_entry(t, digest, rows);
        rc = entry ? tarn_capture_entry(c, id, entry, err)
                   : tarn_err_set(err, TARN_ENOMEM, "out of memory");
    }
    tarn_free(entry);
    tarn_buf_release(&record);
    return rc;
}

/* Room in the outbox for what is to come: when it has to grow in a commit, sqlite3_total_changes and the
** update hook tell the application. If that can't be had now, the commit will ask for it. */
static void make_room(struct tarn_conn *c) {
    struct tarn_position position;

    if (!sqlite3_get_autocommit(c->db) || tarn_db_is_memory(c->shared)) return;
    tarn_db_settled(c->shared, &position);
    (void)tarn_outbox_reserve(&c->txn->outbox, c->db, OUTBOX_ROOM, position.collected, NULL);
}

/* The folder may be another database's: better told now than when something has to be delivered. */
static int check_owner(struct tarn_conn *c, const struct place *p, struct tarn_err *err) {
    struct tarn_buf name = TARN_BUF_INIT(TARN_NAME_ROOT_MAX);
    struct tarn_lake *lake = NULL;
    char id[17], unused[128];
    int rc = TARN_OK;

    if (tarn_conn_lake(c, 0, &lake, NULL) || !lake)
        return TARN_OK; /* none yet, or not in reach now */
    tarn_db_identity(c->shared, id, unused);
    tarn_collection_name(&name, p->namespace_, p->collection);
    rc = name.rc ? tarn_err_set(err, name.rc, "out of memory")
                 : tarn_manifest_check(tarn_lake_store(lake),
                                       (struct tarn_slice){name.data, name.len - 1}, id, err);
    tarn_buf_release(&name);
    return rc;
}

static int track_inside(struct tarn_conn *c, const char *table, const char *options,
                        const struct tarn_track_options *o, char **name, struct tarn_err *err) {
    struct tarn_buf full = TARN_BUF_INIT(TARN_NAME_ROOT_MAX);
    struct place place = {NULL, NULL};
    struct tarn_shape shape;
    int64_t rowid = sqlite3_last_insert_rowid(c->db);
    int64_t id = 0;
    int tracked = 0;
    int rc =
        tarn_shape_read(&shape, c->db, table, (const char *const *)o->left_out, o->n_left_out, err);

    if (rc) return rc;
    if (sqlite3_strnicmp(shape.table, "_tarn_", 6) == 0 ||
        sqlite3_strnicmp(shape.table, "sqlite_", 7) == 0) {
        rc = tarn_err_set(err, TARN_EINVAL, "%.100s is not a table of the application", table);
    }
    if (rc == TARN_OK) rc = run(c, schema, err);
    if (rc == TARN_OK) rc = find_place(c, &shape, o, &place, err);
    if (rc == TARN_OK) rc = check_place(c, &place, shape.table, err);
    if (rc == TARN_OK) rc = check_owner(c, &place, err);
    if (rc == TARN_OK) rc = is_tracked(c, &shape, &place, options, &tracked, err);
    if (rc == TARN_OK && !tracked) {
        rc = store_row(c, &shape, &place, options, &id, err);
        sqlite3_set_last_insert_rowid(c->db, rowid);
        if (rc == TARN_OK) rc = tell_others(c, err);
        if (rc == TARN_OK) rc = begin_tracking(c, id, err);
    }
    if (rc == TARN_OK) {
        tarn_collection_name(&full, place.namespace_, place.collection);
        *name = tarn_buf_steal(&full, NULL);
        if (!*name) rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
    }
    release_place(&place);
    tarn_shape_release(&shape);
    return rc;
}

/* Runs `work` inside a savepoint of its own. */
static int inside(struct tarn_conn *c, int begun, struct tarn_err *work, struct tarn_err *err) {
    if (begun && work->code) {
        (void)sqlite3_exec(c->db, "ROLLBACK TO _tarn_track; RELEASE _tarn_track", NULL, NULL, NULL);
    } else if (begun) {
        int sq = sqlite3_exec(c->db, "RELEASE _tarn_track", NULL, NULL, NULL);

        if (sq) {
            (void)tarn_err_sqlite(work, c->db, sq, "committing");
            (void)sqlite3_exec(c->db, "ROLLBACK TO _tarn_track; RELEASE _tarn_track", NULL, NULL,
                               NULL);
        }
    }
    return work->code ? tarn_err_set(err, work->code, "%s", work->msg) : TARN_OK;
}

int tarn_cdc_track(struct tarn_conn *c, const char *table, const char *options, char **name,
                   struct tarn_err *err) {
    struct tarn_track_options o;
    struct tarn_err why = {0};
    int begun = 0;
    int rc = tarn_track_options_read(&o, options, err);

    *name = NULL;
    if (rc) return rc;
    rc = tarn_conn_refresh(c, err);
    if (rc == TARN_OK) rc = tarn_capture_arm(c, err);
    if (rc == TARN_OK) {
        tarn_capture_arm_others(c);
        (void)run(c, "SAVEPOINT _tarn_track", &why);
        begun = why.code == 0;
        if (begun) (void)track_inside(c, table, options, &o, name, &why);
        rc = inside(c, begun, &why, err);
    }
    if (rc == TARN_OK) make_room(c);
    tarn_track_options_release(&o);
    return rc;
}

static int untrack_inside(struct tarn_conn *c, const char *table, struct tarn_err *err) {
    struct tarn_collection *t = NULL;
    sqlite3_stmt *stmt = NULL;
    int sq;
    int rc = tarn_capture_join(c, err);

    if (rc == TARN_OK) t = tarn_capture_find(c, table);
    if (rc == TARN_OK && !t) {
        rc = tarn_err_set(err, TARN_ENOTFOUND,
                          "table %.100s is not tracked: tarn_collections lists "
                          "those that are",
                          table);
    }
    if (rc) return rc;
    rc = tarn_capture_entry(c, t->id, "{\"entry\":\"untrack\"}", err);
    if (rc) return rc;
    sq = sqlite3_prepare_v2(c->db,
                            "UPDATE main._tarn_collections SET state = 'untracked' WHERE id = ?1",
                            -1, &stmt, NULL);
    if (sq == SQLITE_OK) sq = sqlite3_bind_int64(stmt, 1, t->id);
    if (sq == SQLITE_OK) (void)sqlite3_step(stmt);
    if (stmt) sq = sqlite3_finalize(stmt);
    rc = tarn_err_sqlite(err, c->db, sq, "writing the tracked tables");
    return rc ? rc : tell_others(c, err);
}

int tarn_cdc_untrack(struct tarn_conn *c, const char *table, struct tarn_err *err) {
    struct tarn_err why = {0};
    int rc = tarn_conn_refresh(c, err);

    if (rc) return rc;
    if (!tarn_registry_exists(c->db)) {
        return tarn_err_set(err, TARN_ENOTFOUND, "table %.100s is not tracked: no table is", table);
    }
    rc = tarn_capture_arm(c, err);
    if (rc) return rc;
    if (run(c, "SAVEPOINT _tarn_track", &why)) return inside(c, 0, &why, err);
    (void)untrack_inside(c, table, &why);
    return inside(c, 1, &why, err);
}
