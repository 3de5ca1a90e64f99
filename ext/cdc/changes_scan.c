/* changes_scan.c: the scan of changes: units put in order, one open at a time, and what happens when a
** file is gone. See changes_scan.h.
*/
#include "changes_scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "changes_impl.h"
#include "conn.h"
#include "mem.h"

#define RESTARTS 5
#define ROWS_PER_POLL 1000
#define NO_UNIT ((size_t)-1)

enum { BETWEEN, IN_FILE, IN_COMMIT };

static int no_memory(struct tarn_err *err) {
    return tarn_err_set(err, TARN_ENOMEM, "out of memory");
}

int tarn_changes_poll(struct tarn_changes_scan *s, struct tarn_err *err) {
    if (!s->spec.interrupted || !s->spec.interrupted(s->spec.interrupted_arg)) return TARN_OK;
    return tarn_err_set(err, TARN_EINTR, "interrupted");
}

static void close_unit(struct tarn_changes_scan *s) {
    tarn_changes_reader_close(&s->reader);
    tarn_changes_pending_close(&s->pending);
    s->on = BETWEEN;
}

static void forget(struct tarn_changes_scan *s) {
    close_unit(s);
    tarn_changes_list_free(s->list);
    tarn_waiting_free(s->waiting);
    tarn_lake_free(s->lake);
    tarn_free(s->timelines);
    tarn_free(s->delivered);
    tarn_free(s->units);
    s->list = NULL;
    s->waiting = NULL;
    s->lake = NULL;
    s->timelines = NULL;
    s->delivered = NULL;
    s->units = NULL;
    s->n_units = s->unit = 0;
    s->has_last = 0;
}

void tarn_changes_free(struct tarn_changes_scan *s) {
    if (!s) return;
    forget(s);
    tarn_arena_release(&s->plan);
    tarn_buf_release(&s->last);
    tarn_free(s);
}

/* Can the rows of a commit that waits satisfy the predicates? */
static int unit_matches(const struct tarn_changes_scan *s, size_t unit) {
    const struct tarn_waiting_unit *u = &s->waiting->units[unit];
    char bookmark[TARN_BOOKMARK + 1];
    char ts[TARN_TIME_LEN + 2];
    int i;

    if (s->delivered[unit]) return 0;
    if (u->sequence == 0 && s->spec.own) return 1;
    tarn_bookmark_text(bookmark, s->timelines[unit], u->sequence, u->time, u->digest);
    tarn_time_iso(u->time, ts);
    for (i = 0; s->spec.pushdown && i < s->spec.n_predicates; i++) {
        const struct tarn_predicate *p = &s->spec.predicates[i];
        int is_ts = p->column == TARN_CHANGES_TS;
        struct tarn_slice text = {(const uint8_t *)(is_ts ? ts : bookmark),
                                  is_ts ? strlen(ts) : TARN_BOOKMARK};

        if (!is_ts && p->column != TARN_CHANGES_BOOKMARK) continue;
        if (u->sequence == 0 || !tarn_changes_matches(p, text)) return 0;
    }
    return 1;
}

/* Files that a predicate excludes by their names are counted and left out. */
static int file_matches(struct tarn_changes_scan *s, const struct tarn_changes_file *f) {
    int i;

    for (i = 0; s->spec.pushdown && i < s->spec.n_predicates; i++) {
        if (!tarn_changes_excludes(f, &s->spec.predicates[i])) continue;
        s->stats.pruned_name++;
        return 0;
    }
    return 1;
}

