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
	/* 3: lanes, batches, dependencies, settings of queues, scopes of unique keys. `live` alone has what a start
	 * must read. States are one higher since `blocked` is the first. The last attempt is in `done`. */
	"ALTER TABLE task ADD COLUMN tenant TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE task ADD COLUMN batch INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE task ADD COLUMN policy TEXT;"
	"CREATE TABLE lane (id INTEGER PRIMARY KEY, queue TEXT NOT NULL, tenant TEXT NOT NULL,"
	" fairness_key TEXT NOT NULL, weight INTEGER NOT NULL) STRICT;"
	"INSERT INTO lane (queue, tenant, fairness_key, weight) SELECT DISTINCT queue, '', '', 1 FROM task;"
	"CREATE TABLE live3 (id INTEGER PRIMARY KEY, lane INTEGER NOT NULL, priority INTEGER NOT NULL,"
	" created_at INTEGER NOT NULL, run_at INTEGER NOT NULL, expires_at INTEGER NOT NULL,"
	" attempt INTEGER NOT NULL, max_attempts INTEGER NOT NULL, crashes INTEGER NOT NULL,"
	" blocked INTEGER NOT NULL, flags INTEGER NOT NULL) STRICT;"
	"INSERT INTO live3 SELECT l.id, n.id, t.priority, t.created_at, l.run_at, t.expires_at, l.attempt,"
	" t.max_attempts, l.crashes, 0, t.unique_key IS NOT NULL"
	" FROM live l JOIN task t ON t.id = l.id JOIN lane n ON n.queue = t.queue;"
	"DROP TABLE live; ALTER TABLE live3 RENAME TO live;"
	"ALTER TABLE done ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE done ADD COLUMN outcome TEXT;"
	"ALTER TABLE done ADD COLUMN exit_signal INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE done ADD COLUMN cpu_ms INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE done ADD COLUMN rss_kib INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE done ADD COLUMN forget_at INTEGER NOT NULL DEFAULT 0;"
	"UPDATE done SET state = state + 1, forget_at = finished_at + 604800000;"
	"CREATE INDEX done_unsuccessful ON done (state, id) WHERE state > 4;"
	"ALTER TABLE attempt ADD COLUMN exit_signal INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE attempt ADD COLUMN cpu_ms INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE attempt ADD COLUMN rss_kib INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE idem3 (tenant TEXT NOT NULL, key TEXT NOT NULL, id INTEGER NOT NULL,"
	" created_at INTEGER NOT NULL, PRIMARY KEY (tenant, key)) STRICT, WITHOUT ROWID;"
	"INSERT INTO idem3 SELECT '', key, id, created_at FROM idem;"
	"DROP TABLE idem; ALTER TABLE idem3 RENAME TO idem;"
	"CREATE TABLE uniq3 (tenant TEXT NOT NULL, key TEXT NOT NULL, id INTEGER NOT NULL,"
	" until INTEGER NOT NULL, PRIMARY KEY (tenant, key)) STRICT, WITHOUT ROWID;"
	"INSERT INTO uniq3 SELECT '', key, id, 0 FROM uniq;"
	"DROP TABLE uniq; ALTER TABLE uniq3 RENAME TO uniq;"
	"CREATE TABLE dep (child INTEGER NOT NULL, parent INTEGER NOT NULL, PRIMARY KEY (child, parent))"
	" STRICT, WITHOUT ROWID;"
	"CREATE INDEX dep_parent ON dep (parent);"
	"CREATE TABLE batch (id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL,"
	" created_at INTEGER NOT NULL, completed_at INTEGER NOT NULL, total INTEGER NOT NULL,"
	" succeeded INTEGER NOT NULL, failed INTEGER NOT NULL, cancelled INTEGER NOT NULL,"
	" expired INTEGER NOT NULL, sealed INTEGER NOT NULL, on_complete INTEGER NOT NULL) STRICT;"
	"CREATE TABLE queue_settings (name TEXT PRIMARY KEY, settings TEXT NOT NULL) STRICT, WITHOUT ROWID;"
	"INSERT INTO meta SELECT 'last_id', ifnull(max(id), 0) FROM task;",
	/* 4: schedules; `spec` is a packed task_spec */
	"CREATE TABLE schedule (name TEXT PRIMARY KEY, cron TEXT NOT NULL, zone TEXT NOT NULL,"
	" overlap INTEGER NOT NULL, paused INTEGER NOT NULL, catchup_ms INTEGER NOT NULL, spec TEXT NOT NULL,"
	" next_at INTEGER NOT NULL, last_at INTEGER NOT NULL, last_task INTEGER NOT NULL,"
	" created_at INTEGER NOT NULL, fired INTEGER NOT NULL, skipped INTEGER NOT NULL,"
	" missed INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
	/* 5: what attempts leave to later ones, by owner */
	"CREATE TABLE state (owner TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (owner, key))"
	" STRICT, WITHOUT ROWID;",
	/* 6: what files by day have of these tasks counts no more */
	"CREATE TABLE gone (id INTEGER NOT NULL, day INTEGER NOT NULL, PRIMARY KEY (id, day)) STRICT, WITHOUT ROWID;",
	/* 7: idempotency keys know what was asked for (0: nobody does), also of a call with many tasks */
	"ALTER TABLE idem ADD COLUMN digest INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE idem ADD COLUMN items TEXT;",
	/* 8: what outlives the agent: a lease (0: a worker of its own), and that somebody asked a task to stop */
	"ALTER TABLE run ADD COLUMN lease_ms INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE run ADD COLUMN cancelled INTEGER NOT NULL DEFAULT 0;",
	/* 9: which files by day there must be, and how many tasks are in each and nowhere else */
	"CREATE TABLE day_file (day INTEGER PRIMARY KEY, tasks INTEGER NOT NULL, exact INTEGER NOT NULL) STRICT;"
	"INSERT INTO meta VALUES ('days_counted', 0);",
};
const int store_schema_steps = sizeof(store_schema) / sizeof(store_schema[0]);
