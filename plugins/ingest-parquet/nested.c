/* SPDX-License-Identifier: Apache-2.0 */
/* Rows are read leaf by leaf: the levels of the rows at hand are laid side by side, the values go on into vectors. Then
 * each struct and list takes its shape from the levels of one leaf below it (its probe) in one pass:
 *
 *   slot     a level whose repetition is at most that of the innermost list around the node, and whose definition is
 *            at least that of an item of it; below that there is nothing to be null
 *   there    the slot's definition is at least the node's
 *   item     of a list: repetition at most the list's own, definition at least that of an item
 *
 * Leaves of one column come from different pages and may disagree, in a file that is damaged. So each is held against the
 * one before it: down to the innermost node that is around both they must say the same. */
#include "nested.h"

#include "variant.h"

/* ---- open and close ------------------------------------------------------------------------------------------------ */

static int count_leaves(const struct plan *plan)
{
	int n = plan->leaf || plan->own_probe ? 1 : 0;

	for (int64_t i = 0; i < plan->n_children; i++)
		n += count_leaves(&plan->children[i]);
	return n;
}

static struct levels *add_levels(struct nested_column *c, struct leaf *leaf, struct vector *vector, int slot_def)
{
	struct levels *levels = &c->levels[c->n_levels++];

	*levels = (struct levels){.leaf = leaf, .vector = vector, .slot_def = slot_def};
	return levels;
}

static struct levels *levels_of(struct nested_column *c, const struct leaf *leaf)
{
	for (int i = 0; i < c->n_levels; i++)
		if (c->levels[i].leaf == leaf)
			return &c->levels[i];
	return NULL;
}

static size_t offset_width(const struct nested *n)
{
	return n->plan->node->kind == NODE_STRUCT ? 0 : n->plan->want.type == ARROW_LARGE_LIST ? 8 : 4;
}

static orasi_status open_node(struct nested_column *c, struct nested *n, struct plan *plan,
                              const struct ArrowSchema *want, struct buffers *buffers, orasi_error *err);

static orasi_status open_children(struct nested_column *c, struct nested *n, const struct ArrowSchema *want,
                                  struct buffers *buffers, orasi_error *err)
{
	const struct node *node = n->plan->node;
	orasi_status r = ORASI_OK;

	n->children = calloc((size_t)n->plan->n_children + 1, sizeof(*n->children));
	if (!n->children)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	for (int64_t i = 0; i < n->plan->n_children && !r; i++) {
		struct nested *child = &n->children[n->n_children++];

		child->slot_def = node->kind == NODE_STRUCT ? n->slot_def : node->item_def;
		child->slot_rep = node->kind == NODE_STRUCT ? n->slot_rep : node->rep;
		r = open_node(c, child, &n->plan->children[i], want->children[i], buffers, err);
	}
	return r;
}

static orasi_status open_node(struct nested_column *c, struct nested *n, struct plan *plan,
                              const struct ArrowSchema *want, struct buffers *buffers, orasi_error *err)
{
	orasi_status r;

	n->plan = plan;
	if (plan->inner.release)
		want = &plan->inner;
	if (!plan->node) {
		n->nulls = arrow_builder_new(want);
		return n->nulls ? ORASI_OK : orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	}
	if (plan->leaf) {
		vector_init(&n->vector, plan->leaf, &plan->want, buffers);
		n->levels = add_levels(c, plan->leaf, &n->vector, n->slot_def);
		return ORASI_OK;
	}
	vector_init_shape(&n->vector, offset_width(n), buffers);
	r = open_children(c, n, want, buffers, err);
	if (!r && plan->own_probe)
		add_levels(c, plan->probe, NULL, 0);
	n->levels = levels_of(c, plan->probe);
	return r;
}

/* The innermost node around both: leaves of one column have one. */
static const struct node *around(const struct node *a, const struct node *b)
{
	for (a = a->parent; a; a = a->parent)
		for (const struct node *up = b->parent; up; up = up->parent)
			if (up == a)
				return a;
	return NULL;
}

static void find_shared(struct nested_column *c)
{
	for (int i = 1; i < c->n_levels; i++) {
		const struct node *node = around(c->levels[i - 1].leaf->node, c->levels[i].leaf->node);

		c->levels[i].shared_rep = node ? node->rep : 0;
		c->levels[i].shared_def = !node ? 0 : node->kind == NODE_STRUCT ? node->def : node->item_def;
	}
}

