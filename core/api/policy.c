/* SPDX-License-Identifier: Apache-2.0 */
/* What all kinds of tasks have in common: when, how often, in which order, within which limits. A row for
 * each member says where in the spec it goes; what a row cannot say has a function. The JSON Schema has
 * checked types and ranges before, and made durations and times of text into numbers where it may. */
#include <limits.h>
#include <string.h>

#include "api/check.h"
#include "base/clock.h"
#include "base/str.h"
#include "supervise/supervise.h"

#define LABELS_MAX 16
#define LABEL_MAX 256
#define RULES_MAX 1024
#define IS_BEFORE_RUN_AT "it is not behind run_at: the task would end before it could start"

enum policy_type { POLICY_STR, POLICY_INT, POLICY_I64, POLICY_TIME, POLICY_WORD, POLICY_PERCENT };

static const char *const crash_words[] = {"retry", "fail", NULL};

static const struct policy {
	const char *object, *name; /* member of this object of the task, NULL: of the task itself */
	enum policy_type type;
	size_t offset;
	const char *const *words;
} policies[] = {
#define AT(member) offsetof(struct task_spec, member)
	{NULL, "queue", POLICY_STR, AT(queue), NULL},
	{NULL, "tenant", POLICY_STR, AT(tenant), NULL},
	{NULL, "unique_key", POLICY_STR, AT(unique_key), NULL},
	{NULL, "unique_scope", POLICY_WORD, AT(unique_scope), task_scope_names},
	{NULL, "unique_ttl", POLICY_I64, AT(unique_ttl_ms), NULL},
	{NULL, "on_conflict", POLICY_WORD, AT(on_conflict), task_conflict_names},
	{NULL, "idempotency_key", POLICY_STR, AT(idempotency_key), NULL},
	{NULL, "run_at", POLICY_TIME, AT(run_at), NULL},
	{NULL, "expires_at", POLICY_TIME, AT(expires_at), NULL},
	{NULL, "deadline", POLICY_TIME, AT(deadline), NULL},
	{NULL, "timeout", POLICY_I64, AT(timeout_ms), NULL},
	{NULL, "heartbeat", POLICY_I64, AT(heartbeat_ms), NULL},
	{NULL, "max_attempts", POLICY_INT, AT(max_attempts), NULL},
	{"retry", "initial", POLICY_I64, AT(retry_initial_ms), NULL},
	{"retry", "max", POLICY_I64, AT(retry_max_ms), NULL},
	{"retry", "factor", POLICY_PERCENT, AT(retry_factor_percent), NULL},
	{"retry", "jitter", POLICY_WORD, AT(retry_jitter), task_jitter_names},
	{NULL, "on_crash", POLICY_WORD, AT(crash_is_final), crash_words},
	{"retention", "ok", POLICY_I64, AT(retain_ok_ms), NULL},
	{"retention", "failed", POLICY_I64, AT(retain_failed_ms), NULL},
	{NULL, "fairness_key", POLICY_STR, AT(fairness_key), NULL},
	{NULL, "weight", POLICY_INT, AT(weight), NULL},
	{NULL, "concurrency_key", POLICY_STR, AT(concurrency_key), NULL},
	{NULL, "rate_key", POLICY_STR, AT(rate_key), NULL},
	{NULL, "cost", POLICY_INT, AT(cost), NULL},
	{NULL, "slots", POLICY_INT, AT(slots), NULL},
	{NULL, "on_dep_failure", POLICY_WORD, AT(on_dep_failure), task_dep_failure_names},
};

#define POLICIES (sizeof(policies) / sizeof(policies[0]))

static void put_i64(struct task_spec *spec, const struct policy *policy, int64_t v)
{
	char *at = (char *)spec + policy->offset;

	if (policy->type == POLICY_I64 || policy->type == POLICY_TIME)
		*(int64_t *)at = v;
	else
		*(int *)at = (int)v;
}

static int64_t word_number(const char *const *words, const char *word)
{
	for (int64_t i = 0; words[i]; i++)
		if (str_eq(words[i], word))
			return i;
	return 0; /* the schema has refused all others */
}

static const char *pointer_to(struct check *c, const struct policy *policy)
{
	return arena_printf(c->arena, "%s%s%s/%s", c->prefix, policy->object ? "/" : "",
	                    policy->object ? policy->object : "", policy->name);
}

