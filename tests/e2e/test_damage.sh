#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Files that are cut, and files in which one bit is wrong, at random places: gzip, zstd, JSON and Parquet. Each is
# refused by name, or read with counts that reconcile; no process dies of it.
#   DAMAGE_ROUNDS  how many of each kind and each damage (default 8, in a soak 200); DAMAGE_SEED repeats a run
. "$(dirname "$0")/lib.sh"
command -v jq >/dev/null || skip_all "jq is not here"
command -v zstd >/dev/null || skip_all "zstd is not here"
ROUNDS=${DAMAGE_ROUNDS:-$((${SOAK:-0} ? 200 : 8))}
SEED=${DAMAGE_SEED:-$((RANDOM * 32768 + RANDOM))}
echo "# seed $SEED, $ROUNDS rounds"
IN=$SCRATCH/in
mkdir -p "$IN"
ROWS=500
head -$ROWS "$SRC/examples/access.ndjson" >"$IN/whole.json"
gzip -nc "$IN/whole.json" >"$IN/whole.gz"
zstd -q --check "$IN/whole.json" -o "$IN/whole.zst"
agent_start || exit 1
plugins_ready 2
same "the whole file is ingested" "$ROWS" "$(ingest_file whole "$IN/whole.json" | jq .result.rows)"
folder=$(api GET /v1/datasets/whole | jq -r '.location | sub("^file://"; "")')
cp "$(find "$folder" -name '*.parquet' | head -1)" "$IN/whole.parquet"

# cut FILE POSITION / flip FILE BIT: the damaged bytes.
cut_at() { head -c "$2" "$1"; }
flip() { perl -0777 -e 'open F, "<:raw", $ARGV[0]; $_ = <F>; vec($_, $ARGV[1], 1) ^= 1; binmode STDOUT; print' "$1" "$2"; }

numbers=$(awk -v seed="$SEED" -v n=$((ROUNDS * 8)) 'BEGIN { srand(seed); for (i = 0; i < n; i++) print rand() }')
set -- $numbers
for kind in json gz zst parquet; do
	size=$(stat -c %s "$IN/whole.$kind")
	for _ in $(seq "$ROUNDS"); do
		at=$(awk -v r="$1" -v n="$size" 'BEGIN { print int(r * n) }')
		cut_at "$IN/whole.$kind" "$at" >"$IN/cut_${kind}_$at"
		at=$(awk -v r="$2" -v n="$size" 'BEGIN { print int(r * n * 8) }')
		flip "$IN/whole.$kind" "$at" >"$IN/flip_${kind}_$at"
		shift 2
	done
done

# All in one request; each file has a dataset of its own, of its name.
find "$IN" -name 'cut_*' -o -name 'flip_*' | sort >"$SCRATCH/files"
while read -r file; do
	jq -cn --arg d "${file##*/}" --arg f "$file" '{kind: "ingest", dataset: $d, source: {uris: [$f]}}'
done <"$SCRATCH/files" >"$SCRATCH/tasks"
curl -sS -X POST "$URL/v1/tasks" -H 'content-type: application/x-ndjson' --data-binary @"$SCRATCH/tasks" >"$SCRATCH/answer"
same "all of them are accepted" "$(wc -l <"$SCRATCH/files")" "$(jq '.tasks | length' "$SCRATCH/answer")"
same "and all of them end" 0 "$(settle)"

# Why the end of a task is not as it should be; nothing when it is.
complaint() {
	local name=$1 task=$2 file=$IN/$1 state rows rejected code
	read -r state rows rejected code < <(jq -r '"\(.state) \(.result.rows) \(.result.rejected) \(.error.code)"' <<<"$task")
	if [ "$state" = failed ]; then
		case $code in corrupt | invalid | unsupported | limit | plugin) ;; *) echo "the error is '$code'" ;; esac
		[ "$(jq --arg f "$file" '.error.detail | contains($f)' <<<"$task")" = true ] || echo "the file is not named"
		case $name in *_json_*) echo "lines of JSON cannot fail" ;; esac
		return
	fi
	[ "$state" = succeeded ] || { echo "it is $state"; return; }
	[ "$(jq '.result | .rows_in == .rows + .rejected' <<<"$task")" = true ] || echo "the counts do not reconcile"
	[ "$rows" = 0 ] || [ "$(sql "SELECT count(*) AS n FROM \"$name\"" | jq .n)" = "$rows" ] || echo "the dataset has other rows"
	[ "$rejected" = 0 ] || [ "$(sql "SELECT count(*) AS n FROM \"${name}__rejects\"" | jq .n)" = "$rejected" ] ||
		echo "the quarantine has other rows"
	case $name in
	cut_json_*) [ "$rows" = "$(grep -c '}$' "$file")" ] && [ "$rejected" -le 1 ] || echo "whole lines are lost" ;;
	flip_json_*) [ "$rows" -ge $((ROWS - 2)) ] && [ $((rows + rejected)) -le $((ROWS + 1)) ] || echo "one bit cost $rows, $rejected" ;;
	cut_*) [ "$rows" = 0 ] && [ ! -s "$file" ] || echo "what is cut cannot succeed" ;;
	flip_*) [ "$rows" = $ROWS ] || echo "it has $rows rows" ;;
	esac
}
for damage in cut_json flip_json cut_gz flip_gz cut_zst flip_zst cut_parquet flip_parquet; do
	while read -r file; do
		name=${file##*/}
		id=$(jq -r --argjson n "$(grep -nx "$file" "$SCRATCH/files" | cut -d: -f1)" '.tasks[$n - 1].id' "$SCRATCH/answer")
		task=$(api GET "/v1/tasks/$id")
		why=$(complaint "$name" "$task")
		[ -z "$why" ] || echo "$name: $why: $(jq -c '[.state, .error.detail, .result.rows, .result.rejected]' <<<"$task")"
	done < <(grep "/${damage}_" "$SCRATCH/files") >"$SCRATCH/complaints"
	same "$damage: refused by name, or read with counts that reconcile" "" "$(head -20 "$SCRATCH/complaints")"
done

unharmed "after all that"
same "and the whole file is ingested again" "$ROWS" "$(ingest_file whole "$IN/whole.json" | jq .result.rows)"

# A failure behind parts that are committed tells of them.
for _ in $(seq 40); do cat "$SRC/examples/access.ndjson"; done | gzip -n | head -c 900000 >"$IN/late.gz"
task=$(ingest_file late "$IN/late.gz" 'sink: {target_file_bytes: 65536}')
same "a stream that breaks off late fails with the place" true \
	"$(jq '.state == "failed" and (.error.detail | contains("late.gz") and contains("at byte 900000"))' <<<"$task")"
rows=$(sql 'SELECT count(*) AS n FROM late' | jq .n)
same "and says how many rows are in the dataset" true \
	"$(jq --arg n "$rows rows before that are in the dataset" '.error.detail | contains($n)' <<<"$task")"
(gzip -nc "$IN/whole.json"; echo more) >"$IN/tail.gz"
same "bytes behind a gzip stream are named" true \
	"$(ingest_file tail "$IN/tail.gz" | jq '.error.detail | contains("followed by other bytes at byte")')"
agent_stop
done_testing
