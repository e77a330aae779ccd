/* SPDX-License-Identifier: Apache-2.0 */
/* The file of tokens: read, and checked to the last member.
 *
 *   {"tokens": [{"id", "name", "sha256", "created_at", "expires_at"?, "tenant", "queue", "dataset", "verbs"}]}
 *
 * One wrong entry refuses the file: half of the tokens in force would be a surprise in either direction. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/inside.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/near.h"
#include "base/str.h"
#include "json/json.h"

static const char *const members[] = {"id",     "name",  "sha256",  "created_at", "expires_at",
                                      "tenant", "queue", "dataset", "verbs",      NULL};

static int unknown_member(const char *name, struct err *err)
{
	struct near near = {.word = name};
	char hint[NEAR_HINT];

	for (size_t i = 0; members[i]; i++)
		near_offer(&near, members[i]);
	return err_set(err, ERR_INVALID, "it has an unknown member '%.60s'%s", name, near_hint(&near, hint));
}

static int check_members(const struct json *entry, struct err *err)
{
	const struct json *value;
	const char *name;
	size_t at = 0;

	if (json_type(entry) != JSON_OBJECT)
		return err_set(err, ERR_INVALID, "it is not an object");
	while (json_each(entry, &at, &name, &value)) {
		size_t i = 0;

		while (members[i] && strcmp(members[i], name))
			i++;
		if (!members[i])
			return unknown_member(name, err);
		if (json_type(value) != (str_eq(name, "verbs") ? JSON_ARRAY : JSON_STRING))
			return err_set(err, ERR_INVALID, "its %s has the type %s", name,
			               json_type_name(json_type(value)));
		if (json_type(value) == JSON_STRING && strlen(json_str(value, "")) != json_str_len(value))
			return err_set(err, ERR_INVALID, "its %s has a NUL character", name);
	}
	for (size_t i = 0; members[i]; i++)
		if (!json_get(entry, members[i]) && !str_eq(members[i], "expires_at"))
			return err_set(err, ERR_INVALID, "its %s is missing", members[i]);
	return 0;
}

static int read_verbs(const struct json *list, unsigned *ret, struct err *err)
{
	unsigned verb;

	*ret = 0;
	for (size_t i = 0; i < json_count(list); i++) {
		if (json_type(json_at(list, i)) != JSON_STRING)
			return err_set(err, ERR_INVALID, "its verbs are not all texts");
		if (auth_verb_parse(json_str(json_at(list, i), ""), &verb, err))
			return err->code;
		*ret |= verb;
	}
	return 0;
}

static int read_scope(const struct json *entry, struct auth_scope *ret, struct err *err)
{
	ret->tenant = json_get_str(entry, "tenant", "");
	ret->queue = json_get_str(entry, "queue", "");
	ret->dataset = json_get_str(entry, "dataset", "");
	return read_verbs(json_get(entry, "verbs"), &ret->verbs, err);
}

static int check_texts(const struct json *entry, struct err *err)
{
	const char *name = json_get_str(entry, "name", ""), *expires = json_get_str(entry, "expires_at", NULL);
	unsigned char hash[AUTH_HASH];
	int64_t wall_ms;

	if (!token_id_is_fine(json_get_str(entry, "id", "")))
		return err_set(err, ERR_INVALID, "its id is not one that 'orasi token create' gave");
	if (strlen(name) > AUTH_NAME_MAX)
		return err_set(err, ERR_INVALID, "its name has more than %d bytes", AUTH_NAME_MAX);
	if (hash_parse(json_get_str(entry, "sha256", ""), hash))
		return err_set(err, ERR_INVALID, "its sha256 is not 64 digits of hexadecimal in lower case");
	if (clock_from_rfc3339(json_get_str(entry, "created_at", ""), &wall_ms) ||
	    (expires && (clock_from_rfc3339(expires, &wall_ms) || wall_ms <= 0)))
		return err_set(err, ERR_INVALID, "one of its times is not such as 2026-01-31T12:00:00Z");
	return 0;
}

static int check_entry(const struct json *entry, struct map *ids, struct err *err)
{
	struct auth_scope scope;
	int r = check_members(entry, err);

	if (!r)
		r = check_texts(entry, err);
	if (!r)
		r = read_scope(entry, &scope, err);
	if (!r)
		r = auth_scope_check(&scope, err);
	if (!r && map_get(ids, json_get_str(entry, "id", "")))
		r = err_set(err, ERR_INVALID, "another one has the same id");
	if (!r && map_set(ids, json_get_str(entry, "id", ""), ids))
		r = err_set(err, ERR_NOMEM, "out of memory");
	return r;
}

static int check_entries(const struct json *list, struct err *err)
{
	struct map ids;
	int r = 0;

	map_init(&ids);
	for (size_t i = 0; i < json_count(list) && !r; i++) {
		r = check_entry(json_at(list, i), &ids, err);
		if (r)
			err_prefix(err, "/tokens/%zu", i);
	}
	map_done(&ids);
	return r;
}

int auth_file_parse(const char *text, size_t n, struct json **ret, struct err *err)
{
	struct json *json = NULL;
	const struct json *list;
	int r = json_parse(text, n, &json, err);

	if (r)
		return r;
	list = json_get(json, "tokens");
	if (json_type(json) != JSON_OBJECT || json_type(list) != JSON_ARRAY || json_count(json) != 1)
		r = err_set(err, ERR_INVALID, "it is not an object with the one member 'tokens', a list");
	else if (json_count(list) > AUTH_TOKENS_MAX)
		r = err_set(err, ERR_LIMIT, "it has %zu tokens, more than %d", json_count(list), AUTH_TOKENS_MAX);
	else
		r = check_entries(list, err);
	if (r)
		json_free(json);
	else
		*ret = json;
	return r;
}

/* Who can write the file can give himself any token. */
static int check_owner(const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st))
		return errno == ENOENT ? err_set(err, ERR_NOTFOUND, "there is no file") : err_errno(err, errno, "stat");
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "it is not a file");
	if (st.st_mode & (S_IWGRP | S_IWOTH))
		return err_set(err, ERR_PERM, "others can write it: chmod 600");
	return 0;
}

