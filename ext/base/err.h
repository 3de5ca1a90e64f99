/* err.h: the one idiom for errors.
**
** Every fallible function returns 0 (TARN_OK) or one of TARN_E*, and takes a
** `struct tarn_err *` as its last argument, which may be NULL. The message is
** set where the fault is found and is never overwritten by a caller: the
** first one wins. A message says what was expected, what was found, where
** (file, offset, row group, column), and what the user can do about it.
*/
#ifndef TARN_ERR_H
#define TARN_ERR_H

enum tarn_code {
    TARN_OK = 0,
    TARN_ENOMEM = 1,   /* an allocation failed */
    TARN_EIO = 2,      /* the operating system or the network refused a read or a write */
    TARN_ENOTFOUND,    /* no such object, file or key */
    TARN_EEXIST,       /* a condition (if-absent, if-match) was not met */
    TARN_ECORRUPT,     /* bytes that break their format */
    TARN_EINVAL,       /* a value from the user that can't be taken as it is */
    TARN_EUNSUPPORTED, /* well-formed, but of a kind this build does not read */
    TARN_EFULL,        /* no space left, or a quota was met */
    TARN_ELIMIT,       /* a budget or a hard cap would be exceeded */
    TARN_EACCES,       /* permission denied, read-only, or not trusted */
    TARN_EINTR,        /* the user interrupted */
    TARN_EBUSY         /* held by someone else; try again */
};

struct tarn_err {
    int code; /* enum tarn_code; TARN_OK while empty */
    char msg[256];
};

#define TARN_WARN_UNUSED __attribute__((warn_unused_result))
#define TARN_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Sets the message if *err holds none yet, and returns `code`. `err` may be NULL.
** A message that doesn't fit is cut at a character boundary and ends in "...". */
int tarn_err_set(struct tarn_err *err, int code, const char *fmt, ...) TARN_PRINTF(3, 4);

/* As tarn_err_set, but maps errno `e` to a code (ENOENT -> TARN_ENOTFOUND, EEXIST -> TARN_EEXIST,
** ENOSPC/EDQUOT -> TARN_EFULL, EACCES/EPERM/EROFS -> TARN_EACCES, ENOMEM -> TARN_ENOMEM, EINTR ->
** TARN_EINTR, else TARN_EIO) and appends ": strerror(e)". */
int tarn_err_errno(struct tarn_err *err, int e, const char *fmt, ...) TARN_PRINTF(3, 4);

/* Empties *err for reuse. */
void tarn_err_clear(struct tarn_err *err);

/* "TARN_ECORRUPT" etc.; never NULL. */
const char *tarn_code_name(int code);

#endif
