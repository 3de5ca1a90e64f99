/* deliver.h: what the flusher asks of whoever knows changes of rows (ext/cdc): the objects of an entry
** that hold them. The lake knows frames, file names and keys of events; bodies of changes, and what
** their objects look like, it doesn't. Registered once, at load.
**
**   plan      reads the commits of a run, once
**   list      adds its objects and its "changes" to an entry that is being made
**   claim     before anything is put: is each collection this database's?
**   put       puts the objects, if absent
**   finish    after the entry is done: what is kept beside the objects follows from it
*/
#ifndef TARN_DELIVER_H
#define TARN_DELIVER_H

#include "flush_log.h"

struct tarn_deliver_run {
    const struct tarn_commit *first; /* from this one */
    uint64_t last;                   /* to this one; the `next` of the last is not looked at */
    const char *spool;               /* folder of spool files, with room for temporary ones */
};

struct tarn_deliver_plan;

struct tarn_deliver {
    /* TARN_ENOTFOUND: a file of changes is gone, delivered by another process or lost. The run's
    ** commits are borrowed until release. */
    int (*plan)(struct tarn_deliver_plan **out, const struct tarn_deliver_run *run,
                struct tarn_err *err);
    int (*list)(const struct tarn_deliver_plan *p, const struct tarn_log *log,
                struct tarn_log_entry *e, struct tarn_err *err);
    int (*claim)(const struct tarn_deliver_plan *p, const struct tarn_log *log,
                 struct tarn_err *err);
    /* `objects` are those that list gives, n of them, checked against the entry. */
    int (*put)(const struct tarn_deliver_plan *p, const struct tarn_log *log,
               const struct tarn_log_entry *e, const struct tarn_log_object *objects, size_t n,
               struct tarn_err *err);
    /* Is there nothing left for finish to do? */
    int (*finished)(const struct tarn_log *log, const struct tarn_log_entry *e, int *yes,
                    struct tarn_err *err);
    int (*finish)(const struct tarn_deliver_plan *p, const struct tarn_log *log,
                  const struct tarn_log_entry *e, struct tarn_err *err);
    void (*release)(struct tarn_deliver_plan *p); /* frees; NULL is fine */
    /* Can the entry's commits make this object? (The log is untrusted.) */
    int (*makes)(const struct tarn_log *log, const struct tarn_log_entry *e,
                 const struct tarn_log_object *o);
    /* The entry was aborted: nobody shall read the object's rows. */
    int (*withdraw)(const struct tarn_log *log, const struct tarn_log_entry *e,
                    const struct tarn_log_object *o, struct tarn_err *err);
};

void tarn_deliver_register(const struct tarn_deliver *d);
const struct tarn_deliver *tarn_deliver_changes(void); /* NULL = nobody */

#endif
