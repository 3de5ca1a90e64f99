/* keyring.h: the keys that a caller hands to the reader of encrypted files.
**
** A ring never changes after it is made; threads share it by an atomic count. It owns copies of the
** keys, in memory that is wiped when the last reference goes. A key is 16, 24 or 32 bytes. No
** function here puts a key into a message.
**
** Which key opens a column: the one for its dotted path, else the one for the key_metadata that the
** file names (an id), and for columns under the footer's key that one. The footer: the footer key,
** else the one for the footer's key_metadata.
*/
#ifndef TARN_KEYRING_H
#define TARN_KEYRING_H

#include "err.h"
#include "format.h"

enum tarn_key_kind {
    TARN_KEY_FOOTER,     /* no name */
    TARN_KEY_COLUMN,     /* name: the dotted path of a leaf */
    TARN_KEY_ID,         /* name: key_metadata, any bytes */
    TARN_KEY_AAD_PREFIX, /* no name; bytes: what the file's modules are bound to, any length */
    TARN_KEY_PLAIN_FILES /* no name, no bytes: files that are not encrypted are read too */
};

struct tarn_key { /* as handed in; all borrowed */
    enum tarn_key_kind kind;
    struct tarn_slice name;
    struct tarn_slice bytes;
};

struct tarn_pq_keys;

/* TARN_EINVAL: a key of another length, a column without a name, the same name twice. */
int tarn_pq_keys_new(struct tarn_pq_keys **out, const struct tarn_key *keys, size_t n,
                     struct tarn_err *err);
struct tarn_pq_keys *tarn_pq_keys_ref(struct tarn_pq_keys *k);
void tarn_pq_keys_free(struct tarn_pq_keys *k); /* drops a reference; NULL is fine */

/* The bytes for a name, which live as long as the ring; len 0 = there are none. `k` may be NULL. */
struct tarn_slice tarn_pq_keys_find(const struct tarn_pq_keys *k, enum tarn_key_kind kind,
                                    struct tarn_slice name);
/* 1 when there is an entry of that kind, even an empty one. */
int tarn_pq_keys_has(const struct tarn_pq_keys *k, enum tarn_key_kind kind);

#endif
