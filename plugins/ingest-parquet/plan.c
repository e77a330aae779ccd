/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"

#include "convert.h"
#include "variant.h"

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
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
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

static orasi_status plan_variant(struct plan *plan, struct leaf *leaves, orasi_error *err)
{
	orasi_status r;

	if (variant_schema(plan->node, &plan->inner))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	r = plan_children(plan, &plan->inner, leaves, err);
	if (!r)
		find_probe(plan, leaves);
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
		return orasi_fail(err, ORASI_E_UNSUPPORTED, "column '%.100s' is wanted as '%.30s', which is not known",
		                  want->name, want->format);
	if (node && node->is_variant && plan->want.type == ARROW_UTF8)
		return plan_variant(plan, leaves, err);
	if (node &&
	    (kind_of(plan->want.type) != node->kind || (node->kind == NODE_LEAF && !convert_can(node, &plan->want))))
		return orasi_fail(err, ORASI_E_INVALID,
		                  "column '%.100s' is '%.30s' in the file and cannot be read as '%.30s'", node->name,
		                  node->format, want->format);
	if (node && node->kind == NODE_LEAF) {
		plan->leaf = &leaves[node->leaf];
		if (plan->leaf->node)
			return orasi_fail(err, ORASI_E_INVALID, "column '%.100s' is wanted twice", node->name);
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
	arrow_schema_release(&plan->inner);
	memset(plan, 0, sizeof(*plan));
}
