/* SPDX-License-Identifier: Apache-2.0 */
/* The dictionary of a column: what its numbers mean for the bounds of a page, and when it is given up. One that grows
 * too large, or in which most values are new, is: if no page was made with it yet the chunk is as if it had never
 * been, else the rest of the chunk is PLAIN. Later row groups do not try again. */
#include "column_page.h"
#include "hash.h"

#define DICT_BYTES (1u << 20)
#define DICT_VALUES (1u << 16)
#define SPELL_MAX (2 * PAGE_BYTES)

static void add_entries(struct column *c, struct bounds *bounds, uint32_t first, uint32_t n)
{
	size_t len;

	if (c->width && c->node->info.type != ARROW_FIXED_BINARY) {
		bounds_add_fixed(bounds, c->node, c->dict.entries.data + first * c->width, n);
		return;
	}
	for (uint32_t i = first; i < first + n; i++) {
		const uint8_t *p = dictionary_entry(&c->dict, i, &len);
		size_t prefix = c->width ? 0 : 4;

		bounds_add_bytes(bounds, p + prefix, len - prefix);
	}
}

/* Of the entries that the page has, run by run. */
int column_add_numbered(struct column *c)
{
	const uint32_t *indices = (const uint32_t *)c->indices.data;
	struct bytes *used = &c->tools->used;
	uint32_t first = 0, n = (uint32_t)c->dict.n;

	used->len = 0;
	if (bytes_reserve(used, n + 1))
		return -1;
	memset(used->data, 0, n);
	for (size_t i = 0; i < c->indices.len / 4; i++)
		used->data[indices[i]] = 1;
	while (first < n) {
		uint32_t end = first;

		while (end < n && used->data[end])
			end++;
		if (end > first)
			add_entries(c, &c->page, first, end - first);
		first = end + 1;
	}
	return 0;
}

/* ---- giving it up ---------------------------------------------------------------------------- */

int column_dictionary_pays(const struct column *c)
{
	size_t n = c->dict.n, seen = c->dict_seen;

	if (n >= DICT_VALUES || c->dict.entries.len >= DICT_BYTES)
		return 0;
	if (seen < 4 * PIECE)
		return 1;
	return seen < PAGE_VALUES ? n < seen - seen / 8 : n < seen / 2;
}

static size_t spelled_size(const struct column *c)
{
	const uint32_t *indices = (const uint32_t *)c->indices.data;
	size_t total = 0, n;

	for (size_t i = 0; i < c->indices.len / 4; i++) {
		dictionary_entry(&c->dict, indices[i], &n);
		total += n;
	}
	return total;
}

/* The values of the page being filled, from their numbers. */
static int spell_out(struct column *c)
{
	const uint32_t *indices = (const uint32_t *)c->indices.data;

	for (size_t i = 0; i < c->indices.len / 4; i++) {
		size_t n;
		const uint8_t *p = dictionary_entry(&c->dict, indices[i], &n);

		if (bytes_put(&c->values, p, n))
			return -1;
	}
	c->indices.len = 0;
	return 0;
}

int column_hash_entries(struct column *c)
{
	size_t prefix = c->width ? 0 : 4, n;

	for (uint32_t i = 0; c->has_bloom && i < c->dict.n; i++) {
		const uint8_t *p = dictionary_entry(&c->dict, i, &n);
		uint64_t hash = hash_xx64(p + prefix, n - prefix);

		if (bytes_put(&c->hashes, &hash, sizeof(hash)))
			return -1;
	}
	return 0;
}

orasi_status column_give_up(struct column *c, orasi_error *err)
{
	orasi_status r = ORASI_OK;

	if (c->dict_pages || spelled_size(c) > SPELL_MAX) {
		r = column_flush_page(c, err);
	} else {
		if (spell_out(c) || column_hash_entries(c))
			return column_no_memory(err);
		add_entries(c, &c->page, 0, (uint32_t)c->dict.n);
		dictionary_done(&c->dict);
	}
	c->use_dictionary = 0;
	c->hopeless = 1;
	return r;
}
