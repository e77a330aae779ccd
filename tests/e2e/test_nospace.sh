#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A disk that is full, real: a small tmpfs under the data folder or under a dataset. What cannot be done says so,
# reading and health go on, and with room everything ends well, every record once.
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"
if [ -z "${IN_NAMESPACE:-}" ]; then # mounts of our own, that vanish with us
	rm -r "$SCRATCH"
	export IN_NAMESPACE=1
	if unshare -m true 2>/dev/null; then
		exec unshare -m "$0"
	elif unshare -rm true 2>/dev/null; then
		exec unshare -rm "$0"
	fi
	skip_all "a tmpfs cannot be mounted here"
fi
SMALL=$SCRATCH/small
IN=$SCRATCH/in
mkdir -p "$SMALL" "$IN"
mount -t tmpfs -o size=6m tmpfs "$SMALL" 2>/dev/null || skip_all "a tmpfs cannot be mounted here"
trap 'clean_up 2>/dev/null; umount "$SMALL" 2>/dev/null; rm -rf "$SCRATCH"' EXIT
resize() { mount -o "remount,size=$1" "$SMALL"; }
fill() { cat /dev/zero >"$SMALL/filler" 2>/dev/null; }

# Records that do not pack: about 13 MB of Parquet.
ROWS=150000
awk -v n=$ROWS 'BEGIN { srand(1); for (i = 0; i < n; i++) { s = ""; for (k = 0; k < 12; k++) s = s sprintf("%08x", rand() * 4294967296);
	printf "{\"id\":%d,\"noise\":\"%s\"}\n", i, s } }' >"$IN/noise.ndjson"
export ORASI_QUEUE_RETRY_INITIAL=100ms ORASI_QUEUE_RETRY_MAX=300ms
exactly_once() {
	same "$1: every record is there once" "$ROWS $ROWS" "$(sql "SELECT count(*) AS n, count(DISTINCT id) AS d FROM $2" | jq -r '"\(.n) \(.d)"')"
}
# ends_for_space NAME ID: the attempts of a task that failed were for want of space, and they name a place.
ends_for_space() {
	same "$1" 'failed "no-space"' "$(finish "$2") $(api GET "/v1/tasks/$2" | jq -c .error.code)"
	same "  and the place is named" true "$(api GET "/v1/tasks/$2" | jq --arg p "$SMALL" '.error.detail | contains($p)')"
}

echo "# while files are staged"
DATA=$SMALL/data
agent_start || exit 1
plugins_ready 2
mkdir -p "$DATA/plugins/local"
cp "$BUILD/tests/plugins/.libs/task-count.so" "$DATA/plugins/local/"
count='{"kind":"custom","plugin":"count","config":{"to":3}}'
for _ in $PATIENCE; do [ "$(api GET /v1/plugins/count | jq -r .name)" = count ] && break; sleep 0.05; done
same "a task of a plugin ends well" succeeded "$(finish "$(submit "$count")")"
id=$(submit "$(jq -cn --arg f "$IN/noise.ndjson" '{kind: "ingest", dataset: "noise", source: {uris: [$f]}, max_attempts: 3}')")
ends_for_space "an ingest that does not fit fails" "$id"
same "  and leaves no half of a dataset" 404 "$(curl -s -o /dev/null -w '%{http_code}' "$URL/v1/datasets/noise")"
files() { find "$DATA/staging" "$DATA/datasets" -name '*.parquet' 2>/dev/null; }
for _ in $PATIENCE; do [ -z "$(files)" ] && break; sleep 0.1; done
same "  and no files" "" "$(files)"
same "a small one still does" succeeded "$(finish "$(submit '{"kind":"ingest","dataset":"little","source":{"inline":"{\"a\":1}"}}')")"

echo "# while the queue is written"
known=$(api GET '/v1/tasks?kind=custom&limit=1000' | jq '.items | length')
fill
answers=$(for i in $(seq 30); do curl -sS -m 60 -H 'content-type: application/json' -H 'Prefer: wait=2' "$URL/v1/tasks" --data-binary "$count"; echo; done)
refused=$(for i in $(seq 40); do
	api POST /v1/tasks '{"kind":"ingest","dataset":"little","run_at":"2099-01-01T00:00:00Z","source":{"inline":"{\"a\":2}"}}'
	echo
done | grep '"status":507' | tail -1)
same "new tasks are refused with 507 and the remedy" true "$(jq '.retryable and (.detail | contains("make room"))' <<<"$refused")"
same "the agent says that it is not well, and why" true \
	"$(api GET /health | jq '.status == "failing" and .ready == false and (.probes[0].detail | contains("full"))')"
