#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# One file read by several tasks at the same time, each a range of its bytes: every record is there once, wherever the
# file is cut, also after the agent was killed in the middle.
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"

agent_start || exit 1
plugins_ready 2
file=$SCRATCH/lines.ndjson
for i in $(seq 20000); do printf '{"n":%d,"text":"%0*d"}\n' "$i" $((i % 90 + 1)) "$i"; done >"$file"
size=$(stat -c %s "$file")
truth="20000 20000 200010000"
seen() { sql "SELECT count(*) AS n, count(DISTINCT n) AS d, sum(n) AS s FROM $1" | jq -r '"\(.n) \(.d) \(.s)"'; }

# DATASET CUT…: one request with a task per range
read_ranges() {
	local dataset=$1 begin=0 end tasks=
	shift
	for end in "$@" $((size + 1000)); do
		tasks+="${tasks:+,}{\"kind\":\"ingest\",\"dataset\":\"$dataset\",\"source\":{\"uris\":[\"$file\"],\"range\":{\"begin\":$begin,\"end\":$end}}}"
		begin=$end
	done
	api POST /v1/tasks "[$tasks]" | jq -r '.tasks[].id'
}
all_done() { for id in $1; do finish "$id"; done | sort | uniq -c | xargs; }

line=$(head -1000 "$file" | wc -c)
same "two halves succeed" "2 succeeded" "$(all_done "$(read_ranges halves $((size / 2)))")"
same "each record is there once" "$truth" "$(seen halves)"
same "cuts before, at and behind the end of a line, and in the middle of one" "5 succeeded" \
	"$(all_done "$(read_ranges edges $((line - 1)) "$line" $((line + 1)) $((line + 9)))")"
same "each record is there once" "$truth" "$(seen edges)"

ids=$(read_ranges killed $((size / 3)) $((size / 3 * 2)))
agent_kill
agent_start || exit 1
plugins_ready 2
same "after the agent was killed all ranges succeed" "3 succeeded" "$(all_done "$ids")"
same "each record is there once" "$truth" "$(seen killed)"

gzip -k "$file"
id=$(submit "{\"kind\":\"ingest\",\"dataset\":\"x\",\"source\":{\"uris\":[\"$file.gz\"],\"range\":{\"begin\":0,\"end\":10}}}")
same "a compressed file has no ranges" failed "$(finish "$id")"
check "the range of many files is refused" grep -q '"/source/range"' <<<"$(api POST /v1/tasks \
	"{\"kind\":\"ingest\",\"dataset\":\"x\",\"source\":{\"uris\":[\"/a\",\"/b\"],\"range\":{\"begin\":5,\"end\":5}}}")"
agent_stop
done_testing
