/* SPDX-License-Identifier: Apache-2.0 */
/* Walks from the batch down to a leaf, a node at a time for all rows at once. A slot is a row or
 * list item on its way: where its value is, its levels so far, and whether it still has a value. */
#include "shred.h"

struct slot {
	int64_t index;
	uint8_t def, rep, alive;
};

void shred_done(struct shred *s)
{
	free(s->def);
	free(s->rep);
	free(s->index);
	free(s->slots);
	free(s->spare);
	memset(s, 0, sizeof(*s));
}

static int grow(void **p, size_t *cap, size_t need, size_t size)
{
	size_t n = *cap ? *cap : 1024;
	void *data;

	if (need <= *cap)
		return 0;
	while (n < need)
		n *= 2;
	data = realloc(*p, n * size);
	if (!data)
		return -1;
	*p = data;
	*cap = n;
	return 0;
}

static int reserve_out(struct shred *s, size_t n)
{
	size_t cap = s->cap;

	if (n <= cap)
		return 0;
	if (grow((void **)&s->def, &cap, n, 1))
		return -1;
	cap = s->cap;
	if (grow((void **)&s->rep, &cap, n, 1))
		return -1;
	cap = s->cap;
	if (grow((void **)&s->index, &cap, n, sizeof(int64_t)))
		return -1;
	s->cap = cap;
	return 0;
}

static void take_nulls(const struct node *node, const struct arrow_view *view, struct slot *slots, size_t n)
{
	if (!node->nullable)
		return;
	for (size_t i = 0; i < n; i++) {
		if (!slots[i].alive)
			continue;
		if (arrow_view_is_null(view, slots[i].index))
			slots[i].alive = 0;
		else
			slots[i].def++;
	}
}

/* A list multiplies slots: one per item, or one dead slot for an empty list. */
static int expand_list(struct shred *s, const struct node *node, const struct arrow_view *view, size_t *n)
{
	size_t out = 0;

	for (size_t i = 0; i < *n; i++) {
		struct slot slot = s->slots[i];
		int64_t begin = 0, end = 1;

		if (slot.alive)
			arrow_view_list(view, slot.index, &begin, &end);
		if (slot.alive && begin == end) {
			slot.alive = 0;
			end++;
		} else if (slot.alive) {
			slot.def++;
		}
		if (end < begin || grow((void **)&s->spare, &s->cap_spare, out + (size_t)(end - begin), sizeof(slot)))
			return -1;
		for (int64_t k = begin; k < end; k++) {
			slot.index = k;
			s->spare[out++] = slot;
			slot.rep = (uint8_t)node->rep;
		}
	}
	{
		struct slot *slots = s->slots;
		size_t cap = s->cap_slots;

		s->slots = s->spare;
		s->cap_slots = s->cap_spare;
		s->spare = slots;
		s->cap_spare = cap;
	}
	*n = out;
	return 0;
}

static int finish(struct shred *s, size_t n)
{
	if (reserve_out(s, n + 1))
		return -1;
	s->n = n;
	s->n_values = 0;
	for (size_t i = 0; i < n; i++) {
		s->def[i] = s->slots[i].def;
		s->rep[i] = s->slots[i].rep;
		if (s->slots[i].alive)
			s->index[s->n_values++] = s->slots[i].index;
	}
	s->first = s->n_values ? s->index[0] : 0;
	s->dense = !s->n_values || s->index[s->n_values - 1] - s->first == (int64_t)s->n_values - 1;
	return 0;
}

/* The common case, a flat column, without slots. */
static int shred_flat(struct shred *s, const struct node *leaf, size_t n)
{
	if (reserve_out(s, n + 1))
		return -1;
	s->n = n;
	s->n_values = n;
	s->first = 0;
	s->dense = !leaf->nullable || (!s->leaf.validity && s->leaf.info.type != ARROW_NULL);
	memset(s->def, leaf->def, n);
	if (s->dense)
		return 0;
	s->n_values = 0;
	for (size_t i = 0; i < n; i++) {
		int valid = !arrow_view_is_null(&s->leaf, (int64_t)i);

		s->def[i] = (uint8_t)valid;
		s->index[s->n_values] = (int64_t)i;
		s->n_values += (size_t)valid;
	}
	return 0;
}

static int child_position(const struct node *node)
{
	for (int i = 0; i < node->parent->n_children; i++)
		if (node->parent->children[i] == node)
			return i;
	return -1;
}

int shred_leaf(struct shred *s, const struct node *leaf, const struct ArrowSchema *schema,
               const struct ArrowArray *batch)
{
	const struct node *path[NODE_DEPTH_MAX + 2];
	struct arrow_view view;
	size_t n = (size_t)batch->length;
	int depth = 0;

	for (const struct node *node = leaf; node->parent; node = node->parent)
		path[depth++] = node;
	if (arrow_view_init(&view, schema, batch) ||
	    grow((void **)&s->slots, &s->cap_slots, n + 1, sizeof(struct slot)))
		return -1;
	if (depth == 1) {
		if (arrow_view_child(&view, child_position(leaf), &s->leaf))
			return -1;
		return shred_flat(s, leaf, n);
	}
	for (size_t i = 0; i < n; i++)
		s->slots[i] = (struct slot){(int64_t)i, 0, 0, 1};
	while (depth-- > 0) {
		struct arrow_view child;

		if (arrow_view_child(&view, child_position(path[depth]), &child))
			return -1;
		view = child;
		take_nulls(path[depth], &view, s->slots, n);
		if ((path[depth]->kind == NODE_LIST || path[depth]->kind == NODE_MAP) &&
		    expand_list(s, path[depth], &view, &n))
			return -1;
	}
	s->leaf = view;
	return finish(s, n);
}
