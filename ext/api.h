/* api.h: what the files of the C API share. */
#ifndef TARN_API_H
#define TARN_API_H

#include "conn.h"

/* Has SQLite's table of functions been handed to us? In libtarn.a there is none. */
#ifdef SQLITE_CORE
#define TARN_API_READY 1
#else
#define TARN_API_READY (sqlite3_api != NULL)
#endif

/* Does this connection's callback of tarn_on_commit run right now? */
int tarn_api_in_callback(const sqlite3 *db);

#endif
