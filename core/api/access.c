/* SPDX-License-Identifier: Apache-2.0 */
/* Who asks, and what he may see and touch. The route table says what each route needs, and admit holds every request
 * against it before its body is read: the token, its verbs, and the queue and the dataset that the path names. What
 * only shows later (the tenant of a task, the queues of a lease) is asked here too, by the handlers.
 *
 * A thing of somebody else is not there: it is answered with the very words of one that does not exist, so that nobody
 * learns which ids, queues and datasets others have. Only who names a place himself, in a task he submits, is told that
 * it is not his.
 *
 * Without a token (auth is off, or the process at the other end of a Unix socket may do everything) http_who is NULL
 * and all questions here are answered after one comparison. */
#include "api/access.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "api/check.h"
#include "base/str.h"

static const struct auth_scope everything = {"*", "*", "*", AUTH_VERBS};

static const struct auth_token *token_of(const struct http_request *req)
{
	return http_who(req);
}

static const struct auth_scope *scope_of(const struct http_request *req)
{
	return token_of(req) ? auth_token_scope(token_of(req)) : &everything;
}

static int is_all(const char *pattern)
{
	return str_eq(pattern, "*");
}

/* ---- the door ----------------------------------------------------------------------------- */

/* "submit read" for the header and the sentence. */
static const char *verb_list(struct http_request *req, unsigned verbs, const char *between)
{
	const char *text = "";

	for (unsigned i = 0; auth_verb_names[i]; i++)
		if (verbs & 1u << i)
			text = arena_printf(http_arena(req), "%s%s%s", text, *text ? between : "", auth_verb_names[i]);
	return text;
}

static void set_challenge(struct http_request *req, const struct auth_refusal *refusal, const char *sentence,
                          unsigned needs)
{
	const char *value = "Bearer realm=\"orasi\"";

	if (*refusal->error)
		value = arena_printf(http_arena(req), "%s, error=\"%s\", error_description=\"%s\"", value,
		                     refusal->error, sentence);
	if (needs & AUTH_VERBS)
		value = arena_printf(http_arena(req), "%s, scope=\"%s\"", value,
		                     verb_list(req, needs & AUTH_VERBS, " "));
	http_set_header(req, "WWW-Authenticate", value);
}

/* Fills err; the status. */
static int refuse(struct api *api, struct http_request *req, enum auth_verdict verdict, unsigned needs, struct err *err)
{
	const struct auth_refusal *refusal = auth_refusal(verdict);

	err_set(err, refusal->status == 400 ? ERR_INVALID : ERR_PERM, "%s", refusal->sentence);
	if (verdict != AUTH_PEER)
		set_challenge(req, refusal, refusal->sentence, needs);
	http_set_problem_type(req, refusal->type);
	auth_note(api->env.auth, verdict, token_of(req), http_peer_name(req), http_method(req), http_path(req));
	return refusal->status;
}

/* A row that says nothing is nobody's but an administrator's. */
static unsigned needs_of(const struct api_route *route)
{
	return route->needs ? route->needs : AUTH_ADMIN | AUTH_WHOLE;
}

/* What the token may, what it would have to, and who can help. */
static int refuse_scope(struct api *api, struct http_request *req, const struct api_route *route, struct err *err)
{
	const struct auth_token *token = token_of(req);
	const struct auth_scope *scope = scope_of(req);
	int is_whole = needs_of(route) & AUTH_WHOLE && !is_all(scope->tenant);
	int status = refuse(api, req, AUTH_SCOPE, needs_of(route), err);

	err_set(err, ERR_PERM, "the token '%.60s' (%s) is for %s%s%.60s: %s %s needs %s%s%s", auth_token_name(token),
	        auth_token_id(token), verb_list(req, scope->verbs, ", "), is_all(scope->tenant) ? "" : " of tenant ",
	        is_all(scope->tenant) ? "" : scope->tenant, route->method, route->pattern,
	        verb_list(req, needs_of(route) & AUTH_VERBS, " and "),
	        is_whole && needs_of(route) & AUTH_VERBS ? " and " : "", is_whole ? "the tenant '*'" : "");
	return status;
}

