/* capture_session.c: what SQLite's own session extension, on the twin, says a commit has changed,
** against the net change of the replayed deltas.
**
** Sessions of the versions at hand report whole REALs as INTEGERs and take keys 1 and 1.0 for two, and
** see NULL in old rows where a column was added with a default. So numbers are compared by value, rows
** with such keys are left out, and a change of added columns alone may be missing.
*/
#define SQLITE_ENABLE_SESSION 1
#define SQLITE_ENABLE_PREUPDATE_HOOK 1

#include "capture_world.h"

void capture_session_end(struct capture_connection *c) {
    if (c->session) sqlite3session_delete(c->session);
    c->session = NULL;
}

void capture_session_begin(struct capture_connection *c) {
    capture_session_end(c);
    if (sqlite3session_create(c->twin, "main", &c->session) ||
        sqlite3session_attach(c->session, NULL))
        fail_msg("no session: %s", sqlite3_errmsg(c->twin));
}

int capture_session_used(struct capture_connection *c) {
    return !sqlite3session_isempty(c->session);
}

void capture_session_take(struct capture_world *w, struct capture_connection *c,
                          struct capture_bytes *out) {
    void *bytes = NULL;
    int n = 0;
    int rc = sqlite3session_changeset(c->session, &n, &bytes);

    if (rc) capture_fail(w, "sqlite3session_changeset: %d", rc);
    capture_add(out, bytes, (size_t)n);
    sqlite3_free(bytes);
}

struct change {
    int op;
    struct capture_bytes key;
    struct capture_bytes values; /* the new row's, tracked columns; 'U': not changed */
};

struct changes {
    struct change *rows;
    size_t n, cap;
};

/* Is the changeset's table, whatever it was renamed to, this one? */
static int is_table(const char *name, const struct capture_table *t) {
    size_t n = strlen(t->name);

    return strncmp(name, t->name, n) == 0 && (name[n] == 0 || strncmp(name + n, "_r", 2) == 0);
}

/* Which value of the changeset is tracked column i. Of the table with a left-out column that is
** never its last, the others move. */
static int place(const struct capture_table *t, int column) {
    return t->left_out && column >= 2 ? column + 1 : column;
}

/* Where a column stands among the lines of `names`. */
static int find_name(const struct capture_bytes *names, const char *name, size_t n) {
    const char *p = (const char *)names->p, *end = p + names->n;
    int i;

    for (i = 0; p < end; i++) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));

        if ((size_t)(stop - p) == n && memcmp(p, name, n) == 0) return i;
        p = stop + 1;
    }
    return -1;
}

static int count_names(const struct capture_bytes *names) {
    size_t i;
    int n = 0;

    for (i = 0; i < names->n; i++)
        n += names->p[i] == '\n';
    return n;
}

/* The key's columns are listed in key_sql. */
static void take_key(const struct capture_table *t, const struct capture_bytes *names, int op,
                     sqlite3_changeset_iter *it, struct capture_bytes *key) {
    const char *p = t->key_sql;

    while (*p) {
        size_t n = strcspn(p, ", ");
        int i = place(t, find_name(names, p, n));
        sqlite3_value *v = NULL;

        (void)(op == SQLITE_INSERT ? sqlite3changeset_new(it, i, &v)
                                   : sqlite3changeset_old(it, i, &v));
        capture_value(key, v);
        p += n;
        p += strspn(p, ", ");
    }
}

static void take_change(struct changes *out, const struct capture_table *t,
                        const struct capture_bytes *names, int op, sqlite3_changeset_iter *it) {
    struct change *c;
    int i, n = count_names(names);

    if (out->n == out->cap) {
        out->cap = out->cap * 2 + 16;
        out->rows = realloc(out->rows, out->cap * sizeof *out->rows);
        if (!out->rows) abort();
    }
    c = &out->rows[out->n++];
    memset(c, 0, sizeof *c);
    c->op = op;
    take_key(t, names, op, it, &c->key);
    for (i = 0; op != SQLITE_DELETE && i < n; i++) {
        sqlite3_value *v = NULL;

        (void)sqlite3changeset_new(it, place(t, i), &v);
        if (v) {
            capture_value(&c->values, v);
        } else {
            capture_add(&c->values, "U", 1);
        }
    }
}

static int same_key(const struct capture_bytes *a, const struct capture_bytes *b) {
    size_t i = 0, k = 0;

    while (i < a->n && k < b->n) {
        if (!capture_value_loose(a->p + i, b->p + k)) return 0;
        i += capture_value_size(a->p + i);
        k += capture_value_size(b->p + k);
    }
    return i == a->n && k == b->n;
}

static const struct capture_row *find_row(const struct capture_state *s,
                                          const struct capture_bytes *key) {
    size_t i;

    for (i = 0; i < s->n; i++) {
        if (same_key(&s->rows[i].key, key)) return &s->rows[i];
    }
    return NULL;
}

static int has_change(const struct changes *c, const struct capture_bytes *key) {
    size_t i;

    for (i = 0; i < c->n; i++) {
        if (same_key(&c->rows[i].key, key)) return 1;
    }
    return 0;
}

