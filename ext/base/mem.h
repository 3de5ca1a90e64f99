/* mem.h: allocation behind one door, so that `make fault` can fail each one in turn.
**
** Plain malloc/calloc/realloc/free of the C library, plus a countdown that tests set: when it
** reaches zero the allocation returns NULL. Code of ours allocates through these and nothing else
** (memory that SQLite frees comes from sqlite3_malloc64 instead).
*/
#ifndef TARN_MEM_H
#define TARN_MEM_H

#include <stddef.h>

void *tarn_malloc(size_t n);              /* n == 0 gives a unique pointer */
void *tarn_calloc(size_t n, size_t size); /* overflow-checked */
void *tarn_realloc(void *p, size_t n);
void *tarn_reallocarray(void *p, size_t n, size_t size); /* overflow-checked */
void tarn_free(void *p);
char *tarn_strdup(const char *s);
char *tarn_strndup(const char *s, size_t n);
void *tarn_memdup(const void *p, size_t n);

/* Tests only: the n-th allocation from now on fails (1 = the next); 0 switches it off; with
** `sticky` all after it fail too. Returns how many allocations were made since the last call. */
unsigned long tarn_mem_fail_after(unsigned long n, int sticky);

#endif
