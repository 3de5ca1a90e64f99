/* catalog_read.h: reads what the compacted files of a listing say of others. For catalog.c only.
*/
#ifndef TARN_CATALOG_READ_H
#define TARN_CATALOG_READ_H

#include "visibility.h"

/* Fills c->files[i].footer and masks[i] (owned; n_files entries, NULL before) for every compacted
** file that is LIVE. With skip_corrupt the files that can't be understood are taken out of both
** arrays and counted. TARN_ENOTFOUND when one is gone since the listing. */
int tarn_catalog_read(struct tarn_catalog *c, struct tarn_lake *lake, struct tarn_masks **masks,
                      int skip_corrupt, struct tarn_err *err);
/* Takes file i out of both arrays, as unreadable for the reason given. */
void tarn_catalog_skip(struct tarn_catalog *c, struct tarn_masks **masks, size_t i,
                       const struct tarn_err *why);

#endif
