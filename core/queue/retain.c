/* SPDX-License-Identifier: Apache-2.0 */
/* Ended tasks are kept for a while, then forgotten, in rounds so small that no commit waits long
 * for one. */
#include "base/clock.h"
#include "base/log.h"
#include "queue/inside.h"

#define PRUNE_EVERY_MS 60000
#define PRUNE_ROWS 500
#define IDEMPOTENCY_MS (24 * 3600 * 1000)

static int prune_write(struct store_db *db, void *arg, struct err *err)
{
	static const enum queue_statement steps[] = {OLD_ATTEMPT, OLD_TASK, OLD_DONE};
	struct queue *queue = arg;
	struct store_stmt *stmt;
	int64_t ids[PRUNE_ROWS], now = clock_wall_ms();
	size_t n = 0;
	int r = store_run(db, err, statement(KEEP_LAST_ID), "");

	if (!r)
		r = store_begin(db, statement(OLD_FIND), &stmt, err);
	if (r)
		return r;
	store_bind_int(stmt, 1, now);
	store_bind_int(stmt, 2, PRUNE_ROWS);
	while ((r = store_step(stmt, err)) > 0)
		ids[n++] = store_int(stmt, 0);
	store_end(stmt);
	queue->prune_more = n == PRUNE_ROWS;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]) && r >= 0; k++)
			r = store_run(db, err, statement(steps[k]), "i", ids[i]);
	if (!r)
		r = store_run(db, err, statement(OLD_IDEM), "i", now - IDEMPOTENCY_MS);
	if (!r)
		r = store_run(db, err, statement(OLD_UNIQ), "i", now);
	return r ? r : store_run(db, err, statement(OLD_BATCH), "i", now - queue->config.retention_ms);
}

static void prune_done(void *arg, int r, const struct err *err)
{
	struct queue *queue = arg;

	if (r)
		log_warn("queue.prune", LOG_STR("error", err->text));
	else if (queue->prune_more)
		queue->prune_at = 0;
}

void prune(struct queue *queue, int64_t now)
{
	if (now < queue->prune_at)
		return;
	queue->prune_at = now + PRUNE_EVERY_MS;
	if (!store_is_read_only(queue->store))
		store_write(queue->store, prune_write, prune_done, queue);
}
