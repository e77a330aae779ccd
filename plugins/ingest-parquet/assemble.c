/* SPDX-License-Identifier: Apache-2.0 */
#include "assemble.h"

#include "convert.h"

/* ---- making the plan ------------------------------------------------------------------------ */

static enum node_kind kind_of(enum arrow_type type)
{
	return type == ARROW_STRUCT                             ? NODE_STRUCT
	       : type == ARROW_MAP                              ? NODE_MAP
	       : type == ARROW_LIST || type == ARROW_LARGE_LIST ? NODE_LIST
	                                                        : NODE_LEAF;
}

static struct leaf *probe_of(struct plan *plan)
{
	if (plan->leaf)
		return plan->leaf;
	return plan->probe;
}

static void find_probe(struct plan *plan, struct leaf *leaves)
{
	for (int64_t i = 0; i < plan->n_children && !plan->probe; i++)
		if (plan->children[i].node)
			plan->probe = probe_of(&plan->children[i]);
	if (plan->probe || !plan->node->first_leaf)
		return;
	plan->probe = &leaves[plan->node->first_leaf->leaf];
	plan->probe->node = plan->node->first_leaf;
	plan->own_probe = 1;
}

static orasi_status plan_children(struct plan *plan, const struct ArrowSchema *want, struct leaf *leaves,
                                  orasi_error *err)
{
	orasi_status r = ORASI_OK;

	plan->children = calloc((size_t)want->n_children + 1, sizeof(*plan->children));
	if (!plan->children)
		return pq_fail(err, ORASI_E_NOMEM, "out of memory");
	for (int64_t i = 0; i < want->n_children && !r; i++) {
		const struct node *child = NULL;

		if (plan->node && plan->node->kind == NODE_STRUCT && plan->node->parent &&
		    plan->node->parent->kind == NODE_MAP)
			child = i < plan->node->n_children ? plan->node->children[i] : NULL;
		else if (plan->node && plan->node->kind == NODE_STRUCT)
			child = node_child(plan->node, i, want->children[i]->name);
		else if (plan->node)
			child = plan->node->children[0];
		plan->n_children++;
		r = plan_make(&plan->children[i], child, want->children[i], leaves, err);
	}
	return r;
}

orasi_status plan_make(struct plan *plan, const struct node *node, const struct ArrowSchema *want, struct leaf *leaves,
                       orasi_error *err)
{
	orasi_status r;

	memset(plan, 0, sizeof(*plan));
	plan->node = node;
	snprintf(plan->format, sizeof(plan->format), "%s", want->format);
	if (arrow_type_parse(plan->format, &plan->want))
		return pq_fail(err, ORASI_E_UNSUPPORTED, "column '%.100s' is wanted as '%.30s', which is not known",
		               want->name, want->format);
	if (node &&
	    (kind_of(plan->want.type) != node->kind || (node->kind == NODE_LEAF && !convert_can(node, &plan->want))))
		return pq_fail(err, ORASI_E_INVALID,
		               "column '%.100s' is '%.30s' in the file and cannot be read as '%.30s'", node->name,
		               node->format, want->format);
	if (node && node->kind == NODE_LEAF) {
		plan->leaf = &leaves[node->leaf];
		if (plan->leaf->node)
			return pq_fail(err, ORASI_E_INVALID, "column '%.100s' is wanted twice", node->name);
		plan->leaf->node = node;
		return ORASI_OK;
	}
	r = plan_children(plan, want, leaves, err);
	if (!r && node)
		find_probe(plan, leaves);
	return r;
}

void plan_done(struct plan *plan)
{
	for (int64_t i = 0; i < plan->n_children; i++)
		plan_done(&plan->children[i]);
	free(plan->children);
	memset(plan, 0, sizeof(*plan));
}

/* ---- values -------------------------------------------------------------------------------- */

