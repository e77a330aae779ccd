#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# DuckDB and ClickHouse read what we write, and find the same rows as we do: every type a dataset can have, nested
# columns, odd names, schemas that grow, logs with checkpoints, and logs that begin with one.
. "$(dirname "$0")/lib.sh"

mkdir -p "$SCRATCH/in"
ingest() { finish "$(submit "{\"kind\":\"ingest\",\"dataset\":\"$1\",\"source\":{\"uris\":[\"$2\"]}}")"; }
maintain() { finish "$(submit "{\"kind\":\"maintain\",\"dataset\":\"$1\",\"op\":\"$2\"}")"; }
# statistics DATASET: what its log says of each column of each file, against what DuckDB finds there.
statistics() {
	local answer
	if answer=$(node "$SRC/tests/peers/delta-stats.mjs" "$(api GET "/v1/datasets/$1" | jq -r .location)" 2>&1); then
		pass "the statistics of $1 hold ($answer)"
	else
		fail "the statistics of $1 hold" "$answer"
	fi
}
agent_start || exit 1

# ---- types ---------------------------------------------------------------------------------------------------
duckdb "COPY (SELECT
		i AS id, (i % 100)::TINYINT AS t8, (i * 3)::SMALLINT AS t16, (i * 70001)::INTEGER AS t32,
		9007199254740993 + i AS t64, (i / 8)::FLOAT AS f32, i / 7 AS f64, i % 2 = 0 AS flag,
		'text ' || i || ' äöü €' AS text, encode('bytes ' || i) AS bytes, DATE '1969-12-25' + i::INTEGER AS day,
		TIMESTAMPTZ '2026-01-01 00:00:00.123456Z' + to_microseconds(i * 86399999977) AS moment,
		(i * 1.25)::DECIMAL(9, 2) AS d9, (i * 123456789.123)::DECIMAL(18, 3) AS d18,
		(i * 123456789.5)::DECIMAL(30, 4) AS d30
	FROM range(300) r(i)) TO '$SCRATCH/in/types.parquet' (FORMAT parquet);
	COPY (SELECT i AS id, * FROM (SELECT i, NULL::TINYINT AS t8, NULL::SMALLINT AS t16, NULL::INTEGER AS t32,
		NULL::BIGINT AS t64, NULL::FLOAT AS f32, NULL::DOUBLE AS f64, NULL::BOOLEAN AS flag, NULL::VARCHAR AS text,
		NULL::BLOB AS bytes, NULL::DATE AS day, NULL::TIMESTAMPTZ AS moment, NULL::DECIMAL(9, 2) AS d9,
		NULL::DECIMAL(18, 3) AS d18, NULL::DECIMAL(30, 4) AS d30 FROM range(300, 310) r(i))
		) TO '$SCRATCH/in/nulls.parquet' (FORMAT parquet)"
same "a file of every type is taken" succeeded "$(ingest types "$SCRATCH/in/types.parquet")"
same "and one of nulls" succeeded "$(ingest types "$SCRATCH/in/nulls.parquet")"
agree "every type is read alike" types
statistics types

# ---- nested -----------------------------------------------------------------------------------------------------
duckdb "COPY (SELECT i AS id, {a: i, b: {c: 'x' || i, d: [i, i + 1, NULL]}} AS record,
		CASE WHEN i % 5 = 0 THEN NULL WHEN i % 5 = 1 THEN [] ELSE [{k: i, v: 'v' || i}, NULL] END AS list,
		MAP {'one': i, 'two': NULL} AS map, [[i], [], [i, i]] AS lists
	FROM range(200) r(i)) TO '$SCRATCH/in/nested.parquet' (FORMAT parquet)"
same "a file of nested columns is taken" succeeded "$(ingest nested "$SCRATCH/in/nested.parquet")"
agree "nested columns are read alike" nested
statistics nested

# ---- names --------------------------------------------------------------------------------------------------------
cat >"$SCRATCH/in/names.ndjson" <<'END'
{"id":1,"with space":1,"Ärger":2,"quo\"te":3,"back`tick":4,"a.b":5,"semi;colon":6,"SELECT":7,"it's":8,"%41":9}
{"id":2,"with space":10,"Ärger":20,"quo\"te":30,"back`tick":40,"a.b":50,"semi;colon":60,"SELECT":70,"it's":80,"%41":90}
END
same "odd names are taken" succeeded "$(ingest names "$SCRATCH/in/names.ndjson")"
agree "odd names are read alike" names
statistics names

