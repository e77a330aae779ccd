/* SPDX-License-Identifier: Apache-2.0 */
/* What the roles of workers are: the orders that each is for, how many workers it has, and who takes orders still when
 * the agent stops. */
#include "supervise/inside.h"

#include "base/str.h"

#define FETCHERS 4 /* callbacks take half of them at most */

static const struct {
	const char *name, *op_prefix;
	int warm; /* one is kept alive however idle */
} roles[ROLES] = {
	[ROLE_TABLE] = {"table", "table.", 0}, [ROLE_QUERY] = {"query", "query", 1},  [ROLE_SCAN] = {"scan", "scan", 0},
	[ROLE_FETCH] = {"fetch", "fetch", 0},  [ROLE_PLACE] = {"place", "place.", 0}, [ROLE_TASK] = {"task", "", 1},
};

const char *role_name(enum role role)
{
	return roles[role].name;
}

enum role role_of(const char *op)
{
	for (int role = ROLE_TABLE; role < ROLES; role++)
		if (str_starts(op, roles[role].op_prefix))
			return (enum role)role;
	return ROLE_TASK;
}

size_t role_size(const struct supervise *sup, enum role role)
{
	switch (role) {
	case ROLE_TASK:
		return (size_t)sup->config->tasks;
	case ROLE_QUERY:
		return (size_t)sup->config->queries;
	case ROLE_FETCH:
		return FETCHERS;
	default:
		return 1;
	}
}

int role_is_warm(enum role role)
{
	return roles[role].warm;
}

/* An agent that stops lets what runs come to its end, for which parts must be committed. */
int role_takes_orders(const struct supervise *sup, enum role role)
{
	return !sup->stopping || (sup->stopping == STOPS_WHEN_DONE && (role == ROLE_TABLE || role == ROLE_FETCH));
}
