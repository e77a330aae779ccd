/* SPDX-License-Identifier: Apache-2.0 */
#include "value.h"

#include <string.h>

#include <orasi/sdk/spell.h>

__extension__ typedef unsigned __int128 wide;

/* ---- primitives -------------------------------------------------------------------------------------------------- */

void values_flawed(struct values *v, const char *code, const char *what)
{
	if (v->flaw)
		return;
	v->flaw = code;
	v->what = what;
	v->column = v->now;
}

enum taken take_unscaled(struct values *v, const struct avro_type *type, const uint8_t **ret, size_t *ret_n)
{
	if (type->kind == AVRO_BYTES)
		return take_bytes(v, ret, ret_n);
	*ret_n = type->size;
	return take_raw(v, type->size, ret);
}

enum taken values_empty(struct values *v, const struct avro_type *type, int64_t n)
{
	if (n > v->empties / type->weight)
		return values_too_large(v, "there are more values without a byte than a file may have");
	v->empties -= n * type->weight;
	return TAKEN;
}

enum taken take_count(struct values *v, const struct avro_type *items, int64_t *ret)
{
	int64_t n, size;
	enum taken taken = take_long(v, &n);

	*ret = 0;
	if (!taken && n < 0)
		taken = take_long(v, &size);
	if (taken)
		return taken;
	if (n == INT64_MIN)
		return values_damaged(v, "a list has more items than there are numbers");
	n = n < 0 ? -n : n;
	if (items->sized && n > v->end - v->p)
		return values_damaged(v, "a list has more items than its block");
	*ret = n;
	return items->sized ? TAKEN : values_empty(v, items, n);
}

enum taken take_branch(struct values *v, const struct avro_type *type, int64_t *ret)
{
	enum taken taken = take_long(v, ret);

	if (!taken && (*ret < 0 || *ret >= type->n))
		return values_damaged(v, "a union has no branch of that number");
	return taken;
}

/* ---- into columns ------------------------------------------------------------------------------------------------ */

static enum taken take_node(struct values *v, const struct node *node);

static enum taken put(int failed)
{
	return failed ? NO_MEMORY_VALUE : TAKEN;
}

static enum taken put_flawed(struct values *v, const struct node *node, const char *code, const char *what)
{
	values_flawed(v, code, what);
	return put(arrow_append_null(node->to));
}

static enum taken put_text(struct values *v, const struct node *node, const void *p, size_t n)
{
	enum taken taken = charge(v, (int64_t)n);

	return taken ? taken : put(arrow_append_bytes(node->to, p, n));
}

static enum taken take_int(struct values *v, const struct node *node)
{
	int64_t n;
	enum taken taken = take_long(v, &n);

	if (taken)
		return taken;
	if (n < INT32_MIN || n > INT32_MAX)
		return put_flawed(v, node, FLAW_RANGE, "an int has more than 32 bits");
	return put(arrow_append_int(node->to, n));
}

static enum taken take_boolean(struct values *v, const struct node *node)
{
	const uint8_t *p;
	enum taken taken = take_raw(v, 1, &p);

	if (taken)
		return taken;
	return *p > 1 ? put_flawed(v, node, FLAW_RANGE, "a boolean is neither 0 nor 1")
	              : put(arrow_append_bool(node->to, *p));
}

static enum taken take_real(struct values *v, const struct node *node, enum avro_kind kind)
{
	const uint8_t *p;
	enum taken taken = take_raw(v, kind == AVRO_FLOAT ? 4 : 8, &p);
	double wide_one;
	float narrow;

	if (taken)
		return taken;
	if (kind == AVRO_FLOAT) {
		memcpy(&narrow, p, 4);
		wide_one = (double)narrow;
	} else {
		memcpy(&wide_one, p, 8);
	}
	return put(arrow_append_double(node->to, wide_one));
}

static enum taken take_text(struct values *v, const struct node *node, bool is_text)
{
	const uint8_t *p;
	size_t n;
	enum taken taken = take_bytes(v, &p, &n);

