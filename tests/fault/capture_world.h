/* capture_world.h: an application's database that is tracked, and its twin, which has no Tarn: every
** statement is executed on both and must do the same. What is committed is remembered, bookmark by
** bookmark, and compared with what the tables cdc_<collection> say.
**
**   statement ──┬─► real: Tarn captures ──► deltas ──► replayed: the state at every bookmark
**               │     `─► dump of the live tables, after each commit ─────────┴─ equal
**               └─► twin: session extension ──► changeset of each commit ──── the same net change
*/
#ifndef CAPTURE_WORLD_H
#define CAPTURE_WORLD_H

#include "capture_rows.h"
#include "fault_db.h"

#define CAPTURE_TABLES 12
#define CAPTURE_CONNECTIONS 3
#define CAPTURE_LOG 1000 /* statements that a failure shows */

struct capture_table {
    const char *name; /* the name it was made under; after RENAME TABLE {name}_r{n} */
    const char *create;
    const char *twin_create; /* NULL: the same; without what sessions can't follow */
    const char *options;     /* of tarn_track; NULL: not tracked */
    const char *collection;
    const char *left_out; /* a column, or NULL */
    const char *key_sql;
    int n_key;
    int key_kind; /* what keys look like: capture_steps.c */
    int text_key; /* one key column of TEXT affinity */
    int previous; /* trackPrevious */
    int session;  /* sessions see it: it has a declared key */
};

extern const struct capture_table capture_tables[CAPTURE_TABLES];
extern const char capture_triggers[];

struct capture_view { /* a table as a connection sees it */
    char name[64], columns[1024],
        tracked[1024];  /* those that can be written; each with a newline */
    sqlite3_stmt *dump; /* key and tracked columns of all rows */
};

struct capture_hook {
    uint64_t digest; /* of the application's tables */
    int own;         /* changes of tables of the extension: the README's limits name them */
};

struct capture_connection {
    sqlite3 *real, *twin;
    sqlite3_stmt *real_version, *twin_version; /* PRAGMA schema_version */
    int looked, version;                       /* `views` are of this version */
    struct capture_view views[CAPTURE_TABLES];
    struct sqlite3_session *session;
    sqlite3_stmt *real_reader, *twin_reader;  /* an open SELECT */
    struct capture_hook real_hook, twin_hook; /* what the update hooks were told */
    int own_seen;
    int real_total, twin_total; /* total_changes() when opened */
    int stale; /* it reads what was there before a commit that only Tarn had something to write in */
    int forgiven; /* changes() of both may differ until a statement sets it */
    sqlite3_stmt *bookmark, *hold;
    int settled, wrote; /* total_changes() when last settled; a blob was written since */
    int altered;        /* the open transaction has changed the schema */
};

struct capture_commit {
    char bookmark[64];
    struct capture_state live[CAPTURE_TABLES];
    struct capture_bytes changes; /* of the session: see capture_session.c */
    int compare;                  /* changes are all of this commit's */
};

struct capture_world {
    const char *variant; /* of the failing run, for its message */
    const char *setup;   /* PRAGMAs of every connection */
    uint64_t start, seed;
    long step, transactions; /* steps done, commits that changed something */
    char path[FAULT_PATH], twin_path[FAULT_PATH];
    int n_connections, in_background;
    struct capture_connection c[CAPTURE_CONNECTIONS];
    char bookmark[64];                             /* the last one */
    struct capture_state live[CAPTURE_TABLES];     /* at that bookmark */
    struct capture_state replayed[CAPTURE_TABLES]; /* from deltas, as far as they were read */
    struct capture_state base[CAPTURE_TABLES];     /* when tracking began */
    struct capture_commit *commits;                /* since they were last compared */
    size_t n_commits, cap_commits;
    char verified[64]; /* bookmark up to which they are */
    char *log[CAPTURE_LOG];
    unsigned long logged;
    long next_column, next_rename; /* numbers for new names */
    const char *at;                /* the bookmark that is being compared */
    long deltas;                   /* rows replayed */
    uint64_t delta_digest[CAPTURE_TABLES];
    int unsure; /* the next commit's session may lack changes */
};

uint32_t capture_rnd(struct capture_world *w, uint32_t n);
/* Prints what happened, the diff the caller has printed before it belongs to, and fails the test. */
void capture_fail(struct capture_world *w, const char *fmt, ...)
    __attribute__((format(printf, 2, 3), noreturn));
void capture_note(struct capture_world *w, int connection, int rc, const char *text);

/* Makes both databases, fills some tables, tracks them all. */
void capture_begin(struct capture_world *w);
void capture_connect(struct capture_world *w, int connection);
void capture_disconnect(struct capture_world *w, int connection);
/* On both; the same must come of it. Returns SQLite's code. */
int capture_run(struct capture_world *w, int connection, const char *sql);
/* After something that may have ended a transaction: notes the new bookmark and the live tables. */
void capture_settle(struct capture_world *w, int connection);
/* Brings the views up to date. 0, or SQLite's code: another connection is in the way. `both`: inside
** a transaction, where reading takes locks and snapshots, the twin must read too. */
int capture_look(struct capture_world *w, int connection, int both);
/* Replays what came since the last call and compares, bookmark by bookmark. */
void capture_verify(struct capture_world *w, int connection);
/* Fails unless both databases hold the same. */
void capture_compare_twins(struct capture_world *w, int connection);
/* Everything delivered, read by a new connection, replayed from the bases. Frees all. */
void capture_end(struct capture_world *w);

/* capture_session.c: the twin's changesets */
void capture_session_begin(struct capture_connection *c); /* anew, if it had begun */
void capture_session_end(struct capture_connection *c);
int capture_session_used(struct capture_connection *c); /* has it seen a change? */
/* Net changes since capture_session_begin, into `out`. */
void capture_session_take(struct capture_world *w, struct capture_connection *c,
                          struct capture_bytes *out);
/* Does the net change from `before` to `after` (of table t) equal the session's? */
void capture_session_compare(struct capture_world *w, const struct capture_commit *commit, int t,
                             const struct capture_state *before, const struct capture_state *after);

/* capture_steps.c: one random thing, or one random statement */
void capture_step(struct capture_world *w);

#endif
