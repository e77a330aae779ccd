/* SPDX-License-Identifier: Apache-2.0 */
/* A group has the names of all members (metadata), and the value in one of two places or both:
 *
 *   value  typed_value
 *   null   null          missing; of the group itself or an item of a list that means null
 *   there  null          the value as a binary
 *   null   there         the value in columns of its own
 *   there  there         an object: some members in columns, the rest in the binary
 *
 * typed_value is a plain column, a list of such groups without metadata, or a struct of them: the members. */
#include "variant.h"

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define BATCH_MAX (8u << 20)
#else
#define BATCH_MAX (512u << 20) /* bytes of text in one batch */
#endif

/* ---- what a group may be --------------------------------------------------------------------------------------- */

static const struct node *member(const struct node *group, const char *name)
{
	for (int i = 0; i < group->n_children; i++)
		if (!strcmp(group->children[i]->name, name))
			return group->children[i];
	return NULL;
}

static orasi_status refuse(const struct node *node, const char *what, orasi_error *err)
{
	return orasi_fail(err, ORASI_E_UNSUPPORTED,
	                  "the VARIANT column '%.100s' %s: have its writer put the values unshredded, or as JSON text",
	                  node->name, what);
}

static int is_binary(const struct node *node)
{
	return node && node->kind == NODE_LEAF && node->info.type == ARROW_BINARY;
}

/* Those of the table "Shredded Value Types". */
static int is_allowed(const struct node *node)
{
	switch (node->info.type) {
	case ARROW_BOOL:
	case ARROW_INT8:
	case ARROW_INT16:
	case ARROW_INT32:
	case ARROW_INT64:
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
	case ARROW_DECIMAL128:
	case ARROW_DATE32:
	case ARROW_BINARY:
		return 1;
	case ARROW_TIME64:
		return node->info.unit == ARROW_MICRO;
	case ARROW_TIMESTAMP:
		return node->info.unit >= ARROW_MICRO && node->physical == PQ_INT64;
	case ARROW_UTF8:
		return node->spell == SPELL_NO || node->spell == SPELL_UUID;
	default:
		return 0;
	}
}

static orasi_status check_typed(const struct node *node, const struct node *typed, orasi_error *err);

static orasi_status check_group(const struct node *node, const struct node *group, orasi_error *err)
{
	const struct node *value = member(group, "value"), *typed = member(group, "typed_value");

	if (group->kind != NODE_STRUCT || (!value && !typed) || (value && !is_binary(value)))
		return refuse(node, "has no columns value and typed_value where there should be", err);
	return typed ? check_typed(node, typed, err) : ORASI_OK;
}

static orasi_status check_typed(const struct node *node, const struct node *typed, orasi_error *err)
{
	orasi_status r = ORASI_OK;

	if (typed->kind == NODE_LEAF)
		return is_allowed(typed) ? ORASI_OK
		                         : refuse(node, "has a typed_value of a type that none may have", err);
	if (typed->kind == NODE_MAP)
		return refuse(node, "has a map as typed_value", err);
	for (int i = 0; i < typed->n_children && !r; i++)
		r = check_group(node, typed->children[i], err);
	return r;
}

orasi_status variant_check(const struct node *group, orasi_error *err)
{
	if (!is_binary(member(group, "metadata")))
		return refuse(group, "has no metadata", err);
	return check_group(group, group, err);
}

int variant_schema(const struct node *group, struct ArrowSchema *ret)
{
	if (arrow_schema_make(ret, "+s", group->name, group->nullable, group->n_children))
		return -1;
	for (int i = 0; i < group->n_children; i++)
		if (tree_to_arrow(group->children[i], ret->children[i])) {
			arrow_schema_release(ret);
			return -1;
		}
	return 0;
}

/* ---- one value ---------------------------------------------------------------------------------------------------- */

struct walk {
	struct jsonw out;
	struct variant_names names;
};

/* The two places of a value; a column that is not there is one of nulls. */
struct places {
	struct arrow_view value, typed;
	int has_value, has_typed;
};

