#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Where workers write: each in a folder of its own, which no other can reach. What one that died has left goes, but for what
# is still to be committed. Each attack is a deed of tests/plugins/hostile-files.c.
. "$(dirname "$0")/../e2e/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"
export ASAN_OPTIONS=detect_leaks=0
export ORASI_QUEUE_RETRY_INITIAL=50ms ORASI_QUEUE_RETRY_MAX=100ms
LOCAL=$DATA/plugins/local
mkdir -p "$LOCAL"
cp "$BUILD/tests/plugins/.libs/hostile-files.so" "$LOCAL/"

ROWS=200000
awk -v n=$ROWS 'BEGIN { srand(1); for (i = 0; i < n; i++) printf "{\"id\":%d,\"noise\":\"%08x%08x\"}\n", i, rand() * 4294967296, rand() * 4294967296 }' \
	>"$SCRATCH/rows.ndjson"
raid() { submit "$(jq -cn --arg do "$1" --arg path "${2:-/}" --argjson n "${3:-0}" \
	'{kind:"custom",plugin:"raider",config:{do:$do,path:$path,amount:$n},max_attempts:1,timeout:"5m"}')"; }
said() { finish "$1" >/dev/null; api GET "/v1/tasks/$1" | jq -r '.error.detail // .error // "-"'; }
ready() { for _ in $PATIENCE; do [ "$(api GET /v1/plugins/raider | jq -r .name)" = raider ] && return; sleep 0.05; done; return 1; }
workers() { api GET /v1/status | jq -r ".workers[] | select($1) | .pid"; }
staged() { find "$DATA/staging" -path '*/t_*/part-*' -size +0 2>/dev/null | head -1; }
# hold NAME: an ingest whose worker stands still while it has a staged FILE; sets TASK, WORKER and DATASET, too.
hold() {
	local try
	for try in 1 2 3 4 5 6; do
		DATASET=$1$try
		TASK=$(submit "$(jq -cn --arg d "$DATASET" --arg f "$SCRATCH/rows.ndjson" '{kind:"ingest",dataset:$d,source:{uris:[$f]},sink:{target_file_bytes:65536}}')")
		for _ in $PATIENCE; do [ -n "$(staged)" ] && break; done
		WORKER=$(workers ".role == \"task\" and .task == \"$TASK\"")
		[ -n "$WORKER" ] && kill -STOP "$WORKER" && sleep 0.2
		FILE=$(staged)
		[ -n "$FILE" ] && [ "$(workers ".role == \"task\" and .task == \"$TASK\"")" = "$WORKER" ] && return
		[ -n "$WORKER" ] && kill -CONT "$WORKER" # it was done before
		finish "$TASK" >/dev/null
	done
	fail "an ingest is held while it has staged files"
}
every_row() { same "$1" "succeeded $ROWS $ROWS" \
	"$(finish "$TASK") $(sql "SELECT count(*) AS n, count(DISTINCT id) AS d FROM $DATASET" | jq -r '"\(.n) \(.d)"')"; }
# left [NAMES]: what is in the folders of workers, and in staging besides these; "" in the end.
left() {
	find "$DATA/staging" -mindepth 2 -name "${1:-*}" 2>/dev/null
	find "$DATA/staging" -mindepth 1 -maxdepth 1 ! -name 'w-*' 2>/dev/null
}
# nothing_left NAME [NAMES]: after a while, since a thread removes it.
nothing_left() {
	for _ in $PATIENCE; do [ -z "$(left ${2:+"$2"})" ] && break; sleep 0.1; done
	same "$1" "" "$(left ${2:+"$2"} | head -3)"
}

agent_start || exit 1
check "a plugin that is after files is accepted: one cannot see it from outside" ready

echo "# while another runs"
hold raided
same "the folder of a worker is for its user alone" 700 "$(stat -c %a "$(dirname "$(dirname "$FILE")")")"
got=$(said "$(raid raid "$FILE")")
if grep -q "worker.sandbox.*Landlock" "$SCRATCH/agent.log"; then
	pass "another's staged file is out of reach # SKIP this kernel has no Landlock"