static void take_value(struct check *c, const struct policy *policy, const struct json *value, struct task_spec *spec)
{
	const char *text = json_str(value, "");
	int64_t wall_ms = 0;

	switch (policy->type) {
	case POLICY_STR:
		*(const char **)((char *)spec + policy->offset) = arena_str(c->arena, text);
		return;
	case POLICY_WORD:
		put_i64(spec, policy, word_number(policy->words, text));
		return;
	case POLICY_PERCENT:
		put_i64(spec, policy, (int64_t)(json_double(value, 2) * 100));
		return;
	case POLICY_TIME:
		if (json_type(value) == JSON_STRING && clock_from_rfc3339(text, &wall_ms))
			errors_add(c->errors, pointer_to(c, policy),
			           "'%.60s' is not a time such as 2026-01-31T12:00:00Z", text);
		put_i64(spec, policy, json_type(value) == JSON_STRING ? wall_ms : json_int(value, 0));
		return;
	case POLICY_I64:
		if (json_int(value, 0) > TASK_DURATION_MAX_MS)
			errors_add(c->errors, pointer_to(c, policy), "it is longer than 366 days");
		put_i64(spec, policy, json_int(value, 0));
		return;
	case POLICY_INT:
		put_i64(spec, policy, json_int(value, 0));
		return;
	}
}

/* By the first letter of a name: the rows that begin with it, one behind the other; i + 1 is row i. */
static struct {
	uint8_t first[UCHAR_MAX + 1], next[POLICIES];
	int are_linked;
} rows;

static void link_rows(void)
{
	for (size_t i = POLICIES; i-- > 0;) {
		uint8_t *first = &rows.first[(unsigned char)policies[i].name[0]];

		rows.next[i] = *first;
		*first = (uint8_t)(i + 1);
	}
	rows.are_linked = 1;
}

static const struct policy *find_policy(const char *object, const char *name)
{
	if (!rows.are_linked)
		link_rows();
	for (size_t i = rows.first[(unsigned char)*name]; i; i = rows.next[i - 1])
		if (!strcmp(policies[i - 1].name, name) && str_eq(policies[i - 1].object, object))
			return &policies[i - 1];
	return NULL;
}

/* Nearly all tasks have few of these members, so it is them that are looked up, and not the rows. */
static void take_members(struct check *c, const char *object, struct task_spec *spec)
{
	struct json *from = object ? json_get_mut(c->task, object) : c->task;
	const struct policy *taken[POLICIES];
	const struct json *value;
	const char *name;
	size_t at = 0, n = 0;

	while (json_each(from, &at, &name, &value)) {
		const struct policy *policy = value ? find_policy(object, name) : NULL;

		if (!policy)
			continue;
		take_value(c, policy, value, spec);
		taken[n++] = policy;
	}
	while (n && !object)
		json_del(from, taken[--n]->name);
	if (object)
		json_del(c->task, object);
}

/* ---- what a row cannot say -------------------------------------------------------------------- */
static void take_retry(struct check *c, const struct submission *s, size_t i, struct task_spec *spec)
{
	(void)s;
	(void)i;
	take_members(c, "retry", spec);
	if (spec->retry_max_ms && spec->retry_max_ms < spec->retry_initial_ms)
		errors_add(c->errors, check_below(c, "/retry/max"), "it is less than initial");
}

static void take_retention(struct check *c, const struct submission *s, size_t i, struct task_spec *spec)
{
	(void)s;
	(void)i;
	take_members(c, "retention", spec);
}

int read_priority(const struct json *value, struct arena *arena, int *ret)
{
	const char *text = json_type(value) == JSON_INT ? arena_printf(arena, "%lld", (long long)json_int(value, -1))
	                                                : json_str(value, "");

	return value ? task_priority_parse(text, ret) : 0;
}

static void take_priority(struct check *c, const struct submission *s, size_t i, struct task_spec *spec)
{
	(void)s;
	(void)i;
	if (read_priority(json_get(c->task, "priority"), c->arena, &spec->priority))
		errors_add(c->errors, check_below(c, "/priority"), PRIORITY_WRONG);
	json_del(c->task, "priority");
}

static void take_labels(struct check *c, const struct submission *s, size_t i, struct task_spec *spec)
{
	const struct json *labels = json_get(c->task, "labels"), *value;
	const char *key;
	size_t at = 0;

	(void)s;
	(void)i;
	if (json_count(labels) > LABELS_MAX)
		errors_add(c->errors, check_below(c, "/labels"), "%zu labels are more than %d", json_count(labels),
		           LABELS_MAX);
	while (json_each(labels, &at, &key, &value))
		if (!str_is_name(key) || json_type(value) != JSON_STRING || json_str_len(value) > LABEL_MAX)
			errors_add(c->errors, arena_printf(c->arena, "%s/labels/%.100s", c->prefix, key),
			           "a label is a name (letters, digits, '_', '.', '-') with a text "
			           "of at most %d bytes",
			           LABEL_MAX);
	if (json_count(labels))
		spec->labels = arena_str(c->arena, json_text(labels));
	json_del(c->task, "labels");
}

