/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "queue/ledger.h"

struct load load;

static unsigned dice(unsigned n)
{
	load.random = load.random * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(load.random >> 33) % n;
}

void load_start(unsigned seed)
{
	memset(&load, 0, sizeof(load));
	load.random = seed * 2654435761ull + 12345;
	load.is_plain = (int)dice(2);
}

void load_died(void)
{
	load.n_running = 0;
	for (int i = 0; i < load.n_tasks; i++)
		load.tasks[i].open = load.tasks[i].open != 0; /* may have happened, may not */
}

int load_acknowledged(void)
{
	return load.acknowledged;
}

static struct known *find(int64_t id)
{
	for (int i = load.n_tasks - 1; i >= 0; i--)
		if (load.tasks[i].id == id)
			return &load.tasks[i];
	return NULL;
}

static struct known *any_known(void)
{
	return load.n_tasks ? &load.tasks[dice((unsigned)load.n_tasks)] : NULL;
}

/* ---- puts ---------------------------------------------------------------------------------- */

static void on_put(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *err)
{
	(void)ctx;
	(void)err;
	for (size_t i = 0; !r && i < n; i++) {
		if (results[i].code || find(results[i].id) || load.n_tasks == TASKS)
			continue;
		load.tasks[load.n_tasks++] = (struct known){.id = results[i].id, .end = -1};
		load.acknowledged++;
	}
}

static void on_batch(void *ctx, int r, int64_t id, int is_repeated, const struct err *err)
{
	(void)is_repeated;
	(void)ctx;
	(void)err;
	if (!r)
		load.batch = id;
}

/* One that may start before it is on disk. */
static void put_plain(struct queue *queue)
{
	queue_put(queue, &(struct task_spec){.kind = "load", .body = "{\"n\":1}", .priority = -1, .max_attempts = 2}, 1,
	          QUEUE_ATOMIC | (dice(2) ? QUEUE_END_IS_AWAITED : 0), on_put, NULL, NULL);
}

struct task_spec load_keyed_spec(int key)
{
	static char names[KEYS][8];

	snprintf(names[key], sizeof(names[key]), "k%d", key);
	return (struct task_spec){.kind = "load", .body = "{}", .priority = -1, .idempotency_key = names[key]};
}

void load_on_keyed(void *ctx, int r, const struct queue_put_result *results, size_t n, const struct err *err)
{
	on_put(NULL, r, results, n, err);
	if (!r)
		*(int64_t *)ctx = results[0].id;
}

static void put_keyed(struct queue *queue)
{
	struct task_spec spec;

	if (load.n_keys == KEYS)
		return;
	spec = load_keyed_spec(load.n_keys);
	queue_put(queue, &spec, 1, QUEUE_ATOMIC, load_on_keyed, &load.keyed[load.n_keys++], NULL);
}

static void put(struct queue *queue)
{
	static const char *const keys[] = {"a", "b", "c", NULL, NULL, NULL};
	struct task_spec specs[PER_PUT];
	int64_t deps[PER_PUT];
	size_t n = 1 + dice(PER_PUT);

	for (size_t i = 0; i < n; i++) {
		struct known *known = any_known();

		specs[i] = (struct task_spec){.kind = "load",
		                              .body = "{\"n\":1}",
		                              .priority = (int)dice(10),
		                              .max_attempts = 1 + (int)dice(4),
		                              .unique_key = keys[dice(6)],
		                              .unique_scope = (int)dice(2),
		                              .on_conflict = (int)dice(4),
		                              .concurrency_key = keys[dice(6)],
		                              .rate_key = keys[dice(6)],
		                              .cost = 1 + (int)dice(3),
		                              .queue = dice(5) ? NULL : "far",
		                              .fairness_key = keys[dice(6)],
		                              .callback = dice(8) ? NULL : "{}",
		                              .batch = dice(4) ? 0 : load.batch,
		                              .on_dep_failure = (int)dice(3),
		                              .run_at = dice(4) ? 0 : clock_wall_ms() + dice(50),
		                              .expires_at = dice(8) ? 0 : clock_wall_ms() + 1 + dice(100)};
		if (load.is_plain && dice(2))
			specs[i] = (struct task_spec){.kind = specs[i].kind};
		deps[i] = i && dice(2) ? -(int64_t)i : known ? known->id : 0;
		if (deps[i] && !load.is_plain && !dice(3)) {
			specs[i].depends_on = &deps[i];
			specs[i].n_depends_on = 1;
		}
	}
	queue_put(queue, specs, n, dice(2) ? QUEUE_ATOMIC : 0, on_put, NULL, NULL);
}

