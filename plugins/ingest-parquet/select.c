/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that lie between matching ones are read along when they are few: leaving them out would end
 * the batch, because rows of a batch follow each other in the file. */
#include "select.h"

#include "hash.h"

#define GAP_MIN 512 /* rows that are worth to be left out */

orasi_status select_open(struct select *s, const struct tree *tree, const struct pq_file *file,
                         const orasi_term *const *terms, uint32_t n_terms, struct leaf *leaves, orasi_error *err)
{
	orasi_status r = predicates_make(&s->predicates, tree, terms, n_terms, err);

	s->file = file;
	s->filters = 0;
	if (r)
		return r;
	s->leaves = calloc((size_t)s->predicates.n + 1, sizeof(*s->leaves));
	s->matches = calloc((size_t)s->predicates.n + 1, sizeof(*s->matches));
	if (!s->leaves || !s->matches)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	for (uint32_t i = 0; leaves && i < s->predicates.n; i++) {
		const struct node *node = s->predicates.list[i].node;

		if (!node || s->predicates.list[i].op == ORASI_OP_MATCH)
			continue;
		s->leaves[i] = &leaves[node->leaf];
		s->leaves[i]->only_filters |= !s->leaves[i]->node;
		s->leaves[i]->node = node;
		s->filters = 1;
	}
	return ORASI_OK;
}

static void forget_dictionaries(struct select *s)
{
	for (uint32_t i = 0; s->matches && i < s->predicates.n; i++) {
		free(s->matches[i]);
		s->matches[i] = NULL;
	}
}

void select_done(struct select *s)
{
	forget_dictionaries(s);
	predicates_free(&s->predicates);
	free(s->leaves);
	free(s->matches);
	free(s->ranges);
	s->leaves = NULL;
	s->matches = NULL;
	s->ranges = NULL;
	s->n_ranges = s->cap_ranges = 0;
	s->filters = 0;
}

/* ---- row groups ----------------------------------------------------------------------------- */

static int read_bloom_header(orasi_source *source, const struct pq_column *column, struct pq_bloom_header *ret)
{
	uint8_t head[64];
	size_t got = 0;

	return column->bloom.offset >= 4 && column->bloom.offset < source->size &&
	       !source->pread(source, (uint64_t)column->bloom.offset, head, sizeof(head), &got, NULL) &&
	       !pq_bloom_header_parse(ret, head, got, NULL) && ret->is_known &&
	       ret->bytes <= source->size - column->bloom.offset - (int64_t)ret->size;
}

/* One block of the filter tells about one value, so only that is read. */
static int bloom_may_have(orasi_source *source, const struct pq_column *column, const struct pq_bloom_header *header,
                          uint64_t hash)
{
	uint64_t start = (uint64_t)column->bloom.offset + header->size;
	uint8_t block[BLOOM_BLOCK];
	size_t got = 0;

	if (source->pread(source, start + bloom_block((size_t)header->bytes, hash), block, sizeof(block), &got, NULL) ||
	    got != sizeof(block))
		return 1;
	return bloom_block_has(block, hash);
}

static int bloom_excludes(const struct predicate *p, const struct pq_column *column, orasi_source *source)
{
	struct pq_bloom_header header;
	uint64_t hash;

	if ((p->op != ORASI_OP_EQ && p->op != ORASI_OP_IN) || p->domain == DOMAIN_NONE || !column->bloom.offset ||
	    !read_bloom_header(source, column, &header))
		return 0;
	for (uint32_t i = 0; i < p->n_literals; i++)
		if (!predicate_hash(p, &p->literals[i], &hash) || bloom_may_have(source, column, &header, hash))
			return 0;
	return 1;
}

int select_skips_group(const struct select *s, const struct pq_row_group *group, orasi_source *source)
{
	for (uint32_t i = 0; i < s->predicates.n; i++) {
		const struct predicate *p = &s->predicates.list[i];
		const struct pq_column *column = p->node ? &group->columns[p->node->leaf] : NULL;
		const struct pq_stats *stats = column ? &column->stats : NULL;
		int only_nulls = stats && stats->has_nulls && stats->nulls == column->n_values;

		if (!predicate_may_match(p, s->file, stats, only_nulls) ||
		    (column && bloom_excludes(p, column, source)))
			return 1;
	}
	return 0;
}

