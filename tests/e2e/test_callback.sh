#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The end of a task is told to a URL: signed, until the receiver has it, whoever is away or dies meanwhile; only to hosts
# that are allowed; and nobody waits for a slow receiver.
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null && command -v node >/dev/null || skip_all "jq and node are needed"
export ORASI_PEERS=${ORASI_PEERS:-$SRC/tests/peers}
"$SRC/tests/peers/install" >/dev/null 2>&1 || echo "# without the package standardwebhooks"
LOG=$SCRATCH/received
SECRET=whsec_$(openssl rand -base64 32)
: >"$LOG"
RECEIVER=
receiver_start() { # [PORT]
	: >"$SCRATCH/port"
	node "$SRC/tests/e2e/callback-receiver.mjs" "$LOG" "$SECRET" "${1:-0}" >"$SCRATCH/port" &
	RECEIVER=$!
	for _ in $PATIENCE; do [ -s "$SCRATCH/port" ] && break; sleep 0.05; done
	PORT=$(cat "$SCRATCH/port")
}
receiver_stop() { kill "$RECEIVER" && wait "$RECEIVER" 2>/dev/null; }
trap 'kill $RECEIVER 2>/dev/null; clean_up' EXIT
receiver_start
mkdir -p "$DATA/secrets/callbacks"
(umask 077 && echo "$SECRET" >"$DATA/secrets/callbacks/main" && echo nonsense >"$DATA/secrets/callbacks/bad")
# start [TIMEOUT]: a receiver that is only slow since the machine is busy is told once.
start() {
	ORASI_CALLBACKS_ALLOW="127.0.0.1:$PORT *.example.invalid" ORASI_CALLBACKS_TIMEOUT=${1:-60s} ORASI_QUEUE_RETRY_INITIAL=20ms \
		agent_start || exit 1
}
start

