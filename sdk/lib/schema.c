/* SPDX-License-Identifier: Apache-2.0 */
/* Arrow schemas: parse format strings, make, copy, compare, release. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

struct plain {
	const char *format;
	enum arrow_type type;
	uint8_t width;
	enum arrow_unit unit;
};

static const struct plain plains[] = {
	{"n", ARROW_NULL, 0, 0},
	{"b", ARROW_BOOL, 0, 0},
	{"c", ARROW_INT8, 1, 0},
	{"C", ARROW_UINT8, 1, 0},
	{"s", ARROW_INT16, 2, 0},
	{"S", ARROW_UINT16, 2, 0},
	{"i", ARROW_INT32, 4, 0},
	{"I", ARROW_UINT32, 4, 0},
	{"l", ARROW_INT64, 8, 0},
	{"L", ARROW_UINT64, 8, 0},
	{"e", ARROW_FLOAT16, 2, 0},
	{"f", ARROW_FLOAT32, 4, 0},
	{"g", ARROW_FLOAT64, 8, 0},
	{"u", ARROW_UTF8, 0, 0},
	{"U", ARROW_LARGE_UTF8, 0, 0},
	{"z", ARROW_BINARY, 0, 0},
	{"Z", ARROW_LARGE_BINARY, 0, 0},
	{"tdD", ARROW_DATE32, 4, 0},
	{"tdm", ARROW_DATE64, 8, 0},
	{"tts", ARROW_TIME32, 4, ARROW_SECOND},
	{"ttm", ARROW_TIME32, 4, ARROW_MILLI},
	{"ttu", ARROW_TIME64, 8, ARROW_MICRO},
	{"ttn", ARROW_TIME64, 8, ARROW_NANO},
	{"tDs", ARROW_DURATION, 8, ARROW_SECOND},
	{"tDm", ARROW_DURATION, 8, ARROW_MILLI},
	{"tDu", ARROW_DURATION, 8, ARROW_MICRO},
	{"tDn", ARROW_DURATION, 8, ARROW_NANO},
	{"+l", ARROW_LIST, 0, 0},
	{"+L", ARROW_LARGE_LIST, 0, 0},
	{"+s", ARROW_STRUCT, 0, 0},
	{"+m", ARROW_MAP, 0, 0},
};

static int parse_int(const char **s, int32_t *ret)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(*s, &end, 10);
	if (end == *s || errno || v < INT32_MIN || v > INT32_MAX)
		return -1;
	*s = end;
	*ret = (int32_t)v;
	return 0;
}

static int parse_decimal(const char *s, struct arrow_type_info *ret)
{
	int32_t bits = 128;

	if (parse_int(&s, &ret->precision) || *s++ != ',' || parse_int(&s, &ret->scale))
		return -1;
	if (*s == ',') {
		s++;
		if (parse_int(&s, &bits))
			return -1;
	}
	ret->type = bits == 256 ? ARROW_DECIMAL256 : ARROW_DECIMAL128;
	return *s || (bits != 128 && bits != 256) || ret->precision < 1 || ret->precision > (bits == 128 ? 38 : 76) ? -1
	                                                                                                            : 0;
}

static int parse_timestamp(const char *s, struct arrow_type_info *ret)
{
	static const char units[] = "smun";
	const char *unit = *s ? strchr(units, *s) : NULL;

	if (!unit || s[1] != ':')
		return -1;
	ret->type = ARROW_TIMESTAMP;
	ret->unit = (enum arrow_unit)(unit - units);
	ret->timezone = s + 2;
	return 0;
}

int arrow_type_parse(const char *format, struct arrow_type_info *ret)
{
	*ret = (struct arrow_type_info){.timezone = ""};
	if (!format)
		return -1;
	for (size_t i = 0; i < sizeof(plains) / sizeof(plains[0]); i++)
		if (!strcmp(plains[i].format, format)) {
			ret->type = plains[i].type;
			ret->unit = plains[i].unit;
			return 0;
		}
	if (!strncmp(format, "d:", 2))
		return parse_decimal(format + 2, ret);
	if (!strncmp(format, "ts", 2))
		return parse_timestamp(format + 2, ret);
	if (!strncmp(format, "w:", 2))
		ret->type = ARROW_FIXED_BINARY;
	else if (!strncmp(format, "+w:", 3))
		ret->type = ARROW_FIXED_LIST;
	else
		return -1;
	format = strchr(format, ':') + 1;
	return parse_int(&format, &ret->width) || *format || ret->width < 0 ? -1 : 0;
}

size_t arrow_type_width(const struct arrow_type_info *info)
{
	switch (info->type) {
	case ARROW_FIXED_BINARY:
		return (size_t)info->width;
	case ARROW_DECIMAL128:
		return 16;
	case ARROW_DECIMAL256:
		return 32;
	case ARROW_TIMESTAMP:
		return 8;
	default:
		for (size_t i = 0; i < sizeof(plains) / sizeof(plains[0]); i++)
			if (plains[i].type == info->type)
				return plains[i].width;
		return 0;
	}
}

static void schema_free(struct ArrowSchema *schema)
{
	for (int64_t i = 0; i < schema->n_children; i++) {
		arrow_schema_release(schema->children[i]);
		free(schema->children[i]);
	}
	if (schema->dictionary) {
		arrow_schema_release(schema->dictionary);
		free(schema->dictionary);
	}
	free(schema->children);
	free((char *)schema->format);
	free((char *)schema->name);
	free((char *)schema->metadata);
	memset(schema, 0, sizeof(*schema));
}

static int add_children(struct ArrowSchema *schema, int64_t n)
{
	struct ArrowSchema **children = realloc(schema->children, (size_t)(schema->n_children + n) * sizeof(*children));

	if (!children)
		return -1;
	schema->children = children;
	for (; n > 0; n--) {
		children[schema->n_children] = calloc(1, sizeof(**children));
		if (!children[schema->n_children])
			return -1;
		schema->n_children++;
	}
	return 0;
}

int arrow_schema_make(struct ArrowSchema *ret, const char *format, const char *name, int nullable, int64_t n_children)
{
	memset(ret, 0, sizeof(*ret));
	ret->release = schema_free;
	ret->format = strdup(format);
	ret->name = strdup(name ? name : "");
	ret->flags = nullable ? ARROW_FLAG_NULLABLE : 0;
	if (!ret->format || !ret->name || (n_children && add_children(ret, n_children))) {
		schema_free(ret);
		return -1;
	}
	return 0;
}

/* Metadata is int32 count, then per pair int32 length, bytes, int32 length, bytes. */
static size_t metadata_size(const char *metadata)
{
	size_t at = 4;
	int32_t n, len;

	memcpy(&n, metadata, 4);
	for (int32_t i = 0; i < 2 * n; i++) {
		memcpy(&len, metadata + at, 4);
		at += 4 + (size_t)len;
	}
	return at;
}

