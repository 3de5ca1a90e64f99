/* names.h: names of columns, compared. */
#ifndef TARN_CDC_NAMES_H
#define TARN_CDC_NAMES_H

#include "arena.h"
#include "err.h"
#include "format.h"

/* Looks for a name that comes twice; `fold`: A and a are the same, as for SQLite. *twice is it, or NULL
** when there is none. 0, or what the arena says. Time n log n. */
int tarn_names_twice(const struct tarn_slice *names, size_t n, int fold, struct tarn_arena *arena,
                     const struct tarn_slice **twice);

#endif
