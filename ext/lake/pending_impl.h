/* pending_impl.h: the inside of pending rows, for pending.c and pending_settle.c. */
#ifndef TARN_PENDING_IMPL_H
#define TARN_PENDING_IMPL_H

#include "arena.h"
#include "outbox.h"
#include "payload.h"
#include "pending.h"

struct tarn_pending_item {
    const uint8_t *record;
    uint32_t len;
    uint32_t dropped;  /* the lake has it */
    uint64_t sequence; /* 0 = this connection's open transaction */
    int64_t ts;
};

struct tarn_pending_spool {
    struct tarn_spool_file file;
    uint64_t sequence; /* 0 = the lake has it */
};

struct tarn_pending {
    struct tarn_conn *conn;
    struct tarn_commit *commits; /* by sequence; those without wanted rows have no payload */
    size_t kept;                 /* bytes of their payloads */
    struct tarn_arena arena;     /* copies of the open transaction's rows */
    struct tarn_pending_item *items;
    size_t n_items, capacity, at;
    struct tarn_pending_spool *spools;
    size_t n_spools;
    char root[TARN_NAME_ROOT_MAX];
    int64_t lo, hi;
    struct tarn_position position; /* what the commits follow */
    char id[17], name[128];        /* of the database */
    int seen, seen_matches;        /* is the root of these two the one that is wanted? */
    struct tarn_slice seen_prefix, seen_namespace;
};

#endif
