/* SPDX-License-Identifier: Apache-2.0 */
/* A step has two halves, both of them column by column: going to its first row, for which pages are read and
 * decompressed, and appending its rows to the batch. Each half is done on several threads when there is enough of it to
 * pay for starting them; columns share nothing but their source and the buffers, which have locks. */
#include "columns.h"

#define STEP_BYTES (64u << 20)   /* that the byte arrays of a step may have */
#define PAGE_BYTES (128u << 10)  /* of a page, as a guess: most writers say 1 MiB or 20,000 values */
#define WORTH_BYTES (256u << 10) /* less is done before a thread has started */

/* ---- open and close ------------------------------------------------------------------------------------------- */

orasi_status columns_open(struct columns *c, const struct tree *tree, const struct ArrowSchema *schema,
                          struct parallel *parallel, orasi_error *err)
{
	size_t leaves = (size_t)tree->n_leaves + 1, outputs = (size_t)schema->n_children + 1;
	orasi_status r = ORASI_OK;

	c->tree = tree;
	c->parallel = parallel;
	c->n = schema->n_children;
	c->buffers = buffers_new();
	c->leaves = calloc(leaves, sizeof(*c->leaves));
	c->outputs = calloc(outputs, sizeof(*c->outputs));
	c->used = calloc(leaves, sizeof(*c->used));
	c->turns = calloc(outputs, sizeof(*c->turns));
	if (!c->leaves || !c->outputs || !c->buffers || !c->used || !c->turns)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	for (int64_t i = 0; i < c->n && !r; i++) {
		c->turns[i].output = &c->outputs[i];
		r = output_open(&c->outputs[i], node_child(&tree->root, i, schema->children[i]->name),
		                schema->children[i], c->leaves, c->buffers, err);
	}
	return r;
}

static int is_used(const struct leaf *leaf)
{
	return leaf->node && !leaf->only_filters;
}

void columns_settle(struct columns *c, int checks_text)
{
	for (int i = 0; c->leaves && i < c->tree->n_leaves; i++) {
		c->leaves[i].checks_text = checks_text;
		if (is_used(&c->leaves[i]))
			c->used[c->n_used++].leaf = &c->leaves[i];
	}
}

void columns_done(struct columns *c)
{
	for (int i = 0; c->leaves && i < c->tree->n_leaves; i++)
		leaf_done(&c->leaves[i]);
	for (int64_t i = 0; c->outputs && i < c->n; i++)
		output_done(&c->outputs[i]);
	buffers_close(c->buffers);
	free(c->leaves);
	free(c->outputs);
	free(c->used);
	free(c->turns);
	memset(c, 0, sizeof(*c));
}

/* ---- a row group ----------------------------------------------------------------------------------------------- */

static uint64_t bytes_of(const struct plan *plan, const struct pq_row_group *group)
{
	uint64_t bytes = plan->leaf ? (uint64_t)group->columns[plan->leaf->node->leaf].total_uncompressed : 0;

	for (int64_t i = 0; i < plan->n_children; i++)
		bytes += bytes_of(&plan->children[i], group);
	return bytes;
}

static int by_leaf_bytes(const void *a, const void *b)
{
	const struct columns_leaf *x = a, *y = b;

	return x->bytes > y->bytes ? -1 : x->bytes < y->bytes;
}

static int by_output_bytes(const void *a, const void *b)
{
	const struct columns_output *x = a, *y = b;

	return x->bytes > y->bytes ? -1 : x->bytes < y->bytes;
}

/* With the largest at the front no thread is left with it at the end. What the footer says may be wrong, and decides
 * about nothing else. */
static void weigh(struct columns *c, const struct pq_row_group *group)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < c->n_used; i++) {
		c->used[i].bytes = (uint64_t)group->columns[c->used[i].leaf->node->leaf].total_uncompressed;
		bytes += c->used[i].bytes;
	}
	for (int64_t i = 0; i < c->n; i++)
		c->turns[i].bytes = bytes_of(&c->turns[i].output->plan, group);
	c->row_bytes = group->rows > 0 ? bytes / (uint64_t)group->rows : 0;
	if (!columns_are_parallel(c))
		return;
	qsort(c->used, c->n_used, sizeof(*c->used), by_leaf_bytes);
	qsort(c->turns, (size_t)c->n, sizeof(*c->turns), by_output_bytes);
}

