#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Short tasks start while their submit is on its way to the disk. Whatever becomes of one - it succeeds, crashes, hangs, is
# cancelled - it is accepted once and ends once, as if it had waited. Deeds are of tests/plugins/hostile-task.c.
. "$(dirname "$0")/../e2e/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1

hostile_start

# deed NAME [SECONDS]: submits it, and with SECONDS waits so long for its end in the same call; prints the answer.
deed() {
	curl -sS -H 'content-type: application/json' ${2:+-H "Prefer: wait=$2"} "$URL/v1/tasks" \
		--data-binary "{\"kind\":\"custom\",\"plugin\":\"hostile\",\"config\":{\"do\":\"$1\"},\"max_attempts\":2,\"timeout\":\"5m\"}"
}

# The first needs a worker that knows the plugin; from then on one is idle.
same "a task that is waited for ends in its call" succeeded "$(deed behave 30 | jq -r .state)"
before=$(metric orasi_queue_early_total)
for _ in $(seq 30); do deed behave 30; done | jq -r '"\(.state) \(.attempt)"' | sort | uniq -c | sed 's/^ *//' >"$SCRATCH/ends"
same "so do thirty, one after the other, at their first attempt" "30 succeeded 1" "$(cat "$SCRATCH/ends")"
check "they started before they were on disk" test "$(metric orasi_queue_early_total)" -gt "$before"
ids=$(for _ in $(seq 30); do deed behave; done | jq -r .id)
same "who is not waited for ends, too" "30 succeeded" \
	"$(for id in $ids; do finish "$id"; done | sort | uniq -c | sed 's/^ *//')"
same "each has one attempt" 30 "$(for id in $ids; do api GET "/v1/tasks/$id/attempts" | jq -r '.items | length'; done | grep -c '^1$')"

answer=$(deed abort 30)
same "one whose worker crashes fails after its attempts" "failed 2" "$(jq -r '"\(.state) \(.attempt)"' <<<"$answer")"
same "which are told" "crashed crashed" "$(api GET "/v1/tasks/$(jq -r .id <<<"$answer")/attempts" | jq -r '[.items[].outcome] | join(" ")')"
api POST /v1/plugins/org.orasi.test.hostile:clear >/dev/null
same "the next one succeeds" succeeded "$(deed behave 30 | jq -r .state)"

answer=$(deed wait 1)
id=$(jq -r .id <<<"$answer")
for _ in $PATIENCE; do [ "$(api GET "/v1/tasks/$id" | jq -r .state)" = running ] && break; sleep 0.05; done
same "one that hangs is accepted, and runs" running "$(api GET "/v1/tasks/$id" | jq -r .state)"
api POST "/v1/tasks/$id:cancel" >/dev/null
same "until it is cancelled" cancelled "$(finish "$id")"

answer=$(deed wait 1)
id=$(jq -r .id <<<"$answer")
agent_kill
agent_start || exit 1
check "one that was accepted and ran when the agent died runs again" \
	eval '[ "$(api GET "/v1/tasks/$id" | jq -r .state)" != null ]'
api POST "/v1/tasks/$id:cancel" >/dev/null
same "and is cancelled" cancelled "$(finish "$id")"
same "no task waits or runs any more" 0 "$(settle)"
agent_stop
check "the audit finds the store in order" "$BUILD/orasi-agent" --data "$DATA" --check-store
done_testing
