/* seeds_cdc.h: seeds of the fuzzers of changes. */
#ifndef TARN_SEEDS_CDC_H
#define TARN_SEEDS_CDC_H

#include <stddef.h>

typedef int (*seeds_save)(const char *folder, const char *name, const void *p, size_t n);

/* Each writes its files and gives 0, or 1 when one could not be written. */
int seeds_cdc(seeds_save save, const char *folder);
int seeds_cdc_json(seeds_save save, const char *folder);
int seeds_delta(seeds_save save, const char *folder);

#endif
