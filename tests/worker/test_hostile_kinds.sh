#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Transforms and indexes that crash, loop and lie: the task or the query that met them fails and says who it was; others
# go on. Transforms by tests/plugins/hostile-flow.c, indexes by an example with a line changed.
. "$(dirname "$0")/../e2e/lib.sh"
. "$(dirname "$0")/../author/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"
export ASAN_OPTIONS=detect_leaks=0:abort_on_error=1
LOCAL=$DATA/plugins/local
mkdir -p "$LOCAL"
cp "$BUILD/tests/plugins/.libs/hostile-flow.so" "$LOCAL/"
orasi() { "$BUILD/orasi" "$@"; }
ready() { for _ in $PATIENCE; do [ "$(api GET "/v1/plugins/$1" | jq -r .name)" = "$1" ] && return 0; sleep 0.05; done; return 1; }
clear_plugin() { api POST "/v1/plugins/$1:clear" >/dev/null; }

ORASI_WORKERS_CANCEL_GRACE=300ms ORASI_WORKERS_MEMORY=256MiB ORASI_QUEUE_MAX_CRASHES=100 ORASI_QUEUE_RETRY_INITIAL=10ms \
	ORASI_QUEUE_RETRY_MAX=20ms agent_start || exit 1
FIRST_PID=$AGENT_PID
check "the hostile transform is accepted: one cannot see it from outside" ready hostile-flow
flow() {
	submit "$(jq -cn --arg do "$1" '{kind:"ingest",dataset:"flow",source:{inline:"{\"a\":1,\"t\":\"x\"}\n{\"a\":2,\"t\":\"y\"}"},format:{plugin:"json"},
		max_attempts:1,timeout:"5m",transform:[{op:"plugin",name:"hostile-flow",config:{do:$do}}]}')"
}
# fails DEED WORDS
fails() {
	local id state got
	id=$(flow "$1")
	state=$(finish "$id")
	got=$(api GET "/v1/tasks/$id" | jq -r '.error.detail // .error // "-"' | tr '\n' ' ')
	if [ "$state" = failed ] && grep -qE "$2" <<<"$got"; then
		pass "a transform's $1 fails its attempt: ${got:0:110}"
	else
		fail "a transform's $1 fails its attempt" "state: $state" "wanted: $2" "got: $got" "$(tail -5 "$SCRATCH/agent.log")"
	fi
	clear_plugin org.orasi.test.hostile-flow
}
same "one that behaves is fine" succeeded "$(finish "$(flow behave)")"
blame="plugin 'org.orasi.test.hostile-flow', function"
fails crash_bind "signal 11 .*$blame 'bind'"
fails crash_process "signal 11 .*$blame 'process'"
fails crash_flush "signal 11 .*$blame 'flush'"
fails no_schema "hostile-flow"
fails fail_without_words "hostile-flow.*no reason"
fails strange_status "hostile-flow.*'process' returned 77"
fails release_twice "hostile-flow"
fails push_twice "hostile-flow"
fails push_released "hostile-flow.*'process'.*not valid"
fails long_rows "hostile-flow"
fails negative_rows "hostile-flow.*'process'.*not valid"
fails wild_push "hostile-flow"
same "one that keeps its input for ever leaks, and that is all" succeeded "$(finish "$(flow never_release)")"
same "the next one is fine" succeeded "$(finish "$(flow behave)")"
same "no row came of the others" 4 "$(sql 'SELECT count(*) AS n FROM flow' | jq -r .n)"

# A format that crashes when it is asked what a file is stands in everybody's way, until it is in quarantine.
cp "$BUILD/tests/plugins/.libs/hostile-ingest.so" "$LOCAL/"
ready hostile-ingest
printf 'SNIFFBOMB,b\n1,2\n3,4\n' >"$SCRATCH/bomb.csv"
id=$(submit "$(jq -cn --arg f "$SCRATCH/bomb.csv" '{kind:"ingest",dataset:"bomb",source:{uris:[$f]},max_attempts:20}')")
same "a file that crashes a format when it is asked is read by another in the end" "succeeded 2" \
	"$(finish "$id") $(sql 'SELECT count(*) AS n FROM bomb' | jq -r .n)"
check "  the attempts before name the one that crashed" grep -q "plugin 'org.orasi.test.hostile-ingest', function 'sniff'" \
	<<<"$(api GET "/v1/tasks/$id/attempts")"
same "  which is in quarantine" quarantined "$(api GET /v1/plugins | jq -r '[.items[] | select(.path | endswith("/hostile-ingest.so"))][0].state')"
rm "$LOCAL/hostile-ingest.so"

if ! command -v ${CC%% *} >/dev/null || grep -q __asan_ "$BUILD/sdk/liborasi-sdk.a" || grep -q __tsan_ "$BUILD/sdk/liborasi-sdk.a"; then
	pass "hostile indexes # SKIP they are built by a compiler, without sanitizers"
	done_testing
	exit 0
