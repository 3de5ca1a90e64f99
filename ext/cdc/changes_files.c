/* changes_files.c: names of delta files, and what they prove. See changes_files.h.
**
** The folder deltas/ is listed before processed/: archiving puts a file there before it deletes the
** first one, so a file that the first listing misses is in the second.
*/
#include "changes_files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "buf.h"
#include "mem.h"
#include "time.h"

#define BOUND 26 /* "tttttttt-ssssssssssssssss" and a NUL */
#define MINUTE INT64_C(60000)

static const char *take_digits(const char *s, int least, int most, uint64_t *out) {
    int n = 0;

    *out = 0;
    for (; n < most && s[n] >= '0' && s[n] <= '9'; n++) {
        if (*out > (UINT64_MAX - 9) / 10) return NULL;
        *out = *out * 10 + (uint64_t)(s[n] - '0');
    }
    return n >= least ? s + n : NULL;
}

static const char *take_char(const char *s, char want) {
    return s && *s == want ? s + 1 : NULL;
}

/* "-t" and 8 hex digits. */
static const char *take_timeline(const char *s, uint32_t *out) {
    *out = 0;
    if (!s || strncmp(s, "-t", 2) != 0) return s;
    if (strspn(s + 2, "0123456789abcdef") != 8) return NULL;
    *out = (uint32_t)strtoul(s + 2, NULL, 16);
    return s + 10;
}

/* "YYYY-MM-DDTHH-MM" */
static const char *take_minute(const char *s, int64_t *ms) {
    char text[17];

    if (!s || strnlen(s, 16) < 16 || s[13] != '-' || s[10] != 'T') return NULL;
    memcpy(text, s, 16);
    text[13] = ':';
    text[16] = 0;
    return tarn_time_parse(text, 16, ms) == 0 ? s + 16 : NULL;
}

int tarn_changes_name(struct tarn_changes_file *out, const char *name) {
    const char *s = take_digits(name, 3, 20, &out->first);

    if (s) s = take_char(s, '_');
    s = take_minute(s, &out->from);
    s = take_timeline(s, &out->timeline);
    if (!s || strcmp(s, ".parquet") != 0) return -1;
    out->name = name;
    out->end = UINT64_MAX;
    out->upto = TARN_TIME_MAX;
    return 0;
}

static int by_place(const void *a, const void *b) {
    const struct tarn_changes_file *x = a;
    const struct tarn_changes_file *y = b;
    int order;

    if (x->timeline != y->timeline) return x->timeline < y->timeline ? -1 : 1;
    if (x->first != y->first) return x->first < y->first ? -1 : 1;
    order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->obj.key, y->obj.key);
}

/* Each name once (deltas/ sorts before processed/), and where each file's changes end. */
static void settle_order(struct tarn_changes_list *l) {
    size_t i;
    size_t n = 0;

    if (l->n == 0) return;
    qsort(l->files, l->n, sizeof *l->files, by_place);
    for (i = 0; i < l->n; i++) {
        if (n > 0 && strcmp(l->files[n - 1].name, l->files[i].name) == 0) continue;
        l->files[n++] = l->files[i];
    }
    l->n = n;
    for (i = 0; i + 1 < n; i++) {
        const struct tarn_changes_file *next = &l->files[i + 1];

        if (next->timeline != l->files[i].timeline || next->first == l->files[i].first) continue;
        l->files[i].end = next->first;
        if (next->from <= TARN_TIME_MAX - MINUTE) l->files[i].upto = next->from + MINUTE - 1;
    }
}

static int list_folder(struct tarn_changes_list *l, int i, struct tarn_store *store,
                       const char *collection, struct tarn_err *err) {
    static const char *const folders[] = {"deltas", "processed"};
    struct tarn_changes_file *grown;
    char prefix[TARN_KEY_MAX];
    size_t k;
    int rc;

    if ((size_t)snprintf(prefix, sizeof prefix, "cdc/%s/%s/", collection, folders[i]) >=
        sizeof prefix) {
        return tarn_err_set(err, TARN_EINVAL, "the name of collection %.100s is too long",
                            collection);
    }
    rc = tarn_store_list(store, prefix, '/', NULL, 0, &l->folders[i], err);
    if (rc) return rc;
    l->listed += l->folders[i].n_objects;
    grown = tarn_reallocarray(l->files, l->n + l->folders[i].n_objects + 1, sizeof *grown);
    if (!grown) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    l->files = grown;
    for (k = 0; k < l->folders[i].n_objects; k++) {
        struct tarn_changes_file *f = &l->files[l->n];

        memset(f, 0, sizeof *f);
        f->obj = l->folders[i].objects[k];
        if (tarn_changes_name(f, f->obj.key + strlen(prefix)) == 0) l->n++;
    }
    return TARN_OK;
}