orasi_status columns_start(struct columns *c, const struct pq_row_group *group, orasi_source *source, orasi_error *err)
{
	orasi_status r = ORASI_OK;

	for (int i = 0; i < c->tree->n_leaves && !r; i++)
		if (c->leaves[i].node)
			r = leaf_open(&c->leaves[i], c->tree->leaves[i], &group->columns[i], (uint64_t)group->rows,
			              source, err);
	weigh(c, group);
	return r;
}

orasi_status columns_check_end(struct columns *c, const struct pq_row_group *group, orasi_error *err)
{
	orasi_status r = ORASI_OK;

	for (int i = 0; i < c->tree->n_leaves && !r; i++)
		if (c->leaves[i].node && c->leaves[i].row == (uint64_t)group->rows)
			r = leaf_check_end(&c->leaves[i], err);
	return r;
}

int columns_are_parallel(const struct columns *c)
{
	return c->parallel && c->parallel->pool;
}

/* ---- going to a row ---------------------------------------------------------------------------------------------- */

/* A leaf that has no more rows is told of by whoever reads it. */
static orasi_status seek_leaf(void *ctx, uint32_t i, orasi_error *err)
{
	struct columns *c = ctx;
	struct leaf *leaf = c->used[i].leaf;
	orasi_status r = leaf_seek(leaf, c->row, err);

	if (!r)
		r = leaf_ready(leaf, err);
	if (!r || r == ORASI_END)
		r = leaf_rows_ahead(leaf, STEP_BYTES, &c->used[i].ahead, err);
	return r;
}

/* Does it take a page to go there? */
static int is_hungry(const struct leaf *leaf, uint64_t row)
{
	size_t left = leaf->n - leaf->pos;

	return !left || (!leaf->node->rep && row - leaf->row >= left);
}

static int is_seek_worth(const struct columns *c, uint64_t row)
{
	uint64_t bytes = 0, pages = 0;

	for (uint32_t i = 0; i < c->n_used && (pages < 2 || bytes < WORTH_BYTES); i++) {
		if (!is_hungry(c->used[i].leaf, row))
			continue;
		pages++;
		bytes += c->used[i].bytes < PAGE_BYTES ? c->used[i].bytes : PAGE_BYTES;
	}
	return pages >= 2 && bytes >= WORTH_BYTES;
}

orasi_status columns_seek(struct columns *c, uint64_t row, uint64_t *n, orasi_error *err)
{
	int many = columns_are_parallel(c) && is_seek_worth(c, row);
	orasi_status r;

	c->row = row;
	r = parallel_each(c->parallel, c->n_used, many, seek_leaf, c, err);
	for (uint32_t i = 0; i < c->n_used && !r; i++)
		*n = *n < c->used[i].ahead ? *n : c->used[i].ahead;
	return r;
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

static orasi_status read_output(void *ctx, uint32_t i, orasi_error *err)
{
	struct columns *c = ctx;

	return output_read(c->turns[i].output, (size_t)c->step, err);
}

orasi_status columns_read(struct columns *c, uint64_t n, orasi_error *err)
{
	int many = c->row_bytes * n >= WORTH_BYTES;
	orasi_status r;

	c->step = n;
	r = parallel_each(c->parallel, (uint32_t)c->n, many, read_output, c, err);
	for (uint32_t i = 0; i < c->n_used; i++)
		c->used[i].leaf->row += n;
	return r;
}

/* ---- the batch --------------------------------------------------------------------------------------------------- */

uint64_t columns_bytes(const struct columns *c)
{
	uint64_t bytes = 0;

	for (int64_t i = 0; i < c->n; i++)
		bytes += output_bytes(&c->outputs[i]);
	return bytes;
}

orasi_status columns_finish(struct columns *c, uint64_t rows, struct ArrowArray *ret, orasi_error *err)
{
	size_t n = (size_t)c->n, done = 0;
	struct ArrowArray *arrays = calloc(n + 1, sizeof(*arrays));
	orasi_status r = arrays ? ORASI_OK : orasi_fail(err, ORASI_E_NOMEM, "out of memory");

	while (!r && done < n && !(r = output_finish(&c->outputs[done], &arrays[done], err)))
		done++;
	if (!r && arrow_array_struct(ret, (int64_t)rows, arrays, (int64_t)n))
		r = orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	for (size_t i = 0; r && i < done; i++)
		arrow_array_release(&arrays[i]);
	free(arrays);
	return r;
}
