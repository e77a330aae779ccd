/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "base/err.h"

struct unit {
	const char *name;
	uint64_t factor;
};

static const struct unit byte_units[] = {
	{"", 1},
	{"b", 1},
	{"k", 1 << 10},
	{"kib", 1 << 10},
	{"kb", 1000},
	{"m", 1 << 20},
	{"mib", 1 << 20},
	{"mb", 1000000},
	{"g", 1 << 30},
	{"gib", 1 << 30},
	{"gb", 1000000000},
	{"t", 1ULL << 40},
	{"tib", 1ULL << 40},
	{"tb", 1000000000000},
	{NULL, 0},
};

static const struct unit time_units[] = {
	{"ms", 1}, {"s", 1000}, {"m", 60000}, {"min", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0},
};

int str_to_i64(const char *s, int64_t *ret)
{
	char *end;
	long long v;

	if (!s || !*s || isspace((unsigned char)*s))
		return ERR_INVALID;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (*end || end == s)
		return ERR_INVALID;
	if (errno == ERANGE)
		return ERR_LIMIT;
	*ret = v;
	return 0;
}

int str_to_u64(const char *s, uint64_t *ret)
{
	char *end;
	unsigned long long v;

	if (!s || !isdigit((unsigned char)*s))
		return ERR_INVALID;
	errno = 0;
	v = strtoull(s, &end, 10);
	if (*end)
		return ERR_INVALID;
	if (errno == ERANGE)
		return ERR_LIMIT;
	*ret = v;
	return 0;
}

int str_to_f64(const char *s, double *ret)
{
	char *end;
	double v;

	if (!s || !*s || isspace((unsigned char)*s))
		return ERR_INVALID;
	v = strtod(s, &end);
	if (*end || end == s)
		return ERR_INVALID;
	*ret = v;
	return 0;
}

int str_to_bool(const char *s, int *ret)
{
	static const char *const words[2][4] = {{"false", "no", "off", "0"}, {"true", "yes", "on", "1"}};

	for (int v = 0; s && v < 2; v++)
		for (int i = 0; i < 4; i++)
			if (!strcasecmp(s, words[v][i])) {
				*ret = v;
				return 0;
			}
	return ERR_INVALID;
}

static int number_with_unit(const char *s, const struct unit *units, uint64_t *ret)
{
	char *end;
	unsigned long long v;

	if (!s || !isdigit((unsigned char)*s))
		return ERR_INVALID;
	errno = 0;
	v = strtoull(s, &end, 10);
	if (errno == ERANGE)
		return ERR_LIMIT;
	while (*end == ' ')
		end++;
	for (; units->name; units++)
		if (!strcasecmp(end, units->name))
			return __builtin_mul_overflow(v, units->factor, ret) ? ERR_LIMIT : 0;
	return ERR_INVALID;
}

int str_to_bytes(const char *s, uint64_t *ret)
{
	return number_with_unit(s, byte_units, ret);
}

int str_to_duration_ms(const char *s, int64_t *ret)
{
	uint64_t v;
	int r = number_with_unit(s, time_units, &v);

	if (!r && v > INT64_MAX)
		r = ERR_LIMIT;
	if (!r)
		*ret = (int64_t)v;
	return r;
}

int str_eq(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

int str_starts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

int str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && !memcmp(s + n - m, suffix, m);
}

size_t str_copy(char *dst, size_t cap, const char *src)
{
	size_t n = strlen(src);

	if (cap) {
		size_t m = n < cap ? n : cap - 1;

		memcpy(dst, src, m);
		dst[m] = '\0';
	}
	return n;
}

size_t utf8_char_len(const char *s, size_t n)
{
	const unsigned char *p = (const unsigned char *)s;

	if (!n)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (n >= 2 && p[0] >= 0xC2 && p[0] <= 0xDF && (p[1] & 0xC0) == 0x80)
		return 2;
	if (n >= 3 && (p[0] & 0xF0) == 0xE0 && (p[1] & 0xC0) == 0x80 && (p[2] & 0xC0) == 0x80 &&
	    !(p[0] == 0xE0 && p[1] < 0xA0) && !(p[0] == 0xED && p[1] > 0x9F))
		return 3;
	if (n >= 4 && p[0] >= 0xF0 && p[0] <= 0xF4 && (p[1] & 0xC0) == 0x80 && (p[2] & 0xC0) == 0x80 &&
	    (p[3] & 0xC0) == 0x80 && !(p[0] == 0xF0 && p[1] < 0x90) && !(p[0] == 0xF4 && p[1] > 0x8F))
		return 4;
	return 0;
}

/* Behind what is ASCII from there on: most text is nothing else. */
static const char *skip_ascii(const char *s, const char *end)
{
	uint64_t words[4];

	for (; end - s >= 32; s += 32) {
		memcpy(words, s, 32);
		if ((words[0] | words[1] | words[2] | words[3]) & 0x8080808080808080u)
			break;
	}
	for (; end - s >= 8; s += 8) {
		memcpy(words, s, 8);
		if (words[0] & 0x8080808080808080u)
			break;
	}
	while (s < end && !(*s & 0x80))
		s++;
	return s;
}

size_t utf8_valid_len(const char *s, size_t n)
{
	const char *begin = s, *end = s + n;

	while (s < end) {
		size_t len;

		s = skip_ascii(s, end);
		len = s < end ? utf8_char_len(s, (size_t)(end - s)) : 0;
		if (!len)
			break;
		s += len;
	}
	return (size_t)(s - begin);
}

