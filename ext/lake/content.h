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

/* Collects changes, record after record, as they stand in a payload or in a file of changes. */
struct tarn_content {
    struct tarn_content_collection *collections;
    size_t n, capacity;
    size_t *
        numbers; /* which of them a number is of: several may be of one, whose definition changed */
    size_t n_numbers, numbers_capacity;
    uint8_t (*digests)[32]; /* made by tarn_content_summaries */
    struct tarn_change_summary *summaries;
};

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
