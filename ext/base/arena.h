/* arena.h: many small allocations that die together, within a budget.
**
** Memory comes in blocks that double up to 1 MiB. Nothing is freed before the arena is. A budget
** may be shared by several arenas (one query): it counts what their blocks hold.
*/
#ifndef TARN_ARENA_H
#define TARN_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct tarn_budget {
    size_t limit; /* bytes; 0 = no limit */
    size_t used;
};

struct tarn_arena {
    struct tarn_arena_block *head;
    struct tarn_budget *budget; /* may be NULL; borrowed */
    int rc;                     /* sticky: TARN_ENOMEM or TARN_ELIMIT */
};

struct tarn_err;
/* "`what` exceeds the setting memoryBudget, N bytes: raise it, or read fewer columns" or rows;
** TARN_ELIMIT. `what` begins with the file, and names the place in it. */
int tarn_budget_fail(const struct tarn_budget *b, struct tarn_err *err, const char *what, ...)
    __attribute__((format(printf, 3, 4)));

void tarn_arena_init(struct tarn_arena *a, struct tarn_budget *budget);
void tarn_arena_release(struct tarn_arena *a);
void tarn_arena_clear(struct tarn_arena *a); /* keeps one block for reuse */
/* 16-byte aligned; NULL and rc set when out of memory or budget. */
void *tarn_arena_alloc(struct tarn_arena *a, size_t n);
void *tarn_arena_calloc(struct tarn_arena *a, size_t n, size_t size);
void *tarn_arena_memdup(struct tarn_arena *a, const void *p, size_t n);
char *tarn_arena_strndup(struct tarn_arena *a, const char *s, size_t n);

#endif
