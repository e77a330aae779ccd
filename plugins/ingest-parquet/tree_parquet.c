/* SPDX-License-Identifier: Apache-2.0 */
/* Footer elements → column tree with Arrow types, old list layouts included.
 * Source: parquet-format, LogicalTypes.md, "Nested types" and its backward-compatibility rules. */
#include "tree.h"
#include "variant.h"

#define DIGITS_MAX 1000 /* of a decimal */

struct walk {
	struct tree *tree;
	const struct pq_file *file;
	uint32_t at;
	int depth;
	orasi_error *err;
};

static orasi_status walk_field(struct walk *w, struct node *parent, int item);

static orasi_status damaged(struct walk *w)
{
	return orasi_fail(w->err, ORASI_E_CORRUPT, "the schema of the Parquet file is damaged at element %u", w->at);
}

static void set_format(struct node *node, const char *format)
{
	snprintf(node->format, sizeof(node->format), "%s", format);
	arrow_type_parse(node->format, &node->info);
}

/* ---- leaf types ----------------------------------------------------------------------------- */

static int is_decimal(const struct pq_element *e)
{
	return e->logical == PQ_L_DECIMAL || (e->logical == PQ_L_NONE && e->converted == PQ_DECIMAL);
}

static void spell(struct node *node, enum node_spell how)
{
	node->spell = how;
	set_format(node, "u");
}

/* More than 38 digits are more than Delta has. */
static orasi_status decimal_type(struct walk *w, const struct pq_element *e, struct node *node)
{
	char format[32];

	if (e->precision < 1 || e->precision > DIGITS_MAX || e->scale < 0 || e->scale > e->precision)
		return orasi_fail(w->err, ORASI_E_UNSUPPORTED,
		                  "column '%.100s' is a decimal(%d,%d), which is not possible", node->name,
		                  e->precision, e->scale);
	node->precision = e->precision;
	node->scale = e->scale;
	if (e->precision > 38) {
		spell(node, SPELL_DECIMAL);
		return ORASI_OK;
	}
	snprintf(format, sizeof(format), "d:%d,%d", e->precision, e->scale);
	set_format(node, format);
	return ORASI_OK;
}

static const char *integer_format(const struct pq_element *e, int bits)
{
	static const char *const formats[2][4] = {{"C", "S", "I", "L"}, {"c", "s", "i", "l"}};
	static const struct {
		int converted, bits, is_signed;
	} legacy[] = {{PQ_UINT_8, 8, 0}, {PQ_UINT_16, 16, 0}, {PQ_UINT_32, 32, 0}, {PQ_UINT_64, 64, 0},
	              {PQ_INT_8, 8, 1},  {PQ_INT_16, 16, 1},  {PQ_INT_32, 32, 1},  {PQ_INT_64, 64, 1}};
	int width = bits, is_signed = 1;

	if (e->logical == PQ_L_INTEGER) {
		width = e->bit_width;
		is_signed = e->is_signed;
	} else if (e->logical == PQ_L_NONE) {
		for (size_t i = 0; i < sizeof(legacy) / sizeof(legacy[0]); i++)
			if (legacy[i].converted == e->converted) {
				width = legacy[i].bits;
				is_signed = legacy[i].is_signed;
			}
	}
	if (width > bits || (bits == 64) != (width == 64))
		width = bits;
	return formats[is_signed][width == 8 ? 0 : width == 16 ? 1 : width == 32 ? 2 : 3];
}

static const char *timestamp_format(const struct pq_element *e)
{
	static const char *const formats[3][2] = {{"tsm:", "tsm:UTC"}, {"tsu:", "tsu:UTC"}, {"tsn:", "tsn:UTC"}};

	if (e->logical == PQ_L_TIMESTAMP && e->unit >= PQ_MILLIS && e->unit <= PQ_NANOS)
		return formats[e->unit - 1][e->utc];
	if (e->logical == PQ_L_NONE && e->converted == PQ_TIMESTAMP_MILLIS)
		return "tsm:UTC";
	return e->logical == PQ_L_NONE && e->converted == PQ_TIMESTAMP_MICROS ? "tsu:UTC" : NULL;
}

static const char *int32_format(const struct pq_element *e)
{
	if (e->logical == PQ_L_DATE || (e->logical == PQ_L_NONE && e->converted == PQ_DATE))
		return "tdD";
	if (e->logical == PQ_L_TIME || (e->logical == PQ_L_NONE && e->converted == PQ_TIME_MILLIS))
		return "ttm";
	return integer_format(e, 32);
}

