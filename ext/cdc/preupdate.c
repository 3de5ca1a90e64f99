/* preupdate.c: see preupdate.h. */
#include "preupdate.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct tarn_preupdate found;
static int usable;

#ifdef SQLITE_CORE
/* Where SQLite is linked in, its functions are symbols, or aren't. */
extern void *sqlite3_preupdate_hook(sqlite3 *, tarn_preupdate_callback, void *)
    __attribute__((weak));
extern int sqlite3_preupdate_old(sqlite3 *, int, sqlite3_value **) __attribute__((weak));
extern int sqlite3_preupdate_new(sqlite3 *, int, sqlite3_value **) __attribute__((weak));
extern int sqlite3_preupdate_count(sqlite3 *) __attribute__((weak));
extern int sqlite3_preupdate_blobwrite(sqlite3 *) __attribute__((weak));

static void look_up(struct tarn_preupdate *p) {
    p->hook = sqlite3_preupdate_hook;
    p->old_value = sqlite3_preupdate_old;
    p->new_value = sqlite3_preupdate_new;
    p->count = sqlite3_preupdate_count;
    p->blobwrite = sqlite3_preupdate_blobwrite;
}
#else
/* The object that the functions of the API's table lie in, opened once more. */
static void *sqlite_library(void **base) {
    Dl_info info;
    void *function = NULL;
    void *library = NULL;

    memcpy(&function, &sqlite3_api->libversion_number, sizeof function);
    if (!dladdr(function, &info) || !info.dli_fname) return NULL;
    *base = info.dli_fbase;
    library = dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
    return library ? library : dlopen(NULL, RTLD_LAZY); /* the program itself */
}

/* A symbol of that object and of no other one. */
static void symbol(void *library, const void *base, const char *name, void *out) {
    void *p = dlsym(library, name);
    Dl_info info;

    if (p && dladdr(p, &info) && info.dli_fbase == base) memcpy(out, &p, sizeof p);
}

static void look_up(struct tarn_preupdate *p) {
    void *base = NULL;
    void *library = sqlite_library(&base);

    if (!library) return;
    symbol(library, base, "sqlite3_preupdate_hook", &p->hook);
    symbol(library, base, "sqlite3_preupdate_old", &p->old_value);
    symbol(library, base, "sqlite3_preupdate_new", &p->new_value);
    symbol(library, base, "sqlite3_preupdate_count", &p->count);
    symbol(library, base, "sqlite3_preupdate_blobwrite", &p->blobwrite);
    (void)dlclose(library);
}
#endif

static int is_integer(int (*value)(sqlite3 *, int, sqlite3_value **), sqlite3 *db, int column,
                      int expected) {
    sqlite3_value *v = NULL;

    return value(db, column, &v) == SQLITE_OK && v && sqlite3_value_int(v) == expected;
}

/* Of g(a, b AS (a + 1) VIRTUAL, c), where a = 10 and c = 30; and z, added later, of 5. */
static void watch(void *ctx, sqlite3 *db, int op, const char *database, const char *table,
                  sqlite3_int64 old_rowid, sqlite3_int64 new_rowid) {
    struct tarn_preupdate *p = ctx;

    (void)database;
    (void)old_rowid;
    (void)new_rowid;
    if (*table != 'g') return;
    if (op == SQLITE_INSERT) p->new_skips_virtual = is_integer(p->new_value, db, 1, 30);
    if (op == SQLITE_UPDATE) p->old_skips_virtual = is_integer(p->old_value, db, 1, 30);
    if (op == SQLITE_DELETE) {
        p->old_lacks_defaults = !is_integer(p->old_value, db, p->old_skips_virtual ? 2 : 3, 5);
    }
}

static void try_out(struct tarn_preupdate *p) {
    sqlite3 *db = NULL;

    if (sqlite3_open_v2(":memory:", &db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_PRIVATECACHE,
                        NULL) == SQLITE_OK) {
        (void)p->hook(db, watch, p);
        usable = sqlite3_exec(db,
                              "CREATE TABLE g(a, b AS (a + 1) VIRTUAL, c);"
                              "INSERT INTO g(a, c) VALUES(10, 30);"
                              "UPDATE g SET a = 10;"
                              "ALTER TABLE g ADD COLUMN z DEFAULT 5;"
                              "DELETE FROM g WHERE a = 10;",
                              NULL, NULL, NULL) == SQLITE_OK;
    }
    (void)sqlite3_close(db);
}

static void find(void) {
    look_up(&found);
    usable = found.hook && found.old_value && found.new_value && found.count;
    if (usable) try_out(&found);
}

const struct tarn_preupdate *tarn_preupdate_find(void) {
    (void)pthread_once(&once, find);
    return usable ? &found : NULL;
}
