/* parquet_plan.c: xBestIndex of `parquet`: which conditions go down.
**
** All of them narrow only: SQLite checks each one again, so a doubt in parquet_bind.c costs time,
** never a row. Text goes down under the collation its column was declared with.
**
** Cost. A condition saves decoding, seldom the whole walk: a table of files that is looked up row by
** row in the inner loop of a join would be read once per row. So a scan with conditions costs a
** third of one without, and only a rowid is cheap.
**
** LIMIT says how much to read at once, whatever else there is: SQLite stops by itself. OFFSET is the
** table's to leave out, but only where nothing else chooses or orders rows.
*/
#include "parquet_plan.h"

#define FILE_COST 200.0
/* Older ones hand the OFFSET of a UNION ALL to each of its parts. */
#define OFFSET_IS_OURS 3048000

int tarn_pqt_is_number(enum tarn_pqt_kind kind) {
    return kind == TARN_PQT_BOOL || kind == TARN_PQT_INT || kind == TARN_PQT_UINT ||
           kind == TARN_PQT_REAL || kind == TARN_PQT_HALF;
}

int tarn_pqt_is_text(enum tarn_pqt_kind kind) {
    return kind >= TARN_PQT_DATE && kind <= TARN_PQT_BINARY_TEXT;
}

static int collation_fits(sqlite3_index_info *info, int i, enum tarn_pqt_kind kind) {
    const char *want = kind == TARN_PQT_DECIMAL ? "tarn_decimal" : "BINARY";
    const char *have = NULL;

    if (kind != TARN_PQT_DECIMAL && !tarn_pqt_is_text(kind)) return 1;
    have = sqlite3_vtab_collation(info, i);
    return have && sqlite3_stricmp(have, want) == 0;
}

/* The plan's letter for a constraint, or 0 when it stays with SQLite. */
static int letter_of(sqlite3_index_info *info, int i, const struct tarn_pqt_column *c) {
    switch (info->aConstraint[i].op) {
    case SQLITE_INDEX_CONSTRAINT_GLOB: return tarn_pqt_is_text(c->kind) ? TARN_PQT_GLOB : 0;
    case SQLITE_INDEX_CONSTRAINT_LIKE: return tarn_pqt_is_text(c->kind) ? TARN_PQT_LIKE : 0;
    case SQLITE_INDEX_CONSTRAINT_ISNULL: return TARN_PQT_IS_NULL;
    case SQLITE_INDEX_CONSTRAINT_ISNOTNULL: return TARN_PQT_NOT_NULL;
    default: break;
    }
    if (!collation_fits(info, i, c->kind)) return 0;
    switch (info->aConstraint[i].op) {
    case SQLITE_INDEX_CONSTRAINT_EQ: return TARN_PQT_EQ;
    case SQLITE_INDEX_CONSTRAINT_IS: return TARN_PQT_IS;
    case SQLITE_INDEX_CONSTRAINT_NE: return TARN_PQT_NE;
    case SQLITE_INDEX_CONSTRAINT_LT: return TARN_PQT_LT;
    case SQLITE_INDEX_CONSTRAINT_LE: return TARN_PQT_LE;
    case SQLITE_INDEX_CONSTRAINT_GT: return TARN_PQT_GT;
    case SQLITE_INDEX_CONSTRAINT_GE: return TARN_PQT_GE;
    default: return 0;
    }
}

static double selectivity(int letter) {
    switch (letter) {
    case TARN_PQT_EQ:
    case TARN_PQT_IS: return 0.05;
    case TARN_PQT_IN: return 0.2;
    case TARN_PQT_NE:
    case TARN_PQT_NOT_NULL: return 0.9;
    default: return 0.33;
    }
}

struct planning {
    sqlite3_index_info *info;
    sqlite3_str *text;
    int n, n_args; /* conditions on rows; arguments, which limits are too */
    double share;  /* of the rows */
    int rowid;
};