	if (taken)
		return taken;
	if (is_text && !arrow_utf8_valid(p, n))
		return put_flawed(v, node, FLAW_UTF8, "a text is not UTF-8");
	return put_text(v, node, p, n);
}

static enum taken take_fixed(struct values *v, const struct node *node)
{
	const uint8_t *p;
	enum taken taken = take_raw(v, node->type->size, &p);

	if (taken)
		return taken;
	return node->op == OP_FIXED ? put(arrow_append_fixed(node->to, p)) : put_text(v, node, p, node->type->size);
}

static enum taken take_enum(struct values *v, const struct node *node)
{
	int64_t n;
	enum taken taken = take_long(v, &n);
	const char *symbol;

	if (taken)
		return taken;
	if (n < 0 || n >= node->type->n)
		return put_flawed(v, node, FLAW_SYMBOL, "an enum has no symbol of that number");
	symbol = node->type->names[n];
	return put_text(v, node, symbol, strlen(symbol));
}

/* ---- logical types ----------------------------------------------------------------------------------------------- */

/* Whether big-endian two's complement fits 128 bits; then as such. */
static bool narrow(const uint8_t *p, size_t n, wide *ret)
{
	uint8_t sign = n && p[0] & 0x80 ? 0xFF : 0;

	for (; n > 16; p++, n--)
		if (*p != sign)
			return false;
	*ret = n && p[0] & 0x80 ? ~(wide)0 : 0;
	if ((sign && !(*ret)) || (!sign && *ret))
		return false;
	for (size_t i = 0; i < n; i++)
		*ret = *ret << 8 | p[i];
	return true;
}

/* |value| < 10^digits; 38 digits at most. */
static bool has_digits(wide value, int32_t digits)
{
	wide most = 1;

	if (value >> 127)
		value = ~value + 1;
	for (int32_t i = 0; i < digits; i++)
		most *= 10;
	return value < most;
}

static enum taken take_decimal(struct values *v, const struct node *node)
{
	const uint8_t *p;
	size_t n;
	enum taken taken = take_unscaled(v, node->type, &p, &n);
	wide value = 0;

	if (taken)
		return taken;
	if (!narrow(p, n, &value) || !has_digits(value, node->type->precision))
		return put_flawed(v, node, FLAW_RANGE, FLAW_DIGITS);
	return put(arrow_append_fixed(node->to, &value));
}

/* What `spell` makes of fixed bytes. */
static enum taken take_spelled(struct values *v, const struct node *node, size_t (*spell)(char *, const uint8_t *))
{
	char text[SPELLED_INTERVAL_MAX];
	const uint8_t *p;
	enum taken taken = take_raw(v, node->type->size, &p);

	return taken ? taken : put_text(v, node, text, spell(text, p));
}

int32_t count_digits(const char *text, size_t n)
{
	int32_t digits = 0;

	for (size_t i = 0; i < n; i++)
		digits += text[i] >= '0' && text[i] <= '9' && (digits || text[i] > '0');
	return digits;
}

static enum taken take_decimal_text(struct values *v, const struct node *node)
{
	char text[SPELLED_DECIMAL_MAX];
	const uint8_t *p;
	size_t n, len;
	enum taken taken = take_unscaled(v, node->type, &p, &n);

	if (taken)
		return taken;
	len = spell_decimal(text, p, n, node->type->scale);
	return !len || count_digits(text, len) > node->type->precision ? put_flawed(v, node, FLAW_RANGE, FLAW_DIGITS)
	                                                               : put_text(v, node, text, len);
}

/* ---- types with parts -------------------------------------------------------------------------------------------- */

static enum taken take_record(struct values *v, const struct node *node)
{
	enum taken taken = TAKEN;

	for (int32_t i = 0; i < node->n && !taken; i++)
		taken = take_node(v, &node->parts[i]);
	return taken ? taken : put(arrow_end_struct(node->to));
}

static enum taken take_array(struct values *v, const struct node *node)
{
	enum taken taken;
	int64_t n;