int tarn_changes_list(struct tarn_changes_list **out, struct tarn_store *store,
                      const char *collection, struct tarn_err *err) {
    struct tarn_changes_list *l = tarn_calloc(1, sizeof *l);
    int rc;

    *out = NULL;
    if (!l) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    rc = list_folder(l, 0, store, collection, err);
    if (rc == TARN_OK) rc = list_folder(l, 1, store, collection, err);
    if (rc) {
        tarn_changes_list_free(l);
        return rc;
    }
    settle_order(l);
    *out = l;
    return TARN_OK;
}

void tarn_changes_list_free(struct tarn_changes_list *l) {
    if (!l) return;
    tarn_free(l->files);
    tarn_listing_release(&l->folders[0]);
    tarn_listing_release(&l->folders[1]);
    tarn_free(l);
}

static int compare(struct tarn_slice a, struct tarn_slice b) {
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.data, b.data, n) : 0;

    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* Is it a bookmark of ours, at least up to its sequence? */
static int is_bookmark(struct tarn_slice s) {
    size_t i;

    if (s.len < BOUND - 1 || s.data[8] != '-') return 0;
    for (i = 0; i < BOUND - 1; i++) {
        if (i != 8 && !memchr("0123456789abcdef", s.data[i], 16)) return 0;
    }
    return 1;
}

struct bounds { /* every value v: low <= v, and v < high, or v <= high when `closed` */
    char low_text[TARN_TIME_LEN + 3], high_text[TARN_TIME_LEN + 3];
    struct tarn_slice low, high; /* high.data = NULL: none */
    int closed;
};

static void bookmark_bounds(struct bounds *b, const struct tarn_changes_file *f) {
    snprintf(b->low_text, sizeof b->low_text, "%08" PRIx32 "-%016" PRIx64, f->timeline, f->first);
    b->closed = 0;
    b->high.data = NULL;
    if (f->end != UINT64_MAX) {
        snprintf(b->high_text, sizeof b->high_text, "%08" PRIx32 "-%016" PRIx64, f->timeline,
                 f->end);
    } else if (f->timeline != UINT32_MAX) {
        snprintf(b->high_text, sizeof b->high_text, "%08" PRIx32, f->timeline + 1);
    } else {
        b->high_text[0] = 0;
    }
}

static void set_bounds(struct bounds *b) {
    b->low = (struct tarn_slice){(const uint8_t *)b->low_text, strlen(b->low_text)};
    b->high = (struct tarn_slice){(const uint8_t *)b->high_text, strlen(b->high_text)};
    if (b->high.len == 0) b->high.data = NULL;
}

/* -1: all values are above c; 1: all are below it; 0: neither. *touches: one may equal c. */
static int place(const struct bounds *b, struct tarn_slice c, int *touches) {
    int low = compare(b->low, c);
    int high = b->high.data ? compare(b->high, c) : 1;

    *touches = low <= 0 && (high > 0 || (high == 0 && b->closed));
    if (low > 0) return -1;
    return b->high.data && (high < 0 || (high == 0 && !b->closed));
}

int tarn_changes_excludes(const struct tarn_changes_file *f, const struct tarn_predicate *p) {
    struct bounds b;
    uint32_t i;
    int touches = 0;

    if (p->column == TARN_CHANGES_BOOKMARK) {
        bookmark_bounds(&b, f);
    } else if (p->column == TARN_CHANGES_TS) {
        tarn_time_iso(f->from, b.low_text);
        tarn_time_iso(f->upto, b.high_text);
        b.closed = 1;
    } else {
        return 0;
    }
    set_bounds(&b);
    for (i = 0; i < p->n; i++) {
        struct tarn_slice c = p->constants[i].bytes;
        int where;

        if (p->column == TARN_CHANGES_BOOKMARK && !is_bookmark(c)) return 0;
        where = place(&b, c, &touches);
        switch (p->op) {
        case TARN_OP_EQ: return !touches;
        case TARN_OP_IN:
            if (touches) return 0;
            break;
        case TARN_OP_LT: return compare(b.low, c) >= 0;
        case TARN_OP_LE: return where < 0;
        case TARN_OP_GT: return where > 0 || (b.closed && compare(b.high, c) <= 0);
        case TARN_OP_GE: return where > 0;
        default: return 0;
        }
    }
    return p->op == TARN_OP_IN;
}

