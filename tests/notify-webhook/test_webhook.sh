#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Requests over HTTP of plugins: only to hosts that are listed, within their bounds, made by a process that runs no plugin;
# and the webhook that is made of them: signed, each event with a status of its own, repeated where that helps.
. "$(dirname "$0")/../e2e/lib.sh"
command -v jq >/dev/null && command -v node >/dev/null && command -v openssl >/dev/null ||
	skip_all "jq, node and openssl are needed"
LOG=$SCRATCH/received
: >"$LOG"
node "$SRC/tests/notify-webhook/receiver.mjs" "$LOG" >"$SCRATCH/port" &
RECEIVER=$!
trap 'kill $RECEIVER 2>/dev/null; clean_up' EXIT
for _ in $PATIENCE; do [ -s "$SCRATCH/port" ] && break; sleep 0.05; done
PORT=$(cat "$SCRATCH/port")
mkdir -p "$DATA/plugins/local" "$DATA/secrets/org.orasi.notify.webhook"
cp "$BUILD/tests/plugins/.libs/task-ask.so" "$DATA/plugins/local/"
key=$(openssl rand -base64 32)
(umask 077 && echo "whsec_$key" >"$DATA/secrets/org.orasi.notify.webhook/signing")
cat >"$SCRATCH/trust.json" <<JSON
{"rights": [{"bundle": "org.orasi.test.ask", "hosts": ["127.0.0.1:$PORT", "*.example.invalid", "127.0.0.1:1"]}]}
JSON
ORASI_PLUGINS_TRUST_FILE=$SCRATCH/trust.json ORASI_QUEUE_RETRY_INITIAL=10ms ORASI_QUEUE_RETRY_MAX=20ms agent_start || exit 1
for _ in $PATIENCE; do [ "$(api GET /v1/plugins/ask | jq -r .name)" = ask ] && [ "$(api GET /v1/plugins/webhook | jq -r .name)" = webhook ] && break; sleep 0.05; done

# ask CONFIG: what came of a request, or the task's error
ask() {
	local id
	id=$(submit "{\"kind\":\"custom\",\"plugin\":\"ask\",\"max_attempts\":1,\"config\":$1}")
	finish "$id" >/dev/null
	api GET "/v1/tasks/$id" | jq -c '.result.output // .error // .'
}
url=http://127.0.0.1:$PORT
answer=$(ask "{\"url\":\"$url/200\",\"header\":\"v 1\"}")
same "a plugin without sockets makes a request" '0 200 "answer 200" "a:b"' "$(jq -r '"\(.outcome) \(.status) \"\(.body)\" \"\(.odd)\""' <<<"$answer")"
same "  with its headers" '"GET" "/200" "v 1"' "$(tail -1 "$LOG" | jq -r '"\"\(.method)\" \"\(.url)\" \"\(.headers["x-test"])\""')"
same "an error is an answer" "0 404" "$(ask "{\"url\":\"$url/404\",\"method\":\"POST\",\"body\":1000}" | jq -r '"\(.outcome) \(.status)"')"
same "  and the body went out" 1000 "$(tail -1 "$LOG" | jq '.body | length')"
same "a redirect is not followed" "0 302" "$(ask "{\"url\":\"$url/302\"}" | jq -r '"\(.outcome) \(.status)"')"
check "a host that is not listed is refused with the line to add" grep -q '"outcome":-2.*may not reach.*localhost.*hosts' \
	<<<"$(ask "{\"url\":\"http://localhost:$PORT/200\"}")"
check "so is another port" grep -q '"outcome":-2.*may not reach' <<<"$(ask '{"url":"http://127.0.0.1:2/200"}')"
n=$(wc -l <"$LOG")
for odd in "http://127.0.0.1:$PORT@evil.invalid/" "http://evil.invalid\\\\@127.0.0.1:$PORT/" "file:///etc/passwd" \
	"http://127.0.0.1:$PORT#@evil.invalid/" "gopher://127.0.0.1:$PORT/" "http://:$PORT/" "http://127.0.0.1:$PORT/ x"; do
	check "refused: $odd" grep -q '"outcome":-2' <<<"$(ask "{\"url\":\"$odd\"}")"
done
check "a header that would end its line is refused" grep -q '"outcome":-2.*header' <<<"$(ask "{\"url\":\"$url/200\",\"header\":\"a\\r\\nb: c\"}")"
check "an unknown method is refused" grep -q '"outcome":-2.*method' <<<"$(ask "{\"url\":\"$url/200\",\"method\":\"TRACE\"}")"
check "a body beyond 1 MiB is refused" grep -q '"outcome":-2.*1 MiB' <<<"$(ask "{\"url\":\"$url/200\",\"body\":2000000}")"
same "  none of them was made" "$n" "$(wc -l <"$LOG")"
check "an answer beyond its bound is cut off" grep -q '"outcome":-8' <<<"$(ask "{\"url\":\"$url/large\"}")"
check "nobody there is transient" grep -q '"outcome":-100' <<<"$(ask '{"url":"http://127.0.0.1:1/"}')"
check "so is nobody who answers in time" grep -q '"outcome":-100' <<<"$(ask "{\"url\":\"$url/slow\",\"timeout_ms\":200}")"
id=$(submit "{\"kind\":\"custom\",\"plugin\":\"ask\",\"config\":{\"url\":\"$url/slow\",\"timeout_ms\":100000}}")
for _ in $PATIENCE; do grep -q '"/slow"' <<<"$(tail -1 "$LOG")" && [ "$(grep -c '"/slow"' "$LOG")" -ge 2 ] && break; sleep 0.05; done
api POST "/v1/tasks/$id:cancel" >/dev/null
same "a task that waits for an answer can be cancelled" cancelled "$(finish "$id")"
same "  and the next request is made" "0 200" "$(ask "{\"url\":\"$url/200\"}" | jq -r '"\(.outcome) \(.status)"')"

