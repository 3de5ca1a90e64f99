/* fuzz_delta.c: any bytes as what a commit says of changes, on the way to the lake; as a file of changes;
** and as what the flush log says of them. The first byte says which.
**
** A database and a lake may come from a stranger. What was accepted has objects below cdc/ that can be
** written, and what the log says of it is read back the same.
*/
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "content.h"
#include "deliver_changes.h"
#include "mem.h"
#include "plan.h"
#include "sha256.h"

#define FILE_NAME "01KAF7M5Z8Q4X2V6T0N3R9B1CD.changes"
#define MAX ((size_t)1 << 26)

static char folder[64];
static struct tarn_store *store;

static void leave(void) {
    char path[128];

    tarn_store_free(store);
    snprintf(path, sizeof path, "rm -rf %s", folder);
    if (system(path)) abort();
}

static void begin(void) {
    snprintf(folder, sizeof folder, "%s/tarn-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (!mkdtemp(folder)) abort();
    if (tarn_store_open(&store, folder, NULL, NULL)) abort();
    tarn_deliver_changes_register();
    (void)atexit(leave);
}

/* Written, read and written again: the same. */
static void same_json(const struct tarn_log_changes *changes) {
    struct tarn_buf one = TARN_BUF_INIT(MAX), two = TARN_BUF_INIT(MAX);
    struct tarn_log_changes again = {0};
    json_t *root;

    tarn_log_changes_put(&one, changes);
    assert(one.rc == TARN_OK);
    root = json_loadb((char *)one.data, one.len, 0, NULL);
    assert(root);
    assert(tarn_log_changes_take(&again, root, 1, UINT64_MAX, NULL) == TARN_OK);
    tarn_log_changes_put(&two, &again);
    assert(one.len == two.len && memcmp(one.data, two.data, one.len) == 0);
    json_decref(root);
    tarn_log_changes_release(&again);
    tarn_buf_release(&one);
    tarn_buf_release(&two);
}

static void deliver(const struct tarn_deliver_plan *p) {
    const struct tarn_deliver *d = tarn_deliver_changes();
    struct tarn_log log = {store, "fuzz", "0123456789abcdef", 7};
    struct tarn_log_entry e = {.n = 1, .first = 5, .last = 5};
    struct tarn_err err = {0};

    assert(d->list(p, &log, &e, &err) == TARN_OK || err.msg[0]);
    for (size_t i = 0; i < e.n_objects && !err.code; i++) {
        const struct tarn_log_object *o = &e.objects[i];

        assert(strncmp(o->key, "cdc/", 4) == 0);
        assert(tarn_key_check(o->key, NULL) == TARN_OK || strlen(o->key) > TARN_KEY_MAX);
        assert(o->kind != TARN_LOG_DELTA || d->makes(&log, &e, o));
    }
    same_json(&e.changes);
    if (!err.code && d->put(p, &log, &e, e.objects, e.n_objects, &err)) assert(err.msg[0]);
    for (size_t i = 0; i < e.n_objects; i++)
        (void)tarn_store_delete(store, e.objects[i].key, NULL);
    tarn_log_entry_release(&e);
}

static void commit(const uint8_t *p, size_t n) {
    struct tarn_commit c = {.sequence = 5, .time = INT64_C(1770000000000), .changes = 1};
    struct tarn_deliver_run run = {&c, 5, folder};
    struct tarn_deliver_plan *plan = NULL;
    struct tarn_err err = {0};

    c.payload =
        tarn_memdup(p, n); /* as long as it is, so that a sanitizer sees a read past its end */
    c.len = n;
    assert(c.payload);
    if (tarn_plan_make(&plan, &run, &err)) {
        assert(err.msg[0] && !plan);
    } else {
        /* what can be delivered has a digest, the one that the log will prove */
        uint8_t digest[TARN_SHA256];

        assert(tarn_content_digest(c.payload, c.len, digest) == TARN_OK);
        deliver(plan);
    }
    tarn_plan_free(plan);
    tarn_free(c.payload);
}

static void file(const uint8_t *p, size_t n) {
    struct tarn_buf b = TARN_BUF_INIT(MAX);
    char path[128];
    FILE *f;

    snprintf(path, sizeof path, "%s/" FILE_NAME, folder);
    f = fopen(path, "w");
    if (!f || fwrite(p, 1, n, f) != n || fclose(f)) abort();
    tarn_payload_change_file(&b, FILE_NAME, n, NULL, 0);
    commit(b.data, b.len);
    (void)unlink(path);
    tarn_buf_release(&b);
}

static void said(const uint8_t *p, size_t n) {
    json_t *root = json_loadb((const char *)p, n, 0, NULL);
    struct tarn_log_changes changes = {0};
    struct tarn_err err = {0};

    if (!root) return;
    if (tarn_log_changes_take(&changes, root, 1, 100, &err) == TARN_OK) {
        same_json(&changes);
    } else {
        assert(err.msg[0]);
    }
    tarn_log_changes_release(&changes);
    json_decref(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!store) begin();
    if (size < 2) return 0;
    if (data[0] % 3 == 0) commit(data + 1, size - 1);
    if (data[0] % 3 == 1) file(data + 1, size - 1);
    if (data[0] % 3 == 2) said(data + 1, size - 1);
    return 0;
}
