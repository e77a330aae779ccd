/* SPDX-License-Identifier: Apache-2.0 */
#include "tree.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/arrow.h>
#include <orasi/sdk/fail.h>

#define BLOCK (16 << 10)

struct tree_block {
	struct tree_block *next;
	size_t len, cap;
	_Alignas(16) char data[];
};

struct parser {
	struct tree *tree;
	const char *start, *p, *end;
	int depth, nodes;
	const char *wrong; /* what the text is not */
	bool no_memory, too_many;
};

static struct tree_node *parse_value(struct parser *parser);

/* ---- memory ------------------------------------------------------------------------------------------------------ */

static void *take(struct parser *parser, size_t n)
{
	struct tree_block *block = parser->tree->blocks;
	void *p;

	n = (n + 15) & ~(size_t)15;
	if (!block || block->cap - block->len < n) {
		size_t cap = n > BLOCK ? n : BLOCK;

		block = malloc(sizeof(*block) + cap);
		if (!block) {
			parser->no_memory = true;
			return NULL;
		}
		*block = (struct tree_block){.next = parser->tree->blocks, .cap = cap};
		parser->tree->blocks = block;
	}
	p = block->data + block->len;
	block->len += n;
	return memset(p, 0, n);
}

void tree_done(struct tree *tree)
{
	while (tree->blocks) {
		struct tree_block *next = tree->blocks->next;

		free(tree->blocks);
		tree->blocks = next;
	}
	tree->root = NULL;
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

static void *wrong(struct parser *parser, const char *what)
{
	if (!parser->wrong)
		parser->wrong = what;
	return NULL;
}

static void skip_space(struct parser *parser)
{
	while (parser->p < parser->end && memchr(" \t\r\n", *parser->p, 4))
		parser->p++;
}

/* Steps over the character when it is the next one. */
static bool accept(struct parser *parser, char c)
{
	if (parser->p == parser->end || *parser->p != c)
		return false;
	parser->p++;
	return true;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	                              : -1;
}

/* The four digits of \u; -1: they are none. */
static int32_t parse_unit(struct parser *parser)
{
	int32_t unit = 0;

	if (parser->end - parser->p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int digit = hex_digit(*parser->p++);

		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

static char *put_utf8(char *to, uint32_t c)
{
	if (c < 0x80) {
		*to++ = (char)c;
		return to;
	}
	if (c < 0x800) {
		*to++ = (char)(0xC0 | c >> 6);
	} else if (c < 0x10000) {
		*to++ = (char)(0xE0 | c >> 12);
		*to++ = (char)(0x80 | (c >> 6 & 63));
	} else {
		*to++ = (char)(0xF0 | c >> 18);
		*to++ = (char)(0x80 | (c >> 12 & 63));
		*to++ = (char)(0x80 | (c >> 6 & 63));
	}
	*to++ = (char)(0x80 | (c & 63));
	return to;
}

/* What follows a backslash; NULL when it is no escape. Surrogates come in pairs. */
static char *parse_escape(struct parser *parser, char *to)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	const char *at;
	int32_t unit, low;

	if (parser->p == parser->end)
		return NULL;
	at = strchr(names, *parser->p);
	if (at && *at) {
		parser->p++;
		*to++ = values[at - names];
		return to;
	}
	if (*parser->p++ != 'u')
		return NULL;
	unit = parse_unit(parser);
	if (unit < 0 || (unit >= 0xDC00 && unit < 0xE000))
		return NULL;
	if (unit < 0xD800 || unit >= 0xE000)
		return put_utf8(to, (uint32_t)unit);
	if (!accept(parser, '\\') || !accept(parser, 'u'))
		return NULL;
	low = parse_unit(parser);
	if (low < 0xDC00 || low >= 0xE000)
		return NULL;
	return put_utf8(to, 0x10000 + ((uint32_t)unit - 0xD800) * 0x400 + ((uint32_t)low - 0xDC00));
}

/* The string that begins here; its text is no longer than it stands. */
static char *parse_string(struct parser *parser, size_t *ret_len)
{
	const char *begin = parser->p + 1, *close = begin;
	char *text, *to;

	if (!accept(parser, '"'))
		return wrong(parser, "a string should begin here");
	while (close < parser->end && *close != '"')
		close += *close == '\\' ? 2 : 1;
	if (close >= parser->end)
		return wrong(parser, "a string does not end");
	text = to = take(parser, (size_t)(close - begin) + 1);
	if (!text)
		return NULL;
	while (parser->p < close) {
		if ((uint8_t)*parser->p < 0x20)
			return wrong(parser, "a control character stands in a string");
		if (*parser->p != '\\') {
			*to++ = *parser->p++;
			continue;
		}
		parser->p++;
		to = parse_escape(parser, to);
		if (!to)
			return wrong(parser, "no such escape in a string");
	}
	parser->p = close + 1;
	*ret_len = (size_t)(to - text);
	return arrow_utf8_valid(text, *ret_len) ? text : wrong(parser, "a string is not UTF-8");
}

static size_t count_digits(struct parser *parser)
{
	const char *begin = parser->p;

	while (parser->p < parser->end && *parser->p >= '0' && *parser->p <= '9')
		parser->p++;
	return (size_t)(parser->p - begin);
}

static bool is_number(struct parser *parser)
{
	const char *first;
	size_t n;

	accept(parser, '-');
	first = parser->p;
	n = count_digits(parser);
	if (!n || (n > 1 && *first == '0') || (accept(parser, '.') && !count_digits(parser)))
		return false;
	if (!accept(parser, 'e') && !accept(parser, 'E'))
		return true;
	if (!accept(parser, '+'))
		accept(parser, '-');
	return count_digits(parser) > 0;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static struct tree_node *new_node(struct parser *parser, enum tree_kind kind)
{
	struct tree_node *node;

	parser->too_many |= parser->nodes++ == TREE_NODES;
	if (parser->too_many)
		return NULL;
	node = take(parser, sizeof(*node));
	if (node)
		node->kind = kind;
	return node;
}

static struct tree_node *parse_number(struct parser *parser)
{
	struct tree_node *node = new_node(parser, TREE_NUMBER);
	const char *begin = parser->p;

	if (!node)
		return NULL;
	if (!is_number(parser))
		return wrong(parser, "no value begins here");
	node->len = (size_t)(parser->p - begin);
	node->text = take(parser, node->len + 1);
	if (!node->text)
		return NULL;
	memcpy(node->text, begin, node->len);
	return node;
}

static struct tree_node *parse_word(struct parser *parser)
{
	static const struct {
		const char *word;
		enum tree_kind kind;
	} words[] = {{"null", TREE_NULL}, {"true", TREE_BOOL}, {"false", TREE_BOOL}};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t n = strlen(words[i].word);

		if ((size_t)(parser->end - parser->p) >= n && !memcmp(parser->p, words[i].word, n)) {
			parser->p += n;
			return new_node(parser, words[i].kind);
		}
	}
	return parse_number(parser);
}

static struct tree_node *parse_member(struct parser *parser)
{
	struct tree_node *value;
	size_t len;
	char *key = parse_string(parser, &len);

	if (!key)
		return NULL;
	skip_space(parser);
	if (!accept(parser, ':'))
		return wrong(parser, "a colon should stand here");
	value = parse_value(parser);
	if (value)
		value->key = key;
	return value;
}

/* Items or members, up to the bracket that closes. */
static struct tree_node *parse_parts(struct parser *parser, enum tree_kind kind, char close)
{
	struct tree_node *node = new_node(parser, kind), **last = node ? &node->first : NULL;

	parser->p++;
	skip_space(parser);
	if (!node || accept(parser, close))
		return node;
	do {
		skip_space(parser);
		*last = kind == TREE_OBJECT ? parse_member(parser) : parse_value(parser);
		if (!*last)
			return NULL;
		last = &(*last)->next;
		node->n++;
		skip_space(parser);
	} while (accept(parser, ','));
	return accept(parser, close) ? node : wrong(parser, "a comma or a closing bracket should stand here");
}

static struct tree_node *parse_any(struct parser *parser)
{
	struct tree_node *node;

	switch (parser->p < parser->end ? *parser->p : 0) {
	case '{':
		return parse_parts(parser, TREE_OBJECT, '}');
	case '[':
		return parse_parts(parser, TREE_ARRAY, ']');
	case '"':
		node = new_node(parser, TREE_STRING);
		if (node)
			node->text = parse_string(parser, &node->len);
		return node && node->text ? node : NULL;
	default:
		return parse_word(parser);
	}
}

static struct tree_node *parse_value(struct parser *parser)
{
	struct tree_node *node;

	skip_space(parser);
	if (parser->depth >= TREE_DEPTH)
		return wrong(parser, "it is deeper than 256 levels");
	parser->depth++;
	node = parse_any(parser);
	parser->depth--;
	return node;
}

orasi_status tree_read(struct tree *ret, const char *text, size_t len, orasi_error *err)
{
	struct parser parser = {.tree = ret, .start = text, .p = text, .end = text + len};

	*ret = (struct tree){0};
	ret->root = parse_value(&parser);
	skip_space(&parser);
	if (ret->root && parser.p == parser.end)
		return ORASI_OK;
	if (ret->root)
		wrong(&parser, "something follows");
	tree_done(ret);
	if (parser.no_memory)
		return orasi_fail(err, ORASI_E_NOMEM, "no memory left for the schema");
	if (parser.too_many)
		return orasi_fail(err, ORASI_E_LIMIT, "the schema in the header has more than %d JSON values",
		                  TREE_NODES);
	return orasi_fail(err, ORASI_E_CORRUPT, "the schema in the header is no JSON: %s, at its byte %zu",
	                  parser.wrong, (size_t)(parser.p - parser.start));
}

const struct tree_node *tree_member(const struct tree_node *object, const char *key)
{
	const struct tree_node *found = NULL;

	if (object->kind != TREE_OBJECT)
		return NULL;
	for (const struct tree_node *member = object->first; member; member = member->next)
		if (!strcmp(member->key, key))
			found = member;
	return found;
}
