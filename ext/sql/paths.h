/* paths.h: files that a user names: one path, or a pattern over paths.
**
** `data/x.jsonl`, `/var/log/app/ *.jsonl.gz` (without the space), `logs/ **` and the same with
** file:// in front. The folder before the first special character is opened as a store, so the
** rules of its keys hold: names that begin with a dot or break them don't match a pattern.
*/
#ifndef TARN_PATHS_H
#define TARN_PATHS_H

#include "store.h"

struct tarn_paths {
    struct tarn_store *store;
    struct tarn_object *objects; /* keys relative to the store, in byte order */
    size_t n;
    char *folder; /* as the user wrote it, with its slash; empty for the current one */
    char *key;    /* of a plain path */
    struct tarn_listing listing; /* of a pattern */
};

/* TARN_ENOTFOUND when nothing is there or matches. `what` names the function in messages. */
int tarn_paths_open(struct tarn_paths *p, const char *pattern, const char *what,
                    struct tarn_err *err);
/* File i, under its path as the user wrote it: that is what messages name, those of reads too. */
int tarn_paths_source(const struct tarn_paths *p, size_t i, struct tarn_source *out,
                      struct tarn_err *err);
/* The same path; tarn_free. NULL = no memory. */
char *tarn_paths_name(const struct tarn_paths *p, size_t i);
void tarn_paths_release(struct tarn_paths *p);

#endif
