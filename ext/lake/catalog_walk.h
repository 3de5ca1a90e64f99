/* catalog_walk.h: lists the folders of a lake that a time range and a pattern can lie in.
** For catalog.c only.
*/
#ifndef TARN_CATALOG_WALK_H
#define TARN_CATALOG_WALK_H

#include "keys.h"
#include "store.h"

struct tarn_walk_plan {
    struct tarn_store *store;
    const char *root; /* as tarn_key_root appends it; NULL = the whole lake, as far as glob says */
    const char
        *glob; /* NULL = none; narrows by its literal beginning, the visitor matches the rest */
    int64_t lo, hi; /* what folders must overlap: widened already where they can't be trusted */
};

/* Calls visit for every object found, inside the range or not; another return than 0 ends the walk.
** The object lasts as long as the call. Within a day the hours come before the day's own files. */
int tarn_walk(const struct tarn_walk_plan *plan,
              int (*visit)(void *arg, const struct tarn_object *object, struct tarn_err *err),
              void *arg, struct tarn_err *err);

#endif
