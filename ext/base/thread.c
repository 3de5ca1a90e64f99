/* thread.c: see thread.h. */
#include "thread.h"

#include <signal.h>

int tarn_thread_start(pthread_t *thread, void *(*run)(void *), void *arg) {
    sigset_t all, old;
    int running;

    (void)sigfillset(&all); /* a thread begins with the mask of the one that starts it */
    (void)pthread_sigmask(SIG_SETMASK, &all, &old);
    running = pthread_create(thread, NULL, run, arg) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &old, NULL);
    return running;
}
