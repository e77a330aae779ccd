/* SPDX-License-Identifier: Apache-2.0 */
/* Some members of a text without a tree of all the others. What json_parse would refuse is never found, so that whoever finds
 * something may pass the text on; but for an object that has a key twice, which only a tree shows. */
#include "json/json.h"

#include <string.h>

#include "base/str.h"

/* Each of these returns what is behind it, or NULL. */
typedef const char *(*skip_fn)(const char *at, const char *end, int depth);

static const char *skip_value(const char *at, const char *end, int depth);

static const char *skip_space(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
		at++;
	return at;
}

static int is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* Behind the backslash. */
static const char *skip_escape(const char *at, const char *end)
{
	if (at == end || !*at || !strchr("\"\\/bfnrtu", *at))
		return NULL;
	if (*at++ != 'u')
		return at;
	for (int i = 0; i < 4; i++, at++)
		if (at == end || !is_hex(*at))
			return NULL;
	return at;
}

static const char *skip_string(const char *at, const char *end)
{
	if (at == end || *at != '"')
		return NULL;
	for (at++; at;) {
		at = json_plain_end(at, end);
		if (at < end && *at == '"')
			return at + 1;
		at = at < end && *at == '\\' ? skip_escape(at + 1, end) : NULL;
	}
	return NULL;
}

static const char *skip_digits(const char *at, const char *end)
{
	const char *begin = at;

	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at > begin ? at : NULL;
}

static const char *skip_number(const char *at, const char *end)
{
	int64_t whole;
	char digits[24];
	const char *begin = at;

	at += *at == '-';
	at = at < end && *at == '0' ? at + 1 : skip_digits(at, end);
	if (at && (at == end || (*at != '.' && *at != 'e' && *at != 'E'))) { /* one that fits, or it is refused */
		size_t n = (size_t)(at - begin);

		if (n >= sizeof(digits))
			return NULL;
		memcpy(digits, begin, n);
		digits[n] = '\0';
		return str_to_i64(digits, &whole) ? NULL : at;
	}
	if (at && *at == '.')
		at = skip_digits(at + 1, end);
	if (!at || at == end || (*at != 'e' && *at != 'E'))
		return at;
	at++;
	return skip_digits(at + (at < end && (*at == '+' || *at == '-')), end);
}

static const char *skip_word(const char *at, const char *end)
{
	static const char *const words[] = {"true", "false", "null"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(end - at) >= n && !memcmp(at, words[i], n))
			return at + n;
	}
	return NULL;
}

static const char *skip_key(const char *at, const char *end)
{
	at = skip_string(at, end);
	if (!at)
		return NULL;
	at = skip_space(at, end);
	return at < end && *at == ':' ? at + 1 : NULL;
}

static const char *skip_member(const char *at, const char *end, int depth)
{
	at = skip_key(at, end);
	return at ? skip_value(at, end, depth) : NULL;
}

/* From its opening bracket. */
static const char *skip_all(const char *at, const char *end, char close, skip_fn skip, int depth)
{
	at = skip_space(at + 1, end);
	if (at < end && *at == close)
		return at + 1;
	for (;;) {
		at = skip(at, end, depth);
		if (!at)
			return NULL;
		at = skip_space(at, end);
		if (at < end && *at == close)
			return at + 1;
		if (at == end || *at != ',')
			return NULL;
		at = skip_space(at + 1, end);
	}
}

static const char *skip_value(const char *at, const char *end, int depth)
{
	at = skip_space(at, end);
	if (at == end || depth > JSON_DEPTH_MAX)
		return NULL;
	switch (*at) {
	case '"':
		return skip_string(at, end);
	case '{':
		return skip_all(at, end, '}', skip_member, depth + 1);
	case '[':
		return skip_all(at, end, ']', skip_value, depth + 1);
	case '-':
	case '0' ... '9':
		return skip_number(at, end);
	default:
		return skip_word(at, end);
	}
}

/* Which of the keys begins there; n: none of them. */
static size_t which(const char *at, const char *end, const char *const *keys, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(keys[i]);

		if ((size_t)(end - at) > len + 1 && *at == '"' && at[len + 1] == '"' && !memcmp(at + 1, keys[i], len))
			return i;
	}
	return n;
}

/* From its opening brace. Returns what is behind the object, or NULL. */
static const char *walk_members(const char *at, const char *end, const char *const *keys, size_t n, const char **values)
{
	at = skip_space(at + 1, end);
	if (at < end && *at == '}')
		return at + 1;
	for (;;) {
		size_t i = which(at, end, keys, n);
		const char *value = skip_key(at, end);

		at = value ? skip_value(value, end, 1) : NULL;
		if (!at)
			return NULL;
		if (i < n)
			values[i] = skip_space(value, end);
		at = skip_space(at, end);
		if (at < end && *at == '}')
			return at + 1;
		if (at == end || *at != ',')
			return NULL;
		at = skip_space(at + 1, end);
	}
}

int json_peek_members(const char *text, size_t n, const char *const *keys, size_t n_keys, const char **values)
{
	const char *end = text + n, *at = skip_space(text, end);

	for (size_t i = 0; i < n_keys; i++)
		values[i] = NULL;
	if (at == end || *at != '{' || !utf8_valid(text, n))
		return 0;
	at = walk_members(at, end, keys, n_keys, values);
	return at && skip_space(at, end) == end;
}

int json_peek(const char *text, size_t n, const char *key, const char **ret, size_t *ret_n)
{
	const char *value, *stop;

	if (!json_peek_members(text, n, &key, 1, &value) || !value || *value != '"')
		return 0;
	stop = json_plain_end(value + 1, text + n);
	*ret = value + 1;
	*ret_n = (size_t)(stop - *ret);
	return *stop == '"';
}
