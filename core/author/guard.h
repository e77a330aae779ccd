/* SPDX-License-Identifier: Apache-2.0 */
/* What a plugin calls in the C library, watched: this program defines malloc and the functions that a plugin must not
 * call, so that calls from the shared object come here first. Armed while a function of the plugin runs.
 *
 * Not in builds with sanitizers, which need malloc for themselves: there nothing is counted and nothing fails. */
#ifndef AUTHOR_GUARD_H
#define AUTHOR_GUARD_H

#include <stddef.h>
#include <stdint.h>

void guard_arm(void); /* for the calling thread */
void guard_disarm(void);
int guard_pause(void); /* disarms; what it was, for guard_resume */
void guard_resume(int armed);

int guard_counts(void);             /* 0 in a build with sanitizers */
int64_t guard_blocks(void);         /* that armed code has allocated and not freed */
void guard_fail_alloc(int64_t nth); /* the nth allocation from now fails, once; 0: none */
int guard_has_failed(void);
/* The first forbidden function that was called, e.g. "exit"; NULL: none. */
const char *guard_forbidden(void);

/* A copy of n bytes, read-only, that ends (rounded up to 8) at a page that cannot be touched. */
uint8_t *guard_page_copy(const void *p, size_t n, size_t *ret_len);
void guard_page_free(uint8_t *map, size_t len);

#endif