int utf8_valid(const char *s, size_t n)
{
	return utf8_valid_len(s, n) == n;
}

static int is_plain(char c)
{
	return c != '"' && c != '\\' && (unsigned char)c >= 0x20;
}

static const char *plain_end(const char *at, const char *end)
{
	while (at < end && is_plain(*at))
		at++;
	return at;
}

static const char *ascii_end(const char *at, const char *end)
{
	while (at < end && is_plain(*at) && !(*at & 0x80))
		at++;
	return at;
}

#ifdef __SSE2__
/* Sixteen at a time; *at is moved behind those that need no look. */
static int skip_sixteen(const char **at, __m128i v, __m128i others)
{
	__m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"')), back = _mm_cmpeq_epi8(v, _mm_set1_epi8('\\'));
	unsigned found = (unsigned)_mm_movemask_epi8(_mm_or_si128(others, _mm_or_si128(quote, back)));

	*at += found ? __builtin_ctz(found) : 16;
	return !found;
}

const char *json_plain_end(const char *at, const char *end)
{
	while (end - at >= 16) {
		__m128i v = _mm_loadu_si128((const void *)at);

		if (!skip_sixteen(&at, v, _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1F)), v)))
			return at;
	}
	return plain_end(at, end);
}

/* As signed numbers, what is more than ASCII is less than zero. */
const char *json_ascii_end(const char *at, const char *end)
{
	while (end - at >= 16) {
		__m128i v = _mm_loadu_si128((const void *)at);

		if (!skip_sixteen(&at, v, _mm_cmplt_epi8(v, _mm_set1_epi8(0x20))))
			return at;
	}
	return ascii_end(at, end);
}
#else
/* Eight at a time, by the trick that a byte of a word is zero when subtracting one borrows from its top bit. `besides`: bits
 * that it must not have either. */
static const char *skip_eights(const char *at, const char *end, uint64_t besides)
{
	const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
	uint64_t eight;

	for (; end - at >= 8; at += 8) {
		memcpy(&eight, at, 8);
		uint64_t quote = eight ^ ones * '"', back = eight ^ ones * '\\';

		if (((((quote - ones) & ~quote) | ((back - ones) & ~back) | ((eight - ones * 0x20) & ~eight)) & tops) |
		    (eight & besides))
			break;
	}
	return at;
}

const char *json_plain_end(const char *at, const char *end)
{
	return plain_end(skip_eights(at, end, 0), end);
}

const char *json_ascii_end(const char *at, const char *end)
{
	return ascii_end(skip_eights(at, end, 0x8080808080808080u), end);
}
#endif

int str_is_name(const char *s)
{
	size_t n = s ? strlen(s) : 0;

	if (!n || n > 128 || (!isalnum((unsigned char)*s) && *s != '_'))
		return 0;
	for (; *s; s++)
		if (!isalnum((unsigned char)*s) && !strchr("_.-", *s))
			return 0;
	return 1;
}

int str_has_control(const char *s, size_t n)
{
	const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
	uint64_t eight;

	for (; n >= 8; s += 8, n -= 8) { /* a borrow may find one too many, and the last look is at each */
		memcpy(&eight, s, 8);
		if (((eight - ones * 0x20) | ((eight ^ ones * 0x7F) - ones)) & ~eight & tops)
			break;
	}
	for (; n; s++, n--)
		if ((unsigned char)*s < 0x20 || *s == 0x7F)
			return 1;
	return 0;
}

uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t n)
{
	for (const unsigned char *p = bytes; n; n--, p++)
		hash = (hash ^ *p) * 0x100000001b3;
	return hash;
}

void hex_encode(const void *p, size_t n, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = p;

	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = digits[bytes[i] >> 4];
		ret[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret[2 * n] = '\0';
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

size_t base64_len(size_t n)
{
	return (n + 2) / 3 * 4 + 1;
}

void base64_encode(const void *p, size_t n, char *ret)
{
	const unsigned char *b = p;

	for (; n; b += n < 3 ? n : 3, n -= n < 3 ? n : 3) {
		uint32_t v = (uint32_t)b[0] << 16 | (n > 1 ? b[1] << 8 : 0) | (n > 2 ? b[2] : 0);

		*ret++ = base64_digits[v >> 18];
		*ret++ = base64_digits[v >> 12 & 63];
		*ret++ = n > 1 ? base64_digits[v >> 6 & 63] : '=';
		*ret++ = n > 2 ? base64_digits[v & 63] : '=';
	}
	*ret = '\0';
}

static int base64_value(char c)
{
	const char *at = c ? strchr(base64_digits, c) : NULL;

	return at ? (int)(at - base64_digits) : -1;
}

int64_t base64_decode(const char *s, size_t n, void *ret, size_t cap)
{
	unsigned char *out = ret;
	size_t len = 0, pad;

	if (n % 4)
		return ERR_INVALID;
	pad = n ? (size_t)(s[n - 1] == '=') + (s[n - 2] == '=') : 0;
	if (n / 4 * 3 - pad > cap)
		return ERR_LIMIT;
	for (size_t i = 0; i < n; i += 4) {
		uint32_t v = 0;

		for (size_t j = 0; j < 4; j++) {
			int d = i + j >= n - pad ? 0 : base64_value(s[i + j]);

			if (d < 0)
				return ERR_INVALID;
			v = v << 6 | (uint32_t)d;
		}
		for (int j = 0; j < 3 && len < n / 4 * 3 - pad; j++)
			out[len++] = (unsigned char)(v >> (16 - 8 * j));
	}
	return (int64_t)len;
}