static void take(struct planning *p, int i, int column, int letter) {
    sqlite3_value *constant = NULL;
    int is_constant = sqlite3_vtab_rhs_value(p->info, i, &constant) == SQLITE_OK;

    if (letter == TARN_PQT_EQ && sqlite3_vtab_in(p->info, i, -1)) {
        (void)sqlite3_vtab_in(p->info, i, 1);
        letter = TARN_PQT_IN;
    }
    p->n++;
    p->info->aConstraintUsage[i].argvIndex = ++p->n_args;
    sqlite3_str_appendf(p->text, "%d%c%s;", column, letter, is_constant ? "c" : "");
    p->share *= selectivity(letter);
}

static void take_rowid(struct planning *p, int i) {
    if (p->rowid || sqlite3_vtab_in(p->info, i, -1)) return;
    p->rowid = 1;
    p->n++;
    p->info->aConstraintUsage[i].argvIndex = ++p->n_args;
    p->info->idxFlags |= SQLITE_INDEX_SCAN_UNIQUE;
    sqlite3_str_appendf(p->text, "0%c;", TARN_PQT_ROWID);
}

static int is_limit(const struct sqlite3_index_constraint *con) {
    return con->op == SQLITE_INDEX_CONSTRAINT_LIMIT || con->op == SQLITE_INDEX_CONSTRAINT_OFFSET;
}

static void take_limits(struct planning *p) {
    sqlite3_index_info *info = p->info;
    int alone = info->nOrderBy == 0 && sqlite3_libversion_number() >= OFFSET_IS_OURS;
    int i;

    for (i = 0; i < info->nConstraint; i++)
        alone = alone && is_limit(&info->aConstraint[i]);
    for (i = 0; i < info->nConstraint; i++) {
        int op = info->aConstraint[i].op;
        if (!info->aConstraint[i].usable) continue;
        if (op == SQLITE_INDEX_CONSTRAINT_LIMIT && info->nOrderBy == 0) {
            info->aConstraintUsage[i].argvIndex = ++p->n_args;
            sqlite3_str_appendf(p->text, "0%c;", TARN_PQT_LIMIT);
        } else if (op == SQLITE_INDEX_CONSTRAINT_OFFSET && alone) {
            info->aConstraintUsage[i].argvIndex = ++p->n_args;
            info->aConstraintUsage[i].omit = 1;
            sqlite3_str_appendf(p->text, "0%c;", TARN_PQT_OFFSET);
        }
    }
}

int tarn_pqt_best_index(sqlite3_vtab *vtab, sqlite3_index_info *info) {
    const struct tarn_parquet_table *t = (const struct tarn_parquet_table *)vtab;
    struct planning p = {info, sqlite3_str_new(NULL), 0, 0, 1.0, 0};
    double rows = (double)t->rows + 1;
    int i;

    sqlite3_str_appendf(p.text, "%016llx|", info->colUsed);
    for (i = 0; i < info->nConstraint; i++) {
        const struct sqlite3_index_constraint *con = &info->aConstraint[i];
        int letter = 0;
        if (!con->usable || is_limit(con)) continue;
        if (con->iColumn < 0 && con->op == SQLITE_INDEX_CONSTRAINT_EQ) take_rowid(&p, i);
        if (con->iColumn < 0 || con->iColumn >= t->schema.n) continue;
        letter = letter_of(info, i, &t->schema.columns[con->iColumn]);
        if (letter) take(&p, i, con->iColumn, letter);
    }
    take_limits(&p);
    info->idxStr = sqlite3_str_finish(p.text);
    if (!info->idxStr) return SQLITE_NOMEM;
    info->needToFreeIdxStr = 1;
    info->estimatedRows = p.rowid ? 1 : (sqlite3_int64)(rows * p.share) + 1;
    info->estimatedCost =
        p.rowid ? FILE_COST
                : (double)t->n_files * FILE_COST + rows * (p.n ? 0.3 + 0.7 * p.share : 1.0) * 2;
    return SQLITE_OK;
}
