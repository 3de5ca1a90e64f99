/* footer_cache.h: parsed footers of this process's lakes, by lake, key, size and etag.
**
** One cache for the process, behind a mutex; least recently used ones go first when the byte limit
** is met. An entry holds one reference; who gets a footer gets one of his own.
*/
#ifndef TARN_FOOTER_CACHE_H
#define TARN_FOOTER_CACHE_H

#include "footer.h"
#include "store.h"

/* An owned reference, or NULL when it isn't cached. */
struct tarn_pq_footer *tarn_footer_cache_get(const char *lake, const struct tarn_object *obj);
/* Takes a reference. Whatever can't be kept (no memory, larger than the limit) is just not cached;
** an entry that is there already stays. */
void tarn_footer_cache_put(const char *lake, const struct tarn_object *obj,
                           struct tarn_pq_footer *footer);
void tarn_footer_cache_limit(size_t bytes);
/* What it holds now. Either may be NULL. */
void tarn_footer_cache_usage(size_t *entries, size_t *bytes);

#endif