int tarn_changes_matches(const struct tarn_predicate *p, struct tarn_slice text) {
    uint32_t i;
    int order;

    if (!text.data) return 0;
    for (i = 0; p->op == TARN_OP_IN && i < p->n; i++) {
        if (compare(text, p->constants[i].bytes) == 0) return 1;
    }
    if (p->op == TARN_OP_IN || p->n == 0) return p->op != TARN_OP_IN;
    order = compare(text, p->constants[0].bytes);
    switch (p->op) {
    case TARN_OP_EQ: return order == 0;
    case TARN_OP_NE: return order != 0;
    case TARN_OP_LT: return order < 0;
    case TARN_OP_LE: return order <= 0;
    case TARN_OP_GT: return order > 0;
    case TARN_OP_GE: return order >= 0;
    default: return 1;
    }
}

static int parse_range(struct tarn_changes_range *out, const json_t *o) {
    const char *database = json_string_value(json_object_get(o, "database"));
    const json_t *timeline = json_object_get(o, "timeline");
    json_int_t entry = json_integer_value(json_object_get(o, "entry"));
    json_int_t first = json_integer_value(json_object_get(o, "first"));
    json_int_t last = json_integer_value(json_object_get(o, "last"));

    if (!database || strlen(database) != 16 || first <= 0 || last < first || entry < 0) return -1;
    memcpy(out->database, database, sizeof out->database);
    out->timeline = json_is_string(timeline)
                        ? (uint32_t)strtoul(json_string_value(timeline), NULL, 16)
                        : (uint32_t)json_integer_value(timeline);
    out->entry = (uint64_t)entry;
    out->first = (uint64_t)first;
    out->last = (uint64_t)last;
    return 0;
}

int tarn_changes_range(struct tarn_changes_range *out, const struct tarn_pq_footer *footer,
                       const char *id, int *found, struct tarn_err *err) {
    const char *text = tarn_pq_footer_kv(footer, "tarn.ranges");
    json_t *root = text ? json_loads(text, 0, NULL) : NULL;
    int rc = TARN_OK;
    size_t i;

    *found = 0;
    if (text && !json_is_array(root)) rc = TARN_ECORRUPT;
    for (i = 0; i < json_array_size(root) && rc == TARN_OK && !*found; i++) {
        if (parse_range(out, json_array_get(root, i)))
            rc = TARN_ECORRUPT;
        else
            *found = strcmp(out->database, id) == 0;
    }
    json_decref(root);
    return rc ? tarn_err_set(err, rc, "tarn.ranges in the footer is malformed") : TARN_OK;
}

/* One definition: {"rowid":false,"key":["id"],"columns":[{"name":"id","affinity":"INTEGER"}]} */
static int integer_key(const json_t *definition) {
    const json_t *key = json_object_get(definition, "key");
    const json_t *columns = json_object_get(definition, "columns");
    const char *name = json_string_value(json_array_get(key, 0));
    size_t i;

    if (json_is_true(json_object_get(definition, "rowid"))) return 1;
    if (json_array_size(key) != 1 || !name) return 0;
    for (i = 0; i < json_array_size(columns); i++) {
        const json_t *column = json_array_get(columns, i);
        const char *this = json_string_value(json_object_get(column, "name"));
        const char *affinity = json_string_value(json_object_get(column, "affinity"));

        if (this && strcmp(this, name) == 0) return affinity && strcmp(affinity, "INTEGER") == 0;
    }
    return 0;
}

int tarn_changes_integer_key(const struct tarn_pq_footer *footer) {
    const char *text = tarn_pq_footer_kv(footer, "tarn.definitions");
    json_t *root = text ? json_loads(text, 0, NULL) : NULL;
    int yes = json_array_size(root) > 0;
    size_t i;

    for (i = 0; yes && i < json_array_size(root); i++)
        yes = integer_key(json_array_get(root, i));
    json_decref(root);
    return yes;
}
