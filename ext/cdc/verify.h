/* verify.h: is what the lake says of changes what was committed? The chain of digests, computed again.
**
**   flush log: entry ─ entry ─ …     numbered without holes, each continuing the digest of the one before,
**                 │                  a child timeline that of its parent
**                 ├─ commit          digest = SHA-256(before | sequence | time | content)
**                 │    `─ collection   content: the digest of its changes (content.h), which are
**                 └─ delta file        the rows of the delta, made into records again, and the entries
**                                      of the chain that the log keeps; of a base: data.parquet
**
** A commit of events alone is a link whose content is gone: its digest is taken as the log has it, and
** checked by whatever follows it. The oldest entry that is there is the anchor. A handle: open, next
** (one entry each), free.
*/
#ifndef TARN_CDC_VERIFY_H
#define TARN_CDC_VERIFY_H

#include "bookmark.h"
#include "flush_log.h"
#include "lake.h"

struct tarn_verify_spec {
    struct tarn_lake *lake; /* borrowed until free */
    const char *namespace_; /* files of its collections only; NULL = all. Borrowed until free */
    size_t memory_budget;
    int (*interrupted)(void *); /* may be NULL */
    void *interrupted_arg;
};

struct tarn_verify_result { /* of one entry */
    char name[128], id[17]; /* of the database */
    uint32_t timeline;
    uint64_t entry, first, last;
    uint64_t changes; /* records that were checked against digests */
    enum tarn_log_end end;
    struct tarn_err
        fault; /* code 0: everything is as it should be. Else the first thing that isn't: */
    char file[TARN_KEY_MAX + 1];      /* "" or in which object, */
    uint64_t row;                     /* 0 or in which row of it, from 1, */
    char bookmark[TARN_BOOKMARK + 1]; /* "" or at which commit */
};

struct tarn_verify;

int tarn_verify_open(struct tarn_verify **out, const struct tarn_verify_spec *spec,
                     struct tarn_err *err);
/* *more = 0 at the end. The result is valid until the next call. */
int tarn_verify_next(struct tarn_verify *v, const struct tarn_verify_result **out, int *more,
                     struct tarn_err *err);
void tarn_verify_free(struct tarn_verify *v); /* NULL is fine */

#endif
