/* plan.h: what a run of commits changes, collection by collection: read once, before the objects that
** hold it are named and written. Rows themselves are not kept.
*/
#ifndef TARN_CDC_PLAN_H
#define TARN_CDC_PLAN_H

#include "deliver.h"
#include "payload.h"
#include "record.h"

/* A form that a collection's rows have from a commit on. */
struct tarn_plan_epoch {
    struct tarn_definition definition;
    struct tarn_slice body;
    const struct tarn_commit *commit;
};

struct tarn_plan_base {
    struct tarn_change_file file;
    const struct tarn_commit *commit;
};

/* An entry of the chain (TARN_OP_ENTRY). */
struct tarn_plan_entry {
    struct tarn_slice text;
    const struct tarn_commit *commit;
};

struct tarn_plan_collection {
    struct tarn_slice name;                     /* "namespace/collection" */
    uint64_t rows;                              /* of its delta */
    uint64_t bytes;                             /* of their bodies */
    uint64_t ops[4];                            /* rows by op; [0] unused */
    const struct tarn_commit *first, *last;     /* the commits with rows of the delta */
    const struct tarn_commit *touched, *latest; /* those that say anything of it */
    struct tarn_plan_epoch *epochs;
    size_t n_epochs;
    struct tarn_plan_base *bases;
    size_t n_bases;
    struct tarn_plan_entry *entries;
    size_t n_entries;
};

struct tarn_deliver_plan {
    struct tarn_deliver_run run;
    struct tarn_plan_collection **collections; /* by name */
    size_t n;
    struct tarn_log_changes changes;
    struct tarn_arena arena;
};

int tarn_plan_make(struct tarn_deliver_plan **out, const struct tarn_deliver_run *run,
                   struct tarn_err *err);
void tarn_plan_free(struct tarn_deliver_plan *p);
/* Does the commit say anything of a collection? */
int tarn_plan_has(const struct tarn_deliver_plan *p, const struct tarn_commit *c,
                  struct tarn_slice name);

#endif
