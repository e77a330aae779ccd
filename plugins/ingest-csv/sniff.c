/* SPDX-License-Identifier: Apache-2.0 */
/* How sure we are that a file is ours, by its first bytes and its name. */
#include <string.h>

#include "decode.h"

static const char *const endings[] = {".csv", ".tsv", ".psv"};

orasi_status decode_sniff(const char *id, orasi_bytes head, orasi_str name, uint32_t *ret_score)
{
	const uint8_t *p = head.ptr;
	size_t n = head.len;
	bool named = false;

	(void)id;
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		size_t len = strlen(endings[i]);

		named |= name.len >= len && !memcmp(name.ptr + name.len - len, endings[i], len);
	}
	if (n >= 3 && !memcmp(p, "\xEF\xBB\xBF", 3)) {
		p += 3;
		n -= 3;
	}
	*ret_score = dialect_score(p, n);
	if (named)
		*ret_score = *ret_score ? 95 : 40;
	return ORASI_OK;
}