/* ---- ends ---------------------------------------------------------------------------------- */

static void on_end(void *ctx, int r, const struct err *err)
{
	struct pending *pending = ctx;
	struct known *known = find(pending->id); /* by now, if the end came before the answer to the put */

	(void)err;
	if (known)
		known->open -= pending->counted;
	if (known && !r && (pending->end >= 0 || pending->stops)) {
		known->end = pending->end >= 0 ? pending->end : known->end;
		known->result = pending->result;
		known->followers = pending->end == TASK_SUCCEEDED ? pending->followers : 0;
		known->stopped |= pending->stops;
		load.acknowledged++;
	}
	free(pending);
}

static struct pending *expect(struct known *known, int end)
{
	struct pending *pending = malloc(sizeof(*pending));

	*pending = (struct pending){.id = known->id, .end = end, .counted = 1};
	known->open++;
	return pending;
}

/* Of one whose put has not been answered: it started early. */
static struct pending *expect_early(int64_t id, int end)
{
	struct pending *pending = malloc(sizeof(*pending));

	*pending = (struct pending){.id = id, .end = end};
	return pending;
}

static void give_up(struct known *known, struct pending *pending, int r)
{
	if (!r)
		return;
	if (known)
		known->open--;
	free(pending);
}

static int may_start(void *ctx, const struct task *task)
{
	(void)ctx;
	(void)task;
	return dice(8) != 0;
}

static void claim(struct queue *queue)
{
	static const char *const far[] = {"far", NULL};
	struct queue_claim_ask ask = {.worker = "w", .may_start = may_start};
	struct arena arena;
	struct task *task;

	if (load.n_running == RUNNING)
		return;
	if (!dice(4))
		ask = (struct queue_claim_ask){.worker = "r", .queues = far, .lease_ms = 10 + dice(50)};
	arena_init(&arena);
	if (!queue_claim(queue, &ask, &arena, &task, NULL) && task) {
		load.running[load.n_running].id = task->id;
		load.running[load.n_running++].fence = task->fence;
	}
	arena_done(&arena);
}

static void finish(struct queue *queue)
{
	static const int codes[] = {0, 0, 0, 0, ERR_IO, ERR_INVALID, ERR_CRASH};
	struct task_spec next = {.kind = "next", .priority = -1};
	struct queue_outcome outcome = {.code = codes[dice(7)], .retry_after_ms = 1};
	char result[40];
	struct pending *pending;
	struct known *known;
	unsigned at;
	int end;

	if (!load.n_running)
		return;
	at = dice((unsigned)load.n_running);
	known = find(load.running[at].id);
	end = outcome.code ? -1 : TASK_SUCCEEDED;
	outcome.next = &next;
	outcome.n_next = dice(4) == 0;
	next.parent = load.running[at].id;
	pending = known ? expect(known, end) : expect_early(load.running[at].id, end);
	pending->result = load.running[at].fence;
	pending->followers = (int)outcome.n_next;
	snprintf(result, sizeof(result), "{\"by\":%lld}", (long long)pending->result);
	outcome.result = result;
	give_up(known, pending,
	        queue_finish(queue, load.running[at].id, load.running[at].fence, &outcome, on_end, pending));
	load.running[at] = load.running[--load.n_running];
}

static void cancel(struct queue *queue)
{
	struct known *known = any_known();
	struct pending *pending;
	struct arena arena;
	struct task *task;
	int waits;

	if (!known || known->open)
		return;
	arena_init(&arena);
	waits = !queue_get(queue, known->id, &arena, &task, NULL) && task->state < TASK_RUNNING;
	arena_done(&arena);
	pending = expect(known, waits ? TASK_CANCELLED : -1);
	pending->stops = !waits;
	give_up(known, pending, queue_cancel(queue, known->id, on_end, pending));
}

static void on_redriven(void *ctx, int r, const struct err *err)
{
	struct pending *pending = ctx;
	struct known *known = find(pending->id);

	(void)err;
	known->open--;
	if (r != ERR_CONFLICT) /* a write that the cut met may be there all the same */
		known->end = -1, known->stopped = 0;
	free(pending);
}

