/* SPDX-License-Identifier: Apache-2.0 */
/* The Arrow C Data Interface: the currency between host and plugin, inside one process.
 *
 * Source: https://arrow.apache.org/docs/format/CDataInterface.html (structures and flags are
 * fixed by that specification; the guard below is the canonical one, so this header lives beside
 * any other copy of the interface).
 *
 * Ownership: the base structure belongs to the consumer, its contents to the producer. The
 * consumer calls base.release exactly once, never a child's; after that nothing may be touched.
 * Moving is memcpy plus setting release of the source to NULL. */
#ifndef ORASI_ARROW_H
#define ORASI_ARROW_H

#include <stdint.h>

#ifndef ARROW_C_DATA_INTERFACE
#define ARROW_C_DATA_INTERFACE

#define ARROW_FLAG_DICTIONARY_ORDERED 1
#define ARROW_FLAG_NULLABLE 2
#define ARROW_FLAG_MAP_KEYS_SORTED 4

struct ArrowSchema {
	const char *format;
	const char *name;
	const char *metadata;
	int64_t flags;
	int64_t n_children;
	struct ArrowSchema **children;
	struct ArrowSchema *dictionary;
	void (*release)(struct ArrowSchema *);
	void *private_data;
};

struct ArrowArray {
	int64_t length;
	int64_t null_count;
	int64_t offset;
	int64_t n_buffers;
	int64_t n_children;
	const void **buffers;
	struct ArrowArray **children;
	struct ArrowArray *dictionary;
	void (*release)(struct ArrowArray *);
	void *private_data;
};

#endif /* ARROW_C_DATA_INTERFACE */
#endif
