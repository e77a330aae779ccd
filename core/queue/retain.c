/* SPDX-License-Identifier: Apache-2.0 */
/* Ended tasks leave the database: a while after their end for the file of the day on which they are to be forgotten,
 * or, when that is sooner, for good. A file is dropped when its day is over.
 *
 * Round after round, each of few tasks: the days' thread looks which tasks are due, copies those of one day into its
 * file and syncs it; then one write deletes them from the database. Killed in between, they are in both until the next
 * round copies them again. A task that changed meanwhile (somebody runs it again, or depends on it) stays, and its copy
 * is told to be gone. While others put and end tasks, rounds are a tenth of a second apart. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/inside.h"

#define PASS_MOST_MS 60000
#define PASS_LEAST_MS 10
#define BUSY_EVERY_MS 100
#define ROUND 250  /* the most tasks that are moved, forgotten or told to be gone in one */
#define SCAN 20000 /* the most ended tasks that are looked at in one */
#define BAD_DAYS 512
#define IDEMPOTENCY_MS (24 * 3600 * 1000)

/* What says that it is still the same end of the task. */
struct ended {
	int64_t id, forget_at, fence;
};

struct sweep {
	struct queue *queue;
	int64_t now, activity;
	int is_running;
	int is_first; /* round of a pass */
	int more;     /* the pass goes on */
	int has_old_keys;
	int64_t from;       /* ids up to here are done */
	int64_t today, day; /* day: of those that are moved */
	struct ended moved[ROUND], forgotten[ROUND];
	struct {
		int64_t id, day;
	} purged[ROUND];
	size_t n_moved, n_forgotten, n_purged;
	int64_t bad_days[BAD_DAYS]; /* files that failed: their tasks stay where they are until the next start */
	size_t n_bad_days;
};

int sweep_new(struct queue *queue)
{
	queue->sweep = calloc(1, sizeof(*queue->sweep));
	if (!queue->sweep)
		return ERR_NOMEM;
	queue->sweep->queue = queue;
	return 0;
}

void sweep_free(struct queue *queue)
{
	free(queue->sweep);
}

/* ---- on the days' thread: what has gone ---------------------------------------------------------- */

static int is_bad(const struct sweep *s, int64_t day)
{
	for (size_t i = 0; i < s->n_bad_days; i++)
		if (s->bad_days[i] == day)
			return 1;
	return 0;
}

/* A file that fails is left alone; a full disk, or who looks at the files, passes. */
static void note_failure(struct sweep *s, int64_t day, int r)
{
	if (r != ERR_NOSPACE && r != ERR_BUSY && s->n_bad_days < BAD_DAYS && !is_bad(s, day))
		s->bad_days[s->n_bad_days++] = day;
}

/* One that is to be there and is not is not made anew: it may be put back. */
static void note_missing(void *ctx, const struct day_file *file)
{
	note_failure(ctx, file->day, ERR_NOTFOUND);
}

static int read_gone(struct sweep *s, struct store_db *source, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(source, statement(GONE_LIST), &stmt, err);

	if (r)
		return r;
	while (s->n_purged < ROUND && (r = store_step(stmt, err)) > 0) {
		int64_t day = store_int(stmt, 1);

		if (!is_bad(s, day)) {
			s->purged[s->n_purged].id = store_int(stmt, 0);
			s->purged[s->n_purged++].day = day;
		}
	}
	store_end(stmt);
	return r < 0 ? r : 0;
}

static int end_transaction(struct store_db *file, int r, struct err *err)
{
	if (!r)
		r = store_run(file, err, statement(COMMIT), "");
	if (r)
		store_run(file, NULL, statement(ROLLBACK), "");
	return r;
}

static int purge_day(struct sweep *s, struct store_days *days, int64_t day, struct err *err)
{
	struct store_db *file;
	int r = store_days_write(days, day, &file, err);

	if (!r)
		r = store_run(file, err, statement(BEGIN), "");
	if (r)
		return r;
	for (size_t i = 0; i < s->n_purged && !r; i++)
		if (s->purged[i].day == day)
			r = store_day_del(file, s->purged[i].id, err);
	return end_transaction(file, r, err);
}

/* Is it the first one of its day? */
static int is_first_of_day(const struct sweep *s, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (s->purged[k].day == s->purged[i].day)
			return 0;
	return 1;
}

static int purge(struct sweep *s, struct store_days *days, struct store_db *source, struct err *err)
{
	int r = read_gone(s, source, err);

	for (size_t i = 0; i < s->n_purged && !r; i++) {
		int64_t day = s->purged[i].day;

		if (!is_first_of_day(s, i) || !store_days_has(days, day))
			continue;
		r = purge_day(s, days, day, err);
		if (r)
			note_failure(s, day, r);
	}
	return r;
}

