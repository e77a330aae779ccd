/* SPDX-License-Identifier: Apache-2.0 */
/* Values that Arrow and Delta have no type for, as text: decimals of more than 38 digits, UUIDs and intervals. */
#include "leaf.h"

#include <orasi/sdk/spell.h>

static size_t decimal_text(const struct node *node, struct slice v, char *text)
{
	uint8_t turned[8];

	if (node->physical == PQ_INT32 || node->physical == PQ_INT64) {
		for (uint32_t i = 0; i < v.len; i++)
			turned[i] = v.ptr[v.len - 1 - i];
		v.ptr = turned;
	}
	return spell_decimal(text, v.ptr, v.len, node->scale);
}

static int spell_value(const struct node *node, struct slice v, struct bytes *out)
{
	char text[SPELLED_DECIMAL_MAX];
	size_t n = node->spell == SPELL_DECIMAL ? decimal_text(node, v, text)
	           : node->spell == SPELL_UUID  ? spell_uuid(text, v.ptr)
	                                        : spell_interval(text, v.ptr);

	return n ? bytes_put(out, text, n) : -1;
}

orasi_status values_spell(struct values *v, const struct node *node, orasi_error *err)
{
	struct bytes text = {0}, ends = {0};
	struct slice *slices;
	size_t begin = 0;

	for (size_t i = 0; i < v->n; i++) {
		struct slice value =
			v->width ? (struct slice){v->base + i * v->width, (uint32_t)v->width} : v->slices[i];

		if (spell_value(node, value, &text) || bytes_put(&ends, &text.len, sizeof(size_t)) ||
		    text.len > UINT32_MAX) {
			bytes_free(&text);
			bytes_free(&ends);
			return orasi_fail(err, ORASI_E_LIMIT,
			                  "a value of column '%.100s' is too long, or memory is out", node->name);
		}
	}
	bytes_free(&v->own);
	v->own = text;
	v->own_slices.len = 0;
	if (bytes_reserve(&v->own, SLACK) || bytes_reserve(&v->own_slices, v->n * sizeof(*slices) + 1)) {
		bytes_free(&ends);
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	}
	slices = (struct slice *)v->own_slices.data;
	for (size_t i = 0; i < v->n; i++) {
		size_t end = ((const size_t *)ends.data)[i];

		slices[i] = (struct slice){v->own.data + begin, (uint32_t)(end - begin)};
		begin = end;
	}
	bytes_free(&ends);
	v->slices = slices;
	v->width = 0;
	v->base = NULL;
	return ORASI_OK;
}
