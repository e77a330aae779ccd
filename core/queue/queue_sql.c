/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/queue_sql.h"

#define COLUMNS(run_at, attempt, run, checkpoint, life)                                          \
	"t.id, t.kind, t.queue, t.dataset, t.body, t.labels, t.trace, t.priority, t.created_at," \
	" t.expires_at, t.timeout_ms, t.max_attempts, t.parent, " run_at ", " attempt ", " run   \
	", d.state, d.attempt, d.worker, d.started_at, d.finished_at,"                           \
	" d.result, d.error_code, d.error, d.error_where, " checkpoint ", t.tenant, t.batch,"    \
	" t.unique_key, t.policy, " life
#define TASK_COLUMNS                                                                  \
	COLUMNS("l.run_at", "l.attempt", "r.fence, r.started_at, r.worker", "c.text", \
	        "l.blocked, l.crashes, l.attempt + (r.id IS NOT NULL)")
#define DAY_COLUMNS COLUMNS("NULL", "NULL", "NULL, NULL, NULL", "NULL", "NULL, NULL, NULL")
#define TASK_BESIDE " LEFT JOIN run r ON r.id = t.id LEFT JOIN checkpoint c ON c.id = t.id"
#define BATCH_COLUMNS                                                                      \
	"id, tenant, name, created_at, completed_at, total, succeeded, failed, cancelled," \
	" expired, sealed, on_complete"
/* Of what waits, at a start: struct row of recover.c; and the runs that end with the agent. */
#define RECOVER_COLUMNS                                                                                         \
	"l.id, l.lane, l.priority, l.created_at, l.run_at, l.expires_at, l.attempt, l.max_attempts, l.crashes," \
	" l.blocked, l.flags"
#define RUN_ENDS "lease_ms = 0 AND cancelled = 0"
/* What a list may ask for besides the state; ?1 is behind which id, ?2 how many. Each list is there twice: from the newest
 * (ids before ?1) and, _UP, from the oldest on. */
#define LIST_FILTER                                                                       \
	" AND (?4 IS NULL OR t.kind = ?4) AND (?5 IS NULL OR t.queue = ?5)"               \
	" AND (?6 IS NULL OR t.dataset = ?6) AND (?7 IS NULL OR t.tenant = ?7)"           \
	" AND (?8 IS NULL OR EXISTS (SELECT 1 FROM json_each(t.labels) j"                 \
	" WHERE j.key = ?8 AND j.value = ?9))"                                            \
	" AND t.created_at > ?10 AND (?11 = 0 OR t.created_at < ?11)"                     \
	" AND (?12 = 0 OR t.parent = ?12) AND (?13 = 0 OR t.batch = ?13) AND t.id >= ?14" \
	" AND (?16 IS NULL OR t.tenant GLOB ?16) AND (?17 IS NULL OR t.queue GLOB ?17)"

#define LIST_ALL_BY(behind, order)                                                                 \
	"SELECT " TASK_COLUMNS                                                                     \
	" FROM task t LEFT JOIN live l ON l.id = t.id LEFT JOIN done d ON d.id = t.id" TASK_BESIDE \
	" WHERE t.id " behind " ?1 AND ?3 IS NOT NULL" LIST_FILTER " ORDER BY t.id " order " LIMIT ?2"
#define LIST_LIVE_BY(behind, order)                                                                 \
	"SELECT " TASK_COLUMNS                                                                      \
	" FROM live l CROSS JOIN task t ON t.id = l.id LEFT JOIN done d ON d.id = t.id" TASK_BESIDE \
	" WHERE l.id " behind " ?1 AND ?3 IS NOT NULL" LIST_FILTER " ORDER BY l.id " order " LIMIT ?2"
#define LIST_DONE_BY(behind, order)                                                                 \
	"SELECT " TASK_COLUMNS                                                                      \
	" FROM done d CROSS JOIN task t ON t.id = d.id LEFT JOIN live l ON l.id = t.id" TASK_BESIDE \
	" WHERE d.id " behind " ?1 AND d.state = ?3" LIST_FILTER " ORDER BY d.id " order " LIMIT ?2"