static void check_rule(struct check *c, const struct json *rule, size_t k)
{
	const char *code = json_get_str(rule, "code", "*");

	if (strcmp(code, "*") && !err_is_name(code))
		errors_add(c->errors, arena_printf(c->arena, "%s/retry_rules/%zu/code", c->prefix, k),
		           "'%.40s' is no error code: give * for any, or one of %s", code, err_all_names());
	if (str_eq(json_get_str(rule, "action", NULL), "snooze") && !json_get_int(rule, "after", 0))
		errors_add(c->errors, arena_printf(c->arena, "%s/retry_rules/%zu/after", c->prefix, k),
		           "to snooze needs a time, such as \"30s\"");
}

/* [{"code","action","after"}, …] as the queue has it: "busy=snooze:5000,*=fail". */
static void take_rules(struct check *c, const struct submission *s, size_t i, struct task_spec *spec)
{
	const struct json *rules = json_get(c->task, "retry_rules");
	struct buf text;

	(void)s;
	(void)i;
	buf_init(&text, RULES_MAX);
	for (size_t k = 0; k < json_count(rules); k++) {
		const struct json *rule = json_at(rules, k);

		check_rule(c, rule, k);
		buf_printf(&text, "%s%s=%s:%lld", k ? "," : "", json_get_str(rule, "code", "*"),
		           json_get_str(rule, "action", "fail"), (long long)json_get_int(rule, "after", 0));
	}
	if (c->first_error < json_count(c->errors))
		; /* told already */
	else if (text.failed)
		errors_add(c->errors, check_below(c, "/retry_rules"), "the rules are too long");
	else if (text.len)
		spec->retry_rules = arena_str(c->arena, text.data);
	buf_done(&text);
	json_del(c->task, "retry_rules");
}

/* "t_…", or "#0" for the first task of the same list, which must come before this one. */
static int64_t dependency(const struct submission *s, size_t i, const char *text)
{
	int64_t id, place;

	if (*text != '#')
		return id_parse('t', text, &id) ? 0 : id;
	if (str_to_i64(text + 1, &place) || place < 0 || !s || !s->is_list || place >= (int64_t)i)
		return 0;
	return s->items[place].place < 0 ? 0 : -1 - s->items[place].place;
}

static void take_dependencies(struct check *c, const struct submission *s, size_t i, struct task_spec *spec)
{
	const struct json *list = json_get(c->task, "depends_on");
	size_t n = json_count(list);
	int64_t *ids;

	if (!n)
		return;
	ids = arena_alloc(c->arena, n * sizeof(*ids));
	for (size_t k = 0; k < n; k++) {
		const char *text = json_str(json_at(list, k), "");

		ids[k] = dependency(s, i, text);
		if (!ids[k])
			errors_add(
				c->errors, arena_printf(c->arena, "%s/depends_on/%zu", c->prefix, k),
				"'%.40s' is neither the id of a task nor '#N' for a task N, from 0, that is accepted "
				"before this one in the list",
				text);
	}
	spec->depends_on = ids;
	spec->n_depends_on = n;
	json_del(c->task, "depends_on");
}

static void take_batch(struct check *c, const struct submission *s, size_t i, struct task_spec *spec)
{
	const char *text = json_get_str(c->task, "batch", NULL);

	(void)s;
	(void)i;
	if (text && id_parse('b', text, &spec->batch))
		errors_add(c->errors, check_below(c, "/batch"), "'%.40s' is not the id of a batch", text);
	json_del(c->task, "batch");
}

/* The queue keeps who is told, the supervisor tells him. */
static void take_callback(struct check *c, const struct submission *s, size_t i, struct task_spec *spec)
{
	const struct json *callback = json_get(c->task, "callback"), *events = json_get(callback, "events");
	const char *secret = json_get_str(callback, "secret", NULL);
	enum task_state state;
	struct err err = {0};

	(void)s;
	(void)i;
	if (!callback)
		return;
	if (supervise_check_callback(c->api->env.supervise, json_get_str(callback, "url", ""), &err))
		errors_add(c->errors, check_below(c, "/callback/url"), "%s", err.text);
	if (secret && !str_is_name(secret))
		errors_add(c->errors, check_below(c, "/callback/secret"), "'%.100s' is not a name", secret);
	for (size_t k = 0; k < json_count(events); k++)
		if (!task_state_parse(json_str(json_at(events, k), ""), &state))
			spec->callback_states |= 1 << state;
	spec->callback = arena_str(c->arena, json_text(callback));
	json_del(c->task, "callback");
}

