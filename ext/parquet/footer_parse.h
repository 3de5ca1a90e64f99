/* footer_parse.h: between footer.c (bytes) and footer_parse.c, footer_schema.c (meaning). */
#ifndef TARN_FOOTER_PARSE_H
#define TARN_FOOTER_PARSE_H

#include "arena.h"
#include "buf.h"
#include "footer.h"
#include "stats_read.h"
#include "thrift_read.h"

struct tarn_footer_parse {
    struct tarn_thrift t;
    struct tarn_arena *arena;   /* of the footer: what stays */
    struct tarn_arena *scratch; /* dies after the parse */
    struct tarn_pq_footer *f;
    const char *name; /* of the file, for messages */
    uint64_t limit;   /* pages end here: where the footer begins */
    const uint8_t *bytes;
    size_t n_bytes;
    struct tarn_raw_stats **raw;   /* per row group, per column */
    const uint8_t *orders;         /* per column: TypeDefinedOrder or IEEE754; NULL = absent */
    struct tarn_pq_keys *keys;     /* may be NULL */
    struct tarn_file_crypt *crypt; /* NULL = nothing encrypted was seen */
    struct tarn_err *err;
};

/* Parses bytes[0..n_bytes), which the footer keeps: statistics are slices of it. */
int tarn_footer_parse(struct tarn_footer_parse *p);
/* The schema list, just announced by field `f`: fills columns and n_columns. */
int tarn_footer_schema(struct tarn_footer_parse *p, const struct tarn_thrift_field *f);
/* TARN_ECORRUPT (or the arena's error, if it has one) with file and message. */
int tarn_footer_fail(struct tarn_footer_parse *p, const char *fmt, ...) TARN_PRINTF(2, 3);
/* A NUL-terminated copy; bytes after an embedded NUL are lost. NULL when out of memory. */
const char *tarn_footer_text(struct tarn_footer_parse *p, struct tarn_slice s);

#endif
