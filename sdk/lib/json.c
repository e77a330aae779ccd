/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>
#include <orasi/sdk/json.h>
#include <orasi/sdk/number.h>

static void put(struct jsonw *w, const char *p, size_t n)
{
	size_t need, cap;
	char *data;

	if (w->failed || __builtin_add_overflow(w->len, n + 1, &need)) {
		w->failed = 1;
		return;
	}
	if (need > w->cap) {
		cap = need < 128 ? 256 : 2 * need;
		data = realloc(w->data, cap);
		if (!data) {
			w->failed = 1;
			return;
		}
		w->data = data;
		w->cap = cap;
	}
	memcpy(w->data + w->len, p, n);
	w->len += n;
	w->data[w->len] = '\0';
}

static void value(struct jsonw *w, const char *p, size_t n)
{
	if (w->comma)
		put(w, ",", 1);
	put(w, p, n);
	w->comma = 1;
}

void jsonw_object(struct jsonw *w)
{
	value(w, "{", 1);
	w->comma = 0;
}

void jsonw_end_object(struct jsonw *w)
{
	put(w, "}", 1);
	w->comma = 1;
}

void jsonw_array(struct jsonw *w)
{
	value(w, "[", 1);
	w->comma = 0;
}

void jsonw_end_array(struct jsonw *w)
{
	put(w, "]", 1);
	w->comma = 1;
}

static void escape(struct jsonw *w, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt";
	const char *known = memchr(from, c, sizeof(from) - 1);
	char text[8];

	if (known)
		snprintf(text, sizeof(text), "\\%c", to[known - from]);
	else
		snprintf(text, sizeof(text), "\\u%04x", c);
	put(w, text, strlen(text));
}

/* The length of the well-formed character at p, 0: there is none. */
static size_t char_len(const char *p, size_t n)
{
	for (size_t len = 1; len <= 4 && len <= n; len++)
		if (arrow_utf8_valid(p, len))
			return len;
	return 0;
}

void jsonw_string(struct jsonw *w, const char *text, size_t n)
{
	value(w, "\"", 1);
	for (size_t i = 0; i < n;) {
		unsigned char c = (unsigned char)text[i];
		size_t len = c < 0x80 ? 1 : char_len(text + i, n - i);

		if (c < 0x20 || c == '"' || c == '\\')
			escape(w, c);
		else if (len)
			put(w, text + i, len);
		else
			put(w, "\xef\xbf\xbd", 3);
		i += len ? len : 1;
	}
	put(w, "\"", 1);
}

void jsonw_keyn(struct jsonw *w, const char *key, size_t n)
{
	jsonw_string(w, key, n);
	put(w, ":", 1);
	w->comma = 0;
}

void jsonw_key(struct jsonw *w, const char *key)
{
	jsonw_keyn(w, key, strlen(key));
}

void jsonw_int(struct jsonw *w, int64_t v)
{
	char text[32];

	value(w, text, (size_t)snprintf(text, sizeof(text), "%lld", (long long)v));
}

void jsonw_uint(struct jsonw *w, uint64_t v)
{
	char text[32];

	value(w, text, (size_t)snprintf(text, sizeof(text), "%llu", (unsigned long long)v));
}

void jsonw_double(struct jsonw *w, double v)
{
	char text[NUMBER_DOUBLE_MAX];
	size_t n;

	if (!isfinite(v)) {
		jsonw_null(w);
		return;
	}
	n = number_format_double(text, v, false);
	for (size_t i = 0; i < n; i++)
		if (text[i] == ',')
			text[i] = '.'; /* a locale that somebody has set */
	value(w, text, n);
}

void jsonw_number(struct jsonw *w, const char *text, size_t n)
{
	value(w, text, n);
}

void jsonw_bool(struct jsonw *w, int v)
{
	value(w, v ? "true" : "false", v ? 4 : 5);
}

void jsonw_null(struct jsonw *w)
{
	value(w, "null", 4);
}

int jsonw_finish(struct jsonw *w)
{
	return !w->failed && w->len > 0;
}

void jsonw_done(struct jsonw *w)
{
	free(w->data);
	*w = (struct jsonw){0};
}
