/* SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include <math.h>
#include <string.h>

static int append_struct(struct arrow_builder *b, const struct arrow_view *view, int64_t i)
{
	struct arrow_view child;

	for (int64_t k = 0; k < view->schema->n_children; k++)
		if (arrow_view_child(view, k, &child) || rows_append(arrow_builder_child(b, k), &child, i))
			return -1;
	return arrow_end_struct(b);
}

static int append_list(struct arrow_builder *b, const struct arrow_view *view, int64_t i)
{
	struct arrow_view items;
	int64_t begin, end;

	if (arrow_view_child(view, 0, &items))
		return -1;
	arrow_view_list(view, i, &begin, &end);
	for (; begin < end; begin++)
		if (rows_append(arrow_builder_child(b, 0), &items, begin))
			return -1;
	return arrow_end_list(b);
}

int rows_append(struct arrow_builder *b, const struct arrow_view *view, int64_t i)
{
	const void *p;
	size_t n;

	if (arrow_view_is_null(view, i))
		return arrow_append_null(b);
	switch (view->info.type) {
	case ARROW_STRUCT:
		return append_struct(b, view, i);
	case ARROW_LIST:
	case ARROW_MAP:
		return append_list(b, view, i);
	case ARROW_UTF8:
	case ARROW_BINARY:
		p = arrow_view_bytes(view, i, &n);
		return arrow_append_bytes(b, p, n);
	case ARROW_DECIMAL128:
		return arrow_append_fixed(b, arrow_view_bytes(view, i, &n));
	case ARROW_BOOL:
		return arrow_append_bool(b, arrow_view_int(view, i) != 0);
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		return arrow_append_double(b, arrow_view_double(view, i));
	default:
		return arrow_append_int(b, arrow_view_int(view, i));
	}
}

/* ---- order --------------------------------------------------------------------------------------------------- */

static int compare_bytes(const struct arrow_view *a, int64_t i, const struct arrow_view *b, int64_t k)
{
	size_t n, m;
	const void *x = arrow_view_bytes(a, i, &n), *y = arrow_view_bytes(b, k, &m);
	int order = memcmp(x, y, n < m ? n : m);

	return order ? order : n < m ? -1 : n > m;
}

static int compare_doubles(double x, double y)
{
	if (isnan(x) || isnan(y))
		return !!isnan(x) - !!isnan(y);
	return x < y ? -1 : x > y;
}

static int compare_decimals(const struct arrow_view *a, int64_t i, const struct arrow_view *b, int64_t k)
{
	__int128 x, y;
	size_t n;

	memcpy(&x, arrow_view_bytes(a, i, &n), sizeof(x));
	memcpy(&y, arrow_view_bytes(b, k, &n), sizeof(y));
	return x < y ? -1 : x > y;
}

int rows_compare(const struct arrow_view *a, int64_t i, const struct arrow_view *b, int64_t k)
{
	int is_null = arrow_view_is_null(a, i), other = arrow_view_is_null(b, k);
	int64_t x, y;

	if (is_null || other)
		return other - is_null;
	switch (a->info.type) {
	case ARROW_UTF8:
	case ARROW_BINARY:
		return compare_bytes(a, i, b, k);
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		return compare_doubles(arrow_view_double(a, i), arrow_view_double(b, k));
	case ARROW_DECIMAL128:
		return compare_decimals(a, i, b, k);
	default:
		x = arrow_view_int(a, i);
		y = arrow_view_int(b, k);
		return x < y ? -1 : x > y;
	}
}
