/* SPDX-License-Identifier: Apache-2.0 */
/* What does a durable insert of 1,000 tasks cost when there is nothing but SQLite?
 *
 *   insert_floor [folder [tasks]]            insert_floor /var/tmp 200000
 *
 * A bare loop on one thread, WAL, synchronous=FULL, 1,000 tasks a transaction, 256 bytes of payload: the two rows that the
 * queue writes for a task, with all their columns; the same with all that no list asks for packed into one column, in two
 * rows and in one; and the row that the PostgreSQL of queue.mjs gets, a key and the payload. No network, no JSON, no check:
 * a store on SQLite cannot be faster than this. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#define GROUP 1000

static void must(int r, sqlite3 *db)
{
	if (r == SQLITE_OK || r == SQLITE_DONE)
		return;
	fprintf(stderr, "%s\n", sqlite3_errmsg(db));
	exit(EXIT_FAILURE);
}

static double seconds(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;

	must(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL), db);
	return stmt;
}

static void step(sqlite3 *db, sqlite3_stmt *stmt)
{
	must(sqlite3_step(stmt), db);
	must(sqlite3_reset(stmt), db);
}

/* The columns of text by their place, as the queue fills them; all others are numbers. */
static void bind_task(sqlite3_stmt *stmt, long long id, const char *body)
{
	static const struct {
		int at;
		const char *text;
	} texts[] = {{2, "query"}, {3, "default"}, {15, ""}};

	for (int i = 1; i <= 17; i++)
		sqlite3_bind_int64(stmt, i, 1764115200000);
	sqlite3_bind_int64(stmt, 1, id);
	sqlite3_bind_text(stmt, 5, body, -1, SQLITE_STATIC);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		sqlite3_bind_text(stmt, texts[i].at, texts[i].text, -1, SQLITE_STATIC);
	for (int i = 4; i <= 17; i++)
		if (i == 4 || i == 6 || i == 7 || i == 14 || i == 17)
			sqlite3_bind_null(stmt, i);
}

static void bind_live(sqlite3_stmt *stmt, long long id)
{
	sqlite3_bind_int64(stmt, 1, id);
	for (int i = 2; i <= 9; i++)
		sqlite3_bind_int64(stmt, i, i == 4 || i == 5 ? 1764115200000 : 5);
}

static void bind_packed(sqlite3_stmt *stmt, long long id, const char *body)
{
	static const char rare[32]; /* priority, times, attempts, parent, batch, flags: as varints */
	static const char *const texts[] = {"query", "default", ""};

	sqlite3_bind_int64(stmt, 1, id);
	for (int i = 0; i < 3; i++)
		sqlite3_bind_text(stmt, 2 + i, texts[i], -1, SQLITE_STATIC);
	sqlite3_bind_text(stmt, 5, body, -1, SQLITE_STATIC);
	sqlite3_bind_int64(stmt, 6, 1764115200000);
	sqlite3_bind_blob(stmt, 7, rare, sizeof(rare), SQLITE_STATIC);
}

static void bind_mark(sqlite3_stmt *stmt, long long id)
{
	static const char packed[24];

	sqlite3_bind_int64(stmt, 1, id);
	sqlite3_bind_blob(stmt, 2, packed, sizeof(packed), SQLITE_STATIC);
}

static void bind_plain(sqlite3_stmt *stmt, long long id, const char *body)
{
	sqlite3_bind_int64(stmt, 1, id);
	sqlite3_bind_text(stmt, 2, body, -1, SQLITE_STATIC);
}

static const struct layout {
	const char *what, *task, *live;
	void (*bind_task)(sqlite3_stmt *stmt, long long id, const char *body);
	void (*bind_live)(sqlite3_stmt *stmt, long long id);
} layouts[] = {
	{"task and live", "INSERT INTO task VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17)",
         "INSERT INTO live VALUES (?1,?2,?3,?4,?5,?6,0,?7,0,?8,?9)", bind_task, bind_live},
	{"packed, in two rows", "INSERT INTO packed VALUES (?1,?2,?3,?4,?5,?6,?7)", "INSERT INTO mark VALUES (?1,?2)",
         bind_packed, bind_mark},
	{"packed, in one row", "INSERT INTO single VALUES (?1,?2,?3,?4,?5,?6,?7)", NULL, bind_packed, NULL},
	{"a key and the payload", "INSERT INTO plain VALUES (?1,?2)", NULL, bind_plain, NULL},
};

