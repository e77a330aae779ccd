/* SPDX-License-Identifier: Apache-2.0 */
/* Golden states: what a version of a plugin gave out as its state, kept by the author beside the plugin, so that every
 * later version that says it still reads such states can be held to it. One JSON file a recording:
 *
 *   {"plugin", "version", "kind", "state_version", "options", and by kind:
 *    ingest: "sample", "input", "marks":[{"row","rejects","state","columns"}]
 *    transform: "seed", "marks":[{"in","out","state"}]
 *    index: "segments":[{"format","values","blobs":[{"name","bytes"}]}]
 *    task: "checkpoint"}
 *
 * Bytes are base64. Rows are not kept but made again, so that a plugin may mend how it reads; what a golden says is where
 * in them a state stands. Inside the author room only. */
#ifndef AUTHOR_GOLDEN_H
#define AUTHOR_GOLDEN_H

#include "exam.h"

/* How a kind is recorded and read again. `golden`: into which, from which. 0; -1: the exam has failed, or is skipped. */
struct golden_kind {
	uint32_t kind;
	int (*record)(struct exam *exam, struct json *golden);
	int (*read)(struct exam *exam, const struct json *golden, const struct json *config);
};
extern const struct golden_kind golden_kinds[]; /* kind 0 ends */

void golden_set_bytes(struct json *object, const char *key, const void *p, size_t n);
/* The caller frees; NULL: there are none, or they are no base64. */
uint8_t *golden_bytes(const struct json *object, const char *key, size_t *ret_n);

#endif
