/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks in the body of a request: one object, an array, or one a line. Either all of them are fine, or
 * the request is refused with every problem; or, item by item, the fine ones go on and each other one keeps
 * its problems for the answer. */
#include <string.h>

#include "api/access.h"
#include "api/check.h"
#include "base/str.h"

#define TASKS_MAX 10000
#define ERRORS_MAX 100

/* ---- lines ------------------------------------------------------------------------------ */
static int is_blank(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\r'))
		p++;
	return p == end;
}

/* The next line behind *at that is not blank: 1; *ret_number counts all, from 1. */
static int next_line(const char **at, const char *end, size_t *ret_number, const char **ret, size_t *ret_n)
{
	while (*at < end) {
		const char *begin = *at, *stop = memchr(begin, '\n', (size_t)(end - begin));

		stop = stop ? stop : end;
		*at = stop + 1;
		++*ret_number;
		*ret = begin;
		*ret_n = (size_t)(stop - begin);
		if (!is_blank(begin, stop))
			return 1;
	}
	return 0;
}

size_t submission_line(struct http_request *req, struct submission *s, size_t i)
{
	const char *at = s->text, *end = s->text + s->n_text, *line;
	size_t number = 0, len;

	if (!s->is_lines)
		return 0;
	if (!s->lines) {
		s->lines = arena_alloc(http_arena(req), (s->n_items + 1) * sizeof(*s->lines));
		for (size_t k = 0; k < s->n_items && next_line(&at, end, &number, &line, &len); k++)
			s->lines[k] = number;
	}
	return s->lines[i];
}

/* One that is not JSON is null, and its error says so: it is that of item i. */
static struct json *read_line(const char *line, size_t n, size_t number, size_t i, struct json *errors)
{
	struct json *tree = NULL, *error;
	struct err err = {0};

	if (!json_parse(line, n, &tree, &err))
		return tree;
	errors_add(errors, "", "the line is not JSON: %s", err.text);
	error = (struct json *)json_at(errors, json_count(errors) - 1);
	json_set_int(error, "index", (int64_t)i);
	json_set_int(error, "line", (int64_t)number);
	return json_new_null();
}

static struct json *read_lines(const struct submission *s, struct json *errors)
{
	const char *at = s->text, *end = s->text + s->n_text, *line;
	struct json *trees = json_new_array();
	size_t number = 0, len;

	while (next_line(&at, end, &number, &line, &len))
		json_push(trees, read_line(line, len, number, json_count(trees), errors));
	return trees;
}

static size_t count_lines(const struct submission *s)
{
	const char *at = s->text, *end = s->text + s->n_text, *line;
	size_t n = 0, number = 0, len;

	while (next_line(&at, end, &number, &line, &len))
		n++;
	return n;
}

/* The items one after the other. Lines are read as they come, so that there is but one tree at a time, unless all of them
 * have been read. */
struct items {
	const struct submission *s;
	size_t i, number;
	const char *at;
	struct json *line;
};

static struct items items_of(const struct submission *s)
{
	return (struct items){.s = s, .at = s->text};
}

/* Lent until the next one is asked for, or items_done. `broken` gets what is wrong with a line. */
static struct json *items_next(struct items *items, struct json *broken)
{
	const struct submission *s = items->s;
	const char *line = NULL;
	size_t i = items->i++, n = 0;

	if (s->trees || !s->is_lines)
		return s->is_list ? (struct json *)json_at(s->trees, i) : s->trees;
	json_free(items->line);
	next_line(&items->at, s->text + s->n_text, &items->number, &line, &n);
	return items->line = read_line(line, n, items->number, i, broken);
}

static void items_done(struct items *items)
{
	json_free(items->line);
}

/* Errors of item i, from the one at `from` on: where it stands among the lines. */
static void mark_lines(struct http_request *req, struct submission *s, size_t i, struct json *errors, size_t from)
{
	for (; s->is_lines && from < json_count(errors); from++) {
		struct json *error = (struct json *)json_at(errors, from);

		json_set_int(error, "index", (int64_t)i);
		json_set_int(error, "line", (int64_t)submission_line(req, s, i));
	}
}

/* ---- the body ---------------------------------------------------------------------------- */
/* What an Idempotency-Key stands for is compared as a whole: then all lines are read before any is looked at. `broken` gets
 * what is wrong with single ones, and the trees have a null for each. */
static int read_trees(struct http_request *req, struct submission *s, struct json *broken, struct err *err)
{
	struct json *tree = NULL;
	int r;

	s->text = http_body(req, &s->n_text);
	s->has_no_nul = !memchr(s->text, '\\', s->n_text); /* only \u0000 makes one */
	if (s->is_lines) {
		s->is_list = 1;
		s->n_items = count_lines(s);
		s->trees = http_header(req, "idempotency-key") ? read_lines(s, broken) : NULL;
		return 0;
	}
	r = json_parse(s->text, s->n_text, &tree, err);
	if (r)
		return r;
	s->is_list = json_type(tree) == JSON_ARRAY;
	s->n_items = s->is_list ? json_count(tree) : 1;
	s->trees = tree;
	return 0;
}

static int check_count(struct http_request *req, const struct submission *s)
{
	if (s->n_items >= 1 && s->n_items <= TASKS_MAX)
		return 0;
	reply_fail(req, s->n_items ? ERR_LIMIT : ERR_INVALID, "a request has 1 to %d tasks, not %zu", TASKS_MAX,
	           s->n_items);
	return ERR_INVALID;
}

