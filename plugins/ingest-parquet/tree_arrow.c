/* SPDX-License-Identifier: Apache-2.0 */
/* Arrow schema → column tree → Parquet schema elements. */
#include "tree.h"

static char *pool_name(struct tree *tree, const char *name, size_t len)
{
	char *copy = pool_alloc(&tree->pool, len + 1);

	if (copy && len)
		memcpy(copy, name, len);
	return copy;
}

struct node *tree_node(struct tree *tree, struct node *parent, const char *name, size_t name_len, enum node_kind kind,
                       int nullable, int n_children)
{
	struct node *node = pool_alloc(&tree->pool, sizeof(*node));

	if (!node)
		return NULL;
	node->parent = parent;
	node->name = pool_name(tree, name, name_len);
	node->kind = kind;
	node->nullable = nullable;
	node->def = (parent->kind == NODE_LIST || parent->kind == NODE_MAP ? parent->item_def : parent->def) + nullable;
	node->rep = parent->rep;
	if (kind == NODE_LIST || kind == NODE_MAP) {
		node->rep++;
		node->item_def = node->def + 1;
	}
	node->children = pool_alloc(&tree->pool, ((size_t)n_children + 1) * sizeof(*node->children));
	return node->name && node->children && node->def < 250 && node->rep < 250 ? node : NULL;
}

int tree_leaf(struct tree *tree, struct node *node)
{
	struct node **leaves = realloc(tree->leaves, ((size_t)tree->n_leaves + 1) * sizeof(*leaves));

	if (!leaves)
		return -1;
	tree->leaves = leaves;
	node->leaf = tree->n_leaves;
	leaves[tree->n_leaves++] = node;
	for (struct node *up = node; up && !up->first_leaf; up = up->parent)
		up->first_leaf = node;
	return 0;
}

/* How an Arrow type is stored. */
static int physical_of(struct node *node)
{
	const struct arrow_type_info *info = &node->info;

	switch (info->type) {
	case ARROW_BOOL:
		return PQ_BOOLEAN;
	case ARROW_NULL:
	case ARROW_INT8:
	case ARROW_UINT8:
	case ARROW_INT16:
	case ARROW_UINT16:
	case ARROW_INT32:
	case ARROW_UINT32:
	case ARROW_DATE32:
	case ARROW_DATE64:
	case ARROW_TIME32:
		return PQ_INT32;
	case ARROW_INT64:
	case ARROW_UINT64:
	case ARROW_TIME64:
	case ARROW_TIMESTAMP:
	case ARROW_DURATION:
		return PQ_INT64;
	case ARROW_FLOAT32:
		return PQ_FLOAT;
	case ARROW_FLOAT64:
		return PQ_DOUBLE;
	case ARROW_UTF8:
	case ARROW_LARGE_UTF8:
	case ARROW_BINARY:
	case ARROW_LARGE_BINARY:
		return PQ_BYTE_ARRAY;
	case ARROW_FLOAT16:
		node->type_length = 2;
		return PQ_FIXED;
	case ARROW_FIXED_BINARY:
		node->type_length = info->width;
		return info->width > 0 ? PQ_FIXED : -1;
	case ARROW_DECIMAL128:
		node->precision = info->precision;
		node->scale = info->scale;
		node->type_length = 16;
		return info->precision <= 9 ? PQ_INT32 : info->precision <= 18 ? PQ_INT64 : PQ_FIXED;
	default:
		return -1;
	}
}

static orasi_status add_field(struct tree *tree, struct node *parent, const struct ArrowSchema *schema, int depth,
                              orasi_error *err);

static orasi_status add_children(struct tree *tree, struct node *node, const struct ArrowSchema *schema, int depth,
                                 orasi_error *err)
{
	orasi_status r = ORASI_OK;

	for (int64_t i = 0; i < schema->n_children && !r; i++)
		r = add_field(tree, node, schema->children[i], depth + 1, err);
	return r;
}

static enum node_kind kind_of(enum arrow_type type)
{
	switch (type) {
	case ARROW_STRUCT:
		return NODE_STRUCT;
	case ARROW_LIST:
	case ARROW_LARGE_LIST:
	case ARROW_FIXED_LIST:
		return NODE_LIST;
	case ARROW_MAP:
		return NODE_MAP;
	default:
		return NODE_LEAF;
	}
}

