/* writes.c: see writes.h. */
#include "writes.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct tarn_writes_page *map_file(const char *path) {
    struct tarn_writes_page *page = MAP_FAILED;
    struct stat st;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);

    if (fd < 0) return NULL;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
        (st.st_size >= (off_t)sizeof *page || ftruncate(fd, (off_t)sizeof *page) == 0)) {
        page = mmap(NULL, sizeof *page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    }
    (void)close(fd);
    return page == MAP_FAILED ? NULL : page;
}

void tarn_writes_open(struct tarn_writes *w, const char *folder) {
    char path[4096];

    if (w->page) return;
    w->page = &w->own;
    if (!folder || (size_t)snprintf(path, sizeof path, "%s/writes", folder) >= sizeof path) return;
    (void)mkdir(folder, 0777);
    w->page = map_file(path);
    if (!w->page) w->page = &w->own;
}

void tarn_writes_close(struct tarn_writes *w) {
    if (w->page && w->page != &w->own) (void)munmap(w->page, sizeof *w->page);
    w->page = NULL;
}

static int64_t now(void) {
    struct timespec t = {0, 0};

    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void tarn_writes_note(struct tarn_writes *w) {
    if (!w->page) return;
    (void)atomic_fetch_add(&w->page->count, 1);
    atomic_store(&w->page->last, now());
}

uint64_t tarn_writes_count(const struct tarn_writes *w) {
    return w->page ? atomic_load(&w->page->count) : 0;
}

int64_t tarn_writes_age(const struct tarn_writes *w) {
    int64_t last = w->page ? atomic_load(&w->page->last) : 0;
    int64_t t = now();

    return last > 0 && last <= t ? t - last : INT64_MAX;
}
