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
#define STORE_STATEMENTS 128 /* distinct SQL texts a connection may prepare */

struct store_stmt {
	const char *sql;
	sqlite3_stmt *handle;
};

struct store_db {
	sqlite3 *handle;
	struct store_stmt statements[STORE_STATEMENTS];
	size_t n_statements;
};

struct write {
	struct list link;
	store_write_fn write;
	store_done_fn on_done;
	void *arg;
	int r, is_new, is_lazy; /* is_lazy: and nobody has taken it yet */
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
	pthread_cond_t more, idle, wal_grew;
	struct list waiting, ended, lazy;
	struct timespec lazy_until; /* when the oldest of `lazy` has waited long enough */
	int hurry;                  /* somebody waits for all, also the lazy */
	int stop, busy, read_only;
	_Atomic int is_corrupt;
	int wal_pages, was_unclean; /* wal_pages: since the last time it was reset */
	struct backup *backup;
	struct audit *audit;
	struct err broken;
	int64_t epoch, sequence;
	_Atomic int64_t commits, writes, failed, read_only_gauge, full_gauge;
	struct metric_histogram commit_time;
	struct metric metrics[8];
};

extern const char *const store_schema[];
extern const int store_schema_steps;

int db_open(const char *path, int read_only, struct store_db *ret, struct err *err);
void db_close(struct store_db *db);
int db_exec(struct store_db *db, const char *sql, struct err *err);
int db_fail(const struct store_db *db, const char *what, struct err *err);
int db_migrate(struct store_db *db, struct err *err);
int db_version(struct store_db *db, int *ret, struct err *err);
/* ERR_CORRUPT with what is wrong first. */
int db_quick_check(struct store_db *db, struct err *err);

/* care.c */
void *checkpoint_main(void *store);
int checkpoint_on_wal(void *store, sqlite3 *handle, const char *name, int pages);
void backup_join(struct store *store);
void audit_join(struct store *store);

/* store.c: an end for the loop thread, from any thread. */
void store_post(struct store *store, store_done_fn on_done, void *arg, int r, const struct err *err);

#endif
