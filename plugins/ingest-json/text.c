/* SPDX-License-Identifier: Apache-2.0 */
#include "text.h"

#include <string.h>

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int text_hex4(const uint8_t *p, uint32_t *ret)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		int digit = hex_value(p[i]);

		if (digit < 0)
			return -1;
		v = v << 4 | (uint32_t)digit;
	}
	*ret = v;
	return 0;
}

/* ---- UTF-8 -------------------------------------------------------------------------------- */

/* Length of the character at p of which n bytes are there, 0 if it is none. The second byte's
 * range depends on the first: that keeps out overlong forms, surrogates and beyond U+10FFFF. */
static size_t utf8_char(const uint8_t *p, size_t n)
{
	uint8_t low = 0x80, high = 0xBF;
	size_t len;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xC2 || p[0] > 0xF4)
		return 0;
	len = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
	if (p[0] == 0xE0)
		low = 0xA0;
	else if (p[0] == 0xED)
		high = 0x9F;
	else if (p[0] == 0xF0)
		low = 0x90;
	else if (p[0] == 0xF4)
		high = 0x8F;
	if (len > n || p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	return len;
}

const uint8_t *text_utf8_bad(const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n;
	uint64_t eight;
	size_t len;

	while (p < end) {
		if (end - p >= 8) {
			memcpy(&eight, p, 8);
			if (!(eight & 0x8080808080808080)) {
				p += 8;
				continue;
			}
		}
		len = utf8_char(p, (size_t)(end - p));
		if (!len)
			return p;
		p += len;
	}
	return NULL;
}

void text_trim(char *s)
{
	const uint8_t *bad = text_utf8_bad((const uint8_t *)s, strlen(s));

	if (bad)
		s[(const char *)bad - s] = 0;
}

static uint8_t *utf8_put(uint8_t *dst, uint32_t c)
{
	if (c < 0x80) {
		*dst++ = (uint8_t)c;
	} else if (c < 0x800) {
		*dst++ = (uint8_t)(0xC0 | c >> 6);
		*dst++ = (uint8_t)(0x80 | (c & 0x3F));
	} else if (c < 0x10000) {
		*dst++ = (uint8_t)(0xE0 | c >> 12);
		*dst++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
		*dst++ = (uint8_t)(0x80 | (c & 0x3F));
	} else {
		*dst++ = (uint8_t)(0xF0 | c >> 18);
		*dst++ = (uint8_t)(0x80 | (c >> 12 & 0x3F));
		*dst++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
		*dst++ = (uint8_t)(0x80 | (c & 0x3F));
	}
	return dst;
}

/* ---- escapes ------------------------------------------------------------------------------ */

static const char escape_letters[] = "\"\\/bfnrt";
static const char escape_bytes[] = "\"\\/\b\f\n\r\t";

/* p is behind \u; *ret_dst moves on. */
static const uint8_t *unescape_unit(const uint8_t *p, uint8_t **dst)
{
	uint32_t c = 0, low = 0; /* scan_string found the digits */

	text_hex4(p, &c);
	p += 4;
	if (c >= 0xD800 && c <= 0xDBFF) {
		text_hex4(p + 2, &low);
		p += 6;
		c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
	}
	*dst = utf8_put(*dst, c);
	return p;
}

size_t text_unescape(uint8_t *dst, const uint8_t *p, size_t n)
{
	const uint8_t *end = p + n, *slash;
	uint8_t *start = dst;

	while ((slash = memchr(p, '\\', (size_t)(end - p)))) {
		memcpy(dst, p, (size_t)(slash - p));
		dst += slash - p;
		p = slash + 2;
		if (slash[1] == 'u')
			p = unescape_unit(p, &dst);
		else
			*dst++ = (uint8_t)escape_bytes[strchr(escape_letters, slash[1]) - escape_letters];
	}
	memcpy(dst, p, (size_t)(end - p));
	return (size_t)(dst - start) + (size_t)(end - p);
}

static int base64_value(uint8_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int64_t text_base64(uint8_t *dst, const uint8_t *p, size_t n)
{
	size_t pad = 0, out = 0;

	while (pad < 2 && pad < n && p[n - 1 - pad] == '=')
		pad++;
	if (n % 4)
		return -1;
	for (size_t i = 0; i < n; i += 4) {
		uint32_t v = 0;

		for (size_t k = i; k < i + 4; k++) {
			int six = k < n - pad ? base64_value(p[k]) : 0;

			if (six < 0)
				return -1;
			v = v << 6 | (uint32_t)six;
		}
		for (int shift = 16; shift >= 0 && out < n / 4 * 3 - pad; shift -= 8)
			dst[out++] = (uint8_t)(v >> shift);
	}
	return (int64_t)out;
}

size_t text_escape(uint8_t *dst, const uint8_t *p, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t *start = dst;

	for (size_t i = 0; i < n; i++) {
		const char *letter;

		if (p[i] >= 0x20 && p[i] != '"' && p[i] != '\\') {
			*dst++ = p[i];
			continue;
		}
		*dst++ = '\\';
		letter = p[i] ? strchr(escape_bytes, p[i]) : NULL;
		if (letter) {
			*dst++ = (uint8_t)escape_letters[letter - escape_bytes];
			continue;
		}
		memcpy(dst, "u00", 3);
		dst[3] = (uint8_t)hex[p[i] >> 4];
		dst[4] = (uint8_t)hex[p[i] & 15];
		dst += 5;
	}
	return (size_t)(dst - start);
}
