/* flusher_thread.c: when to flush, and the thread that does it. One thread per database file that
** this process writes; it needs no connection of the application, and the application never waits
** for it except when its last connection closes.
*/
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "flusher.h"
#include "thread.h"
#include "time.h"
#include "ulid.h"

#define RETRY_MIN 100
#define RETRY_MAX 30000
#define FORK_WAIT 2     /* s */
#define LOOK_AGAIN 1000 /* ms: a clock may run faster than the one that the wait is measured with */

int64_t tarn_flusher_due(const struct tarn_db *d) {
    int64_t due;

    if ((!d->first && !tarn_db_behind(d)) || !d->auto_flush || !d->lake_uri) return INT64_MAX;
    due = d->first ? d->first->queued + d->time_threshold : 0;
    if (d->queue_events >= (uint64_t)d->max_buffer || tarn_db_behind(d)) {
        due = 0;
    } else if (d->queue_events >= (uint64_t)d->count_threshold &&
               d->last_flush + d->time_threshold < due) {
        due = d->last_flush + d->time_threshold;
    }
    return due > d->retry_at ? due : d->retry_at;
}

/* Exponential, with jitter so that many processes don't come back at once. */
static int64_t backoff(int failures) {
    int64_t wait = RETRY_MIN;
    uint8_t random = 0;
    int i;

    for (i = 1; i < failures && wait < RETRY_MAX; i++)
        wait *= 2;
    if (wait > RETRY_MAX) wait = RETRY_MAX;
    (void)tarn_random(&random, 1);
    return wait / 2 + wait / 2 * random / 255;
}

int tarn_flusher_step(struct tarn_db *d) {
    struct tarn_position before, after;
    int64_t now = tarn_time_monotonic();
    int64_t due;
    int failures;
    int stuck;
    int rc;

    (void)pthread_mutex_lock(&d->mutex);
    failures = d->failures;
    due = tarn_flusher_due(d);
    before = d->position;
    (void)pthread_mutex_unlock(&d->mutex);
    if (due > now) return 0;
    rc = tarn_flusher_drain(d, NULL, NULL);
    tarn_db_position(d, &after);
    (void)pthread_mutex_lock(&d->mutex);
    /* commits of another process are missing here, and this thread can't read them: wait */
    stuck = (d->first || tarn_db_behind(d)) && before.collected == after.collected &&
            before.entry == after.entry && before.timeline == after.timeline;
    d->failures = rc || stuck ? failures + 1 : 0;
    d->retry_at = d->failures ? tarn_time_monotonic() + backoff(d->failures) : 0;
    (void)pthread_mutex_unlock(&d->mutex);
    return 1;
}

static void wait_for(struct tarn_db *d, int64_t ms) {
    struct timespec until;

    if (ms > LOOK_AGAIN) ms = LOOK_AGAIN;
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_cond_timedwait(&d->changed, &d->mutex, &until);
}

/* The threads that are in a step now. fork() waits until there are none. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t idle;
    int working;
} gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};

void tarn_flusher_before_fork(void) {
    struct timespec until;

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += FORK_WAIT;
    (void)pthread_mutex_lock(&gate.mutex);
    while (gate.working > 0 && pthread_cond_timedwait(&gate.idle, &gate.mutex, &until) == 0) {
    }
}

void tarn_flusher_after_fork(int child) {
    if (child) {
        gate.working = 0;
        (void)pthread_cond_init(&gate.idle, NULL); /* its waiters don't exist here */
    }
    (void)pthread_mutex_unlock(&gate.mutex);
}

static void guarded_step(struct tarn_db *d) {
    (void)pthread_mutex_lock(&gate.mutex);
    gate.working++;
    (void)pthread_mutex_unlock(&gate.mutex);
    (void)tarn_flusher_step(d);
    (void)pthread_mutex_lock(&gate.mutex);
    if (--gate.working == 0) (void)pthread_cond_signal(&gate.idle);
    (void)pthread_mutex_unlock(&gate.mutex);
}

static void *run(void *arg) {
    struct tarn_db *d = arg;

    (void)pthread_mutex_lock(&d->mutex);
    while (!d->stop) {
        int64_t due = tarn_flusher_due(d);
        int64_t now = tarn_time_monotonic();

        d->wakes_at = due;
        if (due == INT64_MAX) {
            (void)pthread_cond_wait(&d->changed, &d->mutex);
        } else if (due > now) {
            wait_for(d, due - now);
        } else {
            (void)pthread_mutex_unlock(&d->mutex);
            guarded_step(d);
            (void)pthread_mutex_lock(&d->mutex);
        }
    }
    (void)pthread_mutex_unlock(&d->mutex);
    return NULL;
}

void tarn_flusher_wake(struct tarn_db *d) {
    /* a test that has set the clock steps by itself: time doesn't pass for a waiting thread */
    if (!d->running && (d->first || tarn_db_behind(d)) && d->auto_flush && d->lake_uri &&
        !d->stop && !tarn_time_clock_is_set()) {
        d->running = tarn_thread_start(&d->thread, run, d);
    }
    if (d->running && tarn_flusher_due(d) < d->wakes_at) {
        d->wakes_at = INT64_MIN; /* once is enough */
        (void)pthread_cond_signal(&d->changed);
    }
}

void tarn_flusher_stop(struct tarn_db *d) {
    int running;

    (void)pthread_mutex_lock(&d->mutex);
    d->stop = 1;
    running = d->running;
    (void)pthread_cond_signal(&d->changed);
    (void)pthread_mutex_unlock(&d->mutex);
    if (!running) return;
    (void)pthread_join(d->thread, NULL);
    (void)pthread_mutex_lock(&d->mutex);
    d->running = 0;
    (void)pthread_mutex_unlock(&d->mutex);
}
