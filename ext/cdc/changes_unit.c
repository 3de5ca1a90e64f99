/* changes_unit.c: the rows of one commit that waits, as its delta will have them. */
#include <string.h>

#include "changes_impl.h"
#include "mem.h"

#define TEXT_MAX ((size_t)1 << 31)

void tarn_changes_pending_close(struct tarn_changes_pending *p) {
    int i;

    if (!p->open) return;
    tarn_waiting_reader_release(&p->reader);
    tarn_arena_release(&p->lasting);
    tarn_arena_release(&p->row);
    tarn_free(p->definitions);
    for (i = 0; i < TARN_CHANGES_TEXTS; i++)
        tarn_buf_release(&p->texts[i]);
    memset(p, 0, sizeof *p);
}

int tarn_changes_pending_open(struct tarn_changes_pending *p, struct tarn_changes_scan *s,
                              size_t unit, struct tarn_err *err) {
    const struct tarn_waiting_unit *u = &s->waiting->units[unit];
    int i;

    memset(p, 0, sizeof *p);
    p->open = 1;
    tarn_arena_init(&p->lasting, &s->budget);
    tarn_arena_init(&p->row, &s->budget);
    for (i = 0; i < TARN_CHANGES_TEXTS; i++)
        tarn_buf_init(&p->texts[i], TEXT_MAX);
    if (u->sequence) {
        tarn_bookmark_text(p->bookmark, s->timelines[unit], u->sequence, u->time, u->digest);
        tarn_time_iso(u->time, p->ts);
    }
    return tarn_waiting_read(&p->reader, s->waiting, unit, err);
}

static int no_memory(const struct tarn_arena *a, struct tarn_err *err) {
    return tarn_err_set(err, a->rc ? a->rc : TARN_ENOMEM, "changes that wait: a query exceeds %s",
                        a->rc == TARN_ELIMIT ? "the setting memoryBudget" : "the memory there is");
}

/* The body is copied: the record goes when the next one is read. */
static int define(struct tarn_changes_pending *p, const struct tarn_record *r,
                  struct tarn_err *err) {
    struct tarn_changes_definition *grown =
        tarn_reallocarray(p->definitions, p->n_definitions + 1, sizeof *grown);
    struct tarn_slice body = r->body;

    if (!grown) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    p->definitions = grown;
    body.data = tarn_arena_memdup(&p->lasting, body.data, body.len);
    if (!body.data) return no_memory(&p->lasting, err);
    p->definitions[p->n_definitions].number = r->number;
    return tarn_definition_take(&p->definitions[p->n_definitions++].d, body, &p->lasting, err);
}

static const struct tarn_definition *definition(const struct tarn_changes_pending *p,
                                                uint32_t number) {
    size_t i = p->n_definitions;

    while (i-- > 0) {
        if (p->definitions[i].number == number) return &p->definitions[i].d;
    }
    return NULL;
}

int tarn_changes_pending_next(struct tarn_changes_pending *p, int *more, struct tarn_err *err) {
    struct tarn_record r;
    int rc;

    for (;;) {
        rc = tarn_waiting_next(&p->reader, &r, more, err);
        if (rc || !*more) return rc;
        if (r.kind == 'T') {
            rc = define(p, &r, err);
            if (rc) return rc;
            continue;
        }
        p->definition = definition(p, r.number);
        if (!p->definition) {
            return tarn_err_set(err, TARN_ECORRUPT, "changes that wait: a row of no definition");
        }
        tarn_arena_clear(&p->row);
        p->made = 0;
        rc = tarn_change_take(&p->change, p->definition, r.body, &p->row, err);
        if (rc) return rc;
        if (p->change.op == TARN_OP_INSERT || p->change.op == TARN_OP_UPDATE ||
            p->change.op == TARN_OP_DELETE) {
            return TARN_OK;
        }
    }
}

static void make(struct tarn_changes_pending *p, int column) {
    struct tarn_buf *b = &p->texts[column];

    p->made |= 1u << column;
    tarn_buf_clear(b);
    switch (column) {
    case TARN_CHANGES_PK: tarn_change_pk(b, p->definition, &p->change); break;
    case TARN_CHANGES_DATA: tarn_row_json(b, p->definition, p->change.new_row); break;
    default: tarn_row_json(b, p->definition, p->change.old_row); break;
    }
}

static void from_text(struct tarn_slice *out, const char *s) {
    if (!*s) return;
    out->data = (const uint8_t *)s;
    out->len = strlen(s);
}

int tarn_changes_pending_text(struct tarn_changes_pending *p, int column, struct tarn_slice *out,
                              struct tarn_err *err) {
    out->data = NULL;
    out->len = 0;
    switch (column) {
    case TARN_CHANGES_OP: from_text(out, tarn_op_word(p->change.op)); return TARN_OK;
    case TARN_CHANGES_TS: from_text(out, p->ts); return TARN_OK;
    case TARN_CHANGES_BOOKMARK: from_text(out, p->bookmark); return TARN_OK;
    case TARN_CHANGES_DATA:
        if (!p->change.new_row) return TARN_OK;
        break;
    case TARN_CHANGES_PREV:
        if (!p->change.old_row) return TARN_OK;
        break;
    default: break;
    }
    if (!(p->made & 1u << column)) make(p, column);
    if (p->texts[column].rc) {
        return tarn_err_set(err, p->texts[column].rc, "changes that wait: a row is too large");
    }
    out->data = p->texts[column].len ? p->texts[column].data : (const uint8_t *)"";
    out->len = p->texts[column].len;
    return TARN_OK;
}
