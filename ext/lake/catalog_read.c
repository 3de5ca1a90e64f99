/* catalog_read.c: the footers of compacted files, and what they say.
**
** A footer that is not cached costs one request. Over a network these would add up, so up to
** THREADS of them are under way at once; for a local folder one after the other is as fast. Workers
** take the next job by an atomic counter and write to their job alone; what was found is looked at
** afterwards, in order of the keys, so that which error is reported doesn't depend on timing.
*/
#include "catalog_read.h"

#include <stdatomic.h>
#include <string.h>

#include "mem.h"
#include "thread.h"

#define THREADS 8

struct job {
    size_t file;
    int rc;
    struct tarn_err err;
    struct tarn_masks *masks;
    struct tarn_pq_footer *footer;
};

struct work {
    struct tarn_lake *lake;
    const struct tarn_file *files;
    struct job *jobs;
    size_t n;
    atomic_size_t next;
};

static void *worker(void *arg) {
    struct work *w = arg;
    for (;;) {
        size_t i = atomic_fetch_add(&w->next, 1);
        if (i >= w->n) {
            return NULL;
        }
        struct job *j = &w->jobs[i];
        const struct tarn_object *obj = &w->files[j->file].obj;
        j->rc = tarn_lake_footer(w->lake, obj, &j->footer, NULL, &j->err);
        if (j->rc) {
            continue;
        }
        if ((j->masks = tarn_malloc(sizeof *j->masks)) == NULL) {
            j->rc = tarn_err_set(&j->err, TARN_ENOMEM, "%s: no memory", obj->key);
        } else if ((j->rc = tarn_masks_read(j->masks, obj->key, j->footer, &j->err)) != 0) {
            tarn_free(j->masks);
            j->masks = NULL;
        }
    }
}

static void run(struct work *w) {
    pthread_t threads[THREADS];
    size_t wanted = tarn_store_path(tarn_lake_store(w->lake)) ? 0 : w->n / 2;
    size_t n = 0;
    while (n < wanted && n < THREADS - 1 && tarn_thread_start(&threads[n], worker, w)) {
        n++;
    }
    worker(w);
    while (n > 0) {
        pthread_join(threads[--n], NULL);
    }
}

/* Is it the file that is at fault, rather than the way to it? */
static int unreadable(int rc) {
    return rc == TARN_ECORRUPT || rc == TARN_EUNSUPPORTED || rc == TARN_ELIMIT;
}

void tarn_catalog_skip(struct tarn_catalog *c, struct tarn_masks **masks, size_t i,
                       const struct tarn_err *why) {
    size_t behind = --c->n_files - i;
    if (c->skipped++ == 0) {
        c->first_skip = *why;
    }
    tarn_pq_footer_free(c->files[i].footer);
    if (masks[i]) {
        tarn_masks_release(masks[i]);
        tarn_free(masks[i]);
    }
    memmove(&c->files[i], &c->files[i + 1], behind * sizeof *c->files);
    memmove(&masks[i], &masks[i + 1], behind * sizeof(*masks));
    masks[c->n_files] = NULL;
}

int tarn_catalog_read(struct tarn_catalog *c, struct tarn_lake *lake, struct tarn_masks **masks,
                      int skip_corrupt, struct tarn_err *err) {
    struct work w = {.lake = lake, .files = c->files};
    int rc = TARN_OK;
    for (size_t i = 0; i < c->n_files; i++) {
        w.n += c->files[i].info.compacted && c->files[i].state == TARN_FILE_LIVE;
    }
    if (w.n == 0) {
        return TARN_OK;
    }
    if ((w.jobs = tarn_calloc(w.n, sizeof *w.jobs)) == NULL) {
        return tarn_err_set(err, TARN_ENOMEM, "no memory to read %zu footers", w.n);
    }
    for (size_t i = 0, j = 0; i < c->n_files; i++) {
        if (c->files[i].info.compacted && c->files[i].state == TARN_FILE_LIVE) {
            w.jobs[j++].file = i;
        }
    }
    run(&w);
    for (size_t j = 0; j < w.n; j++) {
        struct job *job = &w.jobs[j];
        c->files[job->file].footer = job->footer;
        masks[job->file] = job->masks;
        if (!rc && job->rc && !(skip_corrupt && unreadable(job->rc))) {
            rc = tarn_err_set(err, job->rc, "%s", job->err.msg);
        }
    }
    for (size_t j = 0, gone = 0; j < w.n && !rc; j++) {
        if (w.jobs[j].rc) {
            tarn_catalog_skip(c, masks, w.jobs[j].file - gone++, &w.jobs[j].err);
        }
    }
    tarn_free(w.jobs);
    return rc;
}