static int open_member(const struct arrow_view *group, const char *name, struct arrow_view *ret)
{
	int64_t at = arrow_schema_find(group->schema, name, strlen(name));

	return at >= 0 && !arrow_view_child(group, at, ret);
}

static void open_places(struct places *ret, const struct arrow_view *group, int64_t i)
{
	ret->has_value = open_member(group, "value", &ret->value) && !arrow_view_is_null(&ret->value, i);
	ret->has_typed = open_member(group, "typed_value", &ret->typed) && !arrow_view_is_null(&ret->typed, i);
}

static struct variant_bytes bytes_at(const struct arrow_view *view, int64_t i)
{
	struct variant_bytes ret;

	ret.ptr = arrow_view_bytes(view, i, &ret.len);
	return ret;
}

static enum variant_flaw put_places(struct walk *w, const struct places *p, int64_t i, int depth);

static enum variant_flaw put_list(struct walk *w, const struct arrow_view *list, int64_t i, int depth)
{
	enum variant_flaw r = VARIANT_FINE;
	struct arrow_view items;
	int64_t begin, end;

	arrow_view_list(list, i, &begin, &end);
	if (arrow_view_child(list, 0, &items))
		return VARIANT_DAMAGED;
	jsonw_array(&w->out);
	for (int64_t k = begin; k < end && !r; k++) {
		struct places p;

		open_places(&p, &items, k);
		r = put_places(w, &p, k, depth + 1);
	}
	jsonw_end_array(&w->out);
	return r;
}

static int is_typed_member(const void *ctx, const uint8_t *name, size_t n)
{
	return arrow_schema_find(ctx, (const char *)name, n) >= 0;
}

static enum variant_flaw put_struct(struct walk *w, const struct places *p, int64_t i, int depth)
{
	enum variant_flaw r = VARIANT_FINE;

	jsonw_object(&w->out);
	for (int64_t k = 0; k < p->typed.schema->n_children && !r; k++) {
		struct arrow_view group;
		struct places inner;

		if (arrow_view_child(&p->typed, k, &group))
			return VARIANT_DAMAGED;
		open_places(&inner, &group, i);
		if (!inner.has_value && !inner.has_typed)
			continue;
		jsonw_key(&w->out, group.schema->name);
		r = put_places(w, &inner, i, depth + 1);
	}
	if (!r && p->has_value)
		r = variant_put_members(&w->out, &w->names, bytes_at(&p->value, i), depth, is_typed_member,
		                        p->typed.schema);
	jsonw_end_object(&w->out);
	return r;
}

static void put_decimal(struct walk *w, const struct arrow_view *view, int64_t i)
{
	__int128 v;

	memcpy(&v, bytes_at(view, i).ptr, sizeof(v));
	variant_put_decimal(&w->out, v, view->info.scale);
}

static void put_plain(struct walk *w, const struct arrow_view *view, int64_t i)
{
	struct jsonw *out = &w->out;
	struct variant_bytes bytes;

	switch (view->info.type) {
	case ARROW_BOOL:
		jsonw_bool(out, arrow_view_int(view, i) != 0);
		break;
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		variant_put_double(out, arrow_view_double(view, i));
		break;
	case ARROW_DECIMAL128:
		put_decimal(w, view, i);
		break;
	case ARROW_DATE32:
		variant_put_date(out, arrow_view_int(view, i));
		break;
	case ARROW_TIME64:
		variant_put_time(out, arrow_view_int(view, i));
		break;
	case ARROW_TIMESTAMP:
		variant_put_timestamp(out, arrow_view_int(view, i), view->info.unit, *view->info.timezone != '\0');
		break;
	case ARROW_UTF8:
		bytes = bytes_at(view, i);
		jsonw_string(out, (const char *)bytes.ptr, bytes.len);
		break;
	case ARROW_BINARY:
		bytes = bytes_at(view, i);
		variant_put_binary(out, bytes.ptr, bytes.len);
		break;
	default:
		jsonw_int(out, arrow_view_int(view, i));
	}
}

