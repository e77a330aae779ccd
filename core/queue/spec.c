/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked for, as a table of fields: copying, checking and packing are loops over it.
 *
 * Fields that most tasks leave alone have no column; they are kept as one text of netstrings, name
 * and value by turns ("5:slots1:2"), so that the common task pays nothing for them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "queue/inside.h"

#define BODY_MAX (256u << 10)
#define CALLBACK_MAX (16u << 10)
#define NAME_MAX_LEN 256
#define TEXT_MAX (64u << 10)
#define DEPENDS_MAX 1000
#define TIME_MAX 253402300799999LL /* the last ms of the year 9999 */

enum field_type { FIELD_STR, FIELD_INT, FIELD_I64 };
enum { IN_COLUMN = 0, IN_POLICY = 1, IS_KEY = 2 }; /* a key has no control characters: it becomes part of others */

struct field {
	const char *name;
	enum field_type type;
	size_t offset;
	int flags;
	int64_t max; /* of a number; of the length of a text */
};
#define FIELD(name, type, flags, max)                                     \
	{                                                                 \
#name, type, offsetof(struct task_spec, name), flags, max \
	}

static const struct field fields[] = {
	FIELD(kind, FIELD_STR, IS_KEY, NAME_MAX_LEN),
	FIELD(queue, FIELD_STR, IS_KEY, NAME_MAX_LEN),
	FIELD(tenant, FIELD_STR, IS_KEY, NAME_MAX_LEN),
	FIELD(dataset, FIELD_STR, IS_KEY, NAME_MAX_LEN),
	FIELD(body, FIELD_STR, 0, BODY_MAX),
	FIELD(labels, FIELD_STR, 0, TEXT_MAX),
	FIELD(trace, FIELD_STR, IS_KEY, NAME_MAX_LEN),
	FIELD(idempotency_key, FIELD_STR, IN_POLICY | IS_KEY, NAME_MAX_LEN),
	FIELD(unique_key, FIELD_STR, IS_KEY, NAME_MAX_LEN),
	FIELD(unique_scope, FIELD_INT, IN_POLICY, TASK_UNIQUE_TTL),
	FIELD(on_conflict, FIELD_INT, 0, TASK_CONFLICT_MERGE),
	FIELD(unique_ttl_ms, FIELD_I64, IN_POLICY, TASK_DURATION_MAX_MS),
	FIELD(priority, FIELD_INT, 0, TASK_PRIORITY_MAX),
	FIELD(run_at, FIELD_I64, 0, TIME_MAX),
	FIELD(expires_at, FIELD_I64, 0, TIME_MAX),
	FIELD(deadline, FIELD_I64, IN_POLICY, TIME_MAX),
	FIELD(timeout_ms, FIELD_I64, 0, TASK_DURATION_MAX_MS),
	FIELD(heartbeat_ms, FIELD_I64, IN_POLICY, TASK_DURATION_MAX_MS),
	FIELD(max_attempts, FIELD_INT, 0, 1000000),
	FIELD(retry_initial_ms, FIELD_I64, IN_POLICY, TASK_DURATION_MAX_MS),
	FIELD(retry_max_ms, FIELD_I64, IN_POLICY, TASK_DURATION_MAX_MS),
	FIELD(retry_factor_percent, FIELD_INT, IN_POLICY, 10000),
	FIELD(retry_jitter, FIELD_INT, IN_POLICY, TASK_JITTER_NONE),
	FIELD(retry_rules, FIELD_STR, IN_POLICY | IS_KEY, 1024),
	FIELD(crash_is_final, FIELD_INT, IN_POLICY, 1),
	FIELD(retain_ok_ms, FIELD_I64, IN_POLICY, TASK_DURATION_MAX_MS),
	FIELD(retain_failed_ms, FIELD_I64, IN_POLICY, TASK_DURATION_MAX_MS),
	FIELD(fairness_key, FIELD_STR, IN_POLICY | IS_KEY, NAME_MAX_LEN),
	FIELD(weight, FIELD_INT, IN_POLICY, 100),
	FIELD(concurrency_key, FIELD_STR, IN_POLICY | IS_KEY, NAME_MAX_LEN),
	FIELD(rate_key, FIELD_STR, IN_POLICY | IS_KEY, NAME_MAX_LEN),
	FIELD(cost, FIELD_INT, IN_POLICY, 1000000),
	FIELD(slots, FIELD_INT, IN_POLICY, 1000000),
	FIELD(depended_on, FIELD_STR, IN_POLICY, DEPENDS_MAX * 21),
	FIELD(on_dep_failure, FIELD_INT, IN_POLICY, TASK_DEP_HOLD),
	FIELD(batch, FIELD_I64, IN_POLICY, INT64_MAX),
	FIELD(callback, FIELD_STR, IN_POLICY, CALLBACK_MAX),
	FIELD(callback_states, FIELD_INT, IN_POLICY, (1 << TASK_STATES) - 1),
	FIELD(parent, FIELD_I64, 0, INT64_MAX),
};
#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

