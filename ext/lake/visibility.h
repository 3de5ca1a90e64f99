/* visibility.h: which of the files that are present count, so that every row counts once.
**
** The rules stand in catalog.h. Pure: sees files and what their footers say, no store. The files of
** lake/ only, and compaction, which needs the sources of its sources.
*/
#ifndef TARN_VISIBILITY_H
#define TARN_VISIBILITY_H

#include "catalog.h"

/* What a compacted file's footer says about other files. */
struct tarn_masks {
    const char **sources; /* keys */
    size_t n_sources;
    const char **parts; /* keys, all in the file's own folder */
    size_t n_parts;
    int is_part;   /* has tarn.part_of */
    int owns_self; /* its tarn.parts name itself: the part that makes the others count */
    uint64_t generation;
    void *impl;
};

/* TARN_ECORRUPT, naming file and footer key, when a value is not what catalog.h says. */
int tarn_masks_read(struct tarn_masks *out, const char *key, const struct tarn_pq_footer *footer,
                    struct tarn_err *err);
void tarn_masks_release(struct tarn_masks *m);

/* Decides anew for all files that are LIVE, MASKED or PART: sets state and masked_by. `files` are in
** byte order of keys; masks[i] is NULL for a file that says nothing of others. *missing (may be
** NULL) = a part that a counting file names and `files` lack, and *owner the index of that file:
** the caller's listing was too early for the part. */
int tarn_visibility_apply(struct tarn_file *files, size_t n, struct tarn_masks *const *masks,
                          const char **missing, size_t *owner, struct tarn_err *err);

/* Binary search by key; -1 = absent. */
ptrdiff_t tarn_files_find(const struct tarn_file *files, size_t n, const char *key);

#endif
