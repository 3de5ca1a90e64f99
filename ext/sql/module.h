/* module.h: what the modules of CREATE VIRTUAL TABLE share. */
#ifndef TARN_MODULE_H
#define TARN_MODULE_H

#include "sqlite.h"

/* An argument of CREATE VIRTUAL TABLE without its quotes ('' becomes ') and the space around it;
** owned (tarn_free). NULL = no memory. */
char *tarn_dequote(const char *s);
/* Is the database's encoding UTF-8? In another one BINARY orders text by other bytes. */
int tarn_is_utf8(sqlite3 *db);

#endif
