/* SPDX-License-Identifier: Apache-2.0 */
/* Ended tasks that lie in the files by day (store.h), and how they come back.
 *
 * Who looks for a task looks into the database first. A row of `gone` says of an id that what a file has of it counts
 * no more: it was deleted, or is in the database again. It is written with whatever made it so, in one transaction, and
 * the sweep (retain.c) makes it true in the file, later. So nobody but the sweep writes files, and what is acknowledged
 * hangs on the database alone. A task may be in a file and in the database for a moment while it moves: the same row
 * twice. Behind its time a task is gone although its file is still there. */
#include "base/clock.h"
#include "base/log.h"
#include "queue/inside.h"

int archive_has_gone(struct store_db *db, int64_t id, int64_t day, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(db, statement(GONE_GET), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, id);
	store_bind_int(stmt, 2, day);
	r = store_step(stmt, err);
	store_end(stmt);
	return r;
}

/* 1: the statement stands on the row of the id in that file. */
static int look_into(struct store_db *db, int64_t day, int64_t id, struct archived *a, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_day_open(db, day, &a->file, err);

	if (!r)
		r = store_begin(a->file, statement(a->statement), &stmt, err);
	if (r)
		return r == ERR_NOTFOUND ? 0 : r;
	store_bind_int(stmt, 1, id);
	store_bind_int(stmt, 2, clock_wall_ms());
	r = store_step(stmt, err);
	if (r > 0) {
		r = archive_has_gone(db, id, day, err);
		r = r < 0 ? r : !r;
	}
	if (r > 0) {
		a->day = day;
		a->row = stmt;
	} else {
		store_end(stmt);
	}
	return r;
}

int archive_find(struct store_db *db, int64_t id, enum queue_statement statement, struct archived *ret, struct err *err)
{
	struct store_day day = {.day = INT64_MAX};
	int r, failed = 0;

	*ret = (struct archived){.statement = statement};
	while (store_day_before(db, day.day, &day)) {
		if (id < day.first || id > day.last)
			continue;
		r = look_into(db, day.day, id, ret, err);
		if (r > 0)
			return 1;
		failed = r ? r : failed; /* another file may have it all the same */
	}
	return failed;
}

int archive_state(struct store_db *db, int64_t id, int *ret, struct err *err)
{
	struct archived found;
	int r = archive_find(db, id, DAY_STATE, &found, err);

	if (r > 0)
		*ret = (int)store_int(found.row, 0);
	store_end(found.row);
	return r > 0 ? 0 : r ? r : ERR_NOTFOUND;
}

/* ---- on the writer thread ------------------------------------------------------------------ */

/* 1: it has ended, and is in the database. The sweep may have copied it already. */
static int disown_copy(struct store_db *db, int64_t id, struct err *err)
{
	struct store_stmt *stmt;
	int64_t forget_at = 0;
	int r = store_begin(db, statement(DONE_FORGET_AT), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, id);
	r = store_step(stmt, err);
	if (r > 0)
		forget_at = store_int(stmt, 0);
	store_end(stmt);
	if (r <= 0)
		return r;
	r = store_run(db, err, statement(GONE_PUT), "ii", id, store_day_of(forget_at));
	return r ? r : 1;
}

static int leave_file(struct store_db *db, int64_t id, int takes_it, struct err *err)
{
	struct archived found;
	int r = archive_find(db, id, DAY_STATE, &found, err);

	store_end(found.row);
	if (r <= 0)
		return r ? r : ERR_NOTFOUND;
	r = takes_it ? store_day_take(db, found.file, id, err) : 0;
	if (!r)
		r = store_run(db, err, statement(GONE_PUT), "ii", id, found.day);
	return r ? r : day_loses_one(db, found.day, err);
}

int archive_recall(struct store_db *db, int64_t id, struct err *err)
{
	int r = disown_copy(db, id, err);

	return r > 0 ? 0 : r ? r : leave_file(db, id, 1, err);
}

int archive_forget(struct store_db *db, int64_t id, struct err *err)
{
	int r = disown_copy(db, id, err);

	return r ? r : leave_file(db, id, 0, err);
}
