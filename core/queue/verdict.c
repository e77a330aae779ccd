/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a task whose attempt has ended: it has succeeded, is tried again and when, or has ended for good. */
#include <string.h>

#include "base/clock.h"
#include "base/id.h"
#include "queue/end.h"

#define RETRY_FACTOR 200

static int64_t jitter(int64_t bound, int how)
{
	int64_t fixed = how == TASK_JITTER_NONE ? bound : how == TASK_JITTER_EQUAL ? bound / 2 : 0;

	return fixed + (bound > fixed ? (int64_t)(random_u64() % (uint64_t)(bound - fixed + 1)) : 0);
}

/* Full jitter by default: anywhere between nothing and the exponential bound. */
static int64_t backoff(const struct queue *queue, const struct task_spec *policy, int64_t attempt)
{
	int64_t bound = policy->retry_initial_ms ? policy->retry_initial_ms : queue->config.retry_initial_ms;
	int64_t max = policy->retry_max_ms ? policy->retry_max_ms : queue->config.retry_max_ms;
	int64_t percent = policy->retry_factor_percent ? policy->retry_factor_percent : RETRY_FACTOR;

	for (int64_t i = 1; i < attempt && bound < max && percent > 100 && bound > 0; i++)
		bound = bound * percent / 100 > bound ? bound * percent / 100 : bound + 1;
	return jitter(bound < max ? bound : max, policy->retry_jitter);
}

struct verdict verdict_of(const struct queue *queue, const struct live *live, const struct queue_outcome *o)
{
	struct life_outcome end = {.code = o->code, .snooze = o->snooze, .max_crashes = (int)queue->config.max_crashes};
	int64_t now = clock_wall_ms(), wait = o->retry_after_ms, after = 0;
	struct task_spec policy = {0};
	enum rule_action rule;
	struct arena arena;

	end.cancel_requested = live->running->stop == ERR_CANCELLED;
	if (!o->code)
		return (struct verdict){LIFE_SUCCEED, 0};
	end.lost = o->outcome && !strcmp(o->outcome, "lost");
	arena_init(&arena);
	if (live->more)
		spec_unpack(live->more->policy, &arena, &policy);
	rule = spec_rule(policy.retry_rules, o->code, &after);
	if (rule == RULE_NONE)
		end.may_retry = err_is_transient(o->code) && !(o->code == ERR_CRASH && policy.crash_is_final);
	else
		end.may_retry = rule == RULE_RETRY;
	end.snooze |= rule == RULE_SNOOZE;
	if (after)
		wait = after;
	if (wait <= 0)
		wait = backoff(queue, &policy, live->life.attempt);
	arena_done(&arena);
	if (policy.deadline && now + wait >= policy.deadline)
		end.may_retry = end.snooze = 0;
	return (struct verdict){life_verdict(&live->life, &end), now + wait};
}

const char *verdict_outcome(const struct queue_outcome *outcome, enum life_event event)
{
	if (outcome->outcome)
		return outcome->outcome;
	if (event == LIFE_SNOOZE)
		return "snoozed";
	switch (outcome->code) {
	case 0:
		return NULL; /* succeeded */
	case ERR_CANCELLED:
		return "cancelled";
	case ERR_TIMEOUT:
		return "timeout";
	case ERR_CRASH:
		return "crashed";
	default:
		return "failed";
	}
}

int64_t verdict_retain_ms(const struct end *e, const struct task_spec *policy, const struct queue_settings *settings)
{
	int is_ok = e->to == TASK_SUCCEEDED;
	int64_t retain = is_ok ? policy->retain_ok_ms : policy->retain_failed_ms;

	if (!retain)
		retain = is_ok ? settings->retain_ok_ms : settings->retain_failed_ms;
	return retain ? retain : e->queue->config.retention_ms;
}
