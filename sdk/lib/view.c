/* SPDX-License-Identifier: Apache-2.0 */
/* Reading Arrow arrays, and checking those that come from somebody else. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <orasi/sdk/arrow.h>

static int is_variable(enum arrow_type type)
{
	return type == ARROW_UTF8 || type == ARROW_LARGE_UTF8 || type == ARROW_BINARY || type == ARROW_LARGE_BINARY;
}

static int is_list(enum arrow_type type)
{
	return type == ARROW_LIST || type == ARROW_LARGE_LIST || type == ARROW_MAP;
}

static int is_large(enum arrow_type type)
{
	return type == ARROW_LARGE_UTF8 || type == ARROW_LARGE_BINARY || type == ARROW_LARGE_LIST;
}

int arrow_view_init(struct arrow_view *view, const struct ArrowSchema *schema, const struct ArrowArray *array)
{
	memset(view, 0, sizeof(*view));
	if (arrow_type_parse(schema->format, &view->info))
		return -1;
	view->schema = schema;
	view->array = array;
	view->offset = array->offset;
	view->length = array->length;
	if (view->info.type == ARROW_NULL)
		return 0;
	if (array->n_buffers < 1 || !array->buffers)
		return -1;
	view->validity = array->null_count ? array->buffers[0] : NULL;
	if (is_variable(view->info.type)) {
		if (array->n_buffers < 3)
			return -1;
		view->offsets = array->buffers[1];
		view->data = array->buffers[2];
	} else if (array->n_buffers > 1) {
		if (is_list(view->info.type))
			view->offsets = array->buffers[1];
		else
			view->data = array->buffers[1];
	}
	return 0;
}

int arrow_view_child(const struct arrow_view *view, int64_t i, struct arrow_view *ret)
{
	if (i >= view->schema->n_children || i >= view->array->n_children || !view->array->children ||
	    !view->array->children[i])
		return -1;
	if (arrow_view_init(ret, view->schema->children[i], view->array->children[i]))
		return -1;
	/* A struct's own offset applies to its children too. */
	if (view->info.type == ARROW_STRUCT) {
		ret->offset += view->offset;
		ret->length = view->length;
	}
	return 0;
}

int64_t arrow_view_int(const struct arrow_view *view, int64_t i)
{
	i += view->offset;
	switch (view->info.type) {
	case ARROW_BOOL:
		return arrow_bit(view->data, i);
	case ARROW_INT8:
		return ((const int8_t *)view->data)[i];
	case ARROW_UINT8:
		return ((const uint8_t *)view->data)[i];
	case ARROW_INT16:
		return ((const int16_t *)view->data)[i];
	case ARROW_UINT16:
		return ((const uint16_t *)view->data)[i];
	case ARROW_INT32:
	case ARROW_DATE32:
	case ARROW_TIME32:
		return ((const int32_t *)view->data)[i];
	case ARROW_UINT32:
		return ((const uint32_t *)view->data)[i];
	case ARROW_INT64:
	case ARROW_UINT64:
	case ARROW_DATE64:
	case ARROW_TIME64:
	case ARROW_TIMESTAMP:
	case ARROW_DURATION:
		return ((const int64_t *)view->data)[i];
	default:
		return 0;
	}
}

static double from_half(uint16_t h)
{
	int exponent = h >> 10 & 31, mantissa = h & 1023;
	double v;

	if (exponent == 31)
		v = mantissa ? NAN : INFINITY;
	else
		v = exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
	return h >> 15 ? -v : v;
}

double arrow_view_double(const struct arrow_view *view, int64_t i)
{
	switch (view->info.type) {
	case ARROW_FLOAT16:
		return from_half(((const uint16_t *)view->data)[view->offset + i]);
	case ARROW_FLOAT32:
		return (double)((const float *)view->data)[view->offset + i];
	case ARROW_FLOAT64:
		return ((const double *)view->data)[view->offset + i];
	case ARROW_UINT64:
		return (double)((const uint64_t *)view->data)[view->offset + i];
	default:
		return (double)arrow_view_int(view, i);
	}
}

static int64_t offset_at(const struct arrow_view *view, int64_t i)
{
	return is_large(view->info.type) ? ((const int64_t *)view->offsets)[i] : ((const int32_t *)view->offsets)[i];
}