/* ---- on the days' thread: what is due ------------------------------------------------------------- */

static struct ended read_ended(const struct store_stmt *stmt)
{
	return (struct ended){store_int(stmt, 0), store_int(stmt, 1), store_int(stmt, 3)};
}

/* 1: it belongs into this round; 0: it is not due, or for another time; -1: there is no room for it. */
static int sort_in(struct sweep *s, const struct store_stmt *stmt, int *ret_skipped)
{
	struct ended ended = read_ended(stmt);
	int64_t day = store_day_of(ended.forget_at);

	if (store_int(stmt, 4)) /* others depend on it, or its copy is told to be gone */
		return 0;
	if (ended.forget_at <= s->now) {
		if (s->n_forgotten == ROUND)
			return -1;
		s->forgotten[s->n_forgotten++] = ended;
		return 1;
	}
	if (store_int(stmt, 2) > s->now - s->queue->config.archive_after_ms || is_bad(s, day))
		return 0;
	if (s->n_moved && day != s->day) {
		*ret_skipped = 1;
		return 0;
	}
	if (s->n_moved == ROUND)
		return -1;
	s->day = day;
	s->moved[s->n_moved++] = ended;
	return 1;
}

/* From the oldest id on. What was passed over for another day's sake comes in the next round. */
static int pick(struct sweep *s, struct store_db *source, struct err *err)
{
	struct store_stmt *stmt;
	int64_t skipped_from = 0;
	int r = store_begin(source, statement(ENDED_SCAN), &stmt, err), fits = 1;

	if (r)
		return r;
	store_bind_int(stmt, 1, s->from);
	for (int seen = 0; seen < SCAN && (r = store_step(stmt, err)) > 0; seen++) {
		int skipped = 0;

		fits = sort_in(s, stmt, &skipped);
		if (fits < 0)
			break;
		if (skipped && !skipped_from)
			skipped_from = store_int(stmt, 0);
		s->from = store_int(stmt, 0);
	}
	store_end(stmt);
	if (r < 0)
		return r;
	s->more = r > 0 || skipped_from;
	if (skipped_from)
		s->from = skipped_from - 1;
	else if (!s->more)
		s->from = 0;
	return 0;
}

static int has_old_keys(struct sweep *s, struct store_db *source, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(source, statement(OLD_KEYS), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, s->now - IDEMPOTENCY_MS);
	store_bind_int(stmt, 2, s->now);
	store_bind_int(stmt, 3, s->now - s->queue->config.retention_ms);
	store_bind_int(stmt, 4, s->today);
	r = store_step(stmt, err);
	s->has_old_keys = r > 0 && store_int(stmt, 0);
	store_end(stmt);
	return r < 0 ? r : 0;
}

/* ---- on the days' thread: copies ---------------------------------------------------------------- */

static int is_same_end(struct store_db *file, const struct ended *ended, struct err *err)
{
	struct store_stmt *stmt;
	int r = store_begin(file, statement(SOURCE_DONE), &stmt, err);

	if (r)
		return r;
	store_bind_int(stmt, 1, ended->id);
	store_bind_int(stmt, 2, ended->forget_at);
	store_bind_int(stmt, 3, ended->fence);
	r = store_step(stmt, err);
	store_end(stmt);
	return r;
}

static int copy_all(struct sweep *s, struct store_days *days, struct store_db *file, struct err *err)
{
	size_t n = 0;
	int r = store_run(file, err, statement(BEGIN), "");

	if (r)
		return r;
	for (size_t i = 0; i < s->n_moved && r >= 0; i++) {
		r = is_same_end(file, &s->moved[i], err);
		if (r <= 0)
			continue;
		r = store_day_put(file, s->moved[i].id, err);
		store_days_extend(days, s->day, s->moved[i].id);
		s->moved[n++] = s->moved[i];
	}
	s->n_moved = n;
	return end_transaction(file, r, err);
}

static int copy(struct sweep *s, struct store_days *days, struct err *err)
{
	struct store_db *file;
	int r = store_days_write(days, s->day, &file, err);

	if (!r)
		r = copy_all(s, days, file, err);
	if (r)
		note_failure(s, s->day, r);
	return r;
}

static int sweep_files(struct store_days *days, void *arg, struct err *err)
{
	struct sweep *s = arg;
	struct store_db *source;
	int r = store_days_source(days, &source, err);

	if (!r && s->is_first)
		r = days_missing(source, note_missing, s, err);
	if (!r)
		r = purge(s, days, source, err);
	if (!r)
		r = store_days_drop(days, s->today, err);
	if (!r)
		r = pick(s, source, err);
	if (!r && s->is_first)
		r = has_old_keys(s, source, err);
	if (!r && s->n_moved)
		r = copy(s, days, err);
	s->more |= s->n_purged == ROUND;
	if (r || !s->more)
		store_days_rest(days);
	return r;
}

