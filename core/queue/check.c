/* SPDX-License-Identifier: Apache-2.0 */
/* The audit: what must be true of every store, as statements that find a task of which it is not.
 */
#include "queue/inside.h"

/* What the statement finds is wrong; ends it. */
static int report(struct store_stmt *stmt, const char *what, struct err *err)
{
	int r = store_step(stmt, err);

	if (r > 0)
		r = err_set(err, ERR_CORRUPT, "%lld: %s", (long long)store_int(stmt, 0), what);
	store_end(stmt);
	return r;
}

static int find_bad(struct store_db *db, enum queue_statement id, const char *what, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(db, statement(id), &stmt, err);

	return r ? r : report(stmt, what, err);
}

/* ---- files by day ------------------------------------------------------------------------------ */

static int check_day(struct store_db *file, int64_t day, struct err *err)
{
	static const struct {
		enum queue_statement find;
		const char *what;
	} checks[] = {
		{CHECK_DAY_TASKS, "there are rows of a task without its end, or the other way round"},
		{CHECK_DAY_FORGET, "the task is to be forgotten on another day"},
		{CHECK_ENDS, "the task has ended in a state that is no end"},
		{CHECK_TWICE, "the task has succeeded twice"},
	};
	struct store_stmt *stmt;
	int r = 0;

	for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]) && !r; i++) {
		r = store_begin(file, statement(checks[i].find), &stmt, err);
		if (r)
			return r;
		if (checks[i].find == CHECK_DAY_FORGET) {
			store_bind_int(stmt, 1, day * STORE_DAY_MS);
			store_bind_int(stmt, 2, (day + 1) * STORE_DAY_MS);
		}
		r = report(stmt, checks[i].what, err);
	}
	return r;
}

static int is_there(struct store_db *db, enum queue_statement id, const struct store_stmt *row, int *ret,
                    struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(db, statement(id), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, store_int(row, 0));
	if (id == CHECK_MAIN_ID) {
		store_bind_int(stmt, 2, store_int(row, 1));
		store_bind_int(stmt, 3, store_int(row, 2));
	}
	r = store_step(stmt, err);
	*ret = r > 0 && (int)store_int(stmt, 0);
	store_end(stmt);
	return r;
}

/* A task that is in a file and elsewhere too: it is just moving (the same end in the database), or that is known. */
static int check_pair(struct store_db *db, const struct store_day *day, const struct store_day *other,
                      const struct store_stmt *row, struct store_db *beside, int64_t *ret_alone, struct err *err)
{
	int64_t id = store_int(row, 0);
	int same = 0, r = is_there(beside, other ? CHECK_DAY_ID : CHECK_MAIN_ID, row, &same, err);

	*ret_alone += !r;
	if (r <= 0 || (!other && same))
		return r < 0 ? r : 0;
	r = archive_has_gone(db, id, day->day, err);
	if (!r && other)
		r = archive_has_gone(db, id, other->day, err);
	return r < 0 ? r : r ? 0 : err_set(err, ERR_CORRUPT, "%lld: the task is in two places", (long long)id);
}

/* Those that count no more are still in the file, until the sweep comes to it. */
static int count_gone(struct store_db *db, struct store_db *file, int64_t day, int64_t *ret, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(db, statement(CHECK_DAY_GONE), &stmt, err), is_one;

	if (r)
		return r;
	store_bind_int(stmt, 1, day);
	while ((r = store_step(stmt, err)) > 0) {
		r = is_there(file, CHECK_DAY_ID, stmt, &is_one, err);
		if (r < 0)
			break;
		*ret += r;
	}
	store_end(stmt);
	return r;
}

/* `alone`: tasks in the file that are not in the database. */
static int check_number(struct store_db *db, int64_t day, int64_t alone, struct err *err)
{
	struct day_file known = {0};
	struct store_db *file;
	char name[STORE_DAY_NAME];
	int64_t gone = 0;
	int r = store_day_open(db, day, &file, err);

	if (!r)
		r = count_gone(db, file, day, &gone, err);
	if (!r)
		r = day_read(db, day, &known, err);
	if (r < 0 || (r && !known.is_exact) || alone - gone == known.tasks)
		return r < 0 ? r : 0;
	store_day_name(day, name);
	return err_set(err, ERR_CORRUPT,
	               "the file '%s' has %lld tasks, %lld were moved into it: it is not the one that belongs here. "
	               "Stop the agent and put the right one in its place, from a copy of the folder",
	               name, (long long)(alone - gone), (long long)known.tasks);
}

/* All of the file against the database (`other` NULL) or another file. */
static int check_against(struct store_db *db, const struct store_day *day, const struct store_day *other,
                         int64_t *ret_alone, struct err *err)
{
	struct store_db *file, *beside = db;
	struct store_stmt *stmt;
	int r = other ? store_day_open(db, other->day, &beside, err) : 0;

	if (!r)
		r = store_day_open(db, day->day, &file, err);
	if (!r)
		r = store_begin(file, statement(CHECK_DAY_IDS), &stmt, err);
	if (r)
		return r == ERR_NOTFOUND ? 0 : r;
	store_bind_int(stmt, 1, other ? other->first : INT64_MIN);
	store_bind_int(stmt, 2, other ? other->last : INT64_MAX);
	while ((r = store_step(stmt, err)) > 0) {
		r = check_pair(db, day, other, stmt, beside, ret_alone, err);
		if (r)
			break;
	}
	store_end(stmt);
	return r;
}

/* One that was made when the power went has nothing in it. */
static int check_empty(struct store_db *db, int64_t day, struct err *err)
{
	struct day_file known;
	int r = day_read(db, day, &known, err);

	return r > 0 && (known.tasks > 0 || !known.is_exact) ? day_is_missing(&known, err) : r < 0 ? r : 0;
}

static int check_days(struct store_db *db, struct err *err)
{
	struct store_day day = {.day = INT64_MAX}, other;
	struct store_db *file;
	int r = 0;

	while (!r && store_day_before(db, day.day, &day)) {
		int64_t alone = 0, others = 0;

		r = store_day_open(db, day.day, &file, err);
		if (r == ERR_NOTFOUND) {
			r = check_empty(db, day.day, err);
			continue;
		}
		if (!r)
			r = check_day(file, day.day, err);
		if (!r)
			r = check_against(db, &day, NULL, &alone, err);
		for (other = day; !r && store_day_before(db, other.day, &other);)
			r = check_against(db, &day, &other, &others, err);
		if (!r)
			r = check_number(db, day.day, alone, err);
	}
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
	if (!r)
		r = store_run(store_reader(store), err, statement(BEGIN), "");
	if (r)
		return r;
	r = days_lack(store_reader(store), err);
	if (!r)
		r = check_days(store_reader(store), err);
	store_run(store_reader(store), NULL, statement(COMMIT), "");
	return r;
}
