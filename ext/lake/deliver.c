/* deliver.c: see deliver.h. The one registration, the same for all connections. */
#include "deliver.h"

#include <stdatomic.h>
#include <stddef.h>

static _Atomic(const struct tarn_deliver *) registered;

void tarn_deliver_register(const struct tarn_deliver *d) {
    atomic_store(&registered, d);
}

const struct tarn_deliver *tarn_deliver_changes(void) {
    return atomic_load(&registered);
}
