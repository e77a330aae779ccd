/* SPDX-License-Identifier: Apache-2.0 */
#include "batches.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DISTINCT 37

static void must(int r)
{
	if (r)
		abort(); /* no memory for a few rows */
}

const char *keys_format(int i)
{
	static const char *const formats[] = {"l", "u", "g", NULL};

	return formats[i];
}

void keys_schema(struct ArrowSchema *ret, const char *format)
{
	must(arrow_schema_make(ret, "+s", "", 0, 1));
	must(arrow_schema_make(ret->children[0], format, "key", 1, 0));
}

void keys_text(int32_t value, char ret[32])
{
	snprintf(ret, 32, "word%d", value);
}

static void append(struct arrow_builder *b, const char *format, int32_t value)
{
	int32_t number = value - DISTINCT / 2;
	char text[32];

	if (value < 0) {
		must(arrow_append_null(b));
	} else if (*format == 'l') {
		must(arrow_append_int(b, number));
	} else if (*format == 'g') {
		must(arrow_append_double(b, number + 0.25));
	} else {
		keys_text(value, text);
		must(arrow_append_bytes(b, text, strlen(text)));
	}
}

void keys_make(struct exam *exam, const char *format, int64_t n, int32_t *ret_values, struct ArrowArray *ret)
{
	struct ArrowSchema schema;
	struct arrow_builder *b;

	keys_schema(&schema, format);
	b = arrow_builder_new(&schema);
	must(!b);
	for (int64_t i = 0; i < n; i++) {
		ret_values[i] = (int32_t)exam_random(exam, DISTINCT + 3) - 3;
		if (ret_values[i] < 0)
			ret_values[i] = -1;
		append(arrow_builder_child(b, 0), format, ret_values[i]);
		must(arrow_end_struct(b));
	}
	must(arrow_builder_finish(b, ret));
	arrow_builder_free(b);
	arrow_schema_release(&schema);
}

void keys_literals(const char *format, const int32_t *values, int64_t n, struct ArrowSchema *ret_type,
                   struct ArrowArray *ret)
{
	struct arrow_builder *b;

	must(arrow_schema_make(ret_type, format, "", 1, 0));
	b = arrow_builder_new(ret_type);
	must(!b);
	for (int64_t i = 0; i < n; i++)
		append(b, format, values[i]);
	must(arrow_builder_finish(b, ret));
	arrow_builder_free(b);
}

/* ---- for transforms --------------------------------------------------------------------------------------------- */

void flow_schema(struct ArrowSchema *ret)
{
	must(arrow_schema_make(ret, "+s", "", 0, 5));
	must(arrow_schema_make(ret->children[0], "l", "id", 1, 0));
	must(arrow_schema_make(ret->children[1], "u", "text", 1, 0));
	must(arrow_schema_make(ret->children[2], "g", "number", 1, 0));
	must(arrow_schema_make(ret->children[3], "b", "flag", 1, 0));
	must(arrow_schema_make(ret->children[4], "tsu:UTC", "time", 1, 0));
}

static void flow_value(struct arrow_builder *b, int column, int64_t row, uint64_t random)
{
	char text[64];

	if (random % 7 == 0) {
		must(arrow_append_null(b));
		return;
	}
	switch (column) {
	case 0:
		must(arrow_append_int(b, row));
		break;
	case 1:
		snprintf(text, sizeof(text), "Row %lld of %llu \xc3\xa4", (long long)row,
		         (unsigned long long)(random % 1000));
		must(arrow_append_bytes(b, text, strlen(text)));
		break;
	case 2:
		must(arrow_append_double(b, (double)(random % 100000) / 8));
		break;
	case 3:
		must(arrow_append_bool(b, random % 2));
		break;
	default:
		must(arrow_append_int(b, 1700000000000000 + row * 1000));
	}
}

void flow_make(uint64_t seed, int64_t first, int64_t n, struct ArrowArray *ret)
{
	struct ArrowSchema schema;
	struct arrow_builder *b;

	flow_schema(&schema);
	b = arrow_builder_new(&schema);
	must(!b);
	for (int64_t row = first; row < first + n; row++) {
		for (int k = 0; k < 5; k++) {
			uint64_t z = (seed + (uint64_t)row * 5 + (uint64_t)k) * 0x9E3779B97F4A7C15ull;

			flow_value(arrow_builder_child(b, k), k, row, (z ^ z >> 29) >> 8);
		}
		must(arrow_end_struct(b));
	}
	must(arrow_builder_finish(b, ret));
	arrow_builder_free(b);
	arrow_schema_release(&schema);
}

void flow_nulls(int64_t n, struct ArrowArray *ret)
{
	struct ArrowSchema schema;
	struct arrow_builder *b;

	flow_schema(&schema);
	b = arrow_builder_new(&schema);
	must(!b);
	for (int64_t row = 0; row < n; row++) {
		for (int k = 0; k < 5; k++)
			must(arrow_append_null(arrow_builder_child(b, k)));
		must(arrow_end_struct(b));
	}
	must(arrow_builder_finish(b, ret));
	arrow_builder_free(b);
	arrow_schema_release(&schema);
}