/* The queue and the dataset in the path, with the words of the handlers for what is not there. */
static int check_path(struct http_request *req, struct err *err)
{
	const char *queue = http_param(req, "queue"), *dataset = http_param(req, "dataset");

	if (queue && !access_has_queue(req, queue)) {
		err_set(err, ERR_NOTFOUND, "there is no queue '%s': it comes with its first task or setting", queue);
		return 404;
	}
	if (dataset && !access_has_dataset(req, dataset)) {
		err_set(err, ERR_NOTFOUND, "there is no dataset '%.128s'", dataset);
		return 404;
	}
	return 0;
}

static int check_token(struct api *api, struct http_request *req, const struct api_route *route, struct err *err)
{
	struct auth_token *token;
	enum auth_verdict verdict = auth_check(api->env.auth, http_header(req, "authorization"), &token);

	if (token)
		http_set_who(req, token, auth_token_id(token), auth_token_release);
	if (verdict != AUTH_FINE)
		return refuse(api, req, verdict, 0, err);
	if (!auth_token_may(token, needs_of(route)))
		return refuse_scope(api, req, route, err);
	return check_path(req, err);
}

int access_admit(struct http_request *req, void *ctx, struct err *err)
{
	struct api *api = ctx;
	const struct api_route *route = &api_table[http_route_of(req) - api->routes];
	const struct http_peer *peer = http_peer(req);

	if (needs_of(route) & AUTH_OPEN)
		return 0;
	if (peer->is_unix && auth_peer_may(api->env.auth, peer->uid, peer->groups, peer->n_groups))
		return 0;
	if (auth_is_on(api->env.auth))
		return check_token(api, req, route, err);
	return peer->is_unix ? refuse(api, req, AUTH_PEER, 0, err) : 0;
}

/* ---- while it waits ------------------------------------------------------------------------ */

int access_is_live(const struct http_request *req)
{
	return !token_of(req) || auth_token_is_live(token_of(req));
}

void access_reply_dead(struct api *api, struct http_request *req)
{
	struct http_problem more = {0};
	struct err err;

	more.status = refuse(api, req, AUTH_UNKNOWN, 0, &err);
	http_reply_problem(req, &err, &more);
}

/* ---- what he sees -------------------------------------------------------------------------- */

int access_is_narrow(const struct http_request *req)
{
	const struct auth_scope *scope = scope_of(req);

	return scope != &everything && !(is_all(scope->tenant) && is_all(scope->queue));
}

int access_sees(const struct http_request *req, const char *tenant, const char *queue)
{
	return access_has_tenant(req, tenant) && access_has_queue(req, queue);
}

int access_has_tenant(const struct http_request *req, const char *tenant)
{
	return !token_of(req) || auth_pattern_matches(scope_of(req)->tenant, tenant ? tenant : "");
}

int access_has_queue(const struct http_request *req, const char *queue)
{
	return !token_of(req) || auth_pattern_matches(scope_of(req)->queue, queue ? queue : QUEUE_USUAL);
}

/* Rejects belong to their dataset. */
int access_has_dataset(const struct http_request *req, const char *dataset)
{
	static const char rejects[] = "__rejects";
	size_t n = strlen(dataset);
	char name[256];

	if (!token_of(req) || auth_pattern_matches(scope_of(req)->dataset, dataset))
		return 1;
	if (!str_ends(dataset, rejects) || n >= sizeof(name))
		return 0;
	str_copy(name, sizeof(name), dataset);
	name[n - strlen(rejects)] = '\0';
	return auth_pattern_matches(scope_of(req)->dataset, name);
}

int access_has_all_datasets(const struct http_request *req)
{
	return is_all(scope_of(req)->dataset);
}

int access_may(const struct http_request *req, unsigned verbs)
{
	return !token_of(req) || auth_token_may(token_of(req), verbs);
}

