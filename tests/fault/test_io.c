/* test_io.c: every system call on the lake and its spool files fails in turn: with EIO, ENOSPC, EINTR,
** half-done reads and writes. Each run ends in an error or in success, never in a wrong answer or a
** lost or doubled row; calls that were interrupted or half done don't even show.
**
** The functions below stand before the C library's in this program, for libtarn.a and SQLite alike.
** Each counts the calls on paths of the lake ("-lake", "-spool"), and the chosen one fails without
** having been made, as a disk that refuses does. LONG=1 fails each one; else a sample.
*/
#include "fault_case.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct plan {
    unsigned long at;
    int e;    /* errno; EINTR only where POSIX has it */
    int half; /* reads and writes: half of the bytes instead of an error */
};

static int armed;
static unsigned long made;
static struct plan plan;
static char failed_call[64];

static int is_ours(const char *path) {
    return path && (strstr(path, "-lake") || strstr(path, "-spool"));
}

static int is_ours_fd(int fd) {
    char link[64], path[FAULT_PATH];
    ssize_t n;

    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = 0;
    return is_ours(path);
}

/* Is this the call that fails? */
static int chosen(const char *name) {
    if (__atomic_add_fetch(&made, 1, __ATOMIC_SEQ_CST) != plan.at) return 0;
    snprintf(failed_call, sizeof failed_call, "%s", name);
    return 1;
}

static int refuses(const char *name, int dir, const char *path, int may_interrupt) {
    if (!__atomic_load_n(&armed, __ATOMIC_SEQ_CST)) return 0;
    if (!(path && (path[0] == '/' || dir == AT_FDCWD) ? is_ours(path) : is_ours_fd(dir))) return 0;
    if (plan.half || (plan.e == EINTR && !may_interrupt)) return 0;
    if (!chosen(name)) return 0;
    errno = plan.e;
    return 1;
}

/* For reads and writes: 0 = go on with *n bytes, which may be fewer now. */
static int refuses_bytes(const char *name, int fd, size_t *n) {
    if (!plan.half) return refuses(name, fd, NULL, 1);
    if (!__atomic_load_n(&armed, __ATOMIC_SEQ_CST) || !is_ours_fd(fd) || *n < 2) return 0;
    if (chosen(name)) *n /= 2;
    return 0;
}

#define REAL(name)                 \
    static __typeof__(name) *real; \
    if (!real) real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)
#define EXPORT __attribute__((visibility("default")))

EXPORT ssize_t read(int fd, void *out, size_t n) {
    REAL(read);
    return refuses_bytes("read", fd, &n) ? -1 : real(fd, out, n);
}

EXPORT ssize_t pread(int fd, void *out, size_t n, off_t at) {
    REAL(pread);
    return refuses_bytes("pread", fd, &n) ? -1 : real(fd, out, n, at);
}

EXPORT ssize_t write(int fd, const void *data, size_t n) {
    REAL(write);
    return refuses_bytes("write", fd, &n) ? -1 : real(fd, data, n);
}

EXPORT ssize_t pwrite(int fd, const void *data, size_t n, off_t at) {
    REAL(pwrite);
    return refuses_bytes("pwrite", fd, &n) ? -1 : real(fd, data, n, at);
}

EXPORT int fsync(int fd) {
    REAL(fsync);
    return refuses("fsync", fd, NULL, 0) ? -1 : real(fd);
}

EXPORT int open(const char *path, int flags, ...) {
    unsigned mode;
    va_list ap;
    REAL(open);

    va_start(ap, flags);
    mode = va_arg(ap, unsigned);
    va_end(ap);
    return refuses("open", AT_FDCWD, path, 0) ? -1 : real(path, flags, mode);
}

EXPORT int openat(int dir, const char *path, int flags, ...) {
    unsigned mode;
    va_list ap;
    REAL(openat);

    va_start(ap, flags);
    mode = va_arg(ap, unsigned);
    va_end(ap);
    return refuses("openat", dir, path, 0) ? -1 : real(dir, path, flags, mode);
}

EXPORT int fstat(int fd, struct stat *st) {
    REAL(fstat);
    return refuses("fstat", fd, NULL, 0) ? -1 : real(fd, st);
}

EXPORT int fstatat(int dir, const char *path, struct stat *st, int flags) {
    REAL(fstatat);
    return refuses("fstatat", dir, path, 0) ? -1 : real(dir, path, st, flags);
}

EXPORT int mkdir(const char *path, mode_t mode) {
    REAL(mkdir);
    return refuses("mkdir", AT_FDCWD, path, 0) ? -1 : real(path, mode);
}

EXPORT int mkdirat(int dir, const char *path, mode_t mode) {
    REAL(mkdirat);
    return refuses("mkdirat", dir, path, 0) ? -1 : real(dir, path, mode);
}

EXPORT int linkat(int from, const char *old, int to, const char *new, int flags) {
    REAL(linkat);
    return refuses("linkat", to, new, 0) ? -1 : real(from, old, to, new, flags);
}