int auth_file_read(const char *path, struct json **ret, struct err *err)
{
	struct buf text;
	int r = check_owner(path, err);

	buf_init(&text, 0);
	if (!r)
		r = file_read(path, AUTH_FILE_MAX, &text, err);
	if (!r)
		r = auth_file_parse(text.len ? text.data : "", text.len, ret, err);
	buf_done(&text);
	if (r)
		err_prefix(err, "token file '%s'", path);
	return r;
}

/* ---- an entry as a token in force ---------------------------------------------------------- */

static const char *keep(char **at, const char *text)
{
	char *kept = *at;

	*at = stpcpy(kept, text) + 1;
	return kept;
}

struct auth_token *token_of(const struct json *entry)
{
	const char *name = json_get_str(entry, "name", ""), *expires = json_get_str(entry, "expires_at", NULL);
	struct auth_scope scope = {0};
	struct auth_token *token;
	char *at;

	read_scope(entry, &scope, NULL);
	token = calloc(1, sizeof(*token) + strlen(name) + strlen(scope.tenant) + strlen(scope.queue) +
	                          strlen(scope.dataset) + 4);
	if (!token)
		return NULL;
	at = token->texts;
	token->refs = 1;
	str_copy(token->id, sizeof(token->id), json_get_str(entry, "id", ""));
	hash_parse(json_get_str(entry, "sha256", ""), token->hash);
	clock_from_rfc3339(json_get_str(entry, "created_at", ""), &token->created_at);
	if (expires)
		clock_from_rfc3339(expires, &token->expires_at);
	token->name = keep(&at, name);
	token->scope.tenant = keep(&at, scope.tenant);
	token->scope.queue = keep(&at, scope.queue);
	token->scope.dataset = keep(&at, scope.dataset);
	token->scope.verbs = scope.verbs;
	return token;
}