static orasi_status add_field(struct tree *tree, struct node *parent, const struct ArrowSchema *schema, int depth,
                              orasi_error *err)
{
	const char *name = schema->name ? schema->name : "";
	int nullable = (schema->flags & ARROW_FLAG_NULLABLE) != 0 && parent->kind != NODE_MAP;
	struct arrow_type_info info;
	struct node *node;

	if (depth > NODE_DEPTH_MAX || schema->dictionary || arrow_type_parse(schema->format, &info))
		return orasi_fail(err, ORASI_E_UNSUPPORTED,
		                  "column '%.100s' has type '%.30s'%s, which Parquet files of ours "
		                  "cannot hold",
		                  name, schema->format, schema->dictionary ? " of a dictionary" : "");
	nullable |= info.type == ARROW_NULL;
	node = tree_node(tree, parent, name, strlen(name), kind_of(info.type), nullable, (int)schema->n_children);
	if (!node)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory for the schema");
	/* The type keeps pointing into the format (time zones), so the node has its own. */
	if ((size_t)snprintf(node->format, sizeof(node->format), "%s", schema->format) >= sizeof(node->format))
		return orasi_fail(err, ORASI_E_UNSUPPORTED, "column '%.100s' has a type with too long a name", name);
	arrow_type_parse(node->format, &node->info);
	parent->children[parent->n_children++] = node;
	if (node->kind != NODE_LEAF)
		return add_children(tree, node, schema, depth, err);
	node->physical = physical_of(node);
	if (node->physical < 0)
		return orasi_fail(err, ORASI_E_UNSUPPORTED,
		                  "column '%.100s' has type '%.30s', which Parquet files of ours "
		                  "cannot hold",
		                  name, schema->format);
	return tree_leaf(tree, node) ? orasi_fail(err, ORASI_E_NOMEM, "out of memory for the schema") : ORASI_OK;
}

orasi_status tree_from_arrow(struct tree *tree, const struct ArrowSchema *schema, orasi_error *err)
{
	memset(tree, 0, sizeof(*tree));
	tree->pool.max = 64u << 20;
	tree->root.kind = NODE_STRUCT;
	tree->root.name = "schema";
	tree->root.children = pool_alloc(&tree->pool, ((size_t)schema->n_children + 1) * sizeof(struct node *));
	if (!tree->root.children)
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory for the schema");
	return add_children(tree, &tree->root, schema, 0, err);
}

/* ---- writing elements ----------------------------------------------------------------------- */

/* converted_type and LogicalType of an Arrow leaf; bits and sign for integers, unit for times. */
struct annotation {
	int converted, logical, bits, is_signed, unit;
};

static int time_unit(const struct arrow_type_info *info)
{
	return info->unit == ARROW_NANO ? PQ_NANOS : info->unit == ARROW_MICRO ? PQ_MICROS : PQ_MILLIS;
}

static struct annotation annotate_time(const struct arrow_type_info *info, int millis, int micros, int logical)
{
	struct annotation a = {-1, logical, 0, 0, time_unit(info)};
	int utc = info->type == ARROW_TIMESTAMP ? *info->timezone != '\0' : 0;

	if (info->type != ARROW_TIMESTAMP || utc)
		a.converted = a.unit == PQ_MILLIS ? millis : a.unit == PQ_MICROS ? micros : -1;
	a.is_signed = utc;
	return a;
}

static struct annotation annotate(const struct node *node)
{
	switch (node->info.type) {
	case ARROW_INT8:
		return (struct annotation){PQ_INT_8, PQ_L_INTEGER, 8, 1, 0};
	case ARROW_INT16:
		return (struct annotation){PQ_INT_16, PQ_L_INTEGER, 16, 1, 0};
	case ARROW_UINT8:
		return (struct annotation){PQ_UINT_8, PQ_L_INTEGER, 8, 0, 0};
	case ARROW_UINT16:
		return (struct annotation){PQ_UINT_16, PQ_L_INTEGER, 16, 0, 0};
	case ARROW_UINT32:
		return (struct annotation){PQ_UINT_32, PQ_L_INTEGER, 32, 0, 0};
	case ARROW_UINT64:
		return (struct annotation){PQ_UINT_64, PQ_L_INTEGER, 64, 0, 0};
	case ARROW_UTF8:
	case ARROW_LARGE_UTF8:
		return (struct annotation){PQ_UTF8, PQ_L_STRING, 0, 0, 0};
	case ARROW_DATE32:
	case ARROW_DATE64:
		return (struct annotation){PQ_DATE, PQ_L_DATE, 0, 0, 0};
	case ARROW_DECIMAL128:
		return (struct annotation){PQ_DECIMAL, PQ_L_DECIMAL, 0, 0, 0};
	case ARROW_FLOAT16:
		return (struct annotation){-1, PQ_L_FLOAT16, 0, 0, 0};
	case ARROW_NULL:
		return (struct annotation){-1, PQ_L_UNKNOWN, 0, 0, 0};
	case ARROW_TIME32:
	case ARROW_TIME64:
		return annotate_time(&node->info, PQ_TIME_MILLIS, PQ_TIME_MICROS, PQ_L_TIME);
	case ARROW_TIMESTAMP:
		return annotate_time(&node->info, PQ_TIMESTAMP_MILLIS, PQ_TIMESTAMP_MICROS, PQ_L_TIMESTAMP);
	default:
		return (struct annotation){-1, PQ_L_NONE, 0, 0, 0};
	}
}

