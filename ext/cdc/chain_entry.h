/* chain_entry.h: the text of an entry of the chain that is no change of a row (record.h). */
#ifndef TARN_CDC_CHAIN_ENTRY_H
#define TARN_CDC_CHAIN_ENTRY_H

#include <jansson.h>

/* The object as JSON, to free with tarn_free; NULL without memory, or for a NULL object. Drops the
** object. */
char *tarn_chain_entry_text(json_t *o);

#endif
