/* version.h: what this build calls itself, and signs Parquet files with.
**
** The Makefile may pass -DTARN_BUILD='"..."' (what `git describe` says).
*/
#ifndef TARN_VERSION_H
#define TARN_VERSION_H

#define TARN_VERSION "0.1.0"
#ifndef TARN_BUILD
#define TARN_BUILD "source"
#endif
/* The form parquet-java's version parser expects: `app version X.Y.Z (build …)`. */
#define TARN_CREATED_BY "tarn version " TARN_VERSION " (build " TARN_BUILD ")"

#endif