/* ---- ranges of rows ------------------------------------------------------------------------- */

static int add_range(struct row_range **ranges, size_t *n, size_t *cap, uint64_t begin, uint64_t end)
{
	struct row_range *more;

	if (*n && (*ranges)[*n - 1].end == begin) {
		(*ranges)[*n - 1].end = end;
		return 0;
	}
	if (*n == *cap) {
		more = realloc(*ranges, (*cap * 2 + 8) * sizeof(*more));
		if (!more)
			return -1;
		*ranges = more;
		*cap = *cap * 2 + 8;
	}
	(*ranges)[(*n)++] = (struct row_range){begin, end};
	return 0;
}

/* Keeps of the ranges what lies in pages that may match. */
static int intersect(struct select *s, const struct predicate *p, const struct pq_column_index *index,
                     const struct pq_offset_index *places, uint64_t rows)
{
	struct row_range *kept = NULL;
	size_t n = 0, cap = 0, at = 0;

	for (uint32_t i = 0; i < places->n_pages; i++) {
		uint64_t begin = (uint64_t)places->pages[i].first_row;
		uint64_t end = i + 1 < places->n_pages ? (uint64_t)places->pages[i + 1].first_row : rows;

		if (!predicate_may_match(p, s->file, &index->pages[i], index->only_nulls[i]))
			continue;
		while (at < s->n_ranges && s->ranges[at].end <= begin)
			at++;
		for (size_t k = at; k < s->n_ranges && s->ranges[k].begin < end; k++) {
			uint64_t from = s->ranges[k].begin > begin ? s->ranges[k].begin : begin;
			uint64_t to = s->ranges[k].end < end ? s->ranges[k].end : end;

			if (from < to && add_range(&kept, &n, &cap, from, to)) {
				free(kept);
				return -1;
			}
		}
	}
	free(s->ranges);
	s->ranges = kept;
	s->n_ranges = n;
	s->cap_ranges = cap;
	return 0;
}

/* A page index that is missing or damaged prunes nothing. */
static orasi_status use_page_index(struct select *s, const struct predicate *p, struct leaf *leaf, orasi_error *err)
{
	const struct pq_offset_index *places;
	struct pq_column_index index = {0};
	struct bytes text = {0};
	int bad = 0;

	if (leaf->column->column_index.length <= 0)
		return ORASI_OK;
	places = leaf_places(leaf);
	if (places && !leaf_read_place(leaf->source, &leaf->column->column_index, &text, NULL) &&
	    !pq_column_index_parse(&index, text.data, text.len, NULL) && index.n_pages == places->n_pages)
		bad = intersect(s, p, &index, places, leaf->rows);
	pq_column_index_free(&index);
	bytes_free(&text);
	return bad ? orasi_fail(err, ORASI_E_NOMEM, "out of memory") : ORASI_OK;
}

orasi_status select_start(struct select *s, const struct pq_row_group *group, struct leaf *leaves, orasi_error *err)
{
	orasi_status r = ORASI_OK;

	forget_dictionaries(s);
	s->n_ranges = s->at_range = 0;
	s->block = s->block_end = 0;
	if (group->rows && add_range(&s->ranges, &s->n_ranges, &s->cap_ranges, 0, (uint64_t)group->rows))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	for (uint32_t i = 0; i < s->predicates.n && !r; i++) {
		const struct predicate *p = &s->predicates.list[i];

		if (p->node && leaves[p->node->leaf].node)
			r = use_page_index(s, p, &leaves[p->node->leaf], err);
	}
	return r;
}

/* ---- values --------------------------------------------------------------------------------- */

/* The dictionary of a chunk is judged once. */
static const uint8_t *judge_dictionary(struct select *s, uint32_t i)
{
	const struct values *dict = &s->leaves[i]->dict;
	uint8_t *matches = s->matches[i];

	if (matches)
		return matches;
	matches = s->matches[i] = malloc(dict->n + 1);
	for (size_t k = 0; matches && k < dict->n; k++)
		matches[k] = (uint8_t)predicate_takes_value(
			&s->predicates.list[i],
			dict->width ? (struct slice){dict->base + k * dict->width, (uint32_t)dict->width}
				    : dict->slices[k]);
	return matches;
}