const void *arrow_view_bytes(const struct arrow_view *view, int64_t i, size_t *ret_len)
{
	int64_t begin;

	i += view->offset;
	if (!is_variable(view->info.type)) {
		*ret_len = arrow_type_width(&view->info);
		return (const char *)view->data + (size_t)i * *ret_len;
	}
	begin = offset_at(view, i);
	*ret_len = (size_t)(offset_at(view, i + 1) - begin);
	return (const char *)view->data + begin;
}

void arrow_view_list(const struct arrow_view *view, int64_t i, int64_t *ret_begin, int64_t *ret_end)
{
	i += view->offset;
	if (view->info.type == ARROW_FIXED_LIST) {
		*ret_begin = i * view->info.width;
		*ret_end = *ret_begin + view->info.width;
		return;
	}
	*ret_begin = offset_at(view, i);
	*ret_end = offset_at(view, i + 1);
}

/* ---- validation --------------------------------------------------------------------------- */

struct check {
	char *msg;
	size_t cap;
	int full;
};

static int bad(struct check *c, const struct ArrowSchema *schema, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(c->msg, c->cap, "column '%s': ", schema->name ? schema->name : "");

	va_start(ap, fmt);
	if (n >= 0 && (size_t)n < c->cap)
		vsnprintf(c->msg + n, c->cap - (size_t)n, fmt, ap);
	va_end(ap);
	return -1;
}

static int all_ascii(const unsigned char *p, size_t n)
{
	uint64_t high = 0, words[4];

	for (; n >= sizeof(words); n -= sizeof(words), p += sizeof(words)) {
		memcpy(words, p, sizeof(words));
		high |= words[0] | words[1] | words[2] | words[3];
	}
	for (; n; n--)
		high |= *p++;
	return !(high & 0x8080808080808080u);
}

int arrow_utf8_valid(const void *text, size_t n)
{
	const unsigned char *p = text;
	size_t i = 0;

	if (all_ascii(p, n))
		return 1;
	while (i < n) {
		unsigned char c = p[i];
		size_t more = c < 0x80 ? 0 : c < 0xC2 ? 9 : c < 0xE0 ? 1 : c < 0xF0 ? 2 : c < 0xF5 ? 3 : 9;

		if (more == 9 || n - i <= more)
			return 0;
		for (size_t k = 1; k <= more; k++)
			if ((p[i + k] & 0xC0) != 0x80)
				return 0;
		if ((c == 0xE0 && p[i + 1] < 0xA0) || (c == 0xED && p[i + 1] > 0x9F) ||
		    (c == 0xF0 && p[i + 1] < 0x90) || (c == 0xF4 && p[i + 1] > 0x8F))
			return 0;
		i += more + 1;
	}
	return 1;
}

/* Which of the offsets is smaller than the one before, or 0. One pass without branches first: it
 * nearly always finds none. */
#define OFFSET_BACKWARDS(type)                                               \
	do {                                                                 \
		const type *at = (const type *)view->offsets + view->offset; \
		int64_t n = view->length;                                    \
		int backwards = 0;                                           \
                                                                             \
		for (int64_t i = 0; i < n; i++)                              \
			backwards |= at[i + 1] < at[i];                      \
		for (int64_t i = 0; backwards && i < n; i++)                 \
			if (at[i + 1] < at[i])                               \
				return i + 1;                                \
		return 0;                                                    \
	} while (0)

static int64_t offset_backwards(const struct arrow_view *view)
{
	if (is_large(view->info.type))
		OFFSET_BACKWARDS(int64_t);
	OFFSET_BACKWARDS(int32_t);
}

static int check_offsets(struct check *c, const struct arrow_view *view, int64_t limit)
{
	int64_t wrong;

	if (!view->length)
		return 0;
	if (offset_at(view, view->offset) < 0)
		return bad(c, view->schema, "the first offset is negative");
	wrong = offset_backwards(view);
	if (wrong)
		return bad(c, view->schema, "offset %lld goes backwards", (long long)wrong);
	if (limit >= 0 && offset_at(view, view->offset + view->length) > limit)
		return bad(c, view->schema, "offsets point behind the %lld child values", (long long)limit);
	return 0;
}

