/* SPDX-License-Identifier: Apache-2.0 */
/* orasi token: the file of tokens of a data folder. It is changed here and not through the API, so that the first token
 * needs none before it, a secret never travels, and no token, whatever it may, can make another. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "base/clock.h"
#include "base/str.h"
#include "cli.h"

/* --file FILE, else that of --data DIR or --local DIR, else that of the usual data folder. */
static int find_file(const struct args *args, char ret[PATH_MAX])
{
	const char *file = args_get(args, "file", NULL), *data = args_get(args, "data", args->local);
	int n = file ? snprintf(ret, PATH_MAX, "%s", file)
	             : snprintf(ret, PATH_MAX, "%s/tokens.json", data ? data : ORASI_LOCALSTATEDIR "/lib/orasi");

	return n < PATH_MAX ? 0 : fail(CLI_USAGE, "the path of the token file is too long");
}

/* "submit,read" and the option given several times. */
static int read_verbs(const struct args *args, unsigned *ret)
{
	const char *list;
	struct err err;
	int r = 0;

	*ret = 0;
	for (int i = 0; !r && (list = args_nth(args, "verbs", i)); i++) {
		char *copy = strdup(list), *rest = copy;

		for (char *word; !r && (word = strsep(&rest, ", "));) {
			unsigned verb = 0;

			if (*word && auth_verb_parse(word, &verb, &err))
				r = fail(CLI_USAGE, "--verbs: %s", err.text);
			*ret |= verb;
		}
		free(copy);
	}
	return r;
}

/* A time, or how long from now. */
static int read_expiry(const struct args *args, int64_t *ret)
{
	const char *text = args_get(args, "expires", NULL);
	int64_t ms;

	*ret = 0;
	if (!text)
		return 0;
	if (!str_to_duration_ms(text, &ms) && ms > 0)
		*ret = clock_wall_ms() + ms;
	else if (clock_from_rfc3339(text, ret) || *ret <= clock_wall_ms())
		return fail(CLI_USAGE,
		            "--expires %.60s is neither a time to come such as 2027-01-31T12:00:00Z nor as 90d", text);
	return 0;
}

/* Who says nothing about datasets gives all of them to a token for all tenants, none to one for some. */
static int read_entry(const struct args *args, struct auth_entry *ret)
{
	int r = read_verbs(args, &ret->scope.verbs);

	ret->name = args->words[0];
	ret->scope.tenant = args_get(args, "tenant", "*");
	ret->scope.queue = args_get(args, "queue", "*");
	ret->scope.dataset = args_get(args, "dataset", str_eq(ret->scope.tenant, "*") ? "*" : "");
	if (!r && !ret->scope.verbs)
		r = fail(CLI_USAGE, "what may it do? --verbs submit,read,manage,work,files or admin");
	return r ? r : read_expiry(args, &ret->expires_at);
}

int cmd_token_create(const struct args *args)
{
	struct auth_entry entry = {0};
	char path[PATH_MAX], token[AUTH_TOKEN_LEN];
	struct err err = {0};
	int r = find_file(args, path);

	if (!r)
		r = read_entry(args, &entry);
	if (r)
		return r;
	if (auth_file_add(path, &entry, token, &err))
		return fail(CLI_FAILED, "%s", err.text);
	if (!args->quiet)
		fprintf(stderr, "orasi: this is the only time that the token is shown; %s has its hash\n", path);
	printf("%s\n", token);
	return CLI_OK;
}

int cmd_token_list(const struct args *args)
{
	static const char *const columns[] = {"id",      "name",       "verbs",      "tenant", "queue",
	                                      "dataset", "created_at", "expires_at", NULL};
	struct json *json = NULL;
	struct err err = {0};
	char path[PATH_MAX];
	int r = find_file(args, path);

	if (r)
		return r;
	if (auth_file_read(path, &json, &err))
		return fail(CLI_FAILED, "%s", err.text);
	if (args->json)
		printf("%s\n", json_text_pretty(json));
	else
		table_print(json_get(json, "tokens"), columns);
	json_free(json);
	return CLI_OK;
}

int cmd_token_revoke(const struct args *args)
{
	char path[PATH_MAX], id[AUTH_ID_LEN];
	struct err err = {0};
	int r = find_file(args, path);

	if (r)
		return r;
	if (auth_file_revoke(path, args->words[0], id, &err))
		return fail(CLI_FAILED, "%s", err.text);
	if (!args->quiet)
		fprintf(stderr, "orasi: %s is revoked; an agent that runs has noticed\n", id);
	return CLI_OK;
}
