/* ulid.c: sortable ids.
**
**   0         10               26 letters of 5 bits
**   tttttttttt rrrrrrrrrrrrrrrr      48 bits of time (2 spare bits in front), 80 bits of tail
**
** A process walks through tails: the first is random with its top bit clear, each next one is a
** random step of up to 40 bits further. So ids of one millisecond increase whatever order the
** times come in, and 2^39 of them fit before the walk begins anew. Random bytes for the steps are
** fetched for many ids at once. A forked child throws those away and begins a walk of its own.
*/
#include "ulid.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "err.h"

#define STEP 5 /* bytes */
#define MS_MAX ((INT64_C(1) << 48) - 1)

static const char LETTERS[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* The walk, behind its mutex. */
static struct {
    pthread_mutex_t mutex;
    pid_t owner; /* whose walk it is; 0 = nobody's yet */
    uint8_t tail[10];
    uint8_t pool[STEP * 100]; /* random bytes not used yet: the first `left` */
    size_t left;
} walk = {PTHREAD_MUTEX_INITIALIZER, 0, {0}, {0}, 0};

static int random_from_device(uint8_t *p, size_t n) {
    int fd = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    int rc = TARN_EIO;

    if (fd < 0) return TARN_EIO;
    while (n > 0) {
        ssize_t got = read(fd, p, n);

        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) goto out;
        p += got;
        n -= (size_t)got;
    }
    rc = TARN_OK;
out:
    (void)close(fd);
    return rc;
}

int tarn_random(void *out, unsigned n) {
    uint8_t *p = out;
    size_t left = n;

    while (left > 0) {
        ssize_t got = getrandom(p, left, 0);

        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return random_from_device(p, left);
        p += got;
        left -= (size_t)got;
    }
    return TARN_OK;
}

void tarn_ulid_encode(int64_t ms, const uint8_t tail[10], char out[TARN_ULID_LEN + 1]) {
    uint64_t t = 0;

    if (ms > 0) t = (uint64_t)(ms > MS_MAX ? MS_MAX : ms);
    for (int i = 9; i >= 0; i--) {
        out[i] = LETTERS[t & 31];
        t >>= 5;
    }
    for (int half = 0; half < 2; half++) {
        uint64_t bits = 0;

        for (int i = 0; i < 5; i++)
            bits = bits << 8 | tail[half * 5 + i];
        for (int i = 7; i >= 0; i--) {
            out[10 + half * 8 + i] = LETTERS[bits & 31];
            bits >>= 5;
        }
    }
    out[TARN_ULID_LEN] = '\0';
}

/* Adds a step of 1 to 2^40 to the tail; 0 when it went over the end. */
static int advance(uint8_t tail[10], const uint8_t by[STEP]) {
    unsigned carry = 1;

    for (int i = 9; i >= 0; i--) {
        carry += tail[i] + (i >= 5 ? (unsigned)by[i - 5] : 0);
        tail[i] = (uint8_t)carry;
        carry >>= 8;
    }
    return carry == 0;
}

/* Begins a walk; the mutex is held. */
static int begin(pid_t owner) {
    walk.owner = 0;
    walk.left = 0;
    if (tarn_random(walk.tail, sizeof walk.tail) != TARN_OK) return TARN_EIO;
    walk.tail[0] &= 0x7F;
    walk.owner = owner;
    return TARN_OK;
}

/* Goes one step; the mutex is held. */
static int step(void) {
    const pid_t me = getpid();

    if (walk.owner != me) return begin(me);
    if (walk.left < STEP) {
        if (tarn_random(walk.pool, sizeof walk.pool) != TARN_OK) return TARN_EIO;
        walk.left = sizeof walk.pool;
    }
    walk.left -= STEP;
    return advance(walk.tail, walk.pool + walk.left) ? TARN_OK : begin(me);
}

int tarn_ulid_new(int64_t ms, char out[TARN_ULID_LEN + 1]) {
    uint8_t tail[10];
    int rc = TARN_OK;

    pthread_mutex_lock(&walk.mutex);
    rc = step();
    memcpy(tail, walk.tail, sizeof tail);
    pthread_mutex_unlock(&walk.mutex);
    if (rc == TARN_OK) tarn_ulid_encode(ms, tail, out);
    return rc;
}

/* The five bits of a Crockford letter, in either case and with its aliases (I, L, O); -1. */
static int letter(char c) {
    const char *at = NULL;

    if (c >= 'a' && c <= 'z') c = (char)(c - 'a' + 'A');
    if (c == 'I' || c == 'L') return 1;
    if (c == 'O') return 0;
    at = c != '\0' ? strchr(LETTERS, c) : NULL;
    return at != NULL ? (int)(at - LETTERS) : -1;
}

int64_t tarn_ulid_time(const char *s) {
    int64_t t = 0;

    for (int i = 0; i < TARN_ULID_LEN; i++) {
        int bits = letter(s[i]);

        if (bits < 0 || (i == 0 && bits > 7)) return -1;
        if (i < 10) t = t * 32 + bits;
    }
    return t;
}
