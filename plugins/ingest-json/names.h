/* SPDX-License-Identifier: Apache-2.0 */
/* From a key to its number: the children of a struct while decoding and while inferring. The keys'
 * bytes are the caller's and must stay. Sizes are bounded by the option max_columns, so a flood of
 * colliding keys costs at most that many steps. */
#ifndef INGEST_JSON_NAMES_H
#define INGEST_JSON_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct names {
	struct name_slot *slots;
	uint32_t cap, len;
};

int names_put(struct names *names, const void *key, size_t len, uint32_t number); /* 0 or -1 */
int64_t names_find(const struct names *names, const void *key, size_t len);       /* or -1 */
void names_done(struct names *names);

#endif