/* ---- on the writer thread ------------------------------------------------------------------------- */

/* 1: it is the same end still, and is not in the database any more. */
static int delete_ended(struct store_db *db, const struct ended *ended, struct err *err)
{
	int r = store_run(db, err, statement(ENDED_DEL), "iii", ended->id, ended->forget_at, ended->fence);

	if (r || !store_changes(db))
		return r;
	r = store_run(db, err, statement(OLD_ATTEMPT), "i", ended->id);
	if (!r)
		r = store_run(db, err, statement(OLD_TASK), "i", ended->id);
	return r ? r : 1;
}

static int delete_moved(const struct sweep *s, struct store_db *db, struct err *err)
{
	int64_t n = 0;
	int r = 0;

	for (size_t i = 0; i < s->n_moved && r >= 0; i++) {
		r = delete_ended(db, &s->moved[i], err);
		if (!r)
			r = store_run(db, err, statement(GONE_PUT), "ii", s->moved[i].id, s->day);
		else
			n++;
	}
	return r < 0 ? r : day_gains(db, s->day, n, err);
}

static int delete_old_keys(const struct sweep *s, struct store_db *db, struct err *err)
{
	int r = store_run(db, err, statement(OLD_IDEM), "i", s->now - IDEMPOTENCY_MS);

	if (!r)
		r = store_run(db, err, statement(OLD_UNIQ), "i", s->now);
	if (!r)
		r = store_run(db, err, statement(OLD_BATCH), "i", s->now - s->queue->config.retention_ms);
	if (!r)
		r = store_run(db, err, statement(GONE_OLD), "i", s->today);
	return r ? r : store_run(db, err, statement(DAY_FILES_OLD), "i", s->today);
}

static int sweep_write(struct store_db *db, void *arg, struct err *err)
{
	const struct sweep *s = arg;
	int r = store_run(db, err, statement(KEEP_LAST_ID), "");

	for (size_t i = 0; i < s->n_forgotten && r >= 0; i++)
		r = delete_ended(db, &s->forgotten[i], err);
	if (r >= 0)
		r = delete_moved(s, db, err);
	for (size_t i = 0; i < s->n_purged && !r; i++)
		r = store_run(db, err, statement(GONE_DEL), "ii", s->purged[i].id, s->purged[i].day);
	if (!r && s->has_old_keys)
		r = delete_old_keys(s, db, err);
	if (s->is_first)
		store_day_tidy(db);
	return r;
}

/* ---- on the loop thread ---------------------------------------------------------------------------- */

static int64_t activity(const struct queue *queue)
{
	int64_t n = queue->submitted;

	for (int i = TASK_SUCCEEDED; i < TASK_STATES; i++)
		n += queue->finished[i];
	return n;
}

static void round_over(struct sweep *s, int r, const struct err *err)
{
	struct queue *queue = s->queue;

	s->is_running = 0;
	if (r && r != ERR_BUSY)
		log_warn("queue.sweep", LOG_STR("error", err->text));
	if (!r && s->more)
		queue->prune_at = activity(queue) == s->activity ? 0 : clock_wall_ms() + BUSY_EVERY_MS;
}

static void on_written(void *arg, int r, const struct err *err)
{
	round_over(arg, r, err);
}

static void on_files(void *arg, int r, const struct err *err)
{
	struct sweep *s = arg;
	int is_work = s->n_moved || s->n_forgotten || s->n_purged || s->has_old_keys;

	if (!r && is_work && !store_is_read_only(s->queue->store))
		r = store_write(s->queue->store, sweep_write, on_written, s);
	else
		is_work = 0;
	if (r || !is_work)
		round_over(s, r, err);
}

static void begin_round(struct sweep *s, int64_t now)
{
	s->is_first = !s->more;
	s->n_moved = s->n_forgotten = s->n_purged = 0;
	s->more = s->has_old_keys = 0;
	s->now = now;
	s->today = store_day_of(now);
	s->activity = activity(s->queue);
}

static int64_t pass_every_ms(const struct queue_config *config)
{
	int64_t ms = config->archive_after_ms < PASS_MOST_MS ? config->archive_after_ms : PASS_MOST_MS;

	return ms > PASS_LEAST_MS ? ms : PASS_LEAST_MS;
}

void prune(struct queue *queue, int64_t now)
{
	struct sweep *s = queue->sweep;

	if (now < queue->prune_at)
		return;
	queue->prune_at = now + pass_every_ms(&queue->config);
	if (s->is_running || store_is_read_only(queue->store))
		return;
	begin_round(s, now);
	if (s->is_first)
		store_day_tidy(store_reader(queue->store));
	s->is_running = !store_days_run(queue->store, sweep_files, on_files, s);
}
