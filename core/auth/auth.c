/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens in force. When the file changes a new set is made beside the old one; a token that is the same in both
 * stays the same object, so who holds it notices nothing; all others of the old set are marked as revoked. */
#include "auth/auth.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/inside.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/str.h"
#include "json/json.h"

#define EVENTS (IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB)

static const char *const modes[] = {"off", "token", NULL};

const struct option auth_options[] = {
	{"mode", OPTION_ENUM, offsetof(struct auth_config, mode), "off", 0, 0, modes,
         "off: who reaches the API may do everything, so let it listen on loopback only; token: requests need\n"
         "a bearer token, but for those over the Unix sockets. See docs/AUTH.md."},
	{"tokens", OPTION_STR, offsetof(struct auth_config, tokens), "", 0, 0, NULL,
         "The file of tokens, which 'orasi token' writes and the agent reads whenever it changes. Empty:\n"
         "<data>/tokens.json."},
	{"peers", OPTION_STR, offsetof(struct auth_config, peers), "", 0, 0, NULL,
         "Users and @groups, by name or number, whose processes may do everything over the Unix sockets, beside\n"
         "the agent's own user and root. When there are any, every user may connect; others need a token."},
	OPTION_END,
};

/* ---- one token -------------------------------------------------------------------------- */
void auth_token_release(void *ctx)
{
	struct auth_token *token = ctx;

	if (token && !--token->refs)
		free(token);
}

int auth_token_is_live(const struct auth_token *token)
{
	return !token->revoked && (!token->expires_at || clock_wall_ms() < token->expires_at);
}

const char *auth_token_id(const struct auth_token *token)
{
	return token->id;
}

const char *auth_token_name(const struct auth_token *token)
{
	return token->name;
}

const struct auth_scope *auth_token_scope(const struct auth_token *token)
{
	return &token->scope;
}

static int is_same(const struct auth_token *a, const struct auth_token *b)
{
	return hash_is_equal(a->hash, b->hash) && str_eq(a->name, b->name) && a->expires_at == b->expires_at &&
	       a->scope.verbs == b->scope.verbs && str_eq(a->scope.tenant, b->scope.tenant) &&
	       str_eq(a->scope.queue, b->scope.queue) && str_eq(a->scope.dataset, b->scope.dataset);
}

/* ---- the set ---------------------------------------------------------------------------- */
static void set_free(struct map *set, int revoke)
{
	const char *id;
	void *value;

	for (size_t at = 0; map_next(set, &at, &id, &value);) {
		struct auth_token *token = value;

		token->revoked |= revoke;
		auth_token_release(token);
	}
	map_done(set);
}

/* Takes the token. One of the old set that is the same goes on in its place. */
static int set_take(struct map *set, struct map *old, struct auth_token *token)
{
	struct auth_token *before = token ? map_get(old, token->id) : NULL;

	if (before && is_same(before, token)) {
		auth_token_release(token);
		token = map_del(old, before->id);
	}
	if (token && !map_set(set, token->id, token))
		return 0;
	auth_token_release(token);
	return ERR_NOMEM;
}

static int set_read(struct auth *auth, struct json **ret, struct err *err)
{
	int r = auth_file_read(auth->path, ret, err);

	if (r != ERR_NOTFOUND)
		return r;
	*ret = json_new_object(); /* no file, no tokens */
	*err = (struct err){0};
	return 0;
}

static int load(struct auth *auth, struct err *err)
{
	struct json *json = NULL;
	const struct json *list;
	struct map set;
	int r = set_read(auth, &json, err);

	if (r)
		return r;
	map_init(&set);
	list = json_get(json, "tokens");
	for (size_t i = 0; i < json_count(list) && !r; i++)
		r = set_take(&set, &auth->tokens, token_of(json_at(list, i)));
	json_free(json);
	set_free(&auth->tokens, 1);
	auth->tokens = set;
	auth->n_tokens = (int64_t)set.len;
	return r ? err_set(err, r, "token file '%s': out of memory", auth->path) : 0;
}

void auth_reload(struct auth *auth)
{
	struct err err = {0};

	if (!auth_is_on(auth))
		return;
	auth->n_reloads++;
	if (load(auth, &err)) {
		auth->n_bad_files++;
		log_error("auth.tokens", LOG_STR("error", err.text),
		          LOG_STR("then", "the tokens that were in force stay so"));
	} else {
		log_info("auth.tokens", LOG_STR("file", auth->path), LOG_INT("tokens", auth->n_tokens));
	}
	auth->trouble = err;
}

const char *auth_trouble(const struct auth *auth)
{
	return auth->trouble.code ? auth->trouble.text : "";
}

