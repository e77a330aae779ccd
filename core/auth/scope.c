/* SPDX-License-Identifier: Apache-2.0 */
/* Verbs by name, and patterns: `*` is any text, also none; no other character is special, and those that are so in
 * SQLite's GLOB are refused, so that a list that the store narrows means the same as a look at one task. */
#include <string.h>

#include "auth/inside.h"
#include "base/near.h"
#include "base/str.h"

#define PATTERN_MAX 128

const char *const auth_verb_names[] = {"submit", "read", "manage", "work", "files", "admin", NULL};

int auth_verb_parse(const char *name, unsigned *ret, struct err *err)
{
	struct near near = {.word = name};
	char hint[NEAR_HINT];

	for (unsigned i = 0; auth_verb_names[i]; i++) {
		if (str_eq(auth_verb_names[i], name)) {
			*ret = 1u << i;
			return 0;
		}
		near_offer(&near, auth_verb_names[i]);
	}
	return err_set(err, ERR_INVALID, "'%.40s' is not a verb: submit, read, manage, work, files or admin%s", name,
	               near_hint(&near, hint));
}

/* The text behind the last `*` that was met is tried again one character further: linear for one star, and for
 * several never worse than the product of the lengths, which are bounded. */
int auth_pattern_matches(const char *pattern, const char *text)
{
	const char *star = NULL, *again = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			again = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++again;
		} else {
			return 0;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

int auth_pattern_is_exact(const char *pattern)
{
	return !strchr(pattern, '*');
}

static int check_pattern(const char *what, const char *pattern, struct err *err)
{
	size_t n = strlen(pattern);

	if (n > PATTERN_MAX)
		return err_set(err, ERR_INVALID, "the %s has more than %d bytes", what, PATTERN_MAX);
	for (const char *p = pattern; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7F || strchr("?[]\\\"", *p))
			return err_set(err, ERR_INVALID,
			               "the %s '%.60s' has a character that cannot be in it: * is any text, all else "
			               "is itself, and ? [ ] \\ \" are not taken",
			               what, pattern);
	return utf8_valid(pattern, n) ? 0 : err_set(err, ERR_INVALID, "the %s is not UTF-8", what);
}

static int is_all(const char *pattern)
{
	return str_eq(pattern, "*");
}

/* A worker is given tasks of any tenant of its queues, and what an administrator does touches everybody: a scope
 * that says otherwise would promise what nobody keeps. */
static int check_verbs(const struct auth_scope *scope, struct err *err)
{
	if (!scope->verbs || scope->verbs & ~(unsigned)AUTH_VERBS)
		return err_set(err, ERR_INVALID, "it has no verbs: submit, read, manage, work, files or admin");
	if (scope->verbs & AUTH_WORK && !is_all(scope->tenant))
		return err_set(
			err, ERR_INVALID,
			"the verb work goes with the tenant '*' only: a queue gives out tasks of all tenants, so "
			"give each tenant a queue of its own and name that");
	if (scope->verbs & AUTH_ADMIN && !(is_all(scope->tenant) && is_all(scope->queue) && is_all(scope->dataset)))
		return err_set(err, ERR_INVALID,
		               "the verb admin goes with tenant, queue and dataset '*' only: what it does touches "
		               "everybody");
	return 0;
}

int auth_scope_check(const struct auth_scope *scope, struct err *err)
{
	int r = check_pattern("tenant", scope->tenant, err);

	if (!r)
		r = check_pattern("queue", scope->queue, err);
	if (!r)
		r = check_pattern("dataset", scope->dataset, err);
	return r ? r : check_verbs(scope, err);
}

int auth_token_may(const struct auth_token *token, unsigned needs)
{
	unsigned verbs = token->scope.verbs & AUTH_ADMIN ? AUTH_VERBS : token->scope.verbs;

	if (needs & AUTH_WHOLE && !is_all(token->scope.tenant))
		return 0;
	return !(needs & AUTH_VERBS & ~verbs);
}