static enum variant_flaw put_places(struct walk *w, const struct places *p, int64_t i, int depth)
{
	if (variant_is_long(&w->out))
		return VARIANT_LONG;
	if (p->has_typed && p->typed.info.type == ARROW_STRUCT)
		return put_struct(w, p, i, depth);
	if (p->has_typed && p->has_value)
		return VARIANT_DAMAGED;
	if (p->has_typed && p->typed.info.type == ARROW_LIST)
		return put_list(w, &p->typed, i, depth);
	if (p->has_typed)
		put_plain(w, &p->typed, i);
	else if (p->has_value)
		return variant_put(&w->out, &w->names, bytes_at(&p->value, i), depth);
	else
		jsonw_null(&w->out);
	return VARIANT_FINE;
}

/* ---- a column --------------------------------------------------------------------------------------------------------- */

static orasi_status failed(const struct node *group, int64_t row, enum variant_flaw flaw, orasi_error *err)
{
	static const char *const words[] = {
		[VARIANT_DAMAGED] = "is damaged",
		[VARIANT_UNKNOWN] = "has a version or type that is not known here",
		[VARIANT_DEEP] = "is nested too deep",
		[VARIANT_LONG] = "is too long as text",
	};

	return orasi_fail(err,
	                  flaw == VARIANT_DAMAGED   ? ORASI_E_CORRUPT
	                  : flaw == VARIANT_UNKNOWN ? ORASI_E_UNSUPPORTED
	                                            : ORASI_E_LIMIT,
	                  "the VARIANT column '%.100s': value %lld of the batch %s", group->name, (long long)row,
	                  words[flaw]);
}

static orasi_status append_text(struct walk *w, const struct node *group, const struct arrow_view *structs,
                                const struct arrow_view *metadata, int64_t i, struct arrow_builder *to,
                                orasi_error *err)
{
	enum variant_flaw flaw = variant_names_open(&w->names, bytes_at(metadata, i));
	struct places places;

	w->out.len = 0;
	w->out.comma = 0;
	if (!flaw) {
		open_places(&places, structs, i);
		flaw = put_places(w, &places, i, 0);
	}
	if (!flaw && (variant_is_long(&w->out) || arrow_builder_bytes(to) > BATCH_MAX))
		flaw = VARIANT_LONG;
	if (flaw)
		return failed(group, i, flaw, err);
	return !jsonw_finish(&w->out) || arrow_append_bytes(to, w->out.data, w->out.len)
	               ? orasi_fail(err, ORASI_E_NOMEM, "out of memory")
	               : ORASI_OK;
}

static orasi_status append_all(const struct node *group, const struct arrow_view *structs, struct arrow_builder *to,
                               orasi_error *err)
{
	struct arrow_view metadata;
	struct walk walk = {0};
	orasi_status r = ORASI_OK;

	if (!open_member(structs, "metadata", &metadata))
		return failed(group, 0, VARIANT_DAMAGED, err);
	for (int64_t i = 0; i < structs->length && !r; i++) {
		if (!arrow_view_is_null(structs, i))
			r = append_text(&walk, group, structs, &metadata, i, to, err);
		else if (arrow_append_null(to))
			r = orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	}
	jsonw_done(&walk.out);
	return r;
}

orasi_status variant_to_text(const struct node *group, const struct ArrowSchema *schema,
                             const struct ArrowArray *structs, struct ArrowArray *ret, orasi_error *err)
{
	struct ArrowSchema text;
	struct arrow_builder *b;
	struct arrow_view view;
	orasi_status r;

	if (arrow_schema_make(&text, "u", group->name, 1, 0))
		return orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	b = arrow_builder_new(&text);
	r = b && !arrow_view_init(&view, schema, structs) ? append_all(group, &view, b, err)
	                                                  : orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	if (!r && arrow_builder_finish(b, ret))
		r = orasi_fail(err, ORASI_E_NOMEM, "out of memory");
	arrow_builder_free(b);
	arrow_schema_release(&text);
	return r;
}
