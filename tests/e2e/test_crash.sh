#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Kills the agent or one of its workers with SIGKILL at random moments while files are ingested and indexed and short tasks
# of all sorts come and go, audits the store after each death of the agent, restarts, and in the end finds every accepted
# task finished, every record exactly once, and in the indexes what a scan finds.
. "$(dirname "$0")/lib.sh"

ROUNDS=${CRASH_ROUNDS:-$((${SOAK:-0} ? 500 : 20))}
SEED=${CRASH_SEED:-$((RANDOM * 32768 + RANDOM))}
RANDOM=$SEED
echo "# seed $SEED, $ROUNDS rounds"

mkdir -p "$SCRATCH/in" "$DATA/plugins/local"
cp "$BUILD/tests/plugins/.libs/task-count.so" "$DATA/plugins/local/"
accepted=0
records=0

# Each file has records of its own; a bad line in every second one goes to quarantine.
make_file() {
	local n=$1 rows=$((200 + RANDOM % 3000))
	awk -v f="$n" -v rows="$rows" 'BEGIN {
		for (i = 0; i < rows; i++) {
			printf "{\"id\":%d,\"file\":%d,\"word\":\"w%d\",\"text\":\"record %d of file %d\"}\n", f * 100000 + i, f, i % 7, i, f
		}
		if (f % 2) print "{\"id\": broken"
	}' >"$SCRATCH/in/$n.ndjson"
	echo "$rows"
}

# Submits with an idempotency key until it is accepted: an answer lost in a crash changes nothing.
submit_file() {
	local n=$1 body
	body=$(jq -cn --arg uri "$SCRATCH/in/$n.ndjson" --arg key "file-$n" '{kind: "ingest", dataset: "crash",
		source: {uris: [$uri]}, format: {plugin: "json"}, sink: {target_file_bytes: 65536},
		max_attempts: 100, idempotency_key: $key}')
	for _ in $(seq 50); do
		[ -n "$AGENT_PID" ] && kill -0 "$AGENT_PID" 2>/dev/null || agent_start_quick
		case $(api POST /v1/tasks "$body" 2>/dev/null | jq -r '.id // empty' 2>/dev/null) in
		t_*) accepted=$((accepted + 1)); return 0 ;;
		esac
		sleep 0.05
	done
	return 1
}

# Short tasks of a round: one that waits a little, one that depends on it, one with a unique key, one that is cancelled.
# Notes the ids that were acknowledged, and those whose cancellation was.
: >"$SCRATCH/acknowledged"
: >"$SCRATCH/cancelled"
submit_mix() {
	local n=$1 answer last
	answer=$(api POST /v1/tasks:batch "$(jq -cn --arg n "$n" '[
		{run_at: (now + 0.2 | todate), priority: 9}, {depends_on: ["#0"]},
		{unique_key: "round", on_conflict: "return"}, {tenant: "other", concurrency_key: "one"}, {run_at: "2099-01-01T00:00:00Z", labels: {far: "yes"}}] |
		map({kind: "query", sql: "SELECT \($n)", max_attempts: 1000} + .)')" 2>/dev/null)
	jq -r '.[]? | .id // empty' <<<"$answer" 2>/dev/null >>"$SCRATCH/acknowledged"
	last=$(jq -r '.[-1].id // empty' <<<"$answer" 2>/dev/null)
	[ -n "$last" ] && [ "$(api POST "/v1/tasks/$last:cancel" 2>/dev/null | jq -r .state 2>/dev/null)" = cancelled ] &&
		echo "$last" >>"$SCRATCH/cancelled"
}

# Tasks that start while their submit is on its way, one after the other beside whatever is killed: with or without an
# answer that waits for the end. Notes those that were acknowledged, and those whose success was.
: >"$SCRATCH/early"
: >"$SCRATCH/succeeded"
submit_early() {
	for i in $(seq 12); do
		curl -sS -m 20 -H 'content-type: application/json' ${1:+-H "Prefer: wait=$1"} "$URL/v1/tasks" --data-binary \
			'{"kind":"custom","plugin":"count","config":{"to":3},"max_attempts":1000}' 2>/dev/null
		echo
	done | jq -rR 'fromjson? | select(.id) | "\(.id) \(.state)"' >"$SCRATCH/answers"
	cut -d' ' -f1 "$SCRATCH/answers" >>"$SCRATCH/early"
	sed -n 's/ succeeded$//p' "$SCRATCH/answers" >>"$SCRATCH/succeeded"
}

audits=0
audit() {
	"$BUILD/orasi-agent" --data "$DATA" --check-store >"$SCRATCH/audit" 2>&1 && audits=$((audits + 1)) ||
		fail "the audit after round $1" "$(cat "$SCRATCH/audit")"
}

agent_start_quick() {
	ORASI_QUEUE_RETRY_INITIAL=50ms ORASI_QUEUE_RETRY_MAX=500ms ORASI_QUEUE_MAX_CRASHES=1000 \
		ORASI_QUEUE_ARCHIVE_AFTER=100ms agent_start || exit 1
}