/* ANDs what predicate i says of the next n rows, which are in its leaf's page. */
static orasi_status judge_rows(struct select *s, uint32_t i, size_t n, orasi_error *err)
{
	const struct predicate *p = &s->predicates.list[i];
	const struct leaf *leaf = s->leaves[i];
	const uint32_t *indices = (const uint32_t *)leaf->indices.data;
	const uint8_t *def = leaf->n_values < leaf->n ? &leaf->def.data[leaf->pos] : NULL;
	const uint8_t *matches = leaf->use_dict ? judge_dictionary(s, i) : NULL;
	uint8_t null = (uint8_t)predicate_takes_null(p);
	size_t value = leaf->value_pos;

	if (leaf->use_dict && !matches)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	for (size_t k = 0; k < n; k++) {
		if (def && def[k] != leaf->node->def)
			s->mask[k] &= null;
		else if (matches)
			s->mask[k] &= matches[indices[value++]];
		else
			s->mask[k] &= (uint8_t)predicate_takes_value(p, leaf_value_at(leaf, value++));
	}
	return ORASI_OK;
}

static orasi_status start_block(struct select *s, uint64_t row, uint64_t end, orasi_error *err)
{
	orasi_status r = ORASI_OK;

	if (end - row > SELECT_BLOCK)
		end = row + SELECT_BLOCK;
	for (uint32_t i = 0; i < s->predicates.n && !r; i++) {
		struct leaf *leaf = s->leaves[i];

		if (!leaf)
			continue;
		r = leaf_seek(leaf, row, err);
		if (!r)
			r = leaf_ready(leaf, err);
		if (r == ORASI_END)
			r = orasi_fail(err, ORASI_E_CORRUPT, "column '%.100s' has fewer rows than its row group",
			               leaf->node->name);
		if (!r && end - row > leaf->n - leaf->pos)
			end = row + (leaf->n - leaf->pos);
	}
	if (r)
		return r;
	s->block = row;
	s->block_end = end;
	memset(s->mask, 1, (size_t)(end - row));
	for (uint32_t i = 0; i < s->predicates.n && !r; i++)
		if (s->leaves[i])
			r = judge_rows(s, i, (size_t)(end - row), err);
	return r;
}

/* A run of the block from `row` on, over small gaps; 0: there is none. */
static uint64_t find_run(const struct select *s, uint64_t row, uint64_t *ret_from)
{
	uint64_t i = row - s->block, n = s->block_end - s->block, last;

	while (i < n && !s->mask[i])
		i++;
	*ret_from = s->block + i;
	if (i == n)
		return 0;
	for (last = i++; i < n && i - last <= GAP_MIN; i++)
		if (s->mask[i])
			last = i;
	return s->block + last + 1 - *ret_from;
}

orasi_status select_next(struct select *s, uint64_t row, uint64_t max, uint64_t *ret_from, uint64_t *ret_n,
                         orasi_error *err)
{
	*ret_n = 0;
	for (;;) {
		const struct row_range *range;
		orasi_status r;

		while (s->at_range < s->n_ranges && s->ranges[s->at_range].end <= row)
			s->at_range++;
		if (s->at_range == s->n_ranges)
			return ORASI_OK;
		range = &s->ranges[s->at_range];
		row = row > range->begin ? row : range->begin;
		if (!s->filters) {
			*ret_from = row;
			*ret_n = range->end - row;
			break;
		}
		/* Rows in front of the block were judged before: none of them may match. */
		row = row > s->block ? row : s->block;
		if (row >= s->block_end) {
			r = start_block(s, row, range->end, err);
			if (r)
				return r;
		}
		*ret_n = find_run(s, row, ret_from);
		if (*ret_n)
			break;
		row = s->block_end;
	}
	if (*ret_n > max)
		*ret_n = max;
	return ORASI_OK;
}
