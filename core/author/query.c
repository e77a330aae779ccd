/* SPDX-License-Identifier: Apache-2.0 */
#include "query.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <orasi/sdk/arrow.h>

#include "base/civil.h"
#include "base/str.h"

#define VALUE_MAX 4096

/* The longer ones before what they begin with. */
static const struct op {
	const char *name;
	uint32_t op;
} ops[] = {
	{"<=", ORASI_OP_LE},
	{">=", ORASI_OP_GE},
	{"=", ORASI_OP_EQ},
	{"<", ORASI_OP_LT},
	{">", ORASI_OP_GT},
	{"IS NOT NULL", ORASI_OP_NOT_NULL},
	{"IS NULL", ORASI_OP_IS_NULL},
	{"IN ", ORASI_OP_IN},
	{"PREFIX ", ORASI_OP_PREFIX},
	{"MATCH ", ORASI_OP_MATCH},
};

const char *query_op_name(uint32_t op)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (ops[i].op == op)
			return ops[i].name;
	return "?";
}

/* ---- the words --------------------------------------------------------------------------------------------------- */

static const char *skip_spaces(const char *at)
{
	return at + strspn(at, " \t");
}

/* The text behind the column; NULL: it does not end. */
static const char *take_column(const char *at, orasi_str *ret)
{
	const char *end;

	if (*at == '"') {
		end = strchr(++at, '"');
		*ret = (orasi_str){at, end ? (size_t)(end - at) : 0};
		return end ? end + 1 : NULL;
	}
	*ret = (orasi_str){at, strcspn(at, " \t=<>")};
	return at + ret->len;
}

static const struct op *take_op(const char **at)
{
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++)
		if (!strncasecmp(*at, ops[i].name, strlen(ops[i].name))) {
			*at += strlen(ops[i].name);
			return &ops[i];
		}
	return NULL;
}

