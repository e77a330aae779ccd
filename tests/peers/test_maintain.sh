#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Partitions, overwriting, deleting, optimizing under appends, vacuum: after each step DuckDB and ClickHouse read what
# we read, and the indexes say what a scan says.
. "$(dirname "$0")/lib.sh"

mkdir -p "$SCRATCH/in"
ingest() { finish "$(submit "{\"kind\":\"ingest\",\"dataset\":\"$1\",\"source\":{\"uris\":[\"$2\"]},\"sink\":{${3:-}}}")"; }
maintain() { ended "$(submit "{\"kind\":\"maintain\",\"dataset\":\"$1\",\"op\":\"$2\"${3:+,$3}}")"; }
rows() { awk -v from="$1" -v n="$2" 'BEGIN { for (i = from; i < from + n; i++)
	printf "{\"id\":%d,\"kind\":\"%s\",\"day\":\"2026-01-%02d\",\"word\":\"w%d\"}\n", i, (i % 3 ? "a/b c" : "ü=%"), i % 2 + 1, (i * 7919) % 1000 }'; }
log_of() { cat "$(api GET "/v1/datasets/$1" | jq -r .location)"/_delta_log/*.json; }
agent_start || exit 1

# ---- partitions ----------------------------------------------------------------------------------------------
rows 0 100 >"$SCRATCH/in/a"
rows 100 100 >"$SCRATCH/in/b"
same "a partitioned dataset is made" succeeded "$(ingest parts "$SCRATCH/in/a" '"partition_by":["kind","day"]')"
same "and appended to" succeeded "$(ingest parts "$SCRATCH/in/b")"
same "other partitions are refused" failed "$(ingest parts "$SCRATCH/in/b" '"partition_by":["day"]')"
same "there is a file per partition and ingest" 8 "$(api GET /v1/datasets/parts | jq .files)"
agree "partitions are read alike" parts
same "a condition on a partition opens only its files" '{"n":33}' \
	"$(sql "SELECT count(*) AS n FROM parts WHERE kind = 'ü=%' AND day = '2026-01-02'" | jq -c .)"

same "a partition is deleted" succeeded "$(maintain parts delete '"where":{"kind":"ü=%","day":"2026-01-02"}' | jq -r .state)"
left=$(sql "SELECT count(*) AS n FROM parts" | jq .n)
same "and nothing else" 167 "$left"
agree "the rest is read alike" parts
same "a column that is no partition is refused" "'word' is no partition column of the table: only whole files can be deleted" \
	"$(maintain parts delete '"where":{"word":"w1"}' | jq -r .error.detail)"
same "small files are packed by partition" 3 "$(maintain parts optimize >/dev/null; api GET /v1/datasets/parts | jq .files)"
agree "packed partitions are read alike" parts

# ---- overwrite ---------------------------------------------------------------------------------------------------
same "all rows are replaced" succeeded "$(ingest parts "$SCRATCH/in/a" '"mode":"overwrite"')"
agree "what replaced them is read alike" parts
same "the history says so" '["WRITE","Overwrite","3"]' \
	"$(api GET /v1/datasets/parts/history | jq -c '.items[0] | [.operation, .operationParameters.mode, .operationMetrics.numRemovedFiles]')"

# ---- optimize, while others append ------------------------------------------------------------------------------------
for i in $(seq 0 9); do
	rows $((i * 1000)) 1000 >"$SCRATCH/in/o$i"
	ingest small "$SCRATCH/in/o$i" >>"$SCRATCH/states"
done
api POST /v1/datasets/small/indexes '{"name":"by_id","plugin":"btree","columns":["id"]}' >/dev/null
(for i in $(seq 10 14); do
	rows $((i * 1000)) 1000 >"$SCRATCH/in/o$i"
	ingest small "$SCRATCH/in/o$i"
done >>"$SCRATCH/states") &
appends=$!
result=$(maintain small optimize '"sort_by":["word"]')
wait $appends
same "rows are put into another order while others append" succeeded "$(printf '%s' "$result" | jq -r .state)"
same "nobody lost" "15 succeeded" "$(sort "$SCRATCH/states" | uniq -c | xargs)"
same "all rows are there once" '{"n":15000,"d":15000}' "$(sql "SELECT count(*) AS n, count(DISTINCT id) AS d FROM small" | jq -c .)"
agree "they are read alike" small
same "and the table's followers need not look" true \
	"$(log_of small | jq -s 'map(.remove // empty) | length > 0 and all(.dataChange == false)')"
same "a second one packs the rest" succeeded "$(maintain small optimize | jq -r .state)"
agree "and is read alike" small
finish "$(api POST /v1/datasets/small/indexes/by_id:build | jq -r .id)" >/dev/null
same "the index follows" '[{"id":7777,"word":"w63"}]' "$(sql "SELECT id, word FROM small WHERE id = 7777" | jq -cs .)"
verified=$(api POST /v1/datasets/small/indexes/by_id:verify | jq -r .id)
finish "$verified" >/dev/null
same "and covers exactly the files that are there" '[[],0]' \
	"$(api GET "/v1/tasks/$verified/result" | jq -c '[.problems, .missing_files]')"

# ---- what the files say of themselves ---------------------------------------------------------------------------------
footers() { local what=$1 name=$2; shift 2; node "$SRC/tests/peers/delta-files.mjs" "$what" "$(api GET "/v1/datasets/$name" | jq -r .location)" "$@" 2>&1; }
said() { awk -v from="$1" -v n="$2" -v seed=3 'BEGIN { srand(seed + from); for (i = from; i < from + n; i++)
	printf "{\"id\":%d,\"part\":%d,\"word\":%s,\"price\":%s,\"in\":{\"trace\":\"%08x\"}}\n", rand() * 1000000, i % 2,
		rand() < 0.1 ? "null" : "\"w\\u00fc" int(rand() * 50) "\"", rand() < 0.1 ? "null" : rand() * 100 - 50, rand() * 4294967295 }'; }
for i in 0 1 2; do
	said $((i * 3000)) 3000 >"$SCRATCH/in/s$i"
	ingest said "$SCRATCH/in/s$i" '"partition_by":["part"],"bloom_columns":["id","in.trace"]' >/dev/null
done
same "the filters that an ingest was asked for are in its files, and DuckDB takes what they say" "6 files" "$(footers bloom said id in.trace)"
same "a condition that they exclude finds nothing, one that they do not its row" '{"none":0,"one":1}' \
	"$(sql "SELECT (SELECT count(*) FROM said WHERE id = -5) AS none, (SELECT count(*) > 0 FROM said WHERE id = $(jq .id "$SCRATCH/in/s1" | head -1)) AS one" | jq -c .)"
same "rows put into an order say so in their footers, and are" "succeeded 2 files" \
	"$(maintain said optimize '"sort_by":["word","price"],"bloom_columns":["word"]' | jq -r .state) $(footers sorted said word price)"
same "with the filters that the new files were to have" "2 files" "$(footers bloom said word)"
same "files that were only packed claim no order" "succeeded 1 files" \
	"$(ingest packed "$SCRATCH/in/s0" >/dev/null; ingest packed "$SCRATCH/in/s1" >/dev/null; maintain packed optimize | jq -r .state) $(footers sorted packed)"
same "the command asks for the same" "0 1 files 1 files" "$("$BUILD/orasi" --quiet dataset optimize packed --sort-by id --bloom id >/dev/null
	echo $?) $(footers sorted packed id) $(footers bloom packed id)"
same "a filter for a column that is not there is said so" true "$(maintain packed optimize '"sort_by":["id"],"bloom_columns":["nowhere"],"max_attempts":1' | jq '.error.detail | contains("nowhere")')"
agree "and all of it is read alike" said

# ---- vacuum and verify ---------------------------------------------------------------------------------------------------
location=$(api GET /v1/datasets/small | jq -r .location)
files() { find "$location" -maxdepth 1 -name '*.parquet' | wc -l; }
before=$(files) live=$(api GET /v1/datasets/small | jq .files)
same "vacuum takes nothing that readers may need" "0 $before" "$(maintain small vacuum | jq .result.files) $(files)"
same "nor in a hurry" failed "$(maintain small vacuum '"older_than_ms":0' | jq -r .state)"
same "unless forced; a dry run counts" "$((before - live)) $before" \
	"$(maintain small vacuum '"older_than_ms":0,"force":true,"dry_run":true' | jq .result.files) $(files)"
same "then what is not live goes" "$((before - live)) $live" \
	"$(maintain small vacuum '"older_than_ms":0,"force":true' | jq .result.files) $(files)"
agree "and the table reads on" small
same "verify finds nothing" '[]' "$(maintain small verify | jq -c .result.problems)"
victim=$(find "$location" -maxdepth 1 -name '*.parquet' | head -1)
printf 'x' | dd of="$victim" bs=1 seek=$(($(stat -c %s "$victim") / 2)) conv=notrunc 2>/dev/null
same "a flipped byte is found" "$(basename "$victim")" "$(maintain small verify | jq -r '.result.problems[].file')"

# ---- older versions ------------------------------------------------------------------------------------------------
cli() { "$BUILD/orasi" --quiet "$@"; }
same "a table is made by hand" 0 "$(cli dataset create made --column id:long --column day:string --partition-by day \
	--property delta.appendOnly=true >/dev/null; echo $?)"
same "with its properties" '[["day"],"true",0]' \
	"$(api GET /v1/datasets/made | jq -c '[.partition_columns, .configuration["delta.appendOnly"], .version]')"
printf '{"id":1,"day":"2026-01-31"}\n' >"$SCRATCH/in/m1"
printf '{"id":2,"day":"2026-02-01"}\n{"id":3}\n' >"$SCRATCH/in/m2"
same "and filled" "succeeded succeeded" "$(ingest made "$SCRATCH/in/m1") $(ingest made "$SCRATCH/in/m2")"
agree "what was made is read alike" made
counts() { sql "SELECT (SELECT count(*) FROM \"made@v0\") AS a, (SELECT count(*) FROM \"made@v1\") AS b, (SELECT count(*) FROM made) AS c" | jq -c .; }
same "a statement sees several versions" '{"a":0,"b":1,"c":3}' "$(counts)"
moment=$(log_of made | jq -r 'select(.commitInfo).commitInfo.timestamp' | sort -n | sed -n 2p | jq '. / 1000 | floor + 1 | todate' -r)
same "and a time is a version" 1 "$(sleep 1; sql "SELECT count(*) >= 1 AS n FROM \"made@$moment\"" | jq .n)"
same "a version that never was is said so" true "$(sql 'SELECT * FROM "made@v9"' | jq '.detail | contains("the newest is 2")')"
same "nor is a moment before the table" true "$(sql 'SELECT * FROM "made@2020-01-01T00:00:00Z"' | jq '.detail | contains("does not reach back")')"
same "the API shows versions too" "1 0" "$(api GET '/v1/datasets/made?version=1' | jq .rows) $(api GET '/v1/datasets/made/files?version=0' | jq '.items | length')"
same "the verbs do what they say" "0 0 0" "$(cli dataset optimize small >/dev/null; echo -n "$? "; cli dataset vacuum small --dry-run >/dev/null; echo -n "$? "; cli dataset verify made >/dev/null; echo $?)"
same "an append-only table loses nothing" 1 "$(cli dataset delete made --all >/dev/null 2>&1; echo $?)"

agent_stop
done_testing
