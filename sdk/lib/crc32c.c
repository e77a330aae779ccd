/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32C: the SSE4.2 instruction where the processor has it, a table otherwise. */
#include <string.h>

#include <orasi/sdk/arrow.h>

#define POLYNOMIAL 0x82F63B78u

static uint32_t crc_table(uint32_t crc, const unsigned char *p, size_t n)
{
	static uint32_t table[256];

	if (!table[1])
		for (uint32_t i = 256; i-- > 0;) { /* entry 1 last: it tells that the table is whole */
			uint32_t v = i;

			for (int k = 0; k < 8; k++)
				v = v & 1 ? v >> 1 ^ POLYNOMIAL : v >> 1;
			__atomic_store_n(&table[i], v, __ATOMIC_RELEASE);
		}
	while (n--)
		crc = table[(crc ^ *p++) & 255] ^ crc >> 8;
	return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) static uint32_t crc_sse(uint32_t crc, const unsigned char *p, size_t n)
{
	uint64_t wide = crc, v;

	for (; n >= 8; n -= 8, p += 8) {
		memcpy(&v, p, 8);
		wide = __builtin_ia32_crc32di(wide, v);
	}
	crc = (uint32_t)wide;
	while (n--)
		crc = __builtin_ia32_crc32qi(crc, *p++);
	return crc;
}
#endif

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("sse4.2"))
		return ~crc_sse(~crc, p, n);
#endif
	return ~crc_table(~crc, p, n);
}