check "one that may have started before it was refused is refused, too" grep -q '"status":507' <<<"$answers"
same "it lives" 200 "$(curl -s -o /dev/null -w '%{http_code}' "$URL/health/live")"
same "what is there can be read" 1 "$(sql 'SELECT count(*) AS n FROM little' | jq .n)"
rm "$SMALL/filler"
for _ in $PATIENCE; do
	[ "$(api GET /health | jq -r .status)" = ok ] && break
	sleep 0.1
done
same "with room it is well again by itself" ok "$(api GET /health | jq -r .status)"
same "what was accepted meanwhile ends" 0 "$(settle)"
same "of those that were refused there is none" "$((known + $(grep -c '"id":"t_' <<<"$answers")))" \
	"$(api GET '/v1/tasks?kind=custom&limit=1000' | jq '.items | length')"
resize 64m
api POST "/v1/tasks/$id:retry" >/dev/null
same "and what had failed is done" succeeded "$(finish "$id")"
exactly_once "after the retry" noise

# What was accepted before it was full is for another century.
for id in $(api GET "/v1/tasks?state=scheduled&limit=100" | jq -r '.items[].id'); do api POST "/v1/tasks/$id:cancel" >/dev/null; done

echo "# a disk that fills while tasks run"
head -1000 "$IN/noise.ndjson" >"$IN/some.ndjson"
for i in $(seq 12); do submit "$(jq -cn --arg f "$IN/some.ndjson" '{kind: "ingest", dataset: "some", source: {uris: [$f]}, max_attempts: 100}')"; done >"$SCRATCH/ids"
fill
sleep 1
same "the agent lives" 200 "$(curl -s -o /dev/null -w '%{http_code}' "$URL/health/live")"
rm "$SMALL/filler"
accepted=$(grep -c '^t_' "$SCRATCH/ids")
same "with room all accepted tasks end" 0 "$(settle)"
same "every record of the $accepted accepted is there once" "$((accepted * 1000))" "$(sql 'SELECT count(*) AS n FROM some' | jq .n)"
unharmed "after all that"
agent_stop

echo "# while the dataset is committed"
DATA=$SCRATCH/data
rm -rf "${SMALL:?}"/*
resize 6m
agent_start || exit 1
plugins_ready 2
same "a dataset lies on the small disk" "$SMALL/far" "$(api PUT /v1/datasets/far "$(jq -cn --arg l "$SMALL/far" '{location: $l}')" | jq -r '.location // .')"
id=$(submit "$(jq -cn --arg f "$IN/noise.ndjson" '{kind: "ingest", dataset: "far", source: {uris: [$f]}, max_attempts: 3}')")
ends_for_space "a commit that does not fit fails" "$id"
same "  and the dataset has no rows" 0 "$(api GET /v1/datasets/far | jq '.rows // 0')"
api PUT /v1/datasets/pieces "$(jq -cn --arg l "$SMALL/pieces" '{location: $l}')" >/dev/null
pieces=$(submit "$(jq -cn --arg f "$IN/noise.ndjson" '{kind: "ingest", dataset: "pieces", source: {uris: [$f]},
	sink: {target_file_bytes: 1048576}, max_attempts: 1}')")
ends_for_space "one in many parts ends with the part that does not fit" "$pieces"
check "  and those before it are there" [ "$(api GET /v1/datasets/pieces | jq '.rows // 0')" -gt 0 ]
resize 64m
api POST "/v1/tasks/$id:retry" >/dev/null
same "with room it is done" succeeded "$(finish "$id")"
exactly_once "after the retry" far
api POST "/v1/tasks/$pieces:retry" >/dev/null
same "the one in many parts goes on with the part that is missing" succeeded "$(finish "$pieces")"
exactly_once "after its retry" pieces
unharmed "after all that"
agent_stop

echo "# an agent that starts on a full disk"
DATA=$SMALL/new
fill
said=$(timeout 120 "$BUILD/orasi-agent" --listen 127.0.0.1:0 --data "$DATA" 2>&1)
code=$?
case $code:$said in 1:*"$DATA"*[Nn]"o space"* | 1:*"$DATA"*full*) pass "says so and ends" ;; *) fail "says so and ends" "$code" "$said" ;; esac
done_testing
