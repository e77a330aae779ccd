/* SPDX-License-Identifier: Apache-2.0 */
/* What a text column takes besides strings is kept with its field, so that a dataset, and a reader that resumes, know
 * it. */
#include <stdlib.h>

#include "column.h"

/* arrow.json is a canonical extension type; the other key is our own. */
static const struct {
	enum column_mode mode;
	const char *key, *value;
} modes[] = {
	{COLUMN_JSON, "ARROW:extension:name", "arrow.json"},
	{COLUMN_TEXT, "orasi:json", "scalars"},
};

static bool metadata_next(const char **at, const char **ret, int32_t *ret_len)
{
	memcpy(ret_len, *at, 4);
	if (*ret_len < 0)
		return false;
	*ret = *at + 4;
	*at += 4 + *ret_len;
	return true;
}

static bool metadata_has(const char *metadata, const char *key, const char *value)
{
	int32_t n = 0, key_len, value_len;
	const char *k, *v, *at = metadata + 4;

	memcpy(&n, metadata, 4);
	for (; n > 0; n--) {
		if (!metadata_next(&at, &k, &key_len) || !metadata_next(&at, &v, &value_len))
			return false;
		if ((size_t)key_len == strlen(key) && !memcmp(k, key, (size_t)key_len) &&
		    (size_t)value_len == strlen(value) && !memcmp(v, value, (size_t)value_len))
			return true;
	}
	return false;
}

enum column_mode column_mode_of(const struct ArrowSchema *schema)
{
	for (size_t i = 0; schema->metadata && i < sizeof(modes) / sizeof(modes[0]); i++)
		if (metadata_has(schema->metadata, modes[i].key, modes[i].value))
			return modes[i].mode;
	return COLUMN_PLAIN;
}

static char *metadata_put(char *at, const char *s)
{
	int32_t n = (int32_t)strlen(s);

	memcpy(at, &n, 4);
	memcpy(at + 4, s, (size_t)n);
	return at + 4 + n;
}

int column_mode_set(struct ArrowSchema *schema, enum column_mode mode)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		char *metadata;

		if (modes[i].mode != mode)
			continue;
		metadata = malloc(12 + strlen(modes[i].key) + strlen(modes[i].value));
		if (!metadata)
			return -1;
		memcpy(metadata, &(int32_t){1}, 4);
		metadata_put(metadata_put(metadata + 4, modes[i].key), modes[i].value);
		free((char *)schema->metadata);
		schema->metadata = metadata;
	}
	return 0;
}
