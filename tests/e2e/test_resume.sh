#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An ingest whose worker is killed goes on where the last committed part ended: what lies before is not read again. One
# whose agent is told to stop comes to its end before.
. "$(dirname "$0")/lib.sh"

rows=400000
# Words that do not shrink, so that there are many parts and time to die between them.
awk -v rows="$rows" 'BEGIN { srand(7); for (i = 0; i < rows; i++)
	printf "{\"id\":%d,\"word\":\"%08x%08x%08x\"}\n", i, rand() * 4294967295, rand() * 4294967295, rand() * 4294967295 }' \
	>"$SCRATCH/big.ndjson"

# The next attempt is called by hand, when the file is what it shall be.
ORASI_QUEUE_RETRY_INITIAL=1h ORASI_QUEUE_RETRY_MAX=1h agent_start || exit 1
task=$(submit "$(jq -cn --arg uri "$SCRATCH/big.ndjson" '{kind: "ingest", dataset: "big",
	source: {uris: [$uri]}, format: {plugin: "json"}, sink: {target_file_bytes: 65536}}')")
state() { api GET "/v1/tasks/$task" | jq -r .state; }
versions() { api GET /v1/datasets/big 2>/dev/null | jq -r '.version // 0'; }

for _ in $PATIENCE; do
	[ "$(versions)" -ge 2 ] && break
	sleep 0.01
done
pkill -9 -P "$AGENT_PID" -f 'orasi-worker.*--role task'
check "it was killed between two parts" [ "$(state)" != succeeded ]

# Blanks in the place of the first records while it waits for its next attempt, unnoticed: a file that is seen to have
# changed would be refused.
touch -r "$SCRATCH/big.ndjson" "$SCRATCH/when"
printf '%2000s' '' | dd of="$SCRATCH/big.ndjson" conv=notrunc status=none
touch -r "$SCRATCH/when" "$SCRATCH/big.ndjson"
for _ in $PATIENCE; do [ "$(state)" = scheduled ] && break; sleep 0.02; done
api POST "/v1/tasks/$task:promote" >/dev/null
same "it succeeds" succeeded "$(finish "$task")"
same "with its second attempt" 2 "$(api GET "/v1/tasks/$task" | jq .attempt)"
same "every record is there once, also those that the file no longer has" \
	"{\"n\":$rows,\"ids\":$rows,\"first\":0}" \
	"$(sql 'SELECT count(*) AS n, count(DISTINCT id) AS ids, min(id) AS first FROM big')"
same "and nothing was refused" 0 "$(api GET "/v1/tasks/$task" | jq '.result.rejected // 0')"
agent_stop

touch "$SCRATCH/when" "$SCRATCH/big.ndjson"
ORASI_AGENT_SHUTDOWN_GRACE=10m agent_start || exit 1
task=$(submit "$(jq -cn --arg uri "$SCRATCH/big.ndjson" '{kind: "ingest", dataset: "again", source: {uris: [$uri]},
	format: {plugin: "json"}, sink: {target_file_bytes: 65536}}')")
for _ in $PATIENCE; do
	case $(state) in running | succeeded) break ;; esac
	sleep 0.01
done
agent_stop
agent_start || exit 1
same "a task that ran when the agent was told to stop has ended before it" "succeeded 1" \
	"$(api GET "/v1/tasks/$task" | jq -r '"\(.state) \(.attempt)"')"

# Redriven, a task goes on behind what it has in the dataset; another file under the same name is told from it.
lines() { awk -v from="$1" -v rows=200000 'BEGIN { for (i = from; i < from + rows; i++) printf "{\"id\":%d,\"text\":\"row %d\"}\n", i, i }'; }
{ lines 0; echo '{broken'; } >"$SCRATCH/bad.ndjson"
task=$(submit "$(jq -cn --arg uri "$SCRATCH/bad.ndjson" '{kind: "ingest", dataset: "bad", source: {uris: [$uri]},
	format: {plugin: "json"}, sink: {target_file_bytes: 65536}, errors: {max_rejected: 0}, max_attempts: 1}')")
same "a bad record behind many fails a task" failed "$(finish "$task")"
before=$(sql "SELECT count(*) AS n FROM bad" | jq .n)
check "  when most rows are in the dataset ($before)" [ "$before" -gt 100000 ]
api POST "/v1/tasks/$task:redrive" >/dev/null
same "redriven it fails again" failed "$(finish "$task")"
same "  and no row is there twice" "$before $before" \
	"$(sql "SELECT count(*) AS n, count(DISTINCT id) AS d FROM bad" | jq -r '"\(.n) \(.d)"')"
lines 1000000 >"$SCRATCH/bad.ndjson"
api POST "/v1/tasks/$task:redrive" >/dev/null
same "with another file in its place it is refused" "failed conflict" "$(finish "$task") $(api GET "/v1/tasks/$task" | jq -r .error.code)"
check "  since nobody can tell which of its rows are there" grep -q "has changed since the attempt before" <<<"$(api GET "/v1/tasks/$task")"
same "  and the dataset is as it was" "$before" "$(sql "SELECT count(*) AS n FROM bad WHERE id < 1000000" | jq .n)"
same "    with nothing more" "$before" "$(sql "SELECT count(*) AS n FROM bad" | jq .n)"

# A store that is older than the dataset: what the task has written since is not known any more, and not written again.
echo '{"id":-1}' >"$SCRATCH/first.ndjson"
ingest_file good "$SCRATCH/first.ndjson" >/dev/null # that the copy knows the dataset
api POST /v1/queues/ingest:pause >/dev/null
lines 0 >"$SCRATCH/good.ndjson"
task=$(submit "$(jq -cn --arg uri "$SCRATCH/good.ndjson" '{kind: "ingest", dataset: "good", queue: "ingest", source: {uris: [$uri]},
	format: {plugin: "json"}, sink: {target_file_bytes: 65536}, max_attempts: 1}')")
copy=$(api POST /v1/store:backup | jq -r .path)
api POST /v1/queues/ingest:resume >/dev/null
same "a task is done behind a copy of the store" succeeded "$(finish "$task")"
ingest_file good "$SCRATCH/first.ndjson" >/dev/null
agent_stop
rm -f "$DATA"/store.db-wal "$DATA"/store.db-shm "$DATA"/done-*.db*
cp "$copy" "$DATA/store.db"
agent_start || exit 1
api POST /v1/queues/ingest:resume >/dev/null
same "with the copy in its place the task is refused" "failed conflict" "$(finish "$task") $(api GET "/v1/tasks/$task" | jq -r .error.code)"
check "  since its parts are in the dataset" grep -q "of this task is in the dataset already" <<<"$(api GET "/v1/tasks/$task")"
same "  once" "200002 200001" "$(sql "SELECT count(*) AS n, count(DISTINCT id) AS d FROM good" | jq -r '"\(.n) \(.d)"')"
task=$(ingest_file good "$SCRATCH/first.ndjson" | jq -r '.id + " " + .state + " " + (.error.detail // "")')
same "a new task is not taken for one that was made behind the copy" succeeded "$(cut -d' ' -f2 <<<"$task")"
same "  and writes" 200003 "$(sql "SELECT count(*) AS n FROM good" | jq .n)"
agent_stop
done_testing
