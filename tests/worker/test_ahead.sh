#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Orders of quick tasks wait in the worker for those before them. Whatever becomes of the one at hand - it crashes, hangs, is
# cancelled - those behind it are run once, and nobody holds anything against them. Deeds are of tests/plugins/hostile-task.c.
. "$(dirname "$0")/../e2e/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1

hostile_start

# put QUEUE DEED…: the deeds as tasks, in one request; prints their ids, one a line.
put() {
	local queue=$1
	shift
	printf '%s\n' "$@" | jq -c --arg q "$queue" --slurp -R 'split("\n")[] | select(length > 0) |
		{kind:"custom",plugin:"hostile",queue:$q,config:{do:.},max_attempts:2,timeout:"5m"}' >"$SCRATCH/body"
	curl -sS -H 'content-type: application/x-ndjson' --data-binary @"$SCRATCH/body" "$URL/v1/tasks" | jq -r '.tasks[].id'
}
quick() { yes behave | head -n "$1"; }
tasks() { api GET "/v1/tasks?queue=$1&limit=1000" | jq -r ".items[] | $2"; }
metric() { api GET /metrics | sed -n "s/^$1 //p"; }
# Waits until so many tasks of the queue are in the state.
reach() {
	for _ in $PATIENCE; do
		[ "$(tasks "$1" .state | grep -c "^$2$")" -ge "$3" ] && return 0
		sleep 0.1
	done
	return 1
}

put warm $(quick 300) >/dev/null
check "quick tasks are done" reach warm succeeded 300
check "by a worker that has its orders ahead" test "$(metric orasi_worker_orders_ahead_total)" -gt 0

put crash $(quick 200) abort $(quick 200) >/dev/null
check "one that crashes among them fails" reach crash failed 1
check "all others succeed" reach crash succeeded 400
same "at their first attempt, which nobody else's crash has touched" "400 1" \
	"$(tasks crash 'select(.state == "succeeded") | .attempt' | sort -n | uniq -c | sed 's/^ *//')"
bad=$(tasks crash 'select(.state == "failed") | .id')
same "it had the attempts that it may have" "crashed crashed" \
	"$(api GET "/v1/tasks/$bad/attempts" | jq -r '[.items[].outcome] | sort | join(" ")')"
api POST /v1/plugins/org.orasi.test.hostile:clear >/dev/null

put warm $(quick 100) >/dev/null
check "the next ones find a worker" reach warm succeeded 400
put hang $(quick 100) wait $(quick 200) >/dev/null
check "one that hangs keeps nobody behind it from another worker" reach hang succeeded 300
hung=$(tasks hang 'select(.state == "running") | .id')
same "it runs on, alone" 1 "$(wc -w <<<"$hung")"
api POST "/v1/tasks/$hung:cancel" >/dev/null
same "until it is cancelled" cancelled "$(finish "$hung")"
same "the others had one attempt each" "300 1" \
	"$(tasks hang 'select(.state == "succeeded") | .attempt' | sort -n | uniq -c | sed 's/^ *//')"
agent_stop

# One worker: whoever waits, waits behind the one that hangs.
ORASI_WORKERS_TASKS=1 ORASI_WORKERS_CANCEL_GRACE=300ms agent_start || exit 1
hostile_active
put warm $(quick 100) >/dev/null
check "a single worker does quick tasks too" reach warm succeeded 500
mapfile -t ids < <(put single $(quick 50) wait $(quick 50))
check "it hangs with one of them" reach single succeeded 50
last=${ids[100]} next=${ids[51]}
api POST "/v1/tasks/$next:cancel" >/dev/null
api POST "/v1/tasks/$last:cancel" >/dev/null
same "one that waits behind it is cancelled" cancelled "$(finish "$next")"
same "and one behind that" cancelled "$(finish "$last")"
same "they have not begun: no worker made anything of them" "null null" \
	"$(api GET "/v1/tasks/$next" | jq -c .result) $(api GET "/v1/tasks/$last" | jq -c .result)"
agent_kill
ORASI_WORKERS_TASKS=1 ORASI_WORKERS_CANCEL_GRACE=300ms agent_start || exit 1
hung=${ids[50]}
api POST "/v1/tasks/$hung:cancel" >/dev/null
same "the one that hung is cancelled, also by the agent that comes after a kill" cancelled "$(finish "$hung")"
check "and all others are done" reach single succeeded 98
check "the store holds together" "$BUILD/orasi-agent" --data "$DATA" --check-store
agent_stop
done_testing