static int by_place(const void *a, const void *b) {
    const struct tarn_changes_unit *x = a;
    const struct tarn_changes_unit *y = b;

    if (x->timeline != y->timeline) return x->timeline < y->timeline ? -1 : 1;
    if (x->place != y->place) return x->place < y->place ? -1 : 1;
    if (x->waits != y->waits) return x->waits - y->waits;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* The order of rows: see changes_scan.h; the open transaction's are NULL in an order of bookmarks. */
static int order_units(struct tarn_changes_scan *s, struct tarn_err *err) {
    size_t files = s->list ? s->list->n : 0;
    size_t own = NO_UNIT;
    size_t i;

    s->units = tarn_reallocarray(NULL, files + s->waiting->n + 1, sizeof *s->units);
    if (!s->units) return no_memory(err);
    for (i = 0; i < files; i++) {
        const struct tarn_changes_file *f = &s->list->files[i];

        if (f->aborted || !file_matches(s, f)) {
            s->stats.aborted += f->aborted != 0;
            continue;
        }
        s->units[s->n_units++] = (struct tarn_changes_unit){0, i, f->timeline, f->first};
    }
    s->stats.files += s->n_units;
    for (i = 0; i < s->waiting->n; i++) {
        uint64_t sequence = s->waiting->units[i].sequence;

        if (sequence == 0) own = i;
        if (sequence == 0 || !unit_matches(s, i)) continue;
        s->units[s->n_units++] = (struct tarn_changes_unit){1, i, s->timelines[i], sequence};
    }
    if (s->n_units) qsort(s->units, s->n_units, sizeof *s->units, by_place);
    if (s->spec.descending) {
        for (i = 0; i < s->n_units / 2; i++) {
            struct tarn_changes_unit swap = s->units[i];

            s->units[i] = s->units[s->n_units - 1 - i];
            s->units[s->n_units - 1 - i] = swap;
        }
    }
    if (own == NO_UNIT || !unit_matches(s, own)) return TARN_OK;
    i = s->spec.ordered && !s->spec.descending ? 0 : s->n_units;
    if (i < s->n_units) memmove(s->units + 1, s->units, s->n_units * sizeof *s->units);
    s->units[i] = (struct tarn_changes_unit){1, own, 0, UINT64_MAX};
    s->n_units++;
    return TARN_OK;
}

/* In this order: see pending.h. */
static int look(struct tarn_changes_scan *s, struct tarn_err *err) {
    struct tarn_lake *lake = NULL;
    int rc = tarn_waiting_open(&s->waiting, s->spec.conn, s->spec.collection, err);

    if (rc == TARN_OK) rc = tarn_conn_lake(s->spec.conn, 0, &lake, err);
    if (rc == TARN_OK && lake) {
        s->lake = tarn_lake_ref(lake);
        rc = tarn_changes_list(&s->list, tarn_lake_store(lake), s->spec.collection, err);
        if (rc == TARN_OK) s->stats.listed += s->list->listed;
    }
    if (rc) return rc;
    s->timelines = tarn_calloc(s->waiting->n + 1, sizeof *s->timelines);
    s->delivered = tarn_calloc(s->waiting->n + 1, 1);
    if (!s->timelines || !s->delivered) return no_memory(err);
    rc = tarn_changes_settle(s, err);
    return rc ? rc : order_units(s, err);
}

/* Everything anew, as long as files go away between the listing and a look at them. */
static int look_until(struct tarn_changes_scan *s, struct tarn_err *err) {
    for (;;) {
        struct tarn_err why = {0};
        int rc = look(s, &why);

        if (rc == TARN_OK) return TARN_OK;
        if (rc != TARN_ENOTFOUND || !s->list || ++s->restarts > RESTARTS) {
            return tarn_err_set(err, rc, "%s", why.msg);
        }
        forget(s);
    }
}

static int copy_plan(struct tarn_changes_scan *s, struct tarn_err *err) {
    struct tarn_predicate *p =
        tarn_arena_calloc(&s->plan, (size_t)s->spec.n_predicates + 1, sizeof *p);
    int i;

    s->spec.collection =
        tarn_arena_strndup(&s->plan, s->spec.collection, strlen(s->spec.collection));
    for (i = 0; p && i < s->spec.n_predicates; i++) {
        const struct tarn_predicate *from = &s->spec.predicates[i];
        struct tarn_const *list = tarn_arena_calloc(&s->plan, from->n + 1, sizeof *list);
        char digits[24];
        uint32_t k;

        p[i] = *from;
        p[i].constants = list;
        for (k = 0; list && k < from->n; k++) {
            struct tarn_slice bytes = from->constants[k].bytes;

            list[k] = from->constants[k];
            if (list[k].kind == TARN_CONST_INT) { /* as pk has it; see start_file */
                snprintf(digits, sizeof digits, "%" PRId64, list[k].i);
                bytes = (struct tarn_slice){(const uint8_t *)digits, strlen(digits)};
                list[k].bytes.len = bytes.len;
            }
            list[k].bytes.data =
                tarn_arena_memdup(&s->plan, bytes.len ? bytes.data : NULL, bytes.len);
        }
    }
    s->spec.predicates = p;
    return s->plan.rc ? no_memory(err) : TARN_OK;
}

int tarn_changes_open(struct tarn_changes_scan **out, const struct tarn_changes_spec *spec,
                      struct tarn_err *err) {
    struct tarn_changes_scan *s = tarn_calloc(1, sizeof *s);
    int rc;

    *out = s;
    if (!s) return no_memory(err);
    s->spec = *spec;
    s->budget.limit = spec->memory_budget;
    tarn_buf_init(&s->last, (size_t)1 << 30);
    tarn_arena_init(&s->plan, NULL);
    rc = copy_plan(s, err);
    return rc ? rc : look_until(s, err);
}

/* The predicates that a file's reader gets. With positions counted, only those that keep or drop a
** bookmark as a whole. */
static int start_file(struct tarn_changes_scan *s, struct tarn_err *err) {
    struct tarn_predicate *p = tarn_calloc((size_t)s->spec.n_predicates + 1, sizeof *p);
    uint32_t columns = s->spec.columns;
    int seq = (columns & 1u << TARN_CHANGES_SEQ) != 0;
    struct tarn_const
        integer; /* two of them are the same one, or no row matches: the last will do */
    int canonical;
    int n = 0;
    int rc;
    int i;

    if (!p) return no_memory(err);
    canonical = tarn_pq_footer_kv(s->reader.footer, "tarn.ranges") != NULL;
    for (i = 0; s->spec.pushdown && i < s->spec.n_predicates; i++) {
        int column = s->spec.predicates[i].column;

        if (seq && column != TARN_CHANGES_BOOKMARK) continue;
        if (column == TARN_CHANGES_TS && !canonical) continue; /* who knows how it is written */
        if (s->spec.predicates[i].constants->kind == TARN_CONST_INT &&
            !tarn_changes_integer_key(s->reader.footer)) {
            continue;
        }
        p[n] = s->spec.predicates[i];
        if (p[n].constants->kind == TARN_CONST_INT) {
            integer = *p[n].constants;
            integer.kind = TARN_CONST_BYTES;
            p[n].constants = &integer;
        }
        n++;
    }
    if (seq || s->spec.ordered) columns |= 1u << TARN_CHANGES_BOOKMARK;
    rc = tarn_changes_reader_start(&s->reader, s, columns, p, n, err);
    tarn_free(p);
    return rc;
}

/* Can a row group be left over? */
static int may_match(const struct tarn_changes_scan *s) {
    int g;

    for (g = 0; g < s->reader.footer->n_row_groups; g++) {
        if (!s->spec.pushdown || !tarn_pq_scan_excludes(s->reader.pq, g)) return 1;
    }
    return 0;
}

static int open_file(struct tarn_changes_scan *s, struct tarn_changes_file *f,
                     struct tarn_err *err) {
    int rc = tarn_changes_reader_footer(&s->reader, s, f, err);

    if (rc == TARN_OK) rc = tarn_changes_check_entry(s, f, s->reader.footer, err);
    if (rc) return rc;
    s->on = IN_FILE;
    if (f->aborted) {
        s->stats.aborted++;
        close_unit(s);
        return TARN_OK;
    }
    s->stats.opened++;
    rc = start_file(s, err);
    if (rc == TARN_OK && !may_match(s)) {
        s->stats.pruned_file++;
        close_unit(s);
    }
    return rc;
}

static int open_next(struct tarn_changes_scan *s, struct tarn_err *err) {
    const struct tarn_changes_unit *u = &s->units[s->unit++];
    int rc;

    if (!u->waits) return open_file(s, &s->list->files[u->index], err);
    rc = tarn_changes_pending_open(&s->pending, s, u->index, err);
    s->on = IN_COMMIT;
    return rc;
}

/* The open file is gone. It may have been archived: then it is found under the other folder, and read
** on from where it was. */
static int find_again(struct tarn_changes_scan *s, int *found, struct tarn_err *err) {
    struct tarn_changes_file *f = &s->list->files[s->units[s->unit - 1].index];
    struct tarn_changes_list *list = NULL;
    uint64_t skip = s->reader.returned;
    size_t i;
    int more = 1;
    int rc = tarn_changes_list(&list, tarn_lake_store(s->lake), s->spec.collection, err);

    *found = 0;
    for (i = 0; rc == TARN_OK && i < list->n && !*found; i++) {
        const struct tarn_object *o = &list->files[i].obj;
        const char *key = NULL;

        if (strcmp(list->files[i].name, f->name) != 0 || strcmp(o->key, f->obj.key) == 0) continue;
        *found = 1;
        close_unit(s);
        key = tarn_arena_strndup(&s->plan, o->key, strlen(o->key));
        if (!key) rc = no_memory(err);
        if (!key) break;
        f->obj = *o;
        f->obj.key = key;
        f->name = strrchr(key, '/') + 1;
    }
    tarn_changes_list_free(list);
    if (rc == TARN_OK && *found) rc = open_file(s, f, err);
    while (rc == TARN_OK && more && s->on == IN_FILE && s->reader.returned < skip)
        rc = tarn_changes_reader_next(&s->reader, s, &more, err);
    return rc;
}

static int step(struct tarn_changes_scan *s, int *more, struct tarn_err *err) {
    int rc;

    for (;;) {
        *more = 0;
        if (s->on == BETWEEN && s->unit == s->n_units) return TARN_OK;
        if (s->on == BETWEEN) {
            rc = open_next(s, err);
            if (rc) return rc;
            continue;
        }
        rc = s->on == IN_FILE ? tarn_changes_reader_next(&s->reader, s, more, err)
                              : tarn_changes_pending_next(&s->pending, more, err);
        if (rc) return rc;
        if (*more) {
            s->stats.waiting_rows += s->on == IN_COMMIT;
            return s->on == IN_COMMIT && ++s->ticks % ROWS_PER_POLL == 0 ? tarn_changes_poll(s, err)
                                                                         : TARN_OK;
        }
        close_unit(s);
    }
}

/* A fault of the unit at hand: gone, then it is looked for elsewhere; broken, then it may be passed
** over. 0: go on. */
static int recover(struct tarn_changes_scan *s, int rc, struct tarn_err *found,
                   struct tarn_err *err) {
    int in_file = s->unit > 0 && !s->units[s->unit - 1].waits;
    struct tarn_err why = {0};
    int again = 0;

    if (rc == TARN_ENOTFOUND && s->list && ++s->restarts <= RESTARTS) {
        if (in_file) {
            rc = find_again(s, &again, &why);
            if (rc == TARN_ENOTFOUND) return TARN_OK; /* the next step says so again */
            if (rc) return tarn_err_set(err, rc, "%s", why.msg);
            if (again) return TARN_OK;
        }
        if (s->rows == 0) {
            forget(s);
            return look_until(s, err);
        }
        return tarn_err_set(err, TARN_ENOTFOUND,
                            "%s: it was removed while the query read it: run it again", found->msg);
    }
    if (in_file && s->spec.skip_corrupt && (rc == TARN_ECORRUPT || rc == TARN_EUNSUPPORTED)) {
        s->stats.skipped_corrupt++;
        if (s->stats.first_skip.code == TARN_OK) s->stats.first_skip = *found;
        close_unit(s);
        return TARN_OK;
    }
    return tarn_err_set(err, rc, "%s", found->msg);
}

/* Position within the bookmark, and whether bookmarks ascend. */
static int note_row(struct tarn_changes_scan *s, struct tarn_err *err) {
    struct tarn_slice text;
    size_t n;
    int order;
    int rc = tarn_changes_text(s, TARN_CHANGES_BOOKMARK, &text, err);

    if (rc) return rc;
    n = text.len < s->last.len ? text.len : s->last.len;
    order = n ? memcmp(text.data, s->last.data, n) : 0;
    if (order == 0) order = (text.len > s->last.len) - (text.len < s->last.len);
    if (s->has_last && order == 0) {
        s->seq++;
        return TARN_OK;
    }
    if (s->has_last && s->spec.ordered && (order < 0) != (s->spec.descending != 0)) {
        return tarn_err_set(err, TARN_ECORRUPT,
                            "%s: row %llu: the bookmark %.*s is not in the order of its file's "
                            "neighbours",
                            s->on == IN_FILE ? s->reader.file->obj.key : "changes that wait",
                            (unsigned long long)s->reader.returned, (int)(n < 64 ? text.len : 64),
                            text.data ? (const char *)text.data : "");
    }
    s->has_last = 1;
    s->seq = 0;
    tarn_buf_clear(&s->last);
    tarn_buf_put(&s->last, text.data, text.len);
    return s->last.rc ? no_memory(err) : TARN_OK;
}

int tarn_changes_next(struct tarn_changes_scan *s, int *more, struct tarn_err *err) {
    int rc = TARN_OK;

    for (;;) {
        struct tarn_err why = {0};

        rc = step(s, more, &why);
        if (rc == TARN_OK) break;
        rc = recover(s, rc, &why, err);
        if (rc) return rc;
    }
    if (!*more) return TARN_OK;
    s->rows++;
    if (!s->spec.ordered && !(s->spec.columns & 1u << TARN_CHANGES_SEQ)) return TARN_OK;
    return note_row(s, err);
}

int tarn_changes_text(struct tarn_changes_scan *s, int column, struct tarn_slice *out,
                      struct tarn_err *err) {
    if (s->on == IN_COMMIT) return tarn_changes_pending_text(&s->pending, column, out, err);
    tarn_changes_reader_text(&s->reader, column, out);
    return TARN_OK;
}

uint64_t tarn_changes_seq(const struct tarn_changes_scan *s) {
    return s->seq;
}

const char *tarn_changes_filename(const struct tarn_changes_scan *s) {
    return s->on == IN_FILE ? s->reader.file->obj.key : NULL;
}

const struct tarn_changes_stats *tarn_changes_statistics(const struct tarn_changes_scan *s) {
    return &s->stats;
}
