/* lake_fixture.h: a lake in a temporary folder, and files put into it, for unit tests. */
#ifndef LAKE_FIXTURE_H
#define LAKE_FIXTURE_H

#include "lake.h"

struct lake_fixture {
    char path[64];
    struct tarn_lake *lake;
};

/* A fresh, empty lake. */
void fixture_open(struct lake_fixture *f);
/* Closes it and removes the folder with all that is in it. */
void fixture_close(struct lake_fixture *f);
void fixture_put(struct lake_fixture *f, const char *key, const char *text);
/* A Parquet file with the column ts (`rows` rows) and footer keys: name, value, …, NULL. */
void fixture_parquet(struct lake_fixture *f, const char *key, int rows, const char *const *meta);
/* The same, as bytes (tarn_free). */
char *fixture_parquet_bytes(int rows, const char *const *meta, size_t *n);
void fixture_delete(struct lake_fixture *f, const char *key);
struct tarn_object fixture_head(struct lake_fixture *f, const char *key);

#endif
