/* replay.c: runs a fuzzer without libFuzzer, so with any compiler: `make test` does.
**
**   replay_NAME MS CRASH FOLDER...
**
** Every file of the folders once; then, for MS milliseconds, copies of them with random damage, in
** an order that is the same each time. An input that crashes, or takes longer than 10 seconds, is
** left in the file CRASH.
*/
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_INPUTS 4096
#define MAX_SIZE ((size_t)1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    uint8_t *data;
    size_t n;
};

static struct input inputs[MAX_INPUTS];
static size_t n_inputs;
static const uint8_t *running;
static size_t running_n;
static const char *crash_path;

/* There only when a sanitizer is, which handles crashes itself. */
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void keep(void) {
    int fd = open(crash_path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    if (fd < 0 || write(fd, running, running_n) < 0) perror(crash_path);
}

static void on_crash(int number) {
    keep();
    signal(number, SIG_DFL);
    raise(number);
}

static void watch(void) {
    signal(SIGABRT, on_crash);
    signal(SIGALRM, on_crash);
    if (__sanitizer_set_death_callback)
        __sanitizer_set_death_callback(keep);
    else
        signal(SIGSEGV, on_crash);
}

static void load(const char *path) {
    FILE *file = fopen(path, "rb");
    struct input *in = &inputs[n_inputs];

    if (!file || n_inputs == MAX_INPUTS || !(in->data = malloc(MAX_SIZE))) {
        perror(path);
        exit(1);
    }
    in->n = fread(in->data, 1, MAX_SIZE, file);
    fclose(file);
    if (in->n) in->data = realloc(in->data, in->n);
    n_inputs++;
}

static void load_folder(const char *folder) {
    DIR *dir = opendir(folder);
    const struct dirent *de = NULL;
    char path[1024];

    if (!dir) {
        perror(folder);
        exit(1);
    }
    while ((de = readdir(dir)) != NULL) {
        if (de->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", folder, de->d_name);
        load(path);
    }
    closedir(dir);
}

/* Exactly as long as the input, so that a sanitizer sees a read past its end. */
static void run(const uint8_t *p, size_t n) {
    uint8_t *copy = malloc(n ? n : 1);

    if (!copy) exit(1);
    memcpy(copy, p, n);
    running = copy;
    running_n = n;
    alarm(10);
    (void)LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static uint64_t seed = 1;

static uint32_t rnd(size_t n) {
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 33) % (n ? n : 1));
}

/* One change of in[0..*n), which has room for twice MAX_SIZE. */
static void damage(uint8_t *in, size_t *n) {
    static const uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x15, 0x2c};
    const struct input *other = &inputs[rnd(n_inputs)];
    size_t at = rnd(*n), len = 1 + rnd(16);

    if (*n == 0) return;
    if (len > *n - at) len = *n - at;
    switch (rnd(6)) {
    case 0: in[at] ^= (uint8_t)(1u << rnd(8)); break;
    case 1: in[at] = edges[rnd(sizeof edges)]; break;
    case 2: in[at] = (uint8_t)(in[at] + rnd(9) - 4); break;
    case 3:
        memmove(in + at, in + at + len, *n - at - len);
        *n -= len;
        break;
    case 4:
        if (*n + len > MAX_SIZE) return;
        memmove(in + at + len, in + at, *n - at);
        *n += len;
        break;
    default:
        if (other->n < len) return;
        memcpy(in + at, other->data + rnd(other->n - len + 1), len);
    }
}

static double now(void) {
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(int argc, char **argv) {
    static uint8_t work[2 * MAX_SIZE];
    unsigned long runs = 0;
    double end = 0;

    if (argc < 4) {
        fprintf(stderr, "usage: %s MS CRASH FOLDER...\n", argv[0]);
        return 2;
    }
    crash_path = argv[2];
    for (int i = 3; i < argc; i++)
        load_folder(argv[i]);
    watch();
    for (size_t i = 0; i < n_inputs; i++)
        run(inputs[i].data, inputs[i].n);
    for (end = now() + atof(argv[1]); n_inputs && now() < end; runs++) {
        const struct input *in = &inputs[rnd(n_inputs)];
        size_t n = in->n;
        memcpy(work, in->data, n);
        for (uint32_t k = 1 + rnd(6); k > 0; k--)
            damage(work, &n);
        run(work, n);
    }
    for (size_t i = 0; i < n_inputs; i++)
        free(inputs[i].data);
    printf("%zu inputs, %lu more\n", n_inputs, runs);
    return n_inputs ? 0 : 1;
}