static orasi_status append_value(struct plan *plan, struct slice v, struct arrow_builder *b, orasi_error *err)
{
	uint8_t fixed[CONVERT_MAX];
	orasi_status status;
	int r;

	switch (plan->want.type) {
	case ARROW_BOOL:
		r = arrow_append_bool(b, v.ptr[0]);
		break;
	case ARROW_UTF8:
	case ARROW_LARGE_UTF8:
	case ARROW_BINARY:
	case ARROW_LARGE_BINARY:
		r = arrow_append_bytes(b, v.ptr, v.len);
		break;
	case ARROW_FIXED_BINARY:
		r = arrow_append_fixed(b, v.ptr);
		break;
	default:
		status = convert_value(plan->node, &plan->want, v, fixed, err);
		if (status)
			return status;
		r = arrow_append_fixed(b, fixed);
	}
	if (r)
		return pq_fail(err, ORASI_E_NOMEM, "column '%.100s': out of memory, or more than 2 GiB in one batch",
		               plan->node->name);
	return ORASI_OK;
}

/* ---- structure ------------------------------------------------------------------------------ */

static orasi_status ready(struct leaf *leaf, orasi_error *err)
{
	orasi_status r = leaf_ready(leaf, err);

	return r == ORASI_END ? pq_fail(err, ORASI_E_CORRUPT, "column '%.100s' has fewer rows than its row group",
	                                leaf->node->name)
	                      : r;
}

/* Steps every leaf below by one: the levels of something that is not there. */
static orasi_status skip_one(struct plan *plan, orasi_error *err)
{
	orasi_status r = ORASI_OK;

	if (!plan->node)
		return ORASI_OK;
	if (plan->leaf || plan->own_probe) {
		struct leaf *leaf = plan->leaf ? plan->leaf : plan->probe;

		r = ready(leaf, err);
		if (!r)
			leaf_next(leaf);
	}
	for (int64_t i = 0; i < plan->n_children && !r; i++)
		r = skip_one(&plan->children[i], err);
	return r;
}

static orasi_status read_leaf(struct plan *plan, struct arrow_builder *b, orasi_error *err)
{
	struct leaf *leaf = plan->leaf;
	orasi_status r = ready(leaf, err);

	if (r)
		return r;
	if (leaf_def(leaf) == leaf->node->def)
		r = append_value(plan, leaf_value(leaf), b, err);
	else
		r = arrow_append_null(b) ? ORASI_E_NOMEM : ORASI_OK;
	leaf_next(leaf);
	return r;
}

static orasi_status read_struct(struct plan *plan, struct arrow_builder *b, orasi_error *err)
{
	orasi_status r = plan->probe ? ready(plan->probe, err) : ORASI_OK;

	if (r)
		return r;
	if (plan->probe && leaf_def(plan->probe) < plan->node->def) {
		r = skip_one(plan, err);
		return r ? r : arrow_append_null(b) ? ORASI_E_NOMEM : ORASI_OK;
	}
	if (plan->own_probe)
		leaf_next(plan->probe);
	for (int64_t i = 0; i < plan->n_children && !r; i++)
		r = plan_read(&plan->children[i], arrow_builder_child(b, i), err);
	return r ? r : arrow_end_struct(b) ? ORASI_E_NOMEM : ORASI_OK;
}

static orasi_status read_items(struct plan *plan, struct arrow_builder *b, orasi_error *err)
{
	orasi_status r;

	do {
		r = plan_read(&plan->children[0], arrow_builder_child(b, 0), err);
		if (!r)
			r = leaf_ready(plan->probe, err);
	} while (!r && leaf_rep(plan->probe) >= plan->node->rep);
	if (r == ORASI_END)
		r = ORASI_OK;
	return r ? r : arrow_end_list(b) ? ORASI_E_NOMEM : ORASI_OK;
}

static orasi_status read_list(struct plan *plan, struct arrow_builder *b, orasi_error *err)
{
	orasi_status r = ready(plan->probe, err);
	int def;

	if (r)
		return r;
	def = leaf_def(plan->probe);
	if (def >= plan->node->item_def)
		return read_items(plan, b, err);
	r = skip_one(plan, err);
	if (r)
		return r;
	return (def < plan->node->def ? arrow_append_null(b) : arrow_end_list(b)) ? ORASI_E_NOMEM : ORASI_OK;
}

orasi_status plan_read(struct plan *plan, struct arrow_builder *b, orasi_error *err)
{
	if (!plan->node)
		return arrow_append_null(b) ? ORASI_E_NOMEM : ORASI_OK;
	switch (plan->node->kind) {
	case NODE_LEAF:
		return read_leaf(plan, b, err);
	case NODE_STRUCT:
		return read_struct(plan, b, err);
	default:
		return read_list(plan, b, err);
	}
}
