/* verify_file.c: the rows of a delta or a base, as the records they were made of.
**
** Which definition a row has follows from its bookmark: the last one of the file's tarn.definitions
** that is not after it. A table may have changed within one commit: then an earlier one fits.
*/
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "mem.h"
#include "verify_impl.h"

#define BODY_MAX ((size_t)1 << 31)

void tarn_verify_file_close(struct tarn_verify_file *f) {
    if (!f->scan) return;
    tarn_changes_reader_close(&f->reader);
    tarn_arena_release(&f->forms_arena);
    tarn_arena_release(&f->row);
    tarn_buf_release(&f->body);
    memset(f, 0, sizeof *f);
}

static struct tarn_slice text_of(struct tarn_arena *a, const json_t *v) {
    struct tarn_slice s = {NULL, json_string_length(v)};

    s.data = tarn_arena_memdup(a, json_string_value(v) ? json_string_value(v) : "", s.len + 1);
    return s;
}

static int affinity_of(const char *word) {
    static const char *const words[] = {"BLOB", "TEXT", "NUMERIC", "INTEGER", "REAL"};
    int i;

    for (i = 0; word && i < 5; i++) {
        if (strcmp(word, words[i]) == 0) return 'A' + i;
    }
    return 0;
}

static int take_key(struct tarn_definition *d, struct tarn_arena *a, const json_t *key) {
    size_t i, k;

    d->n_key = d->rowid_key ? 1 : json_array_size(key);
    if (d->rowid_key) return 0;
    if (d->n_key == 0 || d->n_key > 255) return -1;
    d->key = tarn_arena_calloc(a, d->n_key, sizeof *d->key);
    for (i = 0; d->key && i < d->n_key; i++) {
        const json_t *name = json_array_get(key, i);
        const char *s = json_string_value(name);

        for (k = 0; s && k < d->n_columns; k++) {
            if (d->columns[k].name.len == json_string_length(name) &&
                memcmp(d->columns[k].name.data, s, d->columns[k].name.len) == 0) {
                break;
            }
        }
        if (!s || k == d->n_columns) return -1;
        d->key[i] = k;
        d->columns[k].key = (uint8_t)(i + 1);
    }
    return 0;
}

/* As tarn_encode_definition writes it. */
static int take_form(struct tarn_verify_form *out, struct tarn_arena *a, const json_t *o) {
    struct tarn_definition *d = &out->definition;
    const json_t *columns = json_object_get(o, "columns");
    const char *bookmark = json_string_value(json_object_get(o, "bookmark"));
    size_t i;

    if (!bookmark || strlen(bookmark) != TARN_BOOKMARK || !json_is_array(columns)) return -1;
    memcpy(out->bookmark, bookmark, sizeof out->bookmark);
    d->table = text_of(a, json_object_get(o, "table"));
    d->rowid_key = json_is_true(json_object_get(o, "rowid"));
    d->n_columns = json_array_size(columns);
    d->columns = tarn_arena_calloc(a, d->n_columns + 1, sizeof *d->columns);
    for (i = 0; d->columns && i < d->n_columns; i++) {
        const json_t *column = json_array_get(columns, i);
        int affinity = affinity_of(json_string_value(json_object_get(column, "affinity")));

        if (!affinity) return -1;
        d->columns[i].affinity = (uint8_t)affinity;
        d->columns[i].name = text_of(a, json_object_get(column, "name"));
    }
    return a->rc ? 0 : take_key(d, a, json_object_get(o, "key"));
}

static int take_forms(struct tarn_verify_file *f, struct tarn_verify_work *w,
                      struct tarn_err *err) {
    const char *text = tarn_pq_footer_kv(f->reader.footer, "tarn.definitions");
    const char *collection = tarn_pq_footer_kv(f->reader.footer, "tarn.collection");
    json_t *root = text ? json_loads(text, 0, NULL) : NULL;
    size_t n = json_array_size(root);
    int bad = n == 0 || !collection;
    size_t i;

    f->forms = tarn_arena_calloc(&f->forms_arena, n + 1, sizeof *f->forms);
    for (i = 0; f->forms && i < n && !bad; i++) {
        bad = take_form(&f->forms[i], &f->forms_arena, json_array_get(root, i));
        f->forms[i].definition.name.data = (const uint8_t *)collection;
        f->forms[i].definition.name.len = collection ? strlen(collection) : 0;
    }
    f->n_forms = n;
    json_decref(root);
    if (f->forms_arena.rc) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    if (bad) {
        tarn_verify_fault(w, f->file.obj.key, 0, NULL,
                          "tarn.collection or tarn.definitions in the footer is malformed");
    }
    return TARN_OK;
}

/* Is it the lake that is at fault, and not memory, the network or the user? */
static int is_fault(int rc) {
    return rc == TARN_ECORRUPT || rc == TARN_EUNSUPPORTED || rc == TARN_ENOTFOUND;
}

