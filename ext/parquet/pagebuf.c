/* pagebuf.c: counted buffers and lists of references to them.
**
** One allocation each: [ struct | bytes ]. The budget is charged for the whole allocation when it
** is made and given back when the last reference goes.
*/
#include "pagebuf.h"

#include <stdalign.h>

#include "mem.h"

struct block {
    struct tarn_pagebuf buf;
    alignas(16) uint8_t bytes[];
};

int tarn_pagebuf_new(struct tarn_pagebuf **out, size_t size, struct tarn_budget *budget,
                     const char *what, const char *name, struct tarn_err *err) {
    struct block *b = NULL;
    size_t total = sizeof *b + size;
    *out = NULL;
    if (budget && budget->limit && (total > budget->limit || budget->used > budget->limit - total))
        return tarn_budget_fail(budget, err, "%s: %s of %zu bytes, beside %zu in use,", name, what,
                                size, budget->used);
    b = tarn_malloc(total);
    if (!b)
        return tarn_err_set(err, TARN_ENOMEM, "%s: no memory for %s of %zu bytes", name, what,
                            size);
    b->buf.data = b->bytes;
    b->buf.cap = size;
    b->buf.refs = 1;
    b->buf.budget = budget;
    b->buf.parent = NULL;
    if (budget) budget->used += total;
    *out = &b->buf;
    return TARN_OK;
}

struct tarn_pagebuf *tarn_pagebuf_ref(struct tarn_pagebuf *b) {
    if (b) b->refs++;
    return b;
}

void tarn_pagebuf_free(struct tarn_pagebuf *b) {
    while (b && --b->refs == 0) {
        struct tarn_pagebuf *parent = b->parent;
        if (b->budget) b->budget->used -= sizeof(struct block) + b->cap;
        tarn_free(b);
        b = parent;
    }
}

int tarn_pagelist_add(struct tarn_pagelist *l, struct tarn_pagebuf *b, struct tarn_err *err) {
    if (!b) return TARN_OK;
    for (size_t i = l->n, tries = 0; i > 0 && tries < 4; i--, tries++)
        if (l->items[i - 1] == b) return TARN_OK;
    if (l->n == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        struct tarn_pagebuf **items = tarn_reallocarray(l->items, cap, sizeof *items);
        if (!items) return tarn_err_set(err, TARN_ENOMEM, "no memory for a list of pages");
        l->items = items;
        l->cap = cap;
    }
    l->items[l->n++] = tarn_pagebuf_ref(b);
    return TARN_OK;
}

void tarn_pagelist_clear(struct tarn_pagelist *l) {
    for (size_t i = 0; i < l->n; i++)
        tarn_pagebuf_free(l->items[i]);
    l->n = 0;
}

void tarn_pagelist_release(struct tarn_pagelist *l) {
    tarn_pagelist_clear(l);
    tarn_free(l->items);
    l->items = NULL;
    l->cap = 0;
}
