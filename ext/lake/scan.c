/* scan.c: opens a scan, steps it, and reads the current row's columns.
**
**   pending rows' positions -> listing -> settle -> walk (any order) or order (by ts)
**        ^                                              |
**        '------ an object is gone, no row returned yet '
**
** The order of the first three is what makes every row appear exactly once (pending.h). The parts
** that read files are scan_file.c, scan_walk.c and scan_order.c; this one owns their state.
*/
#include "scan.h"

#include <math.h>
#include <string.h>

#include "mem.h"
#include "scan_impl.h"
#include "time.h"

#define MAX_RESTARTS 5

int tarn_scan_poll(struct tarn_scan *s, struct tarn_err *err) {
    s->ticks = 0;
    if (s->spec.interrupted && s->spec.interrupted(s->spec.interrupted_arg))
        return tarn_err_set(err, TARN_EINTR, "interrupted");
    return TARN_OK;
}

int tarn_scan_tick(struct tarn_scan *s, struct tarn_err *err) {
    return ++s->ticks < TARN_SCAN_ROWS_PER_POLL ? TARN_OK : tarn_scan_poll(s, err);
}

int tarn_scan_skips(struct tarn_scan *s, int rc, const struct tarn_err *found,
                    struct tarn_err *err) {
    if (!s->spec.skip_corrupt || (rc != TARN_ECORRUPT && rc != TARN_EUNSUPPORTED)) {
        tarn_err_set(err, rc, "%s", found->msg);
        return 0;
    }
    s->stats.skipped_corrupt++;
    if (s->stats.first_skip.code == TARN_OK) s->stats.first_skip = *found;
    return 1;
}

int tarn_scan_wants(const struct tarn_scan *s, const struct tarn_file *f) {
    if (f->state != TARN_FILE_LIVE) return 0;
    if (f->spool) /* pending rows: they have no key that could be asked for */
        return !s->spec.glob && !s->spec.filename;
    return !s->spec.filename || strcmp(s->spec.filename, f->obj.key) == 0;
}

uint32_t tarn_scan_event_columns(const struct tarn_scan *s) {
    uint32_t columns = s->spec.columns;
    int i;

    for (i = 0; i < s->match.n; i++)
        columns |= TARN_EV_BIT(s->match.predicates[i].column);
    return columns;
}

void tarn_scan_event_value(const struct tarn_event *ev, int column, struct tarn_scanned *out) {
    out->kind = TARN_SCANNED_NULL;
    if (!(ev->present & TARN_EV_BIT(column))) return;
    out->kind = TARN_SCANNED_INT;
    if (column == TARN_EV_TS) {
        out->i = ev->ts;
    } else if (column == TARN_EV_VERIFIED) {
        out->i = ev->verified != 0;
    } else if (column == TARN_EV_STATUS_CODE) {
        out->i = ev->status_code;
    } else if (column == TARN_EV_DURATION_MS) {
        out->r = ev->duration_ms;
        out->kind = isnan(out->r) ? TARN_SCANNED_NULL : TARN_SCANNED_REAL;
    } else {
        out->text = ev->text[column];
        out->kind = TARN_SCANNED_TEXT;
    }
}

int tarn_scan_event_matches(const struct tarn_scan *s, const struct tarn_event *ev) {
    struct tarn_scanned v;
    int i;

    for (i = 0; i < s->match.n; i++) {
        tarn_scan_event_value(ev, s->match.predicates[i].column, &v);
        if (!tarn_match_value(&s->match.predicates[i], &v)) return 0;
    }
    return 1;
}

int tarn_scan_pending_next(struct tarn_scan *s, struct tarn_event *ev, int *more,
                           struct tarn_err *err) {
    int rc;

    *more = 0;
    if (!s->pending) return TARN_OK;
    for (;;) {
        if ((rc = tarn_scan_tick(s, err)) != TARN_OK) return rc;
        rc = tarn_pending_next(s->pending, ev, more, err);
        if (rc != TARN_OK || !*more) return rc;
        s->stats.pending_rows++;
        if (tarn_scan_event_matches(s, ev)) return TARN_OK;
    }
}

static const char *keep_text(struct tarn_scan *s, const char *text) {
    return text ? tarn_arena_strndup(&s->plan, text, strlen(text)) : NULL;
}

static int copy_spec(struct tarn_scan *s, const struct tarn_scan_spec *spec, struct tarn_err *err) {
    s->spec = *spec;
    s->spec.namespace_ = keep_text(s, spec->namespace_);
    s->spec.prefix = keep_text(s, spec->prefix && *spec->prefix ? spec->prefix : "events");
    s->spec.glob = keep_text(s, spec->glob);
    s->spec.filename = keep_text(s, spec->filename);
    s->spec.predicates = NULL;
    s->spec.n_predicates = 0;
    s->budget.limit = spec->memory_budget;
    if (!spec->n_group &&
        spec->columns & (TARN_EV_BIT(TARN_SCAN_HOUR) | TARN_EV_BIT(TARN_SCAN_DAY)))
        s->spec.columns |= TARN_EV_BIT(TARN_EV_TS);
    if (s->plan.rc != TARN_OK) return tarn_err_set(err, s->plan.rc, "scan: out of memory");
    return tarn_match_init(&s->match, spec->predicates, spec->n_predicates, &s->plan, err);
}

