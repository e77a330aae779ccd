/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of the API, of orders and of stored things: any bytes are an error, or a value whose text is read as the same
 * value again, and is the same whoever writes it. */
#include "fuzz/fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "json/json.h"

/* What is seen without a tree is what a tree has. */
static void check_peek(const char *text, size_t n, const struct json *json, const struct err *err)
{
	const char *found;
	size_t len;

	if (!json_peek(text, n, "plugin", &found, &len))
		return;
	if (!json ? !strstr(err->text, "the same key twice")
	          : json_str_len(json_get(json, "plugin")) != len ||
	                    memcmp(json_get_str(json, "plugin", ""), found, len) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json *json = NULL, *again;
	struct err err = {0};
	struct buf buf;
	char *text;

	if (json_parse((const char *)data, size, &json, &err)) {
		if (!err.code || !err.text[0])
			abort();
		check_peek((const char *)data, size, NULL, &err);
		return 0;
	}
	check_peek((const char *)data, size, json, &err);
	text = strdup(json_text(json));
	if (!text || json_parse(text, strlen(text), &again, &err) || strcmp(text, json_text(again)))
		abort();
	buf_init(&buf, 0);
	json_write(&buf, json);
	if (strcmp(buf.data, text))
		abort();
	buf_done(&buf);
	free(text);
	json_free(again);
	json_free(json);
	return 0;
}