const char *const task_jitter_names[] = {"full", "equal", "none", NULL};
const char *const task_scope_names[] = {"active", "queued", "ttl", NULL};
const char *const task_conflict_names[] = {"return", "reject", "replace", "merge", NULL};
const char *const task_dep_failure_names[] = {"cancel", "run", "hold", NULL};

static const char **text_of(const struct task_spec *spec, const struct field *field)
{
	return (const char **)((const char *)spec + field->offset);
}

static int64_t number_of(const struct task_spec *spec, const struct field *field)
{
	const char *at = (const char *)spec + field->offset;

	return field->type == FIELD_INT ? *(const int *)at : *(const int64_t *)at;
}

/* Most are: no text, or zero. */
static int is_unset(const struct task_spec *spec, const struct field *field)
{
	const char *at = (const char *)spec + field->offset;

	if (field->type == FIELD_INT)
		return !*(const int *)at;
	return field->type == FIELD_I64 ? !*(const int64_t *)at : !*(const char *const *)at;
}

static void set_number(struct task_spec *spec, const struct field *field, int64_t v)
{
	char *at = (char *)spec + field->offset;

	if (field->type == FIELD_INT)
		*(int *)at = (int)v;
	else
		*(int64_t *)at = v;
}

/* ---- copy ---------------------------------------------------------------------------------- */

static void set_defaults(const struct queue *queue, struct task_spec *spec)
{
	if (!spec->queue)
		spec->queue = DEFAULT_QUEUE;
	if (!spec->tenant)
		spec->tenant = "";
	if (!spec->body)
		spec->body = "{}";
	if (spec->priority < 0)
		spec->priority = TASK_PRIORITY_DEFAULT;
	if (!spec->max_attempts)
		spec->max_attempts = (int)queue->config.max_attempts;
	if (!spec->timeout_ms)
		spec->timeout_ms = queue->config.timeout_ms;
}

static void copy_texts(struct arena *arena, struct task_spec *spec)
{
	for (size_t k = 0; k < N_FIELDS; k++)
		if (fields[k].type == FIELD_STR)
			*text_of(spec, &fields[k]) = arena_str(arena, *text_of(spec, &fields[k]));
	if (spec->n_depends_on)
		spec->depends_on = arena_dup(arena, spec->depends_on, spec->n_depends_on * sizeof(*spec->depends_on));
}

struct task_spec *spec_borrow(const struct queue *queue, struct arena *arena, const struct task_spec *specs, size_t n)
{
	struct task_spec *copy = arena_dup(arena, specs, n * sizeof(*specs));

	for (size_t i = 0; i < n; i++)
		set_defaults(queue, &copy[i]);
	return copy;
}

struct task_spec *spec_copy(const struct queue *queue, struct arena *arena, const struct task_spec *specs, size_t n)
{
	struct task_spec *copy = spec_borrow(queue, arena, specs, n);

	for (size_t i = 0; i < n; i++)
		copy_texts(arena, &copy[i]);
	return copy;
}

/* ---- pack ---------------------------------------------------------------------------------- */

static void add_netstring(struct buf *buf, const char *s)
{
	buf_printf(buf, "%zu:", strlen(s));
	buf_puts(buf, s);
}

