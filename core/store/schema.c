/* SPDX-License-Identifier: Apache-2.0 */
/* The tables, as numbered steps: a database at step n gets the steps behind it. Steps are never changed,
 * only added. */
#include "store/inside.h"

const char *const store_schema[] = {
	/* 1: tasks. `task` is written once; what changes is in small tables beside it. */
	"CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"INSERT INTO meta VALUES ('boot_epoch', 0);"
	"CREATE TABLE task (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, queue TEXT NOT NULL, dataset TEXT,"
	" body TEXT NOT NULL, labels TEXT, trace TEXT, priority INTEGER NOT NULL, created_at INTEGER NOT NULL,"
	" expires_at INTEGER NOT NULL, timeout_ms INTEGER NOT NULL, max_attempts INTEGER NOT NULL,"
	" parent INTEGER NOT NULL, unique_key TEXT) STRICT;"
	"CREATE TABLE live (id INTEGER PRIMARY KEY, run_at INTEGER NOT NULL, attempt INTEGER NOT NULL,"
	" crashes INTEGER NOT NULL) STRICT;"
	"CREATE TABLE run (id INTEGER PRIMARY KEY, fence INTEGER NOT NULL, attempt INTEGER NOT NULL,"
	" worker TEXT, started_at INTEGER NOT NULL) STRICT;"
	"CREATE TABLE checkpoint (id INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;"
	"CREATE TABLE done (id INTEGER PRIMARY KEY, state INTEGER NOT NULL, attempt INTEGER NOT NULL,"
	" worker TEXT, started_at INTEGER NOT NULL, finished_at INTEGER NOT NULL, result TEXT,"
	" error_code INTEGER NOT NULL, error TEXT, error_where TEXT) STRICT;"
	"CREATE TABLE attempt (id INTEGER NOT NULL, fence INTEGER NOT NULL, attempt INTEGER NOT NULL,"
	" worker TEXT, started_at INTEGER NOT NULL, finished_at INTEGER NOT NULL, outcome TEXT NOT NULL,"
	" error_code INTEGER NOT NULL, error TEXT, PRIMARY KEY (id, fence)) STRICT, WITHOUT ROWID;"
	"CREATE TABLE idem (key TEXT PRIMARY KEY, id INTEGER NOT NULL, created_at INTEGER NOT NULL)"
	" STRICT, WITHOUT ROWID;"
	"CREATE TABLE uniq (key TEXT PRIMARY KEY, id INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
	/* 2: the catalog */
	"CREATE TABLE dataset (name TEXT PRIMARY KEY, location TEXT NOT NULL, created_at INTEGER NOT NULL,"
	" updated_at INTEGER NOT NULL, version INTEGER NOT NULL, rows INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL, files INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE dataset_index (dataset TEXT NOT NULL, name TEXT NOT NULL, plugin TEXT NOT NULL,"
	" columns TEXT NOT NULL, options TEXT NOT NULL, created_at INTEGER NOT NULL,"
	" updated_at INTEGER NOT NULL, generation INTEGER NOT NULL, rows INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL, segments INTEGER NOT NULL, PRIMARY KEY (dataset, name))"
	" STRICT, WITHOUT ROWID;",
};
const int store_schema_steps = sizeof(store_schema) / sizeof(store_schema[0]);