else
	check "another's staged file is out of reach, by any call" grep -q "walled" <<<"$got"
	echo "# $got"
fi
check "it is still there" [ -e "$FILE" ]
kill -CONT "$WORKER"
every_row "the task that was attacked has all its rows"
same "its dataset is as it says" 0 "$(id=$(submit '{"kind":"maintain","dataset":"'$DATASET'","op":"verify"}'); finish "$id" >/dev/null
	api GET "/v1/tasks/$id" | jq '.result.problems | length')"
nothing_left "and nothing of it is left" "t_*"

echo "# when workers die"
hold killed
kill -9 "$WORKER"
every_row "a worker that is killed with staged files costs an attempt, and no row"
nothing_left "and what it had staged goes with it" "t_*"

echo "# when the agent dies"
hold restarted
agent_kill
check "staged files outlive it" [ -e "$FILE" ]
agent_start || exit 1
every_row "started again it has all rows, each once"
nothing_left "and nothing is left of the life before"

# Held between the note and the commit: the worker that makes the commit stands still.
TABLE=$(workers '.role == "table"')
kill -STOP "$TABLE"
DATASET=noted
TASK=$(submit "$(jq -cn --arg f "$SCRATCH/rows.ndjson" '{kind:"ingest",dataset:"noted",source:{uris:[$f]},sink:{target_file_bytes:65536}}')")
for _ in $PATIENCE; do [ -n "$(workers ".role == \"table\" and .task == \"$TASK\"")" ] && break; sleep 0.05; done
FILE=$(staged)
agent_kill
check "a part that is noted lies in the folder of a worker that is dead" [ -s "$FILE" ]
agent_start || exit 1
every_row "it is committed by the next agent, once"
nothing_left "then that folder goes, too"

# The same, and the worker dies alone: its folder stays for the commit that is under way.
TABLE=$(workers '.role == "table"')
kill -STOP "$TABLE"
DATASET=under_way
TASK=$(submit "$(jq -cn --arg f "$SCRATCH/rows.ndjson" '{kind:"ingest",dataset:"under_way",source:{uris:[$f]},sink:{target_file_bytes:65536}}')")
for _ in $PATIENCE; do [ -n "$(workers ".role == \"table\" and .task == \"$TASK\"")" ] && break; sleep 0.05; done
WORKER=$(workers ".role == \"task\" and .task == \"$TASK\"")
kill -9 "$WORKER"
for _ in $PATIENCE; do kill -0 "$WORKER" 2>/dev/null || break; sleep 0.05; done
kill -CONT "$TABLE"
every_row "a worker that dies while its part is committed leaves it what it needs"
nothing_left "and nothing more"

echo "# what is left on purpose"
# Or is ended for it, when it is looked at in time: folders that deep are more than workers.disk can be kept for.
litter() { finish "$(raid litter / "$1")"; }
got=$(litter 30)
check "a plugin that litters ends" grep -qE "succeeded|failed" <<<"$got"
check "and what it leaves stays, if it was not ended for it" [ "$got" = failed -o -n "$(left | head -1)" ]
agent_kill
agent_start || exit 1
nothing_left "they are gone with the next start"
ready
check "it litters again, as deep as it likes" grep -qE "succeeded|failed" <<<"$(litter 1500)"
agent_stop
same "and they are gone at the end" "" "$(ls -A "$DATA/staging")"

echo "# without walls"
ORASI_WORKERS_SANDBOX=off agent_start || exit 1
ready
hold open
mkdir "$DATA/staging/w-decoy" && echo decoy >"$DATA/staging/w-decoy/part-1"
got=$(said "$(raid raid "$DATA/staging/w-decoy/part-1")")
check "the same attack would go through, were there none" grep -q "went through: list read create .*write .*truncate .*move-out" <<<"$got"
echo "# $got"
kill -CONT "$WORKER"
every_row "tasks work as ever"
agent_stop
same "the folders are removed as ever" "" "$(ls -A "$DATA/staging")"
done_testing