#define LIST_UNSUCCESSFUL_BY(behind, order)                                                                   \
	"SELECT " TASK_COLUMNS " FROM done d INDEXED BY done_unsuccessful CROSS JOIN task t ON t.id = d.id"   \
	" LEFT JOIN live l ON l.id = t.id" TASK_BESIDE " WHERE d.state = ?3 AND d.state > 4 AND d.id " behind \
	" ?1" LIST_FILTER " ORDER BY d.id " order " LIMIT ?2"
#define LIST_BAD_BY(behind, order)                                                                        \
	"SELECT " TASK_COLUMNS                                                                            \
	" FROM done d CROSS JOIN task t ON t.id = d.id LEFT JOIN live l ON l.id = t.id" TASK_BESIDE       \
	" WHERE d.id IN (SELECT id FROM done INDEXED BY done_unsuccessful WHERE state > 4 AND id " behind \
	" ?1) AND ?3 IS NOT NULL" LIST_FILTER " ORDER BY d.id " order " LIMIT ?2"
#define DAY_LIST_BY(behind, order)                                                                     \
	"SELECT " DAY_COLUMNS " FROM done d CROSS JOIN task t ON t.id = d.id WHERE d.id " behind " ?1" \
	" AND (?3 < 0 OR d.state = ?3) AND d.forget_at > ?15" LIST_FILTER " ORDER BY d.id " order " LIMIT ?2"
#define DAY_LIST_UNSUCCESSFUL_BY(behind, order)                                                            \
	"SELECT " DAY_COLUMNS " FROM done d INDEXED BY done_unsuccessful CROSS JOIN task t ON t.id = d.id" \
	" WHERE d.state = ?3 AND d.state > 4 AND d.id " behind " ?1 AND d.forget_at > ?15" LIST_FILTER     \
	" ORDER BY d.id " order " LIMIT ?2"
#define DAY_LIST_BAD_BY(behind, order)                                                                           \
	"SELECT " DAY_COLUMNS " FROM done d CROSS JOIN task t ON t.id = d.id WHERE d.id IN (SELECT id FROM done" \
	" INDEXED BY done_unsuccessful WHERE state > 4 AND id " behind                                           \
	" ?1) AND ?3 IS NOT NULL AND d.forget_at > ?15" LIST_FILTER " ORDER BY d.id " order " LIMIT ?2"

