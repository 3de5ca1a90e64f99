/* arena.c: blocks of memory handed out from front to back.
**
**   head -> [ prev | size | used | 16-byte aligned bytes ... ] -> older block -> ... -> NULL
**
** Only the head has free room. A request that would waste most of a fresh block gets a block of its
** own, placed behind the head, whose room stays in use. Invariant: budget->used equals the sizes of
** the blocks of all arenas that share it. Not thread-safe: an arena and its budget belong to one
** thread at a time.
*/
#include "arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "err.h"
#include "mem.h"

#define FIRST_BLOCK ((size_t)4096)
#define LARGEST_BLOCK ((size_t)1 << 20)
#define ALIGN ((size_t)16)

struct tarn_arena_block {
    struct tarn_arena_block *prev;
    size_t size; /* of the whole allocation, this header included */
    size_t used; /* from the beginning of bytes */
    alignas(16) unsigned char bytes[];
};

#define HEADER sizeof(struct tarn_arena_block)

int tarn_budget_fail(const struct tarn_budget *b, struct tarn_err *err, const char *what, ...) {
    struct tarn_err head = {0};
    char text[sizeof head.msg - 96]; /* so that the advice fits behind it */
    va_list ap;

    va_start(ap, what);
    (void)vsnprintf(text, sizeof text, what, ap);
    va_end(ap);
    return tarn_err_set(err, TARN_ELIMIT,
                        "%s exceeds the setting memoryBudget, %zu bytes: raise it, or read fewer "
                        "columns or rows",
                        text, b ? b->limit : 0);
}

void tarn_arena_init(struct tarn_arena *a, struct tarn_budget *budget) {
    a->head = NULL;
    a->budget = budget;
    a->rc = TARN_OK;
}

static void free_blocks(struct tarn_arena *a, struct tarn_arena_block *b) {
    while (b != NULL) {
        struct tarn_arena_block *prev = b->prev;

        if (a->budget != NULL) a->budget->used -= b->size;
        tarn_free(b);
        b = prev;
    }
}

void tarn_arena_release(struct tarn_arena *a) {
    free_blocks(a, a->head);
    tarn_arena_init(a, a->budget);
}

void tarn_arena_clear(struct tarn_arena *a) {
    a->rc = TARN_OK;
    if (a->head == NULL) return;
    free_blocks(a, a->head->prev);
    a->head->prev = NULL;
    a->head->used = 0;
}

static int fits(const struct tarn_budget *budget, size_t n) {
    if (budget == NULL || budget->limit == 0) return 1;
    return budget->used <= budget->limit && n <= budget->limit - budget->used;
}

/* A block with room for n bytes, linked in; NULL and rc set when there is none. */
static struct tarn_arena_block *add_block(struct tarn_arena *a, size_t n) {
    struct tarn_arena_block *b = NULL;
    size_t size = a->head == NULL ? FIRST_BLOCK : a->head->size * 2;
    int own = 0;

    if (n > SIZE_MAX - HEADER) {
        a->rc = TARN_ENOMEM;
        return NULL;
    }
    if (size > LARGEST_BLOCK) size = LARGEST_BLOCK;
    own = a->head != NULL && n + HEADER > size / 2;
    if (own || n + HEADER > size || !fits(a->budget, size)) size = n + HEADER;
    if (!fits(a->budget, size)) {
        a->rc = TARN_ELIMIT;
        return NULL;
    }
    b = tarn_malloc(size);
    if (b == NULL) {
        a->rc = TARN_ENOMEM;
        return NULL;
    }
    b->size = size;
    b->used = 0;
    if (own) {
        b->prev = a->head->prev;
        a->head->prev = b;
    } else {
        b->prev = a->head;
        a->head = b;
    }
    if (a->budget != NULL) a->budget->used += size;
    return b;
}

void *tarn_arena_alloc(struct tarn_arena *a, size_t n) {
    struct tarn_arena_block *b = a->head;
    size_t need = n == 0 ? ALIGN : (n + ALIGN - 1) & ~(ALIGN - 1);
    void *p = NULL;

    if (a->rc != TARN_OK) return NULL;
    if (need < n) {
        a->rc = TARN_ENOMEM;
        return NULL;
    }
    if (b == NULL || need > b->size - HEADER - b->used) {
        b = add_block(a, need);
        if (b == NULL) return NULL;
    }
    p = b->bytes + b->used;
    b->used += need;
    return p;
}

void *tarn_arena_calloc(struct tarn_arena *a, size_t n, size_t size) {
    void *p = NULL;

    if (a->rc == TARN_OK && size > 0 && n > SIZE_MAX / size) a->rc = TARN_ENOMEM;
    p = tarn_arena_alloc(a, n * size);
    if (p != NULL) memset(p, 0, n * size);
    return p;
}

void *tarn_arena_memdup(struct tarn_arena *a, const void *p, size_t n) {
    void *copy = tarn_arena_alloc(a, n);

    if (copy != NULL && n > 0) memcpy(copy, p, n);
    return copy;
}

char *tarn_arena_strndup(struct tarn_arena *a, const char *s, size_t n) {
    size_t len = n > 0 ? strnlen(s, n) : 0;
    char *copy = tarn_arena_alloc(a, len + 1);

    if (copy == NULL) return NULL;
    if (len > 0) memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}
