/* chain_entry.c: see chain_entry.h. */
#include "chain_entry.h"

#include "buf.h"

static int append(const char *text, size_t n, void *ctx) {
    tarn_buf_put(ctx, text, n);
    return 0;
}

char *tarn_chain_entry_text(json_t *o) {
    struct tarn_buf b = TARN_BUF_INIT((size_t)64 << 20);
    char *text = NULL;

    if (o && json_dump_callback(o, append, &b, JSON_COMPACT) == 0) {
        tarn_buf_u8(&b, 0);
        text = tarn_buf_steal(&b, NULL);
    }
    json_decref(o);
    tarn_buf_release(&b);
    return text;
}
