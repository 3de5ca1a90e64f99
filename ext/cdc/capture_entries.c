/* capture_entries.c: which entries of the chain the open transaction has. The records of changes count
** them in; who is told how many rows have changed wants them left out.
*/
#include <string.h>

#include "capture_impl.h"
#include "mem.h"

int tarn_capture_note_entry(struct tarn_capture *c, const char *name, uint64_t at,
                            struct tarn_err *err) {
    struct tarn_capture_entry *grown =
        tarn_reallocarray(c->entries, c->n_entries + 1, sizeof *grown);

    if (!grown) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    c->entries = grown;
    grown[c->n_entries].at = at;
    grown[c->n_entries].name = tarn_strdup(name);
    if (!grown[c->n_entries].name) return tarn_err_set(err, TARN_ENOMEM, "out of memory");
    c->n_entries++;
    return TARN_OK;
}

void tarn_capture_cut_entries(struct tarn_capture *c, uint64_t len) {
    while (c->n_entries && c->entries[c->n_entries - 1].at >= len)
        tarn_free(c->entries[--c->n_entries].name);
    if (c->n_entries) return;
    tarn_free(c->entries);
    c->entries = NULL;
}

uint64_t tarn_capture_entries(const struct tarn_conn *conn, struct tarn_slice name, int all) {
    const struct tarn_capture *c = conn->capture;
    uint64_t n = 0;
    size_t i;

    for (i = 0; i < c->n_entries; i++) {
        const char *of = c->entries[i].name;

        n += all || (strlen(of) == name.len && memcmp(of, name.data, name.len) == 0);
    }
    return n;
}
