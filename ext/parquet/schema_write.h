/* schema_write.h: flat schemas: what may be written, and how it stands in the footer.
*/
#ifndef TARN_SCHEMA_WRITE_H
#define TARN_SCHEMA_WRITE_H

#include "thrift_write.h"
#include "writer.h"

/* 0, or TARN_EINVAL / TARN_EUNSUPPORTED naming the column at fault. */
int tarn_schema_check(const struct tarn_column_spec *columns, int n, struct tarn_err *err);
/* The root and one SchemaElement per column, as the list field `id`. */
struct tarn_colbuf;
void tarn_schema_write(struct tarn_tw *t, int16_t id, const struct tarn_colbuf *columns, int n);

#endif