static void pack_field(struct buf *buf, const struct task_spec *spec, const struct field *field)
{
	char number[24];
	const char *text = number;

	if (field->type == FIELD_STR)
		text = *text_of(spec, field);
	else
		snprintf(number, sizeof(number), "%" PRId64, number_of(spec, field));
	add_netstring(buf, field->name);
	add_netstring(buf, text);
}

char *spec_pack(const struct task_spec *spec, int whole, struct arena *arena)
{
	struct buf buf;
	char *text = NULL;

	buf_init(&buf, 0);
	for (size_t i = 0; i < N_FIELDS; i++)
		if ((whole || fields[i].flags & IN_POLICY) && !is_unset(spec, &fields[i]))
			pack_field(&buf, spec, &fields[i]);
	if (buf.len)
		text = arena_str(arena, buf.data);
	buf_done(&buf);
	return text;
}

static const char *take_netstring(const char **at, struct arena *arena)
{
	size_t n = 0;
	const char *s = *at;

	while (*s >= '0' && *s <= '9' && n < BODY_MAX * 2)
		n = n * 10 + (size_t)(*s++ - '0');
	if (*s != ':' || strnlen(s + 1, n) < n)
		return NULL;
	*at = s + 1 + n;
	return arena_strn(arena, s + 1, n);
}

static int unpack_field(struct task_spec *spec, const char *name, const char *value)
{
	int64_t v;

	for (size_t i = 0; i < N_FIELDS; i++) {
		if (strcmp(fields[i].name, name))
			continue;
		if (fields[i].type == FIELD_STR)
			*text_of(spec, &fields[i]) = value;
		else if (str_to_i64(value, &v))
			return ERR_CORRUPT;
		else
			set_number(spec, &fields[i], v);
	}
	return 0; /* also a field that a newer agent knew */
}

int spec_unpack(const char *text, struct arena *arena, struct task_spec *ret)
{
	const char *name, *value;

	while (text && *text) {
		name = take_netstring(&text, arena);
		value = name ? take_netstring(&text, arena) : NULL;
		if (!value || unpack_field(ret, name, value))
			return ERR_CORRUPT;
	}
	return 0;
}

/* Whether it has a field that somebody has to look at when it has become a task. */
static int has_policy(const struct task_spec *spec)
{
	struct task_spec plain = *spec;

	plain.fairness_key = NULL;                        /* is in the lane */
	plain.idempotency_key = plain.depended_on = NULL; /* are there to be shown */
	plain.weight = plain.unique_scope = 0;
	plain.unique_ttl_ms = 0;
	for (size_t i = 0; i < N_FIELDS; i++)
		if (fields[i].flags & IN_POLICY && !is_unset(&plain, &fields[i]))
			return 1;
	return 0;
}

int spec_flags(const struct task_spec *spec, const char *packed)
{
	int flags = 0;

	if (spec->unique_key && spec->unique_scope != TASK_UNIQUE_TTL)
		flags |= LIVE_UNIQUE;
	if (flags && spec->unique_scope == TASK_UNIQUE_QUEUED)
		flags |= LIVE_UNIQUE_QUEUED;
	if (spec->n_depends_on || (packed && has_policy(spec)))
		flags |= LIVE_POLICY;
	return flags;
}

/* ---- check --------------------------------------------------------------------------------- */

static int check_text(const struct field *field, const char *s, struct err *err)
{
	size_t n = strlen(s);

	if (n > (size_t)field->max)
		return err_set(err, ERR_LIMIT, "%s has %zu bytes, %" PRId64 " are allowed", field->name, n, field->max);
	if (field->flags & IS_KEY && str_has_control(s, n))
		return err_set(err, ERR_INVALID, "%s has a control character", field->name);
	return 0;
}

static int wrong(struct err *err, const char *pointer, const char *text)
{
	err_set(err, ERR_INVALID, "%s", text);
	err_where(err, "%s", pointer);
	return ERR_INVALID;
}

static int check_field(const struct task_spec *spec, const struct field *field, struct err *err)
{
	int64_t v;

	if (field->type == FIELD_STR)
		return check_text(field, *text_of(spec, field), err);
	v = number_of(spec, field);
	if (v > field->max || (v < 0 && field->offset != offsetof(struct task_spec, priority)))
		return err_set(err, ERR_INVALID, "%s %" PRId64 " is out of range: allowed is 0 to %" PRId64,
		               field->name, v, field->max);
	return 0;
}

