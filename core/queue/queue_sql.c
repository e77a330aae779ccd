/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/queue_sql.h"

#define TASK_COLUMNS                                                                              \
	"t.id, t.kind, t.queue, t.dataset, t.body, t.labels, t.trace, t.priority, t.created_at,"  \
	" t.expires_at, t.timeout_ms, t.max_attempts, t.parent, l.run_at, l.attempt, r.fence,"    \
	" r.started_at, r.worker, d.state, d.attempt, d.worker, d.started_at, d.finished_at,"     \
	" d.result, d.error_code, d.error, d.error_where, c.text"
#define TASK_TABLES                                                                               \
	" FROM task t LEFT JOIN live l ON l.id = t.id LEFT JOIN run r ON r.id = t.id"             \
	" LEFT JOIN done d ON d.id = t.id LEFT JOIN checkpoint c ON c.id = t.id"
/* 0 scheduled, 1 ready, 2 running, else as in done: must match enum task_state. ?4 is now. */
#define STATE_OF                                                                                  \
	"CASE WHEN d.id IS NOT NULL THEN d.state WHEN r.id IS NOT NULL THEN 2"                    \
	" WHEN l.run_at > ?4 THEN 0 ELSE 1 END"

const char *const queue_sql[QUEUE_STATEMENTS] = {
	[TASK_PUT] = "INSERT INTO task VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14)",
	[TASK_ENDLESS] = "UPDATE task SET expires_at = 0 WHERE id = ?1 AND expires_at <> 0",
	[LIVE_PUT] = "INSERT INTO live VALUES (?1,?2,?3,?4)",
	[LIVE_SET] = "UPDATE live SET run_at = ?2, attempt = ?3, crashes = ?4 WHERE id = ?1",
	[LIVE_DEL] = "DELETE FROM live WHERE id = ?1",
	[RUN_PUT] = "INSERT OR REPLACE INTO run VALUES (?1,?2,?3,?4,?5)",
	[RUN_DEL] = "DELETE FROM run WHERE id = ?1 AND fence = ?2",
	[DONE_PUT] = "INSERT INTO done VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
	[DONE_DEL] = "DELETE FROM done WHERE id = ?1",
	[ATTEMPT_PUT] = "INSERT OR REPLACE INTO attempt VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9)",
	[CHECKPOINT_PUT] = "INSERT OR REPLACE INTO checkpoint VALUES (?1,?2)",
	[CHECKPOINT_DEL] = "DELETE FROM checkpoint WHERE id = ?1",
	[IDEM_GET] = "SELECT i.id, t.body FROM idem i JOIN task t ON t.id = i.id WHERE i.key = ?1",
	[IDEM_PUT] = "INSERT OR REPLACE INTO idem VALUES (?1,?2,?3)",
	[UNIQ_GET] = "SELECT id FROM uniq WHERE key = ?1",
	[UNIQ_PUT] = "INSERT INTO uniq VALUES (?1,?2)",
	[UNIQ_DEL] = "DELETE FROM uniq WHERE key = (SELECT unique_key FROM task WHERE id = ?1) AND id = ?1",
	[UNIQ_TAKE] = "INSERT INTO uniq SELECT unique_key, id FROM task WHERE id = ?1"
	              " AND unique_key IS NOT NULL",
	[LAST_ID] = "SELECT max(id) FROM task",
	[RECOVER] = "SELECT t.id, t.priority, t.created_at, t.expires_at, t.max_attempts, l.run_at,"
	            " l.attempt, l.crashes FROM live l JOIN task t ON t.id = l.id ORDER BY t.id",
	[LOST_ATTEMPTS] = "INSERT OR REPLACE INTO attempt SELECT id, fence, attempt, worker, started_at, ?1,"
	                  " 'lost', ?2, 'the agent ended while it ran' FROM run",
	[LOST_RUNS] = "DELETE FROM run",
	[TASK_GET] = "SELECT " TASK_COLUMNS TASK_TABLES " WHERE t.id = ?1",
	[TASK_LIST] = "SELECT " TASK_COLUMNS TASK_TABLES " WHERE t.id < ?1 AND (?3 < 0 OR " STATE_OF " = ?3)"
	              " AND (?5 IS NULL OR t.kind = ?5) AND (?6 IS NULL OR t.queue = ?6)"
	              " AND (?7 IS NULL OR t.dataset = ?7)"
	              " AND (?8 IS NULL OR EXISTS (SELECT 1 FROM json_each(t.labels) j"
	              " WHERE j.key = ?8 AND j.value = ?9))"
	              " AND t.created_at > ?10 AND (?11 = 0 OR t.created_at < ?11)"
	              " AND (?12 = 0 OR t.parent = ?12) ORDER BY t.id DESC LIMIT ?2",
	[ATTEMPT_LIST] = "SELECT attempt, fence, worker, started_at, finished_at, outcome, error_code, error"
	                 " FROM attempt WHERE id = ?1 ORDER BY fence",
	[OLD_FIND] = "SELECT id FROM done WHERE finished_at < ?1 ORDER BY id LIMIT ?2",
	[OLD_TASK] = "DELETE FROM task WHERE id = ?1",
	[OLD_DONE] = "DELETE FROM done WHERE id = ?1",
	[OLD_ATTEMPT] = "DELETE FROM attempt WHERE id = ?1",
	[OLD_IDEM] = "DELETE FROM idem WHERE created_at < ?1",
	[CHECK_STATES] = "SELECT t.id FROM task t LEFT JOIN live l ON l.id = t.id LEFT JOIN done d ON d.id = t.id"
	                 " WHERE (l.id IS NULL) = (d.id IS NULL) LIMIT 1",
	[CHECK_RUNS] = "SELECT r.id FROM run r LEFT JOIN live l ON l.id = r.id WHERE l.id IS NULL LIMIT 1",
	[CHECK_ORPHANS] = "SELECT id FROM (SELECT id FROM live UNION ALL SELECT id FROM run UNION ALL"
	                  " SELECT id FROM checkpoint UNION ALL SELECT id FROM done UNION ALL"
	                  " SELECT id FROM attempt) WHERE id NOT IN (SELECT id FROM task) LIMIT 1",
	[CHECK_ENDS] = "SELECT id FROM done WHERE state NOT BETWEEN 3 AND 6 LIMIT 1",
	[CHECK_UNIQUE] = "SELECT t.id FROM task t JOIN live l ON l.id = t.id LEFT JOIN uniq u"
	                 " ON u.key = t.unique_key WHERE t.unique_key IS NOT NULL AND u.id IS NOT t.id"
	                 " UNION ALL SELECT u.id FROM uniq u LEFT JOIN live l ON l.id = u.id"
	                 " WHERE l.id IS NULL LIMIT 1",
	[CHECK_TWICE] = "SELECT id FROM attempt WHERE outcome = 'succeeded' GROUP BY id"
	                " HAVING count(*) > 1 LIMIT 1",
};
