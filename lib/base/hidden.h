/*
 * hidden: secrets in memory that child processes do not get.
 *
 * A child of fork(2) has a copy of all that its parent has, and some of ours read what
 * strangers made. A secret that is in use while children are born lives in pages that are
 * zeros in each of them (madvise(2), MADV_WIPEONFORK). What libraries leave behind of a
 * secret in memory that they gave back is overwritten before a child is born.
 *
 * Not covered: what a library still holds, such as libcurl while a transfer runs.
 */
#ifndef POSTROOM_HIDDEN_H
#define POSTROOM_HIDDEN_H

#include <stddef.h>

/* Zeros, in pages of their own, which are in no core file, and not swapped out where the
 * limit on locked memory allows it. Only the process that called this has them: each
 * later child, and child of a child, finds zeros. NULL and errno. */
void *hidden_new(size_t size);
/* Wipes it and gives it back; size as it was asked for. memory may be NULL. */
void hidden_free(void *memory, size_t size);

/* From now on memory from malloc(3) is overwritten when it is freed, here and in later
 * children (mallopt(3), M_PERTURB). To be called before the first secret comes. */
void hidden_overwrite_freed(void);

/* To be called before fork(2): overwrites what finished calls left on the stack, and the
 * small pieces of memory that malloc(3) keeps at hand as they were freed. */
void hidden_sweep(void);

#endif
