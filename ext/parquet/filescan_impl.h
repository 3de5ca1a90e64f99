/* filescan_impl.h: shared by filescan.c (reading) and filescan_prune.c (row groups to blocks).
**
** A scan has one slot per distinct column that it touches. Per row group it keeps a context: page
** indexes, a chunk reader per slot, and which dictionary entries satisfy each predicate. The last
** few contexts are kept, so that blocks of several row groups may be read in turns.
*/
#ifndef TARN_FILESCAN_IMPL_H
#define TARN_FILESCAN_IMPL_H

#include "chunk_read.h"
#include "filescan.h"

#define TARN_SCAN_CONTEXTS 4

struct tarn_scan_slot {
    int column;
    uint8_t has_predicate, is_output, is_order;
};

struct tarn_scan_context {
    int row_group; /* -1 = unused */
    uint64_t used; /* for choosing the oldest */
    uint8_t indexed;
    struct tarn_arena arena;          /* page indexes */
    struct tarn_page_index *index;    /* per slot; n = 0: none */
    struct tarn_chunk_reader *reader; /* per slot */
    uint8_t *open;                    /* per slot: reader is open */
    uint8_t **match;                  /* per predicate: matching dictionary entries, or NULL */
    const void **match_of;            /* per predicate: the dictionary that match is of */
};

struct tarn_pq_scan {
    const struct tarn_pq_footer *footer;
    const struct tarn_source *src;
    struct tarn_arena arena; /* all arrays below, constants of predicates */
    struct tarn_budget *budget;
    struct tarn_pq_counters *counters, own_counters;
    int pushdown;
    struct tarn_scan_slot *slots;
    int n_slots;
    struct tarn_predicate *predicates;
    int *predicate_slot;
    int n_predicates;
    int *output_slot;
    int n_outputs;
    int order_slot;   /* -1 = none */
    uint8_t *counted; /* per row group: in counters->row_groups already */
    uint64_t clock;
    struct tarn_decompressor codec;
    struct tarn_scan_context contexts[TARN_SCAN_CONTEXTS];
    struct tarn_arena scratch; /* of one read */
    struct tarn_pagelist scratch_pages;
};

int tarn_scan_context(struct tarn_pq_scan *s, int row_group, struct tarn_scan_context **out,
                      struct tarn_err *err);
void tarn_scan_context_clear(struct tarn_pq_scan *s, struct tarn_scan_context *c);
/* The slot's reader, opened at the first call. */
int tarn_scan_reader(struct tarn_pq_scan *s, struct tarn_scan_context *c, int slot,
                     struct tarn_chunk_reader **out, struct tarn_err *err);
/* Matches of predicate p among the entries of a dictionary (v coded, or the dictionary itself);
** remembered. NULL when it is not worth it, or out of memory. */
const uint8_t *tarn_scan_match(struct tarn_pq_scan *s, struct tarn_scan_context *c, int p,
                               const struct tarn_vector *v);
int tarn_scan_oom(const struct tarn_pq_scan *s, const struct tarn_arena *a, struct tarn_err *err);

#endif