EXPORT int renameat(int from, const char *old, int to, const char *new) {
    REAL(renameat);
    return refuses("renameat", to, new, 0) ? -1 : real(from, old, to, new);
}

EXPORT int unlinkat(int dir, const char *path, int flags) {
    REAL(unlinkat);
    return refuses("unlinkat", dir, path, 0) ? -1 : real(dir, path, flags);
}

EXPORT int unlink(const char *path) {
    REAL(unlink);
    return refuses("unlink", AT_FDCWD, path, 0) ? -1 : real(path);
}

EXPORT int flock(int fd, int operation) {
    REAL(flock);
    return refuses("flock", fd, NULL, 1) ? -1 : real(fd, operation);
}

EXPORT int futimens(int fd, const struct timespec times[2]) {
    REAL(futimens);
    return refuses("futimens", fd, NULL, 0) ? -1 : real(fd, times);
}

EXPORT DIR *fdopendir(int fd) {
    REAL(fdopendir);
    return refuses("fdopendir", fd, NULL, 0) ? NULL : real(fd);
}

EXPORT struct dirent *readdir(DIR *dir) {
    REAL(readdir);
    return refuses("readdir", dirfd(dir), NULL, 0) ? NULL : real(dir);
}

static void arm(void *arg) {
    plan = *(const struct plan *)arg;
    failed_call[0] = 0;
    __atomic_store_n(&made, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&armed, 1, __ATOMIC_SEQ_CST);
}

static void disarm(void *arg) {
    (void)arg;
    __atomic_store_n(&armed, 0, __ATOMIC_SEQ_CST);
}

static int is_refusal(int rc) {
    rc &= 0xff;
    return rc == SQLITE_IOERR || rc == SQLITE_FULL || rc == SQLITE_PERM || rc == SQLITE_CANTOPEN;
}

/* A code that fits and words that say why. */
static int is_clear(int rc, const char *why, int e) {
    char words[64];

    snprintf(words, sizeof words, "%s", strerror(e));
    return is_refusal(rc) && strstr(why, words) != NULL;
}

static void fail_each(enum fault_what what, int e, int half, unsigned sample) {
    struct plan p = {0, e, half};
    const struct fault_switch s = {arm, disarm, &p};
    const char *given = getenv("LONG");
    const char *why = NULL;
    unsigned long total, step, rounds = 0, failures = 0, unclear = 0;

    fault_case_begin(what);
    if (fault_case_round(what, &s, &why)) fail_msg("nothing failed, but: %s", why);
    total = made;
    step = given && *given ? 1 : total / sample + 1;
    for (p.at = 1; p.at <= total; p.at += step) {
        int rc;

        if (++rounds % 25 == 0) fault_case_begin(what);
        rc = fault_case_round(what, &s, &why);
        failures += rc != SQLITE_OK;
        if (rc == SQLITE_OK || (!half && e != EINTR && is_clear(rc, why, e)) || unclear++ >= 10)
            continue;
        print_error("call %lu of %lu, %s: error %d: %s\n", p.at, total, failed_call, rc, why);
    }
    fault_case_end(what);
    print_message("%lu calls, %lu failed in turn, %lu rounds ended in an error\n", total, rounds,
                  failures);
    assert_int_equal(unclear, 0);
    if (half || e == EINTR) {
        assert_int_equal(failures, 0);
    } else {
        assert_true(failures > rounds / 4);
    }
}

static void write_eio(void **state) {
    (void)state;
    fail_each(FAULT_WRITE, EIO, 0, 200);
}

static void write_enospc(void **state) {
    (void)state;
    fail_each(FAULT_WRITE, ENOSPC, 0, 100);
}

static void write_eintr(void **state) {
    (void)state;
    fail_each(FAULT_WRITE, EINTR, 0, 60);
}

static void write_half(void **state) {
    (void)state;
    fail_each(FAULT_WRITE, EIO, 1, 60);
}

static void query_eio(void **state) {
    (void)state;
    fail_each(FAULT_QUERY, EIO, 0, 200);
}

static void query_eintr(void **state) {
    (void)state;
    fail_each(FAULT_QUERY, EINTR, 0, 40);
}

static void query_half(void **state) {
    (void)state;
    fail_each(FAULT_QUERY, EIO, 1, 60);
}

static void spool_eio(void **state) {
    (void)state;
    fail_each(FAULT_SPOOL, EIO, 0, 150);
}

static void spool_enospc(void **state) {
    (void)state;
    fail_each(FAULT_SPOOL, ENOSPC, 0, 100);
}

static void spool_half(void **state) {
    (void)state;
    fail_each(FAULT_SPOOL, EIO, 1, 40);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(write_eio),    cmocka_unit_test(write_enospc),
        cmocka_unit_test(write_eintr),  cmocka_unit_test(write_half),
        cmocka_unit_test(query_eio),    cmocka_unit_test(query_eintr),
        cmocka_unit_test(query_half),   cmocka_unit_test(spool_eio),
        cmocka_unit_test(spool_enospc), cmocka_unit_test(spool_half),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
