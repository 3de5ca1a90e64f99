/* json_member.h: one value out of an event's payload, as SQLite's json_extract gives it.
**
** A scanner, not a parser: it walks to the member and no further, allocates nothing, and takes any
** bytes (text that is not JSON simply has no members). Of duplicate keys the first one counts.
*/
#ifndef TARN_JSON_MEMBER_H
#define TARN_JSON_MEMBER_H

#include "format.h"
#include "sqlite.h"

/* The raw text of $.outer, or of $.outer.inner when inner is not NULL. 1, or 0 when there is none. */
int tarn_json_member(struct tarn_slice json, const char *outer, const char *inner,
                     struct tarn_slice *value);
/* Raw JSON text as a result: text unescaped, true and false as 1 and 0, null as NULL, objects and
** arrays as minified JSON text. */
void tarn_json_result(sqlite3_context *ctx, struct tarn_slice value);

#endif
