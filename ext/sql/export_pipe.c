/* export_pipe.c: batches of raw values, from SQLite's thread to one that makes columns of them.
**
**   SQLite's thread ──fill──► ring of batches ──take──► conversion, dictionaries ──► row groups
**
** The batches are a few hundred kilobytes, so what one core wrote is still near when the other reads
** it. A batch with a value larger than that is waited for, so that only one of its kind is held.
** After an error the thread goes on taking batches, and drops them, until the filling one knows.
** Without a thread (`background` is not set, or there are no more) batches are taken where they are
** filled. The thread starts with the first full batch: a small export has none.
*/
#include "export.h"
#include "thread.h"

void tarn_export_pipe_init(struct tarn_export_pipe *p, struct tarn_export_rows *rows) {
    memset(p, 0, sizeof *p);
    p->rows = rows;
    p->batch = SIZE_MAX;
    p->fill = p->ring;
    for (int i = 0; i < TARN_EXPORT_BATCHES; i++)
        tarn_buf_init(&p->ring[i], SIZE_MAX / 2);
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_cond_init(&p->changed, NULL);
}

void tarn_export_pipe_open(struct tarn_export_pipe *p, int background) {
    p->background = background;
    p->batch = p->size;
}

static int is_large(const struct tarn_export_pipe *p, const struct tarn_buf *b) {
    return b->cap / 4 > p->size;
}

/* Takes a batch, and leaves it empty. */
static int take(struct tarn_export_pipe *p, struct tarn_buf *b, int rc, struct tarn_err *err) {
    if (rc == TARN_OK) rc = b->rc;
    if (rc == TARN_OK) rc = tarn_export_rows_take(p->rows, b, err);
    if (is_large(p, b)) tarn_buf_release(b);
    tarn_buf_clear(b);
    return rc;
}

static void *run(void *pipe) {
    struct tarn_export_pipe *p = pipe;
    struct tarn_err err = {0};
    int rc = TARN_OK;

    (void)pthread_mutex_lock(&p->lock);
    for (;;) {
        while (p->taken == p->put && !p->ended)
            (void)pthread_cond_wait(&p->changed, &p->lock);
        if (p->taken == p->put) break;
        (void)pthread_mutex_unlock(&p->lock);
        rc = take(p, &p->ring[p->taken % TARN_EXPORT_BATCHES], rc, &err);
        (void)pthread_mutex_lock(&p->lock);
        p->taken++;
        p->stopped = rc || p->rows->stop;
        p->rc = rc;
        p->err = err;
        (void)pthread_cond_signal(&p->changed);
    }
    (void)pthread_mutex_unlock(&p->lock);
    return NULL;
}

int tarn_export_pipe_next(struct tarn_export_pipe *p) {
    unsigned most = is_large(p, p->fill) ? 1 : TARN_EXPORT_BATCHES;
    int stop = 0;

    if (p->background && !p->running) {
        p->running = tarn_thread_start(&p->thread, run, p);
        p->background = p->running;
    }
    if (!p->running) {
        p->rc = take(p, p->fill, p->rc, &p->err);
        return p->rc || p->rows->stop;
    }
    (void)pthread_mutex_lock(&p->lock);
    p->put++;
    (void)pthread_cond_signal(&p->changed);
    while (p->put - p->taken >= most)
        (void)pthread_cond_wait(&p->changed, &p->lock);
    stop = p->stopped;
    (void)pthread_mutex_unlock(&p->lock);
    p->fill = &p->ring[p->put % TARN_EXPORT_BATCHES];
    if (!p->fill->cap) (void)tarn_buf_reserve(p->fill, p->size + p->size / 4);
    return stop;
}

int tarn_export_pipe_end(struct tarn_export_pipe *p, struct tarn_err *err) {
    if (p->running) {
        (void)pthread_mutex_lock(&p->lock);
        p->put++;
        p->ended = 1;
        (void)pthread_cond_signal(&p->changed);
        (void)pthread_mutex_unlock(&p->lock);
        (void)pthread_join(p->thread, NULL);
        p->running = p->background = 0;
    } else if (p->batch != SIZE_MAX) {
        p->rc = take(p, p->fill, p->rc, &p->err);
    }
    p->fill = p->ring;
    if (p->rc) return tarn_err_set(err, p->rc, "%s", p->err.code ? p->err.msg : "out of memory");
    return TARN_OK;
}

void tarn_export_pipe_release(struct tarn_export_pipe *p) {
    struct tarn_err err = {0};

    if (p->running) (void)tarn_export_pipe_end(p, &err);
    for (int i = 0; i < TARN_EXPORT_BATCHES; i++)
        tarn_buf_release(&p->ring[i]);
    (void)pthread_cond_destroy(&p->changed);
    (void)pthread_mutex_destroy(&p->lock);
}
