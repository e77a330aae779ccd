/* SPDX-License-Identifier: Apache-2.0 */
/* The hot path. Most records have the keys of the one before in the same order, so each key is
 * compared with the one that followed the last time, as words, and only a miss is unescaped, hashed
 * and looked up. */
#include "row.h"

#include <math.h>
#include <stdlib.h>

#include <orasi/sdk/number.h>
#include <orasi/sdk/stamp.h>

#include "text.h"

static const uint8_t *row_value(struct row *row, struct column *c, const uint8_t *p);

static const uint8_t *bad(struct row *row, const char *code, const struct column *column, const uint8_t *at,
                          const char *what)
{
	row->flaw.column = column;
	return flaw_set(&row->flaw, code, at, what);
}

static const uint8_t *no_memory(struct row *row)
{
	return bad(row, flaw_nomem, NULL, NULL, flaw_nomem);
}

void row_done(struct row *row)
{
	free(row->scratch);
	row->scratch = NULL;
	row->scratch_cap = 0;
}

#define SCRATCH_MIN 256

static int scratch_reserve(struct row *row, size_t n)
{
	uint8_t *p;

	if (row->scratch && n <= row->scratch_cap)
		return 0;
	p = realloc(row->scratch, n * 2 + SCRATCH_MIN);
	if (!p)
		return -1;
	row->scratch = p;
	row->scratch_cap = n * 2 + SCRATCH_MIN;
	return 0;
}

/* ---- scalars ------------------------------------------------------------------------------ */

/* Any value as the JSON text that it is. */
static const uint8_t *row_json(struct row *row, struct column *c, const uint8_t *p)
{
	const uint8_t *end = scan_value(p, row->depth, row->config->max_depth, &row->flaw);

	if (!end)
		return NULL;
	return column_append_bytes(c, p, (size_t)(end - p)) ? no_memory(row) : end;
}

/* The value is none of the column's type: says so if it is well-formed at all. */
static const uint8_t *mismatch(struct row *row, struct column *c, const uint8_t *p, const char *what)
{
	const uint8_t *end = scan_value(p, row->depth, row->config->max_depth, &row->flaw);

	if (!end)
		return NULL;
	bad(row, FLAW_MISMATCH, c, p, what);
	row->flaw.len = (size_t)(end - p);
	return NULL;
}

static const uint8_t *row_null(struct row *row, struct column *c, const uint8_t *p)
{
	const uint8_t *end = scan_word(p, "null", 4);

	if (!end)
		return flaw_set(&row->flaw, FLAW_SYNTAX, p, "a value is misspelt");
	if (!c->nullable)
		return bad(row, FLAW_NULL, c, p, "null for a column that needs a value");
	return column_append_null(c) ? no_memory(row) : end;
}

static const uint8_t *row_bool(struct row *row, struct column *c, const uint8_t *p)
{
	const uint8_t *end = scan_word(p, "true", 4);
	bool v = end != NULL;

	if (!end)
		end = scan_word(p, "false", 5);
	if (!end)
		return mismatch(row, c, p, "not a boolean");
	return column_append_bool(c, v) ? no_memory(row) : end;
}

/* Does the integer fit a narrower column? */
static bool fits(const struct column *c, int64_t v)
{
	unsigned bits = (unsigned)(8 * c->width);

	if (bits == 64)
		return true;
	if (c->info.type == ARROW_INT8 || c->info.type == ARROW_INT16 || c->info.type == ARROW_INT32)
		return v >= -(1LL << (bits - 1)) && v < 1LL << (bits - 1);
	return v >= 0 && v < 1LL << bits;
}

static const uint8_t *row_int(struct row *row, struct column *c, const uint8_t *p)
{
	struct number number;
	const uint8_t *end = number_scan(p, &number);
	int64_t v;
	bool ok;

	if (!end)
		return mismatch(row, c, p, "not a number");
	if (c->info.type == ARROW_UINT64)
		ok = number_uint64(&number, (uint64_t *)&v);
	else
		ok = number_int64(&number, &v) && fits(c, v);
	if (!ok)
		return mismatch(row, c, p, "not a whole number in the range of the column");
	return column_append_word(c, (uint64_t)v) ? no_memory(row) : end;
}

static const uint8_t *row_double(struct row *row, struct column *c, const uint8_t *p)
{
	struct number number;
	const uint8_t *end = number_scan(p, &number);
	uint64_t bits = 0;
	double v;
	float narrow;

	if (!end)
		return mismatch(row, c, p, "not a number");
	if (!number_double(&number, &v) || (c->width == 4 && isinf((float)v)))
		return mismatch(row, c, p, "a number beyond the range of the column");
	narrow = (float)v;
	if (c->width == 4)
		memcpy(&bits, &narrow, 4);
	else
		memcpy(&bits, &v, 8);
	return column_append_word(c, bits) ? no_memory(row) : end;
}

