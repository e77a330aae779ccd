#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The kinds task, notifier and transform: what they are promised, with and without a death in between.
. "$(dirname "$0")/../e2e/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"

PLUGINS=$BUILD/tests/plugins/.libs
LOCAL=$DATA/plugins/local
mkdir -p "$LOCAL"
cp "$PLUGINS"/{task-count,transform-number,notifier-print}.so "$LOCAL/"
ORASI_QUEUE_RETRY_INITIAL=10ms ORASI_QUEUE_RETRY_MAX=20ms agent_start || exit 1
for id in count number printer; do
	for _ in $PATIENCE; do [ "$(api GET "/v1/plugins/$id" | jq -r .name)" = $id ] && break; sleep 0.05; done
	same "$id is there" $id "$(api GET "/v1/plugins/$id" | jq -r .name)"
done

# task
id=$(submit '{"kind":"custom","plugin":"count","config":{"to":5}}')
same "a task of a plugin runs" succeeded "$(finish "$id")"
result=$(api GET "/v1/tasks/$id" | jq -c .result.output)
same "its result is kept" 5 "$(jq .counted <<<"$result")"
same "the host's threads summed up" 5050 "$(jq .pool <<<"$result")"
same "clock and random are there" "true true" "$(jq -r '"\(.clock) \(.random)"' <<<"$result")"
same "the host's memory is counted and has an end, its scratch files keep what is written" "1 1" "$(jq -r '"\(.mem) \(.blob)"' <<<"$result")"
same "it runs on the thread that calls it" 1 "$(jq .thread <<<"$result")"
same "it knows the trace" 55 "$(jq .trace <<<"$result")"
id=$(submit '{"kind":"custom","plugin":"org.orasi.test.count","type":"count","config":{"to":20,"die_at":13}}')
same "a task that dies is tried again" succeeded "$(finish "$id")"
same "and goes on from its last checkpoint" "13 20" "$(api GET "/v1/tasks/$id" | jq -r '.result.output | "\(.began) \(.counted)"')"
check "its attempts tell who did it" grep -q "plugin 'org.orasi.test.count', function 'run'" <<<"$(api GET "/v1/tasks/$id/attempts")"
problem=$(api POST /v1/tasks '{"kind":"custom","plugin":"count","config":{"to":-1,"hurry":true}}')
same "a wrong configuration is refused with pointers" "/config/hurry /config/to" \
	"$(jq -r '[.errors[].pointer] | sort | join(" ")' <<<"$problem")"
same "so is an unknown plugin" /plugin "$(api POST /v1/tasks '{"kind":"custom","plugin":"nobody"}' | jq -r '.errors[0].pointer')"
same "and an unknown type" /type "$(api POST /v1/tasks '{"kind":"custom","plugin":"org.orasi.test.count","type":"x"}' |
	jq -r '.errors[0].pointer')"

id=$(submit '{"kind":"custom","plugin":"count","config":{"to":1,"submit":true}}')
same "a task that submits another succeeds" succeeded "$(finish "$id")"
child=$(api GET "/v1/tasks?parent=$id" | jq -r '.items[0].id')
same "and the other runs after it" succeeded "$(finish "$child")"
check "what plugins count is a metric" grep -q 'orasi_plugin_steps_total{plugin="org.orasi.test.count"} [0-9]' <<<"$(curl -s "$URL/metrics")"

# notifier
id=$(submit '{"kind":"notify","plugin":"printer","events":[{"id":"a","type":"now"},{"id":"b","type":"later","severity":"critical"},{"id":"c","type":"never"}]}')
same "events are delivered" succeeded "$(finish "$id")"
same "each has a status of its own" "2 1 [0,0,-1]" "$(api GET "/v1/tasks/$id" | jq -rc '.result | "\(.delivered) \(.given_up) \(.statuses)"')"
same "what was delivered is not delivered again" 1 "$(grep -c "delivered a severity" "$SCRATCH/agent.log")"
check "what was not comes later" grep -q "delivered b severity 3" "$SCRATCH/agent.log"

