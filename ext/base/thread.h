/* thread.h: threads of ours in a process that is not ours. */
#ifndef TARN_THREAD_H
#define TARN_THREAD_H

#include <pthread.h>

/* Starts a thread that takes none of the application's signals. 1 = it runs, and is to be joined;
** 0 = there are no more threads: do the work yourself. */
int tarn_thread_start(pthread_t *thread, void *(*run)(void *), void *arg);

#endif