static const uint8_t *row_decimal(struct row *row, struct column *c, const uint8_t *p)
{
	struct number number;
	const uint8_t *end = number_scan(p, &number);
	__int128 v;

	if (!end)
		return mismatch(row, c, p, "not a number");
	if (!number_decimal(&number, c->info.precision, c->info.scale, &v))
		return mismatch(row, c, p, "a number with more digits than the decimal column has");
	return column_append_decimal(c, v) ? no_memory(row) : end;
}

static const uint8_t *append_unescaped(struct row *row, struct column *c, const struct text *text, const uint8_t *end)
{
	if (scratch_reserve(row, text->len))
		return no_memory(row);
	return column_append_bytes(c, row->scratch, text_unescape(row->scratch, text->p, text->len)) ? no_memory(row)
	                                                                                             : end;
}

/* Short strings: 32 bytes are copied whatever the length, both sides have room for that. */
static inline int append_plain(struct column *c, const struct text *text)
{
	struct run *data = &c->data, *offsets = &c->offsets;
	int32_t at;

	if (text->len > 32 || c->wide || !offsets->len || data->len > INT32_MAX - 32)
		return column_append_bytes(c, text->p, text->len);
	if (run_reserve(data, 32) || run_reserve(offsets, 4))
		return -1;
	memcpy(data->p + data->len, text->p, 32);
	data->len += text->len;
	at = (int32_t)data->len;
	memcpy(offsets->p + offsets->len, &at, 4);
	offsets->len += 4;
	return column_note(c);
}

static const uint8_t *row_string(struct row *row, struct column *c, const uint8_t *p)
{
	const uint8_t *end;
	struct text text;

	if (c->mode == COLUMN_JSON)
		return row_json(row, c, p);
	if (*p != '"') {
		bool scalar = *p != '{' && *p != '[';

		if (row->config->coerce || (c->mode == COLUMN_TEXT && scalar))
			return row_json(row, c, p);
		return mismatch(row, c, p, "not a string");
	}
	end = scan_string(p + 1, &text, &row->flaw);
	if (!end)
		return NULL;
	if (text.escaped)
		return append_unescaped(row, c, &text, end);
	return append_plain(c, &text) ? no_memory(row) : end;
}

/* A string whose inside is read further: a time, base64. NULL with the flaw set. */
static const uint8_t *row_inside(struct row *row, struct column *c, const uint8_t *p, struct text *ret)
{
	const uint8_t *end;

	if (*p != '"')
		return mismatch(row, c, p, "not a string");
	end = scan_string(p + 1, ret, &row->flaw);
	if (end && ret->escaped) { /* "\u0032024-…" is odd but legal */
		if (scratch_reserve(row, ret->len))
			return no_memory(row);
		ret->len = text_unescape(row->scratch, ret->p, ret->len);
		ret->p = row->scratch;
	}
	return end;
}

static const uint8_t *row_stamp(struct row *row, struct column *c, const uint8_t *p)
{
	struct text text;
	const uint8_t *end = row_inside(row, c, p, &text);
	struct stamp stamp;
	int64_t v;

	if (!end)
		return NULL;
	if (!stamp_parse(text.p, text.len, &stamp) || !stamp_in(&stamp, c->info.unit, &v))
		return mismatch(row, c, p, "not a time such as 2026-01-31T23:59:59.5Z");
	return column_append_word(c, (uint64_t)v) ? no_memory(row) : end;
}

static const uint8_t *row_date(struct row *row, struct column *c, const uint8_t *p)
{
	struct text text;
	const uint8_t *end = row_inside(row, c, p, &text);
	int32_t days;

	if (!end)
		return NULL;
	if (!stamp_parse_date(text.p, text.len, &days))
		return mismatch(row, c, p, "not a date such as 2026-01-31");
	return column_append_word(c, (uint32_t)days) ? no_memory(row) : end;
}

static const uint8_t *row_binary(struct row *row, struct column *c, const uint8_t *p)
{
	struct text text;
	const uint8_t *end = row_inside(row, c, p, &text);
	int64_t n;

	if (!end)
		return NULL;
	if (scratch_reserve(row, text.len))
		return no_memory(row);
	n = text_base64(row->scratch, text.p, text.len); /* in place is fine: it only shrinks */
	if (n < 0)
		return mismatch(row, c, p, "not base64");
	return column_append_bytes(c, row->scratch, (size_t)n) ? no_memory(row) : end;
}

