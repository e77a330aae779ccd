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

ORASI_QUEUE_RETRY_INITIAL=1s agent_start || exit 1
task=$(submit "$(jq -cn --arg uri "$SCRATCH/big.ndjson" '{kind: "ingest", dataset: "big",
	source: {uris: [$uri]}, format: {plugin: "json"}, sink: {target_file_bytes: 65536}}')")
state() { api GET "/v1/tasks/$task" | jq -r .state; }
versions() { api GET /v1/datasets/big 2>/dev/null | jq -r '.version // 0'; }

for _ in $(seq 500); do
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
for _ in $(seq 500); do
	[ "$(state)" = running ] && break
	sleep 0.01
done
agent_stop
agent_start || exit 1
same "a task that ran when the agent was told to stop has ended before it" "succeeded 1" \
	"$(api GET "/v1/tasks/$task" | jq -r '"\(.state) \(.attempt)"')"
done_testing
