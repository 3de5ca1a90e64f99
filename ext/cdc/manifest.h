/* manifest.h: manifest.json of a collection: what people and tools want to know of it without reading
** its deltas. Derived from them and from the chain; never the source of truth for rows.
**
**   {"format":"tarn-cdc","version":1,"database":"id","namespace":…,"collection":…,"table":…,
**    "key":[…],"rowid":false,"columns":[{"name":…,"affinity":…}],"options":{…},
**    "counts":{"insert":n,"update":n,"delete":n,"files":n},
**    "firstBookmark":…,"lastBookmark":…,
**    "schemas":[{"epoch":n,"bookmark":…,"table":…,…,"create":"CREATE TABLE …"}],
**    "entries":[{"bookmark":…,"entry":"track",…}],
**    "applied":{"00000000":entry}}
**
** It is made, with the database's id alone, before the first object of a collection is put: so two
** databases that write one collection meet here. After each entry of the flush log that is done, what
** the entry adds is added once: "applied" says up to which one, for each timeline.
*/
#ifndef TARN_CDC_MANIFEST_H
#define TARN_CDC_MANIFEST_H

#include "plan.h"

/* For all collections of the plan. An error when one is another database's. */
int tarn_manifest_claim(const struct tarn_deliver_plan *p, const struct tarn_log *log,
                        struct tarn_err *err);
/* Were entry e's changes added to the manifests of all its collections? */
int tarn_manifest_finished(const struct tarn_log *log, const struct tarn_log_entry *e, int *yes,
                           struct tarn_err *err);
/* Adds what entry e delivered. */
int tarn_manifest_finish(const struct tarn_deliver_plan *p, const struct tarn_log *log,
                         const struct tarn_log_entry *e, struct tarn_err *err);
/* Is the collection `name` ("namespace/collection") free, or the database's own? An error that says
** whose it is when it is neither. */
int tarn_manifest_check(struct tarn_store *store, struct tarn_slice name, const char *database,
                        struct tarn_err *err);

#endif
