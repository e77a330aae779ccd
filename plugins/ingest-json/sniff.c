/* SPDX-License-Identifier: Apache-2.0 */
/* How sure we are that a file is ours, by its first bytes and its name. */
#include <string.h>

#include "decode.h"

static bool ends_with(orasi_str name, const char *end)
{
	size_t n = strlen(end);

	return name.len >= n && !memcmp(name.ptr + name.len - n, end, n);
}

/* Does the head look like an object, or an array of them? */
static bool looks_like_json(orasi_bytes head)
{
	const uint8_t *p = head.ptr, *end = p + head.len;
	bool array;

	if (head.len >= 3 && !memcmp(p, "\xEF\xBB\xBF", 3))
		p += 3;
	while (p < end && scan_is_space(*p))
		p++;
	array = p < end && *p == '[';
	if (p < end && (*p == '{' || *p == '['))
		p++;
	else
		return false;
	while (p < end && scan_is_space(*p))
		p++;
	return p < end && (*p == '"' || *p == '}' || (array && (*p == '{' || *p == ']')));
}

orasi_status decode_sniff(const char *id, orasi_bytes head, orasi_str name, uint32_t *ret_score)
{
	bool named = ends_with(name, ".json") || ends_with(name, ".ndjson") || ends_with(name, ".jsonl");

	(void)id;
	if (looks_like_json(head))
		*ret_score = named ? 95 : 80;
	else
		*ret_score = named ? 30 : 0;
	return ORASI_OK;
}
