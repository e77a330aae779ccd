/* SPDX-License-Identifier: Apache-2.0 */
/* A blob of an index segment as our index plugins write it: a header of fixed size, content in one go, and behind it
 * the CRC-32C of each 64 KiB of the content. The header is the plugin's, written last, so that a blob that was cut
 * short has none. It must say where the sums are. Linked statically (liborasi-sdk), no part of the ABI. */
#ifndef ORASI_SDK_SEALED_H
#define ORASI_SDK_SEALED_H

#include <orasi/index.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SEALED_CHUNK 65536u

struct sealed {
	orasi_store *store;
	uint64_t handle;
	uint64_t at; /* where the next byte will stand in the blob */
	size_t header;
	uint32_t *sums, crc;
	uint64_t n_sums, cap_sums, in_chunk;
};

/* All functions of one blob on one thread. A failure is told in `err` and ends the blob: sealed_abort. */
orasi_status sealed_create(struct sealed *sealed, orasi_store *store, const char *blob, size_t header_size,
                           orasi_error *err);
orasi_status sealed_put(struct sealed *sealed, const void *p, size_t n, orasi_error *err);
orasi_status sealed_align(struct sealed *sealed, orasi_error *err); /* to 8 bytes */
/* The end of the content; `at` is where the sums begin, n_sums how many there are. */
orasi_status sealed_sums(struct sealed *sealed, orasi_error *err);
uint64_t sealed_size(const struct sealed *sealed); /* after sealed_sums */
/* Writes the header, and closes. */
orasi_status sealed_close(struct sealed *sealed, const void *header, orasi_error *err);
void sealed_abort(struct sealed *sealed); /* fine after sealed_close and on a zeroed one */

/* Checks the content [begin, end) of a mapped blob. -1: fine, else the place of the chunk that is damaged. */
int64_t sealed_check(const uint8_t *data, uint64_t begin, uint64_t end, const uint32_t *sums, uint64_t n_sums);

#ifdef __cplusplus
}
#endif
#endif
