/* SPDX-License-Identifier: Apache-2.0 */
/* The database of the agent: SQLite in WAL mode with synchronous=FULL, one writer thread, group commit.
 *
 * The loop thread hands over writes; the writer takes all that wait, runs them in one transaction, commits
 * with one fsync, and hands back the completions. While one fsync runs the next group forms by itself; writes for
 * which nobody waits wait a little for company (store_write_soon, decision 0149). A
 * write that fails undoes only itself: the others are run again, each in a savepoint. A commit that fails makes the store read-only for
 * good, since nobody knows what the disk has: pending and later writes get ERR_READONLY (an fsync is never
 * tried again: the kernel may have dropped the pages).
 *
 * A disk that is full is no such case: SQLite could not extend its log and has rolled back. New work
 * (store_write_new) is refused with ERR_NOSPACE; what must become true of work under way is kept and tried
 * again every second, so that nothing is lost and the agent goes on by itself when there is room.
 *
 * The log is moved into the database by a thread of its own: passively while it grows, and reset when it has
 * been quiet for a second, so that an idle store is one small file and does nothing. After an end without
 * order the same thread checks the pages once, while all goes on; damage makes the store read-only.
 *
 * Threading: loop thread, except that store_write_fn runs on the writer thread with its own connection,
 * and `wake` is called from there. Reads on the loop thread use a read-only connection of their own. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/metric.h"
#include "base/option.h"

struct store;
struct store_db;   /* a connection */
struct store_stmt; /* a statement between begin and end */

struct store_config {
	int64_t group_max, checkpoint_pages;
};
extern const struct option store_options[];

/* Opens or creates, migrates, and takes the lock of the data folder. ERR_BUSY: another agent has it;
 * ERR_UNSUPPORTED: written by a newer version. `wake` asks for store_drain on the loop thread. */
int store_open(const char *path, const struct store_config *config, void (*wake)(void *ctx), void *ctx,
               struct store **ret, struct err *err);
/* Commits what waits; its completions are dropped unless store_drain is called before. NULL is fine. */
void store_close(struct store *store);
/* Commits what waits and runs its completions: for tests and for an orderly end. */
void store_flush(struct store *store);

/* May run more than once for one write, each time on the state before it. */
typedef int (*store_write_fn)(struct store_db *db, void *arg, struct err *err);
typedef void (*store_done_fn)(void *arg, int r, const struct err *err);
/* on_done is called by store_drain, after the fsync. */
int store_write(struct store *store, store_write_fn write, store_done_fn on_done, void *arg);
/* The same, in the same order, for what nobody waits for: it goes with the next group, and begins one itself when it has
 * waited for STORE_SOON_MS or STORE_SOON_MAX of them are there. */
#define STORE_SOON_MS 2
#define STORE_SOON_MAX 64
int store_write_soon(struct store *store, store_write_fn write, store_done_fn on_done, void *arg);
/* The same for what may come a little later: with a group after STORE_LAZY_MS, or when the store is flushed or closed.
 * Until the writer has taken it, it can be taken back: then 1, and neither
 * `write` nor `on_done` is called; 0: it is too late. The handle is valid until on_done. */
#define STORE_LAZY_MS 100
struct store_lazy;
int store_write_lazy(struct store *store, store_write_fn write, store_done_fn on_done, void *arg,
                     struct store_lazy **ret);
int store_take_back(struct store *store, struct store_lazy *lazy);
/* The same for what its caller can still refuse: ERR_NOSPACE at on_done while the disk is full. */
int store_write_new(struct store *store, store_write_fn write, store_done_fn on_done, void *arg);
/* The write with this `arg`, if the writer does not have it yet (store_gather), waits for the next one, whatever it is, and
 * goes before it in the same group; or for store_hurry. 0: the writer has it. */
int store_defer(struct store *store, const void *arg);
void store_hurry(struct store *store);
void store_drain(struct store *store);
/* With `on`, writes are collected on the loop thread and handed to the writer in one go by store_give, for a loop to call
 * before it sleeps, or when there are many: else the writer would begin a group with the first request of a crowd. */
void store_gather(struct store *store, int on);
void store_give(struct store *store);

int store_is_read_only(const struct store *store);
int store_is_full(const struct store *store); /* the disk; ends by itself */
struct store_db *store_reader(struct store *store);
/* A number larger than any given before, also by earlier agents: boot epoch << 40 | sequence. */
int64_t store_next_fence(struct store *store);
const struct metric *store_metrics(struct store *store);

/* Only reads: for an audit, beside a running agent or without one. ERR_UNSUPPORTED when the database is not of this
 * version (start the agent once); ERR_NOTFOUND. Only store_reader, store_quick_check and store_close may follow. */
int store_open_reader(const char *path, struct store **ret, struct err *err);
/* SQLite's own check of its pages. Reads all of them; ERR_CORRUPT. */
int store_quick_check(struct store *store, struct err *err);
/* Runs `audit` on a thread and a connection of its own, while all goes on; it may use store_reader of what it is given,
 * and nothing else. on_done comes with the drain. One at a time: ERR_BUSY. */
