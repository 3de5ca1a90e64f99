/* lake.h: an open lake: its store, what `_tarn/lake.json` says, and the process-wide footer cache.
**
** `_tarn/lake.json`: {"format":"tarn","version":1,"createdBy":"tarn X.Y.Z","createdAt":ISO,
** "partitionedBy":"ts"}. "ts" means that an event lies in the folder of its own hour, so folders
** may be trusted for pruning; anything else, or no such file, widens by pathSlack. Made by the
** first write; "unknown" when event files were there before it. A version above 1 is refused.
*/
#ifndef TARN_LAKE_H
#define TARN_LAKE_H

#include "footer.h"
#include "store.h"

struct tarn_lake;

/* Opens (shared by canonical URI within the process, by reference count). `create` makes a missing
** folder. */
int tarn_lake_open(struct tarn_lake **out, const char *uri, int create, struct tarn_err *err);
struct tarn_lake *tarn_lake_ref(struct tarn_lake *l);
void tarn_lake_free(struct tarn_lake *l);
struct tarn_store *tarn_lake_store(struct tarn_lake *l); /* borrowed */
const char *tarn_lake_uri(const struct tarn_lake *l);
/* 1 when folders may be trusted (reads lake.json once it exists; not cached while absent). */
int tarn_lake_partitioned(struct tarn_lake *l, int *yes, struct tarn_err *err);
/* Before the first write: makes lake.json if it is absent. */
int tarn_lake_prepare_write(struct tarn_lake *l, struct tarn_err *err);

/* The footer of an object, from the cache (key + size + etag of this lake) or read now. Owned
** reference. Errors name the key. `cached` may be NULL: set to 1 on a hit. */
int tarn_lake_footer(struct tarn_lake *l, const struct tarn_object *obj,
                     struct tarn_pq_footer **out, int *cached, struct tarn_err *err);
/* Bytes that footers may hold in this process; least recently used go first. */
void tarn_lake_footer_limit(size_t bytes);

#endif
