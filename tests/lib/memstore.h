/* SPDX-License-Identifier: Apache-2.0 */
/* The blobs of one index segment, in memory: a store for tests of index plugins. */
#ifndef TESTS_MEMSTORE_H
#define TESTS_MEMSTORE_H

#include <orasi/index.h>

#define MEMSTORE_BLOBS 16

struct memstore {
	orasi_store store;
	struct memblob {
		char name[65];
		uint8_t *data;
		uint64_t size, cap;
	} blobs[MEMSTORE_BLOBS];
	uint32_t n;
};

void memstore_init(struct memstore *m);
void memstore_done(struct memstore *m);
/* The blob of that name, made when there is none. */
struct memblob *memstore_blob(struct memstore *m, const char *name);
void memblob_set(struct memblob *blob, const void *p, size_t n);

#endif
