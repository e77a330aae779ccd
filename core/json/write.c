/* SPDX-License-Identifier: Apache-2.0 */
/* Tree to text, into whatever place it shall have: what json_text gives, which json-c keeps with the value. */
#include "json/inside.h"

#include <string.h>

#define TEXT_USUAL 1024 /* bytes of one */

static void write_object(struct buf *out, const struct json *object)
{
	const char *key, *text = json_kept_text(object);
	const struct json *value;
	size_t at = 0;
	char before = '{'; /* the next member */

	if (text) {
		buf_puts(out, text);
		return;
	}
	for (; json_each(object, &at, &key, &value); before = ',') {
		buf_putc(out, before);
		buf_json_str(out, key, strlen(key));
		buf_putc(out, ':');
		json_write(out, value);
	}
	if (before == '{') /* it has none */
		buf_putc(out, before);
	buf_putc(out, '}');
}

static void write_array(struct buf *out, const struct json *array)
{
	size_t n = json_count(array);

	buf_putc(out, '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_putc(out, ',');
		json_write(out, json_at(array, i));
	}
	buf_putc(out, ']');
}

void json_write(struct buf *out, const struct json *json)
{
	switch (json_type(json)) {
	case JSON_NULL:
		buf_puts(out, "null");
		return;
	case JSON_BOOL:
		buf_puts(out, json_bool(json, 0) ? "true" : "false");
		return;
	case JSON_INT:
		buf_int(out, json_object_get_int64(in(json)));
		return;
	case JSON_DOUBLE: /* with the digits that it came with */
		buf_puts(out, json_text(json));
		return;
	case JSON_STRING:
		buf_json_str(out, json_object_get_string(in(json)), (size_t)json_object_get_string_len(in(json)));
		return;
	case JSON_ARRAY:
		write_array(out, json);
		return;
	case JSON_OBJECT:
		write_object(out, json);
		return;
	}
}

char *json_text_in(const struct json *json, struct arena *arena)
{
	char usual[TEXT_USUAL], *text;
	struct buf buf;

	buf_init_in(&buf, usual, sizeof(usual));
	json_write(&buf, json);
	text = buf.failed ? NULL : arena_strn(arena, buf.data, buf.len);
	buf_done(&buf);
	return text;
}
