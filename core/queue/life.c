/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/life.h"

#include <stddef.h>

#define LEAVE (LIFE_FENCED | LIFE_NO_FENCE)

const struct life_rule life_rules[] = {
	{TASK_BLOCKED, LIFE_RELEASE, TASK_SCHEDULED, 0},
	{TASK_BLOCKED, LIFE_CANCEL, TASK_CANCELLED, 0},
	{TASK_BLOCKED, LIFE_EXPIRE, TASK_EXPIRED, 0},
	{TASK_BLOCKED, LIFE_MOVE, TASK_BLOCKED, 0},
	{TASK_SCHEDULED, LIFE_MOVE, TASK_SCHEDULED, 0},
	{TASK_READY, LIFE_MOVE, TASK_SCHEDULED, 0},
	{TASK_SCHEDULED, LIFE_DUE, TASK_READY, 0},
	{TASK_SCHEDULED, LIFE_CANCEL, TASK_CANCELLED, 0},
	{TASK_SCHEDULED, LIFE_EXPIRE, TASK_EXPIRED, 0},
	{TASK_READY, LIFE_CLAIM, TASK_RUNNING, LIFE_NEW_FENCE | LIFE_COUNT},
	{TASK_READY, LIFE_CANCEL, TASK_CANCELLED, 0},
	{TASK_READY, LIFE_EXPIRE, TASK_EXPIRED, 0},
	{TASK_RUNNING, LIFE_BEAT, TASK_RUNNING, LIFE_FENCED},
	{TASK_RUNNING, LIFE_SUCCEED, TASK_SUCCEEDED, LEAVE},
	{TASK_RUNNING, LIFE_RETRY, TASK_SCHEDULED, LEAVE},
	{TASK_RUNNING, LIFE_FAIL, TASK_FAILED, LEAVE},
	{TASK_RUNNING, LIFE_SNOOZE, TASK_SCHEDULED, LEAVE | LIFE_UNCOUNT},
	{TASK_RUNNING, LIFE_STOPPED, TASK_CANCELLED, LEAVE},
	{TASK_RUNNING, LIFE_LOST, TASK_SCHEDULED, LEAVE | LIFE_CRASHED},
	{TASK_FAILED, LIFE_REDRIVE, TASK_SCHEDULED, LIFE_ANEW},
	{TASK_CANCELLED, LIFE_REDRIVE, TASK_SCHEDULED, LIFE_ANEW},
	{TASK_EXPIRED, LIFE_REDRIVE, TASK_SCHEDULED, LIFE_ANEW},
};
const int life_n_rules = sizeof(life_rules) / sizeof(life_rules[0]);

const struct life_rule *life_rule(enum task_state from, enum life_event event)
{
	for (int i = 0; i < life_n_rules; i++)
		if (life_rules[i].from == from && life_rules[i].event == event)
			return &life_rules[i];
	return NULL;
}

int life_allows(const struct life *life, int64_t fence, enum life_event event, int64_t shown)
{
	const struct life_rule *rule = life_rule((enum task_state)life->state, event);
	const struct life_rule *running = life_rule(TASK_RUNNING, event);

	if (running && running->effects & LIFE_FENCED && (!rule || !fence || fence != shown))
		return ERR_STALE;
	return rule ? 0 : ERR_CONFLICT;
}

int life_step(struct life *life, int64_t *fence, enum life_event event, int64_t shown)
{
	const struct life_rule *rule = life_rule((enum task_state)life->state, event);
	int r = life_allows(life, *fence, event, shown);

	if (r)
		return r;
	life->state = (uint8_t)rule->to;
	if (rule->effects & LIFE_NEW_FENCE)
		*fence = shown;
	if (rule->effects & LIFE_NO_FENCE)
		*fence = 0;
	if (rule->effects & LIFE_COUNT)
		life->attempt++;
	if (rule->effects & LIFE_UNCOUNT)
		life->attempt--;
	if (rule->effects & LIFE_CRASHED && life->crashes < UINT8_MAX)
		life->crashes++;
	if (rule->effects & LIFE_ANEW)
		life->attempt = life->crashes = 0;
	return 0;
}

enum life_event life_verdict(const struct life *life, const struct life_outcome *o)
{
	int died = o->lost || o->code == ERR_CRASH;

	if (!o->code)
		return LIFE_SUCCEED;
	if (o->cancel_requested || o->code == ERR_CANCELLED)
		return LIFE_STOPPED;
	if (o->snooze)
		return LIFE_SNOOZE;
	if (!o->may_retry || life->attempt >= life->max_attempts || life->crashes + died >= o->max_crashes)
		return LIFE_FAIL;
	return died ? LIFE_LOST : LIFE_RETRY;
}
