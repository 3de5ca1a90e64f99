/* The masking rules: what footers may say, single situations, and a random-schedule model of
** writers, a compactor and readers whose listings are not atomic. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "mem.h"
#include "visibility.h"

#define DAY "events/2026/02/02/"
#define HOUR DAY "14/"

static int read_masks(struct tarn_masks *m, const char *key, const char *name, const char *value,
                      struct tarn_err *err) {
    struct tarn_kv kv = {name, value};
    struct tarn_pq_footer footer = {.kv = &kv, .n_kv = 1};
    return tarn_masks_read(m, key, &footer, err);
}

static void footer_keys(void **state) {
    static const char *const bad[][2] = {
        {"tarn.sources", "{}"},
        {"tarn.sources", "[1]"},
        {"tarn.sources", "[\"a\",null]"},
        {"tarn.sources", "[\"\"]"},
        {"tarn.sources", "\"a\""},
        {"tarn.sources", "[\"a\""},
        {"tarn.sources", ""},
        {"tarn.sources", NULL},
        {"tarn.sources", "[\"\\u0000\"]"},
        {"tarn.parts", "7"},
        {"tarn.parts", "[[]]"},
        {"tarn.parts", "[\"events/2026/02/02/15/x.parquet\"]"},
        {"tarn.parts", "[\"events/2026/02/02/14/a/x.parquet\"]"},
        {"tarn.parts", "[\"x.parquet\"]"},
        {"tarn.generation", "x"},
        {"tarn.generation", "-1"},
        {"tarn.generation", "1.5"},
        {"tarn.generation", "\"\""},
        {"tarn.generation", ""},
        {"tarn.generation", "1234567890123456789"},
        {"tarn.part_of", ""},
        {"tarn.part_of", NULL},
        {"tarn.part_of", "{}"},
        {"tarn.part_of", "\"\""},
        {"tarn.part_of", "[\"a\"]"},
        {"tarn.part_of", "a b"},
    };
    static const char key[] = HOUR "_compact_1.parquet";
    struct tarn_masks m;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct tarn_err err = {0};
        if (read_masks(&m, key, bad[i][0], bad[i][1], &err) != TARN_ECORRUPT) {
            fail_msg("%s = %s was taken", bad[i][0], bad[i][1] ? bad[i][1] : "(null)");
        }
        assert_non_null(strstr(err.msg, key));
        assert_non_null(strstr(err.msg, bad[i][0]));
        tarn_masks_release(&m);
    }
    assert_int_equal(read_masks(&m, key, "types", "a,b", NULL), 0);
    assert_int_equal(m.n_sources + m.n_parts + (size_t)m.is_part + m.generation, 0);
    tarn_masks_release(&m);
    assert_int_equal(read_masks(&m, key, "tarn.sources", "[\"a\", \"\\u00e4\"]", NULL), 0);
    assert_int_equal(m.n_sources, 2);
    assert_string_equal(m.sources[1], "\xc3\xa4");
    tarn_masks_release(&m);
    assert_int_equal(read_masks(&m, key, "tarn.generation", "\"12\"", NULL), 0);
    assert_int_equal(m.generation, 12);
    tarn_masks_release(&m);
    assert_int_equal(read_masks(&m, key, "tarn.generation", "7", NULL), 0);
    assert_int_equal(m.generation, 7);
    tarn_masks_release(&m);
    assert_int_equal(read_masks(&m, key, "tarn.part_of", "\"01JJ\"", NULL), 0);
    assert_true(m.is_part && !m.owns_self);
    tarn_masks_release(&m);
    assert_int_equal(read_masks(&m, key, "tarn.part_of", "01JJ", NULL), 0);
    assert_true(m.is_part);
    tarn_masks_release(&m);
    assert_int_equal(read_masks(&m, key, "tarn.parts", "[\"" HOUR "_compact_1.parquet\"]", NULL),
                     0);
    assert_true(m.owns_self && !m.is_part);
    tarn_masks_release(&m);
}

/* A situation: files in byte order of keys, and what each says. */
struct given {
    const char *key;
    const char *sources, *parts, *part_of, *generation;
    enum tarn_file_state expected;
    const char *masked_by;
};