/* Does the row hold what the change says, where it says anything? */
static int holds(const struct capture_row *row, const struct change *c) {
    size_t i = 0, k = 0;

    while (i < c->values.n && k < row->values.n) {
        size_t n = c->values.p[i] == 'U' ? 1 : capture_value_size(c->values.p + i);

        if (c->values.p[i] != 'U' && !capture_value_loose(c->values.p + i, row->values.p + k))
            return 0;
        i += n;
        k += capture_value_size(row->values.p + k);
    }
    return i == c->values.n && k == row->values.n;
}

static const char *wrong(const struct change *c, const struct capture_state *before,
                         const struct capture_state *after) {
    const struct capture_row *was = find_row(before, &c->key);
    const struct capture_row *is = find_row(after, &c->key);

    if (c->op == SQLITE_INSERT) {
        if (was) return "insert, and it was there";
        return is && holds(is, c) ? NULL : "insert, and it is not there, or another";
    }
    if (c->op == SQLITE_DELETE) {
        if (!was) return "delete, and it was not there";
        return is ? "delete, and it is there" : NULL;
    }
    if (!was || !is) return "update, and the row is not there";
    return holds(is, c) ? NULL : "update, and the row is another";
}

/* A number that an INTEGER and a REAL can both be, where the key's columns keep both. */
static int ambiguous(const struct capture_table *t, const struct capture_bytes *key) {
    size_t i;

    for (i = 0; (t->key_kind == 'k' || t->key_kind == 'p') && i < key->n;
         i += capture_value_size(key->p + i)) {
        double real = 0;

        if (key->p[i] == 'I') return 1;
        if (key->p[i] != 'R') continue;
        memcpy(&real, key->p + i + 1, sizeof real);
        if (real >= -9.3e18 && real <= 9.3e18 && (double)(int64_t)real == real) return 1;
    }
    return 0;
}

/* Is anything of the row different, beyond 2 and 2.0, in a column that was there from the beginning? */
static int differs(const struct capture_row *row, const struct capture_state *other) {
    const struct capture_row *o = find_row(other, &row->key);
    const char *name = (const char *)other->names.p;
    size_t i = 0, k = 0;

    if (!o) return 1;
    while (i < row->values.n && k < o->values.n) {
        int added = name[0] == 'x' && name[1] >= '0' && name[1] <= '9';

        if (!added && !capture_value_loose(row->values.p + i, o->values.p + k)) return 1;
        i += capture_value_size(row->values.p + i);
        k += capture_value_size(o->values.p + k);
        name = strchr(name, '\n') + 1;
    }
    return 0;
}

static void complain(struct capture_world *w, const struct capture_commit *commit, int t,
                     const struct capture_bytes *key, const char *what,
                     const struct capture_state *before, const struct capture_state *after) {
    (void)fprintf(stderr, "  key:");
    capture_print_values(stderr, key);
    (void)fprintf(stderr, "\n");
    capture_state_diff(stderr, "before", before, "after", after);
    capture_fail(w, "%s, bookmark %s: the session says %s", capture_tables[t].name,
                 commit->bookmark, what);
}

static void read_changes(struct capture_world *w, const struct capture_commit *commit, int t,
                         struct changes *all) {
    sqlite3_changeset_iter *it = NULL;
    int rc = sqlite3changeset_start(&it, (int)commit->changes.n, commit->changes.p);

    while (rc == SQLITE_OK && (rc = sqlite3changeset_next(it)) == SQLITE_ROW) {
        const char *name = NULL;
        int columns = 0, op = 0, indirect = 0;

        (void)sqlite3changeset_op(it, &name, &columns, &op, &indirect);
        if (is_table(name, &capture_tables[t]))
            take_change(all, &capture_tables[t], &commit->live[t].names, op, it);
        rc = SQLITE_OK;
    }
    if (rc != SQLITE_DONE) capture_fail(w, "changeset: %d", rc);
    (void)sqlite3changeset_finalize(it);
}

void capture_session_compare(struct capture_world *w, const struct capture_commit *commit, int t,
                             const struct capture_state *before,
                             const struct capture_state *after) {
    const struct capture_table *table = &capture_tables[t];
    struct changes all = {0};
    size_t i;

    read_changes(w, commit, t, &all);
    for (i = 0; i < all.n; i++) {
        const char *what = wrong(&all.rows[i], before, after);

        if (what && !ambiguous(table, &all.rows[i].key))
            complain(w, commit, t, &all.rows[i].key, what, before, after);
    }
    for (i = 0; i < before->n; i++) {
        const struct capture_row *row = &before->rows[i];

        if (differs(row, after) && !has_change(&all, &row->key) && !ambiguous(table, &row->key))
            complain(w, commit, t, &row->key, "nothing of it", before, after);
    }
    for (i = 0; i < after->n; i++) {
        const struct capture_row *row = &after->rows[i];

        if (!find_row(before, &row->key) && !has_change(&all, &row->key) &&
            !ambiguous(table, &row->key))
            complain(w, commit, t, &row->key, "nothing of it", before, after);
    }
    for (i = 0; i < all.n; i++) {
        capture_free(&all.rows[i].key);
        capture_free(&all.rows[i].values);
    }
    free(all.rows);
}