/* "/12" */
static const char *place_of(struct arena *arena, size_t i)
{
	char text[24], *at = text + sizeof(text) - 1;

	*at = '\0';
	do
		*--at = (char)('0' + i % 10);
	while (i /= 10);
	*--at = '/';
	return arena_str(arena, at);
}

/* Its spec is all zeroes. 1: the token is not for it. */
static int check_item(struct api *api, struct http_request *req, struct submission *s, size_t i, struct json *tree,
                      struct json *errors)
{
	struct task_spec *spec = &s->specs[s->n];
	struct check c = {api,
	                  http_arena(req),
	                  tree,
	                  errors,
	                  s->is_list && !s->is_lines && !s->by_item ? place_of(http_arena(req), i) : "",
	                  0,
	                  req,
	                  0};
	size_t before = json_count(errors);

	check_task(&c, req, s, i, spec);
	mark_lines(req, s, i, errors, before);
	s->items[i].place = json_count(errors) > before ? -1 : (int64_t)s->n++;
	if (s->items[i].place < 0)
		memset(spec, 0, sizeof(*spec)); /* for the next one */
	return c.denied;
}

/* A list of problems; most stay empty, and serve the next request. */
static struct json *take_errors(struct api *api)
{
	struct json *errors = api->no_errors ? api->no_errors : json_new_array();

	api->no_errors = NULL;
	return errors;
}

static void give_errors(struct api *api, struct json *errors)
{
	if (json_count(errors) || api->no_errors)
		json_free(errors);
	else
		api->no_errors = errors;
}

/* All or none: the answer has the problems of all, of those that are no JSON if there are any. */
static int check_all(struct api *api, struct http_request *req, struct submission *s, struct json *broken)
{
	struct json *errors = take_errors(api);
	struct items items = items_of(s);
	int denied = 0, r = ERR_INVALID;

	for (size_t i = 0; i < s->n_items; i++) {
		struct json *tree = items_next(&items, broken);

		if (!json_count(broken) && json_count(errors) < ERRORS_MAX)
			denied |= check_item(api, req, s, i, tree, errors);
	}
	items_done(&items);
	if (json_count(broken))
		reply_broken_lines(req, broken);
	else if (json_count(errors))
		reply_refused(req, errors, denied);
	else
		r = 0;
	give_errors(api, errors);
	return r;
}

/* `broken` is in the order of the items. */
static void check_each(struct api *api, struct http_request *req, struct submission *s, struct json *broken)
{
	struct items items = items_of(s);
	size_t n_broken = 0;

	for (size_t i = 0; i < s->n_items; i++) {
		struct json *tree = items_next(&items, broken), *errors = take_errors(api);
		const struct json *wrong = json_at(broken, n_broken);

		if (wrong && json_get_int(wrong, "index", -1) == (int64_t)i) {
			json_push(errors, json_copy(wrong));
			s->items[i].place = -1;
			s->items[i].status = 400;
			n_broken++;
		} else {
			s->items[i].status = check_item(api, req, s, i, tree, errors) ? 403 : 422;
		}
		if (json_count(errors))
			s->items[i].problem = arena_str(http_arena(req), invalid_text(req, errors, s->items[i].status));
		give_errors(api, errors);
	}
	items_done(&items);
}

/* What is asked for is compared as it came, before anything is added to it or taken away: also what is refused
 * belongs to it. Who makes two of his own requests collide harms himself only. */
static int64_t digest_of(const struct json *trees)
{
	const char *text = json_text(trees);
	uint64_t hash = hash_bytes(HASH_BEGIN, text, strlen(text));

	return (int64_t)(hash ? hash : 1);
}

/* 0, or it has answered. */
static int take_key(struct http_request *req, struct submission *s)
{
	const char *key;
	int r = key_read(req, &key);

	if (r || !key || !s->is_list)
		return r;
	s->key = arena_str(http_arena(req), key);
	s->tenant =
		arena_str(http_arena(req), access_key_tenant(req, json_get_str(json_at(s->trees, 0), "tenant", NULL)));
	s->digest = digest_of(s->trees);
	return 0;
}

static int check(struct api *api, struct http_request *req, struct submission *s, struct json *broken)
{
	if (check_count(req, s) || take_key(req, s))
		return ERR_INVALID;
	s->specs = arena_alloc(http_arena(req), s->n_items * sizeof(*s->specs));
	s->items = arena_alloc(http_arena(req), s->n_items * sizeof(*s->items));
	if (!s->by_item)
		return check_all(api, req, s, broken);
	check_each(api, req, s, broken);
	return 0;
}

int submission_read(struct api *api, struct http_request *req, int by_item, struct submission *ret)
{
	struct submission s = {.by_item = by_item, .is_lines = http_content_is(req, "application/x-ndjson")};
	struct json *broken = s.is_lines ? json_new_array() : NULL;
	struct err err;
	int r = read_trees(req, &s, broken, &err);

	if (r)
		reply_not_json(req, &err);
	else
		r = check(api, req, &s, broken);
	if (r)
		json_free(s.trees);
	else
		*ret = s;
	json_free(broken);
	return r;
}

void submission_done(struct submission *submission)
{
	json_free(submission->trees);
}
