/* SPDX-License-Identifier: Apache-2.0 */
#include "sha256.h"

#include <string.h>

/* The first 32 bits of the fractions of the cube roots of the first 64 primes. */
static const uint32_t k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
	0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
	0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
	0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
	0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate(uint32_t v, int n)
{
	return v >> n | v << (32 - n);
}

static uint32_t load(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void store(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

/* FIPS 180-4, section 6.2.2; a to h are s[0] to s[7]. */
static void compress(uint32_t state[8], const uint8_t block[64])
{
	uint32_t w[64], s[8];

	for (int t = 0; t < 16; t++)
		w[t] = load(block + 4 * t);
	for (int t = 16; t < 64; t++)
		w[t] = (rotate(w[t - 2], 17) ^ rotate(w[t - 2], 19) ^ w[t - 2] >> 10) + w[t - 7] +
		       (rotate(w[t - 15], 7) ^ rotate(w[t - 15], 18) ^ w[t - 15] >> 3) + w[t - 16];
	memcpy(s, state, sizeof(s));
	for (int t = 0; t < 64; t++) {
		uint32_t one = s[7] + (rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)) +
		               ((s[4] & s[5]) ^ (~s[4] & s[6])) + k[t] + w[t];
		uint32_t two = (rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)) +
		               ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));

		memmove(s + 1, s, 7 * sizeof(s[0]));
		s[4] += one;
		s[0] = one + two;
	}
	for (int i = 0; i < 8; i++)
		state[i] += s[i];
}

void sha256_init(struct sha256 *sha)
{
	static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

	memcpy(sha->state, start, sizeof(start));
	sha->bytes = 0;
}

void sha256_add(struct sha256 *sha, const void *p, size_t n)
{
	const uint8_t *at = p;

	while (n) {
		size_t used = sha->bytes % 64, take = n < 64 - used ? n : 64 - used;

		memcpy(sha->block + used, at, take);
		sha->bytes += take;
		at += take;
		n -= take;
		if (used + take == 64)
			compress(sha->state, sha->block);
	}
}

void sha256_finish(struct sha256 *sha, uint8_t ret[SHA256_SIZE])
{
	static const uint8_t pad[64] = {0x80};
	uint64_t bits = sha->bytes * 8;
	size_t used = sha->bytes % 64;
	uint8_t length[8];

	store(length, (uint32_t)(bits >> 32));
	store(length + 4, (uint32_t)bits);
	sha256_add(sha, pad, used < 56 ? 56 - used : 120 - used);
	sha256_add(sha, length, 8);
	for (int i = 0; i < 8; i++)
		store(ret + 4 * i, sha->state[i]);
}

void hmac_init(struct hmac *hmac, const void *key, size_t n)
{
	uint8_t block[64] = {0}, short_key[SHA256_SIZE];

	if (n > sizeof(block)) {
		sha256_init(&hmac->inner);
		sha256_add(&hmac->inner, key, n);
		sha256_finish(&hmac->inner, short_key);
		key = short_key;
		n = sizeof(short_key);
	}
	memcpy(block, key, n);
	sha256_init(&hmac->inner);
	sha256_init(&hmac->outer);
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] ^= 0x36;
	sha256_add(&hmac->inner, block, sizeof(block));
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] ^= 0x36 ^ 0x5c;
	sha256_add(&hmac->outer, block, sizeof(block));
	explicit_bzero(block, sizeof(block));
}

void hmac_add(struct hmac *hmac, const void *p, size_t n)
{
	sha256_add(&hmac->inner, p, n);
}

void hmac_finish(struct hmac *hmac, uint8_t ret[SHA256_SIZE])
{
	sha256_finish(&hmac->inner, ret);
	sha256_add(&hmac->outer, ret, SHA256_SIZE);
	sha256_finish(&hmac->outer, ret);
}
