#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Sources that come as a stream are fed to decoders that can be (ABI 1.1): the same rows as from a file, also when workers
# are killed in between; who breaks the contract fails its task and nothing else; an agent of 1.0 reads as it always did.
. "$(dirname "$0")/../e2e/lib.sh"
. "$SRC/tests/author/lib.sh"
needs_compiler
for tool in jq gzip zstd; do command -v $tool >/dev/null || skip_all "$tool is not here"; done
LOCAL=$DATA/plugins/local
mkdir -p "$LOCAL"
lines=$SRC/examples/plugins/lines/lines.c
at_end='s/lines->at_end = \(flags & ORASI_FEED_LAST\) != 0;'
compile "$lines" "$LOCAL/lines.so" -DORASI_TARGET_MINOR=1
cp "$BUILD/tests/plugins/.libs/transform-number.so" "$LOCAL/"
# variant NAME SED: another bundle with one line changed, built for 1.1.
variant() {
	sed -E "s/com\.example\.lines/com.example.$1/; s/PLUGIN_NAME \"lines\"/PLUGIN_NAME \"$1\"/; $2" "$lines" >"$SCRATCH/$1.c"
	compile "$SCRATCH/$1.c" "$LOCAL/$1.so" -DORASI_TARGET_MINOR=1
}
variant deaf "$at_end/;/"
variant hasty "$at_end/lines->at_end = 1;/"
variant short 's/\.struct_size = sizeof\(fed\)/.struct_size = 16/'
variant crash 's/^\tlines->at_end = \(flags/\tabort();\n&/'
variant strict 's/^\torasi_status status = begin\(self, open, ret, err\);/\torasi_status status = ORASI_E_UNSUPPORTED;\n\n\tstrcpy(err->message, "not so");/'
# The reading `open` has the same line: only the first is to refuse.
sed -i '0,/^static orasi_status open_fed/s/^\torasi_status status = ORASI_E_UNSUPPORTED;$/\torasi_status status = begin(self, open, ret, err);\n\tif (0)/' "$SCRATCH/strict.c"
compile "$SCRATCH/strict.c" "$LOCAL/strict.so" -DORASI_TARGET_MINOR=1

seq 1 200000 | awk '{ printf "{\"n\":%d,\"text\":\"row %x of many\"%s}\n", $1, $1 * 7919, $1 % 1000 ? "" : ",\"k\":1" }' >"$SCRATCH/rows.ndjson"
gzip -k "$SCRATCH/rows.ndjson"
zstd -q "$SCRATCH/rows.ndjson" -o "$SCRATCH/rows.ndjson.zst"
seq 1 5000 | sed 's/^/line /' >"$SCRATCH/rows.txt"
gzip -k "$SCRATCH/rows.txt"
# ingest DATASET FILE [FORMAT] [MEMBERS]
ingest() { submit "$(jq -cn --arg d "$1" --arg uri "$SCRATCH/$2" --arg f "${3:-auto}" --argjson more "${4:-"{}"}" \
	'{kind:"ingest",dataset:$d,source:{uris:[$uri]},format:{plugin:$f}} + $more')"; }
sums() { sql "SELECT count(*) AS c, sum(n) AS s, count(DISTINCT text) AS t, count(k) AS k FROM $1" | jq -c .; }
wait_for() { for _ in $PATIENCE; do [ "$(api GET "/v1/plugins/$1" | jq -r .name)" = "$1" ] && break; sleep 0.05; done; }

agent_start || exit 1
same "a file is read" succeeded "$(finish "$(ingest plain rows.ndjson)")"
all=$(sums plain)
same "gzip is fed" succeeded "$(finish "$(ingest gz rows.ndjson.gz)")"
same "and gives the same rows" "$all" "$(sums gz)"
same "so does zstd" "succeeded $all" "$(finish "$(ingest zst rows.ndjson.zst)") $(sums zst)"
id=$(submit '{"kind":"ingest","dataset":"inline","source":{"inline":"{\"n\":1}\n{\"n\":\n{\"n\":3}"},"format":{"plugin":"json"}}')
same "text in the task is fed too, and a bad record rejected" "succeeded 2 1" "$(finish "$id") $(api GET "/v1/tasks/$id" | jq -r '.result | "\(.rows) \(.rejected)"')"
id=$(submit "$(jq -cn '{kind:"ingest",dataset:"doc",source:{inline:"{\"a\":{\"b\":[{\"n\":1},{\"n\":2}]}}"},format:{plugin:"json",options:{records:"/a/b"}}}')")
same "options with which it cannot be fed: it is read" "succeeded 2" "$(finish "$id") $(api GET "/v1/tasks/$id" | jq .result.rows)"