fi
seq 1 500 | sed 's/.*/{"n":&,"w":"word & of many"}/' >"$SCRATCH/rows.ndjson"
ingest_file words "$SCRATCH/rows.ndjson" >/dev/null
# index NAME SED: the hash index with a line changed, over the words.
index() {
	sed -E "s/com\.example\.hash/com.example.$1/; s/PLUGIN_NAME \"hash\"/PLUGIN_NAME \"$1\"/; $2" "$SRC/examples/plugins/hash/hash.c" >"$SCRATCH/$1.c"
	compile "$SCRATCH/$1.c" "$SCRATCH/$1.so" -Wno-unused
	cp "$SCRATCH/$1.so" "$LOCAL/$1.so"
	ready "$1" || fail "$1 is ready" "$(api GET /v1/plugins | jq -c --arg f "/$1.so" '.items[] | select(.path | endswith($f))')"
	orasi index create words "by_$1" --plugin "$1" --column w --quiet
	for _ in $PATIENCE; do [ "$(api GET "/v1/datasets/words/indexes/by_$1" | jq -r .rows)" = 500 ] && break; sleep 0.05; done
}
gone() { orasi index drop words "by_$1" --yes --quiet 2>/dev/null || orasi index drop words "by_$1" --quiet; rm "$LOCAL/$1.so"; }
ask() { curl -sS -m "${1:-60}" -X POST "$URL/v1/query" -H 'content-type: application/json' \
	--data-binary '{"sql":"SELECT n FROM words WHERE w = '"'word 77 of many'"'","format":"ndjson"}' 2>&1; }
lives() { same "$1 leaves other queries alone" 500 "$(sql 'SELECT count(*) AS n FROM words' | jq -r .n)"; }

same "without an index the row is found" 77 "$(ask | jq -r .n)"
index bad1 's/^\torasi_status status = cursor \? add_term.*/\torasi_status status = ORASI_OK;\n\n\t*(volatile int *)(uintptr_t)(cursor ? 8 : 16) = 1;/'
got=$(ask)
check "an index that crashes in query is blamed: $(cut -c1-150 <<<"$got")" grep -q "signal 11.*com.example.bad1.*'query'" <<<"$got"
lives "it"
ask >/dev/null; ask >/dev/null
same "three crashes quarantine it" quarantined "$(api GET /v1/plugins | jq -r '[.items[] | select(.path | endswith("/bad1.so"))][0].state')"
same "and queries answer without it" 77 "$(ask | jq -r .n)"
gone bad1

index bad2 's/^\thits->n = left < hits->cap.*/\thits->n = 1; hits->row_ids[0] = 1ull << 60; return ORASI_OK;/'
same "one that answers rows that are not there is not believed" 77 "$(ask | jq -r .n)"
check "  which the log tells" grep -q "index.failed.*com.example.bad2.*rows.*its segment does not have" "$SCRATCH/agent.log"
gone bad2

index bad3 's/^\thits->n = left < hits->cap.*/\tfor (volatile int on = 1; on;)\n\t\t;\n&/'
ask 3 >/dev/null
lives "one that never comes back"
for _ in $PATIENCE; do [ "$(api GET /v1/status | jq '[.workers[] | select(.role == "query" and .state == "busy")] | length')" = 0 ] && break; sleep 0.1; done
same "  and its worker is ended when nobody waits any more" 0 \
	"$(api GET /v1/status | jq '[.workers[] | select(.role == "query" and .state == "busy")] | length')"
gone bad3

index bad4 's/^\tstruct reader \*reader = calloc.*/\texit(0);\n&/'
got=$(ask)
check "one that ends the process is blamed: $(cut -c1-150 <<<"$got")" grep -q "com.example.bad4" <<<"$got"
gone bad4
same "after all this the row is found" 77 "$(ask | jq -r .n)"
same "it is still the agent that was started" "$FIRST_PID" "$(api GET /v1/agent | jq -r .pid)"

# Without the walls a plugin can start processes; they do not outlive the worker, and the worker not the task.
agent_stop
cp "$BUILD/tests/plugins/.libs/hostile-task.so" "$LOCAL/"
ORASI_WORKERS_SANDBOX=off agent_start || exit 1
ready hostile
custom() { submit "$(jq -cn --arg do "$1" '{kind:"custom",plugin:"hostile",config:{do:$do},max_attempts:3,timeout:"5m"}')"; }
same "without walls a task may leave a child behind" succeeded "$(finish "$(custom leave_child)")"
children() { grep -lzs "^$DATA$" /proc/[0-9]*/cmdline | sed 's|/cmdline||' | while read -r p; do tr '\0' ' ' <"$p/cmdline" 2>/dev/null | grep -q "orasi-worker" && cat "$p/stat" 2>/dev/null; done |
	awk -v agent="$AGENT_PID" '{ sub(/^.*\) /, ""); if ($2 != agent) n++ } END { print n + 0 }'; }
for _ in $PATIENCE; do [ "$(children)" = 0 ] && break; sleep 0.1; done
same "it ends with its worker, which is replaced" 0 "$(children)"
same "a thread that crashes later costs nobody else a task" "succeeded succeeded succeeded" \
	"$(a=$(custom late_thread); b=$(custom behave); c=$(custom behave); echo "$(finish "$a") $(finish "$b") $(finish "$c")")"
agent_stop
done_testing
