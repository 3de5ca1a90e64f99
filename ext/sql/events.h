/* events.h: the table `events`, split over events.c (the module), events_plan.c (xBestIndex),
** events_filter.c (a plan and its values become a scan) and events_insert.c (xUpdate).
*/
#ifndef TARN_EVENTS_H
#define TARN_EVENTS_H

#include "arena.h"
#include "conn.h"
#include "scan.h"

/* Columns as declared: the event's own (enum tarn_event_column), then the hidden ones. */
enum tarn_events_column {
    TARN_COL_GLOB = TARN_EV_COLUMNS, /* 13: the first argument of events(…) */
    TARN_COL_ID,
    TARN_COL_PREFIX,
    TARN_COL_FILENAME,
    TARN_COL_TS_MS,
    TARN_COL_EXTRA,
    TARN_COL_CLASS,
    TARN_COL_DO_ID,
    TARN_COL_COLO,
    TARN_COL_DURATION, /* durationMs */
    TARN_COL_SUCCESS,
    TARN_COL_TS_HOUR,
    TARN_COL_TS_DAY,
    TARN_COL_COUNT
};

struct tarn_events_table {
    sqlite3_vtab base;
    struct tarn_conn *conn; /* owned reference */
    char *name;
    char *uri;        /* lake of CREATE VIRTUAL TABLE … events('uri'); NULL = the connection's */
    char *namespace_; /* NULL = the setting */
    char *prefix;     /* NULL = the setting */
    struct tarn_lake *lake; /* owned reference to uri's, once opened */
    int utf8;               /* the database's encoding: text ranges are pushed down only then */
    sqlite3_int64 rowids;   /* last one given out */
};

/* Opens the lake the table reads: NULL while there is none yet. *own = 1 when it is the
** connection's own (whose pending rows belong to it). Borrowed. */
int tarn_events_lake(struct tarn_events_table *t, struct tarn_lake **out, int *own,
                     struct tarn_err *err);

int tarn_events_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info);

/* idxStr: 8 hex digits (the event columns to read), then two letters per argument: the column
** ('A' + number) and one of these; '$' and 'l' or 'o' for LIMIT and OFFSET. README.md has the
** table. idxNum: 0 no order, 1 ts ascending, 2 ts descending; and the bits below. */
enum tarn_events_op {
    TARN_PLAN_EQ = '=',
    TARN_PLAN_IS = 's',
    TARN_PLAN_NE = '!',
    TARN_PLAN_ISNOT = 'n',
    TARN_PLAN_LT = '<',
    TARN_PLAN_LE = '{',
    TARN_PLAN_GT = '>',
    TARN_PLAN_GE = '}',
    TARN_PLAN_IN = 'i',
    TARN_PLAN_ISNULL = '0',
    TARN_PLAN_NOTNULL = '1',
    TARN_PLAN_GLOB = 'g',
    TARN_PLAN_LIKE = 'k'
};
#define TARN_PLAN_COLUMNS 8 /* digits before the first pair */
#define TARN_PLAN_ORDER 3
#define TARN_PLAN_LIMIT 4
#define TARN_DAY_LEN 10       /* ts_day: `YYYY-MM-DD` */
#define TARN_HOUR_LEN 16      /* ts_hour: `YYYY-MM-DD HH:00` */
#define TARN_PLAN_GROUP 8     /* rows by the columns that follow the arguments: '/', then letters */
#define TARN_PLAN_DISTINCT 16 /* … of which equal ones may come once */

struct tarn_events_bound {   /* a plan with its values */
    struct tarn_arena arena; /* holds all of the below */
    struct tarn_predicate *predicates;
    int n_predicates;
    int none; /* no row can satisfy the conditions */
    uint32_t columns;
    int order;
    const char *group; /* letters of the plan: 'A' + column, 'a' + column when descending */
    int distinct;
    int64_t limit;
    const char *glob, *prefix, *filename;
};

int tarn_events_bind(struct tarn_events_bound *b, const struct tarn_events_table *t, int num,
                     const char *plan, int argc, sqlite3_value **argv, struct tarn_err *err);
void tarn_events_bound_release(struct tarn_events_bound *b);

int tarn_events_update(sqlite3_vtab *vtab, int argc, sqlite3_value **argv, sqlite3_int64 *rowid);

#endif