# As deep as JSON may be: the order that such a task is put into is deeper. nest N: so many brackets, around nothing.
nest() { printf '%*s%*s' "$1" '' "$1" '' | sed 's/ /[/g' | sed "s/\[/]/$(($1 + 1))g"; }
deep() { echo "{\"kind\":\"notify\",\"plugin\":\"printer\",\"events\":[{\"id\":\"$1\",\"type\":\"now\",\"n\":$(nest "$2")}]}"; }
id=$(submit "$(deep deep 62)")
same "a task of 64 levels runs" succeeded "$(finish "$id")"
same "  at once" 1 "$(api GET "/v1/tasks/$id" | jq .attempt)"
check "  and is shown" grep -q "$id" <<<"$("$BUILD/orasi" task get "$id" 2>&1)"
id=$(deep line 62 | curl -sS -H 'content-type: application/x-ndjson' --data-binary @- "$URL/v1/tasks" | jq -r '.tasks[0].id')
same "so does one of a list" succeeded "$(finish "$id")"
refused=$(api POST /v1/tasks "$(deep deeper 63)")
same "one of 65 is refused" 400 "$(jq .status <<<"$refused")"
check "  with the place and the limit" grep -q 'nested deeper than 64 levels at line 1, column' <<<"$refused"

# transform
seq 1 300000 | sed 's/.*/{"n":&,"text":"row number & of many"}/' >"$SCRATCH/rows.ndjson"
ingest() { submit "$(jq -cn --arg uri "$SCRATCH/rows.ndjson" --arg d "$1" --argjson lie "${2:-false}" \
	'{kind:"ingest",dataset:$d,source:{uris:[$uri]},sink:{target_file_bytes:"64KiB"},max_attempts:20,
	  transform:[{op:"plugin",name:"number",config:{lie:$lie}}]}')"; }
id=$(ingest plain)
same "an ingest goes through a transform" succeeded "$(finish "$id")"
same "its column is there, numbered without a gap" "300000 0 299999 300000" \
	"$(sql 'SELECT count(*) AS c, min(seq) AS a, max(seq) AS b, count(DISTINCT seq) AS d FROM plain' | jq -r '"\(.c) \(.a) \(.b) \(.d)"')"
id=$(ingest killed)
killed=0
for _ in $(seq 400); do
	state=$(api GET "/v1/tasks/$id" | jq -r .state)
	case $state in succeeded | failed) break ;; esac
	pid=$(api GET /v1/status | jq -r '[.workers[] | select(.role == "task" and .state == "busy")][0].pid // empty')
	if [ -n "$pid" ] && [ $killed -lt 2 ]; then
		sleep 0.0$((RANDOM % 9))
		kill -9 "$pid" 2>/dev/null && killed=$((killed + 1))
	fi
done
same "one whose workers are killed ($killed times) finishes" succeeded "$(finish "$id")"
same "and its numbers have no gap either" "300000 0 299999 300000" \
	"$(sql 'SELECT count(*) AS c, min(seq) AS a, max(seq) AS b, count(DISTINCT seq) AS d FROM killed' | jq -r '"\(.c) \(.a) \(.b) \(.d)"')"
id=$(ingest lies true)
same "a transform that lies fails the task" failed "$(finish "$id")"
check "and named" grep -q "org.orasi.test.number.*'process'.*not valid" <<<"$(api GET "/v1/tasks/$id")"
same "an unknown transform is refused" /transform/0/name "$(api POST /v1/tasks \
	'{"kind":"ingest","dataset":"x","source":{"inline":"{}"},"transform":[{"op":"plugin","name":"nobody"}]}' | jq -r '.errors[0].pointer')"
# The oldest agent of this major, as a flag: who is built for it is taken by it. tests/abi has who is not.
agent_stop
agent_start --abi-minor 0 || exit 1
same "an agent that offers 1.0 takes what is built for 1.0" active \
	"$(api GET /v1/plugins | jq -r '[.items[] | select(.bundle == "org.orasi.test.count")][0].state')"
done_testing