orasi_status nested_open(struct nested_column *c, struct plan *plan, const struct ArrowSchema *want,
                         struct buffers *buffers, orasi_error *err)
{
	orasi_status r;

	c->levels = calloc((size_t)count_leaves(plan) + 1, sizeof(*c->levels));
	r = c->levels ? open_node(c, &c->root, plan, want, buffers, err)
	              : orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	if (!r)
		find_shared(c);
	return r;
}

static void close_node(struct nested *n)
{
	for (int64_t i = 0; i < n->n_children; i++)
		close_node(&n->children[i]);
	free(n->children);
	if (n->vector.buffers)
		vector_done(&n->vector);
	arrow_builder_free(n->nulls);
}

void nested_close(struct nested_column *c)
{
	close_node(&c->root);
	for (int i = 0; i < c->n_levels; i++) {
		bytes_free(&c->levels[i].def);
		bytes_free(&c->levels[i].rep);
		bytes_free(&c->levels[i].slots);
	}
	free(c->levels);
	bytes_free(&c->slots);
	bytes_free(&c->ends);
	memset(c, 0, sizeof(*c));
}

/* ---- levels and values ------------------------------------------------------------------------------------------------ */

/* How many levels of the page belong to the rows that are left; those are counted down. */
static size_t run_of(const struct leaf *leaf, size_t *rows)
{
	size_t left = leaf->n - leaf->pos, i = 0;
	const uint8_t *rep;

	if (!leaf->node->rep) {
		i = left < *rows ? left : *rows;
		*rows -= i;
		return i;
	}
	for (rep = leaf->rep.data + leaf->pos; i < left; i++) {
		if (!rep[i] && !*rows)
			break;
		*rows -= !rep[i];
	}
	return i;
}

/* The levels that have a slot, in a row. */
static orasi_status take_values(struct levels *l, const uint8_t *def, size_t n, orasi_error *err)
{
	struct leaf *leaf = l->leaf;
	size_t slots = 0, present = 0;
	uint8_t *kept;

	if (!def || leaf->one_level == leaf->node->def)
		return vector_take(l->vector, NULL, n, n, err);
	l->slots.len = 0;
	if (bytes_reserve(&l->slots, n + 1))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	kept = l->slots.data;
	for (size_t i = 0; i < n; i++) {
		kept[slots] = def[i];
		slots += def[i] >= l->slot_def;
		present += def[i] == leaf->node->def;
	}
	return slots ? vector_take(l->vector, kept, slots, present, err) : ORASI_OK;
}

static orasi_status take_run(struct levels *l, size_t n, orasi_error *err)
{
	struct leaf *leaf = l->leaf;
	const uint8_t *def = leaf->node->def ? leaf->def.data + leaf->pos : NULL;
	orasi_status r = ORASI_OK;

	if ((def && bytes_put(&l->def, def, n)) ||
	    (leaf->node->rep && bytes_put(&l->rep, leaf->rep.data + leaf->pos, n)))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	if (l->vector)
		r = take_values(l, def, n, err);
	leaf->pos += n;
	l->n += n;
	return r;
}

/* The last row ends where the next begins, perhaps in another page. */
static orasi_status read_levels(struct levels *l, size_t rows, orasi_error *err)
{
	size_t n;
	orasi_status r;

	l->def.len = l->rep.len = l->n = 0;
	do {
		r = leaf_ready(l->leaf, err);
		if (r == ORASI_END && rows)
			return orasi_fail(err, ORASI_E_CORRUPT, "column '%.100s' has fewer rows than its row group",
			                  l->leaf->node->name);
		if (r)
			return r == ORASI_END ? ORASI_OK : r;
		n = run_of(l->leaf, &rows);
		r = n ? take_run(l, n, err) : ORASI_OK;
	} while (!r && n && (rows || l->leaf->node->rep));
	return r;
}

/* ---- do leaves agree? ------------------------------------------------------------------------------------------------- */

static int level_at(const struct bytes *levels, size_t i)
{
	return levels->len ? levels->data[i] : 0;
}

