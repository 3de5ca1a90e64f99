/* pagebuf.h: bytes of pages and dictionaries, shared by reference count within one scan.
**
** The reader holds what it decodes from; a batch holds what its byte values point into, so it stays
** valid whatever the reader does next. Counts against the budget until the last reference is gone.
** Not thread-safe.
*/
#ifndef TARN_PAGEBUF_H
#define TARN_PAGEBUF_H

#include "arena.h"
#include "err.h"
#include "format.h"

#define TARN_PAGE_MAX ((size_t)1 << 30) /* no page, compressed or not, is larger */

struct tarn_pagebuf {
    uint8_t *data; /* 16-byte aligned */
    size_t cap;
    uint32_t refs;
    struct tarn_budget *budget;  /* may be NULL */
    struct tarn_pagebuf *parent; /* kept alive as long as this one; may be NULL */
};

/* TARN_ENOMEM, or TARN_ELIMIT when over the budget; `what` and `name` are for the message. */
int tarn_pagebuf_new(struct tarn_pagebuf **out, size_t size, struct tarn_budget *budget,
                     const char *what, const char *name, struct tarn_err *err);
struct tarn_pagebuf *tarn_pagebuf_ref(struct tarn_pagebuf *b);
void tarn_pagebuf_free(struct tarn_pagebuf *b); /* drops a reference; NULL is fine */

struct tarn_pagelist { /* references that a batch holds */
    struct tarn_pagebuf **items;
    size_t n, cap;
};
/* Adds a reference unless the list has it already among its last few. */
int tarn_pagelist_add(struct tarn_pagelist *l, struct tarn_pagebuf *b, struct tarn_err *err);
void tarn_pagelist_clear(struct tarn_pagelist *l); /* drops the references, keeps the memory */
void tarn_pagelist_release(struct tarn_pagelist *l);

#endif