kill_something() {
	if [ $((RANDOM % 2)) -eq 0 ]; then
		agent_kill
	else
		local victims
		victims=($(pgrep -P "$AGENT_PID" -f orasi-worker))
		[ ${#victims[@]} -gt 0 ] && kill -9 "${victims[$((RANDOM % ${#victims[@]}))]}" 2>/dev/null
	fi
}

agent_start_quick
records=$((records + $(make_file 1)))
check "the first file is accepted" submit_file 1
finish "$(api GET '/v1/tasks?limit=1' | jq -r '.items[0].id')" >/dev/null
"$BUILD/orasi" index create crash by_id --column id --quiet
"$BUILD/orasi" index create crash words --plugin fulltext --column text --quiet
for round in $(seq 2 "$ROUNDS"); do
	if [ $((round % 3)) -eq 0 ]; then
		records=$((records + $(make_file "$round")))
		submit_file "$round" || fail "file $round is accepted"
	fi
	sleep "0.$((RANDOM % 50 + 10))"
	submit_mix "$round"
	submit_early "$([ $((RANDOM % 2)) -eq 0 ] && echo 10)" &
	early=$!
	sleep "0.0$((RANDOM % 9))"
	kill_something
	wait "$early"
	[ -n "$AGENT_PID" ] && continue
	audit "$round"
	agent_start_quick
done
echo "# the store was audited after $audits deaths of the agent"
check "what has ended moved into files by day meanwhile" test -n "$(ls "$DATA"/done-*.db)"

[ -n "$AGENT_PID" ] && kill -0 "$AGENT_PID" 2>/dev/null || agent_start_quick
lost=0
while read -r id; do [ "$(api GET "/v1/tasks/$id" | jq -r .state)" = cancelled ] || lost=$((lost + 1)); done <"$SCRATCH/cancelled"
same "no acknowledged cancellation is lost ($(wc -l <"$SCRATCH/cancelled"))" 0 "$lost"
"$BUILD/orasi" task cancel --label far=yes --quiet # those whose cancellation fell into a crash
for _ in $PATIENCE; do # index tasks come with the last commits
	open=$(for s in scheduled ready running; do api GET "/v1/tasks?state=$s&limit=1" | jq '.items | length'; done | awk '{n += $1} END {print n}')
	[ "$open" = 0 ] && break
	sleep 0.2
done

check "short tasks were acknowledged ($(wc -l <"$SCRATCH/acknowledged"))" test -s "$SCRATCH/acknowledged"
same "no acknowledged short task is lost" "$(sort -u "$SCRATCH/acknowledged" | wc -l)" \
	"$(sort -u "$SCRATCH/acknowledged" | while read -r id; do api GET "/v1/tasks/$id" | jq -r .state; done | grep -cE '^(succeeded|cancelled)$')"
check "tasks that may start early were acknowledged ($(wc -l <"$SCRATCH/early"), $(wc -l <"$SCRATCH/succeeded") at their end)" \
	test -s "$SCRATCH/early"
same "none of them is lost" "$(sort -u "$SCRATCH/early" | wc -l)" \
	"$(sort -u "$SCRATCH/early" | while read -r id; do api GET "/v1/tasks/$id" | jq -r .state; done | grep -c '^succeeded$')"
same "and none whose success was acknowledged ran again" "$(sort -u "$SCRATCH/succeeded" | wc -l)" \
	"$(sort -u "$SCRATCH/succeeded" | while read -r id; do api GET "/v1/tasks/$id/attempts" | jq -r '[.items[] | select(.outcome == "succeeded")] | length'; done | grep -c '^1$')"
same "no task waits or runs any more" 0 "$open"
same "every accepted task has succeeded" "$accepted" \
	"$(api GET '/v1/tasks?kind=ingest&state=succeeded&limit=1000' | jq '.items | length')"
same "every record is there exactly once" "$records $records" \
	"$(sql 'SELECT count(*) AS n, count(DISTINCT id) AS d FROM crash' | jq -r '"\(.n) \(.d)"')"
same "every broken record is in quarantine exactly once" "$(ls "$SCRATCH/in" | grep -c '[13579]\.ndjson$')" \
	"$(sql 'SELECT count(*) AS n FROM crash__rejects' | jq -r .n)"

for index in by_id words; do
	same "nothing is wrong with index $index, and it has all rows" "[0,0,$records]" \
		"$("$BUILD/orasi" index verify crash $index --json | jq -c '.result | [(.problems | length), .missing_files, .rows]')"
done
for id in 100000 300199 "$((ROUNDS / 3 * 300000 + 7))"; do
	same "the index finds id $id where the scan does" "$(sql "SELECT _file, _row FROM crash WHERE +id = $id")" \
		"$(sql "SELECT _file, _row FROM crash WHERE id = $id")"
done
same "the words are found as often as they are there" "$(sql "SELECT count(*) AS n FROM crash WHERE text LIKE 'record 17 %'")" \
	"$(sql "SELECT count(*) AS n FROM crash WHERE text MATCH '\"record 17\"'")"
agent_stop
check "the audit finds the store in order" "$BUILD/orasi-agent" --data "$DATA" --check-store
done_testing