static int is_equal(const struct bytes *a, const struct bytes *b)
{
	return a->len == b->len && (!a->len || !memcmp(a->data, b->data, a->len));
}

/* The next level that is not only about lists deeper inside. */
static size_t pass_deeper(const struct levels *l, size_t i, int rep)
{
	while (i < l->n && level_at(&l->rep, i) > rep)
		i++;
	return i;
}

static int cut(int def, int most)
{
	return def < most ? def : most;
}

/* Without lists deeper inside of either, level by level. */
static int all_agree(const struct levels *a, const struct levels *b, int def)
{
	int differ = 0;

	if (a->n != b->n || !is_equal(&a->rep, &b->rep))
		return 0;
	for (size_t i = 0; i < a->n; i++)
		differ |= cut(level_at(&a->def, i), def) ^ cut(level_at(&b->def, i), def);
	return !differ;
}

static int levels_agree(const struct levels *a, const struct levels *b)
{
	int rep = b->shared_rep, def = b->shared_def;
	size_t i = 0, k = 0;

	if ((!rep && !def) || (is_equal(&a->rep, &b->rep) && is_equal(&a->def, &b->def)))
		return 1;
	if (a->leaf->node->rep == rep && b->leaf->node->rep == rep)
		return all_agree(a, b, def);
	for (;; i++, k++) {
		i = pass_deeper(a, i, rep);
		k = pass_deeper(b, k, rep);
		if (i == a->n || k == b->n)
			return i == a->n && k == b->n;
		if (level_at(&a->rep, i) != level_at(&b->rep, k) ||
		    cut(level_at(&a->def, i), def) != cut(level_at(&b->def, k), def))
			return 0;
	}
}

static orasi_status check_agreement(const struct nested_column *c, orasi_error *err)
{
	for (int i = 1; i < c->n_levels; i++)
		if (!levels_agree(&c->levels[i - 1], &c->levels[i]))
			return orasi_fail(
				err, ORASI_E_CORRUPT,
				"column '%.100s' is damaged: its parts '%.60s' and '%.60s' do not fit together",
				c->root.plan->node->name, c->levels[i - 1].leaf->node->name,
				c->levels[i].leaf->node->name);
	return ORASI_OK;
}

/* ---- shapes ------------------------------------------------------------------------------------------------------------- */

static orasi_status disagree(const struct nested *n, orasi_error *err)
{
	return orasi_fail(err, ORASI_E_CORRUPT, "column '%.100s' is damaged: its levels do not fit together",
	                  n->plan->node->name);
}

static orasi_status shape_struct(struct nested_column *c, struct nested *n, orasi_error *err)
{
	const struct levels *l = n->levels;
	const uint8_t *def = l->def.data;
	size_t slots = 0;
	int bad;

	if (!l->rep.len && !n->slot_def) { /* a slot a row */
		bad = vector_add_shape(&n->vector, def, l->def.len ? n->plan->node->def : 0, l->n);
		return bad ? orasi_fail(err, ORASI_E_NOMEM, "out of memory") : ORASI_OK;
	}
	for (size_t i = 0; i < l->n; i++) {
		c->slots.data[slots] = (uint8_t)level_at(&l->def, i);
		slots += level_at(&l->rep, i) <= n->slot_rep && level_at(&l->def, i) >= n->slot_def;
	}
	bad = vector_add_shape(&n->vector, c->slots.data, n->plan->node->def, slots);
	return bad ? orasi_fail(err, ORASI_E_NOMEM, "out of memory") : ORASI_OK;
}

static orasi_status shape_list(struct nested_column *c, struct nested *n, orasi_error *err)
{
	const struct levels *l = n->levels;
	const struct node *node = n->plan->node;
	size_t *ends = (size_t *)c->ends.data, slots = 0;
	int filled = 0, misfit = 0;

	for (size_t i = 0; i < l->n; i++) {
		int def = level_at(&l->def, i), rep = level_at(&l->rep, i);

		if (rep <= n->slot_rep) {
			c->slots.data[slots] = (uint8_t)def;
			slots += def >= n->slot_def;
			filled = def >= node->item_def;
		} else {
			misfit |= !filled || def < node->item_def;
		}
		n->items += rep <= node->rep && def >= node->item_def;
		if (slots)
			ends[slots - 1] = n->items;
	}
	if (misfit)
		return disagree(n, err);
	if (n->vector.offset_width == 4 && n->items > INT32_MAX)
		return orasi_fail(err, ORASI_E_LIMIT, "column '%.100s' has more than 2^31 items in one batch",
		                  node->name);
	return vector_add_shape(&n->vector, c->slots.data, node->def, slots) || vector_add_ends(&n->vector, ends, slots)
	               ? orasi_fail(err, ORASI_E_NOMEM, "out of memory")
	               : ORASI_OK;
}