static void redrive(struct queue *queue)
{
	struct known *known = any_known();
	struct pending *pending;

	if (!known || known->open)
		return;
	pending = expect(known, -1);
	give_up(known, pending, queue_retry(queue, known->id, on_redriven, pending));
}

static void on_deleted(void *ctx, int r, const struct err *err)
{
	struct pending *pending = ctx;
	struct known *known = find(pending->id);

	(void)err;
	known->open--;
	if (!r)
		known->end = GONE;
	known->may_be_gone = r && r != ERR_CONFLICT;
	load.acknowledged += !r;
	free(pending);
}

static void forget(struct queue *queue)
{
	struct known *known = any_known();
	struct pending *pending;
	int r;

	if (!known || known->open || known->end == GONE)
		return;
	pending = expect(known, -1);
	known->may_be_gone = 1;
	r = queue_delete(queue, known->id, on_deleted, pending);
	known->may_be_gone &= !r;
	give_up(known, pending, r);
}

static void move(struct queue *queue)
{
	struct known *known = any_known();

	if (known)
		queue_reschedule(queue, known->id, dice(2) ? clock_wall_ms() + dice(30) : 0, (int)dice(11) - 1, NULL,
		                 NULL);
}

/* Remote workers have a queue of their own. */
static void configure(struct queue *queue)
{
	struct queue_settings settings;

	queue_settings_get(queue, "far", &settings);
	settings.remote = 1;
	settings.max_running = 1 + dice(4);
	queue_settings_set(queue, "far", &settings, NULL, NULL, NULL);
	queue_settings_get(queue, "default", &settings);
	settings.key_rate = dice(2) ? 0 : 500;
	settings.key_running = 1 + dice(3);
	settings.max_running = dice(2) ? 0 : 20;
	settings.aging_ms = dice(1000);
	queue_settings_set(queue, "default", &settings, NULL, NULL, NULL);
}

static void checkpoint(struct queue *queue)
{
	unsigned at;

	if (!load.n_running)
		return;
	at = dice((unsigned)load.n_running);
	queue_checkpoint(queue, load.running[at].id, load.running[at].fence, "{\"at\":1}", NULL, NULL);
}

/* Something is scheduled for every one. */
static void pass_a_minute(struct queue *queue)
{
	struct task_spec spec = {.kind = "tick", .priority = -1, .queue = "clock"};
	struct queue_schedule schedule = {.name = "clock",
	                                  .cron = "* * * * *",
	                                  .overlap = QUEUE_OVERLAP_QUEUE,
	                                  .catchup_ms = 60 * MINUTE,
	                                  .spec = &spec};
	struct arena arena;

	arena_init(&arena);
	if (queue_schedule_get(queue, "clock", &arena, &schedule))
		queue_schedule_set(queue, &schedule, NULL, NULL, NULL);
	arena_done(&arena);
	clock_advance(MINUTE);
}

void load_step(struct queue *queue)
{
	switch (dice(18)) {
	case 0:
	case 1:
		put(queue);
		break;
	case 2:
		put_plain(queue);
		if (dice(2)) /* before the disk has it, if nobody else waits */
			claim(queue);
		break;
	case 3:
	case 4:
	case 5:
	case 6:
		claim(queue);
		break;
	case 7:
	case 8:
	case 9:
	case 10:
		finish(queue);
		break;
	case 11:
		cancel(queue);
		break;
	case 12:
		redrive(queue);
		break;
	case 13:
		checkpoint(queue);
		break;
	case 14:
		if (!dice(8))
			queue_batch_new(
				queue,
				&(struct queue_batch_spec){.name = "load",
			                                   .on_complete = &(struct task_spec){.kind = "report"}},
				on_batch, NULL, NULL);
		else if (!dice(4) && load.batch)
			queue_batch_seal(queue, load.batch, NULL, NULL);
		break;
	case 15:
		if (!dice(4))
			put_keyed(queue);
		else if (!dice(16))
			pass_a_minute(queue);
		/* fall through */
	case 16:
		move(queue);
		break;
	case 17:
		if (!dice(4))
			configure(queue);
		else
			forget(queue);
		break;
	default:
		queue_tick(queue);
	}
}