/* One of the values of IN, or the rest: without the spaces around it, and one pair of quotes. */
static int take_value(const char **at, int is_list, char *ret, struct err *err)
{
	const char *begin = skip_spaces(*at), *end;
	int quoted = *begin == '\'';
	size_t n;

	begin += quoted;
	end = quoted ? strchr(begin, '\'') : begin + (is_list ? strcspn(begin, ",") : strlen(begin));
	if (!end)
		return err_set(err, ERR_INVALID, "a value that begins with ' must end with it");
	*at = skip_spaces(end + quoted);
	if (!quoted)
		while (end > begin && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
	if (**at && (!is_list || **at != ','))
		return err_set(err, ERR_INVALID, "'%.60s' stands behind the value", *at);
	*at += **at == ',';
	n = (size_t)(end - begin);
	if (n >= VALUE_MAX)
		return err_set(err, ERR_LIMIT, "a value has more than %d bytes", VALUE_MAX - 1);
	memcpy(ret, begin, n);
	ret[n] = '\0';
	return 0;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* "2026-01-31" or "2026-01-31T12:00:00", UTC, in `per_second` parts of a second. */
static int parse_time(const char *text, int64_t per_second, int64_t *ret)
{
	int year, month, day, hour = 0, minute = 0, second = 0, n = 0;

	if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &n) < 3 || month < 1 || month > 12 || day < 1 ||
	    day > civil_month_days(year, month))
		return -1;
	text += n;
	if (*text == 'T' || *text == ' ') {
		if (sscanf(text + 1, "%2d:%2d:%2d%n", &hour, &minute, &second, &n) < 3 || hour > 23 || minute > 59 ||
		    second > 59 || hour < 0 || minute < 0 || second < 0)
			return -1;
		text += 1 + n;
	}
	if (*text && strcmp(text, "Z"))
		return -1;
	*ret = (((civil_to_days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * per_second;
	return 0;
}

static int fits(int64_t value, size_t width)
{
	return width >= 8 || (value >= -((int64_t)1 << (8 * width - 1)) && value < (int64_t)1 << (8 * width));
}

/* Integers, and what is stored as such. */
static int parse_int(const struct arrow_type_info *type, const char *text, int64_t *ret)
{
	static const int64_t per_second[] = {1, 1000, 1000000, 1000000000};
	uint64_t large;

	if (type->type == ARROW_DATE32 && !parse_time(text, 1, ret)) {
		*ret /= 86400;
		return 0;
	}
	if (type->type == ARROW_TIMESTAMP && !parse_time(text, per_second[type->unit], ret))
		return 0;
	if (type->type == ARROW_UINT64 && !str_to_u64(text, &large)) {
		*ret = (int64_t)large;
		return 0;
	}
	return str_to_i64(text, ret) || !fits(*ret, arrow_type_width(type)) ? -1 : 0;
}

/* -1: it is none of this type. */
static int append(struct arrow_builder *b, const struct arrow_type_info *type, const char *text)
{
	double number;
	int64_t value;
	int truth;

	switch (type->type) {
	case ARROW_UTF8:
	case ARROW_LARGE_UTF8:
	case ARROW_BINARY:
	case ARROW_LARGE_BINARY:
		return arrow_append_bytes(b, text, strlen(text));
	case ARROW_BOOL:
		return str_to_bool(text, &truth) ? -1 : arrow_append_bool(b, truth);
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		return str_to_f64(text, &number) ? -1 : arrow_append_double(b, number);
	default:
		return parse_int(type, text, &value) ? -1 : arrow_append_int(b, value);
	}
}

static int can_parse(const struct arrow_type_info *type)
{
	return type->type <= ARROW_FLOAT64 ? type->type != ARROW_NULL && type->type != ARROW_FLOAT16
	                                   : (type->type >= ARROW_UTF8 && type->type <= ARROW_LARGE_BINARY) ||
	                                             (type->type >= ARROW_DATE32 && type->type <= ARROW_DURATION);
}

static int take_values(const char *at, int is_list, const struct ArrowSchema *type, struct ArrowArray *ret,
                       struct err *err)
{
	struct arrow_builder *b = arrow_builder_new(type);
	struct arrow_type_info info;
	char value[VALUE_MAX];
	int r = b && !arrow_type_parse(type->format, &info) ? 0 : err_set(err, ERR_NOMEM, "out of memory");

	if (!r && !can_parse(&info))
		r = err_set(err, ERR_UNSUPPORTED, "a value of the type of this column cannot be typed (format '%.20s')",
		            type->format);
	do {
		r = r ? r : take_value(&at, is_list, value, err);
		if (!r && append(b, &info, value))
			r = err_set(err, ERR_INVALID, "'%.60s' is no value of this column (format '%.20s')", value,
			            type->format);
	} while (!r && is_list && *at);
	if (!r && arrow_builder_finish(b, ret))
		r = err_set(err, ERR_NOMEM, "out of memory");
	arrow_builder_free(b);
	return r;
}

/* ---- a term ------------------------------------------------------------------------------------------------------ */

static int make_term(struct query *q, const char *text, const struct ArrowSchema *keys, struct err *err)
{
	orasi_term *term = &q->terms[q->n];
	const char *at = take_column(skip_spaces(text), &term->column);
	int64_t column = at ? arrow_schema_find(keys, term->column.ptr, term->column.len) : -1;
	const struct op *op;

	if (column < 0)
		return err_set(err, ERR_INVALID, "'%.*s' is no column of this index", (int)term->column.len,
		               term->column.ptr);
	at = skip_spaces(at);
	op = take_op(&at);
	if (!op)
		return err_set(
			err, ERR_INVALID,
			"behind the column stands one of =, <, <=, >, >=, IN, PREFIX, MATCH, IS NULL, IS NOT NULL, not "
			"'%.60s'",
			at);
	term->struct_size = sizeof(*term);
	term->op = op->op;
	if (op->op == ORASI_OP_IS_NULL || op->op == ORASI_OP_NOT_NULL)
		return *skip_spaces(at) ? err_set(err, ERR_INVALID, "'%.60s' stands behind %s", at, op->name) : 0;
	if (op->op == ORASI_OP_MATCH ? arrow_schema_make(&q->types[q->n], "u", "", 1, 0)
	                             : arrow_schema_copy(&q->types[q->n], keys->children[column]))
		return err_set(err, ERR_NOMEM, "out of memory");
	term->type = &q->types[q->n];
	term->values = &q->values[q->n];
	return take_values(at, op->op == ORASI_OP_IN, term->type, &q->values[q->n], err);
}

int query_add(struct query *q, const char *text, const struct ArrowSchema *keys, struct err *err)
{
	int r = q->n == TERMS_MAX ? err_set(err, ERR_LIMIT, "more than %d terms", TERMS_MAX)
	                          : make_term(q, text, keys, err);

	if (r) {
		err_prefix(err, "--query \"%.100s\"", text);
		return r;
	}
	q->list[q->n] = &q->terms[q->n];
	q->ops |= 1u << q->terms[q->n].op;
	q->n++;
	return 0;
}

void query_done(struct query *q)
{
	for (uint32_t i = 0; i < TERMS_MAX; i++) {
		arrow_schema_release(&q->types[i]);
		arrow_array_release(&q->values[i]);
	}
}
