/* crypt.h: Parquet's modular encryption, one module at a time. Reading only.
**
** Source: parquet-format, Encryption.md. A file is cut into modules (footer, column metadata, page
** headers, pages, indexes, bloom filters), each encrypted by itself with AES:
**
**   GCM   length, 4 bytes LE | nonce, 12 | ciphertext | tag, 16      every module
**   CTR   length, 4 bytes LE | nonce, 12 | ciphertext                pages of AES_GCM_CTR_V1
**
** GCM also authenticates what the module is and where it belongs (its AAD), so that a module which
** was moved, or comes from another file, does not open:
**
**   AAD prefix | file id | module type, 1 | row group, 2 LE | column, 2 LE | data page, 2 LE
**
** CTR authenticates nothing: the pages of such files are as they are.
** Lengths come from the file: each is compared with the bytes that are there.
*/
#ifndef TARN_CRYPT_H
#define TARN_CRYPT_H

#include "arena.h"
#include "err.h"
#include "format.h"

enum tarn_module { /* numbers of the format */
                   TARN_MODULE_FOOTER = 0,
                   TARN_MODULE_COLUMN_META = 1,
                   TARN_MODULE_DATA_PAGE = 2,
                   TARN_MODULE_DICTIONARY_PAGE = 3,
                   TARN_MODULE_DATA_HEADER = 4,
                   TARN_MODULE_DICTIONARY_HEADER = 5,
                   TARN_MODULE_COLUMN_INDEX = 6,
                   TARN_MODULE_OFFSET_INDEX = 7,
                   TARN_MODULE_BLOOM_HEADER = 8,
                   TARN_MODULE_BLOOM_BITS = 9
};

#define TARN_CRYPT_NONCE 12
#define TARN_CRYPT_TAG 16
#define TARN_CRYPT_SIGNATURE (TARN_CRYPT_NONCE + TARN_CRYPT_TAG)
#define TARN_CRYPT_ORDINALS 32768 /* row groups, columns and pages have numbers of 15 bits */

struct tarn_file_crypt {            /* of one file; its footer keeps what is pointed to */
    uint8_t ctr;                    /* AES_GCM_CTR_V1 */
    struct tarn_slice aad;          /* prefix and file id */
    struct tarn_slice key;          /* of the footer; len 0 = not there */
    struct tarn_slice key_metadata; /* of the footer's key; len 0 = none */
};

enum tarn_lock {
    TARN_LOCK_OPEN = 0,
    TARN_LOCK_NO_KEY, /* nobody gave the key */
    TARN_LOCK_MISFIT, /* a key was given, the column's metadata does not open with it */
    TARN_LOCK_ORDINAL /* the row group or column has a number beyond the format's */
};

struct tarn_chunk_crypt { /* of one encrypted column chunk */
    const struct tarn_file_crypt *file;
    struct tarn_slice key;
    struct tarn_slice key_metadata;
    uint8_t own_key; /* not the footer's */
    uint8_t lock;    /* enum tarn_lock */
    uint32_t row_group, column;
};

/* Ciphers set up with one key, reused from module to module. Zeroed = fresh. */
struct tarn_decryptor {
    void *gcm, *ctr;
};
void tarn_decryptor_release(struct tarn_decryptor *d);

/* Opens the module at p, of which at most n bytes are there: its plain bytes go to out (as large as
** n), their number to *out_len, the bytes that the module took to *used. `page` is the number of
** the data page, else ignored. TARN_ECORRUPT with *why when its length can't be right or it does
** not authenticate; TARN_ENOMEM. `d` must be used with one key only. */
int tarn_crypt_open(struct tarn_decryptor *d, const struct tarn_chunk_crypt *c,
                    enum tarn_module module, uint32_t page, const uint8_t *p, size_t n,
                    uint8_t *out, size_t *out_len, size_t *used, const char **why);
/* As above, into the arena (whose failure is TARN_ENOMEM or TARN_ELIMIT, *why unset). */
int tarn_crypt_open_arena(const struct tarn_chunk_crypt *c, enum tarn_module module,
                          struct tarn_slice in, struct tarn_arena *arena, struct tarn_slice *out,
                          const char **why);
/* The footer's module, all n bytes, under the footer's key. TARN_EACCES when it does not
** authenticate. */
int tarn_crypt_open_footer(const struct tarn_file_crypt *f, const uint8_t *p, size_t n,
                           uint8_t *out, size_t *out_len, const char **why);
/* A plain footer's signature (nonce, tag): TARN_OK, TARN_ECORRUPT when it is not that of
** p[0..n), TARN_ENOMEM. */
int tarn_crypt_verify(const struct tarn_file_crypt *f, const uint8_t *p, size_t n,
                      const uint8_t signature[TARN_CRYPT_SIGNATURE]);

/* key_metadata for a message: as text when printable, else in hex; cut to fit. */
const char *tarn_crypt_id_text(struct tarn_slice id, char *buf, size_t size);
/* TARN_EACCES for a chunk that can't be read for lack of a key; says what to give. */
int tarn_crypt_locked(const struct tarn_chunk_crypt *c, const char *file, const char *column,
                      struct tarn_err *err);

#endif
