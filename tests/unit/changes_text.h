/* changes_text.h: what a database's outbox holds of changes, as text.
*/
#ifndef CHANGES_TEXT_H
#define CHANGES_TEXT_H

#include <sqlite3.h>

/* All commits that wait, in order, a change a line: "1 insert 7 {…} -" (commit, op, pk, data, prev; - is
** NULL), "1 entry {…}"; files are read too, rows of bases ("1 base …") in their order. Commits count from
** the first that has changes; those at or below `after` (counted so) are left out. sqlite3_free it. */
char *changes_text(sqlite3 *db, int after);

#endif
