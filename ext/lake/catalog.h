/* catalog.h: which files hold the events of a time range, each row once.
**
** Lists only the folders that the range can lie in (path pruning), hours before their day's
** folder, and applies the visibility rules of DESIGN section 2: a present compacted file masks the
** keys in its `tarn.sources`; of masked files' own masks none counts; files with `tarn.part_of`
** count only through a present file whose `tarn.parts` names them. Footer keys, all JSON in the
** key/value list of the footer:
**   tarn.sources     ["key", …]  every file replaced, transitively
**   tarn.parts       ["key", …]  in the last part written: all parts of this output, itself too
**   tarn.part_of     "ulid"      in every part
**   tarn.generation  "12"        which of two compactions of one partition is the newer
** (the last two also without the quotes). Parts lie in one folder. Order of precedence: level (day
** over hour), then generation, then key.
** Masked files stay in the result, with the reason, for tarn_files and tarn_explain.
*/
#ifndef TARN_CATALOG_H
#define TARN_CATALOG_H

#include "keys.h"
#include "lake.h"

enum tarn_file_state {
    TARN_FILE_LIVE = 0,
    TARN_FILE_MASKED,  /* replaced by a compacted file */
    TARN_FILE_PART,    /* part of a compaction that is not complete */
    TARN_FILE_PENDING, /* its rows still come from the outbox, or its flush was aborted */
    TARN_FILE_PRUNED   /* its folder lies outside the range (listed with others) */
};

struct tarn_file {
    struct tarn_object obj; /* key owned by the catalog */
    struct tarn_key_info info;
    enum tarn_file_state state;
    int64_t lo, hi;         /* bounds of ts by folder, widened by pathSlack where not trusted */
    const char *prefix;     /* "events" … ; owned by the catalog */
    const char *namespace_; /* "" = none */
    const char *masked_by;  /* key, when MASKED */
    struct tarn_pq_footer *footer; /* of compacted files; others NULL until somebody opens them */
    const char *spool; /* NULL, or: not an object yet; the local Parquet file with its rows */
};

struct tarn_catalog_request {
    const char *namespace_; /* NULL or "" = none */
    const char *prefix;     /* NULL = events */
    const char *glob;       /* NULL, or a pattern over whole keys: replaces prefix and namespace.
                               The lake's own top folders, ns/ too, only if it begins with them */
    int64_t lo, hi;         /* events' time range, inclusive; TARN_TIME_MIN/MAX = open */
    int64_t path_slack;     /* ms */
    int skip_corrupt; /* a compacted file whose footer can't be read is left out and counted */
    int keep_pruned;  /* also return PRUNED ones */
};

struct tarn_catalog {
    struct tarn_file *files; /* in byte order of keys */
    size_t n_files;
    uint64_t listed;            /* objects seen */
    uint64_t pruned_path;       /* data files outside the range */
    uint64_t skipped;           /* corrupt ones left out */
    struct tarn_err first_skip; /* what the first of them said */
    void *impl;
};

int tarn_catalog_list(struct tarn_catalog **out, struct tarn_lake *lake,
                      const struct tarn_catalog_request *req, struct tarn_err *err);
void tarn_catalog_free(struct tarn_catalog *c);
/* NULL when absent. Binary search. */
struct tarn_file *tarn_catalog_find(struct tarn_catalog *c, const char *key);
/* Adds a LIVE file that is not an object yet: `spool` is the path of its bytes, `key` what to call it.
** All is copied. The last thing done to a catalog: it goes to the end, out of order. */
int tarn_catalog_add_spool(struct tarn_catalog *c, const char *key, const char *spool,
                           uint64_t size, int64_t lo, int64_t hi, struct tarn_err *err);
/* The live compacted file that names `key`, which need not be in the catalog any more, in its
** tarn.sources; NULL = none. */
const char *tarn_catalog_replaced_by(const struct tarn_catalog *c, const char *key);

#endif
