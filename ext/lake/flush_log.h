/* flush_log.h: the numbered log in the lake that makes delivery exactly-once (DESIGN section 6).
**
**   _tarn/db/{name}/{database id}/log/{timeline}/{n}.json   what entry n delivers; put if absent
**   _tarn/db/{name}/{database id}/log/{timeline}/{n}.end    {"end":"done"} or {"end":"abort"}
**
** timeline: 8 hex digits; n: 12 decimal digits. An entry is
**   {"first":1,"last":3,"time":ms,"previous":"hex","commits":["hex",…],
**    "objects":[{"key":"events/…","rows":5,"spool":"….parquet"},
**               {"key":"cdc/…","rows":3,"kind":"delta"}, {"key":"cdc/…","rows":9,"kind":"base"}],
**    "changes":[…],                                     (log_changes.h; absent when there are none)
**    "parent":"00000000","parentSequence":7}            (parent: only in entry 1 of a child)
** Whoever finds an entry can complete it: keys follow from database, timeline, number and
** partition; rows from the outbox.
*/
#ifndef TARN_FLUSH_LOG_H
#define TARN_FLUSH_LOG_H

#include "log_changes.h"
#include "outbox.h"
#include "store.h"

enum tarn_log_kind { TARN_LOG_EVENTS, TARN_LOG_DELTA, TARN_LOG_BASE };

struct tarn_log_object {
    enum tarn_log_kind kind;
    char *key; /* owned */
    uint64_t rows;
    char *spool; /* owned; NULL = rows in line */
};

struct tarn_log_entry {
    uint64_t n, first, last;
    int64_t time;
    uint8_t previous[TARN_DIGEST];
    uint8_t *commits;                /* owned; (last - first + 1) digests */
    struct tarn_log_object *objects; /* owned */
    size_t n_objects;
    struct tarn_log_changes changes;
    int has_parent;
    uint32_t parent;
    uint64_t parent_sequence;
};

enum tarn_log_end { TARN_LOG_OPEN, TARN_LOG_DONE, TARN_LOG_ABORT };

/* Where one database's log lies. */
struct tarn_log {
    struct tarn_store *store; /* borrowed */
    const char *name;         /* borrowed */
    const char *id;
    uint32_t timeline;
};

void tarn_log_entry_release(struct tarn_log_entry *e);
int tarn_log_entry_object(struct tarn_log_entry *e, enum tarn_log_kind kind, const char *key,
                          uint64_t rows, const char *spool, struct tarn_err *err);
/* Digest of a sequence in [first - 1, last]; NULL outside. */
const uint8_t *tarn_log_digest(const struct tarn_log_entry *e, uint64_t sequence);

/* TARN_ENOTFOUND when there is no entry n yet. */
int tarn_log_read(const struct tarn_log *log, uint64_t n, struct tarn_log_entry *out,
                  struct tarn_err *err);
/* TARN_EEXIST when entry e->n is there. */
int tarn_log_write(const struct tarn_log *log, const struct tarn_log_entry *e,
                   struct tarn_err *err);
int tarn_log_end_read(const struct tarn_log *log, uint64_t n, enum tarn_log_end *out,
                      struct tarn_err *err);
/* Ends entry n, unless it has ended: *end is what stands there afterwards. */
int tarn_log_end_write(const struct tarn_log *log, uint64_t n, enum tarn_log_end *end,
                       struct tarn_err *err);
/* The timelines that exist, ascending; owned array. */
int tarn_log_timelines(const struct tarn_log *log, uint32_t **out, size_t *n, struct tarn_err *err);

#endif
