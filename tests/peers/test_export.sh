#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Versions of a dataset as files: DuckDB reads from them what we read from the dataset; a place is never half-written,
# whatever is killed; what is in the way stays.
. "$(dirname "$0")/lib.sh"

mkdir -p "$SCRATCH/in" "$SCRATCH/out"
OUT=$SCRATCH/out
ingest() { finish "$(submit "{\"kind\":\"ingest\",\"dataset\":\"$1\",\"source\":{\"uris\":[\"$2\"]},\"sink\":{${3:-}}}")"; }
rows() { awk -v from="$1" -v n="$2" 'BEGIN { for (i = from; i < from + n; i++)
	printf "{\"id\":%d,\"day\":\"2026-01-%02d\",\"price\":%d.25,\"word\":%s,\"at\":\"2026-01-31T12:00:%02d.5Z\",\"tags\":[\"a\",\"b %d\"],\"in\":{\"deep\":%s}}\n",
		i, i % 2 + 1, i, i % 7 ? "\"w\\u00fc" i % 100 "\"" : "null", i % 60, i, i % 3 ? "true" : "false" }'; }
# duck SQL: one row as compact JSON.
duck() {
	node --input-type=module -e '
		import { duckdbConnect } from "'"$SRC"'/tests/peers/delta.mjs";
		const rows = (await (await duckdbConnect()).runAndReadAll(process.argv[1])).getRowObjectsJson();
		console.log(JSON.stringify(rows[0]));' "$1"
}
cli() { "$BUILD/orasi" --quiet "$@"; }
export_task() { ended "$(submit "{\"kind\":\"export\",\"dataset\":\"$1\",\"to\":\"$2\"${3:+,$3}}")"; }
SUMS="count(*)::INT AS n, sum(id)::BIGINT AS ids, sum(price)::DOUBLE AS prices, count(word)::INT AS words, count(DISTINCT day)::INT AS days"
ours() { sql "SELECT count(*) AS n, sum(id) AS ids, sum(price) AS prices, count(word) AS words, count(DISTINCT day) AS days FROM \"$1\"" | jq -cS 'map_values(tonumber)'; }
theirs() { duck "SELECT $SUMS FROM $1" | jq -cS 'map_values(tonumber)'; }
agent_start || exit 1

rows 0 1000 >"$SCRATCH/in/a"
rows 1000 500 >"$SCRATCH/in/b"
ingest parts "$SCRATCH/in/a" '"partition_by":["day"]' >/dev/null
ingest parts "$SCRATCH/in/b" >/dev/null

printf '{"id":1,"word":"a, \\"b\\""}\n{"id":2,"word":null}\n{"id":3,"word":"c\\nd"}\n' >"$SCRATCH/in/small"
ingest small "$SCRATCH/in/small" >/dev/null

# ---- formats ---------------------------------------------------------------------------------------------------
result=$(export_task parts "$OUT/parts.parquet")
same "a dataset becomes one Parquet file" "succeeded 1500 1" "$(jq -r '"\(.state) \(.result.rows) \(.result.files)"' <<<"$result")"
same "its size is told" "$(stat -c %s "$OUT/parts.parquet")" "$(jq .result.bytes <<<"$result")"
same "DuckDB reads the same from it, partition columns too" "$(ours parts)" "$(theirs "read_parquet('$OUT/parts.parquet')")"
same "the ending of the name chooses the format" succeeded "$(export_task parts "$OUT/parts.json" | jq -r .state)"
same "DuckDB reads the same from the lines" "$(ours parts)" "$(theirs "read_json('$OUT/parts.json', format = 'newline_delimited')")"
same "nested values agree in both" '{"same":true}' "$(duck "SELECT
	(SELECT list([id::VARCHAR, tags::VARCHAR, \"in\"::VARCHAR] ORDER BY id) FROM read_parquet('$OUT/parts.parquet')) =
	(SELECT list([id::VARCHAR, tags::VARCHAR, \"in\"::VARCHAR] ORDER BY id) FROM read_json('$OUT/parts.json', format = 'newline_delimited')) AS same")"
same "a plugin may be named, with options" '"SNAPPY"' "$(export_task parts "$OUT/x" '"format":{"plugin":"parquet","options":{"compression":"snappy"}}' >/dev/null
	duck "SELECT any_value(compression) AS c FROM parquet_metadata('$OUT/x')" | jq -c .c)"
export_task small "$OUT/small.csv" >/dev/null
same "CSV too, of columns that are plain" '{"n":3,"s":6,"w":2}' "$(duck "SELECT count(*)::INT AS n, sum(id)::INT AS s, count(word)::INT AS w FROM read_csv('$OUT/small.csv', header = true)")"
result=$(export_task parts "$OUT/folder/" '"format":{"plugin":"json"},"target_file_bytes":"64KiB"')
same "a folder takes files of about a size" "succeeded true" "$(jq -r '"\(.state) \(.result.files > 1)"' <<<"$result")"
same "all that were counted are there" "$(jq .result.files <<<"$result")" "$(find "$OUT/folder" -name 'part-*.json' | wc -l)"
same "and DuckDB reads the same from all" "$(ours parts)" "$(theirs "read_json('$OUT/folder/*.json', format = 'newline_delimited')")"
same "what was written is read back" succeeded "$(ingest again "$OUT/parts.parquet")"
same "with the same rows" "$(ours parts)" "$(ours again)"
api PUT /v1/datasets/empty '{"schema":{"type":"struct","fields":[{"name":"id","type":"long","nullable":true,"metadata":{}}]}}' >/dev/null
same "no rows are a file without rows" '0 {"n":0}' "$(export_task empty "$OUT/empty.parquet" | jq .result.rows) $(duck "SELECT count(id)::INT AS n FROM read_parquet('$OUT/empty.parquet')")"

# ---- versions ----------------------------------------------------------------------------------------------------
export_task parts "$OUT/v0.parquet" '"version":0' >/dev/null
same "a version that was" '{"n":1000}' "$(duck "SELECT count(*)::INT AS n FROM read_parquet('$OUT/v0.parquet')")"
first=$(jq -r 'select(.commitInfo).commitInfo.timestamp' "$(api GET /v1/datasets/parts | jq -r .location)/_delta_log/00000000000000000000.json")
moment=$(date -u -d "@$((first / 1000)).$(printf %03d $((first % 1000)))" +%Y-%m-%dT%H:%M:%S.%3NZ)
same "or what was at a time" "succeeded 1000 0" "$(export_task parts "$OUT/at.json" "\"at\":\"$moment\"" | jq -r '"\(.state) \(.result.rows) \(.result.version)"')"
same "a version that never was is said so" "failed true" "$(export_task parts "$OUT/v9.parquet" '"version":9' |
	jq -r '"\(.state) \(.error.detail | contains("no version 9"))"')"
check "and leaves nothing" test ! -e "$OUT/v9.parquet"

# ---- what is in the way ------------------------------------------------------------------------------------------
echo mine >"$OUT/mine.json"
same "a file in the way stays" "failed mine" "$(export_task parts "$OUT/mine.json" '"max_attempts":1' | jq -r .state) $(cat "$OUT/mine.json")"
same "unless it may be replaced" "succeeded 1500" "$(export_task parts "$OUT/mine.json" '"overwrite":true' | jq -r .state) $(wc -l <"$OUT/mine.json")"
same "a folder that holds something stays" failed "$(export_task parts "$OUT/folder/" '"format":{"plugin":"json"},"max_attempts":1' | jq -r .state)"
mkdir "$OUT/hollow"
same "an empty one is taken" succeeded "$(export_task parts "$OUT/hollow/" '"format":{"plugin":"json"}' | jq -r .state)"
pointers() { api POST /v1/tasks "{\"kind\":\"export\",\"dataset\":\"parts\",$1}" | jq -r '[.errors[].pointer] | sort | join(" ")'; }
same "places of the agent are refused" "/to /to" "$(pointers "\"to\":\"$DATA/store.json\"") $(pointers "\"to\":\"$(api GET /v1/datasets/parts | jq -r .location)/x.json\"")"
same "so is what is no place" "/to /to" "$(pointers '"to":"x.json"') $(pointers '"to":"/a/../b.json"')"
same "a format that nobody writes is refused" "/format/plugin /format/plugin" "$(pointers "\"to\":\"$OUT/x.unknown\"") $(pointers "\"to\":\"$OUT/x\",\"format\":{\"plugin\":\"nobody\"}")"
same "so is an option that the plugin lacks, and two moments" "/at /format/options/kompression" \
	"$(pointers "\"to\":\"$OUT/x\",\"format\":{\"plugin\":\"parquet\",\"options\":{\"kompression\":\"zstd\"}},\"version\":1,\"at\":\"2026-01-31T12:00:00Z\"")"

# ---- the command ---------------------------------------------------------------------------------------------------
cd "$OUT" || exit 1
same "the command takes relative paths" "0 1500" "$(cli dataset export parts --out cli.json >/dev/null; echo "$?") $(wc -l <cli.json)"
same "and a folder that is there" "0 1" "$(mkdir here; cli dataset export parts --out here --format json >/dev/null; echo "$?") $(find here -name '*.json' | wc -l)"
same "and a version" "0 1000" "$(cli dataset export parts --out v0.json --version 0 >/dev/null; echo "$?") $(wc -l <v0.json)"
same "without --out it asks" 2 "$(cli dataset export parts 2>/dev/null; echo $?)"
same "the sums it prints are JSON for programs" '["1500","1"]' "$("$BUILD/orasi" --json dataset export parts --out cli2.json | jq -c '(.result // .) | [(.rows | tostring), (.files | tostring)]')"

# ---- another file system ---------------------------------------------------------------------------------------------
if [ -d /dev/shm ] && [ -w /dev/shm ] && [ "$(stat -c %d /dev/shm)" != "$(stat -c %d "$DATA")" ]; then
	far=$(mktemp -d /dev/shm/orasi-e2e-XXXXXX)
	cp "$SCRATCH/.owner" "$far/" && mkdir "$far/out"
	FAR=$far/out
	same "another file system gets a whole copy" "succeeded 1500 1" "$(export_task parts "$FAR/a.json" | jq -r .state) $(wc -l <"$FAR/a.json") $(find "$FAR" -mindepth 1 | wc -l)"
	same "a folder too" "succeeded 1" "$(export_task parts "$FAR/b/" '"format":{"plugin":"parquet"}' | jq -r .state) $(find "$FAR/b" -name '*.parquet' | wc -l)"
	rm -rf "$far"
fi

# ---- killed at any moment ---------------------------------------------------------------------------------------------
rows 0 60000 >"$SCRATCH/in/large"
ingest large "$SCRATCH/in/large" '"target_file_bytes":"64KiB"' >/dev/null
seed=${SEED:-$RANDOM} torn=0 lost=0
RANDOM=$seed
for i in $(seq 6); do
	id=$(submit "{\"kind\":\"export\",\"dataset\":\"large\",\"to\":\"$OUT/killed-$i.json\"}")
	sleep "0.$(printf %03d $((RANDOM % 700)))"
	agent_kill
	[ ! -e "$OUT/killed-$i.json" ] || [ "$(wc -l <"$OUT/killed-$i.json")" = 60000 ] || torn=$((torn + 1))
	agent_start || exit 1
	[ "$(finish "$id") $(wc -l <"$OUT/killed-$i.json")" = "succeeded 60000" ] || lost=$((lost + 1))
done
same "killed six times (seed $seed), no file was ever torn or missing" "0 0" "$torn $lost"
same "nor did anything stay beside them" 0 "$(find "$OUT" -name '.tmp*' | wc -l)"
agent_stop
done_testing
