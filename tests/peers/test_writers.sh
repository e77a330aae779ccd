#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A dataset with two writers: ours and ClickHouse's. What either appends, all readers see; and what both append at the
# same time is all there.
. "$(dirname "$0")/lib.sh"

mkdir -p "$SCRATCH/in"
ingest() { finish "$(submit "{\"kind\":\"ingest\",\"dataset\":\"shared\",\"source\":{\"uris\":[\"$1\"]}}")"; }
count() { node "$SRC/tests/peers/delta-read.mjs" "$1" "$location" "SELECT count(*) AS n, sum(id) AS s FROM t" | jq -c 'map_values(tonumber)'; }

# foreign FROM ROWS TIMES: rows with these ids from the other writer, in so many commits. It does not try again by
# itself when it loses a race.
foreign() {
	NODE_PATH=$ORASI_PEERS/node_modules node -e '
		const { query } = require("chdb");
		const [table, from, rows, times] = process.argv.slice(1);
		const insert = (i) => query(`INSERT INTO FUNCTION deltaLakeLocal(\x27${table}\x27)
			SELECT toNullable(toInt64(${from} + ${i} * ${rows} + number)) AS id, toNullable(\x27theirs\x27) AS word
			FROM numbers(${rows}) SETTINGS allow_experimental_delta_lake_writes=1`);
		process.chdir("/");
		for (let i = 0, lost = 0; i < times; )
			try {
				insert(i);
				i++;
			} catch (e) {
				if (!/conflict/.test(e) || ++lost > 200) throw e;
			}
	' "$location" "$@"
}

rows() { awk -v from="$1" 'BEGIN { for (i = 0; i < 100; i++) printf "{\"id\":%d,\"word\":\"ours\"}\n", from + i }'; }

agent_start || exit 1
rows 0 >"$SCRATCH/in/0.ndjson"
same "we make a dataset" succeeded "$(ingest "$SCRATCH/in/0.ndjson")"
location=$(api GET /v1/datasets/shared | jq -r .location)
check "the other writer appends" foreign 100 100 1
rows 200 >"$SCRATCH/in/1.ndjson"
same "we append on top" succeeded "$(ingest "$SCRATCH/in/1.ndjson")"
wanted='{"n":300,"s":44850}'
for engine in duckdb chdb; do
	same "$engine reads the rows of both" "$wanted" "$(count $engine)"
done
same "so do we" "$wanted" "$(sql 'SELECT count(*) AS n, sum(id) AS s FROM shared' | jq -c .)"

foreign 1000 100 6 &
other=$!
for i in 3 4 5 6 7 8; do
	rows "${i}00" >"$SCRATCH/in/$i.ndjson"
	ingest "$SCRATCH/in/$i.ndjson" >>"$SCRATCH/states"
done
check "the other writer gets all of its commits in" wait $other
same "and so do we" "6 succeeded" "$(sort "$SCRATCH/states" | uniq -c | xargs)"
wanted='{"n":1500,"d":1500}'
for engine in duckdb chdb; do
	same "nothing is lost or doubled, says $engine" "$wanted" "$(node "$SRC/tests/peers/delta-read.mjs" $engine "$location" \
		"SELECT count(*) AS n, count(DISTINCT id) AS d FROM t" | jq -c 'map_values(tonumber)')"
done
agent_stop
done_testing