const char *access_tenants(const struct http_request *req)
{
	return is_all(scope_of(req)->tenant) ? NULL : scope_of(req)->tenant;
}

void access_narrow(const struct http_request *req, struct queue_filter *filter)
{
	const struct auth_scope *scope = scope_of(req);

	filter->tenant_like = access_tenants(req);
	filter->queue_like = is_all(scope->queue) ? NULL : scope->queue;
}

int access_sees_task(struct api *api, struct http_request *req, int64_t id)
{
	struct task *task;

	if (!access_is_narrow(req))
		return 1;
	return !queue_get(api->env.queue, id, http_arena(req), &task, NULL) &&
	       access_sees(req, task->tenant, task->queue);
}

int access_holds_lease(struct api *api, struct http_request *req, int64_t id)
{
	const char *queue, *tenant;

	if (!access_is_narrow(req) || queue_place_of(api->env.queue, id, &queue, &tenant))
		return 1; /* of one that has ended every lease is stale */
	return access_sees(req, tenant, queue);
}

const char *access_id(const struct http_request *req)
{
	return token_of(req) ? auth_token_id(token_of(req)) : "";
}

/* ---- what he submits ------------------------------------------------------------------------ */

static void deny(struct check *c, const char *pointer, const char *what, const char *value, const char *pattern)
{
	c->denied = 1;
	errors_add(c->errors, check_below(c, pointer), "the token is not for the %s '%.100s' but for '%.100s'", what,
	           value, pattern);
}

static void deny_verb(struct check *c, const char *pointer, const char *what, const char *verb)
{
	c->denied = 1;
	errors_add(c->errors, check_below(c, pointer), "%s: the token needs the verb %s", what, verb);
}

/* A token for one place means that place where none is named. */
static void take_place(struct check *c, const char *member, const char *pattern, const char *usual)
{
	const struct json *value = json_get(c->task, member);

	if (!value && auth_pattern_is_exact(pattern) && *pattern)
		json_set_str(c->task, member, pattern);
	else if ((!value || json_type(value) == JSON_STRING) && !auth_pattern_matches(pattern, json_str(value, usual)))
		deny(c, arena_printf(c->arena, "/%s", member), member, json_str(value, usual), pattern);
}

/* What lies in the agent's own folder is nobody's source: secrets of plugins, other people's uploads. Links are
 * followed, and a name that is not there (yet) is only compared. */
static void check_uri(struct check *c, size_t i, const char *path)
{
	char real[PATH_MAX];
	const char *found = realpath(path, real) ? real : path;
	size_t n = strlen(c->api->env.data_dir);

	if (access_may(c->req, AUTH_ADMIN) || strncmp(found, c->api->env.data_dir, n) || (found[n] && found[n] != '/'))
		return;
	c->denied = 1;
	errors_add(c->errors, arena_printf(c->arena, "%s/source/uris/%zu", c->prefix, i),
	           "it lies in the agent's data folder: the token needs the verb admin");
}

static void check_ingest_access(struct check *c)
{
	const struct json *uris = json_pointer(c->task, "/source/uris");

	if (uris && !access_may(c->req, AUTH_FILES))
		deny_verb(c, "/source/uris", "files of the agent's machine and buckets", "files (or send an upload)");
	else
		for (size_t i = 0; i < json_count(uris); i++)
			check_uri(c, i, json_str(json_at(uris, i), ""));
}

static void check_maintain_access(struct check *c)
{
	if (!access_may(c->req, AUTH_ADMIN))
		deny_verb(c, "/kind", "maintenance changes datasets as a whole", "admin");
}

static void check_export_access(struct check *c)
{
	if (!access_may(c->req, AUTH_FILES))
		deny_verb(c, "/to", "files of the agent's machine and buckets", "files");
}

/* It runs later, when nobody remembers who asked. */
static void check_query_access(struct check *c)
{
	if (!access_may(c->req, AUTH_READ))
		deny_verb(c, "/kind", "SQL reads datasets", "read");
	else if (!access_has_all_datasets(c->req)) {
		c->denied = 1;
		errors_add(c->errors, check_below(c, "/kind"),
		           "a query as a task reads any dataset, and the token is for some: use POST /v1/query");
	}
}