static int add_kv(struct tarn_kv *kv, int n, const char *key, const char *value) {
    if (value) {
        kv[n] = (struct tarn_kv){key, value};
        return n + 1;
    }
    return n;
}

static struct tarn_masks *masks_of(const struct given *g) {
    struct tarn_kv kv[4];
    struct tarn_pq_footer footer = {.kv = kv};
    struct tarn_masks *m = tarn_malloc(sizeof *m);
    footer.n_kv = add_kv(kv, 0, "tarn.sources", g->sources);
    footer.n_kv = add_kv(kv, footer.n_kv, "tarn.parts", g->parts);
    footer.n_kv = add_kv(kv, footer.n_kv, "tarn.part_of", g->part_of);
    footer.n_kv = add_kv(kv, footer.n_kv, "tarn.generation", g->generation);
    assert_int_equal(tarn_masks_read(m, g->key, &footer, NULL), 0);
    return m;
}

static void check(const struct given *g, size_t n, const char *missing_expected) {
    struct tarn_file files[16];
    struct tarn_masks *masks[16];
    const char *missing = NULL;
    size_t owner = 0;
    memset(files, 0, sizeof files);
    for (size_t i = 0; i < n; i++) {
        assert_true(i == 0 || strcmp(g[i - 1].key, g[i].key) < 0);
        files[i].obj.key = g[i].key;
        files[i].state = g[i].expected == TARN_FILE_PRUNED ? TARN_FILE_PRUNED : TARN_FILE_LIVE;
        assert_int_equal(tarn_key_parse(g[i].key, tarn_key_root_of(g[i].key), &files[i].info), 0);
        masks[i] = files[i].info.compacted ? masks_of(&g[i]) : NULL;
    }
    for (int again = 0; again < 2; again++) {
        assert_int_equal(tarn_visibility_apply(files, n, masks, &missing, &owner, NULL), 0);
        for (size_t i = 0; i < n; i++) {
            if (files[i].state != g[i].expected) {
                fail_msg("%s: state %d, expected %d", g[i].key, (int)files[i].state,
                         (int)g[i].expected);
            }
            if (g[i].masked_by) {
                assert_string_equal(files[i].masked_by, g[i].masked_by);
            } else {
                assert_null(files[i].masked_by);
            }
        }
        if (missing_expected) {
            assert_string_equal(missing, missing_expected);
        } else {
            assert_null(missing);
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (masks[i]) {
            tarn_masks_release(masks[i]);
            tarn_free(masks[i]);
        }
    }
}

#define CHECK(missing, ...)                            \
    do {                                               \
        static const struct given g[] = {__VA_ARGS__}; \
        check(g, sizeof g / sizeof *g, missing);       \
    } while (0)
#define A HOUR "a.parquet"
#define B HOUR "b.parquet"
#define H1 HOUR "_compact_1.parquet"
#define H2 HOUR "_compact_2.parquet"
#define H3 HOUR "_compact_3.parquet"
#define D1 DAY "_compact_1.parquet"
#define D2 DAY "_compact_2.parquet"
#define LIVE TARN_FILE_LIVE
#define MASKED TARN_FILE_MASKED
#define PART TARN_FILE_PART

static void situations(void **state) {
    (void)state;
    /* a name alone masks nothing */
    CHECK(NULL, {.key = H1, .expected = LIVE}, {.key = A, .expected = LIVE});
    CHECK(NULL, {.key = H1, .sources = "[\"" A "\",\"" HOUR "gone\"]", .expected = LIVE},
          {.key = A, .expected = MASKED, .masked_by = H1}, {.key = B, .expected = LIVE});
    /* the day masks the hour, whose own masks then don't count: b is the day's alone to name */
    CHECK(NULL,
          {.key = H1,
           .sources = "[\"" A "\",\"" B "\"]",
           .generation = "9",
           .expected = MASKED,
           .masked_by = D1},
          {.key = A, .expected = MASKED, .masked_by = D1}, {.key = B, .expected = LIVE},
          {.key = D1, .sources = "[\"" H1 "\",\"" A "\"]", .generation = "1", .expected = LIVE});
    /* two compactions that name each other: the later generation wins, however they are called */
    CHECK(NULL,
          {.key = H1, .sources = "[\"" H2 "\",\"" A "\"]", .generation = "10", .expected = LIVE},
          {.key = H2,
           .sources = "[\"" H1 "\",\"" A "\"]",
           .generation = "\"9\"",
           .expected = MASKED,
           .masked_by = H1},
          {.key = A, .expected = MASKED, .masked_by = H1});
    /* … and without generations the later key */
    CHECK(NULL, {.key = D1, .sources = "[\"" D2 "\"]", .expected = MASKED, .masked_by = D2},
          {.key = D2, .sources = "[\"" D1 "\"]", .expected = LIVE});
    /* a file can't mask itself away */
    CHECK(NULL, {.key = H1, .sources = "[\"" H1 "\"]", .expected = LIVE});
    /* what was pruned stays so */
    CHECK(NULL, {.key = H1, .sources = "[\"" A "\"]", .expected = LIVE},
          {.key = A, .expected = TARN_FILE_PRUNED});
}

static void parts(void **state) {
    (void)state;
    /* the last part isn't there yet: sources count, parts don't, nor what a part would mask */
    CHECK(NULL, {.key = H1, .part_of = "x", .sources = "[\"" A "\"]", .expected = PART},
          {.key = H2, .part_of = "x", .expected = PART}, {.key = A, .expected = LIVE});
    CHECK(NULL, {.key = H1, .part_of = "x", .expected = LIVE},
          {.key = H2,
           .part_of = "x",
           .parts = "[\"" H1 "\",\"" H2 "\"]",
           .sources = "[\"" A "\"]",
           .expected = LIVE},
          {.key = A, .expected = MASKED, .masked_by = H2});
    /* an owner that isn't a part itself does as well */
    CHECK(NULL, {.key = H1, .part_of = "x", .expected = LIVE},
          {.key = H2, .parts = "[\"" H1 "\"]", .expected = LIVE});
    /* a part that names only others counts through a third alone, so neither of these counts */
    CHECK(NULL, {.key = H1, .part_of = "x", .parts = "[\"" H2 "\"]", .expected = PART},
          {.key = H2, .part_of = "x", .parts = "[\"" H1 "\"]", .expected = PART});
    /* replaced as a whole: also a part that the day forgot to name goes with its owner */
    CHECK(NULL, {.key = H1, .part_of = "x", .expected = MASKED, .masked_by = D1},
          {.key = H2, .part_of = "x", .expected = MASKED, .masked_by = D1},
          {.key = H3,
           .part_of = "x",
           .parts = "[\"" H1 "\",\"" H2 "\",\"" H3 "\"]",
           .sources = "[\"" A "\"]",
           .expected = MASKED,
           .masked_by = D1},
          {.key = D1, .sources = "[\"" H1 "\",\"" H3 "\",\"" A "\"]", .expected = LIVE});
    /* listed too early for a part */
    CHECK(H1, {.key = H2, .part_of = "x", .parts = "[\"" H1 "\",\"" H2 "\"]", .expected = LIVE});
    /* … which doesn't matter when the owner is replaced */
    CHECK(NULL,
          {.key = H2,
           .part_of = "x",
           .parts = "[\"" H1 "\",\"" H2 "\"]",
           .expected = MASKED,
           .masked_by = D1},
          {.key = D1, .sources = "[\"" H2 "\"]", .expected = LIVE});
}

/* ---- the model: rows in files, files in two hours of a day and in the day's folder ---- */

#define OBJECTS 192
#define WORDS 4

struct set {
    uint64_t w[WORDS];
};
static void put(struct set *s, int i) {
    s->w[i / 64] |= UINT64_C(1) << (i % 64);
}
static void drop(struct set *s, int i) {
    s->w[i / 64] &= ~(UINT64_C(1) << (i % 64));
}
static int has(const struct set *s, int i) {
    return (int)(s->w[i / 64] >> (i % 64) & 1);
}
static void merge(struct set *s, const struct set *t) {
    for (int i = 0; i < WORDS; i++) {
        s->w[i] |= t->w[i];
    }
}

struct object {
    char key[64];
    struct set rows, sources;
    int compacted, part, owner_of; /* owner_of: the other part, -1 = none */
    int generation;
};

enum rule { TRANSITIVE = 1, PARTS = 2, GRACE = 4, HOURS_FIRST = 8, ALL = 15 };

struct world {
    unsigned seed;
    int rules;
    int tick, rows, serial, n;
    struct object objects[OBJECTS];
    struct set present;
    struct { /* the one compactor at work */
        int state, level, split, started, first, next;
        struct set candidates, sources, rows, victims;
    } c;
    int missing, twice, stale;
};

struct reader {
    int active, born, folder, restarts;
    char last[64];
    struct set seen;
    int rows; /* rows 0 … rows-1 must be found */
};

static int pick(struct world *w, int n) {
    return (int)((unsigned)rand_r(&w->seed) % (unsigned)n);
}

static int new_object(struct world *w, const char *folder, const char *name,
                      const char *extension) {
    struct object *o = &w->objects[w->n];
    assert_true(w->n < OBJECTS);
    snprintf(o->key, sizeof o->key, "%s%s%08d%s", folder, name, ++w->serial, extension);
    o->owner_of = -1;
    return w->n++;
}

static void write_raw(struct world *w) {
    int legacy = pick(w, 5) == 0;
    int i = new_object(w, pick(w, 2) ? DAY "13/" : DAY "14/", legacy ? "f" : "0",
                       legacy ? ".jsonl" : ".parquet");
    for (int n = 1 + pick(w, 3); n > 0 && w->rows < WORDS * 64; n--) {
        put(&w->objects[i].rows, w->rows++);
    }
    put(&w->present, i);
}

static void keys_json(const struct world *w, const struct set *s, struct tarn_buf *b) {
    const char *comma = "[";
    for (int i = 0; i < w->n; i++) {
        if (has(s, i)) {
            tarn_buf_printf(b, "%s\"%s\"", comma, w->objects[i].key);
            comma = ",";
        }
    }
    tarn_buf_puts(b, *comma == '[' ? "[]" : "]");
    tarn_buf_u8(b, 0);
}

static struct tarn_masks *object_masks(const struct world *w, int i) {
    const struct object *o = &w->objects[i];
    struct tarn_buf sources = TARN_BUF_INIT(1 << 20);
    struct tarn_buf list = TARN_BUF_INIT(1 << 20);
    struct set parts_set = {{0}};
    char generation[16];
    struct given g = {.key = o->key};
    if (!o->compacted) {
        return NULL;
    }
    if (o->part) {
        g.part_of = "p";
    } else {
        snprintf(generation, sizeof generation, "%d", o->generation);
        keys_json(w, &o->sources, &sources);
        g.sources = (char *)sources.data;
        g.generation = generation;
        if (o->owner_of >= 0) {
            put(&parts_set, o->owner_of);
            put(&parts_set, i);
            keys_json(w, &parts_set, &list);
            g.parts = (char *)list.data;
            g.part_of = "p";
        }
    }
    struct tarn_masks *m = masks_of(&g);
    tarn_buf_release(&sources);
    tarn_buf_release(&list);
    return m;
}

static int by_key(const void *a, const void *b) {
    return strcmp(((const struct object *const *)a)[0]->key,
                  ((const struct object *const *)b)[0]->key);
}

/* Which of `listed` count, as visibility.c says; 0 when the listing was too early for a part. */
static int live(const struct world *w, const struct set *listed, struct set *out) {
    const struct object *sorted[OBJECTS];
    struct tarn_file files[OBJECTS];
    struct tarn_masks *masks[OBJECTS];
    const char *missing = NULL;
    size_t owner = 0;
    size_t n = 0;
    memset(out, 0, sizeof *out);
    for (int i = 0; i < w->n; i++) {
        if (has(listed, i)) {
            sorted[n++] = &w->objects[i];
        }
    }
    qsort(sorted, n, sizeof *sorted, by_key);
    memset(files, 0, sizeof files);
    for (size_t i = 0; i < n; i++) {
        files[i].obj.key = sorted[i]->key;
        assert_int_equal(tarn_key_parse(sorted[i]->key, 7, &files[i].info), 0);
        masks[i] = object_masks(w, (int)(sorted[i] - w->objects));
    }
    assert_int_equal(tarn_visibility_apply(files, n, masks, &missing, &owner, NULL), 0);
    for (size_t i = 0; i < n; i++) {
        if (files[i].state == TARN_FILE_LIVE) {
            put(out, (int)(sorted[i] - w->objects));
        }
        if (masks[i]) {
            tarn_masks_release(masks[i]);
            tarn_free(masks[i]);
        }
    }
    return missing == NULL;
}

static void compactor_begin(struct world *w) {
    static const char *const hours[] = {DAY "13/", DAY "14/"};
    const char *folder = NULL;
    struct set candidates;
    int n = 0;
    memset(&w->c, 0, sizeof w->c);
    w->c.level = pick(w, 3) == 0 ? 2 : 1;
    w->c.first = pick(w, 2);
    folder = w->c.level == 1 ? hours[w->c.first] : DAY;
    assert_true(live(w, &w->present, &candidates));
    for (int i = 0; i < w->n; i++) {
        const struct object *o = &w->objects[i];
        if (has(&candidates, i) && strncmp(o->key, folder, strlen(folder)) == 0) {
            n++;
            put(&w->c.candidates, i);
            put(&w->c.sources, i);
            merge(&w->c.rows, &o->rows);
            if (w->rules & TRANSITIVE) {
                merge(&w->c.sources, &o->sources);
            }
        }
    }
    w->c.split = pick(w, 5) < 2;
    w->c.state = n >= 2;
}

static int write_output(struct world *w, const struct set *rows) {
    const char *folder = w->c.level == 2 ? DAY : w->c.first ? DAY "14/" : DAY "13/";
    int i = new_object(w, folder, "_compact_0", ".parquet");
    struct object *o = &w->objects[i];
    o->compacted = 1;
    o->rows = *rows;
    o->sources = w->c.sources;
    for (int j = 0; j < w->n; j++) {
        if (has(&w->present, j) && w->objects[j].generation >= o->generation) {
            o->generation = w->objects[j].generation + 1;
        }
    }
    put(&w->present, i);
    return i;
}

/* Victims: what was replaced, and the parts of what was replaced. */
static void choose_victims(struct world *w) {
    w->c.victims = w->c.sources;
    for (int i = 0; i < w->n; i++) {
        if (has(&w->c.sources, i) && w->objects[i].owner_of >= 0) {
            put(&w->c.victims, w->objects[i].owner_of);
        }
    }
}

static void compactor_step(struct world *w) {
    static const struct set nothing;
    struct set half = {{0}};
    int i = 0;
    switch (w->c.state) {
    case 1:
        for (int r = 0, k = 0; w->c.split && r < w->rows; r++) {
            if (has(&w->c.rows, r) && k++ % 2 == 0) {
                put(&half, r);
                drop(&w->c.rows, r);
            }
        }
        if (w->c.split) {
            i = write_output(w, &half);
            w->c.next = i;
            if (w->rules & PARTS) {
                w->objects[i].part = 1;
                w->objects[i].sources = nothing;
            }
            w->c.state = 2;
            break;
        }
        write_output(w, &w->c.rows);
        w->c.state = 3;
        break;
    case 2:
        if (pick(w, 20) == 0) { /* crashed between the parts */
            w->c.state = w->rules & PARTS ? 0 : 2;
            break;
        }
        i = write_output(w, &w->c.rows);
        if (w->rules & PARTS) {
            w->objects[i].owner_of = w->c.next;
        }
        w->c.state = 3;
        break;
    case 3:
        w->c.started = w->tick;
        choose_victims(w);
        w->c.state = pick(w, 5) == 0 ? 0 : 4; /* 0: crashed before deleting */
        break;
    default:
        if (w->tick < w->c.started + (w->rules & GRACE ? 60 : 0)) {
            break;
        }
        do { /* in any order */
            i = pick(w, w->n);
        } while (!has(&w->c.victims, i) && memcmp(&w->c.victims, &nothing, sizeof nothing) != 0);
        drop(&w->c.victims, i);
        if (memcmp(&w->c.victims, &nothing, sizeof nothing) == 0) {
            w->c.state = 0;
        }
        drop(&w->present, i);
        break;
    }
}

static void reader_begin(struct world *w, struct reader *r) {
    memset(r, 0, sizeof *r);
    r->active = 1;
    r->born = w->tick;
    r->rows = w->rows;
}

static void reader_finish(struct world *w, struct reader *r) {
    struct set counted;
    int ok = live(w, &r->seen, &counted);
    r->active = 0;
    if (!ok && r->restarts < 5) {
        int rows = r->rows;
        int restarts = r->restarts + 1;
        int born = r->born;
        reader_begin(w, r);
        r->rows = rows;
        r->restarts = restarts;
        r->born = born;
        return;
    }
    w->stale += !ok;
    for (int row = 0; row < w->rows; row++) {
        int n = 0;
        for (int i = 0; i < w->n; i++) {
            n += has(&counted, i) && has(&w->objects[i].rows, row);
        }
        w->missing += n == 0 && row < r->rows;
        w->twice += n > 1;
    }
}

/* One page of two keys of one folder. */
static void reader_step(struct world *w, struct reader *r) {
    static const char *const order[] = {DAY "13/", DAY "14/", DAY "_"};
    const char *folder = order[w->rules & HOURS_FIRST ? r->folder : (r->folder + 2) % 3];
    int best = -1;
    if ((w->rules & GRACE) && w->tick - r->born > 60) { /* longer than any statement may take */
        r->active = 0;
        return;
    }
    for (int k = 0; k < 2; k++) {
        best = -1;
        for (int i = 0; i < w->n; i++) {
            const char *key = w->objects[i].key;
            if (has(&w->present, i) && strncmp(key, folder, strlen(folder)) == 0 &&
                strcmp(key, r->last) > 0 && (best < 0 || strcmp(key, w->objects[best].key) < 0)) {
                best = i;
            }
        }
        if (best >= 0) {
            put(&r->seen, best);
            memcpy(r->last, w->objects[best].key, sizeof r->last);
        }
    }
    if (best < 0) {
        r->last[0] = 0;
        if (++r->folder == 3) {
            reader_finish(w, r);
        }
    }
}

static void schedule(struct world *w, unsigned seed, int rules) {
    struct reader readers[3];
    memset(w, 0, sizeof *w);
    memset(readers, 0, sizeof readers);
    w->seed = seed * 7919 + 17;
    w->rules = rules;
    for (int i = 0; i < 4; i++) {
        write_raw(w);
    }
    for (int s = 0; s < 150; s++) {
        int a = pick(w, 100);
        struct reader *r = &readers[pick(w, 3)];
        w->tick++;
        if (a < 12) {
            write_raw(w);
        } else if (a < 25 && w->c.state == 0) {
            compactor_begin(w);
        } else if (a < 45 && !r->active) {
            reader_begin(w, r);
        } else if (w->c.state && pick(w, 10) < 6) {
            compactor_step(w);
        } else if (r->active) {
            reader_step(w, r);
        }
    }
    for (int i = 0; i < 3; i++) {
        while (readers[i].active) {
            reader_step(w, &readers[i]);
        }
    }
}

/* How many of n schedules lost a row or showed one twice. */
static void run(int rules, unsigned n, unsigned *missing, unsigned *twice) {
    struct world *w = tarn_malloc(sizeof *w);
    *missing = *twice = 0;
    for (unsigned s = 0; s < n; s++) {
        schedule(w, s, rules);
        *missing += w->missing > 0 || w->stale > 0;
        *twice += w->twice > 0;
    }
    tarn_free(w);
}

static void model_all_rules(void **state) {
    unsigned missing = 0;
    unsigned twice = 0;
    (void)state;
    run(ALL, 2000, &missing, &twice);
    assert_int_equal(missing, 0);
    assert_int_equal(twice, 0);
}

/* The model would notice: without any one of these rules it finds rows missing or twice. */
static void model_needs_each_rule(void **state) {
    static const int rules[] = {TRANSITIVE, PARTS, GRACE};
    (void)state;
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        unsigned missing = 0;
        unsigned twice = 0;
        run(ALL & ~rules[i], 500, &missing, &twice);
        if (missing + twice == 0) {
            fail_msg("nothing wrong without rule %d", rules[i]);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(footer_keys),
        cmocka_unit_test(situations),
        cmocka_unit_test(parts),
        cmocka_unit_test(model_all_rules),
        cmocka_unit_test(model_needs_each_rule),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
