/* SPDX-License-Identifier: Apache-2.0 */
#include "parcel.h"

#include <stdio.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

#include "base/file.h"

void parcel_put(struct buf *parcel, const void *p, size_t n)
{
	uint64_t len = n;

	buf_add(parcel, &len, sizeof(len));
	if (n)
		buf_add(parcel, p, n);
}

const uint8_t *parcel_take(const char **at, size_t *left, size_t *ret_n)
{
	const uint8_t *p;
	uint64_t len;

	if (*left < sizeof(len))
		return NULL;
	memcpy(&len, *at, sizeof(len));
	if (len > *left - sizeof(len))
		return NULL;
	p = (const uint8_t *)*at + sizeof(len);
	*at += sizeof(len) + len;
	*left -= sizeof(len) + len;
	*ret_n = len;
	return p;
}

void parcel_put_schema(struct buf *parcel, const struct ArrowSchema *schema)
{
	const char *name = schema->name ? schema->name : "";

	parcel_put(parcel, schema->format, strlen(schema->format) + 1);
	parcel_put(parcel, name, strlen(name) + 1);
	parcel_put(parcel, &schema->flags, sizeof(schema->flags));
	parcel_put(parcel, &schema->n_children, sizeof(schema->n_children));
	for (int64_t i = 0; i < schema->n_children; i++)
		parcel_put_schema(parcel, schema->children[i]);
}

int parcel_take_schema(const char **at, size_t *left, struct ArrowSchema *ret)
{
	size_t n;
	const char *format = (const char *)parcel_take(at, left, &n), *name = (const char *)parcel_take(at, left, &n);
	const uint8_t *flags = parcel_take(at, left, &n), *count = parcel_take(at, left, &n);
	int64_t n_children, flag_bits;

	if (!format || !name || !flags || !count)
		return -1;
	memcpy(&n_children, count, sizeof(n_children));
	memcpy(&flag_bits, flags, sizeof(flag_bits));
	if (arrow_schema_make(ret, format, name, (flag_bits & ARROW_FLAG_NULLABLE) != 0, n_children))
		return -1;
	for (int64_t i = 0; i < n_children; i++)
		if (parcel_take_schema(at, left, ret->children[i]))
			return -1;
	return 0;
}

#define PARCEL_MAX (1u << 30)

static const char *path_of(const struct exam *exam, const char *name, char *ret, size_t cap)
{
	snprintf(ret, cap, "%s/%s", exam->scratch, name);
	return ret;
}

int parcel_keep(struct exam *exam, const char *name, const struct buf *parcel)
{
	char path[512];
	struct err err = {0};

	return file_replace(path_of(exam, name, path, sizeof(path)), parcel->data, parcel->len, &err)
	               ? exam_fail(exam, "%s", err.text)
	               : 0;
}

int parcel_fetch(struct exam *exam, const char *name, struct buf *ret)
{
	char path[512];

	buf_init(ret, 0);
	return file_read(path_of(exam, name, path, sizeof(path)), PARCEL_MAX, ret, NULL);
}

void parcel_forget(struct exam *exam, const char *name)
{
	char path[512];

	remove(path_of(exam, name, path, sizeof(path)));
}
