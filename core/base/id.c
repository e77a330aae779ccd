/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/err.h"

static const char crockford[] = "0123456789abcdefghjkmnpqrstvwxyz";

static void random_bytes(void *p, size_t n)
{
	if (getrandom(p, n, 0) != (ssize_t)n)
		abort(); /* up to 256 bytes never fail once the kernel is seeded */
}

/* Fetched from the kernel in advance, since a request needs a few; every number is given once. */
uint64_t random_u64(void)
{
	static _Thread_local uint64_t pool[32];
	static _Thread_local int left;

	if (!left) {
		random_bytes(pool, sizeof(pool));
		left = sizeof(pool) / sizeof(pool[0]);
	}
	return pool[--left];
}

void uuid_new(char ret[UUID_LEN])
{
	unsigned char b[16];

	random_bytes(b, sizeof(b));
	b[6] = (b[6] & 0x0F) | 0x40;
	b[8] = (b[8] & 0x3F) | 0x80;
	snprintf(ret, UUID_LEN, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
	         b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

void id_format(char prefix, int64_t id, char ret[ID_LEN])
{
	ret[0] = prefix;
	ret[1] = '_';
	for (int i = 14; i >= 2; i--, id >>= 5)
		ret[i] = crockford[id & 31];
	ret[15] = '\0';
}

int id_parse(char prefix, const char *s, int64_t *ret)
{
	uint64_t v = 0;

	if (!s || strlen(s) != 15 || s[0] != prefix || s[1] != '_')
		return ERR_INVALID;
	for (int i = 2; i < 15; i++) {
		const char *at = strchr(crockford, s[i]);

		if (!at || v >> 58)
			return ERR_INVALID;
		v = v << 5 | (uint64_t)(at - crockford);
	}
	*ret = (int64_t)v;
	return 0;
}