static void write_logical(struct thrift_writer *w, const struct node *node, const struct annotation *a)
{
	thrift_put_struct(w, 10);
	thrift_put_struct(w, a->logical);
	if (a->logical == PQ_L_INTEGER) {
		thrift_put_int(w, 1, THRIFT_BYTE, a->bits);
		thrift_put_bool(w, 2, a->is_signed);
	} else if (a->logical == PQ_L_DECIMAL) {
		thrift_put_int(w, 1, THRIFT_I32, node->scale);
		thrift_put_int(w, 2, THRIFT_I32, node->precision);
	} else if (a->logical == PQ_L_TIME || a->logical == PQ_L_TIMESTAMP) {
		thrift_put_bool(w, 1, a->is_signed);
		thrift_put_struct(w, 2);
		thrift_put_struct(w, a->unit);
		thrift_end(w);
		thrift_end(w);
	}
	thrift_end(w);
	thrift_end(w);
}

static void write_leaf(struct thrift_writer *w, const struct node *node, const char *name)
{
	struct annotation a = annotate(node);

	thrift_item_struct(w);
	thrift_put_int(w, 1, THRIFT_I32, node->physical);
	if (node->physical == PQ_FIXED)
		thrift_put_int(w, 2, THRIFT_I32, node->type_length);
	thrift_put_int(w, 3, THRIFT_I32, node->nullable ? PQ_OPTIONAL : PQ_REQUIRED);
	thrift_put_binary(w, 4, name, strlen(name));
	if (a.converted >= 0)
		thrift_put_int(w, 6, THRIFT_I32, a.converted);
	if (a.logical == PQ_L_DECIMAL) {
		thrift_put_int(w, 7, THRIFT_I32, node->scale);
		thrift_put_int(w, 8, THRIFT_I32, node->precision);
	}
	if (a.logical)
		write_logical(w, node, &a);
	thrift_end(w);
}

static void write_group(struct thrift_writer *w, const char *name, int repetition, int n, int converted, int logical)
{
	thrift_item_struct(w);
	if (repetition >= 0)
		thrift_put_int(w, 3, THRIFT_I32, repetition);
	thrift_put_binary(w, 4, name, strlen(name));
	thrift_put_int(w, 5, THRIFT_I32, n);
	if (converted >= 0)
		thrift_put_int(w, 6, THRIFT_I32, converted);
	if (logical) {
		thrift_put_struct(w, 10);
		thrift_put_struct(w, logical);
		thrift_end(w);
		thrift_end(w);
	}
	thrift_end(w);
}

static void write_node(struct thrift_writer *w, const struct node *node, const char *name)
{
	int repetition = node->nullable ? PQ_OPTIONAL : PQ_REQUIRED;

	switch (node->kind) {
	case NODE_LEAF:
		write_leaf(w, node, name);
		break;
	case NODE_STRUCT:
		write_group(w, name, repetition, node->n_children, -1, PQ_L_NONE);
		for (int i = 0; i < node->n_children; i++)
			write_node(w, node->children[i], node->children[i]->name);
		break;
	case NODE_LIST:
		write_group(w, name, repetition, 1, PQ_LIST, PQ_L_LIST);
		write_group(w, "list", PQ_REPEATED, 1, -1, PQ_L_NONE);
		write_node(w, node->children[0], "element");
		break;
	case NODE_MAP:
		write_group(w, name, repetition, 1, PQ_MAP, PQ_L_MAP);
		write_group(w, "key_value", PQ_REPEATED, 2, -1, PQ_L_NONE);
		write_node(w, node->children[0]->children[0], "key");
		write_node(w, node->children[0]->children[1], "value");
		break;
	}
}

static uint32_t count_elements(const struct node *node)
{
	uint32_t n = node->kind == NODE_LIST ? 2 : 1;

	for (int i = 0; i < node->n_children; i++)
		n += count_elements(node->children[i]);
	return n; /* a map's entries struct stands for its key_value group */
}

void tree_write_elements(const struct tree *tree, struct thrift_writer *w)
{
	thrift_put_list(w, 2, THRIFT_STRUCT, count_elements(&tree->root));
	write_group(w, "schema", -1, tree->root.n_children, -1, PQ_L_NONE);
	for (int i = 0; i < tree->root.n_children; i++)
		write_node(w, tree->root.children[i], tree->root.children[i]->name);
}