/* Text is ASCII most of the time, and then all values are fine at once. */
static int check_strings(struct check *c, const struct arrow_view *view)
{
	int64_t begin, end;

	if (!view->length)
		return 0;
	begin = offset_at(view, view->offset);
	end = offset_at(view, view->offset + view->length);
	if (begin == end)
		return 0;
	if (!view->data)
		return bad(c, view->schema, "data buffer is missing");
	if (all_ascii((const unsigned char *)view->data + begin, (size_t)(end - begin)))
		return 0;
	for (int64_t i = 0; i < view->length; i++) {
		size_t n;
		const void *p;

		if (arrow_view_is_null(view, i))
			continue;
		p = arrow_view_bytes(view, i, &n);
		if (!arrow_utf8_valid(p, n))
			return bad(c, view->schema, "value %lld is not valid UTF-8", (long long)i);
	}
	return 0;
}

static int64_t buffers_wanted(enum arrow_type type)
{
	if (type == ARROW_NULL)
		return 0;
	if (type == ARROW_STRUCT || type == ARROW_FIXED_LIST)
		return 1;
	return is_variable(type) ? 3 : 2;
}

static int64_t children_wanted(const struct ArrowSchema *schema, enum arrow_type type)
{
	if (type == ARROW_STRUCT)
		return schema->n_children;
	return is_list(type) || type == ARROW_FIXED_LIST ? 1 : 0;
}

static int check_array(struct check *c, const struct ArrowSchema *schema, const struct ArrowArray *array, int depth);

static int check_children(struct check *c, const struct arrow_view *view, int depth)
{
	const struct ArrowArray *array = view->array;

	for (int64_t i = 0; i < array->n_children; i++) {
		const struct ArrowArray *child = array->children[i];
		int64_t need = 0, end;

		if (!child || !child->release)
			return bad(c, view->schema, "child %lld is missing", (long long)i);
		if (check_array(c, view->schema->children[i], child, depth + 1))
			return -1;
		if (view->info.type == ARROW_STRUCT)
			need = view->offset + view->length;
		else if (view->info.type == ARROW_FIXED_LIST &&
		         __builtin_mul_overflow(view->offset + view->length, view->info.width, &need))
			return bad(c, view->schema, "list sizes overflow");
		end = child->length;
		if (end < need)
			return bad(c, view->schema, "child %lld has %lld values, %lld are needed", (long long)i,
			           (long long)end, (long long)need);
	}
	return 0;
}

static int check_array(struct check *c, const struct ArrowSchema *schema, const struct ArrowArray *array, int depth)
{
	struct arrow_view view;
	int64_t end;

	if (depth > 128)
		return bad(c, schema, "nested deeper than 128 levels");
	if (arrow_view_init(&view, schema, array))
		return bad(c, schema, "unknown format '%s' or missing buffers", schema->format ? schema->format : "");
	if (array->length < 0 || array->offset < 0 || __builtin_add_overflow(array->length, array->offset, &end) ||
	    array->null_count < -1 || array->null_count > array->length)
		return bad(c, schema, "length, offset or null count is out of range");
	if (array->n_buffers != buffers_wanted(view.info.type))
		return bad(c, schema, "%lld buffers instead of %lld", (long long)array->n_buffers,
		           (long long)buffers_wanted(view.info.type));
	if (array->n_children != children_wanted(schema, view.info.type) || schema->n_children != array->n_children)
		return bad(c, schema, "wrong number of children");
	if (array->null_count > 0 && view.info.type != ARROW_NULL && !view.validity)
		return bad(c, schema, "null count without a validity bitmap");
	if (array->length && array->n_buffers == 2 && !array->buffers[1])
		return bad(c, schema, "data buffer is missing");
	if (is_variable(view.info.type) || is_list(view.info.type)) {
		if (array->length && !view.offsets)
			return bad(c, schema, "offsets are missing");
		if (check_offsets(c, &view,
		                  is_list(view.info.type) && array->children[0] ? array->children[0]->length : -1))
			return -1;
	}
	if (c->full && (view.info.type == ARROW_UTF8 || view.info.type == ARROW_LARGE_UTF8) && check_strings(c, &view))
		return -1;
	return check_children(c, &view, depth);
}

int arrow_validate(const struct ArrowSchema *schema, const struct ArrowArray *array, int full, char *msg,
                   size_t msg_cap)
{
	struct check check = {msg, msg_cap, full};

	return check_array(&check, schema, array, 0);
}
