/* SPDX-License-Identifier: Apache-2.0 */
/* Metadata of Arrow is an int32 count, then per pair int32 length, bytes, int32 length, bytes. A dataset's columns have
 * one pair, ours, or none. */
#include "table/key.h"

#include <stdlib.h>
#include <string.h>

#include "table/table.h"

#define NAME_LEN (sizeof(KEY_METADATA) - 1)

int key_set(struct ArrowSchema *column, const char *key)
{
	int32_t count = 1, name_len = NAME_LEN, len = (int32_t)strlen(key);
	char *metadata = malloc(12 + NAME_LEN + (size_t)len);

	if (!metadata)
		return -1;
	memcpy(metadata, &count, 4);
	memcpy(metadata + 4, &name_len, 4);
	memcpy(metadata + 8, KEY_METADATA, NAME_LEN);
	memcpy(metadata + 8 + NAME_LEN, &len, 4);
	memcpy(metadata + 12 + NAME_LEN, key, (size_t)len);
	free((char *)column->metadata);
	column->metadata = metadata;
	return 0;
}

int key_is_other(const struct ArrowSchema *column)
{
	int32_t count, name_len;

	if (!column->metadata)
		return 0;
	memcpy(&count, column->metadata, 4);
	if (count != 1)
		return 0;
	memcpy(&name_len, column->metadata + 4, 4);
	return name_len == NAME_LEN && !memcmp(column->metadata + 8, KEY_METADATA, NAME_LEN);
}

const char *key_of(const struct ArrowSchema *column, size_t *ret_len)
{
	int32_t len;

	if (!key_is_other(column)) {
		*ret_len = strlen(column->name);
		return column->name;
	}
	memcpy(&len, column->metadata + 8 + NAME_LEN, 4);
	*ret_len = (size_t)len;
	return column->metadata + 12 + NAME_LEN;
}

int key_is(const struct ArrowSchema *column, const char *key)
{
	size_t len;
	const char *own = key_of(column, &len);

	return strlen(key) == len && !memcmp(own, key, len);
}

static int name_by_key(struct ArrowSchema *schema)
{
	for (int64_t i = 0; i < schema->n_children; i++) {
		struct ArrowSchema *child = schema->children[i];
		size_t len;
		const char *key = key_of(child, &len);
		char *name = strndup(key, len);

		if (!name || name_by_key(child)) {
			free(name);
			return -1;
		}
		free((char *)child->name);
		free((char *)child->metadata);
		child->name = name;
		child->metadata = NULL;
	}
	return 0;
}

int table_schema_at_source(const struct ArrowSchema *schema, struct ArrowSchema *ret, struct err *err)
{
	if (arrow_schema_copy(ret, schema))
		return err_set(err, ERR_NOMEM, "out of memory for the schema");
	if (!name_by_key(ret))
		return 0;
	arrow_schema_release(ret);
	return err_set(err, ERR_NOMEM, "out of memory for the schema");
}
