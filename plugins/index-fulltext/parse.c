/* SPDX-License-Identifier: Apache-2.0 */
#include "parse.h"

#include <stdlib.h>
#include <string.h>

#include <orasi/sdk/fail.h>

#include "run.h"

struct parser {
	const char *text, *at, *end;
	int depth, nodes;
	orasi_status status;
	orasi_error *err;
};

static struct node *wrong(struct parser *p, const char *what)
{
	if (!p->status)
		p->status = orasi_fail(p->err, ORASI_E_INVALID, "full-text query, character %d: %s",
		                       (int)(p->at - p->text) + 1, what);
	return NULL;
}

static struct node *new_node(struct parser *p, enum node_kind kind, struct node *left, struct node *right)
{
	struct node *node = p->nodes++ < QUERY_NODES_MAX ? calloc(1, sizeof(*node)) : NULL;

	if (!node) {
		query_free(left);
		query_free(right);
		return wrong(p, p->nodes > QUERY_NODES_MAX ? "too many words: use fewer" : "out of memory");
	}
	*node = (struct node){.kind = kind, .left = left, .right = right};
	return node;
}

void query_free(struct node *node)
{
	if (!node)
		return;
	query_free(node->left);
	query_free(node->right);
	free(node->terms);
	free(node);
}

/* ---- words ------------------------------------------------------------------------------------------------- */

static int add_term(struct node *node, const struct text *text)
{
	struct term_text *terms = realloc(node->terms, (node->n_terms + 1) * sizeof(*terms));

	if (!terms)
		return -1;
	node->terms = terms;
	memcpy(terms[node->n_terms].bytes, text->term, text->n);
	terms[node->n_terms++].n = text->n;
	return 0;
}

/* NULL without an error: there was no letter in it. */
static struct node *make_words(struct parser *p, enum node_kind kind, const char *begin, const char *end)
{
	struct node *node = new_node(p, kind, NULL, NULL);
	struct text text;

	if (!node)
		return NULL;
	for (text_begin(&text, begin, (size_t)(end - begin)); text_next(&text);)
		if (add_term(node, &text)) {
			wrong(p, "out of memory");
			break;
		}
	if (!node->n_terms || p->status) {
		query_free(node);
		return NULL;
	}
	return node;
}

static struct node *parse_quoted(struct parser *p)
{
	const char *begin = ++p->at;

	while (p->at < p->end && *p->at != '"')
		p->at++;
	if (p->at == p->end) {
		p->at = begin - 1;
		return wrong(p, "the quotation mark is not closed");
	}
	return make_words(p, NODE_WORDS, begin, p->at++);
}

static int ends_word(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '(' || c == ')' || c == '"';
}

static struct node *parse_word(struct parser *p)
{
	const char *begin = p->at;

	while (p->at < p->end && !ends_word(*p->at))
		p->at++;
	if (p->at[-1] == '*')
		return make_words(p, NODE_PREFIX, begin, p->at - 1);
	return make_words(p, NODE_WORDS, begin, p->at);
}

/* ---- grammar ------------------------------------------------------------------------------------------------- */

static void skip_space(struct parser *p)
{
	while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
		p->at++;
}

static int is_next(struct parser *p, const char *word)
{
	size_t n = strlen(word);

	skip_space(p);
	return (size_t)(p->end - p->at) >= n && !memcmp(p->at, word, n) && (p->at + n == p->end || ends_word(p->at[n]));
}

static int take(struct parser *p, const char *word)
{
	if (!is_next(p, word))
		return 0;
	p->at += strlen(word);
	return 1;
}

static struct node *parse_or(struct parser *p);

static struct node *parse_group(struct parser *p)
{
	struct node *node;

	p->at++;
	node = parse_or(p);
	skip_space(p);
	if (!p->status && p->at < p->end && *p->at == ')') {
		p->at++;
		return node;
	}
	query_free(node);
	return wrong(p, "a ')' is missing");
}

static int at_end(struct parser *p)
{
	skip_space(p);
	return p->at == p->end || *p->at == ')' || is_next(p, "OR");
}

static struct node *parse_factor(struct parser *p)
{
	struct node *node;

	if (at_end(p) || is_next(p, "AND"))
		return wrong(p, "a word is missing");
	if (++p->depth > QUERY_DEPTH_MAX)
		return wrong(p, "too many parentheses inside each other");
	if (take(p, "NOT")) {
		node = parse_factor(p);
		node = node ? new_node(p, NODE_NOT, node, NULL) : NULL;
	} else {
		node = *p->at == '(' ? parse_group(p) : *p->at == '"' ? parse_quoted(p) : parse_word(p);
	}
	p->depth--;
	return node;
}

/* A side without a letter leaves the other one alone. */
static struct node *join(struct parser *p, enum node_kind kind, struct node *left, struct node *right)
{
	if (!p->status)
		return left && right ? new_node(p, kind, left, right) : left ? left : right;
	query_free(left);
	query_free(right);
	return NULL;
}

static struct node *parse_and(struct parser *p)
{
	struct node *node = parse_factor(p);

	while (!p->status && (take(p, "AND") || !at_end(p)))
		node = join(p, NODE_AND, node, parse_factor(p));
	return join(p, NODE_AND, node, NULL);
}

static struct node *parse_or(struct parser *p)
{
	struct node *node = parse_and(p);

	while (!p->status && take(p, "OR"))
		node = join(p, NODE_OR, node, parse_and(p));
	return join(p, NODE_OR, node, NULL);
}

orasi_status query_parse(const char *text, size_t n, struct node **ret, orasi_error *err)
{
	struct parser p = {text, text, text + n, 0, 0, ORASI_OK, err};
	struct node *node;

	if (n > QUERY_MAX)
		return orasi_fail(err, ORASI_E_INVALID, "a full-text query of %zu bytes is too long: %d are allowed", n,
		                  QUERY_MAX);
	node = parse_or(&p);
	if (!p.status && p.at < p.end)
		wrong(&p, "a ')' without its '('");
	if (!p.status && !node)
		wrong(&p, "there is no word to look for");
	if (p.status) {
		query_free(node);
		return p.status;
	}
	*ret = node;
	return ORASI_OK;
}
