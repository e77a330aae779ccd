/* SPDX-License-Identifier: Apache-2.0 */
/* Shared inside the store room only. */
#ifndef STORE_INSIDE_H
#define STORE_INSIDE_H

#include <pthread.h>
#include <sqlite3.h>
#include <time.h>

#include "base/list.h"
#include "store/store.h"

#define STORE_BUSY_MS 1000   /* how long SQLite waits for another process before it says so */
#define STORE_STATEMENTS 160 /* distinct SQL texts a connection may prepare */
#define STORE_DAYS_OPEN 8    /* files by day that are open beside a connection */

struct store_stmt {
	const char *sql;
	sqlite3_stmt *handle;
};

struct shelf;    /* the files by day that there are */
struct day_file; /* one that is open */

struct store_db {
	sqlite3 *handle;
	struct store_stmt statements[STORE_STATEMENTS];
	size_t n_statements;
	/* of a connection to the database, for store_day_open */
	struct shelf *shelf;
	struct day_file *files[STORE_DAYS_OPEN];
	unsigned turn, tidied;
};

struct write {
	struct list link;
	store_write_fn write;
	store_done_fn on_done;
	void *arg;
	int r, is_new, is_soon, is_lazy; /* is_lazy: and nobody has taken it yet */
	struct err err;
};

struct store {
	struct store_config config;
	struct store_db writer, reader, checkpointer;
	void (*wake)(void *ctx);
	void *ctx;
	int lock_fd;
	pthread_t thread, checkpoint_thread;
	int started;
	pthread_mutex_t mutex;
	pthread_mutex_t writing; /* held over a transaction, and by who wants none to begin */
	pthread_cond_t more, idle, wal_grew;
	struct list gathered, deferred; /* the loop thread's own, until it hands them over */
	int n_gathered, gather_max;
	struct list waiting, ended, lazy;
	int n_waiting, n_pressing;              /* pressing: those of them for which somebody waits */
	struct timespec soon_until, lazy_until; /* when the oldest of `waiting`, of `lazy` has waited long enough */
	int hurry;                              /* somebody waits for all, also the lazy */
	int stop, busy, read_only, walks;       /* walks: see walk.c */
	_Atomic int is_corrupt;
	int wal_pages, was_unclean; /* wal_pages: since the last time it was reset */
	struct backup *backup;
	struct audit *audit;
	struct shelf *shelf;
	struct store_days *days;
	int still_fd; /* of an auditor: no row moves between files meanwhile */
	struct err broken;
	int64_t epoch, sequence;
	_Atomic int64_t commits, writes, failed, read_only_gauge, full_gauge;
	struct metric_histogram commit_time;
	struct metric metrics[8];
};

extern const char *const store_schema[];
extern const int store_schema_steps;
extern const char *const day_schema[];
extern const int day_schema_steps;

int db_open(const char *path, int read_only, struct store_db *ret, struct err *err);
void db_close(struct store_db *db);
int db_exec(struct store_db *db, const char *sql, struct err *err);
int db_fail(const struct store_db *db, const char *what, struct err *err);
int db_migrate(struct store_db *db, const char *const *steps, int n, struct err *err);
int db_version(struct store_db *db, int *ret, struct err *err);
/* ERR_CORRUPT with what is wrong first. */
int db_quick_check(struct store_db *db, struct err *err);

/* rows.c */
int rows_fold(struct store_db *db, int64_t day, struct err *err); /* of the attached file "day" into "main" */

/* shelf.c; its list may be asked by any thread */
int shelf_open(const char *path, struct shelf **ret, struct err *err); /* of the database at `path` */
void shelf_close(struct shelf *shelf);                                 /* NULL is fine */
int shelf_sync(const struct shelf *shelf, struct err *err);            /* the names of its files are on disk */
int shelf_lock(const struct shelf *shelf, int how); /* flock(2); until the descriptor is closed; -1: it is held */
const char *shelf_folder(const struct shelf *shelf);
const char *shelf_database(const struct shelf *shelf);
int shelf_path(const struct shelf *shelf, int64_t day, char *ret, size_t cap, struct err *err);
/* What SQLite has beside it: "-wal", "-shm". */
int shelf_beside(const struct shelf *shelf, int64_t day, const char *suffix, char *ret, size_t cap, struct err *err);
int shelf_has(struct shelf *shelf, int64_t day);
int shelf_before(struct shelf *shelf, int64_t day, struct store_day *ret); /* the last one before; 0: there is none */
int shelf_add(struct shelf *shelf, int64_t day);
void shelf_del(struct shelf *shelf, int64_t day);
void shelf_learn(struct shelf *shelf, int64_t day, int64_t first, int64_t last); /* its range of ids, once */
void shelf_extend(struct shelf *shelf, int64_t day, int64_t id);

/* day_files.c */
void day_files_close(struct store_db *db);
int day_read_range(struct shelf *shelf, int64_t day, struct store_db *file, struct err *err); /* the shelf learns it */

/* days.c */
int days_are_busy(const struct store *store); /* with the mutex */
void days_join(struct store *store);

/* writer.c */
void *writer_main(void *store);
void write_end(struct write *write, int r, const struct err *err); /* what its on_done will be told */
void writes_move(struct list *from, struct list *to);              /* with the mutex */
struct timespec writer_time(int64_t ms);                           /* so long from now, for store.more */

/* care.c */
void *checkpoint_main(void *store);
int checkpoint_on_wal(void *store, sqlite3 *handle, const char *name, int pages);
void backup_join(struct store *store);
void audit_join(struct store *store);

/* store.c */
struct store *store_new(void); /* without files and threads; store_close frees it. NULL: no memory */
/* An end for the loop thread, from any thread. */
void store_post(struct store *store, store_done_fn on_done, void *arg, int r, const struct err *err);

#endif
