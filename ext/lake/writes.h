/* writes.h: how often connections with Tarn have written tables that nobody captures, on this machine:
** a count in a page of memory that the processes share (the file `writes` of the spool folder, or, where
** that can't be made, this process alone).
**
** Who sees that somebody has committed and finds no commit of the outbox for it asks here whether it was
** one of ours. A connection counts while it holds the write lock: who holds it too, and finds the
** count as it was, knows that none of ours has written since.
*/
#ifndef TARN_WRITES_H
#define TARN_WRITES_H

#include <stdatomic.h>
#include <stdint.h>

struct tarn_writes_page {
    _Atomic uint64_t count;
    _Atomic int64_t last; /* monotonic ms of the machine */
};

struct tarn_writes {
    struct tarn_writes_page *page; /* mapped, or &own */
    struct tarn_writes_page own;
};

void tarn_writes_open(struct tarn_writes *w, const char *folder);
void tarn_writes_close(struct tarn_writes *w); /* a zeroed one is fine */
void tarn_writes_note(struct tarn_writes *w);
uint64_t tarn_writes_count(const struct tarn_writes *w);
/* ms since the last one; INT64_MAX when there was none. */
int64_t tarn_writes_age(const struct tarn_writes *w);

#endif
