/* outbox_read.c: commits read back from the outbox, in order, whole or not at all.
**
** The view says which slots belong to which commit; they are read commit by commit, and a commit's
** digest says whether it is what was written. A commit with a part missing is damage: its slots are
** only reused once it is collected.
*/
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "outbox_slot.h"

struct place { /* of one part */
    uint64_t sequence;
    uint32_t index;
};

static int by_sequence(const void *a, const void *b) {
    const struct place *x = a;
    const struct place *y = b;

    if (x->sequence != y->sequence) return x->sequence < y->sequence ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

/* The slots to read, by sequence. */
static int choose(const struct tarn_outbox *o, uint64_t after, struct place **out, size_t *n,
                  struct tarn_err *err) {
    struct place *all = NULL;
    size_t count = 0;
    int sorted = 1;
    uint32_t i;

    if (o->position.collected > after) after = o->position.collected;
    for (i = 1; i < o->n_slots; i++)
        count += o->slots[i] > after && o->slots[i] != o->written;
    *n = count;
    if (count == 0) return TARN_OK;
    all = tarn_reallocarray(NULL, count, sizeof *all);
    if (!all) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    for (i = 1, count = 0; i < o->n_slots; i++) {
        if (o->slots[i] <= after || o->slots[i] == o->written) continue;
        all[count] = (struct place){o->slots[i], i};
        sorted = sorted && (count == 0 || by_sequence(&all[count - 1], &all[count]) < 0);
        count++;
    }
    if (!sorted) qsort(all, count, sizeof *all, by_sequence);
    *out = all;
    return TARN_OK;
}

static int damaged(uint64_t sequence, const char *how, struct tarn_err *err) {
    return tarn_err_set(err, TARN_ECORRUPT,
                        "table _tarn_outbox: sequence %llu is damaged (%s): run PRAGMA "
                        "integrity_check, and restore the database from a copy",
                        (unsigned long long)sequence, how);
}

static struct tarn_commit *new_commit(const struct tarn_slot *slot) {
    struct tarn_commit *c = tarn_calloc(1, sizeof *c);

    if (!c) return NULL;
    c->sequence = slot->sequence;
    c->len = (size_t)slot->total;
    c->time = slot->time;
    c->events = slot->events;
    c->changes = slot->changes;
    c->files = slot->files;
    memcpy(c->previous, slot->previous, TARN_DIGEST);
    memcpy(c->digest, slot->digest, TARN_DIGEST);
    c->payload = tarn_calloc(1, c->len);
    if (c->payload) return c;
    tarn_free(c);
    return NULL;
}

/* One commit from its n slots; each part once, each where it belongs. */
static int read_commit(sqlite3 *db, sqlite3_blob **blob, const struct place *places, size_t n,
                       struct tarn_commit **out, struct tarn_err *err) {
    uint8_t bytes[TARN_SLOT_BYTES];
    struct tarn_commit *c = NULL;
    struct tarn_commit copy;
    size_t filled = 0;
    size_t i;
    int rc = TARN_OK;

    for (i = 0; i < n && rc == TARN_OK; i++) {
        struct tarn_slot slot;
        uint64_t at;

        rc = tarn_outbox_slot(db, blob, places[i].index, bytes, &slot, err);
        if (rc) break;
        at = (uint64_t)slot.part * TARN_SLOT_PAYLOAD;
        if (slot.sequence != places[i].sequence || slot.parts != n || slot.total == 0 ||
            slot.total > (uint64_t)n * TARN_SLOT_PAYLOAD || (c && slot.total != c->len) ||
            at + slot.bytes > slot.total) {
            rc = damaged(places[i].sequence, "its parts don't fit together", err);
            break;
        }
        if (!c && !(c = new_commit(&slot))) {
            rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
            break;
        }
        memcpy(c->payload + at, slot.payload, slot.bytes);
        filled += slot.bytes;
    }
    if (rc == TARN_OK && filled != c->len) {
        rc = damaged(places->sequence, "a part is missing", err);
    }
    if (rc == TARN_OK) {
        copy = *c;
        if (tarn_commit_digest(&copy)) {
            rc = tarn_err_set(err, TARN_ENOMEM, "out of memory");
        } else if (memcmp(copy.digest, c->digest, TARN_DIGEST) != 0) {
            rc = damaged(places->sequence, "its digest does not match", err);
        }
    }
    if (rc) {
        tarn_commit_free(c);
        return rc;
    }
    *out = c;
    return TARN_OK;
}

int tarn_outbox_read(const struct tarn_outbox *o, sqlite3 *db, uint64_t after, uint64_t upto,
                     size_t max_bytes, struct tarn_commit **first, int *more,
                     struct tarn_err *err) {
    struct place *places = NULL;
    struct tarn_commit **tail = first;
    sqlite3_blob *blob = NULL;
    size_t bytes = 0;
    size_t n = 0;
    size_t i = 0;
    int rc;

    *first = NULL;
    *more = 0;
    if (!o->known) return TARN_OK;
    rc = choose(o, after, &places, &n, err);
    while (i < n && rc == TARN_OK && !*more) {
        struct tarn_commit *c = NULL;
        size_t end = i + 1;

        while (end < n && places[end].sequence == places[i].sequence)
            end++;
        if (i && bytes + (end - i - 1) * TARN_SLOT_PAYLOAD >= max_bytes &&
            places[i].sequence > upto) {
            *more = 1;
            break;
        }
        rc = read_commit(db, &blob, places + i, end - i, &c, err);
        if (rc) break;
        bytes += c->len;
        *tail = c;
        tail = &c->next;
        i = end;
    }
    if (blob) (void)sqlite3_blob_close(blob);
    tarn_free(places);
    if (rc) {
        tarn_commit_free_list(*first);
        *first = NULL;
    }
    return rc;
}
