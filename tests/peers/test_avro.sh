#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Avro files of independent writers are read to the last value, and independent readers read ours so; files that are
# damaged, cut, packed or split give every row once or say what is wrong.
. "$(dirname "$0")/lib.sh"

IN=$SCRATCH/in
OUT=$SCRATCH/out
mkdir -p "$IN" "$OUT"
avro() { node "$SRC/tests/peers/avro.mjs" "$@"; }
ingest() { finish "$(submit "{\"kind\":\"ingest\",\"dataset\":\"$1\",\"source\":{\"uris\":[\"$2\"]}${3:+,$3}}")"; }
export_task() { api GET "/v1/tasks/$(submit "{\"kind\":\"export\",\"dataset\":\"$1\",\"to\":\"$2\",\"format\":{\"plugin\":\"avro\",\"options\":{\"compression\":\"$3\"}}}")?wait=60s" | jq -r .state; }
# rows_of DATASET: as lines of JSON.
rows_of() { "$BUILD/orasi" --quiet sql "SELECT * FROM \"$1\"" --format ndjson --limit 0; }
# differ A B: rows of one corpus file that the other does not have.
differ() {
	sql "SELECT * FROM \"corpus-$1\" EXCEPT SELECT * FROM \"corpus-$2\""
	sql "SELECT * FROM \"corpus-$2\" EXCEPT SELECT * FROM \"corpus-$1\""
}
SEED=${SEED:-$RANDOM}
echo "# SEED=$SEED"
avro write "$IN" "$SEED" || exit 1
agent_start || exit 1

# ---- theirs ------------------------------------------------------------------------------------------------------
for file in "$IN"/*.avro; do
	name=$(basename "$file" .avro)
	ingest "$name" "$file" >/dev/null
	rows_of "$name" >"$SCRATCH/rows"
	same "what $name has written is read" "same $(wc -l <"${file%.avro}.json")" "$(avro same "$SCRATCH/rows" "${file%.avro}.json")"
done

# ---- ours --------------------------------------------------------------------------------------------------------
for codec in null deflate; do
	same "a dataset is written with $codec" succeeded "$(export_task avsc-null "$OUT/nested-$codec.avro" $codec)"
	avro read "$OUT/nested-$codec.avro" avsc >"$SCRATCH/rows"
	same "  and avsc reads the same" "same 500" "$(avro same "$SCRATCH/rows" "$IN/avsc-null.json")"
done
for codec in null deflate snappy zstandard; do
	same "a flat one is written with $codec" succeeded "$(export_task clickhouse-null "$OUT/flat-$codec.avro" $codec)"
	avro read "$OUT/flat-$codec.avro" chdb >"$SCRATCH/rows"
	same "  and ClickHouse reads the same" "same 3000" "$(avro same "$SCRATCH/rows" "$IN/clickhouse-null.json")"
done
for codec in bzip2 xz; do # which neither of them has
	export_task avsc-null "$OUT/nested-$codec.avro" $codec >/dev/null
	ingest "back-$codec" "$OUT/nested-$codec.avro" >/dev/null
	rows_of "back-$codec" >"$SCRATCH/rows"
	same "what is written with $codec is read back" "same 500" "$(avro same "$SCRATCH/rows" "$IN/avsc-null.json")"
done

# ---- the way through the agent -----------------------------------------------------------------------------------
gzip -k "$IN/avsc-null.avro"
ingest packed "$IN/avsc-null.avro.gz" >/dev/null
rows_of packed >"$SCRATCH/rows"
same "a file in gzip is unpacked and fed" "same 500" "$(avro same "$SCRATCH/rows" "$IN/avsc-null.json")"
"$BUILD/orasi" --quiet ingest - --format avro --dataset piped <"$IN/avsc-deflate.avro" >/dev/null
rows_of piped >"$SCRATCH/rows"
same "standard input is read" "same 500" "$(avro same "$SCRATCH/rows" "$IN/avsc-null.json")"
cp "$IN/avsc-deflate.avro" "$IN/without-a-name"
ingest sniffed "$IN/without-a-name" >/dev/null
same "a file is known by its first bytes" '{"n":500}' "$(sql "SELECT count(*) AS n FROM sniffed")"
ingest both "$IN/avsc-null.avro" >/dev/null
ingest both "$IN/avsc-deflate.avro" >/dev/null
same "two files go into one table" '{"n":1000,"d":500}' "$(sql "SELECT count(*) AS n, count(DISTINCT id) AS d FROM both")"

head -c 30000 "$IN/avsc-null.avro" >"$IN/cut.avro"
task=$(api GET "/v1/tasks/$(submit "{\"kind\":\"ingest\",\"dataset\":\"cut\",\"source\":{\"uris\":[\"$IN/cut.avro\"]}}")?wait=60s")
check "a file that was cut fails, and says where" grep -q "the file ends within the block that begins here: it was cut" <<<"$task"
{ head -c 20000 "$IN/avsc-null.avro" && printf 'XXXXXXXX' && tail -c +20009 "$IN/avsc-null.avro"; } >"$IN/damaged.avro"
task=$(api GET "/v1/tasks/$(submit "{\"kind\":\"ingest\",\"dataset\":\"damaged\",\"source\":{\"uris\":[\"$IN/damaged.avro\"]}}")?wait=60s")
same "one that is damaged fails with the block, or has its bad records set aside" true "$(jq '(.state == "failed" and
	(.error.detail | test("block at byte [0-9]+ is damaged"))) or (.result.rows + .result.rejected) == 500' <<<"$task")"

# ---- the corpus --------------------------------------------------------------------------------------------------
if CORPUS=$(cd "$CORPUS" 2>/dev/null && pwd -P); then
	for file in "$CORPUS"/avro/*.avro; do
		name=$(basename "$file" .avro)
		ingest "corpus-${name//./-}" "$file" >/dev/null
		got=$(sql "SELECT count(*) AS n FROM \"corpus-${name//./-}\"" | jq .n)
		case $name in *bzip2*) wanted=8 ;; *) wanted=$(avro read "$file" chdb | wc -l) ;; esac # ClickHouse has no bzip2
		same "the corpus file $name has its rows" "$wanted" "$got"
	done
	for codec in bzip2 snappy zstandard; do
		same "its values do not depend on the codec: $codec" "" "$(differ alltypes_plain alltypes_plain-$codec)"
	done
	for name in alltypes_plain int32_decimal; do
		ingest "parquet-$name" "$CORPUS/parquet/good/$name.parquet" >/dev/null
		same "$name has the values that it has in Parquet" "" "$(sql "SELECT * FROM \"parquet-$name\" EXCEPT SELECT * FROM \"corpus-$name\"")"
	done
else
	pass "the corpus files # SKIP they are not here"
fi
done_testing