const char *const queue_sql[QUEUE_STATEMENTS] = {
	[TASK_PUT] = "INSERT INTO task VALUES "
		     "(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17)",
	[TASK_ENDLESS] = "UPDATE task SET expires_at = 0, policy = ?2 WHERE id = ?1"
			 " AND (expires_at <> 0 OR policy IS NOT ?2)",
	[TASK_MERGE] = "UPDATE task SET body = ?2 WHERE id = ?1",
	[MERGE_BASE] = "SELECT kind, dataset, queue, body FROM task WHERE id = ?1",
	[MERGE_PATCH] = "SELECT json_patch(?1, ?2) WHERE json_valid(?1) AND json_valid(?2)",
	[TASK_PRIORITY] = "UPDATE task SET priority = ?2 WHERE id = ?1 AND priority <> ?2",
	[LANE_PUT] = "INSERT OR IGNORE INTO lane VALUES (?1,?2,?3,?4,?5)",
	[LANE_DEL] = "DELETE FROM lane WHERE id = ?1",
	[LANE_ALL] = "SELECT id, queue, tenant, fairness_key, weight FROM lane",
	[LIVE_PUT] = "INSERT INTO live VALUES (?1,?2,?3,?4,?5,?6,0,?7,0,?8,?9)",
	[LIVE_SET] = "UPDATE live SET run_at = ?2, attempt = ?3, crashes = ?4, expires_at = ?5 "
		     "WHERE id = ?1",
	[LIVE_MOVE] = "UPDATE live SET run_at = ?2, priority = ?3 WHERE id = ?1",
	[LIVE_UNBLOCK] = "UPDATE live SET blocked = EXISTS (SELECT 1 FROM dep WHERE child = ?1) "
			 "WHERE id = ?1",
	[LIVE_DEL] = "DELETE FROM live WHERE id = ?1",
	[WAITS] = "SELECT id FROM live WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM run WHERE id = "
		  "?1)",
	[RUN_PUT] = "INSERT INTO run SELECT ?1,?2,?3,?4,?5,?6,0 WHERE EXISTS (SELECT 1 FROM live WHERE "
		    "id = ?1)",
	[RUN_LEASE] = "UPDATE run SET lease_ms = ?3 WHERE id = ?1 AND fence = ?2",
	[RUN_CANCEL] = "UPDATE run SET cancelled = 1 WHERE id = ?1 AND fence = ?2",
	[RUN_CANCELLED] = "SELECT 1 FROM run WHERE id = ?1 AND cancelled = 1",
	[RUN_DEL] = "DELETE FROM run WHERE id = ?1",
	[DONE_PUT] = "INSERT INTO done VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16)",
	[DONE_DEL] = "DELETE FROM done WHERE id = ?1",
	[DONE_TO_ATTEMPT] = "INSERT OR IGNORE INTO attempt SELECT id, fence, attempt, worker, started_at, "
			    "finished_at,"
			    " ifnull(outcome, 'succeeded'), error_code, error, exit_signal, cpu_ms, rss_kib"
			    " FROM done WHERE id = ?1 AND fence > 0",
	[END_GET] = "SELECT ifnull(d.state, -1) FROM task t LEFT JOIN done d ON d.id = t.id WHERE "
		    "t.id = ?1",
	[ATTEMPT_PUT] = "INSERT INTO attempt VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)",
	[CHECKPOINT_PUT] =
		"INSERT OR REPLACE INTO checkpoint SELECT ?1,?2 WHERE EXISTS (SELECT 1 FROM live WHERE id = ?1)",
	[CHECKPOINT_DEL] = "DELETE FROM checkpoint WHERE id = ?1",
	/* Who has not succeeded has no result; a redrive goes on from what stands there. */
	[CHECKPOINT_KEEP] = "UPDATE done SET result = (SELECT text FROM checkpoint WHERE id = ?1) WHERE id = ?1",
	[CHECKPOINT_BACK] = "INSERT INTO checkpoint SELECT id, result FROM done WHERE id = ?1 AND state <> 4"
			    " AND result IS NOT NULL",
	[IDEM_GET] = "SELECT id, digest, items FROM idem WHERE tenant = ?1 AND key = ?2",
	[IDEM_PUT] = "INSERT OR REPLACE INTO idem VALUES (?1,?2,?3,?4,?5,?6)",
	[UNIQ_GET] = "SELECT id, until FROM uniq WHERE tenant = ?1 AND key = ?2",
	[UNIQ_PUT] = "INSERT OR REPLACE INTO uniq VALUES (?1,?2,?3,?4)",
	[UNIQ_DEL] = "DELETE FROM uniq WHERE (tenant, key) = (SELECT tenant, unique_key FROM task "
		     "WHERE id = ?1)"
		     " AND id = ?1 AND until = 0",
	[UNIQ_TAKE] = "INSERT INTO uniq SELECT tenant, unique_key, id, 0 FROM task WHERE id = ?1"
		      " AND unique_key IS NOT NULL",
	[DEP_PUT] = "INSERT OR IGNORE INTO dep VALUES (?1,?2)",
	[DEP_DROP] = "DELETE FROM dep WHERE child = ?1",
	[DEP_WAIVE] = "DELETE FROM dep WHERE child = ?1 AND parent = ?2",
	[DEP_RELEASE] = "DELETE FROM dep WHERE parent = ?1 RETURNING child",
	[DEP_CHILDREN] = "SELECT child FROM dep WHERE parent = ?1",
	[DEP_PARENTS] = "SELECT p.parent, d.state FROM dep p LEFT JOIN done d ON d.id = p.parent WHERE p.child = ?1",
	[DEP_FAILED_OF] = "SELECT p.parent FROM dep p JOIN done d ON d.id = p.parent WHERE p.child = ?1",
	[DEP_COUNTS] = "SELECT child, count(*) FROM dep GROUP BY child",
	[DEP_FAILED] = "SELECT DISTINCT p.parent FROM dep p JOIN done d ON d.id = p.parent WHERE "
		       "p.parent > ?1",
	[BATCH_PUT] = "INSERT INTO batch VALUES (?1,?3,?4,?2,0,0,0,0,0,0,0,?5)",
	[BATCH_ADD] = "UPDATE batch SET total = total + 1 WHERE id = ?1",
	/* the numbers are those of enum task_state */
	[BATCH_END] = "UPDATE batch SET succeeded = succeeded + ?3 * (?2 = 4), failed = failed + "
		      "?3 * (?2 = 5),"
		      " cancelled = cancelled + ?3 * (?2 = 6), expired = expired + ?3 * (?2 = 7) "
		      "WHERE id = ?1",
	[BATCH_COMPLETE] = "UPDATE batch SET completed_at = ?2 WHERE id = ?1 AND sealed = 1 AND completed_at "
			   "= 0"
			   " AND total = succeeded + failed + cancelled + expired RETURNING on_complete",
	[BATCH_SEAL] = "UPDATE batch SET sealed = 1 WHERE id = ?1",
	[BATCH_GET] = "SELECT " BATCH_COLUMNS " FROM batch WHERE id = ?1",
	[BATCH_LIST] = "SELECT " BATCH_COLUMNS " FROM batch WHERE id < ?1 AND (?3 IS NULL OR tenant = ?3)"
		       " AND (?4 IS NULL OR tenant GLOB ?4)"
		       " ORDER BY id DESC LIMIT ?2",
	[BATCH_FOLLOWED] = "SELECT id, total - succeeded - failed - cancelled - expired, sealed FROM batch"
			   " WHERE on_complete = ?1",
	[REPLACED_GET] = "SELECT batch, policy, (SELECT settings FROM queue_settings q WHERE q.name = t.queue)"
			 " FROM task t WHERE id = ?1",
	[DELETE_TASK] = "DELETE FROM done WHERE id = ?1"
			" AND NOT EXISTS (SELECT 1 FROM dep WHERE parent = ?1)",
	[SCHEDULE_PUT] = "INSERT INTO schedule VALUES (?1,?2,?3,?4,?5,?6,?7,?8,0,0,?9,0,0,0)"
			 " ON CONFLICT (name) DO UPDATE SET cron = ?2, zone = ?3, overlap = ?4, paused = ?5,"
			 " catchup_ms = ?6, spec = ?7, next_at = ?8",
	[SCHEDULE_DEL] = "DELETE FROM schedule WHERE name = ?1",
	[SCHEDULE_ALL] = "SELECT name, cron, zone, overlap, paused, catchup_ms, spec, next_at, last_at,"
			 " last_task, created_at, fired, skipped, missed FROM schedule",
	[SCHEDULE_FIRE] = "UPDATE schedule SET next_at = ?3,"
			  " last_at = CASE WHEN ?4 THEN ?2 ELSE last_at END,"
			  " last_task = CASE WHEN ?4 THEN ?4 ELSE last_task END,"
			  " fired = fired + (?4 <> 0), skipped = skipped + ?5, missed = missed + ?6"
			  " WHERE name = ?1 AND next_at = ?2",
	[SETTINGS_PUT] = "INSERT OR REPLACE INTO queue_settings VALUES (?1,?2)",
	[SETTINGS_ALL] = "SELECT name, settings FROM queue_settings",
	[STATE_OWNERS] = "SELECT DISTINCT owner FROM state",
	[STATE_GET] = "SELECT key, value FROM state WHERE owner = ?1 ORDER BY key",
	[STATE_PUT] = "INSERT OR REPLACE INTO state VALUES (?1,?2,?3)",
	[STATE_DEL] = "DELETE FROM state WHERE owner = ?1 AND key = ?2",
	[LAST_ID] = "SELECT max((SELECT ifnull(max(id), 0) FROM task), (SELECT ifnull(max(id), 0) "
		    "FROM batch),"
		    " (SELECT value FROM meta WHERE key = 'last_id'))",
	[KEEP_LAST_ID] = "UPDATE meta SET value = max(value, (SELECT ifnull(max(id), 0) FROM task),"
			 " (SELECT ifnull(max(id), 0) FROM batch)) WHERE key = 'last_id'",
	[RECOVER] = "SELECT walk(" RECOVER_COLUMNS ") FROM live l WHERE l.id >= ?1 AND l.id < ?2",
	[RECOVER_ENDS] = "SELECT (SELECT min(id) FROM live WHERE id >= ?1), (SELECT max(id) FROM live)",
	[RECOVER_POLICY] = "SELECT policy FROM task WHERE id = ?1",
	[RECOVER_RUNS] = "SELECT " RECOVER_COLUMNS ", r.fence, r.worker, r.started_at, r.lease_ms, r.cancelled, t.kind,"
			 " t.dataset, t.trace, t.timeout_ms FROM run r JOIN live l ON l.id = r.id"
			 " JOIN task t ON t.id = r.id ORDER BY l.id",
	[LOST_ATTEMPTS] = "INSERT OR REPLACE INTO attempt SELECT id, fence, attempt, worker, started_at, ?1,"
			  " 'lost', ?2, 'the agent ended while it ran', 0, 0, 0 FROM run WHERE " RUN_ENDS,
	[LOST_LIVES] = "UPDATE live SET attempt = (SELECT attempt FROM run WHERE run.id = live.id)"
		       " WHERE id IN (SELECT id FROM run WHERE " RUN_ENDS ")",
	[LOST_RUNS] = "DELETE FROM run WHERE " RUN_ENDS,
	[TASK_GET] = "SELECT " TASK_COLUMNS " FROM task t LEFT JOIN live l ON l.id = t.id"
		     " LEFT JOIN done d ON d.id = t.id" TASK_BESIDE " WHERE t.id = ?1",
	/* the columns of TASK_COLUMNS; what RAM knows of a ready task is not looked up */
	[TASK_GET_CLAIMED] = "SELECT id, kind, queue, dataset, body, labels, trace, priority, created_at,"
			     " expires_at, timeout_ms, max_attempts, parent, ?2, NULL, NULL, NULL, NULL, NULL,"
			     " NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,"
			     " CASE WHEN ?3 THEN (SELECT text FROM checkpoint WHERE id = ?1) END, tenant, batch,"
			     " unique_key, policy, NULL, NULL, NULL FROM task WHERE id = ?1",
	[READ_BEGIN] = "BEGIN",
	[READ_END] = "COMMIT",
	[LIST_ALL] = LIST_ALL_BY("<", "DESC"),
	[LIST_ALL_UP] = LIST_ALL_BY(">", "ASC"),
	[LIST_LIVE] = LIST_LIVE_BY("<", "DESC"),
	[LIST_LIVE_UP] = LIST_LIVE_BY(">", "ASC"),
	[LIST_DONE] = LIST_DONE_BY("<", "DESC"),
	[LIST_DONE_UP] = LIST_DONE_BY(">", "ASC"),
	[LIST_UNSUCCESSFUL] = LIST_UNSUCCESSFUL_BY("<", "DESC"),
	[LIST_UNSUCCESSFUL_UP] = LIST_UNSUCCESSFUL_BY(">", "ASC"),
	[LIST_BAD] = LIST_BAD_BY("<", "DESC"),
	[LIST_BAD_UP] = LIST_BAD_BY(">", "ASC"),
	[ATTEMPT_LIST] = "SELECT attempt, fence, worker, started_at, finished_at, outcome, "
			 "error_code, error,"
			 " exit_signal, cpu_ms, rss_kib FROM attempt WHERE id = ?1 UNION ALL"
			 " SELECT attempt, fence, worker, started_at, finished_at, ifnull(outcome, "
			 "'succeeded'),"
			 " error_code, error, exit_signal, cpu_ms, rss_kib FROM done WHERE id = ?1 "
			 "AND fence > 0"
			 " ORDER BY 2",
	[ATTEMPT_LAST] = "SELECT error_code, error FROM attempt WHERE id = ?1 ORDER BY fence DESC LIMIT 1",
	[OLD_TASK] = "DELETE FROM task WHERE id = ?1",
	[OLD_ATTEMPT] = "DELETE FROM attempt WHERE id = ?1",
	[OLD_IDEM] = "DELETE FROM idem WHERE created_at < ?1",
	[OLD_UNIQ] = "DELETE FROM uniq WHERE until > 0 AND until < ?1",
	[OLD_BATCH] = "DELETE FROM batch WHERE completed_at > 0 AND completed_at < ?1",
	[OLD_KEYS] = "SELECT EXISTS (SELECT 1 FROM idem WHERE created_at < ?1)"
		     " OR EXISTS (SELECT 1 FROM uniq WHERE until > 0 AND until < ?2)"
		     " OR EXISTS (SELECT 1 FROM batch WHERE completed_at > 0 AND completed_at < ?3)"
		     " OR EXISTS (SELECT 1 FROM gone WHERE day < ?4)"
		     " OR EXISTS (SELECT 1 FROM day_file WHERE day < ?4)",
	[ENDED_SCAN] = "SELECT id, forget_at, finished_at, fence, EXISTS (SELECT 1 FROM dep WHERE parent = done.id)"
		       " OR EXISTS (SELECT 1 FROM gone WHERE id = done.id) FROM done WHERE id > ?1 ORDER BY id",
	[ENDED_DEL] = "DELETE FROM done WHERE id = ?1 AND forget_at = ?2 AND fence = ?3"
		      " AND NOT EXISTS (SELECT 1 FROM dep WHERE parent = ?1)",
	[SOURCE_DONE] = "SELECT 1 FROM source.done WHERE id = ?1 AND forget_at = ?2 AND fence = ?3",
	[DONE_FORGET_AT] = "SELECT forget_at FROM done WHERE id = ?1",
	[GONE_GET] = "SELECT 1 FROM gone WHERE id = ?1 AND day = ?2",
	[GONE_PUT] = "INSERT OR IGNORE INTO gone VALUES (?1,?2)",
	[GONE_DEL] = "DELETE FROM gone WHERE id = ?1 AND day = ?2",
	[GONE_OLD] = "DELETE FROM gone WHERE day < ?1",
	[GONE_LIST] = "SELECT id, day FROM gone",
	[DAY_FILE_ADD] = "INSERT INTO day_file VALUES (?1,?2,1) ON CONFLICT (day) DO UPDATE SET tasks = tasks + ?2",
	[DAY_FILE_SUB] = "UPDATE day_file SET tasks = tasks - 1 WHERE day = ?1",
	[DAY_FILE_TAKE] = "INSERT OR IGNORE INTO day_file VALUES (?1,0,0)",
	[DAY_FILE_GET] = "SELECT day, tasks, exact FROM day_file WHERE day = ?1",
	[DAY_FILES] = "SELECT day, tasks, exact FROM day_file WHERE day >= ?1 ORDER BY day",
	[DAY_FILES_OLD] = "DELETE FROM day_file WHERE day < ?1",
	[DAYS_COUNTED] = "UPDATE meta SET value = 1 WHERE key = 'days_counted'",
	[DAYS_ARE_COUNTED] = "SELECT 1 FROM meta WHERE key = 'days_counted' AND value = 1",
	/* in files by day */
	[DAY_GET] = "SELECT " DAY_COLUMNS " FROM done d CROSS JOIN task t ON t.id = d.id WHERE d.id = ?1"
		    " AND d.forget_at > ?2",
	[DAY_STATE] = "SELECT state FROM done WHERE id = ?1 AND forget_at > ?2",
	[DAY_ORDER] = "SELECT t.body, t.kind FROM done d CROSS JOIN task t ON t.id = d.id WHERE d.id = ?1"
		      " AND d.forget_at > ?2",
	[DAY_LIST] = DAY_LIST_BY("<", "DESC"),
	[DAY_LIST_UP] = DAY_LIST_BY(">", "ASC"),
	[DAY_LIST_UNSUCCESSFUL] = DAY_LIST_UNSUCCESSFUL_BY("<", "DESC"),
	[DAY_LIST_UNSUCCESSFUL_UP] = DAY_LIST_UNSUCCESSFUL_BY(">", "ASC"),
	[DAY_LIST_BAD] = DAY_LIST_BAD_BY("<", "DESC"),
	[DAY_LIST_BAD_UP] = DAY_LIST_BAD_BY(">", "ASC"),
	[BEGIN] = "BEGIN",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[CHECK_STATES] = "SELECT t.id FROM task t LEFT JOIN live l ON l.id = t.id LEFT JOIN done d "
			 "ON d.id = t.id"
			 " WHERE (l.id IS NULL) = (d.id IS NULL) LIMIT 1",
	[CHECK_RUNS] = "SELECT r.id FROM run r LEFT JOIN live l ON l.id = r.id WHERE l.id IS NULL LIMIT 1",
	[CHECK_ORPHANS] = "SELECT id FROM (SELECT id FROM live UNION ALL SELECT id FROM run UNION ALL"
			  " SELECT id FROM checkpoint UNION ALL SELECT id FROM done UNION ALL"
			  " SELECT id FROM attempt UNION ALL SELECT child FROM dep UNION ALL SELECT parent "
			  "FROM dep)"
			  " WHERE id NOT IN (SELECT id FROM task) LIMIT 1",
	[CHECK_ENDS] = "SELECT id FROM done WHERE state NOT BETWEEN 4 AND 7 LIMIT 1",
	/* flag 1: holds a unique key, flag 4: only until it is claimed */
	[CHECK_UNIQUE] = "SELECT l.id FROM live l JOIN task t ON t.id = l.id LEFT JOIN uniq u"
			 " ON u.tenant = t.tenant AND u.key = t.unique_key"
			 " WHERE (l.flags & 5) = 1 AND u.id IS NOT l.id"
			 " UNION ALL SELECT u.id FROM uniq u LEFT JOIN live l ON l.id = u.id"
			 " WHERE l.id IS NULL AND u.until = 0 LIMIT 1",
	[CHECK_TWICE] = "SELECT id FROM attempt WHERE outcome = 'succeeded' GROUP BY id"
			" HAVING count(*) > 1 UNION ALL SELECT d.id FROM done d JOIN attempt a ON "
			"a.id = d.id"
			" WHERE d.state = 4 AND d.fence > 0 AND a.outcome = 'succeeded' LIMIT 1",
	[CHECK_FENCES] = "SELECT a.id FROM attempt a JOIN run r ON r.id = a.id AND r.fence <= "
			 "a.fence UNION ALL"
			 " SELECT a.id FROM attempt a JOIN done d ON d.id = a.id AND d.fence > 0 "
			 "AND d.fence < a.fence LIMIT 1",
	/* a follower that was run by hand before its batch was complete is not blocked any more */
	[CHECK_BLOCKED] = "SELECT l.id FROM live l WHERE l.blocked AND NOT EXISTS"
			  " (SELECT 1 FROM dep WHERE child = l.id) AND NOT EXISTS"
			  " (SELECT 1 FROM batch WHERE on_complete = l.id AND completed_at = 0)"
			  " UNION ALL SELECT child FROM dep WHERE child NOT IN"
			  " (SELECT id FROM live WHERE blocked) LIMIT 1",
	[CHECK_RELEASED] = "SELECT p.child FROM dep p JOIN done d ON d.id = p.parent WHERE d.state "
			   "= 4 LIMIT 1",
	[CHECK_BATCHES] = "SELECT b.id FROM batch b WHERE b.completed_at = 0 AND (b.total < "
			  "b.succeeded + b.failed"
			  " + b.cancelled + b.expired OR (b.total - b.succeeded - b.failed - "
			  "b.cancelled - b.expired)"
			  " <> (SELECT count(*) FROM live l JOIN task t ON t.id = l.id WHERE "
			  "t.batch = b.id)) LIMIT 1",
	[CHECK_LANES] = "SELECT l.id FROM live l LEFT JOIN lane n ON n.id = l.lane WHERE n.id IS "
			"NULL LIMIT 1",
	[CHECK_DAY_TASKS] = "SELECT id FROM task WHERE id NOT IN (SELECT id FROM done) UNION ALL SELECT id FROM done"
			    " WHERE id NOT IN (SELECT id FROM task) UNION ALL SELECT id FROM attempt"
			    " WHERE id NOT IN (SELECT id FROM done) LIMIT 1",
	[CHECK_DAY_FORGET] = "SELECT id FROM done WHERE forget_at < ?1 OR forget_at >= ?2 LIMIT 1",
	[CHECK_DAY_IDS] = "SELECT id, forget_at, fence FROM done WHERE id BETWEEN ?1 AND ?2",
	[CHECK_DAY_GONE] = "SELECT id FROM gone WHERE day = ?1 AND id NOT IN (SELECT id FROM task)",
	[CHECK_DAY_ID] = "SELECT 1 FROM done WHERE id = ?1",
	[CHECK_MAIN_ID] = "SELECT d.forget_at IS ?2 AND d.fence IS ?3 FROM task t LEFT JOIN done d ON d.id = t.id"
			  " WHERE t.id = ?1",
};