# told CALLBACK-MEMBERS [TASK-MEMBERS]: submits a query with this callback, waits for its end, prints its id
told() {
	local id
	id=$(submit "$(jq -cn --argjson c "{$1}" "{kind: \"query\", sql: \"SELECT 1\", max_attempts: 1, callback: \$c} + {${2:-}}")")
	finish "$id" >/dev/null
	echo "$id"
}
# received ID: the messages about this task, a line each, as soon as there is one
received() {
	for _ in $PATIENCE; do grep -q "\"subject\":\"$1\"" "$LOG" && break; sleep 0.05; done
	grep "\"subject\":\"$1\"" "$LOG"
}
callback_of() { # ID: its callback task, as JSON
	api GET "/v1/tasks?parent=$1&kind=callback" | jq -c '.items[0]'
}
url=http://127.0.0.1:$PORT

id=$(told "\"url\": \"$url/200\", \"secret\": \"main\"" '"labels": {"team": "web"}')
got=$(received "$id" | head -1)
same "a task's end is told as an event" "1.0 orasi.task.succeeded $id succeeded web" \
	"$(jq -r '.event | "\(.specversion) \(.type) \(.subject) \(.data.state) \(.data.labels.team)"' <<<"$got")"
same "  with the result" "[[1]]" "$(jq -c '.event.data.result.page.rows' <<<"$got")"
same "  signed, says node's crypto" true "$(jq .signed <<<"$got")"
same "  signed, says the package standardwebhooks" ok "$(jq -r 'if .peer == false then "wrong" else "ok" end' <<<"$got")"
callback=$(callback_of "$id" | jq -r .id)
same "  under the id of the task that tells it" "$callback" "$(jq -r '.headers["webhook-id"]' <<<"$got")"
same "that task succeeds" succeeded "$(finish "$callback")"
same "  with the status it got" 200 "$(api GET "/v1/tasks/$callback" | jq .result.status)"
same "the task says whom it tells" "$url/200" "$(api GET "/v1/tasks/$id" | jq -r .callback.url)"

id=$(told "\"url\": \"$url/200\"" '"sql": "SELECT nothing FROM nowhere"')
same "a failure is told, with its error" "failed true" "$(received "$id" | jq -r '.event.data | "\(.state) \(.error.detail != null)"')"
same "without a secret it is not signed" null "$(received "$id" | jq -c '.headers["webhook-signature"]')"
id=$(submit "{\"kind\":\"query\",\"sql\":\"SELECT 1\",\"run_at\":\"2099-01-01T00:00:00Z\",\"callback\":{\"url\":\"$url/200\"}}")
api POST "/v1/tasks/$id:cancel" >/dev/null
same "so is that it was cancelled" cancelled "$(received "$id" | jq -r .event.data.state)"
id=$(told "\"url\": \"$url/200\", \"events\": [\"failed\", \"expired\"]")
same "an end that nobody asked for makes no task" null "$(callback_of "$id")"

id=$(told "\"url\": \"$url/503once\", \"secret\": \"main\"")
callback=$(callback_of "$id" | jq -r .id)
same "a receiver that fails is told again" succeeded "$(finish "$callback")"
same "  under the same id" "2 1" "$(received "$id" | jq -r '.headers["webhook-id"]' | sort | uniq -c | awk '{n += $1} END {print n, NR}')"
id=$(told "\"url\": \"$url/410\"")
callback=$(callback_of "$id" | jq -r .id)
same "410 ends it" "failed 1" "$(finish "$callback") $(api GET "/v1/tasks/$callback" | jq .attempt)"
id=$(told "\"url\": \"$url/302\"")
callback=$(callback_of "$id" | jq -r .id)
for _ in $PATIENCE; do [ "$(received "$id" | wc -l)" -ge 2 ] && break; sleep 0.05; done
check "a redirect is tried again" test "$(received "$id" | wc -l)" -ge 2
check "  and not followed" bash -c "! grep -q followed '$LOG'"
api POST "/v1/tasks/$callback:cancel" >/dev/null

id=$(told "\"url\": \"$url/200\", \"secret\": \"bad\"")
callback=$(callback_of "$id" | jq -r .id)
same "a secret that is none fails the telling" failed "$(finish "$callback")"
check "  which says why" grep -q "whsec_" <<<"$(api GET "/v1/tasks/$callback" | jq -r .error.detail)"
id=$(told "\"url\": \"$url/200\", \"secret\": \"missing\"")
callback=$(callback_of "$id" | jq -r .id)
same "so does one that is not there" failed "$(finish "$callback")"

# refused URL…: the pointer of the problem
refused() { submit_problem "{\"kind\":\"query\",\"sql\":\"SELECT 1\",\"callback\":{\"url\":\"$1\"}}"; }
submit_problem() { api POST /v1/tasks "$1" | jq -r '"\(.status) \(.errors[0].pointer)"'; }
for odd in "http://localhost:$PORT/200" "http://127.0.0.1:1/" "http://169.254.169.254/latest/" "file:///etc/passwd" \
	"http://127.0.0.1:$PORT@evil.invalid/" "http://evil.invalid#@127.0.0.1:$PORT/"; do
	same "refused: $odd" "422 /callback/url" "$(refused "$odd")"
done
same "refused: an event that is none" "422 /callback/events/0" \
	"$(submit_problem "{\"kind\":\"query\",\"sql\":\"SELECT 1\",\"callback\":{\"url\":\"$url/200\",\"events\":[\"running\"]}}")"
same "refused: a task in the queue of callbacks" "422 /queue" "$(submit_problem '{"kind":"query","sql":"SELECT 1","queue":"callbacks"}')"

agent_stop
start 500ms
for _ in 1 2 3 4; do told "\"url\": \"$url/slow\"" >/dev/null; done
same "slow receivers hold up no other task" succeeded "$(finish "$(submit '{"kind":"query","sql":"SELECT 2"}')")"
slow=$(api GET '/v1/tasks?queue=callbacks&state=live' | jq -r '.items[-1].id')
for _ in $PATIENCE; do [ "$(api GET "/v1/tasks/$slow/attempts" | jq '.items | length')" -ge 1 ] && break; sleep 0.1; done
same "  and are tried again" timeout "$(api GET "/v1/tasks/$slow/attempts" | jq -r '.items[0].error_code')"
api POST /v1/tasks:cancel '{"queue":"callbacks"}' >/dev/null
settle >/dev/null

receiver_stop
id=$(told "\"url\": \"$url/200\", \"secret\": \"main\"")
callback=$(callback_of "$id" | jq -r .id)
for _ in $PATIENCE; do [ "$(api GET "/v1/tasks/$callback/attempts" | jq '.items | length')" -ge 2 ] && break; sleep 0.05; done
check "while the receiver is away it is tried again" test "$(api GET "/v1/tasks/$callback/attempts" | jq '.items | length')" -ge 2
agent_kill
start
receiver_start "$PORT"
api POST "/v1/tasks/$callback:promote" >/dev/null
same "after kill -9 of the agent it is told all the same" succeeded "$(finish "$callback")"
same "  signed" true "$(received "$id" | tail -1 | jq .signed)"
check "secrets are in no log" bash -c "! grep -qF '${SECRET:6:20}' '$SCRATCH/agent.log'"
agent_stop
done_testing