# notify EVENTS [options]: submits, waits, prints state
notify() {
	id=$(submit "$(jq -cn --arg u "$url/${3:-200}" --argjson e "$1" --argjson c "${2:-{\}}" \
		'{kind: "notify", plugin: "webhook", events: $e, config: ({url: $u} + $c), max_attempts: 3}')")
	echo "$id" >"$SCRATCH/id"
	finish "$id"
}
last() { api GET "/v1/tasks/$(cat "$SCRATCH/id")"; }
one='[{"id":"e1","type":"task.failed","severity":"critical","time":"2026-01-31T10:00:00.5Z","task":"t_1"}]'
same "without a host in the list nothing is delivered" failed "$(notify "$one")"
check "  and the task says what to add" grep -q 'org.orasi.notify.webhook.*hosts' <<<"$(last | jq -c .error)"
check "a URL of another scheme is refused at once, with those that there are" grep -q 'http:// or https://' \
	<<<"$(api POST /v1/tasks "{\"kind\":\"notify\",\"plugin\":\"webhook\",\"events\":$one,\"config\":{\"url\":\"ftp://127.0.0.1/\"}}" |
		jq -r 'select(.status == 422) | .detail')"
jq --arg h "127.0.0.1:$PORT" '.rights += [{bundle: "org.orasi.notify.webhook", hosts: [$h]}]' "$SCRATCH/trust.json" >"$SCRATCH/t" &&
	cat "$SCRATCH/t" >"$SCRATCH/trust.json"
same "with it an event is" succeeded "$(notify "$one" '{"headers":["Authorization: Bearer x"]}')"
got=$(tail -1 "$LOG")
same "in the form of Standard Webhooks" '{"type":"task.failed","timestamp":"2026-01-31T10:00:00.500Z","data":"e1"}' \
	"$(jq -c '.body | fromjson | {type, timestamp, data: .data.id}' <<<"$got")"
same "with its id and further headers" "e1 application/json Bearer x" \
	"$(jq -r '.headers | "\(.["webhook-id"]) \(.["content-type"]) \(.authorization)"' <<<"$got")"
# signed GOT KEY: the signature by openssl
signed() {
	local hex
	hex=$(base64 -d <<<"$2" | od -An -tx1 | tr -d ' \n')
	printf '%s.%s.%s' "$(jq -r '.headers["webhook-id"]' <<<"$1")" "$(jq -r '.headers["webhook-timestamp"]' <<<"$1")" "$(jq -rj .body <<<"$1")" |
		openssl dgst -sha256 -mac HMAC -macopt "hexkey:$hex" -binary | base64 -w0
}
same "signed so that openssl agrees" "v1,$(signed "$got" "$key")" "$(jq -r '.headers["webhook-signature"]' <<<"$got")"
new=$(openssl rand -base64 32)
mv "$DATA/secrets/org.orasi.notify.webhook/signing" "$DATA/secrets/org.orasi.notify.webhook/signing-old"
(umask 077 && echo "whsec_$new" >"$DATA/secrets/org.orasi.notify.webhook/signing")
same "while a secret is changed" succeeded "$(notify "$one" '{"form":"plain"}')"
got=$(tail -1 "$LOG")
same "  both sign" "v1,$(signed "$got" "$new") v1,$(signed "$got" "$key")" "$(jq -r '.headers["webhook-signature"]' <<<"$got")"
same "the plain form is the event" e1 "$(jq -r '.body | fromjson | .id' <<<"$got")"
: >"$LOG"
same "what is refused for now comes again" succeeded "$(notify '[{"id":"r1","type":"x"},{"id":"r2","type":"x"}]' '{}' 503once)"
same "  under the same ids" "r1 r1 r2 r2" "$(jq -r '.headers["webhook-id"]' "$LOG" | sort | xargs)"
same "what is refused for good is given up" "succeeded 0 2" \
	"$(notify '[{"id":"g1","type":"x"},{"id":"g2","type":"x"}]' '{}' 410) $(last | jq -r '.result | "\(.delivered) \(.given_up)"')"
check "a secret that is none is a clear error" bash -c "(umask 077; echo nonsense >'$DATA/secrets/org.orasi.notify.webhook/signing')"
same "  of the task" failed "$(notify "$one")"
check "  that names it" grep -q "the secret 'signing' is not" <<<"$(last | jq -c .error)"
check "secrets are in no log" bash -c "! grep -qF '${new:0:20}' '$SCRATCH/agent.log'"
agent_stop
done_testing
