/* SPDX-License-Identifier: Apache-2.0 */
/* Every order of events in the life of one task with three workers: claims, heartbeats, ends of every sort,
 * time-outs, cancels, crashes, lost leases, lost replies (a worker that does not know goes on reporting),
 * restarts of the agent with and without the claim on disk, redrives; and before all that a task that starts while its
 * put is on its way, which is then accepted, refused, or met by a kill or a power cut. It walks the transition table
 * that the queue walks, through the same functions, breadth first over all states within the bounds.
 *
 * What must hold in each state: at most one worker holds the fence that counts; a fence is larger than all
 * before; only who holds it changes anything; a final state is written once between redrives; a claimed
 * attempt counts and a snoozed one does not; of a task that is not accepted nothing is stored nor seen, and its
 * worker's end is stored with it or behind it, or never. From each state an end can be reached. Every rule is used. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/test.h"
#include "queue/life.h"

#define WORKERS 3
#define REMOTE 2 /* this one has leases, which outlive the agent; the others are processes of the agent */
#define FENCES 5 /* claims in all */
#define MAX_ATTEMPTS 2
#define MAX_CRASHES 2
#define RESTARTS 1
#define REDRIVES 1
#define MOVES 1
#define STATES (1 << 20)

/* Check's own assertions write to a pipe each time, which is too much for millions. */
#define must(what)                                 \
	do {                                       \
		if (!(what))                       \
			ck_abort_msg("%s", #what); \
	} while (0)

enum put { ACCEPTED, COMING, REFUSED };

struct world {
	struct life life;
	int8_t put;                      /* enum put */
	int8_t coming_end, coming_fence; /* that is written behind the put: the event + 1 */
	int8_t fence;                    /* of the running attempt, 0 = none */
	int8_t last_fence;               /* the largest ever given */
	int8_t stored_attempt, stored_crashes, stored_state, stored_run; /* stored_run: fence of the run row */
	int8_t believes[WORKERS];         /* the fence with which each thinks it holds the task, 0 = none */
	int8_t remote_run, stored_cancel; /* of the run row: it is the remote one's; a cancel was acknowledged */
	int8_t cancel, restarts, redrives, moves, ends; /* ends: final states written since the last redrive */
};

static struct world *worlds;
static int *slots; /* hash table of indexes + 1 */
static int n_worlds, from_parent;
static char rule_used[64];
static int *edges_from, *edges_to, n_edges, edges_cap;

static unsigned hash(const struct world *w)
{
	const unsigned char *p = (const unsigned char *)w;
	unsigned h = 2166136261u;

	for (size_t i = 0; i < sizeof(*w); i++)
		h = (h ^ p[i]) * 16777619u;
	return h;
}

static void add_edge(int to)
{
	if (n_edges == edges_cap) {
		edges_cap = edges_cap ? edges_cap * 2 : 1 << 16;
		edges_from = realloc(edges_from, (size_t)edges_cap * sizeof(int));
		edges_to = realloc(edges_to, (size_t)edges_cap * sizeof(int));
	}
	edges_from[n_edges] = from_parent;
	edges_to[n_edges++] = to;
}

static void check(const struct world *w)
{
	int holders = 0;

	for (int i = 0; i < WORKERS; i++)
		holders += w->fence && w->believes[i] == w->fence;
	must(holders <= 1);
	must(w->fence <= w->last_fence);
	must((w->life.state == TASK_RUNNING) == (w->fence != 0));
	must(w->ends <= 1);
	must(task_state_is_final((enum task_state)w->life.state) == (w->ends == 1));
	must((int)w->life.attempt <= FENCES);
	if (w->put != ACCEPTED)
		must(!w->ends && !w->stored_run && !w->stored_attempt && !w->stored_crashes && !w->stored_cancel);
	if (w->put == REFUSED)
		must(!w->fence && !w->coming_end);
	if (w->life.state == TASK_RUNNING)
		must((int)w->life.attempt >= 1);
}

static void reach(const struct world *w)
{
	unsigned at = hash(w) & (STATES * 2 - 1);

	check(w);
	for (; slots[at]; at = (at + 1) & (STATES * 2 - 1))
		if (!memcmp(&worlds[slots[at] - 1], w, sizeof(*w))) {
			add_edge(slots[at] - 1);
			return;
		}
	must(n_worlds < STATES);
	worlds[n_worlds] = *w;
	slots[at] = ++n_worlds;
	add_edge(n_worlds - 1);
}

/* The step through the shipped functions; 0 when it was taken. */
static int step(struct world *w, enum life_event event, int shown)
{
	const struct life_rule *rule = life_rule((enum task_state)w->life.state, event);
	struct life before = w->life;
	int64_t fence = w->fence;
	int allowed = life_allows(&w->life, fence, event, shown), r;

	r = life_step(&w->life, &fence, event, shown);
	must(r == allowed);
	if (r) {
		must(!memcmp(&before, &w->life, sizeof(before)));
		must(fence == w->fence);
		return r;
	}
	rule_used[rule - life_rules] = 1;
	w->fence = (int8_t)fence;
	w->ends = (int8_t)(w->ends + task_state_is_final((enum task_state)w->life.state));
	return 0;
}

/* The transaction that goes with the end of an attempt, or of the task. */
static void store(struct world *w)
{
	w->stored_attempt = (int8_t)w->life.attempt;
	w->stored_crashes = (int8_t)w->life.crashes;
	w->stored_state = (int8_t)w->life.state;
	w->stored_run = w->remote_run = w->stored_cancel = 0;
}

/* ---- before it is accepted ------------------------------------------------------------------------ */

/* A worker of the agent; a remote one gets what is on disk. */
static void try_start_early(const struct world *from, int worker)
{
	struct world w = *from;

	if (w.put != COMING || worker == REMOTE || step(&w, LIFE_CLAIM, w.last_fence + 1))
		return;
	w.last_fence = w.fence;
	w.believes[worker] = w.fence;
	reach(&w);
}

/* It is kept until the put is durable; a second one finds that it has ended. */
static void try_report_early(const struct world *from, int worker, const struct life_outcome *outcome, int reply_lost)
{
	struct world w = *from;
	struct life_outcome o = *outcome;
	int shown = w.believes[worker];

	if (w.put == ACCEPTED || !shown)
		return;
	o.max_crashes = MAX_CRASHES;
	if (w.put == COMING && !w.coming_end && shown == w.fence) {
		w.coming_end = (int8_t)(life_verdict(&w.life, &o) + 1);
		w.coming_fence = (int8_t)shown;
	}
	if (!reply_lost)
		w.believes[worker] = 0;
	reach(&w);
}

static void take_coming_end(struct world *w)
{
	if (!w->coming_end)
		return;
	must(step(w, (enum life_event)(w->coming_end - 1), w->coming_fence) == 0);
	store(w);
	w->coming_end = w->coming_fence = 0;
}

/* Durable, and the loop knows it. Its end comes with it, or with a later group. */
static void try_accept(const struct world *from, int with_its_end)
{
	struct world w = *from;

	if (w.put != COMING)
		return;
	w.put = ACCEPTED;
	if (with_its_end)
		take_coming_end(&w);
	reach(&w);
}

static void try_end_behind(const struct world *from)
{
	struct world w = *from;

	if (w.put != ACCEPTED || !w.coming_end)
		return;
	take_coming_end(&w);
	reach(&w);
}

/* The disk is full, the commit failed; or the agent was killed, or the power cut, before the put was on disk: there never
 * was such a task. A worker that does not know may report. */
static void try_refuse(const struct world *from)
{
	struct world w = *from;

	if (w.put != COMING)
		return;
	w.put = REFUSED;
	w.fence = w.coming_end = w.coming_fence = 0;
	w.life.state = TASK_READY;
	w.life.attempt = 0;
	reach(&w);
}

/* The put is on disk, with or without the end behind it, and the agent dies before it knows. */
static void try_die_before_the_answer(const struct world *from, int with_its_end)
{
	struct world w = *from;

	if (w.put != COMING || w.restarts == RESTARTS)
		return;
	w.put = ACCEPTED;
	if (with_its_end)
		take_coming_end(&w);
	w.coming_end = w.coming_fence = 0;
	if (task_state_is_final((enum task_state)w.life.state)) {
		reach(&w);
		return;
	}
	w.restarts++;
	w.fence = 0;
	w.life.state = TASK_SCHEDULED;
	w.life.attempt = (uint32_t)w.stored_attempt;
	w.life.crashes = (uint8_t)w.stored_crashes;
	reach(&w);
}

/* ---- from then on --------------------------------------------------------------------------------- */

static void try_simple(const struct world *from, enum life_event event)
{
	struct world w = *from;

	if (step(&w, event, 0))
		return;
	store(&w);
	reach(&w);
}

static void try_claim(const struct world *from, int worker, int is_written)
{
	struct world w = *from;

	if (w.put != ACCEPTED || w.last_fence == FENCES ||
	    w.believes[worker]) /* a worker that thinks it works claims nothing */
		return;
	if (step(&w, LIFE_CLAIM, w.last_fence + 1))
		return;
	must(!w.stored_cancel); /* what was acknowledged is never given out again */
	must(w.fence > w.last_fence);
	w.last_fence = w.fence;
	w.believes[worker] = w.fence;
	w.cancel = 0;
	if (is_written) {
		w.stored_run = w.fence;
		w.remote_run = worker == REMOTE;
	}
	reach(&w);
}

/* A worker reports with the fence it believes in; the reply may be lost, and it reports again. */
static void try_report(const struct world *from, int worker, const struct life_outcome *outcome, int reply_lost)
{
	struct world w = *from;
	struct life_outcome o = *outcome;
	int shown = w.believes[worker], is_true = shown && shown == w.fence, r;

	if (!shown)
		return;
	o.cancel_requested = w.cancel;
	o.max_crashes = MAX_CRASHES;
	r = step(&w, life_verdict(&w.life, &o), shown);
	must(is_true == !r);
	if (!r)
		store(&w);
	if (!reply_lost)
		w.believes[worker] = 0;
	reach(&w);
}

static void try_beat(const struct world *from, int worker)
{
	struct world w = *from;

	if (!w.believes[worker])
		return;
	if (step(&w, LIFE_BEAT, w.believes[worker]))
		w.believes[worker] = 0; /* now it knows */
	else
		must(from->fence == from->believes[worker]);
	reach(&w);
}

/* The worker is gone, or its lease ended: the agent ends the attempt; a remote worker does not know. */
static void try_lost(const struct world *from, int worker_knows)
{
	struct life_outcome o = {.code = ERR_CRASH,
	                         .lost = 1,
	                         .may_retry = 1,
	                         .max_crashes = MAX_CRASHES,
	                         .cancel_requested = from->cancel};
	struct world w = *from;
	int fence = w.fence;

	if (w.life.state != TASK_RUNNING)
		return;
	must(step(&w, life_verdict(&w.life, &o), fence) == 0);
	store(&w);
	for (int i = 0; worker_knows && i < WORKERS; i++)
		if (w.believes[i] == fence)
			w.believes[i] = 0;
	reach(&w);
}

/* Acknowledged when it is on disk, with the claim; a start may come before. */
static void try_cancel_running(const struct world *from, int is_written)
{
	struct world w = *from;

	if (w.life.state != TASK_RUNNING || (w.cancel && (!is_written || w.stored_cancel)))
		return;
	w.cancel = 1;
	if (is_written) {
		w.stored_run = w.fence;
		w.remote_run = w.believes[REMOTE] == w.fence;
		w.stored_cancel = 1;
	}
	reach(&w);
}

/* What queue_open does. The run of a remote worker goes on with its fence, and so does one that was cancelled, until it
 * is ended. Any other counts as an attempt, its fence is nobody's, and the rest is as stored. */
static void try_restart(const struct world *from)
{
	struct world w = *from;
	int goes_on = w.stored_run && (w.remote_run || w.stored_cancel);

	if (w.restarts == RESTARTS || task_state_is_final((enum task_state)w.life.state))
		return;
	w.restarts++;
	w.coming_end = w.coming_fence = 0; /* lost */
	w.life.attempt = (uint32_t)w.stored_attempt;
	w.life.crashes = (uint8_t)w.stored_crashes;
	w.life.state = (uint8_t)(w.stored_state == TASK_BLOCKED ? TASK_BLOCKED : TASK_SCHEDULED);
	w.fence = 0;
	w.cancel = w.stored_cancel;
	if (goes_on) {
		must(w.stored_run == from->fence);
		w.life.state = TASK_READY;
		must(step(&w, LIFE_CLAIM, w.stored_run) == 0);
	} else {
		w.life.attempt += w.stored_run != 0;
		w.stored_attempt = (int8_t)w.life.attempt;
		w.stored_run = w.remote_run = 0;
	}
	reach(&w);
}

static void try_redrive(const struct world *from)
{
	struct world w = *from;

	if (w.redrives == REDRIVES || step(&w, LIFE_REDRIVE, 0))
		return;
	w.redrives++;
	w.ends = 0;
	store(&w);
	reach(&w);
}

static void try_move(const struct world *from)
{
	struct world w = *from;

	if (w.moves == MOVES || step(&w, LIFE_MOVE, 0))
		return;
	w.moves++;
	reach(&w);
}

static void expand(int at)
{
	static const struct life_outcome outcomes[] = {
		{.code = 0},
		{.code = ERR_IO, .may_retry = 1},
		{.code = ERR_INVALID},
		{.code = ERR_CRASH, .may_retry = 1},
		{.code = ERR_TIMEOUT, .may_retry = 1},
		{.code = ERR_BUSY, .snooze = 1},
		{.code = ERR_CANCELLED},
	};
	struct world w = worlds[at];

	from_parent = at;
	for (int i = 0; i < WORKERS; i++) {
		try_start_early(&w, i);
		for (size_t k = 0; k < sizeof(outcomes) / sizeof(outcomes[0]); k++) {
			try_report_early(&w, i, &outcomes[k], 0);
			try_report_early(&w, i, &outcomes[k], 1);
		}
	}
	try_refuse(&w);
	for (int with_its_end = 0; with_its_end < 2; with_its_end++) {
		try_accept(&w, with_its_end);
		try_die_before_the_answer(&w, with_its_end);
	}
	try_end_behind(&w);
	if (w.put != ACCEPTED || w.coming_end) {
		if (w.put == ACCEPTED)
			try_restart(&w);
		return; /* nobody moves what is about to end */
	}
	try_simple(&w, LIFE_RELEASE);
	try_simple(&w, LIFE_DUE);
	try_simple(&w, LIFE_CANCEL);
	try_simple(&w, LIFE_EXPIRE);
	try_cancel_running(&w, 0);
	try_cancel_running(&w, 1);
	try_lost(&w, 0);
	try_lost(&w, 1);
	try_restart(&w);
	try_redrive(&w);
	try_move(&w);
	for (int i = 0; i < WORKERS; i++) {
		try_claim(&w, i, 0);
		try_claim(&w, i, 1);
		try_beat(&w, i);
		for (size_t k = 0; k < sizeof(outcomes) / sizeof(outcomes[0]); k++) {
			try_report(&w, i, &outcomes[k], 0);
			try_report(&w, i, &outcomes[k], 1);
		}
	}
}

/* Marks backwards from the ends; whoever still has a claim left must be marked. */
static void check_ends_are_reachable(void)
{
	char *good = calloc(STATES, 1);
	int more = 1;

	for (int i = 0; i < n_worlds; i++)
		good[i] =
			(char)(task_state_is_final((enum task_state)worlds[i].life.state) || worlds[i].put == REFUSED);
	while (more) {
		more = 0;
		for (int i = n_edges - 1; i >= 0; i--)
			if (good[edges_to[i]] && !good[edges_from[i]])
				good[edges_from[i]] = 1, more = 1;
	}
	for (int i = 0; i < n_worlds; i++)
		must(good[i]);
	free(good);
}

START_TEST(in_every_order_of_events_only_the_newest_attempt_is_believed)
{
	struct world first = {.life = {.max_attempts = MAX_ATTEMPTS, .state = TASK_BLOCKED}};

	struct world early = {.life = {.max_attempts = MAX_ATTEMPTS, .state = TASK_READY}, .put = COMING};

	first.stored_state = TASK_BLOCKED;
	early.stored_state = TASK_SCHEDULED;
	worlds = calloc(STATES, sizeof(*worlds));
	slots = calloc(STATES * 2, sizeof(*slots));
	reach(&first);
	reach(&early);
	for (int at = 0; at < n_worlds; at++)
		expand(at);
	for (int i = 0; i < life_n_rules; i++)
		ck_assert_msg(rule_used[i], "the rule %s + event %d is never used", task_state_name(life_rules[i].from),
		              (int)life_rules[i].event);
	check_ends_are_reachable();
	printf("# %d states, %d steps\n", n_worlds, n_edges);
	free(worlds);
	free(slots);
	free(edges_from);
	free(edges_to);
}
END_TEST

START_TEST(no_event_has_two_rules_and_no_end_is_left_but_by_redrive)
{
	for (int i = 0; i < life_n_rules; i++) {
		for (int k = 0; k < i; k++)
			must(life_rules[i].from != life_rules[k].from || life_rules[i].event != life_rules[k].event);
		must(!task_state_is_final(life_rules[i].from) || life_rules[i].event == LIFE_REDRIVE);
		must(life_rules[i].from != TASK_RUNNING || life_rules[i].effects & LIFE_FENCED);
	}
}
END_TEST

static void explore_cases(Suite *suite)
{
	TCase *c = tcase_create("explore");

	tcase_set_timeout(c, 3600);
	tcase_add_test(c, no_event_has_two_rules_and_no_end_is_left_but_by_redrive);
	tcase_add_test(c, in_every_order_of_events_only_the_newest_attempt_is_believed);
	suite_add_tcase(suite, c);
}

TEST_MAIN("queue-explore", explore_cases)
