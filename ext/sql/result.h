/* result.h: errors, text and values on their way to SQLite. */
#ifndef TARN_RESULT_H
#define TARN_RESULT_H

#include "buf.h"
#include "format.h"
#include "sqlite.h"

/* Makes *err the error of a function call. */
void tarn_result_err(sqlite3_context *ctx, const struct tarn_err *err);
/* Makes *err the error of a virtual table's method; returns the SQLITE_* code to return. */
int tarn_vtab_err(sqlite3_vtab *vtab, const struct tarn_err *err);
/* A borrowed text (copied) or NULL. */
void tarn_result_text(sqlite3_context *ctx, const char *s);
/* ms as `YYYY-MM-DD HH:MM:SS.SSS`. */
void tarn_result_time(sqlite3_context *ctx, int64_t ms);

/* Writes a value as a message shows it: 'text' cut to about 40 bytes at a character, x'0102…',
** a number, NULL. Returns out. */
#define TARN_SHOWN 64
const char *tarn_show_value(sqlite3_value *v, char out[TARN_SHOWN]);
const char *tarn_show_text(const char *s, size_t n, char out[TARN_SHOWN]);

/* The text of an argument: *out = NULL when it is absent or NULL. TARN_EINVAL for a BLOB, invalid
** UTF-8 or a NUL byte; `what` names it ("tarn_open: uri"). Valid as long as the value. */
int tarn_value_text(sqlite3_value *v, const char *what, const char **out, struct tarn_err *err);

#endif