/* The hours to list: those of the predicates on ts, or of the one file that is asked for. */
static void listing_range(const struct tarn_scan *s, int64_t *lo, int64_t *hi) {
    struct tarn_key_info info;
    struct tarn_buf root;

    *lo = TARN_TIME_MIN;
    *hi = TARN_TIME_MAX;
    if (!s->spec.pushdown) return;
    if (s->match.lo > *lo) *lo = s->match.lo < TARN_TIME_MAX ? s->match.lo : TARN_TIME_MAX;
    if (s->match.hi < *hi) *hi = s->match.hi > TARN_TIME_MIN ? s->match.hi : TARN_TIME_MIN;
    if (!s->spec.filename || s->spec.glob) return;
    tarn_buf_init(&root, TARN_KEY_MAX);
    tarn_key_root(&root, s->spec.namespace_, s->spec.prefix);
    if (root.rc == TARN_OK && strlen(s->spec.filename) > root.len &&
        memcmp(s->spec.filename, root.data, root.len) == 0 &&
        tarn_key_parse(s->spec.filename, root.len, &info) == 0) {
        *lo = info.lo;
        *hi = info.hi;
    }
    tarn_buf_release(&root);
}

static void count_files(struct tarn_scan *s) {
    size_t i;

    s->stats.listed = s->catalog->listed;
    s->stats.pruned_path = s->catalog->pruned_path;
    s->stats.skipped_corrupt = s->catalog->skipped;
    s->stats.first_skip = s->catalog->first_skip;
    for (i = 0; i < s->catalog->n_files; i++) {
        s->stats.files += tarn_scan_wants(s, &s->catalog->files[i]) != 0;
        s->stats.masked += s->catalog->files[i].state == TARN_FILE_MASKED;
    }
}

static int begin(struct tarn_scan *s, struct tarn_err *err) {
    struct tarn_catalog_request req;
    struct tarn_catalog none;
    int64_t lo, hi;
    int rc;

    memset(&req, 0, sizeof req);
    memset(&none, 0, sizeof none);
    if (s->match.nothing || s->spec.limit == 0) {
        s->ended = 1;
        return TARN_OK;
    }
    if (s->spec.conn && !s->spec.glob && !s->spec.filename) { /* those name files */
        lo = s->spec.pushdown ? s->match.lo : TARN_TIME_MIN;
        hi = s->spec.pushdown ? s->match.hi : TARN_TIME_MAX;
        rc = tarn_pending_open(&s->pending, s->spec.conn, s->spec.namespace_, s->spec.prefix, lo,
                               hi, err);
        if (rc != TARN_OK) return rc;
    }
    if (s->spec.lake) {
        req.namespace_ = s->spec.namespace_;
        req.prefix = s->spec.prefix;
        req.glob = s->spec.glob;
        listing_range(s, &req.lo, &req.hi);
        req.path_slack = s->spec.path_slack;
        req.skip_corrupt = s->spec.skip_corrupt;
        if ((rc = tarn_catalog_list(&s->catalog, s->spec.lake, &req, err)) != TARN_OK) return rc;
    }
    rc = tarn_pending_settle(s->pending, s->catalog ? s->catalog : &none, err);
    if (rc == TARN_OK && s->catalog) count_files(s);
    return rc;
}

static void release_state(struct tarn_scan *s) {
    tarn_scan_walk_release(s);
    tarn_scan_order_release(s);
    tarn_scan_group_release(s);
    tarn_catalog_free(s->catalog);
    tarn_pending_free(s->pending);
    s->catalog = NULL;
    s->pending = NULL;
    s->file = NULL;
    s->batch = NULL;
    s->ready = 0;
    s->has_row = 0;
}

/* Begins (again) after an object was gone, a few times; `rc` is what the last try said. */
static int begin_again(struct tarn_scan *s, int rc, struct tarn_err *err) {
    while (rc == TARN_ENOTFOUND && s->returned == 0 && s->restarts < MAX_RESTARTS) {
        s->restarts++;
        release_state(s);
        memset(&s->stats, 0, sizeof s->stats);
        tarn_err_clear(err);
        rc = begin(s, err);
    }
    return rc;
}

