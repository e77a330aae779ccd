/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4) and HMAC over it (RFC 2104), for short messages. Thread-safe. */
#ifndef NOTIFY_WEBHOOK_SHA256_H
#define NOTIFY_WEBHOOK_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_SIZE 32

struct sha256 {
	uint32_t state[8];
	uint64_t bytes;
	uint8_t block[64];
};

void sha256_init(struct sha256 *sha);
void sha256_add(struct sha256 *sha, const void *p, size_t n);
void sha256_finish(struct sha256 *sha, uint8_t ret[SHA256_SIZE]);

struct hmac {
	struct sha256 inner, outer;
};

void hmac_init(struct hmac *hmac, const void *key, size_t n);
void hmac_add(struct hmac *hmac, const void *p, size_t n);
void hmac_finish(struct hmac *hmac, uint8_t ret[SHA256_SIZE]);

#endif