# ---- statistics ---------------------------------------------------------------------------------------------------
awk 'BEGIN { for (i = 0; i < 500; i++) printf "{\"id\":%d,\"long\":\"%s%d\",\"wide\":\"%s%d\",\"deep\":%s,\"f\":%s}\n", i,
	"the same for as long as bounds are: ", i, "ä語😀ä語😀ä語😀ä語😀ä語😀ä語😀ä語😀ä語😀ä語😀ä語😀ä語😀", i,
	(i % 3 ? "{\"a\":" i ",\"b\":{\"c\":" (i % 5 ? "\"x" i "\"" : "null") "}}" : "null"), (i % 2 ? i / 8 : "null") }' >"$SCRATCH/in/bounds.ndjson"
same "long texts, and columns in columns with and without nulls, are taken" succeeded "$(ingest bounds "$SCRATCH/in/bounds.ndjson")"
statistics bounds

# ---- growth and checkpoints --------------------------------------------------------------------------------------------
states() { sort "$SCRATCH/states" | uniq -c | xargs; }
for i in $(seq 0 24); do
	awk -v c="$i" 'BEGIN { for (i = 0; i < 20; i++) {
		printf "{\"id\":%d,\"word\":\"w%d\"", c * 20 + i, i
		if (c >= 8) printf ",\"later\":%d", i
		if (c >= 16) printf ",\"deep\":{\"a\":%d%s}", i, (c >= 20 ? ",\"b\":\"new\"" : "")
		print "}" } }' >"$SCRATCH/in/$i.ndjson"
	ingest grown "$SCRATCH/in/$i.ndjson" >>"$SCRATCH/states"
done
same "25 commits, among them three that add columns" "25 succeeded" "$(states)"
location=$(api GET /v1/datasets/grown | jq -r .location)
log=$location/_delta_log
same "checkpoints came by themselves" "10 20" "$(cd "$log" && echo *.checkpoint.parquet | sed 's/\.checkpoint\.parquet//g;s/00*\([1-9]\)/\1/g')"
same "the last one is named" 20 "$(jq .version "$log/_last_checkpoint")"
agree "a table with checkpoints is read alike" grown
rm "$log"/0000000000000000000?.json "$log"/0000000000000000001?.json
agree "and when its log begins with one" grown
same "a checkpoint can be asked for" succeeded "$(maintain grown checkpoint)"
same "and is made" 24 "$(jq .version "$log/_last_checkpoint")"
rm "$log"/*.json "$log"/*10.checkpoint.parquet
agree "and when there is nothing else" grown
ingest grown "$SCRATCH/in/0.ndjson" >/dev/null
agree "and when we append to that" grown
printf '{"id":1}\n{"id":[2}\n{"id":3}\n' >"$SCRATCH/in/bad.ndjson"
same "a file with a bad record is taken" succeeded "$(ingest grown "$SCRATCH/in/bad.ndjson")"
agree "the quarantine reads as any table" grown__rejects

# ---- unsigned numbers of 64 bits, which Delta has not -----------------------------------------------------------------
duckdb "COPY (SELECT 18446744073709551615::UBIGINT AS n UNION ALL SELECT 1::UBIGINT) TO '$SCRATCH/unsigned.parquet' (FORMAT parquet)"
same "one that is too large is refused with the way out" true "$(ingest_file small "$SCRATCH/unsigned.parquet" '"max_attempts":1' | jq '.error.detail |
	contains("18446744073709551615 does not fit a 64-bit signed integer") and contains("a schema in which the column is decimal(20,0)")')"
"$BUILD/orasi" --quiet dataset create wide --column 'n:decimal(20,0)' >/dev/null
same "which works" succeeded "$(ingest_file wide "$SCRATCH/unsigned.parquet" | jq -r .state)"
same "and loses no digit" "1 18446744073709551615" "$("$BUILD/orasi" --quiet dataset export wide --out "$SCRATCH/wide.csv" >/dev/null; tr -d '\r' <"$SCRATCH/wide.csv" | grep -v n | sort -n | xargs)"
agree "all read it alike" wide

agent_stop
done_testing
