/* content.h: the digest of what a commit carries, in the form that stays provable once the rows lie in
** the lake collection by collection:
**
**   events only   SHA-256(payload)
**   with changes  SHA-256("C" | SHA-256 of the records of events, or 32 zero bytes
**                 | per collection, by name: varint, name | u64 changes | its digest)
**
** A collection's digest is that of its changes in their order (payload.h); 'B' files count through the
** entry in the collection that names them.
*/
#ifndef TARN_CONTENT_H
#define TARN_CONTENT_H

#include "payload.h"
#include "sha256.h"

/* What one collection has so far. */
struct tarn_content_collection {
    struct tarn_slice name; /* borrowed */
    uint64_t rows;
    struct tarn_sha256_state *state;
    uint8_t digest[32]; /* made by tarn_content_summaries */
};

/* Collects changes, record after record, as they stand in a payload or in a file of changes. Most commits
** are of one collection: the first of each list has its place here, and costs no allocation. */
struct tarn_content {
    struct tarn_content_collection *collections;
    size_t n, capacity;
    uint32_t *
        numbers; /* which of them a number is of: several may be of one, whose definition changed */
    size_t n_numbers, numbers_capacity;
    struct tarn_change_summary *summaries;
    struct tarn_content_collection first_collection;
    uint32_t first_number;
    struct tarn_change_summary first_summary;
};

/* It is not moved afterwards. */
void tarn_content_init(struct tarn_content *c);
void tarn_content_release(struct tarn_content *c);
/* A 'T' or an 'R'; of other kinds nothing is taken. TARN_ECORRUPT: a number that has no name. */
int tarn_content_add(struct tarn_content *c, const struct tarn_record *r, struct tarn_err *err);
/* Ends the digests: one summary a collection that has changes, by name; owned by c, valid as long as
** the names that it was given. */
int tarn_content_summaries(struct tarn_content *c, const struct tarn_change_summary **out,
                           size_t *n, struct tarn_err *err);
/* The digest of a payload with changes. 0, TARN_ENOMEM or TARN_ECORRUPT. */
int tarn_content_digest(const uint8_t *payload, size_t n, uint8_t out[32]);
/* SHA-256 of the records of events of a payload; *any = 0, and zero bytes, when it has none. */
int tarn_content_events(const uint8_t *payload, size_t n, int *any, uint8_t out[32]);

#endif
