/* SPDX-License-Identifier: Apache-2.0 */
/* Buffers of batches, used again: memory that is new to the process costs more than filling it. A
 * consumer may release an array on any thread and after the reader is gone, so the store is counted
 * and locked. */
#ifndef PARQUET_BUFFERS_H
#define PARQUET_BUFFERS_H

#include <stddef.h>

struct buffers;

struct buffers *buffers_new(void); /* NULL: out of memory */
struct buffers *buffers_ref(struct buffers *buffers);
void buffers_unref(struct buffers *buffers); /* NULL is fine */
/* The reader takes no more: what comes back from now on is freed. Drops its reference. */
void buffers_close(struct buffers *buffers);

/* At least `need` bytes at an address that is a multiple of 64; NULL: out of memory. */
void *buffers_get(struct buffers *buffers, size_t need, size_t *ret_cap);
void buffers_put(struct buffers *buffers, void *data, size_t cap); /* NULL is fine */

#endif