static const struct {
	const char *kind;
	void (*check)(struct check *c);
} kinds[] = {
	{"ingest", check_ingest_access},
	{"maintain", check_maintain_access},
	{"export", check_export_access},
	{"query", check_query_access},
};

void access_take(struct check *c)
{
	const struct auth_scope *scope;
	const char *kind, *dataset;

	if (!c->req || !token_of(c->req))
		return;
	scope = scope_of(c->req);
	kind = json_get_str(c->task, "kind", "");
	dataset = json_get_str(c->task, "dataset", NULL);
	take_place(c, "tenant", scope->tenant, "");
	take_place(c, "queue", scope->queue, QUEUE_USUAL);
	if (dataset && !access_has_dataset(c->req, dataset))
		deny(c, "/dataset", "dataset", dataset, scope->dataset);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (str_eq(kinds[i].kind, kind))
			kinds[i].check(c);
}

/* Tasks and batches of others are not there. */
void access_check_links(struct check *c, const struct task_spec *spec)
{
	struct task_batch batch;

	if (!c->req || !access_is_narrow(c->req))
		return;
	for (size_t i = 0; i < spec->n_depends_on; i++)
		if (spec->depends_on[i] > 0 && !access_sees_task(c->api, c->req, spec->depends_on[i]))
			errors_add(c->errors, arena_printf(c->arena, "%s/depends_on/%zu", c->prefix, i),
			           "there is no such task");
	if (spec->batch && (queue_batch_get(c->api->env.queue, spec->batch, c->arena, &batch, NULL) ||
	                    !access_has_tenant(c->req, batch.tenant)))
		errors_add(c->errors, check_below(c, "/batch"), "there is no such batch");
	if (spec->unique_key && !is_all(scope_of(c->req)->queue) &&
	    (spec->on_conflict == TASK_CONFLICT_REPLACE || spec->on_conflict == TASK_CONFLICT_MERGE)) {
		c->denied = 1;
		errors_add(
			c->errors, check_below(c, "/on_conflict"),
			"unique keys are those of all queues of the tenant, and the token is for '%.100s': only return "
			"and reject are for it",
			scope_of(c->req)->queue);
	}
}

/* The keys of a request are those of its first task's tenant. When that is not his, whatever becomes of that task, they
 * are the token's own: nobody meets the keys of others. */
const char *access_key_tenant(struct http_request *req, const char *wanted)
{
	const char *pattern = scope_of(req)->tenant;

	if (!wanted && auth_pattern_is_exact(pattern))
		return pattern;
	return access_has_tenant(req, wanted) ? wanted ? wanted : "" : pattern;
}

const char *access_tenant(struct http_request *req, const char *wanted)
{
	const char *pattern = scope_of(req)->tenant;

	if (!wanted && auth_pattern_is_exact(pattern))
		wanted = pattern;
	if (access_has_tenant(req, wanted))
		return wanted ? wanted : "";
	access_deny(req, "/tenant",
	            arena_printf(http_arena(req), "the token is not for the tenant '%.100s' but for '%.100s'",
	                         wanted ? wanted : "", pattern));
	return NULL;
}

/* ---- refusing what a body names -------------------------------------------------------------- */

static void begin_denial(struct http_request *req)
{
	const struct auth_refusal *refusal = auth_refusal(AUTH_SCOPE);

	set_challenge(req, refusal, refusal->sentence, 0);
}

void access_deny(struct http_request *req, const char *pointer, const char *detail)
{
	struct json *errors = json_new_array();

	errors_add(errors, pointer, "%s", detail);
	reply_refused(req, errors, 1);
	json_free(errors);
}

void reply_refused(struct http_request *req, const struct json *errors, int denied)
{
	if (denied)
		begin_denial(req);
	reply_errors(req, errors, denied ? 403 : 422);
}