int store_audit(struct store *store, int (*audit)(struct store *reader, struct err *err), store_done_fn on_done,
                void *arg, struct err *err);
/* A copy as of now, compact, whole or not there, while all goes on; `path` must not exist. One at a time: ERR_BUSY.
 * on_done comes with the drain. */
int store_backup(struct store *store, const char *path, store_done_fn on_done, void *arg, struct err *err);

/* ---- files by day ----------------------------------------------------------------------------
 * What has ended lies, a while later, beside the database in files by the day (UTC) on which it is to be forgotten,
 * "done-20260131.db", so that a day is forgotten by unlinking one file. Such a file has the tables task, done and
 * attempt. A task is copied into it, the file is synced, and only then is it deleted from the database: who looks
 * first into the database and then into the files may see it twice, and never misses it.
 *
 * Reading: on the thread of `db`, a connection to the database (the reader's, or the one of a write). */
#define STORE_DAY_MS (24 * 3600 * 1000)
int64_t store_day_of(int64_t wall_ms); /* days since 1970-01-01, not before it */
#define STORE_DAY_NAME 24
void store_day_name(int64_t day, char ret[STORE_DAY_NAME]); /* "done-20260131.db" */
struct store_day {
	int64_t day, first, last; /* ids in it are in this range */
};
/* The last file before `day`; INT64_MAX starts. 0: there is none. */
int store_day_before(struct store_db *db, int64_t day, struct store_day *ret);
int store_day_is_there(struct store_db *db, int64_t day); /* also when it was taken away behind our back */
/* A connection to it that lives until the eighth next call, or store_day_tidy. ERR_NOTFOUND: it is dropped, or empty. */
int store_day_open(struct store_db *db, int64_t day, struct store_db **ret, struct err *err);
void store_day_tidy(struct store_db *db); /* closes those that were not used since the last time, or are dropped */
/* The task with all its rows back into the database, in the transaction of `db`. */
int store_day_take(struct store_db *db, struct store_db *file, int64_t id, struct err *err);

/* Writing: runs `work` on the one thread that may; the functions below are for it. One at a time: ERR_BUSY, also at
 * on_done when somebody audits or copies the files. on_done comes with the drain. */
struct store_days;
typedef int (*store_days_fn)(struct store_days *days, void *arg, struct err *err);
int store_days_run(struct store *store, store_days_fn work, store_done_fn on_done, void *arg);
int store_days_source(struct store_days *days, struct store_db **ret, struct err *err); /* the database, to read */
/* The file, made when there is none, with the database as the schema "source". Until the next call. */
int store_days_write(struct store_days *days, int64_t day, struct store_db **ret, struct err *err);
int store_days_has(struct store_days *days, int64_t day);
void store_days_extend(struct store_days *days, int64_t day, int64_t id); /* before it is put */
int store_day_put(struct store_db *file, int64_t id, struct err *err);    /* from "source", over what is there */
int store_day_del(struct store_db *file, int64_t id, struct err *err);
int store_days_drop(struct store_days *days, int64_t before, struct err *err); /* all files before that day */
void store_days_rest(struct store_days *days);                                 /* nothing comes for a while */

/* ---- statements: `sql` is static text with ?1 …; prepared once per connection -------------- */
int store_begin(struct store_db *db, const char *sql, struct store_stmt **ret, struct err *err);
void store_bind_int(struct store_stmt *stmt, int at, int64_t v);
void store_bind_text(struct store_stmt *stmt, int at, const char *s); /* NULL is NULL; kept until end */
int store_step(struct store_stmt *stmt, struct err *err);             /* 1 = a row, 0 = done, or an error */
int64_t store_int(const struct store_stmt *stmt, int column);
const char *store_text(const struct store_stmt *stmt, int column); /* until the next step; may be NULL */
void store_end(struct store_stmt *stmt);                           /* NULL is fine */
/* begin, bind (an 'i' or 's' per argument), step to the end. */
int store_run(struct store_db *db, struct err *err, const char *sql, const char *types, ...);
int64_t store_changes(const struct store_db *db);

/* ---- a table that is read as a whole, for a start --------------------------------------------
 * Several threads read it; on_row is called on the caller's, in the order of ids, until it returns an error. Nobody may
 * write to the table meanwhile. */
struct store_walk {
	const char *range; /* "SELECT walk(id, ...) FROM ... WHERE id >= ?1 AND id < ?2": numbers only */
	const char *ends;  /* the first id that is ?1 or more, and the last one of all; NULL when there is none */
	int columns;       /* of walk */
};
typedef int (*store_walk_fn)(void *arg, const int64_t *row, struct err *err);
int store_walk(struct store *store, const struct store_walk *walk, store_walk_fn on_row, void *arg, struct err *err);

#endif
