/* SPDX-License-Identifier: Apache-2.0 */
/* What is wished of a task that is about to change. Whether another attempt follows, and when, is known to all once that is
 * durable: so a wish waits until the task stands somewhere again, or has ended, and is then what it would be at any time. */
#include <stdlib.h>

#include "queue/inside.h"

struct wish {
	struct list link; /* in queue.wishes */
	int64_t id;
	queue_done_fn on_done;
	void *ctx;
};

int wish_cancel(struct queue *queue, int64_t id, queue_done_fn on_done, void *ctx)
{
	struct wish *wish = malloc(sizeof(*wish));

	if (!wish)
		return ERR_NOMEM;
	*wish = (struct wish){.id = id, .on_done = on_done, .ctx = ctx};
	list_add_tail(&queue->wishes, &wish->link);
	return 0;
}

static void grant(struct queue *queue, struct wish *wish)
{
	int r = queue_cancel(queue, wish->id, wish->on_done, wish->ctx);
	struct err why = {0};

	if (r == ERR_CONFLICT)
		err_set(&why, r, "the task has ended: it cannot be cancelled");
	else if (r)
		err_set(&why, r, "the task cannot be cancelled: %s", err_name(r));
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
