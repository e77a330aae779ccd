/* SPDX-License-Identifier: Apache-2.0 */
/* Which files by day there must be, and how many tasks are in each and nowhere else: the table `day_file` of the
 * database. A row changes in the transaction that makes its file matter: the one that deletes from the database what was
 * copied, or says of a task in the file that it counts no more (`gone`). A file that was made before the power went is
 * in no row, and nothing in it is missing elsewhere. A row goes when its day is over, behind its file.
 *
 * Files of an agent that did not count yet are taken over once, without a number: `exact` is 0, and only that the file is
 * there is certain. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "queue/inside.h"

/* ---- on the writer thread ------------------------------------------------------------------ */

int day_gains(struct store_db *db, int64_t day, int64_t n, struct err *err)
{
	return n ? store_run(db, err, statement(DAY_FILE_ADD), "ii", day, n) : 0;
}

int day_loses_one(struct store_db *db, int64_t day, struct err *err)
{
	return store_run(db, err, statement(DAY_FILE_SUB), "i", day);
}

/* ---- at a start ---------------------------------------------------------------------------- */

struct takeover {
	size_t n;
	int64_t days[];
};

static int takeover_write(struct store_db *db, void *arg, struct err *err)
{
	const struct takeover *t = arg;
	int r = 0;

	for (size_t i = 0; i < t->n && !r; i++)
		r = store_run(db, err, statement(DAY_FILE_TAKE), "i", t->days[i]);
	return r ? r : store_run(db, err, statement(DAYS_COUNTED), "");
}

static void takeover_done(void *arg, int r, const struct err *err)
{
	if (r)
		log_warn("queue.days", LOG_STR("error", err->text));
	free(arg);
}

/* Those that were there before anybody counted. */
static int take_over(struct queue *queue)
{
	struct store_db *db = store_reader(queue->store);
	struct store_day day = {.day = INT64_MAX};
	struct takeover *t;
	size_t n = 0;

	while (store_day_before(db, day.day, &day))
		n++;
	t = calloc(1, sizeof(*t) + n * sizeof(t->days[0]));
	if (!t)
		return ERR_NOMEM;
	for (day.day = INT64_MAX; t->n < n && store_day_before(db, day.day, &day);)
		t->days[t->n++] = day.day;
	if (!store_write(queue->store, takeover_write, takeover_done, t))
		return 0;
	free(t);
	return ERR_NOMEM;
}

static int are_counted(struct store_db *db, int *ret, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(db, statement(DAYS_ARE_COUNTED), &stmt, err);

	if (r)
		return r;
	r = store_step(stmt, err);
	*ret = r > 0;
	store_end(stmt);
	return r < 0 ? r : 0;
}

static void tell_missing(void *ctx, const struct day_file *file)
{
	char name[STORE_DAY_NAME];

	(void)ctx;
	store_day_name(file->day, name);
	log_error("queue.day-missing", LOG_STR("file", name), LOG_INT("tasks", file->tasks),
	          LOG_STR("remedy", "stop the agent, put the file back from a copy of the folder, start it again"));
}

int days_load(struct queue *queue, struct err *err)
{
	int is_counted, r = are_counted(store_reader(queue->store), &is_counted, err);

	if (!r && !is_counted)
		r = take_over(queue);
	return r ? r : days_missing(store_reader(queue->store), tell_missing, NULL, err);
}

/* ---- for who looks ------------------------------------------------------------------------- */

static struct day_file read_row(const struct store_stmt *stmt)
{
	return (struct day_file){store_int(stmt, 0), store_int(stmt, 1), (int)store_int(stmt, 2)};
}

/* Of a file without tasks it does not matter whether it is there. */
int days_missing(struct store_db *db, void (*tell)(void *ctx, const struct day_file *file), void *ctx, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(db, statement(DAY_FILES), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, store_day_of(clock_wall_ms()));
	while ((r = store_step(stmt, err)) > 0) {
		struct day_file file = read_row(stmt);

		if ((file.tasks > 0 || !file.is_exact) && !store_day_is_there(db, file.day))
			tell(ctx, &file);
	}
	store_end(stmt);
	return r;
}

int day_read(struct store_db *db, int64_t day, struct day_file *ret, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(db, statement(DAY_FILE_GET), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, day);
	r = store_step(stmt, err);
	if (r > 0)
		*ret = read_row(stmt);
	store_end(stmt);
	return r;
}

int day_is_missing(const struct day_file *file, struct err *err)
{
	char name[STORE_DAY_NAME], number[32] = "";

	store_day_name(file->day, name);
	if (file->is_exact)
		snprintf(number, sizeof(number), "%lld ", (long long)file->tasks);
	return err_set(err, ERR_CORRUPT,
	               "the file '%s' is missing or empty, and the %sended tasks that were moved into it with it. Stop "
	               "the agent and put it back from a copy of the folder; without it they are lost, and this is "
	               "said until its day is over",
	               name, number);
}

static void keep_first(void *ctx, const struct day_file *file)
{
	struct day_file *first = ctx;

	if (!first->day)
		*first = *file;
}

int days_lack(struct store_db *db, struct err *err)
{
	struct day_file file = {0};
	int r = days_missing(db, keep_first, &file, err);

	return r || !file.day ? r : day_is_missing(&file, err);
}

int days_may_have(struct store_db *db, int64_t id, struct err *err)
{
	char name[ID_LEN];
	int r = days_lack(db, err);

	id_format('t', id, name);
	if (r)
		err_prefix(err, "what became of task %s is not known", name);
	return r;
}
