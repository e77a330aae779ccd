/* SPDX-License-Identifier: Apache-2.0 */
/* A tree as text: compact, or for people with two spaces a level. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "json/inside.h"

static void put_escape(struct buf *out, unsigned char c)
{
	static const char bytes[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *byte = c ? strchr(bytes, c) : NULL;

	if (!byte) {
		buf_printf(out, "\\u%04x", c);
		return;
	}
	buf_putc(out, '\\');
	buf_putc(out, letters[byte - bytes]);
}

static void put_string(struct buf *out, const char *s, size_t n)
{
	const char *end = s + n;

	buf_putc(out, '"');
	while (s < end) {
		const char *plain = s;

		while (s < end && (unsigned char)*s >= 0x20 && *s != '"' && *s != '\\')
			s++;
		buf_add(out, plain, (size_t)(s - plain));
		if (s < end)
			put_escape(out, (unsigned char)*s++);
	}
	buf_putc(out, '"');
}

/* The shortest of 15 to 17 digits that reads back the same, and always seen to be no integer. */
static void put_double(struct buf *out, const struct json *json)
{
	char text[40];

	if (json->spelled) {
		buf_puts(out, json->spelled);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, json->d);
		if (strtod(text, NULL) == json->d)
			break;
	}
	buf_puts(out, text);
	if (!strpbrk(text, ".en"))
		buf_puts(out, ".0");
}

static void put_line(struct buf *out, int level)
{
	if (level < 0)
		return;
	buf_putc(out, '\n');
	while (level-- > 0)
		buf_puts(out, "  ");
}

/* level < 0: compact. */
static void put_value(struct buf *out, const struct json *json, int level)
{
	int inside = level < 0 ? -1 : level + 1;

	switch (json_type(json)) {
	case JSON_NULL:
		buf_puts(out, "null");
		return;
	case JSON_BOOL:
		buf_puts(out, json->i ? "true" : "false");
		return;
	case JSON_INT:
		buf_int(out, json->i);
		return;
	case JSON_DOUBLE:
		put_double(out, json);
		return;
	case JSON_STRING:
		put_string(out, json->s, json->n);
		return;
	case JSON_ARRAY:
	case JSON_OBJECT:
		break;
	}
	buf_putc(out, json->type == JSON_ARRAY ? '[' : '{');
	for (uint32_t i = 0; i < json->n; i++) {
		if (i)
			buf_putc(out, ',');
		put_line(out, inside);
		if (json->type == JSON_OBJECT) {
			put_string(out, json->members[i].key, json->members[i].len);
			buf_puts(out, level < 0 ? ":" : ": ");
		}
		put_value(out, json->type == JSON_ARRAY ? json->items[i] : json->members[i].value,
		          inside);
	}
	if (json->n)
		put_line(out, level);
	buf_putc(out, json->type == JSON_ARRAY ? ']' : '}');
}

static const char *text_of(const struct json *json, int level)
{
	struct json *mutable = (struct json *)json;
	struct buf out;

	if (!json)
		return "null";
	buf_init(&out, 0);
	buf_reserve(&out, 256);
	put_value(&out, json, level);
	free(mutable->text);
	mutable->text = buf_steal(&out);
	if (!mutable->text)
		abort();
	return mutable->text;
}

const char *json_text(const struct json *json)
{
	return text_of(json, -1);
}

const char *json_text_pretty(const struct json *json)
{
	return text_of(json, 0);
}