static void print(const char *what, long long n, double wall, double cpu)
{
	printf("%-28s %9.0f tasks/s %6.2f CPU us a task\n", what, (double)n / wall, cpu * 1e6 / (double)n);
}

static void run(sqlite3 *db, const struct layout *layout, long long n, const char *body)
{
	sqlite3_stmt *begin = prepare(db, "BEGIN IMMEDIATE"), *commit = prepare(db, "COMMIT");
	sqlite3_stmt *task = prepare(db, layout->task), *live = layout->live ? prepare(db, layout->live) : NULL;
	double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);

	for (long long i = 0; i < n; i++) {
		if (i % GROUP == 0)
			step(db, begin);
		layout->bind_task(task, i + 1, body);
		step(db, task);
		if (live) {
			layout->bind_live(live, i + 1);
			step(db, live);
		}
		if (i % GROUP == GROUP - 1)
			step(db, commit);
	}
	print(layout->what, n, seconds(CLOCK_MONOTONIC) - wall, seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
	sqlite3_finalize(begin);
	sqlite3_finalize(commit);
	sqlite3_finalize(task);
	sqlite3_finalize(live);
}

int main(int argc, char **argv)
{
	static const char schema[] =
		"PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-8192;"
		"CREATE TABLE task (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, queue TEXT NOT NULL, dataset TEXT,"
		" body TEXT NOT NULL, labels TEXT, trace TEXT, priority INTEGER NOT NULL, created_at INTEGER NOT NULL,"
		" expires_at INTEGER NOT NULL, timeout_ms INTEGER NOT NULL, max_attempts INTEGER NOT NULL,"
		" parent INTEGER NOT NULL, unique_key TEXT, tenant TEXT NOT NULL, batch INTEGER NOT NULL, policy TEXT) "
		"STRICT;"
		"CREATE TABLE live (id INTEGER PRIMARY KEY, lane INTEGER NOT NULL, priority INTEGER NOT NULL,"
		" created_at INTEGER NOT NULL, run_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, attempt INTEGER "
		"NOT NULL,"
		" max_attempts INTEGER NOT NULL, crashes INTEGER NOT NULL, blocked INTEGER NOT NULL, flags INTEGER NOT "
		"NULL) STRICT;"
		"CREATE TABLE packed (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, queue TEXT NOT NULL, tenant TEXT NOT "
		"NULL,"
		" body TEXT NOT NULL, created_at INTEGER NOT NULL, rare BLOB NOT NULL) STRICT;"
		"CREATE TABLE single (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, queue TEXT NOT NULL, tenant TEXT NOT "
		"NULL,"
		" body TEXT NOT NULL, created_at INTEGER NOT NULL, rare BLOB NOT NULL) STRICT;"
		"CREATE TABLE mark (id INTEGER PRIMARY KEY, packed BLOB NOT NULL) STRICT;"
		"CREATE TABLE plain (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;";
	long long n = argc > 2 ? atoll(argv[2]) : 200000;
	char path[4096], body[257], name[4200];
	sqlite3 *db;

	memset(body, 'x', sizeof(body) - 1);
	body[256] = '\0';
	snprintf(path, sizeof(path), "%s/insert_floor-%d.db", argc > 1 ? argv[1] : ".", (int)getpid());
	must(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL), NULL);
	must(sqlite3_exec(db, schema, NULL, NULL, NULL), db);
	n -= n % GROUP;
	for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
		run(db, &layouts[i], n, body);
	must(sqlite3_close(db), db);
	unlink(path);
	snprintf(name, sizeof(name), "%s-wal", path);
	unlink(name);
	snprintf(name, sizeof(name), "%s-shm", path);
	unlink(name);
	return EXIT_SUCCESS;
}
