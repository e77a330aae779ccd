/* SPDX-License-Identifier: Apache-2.0 */
/* One task on its way through the checks. Private to the room. */
#ifndef API_CHECK_H
#define API_CHECK_H

#include <string.h>

#include "api/inside.h"

struct check {
	struct api *api;
	struct arena *arena;
	struct json *task, *errors;
	const char *prefix;       /* pointer to the task within the body */
	size_t first_error;       /* how many there were before this task */
	struct http_request *req; /* whose rights count; NULL: nobody's, all is allowed */
	int denied;               /* by them */
};

/* The pointer within the body: as it is, or in the arena. */
static inline const char *check_below(struct check *c, const char *pointer)
{
	size_t n = strlen(c->prefix), more = strlen(pointer) + 1;
	char *text;

	if (!n)
		return pointer;
	text = arena_alloc(c->arena, n + more);
	memcpy(text, c->prefix, n);
	memcpy(text + n, pointer, more);
	return text;
}

/* submit.c: everything about task i of a submission. What is wrong is added to c->errors. */
void check_task(struct check *c, struct http_request *req, const struct submission *s, size_t i,
                struct task_spec *spec);
/* policy.c: moves the members about scheduling out of the task, into its spec. */
void policy_take(struct check *c, const struct submission *s, size_t i, struct task_spec *spec);
/* The header's key is that of the one task; that of a list belongs to none of them. */
void policy_take_key(struct check *c, struct http_request *req, const struct submission *s, size_t i,
                     struct task_spec *spec);

#endif