static int check_fields(const struct task_spec *spec, struct err *err)
{
	for (size_t i = 0; i < N_FIELDS; i++) {
		int r = is_unset(spec, &fields[i]) ? 0 : check_field(spec, &fields[i], err);

		if (r && fields[i].type == FIELD_STR)
			err_where(err, "/%s", fields[i].name);
		if (r)
			return r;
	}
	return 0;
}

int queue_check_spec(const struct task_spec *spec, struct err *err)
{
	int r;

	if (!spec->kind || !*spec->kind)
		return err_set(err, ERR_INVALID, "a task needs a kind");
	r = check_fields(spec, err);
	if (r)
		return r;
	if (spec->queue && !str_is_name(spec->queue))
		return err_set(err, ERR_INVALID,
		               "'%.100s' is no name of a queue: letters, digits, '_', '.', '-', at "
		               "most 128",
		               spec->queue);
	if (spec->unique_scope == TASK_UNIQUE_TTL && spec->unique_key && !spec->unique_ttl_ms)
		return wrong(err, "/unique_ttl", "unique_scope ttl needs a unique_ttl: for how long is the key taken?");
	if (spec->n_depends_on > DEPENDS_MAX)
		return err_set(err, ERR_LIMIT, "depends_on has %zu tasks, %d are allowed", spec->n_depends_on,
		               DEPENDS_MAX);
	return spec->retry_rules ? spec_check_rules(spec->retry_rules, err) : 0;
}

/* ---- retry rules --------------------------------------------------------------------------- */

struct rule {
	char code[32];
	enum rule_action action;
	int64_t after_ms;
};

/* Reads one rule behind *at; 1: there was one, 0: the end, or ERR_INVALID. */
static int next_rule(const char **at, struct rule *ret)
{
	static const char *const actions[] = {[RULE_RETRY] = "retry", [RULE_FAIL] = "fail", [RULE_SNOOZE] = "snooze"};
	char action[16] = "";
	int n = 0;

	if (!**at)
		return 0;
	*ret = (struct rule){0};
	if (sscanf(*at, "%31[a-z*-]=%15[a-z]%n", ret->code, action, &n) != 2)
		return ERR_INVALID;
	*at += n;
	if (**at == ':') {
		n = 0;
		if (sscanf(*at, ":%11" SCNd64 "%n", &ret->after_ms, &n) != 1 || ret->after_ms < 0)
			return ERR_INVALID;
		*at += n;
	}
	for (int i = RULE_RETRY; i <= RULE_SNOOZE; i++)
		if (!strcmp(actions[i], action))
			ret->action = (enum rule_action)i;
	if (**at == ',' && (*at)[1])
		(*at)++;
	else if (**at)
		return ERR_INVALID;
	return ret->action == RULE_NONE ? ERR_INVALID : 1;
}

int spec_check_rules(const char *rules, struct err *err)
{
	const char *at = rules;
	struct rule rule;
	int r;

	while ((r = next_rule(&at, &rule)) > 0) {
		if (strcmp(rule.code, "*") && !err_is_name(rule.code))
			return err_set(err, ERR_INVALID, "retry_rules: '%s' is no error code, which are: *, %s",
			               rule.code, err_all_names());
		if (rule.action == RULE_SNOOZE && !rule.after_ms)
			return err_set(err, ERR_INVALID, "retry_rules: snooze needs a time: '%s=snooze:MS'", rule.code);
	}
	return r ? err_set(err, ERR_INVALID, "retry_rules: '%.60s' is not CODE=retry|fail|snooze[:MS]", at) : 0;
}

enum rule_action spec_rule(const char *rules, int code, int64_t *ret_after_ms)
{
	struct rule rule;

	while (rules && next_rule(&rules, &rule) > 0)
		if (!strcmp(rule.code, "*") || !strcmp(rule.code, err_name(code))) {
			*ret_after_ms = rule.after_ms;
			return rule.action;
		}
	return RULE_NONE;
}