int tarn_scan_open(struct tarn_scan **out, const struct tarn_scan_spec *spec,
                   struct tarn_err *err) {
    struct tarn_scan *s = tarn_calloc(1, sizeof *s);
    struct tarn_err found;
    int rc;

    *out = NULL;
    tarn_err_clear(&found);
    if (!s) return tarn_err_set(err, TARN_ENOMEM, "scan: out of memory");
    tarn_arena_init(&s->plan, NULL);
    tarn_buf_init(&s->extra, TARN_EVENT_MAX);
    if ((rc = copy_spec(s, spec, &found)) == TARN_OK) rc = begin_again(s, begin(s, &found), &found);
    if (rc != TARN_OK) {
        tarn_err_set(err, rc, "%s", found.msg);
        tarn_scan_free(s);
        return rc;
    }
    *out = s;
    return TARN_OK;
}

static int step(struct tarn_scan *s, int *more, struct tarn_err *err) {
    if (s->spec.n_group) return tarn_scan_group_next(s, more, err);
    return s->spec.order ? tarn_scan_order_next(s, more, err) : tarn_scan_walk_next(s, more, err);
}

static int fail(struct tarn_scan *s, int rc, const struct tarn_err *found, struct tarn_err *err) {
    if (rc == TARN_ENOTFOUND && s->returned)
        tarn_err_set(&s->failed, rc,
                     "%s; it vanished after rows were returned: run the statement "
                     "again",
                     found->msg);
    else
        tarn_err_set(&s->failed, rc, "%s", found->msg);
    s->has_row = 0;
    return tarn_err_set(err, rc, "%s", s->failed.msg);
}

static int next_slowly(struct tarn_scan *s, int *more, struct tarn_err *err) {
    struct tarn_err found;
    int rc;

    *more = 0;
    s->has_row = 0;
    s->batch = NULL;
    if (s->failed.code != TARN_OK) return tarn_err_set(err, s->failed.code, "%s", s->failed.msg);
    if (s->ended) return TARN_OK;
    tarn_err_clear(&found);
    rc = step(s, more, &found);
    while (rc == TARN_ENOTFOUND && s->returned == 0 && s->restarts < MAX_RESTARTS) {
        s->batch = NULL;
        if ((rc = begin_again(s, rc, &found)) == TARN_OK) rc = step(s, more, &found);
    }
    if (rc != TARN_OK) {
        *more = 0;
        return fail(s, rc, &found, err);
    }
    s->has_row = *more;
    s->ended = !*more;
    s->returned += *more != 0;
    return TARN_OK;
}

int tarn_scan_next(struct tarn_scan *s, int *more, struct tarn_err *err) {
    if (s->ready == 0) return next_slowly(s, more, err);
    s->ready--;
    s->walk.next_row++;
    s->row++;
    s->returned++;
    *more = 1;
    return TARN_OK;
}

static int extra_value(struct tarn_scan *s, struct tarn_scanned *out, struct tarn_err *err) {
    if (!s->batch) return TARN_OK;
    tarn_binding_extra(s->file->binding, s->batch, s->row, &s->extra);
    if (s->extra.rc != TARN_OK)
        return tarn_err_set(err, s->extra.rc, "%s: a row's other columns don't fit in memory",
                            s->file->source.name);
    if (s->extra.len) {
        out->kind = TARN_SCANNED_TEXT;
        out->text.data = s->extra.data;
        out->text.len = s->extra.len;
    }
    return TARN_OK;
}

int tarn_scan_value(struct tarn_scan *s, int column, struct tarn_scanned *out,
                    struct tarn_err *err) {
    out->kind = TARN_SCANNED_NULL;
    out->text.len = 0;
    if (!s->has_row || column < 0 || column > TARN_SCAN_DAY)
        return tarn_err_set(err, TARN_EINVAL, "scan: no current row, or no column %d", column);
    if (s->group) return tarn_scan_group_value(s, column, out, err);
    if (column == TARN_EV_EXTRA) return extra_value(s, out, err);
    if (column >= TARN_SCAN_HOUR) {
        int64_t unit = column == TARN_SCAN_HOUR ? TARN_MS_PER_HOUR : TARN_MS_PER_DAY;
        int rc = tarn_scan_value(s, TARN_EV_TS, out, err);

        if (out->kind == TARN_SCANNED_INT) out->i = tarn_time_floor(out->i, unit);
        return rc;
    }
    if (s->batch)
        tarn_binding_value(s->file->binding, s->batch, s->row, column, s->scratch[column], out);
    else
        tarn_scan_event_value(&s->event, column, out);
    return TARN_OK;
}

const char *tarn_scan_filename(const struct tarn_scan *s) {
    return s->has_row && s->file && !s->file->entry->spool ? s->file->entry->obj.key : NULL;
}

const char *tarn_scan_prefix(const struct tarn_scan *s) {
    return s->has_row && s->file && !s->file->entry->spool ? s->file->entry->prefix
                                                           : s->spec.prefix;
}

const struct tarn_scan_stats *tarn_scan_stats(const struct tarn_scan *s) {
    return &s->stats;
}

void tarn_scan_free(struct tarn_scan *s) {
    if (!s) return;
    release_state(s);
    tarn_buf_release(&s->extra);
    tarn_arena_release(&s->plan);
    tarn_free(s);
}
