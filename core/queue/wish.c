/* SPDX-License-Identifier: Apache-2.0 */
/* What is wished of a task that is about to change. Whether another attempt follows, and when, is known to all once that is
 * durable: so a wish waits until the task stands somewhere again, or has ended, and is then what it would be at any time. */
#include <stdlib.h>

#include "queue/inside.h"

struct wish {
	struct list link; /* in queue.wishes */
	int64_t id, run_at;
	int priority, is_move; /* else it is to be cancelled */
	queue_done_fn on_done;
	void *ctx;
};

static int keep(struct queue *queue, const struct wish *wish)
{
	struct wish *kept = malloc(sizeof(*kept));

	if (!kept)
		return ERR_NOMEM;
	*kept = *wish;
	list_add_tail(&queue->wishes, &kept->link);
	return 0;
}

int wish_cancel(struct queue *queue, int64_t id, queue_done_fn on_done, void *ctx)
{
	return keep(queue, &(struct wish){.id = id, .on_done = on_done, .ctx = ctx});
}

int wish_move(struct queue *queue, int64_t id, int64_t run_at, int priority, queue_done_fn on_done, void *ctx)
{
	return keep(queue, &(struct wish){.id = id,
	                                  .run_at = run_at,
	                                  .priority = priority,
	                                  .is_move = 1,
	                                  .on_done = on_done,
	                                  .ctx = ctx});
}

static int act(struct queue *queue, const struct wish *wish)
{
	if (wish->is_move)
		return queue_reschedule(queue, wish->id, wish->run_at, wish->priority, wish->on_done, wish->ctx);
	return queue_cancel(queue, wish->id, wish->on_done, wish->ctx);
}

static void grant(struct queue *queue, struct wish *wish)
{
	const char *what = wish->is_move ? "moved" : "cancelled";
	int r = act(queue, wish);
	struct err why = {0};

	if (r == ERR_CONFLICT)
		err_set(&why, r, "the task %s ended: it cannot be %s", wish->is_move ? "runs or has" : "has", what);
	else if (r)
		err_set(&why, r, "the task cannot be %s: %s", what, err_name(r));
	if (r && wish->on_done)
		wish->on_done(wish->ctx, r, &why);
	free(wish);
}

/* The first may change it again: then the others wait again, behind those that come meanwhile. */
void wishes_grant(struct queue *queue, int64_t id)
{
	struct list its;

	list_init(&its);
	list_each (item, &queue->wishes) {
		if (list_entry(item, struct wish, link)->id != id)
			continue;
		list_del(item);
		list_add_tail(&its, item);
	}
	while (!list_empty(&its)) {
		struct wish *wish = list_entry(its.next, struct wish, link);

		list_del(&wish->link);
		grant(queue, wish);
	}
}

void wishes_free(struct queue *queue)
{
	list_each (item, &queue->wishes)
		free(list_entry(item, struct wish, link));
}