wait_for number
# kill_while_fed DATASET: its worker is killed up to twice (a third time it is a plugin that is given up); sets id and killed.
kill_while_fed() {
	id=$(ingest "$1" rows.ndjson.gz json '{"sink":{"target_file_bytes":"64KiB"},"max_attempts":20,"transform":[{"op":"plugin","name":"number"}]}')
	killed=0
	for _ in $(seq 400); do
		case $(api GET "/v1/tasks/$id" | jq -r .state) in succeeded | failed) break ;; esac
		pid=$(api GET /v1/status | jq -r '[.workers[] | select(.role == "task" and .state == "busy")][0].pid // empty')
		if [ -n "$pid" ] && [ $killed -lt 2 ]; then
			sleep 0.0$((RANDOM % 9))
			kill -9 "$pid" 2>/dev/null && killed=$((killed + 1))
		fi
	done
}
for dataset in killed killed_2 killed_3 killed_4 killed_5; do
	kill_while_fed $dataset
	[ $killed = 0 ] || break # else it was done before anybody looked
done
check "its worker is killed while it is fed ($killed)" [ $killed -gt 0 ]
same "it finishes all the same" succeeded "$(finish "$id")"
same "with every row once" "$all" "$(sums $dataset)"
same "numbered by a transform without a gap" '{"a":0,"b":199999,"d":200000}' \
	"$(sql 'SELECT min(seq) AS a, max(seq) AS b, count(DISTINCT seq) AS d FROM '$dataset | jq -c .)"

for name in lines deaf hasty short crash strict; do wait_for $name; done
same "an example of 1.1 is fed" "succeeded 5000" "$(finish "$(ingest lines rows.txt.gz lines)") $(sql 'SELECT count(*) AS n FROM lines' | jq .n)"
same "one that refuses to be fed is asked to read" "succeeded 5000" \
	"$(finish "$(ingest strict rows.txt.gz strict)") $(sql 'SELECT count(*) AS n FROM strict' | jq .n)"
# breaks NAME SENTENCE: it fails fed, and reads well.
breaks() {
	local id
	id=$(ingest "$1" rows.txt.gz "$1" '{"max_attempts":1}')
	same "$1 fails its task" failed "$(finish "$id")"
	check "  and is told why" grep -qE "$2" <<<"$(api GET "/v1/tasks/$id")"
	same "  read, it is as good as any" succeeded "$(finish "$(ingest "$1" rows.txt "$1")")"
}
breaks deaf "'com.example.deaf' misbehaves: all bytes were fed"
breaks hasty "'com.example.hasty' misbehaves: 'next' returned ORASI_END before"
breaks short "'com.example.short' misbehaves: its table 'orasi.ingest.feed/1' is too short"
breaks crash "plugin 'com.example.crash', function 'feed'"
same "after all this the agent is well" '"ok"' "$(api GET /health | jq -c .status)"
check "  and the same process" kill -0 "$AGENT_PID"
agent_stop

agent_start --abi-minor 0 || exit 1
same "an agent of 1.0 reads the stream" "succeeded $all" "$(finish "$(ingest old rows.ndjson.gz)") $(sums old)"
for _ in $PATIENCE; do
	row=$(api GET /v1/plugins | jq -r '.items[] | select(.bundle == "com.example.lines") | "\(.state): \(.reason)"')
	[[ $row = refused* ]] && break
	sleep 0.05
done
check "and refuses what is built for 1.1: $row" grep -q "built for plugin ABI 1.1, .* offers 1.0: .*-DORASI_TARGET_MINOR=0" <<<"$row"
agent_stop
done_testing
