/* changes_settle.c: which commits that wait the lake has already.
**
** A listed file has a commit iff it holds its bookmark, which carries the sequence and 8 bytes of the
** digest. Bookmarks are read only of files whose tarn.ranges says that they can hold one, and only
** those are looked for. Files that were put after the listing are no part of this query: their
** commits are still in the outbox, which was read before.
**
** A file that can hold a commit but doesn't is another history's (a copied or restored database file):
** what follows here will be delivered on a timeline of its own, the next one.
*/
#include <string.h>

#include "changes_impl.h"
#include "conn.h"
#include "flush_log.h"
#include "mem.h"

#define KNOWN_MAX ((size_t)1 << 18)

void tarn_changes_known_release(struct tarn_changes_known *k) {
    tarn_free(k->lake);
    tarn_free(k->done);
    memset(k, 0, sizeof *k);
}

/* Where the entry is, or would be. */
static size_t place_of(const struct tarn_changes_known *k, const struct tarn_changes_range *r) {
    size_t low = 0, high = k->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct tarn_changes_done *d = &k->done[middle];

        if (d->timeline < r->timeline || (d->timeline == r->timeline && d->entry < r->entry)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int is_known(const struct tarn_changes_scan *s, const struct tarn_changes_range *r) {
    const struct tarn_changes_known *k = s->spec.known;
    size_t at;

    if (!k || !k->lake || strcmp(k->lake, tarn_lake_uri(s->lake)) != 0) return 0;
    at = place_of(k, r);
    return at < k->n && k->done[at].timeline == r->timeline && k->done[at].entry == r->entry;
}

/* Without memory it is asked for again, which is all. */
static void remember(struct tarn_changes_scan *s, const struct tarn_changes_range *r) {
    struct tarn_changes_known *k = s->spec.known;
    size_t at;

    if (!k) return;
    if (!k->lake || strcmp(k->lake, tarn_lake_uri(s->lake)) != 0 || k->n == KNOWN_MAX) {
        tarn_changes_known_release(k);
        k->lake = tarn_strdup(tarn_lake_uri(s->lake));
    }
    if (k->lake && k->n == k->capacity) {
        size_t more = k->capacity ? 2 * k->capacity : 64;
        struct tarn_changes_done *grown = tarn_reallocarray(k->done, more, sizeof *grown);

        if (grown) k->done = grown;
        if (grown) k->capacity = more;
    }
    if (!k->lake || k->n == k->capacity) return;
    at = place_of(k, r);
    memmove(k->done + at + 1, k->done + at, (k->n - at) * sizeof *k->done);
    k->done[at] = (struct tarn_changes_done){r->timeline, r->entry};
    k->n++;
}

int tarn_changes_check_entry(struct tarn_changes_scan *s, struct tarn_changes_file *f,
                             const struct tarn_pq_footer *footer, struct tarn_err *err) {
    const struct tarn_waiting *w = s->waiting;
    struct tarn_log log = {tarn_lake_store(s->lake), w->name, w->id, 0};
    enum tarn_log_end end = TARN_LOG_OPEN;
    struct tarn_changes_range range;
    struct tarn_err why = {0};
    int ours = 0;
    int rc;

    f->aborted = 0;
    rc = tarn_changes_range(&range, footer, w->id, &ours, &why);
    if (rc) return tarn_err_set(err, rc, "%s: %s", f->obj.key, why.msg);
    if (!ours || (range.timeline == w->position.timeline && range.entry <= w->position.entry) ||
        is_known(s, &range)) {
        return TARN_OK;
    }
    log.timeline = range.timeline;
    rc = tarn_log_end_read(&log, range.entry, &end, err);
    f->aborted = rc == TARN_OK && end == TARN_LOG_ABORT;
    if (rc == TARN_OK && end == TARN_LOG_DONE) remember(s, &range);
    return rc;
}

struct candidate { /* a file, and the units that it can hold: [from, to) */
    struct tarn_changes_scan *s;
    struct tarn_changes_file *file;
    struct tarn_changes_range range;
    size_t from, to;
};

/* The bookmarks that the units have if this file holds them. */
static int want(struct candidate *c, struct tarn_arena *arena, struct tarn_predicate *p,
                struct tarn_err *err) {
    const struct tarn_waiting *w = c->s->waiting;
    struct tarn_const *list = tarn_arena_calloc(arena, c->to - c->from, sizeof *list);
    char text[TARN_BOOKMARK + 1];
    size_t i;

    for (i = c->from; list && i < c->to; i++) {
        const struct tarn_waiting_unit *u = &w->units[i];
        struct tarn_const *k = &list[i - c->from];

        tarn_bookmark_text(text, c->range.timeline, u->sequence, u->time, u->digest);
        k->kind = TARN_CONST_BYTES;
        k->bytes.len = TARN_BOOKMARK;
        k->bytes.data = tarn_arena_memdup(arena, text, TARN_BOOKMARK);
        if (!k->bytes.data) list = NULL;
    }
    if (!list) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    *p = (struct tarn_predicate){TARN_CHANGES_BOOKMARK, TARN_OP_IN, list,
                                 (uint32_t)(c->to - c->from)};
    return TARN_OK;
}

/* Looks for the units' bookmarks in the file. */
static int look(struct candidate *c, struct tarn_changes_reader *r, struct tarn_err *err) {
    struct tarn_changes_scan *s = c->s;
    const struct tarn_waiting *w = s->waiting;
    size_t left = c->to - c->from;
    struct tarn_predicate p;
    struct tarn_arena arena;
    int more = 1;
    int rc;

    tarn_arena_init(&arena, NULL);
    rc = want(c, &arena, &p, err);
    if (rc == TARN_OK) {
        rc = tarn_changes_reader_start(r, s, 1u << TARN_CHANGES_BOOKMARK, &p, 1, err);
    }
    while (rc == TARN_OK && left > 0) {
        struct tarn_bookmark b;
        struct tarn_slice text;
        size_t i;

        rc = tarn_changes_reader_next(r, s, &more, err);
        if (rc || !more) break;
        tarn_changes_reader_text(r, TARN_CHANGES_BOOKMARK, &text);
        if (tarn_bookmark_parse(&b, (const char *)text.data, text.len)) continue;
        for (i = c->from; i < c->to && w->units[i].sequence < b.sequence; i++) {
        }
        if (i == c->to || w->units[i].sequence != b.sequence || s->delivered[i]) continue;
        s->delivered[i] = 1;
        s->timelines[i] = c->range.timeline;
        left--;
    }
    tarn_arena_release(&arena);
    return rc;
}

/* Units that were not found: from the first of them on this is another history, if the file says that
** it has all that its entry delivers. */
static void note_other_history(struct candidate *c, uint64_t *other, uint32_t *timeline) {
    size_t i;

    for (i = c->from; i < c->to; i++) {
        if (c->s->delivered[i] || c->s->waiting->units[i].sequence >= *other) continue;
        *other = c->s->waiting->units[i].sequence;
        *timeline = c->range.timeline;
    }
}

static int settle_file(struct candidate *c, int *reads, struct tarn_err *err) {
    const struct tarn_waiting *w = c->s->waiting;
    struct tarn_changes_reader r;
    struct tarn_err why = {0};
    int ours = 0;
    int rc = tarn_changes_reader_footer(&r, c->s, c->file, err);

    *reads = 0;
    if (rc == TARN_OK) rc = tarn_changes_check_entry(c->s, c->file, r.footer, err);
    if (rc == TARN_OK && !c->file->aborted) {
        rc = tarn_changes_range(&c->range, r.footer, w->id, &ours, &why);
        if (rc) rc = tarn_err_set(err, rc, "%s: %s", c->file->obj.key, why.msg);
    }
    if (rc == TARN_OK && ours) {
        for (c->from = 0; c->from < w->n && w->units[c->from].sequence < c->range.first &&
                          w->units[c->from].sequence;
             c->from++) {
        }
        for (c->to = c->from;
             c->to < w->n && w->units[c->to].sequence && w->units[c->to].sequence <= c->range.last;
             c->to++) {
        }
        *reads = c->to > c->from;
        if (*reads) rc = look(c, &r, err);
    }
    tarn_changes_reader_close(&r);
    return rc;
}

/* Broken files: skipped as everywhere. What they hold comes from the outbox then. */
static int passes_over(struct tarn_changes_scan *s, int rc) {
    return s->spec.skip_corrupt && (rc == TARN_ECORRUPT || rc == TARN_EUNSUPPORTED);
}

/* Units that the lake hasn't got follow those that it has. */
static void settle_timelines(struct tarn_changes_scan *s, uint64_t other, uint32_t other_timeline) {
    const struct tarn_waiting *w = s->waiting;
    uint32_t newest = w->timeline;
    uint32_t now = w->timeline;
    size_t i;

    if (s->list->n && s->list->files[s->list->n - 1].timeline > newest) {
        newest = s->list->files[s->list->n - 1].timeline;
    }
    for (i = 0; i < w->n; i++) {
        if (s->delivered[i] && s->timelines[i] > now) now = s->timelines[i];
        if (!s->delivered[i] && w->units[i].sequence >= other && now <= other_timeline &&
            newest < UINT32_MAX) {
            now = newest + 1;
        }
        if (!s->delivered[i]) s->timelines[i] = now;
    }
}

int tarn_changes_settle(struct tarn_changes_scan *s, struct tarn_err *err) {
    const struct tarn_waiting *w = s->waiting;
    uint64_t first = w->n ? w->units[0].sequence : 0;
    uint64_t last = 0;
    uint64_t other = UINT64_MAX;
    uint32_t other_timeline = 0;
    size_t i;

    for (i = 0; i < w->n; i++) {
        s->timelines[i] = w->timeline;
        if (w->units[i].sequence) last = w->units[i].sequence;
    }
    if (!s->list || last == 0) return TARN_OK;
    for (i = 0; i < s->list->n; i++) {
        struct candidate c = {s, &s->list->files[i], {{0}, 0, 0, 0, 0}, 0, 0};
        struct tarn_err why = {0};
        int reads = 0;
        int rc;

        if (c.file->first > last || c.file->end <= first) continue;
        rc = settle_file(&c, &reads, &why);
        if (rc && !passes_over(s, rc)) return tarn_err_set(err, rc, "%s", why.msg);
        if (rc == TARN_OK && reads) note_other_history(&c, &other, &other_timeline);
    }
    settle_timelines(s, other, other_timeline);
    return TARN_OK;
}
