#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a plugin remembers from task to task: true with the success of the task, exactly once, whoever dies in between.
. "$(dirname "$0")/../e2e/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"

LOCAL=$DATA/plugins/local
mkdir -p "$LOCAL"
cp "$BUILD/tests/plugins/.libs/task-keep.so" "$BUILD/tests/plugins/.libs/notifier-print.so" "$LOCAL/"
start() { ORASI_QUEUE_RETRY_INITIAL=10ms ORASI_QUEUE_RETRY_MAX=20ms ORASI_QUEUE_MAX_CRASHES=1000 agent_start; }
start || exit 1
ready() { for _ in $PATIENCE; do [ "$(api GET /v1/plugins/keep | jq -r .name)" = keep ] && return 0; sleep 0.05; done; return 1; }
check "the plugin is there" ready

keep() { submit "$(jq -cn --argjson c "${1:-{\}}" "{kind:\"custom\",plugin:\"keep\",config:\$c} + {${2:-}}")"; }
output() { api GET "/v1/tasks/$1" | jq -r ".result.output.$2"; }
error() { api GET "/v1/tasks/$1" | jq -r '.error.detail // .error'; }
# stored [KEY]: the counter, as a task sees it that changes nothing.
stored() {
	local id
	id=$(keep "$(jq -cn --arg k "${1:-n}" '{add:0,key:$k}')")
	finish "$id" >/dev/null
	output "$id" n
}
running() { for _ in $PATIENCE; do [ "$(api GET "/v1/tasks/$1" | jq -r .state)" = running ] && return 0; sleep 0.02; done; return 1; }
busy_worker() { api GET /v1/status | jq -r '[.workers[] | select(.role == "task" and .state == "busy")][0].pid // empty'; }

id=$(keep)
same "the first task begins with nothing" "succeeded 1" "$(finish "$id") $(output "$id" n)"
id=$(keep '{"add":4}')
same "the second with what the first has left" "succeeded 5" "$(finish "$id") $(output "$id" n)"
same "the report is not part of the result" null "$(api GET "/v1/tasks/$id" | jq -c .result.kv)"
id=$(keep '{"add":100,"fail":true}' max_attempts:1)
same "a task that fails behind its put" "failed 5" "$(finish "$id") $(stored)"
id=$(keep '{"add":1,"die":true}' max_attempts:5)
same "one that dies behind its put is tried again, and counts once" "succeeded 6" "$(finish "$id") $(stored)"

# Killed from outside between put and end: the worker, then the agent.
id=$(keep '{"add":1,"nap":1500}' max_attempts:10)
running "$id"
sleep 0.3
kill -9 "$(busy_worker)"
same "a worker that is killed between put and end has changed nothing" "succeeded 7" "$(finish "$id") $(stored)"
id=$(keep '{"add":1,"nap":1500}' max_attempts:10)
running "$id"
sleep 0.3
agent_kill
check "the store is in order" "$BUILD/orasi-agent" --data "$DATA" --check-store
start || exit 1
ready
same "nor has an agent that is killed there: the task counts once" "succeeded 8" "$(finish "$id") $(stored)"
same "what has succeeded is there after the restart" 8 "$(stored)"

# Many at a time on one counter, and workers die meanwhile: none is lost, none counts twice.
ids=($(api POST /v1/tasks:batch "$(jq -cn '[range(30) | {kind: "custom", plugin: "keep", max_attempts: 1000,
	config: {add: 1, nap: 60, key: "many"}}]')" | jq -r '.[].id'))
for _ in 1 2 3; do
	sleep 0.1
	pid=$(busy_worker)
	[ -n "$pid" ] && kill -9 "$pid" 2>/dev/null
done
api POST /v1/plugins/org.orasi.test.keep:clear >/dev/null
same "thirty tasks at a time all end" "30 succeeded" \
	"$(for id in "${ids[@]}"; do finish "$id"; done | sort | uniq -c | sed 's/^ *//')"
same "and their counter counts thirty" 30 "$(stored many)"
same "no two saw the same number" 30 "$(for id in "${ids[@]}"; do output "$id" n; done | sort -u | wc -l)"
check "those that were too late were called again, and say why" \
	grep -q "another task has changed 'many'" <<<"$(for id in "${ids[@]}"; do api GET "/v1/tasks/$id/attempts"; done)"

# The agent dies at random moments, and every fifth task fails behind its put: what counts is what has succeeded.
seed=${ORASI_SEED:-$RANDOM} KILLS=${KILLS:-$([ -n "${SOAK:-}" ] && echo 40 || echo 4)}
RANDOM=$seed
echo "# kills at random: $KILLS, seed $seed"
ids=($(api POST /v1/tasks:batch "$(jq -cn '[range(40) | {kind: "custom", plugin: "keep",
	max_attempts: (if . % 5 == 0 then 1 else 1000 end),
	config: {add: (. + 1), nap: 40, key: "random", fail: (. % 5 == 0)}}]')" | jq -r '.[].id'))
for _ in $(seq "$KILLS"); do
	sleep "0.$((RANDOM % 7))"
	agent_kill
	start || exit 1
done
ready
sum=0 succeeded=0
for i in "${!ids[@]}"; do
	[ "$(finish "${ids[i]}")" = succeeded ] && sum=$((sum + i + 1)) succeeded=$((succeeded + 1))
done
same "of forty tasks under an agent that is killed $KILLS times, those that can succeed do" 32 "$succeeded"
same "what they have left is there, once, and nothing of those that failed" "$sum" "$(stored random)"
id=$(keep '{"forget":true,"key":"random"}')
finish "$id" >/dev/null

id=$(keep '{"add":1,"key":"a key with ä"}')
same "a key is any text" "succeeded 1" "$(finish "$id") $(stored 'a key with ä')"
id=$(keep '{"add":0,"list":true}')
finish "$id" >/dev/null
same "the keys come in order" "a key with ä many n" "$(output "$id" keys)"
id=$(keep '{"forget":true,"key":"many"}')
same "a key can be taken away" "succeeded 0" "$(finish "$id") $(stored many)"
id=$(keep '{"big":65537}' max_attempts:1)
same "64 KiB is the most" failed "$(finish "$id")"
check "which the plugin is told" grep -q "at most 64 KiB" <<<"$(error "$id")"
id=$(keep '{"big":65000}' max_attempts:1)
same "almost as much fits" succeeded "$(finish "$id")"
id=$(keep '{"big":65530}' max_attempts:1)
same "with the rest it would be too much" failed "$(finish "$id")"
id=$(submit '{"kind":"notify","plugin":"printer","events":[{"id":"a","type":"now"}]}')
same "a plugin that asks for none has none" "succeeded null" "$(finish "$id") $(api GET "/v1/tasks/$id" | jq -c .result.kv)"
agent_stop
check "the audit finds the store in order" "$BUILD/orasi-agent" --data "$DATA" --check-store
done_testing
