/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks in the body of a request: one object, an array, or one a line. Either all of them are fine, or
 * the request is refused with every problem; or, item by item, the fine ones go on and each other one keeps
 * its problems for the answer. */
#include <string.h>

#include "api/check.h"
#include "base/str.h"

#define TASKS_MAX 10000
#define ERRORS_MAX 100
#define KEY_MAX 256

static int read_trees(struct http_request *req, struct submission *s, struct err *err)
{
	struct json *tree;
	size_t n;
	const char *body = http_body(req, &n);
	int r;

	s->is_list = 1;
	s->is_lines = http_content_is(req, "application/x-ndjson");
	if (s->is_lines)
		return json_parse_lines(body, n, &s->trees, err);
	r = json_parse(body, n, &tree, err);
	if (r)
		return r;
	if (json_type(tree) == JSON_ARRAY) {
		s->trees = tree;
		return 0;
	}
	s->is_list = 0;
	s->trees = json_new_array();
	json_push(s->trees, tree);
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

static void check_item(struct api *api, struct http_request *req, struct submission *s, size_t i, struct json *errors)
{
	struct task_spec *spec = &s->specs[s->n];
	struct check c = {api,
	                  http_arena(req),
	                  (struct json *)json_at(s->trees, i),
	                  errors,
	                  s->is_list && !s->by_item ? place_of(http_arena(req), i) : "",
	                  0};
	size_t before = json_count(errors);

	memset(spec, 0, sizeof(*spec));
	check_task(&c, req, s, i, spec);
	s->items[i].place = json_count(errors) > before ? -1 : (int64_t)s->n++;
}

/* All or none: the answer has the problems of all. */
static int check_all(struct api *api, struct http_request *req, struct submission *s)
{
	struct json *errors = json_new_array();
	int r = 0;

	for (size_t i = 0; i < s->n_items && json_count(errors) < ERRORS_MAX; i++)
		check_item(api, req, s, i, errors);
	if (json_count(errors)) {
		reply_invalid(req, errors);
		r = ERR_INVALID;
	}
	json_free(errors);
	return r;
}

static void check_each(struct api *api, struct http_request *req, struct submission *s)
{
	for (size_t i = 0; i < s->n_items; i++) {
		struct json *errors = json_new_array();

		check_item(api, req, s, i, errors);
		if (json_count(errors))
			s->items[i].problem = arena_str(http_arena(req), invalid_text(req, errors));
		json_free(errors);
	}
}

/* What is asked for is compared as it came, before anything is added to it or taken away: also what is refused
 * belongs to it. FNV-1a: who makes two of his own requests collide harms himself only. */
static int64_t digest_of(const struct json *trees)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (const char *p = json_text(trees); *p; p++)
		hash = (hash ^ (unsigned char)*p) * 0x100000001b3;
	return (int64_t)(hash ? hash : 1);
}

/* 0, or it has answered. */
static int take_key(struct http_request *req, struct submission *s)
{
	const char *key = http_header(req, "idempotency-key");

	if (!key)
		return 0;
	if (!*key || strlen(key) > KEY_MAX) {
		reply_fail(req, ERR_INVALID, "the header Idempotency-Key has 1 to %d bytes, not %zu", KEY_MAX,
		           strlen(key));
		return ERR_INVALID;
	}
	if (!s->is_list)
		return 0;
	s->key = arena_str(http_arena(req), key);
	s->tenant = arena_str(http_arena(req), json_get_str(json_at(s->trees, 0), "tenant", ""));
	s->digest = digest_of(s->trees);
	return 0;
}

int submission_read(struct api *api, struct http_request *req, int by_item, struct submission *ret)
{
	struct submission s = {.by_item = by_item};
	struct err err;
	int r = read_trees(req, &s, &err);

	if (r) {
		reply_not_json(req, &err);
		json_free(s.trees);
		return r;
	}
	s.n_items = json_count(s.trees);
	s.specs = arena_alloc(http_arena(req), (s.n_items + 1) * sizeof(*s.specs));
	s.items = arena_alloc(http_arena(req), (s.n_items + 1) * sizeof(*s.items));
	r = check_count(req, &s);
	if (!r)
		r = take_key(req, &s);
	if (!r && by_item)
		check_each(api, req, &s);
	else if (!r)
		r = check_all(api, req, &s);
	if (r)
		json_free(s.trees);
	else
		*ret = s;
	return r;
}

void submission_done(struct submission *submission)
{
	json_free(submission->trees);
}