static orasi_status shape_node(struct nested_column *c, struct nested *n, orasi_error *err)
{
	orasi_status r = ORASI_OK;

	if (!n->plan->node || n->plan->leaf)
		return ORASI_OK;
	c->slots.len = c->ends.len = 0;
	if (bytes_reserve(&c->slots, n->levels->n + 1) || bytes_reserve(&c->ends, (n->levels->n + 1) * sizeof(size_t)))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	r = n->plan->node->kind == NODE_STRUCT ? shape_struct(c, n, err) : shape_list(c, n, err);
	for (int64_t i = 0; i < n->n_children && !r; i++)
		r = shape_node(c, &n->children[i], err);
	return r;
}

/* As long as the node above wants it; what the file lacks becomes so. */
static orasi_status fit(struct nested *n, const struct nested *above, size_t length, orasi_error *err)
{
	orasi_status r = ORASI_OK;

	while (n->nulls && (size_t)arrow_builder_length(n->nulls) < length)
		if (arrow_append_null(n->nulls))
			return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	if (n->nulls)
		return ORASI_OK;
	if (n->vector.length != length)
		return disagree(above, err);
	for (int64_t i = 0; i < n->n_children && !r; i++)
		r = fit(&n->children[i], n, n->plan->node->kind == NODE_STRUCT ? n->vector.length : n->items, err);
	return r;
}

orasi_status nested_read(struct nested_column *c, size_t n, orasi_error *err)
{
	size_t length = (c->root.nulls ? (size_t)arrow_builder_length(c->root.nulls) : c->root.vector.length) + n;
	orasi_status r = ORASI_OK;

	for (int i = 0; i < c->n_levels && !r; i++)
		r = read_levels(&c->levels[i], n, err);
	if (!r)
		r = check_agreement(c, err);
	if (!r)
		r = shape_node(c, &c->root, err);
	return r ? r : fit(&c->root, &c->root, length, err);
}

/* ---- handing over ---------------------------------------------------------------------------------------------------------- */

static size_t bytes_of(const struct nested *n)
{
	size_t bytes = n->nulls ? arrow_builder_bytes(n->nulls) : vector_bytes(&n->vector);

	for (int64_t i = 0; i < n->n_children; i++)
		bytes += bytes_of(&n->children[i]);
	return bytes;
}

size_t nested_bytes(const struct nested_column *c)
{
	return bytes_of(&c->root);
}

static orasi_status finish_node(struct nested *n, struct ArrowArray *ret, orasi_error *err);

/* Of a variant they are its own business: what comes out is text. */
static orasi_status finish_children(struct nested *n, struct ArrowArray *ret, orasi_error *err)
{
	orasi_status r = vector_adopt(ret, n->n_children) ? orasi_fail(err, ORASI_E_NOMEM, "out of memory") : ORASI_OK;
	int is_variant = n->plan->node->is_variant;
	struct ArrowArray text;

	for (int64_t i = 0; i < n->n_children && !r; i++)
		r = finish_node(&n->children[i], ret->children[i], err);
	if (!r && is_variant)
		r = variant_to_text(n->plan->node, &n->plan->inner, ret, &text, err);
	if (r || is_variant)
		arrow_array_release(ret);
	if (!r && is_variant)
		*ret = text;
	return r;
}

static orasi_status finish_node(struct nested *n, struct ArrowArray *ret, orasi_error *err)
{
	int bad = n->nulls ? arrow_builder_finish(n->nulls, ret) : vector_finish(&n->vector, ret);

	n->items = 0;
	if (bad)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	return n->nulls || n->plan->leaf ? ORASI_OK : finish_children(n, ret, err);
}

orasi_status nested_finish(struct nested_column *c, struct ArrowArray *ret, orasi_error *err)
{
	return finish_node(&c->root, ret, err);
}
