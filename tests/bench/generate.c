/* generate.c: makes the lake that `make bench` measures: the same events on every machine.
**
**   generate DIR [ROWS [HOURS]]        (10,000,000 rows over 720 hours from 2026-02-01 00:00)
**
** One sorted Parquet file per hour, events/YYYY/MM/DD/HH/{ulid}.parquet, and _tarn/lake.json. The
** hours follow the day's load (night 1 : noon 3). Every hour has a random sequence of its own, so
** the hours are shared out to worker processes, and the result doesn't depend on how many there
** are. Time stamps within an hour are distinct while there are fewer than 3.6 million of them: a
** query for the newest 100 has one answer. What the events look like is in event_mix.c.
**
** DIR must not exist: nothing is ever overwritten.
*/
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "event_file.h"
#include "event_mix.h"
#include "time.h"
#include "ulid.h"

#define START_MS INT64_C(1769904000000) /* 2026-02-01 00:00:00 */
#define SEED UINT64_C(0x7a12f00d2026)
#define WORKERS 2

static int make_folders(char *path) {
    for (char *p = path + 1; *p; p++) {
        if (*p != '/') continue;
        *p = '\0';
        if (mkdir(path, 0777) != 0 && errno != EEXIST) {
            fprintf(stderr, "generate: mkdir %s: %s\n", path, strerror(errno));
            return 1;
        }
        *p = '/';
    }
    return 0;
}

static int write_lake_json(const char *dir) {
    static const char text[] = "{\"format\":\"tarn\",\"version\":1,\"createdBy\":\"tarn bench\","
                               "\"createdAt\":\"2026-02-01T00:00:00.000Z\","
                               "\"partitionedBy\":\"ts\"}\n";
    char path[4096];
    snprintf(path, sizeof path, "%s/_tarn/lake.json", dir);
    if (make_folders(path) != 0) return 1;
    FILE *f = fopen(path, "wx");
    int ok = f != NULL && fputs(text, f) >= 0;
    if (f != NULL && fclose(f) != 0) ok = 0;
    if (!ok) fprintf(stderr, "generate: %s: %s\n", path, strerror(errno));
    return !ok;
}

/* The load of the hours before `hour`, in units that sum to 48 a day: how rows are dealt out. */
static uint64_t load_before(uint64_t hour) {
    static const uint8_t of_hour[24] = {1, 1, 1, 1, 1, 1, 2, 2, 2, 3, 3, 3,
                                        3, 3, 3, 3, 3, 2, 2, 2, 2, 2, 1, 1};
    uint64_t sum = hour / 24 * 48;
    for (uint64_t h = 0; h < hour % 24; h++)
        sum += of_hour[h];
    return sum;
}

static uint64_t rows_before(uint64_t rows, uint64_t hours, uint64_t hour) {
    return rows * load_before(hour) / load_before(hours);
}

static int write_rows(const struct tarn_sink *sink, uint64_t rows, int64_t start, struct mix *mix,
                      struct tarn_err *err) {
    struct tarn_event_file *f = NULL;
    struct tarn_event_file_stats stats;
    struct tarn_event ev;
    int rc = tarn_event_file_open(&f, TARN_EVENT_FILE_RAW, sink, err);
    for (uint64_t i = 0; rc == TARN_OK && i < rows; i++) {
        uint64_t slot = (uint64_t)TARN_MS_PER_HOUR * i / rows;
        uint64_t next = (uint64_t)TARN_MS_PER_HOUR * (i + 1) / rows;
        uint64_t width = next > slot ? next - slot : 1;
        mix_event(mix, &ev, start + (int64_t)(slot + mix_random(mix) % width));
        rc = tarn_event_file_add(f, &ev);
    }
    if (f != NULL) /* also after an error: finish has its message */
        rc = tarn_event_file_finish(f, &stats, err);
    tarn_event_file_free(f);
    return rc;
}

static int write_hour(const char *dir, uint64_t hour, uint64_t rows) {
    int64_t start = START_MS + (int64_t)hour * TARN_MS_PER_HOUR;
    struct tarn_err err = {0};
    struct tarn_sink sink;
    struct tarn_civil t;
    struct mix mix;
    char path[4096];
    char ulid[TARN_ULID_LEN + 1];
    uint8_t tail[10];

    mix_init(&mix, SEED ^ (hour * UINT64_C(0x9e3779b97f4a7c15)));
    for (size_t i = 0; i < sizeof tail; i++)
        tail[i] = (uint8_t)mix_random(&mix);
    tarn_ulid_encode(start + TARN_MS_PER_HOUR, tail, ulid);
    tarn_time_civil(start, &t);
    snprintf(path, sizeof path, "%s/events/%04d/%02d/%02d/%02d/%s.parquet", dir, t.year, t.month,
             t.day, t.hour, ulid);
    if (make_folders(path) != 0) return 1;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        fprintf(stderr, "generate: %s: %s\n", path, strerror(errno));
        return 1;
    }
    tarn_sink_fd(&sink, fd, path);
    int rc = write_rows(&sink, rows, start, &mix, &err);
    if (close(fd) != 0 && rc == TARN_OK) rc = tarn_err_errno(&err, errno, "%s", path);
    if (rc != TARN_OK) fprintf(stderr, "generate: %s: %s\n", path, err.msg);
    return rc != TARN_OK;
}

static int work(const char *dir, uint64_t rows, uint64_t hours, uint64_t worker) {
    for (uint64_t h = worker; h < hours; h += WORKERS) {
        uint64_t before = rows_before(rows, hours, h);
        uint64_t n = rows_before(rows, hours, h + 1) - before;
        if (n > 0 && write_hour(dir, h, n) != 0) return 1;
    }
    return 0;
}

static uint64_t number(const char *text) {
    char *end = NULL;
    unsigned long long n = strtoull(text, &end, 10);
    if (*text == '-' || *end != '\0' || n == 0 || n > UINT64_C(1000000000)) {
        fprintf(stderr, "generate: expected a number from 1 to 1,000,000,000, found '%s'\n", text);
        exit(2);
    }
    return n;
}

int main(int argc, char **argv) {
    if (argc < 2 || argc > 4) {
        fprintf(stderr, "usage: generate DIR [ROWS [HOURS]]\n");
        return 2;
    }
    uint64_t rows = argc > 2 ? number(argv[2]) : 10000000;
    uint64_t hours = argc > 3 ? number(argv[3]) : 720;
    int failed = 0;

    if (write_lake_json(argv[1]) != 0) return 1;
    for (uint64_t i = 0; i < WORKERS; i++) {
        pid_t pid = fork();
        if (pid == 0) _exit(work(argv[1], rows, hours, i));
        failed |= pid < 0;
    }
    for (int i = 0, status = 0; i < WORKERS; i++)
        if (wait(&status) >= 0) failed |= status != 0;
    return failed;
}
