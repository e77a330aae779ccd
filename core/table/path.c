/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of the log. Two ways to write one file must end in one name: by names VACUUM knows what is in use. */
#include <ctype.h>
#include <string.h>

#include "base/str.h"
#include "table/log.h"

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	                              : -1;
}

static void decode_percent(char *path)
{
	char *to = path;

	for (; *path; path++)
		if (*path == '%' && hex_digit(path[1]) >= 0 && hex_digit(path[2]) >= 0) {
			*to++ = (char)(hex_digit(path[1]) << 4 | hex_digit(path[2]));
			path += 2;
		} else {
			*to++ = *path;
		}
	*to = '\0';
}

/* "./a//b" is "a/b". What leads upwards stays, and is refused where it is opened. */
static void drop_empty_segments(char *path)
{
	char *to = path;

	if (*path == '/')
		to = ++path;
	while (*path) {
		size_t n = strcspn(path, "/"), with = n + (path[n] == '/');

		if (n && !(n == 1 && *path == '.')) {
			memmove(to, path, with);
			to += with;
		}
		path += with;
	}
	*to = '\0';
}

const char *table_path_decode(struct arena *arena, const char *raw)
{
	char *ret = raw && !strstr(raw, "%00") ? arena_str(arena, raw) : NULL;

	if (!ret)
		return NULL;
	decode_percent(ret);
	drop_empty_segments(ret);
	return *ret && utf8_valid(ret, strlen(ret)) ? ret : NULL;
}

int table_path_is_absolute(const char *raw)
{
	size_t n = 0;

	if (*raw == '/')
		return 1;
	if (!isalpha((unsigned char)*raw))
		return 0;
	while (isalnum((unsigned char)raw[n]) || (raw[n] && strchr("+-.", raw[n])))
		n++;
	return raw[n] == ':' && raw[n + 1] == '/';
}
