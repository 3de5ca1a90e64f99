/* conns.c: see conns.h. A list under a mutex, which fork() finds free. */
#include "conns.h"

#include <pthread.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct tarn_conn *first;

static void lock(void) {
    (void)pthread_mutex_lock(&mutex);
}

static void unlock(void) {
    (void)pthread_mutex_unlock(&mutex);
}

static void register_fork(void) {
    (void)pthread_atfork(lock, unlock, unlock);
}

void tarn_conns_add(struct tarn_conn *c) {
    (void)pthread_once(&once, register_fork);
    lock();
    c->next = first;
    first = c;
    unlock();
}

void tarn_conns_remove(struct tarn_conn *c) {
    struct tarn_conn **p;

    lock();
    for (p = &first; *p && *p != c;)
        p = &(*p)->next;
    if (*p) *p = c->next;
    unlock();
}

struct tarn_conn *tarn_conns_find(const sqlite3 *db) {
    struct tarn_conn *c;

    lock();
    for (c = first; c && c->db != db;)
        c = c->next;
    unlock();
    return c;
}

void tarn_conns_each(const struct tarn_conn *but, void (*call)(struct tarn_conn *c, void *arg),
                     void *arg) {
    struct tarn_conn *c;

    lock();
    for (c = first; c; c = c->next) {
        if (c != but) call(c, arg);
    }
    unlock();
}