static const char *int64_format(const struct pq_element *e)
{
	const char *format = timestamp_format(e);

	if (format)
		return format;
	if (e->logical == PQ_L_TIME)
		return e->unit == PQ_NANOS ? "ttn" : "ttu";
	if (e->logical == PQ_L_NONE && e->converted == PQ_TIME_MICROS)
		return "ttu";
	return integer_format(e, 64);
}

static int is_text(const struct pq_element *e)
{
	return e->logical == PQ_L_STRING || e->logical == PQ_L_ENUM || e->logical == PQ_L_JSON ||
	       (e->logical == PQ_L_NONE &&
	        (e->converted == PQ_UTF8 || e->converted == PQ_ENUM || e->converted == PQ_JSON));
}

static void fixed_type(const struct pq_element *e, struct node *node)
{
	char format[32];

	snprintf(format, sizeof(format), "w:%d", e->type_length);
	if (e->logical == PQ_L_FLOAT16 && e->type_length == 2)
		set_format(node, "e");
	else if (e->logical == PQ_L_UUID && e->type_length == 16)
		spell(node, SPELL_UUID);
	else if (e->logical == PQ_L_NONE && e->converted == PQ_INTERVAL && e->type_length == 12)
		spell(node, SPELL_INTERVAL);
	else
		set_format(node, format);
}

static orasi_status set_type(struct walk *w, const struct pq_element *e, struct node *node)
{
	node->physical = e->physical;
	node->type_length = e->type_length;
	if (e->physical == PQ_FIXED && (e->type_length < 1 || e->type_length > 1 << 24))
		return damaged(w);
	if (is_decimal(e) && (e->physical == PQ_INT32 || e->physical == PQ_INT64 || e->physical == PQ_BYTE_ARRAY ||
	                      e->physical == PQ_FIXED))
		return decimal_type(w, e, node);
	switch (e->physical) {
	case PQ_BOOLEAN:
		set_format(node, "b");
		break;
	case PQ_INT32:
		set_format(node, int32_format(e));
		break;
	case PQ_INT64:
		set_format(node, int64_format(e));
		break;
	case PQ_INT96:
		set_format(node, "tsu:UTC");
		break;
	case PQ_FLOAT:
		set_format(node, "f");
		break;
	case PQ_DOUBLE:
		set_format(node, "g");
		break;
	case PQ_BYTE_ARRAY:
		set_format(node, is_text(e) ? "u" : "z");
		break;
	case PQ_FIXED:
		fixed_type(e, node);
		break;
	default:
		return orasi_fail(w->err, ORASI_E_UNSUPPORTED, "physical type %d of Parquet is not known here",
		                  e->physical);
	}
	return ORASI_OK;
}

/* ---- groups --------------------------------------------------------------------------------- */

static const struct pq_element *peek(const struct walk *w)
{
	return w->at < w->file->n_elements ? &w->file->elements[w->at] : NULL;
}

static struct node *add_node(struct walk *w, struct node *parent, const struct pq_element *e, enum node_kind kind,
                             int nullable, int n)
{
	struct node *node = tree_node(w->tree, parent, e->name.ptr, e->name.len, kind, nullable, n);

	if (node)
		parent->children[parent->n_children++] = node;
	return node;
}

static int is_list(const struct pq_element *e)
{
	return e->logical == PQ_L_LIST || (e->logical == PQ_L_NONE && e->converted == PQ_LIST);
}

static int is_map(const struct pq_element *e)
{
	return e->logical == PQ_L_MAP ||
	       (e->logical == PQ_L_NONE && (e->converted == PQ_MAP || e->converted == PQ_MAP_KEY_VALUE));
}

static int name_is(const struct pq_element *e, const char *name, size_t len)
{
	return e->name.len == len && !memcmp(e->name.ptr, name, len);
}

/* Is the repeated group itself the element, or only a wrapper around it? */
static int wraps(const struct walk *w, const struct pq_element *list, const struct pq_element *repeated)
{
	const struct pq_element *child = repeated + 1;

	if (repeated->has_type || repeated->n_children != 1 || w->at + 1 >= w->file->n_elements ||
	    child->repetition == PQ_REPEATED)
		return 0;
	if (name_is(repeated, "array", 5))
		return 0;
	return !(repeated->name.len == list->name.len + 6 &&
	         !memcmp(repeated->name.ptr, list->name.ptr, list->name.len) &&
	         !memcmp(repeated->name.ptr + list->name.len, "_tuple", 6));
}

static orasi_status walk_list(struct walk *w, struct node *parent, const struct pq_element *e, int nullable)
{
	struct node *node = add_node(w, parent, e, NODE_LIST, nullable, 1);
	const struct pq_element *repeated = peek(w);

	if (!node)
		return damaged(w);
	set_format(node, "+l");
	if (wraps(w, e, repeated)) {
		w->at++;
		return walk_field(w, node, 0);
	}
	return walk_field(w, node, 1);
}