/* ---- keys --------------------------------------------------------------------------------- */

static inline uint64_t load(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, 8);
	return v;
}

/* Is the text at p this child's key, quotes included? */
static inline bool key_matches(const struct column *child, const uint8_t *p)
{
	size_t n = child->key_len;

	if ((load(p) & child->key_mask) != child->key_head)
		return false;
	if (n <= 8)
		return n;
	if (n > 16 && strncmp((const char *)p + 8, (const char *)child->key + 8, n - 8))
		return false;
	return load(p + n - 8) == child->key_tail;
}

/* Reads a key that was not guessed. *ret is NULL if no child is called so. */
static const uint8_t *key_find(struct row *row, const struct column *c, const uint8_t *p, struct column **ret)
{
	const uint8_t *name;
	struct text text;

	if (*p != '"')
		return flaw_set(&row->flaw, FLAW_SYNTAX, p, "a key in quotes is missing");
	p = scan_string(p + 1, &text, &row->flaw);
	if (!p)
		return NULL;
	name = text.p;
	if (text.escaped) {
		if (scratch_reserve(row, text.len))
			return no_memory(row);
		text.len = text_unescape(row->scratch, text.p, text.len);
		name = row->scratch;
	}
	*ret = column_child(c, name, text.len);
	return p;
}

static const uint8_t *colon(struct row *row, const uint8_t *p)
{
	p = scan_space(p);
	if (*p != ':')
		return flaw_set(&row->flaw, FLAW_SYNTAX, p, "a colon is missing behind a key");
	return scan_space(p + 1);
}

/* ---- containers --------------------------------------------------------------------------- */

static const uint8_t *row_unknown(struct row *row, struct column *c, const uint8_t *key, const uint8_t *p)
{
	const uint8_t *end = scan_value(p, row->depth, row->config->max_depth, &row->flaw);

	if (!end || row->config->unknown == ROW_IGNORE)
		return end;
	if (row->config->unknown == ROW_REJECT)
		return bad(row, FLAW_UNKNOWN, c, key, "a key that the schema does not have");
	return *p == 'n' ? end : bad(row, flaw_grow, c, key, "a key that the schema does not have");
}

/* `next` is where the guess for this member stands; it moves to the one for the next. */
static const uint8_t *row_member(struct row *row, struct column *c, int64_t at, uint32_t **next, const uint8_t *p)
{
	const uint8_t *key = p;
	struct column *child = **next < c->n_children ? c->children[**next] : NULL;

	if (child && key_matches(child, p)) {
		p += child->key_len;
	} else {
		p = key_find(row, c, p, &child);
		if (!p)
			return NULL;
		if (child)
			**next = (uint32_t)names_find(&c->names, child->name, child->name_len);
	}
	p = colon(row, p);
	if (!p)
		return NULL;
	if (!child)
		return row_unknown(row, c, key, p);
	*next = &child->next;
	if (child->length > at) {
		row->duplicates++;
		column_truncate(child, at);
	}
	return row_value(row, child, p);
}

/* Children that the object did not mention are null. */
static bool fill_missing(struct row *row, struct column *c, int64_t at, const uint8_t *p)
{
	for (uint32_t i = 0; i < c->n_children; i++) {
		struct column *child = c->children[i];

		if (child->length > at)
			continue;
		if (!child->nullable)
			return bad(row, FLAW_NULL, child, p, "no value for a column that needs one");
		if (column_append_null(child))
			return no_memory(row);
	}
	return true;
}

static bool deeper(struct row *row, const uint8_t *p)
{
	if (row->depth++ < row->config->max_depth)
		return true;
	return flaw_set(&row->flaw, FLAW_DEPTH, p, "more containers inside each other than max_depth allows");
}

static const uint8_t *row_struct(struct row *row, struct column *c, const uint8_t *p)
{
	uint32_t *next = &c->first;
	int64_t at = c->length;

	if (*p != '{')
		return mismatch(row, c, p, "not an object");
	if (!deeper(row, p))
		return NULL;
	p = scan_space(p + 1);
	while (*p != '}') {
		p = row_member(row, c, at, &next, p);
		if (!p)
			return NULL;
		p = scan_space(p);
		if (*p == '}')
			break;
		if (*p != ',')
			return flaw_set(&row->flaw, FLAW_SYNTAX, p, "a comma or '}' is missing");
		p = scan_space(p + 1);
		if (*p == '}')
			return flaw_set(&row->flaw, FLAW_SYNTAX, p, "a comma stands before '}'");
	}
	row->depth--;
	if (!fill_missing(row, c, at, p))
		return NULL;
	return column_note(c) ? no_memory(row) : p + 1;
}

