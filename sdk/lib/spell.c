/* SPDX-License-Identifier: Apache-2.0 */
#include <orasi/sdk/spell.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define WORDS (SPELLED_DECIMAL_BYTES / 4)
#define BILLION 1000000000U

size_t spell_uuid(char dst[SPELLED_UUID], const uint8_t p[16])
{
	static const char digits[] = "0123456789abcdef";
	char *at = dst;

	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		*at++ = digits[p[i] >> 4];
		*at++ = digits[p[i] & 15];
	}
	return SPELLED_UUID;
}

size_t spell_interval(char dst[SPELLED_INTERVAL_MAX], const uint8_t p[12])
{
	uint32_t part[3];

	memcpy(part, p, sizeof(part));
	return (size_t)snprintf(dst, SPELLED_INTERVAL_MAX, "P%uM%uDT%u.%03uS", part[0], part[1], part[2] / 1000,
	                        part[2] % 1000);
}

/* The size of the number, as words, the highest first; true when it is negative. */
static bool load(const uint8_t *p, size_t n, uint32_t words[WORDS])
{
	bool negative = n && p[0] & 0x80;
	uint32_t carry = negative;

	memset(words, 0, WORDS * sizeof(*words));
	for (size_t i = 0; i < SPELLED_DECIMAL_BYTES; i++) {
		uint32_t byte = i < n ? p[n - 1 - i] : negative ? 0xFF : 0;

		if (negative) {
			byte = (byte ^ 0xFF) + carry;
			carry = byte >> 8;
		}
		words[WORDS - 1 - i / 4] |= (byte & 0xFF) << i % 4 * 8;
	}
	return negative;
}

/* Divides by 10^9, from the first word that is not 0 on; the remainder. */
static uint32_t divide(uint32_t *words, size_t *first)
{
	uint64_t rest = 0;

	for (size_t i = *first; i < WORDS; i++) {
		rest = rest << 32 | words[i];
		words[i] = (uint32_t)(rest / BILLION);
		rest %= BILLION;
	}
	while (*first < WORDS && !words[*first])
		++*first;
	return (uint32_t)rest;
}

size_t spell_decimal(char dst[SPELLED_DECIMAL_MAX], const uint8_t *p, size_t n, int32_t scale)
{
	char *end = dst + SPELLED_DECIMAL_MAX, *at = end;
	uint32_t words[WORDS];
	size_t first = 0;
	int32_t digits = 0;
	bool negative;

	if (n > SPELLED_DECIMAL_BYTES || scale < 0 || scale > SPELLED_DECIMAL_SCALE)
		return 0;
	negative = load(p, n, words);
	while (digits <= scale || first < WORDS) {
		uint32_t part = divide(words, &first);

		for (int i = 0; i < 9 && (part || digits <= scale || first < WORDS); i++, part /= 10) {
			if (digits == scale && digits)
				*--at = '.';
			*--at = (char)('0' + part % 10);
			digits++;
		}
	}
	if (negative)
		*--at = '-';
	memmove(dst, at, (size_t)(end - at));
	return (size_t)(end - at);
}
