/* cdc_table.h: the tables cdc_<collection>, split over cdc_table.c (the module), cdc_plan.c (which
** conditions go down, and their values) and cdc_tables.c (making them).
*/
#ifndef TARN_CDC_TABLE_H
#define TARN_CDC_TABLE_H

#include "arena.h"
#include "changes_scan.h"
#include "conn.h"

struct tarn_cdc_table {
    sqlite3_vtab base;
    struct tarn_conn *conn; /* owned reference */
    char *collection;       /* "namespace/collection", percent-encoded */
    int utf8;               /* the database's encoding: text ranges go down only then */
    sqlite3_int64 rowids;   /* last one given out */
    struct tarn_changes_known known;
};

/* idxStr: 4 hex digits (columns to read), then two letters per argument: the column ('A' + number) and
** one of these; "$l" and "$o" are LIMIT and OFFSET. idxNum: 0 no order, 1 by bookmark, 2 descending. */
enum tarn_cdc_op {
    TARN_CDC_EQ = '=',
    TARN_CDC_IN = 'i',
    TARN_CDC_LT = '<',
    TARN_CDC_LE = '{',
    TARN_CDC_GT = '>',
    TARN_CDC_GE = '}'
};

int tarn_cdc_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info);

struct tarn_cdc_bound { /* a plan with its values */
    struct tarn_arena arena;
    struct tarn_predicate *predicates;
    int n_predicates;
    int none; /* no row can satisfy the conditions */
    uint32_t columns;
    int64_t limit;
};

int tarn_cdc_bind(struct tarn_cdc_bound *b, const struct tarn_cdc_table *t, const char *plan,
                  int argc, sqlite3_value **argv, struct tarn_err *err);
void tarn_cdc_bound_release(struct tarn_cdc_bound *b);

/* Makes temp.cdc_<collection>, unless it is there. TARN_EEXIST when another table or view has that
** name. Leaves changes() and last_insert_rowid() alone. */
int tarn_cdc_table_make(struct tarn_conn *c, const char *namespace_, const char *collection,
                        struct tarn_err *err);
/* Can it be made, or is it there? Before a table is tracked; the case of letters makes no difference. */
int tarn_cdc_table_check(struct tarn_conn *c, const char *namespace_, const char *collection,
                         struct tarn_err *err);
/* tarn_cdc_table_make by "namespace/collection", percent-encoded. */
int tarn_cdc_table_make_named(struct tarn_conn *c, const char *name, struct tarn_err *err);
/* Makes those of main's tracked tables, for a connection that opens such a database. What can't be made
** is left out, and told in c->last. */
void tarn_cdc_tables_tracked(struct tarn_conn *c);
/* Drops it, if it is there and of this collection. */
int tarn_cdc_table_drop(struct tarn_conn *c, const char *namespace_, const char *collection,
                        struct tarn_err *err);
/* Makes those of all collections of the namespace that the lake has; names that are taken are passed
** over. */
int tarn_cdc_tables_open(struct tarn_conn *c, const char *namespace_, struct tarn_err *err);

#endif
