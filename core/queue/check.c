/* SPDX-License-Identifier: Apache-2.0 */
/* The audit: what must be true of every store, as statements that find a task of which it is not.
 */
#include "queue/inside.h"

static int find_bad(struct store_db *db, enum queue_statement id, const char *what, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(db, statement(id), &stmt, err);

	if (r)
		return r;
	r = store_step(stmt, err);
	if (r > 0)
		r = err_set(err, ERR_CORRUPT, "%lld: %s", (long long)store_int(stmt, 0), what);
	store_end(stmt);
	return r;
}

int queue_check(struct store *store, struct err *err)
{
	static const struct {
		enum queue_statement find;
		const char *what;
	} checks[] = {
		{CHECK_STATES, "the task is in no state or in two"},
		{CHECK_RUNS, "the task runs although it has ended"},
		{CHECK_ORPHANS, "there are rows of a task that was never put"},
		{CHECK_ENDS, "the task has ended in a state that is no end"},
		{CHECK_UNIQUE, "the task and its unique key do not belong together"},
		{CHECK_TWICE, "the task has succeeded twice"},
		{CHECK_FENCES, "a later attempt of the task has a smaller fence"},
		{CHECK_BLOCKED, "the task is blocked by nobody, or waits for others and is not blocked"},
		{CHECK_RELEASED, "the task waits for one that has succeeded"},
		{CHECK_BATCHES, "the batch does not count its tasks right"},
		{CHECK_LANES, "the task stands in a lane that does not exist"},
	};
	int r = 0;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && !r; i++)
		r = find_bad(store_reader(store), checks[i].find, checks[i].what, err);
	return r;
}
