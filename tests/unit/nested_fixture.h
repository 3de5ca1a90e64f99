/* nested_fixture.h: nested columns of whole files as text, one row per line; real files of the test
** data, which are used in place.
*/
#ifndef NESTED_FIXTURE_H
#define NESTED_FIXTURE_H

#include "buf.h"
#include "nested.h"

struct nested_file {
    struct tarn_memory_source memory;
    struct tarn_source src;
    struct tarn_pq_footer *footer;
    struct tarn_budget budget;
    struct tarn_buf bytes;
    char name[256];
};

/* `path` is below the folder of test data. 0 when the folder is not there (the caller skips); a
** file that is not there, or whose footer can't be read, fails the test. */
int nested_open_data(struct nested_file *f, const char *path);
/* Only the bytes of a file, into f->bytes; 0 when it is not there. */
int nested_read_data(struct nested_file *f, const char *path);
/* Borrowed bytes; 0, or an error code with err set. */
int nested_open_bytes(struct nested_file *f, const void *p, size_t n, struct tarn_err *err);
void nested_close(struct nested_file *f);

/* The top-level node of this name; -1 = none. */
int nested_node(const struct nested_file *f, const char *name);
/* Rows of all row groups, in steps of `step`: "NULL\n" or the row's JSON and "\n". Checks that each
** is well-formed JSON. Returns the reader's code. */
int nested_text(struct nested_file *f, int node, int leaf, uint32_t step, struct tarn_buf *out,
                struct tarn_err *err);
/* Reads random rows of every row group in increasing order and compares them with `all`, as
** nested_text gave it. */
void nested_check_random(struct nested_file *f, int node, int leaf, const struct tarn_buf *all);
uint32_t nested_random(uint32_t below);

#endif