/* Every answer waits for the fsync; who asks for less is told, rather than given more than he thinks. */
static void take_durability(struct check *c, const struct submission *s, size_t i, struct task_spec *spec)
{
	const char *text = json_get_str(c->task, "durability", "");

	(void)s;
	(void)i;
	(void)spec;
	if (str_eq(text, "async"))
		errors_add(c->errors, check_below(c, "/durability"),
		           "'async' is not offered: every task is on disk before it is answered, and requests share "
		           "their fsyncs; leave it out, or say fsync");
	else if (!str_eq(text, "fsync"))
		errors_add(c->errors, check_below(c, "/durability"), "'%.40s' is not fsync, the one that there is",
		           text);
	json_del(c->task, "durability");
}

/* A key that was left out, or spelled as a label, say: who asked for one task at a time would have many. */
static void check_unique(struct check *c, const struct task_spec *spec)
{
	const char *lonely = spec->unique_scope    ? "/unique_scope"
	                     : spec->unique_ttl_ms ? "/unique_ttl"
	                     : spec->on_conflict   ? "/on_conflict"
	                                           : NULL;

	if (lonely && !spec->unique_key)
		errors_add(c->errors, check_below(c, lonely), "it is about a unique_key, and there is none");
}

/* What is worse than its schema can tell, with the place of the member where there is one. */
static void check_spec(struct check *c, const struct task_spec *spec)
{
	check_unique(c, spec);
	if (spec->queue && !str_is_name(spec->queue))
		errors_add(c->errors, check_below(c, "/queue"), "'%.100s' is not a name", spec->queue);
	else if (spec->queue && !strcmp(spec->queue, QUEUE_CALLBACKS))
		errors_add(c->errors, check_below(c, "/queue"), "the queue '%s' is the agent's own", spec->queue);
	else if (spec->expires_at && spec->expires_at <= clock_wall_ms())
		errors_add(c->errors, check_below(c, "/expires_at"), "it is in the past");
	else if (spec->deadline && spec->deadline <= clock_wall_ms())
		errors_add(c->errors, check_below(c, "/deadline"), "it is in the past");
	else if (spec->expires_at && spec->expires_at <= spec->run_at)
		errors_add(c->errors, check_below(c, "/expires_at"), IS_BEFORE_RUN_AT);
	else if (spec->deadline && spec->deadline <= spec->run_at)
		errors_add(c->errors, check_below(c, "/deadline"), IS_BEFORE_RUN_AT);
}

/* Members with a function of their own. */
static const struct special {
	const char *name;
	void (*take)(struct check *c, const struct submission *s, size_t i, struct task_spec *spec);
} specials[] = {
	{"retry", take_retry},   {"retention", take_retention}, {"priority", take_priority},
	{"labels", take_labels}, {"retry_rules", take_rules},   {"depends_on", take_dependencies},
	{"batch", take_batch},   {"callback", take_callback},   {"durability", take_durability},
};
#define SPECIALS (sizeof(specials) / sizeof(specials[0]))

/* Those that the task has, as bits. */
static unsigned find_specials(const struct json *task)
{
	const struct json *value;
	const char *name;
	unsigned found = 0;
	size_t at = 0;

	while (json_each(task, &at, &name, &value))
		for (size_t i = 0; i < SPECIALS; i++)
			if (specials[i].name[0] == *name && str_eq(specials[i].name, name))
				found |= 1u << i;
	return found;
}

void policy_take(struct check *c, const struct submission *s, size_t i, struct task_spec *spec)
{
	unsigned found;

	spec->priority = -1;
	take_members(c, NULL, spec);
	found = find_specials(c->task);
	for (size_t k = 0; k < SPECIALS; k++)
		if (found & 1u << k)
			specials[k].take(c, s, i, spec);
	check_spec(c, spec);
}

void policy_take_key(struct check *c, struct http_request *req, const struct submission *s, size_t i,
                     struct task_spec *spec)
{
	const char *key = http_header(req, "idempotency-key");

	(void)i;
	if (!key || !s) /* NULL: that of a request which is more than the task */
		return;
	if (s->is_list) {
		if (spec->idempotency_key)
			errors_add(c->errors, check_below(c, "/idempotency_key"),
			           "the request has a key of its own, in the header Idempotency-Key: leave out one of "
			           "them");
		return;
	}
	if (spec->idempotency_key && strcmp(spec->idempotency_key, key))
		errors_add(c->errors, check_below(c, "/idempotency_key"), "it differs from the Idempotency-Key header");
	spec->idempotency_key = arena_str(c->arena, key);
}