/* ---- watching the file ------------------------------------------------------------------ */
static int watch(struct auth *auth, struct err *err)
{
	auth->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (auth->fd < 0)
		return err_errno(err, errno, "cannot watch '%s'", auth->folder);
	if (inotify_add_watch(auth->fd, auth->folder, EVENTS) < 0)
		return err_errno(err, errno, "cannot watch the folder '%s' of the token file (auth.tokens)",
		                 auth->folder);
	return 0;
}

int auth_fd(const struct auth *auth)
{
	return auth->fd;
}

/* Is the file among what has changed? Lost events may have been about it, and where it is a link (as secrets are that a
 * container is given) so may all others. */
static int is_about_file(const struct auth *auth, const char *p, size_t n)
{
	struct stat st;
	int found = !lstat(auth->path, &st) && S_ISLNK(st.st_mode);

	for (size_t at = 0; at + sizeof(struct inotify_event) <= n;) {
		const struct inotify_event *event = (const struct inotify_event *)(p + at);

		found |= (event->mask & (IN_Q_OVERFLOW | IN_IGNORED)) != 0 ||
		         (event->len && !strcmp(event->name, auth->file));
		at += sizeof(*event) + event->len;
	}
	return found;
}

int auth_step(struct auth *auth)
{
	char events[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	int found = 0;
	ssize_t n;

	while ((n = read(auth->fd, events, sizeof(events))) > 0)
		found |= is_about_file(auth, events, (size_t)n);
	if (found)
		auth_reload(auth);
	return found;
}

/* ---- start and end ---------------------------------------------------------------------- */
static int find_file(struct auth *auth, const char *data_dir, struct err *err)
{
	const char *wanted = auth->config->tokens;
	char path[PATH_MAX];
	char *slash;

	if (wanted && *wanted)
		snprintf(path, sizeof(path), "%s", wanted);
	else
		snprintf(path, sizeof(path), "%s/tokens.json", data_dir);
	slash = strrchr(path, '/');
	if (*path != '/' || !slash[1])
		return err_set(err, ERR_INVALID, "'auth.tokens: %.200s' is not the absolute path of a file", path);
	auth->path = strdup(path);
	auth->folder = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (!auth->path || !auth->folder)
		return err_set(err, ERR_NOMEM, "out of memory");
	auth->file = auth->path + (slash + 1 - path);
	return 0;
}

int auth_new(const struct auth_config *config, const char *data_dir, struct auth **ret, struct err *err)
{
	struct auth *auth = calloc(1, sizeof(*auth));
	int r;

	if (!auth)
		return err_set(err, ERR_NOMEM, "out of memory");
	auth->config = config;
	auth->fd = -1;
	map_init(&auth->tokens);
	make_metrics(auth);
	r = find_file(auth, data_dir, err);
	if (!r)
		r = peers_parse(config->peers ? config->peers : "", auth, err);
	if (!r && auth_is_on(auth)) {
		auth->digest = digest_new();
		r = auth->digest ? watch(auth, err) : err_set(err, ERR_NOMEM, "SHA-256 is not to be had");
	}
	if (!r && auth_is_on(auth))
		r = load(auth, err);
	if (r) {
		auth_free(auth);
		return r;
	}
	*ret = auth;
	return 0;
}

void auth_free(struct auth *auth)
{
	if (!auth)
		return;
	set_free(&auth->tokens, 0);
	digest_free(auth->digest);
	if (auth->fd >= 0)
		close(auth->fd);
	free(auth->path);
	free(auth->folder);
	free(auth);
}

int auth_is_on(const struct auth *auth)
{
	return auth->config->mode == AUTH_MODE_TOKEN;
}

const char *auth_file(const struct auth *auth)
{
	return auth->path;
}

size_t auth_count(const struct auth *auth)
{
	return auth->tokens.len;
}

/* ---- a request -------------------------------------------------------------------------- */
enum auth_verdict auth_check(struct auth *auth, const char *authorization, struct auth_token **ret)
{
	char text[AUTH_TOKEN_LEN], id[AUTH_ID_LEN];
	unsigned char hash[AUTH_HASH];
	enum auth_verdict verdict = auth_bearer(authorization, text);
	struct auth_token *token;

	*ret = NULL;
	if (verdict != AUTH_FINE)
		return verdict;
	if (token_split(text, id) || digest_of(auth->digest, text, hash))
		return AUTH_UNKNOWN;
	token = map_get(&auth->tokens, id);
	if (!token || !hash_is_equal(token->hash, hash))
		return AUTH_UNKNOWN;
	token->refs++;
	*ret = token;
	if (!auth_token_is_live(token))
		return AUTH_EXPIRED;
	auth->n_accepted++;
	return AUTH_FINE;
}