int tarn_verify_file_open(struct tarn_verify_file *f, struct tarn_verify_work *w, const char *key,
                          int is_base, int *there, struct tarn_err *err) {
    uint32_t columns = (1u << TARN_CHANGES_TEXTS) - 1;
    struct tarn_err why = {0};
    int rc;

    memset(f, 0, sizeof *f);
    f->scan = &w->scan;
    f->is_base = is_base;
    tarn_arena_init(&f->forms_arena, NULL);
    tarn_arena_init(&f->row, &w->scan.budget);
    tarn_buf_init(&f->body, BODY_MAX);
    rc = tarn_store_head(tarn_lake_store(w->scan.lake), key, &f->file.obj, &why);
    *there = rc != TARN_ENOTFOUND;
    f->file.obj.key = f->file.name = tarn_arena_strndup(&f->forms_arena, key, strlen(key));
    if (!f->file.name) rc = tarn_err_set(&why, TARN_ENOMEM, "out of memory");
    if (rc == TARN_OK) rc = tarn_changes_reader_footer(&f->reader, &w->scan, &f->file, &why);
    if (rc == TARN_OK) {
        rc = tarn_changes_reader_start(&f->reader, &w->scan, columns, NULL, 0, &why);
    }
    if (rc && !is_fault(rc)) rc = tarn_err_set(err, rc, "%s", why.msg);
    if (rc && is_fault(rc) && *there) tarn_verify_fault(w, key, 0, NULL, "%s", why.msg);
    if (rc == TARN_OK) rc = take_forms(f, w, err);
    if (rc == TARN_OK && w->result->fault.code == 0) return TARN_OK;
    tarn_verify_file_close(f);
    return is_fault(rc) ? TARN_OK : rc;
}

static int is_text(struct tarn_slice s, const char *want) {
    return s.data && s.len == strlen(want) && memcmp(s.data, want, s.len) == 0;
}

/* The row at hand as a record, in the latest form that fits. */
static int make_body(struct tarn_verify_file *f, const char *bookmark, struct tarn_err *err) {
    struct tarn_slice op, pk, data, prev;
    size_t i = f->n_forms;
    int word;
    int rc = TARN_ECORRUPT;

    tarn_changes_reader_text(&f->reader, TARN_CHANGES_OP, &op);
    tarn_changes_reader_text(&f->reader, TARN_CHANGES_PK, &pk);
    tarn_changes_reader_text(&f->reader, TARN_CHANGES_DATA, &data);
    tarn_changes_reader_text(&f->reader, TARN_CHANGES_PREV, &prev);
    word = f->is_base ? TARN_OP_INSERT : tarn_op_from_word(op);
    while (i-- > 0 && rc == TARN_ECORRUPT) {
        if (strcmp(f->forms[i].bookmark, bookmark) > 0) continue;
        tarn_buf_clear(&f->body);
        rc = tarn_change_from_delta(&f->body, &f->forms[i].definition, word, pk, data, prev,
                                    &f->row, err);
    }
    if (rc) return rc == TARN_ECORRUPT ? tarn_err_set(err, rc, "no definition holds at it") : rc;
    if (f->is_base) f->body.data[0] = TARN_OP_BASE;
    return TARN_OK;
}

int tarn_verify_file_next(struct tarn_verify_file *f, struct tarn_verify_work *w,
                          const char *bookmark, const char *ts, int *more, struct tarn_err *err) {
    const char *key = f->file.obj.key;
    struct tarn_slice found, time;
    struct tarn_err why = {0};
    int rc = tarn_changes_reader_next(&f->reader, &w->scan, more, &why);

    if (rc == TARN_OK && !*more) return TARN_OK;
    f->rows++;
    if (rc == TARN_OK) {
        tarn_changes_reader_text(&f->reader, TARN_CHANGES_BOOKMARK, &found);
        tarn_changes_reader_text(&f->reader, TARN_CHANGES_TS, &time);
        if (!is_text(found, bookmark)) {
            tarn_verify_fault(
                w, key, f->rows, bookmark,
                "expected this bookmark, found %.*s: a row is missing, or one too many",
                (int)(found.len < 64 ? found.len : 64),
                found.data ? (const char *)found.data : "NULL");
            *more = 0;
            return TARN_OK;
        }
        if (!is_text(time, ts)) {
            tarn_verify_fault(w, key, f->rows, bookmark, "ts is not the time of the commit, %s",
                              ts);
        }
        tarn_arena_clear(&f->row);
        rc = make_body(f, bookmark, &why);
    }
    if (rc == TARN_OK) return TARN_OK;
    *more = 0;
    if (!is_fault(rc)) return tarn_err_set(err, rc, "%s", why.msg);
    tarn_verify_fault(w, key, f->rows, bookmark, "%s", why.msg);
    return TARN_OK;
}
