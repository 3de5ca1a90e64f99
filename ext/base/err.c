/* err.c: setting the one message of a failure.
**
** Invariant: a message, once set, stays until tarn_err_clear: the place that found the fault knows
** most about it. Text that is too long is cut between characters, never inside one; of an errno
** message the front is cut and the system's reason stays.
** Leaves to others: mapping TARN_E* to SQLite's codes (the SQL face does that).
*/
#include "err.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Cuts msg, a buffer of `size` bytes, so that it ends in "..." and holds at most size - 1 bytes. */
static void cut(char *msg, size_t size) {
    size_t at = size - 4;

    while (at > 0 && ((unsigned char)msg[at] & 0xC0) == 0x80)
        at--;
    memcpy(msg + at, "...", 4);
}

/* As vsnprintf, but a text that does not fit is cut as above. */
static void format(char *msg, size_t size, const char *fmt, va_list ap) {
    int n = vsnprintf(msg, size, fmt, ap);

    if (n < 0)
        msg[0] = '\0';
    else if ((size_t)n >= size)
        cut(msg, size);
}

int tarn_err_set(struct tarn_err *err, int code, const char *fmt, ...) {
    va_list ap;

    if (err == NULL || err->code != TARN_OK) return code;
    err->code = code;
    va_start(ap, fmt);
    format(err->msg, sizeof err->msg, fmt, ap);
    va_end(ap);
    return code;
}

static int code_of_errno(int e) {
    switch (e) {
    case ENOENT: return TARN_ENOTFOUND;
    case EEXIST: return TARN_EEXIST;
    case ENOSPC:
    case EDQUOT: return TARN_EFULL;
    case EACCES:
    case EPERM:
    case EROFS: return TARN_EACCES;
    case ENOMEM: return TARN_ENOMEM;
    case EINTR: return TARN_EINTR;
    default: return TARN_EIO;
    }
}

int tarn_err_errno(struct tarn_err *err, int e, const char *fmt, ...) {
    char text[80];
    const char *reason = NULL;
    size_t room = 0, used = 0;
    int code = code_of_errno(e);
    va_list ap;

    if (err == NULL || err->code != TARN_OK) return code;
    err->code = code;
    reason = strerror_r(e, text, sizeof text);
    if (reason == NULL || strlen(reason) >= sizeof text) reason = "unknown error";
    room = sizeof err->msg - strlen(reason) - 2;
    va_start(ap, fmt);
    format(err->msg, room, fmt, ap);
    va_end(ap);
    used = strlen(err->msg);
    (void)snprintf(err->msg + used, sizeof err->msg - used, ": %s", reason);
    return code;
}

void tarn_err_clear(struct tarn_err *err) {
    if (err == NULL) return;
    err->code = TARN_OK;
    err->msg[0] = '\0';
}

const char *tarn_code_name(int code) {
    static const char *const names[] = {
        "TARN_OK",       "TARN_ENOMEM", "TARN_EIO",          "TARN_ENOTFOUND", "TARN_EEXIST",
        "TARN_ECORRUPT", "TARN_EINVAL", "TARN_EUNSUPPORTED", "TARN_EFULL",     "TARN_ELIMIT",
        "TARN_EACCES",   "TARN_EINTR",  "TARN_EBUSY",
    };

    if (code < 0 || (size_t)code >= sizeof names / sizeof names[0]) return "TARN_E?";
    return names[code];
}
