/* seeds_nested.h: seeds of fuzz_nested: small files of nested columns. */
#ifndef SEEDS_NESTED_H
#define SEEDS_NESTED_H

int seeds_nested(int (*save)(const char *folder, const char *name, const void *p, size_t n),
                 const char *folder);

#endif
