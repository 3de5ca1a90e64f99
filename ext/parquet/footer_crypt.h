/* footer_crypt.h: between footer.c, footer_parse.c and footer_crypt.c: keys meet the metadata. */
#ifndef TARN_FOOTER_CRYPT_H
#define TARN_FOOTER_CRYPT_H

#include "footer_parse.h"

struct tarn_column_crypto { /* what a ColumnChunk says of its encryption */
    int seen;               /* it is encrypted */
    int own_key;            /* not with the footer's key */
    struct tarn_slice key_metadata;
    struct tarn_slice sealed_meta; /* encrypted_column_metadata; len 0 = absent */
};

/* The footer of a PARE file, p->bytes = FileCryptoMetaData | encrypted FileMetaData. *out: the plain
** FileMetaData, for tarn_free; sets p->crypt. */
int tarn_footer_unseal(struct tarn_footer_parse *p, uint8_t **out, size_t *n);
/* The algorithm of a file with a plain footer, which is verified if its key is there; at the first
** call only. */
int tarn_footer_signed(struct tarn_footer_parse *p);
/* ColumnCryptoMetaData, a union whose field was just announced. */
void tarn_column_crypto_read(struct tarn_thrift *t, const struct tarn_thrift_field *at,
                             struct tarn_column_crypto *c);
/* Finds the chunk's key and opens its metadata, if that is sealed: *meta is of the arena then, else
** empty. Without a key that fits the chunk is marked, which is no error. */
int tarn_footer_crypt_column(struct tarn_footer_parse *p, int rg,
                             const struct tarn_column_crypto *c, struct tarn_pq_chunk *chunk,
                             struct tarn_slice *meta);
/* After the parse: what keys were given for must not be plain unnoticed. */
int tarn_footer_crypt_check(const struct tarn_footer_parse *p);

#endif