int arrow_schema_copy(struct ArrowSchema *ret, const struct ArrowSchema *schema)
{
	if (arrow_schema_make(ret, schema->format, schema->name, 0, schema->n_children))
		return -1;
	ret->flags = schema->flags;
	if (schema->metadata) {
		size_t n = metadata_size(schema->metadata);

		ret->metadata = malloc(n);
		if (!ret->metadata)
			goto fail;
		memcpy((char *)ret->metadata, schema->metadata, n);
	}
	for (int64_t i = 0; i < schema->n_children; i++)
		if (arrow_schema_copy(ret->children[i], schema->children[i]))
			goto fail;
	if (schema->dictionary) {
		ret->dictionary = calloc(1, sizeof(*ret->dictionary));
		if (!ret->dictionary || arrow_schema_copy(ret->dictionary, schema->dictionary))
			goto fail;
	}
	return 0;
fail:
	arrow_schema_release(ret);
	return -1;
}

int arrow_schema_append(struct ArrowSchema *parent, struct ArrowSchema *child)
{
	if (add_children(parent, 1))
		return -1;
	*parent->children[parent->n_children - 1] = *child;
	child->release = NULL;
	return 0;
}

int64_t arrow_schema_find(const struct ArrowSchema *parent, const char *name, size_t len)
{
	for (int64_t i = 0; i < parent->n_children; i++) {
		const char *have = parent->children[i]->name;

		if (have && strlen(have) == len && !memcmp(have, name, len))
			return i;
	}
	return -1;
}

int arrow_schema_equal(const struct ArrowSchema *a, const struct ArrowSchema *b, int strict)
{
	if (strcmp(a->format, b->format) || strcmp(a->name ? a->name : "", b->name ? b->name : "") ||
	    a->n_children != b->n_children || !a->dictionary != !b->dictionary)
		return 0;
	if (strict && (a->flags & ARROW_FLAG_NULLABLE) != (b->flags & ARROW_FLAG_NULLABLE))
		return 0;
	for (int64_t i = 0; i < a->n_children; i++)
		if (!arrow_schema_equal(a->children[i], b->children[i], strict))
			return 0;
	return !a->dictionary || arrow_schema_equal(a->dictionary, b->dictionary, strict);
}

void arrow_schema_release(struct ArrowSchema *schema)
{
	if (schema->release)
		schema->release(schema);
}
