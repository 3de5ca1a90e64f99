/* mem.c: the door that every allocation passes, with a countdown that tests set.
**
** Before the first tarn_mem_fail_after an allocation costs one relaxed load more than malloc; from
** then on the process counts. The countdown is one atomic: of threads that allocate at the same
** time exactly one meets the n-th.
*/
#include "mem.h"

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static atomic_int watching;    /* set by the first tarn_mem_fail_after, never reset */
static atomic_ulong made;      /* allocations since its last call */
static atomic_ulong countdown; /* 0 = off; 1 = the next one fails */
static atomic_int stays;       /* the countdown stops at 1 */

static int counted(void) {
    unsigned long left = 0, then = 0;

    atomic_fetch_add_explicit(&made, 1, memory_order_relaxed);
    left = atomic_load(&countdown);
    do {
        if (left == 0) return 0;
        then = left == 1 && atomic_load(&stays) ? 1 : left - 1;
    } while (!atomic_compare_exchange_weak(&countdown, &left, then));
    return left == 1;
}

static inline int refused(void) {
    if (__builtin_expect(!atomic_load_explicit(&watching, memory_order_relaxed), 1)) return 0;
    return counted();
}

unsigned long tarn_mem_fail_after(unsigned long n, int sticky) {
    atomic_store(&watching, 1);
    atomic_store(&countdown, 0);
    atomic_store(&stays, sticky != 0);
    atomic_store(&countdown, n);
    return atomic_exchange(&made, 0);
}

void *tarn_malloc(size_t n) {
    return refused() ? NULL : malloc(n > 0 ? n : 1);
}

void *tarn_calloc(size_t n, size_t size) {
    if ((size > 0 && n > SIZE_MAX / size) || refused()) return NULL;
    return n == 0 || size == 0 ? calloc(1, 1) : calloc(n, size);
}

void *tarn_realloc(void *p, size_t n) {
    return refused() ? NULL : realloc(p, n > 0 ? n : 1);
}

void *tarn_reallocarray(void *p, size_t n, size_t size) {
    if (size > 0 && n > SIZE_MAX / size) return NULL;
    return tarn_realloc(p, n * size);
}

void tarn_free(void *p) {
    free(p);
}

char *tarn_strdup(const char *s) {
    return tarn_memdup(s, strlen(s) + 1);
}

char *tarn_strndup(const char *s, size_t n) {
    size_t len = strnlen(s, n);
    char *copy = tarn_malloc(len + 1);

    if (copy == NULL) return NULL;
    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

void *tarn_memdup(const void *p, size_t n) {
    void *copy = tarn_malloc(n);

    if (copy != NULL && n > 0) memcpy(copy, p, n);
    return copy;
}
