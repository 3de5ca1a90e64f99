/* spill.h: append-only bytes that stay in memory up to a limit and go to a temporary file beyond
** it; they can be cut back to any earlier length (a savepoint) and read at any offset.
**
**   [ file: the first `spilled` bytes | leaving: a thread writes them to the file | memory: the rest ]
**
** What is appended in one call is never split between the three. The file is unlinked at once: it
** disappears with the process. A thread's write that fails is made again by the next one that needs
** the room, which reports the error; until then the bytes are still in memory.
** With a `folder` the file has a name there ({ULID}.changes), which tarn_spill_keep leaves.
*/
#ifndef TARN_SPILL_H
#define TARN_SPILL_H

#include <pthread.h>

#include "buf.h"

#define TARN_SPILL_MEMORY ((size_t)16 << 20)

struct tarn_spill {
    struct tarn_buf memory, leaving;
    uint64_t spilled;
    int fd; /* -1 = none yet */
    pthread_t writer;
    int writing;        /* the process whose thread writes `leaving` (a fork has none), or 0 */
    int written;        /* by that thread, without an error */
    const char *folder; /* borrowed; NULL = a temporary file */
    char *path;         /* owned; of the file, when it has a name */
    int owner;          /* the process that made it: a fork does not remove it */
    /* NULL, or called with all that has gone to the file, in order and once, by the thread that wrote
    ** it; what it is given are whole appends. 0, or it is not called any more. */
    int (*watch)(void *ctx, const uint8_t *p, size_t n);
    void *watch_ctx;
    uint64_t watched; /* bytes that it was given; UINT64_MAX: not those that are there */
};

/* One reader's place: several may read at once while nothing is appended or cut. */
struct tarn_spill_window {
    struct tarn_buf bytes; /* of the file, from `at` on */
    uint64_t at;
};

void tarn_spill_init(struct tarn_spill *s);
void tarn_spill_release(struct tarn_spill *s); /* as after init */
void tarn_spill_clear(struct tarn_spill *s);   /* empties; keeps a little memory for the next use */
uint64_t tarn_spill_len(const struct tarn_spill *s);
int tarn_spill_append(struct tarn_spill *s, const void *p, size_t n, struct tarn_err *err);
int tarn_spill_truncate(struct tarn_spill *s, uint64_t len, struct tarn_err *err);
/* Everything is in the file, and the file on the disk; it stays when the spill is released or cleared
** after tarn_spill_keep. */
int tarn_spill_store(struct tarn_spill *s, struct tarn_err *err);
/* Was `watch` given all that there is, and nothing that was cut off? Else the bytes are to be read. It
** is over then, until the spill is cleared. Called after tarn_spill_store. */
int tarn_spill_watched(struct tarn_spill *s);
const char *tarn_spill_name(const struct tarn_spill *s); /* of the file, without its folder */
void tarn_spill_keep(struct tarn_spill *s);
void tarn_spill_window_init(struct tarn_spill_window *w);
void tarn_spill_window_release(struct tarn_spill_window *w);
/* n bytes from `offset` on; the pointer is valid until the next call with the same window, or the
** next append. */
int tarn_spill_read(const struct tarn_spill *s, struct tarn_spill_window *w, uint64_t offset,
                    size_t n, const uint8_t **out, struct tarn_err *err);
/* How many bytes lie in one piece from `offset` on (what one read may ask for). */
uint64_t tarn_spill_piece(const struct tarn_spill *s, uint64_t offset);

#endif
