/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite's full-text index FTS5, as the peer of ours: the "message" of each record of an NDJSON file.
 *
 *   fts5_search FILE.ndjson DATABASE ROUNDS QUERY …
 *
 * Prints {"build": CPU seconds, "bytes", "queries": [[CPU ms of each round] …]} for the ten best of each query by
 * bm25. The records are those of gen_logs: no escapes but \" in messages. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void must(sqlite3 *db, int r)
{
	if (r == SQLITE_OK || r == SQLITE_DONE || r == SQLITE_ROW)
		return;
	fprintf(stderr, "fts5_search: %s\n", sqlite3_errmsg(db));
	exit(EXIT_FAILURE);
}

static size_t message_of(char *line, char **ret)
{
	char *p = strstr(line, "\"message\":\""), *to;

	if (!p)
		return 0;
	p += strlen("\"message\":\"");
	*ret = to = p;
	for (; *p && *p != '"'; p++) {
		p += *p == '\\';
		*to++ = *p;
	}
	return (size_t)(to - *ret);
}

static void build(sqlite3 *db, FILE *file)
{
	sqlite3_stmt *insert;
	char *line = NULL, *text = NULL;
	size_t cap = 0, n;

	must(db, sqlite3_exec(db,
	                      "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; CREATE VIRTUAL TABLE t USING "
	                      "fts5(message); BEGIN",
	                      NULL, NULL, NULL));
	must(db, sqlite3_prepare_v2(db, "INSERT INTO t VALUES (?)", -1, &insert, NULL));
	while (getline(&line, &cap, file) > 0) {
		n = message_of(line, &text);
		must(db, sqlite3_bind_text(insert, 1, text, (int)n, SQLITE_STATIC));
		must(db, sqlite3_step(insert));
		must(db, sqlite3_reset(insert));
	}
	free(line);
	sqlite3_finalize(insert);
	must(db, sqlite3_exec(db, "COMMIT; INSERT INTO t(t) VALUES ('optimize'); PRAGMA wal_checkpoint(TRUNCATE)", NULL,
	                      NULL, NULL));
}

static double ask(sqlite3 *db, const char *query)
{
	double start = cpu_seconds();
	sqlite3_stmt *select;
	int r;

	must(db, sqlite3_prepare_v2(db, "SELECT rowid, message FROM t WHERE t MATCH ? ORDER BY rank LIMIT 10", -1,
	                            &select, NULL));
	must(db, sqlite3_bind_text(select, 1, query, -1, SQLITE_STATIC));
	while ((r = sqlite3_step(select)) == SQLITE_ROW)
		;
	must(db, r);
	sqlite3_finalize(select);
	return (cpu_seconds() - start) * 1e3;
}

int main(int argc, char **argv)
{
	int rounds = argc > 3 ? atoi(argv[3]) : 0;
	FILE *file = argc > 4 ? fopen(argv[1], "r") : NULL;
	double start = cpu_seconds();
	struct stat st = {0};
	sqlite3 *db;

	if (!file || rounds < 1) {
		fprintf(stderr, "usage: fts5_search FILE.ndjson DATABASE ROUNDS QUERY...\n");
		return EXIT_FAILURE;
	}
	must(NULL, sqlite3_open(argv[2], &db));
	build(db, file);
	fclose(file);
	stat(argv[2], &st);
	printf("{\"build\":%.3f,\"bytes\":%lld,\"queries\":[", cpu_seconds() - start, (long long)st.st_size);
	for (int i = 4; i < argc; i++) {
		ask(db, argv[i]);
		printf("%s[", i > 4 ? "," : "");
		for (int k = 0; k < rounds; k++)
			printf("%s%.3f", k ? "," : "", ask(db, argv[i]));
		printf("]");
	}
	printf("]}\n");
	sqlite3_close(db);
	return EXIT_SUCCESS;
}