	do {
		taken = take_count(v, node->type->parts[0], &n);
		for (int64_t i = 0; i < n && !taken; i++) {
			taken = values_turn(v);
			if (!taken)
				taken = take_node(v, &node->parts[0]);
		}
	} while (!taken && n);
	return taken ? taken : put(arrow_end_list(node->to));
}

static enum taken take_map(struct values *v, const struct node *node)
{
	struct arrow_builder *entries = arrow_builder_child(node->to, 0);
	enum taken taken;
	int64_t n;

	do {
		taken = take_count(v, node->parts[0].type, &n);
		for (int64_t i = 0; i < n && !taken; i++) {
			taken = values_turn(v);
			if (!taken)
				taken = take_node(v, &node->parts[0]);
			if (!taken)
				taken = take_node(v, &node->parts[1]);
			if (!taken)
				taken = put(arrow_end_struct(entries));
		}
	} while (!taken && n);
	return taken ? taken : put(arrow_end_list(node->to));
}

static enum taken take_number(struct values *v, const struct node *node)
{
	int64_t branch, n;
	enum taken taken = take_branch(v, node->type, &branch);
	enum avro_kind kind;

	if (taken)
		return taken;
	kind = node->type->parts[branch]->kind;
	if (kind == AVRO_NULL)
		return put(arrow_append_null(node->to));
	if (kind == AVRO_FLOAT || kind == AVRO_DOUBLE)
		return take_real(v, node, kind);
	if (kind == AVRO_INT)
		return take_int(v, node);
	taken = take_long(v, &n);
	return taken ? taken : put(arrow_append_int(node->to, n));
}

static enum taken take_choice(struct values *v, const struct node *node)
{
	int64_t branch;
	enum taken taken = take_branch(v, node->type, &branch);
	int32_t chosen;

	if (taken)
		return taken;
	chosen = node->branch[branch];
	taken = charge(v, node->null_cost - (chosen < 0 ? 0 : node->parts[chosen].null_cost));
	if (taken || chosen < 0)
		return taken ? taken : put(arrow_append_null(node->to));
	for (int32_t i = 0; i < node->n && !taken; i++)
		taken = i == chosen ? take_node(v, &node->parts[i]) : put(arrow_append_null(node->parts[i].to));
	return taken ? taken : put(arrow_end_struct(node->to));
}

static enum taken take_json(struct values *v, const struct node *node)
{
	enum taken taken;

	v->text.len = 0;
	taken = values_spell_json(v, node->type);
	return taken ? taken : put_text(v, node, v->text.p, v->text.len);
}

static enum taken take_value(struct values *v, const struct node *node)
{
	int64_t n;
	enum taken taken;

	switch (node->op) {
	case OP_NULL:
		return put(arrow_append_null(node->to));
	case OP_BOOLEAN:
		return take_boolean(v, node);
	case OP_INT:
		return take_int(v, node);
	case OP_LONG:
		taken = take_long(v, &n);
		return taken ? taken : put(arrow_append_int(node->to, n));
	case OP_FLOAT:
		return take_real(v, node, AVRO_FLOAT);
	case OP_DOUBLE:
		return take_real(v, node, AVRO_DOUBLE);
	case OP_BYTES:
		return take_text(v, node, false);
	case OP_STRING:
		return take_text(v, node, true);
	case OP_FIXED:
	case OP_FIXED_WIDE:
		return take_fixed(v, node);
	case OP_ENUM:
		return take_enum(v, node);
	case OP_DECIMAL:
		return take_decimal(v, node);
	case OP_DECIMAL_TEXT:
		return take_decimal_text(v, node);
	case OP_UUID:
		return take_spelled(v, node, spell_uuid);
	case OP_DURATION:
		return take_spelled(v, node, spell_interval);
	case OP_ARRAY:
		return take_array(v, node);
	case OP_MAP:
		return take_map(v, node);
	case OP_RECORD:
		return take_record(v, node);
	case OP_NUMBER:
		return take_number(v, node);
	default:
		return take_json(v, node);
	}
}