static bool one_more(struct row *row, const struct column *list, const uint8_t *p)
{
	row->items += list->children[0]->row_bytes;
	if (row->items <= ROW_ITEMS_MAX)
		return true;
	return bad(row, FLAW_TOO_LONG, list, p, "more items than a record has room for");
}

static const uint8_t *row_list(struct row *row, struct column *c, const uint8_t *p)
{
	if (*p != '[')
		return mismatch(row, c, p, "not an array");
	if (!deeper(row, p))
		return NULL;
	p = scan_space(p + 1);
	while (*p != ']') {
		p = one_more(row, c, p) ? row_value(row, c->children[0], p) : NULL;
		if (!p)
			return NULL;
		p = scan_space(p);
		if (*p == ']')
			break;
		if (*p != ',')
			return flaw_set(&row->flaw, FLAW_SYNTAX, p, "a comma or ']' is missing");
		p = scan_space(p + 1);
		if (*p == ']')
			return flaw_set(&row->flaw, FLAW_SYNTAX, p, "a comma stands before ']'");
	}
	row->depth--;
	return column_end_list(c) ? no_memory(row) : p + 1;
}

/* One pair of a map: its key as a string, its value by the map's type. */
static const uint8_t *row_entry(struct row *row, struct column *entries, const uint8_t *p)
{
	if (*p != '"')
		return flaw_set(&row->flaw, FLAW_SYNTAX, p, "a key in quotes is missing");
	p = row_string(row, entries->children[0], p);
	p = p ? colon(row, p) : NULL;
	p = p ? row_value(row, entries->children[1], p) : NULL;
	if (!p)
		return NULL;
	return column_note(entries) ? no_memory(row) : p;
}

static const uint8_t *row_map(struct row *row, struct column *c, const uint8_t *p)
{
	if (*p != '{')
		return mismatch(row, c, p, "not an object");
	if (!deeper(row, p))
		return NULL;
	p = scan_space(p + 1);
	while (*p != '}') {
		p = one_more(row, c, p) ? row_entry(row, c->children[0], p) : NULL;
		if (!p)
			return NULL;
		p = scan_space(p);
		if (*p == '}')
			break;
		if (*p != ',')
			return flaw_set(&row->flaw, FLAW_SYNTAX, p, "a comma or '}' is missing");
		p = scan_space(p + 1);
		if (*p == '}')
			return flaw_set(&row->flaw, FLAW_SYNTAX, p, "a comma stands before '}'");
	}
	row->depth--;
	return column_end_list(c) ? no_memory(row) : p + 1;
}

static const uint8_t *row_value(struct row *row, struct column *c, const uint8_t *p)
{
	if (*p == 'n')
		return row_null(row, c, p);
	switch (c->info.type) {
	case ARROW_BOOL:
		return row_bool(row, c, p);
	case ARROW_FLOAT32:
	case ARROW_FLOAT64:
		return row_double(row, c, p);
	case ARROW_DECIMAL128:
		return row_decimal(row, c, p);
	case ARROW_UTF8:
	case ARROW_LARGE_UTF8:
		return row_string(row, c, p);
	case ARROW_BINARY:
	case ARROW_LARGE_BINARY:
		return row_binary(row, c, p);
	case ARROW_DATE32:
		return row_date(row, c, p);
	case ARROW_TIMESTAMP:
		return row_stamp(row, c, p);
	case ARROW_STRUCT:
		return row_struct(row, c, p);
	case ARROW_LIST:
	case ARROW_LARGE_LIST:
		return row_list(row, c, p);
	case ARROW_MAP:
		return row_map(row, c, p);
	default:
		return row_int(row, c, p);
	}
}

static bool ends_well(const uint8_t *p, const uint8_t *end, struct flaw *flaw)
{
	p = scan_space(p);
	return p == end || flaw_set(flaw, FLAW_SYNTAX, p, "something follows the end of the record");
}

bool row_check(const uint8_t *text, size_t len, unsigned max_depth, struct flaw *flaw)
{
	const uint8_t *start = scan_space(text), *p = scan_value(start, 0, max_depth, flaw);

	if (!p || !ends_well(p, text + len, flaw))
		return false;
	return *start == '{' || flaw_set(flaw, FLAW_NOT_OBJECT, start, "the record is no object");
}

bool row_parse(struct row *row, struct column *root, const uint8_t *text, size_t len)
{
	const uint8_t *start = scan_space(text), *p;

	row->depth = 0;
	row->items = 0;
	row->flaw = (struct flaw){0};
	if (*start != '{')
		return row_check(text, len, row->config->max_depth, &row->flaw);
	p = row_struct(row, root, start);
	return p && ends_well(p, text + len, &row->flaw);
}