static orasi_status walk_map(struct walk *w, struct node *parent, const struct pq_element *e, int nullable)
{
	struct node *node = add_node(w, parent, e, NODE_MAP, nullable, 1), *entries;
	const struct pq_element *pair = peek(w);
	orasi_status r;

	if (!node)
		return damaged(w);
	set_format(node, "+m");
	w->at++;
	entries = add_node(w, node, pair, NODE_STRUCT, 0, 2);
	if (!entries)
		return damaged(w);
	set_format(entries, "+s");
	r = walk_field(w, entries, 0);
	return r ? r : walk_field(w, entries, 0);
}

/* Its columns are checked as what they are; the whole is text. */
static orasi_status make_variant(struct walk *w, struct node *node)
{
	orasi_status r = variant_check(node, w->err);

	node->is_variant = 1;
	set_format(node, "u");
	return r;
}

static orasi_status walk_struct(struct walk *w, struct node *parent, const struct pq_element *e, int nullable)
{
	struct node *node = add_node(w, parent, e, NODE_STRUCT, nullable, e->n_children);
	orasi_status r = ORASI_OK;

	if (!node)
		return damaged(w);
	set_format(node, "+s");
	for (int i = 0; i < e->n_children && !r; i++)
		r = walk_field(w, node, 0);
	return r || e->logical != PQ_L_VARIANT ? r : make_variant(w, node);
}

static orasi_status walk_leaf(struct walk *w, struct node *parent, const struct pq_element *e, int nullable)
{
	struct node *node = add_node(w, parent, e, NODE_LEAF, nullable, 0);
	orasi_status r;

	if (!node)
		return damaged(w);
	r = set_type(w, e, node);
	return !r && tree_leaf(w->tree, node) ? damaged(w) : r;
}

static int has_one_repeated(const struct walk *w, const struct pq_element *e)
{
	const struct pq_element *child = peek(w);

	return e->n_children == 1 && child && child->repetition == PQ_REPEATED;
}

/* A map without values is a list of its keys. */
static int is_key_set(const struct walk *w, const struct pq_element *e)
{
	return is_map(e) && peek(w) && !peek(w)->has_type && peek(w)->n_children == 1;
}

/* `item`: the element is the repeated one of a list whose node exists already. */
static orasi_status walk_field(struct walk *w, struct node *parent, int item)
{
	const struct pq_element *e = peek(w);
	int nullable;
	orasi_status r;

	if (!e || ++w->depth > NODE_DEPTH_MAX || e->n_children < 0 || (uint32_t)e->n_children > w->file->n_elements ||
	    (!e->has_type && !e->n_children))
		return damaged(w);
	nullable = e->repetition == PQ_OPTIONAL && !item;
	if (e->repetition == PQ_REPEATED && !item) {
		/* Repeated without annotation: a list that is never null, of this. */
		struct node *list = add_node(w, parent, e, NODE_LIST, 0, 1);

		if (!list)
			return damaged(w);
		set_format(list, "+l");
		r = walk_field(w, list, 1);
		w->depth--;
		return r;
	}
	w->at++;
	if (e->has_type && !e->n_children)
		r = walk_leaf(w, parent, e, nullable);
	else if ((is_list(e) || is_key_set(w, e)) && has_one_repeated(w, e))
		r = walk_list(w, parent, e, nullable);
	else if (is_map(e) && has_one_repeated(w, e) && peek(w)->n_children == 2)
		r = walk_map(w, parent, e, nullable);
	else
		r = walk_struct(w, parent, e, nullable);
	w->depth--;
	return r;
}

orasi_status tree_from_parquet(struct tree *tree, const struct pq_file *file, orasi_error *err)
{
	struct walk w = {tree, file, 1, 0, err};
	const struct pq_element *root = file->elements;
	orasi_status r = ORASI_OK;

	memset(tree, 0, sizeof(*tree));
	tree->pool.max = 256u << 20;
	tree->root.kind = NODE_STRUCT;
	tree->root.name = "";
	set_format(&tree->root, "+s");
	if (!file->n_elements || root->n_children < 0 || (uint32_t)root->n_children >= file->n_elements)
		return damaged(&w);
	tree->root.children = pool_alloc(&tree->pool, ((size_t)root->n_children + 1) * sizeof(struct node *));
	if (!tree->root.children)
		return damaged(&w);
	for (int i = 0; i < root->n_children && !r; i++)
		r = walk_field(&w, &tree->root, 0);
	return r;
}