/* A value behind its branch, if it has one. */
static enum taken take_charged(struct values *v, const struct node *node)
{
	enum taken taken = charge(v, node->cost);

	return taken ? taken : take_value(v, node);
}

static enum taken take_node(struct values *v, const struct node *node)
{
	int64_t branch;
	enum taken taken;

	if (node->op == OP_CHOICE)
		return take_choice(v, node);
	if (node->op == OP_NUMBER || (node->value_at < 0 && node->null_at < 0))
		return take_charged(v, node);
	taken = take_long(v, &branch);
	if (taken)
		return taken;
	if (branch == node->value_at)
		return take_charged(v, node);
	if (branch != node->null_at)
		return values_damaged(v, "a union has no branch of that number");
	taken = charge(v, node->null_cost);
	return taken ? taken : put(arrow_append_null(node->to));
}

enum taken values_take(struct values *v, const struct shape *shape)
{
	const struct node *root = &shape->root;
	enum taken taken = TAKEN;

	v->flaw = NULL;
	v->cost_max = v->cost + RECORD_MAX;
	for (v->now = 0; v->now < root->n && !taken; v->now++) {
		const struct node *part = &root->parts[v->now];

		taken = part->to ? take_node(v, part)
		                 : values_skip(v, shape->single ? shape->single : root->type->parts[v->now]);
	}
	for (int64_t i = 0; i < shape->n_missing && !taken; i++)
		taken = put(arrow_append_null(arrow_builder_child(root->to, shape->missing[i])));
	return taken ? taken : put(arrow_end_struct(root->to));
}

/* ---- stepping over ----------------------------------------------------------------------------------------------- */

static enum taken skip_items(struct values *v, const struct avro_type *type)
{
	static const struct avro_type key = {.kind = AVRO_STRING, .sized = true};
	enum taken taken;
	int64_t n;

	do {
		taken = take_count(v, type->kind == AVRO_MAP ? &key : type->parts[0], &n);
		for (int64_t i = 0; i < n && !taken; i++) {
			taken = values_turn(v);
			if (!taken && type->kind == AVRO_MAP)
				taken = values_skip(v, &key);
			if (!taken)
				taken = values_skip(v, type->parts[0]);
		}
	} while (!taken && n);
	return taken;
}

static enum taken skip_parts(struct values *v, const struct avro_type *type)
{
	enum taken taken = TAKEN;
	int64_t branch;

	if (type->kind == AVRO_UNION) {
		taken = take_branch(v, type, &branch);
		return taken ? taken : values_skip(v, type->parts[branch]);
	}
	for (uint32_t i = 0; i < type->n && !taken; i++)
		taken = values_skip(v, type->parts[i]);
	return taken;
}

static enum taken skip_value(struct values *v, const struct avro_type *type)
{
	const uint8_t *p;
	int64_t number;
	size_t n;

	switch (type->kind) {
	case AVRO_NULL:
		return TAKEN;
	case AVRO_BOOLEAN:
		return take_raw(v, 1, &p);
	case AVRO_INT:
	case AVRO_LONG:
	case AVRO_ENUM:
		return take_long(v, &number);
	case AVRO_FLOAT:
		return take_raw(v, 4, &p);
	case AVRO_DOUBLE:
		return take_raw(v, 8, &p);
	case AVRO_BYTES:
	case AVRO_STRING:
		return take_bytes(v, &p, &n);
	case AVRO_FIXED:
		return take_raw(v, type->size, &p);
	case AVRO_ARRAY:
	case AVRO_MAP:
		return skip_items(v, type);
	default:
		return skip_parts(v, type);
	}
}

enum taken values_skip(struct values *v, const struct avro_type *type)
{
	enum taken taken;

	if (v->depth >= VALUE_DEPTH)
		return values_too_large(v, "values stand deeper within each other than 1000");
	v->depth++;
	taken = skip_value(v, type);
	v->depth--;
	return taken;
}
