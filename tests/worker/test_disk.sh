#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Plugins that take all the room there is on the disk, in one file, in many, in files without a name, in empty files: their task
# ends for good with an error that names the limit, and nobody else notices. Each is a deed of tests/plugins/hostile-files.c.
. "$(dirname "$0")/../e2e/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"
export ASAN_OPTIONS=detect_leaks=0
LOCAL=$DATA/plugins/local
mkdir -p "$LOCAL"
cp "$BUILD/tests/plugins/.libs/hostile-files.so" "$LOCAL/"
task() { submit "{\"kind\":\"custom\",\"plugin\":\"raider\",\"config\":{\"do\":\"$1\",\"amount\":${2:-0}},\"max_attempts\":3,\"timeout\":\"5m\"}"; }
is_there() { for _ in $PATIENCE; do [ "$(api GET /v1/plugins/raider | jq -r .name)" = raider ] && return; sleep 0.05; done; return 1; }
# ends_for_room DEED WORDS: the attempt fails with the words, and there is no other.
ends_for_room() {
	local id got
	id=$(task "$1")
	same "$1 fails its task for good" "failed limit 1" \
		"$(finish "$id") $(api GET "/v1/tasks/$id" | jq -r '"\(.error.code) \(.attempt)"')"
	got=$(api GET "/v1/tasks/$id" | jq -r .error.detail)
	check "  with the limit and who it was: ${got:0:150}" grep -qE "$2.*workers.disk.*in plugin 'org.orasi.test.raider', function 'run'" <<<"$got"
}
left() { find "$DATA/staging" -mindepth 2 2>/dev/null | head -3; }
nothing_left() {
	for _ in $PATIENCE; do [ -z "$(left)" ] && break; sleep 0.1; done
	same "$1" "" "$(left)"
}

ORASI_WORKERS_DISK=32MiB agent_start || exit 1
is_there
ends_for_room fill "a file larger than the 32 MiB of"
nothing_left "  and the room is there again"
ends_for_room fill_many "took [0-9]+ MiB of the disk .*more than the 32 MiB of"
ends_for_room fill_nameless "took [0-9]+ MiB of the disk .*more than the 32 MiB of"
ends_for_room hide "cannot be looked at"
ends_for_room fill_names "more than (100000 files|the 32 MiB)"
nothing_left "and nothing of all this is left"
same "no crash is held against the plugin" active "$(api GET /v1/plugins | jq -r '[.items[] | select(.bundle == "org.orasi.test.raider")][0].state')"
if grep -q "worker.sandbox" "$SCRATCH/agent.log"; then
	pass "a descriptor cannot be put into a socket # SKIP this kernel lacks walls"
else
	id=$(task send_file)
	finish "$id" >/dev/null
	check "a descriptor cannot be put into a socket, where nobody would see its file" grep -q walled <<<"$(api GET "/v1/tasks/$id" | jq -r .error.detail)"
fi

# One that comes back and goes on: it is found without a task.
same "a plugin that goes on writing when it is done ends well" succeeded "$(finish "$(task fill_later)")"
for _ in $PATIENCE; do grep -q "worker.disk.*more than the 32 MiB of workers.disk" "$SCRATCH/agent.log" && break; sleep 0.1; done
check "and its worker is ended for what it takes afterwards" grep -qE "(worker.disk|worker.died).*(workers.disk|File size)" "$SCRATCH/agent.log"
nothing_left "  with all that it took"

awk 'BEGIN { for (i = 0; i < 100000; i++) printf "{\"id\":%d,\"text\":\"row %d\"}\n", i, i }' >"$SCRATCH/rows.ndjson"
id=$(task fill_many)
same "a task beside it is not harmed" succeeded "$(ingest_file beside "$SCRATCH/rows.ndjson" | jq -r .state)"
same "  and has all rows" 100000 "$(sql 'SELECT count(*) AS n FROM beside' | jq -r .n)"
finish "$id" >/dev/null
agent_stop

# More than half of the room is taken, and nobody knows by whom: the worker is ended, with quick orders that wait in it. It may
# have begun with some of them. Each run leaves a byte behind, for which the walls are away.
RUNS=$SCRATCH/runs
flood() { jq -cn --arg runs "$RUNS" 'range(8) | {do: "keep", amount: 20}, (range(1200) | {do: "mark", path: $runs}) |
	{kind: "custom", plugin: "raider", queue: "flood", config: ., max_attempts: 3}'; }
ORASI_WORKERS_DISK=32MiB ORASI_WORKERS_TASKS=1 ORASI_WORKERS_SANDBOX=off agent_start || exit 1
is_there
flood | curl -sS -o /dev/null -H 'content-type: application/x-ndjson' --data-binary @- "$URL/v1/tasks"
same "quick tasks behind one that keeps half of the room are done" 0 "$(settle)"
check "  by workers that had them ahead" test "$(metric orasi_worker_orders_ahead_total)" -gt 0
check "  and went when they were found to be full" test "$(metric orasi_worker_starts_total)" -gt 1
same "  each of them once" 9600 "$(stat -c %s "$RUNS")"
agent_stop
done_testing
